/* SPDX-License-Identifier: Apache-2.0
 * pilot.c - `tollgate pilot`: moves one vendor's route to the gate on trial, in seven steps, and writes down whether it can be moved. Each
 * check is a call that is made through the gate, and a row that is looked up; nothing is taken for granted.
 *
 * The pilot has a policy and a key of its own, with a limit in dollars; both are gone when it ends. */
#include "cli/pilot.h"

#include <errno.h>
#include <stdarg.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"

enum { NOTE_MOST = 1 << 20, BODY_MOST = 1 << 20, LOOKS = 40, LOOK_MS = 100 };

void pilot_note(struct pilot *p, enum pilot_step step, enum pilot_outcome outcome, const char *what, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (p->check_count < PILOT_CHECKS)
        p->checks[p->check_count++] = (struct pilot_check){ step, outcome, arena_copy(&p->c->arena, span_of(what)), text_tame(&p->c->arena, span_of(text)) };
    if (!option_given(p->c, "json"))
        fprintf(stderr, "%d  %-7s %s: %s\n", (int)step, outcome == PILOT_PASSED ? "passed" : outcome == PILOT_FAILED ? "FAILED" : "-", what, text);
}

bool pilot_go(const struct pilot *p)
{
    for (size_t i = 0; i < p->check_count; i++)
        if (p->checks[i].outcome == PILOT_FAILED)
            return false;
    return p->call_count > 0;
}

static int send(struct pilot *p, const char *method, const char *kind, struct span id, struct span body, struct json_value *root)
{
    bool printed;
    return object_send(p->c, method, kind, id, NULL, body, root, &printed);
}

/* ---- 1 and 2 ---- */

static void freeze(struct pilot *p)
{
    struct json_value root;
    p->before_url = option_given(p->c, "direct") ? option(p->c, "direct") : span_of(p->v->direct);
    pilot_note(p, STEP_FREEZE, PILOT_PASSED, "direct route", "%.*s with the secret in %s%s%.*s", SPAN_ARG(p->before_url), p->v->variable, p->model.at ? ", model " : "",
        SPAN_ARG(p->model.at ? p->model : SPAN("")));
    if (send(p, "GET", "vendors", span_of(p->v->vendor), SPAN_NONE, &root) != EXIT_DONE)
        pilot_note(p, STEP_FREEZE, PILOT_FAILED, "vendor", "the gate does not know %s", p->v->vendor);
    else
        pilot_note(p, STEP_FREEZE, PILOT_PASSED, "where the gate goes", "%.*s", SPAN_ARG(api_text(p->c, root, "base_url").at ? api_text(p->c, root, "base_url") : p->before_url));
}

/* The one given, else the vendor's first. */
static bool find_credential(struct pilot *p)
{
    struct json_value root, one;
    struct span name, wanted = option(p->c, "credential");
    if (send(p, "GET", "credentials", SPAN_NONE, SPAN_NONE, &root) != EXIT_DONE)
        return false;
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); !p->credential.at && json_next(&it, &name, &one);) {
        if (!span_is(api_text(p->c, one, "vendor"), span_of(p->v->vendor)) || (wanted.at && !span_is(api_text(p->c, one, "name"), wanted)))
            continue;
        struct span account = api_text(p->c, one, "account_sid");
        p->credential = arena_copy(&p->c->arena, api_text(p->c, one, "name"));
        account = account.at ? account : api_text(p->c, one, "account");
        p->account = account.at ? arena_copy(&p->c->arena, account) : SPAN_NONE;
    }
    if (!p->credential.at)
        pilot_note(p, STEP_MAP, PILOT_FAILED, "credential", "none for %s%s%.*s; `tollgate credential create --vendor %s` makes one", p->v->vendor, wanted.at ? " is called " : "",
            SPAN_ARG(wanted.at ? wanted : SPAN("")), p->v->vendor);
    return p->credential.at != NULL;
}

static bool map(struct pilot *p)
{
    struct arena *a = &p->c->arena;
    struct json_value root;
    char until[TIME_TEXT];
    struct span cap = option_given(p->c, "cap") ? option(p->c, "cap") : SPAN("1 usd");
    struct buf body;
    if (!find_credential(p))
        return false;
    p->policy = arena_copy(a, p->run);
    if (send(p, "POST", "policies", SPAN_NONE, arena_print(a, "{\"name\":\"%.*s\",\"allow\":[\"%s.*\"]}", SPAN_ARG(p->policy), p->v->vendor), &root) != EXIT_DONE) {
        pilot_note(p, STEP_MAP, PILOT_FAILED, "policy", "it cannot be made");
        p->policy = SPAN_NONE;
        return false;
    }
    buf_init(&body, BODY_MOST);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    json_pair(&o, SPAN("name"), p->run);
    json_pair(&o, SPAN("policy"), p->policy);
    json_pair_raw(&o, SPAN("credentials"), arena_print(a, "[\"%.*s\"]", SPAN_ARG(p->credential)));
    json_pair(&o, SPAN("expires_at"), text_time(clock_unix_ms() + 3600 * 1000, until));
    json_name(&o, SPAN("budgets"));
    json_open(&o, '[');
    json_open(&o, '{');
    json_pair(&o, SPAN("limit"), cap);
    json_pair(&o, SPAN("window"), SPAN("total"));
    json_close(&o, '}');
    json_close(&o, ']');
    json_close(&o, '}');
    int code = send(p, "POST", "keys", SPAN_NONE, buf_span(&body), &root);
    buf_free(&body);
    p->key = code == EXIT_DONE ? arena_copy(a, api_text(p->c, root, "token")) : SPAN_NONE;
    p->key_name = p->key.at ? p->run : SPAN_NONE;
    pilot_note(p, STEP_MAP, p->key.at ? PILOT_PASSED : PILOT_FAILED, "key", "%.*s, credential %.*s, policy %s.*, limit %.*s, for an hour", SPAN_ARG(p->run), SPAN_ARG(p->credential), p->v->vendor, SPAN_ARG(cap));
    return p->key.at != NULL;
}

/* ---- 5 ---- */

static void pause_ms(int64_t ms) { nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL); }

/* Without a word: a row may not be there yet. */
static bool read_row(struct pilot *p, struct span id, struct json_value *root)
{
    struct api_path path;
    struct fetch_answer answer;
    const char *why;
    api_path(&path, "calls");
    api_path_id(&path, id);
    return api_fetch(p->c, "GET", &path, SPAN_NONE, &answer) == E_OK && answer.status == 200 && json_parse(p->c->reader, answer.body, false, root, &why) == E_OK;
}

/* The row of a call, which must be settled; its cost is added up. */
static bool look_up(struct pilot *p, struct span id)
{
    struct json_value root;
    nano_usd cost = 0;
    for (int i = 0; i < LOOKS; i++, pause_ms(LOOK_MS)) {
        if (!read_row(p, id, &root) || !span_is(api_text(p->c, root, "settled"), SPAN("yes")))
            continue;
        struct span usd = api_text(p->c, root, "cost_usd"), snapshot = api_text(p->c, root, "price_snapshot");
        if (!usd.at || !money_parse(usd, &cost))
            return false;
        p->cost = money_add(p->cost, cost);
        if (snapshot.at)
            p->snapshot = arena_copy(&p->c->arena, snapshot);
        /* What the gate answered itself, a repeat, counts on no budget. */
        bool counted = json_count(json_member(root, SPAN("budgets"))) > 0 || !json_count(json_member(root, SPAN("attempts")));
        return counted && span_is(api_text(p->c, root, "run"), p->run);
    }
    return false;
}

static void finance(struct pilot *p)
{
    char text[MONEY_TEXT];
    struct json_value root;
    nano_usd total = 0;
    size_t good = 0;
    for (size_t i = 0; i < p->call_count; i++)
        good += look_up(p, p->calls[i]);
    pilot_note(p, STEP_FINANCE, good == p->call_count && good ? PILOT_PASSED : PILOT_FAILED, "a row for each call", "%zu of %zu are in the log, settled, with their run and the budgets they count on", good, p->call_count);
    bool there = send(p, "GET", "runs", p->run, SPAN_NONE, &root) == EXIT_DONE && money_parse(api_text(p->c, root, "total_usd"), &total);
    pilot_note(p, STEP_FINANCE, there && total == p->cost ? PILOT_PASSED : PILOT_FAILED, "the bill is the sum of its rows", "%.*s USD; `tollgate run %.*s` shows it", SPAN_ARG(money_text(total, text)),
        SPAN_ARG(p->run));
    if (p->v->model)
        pilot_note(p, STEP_FINANCE, p->cost > 0 && p->snapshot.at ? PILOT_PASSED : PILOT_FAILED, "tokens cost money", "%.*s USD at the prices of %.*s", SPAN_ARG(money_text(p->cost, text)),
            SPAN_ARG(p->snapshot.at ? p->snapshot : SPAN("no snapshot")));
}

/* ---- 6 ---- */

static bool lift(struct pilot *p)
{
    struct json_value root;
    return send(p, "POST", "resume", SPAN_NONE, arena_print(&p->c->arena, "{\"run\":\"%.*s\"}", SPAN_ARG(p->run)), &root) == EXIT_DONE;
}

static void way_back(struct pilot *p)
{
    struct json_value root;
    struct fetch_answer answer = { .status = 0 };
    struct span path = pilot_fill(p, p->v->trials[0].path), body = p->v->trials[0].body ? pilot_fill(p, p->v->trials[0].body) : SPAN_NONE;
    bool stopped = send(p, "POST", "stop", SPAN_NONE, arena_print(&p->c->arena, "{\"run\":\"%.*s\",\"reason\":\"pilot\"}", SPAN_ARG(p->run)), &root) == EXIT_DONE;
    bool refused = stopped && pilot_ask(p, p->v->trials[0].method, path, body, SPAN_NONE, &answer) && span_is(pilot_field(&answer, SPAN("x-tollgate-denied")), SPAN("stopped"));
    pilot_note(p, STEP_BACK, refused ? PILOT_PASSED : PILOT_FAILED, "the red button", refused ? "the pilot's run was stopped, and its next call refused (%d)" : "a stopped run was not refused (%d)", answer.status);
    if (stopped && !lift(p))
        pilot_note(p, STEP_BACK, PILOT_FAILED, "lifting the stop", "`tollgate resume --run %.*s`", SPAN_ARG(p->run));
}

static void clear(struct pilot *p)
{
    struct json_value root;
    if (p->key_name.at && send(p, "DELETE", "keys", p->key_name, SPAN_NONE, &root) != EXIT_DONE)
        fprintf(stderr, "tollgate pilot: its key is still there: tollgate key delete %.*s\n", SPAN_ARG(p->key_name));
    if (p->policy.at && send(p, "DELETE", "policies", p->policy, SPAN_NONE, &root) != EXIT_DONE)
        fprintf(stderr, "tollgate pilot: its policy is still there: tollgate policy delete %.*s\n", SPAN_ARG(p->policy));
}

/* ---- the whole ---- */

static void put_json(struct pilot *p, struct buf *out)
{
    static const char *const words[] = { "passed", "failed", "not_tried" };
    char text[MONEY_TEXT];
    struct json_out o = json_out(out);
    json_open(&o, '{');
    json_pair_bool(&o, SPAN("go"), pilot_go(p));
    json_pair(&o, SPAN("vendor"), span_of(p->v->vendor));
    json_pair(&o, SPAN("run"), p->run);
    json_pair(&o, SPAN("cost_usd"), money_text(p->cost, text));
    json_name(&o, SPAN("checks"));
    json_open(&o, '[');
    for (size_t i = 0; i < p->check_count; i++) {
        json_open(&o, '{');
        json_pair_i64(&o, SPAN("step"), (int64_t)p->checks[i].step);
        json_pair(&o, SPAN("what"), p->checks[i].what);
        json_pair(&o, SPAN("result"), span_of(words[p->checks[i].outcome]));
        json_pair(&o, SPAN("found"), p->checks[i].found);
        json_close(&o, '}');
    }
    json_close(&o, ']');
    json_close(&o, '}');
    buf_put_byte(out, '\n');
}

static int tell(struct pilot *p, bool json)
{
    struct buf note, data;
    struct span out = option(p->c, "out");
    bool fine = true;
    buf_init(&note, NOTE_MOST);
    buf_init(&data, NOTE_MOST);
    pilot_write(p, &note);
    put_json(p, &data);
    if (out.at) {
        FILE *to = fopen(arena_copy(&p->c->arena, out).at, "we");
        fine = to && fwrite(note.at, 1, note.len, to) == note.len;
        fine = (!to || fclose(to) == 0) && fine;
        if (!fine)
            fprintf(stderr, "tollgate pilot: %.*s: %s\n", SPAN_ARG(out), strerror(errno));
    }
    if (json)
        fwrite(data.at, 1, data.len, stdout);
    else if (!out.at)
        fwrite(note.at, 1, note.len, stdout);
    else
        puts(pilot_go(p) ? "go" : "no go");
    buf_free(&note);
    buf_free(&data);
    return fine && pilot_go(p) ? EXIT_DONE : EXIT_REFUSED;
}

static int run(struct cli *c)
{
    struct pilot p = { .c = c, .v = pilot_vendor(option(c, "vendor")) };
    struct span token;
    bool json = c->json;
    if (!p.v)
        return usage_error(c, "--vendor: found \"%.*s\"; allowed: %.*s", SPAN_ARG(option(c, "vendor").at ? option(c, "vendor") : SPAN("")), SPAN_ARG(pilot_vendor_names(&c->arena)));
    if (!api_token(c, &token))
        return EXIT_REFUSED;
    int code = pilot_read_secret(&p);
    if (code != EXIT_DONE)
        return code;
    p.gate = api_gate(c);
    p.model = option_given(c, "model") ? option(c, "model") : span_of(p.v->model);
    p.run = arena_print(&c->arena, "pilot-%s-%lld", p.v->vendor, (long long)clock_unix_ms());
    c->json = false; /* answers of the API are read, not shown */
    freeze(&p);
    if (map(&p)) {
        for (const struct trial *t = p.v->trials; t->method; t++)
            pilot_try(&p, t);
        finance(&p);
        way_back(&p);
    }
    clear(&p);
    return tell(&p, json);
}

static const struct flag flags[] = {
    { "vendor", "openai|anthropic|stripe|twilio|resend", "whose route is to be moved", false },
    { "credential", "NAME", "the secret to be used; else the vendor's first", false },
    { "model", "MODEL", "to be tried, in place of a small one", false },
    { "gate", "URL", "where calls go; else TOLLGATE_GATE, else http://127.0.0.1:8080", false },
    { "direct", "URL", "the base URL that is frozen; else the vendor's own", false },
    { "direct-key-file", "FILE", "the direct route's secret: each read and model call is made there as well, and compared", false },
    { "cap", "AMOUNT", "what the pilot may cost at most (1 usd)", false },
    { "writes", NULL, "try what makes something at the vendor, too (a customer without a card, at Stripe)", false },
    { "out", "FILE", "where the note goes; else to standard output", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_pilot = {
    .name = "pilot",
    .summary = "move a vendor's route to the gate on trial, in seven steps; a note says go or no go",
    .usage = "  tollgate pilot --vendor openai --out note.md     exit code 0: go; 1: no go\n"
             "  tollgate pilot --vendor stripe --writes\n",
    .flags = flags,
    .run = run,
};

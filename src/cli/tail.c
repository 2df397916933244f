/* SPDX-License-Identifier: Apache-2.0
 * tail.c - `tollgate tail`: calls as they happen, one line each, until Ctrl-C. A gate that is restarted is waited for; what may have been
 * missed meanwhile is said. */
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/api.h"
#include "http/fetch.h"

enum { WAIT_LEAST_MS = 500, WAIT_MOST_MS = 15000, LAST_MOST = 1000 };

struct tailing {
    struct cli *c;
    struct arena_mark mark;
    int64_t heard_at; /* when the gate last said anything; 0: never */
    bool broken;      /* standard output is gone */
};

/* A cell of fixed width: lines come one by one, no table could wait for them. */
static void put(struct cli *c, struct span text, int width, bool right, enum tint tint)
{
    struct span shown = text.at ? text_tame(&c->arena, text) : SPAN("-");
    int room = width - (int)text_width(shown);
    const char *on = tint == TINT_NONE ? "" : tint_code(tint, c->colour), *off = tint == TINT_NONE ? "" : tint_code(TINT_NONE, c->colour);
    room = room > 0 ? room : 0;
    printf("%*s%s%.*s%s%*s  ", right ? room : 0, "", on, SPAN_ARG(shown), off, right ? 0 : room, "");
}

static void put_call(struct cli *c, struct json_value call)
{
    struct span verdict = api_text(c, call, "verdict"), denied = api_text(c, call, "denied");
    enum tint tint = span_is(verdict, SPAN("allowed")) ? TINT_GREEN : span_is(verdict, SPAN("in_doubt")) ? TINT_YELLOW : TINT_RED;
    put(c, api_time(c, call, "at"), 8, false, TINT_DIM);
    put(c, denied.at ? denied : verdict, 20, false, tint);
    put(c, api_text(c, call, "key_name"), 16, false, TINT_NONE);
    put(c, api_text(c, call, "operation"), 28, false, TINT_NONE);
    put(c, api_text(c, call, "model"), 14, false, TINT_NONE);
    put(c, api_text(c, call, "cost_usd"), 12, true, TINT_NONE);
    put(c, api_text(c, call, "run"), 0, false, TINT_DIM);
    printf("\n");
}

/* "stop run run_abc: too dear", "config key key_1f3c revoked"; what is not known is shown as it came. */
static void put_other(struct cli *c, struct span name, struct span data, struct json_value root)
{
    static const char *const members[] = { "kind", "value", "id", "change", "reason" };
    bool stop = json_kind(json_member(root, SPAN("mode"))) != JSON_NONE, known = false;
    printf("%s%.*s", tint_code(TINT_YELLOW, c->colour), SPAN_ARG(name));
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        struct span text = api_text(c, root, members[i]);
        if (!text.at || (stop && strcmp(members[i], "id") == 0))
            continue;
        known = true;
        printf("%s%.*s", strcmp(members[i], "reason") == 0 ? ": " : " ", SPAN_ARG(text_tame(&c->arena, text)));
    }
    if (!known)
        printf(" %.*s", SPAN_ARG(text_tame(&c->arena, data)));
    printf("%s\n", tint_code(TINT_NONE, c->colour));
}

/* What the gate does not filter. An option that was not given lets all pass. */
static bool is_wanted(struct cli *c, struct json_value call)
{
    static const char *const members[] = { "operation", "model", "verdict", "workspace" };
    struct span verdict = api_text(c, call, "verdict");
    if (option_given(c, "denied") && !span_is(verdict, SPAN("denied")))
        return false;
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        struct span wanted = option(c, members[i]), is = api_text(c, call, members[i]);
        if (wanted.at && !(is.at && span_like(is, wanted)))
            return false;
    }
    return true;
}

static bool is_filtered(const struct cli *c)
{
    static const char *const names[] = { "denied", "operation", "model", "verdict", "workspace", "calls-only" };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (option_given(c, names[i]))
            return true;
    return false;
}

static bool got(void *self, struct span name, struct span data)
{
    struct tailing *t = self;
    struct cli *c = t->c;
    bool call = span_is(name, SPAN("call"));
    t->heard_at = clock_unix_ms();
    if (span_is(name, SPAN("now"))) /* the gate's pulse, for `tollgate top` */
        return true;
    struct json_value root = { .doc = NULL };
    const char *why;
    bool readable = json_parse(c->reader, data, false, &root, &why) == E_OK;
    if (call && readable ? !is_wanted(c, root) : is_filtered(c))
        ;
    else if (c->json)
        printf("{\"event\":\"%.*s\",\"data\":%.*s}\n", SPAN_ARG(name.at ? name : SPAN("message")), SPAN_ARG(data));
    else if (readable && call)
        put_call(c, root);
    else
        put_other(c, name.at ? name : SPAN("message"), data, root);
    t->broken = fflush(stdout) != 0 || ferror(stdout);
    arena_rewind(&c->arena, t->mark);
    return !t->broken;
}

/* ---- the newest ones before ---- */

static int put_last(struct tailing *t)
{
    static const char *const names[] = { "run", "key", "vendor", "operation", "model", "verdict", "workspace", NULL };
    struct cli *c = t->c;
    struct json_value root, item, calls[LAST_MOST];
    struct api_path path;
    struct span name;
    uint64_t most = 0;
    size_t n = 0;
    bool printed, json = c->json;
    struct span last = option(c, "last");
    if (last.at && (!span_to_u64(last, &most) || most > LAST_MOST))
        return usage_error(c, "--last: found \"%.*s\"; allowed: 0 to %d", SPAN_ARG(last), LAST_MOST);
    if (!most)
        return EXIT_DONE;
    api_path(&path, "calls");
    api_path_options(&path, c, names);
    api_path_query(&path, "limit", last);
    if (option_given(c, "denied"))
        api_path_query(&path, "denied", SPAN("*"));
    c->json = false;
    int code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
    c->json = json;
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); code == EXIT_DONE && n < most && json_next(&it, &name, &item);)
        calls[n++] = item;
    while (n--) {
        struct buf text;
        buf_init(&text, 4 << 20);
        json_print(calls[n], &text);
        if (c->json)
            printf("{\"event\":\"call\",\"data\":%.*s}\n", SPAN_ARG(buf_span(&text)));
        else
            put_call(c, calls[n]);
        buf_free(&text);
    }
    fflush(stdout);
    return code;
}

/* ---- following ---- */

static enum err follow(struct tailing *t, struct span whole, struct http_field field)
{
    struct cli *c = t->c;
    enum err e = fetch_events(&c->arena, whole, &field, 1, got, t);
    arena_rewind(&c->arena, t->mark);
    return e;
}

/* Says what could have been missed: the stream has no memory. */
static void say_gap(int64_t from)
{
    char text[TIME_TEXT];
    fprintf(stderr, "tollgate: the stream broke off; what happened meanwhile: tollgate calls --since %.*s\n", SPAN_ARG(text_time(from, text)));
}

static int run(struct cli *c)
{
    static const char *const names[] = { "run", "key", "vendor", NULL };
    struct api_path path;
    struct span token, url = api_url(c);
    int64_t wait_ms = WAIT_LEAST_MS;
    if (!api_token(c, &token))
        return EXIT_REFUSED;
    api_path(&path, "events");
    api_path_options(&path, c, names);
    struct http_field field = api_authorization(c, token);
    struct span whole = arena_print(&c->arena, "%.*s/api/v1/%.*s", SPAN_ARG(url), SPAN_ARG(buf_span(&path.text)));
    buf_free(&path.text);
    struct tailing t = { .c = c };
    int code = put_last(&t);
    t.mark = arena_mark(&c->arena);
    for (bool first = true; code == EXIT_DONE && !t.broken; first = false) {
        int64_t since = clock_unix_ms();
        enum err e = follow(&t, whole, field);
        if (e == E_UNAUTHORIZED)
            return api_refused(401, (struct json_value){ .doc = NULL });
        if (t.broken)
            return EXIT_DONE; /* nobody reads any more */
        if (first && e && !t.heard_at)
            return api_unreachable(c, e);
        if (option_given(c, "no-retry")) {
            fputs("tollgate: the gate ended the stream; was it stopped?\n", stderr);
            return EXIT_UNREACHABLE;
        }
        if (t.heard_at > since || first) {
            say_gap(t.heard_at ? t.heard_at : since);
            wait_ms = WAIT_LEAST_MS;
        }
        nanosleep(&(struct timespec){ .tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000 }, NULL);
        wait_ms = wait_ms * 2 < WAIT_MOST_MS ? wait_ms * 2 : WAIT_MOST_MS;
    }
    return code;
}

static const struct flag flags[] = {
    { "run", "RUN", "only this run", false },
    { "key", "KEY", "only this key (name or id)", false },
    { "vendor", "VENDOR", "only to this vendor", false },
    { "operation", "PATTERN", "only such calls: stripe.refunds.*", false },
    { "model", "PATTERN", "only of such models: gpt-*", false },
    { "workspace", "WORKSPACE", "only of this workspace", false },
    { "verdict", "allowed|denied|error|in_doubt", "only those that ended so", false },
    { "denied", NULL, "only what was refused", false },
    { "calls-only", NULL, "without stops and changes (as with any filter that only calls can pass)", false },
    { "last", "N", "begin with the newest N before", false },
    { "no-retry", NULL, "end when the gate ends; else it is waited for", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_tail = {
    .name = "tail",
    .summary = "calls as they happen",
    .usage = "  tollgate tail [options]      with --json: one JSON object a line\n"
             "  tollgate tail --denied --last 20\n",
    .flags = flags,
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0
 * walk.c - the walk-through: real calls through the gate, shown with what came back. Every number printed is read from an
 * answer; a step that ends otherwise than promised says so and ends the walk.
 *
 * It runs as an agent with a key of its own (made by the admin API, deleted at the end), so that it works the same however
 * often it is run on one data directory. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/money.h"
#include "http/fetch.h"
#include "sandbox/sandbox.h"

enum { WALK_ARENA = 64 << 20, LINE_WIDTH = 92, INDENT = 5 };

struct walk {
    struct arena arena;
    struct json *json;
    struct span data, admin, admin_token;
    struct span token, key_id, run; /* of the agent */
    bool colour;
    /* the last answer */
    struct fetch_answer answer;
    struct json_value body;
};

enum paint { PLAIN, BOLD, DIM, GREEN, RED };

static const char *paint(const struct walk *w, enum paint colour)
{
    static const char *const codes[] = { "\033[0m", "\033[1m", "\033[2m", "\033[32m", "\033[31m" };
    return w->colour ? codes[colour] : "";
}

/* ---- saying things ---- */

static void title(const struct walk *w, const char *number, const char *text)
{
    printf("\n%s %s  %s%s\n", paint(w, BOLD), number, text, paint(w, PLAIN));
}

/* A paragraph, broken between words. */
static void say(const struct walk *w, enum paint colour, struct span text)
{
    struct span word;
    size_t column = 0;
    while (span_next(&text, ' ', &word)) {
        if (column && column + 1 + word.len > LINE_WIDTH - INDENT) {
            printf("%s\n", paint(w, PLAIN));
            column = 0;
        }
        if (!column)
            printf("%*s%s", INDENT, "", paint(w, colour));
        printf("%s%.*s", column ? " " : "", SPAN_ARG(word));
        column += word.len + (column ? 1 : 0);
    }
    printf("%s\n", paint(w, PLAIN));
}

static bool broken_promise(const struct walk *w, const char *what)
{
    printf("\n%s%*sthis was promised and did not happen: %s%s\n", paint(w, RED), INDENT, "", what, paint(w, PLAIN));
    if (w->answer.body.len)
        printf("%*sthe answer was %d %.*s\n", INDENT, "", w->answer.status, SPAN_ARG(span_first(w->answer.body, 600)));
    fflush(stdout);
    return false;
}

static struct span field(const struct walk *w, const char *name)
{
    for (size_t i = 0; i < w->answer.count; i++)
        if (span_is(w->answer.fields[i].name, span_of(name)))
            return w->answer.fields[i].value;
    return SPAN("?");
}

static struct span text_at(const struct walk *w, const char *path)
{
    struct span text = json_string(json_path(w->body, span_of(path)));
    return text.at ? text : SPAN("?");
}

static long long number_at(struct json_value v, const char *path)
{
    int64_t n = 0;
    (void)json_integer(json_path(v, span_of(path)), &n);
    return n;
}

/* ---- calling ---- */

static bool read_answer(struct walk *w, enum err e)
{
    const char *why;
    w->body = (struct json_value){ .doc = NULL };
    if (e)
        return false;
    if (!w->answer.body.len)
        return true;
    return json_parse(w->json, w->answer.body, false, &w->body, &why) == E_OK;
}

static bool ask_admin(struct walk *w, const char *method, struct span path, struct span body)
{
    struct http_field fields[] = { { SPAN("authorization"), arena_print(&w->arena, "Bearer %.*s", SPAN_ARG(w->admin_token)) },
        { SPAN("content-type"), SPAN("application/json") } };
    struct span url = arena_print(&w->arena, "http://%.*s/api/v1/%.*s", SPAN_ARG(w->admin), SPAN_ARG(path));
    return read_answer(w, fetch(&w->arena, span_of(method), url, fields, 2, body, &w->answer));
}

/* One call of the agent, shown. Each has a step of its own: a step that comes again is a retry, and gets the first one's answer. */
static bool call(struct walk *w, const char *path, const char *type, const char *step, const char *body)
{
    struct http_field fields[] = { { SPAN("authorization"), arena_print(&w->arena, "Bearer %.*s", SPAN_ARG(w->token)) },
        { SPAN("content-type"), span_of(type) }, { SPAN("x-agent-run-id"), w->run }, { SPAN("x-agent-step"), span_of(step) } };
    struct span url = arena_print(&w->arena, "http://%.*s%s", SPAN_ARG(w->data), path);
    printf("%*s%sPOST %s%s\n%*s     %s\n", INDENT, "", paint(w, BOLD), path, paint(w, PLAIN), INDENT, "", body);
    return read_answer(w, fetch(&w->arena, SPAN("POST"), url, fields, 4, span_of(body), &w->answer));
}

static bool charge(struct walk *w, const char *step, const char *form)
{
    return call(w, "/stripe/v1/charges", "application/x-www-form-urlencoded", step, form);
}

static void show_allowed(const struct walk *w, struct span what)
{
    printf("%*s%s%d allowed%s  %.*s; cost %.*s USD, then %.*s USD were left\n", INDENT, "", paint(w, GREEN), w->answer.status, paint(w, PLAIN), SPAN_ARG(what),
        SPAN_ARG(field(w, "x-tollgate-cost-usd")), SPAN_ARG(field(w, "x-tollgate-budget-remaining-usd")));
}

static void show_refused(const struct walk *w)
{
    printf("%*s%s%d refused%s  %.*s\n", INDENT, "", paint(w, RED), w->answer.status, paint(w, PLAIN), SPAN_ARG(field(w, "x-tollgate-denied")));
    say(w, DIM, text_at(w, "error.message"));
}

static bool refused_as(const struct walk *w, const char *code) { return span_is(field(w, "x-tollgate-denied"), span_of(code)); }

/* ---- the steps ---- */

static bool make_key(struct walk *w)
{
    static const char body[] = "{\"name\":\"walk-%lld\",\"policy\":\"demo\",\"credentials\":[\"stripe-sandbox\",\"twilio-sandbox\",\"resend-sandbox\","
                               "\"openai-sandbox\",\"anthropic-sandbox\"],\"budgets\":[{\"limit\":\"20 usd\",\"window\":\"run\"},"
                               "{\"limit\":\"100 usd\",\"window\":\"day\"},{\"limit\":\"50 usd\",\"window\":\"day\",\"vendor\":\"stripe\"}]}";
    long long now = (long long)clock_unix_ms();
    w->run = arena_print(&w->arena, "run_walk_%lld", now);
    if (!ask_admin(w, "POST", SPAN("keys"), arena_print(&w->arena, body, now)) || w->answer.status != 201)
        return broken_promise(w, "a key for the agent");
    w->token = arena_copy(&w->arena, text_at(w, "token"));
    w->key_id = arena_copy(&w->arena, text_at(w, "id"));
    say(w, PLAIN, SPAN("The agent below holds a key of this gate and nothing else: no Stripe secret, no OpenAI secret. Its budgets: 20 USD for "
                       "any one run, 100 USD a day, 50 USD a day at Stripe. The vendors are played by this process; no money moves."));
    return true;
}

static bool allowed_charge(struct walk *w)
{
    title(w, "1", "A charge that is allowed");
    if (!charge(w, "first-charge", "amount=1200&currency=usd&source=tok_visa") || w->answer.status != 200)
        return broken_promise(w, "a charge of 12 USD");
    show_allowed(w, text_at(w, "id"));
    return true;
}

static bool refused_payout(struct walk *w)
{
    title(w, "2", "A payout: the policy does not have it");
    if (!call(w, "/stripe/v1/payouts", "application/x-www-form-urlencoded", "payout", "amount=500000&currency=usd") || !refused_as(w, "operation_denied"))
        return broken_promise(w, "a refused payout");
    show_refused(w);
    say(w, DIM, SPAN("It is Stripe's error shape, so Stripe's SDK raises its own exception; the vendor was not contacted."));
    return true;
}

static bool cap(struct walk *w)
{
    title(w, "3", "The cap of 20 USD for a run");
    if (!charge(w, "large-charge", "amount=900&currency=usd&source=tok_visa") || !refused_as(w, "budget_exceeded"))
        return broken_promise(w, "a refusal by the run's budget");
    show_refused(w);
    struct json_value details = json_path(w->body, SPAN("error.tollgate"));
    printf("%*slimit %.*s, spent %.*s, reserved %.*s, this call %.*s\n", INDENT, "", SPAN_ARG(json_string(json_member(details, SPAN("limit")))),
        SPAN_ARG(json_string(json_member(details, SPAN("spent")))), SPAN_ARG(json_string(json_member(details, SPAN("reserved")))),
        SPAN_ARG(json_string(json_member(details, SPAN("attempted")))));
    say(w, PLAIN, SPAN("A smaller one still fits:"));
    if (!charge(w, "smaller-charge", "amount=500&currency=usd&source=tok_visa") || w->answer.status != 200)
        return broken_promise(w, "a charge of 5 USD that fits");
    show_allowed(w, text_at(w, "id"));
    return true;
}

static bool chat(struct walk *w)
{
    title(w, "4", "A model call counts on the same run");
    if (!call(w, "/openai/v1/chat/completions", "application/json", "think",
            "{\"model\":\"gpt-4o-mini\",\"max_tokens\":200,\"messages\":[{\"role\":\"user\",\"content\":\"Is order 42 paid?\"}]}") ||
        w->answer.status != 200)
        return broken_promise(w, "a chat completion");
    show_allowed(w, arena_print(&w->arena, "%lld tokens in, %lld out", number_at(w->body, "usage.prompt_tokens"), number_at(w->body, "usage.completion_tokens")));
    return true;
}

static bool red_button(struct walk *w)
{
    struct span run = w->run;
    title(w, "5", "Someone stops the run");
    if (!ask_admin(w, "POST", SPAN("stop"), arena_print(&w->arena, "{\"run\":\"%.*s\",\"reason\":\"the walk-through stops it\"}", SPAN_ARG(run))) ||
        w->answer.status != 200)
        return broken_promise(w, "a stop");
    printf("%*s%stollgate stop --run %.*s%s\n", INDENT, "", paint(w, BOLD), SPAN_ARG(run), paint(w, PLAIN));
    if (!charge(w, "charge-when-stopped", "amount=100&currency=usd&source=tok_visa") || !refused_as(w, "stopped"))
        return broken_promise(w, "a refusal of the stopped run");
    show_refused(w);
    if (!ask_admin(w, "POST", SPAN("resume"), arena_print(&w->arena, "{\"run\":\"%.*s\"}", SPAN_ARG(run))) || w->answer.status != 200)
        return broken_promise(w, "a resumed run");
    printf("%*s%stollgate resume --run %.*s%s\n", INDENT, "", paint(w, BOLD), SPAN_ARG(run), paint(w, PLAIN));
    if (!charge(w, "charge-when-resumed", "amount=100&currency=usd&source=tok_visa") || w->answer.status != 200)
        return broken_promise(w, "a charge of the resumed run");
    show_allowed(w, text_at(w, "id"));
    return true;
}

/* Decimals under each other: what follows the point is padded to nine digits with blanks. */
static struct span point_aligned(struct walk *w, struct span usd)
{
    ptrdiff_t point = span_find_byte(usd, '.');
    int after = point < 0 ? 0 : (int)(usd.len - (size_t)point);
    return arena_print(&w->arena, "%.*s%*s", SPAN_ARG(usd), 10 - after, "");
}

static void bill_line(struct walk *w, struct json_value row, struct span name, const char *cost)
{
    struct span usd = point_aligned(w, json_string(json_member(row, span_of(cost))));
    printf("%*s%-28.*s %6lld %8lld %10lld %10lld %18.*s\n", INDENT, "", SPAN_ARG(name), number_at(row, "calls"), number_at(row, "refused"),
        number_at(row, "input_tokens"), number_at(row, "output_tokens"), SPAN_ARG(usd));
}

static bool bill(struct walk *w)
{
    struct span name;
    struct json_value row;
    title(w, "6", "What the run cost: tokens and charges on one bill");
    if (!ask_admin(w, "GET", arena_print(&w->arena, "runs/%.*s", SPAN_ARG(w->run)), SPAN_NONE) || w->answer.status != 200)
        return broken_promise(w, "the run's bill");
    printf("%*s%s%-28s %6s %8s %10s %10s %18s%s\n", INDENT, "", paint(w, DIM), "OPERATION", "CALLS", "REFUSED", "TOKENS IN", "TOKENS OUT", "COST USD", paint(w, PLAIN));
    for (struct json_iter it = json_iter(json_member(w->body, SPAN("by_operation"))); json_next(&it, &name, &row);)
        bill_line(w, row, json_string(json_member(row, SPAN("operation"))), "cost_usd");
    printf("%s", paint(w, BOLD));
    bill_line(w, w->body, SPAN("total"), "total_usd");
    printf("%s", paint(w, PLAIN));
    return true;
}

static void how_to_go_on(const struct walk *w)
{
    title(w, ">", "Now you");
    say(w, PLAIN, SPAN("The gate goes on running. The key below is the sandbox's; its budgets are the same."));
    printf("\n%*scurl http://%.*s/stripe/v1/charges -H 'authorization: Bearer " SANDBOX_KEY "' \\\n%*s     -H 'x-agent-run-id: run_mine' -d amount=1500 -d currency=usd -d source=tok_visa\n",
        INDENT, "", SPAN_ARG(w->data), INDENT, "");
    printf("\n%*scurl http://%.*s/openai/v1/chat/completions -H 'authorization: Bearer " SANDBOX_KEY "' \\\n%*s     -H 'x-agent-run-id: run_mine' -H 'content-type: application/json' \\\n"
           "%*s     -d '{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}'\n",
        INDENT, "", SPAN_ARG(w->data), INDENT, "", INDENT, "");
    bool usual = span_is(w->admin, SPAN("127.0.0.1:8081"));
    if (!usual)
        printf("\n%*sexport TOLLGATE_ADMIN=http://%.*s\n", INDENT, "", SPAN_ARG(w->admin));
    printf("%s%*sbuild/tollgate run run_mine          what it cost\n", usual ? "\n" : "", INDENT, "");
    printf("%*sbuild/tollgate calls --denied        what was refused, and why\n", INDENT, "");
    printf("%*sbuild/tollgate stop --run run_mine   the red button; `resume` lifts it\n", INDENT, "");
    printf("%*sbuild/tollgate help                  everything else\n\n", INDENT, "");
}

static bool take_steps(struct walk *w)
{
    static bool (*const steps[])(struct walk *) = { make_key, allowed_charge, refused_payout, cap, chat, red_button, bill };
    printf("\n%sTollgate, walked through: what an agent may spend, who sees it, how it is stopped%s\n\n", paint(w, BOLD), paint(w, PLAIN));
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        if (!steps[i](w))
            return false;
        fflush(stdout);
    }
    return true;
}

bool sandbox_walk(struct span data, struct span admin, struct span admin_token)
{
    const char *no_colour = getenv("NO_COLOR");
    struct walk w = { .data = data, .admin = admin, .admin_token = admin_token };
    w.colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
    w.json = json_new();
    if (!w.json)
        return false;
    arena_init(&w.arena, WALK_ARENA);
    bool fine = take_steps(&w);
    if (w.key_id.len)
        (void)ask_admin(&w, "DELETE", arena_print(&w.arena, "keys/%.*s", SPAN_ARG(w.key_id)), SPAN_NONE);
    if (fine)
        how_to_go_on(&w);
    fflush(stdout);
    arena_free(&w.arena);
    json_free(w.json);
    return fine;
}

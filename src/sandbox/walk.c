/* SPDX-License-Identifier: Apache-2.0
 * walk.c - the walk-through: real calls through the gate, shown with what came back. Every number printed is read from an
 * answer; a step that ends otherwise than promised says so and ends the walk.
 *
 * It runs as an agent with a key of its own (made by the admin API, deleted at the end), so that it works the same however
 * often it is run on one data directory. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/money.h"
#include "http/fetch.h"
#include "sandbox/report.h"
#include "sandbox/sandbox.h"

enum { WALK_ARENA = 64 << 20, LINE_WIDTH = 110, INDENT = 4, LOOK_MS = 200, LOOKS = 100 /* for a late price; usually it takes five */, TEXT_MS = 2100 /* until a text has its price */ };

#define FORM "application/x-www-form-urlencoded"

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
    printf("\n%s%2s  %s%s\n", paint(w, BOLD), number, text, paint(w, PLAIN));
}

/* A paragraph, broken between words; the first ones stand out. */
static void say_with(const struct walk *w, enum paint of_lead, struct span lead, struct span text)
{
    struct span word;
    size_t column = lead.len;
    printf("%*s%s%.*s%s%s", INDENT, "", paint(w, of_lead), SPAN_ARG(lead), paint(w, PLAIN), paint(w, lead.len ? DIM : PLAIN));
    while (span_next(&text, ' ', &word)) {
        bool fits = column + 1 + word.len <= LINE_WIDTH - INDENT;
        if (!fits)
            printf("\n%*s", INDENT, "");
        printf("%s%.*s", column && fits ? " " : "", SPAN_ARG(word));
        column = (fits ? column + (column ? 1 : 0) : 0) + word.len;
    }
    printf("%s\n", paint(w, PLAIN));
}

static void say(const struct walk *w, struct span text) { say_with(w, PLAIN, SPAN(""), text); }

/* What an operator types. */
static void show_command(const struct walk *w, struct span command) { printf("%*s%s$ %.*s%s\n", INDENT, "", paint(w, BOLD), SPAN_ARG(command), paint(w, PLAIN)); }

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

static void pause_ms(long ms) { nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL); }

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
    printf("%*sPOST %s  %s%s%s\n", INDENT, "", path, paint(w, DIM), body, paint(w, PLAIN));
    return read_answer(w, fetch(&w->arena, SPAN("POST"), url, fields, 4, span_of(body), &w->answer));
}

static bool charge(struct walk *w, const char *step, const char *form)
{
    return call(w, "/stripe/v1/charges", FORM, step, form);
}

static void show_allowed(const struct walk *w, struct span what)
{
    printf("%*s%s%d allowed%s  %.*s; %.*s USD, %.*s USD left\n", INDENT, "", paint(w, GREEN), w->answer.status, paint(w, PLAIN), SPAN_ARG(what),
        SPAN_ARG(field(w, "x-tollgate-cost-usd")), SPAN_ARG(field(w, "x-tollgate-budget-remaining-usd")));
}

static void show_refused(struct walk *w)
{
    struct span lead = arena_print(&w->arena, "%d %.*s ", w->answer.status, SPAN_ARG(field(w, "x-tollgate-denied")));
    say_with(w, RED, lead, text_at(w, "error.message"));
}

static bool refused_as(const struct walk *w, const char *code) { return span_is(field(w, "x-tollgate-denied"), span_of(code)); }

static bool charge_is_made(struct walk *w, const char *step, const char *form)
{
    if (!charge(w, step, form) || w->answer.status != 200)
        return false;
    show_allowed(w, text_at(w, "id"));
    return true;
}

static bool charge_is_refused(struct walk *w, const char *step, const char *form, const char *code)
{
    if (!charge(w, step, form) || !refused_as(w, code))
        return false;
    show_refused(w);
    return true;
}

/* ---- the steps ---- */

static bool make_key(struct walk *w)
{
    static const char body[] = "{\"name\":\"walk-%lld\",\"policy\":\"support\",\"credentials\":[\"stripe-sandbox\",\"twilio-sandbox\",\"openai-sandbox\",\"anthropic-sandbox\"],"
                               "\"budgets\":[{\"limit\":\"300 usd\",\"window\":\"run\"},{\"limit\":\"1000 usd\",\"window\":\"day\"},"
                               "{\"limit\":\"20 messages\",\"window\":\"day\"}]}";
    long long now = (long long)clock_unix_ms();
    w->run = arena_print(&w->arena, "run_walk_%lld", now);
    if (!ask_admin(w, "POST", SPAN("keys"), arena_print(&w->arena, body, now)) || w->answer.status != 201)
        return broken_promise(w, "a key for the agent");
    w->token = arena_copy(&w->arena, text_at(w, "token"));
    w->key_id = arena_copy(&w->arena, text_at(w, "id"));
    say(w, SPAN("The agent below holds a key of this gate and no vendor's secret. It may touch one customer, cus_ada, and spend 300 USD "
                "in any one run. The vendors are played by this process; no money moves."));
    return true;
}

static bool allowed_charge(struct walk *w)
{
    title(w, "1", "A charge that is allowed");
    return charge_is_made(w, "first-charge", "amount=1200&currency=usd&customer=cus_ada") || broken_promise(w, "a charge of 12 USD");
}

static bool refused_payout(struct walk *w)
{
    title(w, "2", "A payout: the policy does not have it, and the vendor does not hear of it");
    if (!call(w, "/stripe/v1/payouts", FORM, "payout", "amount=500000&currency=usd") || !refused_as(w, "operation_denied"))
        return broken_promise(w, "a refused payout");
    show_refused(w);
    return true;
}

static bool refund_of_another(struct walk *w)
{
    title(w, "3", "A refund that names only a charge: the gate asks the vendor whose it is");
    if (!call(w, "/stripe/v1/refunds", FORM, "refund", "charge=ch_of_bob&amount=1000") || !refused_as(w, "scope_denied"))
        return broken_promise(w, "a refused refund of another customer's charge");
    show_refused(w);
    return true;
}

/* "apr_3f9c1a7702b4d865", from the message that the agent got. */
static struct span approval_in(struct walk *w, struct span message)
{
    struct span word;
    while (span_next(&message, ' ', &word))
        if (span_starts(word, SPAN("apr_")))
            return arena_copy(&w->arena, word);
    return SPAN("?");
}

static bool approval(struct walk *w)
{
    static const char form[] = "amount=25000&currency=usd&customer=cus_ada";
    title(w, "4", "A large charge waits for a person, who says yes; then the same request goes through, once");
    if (!charge_is_refused(w, "large-charge", form, "approval_required"))
        return broken_promise(w, "a charge that waits for a person");
    struct span id = approval_in(w, text_at(w, "error.message"));
    if (!ask_admin(w, "POST", arena_print(&w->arena, "approvals/%.*s/approve", SPAN_ARG(id)), SPAN("{\"reason\":\"the walk-through says yes\"}")) || w->answer.status != 200)
        return broken_promise(w, "an approval");
    show_command(w, arena_print(&w->arena, "tollgate approval approve %.*s", SPAN_ARG(id)));
    return charge_is_made(w, "large-charge", form) || broken_promise(w, "the charge that was approved");
}

/* The settlement of call `id`, once it is there: what was estimated too much or too little. */
static struct span late_difference(struct walk *w, struct span id)
{
    for (int i = 0; i < LOOKS; i++) {
        struct span cost = SPAN_NONE;
        if (ask_admin(w, "GET", arena_print(&w->arena, "calls/%.*s", SPAN_ARG(id)), SPAN_NONE) && w->answer.status == 200)
            cost = json_string(json_path(w->body, SPAN("settlements.0.cost_usd")));
        if (cost.at)
            return arena_copy(&w->arena, cost);
        pause_ms(LOOK_MS);
    }
    return SPAN_NONE;
}

static bool report(struct walk *w, struct span message)
{
    struct span url = arena_print(&w->arena, "http://%.*s/hooks/twilio/twilio-sandbox", SPAN_ARG(w->data));
    struct report r = report_delivered(&w->arena, url, message);
    struct http_field fields[] = { { SPAN("content-type"), SPAN(FORM) }, { SPAN("x-twilio-signature"), r.signature } };
    printf("%*sTwilio: POST /hooks/twilio/twilio-sandbox  %sMessageStatus=delivered, signed; the gate asks for the price%s\n", INDENT, "", paint(w, DIM), paint(w, PLAIN));
    return fetch(&w->arena, SPAN("POST"), url, fields, 2, r.form, &w->answer) == E_OK && w->answer.status / 100 == 2;
}

static bool text_message(struct walk *w)
{
    title(w, "5", "A text: what it costs is estimated, and settled when Twilio tells the price");
    if (!call(w, "/twilio/2010-04-01/Accounts/" SANDBOX_ACCOUNT "/Messages.json", FORM, "text", "To=%2B15551234567&From=%2B15557654321&Body=It+is+paid") ||
        w->answer.status != 201)
        return broken_promise(w, "a text message");
    struct span sid = arena_copy(&w->arena, text_at(w, "sid")), id = arena_copy(&w->arena, field(w, "x-tollgate-call-id"));
    show_allowed(w, SPAN("price null"));
    fflush(stdout);
    pause_ms(TEXT_MS);
    if (!report(w, sid))
        return broken_promise(w, "a webhook of Twilio's that is taken");
    struct span difference = late_difference(w, id);
    if (!difference.at)
        return broken_promise(w, "a price that comes later");
    printf("%*s%ssettled%s  the estimate is corrected by %.*s USD\n", INDENT, "", paint(w, GREEN), paint(w, PLAIN), SPAN_ARG(difference));
    return true;
}

static bool says(struct walk *w, const char *path, const char *step, const char *body, const char *in, const char *out, const char *vendor)
{
    if (!call(w, path, "application/json", step, body) || w->answer.status != 200 || !span_is(field(w, "x-tollgate-vendor"), span_of(vendor)))
        return false;
    show_allowed(w, arena_print(&w->arena, "%s's answer, %lld tokens in, %lld out", vendor, number_at(w->body, in), number_at(w->body, out)));
    return true;
}

static bool models(struct walk *w)
{
    title(w, "6", "Model calls count on the same run; OpenAI's client asks Claude, and Anthropic's asks GPT");
    if (!says(w, "/v1/chat/completions", "think", "{\"model\":\"claude-haiku-4-5\",\"messages\":[{\"role\":\"user\",\"content\":\"Paid?\"}]}",
            "usage.prompt_tokens", "usage.completion_tokens", "anthropic"))
        return broken_promise(w, "a chat completion by Claude");
    if (!says(w, "/v1/messages", "think-again", "{\"model\":\"gpt-4o-mini\",\"max_tokens\":60,\"messages\":[{\"role\":\"user\",\"content\":\"Paid?\"}]}",
            "usage.input_tokens", "usage.output_tokens", "openai"))
        return broken_promise(w, "a message by GPT");
    return true;
}

static bool cap(struct walk *w)
{
    title(w, "7", "The cap of the run");
    return charge_is_refused(w, "too-much", "amount=9000&currency=usd&customer=cus_ada", "budget_exceeded") || broken_promise(w, "a refusal by the run's budget");
}

static bool order(struct walk *w, const char *verb, struct span body)
{
    if (!ask_admin(w, "POST", span_of(verb), body) || w->answer.status != 200)
        return broken_promise(w, verb);
    show_command(w, arena_print(&w->arena, "tollgate %s --run %.*s", verb, SPAN_ARG(w->run)));
    return true;
}

static bool red_button(struct walk *w)
{
    title(w, "8", "Someone stops the run, and lets it go on");
    if (!order(w, "stop", arena_print(&w->arena, "{\"run\":\"%.*s\",\"reason\":\"the walk-through stops it\"}", SPAN_ARG(w->run))))
        return false;
    if (!charge_is_refused(w, "when-stopped", "amount=100&currency=usd&customer=cus_ada", "stopped"))
        return broken_promise(w, "a refusal of the stopped run");
    return order(w, "resume", arena_print(&w->arena, "{\"run\":\"%.*s\"}", SPAN_ARG(w->run)));
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
    title(w, "9", "What the run cost: charges, texts and tokens on one bill");
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
    title(w, ">", "Now you: the gate goes on running, with a key that has the same policy and budgets");
    printf("%*scurl http://%.*s/stripe/v1/charges -H 'authorization: Bearer " SANDBOX_SUPPORT_KEY "' \\\n%*s     -H 'x-agent-run-id: run_mine' -d amount=1500 -d currency=usd -d customer=cus_ada\n",
        INDENT, "", SPAN_ARG(w->data), INDENT, "");
    if (!span_is(w->admin, SPAN("127.0.0.1:8081")))
        printf("%*sexport TOLLGATE_ADMIN=http://%.*s\n", INDENT, "", SPAN_ARG(w->admin));
    printf("%*sbuild/tollgate run run_mine   what it cost; `calls --denied`: what was refused, and why\n", INDENT, "");
    printf("%*sbuild/tollgate approval       what waits for you\n", INDENT, "");
    printf("%*sbuild/tollgate help           everything else; docs/sandbox.md has more calls to try\n\n", INDENT, "");
}

static bool take_steps(struct walk *w)
{
    static bool (*const steps[])(struct walk *) = { make_key, allowed_charge, refused_payout, refund_of_another, approval, text_message, models, cap, red_button, bill };
    printf("\n%sTollgate, walked through: what an agent may spend, who sees it, how it is stopped%s\n", paint(w, BOLD), paint(w, PLAIN));
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

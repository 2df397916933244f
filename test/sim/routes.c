/* SPDX-License-Identifier: Apache-2.0
 * routes.c - callers whose calls are routed: written out in a header, by name, by their key or by the model; and the vendors' lines, each of
 * which fails in its own way. What must hold of them is in trials.c. */
#include <stdio.h>

#include "test/sim/sim.h"

/* The last two cannot be had: no credential, no such model's price. */
static const struct {
    const char *provider, *model;
} goals[] = {
    { "anthropic", "claude-sonnet-4-6" },
    { "openai", "gpt-4o-mini" },
    { "gemini", "gemini-2.5-flash" },
    { "groq", "llama-3.3-70b-versatile" },
    { "bedrock", "amazon.nova-pro-v1:0" },
    { "mistral", "mistral-large-latest" },
    { "openai", "no-such-model" },
};
enum { GOALS = sizeof(goals) / sizeof(*goals), GOOD_GOALS = 5 };

/* ---- the lines ---- */

static struct sim_line *begin_line(struct sim_line *l, struct sim_call *c)
{
    memset(l, 0, offsetof(struct sim_line, answer));
    l->call = c;
    l->number = (unsigned)(l - c->sim->lines);
    l->stalls_at = l->lie_at = SIZE_MAX;
    return l;
}

struct sim_line *sim_first_line(struct sim *s, struct sim_call *c)
{
    return begin_line(&s->lines[c - s->calls], c);
}

static void choose_refusal(struct sim_line *l)
{
    static const int statuses[] = { 400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504, 529 };
    static const struct span waits[] = { { "0", 1 }, { "1", 1 }, { "3", 1 }, { "300", 3 }, { "soon", 4 }, { "-5", 2 }, { "99999999999999999999", 20 } };
    struct sim *s = l->call->sim;
    l->answer_head.status = statuses[sim_roll(s, sizeof(statuses) / sizeof(*statuses))];
    if (sim_chance(s, 40))
        l->more[l->more_count++] = (struct http_field){ sim_chance(s, 30) ? SPAN("retry-after-ms") : SPAN("retry-after"), waits[sim_roll(s, sizeof(waits) / sizeof(*waits))] };
}

static void choose_answer(struct sim_line *l)
{
    struct sim *s = l->call->sim;
    l->connect_fails = sim_chance(s, 12);
    l->breaks_before_head = sim_chance(s, 12);
    l->hangs_ms = sim_chance(s, 6) ? (int64_t)sim_roll(s, 4000) : 0;
    l->vendor_refuses = sim_chance(s, 25);
    l->answer_in = (int)sim_roll(s, 6);
    l->lie = sim_chance(s, 60) ? SIM_HONEST : (enum sim_lie)sim_roll(s, SIM_LIES);
    l->stalls_at = sim_chance(s, 10) ? sim_roll(s, 600) : SIZE_MAX;
    l->answer_breaks = sim_chance(s, 12);
    l->answer_head = (struct http_head){ .status = 200, .fields = l->answer_fields, .count = 1, .length = -1, .minor = 1 };
    l->answer_fields[0] = (struct http_field){ SPAN("content-type"), SPAN("application/json") };
    if (l->vendor_refuses)
        choose_refusal(l);
}

/* The same request once more: what the vendor has to say of it stays, but for its moods. */
static void copy_answer(struct sim_line *l, const struct sim_line *of)
{
    static const int statuses[] = { 429, 500, 502, 503 };
    struct sim *s = l->call->sim;
    l->answer_head = of->answer_head;
    l->answer_head.fields = l->answer_fields;
    l->answer_head.count = 1;
    l->answer_fields[0] = of->answer_fields[0];
    l->vendor_refuses = of->vendor_refuses;
    memcpy(l->answer, of->answer, of->answer_len);
    l->answer_len = of->answer_len;
    if (l->falls) {
        l->answer_head.status = statuses[sim_roll(s, 4)];
        l->vendor_refuses = of->vendor_refuses || l->answer_head.status == 429 || sim_chance(s, 50);
    }
}

static void begin_saas(struct sim_call *c, struct sim_line *l)
{
    struct sim *s = c->sim;
    l->connect_fails = sim_chance(s, 15);
    l->breaks_before_head = sim_chance(s, 15);
    l->answer_breaks = sim_chance(s, 15);
    l->answer_in = (int)sim_roll(s, 4);
    l->falls = sim_chance(s, 30);
    copy_answer(l, c->first_line);
    l->answer_breaks_at = sim_roll(s, (uint32_t)l->answer_len);
}

struct sim_line *sim_next_line(struct sim_call *c)
{
    struct sim *s = c->sim;
    struct sim_line *l = c->l;
    if (!c->routed)
        return l;
    sim_check_turn(c);
    c->opened++;
    if (s->line_count == SIM_LINES || sim_chance(s, 1))
        return NULL;
    if (c->last) {
        l = begin_line(&s->lines[s->line_count++], c);
        l->before = c->last;
    }
    if (c->named)
        choose_answer(l);
    else
        begin_saas(c, l);
    l->attempt = c->x.attempt;
    c->last = l;
    return l;
}

/* ---- the routes ---- */

static void put_list(struct sim *s, struct buf *b)
{
    static const int codes[] = { 429, 500, 503, 529, 401, 400, 408 };
    size_t count = 1 + sim_roll(s, 4);
    buf_print(b, "[");
    for (size_t i = 0; i < count; i++)
        buf_print(b, "%s%d", i ? "," : "", codes[sim_roll(s, 7)]);
    buf_print(b, "]");
}

static void put_patience(struct sim *s, struct buf *b)
{
    if (sim_chance(s, 30)) {
        buf_print(b, ",\"retry\":{\"attempts\":%u", sim_roll(s, 4));
        if (sim_chance(s, 40)) {
            buf_print(b, ",\"on_status_codes\":");
            put_list(s, b);
        }
        buf_print(b, "%s,\"base\":%u}", sim_chance(s, 50) ? ",\"use_retry_after_header\":true" : sim_chance(s, 50) ? ",\"use_retry_after_header\":false" : "", 1 + sim_roll(s, 1000));
    }
    if (sim_chance(s, 15))
        buf_print(b, ",\"breaker\":{\"failures\":%u,\"cooldown\":\"%us\"}", 1 + sim_roll(s, 2), 1 + sim_roll(s, 3));
    if (sim_chance(s, 5))
        buf_print(b, ",\"breaker\":\"off\"");
}

static void put_target(struct sim *s, struct buf *b)
{
    static const char *const params[] = { "\"override_params\":{\"temperature\":0.5}", "\"default_params\":{\"temperature\":0.25}", "\"drop_params\":[\"top_p\"]", "\"request_timeout\":1500" };
    size_t goal = sim_roll(s, sim_chance(s, 15) ? GOALS : GOOD_GOALS);
    if (sim_chance(s, 8)) /* as the caller says */
        buf_print(b, "{\"weight\":1");
    else
        buf_print(b, "{\"provider\":\"%s\",\"model\":\"%s\"", goals[goal].provider, goals[goal].model);
    if (goal == 1 && sim_chance(s, 20))
        buf_print(b, ",\"credential\":\"%s\"", sim_chance(s, 50) ? "o2" : "o");
    if (sim_chance(s, 20))
        buf_print(b, ",%s", params[sim_roll(s, 4)]);
    put_patience(s, b);
    buf_print(b, "}");
}

static void put_node(struct sim *s, struct buf *b, int depth, bool raced);

static void put_targets(struct sim *s, struct buf *b, size_t least, size_t most, int depth, bool raced)
{
    size_t count = least + sim_roll(s, (uint32_t)(most - least + 1));
    buf_print(b, ",\"targets\":[");
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_print(b, ",");
        put_node(s, b, depth + 1, raced);
    }
    buf_print(b, "]");
}

static void put_race(struct sim *s, struct buf *b)
{
    static const char *const staggers[] = { "", ",\"stagger\":40", ",\"stagger\":400", ",\"stagger\":\"p95\"" };
    buf_print(b, "\"strategy\":{\"mode\":\"race\"%s", staggers[sim_roll(s, 4)]);
    if (sim_chance(s, 30))
        buf_print(b, ",\"accept\":{\"empty\":%s,\"refused\":%s,\"truncated\":%s}", sim_chance(s, 50) ? "true" : "false", sim_chance(s, 50) ? "true" : "false", sim_chance(s, 50) ? "true" : "false");
    buf_print(b, "}");
}

static void put_fallback(struct sim *s, struct buf *b)
{
    buf_print(b, "\"strategy\":{\"mode\":\"fallback\"");
    if (sim_chance(s, 25)) {
        buf_print(b, ",\"on_status_codes\":");
        put_list(s, b);
    }
    if (sim_chance(s, 15))
        buf_print(b, ",\"on_errors\":[\"%s\",\"timeout\"]", sim_chance(s, 50) ? "context_window" : "rate_limit");
    buf_print(b, "}");
}

static void put_choice(struct sim *s, struct buf *b)
{
    static const char *const bys[] = { "weight", "busy", "latency", "headroom" };
    static const char *const modes[] = { "cheapest", "fastest" };
    switch (sim_roll(s, 3)) {
    case 0:
        buf_print(b, "\"strategy\":{\"mode\":\"balance\",\"by\":\"%s\",\"failover\":%s}", bys[sim_roll(s, 4)], sim_chance(s, 60) ? "true" : "false");
        break;
    case 1:
        buf_print(b, "\"strategy\":{\"mode\":\"%s\"}", modes[sim_roll(s, 2)]);
        break;
    default:
        buf_print(b, "\"strategy\":{\"mode\":\"%s\"%s}", sim_chance(s, 50) ? "canary" : "shadow", "");
        break;
    }
}

static void put_node(struct sim *s, struct buf *b, int depth, bool raced)
{
    uint32_t kind = sim_roll(s, 100);
    if (depth >= 3 || (depth && kind < 70)) {
        put_target(s, b);
        return;
    }
    buf_print(b, "{");
    kind = sim_roll(s, 100);
    if (kind < 25 && !raced) {
        put_race(s, b);
        put_targets(s, b, 2, 3, depth, true);
    } else if (kind < 75 || raced) {
        put_fallback(s, b);
        put_targets(s, b, 2, 4, depth, raced);
    } else if (kind < 80) {
        buf_print(b, "\"strategy\":{\"mode\":\"conditional\",\"conditions\":[{\"query\":{\"params.stream\":{\"$eq\":true}},\"then\":\"a\"}]%s},\"targets\":[{\"name\":\"a\",\"provider\":\"openai\",\"model\":\"gpt-4o-mini\",\"retry\":2},{\"name\":\"b\",\"provider\":\"groq\",\"model\":\"llama-3.3-70b-versatile\",\"retry\":1}]",
            sim_chance(s, 80) ? ",\"default\":\"b\"" : "");
    } else if (kind < 84) {
        buf_print(b, "\"strategy\":{\"mode\":\"canary\",\"percent\":30}");
        put_targets(s, b, 2, 3, depth, raced);
    } else {
        put_choice(s, b);
        put_targets(s, b, 2, 4, depth, raced);
    }
    put_patience(s, b);
    if (!depth && sim_chance(s, 15))
        buf_print(b, ",\"deadline\":%u", 50 + sim_roll(s, 4000));
    if (!depth && sim_chance(s, 15))
        buf_print(b, ",\"tries\":%u", 1 + sim_roll(s, 5));
    buf_print(b, "}");
}

static void write_out(struct sim_call *c)
{
    struct buf b;
    buf_init(&b, 8192);
    if (sim_chance(c->sim, 10))
        put_target(c->sim, &b);
    else
        put_node(c->sim, &b, 0, false);
    c->config = b.broken ? SPAN_NONE : arena_copy(&c->sim->arena, buf_span(&b));
    buf_free(&b);
}

/* Half of a call's life is decided here: which way it goes. */
void sim_route(struct sim_call *c)
{
    static const struct span names[] = { { "steady", 6 }, { "hedged", 6 }, { "none-such", 9 } };
    struct sim *s = c->sim;
    uint32_t how = sim_roll(s, 100);
    c->routed = true;
    if (how < 80)
        write_out(c);
    struct span value = c->config.at ? c->config : names[sim_roll(s, sim_chance(s, 10) ? 3 : 2)];
    if (how < 95)
        c->fields[c->head.count++] = (struct http_field){ sim_chance(s, 50) ? SPAN("x-tollgate-config") : SPAN("x-portkey-config"), value };
}

/* Where the path says which vendor, a route can only say how often. What the vendor would answer is kept aside. */
void sim_retry(struct sim_call *c)
{
    struct sim *s = c->sim;
    c->routed = true;
    c->first_line = ARENA_NEW(&s->arena, struct sim_line);
    must(c->first_line);
    *c->first_line = *c->l;
    c->config = arena_print(&s->arena, "{\"retry\":{\"attempts\":%u,\"base\":%u}}", 1 + sim_roll(s, 3), 1 + sim_roll(s, 300));
    c->fields[c->head.count++] = (struct http_field){ SPAN("x-tollgate-config"), c->config };
}

/* ---- shadows ---- */

/* One of the seats that no caller has taken; without one, this world mirrors nothing. */
void sim_mirror(void *self, struct exchange *x, size_t planned)
{
    struct sim *s = self;
    const struct sim_call *of = CONTAINER_OF(x, struct sim_call, x);
    if (s->count == SIM_CALLS)
        return;
    struct sim_call *c = &s->calls[s->count];
    struct buf told = c->told;
    memset(c, 0, sizeof(*c));
    c->sim = s;
    c->l = sim_first_line(s, c);
    c->told = told;
    c->number = of->number;
    c->routed = c->named = c->begun = c->hung_up = c->mirrors = true;
    c->said = of->said;
    c->stream = of->stream;
    c->goes_on = of->goes_on;
    c->previous_call = of->previous_call;
    c->cannot = of->cannot;
    c->left_out = of->left_out;
    if (!exchange_begin_mirror(&c->x, x, planned))
        sim_wrong(s, "there is no memory for a shadow");
    s->count++;
    s->mirrored++;
}

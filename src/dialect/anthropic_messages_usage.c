/* SPDX-License-Identifier: Apache-2.0
 * anthropic_messages_usage.c - what an Anthropic answer or stream used.
 *
 * Its counts are disjoint as they come: input_tokens is fresh input only. A stream's usage comes in message_start and,
 * cumulative, in message_delta: the larger of both counts, never the sum. It ends with message_stop. */
#include "dialect/answer.h"
#include "dialect/anthropic_int.h"
#include "dialect/ask.h"
#include "dialect/walk.h"

/* --- counts --- */

static void raise(int64_t *count, int64_t n)
{
    if (n > *count)
        *count = n;
}

/* One object with counts: the usage, or one of its iterations (compaction is not part of the top counts). */
static void add_counts(struct json_value v, struct usage *u)
{
    int64_t written = member_count(v, SPAN("cache_creation_input_tokens"));
    int64_t hour = member_count(v, SPAN("cache_creation.ephemeral_1h_input_tokens"));
    int64_t minutes = member_count(v, SPAN("cache_creation.ephemeral_5m_input_tokens"));
    raise(&minutes, written - hour);
    u->tokens[METER_IN] += member_count(v, SPAN("input_tokens"));
    u->tokens[METER_OUT] += member_count(v, SPAN("output_tokens"));
    u->tokens[METER_CACHE_READ] += member_count(v, SPAN("cache_read_input_tokens"));
    u->tokens[METER_CACHE_WRITE_1H] += hour;
    u->tokens[METER_CACHE_WRITE] += minutes;
}

/* An iteration that another model ran: an advisor that was asked, one that answered instead. */
static bool is_of_another(struct json_value one, struct span model)
{
    struct span said = json_string(json_member(one, SPAN("model")));
    return span_is(json_string(json_member(one, SPAN("type"))), SPAN("advisor_message")) || (said.len && model.len && !span_is(said, model));
}

/* model: the answer's; SPAN_NONE: it is not known here. */
static struct usage read_counts(struct json_value v, struct span model)
{
    struct usage top = { .vendor_cost = -1 }, sum = { .vendor_cost = -1 };
    struct json_value one;
    struct span name;
    add_counts(v, &top);
    for (struct json_iter it = json_iter(json_member(v, SPAN("iterations"))); json_next(&it, &name, &one);) {
        add_counts(one, &sum);
        top.others = top.others || is_of_another(one, model);
    }
    for (int m = 0; m < METER_COUNT; m++)
        raise(&top.tokens[m], sum.tokens[m]);
    top.tokens[METER_REASON] = member_count(v, SPAN("output_tokens_details.thinking_tokens"));
    top.fees[FEE_WEB_SEARCH] = member_count(v, SPAN("server_tool_use.web_search_requests"));
    top.known = member_count_or_none(v, SPAN("input_tokens")) >= 0 || member_count_or_none(v, SPAN("output_tokens")) >= 0;
    return top;
}

static void add_totals(struct usage *u)
{
    const int64_t *n = u->tokens;
    u->input_total = n[METER_IN] + n[METER_CACHE_READ] + n[METER_CACHE_WRITE] + n[METER_CACHE_WRITE_1H];
    u->output_total = n[METER_OUT] + n[METER_REASON];
}

/* Thinking is inside the output. Totals rise first and are parted then: a start that knows no parts would count twice. */
static void raise_output(struct usage *u, const struct usage *said)
{
    int64_t total = u->tokens[METER_OUT] + u->tokens[METER_REASON];
    raise(&total, said->tokens[METER_OUT]);
    raise(&u->tokens[METER_REASON], said->tokens[METER_REASON]);
    if (u->tokens[METER_REASON] > total)
        u->tokens[METER_REASON] = total;
    u->tokens[METER_OUT] = total - u->tokens[METER_REASON];
}

/* A written total without its split keeps the hour's part as it was. */
void anthropic_usage_merge(struct json *j, struct span raw, struct arena *a, struct usage *u)
{
    struct json_value v;
    const char *why;
    if (json_parse(j, raw, true, &v, &why))
        return;
    struct usage said = read_counts(v, u->model);
    if (!said.known)
        return;
    if (json_kind(json_member(v, SPAN("cache_creation"))) != JSON_OBJECT && said.tokens[METER_CACHE_WRITE] > 0)
        said.tokens[METER_CACHE_WRITE] -= u->tokens[METER_CACHE_WRITE_1H];
    raise_output(u, &said);
    for (int m = 0; m < METER_COUNT; m++)
        if (m != METER_OUT && m != METER_REASON)
            raise(&u->tokens[m], said.tokens[m]);
    raise(&u->fees[FEE_WEB_SEARCH], said.fees[FEE_WEB_SEARCH]);
    u->known = true;
    u->others = u->others || said.others;
    struct span speed = json_string(json_member(v, SPAN("speed"))), geo = json_string(json_member(v, SPAN("inference_geo")));
    struct span tier = json_string(json_member(v, SPAN("service_tier")));
    if (span_is(speed, SPAN("fast")))
        u->tier = SPAN("fast");
    else if (ask_tier(tier).at && !u->tier.at)
        u->tier = arena_copy(a, tier);
    if (geo.len && !span_is(geo, SPAN("global")) && !span_is(geo, SPAN("not_available")))
        u->geo = arena_copy(a, geo);
    add_totals(u);
}

void anthropic_read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    struct member m[] = { { .name = SPAN("usage") }, { .name = SPAN("model") } };
    answer_clear(u);
    if (!member_find(j, body, m, 2, NULL))
        return;
    u->model = answer_text(m[1].raw, a);
    if (m[0].kind != JSON_OBJECT)
        return;
    anthropic_usage_merge(j, m[0].raw, a, u);
    if (u->known)
        u->raw = m[0].raw;
}

bool anthropic_metrics_read(struct span metrics, struct arena *a, struct usage *u)
{
    static const struct {
        struct span name;
        enum meter meter;
    } counts[] = { { { "inputTokenCount", 15 }, METER_IN }, { { "outputTokenCount", 16 }, METER_OUT },
        { { "cacheReadInputTokenCount", 24 }, METER_CACHE_READ }, { { "cacheWriteInputTokenCount", 25 }, METER_CACHE_WRITE } };
    int64_t n;
    bool told = false;
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        if (!json_raw_integer(raw_member(metrics, counts[i].name, a), &n) || n < 0)
            continue;
        raise(&u->tokens[counts[i].meter], n);
        told = true;
    }
    u->known = u->known || told;
    add_totals(u);
    return told;
}

/* --- streams --- */

/* Writes the members of `raw` that `over` does not have. */
struct overlay {
    struct json_out out;
    struct json_value over;
};

static bool put_member(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct overlay *o = self;
    (void)kind;
    if (o->over.doc && json_kind(json_member(o->over, name)) > JSON_NULL)
        return true;
    json_name(&o->out, name);
    json_put_raw(&o->out, raw);
    return true;
}

/* The stream's usage is that of message_start, overlaid with what message_delta says, as the SDKs accumulate it. */
struct span anthropic_usage_overlay(struct json *j, struct span start, struct span delta, struct buf *out)
{
    struct overlay o = { .out = json_out(out) };
    const char *why;
    json_open(&o.out, '{');
    if (json_parse(j, delta, true, &o.over, &why) || json_scan(j, start, false, put_member, &o, &why))
        return delta;
    o.over = (struct json_value){ 0 };
    if (json_scan(j, delta, true, put_member, &o, &why))
        return delta;
    json_close(&o.out, '}');
    return out->broken ? delta : buf_span(out);
}

static void take_usage(struct json *j, struct span raw, struct arena *a, struct stream_meter *m)
{
    struct usage u = m->usage;
    struct buf merged;
    buf_init(&merged, sizeof(m->raw));
    anthropic_usage_merge(j, raw, a, &u);
    u.raw = m->usage.raw.at ? anthropic_usage_overlay(j, m->usage.raw, raw, &merged) : raw;
    if (u.known)
        answer_keep(m, &u);
    buf_free(&merged);
}

static void read_start(struct json *j, struct span message, struct arena *a, struct stream_meter *m)
{
    struct member f[] = { { .name = SPAN("usage") }, { .name = SPAN("model") } };
    if (!member_find(j, message, f, 2, NULL))
        return;
    struct usage u = m->usage;
    u.model = answer_text(f[1].raw, a);
    answer_keep(m, &u);
    if (f[0].kind == JSON_OBJECT)
        take_usage(j, f[0].raw, a, m);
}

static void read_notice(struct json *j, struct span data, struct arena *a, struct stream_meter *m, void *more)
{
    struct member f[] = { { .name = SPAN("type") }, { .name = SPAN("message") }, { .name = SPAN("usage") } };
    (void)more;
    if (!member_find(j, data, f, 3, NULL))
        return;
    struct span type = answer_text(f[0].raw, a);
    if (span_is(type, SPAN("message_start")) && f[1].kind == JSON_OBJECT)
        read_start(j, f[1].raw, a, m);
    else if (span_is(type, SPAN("message_delta")) && f[2].kind == JSON_OBJECT)
        take_usage(j, f[2].raw, a, m);
    else if (span_is(type, SPAN("message_stop")))
        m->finished = true;
    else if (span_is(type, SPAN("error")))
        m->failed = true;
}

enum { E_DELTA = 1, E_TEXT, E_THINKING, E_PARTIAL_JSON };
static const struct span event_names[] = {
    [E_DELTA - 1] = { "delta", 5 },
    [E_TEXT - 1] = { "text", 4 },
    [E_THINKING - 1] = { "thinking", 8 },
    [E_PARTIAL_JSON - 1] = { "partial_json", 12 },
    [E_PARTIAL_JSON] = { NULL, 0 },
};

static void count_delta(void *self, uint64_t place, bool name, struct span raw)
{
    struct stream_meter *m = self;
    if (!name && place >> 8 == E_DELTA && (place & 0xff) <= E_PARTIAL_JSON && raw.len > 2)
        meter_output(m, raw);
}

void anthropic_tap_event(struct json *j, const struct sse_event *event, bool usage_wanted, struct stream_meter *m, bool *hide)
{
    struct span d = event->data;
    (void)usage_wanted; /* always there */
    *hide = false;
    answer_start(m);
    if (!d.at)
        return;
    if (answer_mentions(d, SPAN("\"content_block_delta\"")))
        walk(d, event_names, count_delta, m);
    else if (answer_mentions(d, SPAN("\"message_")) || answer_mentions(d, SPAN("\"error\"")))
        answer_event(j, d, m, read_notice, NULL);
}

/* --- writing --- */

static int64_t sum(const struct usage *u, const enum meter *meters, size_t count)
{
    int64_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += u->tokens[meters[i]];
    return n;
}
#define SUM(u, ...) sum(u, (const enum meter[]){ __VA_ARGS__ }, sizeof((const enum meter[]){ __VA_ARGS__ }) / sizeof(enum meter))

static void put_written(struct json_out *o, const struct usage *u)
{
    json_name(o, SPAN("cache_creation"));
    json_open(o, '{');
    json_pair_i64(o, SPAN("ephemeral_5m_input_tokens"), u->tokens[METER_CACHE_WRITE]);
    json_pair_i64(o, SPAN("ephemeral_1h_input_tokens"), u->tokens[METER_CACHE_WRITE_1H]);
    json_close(o, '}');
}

static void put_one(struct json_out *o, struct span object, struct span name, int64_t n)
{
    if (n <= 0)
        return;
    json_name(o, object);
    json_open(o, '{');
    json_pair_i64(o, name, n);
    json_close(o, '}');
}

void anthropic_usage_write(struct json_out *o, const struct usage *u)
{
    json_open(o, '{');
    json_pair_i64(o, SPAN("input_tokens"), SUM(u, METER_IN, METER_AUDIO_IN, METER_IMAGE_IN, METER_VIDEO_IN, METER_CITATION));
    json_pair_i64(o, SPAN("cache_creation_input_tokens"), SUM(u, METER_CACHE_WRITE, METER_CACHE_WRITE_1H));
    json_pair_i64(o, SPAN("cache_read_input_tokens"), SUM(u, METER_CACHE_READ, METER_AUDIO_CACHE_READ, METER_IMAGE_CACHE_READ));
    put_written(o, u);
    json_pair_i64(o, SPAN("output_tokens"), SUM(u, METER_OUT, METER_REASON, METER_AUDIO_OUT, METER_IMAGE_OUT, METER_VIDEO_OUT));
    put_one(o, SPAN("output_tokens_details"), SPAN("thinking_tokens"), u->tokens[METER_REASON]);
    put_one(o, SPAN("server_tool_use"), SPAN("web_search_requests"), u->fees[FEE_WEB_SEARCH]);
    bool fast = span_is(u->tier, SPAN("fast"));
    json_pair(o, SPAN("service_tier"), u->tier.len && !fast ? u->tier : SPAN("standard"));
    if (fast)
        json_pair(o, SPAN("speed"), u->tier);
    json_close(o, '}');
}

/* SPDX-License-Identifier: Apache-2.0
 * span.c - rows as spans: OTLP's JSON (ids in hex, 64-bit numbers as text), named by the semantic conventions for generative AI and HTTP.
 *
 *   trace    the caller's, when it said one; else all calls of a run; else the call alone
 *   span     a call, from its first byte in to its last byte out; "settlement": what came of it later
 *     spans  its attempts, laid one after another: a row says how long each took, not when it began
 * Spans have the ids that vendors were told (rules/trace.h), traces that nobody gave a hash of what they stand for: the same row has the same
 * ids however often it is sent. Content is in no row,
 * so it is in no span. Costs are decimal text in tollgate.*, and numbers of JSON, written from the same integer, where a receiver adds up. */
#include "export/genai.h"
#include "export/inside.h"

#include "base/digest.h"
#include "base/text.h"
#include "base/version.h"
#include "rules/call_id.h"
#include "rules/row.h"
#include "rules/trace.h"

enum { KIND_INTERNAL = 1, KIND_CLIENT = 3, STATUS_ERROR = 2, TRACE_LEN = 16, SPAN_LEN = 8, HEX_TRACE = 2 * TRACE_LEN, HEX_SPAN = 2 * SPAN_LEN, SEED_MOST = 4096 };

/* One span that is being written. */
struct writing {
    struct json_out o;
    const struct row_value *row;
    const struct export_rule *rule;
    bool llm;
    char trace[HEX_TRACE + 1], span[HEX_SPAN + 1];
};

static struct span text_of(const struct row_value *v) { return v->there && v->bytes && v->text.len ? v->text : SPAN_NONE; }
static int64_t number_of(const struct row_value *v) { return v->there && !v->bytes ? v->number : 0; }

/* ---- ids ---- */

static void put_hex(char *out, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

static void derive(char *out, size_t n, const char *what, struct span first, struct span second)
{
    struct buf seed;
    buf_init(&seed, SEED_MOST);
    buf_print(&seed, "tollgate %s\n", what);
    buf_put(&seed, span_first(first, SEED_MOST / 4));
    buf_put_byte(&seed, '\n');
    buf_put(&seed, span_first(second, SEED_MOST / 4));
    struct digest d = digest_sha256(buf_span(&seed));
    put_hex(out, d.bytes, n);
    buf_free(&seed);
}

static bool given(char *out, const struct row_value *v, size_t len)
{
    struct span s = text_of(v);
    if (s.len != len)
        return false;
    memcpy(out, s.at, len);
    out[len] = '\0';
    return true;
}

/* Of a call (number 0) or its n-th attempt: what the gate told the vendor, if it passed the trace on. */
static void span_of_call(char out[HEX_SPAN + 1], uint64_t call, unsigned number)
{
    trace_span_id(call, number, out);
    out[HEX_SPAN] = '\0';
}

static void set_ids(struct writing *w, const struct store_link *link)
{
    char text[CALL_ID_TEXT + 1];
    struct span run = text_of(&w->row[ROW_RUN]), workspace = text_of(&w->row[ROW_WORKSPACE]);
    uint64_t call = link->kind == STORE_SETTLEMENT && w->row[ROW_OF].there ? (uint64_t)number_of(&w->row[ROW_OF]) : link->id;
    if (given(w->trace, &w->row[ROW_TRACE], HEX_TRACE))
        ;
    else if (run.at)
        derive(w->trace, TRACE_LEN, "run", workspace.at ? workspace : SPAN(""), run);
    else
        derive(w->trace, TRACE_LEN, "trace", call_id_text(call, text), SPAN(""));
    if (link->kind == STORE_SETTLEMENT)
        derive(w->span, SPAN_LEN, "settlement", call_id_text(link->id, text), SPAN(""));
    else if (!given(w->span, &w->row[ROW_SPAN], HEX_SPAN))
        span_of_call(w->span, link->id, 0);
}

/* ---- attributes ---- */

static void open_attribute(struct writing *w, struct span key, struct span type)
{
    json_open(&w->o, '{');
    json_pair(&w->o, SPAN("key"), key);
    json_name(&w->o, SPAN("value"));
    json_open(&w->o, '{');
    json_name(&w->o, type);
}

static void close_attribute(struct writing *w)
{
    json_close(&w->o, '}');
    json_close(&w->o, '}');
}

/* SPAN_NONE: it is left out. */
static void put_text(struct writing *w, struct span key, struct span value)
{
    if (!value.at)
        return;
    open_attribute(w, key, SPAN("stringValue"));
    json_put_string(&w->o, value);
    close_attribute(w);
}

static void put_number(struct writing *w, struct span key, int64_t value)
{
    open_attribute(w, key, SPAN("intValue"));
    buf_put_byte(w->o.buf, '"');
    buf_put_i64(w->o.buf, value);
    buf_put_byte(w->o.buf, '"');
    w->o.comma = true;
    close_attribute(w);
}

static void put_field(struct writing *w, struct span key, enum row_tag tag) { put_text(w, key, text_of(&w->row[tag])); }

static void put_count(struct writing *w, struct span key, enum row_tag tag)
{
    if (w->row[tag].there && !w->row[tag].bytes)
        put_number(w, key, w->row[tag].number);
}

static void put_money(struct writing *w, struct span key, const struct row_value *v)
{
    char text[MONEY_TEXT];
    if (v->there && !v->bytes)
        put_text(w, key, money_text(v->number, text));
}

/* A number for those who add up: its digits are exact, whatever a reader makes of them. */
static void put_amount(struct writing *w, struct span key, const struct row_value *v)
{
    char text[MONEY_TEXT];
    if (!v->there || v->bytes)
        return;
    open_attribute(w, key, SPAN("doubleValue"));
    json_put_raw(&w->o, money_text(v->number, text));
    close_attribute(w);
}

static void put_time(struct writing *w, struct span name, int64_t ms)
{
    json_name(&w->o, name);
    buf_put_byte(w->o.buf, '"');
    buf_put_i64(w->o.buf, ms < 0 ? 0 : ms);
    buf_put(w->o.buf, ms > 0 ? SPAN("000000\"") : SPAN("\""));
    w->o.comma = true;
}

/* ---- what a call is called ---- */

static struct span model_of(const struct row_value *row)
{
    struct span asked = text_of(&row[ROW_MODEL_REQUESTED]);
    return asked.at ? asked : text_of(&row[ROW_MODEL]);
}

static bool has_failed(const struct row_value *row)
{
    struct span verdict = text_of(&row[ROW_VERDICT]);
    return span_is(verdict, SPAN("denied")) || span_is(verdict, SPAN("error")) || number_of(&row[ROW_STATUS]) >= 400;
}

/* A refusal's code; else the status. */
static void put_error_type(struct writing *w, const struct row_value *status)
{
    struct span denied = text_of(&w->row[ROW_DENIED]);
    char text[24];
    struct buf number;
    if (denied.at) {
        put_text(w, SPAN("error.type"), denied);
        return;
    }
    buf_init(&number, sizeof(text));
    buf_put_i64(&number, number_of(status));
    put_text(w, SPAN("error.type"), number_of(status) ? buf_span(&number) : SPAN("_OTHER"));
    buf_free(&number);
}

/* ---- Langfuse ---- */

static void put_detail(struct json_out *o, struct span name, int64_t value)
{
    if (value > 0)
        json_pair_i64(o, name, value);
}

/* Parts that add up: what came from a cache is no other input, what was thought is no other output. */
static void put_usage_details(struct writing *w)
{
    int64_t in = number_of(&w->row[ROW_INPUT_TOKENS]), out = number_of(&w->row[ROW_OUTPUT_TOKENS]);
    int64_t cached = number_of(&w->row[ROW_CACHED_TOKENS]), thought = number_of(&w->row[ROW_REASONING_TOKENS]);
    struct buf text;
    cached = cached > in ? in : cached;
    thought = thought > out ? out : thought;
    buf_init(&text, 1024);
    struct json_out o = json_out(&text);
    json_open(&o, '{');
    json_pair_i64(&o, SPAN("input"), in - cached);
    put_detail(&o, SPAN("input_cached_tokens"), cached);
    json_pair_i64(&o, SPAN("output"), out - thought);
    put_detail(&o, SPAN("output_reasoning_tokens"), thought);
    json_pair_i64(&o, SPAN("total"), in + out);
    json_close(&o, '}');
    if (w->row[ROW_INPUT_TOKENS].there || w->row[ROW_OUTPUT_TOKENS].there)
        put_text(w, SPAN("langfuse.observation.usage_details"), buf_span(&text));
    buf_free(&text);
}

static void put_cost_details(struct writing *w)
{
    char money[MONEY_TEXT];
    struct buf text;
    if (!w->row[ROW_COST].there || w->row[ROW_COST].bytes)
        return;
    buf_init(&text, 128);
    buf_print(&text, "{\"total\":%.*s}", SPAN_ARG(money_text(w->row[ROW_COST].number, money)));
    put_text(w, SPAN("langfuse.observation.cost_details"), buf_span(&text));
    buf_free(&text);
}

static void put_langfuse(struct writing *w)
{
    struct span run = text_of(&w->row[ROW_RUN]), operation = text_of(&w->row[ROW_OPERATION]);
    char time[TIME_TEXT];
    bool bad = has_failed(w->row);
    put_text(w, SPAN("langfuse.trace.name"), run.at ? run : operation);
    put_text(w, SPAN("langfuse.session.id"), run);
    put_field(w, SPAN("langfuse.user.id"), ROW_USER);
    put_field(w, SPAN("langfuse.trace.metadata.workspace"), ROW_WORKSPACE);
    put_field(w, SPAN("langfuse.trace.metadata.label"), ROW_LABEL);
    put_text(w, SPAN("langfuse.observation.type"), w->llm ? SPAN("generation") : SPAN("span"));
    put_text(w, SPAN("langfuse.observation.level"), bad ? SPAN("ERROR") : SPAN("DEFAULT"));
    if (bad)
        put_field(w, SPAN("langfuse.observation.status_message"), ROW_REASON);
    put_cost_details(w);
    if (!w->llm)
        return;
    put_text(w, SPAN("langfuse.observation.model.name"), text_of(&w->row[ROW_MODEL]).at ? text_of(&w->row[ROW_MODEL]) : model_of(w->row));
    put_usage_details(w);
    if (number_of(&w->row[ROW_FIRST_BYTE_MS]) > 0)
        put_text(w, SPAN("langfuse.observation.completion_start_time"), text_time(number_of(&w->row[ROW_AT]) + number_of(&w->row[ROW_FIRST_BYTE_MS]), time));
}

/* ---- a call ---- */

static void put_llm(struct writing *w)
{
    put_text(w, SPAN("gen_ai.operation.name"), genai_operation(text_of(&w->row[ROW_OPERATION])));
    put_text(w, SPAN("gen_ai.provider.name"), genai_provider(text_of(&w->row[ROW_VENDOR])));
    put_text(w, SPAN("gen_ai.request.model"), model_of(w->row));
    put_field(w, SPAN("gen_ai.response.model"), ROW_MODEL);
    put_field(w, SPAN("gen_ai.response.id"), ROW_OBJECT_ID);
    put_field(w, SPAN("gen_ai.conversation.id"), ROW_RUN);
    put_count(w, SPAN("gen_ai.request.max_tokens"), ROW_OUTPUT_LIMIT);
    put_count(w, SPAN("gen_ai.usage.input_tokens"), ROW_INPUT_TOKENS);
    put_count(w, SPAN("gen_ai.usage.output_tokens"), ROW_OUTPUT_TOKENS);
    put_count(w, SPAN("gen_ai.usage.cache_read.input_tokens"), ROW_CACHED_TOKENS);
    put_count(w, SPAN("gen_ai.usage.reasoning.output_tokens"), ROW_REASONING_TOKENS);
}

static void put_http(struct writing *w)
{
    put_field(w, SPAN("http.request.method"), ROW_METHOD);
    put_field(w, SPAN("url.path"), ROW_PATH);
    if (number_of(&w->row[ROW_STATUS]) > 0)
        put_count(w, SPAN("http.response.status_code"), ROW_STATUS);
}

static void put_ours(struct writing *w, const struct store_link *link)
{
    static const struct {
        struct span key;
        enum row_tag tag;
    } texts[] = { { { "tollgate.workspace", 18 }, ROW_WORKSPACE }, { { "tollgate.key", 12 }, ROW_KEY }, { { "tollgate.key_name", 17 }, ROW_KEY_NAME },
        { { "tollgate.run", 12 }, ROW_RUN }, { { "tollgate.step", 13 }, ROW_STEP }, { { "tollgate.label", 14 }, ROW_LABEL },
        { { "tollgate.vendor", 15 }, ROW_VENDOR }, { { "tollgate.operation", 18 }, ROW_OPERATION }, { { "tollgate.verdict", 16 }, ROW_VERDICT },
        { { "tollgate.denied", 15 }, ROW_DENIED }, { { "tollgate.reason", 15 }, ROW_REASON }, { { "tollgate.policy", 15 }, ROW_POLICY_VERSION },
        { { "tollgate.route", 14 }, ROW_ROUTE }, { { "tollgate.cache", 14 }, ROW_CACHE }, { { "tollgate.outcome", 16 }, ROW_OUTCOME },
        { { "tollgate.price_snapshot", 23 }, ROW_PRICE_SNAPSHOT }, { { "tollgate.upstream_request_id", 28 }, ROW_REQUEST_ID } };
    char id[CALL_ID_TEXT + 1];
    put_text(w, SPAN("tollgate.call_id"), call_id_text(link->id, id));
    put_number(w, SPAN("tollgate.number"), link->number);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        put_field(w, texts[i].key, texts[i].tag);
    put_money(w, SPAN("tollgate.cost_usd"), &w->row[ROW_COST]);
    put_amount(w, SPAN("tollgate.cost"), &w->row[ROW_COST]);
    put_money(w, SPAN("tollgate.reserved_usd"), &w->row[ROW_RESERVED]);
    put_field(w, SPAN("user.id"), ROW_USER);
    put_field(w, SPAN("session.id"), ROW_RUN);
}

static void put_status(struct writing *w, bool bad, struct span message)
{
    json_name(&w->o, SPAN("status"));
    json_open(&w->o, '{');
    if (bad) {
        json_pair_i64(&w->o, SPAN("code"), STATUS_ERROR);
        json_pair(&w->o, SPAN("message"), message.at ? message : SPAN(""));
    }
    json_close(&w->o, '}');
}

/* Two words with a blank between them; the first alone when there is no second. */
static void put_name(struct writing *w, struct span first, struct span second)
{
    struct buf name;
    buf_init(&name, 2048);
    buf_put(&name, span_first(first.at ? first : SPAN("call"), 500));
    if (second.at) {
        buf_put_byte(&name, ' ');
        buf_put(&name, span_first(second, 500));
    }
    json_pair(&w->o, SPAN("name"), buf_span(&name));
    buf_free(&name);
}

static void open_span(struct writing *w, const char *span, const char *parent)
{
    json_open(&w->o, '{');
    json_pair(&w->o, SPAN("traceId"), span_of(w->trace));
    json_pair(&w->o, SPAN("spanId"), span_of(span));
    if (parent && *parent)
        json_pair(&w->o, SPAN("parentSpanId"), span_of(parent));
}

static void put_span_body(struct writing *w, int kind, int64_t from, int64_t to)
{
    json_pair_i64(&w->o, SPAN("kind"), kind);
    put_time(w, SPAN("startTimeUnixNano"), from);
    put_time(w, SPAN("endTimeUnixNano"), to > from ? to : from);
    json_name(&w->o, SPAN("attributes"));
    json_open(&w->o, '[');
}

static void put_call(struct writing *w, const struct store_link *link)
{
    char parent[HEX_SPAN + 1] = "";
    int64_t at = number_of(&w->row[ROW_AT]);
    bool bad = has_failed(w->row);
    (void)given(parent, &w->row[ROW_PARENT_SPAN], HEX_SPAN);
    open_span(w, w->span, parent);
    if (w->llm)
        put_name(w, genai_operation(text_of(&w->row[ROW_OPERATION])), model_of(w->row));
    else
        put_name(w, text_of(&w->row[ROW_METHOD]), text_of(&w->row[ROW_OPERATION]));
    put_span_body(w, KIND_CLIENT, at, at + number_of(&w->row[ROW_LATENCY_MS]));
    if (w->llm)
        put_llm(w);
    put_http(w);
    put_ours(w, link);
    if (bad)
        put_error_type(w, &w->row[ROW_STATUS]);
    if (w->rule->kind == EXPORT_LANGFUSE)
        put_langfuse(w);
    json_close(&w->o, ']');
    put_status(w, bad, text_of(&w->row[ROW_REASON]));
    json_close(&w->o, '}');
}

/* ---- an attempt ---- */

static void put_attempt(struct writing *w, uint64_t call, const struct row_value *attempt, unsigned number, int64_t from, int64_t to)
{
    char id[HEX_SPAN + 1];
    struct span model = text_of(&attempt[ROW_ATTEMPT_MODEL]), why = text_of(&attempt[ROW_ATTEMPT_WHY]);
    int64_t status = number_of(&attempt[ROW_ATTEMPT_STATUS]);
    bool bad = why.at || status >= 400;
    span_of_call(id, call, number);
    open_span(w, id, w->span);
    put_name(w, SPAN("attempt"), model.at ? model : text_of(&attempt[ROW_ATTEMPT_VENDOR]));
    put_span_body(w, KIND_CLIENT, from, to);
    put_number(w, SPAN("tollgate.attempt"), number);
    put_text(w, SPAN("tollgate.vendor"), text_of(&attempt[ROW_ATTEMPT_VENDOR]));
    put_text(w, SPAN("tollgate.target"), text_of(&attempt[ROW_ATTEMPT_PATH]));
    put_text(w, SPAN("tollgate.credential"), text_of(&attempt[ROW_ATTEMPT_CREDENTIAL]));
    put_money(w, SPAN("tollgate.cost_usd"), &attempt[ROW_ATTEMPT_COST]);
    if (model.at) {
        put_text(w, SPAN("gen_ai.provider.name"), genai_provider(text_of(&attempt[ROW_ATTEMPT_VENDOR])));
        put_text(w, SPAN("gen_ai.request.model"), model);
    }
    put_field(w, SPAN("http.request.method"), ROW_METHOD);
    if (status > 0)
        put_number(w, SPAN("http.response.status_code"), status);
    if (w->rule->kind == EXPORT_LANGFUSE)
        put_text(w, SPAN("langfuse.observation.type"), SPAN("span")); /* its tokens and cost are the call's, and counted there */
    json_close(&w->o, ']');
    put_status(w, bad, why);
    json_close(&w->o, '}');
}

static void put_attempts(struct writing *w, const struct store_link *link)
{
    struct row_value attempt[ROW_TAGS];
    struct span rest = row_inside(link->row);
    int64_t at = number_of(&w->row[ROW_AT]), end = at + number_of(&w->row[ROW_LATENCY_MS]);
    for (unsigned number = 1; row_next(&rest, ROW_ATTEMPT, attempt); number++) {
        int64_t to = at + number_of(&attempt[ROW_ATTEMPT_MS]);
        to = to > end ? end : to;
        put_attempt(w, link->id, attempt, number, at, to);
        at = to;
    }
}

/* ---- what came later ---- */

static void put_settlement(struct writing *w, const struct store_link *link)
{
    char call[HEX_SPAN + 1];
    int64_t at = number_of(&w->row[ROW_AT]);
    if (!given(call, &w->row[ROW_SPAN], HEX_SPAN))
        span_of_call(call, (uint64_t)number_of(&w->row[ROW_OF]), 0);
    open_span(w, w->span, call);
    put_name(w, SPAN("settlement"), text_of(&w->row[ROW_OPERATION]));
    put_span_body(w, KIND_INTERNAL, at, at);
    put_ours(w, link);
    if (w->rule->kind == EXPORT_LANGFUSE)
        put_langfuse(w);
    json_close(&w->o, ']');
    put_status(w, false, SPAN_NONE);
    json_close(&w->o, '}');
}

/* ---- a batch ---- */

bool spans_put(struct buf *out, const struct store_link *link, const struct export_rule *rule, bool more)
{
    struct row_value row[ROW_TAGS];
    struct writing w = { .o = json_out(out), .row = row, .rule = rule };
    if (link->kind != STORE_CALL && link->kind != STORE_SETTLEMENT)
        return false;
    row_read(link->row, row);
    w.llm = link->kind == STORE_CALL && model_of(row).at != NULL;
    w.o.comma = more;
    set_ids(&w, link);
    if (link->kind == STORE_SETTLEMENT) {
        put_settlement(&w, link);
        return true;
    }
    put_call(&w, link);
    put_attempts(&w, link);
    return true;
}

void spans_open(struct buf *out)
{
    buf_put(out, SPAN("{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"tollgate\"}},"
                      "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"" TOLLGATE_VERSION "\"}}]},"
                      "\"scopeSpans\":[{\"scope\":{\"name\":\"tollgate\",\"version\":\"" TOLLGATE_VERSION "\"},\"spans\":["));
}

void spans_close(struct buf *out) { buf_put(out, SPAN("]}]}]}")); }

/* SPDX-License-Identifier: Apache-2.0
 * openai_responses_answer.c - the response object, read and written.
 *
 * Ids of items that no vendor gave are made of the answer's id and the item's index, so that a stream and the response object at its
 * end (and the stored one) name the same item alike. */
#include "dialect/openai_responses_int.h"

#include "dialect/ask.h"

/* --- reading --- */

void responses_read_head(struct span response, struct arena *a, struct answer *out)
{
    struct span created = responses_said(response, SPAN("created_at"), a), head;
    out->id = responses_said(response, SPAN("id"), a);
    out->model = responses_said(response, SPAN("model"), a);
    out->tier = ask_tier(raw_text(responses_said(response, SPAN("service_tier"), a), a));
    if (span_cut(&created, '.', &head)) /* some say fractions of seconds */
        created = head;
    if (!json_raw_integer(created, &out->created))
        out->created = 0;
}

enum ending responses_ending(struct span response, const struct part *parts, bool malformed, struct arena *a)
{
    struct span reason = responses_said(responses_said(response, SPAN("incomplete_details"), a), SPAN("reason"), a);
    if (raw_is(responses_said(response, SPAN("status"), a), SPAN("incomplete")))
        return raw_is(reason, SPAN("content_filter")) ? ENDING_FILTER : ENDING_LENGTH;
    if (malformed)
        return ENDING_MALFORMED;
    if (part_first(parts, PART_TOOL_CALL))
        return ENDING_TOOLS;
    return part_first(parts, PART_REFUSAL) ? ENDING_REFUSAL : ENDING_TURN;
}

/* One that failed has an `error`, for read_fault. */
static bool is_answer(struct span body, struct arena *a)
{
    bool failed = raw_is(responses_said(body, SPAN("status"), a), SPAN("failed"));
    return !failed && raw_kind(responses_said(body, SPAN("output"), a)) == JSON_ARRAY && !responses_said(body, SPAN("error"), a).at;
}

enum err responses_read_answer(struct reader *r, struct span body, struct answer *out)
{
    struct item_reading items = { .json = r->json, .arena = r->arena };
    struct member none = { .name = SPAN("output") };
    answer_begin(out);
    if (!member_find(r->json, body, &none, 1, NULL) || !is_answer(body, r->arena))
        return r->arena->broken ? E_NO_MEMORY : E_UPSTREAM_BROKEN;
    struct choice *c = answer_choice(out, 0, r->arena);
    struct raw_iter it = raw_iter(none.raw, r->arena);
    struct span name, item;
    while (c && raw_next(&it, &name, &item)) {
        enum item_kind kind = responses_item_kind(item, r->arena);
        if (kind != ITEM_BROKEN && kind != ITEM_REFERENCE)
            responses_read_item(&items, item, kind, &c->parts);
    }
    for (struct part *p = c ? c->parts : NULL; p; p = p->next)
        if (p->kind == PART_THINKING && p->signature.at)
            p->signature = reader_signature(r, p->signature);
    responses_read_head(body, r->arena, out);
    responses_usage(r->json, body, r->arena, &out->usage);
    if (!c || r->arena->broken)
        return E_NO_MEMORY;
    c->ending = responses_ending(body, c->parts, items.malformed, r->arena);
    return items.why ? E_UPSTREAM_BROKEN : E_OK;
}

/* --- items that are written --- */

static bool is_message(const struct part *p) { return p->kind == PART_TEXT || p->kind == PART_REFUSAL || p->kind == PART_AUDIO; }

bool responses_signs_before(const struct part *p) { return p->kind != PART_THINKING && p->signature.at; }

/* What stands in a row of a message is one, unless the vendor said that they were two. */
const struct part *responses_item_end(const struct part *first)
{
    const struct part *p = first->next;
    while (p && is_message(first) && is_message(p) && span_is(p->item, first->item) && !responses_signs_before(p))
        p = p->next;
    return p;
}

static const char *prefix_of(const struct writer *w, const struct part *p)
{
    switch (p->kind) {
    case PART_THINKING:
        return "rs_";
    case PART_TOOL_CALL:
        return responses_custom_tool(w->call, p->name) ? "ctc_" : "fc_";
    case PART_IMAGE:
        return "ig_";
    default:
        return "msg_";
    }
}

struct span responses_item_id(struct writer *w, const struct part *first, int64_t index)
{
    return first->item.at ? first->item : made_up_id(prefix_of(w, first), span_hash(w->id, 0), (uint64_t)index, w->arena);
}

/* A sound is said by its words: there is no output of sounds there. */
void responses_put_content(struct writer *w, struct json_out *o, const struct part *p)
{
    json_open(o, '{');
    if (p->kind == PART_REFUSAL) {
        json_pair(o, SPAN("type"), SPAN("refusal"));
        json_pair_raw(o, SPAN("refusal"), p->text);
    } else {
        json_pair(o, SPAN("type"), SPAN("output_text"));
        json_name(o, SPAN("annotations"));
        responses_put_annotations(o, p, w->arena);
        json_pair_raw(o, SPAN("logprobs"), p->logprobs.at ? p->logprobs : SPAN("[]"));
        json_pair_raw(o, SPAN("text"), p->text.at ? p->text : SPAN("\"\""));
    }
    json_close(o, '}');
}

static void put_message(struct writer *w, struct json_out *o, const struct part *first, const struct part *end)
{
    json_pair(o, SPAN("role"), SPAN("assistant"));
    json_name(o, SPAN("content"));
    json_open(o, '[');
    for (const struct part *p = first; p != end; p = p->next)
        responses_put_content(w, o, p);
    json_close(o, ']');
}

static void put_reasoning(struct json_out *o, const struct part *p)
{
    json_name(o, SPAN("summary"));
    json_open(o, '[');
    if (p->text.len > 2) {
        json_open(o, '{');
        json_pair(o, SPAN("type"), SPAN("summary_text"));
        json_pair_raw(o, SPAN("text"), p->text);
        json_close(o, '}');
    }
    json_close(o, ']');
    if (p->signature.at)
        json_pair_raw(o, SPAN("encrypted_content"), p->signature);
}

/* `raw`: the arguments as they were streamed, broken ones too. */
static void put_call(struct writer *w, struct json_out *o, const struct part *p)
{
    bool custom = responses_custom_tool(w->call, p->name) != NULL;
    json_pair_raw(o, SPAN("call_id"), p->id);
    json_pair_raw(o, SPAN("name"), p->name);
    json_name(o, custom ? SPAN("input") : SPAN("arguments"));
    if (custom) {
        json_put_raw(o, responses_custom_input(p->arguments, w->arena));
    } else if (p->raw.at) {
        json_put_raw(o, p->raw);
    } else {
        put_as_string(o->buf, p->arguments.at ? p->arguments : SPAN("{}"));
        o->comma = true;
    }
}

static struct span type_name(const struct writer *w, const struct part *p)
{
    switch (p->kind) {
    case PART_THINKING:
        return SPAN("reasoning");
    case PART_TOOL_CALL:
        return responses_custom_tool(w->call, p->name) ? SPAN("custom_tool_call") : SPAN("function_call");
    case PART_IMAGE:
        return SPAN("image_generation_call");
    default:
        return SPAN("message");
    }
}

/* Arguments that the limit cut off. */
static bool is_cut_call(const struct part *p)
{
    struct span inside = raw_inside(p->raw);
    return p->kind == PART_TOOL_CALL && inside.len && !span_ends(span_trim(inside), SPAN("}"));
}

void responses_put_item(struct writer *w, struct json_out *o, const struct part *first, const struct part *end, int64_t index, struct span status)
{
    if (first->kind == PART_SERVER_TOOL) {
        json_put_raw(o, first->raw);
        return;
    }
    json_open(o, '{');
    json_pair_raw(o, SPAN("id"), responses_item_id(w, first, index));
    json_pair(o, SPAN("type"), type_name(w, first));
    if (first->kind != PART_THINKING)
        json_pair(o, SPAN("status"), is_cut_call(first) ? SPAN("incomplete") : status);
    if (first->kind == PART_THINKING)
        put_reasoning(o, first);
    else if (first->kind == PART_TOOL_CALL)
        put_call(w, o, first);
    else if (first->kind == PART_IMAGE)
        json_pair(o, SPAN("result"), first->media.data);
    else
        put_message(w, o, first, end);
    json_close(o, '}');
}

void responses_put_signature(struct writer *w, struct json_out *o, const struct part *p, int64_t index)
{
    struct part thought = { .kind = PART_THINKING, .text = SPAN("\"\""), .signature = p->signature };
    responses_put_item(w, o, &thought, NULL, index, SPAN_NONE);
}

/* What this dialect has no words for (a tool that another vendor ran, video) is not told. */
static bool is_sayable(struct writer *w, const struct part *p)
{
    return p->kind != PART_TOOL_RESULT && p->kind != PART_VIDEO && p->kind != PART_DOCUMENT &&
           (p->kind != PART_SERVER_TOOL || responses_knows_item(p->raw, w->arena));
}

static void put_output(struct writer *w, struct json_out *o, const struct choice *c, struct span status)
{
    int64_t index = 0;
    json_open(o, '[');
    for (const struct part *p = c ? c->parts : NULL, *end; p; p = end) {
        end = responses_item_end(p);
        if (!is_sayable(w, p))
            continue;
        if (responses_signs_before(p))
            responses_put_signature(w, o, p, index++);
        bool cut = !end && is_message(p) && span_is(status, SPAN("incomplete")); /* calls show it themselves */
        responses_put_item(w, o, p, end, index++, cut ? SPAN("incomplete") : SPAN("completed"));
    }
    json_close(o, ']');
}

/* --- the response object --- */

static void put_usage(struct json_out *o, const struct usage *u)
{
    const int64_t *t = u->tokens;
    int64_t written = t[METER_CACHE_WRITE] + t[METER_CACHE_WRITE_1H];
    json_name(o, SPAN("usage"));
    if (!u->known) {
        json_put_null(o);
        return;
    }
    json_open(o, '{');
    json_pair_i64(o, SPAN("input_tokens"), u->input_total);
    json_name(o, SPAN("input_tokens_details"));
    json_open(o, '{');
    json_pair_i64(o, SPAN("cached_tokens"), t[METER_CACHE_READ] + t[METER_AUDIO_CACHE_READ] + t[METER_IMAGE_CACHE_READ]);
    json_pair_i64(o, SPAN("cache_write_tokens"), written);
    if (t[METER_AUDIO_IN])
        json_pair_i64(o, SPAN("audio_tokens"), t[METER_AUDIO_IN]);
    json_close(o, '}');
    json_pair_i64(o, SPAN("output_tokens"), u->output_total);
    json_name(o, SPAN("output_tokens_details"));
    json_open(o, '{');
    json_pair_i64(o, SPAN("reasoning_tokens"), t[METER_REASON]);
    if (t[METER_AUDIO_OUT])
        json_pair_i64(o, SPAN("audio_tokens"), t[METER_AUDIO_OUT]);
    json_close(o, '}');
    json_pair_i64(o, SPAN("total_tokens"), u->input_total + u->output_total);
    json_close(o, '}');
}

static void put_number(struct json_out *o, struct span name, int64_t n)
{
    if (n < 0)
        json_pair_raw(o, name, SPAN_NONE);
    else
        json_pair_i64(o, name, n);
}

static void put_instructions(struct json_out *o, const struct call *c)
{
    const struct turn *t = c ? c->turns : NULL;
    bool said = t && t->role == ROLE_SYSTEM && t->parts && !t->parts->next && t->parts->kind == PART_TEXT;
    json_pair_raw(o, SPAN("instructions"), said ? t->parts->text : SPAN_NONE);
}

static void put_tools(struct json_out *o, const struct call *c)
{
    json_name(o, SPAN("tools"));
    json_open(o, '[');
    for (const struct tool *t = c ? c->tools : NULL; t; t = t->next)
        responses_put_tool(o, t);
    json_close(o, ']');
}

/* What was asked for, told again. */
static void put_echo(struct json_out *o, const struct call *said)
{
    static const struct call none = { .parallel_tools = -1, .output_limit = -1, .top_logprobs = -1, .store = -1 };
    const struct call *c = said ? said : &none;
    put_instructions(o, c);
    put_number(o, SPAN("max_output_tokens"), c->output_limit);
    json_pair_raw(o, SPAN("max_tool_calls"), SPAN_NONE);
    json_pair_bool(o, SPAN("background"), false);
    json_pair_bool(o, SPAN("parallel_tool_calls"), c->parallel_tools != 0);
    json_pair_raw(o, SPAN("previous_response_id"), c->previous);
    json_pair_raw(o, SPAN("prompt_cache_key"), c->cache_key);
    json_name(o, SPAN("reasoning"));
    json_open(o, '{');
    json_pair(o, SPAN("effort"), c->effort);
    json_pair(o, SPAN("summary"), c->show_thoughts == 1 ? SPAN("auto") : SPAN_NONE);
    json_close(o, '}');
    json_pair_bool(o, SPAN("store"), c->store != 0);
    json_pair_raw(o, SPAN("temperature"), c->temperature.at ? c->temperature : SPAN("1"));
    json_name(o, SPAN("text"));
    responses_put_text(o, c);
    json_name(o, SPAN("tool_choice"));
    responses_put_choice(o, c);
    put_tools(o, c);
    json_pair_i64(o, SPAN("top_logprobs"), c->top_logprobs < 0 ? 0 : c->top_logprobs);
    json_pair_raw(o, SPAN("top_p"), c->top_p.at ? c->top_p : SPAN("1"));
    json_pair(o, SPAN("truncation"), SPAN("disabled"));
    json_pair_raw(o, SPAN("user"), c->user);
    json_pair_raw(o, SPAN("metadata"), c->metadata.at ? c->metadata : SPAN("{}"));
}

/* Our own id, whatever the vendor's: what is kept of the conversation is found under it. */
static void put_id(struct writer *w, struct json_out *o)
{
    if (w->told_id.at) {
        json_pair_raw(o, SPAN("id"), w->told_id);
        return;
    }
    json_name(o, SPAN("id"));
    json_put_string(o, arena_print(w->arena, "resp_%.*s", SPAN_ARG(w->id.at ? w->id : SPAN("0"))));
}

static void put_error(struct writer *w, struct json_out *o, const struct fault *f)
{
    json_name(o, SPAN("error"));
    if (!f) {
        json_put_null(o);
        return;
    }
    json_open(o, '{');
    json_pair_raw(o, SPAN("code"), responses_fault_code(f, w->arena));
    json_pair_raw(o, SPAN("message"), f->message.at ? f->message : SPAN("\"\""));
    json_close(o, '}');
}

/* A refusal has a part of its own here; one that other vendors tell by the ending alone would look like an answer. */
static bool held_back(const struct choice *c)
{
    return c && (c->ending == ENDING_FILTER || (c->ending == ENDING_REFUSAL && !part_first(c->parts, PART_REFUSAL)));
}

static void put_incomplete(struct json_out *o, const struct choice *c, struct span status)
{
    json_name(o, SPAN("incomplete_details"));
    if (!span_is(status, SPAN("incomplete"))) {
        json_put_null(o);
        return;
    }
    json_open(o, '{');
    json_pair(o, SPAN("reason"), held_back(c) ? SPAN("content_filter") : SPAN("max_output_tokens"));
    json_close(o, '}');
}

struct span responses_status(const struct answer *answer)
{
    enum ending e = answer->choices ? answer->choices->ending : ENDING_NONE;
    bool cut = e == ENDING_LENGTH || e == ENDING_CONTEXT || held_back(answer->choices);
    return cut ? SPAN("incomplete") : SPAN("completed");
}

void responses_put_response(struct writer *w, struct json_out *o, const struct answer *answer, struct span status, const struct fault *fault)
{
    const struct choice *c = answer->choices;
    bool open = span_is(status, SPAN("in_progress"));
    json_open(o, '{');
    put_id(w, o);
    json_pair(o, SPAN("object"), SPAN("response"));
    json_pair_i64(o, SPAN("created_at"), answer->created ? answer->created : w->created);
    json_pair(o, SPAN("status"), status);
    put_error(w, o, fault);
    put_incomplete(o, c, status);
    json_name(o, SPAN("model"));
    if (answer->model.at || !w->call)
        json_put_raw(o, answer->model.at ? answer->model : SPAN("\"\""));
    else
        json_put_string(o, w->call->model.at ? w->call->model : SPAN(""));
    json_name(o, SPAN("output"));
    put_output(w, o, open ? NULL : c, status);
    json_pair(o, SPAN("service_tier"), answer->tier.at ? answer->tier : SPAN("default"));
    put_echo(o, w->call);
    if (open)
        json_pair_raw(o, SPAN("usage"), SPAN_NONE);
    else
        put_usage(o, &answer->usage);
    json_close(o, '}');
}

void responses_write_answer(struct writer *w, const struct answer *answer)
{
    struct json_out o = json_out(w->out);
    responses_put_response(w, &o, answer, responses_status(answer), NULL);
    if (w->arena->broken)
        w->out->broken = true;
}

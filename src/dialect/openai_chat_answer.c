/* SPDX-License-Identifier: Apache-2.0
 * openai_chat_answer.c - whole answers of chat completions, read and written. */
#include "dialect/openai_chat_int.h"

enum { CHOICES_MOST = 1024 };

/* --- reading --- */

enum ending chat_ending(struct span finish_reason, struct arena *a, bool *broken)
{
    static const struct {
        struct span word;
        enum ending ending;
    } known[] = { { { "stop", 4 }, ENDING_TURN }, { { "tool_calls", 10 }, ENDING_TOOLS }, { { "length", 6 }, ENDING_LENGTH },
        { { "content_filter", 14 }, ENDING_FILTER }, { { "function_call", 13 }, ENDING_TOOLS }, { { "tool_use", 8 }, ENDING_TOOLS },
        { { "max_tokens", 10 }, ENDING_LENGTH }, { { "model_length", 12 }, ENDING_CONTEXT }, { { "safety", 6 }, ENDING_FILTER },
        { { "sensitive", 9 }, ENDING_FILTER }, { { "refusal", 7 }, ENDING_REFUSAL } };
    struct span word = raw_text(finish_reason, a);
    *broken = span_is(word, SPAN("error")) || span_is(word, SPAN("insufficient_system_resource"));
    if (!word.at)
        return ENDING_NONE;
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (span_is(known[i].word, word))
            return known[i].ending;
    return ENDING_TURN;
}

/* Some say "stop" whatever it was. */
static enum ending better(enum ending e, const struct part *parts)
{
    for (const struct part *p = parts; p; p = p->next)
        if (p->kind == PART_TOOL_CALL && p->raw.at && e != ENDING_LENGTH)
            return ENDING_MALFORMED;
    if (e != ENDING_TURN && e != ENDING_NONE)
        return e;
    if (part_first(parts, PART_TOOL_CALL))
        return ENDING_TOOLS;
    return part_first(parts, PART_REFUSAL) ? ENDING_REFUSAL : ENDING_TURN;
}

static void read_logprobs(struct chat_reading *r, struct span raw, struct choice *c)
{
    static const enum part_kind kinds[] = { PART_TEXT, PART_REFUSAL };
    const struct span names[] = { SPAN("content"), SPAN("refusal") };
    for (size_t i = 0; i < 2; i++) {
        struct span list = raw_member(raw, names[i], r->arena);
        for (struct part *p = c->parts; p && raw_kind(list) == JSON_ARRAY; p = p->next)
            if (p->kind == kinds[i]) {
                p->logprobs = list;
                break;
            }
    }
}

static bool read_choice(struct chat_reading *r, struct span raw, int64_t place, struct answer *out)
{
    struct member m[] = { { .name = SPAN("index") }, { .name = SPAN("message") }, { .name = SPAN("finish_reason") },
        { .name = SPAN("logprobs") }, { .name = SPAN("stop_reason") } };
    struct chat_place at = { -1, "choices", place };
    struct span name;
    bool broken;
    int64_t index;
    chat_members(r, raw, m, 5, &at);
    struct choice *c = answer_choice(out, json_raw_integer(m[0].raw, &index) ? index : place, r->arena);
    if (!c || m[1].kind != JSON_OBJECT)
        return false;
    chat_read_assistant(r, m[1].raw, 0, &c->parts, &name);
    c->ending = better(chat_ending(m[2].raw, r->arena, &broken), c->parts);
    if (m[4].kind == JSON_STRING && c->ending == ENDING_TURN) { /* vLLM tells which stop it was */
        c->stop = m[4].raw;
        c->ending = ENDING_STOP;
    }
    read_logprobs(r, m[3].raw, c);
    return !broken;
}

struct top {
    struct member m[6];
};
enum { T_ID, T_MODEL, T_CREATED, T_CHOICES, T_TIER, T_FINGERPRINT };

static bool visit(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct top *t = self;
    for (size_t i = 0; i < sizeof(t->m) / sizeof(*t->m); i++)
        if (span_is(t->m[i].name, name) && kind != JSON_NULL) {
            t->m[i].raw = raw;
            t->m[i].kind = kind;
        }
    return true;
}

static struct span string_or_none(const struct member *m) { return m->kind == JSON_STRING && m->raw.len > 2 ? m->raw : SPAN_NONE; }

enum err chat_read_answer(struct reader *r, struct span body, struct answer *out)
{
    struct top t = { { { .name = SPAN("id") }, { .name = SPAN("model") }, { .name = SPAN("created") }, { .name = SPAN("choices") },
        { .name = SPAN("service_tier") }, { .name = SPAN("system_fingerprint") } } };
    struct chat_reading reading = { .json = r->json, .arena = r->arena, .reader = r, .seed = r->seed };
    struct span name, item;
    const char *why;
    int64_t place = 0;
    answer_begin(out);
    if (json_scan(r->json, body, true, visit, &t, &why) || t.m[T_CHOICES].kind != JSON_ARRAY)
        return E_UPSTREAM_BROKEN;
    out->id = string_or_none(&t.m[T_ID]);
    out->model = string_or_none(&t.m[T_MODEL]);
    if (!json_raw_integer(t.m[T_CREATED].raw, &out->created))
        out->created = 0;
    out->tier = ask_tier(raw_text(t.m[T_TIER].raw, r->arena));
    out->fingerprint = string_or_none(&t.m[T_FINGERPRINT]);
    for (struct raw_iter it = raw_iter(t.m[T_CHOICES].raw, r->arena); raw_next(&it, &name, &item);)
        if (place >= CHOICES_MOST || !read_choice(&reading, item, place++, out))
            return E_UPSTREAM_BROKEN;
    chat_read_usage(r->json, body, r->arena, &out->usage);
    if (r->arena->broken)
        return E_NO_MEMORY;
    return reading.error ? E_UPSTREAM_BROKEN : E_OK;
}

/* --- writing --- */

struct span chat_finish_reason(enum ending e, bool refused)
{
    switch (e) {
    case ENDING_LENGTH:
    case ENDING_CONTEXT:
        return SPAN("length");
    case ENDING_TOOLS:
        return SPAN("tool_calls");
    case ENDING_FILTER:
        return SPAN("content_filter");
    case ENDING_REFUSAL:
        return refused ? SPAN("stop") : SPAN("content_filter");
    default:
        return SPAN("stop");
    }
}

void chat_write_usage(struct json_out *o, const struct usage *u)
{
    const int64_t *t = u->tokens;
    int64_t written = t[METER_CACHE_WRITE] + t[METER_CACHE_WRITE_1H];
    json_open(o, '{');
    json_pair_i64(o, SPAN("prompt_tokens"), u->input_total);
    json_pair_i64(o, SPAN("completion_tokens"), u->output_total);
    json_pair_i64(o, SPAN("total_tokens"), u->input_total + u->output_total);
    json_name(o, SPAN("prompt_tokens_details"));
    json_open(o, '{');
    json_pair_i64(o, SPAN("cached_tokens"), t[METER_CACHE_READ] + t[METER_AUDIO_CACHE_READ] + t[METER_IMAGE_CACHE_READ]);
    json_pair_i64(o, SPAN("audio_tokens"), t[METER_AUDIO_IN] + t[METER_AUDIO_CACHE_READ]);
    if (written > 0)
        json_pair_i64(o, SPAN("cache_write_tokens"), written);
    json_close(o, '}');
    json_name(o, SPAN("completion_tokens_details"));
    json_open(o, '{');
    json_pair_i64(o, SPAN("reasoning_tokens"), t[METER_REASON]);
    json_pair_i64(o, SPAN("audio_tokens"), t[METER_AUDIO_OUT]);
    json_pair_i64(o, SPAN("accepted_prediction_tokens"), 0);
    json_pair_i64(o, SPAN("rejected_prediction_tokens"), 0);
    json_close(o, '}');
    json_close(o, '}');
}

/* Half a pair of surrogates does not begin a character. */
static bool second_half(struct span rest)
{
    return rest.len >= 6 && rest.at[1] == 'u' && (rest.at[2] == 'd' || rest.at[2] == 'D') && strchr("cCdDeEfF", rest.at[3]);
}

int64_t chat_characters(struct span raw)
{
    struct span rest = raw_inside(raw);
    int64_t count = 0;
    while (rest.len) {
        if (*rest.at == '\\') {
            count += !second_half(rest);
            rest = span_from(rest, rest.len > 1 && rest.at[1] == 'u' ? 6 : 2);
            continue;
        }
        count += ((unsigned char)*rest.at & 0xc0) != 0x80;
        rest = span_from(rest, 1);
    }
    return count;
}

void chat_write_citation(struct json_out *o, const struct citation *c, int64_t from, int64_t to)
{
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("url_citation"));
    json_name(o, SPAN("url_citation"));
    json_open(o, '{');
    json_pair_i64(o, SPAN("start_index"), from);
    json_pair_i64(o, SPAN("end_index"), to);
    json_pair_raw(o, SPAN("url"), c->url);
    json_pair_raw(o, SPAN("title"), c->title.at ? c->title : SPAN("\"\""));
    json_close(o, '}');
    json_close(o, '}');
}

/* Places are told in the joined text; a citation without one is of its whole part. Sources without an address cannot be told. */
static void write_annotations(struct json_out *o, const struct part *parts)
{
    bool any = false;
    int64_t before = 0;
    for (const struct part *p = parts; p; p = p->next)
        for (const struct citation *c = p->citations; c; c = c->next)
            any = any || c->url.at;
    json_name(o, SPAN("annotations"));
    json_open(o, '[');
    for (const struct part *p = any ? parts : NULL; p; p = p->next) {
        int64_t len = p->kind == PART_TEXT ? chat_characters(p->text) : 0;
        for (const struct citation *c = p->citations; c; c = c->next)
            if (c->url.at)
                chat_write_citation(o, c, before + (c->from < 0 ? 0 : c->from), before + (c->to < 0 ? len : c->to));
        before += len;
    }
    json_close(o, ']');
}

static void write_joined(struct json_out *o, struct span name, const struct part *parts, enum part_kind kind, bool null)
{
    bool any = part_first(parts, kind) != NULL;
    if (!any && !null)
        return;
    json_name(o, name);
    if (!any) {
        json_put_null(o);
        return;
    }
    put_joined(o->buf, parts, kind, SPAN(""));
    o->comma = true;
}

/* Pictures that the model made: OpenRouter's way, for OpenAI has none. */
static void write_images(struct json_out *o, const struct part *parts)
{
    if (!part_first(parts, PART_IMAGE))
        return;
    json_name(o, SPAN("images"));
    json_open(o, '[');
    for (const struct part *p = parts; p; p = p->next) {
        if (p->kind != PART_IMAGE)
            continue;
        json_open(o, '{');
        json_pair(o, SPAN("type"), SPAN("image_url"));
        json_name(o, SPAN("image_url"));
        json_open(o, '{');
        json_name(o, SPAN("url"));
        if (p->media.data.at)
            put_data_url(o->buf, &p->media);
        else
            buf_put(o->buf, p->media.url.at ? p->media.url : SPAN("\"\""));
        o->comma = true;
        json_close(o, '}');
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void write_voice(struct json_out *o, const struct part *p, int64_t created)
{
    if (!p)
        return;
    json_name(o, SPAN("audio"));
    json_open(o, '{');
    json_pair_raw(o, SPAN("id"), p->id.at ? p->id : SPAN("\"audio\""));
    json_name(o, SPAN("data"));
    buf_put_byte(o->buf, '"');
    buf_put(o->buf, p->media.data);
    buf_put_byte(o->buf, '"');
    o->comma = true;
    json_pair_i64(o, SPAN("expires_at"), created);
    json_pair_raw(o, SPAN("transcript"), p->text.at ? p->text : SPAN("\"\""));
    json_close(o, '}');
}

static void write_calls(struct json_out *o, const struct part *parts)
{
    if (!part_first(parts, PART_TOOL_CALL))
        return;
    json_name(o, SPAN("tool_calls"));
    json_open(o, '[');
    for (const struct part *p = parts; p; p = p->next) {
        if (p->kind == PART_TOOL_CALL)
            chat_write_tool_call(o, p, -1, p->arguments, p->signature);
    }
    json_close(o, ']');
}

static void write_message(struct json_out *o, const struct choice *c, bool thoughts, int64_t created)
{
    const struct part *text = part_first(c->parts, PART_TEXT);
    bool signed_too = false;
    for (const struct part *p = c->parts; p; p = p->next)
        signed_too = signed_too || (p->kind == PART_THINKING && p->signature.at);
    json_open(o, '{');
    json_pair(o, SPAN("role"), SPAN("assistant"));
    write_joined(o, SPAN("content"), c->parts, PART_TEXT, true);
    write_joined(o, SPAN("refusal"), c->parts, PART_REFUSAL, true);
    write_annotations(o, c->parts);
    if (thoughts)
        write_joined(o, SPAN("reasoning_content"), c->parts, PART_THINKING, false);
    if (thoughts && signed_too)
        chat_write_details(o, c->parts);
    write_images(o, c->parts);
    write_voice(o, part_first(c->parts, PART_AUDIO), created);
    write_calls(o, c->parts);
    if (text && text->signature.at)
        chat_write_signature(o, text->signature);
    json_close(o, '}');
}

static void write_list(struct json_out *o, struct span name, const struct part *parts, enum part_kind kind)
{
    bool any = false;
    json_name(o, name);
    for (const struct part *p = parts; p; p = p->next) {
        struct span raw = p->kind == kind ? p->logprobs : SPAN_NONE;
        if (raw.len <= 2)
            continue;
        buf_put_byte(o->buf, any ? ',' : '[');
        buf_put(o->buf, span_make(raw.at + 1, raw.len - 2));
        any = true;
    }
    buf_put(o->buf, any ? SPAN("]") : SPAN("null"));
    o->comma = true;
}

static void write_logprobs(struct json_out *o, const struct part *parts)
{
    bool any = false;
    for (const struct part *p = parts; p; p = p->next)
        any = any || p->logprobs.at;
    json_name(o, SPAN("logprobs"));
    if (!any) {
        json_put_null(o);
        return;
    }
    json_open(o, '{');
    write_list(o, SPAN("content"), parts, PART_TEXT);
    write_list(o, SPAN("refusal"), parts, PART_REFUSAL);
    json_close(o, '}');
}

static void write_choice(struct json_out *o, const struct choice *c, bool thoughts, int64_t created)
{
    json_open(o, '{');
    json_pair_i64(o, SPAN("index"), c->index);
    json_name(o, SPAN("message"));
    write_message(o, c, thoughts, created);
    write_logprobs(o, c->parts);
    json_pair(o, SPAN("finish_reason"), chat_finish_reason(c->ending, part_first(c->parts, PART_REFUSAL)));
    json_close(o, '}');
}

void chat_write_answer(struct writer *w, const struct answer *answer)
{
    struct json_out o = json_out(w->out);
    int64_t created = answer->created ? answer->created : w->created;
    bool thoughts = !w->call || w->call->show_thoughts != 0;
    json_open(&o, '{');
    if (answer->id.at)
        json_pair_raw(&o, SPAN("id"), answer->id);
    else
        json_pair(&o, SPAN("id"), w->id);
    json_pair(&o, SPAN("object"), SPAN("chat.completion"));
    json_pair_i64(&o, SPAN("created"), created);
    if (answer->model.at)
        json_pair_raw(&o, SPAN("model"), answer->model);
    else
        json_pair(&o, SPAN("model"), w->call && w->call->model.at ? w->call->model : SPAN(""));
    json_name(&o, SPAN("choices"));
    json_open(&o, '[');
    for (const struct choice *c = answer->choices; c; c = c->next)
        write_choice(&o, c, thoughts, created);
    json_close(&o, ']');
    if (answer->usage.known || answer->usage.estimated) {
        json_name(&o, SPAN("usage"));
        chat_write_usage(&o, &answer->usage);
    }
    if (answer->tier.at)
        json_pair(&o, SPAN("service_tier"), answer->tier);
    if (answer->fingerprint.at)
        json_pair_raw(&o, SPAN("system_fingerprint"), answer->fingerprint);
    json_close(&o, '}');
}

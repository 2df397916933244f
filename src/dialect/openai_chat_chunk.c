/* SPDX-License-Identifier: Apache-2.0
 * openai_chat_chunk.c - writes events as the chunks of a streamed answer, in OpenAI's order: for each choice one with the role, then one
 * for each piece, one with the finish reason; usage last, if it was asked for, in a chunk without choices; [DONE].
 *
 * Thoughts go as `reasoning_content`, piece by piece. A signature goes behind its thought, in `reasoning_details`, with the whole text: so
 * whoever sends that list back, sends all that the vendor needs. */
#include "dialect/openai_chat_int.h"

/* What of a part can only be told at its end. */
struct kept {
    struct span text;
    struct kept *next;
};
struct keeping {
    struct kept *first, *last;
};

struct told_choice {
    int64_t index;
    bool begun;            /* its role was told */
    bool refused;
    int64_t calls;         /* tool calls so far; the open one is the last of them */
    bool arguments;        /* of the open call were told */
    int64_t thoughts;      /* with a signature so far */
    struct part open;      /* the open part: kind, redacted, media */
    struct keeping text, signature, data;
    int64_t before, here;  /* characters of text before the open part, and in it */
    struct told_choice *next;
};

struct chunks {
    struct span head;      /* `data: {"id":...,"choices":[` */
    struct span tail;      /* behind the choices */
    struct told_choice *choices;
};

/* --- frames --- */

static struct span make_head(struct writer *w)
{
    struct buf text;
    struct json_out o = json_out(&text);
    buf_init(&text, 1 << 16);
    buf_put(&text, SPAN("data: "));
    json_open(&o, '{');
    if (w->head.id.at)
        json_pair_raw(&o, SPAN("id"), w->head.id);
    else
        json_pair(&o, SPAN("id"), w->id.at ? w->id : SPAN(""));
    json_pair(&o, SPAN("object"), SPAN("chat.completion.chunk"));
    json_pair_i64(&o, SPAN("created"), w->head.created ? w->head.created : w->created);
    if (w->head.model.at)
        json_pair_raw(&o, SPAN("model"), w->head.model);
    else
        json_pair(&o, SPAN("model"), w->call && w->call->model.at ? w->call->model : SPAN(""));
    if (w->head.tier.at)
        json_pair(&o, SPAN("service_tier"), w->head.tier);
    if (w->head.fingerprint.at)
        json_pair_raw(&o, SPAN("system_fingerprint"), w->head.fingerprint);
    json_name(&o, SPAN("choices"));
    json_open(&o, '[');
    struct span head = text.broken ? SPAN("data: {\"choices\":[") : arena_copy(w->arena, buf_span(&text));
    buf_free(&text);
    return head;
}

static struct chunks *state_of(struct writer *w)
{
    struct chunks *s = w->state;
    if (s || !(s = ARENA_NEW(w->arena, struct chunks)))
        return s;
    w->state = s;
    s->tail = w->usage_wanted ? SPAN("],\"usage\":null}\n\n") : SPAN("]}\n\n");
    return s;
}

/* Up to the inside of a delta. */
static struct json_out open_chunk(struct writer *w, const struct told_choice *c)
{
    struct chunks *s = w->state;
    struct json_out o = json_out(w->out);
    if (!s->head.at)
        s->head = make_head(w);
    buf_put(w->out, s->head);
    buf_put(w->out, SPAN("{\"index\":"));
    buf_put_i64(w->out, c->index);
    buf_put(w->out, SPAN(",\"delta\":{"));
    return o;
}

static void close_chunk(struct writer *w, struct span finish_reason)
{
    struct chunks *s = w->state;
    buf_put(w->out, SPAN("},\"logprobs\":null,\"finish_reason\":"));
    if (finish_reason.at) {
        buf_put_byte(w->out, '"');
        buf_put(w->out, finish_reason);
        buf_put_byte(w->out, '"');
    } else {
        buf_put(w->out, SPAN("null"));
    }
    buf_put_byte(w->out, '}');
    buf_put(w->out, s->tail);
}

/* A delta of one member. */
static void put_simple(struct writer *w, const struct told_choice *c, struct span name, struct span raw)
{
    struct json_out o = open_chunk(w, c);
    json_pair_raw(&o, name, raw);
    close_chunk(w, SPAN_NONE);
}

static void put_role(struct writer *w, struct told_choice *c)
{
    struct json_out o = open_chunk(w, c);
    c->begun = true;
    json_pair(&o, SPAN("role"), SPAN("assistant"));
    json_pair(&o, SPAN("content"), SPAN(""));
    json_pair(&o, SPAN("refusal"), SPAN_NONE);
    close_chunk(w, SPAN_NONE);
}

static struct told_choice *choice_of(struct writer *w, struct chunks *s, int64_t index)
{
    struct told_choice **end = &s->choices;
    while (*end && (*end)->index != index)
        end = &(*end)->next;
    if (!*end && (*end = ARENA_NEW(w->arena, struct told_choice)))
        (*end)->index = index;
    if (*end && !(*end)->begun)
        put_role(w, *end);
    return *end;
}

/* --- what is kept for the end of a part --- */

static void keep(struct writer *w, struct keeping *k, struct span raw)
{
    struct span inside = raw_inside(raw);
    struct kept *one = inside.len ? ARENA_NEW(w->arena, struct kept) : NULL;
    if (!one)
        return;
    one->text = arena_copy(w->arena, inside);
    if (k->last)
        k->last->next = one;
    else
        k->first = one;
    k->last = one;
}

/* All pieces as one raw string. */
static struct span whole(struct writer *w, const struct keeping *k)
{
    size_t len = 2;
    for (const struct kept *one = k->first; one; one = one->next)
        len += one->text.len;
    char *text = arena_take(w->arena, len), *at = text;
    if (!text)
        return SPAN("\"\"");
    *at++ = '"';
    for (const struct kept *one = k->first; one; at += one->text.len, one = one->next)
        memcpy(at, one->text.at, one->text.len);
    *at = '"';
    return span_make(text, len);
}

/* --- parts --- */

static bool shows_thoughts(const struct writer *w) { return !w->call || w->call->show_thoughts != 0; }

static void put_call(struct writer *w, struct told_choice *c, const struct part *p)
{
    struct json_out o = open_chunk(w, c);
    json_name(&o, SPAN("tool_calls"));
    json_open(&o, '[');
    chat_write_tool_call(&o, p, c->calls++, SPAN(""), p->signature);
    json_close(&o, ']');
    close_chunk(w, SPAN_NONE);
    c->arguments = false;
}

static void put_arguments(struct writer *w, struct told_choice *c, struct span raw)
{
    struct json_out o = open_chunk(w, c);
    (void)o;
    c->arguments = true;
    buf_put(w->out, SPAN("\"tool_calls\":[{\"index\":"));
    buf_put_i64(w->out, c->calls - 1);
    buf_put(w->out, SPAN(",\"function\":{\"arguments\":"));
    buf_put(w->out, raw);
    buf_put(w->out, SPAN("}}]"));
    close_chunk(w, SPAN_NONE);
}

static void put_call_signature(struct writer *w, const struct told_choice *c, struct span signature)
{
    struct json_out o = open_chunk(w, c);
    json_name(&o, SPAN("tool_calls"));
    json_open(&o, '[');
    json_open(&o, '{');
    json_pair_i64(&o, SPAN("index"), c->calls - 1);
    chat_write_signature(&o, signature);
    json_close(&o, '}');
    json_close(&o, ']');
    close_chunk(w, SPAN_NONE);
}

static void put_voice(struct writer *w, const struct told_choice *c, struct span name, struct span raw)
{
    struct json_out o = open_chunk(w, c);
    json_name(&o, SPAN("audio"));
    json_open(&o, '{');
    json_pair_raw(&o, name, raw);
    json_close(&o, '}');
    close_chunk(w, SPAN_NONE);
}

static void put_image(struct writer *w, const struct told_choice *c)
{
    struct media m = c->open.media;
    if (c->data.first)
        m.data = raw_inside(whole(w, &c->data));
    if (!m.data.at && !m.url.at)
        return;
    struct json_out o = open_chunk(w, c);
    json_name(&o, SPAN("images"));
    json_open(&o, '[');
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), SPAN("image_url"));
    json_name(&o, SPAN("image_url"));
    json_open(&o, '{');
    json_name(&o, SPAN("url"));
    if (m.data.at)
        put_data_url(w->out, &m);
    else
        buf_put(w->out, m.url);
    json_close(&o, '}');
    json_close(&o, '}');
    json_close(&o, ']');
    close_chunk(w, SPAN_NONE);
}

static void put_detail(struct writer *w, struct told_choice *c)
{
    struct json_out o = open_chunk(w, c);
    json_name(&o, SPAN("reasoning_details"));
    json_open(&o, '[');
    chat_write_detail(&o, whole(w, &c->text), whole(w, &c->signature), c->open.redacted, c->thoughts++);
    json_close(&o, ']');
    close_chunk(w, SPAN_NONE);
}

static void begin_part(struct writer *w, struct told_choice *c, const struct part *p)
{
    c->open = (struct part){ .kind = p->kind, .redacted = p->redacted, .media = p->media };
    c->open.media.type = arena_copy(w->arena, p->media.type);
    c->open.media.url = arena_copy(w->arena, p->media.url);
    c->open.media.data = arena_copy(w->arena, p->media.data);
    c->text = c->signature = c->data = (struct keeping){ 0 };
    c->before += c->here;
    c->here = 0;
    if (p->kind == PART_THINKING)
        keep(w, &c->signature, p->signature);
    else if (p->kind == PART_TOOL_CALL)
        put_call(w, c, p);
    else if (p->kind == PART_AUDIO && p->id.at)
        put_voice(w, c, SPAN("id"), p->id);
}

static void put_text(struct writer *w, struct told_choice *c, struct span raw)
{
    switch (c->open.kind) {
    case PART_TEXT:
        c->here += chat_characters(raw);
        put_simple(w, c, SPAN("content"), raw);
        break;
    case PART_REFUSAL:
        c->refused = true;
        put_simple(w, c, SPAN("refusal"), raw);
        break;
    case PART_THINKING:
        keep(w, &c->text, raw);
        if (shows_thoughts(w))
            put_simple(w, c, SPAN("reasoning_content"), raw);
        break;
    case PART_AUDIO:
        put_voice(w, c, SPAN("transcript"), raw);
        break;
    default:
        break;
    }
}

static void put_citation(struct writer *w, const struct told_choice *c, const struct citation *cited)
{
    if (!cited || !cited->url.at) /* a source without an address cannot be told */
        return;
    struct json_out o = open_chunk(w, c);
    json_name(&o, SPAN("annotations"));
    json_open(&o, '[');
    chat_write_citation(&o, cited, c->before + (cited->from < 0 ? 0 : cited->from), c->before + (cited->to < 0 ? c->here : cited->to));
    json_close(&o, ']');
    close_chunk(w, SPAN_NONE);
}

static void put_logprobs(struct writer *w, const struct told_choice *c, struct span raw)
{
    struct chunks *s = w->state;
    (void)open_chunk(w, c);
    bool refusal = c->open.kind == PART_REFUSAL;
    buf_put(w->out, refusal ? SPAN("},\"logprobs\":{\"content\":null,\"refusal\":") : SPAN("},\"logprobs\":{\"content\":"));
    buf_put(w->out, raw);
    buf_put(w->out, refusal ? SPAN("},\"finish_reason\":null}") : SPAN(",\"refusal\":null},\"finish_reason\":null}"));
    buf_put(w->out, s->tail);
}

static void put_signature(struct writer *w, struct told_choice *c, struct span raw)
{
    if (c->open.kind == PART_THINKING) {
        keep(w, &c->signature, raw);
    } else if (c->open.kind == PART_TOOL_CALL) {
        put_call_signature(w, c, raw);
    } else if (c->open.kind == PART_TEXT) {
        struct json_out o = open_chunk(w, c);
        chat_write_signature(&o, raw);
        close_chunk(w, SPAN_NONE);
    }
}

static void put_delta(struct writer *w, struct told_choice *c, const struct event *e)
{
    switch (e->delta) {
    case DELTA_TEXT:
        put_text(w, c, e->text);
        break;
    case DELTA_ARGUMENTS:
        put_arguments(w, c, e->text);
        break;
    case DELTA_SIGNATURE:
        put_signature(w, c, e->text);
        break;
    case DELTA_CITATION:
        put_citation(w, c, e->citation);
        break;
    case DELTA_LOGPROBS:
        put_logprobs(w, c, e->text);
        break;
    case DELTA_DATA:
        if (c->open.kind == PART_AUDIO)
            put_voice(w, c, SPAN("data"), e->text);
        else
            keep(w, &c->data, e->text);
        break;
    }
}

static void end_part(struct writer *w, struct told_choice *c)
{
    if (c->open.kind == PART_TOOL_CALL && !c->arguments)
        put_arguments(w, c, SPAN("\"{}\""));
    else if (c->open.kind == PART_THINKING && c->signature.first && shows_thoughts(w))
        put_detail(w, c);
    else if (c->open.kind == PART_IMAGE)
        put_image(w, c);
}

/* --- the whole --- */

static void begin(struct writer *w, struct chunks *s, const struct event *e)
{
    const struct answer *a = e->answer;
    if (a)
        w->head = (struct answer){
            .id = arena_copy(w->arena, a->id),
            .model = arena_copy(w->arena, a->model),
            .created = a->created,
            .tier = arena_copy(w->arena, a->tier),
            .fingerprint = arena_copy(w->arena, a->fingerprint),
        };
    if (e->usage)
        w->usage = *e->usage;
    choice_of(w, s, 0);
}

static void end(struct writer *w)
{
    struct chunks *s = w->state;
    if (w->usage_wanted && (w->usage.known || w->usage.estimated)) {
        struct json_out o = json_out(w->out);
        if (!s->head.at)
            s->head = make_head(w);
        buf_put(w->out, s->head);
        buf_put(w->out, SPAN("],\"usage\":"));
        chat_write_usage(&o, &w->usage);
        buf_put(w->out, SPAN("}\n\n"));
    }
    buf_put(w->out, SPAN("data: [DONE]\n\n"));
}

static void put_error(struct writer *w, const struct fault *fault)
{
    buf_put(w->out, SPAN("data: "));
    chat_write_fault(w->out, fault, SPAN_NONE, SPAN_NONE);
    buf_put(w->out, SPAN("\n\n"));
}

void chat_write_event(struct writer *w, const struct event *e)
{
    struct chunks *s = state_of(w);
    struct told_choice *c = NULL;
    if (!s)
        return;
    bool of_choice = e->kind == EVENT_PART || e->kind == EVENT_DELTA || e->kind == EVENT_PART_END || e->kind == EVENT_CHOICE_END;
    if (of_choice && !(c = choice_of(w, s, e->choice)))
        return;
    switch (e->kind) {
    case EVENT_START:
        begin(w, s, e);
        break;
    case EVENT_PART:
        begin_part(w, c, e->opens);
        break;
    case EVENT_DELTA:
        put_delta(w, c, e);
        break;
    case EVENT_PART_END:
        end_part(w, c);
        break;
    case EVENT_CHOICE_END:
        (void)open_chunk(w, c);
        close_chunk(w, chat_finish_reason(e->ending, c->refused));
        break;
    case EVENT_USAGE:
        w->usage = *e->usage;
        break;
    case EVENT_END:
        end(w);
        break;
    case EVENT_ERROR:
        put_error(w, e->fault);
        break;
    }
}

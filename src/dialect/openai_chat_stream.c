/* SPDX-License-Identifier: Apache-2.0
 * openai_chat_stream.c - reads the chunks of a streamed answer, as OpenAI and its many imitators write them, into events.
 *
 * They differ in nearly everything but `choices[].delta`: the first chunk may lack a role or choices; content may be null, empty or a
 * list; usage may come on each chunk, on the last, or within x_groq; a tool call may come whole or in pieces, with its id on the first of
 * them or on all; the finish reason alone or with the last of the content, or not at all; [DONE] is the end. */
#include "dialect/openai_chat_int.h"
#include "dialect/serial.h"

/* A choice of which something was read. One part at most is open. */
struct open_choice {
    int64_t index;
    int64_t parts;         /* opened so far */
    bool open, ended;
    enum part_kind kind;   /* of the open one */
    bool signed_too;       /* the open thought */
    bool thoughts_apart;   /* their texts come in a member of their own */
    int64_t tool;          /* its index in tool_calls, -1 in the old way */
    struct span tool_id;   /* raw; "" in the arena */
    int64_t last_tool;     /* the highest one opened */
    bool called, refused;
    struct open_choice *next;
};

struct stream {
    bool started;
    struct open_choice *choices;
    size_t count;
    struct answer head;
};

enum { CHOICES_MOST = 1024 };

/* --- parts --- */

static void emit(struct reader *r, const struct open_choice *c, struct event e)
{
    e.choice = c->index;
    e.part = c->parts - 1;
    e.part_kind = c->kind;
    reader_emit(r, &e);
}

static void end_part(struct reader *r, struct open_choice *c)
{
    if (!c->open)
        return;
    if (c->kind == PART_THINKING && !c->signed_too && r->owner.at) /* so whoever gets it back knows whose it was (signature.h) */
        emit(r, c, (struct event){ .kind = EVENT_DELTA, .delta = DELTA_SIGNATURE, .text = reader_signature(r, SPAN("\"\"")) });
    emit(r, c, (struct event){ .kind = EVENT_PART_END });
    c->open = false;
}

static void begin_part(struct reader *r, struct open_choice *c, const struct part *opens)
{
    end_part(r, c);
    c->open = true;
    c->kind = opens->kind;
    c->signed_too = opens->signature.at != NULL;
    c->parts++;
    emit(r, c, (struct event){ .kind = EVENT_PART, .opens = opens });
}

static void want_part(struct reader *r, struct open_choice *c, enum part_kind kind)
{
    struct part opens = { .kind = kind };
    if (!c->open || c->kind != kind)
        begin_part(r, c, &opens);
}

static void put_delta(struct reader *r, struct open_choice *c, enum part_kind kind, enum delta_kind delta, struct span raw)
{
    if (raw_kind(raw) != JSON_STRING || raw.len <= 2)
        return;
    want_part(r, c, kind);
    emit(r, c, (struct event){ .kind = EVENT_DELTA, .delta = delta, .text = raw });
}

static void put_signature(struct reader *r, struct open_choice *c, struct span raw)
{
    if (raw_kind(raw) != JSON_STRING || raw.len <= 2)
        return;
    struct span piece = c->signed_too ? raw : reader_signature(r, raw);
    c->signed_too = true;
    emit(r, c, (struct event){ .kind = EVENT_DELTA, .delta = DELTA_SIGNATURE, .text = piece });
}

/* --- thoughts and content --- */

static void read_detail(struct reader *r, struct open_choice *c, struct span item, bool with_text)
{
    struct arena *a = r->event;
    struct span data = raw_member(item, SPAN("data"), a), text = raw_member(item, SPAN("text"), a);
    if (raw_kind(data) == JSON_STRING) {
        struct part opens = { .kind = PART_THINKING, .redacted = true, .signature = reader_signature(r, data), .text = SPAN("\"\"") };
        begin_part(r, c, &opens);
        end_part(r, c);
        return;
    }
    if (raw_kind(text) != JSON_STRING)
        text = raw_member(item, SPAN("summary"), a);
    if (with_text)
        put_delta(r, c, PART_THINKING, DELTA_TEXT, text);
    struct span signature = raw_member(item, SPAN("signature"), a);
    if (raw_kind(signature) != JSON_STRING || signature.len <= 2)
        return;
    want_part(r, c, PART_THINKING);
    put_signature(r, c, signature);
}

/* The same text may stand in a member of its own and in the list, there perhaps later, as a whole: it is read once. */
static void read_thoughts(struct reader *r, struct open_choice *c, struct span text, struct span details)
{
    struct span name, item;
    put_delta(r, c, PART_THINKING, DELTA_TEXT, text);
    c->thoughts_apart = c->thoughts_apart || (raw_kind(text) == JSON_STRING && text.len > 2);
    for (struct raw_iter it = raw_iter(details, r->event); raw_next(&it, &name, &item);)
        read_detail(r, c, item, !c->thoughts_apart);
}

/* Mistral's lists: [{"type": "thinking", "thinking": [{"type": "text", "text": "..."}]}, {"type": "text", "text": "..."}]. */
static void read_content(struct reader *r, struct open_choice *c, struct span content)
{
    struct span name, item, piece;
    put_delta(r, c, PART_TEXT, DELTA_TEXT, content);
    if (raw_kind(content) != JSON_ARRAY)
        return;
    for (struct raw_iter it = raw_iter(content, r->event); raw_next(&it, &name, &item);) {
        struct span thought = raw_member(item, SPAN("thinking"), r->event);
        put_delta(r, c, PART_TEXT, DELTA_TEXT, raw_member(item, SPAN("text"), r->event));
        put_delta(r, c, PART_THINKING, DELTA_TEXT, thought);
        if (raw_kind(thought) != JSON_ARRAY)
            continue;
        for (struct raw_iter in = raw_iter(thought, r->event); raw_next(&in, &name, &piece);)
            put_delta(r, c, PART_THINKING, DELTA_TEXT, raw_member(piece, SPAN("text"), r->event));
    }
}

static void read_voice(struct reader *r, struct open_choice *c, struct span raw)
{
    struct span id = raw_member(raw, SPAN("id"), r->event);
    if (raw_kind(raw) != JSON_OBJECT)
        return;
    if (!c->open || c->kind != PART_AUDIO) {
        struct part opens = { .kind = PART_AUDIO, .id = raw_kind(id) == JSON_STRING ? id : SPAN_NONE };
        begin_part(r, c, &opens);
    }
    put_delta(r, c, PART_AUDIO, DELTA_TEXT, raw_member(raw, SPAN("transcript"), r->event));
    put_delta(r, c, PART_AUDIO, DELTA_DATA, raw_member(raw, SPAN("data"), r->event));
}

/* Pictures come whole. */
static void read_images(struct reader *r, struct open_choice *c, struct span list)
{
    struct span name, item;
    for (struct raw_iter it = raw_iter(list, r->event); raw_next(&it, &name, &item);) {
        struct span url = raw_member(raw_member(item, SPAN("image_url"), r->event), SPAN("url"), r->event);
        struct part opens = { .kind = PART_IMAGE };
        if (raw_kind(url) != JSON_STRING)
            continue;
        bool inside = media_data_url(url, &opens.media);
        struct span data = opens.media.data;
        opens.media.data = SPAN_NONE;
        opens.media.url = inside ? SPAN_NONE : url;
        begin_part(r, c, &opens);
        if (inside)
            emit(r, c, (struct event){ .kind = EVENT_DELTA, .delta = DELTA_DATA, .text = arena_print(r->event, "\"%.*s\"", SPAN_ARG(data)) });
        end_part(r, c);
    }
}

static void read_annotations(struct reader *r, struct open_choice *c, struct span list)
{
    struct chat_reading reading = { .json = r->json, .arena = r->event };
    struct part holder = { .kind = PART_TEXT };
    if (raw_kind(list) != JSON_ARRAY || list.len <= 2)
        return;
    chat_read_annotations(&reading, list, &holder);
    for (const struct citation *cited = holder.citations; cited; cited = cited->next) {
        want_part(r, c, PART_TEXT);
        emit(r, c, (struct event){ .kind = EVENT_DELTA, .delta = DELTA_CITATION, .citation = cited });
    }
}

/* --- tool calls --- */

/* Is this a piece of the open call? Some number all their calls 0: then another id tells. */
static bool is_open_call(const struct open_choice *c, int64_t index, struct span id, struct span name)
{
    if (!c->open || c->kind != PART_TOOL_CALL || index != c->tool)
        return false;
    return id.len <= 2 || name.len <= 2 || span_is(id, c->tool_id);
}

static void begin_call(struct reader *r, struct open_choice *c, int64_t index, struct span id, struct span name, struct span extra)
{
    struct part opens = { .kind = PART_TOOL_CALL, .id = id, .name = name };
    if (id.len <= 2)
        opens.id = made_up_id("call_", r->seed, (uint64_t)(c->index * 1000 + c->parts), r->event);
    struct span signature = chat_signature_in(extra, r->event);
    if (signature.at)
        opens.signature = reader_signature(r, signature);
    c->tool = index;
    c->tool_id = arena_copy(r->arena, id.len > 2 ? id : SPAN("\"\""));
    c->last_tool = index > c->last_tool ? index : c->last_tool;
    c->called = true;
    begin_part(r, c, &opens);
}

static void put_arguments(struct reader *r, struct open_choice *c, struct span raw)
{
    struct span text = raw;
    if (raw_kind(raw) == JSON_OBJECT)
        text = raw_quote(raw, r->event);
    put_delta(r, c, PART_TOOL_CALL, DELTA_ARGUMENTS, text);
}

static void read_call(struct reader *r, struct open_choice *c, int64_t index, struct span item, struct span function)
{
    struct arena *a = r->event;
    struct span id = raw_member(item, SPAN("id"), a), name = raw_member(function, SPAN("name"), a);
    struct span extra = raw_member(item, SPAN("extra_content"), a);
    id = raw_kind(id) == JSON_STRING ? id : SPAN_NONE;
    name = raw_kind(name) == JSON_STRING ? name : SPAN_NONE;
    if (is_open_call(c, index, id, name)) {
        if (!c->signed_too)
            put_signature(r, c, chat_signature_in(extra, a));
    } else if (name.len > 2) {
        begin_call(r, c, index, id, name, extra);
    } else {
        r->broken = "a piece of a tool call belongs to none that is open";
        return;
    }
    put_arguments(r, c, raw_member(function, SPAN("arguments"), a));
}

static void read_calls(struct reader *r, struct open_choice *c, struct span list)
{
    struct span no, item;
    int64_t index;
    for (struct raw_iter it = raw_iter(list, r->event); raw_next(&it, &no, &item) && !r->broken;) {
        struct span function = raw_member(item, SPAN("function"), r->event), id = raw_member(item, SPAN("id"), r->event);
        if (raw_kind(function) != JSON_OBJECT)
            continue;
        if (!json_raw_integer(raw_member(item, SPAN("index"), r->event), &index)) /* unnumbered: an id begins another */
            index = raw_kind(id) == JSON_STRING && id.len > 2 && !span_is(id, c->tool_id) ? c->last_tool + 1 : c->tool;
        read_call(r, c, index, item, function);
    }
}

/* --- chunks --- */

static void end_choice(struct reader *r, struct open_choice *c, enum ending e, struct span stop)
{
    if (c->ended)
        return;
    end_part(r, c);
    c->ended = true;
    if (e == ENDING_TURN && c->called)
        e = ENDING_TOOLS;
    if (e == ENDING_TURN && c->refused)
        e = ENDING_REFUSAL;
    if (e == ENDING_TURN && stop.at)
        e = ENDING_STOP;
    struct event over = { .kind = EVENT_CHOICE_END, .choice = c->index, .ending = e, .stop = e == ENDING_STOP ? stop : SPAN_NONE };
    reader_emit(r, &over);
}

static struct open_choice *find_choice(struct reader *r, struct stream *s, int64_t index)
{
    struct open_choice **end = &s->choices;
    for (; *end; end = &(*end)->next)
        if ((*end)->index == index)
            return *end;
    if (s->count++ >= CHOICES_MOST)
        return NULL;
    if ((*end = ARENA_NEW(r->arena, struct open_choice)))
        **end = (struct open_choice){ .index = index, .last_tool = -1 };
    return *end;
}

enum { D_CONTENT, D_THOUGHT, D_REASONING, D_DETAILS, D_REFUSAL, D_CALLS, D_OLD, D_VOICE, D_IMAGES, D_ANNOTATIONS, D_EXTRA, D_COUNT };

static void read_delta(struct reader *r, struct open_choice *c, struct span delta)
{
    struct chat_reading reading = { .json = r->json, .arena = r->event };
    struct member m[D_COUNT] = { { .name = SPAN("content") }, { .name = SPAN("reasoning_content") }, { .name = SPAN("reasoning") },
        { .name = SPAN("reasoning_details") }, { .name = SPAN("refusal") }, { .name = SPAN("tool_calls") }, { .name = SPAN("function_call") },
        { .name = SPAN("audio") }, { .name = SPAN("images") }, { .name = SPAN("annotations") }, { .name = SPAN("extra_content") } };
    chat_members(&reading, delta, m, D_COUNT, NULL);
    read_thoughts(r, c, m[D_THOUGHT].kind == JSON_STRING ? m[D_THOUGHT].raw : m[D_REASONING].raw, m[D_DETAILS].raw);
    read_content(r, c, m[D_CONTENT].raw);
    if (m[D_EXTRA].raw.at && chat_signature_in(m[D_EXTRA].raw, r->event).at) {
        want_part(r, c, PART_TEXT);
        put_signature(r, c, chat_signature_in(m[D_EXTRA].raw, r->event));
    }
    c->refused = c->refused || m[D_REFUSAL].raw.len > 2;
    put_delta(r, c, PART_REFUSAL, DELTA_TEXT, m[D_REFUSAL].raw);
    read_annotations(r, c, m[D_ANNOTATIONS].raw);
    read_images(r, c, m[D_IMAGES].raw);
    read_voice(r, c, m[D_VOICE].raw);
    read_calls(r, c, m[D_CALLS].raw);
    if (m[D_OLD].kind == JSON_OBJECT)
        read_call(r, c, -1, SPAN_NONE, m[D_OLD].raw);
}

/* They belong to what was said in the same chunk. */
static void read_logprobs(struct reader *r, struct open_choice *c, struct span raw)
{
    static const struct {
        struct span name;
        enum part_kind kind;
    } lists[] = { { { "content", 7 }, PART_TEXT }, { { "refusal", 7 }, PART_REFUSAL } };
    for (size_t i = 0; i < 2; i++) {
        struct span list = raw_member(raw, lists[i].name, r->event);
        if (raw_kind(list) == JSON_ARRAY && list.len > 2 && c->open && c->kind == lists[i].kind)
            emit(r, c, (struct event){ .kind = EVENT_DELTA, .delta = DELTA_LOGPROBS, .text = list });
    }
}

static void fail(struct reader *r, int status, struct span data)
{
    struct fault fault;
    struct event e = { .kind = EVENT_ERROR, .fault = &fault };
    chat_read_fault(r->json, status, data, r->event, &fault);
    reader_emit(r, &e);
}

static void read_choice(struct reader *r, struct stream *s, struct span raw, struct span data)
{
    struct chat_reading reading = { .json = r->json, .arena = r->event };
    struct member m[] = { { .name = SPAN("index") }, { .name = SPAN("delta") }, { .name = SPAN("finish_reason") }, { .name = SPAN("logprobs") },
        { .name = SPAN("stop_reason") }, { .name = SPAN("message") } };
    int64_t index = 0;
    bool broken = false;
    chat_members(&reading, raw, m, 6, NULL);
    if (m[0].raw.at && !json_raw_integer(m[0].raw, &index))
        index = 0;
    struct open_choice *c = find_choice(r, s, index);
    if (!c) {
        r->broken = "the answer has too many choices";
        return;
    }
    if (c->ended)
        return;
    read_delta(r, c, m[1].kind == JSON_OBJECT ? m[1].raw : m[5].raw);
    read_logprobs(r, c, m[3].raw);
    enum ending e = chat_ending(m[2].raw, r->event, &broken);
    if (broken)
        fail(r, 502, data);
    else if (e != ENDING_NONE)
        end_choice(r, c, e, m[4].kind == JSON_STRING ? m[4].raw : SPAN_NONE);
}

/* Once; with what the first chunk that says anything tells. */
static void start(struct reader *r, struct stream *s, const struct member *m)
{
    struct event e = { .kind = EVENT_START, .answer = &s->head };
    struct span *const texts[] = { &s->head.id, &s->head.model, &s->head.fingerprint };
    for (size_t i = 0; i < 3; i++)
        if (m[i].kind == JSON_STRING && m[i].raw.len > 2)
            *texts[i] = arena_copy(r->arena, m[i].raw);
    if (!json_raw_integer(m[3].raw, &s->head.created))
        s->head.created = 0;
    s->head.tier = arena_copy(r->arena, ask_tier(raw_text(m[4].raw, r->event)));
    s->started = true;
    reader_emit(r, &e);
}

struct chunk {
    struct member m[9];
};
enum { C_ID, C_MODEL, C_FINGERPRINT, C_CREATED, C_TIER, C_CHOICES, C_USAGE, C_GROQ, C_ERROR };

static void read_chunk(struct reader *r, struct stream *s, const struct chunk *t, struct span data)
{
    struct span name, item;
    struct usage u;
    if (t->m[C_ERROR].raw.at) {
        fail(r, 500, data);
        return;
    }
    bool says = t->m[C_CHOICES].raw.len > 2 || t->m[C_USAGE].raw.at;
    if (!s->started && says)
        start(r, s, t->m);
    for (struct raw_iter it = raw_iter(t->m[C_CHOICES].raw, r->event); raw_next(&it, &name, &item) && !r->broken && !r->failed;)
        read_choice(r, s, item, data);
    if (!chat_chunk_usage(r->json, &t->m[C_USAGE], &t->m[C_GROQ], r->event, &u))
        return;
    u.model = raw_text(t->m[C_MODEL].raw, r->event);
    u.tier = ask_tier(raw_text(t->m[C_TIER].raw, r->event));
    if (chat_always_searches(u.model))
        u.fees[FEE_WEB_SEARCH] = 1;
    struct event e = { .kind = EVENT_USAGE, .usage = &u };
    reader_emit(r, &e);
}

/* Whoever says that all is over without a reason for each choice, had none but its end. */
static void finish(struct reader *r, struct stream *s)
{
    struct event e = { .kind = EVENT_END, .answer = &s->head };
    struct chunk nothing = { 0 };
    if (!s->started)
        start(r, s, nothing.m);
    for (struct open_choice *c = s->choices; c; c = c->next)
        end_choice(r, c, ENDING_TURN, SPAN_NONE);
    reader_emit(r, &e);
}

void chat_read_event(struct reader *r, const struct sse_event *frame)
{
    struct chunk t = { { { .name = SPAN("id") }, { .name = SPAN("model") }, { .name = SPAN("system_fingerprint") }, { .name = SPAN("created") },
        { .name = SPAN("service_tier") }, { .name = SPAN("choices") }, { .name = SPAN("usage") }, { .name = SPAN("x_groq") },
        { .name = SPAN("error") } } };
    struct chat_reading reading = { .json = r->json, .arena = r->event };
    struct span data = frame->data;
    if (!data.at || r->ended || r->failed || r->broken)
        return;
    if (!r->state && !(r->state = ARENA_NEW(r->arena, struct stream))) {
        r->broken = "out of memory";
        return;
    }
    if (span_is(span_trim(data), SPAN("[DONE]"))) {
        finish(r, r->state);
    } else if (serial_frame(r, &data)) {
        chat_members(&reading, data, t.m, sizeof(t.m) / sizeof(*t.m), NULL);
        if (span_is(frame->name, SPAN("error")))
            fail(r, 500, data);
        else
            read_chunk(r, r->state, &t, data);
    }
    if (r->arena->broken || r->event->broken)
        r->broken = "out of memory";
}

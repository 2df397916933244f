/* SPDX-License-Identifier: Apache-2.0
 * gemini_answer.c - whole answers of generateContent, read and written. See gemini.h. */
#include "dialect/gemini.h"

#include "base/text.h"

enum { SIGNATURE_MOST = 8 << 20 };

/* --- signatures in base64 --- */

static const struct span mark = { "tg.", 3 }, mark_in_base64 = { "dGcu", 4 };

struct span gemini_wrap_signature(struct span raw, struct arena *a)
{
    struct buf text;
    if (!span_starts(raw_inside(raw), mark))
        return raw;
    buf_init(&text, SIGNATURE_MOST);
    buf_put_byte(&text, '"');
    buf_put_base64(&text, raw_text(raw, a));
    buf_put_byte(&text, '"');
    struct span copy = text.broken ? SPAN_NONE : arena_copy(a, buf_span(&text));
    buf_free(&text);
    return copy;
}

struct span gemini_unwrap_signature(struct span raw, struct arena *a)
{
    if (!span_starts(raw_inside(raw), mark_in_base64))
        return raw;
    struct span plain = text_base64_decode(raw_text(raw, a), a);
    return span_starts(plain, mark) ? raw_quote(plain, a) : raw;
}

/* --- parts read --- */

enum { TEXT, THOUGHT, SIGNATURE, INLINE, FILE_DATA, CALL, PART_NAMES };
static const struct span part_names[] = { [TEXT] = { "text", 4 }, [THOUGHT] = { "thought", 7 }, [SIGNATURE] = { "thoughtSignature", 16 },
    [INLINE] = { "inlineData", 10 }, [FILE_DATA] = { "fileData", 8 }, [CALL] = { "functionCall", 12 }, [PART_NAMES] = { NULL, 0 } };

static bool read_call(struct reader *r, struct span call, struct part *out, uint64_t *calls)
{
    struct arena *a = r->event ? r->event : r->arena;
    struct span id = raw_member(call, SPAN("id"), a), args = raw_member(call, SPAN("args"), a);
    out->kind = PART_TOOL_CALL;
    out->name = raw_member(call, SPAN("name"), a);
    if (raw_kind(out->name) != JSON_STRING) {
        r->broken = "a function call without a name";
        return false;
    }
    uint64_t number = (*calls)++;
    out->id = raw_kind(id) == JSON_STRING && id.len > 2 ? id : made_up_id("call_", r->seed, number, a);
    out->arguments = raw_kind(args) == JSON_OBJECT ? args : SPAN("{}");
    return true;
}

bool gemini_answer_part(struct reader *r, struct span raw, struct part *out, uint64_t *calls)
{
    struct arena *a = r->event ? r->event : r->arena;
    struct span v[PART_NAMES];
    *out = (struct part){ .kind = PART_TEXT };
    if (raw_kind(raw) != JSON_OBJECT || !gemini_pick(raw, part_names, v, a, NULL, NULL))
        return false;
    if (raw_kind(v[SIGNATURE]) == JSON_STRING)
        out->signature = reader_signature(r, v[SIGNATURE]);
    if (v[CALL].at)
        return read_call(r, v[CALL], out, calls);
    if (v[INLINE].at || v[FILE_DATA].at)
        return gemini_read_media(v[INLINE], v[FILE_DATA], a, NULL, NULL, &out->kind, &out->media);
    struct span server = gemini_server_tool(raw, a);
    if (server.at) {
        out->kind = PART_SERVER_TOOL;
        out->name = raw_quote(server, a);
        out->raw = raw;
        return true;
    }
    if (span_is(v[THOUGHT], SPAN("true")))
        out->kind = PART_THINKING;
    out->text = raw_kind(v[TEXT]) == JSON_STRING ? v[TEXT] : SPAN("\"\"");
    return out->text.len > 2 || out->signature.at;
}

/* --- an answer read --- */

struct candidate {
    struct arena *arena;
    struct part **parts; /* by Google's number; NULL: left out */
    size_t count;
    struct part *list;
    bool calls;
};

static struct part *part_at(const struct candidate *c, int64_t number)
{
    if (number >= 0 && (uint64_t)number < c->count && c->parts[number] && c->parts[number]->kind == PART_TEXT)
        return c->parts[number];
    for (struct part *p = c->list; p; p = p->next)
        if (p->kind == PART_TEXT)
            return p;
    return NULL;
}

static struct span text_of(void *self, int64_t part)
{
    const struct part *p = part_at(self, part);
    return p ? p->text : SPAN_NONE;
}

static void cite(void *self, int64_t part, const struct citation *said)
{
    struct candidate *c = self;
    struct part *p = part_at(c, part);
    struct citation *copy = p ? ARENA_NEW(c->arena, struct citation) : NULL;
    if (!copy)
        return;
    *copy = *said;
    struct citation **end = &p->citations;
    while (*end)
        end = &(*end)->next;
    *end = copy;
}

static void add_part(struct reader *r, struct candidate *c, const struct part *said, bool keep)
{
    struct part *p = NULL;
    if (keep && (p = part_add(&c->list, said->kind, r->arena)) != NULL) {
        struct part *last = p->last, *next = p->next;
        *p = *said;
        p->last = last;
        p->next = next;
        c->calls = c->calls || p->kind == PART_TOOL_CALL;
    }
    struct part **parts = ARENA_GROW(r->arena, c->parts, c->count);
    if (!parts)
        return;
    c->parts = parts;
    c->parts[c->count++] = p;
}

static void read_candidate(struct reader *r, struct span said, struct answer *out, uint64_t *calls)
{
    struct candidate c = { .arena = r->arena };
    struct span reason = raw_member(said, SPAN("finishReason"), r->arena), logprobs = raw_member(said, SPAN("logprobsResult"), r->arena);
    int64_t index = 0;
    json_raw_integer(raw_member(said, SPAN("index"), r->arena), &index);
    struct choice *choice = answer_choice(out, index, r->arena);
    struct gemini_list parts = gemini_list(raw_member(raw_member(said, SPAN("content"), r->arena), SPAN("parts"), r->arena), r->arena);
    if (!choice)
        return;
    for (struct span item; gemini_next(&parts, &item);) {
        struct part p;
        bool keep = gemini_answer_part(r, item, &p, calls);
        add_part(r, &c, &p, keep);
    }
    gemini_read_citations(said, text_of, false, cite, &c, r->arena);
    struct part *text = part_at(&c, -1);
    if (text && logprobs.at)
        text->logprobs = gemini_logprobs(logprobs, r->arena);
    choice->parts = c.list;
    choice->ending = raw_kind(reason) == JSON_STRING ? gemini_ending(reason, c.calls) : c.calls ? ENDING_TOOLS : ENDING_TURN;
    if (!out->safety.at)
        out->safety = raw_member(said, SPAN("safetyRatings"), r->arena);
}

static void read_block(struct reader *r, struct span feedback, struct answer *out)
{
    struct span why = raw_member(feedback, SPAN("blockReasonMessage"), r->arena);
    struct choice *choice = answer_choice(out, 0, r->arena);
    if (!choice)
        return;
    choice->ending = ENDING_FILTER;
    out->safety = raw_member(feedback, SPAN("safetyRatings"), r->arena);
    struct part *p = raw_kind(why) == JSON_STRING ? part_add(&choice->parts, PART_REFUSAL, r->arena) : NULL;
    if (p)
        p->text = why;
}

enum { CANDIDATES, FEEDBACK, USAGE, MODEL, ID, CREATED, TOP_NAMES };
static const struct span top_names[] = { [CANDIDATES] = { "candidates", 10 }, [FEEDBACK] = { "promptFeedback", 14 },
    [USAGE] = { "usageMetadata", 13 }, [MODEL] = { "modelVersion", 12 }, [ID] = { "responseId", 10 }, [CREATED] = { "createTime", 10 },
    [TOP_NAMES] = { NULL, 0 } };

int64_t gemini_seconds(struct span raw)
{
    int64_t ms;
    return raw.at && text_time_parse(raw_inside(raw), &ms) && ms > 0 ? ms / 1000 : 0;
}

static struct span string_or_none(struct span raw) { return raw_kind(raw) == JSON_STRING && raw.len > 2 ? raw : SPAN_NONE; }

static enum err read_answer(struct reader *r, struct span body, struct answer *out)
{
    struct span v[TOP_NAMES], candidate;
    uint64_t calls = 0;
    if (gemini_pick_body(r->json, body, top_names, v, r->arena, NULL, NULL, &r->broken))
        return E_UPSTREAM_BROKEN;
    r->broken = NULL;
    if (!v[CANDIDATES].at && !v[FEEDBACK].at && !v[USAGE].at)
        return E_UPSTREAM_BROKEN;
    out->id = string_or_none(v[ID]);
    out->model = string_or_none(v[MODEL]);
    out->created = gemini_seconds(v[CREATED]);
    struct gemini_list list = gemini_list(v[CANDIDATES], r->arena);
    while (gemini_next(&list, &candidate))
        read_candidate(r, candidate, out, &calls);
    if (!out->choices && raw_member(v[FEEDBACK], SPAN("blockReason"), r->arena).at)
        read_block(r, v[FEEDBACK], out);
    out->usage.model = raw_text(out->model, r->arena);
    gemini_read_usage(v[USAGE], r->arena, &out->usage);
    gemini_read_fees(v[CANDIDATES], r->arena, &out->usage);
    out->tier = out->usage.tier;
    return r->broken || r->arena->broken ? E_UPSTREAM_BROKEN : E_OK;
}

enum err gemini_read_answer(struct reader *r, struct span body, struct answer *out)
{
    struct arena *event = r->event;
    r->event = NULL; /* all of it lives as long as the call */
    answer_begin(out);
    enum err e = read_answer(r, body, out);
    r->event = event;
    return e;
}

/* --- written --- */

static void put_signature(struct json_out *o, const struct part *p, struct arena *a)
{
    struct span signature = p->signature.at ? gemini_wrap_signature(p->signature, a) : SPAN_NONE;
    if (signature.at)
        json_pair_raw(o, SPAN("thoughtSignature"), signature);
}

static void put_text(struct json_out *o, const struct part *p, struct arena *a)
{
    bool thought = p->kind == PART_THINKING;
    json_open(o, '{');
    if (!thought || !p->redacted)
        json_pair_raw(o, SPAN("text"), p->text.at ? p->text : SPAN("\"\""));
    if (thought)
        json_pair_bool(o, SPAN("thought"), true);
    put_signature(o, p, a);
    json_close(o, '}');
}

static void put_call(struct json_out *o, const struct part *p, struct arena *a)
{
    json_open(o, '{');
    json_name(o, SPAN("functionCall"));
    json_open(o, '{');
    if (p->id.at)
        json_pair_raw(o, SPAN("id"), p->id);
    json_pair_raw(o, SPAN("name"), p->name.at ? p->name : SPAN("\"\""));
    json_pair_raw(o, SPAN("args"), p->arguments.len ? p->arguments : SPAN("{}"));
    json_close(o, '}');
    put_signature(o, p, a);
    json_close(o, '}');
}

static bool put_medium(struct json_out *o, const struct part *p, struct arena *a)
{
    size_t before = o->buf->len;
    bool comma = o->comma;
    json_open(o, '{');
    if (gemini_write_media(o, p, a)) {
        json_close(o, '}');
        return true;
    }
    o->buf->len = before;
    o->comma = comma;
    if (p->text.len <= 2)
        return false;
    put_text(o, &(struct part){ .kind = PART_TEXT, .text = p->text }, a); /* what was said, if it cannot be heard */
    return true;
}

bool gemini_put_part(struct json_out *o, const struct part *p, struct arena *a)
{
    switch (p->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
    case PART_THINKING:
        if (p->text.len <= 2 && !p->signature.at)
            return false;
        put_text(o, p, a);
        return true;
    case PART_TOOL_CALL:
        put_call(o, p, a);
        return true;
    case PART_IMAGE:
    case PART_AUDIO:
    case PART_VIDEO:
    case PART_DOCUMENT:
        return put_medium(o, p, a);
    case PART_SERVER_TOOL:
        if (!p->raw.at || !gemini_server_tool(p->raw, a).at)
            return false;
        json_put_raw(o, p->raw);
        return true;
    case PART_TOOL_RESULT:
        break;
    }
    return false;
}

static void add_cited(const struct part *p, int64_t number, struct gemini_cited ***end, struct arena *a)
{
    for (const struct citation *c = p->citations; c; c = c->next) {
        struct gemini_cited *g = ARENA_NEW(a, struct gemini_cited);
        if (!g)
            return;
        *g = (struct gemini_cited){ .citation = c, .part = number, .text = p->text };
        **end = g;
        *end = &g->next;
    }
}

static void put_candidate(struct json_out *o, const struct choice *c, struct arena *a)
{
    struct gemini_cited *cited = NULL, **end = &cited;
    struct span logprobs = SPAN_NONE;
    int64_t number = 0;
    json_open(o, '{');
    json_name(o, SPAN("content"));
    json_open(o, '{');
    json_name(o, SPAN("parts"));
    json_open(o, '[');
    for (const struct part *p = c->parts; p; p = p->next) {
        if (!gemini_put_part(o, p, a))
            continue;
        add_cited(p, number++, &end, a);
        logprobs = logprobs.at ? logprobs : p->logprobs;
    }
    if (number == 0)
        json_put_raw(o, SPAN("{\"text\":\"\"}"));
    json_close(o, ']');
    json_pair(o, SPAN("role"), SPAN("model"));
    json_close(o, '}');
    json_pair(o, SPAN("finishReason"), gemini_reason(c->ending));
    json_pair_i64(o, SPAN("index"), c->index);
    gemini_write_grounding(o, cited, a);
    gemini_write_logprobs(o, logprobs, a);
    json_close(o, '}');
}

void gemini_put_head(struct json_out *o, const struct writer *w, const struct answer *head)
{
    if (head->model.at)
        json_pair_raw(o, SPAN("modelVersion"), head->model);
    else if (w->call && w->call->model.at)
        json_pair(o, SPAN("modelVersion"), w->call->model);
    if (head->id.at)
        json_pair_raw(o, SPAN("responseId"), head->id);
    else if (w->id.at)
        json_pair(o, SPAN("responseId"), w->id);
}

void gemini_write_answer(struct writer *w, const struct answer *answer)
{
    struct json_out o = json_out(w->out);
    json_open(&o, '{');
    json_name(&o, SPAN("candidates"));
    json_open(&o, '[');
    for (const struct choice *c = answer->choices; c; c = c->next)
        put_candidate(&o, c, w->arena);
    json_close(&o, ']');
    if (answer->usage.known) {
        json_name(&o, SPAN("usageMetadata"));
        gemini_write_usage(&answer->usage, w->out);
        o.comma = true;
    }
    gemini_put_head(&o, w, answer);
    json_close(&o, '}');
    if (w->arena->broken)
        w->out->broken = true;
}

/* SPDX-License-Identifier: Apache-2.0
 * anthropic_messages_answer.c - a whole answer of Anthropic messages, read and written. It has one choice. */
#include "dialect/anthropic_int.h"
#include "dialect/member.h"

static const struct {
    struct span reason;
    enum ending ending;
} endings[] = {
    { { "end_turn", 8 }, ENDING_TURN },
    { { "stop_sequence", 13 }, ENDING_STOP },
    { { "max_tokens", 10 }, ENDING_LENGTH },
    { { "tool_use", 8 }, ENDING_TOOLS },
    { { "refusal", 7 }, ENDING_REFUSAL },
    { { "pause_turn", 10 }, ENDING_PAUSE },
    { { "model_context_window_exceeded", 29 }, ENDING_CONTEXT },
};
enum { ENDINGS = sizeof(endings) / sizeof(*endings) };

/* A reason that is newer than this is an end like any other. */
enum ending anthropic_ending(struct span raw)
{
    if (raw_kind(raw) != JSON_STRING)
        return ENDING_NONE;
    for (size_t i = 0; i < ENDINGS; i++)
        if (raw_is(raw, endings[i].reason))
            return endings[i].ending;
    return ENDING_TURN;
}

struct span anthropic_stop_reason(enum ending ending)
{
    for (size_t i = 0; i < ENDINGS; i++)
        if (endings[i].ending == ending)
            return endings[i].reason;
    return ending == ENDING_FILTER ? SPAN("refusal") : SPAN("end_turn"); /* a call that cannot be read is no tool_use */
}

/* --- reading --- */

/* What came with the answer belongs to the dialect that the gate reads. */
static void mark_signatures(struct reader *r, struct part *parts)
{
    for (struct part *p = parts; p; p = p->next)
        if (p->kind == PART_THINKING && raw_inside(p->signature).len)
            p->signature = reader_signature(r, p->signature);
}

enum err anthropic_read_answer(struct reader *r, struct span body, struct answer *out)
{
    struct member m[] = { { .name = SPAN("content") }, { .name = SPAN("id") }, { .name = SPAN("model") }, { .name = SPAN("stop_reason") },
        { .name = SPAN("stop_sequence") }, { .name = SPAN("usage") } };
    const char *why;
    answer_begin(out);
    if (!member_find(r->json, body, m, sizeof(m) / sizeof(*m), NULL))
        return E_UPSTREAM_BROKEN;
    if (m[5].kind == JSON_OBJECT)
        anthropic_usage_merge(r->json, m[5].raw, r->arena, &out->usage);
    out->usage.raw = out->usage.known ? m[5].raw : SPAN_NONE;
    out->tier = out->usage.tier;
    out->id = m[1].kind == JSON_STRING ? m[1].raw : SPAN_NONE;
    out->model = m[2].kind == JSON_STRING ? m[2].raw : SPAN_NONE;
    struct choice *c = m[0].kind == JSON_ARRAY ? answer_choice(out, 0, r->arena) : NULL;
    if (!c)
        return E_UPSTREAM_BROKEN;
    c->ending = anthropic_ending(m[3].raw);
    c->stop = m[4].kind == JSON_STRING ? m[4].raw : SPAN_NONE;
    enum err e = anthropic_read_blocks(r->json, m[0].raw, SPAN_NONE, r->arena, NULL, &c->parts, &why);
    mark_signatures(r, c->parts);
    return e == E_BAD_REQUEST ? E_UPSTREAM_BROKEN : e;
}

/* --- writing --- */

struct span anthropic_message_id(struct writer *w, struct span said)
{
    if (span_starts(raw_inside(said), SPAN("msg_")))
        return said;
    return raw_quote(arena_print(w->arena, "msg_%.*s", SPAN_ARG(w->id)), w->arena);
}

struct span anthropic_model_of(struct writer *w, struct span said)
{
    return said.at ? said : raw_quote(w->call ? w->call->model : SPAN(""), w->arena);
}

static void put_text(struct writer *w, struct json_out *o, const struct part *p)
{
    bool cited = false;
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("text"));
    json_pair_raw(o, SPAN("text"), p->text.at ? p->text : SPAN("\"\""));
    for (const struct citation *c = p->citations; c; c = c->next) {
        if (!c->url.at && !anthropic_owns_citation(c->raw, w->arena))
            continue;
        if (!cited) {
            json_name(o, SPAN("citations"));
            json_open(o, '[');
        }
        cited = anthropic_put_citation(o, c, w->arena) || cited;
    }
    if (cited)
        json_close(o, ']');
    json_close(o, '}');
}

static void put_thought(struct json_out *o, struct span text, struct span signature, bool redacted)
{
    json_open(o, '{');
    json_pair(o, SPAN("type"), redacted ? SPAN("redacted_thinking") : SPAN("thinking"));
    if (!redacted)
        json_pair_raw(o, SPAN("thinking"), text.at ? text : SPAN("\"\""));
    json_pair_raw(o, redacted ? SPAN("data") : SPAN("signature"), signature.at ? signature : SPAN("\"\""));
    json_close(o, '}');
}

/* Gemini's signature of a call stands in a thought before it that has no text. */
static void put_use(struct writer *w, struct json_out *o, const struct part *p, uint64_t number)
{
    if (p->signature.at)
        put_thought(o, SPAN_NONE, p->signature, false);
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("tool_use"));
    json_pair_raw(o, SPAN("id"), p->id.at ? anthropic_tool_id(p->id, w->arena) : made_up_id("toolu_", span_hash(w->id, 0), number, w->arena));
    json_pair_raw(o, SPAN("name"), p->name.at ? p->name : SPAN("\"\""));
    json_pair_raw(o, SPAN("input"), p->arguments.len ? p->arguments : SPAN("{}"));
    json_close(o, '}');
}

/* Its answers know no pictures; a block as its requests have is what its readers would understand. */
static void put_picture(struct json_out *o, const struct media *m)
{
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("image"));
    json_name(o, SPAN("source"));
    json_open(o, '{');
    json_pair(o, SPAN("type"), m->data.at ? SPAN("base64") : SPAN("url"));
    if (m->data.at) {
        json_pair(o, SPAN("media_type"), m->type.at ? m->type : SPAN("image/png"));
        json_pair(o, SPAN("data"), m->data);
    } else {
        json_pair_raw(o, SPAN("url"), m->url.at ? m->url : SPAN("\"\""));
    }
    json_close(o, '}');
    json_close(o, '}');
}

static void put_part(struct writer *w, struct json_out *o, const struct part *p, uint64_t number)
{
    switch (p->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
    case PART_AUDIO: /* its words */
        put_text(w, o, p);
        return;
    case PART_THINKING:
        put_thought(o, p->text, p->signature, p->redacted);
        return;
    case PART_TOOL_CALL:
        put_use(w, o, p, number);
        return;
    case PART_IMAGE:
        put_picture(o, &p->media);
        return;
    case PART_SERVER_TOOL:
        if (anthropic_owns_block(p->raw, w->arena))
            json_put_raw(o, p->raw);
        return;
    case PART_VIDEO: /* not in answers */
    case PART_DOCUMENT:
    case PART_TOOL_RESULT:
        return;
    }
}

void anthropic_write_answer(struct writer *w, const struct answer *answer)
{
    const struct choice *c = answer->choices;
    struct json_out o = json_out(w->out);
    uint64_t number = 0;
    json_open(&o, '{');
    json_pair_raw(&o, SPAN("id"), anthropic_message_id(w, answer->id));
    json_pair(&o, SPAN("type"), SPAN("message"));
    json_pair(&o, SPAN("role"), SPAN("assistant"));
    json_pair_raw(&o, SPAN("model"), anthropic_model_of(w, answer->model));
    json_name(&o, SPAN("content"));
    json_open(&o, '[');
    for (const struct part *p = c ? c->parts : NULL; p; p = p->next)
        put_part(w, &o, p, number++);
    json_close(&o, ']');
    enum ending ending = !c ? ENDING_NONE : c->ending == ENDING_TURN && part_first(c->parts, PART_REFUSAL) ? ENDING_REFUSAL : c->ending;
    json_pair(&o, SPAN("stop_reason"), anthropic_stop_reason(ending));
    json_pair_raw(&o, SPAN("stop_sequence"), ending == ENDING_STOP && c->stop.at ? c->stop : SPAN("null"));
    json_name(&o, SPAN("usage"));
    anthropic_usage_write(&o, &answer->usage);
    json_close(&o, '}');
}

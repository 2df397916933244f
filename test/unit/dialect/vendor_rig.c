/* SPDX-License-Identifier: Apache-2.0
 * vendor_rig.c - see vendor_rig.h. */
#include "vendor_rig.h"

#include "test/test.h"

enum { RIG_MOST = 64 << 20 };

void vendor_rig_open(struct vendor_rig *r, const char *dialect)
{
    *r = (struct vendor_rig){ .dialect = dialect_find(span_of(dialect)), .json = json_new() };
    arena_init(&r->arena, RIG_MOST);
    arena_init(&r->event, RIG_MOST);
    buf_init(&r->body, RIG_MOST);
    buf_init(&r->out, RIG_MOST);
    buf_init(&r->log, RIG_MOST);
    CHECK(r->dialect && r->dialect->translator && r->json);
}

void vendor_rig_close(struct vendor_rig *r)
{
    json_free(r->json);
    arena_free(&r->arena);
    arena_free(&r->event);
    buf_free(&r->body);
    buf_free(&r->out);
    buf_free(&r->log);
}

struct span vendor_rig_body(struct vendor_rig *r, struct span text)
{
    buf_free(&r->body);
    buf_init(&r->body, RIG_MOST);
    buf_put(&r->body, text);
    buf_reserve(&r->body, 1);
    return buf_span(&r->body);
}

/* ---- calls ---- */

void vendor_rig_read(struct vendor_rig *r, const char *dialect, struct span body, const char *model)
{
    const struct translator *t = dialect_find(span_of(dialect))->translator;
    enum err e = t->read_call(r->json, vendor_rig_body(r, body), &r->arena, &r->call, &r->why);
    if (e)
        test_fail(__FILE__, __LINE__, "%s: %s", r->why, r->body.at);
    r->call.model = span_of(model);
}

struct span vendor_rig_write(struct vendor_rig *r)
{
    struct json_value root;
    const char *why;
    buf_clear(&r->out);
    r->notes = (struct notes){ .arena = &r->arena, .may_drop = r->notes.may_drop, .may_drop_count = r->notes.may_drop_count };
    r->dialect->translator->write_call(&r->call, &r->quirks, &r->notes, &r->arena, &r->out);
    struct span where, out = buf_span(&r->out);
    enum err e = json_parse(r->json, out, false, &root, &why);
    if (e || json_canonical(root, &where))
        test_fail(__FILE__, __LINE__, "%s: %.*s", e ? why : "a name twice", SPAN_ARG(out));
    return out;
}

static void put_notes(struct buf *out, const char *title, const struct span *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_put(out, i ? SPAN(", ") : span_of(title));
        buf_put(out, list[i]);
    }
}

struct span vendor_rig_noted(struct vendor_rig *r)
{
    vendor_rig_write(r);
    put_notes(&r->out, " unsayable: ", r->notes.unsayable, r->notes.unsayable_count);
    put_notes(&r->out, " dropped: ", r->notes.dropped, r->notes.dropped_count);
    put_notes(&r->out, " adapted: ", r->notes.adapted, r->notes.adapted_count);
    return buf_span(&r->out);
}

struct span vendor_rig_say(struct vendor_rig *r, const char *model, const char *body)
{
    vendor_rig_read(r, "openai_chat", span_of(body), model);
    return vendor_rig_noted(r);
}

/* ---- events ---- */

static void log_span(struct buf *log, const char *name, struct span s)
{
    if (s.at)
        buf_print(log, " %s=%.*s", name, SPAN_ARG(s));
}

static void log_usage(struct buf *log, const struct usage *u)
{
    static const char *const names[] = {
#define METER_NAME(name, text) text,
        METER_ROWS(METER_NAME)
#undef METER_NAME
    };
    static const char *const fees[] = {
#define FEE_NAME(name, text) text,
        FEE_ROWS(FEE_NAME)
#undef FEE_NAME
    };
    for (int i = 0; i < METER_COUNT; i++)
        if (u->tokens[i])
            buf_print(log, " %s=%lld", names[i], (long long)u->tokens[i]);
    for (int i = 0; i < FEE_COUNT; i++)
        if (u->fees[i])
            buf_print(log, " fee.%s=%lld", fees[i], (long long)u->fees[i]);
    buf_print(log, " of %lld and %lld", (long long)u->input_total, (long long)u->output_total);
    log_span(log, "tier", u->tier);
}

static void log_fault(struct buf *log, const struct fault *f)
{
    buf_print(log, " kind=%d status=%d", (int)f->kind, f->status);
    log_span(log, "code", f->code);
    log_span(log, "message", f->message);
}

static void log_citation(struct buf *log, const struct citation *c)
{
    log_span(log, "url", c->url);
    log_span(log, "title", c->title);
    log_span(log, "quote", c->quote);
    buf_print(log, " %lld-%lld", (long long)c->from, (long long)c->to);
}

static void log_opens(struct buf *log, const struct part *p)
{
    static const char *const kinds[] = { "text", "image", "audio", "video", "document", "thinking", "tool_call", "tool_result", "refusal", "server_tool" };
    buf_print(log, " %s%s", kinds[p->kind], p->redacted ? " redacted" : "");
    log_span(log, "id", p->id);
    log_span(log, "name", p->name);
    log_span(log, "type", p->media.type);
    log_span(log, "signature", p->signature);
    if (p->kind == PART_SERVER_TOOL)
        log_span(log, "raw", p->raw);
}

static void log_event(void *self, const struct event *e)
{
    static const char *const kinds[] = { "start", "part", "delta", "part_end", "choice_end", "usage", "end", "error" };
    static const char *const deltas[] = { "text", "arguments", "signature", "citation", "logprobs", "data" };
    struct vendor_rig *r = self;
    r->starts += e->kind == EVENT_START;
    r->ends += e->kind == EVENT_END;
    r->errors += e->kind == EVENT_ERROR;
    buf_print(&r->log, "%s", kinds[e->kind]);
    if (e->kind == EVENT_START && e->answer) {
        log_span(&r->log, "id", e->answer->id);
        log_span(&r->log, "model", e->answer->model);
        buf_print(&r->log, " created=%lld", (long long)e->answer->created);
    }
    if (e->kind == EVENT_PART || e->kind == EVENT_DELTA || e->kind == EVENT_PART_END)
        buf_print(&r->log, " %lld", (long long)e->part);
    if (e->kind == EVENT_PART)
        log_opens(&r->log, e->opens);
    if (e->kind == EVENT_DELTA)
        log_span(&r->log, deltas[e->delta], e->delta == DELTA_CITATION ? SPAN("") : e->text);
    if (e->kind == EVENT_DELTA && e->delta == DELTA_CITATION)
        log_citation(&r->log, e->citation);
    if (e->kind == EVENT_CHOICE_END) {
        buf_print(&r->log, " ending=%d", (int)e->ending);
        log_span(&r->log, "stop", e->stop);
    }
    if (e->kind == EVENT_USAGE)
        log_usage(&r->log, e->usage);
    if (e->kind == EVENT_ERROR)
        log_fault(&r->log, e->fault);
    buf_put_byte(&r->log, '\n');
}

static struct span logged(struct vendor_rig *r)
{
    if (r->log.len)
        r->log.len--;
    return buf_span(&r->log);
}

static void begin(struct vendor_rig *r)
{
    buf_clear(&r->log);
    r->starts = r->ends = r->errors = 0;
    r->reader = (struct reader){ .json = r->json, .arena = &r->arena, .event = &r->event, .owner = span_of(r->dialect->name), .sink = log_event, .self = r };
}

struct span vendor_rig_answer(struct vendor_rig *r, struct span body)
{
    struct answer answer;
    begin(r);
    r->reader.event = NULL;
    if (r->dialect->translator->read_answer(&r->reader, vendor_rig_body(r, body), &answer))
        return SPAN("broken");
    answer_emit(&answer, log_event, r);
    return logged(r);
}

static void feed(struct vendor_rig *r, struct frames *f, struct span piece)
{
    struct sse_event e;
    while (!r->reader.broken && frames_next(f, &piece, &e)) {
        e.data = e.data.at ? vendor_rig_body(r, e.data) : e.data;
        r->dialect->translator->read_event(&r->reader, &e);
        arena_free(&r->event); /* nothing of an event may be needed later */
        arena_init(&r->event, RIG_MOST);
    }
}

struct span vendor_rig_stream(struct vendor_rig *r, struct span bytes, size_t step)
{
    struct frames f;
    begin(r);
    frames_init(&f, r->dialect->framing, RIG_MOST);
    for (size_t at = 0; at < bytes.len; at += step)
        feed(r, &f, span_first(span_from(bytes, at), step));
    if (f.broken || r->reader.broken)
        buf_print(&r->log, "broken: %s\n", f.broken ? f.broken : r->reader.broken);
    else if (!r->reader.ended && !r->reader.failed)
        buf_print(&r->log, "cut\n");
    frames_free(&f);
    return logged(r);
}

struct span vendor_rig_fault(struct vendor_rig *r, int status, const char *body)
{
    struct fault f;
    buf_clear(&r->log);
    r->dialect->translator->read_fault(r->json, status, vendor_rig_body(r, span_of(body)), &r->arena, &f);
    log_fault(&r->log, &f);
    return span_from(buf_span(&r->log), 1);
}

struct span vendor_rig_golden(struct vendor_rig *r, const char *name)
{
    char path[300];
    snprintf(path, sizeof(path), "test/unit/dialect/golden/%s/%s", r->dialect->name, name);
    FILE *f = fopen(path, "rb");
    char *text = arena_take(&r->arena, 1 << 20);
    size_t len = f && text ? fread(text, 1, (1 << 20) - 1, f) : 0;
    if (f)
        fclose(f);
    if (!len)
        test_fail(__FILE__, __LINE__, "cannot read %s", path);
    return span_make(text, len && text[len - 1] == '\n' ? len - 1 : len);
}

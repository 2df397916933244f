/* SPDX-License-Identifier: Apache-2.0
 * batch.c - see batch.h. */
#include "flow/batch.h"

#include "base/raw.h"
#include "flow/side.h"
#include "flow/steps.h"
#include "rules/parts.h"

enum { FORM_PARTS = 64, LINES_MOST = 100000 };
static const int64_t remember_ms = INT64_C(30) * 24 * 60 * 60 * 1000;

/* ---- the file ---- */

bool batch_wants_body(const struct exchange *x)
{
    int64_t length = x->asking.length;
    return operation_of(x)->batch_input && length >= 0 && length <= x->snapshot->settings.limits.body_bytes;
}

/* The whole file, line after line; usd -1 is for ever. */
struct file {
    struct span model;
    struct metered_most most;
    size_t lines;
};

static bool line_members(struct exchange *x, struct span line, struct span *url, struct span *body)
{
    struct json_value v;
    const char *why;
    struct span where, name, value;
    *url = *body = SPAN_NONE;
    if (json_parse(x->desk->json, line, false, &v, &why) != E_OK || json_kind(v) != JSON_OBJECT || json_canonical(v, &where) != E_OK)
        return false;
    for (struct raw_iter it = raw_iter(line, &x->arena); raw_next(&it, &name, &value);) {
        if (span_is(name, SPAN("url")))
            *url = raw_text(value, &x->arena);
        else if (span_is(name, SPAN("body")))
            *body = value;
    }
    return url->len && raw_kind(*body) == JSON_OBJECT;
}

static bool read_line(struct exchange *x, struct span line, struct ask *ask)
{
    const struct upstream *u = x->deciding.upstream;
    struct matched hit;
    struct span url, body;
    const char *why = "";
    if (!line_members(x, line, &url, &body) || !vendor_match(&u->vendor, SPAN("POST"), url, &hit))
        return false;
    const struct dialect *d = u->dialects[hit.operation->index];
    return d && d->read_ask && d->read_ask(x->desk->json, body, &x->arena, ask, &why) == E_OK && ask->model.len && !ask->job_input.at;
}

static void add_line(struct exchange *x, struct span line, struct file *f)
{
    struct ask ask = { .output_limit = -1 };
    struct metered_most m = { .usd = -1 };
    if (read_line(x, line, &ask)) {
        if (!f->model.at)
            f->model = arena_copy(&x->arena, ask.model);
        if (span_is(f->model, ask.model)) {
            const struct price *p = price_of(x, ask.model);
            ask.tier = SPAN("batch");
            m = metered_most(p, &ask, x->times.began_ms);
        }
    }
    bool known = m.usd >= 0 && f->most.usd >= 0 && ++f->lines <= LINES_MOST;
    f->most.input = money_add(f->most.input, m.input < 0 ? 0 : m.input);
    f->most.output = money_add(f->most.output, m.output < 0 ? 0 : m.output);
    f->most.usd = known ? money_add(f->most.usd, m.usd) : -1;
}

static void read_lines(struct exchange *x, struct span text, struct file *f)
{
    struct span line;
    while (f->most.usd >= 0 && text.len) {
        ptrdiff_t end = span_find_byte(text, '\n');
        line = span_trim(end < 0 ? text : span_first(text, (size_t)end));
        text = end < 0 ? SPAN("") : span_from(text, (size_t)end + 1);
        struct span model = f->model;
        struct arena_mark mark = arena_mark(&x->arena);
        if (line.len)
            add_line(x, line, f);
        if (model.at) /* else the first one's name is in there */
            arena_rewind(&x->arena, mark);
    }
}

/* ---- lines in the words that their vendor reads ---- */

/* One whose limit has a name that the vendor does not read is said anew, as a single call would be. */
static void put_line(struct exchange *x, struct span line, struct buf *out, bool *changed)
{
    const struct upstream *u = x->deciding.upstream;
    const struct ask_edit edit = { .output_limit = -1, .old_limit_name = true };
    struct ask ask = { .output_limit = -1 };
    struct matched hit;
    struct span url, body;
    struct buf said;
    if (!line_members(x, line, &url, &body) || !vendor_match(&u->vendor, SPAN("POST"), url, &hit) || !read_line(x, line, &ask) || !ask.new_limit_name) {
        buf_put(out, line);
        return;
    }
    buf_init(&said, x->asking.body.ceiling);
    u->dialects[hit.operation->index]->edit_ask(x->desk->json, body, &edit, &said);
    buf_put(out, span_first(line, (size_t)(body.at - line.at)));
    buf_put(out, buf_span(&said));
    buf_put(out, span_from(line, (size_t)(body.at - line.at) + body.len));
    out->broken = out->broken || said.broken;
    *changed = true;
    buf_free(&said);
}

static void put_lines(struct exchange *x, struct span text, struct buf *out, bool *changed)
{
    while (text.len) {
        ptrdiff_t end = span_find_byte(text, '\n');
        struct span line = end < 0 ? text : span_first(text, (size_t)end);
        struct arena_mark mark = arena_mark(&x->arena);
        put_line(x, line, out, changed);
        arena_rewind(&x->arena, mark);
        if (end >= 0)
            buf_put(out, SPAN("\n"));
        text = end < 0 ? SPAN("") : span_from(text, (size_t)end + 1);
    }
}

bool batch_reword(struct exchange *x, struct buf *out)
{
    struct form form;
    const char *why;
    bool changed = false;
    struct span type = http_get(x->asking.head, SPAN("content-type")), body = buf_span(&x->asking.body), text = SPAN_NONE;
    if (!operation_of(x)->batch_input || x->asking.opaque || x->deciding.upstream->quirks.limit != LIMIT_MAX_TOKENS || !type.at ||
        span_find(body, SPAN("max_completion_tokens")) < 0 || parts_read(&x->arena, type, body, FORM_PARTS, &form, &why) != E_OK)
        return false;
    for (size_t i = 0; i < form.count; i++)
        if (form.list[i].file.at)
            text = text.at ? SPAN("") : form.list[i].value;
    if (!text.len)
        return false;
    buf_put(out, span_first(body, (size_t)(text.at - body.at)));
    put_lines(x, text, out, &changed);
    buf_put(out, span_from(body, (size_t)(text.at - body.at) + text.len));
    return changed;
}

/* ---- what is remembered ---- */

enum { VALUE_MODEL, VALUE_USD, VALUE_INPUT, VALUE_OUTPUT, VALUES };
static const struct span kind = { "batch input", 11 };

static void keep_seen(struct exchange *x, struct span id, const struct file *f)
{
    struct object_value values[VALUES] = { [VALUE_MODEL] = { .path = SPAN("model"), .text = f->model },
        [VALUE_USD] = { .path = SPAN("usd"), .text = arena_print(&x->arena, "%lld", (long long)f->most.usd) },
        [VALUE_INPUT] = { .path = SPAN("input"), .text = arena_print(&x->arena, "%lld", (long long)f->most.input) },
        [VALUE_OUTPUT] = { .path = SPAN("output"), .text = arena_print(&x->arena, "%lld", (long long)f->most.output) } };
    const struct object o = { .name = kind, .id = id, .known = true, .lasting = true, .values = values, .count = VALUES };
    if (!x->arena.broken)
        remembered_keep(x->desk->remembered, side_owner(x), &o, x->times.began_ms + remember_ms);
}

void batch_note(struct exchange *x)
{
    struct form form;
    const char *why;
    struct span type = http_get(x->asking.head, SPAN("content-type")), id = x->answering.settled.object_id;
    if (!operation_of(x) || !operation_of(x)->batch_input || x->asking.opaque || !id.len || !type.at ||
        parts_read(&x->arena, type, buf_span(&x->asking.body), FORM_PARTS, &form, &why) != E_OK)
        return;
    bool batch = false;
    struct span text = SPAN_NONE;
    for (size_t i = 0; i < form.count; i++) {
        if (form.list[i].file.at)
            text = text.at ? SPAN("") : form.list[i].value; /* of two files none is the one */
        else if (span_is(form.list[i].name, SPAN("purpose")))
            batch = span_is(form.list[i].value, SPAN("batch"));
    }
    struct file f = { .model = SPAN_NONE };
    if (!batch || !text.len)
        return;
    read_lines(x, text, &f);
    if (f.most.usd >= 0 && f.lines)
        keep_seen(x, id, &f);
}

static bool find(struct exchange *x, struct span file, struct object *out)
{
    const struct object_read read = { .name = kind, .id = file, .remember_ms = remember_ms };
    return x->deciding.credential && remembered_object(x->desk->remembered, side_owner(x), &read, x->times.began_ms, &x->arena, out) && out->count == VALUES;
}

struct span batch_model(struct exchange *x, struct span file)
{
    struct object o;
    return find(x, file, &o) ? o.values[VALUE_MODEL].text : SPAN_NONE;
}

struct metered_most batch_most(struct exchange *x, struct span file)
{
    struct metered_most m = { .input = -1, .output = -1, .usd = -1 };
    struct object o;
    if (!find(x, file, &o) || !span_to_i64(o.values[VALUE_USD].text, &m.usd) || !span_to_i64(o.values[VALUE_INPUT].text, &m.input) ||
        !span_to_i64(o.values[VALUE_OUTPUT].text, &m.output))
        return (struct metered_most){ -1, -1, -1 };
    return m;
}

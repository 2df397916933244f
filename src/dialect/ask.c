/* SPDX-License-Identifier: Apache-2.0
 * ask.c - see ask.h. */
#include "dialect/ask.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/money.h"
#include "base/text.h"

enum { ASK_MODEL_MOST = 256 };
static const int64_t ASK_COUNT_MOST = INT64_C(1) << 40;

struct ask_reader {
    struct arena *arena;
    const struct ask_field *fields;
    struct ask_found *found;
    enum err error;
    const char *why;
};

static bool refuse(struct ask_reader *r, enum err e, const char *why)
{
    r->error = e;
    r->why = why;
    return false;
}

/* 1e3 and 5.0 are numbers that readers take differently; they are refused like words. */
static bool fill(struct ask_reader *r, const struct ask_field *f, enum json_kind kind, struct span raw)
{
    void *slot = (char *)r->found + f->slot;
    int64_t n;
    switch (f->kind) {
    case ASK_TEXT:
        *(struct span *)slot = json_raw_string(raw, r->arena);
        if (r->arena->broken)
            return refuse(r, E_NO_MEMORY, "out of memory");
        return kind == JSON_STRING && ((struct span *)slot)->at ? true : refuse(r, E_BAD_REQUEST, f->why);
    case ASK_FLAG:
        *(bool *)slot = span_is(raw, SPAN("true"));
        return kind == JSON_BOOL ? true : refuse(r, E_BAD_REQUEST, f->why);
    case ASK_COUNT:
        if (kind != JSON_NUMBER || !json_raw_integer(raw, &n) || n < 0 || n > ASK_COUNT_MOST)
            return refuse(r, E_BAD_REQUEST, f->why);
        *(int64_t *)slot = n;
        return true;
    case ASK_RAW:
        *(struct span *)slot = raw;
        return true;
    }
    return true;
}

static bool visit(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct ask_reader *r = self;
    for (const struct ask_field *f = r->fields; f->name.at; f++) {
        if (!span_is_nocase(f->name, name))
            continue;
        if (!span_is(f->name, name))
            return refuse(r, E_NOT_CANONICAL, "a member's name differs from a known one by upper and lower case only");
        return kind == JSON_NULL || fill(r, f, kind, raw);
    }
    return true;
}

static const struct ask_found nothing_found = { .limit = -1,
    .old_limit = -1,
    .choices = -1,
    .tool_calls = -1,
    .best_of = -1,
    .partials = -1,
    .width = -1,
    .height = -1 };

enum err ask_check_model(struct span model, const char **why)
{
    if (model.len == 0 || model.len > ASK_MODEL_MOST) {
        *why = model.len ? "model is too long" : "model is missing";
        return E_BAD_REQUEST;
    }
    if (!text_is_printable(model)) { /* it goes to logs and headers */
        *why = "model has characters that no model's name has";
        return E_BAD_REQUEST;
    }
    return E_OK;
}

bool ask_lists_some(struct span raw)
{
    struct span list = span_trim(raw);
    return list.len && !(span_starts(list, SPAN("[")) && !span_trim(span_make(list.at + 1, list.len - 2)).len);
}

enum err ask_read_open(struct json *j, struct span body, struct arena *a, const struct ask_field *fields, struct ask_found *found,
    const char **why)
{
    *found = nothing_found;
    struct ask_reader r = { .arena = a, .fields = fields, .found = found };
    enum err e = json_scan(j, body, true, visit, &r, why);
    if (e)
        return e;
    /* What the vendor may fall back to: no policy sees it, and no price bounds it. */
    if (!r.error && (ask_lists_some(found->others) || ask_lists_some(found->others2)))
        (void)refuse(&r, E_BAD_REQUEST, "other models (models, fallbacks) are named that may answer instead: the gate judges and prices one, which model names");
    *why = r.why;
    return r.error ? r.error : found->model.at ? ask_check_model(found->model, why) : E_OK;
}

enum err ask_read(struct json *j, struct span body, struct arena *a, const struct ask_field *fields, struct ask_found *found,
    const char **why)
{
    enum err e = ask_read_open(j, body, a, fields, found, why);
    return e ? e : ask_check_model(found->model, why);
}

/* ---- forms ---- */

enum { FORM_PARTS = 256 };

static bool fill_from_text(struct ask_reader *r, const struct ask_field *f, struct span text)
{
    void *slot = (char *)r->found + f->slot;
    int64_t n;
    switch (f->kind) {
    case ASK_FLAG:
        *(bool *)slot = span_is(text, SPAN("true"));
        return *(bool *)slot || span_is(text, SPAN("false")) ? true : refuse(r, E_BAD_REQUEST, f->why);
    case ASK_COUNT:
        if (!span_to_i64(text, &n) || n < 0 || n > ASK_COUNT_MOST)
            return refuse(r, E_BAD_REQUEST, f->why);
        *(int64_t *)slot = n;
        return true;
    default:
        *(struct span *)slot = span_make(text.at ? text.at : "", text.len);
        return true;
    }
}

static bool fill_part(struct ask_reader *r, const struct form *parts, size_t index)
{
    const struct form_part *p = &parts->list[index];
    for (const struct ask_field *f = r->fields; f->name.at; f++) {
        if (!span_is_nocase(f->name, p->name))
            continue;
        for (size_t i = 0; i < index; i++)
            if (span_is_nocase(parts->list[i].name, p->name))
                return refuse(r, E_NOT_CANONICAL, "a field of the form is given twice");
        if (!span_is(f->name, p->name) || p->file.at)
            return refuse(r, E_NOT_CANONICAL, "a field's name differs from a known one by upper and lower case only, or it is a file");
        return fill_from_text(r, f, p->value);
    }
    return true;
}

enum err ask_read_form(struct span content_type, struct span body, struct arena *a, const struct ask_field *fields,
    struct ask_found *found, struct form *parts, const char **why)
{
    *found = nothing_found;
    struct ask_reader r = { .arena = a, .fields = fields, .found = found };
    enum err e = parts_read(a, content_type, body, FORM_PARTS, parts, why);
    for (size_t i = 0; !e && i < parts->count; i++)
        e = fill_part(&r, parts, i) ? E_OK : r.error;
    if (r.error)
        *why = r.why;
    return e ? e : found->model.at ? ask_check_model(found->model, why) : E_OK;
}

/* A part is put before the closing boundary, which is the last that a form has: "\r\n--boundary--". */
static void add_model_part(const struct form *parts, struct span body, struct span model, struct buf *out)
{
    const struct form_part *last = &parts->list[parts->count - 1];
    size_t end = (size_t)(last->value.at - body.at) + last->value.len;
    struct span closing = span_from(body, end), mark = span_first(closing, closing.len - (span_ends(closing, SPAN("\r\n")) ? 4 : 2));
    buf_put(out, span_first(body, end));
    buf_put(out, mark);
    buf_put(out, SPAN("\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n"));
    buf_put(out, model);
    buf_put(out, closing);
}

void ask_edit_form(struct span content_type, struct span body, struct arena *a, const struct ask_edit *edit, struct buf *out)
{
    struct form parts;
    const char *why;
    if (parts_read(a, content_type, body, FORM_PARTS, &parts, &why) != E_OK || !parts.count) {
        out->broken = true;
        return;
    }
    for (size_t i = 0; edit->model.at && i < parts.count; i++) {
        struct span value = parts.list[i].value;
        if (!span_is(parts.list[i].name, SPAN("model")))
            continue;
        buf_put(out, span_first(body, (size_t)(value.at - body.at)));
        buf_put(out, edit->model);
        buf_put(out, span_from(body, (size_t)(value.at - body.at) + value.len));
        return;
    }
    if (edit->model.at)
        add_model_part(&parts, body, edit->model, out);
    else
        buf_put(out, body);
}

struct span ask_tier(struct span tier)
{
    bool standard = span_is(tier, SPAN("default")) || span_is(tier, SPAN("standard")) || span_is(tier, SPAN("standard_only"));
    return standard || tier.len == 0 ? SPAN_NONE : tier;
}

void ask_begin(struct span body, const struct ask_found *found, struct ask *out)
{
    bool zero = found->limit == 0 || found->old_limit == 0;
    *out = (struct ask){
        .model = found->model,
        .stream = found->stream,
        .usage_wanted = true,
        .output_limit = zero ? -1 : found->limit > found->old_limit ? found->limit : found->old_limit,
        .zero_limit = zero,
        .choices = found->choices < 1 ? 1 : found->choices,
        .input_most = (int64_t)body.len + ASK_OVERHEAD + (found->tools.at || found->functions.at ? ASK_TOOLS_OVERHEAD : 0),
        .output_extra = (int64_t)found->prediction.len,
        .tier = ask_tier(found->tier),
        .input_unbounded = found->reference.at || found->reference2.at || found->plugins.at,
        .user = found->user,
    };
}

void ask_picture(struct ask *out, struct span raw, int64_t most)
{
    out->input_most = money_add(out->input_most - (int64_t)raw.len, most);
}

bool ask_is_inline_picture(struct span raw)
{
    return span_starts(raw, SPAN("\"data:image/")) || span_starts(raw, SPAN("\"data:image\\/"));
}

static void add_splice(struct ask_splices *s, size_t from, size_t to, const char *text)
{
    must(s->count < ASK_SPLICES);
    size_t at = s->count++;
    for (; at > 0 && s->list[at - 1].from > from; at--)
        s->list[at] = s->list[at - 1];
    s->list[at].from = from;
    s->list[at].to = to;
    s->list[at].plain = SPAN_NONE;
    snprintf(s->list[at].text, ASK_SPLICE_TEXT, "%s", text);
}

void ask_replace(struct ask_splices *s, struct span old, const char *format, ...)
{
    char text[ASK_SPLICE_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    size_t from = (size_t)(old.at - s->body.at);
    add_splice(s, from, from + old.len, text);
}

void ask_insert(struct ask_splices *s, struct span object, bool empty, const char *format, ...)
{
    char text[ASK_SPLICE_TEXT];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    must(n > 0 && n + 2 < ASK_SPLICE_TEXT);
    if (!empty)
        memcpy(text + n, ",", 2);
    size_t at = (size_t)(object.at - s->body.at) + (size_t)span_find_byte(object, '{') + 1;
    add_splice(s, at, at, text);
}

void ask_edit_model(struct ask_splices *s, const struct member *model, const struct ask_edit *edit)
{
    size_t from = (size_t)(model->raw.at - s->body.at);
    if (!edit->model.at || !model->raw.at)
        return;
    add_splice(s, from, from + model->raw.len, "");
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].from == from && s->list[i].to == from + model->raw.len)
            s->list[i].plain = edit->model;
}

void ask_write(struct ask_splices *s, struct buf *out)
{
    struct json_out text = json_out(out);
    size_t at = 0;
    for (size_t i = 0; i < s->count; i++) {
        buf_put(out, span_make(s->body.at + at, s->list[i].from - at));
        buf_put(out, span_of(s->list[i].text));
        if (s->list[i].plain.at) {
            json_put_string(&text, s->list[i].plain);
            text.comma = false;
        }
        at = s->list[i].to;
    }
    buf_put(out, span_from(s->body, at));
}

void ask_edit_limit(struct json *j, struct span body, struct span name, const struct ask_edit *edit, struct buf *out)
{
    struct member m[] = { { .name = SPAN("model") }, { .name = name } };
    struct span limit;
    struct ask_splices s = { .body = body };
    bool empty;
    if (!member_find(j, body, m, name.at ? 2 : 1, &empty) || empty) {
        out->broken = true;
        return;
    }
    limit = m[1].raw;
    ask_edit_model(&s, &m[0], edit);
    if (name.at && edit->output_limit >= 0 && limit.at)
        ask_replace(&s, limit, "%lld", (long long)edit->output_limit);
    else if (name.at && edit->output_limit >= 0)
        ask_insert(&s, body, false, "\"%.*s\":%lld", SPAN_ARG(name), (long long)edit->output_limit);
    ask_write(&s, out);
}

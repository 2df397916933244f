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

struct reader {
    struct arena *arena;
    const struct ask_field *fields;
    struct ask_found *found;
    enum err error;
    const char *why;
};

static bool refuse(struct reader *r, enum err e, const char *why)
{
    r->error = e;
    r->why = why;
    return false;
}

/* 1e3 and 5.0 are numbers that readers take differently; they are refused like words. */
static bool fill(struct reader *r, const struct ask_field *f, enum json_kind kind, struct span raw)
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
    struct reader *r = self;
    for (const struct ask_field *f = r->fields; f->name.at; f++) {
        if (!span_is_nocase(f->name, name))
            continue;
        if (!span_is(f->name, name))
            return refuse(r, E_NOT_CANONICAL, "a member's name differs from a known one by upper and lower case only");
        return kind == JSON_NULL || fill(r, f, kind, raw);
    }
    return true;
}

enum err ask_read(struct json *j, struct span body, struct arena *a, const struct ask_field *fields, struct ask_found *found,
    const char **why)
{
    *found = (struct ask_found){ .limit = -1, .old_limit = -1, .choices = -1, .tool_calls = -1 };
    struct reader r = { .arena = a, .fields = fields, .found = found };
    enum err e = json_scan(j, body, true, visit, &r, why);
    if (e)
        return e;
    *why = r.why;
    if (r.error)
        return r.error;
    if (found->model.len == 0 || found->model.len > ASK_MODEL_MOST) {
        *why = found->model.len ? "model is too long" : "model is missing";
        return E_BAD_REQUEST;
    }
    if (!text_is_printable(found->model)) { /* it goes to logs and headers */
        *why = "model has characters that no model's name has";
        return E_BAD_REQUEST;
    }
    return E_OK;
}

struct span ask_tier(struct span tier)
{
    bool standard = span_is(tier, SPAN("default")) || span_is(tier, SPAN("standard")) || span_is(tier, SPAN("standard_only"));
    return standard || tier.len == 0 ? SPAN_NONE : tier;
}

void ask_begin(struct span body, const struct ask_found *found, struct ask *out)
{
    *out = (struct ask){
        .model = found->model,
        .stream = found->stream,
        .usage_wanted = true,
        .output_limit = found->limit > found->old_limit ? found->limit : found->old_limit,
        .choices = found->choices < 1 ? 1 : found->choices,
        .input_most = (int64_t)body.len + ASK_OVERHEAD + (found->tools.at ? ASK_TOOLS_OVERHEAD : 0),
        .output_extra = (int64_t)found->prediction.len,
        .tier = ask_tier(found->tier),
        .input_unbounded = found->reference.at || found->reference2.at,
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

void ask_write(struct ask_splices *s, struct buf *out)
{
    size_t at = 0;
    for (size_t i = 0; i < s->count; i++) {
        buf_put(out, span_make(s->body.at + at, s->list[i].from - at));
        buf_put(out, span_of(s->list[i].text));
        at = s->list[i].to;
    }
    buf_put(out, span_from(s->body, at));
}

void ask_edit_limit(struct json *j, struct span body, struct span name, const struct ask_edit *edit, struct buf *out)
{
    struct member limit = { .name = name };
    struct ask_splices s = { .body = body };
    bool empty;
    if (!member_find(j, body, &limit, 1, &empty) || empty) {
        out->broken = true;
        return;
    }
    if (edit->output_limit >= 0 && limit.raw.at)
        ask_replace(&s, limit.raw, "%lld", (long long)edit->output_limit);
    else if (edit->output_limit >= 0)
        ask_insert(&s, body, false, "\"%.*s\":%lld", SPAN_ARG(name), (long long)edit->output_limit);
    ask_write(&s, out);
}

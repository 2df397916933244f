/* SPDX-License-Identifier: Apache-2.0
 * multipart.c - the fields of a multipart/form-data body, as pairs. See multipart.h; the parts are rules/parts.c's. */
#include "vendor/multipart.h"

struct reading {
    const struct span *repeat;
    size_t repeat_count;
    struct pairs *out;
    const char **why;
};

static enum err refuse(struct reading *r, enum err code, const char *text)
{
    *r->why = text;
    return code;
}

/* Brackets mean depth where forms are read (canon.h), and here they are only a name. */
static bool name_fits(struct span name)
{
    return span_find_byte(name, '[') < 0 && span_find_byte(name, ']') < 0;
}

static bool may_repeat(const struct reading *r, struct span name)
{
    for (size_t i = 0; i < r->repeat_count; i++)
        if (span_is(r->repeat[i], name))
            return true;
    return false;
}

static enum err check_name(struct reading *r, struct span name)
{
    if (!name_fits(name))
        return refuse(r, E_NOT_CANONICAL, "a field's name is empty, longer than 256 bytes, or has brackets");
    for (size_t i = 0; i < r->out->count; i++) {
        struct span other = r->out->list[i].name;
        if (span_is(other, name) ? may_repeat(r, name) : !span_is_nocase(other, name))
            continue;
        return refuse(r, E_NOT_CANONICAL, "a field is given twice, or two differ only in the case of their letters");
    }
    return E_OK;
}

enum err multipart_read(struct arena *a, struct span content_type, struct span body, const struct span *repeat,
    size_t repeat_count, size_t most, struct pairs *out, const char **why)
{
    struct reading r = { .repeat = repeat, .repeat_count = repeat_count, .out = out, .why = why };
    struct form parts;
    *out = (struct pairs){ 0 };
    enum err e = parts_read(a, content_type, body, most, &parts, why);
    if (e)
        return e;
    out->list = ARENA_ARRAY(a, struct pair, parts.count + 1);
    if (!out->list)
        return refuse(&r, E_TOO_LARGE, "the request needs more memory than a call has");
    for (size_t i = 0; i < parts.count; i++) {
        const struct form_part *p = &parts.list[i];
        e = check_name(&r, p->name);
        if (e)
            return e;
        out->list[out->count++] = (struct pair){ p->name, p->file.at ? SPAN("") : p->value };
    }
    return E_OK;
}

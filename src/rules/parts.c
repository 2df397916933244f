/* SPDX-License-Identifier: Apache-2.0
 * parts.c - the parts of a multipart/form-data body. See parts.h. */
#include "rules/parts.h"

#include "base/text.h"

struct reading {
    struct span body;    /* what is left of it */
    struct span mark;    /* "--boundary" */
    struct span between; /* "\r\n--boundary" */
    size_t most;
    struct arena *arena;
    struct form *out;
    const char **why;
};

static enum err refuse(struct reading *r, enum err code, const char *text)
{
    *r->why = text;
    return code;
}

/* ---- parameters of a header field: ; name="value" ---- */

static bool is_token(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] <= 0x20 || (unsigned char)s.at[i] >= 0x7f || memchr("()<>@,;:\\\"/[]?=", s.at[i], 15))
            return false;
    return s.len > 0;
}

/* "..." without escapes; *rest is what stands behind it. */
static bool take_quoted(struct span *rest, struct span *value)
{
    *rest = span_from(*rest, 1);
    ptrdiff_t end = span_find_byte(*rest, '"');
    if (end < 0)
        return false;
    *value = span_first(*rest, (size_t)end);
    *rest = span_trim(span_from(*rest, (size_t)end + 1));
    return span_find_byte(*value, '\\') < 0;
}

/* The next parameter; false: something else stands there. At the end *rest is empty. */
static bool take_parameter(struct span *rest, struct span *name, struct span *value)
{
    struct span text = span_trim(*rest);
    if (text.len == 0 || text.at[0] != ';')
        return false;
    text = span_trim(span_from(text, 1));
    if (!span_cut(&text, '=', name) || !is_token(*name))
        return false;
    if (text.len && text.at[0] == '"') {
        *rest = text;
        return take_quoted(rest, value);
    }
    ptrdiff_t end = span_find_byte(text, ';');
    *value = span_trim(end < 0 ? text : span_first(text, (size_t)end));
    *rest = end < 0 ? SPAN("") : span_from(text, (size_t)end);
    return is_token(*value);
}

static bool boundary_fits(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && !memchr("'()+_,-./:=?", c, 12))
            return false;
    }
    return s.len > 0 && s.len <= PARTS_BOUNDARY;
}

static enum err read_boundary(struct reading *r, struct span content_type)
{
    struct span rest = content_type, name, value;
    ptrdiff_t semicolon = span_find_byte(rest, ';');
    rest = semicolon < 0 ? SPAN("") : span_from(rest, (size_t)semicolon);
    if (!take_parameter(&rest, &name, &value) || rest.len || !span_is_nocase(name, SPAN("boundary")) || !boundary_fits(value))
        return refuse(r, E_NOT_CANONICAL, "content-type: multipart/form-data with one boundary and nothing else is taken");
    char *at = arena_take(r->arena, value.len + 4);
    if (!at)
        return refuse(r, E_TOO_LARGE, "the request needs more memory than a call has");
    memcpy(at, "\r\n--", 4);
    memcpy(at + 4, value.at, value.len);
    r->between = span_make(at, value.len + 4);
    r->mark = span_from(r->between, 2);
    return E_OK;
}

/* ---- the head of a part ---- */

static enum err read_disposition(struct reading *r, struct span value, struct form_part *p)
{
    static const char *const wrong = "a part's content-disposition is not form-data; name=\"...\", perhaps with a filename";
    struct span rest = value, name, text;
    ptrdiff_t semicolon = span_find_byte(rest, ';');
    bool named = false;
    if (p->name.at || semicolon < 0 || !span_is_nocase(span_trim(span_first(rest, (size_t)semicolon)), SPAN("form-data")))
        return refuse(r, E_NOT_CANONICAL, wrong);
    rest = span_from(rest, (size_t)semicolon);
    while (rest.len) {
        if (!take_parameter(&rest, &name, &text))
            return refuse(r, E_NOT_CANONICAL, wrong);
        bool is_name = span_is_nocase(name, SPAN("name"));
        bool is_file = span_is_nocase(name, SPAN("filename")) || span_is_nocase(name, SPAN("filename*"));
        if ((is_name && named) || (!is_name && !is_file))
            return refuse(r, E_NOT_CANONICAL, wrong);
        named |= is_name;
        p->file = is_file ? span_make(text.at ? text.at : "", text.len) : p->file;
        p->name = is_name ? text : p->name;
    }
    return named ? E_OK : refuse(r, E_NOT_CANONICAL, wrong);
}

static bool is_plain_text(struct span type)
{
    struct span rest = type, piece;
    if (!span_next(&rest, ';', &piece) || !span_is_nocase(span_trim(piece), SPAN("text/plain")))
        return false;
    while (span_next(&rest, ';', &piece))
        if (!span_is_nocase(span_trim(piece), SPAN("charset=utf-8")))
            return false;
    return true;
}

static enum err read_field(struct reading *r, struct span line, struct form_part *p)
{
    struct span value = line, name;
    if (!span_cut(&value, ':', &name) || !is_token(name))
        return refuse(r, E_NOT_CANONICAL, "a header field of a part has no name");
    value = span_trim(value);
    if (span_is_nocase(name, SPAN("content-disposition")))
        return read_disposition(r, value, p);
    if (!span_is_nocase(name, SPAN("content-type")) || p->type.at)
        return refuse(
            r, E_NOT_CANONICAL, "a part has a header field beside content-disposition and content-type, or one of them twice");
    p->type = value;
    return E_OK;
}

static bool has_bad_bytes(struct span line)
{
    for (size_t i = 0; i < line.len; i++)
        if (((unsigned char)line.at[i] < 0x20 && line.at[i] != '\t') || line.at[i] == 0x7f)
            return true;
    return !text_is_utf8(line);
}

/* Lines up to an empty one. */
static enum err read_head(struct reading *r, struct form_part *p)
{
    ptrdiff_t end = span_find(span_first(r->body, PARTS_HEAD), SPAN("\r\n\r\n"));
    if (end < 0)
        return refuse(r, E_NOT_CANONICAL, "a part has no end of its header fields, or more than 2048 bytes of them");
    struct span head = span_first(r->body, (size_t)end);
    r->body = span_from(r->body, (size_t)end + 4);
    while (head.at) {
        ptrdiff_t cut = span_find(head, SPAN("\r\n"));
        struct span line = cut < 0 ? head : span_first(head, (size_t)cut);
        head = cut < 0 ? SPAN_NONE : span_from(head, (size_t)cut + 2);
        if (has_bad_bytes(line))
            return refuse(r, E_NOT_CANONICAL, "a header field of a part has a control character or is not UTF-8");
        enum err e = read_field(r, line, p);
        if (e)
            return e;
    }
    if (!p->name.at)
        return refuse(r, E_NOT_CANONICAL, "a part has no content-disposition");
    if (span_is_nocase(span_first(p->type, 10), SPAN("multipart/")) || (p->type.at && !p->file.at && !is_plain_text(p->type)))
        return refuse(r, E_NOT_CANONICAL, "a part holds parts itself, or a field is not plain text in UTF-8");
    return E_OK;
}

/* ---- parts ---- */

static enum err add(struct reading *r, const struct form_part *part)
{
    struct form *p = r->out;
    if (p->count == r->most)
        return refuse(r, E_TOO_LARGE, "the form has more fields than allowed");
    struct form_part *list = ARENA_GROW(r->arena, p->list, p->count);
    if (!list)
        return refuse(r, E_TOO_LARGE, "the request needs more memory than a call has");
    p->list = list;
    p->list[p->count++] = *part;
    return E_OK;
}

static enum err read_part(struct reading *r)
{
    struct form_part p = { .name = SPAN_NONE };
    enum err e = read_head(r, &p);
    if (e)
        return e;
    if (p.name.len == 0 || p.name.len > PARTS_NAME)
        return refuse(r, E_NOT_CANONICAL, "a field's name is empty or longer than 256 bytes");
    ptrdiff_t end = span_find(r->body, r->between);
    if (end < 0)
        return refuse(r, E_NOT_CANONICAL, "the last part has no end");
    p.value = span_first(r->body, (size_t)end);
    r->body = span_from(r->body, (size_t)end + r->between.len);
    if (!p.file.at && p.value.len > PARTS_VALUE)
        return refuse(r, E_TOO_LARGE, "a field of the form is longer than 1 MiB");
    if (!p.file.at && (memchr(p.value.at, '\0', p.value.len) || !text_is_utf8(p.value)))
        return refuse(r, E_NOT_CANONICAL, "a field of the form is not UTF-8, or has a NUL");
    return add(r, &p);
}

enum err parts_read(struct arena *a, struct span content_type, struct span body, size_t most, struct form *out, const char **why)
{
    struct reading r = { .body = body, .most = most, .arena = a, .out = out, .why = why };
    *out = (struct form){ NULL, 0 };
    enum err e = read_boundary(&r, content_type);
    if (e)
        return e;
    if (!span_starts(r.body, r.mark))
        return refuse(&r, E_NOT_CANONICAL, "the body does not start with its boundary");
    r.body = span_from(r.body, r.mark.len);
    while (span_starts(r.body, SPAN("\r\n"))) {
        r.body = span_from(r.body, 2);
        e = read_part(&r);
        if (e)
            return e;
    }
    bool ends = span_is(r.body, SPAN("--")) || span_is(r.body, SPAN("--\r\n"));
    return ends ? E_OK : refuse(&r, E_NOT_CANONICAL, "something stands beside the parts of the body");
}

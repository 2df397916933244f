/* SPDX-License-Identifier: Apache-2.0
 * canon.c - targets: one spelling of a path, or a refusal. Forms and queries stand in canon_form.c.
 *
 * Where independent servers were seen to disagree about a spelling, it is refused; where they agree, it is brought to one
 * form. The path that comes out is the one that is matched against the vendor's table and the one that is forwarded. */
#include "rules/canon.h"

#include "base/text.h"

static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

/* Why a byte may not stand in a path as it is; NULL: it may. */
static const char *raw_fault(unsigned char c)
{
    if (c <= 0x20 || c == 0x7f)
        return "the path has a blank or control character";
    if (c > 0x7f)
        return "the path has a byte that is not ASCII";
    if (memchr(";\\#\"<>^`{|}", c, sizeof(";\\#\"<>^`{|}") - 1))
        return "the path has a character that servers read differently (; \\ # or a bracket)";
    return NULL;
}

/* Why an escaped byte may not stand in a path; NULL: it may. */
static const char *escaped_fault(unsigned char c)
{
    if (c == '%')
        return "the path is percent-encoded twice";
    if (c == '/' || c == '\\' || c == '.')
        return "the path has an encoded '/', '\\' or '.'";
    if (c < 0x20 || c == 0x7f)
        return "the path has an encoded control character";
    if (c > 0x7f)
        return "the path has an encoded byte that is not ASCII";
    return c == ';' || c == '#' || c == '?' ? "the path has an encoded ';', '#' or '?'" : NULL;
}

/* Writes one escape, decoded if it needs no escape; false with *why. */
static bool put_escape(struct span rest, char *out, size_t *len, const char **why)
{
    static const char digits[] = "0123456789ABCDEF";
    int high = rest.len > 2 ? text_hex_value(rest.at[1]) : -1, low = rest.len > 2 ? text_hex_value(rest.at[2]) : -1;
    if (high < 0 || low < 0) {
        *why = "the path has a broken percent-escape";
        return false;
    }
    unsigned char c = (unsigned char)(high << 4 | low);
    *why = escaped_fault(c);
    if (*why)
        return false;
    if (is_unreserved(c)) {
        out[(*len)++] = (char)c;
        return true;
    }
    out[(*len)++] = '%';
    out[(*len)++] = digits[high];
    out[(*len)++] = digits[low];
    return true;
}

/* Empty and dot segments of a path that starts with one slash; NULL: none. One slash at the end stays: it is another path, which
 * some vendors want, and it fits only templates that end in one. */
static const char *segment_fault(struct span path)
{
    struct span rest = span_from(path, 1), segment;
    if (path.len == 1)
        return NULL;
    while (span_next(&rest, '/', &segment)) {
        if (segment.len == 0 && rest.at)
            return "the path has an empty segment";
        if (span_is(segment, SPAN(".")) || span_is(segment, SPAN("..")))
            return "the path has a dot segment";
    }
    return NULL;
}

/* The query stays encoded (canon_form reads it); here only what could end it early or split the head is refused. */
static const char *query_fault(struct span query)
{
    for (size_t i = 0; i < query.len; i++) {
        unsigned char c = (unsigned char)query.at[i];
        if (c <= 0x20 || c >= 0x7f || c == '#')
            return "the query has a blank, a control character, '#' or a byte that is not ASCII";
    }
    return NULL;
}

static bool put_path(struct span raw, char *out, size_t *len, const char **why)
{
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.at[i] == '%') {
            if (!put_escape(span_from(raw, i), out, len, why))
                return false;
            i += 2;
            continue;
        }
        *why = raw_fault((unsigned char)raw.at[i]);
        if (*why)
            return false;
        out[(*len)++] = raw.at[i];
    }
    return true;
}

enum err canon_target(struct arena *a, struct span target, struct span *path, struct span *query, const char **why)
{
    struct span raw = target;
    ptrdiff_t mark = span_find_byte(target, '?');
    *query = SPAN_NONE;
    if (mark >= 0) {
        raw = span_first(target, (size_t)mark);
        *query = span_from(target, (size_t)mark + 1);
    }
    if (raw.len == 0 || raw.at[0] != '/') {
        *why = "the request target is not a path";
        return E_NOT_CANONICAL;
    }
    while (raw.len > 1 && raw.at[1] == '/') /* SDKs whose base URL ends in a slash send one run of them in front */
        raw = span_from(raw, 1);
    char *out = arena_take(a, raw.len);
    size_t len = 0;
    if (!out) {
        *why = "the request target needs more memory than a call has";
        return E_TOO_LARGE;
    }
    if (!put_path(raw, out, &len, why))
        return E_NOT_CANONICAL;
    *path = span_make(out, len);
    *why = segment_fault(*path);
    if (!*why && query->at)
        *why = query_fault(*query);
    return *why ? E_NOT_CANONICAL : E_OK;
}

/* SPDX-License-Identifier: Apache-2.0
 * clause.c - which one object a search text is about: customer:'cus_1' AND amount>500 is about cus_1.
 *
 * For scopes written `as: clause:NAME`. Only what narrows is read: clauses joined by AND, of which exactly one says NAME. A
 * negation, an OR, a second such clause or anything that could be read in two ways may show everybody: then it is about nobody in
 * particular. */
#include "vendor/clause.h"

static void skip_blanks(struct span *rest)
{
    while (rest->len && rest->at[0] == ' ')
        *rest = span_from(*rest, 1);
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

static bool is_value_byte(char c)
{
    return is_name_byte(c) || (c >= 'A' && c <= 'Z') || c == '-';
}

/* Between two marks of a kind; with a backslash in it one cannot tell where it ends. */
static bool take_quoted(struct span *rest, struct span *out)
{
    char mark = rest->at[0];
    struct span inner = span_from(*rest, 1);
    ptrdiff_t end = span_find_byte(inner, mark);
    if (end < 0)
        return false;
    *out = span_first(inner, (size_t)end);
    *rest = span_from(inner, (size_t)end + 1);
    return span_find_byte(*out, '\\') < 0;
}

static bool is_quote(struct span s)
{
    return s.len && (s.at[0] == '\'' || s.at[0] == '"');
}

static bool take_run(struct span *rest, bool fits(char), struct span *out)
{
    size_t n = 0;
    while (n < rest->len && fits(rest->at[n]))
        n++;
    *out = span_first(*rest, n);
    *rest = span_from(*rest, n);
    return n > 0;
}

/* metadata['order']: what stands in the brackets is no name of ours. */
static bool take_name(struct span *rest, struct span *out)
{
    struct span key;
    if (!take_run(rest, is_name_byte, out))
        return false;
    if (!span_starts(*rest, SPAN("[")))
        return true;
    *rest = span_from(*rest, 1);
    *out = SPAN("");
    if (!is_quote(*rest) || !take_quoted(rest, &key) || !span_starts(*rest, SPAN("]")))
        return false;
    *rest = span_from(*rest, 1);
    return true;
}

/* ':' is the only one that pins a value. */
static bool take_relation(struct span *rest, bool *same)
{
    static const char *const relations[] = { ":", "~", ">=", "<=", ">", "<", NULL };
    for (size_t i = 0; relations[i]; i++) {
        struct span mark = span_of(relations[i]);
        if (!span_starts(*rest, mark))
            continue;
        *same = i == 0;
        *rest = span_from(*rest, mark.len);
        return true;
    }
    return false;
}

static bool take_clause(struct span *rest, struct span name, struct span *value, size_t *hits)
{
    struct span field, found;
    bool same, quoted;
    if (!take_name(rest, &field) || !take_relation(rest, &same))
        return false;
    quoted = is_quote(*rest);
    if (!(quoted ? take_quoted(rest, &found) : take_run(rest, is_value_byte, &found)))
        return false;
    if (!span_is(field, name))
        return true;
    ++*hits;
    *value = found;
    return same && found.len && (quoted || !span_is_nocase(found, SPAN("null")));
}

static bool take_and(struct span *rest)
{
    size_t before = rest->len;
    skip_blanks(rest);
    if (before == rest->len || rest->len < 4 || !span_is_nocase(span_first(*rest, 3), SPAN("and")) || rest->at[3] != ' ')
        return false;
    *rest = span_from(*rest, 3);
    skip_blanks(rest);
    return true;
}

struct span clause_value(struct span text, struct span name)
{
    struct span rest = span_trim(text), value = SPAN_NONE;
    size_t hits = 0;
    do {
        if (!take_clause(&rest, name, &value, &hits))
            return SPAN_NONE;
    } while (rest.len && take_and(&rest));
    return !rest.len && hits == 1 ? value : SPAN_NONE;
}

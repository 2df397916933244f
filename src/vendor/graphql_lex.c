/* SPDX-License-Identifier: Apache-2.0
 * graphql_lex.c - GraphQL source to tokens, and what its strings say. It is stricter than the language in nothing but that
 * "\u{...}" of later editions is refused: servers differ about it. */
#include "base/text.h"
#include "vendor/graphql.h"

static bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_name(char c) { return is_name_start(c) || is_digit(c); }

/* Blanks, line ends, commas and comments mean nothing. */
static void skip_ignored(struct span *rest)
{
    bool comment = false;
    while (rest->len) {
        char c = *rest->at;
        bool line_end = c == '\n' || c == '\r';
        comment = c == '#' || (comment && !line_end);
        if (!comment && !line_end && c != ' ' && c != '\t' && c != ',')
            return;
        *rest = span_from(*rest, 1);
    }
}

/* Takes the first n bytes. */
static struct span take(struct span *rest, size_t n)
{
    struct span s = span_first(*rest, n);
    *rest = span_from(*rest, n);
    return s;
}

static char at(struct span s, size_t i) { return i < s.len ? s.at[i] : '\0'; }

static size_t digits(struct span s, size_t from)
{
    size_t n = 0;
    while (is_digit(at(s, from + n)))
        n++;
    return n;
}

/* Length of a number at the start of s, 0: none. What follows may not look like a part of it. */
static size_t number_length(struct span s)
{
    size_t i = at(s, 0) == '-', n = digits(s, i);
    if (!n || (n > 1 && at(s, i) == '0'))
        return 0;
    i += n;
    if (at(s, i) == '.') {
        n = digits(s, i + 1);
        if (!n)
            return 0;
        i += 1 + n;
    }
    if (at(s, i) == 'e' || at(s, i) == 'E') {
        size_t sign = at(s, i + 1) == '+' || at(s, i + 1) == '-';
        n = digits(s, i + 1 + sign);
        if (!n)
            return 0;
        i += 1 + sign + n;
    }
    return at(s, i) == '.' || is_name(at(s, i)) ? 0 : i;
}

static bool is_source(char c) { return (unsigned char)c >= ' ' || c == '\t'; }

/* Behind the quote. */
static struct gql_token read_string(struct span *rest)
{
    size_t i = 0;
    while (i < rest->len && rest->at[i] != '"') {
        if (!is_source(rest->at[i]))
            return (struct gql_token){ .kind = GQL_BAD };
        i += rest->at[i] == '\\' ? 2 : 1;
    }
    if (i >= rest->len)
        return (struct gql_token){ .kind = GQL_BAD };
    struct gql_token t = { .kind = GQL_STRING, .text = take(rest, i) };
    take(rest, 1);
    return t;
}

static struct gql_token read_block(struct span *rest)
{
    for (size_t i = 0; i + 3 <= rest->len; i++) {
        struct span here = span_from(*rest, i);
        if (!is_source(*here.at) && *here.at != '\n' && *here.at != '\r')
            break;
        if (span_starts(here, SPAN("\\\"\"\""))) {
            i += 3;
            continue;
        }
        if (!span_starts(here, SPAN("\"\"\"")))
            continue;
        struct gql_token t = { .kind = GQL_BLOCK, .text = take(rest, i) };
        take(rest, 3);
        return t;
    }
    return (struct gql_token){ .kind = GQL_BAD };
}

static struct gql_token read_word(struct span *rest)
{
    size_t n = 1;
    if (is_name_start(*rest->at)) {
        while (is_name(at(*rest, n)))
            n++;
        return (struct gql_token){ .kind = GQL_NAME, .text = take(rest, n) };
    }
    n = number_length(*rest);
    return (struct gql_token){ .kind = n ? GQL_NUMBER : GQL_BAD, .text = take(rest, n) };
}

struct gql_token gql_next(struct span *rest)
{
    skip_ignored(rest);
    if (!rest->len)
        return (struct gql_token){ .kind = GQL_END };
    char c = *rest->at;
    if (span_starts(*rest, SPAN("\"\"\""))) {
        take(rest, 3);
        return read_block(rest);
    }
    if (c == '"') {
        take(rest, 1);
        return read_string(rest);
    }
    if (span_starts(*rest, SPAN("...")))
        return (struct gql_token){ .kind = GQL_SPREAD, .text = take(rest, 3) };
    if (c && strchr("!$&():=@[]{|}", c))
        return (struct gql_token){ .kind = GQL_MARK, .text = take(rest, 1), .mark = c };
    return read_word(rest);
}

/* ---- what strings say ---- */

static bool hex4(struct span s, uint32_t *out)
{
    uint8_t bytes[2];
    if (s.len < 4 || !text_hex_decode(span_first(s, 4), bytes, 2))
        return false;
    *out = (uint32_t)bytes[0] << 8 | bytes[1];
    return true;
}

static size_t put_utf8(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    size_t lead = c < 0x10000 ? 0 : 1;
    if (lead)
        out[0] = (char)(0xf0 | c >> 18);
    out[lead ? 1 : 0] = lead ? (char)(0x80 | (c >> 12 & 63)) : (char)(0xe0 | c >> 12);
    out[lead + 1] = (char)(0x80 | (c >> 6 & 63));
    out[lead + 2] = (char)(0x80 | (c & 63));
    return lead + 3;
}

/* "\uXXXX" behind the u, perhaps two that make one character. Bytes taken; 0: broken. */
static size_t read_unicode(struct span s, char *out, size_t *written)
{
    uint32_t high, low;
    if (!hex4(s, &high) || (high >= 0xdc00 && high < 0xe000))
        return 0;
    if (high < 0xd800 || high >= 0xe000) {
        *written = put_utf8(high, out);
        return 4;
    }
    struct span second = span_from(s, 4);
    if (!span_starts(second, SPAN("\\u")) || !hex4(span_from(second, 2), &low) || low < 0xdc00 || low >= 0xe000)
        return 0;
    *written = put_utf8(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), out);
    return 10;
}

static bool simple_escape(char c, char *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found = c ? strchr(from, c) : NULL;
    if (found)
        *out = to[found - from];
    return found != NULL;
}

/* An escape is never shorter than what it stands for. */
static struct span unescape(struct span s, struct arena *a)
{
    char *out = arena_take(a, s.len + 1);
    size_t len = 0;
    while (out && s.len) {
        size_t written = 1, taken = 1;
        if (*s.at != '\\') {
            out[len] = *s.at;
        } else if (at(s, 1) == 'u') {
            taken = read_unicode(span_from(s, 2), out + len, &written);
            if (!taken)
                return SPAN_NONE;
            taken += 2;
        } else {
            if (!simple_escape(at(s, 1), &out[len]))
                return SPAN_NONE;
            taken = 2;
        }
        len += written;
        s = span_from(s, taken);
    }
    return out ? span_make(out, len) : SPAN_NONE;
}

/* One line of a block string, off *rest. False: there is none left. */
static bool next_line(struct span *rest, struct span *line)
{
    size_t n = 0;
    if (!rest->at)
        return false;
    while (n < rest->len && rest->at[n] != '\n' && rest->at[n] != '\r')
        n++;
    *line = span_first(*rest, n);
    if (n == rest->len) {
        *rest = SPAN_NONE;
        return true;
    }
    *rest = span_from(*rest, n + (rest->at[n] == '\r' && at(*rest, n + 1) == '\n' ? 2 : 1));
    return true;
}

/* What all lines but the first have in common; lines of blanks do not count. */
static size_t common_indent(struct span text)
{
    struct span rest = text, line;
    size_t common = SIZE_MAX;
    for (bool first = true; next_line(&rest, &line); first = false) {
        size_t indent = 0;
        while (at(line, indent) == ' ' || at(line, indent) == '\t')
            indent++;
        if (!first && indent < line.len && indent < common)
            common = indent;
    }
    return common == SIZE_MAX ? 0 : common;
}

struct lines {
    char *at;
    size_t len;
    size_t kept; /* up to the end of the last line that is not blank */
    bool any;
};

static void put_line(struct lines *out, struct span line)
{
    bool blank = span_trim(line).len == 0;
    if (blank && !out->any)
        return;
    if (out->any)
        out->at[out->len++] = '\n';
    out->any = true;
    while (line.len) {
        size_t skipped = span_starts(line, SPAN("\\\"\"\"")) ? 1 : 0;
        size_t n = skipped ? 3 : 1;
        memcpy(out->at + out->len, line.at + skipped, n);
        out->len += n;
        line = span_from(line, skipped + n);
    }
    if (!blank)
        out->kept = out->len;
}

/* Blank lines at either end go, and the indent that all lines share. */
static struct span block_value(struct span text, struct arena *a)
{
    struct span rest = text, line;
    size_t indent = common_indent(text);
    struct lines out = { .at = arena_take(a, text.len + 1) };
    if (!out.at)
        return SPAN_NONE;
    for (bool first = true; next_line(&rest, &line); first = false)
        put_line(&out, first ? line : span_from(line, indent));
    return span_make(out.at, out.kept);
}

struct span gql_string(const struct gql_token *t, struct arena *a)
{
    return t->kind == GQL_BLOCK ? block_value(t->text, a) : unescape(t->text, a);
}

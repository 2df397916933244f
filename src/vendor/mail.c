/* SPDX-License-Identifier: Apache-2.0
 * mail.c - mail addresses as APIs write them: "a@x.example" or "Name <a@x.example>", one in a value, or several with commas.
 *
 * Not a parser of RFC 5322: a value that could hold several addresses, comments, groups or escapes is refused, since the
 * vendor might read it otherwise than we do. */
#include "vendor/mail.h"

static bool is_plain_address(struct span s)
{
    ptrdiff_t at = span_find_byte(s, '@');
    if (at <= 0 || (size_t)at + 1 >= s.len || span_find_byte(span_from(s, (size_t)at + 1), '@') >= 0)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] <= 0x20 || s.at[i] == 0x7f || memchr(",;:<>()[]\\\"", s.at[i], sizeof(",;:<>()[]\\\"") - 1))
            return false;
    return true;
}

/* A display name: quotes around the whole are fine, anything that could start another address is not. */
static bool is_display_name(struct span name)
{
    name = span_trim(name);
    bool quoted = name.len >= 2 && name.at[0] == '"' && name.at[name.len - 1] == '"';
    if (quoted)
        name = span_first(span_from(name, 1), name.len - 2);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (c == '<' || c == '>' || c == '"' || c == '\\' || c == '\r' || c == '\n' || c == '\0')
            return false;
        if (!quoted && (c == ',' || c == ';' || c == ':' || c == '@' || c == '(' || c == ')'))
            return false;
    }
    return true;
}

bool mail_address(struct span value, struct span *out)
{
    struct span address = span_trim(value);
    ptrdiff_t open = span_find_byte(address, '<');
    if (open >= 0) {
        if (!is_display_name(span_first(address, (size_t)open)) || address.at[address.len - 1] != '>')
            return false;
        address = span_from(address, (size_t)open + 1);
        address.len--;
        address = span_trim(address);
    }
    *out = address;
    return is_plain_address(address);
}

struct span mail_domain(struct span address)
{
    ptrdiff_t at = span_find_byte(address, '@');
    return at < 0 ? SPAN_NONE : span_from(address, (size_t)at + 1);
}

/* Up to a comma that is not in quotes. A quoted name may hold commas, but then no '@': some would read an address there. */
static struct span take_entry(struct span *rest)
{
    bool quoted = false, comma = false, at = false;
    size_t i = 0;
    for (; i < rest->len && (quoted || rest->at[i] != ','); i++) {
        char c = rest->at[i];
        quoted ^= c == '"';
        comma |= c == ',';
        at |= quoted && c == '@';
    }
    struct span entry = span_first(*rest, i);
    *rest = i < rest->len ? span_from(*rest, i + 1) : SPAN_NONE;
    return comma && at ? SPAN_NONE : entry;
}

bool mail_next(struct span *rest, struct span *address)
{
    if (!rest->at)
        return false;
    struct span entry = take_entry(rest);
    if (!entry.at || !mail_address(entry, address))
        *address = SPAN_NONE;
    return true;
}

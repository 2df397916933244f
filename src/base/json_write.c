/* SPDX-License-Identifier: Apache-2.0
 * json_write.c - the append-only JSON writer. It keeps no stack: whoever opens closes. Text is copied in runs between
 * the bytes that need care. */
#include "base/json.h"

#include <stdio.h>

#include "base/money.h"
#include "base/must.h"
#include "base/text.h"

struct json_out json_out(struct buf *b) { return (struct json_out){ b, false }; }

/* Before each item. */
static struct buf *item(struct json_out *o)
{
    if (o->comma)
        buf_put_byte(o->buf, ',');
    o->comma = true;
    return o->buf;
}

void json_open(struct json_out *o, char bracket)
{
    buf_put_byte(item(o), bracket);
    o->comma = false;
}

void json_close(struct json_out *o, char bracket)
{
    buf_put_byte(o->buf, bracket);
    o->comma = true;
}

/* A byte that stands for itself, and is a whole character. */
static bool plain(unsigned char c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; }

/* The same for eight bytes at once: each test sets the top bit of the bytes it finds (a borrow may set one too many,
 * which only costs a slower look). */
static bool all_plain(const char *at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
    uint64_t found = word | (word - ones * 0x20) | (quote - ones) | (slash - ones);
    return (found & tops) == 0;
}

static size_t plain_run(struct span s)
{
    size_t n = 0;
    while (s.len - n >= 8 && all_plain(s.at + n))
        n += 8;
    while (n < s.len && plain((unsigned char)s.at[n]))
        n++;
    return n;
}

/* Bytes that can be copied as they are: plain ones and well-formed UTF-8. */
static size_t safe_run(struct span s)
{
    size_t n = 0, more;
    do {
        n += plain_run(span_from(s, n));
        more = n < s.len && (unsigned char)s.at[n] >= 0x80 ? text_utf8_first(span_from(s, n)) : 0;
        n += more;
    } while (more);
    return n;
}

static void put_escaped(struct buf *b, unsigned char c)
{
    static const char short_form[0x20] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r' };
    if (c >= 0x80) {
        buf_put(b, SPAN("\xef\xbf\xbd"));
        return;
    }
    buf_put_byte(b, '\\');
    if (c >= 0x20)
        buf_put_byte(b, (char)c);
    else if (short_form[c])
        buf_put_byte(b, short_form[c]);
    else
        buf_print(b, "u%04x", c);
}

static void put_quoted(struct buf *b, struct span s)
{
    buf_put_byte(b, '"');
    while (s.len) {
        size_t run = safe_run(s);
        buf_put(b, span_first(s, run));
        s = span_from(s, run);
        if (!s.len)
            break;
        put_escaped(b, (unsigned char)*s.at);
        s = span_from(s, 1);
    }
    buf_put_byte(b, '"');
}

void json_name(struct json_out *o, struct span name)
{
    put_quoted(item(o), name);
    buf_put_byte(o->buf, ':');
    o->comma = false;
}

void json_put_string(struct json_out *o, struct span s)
{
    if (s.at)
        put_quoted(item(o), s);
    else
        json_put_null(o);
}

void json_put_i64(struct json_out *o, int64_t n) { buf_put_i64(item(o), n); }

void json_put_bool(struct json_out *o, bool b) { buf_put(item(o), b ? SPAN("true") : SPAN("false")); }

void json_put_null(struct json_out *o) { buf_put(item(o), SPAN("null")); }

void json_put_raw(struct json_out *o, struct span json) { buf_put(item(o), json.at ? json : SPAN("null")); }

void json_put_money(struct json_out *o, int64_t nano)
{
    char text[MONEY_TEXT];
    put_quoted(item(o), money_text(nano, text));
}

void json_put_time(struct json_out *o, int64_t ms)
{
    char text[TIME_TEXT];
    if (ms > 0)
        put_quoted(item(o), text_time(ms, text));
    else
        json_put_null(o);
}

void json_pair(struct json_out *o, struct span name, struct span string)
{
    json_name(o, name);
    json_put_string(o, string);
}

void json_pair_i64(struct json_out *o, struct span name, int64_t n)
{
    json_name(o, name);
    json_put_i64(o, n);
}

void json_pair_bool(struct json_out *o, struct span name, bool b)
{
    json_name(o, name);
    json_put_bool(o, b);
}

void json_pair_money(struct json_out *o, struct span name, int64_t nano)
{
    json_name(o, name);
    json_put_money(o, nano);
}

void json_pair_amount(struct json_out *o, struct span name, bool money, int64_t amount)
{
    if (money)
        json_pair_money(o, name, amount);
    else
        json_pair_i64(o, name, amount);
}

void json_pair_amount_usd(struct json_out *o, struct span name, bool money, int64_t amount)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "%.*s_usd", SPAN_ARG(name));
    must(len > 0 && (size_t)len < sizeof(text));
    json_pair_amount(o, money ? span_make(text, (size_t)len) : name, money, amount);
}

void json_pair_time(struct json_out *o, struct span name, int64_t ms)
{
    json_name(o, name);
    json_put_time(o, ms);
}

void json_pair_raw(struct json_out *o, struct span name, struct span json)
{
    json_name(o, name);
    json_put_raw(o, json);
}

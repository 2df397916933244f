/* SPDX-License-Identifier: Apache-2.0
 * letter.c - an alert as a mail: a sentence, then the facts as lines. RFC 5322, 2045, 2047.
 *
 * Names in alerts come from strangers (a run's id is the agent's): whatever could end a line of the head becomes a blank, and
 * what is not ASCII is encoded. */
#include <stdio.h>
#include <time.h>

#include "alert/inside.h"
#include "base/text.h"

enum {
    SUBJECT_BYTES = 160,   /* of the sentence, in the subject */
    WORD_BYTES = 42,       /* in an encoded word: 56 of base64, 75 is the most with what is around them */
    LINE_BYTES = 900,      /* a longer line makes the body base64 (998 is the most) */
    BASE64_LINE = 57,      /* bytes to a line of 76 */
    TEXT_BYTES = 4 * ALERT_BYTES,
};

static bool is_plain(char c) { return c >= ' ' && c <= '~'; }
static bool is_control(char c) { return (unsigned char)c < ' ' || c == 0x7f; }

/* ---- the head ---- */

struct span letter_address(struct span s)
{
    ptrdiff_t open = span_find_byte(s, '<');
    struct span at = span_trim(s), domain;
    if (open >= 0) {
        struct span rest = span_from(s, (size_t)open + 1);
        if (!span_cut(&rest, '>', &at) || span_trim(rest).len > 0)
            return SPAN_NONE;
    }
    struct span left = at;
    for (size_t i = 0; i < s.len; i++) {
        if (is_control(s.at[i]))
            return SPAN_NONE;
    }
    for (size_t i = 0; i < at.len; i++) {
        if (!is_plain(at.at[i]) || strchr(" <>()[]\\,;:\"", at.at[i]))
            return SPAN_NONE;
    }
    if (at.len > 254 || !span_cut(&left, '@', &domain) || domain.len == 0 || left.len == 0 || span_find_byte(left, '@') >= 0)
        return SPAN_NONE;
    return at;
}

static bool all_plain(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_plain(s.at[i]))
            return false;
    }
    return true;
}

/* At most `most` bytes of s, not ending inside a character. */
static struct span first_of(struct span s, size_t most)
{
    size_t len = 0;
    while (len < s.len) {
        size_t n = text_utf8_first(span_from(s, len));
        if (len + (n ? n : 1) > most)
            break;
        len += n ? n : 1;
    }
    return span_first(s, len);
}

static void put_words(struct buf *out, struct span s)
{
    while (s.len > 0) {
        struct span word = first_of(s, WORD_BYTES);
        buf_put(out, SPAN("=?utf-8?B?"));
        buf_put_base64(out, word);
        buf_put(out, SPAN("?="));
        s = span_from(s, word.len);
        if (s.len > 0)
            buf_put(out, SPAN("\r\n "));
    }
}

/* One line's worth: no control characters, well-formed UTF-8. */
static void put_clean(struct buf *out, struct span s)
{
    while (s.at && s.len > 0) {
        size_t n = text_utf8_first(s);
        if (n == 0)
            buf_put(out, SPAN("\xef\xbf\xbd"));
        else if (n == 1 && is_control(s.at[0]))
            buf_put_byte(out, ' ');
        else
            buf_put(out, span_first(s, n));
        s = span_from(s, n ? n : 1);
    }
}

static void put_subject(struct buf *out, struct span text)
{
    struct buf clean;
    struct span shown = first_of(text, SUBJECT_BYTES);
    buf_init(&clean, 4 * SUBJECT_BYTES);
    buf_put(&clean, SPAN("[Tollgate] "));
    put_clean(&clean, shown);
    if (shown.len < text.len)
        buf_put(&clean, SPAN("..."));
    buf_put(out, SPAN("Subject: "));
    if (all_plain(buf_span(&clean)))
        buf_put(out, buf_span(&clean));
    else
        put_words(out, buf_span(&clean));
    buf_put(out, SPAN("\r\n"));
    buf_free(&clean);
}

/* A name may stand around the address; it goes along when it is ASCII. */
static void put_mailbox(struct buf *out, struct span s)
{
    if (all_plain(s))
        buf_put(out, s);
    else
        buf_put(out, letter_address(s));
}

static void put_date(struct buf *out, int64_t now)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(now / 1000);
    struct tm t;
    must(gmtime_r(&seconds, &t) != NULL);
    buf_print(out, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n", days + 3 * (size_t)t.tm_wday, t.tm_mday, months + 3 * (size_t)t.tm_mon,
        t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static void put_head(struct buf *out, const struct alert_endpoint *e, const struct alert *a)
{
    struct span domain = letter_address(e->from), name;
    (void)span_cut(&domain, '@', &name);
    put_date(out, a->now);
    buf_put(out, SPAN("From: "));
    put_mailbox(out, e->from);
    buf_put(out, SPAN("\r\nTo: "));
    for (size_t i = 0; i < e->to_count; i++) {
        buf_put(out, i ? SPAN(",\r\n ") : SPAN(""));
        put_mailbox(out, e->to[i]);
    }
    buf_put(out, SPAN("\r\n"));
    put_subject(out, a->text);
    /* The same for each try of a delivery, so that a mailbox shows a mail that came twice once. */
    struct digest of = digest_sha256(a->body);
    buf_print(out, "Message-ID: <%lld.", (long long)a->delivery);
    buf_put_hex(out, span_make((const char *)of.bytes, 8));
    buf_print(out, "@%.*s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n", SPAN_ARG(domain));
}

/* ---- the body ---- */

static void put_fact(struct buf *out, struct span name, struct json_value value)
{
    struct buf raw;
    struct span text = json_string(value);
    buf_init(&raw, TEXT_BYTES);
    if (text.at == NULL) {
        json_print(value, &raw);
        text = buf_span(&raw);
    }
    put_clean(out, name);
    buf_put(out, SPAN(": "));
    put_clean(out, text);
    buf_put(out, SPAN("\r\n"));
    buf_free(&raw);
}

static void put_text(struct buf *out, const struct alert *a)
{
    struct span name;
    struct json_value value;
    put_clean(out, a->text);
    buf_put(out, SPAN("\r\n\r\n"));
    for (struct json_iter it = json_iter(a->root); json_next(&it, &name, &value);) {
        if (!span_is(name, SPAN("text")))
            put_fact(out, name, value);
    }
}

/* Whether it can go as it is. */
static bool is_seven_bit(struct span text)
{
    size_t line = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\n')
            line = 0;
        else if (text.at[i] != '\r' && (!is_plain(text.at[i]) || ++line > LINE_BYTES))
            return false;
    }
    return true;
}

void letter_write(struct buf *out, const struct alert_endpoint *e, const struct alert *a)
{
    struct buf body;
    buf_init(&body, TEXT_BYTES);
    put_text(&body, a);
    struct span text = buf_span(&body);
    bool as_it_is = is_seven_bit(text);
    put_head(out, e, a);
    buf_put(out, SPAN("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "));
    buf_put(out, as_it_is ? SPAN("7bit\r\n\r\n") : SPAN("base64\r\n\r\n"));
    if (as_it_is)
        buf_put(out, text);
    for (size_t at = 0; !as_it_is && at < text.len; at += BASE64_LINE) {
        buf_put_base64(out, span_first(span_from(text, at), BASE64_LINE));
        buf_put(out, SPAN("\r\n"));
    }
    out->broken |= body.broken;
    buf_free(&body);
}

/* SPDX-License-Identifier: Apache-2.0
 * parse.c - heads: lines, llhttp, and what we refuse on top of it.
 *
 * llhttp 8.1.0 as distributions build it skips the byte after some CRs unseen, takes blanks in names and joins folded
 * lines; hence the scan in front of it and the checks behind it. It never sees a body: body.c frames those. */
#include "http/parse.h"

#include <llhttp.h>

/* ---- lines ---- */

static enum io no(struct refusal *why, enum err e, int status, struct span detail)
{
    *why = (struct refusal){ e, status, detail };
    return IO_FAILED;
}

static enum io bad(struct refusal *why, struct span detail)
{
    return no(why, E_BAD_REQUEST, 400, detail);
}

/* Method, two blanks, version, CRLF: what a first line holds beside the target; rounded up. */
enum { FIRST_LINE_EXTRA = 64 };

static enum io too_long(const struct head_scan *s, size_t end, const struct parse_limits *limits, struct refusal *why)
{
    if (s->lines == 0 && end > limits->target_bytes + FIRST_LINE_EXTRA)
        return no(why, E_TOO_LARGE, 414, SPAN("the request target is too long"));
    if (end > limits->head_bytes || s->lines > limits->fields + 1)
        return no(why, E_TOO_LARGE, 431, SPAN("the head is too large"));
    return IO_WAIT;
}

static enum io check_line(const struct head_scan *s, struct span line, struct refusal *why)
{
    if (line.len == 0 || line.at[line.len - 1] != '\r')
        return bad(why, SPAN("a line ends with a bare LF"));
    if (memchr(line.at, '\r', line.len - 1) != NULL)
        return bad(why, SPAN("a bare CR"));
    if (s->lines > 0 && (line.at[0] == ' ' || line.at[0] == '\t'))
        return bad(why, SPAN("a folded field"));
    return IO_WAIT;
}

enum io parse_scan(struct head_scan *s, struct span in, const struct parse_limits *limits, size_t *len, struct refusal *why)
{
    /* A first byte that starts no token (a TLS hello, say) need not wait for a line end that will not come. */
    if (in.len > 0 && (in.at[0] <= ' ' || in.at[0] > '~'))
        return bad(why, SPAN("this is not HTTP/1.1"));
    for (;;) {
        const char *lf = memchr(in.at + s->seen, '\n', in.len - s->seen);
        size_t end = lf ? (size_t)(lf - in.at) : in.len;
        if (too_long(s, end, limits, why) == IO_FAILED)
            return IO_FAILED;
        s->seen = end;
        if (lf == NULL)
            return IO_WAIT;
        struct span line = span_make(in.at + s->line, end - s->line);
        if (check_line(s, line, why) == IO_FAILED)
            return IO_FAILED;
        s->line = s->seen = end + 1;
        if (line.len == 1) {
            *len = s->line;
            return s->lines > 0 ? IO_BYTES : bad(why, SPAN("an empty head"));
        }
        s->lines++;
    }
}

/* ---- llhttp ---- */

struct reading {
    llhttp_t parser;
    struct http_head *head;
    size_t room;
    bool whole;
};

static int take_target(llhttp_t *p, const char *at, size_t len)
{
    struct reading *r = p->data;
    r->head->target = span_make(at, len);
    return 0;
}

static int take_name(llhttp_t *p, const char *at, size_t len)
{
    struct reading *r = p->data;
    if (r->head->count == r->room)
        return HPE_USER;
    r->head->fields[r->head->count++] = (struct http_field){ span_make(at, len), SPAN("") };
    return 0;
}

static int take_value(llhttp_t *p, const char *at, size_t len)
{
    struct reading *r = p->data;
    if (r->head->count == 0 || r->head->fields[r->head->count - 1].value.len > 0)
        return HPE_USER;
    r->head->fields[r->head->count - 1].value = span_trim(span_make(at, len));
    return 0;
}

static int take_end(llhttp_t *p)
{
    struct reading *r = p->data;
    r->whole = true;
    return HPE_PAUSED; /* bodies are not llhttp's: no upgrade mode, no leftovers from one message to the next */
}

static const llhttp_settings_t settings = {
    .on_url = take_target,
    .on_header_field = take_name,
    .on_header_value = take_value,
    .on_headers_complete = take_end,
};

/* What a token may hold (RFC 9110, 5.6.2), in lower case; 0: not allowed. */
static unsigned char token_byte(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned char)(c | 0x20);
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        return c;
    return c > ' ' && c < 0x7f && strchr("!#$%&'*+-.^_`|~", c) ? c : 0;
}

/* Names to lower case, in the copy that we own. */
static bool lower_names(struct http_head *h, char *copy)
{
    for (size_t i = 0; i < h->count; i++) {
        struct span name = h->fields[i].name;
        char *at = copy + (name.at - copy);
        if (name.len == 0)
            return false;
        for (size_t k = 0; k < name.len; k++) {
            unsigned char c = token_byte((unsigned char)at[k]);
            if (c == 0)
                return false;
            at[k] = (char)c;
        }
    }
    return true;
}

static enum io read_head(
    struct arena *a, llhttp_type_t type, struct span raw, size_t lines, struct http_head *out, struct refusal *why)
{
    char *copy = arena_take(a, raw.len);
    *out = (struct http_head){ .length = -1, .fields = ARENA_ARRAY(a, struct http_field, lines) };
    if (copy == NULL || out->fields == NULL)
        return no(why, E_NO_MEMORY, 503, SPAN("out of memory"));
    memcpy(copy, raw.at, raw.len);
    struct reading r = { .head = out, .room = lines };
    llhttp_init(&r.parser, type, &settings);
    r.parser.data = &r;
    llhttp_errno_t e = llhttp_execute(&r.parser, copy, raw.len);
    if (e == HPE_UNEXPECTED_CONTENT_LENGTH || e == HPE_INVALID_CONTENT_LENGTH)
        return bad(why, SPAN("content-length is given twice, is no number, or clashes with transfer-encoding"));
    if (e == HPE_INVALID_TRANSFER_ENCODING)
        return bad(why, SPAN("transfer-encoding is not chunked"));
    if (e != HPE_PAUSED || !r.whole || out->count + 1 != lines)
        return bad(why, SPAN("the head is not well-formed"));
    if (r.parser.http_major != 1 || r.parser.http_minor > 1)
        return no(why, E_BAD_REQUEST, 505, SPAN("only HTTP/1.1 and HTTP/1.0 are spoken here"));
    if (!lower_names(out, copy))
        return bad(why, SPAN("a field name is no token"));
    out->minor = r.parser.http_minor;
    out->status = r.parser.status_code;
    return IO_BYTES;
}

/* ---- framing ---- */

static void read_connection(struct http_head *h)
{
    bool close = false, keep = false;
    for (size_t i = 0; i < h->count; i++) {
        struct span rest = h->fields[i].value, piece;
        if (!span_is(h->fields[i].name, SPAN("connection")))
            continue;
        while (span_next(&rest, ',', &piece)) {
            close = close || span_is_nocase(span_trim(piece), SPAN("close"));
            keep = keep || span_is_nocase(span_trim(piece), SPAN("keep-alive"));
        }
    }
    h->keep_alive = !close && (h->minor == 1 || keep);
}

static enum io read_framing(struct http_head *h, struct refusal *why)
{
    size_t lengths = 0, codings = 0;
    for (size_t i = 0; i < h->count; i++) {
        struct span name = h->fields[i].name, value = h->fields[i].value;
        uint64_t n;
        if (span_is(name, SPAN("content-length"))) {
            if (!span_to_u64(value, &n) || n > INT64_MAX || lengths++ > 0)
                return bad(why, SPAN("content-length is given twice, or is no number"));
            h->length = (int64_t)n;
        } else if (span_is(name, SPAN("transfer-encoding"))) {
            if (!span_is_nocase(value, SPAN("chunked")) || codings++ > 0)
                return bad(why, SPAN("transfer-encoding is not chunked"));
            h->chunked = true;
        }
    }
    if (h->chunked && (lengths > 0 || h->minor == 0))
        return bad(why, SPAN("transfer-encoding clashes with content-length or with HTTP/1.0"));
    read_connection(h);
    return IO_BYTES;
}

/* ---- requests ---- */

static const struct span methods[] = {
    { "GET", 3 },
    { "POST", 4 },
    { "HEAD", 4 },
    { "PUT", 3 },
    { "PATCH", 5 },
    { "DELETE", 6 },
    { "OPTIONS", 7 },
};

/* Puts our own constant in the place of the received text. */
static enum io check_method(struct span *method, struct refusal *why)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (!span_is(*method, methods[i]))
            continue;
        *method = methods[i];
        return IO_BYTES;
    }
    for (size_t i = 0; i < method->len; i++) {
        if (token_byte((unsigned char)method->at[i]) == 0)
            return bad(why, SPAN("the method is no token"));
    }
    /* Known to every server, offered by none of ours; the rest is unknown. */
    bool known = span_is(*method, SPAN("CONNECT")) || span_is(*method, SPAN("TRACE"));
    return no(why, E_METHOD_UNKNOWN, known ? 405 : 501, SPAN("this method is not offered here"));
}

/* "http://gate:8080/v1/charges": clients of proxies write it so, and servers have to take it (RFC 9112, 3.2.2). */
static bool is_absolute(struct span target) { return span_starts(target, SPAN("http://")) || span_starts(target, SPAN("https://")); }

static enum io check_target(struct span target, const struct parse_limits *limits, struct refusal *why)
{
    if (!is_absolute(target) && (target.len == 0 || target.at[0] != '/'))
        return bad(why, SPAN("the request target is not a path"));
    if (target.len > limits->target_bytes)
        return no(why, E_TOO_LARGE, 414, SPAN("the request target is too long"));
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.at[i];
        if (c < 0x21 || c > 0x7e)
            return bad(why, SPAN("the request target holds a byte that is not visible ASCII"));
    }
    return IO_BYTES;
}

/* "METHOD SP target SP HTTP/1.x": exactly two blanks. Done before llhttp, for the right status. */
static enum io check_first_line(struct span raw, const struct parse_limits *limits, struct span *method, struct refusal *why)
{
    struct span line, target;
    if (!span_cut(&raw, '\r', &line) || !span_cut(&line, ' ', method) || method->len == 0)
        return bad(why, SPAN("the request line is not well-formed"));
    if (span_is(*method, SPAN("PRI")))
        return no(why, E_BAD_REQUEST, 505, SPAN("HTTP/2 is not spoken here"));
    if (check_method(method, why) == IO_FAILED)
        return IO_FAILED;
    if (!span_cut(&line, ' ', &target))
        return bad(why, SPAN("the request line has no version"));
    if (check_target(target, limits, why) == IO_FAILED)
        return IO_FAILED;
    if (span_is(line, SPAN("HTTP/1.1")) || span_is(line, SPAN("HTTP/1.0")))
        return IO_BYTES;
    if (line.len == 8 && span_starts(line, SPAN("HTTP/")) && span_find_byte(line, ' ') < 0)
        return no(why, E_BAD_REQUEST, 505, SPAN("only HTTP/1.1 and HTTP/1.0 are spoken here"));
    return bad(why, SPAN("the request line is not well-formed"));
}

static bool host_byte(char c)
{
    return token_byte((unsigned char)c) != 0 || c == ':' || c == '[' || c == ']';
}

static enum io check_host(const struct http_head *h, struct refusal *why)
{
    size_t n = http_count(h, SPAN("host"));
    if (n > 1 || (n == 0 && h->minor == 1))
        return bad(why, SPAN("exactly one host field is needed"));
    struct span host = http_get(h, SPAN("host"));
    for (size_t i = 0; i < host.len; i++) {
        if (!host_byte(host.at[i]))
            return bad(why, SPAN("the host field is not well-formed"));
    }
    return IO_BYTES;
}

/* The path of it alone; the host it names must be the one the host field names, or two readers would see two hosts. */
static enum io cut_target(struct http_head *h, struct refusal *why)
{
    struct span rest = h->target;
    if (is_absolute(rest)) {
        rest = span_from(rest, (size_t)span_find(rest, SPAN("://")) + 3);
        ptrdiff_t slash = span_find_byte(rest, '/');
        struct span authority = slash < 0 ? rest : span_first(rest, (size_t)slash);
        if (!span_is_nocase(authority, http_get(h, SPAN("host"))))
            return bad(why, SPAN("the request target and the host field name different hosts"));
        h->target = slash < 0 ? SPAN("/") : span_from(rest, (size_t)slash);
    }
    return h->target.len && h->target.at[0] == '/' ? IO_BYTES : bad(why, SPAN("the request target is not a path"));
}

static enum io check_expect(struct http_head *h, struct refusal *why)
{
    struct span expect = http_get(h, SPAN("expect"));
    if (expect.at == NULL)
        return IO_BYTES;
    if (!span_is_nocase(expect, SPAN("100-continue")) || http_count(h, SPAN("expect")) > 1)
        return no(why, E_BAD_REQUEST, 417, SPAN("only 100-continue may be expected"));
    h->expect_continue = h->minor == 1;
    return IO_BYTES;
}

bool parse_request(
    struct arena *a, struct span raw, size_t lines, const struct parse_limits *limits, struct http_head *out, struct refusal *why)
{
    struct span method;
    if (check_first_line(raw, limits, &method, why) == IO_FAILED || read_head(a, HTTP_REQUEST, raw, lines, out, why) == IO_FAILED)
        return false;
    out->method = method;
    if (read_framing(out, why) == IO_FAILED || check_host(out, why) == IO_FAILED || cut_target(out, why) == IO_FAILED)
        return false;
    return check_expect(out, why) != IO_FAILED;
}

/* ---- answers ---- */

bool parse_answer(struct arena *a, struct span raw, size_t lines, struct http_head *out, struct refusal *why)
{
    if (!span_starts(raw, SPAN("HTTP/1.")))
        return bad(why, SPAN("the answer is not HTTP/1.1")) != IO_FAILED;
    if (read_head(a, HTTP_RESPONSE, raw, lines, out, why) == IO_FAILED)
        return false;
    if (out->status < 100 || out->status > 599)
        return bad(why, SPAN("the answer's status is out of range")) != IO_FAILED;
    return read_framing(out, why) != IO_FAILED;
}

/* SPDX-License-Identifier: Apache-2.0
 * send.c - one attempt at one endpoint: webhook and Slack by POST; mail.c does the rest.
 *
 * What goes wrong is told without the URL, which in Slack's case is a secret by itself, and without anything the other side
 * said. */
#include <stdio.h>

#include "alert/inside.h"
#include "base/text.h"
#include "http/fetch.h"

enum { SLACK_TEXT = 8 * 1024, ARENA = 1 << 20 };

static enum err refuse(enum err e, char why[256], const char *text)
{
    snprintf(why, 256, "%s", text);
    return e;
}

enum err alert_read(struct json *j, struct span body, struct alert *out)
{
    const char *why;
    *out = (struct alert){ .body = body };
    if (body.len > ALERT_BYTES)
        return E_TOO_LARGE;
    enum err e = json_parse(j, body, false, &out->root, &why);
    if (e != E_OK)
        return e;
    out->event = json_string(json_member(out->root, SPAN("event")));
    out->text = json_string(json_member(out->root, SPAN("text")));
    return out->event.at && out->text.at ? E_OK : E_BAD_REQUEST;
}

/* "user:password@" before a host would be sent nowhere, or to the wrong place. */
static bool names_user(struct span url)
{
    ptrdiff_t from = span_find(url, SPAN("://"));
    struct span rest = from < 0 ? url : span_from(url, (size_t)from + 3), authority = rest;
    (void)span_cut(&rest, '/', &authority);
    return span_find_byte(authority, '@') >= 0;
}

static enum err judge(enum err e, const struct fetch_answer *answer, char why[256])
{
    /* The status is the answer: a body that is too long or breaks off changes nothing about it. */
    if (answer->status >= 200 && answer->status < 300)
        return E_OK;
    if (answer->status)
        snprintf(why, 256, "it answered %d", answer->status);
    else
        snprintf(why, 256, "%s", e == E_UPSTREAM_UNREACHABLE ? "it could not be reached"
                                 : e == E_UPSTREAM_TIMEOUT   ? "it did not answer in time"
                                 : e == E_UPSTREAM_BROKEN    ? "it broke off the connection"
                                 : e == E_CLIENT_GONE        ? "the gate is ending"
                                 : e == E_BAD_REQUEST        ? "its url cannot be used"
                                                             : "it could not be sent");
    return answer->status ? E_UPSTREAM_BROKEN : e;
}

static enum err post(struct arena *memory, const struct alert_endpoint *e, const struct alert *a, const struct http_field *fields,
    size_t count, struct span body, char why[256])
{
    struct fetch_limits limits = { .total_ms = SEND_MS, .body_bytes = ANSWER_BYTES, .cancel = a->cancel };
    struct fetch_answer answer;
    if (names_user(e->url))
        return refuse(E_BAD_REQUEST, why, "its url names a user; that is not sent");
    enum err got = fetch_within(memory, SPAN("POST"), e->url, fields, count, body, &limits, &answer);
    return judge(got, &answer, why);
}

static struct span sign(struct arena *memory, const struct alert_endpoint *e, const struct alert *a)
{
    struct buf text;
    long long seconds = (long long)(a->now / 1000);
    buf_init(&text, ALERT_BYTES + 64);
    buf_print(&text, "%lld.", seconds);
    buf_put(&text, a->body);
    struct digest mac = digest_hmac(e->secret, buf_span(&text));
    buf_clear(&text);
    buf_put_hex(&text, span_make((const char *)mac.bytes, DIGEST_LEN));
    struct span signature = arena_print(memory, "t=%lld,v1=%.*s", seconds, SPAN_ARG(buf_span(&text)));
    buf_free(&text);
    return signature;
}

static enum err send_webhook(struct arena *memory, const struct alert_endpoint *e, const struct alert *a, char why[256])
{
    struct http_field fields[] = {
        { SPAN("content-type"), SPAN("application/json") },
        { SPAN("user-agent"), SPAN("Tollgate") },
        { SPAN("x-tollgate-event"), a->event },
        { SPAN("x-tollgate-delivery"), arena_print(memory, "%lld", (long long)a->delivery) },
        { SPAN("x-tollgate-signature"), sign(memory, e, a) },
    };
    if (e->secret.len == 0)
        return refuse(E_BAD_REQUEST, why, "it has no secret to sign with");
    if (memory->broken)
        return refuse(E_NO_MEMORY, why, "out of memory");
    return post(memory, e, a, fields, sizeof(fields) / sizeof(fields[0]), a->body, why);
}

/* Slack reads <, > and & as mark-up: a run named "<!channel>" shall wake nobody. */
static void put_escaped(struct buf *b, struct span text)
{
    for (size_t i = 0; i < text.len && b->len < SLACK_TEXT; i++) {
        char c = text.at[i];
        if (c == '&' || c == '<' || c == '>')
            buf_put(b, c == '&' ? SPAN("&amp;") : c == '<' ? SPAN("&lt;") : SPAN("&gt;"));
        else
            buf_put_byte(b, c);
    }
}

static enum err send_slack(struct arena *memory, const struct alert_endpoint *e, const struct alert *a, char why[256])
{
    struct http_field type = { SPAN("content-type"), SPAN("application/json") };
    struct buf text, body;
    buf_init(&text, SLACK_TEXT + 8);
    buf_init(&body, 8 * SLACK_TEXT);
    put_escaped(&text, a->text);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    json_pair(&o, SPAN("text"), buf_span(&text));
    json_close(&o, '}');
    enum err sent = body.broken || text.broken ? refuse(E_NO_MEMORY, why, "out of memory") : post(memory, e, a, &type, 1, buf_span(&body), why);
    buf_free(&body);
    buf_free(&text);
    return sent;
}

enum err alert_try(const struct alert_endpoint *e, const struct alert *a, char why[256])
{
    struct arena memory;
    why[0] = '\0';
    if (e->kind == ALERT_SMTP)
        return mail_send(e, a, why);
    arena_init(&memory, ARENA);
    enum err sent = e->kind == ALERT_SLACK ? send_slack(&memory, e, a, why) : send_webhook(&memory, e, a, why);
    arena_free(&memory);
    return sent;
}

enum err alert_send(const struct alert_endpoint *e, int64_t delivery, struct span body, int64_t now_ms, char why[256])
{
    struct alert a;
    struct json *j = json_new();
    if (j == NULL)
        return refuse(E_NO_MEMORY, why, "out of memory");
    enum err sent = alert_read(j, body, &a);
    a.delivery = delivery;
    a.now = now_ms;
    sent = sent == E_OK ? alert_try(e, &a, why) : refuse(sent, why, "this is no alert, or one of more than 64 KiB");
    json_free(j);
    return sent;
}

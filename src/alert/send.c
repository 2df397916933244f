/* SPDX-License-Identifier: Apache-2.0
 * send.c - one attempt at one endpoint: webhook and Slack by POST; mail.c does the rest.
 *
 * What goes wrong is told without the URL, which in Slack's case is a secret by itself, and without anything the other side
 * said. */
#include <stdio.h>

#include "alert/inside.h"
#include "http/deliver.h"

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
    return out->event.at && (out->text.at || span_is(out->event, SPAN("callback"))) ? E_OK : E_BAD_REQUEST;
}

static enum err post(struct arena *memory, const struct alert_endpoint *e, const struct alert *a, const struct http_field *fields,
    size_t count, struct span body, char why[256])
{
    struct delivery d = { SPAN("POST"), e->url, fields, count, body, .total_ms = SEND_MS, .cancel = a->cancel };
    struct fetch_answer answer;
    return deliver(memory, &d, &answer, why);
}

static enum err send_webhook(struct arena *memory, const struct alert_endpoint *e, const struct alert *a, char why[256])
{
    struct http_field fields[] = {
        { SPAN("content-type"), SPAN("application/json") },
        { SPAN("user-agent"), SPAN("Tollgate") },
        { SPAN("x-tollgate-event"), a->event },
        { SPAN("x-tollgate-delivery"), arena_print(memory, "%lld", (long long)a->delivery) },
        { SPAN("x-tollgate-signature"), deliver_signature(memory, e->secret, a->now, a->body) },
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

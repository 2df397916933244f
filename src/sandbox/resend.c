/* SPDX-License-Identifier: Apache-2.0
 * resend.c - the sandbox's Resend: single mails, batches, looking one up, the latest ones. No mail is sent. As with the real
 * one an idempotency key that comes again gets the ids it got before, without a mark. */
#include <stdio.h>

#include "sandbox/play.h"

enum { BATCH_MOST = 100, LIST_USUAL = 20, LIST_MOST = 100 };

static void fail(struct play *p, int status, const char *name, const char *message)
{
    p->status = status;
    json_open(&p->json, '{');
    json_pair_i64(&p->json, SPAN("statusCode"), status);
    json_pair(&p->json, SPAN("name"), span_of(name));
    json_pair(&p->json, SPAN("message"), span_of(message));
    json_close(&p->json, '}');
}

static struct span recipient(struct json_value mail)
{
    struct span one = json_string(json_member(mail, SPAN("to")));
    return one.at ? one : json_string(json_path(mail, SPAN("to.0")));
}

static bool complete(struct play *p, struct json_value mail)
{
    static const char *const needed[] = { "from", "to", "subject" };
    for (size_t i = 0; i < 3; i++) {
        if (json_kind(json_member(mail, span_of(needed[i]))) != JSON_NONE)
            continue;
        fail(p, 422, "missing_required_field", "Missing `from`, `to` or `subject` field.");
        return false;
    }
    return true;
}

/* An id in the form of a UUID. */
static void set_uuid(struct item *item)
{
    for (size_t at = 8; at <= 23; at += 5)
        item->id[at] = '-';
}

static void put_sent(struct play *p, struct json_value mail)
{
    struct item *item = shelf_add(p->shelf, "email", "", 36, p->now_ms);
    set_uuid(item);
    shelf_text(item->to, sizeof(item->to), recipient(mail));
    shelf_text(item->from, sizeof(item->from), json_string(json_member(mail, SPAN("from"))));
    shelf_text(item->note, sizeof(item->note), json_string(json_member(mail, SPAN("subject"))));
    json_open(&p->json, '{');
    json_pair(&p->json, SPAN("id"), span_of(item->id));
    json_close(&p->json, '}');
}

static void send_batch(struct play *p, struct json_value mails)
{
    struct json_value mail;
    struct span name;
    size_t count = json_count(mails);
    if (json_kind(mails) != JSON_ARRAY || !count || count > BATCH_MOST) {
        fail(p, 422, "validation_error", "A batch is a list of 1 to 100 mails.");
        return;
    }
    for (struct json_iter it = json_iter(mails); json_next(&it, &name, &mail);)
        if (!complete(p, mail))
            return;
    json_open(&p->json, '{');
    json_name(&p->json, SPAN("data"));
    json_open(&p->json, '[');
    for (struct json_iter it = json_iter(mails); json_next(&it, &name, &mail);)
        put_sent(p, mail);
    json_close(&p->json, ']');
    json_close(&p->json, '}');
}

static void put_mail(struct play *p, const struct item *item)
{
    struct json_out *o = &p->json;
    json_open(o, '{');
    json_pair(o, SPAN("object"), SPAN("email"));
    json_pair(o, SPAN("id"), span_of(item->id));
    json_name(o, SPAN("to"));
    json_open(o, '[');
    json_put_string(o, span_of(item->to));
    json_close(o, ']');
    json_pair(o, SPAN("from"), span_of(item->from));
    json_pair(o, SPAN("subject"), span_of(item->note));
    json_pair_time(o, SPAN("created_at"), item->created_ms);
    json_pair(o, SPAN("last_event"), SPAN("delivered"));
    json_close(o, '}');
}

static void retrieve(struct play *p, struct span id)
{
    const struct item *item = shelf_find(p->shelf, "email", id);
    if (item)
        put_mail(p, item);
    else
        fail(p, 404, "not_found", "Email not found");
}

static void list(struct play *p)
{
    uint64_t most = LIST_USUAL;
    struct span limit = play_query(p, "limit");
    if (limit.at && (!span_to_u64(limit, &most) || most < 1 || most > LIST_MOST)) {
        fail(p, 422, "validation_error", "The `limit` is a number from 1 to 100.");
        return;
    }
    const struct item *item = shelf_before(p->shelf, "email", 0);
    json_open(&p->json, '{');
    json_pair(&p->json, SPAN("object"), SPAN("list"));
    json_name(&p->json, SPAN("data"));
    json_open(&p->json, '[');
    for (; item && most > 0; most--, item = shelf_before(p->shelf, "email", item->number))
        put_mail(p, item);
    json_close(&p->json, ']');
    json_pair_bool(&p->json, SPAN("has_more"), item != NULL);
    json_close(&p->json, '}');
}

static void send(struct play *p, bool batch)
{
    struct json_value body = play_json(p);
    if (batch)
        send_batch(p, body);
    else if (complete(p, body))
        put_sent(p, body);
}

/* Only what went out is kept, as at the real one: a mail that was refused may come again under its key. */
static void send_once(struct play *p, bool batch)
{
    struct span key = http_get(p->head, SPAN("idempotency-key"));
    if (key.len)
        key = arena_print(p->arena, "resend %.*s", SPAN_ARG(key)); /* Stripe's stand on the same shelf */
    struct digest request = play_fingerprint(p);
    const struct kept_answer *kept = key.len ? shelf_answer(p->shelf, key) : NULL;
    if (!kept) {
        send(p, batch);
        if (key.len && p->status == 200)
            shelf_keep_answer(p->shelf, key, request, p->status, buf_span(&p->out));
    } else if (memcmp(kept->request.bytes, request.bytes, DIGEST_LEN) == 0) {
        buf_put(&p->out, kept->body);
    } else {
        fail(p, 409, "invalid_idempotent_request", "This idempotency key has been used with another payload.");
    }
}

void resend_answer(struct play *p)
{
    struct span id = SPAN_NONE;
    if (!p->secret_fits)
        fail(p, 401, "missing_api_key", "The sandbox wants its own API key");
    else if (play_is(p, "POST", "emails", &id))
        send_once(p, false);
    else if (play_is(p, "POST", "emails/batch", &id))
        send_once(p, true);
    else if (play_is(p, "GET", "emails", &id))
        list(p);
    else if (play_is(p, "GET", "emails/*", &id))
        retrieve(p, id);
    else
        fail(p, 404, "not_found", "The sandbox plays mails only");
}

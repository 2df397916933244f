/* SPDX-License-Identifier: Apache-2.0
 * once.c - POSTs that carry an Idempotency-Key: asked again within a day, the first answer is given again and nothing is done twice.
 *
 * Answers are in memory, bounded, and forgotten with the process: what makes an object is refused by its name then (409 conflict), so a
 * restart doubles nothing; what has no name (a stop, an increase) is the same when it is said twice. An answer may hold a new token: each
 * is sealed under its own Idempotency-Key, of which only a hash is kept, so memory alone does not open it. Rotations remember by
 * themselves, durably (keys.c). Only what was done is remembered: an error changed nothing, and may be tried again. */
#include "admin/inside.h"

#include <stdlib.h>

#include "base/clock.h"

enum { ONCES = 2000, KEY_LONGEST = 255, ANSWER_MOST = 1 << 20, BYTES_MOST = 32 << 20, SHARES = 4 /* a token has at most one */ };
#define KEPT_MS (INT64_C(24) * 60 * 60 * 1000)

struct once {
    struct list link; /* in the order of age */
    struct digest name, request, holder;
    uint64_t serial; /* which visit's it is: a name may have been forgotten and taken again */
    int64_t at;
    int status; /* 0: under way */
    struct buf sealed;
};

struct onces {
    struct list all;
    struct map by_name;
    size_t count;
    uint64_t last; /* serial */
    uint8_t secret[32];
};

static struct span bytes_of(const struct digest *d) { return span_make((const char *)d->bytes, DIGEST_LEN); }

struct onces *onces_new(void)
{
    struct onces *o = calloc(1, sizeof(*o));
    if (!o)
        return NULL;
    list_init(&o->all);
    random_fill(o->secret, sizeof(o->secret));
    return o;
}

static void forget(struct onces *o, struct once *one)
{
    list_remove(&one->link);
    (void)map_take(&o->by_name, bytes_of(&one->name));
    o->count--;
    buf_free(&one->sealed);
    free(one);
}

void onces_free(struct onces *o)
{
    if (!o)
        return;
    while (!list_empty(&o->all))
        forget(o, CONTAINER_OF(o->all.next, struct once, link));
    map_free(&o->by_name);
    secret_wipe(o->secret, sizeof(o->secret));
    free(o);
}

/* What is under way is never over: forgotten, its request could be done twice. */
static bool is_over(const struct once *one, int64_t now) { return one->status && now - one->at >= KEPT_MS; }

struct share {
    size_t count, bytes;
    struct once *oldest; /* that may go; NULL: all are under way */
};

/* Of that holder (NULL: of all). Those whose day is over are forgotten on the way. */
static struct share share_of(struct onces *o, const struct digest *holder, int64_t now)
{
    struct share s = { .count = 0 };
    for (struct list *at = o->all.next, *next; at != &o->all; at = next) {
        struct once *one = CONTAINER_OF(at, struct once, link);
        next = at->next;
        if (is_over(one, now)) {
            forget(o, one);
            continue;
        }
        if (holder && memcmp(&one->holder, holder, sizeof(*holder)) != 0)
            continue;
        s.count++;
        s.bytes += one->sealed.len;
        if (!s.oldest && one->status)
            s.oldest = one;
    }
    return s;
}

/* Its own oldest make way for those of a holder who has a quarter of the room, the oldest of all when there is none. False: all are under way. */
static bool make_room(struct onces *o, const struct digest *holder, int64_t now)
{
    struct share own, all;
    while ((own = share_of(o, holder, now)).count >= ONCES / SHARES || own.bytes >= BYTES_MOST / SHARES) {
        if (!own.oldest)
            return false;
        forget(o, own.oldest);
    }
    while ((all = share_of(o, NULL, now)).count >= ONCES || all.bytes >= BYTES_MOST) {
        if (!all.oldest)
            return false;
        forget(o, all.oldest);
    }
    return true;
}

/* ---- a request ---- */

/* Each holder of a token has names of its own. */
static struct digest name_of(const struct visit *v, struct span key)
{
    struct digest d = digest_hmac(bytes_of(&v->actor.hash), key);
    return d;
}

static struct digest request_of(const struct visit *v)
{
    struct digest body = digest_sha256(buf_span(&v->body));
    return digest_hmac(bytes_of(&body), http_request_head(v->request)->target);
}

static struct digest seal_key(const struct onces *o, const struct visit *v, struct span key)
{
    struct digest d = digest_hmac(span_make((const char *)o->secret, sizeof(o->secret)), bytes_of(&v->actor.hash));
    return digest_hmac(bytes_of(&d), key);
}

static struct span key_of(const struct visit *v) { return http_get(http_request_head(v->request), SPAN("idempotency-key")); }

/* What changes nothing is as good when it is done again. */
static bool is_for_us(const struct visit *v)
{
    static void (*const others[])(struct visit *) = { keys_rotate, tokens_rotate, session_link, explain_post, report_invoice };
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (v->route->run == others[i])
            return false;
    return strcmp(v->route->method, "POST") == 0 && v->actor.name.at;
}

static void repeat(struct visit *v, struct onces *o, const struct once *one)
{
    struct digest key = seal_key(o, v, key_of(v));
    bool fine = unseal(&v->out, key.bytes, bytes_of(&one->name), buf_span(&one->sealed));
    secret_wipe(&key, sizeof(key));
    if (!fine) {
        reply_problem(v, E_NO_MEMORY, NULL, "the first answer could not be given again");
        return;
    }
    visit_field(v, SPAN("idempotency-replayed"), SPAN("true"));
    reply_again(v, one->status);
}

static bool begin(struct visit *v, struct onces *o, const struct digest *name, const struct digest *request, int64_t now)
{
    if (!make_room(o, &v->actor.hash, now)) {
        reply_problem(v, E_OVERLOADED, "idempotency-key", "too many requests with one are under way; nothing was changed, ask again in a moment");
        return false;
    }
    struct once *one = calloc(1, sizeof(*one));
    if (one) {
        *one = (struct once){ .name = *name, .request = *request, .holder = v->actor.hash, .serial = ++o->last, .at = now };
        buf_init(&one->sealed, 2 * ANSWER_MOST);
    }
    if (!one || !map_put(&o->by_name, bytes_of(&one->name), one)) {
        free(one);
        reply_problem(v, E_NO_MEMORY, NULL, "nothing was changed");
        return false;
    }
    list_add_last(&o->all, &one->link);
    o->count++;
    v->once = *name;
    v->once_serial = one->serial;
    return true;
}

bool once_begin(struct visit *v)
{
    struct onces *o = v->admin->onces;
    struct span key = key_of(v);
    int64_t now = clock_unix_ms();
    if (!key.at || !is_for_us(v))
        return true;
    if (!key.len || key.len > KEY_LONGEST || http_count(http_request_head(v->request), SPAN("idempotency-key")) > 1) {
        reply_problem(v, E_BAD_REQUEST, "idempotency-key", "allowed: one, of 1 to %d characters", KEY_LONGEST);
        return false;
    }
    struct digest name = name_of(v, key), request = request_of(v);
    struct once *there = map_get(&o->by_name, bytes_of(&name));
    if (there && is_over(there, now)) {
        forget(o, there);
        there = NULL;
    }
    if (!there)
        return begin(v, o, &name, &request, now);
    if (memcmp(&there->request, &request, sizeof(request)) != 0)
        reply_problem(v, E_IDEMPOTENCY_CONFLICT, "idempotency-key", "it came with another path or body before; allowed: a key of its own for each request");
    else if (!there->status)
        reply_problem(v, E_DUPLICATE_IN_FLIGHT, "idempotency-key", "the first request is still under way; ask again in a moment");
    else
        repeat(v, o, there);
    return false;
}

/* NULL: this visit has none. */
static struct once *take(struct visit *v)
{
    struct once *one = v->once_serial ? map_get(&v->admin->onces->by_name, bytes_of(&v->once)) : NULL;
    bool own = one && one->serial == v->once_serial;
    v->once_serial = 0;
    return own ? one : NULL;
}

void once_answered(struct visit *v, int status, struct span body)
{
    struct onces *o = v->admin->onces;
    struct once *one = take(v);
    if (!one)
        return;
    if (status < 200 || status > 299 || body.len > ANSWER_MOST) {
        forget(o, one);
        return;
    }
    struct digest key = seal_key(o, v, key_of(v));
    seal(&one->sealed, key.bytes, bytes_of(&one->name), body);
    secret_wipe(&key, sizeof(key));
    one->status = status;
    if (one->sealed.broken)
        forget(o, one);
}

void once_gone(struct visit *v)
{
    struct once *one = take(v);
    if (one)
        forget(v->admin->onces, one);
}

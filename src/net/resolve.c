/* SPDX-License-Identifier: Apache-2.0
 * resolve.c - the look-ups of one loop and what it remembers of them. See resolve.h. */
#include "net/resolve.h"

#include <stdlib.h>

#include "base/map.h"
#include "net/loop_int.h"

enum { NAME_MAX_LEN = 253 };

struct name {
    struct resolver *owner;
    uv_getaddrinfo_t request;
    bool asking;
    bool telling;     /* must not be dropped for a look-up that one of its waits starts */
    int64_t until_ms; /* uv_now's clock */
    struct list waits;
    union address at[RESOLVE_ADDRESSES];
    size_t n;
    size_t len;
    char text[NAME_MAX_LEN + 1];
};

struct resolver {
    struct loop *loop;
    struct loop_guest guest;
    struct map names;
    size_t asking;
    bool leaving;
};

bool resolve_literal(struct span host, union address *out)
{
    char text[INET6_ADDRSTRLEN + 1];
    if (host.len == 0 || host.len >= sizeof(text) || memchr(host.at, 0, host.len))
        return false;
    memcpy(text, host.at, host.len);
    text[host.len] = 0;
    *out = (union address){ 0 };
    if (uv_ip4_addr(text, 0, &out->four) == 0)
        return true;
    return uv_inet_pton(AF_INET6, text, &out->six.sin6_addr) == 0 && (out->six.sin6_family = AF_INET6, true);
}

/* --- the cache --- */

static struct span name_span(const struct name *name)
{
    return span_make(name->text, name->len);
}

static void forget(struct resolver *r, struct name *name)
{
    must(map_take(&r->names, name_span(name)) == name);
    free(name);
}

/* Makes room for one more: everything that is out of date goes, else anything that is not being asked. */
static void make_room(struct resolver *r)
{
    int64_t now = (int64_t)uv_now(&r->loop->uv);
    for (int everything = 0; everything < 2; everything++) {
        size_t at = 0;
        const struct map_entry *entry;
        while (r->names.count >= RESOLVE_NAMES && (entry = map_next(&r->names, &at))) {
            struct name *name = entry->value;
            if (name->asking || name->telling || (!everything && name->until_ms > now))
                continue;
            forget(r, name);
            at = 0; /* the table changed: begin anew */
        }
    }
}

static void leave(struct loop_guest *guest)
{
    struct resolver *r = CONTAINER_OF(guest, struct resolver, guest);
    size_t at = 0;
    const struct map_entry *entry;
    list_remove(&guest->link);
    r->loop->resolver = NULL;
    r->leaving = true;
    while ((entry = map_next(&r->names, &at))) {
        struct name *name = entry->value;
        if (name->asking)
            uv_cancel((uv_req_t *)&name->request); /* may be too late: its callback comes in any case */
        else
            free(name);
    }
    map_free(&r->names);
    if (r->asking == 0)
        free(r);
}

static struct resolver *resolver_of(struct loop *l)
{
    if (l->resolver)
        return l->resolver;
    struct resolver *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->loop = l;
    l->resolver = r;
    loop_guest_add(l, &r->guest, leave);
    return r;
}

/* --- asking --- */

static void keep_answer(struct name *name, const struct addrinfo *info)
{
    name->n = 0;
    for (; info && name->n < RESOLVE_ADDRESSES; info = info->ai_next) {
        if (info->ai_family == AF_INET)
            memcpy(&name->at[name->n++].four, info->ai_addr, sizeof(struct sockaddr_in));
        else if (info->ai_family == AF_INET6)
            memcpy(&name->at[name->n++].six, info->ai_addr, sizeof(struct sockaddr_in6));
    }
}

static void stamp(struct name *name)
{
    name->until_ms = (int64_t)uv_now(&name->owner->loop->uv) + (name->n ? RESOLVE_KEEP_MS : RESOLVE_KEEP_FAILURE_MS);
}

static void tell_waits(struct name *name)
{
    struct list waits;
    list_move(&name->waits, &waits);
    while (!list_empty(&waits)) {
        struct resolve_wait *wait = CONTAINER_OF(waits.next, struct resolve_wait, link);
        list_remove(&wait->link);
        wait->found(wait, name->at, name->n);
    }
}

static void answered(uv_getaddrinfo_t *request, int status, struct addrinfo *info)
{
    struct name *name = request->data;
    struct resolver *r = name->owner;
    r->asking--;
    if (r->leaving) {
        uv_freeaddrinfo(info);
        free(name);
        if (r->asking == 0)
            free(r);
        return;
    }
    loop_refresh(r->loop);
    keep_answer(name, status == 0 ? info : NULL);
    uv_freeaddrinfo(info);
    stamp(name);
    name->asking = false;
    name->telling = true;
    tell_waits(name);
    name->telling = false;
}

static bool ask(struct resolver *r, struct name *name)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    name->request.data = name;
    if (uv_getaddrinfo(&r->loop->uv, &name->request, answered, name->text, NULL, &hints) != 0)
        return false;
    name->asking = true;
    r->asking++;
    return true;
}

static struct name *name_of(struct resolver *r, struct span host)
{
    struct name *name = map_get(&r->names, host);
    if (name)
        return name;
    make_room(r);
    name = calloc(1, sizeof(*name));
    if (!name)
        return NULL;
    name->owner = r;
    list_init(&name->waits);
    memcpy(name->text, host.at, host.len);
    name->len = host.len;
    if (map_put(&r->names, name_span(name), name))
        return name;
    free(name);
    return NULL;
}

void resolve_start(struct loop *l, struct span host, struct resolve_wait *wait,
    void (*found)(struct resolve_wait *wait, const union address *at, size_t n))
{
    union address literal;
    list_init(&wait->link);
    wait->found = found;
    if (resolve_literal(host, &literal)) {
        found(wait, &literal, 1);
        return;
    }
    bool sound = host.len > 0 && host.len <= NAME_MAX_LEN && !memchr(host.at, 0, host.len);
    struct resolver *r = sound ? resolver_of(l) : NULL;
    struct name *name = r ? name_of(r, host) : NULL;
    if (!name) {
        found(wait, NULL, 0);
        return;
    }
    if (!name->asking && name->until_ms > (int64_t)uv_now(&l->uv)) {
        found(wait, name->at, name->n);
        return;
    }
    if (!name->asking && !ask(r, name)) {
        found(wait, NULL, 0);
        return;
    }
    list_add_last(&name->waits, &wait->link);
}

void resolve_cancel(struct resolve_wait *wait)
{
    list_remove(&wait->link);
}

void resolve_teach(struct loop *l, struct span host, const union address *at, size_t n)
{
    must(host.len <= NAME_MAX_LEN && n <= RESOLVE_ADDRESSES);
    struct resolver *r = resolver_of(l);
    struct name *name = r ? name_of(r, host) : NULL;
    must(name && !name->asking);
    if (n)
        memcpy(name->at, at, n * sizeof(*at));
    name->n = n;
    stamp(name);
}

/* SPDX-License-Identifier: Apache-2.0
 * shelf.c - see shelf.h. Looking something up is a walk over the ring: this is for people, not for load. */
#include "sandbox/shelf.h"

#include <stdlib.h>

struct shelf {
    struct item items[SHELF_ITEMS];
    struct kept_answer answers[SHELF_ANSWERS];
    uint64_t made, kept;
};

struct shelf *shelf_new(void) { return calloc(1, sizeof(struct shelf)); }

void shelf_free(struct shelf *s)
{
    for (size_t i = 0; s && i < SHELF_ANSWERS; i++)
        free((void *)(uintptr_t)s->answers[i].body.at);
    free(s);
}

void shelf_text(char *to, size_t room, struct span text)
{
    size_t len = text.len < room ? text.len : room - 1;
    if (len)
        memcpy(to, text.at, len);
    to[len] = '\0';
}

static void make_id(char *to, size_t room, const char *prefix, int digits)
{
    static const char letters[] = "0123456789abcdef";
    uint8_t random[40];
    size_t at = strlen(prefix);
    must(digits <= (int)sizeof(random) && at + (size_t)digits < room);
    memcpy(to, prefix, at);
    random_fill(random, sizeof(random));
    for (int i = 0; i < digits; i++)
        to[at++] = letters[random[i] % 16];
    to[at] = '\0';
}

struct item *shelf_add(struct shelf *s, const char *kind, const char *prefix, int digits, int64_t now_ms)
{
    struct item *item = &s->items[s->made % SHELF_ITEMS];
    *item = (struct item){ .kind = kind, .status = "", .created_ms = now_ms, .number = ++s->made };
    make_id(item->id, sizeof(item->id), prefix, digits);
    return item;
}

struct item *shelf_find(struct shelf *s, const char *kind, struct span id)
{
    for (size_t i = 0; i < SHELF_ITEMS; i++) {
        struct item *item = &s->items[i];
        if (item->kind && strcmp(item->kind, kind) == 0 && span_is(span_of(item->id), id))
            return item;
    }
    return NULL;
}

struct item *shelf_before(struct shelf *s, const char *kind, uint64_t before)
{
    uint64_t number = before ? before - 1 : s->made;
    uint64_t oldest = s->made > SHELF_ITEMS ? s->made - SHELF_ITEMS : 0;
    for (; number > oldest; number--) {
        struct item *item = &s->items[(number - 1) % SHELF_ITEMS];
        if (strcmp(item->kind, kind) == 0)
            return item;
    }
    return NULL;
}

const struct kept_answer *shelf_answer(const struct shelf *s, struct span key)
{
    struct digest digest = digest_sha256(key);
    for (size_t i = 0; i < SHELF_ANSWERS; i++) {
        const struct kept_answer *a = &s->answers[i];
        if (a->body.at && memcmp(a->key.bytes, digest.bytes, DIGEST_LEN) == 0)
            return a;
    }
    return NULL;
}

void shelf_keep_answer(struct shelf *s, struct span key, struct digest request, int status, struct span body)
{
    struct kept_answer *a = &s->answers[s->kept % SHELF_ANSWERS];
    char *copy = body.len <= SHELF_ANSWER_LONGEST ? malloc(body.len + 1) : NULL;
    if (!copy)
        return;
    if (body.len)
        memcpy(copy, body.at, body.len);
    free((void *)(uintptr_t)a->body.at);
    *a = (struct kept_answer){ digest_sha256(key), request, status, span_make(copy, body.len) };
    s->kept++;
}

/* SPDX-License-Identifier: Apache-2.0
 * names.c - see names.h. */
#include "observe/names.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/must.h"

bool names_init(struct names *n, unsigned room)
{
    must(room >= 2 && (room & (room - 1)) == 0 && room <= 16384);
    *n = (struct names){ .room = room, .slot_mask = 2 * room - 1 };
    must(pthread_mutex_init(&n->lock, NULL) == 0);
    n->list = calloc(room, sizeof(*n->list));
    n->slots = calloc(2 * (size_t)room, sizeof(*n->slots));
    if (!n->list || !n->slots)
        return false;
    for (int i = 0; i < NAME_PARTS; i++) {
        n->list[0].lengths[i] = 5;
        memcpy(n->list[0].text + 5 * i, "other", 5);
    }
    atomic_init(&n->count, 1);
    return true;
}

void names_free(struct names *n)
{
    if (!n->room)
        return;
    must(pthread_mutex_destroy(&n->lock) == 0);
    free(n->list);
    free(n->slots);
}

unsigned names_count(const struct names *n) { return atomic_load_explicit(&n->count, memory_order_acquire); }

struct span names_part(const struct names *n, unsigned number, int part)
{
    const struct name *name = &n->list[number];
    const char *at = name->text;
    for (int i = 0; i < part; i++)
        at += name->lengths[i];
    return span_make(at, name->lengths[part]);
}

/* False: it is too long for a name of its own. */
static bool compose(const struct span parts[NAME_PARTS], struct name *out, size_t *len)
{
    *len = 0;
    for (int i = 0; i < NAME_PARTS; i++) {
        if (parts[i].len > NAME_BYTES - *len)
            return false;
        out->lengths[i] = (uint8_t)parts[i].len;
        if (parts[i].len)
            memcpy(out->text + *len, parts[i].at, parts[i].len);
        *len += parts[i].len;
    }
    return true;
}

_Static_assert(NAME_BYTES <= UINT8_MAX, "a part's length is one byte");

static bool same(const struct name *a, const struct name *b, size_t len)
{
    return memcmp(a->lengths, b->lengths, NAME_PARTS) == 0 && memcmp(a->text, b->text, len) == 0;
}

/* Its number; 0: it has none yet, and *free is the slot that it would take. */
static unsigned look_up(const struct names *n, const struct name *wanted, size_t len, unsigned *free)
{
    unsigned at = (unsigned)map_hash(span_make(wanted->text, len)) & n->slot_mask, number;
    for (; (number = atomic_load_explicit(&n->slots[at], memory_order_acquire)) != 0; at = (at + 1) & n->slot_mask)
        if (same(&n->list[number - 1], wanted, len))
            return number - 1;
    *free = at;
    return 0;
}

/* Another thread may have been faster. */
static unsigned add(struct names *n, const struct name *wanted, size_t len)
{
    unsigned slot = 0, count = names_count(n), number = look_up(n, wanted, len, &slot);
    if (number || count == n->room)
        return number;
    memcpy(n->list[count].lengths, wanted->lengths, NAME_PARTS);
    memcpy(n->list[count].text, wanted->text, len);
    atomic_store_explicit(&n->count, count + 1, memory_order_release);
    atomic_store_explicit(&n->slots[slot], (uint16_t)(count + 1), memory_order_release);
    return count;
}

unsigned names_find(struct names *n, const struct span parts[NAME_PARTS])
{
    struct name wanted;
    size_t len;
    unsigned slot;
    if (!compose(parts, &wanted, &len))
        return 0;
    unsigned number = look_up(n, &wanted, len, &slot);
    if (number || names_count(n) == n->room)
        return number;
    must(pthread_mutex_lock(&n->lock) == 0);
    number = add(n, &wanted, len);
    must(pthread_mutex_unlock(&n->lock) == 0);
    return number;
}

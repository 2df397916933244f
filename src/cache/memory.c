/* SPDX-License-Identifier: Apache-2.0
 * memory.c - see memory.h. */
#include "cache/memory.h"

#include <stdlib.h>

enum { MAP_SHARE = 48 /* of the table, about, for each entry */ };

static struct span key_of(const struct digest *d) { return span_make((const char *)d->bytes, DIGEST_LEN); }

void memory_init(struct memory *m, int64_t most)
{
    *m = (struct memory){ .most = most };
    list_init(&m->read);
}

static void free_text(struct memory *m, struct entry *e)
{
    m->bytes -= (int64_t)e->size;
    if (e->text)
        secret_wipe(e->text, e->label_len + e->answer.body.len);
    free(e->text);
    e->text = NULL;
    e->label_len = 0;
    e->answer = (struct cached_answer){ 0 };
    e->size = sizeof(*e) + MAP_SHARE;
    m->bytes += (int64_t)e->size;
}

void memory_free(struct memory *m)
{
    const struct map_entry *at;
    for (size_t from = 0; (at = map_next(&m->entries, &from));) {
        struct entry *e = at->value;
        free_text(m, e);
        free(e);
    }
    map_free(&m->entries);
}

struct entry *memory_find(const struct memory *m, const struct digest *name) { return map_get(&m->entries, key_of(name)); }

/* Only what nobody is busy with may be let go. */
static void set_state(struct memory *m, struct entry *e, enum entry_state state)
{
    e->state = state;
    list_remove(&e->link);
    if (state == VACANT || state == KEPT)
        list_add_first(&m->read, &e->link);
}

struct entry *memory_add(struct memory *m, const struct digest *name, enum entry_state state)
{
    struct entry *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->name = *name;
    list_init(&e->link);
    if (!map_put(&m->entries, key_of(&e->name), e)) {
        free(e);
        return NULL;
    }
    e->size = sizeof(*e) + MAP_SHARE;
    m->bytes += (int64_t)e->size;
    set_state(m, e, state);
    return e;
}

bool memory_fill(struct memory *m, struct entry *e, struct span label, const struct cached_answer *a)
{
    char *text = malloc(label.len + a->body.len + 1);
    free_text(m, e);
    if (!text) {
        set_state(m, e, VACANT);
        return false;
    }
    memcpy(text, label.at ? label.at : "", label.len);
    memcpy(text + label.len, a->body.at ? a->body.at : "", a->body.len);
    e->text = text;
    e->label_len = label.len;
    e->answer = *a;
    e->answer.body = span_make(text + label.len, a->body.len);
    e->size += label.len + a->body.len;
    m->bytes += (int64_t)(label.len + a->body.len);
    set_state(m, e, KEPT);
    return true;
}

void memory_empty(struct memory *m, struct entry *e, enum entry_state state)
{
    free_text(m, e);
    set_state(m, e, state);
}

void memory_touch(struct memory *m, struct entry *e)
{
    list_remove(&e->link);
    list_add_first(&m->read, &e->link);
}

void memory_drop(struct memory *m, struct entry *e)
{
    must(map_take(&m->entries, key_of(&e->name)) == e);
    if (m->left && e->state == KEPT)
        m->left(m->self, &e->name);
    list_remove(&e->link);
    free_text(m, e);
    m->bytes -= (int64_t)e->size;
    free(e);
}

void memory_shrink(struct memory *m)
{
    while (m->bytes > m->most && !list_empty(&m->read))
        memory_drop(m, CONTAINER_OF(m->read.prev, struct entry, link));
}

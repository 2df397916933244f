/* SPDX-License-Identifier: Apache-2.0
 * unwritten.c - see unwritten.h. */
#include "flow/unwritten.h"

#include <stdlib.h>

enum { TEXTS = 12 };

static void texts_of(struct journal_row *r, struct span *texts[TEXTS])
{
    struct span *list[TEXTS] = { &r->workspace, &r->key, &r->run, &r->step, &r->vendor, &r->operation, &r->model, &r->denied, &r->user,
        &r->row, &r->once, &r->again };
    memcpy(texts, list, sizeof(list));
}

static void move(char **at, struct span *s)
{
    if (!s->at)
        return;
    memcpy(*at, s->at, s->len);
    s->at = *at;
    *at += s->len;
}

struct unwritten *unwritten_new(const struct journal_row *r)
{
    struct journal_row copy = *r;
    struct span *texts[TEXTS];
    size_t lines = r->count * sizeof(*r->lines), size = sizeof(struct unwritten) + lines;
    texts_of(&copy, texts);
    for (int i = 0; i < TEXTS; i++)
        size += texts[i]->len;
    for (size_t i = 0; i < r->count; i++)
        size += r->lines[i].account.len;
    struct unwritten *u = malloc(size);
    if (!u)
        return NULL;
    struct journal_line *to = (struct journal_line *)(void *)(u + 1);
    char *at = (char *)(to + r->count);
    list_init(&u->link);
    u->size = size;
    u->row = *r;
    u->row.lines = to;
    texts_of(&u->row, texts);
    for (int i = 0; i < TEXTS; i++)
        move(&at, texts[i]);
    for (size_t i = 0; i < r->count; i++) {
        to[i] = r->lines[i];
        move(&at, &to[i].account);
    }
    return u;
}

/* SPDX-License-Identifier: Apache-2.0
 * inherit.c - see inherit.h. */
#include "flow/inherit.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "rules/row.h"

/* Calls in doubt of former processes. */

struct doubt_load {
    struct worker *first;
    uint64_t last;
    size_t count, late;
};

static void take_doubt(void *self, const struct store_doubt *from)
{
    struct doubt_load *l = self;
    struct journal_line lines[LEDGER_LINES];
    struct doubt d = { .call = from->call,
        .at = from->at,
        .row = from->row,
        .once = from->once,
        .again = from->again,
        .lines = lines,
        .late = from->late };
    d.object = from->late ? row_field(from->counted, ROW_OBJECT_ID).text : SPAN_NONE;
    d.counted = from->late ? row_field(from->counted, ROW_COST).number : 0;
    for (; d.count < from->count && d.count < LEDGER_LINES; d.count++) {
        const struct store_line *line = &from->lines[d.count];
        lines[d.count] = (struct journal_line){ line->account, line->slot, line->held, from->late ? line->real : 0, line->ends_at,
            !from->late };
    }
    doubts_adopt(l->first->doubts, doubt_copy(&d), true);
    l->last = from->call;
    l->count++;
    l->late += from->late;
}

static bool load_doubts(struct workshop *shop, char why[256])
{
    enum { PAGE = 1000 };
    struct doubt_load l = { .first = shop->first };
    struct store_reader *reader = store_reader_new(books_store(shop->books), why);
    enum err e = reader ? E_OK : E_IO;
    for (size_t before = 1; e == E_OK && before != l.count;) {
        before = l.count;
        e = store_doubts(reader, l.last, PAGE, take_doubt, &l);
    }
    if (reader)
        store_reader_free(reader);
    if (e != E_OK && reader)
        snprintf(why, 256, "the calls in doubt cannot be read");
    if (l.count > l.late)
        log_info("gate", "%zu calls are in doubt (tollgate doubt list)", l.count - l.late);
    return e == E_OK;
}

/* What calls of former processes made, and whom they wait for. */

static void take_made(void *self, const struct store_object_made *m)
{
    struct workshop *shop = self;
    bool event = m->kind == STORE_EVENT;
    char name[256];
    struct span object = m->object;
    if (event) {
        int n = snprintf(name, sizeof(name), "event %.*s", SPAN_ARG(m->object));
        object = span_make(name, n < 0 ? 0 : (size_t)n < sizeof(name) ? (size_t)n : sizeof(name) - 1);
    }
    const struct made_object by = { .call = m->call,
        .at = m->at,
        .counted = event ? 0 : m->usd,
        .workspace = m->workspace,
        .key = m->key,
        .user = m->user,
        .label = m->label,
        .run = m->run,
        .step = m->step,
        .operation = m->operation };
    made_add(shop->made, m->vendor, m->credential, object, &by);
}

struct approval_load {
    struct workshop *shop;
    struct json *json;
    int64_t now;
};

static void take_approval(void *self, const struct store_approval *a)
{
    const struct approval_load *l = self;
    if (approvals_restore(l->shop->approvals, l->json, a->bytes, l->now) != E_OK)
        log_warn("gate", "approval %.*s cannot be read and is left out", SPAN_ARG(a->id));
}

static bool load_past(struct workshop *shop, char why[256])
{
    struct approval_load l = { shop, json_new(), clock_unix_ms() };
    struct store_reader *reader = l.json ? store_reader_new(books_store(shop->books), why) : NULL;
    enum err e = reader ? store_made(reader, l.now - MADE_MS, MADE_MOST, take_made, shop) : E_IO;
    if (e == E_OK)
        e = store_approvals(reader, APPROVALS_MOST, take_approval, &l);
    if (e != E_OK && reader)
        snprintf(why, 256, "what former calls made, and who waits for approval, cannot be read");
    if (reader)
        store_reader_free(reader);
    json_free(l.json);
    return e == E_OK;
}

bool inherit(struct workshop *shop, char why[256])
{
    return load_doubts(shop, why) && load_past(shop, why);
}

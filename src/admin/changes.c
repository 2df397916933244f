/* SPDX-License-Identifier: Apache-2.0
 * changes.c - what operators change is a row of the audit chain, in the same transaction as the change: who, what, before
 * and after. Objects stand there as the API shows them, so no secret ever does. */
#include "admin/inside.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "rules/row.h"

enum {
    SHOWN_MOST = 4 << 20,
    KEPT_MOST = 256 << 10, /* of one object in a row; of a longer one its size and digest are kept */
    ROW_MOST = 4 * KEPT_MOST
};

/* ---- what there was and what there is ---- */

struct span change_shown(const struct config_input *in, struct span kind, struct span id, struct arena *arena)
{
    struct trouble t = { .set = false };
    struct buf shown;
    struct span copy = SPAN_NONE;
    buf_init(&shown, SHOWN_MOST);
    if (id.at && config_show(in, kind, id, &shown, &t) == E_OK && !shown.broken)
        copy = arena_copy(arena, buf_span(&shown));
    buf_free(&shown);
    return copy;
}

static bool is_object(const struct config_object *o, struct span kind, struct span id) { return span_is(o->kind, kind) && span_is(o->id, id); }

struct config_input change_input(const struct config_input *in, struct span kind, struct span id, struct span body, struct arena *arena)
{
    struct config_input out = *in;
    struct config_object *list = ARENA_ARRAY(arena, struct config_object, in->object_count + 1);
    size_t n = 0;
    if (!list)
        return out;
    for (size_t i = 0; i < in->object_count; i++)
        if (!is_object(&in->objects[i], kind, id))
            list[n++] = in->objects[i];
    if (body.at)
        list[n++] = (struct config_object){ kind, id, body };
    out.objects = list;
    out.object_count = n;
    return out;
}

/* ---- the row ---- */

static struct span kept(struct span json, struct arena *arena)
{
    struct buf text;
    if (json.len <= KEPT_MOST)
        return json;
    struct digest d = digest_sha256(json);
    buf_init(&text, 256);
    buf_print(&text, "{\"bytes\":%zu,\"sha256\":\"", json.len);
    buf_put_hex(&text, span_make((const char *)d.bytes, DIGEST_LEN));
    buf_put(&text, SPAN("\"}"));
    struct span copy = arena_copy(arena, buf_span(&text));
    buf_free(&text);
    return copy;
}

static struct span write_row(const struct change *c, uint64_t id, int64_t now, struct arena *arena)
{
    struct buf text;
    buf_init(&text, ROW_MOST);
    struct row_out o = row_out(&text);
    row_number(&o, ROW_ID, (int64_t)id);
    row_number(&o, ROW_AT, now);
    row_text(&o, ROW_KIND, SPAN("change"));
    row_text(&o, ROW_ACTOR, c->actor);
    row_text(&o, ROW_ACTION, c->action);
    row_text(&o, ROW_OBJECT, c->object);
    row_text(&o, ROW_REASON, c->reason);
    row_text(&o, ROW_BEFORE, kept(c->before, arena));
    row_text(&o, ROW_AFTER, kept(c->after, arena));
    struct span copy = text.broken ? SPAN_NONE : arena_copy(arena, buf_span(&text));
    buf_free(&text);
    return copy;
}

const struct store_record *change_record(struct admin *a, struct arena *arena, const struct change *c)
{
    int64_t now = clock_unix_ms();
    struct store_record *r = ARENA_NEW(arena, struct store_record);
    if (!r)
        return NULL;
    uint64_t id = call_id_next(&a->ids, now);
    *r = (struct store_record){ .what = STORE_ROW, .kind = STORE_CHANGE, .call = id, .at = now, .settled = true };
    r->row = write_row(c, id, now, arena);
    return r->row.at ? r : NULL;
}

enum err change_put(struct admin *a, const struct change *c)
{
    struct arena arena;
    arena_init(&arena, 4 * ROW_MOST);
    const struct store_record *r = change_record(a, &arena, c);
    enum err e = r ? store_event(books_store(a->parts.books), r) : E_NO_MEMORY;
    arena_free(&arena);
    if (e)
        log_error("admin", "%.*s %.*s could not be written to the audit log", SPAN_ARG(c->action), SPAN_ARG(c->object.at ? c->object : SPAN("")));
    return e;
}

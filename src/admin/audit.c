/* SPDX-License-Identifier: Apache-2.0
 * audit.c - the audit chain: its rows of all kinds, its signed checkpoints, and whether it is as it was written. Exports are
 * export.c. */
#include "export/form.h"
#include "admin/inside.h"
#include "base/clock.h"
#include "base/text.h"
#include "rules/row.h"

enum {
    ROWS_USUAL = 100,
    ROWS_MOST = 1000,
    CHECKPOINTS_SHOWN = 10000,
    JSON_MOST = 64 << 20,
    SLICE_ROWS = 2000, /* looked at before the clock is */
    LOOK_MS = 250      /* what a page may take: one that finds little in it ends early, and says where to go on */
};

/* ---- GET /audit ---- */

struct page {
    struct store_reader *reader;
    struct call_filter filter;
    struct json_out *out;
    struct buf json;
    int kind; /* of enum store_kind; -1: all */
    int left;
    int64_t next; /* numbers below it are still to be looked at */
};

static void put_hex(struct json_out *o, struct span name, struct span bytes, struct buf *scratch)
{
    buf_clear(scratch);
    buf_put_hex(scratch, bytes);
    json_pair(o, name, buf_span(scratch));
}

static void put_link(struct json_out *o, const struct store_link *link, struct buf *scratch)
{
    json_open(o, '{');
    json_pair_i64(o, SPAN("number"), link->number);
    json_pair(o, SPAN("kind"), audit_kind(link->kind));
    buf_clear(scratch);
    row_json(link->row, scratch);
    json_pair_raw(o, SPAN("data"), scratch->broken ? SPAN_NONE : buf_span(scratch));
    put_hex(o, SPAN("prev_hash"), link->prev_hash, scratch);
    put_hex(o, SPAN("hash"), link->hash, scratch);
    json_close(o, '}');
}

static bool visit_link(void *self, const struct store_link *link)
{
    struct page *p = self;
    if (p->kind >= 0 && (int)link->kind != p->kind)
        return true;
    put_link(p->out, link, &p->json);
    p->next = link->number;
    return --p->left > 0;
}

/* They have a table of their own: nothing else is looked at. */
static enum err read_changes(struct page *p)
{
    struct call_filter *f = &p->filter;
    f->limit = p->left;
    f->before = (uint64_t)p->next;
    enum err e = store_audit(p->reader, f, visit_link, p);
    if (p->left > 0)
        p->next = 0;
    return e;
}

/* Slice by slice, the newest first, until the page is full, nothing is left, or it took long enough. */
static enum err read_page(struct page *p)
{
    struct call_filter *f = &p->filter;
    int64_t end = clock_unix_ms() + LOOK_MS;
    enum err e = E_OK;
    if (f->only_changes)
        return read_changes(p);
    f->limit = SLICE_ROWS;
    while (!e && p->left > 0 && p->next > 0 && clock_unix_ms() < end) {
        int64_t below = p->next - SLICE_ROWS;
        f->before = (uint64_t)p->next;
        e = store_audit(p->reader, f, visit_link, p);
        if (p->left > 0)
            p->next = below > 0 ? below : 0;
    }
    return e;
}

static bool read_kind(struct visit *v, int *kind)
{
    struct span text = query_get(v, "kind");
    enum store_kind one;
    bool known = text.at && audit_kind_parse(text, &one);
    *kind = known ? (int)one : -1;
    if (known || !text.at || span_is(text, SPAN("all")))
        return true;
    reply_problem(v, E_BAD_REQUEST, "kind", "found \"%.*s\"; allowed: call, settlement, change, event, all", SPAN_ARG(span_first(text, 60)));
    return false;
}

static bool read_cursor(struct visit *v, uint64_t *before)
{
    struct span cursor = query_get(v, "cursor");
    if (!cursor.at || (span_to_u64(cursor, before) && *before > 0 && *before < INT64_MAX))
        return true;
    reply_store(v, E_BAD_REQUEST);
    return false;
}

static bool take_number(void *self, const struct store_link *link)
{
    *(int64_t *)self = link->number;
    return false;
}

static enum err find_tip(struct store_reader *r, int64_t *number)
{
    struct call_filter f = { .limit = 1, .changes = true, .before = INT64_MAX };
    *number = -1;
    return store_audit(r, &f, take_number, number);
}

enum err audit_tip(struct admin *a, int64_t *number) { return find_tip(a->reader, number); }

static void list_rows(struct visit *v, struct store_reader *r)
{
    struct page *page = v->mine;
    enum err e = E_OK;
    page->reader = r;
    page->out = &v->json;
    page->next = (int64_t)page->filter.before;
    if (!page->next) {
        e = find_tip(r, &page->next);
        page->next++;
    }
    buf_init(&page->json, JSON_MOST);
    json_open(&v->json, '{');
    json_name(&v->json, SPAN("data"));
    json_open(&v->json, '[');
    if (!e)
        e = read_page(page);
    json_close(&v->json, ']');
    json_pair(&v->json, SPAN("next_cursor"), page->next > 0 ? arena_print(&v->arena, "%lld", (long long)page->next) : SPAN_NONE);
    json_close(&v->json, '}');
    buf_free(&page->json);
    v->result = e;
}

void audit_list(struct visit *v)
{
    struct page *p = v->mine = ARENA_NEW(&v->arena, struct page);
    if (!p) {
        reply_store(v, E_NO_MEMORY);
        return;
    }
    if (!calls_filter(v, &p->filter) || !read_kind(v, &p->kind) || !read_cursor(v, &p->filter.before) || !query_limit(v, ROWS_USUAL, ROWS_MOST, &p->left))
        return;
    if (v->actor.workspace.at && p->kind == STORE_CHANGE) { /* what operators change has no workspace */
        reply_problem(v, E_ROLE_DENIED, "kind", "allowed to a token of a workspace: call, settlement, event, all");
        return;
    }
    p->filter.changes = !v->actor.workspace.at && (p->kind < 0 || p->kind == STORE_CHANGE);
    p->filter.only_changes = p->kind == STORE_CHANGE;
    visit_read(v, list_rows, reply_read);
}

/* ---- GET /audit/checkpoints ---- */

struct checkpoints {
    struct json_out *out;
    int left;
    bool more;
    int64_t last;
};

static void visit_checkpoint(void *self, const struct store_checkpoint *c)
{
    struct checkpoints *list = self;
    if (list->left == 0) {
        list->more = true;
        return;
    }
    audit_put_checkpoint(list->out, c);
    list->last = c->rows;
    list->left--;
}

void audit_checkpoints(struct visit *v)
{
    struct checkpoints list = { .out = &v->json };
    uint64_t after = 0;
    if (!read_cursor(v, &after) || !query_limit(v, ROWS_MOST, CHECKPOINTS_SHOWN, &list.left))
        return;
    visit_catch_up(v);
    json_open(&v->json, '{');
    json_name(&v->json, SPAN("data"));
    json_open(&v->json, '[');
    enum err e = store_checkpoints(v->admin->reader, (int64_t)after, visit_checkpoint, &list);
    if (e) {
        reply_store(v, e);
        return;
    }
    json_close(&v->json, ']');
    json_pair(&v->json, SPAN("next_cursor"), list.more ? arena_print(&v->arena, "%lld", (long long)list.last) : SPAN_NONE);
    json_close(&v->json, '}');
    reply_json(v, 200);
}

/* ---- GET /audit/verify ---- */

struct verification {
    enum err result;
    struct store_verdict verdict;
};

/* On a thread of its own, with a reader of its own. */
static void verify(struct errand *e)
{
    struct verification *w = e->mine;
    char why[256] = "";
    struct store_reader *r = store_reader_new(books_store(e->admin->parts.books), why);
    if (r)
        errand_reads(e, r);
    w->result = r ? store_verify(r, NULL, NULL, NULL, &w->verdict) : E_IO;
    w->verdict.key = arena_copy(&e->visit->arena, w->verdict.key);
    errand_reads(e, NULL);
    store_reader_free(r);
}

static void put_verdict(struct json_out *o, const struct store_verdict *d)
{
    char id[CALL_ID_TEXT + 1];
    json_open(o, '{');
    json_pair_bool(o, SPAN("valid"), d->trouble == NULL);
    json_pair_i64(o, SPAN("rows"), d->rows);
    json_pair_i64(o, SPAN("checkpoints"), d->checkpoints);
    json_pair_i64(o, SPAN("signed_rows"), d->signed_rows);
    json_pair(o, SPAN("key"), d->key.len ? d->key : SPAN_NONE);
    json_pair(o, SPAN("bad"), d->bad_id ? call_id_text(d->bad_id, id) : SPAN_NONE);
    json_pair(o, SPAN("trouble"), d->trouble ? span_of(d->trouble) : SPAN_NONE);
    json_close(o, '}');
}

static void verified(struct errand *e)
{
    struct verification *w = e->mine;
    struct visit *v = e->visit;
    if (!v->request)
        return;
    if (w->result != E_OK && w->result != E_CONFLICT) {
        reply_store(v, w->result);
        return;
    }
    put_verdict(&v->json, &w->verdict);
    reply_json(v, 200);
}

void audit_verify(struct visit *v)
{
    struct verification *w = ARENA_NEW(&v->arena, struct verification);
    visit_catch_up(v);
    if (w)
        (void)errand_start(v->admin, v, verify, verified, w); /* else it was replied to */
    else
        reply_problem(v, E_NO_MEMORY, NULL, "the check could not begin");
}

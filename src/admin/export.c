/* SPDX-License-Identifier: Apache-2.0
 * export.c - GET /audit/export: the chain as a file, of any length, in bounded memory. A slice of rows is read and written in a
 * turn of the loop, the next one in the next turn, or when the reader has taken what there is; so the plane goes on answering
 * and a slow reader keeps no read of the database open. It ends at the row that was the newest when it was asked for. */
#include "export/form.h"
#include "admin/inside.h"

#include <stdlib.h>

#include "base/log.h"

enum {
    SLICE_ROWS = 1000,       /* looked at in a turn */
    SLICE_BYTES = 256 << 10, /* a slice ends when it is longer */
    LINE_MOST = 16 << 20,
    TOTALS_MOST = 64 << 20 /* memory for the vendors' names and sums */
};

enum format { JSONL, CSV };

struct export {
    struct later later;
    struct admin *admin;
    struct http_request *request;
    struct arena arena; /* filters, sums */
    struct call_filter filter;
    enum format format;
    bool totals;        /* CSV with its last line */
    int only;           /* kind; -1: all that the filter gives */
    int64_t tip;        /* the last number of this export */
    int64_t next;       /* number to go on from */
    bool full, failed;  /* full: the slice is long enough */
    struct export_total total;
    struct buf out, scratch;
};

static void leave(struct export *x)
{
    later_clear(&x->later);
    x->admin->export_count--;
    export_end(&x->total);
    buf_free(&x->out);
    buf_free(&x->scratch);
    arena_free(&x->arena);
    free(x);
}

static bool take_link(void *self, const struct store_link *link)
{
    struct export *x = self;
    if (link->number > x->tip)
        return false;
    x->next = link->number + 1;
    if (x->only >= 0 && (int)link->kind != x->only)
        return true;
    x->failed = !export_count(&x->total, link, x->admin->json);
    if (x->format == CSV)
        export_csv_row(&x->out, link, &x->scratch);
    else
        export_json_row(&x->out, link, &x->scratch);
    x->full = x->failed || x->out.len >= SLICE_BYTES;
    return !x->full;
}

static enum err finish(struct export *x)
{
    if (x->format == JSONL)
        return export_json_end(&x->out, &x->total, &x->filter, x->admin->reader);
    if (x->totals)
        export_csv_end(&x->out, &x->total);
    return E_OK;
}

static enum err read_slice(struct export *x)
{
    int64_t end = x->next + SLICE_ROWS;
    x->full = false;
    x->filter.after = (uint64_t)x->next;
    enum err e = store_audit(x->admin->reader, &x->filter, take_link, x);
    if (!x->full)
        x->next = end; /* all of it was looked at */
    return e;
}

/* False: it is over, x is gone. */
static bool slice(struct export *x)
{
    bool over = x->next > x->tip;
    buf_clear(&x->out);
    enum err e = over ? finish(x) : read_slice(x);
    if (e || x->failed || x->out.broken || x->scratch.broken) {
        log_warn("admin", "an export broke off: %s", e ? err_text(e).at : "out of memory");
        http_reply_cut(x->request);
        leave(x);
        return false;
    }
    http_reply_write(x->request, buf_span(&x->out));
    if (!over)
        return true;
    http_reply_end(x->request, NULL, 0);
    leave(x);
    return false;
}

static void pump(struct export *x)
{
    if (http_reply_room(x->request) && slice(x) && http_reply_room(x->request))
        loop_later(&x->admin->loop, &x->later);
}

static void go_on(struct later *later) { pump(CONTAINER_OF(later, struct export, later)); }
static void woken(void *mine) { pump(mine); }
static void gone(void *mine) { leave(mine); }

/* ---- what was asked for ---- */

static bool read_choice(struct visit *v, const char *name, const char *const names[], int *out)
{
    struct span text = query_get(v, name), all = SPAN_NONE;
    *out = 0;
    for (int i = 0; names[i]; i++) {
        if (!text.at || span_is(text, span_of(names[i]))) {
            *out = i;
            return true;
        }
        all = all.at ? arena_print(&v->arena, "%.*s, %s", SPAN_ARG(all), names[i]) : span_of(names[i]);
    }
    reply_problem(v, E_BAD_REQUEST, name, "found \"%.*s\"; allowed: %.*s", SPAN_ARG(span_first(text, 60)), SPAN_ARG(all));
    return false;
}

static struct span kept(struct export *x, struct span text) { return arena_copy(&x->arena, text); }

static void keep_filter(struct export *x, const struct call_filter *f)
{
    x->filter = *f;
    x->filter.run = kept(x, f->run);
    x->filter.key = kept(x, f->key);
    x->filter.vendor = kept(x, f->vendor);
    x->filter.operation = kept(x, f->operation);
    x->filter.denied = kept(x, f->denied);
    x->filter.verdict = kept(x, f->verdict);
    x->filter.workspace = kept(x, f->workspace);
    x->filter.model = kept(x, f->model);
    x->filter.limit = SLICE_ROWS;
}

static struct export *export_new(struct admin *a, const struct call_filter *f)
{
    struct export *x = calloc(1, sizeof(*x));
    if (!x)
        return NULL;
    a->export_count++;
    x->admin = a;
    later_init(&x->later, go_on);
    arena_init(&x->arena, TOTALS_MOST);
    buf_init(&x->out, VISIT_ANSWER);
    buf_init(&x->scratch, LINE_MOST);
    export_begin(&x->total, &x->arena);
    keep_filter(x, f);
    return x;
}

static void start(struct export *x, struct visit *v)
{
    static const struct http_request_user user = { .wake = woken, .gone = gone };
    struct http_field fields[REPLY_FIELDS];
    size_t n = reply_fields_common(fields, x->format == CSV ? SPAN("text/csv; charset=utf-8; header=present") : SPAN("application/jsonl"));
    fields[n++] = (struct http_field){ SPAN("content-disposition"),
        x->format == CSV ? SPAN("attachment; filename=\"audit.csv\"") : SPAN("attachment; filename=\"audit.jsonl\"") };
    if (v->stale)
        fields[n++] = (struct http_field){ SPAN("x-tollgate-stale"), SPAN("the store cannot write; the newest rows may be missing") };
    x->request = v->request;
    v->request = NULL;
    http_request_user(x->request, &user, x);
    http_reply_head(x->request, 200, fields, n, -1);
    if (x->format == CSV) {
        export_csv_head(&x->out);
        http_reply_write(x->request, buf_span(&x->out));
    }
    loop_later(&x->admin->loop, &x->later);
}

void audit_export(struct visit *v)
{
    static const char *const formats[] = { "jsonl", "csv", NULL }, *const kinds[] = { "all", "calls", "changes", NULL }, *const switches[] = { "0", "1", NULL };
    struct admin *a = v->admin;
    struct call_filter f;
    int format, kind, totals;
    int64_t tip;
    if (span_is(http_request_head(v->request)->method, SPAN("HEAD"))) {
        reply_text(v, SPAN("application/jsonl"), SPAN(""));
        return;
    }
    if (!calls_filter(v, &f) || !read_choice(v, "format", formats, &format) || !read_choice(v, "kind", kinds, &kind) ||
        !read_choice(v, "totals", switches, &totals))
        return;
    visit_catch_up(v);
    enum err e = audit_tip(a, &tip);
    if (e) {
        reply_store(v, e);
        return;
    }
    struct export *x = a->export_count < EXPORTS ? export_new(a, &f) : NULL;
    if (!x) {
        reply_problem(v, E_OVERLOADED, NULL, "allowed: %d exports at a time", EXPORTS);
        return;
    }
    x->format = (enum format)format;
    x->totals = totals == 1;
    x->filter.changes = kind != 1;
    x->only = kind == 2 ? STORE_CHANGE : -1;
    x->tip = tip;
    start(x, v);
}

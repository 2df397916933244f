/* SPDX-License-Identifier: Apache-2.0
 * calls.c - the audit log: rows as they were written, newest first. */
#include "admin/inside.h"
#include "rules/call_id.h"

enum { CALLS_USUAL = 100, CALLS_MOST = 1000, DIFFERING_SCAN = 20000 /* rows looked through for one page of those that differ */ };

/* ---- filters ---- */

/* "429", or "4xx". */
static bool status_filter(struct visit *v, struct call_filter *f)
{
    struct span text = query_get(v, "status");
    uint64_t n = 0;
    bool group = text.len == 3 && span_ends(text, SPAN("xx")) && text.at[0] >= '1' && text.at[0] <= '5';
    if (!text.at)
        return true;
    if (!group && (!span_to_u64(text, &n) || n < 100 || n > 599)) {
        reply_problem(v, E_BAD_REQUEST, "status", "found \"%.*s\"; allowed: 100 to 599, or 1xx, 2xx, 3xx, 4xx, 5xx", SPAN_ARG(span_first(text, 60)));
        return false;
    }
    f->status = group ? (text.at[0] - '0') * 100 : (int)n;
    f->status_to = f->status + (group ? 100 : 1);
    return true;
}

static bool cost_filter(struct visit *v, struct call_filter *f)
{
    struct span text = query_get(v, "min_cost_usd");
    if (!text.at || (money_parse(text, &f->min_cost) && f->min_cost >= 0))
        return true;
    reply_problem(v, E_BAD_REQUEST, "min_cost_usd", "found \"%.*s\"; allowed: a decimal number such as 0.25", SPAN_ARG(span_first(text, 60)));
    return false;
}

bool visit_workspace(struct visit *v, struct span *workspace)
{
    struct span own = v->actor.workspace;
    if (own.at && workspace->at && !span_is(own, *workspace)) {
        reply_problem(v, E_ROLE_DENIED, "workspace", "found \"%.*s\"; allowed to this token: %.*s", SPAN_ARG(span_first(*workspace, 64)), SPAN_ARG(own));
        return false;
    }
    *workspace = own.at ? own : *workspace;
    return true;
}

bool calls_filter(struct visit *v, struct call_filter *f)
{
    *f = (struct call_filter){
        .run = query_get(v, "run"), .vendor = query_get(v, "vendor"), .operation = query_get(v, "operation"), .denied = query_get(v, "denied"),
        .verdict = query_get(v, "verdict"), .workspace = query_get(v, "workspace"), .model = query_get(v, "model"),
        .step = query_get(v, "step"), .user = query_get(v, "user"), .credential = query_get(v, "credential"), .route = query_get(v, "route"),
        .label = query_get(v, "label"),
    };
    struct span key = query_get(v, "key");
    f->key = key.at ? visit_key_id(v, key) : SPAN_NONE;
    static const struct span verdicts[] = { { "allowed", 7 }, { "denied", 6 }, { "error", 5 }, { "in_doubt", 8 } };
    bool known = !f->verdict.at;
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++)
        known = known || span_is(f->verdict, verdicts[i]);
    if (!known) {
        reply_problem(v, E_BAD_REQUEST, "verdict", "found \"%.*s\"; allowed: allowed, denied, error, in_doubt", SPAN_ARG(span_first(f->verdict, 60)));
        return false;
    }
    return status_filter(v, f) && cost_filter(v, f) && visit_workspace(v, &f->workspace) && query_time(v, "from", &f->from) && query_time(v, "to", &f->to);
}

/* ---- a page ---- */

struct page {
    struct json_out *out;
    int left;
    bool more;
    uint64_t last;
};

static void put_row(void *self, uint64_t id, struct span json)
{
    (void)id;
    json_put_raw(self, json);
}

/* ---- calls of which a policy on trial says something else: no index has them, so rows are looked through, page by page ---- */

struct differing {
    struct page page;
    struct json *json;
    int seen; /* rows of this slice */
};

static bool differs(struct json *j, struct span row)
{
    struct json_value root;
    const char *why;
    bool said = false;
    if (span_find(row, SPAN("\"shadow\":{")) < 0 || json_parse(j, row, false, &root, &why) != E_OK)
        return false;
    return json_bool(json_path(root, SPAN("shadow.differs")), &said) && said;
}

static void put_differing(void *self, uint64_t id, struct span json)
{
    struct differing *d = self;
    d->seen++;
    if (d->page.left == 0) {
        d->page.more = true;
        return;
    }
    d->page.last = id; /* looked at, whether or not it differs: the next page begins behind it */
    if (!differs(d->json, json))
        return;
    json_put_raw(d->page.out, json);
    d->page.left--;
}

static enum err list_differing(struct store_reader *r, struct call_filter *f, struct page *page)
{
    struct differing d = { .page = *page, .json = json_new(), .seen = CALLS_MOST };
    enum err e = d.json ? E_OK : E_NO_MEMORY;
    f->limit = CALLS_MOST;
    for (int looked = 0; !e && d.seen == CALLS_MOST && !d.page.more; looked += d.seen) {
        if (looked >= DIFFERING_SCAN || (looked && d.page.left == 0)) {
            d.page.more = true;
            break;
        }
        d.seen = 0;
        e = store_calls(r, f, put_differing, &d);
        f->before = d.page.last;
    }
    json_free(d.json);
    *page = d.page;
    return e;
}

static bool shadow_filter(struct visit *v, bool *differing)
{
    struct span shadow = query_get(v, "shadow");
    *differing = shadow.at != NULL;
    if (!shadow.at || span_is(shadow, SPAN("differs")))
        return true;
    reply_problem(v, E_BAD_REQUEST, "shadow", "found \"%.*s\"; allowed: differs", SPAN_ARG(span_first(shadow, 60)));
    return false;
}

/* What was asked for. */
struct question {
    struct call_filter filter;
    int limit;
    bool differing;
    struct span text; /* q */
};

/* q: a call, a run, or what the vendor calls the request or what it made. (A key's name was understood before.) */
static enum err find_text(struct question *q, struct store_reader *r, struct arena *a, uint64_t *only)
{
    struct usage_row *rows = NULL;
    size_t count = 0;
    struct call_filter run = { .run = q->text, .workspace = q->filter.workspace };
    *only = 0;
    if (!q->text.at)
        return E_OK;
    if (call_id_parse(q->text, only))
        return E_OK;
    enum err e = q->filter.run.at ? E_OK : store_usage(r, &run, NULL, 0, a, &rows, &count);
    if (!e && count && rows[0].calls)
        q->filter.run = q->text;
    else
        q->filter.named = q->text;
    return e;
}

static enum err put_page(struct visit *v, struct question *q, struct store_reader *r, uint64_t *next)
{
    uint64_t only;
    struct page page = { .out = &v->json, .left = q->limit };
    enum err e = find_text(q, r, &v->arena, &only);
    q->filter.limit = q->limit;
    if (only && (!q->filter.before || only < q->filter.before)) {
        q->filter.before = only + 1;
        q->filter.after = only - 1;
    }
    if (!e && q->differing) {
        e = list_differing(r, &q->filter, &page);
        *next = page.more ? page.last : 0;
    } else if (!e) {
        e = store_page(r, &q->filter, put_row, &v->json, next);
    }
    return e;
}

static void list_calls(struct visit *v, struct store_reader *r)
{
    char text[CALL_ID_TEXT + 1];
    uint64_t next = 0;
    json_open(&v->json, '{');
    json_name(&v->json, SPAN("data"));
    json_open(&v->json, '[');
    v->result = put_page(v, v->mine, r, &next);
    json_close(&v->json, ']');
    json_pair(&v->json, SPAN("next_cursor"), next ? call_id_text(next, text) : SPAN_NONE);
    json_close(&v->json, '}');
}

/* A key's name is a key; all else is looked for where it can stand. */
static void read_text(struct visit *v, struct question *q)
{
    q->text = query_get(v, "q");
    if (!q->text.at || q->filter.key.at)
        return;
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    if (snapshot_key_by_id(s, q->text)) {
        q->filter.key = visit_key_id(v, q->text);
        q->text = SPAN_NONE;
    }
    snapshot_drop(s);
}

void calls_list(struct visit *v)
{
    struct question *q = v->mine = ARENA_NEW(&v->arena, struct question);
    struct span cursor = query_get(v, "cursor");
    if (!q) {
        reply_store(v, E_NO_MEMORY);
        return;
    }
    if (!calls_filter(v, &q->filter) || !shadow_filter(v, &q->differing) || !query_limit(v, CALLS_USUAL, CALLS_MOST, &q->limit))
        return;
    read_text(v, q);
    if (cursor.at && !call_id_parse(cursor, &q->filter.before))
        reply_store(v, E_BAD_REQUEST);
    else
        visit_read(v, list_calls, reply_read);
}

/* The row's members, what became of it later, and what its vendor told of it. */
static enum err put_whole(struct visit *v, struct store_reader *r, uint64_t id, struct span json)
{
    struct json_out *o = &v->json;
    struct span row = span_trim(json);
    must(row.len >= 2 && row.at[row.len - 1] == '}');
    buf_put(&v->out, span_first(row, row.len - 1));
    o->comma = row.len > 2;
    json_name(o, SPAN("settlements"));
    json_open(o, '[');
    enum err e = store_settlements(r, id, put_row, o);
    json_close(o, ']');
    json_name(o, SPAN("events"));
    json_open(o, '[');
    if (!e)
        e = store_events(r, id, put_row, o);
    json_close(o, ']');
    json_close(o, '}');
    return e;
}

static void get_call(struct visit *v, struct store_reader *r)
{
    uint64_t id = 0;
    struct span json = SPAN_NONE;
    v->result = call_id_parse(v->id, &id) ? store_call_of(r, id, v->actor.workspace, &v->arena, &json) : E_NOT_FOUND;
    if (!v->result)
        v->result = put_whole(v, r, id, json);
}

static void reply_call(struct visit *v)
{
    if (v->result == E_NOT_FOUND)
        reply_problem(v, E_NOT_FOUND, NULL, "no call \"%.*s\"; one under way is listed when it is over", SPAN_ARG(span_first(v->id, 60)));
    else
        reply_read(v);
}

void calls_get(struct visit *v) { visit_read(v, get_call, reply_call); }

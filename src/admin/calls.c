/* SPDX-License-Identifier: Apache-2.0
 * calls.c - the audit log: rows as they were written, newest first. */
#include "admin/inside.h"
#include "rules/call_id.h"

enum { CALLS_USUAL = 100, CALLS_MOST = 1000 };

/* One more than asked for is read, to know whether there is a next page; the store gives at most CALLS_MOST. */
struct page {
    struct json_out *out;
    int left;
    bool more;
    uint64_t last;
};

static void put_call(void *self, uint64_t id, struct span json)
{
    struct page *p = self;
    if (p->left == 0) {
        p->more = true;
        return;
    }
    json_put_raw(p->out, json);
    p->last = id;
    p->left--;
}

bool calls_filter(struct visit *v, struct call_filter *f)
{
    *f = (struct call_filter){
        .run = query_get(v, "run"), .vendor = query_get(v, "vendor"), .operation = query_get(v, "operation"), .denied = query_get(v, "denied"),
        .verdict = query_get(v, "verdict"), .workspace = query_get(v, "workspace"), .model = query_get(v, "model"),
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
    return query_time(v, "from", &f->from) && query_time(v, "to", &f->to);
}

void calls_list(struct visit *v)
{
    struct call_filter f;
    char text[CALL_ID_TEXT + 1];
    struct page page = { .out = &v->json };
    struct span cursor = query_get(v, "cursor");
    if (!calls_filter(v, &f) || !query_limit(v, CALLS_USUAL, CALLS_MOST, &page.left))
        return;
    if (cursor.at && !call_id_parse(cursor, &f.before)) {
        reply_store(v, E_BAD_REQUEST);
        return;
    }
    bool full = page.left == CALLS_MOST;
    f.limit = full ? CALLS_MOST : page.left + 1;
    visit_catch_up(v);
    json_open(&v->json, '{');
    json_name(&v->json, SPAN("data"));
    json_open(&v->json, '[');
    enum err e = store_calls(v->admin->reader, &f, put_call, &page);
    if (e) {
        reply_store(v, e);
        return;
    }
    json_close(&v->json, ']');
    page.more = page.more || (full && page.left == 0);
    json_pair(&v->json, SPAN("next_cursor"), page.more ? call_id_text(page.last, text) : SPAN_NONE);
    json_close(&v->json, '}');
    reply_json(v, 200);
}

static void put_settlement(void *self, uint64_t id, struct span json)
{
    (void)id;
    json_put_raw(self, json);
}

/* The row's members, and what became of it later. */
static enum err put_whole(struct visit *v, uint64_t id, struct span json)
{
    struct json_out *o = &v->json;
    struct span row = span_trim(json);
    must(row.len >= 2 && row.at[row.len - 1] == '}');
    buf_put(&v->out, span_first(row, row.len - 1));
    o->comma = row.len > 2;
    json_name(o, SPAN("settlements"));
    json_open(o, '[');
    enum err e = store_settlements(v->admin->reader, id, put_settlement, o);
    json_close(o, ']');
    json_close(o, '}');
    return e;
}

void calls_get(struct visit *v)
{
    uint64_t id = 0;
    struct span json = SPAN_NONE;
    enum err e = E_NOT_FOUND;
    visit_catch_up(v);
    if (call_id_parse(v->id, &id))
        e = store_call(v->admin->reader, id, &v->arena, &json);
    if (!e)
        e = put_whole(v, id, json);
    if (e == E_NOT_FOUND) {
        reply_problem(v, e, NULL, "no call \"%.*s\"; one under way is listed when it is over", SPAN_ARG(span_first(v->id, 60)));
        return;
    }
    if (e) {
        reply_store(v, e);
        return;
    }
    reply_json(v, 200);
}

/* SPDX-License-Identifier: Apache-2.0
 * indoubt.c - calls whose outcome is not known: what is reserved for them, and how an operator ends that: the vendor is asked
 * again, or somebody who looked it up says what happened. */
#include "admin/inside.h"
#include "base/clock.h"
#include "rules/row.h"

enum { DOUBTS_USUAL = 100, DOUBTS_MOST = 1000 };

/* ---- reading ---- */

struct page {
    struct json_out *out;
    int64_t now;
    uint64_t only; /* this one alone; 0: all */
    int left;
    int seen; /* of this slice */
    bool more, found;
    uint64_t last;
    struct span workspace; /* SPAN_NONE: all */
};

static void put_texts(struct json_out *o, const struct row_value *row)
{
    static const struct {
        enum row_tag tag;
        struct span name;
    } texts[] = {
        { ROW_WORKSPACE, { "workspace", 9 } }, { ROW_KEY, { "key", 3 } }, { ROW_KEY_NAME, { "key_name", 8 } }, { ROW_RUN, { "run", 3 } },
        { ROW_STEP, { "step", 4 } }, { ROW_VENDOR, { "vendor", 6 } }, { ROW_OPERATION, { "operation", 9 } }, { ROW_METHOD, { "method", 6 } },
        { ROW_PATH, { "path", 4 } }, { ROW_IDEMPOTENCY, { "idempotency", 11 } },
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        json_pair(o, texts[i].name, row[texts[i].tag].bytes ? row[texts[i].tag].text : SPAN_NONE);
}

static void put_account(struct json_out *o, const struct store_line *line)
{
    json_open(o, '{');
    json_pair(o, SPAN("account"), line->account);
    if (account_is_money(line->account))
        json_pair_money(o, SPAN("in_doubt_usd"), line->held);
    else
        json_pair_i64(o, SPAN("in_doubt"), line->held);
    json_close(o, '}');
}

static void put_doubt(struct json_out *o, const struct store_doubt *d, int64_t now)
{
    struct row_value row[ROW_TAGS];
    char id[CALL_ID_TEXT + 1];
    row_read(d->row, row);
    json_open(o, '{');
    json_pair(o, SPAN("call"), call_id_text(d->call, id));
    json_pair_time(o, SPAN("at"), d->at);
    json_pair_i64(o, SPAN("age_s"), now > d->at ? (now - d->at) / 1000 : 0);
    put_texts(o, row);
    json_name(o, SPAN("reserved_usd"));
    if (row[ROW_RESERVED].there)
        json_put_money(o, row[ROW_RESERVED].number);
    else
        json_put_null(o);
    json_pair_bool(o, SPAN("can_ask"), d->again.at != NULL);
    json_name(o, SPAN("accounts"));
    json_open(o, '[');
    for (size_t i = 0; i < d->count; i++)
        put_account(o, &d->lines[i]);
    json_close(o, ']');
    json_close(o, '}');
}

static void visit_doubt(void *self, const struct store_doubt *d)
{
    struct page *p = self;
    p->seen++;
    if (p->only && d->call != p->only)
        return;
    if (p->workspace.at && !span_is(p->workspace, row_field(d->row, ROW_WORKSPACE).text)) {
        p->last = p->left ? d->call : p->last;
        return;
    }
    if (p->left == 0) {
        p->more = true;
        return;
    }
    put_doubt(p->out, d, p->now);
    p->found = true;
    p->last = d->call;
    p->left--;
}

/* Slice by slice, since a slice may hold none of the visitor's workspace. */
static enum err list_doubts(struct visit *v, uint64_t after, struct page *page)
{
    int slice = page->left + 1;
    enum err e = E_OK;
    page->last = after;
    page->seen = slice;
    while (!e && page->seen == slice && !page->more) {
        page->seen = 0;
        e = store_in_doubt(v->admin->reader, page->last, slice, visit_doubt, page);
    }
    return e;
}

void indoubt_list(struct visit *v)
{
    char text[CALL_ID_TEXT + 1];
    uint64_t after = 0;
    struct page page = { .out = &v->json, .now = clock_unix_ms(), .workspace = v->actor.workspace };
    struct span cursor = query_get(v, "cursor");
    if (!query_limit(v, DOUBTS_USUAL, DOUBTS_MOST, &page.left))
        return;
    if (cursor.at && !call_id_parse(cursor, &after)) {
        reply_store(v, E_BAD_REQUEST);
        return;
    }
    visit_catch_up(v);
    json_open(&v->json, '{');
    json_name(&v->json, SPAN("data"));
    json_open(&v->json, '[');
    enum err e = list_doubts(v, after, &page);
    if (e) {
        reply_store(v, e);
        return;
    }
    json_close(&v->json, ']');
    json_pair(&v->json, SPAN("next_cursor"), page.more ? call_id_text(page.last, text) : SPAN_NONE);
    json_close(&v->json, '}');
    reply_json(v, 200);
}

static void reply_no_doubt(struct visit *v)
{
    reply_problem(v, E_NOT_FOUND, NULL, "no call \"%.*s\" is in doubt; GET /api/v1/doubts lists those that are, GET /api/v1/calls/{id} says what became of one",
        SPAN_ARG(span_first(v->id, 60)));
}

/* False: replied, as if it were none. */
static bool is_own(struct visit *v, uint64_t call)
{
    struct json_out none = json_out(&v->body); /* it was read; nothing of this is shown */
    struct page page = { .out = &none, .now = clock_unix_ms(), .only = call, .left = 1, .workspace = v->actor.workspace };
    if (!v->actor.workspace.at)
        return true;
    visit_catch_up(v);
    if (store_in_doubt(v->admin->reader, call - 1, 1, visit_doubt, &page) == E_OK && page.found)
        return true;
    reply_no_doubt(v);
    return false;
}

void indoubt_get(struct visit *v)
{
    struct page page = { .out = &v->json, .now = clock_unix_ms(), .left = 1, .workspace = v->actor.workspace };
    enum err e = E_OK;
    visit_catch_up(v);
    if (call_id_parse(v->id, &page.only) && page.only)
        e = store_in_doubt(v->admin->reader, page.only - 1, 1, visit_doubt, &page);
    if (e)
        reply_store(v, e);
    else if (!page.found)
        reply_no_doubt(v);
    else
        reply_json(v, 200);
}

/* ---- ending it ---- */

struct resolution {
    uint64_t call;
    bool spent;
    nano_usd cost; /* -1: what was reserved */
    struct span reason;
};

static bool read_cost(const struct node *n, struct resolution *out, struct trouble *t)
{
    struct span text = SPAN_NONE;
    out->cost = -1;
    if (!node_span(n, "cost_usd", &text, t))
        return false;
    if (text.at && (!money_parse(text, &out->cost) || out->cost < 0))
        trouble_found(t, n, "cost_usd", "an amount in dollars such as \"12.50\"");
    else if (text.at && !out->spent)
        trouble_say(t, n, "cost_usd", "stands beside outcome not_spent; allowed: with spent only");
    return !t->set;
}

static bool read_resolution(const struct node *body, struct resolution *out, struct trouble *t)
{
    static const char *const fields[] = { "outcome", "cost_usd", "reason", NULL };
    static const char *const outcomes[] = { "spent", "not_spent", NULL };
    int outcome = -1;
    if (!node_only(body, "", fields, t) || !node_choice(node_get(body, "outcome"), "outcome", outcomes, &outcome, t) ||
        !node_span(node_get(body, "reason"), "reason", &out->reason, t))
        return false;
    out->spent = outcome == 0;
    if (outcome < 0)
        trouble_say(t, NULL, "outcome", "is missing; allowed: spent, not_spent");
    else if (out->reason.len > REASON_LONGEST)
        trouble_say(t, NULL, "reason", "allowed: at most %d characters", REASON_LONGEST);
    else if (!out->spent && !out->reason.len)
        trouble_say(t, NULL, "reason", "is missing; what gives money free again needs one");
    return !t->set && read_cost(node_get(body, "cost_usd"), out, t);
}

static bool read_request(struct visit *v, struct resolution *out)
{
    struct trouble t = { .set = false };
    const struct node *body = visit_object(v);
    if (!body)
        return false;
    if (!read_resolution(body, out, &t)) {
        reply_trouble(v, E_CONFIG, &t);
        return false;
    }
    if (call_id_parse(v->id, &out->call))
        return true;
    reply_no_doubt(v);
    return false;
}

static void take_last(void *self, uint64_t id, struct span json)
{
    struct visit *v = self;
    (void)id;
    buf_clear(&v->body); /* it was read; what it told lies in the arena */
    buf_put(&v->body, json);
}

static void answer_settled(struct visit *v, const struct resolution *r)
{
    char text[CALL_ID_TEXT + 1];
    visit_catch_up(v);
    buf_clear(&v->body);
    enum err e = store_settlements(v->admin->reader, r->call, take_last, v);
    json_open(&v->json, '{');
    json_pair(&v->json, SPAN("call"), call_id_text(r->call, text));
    json_pair(&v->json, SPAN("outcome"), r->spent ? SPAN("spent") : SPAN("not_spent"));
    json_pair_raw(&v->json, SPAN("settlement"), e == E_OK && v->body.len && !v->body.broken ? buf_span(&v->body) : SPAN_NONE);
    json_close(&v->json, '}');
    reply_json(v, 200);
}

void indoubt_resolve(struct visit *v)
{
    struct resolution r = { .call = 0 };
    if (!read_request(v, &r) || !is_own(v, r.call))
        return;
    enum err e = gate_resolve(v->admin->parts.gate, r.call, r.spent, r.cost, v->actor.name, r.reason);
    if (e == E_NOT_FOUND)
        reply_no_doubt(v);
    else if (e)
        reply_problem(v, e, NULL, "it could not be recorded; the call stays in doubt");
    else
        answer_settled(v, &r);
}

static void answer_asked(struct visit *v, enum err e, struct span call)
{
    if (e == E_NOT_FOUND) {
        reply_no_doubt(v);
        return;
    }
    if (e == E_CONFLICT) {
        reply_problem(v, e, NULL, "the vendor of this call can neither be asked again nor be looked up by the gate; look there yourself, then resolve it");
        return;
    }
    if (e) {
        reply_problem(v, e, NULL, "nothing was asked");
        return;
    }
    json_open(&v->json, '{');
    json_pair(&v->json, SPAN("asking"), call);
    json_close(&v->json, '}');
    reply_json(v, 202);
}

void indoubt_ask(struct visit *v)
{
    uint64_t call;
    if (!call_id_parse(v->id, &call) || !call)
        reply_no_doubt(v);
    else if (is_own(v, call))
        answer_asked(v, gate_ask_again(v->admin->parts.gate, call), v->id);
}

void indoubt_ask_all(struct visit *v)
{
    enum err e = gate_ask_again(v->admin->parts.gate, 0);
    answer_asked(v, e == E_NOT_FOUND || e == E_CONFLICT ? E_OK : e, SPAN("all"));
}

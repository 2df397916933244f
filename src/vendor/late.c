/* SPDX-License-Identifier: Apache-2.0
 * late.c - what a call really cost, told later: compiling an operation's `late`, and reading what it asks for.
 *
 *   late:
 *     when: is(answer.price, '')                    only calls for which this is not 0; left out: all that succeeded
 *     ask: GET /messages/{object}                   another operation of this manifest; {object} is the id of what the call made
 *     until: present(answer.price)                  the answer to it is final
 *     settle: { usd: abs(answer.price) }            and says so; left out: the operation's own settle, on this answer; of one with a
 *                                                   dialect: what the dialect reads in it, at the model's price
 *     after: [10s, 1m, 5m]                          when to ask, after the call; the last one again and again
 *     patience: 48h                                 then what counted meanwhile stands
 * What several operations have in common stands once, in `lates` of the top: `late: intent`, or { same_as: intent, when: ... }.
 * What counts until then is vendor_settle's. When to ask is the caller's business: nothing here waits. */
#include "vendor/compile.h"
#include "vendor/settle.h"

struct late_rules {
    const struct expr *when; /* NULL: always */
    const struct expr *until;
    const struct expr *settle[UNIT_COUNT];
    struct ask ask;
    int64_t after_ms[VENDOR_LATE_TIMES];
    size_t times;
    int64_t patience_ms;
};

static const char late_allowed[] =
    "a map: when, ask, until, settle, after, patience; or a name from the manifest's `lates`, alone or as same_as";
static const int64_t soonest_ms = 1000, latest_ms = INT64_C(7) * 86400 * 1000, patience_most_ms = INT64_C(30) * 86400 * 1000;

/* ---- compiling ---- */

static bool late_fits(
    struct compiler *c, const struct node *n, const char *path, const struct operation *op, const struct expr *x)
{
    bool kept = !expr_looks_at(x, ROOT_OBJECT) && !expr_looks_at(x, ROOT_ARGUMENT) &&
                (op->body != BODY_JSON || !expr_looks_at(x, ROOT_BODY));
    return kept || say(c, n, path, n->text,
                       "no JSON body or GraphQL argument of the request and no object, which are not kept: answer, path, "
                       "setting, reserved('usd')");
}

static bool rule_read(
    struct compiler *c, const struct node *n, const char *path, const struct operation *op, const struct expr **out)
{
    return one_rule(c, n, path, out) && late_fits(c, n, path, op, *out);
}

static bool after_read(struct compiler *c, const struct node *n, const char *path, struct late_rules *l)
{
    static const int64_t usual[] = { 10000, 60000, 300000, 1800000, 7200000 };
    static const char allowed[] = "1 to 8 durations, each longer than the one before, from 1s to 7d: [10s, 1m, 5m, 30m, 2h]";
    l->times = sizeof(usual) / sizeof(usual[0]);
    memcpy(l->after_ms, usual, sizeof(usual));
    if (!n)
        return true;
    if (n->kind != NODE_LIST || n->count < 1 || n->count > VENDOR_LATE_TIMES)
        return say(c, n, path, n->text, allowed);
    l->times = 0;
    for (const struct node *at = n->first; at; at = at->next) {
        int64_t least = l->times ? l->after_ms[l->times - 1] + 1 : soonest_ms, ms = 0;
        const char *place = item(c, path, l->times);
        if (!node_duration(at, place, &ms, c->trouble))
            return false;
        if (ms < least || ms > latest_ms)
            return say(c, at, place, at->text, allowed);
        l->after_ms[l->times++] = ms;
    }
    return true;
}

static bool times_read(struct compiler *c, const struct node *n, const char *path, struct late_rules *l)
{
    const struct node *at = node_get(n, "patience");
    const char *place = below(c, path, SPAN("patience"));
    l->patience_ms = INT64_C(48) * 3600 * 1000;
    if (!after_read(c, node_get(n, "after"), below(c, path, SPAN("after")), l) ||
        !node_duration(at, place, &l->patience_ms, c->trouble))
        return false;
    return (l->patience_ms >= l->after_ms[l->times - 1] && l->patience_ms <= patience_most_ms) ||
           say(c, at ? at : n, place, at ? at->text : SPAN_NONE, "not less than the last of after, and at most 30d: 48h");
}

bool lates_read(struct compiler *c, const struct node *n)
{
    static const char *const names[] = { "when", "ask", "until", "settle", "after", "patience", NULL };
    c->lates = n;
    if (n && n->kind != NODE_MAP)
        return say(c, n, "lates", n->text, "a map of names to what `late` of operations may say");
    for (const struct node *at = n ? n->first : NULL; at; at = at->next) {
        const char *path = below(c, "lates", at->name);
        if (at->kind != NODE_MAP)
            return say(c, at, path, at->text, late_allowed);
        if (!node_only(at, path, names, c->trouble))
            return false;
    }
    return true;
}

static struct span shared_name(const struct node *late)
{
    const struct node *name = late && late->kind == NODE_MAP ? node_get(late, "same_as") : late;
    return name && name->kind == NODE_SCALAR ? name->text : SPAN_NONE;
}

static const struct node *member(const struct node *map, struct span name)
{
    const struct node *at = map ? map->first : NULL;
    while (at && !span_is(at->name, name))
        at = at->next;
    return at;
}

/* The whole of what an operation says: its own words go before those that it shares. NULL: said. */
static const struct node *whole(struct compiler *c, const struct node *n, const char *path)
{
    struct span name = shared_name(n);
    if (n->kind == NODE_MAP && !node_get(n, "same_as"))
        return n;
    const struct node *shared = name.at ? member(c->lates, name) : NULL;
    if (!shared) {
        say(c, n, path, name, late_allowed);
        return NULL;
    }
    const struct node *both = n->kind == NODE_MAP ? node_merge(&c->scratch, shared, n) : shared;
    if (!both)
        say_memory(c, n);
    return both;
}

bool lates_used(struct compiler *c, const struct node *operations)
{
    for (const struct node *shared = c->lates ? c->lates->first : NULL; shared; shared = shared->next) {
        const struct node *at = operations->first;
        while (at && !span_is(shared_name(at->kind == NODE_MAP ? node_get(at, "late") : NULL), shared->name))
            at = at->next;
        if (!at)
            return say(c, shared, below(c, "lates", shared->name), shared->name, "names that `late` of an operation uses");
    }
    return true;
}

bool late_read(struct compiler *c, const struct node *own, const char *path, struct operation *op, struct rules *r)
{
    static const char *const names[] = { "same_as", "when", "ask", "until", "settle", "after", "patience", NULL };
    const struct node *n = own ? whole(c, own, path) : NULL;
    if (!n)
        return own == NULL;
    struct late_rules *l = ARENA_NEW(c->arena, struct late_rules);
    if (!l)
        return say_memory(c, n);
    if (!node_only(n, path, names, c->trouble))
        return false;
    const struct node *when = node_get(n, "when"), *until = node_get(n, "until"), *ask = node_get(n, "ask");
    if (!until)
        return say(
            c, n, below(c, path, SPAN("until")), SPAN_NONE, "a rule that says when an answer is final: present(answer.price)");
    r->late = l;
    op->late = true;
    op->reads_answer = true;
    return (!when || rule_read(c, when, below(c, path, SPAN("when")), op, &l->when)) &&
           rule_read(c, until, below(c, path, SPAN("until")), op, &l->until) &&
           ask_compile(c, ask ? ask : n, below(c, path, SPAN("ask")), SPAN("object"), &l->ask) &&
           costs_read(c, node_get(n, "settle"), below(c, path, SPAN("settle")), late_fits, op, l->settle) &&
           times_read(c, n, path, l);
}

/* An answer is asked for by the id of what was made, and says what it cost. */
bool late_found(struct compiler *c, const struct node *own, const char *path, struct rules *r)
{
    struct late_rules *l = r->late;
    const struct node *n = l ? whole(c, own, path) : NULL;
    if (!n)
        return l == NULL;
    struct operation *operations = c->manifest->operations;
    bool dialect = operations[r - c->manifest->rules].dialect.at != NULL;
    for (size_t u = 0; u < UNIT_COUNT && !node_get(n, "settle"); u++)
        l->settle[u] = r->settle[u];
    if (!l->settle[UNIT_USD] && !l->settle[UNIT_MESSAGES] && !dialect)
        return say(
            c, n, below(c, path, SPAN("settle")), SPAN_NONE, "a map of rules, here or beside late: { usd: abs(answer.price) }");
    if ((!r->has_reserve && !dialect) || !r->object_id)
        return say(c, n, path, SPAN_NONE, "an operation with reserve or a dialect, and an object_id");
    if (!ask_found(c, node_get(n, "ask"), below(c, path, SPAN("ask")), &l->ask))
        return false;
    operations[l->ask.operation].tells_late = true;
    return true;
}

/* ---- running ---- */

bool late_wanted(struct eval *e, const struct late_rules *l)
{
    struct value v = l->when ? value_number(expr_run(e, l->when)) : value_of(1);
    return v.kind == VALUE_NUMBER && v.nano != 0;
}

bool vendor_late(const struct asked *q, const struct understood *u, struct span object_id, struct arena *a, struct late *out)
{
    const struct late_rules *l = q->vendor->manifest->rules[q->matched->operation->index].late;
    struct subject s;
    *out = (struct late){ .path = SPAN_NONE, .query = SPAN_NONE };
    if (!l || !object_id.len)
        return false;
    subject_again(&s, NULL, q, u, a);
    memcpy(out->after_ms, l->after_ms, sizeof(out->after_ms));
    out->times = l->times;
    out->patience_ms = l->patience_ms;
    return ask_fill(&s, &l->ask, object_id, &out->path, &out->query);
}

/* False: a rule cannot be computed from this answer. */
static bool settle_late(struct eval *e, const struct late_rules *l, struct settled *out)
{
    for (size_t unit = 0; unit < UNIT_COUNT; unit++) {
        out->told[unit] = l->settle[unit] != NULL;
        if (l->settle[unit] && !settle_unit(e, l->settle[unit], (enum unit)unit, &out->real[unit]))
            return false;
    }
    return true;
}

enum look_up_verdict vendor_late_answer(struct json *j, const struct asked *q, const struct understood *u,
    const struct http_head *answer, struct span body, struct arena *a, struct settled *out)
{
    const struct manifest *m = q->vendor->manifest;
    const struct late_rules *l = m->rules[q->matched->operation->index].late;
    struct subject s;
    const char *why;
    *out = (struct settled){ 0 };
    if (!l)
        return LOOK_UP_UNCLEAR;
    if (answer->status == 404 || answer->status == 410)
        return LOOK_UP_ABSENT;
    subject_again(&s, NULL, q, u, a);
    s.has_answer = true;
    if (answer->status != 200 || json_parse(j, body, false, &s.answer, &why) != E_OK)
        return LOOK_UP_UNCLEAR;
    struct eval e = { .subject = &s, .manifest = m, .reserved = u->worst };
    struct value final = value_number(expr_run(&e, l->until));
    if (final.kind != VALUE_NUMBER || final.nano == 0)
        return LOOK_UP_UNCLEAR;
    out->known = settle_late(&e, l, out);
    return out->known && !a->broken ? LOOK_UP_HAPPENED : LOOK_UP_UNCLEAR;
}

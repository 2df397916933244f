/* SPDX-License-Identifier: Apache-2.0
 * report_access.c - GET /reports/access: who can reach what. Every key with its owner, what it is for, when it was last used, what it
 * reaches, what caps it and when it ends; by owner, so that a leaver's keys stand together. */
#include "admin/report.h"

#include <stdlib.h>

#include "base/text.h"

enum { CAP_LONGEST = 8192 };

static const char *const columns[] = { "owner", "purpose", "key", "key_name", "workspace", "team", "user", "state", "last_used_at", "expires_at", "revoked_at", "policy", "vendors",
    "operations", "denied_operations", "models", "credentials", "caps", NULL };

struct line {
    const struct key *key;
    int64_t last_used;
};

static struct span state(const struct key *k, int64_t now)
{
    if (k->revoked_at)
        return k->revoked_at <= now ? SPAN("revoked") : SPAN("active");
    return k->expires_at && k->expires_at <= now ? SPAN("expired") : SPAN("active");
}

static bool holds(const struct span *list, size_t count, struct span one)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(list[i], one))
            return true;
    return false;
}

static void put_reach(struct paper *p, const struct key *k, struct arena *a)
{
    struct span *vendors = ARENA_ARRAY(a, struct span, k->credential_count + 1), *names = ARENA_ARRAY(a, struct span, k->credential_count + 1);
    size_t vendor_count = 0;
    for (size_t i = 0; vendors && names && i < k->credential_count; i++) {
        struct span slug = k->credentials[i]->upstream->vendor.slug;
        names[i] = k->credentials[i]->name;
        if (!holds(vendors, vendor_count, slug))
            vendors[vendor_count++] = slug;
    }
    paper_list(p, vendors, vendor_count);
    paper_list(p, k->policy->allow, k->policy->allow_count);
    paper_list(p, k->policy->deny, k->policy->deny_count);
    paper_list(p, k->policy->models, k->policy->model_count);
    paper_list(p, names, names ? k->credential_count : 0);
}

static struct span amount_text(enum unit unit, int64_t amount, struct arena *a)
{
    char text[MONEY_TEXT];
    return unit == UNIT_USD ? arena_copy(a, money_text(amount, text)) : arena_print(a, "%lld", (long long)amount);
}

/* Which calls count: ", vendor twilio, stripe.customer cus_*". */
static void put_filters(struct buf *out, const struct budget *b)
{
    for (size_t i = 0; i < b->filter_count; i++) {
        const struct budget_filter *f = &b->filters[i];
        buf_print(out, ", %.*s%.*s %.*s", SPAN_ARG(dimension_name(f->what)), SPAN_ARG(f->name.at ? f->name : SPAN("")), SPAN_ARG(f->pattern));
    }
}

/* What has an account of its own: " for each run and user". */
static void put_per(struct buf *out, const struct budget *b)
{
    for (size_t i = 0; i < b->per_count; i++)
        buf_print(out, "%s%.*s%.*s", i ? " and " : " for each ", SPAN_ARG(dimension_name(b->per[i].what)), SPAN_ARG(b->per[i].name.at ? b->per[i].name : SPAN("")));
}

/* What else a reader must know; whose it is is said where it is not the key's own: " (soft, refuses nothing; workspace:default)". */
static void put_remarks(struct buf *out, const struct budget *b, int64_t now, struct arena *a)
{
    const char *before = " (";
    char until[TIME_TEXT];
    if (b->soft) {
        buf_print(out, "%ssoft, refuses nothing", before);
        before = "; ";
    }
    if (b->net) {
        buf_print(out, "%srefunds count down", before);
        before = "; ";
    }
    if (now < b->increase_until) {
        buf_print(out, "%sraised by %.*s %.*s until %.*s", before, SPAN_ARG(amount_text(b->unit, b->increase, a)), SPAN_ARG(unit_name(b->unit)), SPAN_ARG(text_time(b->increase_until, until)));
        before = "; ";
    }
    if (!span_starts(b->owner, SPAN("key:"))) {
        buf_print(out, "%s%.*s", before, SPAN_ARG(b->owner));
        before = "; ";
    }
    if (*before == ';')
        buf_put(out, SPAN(")"));
}

/* "50 usd per day for each run, vendor twilio (workspace:default)": who reads it must not take for a cap what caps less. */
static struct span cap_text(const struct budget *b, int64_t now, struct arena *a)
{
    struct buf out;
    buf_init(&out, CAP_LONGEST);
    buf_print(&out, "%.*s %.*s ", SPAN_ARG(amount_text(b->unit, b->limit, a)), SPAN_ARG(unit_name(b->unit)));
    if (b->window.kind == WINDOW_TOTAL)
        buf_put(&out, SPAN("in total"));
    else
        buf_print(&out, "per %.*s", SPAN_ARG(b->window_text));
    put_per(&out, b);
    put_filters(&out, b);
    put_remarks(&out, b, now, a);
    struct span text = out.broken ? SPAN_NONE : arena_copy(a, buf_span(&out));
    buf_free(&out);
    return text;
}

static void put_caps(struct paper *p, const struct key *k, int64_t now, struct arena *a)
{
    struct span *caps = ARENA_ARRAY(a, struct span, k->budget_count + 1);
    for (size_t i = 0; caps && i < k->budget_count; i++)
        caps[i] = cap_text(k->budgets[i], now, a);
    paper_list(p, caps, caps ? k->budget_count : 0);
}

static void put_key(struct paper *p, const struct line *l, int64_t now, struct arena *a)
{
    const struct key *k = l->key;
    struct arena_mark mark = arena_mark(a);
    paper_row(p);
    paper_text(p, k->owner);
    paper_text(p, k->purpose);
    paper_text(p, k->id);
    paper_text(p, k->name);
    paper_text(p, k->workspace);
    paper_text(p, k->team);
    paper_text(p, k->user);
    paper_text(p, state(k, now));
    paper_time(p, l->last_used);
    paper_time(p, k->expires_at);
    paper_time(p, k->revoked_at);
    paper_text(p, k->policy->name);
    put_reach(p, k, a);
    put_caps(p, k, now, a);
    arena_rewind(a, mark);
}

static int by_owner(const void *a, const void *b)
{
    const struct key *one = ((const struct line *)a)->key, *other = ((const struct line *)b)->key;
    int order = span_compare(one->owner.at ? one->owner : SPAN(""), other->owner.at ? other->owner : SPAN(""));
    return order ? order : span_compare(one->name, other->name);
}

/* Those that are asked for, in their order. NULL: *e. */
static struct line *choose(struct store_reader *r, const struct snapshot *s, const struct call_filter *f, struct span owner, struct arena *a, size_t *count, enum err *e)
{
    struct line *list = ARENA_ARRAY(a, struct line, s->key_count + 1);
    *e = list ? E_OK : E_NO_MEMORY;
    for (size_t i = *count = 0; !*e && i < s->key_count; i++) {
        const struct key *k = &s->keys[i];
        if ((f->workspace.at && !span_is(k->workspace, f->workspace)) || (owner.at && !span_is(k->owner, owner)))
            continue;
        list[*count].key = k;
        *e = store_last_use(r, k->id, &list[(*count)++].last_used);
    }
    if (*count)
        qsort(list, *count, sizeof(*list), by_owner);
    return list;
}

enum err access_write(struct store_reader *r, const struct snapshot *s, const struct call_filter *f, struct span owner, int64_t now, struct arena *a, struct paper *p)
{
    size_t count;
    enum err e;
    struct line *list = choose(r, s, f, owner, a, &count, &e);
    if (e)
        return e;
    paper_open(p);
    paper_note_time(p, SPAN("at"), now);
    paper_note_number(p, SPAN("keys"), (int64_t)count);
    paper_columns(p, SPAN("data"), columns);
    for (size_t i = 0; i < count; i++)
        put_key(p, &list[i], now, a);
    paper_close(p);
    return E_OK;
}

static void look(struct visit *v, struct store_reader *r)
{
    const struct report_ask *ask = v->mine;
    struct paper p = report_paper(v, ask);
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    v->result = access_write(r, s, &ask->filter, query_get(v, "owner"), ask->now, &v->arena, &p);
    snapshot_drop(s);
}

void report_access(struct visit *v)
{
    struct report_ask *ask = v->mine = ARENA_NEW(&v->arena, struct report_ask);
    if (!ask)
        reply_store(v, E_NO_MEMORY);
    else if (report_ask(v, ask, "access", 0))
        visit_read(v, look, report_reply);
}

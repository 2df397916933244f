/* SPDX-License-Identifier: Apache-2.0
 * budgets.c - every budget there is, whoever it hangs on, with its accounts as the ledger has them now; and limits raised for a while. */
#include "admin/now.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"

enum { BUDGETS_USUAL = 1000, BUDGETS_MOST = 10000, ACCOUNTS_EACH = 100 /* of one budget; the rest is counted */ };

/* An account seen in the ledger. */
struct seen {
    struct seen *next;
    struct span name;
    struct ledger_balance balance;
    int64_t ends_at;
};

struct line {
    const struct budget *budget;
    struct seen *accounts;
    int64_t count;
};

struct sheet {
    struct visit *visit;
    struct arena *arena;
    struct ledger *ledger;
    int64_t now;
    struct map by_id; /* id -> line */
    struct line **lines;
    size_t count, room;
};

static bool add(struct sheet *sheet, const struct budget *b)
{
    if (map_get(&sheet->by_id, b->id))
        return true;
    if (sheet->count == sheet->room) {
        size_t room = sheet->room ? sheet->room * 2 : 64;
        struct line **more = realloc(sheet->lines, room * sizeof(*more));
        if (!more)
            return false;
        sheet->lines = more;
        sheet->room = room;
    }
    struct line *line = ARENA_NEW(sheet->arena, struct line);
    if (!line || !map_put(&sheet->by_id, b->id, line))
        return false;
    line->budget = b;
    sheet->lines[sheet->count++] = line;
    return true;
}

/* The gate's own are objects: they are asked for and changed by their name. */
static struct span object_name(struct span id)
{
    struct span name, rest = id;
    if (!span_cut(&rest, '/', &name) || !span_is(name, SPAN("gate")) || !span_cut(&rest, '/', &name))
        return SPAN_NONE;
    return name;
}

/* ---- budgets that a confined visitor may see: its keys' and its workspace's, and those of the gate that count nothing else ---- */

struct own {
    struct visit *visit;
    struct map names; /* of the gate's */
    bool fine;
};

static void note_own(void *self, struct span id, struct span json)
{
    struct own *o = self;
    if (o->fine && confine_owns(o->visit, SPAN("budget"), id, json)) {
        struct span name = arena_copy(&o->visit->arena, id);
        o->fine = name.at && map_put(&o->names, name, o);
    }
}

static bool is_own(const struct own *o, const struct snapshot *s, const struct budget *b)
{
    struct span own = o->visit->actor.workspace, name = object_name(b->id), rest = b->owner, kind;
    if (!own.at)
        return true;
    if (name.at)
        return map_get(&o->names, name) != NULL;
    if (!rest.at || !span_cut(&rest, ':', &kind))
        return false;
    const struct key *key = span_is(kind, SPAN("key")) ? map_get(&s->key_by_id, rest) : NULL;
    return (key && span_is(key->workspace, own)) || (span_is(kind, SPAN("workspace")) && span_is(rest, own));
}

static bool read_own(struct own *o)
{
    struct trouble t = { .set = false };
    struct config_input in;
    if (!o->visit->actor.workspace.at)
        return true;
    return admin_input(o->visit->admin, &o->visit->arena, &in) == E_OK && config_list(&in, SPAN("budget"), note_own, o, &t) == E_OK && o->fine;
}

static bool add_all(struct sheet *sheet, const struct snapshot *s)
{
    struct own own = { .visit = sheet->visit, .fine = true };
    bool fine = read_own(&own);
    for (size_t i = 0; fine && i < s->budget_count; i++)
        fine = !is_own(&own, s, &s->budgets[i]) || add(sheet, &s->budgets[i]);
    for (size_t i = 0; fine && i < s->key_count; i++)
        for (size_t k = 0; fine && k < s->keys[i].budget_count; k++)
            fine = !is_own(&own, s, s->keys[i].budgets[k]) || add(sheet, s->keys[i].budgets[k]);
    map_free(&own.names);
    return fine;
}

static int by_id(const void *a, const void *b)
{
    return span_compare((*(struct line *const *)a)->budget->id, (*(struct line *const *)b)->budget->id);
}

/* Only this page's lines collect their accounts. Their lines before and behind it are forgotten. */
static void turn_to(struct sheet *sheet, struct span after, size_t limit, bool *more)
{
    size_t first = 0;
    *more = false;
    if (sheet->count == 0)
        return;
    qsort(sheet->lines, sheet->count, sizeof(struct line *), by_id);
    while (first < sheet->count && after.at && span_compare(sheet->lines[first]->budget->id, after) <= 0)
        first++;
    size_t left = sheet->count - first;
    *more = left > limit;
    for (size_t i = 0; i < sheet->count; i++)
        if (i < first || i >= first + limit)
            map_take(&sheet->by_id, sheet->lines[i]->budget->id);
    sheet->count = *more ? limit : left;
    memmove(sheet->lines, sheet->lines + first, sheet->count * sizeof(struct line *));
}

/* An account's name is its budget's id, and what tells it apart behind a bar. */
static void look(void *self, struct span account, const struct ledger_balance *balance, int64_t ends_at)
{
    struct sheet *sheet = self;
    struct span rest = account, id = account;
    (void)span_cut(&rest, '|', &id);
    struct line *line = map_get(&sheet->by_id, id);
    if (!line || ++line->count > ACCOUNTS_EACH)
        return;
    struct seen *seen = ARENA_NEW(sheet->arena, struct seen);
    if (!seen)
        return;
    *seen = (struct seen){ line->accounts, arena_copy(sheet->arena, account), *balance, ends_at };
    const struct window *w = &line->budget->window;
    if (w->kind == WINDOW_ROLLING) /* as it is now, not as of its last change */
        (void)ledger_balance(sheet->ledger, account, window_slot(w, sheet->now), &seen->balance);
    line->accounts = seen;
}

bool account_is_money(struct span account)
{
    struct span rest = account, id = account;
    (void)span_cut(&rest, '|', &id);
    return span_find(id, SPAN("/usd/")) >= 0 || span_find(id, SPAN(":usd/")) >= 0;
}

/* The window of this account that now lies in; false: it has none, or the account is of one that is over. */
static bool window_of(const struct budget *b, int64_t ends_at, int64_t now, int64_t *start, int64_t *end)
{
    window_at(&b->window, now, start, end);
    return *end && (b->window.kind == WINDOW_ROLLING || ends_at == *end);
}

int64_t budget_full_at(const struct budget *b, const struct ledger_balance *balance, int64_t ends_at, int64_t limit, int64_t now)
{
    int64_t start, end, used = money_add(balance->settled, balance->reserved);
    if (b->window.kind == WINDOW_ROLLING || !window_of(b, ends_at, now, &start, &end) || balance->settled <= 0 || now <= start || used >= limit)
        return 0;
    int64_t at = money_add(now, money_mul_div_up(limit - used, now - start, balance->settled));
    return at < end ? at : 0;
}

static int64_t percent(int64_t spent, int64_t limit)
{
    if (limit <= 0)
        return 100;
    return spent <= 0 ? 0 : money_mul_div_near(spent, 100, limit);
}

/* The limit is the budget's as configured: the ledger takes it over with the next call. */
static void put_account(struct json_out *o, const struct budget *b, const struct seen *seen, int64_t now)
{
    int64_t limit = budget_limit(b, now), start, end;
    int64_t spent = seen->balance.settled > 0 ? seen->balance.settled : 0, used = money_add(spent, seen->balance.reserved);
    bool rolls = b->window.kind == WINDOW_ROLLING && window_of(b, seen->ends_at, now, &start, &end);
    json_open(o, '{');
    json_pair(o, SPAN("account"), seen->name);
    bool money = b->unit == UNIT_USD;
    json_pair_amount_usd(o, SPAN("limit"), money, limit);
    json_pair_amount_usd(o, SPAN("spent"), money, seen->balance.settled);
    json_pair_amount_usd(o, SPAN("reserved"), money, seen->balance.reserved);
    json_pair_amount_usd(o, SPAN("in_doubt"), money, seen->balance.doubt);
    json_pair_amount_usd(o, SPAN("remaining"), money, limit > used ? limit - used : 0);
    json_pair_i64(o, SPAN("percent"), percent(spent, limit));
    json_pair_time(o, SPAN("forecast_at"), budget_full_at(b, &seen->balance, seen->ends_at, limit, now));
    json_pair_time(o, SPAN("resets_at"), rolls ? window_frees(&b->window, seen->balance.oldest, end) : seen->ends_at);
    json_close(o, '}');
}

/* { "stripe.customer": "cus_*" }: filters that have names of their own. */
static void put_filters(struct json_out *o, const struct budget *b, struct span member, enum dimension what)
{
    json_name(o, member);
    json_open(o, '{');
    for (size_t i = 0; i < b->filter_count; i++)
        if (b->filters[i].what == what)
            json_pair(o, b->filters[i].name, b->filters[i].pattern);
    json_close(o, '}');
}

static struct span filter(const struct budget *b, enum dimension what)
{
    for (size_t i = 0; i < b->filter_count; i++)
        if (b->filters[i].what == what)
            return b->filters[i].pattern;
    return SPAN_NONE;
}

static void put_per(struct json_out *o, const struct budget *b, struct arena *a)
{
    json_name(o, SPAN("per"));
    json_open(o, '[');
    for (size_t i = 0; i < b->per_count; i++) {
        struct span name = b->per[i].name.at ? b->per[i].name : SPAN("");
        json_put_string(o, arena_print(a, "%.*s%.*s", SPAN_ARG(dimension_name(b->per[i].what)), SPAN_ARG(name)));
    }
    json_close(o, ']');
}

static void put_manner(struct json_out *o, const struct budget *b, struct arena *a)
{
    json_pair(o, SPAN("window"), b->window_text);
    json_pair(o, SPAN("timezone"), b->zone_name);
    json_pair(o, SPAN("vendor"), filter(b, DIMENSION_VENDOR));
    json_pair(o, SPAN("operation"), filter(b, DIMENSION_OPERATION));
    json_pair(o, SPAN("model"), filter(b, DIMENSION_MODEL));
    put_filters(o, b, SPAN("scopes"), DIMENSION_SCOPE);
    put_filters(o, b, SPAN("metadata"), DIMENSION_TAG);
    put_per(o, b, a);
    json_pair_bool(o, SPAN("soft"), b->soft);
    json_pair(o, SPAN("refunds"), b->net ? SPAN("net") : SPAN("gross"));
    json_pair(o, SPAN("on_tight"), b->deny_when_tight ? SPAN("deny") : SPAN("clamp"));
}

/* limit: as configured. What it is raised by for a while stands beside it, as long as it counts. */
static void put_limit(struct json_out *o, const struct budget *b, int64_t now)
{
    bool raised = now < b->increase_until;
    bool money = b->unit == UNIT_USD;
    json_pair_amount_usd(o, SPAN("limit"), money, b->limit);
    json_pair_amount_usd(o, SPAN("increase"), money, raised ? b->increase : 0);
    json_pair_time(o, SPAN("increase_until"), raised ? b->increase_until : 0);
}

static void put_line(struct json_out *o, const struct line *line, struct sheet *sheet)
{
    const struct budget *b = line->budget;
    struct span name = object_name(b->id);
    json_open(o, '{');
    json_pair(o, SPAN("id"), name.at ? name : b->id);
    json_pair(o, SPAN("budget"), b->id);
    json_pair(o, SPAN("owner"), b->owner);
    json_pair(o, SPAN("unit"), unit_name(b->unit));
    put_limit(o, b, sheet->now);
    put_manner(o, b, sheet->arena);
    json_pair_i64(o, SPAN("account_count"), line->count);
    json_name(o, SPAN("accounts"));
    json_open(o, '[');
    for (const struct seen *seen = line->accounts; seen; seen = seen->next)
        put_account(o, b, seen, sheet->now);
    json_close(o, ']');
    json_close(o, '}');
}

static void put_page(struct visit *v, struct sheet *sheet, struct span after, size_t limit)
{
    bool more;
    struct json_out *o = &v->json;
    turn_to(sheet, after, limit, &more);
    ledger_each(books_ledger(v->admin->parts.books), look, sheet);
    json_open(o, '{');
    json_name(o, SPAN("data"));
    json_open(o, '[');
    for (size_t i = 0; i < sheet->count; i++)
        put_line(o, sheet->lines[i], sheet);
    json_close(o, ']');
    json_pair(o, SPAN("next_cursor"), more ? sheet->lines[sheet->count - 1]->budget->id : SPAN_NONE);
    json_close(o, '}');
}

void budgets_list(struct visit *v)
{
    int limit;
    struct sheet sheet = { .visit = v, .arena = &v->arena, .ledger = books_ledger(v->admin->parts.books), .now = clock_unix_ms() };
    if (!query_limit(v, BUDGETS_USUAL, BUDGETS_MOST, &limit))
        return;
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    bool fine = add_all(&sheet, s);
    if (fine)
        put_page(v, &sheet, query_get(v, "cursor"), (size_t)limit);
    map_free(&sheet.by_id);
    free(sheet.lines);
    snapshot_drop(s);
    if (fine)
        reply_json(v, 200);
    else
        reply_problem(v, E_NO_MEMORY, NULL, "the budgets do not fit into memory");
}

/* ---- raising a limit for a while ---- */

struct span budgets_find(struct visit *v)
{
    struct sheet sheet = { .visit = v, .arena = &v->arena };
    struct span id = SPAN_NONE;
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    bool fine = add_all(&sheet, s);
    for (size_t i = 0; i < sheet.count && !id.at; i++) {
        struct span full = sheet.lines[i]->budget->id;
        if (span_is(full, v->id) || span_is(object_name(full), v->id))
            id = arena_copy(&v->arena, full);
    }
    map_free(&sheet.by_id);
    free(sheet.lines);
    snapshot_drop(s);
    if (!fine)
        reply_problem(v, E_NO_MEMORY, NULL, "the budgets do not fit into memory");
    else if (!id.at)
        reply_problem(v, E_NOT_FOUND, "id", "there is no budget \"%.*s\"; GET /api/v1/budgets lists them", SPAN_ARG(span_first(v->id, 128)));
    return id;
}

static bool read_until(const struct node *body, int64_t *until, struct trouble *t)
{
    int64_t ms = 0;
    const struct node *time = node_get(body, "until"), *lasts = node_get(body, "for");
    if (!node_time(time, "until", until, t) || !node_duration(lasts, "for", &ms, t))
        return false;
    if (!time == !lasts)
        trouble_say(t, NULL, "until", "allowed: exactly one of until (a time such as 2026-11-22T00:00:00Z) and for (such as 2h)");
    else if (lasts && ms <= 0)
        trouble_found(t, lasts, "for", "a time to come, such as 2h");
    else if (lasts)
        *until = money_add(clock_unix_ms(), ms);
    if (!t->set && *until <= clock_unix_ms())
        trouble_found(t, time, "until", "a time to come");
    return !t->set;
}

/* As it is stored: {"by", "until", "reason"}. */
static struct span increase_text(struct visit *v, struct span by, int64_t until, struct span reason)
{
    struct buf text;
    buf_init(&text, VISIT_BODY);
    struct json_out o = json_out(&text);
    json_open(&o, '{');
    json_pair(&o, SPAN("by"), by);
    json_pair_time(&o, SPAN("until"), until);
    if (reason.at)
        json_pair(&o, SPAN("reason"), reason);
    json_close(&o, '}');
    struct span copy = text.broken ? SPAN_NONE : arena_copy(&v->arena, buf_span(&text));
    buf_free(&text);
    return copy;
}

/* SPAN_NONE: replied. */
static struct span read_increase(struct visit *v, struct span *reason)
{
    static const char *const fields[] = { "by", "until", "for", "reason", NULL };
    struct trouble t = { .set = false };
    struct span by = SPAN_NONE;
    int64_t until = 0;
    const struct node *body = visit_object(v);
    *reason = SPAN_NONE;
    if (!body)
        return SPAN_NONE;
    bool fine = node_only(body, "", fields, &t) && node_span(node_get(body, "by"), "by", &by, &t) && node_span(node_get(body, "reason"), "reason", reason, &t) &&
                read_until(body, &until, &t);
    if (fine && !by.at)
        trouble_say(&t, NULL, "by", "is missing; allowed: an amount in the budget's unit, such as \"50 usd\"");
    if (fine && reason->len > REASON_LONGEST)
        trouble_say(&t, NULL, "reason", "allowed: at most %d characters", REASON_LONGEST);
    if (t.set) {
        reply_trouble(v, E_CONFIG, &t);
        return SPAN_NONE;
    }
    struct span text = increase_text(v, by, until, *reason);
    if (!text.at)
        reply_problem(v, E_NO_MEMORY, NULL, "nothing was changed");
    return text;
}

/* The caps that operators hung on a key or a workspace bind whoever is confined to it. */
static bool may_raise(struct visit *v, struct span id)
{
    if (!v->actor.workspace.at || object_name(id).at)
        return true;
    reply_problem(v, E_ROLE_DENIED, "id", "allowed to a token of a workspace: the gate's budgets that count this workspace alone; what hangs on a key or a workspace is raised by a token without a workspace");
    return false;
}

void budgets_increase(struct visit *v)
{
    struct act act = { .name = SPAN("create"), .told = SPAN("created") };
    struct config_change c = { .kind = SPAN("increase"), .id = budgets_find(v) };
    struct config_changed made;
    struct trouble t = { .set = false };
    enum err e;
    if (!c.id.at || !may_raise(v, c.id) || !(c.body = read_increase(v, &act.reason)).at)
        return;
    if (!objects_apply(v, &c, &act, &made, &e, &t)) {
        reply_trouble(v, e, &t);
        return;
    }
    events_tell_change(v->admin, c.kind, made.id, act.told);
    json_open(&v->json, '{');
    if (!objects_write(v, c.kind, made.id, SPAN_NONE))
        return;
    json_close(&v->json, '}');
    reply_json(v, 200);
}

void budgets_decrease(struct visit *v)
{
    static const struct act act = { { "delete", 6 }, { "deleted", 7 }, { 0 } };
    struct config_change c = { .kind = SPAN("increase"), .id = budgets_find(v) };
    struct config_changed made;
    struct trouble t = { .set = false };
    enum err e;
    if (!c.id.at)
        return;
    if (!objects_apply(v, &c, &act, &made, &e, &t)) {
        reply_trouble(v, e, &t);
        return;
    }
    events_tell_change(v->admin, c.kind, made.id, act.told);
    reply_nothing(v);
}

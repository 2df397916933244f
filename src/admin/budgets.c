/* SPDX-License-Identifier: Apache-2.0
 * budgets.c - every budget there is, whoever it hangs on, with its accounts as the ledger has them now. */
#include "admin/inside.h"

#include <stdlib.h>

enum { BUDGETS_USUAL = 1000, BUDGETS_MOST = 10000, ACCOUNTS_EACH = 100 /* of one budget; the rest is counted */ };

/* An account seen in the ledger. */
struct seen {
    struct seen *next;
    struct span name;
    struct ledger_balance balance;
    int64_t resets_at;
};

struct line {
    const struct budget *budget;
    struct seen *accounts;
    int64_t count;
};

struct sheet {
    struct arena *arena;
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

static bool add_all(struct sheet *sheet, const struct snapshot *s)
{
    bool fine = true;
    for (size_t i = 0; fine && i < s->budget_count; i++)
        fine = add(sheet, &s->budgets[i]);
    for (size_t i = 0; fine && i < s->key_count; i++)
        for (size_t k = 0; fine && k < s->keys[i].budget_count; k++)
            fine = add(sheet, s->keys[i].budgets[k]);
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
static void look(void *self, struct span account, const struct ledger_balance *balance, int64_t resets_at)
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
    *seen = (struct seen){ line->accounts, arena_copy(sheet->arena, account), *balance, resets_at };
    line->accounts = seen;
}

static void put_amount(struct json_out *o, enum unit unit, struct span name_usd, struct span name, int64_t amount)
{
    if (unit == UNIT_USD)
        json_pair_money(o, name_usd, amount);
    else
        json_pair_i64(o, name, amount);
}

/* The limit is the budget's as configured: the ledger takes it over with the next call. */
static void put_account(struct json_out *o, const struct budget *b, const struct seen *seen)
{
    int64_t used = money_add(seen->balance.settled, seen->balance.reserved);
    int64_t left = b->limit > used ? b->limit - used : 0;
    json_open(o, '{');
    json_pair(o, SPAN("account"), seen->name);
    put_amount(o, b->unit, SPAN("limit_usd"), SPAN("limit"), b->limit);
    put_amount(o, b->unit, SPAN("spent_usd"), SPAN("spent"), seen->balance.settled);
    put_amount(o, b->unit, SPAN("reserved_usd"), SPAN("reserved"), seen->balance.reserved);
    put_amount(o, b->unit, SPAN("in_doubt_usd"), SPAN("in_doubt"), seen->balance.doubt);
    put_amount(o, b->unit, SPAN("remaining_usd"), SPAN("remaining"), left);
    json_pair_time(o, SPAN("resets_at"), seen->resets_at);
    json_close(o, '}');
}

/* The gate's own are objects: they are asked for and changed by their name. */
static struct span object_name(struct span id)
{
    struct span name, rest = id;
    if (!span_cut(&rest, '/', &name) || !span_is(name, SPAN("gate")) || !span_cut(&rest, '/', &name))
        return SPAN_NONE;
    return name;
}

static void put_line(struct json_out *o, const struct line *line)
{
    const struct budget *b = line->budget;
    struct span name = object_name(b->id);
    json_open(o, '{');
    json_pair(o, SPAN("id"), name.at ? name : b->id);
    json_pair(o, SPAN("budget"), b->id);
    json_pair(o, SPAN("owner"), b->owner);
    json_pair(o, SPAN("unit"), unit_name(b->unit));
    put_amount(o, b->unit, SPAN("limit_usd"), SPAN("limit"), b->limit);
    json_pair(o, SPAN("window"), b->window_text);
    json_pair(o, SPAN("timezone"), b->zone_name);
    json_pair(o, SPAN("vendor"), b->vendor);
    json_pair(o, SPAN("operation"), b->operation);
    json_pair(o, SPAN("model"), b->model);
    json_pair_bool(o, SPAN("soft"), b->soft);
    json_pair_i64(o, SPAN("account_count"), line->count);
    json_name(o, SPAN("accounts"));
    json_open(o, '[');
    for (const struct seen *seen = line->accounts; seen; seen = seen->next)
        put_account(o, b, seen);
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
        put_line(o, sheet->lines[i]);
    json_close(o, ']');
    json_pair(o, SPAN("next_cursor"), more ? sheet->lines[sheet->count - 1]->budget->id : SPAN_NONE);
    json_close(o, '}');
}

void budgets_list(struct visit *v)
{
    int limit;
    struct sheet sheet = { .arena = &v->arena };
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

/* SPDX-License-Identifier: Apache-2.0
 * budget.c - whether a call counts on a budget, how much, and on which accounts. All of it runs for every budget of every
 * call. Reading one: budget_read.c. */
#include "rules/budget.h"

#include "rules/label.h"

enum { START_LEN = 21, EMPTY = UINT8_MAX };

_Static_assert((int)FACTS_SCOPES < (int)EMPTY, "an index of a scope fits beside the mark for none");

static const struct span dimensions[DIMENSION_COUNT] = {
    [DIMENSION_RUN] = { "run", 3 },
    [DIMENSION_VENDOR] = { "vendor", 6 },
    [DIMENSION_MODEL] = { "model", 5 },
    [DIMENSION_USER] = { "user", 4 },
    [DIMENSION_KEY] = { "key", 3 },
    [DIMENSION_TEAM] = { "team", 4 },
    [DIMENSION_WORKSPACE] = { "workspace", 9 },
    [DIMENSION_OPERATION] = { "operation", 9 },
    [DIMENSION_CUSTOMER] = { "customer", 8 },
    [DIMENSION_SCOPE] = { "", 0 },
    [DIMENSION_TAG] = { "metadata.", 9 },
};

static const struct span customer_end = { ".customer", 9 };

struct span dimension_name(enum dimension d)
{
    must(d >= 0 && d < DIMENSION_COUNT);
    return dimensions[d];
}

static struct span fact(const struct facts *f, enum dimension what, struct span name)
{
    switch (what) {
    case DIMENSION_RUN:
        return f->run;
    case DIMENSION_VENDOR:
        return f->vendor;
    case DIMENSION_MODEL:
        return f->model;
    case DIMENSION_USER:
        return f->user;
    case DIMENSION_KEY:
        return f->key_id;
    case DIMENSION_TEAM:
        return f->team;
    case DIMENSION_WORKSPACE:
        return f->workspace;
    case DIMENSION_OPERATION:
        return f->operation;
    case DIMENSION_TAG:
        return tag_find(f->tags, f->tag_count, name);
    default:
        return SPAN_NONE;
    }
}

/* An owner that could not be found out may be the one that is meant. */
static bool touches(const struct facts *f, const struct budget_filter *filter)
{
    for (size_t i = 0; i < f->scope_count; i++) {
        struct span value = f->scopes[i].value;
        if (span_is(f->scopes[i].name, filter->name) && (span_is(value, FACTS_UNTOLD) || span_like(value, filter->pattern)))
            return true;
    }
    return f->scopes_unresolved;
}

static bool passes(const struct facts *f, const struct budget_filter *filter)
{
    if (filter->what == DIMENSION_SCOPE)
        return touches(f, filter);
    struct span value = fact(f, filter->what, filter->name);
    return (filter->what != DIMENSION_TAG || value.at) && span_like(value, filter->pattern);
}

bool budget_applies(const struct budget *b, const struct facts *f)
{
    for (size_t i = 0; i < b->filter_count; i++)
        if (!passes(f, &b->filters[i]))
            return false;
    return true;
}

int64_t budget_limit(const struct budget *b, int64_t now_ms) { return now_ms < b->increase_until ? money_add(b->limit, b->increase) : b->limit; }

int64_t budget_amount(const struct budget *b, const struct facts *f) { return b->net && f->refund ? 0 : f->worst[b->unit]; }

int64_t budget_real(const struct budget *b, const struct facts *f, const int64_t real[UNIT_COUNT])
{
    return b->net && f->refund ? -real[b->unit] : real[b->unit];
}

/* ---- accounts ---- */

/* The values of one `per` that this call counts on: one, or one for each object it touches. */
struct choice {
    struct span mark;  /* "metadata.": in front of the label */
    struct span label, value;
    bool scopes;       /* label and value are those of scopes[picked[now]] instead */
    uint8_t picked[FACTS_SCOPES + 1];
    size_t count, now;
};

static bool names_it(const struct budget_per *per, struct span scope)
{
    return per->what == DIMENSION_CUSTOMER ? span_ends(scope, customer_end) : span_is(scope, per->name);
}

static bool picked_before(const struct choice *c, const struct facts *f, const struct scope *scope)
{
    for (size_t i = 0; i < c->count; i++)
        if (span_is(f->scopes[c->picked[i]].name, scope->name) && span_is(f->scopes[c->picked[i]].value, scope->value))
            return true;
    return false;
}

/* Each object once; the empty one when there is none, or when one may be missing. */
static void pick_scopes(struct choice *c, const struct budget_per *per, const struct facts *f)
{
    must(f->scope_count <= FACTS_SCOPES);
    c->scopes = true;
    for (size_t i = 0; i < f->scope_count; i++)
        if (names_it(per, f->scopes[i].name) && !picked_before(c, f, &f->scopes[i]))
            c->picked[c->count++] = (uint8_t)i;
    if (!c->count || f->scopes_unresolved)
        c->picked[c->count++] = EMPTY;
}

static void choose(struct choice *c, const struct budget_per *per, const struct facts *f)
{
    c->mark = per->what == DIMENSION_TAG ? dimensions[DIMENSION_TAG] : SPAN_NONE;
    c->label = per->what == DIMENSION_TAG || per->what == DIMENSION_SCOPE ? per->name : dimensions[per->what];
    c->scopes = false;
    c->count = c->now = 0;
    if (per->what == DIMENSION_SCOPE || per->what == DIMENSION_CUSTOMER) {
        pick_scopes(c, per, f);
        return;
    }
    c->value = fact(f, per->what, per->name);
    c->count = 1;
}

/* Label and value as they stand now. A customer is told apart by the scope that names it: two vendors may use one id. */
static struct scope current(const struct choice *c, const struct facts *f)
{
    if (!c->scopes)
        return (struct scope){ .name = c->label, .value = c->value };
    if (c->picked[c->now] == EMPTY)
        return (struct scope){ .name = c->label, .value = SPAN("") };
    return f->scopes[c->picked[c->now]];
}

static bool step(struct choice *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (++list[i].now < list[i].count)
            return true;
        list[i].now = 0;
    }
    return false;
}

static void put_digits(char *at, int64_t n, int digits)
{
    for (int i = digits - 1; i >= 0; i--, n /= 10)
        at[i] = (char)('0' + n % 10);
}

/* "|2026-11-21T00:00:00Z", by hand: printf would be most of the cost. */
static void put_start(struct label *out, int64_t start_ms)
{
    const int64_t day = 86400;
    char text[START_LEN + 1] = "|YYYY-mm-ddTHH:MM:SSZ";
    int64_t seconds = start_ms / 1000, of_day = (seconds % day + day) % day, year;
    int month, of_month;
    date_of_days((seconds - of_day) / day, &year, &month, &of_month);
    put_digits(text + 1, year, 4);
    put_digits(text + 6, month, 2);
    put_digits(text + 9, of_month, 2);
    put_digits(text + 12, of_day / 3600, 2);
    put_digits(text + 15, of_day / 60 % 60, 2);
    put_digits(text + 18, of_day % 60, 2);
    label_put(out, span_make(text, START_LEN));
}

/* What every account of this call on this budget has in common. */
struct moment {
    bool run; /* the window is a run's, and its name part of the account's */
    bool dated;
    int64_t start;
    struct budget_account times;
};

static struct moment moment_of(const struct budget *b, const struct facts *f, int64_t now_ms)
{
    struct moment m = { .run = b->window.kind == WINDOW_RUN, .times = { .slot = -1 } };
    struct window window = b->window;
    if (m.run && !f->run.len)
        window.kind = WINDOW_DAY;
    window_at(&window, now_ms, &m.start, &m.times.resets_at);
    m.times.ends_at = m.times.resets_at;
    m.dated = m.times.resets_at && window.kind != WINDOW_ROLLING;
    if (window.kind == WINDOW_ROLLING) {
        m.times.slot = window_slot(&window, now_ms);
        m.times.ends_at = window_slot_ends(&window, m.times.slot);
    }
    return m;
}

static void put_pair(struct label *out, struct span mark, struct scope pair)
{
    label_put(out, SPAN("|"));
    label_put(out, mark);
    label_put(out, pair.name);
    label_put(out, SPAN("="));
    label_put_value(out, pair.value);
}

static size_t pair_room(struct span mark, struct scope pair) { return 2 + mark.len + pair.name.len + label_value_room(pair.value); }

static struct span name_account(const struct budget *b, const struct facts *f, const struct moment *m, const struct choice *list, struct arena *a)
{
    struct scope run = { .name = dimensions[DIMENSION_RUN], .value = f->run };
    size_t room = b->id.len + (m->run ? pair_room(SPAN_NONE, run) : 0) + (m->dated ? START_LEN : 0);
    for (size_t i = 0; i < b->per_count; i++)
        room += pair_room(list[i].mark, current(&list[i], f));
    struct label name = label_begin(a, room);
    label_put(&name, b->id);
    if (m->run)
        put_pair(&name, SPAN_NONE, run);
    for (size_t i = 0; i < b->per_count; i++)
        if (!m->run || b->per[i].what != DIMENSION_RUN) /* stands there once */
            put_pair(&name, list[i].mark, current(&list[i], f));
    if (m->dated)
        put_start(&name, m->start);
    return label_end(&name);
}

size_t budget_accounts(const struct budget *b, const struct facts *f, int64_t now_ms, struct arena *a, struct budget_account *out, size_t room)
{
    struct choice list[BUDGET_PER];
    struct moment m = moment_of(b, f, now_ms);
    size_t all = 1, written = 0;
    for (size_t i = 0; i < b->per_count; i++) {
        choose(&list[i], &b->per[i], f);
        all *= list[i].count; /* at most 65 to the power of six: it fits */
    }
    do {
        if (written == room)
            return all;
        out[written] = m.times;
        out[written].name = name_account(b, f, &m, list, a);
        if (!out[written++].name.at)
            return 0;
    } while (step(list, b->per_count));
    return all;
}

/* "key_1f3c/usd/day|...", "key_1f3c/daily:usd/day|...", and of the gate's own budgets "gate/all/usd/day|...": owner first. */
bool budget_account_unit(struct span account, enum unit *out)
{
    struct span owner, rest = account, word, name;
    if (!span_cut(&rest, '/', &owner) || (span_is(owner, SPAN("gate")) && !span_cut(&rest, '/', &owner)) || !span_cut(&rest, '/', &word))
        return false;
    if (!span_cut(&word, ':', &name))
        name = SPAN_NONE;
    for (int u = 0; u < UNIT_COUNT; u++) {
        if (!span_is(word, unit_name((enum unit)u)))
            continue;
        *out = (enum unit)u;
        return true;
    }
    return false;
}

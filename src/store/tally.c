/* SPDX-License-Identifier: Apache-2.0
 * tally.c - see tally.h. */
#include "store/tally.h"

#include <stdlib.h>

#include "base/text.h"

enum { NAME_MOST = 64 << 10, LABEL_PARTS = 8 };

#define TEXT(literal) { literal, sizeof(literal) - 1 }
#define SAME(name) TEXT(name), TEXT(name), TEXT(name)
#define NONE { NULL, 0 }
#define CLASS "CASE WHEN status BETWEEN 100 AND 599 THEN (status / 100) || 'xx' END"

/* A settlement and what a vendor told later name no metadata and no scopes: those of their call count, which is read by its id. */
#define CALLS_ROW "CASE kind WHEN 0 THEN row ELSE coalesce((SELECT told.row FROM calls AS told WHERE told.id = calls.of), row) END"

/* A plus keeps SQLite from walking the whole table in the order of an index, a row here and a row there. */
static const struct dimension dimensions[] = {
    { TEXT("key"), TEXT("+key"), TEXT("key"), NO_MOMENT, NO_ARGUMENT },
    { TEXT("run"), TEXT("+run"), NONE, NO_MOMENT, NO_ARGUMENT },
    { SAME("vendor"), NO_MOMENT, NO_ARGUMENT },
    { SAME("operation"), NO_MOMENT, NO_ARGUMENT },
    { SAME("model"), NO_MOMENT, NO_ARGUMENT },
    { TEXT("step"), TEXT("step"), NONE, NO_MOMENT, NO_ARGUMENT },
    { SAME("workspace"), NO_MOMENT, NO_ARGUMENT },
    { TEXT("user"), TEXT("user"), NONE, NO_MOMENT, NO_ARGUMENT },
    { SAME("denied"), NO_MOMENT, NO_ARGUMENT },
    { TEXT("credential"), TEXT("field(row, 17)"), TEXT("credential"), NO_MOMENT, NO_ARGUMENT },
    { TEXT("verdict"), TEXT("CASE verdict WHEN 0 THEN 'allowed' WHEN 1 THEN 'denied' WHEN 2 THEN 'error' ELSE 'in_doubt' END"),
        TEXT("CASE verdict WHEN 0 THEN 'allowed' WHEN 1 THEN 'denied' WHEN 2 THEN 'error' ELSE 'in_doubt' END"), NO_MOMENT, NO_ARGUMENT },
    { TEXT("status_class"), TEXT(CLASS), TEXT(CLASS), NO_MOMENT, NO_ARGUMENT },
    { TEXT("label"), TEXT("parts(field(row, 73), ?)"), TEXT("parts(label, ?)"), NO_MOMENT, A_COUNT },
    { TEXT("metadata"), TEXT("json_extract(field(" CALLS_ROW ", 19), ?)"), NONE, NO_MOMENT, A_MEMBER },
    { TEXT("scope"), TEXT("scope(" CALLS_ROW ", ?)"), NONE, NO_MOMENT, A_NAME },
    { TEXT("minute"), TEXT("at / 60000"), NONE, MINUTE, NO_ARGUMENT },
    { TEXT("hour"), TEXT("at / 3600000"), TEXT("0"), HOUR, NO_ARGUMENT },
    { TEXT("day"), TEXT("at / 86400000"), TEXT("0"), DAY, NO_ARGUMENT },
    { TEXT("month"), TEXT("at / 86400000"), TEXT("0"), MONTH, NO_ARGUMENT },
};

const struct span store_dimensions = TEXT("key, run, vendor, operation, model, step, workspace, user, denied, credential, verdict, status_class, minute, hour,"
    " day, month, label, label:N (its first N parts), metadata:NAME, scope:NAME");

/* JSON's path of one member; a name with a quote or a backslash in it has none. */
static struct span member_path(struct span name, struct arena *a)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] == '"' || name.at[i] == '\\' || (unsigned char)name.at[i] < 0x20)
            return SPAN_NONE;
    return arena_print(a, "$.\"%.*s\"", SPAN_ARG(name));
}

static bool read_argument(struct span text, bool given, struct arena *a, struct grouped *out)
{
    uint64_t n = LABEL_PARTS;
    switch (out->dimension->argument) {
    case A_COUNT:
        if (given && (!span_to_u64(text, &n) || n < 1 || n > LABEL_PARTS))
            return false;
        out->number = (int64_t)n;
        return true;
    case A_MEMBER:
        out->text = given && text.len ? member_path(text, a) : SPAN_NONE;
        return out->text.at != NULL;
    case A_NAME:
        out->text = text;
        return given && text.len;
    case NO_ARGUMENT:
        break;
    }
    return !given;
}

bool grouped_read(struct span name, struct arena *a, struct grouped *out)
{
    struct span rest = name, head = name;
    bool given = span_cut(&rest, ':', &head);
    *out = (struct grouped){ NULL, 0, SPAN_NONE };
    for (size_t i = 0; i < sizeof(dimensions) / sizeof(dimensions[0]) && !out->dimension; i++)
        if (span_is(head, dimensions[i].name))
            out->dimension = &dimensions[i];
    return out->dimension && read_argument(given ? rest : SPAN_NONE, given, a, out);
}

bool store_dimension(struct span name)
{
    struct grouped g;
    struct arena a;
    arena_init(&a, 4096);
    bool known = name.len < 512 && grouped_read(name, &a, &g);
    arena_free(&a);
    return known;
}

void grouped_put(struct query *q, const struct grouped *g, bool facet)
{
    struct span column = facet ? g->dimension->facet : g->dimension->row;
    if (g->dimension->argument == A_COUNT)
        query_i64(q, column, g->number);
    else if (g->dimension->argument != NO_ARGUMENT)
        query_span(q, column, g->text);
    else
        query_text(q, column);
    query_text(q, SPAN(", "));
}

static int64_t down(int64_t at, int64_t unit) { return (at - ((at % unit) + unit) % unit); }

int64_t moment_begin(enum moment m, int64_t at)
{
    if (m == MINUTE)
        return down(at, HOUR_MS / 60);
    return m == HOUR ? down(at, HOUR_MS) : down(at, DAY_MS);
}

static struct span moment_name(enum moment m, int64_t at, char text[TIME_TEXT])
{
    struct span whole = text_time(moment_begin(m, at), text);
    if (m == MONTH)
        return span_first(whole, sizeof("2026-11") - 1);
    if (m == DAY)
        return span_first(whole, sizeof("2026-11-21") - 1);
    text[sizeof("2026-11-21T12:00:00") - 1] = 'Z';
    return span_first(whole, sizeof("2026-11-21T12:00:00Z") - 1);
}

void tally_init(struct tally *t, struct arena *a, const struct grouped *by, size_t by_count, size_t most)
{
    *t = (struct tally){ .arena = a, .by = by, .by_count = by_count, .most = most };
    buf_init(&t->name, NAME_MOST);
}

void tally_free(struct tally *t)
{
    map_free(&t->groups);
    buf_free(&t->name);
}

struct span tally_join(struct tally *t, const struct span names[USAGE_BY], bool rest)
{
    buf_clear(&t->name);
    buf_put_byte(&t->name, rest ? 'r' : 'n');
    for (size_t i = 0; i < t->by_count; i++) {
        buf_put(&t->name, span_make((const char *)&names[i].len, sizeof(names[i].len)));
        buf_put_byte(&t->name, names[i].at ? 1 : 0);
        buf_put(&t->name, names[i]);
    }
    return buf_span(&t->name);
}

static struct usage_row *new_group(struct tally *t, const struct span names[USAGE_BY], struct span joined)
{
    struct usage_row **list = t->count < t->most ? ARENA_GROW(t->arena, t->rows, t->count) : NULL;
    struct usage_row *row = list ? ARENA_NEW(t->arena, struct usage_row) : NULL;
    if (!row)
        return NULL;
    t->rows = list;
    for (size_t i = 0; i < t->by_count; i++)
        row->group[i] = arena_copy(t->arena, names[i]);
    struct span key = arena_copy(t->arena, joined);
    if (t->arena->broken || !map_put(&t->groups, key, row))
        return NULL;
    return t->rows[t->count++] = row;
}

struct usage_row *tally_group(struct tally *t, const struct span given[USAGE_BY], int64_t at)
{
    char text[USAGE_BY][TIME_TEXT];
    struct span names[USAGE_BY] = { SPAN_NONE };
    int64_t bucket = 0;
    for (size_t i = t->by_count; i-- > 0;) {
        enum moment m = t->by[i].dimension->moment;
        names[i] = m ? moment_name(m, at, text[i]) : given[i];
        bucket = m ? moment_begin(m, at) : bucket;
    }
    bool rest = t->top && !map_get(t->top, names[1].at ? names[1] : SPAN("\1"));
    if (rest)
        names[1] = SPAN_NONE;
    struct span joined = tally_join(t, names, rest);
    struct usage_row *row = map_get(&t->groups, joined);
    if (row || t->name.broken)
        return row;
    row = new_group(t, names, joined);
    if (row) {
        row->bucket = bucket;
        row->rest = rest;
    }
    return row;
}

void tally_add(struct usage_row *group, const struct usage_row *sums)
{
    group->calls += sums->calls;
    group->forwarded += sums->forwarded;
    group->refused += sums->refused;
    group->errors += sums->errors;
    group->cost = money_add(group->cost, sums->cost);
    group->reserved_open = money_add(group->reserved_open, sums->reserved_open);
    group->tokens_in = money_add(group->tokens_in, sums->tokens_in);
    group->tokens_out = money_add(group->tokens_out, sums->tokens_out);
    if (sums->first_at && (!group->first_at || sums->first_at < group->first_at))
        group->first_at = sums->first_at;
    if (sums->last_at > group->last_at)
        group->last_at = sums->last_at;
}

static int by_names(const struct usage_row *x, const struct usage_row *y)
{
    for (size_t i = 0; i < USAGE_BY; i++) {
        int order = span_compare(x->group[i], y->group[i]);
        if (order)
            return order;
    }
    return x->rest - y->rest;
}

static int in_time(const void *a, const void *b) { return by_names(*(struct usage_row *const *)a, *(struct usage_row *const *)b); }

static int dearest(const void *a, const void *b)
{
    const struct usage_row *x = *(struct usage_row *const *)a, *y = *(struct usage_row *const *)b;
    return x->cost != y->cost ? (x->cost < y->cost) - (x->cost > y->cost) : by_names(x, y);
}

enum err tally_rows(struct tally *t, struct usage_row **rows, size_t *count)
{
    bool timed = t->by_count && t->by[0].dimension->moment;
    *rows = ARENA_ARRAY(t->arena, struct usage_row, t->count + 1);
    *count = 0;
    if (!*rows || t->arena->broken)
        return E_NO_MEMORY;
    if (t->count)
        qsort(t->rows, t->count, sizeof(*t->rows), timed ? in_time : dearest);
    for (; *count < t->count; ++*count)
        (*rows)[*count] = *t->rows[*count];
    return E_OK;
}

enum err tally_fold(const struct usage_row *rows, size_t count, size_t which, size_t most, struct arena *a, struct usage_row **out, size_t *out_count)
{
    static const struct grouped plain = { &dimensions[0], 0, NONE };
    struct tally t;
    enum err e = E_OK;
    tally_init(&t, a, &plain, which < USAGE_BY, most);
    for (size_t i = 0; e == E_OK && i < count; i++) {
        struct usage_row *group = tally_group(&t, &rows[i].group[which < USAGE_BY ? which : 0], 0);
        if (group)
            tally_add(group, &rows[i]);
        else
            e = a->broken ? E_NO_MEMORY : E_TOO_LARGE;
    }
    if (e == E_OK)
        e = tally_rows(&t, out, out_count);
    tally_free(&t);
    return e;
}

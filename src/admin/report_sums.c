/* SPDX-License-Identifier: Apache-2.0
 * report_sums.c - see report.h. The store sums by what was asked for and by model (and operation); here the models are folded into one
 * row a group: what stands beside a model was paid for tokens (pictures, seconds of sound), all else is a charge. */
#include "admin/report.h"

#include <stdlib.h>

void report_add(struct report_sum *a, const struct report_sum *b)
{
    struct usage_row *sum = &a->all;
    const struct usage_row *row = &b->all;
    sum->calls += row->calls;
    sum->forwarded += row->forwarded;
    sum->refused += row->refused;
    sum->cost = money_add(sum->cost, row->cost);
    sum->reserved_open = money_add(sum->reserved_open, row->reserved_open);
    sum->tokens_in += row->tokens_in;
    sum->tokens_out += row->tokens_out;
    if (row->first_at && (!sum->first_at || row->first_at < sum->first_at))
        sum->first_at = row->first_at;
    sum->last_at = row->last_at > sum->last_at ? row->last_at : sum->last_at;
    a->models = money_add(a->models, b->models);
    a->charges = money_add(a->charges, b->charges);
    a->model_tokens += b->model_tokens;
    a->messages += b->messages;
    a->messages_cost = money_add(a->messages_cost, b->messages_cost);
    a->refunds += b->refunds;
    a->refunds_cost = money_add(a->refunds_cost, b->refunds_cost);
}

static const struct operation *find_operation(const struct snapshot *s, struct span name)
{
    struct span rest = name, slug;
    size_t count;
    const struct upstream *u = name.at && span_cut(&rest, '.', &slug) ? map_get(&s->upstream_by_slug, slug) : NULL;
    const struct operation *list = u ? vendor_operations(&u->vendor, &count) : NULL;
    for (size_t i = 0; list && i < count; i++)
        if (span_is(list[i].name, name))
            return &list[i];
    return NULL;
}

/* One row of the store as a sum; the dimension `model` is at `model`, `operation` at `operation` (SIZE_MAX: not asked for). */
static struct report_sum as_sum(const struct usage_row *row, size_t model, size_t operation, const struct snapshot *s)
{
    struct report_sum sum = { .all = *row };
    bool of_model = row->group[model].len > 0;
    const struct operation *op = operation == SIZE_MAX ? NULL : find_operation(s, row->group[operation]);
    sum.models = of_model ? row->cost : 0;
    sum.charges = of_model ? 0 : row->cost;
    sum.model_tokens = of_model ? row->tokens_in + row->tokens_out : 0;
    if (op && op->messages) {
        sum.messages = row->forwarded;
        sum.messages_cost = row->cost;
    }
    if (op && op->refund) {
        sum.refunds = row->forwarded;
        sum.refunds_cost = row->cost;
    }
    return sum;
}

static int dearest_first(const void *a, const void *b)
{
    const struct report_sum *one = a, *other = b;
    if (one->all.cost != other->all.cost)
        return one->all.cost < other->all.cost ? 1 : -1;
    for (int i = 0; i < REPORT_BY; i++) {
        int order = span_compare(one->group[i], other->group[i]);
        if (order)
            return order;
    }
    return 0;
}

/* "12:" before each text, so that no two groups have one name. */
static struct span group_name(struct arena *a, const struct span *group, size_t count)
{
    struct span name = SPAN("g");
    for (size_t i = 0; i < count; i++)
        name = group[i].at ? arena_print(a, "%.*s %zu:%.*s", SPAN_ARG(name), group[i].len, SPAN_ARG(group[i])) : arena_print(a, "%.*s -", SPAN_ARG(name));
    return name;
}

static struct report_sum *row_for(struct report_sums *out, struct map *by_name, struct arena *a, const struct span *group, size_t count)
{
    struct span name = group_name(a, group, count);
    struct report_sum *row = name.at ? map_get(by_name, name) : NULL;
    if (row || !name.at)
        return row;
    row = &out->rows[out->count];
    memcpy(row->group, group, count * sizeof(*group));
    if (!map_put(by_name, name, row))
        return NULL;
    out->count++;
    return row;
}

static enum err fold(struct report_sums *out, const struct report_ask *ask, const struct usage_row *rows, size_t count, size_t model, size_t operation, const struct snapshot *s, struct arena *a)
{
    struct map by_name = { .entries = NULL };
    bool fine = true;
    out->rows = ARENA_ARRAY(a, struct report_sum, count + 1);
    for (size_t i = 0; fine && out->rows && i < count; i++) {
        struct report_sum one = as_sum(&rows[i], model, operation, s), *row = row_for(out, &by_name, a, rows[i].group, ask->by_count);
        fine = row != NULL;
        if (row)
            report_add(row, &one);
        report_add(&out->total, &one);
    }
    map_free(&by_name);
    return fine && out->rows ? E_OK : E_NO_MEMORY;
}

/* Where a dimension stands; it is put behind the others if it was not asked for. */
static size_t place(struct span by[REPORT_BY], size_t *count, struct span name)
{
    for (size_t i = 0; i < *count; i++)
        if (span_is(by[i], name))
            return i;
    must(*count < REPORT_BY);
    by[*count] = name;
    return (*count)++;
}

enum err report_sums(struct store_reader *r, const struct report_ask *ask, const struct snapshot *s, struct arena *a, struct report_sums *out)
{
    struct span by[REPORT_BY];
    struct usage_row *rows = NULL;
    size_t by_count = ask->by_count, count = 0;
    memcpy(by, ask->by, sizeof(by));
    *out = (struct report_sums){ .count = 0 };
    size_t model = place(by, &by_count, SPAN("model")), operation = s ? place(by, &by_count, SPAN("operation")) : SIZE_MAX;
    enum err e = store_usage(r, &ask->filter, by, by_count, a, &rows, &count);
    if (!e)
        e = fold(out, ask, rows, count, model, operation, s, a);
    if (!e)
        qsort(out->rows, out->count, sizeof(*out->rows), dearest_first);
    return e;
}

/* SPDX-License-Identifier: Apache-2.0
 * read.c - the half that adds up what all workers counted, name by name. */
#include "observe/inside.h"

#include "base/map.h"

static void add_counts(const _Atomic uint64_t *from, uint64_t *to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += count_get(&from[i]);
}

static uint64_t add_up(const uint64_t *counts, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += counts[i];
    return sum;
}

static void add_histograms(const struct series *from, struct observed_series *to)
{
    histogram_add(&from->duration, &to->duration);
    histogram_add(&from->gate, &to->gate);
    histogram_add(&from->first_byte, &to->first_byte);
    histogram_add(&from->gap, &to->gap);
    histogram_add(&from->input, &to->input);
    histogram_add(&from->output, &to->output);
}

static void add_series(const struct series *from, struct observed_series *to)
{
    to->generated = to->generated || count_get(&from->generated);
    to->allowed += count_get(&from->allowed);
    to->in_doubt += count_get(&from->in_doubt);
    to->failed += count_get(&from->failed);
    to->forwarded += count_get(&from->forwarded);
    add_counts(from->denied, to->denied, ERR_COUNT);
    add_counts(from->errors, to->errors, ERR_COUNT);
    add_counts(from->tokens, to->tokens, SIGHT_TOKENS);
    to->cost = money_add(to->cost, amount_get(&from->cost));
    to->calls = to->allowed + to->in_doubt + add_up(to->denied, ERR_COUNT) + add_up(to->errors, ERR_COUNT);
    add_histograms(from, to);
}

static void add_vendor(const struct vendor_tries *from, struct observed_vendor *to)
{
    add_counts(from->attempts, to->attempts, OBSERVE_STATUS_CLASSES);
    histogram_add(&from->duration, &to->duration);
}

static void add_key(const struct key_seen *from, struct observed_key *to)
{
    to->calls += count_get(&from->calls);
    to->denied += count_get(&from->denied);
    to->failed += count_get(&from->failed);
    to->cost = money_add(to->cost, amount_get(&from->cost));
    add_counts(from->tokens, to->tokens, SIGHT_TOKENS);
}

static void read_series(const struct observers *all, struct observed *out)
{
    for (unsigned i = 0; i < out->series_count; i++) {
        struct observed_series *to = &out->series[i];
        to->vendor = names_part(&all->series, i, 0);
        to->operation = names_part(&all->series, i, 1);
        to->model = names_part(&all->series, i, 2);
        for (unsigned w = 0; w < all->count; w++)
            add_series(&all->list[w]->series[i], to);
    }
}

static void read_vendors(const struct observers *all, struct observed *out)
{
    for (unsigned i = 0; i < out->vendor_count; i++) {
        out->vendors[i].vendor = names_part(&all->vendors, i, 0);
        for (unsigned w = 0; w < all->count; w++)
            add_vendor(&all->list[w]->vendors[i], &out->vendors[i]);
    }
}

static void read_keys(const struct observers *all, struct observed *out)
{
    for (unsigned i = 0; i < out->key_count; i++) {
        out->keys[i].key = names_part(&all->keys, i, 0);
        for (unsigned w = 0; w < all->count; w++)
            add_key(&all->list[w]->keys[i], &out->keys[i]);
    }
}

static void read_caches(const struct observers *all, struct observed *out)
{
    for (unsigned i = 0; i < out->cache_count; i++) {
        out->caches[i].word = names_part(&all->caches, i, 0);
        for (unsigned w = 0; w < all->count; w++)
            out->caches[i].calls += count_get(&all->list[w]->cache[i]);
    }
}

enum err observe_read(const struct observers *all, struct arena *a, struct observed *out)
{
    *out = (struct observed){ .series_count = names_count(&all->series), .vendor_count = names_count(&all->vendors), .key_count = names_count(&all->keys),
        .cache_count = names_count(&all->caches) };
    out->series = ARENA_ARRAY(a, struct observed_series, out->series_count);
    out->vendors = ARENA_ARRAY(a, struct observed_vendor, out->vendor_count);
    out->keys = ARENA_ARRAY(a, struct observed_key, out->key_count);
    out->caches = ARENA_ARRAY(a, struct observed_cache, out->cache_count);
    if (!out->series || !out->vendors || !out->keys || !out->caches)
        return E_NO_MEMORY;
    read_series(all, out);
    read_vendors(all, out);
    read_keys(all, out);
    read_caches(all, out);
    return E_OK;
}

/* ---- coarser ---- */

static void merge_counts(uint64_t *to, const uint64_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += from[i];
}

static void merge_histogram(struct histogram_sum *to, const struct histogram_sum *from)
{
    merge_counts(to->counts, from->counts, BOUNDS_MOST + 1);
    to->sum += from->sum;
    to->count += from->count;
}

static void merge(struct observed_series *to, const struct observed_series *from)
{
    to->generated = to->generated || from->generated;
    to->calls += from->calls;
    to->allowed += from->allowed;
    to->in_doubt += from->in_doubt;
    to->failed += from->failed;
    to->forwarded += from->forwarded;
    merge_counts(to->denied, from->denied, ERR_COUNT);
    merge_counts(to->errors, from->errors, ERR_COUNT);
    merge_counts(to->tokens, from->tokens, SIGHT_TOKENS);
    to->cost = money_add(to->cost, from->cost);
    merge_histogram(&to->duration, &from->duration);
    merge_histogram(&to->gate, &from->gate);
    merge_histogram(&to->first_byte, &from->first_byte);
    merge_histogram(&to->gap, &from->gap);
    merge_histogram(&to->input, &from->input);
    merge_histogram(&to->output, &from->output);
}

enum err observe_group(const struct observed *from, enum observed_by by, struct arena *a, struct observed_series **out, size_t *count)
{
    struct map places = { 0 };
    *out = ARENA_ARRAY(a, struct observed_series, from->series_count);
    *count = 0;
    for (size_t i = 0; *out && i < from->series_count; i++) {
        const struct observed_series *s = &from->series[i];
        struct span name = by == BY_MODEL ? s->model : s->operation;
        if (by == BY_MODEL && !s->generated)
            continue;
        struct span key = arena_print(a, "%.*s%c%.*s", SPAN_ARG(s->vendor), '\0', SPAN_ARG(name));
        struct observed_series *to = key.at ? map_get(&places, key) : NULL;
        if (!to && key.at && map_put(&places, key, &(*out)[*count])) {
            to = &(*out)[(*count)++];
            *to = (struct observed_series){ .vendor = s->vendor, .operation = by == BY_MODEL ? SPAN("") : name, .model = by == BY_MODEL ? name : SPAN("") };
        }
        if (!to)
            a->broken = true;
        else
            merge(to, s);
    }
    map_free(&places);
    return *out && !a->broken ? E_OK : E_NO_MEMORY;
}

/* ---- the last minutes ---- */

/* Its number; 0: nothing of it was seen, or it is beyond those that have room of their own, and its numbers are nobody's. */
static unsigned number_of(const struct observers *all, struct span workspace)
{
    unsigned count = names_count(&all->workspaces);
    for (unsigned i = 1; i < count; i++)
        if (span_is(names_part(&all->workspaces, i, 0), workspace))
            return i;
    return 0;
}

/* NULL: nothing of it is known. */
static const struct workspace_seen *seen_of(const struct observer *o, struct span workspace, unsigned number)
{
    if (!workspace.at)
        return o->all;
    return number ? &o->workspaces[number] : NULL;
}

static void add_second(const struct second_seen *at, int64_t second, struct observed_second *to)
{
    if (atomic_load_explicit(&at->second, memory_order_acquire) != second)
        return;
    struct observed_second seen = { atomic_load_explicit(&at->calls, memory_order_acquire), atomic_load_explicit(&at->denied, memory_order_acquire),
        atomic_load_explicit(&at->failed, memory_order_acquire), atomic_load_explicit(&at->cost, memory_order_acquire) };
    if (amount_get(&at->second) != second)
        return;
    to->calls += seen.calls;
    to->denied += seen.denied;
    to->failed += seen.failed;
    to->cost = money_add(to->cost, seen.cost);
}

void observe_seconds(const struct observers *all, struct span workspace, int64_t from, size_t seconds, struct observed_second *out)
{
    unsigned number = workspace.at ? number_of(all, workspace) : 0;
    memset(out, 0, seconds * sizeof(*out));
    for (unsigned i = 0; i < all->count; i++) {
        const struct workspace_seen *w = seen_of(all->list[i], workspace, number);
        for (size_t k = 0; w && k < seconds; k++)
            add_second(&w->ring[(uint64_t)(from + (int64_t)k) % OBSERVE_SECONDS], from + (int64_t)k, &out[k]);
    }
}

struct observed_open observe_open_now(const struct observers *all, struct span workspace)
{
    struct observed_open sum = { 0 };
    unsigned number = workspace.at ? number_of(all, workspace) : 0;
    for (unsigned i = 0; i < all->count; i++) {
        const struct workspace_seen *w = seen_of(all->list[i], workspace, number);
        if (!w)
            continue;
        sum.calls += (int64_t)count_get(&w->open);
        sum.held = money_add(sum.held, amount_get(&w->held));
    }
    return sum;
}

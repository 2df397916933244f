/* SPDX-License-Identifier: Apache-2.0
 * tally.h - groups of sums, added up in memory from several queries. Included by store/ only. */
#ifndef TG_STORE_TALLY_H
#define TG_STORE_TALLY_H

#include "base/map.h"
#include "store/reader.h"

/* What may be grouped by. Nothing else of a caller's text ever gets into a statement: an argument is bound. */
enum moment { NO_MOMENT, MINUTE, HOUR, DAY, MONTH };
struct dimension {
    struct span name, row, facet; /* its column in rows and in facets, with a `?` for the argument; facet SPAN_NONE: facets do not have it */
    enum moment moment;
    enum { NO_ARGUMENT, A_COUNT, A_NAME, A_MEMBER } argument;
};
struct grouped {
    const struct dimension *dimension;
    int64_t number;
    struct span text;
};
/* False: there is none of that name. The argument's text is taken from a. */
bool grouped_read(struct span name, struct arena *a, struct grouped *out);
/* Its column, and a comma. */
void grouped_put(struct query *q, const struct grouped *g, bool facet);
/* Where the moment begins that `at` lies in. */
int64_t moment_begin(enum moment m, int64_t at);

struct tally {
    struct arena *arena;
    const struct grouped *by;
    size_t by_count, most;
    struct usage_row **rows;
    size_t count;
    struct map groups;
    const struct map *top; /* of series: names of by[1] that stand alone; NULL: all do */
    struct buf name;
};
void tally_init(struct tally *t, struct arena *a, const struct grouped *by, size_t by_count, size_t most);
void tally_free(struct tally *t);
/* The group of these names; those of moments are made of `at`. NULL: too many (count == most), or no memory. */
struct usage_row *tally_group(struct tally *t, const struct span names[USAGE_BY], int64_t at);
/* Names as one, so that no two are alike: lengths before the texts; an absent one is none. Good until the next. */
struct span tally_join(struct tally *t, const struct span names[USAGE_BY], bool rest);
void tally_add(struct usage_row *group, const struct usage_row *sums);
/* In their order, as an array. */
CHECKED enum err tally_rows(struct tally *t, struct usage_row **rows, size_t *count);

/* Of rows by several names those by one of them (which: its number; USAGE_BY: by none), the dearest first. */
CHECKED enum err tally_fold(const struct usage_row *rows, size_t count, size_t which, size_t most, struct arena *a, struct usage_row **out, size_t *out_count);

/* query_rollup.c: sums of whole hours or days [from, to), counted since 1970, of all facets that fit f. */
CHECKED enum err rollup_sums(struct store_reader *r, const struct call_filter *f, bool days, int64_t from, int64_t to, struct tally *t);

#endif

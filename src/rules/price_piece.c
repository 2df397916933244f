/* SPDX-License-Identifier: Apache-2.0
 * price_piece.c - prices by the piece: which one of a row fits, and what so many pieces cost.
 *
 * A price may hold for one size, quality, search context or number of results. What is said must fit; where nothing is said, a
 * price without that condition is taken before one with it, and the dearest of what is left. */
#include "rules/price_view.h"

static const int64_t UNITS_PER_PICO = PRICE_UNITS / 1000;

static const struct {
    enum meter meter; /* the same content in tokens */
    bool content;
} kinds[FEE_COUNT] = {
    [FEE_REQUEST] = { METER_COUNT, false },
    [FEE_WEB_SEARCH] = { METER_COUNT, false },
    [FEE_FILE_SEARCH] = { METER_COUNT, false },
    [FEE_CODE_EXECUTION] = { METER_COUNT, false },
    [FEE_SEARCH] = { METER_COUNT, true },
    [FEE_IMAGE_UNIT] = { METER_IMAGE_OUT, true },
    [FEE_PAGE] = { METER_COUNT, true },
    [FEE_AUDIO_SECOND] = { METER_AUDIO_IN, true },
    [FEE_SPOKEN_SECOND] = { METER_AUDIO_OUT, true },
    [FEE_VIDEO_SECOND] = { METER_VIDEO_OUT, true },
    [FEE_CHARACTER] = { METER_IN, true },
    [FEE_CHARACTER_OUT] = { METER_OUT, true },
    [FEE_IMAGE_SEEN] = { METER_IMAGE_IN, true },
    [FEE_SEEN_SECOND] = { METER_VIDEO_IN, true },
    [FEE_ANNOTATION_PAGE] = { METER_COUNT, true },
    [FEE_X_SEARCH] = { METER_COUNT, false },
    [FEE_MAPS] = { METER_COUNT, false },
    [FEE_ENTERPRISE_WEB_SEARCH] = { METER_COUNT, false },
    [FEE_ATTACHMENT_SEARCH] = { METER_COUNT, false },
    [FEE_CODE_SESSION] = { METER_COUNT, false },
    [FEE_CREDIT] = { METER_COUNT, true },
    [FEE_COMPUTE_SECOND] = { METER_COUNT, true },
    [FEE_PIXEL] = { METER_IMAGE_OUT, true },
    [FEE_SOURCE] = { METER_COUNT, false },
};

enum meter price_same_content(enum fee fee) { return kinds[fee].meter; }

bool price_is_content(enum fee fee) { return kinds[fee].content; }

static bool is_said(struct span s) { return s.len && !span_is(s, SPAN("auto")); }

static char plain(char c)
{
    if (c == '*')
        return 'x';
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* "1024x1024" is what some call "1024*1024". */
static bool is_same(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (plain(a.at[i]) != plain(b.at[i]))
            return false;
    return true;
}

/* How a condition stands to what is said of it. */
enum fit { FIT_NONE, FIT_MAYBE, FIT_ANY, FIT_EXACT };

static enum fit fit_text(struct span condition, struct span said)
{
    if (!condition.len)
        return FIT_ANY;
    if (!is_said(said) || span_is(condition, SPAN("max"))) /* "max": whatever is larger than the others */
        return is_said(said) && is_same(condition, said) ? FIT_EXACT : FIT_MAYBE;
    return is_same(condition, said) ? FIT_EXACT : FIT_NONE;
}

static enum fit fit_results(const struct price_piece *c, int64_t results)
{
    if (c->results_most < 0)
        return FIT_ANY;
    if (results <= 0)
        return FIT_MAYBE;
    return results >= c->results_least && results <= c->results_most ? FIT_EXACT : FIT_NONE;
}

/* 0: it does not hold; else the larger the better it fits. */
static int rank_of(const struct price_piece *c, const struct piece_kind *kind)
{
    enum { SURE = 100 };
    const enum fit fits[] = { fit_text(c->size, kind->size), fit_text(c->quality, kind->quality), fit_text(c->search, kind->search),
        fit_results(c, kind->results), c->other.len ? FIT_MAYBE : FIT_ANY };
    int rank = 1 + SURE;
    for (size_t i = 0; i < sizeof(fits) / sizeof(*fits); i++) {
        if (fits[i] == FIT_NONE)
            return 0;
        if (fits[i] == FIT_MAYBE && rank > SURE)
            rank -= SURE;
        rank += fits[i] == FIT_EXACT;
    }
    return kind->dearest ? 1 : rank;
}

static const struct price_piece *find_piece(const struct price *p, enum fee fee, const struct piece_kind *kind, int *best_at)
{
    const struct price_piece *best = NULL;
    int best_rank = 0;
    for (size_t i = 0; i < p->piece_count; i++) {
        const struct price_piece *c = &p->pieces[i];
        int rank = c->fee == fee ? rank_of(c, kind) : 0;
        bool dearer = best && price_mul(c->pico, best->n) > price_mul(best->pico, c->n);
        if (rank > best_rank || (rank > 0 && rank == best_rank && dearer)) {
            best = c;
            best_rank = rank;
        }
    }
    *best_at = best_rank;
    return best;
}

/* The division is exact for every n of the book, and rounds up for others. */
static price_wide units_of(const struct price_piece *c, int64_t count)
{
    price_wide units = price_mul(price_mul(price_mul(1, count), c->pico), UNITS_PER_PICO);
    return units / c->n + (units % c->n > 0);
}

/* "1024x1536" */
static bool pixels_of(struct span size, int64_t *out)
{
    int64_t sides[2] = { 0, 0 };
    int side = 0;
    for (size_t i = 0; i < size.len; i++) {
        char c = plain(size.at[i]);
        if (c == 'x' && side == 0 && i > 0)
            side = 1;
        else if (c >= '0' && c <= '9' && sides[side] < 100000)
            sides[side] = sides[side] * 10 + (c - '0');
        else
            return false;
    }
    *out = sides[0] * sides[1];
    return *out > 0;
}

/* Pictures by their pixels, where that is what the row has, or what fits better. False: it is not. */
static bool by_pixel(const struct price *p, int64_t count, const struct piece_kind *kind, bool there, int rank, price_wide *units)
{
    int64_t pixels, all;
    int pixel_rank;
    const struct price_piece *c = find_piece(p, FEE_PIXEL, kind, &pixel_rank);
    if (!c || !pixels_of(kind->size, &pixels) || __builtin_mul_overflow(count, pixels, &all))
        return false;
    price_wide other = units_of(c, all);
    if (there && (kind->dearest ? other <= *units : pixel_rank <= rank))
        return false;
    *units = other;
    return true;
}

bool price_pieces(const struct price *p, enum fee fee, int64_t count, const struct piece_kind *kind, price_wide *out)
{
    int rank;
    const struct price_piece *c = find_piece(p, fee, kind, &rank);
    if (c)
        *out = units_of(c, count);
    return (fee == FEE_IMAGE_UNIT && by_pixel(p, count, kind, c != NULL, rank, out)) || c != NULL;
}

bool price_charges(const struct price *p, enum fee fee)
{
    for (size_t i = 0; i < p->piece_count; i++)
        if (p->pieces[i].fee == fee || (fee == FEE_IMAGE_UNIT && p->pieces[i].fee == FEE_PIXEL))
            return true;
    return false;
}

bool price_is_other_count(const struct price *p, enum fee fee, const int64_t counts[FEE_COUNT])
{
    enum fee other = fee == FEE_CODE_SESSION ? FEE_CODE_EXECUTION : FEE_CODE_SESSION;
    bool code = fee == FEE_CODE_SESSION || fee == FEE_CODE_EXECUTION;
    return code && counts[other] != 0 && !price_charges(p, fee) && price_charges(p, other);
}

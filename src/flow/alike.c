/* SPDX-License-Identifier: Apache-2.0
 * alike.c - the step that looks for an answer to a question that was asked in other words, and what makes two calls alike.
 *
 * Next to read: alike_embed.c. */
#include "flow/alike.h"

#include "cache/cache.h"
#include "dialect/embedding.h"
#include "flow/legs.h"
#include "flow/side.h"
#include "flow/steps.h"

/* ---- what is compared ---- */

static void put_part(struct buf *b, struct span part)
{
    buf_put_i64(b, (int64_t)part.len);
    buf_put_byte(b, ':');
    buf_put(b, part);
}

/* Vectors of two models cannot be compared, nor the same model's of two vendors: who knows. */
static struct digest name_with_model(struct exchange *x, struct span first, struct span second)
{
    const struct alike *k = &x->alike;
    struct buf *b = &x->desk->scratch;
    buf_clear(b);
    put_part(b, first);
    put_part(b, k->upstream->vendor.slug);
    put_part(b, k->model);
    put_part(b, second);
    return digest_sha256(buf_span(b));
}

/* The group: all that the exact entry's name is made of, but for the last turn's words. */
static bool name_it(struct exchange *x)
{
    struct alike *k = &x->alike;
    struct last_turn turn;
    struct digest rest;
    const char *why = "";
    if (x->caching.stored) { /* who goes on with it by its id goes on with these very words */
        k->why = SPAN("a response that is stored is given for its own words only; \"store\": false lets it be compared");
        return false;
    }
    if (!last_turn_read(cached_said(x), ALIKE_TEXT_MOST, &x->arena, &turn, &why)) {
        k->why = span_of(why);
        return false;
    }
    if (!cached_name_of(x, turn.rest, &rest)) {
        k->why = SPAN("the body has no canonical form");
        return false;
    }
    k->text = turn.text;
    k->group = name_with_model(x, SPAN("group"), span_make((const char *)rest.bytes, DIGEST_LEN));
    k->text_name = name_with_model(x, x->facts.workspace, turn.text);
    return true;
}

/* ---- the step ---- */

static bool applies(const struct exchange *x)
{
    const struct caching *c = &x->caching;
    return x->desk->similar && x->desk->texts && is_llm(x) && c->takes_part && !c->refresh && c->outcome == CACHING_MISS && c->in_force.mode == CACHE_SEMANTIC;
}

static enum next over(struct exchange *x)
{
    x->alike.stage = ALIKE_OVER;
    x->caching.outcome = x->alike.hit ? CACHING_SEMANTIC_HIT : CACHING_SEMANTIC_MISS;
    return x->alike.hit ? STOP : NEXT;
}

static enum next begin(struct exchange *x)
{
    struct alike *k = &x->alike;
    const struct world *w = x->desk->world;
    if (!applies(x)) {
        k->stage = ALIKE_OVER;
        return NEXT;
    }
    if (!find_embedder(x) || !name_it(x))
        return over(x);
    int16_t known[UNIT_MOST];
    k->count = texts_get(x->desk->texts, &k->text_name, known);
    k->vector = k->count ? ARENA_ARRAY(&x->arena, int16_t, k->count) : NULL;
    if (k->vector)
        memcpy(k->vector, known, k->count * sizeof(*known));
    else
        k->count = 0;
    k->since_ns = w->monotonic_ns(w->self);
    k->stage = k->count ? ALIKE_LOOKING : ALIKE_ASKING;
    return NEXT;
}

static bool nearest(struct exchange *x)
{
    struct alike *k = &x->alike;
    int64_t now = x->desk->world->now_ms(x->desk->world->self);
    return similar_nearest(x->desk->similar, &k->group, k->vector, k->count, x->caching.in_force.threshold_ppm, now, &k->found);
}

/* What the index finds may have left the cache meanwhile: then the next best. */
static enum next look(struct exchange *x)
{
    struct alike *k = &x->alike;
    const struct world *w = x->desk->world;
    struct cached_answer kept;
    for (; k->looks < ALIKE_LOOKS_MOST && nearest(x); k->looks++) {
        const struct cache_ask asked = { .name = k->found.name, .call = x->id, .worker = x->desk->index, .max_age_ms = x->caching.max_age_ms, .now_ms = w->now_ms(w->self) };
        enum cached got = cache_find(x->desk->cache, &asked, &x->arena, &kept);
        if (got == CACHED_WAIT) {
            w->await_news(w->self, x, ALIKE_PATIENCE_MS);
            return WAIT;
        }
        k->hit = got == CACHED_HIT && cached_replay(x, &kept, CACHING_SEMANTIC_HIT);
        if (k->hit || got == CACHED_HIT)
            break;
        similar_remove(x->desk->similar, &k->found.name);
    }
    if (k->hit)
        cache_count(x->desk->cache, true, x->caching.saved);
    return over(x);
}

enum next seek_alike(struct exchange *x)
{
    struct alike *k = &x->alike;
    enum next next = k->stage == ALIKE_UNTRIED ? begin(x) : NEXT;
    if (next != NEXT)
        return next;
    if (k->stage == ALIKE_ASKING) {
        if (embed_text(x) == WAIT)
            return WAIT;
        if (x->fault != E_OK)
            return STOP;
        k->stage = ALIKE_LOOKING;
    }
    if (k->stage == ALIKE_LOOKING)
        return k->count ? look(x) : over(x);
    return NEXT;
}

/* ---- what is told ---- */

struct span alike_score(struct exchange *x)
{
    const struct alike *k = &x->alike;
    long long thousandths = (long long)(k->found.score_ppm / 1000); /* never up: what is told was reached */
    return k->hit ? arena_print(&x->arena, "%lld.%03lld", thousandths / 1000, thousandths % 1000) : SPAN_NONE;
}

/* A field's value is one line of plain letters. */
struct span alike_reason(struct exchange *x)
{
    struct span why = x->alike.why, text = why.len ? arena_copy(&x->arena, span_first(why, 300)) : SPAN_NONE;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < 0x20 || text.at[i] > 0x7e)
            ((char *)(uintptr_t)text.at)[i] = '?';
    return text;
}

/* ---- its end ---- */

void alike_keep(struct exchange *x)
{
    const struct alike *k = &x->alike;
    if (!k->count || k->hit || !x->caching.packed.at)
        return;
    if (similar_add(x->desk->similar, &k->group, &x->caching.name, k->vector, k->count, x->caching.until_ms) != E_OK)
        return; /* it is found by its exact words alone */
}

/* One that was sent is counted at its worst by whoever closes the books of the call. */
void alike_leave(struct exchange *x)
{
    const struct alike *k = &x->alike;
    const int64_t nothing[UNIT_COUNT] = { 0 };
    if (k->bill && x->routing.bill == k->bill && !(x->side.call && x->side.sent))
        bill_close(x, k->bill, 0, nothing, false, SPAN("embedding: the call ended before it was asked for"));
}

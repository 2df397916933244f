/* SPDX-License-Identifier: Apache-2.0
 * credential.c - see credential.h. Of two drawn at random the one with less under way is taken: nearly as even as asking all of them,
 * and no worker has to agree with another. */
#include "flow/credential.h"

#include <string.h>

enum { CHOICES_MOST = 32 };

struct choices {
    const struct credential *list[CHOICES_MOST];
    size_t count;
};

static bool is_meant(const struct credential *c, const struct upstream *u, struct span name)
{
    return c->upstream == u && !c->disabled && (!name.at || span_is(c->name, name));
}

static void gather(const struct key *k, const struct upstream *u, struct health *h, struct span name, struct choices *out, struct span *refused)
{
    out->count = 0;
    *refused = SPAN_NONE;
    for (size_t i = 0; i < k->credential_count && out->count < CHOICES_MOST; i++) {
        const struct credential *c = k->credentials[i];
        if (!is_meant(c, u, name))
            continue;
        if (h && health_credential_refused(h, u->vendor.slug, c->name, c->mark))
            *refused = c->name;
        else
            out->list[out->count++] = c;
    }
}

/* Members of a body that name what the vendor keeps in one account: another account does not know it. A quote inside of a JSON string
 * has a backslash before it, so these are never a caller's text. */
static bool names_an_account(struct span body)
{
    static const char *const members[] = { "\"previous_response_id\"", "\"conversation\"", "\"file_id\"", "\"file_ids\"", "\"vector_store_ids\"",
        "\"container\"", "\"cachedContent\"", "\"cached_content\"", "\"fileUri\"", "\"file_uri\"" };
    for (size_t i = 0; body.len && i < sizeof(members) / sizeof(*members); i++)
        if (memmem(body.at, body.len, members[i], strlen(members[i])))
            return true;
    return false;
}

/* Those that are left alone go last: when there are no others. */
static void spare_the_failing(struct choices *among, struct health *h, const struct credential_wish *w)
{
    struct choices well = { .count = 0 };
    int64_t until;
    for (size_t i = 0; h && w->rule && i < among->count; i++) {
        const struct credential *c = among->list[i];
        if (health_look(health_find(h, c->upstream->vendor.slug, c->name, w->model, w->region), w->rule, w->now_ms, &until) != BREAKER_OPEN)
            well.list[well.count++] = c;
    }
    if (well.count)
        *among = well;
}

/* Where one leaves, only those that stuck to it move: each takes the one that weighs most with it. */
static const struct credential *stick(const struct choices *among, uint64_t to)
{
    const struct credential *best = NULL;
    uint64_t most = 0;
    for (size_t i = 0; i < among->count; i++) {
        uint64_t weight = span_hash(among->list[i]->name, to);
        if (best && weight <= most)
            continue;
        best = among->list[i];
        most = weight;
    }
    return best;
}

static int64_t load_of(const struct credential *c, struct health *h, const struct credential_wish *w)
{
    return !h ? 0 : health_in_flight(health_find(h, c->upstream->vendor.slug, c->name, w->model, w->region));
}

static const struct credential *draw(const struct choices *among, struct health *h, const struct credential_wish *w)
{
    size_t first = (size_t)(w->dice % among->count), step = 1 + (size_t)((w->dice >> 32) % (among->count - 1));
    const struct credential *a = among->list[first], *b = among->list[(first + step) % among->count];
    return load_of(b, h, w) < load_of(a, h, w) ? b : a;
}

const struct credential *key_credential_turn(const struct key *k, const struct upstream *u, struct health *h, const struct credential_wish *w, struct span *refused)
{
    struct choices among;
    gather(k, u, h, w->name, &among, refused);
    if (!among.count)
        return NULL;
    if (among.count == 1 || !k->rotate || !u->llm || !w->turns || names_an_account(w->body))
        return among.list[0];
    spare_the_failing(&among, h, w);
    if (among.count == 1)
        return among.list[0];
    return w->sticky ? stick(&among, w->dice) : draw(&among, h, w);
}

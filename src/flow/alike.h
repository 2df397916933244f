/* SPDX-License-Identifier: Apache-2.0
 * alike.h - the semantic cache: an answer to a question that was asked in other words.
 *
 * Only of a call whose exact entry is not there, where the rule in force says `semantic`. What is compared is the last turn's text;
 * everything else of the two calls is the same. The text's vector is asked of a vendor that the key may use, as a request of its own inside
 * the call (alike_embed.c): reserved before it is sent, settled by what it used, in the row as an attempt. Whatever goes wrong with that is
 * told (x-tollgate-cache-reason), and the call goes on to its vendor. Inside flow/ only. */
#ifndef TG_FLOW_ALIKE_H
#define TG_FLOW_ALIKE_H

#include "cache/similar.h"
#include "cache/texts.h"
#include "config/snapshot.h"
#include "ledger/ledger.h"
#include "flow/routing.h"
#include "rules/facts.h"

struct exchange;
struct bill;

enum {
    ALIKE_TEXT_MOST = 24 << 10,  /* bytes of a last turn that is compared: some 8,000 tokens, what embedding models take */
    ALIKE_PATIENCE_MS = 2000,    /* the longest that an embedding is waited for */
    ALIKE_LOOKS_MOST = 3         /* entries found that turn out to be gone */
};

enum alike_stage { ALIKE_UNTRIED, ALIKE_ASKING, ALIKE_LOOKING, ALIKE_OVER };

struct alike {
    enum alike_stage stage;
    /* who embeds */
    const struct upstream *upstream;
    const struct credential *credential;
    const struct operation *operation;
    struct span model, token;
    const struct price *price;
    struct bill *bill;       /* its own facts and accounts; NULL: nothing was held */
    struct digest group, text_name;
    struct span text;
    int16_t *vector;
    size_t count;            /* of its components; 0: it is not known */
    int64_t since_ns;
    int looks;
    struct similar_found found;
    bool hit;
    struct span why;         /* why nothing could be compared; SPAN_NONE: it could */
};

/* From finish's `keep`: the vector of what was kept is found from now on. */
void alike_keep(struct exchange *x);
/* From finish's `settle`, first of all: a request that is under way is broken off and counted. */
void alike_leave(struct exchange *x);

/* For the answer's head: "0.973" of a hit, and why nothing could be compared; SPAN_NONE: nothing to say. */
struct span alike_score(struct exchange *x);
struct span alike_reason(struct exchange *x);

/* alike_embed.c: NEXT: x->alike.count says whether there is a vector, .why why not; WAIT. Never STOP. */
enum next embed_text(struct exchange *x);
/* Who it would be; false: nobody, .why. */
bool find_embedder(struct exchange *x);
#endif

/* SPDX-License-Identifier: Apache-2.0
 * large.c - bodies beyond what a change may have: vendors' invoices. Each stands in memory whole until it is answered, so only a few do at
 * a time, and none of a token that has one under way: asked when the head is there, before the first byte is kept. */
#include "admin/inside.h"

bool large_begin(struct visit *v)
{
    const struct http_head *h = http_request_head(v->request);
    struct large_body *place = NULL;
    if (!h->chunked && h->length <= VISIT_BODY)
        return true;
    for (size_t i = 0; i < LARGE_BODIES; i++) {
        struct large_body *at = &v->admin->large[i];
        if (!at->taken)
            place = at;
        else if (memcmp(&at->token, &v->actor.hash, sizeof(at->token)) == 0) {
            reply_problem(v, E_OVERLOADED, NULL, "a body of over %d MiB of this token is under way; allowed: one at a time", VISIT_BODY >> 20);
            return false;
        }
    }
    if (!place) {
        reply_problem(v, E_OVERLOADED, NULL, "%d bodies of over %d MiB are under way; ask again in a moment", LARGE_BODIES, VISIT_BODY >> 20);
        return false;
    }
    *place = (struct large_body){ true, v->actor.hash };
    v->large = place;
    v->body.ceiling = VISIT_INVOICE;
    return true;
}

void large_end(struct visit *v)
{
    if (v->large)
        v->large->taken = false;
    v->large = NULL;
}

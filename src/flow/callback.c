/* SPDX-License-Identifier: Apache-2.0
 * callback.c - see callback.h. */
#include "flow/callback.h"

#include "base/digest.h"
#include "base/text.h"
#include "flow/steps.h"
#include "rules/call_id.h"

enum { AGENTS_MOST = 2000, TICKET_MOST = 4096 };

/* ---- the ticket: which call, and where the agent wanted it ---- */

static struct span bound_to(struct arena *a, uint64_t call)
{
    return arena_print(a, "callback %llu", (unsigned long long)call);
}

static void put_ticket(struct exchange *x, struct buf *b, struct span agents)
{
    struct buf sealed;
    buf_print(b, "?call=%s", x->id_text);
    if (!agents.len)
        return;
    buf_init(&sealed, TICKET_MOST);
    seal(&sealed, x->snapshot->keep_key.bytes, bound_to(&x->arena, x->id), agents);
    buf_put(b, SPAN("&to="));
    buf_put_hex(b, buf_span(&sealed));
    b->broken = b->broken || sealed.broken;
    buf_free(&sealed);
}

static struct span value_of(struct span query, struct span name)
{
    struct span rest = query, piece, key;
    while (rest.at && rest.len && span_next(&rest, '&', &piece))
        if (span_cut(&piece, '=', &key) && span_is(key, name))
            return piece;
    return SPAN_NONE;
}

bool callback_read(const struct snapshot *s, struct span query, struct arena *a, uint64_t *call, struct span *agents)
{
    struct span id = value_of(query, SPAN("call")), hex = value_of(query, SPAN("to"));
    struct buf plain;
    *call = 0;
    *agents = SPAN_NONE;
    if (!id.at)
        return !hex.at;
    if (!call_id_parse(id, call))
        return false;
    if (!hex.at)
        return true;
    size_t len = hex.len / 2;
    uint8_t *sealed = len && len <= TICKET_MOST ? arena_take(a, len) : NULL;
    if (!sealed || !text_hex_decode(hex, sealed, len))
        return false;
    buf_init(&plain, AGENTS_MOST);
    bool ours = unseal(&plain, s->keep_key.bytes, bound_to(a, *call), span_make((const char *)sealed, len));
    if (ours)
        *agents = arena_copy(a, buf_span(&plain));
    buf_free(&plain);
    return ours;
}

/* ---- the parameter ---- */

static void put_address(struct exchange *x, struct buf *b, struct span agents)
{
    const struct snapshot *s = x->snapshot;
    buf_print(b, "%.*s/hooks/%.*s/%.*s", SPAN_ARG(s->settings.public_url), SPAN_ARG(x->facts.vendor),
        SPAN_ARG(x->deciding.credential->name));
    put_ticket(x, b, agents);
}

/* The canonical form with one parameter replaced: names and values stand in it in one spelling only. */
static void replace(struct exchange *x, struct span name, struct buf *out)
{
    struct span rest = x->deciding.body, piece, agents = SPAN_NONE;
    struct buf address;
    while (rest.at && rest.len && span_next(&rest, '&', &piece)) {
        struct span value = piece, key = piece;
        (void)span_cut(&value, '=', &key);
        if (span_is(key, name)) {
            agents = text_percent_decode(value, true, &x->arena);
            continue;
        }
        buf_put(out, piece);
        buf_put_byte(out, '&');
    }
    buf_init(&address, AGENTS_MOST + TICKET_MOST);
    put_address(x, &address, span_first(agents, AGENTS_MOST));
    buf_put(out, name);
    buf_put_byte(out, '=');
    buf_put_percent(out, buf_span(&address), SPAN_NONE);
    out->broken = out->broken || address.broken;
    buf_free(&address);
}

struct span callback_dress(struct exchange *x)
{
    const struct operation *op = operation_of(x);
    if (!x->snapshot->settings.public_url.at || op->body != BODY_FORM || is_llm(x))
        return x->deciding.body;
    struct span name = vendor_callback_parameter(&x->deciding.upstream->vendor, op);
    if (!name.at)
        return x->deciding.body;
    buf_clear(&x->desk->scratch);
    replace(x, name, &x->desk->scratch);
    return x->desk->scratch.broken ? SPAN_NONE : arena_copy(&x->arena, buf_span(&x->desk->scratch));
}

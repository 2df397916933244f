/* SPDX-License-Identifier: Apache-2.0
 * capture.c - see capture.h. What is kept is the call as its caller saw it: the request as it was sent, the answer as it was told, in the
 * caller's dialect; a few fields of both heads, none of which can hold a secret.
 *
 * Searching, sealing and writing are the scribe's (flow/scribe.h); here bytes are only copied. */
#include "flow/capture.h"

#include <stdlib.h>

#include "base/raw.h"
#include "flow/scribe.h"
#include "flow/steps.h"

enum { BEYOND = 4096 /* bytes gathered past the limit, so that what stands across it is found before it is cut */, HEADS_MOST = 256 << 10 };

/* ---- whether ---- */

bool do_not_track(const struct exchange *x)
{
    const struct http_head *h = x->asking.head;
    struct span ours = span_trim(http_get(h, SPAN("x-tollgate-do-not-track"))), redact = http_get(h, SPAN("x-litellm-enable-message-redaction"));
    bool off = span_is_nocase(ours, SPAN("false")) || span_is(ours, SPAN("0"));
    return (ours.len && !off) || http_count(h, SPAN("x-tollgate-do-not-track")) > 1 || x->portkey.unkept || span_is_nocase(redact, SPAN("true"));
}

/* A call and those made for its sake: the same dice. */
static bool drawn(const struct exchange *x, const struct capture_rule *rule)
{
    uint64_t n = x->mirror_of ? x->mirror_of : x->id;
    n = (n ^ (n >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    n = (n ^ (n >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return (n ^ (n >> 33)) % 10000 < (uint64_t)rule->sample;
}

static enum next bad_word(struct exchange *x, struct span said)
{
    return fail(x, E_BAD_REQUEST, "x-tollgate-capture: found \"%.*s\"; allowed: on, off", SPAN_ARG(span_first(said, 60)));
}

enum next capture_begin(struct exchange *x)
{
    struct capturing *c = &x->capture;
    const struct capture_rule *rule = x->deciding.key->capture;
    if (!rule || !x->desk->scribe)
        return NEXT;
    struct span said = span_trim(http_get(x->asking.head, SPAN("x-tollgate-capture")));
    bool on = span_is(said, SPAN("on"));
    if ((said.len && !on && !span_is(said, SPAN("off"))) || http_count(x->asking.head, SPAN("x-tollgate-capture")) > 1)
        return bad_word(x, said);
    if ((said.len && !on) || (rule->by_call ? !on : !drawn(x, rule)))
        return NEXT;
    if (do_not_track(x)) {
        scribe_count_untracked(x->desk->scribe);
        return NEXT;
    }
    c->rule = rule;
    c->asked = true;
    c->hears = rule->response;
    buf_init(&c->heard, (size_t)rule->limit + BEYOND);
    return NEXT;
}

/* "store": false, by which a model's caller asks its vendor to keep nothing. */
static bool says_store_off(struct exchange *x, struct span body)
{
    struct span value = is_llm(x) || x->speaking.front ? raw_member(span_trim(body), SPAN("store"), &x->arena) : SPAN_NONE;
    return span_is(value, SPAN("false"));
}

/* ---- while it passes ---- */

static void give_up(struct exchange *x)
{
    struct capturing *c = &x->capture;
    if (!c->full)
        scribe_count_skipped(x->desk->scribe);
    c->full = true;
    c->hears = false;
    capture_free(x);
}

void capture_gather(struct exchange *x, struct span bytes)
{
    struct capturing *c = &x->capture;
    size_t room = c->heard.ceiling - c->heard.len;
    struct span some = span_first(bytes, room);
    c->truncated = c->truncated || some.len < bytes.len;
    if (!some.len)
        return;
    if (!scribe_charge(x->desk->scribe, some.len)) {
        give_up(x);
        return;
    }
    size_t before = c->heard.len;
    buf_put(&c->heard, some);
    if (c->heard.len == before) { /* no memory */
        scribe_return(x->desk->scribe, some.len);
        give_up(x);
    }
}

void capture_free(struct exchange *x)
{
    struct capturing *c = &x->capture;
    if (c->heard.len)
        scribe_return(x->desk->scribe, c->heard.len);
    if (c->heard.at)
        secret_wipe(c->heard.at, c->heard.len);
    buf_free(&c->heard);
}

/* ---- when it is over ---- */

static const char *const asked_fields[] = { "accept", "accept-language", "anthropic-beta", "anthropic-version", "content-type", "openai-beta", "stripe-version",
    "user-agent", "x-agent-run-id", "x-agent-step", NULL };
static const char *const told_fields[] = { "content-encoding", "content-type", "openai-processing-ms", "request-id", "retry-after", "x-request-id", NULL };

static void copy_fields(struct captured *c, const struct http_field *fields, size_t count, const char *const names[], struct content_side *side)
{
    side->fields = ARENA_ARRAY(&c->arena, struct http_field, 16);
    for (size_t i = 0; side->fields && i < count; i++) {
        for (size_t n = 0; names[n] && side->count < 16; n++) {
            if (!span_is_nocase(fields[i].name, span_of(names[n])))
                continue;
            side->fields[side->count].name = span_of(names[n]);
            side->fields[side->count++].value = arena_copy(&c->arena, fields[i].value);
        }
    }
}

/* As its caller sent it, whatever it was turned into. */
static struct span said(const struct exchange *x) { return x->routing.kept_original ? buf_span(&x->routing.original) : cached_said(x); }

/* Up to the limit and a little, charged. */
static bool copy_body(struct exchange *x, struct captured *c, struct span body, struct buf *out, struct content_side *side)
{
    struct span some = span_first(body, (size_t)c->rule->limit + BEYOND);
    if (!scribe_charge(x->desk->scribe, some.len))
        return false;
    c->charged += some.len;
    buf_put(out, some);
    side->truncated = some.len < body.len;
    return out->len == some.len;
}

static bool take_request(struct exchange *x, struct captured *c)
{
    struct content_side *side = &c->content.request;
    copy_fields(c, x->asking.head->fields, x->asking.head->count, asked_fields, side);
    if (!c->rule->request)
        side->missing = SPAN("requests are not kept here");
    else if (x->asking.opaque)
        side->missing = SPAN("it passed through unread");
    else
        return copy_body(x, c, said(x), &c->request, side);
    return true;
}

static bool take_response(struct exchange *x, struct captured *c)
{
    struct capturing *k = &x->capture;
    struct content_side *side = &c->content.response;
    side->status = x->answering.status;
    copy_fields(c, x->answering.fields, x->answering.field_count, told_fields, side);
    if (!c->rule->response)
        side->missing = SPAN("answers are not kept here");
    else if (x->realtime)
        side->missing = SPAN("a realtime session");
    else if (x->fault != E_OK && !x->answering.began)
        side->missing = SPAN("there was none: the call was refused, or failed"); /* the row says why */
    else if (!x->answering.began && result_links_expected(x))
        side->missing = SPAN("it has links to results, which nobody else may follow");
    else if (!x->answering.began && x->caller)
        return copy_body(x, c, buf_span(&x->answering.body), &c->response, side);
    else {
        side->streamed = true;
        side->truncated = k->truncated;
        c->response = k->heard; /* with what was charged for it */
        c->charged += k->heard.len;
        buf_init(&k->heard, 0);
        if (!c->response.len && x->answering.mode == RELAY_HOLD) /* a mirror's, which nobody was told */
            return copy_body(x, c, buf_span(&x->answering.body), &c->response, side);
    }
    return true;
}

static struct captured *captured_new(struct exchange *x)
{
    struct captured *c = calloc(1, sizeof(*c));
    const struct capture_rule *rule = x->capture.rule;
    if (!c)
        return NULL;
    list_init(&c->link);
    arena_init(&c->arena, HEADS_MOST);
    buf_init(&c->request, (size_t)rule->limit + BEYOND);
    buf_init(&c->response, (size_t)rule->limit + BEYOND);
    c->snapshot = snapshot_keep(x->snapshot);
    c->rule = rule;
    c->call = x->id;
    c->at = x->times.began_ms;
    c->workspace = arena_copy(&c->arena, x->facts.workspace);
    c->key = arena_copy(&c->arena, x->facts.key_id);
    c->run = arena_copy(&c->arena, x->facts.run);
    c->user = arena_copy(&c->arena, x->facts.user);
    c->content.method = arena_copy(&c->arena, x->asking.head->method);
    c->content.path = arena_copy(&c->arena, span_first(x->asking.path, 1024));
    return c;
}

/* Its row says whether that worked: so before it is written. */
enum next capture_end(struct exchange *x)
{
    struct capturing *k = &x->capture;
    if (!k->rule || k->full || k->taken)
        return NEXT;
    if (says_store_off(x, said(x))) {
        scribe_count_untracked(x->desk->scribe);
        k->asked = false;
        capture_free(x);
        return NEXT;
    }
    struct captured *c = captured_new(x);
    if (c && take_request(x, c) && take_response(x, c) && !c->arena.broken) {
        k->taken = scribe_take(x->desk->scribe, c);
        c = NULL;
    }
    if (!k->taken)
        give_up(x);
    if (c)
        captured_free(x->desk->scribe, c);
    return NEXT;
}

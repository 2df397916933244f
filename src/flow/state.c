/* SPDX-License-Identifier: Apache-2.0
 * state.c - see state.h. It stands where the answers of idempotent calls stand (flow/repeats.h), under a name made of the key and the
 * answer's id: so it is looked up without blocking, sealed, and forgotten in time. */
#include "flow/state.h"

#include "base/log.h"
#include "base/text.h"
#include "dialect/openai_responses_state.h"
#include "flow/kept.h"
#include "flow/local.h"
#include "flow/steps.h"

enum { NEWS_MS = 1000, WAIT_MS = 10 * 1000, KEPT_STATUS = 200, DELETED_STATUS = 410 };

static bool is_responses(const struct exchange *x)
{
    return x->speaking.dialect && span_is(span_of(x->speaking.dialect->name), SPAN("openai_responses"));
}

bool state_wanted(const struct exchange *x, int store)
{
    return is_responses(x) && store != 0 && x->snapshot->settings.answers_ms > 0;
}

static struct digest state_name(struct exchange *x, struct span id)
{
    return digest_sha256(arena_print(&x->arena, "response:%.*s:%.*s", SPAN_ARG(x->facts.key_id), SPAN_ARG(id)));
}

/* Every state answers the same question. */
static struct digest state_question(void) { return digest_sha256(SPAN("response")); }

static enum next none_kept(struct exchange *x, struct span id)
{
    return fail(x, E_NOT_FOUND, "no answer \"%.*s\" of this key is kept (\"store\": false, deleted, another vendor's, or too long ago)",
        SPAN_ARG(span_first(id, 100)));
}

static enum next wait_for_store(struct exchange *x)
{
    const struct world *w = x->desk->world;
    if ((w->monotonic_ns(w->self) - x->times.began_ns) / 1000000 > WAIT_MS)
        return fail(x, E_LEDGER_UNAVAILABLE, "what was answered before cannot be looked up now; nothing was forwarded");
    w->await_news(w->self, x, NEWS_MS);
    return WAIT;
}

/* What is kept under this id, into x->speaking.state, with slack behind it. */
static enum next find_state(struct exchange *x, struct span id)
{
    struct span sealed = SPAN_NONE;
    struct kept_answer kept;
    struct digest name = state_name(x, id), question = state_question();
    uint64_t of = 0;
    switch (repeats_enter(x->desk->repeats, &name, &question, x->id, x->desk->index, &x->arena, &sealed, &of)) {
    case REPEAT_WAIT:
        return wait_for_store(x);
    case REPEAT_GO: /* nobody said it: the name is free again */
        repeats_drop(x->desk->repeats, &name, x->desk->index, 0);
        return none_kept(x, id);
    case REPEAT_KEPT:
        break;
    default:
        return fail(x, E_LEDGER_UNAVAILABLE, "what was answered before cannot be read; nothing was forwarded");
    }
    if (!kept_open(x->snapshot, &name, sealed, &x->arena, &kept))
        return fail(x, E_LEDGER_UNAVAILABLE, "the conversation that was kept cannot be opened (has the master key changed?); nothing was forwarded");
    if (kept.status != KEPT_STATUS)
        return none_kept(x, id);
    char *padded = arena_take(&x->arena, kept.body.len + BUF_SLACK);
    if (!padded)
        return fail(x, E_TOO_LARGE, "this call needs more memory than a call may have");
    memcpy(padded, kept.body.at, kept.body.len);
    x->speaking.state = span_make(padded, kept.body.len);
    return NEXT;
}

static enum next go_on(struct exchange *x)
{
    struct buf body;
    buf_init(&body, x->asking.body.ceiling);
    enum err e = responses_continue(x->desk->json, buf_span(&x->asking.body), x->speaking.state, &x->arena, &body);
    if (e != E_OK || body.broken) {
        buf_free(&body);
        return fail(x, E_TOO_LARGE, "the conversation that previous_response_id names is too long to be sent again");
    }
    buf_free(&x->asking.body);
    x->asking.body = body;
    return NEXT;
}

/* The body was read before, to find the vendor: its grammar is right. */
static struct span previous_id(struct exchange *x)
{
    return raw_text(raw_member(buf_span(&x->asking.body), SPAN("previous_response_id"), &x->arena), &x->arena);
}

enum next state_continue(struct exchange *x)
{
    if (!is_responses(x) || x->speaking.state.at)
        return NEXT;
    struct span id = previous_id(x);
    if (!id.len)
        return NEXT;
    enum next next = find_state(x, id);
    x->speaking.previous = raw_quote(id, &x->arena);
    return next == NEXT ? go_on(x) : next;
}

/* ---- what was said now ---- */

static void keep_sealed(struct exchange *x, const struct digest *name, int status, struct span text)
{
    const struct world *w = x->desk->world;
    const struct kept_answer answer = { status, NULL, 0, text };
    struct digest question = state_question();
    struct span sealed = kept_seal(x->snapshot, name, &answer, &x->arena);
    char *bytes = sealed.at ? arena_take(&x->arena, DIGEST_LEN + sealed.len) : NULL;
    if (!bytes)
        return;
    memcpy(bytes, question.bytes, DIGEST_LEN);
    memcpy(bytes + DIGEST_LEN, sealed.at, sealed.len);
    struct journal_note note = { .what = NOTE_ANSWER, .call = x->id, .at = x->times.began_ms,
        .until = x->times.began_ms + x->snapshot->settings.answers_ms,
        .name = span_make((const char *)name->bytes, DIGEST_LEN), .bytes = span_make(bytes, DIGEST_LEN + sealed.len) };
    if (w->put_note(w->self, &note) != E_OK) {
        log_warn("flow", "the conversation of call %s cannot be kept: it cannot be gone on with", x->id_text);
        return;
    }
    repeats_keep(x->desk->repeats, name, &question, x->id, span_make(bytes + DIGEST_LEN, sealed.len), x->desk->index, w->written(w->self));
}

void state_keep(struct exchange *x, struct span response)
{
    struct buf text;
    struct digest name = state_name(x, responses_id(x->desk->json, response, &x->arena));
    buf_init(&text, RESPONSES_STATE_MOST);
    if (responses_remember(x->desk->json, buf_span(&x->speaking.said), response, &x->arena, &text) == E_OK && !text.broken)
        keep_sealed(x, &name, KEPT_STATUS, buf_span(&text));
    else
        log_warn("flow", "the conversation of call %s is too long to be kept: it cannot be gone on with", x->id_text);
    buf_free(&text);
}

/* ---- what is asked of it later ---- */

static struct span query_value(struct exchange *x, struct span name)
{
    struct span rest = x->asking.query, piece, key;
    while (rest.len && span_next(&rest, '&', &piece))
        if (span_cut(&piece, '=', &key) && span_is(key, name))
            return text_percent_decode(piece, true, &x->arena);
    return SPAN_NONE;
}

static enum err write_items(struct exchange *x)
{
    struct responses_page page = { .after = query_value(x, SPAN("after")), .oldest_first = span_is(query_value(x, SPAN("order")), SPAN("asc")) };
    struct span limit = query_value(x, SPAN("limit"));
    if (limit.len && (!span_to_i64(limit, &page.limit) || page.limit < 1 || page.limit > 100))
        return E_BAD_REQUEST;
    return responses_input_items(x->desk->json, x->speaking.state, &page, &x->arena, &x->answering.body);
}

/* What was said is gone; that there was something stays, so that the name is not given again. */
static void delete_state(struct exchange *x, struct span id)
{
    struct digest name = state_name(x, id);
    keep_sealed(x, &name, DELETED_STATUS, SPAN(""));
    responses_deleted(id, &x->answering.body);
}

enum next state_answer(struct exchange *x)
{
    const struct front *f = x->speaking.front;
    struct span id = arena_print(&x->arena, "resp_call_%.*s", SPAN_ARG(x->speaking.model_in_path));
    enum err e = E_OK;
    x->facts.operation = SPAN("responses.kept");
    if (may_come(x) == STOP)
        return STOP;
    enum next next = find_state(x, id);
    if (next != NEXT)
        return next;
    if (span_is(x->asking.head->method, SPAN("DELETE")))
        delete_state(x, id);
    else if (*f->end)
        e = write_items(x);
    else
        e = responses_retrieve(x->desk->json, x->speaking.state, &x->arena, &x->answering.body);
    return e == E_OK ? answer_local(x) : fail(x, e, "limit: a whole number from 1 to 100 is expected; after: the id of an item");
}

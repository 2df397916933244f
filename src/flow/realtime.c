/* SPDX-License-Identifier: Apache-2.0
 * realtime.c - the life of a realtime session, from the vendor's 101 to the close; read it from the top.
 *
 * The steps before are those of any call: key, policy, price, hold, secret. Then events pass one by one, each only while the other side
 * takes bytes. A caller's event that may start a response passes when the hold covers that response at its dearest; the vendor's own
 * account of each response is what is charged. Whoever leaves, whatever breaks, finish writes one row.
 *
 * Next to read: realtime_handshake.c (the beginning), realtime_books.c (the money). */
#include "flow/realtime.h"

#include "flow/steps.h"
#include "flow/veil.h"

enum {
    NORMAL = 1000, GOING_AWAY = 1001, NO_STATUS = 1005, POLICY = 1008, TOO_BIG = 1009, BROKEN = 1011,
    PING_MS = 15 * 1000,  /* at least: of a connection that is silent */
    LEAVE_MS = 10 * 1000, /* how long the end of a response under way is waited for without its caller */
    NOTE_MOST = 1024,
};

static int64_t now_ns(const struct exchange *x) { return x->desk->world->monotonic_ns(x->desk->world->self); }

/* ---- the end of it ---- */

/* The caller hears why at once; what is under way goes on to its end, and is charged; then the session is over. */
static void begin_to_close(struct exchange *x, enum err why, struct span text, struct span event)
{
    struct realtime *s = x->realtime;
    if (s->closing)
        return;
    s->closing = true;
    s->code = why == E_OVERLOADED || why == E_LEDGER_UNAVAILABLE ? BROKEN : POLICY;
    x->fault = why;
    x->why = arena_copy(&x->arena, text);
    buf_clear(&x->desk->scratch);
    realtime_write_error(&x->desk->scratch, err_code(why), text, event);
    if (x->caller)
        websocket_send(s->near, buf_span(&x->desk->scratch));
    s->told = true;
    websocket_send(s->far, realtime_be_quiet(s->beta));
}

static void caller_leaves(struct exchange *x)
{
    struct realtime *s = x->realtime;
    if (s->left)
        return;
    s->left = true;
    s->left_ns = now_ns(x);
    if (s->books.under_way > 0)
        websocket_send(s->far, SPAN("{\"type\":\"response.cancel\"}"));
    websocket_send(s->far, realtime_be_quiet(s->beta));
}

static bool nothing_is_awaited(const struct exchange *x)
{
    const struct realtime *s = x->realtime;
    return (s->closing || s->left) && (s->books.under_way == 0 || (s->left_ns && now_ns(x) - s->left_ns > LEAVE_MS * INT64_C(1000000)));
}

static enum next over(struct exchange *x)
{
    x->answering.ended = true;
    x->times.upstream_end_ns = now_ns(x);
    return x->fault == E_OK ? NEXT : STOP;
}

void realtime_close(struct exchange *x)
{
    struct realtime *s = x->realtime;
    const struct world *w = x->desk->world;
    if (x->fault != E_OK && !s->told) {
        buf_clear(&x->desk->scratch);
        realtime_write_error(&x->desk->scratch, err_code(x->fault), x->why, SPAN_NONE);
        websocket_send(s->near, buf_span(&x->desk->scratch));
    }
    if (!s->code)
        s->code = x->fault == E_OK ? NORMAL : x->fault == E_STOPPED || x->fault == E_KEY_REVOKED ? POLICY :
                  x->fault == E_DRAINING || x->fault == E_UPSTREAM_TIMEOUT ? GOING_AWAY : BROKEN;
    websocket_close(s->near, s->code, x->fault == E_OK ? SPAN("") : err_code(x->fault));
    w->reply_end(x->caller, NULL, 0);
}

void realtime_leave(struct exchange *x)
{
    if (realtime_open(x) && x->answering.call)
        websocket_close(x->realtime->far, NORMAL, SPAN(""));
}

void realtime_free(struct exchange *x)
{
    if (!x->realtime)
        return;
    websocket_free(x->realtime->near);
    websocket_free(x->realtime->far);
}

bool realtime_goes_on(const struct exchange *x) { return realtime_open(x) && x->realtime->books.under_way > 0; }

bool realtime_switched(const struct exchange *x) { return x->realtime && x->answering.head->status == 101; }

/* ---- an event of the caller's ---- */

static void refuse_event(struct exchange *x, enum err why, struct span text, struct span event)
{
    buf_clear(&x->desk->scratch);
    realtime_write_error(&x->desk->scratch, err_code(why), text, event);
    websocket_send(x->realtime->near, buf_span(&x->desk->scratch));
}

/* Another model than the one that was allowed and priced; or one that writes down what is heard, which must be both, too. */
static enum err check_models(struct exchange *x, const struct realtime_said *said, struct span *why)
{
    struct span own = x->facts.model;
    if (said->model.len && !span_is(said->model, own)) {
        *why = arena_print(&x->arena, "this session's model is %.*s; another one needs a session of its own", SPAN_ARG(span_first(own, 100)));
        return E_MODEL_DENIED;
    }
    if (!said->transcriber.len)
        return E_OK;
    x->facts.model = said->transcriber;
    enum err e = policy_model(x->deciding.key->policy, &x->facts, &x->arena, why);
    x->facts.model = own;
    if (e == E_OK && money_matters(x) && !price_of(x, said->transcriber)) {
        *why = SPAN("no price is known for this transcription model, and a money budget applies");
        e = E_PRICE_UNKNOWN;
    }
    return e;
}

/* Those that cost nothing and end something may still pass while the session closes. */
static bool passes_at_the_end(struct span type)
{
    return span_is(type, SPAN("response.cancel")) || span_is(type, SPAN("output_audio_buffer.clear"));
}

static void out_of_budget(struct exchange *x, const struct realtime_books *before, struct span event)
{
    x->realtime->books = *before;
    begin_to_close(x, E_BUDGET_EXCEEDED, SPAN("the next response of this session does not fit the budget; the one under way is finished, then the session is closed"), event);
}

static bool stopped(struct exchange *x)
{
    const struct world *w = x->desk->world;
    const struct stop *stop = stop_set_match(x->desk->stops, &x->facts, w->now_ms(w->self));
    if (stop)
        begin_to_close(x, stop->code, SPAN("an operator stopped this while the session was open"), SPAN_NONE);
    return stop != NULL;
}

/* What may not pass whatever it costs, is refused to the caller, and the session goes on. */
static bool may_pass(struct exchange *x, const struct realtime_said *said)
{
    struct arena_mark mark = arena_mark(&x->arena);
    struct span why = SPAN_NONE;
    enum err e = check_models(x, said, &why);
    if (e == E_OK && said->starts && x->realtime->books.under_way >= REALTIME_RESPONSES) {
        e = E_RATE_LIMITED;
        why = SPAN("too many responses are under way in this session");
    }
    if (e == E_OK)
        return true;
    refuse_event(x, e, why, said->id);
    arena_rewind(&x->arena, mark);
    return false;
}

/* WAIT: it waits for the disk, with what it may cost. */
static enum next send_on(struct exchange *x, struct span text)
{
    struct realtime *s = x->realtime;
    if (commit(x) == NEXT) {
        websocket_send(s->far, text);
        return NEXT;
    }
    if (x->fault != E_OK)
        return STOP;
    buf_clear(&x->asking.body); /* a handshake has no body: there is room in it */
    buf_put(&x->asking.body, text);
    s->waiting = buf_span(&x->asking.body);
    return x->asking.body.broken ? fail(x, E_TOO_LARGE, "an event is larger than limits.body_bytes") : WAIT;
}

static enum next pass_said(struct exchange *x, struct span text)
{
    struct realtime *s = x->realtime;
    struct realtime_said said;
    const char *unread = "";
    bool fits = false;
    enum err e = realtime_read_said(x->desk->json, text, &said, &unread);
    if (e != E_OK) {
        refuse_event(x, e, span_of(unread), SPAN_NONE);
        return NEXT;
    }
    if (s->closing || s->left || stopped(x)) {
        if (passes_at_the_end(said.type))
            websocket_send(s->far, text);
        return NEXT;
    }
    if (!may_pass(x, &said))
        return NEXT;
    struct realtime_books before = s->books;
    realtime_count_said(x, &said);
    if (realtime_cover(x, &fits) == STOP)
        return STOP;
    if (fits)
        return send_on(x, text);
    out_of_budget(x, &before, said.id);
    return NEXT;
}

static bool too_fast(struct exchange *x)
{
    struct realtime *s = x->realtime;
    int64_t second = now_ns(x) / INT64_C(1000000000);
    s->in_second = second == s->second ? s->in_second + 1 : 1;
    s->second = second;
    return s->in_second > REALTIME_A_SECOND;
}

/* Its end came, or it broke the rules of a WebSocket. */
static enum next caller_ended(struct exchange *x)
{
    struct realtime *s = x->realtime;
    unsigned broken = websocket_broken(s->near);
    if (broken && !s->closing) {
        s->told = true;
        s->code = broken;
        return fail(x, broken == TOO_BIG ? E_TOO_LARGE : E_BAD_REQUEST, "the caller broke the rules of its WebSocket: closed with %u", broken);
    }
    if (websocket_ended(s->near))
        caller_leaves(x);
    return NEXT;
}

/* NEXT: nothing more is there now. */
static enum next from_caller(struct exchange *x)
{
    struct realtime *s = x->realtime;
    const struct world *w = x->desk->world;
    struct span bytes;
    while (x->caller && !s->left && w->room(x->answering.call)) {
        if (s->waiting.at) { /* judged before; now its hold is on the platter */
            enum next next = commit(x);
            if (next != NEXT)
                return next;
            websocket_send(s->far, s->waiting);
            s->waiting = SPAN_NONE;
        }
        if (websocket_next(s->near, &bytes)) {
            if (too_fast(x)) {
                begin_to_close(x, E_RATE_LIMITED, SPAN("too many events within a second"), SPAN_NONE);
                return NEXT;
            }
            enum next next = pass_said(x, bytes);
            if (next != NEXT)
                return next;
            continue;
        }
        if (caller_ended(x) == STOP)
            return STOP;
        if (s->left)
            return NEXT;
        switch (w->read(x->caller, &bytes)) {
        case IO_BYTES:
            websocket_take(s->near, bytes);
            break;
        case IO_WAIT:
            return NEXT;
        default:
            return fail(x, w->read_fault(x->caller), "the caller's WebSocket fell silent");
        }
    }
    return NEXT;
}

/* ---- an event of the vendor's ---- */

static enum next pass_told(struct exchange *x, struct span text)
{
    struct realtime *s = x->realtime;
    struct realtime_told told;
    struct buf *out = &x->desk->scratch;
    bool fits = true;
    buf_clear(out);
    buf_put(out, text);
    veil_cover(x->answering.veil, out->at, out->len);
    if (out->broken || !realtime_read_told(x->desk->json, buf_span(out), &told))
        return fail(x, E_UPSTREAM_BROKEN, "%.*s sent what is no event", SPAN_ARG(x->facts.vendor));
    realtime_count_told(x, &told);
    if (x->caller && !s->left)
        websocket_send(s->near, buf_span(out));
    if (told.news == REALTIME_OTHER || s->closing || s->left)
        return NEXT;
    if (realtime_cover(x, &fits) == STOP)
        return STOP;
    if (!fits)
        begin_to_close(x, E_BUDGET_EXCEEDED, SPAN("the next response of this session does not fit the budget; the one under way is finished, then the session is closed"), SPAN_NONE);
    return NEXT;
}

/* With what it says of itself; a connection that just ends is one that broke. */
static enum next vendor_ended(struct exchange *x, enum io how)
{
    struct realtime *s = x->realtime;
    unsigned code = websocket_ended(s->far);
    if (code) {
        s->code = s->code ? s->code : code == NO_STATUS ? NORMAL : code >= 1015 && code < 3000 ? BROKEN : code;
        return over(x);
    }
    if (how == IO_WAIT && !websocket_broken(s->far))
        return NEXT;
    if (s->closing || s->left)
        return over(x);
    return fail(x, E_UPSTREAM_BROKEN, "%.*s broke off the session", SPAN_ARG(x->facts.vendor));
}

/* NEXT: nothing more is there now. */
static enum next from_vendor(struct exchange *x, bool *ended)
{
    struct realtime *s = x->realtime;
    const struct world *w = x->desk->world;
    struct span bytes;
    while (!x->caller || w->reply_room(x->caller)) {
        if (websocket_next(s->far, &bytes)) {
            if (pass_told(x, bytes) == STOP)
                return STOP;
            continue;
        }
        enum io got = IO_WAIT;
        if (!websocket_ended(s->far) && !websocket_broken(s->far))
            got = w->answer(x->answering.call, &bytes);
        if (got == IO_BYTES) {
            websocket_take(s->far, bytes);
            continue;
        }
        *ended = got != IO_WAIT || websocket_ended(s->far) || websocket_broken(s->far);
        return *ended ? vendor_ended(x, got) : NEXT;
    }
    return NEXT;
}

/* ---- the session ---- */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void keep_alive(struct exchange *x)
{
    struct realtime *s = x->realtime;
    const struct world *w = x->desk->world;
    const struct limits *limits = &x->snapshot->settings.limits;
    int64_t every_ms = least(PING_MS, least(limits->http.body_ms, x->deciding.upstream->deadlines.idle_ms) / 3 + 1);
    int64_t since_ms = (now_ns(x) - s->pinged_ns) / 1000000;
    if (since_ms >= every_ms) {
        s->pinged_ns = now_ns(x);
        since_ms = 0;
        if (x->caller)
            websocket_ping(s->near);
        websocket_ping(s->far);
    }
    w->await_news(w->self, x, s->left ? 500 : every_ms - since_ms);
}

enum next realtime_relay(struct exchange *x)
{
    bool ended = false;
    if (!realtime_open(x) && realtime_welcome(x) == STOP)
        return STOP;
    if (!x->caller)
        caller_leaves(x);
    enum next next = from_vendor(x, &ended);
    if (next == STOP || ended)
        return next;
    next = from_caller(x);
    if (next == STOP)
        return STOP;
    if (nothing_is_awaited(x))
        return over(x);
    if (next == NEXT)
        keep_alive(x);
    return WAIT;
}

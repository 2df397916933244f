/* SPDX-License-Identifier: Apache-2.0
 * world.c - the fake world: keeps the contracts of http/server.h, http/client.h and ledger/journal.h, or says who broke
 * them. */
#include <stdio.h>

#include "test/sim/sim.h"

static struct sim_call *call_of(void *at) { return at; }

static int64_t now_ms(void *self) { return ((struct sim *)self)->now_ms; }
static int64_t monotonic_ns(void *self) { return ((struct sim *)self)->now_ms * 1000000; }

/* ---- the caller ---- */

static enum io read_body(void *caller, struct span *bytes)
{
    struct sim_call *c = call_of(caller);
    if (c->hung_up || c->replied)
        sim_wrong(c->sim, "the body of a caller who is gone was read");
    if (c->body_given == c->body_len)
        return IO_END;
    if (c->body_breaks && c->body_given > c->body_len / 2)
        return IO_FAILED;
    if (sim_chance(c->sim, 40))
        return IO_WAIT;
    size_t run = 1 + sim_roll(c->sim, (uint32_t)(c->body_len - c->body_given));
    *bytes = span_make(c->body + c->body_given, run);
    c->body_given += run;
    return IO_BYTES;
}

static enum err read_fault(void *caller)
{
    (void)caller;
    return E_BAD_REQUEST;
}

static void reply_begins(struct sim_call *c, int status)
{
    if (c->hung_up || c->replied || c->head_sent)
        sim_wrong(c->sim, "a second head, or a head for a caller who is gone");
    if (status < 100 || status > 599)
        sim_wrong(c->sim, "a status that is none");
    c->head_sent = true;
    c->status = status;
}

static void note_type(struct sim_call *c, const struct http_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_is_nocase(fields[i].name, SPAN("content-type")))
            c->told_stream = span_starts(fields[i].value, SPAN("text/event-stream"));
    c->told_array = c->array && !c->told_stream && c->x.answering.mode == RELAY_EVENTS && c->x.answering.began;
}

static void reply(void *caller, int status, const struct http_field *fields, size_t count, struct span body)
{
    struct sim_call *c = call_of(caller);
    reply_begins(c, status);
    note_type(c, fields, count);
    buf_put(&c->told, body);
    c->reply_bytes += body.len;
    c->replied = true;
}

static void reply_head(void *caller, int status, const struct http_field *fields, size_t count, int64_t length)
{
    (void)length;
    reply_begins(call_of(caller), status);
    note_type(call_of(caller), fields, count);
}

static void reply_write(void *caller, struct span bytes)
{
    struct sim_call *c = call_of(caller);
    if (!c->head_sent || c->replied || c->hung_up)
        sim_wrong(c->sim, "bytes outside of a reply");
    c->reply_bytes += bytes.len;
    buf_put(&c->told, bytes);
}

static bool reply_room(void *caller) { return !sim_chance(call_of(caller)->sim, 20); }

static void reply_end(void *caller, const struct http_field *trailers, size_t count)
{
    struct sim_call *c = call_of(caller);
    (void)trailers, (void)count;
    if (!c->head_sent || c->replied || c->hung_up)
        sim_wrong(c->sim, "the end of a reply that is not under way");
    c->replied = true;
}

static void reply_cut(void *caller)
{
    struct sim_call *c = call_of(caller);
    if (c->replied || c->hung_up)
        sim_wrong(c->sim, "a reply was cut that is not under way");
    c->replied = c->cut = true;
}

/* ---- the vendor ---- */

static void *open_call(void *self, struct exchange *x, const struct http_origin *o, const struct http_deadlines *d)
{
    struct sim *s = self;
    struct sim_call *c = CONTAINER_OF(x, struct sim_call, x);
    struct sim_line *l = x->stage == ADMIT ? c->l : sim_next_line(c);
    (void)o, (void)d;
    if (!l)
        return NULL;
    if (l->open)
        sim_wrong(s, "a second connection while one is open");
    l->open = true;
    l->side = x->stage == ADMIT;
    l->side_given = 0;
    l->ready = l->was_sent = l->head_given = false;
    l->answer_given = 0;
    l->connect_in = (int)sim_roll(s, 3);
    l->request_whole = false;
    c->l = l;
    return l;
}

static enum io ready(void *call)
{
    struct sim_line *l = call;
    struct sim_call *c = l->call;
    if (!l->open)
        sim_wrong(c->sim, "a closed connection was asked");
    if (l->connect_in-- > 0)
        return IO_WAIT;
    if (l->connect_fails) {
        l->fault = E_UPSTREAM_UNREACHABLE;
        return IO_FAILED;
    }
    l->ready = true;
    return IO_BYTES;
}

/* The vendor keeps the answer of a key it has carried out, and gives it again. */
static bool seen_before(struct sim_line *l, struct span head)
{
    struct sim *s = l->call->sim;
    ptrdiff_t at = span_find(head, SPAN("idempotency-key: "));
    if (at < 0)
        return false;
    struct span key = span_from(head, (size_t)at + 17);
    key = span_first(key, (size_t)span_find(key, SPAN("\r\n")));
    for (size_t i = 0; i < s->key_count; i++)
        if (span_is(span_make(s->keys[i].text, s->keys[i].len), key))
            return true;
    if (l->vendor_refuses || s->key_count == SIM_SEATS)
        return false;
    struct sim_key *k = &s->keys[s->key_count++];
    k->len = key.len < sizeof(k->text) ? key.len : sizeof(k->text);
    memcpy(k->text, key.at, k->len);
    return false;
}

static void request_went(struct sim_line *l)
{
    struct sim_call *c = l->call;
    l->request_whole = true;
    l->answer_head.count = 1;
    for (size_t i = 0; i < l->more_count; i++)
        l->answer_fields[l->answer_head.count++] = l->more[i];
    if (l->replays && !l->falls)
        l->answer_fields[l->answer_head.count++] = (struct http_field){ SPAN("idempotent-replayed"), SPAN("true") };
    else if (!l->replays && l->charged == 0 && !l->vendor_refuses && !l->asks_price)
        l->charged = c->x.facts.worst[UNIT_USD]; /* the worst is the vendor's right */
}

/* An object that is read first: nothing of the call itself has gone out yet. */
static void send_side(struct sim_line *l, struct span head)
{
    struct sim *s = l->call->sim;
    if (!l->open || !l->ready || s->stopped)
        sim_wrong(s, "an object was read without a connection, or after a stop had returned");
    if (span_find(head, SPAN("tg_sim")) >= 0 || !span_starts(head, SPAN("GET /sales/")))
        sim_wrong(s, "our key went to the vendor, or something else than a read");
    bool a = span_starts(head, SPAN("GET /sales/sale_A"));
    l->side_len = (size_t)snprintf(l->side_answer, sizeof(l->side_answer), "{\"id\":\"sale_%c\",\"customer\":\"cus_%c\",\"left\":\"1.5\"}", a ? 'A' : 'B', a ? 'A' : 'B');
    l->side_head = (struct http_head){ .status = sim_chance(s, 10) ? 500 : 200, .fields = l->answer_fields, .count = 1, .length = -1, .minor = 1 };
}

static void send_call(void *call, struct span head, struct span body, bool chunked, bool last)
{
    struct sim_line *l = call;
    struct sim_call *c = l->call;
    (void)chunked;
    if (l->side) {
        send_side(l, head);
        return;
    }
    if (!l->open || !l->ready || l->was_sent)
        sim_wrong(c->sim, "sent without a connection, or twice");
    if (c->sim->stopped && !l->asks_price)
        sim_wrong(c->sim, "forwarded after a stop had returned");
    if (span_find(head, SPAN("tg_sim")) >= 0)
        sim_wrong(c->sim, "our key went to the vendor");
    if (!c->first && !c->x.charging.hold.open)
        sim_wrong(c->sim, "forwarded without a hold");
    if (!c->first && (c->x.facts.writes || (c->x.facts.moves_money && !is_llm(&c->x))) && !c->routed && c->holds != 1)
        sim_wrong(c->sim, "money moves that the journal does not know of");
    if (!c->first && c->x.facts.moves_money && !is_llm(&c->x) && !c->durable)
        sim_wrong(c->sim, "money moves before its hold is on the platter");
    l->replays = seen_before(l, head);
    if (l->replays && !c->x.answering.doubtful)
        sim_wrong(c->sim, "a duplicate reached the vendor");
    c->l = l;
    sim_check_sent(l);
    sim_check_again(l, head);
    l->was_sent = true;
    if (c->named)
        sim_hear_model(c, head, body);
    if (last)
        request_went(l);
}

static void write_call(void *call, struct span body, bool last)
{
    struct sim_line *l = call;
    (void)body;
    if (!l->was_sent || l->request_whole)
        sim_wrong(l->call->sim, "body bytes before the head or after the end");
    if (last)
        request_went(l);
}

static bool room(void *call) { return !sim_chance(((struct sim_line *)call)->call->sim, 20); }

/* So long that the gate gives up, or a little less. */
static bool sim_hangs(struct sim_line *l)
{
    enum { PATIENCE_MS = 3000 };
    int64_t now = l->call->sim->now_ms;
    if (!l->stalled_ms)
        l->stalled_ms = now;
    if (now - l->stalled_ms > PATIENCE_MS)
        l->fault = E_UPSTREAM_TIMEOUT;
    if (now - l->stalled_ms < l->hangs_ms || l->fault == E_UPSTREAM_TIMEOUT)
        return true;
    l->stalled_ms = l->hangs_ms = 0;
    return false;
}

static enum io answer_head(void *call, const struct http_head **head)
{
    struct sim_line *l = call;
    struct sim_call *c = l->call;
    if (l->side) {
        *head = &l->side_head;
        return sim_chance(c->sim, 10) ? IO_FAILED : sim_chance(c->sim, 40) ? IO_WAIT : IO_BYTES;
    }
    if (!l->was_sent)
        sim_wrong(c->sim, "an answer was awaited before anything was sent");
    if (!l->request_whole || l->answer_in-- > 0)
        return IO_WAIT;
    if (l->hangs_ms && sim_hangs(l))
        return l->fault == E_UPSTREAM_TIMEOUT ? IO_FAILED : IO_WAIT;
    if (l->breaks_before_head) {
        l->fault = sim_chance(c->sim, 50) ? E_UPSTREAM_BROKEN : E_UPSTREAM_TIMEOUT;
        return IO_FAILED;
    }
    l->head_given = true;
    *head = &l->answer_head;
    return IO_BYTES;
}

static enum io read_answer(void *call, struct span *bytes)
{
    struct sim_line *l = call;
    struct sim_call *c = l->call;
    if (l->side) {
        *bytes = span_make(l->side_answer + l->side_given, l->side_len - l->side_given);
        l->side_given = l->side_len;
        return bytes->len ? IO_BYTES : IO_END;
    }
    if (!l->head_given || !l->open)
        sim_wrong(c->sim, "an answer's body was read before its head");
    if (l->answer_breaks && l->answer_given >= l->answer_breaks_at) {
        l->fault = E_UPSTREAM_BROKEN;
        return IO_FAILED;
    }
    if (l->answer_given >= l->stalls_at && sim_stalls(l))
        return l->fault == E_UPSTREAM_TIMEOUT ? IO_FAILED : IO_WAIT;
    if (l->answer_given == l->answer_len) {
        l->ended = true;
        return IO_END;
    }
    if (sim_chance(c->sim, 40))
        return IO_WAIT;
    size_t run = 1 + sim_roll(c->sim, (uint32_t)(l->answer_len - l->answer_given));
    if (l->answer_given < l->stalls_at && run > l->stalls_at - l->answer_given)
        run = l->stalls_at - l->answer_given;
    *bytes = span_make(l->answer + l->answer_given, run);
    l->answer_given += run;
    return IO_BYTES;
}

static enum err fault(void *call) { return ((struct sim_line *)call)->fault; }
static bool sent(void *call) { return ((struct sim_line *)call)->was_sent; }
static bool reused(void *call)
{
    (void)call;
    return false;
}

static void close_call(void *call)
{
    struct sim_line *l = call;
    struct sim_call *c = l->call;
    if (!l->open)
        sim_wrong(c->sim, "a connection was closed twice");
    l->open = l->side = false;
}

/* ---- the books ---- */

static struct sim_account *account_of(struct sim *s, struct span name)
{
    struct sim_account *a = map_get(&s->accounts, name);
    if (a)
        return a;
    a = ARENA_NEW(&s->arena, struct sim_account);
    must(a && map_put(&s->accounts, arena_copy(&s->arena, name), a));
    return a;
}

/* What a restart would find of this call: its last hold, or its row. */
static void note_held(struct sim *s, struct sim_call *c, const struct journal_line *lines, size_t count)
{
    for (size_t i = 0; i < c->held_count; i++)
        account_of(s, c->held[i].account)->held -= c->held[i].held;
    c->held = ARENA_ARRAY(&s->arena, struct journal_line, count + 1);
    for (size_t i = 0; i < count; i++) {
        c->held[i] = lines[i];
        c->held[i].account = arena_copy(&s->arena, lines[i].account);
        account_of(s, lines[i].account)->held += lines[i].held;
    }
    c->held_count = count;
}

static enum err put_hold(void *self, const struct journal_hold *h)
{
    struct sim *s = self;
    for (size_t i = 0; i < s->count; i++) {
        struct sim_call *c = &s->calls[i];
        if (!c->begun || c->x.id != h->call)
            continue;
        if (sim_chance(s, 3))
            return E_LEDGER_UNAVAILABLE;
        if (h->again_held != (c->holds > 0))
            sim_wrong(s, "a hold that takes the place of none, or does not say that it takes another one's");
        c->holds++;
        note_held(s, c, h->lines, h->count);
        s->written++;
        return E_OK;
    }
    sim_wrong(s, "a hold of no call");
    return E_OK;
}

static void add_lines(struct sim *s, const struct journal_row *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct journal_line *line = &r->lines[i];
        struct sim_account *a = account_of(s, line->account);
        a->settled += line->real;
        a->doubt += line->kept ? line->held : r->kind == ROW_IS_SETTLEMENT ? -line->held : 0;
    }
}

/* A settlement takes the doubt away and says what was spent; once. */
static enum err put_settlement(struct sim *s, const struct journal_row *r)
{
    if (sim_chance(s, 5))
        return E_LEDGER_UNAVAILABLE;
    for (size_t i = 0; i < s->count; i++) {
        struct sim_call *c = &s->calls[i];
        if (!c->begun || c->x.id != r->of)
            continue;
        if (!c->rows)
            sim_wrong(s, "a settlement before its call's row");
        if ((!c->doubted && !c->late) || c->settlements++)
            sim_wrong(s, "a settlement of what is not in doubt, or a second one");
        c->told_late = c->late && r->cost != 0;
        c->row_doubt = 0;
        c->row_cost += r->cost;
        s->settled++;
        s->written++;
        add_lines(s, r);
        return E_OK;
    }
    sim_wrong(s, "a settlement of no call");
    return E_OK;
}

static enum err put_row(void *self, const struct journal_row *r)
{
    struct sim *s = self;
    if (r->kind == ROW_IS_SETTLEMENT)
        return put_settlement(s, r);
    for (size_t i = 0; i < s->count; i++) {
        struct sim_call *c = &s->calls[i];
        if (!c->begun || c->x.id != r->call)
            continue;
        c->rows++;
        s->written++;
        c->row_doubt = r->verdict == VERDICT_IN_DOUBT ? r->reserved : 0;
        c->verdict = r->verdict;
        add_lines(s, r);
        note_held(s, c, NULL, 0);
        c->late = r->late;
        c->row_cost = r->cost;
        if (c->replied)
            sim_wrong(s, "the caller had its last byte before the row was written");
        for (size_t line = 0; line < r->count; line++) /* this vendor never takes more than the worst */
            if (r->lines[line].real > r->lines[line].held)
                sim_wrong(s, "a call was settled for more than it held");
        if (c->routed)
            sim_check_routed(c, r);
        else
            sim_check_cost(c, r);
        if (r->held != (c->holds > 0))
            sim_wrong(s, "the row does not know its hold");
        return E_OK;
    }
    sim_wrong(s, "a row of no call");
    return E_OK;
}

static enum err put_note(void *self, const struct journal_note *n)
{
    struct sim *s = self;
    if (n->what == NOTE_ANSWER && n->name.len != DIGEST_LEN)
        sim_wrong(s, "an answer was kept under no key");
    bool fails = sim_chance(s, 3);
    sim_note_kept(s, n, fails);
    if (fails)
        return E_LEDGER_UNAVAILABLE;
    s->written++;
    return E_OK;
}

/* The store of this world is some records behind. */
static uint64_t applied(void *self, unsigned worker)
{
    struct sim *s = self;
    (void)worker;
    return s->written - sim_roll(s, 3) % (s->written + 1);
}

static uint64_t written(void *self) { return ((struct sim *)self)->written; }

static enum io synced(void *self, uint64_t position, unsigned long *asked)
{
    struct sim *s = self;
    if (position > s->written)
        sim_wrong(s, "a sync of what was never written");
    *asked = 1;
    if (sim_chance(s, 40))
        return IO_WAIT;
    if (sim_chance(s, 5))
        return IO_FAILED;
    for (size_t i = 0; i < s->count; i++)
        if (s->calls[i].begun && s->calls[i].x.charging.position == position)
            s->calls[i].durable = true;
    return IO_END;
}

static void await_news(void *self, struct exchange *x, int64_t most_ms)
{
    struct sim_call *c = CONTAINER_OF(x, struct sim_call, x);
    if (most_ms <= 0)
        sim_wrong(self, "news are awaited for ever");
    c->news_ms = c->sim->now_ms + most_ms;
}

static void doubted(void *self, const struct doubt *d)
{
    struct sim *s = self;
    for (size_t i = 0; i < s->count; i++)
        if (s->calls[i].begun && s->calls[i].x.id == d->call)
            s->calls[i].doubted = !d->late;
    doubts_adopt(s->doubts, doubt_copy(d), false);
}

static void cleared(void *self, struct exchange *x, const struct clearing *c)
{
    struct sim *s = self;
    if (!x->doubt)
        sim_wrong(s, "something was cleared that was never asked again");
    doubts_cleared(s->doubts, x, c);
}

static struct sim_call *first_of(struct sim *s, uint64_t call)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->calls[i].begun && s->calls[i].x.id == call)
            return &s->calls[i];
    return NULL;
}

bool sim_ask_again(void *self, const struct doubt *d)
{
    struct sim *s = self;
    struct sim_call *c = NULL, *first = first_of(s, d->call);
    for (size_t i = SIM_CALLS; i < SIM_SEATS && !c; i++)
        c = s->calls[i].begun ? NULL : &s->calls[i];
    if (!first || !c)
        return false;
    const struct sim_line *told = first->first_line ? first->first_line : first->l; /* what the vendor says when it is well */
    memset(c, 0, sizeof(*c));
    c->sim = s;
    c->l = sim_first_line(s, c);
    c->first = first;
    c->begun = c->hung_up = true;
    c->l->answer_head = told->answer_head;
    c->l->answer_head.fields = c->l->answer_fields;
    c->l->answer_head.count = 1;
    memcpy(c->l->answer_fields, told->answer_fields, sizeof(c->l->answer_fields));
    memcpy(c->l->answer, told->answer, told->answer_len);
    c->l->answer_len = told->answer_len;
    if (d->late) { /* the vendor tells the price at the second or third asking */
        nano_usd price = told->charged - told->cheaper;
        c->l->answer_len = (size_t)snprintf(c->l->answer, SIM_ANSWER, sim_chance(s, 50) ? "{\"id\":\"text_1\",\"price\":\"%lld.%09lld\"}" : "{\"id\":\"text_1\"}", (long long)(price / NANO_PER_USD), (long long)(price % NANO_PER_USD));
        c->l->answer_head.status = 200;
        c->l->charged = 0;
        c->l->asks_price = true;
    }
    c->l->vendor_refuses = told->vendor_refuses;
    c->l->connect_fails = sim_chance(s, 20);
    c->l->breaks_before_head = sim_chance(s, 30);
    c->l->answer_breaks = sim_chance(s, 20);
    c->l->answer_breaks_at = c->l->answer_len ? sim_roll(s, (uint32_t)c->l->answer_len) : 0;
    s->asked_again++;
    exchange_begin_again(&c->x, &s->desk, d);
    exchange_run(&c->x);
    return true;
}

static void nudged(void *self, struct span vendor, struct span credential, struct span object)
{
    doubts_nudge(((struct sim *)self)->doubts, vendor, credential, object);
}

static void stop(void *self, enum stop_kind kind, struct span value, struct span reason)
{
    (void)kind, (void)value, (void)reason;
    sim_wrong(self, "a brake where there is none");
}

static void over(void *self, struct exchange *x)
{
    struct sim_call *c = CONTAINER_OF(x, struct sim_call, x);
    (void)self;
    if (c->over)
        sim_wrong(c->sim, "a call ended twice");
    c->over = true;
}

void sim_world(struct world *w, struct sim *s)
{
    *w = (struct world){
        .self = s, .now_ms = now_ms, .monotonic_ns = monotonic_ns, .read = read_body, .read_fault = read_fault, .reply = reply,
        .reply_head = reply_head, .reply_write = reply_write, .reply_room = reply_room, .reply_end = reply_end, .reply_cut = reply_cut,
        .open = open_call, .ready = ready, .send = send_call, .write = write_call, .room = room, .head = answer_head, .answer = read_answer,
        .fault = fault, .sent = sent, .reused = reused, .close = close_call, .put_hold = put_hold, .put_row = put_row, .put_note = put_note, .written = written, .applied = applied,
        .synced = synced, .await_news = await_news, .doubted = doubted, .cleared = cleared, .nudged = nudged, .stop = stop, .mirror = sim_mirror, .over = over,
    };
}

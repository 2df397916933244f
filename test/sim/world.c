/* SPDX-License-Identifier: Apache-2.0
 * world.c - the fake world: keeps the contracts of http/server.h, http/client.h and ledger/journal.h, or says who broke
 * them. */
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

static void reply(void *caller, int status, const struct http_field *fields, size_t count, struct span body)
{
    struct sim_call *c = call_of(caller);
    (void)fields, (void)count;
    reply_begins(c, status);
    c->reply_bytes += body.len;
    c->replied = true;
}

static void reply_head(void *caller, int status, const struct http_field *fields, size_t count, int64_t length)
{
    (void)fields, (void)count, (void)length;
    reply_begins(call_of(caller), status);
}

static void reply_write(void *caller, struct span bytes)
{
    struct sim_call *c = call_of(caller);
    if (!c->head_sent || c->replied || c->hung_up)
        sim_wrong(c->sim, "bytes outside of a reply");
    c->reply_bytes += bytes.len;
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
    (void)o, (void)d;
    if (c->open)
        sim_wrong(s, "a second connection while one is open");
    c->open = true;
    c->ready = c->was_sent = c->head_given = false;
    c->answer_given = 0;
    c->connect_in = (int)sim_roll(s, 3);
    c->request_whole = false;
    return c;
}

static enum io ready(void *call)
{
    struct sim_call *c = call_of(call);
    if (!c->open)
        sim_wrong(c->sim, "a closed connection was asked");
    if (c->connect_in-- > 0)
        return IO_WAIT;
    if (c->connect_fails) {
        c->fault = E_UPSTREAM_UNREACHABLE;
        return IO_FAILED;
    }
    c->ready = true;
    return IO_BYTES;
}

/* The vendor keeps the answer of a key it has carried out, and gives it again. */
static bool seen_before(struct sim_call *c, struct span head)
{
    struct sim *s = c->sim;
    ptrdiff_t at = span_find(head, SPAN("idempotency-key: "));
    if (at < 0)
        return false;
    struct span key = span_from(head, (size_t)at + 17);
    key = span_first(key, (size_t)span_find(key, SPAN("\r\n")));
    for (size_t i = 0; i < s->key_count; i++)
        if (span_is(span_make(s->keys[i].text, s->keys[i].len), key))
            return true;
    if (c->vendor_refuses || s->key_count == SIM_SEATS)
        return false;
    struct sim_key *k = &s->keys[s->key_count++];
    k->len = key.len < sizeof(k->text) ? key.len : sizeof(k->text);
    memcpy(k->text, key.at, k->len);
    return false;
}

static void request_went(struct sim_call *c)
{
    c->request_whole = true;
    c->answer_head.count = 1;
    if (c->replays)
        c->answer_fields[c->answer_head.count++] = (struct http_field){ SPAN("idempotent-replayed"), SPAN("true") };
    else if (c->charged == 0 && !c->vendor_refuses)
        c->charged = c->x.facts.worst[UNIT_USD]; /* the worst is the vendor's right */
}

static void send_call(void *call, struct span head, struct span body, bool chunked, bool last)
{
    struct sim_call *c = call_of(call);
    (void)body, (void)chunked;
    if (!c->open || !c->ready || c->was_sent)
        sim_wrong(c->sim, "sent without a connection, or twice");
    if (c->sim->stopped)
        sim_wrong(c->sim, "forwarded after a stop had returned");
    if (span_find(head, SPAN("tg_sim")) >= 0)
        sim_wrong(c->sim, "our key went to the vendor");
    if (!c->first && !c->x.charging.hold.open)
        sim_wrong(c->sim, "forwarded without a hold");
    if (!c->first && c->x.facts.writes && c->holds != 1)
        sim_wrong(c->sim, "money moves that the journal does not know of");
    if (!c->first && c->x.facts.moves_money && !is_llm(&c->x) && !c->durable)
        sim_wrong(c->sim, "money moves before its hold is on the platter");
    c->replays = seen_before(c, head);
    if (c->replays && !c->x.answering.doubtful)
        sim_wrong(c->sim, "a duplicate reached the vendor");
    c->was_sent = true;
    if (last)
        request_went(c);
}

static void write_call(void *call, struct span body, bool last)
{
    struct sim_call *c = call_of(call);
    (void)body;
    if (!c->was_sent || c->request_whole)
        sim_wrong(c->sim, "body bytes before the head or after the end");
    if (last)
        request_went(c);
}

static bool room(void *call) { return !sim_chance(call_of(call)->sim, 20); }

static enum io answer_head(void *call, const struct http_head **head)
{
    struct sim_call *c = call_of(call);
    if (!c->was_sent)
        sim_wrong(c->sim, "an answer was awaited before anything was sent");
    if (!c->request_whole || c->answer_in-- > 0)
        return IO_WAIT;
    if (c->breaks_before_head) {
        c->fault = sim_chance(c->sim, 50) ? E_UPSTREAM_BROKEN : E_UPSTREAM_TIMEOUT;
        return IO_FAILED;
    }
    c->head_given = true;
    *head = &c->answer_head;
    return IO_BYTES;
}

static enum io read_answer(void *call, struct span *bytes)
{
    struct sim_call *c = call_of(call);
    if (!c->head_given || !c->open)
        sim_wrong(c->sim, "an answer's body was read before its head");
    if (c->answer_breaks && c->answer_given >= c->answer_breaks_at) {
        c->fault = E_UPSTREAM_BROKEN;
        return IO_FAILED;
    }
    if (c->answer_given == c->answer_len)
        return IO_END;
    if (sim_chance(c->sim, 40))
        return IO_WAIT;
    size_t run = 1 + sim_roll(c->sim, (uint32_t)(c->answer_len - c->answer_given));
    *bytes = span_make(c->answer + c->answer_given, run);
    c->answer_given += run;
    return IO_BYTES;
}

static enum err fault(void *call) { return call_of(call)->fault; }
static bool sent(void *call) { return call_of(call)->was_sent; }
static bool reused(void *call)
{
    (void)call;
    return false;
}

static void close_call(void *call)
{
    struct sim_call *c = call_of(call);
    if (!c->open)
        sim_wrong(c->sim, "a connection was closed twice");
    c->open = false;
}

/* ---- the books ---- */

static enum err put_hold(void *self, const struct journal_hold *h)
{
    struct sim *s = self;
    for (size_t i = 0; i < s->count; i++) {
        struct sim_call *c = &s->calls[i];
        if (!c->begun || c->x.id != h->call)
            continue;
        if (sim_chance(s, 3))
            return E_LEDGER_UNAVAILABLE;
        c->holds++;
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
        struct sim_account *a = map_get(&s->accounts, line->account);
        if (!a) {
            a = ARENA_NEW(&s->arena, struct sim_account);
            must(a && map_put(&s->accounts, arena_copy(&s->arena, line->account), a));
        }
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
        if (!c->doubted || c->settlements++)
            sim_wrong(s, "a settlement of what is not in doubt, or a second one");
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
        c->row_cost = r->cost;
        if (c->replied)
            sim_wrong(s, "the caller had its last byte before the row was written");
        for (size_t line = 0; line < r->count; line++) /* this vendor never takes more than the worst */
            if (r->lines[line].real > r->lines[line].held)
                sim_wrong(s, "a call was settled for more than it held");
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
    if (sim_chance(s, 3))
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
    (void)x;
    if (most_ms <= 0)
        sim_wrong(self, "news are awaited for ever");
}

static void doubted(void *self, const struct doubt *d)
{
    struct sim *s = self;
    for (size_t i = 0; i < s->count; i++)
        if (s->calls[i].begun && s->calls[i].x.id == d->call)
            s->calls[i].doubted = true;
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
    memset(c, 0, sizeof(*c));
    c->sim = s;
    c->first = first;
    c->begun = c->hung_up = true;
    c->answer_head = first->answer_head;
    c->answer_head.fields = c->answer_fields;
    c->answer_head.count = 1;
    memcpy(c->answer_fields, first->answer_fields, sizeof(c->answer_fields));
    memcpy(c->answer, first->answer, first->answer_len);
    c->answer_len = first->answer_len;
    c->vendor_refuses = first->vendor_refuses;
    c->connect_fails = sim_chance(s, 20);
    c->breaks_before_head = sim_chance(s, 30);
    c->answer_breaks = sim_chance(s, 20);
    c->answer_breaks_at = c->answer_len ? sim_roll(s, (uint32_t)c->answer_len) : 0;
    s->asked_again++;
    exchange_begin_again(&c->x, &s->desk, d);
    exchange_run(&c->x);
    return true;
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
        .synced = synced, .await_news = await_news, .doubted = doubted, .cleared = cleared, .stop = stop, .over = over,
    };
}

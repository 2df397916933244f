/* SPDX-License-Identifier: Apache-2.0
 * doubts.c - see doubts.h. */
#include "flow/doubts.h"

#include <stdlib.h>

#include "base/log.h"
#include "rules/row.h"

enum { DOUBT_ARENA = 4 << 20, STEPS = 5, FOUND_MS = 20 * 1000 /* a gate that has just started has other things to do first */ };
static const int64_t pauses[STEPS] = { 5 * 1000, 30 * 1000, 120 * 1000, 600 * 1000, 3600 * 1000 };

struct open_doubt {
    struct list link;
    struct doubt *d;
    int64_t since, next_at; /* monotonic ms: a wall clock that is set neither hastens nor delays */
    int tries;
    bool asking, hopeless;
};

struct doubts {
    struct desk *desk;
    bool (*ask)(void *self, const struct doubt *d);
    void *self;
    struct list open; /* oldest first */
    struct map by_call;
    size_t count;
};

static struct span key_of(const uint64_t *call) { return span_make((const char *)call, sizeof(*call)); }

static int64_t steady_ms(const struct doubts *ds)
{
    const struct world *w = ds->desk->world;
    return w->monotonic_ns(w->self) / 1000000;
}

struct doubts *doubts_new(struct desk *desk, bool (*ask)(void *self, const struct doubt *d), void *self)
{
    struct doubts *ds = calloc(1, sizeof(*ds));
    if (!ds)
        return NULL;
    ds->desk = desk;
    ds->ask = ask;
    ds->self = self;
    list_init(&ds->open);
    return ds;
}

static void forget(struct doubts *ds, struct open_doubt *o)
{
    (void)map_take(&ds->by_call, key_of(&o->d->call));
    list_remove(&o->link);
    ds->count--;
    free(o->d);
    free(o);
}

void doubts_free(struct doubts *ds)
{
    if (!ds)
        return;
    while (!list_empty(&ds->open))
        forget(ds, CONTAINER_OF(ds->open.next, struct open_doubt, link));
    map_free(&ds->by_call);
    free(ds);
}

size_t doubts_count(const struct doubts *ds) { return ds->count; }

/* ---- keeping ---- */

static struct span move(char **at, struct span s)
{
    if (!s.at)
        return SPAN_NONE;
    memcpy(*at, s.at, s.len);
    struct span moved = span_make(*at, s.len);
    *at += s.len;
    return moved;
}

struct doubt *doubt_copy(const struct doubt *d)
{
    size_t size = sizeof(*d) + d->count * sizeof(*d->lines) + d->row.len + d->once.len + d->again.len;
    for (size_t i = 0; i < d->count; i++)
        size += d->lines[i].account.len;
    struct doubt *copy = malloc(size);
    if (!copy)
        return NULL;
    struct journal_line *lines = (struct journal_line *)(void *)(copy + 1);
    char *at = (char *)(lines + d->count);
    *copy = *d;
    copy->lines = lines;
    copy->row = move(&at, d->row);
    copy->once = move(&at, d->once);
    copy->again = move(&at, d->again);
    for (size_t i = 0; i < d->count; i++) {
        lines[i] = d->lines[i];
        lines[i].account = move(&at, d->lines[i].account);
    }
    return copy;
}

/* Without memory it stays in the store, and is here again after the next start. */
void doubts_adopt(struct doubts *ds, struct doubt *block, bool found)
{
    struct open_doubt *o = block ? calloc(1, sizeof(*o)) : NULL;
    if (!o || !map_put(&ds->by_call, key_of(&block->call), o)) {
        log_error("flow", "no memory for a call in doubt: it is looked into after the next start");
        free(o);
        free(block);
        return;
    }
    o->d = block;
    o->since = steady_ms(ds);
    o->next_at = o->since + (found ? FOUND_MS : pauses[0]);
    o->hopeless = !block->again.at;
    list_add_last(&ds->open, &o->link);
    ds->count++;
}

static struct open_doubt *find(const struct doubts *ds, uint64_t call) { return map_get(&ds->by_call, key_of(&call)); }

/* ---- asking ---- */

static void ask(struct doubts *ds, struct open_doubt *o)
{
    o->next_at = steady_ms(ds) + pauses[o->tries + 1 < STEPS ? o->tries + 1 : STEPS - 1];
    o->tries++;
    o->asking = true;
    if (!ds->ask(ds->self, o->d))
        o->asking = false;
}

/* By either clock: what the vendor has forgotten must not be asked again because ours was set back. */
static bool is_too_old(const struct open_doubt *o, int64_t now_ms, int64_t steady)
{
    return now_ms - o->d->at >= DOUBT_DAY || steady - o->since >= DOUBT_DAY;
}

/* Its row and its settlement stand in different journals: the settlement must not be there first, and still less without the row
 * after a power cut. About a second after the call the store has it for good. */
static bool can_be_settled(const struct doubts *ds, const struct doubt *d)
{
    const struct world *w = ds->desk->world;
    return w->applied(w->self, d->worker) >= d->position;
}

static bool is_due(const struct doubts *ds, const struct open_doubt *o, int64_t now_ms, int64_t steady)
{
    return !o->asking && !o->hopeless && steady >= o->next_at && !is_too_old(o, now_ms, steady) && can_be_settled(ds, o->d);
}

/* Asking may end at once and take the doubt out: so it is found anew, by its call. */
void doubts_tick(struct doubts *ds, int64_t now_ms)
{
    enum { ASKED_MOST = 32 };
    uint64_t due[ASKED_MOST];
    size_t count = 0;
    int64_t steady = steady_ms(ds);
    for (struct list *at = ds->open.next; at != &ds->open && count < ASKED_MOST; at = at->next) {
        const struct open_doubt *o = CONTAINER_OF(at, struct open_doubt, link);
        if (is_due(ds, o, now_ms, steady))
            due[count++] = o->d->call;
    }
    for (size_t i = 0; i < count; i++)
        ask(ds, find(ds, due[i]));
}

enum err doubts_ask_again(struct doubts *ds, uint64_t call)
{
    const struct world *w = ds->desk->world;
    int64_t now = w->now_ms(w->self), steady = steady_ms(ds);
    struct open_doubt *o = call ? find(ds, call) : NULL;
    if (call && !o)
        return E_NOT_FOUND;
    if (o && (o->hopeless || is_too_old(o, now, steady)))
        return E_CONFLICT;
    for (struct list *at = ds->open.next; at != &ds->open; at = at->next) {
        struct open_doubt *each = CONTAINER_OF(at, struct open_doubt, link);
        if (!o || each == o)
            each->next_at = steady;
    }
    doubts_tick(ds, now);
    return E_OK;
}

/* ---- resolving ---- */

static void put_same(struct row_out *o, struct span row, enum row_tag tag)
{
    struct row_value v = row_field(row, tag);
    if (v.there && v.bytes)
        row_text(o, tag, v.text);
}

static void write_settlement(struct doubts *ds, uint64_t id, int64_t now, const struct doubt *d, const struct clearing *c)
{
    static const enum row_tag same[] = { ROW_WORKSPACE, ROW_KEY, ROW_KEY_NAME, ROW_USER, ROW_RUN, ROW_STEP, ROW_VENDOR, ROW_OPERATION,
        ROW_CREDENTIAL };
    struct buf *b = &ds->desk->scratch;
    struct row_value model = row_field(d->row, ROW_MODEL_REQUESTED);
    buf_clear(b);
    struct row_out o = row_out(b);
    row_number(&o, ROW_ID, (int64_t)id);
    row_number(&o, ROW_AT, now);
    row_text(&o, ROW_KIND, SPAN("settlement"));
    row_number(&o, ROW_OF, (int64_t)d->call);
    row_text(&o, ROW_OUTCOME, c->outcome == OUTCOME_SPENT ? SPAN("spent") : SPAN("not_spent"));
    row_text(&o, ROW_ACTOR, c->actor);
    row_text(&o, ROW_REASON, c->reason);
    for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
        put_same(&o, d->row, same[i]);
    if (model.there)
        row_text(&o, ROW_MODEL, model.text);
    row_number(&o, ROW_STATUS, c->status);
    row_text(&o, ROW_VERDICT, SPAN("allowed"));
    row_number(&o, ROW_COST, c->cost);
    row_number(&o, ROW_SETTLED, true);
    row_text(&o, ROW_REQUEST_ID, c->request_id);
    row_text(&o, ROW_OBJECT_ID, c->object_id);
}

static int64_t real_of(const struct doubt *d, const struct clearing *c, size_t line)
{
    if (c->real)
        return c->real[line];
    return c->outcome == OUTCOME_SPENT ? d->lines[line].held : 0;
}

static enum err put_settlement(struct doubts *ds, const struct doubt *d, const struct clearing *c)
{
    const struct world *w = ds->desk->world;
    struct journal_line lines[LEDGER_LINES];
    int64_t now = w->now_ms(w->self);
    uint64_t id = call_id_next(&ds->desk->ids, now);
    write_settlement(ds, id, now, d, c);
    for (size_t i = 0; i < d->count; i++) {
        lines[i] = d->lines[i];
        lines[i].real = real_of(d, c, i);
        lines[i].kept = false;
    }
    struct journal_row row = { .call = id,
        .at = now,
        .kind = ROW_IS_SETTLEMENT,
        .of = d->call,
        .verdict = VERDICT_ALLOWED,
        .status = c->status,
        .settled = true,
        .cost = c->cost,
        .workspace = row_field(d->row, ROW_WORKSPACE).text,
        .key = row_field(d->row, ROW_KEY).text,
        .run = row_field(d->row, ROW_RUN).text,
        .step = row_field(d->row, ROW_STEP).text,
        .vendor = row_field(d->row, ROW_VENDOR).text,
        .operation = row_field(d->row, ROW_OPERATION).text,
        .model = row_field(d->row, ROW_MODEL_REQUESTED).text,
        .user = row_field(d->row, ROW_USER).text,
        .row = buf_span(&ds->desk->scratch),
        .lines = lines,
        .count = d->count };
    return ds->desk->scratch.broken ? E_NO_MEMORY : w->put_row(w->self, &row);
}

/* Before the settlement: that it was carried out must not be forgotten when the doubt is. */
static enum err note_spent(struct doubts *ds, const struct doubt *d)
{
    const struct world *w = ds->desk->world;
    struct digest asked = { { 0 } };
    int64_t now = w->now_ms(w->self);
    struct journal_note note = { .what = NOTE_ANSWER,
        .call = d->call,
        .at = now,
        .until = now + ds->desk->snapshot->settings.answers_ms,
        .name = d->once,
        .bytes = span_make((const char *)asked.bytes, DIGEST_LEN) };
    return w->put_note(w->self, &note);
}

static void tell_repeats(struct doubts *ds, const struct doubt *d, enum outcome outcome)
{
    const struct world *w = ds->desk->world;
    struct digest once, asked = { { 0 } };
    uint64_t position = w->written(w->self);
    memcpy(once.bytes, d->once.at, DIGEST_LEN);
    if (outcome == OUTCOME_SPENT)
        repeats_keep(ds->desk->repeats, &once, &asked, d->call, SPAN_NONE, ds->desk->index, position);
    else
        repeats_drop(ds->desk->repeats, &once, ds->desk->index, position);
}

/* An account that is not in memory any more held nothing (one that counts refunds down, say), or its window is over. */
static void resolve_line(struct doubts *ds, const struct journal_line *line, int64_t real)
{
    struct ledger *l = ds->desk->ledger;
    if (ledger_resolve(l, line->account, line->slot, line->held, real) || line->held || !real)
        return;
    if (!ledger_adjust(l, line->account, line->slot, real, line->ends_at))
        log_error("flow", "no memory to settle on %.*s; the balance is right again after the next start", SPAN_ARG(line->account));
}

/* answered: the answer was kept already. E_OVERLOADED: not yet. */
static enum err resolve(struct doubts *ds, struct open_doubt *o, const struct clearing *c, bool answered)
{
    const struct doubt *d = o->d;
    bool named = d->once.len == DIGEST_LEN;
    enum err e = can_be_settled(ds, d) ? E_OK : E_OVERLOADED;
    if (e == E_OK && named && !answered && c->outcome == OUTCOME_SPENT)
        e = note_spent(ds, d);
    if (e == E_OK)
        e = put_settlement(ds, d, c);
    if (e != E_OK)
        return e;
    for (size_t i = 0; i < d->count; i++)
        resolve_line(ds, &d->lines[i], real_of(d, c, i));
    if (named && !answered)
        tell_repeats(ds, d, c->outcome);
    forget(ds, o);
    return E_OK;
}

void doubts_cleared(struct doubts *ds, struct exchange *x, const struct clearing *c)
{
    struct open_doubt *o = find(ds, x->doubt->call);
    if (!o) /* an operator was faster */
        return;
    o->asking = false;
    o->hopeless = o->hopeless || c->never;
    if (c->outcome == OUTCOME_UNKNOWN)
        return;
    bool answered = c->outcome == OUTCOME_SPENT && x->repeating.applies && !x->repeating.claimed;
    enum err e = resolve(ds, o, c, answered);
    if (e != E_OK)
        log_warn("flow", "call %s in doubt cannot be settled now (%.*s); it is asked again", x->id_text, SPAN_ARG(err_code(e)));
}

enum err doubts_resolve(struct doubts *ds, uint64_t call, bool happened, nano_usd cost, struct span actor, struct span reason)
{
    struct arena a;
    struct open_doubt *o = find(ds, call);
    if (!o)
        return E_NOT_FOUND;
    const struct doubt *d = o->d;
    nano_usd reserved = row_field(d->row, ROW_RESERVED).number;
    struct clearing c = { .outcome = happened ? OUTCOME_SPENT : OUTCOME_NOT_SPENT, .actor = actor, .reason = reason };
    arena_init(&a, DOUBT_ARENA);
    if (happened)
        c.cost = cost < 0 ? reserved : cost;
    int64_t *real = happened && cost >= 0 ? ARENA_ARRAY(&a, int64_t, d->count + 1) : NULL;
    for (size_t i = 0; real && i < d->count; i++) {
        enum unit unit;
        bool money = budget_account_unit(d->lines[i].account, &unit) && unit == UNIT_USD;
        real[i] = money && d->lines[i].held ? cost : d->lines[i].held;
    }
    c.real = real;
    enum err e = resolve(ds, o, &c, false);
    arena_free(&a);
    return e;
}

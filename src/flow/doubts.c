/* SPDX-License-Identifier: Apache-2.0
 * doubts.c - see doubts.h. */
#include "flow/doubts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "flow/drawer.h"
#include "rules/row.h"

enum {
    DOUBT_ARENA = 4 << 20,
    LATE_MOST = 200000,
    STEPS = 5,
    FOUND_MS = 20 * 1000 /* a gate that has just started has other things to do first */
};
static const int64_t pauses[STEPS] = { 5 * 1000, 30 * 1000, 120 * 1000, 600 * 1000, 3600 * 1000 };

struct open_doubt {
    struct list link;
    struct doubt *d;
    int64_t since, next_at; /* monotonic ms: a wall clock that is set neither hastens nor delays */
    int tries;
    bool asking, hopeless;
    struct span object;      /* of a late price: its name in by_object; SPAN_NONE: it has none */
    struct open_doubt *more; /* another late price of the same object */
};

struct doubts {
    struct desk *desk;
    bool (*ask)(void *self, const struct doubt *d);
    void *self;
    struct list open; /* oldest first */
    struct map by_call, by_object;
    size_t count, late;
};

static struct span key_of(const uint64_t *call)
{
    return span_make((const char *)call, sizeof(*call));
}

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

/* Out of its object's chain. The map's key is the first one's name, so the next one's takes its place. */
static void unfile_object(struct doubts *ds, struct open_doubt *o)
{
    struct open_doubt *first = o->object.at ? map_get(&ds->by_object, o->object) : NULL;
    if (!first)
        return;
    struct open_doubt **at = &first;
    while (*at && *at != o)
        at = &(*at)->more;
    if (*at)
        *at = o->more;
    (void)map_take(&ds->by_object, o->object);
    if (first)
        (void)map_put(&ds->by_object, first->object, first); /* there is room: one was just taken */
}

static void forget(struct doubts *ds, struct open_doubt *o)
{
    (void)map_take(&ds->by_call, key_of(&o->d->call));
    unfile_object(ds, o);
    list_remove(&o->link);
    ds->count--;
    ds->late -= o->d->late;
    free((void *)(uintptr_t)o->object.at);
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
    map_free(&ds->by_object);
    free(ds);
}

size_t doubts_count(const struct doubts *ds)
{
    return ds->count;
}

/* ---- keeping ---- */

struct doubt *doubt_copy(const struct doubt *d)
{
    size_t size = sizeof(*d) + d->count * sizeof(*d->lines) + d->row.len + d->once.len + d->again.len + d->object.len;
    for (size_t i = 0; i < d->count; i++)
        size += d->lines[i].account.len;
    struct doubt *copy = malloc(size);
    if (!copy)
        return NULL;
    struct journal_line *lines = (struct journal_line *)(void *)(copy + 1);
    char *at = (char *)(lines + d->count);
    *copy = *d;
    copy->lines = lines;
    copy->row = drawer_text(&at, d->row);
    copy->once = drawer_text(&at, d->once);
    copy->again = drawer_text(&at, d->again);
    copy->object = drawer_text(&at, d->object);
    for (size_t i = 0; i < d->count; i++) {
        lines[i] = d->lines[i];
        lines[i].account = drawer_text(&at, d->lines[i].account);
    }
    return copy;
}

/* "stripe main pi_1", on the heap: prices are asked for by it. */
static struct span object_name(struct span vendor, struct span credential, struct span object)
{
    size_t len = vendor.len + credential.len + object.len + 2;
    char *name = object.len ? malloc(len + 1) : NULL;
    if (!name)
        return SPAN_NONE;
    (void)snprintf(name, len + 1, "%.*s %.*s %.*s", SPAN_ARG(vendor), SPAN_ARG(credential), SPAN_ARG(object));
    return span_make(name, len);
}

static void file_object(struct doubts *ds, struct open_doubt *o)
{
    struct span row = o->d->row;
    ds->late++;
    o->object = object_name(row_field(row, ROW_VENDOR).text, row_field(row, ROW_CREDENTIAL).text, o->d->object);
    if (!o->object.at)
        return;
    o->more = map_take(&ds->by_object, o->object);
    if (!map_put(&ds->by_object, o->object, o)) /* it is asked when its time comes */
        o->more = NULL;
}

void doubts_nudge(struct doubts *ds, struct span vendor, struct span credential, struct span object)
{
    enum { NUDGED_MS = 1000 /* the vendor's own books follow its answers by a moment */ };
    if (!ds->late)
        return;
    struct span name = object_name(vendor, credential, object);
    struct open_doubt *o = name.at ? map_get(&ds->by_object, name) : NULL;
    free((void *)(uintptr_t)name.at);
    for (; o; o = o->more)
        if (o->next_at > steady_ms(ds) + NUDGED_MS)
            o->next_at = steady_ms(ds) + NUDGED_MS;
}

/* Without memory it stays in the store, and is here again after the next start. */
void doubts_adopt(struct doubts *ds, struct doubt *block, bool found)
{
    struct open_doubt *o = block && !(block->late && ds->late >= LATE_MOST) ? calloc(1, sizeof(*o)) : NULL;
    if (!o || !map_put(&ds->by_call, key_of(&block->call), o)) {
        log_error("flow", "no room for a call that is to be looked into later: that is done after the next start");
        free(o);
        free(block);
        return;
    }
    o->d = block;
    o->since = steady_ms(ds);
    o->next_at = o->since + (found ? FOUND_MS : block->first_ms ? block->first_ms : pauses[0]);
    o->hopeless = !block->again.at;
    if (block->late)
        file_object(ds, o);
    list_add_last(&ds->open, &o->link);
    ds->count++;
}

static struct open_doubt *find(const struct doubts *ds, uint64_t call)
{
    return map_get(&ds->by_call, key_of(&call));
}

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
    return !o->d->late && (now_ms - o->d->at >= DOUBT_DAY || steady - o->since >= DOUBT_DAY);
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
    if (o && o->d->late)
        return E_NOT_FOUND;
    if (o && (o->hopeless || is_too_old(o, now, steady)))
        return E_CONFLICT;
    for (struct list *at = ds->open.next; at != &ds->open; at = at->next) {
        struct open_doubt *each = CONTAINER_OF(at, struct open_doubt, link);
        if (!each->d->late && (!o || each == o))
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

/* What the settlement's row adds to the call's. */
static nano_usd cost_of(const struct doubt *d, const struct clearing *c)
{
    if (!d->late)
        return c->cost;
    return c->real ? c->cost - d->counted : 0;
}

static void write_settlement(struct doubts *ds, uint64_t id, int64_t now, const struct doubt *d, const struct clearing *c)
{
    static const enum row_tag same[] = { ROW_WORKSPACE, ROW_KEY, ROW_KEY_NAME, ROW_USER, ROW_RUN, ROW_STEP, ROW_VENDOR,
        ROW_OPERATION, ROW_CREDENTIAL, ROW_LABEL };
    struct buf *b = &ds->desk->scratch;
    struct row_value model = row_field(d->row, ROW_MODEL_REQUESTED);
    buf_clear(b);
    struct row_out o = row_out(b);
    row_number(&o, ROW_ID, (int64_t)id);
    row_number(&o, ROW_AT, now);
    row_text(&o, ROW_KIND, SPAN("settlement"));
    row_number(&o, ROW_OF, (int64_t)d->call);
    row_text(&o, ROW_OUTCOME, d->late ? SPAN("corrected") : c->outcome == OUTCOME_SPENT ? SPAN("spent") : SPAN("not_spent"));
    row_text(&o, ROW_ACTOR, c->actor);
    row_text(&o, ROW_REASON, c->reason);
    for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
        put_same(&o, d->row, same[i]);
    if (model.there)
        row_text(&o, ROW_MODEL, model.text);
    row_number(&o, ROW_STATUS, c->status);
    row_text(&o, ROW_VERDICT, SPAN("allowed"));
    row_number(&o, ROW_COST, cost_of(d, c));
    row_number(&o, ROW_SETTLED, !c->pending);
    row_text(&o, ROW_REQUEST_ID, c->request_id);
    row_text(&o, ROW_OBJECT_ID, c->object_id);
}

/* Of a late price the difference: what was taken for it stands on the account already. */
static int64_t real_of(const struct doubt *d, const struct clearing *c, size_t line)
{
    if (d->late)
        return c->real ? c->real[line] - d->lines[line].real : 0;
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
        if (d->late)
            lines[i].held = 0;
    }
    struct journal_row row = { .call = id,
        .at = now,
        .kind = ROW_IS_SETTLEMENT,
        .of = d->call,
        .verdict = VERDICT_ALLOWED,
        .status = c->status,
        .settled = !c->pending,
        .late = c->pending,
        .cost = cost_of(d, c),
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
static void resolve_line(struct doubts *ds, const struct journal_line *line, int64_t real, bool late)
{
    struct ledger *l = ds->desk->ledger;
    if (!late && ledger_resolve(l, line->account, line->slot, line->held, real))
        return;
    if ((!late && line->held) || !real)
        return;
    if (!ledger_adjust(l, line->account, line->slot, real, line->ends_at))
        log_error(
            "flow", "no memory to settle on %.*s; the balance is right again after the next start", SPAN_ARG(line->account));
}

/* In doubt no more, and what was found counts; but what it really cost comes later. The store knows, where there is no memory. */
static void go_on_late(struct doubts *ds, const struct doubt *d, const struct clearing *c)
{
    const struct world *w = ds->desk->world;
    struct journal_line lines[LEDGER_LINES];
    struct doubt late = *d;
    for (late.count = 0; late.count < d->count && late.count < LEDGER_LINES; late.count++) {
        struct journal_line *line = &lines[late.count];
        *line = d->lines[late.count];
        line->real = real_of(d, c, late.count);
        line->held = 0;
        line->kept = false;
    }
    late.lines = lines;
    late.late = true;
    late.once = SPAN_NONE;
    late.object = c->object_id;
    late.counted = c->cost;
    late.first_ms = c->first_ms;
    late.worker = ds->desk->index; /* after the settlement, too, which stands in this one's journal */
    late.position = w->written(w->self);
    struct doubt *block = doubt_copy(&late);
    forget(ds, find(ds, d->call));
    if (block)
        doubts_adopt(ds, block, false);
    else
        log_error("flow", "no memory for a price that comes later: it is asked for after the next start");
}

/* answered: the answer was kept already. E_OVERLOADED: not yet. */
static enum err resolve(struct doubts *ds, struct open_doubt *o, const struct clearing *c, bool answered)
{
    const struct doubt *d = o->d;
    bool named = d->once.len == DIGEST_LEN && !d->late;
    enum err e = can_be_settled(ds, d) ? E_OK : E_OVERLOADED;
    if (e == E_OK && named && !answered && c->outcome == OUTCOME_SPENT)
        e = note_spent(ds, d);
    if (e == E_OK)
        e = put_settlement(ds, d, c);
    if (e != E_OK)
        return e;
    for (size_t i = 0; i < d->count; i++)
        resolve_line(ds, &d->lines[i], real_of(d, c, i), d->late);
    if (named && !answered)
        tell_repeats(ds, d, c->outcome);
    if (c->pending)
        go_on_late(ds, d, c);
    else
        forget(ds, o);
    return E_OK;
}

/* ---- late prices ---- */

/* No price in all that time, or nobody to ask any more: what was taken for it stands. */
static void let_estimate_stand(struct doubts *ds, struct open_doubt *o, bool asked)
{
    const struct clearing c = { .outcome = OUTCOME_SPENT,
        .actor = SPAN("gate"),
        .reason = asked ? SPAN("the vendor told no price in time: the estimate stands")
                        : SPAN("its price cannot be asked for any more: the estimate stands") };
    if (resolve(ds, o, &c, true) != E_OK)
        o->next_at = steady_ms(ds) + pauses[1];
}

static void ask_later(struct doubts *ds, struct open_doubt *o, const struct clearing *c)
{
    const struct world *w = ds->desk->world;
    const struct late *when = c->late;
    int64_t age = w->now_ms(w->self) - o->d->at, steady = steady_ms(ds);
    if (!when || age >= when->patience_ms || steady - o->since >= when->patience_ms) {
        if (when || c->never)
            let_estimate_stand(ds, o, when != NULL);
        return;
    }
    size_t tries = (size_t)o->tries < when->times ? (size_t)o->tries : when->times - 1;
    int64_t pause = when->after_ms[tries] - (tries ? when->after_ms[tries - 1] : 0);
    o->next_at = steady + (pause > 0 ? pause : when->after_ms[tries]);
}

/* The object's count follows its price: a capture after it, say, is measured by it. Whose it is stands here again, in case it was forgotten. */
static void count_difference(struct doubts *ds, const struct doubt *d, const struct clearing *c)
{
    struct made_object by = { .call = d->call, .at = d->at, .counted = cost_of(d, c),
        .workspace = row_field(d->row, ROW_WORKSPACE).text, .key = row_field(d->row, ROW_KEY).text, .user = row_field(d->row, ROW_USER).text,
        .label = row_field(d->row, ROW_LABEL).text, .run = row_field(d->row, ROW_RUN).text, .step = row_field(d->row, ROW_STEP).text,
        .operation = row_field(d->row, ROW_OPERATION).text };
    made_add(ds->desk->made, row_field(d->row, ROW_VENDOR).text, row_field(d->row, ROW_CREDENTIAL).text, d->object, &by);
}

void doubts_cleared(struct doubts *ds, struct exchange *x, const struct clearing *c)
{
    struct open_doubt *o = find(ds, x->doubt->call);
    if (!o) /* an operator was faster */
        return;
    o->asking = false;
    if (o->d->late && c->outcome == OUTCOME_UNKNOWN) {
        ask_later(ds, o, c);
        return;
    }
    o->hopeless = o->hopeless || c->never;
    if (c->outcome == OUTCOME_UNKNOWN)
        return;
    if (o->d->late)
        count_difference(ds, o->d, c);
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

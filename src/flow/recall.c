/* SPDX-License-Identifier: Apache-2.0
 * recall.c - the steps for calls that were asked before: the same idempotency key gets the same answer, and the vendor sees one.
 *
 * The name of a call is our key, the vendor, and the caller's idempotency-key; a call that moves money and carries run and step
 * but no key is named by those with the whole request, so that a workflow that is run again from its first step charges nobody
 * twice, and two different charges of one step are two. Only answers that tell of something done (2xx) are kept: what was refused may be put right and asked again, under the
 * same key at the vendor too, where it takes one. Event streams and bodies that nobody reads are not kept.
 *
 * Next to read: brakes.c. */
#include "flow/steps.h"

#include "base/log.h"
#include "base/text.h"
#include "flow/kept.h"

enum { KEY_MOST = 255, NEWS_MS = 1000, KEPT_MOST = 512 * 1024 };

static void put_part(struct buf *b, struct span part)
{
    buf_put_i64(b, (int64_t)part.len);
    buf_put_byte(b, ':');
    buf_put(b, part);
}

static struct digest digest_of(struct exchange *x, const struct span *parts, size_t count)
{
    struct buf *b = &x->desk->scratch;
    buf_clear(b);
    for (size_t i = 0; i < count; i++)
        put_part(b, parts[i]);
    return digest_sha256(buf_span(b));
}

/* The account that a field of the head names belongs to the request: a yes, a key, an answer for one account is none for another. Without such a
 * field digests are what they always were: what is kept must be found again. */
static struct span whom(struct exchange *x)
{
    enum { WHOM_MOST = 64 << 10 };
    struct buf b;
    buf_init(&b, WHOM_MOST);
    vendor_whom(&x->deciding.upstream->vendor, operation_of(x), x->asking.head, &b);
    struct span text = arena_copy(&x->arena, buf_span(&b));
    buf_free(&b);
    return text;
}

static void name_by_key(struct exchange *x)
{
    const struct span parts[] = { SPAN("key"), x->facts.key_id, x->facts.vendor, x->asking.idempotency, whom(x) };
    x->repeating.once = digest_of(x, parts, parts[4].len ? 5 : 4);
}

static void name_by_step(struct exchange *x)
{
    const struct span parts[] = { SPAN("step"), x->facts.key_id, x->facts.vendor, x->facts.run, x->facts.step,
        span_make((const char *)x->repeating.asked.bytes, DIGEST_LEN) };
    x->repeating.once = digest_of(x, parts, 6);
}

void name_request(struct exchange *x)
{
    const struct understood *u = &x->deciding.understood;
    struct span there = x->speaking.path; /* at a vendor whose path names the model, no body does */
    const struct span parts[] = { x->asking.head->method, x->asking.path, u->query.at ? u->query : x->asking.query, x->deciding.body, whom(x), there };
    x->repeating.asked = digest_of(x, parts, there.len ? 6 : parts[4].len ? 5 : 4);
}

/* For the vendor: of one of our keys alone, so that two keys over one secret never get each other's answers. A call without a name
 * gets one by dice, not by its id: two gates over one vendor's secret may have calls of one id, and the vendor would take the
 * second for the first. */
static struct span upstream_key(struct exchange *x, bool named)
{
    enum { HALF = DIGEST_LEN / 2 };
    struct buf key;
    struct digest name = x->repeating.once;
    if (!operation_of(x)->idempotent)
        return SPAN_NONE;
    if (!named)
        random_fill(name.bytes, HALF);
    buf_init(&key, 3 + 2 * HALF);
    buf_put(&key, SPAN("tg-"));
    buf_put_hex(&key, span_make((const char *)name.bytes, HALF));
    struct span text = arena_copy(&x->arena, buf_span(&key));
    buf_free(&key);
    return text;
}

/* A billed read's only under a key of the caller's: within a step it may be asked again to see what has changed. */
static bool can_be_kept(const struct exchange *x)
{
    if (x->asking.opaque || x->snapshot->settings.answers_ms == 0)
        return false;
    return is_llm(x) ? !x->deciding.ask.stream : x->facts.writes || (x->facts.billed && x->asking.idempotency.len);
}

static enum next name_call(struct exchange *x)
{
    struct span key = x->asking.idempotency;
    if (key.len > KEY_MOST)
        return fail(x, E_BAD_REQUEST, "idempotency-key: at most %d characters are allowed", KEY_MOST);
    bool by_step = !key.len && !x->asking.opaque && x->facts.moves_money && x->facts.run.len && x->facts.step.len, named = key.len || by_step;
    if (named)
        name_request(x);
    if (key.len)
        name_by_key(x);
    else if (by_step)
        name_by_step(x);
    x->repeating.applies = named && can_be_kept(x) && !x->desk->scratch.broken;
    x->repeating.upstream_key = upstream_key(x, named); /* also where nothing is kept here: the vendor's own keys go on to protect */
    return NEXT;
}

static const char *name_text(const struct exchange *x)
{
    return x->asking.idempotency.len ? "this idempotency key" : "this run and step";
}

static enum next conflict(struct exchange *x)
{
    return fail(x, E_IDEMPOTENCY_CONFLICT,
        "this idempotency key was used for another request (another body, path or query); a new request needs a key of its own");
}

static enum next wait_or_refuse(struct exchange *x, bool lost)
{
    const struct world *w = x->desk->world;
    char id[CALL_ID_TEXT + 1];
    struct span first = call_id_text(x->repeating.of, id);
    if ((w->monotonic_ns(w->self) - x->times.began_ns) / 1000000 < x->snapshot->settings.duplicate_wait_ms) {
        w->await_news(w->self, x, NEWS_MS);
        return WAIT;
    }
    if (lost)
        return fail(x, E_DUPLICATE_IN_FLIGHT,
            "the same call was sent before as %.*s and its outcome is not known yet, so it is not sent again; it is looked into "
            "(tollgate doubt show %.*s)", SPAN_ARG(first), SPAN_ARG(first));
    return fail(x, E_DUPLICATE_IN_FLIGHT, "the same call is still under way; ask again in a moment");
}

/* The first one's answer, as it was, but for the fields that are ours. */
static enum next give_again(struct exchange *x, struct span sealed)
{
    struct kept_answer kept;
    if (!kept_open(x->snapshot, &x->repeating.once, sealed, &x->arena, &kept))
        return fail(x, E_LEDGER_UNAVAILABLE, "the answer that was kept cannot be opened (has the master key changed?); nothing was forwarded");
    x->charging.replayed = true;
    x->answering.status = kept.status;
    x->answering.fields = kept.fields;
    x->answering.field_count = kept.count;
    buf_put(&x->answering.body, kept.body);
    return STOP;
}

enum next recall(struct exchange *x)
{
    struct repeating *r = &x->repeating;
    struct span sealed = SPAN_NONE;
    if (r->claimed || x->mirror_of)
        return NEXT;
    if (!r->applies && (name_call(x) == STOP || !r->applies))
        return x->fault == E_OK ? NEXT : STOP;
    switch (repeats_enter(x->desk->repeats, &r->once, &r->asked, x->id, x->desk->index, &x->arena, &sealed, &r->of)) {
    case REPEAT_GO:
        r->claimed = true;
        r->of = 0;
        return NEXT;
    case REPEAT_WAIT:
        return wait_or_refuse(x, false);
    case REPEAT_LOST:
        return wait_or_refuse(x, true);
    case REPEAT_KEPT:
        return give_again(x, sealed);
    case REPEAT_CONFLICT:
        return conflict(x);
    case REPEAT_SETTLED:
        return fail(x, E_IDEMPOTENCY_CONFLICT, "%s was used for a call that was carried out, but whose answer is not known", name_text(x));
    default:
        return fail(x, E_LEDGER_UNAVAILABLE, "whether this was asked before cannot be told now; nothing was forwarded");
    }
}

/* ---- keep: the answer, for those who ask the same again ---- */

static bool answer_tells(const struct exchange *x)
{
    const struct answering *a = &x->answering;
    return a->head && a->ended && a->mode == RELAY_HOLD && a->tapped_whole && a->status >= 200 && a->status < 300 && !x->charging.kept;
}

/* What the journal keeps: the request's digest, and the answer, sealed; one that is too large to keep is only known to be. */
static struct span seal_answer(struct exchange *x)
{
    const struct answering *a = &x->answering;
    const struct kept_answer answer = { a->status, a->fields, a->field_count, buf_span(&a->body) };
    struct span sealed = SPAN("");
    if (a->body.len <= KEPT_MOST)
        sealed = kept_seal(x->snapshot, &x->repeating.once, &answer, &x->arena);
    char *bytes = sealed.at ? arena_take(&x->arena, DIGEST_LEN + sealed.len) : NULL;
    if (!bytes)
        return SPAN_NONE;
    memcpy(bytes, x->repeating.asked.bytes, DIGEST_LEN);
    memcpy(bytes + DIGEST_LEN, sealed.at, sealed.len);
    return span_make(bytes, DIGEST_LEN + sealed.len);
}

/* Before the row: a crash between the two leaves a doubt, never a second charge. Without room in the journal the answer stays
 * in memory until the process ends. */
enum next keep(struct exchange *x)
{
    struct repeating *r = &x->repeating;
    const struct world *w = x->desk->world;
    cached_keep(x);
    alike_keep(x);
    if (!r->claimed || !answer_tells(x))
        return NEXT;
    struct span bytes = seal_answer(x);
    struct journal_note note = { .what = NOTE_ANSWER,
        .call = x->doubt ? x->doubt->call : x->id,
        .at = x->times.began_ms,
        .until = x->times.began_ms + x->snapshot->settings.answers_ms,
        .name = span_make((const char *)r->once.bytes, DIGEST_LEN),
        .bytes = bytes };
    uint64_t position = UINT64_MAX;
    r->unkept = !bytes.at || w->put_note(w->self, &note) != E_OK;
    if (!r->unkept)
        position = w->written(w->self);
    else
        log_warn("flow", "the answer of call %s cannot be kept longer than this process lives", x->id_text);
    struct span sealed = bytes.len > DIGEST_LEN ? span_from(bytes, DIGEST_LEN) : SPAN_NONE;
    repeats_keep(x->desk->repeats, &r->once, &r->asked, note.call, sealed, x->desk->index, position);
    r->claimed = false;
    return NEXT;
}

void release_repeat(struct exchange *x)
{
    struct repeating *r = &x->repeating;
    const struct world *w = x->desk->world;
    if (!r->claimed)
        return;
    r->claimed = false;
    if (x->charging.kept)
        repeats_doubt(x->desk->repeats, &r->once, x->id, x->desk->index, w->written(w->self));
    else
        repeats_drop(x->desk->repeats, &r->once, x->desk->index, 0);
}

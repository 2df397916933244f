/* SPDX-License-Identifier: Apache-2.0
 * told.c - what callers of models got, and what the rows say of their calls: whole answers and streams are well-formed in the caller's
 * dialect as far as they came, a stream has a clean end only if the vendor gave one, and a cost is the vendor's, or an estimate. */
#include <stdio.h>

#include "rules/price.h"
#include "test/sim/sim.h"

/* What a stream holds, event by event. */
struct seen {
    bool end, error, last_words, broken, behind_end;
};

static bool ignore(void *self, struct span name, enum json_kind kind, struct span raw)
{
    (void)self, (void)name, (void)kind, (void)raw;
    return true;
}

static bool is_json(struct sim *s, struct span text)
{
    const char *why;
    return json_scan(s->json, text, false, ignore, NULL, &why) == E_OK;
}

static bool says(struct span text, const char *what) { return span_find(text, span_of(what)) >= 0; }

static void see_event(struct sim_call *c, struct span data, struct seen *seen)
{
    bool done = span_is(data, SPAN("[DONE]"));
    bool again = c->said == SIM_RESPONSES && seen->error && says(data, "\"type\":\"response.failed\""); /* the error, and the answer that failed */
    seen->behind_end = seen->behind_end || seen->end || (seen->error && !again);
    seen->broken = seen->broken || (!done && !is_json(c->sim, data));
    switch (c->said) {
    case SIM_CHAT:
        seen->end = seen->end || done;
        seen->error = seen->error || says(data, "\"error\":{");
        break;
    case SIM_MESSAGES:
        seen->end = seen->end || says(data, "\"type\":\"message_stop\"");
        seen->error = seen->error || says(data, "\"type\":\"error\"");
        break;
    case SIM_RESPONSES:
        seen->end = seen->end || says(data, "\"type\":\"response.completed\"") || says(data, "\"type\":\"response.incomplete\"");
        seen->error = seen->error || says(data, "\"type\":\"error\"") || says(data, "\"type\":\"response.failed\"");
        break;
    default:
        seen->last_words = seen->last_words || says(data, "\"finishReason\":");
        seen->error = seen->error || says(data, "\"error\":");
        break;
    }
}

/* Up to its blank line; comments between the events are the gate's. */
static void see_events(struct sim_call *c, struct span told, struct seen *seen)
{
    struct span line;
    bool open = false;
    while (span_cut(&told, '\n', &line)) {
        if (line.len && line.at[line.len - 1] == '\r')
            line.len--;
        if (span_starts(line, SPAN("data: ")))
            see_event(c, span_from(line, 6), seen);
        open = line.len > 0;
    }
    seen->broken = seen->broken || told.len || open;
}

static void see_array(struct sim_call *c, struct span told, struct seen *seen)
{
    const char *why;
    struct json_value root;
    bool whole = c->replied && !c->cut;
    seen->error = says(told, "\"error\":");
    seen->last_words = says(told, "\"finishReason\":");
    seen->broken = whole && (json_parse(c->sim->json, told, false, &root, &why) != E_OK || json_kind(root) != JSON_ARRAY);
}

/* The vendor's own end was read from the connection; Gemini's is that of the body. A lie before it is none. */
bool sim_vendor_ended(const struct sim_call *c, const struct sim_line *l)
{
    if (l->heard == SIM_GEMINI && !c->x.answering.ended)
        return false;
    return l->head_given && l->end_at && l->answer_given >= l->end_at && l->lie_at == SIZE_MAX;
}

static bool vendor_ended(const struct sim_call *c) { return sim_vendor_ended(c, c->l); }

static bool as_dialect_says(const struct sim_call *c, struct span told)
{
    static const char *const members[] = { [SIM_CHAT] = "\"choices\":", [SIM_MESSAGES] = "\"content\":", [SIM_GEMINI] = "\"candidates\":", [SIM_RESPONSES] = "\"output\":" };
    return says(told, members[c->said]);
}

static void check_stream(struct sim_call *c, struct span told)
{
    struct sim *s = c->sim;
    struct seen seen = { 0 };
    bool whole = c->replied && !c->cut;
    (c->told_array ? see_array : see_events)(c, told, &seen);
    s->streams++;
    if (seen.broken)
        sim_wrong(s, "a stream's events are no events of its dialect");
    if (seen.behind_end)
        sim_wrong(s, "something came behind the end of a stream");
    if (seen.end && !vendor_ended(c))
        sim_wrong(s, "a stream had an end that the vendor did not give");
    if (!whole)
        return;
    if (!seen.end && !seen.error && !(c->said == SIM_GEMINI && seen.last_words))
        sim_wrong(s, "a stream ended without its end, and without an error");
    if (c->said == SIM_GEMINI && !seen.error && !vendor_ended(c))
        sim_wrong(s, "a stream had an end that the vendor did not give");
    if (c->x.fault == E_OK && c->l->lie_at == SIZE_MAX && seen.error)
        sim_wrong(s, "a whole stream ended with an error");
    s->clean_ends += seen.end || !seen.error;
    s->error_ends += seen.error;
}

static void check_whole(struct sim_call *c, struct span told)
{
    struct sim *s = c->sim;
    if (!c->replied || c->cut)
        return;
    if (!is_json(s, told))
        sim_wrong(s, "an answer is no JSON");
    else if (c->status >= 400 && !says(told, "\"error\""))
        sim_wrong(s, "a refusal does not say what is wrong");
    else if (c->status == 200 && !c->of_state && !as_dialect_says(c, told))
        sim_wrong(s, "an answer is not of its caller's dialect");
}

/* In its own dialect a vendor's bytes pass as they are, whatever they are. */
static bool passes_as_it_is(const struct sim_call *c) { return c->l->was_sent && c->said == c->l->heard && (c->l->lie_at != SIZE_MAX || c->l->vendor_refuses || c->l->lie == SIM_OTHER_SHAPE || c->l->lie == SIM_WRONG_TYPE); }

void sim_check_told(struct sim_call *c)
{
    struct span told = buf_span(&c->told);
    if (!c->named || !c->head_sent || passes_as_it_is(c))
        return;
    if (c->told_stream || c->told_array)
        check_stream(c, told);
    else
        check_whole(c, told);
    if (c->l->was_sent && c->l->heard != c->said)
        c->sim->translated++;
    if (c->remembers && c->l->was_sent && c->l->heard != c->said && c->replied && !c->cut && c->x.fault == E_OK && c->status == 200 && vendor_ended(c) && !c->kept)
        sim_wrong(c->sim, "an answer that was to be kept cannot be gone on with");
}

/* ---- the row ---- */

void sim_check_cost(struct sim_call *c, const struct journal_row *r)
{
    struct sim *s = c->sim;
    struct usage u = { .known = true, .vendor_cost = -1, .input_total = c->l->took_in, .output_total = c->l->took_out };
    nano_usd exact = 0;
    if (!c->named || c->of_state || !c->l->was_sent)
        return;
    u.tokens[METER_IN] = c->l->took_in;
    u.tokens[METER_OUT] = c->l->took_out;
    if (price_cost(c->x.deciding.price, &u, c->x.times.began_ms, &exact) != E_OK)
        sim_wrong(s, "a model of this world has no price");
    bool answered = vendor_ended(c) && !c->l->vendor_refuses && c->l->answer_head.status == 200;
    bool readable = c->l->lie != SIM_OTHER_SHAPE && c->l->lie != SIM_WRONG_TYPE;
    bool came = c->l->usage_said && c->l->answer_given >= c->l->usage_at && c->l->usage_at && c->l->head_given && !c->l->vendor_refuses;
    bool all = c->l->answers_stream || c->x.answering.ended; /* an answer that is not in pieces says nothing before it is whole */
    if (r->cost > r->reserved)
        sim_wrong(s, "a model's answer cost more than was held for it");
    if (r->settled && r->cost && (!came || r->cost != exact || r->tokens_in != c->l->took_in || r->tokens_out != c->l->took_out))
        sim_wrong(s, "a cost that is said to be true is not what the vendor told");
    if (r->settled && !r->cost && c->l->head_given && c->l->answer_head.status == 200 && exact)
        sim_wrong(s, "a model's answer was for nothing");
    if (!r->settled && answered && readable && came && all)
        sim_wrong(s, "the vendor told what it took, and the row has an estimate");
    s->exact += r->settled && r->cost > 0;
    s->estimated += !r->settled;
}

/* ---- what is kept ---- */

void sim_note_kept(struct sim *s, const struct journal_note *n, bool fails)
{
    for (size_t i = 0; i < s->count; i++) {
        struct sim_call *c = &s->calls[i];
        if (!c->begun || !c->named || c->x.id != n->call || n->what != NOTE_ANSWER)
            continue;
        c->kept = true;
        if (fails)
            continue;
        if (c->deletes) {
            c->deletes->deleted = true;
            continue;
        }
        struct sim_kept *k = &s->kept[s->kept_count++];
        must(s->kept_count <= SIM_CALLS);
        *k = (struct sim_kept){ .number = c->number };
        snprintf(k->id, sizeof(k->id), "resp_%s", c->x.id_text);
    }
}

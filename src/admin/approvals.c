/* SPDX-License-Identifier: Apache-2.0
 * approvals.c - calls that wait for a person: what they would do, and the one decision on each. The table of the gate has those of the
 * last day; the store answers by id for thirty days more. */
#include "admin/inside.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/approvals.h"

enum { APPROVALS_USUAL = 100, APPROVALS_PAGE = 1000, SHOWN_MOST = 64 << 10 };

static void reply_none(struct visit *v)
{
    reply_problem(v, E_NOT_FOUND, NULL, "there is no approval \"%.*s\"; GET /api/v1/approvals lists those of the last day", SPAN_ARG(span_first(v->id, 60)));
}

/* ---- GET /approvals ---- */

static bool read_state(struct visit *v, int *out)
{
    enum approval_state state;
    struct span text = query_get(v, "state");
    *out = -1;
    if (!text.at)
        return true;
    if (!approval_state_parse(text, &state)) {
        reply_problem(v, E_BAD_REQUEST, "state", "found \"%.*s\"; allowed: pending, approved, refused, expired, used", SPAN_ARG(span_first(text, 60)));
        return false;
    }
    *out = (int)state;
    return true;
}

/* The place behind the cursor, which is the id of the last one of the page before. */
static bool find_start(struct visit *v, const struct approval *list, size_t count, size_t *at)
{
    struct span cursor = query_get(v, "cursor");
    for (*at = 0; cursor.at && *at < count; ++*at)
        if (span_is(cursor, span_of(list[*at].id)))
            break;
    if (!cursor.at || *at < count) {
        *at += cursor.at != NULL;
        return true;
    }
    reply_store(v, E_BAD_REQUEST);
    return false;
}

static void put_page(struct visit *v, const struct approval *list, size_t count, size_t at, size_t limit)
{
    size_t end = count - at > limit ? at + limit : count;
    json_open(&v->json, '{');
    json_name(&v->json, SPAN("data"));
    json_open(&v->json, '[');
    for (size_t i = at; i < end; i++)
        approval_write(&list[i], &v->json);
    json_close(&v->json, ']');
    json_pair(&v->json, SPAN("next_cursor"), end < count ? span_of(list[end - 1].id) : SPAN_NONE);
    json_close(&v->json, '}');
    reply_json(v, 200);
}

static size_t keep_own(const struct visit *v, struct approval *list, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (access_sees(&v->actor, list[i].workspace))
            list[n++] = list[i];
    return n;
}

void approvals_get_list(struct visit *v)
{
    struct approval *list;
    size_t count, at;
    int state, limit;
    if (!read_state(v, &state) || !query_limit(v, APPROVALS_USUAL, APPROVALS_PAGE, &limit))
        return;
    enum err e = approvals_list(gate_approvals(v->admin->parts.gate), state, clock_unix_ms(), &v->arena, &list, &count);
    count = keep_own(v, list, e ? 0 : count);
    if (e)
        reply_problem(v, e, NULL, "they could not be listed");
    else if (find_start(v, list, count, &at))
        put_page(v, list, count, at, (size_t)limit);
}

/* ---- GET /approvals/{id} ---- */

struct lookup {
    struct visit *visit;
    struct approval *out;
    enum err result;
};

static void take_stored(void *self, const struct store_approval *stored)
{
    struct lookup *l = self;
    l->result = approval_read(l->visit->admin->json, stored->bytes, clock_unix_ms(), &l->visit->arena, l->out);
}

static enum err find(struct visit *v, struct approval *out)
{
    struct lookup l = { v, out, E_NOT_FOUND };
    if (approvals_find(gate_approvals(v->admin->parts.gate), v->id, clock_unix_ms(), &v->arena, out))
        return E_OK;
    enum err e = store_approval(v->admin->reader, v->id, take_stored, &l);
    return e ? e : l.result;
}

void approvals_get_one(struct visit *v)
{
    struct approval ap;
    enum err e = find(v, &ap);
    if (e == E_NOT_FOUND || (!e && !access_sees(&v->actor, ap.workspace))) {
        reply_none(v);
        return;
    }
    if (e) {
        reply_store(v, e);
        return;
    }
    approval_write(&ap, &v->json);
    reply_json(v, 200);
}

/* ---- POST /approvals/{id}/approve, /refuse ---- */

static bool read_reason(struct visit *v, struct span *reason)
{
    static const char *const fields[] = { "reason", NULL };
    struct trouble t = { .set = false };
    const struct node *body = visit_object(v);
    *reason = SPAN_NONE;
    if (!body)
        return false;
    if (node_only(body, "", fields, &t) && node_span(node_get(body, "reason"), "reason", reason, &t) && reason->len > REASON_LONGEST)
        trouble_say(&t, NULL, "reason", "allowed: at most %d characters", REASON_LONGEST);
    if (t.set)
        reply_trouble(v, E_CONFIG, &t);
    return !t.set;
}

static struct span shown(const struct approval *ap, struct arena *a)
{
    struct buf text;
    buf_init(&text, SHOWN_MOST);
    struct json_out o = json_out(&text);
    approval_write(ap, &o);
    struct span copy = text.broken ? SPAN_NONE : arena_copy(a, buf_span(&text));
    buf_free(&text);
    return copy;
}

/* It is decided already, and known to be: a row that is missing is told in the log, the decision stands. */
static void audit(struct visit *v, const struct approval *ap, struct span action, struct span reason)
{
    struct change c = { .actor = v->actor.name, .action = action, .object = v->id, .reason = reason, .before = SPAN("{\"state\":\"pending\"}"), .after = shown(ap, &v->arena) };
    if (change_put(v->admin, &c) != E_OK)
        log_error("admin", "the decision on approval %s stands without its row", ap->id);
    events_tell_change(v->admin, SPAN("approval"), v->id, approval_state_name(ap->state));
}

static void reply_over(struct visit *v, const struct approval *ap)
{
    char at[TIME_TEXT];
    struct span when = text_time(ap->decided_at ? ap->decided_at : ap->until, at);
    if (ap->decided_at)
        reply_problem(v, E_CONFLICT, NULL, "this was decided already, by %.*s at %.*s: it is %.*s now", SPAN_ARG(ap->actor.at ? ap->actor : SPAN("somebody")), SPAN_ARG(when),
            SPAN_ARG(approval_state_name(ap->state)));
    else
        reply_problem(v, E_CONFLICT, NULL, "nobody decided until %.*s, which was a refusal; the agent may ask again after a day, and a person then", SPAN_ARG(when));
}

static void decide(struct visit *v, bool approve)
{
    struct approval ap;
    struct span reason;
    if (!read_reason(v, &reason))
        return;
    if (v->actor.workspace.at && (find(v, &ap) != E_OK || !access_sees(&v->actor, ap.workspace))) {
        reply_none(v);
        return;
    }
    enum err e = gate_decide(v->admin->parts.gate, v->id, approve, v->actor.name, reason, &v->arena, &ap);
    if (e == E_NOT_FOUND) {
        reply_none(v);
        return;
    }
    if (e == E_CONFLICT) {
        reply_over(v, &ap);
        return;
    }
    if (e) {
        reply_problem(v, e, NULL, "the decision could not be taken; look at the approval again");
        return;
    }
    audit(v, &ap, approve ? SPAN("approval.approve") : SPAN("approval.refuse"), reason);
    approval_write(&ap, &v->json);
    reply_json(v, 200);
}

void approvals_approve(struct visit *v) { decide(v, true); }
void approvals_refuse(struct visit *v) { decide(v, false); }

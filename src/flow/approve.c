/* SPDX-License-Identifier: Apache-2.0
 * approve.c - the step that holds a call for a person, where a rule of the policy says so (rules/approval.h, flow/approvals.h).
 *
 * The agent is refused, with the approval's id and how to go on; the same request goes through, once, after a yes. Nothing is
 * reserved while it waits. An object that a rule with `first_seen` let through is remembered as an account of the ledger, whose lines
 * survive with the journal.
 *
 * Next to read: reserve.c. */
#include "flow/steps.h"

#include "base/log.h"
#include "base/text.h"

enum { REQUEST_MOST = 4096, VALUE_MOST = 200 };

/* ---- objects seen before ---- */

/* Known is known to rules of this amount, for what this call does: who was paid little, or only read, is nobody to pay much. */
static struct span seen_account(struct exchange *x, const struct approval_rule *r, struct span value)
{
    struct span above = !r->has_above ? SPAN("") : arena_print(&x->arena, ">%lld%.*s", (long long)r->above, SPAN_ARG(unit_name(r->above_unit)));
    return arena_print(&x->arena, "%s %.*s/%.*s%.*s=%.*s", x->facts.moves_money ? "paid" : "seen", SPAN_ARG(x->facts.workspace),
        SPAN_ARG(r->first_seen), SPAN_ARG(above), SPAN_ARG(value));
}

bool object_seen(void *self, const struct approval_rule *r, struct span value)
{
    struct exchange *x = self;
    struct ledger_balance b;
    return ledger_balance(x->desk->ledger, seen_account(x, r, value), LEDGER_NO_SLOT, &b) && b.settled > 0;
}

/* What this call touches of the rule's kind, and was not known to it. */
static size_t seen_by(struct exchange *x, const struct approval_rule *r, struct journal_line *lines, size_t room)
{
    size_t count = 0;
    for (size_t i = 0; i < x->facts.scope_count && count < room; i++) {
        const struct scope *s = &x->facts.scopes[i];
        if (!span_is(s->name, r->first_seen) || span_is(s->value, FACTS_UNTOLD) || object_seen(x, r, s->value))
            continue;
        struct span account = seen_account(x, r, s->value);
        if (account.at && ledger_adjust(x->desk->ledger, account, LEDGER_NO_SLOT, 1, 0))
            lines[count++] = (struct journal_line){ .account = account, .slot = LEDGER_NO_SLOT, .real = 1 };
    }
    return count;
}

size_t seen_lines(struct exchange *x, struct journal_line *lines, size_t room)
{
    const struct policy *p = x->deciding.key ? x->deciding.key->policy : NULL;
    size_t count = 0;
    if (!p || !p->approval_count || x->fault != E_OK || x->charging.kept || x->answering.rehearsed || x->answering.status >= 400)
        return 0;
    for (size_t i = 0; i < p->approval_count; i++)
        if (p->approvals[i].first_seen.at && approval_is_about(&p->approvals[i], &x->facts))
            count += seen_by(x, &p->approvals[i], lines + count, room - count);
    return count;
}

/* ---- the approval ---- */

/* As it stands now: another worker may have changed it since this one looked. */
static void note_approval(struct exchange *x, const struct approval *at)
{
    const struct world *w = x->desk->world;
    struct buf *b = &x->desk->scratch;
    struct approval now;
    const struct approval *a =
        approvals_find(x->desk->approvals, span_of(at->id), x->times.began_ms, &x->arena, &now) ? &now : at;
    buf_clear(b);
    struct json_out o = json_out(b);
    approval_write(a, &o);
    struct journal_note note = {
        .what = NOTE_APPROVAL, .call = x->id, .at = a->changed_at, .until = a->until, .name = span_of(a->id), .bytes = buf_span(b)
    };
    if (b->broken || w->put_note(w->self, &note) != E_OK)
        log_warn("flow", "approval %s could not be written down; it is forgotten when the process ends", a->id);
}

/* A model's call is decided on by what it may cost. What it says is content, which goes nowhere unasked: not to a pager, not on the disk. */
static bool is_shown(const struct exchange *x, struct span name)
{
    static const struct span settings[] = { { "model", 5 }, { "max_tokens", 10 }, { "max_completion_tokens", 21 }, { "max_output_tokens", 17 }, { "n", 1 }, { "stream", 6 },
        { "service_tier", 12 }, { "reasoning_effort", 16 }, { "quality", 7 }, { "size", 4 }, { "seconds", 7 } };
    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
        if (span_is(name, settings[i]))
            return true;
    return !is_llm(x);
}

/* What a person decides on: no secret stands in what the engine took apart. */
static struct span request_text(struct exchange *x)
{
    struct buf *b = &x->desk->scratch;
    buf_clear(b);
    struct json_out o = json_out(b);
    json_open(&o, '{');
    json_pair(&o, SPAN("method"), x->asking.head->method);
    json_pair(&o, SPAN("path"), span_first(x->asking.path, VALUE_MOST));
    json_name(&o, SPAN("parameters"));
    json_open(&o, '{');
    for (size_t i = 0; i < x->facts.parameter_count && b->len < REQUEST_MOST; i++)
        if (is_shown(x, x->facts.parameters[i].name))
            json_pair(&o, x->facts.parameters[i].name,
                span_first(approval_hide(x->facts.parameters[i].name, x->facts.parameters[i].value), VALUE_MOST));
    json_close(&o, '}');
    json_close(&o, '}');
    return arena_copy(&x->arena, buf_span(b));
}

static struct approval wanted(struct exchange *x, const struct approval_rule *rule)
{
    const struct facts *f = &x->facts;
    name_request(x);
    return (struct approval){
        .state = APPROVAL_PENDING,
        .asked = x->repeating.asked,
        .at = x->times.began_ms,
        .until = x->times.began_ms + rule->wait_ms,
        .use_ms = rule->use_ms,
        .call = x->id,
        .most = f->cost_known ? f->worst[UNIT_USD] : -1,
        .messages = f->worst[UNIT_MESSAGES],
        .workspace = f->workspace,
        .key = f->key_id,
        .key_name = x->deciding.key->name,
        .run = f->run,
        .step = f->step,
        .vendor = f->vendor,
        .operation = f->operation,
        .rule = rule->name,
        .customer = x->deciding.understood.customer,
        .request = request_text(x),
        .reason = http_get(x->asking.head, SPAN("x-tollgate-reason")),
    };
}

static enum next wait_for_person(struct exchange *x, const struct approval *a)
{
    char until[TIME_TEXT];
    return fail(x, E_APPROVAL_REQUIRED,
        "this call waits for a person (rule \"%.*s\" of policy %.*s): approval %s is pending until %.*s. Send exactly the same "
        "request again after it was approved; "
        "until then it is refused, and nothing was sent",
        SPAN_ARG(a->rule), SPAN_ARG(x->deciding.key->policy->name), a->id, SPAN_ARG(text_time(a->until, until)));
}

static enum next refused(struct exchange *x, const struct approval *a)
{
    if (a->state == APPROVAL_REFUSED)
        return fail(x, E_APPROVAL_REFUSED, "a person refused this call (approval %s%s%.*s); do not send it again", a->id,
            a->note.len ? ": " : "", SPAN_ARG(a->note));
    return fail(x, E_APPROVAL_REFUSED,
        "nobody approved this call in time (approval %s), which counts as a refusal; do not send it again", a->id);
}

static enum next ask_person(struct exchange *x, const struct approval_rule *rule)
{
    struct approving *p = &x->approving;
    struct approval asked = wanted(x, rule);
    bool opened = false;
    for (int tries = 0; tries < 2; tries++) {
        enum err e = approvals_ask(x->desk->approvals, &asked, x->times.began_ms, &x->arena, &p->approval, &opened);
        if (e != E_OK)
            return fail(x, E_OVERLOADED, "too many calls wait for a person already");
        if (p->approval.state == APPROVAL_APPROVED &&
            approvals_take(x->desk->approvals, span_of(p->approval.id), x->id, x->times.began_ms)) {
            p->taken = true;
            p->approval.state = APPROVAL_USED;
            p->approval.used_by = x->id;
            note_approval(x, &p->approval);
            return NEXT;
        }
        if (p->approval.state != APPROVAL_APPROVED &&
            p->approval.state != APPROVAL_USED) /* else another call was faster: this one waits for its own */
            break;
    }
    x->rule = rule->name;
    if (opened) {
        note_approval(x, &p->approval);
        tell_approval(x, &p->approval);
    }
    return p->approval.state == APPROVAL_PENDING ? wait_for_person(x, &p->approval) : refused(x, &p->approval);
}

enum next approve(struct exchange *x)
{
    const struct policy *p = x->deciding.key->policy;
    for (size_t i = 0; i < p->approval_count; i++) {
        const struct approval_rule *rule = &p->approvals[i];
        if (!approval_holds(rule, &x->facts, object_seen, x))
            continue;
        if (!x->deciding.key->dry_run)
            return ask_person(x, rule);
        x->rule = rule->name;
        return fail(x, E_APPROVAL_REQUIRED, "this call would wait for a person (rule \"%.*s\" of policy %.*s)",
            SPAN_ARG(rule->name), SPAN_ARG(p->name));
    }
    return NEXT;
}

void give_back_approval(struct exchange *x)
{
    struct approving *p = &x->approving;
    if (!p->taken || p->sent)
        return;
    p->taken = false;
    p->approval.state = APPROVAL_APPROVED;
    p->approval.used_by = 0;
    approvals_give_back(x->desk->approvals, span_of(p->approval.id), x->id);
    note_approval(x, &p->approval);
}

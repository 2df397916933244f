/* SPDX-License-Identifier: Apache-2.0
 * brakes.c - the step that looks for loops and runaway speed: what the policy's `brakes` say (rules/brake.h), counted in
 * ledger/brake.h by run, or by key where the call has no run or the rule says so.
 *
 * Looked at before the price, so that a loop stops before it reserves; what was spent and what failed is counted when the call
 * is over.
 *
 * Next to read: reserve.c. */
#include "flow/steps.h"

#include "rules/brake.h"

enum { ATTEMPT_MOST = 300 };

struct span brake_resumed(struct arena *a, enum stop_kind kind, struct span value)
{
    return arena_print(a, "resumed %.*s:%.*s", SPAN_ARG(stop_kind_name(kind)), SPAN_ARG(value));
}

/* Whom the rule watches here: the key, or the run. */
static bool watches_key(const struct exchange *x, const struct brake_rule *rule)
{
    return rule->per_key || !x->facts.run.len;
}

static struct span subject_of(struct exchange *x, const struct brake_rule *rule)
{
    return watches_key(x, rule) ? arena_print(&x->arena, "key:%.*s", SPAN_ARG(x->facts.key_id)) :
                 arena_print(&x->arena, "run:%.*s/%.*s", SPAN_ARG(x->facts.workspace), SPAN_ARG(x->facts.run));
}

/* How often an operator has resumed it within a day: what was counted before is forgiven. */
static int64_t times_resumed(struct exchange *x, const struct brake_rule *rule)
{
    bool key = watches_key(x, rule);
    struct span name = brake_resumed(&x->arena, key ? STOP_KEY : STOP_RUN, key ? x->facts.key_id : x->facts.run);
    return brakes_seen(x->desk->brakes, name, BRAKE_FORGIVEN_MS, x->times.began_ms);
}

/* Each rule counts for itself: its place in the policy, its subject, and of a repeat the request. */
static struct span counter_of(struct exchange *x, size_t rule, struct span subject)
{
    const struct policy *p = x->deciding.key->policy;
    struct buf *b = &x->desk->scratch;
    int64_t resumed = times_resumed(x, &p->brakes[rule]);
    buf_clear(b);
    buf_print(b, "%zu %lld %.*s %.*s ", rule, (long long)resumed, SPAN_ARG(p->name), SPAN_ARG(subject));
    if (p->brakes[rule].kind == BRAKE_REPEAT)
        buf_put(b, span_make((const char *)x->repeating.asked.bytes, DIGEST_LEN));
    return arena_copy(&x->arena, buf_span(b));
}

static struct span usd(struct exchange *x, nano_usd amount)
{
    char text[MONEY_TEXT];
    return arena_copy(&x->arena, money_text(amount, text));
}

/* SPAN_NONE: the rule has nothing to say; else what it saw. */
static struct span too_much(struct exchange *x, const struct brake_rule *rule, struct span counter, int64_t now)
{
    struct brakes *b = x->desk->brakes;
    const char *over = watches_key(x, rule) ? "this key" : "this run";
    int64_t seconds = rule->within_ms / 1000;
    if (rule->kind == BRAKE_REPEAT) {
        int64_t times = brakes_add(b, counter, rule->within_ms, 1, now);
        return times <= rule->most ? SPAN_NONE : arena_print(&x->arena, "the same call came from %s for the %lldth time within %lld s; %lld are allowed", over,
            (long long)times, (long long)seconds, (long long)rule->most);
    }
    int64_t seen = brakes_seen(b, counter, rule->within_ms, now);
    if (rule->kind == BRAKE_ERRORS)
        return seen < rule->most ? SPAN_NONE : arena_print(&x->arena, "%lld calls of %s failed or were refused within %lld s; %lld are allowed", (long long)seen, over,
            (long long)seconds, (long long)rule->most);
    if (rule->kind == BRAKE_SPEND)
        return seen <= rule->most ? SPAN_NONE : arena_print(&x->arena, "%s spent %.*s usd within %lld s; %.*s usd are allowed", over, SPAN_ARG(usd(x, seen)),
            (long long)seconds, SPAN_ARG(usd(x, rule->most)));
    int64_t normal = brakes_normal(b, counter, rule->within_ms, now);
    if (normal < 0 || seen < rule->least || seen <= money_mul_div_up(normal, rule->most, 100))
        return SPAN_NONE;
    return arena_print(&x->arena, "%s spent %.*s usd within %lld s, and %.*s usd are normal for it", over, SPAN_ARG(usd(x, seen)), (long long)seconds,
        SPAN_ARG(usd(x, normal)));
}

static enum next apply(struct exchange *x, const struct brake_rule *rule, struct span subject, struct span what)
{
    const struct world *w = x->desk->world;
    bool key = watches_key(x, rule);
    tell_brake(x, rule, subject, what);
    if (rule->action == BRAKE_ALERT)
        return NEXT;
    if (rule->action == BRAKE_STOP)
        w->stop(w->self, key ? STOP_KEY : STOP_RUN, key ? x->facts.key_id : x->facts.run, what);
    x->rule = rule->text;
    return fail(x, E_LOOP_DETECTED, "%.*s%s (brake \"%.*s\" of policy %.*s)", SPAN_ARG(span_first(what, ATTEMPT_MOST)),
        rule->action == BRAKE_STOP ? (key ? "; the key is stopped until an operator resumes it" : "; the run is stopped until an operator resumes it") : "",
        SPAN_ARG(rule->text), SPAN_ARG(x->deciding.key->policy->name));
}

enum next brake(struct exchange *x)
{
    const struct policy *p = x->deciding.key->policy;
    if (!p->brake_count || x->mirror_of)
        return NEXT;
    name_request(x);
    for (size_t i = 0; i < p->brake_count; i++) {
        const struct brake_rule *rule = &p->brakes[i];
        struct span subject = subject_of(x, rule);
        struct span what = too_much(x, rule, counter_of(x, i, subject), x->times.began_ms);
        if (what.at && apply(x, rule, subject, what) == STOP)
            return STOP;
    }
    return NEXT;
}

static bool counts_as_error(const struct exchange *x)
{
    return (x->fault != E_OK && x->fault != E_CLIENT_GONE && x->fault != E_LOOP_DETECTED) || x->answering.status >= 400;
}

void count_brakes(struct exchange *x)
{
    const struct policy *p = x->deciding.key ? x->deciding.key->policy : NULL;
    for (size_t i = 0; p && i < p->brake_count; i++) {
        const struct brake_rule *rule = &p->brakes[i];
        nano_usd spent = x->charging.kept ? x->facts.worst[UNIT_USD] : call_cost(x);
        int64_t amount = rule->kind == BRAKE_ERRORS ? counts_as_error(x) : rule->kind == BRAKE_REPEAT ? 0 : spent;
        if (amount > 0)
            (void)brakes_add(x->desk->brakes, counter_of(x, i, subject_of(x, rule)), rule->within_ms, amount, x->times.began_ms);
    }
}

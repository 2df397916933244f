/* SPDX-License-Identifier: Apache-2.0
 * now_answer.c - how GET /now and the event `now` are written, from the workers' counters and from sums that are there. */
#include "admin/now.h"

#include "base/clock.h"
#include "flow/approvals.h"
#include "observe/observe.h"

/* ---- from the workers' counters ---- */

static void put_second(struct json_out *o, int64_t second, const struct observed_second *seen)
{
    json_pair_time(o, SPAN("at"), second * 1000);
    json_pair_i64(o, SPAN("calls"), (int64_t)seen->calls);
    json_pair_i64(o, SPAN("refused"), (int64_t)seen->denied);
    json_pair_i64(o, SPAN("errors"), (int64_t)seen->failed);
    json_pair_money(o, SPAN("cost_usd"), seen->cost);
}

/* Up to the second that is over. Returns what the last minute cost. */
static nano_usd put_rates(struct visit *v, struct json_out *o, int64_t now)
{
    struct observed_second seen[NOW_SECONDS];
    int64_t from = now / 1000 - NOW_SECONDS;
    nano_usd minute = 0;
    observe_seconds(gate_observers(v->admin->parts.gate), v->actor.workspace, from, NOW_SECONDS, seen);
    json_name(o, SPAN("rates"));
    json_open(o, '[');
    for (int i = 0; i < NOW_SECONDS; i++) {
        json_open(o, '{');
        put_second(o, from + i, &seen[i]);
        json_close(o, '}');
        minute = i >= NOW_SECONDS - 60 ? money_add(minute, seen[i].cost) : 0;
    }
    json_close(o, ']');
    return minute;
}

static struct observed_open open_now(struct admin *a, struct span workspace)
{
    struct gate_counts c;
    struct observed_open open = observe_open_now(gate_observers(a->parts.gate), workspace);
    gate_count(a->parts.gate, &c);
    if (!workspace.at)
        open.calls = c.open;
    return open;
}

void now_answer_event(struct admin *a, struct span workspace, const struct now_sums *sums, struct buf *out)
{
    struct observed_second seen;
    int64_t second = clock_unix_ms() / 1000 - 1;
    struct observed_open open = open_now(a, workspace);
    observe_seconds(gate_observers(a->parts.gate), workspace, second, 1, &seen);
    struct json_out o = json_out(out);
    json_open(&o, '{');
    put_second(&o, second, &seen);
    json_pair_i64(&o, SPAN("open_calls"), open.calls);
    json_pair_money(&o, SPAN("held_usd"), open.held);
    json_name(&o, SPAN("in_doubt_count"));
    if (sums)
        json_put_i64(&o, sums->doubts);
    else
        json_put_null(&o); /* not counted yet */
    json_close(&o, '}');
}

/* ---- from the books ---- */

static void put_spend(struct json_out *o, const struct now_sums *s, nano_usd minute)
{
    json_name(o, SPAN("spend"));
    json_open(o, '{');
    json_pair_money(o, SPAN("minute_usd"), minute);
    json_pair_money(o, SPAN("hour_usd"), s->hour);
    json_pair_money(o, SPAN("today_usd"), s->today);
    json_pair_money(o, SPAN("month_usd"), s->month);
    json_close(o, '}');
}

static void put_cap(struct json_out *o, const struct now_cap *c)
{
    int64_t used = money_add(c->spent, c->reserved);
    json_open(o, '{');
    json_pair(o, SPAN("account"), c->account);
    json_pair(o, SPAN("budget"), c->budget);
    json_pair(o, SPAN("subject"), c->subject);
    json_pair(o, SPAN("unit"), unit_name(c->unit));
    bool money = c->unit == UNIT_USD;
    json_pair_amount(o, SPAN("limit"), money, c->limit);
    json_pair_amount(o, SPAN("spent"), money, c->spent);
    json_pair_amount(o, SPAN("reserved"), money, c->reserved);
    json_pair_i64(o, SPAN("percent"), c->limit > 0 ? money_mul_div_near(used, 100, c->limit) : 100);
    json_pair_time(o, SPAN("resets_at"), c->resets_at);
    json_pair_time(o, SPAN("full_at"), c->full_at);
    json_close(o, '}');
}

static void put_top(struct json_out *o, struct span name, const struct now_top *list, size_t count)
{
    json_name(o, name);
    json_open(o, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(o, '{');
        json_pair(o, SPAN("id"), list[i].id);
        json_pair(o, SPAN("name"), list[i].name);
        json_pair_money(o, SPAN("cost_usd"), list[i].cost);
        json_pair_i64(o, SPAN("calls"), list[i].calls);
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void put_sums(struct json_out *o, const struct now_sums *s)
{
    json_name(o, SPAN("in_doubt"));
    json_open(o, '{');
    json_pair_i64(o, SPAN("count"), s->doubts);
    json_pair_money(o, SPAN("usd"), s->doubts_usd);
    json_close(o, '}');
    json_name(o, SPAN("caps"));
    json_open(o, '[');
    for (size_t i = 0; i < s->cap_count; i++)
        put_cap(o, &s->caps[i]);
    json_close(o, ']');
    json_name(o, SPAN("top"));
    json_open(o, '{');
    put_top(o, SPAN("keys"), s->top[NOW_KEYS], s->top_count[NOW_KEYS]);
    put_top(o, SPAN("runs"), s->top[NOW_RUNS], s->top_count[NOW_RUNS]);
    put_top(o, SPAN("vendors"), s->top[NOW_VENDORS], s->top_count[NOW_VENDORS]);
    json_close(o, '}');
}

/* ---- all of it ---- */

static int64_t count_waiting(struct visit *v, int64_t now)
{
    struct approval *list = NULL;
    size_t count = 0;
    int64_t waiting = 0;
    if (approvals_list(gate_approvals(v->admin->parts.gate), APPROVAL_PENDING, now, &v->arena, &list, &count) != E_OK)
        return 0;
    for (size_t i = 0; i < count; i++)
        waiting += !v->actor.workspace.at || span_is(list[i].workspace, v->actor.workspace);
    return waiting;
}

static void put_stops(struct visit *v, struct json_out *o, int64_t now)
{
    struct stop_set *set = gate_stops(v->admin->parts.gate);
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    json_name(o, SPAN("stops"));
    json_open(o, '[');
    for (size_t i = 0; i < stop_set_count(set); i++) {
        const struct stop *stop = stop_set_at(set, i);
        if (!stops_over(stop, now) && stops_shows(v, s, stop))
            stops_write(o, stop);
    }
    json_close(o, ']');
    snapshot_drop(s);
    stop_set_drop(set);
}

void now_answer(struct visit *v, const struct now_sums *sums, struct now_alarms *alarms)
{
    struct json_out *o = &v->json;
    int64_t now = clock_unix_ms();
    struct observed_open open = open_now(v->admin, v->actor.workspace);
    json_open(o, '{');
    json_pair_time(o, SPAN("at"), now);
    put_spend(o, sums, put_rates(v, o, now));
    json_pair_i64(o, SPAN("open_calls"), open.calls);
    json_pair_money(o, SPAN("held_usd"), open.held);
    json_pair_i64(o, SPAN("approvals_waiting"), count_waiting(v, now));
    put_stops(v, o, now);
    put_sums(o, sums);
    now_put_alarms(o, v->admin, alarms, now);
    json_close(o, '}');
    v->stale = sums->stale;
    reply_json(v, 200);
}

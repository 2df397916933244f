/* SPDX-License-Identifier: Apache-2.0
 * now_alarms.c - what cannot wait for a person to ask, and since when it is so. */
#include "admin/now.h"

#include <stdio.h>

#include "base/clock.h"

struct state {
    struct gate_counts counts;
    struct health_counts health;
    uint64_t lag;
};

static bool is_on(struct admin *a, const struct state *s, enum now_alarm which, char *text, size_t room)
{
    switch (which) {
    case ALARM_STORE:
        snprintf(text, room, "the store cannot write; calls that spend are refused once the journal is full");
        return !store_healthy(books_store(a->parts.books));
    case ALARM_UNWRITTEN:
        snprintf(text, room, "%ld rows wait in memory for room on the disk", s->counts.unwritten);
        return s->counts.unwritten > 0;
    case ALARM_LAG:
        snprintf(text, room, "the store is %llu MiB behind the journals", (unsigned long long)(s->lag >> 20));
        return s->lag > BOOKS_LAG_MAX / 4;
    case ALARM_LEDGER:
        snprintf(text, room, "the self-check found the ledger and the books at odds, or a hold that outlived its call: GET /api/v1/ledger/check");
        return selfcheck_alarmed(a);
    case ALARM_BREAKERS:
        snprintf(text, room, "%zu targets are not asked: their breakers are open", s->health.open);
        return s->health.open > 0;
    case ALARM_CREDENTIALS:
        snprintf(text, room, "%zu credentials are refused by their vendors", s->health.refused);
        return s->health.refused > 0;
    case ALARM_PRICES:
        snprintf(text, room, "prices_file cannot be used; the last good one stays in force");
        return config_prices_state().refused;
    case NOW_ALARMS:
        break;
    }
    return false;
}

void now_put_alarms(struct json_out *o, struct admin *a, struct now_alarms *alarms, int64_t now)
{
    static const char *const codes[] = { "store_unhealthy", "rows_unwritten", "journal_lag", "ledger_disagrees", "breakers_open", "credentials_refused", "prices_refused" };
    _Static_assert(sizeof(codes) / sizeof(*codes) == NOW_ALARMS, "a code each");
    char text[200];
    struct state state = { .lag = books_lag(a->parts.books) };
    gate_count(a->parts.gate, &state.counts);
    health_count(gate_health(a->parts.gate), now, &state.health);
    json_name(o, SPAN("alarms"));
    json_open(o, '[');
    for (int i = 0; i < NOW_ALARMS; i++) {
        bool on = is_on(a, &state, (enum now_alarm)i, text, sizeof(text));
        alarms->since[i] = !on ? 0 : alarms->since[i] ? alarms->since[i] : now;
        if (!on)
            continue;
        json_open(o, '{');
        json_pair(o, SPAN("code"), span_of(codes[i]));
        json_pair(o, SPAN("text"), span_of(text));
        json_pair_time(o, SPAN("since"), alarms->since[i]);
        json_close(o, '}');
    }
    json_close(o, ']');
}

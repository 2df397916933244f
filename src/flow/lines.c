/* SPDX-License-Identifier: Apache-2.0
 * lines.c - what a call counts on which account, all its legs together: for the journal. */
#include "flow/legs.h"
#include "flow/steps.h"

/* What is limited "at once" goes back with the call's end, known or not: it is under way no more. */
bool line_is_kept(const struct charging *c, size_t line)
{
    return c->kept && c->budgets[line]->unit != UNIT_CALLS;
}

static struct journal_line *same_line(struct journal_line *lines, size_t count, const struct journal_line *l)
{
    for (size_t i = 0; i < count; i++)
        if (lines[i].slot == l->slot && !lines[i].kept && !l->kept && span_is(lines[i].account, l->account))
            return &lines[i];
    return NULL;
}

static void add_charging(const struct charging *c, struct journal_line *lines, size_t *count)
{
    for (size_t i = 0; c->reserved && i < c->count; i++) {
        const struct journal_line l = { c->wants[i].account, c->wants[i].slot, c->wants[i].amount, c->real[i], c->wants[i].ends_at, line_is_kept(c, i) };
        struct journal_line *same = same_line(lines, *count, &l);
        if (same) {
            same->held = money_add(same->held, l.held);
            same->real = money_add(same->real, l.real);
        } else if (*count < CALL_LINES) {
            lines[(*count)++] = l;
        }
    }
}

/* Before it is over: what was settled for a leg that ended counts as it was, whatever becomes of the rest. */
static void add_ended(const struct ended *e, bool over, struct journal_line *lines, size_t *count)
{
    struct charging c = e->charging;
    for (size_t i = 0; !over && i < c.count; i++)
        c.wants[i].amount = c.real[i] > 0 ? c.real[i] : 0;
    add_charging(&c, lines, count);
}

size_t charged_lines(const struct exchange *x, struct journal_line lines[CALL_LINES])
{
    const struct routing *r = &x->routing;
    size_t count = 0;
    for (const struct ended *e = r->ended; e; e = e->next)
        add_ended(e, x->stage == FINISH, lines, &count);
    for (size_t i = 0; i < r->racer_count; i++)
        if (i != r->at_hand && !r->racers[i]->over)
            add_charging(&r->racers[i]->charging, lines, &count);
    if (r->bill)
        add_charging(&r->bill->charging, lines, &count);
    add_charging(&x->charging, lines, &count);
    return count;
}

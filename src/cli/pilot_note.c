/* SPDX-License-Identifier: Apache-2.0
 * pilot_note.c - what a pilot found, as a page of Markdown that can be put before whoever decides. */
#include "cli/pilot.h"

#include "base/clock.h"
#include "base/text.h"

static const char *const steps[] = { "", "Freeze the present route", "Map it", "Transport", "Capabilities", "Money", "The way back", "Decision" };
static const char *const outcomes[] = { "passed", "**failed**", "not tried" };

/* A cell of a table: what would end it is told otherwise. */
static void put_cell(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        buf_put_byte(out, text.at[i] == '|' ? '/' : text.at[i] == '\n' || text.at[i] == '`' ? ' ' : text.at[i]);
}

static void put_checks(struct pilot *p, struct buf *out, enum pilot_step step)
{
    buf_print(out, "\n## %d. %s\n\n| check | result | found |\n|---|---|---|\n", (int)step, steps[step]);
    for (size_t i = 0; i < p->check_count; i++) {
        const struct pilot_check *k = &p->checks[i];
        if (k->step != step)
            continue;
        buf_print(out, "| %.*s | %s | ", SPAN_ARG(k->what), outcomes[k->outcome]);
        put_cell(out, k->found);
        buf_put(out, SPAN(" |\n"));
    }
}

static void put_diffs(struct pilot *p, struct buf *out, bool back)
{
    for (size_t i = 0; i < 3 && p->v->diffs[i].language; i++) {
        struct span before = pilot_fill(p, p->v->diffs[i].before), after = pilot_fill(p, p->v->diffs[i].after);
        buf_print(out, "\n%s:\n\n```diff\n-%.*s\n+%.*s\n```\n", p->v->diffs[i].language, SPAN_ARG(back ? after : before), SPAN_ARG(back ? before : after));
    }
}

void pilot_write(struct pilot *p, struct buf *out)
{
    char now[TIME_TEXT], money[MONEY_TEXT];
    bool go = pilot_go(p);
    size_t failed = 0, untried = 0;
    for (size_t i = 0; i < p->check_count; i++) {
        failed += p->checks[i].outcome == PILOT_FAILED;
        untried += p->checks[i].outcome == PILOT_SKIPPED;
    }
    buf_print(out, "# Pilot: %s through Tollgate: %s\n\n%.*s, Tollgate " TOLLGATE_VERSION ", gate %.*s, run `%.*s`.\n", p->v->vendor, go ? "GO" : "NO-GO",
        SPAN_ARG(text_time(clock_unix_ms(), now)), SPAN_ARG(p->gate), SPAN_ARG(p->run));
    for (int step = STEP_FREEZE; step <= STEP_FINANCE; step++) {
        put_checks(p, out, (enum pilot_step)step);
        if (step == STEP_MAP) {
            buf_put(out, SPAN("\nThe change in code:\n"));
            put_diffs(p, out, false);
        }
    }
    put_checks(p, out, STEP_BACK);
    buf_print(out, "\nThe change back, which restores what was frozen; `%s` is to be kept until the way back is no longer wanted:\n", p->v->variable);
    put_diffs(p, out, true);
    buf_print(out, "\n## %d. %s\n\n**%s.** %zu of %zu checks failed, %zu were not tried. The pilot made %zu calls and cost %.*s USD", (int)STEP_DECISION, steps[STEP_DECISION], go ? "Go" : "No go",
        failed, p->check_count, untried, p->call_count, SPAN_ARG(money_text(p->cost, money)));
    buf_print(out, "%s%.*s.\n", p->snapshot.at ? ", at the prices of snapshot " : "", SPAN_ARG(p->snapshot.at ? p->snapshot : SPAN("")));
    for (size_t i = 0; i < p->check_count; i++)
        if (p->checks[i].outcome == PILOT_FAILED)
            buf_print(out, "\n* to be mended first: %.*s", SPAN_ARG(p->checks[i].what));
    buf_put(out, failed ? SPAN("\n") : SPAN(""));
}

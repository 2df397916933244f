/* SPDX-License-Identifier: Apache-2.0
 * ledger.c - what the books cost without a network: reserving, settling, appending to the journal, and coming back after a crash.
 *
 *   ledger_bench alone | rolling | same | apart    ns for a call that reserves and settles four accounts
 *   ledger_bench many                              the same among a million accounts; their memory; sweep and walk
 *   ledger_bench append FOLDER                     ns for a call's two records, while a reader takes them away
 *   ledger_bench recover FOLDER                    seconds until the books are open again with a million records not yet stored
 *
 * Prints lines "name value"; script/bench ledger runs it again and again and takes medians. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/must.h"
#include "flow/books.h"
#include "rules/call_id.h"
#include "rules/row.h"

enum { LINES = 4, CALLS = 1000000, MANY = 1000000, MANY_CALLS = 500000, RECORDS = 1000000, READ_BEHIND = 1000, NAME = 80, THREADS = 2 };

static const char *const four[LINES] = { "key_1f3c9a42/usd/day|2026-11-21T00:00:00Z", "key_1f3c9a42/usd/run|run=run_8c2b71", "workspace_1/usd/month|2026-11-01T00:00:00Z",
    "key_1f3c9a42/requests/minute|2026-11-21T12:34:00Z" };

static void say(const char *name, double value) { printf("%s %.3f\n", name, value); }

struct runner {
    struct ledger *l;
    char names[LINES][NAME];
    bool rolling;
    atomic_bool *go;
    double ns; /* a call */
};

static void *run(void *self)
{
    struct runner *r = self;
    const int64_t real[LINES] = { 1, 1, 1, 1 };
    struct ledger_want wants[LINES];
    struct ledger_refusal why;
    struct ledger_hold h = { .open = false };
    for (int i = 0; i < LINES; i++)
        wants[i] = (struct ledger_want){ .account = span_of(r->names[i]), .slot = LEDGER_NO_SLOT, .limit = INT64_MAX, .amount = 100 };
    while (!atomic_load(r->go))
        continue;
    int64_t began = clock_monotonic_ns();
    for (int n = 0; n < CALLS; n++) {
        for (int i = 0; r->rolling && i < LINES; i++)
            wants[i].slot = 1000 + n / 1000; /* a sub-window ends every thousand calls */
        must(ledger_reserve(r->l, &h, wants, LINES, &why) == E_OK);
        ledger_settle(r->l, &h, real);
    }
    r->ns = (double)(clock_monotonic_ns() - began) / CALLS;
    return NULL;
}

/* All runners are threads, even one: the C library locks more cheaply as long as there is only the main thread. */
static void reserve_and_settle(int threads, bool apart, bool rolling)
{
    struct runner runners[THREADS];
    pthread_t ids[THREADS];
    atomic_bool go = false;
    struct ledger *l = ledger_new();
    double sum = 0;
    must(l);
    for (int t = 0; t < threads; t++) {
        runners[t] = (struct runner){ .l = l, .go = &go, .rolling = rolling };
        for (int i = 0; i < LINES; i++)
            snprintf(runners[t].names[i], NAME, "%s%s", apart && t ? "other/" : "", four[i]);
        must(pthread_create(&ids[t], NULL, run, &runners[t]) == 0);
    }
    atomic_store(&go, true);
    for (int t = 0; t < threads; t++) {
        pthread_join(ids[t], NULL);
        sum += runners[t].ns;
    }
    say("ns_a_call", sum / threads);
    ledger_free(l);
}

static int64_t resident(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    must(f && fscanf(f, "%*s %ld", &pages) == 1);
    fclose(f);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static void many_name(char out[NAME], uint32_t n) { snprintf(out, NAME, "key_%08x/usd/day|2026-11-21T00:00:00Z", n); }

static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33) % below;
}

static void fill(struct ledger *l)
{
    char name[NAME];
    int64_t slowest = 0, before = resident();
    for (uint32_t i = 0; i < MANY; i++) {
        struct ledger_hold h = { .open = false };
        struct ledger_refusal why;
        const int64_t real = 1;
        many_name(name, i);
        struct ledger_want want = { .account = span_of(name), .slot = LEDGER_NO_SLOT, .limit = 1000, .amount = 10, .ends_at = 1000 };
        int64_t began = clock_monotonic_ns();
        must(ledger_reserve(l, &h, &want, 1, &why) == E_OK);
        int64_t took = clock_monotonic_ns() - began;
        slowest = took > slowest ? took : slowest;
        ledger_settle(l, &h, &real);
    }
    say("bytes_an_account", (double)(resident() - before) / MANY);
    say("slowest_first_call_us", (double)slowest / 1000);
}

static void call_among_many(struct ledger *l)
{
    uint64_t dice = 1;
    char(*names)[NAME] = malloc((size_t)MANY_CALLS * LINES * NAME);
    const int64_t real[LINES] = { 0 };
    must(names);
    for (int i = 0; i < MANY_CALLS * LINES; i++)
        many_name(names[i], draw(&dice, MANY));
    int64_t began = clock_monotonic_ns();
    for (int n = 0; n < MANY_CALLS; n++) {
        struct ledger_want wants[LINES];
        struct ledger_hold h = { .open = false };
        struct ledger_refusal why;
        for (int i = 0; i < LINES; i++)
            wants[i] = (struct ledger_want){ .account = span_of(names[n * LINES + i]), .slot = LEDGER_NO_SLOT, .limit = 1000, .amount = 10, .ends_at = 1000 };
        must(ledger_reserve(l, &h, wants, LINES, &why) == E_OK);
        ledger_settle(l, &h, real);
    }
    say("ns_a_call", (double)(clock_monotonic_ns() - began) / MANY_CALLS);
    free(names);
}

static void count(void *self, struct span account, const struct ledger_balance *b, int64_t ends_at)
{
    (void)account;
    (void)ends_at;
    *(int64_t *)self += b->settled;
}

static void many(void)
{
    struct ledger *l = ledger_new();
    int64_t sum = 0;
    must(l);
    fill(l);
    call_among_many(l);
    int64_t began = clock_monotonic_ns();
    ledger_each(l, count, &sum);
    must(sum == MANY);
    say("walk_ms", (double)(clock_monotonic_ns() - began) / 1e6);
    began = clock_monotonic_ns();
    must(ledger_sweep(l, 1000) == 0);
    say("sweep_nothing_ms", (double)(clock_monotonic_ns() - began) / 1e6);
    began = clock_monotonic_ns();
    must(ledger_sweep(l, 1001) == MANY);
    say("sweep_all_ms", (double)(clock_monotonic_ns() - began) / 1e6);
    ledger_free(l);
}

/* A call as a gate with four budgets writes it down, but for its id. */
struct sample {
    struct buf hold_text, row_text;
    struct journal_line lines[LINES];
    struct journal_hold hold;
    struct journal_row row;
};

static void write_text(struct buf *b, bool whole)
{
    struct row_out o = row_out(b);
    row_number(&o, ROW_AT, INT64_C(1795000000000));
    row_text(&o, ROW_KEY, SPAN("key_1f3c9a42"));
    row_text(&o, ROW_RUN, SPAN("run_8c2b71"));
    row_text(&o, ROW_VENDOR, SPAN("openai"));
    row_text(&o, ROW_OPERATION, SPAN("openai.chat.completions"));
    row_text(&o, ROW_MODEL, SPAN("gpt-4o-mini"));
    for (int i = 0; i < LINES && whole; i++) {
        row_open(&o, ROW_BUDGET);
        row_text(&o, ROW_BUDGET_ID, span_of(four[i]));
        row_number(&o, ROW_BUDGET_LIMIT, INT64_C(100000000000));
        row_number(&o, ROW_BUDGET_SPENT, INT64_C(31415926535));
        row_close(&o);
    }
    must(!b->broken);
}

static void sample_init(struct sample *s)
{
    memset(s, 0, sizeof(*s));
    buf_init(&s->hold_text, 4096);
    buf_init(&s->row_text, 4096);
    write_text(&s->hold_text, false);
    write_text(&s->row_text, true);
    for (int i = 0; i < LINES; i++)
        s->lines[i] = (struct journal_line){ .account = span_of(four[i]), .slot = LEDGER_NO_SLOT, .held = 2000000, .real = 1500000 };
    s->hold = (struct journal_hold){ .at = INT64_C(1795000000000), .row = buf_span(&s->hold_text), .lines = s->lines, .count = LINES };
    s->row = (struct journal_row){ .at = INT64_C(1795000000000), .status = 200, .held = true, .settled = true, .cost = 1500000, .reserved = 2000000,
        .tokens_in = 900, .tokens_out = 120, .workspace = SPAN("default"), .key = SPAN("key_1f3c9a42"), .run = SPAN("run_8c2b71"), .vendor = SPAN("openai"),
        .operation = SPAN("openai.chat.completions"), .model = SPAN("gpt-4o-mini"), .row = buf_span(&s->row_text), .lines = s->lines, .count = LINES };
}

static void put_call(struct journal *j, struct sample *s, struct call_ids *ids)
{
    s->hold.call = s->row.call = call_id_next(ids, s->row.at);
    must(journal_put_hold(j, &s->hold) == E_OK);
    must(journal_put_row(j, &s->row) == E_OK);
}

static struct journal *open_journal(const char *folder)
{
    char why[256] = "";
    struct disk disk;
    struct journal *j = disk_files(span_of(folder), 0, &disk, why) ? journal_open(&disk, 0, why) : NULL;
    if (!j)
        fprintf(stderr, "ledger_bench: %s\n", why);
    must(j);
    return j;
}

static void append(const char *folder)
{
    struct journal_record *record = malloc(sizeof(*record));
    struct journal *j = open_journal(folder);
    struct call_ids ids;
    struct sample s;
    int64_t spent = 0;
    must(record);
    sample_init(&s);
    call_ids_init(&ids, 0, 0);
    journal_seek(j, 0);
    for (int n = 0; n < CALLS; n += READ_BEHIND) {
        int64_t began = clock_monotonic_ns();
        for (int i = 0; i < READ_BEHIND; i++)
            put_call(j, &s, &ids);
        spent += clock_monotonic_ns() - began;
        while (journal_read(j, record))
            continue;
        journal_applied(j, record->position);
    }
    say("ns_a_call", (double)spent / CALLS);
    journal_close(j);
    free(record);
}

static void recover(const char *folder)
{
    char why[256] = "";
    struct journal *j = open_journal(folder);
    struct call_ids ids;
    struct sample s;
    sample_init(&s);
    call_ids_init(&ids, 0, 0);
    journal_seek(j, 0);
    for (int n = 0; n < RECORDS / 2; n++)
        put_call(j, &s, &ids);
    say("journal_mib", (double)journal_lag(j) / (1 << 20));
    journal_close(j);
    clock_t cpu = clock();
    int64_t began = clock_monotonic_ns();
    struct books *b = books_open(span_of(folder), 1, NULL, why);
    if (!b)
        fprintf(stderr, "ledger_bench: %s\n", why);
    must(b);
    say("seconds", (double)(clock_monotonic_ns() - began) / 1e9);
    say("cpu_seconds", (double)(clock() - cpu) / CLOCKS_PER_SEC);
    struct ledger_balance balance;
    must(ledger_balance(books_ledger(b), span_of(four[0]), LEDGER_NO_SLOT, &balance) && balance.settled == INT64_C(1500000) * (RECORDS / 2));
    books_close(b);
}

int main(int argc, char **argv)
{
    struct span part = argc > 1 ? span_of(argv[1]) : SPAN("");
    if (span_is(part, SPAN("alone")))
        reserve_and_settle(1, false, false);
    else if (span_is(part, SPAN("rolling")))
        reserve_and_settle(1, false, true);
    else if (span_is(part, SPAN("same")))
        reserve_and_settle(THREADS, false, false);
    else if (span_is(part, SPAN("apart")))
        reserve_and_settle(THREADS, true, false);
    else if (span_is(part, SPAN("many")))
        many();
    else if (span_is(part, SPAN("append")) && argc > 2)
        append(argv[2]);
    else if (span_is(part, SPAN("recover")) && argc > 2)
        recover(argv[2]);
    else
        return fprintf(stderr, "ledger_bench alone | rolling | same | apart | many | append FOLDER | recover FOLDER\n"), 2;
    return 0;
}

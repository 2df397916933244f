/* SPDX-License-Identifier: Apache-2.0
 * main.c - plays seeds: `ledger_sim [count] [first seed] [step]` (`2000 400 400`: those with the real store), or one of them told
 * event by event: `ledger_sim --seed N -v`. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "test/ledger_sim/sim.h"

enum { FAILURES_SHOWN = 20, TELL_EVERY = 20000, ZONE_BYTES = 1 << 16 };

static const char configuration[] =
    "- { limit: 4 usd, window: day, timezone: Europe/Berlin }\n"
    "- { limit: 9 usd, window: week, timezone: America/New_York, name: team }\n"
    "- { limit: 2 usd, window: run }\n"
    "- { limit: 3 usd, window: rolling 1h }\n"
    "- { limit: 4 usd, window: rolling 24h, vendor: stripe }\n"
    "- { limit: 3 usd, window: total, refunds: net, operation: stripe.* }\n"
    "- { limit: 2 usd, window: month, per: [stripe.customer] }\n"
    "- { limit: 2 usd, window: hour, per: [user], increase: { by: 1 usd, until: 2026-10-25T00:30:00Z } }\n"
    "- { limit: 1 usd, window: day, soft: true }\n"
    "- { limit: 6 requests, window: minute }\n"
    "- { limit: 9 requests, window: rolling 1m }\n"
    "- { limit: 3 calls, window: total }\n"
    "- { limit: 2 calls, window: run }\n"
    "- { limit: 900 tokens, window: hour }\n"
    "- { limit: 700 output_tokens, window: day, timezone: Europe/Berlin, metadata: { tenant: acme } }\n"
    "- { limit: 5 messages, window: day, per: [metadata.tenant, user] }\n";

struct setting {
    struct arena arena;
    struct budget budgets[BUDGETS];
    size_t count;
};

static const struct zone *read_zone(void *self, struct span name)
{
    struct setting *s = self;
    char path[256];
    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%.*s", SPAN_ARG(name));
    FILE *f = fopen(path, "rb");
    char *bytes = f ? arena_take(&s->arena, ZONE_BYTES) : NULL;
    size_t len = bytes ? fread(bytes, 1, ZONE_BYTES, f) : 0;
    if (f)
        fclose(f);
    return len ? zone_read(&s->arena, span_make(bytes, len)) : NULL;
}

static bool set_up(struct setting *s)
{
    struct node *root;
    struct trouble t = { .set = false };
    arena_init(&s->arena, 1 << 22);
    if (node_read_yaml(&s->arena, "budgets", span_of(configuration), &root, &t) != E_OK) {
        printf("%s\n", t.text);
        return false;
    }
    for (const struct node *n = root->first; n; n = n->next) {
        struct budget *b = &s->budgets[s->count++];
        must(s->count <= BUDGETS);
        if (budget_read(&s->arena, n, "budgets", read_zone, s, b, &t) != E_OK) {
            printf("%s\n", t.text);
            return false;
        }
    }
    return true;
}

/* A must() that fails ends the process: then this says where to look. */
static uint64_t playing;

static void aborted(int signal)
{
    char text[80];
    int len = snprintf(text, sizeof(text), "seed %llu: aborted\n", (unsigned long long)playing);
    (void)!write(STDOUT_FILENO, text, (size_t)len);
    _exit(128 + signal);
}

static struct world *make_world(struct setting *s)
{
    struct world *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->configured = s->budgets;
    w->configured_count = s->count;
    arena_init(&w->names, 1 << 24);
    arena_init(&w->scratch, 1 << 20);
    buf_init(&w->row, 1 << 20);
    must(arena_take(&w->names, 1) && arena_take(&w->scratch, 1)); /* the first block stays */
    w->names_empty = arena_mark(&w->names);
    w->scratch_empty = arena_mark(&w->scratch);
    return w;
}

static void free_world(struct world *w)
{
    for (unsigned i = 0; i < WORKERS; i++)
        disk_free(&w->workers[i].disk);
    real_free(w);
    arena_free(&w->names);
    arena_free(&w->scratch);
    buf_free(&w->row);
    free(w);
}

static uint64_t play_all(struct world *w, uint64_t count, uint64_t first, uint64_t step)
{
    uint64_t failed = 0;
    time_t began = time(NULL);
    for (uint64_t done = 1; done <= count && failed < FAILURES_SHOWN; done++) {
        uint64_t seed = playing = first + (done - 1) * step;
        play(w, seed);
        if (w->wrong) {
            failed++;
            printf("seed %llu, event %u: %s %s\n", (unsigned long long)seed, w->event, w->wrong, w->whom);
            fflush(stdout);
        }
        if (done % TELL_EVERY == 0 && isatty(STDERR_FILENO))
            fprintf(stderr, "\rledger_sim: %llu of %llu seeds, %lld s ", (unsigned long long)done, (unsigned long long)count,
                (long long)(time(NULL) - began));
    }
    return failed;
}

static void tally(const struct world *w)
{
    printf("%llu events; %llu kills, %llu power cuts, %llu torn records; %llu syncs failed, %llu times no room\n",
        (unsigned long long)w->events, (unsigned long long)w->kills, (unsigned long long)w->cuts, (unsigned long long)w->torn,
        (unsigned long long)w->syncs_failed, (unsigned long long)w->full);
    printf("calls: %llu forwarded, %llu refused, %llu in doubt, %llu resolved, %llu lost as their mode allows; %llu seeds with "
           "the real store\n",
        (unsigned long long)w->forwarded, (unsigned long long)w->refused, (unsigned long long)w->doubts,
        (unsigned long long)w->resolved, (unsigned long long)w->lost_calls, (unsigned long long)w->stores);
}

int main(int argc, char **argv)
{
    bool one = argc > 2 && strcmp(argv[1], "--seed") == 0;
    uint64_t count = one ? 1 : argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t step = !one && argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    struct setting setting = { .count = 0 };
    struct world *w = set_up(&setting) ? make_world(&setting) : NULL;
    if (!w)
        return 2;
    w->verbose = one && argc > 3;
    if (!w->verbose)
        log_level_set((enum log_level)(LOG_ERROR + 1)); /* disks fail here by the thousand */
    signal(SIGABRT, aborted);
    signal(SIGSEGV, aborted);
    uint64_t failed = play_all(w, count, first, step);
    tally(w);
    free_world(w);
    arena_free(&setting.arena);
    printf("%llu seeds\n%llu passed, %llu failed\n", (unsigned long long)count, (unsigned long long)(count - failed),
        (unsigned long long)failed);
    return failed ? 1 : 0;
}

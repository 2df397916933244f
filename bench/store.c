/* SPDX-License-Identifier: Apache-2.0
 * store.c - fills a data directory with calls as a month of traffic leaves them, through the store's own thread: rows, chain, sums, all of it.
 *   store_bench DIR CALLS UNTIL_MS     prints one line of JSON: how many rows, how long
 *
 * 200 keys, few of them busy; 30 operations of 12 vendors; runs of about a hundred calls, some of them at a time; 5,000 users; one call in
 * twenty refused, one in a hundred failed, one in a hundred settled later by a row of its own. The same each time. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "rules/call_id.h"
#include "rules/row.h"
#include "store/store.h"

enum { KEYS = 200, OPERATIONS = 30, VENDORS = 12, MODELS = 12, USERS = 5000, A_RUN = 100, AT_A_TIME = 64, ROW_MOST = 4096, TEXT_MOST = 64, WRITER = 200,
    RECORDS = 16384 /* that stay readable; a transaction has at most 4,096 */ };

#define MONTH_MS (INT64_C(30) * 24 * 60 * 60 * 1000)

struct record {
    struct buf row;
    char key[TEXT_MOST], name[TEXT_MOST], run[TEXT_MOST], step[TEXT_MOST], user[TEXT_MOST], vendor[TEXT_MOST], operation[TEXT_MOST], model[TEXT_MOST],
        label[TEXT_MOST], credential[TEXT_MOST], request[TEXT_MOST];
};

struct traffic {
    uint64_t calls, next, made; /* made: rows, settlements included */
    int64_t from;
    uint64_t seed;
    bool settle; /* a settlement of the last call comes next */
    struct store_record last;
    struct record records[RECORDS];
};

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t roll(struct traffic *t, uint64_t sides) { return (t->seed = mix(t->seed + UINT64_C(0x9e3779b97f4a7c15))) % sides; }

#define NAME(place, ...) (snprintf((place), TEXT_MOST, __VA_ARGS__), span_of(place))

static void write_row(struct buf *row, const struct record *t, const struct store_record *r)
{
    static const char *const verdicts[] = { "allowed", "denied", "error", "in_doubt" };
    buf_clear(row);
    struct row_out o = row_out(row);
    row_number(&o, ROW_ID, (int64_t)r->call);
    row_number(&o, ROW_AT, r->at);
    row_text(&o, ROW_WORKSPACE, r->workspace);
    row_text(&o, ROW_KEY, r->key);
    row_text(&o, ROW_KEY_NAME, span_of(t->name));
    row_text(&o, ROW_USER, r->user);
    row_text(&o, ROW_RUN, r->run);
    row_text(&o, ROW_STEP, r->step);
    row_text(&o, ROW_VENDOR, r->vendor);
    row_text(&o, ROW_OPERATION, r->operation);
    row_text(&o, ROW_METHOD, SPAN("POST"));
    row_text(&o, ROW_PATH, SPAN("/v1/chat/completions"));
    row_text(&o, ROW_MODEL_REQUESTED, r->model);
    row_text(&o, ROW_ADDRESS, SPAN("127.0.0.1"));
    row_text(&o, ROW_POLICY_VERSION, SPAN("sha256:0123456789abcdef"));
    row_text(&o, ROW_ROUTE, SPAN("single"));
    row_text(&o, ROW_CREDENTIAL, span_of(t->credential));
    row_text(&o, ROW_METADATA, SPAN("{\"customer\":\"cus_1234\"}"));
    row_text(&o, ROW_LABEL, span_of(t->label));
    row_text(&o, ROW_PRICE_SNAPSHOT, SPAN("2026-11-21"));
    row_number(&o, ROW_RESERVED, r->reserved);
    row_text(&o, ROW_MODEL, r->model);
    row_number(&o, ROW_STATUS, r->status);
    row_text(&o, ROW_VERDICT, span_of(verdicts[r->verdict]));
    row_text(&o, ROW_DENIED, r->denied);
    row_open(&o, ROW_ATTEMPT);
    row_text(&o, ROW_ATTEMPT_VENDOR, r->vendor);
    row_text(&o, ROW_ATTEMPT_MODEL, r->model);
    row_number(&o, ROW_ATTEMPT_STATUS, r->status);
    row_number(&o, ROW_ATTEMPT_MS, 731);
    row_number(&o, ROW_ATTEMPT_COST, r->cost);
    row_close(&o);
    row_number(&o, ROW_COST, r->cost);
    row_number(&o, ROW_SETTLED, 1);
    row_number(&o, ROW_HELD, r->held);
    row_text(&o, ROW_USAGE, SPAN("{\"prompt_tokens\":12,\"completion_tokens\":9,\"total_tokens\":21}"));
    row_number(&o, ROW_INPUT_TOKENS, r->tokens_in);
    row_number(&o, ROW_OUTPUT_TOKENS, r->tokens_out);
    row_text(&o, ROW_REQUEST_ID, span_of(t->request));
    row_text(&o, ROW_CACHE, SPAN("off"));
    for (int tag = ROW_LATENCY_MS; tag <= ROW_GATE_US; tag++)
        row_number(&o, (enum row_tag)tag, 740);
    row_open(&o, ROW_BUDGET);
    row_text(&o, ROW_BUDGET_ID, SPAN("key:support-agent/usd/day"));
    row_text(&o, ROW_BUDGET_UNIT, SPAN("usd"));
    row_number(&o, ROW_BUDGET_LIMIT, 5000000000);
    row_number(&o, ROW_BUDGET_SPENT, 4000000000);
    row_close(&o);
    if (r->kind == STORE_SETTLEMENT) {
        row_text(&o, ROW_KIND, SPAN("settlement"));
        row_number(&o, ROW_OF, (int64_t)r->of);
    }
}

static void name_call(struct traffic *all, struct record *t, uint64_t n, struct store_record *r)
{
    uint64_t run = n / (A_RUN * AT_A_TIME) * AT_A_TIME + n % AT_A_TIME, whose = mix(run) % (KEYS * KEYS);
    int key = (int)(whose / KEYS * (whose % KEYS) / KEYS), operation = (int)((uint64_t)key * 7 + roll(all, 4)) % OPERATIONS;
    r->workspace = key % 10 ? SPAN("default") : SPAN("second");
    r->key = NAME(t->key, "key_%016llx", (unsigned long long)mix((uint64_t)key + 1));
    NAME(t->name, "agent-%d", key);
    r->run = NAME(t->run, "run_%08llu", (unsigned long long)run);
    r->step = NAME(t->step, "step-%d", (int)roll(all, 8));
    r->user = NAME(t->user, "user-%d", (int)roll(all, USERS));
    r->vendor = NAME(t->vendor, "vendor%d", operation % VENDORS);
    r->operation = NAME(t->operation, "vendor%d.things%d.create", operation % VENDORS, operation);
    r->model = operation % 3 ? NAME(t->model, "model-%d", operation % MODELS) : SPAN_NONE;
    NAME(t->label, "tenant%d:agent%d:feature%d", key % 40, key, operation % 3);
    NAME(t->credential, "vendor%d-main", operation % VENDORS);
    NAME(t->request, "req_%016llx%016llx", (unsigned long long)mix(n), (unsigned long long)mix(n + 1));
}

static void make_call(struct traffic *t, struct record *names, struct store_record *r)
{
    uint64_t n = t->next++, luck = roll(t, 100);
    int64_t at = t->from + (int64_t)((double)n * (double)MONTH_MS / (double)t->calls);
    *r = (struct store_record){ .what = STORE_ROW, .call = call_id_floor(at) | (n & 0x7fff), .at = at, .status = 200, .settled = true,
        .held = true, .cost = (int64_t)roll(t, 20000000), .reserved = 20000000, .tokens_in = (int64_t)roll(t, 4000), .tokens_out = (int64_t)roll(t, 800) };
    name_call(t, names, n, r);
    if (luck < 5) {
        r->verdict = 1;
        r->status = 403;
        r->denied = luck ? SPAN("budget_exceeded") : SPAN("operation_denied");
        r->held = false;
    } else if (luck == 5) {
        r->verdict = 2;
        r->status = roll(t, 2) ? 502 : 429;
    }
    if (r->verdict)
        r->cost = r->tokens_in = r->tokens_out = 0;
    t->settle = luck == 6;
}

static void make_settlement(struct traffic *t, struct store_record *r)
{
    *r = t->last;
    r->kind = STORE_SETTLEMENT;
    r->of = t->last.call;
    r->call |= (uint64_t)1 << 20; /* another writer's */
    r->at += 1;
    r->cost = (int64_t)roll(t, 1000000);
    r->tokens_in = r->tokens_out = 0;
    t->settle = false;
}

static bool read_next(void *self, struct store_record *out)
{
    struct traffic *t = self;
    struct record *record = &t->records[t->made % RECORDS];
    const struct record *names = t->settle ? &t->records[(t->made - 1) % RECORDS] : record; /* a settlement has those of its call */
    if (t->settle)
        make_settlement(t, out);
    else if (t->next < t->calls)
        make_call(t, record, out);
    else
        return false;
    write_row(&record->row, names, out);
    t->last = *out;
    out->row = buf_span(&record->row);
    out->position = ++t->made;
    return true;
}

static void seek(void *self, uint64_t position)
{
    (void)self;
    must(position == 0); /* a fresh directory */
}

static void applied(void *self, uint64_t position)
{
    (void)self;
    (void)position;
}

int main(int argc, char **argv)
{
    char why[256] = "";
    int64_t until;
    static struct traffic t;
    if (argc != 4 || !span_to_u64(span_of(argv[2]), &t.calls) || !span_to_i64(span_of(argv[3]), &until))
        return fprintf(stderr, "store_bench DIR CALLS UNTIL_MS\n"), 2;
    t.from = until - MONTH_MS;
    for (int i = 0; i < RECORDS; i++)
        buf_init(&t.records[i].row, ROW_MOST);
    struct store *s = store_open(span_of(argv[1]), why);
    if (!s)
        return fprintf(stderr, "%s\n", why), 1;
    struct store_source source = { &t, read_next, seek, applied, NULL };
    uint64_t calls = t.calls;
    t.calls = 0; /* nothing to replay */
    store_source_add(s, &source, WRITER);
    must(store_recover(s, NULL, NULL) == E_OK);
    t.calls = calls;
    int64_t began = clock_monotonic_ns();
    must(store_start(s) == E_OK);
    must(store_barrier(s) == E_OK);
    double seconds = (double)(clock_monotonic_ns() - began) / 1e9;
    store_close(s);
    printf("{\"rows\":%llu,\"seconds\":%.1f}\n", (unsigned long long)t.made, seconds);
    for (int i = 0; i < RECORDS; i++)
        buf_free(&t.records[i].row);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * kill_test.c - a process that writes is killed with -9, again and again; nothing is lost and nothing counts twice.
 *
 * The journal is a list in memory that parent and child share, as the real one shares its mapping with the kernel. */
#include "test/unit/store/rig.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 12, RECORDS = 400000, HELD = 20, REAL = 7, OPEN = 8 /* calls under way at any time */ };

struct shared {
    atomic_size_t count;
    _Atomic uint64_t applied;
    size_t next;
    bool wronged;
    struct {
        uint64_t call;
        bool row;
    } records[RECORDS];
};

static bool read_next(void *self, struct store_record *out)
{
    static const struct store_line held = { { "key_a/0", 7 }, -1, HELD, 0, 0, false }, real = { { "key_a/0", 7 }, -1, HELD, REAL, 0, false };
    struct shared *j = self;
    if (j->next >= atomic_load(&j->count))
        return false;
    bool row = j->records[j->next].row;
    *out = (struct store_record){ .what = row ? STORE_ROW : STORE_HOLD, .position = j->next + 1, .call = j->records[j->next].call, .at = 1, .held = true,
        .settled = true, .cost = REAL, .row = SPAN("{\"vendor\":\"stripe\"}"), .lines = row ? &real : &held, .count = 1 };
    j->next++;
    return true;
}

static void seek(void *self, uint64_t position)
{
    struct shared *j = self;
    j->wronged = j->wronged || position < atomic_load(&j->applied);
    j->next = (size_t)position;
}

static void applied(void *self, uint64_t position) { atomic_store(&((struct shared *)self)->applied, position); }

static struct store *open_on(struct rig *g, struct shared *j)
{
    char why[256] = "";
    struct store *s = store_open(span_of(g->dir), why);
    struct store_source from = { j, read_next, seek, applied, NULL };
    must(s);
    store_source_add(s, &from, 0);
    must(store_recover(s, NULL, NULL) == E_OK);
    return s;
}

static void append(struct shared *j, uint64_t call, bool row)
{
    size_t at = atomic_load(&j->count);
    j->records[at].call = call;
    j->records[at].row = row;
    atomic_store(&j->count, at + 1);
}

/* The child: calls without end, each a hold and a row, until it is killed. */
static void write_on(struct rig *g, struct shared *j)
{
    struct store *s = open_on(g, j);
    must(store_start(s) == E_OK);
    uint64_t first = atomic_load(&j->count) + 1; /* ids grow by less than records do */
    for (uint64_t i = 0; atomic_load(&j->count) + 2 < RECORDS; i++) {
        append(j, first + i, false);
        if (i >= OPEN)
            append(j, first + i - OPEN, true);
        store_wake(s);
        if (i % 16 == 0)
            usleep(100);
    }
    pause();
}

/* How many are in doubt. */
static int64_t check(struct rig *g, struct shared *j)
{
    int64_t holds = 0, ended = 0;
    for (size_t i = 0; i < atomic_load(&j->count); i++)
        *(j->records[i].row ? &ended : &holds) += 1;
    g->store = open_on(g, j);
    CHECK_INT(rig_verified(g), holds); /* each call has one row, in doubt or not */
    CHECK_INT(rig_ask(g, "SELECT count(*) FROM calls WHERE verdict = 0"), ended);
    CHECK_INT(rig_ask(g, "SELECT count(*) FROM calls WHERE verdict = 3"), holds - ended);
    CHECK_INT(rig_ask(g, "SELECT sum(settled) FROM accounts"), ended * REAL);
    CHECK_INT(rig_ask(g, "SELECT sum(doubt) FROM accounts"), (holds - ended) * HELD);
    CHECK_INT(rig_ask(g, "SELECT count(*) FROM holds"), 0);
    rig_close(g);
    return holds - ended;
}

TEST(killed_and_carried_on)
{
    struct rig g;
    int64_t doubts = 0;
    rig_init(&g, 0);
    struct shared *j = mmap(NULL, sizeof(*j), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(j != MAP_FAILED);
    for (unsigned round = 0; round < ROUNDS; round++) {
        fflush(NULL);
        pid_t child = fork();
        must(child >= 0);
        if (child == 0) {
            write_on(&g, j);
            _exit(1);
        }
        usleep(20000 + round * 7919 % 40000);
        must(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
        doubts = check(&g, j);
    }
    CHECK(!j->wronged);
    CHECK(doubts >= OPEN);
    CHECK(atomic_load(&j->count) > 100);
    must(munmap(j, sizeof(*j)) == 0);
    rig_free(&g);
}

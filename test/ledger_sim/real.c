/* SPDX-License-Identifier: Apache-2.0
 * real.c - the real store beside the model, in a share of the seeds: what SQLite has must be what keep.c says.
 *
 * A crash may come at any write of SQLite's: a file system in front of the system's own counts them, and from the one that
 * the dice chose on, half of which may arrive, nothing takes effect. No thread runs: the store's batches are the simulation's
 * events. Files keep what was written, as a kill -9 leaves it; power cuts are left to the model. */
#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/inside.h"
#include "test/ledger_sim/sim.h"

struct feed {
    struct world *world;
    unsigned worker;
    struct journal_record record;
    struct store_line lines[LEDGER_LINES];
};

struct real {
    struct store *store;
    char dir[64];
    struct feed feeds[WORKERS];
    unsigned sought;
};

/* ---- a file system that dies -------------------------------------------------------------------------------------------------
 */

/* SQLite's file systems are global, so their state is. */
static struct {
    sqlite3_vfs *system, ours;
    bool dead;
    unsigned dies_in, fails_in; /* writes */
} shim;

struct shim_file {
    sqlite3_file base;
    sqlite3_file *below;
};

static sqlite3_file *below(sqlite3_file *f)
{
    return ((struct shim_file *)(void *)f)->below;
}

/* SQLITE_OK: this write takes place; *half: the process dies in it. */
static int before_write(bool *half)
{
    *half = false;
    if (shim.dead)
        return SQLITE_IOERR;
    if (shim.fails_in && --shim.fails_in == 0)
        return SQLITE_FULL;
    if (shim.dies_in && --shim.dies_in == 0)
        shim.dead = *half = true;
    return SQLITE_OK;
}

static int shim_close(sqlite3_file *f)
{
    return below(f)->pMethods->xClose(below(f));
}
static int shim_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    return below(f)->pMethods->xRead(below(f), to, n, at);
}
static int shim_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return below(f)->pMethods->xFileSize(below(f), size);
}
static int shim_lock(sqlite3_file *f, int how)
{
    return below(f)->pMethods->xLock(below(f), how);
}
static int shim_unlock(sqlite3_file *f, int how)
{
    return below(f)->pMethods->xUnlock(below(f), how);
}
static int shim_reserved(sqlite3_file *f, int *out)
{
    return below(f)->pMethods->xCheckReservedLock(below(f), out);
}
static int shim_control(sqlite3_file *f, int what, void *arg)
{
    return below(f)->pMethods->xFileControl(below(f), what, arg);
}
static int shim_sector(sqlite3_file *f)
{
    return below(f)->pMethods->xSectorSize(below(f));
}
static int shim_traits(sqlite3_file *f)
{
    return below(f)->pMethods->xDeviceCharacteristics(below(f));
}
static int shim_map(sqlite3_file *f, int page, int size, int grow, void volatile **out)
{
    return below(f)->pMethods->xShmMap(below(f), page, size, grow, out);
}
static int shim_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return below(f)->pMethods->xShmLock(below(f), at, n, flags);
}
static void shim_barrier(sqlite3_file *f)
{
    below(f)->pMethods->xShmBarrier(below(f));
}
static int shim_unmap(sqlite3_file *f, int remove)
{
    return below(f)->pMethods->xShmUnmap(below(f), remove);
}

static int shim_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    bool half;
    int code = before_write(&half);
    if (code == SQLITE_OK)
        code = below(f)->pMethods->xWrite(below(f), from, half ? n / 2 : n, at);
    return half ? SQLITE_IOERR : code;
}

static int shim_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    bool half;
    int code = before_write(&half);
    return code == SQLITE_OK ? below(f)->pMethods->xTruncate(below(f), size) : code;
}

static int shim_sync(sqlite3_file *f, int flags)
{
    bool half;
    int code = before_write(&half);
    return code == SQLITE_OK ? below(f)->pMethods->xSync(below(f), flags) : code;
}

static int shim_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    bool half;
    int code = before_write(&half);
    (void)vfs;
    return code == SQLITE_OK ? shim.system->xDelete(shim.system, path, sync) : code;
}

static int shim_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *out)
{
    static const sqlite3_io_methods methods = { .iVersion = 2,
        .xClose = shim_close,
        .xRead = shim_read,
        .xWrite = shim_write,
        .xTruncate = shim_truncate,
        .xSync = shim_sync,
        .xFileSize = shim_size,
        .xLock = shim_lock,
        .xUnlock = shim_unlock,
        .xCheckReservedLock = shim_reserved,
        .xFileControl = shim_control,
        .xSectorSize = shim_sector,
        .xDeviceCharacteristics = shim_traits,
        .xShmMap = shim_map,
        .xShmLock = shim_shm_lock,
        .xShmBarrier = shim_barrier,
        .xShmUnmap = shim_unmap };
    struct shim_file *s = (struct shim_file *)(void *)f;
    (void)vfs;
    s->below = (sqlite3_file *)(void *)(s + 1);
    int code = shim.system->xOpen(shim.system, path, s->below, flags, out);
    s->base.pMethods = s->below->pMethods ? &methods : NULL;
    return code;
}

static bool install(void)
{
    if (shim.system)
        return true;
    shim.system = sqlite3_vfs_find(NULL);
    shim.ours = *shim.system;
    shim.ours.zName = "dies";
    shim.ours.szOsFile = (int)sizeof(struct shim_file) + shim.system->szOsFile;
    shim.ours.xOpen = shim_open;
    shim.ours.xDelete = shim_delete;
    return sqlite3_vfs_register(&shim.ours, 1) == SQLITE_OK;
}

/* ---- what the store reads ----------------------------------------------------------------------------------------------------
 */

static void put_lines(struct feed *f, struct store_record *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct journal_line *l = &f->record.lines[i];
        f->lines[i] = (struct store_line){ l->account, l->slot, l->held, l->real, l->ends_at, l->kept };
    }
    out->lines = f->lines;
    out->count = count;
}

static void convert(struct feed *f, struct store_record *out)
{
    const struct journal_hold *h = &f->record.hold;
    const struct journal_row *r = &f->record.row;
    const struct journal_note *n = &f->record.note;
    if (f->record.kind == JOURNAL_NOTE) {
        *out = (struct store_record){ .what = n->what == NOTE_ANSWER ? STORE_ANSWER : STORE_ALERT,
            .call = n->call,
            .at = n->at,
            .until = n->until,
            .once = n->name,
            .bytes = n->bytes };
    } else if (f->record.kind == JOURNAL_HOLD) {
        *out = (struct store_record){
            .what = STORE_HOLD, .call = h->call, .at = h->at, .row = h->row, .once = h->once, .again = h->again
        };
        put_lines(f, out, h->count);
    } else {
        *out = (struct store_record){ .what = STORE_ROW,
            .call = r->call,
            .at = r->at,
            .kind = (enum store_kind)r->kind,
            .of = r->of,
            .verdict = (int)r->verdict,
            .status = r->status,
            .held = r->held,
            .settled = r->settled,
            .late = r->late,
            .cost = r->cost,
            .reserved = r->reserved,
            .row = r->row,
            .once = r->once,
            .again = r->again,
            .workspace = r->workspace,
            .key = r->key,
            .run = r->run,
            .step = r->step,
            .vendor = r->vendor,
            .operation = r->operation,
            .model = r->model,
            .denied = r->denied,
            .user = r->user };
        put_lines(f, out, r->count);
    }
    out->position = f->record.position;
}

static bool feed_read(void *self, struct store_record *out)
{
    struct feed *f = self;
    if (!keep_read(f->world, f->worker, &f->record))
        return false;
    convert(f, out);
    return true;
}

/* How many records of a worker are in the first `end` of the log. */
static size_t count_of(const struct world *w, unsigned worker, size_t end)
{
    size_t count = 0;
    for (size_t i = 0; i < end; i++)
        count += w->keep.log[i].worker == worker && !w->keep.log[i].made;
    return count;
}

static bool all_at(const struct world *w, size_t end)
{
    for (unsigned i = 0; i < w->worker_count; i++)
        if (count_of(w, i, end) != w->workers[i].read)
            return false;
    return true;
}

/* The store says how far it is: up to one and the same commit for all journals, not before the last that it reported. */
static void reconcile(struct world *w)
{
    struct keep *k = &w->keep;
    size_t end = k->pending;
    while (end > k->committed && !all_at(w, end))
        end--;
    if (!all_at(w, end))
        wrong(w, "the store's positions are of different commits, or went back", SPAN_NONE);
    k->pending = end;
    keep_commit(w);
}

static void feed_seek(void *self, uint64_t position)
{
    struct feed *f = self;
    struct world *w = f->world;
    struct worker *at = &w->workers[f->worker];
    at->read = 0;
    while (at->read < at->count && at->entries[at->read]->position <= position)
        at->read++;
    journal_seek(at->journal, position);
    if (++w->real->sought == w->worker_count)
        reconcile(w);
}

static void feed_applied(void *self, uint64_t position)
{
    struct feed *f = self;
    journal_applied(f->world->workers[f->worker].journal, position);
}

/* ---- events ------------------------------------------------------------------------------------------------------------------
 */

static void arm(struct world *w)
{
    shim.dies_in = roll(w, 1000) < 2 * w->temper.crash ? 1 + roll(w, 40) : 0;
    shim.fails_in = chance(w, w->temper.batch_fails) ? 1 + roll(w, 20) : 0;
}

static void disarm(struct world *w)
{
    shim.dies_in = shim.fails_in = 0;
    if (!shim.dead)
        return;
    w->down = true;
    for (unsigned i = 0; i < w->worker_count; i++)
        disk_kill(&w->workers[i].disk);
}

void real_batch(struct world *w)
{
    bool more;
    arm(w);
    enum err e = batch_run(w->real->store, 0, &more);
    disarm(w);
    if (e == E_OK)
        keep_commit(w);
    tell_history(w, "the real store: a batch %s", e == E_OK ? "committed" : "failed");
}

void real_sync(struct world *w)
{
    size_t committed = w->keep.committed;
    arm(w);
    enum err e = batch_sync(w->real->store);
    disarm(w);
    if (e == E_OK)
        w->keep.durable = committed;
}

static void remove_files(const char *dir)
{
    char path[512];
    DIR *d = opendir(dir);
    for (struct dirent *entry = d ? readdir(d) : NULL; entry; entry = readdir(d)) {
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        unlink(path); /* "." and ".." stay */
    }
    if (d)
        closedir(d);
}

void real_begin(struct world *w)
{
    if (!w->real) {
        w->real = calloc(1, sizeof(*w->real));
        must(w->real && install());
        snprintf(w->real->dir, sizeof(w->real->dir), "%s/ledger_sim.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        must(mkdtemp(w->real->dir));
    }
    remove_files(w->real->dir);
    w->stores++;
}

void real_free(struct world *w)
{
    if (!w->real)
        return;
    remove_files(w->real->dir);
    rmdir(w->real->dir);
    free(w->real);
}

bool real_open(struct world *w)
{
    struct real *r = w->real;
    char why[256] = "";
    arm(w);
    r->sought = 0;
    r->store = store_open(span_of(r->dir), why);
    for (unsigned i = 0; r->store && i < w->worker_count; i++) {
        r->feeds[i].world = w;
        r->feeds[i].worker = i;
        struct store_source source = { .self = &r->feeds[i], .read = feed_read, .seek = feed_seek, .applied = feed_applied };
        store_source_add(r->store, &source, i);
    }
    enum err e = r->store ? store_recover(r->store, NULL, NULL) : E_IO;
    bool failed = e != E_OK && !shim.dead;
    disarm(w);
    if (failed && !w->temper.batch_fails)
        wrong(w, "the store cannot be opened or replayed", span_of(why));
    if (e == E_OK)
        keep_commit(w);
    return e == E_OK;
}

/* As the process ends: what was not committed is gone, what SQLite would still write is not written. */
void real_close(struct world *w)
{
    shim.dead = true;
    store_close(w->real->store);
    w->real->store = NULL;
    shim.dead = false;
}

/* ---- what it has -------------------------------------------------------------------------------------------------------------
 */

struct look {
    struct world *world;
    int64_t settled, doubt; /* of all */
    size_t doubts, late;
};

static void see_balance(void *self, struct span account, int64_t slot, int64_t settled, int64_t doubt, int64_t ends_at)
{
    struct look *l = self;
    const struct cell *c = tab_cell(l->world, tab_of(l->world, account, slot >= 0), slot);
    (void)ends_at;
    l->settled += settled;
    l->doubt += doubt;
    if (c->settled != settled || c->doubt != doubt)
        wrong(l->world, "the store's balance is not the sum of its rows", account);
}

static void see_doubt(void *self, const struct store_doubt *d)
{
    struct look *l = self;
    const struct call *c = NULL;
    int64_t counted = 0;
    for (size_t i = 0; i < l->world->call_count; i++)
        if (l->world->calls[i].id == d->call)
            c = &l->world->calls[i];
    for (size_t i = 0; i < d->count; i++)
        counted += d->lines[i].real;
    if (!d->late && !(c && c->doubt_open))
        wrong(l->world, "the store doubts a call that is in no doubt", SPAN_NONE);
    if (d->late && !(c && c->late_open))
        wrong(l->world, "the store waits for a price that nobody owes", SPAN_NONE);
    if (d->late && c && c->counted != counted)
        wrong(l->world, "the store does not know what it counted for a late call", SPAN_NONE);
    l->doubts += !d->late;
    l->late += d->late;
}

static void check_sums(struct look *l)
{
    const struct world *w = l->world;
    size_t doubts = 0, late = 0;
    for (size_t i = 0; i < w->cell_count; i++) {
        l->settled -= w->cells[i].settled;
        l->doubt -= w->cells[i].doubt;
    }
    for (size_t i = 0; i < w->call_count; i++) {
        doubts += w->calls[i].doubt_open;
        late += w->calls[i].late_open;
    }
    if (l->settled || l->doubt)
        wrong(l->world, "the store misses a balance", SPAN_NONE);
    if (doubts != l->doubts)
        wrong(l->world, "the store misses a doubt", SPAN_NONE);
    if (late != l->late)
        wrong(l->world, "the store forgot that a price comes later", SPAN_NONE);
}

void real_check(struct world *w)
{
    char why[256];
    struct look l = { .world = w };
    struct store_verdict verdict;
    struct store_reader *r = store_reader_new(w->real->store, why);
    must(r);
    if (store_balances(r, see_balance, &l) != E_OK || store_doubts(r, 0, 1000, see_doubt, &l) != E_OK)
        wrong(w, "the store cannot be read", SPAN_NONE);
    if (store_verify(r, NULL, NULL, NULL, &verdict) != E_OK)
        wrong(w, "the audit chain is broken:", span_of(verdict.trouble ? verdict.trouble : "it cannot be read"));
    if (!w->wrong)
        check_sums(&l);
    store_reader_free(r);
}

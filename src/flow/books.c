/* SPDX-License-Identifier: Apache-2.0
 * books.c - see books.h. */
#include "flow/books.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "rules/call_id.h"

enum { WRITERS = CALL_ID_WORKERS };

/* One worker's journal as the store reads it. */
struct feed {
    struct journal *journal;
    struct journal_record record;
    struct store_line lines[JOURNAL_LINES];
};

struct books {
    struct ledger *ledger;
    struct store *store;
    struct feed *feeds[WRITERS];
    uint64_t last_call;
    bool incomplete; /* a balance could not be restored: starting would let a cap be passed */
};

static void copy_lines(struct feed *f, const struct journal_line *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        f->lines[i] =
            (struct store_line){ from[i].account, from[i].slot, from[i].held, from[i].real, from[i].ends_at, from[i].kept };
}

static void hold_record(struct feed *f, struct store_record *out)
{
    const struct journal_hold *h = &f->record.hold;
    *out = (struct store_record){ .what = STORE_HOLD,
        .call = h->call,
        .at = h->at,
        .row = h->row,
        .once = h->once,
        .again = h->again,
        .again_held = h->again_held,
        .lines = f->lines,
        .count = h->count };
    copy_lines(f, h->lines, h->count);
}

static void row_record(struct feed *f, struct store_record *out)
{
    const struct journal_row *r = &f->record.row;
    *out = (struct store_record){
        .what = STORE_ROW,
        .call = r->call,
        .at = r->at,
        .kind = (enum store_kind)r->kind,
        .of = r->of,
        .once = r->once,
        .again = r->again,
        .verdict = (int)r->verdict,
        .status = r->status,
        .held = r->held,
        .settled = r->settled,
        .late = r->late,
        .cost = r->cost,
        .reserved = r->reserved,
        .tokens_in = r->tokens_in,
        .tokens_out = r->tokens_out,
        .workspace = r->workspace,
        .key = r->key,
        .run = r->run,
        .step = r->step,
        .vendor = r->vendor,
        .operation = r->operation,
        .model = r->model,
        .denied = r->denied,
        .user = r->user,
        .row = r->row,
        .lines = f->lines,
        .count = r->count,
    };
    copy_lines(f, r->lines, r->count);
}

static void note_record(const struct feed *f, struct store_record *out)
{
    const struct journal_note *n = &f->record.note;
    static const enum store_what whats[] = { [NOTE_ANSWER] = STORE_ANSWER, [NOTE_ALERT] = STORE_ALERT, [NOTE_APPROVAL] = STORE_APPROVAL };
    must(n->what >= NOTE_ANSWER && n->what <= NOTE_APPROVAL);
    *out = (struct store_record){ .what = whats[n->what],
        .call = n->call,
        .at = n->at,
        .until = n->until,
        .once = n->name,
        .bytes = n->bytes };
}

static bool feed_read(void *self, struct store_record *out)
{
    struct feed *f = self;
    if (!journal_read(f->journal, &f->record))
        return false;
    if (f->record.kind == JOURNAL_HOLD)
        hold_record(f, out);
    else if (f->record.kind == JOURNAL_ROW)
        row_record(f, out);
    else
        note_record(f, out);
    out->position = f->record.position;
    return true;
}

static void feed_seek(void *self, uint64_t position)
{
    journal_seek(((struct feed *)self)->journal, position);
}
static void feed_applied(void *self, uint64_t position)
{
    journal_applied(((struct feed *)self)->journal, position);
}

static void feed_rest(void *self) { journal_rest(((struct feed *)self)->journal); }

static bool open_feed(struct books *b, struct span dir, unsigned writer, char why[256])
{
    struct disk disk;
    struct feed *f = b->feeds[writer] = calloc(1, sizeof(*f));
    if (!f || !disk_files(dir, writer, &disk, why) || !(f->journal = journal_open(&disk, writer, why)))
        return false;
    struct store_source source = { .self = f, .read = feed_read, .seek = feed_seek, .applied = feed_applied, .rest = feed_rest };
    store_source_add(b->store, &source, writer);
    return true;
}

/* A process with more workers may have left journals that no worker of this one writes to: they are read all the same. */
static void find_journals(struct span dir, bool found[WRITERS])
{
    char path[4096];
    snprintf(path, sizeof(path), "%.*s", SPAN_ARG(dir));
    DIR *d = opendir(path);
    for (struct dirent *entry = d ? readdir(d) : NULL; entry; entry = readdir(d)) {
        unsigned writer;
        if (sscanf(entry->d_name, "journal-%u-", &writer) == 1 && writer < WRITERS)
            found[writer] = true;
    }
    if (d)
        closedir(d);
}

static void restored(void *self, struct span account, int64_t slot, int64_t settled, int64_t doubt, int64_t ends_at)
{
    struct books *b = self;
    if (ledger_restore(b->ledger, account, slot, settled, doubt, ends_at) != E_OK)
        b->incomplete = true;
}

static bool open_all(struct books *b, struct span dir, unsigned workers, char why[256])
{
    bool found[WRITERS] = { false };
    find_journals(dir, found);
    for (unsigned i = 0; i < WRITERS; i++)
        if ((i < workers || found[i]) && !open_feed(b, dir, i, why))
            return false;
    if (store_recover(b->store, restored, b) != E_OK || b->incomplete) {
        snprintf(why, 256, b->incomplete ? "not all balances fit into memory" : "the journals could not be replayed");
        return false;
    }
    return store_last_call(b->store, &b->last_call) == E_OK;
}

struct books *books_open(struct span dir, unsigned workers, struct signer *signer, char why[256])
{
    struct books *b = calloc(1, sizeof(*b));
    must(workers > 0 && workers <= WRITERS);
    snprintf(why, 256, "out of memory");
    if (!b)
        return NULL;
    b->ledger = ledger_new();
    b->store = b->ledger ? store_open(dir, why) : NULL;
    if (b->store && signer)
        store_sign_with(b->store, signer);
    if (b->store && open_all(b, dir, workers, why))
        return b;
    books_close(b);
    return NULL;
}

enum err books_start(struct books *b, void (*committed)(void *self), void *self)
{
    if (committed)
        store_on_commit(b->store, committed, self);
    return store_start(b->store);
}

void books_close(struct books *b)
{
    if (!b)
        return;
    if (b->store)
        store_close(b->store);
    for (unsigned i = 0; i < WRITERS; i++) {
        if (b->feeds[i] && b->feeds[i]->journal)
            journal_close(b->feeds[i]->journal);
        free(b->feeds[i]);
    }
    if (b->ledger)
        ledger_free(b->ledger);
    free(b);
}

struct ledger *books_ledger(struct books *b)
{
    return b->ledger;
}
struct store *books_store(struct books *b)
{
    return b->store;
}
uint64_t books_last_call(const struct books *b)
{
    return b->last_call;
}

enum err books_put_hold(struct books *b, unsigned worker, const struct journal_hold *h)
{
    struct journal *j = b->feeds[worker]->journal;
    if (journal_lag(j) > BOOKS_LAG_MAX)
        return E_LEDGER_UNAVAILABLE;
    enum err e = journal_put_hold(j, h);
    if (e == E_OK)
        store_wake(b->store);
    return e;
}

enum err books_put_row(struct books *b, unsigned worker, const struct journal_row *r)
{
    enum err e = journal_put_row(b->feeds[worker]->journal, r);
    if (e == E_OK)
        store_wake(b->store);
    return e;
}

/* Neither alerts nor answers hold up a call: when the store is far behind they are refused like holds. */
enum err books_put_note(struct books *b, unsigned worker, const struct journal_note *n)
{
    struct journal *j = b->feeds[worker]->journal;
    if (journal_lag(j) > BOOKS_LAG_MAX)
        return E_LEDGER_UNAVAILABLE;
    enum err e = journal_put_note(j, n);
    if (e == E_OK)
        store_wake(b->store);
    return e;
}

uint64_t books_end(const struct books *b, unsigned worker)
{
    return journal_end(b->feeds[worker]->journal);
}
uint64_t books_synced(const struct books *b, unsigned worker)
{
    return journal_synced(b->feeds[worker]->journal);
}
uint64_t books_applied(const struct books *b, unsigned worker)
{
    return journal_applied_to(b->feeds[worker]->journal);
}
enum err books_sync(struct books *b, unsigned worker)
{
    return journal_sync(b->feeds[worker]->journal);
}

uint64_t books_lag(const struct books *b)
{
    uint64_t lag = 0;
    for (unsigned i = 0; i < WRITERS; i++)
        lag += b->feeds[i] ? journal_lag(b->feeds[i]->journal) : 0;
    return lag;
}

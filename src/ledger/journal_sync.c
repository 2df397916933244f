/* SPDX-License-Identifier: Apache-2.0
 * journal_sync.c - group commit: one thread makes all that was appended so far outlast a power cut, with one sync for all
 * calls that wait.
 *
 * The segment that is being synced is pinned: a reader that passes it meanwhile leaves it to the syncer, who retires it.
 *
 * A sync that failed is not tried again on the same bytes: the system may have dropped them and would say that all is well.
 * What was written until then stands nowhere for sure but in memory, so the store must have it before this says E_OK. */
#include <inttypes.h>

#include "base/log.h"
#include "ledger/journal_int.h"

uint64_t journal_synced(const struct journal *j)
{
    uint64_t synced = atomic_load_explicit(&j->synced, memory_order_acquire);
    uint64_t applied = atomic_load_explicit(&j->applied, memory_order_acquire);
    return synced > applied ? synced : applied;
}

static struct segment *pin(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    struct segment *s = j->pinned = j->unsynced;
    pthread_mutex_unlock(&j->lock);
    return s;
}

/* next: what follows if s was sealed before it was synced. */
static void unpin(struct journal *j, struct segment *s, struct segment *next, bool failed)
{
    pthread_mutex_lock(&j->lock);
    bool left = s->left;
    s->worn = s->worn || failed;
    j->pinned = NULL;
    if (next && !failed && j->unsynced == s)
        j->unsynced = next;
    pthread_mutex_unlock(&j->lock);
    if (left)
        segment_retire(j, s);
}

/* All segments in which there is something before `target`. 0, or errno. */
static int sync_segments(struct journal *j, uint64_t target)
{
    for (;;) {
        struct segment *s = pin(j);
        /* Asked before syncing: what is sealed now will not change behind the sync. */
        struct segment *next = atomic_load_explicit(&s->next, memory_order_acquire);
        bool more = next && target > position(j, s, j->size);
        int failed = j->disk.sync(j->disk.self, &s->mapped);
        unpin(j, s, next, failed != 0);
        if (failed || !more)
            return failed;
    }
}

static int sync_names(struct journal *j)
{
    uint64_t names = atomic_load(&j->names);
    int failed = names == j->names_synced ? 0 : j->disk.sync_names(j->disk.self);
    if (!failed)
        j->names_synced = names;
    return failed;
}

/* What ends at or before `end` is in the store: it needs no sync any more, and must not be asked for one. */
static void pass_over(struct journal *j, uint64_t end)
{
    struct segment *next;
    pthread_mutex_lock(&j->lock);
    while ((next = atomic_load_explicit(&j->unsynced->next, memory_order_acquire)) &&
           position(j, j->unsynced, j->unsynced->end) <= end)
        j->unsynced = next;
    pthread_mutex_unlock(&j->lock);
}

static bool may_be_trusted(struct journal *j)
{
    int trust = atomic_load_explicit(&j->trust, memory_order_acquire);
    if (trust != TRUST_MOVED_ON)
        return trust == TRUST_SOUND;
    uint64_t suspect = atomic_load_explicit(&j->suspect, memory_order_relaxed);
    if (atomic_load_explicit(&j->applied, memory_order_acquire) < suspect)
        return false;
    pass_over(j, suspect);
    log_info("journal", "the store has all that writer %u could not sync; the disk is tried again", j->writer);
    atomic_store_explicit(&j->trust, TRUST_SOUND, memory_order_release);
    return true;
}

enum err journal_sync(struct journal *j)
{
    uint64_t target = journal_end(j);
    if (target <= journal_synced(j))
        return E_OK;
    if (!may_be_trusted(j))
        return E_IO;
    int failed = sync_segments(j, target);
    failed = failed ? failed : sync_names(j);
    if (failed) {
        log_error("journal", "writer %u cannot sync, calls that wait for the disk are refused until the store has all: %s",
            j->writer, strerror(failed));
        atomic_store_explicit(&j->trust, TRUST_BROKEN, memory_order_release);
        return E_IO;
    }
    atomic_store_explicit(&j->synced, target, memory_order_release);
    return E_OK;
}

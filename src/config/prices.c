/* SPDX-License-Identifier: Apache-2.0
 * prices.c - `prices:` and `prices_file:` of the configuration: the book in the binary or one of the operator's, under the prices of
 * the file and of the API.
 *
 * A price file that cannot be used must not change what calls cost: once one was good, a bad one in its place is told of and not
 * taken, and the last good one stays. Only a start has nothing to stay with, and is refused. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/embed.h"
#include "base/file.h"
#include "base/log.h"
#include "config/parts.h"

enum { PRICES_FILE_MOST = 64 << 20, PRICES_SHRINK = 2 };

/* The text of a price file; books that lie on it share it. */
struct price_text {
    _Atomic long refs;
    struct buf text;
    size_t rows;
};

/* Which state of a file it is: one that is the same is not read again. */
struct file_state {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

/* Shared by all loads of the process, which may come from several threads. */
static struct {
    pthread_mutex_t lock;
    char path[4096];
    struct price_text *good;
    struct file_state good_state, bad_state;
    struct config_prices_state told;
} files = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void drop(void *self)
{
    struct price_text *t = self;
    if (!t || atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    buf_free(&t->text);
    free(t);
}

static bool same_state(const struct file_state *a, const struct file_state *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
        a->changed.tv_nsec == b->changed.tv_nsec;
}

/* NULL: *why. */
static struct price_text *read_text(int fd, char why[PRICE_WHY])
{
    struct price_text *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    atomic_init(&t->refs, 1);
    buf_init(&t->text, PRICES_FILE_MOST + (4 << 20));
    errno = 0;
    if (!file_read(fd, &t->text))
        snprintf(why, PRICE_WHY, "it cannot be read: %s", errno ? strerror(errno) : "it is too large");
    else if (price_book_check(buf_span(&t->text), &t->rows, why))
        return t;
    drop(t);
    return NULL;
}

static bool open_it(const char *path, int *fd, struct file_state *state, char why[PRICE_WHY])
{
    struct stat st;
    *state = (struct file_state){ .size = -1 };
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hang the start */
    if (*fd < 0 || fstat(*fd, &st) != 0) {
        snprintf(why, PRICE_WHY, "it cannot be read: %s", strerror(errno));
        return false;
    }
    *state = (struct file_state){ st.st_dev, st.st_ino, st.st_size, st.st_mtim };
    if (S_ISREG(st.st_mode) && st.st_size <= PRICES_FILE_MOST)
        return true;
    snprintf(why, PRICE_WHY, "it is no file, or larger than %d MiB", PRICES_FILE_MOST >> 20);
    return false;
}

/* Under the lock. The file as it is now, if it can be used; NULL: *why. */
static struct price_text *take_new(struct file_state *state, char why[PRICE_WHY])
{
    int fd = -1;
    struct price_text *t = NULL;
    bool open_now = open_it(files.path, &fd, state, why);
    if (open_now && files.good && same_state(state, &files.good_state))
        t = files.good;
    else if (open_now)
        t = read_text(fd, why);
    if (fd >= 0)
        close(fd);
    if (t && files.good && t->rows * PRICES_SHRINK < files.good->rows) {
        snprintf(why, PRICE_WHY, "it has %zu rows and the one in force %zu: a book does not shrink by more than half while the gate runs", t->rows, files.good->rows);
        drop(t);
        t = NULL;
    }
    return t;
}

static void tell_refused(const struct file_state *state, const char *why)
{
    if (!files.told.refused || !same_state(state, &files.bad_state))
        log_error("prices", "the price file %s is not taken, the last good one stays: %s", files.path, why);
    if (!files.told.refused)
        files.told.since = clock_unix_ms();
    files.told.refused = true;
    files.bad_state = *state;
    snprintf(files.told.why, sizeof(files.told.why), "%s", why);
}

/* Under the lock. One reference for the caller; NULL: nothing usable was ever there. */
static struct price_text *take(char why[PRICE_WHY])
{
    struct file_state state;
    struct price_text *t = take_new(&state, why);
    if (t && t != files.good) {
        drop(files.good);
        files.good = t;
    }
    if (t) {
        if (files.told.refused)
            log_info("prices", "the price file %s is good again", files.path);
        files.good_state = state;
        files.told.refused = false;
    } else if (files.good)
        tell_refused(&state, why);
    if (files.good)
        atomic_fetch_add(&files.good->refs, 1);
    return files.good;
}

static enum err take_file(struct load *l, const struct node *n, struct span path, struct price_text **out)
{
    char why[PRICE_WHY] = "no memory";
    if (!path.len || path.len >= sizeof(files.path)) {
        trouble_found(l->t, n, "prices_file", "the name of a file");
        return E_CONFIG;
    }
    pthread_mutex_lock(&files.lock);
    if (!span_is(span_of(files.path), path)) {
        drop(files.good);
        files.good = NULL;
        files.told = (struct config_prices_state){ .refused = false };
        snprintf(files.path, sizeof(files.path), "%.*s", SPAN_ARG(path));
    }
    *out = take(why);
    pthread_mutex_unlock(&files.lock);
    if (!*out)
        trouble_say(l->t, n, "prices_file", "found \"%.*s\": %s", SPAN_ARG(span_first(path, 200)), why);
    return *out ? E_OK : E_CONFIG;
}

struct config_prices_state config_prices_state(void)
{
    pthread_mutex_lock(&files.lock);
    struct config_prices_state state = files.told;
    pthread_mutex_unlock(&files.lock);
    return state;
}

/* ---- prices of the file and of the API ---- */

static bool push(struct load *l, struct node *map, struct node **end, const struct node *value, struct span name)
{
    struct node *copy = ARENA_NEW(&l->scratch, struct node);
    if (!copy)
        return false;
    *copy = *value;
    copy->name = name;
    copy->next = NULL;
    if (*end)
        (*end)->next = copy;
    else
        map->first = copy;
    *end = copy;
    map->count++;
    return true;
}

/* `prices:` with the API's objects in the place of their like. */
static enum err merge(struct load *l, const struct node *base, struct node **out)
{
    struct entries *es = &l->tree.kinds[KIND_PRICE];
    struct node *map = ARENA_NEW(&l->scratch, struct node), *end = NULL;
    struct map ours = { NULL, 0, 0 };
    bool room = map != NULL;
    if (map)
        map->kind = NODE_MAP;
    for (size_t i = 0; i < es->count && room; i++)
        room = !es->list[i].body.at || map_put(&ours, es->list[i].id, &es->list[i]);
    for (const struct node *n = base ? base->first : NULL; n && room; n = n->next)
        room = map_get(&ours, n->name) || push(l, map, &end, n, n->name);
    for (size_t i = 0; i < es->count && room; i++) {
        if (!es->list[i].body.at)
            continue;
        const struct node *n = entry_node(&l->tree, KIND_PRICE, &es->list[i], &l->scratch, l->t);
        room = n ? push(l, map, &end, n, es->list[i].id) : !l->t->set;
    }
    map_free(&ours);
    *out = map;
    return room ? E_OK : l->t->set ? E_CONFIG : E_NO_MEMORY;
}

static enum err read_book(struct load *l, struct span text)
{
    const struct node *base = node_get(l->tree.root, "prices");
    struct node *all = NULL;
    if (base && base->kind != NODE_MAP) {
        trouble_found(l->t, base, "prices", "a map from \"provider/model\" to prices");
        return E_CONFIG;
    }
    enum err e = merge(l, base, &all);
    return e ? e : price_book_read(text, all, &l->s->prices, l->t);
}

enum err prices_load(struct load *l)
{
    struct span path = SPAN_NONE, text = embed_find(SPAN("catalog/models.tsv"));
    const struct node *n = node_get(l->tree.root, "prices_file");
    struct price_text *own = NULL;
    must(text.at); /* travels in the binary */
    if (!node_span(n, "prices_file", &path, l->t))
        return E_CONFIG;
    if (!n)
        return read_book(l, text);
    enum err e = take_file(l, n, path, &own);
    if (e)
        return e;
    e = read_book(l, buf_span(&own->text));
    if (e)
        drop(own);
    else
        price_book_owns(l->s->prices, own, drop);
    return e;
}

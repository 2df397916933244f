/* SPDX-License-Identifier: Apache-2.0
 * rotate.c - the files that were written full: renamed, compressed, and in the end thrown away, the oldest first.
 *
 *   audit.jsonl -> audit-20261121T120000Z-000000000000-000000004711.jsonl -> ....jsonl.gz
 *
 * A name says when the file was begun and which rows are in it, so names sort by age. A file is there under its whole name or not at all:
 * compressing writes aside (".part") and renames; what a crash left is done again, or thrown away, with the next tidying. */
#include "export/inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

enum { NAME_MOST = 200, FILES_MOST = 200000 };

struct filed {
    char name[NAME_MOST];
    int64_t bytes;
};

struct files {
    struct filed *list;
    size_t count, room;
};

static struct span ending(const struct shelf *s) { return s->rule->format == EXPORT_CSV ? SPAN(".csv") : SPAN(".jsonl"); }

enum err shelf_put(const struct shelf *s, int64_t now, int64_t from, int64_t to, char why[256])
{
    char when[TIME_TEXT], open_name[NAME_MOST], name[NAME_MOST];
    snprintf(open_name, sizeof(open_name), "%.*s", SPAN_ARG(s->name));
    snprintf(name, sizeof(name), "%.*s-%s-%012lld-%012lld%.*s", SPAN_ARG(s->rule->name), text_stamp(now, when).at, (long long)from, (long long)to, SPAN_ARG(ending(s)));
    if (renameat2(s->dir, open_name, s->dir, name, RENAME_NOREPLACE) != 0 || fsync(s->dir) != 0)
        return file_trouble(why, "its file cannot be renamed", errno);
    return E_OK;
}

/* ---- what there is ---- */

static bool add(struct files *f, const char *name, int64_t bytes)
{
    if (f->count == f->room) {
        size_t room = f->room ? 2 * f->room : 64;
        struct filed *list = room > FILES_MOST ? NULL : realloc(f->list, room * sizeof(*list));
        if (!list)
            return false;
        f->list = list;
        f->room = room;
    }
    snprintf(f->list[f->count].name, NAME_MOST, "%s", name);
    f->list[f->count++].bytes = bytes;
    return true;
}

/* "NAME-" a stamp "-" a number "-" a number, and what comes behind them. */
static bool is_filed(const struct shelf *s, struct span name, struct span *rest)
{
    size_t begin = s->rule->name.len;
    if (!span_starts(name, s->rule->name) || name.len < begin + 18 || name.at[begin] != '-')
        return false;
    struct span after = span_from(name, begin + 1 + 16), tail, number;
    bool stamped = name.at[begin + 9] == 'T' && name.at[begin + 16] == 'Z';
    if (!stamped || !span_starts(after, SPAN("-")))
        return false;
    tail = span_from(after, 1);
    ptrdiff_t dot = span_find_byte(tail, '.');
    struct span numbers = dot < 0 ? SPAN("") : span_first(tail, (size_t)dot);
    int64_t n;
    if (!span_cut(&numbers, '-', &number) || !span_to_i64(number, &n) || !span_to_i64(numbers, &n))
        return false;
    *rest = span_from(tail, (size_t)dot);
    return true;
}

static int by_name(const void *a, const void *b) { return strcmp(((const struct filed *)a)->name, ((const struct filed *)b)->name); }

static void look_at(const struct shelf *s, const char *name, struct files *plain, struct files *all)
{
    struct span rest, text = span_of(name);
    struct stat st;
    if (text.len >= NAME_MOST || !is_filed(s, text, &rest) || fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return;
    if (span_ends(rest, SPAN(".part")))
        (void)unlinkat(s->dir, name, 0);
    else if (!span_is(rest, SPAN(".jsonl")) && !span_is(rest, SPAN(".csv")))
        (void)(span_ends(rest, SPAN(".gz")) && add(all, name, st.st_size));
    else
        (void)add(s->rule->gzip ? plain : all, name, st.st_size);
}

static bool gather(const struct shelf *s, struct files *plain, struct files *all)
{
    int copy = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    if (!d && copy >= 0)
        close(copy);
    for (struct dirent *e; d && (e = readdir(d));)
        look_at(s, e->d_name, plain, all);
    if (d)
        closedir(d);
    return d != NULL;
}

/* ---- compressing ---- */

static bool compress_to(const struct shelf *s, const char *name, const char *part, int64_t *bytes)
{
    struct stat st;
    int from = openat(s->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int to = from < 0 ? -1 : openat(s->dir, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool good = to >= 0 && gzip_file(from, to) == E_OK && fdatasync(to) == 0 && fstat(to, &st) == 0;
    if (good)
        *bytes = st.st_size;
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return good;
}

static void compress(const struct shelf *s, const struct filed *f, struct files *all)
{
    char part[NAME_MOST + 10], whole[NAME_MOST + 10];
    int64_t bytes = 0;
    snprintf(whole, sizeof(whole), "%s.gz", f->name);
    snprintf(part, sizeof(part), "%s.gz.part", f->name);
    if (compress_to(s, f->name, part, &bytes) && renameat(s->dir, part, s->dir, whole) == 0 && fsync(s->dir) == 0) {
        (void)unlinkat(s->dir, f->name, 0);
        (void)add(all, whole, bytes);
        return;
    }
    (void)unlinkat(s->dir, part, 0);
    (void)add(all, f->name, f->bytes); /* it stays as it is, and is tried again */
    log_warn("export", "%.*s: %s could not be compressed: %s", SPAN_ARG(s->rule->name), f->name, strerror(errno));
}

/* ---- throwing away ---- */

static void prune(const struct shelf *s, struct files *all, int64_t bytes, int64_t *dropped_files, int64_t *dropped_bytes)
{
    size_t first = 0;
    if (all->count)
        qsort(all->list, all->count, sizeof(*all->list), by_name);
    for (size_t i = 0; i < all->count; i++)
        bytes += all->list[i].bytes;
    for (; first < all->count && ((int64_t)(all->count - first) > s->rule->keep_files || bytes > s->rule->keep_bytes); first++) {
        if (unlinkat(s->dir, all->list[first].name, 0) != 0)
            continue;
        log_info("export", "%.*s: %s is thrown away", SPAN_ARG(s->rule->name), all->list[first].name);
        bytes -= all->list[first].bytes;
        *dropped_files += 1;
        *dropped_bytes += all->list[first].bytes;
    }
}

void shelf_tidy(const struct shelf *s, int64_t open_bytes, int64_t *dropped_files, int64_t *dropped_bytes)
{
    struct files plain = { .list = NULL }, all = { .list = NULL };
    if (gather(s, &plain, &all)) {
        for (size_t i = 0; i < plain.count; i++)
            compress(s, &plain.list[i], &all);
        prune(s, &all, open_bytes, dropped_files, dropped_bytes);
    }
    free(plain.list);
    free(all.list);
}

/* SPDX-License-Identifier: Apache-2.0
 * fx.c - `fx:` of the configuration: what foreign money is worth. Brings the file to rules/fx.h, which reads it.
 *
 * The file is read with the configuration and at no other time, so that all calls under one configuration are judged by the same
 * rates. The API may set rates but name no file: where things stand on this machine's disk is not its to say. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "config/parts.h"

enum { FX_FILE_MOST = 16 << 20 /* the bank's whole history has 8 MB */ };

static enum err unreadable(struct load *l, const struct node *n, const char *why)
{
    trouble_say(l->t, n, "fx.file", "found \"%.*s\", which cannot be read: %s; allowed: the European Central Bank's eurofxref-daily.xml or eurofxref.csv, at most 16 MiB",
        SPAN_ARG(span_first(n->text, 200)), why);
    return E_CONFIG;
}

static enum err read_file(struct load *l, const struct node *n, struct span name, struct buf *out)
{
    struct stat st;
    struct span path = arena_copy(&l->scratch, name);
    if (!path.at)
        return E_NO_MEMORY;
    errno = 0;
    int fd = open(path.at, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hang the start */
    if (fd < 0)
        return unreadable(l, n, strerror(errno));
    bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FX_FILE_MOST && file_read(fd, out);
    close(fd);
    return good ? E_OK : unreadable(l, n, errno ? strerror(errno) : "it is no file, or too large");
}

static enum err file_name(struct load *l, const struct node *n, struct span *name)
{
    if (!node_span(n, "fx.file", name, l->t))
        return E_CONFIG;
    if (!n || (name->len && n->file && n->file[0]))
        return E_OK;
    trouble_found(l->t, n, "fx.file", "the name of a file, in the configuration's file only; the API sets { rates, margin, date }");
    return E_CONFIG;
}

enum err fx_load(struct load *l)
{
    struct buf text;
    struct span name = SPAN_NONE;
    const struct node *n = node_get(l->tree.root, "fx");
    if (!n)
        return E_OK;
    enum err e = file_name(l, node_get(n, "file"), &name);
    struct fx *fx = ARENA_NEW(l->a, struct fx);
    buf_init(&text, FX_FILE_MOST + 65536);
    if (!e && !fx)
        e = E_NO_MEMORY;
    if (!e && name.at)
        e = read_file(l, node_get(n, "file"), name, &text);
    if (!e)
        e = fx_read(l->a, n, name.at ? buf_span(&text) : SPAN_NONE, fx, l->t);
    if (!e && name.at && text.len == 0)
        e = unreadable(l, node_get(n, "file"), "it is empty");
    l->fx_file = digest_sha256(buf_span(&text));
    buf_free(&text);
    l->s->fx = e ? NULL : fx;
    return e ? e : load_memory(l);
}

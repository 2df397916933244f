/* SPDX-License-Identifier: Apache-2.0
 * master.c - where the data directory is, and the two secrets that are made there on first start: the master key and, for
 * a configuration without one, the admin token. Files of mode 0600; one that others can read is refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "config/parts.h"
#include "rules/token.h"

enum { PATH_LONGEST = 4096, KEY_TEXT = 64, TREE_MOST = 1 << 30 };

static enum err read_data_dir(const struct config_input *in, struct tree *tree, struct arena *scratch, struct span *dir, struct trouble *t)
{
    struct config_input file_only = *in;
    file_only.objects = NULL;
    file_only.object_count = 0;
    enum err e = tree_read(tree, &file_only, true, scratch, t);
    if (e)
        return e;
    struct node *n = (struct node *)(uintptr_t)node_get(tree->root, "data"); /* the tree is ours */
    if (n && node_expand(scratch, n, t) != E_OK)
        return E_CONFIG;
    if (!node_span(n, "data", dir, t))
        return E_CONFIG;
    if (dir->len && span_find_byte(*dir, '\0') < 0)
        return E_OK;
    trouble_found(t, n, "data", "the path of a folder");
    return E_CONFIG;
}

enum err config_data_dir(const struct config_input *in, struct arena *a, struct span *dir, struct trouble *t)
{
    struct arena scratch;
    struct tree tree;
    struct span found = SPAN("./data");
    enum err e = E_OK;
    if (in->data_dir.at) {
        *dir = arena_copy(a, in->data_dir);
        return dir->at ? E_OK : E_NO_MEMORY;
    }
    arena_init(&scratch, TREE_MOST);
    e = read_data_dir(in, &tree, &scratch, &found, t);
    *dir = e ? SPAN_NONE : arena_copy(a, found);
    tree_wipe(&tree);
    tree_free(&tree);
    arena_free(&scratch);
    return e ? e : dir->at ? E_OK : E_NO_MEMORY;
}

/* ---- files that hold one secret ---- */

struct secret_file {
    char dir[PATH_LONGEST], path[PATH_LONGEST + 32], fresh[PATH_LONGEST + 64];
    struct trouble *t;
};

static enum err complain(struct secret_file *f, const char *what)
{
    struct node at = { .file = f->path };
    trouble_say(f->t, &at, "", "%s", what);
    return E_IO;
}

static bool name_file(struct secret_file *f, struct span dir, const char *name, struct trouble *t)
{
    f->t = t;
    int len = snprintf(f->dir, sizeof(f->dir), "%.*s", SPAN_ARG(dir));
    snprintf(f->path, sizeof(f->path), "%s/%s", f->dir, name);
    snprintf(f->fresh, sizeof(f->fresh), "%s.%ld", f->path, (long)getpid());
    return len > 0 && len < PATH_LONGEST;
}

/* The text without its newline; E_NOT_FOUND: no such file. */
static enum err read_secret(struct secret_file *f, char *out, size_t room)
{
    struct stat st;
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? E_NOT_FOUND : complain(f, strerror(errno));
    ssize_t got = fstat(fd, &st) ? -1 : read(fd, out, room - 1);
    close(fd);
    if (got < 0)
        return complain(f, strerror(errno));
    out[got] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
    if (st.st_mode & 077)
        return complain(f, "others can read it; allowed: mode 0600 (chmod 600), after you made sure that nobody did");
    if (st.st_uid != geteuid() && geteuid() != 0)
        return complain(f, "belongs to another user; allowed: the user this process runs as");
    return E_OK;
}

/* Whole or not at all, and never over one that another process made meanwhile: *made is false then. */
static enum err make_secret(struct secret_file *f, struct span text, bool *made)
{
    if (mkdir(f->dir, 0700) && errno != EEXIST)
        return complain(f, strerror(errno));
    int fd = open(f->fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return complain(f, strerror(errno));
    bool good = file_write(fd, text) && file_write(fd, SPAN("\n")) && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    *made = good && link(f->fresh, f->path) == 0;
    good = good && (*made || errno == EEXIST);
    int failed = errno;
    unlink(f->fresh);
    if (good && file_sync_dir(f->dir))
        return E_OK;
    return complain(f, strerror(failed));
}

/* ---- the master key ---- */

static bool key_from_text(struct span text, uint8_t key[32])
{
    struct arena a;
    if (text_hex_decode(text, key, 32))
        return true;
    arena_init(&a, 4096);
    struct span bytes = text.len <= 100 ? text_base64_decode(text, &a) : SPAN_NONE;
    bool good = bytes.at && bytes.len == 32;
    if (good)
        memcpy(key, bytes.at, 32);
    if (bytes.at)
        secret_wipe((void *)(uintptr_t)bytes.at, bytes.len);
    arena_free(&a);
    return good;
}

static enum err make_key(struct secret_file *f)
{
    struct buf hex;
    uint8_t key[32];
    bool made = false;
    random_fill(key, sizeof(key));
    buf_init(&hex, 256);
    buf_put_hex(&hex, span_make((const char *)key, sizeof(key)));
    enum err e = hex.broken ? E_NO_MEMORY : make_secret(f, buf_span(&hex), &made);
    secret_wipe(key, sizeof(key));
    if (hex.at)
        secret_wipe(hex.at, hex.room);
    buf_free(&hex);
    return e;
}

static enum err key_from_file(struct span dir, uint8_t key[32], struct trouble *t)
{
    struct secret_file f;
    char text[KEY_TEXT + 64];
    if (!name_file(&f, dir, "master.key", t))
        return complain(&f, "the path is too long");
    enum err e = read_secret(&f, text, sizeof(text));
    if (e == E_NOT_FOUND) {
        e = make_key(&f);
        if (!e)
            e = read_secret(&f, text, sizeof(text));
    }
    if (!e && !key_from_text(span_of(text), key))
        e = complain(&f, "is no master key; allowed: 64 hex digits, or 32 bytes in base64");
    secret_wipe(text, sizeof(text));
    return e;
}

enum err config_master_key(struct span dir, uint8_t key[32], struct trouble *t)
{
    const char *text = getenv("TOLLGATE_MASTER_KEY");
    struct node at = { .file = "environment" };
    if (!text || !*text)
        return key_from_file(dir, key, t);
    if (key_from_text(span_of(text), key))
        return E_OK;
    trouble_say(t, &at, "TOLLGATE_MASTER_KEY", "is no master key (its value is not shown); allowed: 64 hex digits, or 32 bytes in base64");
    return E_CONFIG;
}

/* ---- the admin token ---- */

enum err config_admin_token(struct span dir, char out[CONFIG_TOKEN_ROOM], bool *made, struct trouble *t)
{
    struct secret_file f;
    char token[TOKEN_LEN + 1];
    *made = false;
    if (!name_file(&f, dir, "admin.token", t))
        return complain(&f, "the path is too long");
    enum err e = read_secret(&f, out, CONFIG_TOKEN_ROOM);
    if (e == E_NOT_FOUND) {
        token_make(token);
        e = make_secret(&f, span_make(token, TOKEN_LEN), made);
        secret_wipe(token, sizeof(token));
        if (!e)
            e = read_secret(&f, out, CONFIG_TOKEN_ROOM);
    }
    if (!e && config_token_wrong(span_of(out)))
        e = complain(&f, "is no usable token; allowed: 4 to 200 printable characters");
    return e;
}

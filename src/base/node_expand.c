/* SPDX-License-Identifier: Apache-2.0
 * node_expand.c - ${NAME} and ${file:PATH} in scalars. What they give is never shown: troubles name the reference, and
 * the node remembers where its text came from. Nothing is expanded twice. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/node.h"

enum { VALUE_MOST = 1 << 20, FIELD_ROOM = 200 };

/* Where the walk is: the way from the root, for the field's path in a trouble. */
struct place {
    const struct place *above; /* NULL at the root */
    struct node *node;
    size_t index; /* among its siblings */
};

/* "credentials.stripe-main.secret", "keys[2].token". */
static void put_path(const struct place *at, struct buf *out)
{
    if (!at->above)
        return;
    put_path(at->above, out);
    if (at->above->node->kind == NODE_LIST)
        buf_print(out, "[%zu]", at->index);
    else
        buf_print(out, "%s%.*s", out->len ? "." : "", SPAN_ARG(at->node->name));
}

PRINTF_LIKE(3, 4)
static void say(struct trouble *t, const struct place *at, const char *format, ...)
{
    char text[400];
    struct buf path;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_init(&path, FIELD_ROOM);
    put_path(at, &path);
    buf_put_byte(&path, '\0');
    trouble_say(t, at->node, path.broken ? "" : path.at, "%s", text);
    buf_free(&path);
}

static bool name_byte(char c, bool first)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

static bool is_name(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!name_byte(s.at[i], i == 0))
            return false;
    return s.len > 0;
}

static bool put_env(struct arena *a, const struct place *at, struct span name, struct buf *out, struct trouble *t)
{
    struct span copy = is_name(name) ? arena_copy(a, name) : SPAN_NONE;
    const char *value = copy.at ? getenv(copy.at) : NULL;
    if (value) {
        buf_put(out, span_of(value));
        return true;
    }
    if (is_name(name))
        say(t, at, "${%.*s}: this environment variable is not set", SPAN_ARG(span_first(name, 100)));
    else
        say(t, at, "\"${%.*s}\" is no reference; allowed: ${NAME}, ${file:PATH}, and $${ for a literal ${",
            SPAN_ARG(span_first(name, 100)));
    return false;
}

/* 0, or an errno. */
static int read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int failed = file_read(fd, out) ? 0 : out->broken ? EFBIG : errno;
    close(fd);
    return failed;
}

static bool put_file(struct arena *a, const struct place *at, struct span path, struct buf *out, struct trouble *t)
{
    struct span copy = path.len && span_find_byte(path, '\0') < 0 ? arena_copy(a, path) : SPAN_NONE;
    size_t before = out->len;
    int failed = copy.at ? read_file(copy.at, out) : ENOENT;
    if (failed) {
        say(t, at, "${file:%.*s}: cannot be read: %s", SPAN_ARG(span_first(path, 200)), strerror(failed));
        return false;
    }
    if (out->len > before && out->at[out->len - 1] == '\n')
        out->len--;
    if (out->len > before && out->at[out->len - 1] == '\r')
        out->len--;
    return true;
}

static bool put_reference(struct arena *a, const struct place *at, struct span inside, struct buf *out, struct trouble *t)
{
    if (span_starts(inside, SPAN("file:")))
        return put_file(a, at, span_from(inside, 5), out, t);
    return put_env(a, at, inside, out, t);
}

/* Takes what stands at *rest, which starts with '$'. */
static bool put_dollar(struct arena *a, const struct place *at, struct span *rest, struct buf *out, struct trouble *t)
{
    struct span inside;
    if (span_starts(*rest, SPAN("$${"))) {
        buf_put(out, SPAN("${"));
        *rest = span_from(*rest, 3);
        return true;
    }
    if (!span_starts(*rest, SPAN("${"))) {
        buf_put_byte(out, '$');
        *rest = span_from(*rest, 1);
        return true;
    }
    *rest = span_from(*rest, 2);
    if (!span_cut(rest, '}', &inside)) {
        say(t, at, "\"${\" without \"}\"; write $${ for a literal ${");
        return false;
    }
    at->node->expanded = true;
    return put_reference(a, at, inside, out, t);
}

static bool expand_text(struct arena *a, const struct place *at, struct buf *out, struct trouble *t)
{
    struct span rest = at->node->text;
    while (rest.len) {
        ptrdiff_t dollar = span_find_byte(rest, '$');
        buf_put(out, dollar < 0 ? rest : span_first(rest, (size_t)dollar));
        rest = dollar < 0 ? SPAN("") : span_from(rest, (size_t)dollar);
        if (rest.len && !put_dollar(a, at, &rest, out, t))
            return false;
    }
    struct span whole;
    if (buf_done(out, &whole) == E_OK)
        at->node->text = arena_copy(a, whole);
    if (!out->broken && at->node->text.at)
        return true;
    say(t, at, "longer than %d bytes once its references are expanded", VALUE_MOST);
    return false;
}

static bool expand_scalar(struct arena *a, const struct place *at, struct trouble *t)
{
    struct buf out;
    if (span_find(at->node->text, SPAN("${")) < 0)
        return true;
    buf_init(&out, VALUE_MOST);
    bool good = expand_text(a, at, &out, t);
    if (out.at)
        secret_wipe(out.at, out.room);
    buf_free(&out);
    return good;
}

static enum err expand(struct arena *a, const struct place *at, struct trouble *t)
{
    size_t index = 0;
    if (at->node->kind == NODE_SCALAR)
        return expand_scalar(a, at, t) ? E_OK : E_CONFIG;
    for (struct node *n = at->node->first; n; n = n->next) {
        struct place below = { .above = at, .node = n, .index = index++ };
        enum err e = expand(a, &below, t);
        if (e)
            return e;
    }
    return E_OK;
}

enum err node_expand(struct arena *a, struct node *root, struct trouble *t)
{
    struct place top = { .node = root };
    return expand(a, &top, t);
}

/* SPDX-License-Identifier: Apache-2.0
 * object.c - see object.h. */
#include "cli/object.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

enum { PAGES_MOST = 1000, PRINT_MOST = 16 << 20, INDENT = 2 };

int object_run(struct cli *c, const struct object_action *actions)
{
    struct span name = c->operand_count ? c->operands[0] : span_of(actions[0].name);
    struct span all = SPAN("");
    for (const struct object_action *a = actions; a->name; a++) {
        all = arena_print(&c->arena, "%.*s%s%s", SPAN_ARG(all), all.len ? ", " : "", a->name);
        if (!span_is(name, span_of(a->name)))
            continue;
        size_t given = c->operand_count ? c->operand_count - 1 : 0;
        size_t needed = a->operands % OBJECT_MORE, most = needed + (a->operands >= OBJECT_MORE);
        if (given < needed)
            return usage_error(c, "%s needs %s", a->name, needed == 2 ? "a name and what belongs to it" : "a name or an id");
        if (given > most)
            return usage_error(c, "unexpected argument \"%.*s\"", SPAN_ARG(c->operands[c->operand_count - 1]));
        return a->run(c);
    }
    for (const struct object_action *a = actions; a->name && !all.len; a++)
        all = span_of(a->name);
    return usage_error(c, "found \"%.*s\"; allowed: %.*s", SPAN_ARG(name), SPAN_ARG(all));
}

bool object_duration(struct span text, int64_t *ms) { return text_duration_parse(text, ms); }

int object_send(struct cli *c, const char *method, const char *kind, struct span id, const char *what, struct span body, struct json_value *root, bool *printed)
{
    struct api_path path;
    api_path(&path, kind);
    if (id.at)
        api_path_id(&path, id);
    if (what)
        buf_print(&path.text, "/%s", what);
    return api_call(c, method, &path, body, root, printed);
}

int object_list(struct cli *c, const char *kind, const struct column *columns, size_t width,
    void (*put_row)(struct cli *c, struct table *t, struct json_value object), const char *when_empty)
{
    struct table t;
    struct json_value root, item;
    struct span name, cursor = SPAN_NONE;
    bool printed;
    table_init(&t, &c->arena, columns, width, c->colour);
    for (int page = 0; page < PAGES_MOST && (page == 0 || cursor.at); page++) {
        struct api_path path;
        api_path(&path, kind);
        api_path_query(&path, "cursor", cursor);
        int code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
        if (code != EXIT_DONE)
            return code;
        for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); !printed && json_next(&it, &name, &item);) {
            table_row(&t);
            put_row(c, &t, item);
        }
        cursor = arena_copy(&c->arena, api_text(c, root, "next_cursor"));
    }
    return c->json ? EXIT_DONE : api_show(c, &t, when_empty);
}

/* ---- one ---- */

static void new_line(struct buf *out, int depth)
{
    buf_put_byte(out, '\n');
    for (int i = 0; i < depth * INDENT; i++)
        buf_put_byte(out, ' ');
}

static bool is_flat(struct json_value v)
{
    struct span name;
    struct json_value item;
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &item);)
        if (json_count(item))
            return false;
    return json_kind(v) != JSON_OBJECT;
}

static void print(struct json_value v, struct buf *out, int depth)
{
    struct span name;
    struct json_value item;
    bool list = json_kind(v) == JSON_ARRAY, first = true;
    if (!json_count(v) || is_flat(v)) {
        json_print(v, out);
        return;
    }
    buf_put_byte(out, list ? '[' : '{');
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &item); first = false) {
        struct json_out o = json_out(out);
        if (!first)
            buf_put_byte(out, ',');
        new_line(out, depth + 1);
        if (!list) {
            json_put_string(&o, name);
            buf_put(out, SPAN(": "));
        }
        print(item, out, depth + 1);
    }
    new_line(out, depth);
    buf_put_byte(out, list ? ']' : '}');
}

void object_print(struct json_value v, struct buf *out) { print(v, out, 0); }

int object_show(struct cli *c, const char *kind)
{
    struct json_value root;
    struct buf out;
    bool printed;
    int code = object_send(c, "GET", kind, c->operands[1], NULL, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    buf_init(&out, PRINT_MOST);
    object_print(root, &out);
    printf("%.*s\n", SPAN_ARG(buf_span(&out)));
    buf_free(&out);
    return EXIT_DONE;
}

int object_delete(struct cli *c, const char *kind)
{
    struct json_value root;
    bool printed;
    int code = object_send(c, "DELETE", kind, c->operands[1], NULL, SPAN_NONE, &root, &printed);
    if (code == EXIT_DONE && !printed)
        printf("%s %.*s is deleted\n", c->verb->name, SPAN_ARG(c->operands[1]));
    return code;
}

bool object_file(struct cli *c, struct span name, struct buf *out)
{
    bool input = span_is(name, SPAN("-"));
    struct span path = arena_copy(&c->arena, name);
    int fd = input ? STDIN_FILENO : path.at ? open(path.at, O_RDONLY | O_CLOEXEC) : -1;
    bool good = fd >= 0 && file_read(fd, out);
    if (!good && out->broken)
        fprintf(stderr, "tollgate %s: %.*s: larger than %zu MiB\n", c->verb->name, SPAN_ARG(name), out->ceiling >> 20);
    else if (!good)
        fprintf(stderr, "tollgate %s: %.*s: %s\n", c->verb->name, SPAN_ARG(name), strerror(errno));
    if (fd >= 0 && !input)
        close(fd);
    return good;
}

struct span object_read(struct cli *c, struct span file)
{
    struct span whole = SPAN_NONE;
    struct buf text;
    buf_init(&text, OBJECT_BODY);
    if (object_file(c, file, &text))
        whole = arena_copy(&c->arena, buf_span(&text));
    buf_free(&text);
    return whole;
}

int object_test(struct cli *c, const char *kind)
{
    struct json_value root;
    bool printed;
    int code = object_send(c, "POST", kind, c->operands[1], "test", SPAN("{}"), &root, &printed);
    if (code != EXIT_DONE)
        return code;
    bool sent = span_is(api_text(c, root, "sent"), SPAN("yes"));
    struct span trouble = api_text(c, root, "trouble");
    if (!printed && sent)
        printf("%staken%s after %lld ms\n", tint_code(TINT_GREEN, c->colour), tint_code(TINT_NONE, c->colour), (long long)api_number(root, "ms"));
    else if (!printed)
        printf("%snot taken%s: %.*s\n", tint_code(TINT_RED, c->colour), tint_code(TINT_NONE, c->colour), SPAN_ARG(trouble.at ? text_tame(&c->arena, trouble) : SPAN("?")));
    return sent ? EXIT_DONE : EXIT_REFUSED;
}

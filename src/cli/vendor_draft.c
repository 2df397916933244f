/* SPDX-License-Identifier: Apache-2.0
 * vendor_draft.c - `tollgate vendor draft`: a manifest from an OpenAPI document. What it prints compiles: it is compiled before it is printed,
 * and what the compiler does not take is left out with its reason. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/node.h"
#include "cli/draft.h"
#include "cli/manifest_file.h"
#include "cli/object.h"

enum { DOCUMENT_MOST = 64 << 20, MANIFEST_MOST = 16 << 20, TRIES = 100 };
#define DRAFT_ARENA ((size_t)2 << 30)

/* ---- reading ---- */

static bool looks_like_json(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!strchr(" \t\r\n", text.at[i]))
            return text.at[i] == '{';
    return false;
}

/* Bounds such as 18446744073709551616 are no numbers to a strict reader; nothing of a draft hangs on them. */
static void blot_long_numbers(struct buf *text)
{
    enum { DIGITS_MOST = 17 };
    bool quoted = false;
    for (size_t i = 0, n; i < text->len; i += n) {
        char c = text->at[i];
        n = quoted && c == '\\' ? 2 : 1;
        quoted = quoted != (c == '"');
        while (!quoted && i + n < text->len && ((c >= '0' && c <= '9') || c == '-') && text->at[i + n] && strchr("0123456789.eE+-", text->at[i + n]))
            n++;
        if (n <= DIGITS_MOST)
            continue;
        memset(text->at + i, ' ', n);
        text->at[i] = '0';
    }
}

/* YAML becomes JSON, so that there is one reader of documents. */
static bool turn_to_json(struct cli *c, struct buf *text)
{
    struct arena a;
    struct node *root = NULL;
    struct trouble t = { .set = false };
    if (looks_like_json(buf_span(text))) {
        blot_long_numbers(text);
        return true;
    }
    arena_init(&a, DRAFT_ARENA);
    enum err e = node_read_yaml(&a, "the document", buf_span(text), &root, &t);
    if (!e) {
        buf_clear(text);
        node_write_json(root, text);
        blot_long_numbers(text);
    } else {
        fprintf(stderr, "tollgate vendor: %s\n", t.text);
    }
    (void)c;
    arena_free(&a);
    return !e && !text->broken;
}

/* ---- compiling ---- */

static bool compiles(struct span text, struct trouble *t)
{
    struct arena a;
    struct node *root;
    struct vendor v;
    *t = (struct trouble){ .set = false };
    arena_init(&a, DRAFT_ARENA);
    enum err e = node_read_yaml(&a, "the draft", text, &root, t);
    if (!e)
        e = vendor_read(&a, root, SPAN_NONE, &v, t);
    arena_free(&a);
    return !e;
}

static bool give_up_header(struct draft *d, struct span text)
{
    for (size_t i = 0; i < d->header_count; i++) {
        struct span found = arena_print(d->arena, "found \"%.*s\"", SPAN_ARG(d->headers[i]));
        if (span_find(text, found) < 0)
            continue;
        d->headers[i] = d->headers[--d->header_count];
        return true;
    }
    return false;
}

/* The call whose field that is: of "a.b" and "a.b.c" the longer. */
static struct draft_call *call_of(const struct draft *d, struct span field)
{
    struct draft_call *found = NULL;
    for (size_t i = 0; i < d->count; i++) {
        struct draft_call *c = &d->calls[i];
        bool is = !c->trouble.at && span_starts(field, c->name) && (field.len == c->name.len || field.at[c->name.len] == '.');
        if (is && (!found || found->name.len < c->name.len))
            found = c;
    }
    return found;
}

static bool give_up_call(struct draft *d, struct span field, struct span text)
{
    struct draft_call *c = call_of(d, field);
    ptrdiff_t said = span_find(text, SPAN(": "));
    if (c)
        c->trouble = arena_copy(d->arena, said >= 0 ? span_from(text, (size_t)said + 2) : text);
    return c != NULL;
}

/* Leaves out what a compiler's complaint is about. False: nothing that could be left out. */
static bool give_way(struct draft *d, const struct trouble *t)
{
    struct span field = span_of(t->field), text = span_of(t->text);
    if (span_starts(field, SPAN("deny")) && d->deny.at) {
        d->deny = SPAN_NONE;
        return true;
    }
    if (span_starts(field, SPAN("request_headers")))
        return give_up_header(d, text);
    return span_starts(field, SPAN("operations.")) && give_up_call(d, span_from(field, 11), text);
}

static bool settle_draft(struct draft *d, struct buf *out)
{
    struct trouble t = { .set = false };
    for (int i = 0; i < TRIES; i++) {
        buf_clear(out);
        draft_write(d, out);
        if (out->broken || d->arena->broken)
            break;
        if (compiles(buf_span(out), &t))
            return true;
        if (!give_way(d, &t))
            break;
    }
    fprintf(stderr, "tollgate vendor: no manifest could be made of it: %s\n", t.set ? t.text : "it is too large");
    return false;
}

/* ---- writing ---- */

static int write_out(struct cli *c, const struct draft *d, struct span text)
{
    struct span file = arena_copy(&c->arena, option(c, "out"));
    size_t left_out = 0;
    for (size_t i = 0; i < d->count; i++)
        left_out += d->calls[i].trouble.at != NULL;
    FILE *to = stdout;
    if (file.at) {
        int fd = open(file.at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        to = fd < 0 ? NULL : fdopen(fd, "w");
    }
    bool good = to && fwrite(text.at, 1, text.len, to) == text.len && fflush(to) == 0;
    if (!good)
        fprintf(stderr, "tollgate vendor: %.*s: %s\n", SPAN_ARG(file), strerror(errno));
    if (to && to != stdout)
        fclose(to);
    if (good)
        fprintf(stderr, "%zu operations, %zu left out; look at every CHECK, then: tollgate vendor check %.*s\n", d->count - left_out, left_out, SPAN_ARG(file.at ? file : SPAN("FILE")));
    return good ? EXIT_DONE : EXIT_REFUSED;
}

static bool name_fits(struct span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!((name.at[i] >= 'a' && name.at[i] <= 'z') || (name.at[i] >= '0' && name.at[i] <= '9') || name.at[i] == '-' || name.at[i] == '_'))
            return false;
    return name.len > 0 && name.len <= 64;
}

static int draft(struct cli *c, struct arena *a, struct json *reader, struct span text)
{
    struct draft d = { .arena = a, .slug = option(c, "name"), .base_url = option(c, "base-url") };
    struct json_value root;
    struct buf out;
    const char *reason = "";
    char why[200] = "not enough memory";
    enum err e = json_parse(reader, text, false, &root, &reason);
    if (e) {
        fprintf(stderr, "tollgate vendor: %.*s: %s\n", SPAN_ARG(c->operands[1]), reason);
        return EXIT_CONFIG;
    }
    e = draft_read(&d, root, why);
    if (e) {
        fprintf(stderr, "tollgate vendor: %.*s: %s\n", SPAN_ARG(c->operands[1]), why);
        return EXIT_CONFIG;
    }
    buf_init(&out, MANIFEST_MOST);
    int code = settle_draft(&d, &out) ? write_out(c, &d, buf_span(&out)) : EXIT_CONFIG;
    buf_free(&out);
    return code;
}

int vendor_draft(struct cli *c)
{
    struct arena a;
    struct buf text;
    struct json *reader = json_new();
    int code = EXIT_CONFIG;
    if (option_given(c, "name") && !name_fits(option(c, "name"))) {
        json_free(reader);
        return usage_error(c, "--name: allowed: 1 to 64 of a-z 0-9 - _");
    }
    arena_init(&a, DRAFT_ARENA);
    buf_init(&text, DOCUMENT_MOST);
    if (reader && object_file(c, c->operands[1], &text) && turn_to_json(c, &text))
        code = draft(c, &a, reader, buf_span(&text));
    buf_free(&text);
    json_free(reader);
    arena_free(&a);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0
 * book_diff.c - `tollgate prices diff`: two books side by side. Both are sorted, so one walk through both is enough. */
#include "cli/book.h"

struct line {
    struct span all, provider, model, rest;
    bool there;
};

struct comparing {
    struct cli *c;
    struct table table;
    struct buf json;
    struct json_out out;
    size_t added, removed, changed;
};

static struct line next_line(struct span *rows)
{
    struct line l = { .there = false };
    struct span line;
    if (!rows->len || !span_cut(rows, '\n', &line))
        return l;
    l.all = l.rest = line;
    l.there = span_cut(&l.rest, '\t', &l.provider) && span_cut(&l.rest, '\t', &l.model);
    return l;
}

static int compare(const struct line *a, const struct line *b)
{
    if (!a->there || !b->there)
        return a->there ? -1 : 1;
    int order = span_compare(a->provider, b->provider);
    return order ? order : span_compare(a->model, b->model);
}

/* The n-th field of what follows the name: context, most output, abilities, prices. */
static struct span field(struct span rest, int n)
{
    struct span piece = rest;
    for (int i = 0; i <= n; i++)
        if (!span_cut(&rest, '\t', &piece))
            piece = rest;
    return piece;
}

static void put(struct comparing *x, const char *what, const struct line *l, struct span before, struct span now)
{
    if (x->c->json) {
        json_open(&x->out, '{');
        json_pair(&x->out, SPAN("change"), span_of(what));
        json_pair(&x->out, SPAN("provider"), l->provider);
        json_pair(&x->out, SPAN("model"), l->model);
        json_pair(&x->out, SPAN("before"), before);
        json_pair(&x->out, SPAN("now"), now);
        json_close(&x->out, '}');
        return;
    }
    table_row(&x->table);
    table_put(&x->table, span_of(what));
    table_put(&x->table, arena_print(&x->c->arena, "%.*s/%.*s", SPAN_ARG(l->provider), SPAN_ARG(l->model)));
    table_put(&x->table, before);
    table_put(&x->table, now);
}

/* What a section holds for: "svc:flex" of "svc:flex in=1"; "" of the plain one. */
static struct span head_of(struct span section)
{
    struct span head = section;
    if (!span_cut(&section, ' ', &head))
        head = section;
    return span_find_byte(head, '=') >= 0 ? SPAN("") : head;
}

static struct span section_of(struct span prices, struct span head)
{
    struct span one;
    while (span_next(&prices, ';', &one))
        if (one.len && span_is(head_of(one), head))
            return one;
    return SPAN_NONE;
}

/* Section by section, so that one changed rate in a long row is seen. */
static void put_sections(struct comparing *x, const struct line *a, const struct line *b)
{
    struct span before = field(a->rest, 3), now = field(b->rest, 3), rest = before, one;
    while (span_next(&rest, ';', &one)) {
        struct span other = section_of(now, head_of(one));
        if (one.len && !span_is(one, other))
            put(x, "changed", b, one, other);
    }
    rest = now;
    while (span_next(&rest, ';', &one))
        if (one.len && !section_of(before, head_of(one)).at)
            put(x, "changed", b, SPAN_NONE, one);
}

static void put_changes(struct comparing *x, const struct line *a, const struct line *b)
{
    static const char *const names[] = { "context ", "output_max ", "abilities " };
    for (int i = 0; i < 3; i++) {
        struct span before = field(a->rest, i), now = field(b->rest, i);
        if (!span_is(before, now))
            put(x, "changed", b, arena_print(&x->c->arena, "%s%.*s", names[i], SPAN_ARG(before)), arena_print(&x->c->arena, "%s%.*s", names[i], SPAN_ARG(now)));
    }
    put_sections(x, a, b);
}

static void walk(struct comparing *x, struct span a_rows, struct span b_rows)
{
    struct line a = next_line(&a_rows), b = next_line(&b_rows);
    while (a.there || b.there) {
        int order = compare(&a, &b);
        if (order < 0) {
            x->removed++;
            put(x, "removed", &a, field(a.rest, 3), SPAN_NONE);
        } else if (order > 0) {
            x->added++;
            put(x, "added", &b, SPAN_NONE, field(b.rest, 3));
        } else if (!span_is(a.rest, b.rest)) {
            x->changed++;
            put_changes(x, &a, &b);
        }
        a = order <= 0 ? next_line(&a_rows) : a;
        b = order >= 0 ? next_line(&b_rows) : b;
    }
}

static struct span rows_of(struct span text)
{
    struct span header;
    return span_cut(&text, '\n', &header) ? text : SPAN("");
}

static int show(struct comparing *x)
{
    if (!x->c->json) {
        if (x->table.rows)
            api_show(x->c, &x->table, "");
        printf("%zu added, %zu removed, %zu changed\n", x->added, x->removed, x->changed);
        return EXIT_DONE;
    }
    json_close(&x->out, ']');
    json_pair_i64(&x->out, SPAN("added"), (int64_t)x->added);
    json_pair_i64(&x->out, SPAN("removed"), (int64_t)x->removed);
    json_pair_i64(&x->out, SPAN("changed"), (int64_t)x->changed);
    json_close(&x->out, '}');
    buf_put_byte(&x->json, '\n');
    bool good = !x->json.broken && fwrite(x->json.at, 1, x->json.len, stdout) == x->json.len;
    return good ? EXIT_DONE : EXIT_REFUSED;
}

int book_diff(struct cli *c)
{
    static const struct column columns[] = { { "CHANGE", ALIGN_LEFT, 0 }, { "MODEL", ALIGN_LEFT, 80 }, { "BEFORE", ALIGN_LEFT, 160 }, { "NOW", ALIGN_LEFT, 160 } };
    struct comparing x = { .c = c };
    struct buf a_room, b_room;
    struct span a, b;
    int code = EXIT_CONFIG;
    buf_init(&a_room, BOOK_MOST);
    buf_init(&b_room, BOOK_MOST);
    buf_init(&x.json, BOOK_MOST);
    x.out = json_out(&x.json);
    table_init(&x.table, &c->arena, columns, sizeof(columns) / sizeof(*columns), c->colour);
    if (book_text(c, c->operands[1], &a_room, &a) && book_text(c, c->operand_count > 2 ? c->operands[2] : SPAN_NONE, &b_room, &b)) {
        json_open(&x.out, '{');
        json_name(&x.out, SPAN("data"));
        json_open(&x.out, '[');
        walk(&x, rows_of(a), rows_of(b));
        code = show(&x);
    }
    buf_free(&a_room);
    buf_free(&b_room);
    buf_free(&x.json);
    return code;
}

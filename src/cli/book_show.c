/* SPDX-License-Identifier: Apache-2.0
 * book_show.c - `tollgate prices show`: one model's prices as a table, from a running gate or from a book. Both come as the API's JSON. */
#include "cli/book.h"
#include "rules/price_row.h"

enum { SHOW_MOST = 1 << 20, COLUMNS = METER_COUNT + 1 };

_Static_assert((int)COLUMNS <= (int)COLUMNS_MOST, "a table holds them");

struct sheet_table {
    struct cli *c;
    struct table table;
    struct column columns[COLUMNS];
    enum meter meters[METER_COUNT];
    size_t count;
};

/* ---- which meters there are ---- */

static void mark(struct json_value v, bool used[METER_COUNT])
{
    struct span name;
    struct json_value item;
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &item);) {
        int m = price_meter(name);
        if (m >= 0 && json_kind(item) == JSON_STRING)
            used[m] = true;
        else if (json_kind(item) == JSON_OBJECT || json_kind(item) == JSON_ARRAY)
            mark(item, used);
    }
}

static void choose(struct sheet_table *t, struct json_value price)
{
    bool used[METER_COUNT] = { false };
    mark(price, used);
    t->columns[0] = (struct column){ "USD PER MILLION TOKENS", ALIGN_LEFT, 0 };
    for (int m = 0; m < METER_COUNT; m++) {
        if (!used[m])
            continue;
        t->meters[t->count++] = (enum meter)m;
        t->columns[t->count] = (struct column){ arena_copy(&t->c->arena, price_meter_name((enum meter)m)).at, ALIGN_POINT, 0 };
    }
    table_init(&t->table, &t->c->arena, t->columns, t->count + 1, t->c->colour);
}

/* ---- rows ---- */

static void put_rates(struct sheet_table *t, struct span label, struct json_value rates)
{
    bool any = false;
    for (size_t i = 0; i < t->count; i++)
        any = any || json_kind(json_member(rates, price_meter_name(t->meters[i]))) == JSON_STRING;
    if (!any)
        return;
    table_row(&t->table);
    table_put(&t->table, label);
    for (size_t i = 0; i < t->count; i++)
        table_put(&t->table, json_string(json_member(rates, price_meter_name(t->meters[i]))));
}

static void put_steps(struct sheet_table *t, struct span label, struct json_value rates)
{
    struct span name;
    struct json_value item;
    struct arena *a = &t->c->arena;
    put_rates(t, label, rates);
    for (struct json_iter it = json_iter(json_member(rates, SPAN("tiers"))); json_next(&it, &name, &item);)
        put_rates(t, arena_print(a, "%.*s, input above %lld", SPAN_ARG(label), (long long)api_number(item, "above")), item);
}

static void put_named(struct sheet_table *t, struct json_value map, const char *what)
{
    struct span name;
    struct json_value item;
    for (struct json_iter it = json_iter(map); json_next(&it, &name, &item);)
        put_steps(t, arena_print(&t->c->arena, "%s %.*s", what, SPAN_ARG(name)), item);
}

static void put_dated(struct sheet_table *t, struct json_value list, const char *member, const char *what)
{
    struct span none;
    struct json_value item;
    for (struct json_iter it = json_iter(list); json_next(&it, &none, &item);)
        put_steps(t, arena_print(&t->c->arena, "%s %.*s", what, SPAN_ARG(api_text(t->c, item, member))), item);
}

static void put_windows(struct sheet_table *t, struct json_value list)
{
    struct span none;
    struct json_value item;
    for (struct json_iter it = json_iter(list); json_next(&it, &none, &item);)
        put_rates(t, arena_print(&t->c->arena, "days %.*s, %.*s UTC", SPAN_ARG(api_text(t->c, item, "days")), SPAN_ARG(api_text(t->c, item, "utc"))), item);
}

static void put_tokens(struct sheet_table *t, struct json_value price)
{
    put_steps(t, SPAN("standard"), price);
    put_named(t, json_member(price, SPAN("service_tiers")), "service tier");
    put_named(t, json_member(price, SPAN("regions")), "region");
    put_windows(t, json_member(price, SPAN("windows")));
    put_dated(t, json_member(price, SPAN("past")), "until", "before");
    put_dated(t, json_member(price, SPAN("announced")), "from", "from");
}

static struct span condition_text(struct cli *c, struct json_value unit)
{
    static const char *const names[] = { "size", "quality", "search", "results", "when" };
    struct span all = SPAN("");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct span value = api_text(c, unit, names[i]);
        if (value.len)
            all = arena_print(&c->arena, "%.*s%s%s %.*s", SPAN_ARG(all), all.len ? ", " : "", names[i], SPAN_ARG(value));
    }
    return all.len ? all : SPAN_NONE;
}

static void show_units(struct cli *c, struct json_value units)
{
    static const struct column columns[] = { { "CHARGED FOR", ALIGN_LEFT, 0 }, { "WHERE", ALIGN_LEFT, 0 }, { "USD", ALIGN_POINT, 0 }, { "PER", ALIGN_RIGHT, 0 } };
    struct table t;
    struct span none;
    struct json_value item;
    table_init(&t, &c->arena, columns, sizeof(columns) / sizeof(*columns), c->colour);
    for (struct json_iter it = json_iter(units); json_next(&it, &none, &item);) {
        int64_t per = api_number(item, "per");
        table_row(&t);
        table_put(&t, api_text(c, item, "kind"));
        table_put(&t, condition_text(c, item));
        table_put(&t, api_text(c, item, "usd"));
        table_put_i64(&t, per ? per : 1);
    }
    if (t.rows) {
        printf("\n");
        api_show(c, &t, "");
    }
}

static void show_factors(struct cli *c, struct json_value factors)
{
    struct span name;
    struct json_value item;
    for (struct json_iter it = json_iter(factors); json_next(&it, &name, &item);)
        printf("%.*s: all tokens x %.*s\n", SPAN_ARG(text_tame(&c->arena, name)), SPAN_ARG(json_string(item)));
}

static void show_count(const char *what, struct json_value root, const char *name, const char *unit)
{
    int64_t n = api_number(root, name);
    if (n)
        printf("%s %lld %s\n", what, (long long)n, unit);
}

static void show_text(struct cli *c, const char *what, struct json_value root, const char *name)
{
    struct span text = api_text(c, root, name);
    if (text.len)
        printf("%s %.*s\n", what, SPAN_ARG(text_tame(&c->arena, text)));
}

static int show(struct cli *c, struct json_value root)
{
    struct sheet_table t = { .c = c };
    struct json_value price = json_member(root, SPAN("price"));
    printf("%.*s\n", SPAN_ARG(text_tame(&c->arena, api_text(c, root, "id"))));
    show_text(c, "mode         ", root, "mode");
    show_text(c, "dialect      ", root, "dialect");
    show_text(c, "state        ", root, "state");
    show_text(c, "shutdown     ", root, "shutdown");
    show_count("context      ", root, "context", "tokens");
    show_count("input, most  ", root, "input_max", "tokens");
    show_count("output, most ", root, "output_max", "tokens");
    show_count("embedding    ", root, "dim", "dimensions");
    show_text(c, "abilities    ", root, "abilities");
    show_text(c, "from         ", root, "origin");
    show_text(c, "snapshot     ", root, "snapshot");
    choose(&t, price);
    put_tokens(&t, price);
    if (t.table.rows)
        printf("\n");
    struct json_value units = json_member(price, SPAN("units"));
    if (t.table.rows || json_kind(units) != JSON_ARRAY)
        (void)api_show(c, &t.table, "no price is known: where a money budget applies, calls of it are refused");
    show_factors(c, json_member(price, SPAN("factors")));
    show_units(c, units);
    return EXIT_DONE;
}

/* ---- from a book ---- */

static void put_json(const struct price_book *b, const struct price *p, struct span id, struct buf *out)
{
    struct json_out o = json_out(out);
    json_open(&o, '{');
    json_pair(&o, SPAN("id"), id);
    price_write_facts(p, &o);
    json_pair(&o, SPAN("origin"), SPAN("book"));
    json_name(&o, SPAN("price"));
    price_write_prices(p, &o);
    json_pair(&o, SPAN("snapshot"), price_book_id(b));
    json_close(&o, '}');
}

static int show_row(struct cli *c, const struct price_book *b, struct span id)
{
    struct span model = id, provider;
    const struct price *p = span_cut(&model, '/', &provider) ? price_find(b, provider, model) : NULL;
    struct json_value root;
    struct buf json;
    const char *why;
    if (!p) {
        fprintf(stderr, "tollgate prices: no price is known for %.*s; the name is PROVIDER/MODEL\n", SPAN_ARG(span_first(id, 200)));
        return EXIT_REFUSED;
    }
    buf_init(&json, SHOW_MOST);
    put_json(b, p, id, &json);
    int code = EXIT_REFUSED;
    if (c->json) {
        printf("%.*s\n", SPAN_ARG(buf_span(&json)));
        code = EXIT_DONE;
    } else if (json_parse(c->reader, buf_span(&json), true, &root, &why) == E_OK)
        code = show(c, root);
    buf_free(&json);
    return code;
}

static int show_book(struct cli *c, struct span file)
{
    struct price_book *b = NULL;
    struct trouble t = { .set = false };
    struct buf room;
    struct span text;
    int code = EXIT_CONFIG;
    buf_init(&room, BOOK_MOST);
    if (book_text(c, file, &room, &text)) {
        if (price_book_read(text, NULL, &b, &t) == E_OK)
            code = show_row(c, b, c->operands[1]);
        else
            fprintf(stderr, "tollgate prices: %s\n", t.text);
    }
    price_book_free(b);
    buf_free(&room);
    return code;
}

int book_show(struct cli *c)
{
    struct json_value root;
    struct api_path path;
    bool printed;
    struct span model = c->operands[1], provider;
    if (option_given(c, "built-in") || option(c, "book").at)
        return show_book(c, option(c, "book"));
    if (!span_cut(&model, '/', &provider))
        return usage_error(c, "found \"%.*s\"; allowed: PROVIDER/MODEL", SPAN_ARG(c->operands[1]));
    api_path(&path, "prices");
    api_path_id(&path, provider);
    api_path_id(&path, model);
    int code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
    return code != EXIT_DONE || printed ? code : show(c, root);
}

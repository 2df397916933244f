/* SPDX-License-Identifier: Apache-2.0
 * structure.c - checks of JSON in a text: jsonSchema, jsonKeys. */
#include "guard/inside.h"
#include "guard/json_find.h"
#include "guard/schema.h"

#include <stdio.h>

enum { PATH = 300 };

static const char *const too_much = "looking for JSON in the text takes too long";

/* ---- jsonSchema ---- */

static bool read_json_schema(struct check *c, const struct node *n, const char *path, struct arena *a, struct trouble *t)
{
    const struct node *node = node_get(n, "schema");
    const struct schema *s = NULL;
    char field[PATH];
    snprintf(field, sizeof(field), "%.200s.schema", path);
    if (!need(node, n, path, "schema", "a JSON schema", t) || !schema_read(a, node, field, &s, t))
        return false;
    c->rule = (void *)(uintptr_t)s;
    return true;
}

struct fitting {
    struct look *look;
    const struct schema *schema;
    bool fits;
};

static bool fits(void *self, struct json_value v)
{
    struct fitting *f = self;
    f->fits = schema_holds(f->schema, v, &f->look->effort, f->look->arena, &f->look->error);
    return !f->fits && !f->look->error;
}

static bool judge_json_schema(struct look *l, const struct check *c, struct span text)
{
    struct fitting f = { .look = l, .schema = c->rule };
    size_t count;
    if (!json_find(l->text->json, text, &l->effort, fits, &f, &count) && !l->error)
        l->error = too_much;
    l->saying = f.fits ? SPAN("JSON that keeps to the schema was found") : !count ? SPAN("no JSON was found") : SPAN("the JSON that was found does not keep to the schema");
    return f.fits;
}

static const char *const schema_parameters[] = { "schema", NULL };
const struct check_kind check_jsonSchema = { .id = "jsonSchema", .parameters = schema_parameters, .read = read_json_schema, .judge = judge_json_schema };

/* ---- jsonKeys ---- */

struct keys {
    struct span *list;
    size_t count;
    enum operator op;
};

static bool read_keys(struct check *c, const struct node *n, const char *path, struct arena *a, struct trouble *t)
{
    struct keys *k = ARENA_NEW(a, struct keys);
    c->rule = k;
    if (!k || !read_words(a, n, path, "keys", &k->list, &k->count, t) || !read_operator(n, path, OPERATOR_ANY, &k->op, t))
        return false;
    c->forbids = false; /* without JSON it fails, so it is no ban */
    return true;
}

struct counting {
    const struct keys *keys;
    bool holds, broken; /* one that does; one that does not */
};

static bool count_keys(void *self, struct json_value v)
{
    struct counting *c = self;
    const struct keys *k = c->keys;
    size_t found = 0;
    if (json_kind(v) != JSON_OBJECT)
        return true;
    for (size_t i = 0; i < k->count; i++)
        found += json_kind(json_member(v, k->list[i])) != JSON_NONE;
    bool holds = k->op == OPERATOR_ANY ? found > 0 : k->op == OPERATOR_ALL ? found == k->count : found == 0;
    c->holds = c->holds || holds;
    c->broken = c->broken || !holds;
    return true;
}

static bool judge_keys(struct look *l, const struct check *c, struct span text)
{
    const struct keys *k = c->rule;
    struct counting n = { .keys = k };
    size_t count;
    if (!json_find(l->text->json, text, &l->effort, count_keys, &n, &count))
        l->error = too_much;
    bool fine = n.holds && (k->op != OPERATOR_NONE || !n.broken); /* none: in none of them */
    l->saying = arena_print(l->arena, "%s; wanted: %s of %zu keys", !count ? "no JSON was found" : fine ? "the JSON has such keys" : "the JSON has other keys",
        operator_names[k->op], k->count);
    return fine;
}

static const char *const keys_parameters[] = { "keys", "operator", NULL };
const struct check_kind check_jsonKeys = { .id = "jsonKeys", .parameters = keys_parameters, .read = read_keys, .judge = judge_keys };

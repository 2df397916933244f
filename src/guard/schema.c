/* SPDX-License-Identifier: Apache-2.0
 * schema.c - does a JSON value keep to a schema? */
#include "guard/schema_inside.h"

#include "guard/decimal.h"

enum { DEPTH = 300 };

struct judging {
    const struct schema *schema;
    struct effort *effort;
    struct arena *arena;
    const char *error;
    int depth;
};

static bool holds(struct judging *g, const struct node *schema, struct json_value v);

static bool spend(struct judging *g, int64_t steps)
{
    if (!g->error && !effort_spend(g->effort, steps))
        g->error = "judging by this schema takes too long";
    return !g->error;
}

/* ---- values ---- */

static bool number_of(struct judging *g, struct json_value v, struct decimal *out)
{
    if (decimal_read(json_decimal(v, g->arena), out))
        return true;
    g->error = "a number that is too long";
    return false;
}

static bool same_numbers(struct judging *g, struct json_value a, struct json_value b)
{
    struct decimal x, y;
    return number_of(g, a, &x) && number_of(g, b, &y) && decimal_compare(&x, &y) == 0;
}

static bool same_values(struct judging *g, struct json_value a, struct json_value b);

static bool same_items(struct judging *g, struct json_value a, struct json_value b)
{
    struct json_iter i = json_iter(a), k = json_iter(b);
    struct json_value x, y;
    struct span name;
    if (json_count(a) != json_count(b))
        return false;
    bool object = json_kind(a) == JSON_OBJECT;
    while (json_next(&i, &name, &x)) {
        struct span ignored;
        if (object && !spend(g, (int64_t)json_count(b)))
            return false;
        if (object)
            y = json_member(b, name);
        else if (!json_next(&k, &ignored, &y))
            return false;
        if (!same_values(g, x, y))
            return false;
    }
    return true;
}

static bool same_values(struct judging *g, struct json_value a, struct json_value b)
{
    bool x = false, y = false;
    if (json_kind(a) != json_kind(b) || !spend(g, 1))
        return false;
    switch (json_kind(a)) {
    case JSON_BOOL: return json_bool(a, &x) && json_bool(b, &y) && x == y;
    case JSON_NUMBER: return same_numbers(g, a, b);
    case JSON_STRING: return span_is(json_string(a), json_string(b));
    case JSON_ARRAY: case JSON_OBJECT: return same_items(g, a, b);
    case JSON_NULL: return true;
    default: return false;
    }
}

/* A value of the schema's own text. */
static bool is_said(struct judging *g, const struct node *n, struct json_value v)
{
    struct json_iter it = json_iter(v);
    struct json_value item;
    struct span name;
    struct decimal x, y;
    bool flag, said;
    if (!spend(g, 1))
        return false;
    switch (json_kind(v)) {
    case JSON_NULL: return n->kind == NODE_NULL;
    case JSON_BOOL: return schema_is_bool(n, &said) && json_bool(v, &flag) && flag == said;
    case JSON_STRING: return n->kind == NODE_SCALAR && (n->quoted || (!schema_is_bool(n, &said) && !decimal_read(n->text, &x))) && span_is(n->text, json_string(v));
    case JSON_NUMBER: return n->kind == NODE_SCALAR && !n->quoted && decimal_read(n->text, &x) && number_of(g, v, &y) && decimal_compare(&x, &y) == 0;
    case JSON_ARRAY:
        if (n->kind != NODE_LIST || json_count(v) != n->count)
            return false;
        for (const struct node *m = n->first; m && json_next(&it, &name, &item); m = m->next)
            if (!is_said(g, m, item))
                return false;
        return true;
    case JSON_OBJECT:
        if (n->kind != NODE_MAP || json_count(v) != n->count)
            return false;
        for (const struct node *m = n->first; m; m = m->next)
            if (!is_said(g, m, json_member(v, m->name)))
                return false;
        return true;
    default: return false;
    }
}

static bool is_integer(struct judging *g, struct json_value v)
{
    struct decimal d;
    return number_of(g, v, &d) && decimal_is_integer(&d);
}

static bool is_of_type(struct judging *g, struct span type, struct json_value v)
{
    enum json_kind k = json_kind(v);
    return (k == JSON_NULL && span_is(type, SPAN("null"))) || (k == JSON_BOOL && span_is(type, SPAN("boolean"))) ||
           (k == JSON_OBJECT && span_is(type, SPAN("object"))) || (k == JSON_ARRAY && span_is(type, SPAN("array"))) ||
           (k == JSON_STRING && span_is(type, SPAN("string"))) ||
           (k == JSON_NUMBER && (span_is(type, SPAN("number")) || (span_is(type, SPAN("integer")) && is_integer(g, v))));
}

static bool type_holds(struct judging *g, const struct node *n, struct json_value v)
{
    if (n->kind == NODE_SCALAR)
        return is_of_type(g, n->text, v);
    for (const struct node *m = n->first; m; m = m->next)
        if (is_of_type(g, m->text, v))
            return true;
    return false;
}

static bool enum_holds(struct judging *g, const struct node *n, struct json_value v)
{
    for (const struct node *m = n->first; m; m = m->next)
        if (is_said(g, m, v))
            return true;
    return false;
}

/* ---- numbers and counts ---- */

static bool number_holds(struct judging *g, const struct node *schema, struct json_value v)
{
    const struct node *n;
    struct decimal d, bound;
    if (!number_of(g, v, &d))
        return false;
    if ((n = schema_member(schema, "maximum")) && decimal_read(n->text, &bound) && decimal_compare(&d, &bound) > 0)
        return false;
    if ((n = schema_member(schema, "exclusiveMaximum")) && decimal_read(n->text, &bound) && decimal_compare(&d, &bound) >= 0)
        return false;
    if ((n = schema_member(schema, "minimum")) && decimal_read(n->text, &bound) && decimal_compare(&d, &bound) < 0)
        return false;
    if ((n = schema_member(schema, "exclusiveMinimum")) && decimal_read(n->text, &bound) && decimal_compare(&d, &bound) <= 0)
        return false;
    if ((n = schema_member(schema, "multipleOf")) && decimal_read(n->text, &bound)) {
        bool known, divides = decimal_divides(&d, &bound, &known);
        if (!known)
            g->error = "a number that is too long";
        return known && divides;
    }
    return true;
}

/* -1: not said. Beyond what can be counted: as much as can be. */
static int64_t count_said(const struct node *schema, const char *name)
{
    const struct node *n = schema_member(schema, name);
    struct decimal d;
    int64_t sum = 0;
    if (!n || !decimal_read(n->text, &d))
        return -1;
    if (d.exponent > 15)
        return INT64_MAX;
    for (int i = 0; i < d.exponent; i++)
        sum = sum * 10 + (i < d.count ? d.digits[i] - '0' : 0);
    return sum;
}

static bool counts_hold(const struct node *schema, const char *least, const char *most, size_t n)
{
    int64_t low = count_said(schema, least), high = count_said(schema, most);
    return (low < 0 || (int64_t)n >= low) && (high < 0 || (int64_t)n <= high);
}

/* ---- strings ---- */

static const struct regex *pattern_at(struct judging *g, const struct node *n)
{
    for (size_t i = 0; i < g->schema->pattern_count; i++)
        if (g->schema->patterns[i].at == n)
            return g->schema->patterns[i].regex;
    g->error = "a pattern that was not read";
    return NULL;
}

static bool pattern_fits(struct judging *g, const struct node *n, struct span text)
{
    const struct regex *r = pattern_at(g, n);
    const char *why = NULL;
    enum regex_found found = r ? regex_find(r, text, g->effort, &why) : REGEX_UNKNOWN;
    if (found == REGEX_UNKNOWN && !g->error)
        g->error = why;
    return found == REGEX_YES;
}

static bool string_holds(struct judging *g, const struct node *schema, struct span text)
{
    const struct node *pattern = schema_member(schema, "pattern");
    size_t characters = 0;
    for (size_t i = 0; i < text.len; i++)
        characters += ((unsigned char)text.at[i] & 0xc0) != 0x80;
    return counts_hold(schema, "minLength", "maxLength", characters) && (!pattern || pattern_fits(g, pattern, text));
}

/* ---- arrays ---- */

static bool items_hold(struct judging *g, const struct node *schema, struct json_value v)
{
    const struct node *items = schema_member(schema, "items"), *prefix = schema_member(schema, "prefixItems");
    bool listed = items && items->kind == NODE_LIST; /* as draft 7 said it */
    const struct node *each = listed ? items->first : prefix ? prefix->first : NULL;
    const struct node *rest = listed ? schema_member(schema, "additionalItems") : items;
    struct json_iter it = json_iter(v);
    struct json_value item;
    struct span name;
    while (json_next(&it, &name, &item)) {
        const struct node *s = each ? each : rest;
        if (s && !holds(g, s, item))
            return false;
        each = each ? each->next : NULL;
    }
    return true;
}

static bool contains_holds(struct judging *g, const struct node *schema, struct json_value v)
{
    const struct node *contains = schema_member(schema, "contains");
    int64_t least = count_said(schema, "minContains"), most = count_said(schema, "maxContains"), hits = 0;
    struct json_iter it = json_iter(v);
    struct json_value item;
    struct span name;
    if (!contains)
        return true;
    while (json_next(&it, &name, &item))
        hits += holds(g, contains, item);
    return hits >= (least < 0 ? 1 : least) && (most < 0 || hits <= most);
}

static bool all_differ(struct judging *g, struct json_value v)
{
    struct json_iter it = json_iter(v);
    struct json_value a, b;
    struct span name;
    while (json_next(&it, &name, &a))
        for (struct json_iter behind = it; json_next(&behind, &name, &b);)
            if (same_values(g, a, b) || g->error)
                return false;
    return true;
}

static bool array_holds(struct judging *g, const struct node *schema, struct json_value v)
{
    const struct node *unique = schema_member(schema, "uniqueItems");
    bool differ = false;
    if (!counts_hold(schema, "minItems", "maxItems", json_count(v)) || !items_hold(g, schema, v) || !contains_holds(g, schema, v))
        return false;
    return !unique || !schema_is_bool(unique, &differ) || !differ || all_differ(g, v);
}

/* ---- objects ---- */

static bool there(struct json_value v, struct span name) { return json_kind(json_member(v, name)) != JSON_NONE; }

static bool all_there(struct judging *g, const struct node *names, struct json_value v)
{
    for (const struct node *n = names ? names->first : NULL; n; n = n->next)
        if (!spend(g, (int64_t)json_count(v)) || !there(v, n->text))
            return false;
    return true;
}

static const struct node *named(const struct node *map, struct span name)
{
    for (const struct node *n = map ? map->first : NULL; n; n = n->next)
        if (span_is(n->name, name))
            return n;
    return NULL;
}

static bool name_holds(struct judging *g, const struct node *names, struct span name)
{
    struct buf text;
    struct json_out o;
    struct json *parser = json_new();
    struct json_value v;
    const char *why;
    buf_init(&text, 1u << 20);
    o = json_out(&text);
    json_put_string(&o, name);
    bool parsed = parser && !text.broken && json_parse(parser, buf_span(&text), true, &v, &why) == E_OK;
    if (!parsed)
        g->error = "a member's name that is too long";
    bool fine = parsed && holds(g, names, v);
    json_free(parser);
    buf_free(&text);
    return fine;
}

static bool member_holds(struct judging *g, const struct node *schema, struct span name, struct json_value v)
{
    const struct node *own = named(schema_member(schema, "properties"), name), *patterns = schema_member(schema, "patternProperties");
    const struct node *others = schema_member(schema, "additionalProperties"), *names = schema_member(schema, "propertyNames");
    bool known = own != NULL;
    if (!spend(g, 1) || (own && !holds(g, own, v)) || (names && !name_holds(g, names, name)))
        return false;
    for (const struct node *p = patterns ? patterns->first : NULL; p; p = p->next) {
        bool fits = pattern_fits(g, p, name);
        known = known || fits;
        if (g->error || (fits && !holds(g, p, v)))
            return false;
    }
    return known || !others || holds(g, others, v);
}

static bool dependencies_hold(struct judging *g, const struct node *map, struct json_value v)
{
    for (const struct node *n = map ? map->first : NULL; n; n = n->next)
        if (there(v, n->name) && !(n->kind == NODE_LIST ? all_there(g, n, v) : holds(g, n, v)))
            return false;
    return true;
}

static bool object_holds(struct judging *g, const struct node *schema, struct json_value v)
{
    struct json_iter it = json_iter(v);
    struct json_value item;
    struct span name;
    if (!counts_hold(schema, "minProperties", "maxProperties", json_count(v)) || !all_there(g, schema_member(schema, "required"), v))
        return false;
    while (json_next(&it, &name, &item))
        if (!member_holds(g, schema, name, item))
            return false;
    return dependencies_hold(g, schema_member(schema, "dependentRequired"), v) && dependencies_hold(g, schema_member(schema, "dependentSchemas"), v) &&
           dependencies_hold(g, schema_member(schema, "dependencies"), v);
}

/* ---- schemas of schemas ---- */

static size_t how_many_hold(struct judging *g, const struct node *list, struct json_value v)
{
    size_t n = 0;
    for (const struct node *m = list->first; m && !g->error; m = m->next)
        n += holds(g, m, v);
    return n;
}

static bool combined_hold(struct judging *g, const struct node *schema, struct json_value v)
{
    const struct node *all = schema_member(schema, "allOf"), *any = schema_member(schema, "anyOf"), *one = schema_member(schema, "oneOf");
    const struct node *none = schema_member(schema, "not"), *condition = schema_member(schema, "if"), *reference = schema_member(schema, "$ref");
    const struct node *target = reference ? schema_find(g->schema, reference->text, g->arena) : NULL;
    if ((reference && !(target && holds(g, target, v))) || (all && how_many_hold(g, all, v) != all->count) || (any && !how_many_hold(g, any, v)) ||
        (one && how_many_hold(g, one, v) != 1) || (none && holds(g, none, v)))
        return false;
    const struct node *then = condition ? schema_member(schema, holds(g, condition, v) ? "then" : "else") : NULL;
    return !then || holds(g, then, v);
}

static bool own_holds(struct judging *g, const struct node *schema, struct json_value v)
{
    const struct node *type = schema_member(schema, "type"), *list = schema_member(schema, "enum"), *only = schema_member(schema, "const");
    if ((type && !type_holds(g, type, v)) || (list && !enum_holds(g, list, v)) || (only && !is_said(g, only, v)))
        return false;
    switch (json_kind(v)) {
    case JSON_NUMBER: return number_holds(g, schema, v);
    case JSON_STRING: return string_holds(g, schema, json_string(v));
    case JSON_ARRAY: return array_holds(g, schema, v);
    case JSON_OBJECT: return object_holds(g, schema, v);
    default: return true;
    }
}

static bool holds(struct judging *g, const struct node *schema, struct json_value v)
{
    bool flag, fine = false;
    if (schema_is_bool(schema, &flag))
        return flag;
    if (!spend(g, 4))
        return false;
    if (++g->depth > DEPTH)
        g->error = "the schema leads back to itself, or the JSON is too deep";
    else
        fine = own_holds(g, schema, v) && combined_hold(g, schema, v);
    g->depth--;
    return fine && !g->error;
}

bool schema_holds(const struct schema *s, struct json_value v, struct effort *e, struct arena *a, const char **error)
{
    struct judging g = { .schema = s, .effort = e, .arena = a };
    struct arena_mark mark = arena_mark(a);
    bool fine = holds(&g, s->root, v);
    bool broken = a->broken;
    arena_rewind(a, mark);
    *error = broken ? "no memory" : g.error;
    return fine && !*error;
}

/* SPDX-License-Identifier: Apache-2.0
 * gemini_schema.c - Google's OpenAPI schemas as JSON schemas.
 *
 * Types in capitals become lower case, `nullable` becomes a type of its own, counts written as strings become numbers, `example` one of
 * `examples`; propertyOrdering, which no other vendor knows, becomes the order of the properties. All else stays as it is. The other
 * way round nothing is needed: parametersJsonSchema and responseJsonSchema take JSON schema. */
#include "dialect/gemini.h"

enum { SCHEMA_MOST = 4 << 20, DEPTH_MOST = 128 };

enum { TYPE, NULLABLE, FORMAT, ENUM, PROPERTIES, ORDERING, ITEMS, PREFIX_ITEMS, ANY_OF, ONE_OF, ALL_OF, ADDITIONAL, DEFS, EXAMPLE,
    MAX_ITEMS, MIN_ITEMS, MAX_LENGTH, MIN_LENGTH, MAX_PROPERTIES, MIN_PROPERTIES, SCHEMA_NAMES };
static const struct span names[] = { [TYPE] = { "type", 4 }, [NULLABLE] = { "nullable", 8 }, [FORMAT] = { "format", 6 },
    [ENUM] = { "enum", 4 }, [PROPERTIES] = { "properties", 10 }, [ORDERING] = { "propertyOrdering", 16 }, [ITEMS] = { "items", 5 },
    [PREFIX_ITEMS] = { "prefixItems", 11 }, [ANY_OF] = { "anyOf", 5 }, [ONE_OF] = { "oneOf", 5 }, [ALL_OF] = { "allOf", 5 },
    [ADDITIONAL] = { "additionalProperties", 20 }, [DEFS] = { "$defs", 5 }, [EXAMPLE] = { "example", 7 }, [MAX_ITEMS] = { "maxItems", 8 },
    [MIN_ITEMS] = { "minItems", 8 }, [MAX_LENGTH] = { "maxLength", 9 }, [MIN_LENGTH] = { "minLength", 9 },
    [MAX_PROPERTIES] = { "maxProperties", 13 }, [MIN_PROPERTIES] = { "minProperties", 13 }, [SCHEMA_NAMES] = { NULL, 0 } };

struct schema {
    struct json_out out;
    struct arena *arena;
    int depth;
};

static void put_schema(struct schema *s, struct span value);

static void put_type(struct schema *s, struct span type, bool nullable)
{
    char lower[32];
    struct span said = raw_inside(type);
    if (!said.at || said.len > sizeof(lower) || raw_is(type, SPAN("TYPE_UNSPECIFIED"))) {
        if (type.at && !said.at)
            json_pair_raw(&s->out, names[TYPE], type);
        return;
    }
    for (size_t i = 0; i < said.len; i++)
        lower[i] = (char)(said.at[i] >= 'A' && said.at[i] <= 'Z' ? said.at[i] + ('a' - 'A') : said.at[i]);
    json_name(&s->out, names[TYPE]);
    if (nullable)
        json_open(&s->out, '[');
    json_put_string(&s->out, span_make(lower, said.len));
    if (!nullable)
        return;
    json_put_string(&s->out, SPAN("null"));
    json_close(&s->out, ']');
}

/* `more`: an item to be added; SPAN_NONE: none. */
static void put_list(struct schema *s, struct span name, struct span list, struct span more, bool of_schemas)
{
    struct raw_iter it = raw_iter(list, s->arena);
    struct span none, item;
    json_name(&s->out, name);
    json_open(&s->out, '[');
    while (!it.object && raw_next(&it, &none, &item)) {
        if (of_schemas)
            put_schema(s, item);
        else
            json_put_raw(&s->out, item);
    }
    if (more.at)
        json_put_raw(&s->out, more);
    json_close(&s->out, ']');
}

static bool is_listed(struct span list, struct span name, struct arena *a)
{
    struct raw_iter it = raw_iter(list, a);
    struct span none, item;
    while (!it.object && raw_next(&it, &none, &item))
        if (raw_is(item, name))
            return true;
    return false;
}

/* Properties in the order wished for, then the others. */
static void put_properties(struct schema *s, struct span name, struct span properties, struct span ordering)
{
    struct raw_iter it = raw_iter(ordering, s->arena);
    struct span none, item, value, said;
    json_name(&s->out, name);
    json_open(&s->out, '{');
    while (!it.object && raw_next(&it, &none, &item)) {
        said = raw_text(item, s->arena);
        value = said.at ? raw_member(properties, said, s->arena) : SPAN_NONE;
        if (!value.at)
            continue;
        json_name(&s->out, said);
        put_schema(s, value);
    }
    it = raw_iter(properties, s->arena);
    while (it.object && raw_next(&it, &said, &value)) {
        if (ordering.at && is_listed(ordering, said, s->arena))
            continue;
        json_name(&s->out, said);
        put_schema(s, value);
    }
    json_close(&s->out, '}');
}

/* "5" is 5 (protocol buffers write their 64-bit numbers so). */
static void put_count(struct schema *s, struct span name, struct span value)
{
    int64_t n;
    if (value.at)
        json_pair_raw(&s->out, name, raw_kind(value) == JSON_STRING && span_to_i64(raw_inside(value), &n) ? raw_inside(value) : value);
}

static void put_other(void *self, struct span name, struct span value)
{
    struct schema *s = self;
    json_name(&s->out, name);
    json_put_raw(&s->out, value);
}

static void put_choices(struct schema *s, const struct span *v, bool nullable)
{
    bool null_in_any = nullable && !v[TYPE].at && v[ANY_OF].at;
    if (v[ANY_OF].at)
        put_list(s, names[ANY_OF], v[ANY_OF], null_in_any ? SPAN("{\"type\":\"null\"}") : SPAN_NONE, true);
    if (v[ONE_OF].at)
        put_list(s, names[ONE_OF], v[ONE_OF], SPAN_NONE, true);
    if (v[ALL_OF].at)
        put_list(s, names[ALL_OF], v[ALL_OF], SPAN_NONE, true);
    if (v[PREFIX_ITEMS].at)
        put_list(s, names[PREFIX_ITEMS], v[PREFIX_ITEMS], SPAN_NONE, true);
    if (v[ENUM].at)
        put_list(s, names[ENUM], v[ENUM], nullable ? SPAN("null") : SPAN_NONE, false);
    if (v[EXAMPLE].at)
        put_list(s, SPAN("examples"), SPAN_NONE, v[EXAMPLE], false);
}

static void put_object(struct schema *s, struct span object)
{
    struct span v[SCHEMA_NAMES];
    json_open(&s->out, '{');
    if (!gemini_pick(object, names, v, s->arena, put_other, s))
        s->out.buf->broken = true;
    bool nullable = span_is(v[NULLABLE], SPAN("true"));
    put_type(s, v[TYPE], nullable);
    if (v[FORMAT].at && !raw_is(v[FORMAT], SPAN("enum")))
        json_pair_raw(&s->out, names[FORMAT], v[FORMAT]);
    put_choices(s, v, nullable);
    if (v[PROPERTIES].at)
        put_properties(s, names[PROPERTIES], v[PROPERTIES], v[ORDERING]);
    if (v[DEFS].at)
        put_properties(s, names[DEFS], v[DEFS], SPAN_NONE);
    for (int i = 0; i < 2; i++) {
        int which = i == 0 ? ITEMS : ADDITIONAL;
        if (!v[which].at)
            continue;
        json_name(&s->out, names[which]);
        put_schema(s, v[which]);
    }
    for (int i = MAX_ITEMS; i <= MIN_PROPERTIES; i++)
        put_count(s, names[i], v[i]);
    json_close(&s->out, '}');
}

static void put_schema(struct schema *s, struct span value)
{
    if (raw_kind(value) != JSON_OBJECT || s->depth > DEPTH_MOST) {
        json_put_raw(&s->out, value);
        return;
    }
    s->depth++;
    put_object(s, value);
    s->depth--;
}

struct span gemini_schema(struct span schema, struct arena *a)
{
    struct buf text;
    buf_init(&text, SCHEMA_MOST);
    struct schema s = { json_out(&text), a, 0 };
    put_schema(&s, schema);
    struct span out = text.broken ? SPAN_NONE : arena_copy(a, buf_span(&text));
    buf_free(&text);
    return out;
}

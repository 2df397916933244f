/* SPDX-License-Identifier: Apache-2.0
 * schema_read.c - is a text a schema? Every keyword is looked at once, so that judging by it needs no second thoughts. */
#include "guard/schema_inside.h"

#include "base/text.h"
#include "guard/decimal.h"

#include <stdio.h>

enum { PATH = 300, REFERENCES_MOST = 500, PATTERNS_MOST = 200 };

enum form { FORM_ANY, FORM_SCHEMA, FORM_SCHEMAS, FORM_SCHEMA_MAP, FORM_ITEMS, FORM_DEPENDENCIES, FORM_NUMBER, FORM_COUNT, FORM_BOOL, FORM_NAMES,
    FORM_NAME_MAP, FORM_TYPE, FORM_PATTERN, FORM_PATTERN_MAP, FORM_REFERENCE, FORM_LIST, FORM_TEXT, FORM_REFUSED };

static const struct {
    const char *name;
    enum form form;
} keywords[] = {
    { "type", FORM_TYPE }, { "enum", FORM_LIST }, { "const", FORM_ANY },
    { "multipleOf", FORM_NUMBER }, { "maximum", FORM_NUMBER }, { "exclusiveMaximum", FORM_NUMBER }, { "minimum", FORM_NUMBER }, { "exclusiveMinimum", FORM_NUMBER },
    { "maxLength", FORM_COUNT }, { "minLength", FORM_COUNT }, { "pattern", FORM_PATTERN },
    { "items", FORM_ITEMS }, { "prefixItems", FORM_SCHEMAS }, { "additionalItems", FORM_SCHEMA }, { "contains", FORM_SCHEMA },
    { "maxItems", FORM_COUNT }, { "minItems", FORM_COUNT }, { "uniqueItems", FORM_BOOL }, { "maxContains", FORM_COUNT }, { "minContains", FORM_COUNT },
    { "properties", FORM_SCHEMA_MAP }, { "patternProperties", FORM_PATTERN_MAP }, { "additionalProperties", FORM_SCHEMA }, { "propertyNames", FORM_SCHEMA },
    { "required", FORM_NAMES }, { "maxProperties", FORM_COUNT }, { "minProperties", FORM_COUNT },
    { "dependentRequired", FORM_NAME_MAP }, { "dependentSchemas", FORM_SCHEMA_MAP }, { "dependencies", FORM_DEPENDENCIES },
    { "allOf", FORM_SCHEMAS }, { "anyOf", FORM_SCHEMAS }, { "oneOf", FORM_SCHEMAS }, { "not", FORM_SCHEMA },
    { "if", FORM_SCHEMA }, { "then", FORM_SCHEMA }, { "else", FORM_SCHEMA },
    { "$defs", FORM_SCHEMA_MAP }, { "definitions", FORM_SCHEMA_MAP }, { "$ref", FORM_REFERENCE }, { "$anchor", FORM_TEXT },
    { "unevaluatedItems", FORM_REFUSED }, { "unevaluatedProperties", FORM_REFUSED }, { "$dynamicRef", FORM_REFUSED }, { "$recursiveRef", FORM_REFUSED },
};

struct reading {
    struct schema *schema;
    struct arena *arena;
    struct trouble *trouble;
};

const struct node *schema_member(const struct node *n, const char *name)
{
    for (const struct node *m = n && n->kind == NODE_MAP ? n->first : NULL; m; m = m->next)
        if (span_is(m->name, span_of(name)))
            return m;
    return NULL;
}

bool schema_is_bool(const struct node *n, bool *out)
{
    *out = n->kind == NODE_SCALAR && span_is(n->text, SPAN("true"));
    return n->kind == NODE_SCALAR && !n->quoted && (*out || span_is(n->text, SPAN("false")));
}

/* ---- references: "#", "#/$defs/name", "#name" ---- */

/* %41 and then ~1 and ~0. */
static struct span decode(struct span s, struct arena *a)
{
    char *out = arena_take(a, s.len + 1);
    size_t len = 0, end = 0;
    for (size_t i = 0; out && i < s.len; i++) {
        bool coded = s.at[i] == '%' && i + 2 < s.len && text_hex_value(s.at[i + 1]) >= 0 && text_hex_value(s.at[i + 2]) >= 0;
        out[len++] = coded ? (char)(text_hex_value(s.at[i + 1]) * 16 + text_hex_value(s.at[i + 2])) : s.at[i];
        i += coded ? 2 : 0;
    }
    for (size_t i = 0; i < len; i++) {
        bool tilde = out[i] == '~' && i + 1 < len && (out[i + 1] == '0' || out[i + 1] == '1');
        out[end++] = !tilde ? out[i] : out[i + 1] == '1' ? '/' : '~';
        i += tilde;
    }
    return span_make(out, out ? end : 0);
}

static const struct node *step(const struct node *n, struct span name)
{
    uint64_t index = 0;
    bool list = n->kind == NODE_LIST;
    if (list && !span_to_u64(name, &index))
        return NULL;
    for (const struct node *m = n->kind == NODE_MAP || list ? n->first : NULL; m; m = m->next)
        if (list ? index-- == 0 : span_is(m->name, name))
            return m;
    return NULL;
}

static const struct node *anchored(const struct node *n, struct span name)
{
    const struct node *anchor = schema_member(n, "$anchor");
    if (anchor && anchor->kind == NODE_SCALAR && span_is(anchor->text, name))
        return n;
    for (const struct node *m = n->kind == NODE_MAP || n->kind == NODE_LIST ? n->first : NULL; m; m = m->next) {
        const struct node *hit = anchored(m, name);
        if (hit)
            return hit;
    }
    return NULL;
}

const struct node *schema_find(const struct schema *s, struct span reference, struct arena *a)
{
    const struct node *n = s->root;
    struct span rest, name;
    if (!reference.len || reference.at[0] != '#')
        return NULL;
    rest = span_from(reference, 1);
    if (!rest.len)
        return n;
    if (rest.at[0] != '/')
        return anchored(n, rest);
    rest = span_from(rest, 1);
    while (n && span_next(&rest, '/', &name))
        n = step(n, decode(name, a));
    return n;
}

/* ---- keywords ---- */

static bool read_schema(struct reading *r, const struct node *n, const char *path);

static bool complain(struct reading *r, const struct node *n, const char *path, const char *allowed)
{
    trouble_found(r->trouble, n, path, allowed);
    return false;
}

static void below(char out[PATH], const char *path, const struct node *m, size_t index)
{
    if (m->name.at)
        snprintf(out, PATH, "%.220s.%.*s", path, SPAN_ARG(span_first(m->name, 60)));
    else
        snprintf(out, PATH, "%.220s[%zu]", path, index);
}

/* A list or a map of schemas. */
static bool read_each(struct reading *r, const struct node *n, const char *path, enum node_kind kind)
{
    char at[PATH];
    size_t i = 0;
    if (n->kind != kind)
        return complain(r, n, path, kind == NODE_LIST ? "a list of schemas" : "a map of schemas");
    for (const struct node *m = n->first; m; m = m->next, i++) {
        below(at, path, m, i);
        if (!read_schema(r, m, at))
            return false;
    }
    return true;
}

static bool add_pattern(struct reading *r, const struct node *n, struct span text, const char *path)
{
    struct schema *s = r->schema;
    struct schema_pattern *list = s->pattern_count < PATTERNS_MOST ? ARENA_GROW(r->arena, s->patterns, s->pattern_count) : NULL;
    char why[200];
    if (!list)
        return complain(r, n, path, "at most 200 patterns in a schema");
    s->patterns = list;
    list[s->pattern_count].at = n;
    if (!regex_read(r->arena, text, SPAN(""), &list[s->pattern_count].regex, why))
        return complain(r, n, path, why);
    s->pattern_count++;
    return true;
}

static bool read_pattern_map(struct reading *r, const struct node *n, const char *path)
{
    if (!read_each(r, n, path, NODE_MAP))
        return false;
    for (const struct node *m = n->first; m; m = m->next)
        if (!add_pattern(r, m, m->name, path))
            return false;
    return true;
}

static bool read_names(struct reading *r, const struct node *n, const char *path)
{
    for (const struct node *m = n->kind == NODE_LIST ? n->first : NULL; m; m = m->next)
        if (m->kind != NODE_SCALAR)
            return complain(r, n, path, "a list of names");
    return n->kind == NODE_LIST || complain(r, n, path, "a list of names");
}

static bool read_name_map(struct reading *r, const struct node *n, const char *path, bool schemas)
{
    char at[PATH];
    if (n->kind != NODE_MAP)
        return complain(r, n, path, "a map");
    for (const struct node *m = n->first; m; m = m->next) {
        below(at, path, m, 0);
        if (!(schemas && m->kind != NODE_LIST ? read_schema(r, m, at) : read_names(r, m, at)))
            return false;
    }
    return true;
}

static bool read_type(struct reading *r, const struct node *n, const char *path)
{
    static const char *const types[] = { "null", "boolean", "object", "array", "number", "string", "integer", NULL };
    const struct node *first = n->kind == NODE_LIST ? n->first : n;
    int choice;
    for (const struct node *m = first; m; m = n->kind == NODE_LIST ? m->next : NULL)
        if (!node_choice(m, path, types, &choice, r->trouble))
            return false;
    return first || complain(r, n, path, "a type, or a list of them");
}

/* What it leads to must be a schema, too; that is looked at once. */
static bool read_reference(struct reading *r, const struct node *n, const char *path)
{
    struct schema *s = r->schema;
    const struct node *target = n->kind == NODE_SCALAR ? schema_find(s, n->text, r->arena) : NULL;
    if (!target)
        return complain(r, n, path, "a reference to something in this schema: \"#\", \"#/$defs/name\" or \"#anchor\"");
    for (size_t i = 0; i < s->seen_count; i++)
        if (s->seen[i] == target)
            return true;
    const struct node **seen = s->seen_count < REFERENCES_MOST ? ARENA_GROW(r->arena, s->seen, s->seen_count) : NULL;
    if (!seen)
        return complain(r, n, path, "at most 500 references");
    s->seen = seen;
    seen[s->seen_count++] = target;
    return read_schema(r, target, path);
}

static bool is_number(const struct node *n, struct decimal *d)
{
    return n->kind == NODE_SCALAR && !n->quoted && decimal_read(n->text, d);
}

static bool read_number(struct reading *r, const struct node *n, const char *path)
{
    struct decimal d;
    bool divisor = span_is(n->name, SPAN("multipleOf"));
    if (!is_number(n, &d))
        return complain(r, n, path, "a number");
    return !divisor || (!d.negative && d.count) || complain(r, n, path, "a number above 0");
}

static bool read_count(struct reading *r, const struct node *n, const char *path)
{
    struct decimal d;
    return (is_number(n, &d) && !d.negative && decimal_is_integer(&d)) || complain(r, n, path, "a whole number from 0");
}

static bool read_keyword(struct reading *r, const struct node *n, enum form form, const char *path)
{
    bool flag;
    switch (form) {
    case FORM_SCHEMA: return read_schema(r, n, path);
    case FORM_SCHEMAS: return read_each(r, n, path, NODE_LIST);
    case FORM_SCHEMA_MAP: return read_each(r, n, path, NODE_MAP);
    case FORM_ITEMS: return n->kind == NODE_LIST ? read_each(r, n, path, NODE_LIST) : read_schema(r, n, path);
    case FORM_DEPENDENCIES: return read_name_map(r, n, path, true);
    case FORM_NAME_MAP: return read_name_map(r, n, path, false);
    case FORM_NUMBER: return read_number(r, n, path);
    case FORM_COUNT: return read_count(r, n, path);
    case FORM_BOOL: return schema_is_bool(n, &flag) || complain(r, n, path, "true or false");
    case FORM_NAMES: return read_names(r, n, path);
    case FORM_TYPE: return read_type(r, n, path);
    case FORM_PATTERN: return n->kind == NODE_SCALAR ? add_pattern(r, n, n->text, path) : complain(r, n, path, "a pattern");
    case FORM_PATTERN_MAP: return read_pattern_map(r, n, path);
    case FORM_REFERENCE: return read_reference(r, n, path);
    case FORM_LIST: return n->kind == NODE_LIST || complain(r, n, path, "a list");
    case FORM_TEXT: return n->kind == NODE_SCALAR || complain(r, n, path, "a text");
    case FORM_REFUSED: trouble_say(r->trouble, n, path, "this keyword is not done here, and leaving it out would let too much pass"); return false;
    case FORM_ANY: break;
    }
    return true;
}

static bool read_schema(struct reading *r, const struct node *n, const char *path)
{
    char at[PATH];
    bool flag;
    if (schema_is_bool(n, &flag))
        return true;
    if (n->kind != NODE_MAP)
        return complain(r, n, path, "a schema: a map, true or false");
    if (n != r->schema->root && schema_member(n, "$id")) {
        trouble_say(r->trouble, n, path, "an $id inside of a schema, by which its references would mean something else, is not done here");
        return false;
    }
    for (const struct node *m = n->first; m; m = m->next)
        for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
            if (span_is(m->name, span_of(keywords[i].name))) {
                below(at, path, m, 0);
                if (!read_keyword(r, m, keywords[i].form, at))
                    return false;
            }
    return true;
}

bool schema_read(struct arena *a, const struct node *n, const char *path, const struct schema **out, struct trouble *t)
{
    struct schema *s = ARENA_NEW(a, struct schema);
    struct reading r = { .schema = s, .arena = a, .trouble = t };
    *out = s;
    if (!s)
        return false;
    s->root = n;
    return read_schema(&r, n, path) && !a->broken;
}

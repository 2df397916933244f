/* SPDX-License-Identifier: Apache-2.0
 * parameter_note.c - a request's parameters under plain names ("a[b][0]" is "a.b"), for policies to rule on.
 *
 * Spans are copied: the JSON reader's do not live long enough. What manifests say about parameters is parameter.c's. */
#include "vendor/subject.h"

enum { PARAMETERS_MOST = 65536 };

static enum err too_many(struct understanding *u)
{
    *u->why = arena_print(u->arena, "the request has more than %d parameters", PARAMETERS_MOST);
    return E_TOO_LARGE;
}

/* One step of a name: a dot in it is escaped, so that {"a.b": 1} does not pass for {"a": {"b": 1}}. */
static struct span join_name(struct understanding *u, struct span name, struct span step)
{
    size_t room = name.len + step.len * 2 + 1, len = name.len;
    char *at = arena_take(u->arena, room);
    if (!at)
        return SPAN_NONE;
    if (name.len) {
        memcpy(at, name.at, name.len);
        at[len++] = '.';
    }
    for (size_t i = 0; i < step.len; i++) {
        if (step.at[i] == '.' || step.at[i] == '\\')
            at[len++] = '\\';
        at[len++] = step.at[i];
    }
    return span_make(at, len);
}

static enum err add_parameter(struct understanding *u, struct span name, struct span value, bool number)
{
    struct understood *out = u->out;
    if (out->parameter_count == PARAMETERS_MOST)
        return too_many(u);
    struct parameter *list = ARENA_GROW(u->arena, out->parameters, out->parameter_count);
    if (!list)
        return too_many(u);
    out->parameters = list;
    out->parameters[out->parameter_count++] = (struct parameter){ name, arena_copy(u->arena, value), number };
    return E_OK;
}

/* Items of lists carry the list's own name. */
static enum err note_json(struct understanding *u, struct json_value v, struct span name)
{
    struct span member;
    struct json_value each;
    bool truth;
    enum err e = E_OK;
    switch (json_kind(v)) {
    case JSON_STRING:
        return add_parameter(u, name, json_string(v), false);
    case JSON_NUMBER:
        return add_parameter(u, name, json_decimal(v, u->arena), true);
    case JSON_BOOL:
        return json_bool(v, &truth) ? add_parameter(u, name, truth ? SPAN("true") : SPAN("false"), false) : E_OK;
    case JSON_ARRAY:
        for (struct json_iter it = json_iter(v); !e && json_next(&it, &member, &each);)
            e = note_json(u, each, name);
        return e;
    case JSON_OBJECT:
        for (struct json_iter it = json_iter(v); !e && json_next(&it, &member, &each);)
            e = note_json(u, each, join_name(u, name, member));
        return e;
    case JSON_NONE:
    case JSON_NULL:
        break;
    }
    return E_OK;
}

/* "a[b][0]" to "a.b". */
static struct span plain_name(struct understanding *u, struct span name)
{
    struct span key;
    uint64_t index;
    ptrdiff_t open = span_find_byte(name, '[');
    if (open < 0 && span_find_byte(name, '.') < 0 && span_find_byte(name, '\\') < 0)
        return name;
    struct span out = join_name(u, SPAN_NONE, open < 0 ? name : span_first(name, (size_t)open));
    struct span rest = open < 0 ? SPAN("") : span_from(name, (size_t)open);
    while (rest.len) {
        ptrdiff_t close = span_find_byte(rest, ']');
        must(close > 0);
        key = span_make(rest.at + 1, (size_t)close - 1);
        rest = span_from(rest, (size_t)close + 1);
        if (key.len && !span_to_u64(key, &index))
            out = join_name(u, out, key);
    }
    return out;
}

static enum err note_pairs(struct understanding *u, const struct pairs *p)
{
    enum err e = E_OK;
    int64_t number;
    for (size_t i = 0; !e && i < p->count; i++)
        e = add_parameter(u, plain_name(u, p->list[i].name), p->list[i].value, money_decimal(p->list[i].value, 9, &number));
    return e;
}

enum err parameters_note(struct understanding *u)
{
    enum err e = note_pairs(u, &u->subject.query);
    if (!e && u->subject.body_shape == SHAPE_FORM)
        e = note_pairs(u, &u->subject.form);
    if (!e && u->subject.body_shape == SHAPE_JSON)
        e = note_json(u, u->subject.body, SPAN_NONE);
    if (!e && u->rules->by_field)
        e = note_json(u, u->subject.argument, SPAN_NONE);
    return e;
}

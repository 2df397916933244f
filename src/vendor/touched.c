/* SPDX-License-Identifier: Apache-2.0
 * touched.c - what a request touches: its parameters under plain names, and the objects that policies pin (scopes).
 *
 * A scope that the manifest wants shown but the request does not show is noted as "?", which no list of allowed objects
 * holds: so it fails rules about that scope and no others. Spans are copied: the JSON reader's do not live long enough. */
#include "vendor/subject.h"

static enum err too_many(struct understanding *u)
{
    *u->why = arena_print(u->arena, "the request has more than %zu parameters", u->parameters_most);
    return E_TOO_LARGE;
}

/* ---- parameters ---- */

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
    if (out->parameter_count == u->parameters_most)
        return too_many(u);
    if ((out->parameter_count & (out->parameter_count - 1)) == 0) { /* full at every power of two: twice the room */
        size_t room = out->parameter_count ? out->parameter_count * 2 : 1;
        struct parameter *wider = ARENA_ARRAY(u->arena, struct parameter, room < 16 ? 16 : room);
        if (!wider)
            return too_many(u);
        if (out->parameter_count)
            memcpy(wider, out->parameters, out->parameter_count * sizeof(*wider));
        out->parameters = wider;
    }
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
    return e;
}

/* ---- scopes ---- */

struct taking {
    struct understanding *u;
    const struct scope_source *source;
    size_t seen;
};

static struct span lower(struct understanding *u, struct span s)
{
    struct span copy = arena_copy(u->arena, s);
    char *at = (char *)(uintptr_t)copy.at; /* our own copy */
    for (size_t i = 0; at && i < copy.len; i++)
        at[i] = at[i] >= 'A' && at[i] <= 'Z' ? (char)(at[i] + 32) : at[i];
    return copy;
}

/* "whatsapp:+4420..." is a number behind a channel. */
static struct span without_channel(struct span s)
{
    ptrdiff_t colon = span_find_byte(s, ':');
    return colon < 0 ? s : span_from(s, (size_t)colon + 1);
}

static struct span shaped(struct understanding *u, enum transform transform, struct span text)
{
    struct span address = text, step;
    switch (transform) {
    case AS_IS:
        return arena_copy(u->arena, text);
    case AS_PHONE:
        return arena_copy(u->arena, without_channel(text));
    case AS_LAST:
        while (span_cut(&text, '/', &step))
            continue;
        return arena_copy(u->arena, text);
    case AS_ADDRESS:
    case AS_DOMAIN:
        break;
    }
    if (!mail_address(text, &address))
        return SPAN("?");
    return lower(u, transform == AS_ADDRESS ? address : mail_domain(address));
}

static bool already(const struct understood *out, struct span name, struct span value)
{
    for (size_t i = 0; i < out->scope_count; i++)
        if (span_is(out->scopes[i].name, name) && span_is(out->scopes[i].value, value))
            return true;
    return false;
}

static void add_scope(struct understanding *u, const struct scope_source *source, struct span value)
{
    struct understood *out = u->out;
    if (already(out, source->name, value))
        return;
    if (!out->scopes)
        out->scopes = ARENA_ARRAY(u->arena, struct scope, u->scopes_most);
    if (!out->scopes || out->scope_count == u->scopes_most) {
        out->scopes_unresolved = true;
        return;
    }
    out->scopes[out->scope_count++] = (struct scope){ source->name, value };
    if (source->who && !out->customer.at)
        out->customer = value;
}

static bool take_scope(void *self, const struct found *f)
{
    struct taking *t = self;
    t->seen++;
    add_scope(t->u, t->source, f->text.len ? shaped(t->u, t->source->transform, f->text) : SPAN("?"));
    return true;
}

static void note_scopes(struct understanding *u, const struct scope_source *sources, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct taking t = { u, &sources[i], 0 };
        for (size_t k = 0; k < sources[i].count; k++)
            field_each(&sources[i].fields[k], &u->subject, take_scope, &t);
    }
}

static bool shows(const struct understood *out, struct span name)
{
    for (size_t i = 0; i < out->scope_count; i++)
        if (span_is(out->scopes[i].name, name))
            return true;
    return false;
}

static bool must_show(const struct understanding *u, const struct scope_source *s)
{
    if (u->rules->unscoped || s->must_show == SHOWN_NEVER)
        return false;
    return s->must_show == SHOWN_ALWAYS || u->operation->moves_money;
}

enum err scopes_note(struct understanding *u)
{
    const struct manifest *m = u->manifest;
    note_scopes(u, m->scopes, m->scope_count);
    note_scopes(u, u->rules->scopes, u->rules->scope_count);
    for (size_t i = 0; i < m->scope_count; i++)
        if (must_show(u, &m->scopes[i]) && !shows(u->out, m->scopes[i].name))
            add_scope(u, &m->scopes[i], SPAN("?"));
    return E_OK;
}

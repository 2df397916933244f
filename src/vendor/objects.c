/* SPDX-License-Identifier: Apache-2.0
 * objects.c - compiling `objects`: what calls name only by id and the gate reads first, a refund's charge, a confirm's intent.
 *
 *   objects:
 *     charge: { id: [body.charge, body.source], like: [ch_*, py_*], read: GET /v1/charges/{id}, lasting: [customer], remember:
 * 10m } and of an operation, better: objects: { charge: path.id }; none at all: objects: {} What rules look at of each object is
 * gathered here, so that of a read answer just that is noted (vendor_object). How rules see it while a call is understood is
 * object_field.c's. Read docs/manifests.md first. */
#include "vendor/compile.h"

enum { VALUES_MOST = 1024, REMEMBER_MS = 600000 };

size_t object_index(const struct manifest *m, struct span name)
{
    size_t i = 0;
    while (i < m->object_count && !span_is(m->objects[i].name, name))
        i++;
    return i;
}

struct span object_path(const struct field *f)
{
    return span_from(f->text, sizeof("object.") + f->steps[0].name.len);
}

/* ---- compiling: the top ---- */

struct search_of {
    const struct manifest *manifest;
    struct span missing;
};

static void look_for(void *self, const struct field *f)
{
    struct search_of *s = self;
    if (f->root == ROOT_OBJECT && object_index(s->manifest, f->steps[0].name) == s->manifest->object_count)
        s->missing = f->text;
}

bool objects_exist(struct compiler *c, const struct node *n, const char *path, const struct expr *x)
{
    struct search_of s = { c->manifest, SPAN_NONE };
    expr_each_field(x, look_for, &s);
    return !s.missing.at || say(c, n, path, s.missing, "an object that stands in the manifest's `objects`: object.NAME.PATH");
}

static bool remember_read(struct compiler *c, const struct node *n, const char *path, struct object_rule *o)
{
    o->remember_ms = o->lasting_count ? REMEMBER_MS : 0;
    if (!node_duration(n, path, &o->remember_ms, c->trouble))
        return false;
    return !n || (o->lasting_count && o->remember_ms >= 1000 && o->remember_ms <= 86400000) ||
           say(c, n, path, n->text, "1s to 24h, where something is `lasting`");
}

static bool object_read(struct compiler *c, const struct node *n, const char *path, struct object_rule *o)
{
    static const char *const names[] = { "id", "like", "read", "lasting", "remember", NULL };
    static const char allowed[] = "a map: id, like, read, lasting, remember";
    const struct node *id = node_get(n, "id"), *read = node_get(n, "read");
    if (n->kind != NODE_MAP || !read)
        return say(c, n, path, n->text, n->kind == NODE_MAP ? "read: GET and a path with {id}: GET /v1/charges/{id}" : allowed);
    return node_only(n, path, names, c->trouble) && (!id || some_fields(c, id, below(c, path, SPAN("id")), &o->id)) &&
           node_spans(c->arena, node_get(n, "like"), below(c, path, SPAN("like")), &o->like, &o->like_count, c->trouble) &&
           ask_compile(c, read, below(c, path, SPAN("read")), SPAN("id"), &o->read) &&
           node_spans(
               c->arena, node_get(n, "lasting"), below(c, path, SPAN("lasting")), &o->lasting, &o->lasting_count, c->trouble) &&
           remember_read(c, node_get(n, "remember"), below(c, path, SPAN("remember")), o);
}

bool objects_read(struct compiler *c, const struct node *n)
{
    struct manifest *m = c->manifest;
    if (!n)
        return true;
    if (n->kind != NODE_MAP)
        return say(
            c, n, "objects", n->text, "a map of names to objects: { charge: { id: body.charge, read: GET /v1/charges/{id} } }");
    m->objects = ARENA_ARRAY(c->arena, struct object_rule, n->count + 1);
    if (!m->objects)
        return say_memory(c, n);
    for (const struct node *at = n->first; at; at = at->next) /* first their names: an id may come from an object further down */
        m->objects[m->object_count++].name = at->name;
    struct object_rule *o = m->objects;
    for (const struct node *at = n->first; at; at = at->next, o++) {
        if (!o->name.len || span_find_byte(o->name, '.') >= 0)
            return say(c, at, "objects", o->name, "names without a dot");
        if (!object_read(c, at, below(c, "objects", at->name), o))
            return false;
    }
    return true;
}

/* ---- compiling: an operation ---- */

/* What it says of objects goes before the top's; what it does not speak of stays as at the top. */
static bool sources_read(struct compiler *c, const struct node *n, const char *path, struct rules *r)
{
    const struct manifest *m = c->manifest;
    for (size_t i = 0; i < m->object_count; i++) {
        struct object_source source = { .object = i, .fields = r->unscoped ? (struct fields){ 0 } : m->objects[i].id };
        const struct node *own = n->first;
        while (own && !span_is(own->name, m->objects[i].name))
            own = own->next;
        bool none = own && own->kind == NODE_LIST && own->count == 0;
        if (none || (!own && (!n->count || !source.fields.count)))
            continue;
        if (own && !some_fields(c, own, below(c, path, own->name), &source.fields))
            return false;
        r->objects[r->object_count++] = source;
    }
    return true;
}

bool objects_named(struct compiler *c, const struct node *n, const char *path, struct rules *r)
{
    if (!n)
        return true;
    if (n->kind != NODE_MAP)
        return say(c, n, path, n->text, "a map of objects' names to fields: { charge: path.id }; {} for none");
    for (const struct node *at = n->first; at; at = at->next)
        if (object_index(c->manifest, at->name) == c->manifest->object_count)
            return say(c, at, path, at->name, "names from the manifest's `objects`");
    r->objects = ARENA_ARRAY(c->arena, struct object_source, c->manifest->object_count + 1);
    return r->objects ? sources_read(c, n, path, r) : say_memory(c, n);
}

/* ---- compiling: when all is there ---- */

/* A path that rules look at, once. */
static void note(void *self, const struct field *f)
{
    struct compiler *c = self;
    struct object_rule *o = f->root == ROOT_OBJECT ? &c->manifest->objects[object_index(c->manifest, f->steps[0].name)] : NULL;
    for (size_t i = 0; o && i < o->noted_count; i++)
        if (span_is(o->noted[i].text, object_path(f)))
            return;
    if (!o)
        return;
    struct field *list = ARENA_GROW(c->arena, o->noted, o->noted_count);
    if (!list)
        return; /* vendor_read looks at the arena in the end */
    o->noted = list;
    o->noted[o->noted_count++] = (struct field){ ROOT_ANSWER, f->steps + 1, f->count - 1, object_path(f) };
}

static void note_all(struct compiler *c, const struct field *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        note(c, &list[i]);
}

static void note_scopes(struct compiler *c, const struct scope_source *scopes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        note_all(c, scopes[i].fields, scopes[i].count);
}

static void note_ask(struct compiler *c, const struct ask *ask)
{
    for (size_t i = 0; i < ask->path_count; i++)
        if (ask->path[i].value)
            expr_each_field(ask->path[i].value, note, c);
    for (size_t i = 0; i < ask->query_count; i++)
        if (ask->query[i].value)
            expr_each_field(ask->query[i].value, note, c);
}

static void note_operation(struct compiler *c, const struct rules *r)
{
    for (size_t u = 0; u < UNIT_COUNT; u++) {
        if (r->reserve[u])
            expr_each_field(r->reserve[u], note, c);
        if (r->settle[u])
            expr_each_field(r->settle[u], note, c);
    }
    note_scopes(c, r->scopes, r->scope_count);
    for (size_t i = 0; i < r->object_count; i++)
        note_all(c, r->objects[i].fields.list, r->objects[i].fields.count);
}

/* The top's names for objects, for the operations that say nothing of them. */
static bool share_sources(struct compiler *c)
{
    struct manifest *m = c->manifest;
    m->sources = ARENA_ARRAY(c->arena, struct object_source, m->object_count + 1);
    if (!m->sources)
        return false;
    for (size_t i = 0; i < m->object_count; i++)
        if (m->objects[i].id.count)
            m->sources[m->source_count++] = (struct object_source){ i, m->objects[i].id };
    for (size_t i = 0; i < m->operation_count; i++) {
        struct rules *r = &m->rules[i];
        if (r->objects || r->unscoped)
            continue;
        r->objects = m->sources;
        r->object_count = m->source_count;
    }
    return true;
}

bool objects_used(struct compiler *c, const struct node *n)
{
    struct manifest *m = c->manifest;
    if (!n)
        return true;
    if (!share_sources(c))
        return say_memory(c, n);
    struct object_rule *o = m->objects;
    for (const struct node *at = n->first; at; at = at->next, o++) {
        const char *path = below(c, below(c, "objects", at->name), SPAN("read"));
        if (!ask_found(c, node_get(at, "read"), path, &o->read))
            return false;
        note_ask(c, &o->read);
        note_all(c, o->id.list, o->id.count);
    }
    note_scopes(c, m->scopes, m->scope_count);
    for (size_t i = 0; i < m->operation_count; i++)
        note_operation(c, &m->rules[i]);
    for (size_t i = 0; i < m->operation_count; i++)
        m->operations[i].objects = m->rules[i].object_count > 0;
    return true;
}

/* ---- an object as the vendor tells it ---- */

struct noting {
    struct object *object;
    struct arena *arena;
    struct span path;
    bool lasting, full;
};

static bool take_value(void *self, const struct found *f)
{
    struct noting *n = self;
    struct object *o = n->object;
    n->full |= o->count == VALUES_MOST;
    if (n->full)
        return false;
    o->values[o->count++] = (struct object_value){ n->path, arena_copy(n->arena, f->text), f->number, f->item };
    o->lasting |= n->lasting && f->text.at;
    return true;
}

static bool is_lasting(const struct object_rule *o, struct span path)
{
    struct span each;
    for (size_t i = 0; i < o->lasting_count; i++)
        for (struct span rest = o->lasting[i]; span_next(&rest, '|', &each);)
            if (span_is(each, path))
                return true;
    return false;
}

static bool take_all(const struct object_rule *rule, struct subject *s, struct object *out)
{
    struct noting n = { .object = out, .arena = s->arena };
    size_t count = 0;
    for (size_t i = 0; i < rule->noted_count; i++)
        count += field_count(&rule->noted[i], s);
    out->values = ARENA_ARRAY(s->arena, struct object_value, (count < VALUES_MOST ? count : VALUES_MOST) + 1);
    for (size_t i = 0; out->values && i < rule->noted_count; i++) {
        n.path = rule->noted[i].text;
        n.lasting = is_lasting(rule, n.path);
        field_each(&rule->noted[i], s, take_value, &n);
    }
    return !n.full && !s->arena->broken;
}

/* Another object's answer would be another customer's: where it says an id, it must be the one that was asked for. */
static bool is_asked_for(struct json_value root, struct span id, struct arena *a)
{
    struct json_value own = json_member(root, SPAN("id"));
    if (json_kind(own) == JSON_NONE || json_kind(own) == JSON_NULL)
        return true;
    struct span text = json_kind(own) == JSON_STRING ? json_string(own) : json_decimal(own, a);
    return text.at && span_is(text, id);
}

bool vendor_object(struct json *j, const struct vendor *v, const struct object_read *read, int status, struct span body,
    struct arena *a, struct object *out)
{
    const struct manifest *m = v->manifest;
    size_t i = object_index(m, read->name);
    struct asked asked = { .vendor = v };
    struct subject s = { .asked = &asked, .arena = a, .has_answer = true };
    struct span twice;
    const char *why;
    *out = (struct object){ .name = arena_copy(a, read->name), .id = arena_copy(a, read->id) };
    if (i == m->object_count || status < 200 || status > 299 || json_parse(j, body, false, &s.answer, &why) != E_OK)
        return false;
    if (json_kind(s.answer) != JSON_OBJECT || json_canonical(s.answer, &twice) != E_OK || !is_asked_for(s.answer, read->id, a))
        return false; /* with two customers, say, it would be a matter of taste whose it is */
    out->known = take_all(&m->objects[i], &s, out);
    out->lasting &= out->known;
    return out->known;
}

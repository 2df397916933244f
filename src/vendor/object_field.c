/* SPDX-License-Identifier: Apache-2.0
 * object_field.c - how rules see objects that a call names by id: "object.charge.customer" while the call is understood.
 *
 * An object that the call does not name is absent. One that it names and that was not (or could not be) read is there and cannot
 * be read: scopes are "?" then and costs unknown. The first that would have to be read is noted as wanted. Each object is looked
 * for once a call, so that ids that come from other objects end, also where they go in circles. */
#include "vendor/manifest.h"

enum { ID_MOST = 512 };

enum standing {
    OBJECT_NEW,
    OBJECT_UNKNOWN, /* named, and not to be had; also while it is being looked for */
    OBJECT_UNNAMED,
    OBJECT_KNOWN
};

struct object_seen {
    enum standing standing;
    const struct object *object;
};

/* ---- which one the call names ---- */

struct naming {
    const struct object_rule *rule;
    struct arena *arena;
    struct span id;
    bool unclear; /* several, or one that cannot be read */
};

static bool is_like(const struct object_rule *o, struct span id)
{
    for (size_t i = 0; i < o->like_count; i++)
        if (span_like(id, o->like[i]))
            return true;
    return o->like_count == 0;
}

static bool take_id(void *self, const struct found *f)
{
    struct naming *n = self;
    if (f->text.at && !is_like(n->rule, f->text))
        return true; /* something else stands there */
    bool readable = f->text.at && f->text.len && f->text.len <= ID_MOST;
    n->unclear |= !readable || (n->id.at && !span_is(n->id, f->text));
    if (!n->unclear && !n->id.at)
        n->id = arena_copy(n->arena, f->text);
    return !n->unclear;
}

/* When a call is over, a body that was no form is not at hand: what stood there cannot be told. */
static bool is_gone(const struct field *f, const struct subject *s)
{
    enum operation_body body = s->asked->matched->operation->body;
    bool looks = f->root == ROOT_BODY || f->root == ROOT_ARGUMENT;
    return looks && s->has_answer && s->body_shape == SHAPE_NONE && body != BODY_FORM && body != BODY_NONE;
}

static struct naming name_it(struct subject *s, const struct object_rule *rule, const struct fields *from)
{
    struct naming n = { .rule = rule, .arena = s->arena };
    for (size_t i = 0; i < from->count; i++) {
        n.unclear |= is_gone(&from->list[i], s);
        field_each(&from->list[i], s, take_id, &n);
    }
    return n;
}

/* ---- what is known of it ---- */

/* The freshest of that name; id SPAN_NONE: of any id (a call has one of each). */
static const struct object *given(const struct asked *q, struct span name, struct span id)
{
    const struct object *best = NULL;
    for (size_t i = 0; i < q->object_count; i++) {
        const struct object *o = &q->objects[i];
        if (span_is(o->name, name) && (!id.at || span_is(o->id, id)) && (!best || best->remembered))
            best = o;
    }
    return best;
}

static void want(struct subject *s, const struct object_rule *rule, struct span id, bool anew)
{
    struct object_read read = { .name = rule->name, .id = id, .remember_ms = rule->remember_ms, .anew = anew };
    if (!s->wanted || s->wanted->name.at || (!anew && s->asked->object_count >= VENDOR_OBJECTS))
        return;
    if (ask_fill(s, &rule->read, id, &read.path, &read.query) && !s->wanted->name.at)
        *s->wanted = read;
}

static void look(struct subject *s, const struct object_rule *rule, const struct fields *from, struct object_seen *seen)
{
    seen->standing = OBJECT_UNKNOWN;
    seen->object = s->has_answer ? given(s->asked, rule->name, SPAN_NONE) : NULL;
    if (!seen->object) {
        struct naming n = name_it(s, rule, from);
        if (!n.unclear && !n.id.at)
            seen->standing = OBJECT_UNNAMED;
        if (n.unclear || !n.id.at)
            return;
        seen->object = given(s->asked, rule->name, n.id);
        if (!seen->object)
            want(s, rule, n.id, false);
    }
    if (seen->object && seen->object->known)
        seen->standing = OBJECT_KNOWN;
}

static const struct object_seen *find(struct subject *s, size_t index)
{
    static const struct object_seen unknown = { .standing = OBJECT_UNKNOWN }, unnamed = { .standing = OBJECT_UNNAMED };
    const struct manifest *m = s->asked->vendor->manifest;
    const struct rules *r = s->asked->matched ? &m->rules[s->asked->matched->operation->index] : NULL;
    size_t i = 0;
    while (r && i < r->object_count && r->objects[i].object != index)
        i++;
    if (!r || i == r->object_count)
        return &unnamed;
    if (!s->seen)
        s->seen = ARENA_ARRAY(s->arena, struct object_seen, m->object_count);
    if (!s->seen)
        return &unknown;
    if (s->seen[index].standing == OBJECT_NEW)
        look(s, &m->objects[index], &r->objects[i].fields, &s->seen[index]);
    return &s->seen[index];
}

/* ---- its values ---- */

static bool give_unknown(found_visit *visit, void *self)
{
    struct found f = { .text = SPAN_NONE };
    return visit(self, &f);
}

static bool says(const struct object *o, struct span path)
{
    for (size_t i = 0; i < o->count; i++)
        if (span_is(o->values[i].path, path) && o->values[i].text.at)
            return true;
    return false;
}

/* "customer|customer_account": one of them is there for good, and then the others never will be. */
static bool settles(const struct object *o, struct span alternatives, struct span path)
{
    struct span each;
    bool about = false, there = false;
    while (span_next(&alternatives, '|', &each)) {
        about |= span_is(each, path);
        there |= says(o, each);
    }
    return about && there;
}

/* What is remembered holds only where it can never change: it is of the lasting ones, and it was there. */
static bool still_holds(const struct object *o, const struct object_rule *rule, struct span path)
{
    for (size_t i = 0; o->remembered && i < rule->lasting_count; i++)
        if (settles(o, rule->lasting[i], path))
            return true;
    return !o->remembered;
}

bool object_each(const struct field *f, struct subject *s, found_visit *visit, void *self)
{
    const struct manifest *m = s->asked->vendor->manifest;
    size_t index = object_index(m, f->steps[0].name);
    struct span path = object_path(f);
    if (index == m->object_count)
        return give_unknown(visit, self);
    const struct object_seen *seen = find(s, index);
    if (seen->standing == OBJECT_UNNAMED)
        return true;
    if (seen->standing != OBJECT_KNOWN)
        return give_unknown(visit, self);
    const struct object *o = seen->object;
    if (!still_holds(o, &m->objects[index], path)) {
        want(s, &m->objects[index], o->id, true);
        return give_unknown(visit, self);
    }
    for (size_t i = 0; i < o->count; i++) {
        struct found value = { .text = o->values[i].text, .number = o->values[i].number, .item = o->values[i].item };
        if (span_is(o->values[i].path, path) && !visit(self, &value))
            return false;
    }
    return true;
}

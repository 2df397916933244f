/* SPDX-License-Identifier: Apache-2.0
 * scope.c - the objects that policies pin: where a manifest says they stand, and which ones a request touches.
 *
 * A scope that the manifest wants shown but the request does not show is noted as "?", which no list of allowed objects
 * holds: so it fails rules about that scope and no others. Spans are copied: the JSON reader's do not live long enough. */
#include "vendor/clause.h"
#include "vendor/compile.h"
#include "vendor/country.h"
#include "vendor/mail.h"
#include "vendor/subject.h"

/* ---- compiling ---- */

static const char *const transforms[] = { "is", "address", "domain", "phone", "country", "last", "untold", NULL };

static bool transform_read(struct compiler *c, const struct node *n, const char *path, struct scope_source *out)
{
    int transform = AS_IS;
    if (n && n->kind == NODE_SCALAR && span_starts(n->text, SPAN("clause:")) && n->text.len > 7) {
        out->transform = AS_CLAUSE;
        out->clause = span_from(n->text, 7);
        return true;
    }
    if (!node_choice(n, path, transforms, &transform, c->trouble))
        return false;
    out->transform = (enum transform)transform;
    return true;
}

static bool split_read(struct compiler *c, const struct node *n, const char *path, struct scope_source *out)
{
    struct span mark = SPAN_NONE;
    if (!node_span(n, path, &mark, c->trouble))
        return false;
    if (mark.at && mark.len != 1)
        return say(c, n, path, mark, "one character that stands between values: \",\"");
    out->split = mark.at ? mark.at[0] : '\0';
    return true;
}

static bool from_read(struct compiler *c, const struct node *n, const char *path, struct scope_source *out)
{
    struct fields from = { 0 };
    bool fine = some_fields(c, n, path, &from);
    out->fields = from.list;
    out->count = from.count;
    return fine;
}

static bool scope_read(struct compiler *c, const struct node *n, const char *path, struct scope_source *out)
{
    static const char *const names[] = { "from", "as", "who", "must_show", "pinned", "split", NULL };
    static const char *const occasions[] = { "never", "money", "always", NULL };
    int shown = SHOWN_NEVER;
    out->name = full_name(c, n->name);
    if (n->kind != NODE_MAP)
        return from_read(c, n, path, out);
    if (!node_only(n, path, names, c->trouble) || !transform_read(c, node_get(n, "as"), below(c, path, SPAN("as")), out) ||
        !split_read(c, node_get(n, "split"), below(c, path, SPAN("split")), out) ||
        !node_bool(node_get(n, "who"), below(c, path, SPAN("who")), &out->who, c->trouble) ||
        !node_bool(node_get(n, "pinned"), below(c, path, SPAN("pinned")), &out->pinned, c->trouble) ||
        !node_choice(node_get(n, "must_show"), below(c, path, SPAN("must_show")), occasions, &shown, c->trouble))
        return false;
    out->must_show = (enum shown)shown;
    return from_read(c, node_get(n, "from"), below(c, path, SPAN("from")), out);
}

bool scopes_read(struct compiler *c, const struct node *n, const char *path, struct scope_source **out, size_t *count)
{
    if (!n)
        return true;
    if (n->kind != NODE_MAP)
        return say(c, n, path, n->text, "a map of scope names to fields");
    *out = ARENA_ARRAY(c->arena, struct scope_source, n->count);
    if (!*out)
        return say_memory(c, n);
    for (const struct node *at = n->first; at; at = at->next)
        if (!scope_read(c, at, below(c, path, at->name), &(*out)[(*count)++]))
            return false;
    return true;
}

/* ---- noting ---- */

enum { SCOPES_MOST = 512 };

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

static struct span told(struct span text)
{
    return text.len ? text : SPAN("?");
}

static struct span shaped(struct understanding *u, const struct scope_source *source, struct span text)
{
    struct span address = text, step;
    switch (source->transform) {
    case AS_IS:
        return arena_copy(u->arena, text);
    case AS_PHONE:
        return arena_copy(u->arena, without_channel(text));
    case AS_COUNTRY:
        return told(country_of(text));
    case AS_LAST:
        while (span_cut(&text, '/', &step))
            continue;
        return arena_copy(u->arena, text);
    case AS_UNTOLD:
        return SPAN("?");
    case AS_CLAUSE:
        return told(arena_copy(u->arena, clause_value(text, source->clause)));
    case AS_ADDRESS:
    case AS_DOMAIN:
        break;
    }
    if (!mail_address(text, &address))
        return SPAN("?");
    return lower(u, source->transform == AS_ADDRESS ? address : mail_domain(address));
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
    struct scope *list = out->scope_count < SCOPES_MOST ? ARENA_GROW(u->arena, out->scopes, out->scope_count) : NULL;
    if (!list) {
        out->scopes_unresolved = true;
        return;
    }
    out->scopes = list;
    out->scopes[out->scope_count++] = (struct scope){ source->name, value, source->pinned };
    if (source->who && !out->customer.at)
        out->customer = value;
}

/* One entry of a value: of mail addresses, up to a comma that is not in a quoted name. */
static bool next_entry(const struct scope_source *source, struct span *rest, struct span *entry)
{
    bool mail = source->transform == AS_ADDRESS || source->transform == AS_DOMAIN;
    if (source->split == ',' && mail)
        return mail_next(rest, entry);
    return span_next(rest, source->split, entry);
}

static bool take_scope(void *self, const struct found *f)
{
    struct taking *t = self;
    struct span rest = f->text, entry;
    t->seen++;
    if (!t->source->split || !f->text.at) {
        add_scope(t->u, t->source, f->text.len ? shaped(t->u, t->source, f->text) : SPAN("?"));
        return true;
    }
    while (next_entry(t->source, &rest, &entry)) {
        entry = span_trim(entry);
        add_scope(t->u, t->source, entry.len ? shaped(t->u, t->source, entry) : SPAN("?"));
    }
    return true;
}

/* Objects that are not read say nothing here: then a scope that must show is "?", and others are as if nobody had asked. */
static void note_scopes(struct understanding *u, const struct scope_source *sources, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct taking t = { u, &sources[i], 0 };
        for (size_t k = 0; k < sources[i].count; k++)
            if (sources[i].fields[k].root != ROOT_OBJECT || u->asked->read_objects)
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
    return s->must_show == SHOWN_ALWAYS || (s->must_show == SHOWN_MONEY && vendor_moves_money(u->operation, u->out));
}

static void note_unshown(struct understanding *u, const struct scope_source *sources, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (must_show(u, &sources[i]) && !shows(u->out, sources[i].name))
            add_scope(u, &sources[i], SPAN("?"));
}

void scopes_note(struct understanding *u)
{
    const struct manifest *m = u->manifest;
    note_scopes(u, m->scopes, m->scope_count);
    note_scopes(u, u->rules->scopes, u->rules->scope_count);
}

void scopes_demand(struct understanding *u)
{
    const struct manifest *m = u->manifest;
    if (!u->rules->unscoped)
        note_unshown(u, m->scopes, m->scope_count);
    note_unshown(u, u->rules->scopes, u->rules->scope_count);
}

/* ---- whom the fields of the head name ---- */

static void put_named(const struct scope_source *sources, size_t count, const struct http_head *h, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sources[i].count; k++) {
            const struct field *f = &sources[i].fields[k];
            if (f->root != ROOT_HEADER || !http_get(h, f->steps[0].name).at)
                continue;
            buf_put(out, f->steps[0].name);
            buf_put_byte(out, '=');
            buf_put(out, http_get(h, f->steps[0].name));
            buf_put_byte(out, '\n');
        }
    }
}

void vendor_whom(const struct vendor *v, const struct operation *op, const struct http_head *h, struct buf *out)
{
    const struct rules *r = &v->manifest->rules[op->index];
    put_named(v->manifest->scopes, v->manifest->scope_count, h, out);
    put_named(r->scopes, r->scope_count, h, out);
}

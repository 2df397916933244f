/* SPDX-License-Identifier: Apache-2.0
 * import_parts.c - names, references to the environment, credentials and policies of the configuration that is being made. */
#include <stdlib.h>

#include "base/digest.h"
#include "base/text.h"
#include "cli/import.h"

enum { NAME_MOST = 64, VARIABLE_MOST = 100, SUFFIX_ROOM = 6, CREDENTIALS_MOST = 64 };

struct span import_slug(struct import *im, struct span theirs, bool dots)
{
    char out[NAME_MOST];
    size_t len = 0;
    for (size_t i = 0; i < theirs.len && len < NAME_MOST - SUFFIX_ROOM; i++) {
        char c = theirs.at[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || (c == '.' && dots);
        if (good || (len && out[len - 1] != '-'))
            out[len++] = good ? c : '-';
    }
    while (len && out[len - 1] == '-')
        len--;
    return len ? arena_copy(im->a, span_make(out, len)) : SPAN("imported");
}

static bool is_taken(struct import *im, const char *section, struct span name)
{
    const struct node *map = node_get(im->root, section);
    for (const struct node *n = map ? map->first : NULL; n; n = n->next)
        if (span_is(map->kind == NODE_LIST ? import_scalar(n, "name") : n->name, name))
            return true;
    return false;
}

struct span import_name(struct import *im, const char *section, struct span theirs)
{
    struct span plain = import_slug(im, theirs, true), name = plain;
    if (span_starts(plain, SPAN("key_"))) /* that is what ids look like */
        name = plain = span_from(plain, 4);
    for (int i = 2; is_taken(im, section, name); i++)
        name = arena_print(im->a, "%.*s-%d", SPAN_ARG(plain), i);
    return name;
}

/* ---- references ---- */

struct span import_variable_name(struct import *im, struct span text)
{
    char out[VARIABLE_MOST];
    size_t len = 0;
    for (size_t i = 0; i < text.len && len < VARIABLE_MOST; i++) {
        char c = text.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'), digit = c >= '0' && c <= '9';
        if (!letter && !digit)
            c = '_';
        out[len++] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    if (!len || (out[0] >= '0' && out[0] <= '9'))
        return arena_print(im->a, "SECRET_%.*s", (int)len, out);
    return arena_copy(im->a, span_make(out, len));
}

static struct variable *find_variable(struct import *im, struct span name)
{
    for (struct variable *v = im->variables; v; v = v->next)
        if (span_is(v->name, name))
            return v;
    return NULL;
}

static struct variable *add_variable(struct import *im, struct span name, struct span path, struct span value)
{
    struct variable **end, *v = ARENA_NEW(im->a, struct variable);
    must(v);
    *v = (struct variable){ name, path, value, NULL };
    for (end = &im->variables; *end; end = &(*end)->next) { }
    return *end = v;
}

static struct node *reference(struct import *im, struct span name, struct span stand_in)
{
    struct node *n = import_text(im, arena_print(im->a, "${%.*s}", SPAN_ARG(name)));
    struct span *shown = ARENA_NEW(im->a, struct span);
    must(shown);
    *shown = stand_in.at ? stand_in : SPAN("stand-in-0123456789");
    must(map_put(&im->stand_ins, n->text, shown));
    n->expanded = true;
    return n;
}

struct node *import_reference(struct import *im, struct span name, struct span path, struct span stand_in)
{
    if (!find_variable(im, name))
        add_variable(im, name, path, SPAN_NONE);
    return reference(im, name, stand_in);
}

/* The same literal again is the same variable; another one under its name gets a name of its own. */
static struct span literal(struct import *im, struct span value, struct span wanted, struct span path)
{
    struct span name = wanted;
    for (struct variable *v = im->variables; v; v = v->next)
        if (v->value.at && span_is(v->value, value))
            return v->name;
    for (int i = 2; find_variable(im, name); i++)
        name = arena_print(im->a, "%.*s_%d", SPAN_ARG(wanted), i);
    add_variable(im, name, path, value);
    return name;
}

struct node *import_secret(struct import *im, struct span text, struct span wanted, struct span path)
{
    struct span marked = SPAN("os.environ/");
    if (!text.at)
        return import_reference(im, wanted, path, SPAN_NONE);
    if (span_starts(text, marked))
        return import_reference(im, import_variable_name(im, span_from(text, marked.len)), path, SPAN_NONE);
    return reference(im, literal(im, arena_copy(im->a, text), wanted, path), SPAN_NONE);
}

/* ---- credentials ---- */

static bool same_text(const struct node *map, const char *name, const struct node *n)
{
    struct span there = import_scalar(map, name);
    return n ? there.at && span_is(there, n->text) : !there.at;
}

struct span import_credential(struct import *im, struct span vendor, struct span name, struct node *secret, struct node *key_id)
{
    struct node *all = import_section(im, "credentials"), *made;
    for (const struct node *n = all->first; n; n = n->next)
        if (span_is(import_scalar(n, "vendor"), vendor) && same_text(n, "secret", secret) && same_text(n, "key_id", key_id))
            return n->name;
    struct span own = import_name(im, "credentials", name);
    made = import_map(im);
    import_put(im, made, "vendor", import_text(im, vendor));
    import_put(im, made, "key_id", key_id);
    import_put(im, made, "secret", secret);
    import_put(im, all, own.at, made);
    return own;
}

struct node *import_all_credentials(struct import *im)
{
    struct node *list = import_list(im);
    const struct node *all = node_get(im->root, "credentials");
    for (const struct node *n = all ? all->first : NULL; n && list->count < CREDENTIALS_MOST; n = n->next)
        import_add(list, import_text(im, n->name));
    if (all && all->count > CREDENTIALS_MOST)
        import_note(im, NOTE_LOST, SPAN("keys"), SPAN("keys[].credentials"), "a key has at most 64 credentials; the last %zu are on none", all->count - CREDENTIALS_MOST);
    return list;
}

/* ---- policies ---- */

void import_use(struct import *im, struct span vendor, struct span model)
{
    static char yes;
    if (vendor.len)
        must(map_put(&im->vendors_used, arena_copy(im->a, vendor), &yes));
    if (model.len)
        must(map_put(&im->models_used, arena_copy(im->a, model), &yes));
}

static int compare(const void *a, const void *b) { return span_compare(*(const struct span *)a, *(const struct span *)b); }

/* The names of a set, sorted, so that the same source always gives the same file. */
static struct span *names_of(struct import *im, const struct map *set, size_t *count)
{
    struct span *list = ARENA_ARRAY(im->a, struct span, set->count + 1);
    const struct map_entry *e;
    size_t at = 0;
    must(list);
    *count = 0;
    while ((e = map_next(set, &at)))
        list[(*count)++] = e->key;
    qsort(list, *count, sizeof(*list), compare);
    return list;
}

static struct node *vendors_allowed(struct import *im)
{
    size_t count;
    struct span *vendors = names_of(im, &im->vendors_used, &count);
    struct node *allow = import_list(im);
    for (size_t i = 0; i < count; i++)
        import_add(allow, import_text(im, arena_print(im->a, "%.*s.*", SPAN_ARG(vendors[i]))));
    if (!count)
        import_add(allow, import_text(im, SPAN("*")));
    return allow;
}

static bool same_models(const struct node *policy, const struct node *models)
{
    const struct node *there = node_get(policy, "models"), *b = models->first;
    const struct node *a = there ? there->first : NULL;
    for (; a && b && span_is(a->text, b->text); a = a->next, b = b->next) { }
    return there && !a && !b;
}

struct span import_policy(struct import *im, const struct span *models, size_t count)
{
    struct node *all = import_section(im, "policies"), *list = import_list(im), *made = import_map(im);
    struct span *sorted = models ? ARENA_ARRAY(im->a, struct span, count + 1) : names_of(im, &im->models_used, &count);
    must(sorted);
    if (models) {
        memcpy(sorted, models, count * sizeof(*sorted));
        qsort(sorted, count, sizeof(*sorted), compare);
    }
    for (size_t i = 0; i < count; i++)
        if (!i || !span_is(sorted[i], sorted[i - 1]))
            import_add(list, import_text(im, sorted[i]));
    for (const struct node *n = all->first; n; n = n->next)
        if (same_models(n, list))
            return n->name;
    struct span name = import_name(im, "policies", models && count ? arena_print(im->a, "%s-%.*s", im->from, SPAN_ARG(span_first(sorted[0], 40))) : span_of(im->from));
    import_put(im, made, "allow", vendors_allowed(im));
    import_put(im, made, "models", list);
    import_put(im, all, name.at, made);
    return name;
}

/* SPDX-License-Identifier: Apache-2.0
 * read.c - lists of guards, in Portkey's two forms: {"default.contains": {...}, "deny": true} and {"type": "guardrail", "checks": [...]}. */
#include "guard/inside.h"

#include <stdio.h>

enum { PATH = 300, WORDS_MOST = 1000, ID_MOST = 100 };

#define CHECK_KIND(id) extern const struct check_kind check_##id;
#include "guard/list.h"
#undef CHECK_KIND

static const struct check_kind *const kinds[] = {
#define CHECK_KIND(id) &check_##id,
#include "guard/list.h"
#undef CHECK_KIND
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* Portkey's that are known and not done here. */
static const char *const refused[][2] = {
    { "validUrls", "it would ask other servers while the call waits" },
    { "jwt", "it would fetch keys from another server; the gate's own keys say who calls" },
    { "webhook", "it would send the text to another server" },
    { "log", "it would send the text to another server" },
    { "addPrefix", "it is no check; a route's override_params change what is sent" },
    { "inlineImageUrls", "it would fetch from other servers" },
};

const char *const operator_names[] = { "any", "all", "none", NULL };
static const char *const scope_names[] = { "every", "any", "last", NULL };

/* ---- parameters ---- */

bool need(const struct node *n, const struct node *at, const char *path, const char *name, const char *allowed, struct trouble *t)
{
    char field[PATH];
    if (n)
        return true;
    snprintf(field, sizeof(field), "%.200s.%s", path, name);
    trouble_say(t, at, field, "it is not there; needed: %s", allowed);
    return false;
}

bool read_words(struct arena *a, const struct node *n, const char *path, const char *name, struct span **out, size_t *count, struct trouble *t)
{
    const struct node *list = node_get(n, name);
    char field[PATH];
    snprintf(field, sizeof(field), "%.200s.%s", path, name);
    if (!need(list, n, path, name, "a list of texts", t) || !node_spans(a, list, field, out, count, t))
        return false;
    for (size_t i = 0; i < *count; i++)
        if (!(*out)[i].len) {
            trouble_say(t, list, field, "one of the texts is empty");
            return false;
        }
    if (*count && *count <= WORDS_MOST)
        return true;
    trouble_say(t, list, field, "found %zu; allowed: 1 to %d texts", *count, WORDS_MOST);
    return false;
}

bool read_operator(const struct node *n, const char *path, enum operator usual, enum operator *out, struct trouble *t)
{
    char field[PATH];
    int choice = (int)usual;
    snprintf(field, sizeof(field), "%.200s.operator", path);
    if (!node_choice(node_get(n, "operator"), field, operator_names, &choice, t))
        return false;
    *out = (enum operator)choice;
    return true;
}

/* ---- one check ---- */

static const struct check_kind *kind_of(struct span id)
{
    if (span_is(id, SPAN("modelwhitelist")))
        return &check_modelWhitelist;
    for (size_t i = 0; i < KINDS; i++)
        if (span_is(id, span_of(kinds[i]->id)))
            return kinds[i];
    return NULL;
}

static void refuse(struct span id, const struct node *at, const char *path, struct trouble *t)
{
    struct span bare = span_starts(id, SPAN("default.")) ? span_from(id, 8) : id;
    char all[400] = "";
    size_t len = 0;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (span_is(bare, span_of(refused[i][0]))) {
            trouble_say(t, at, path, "the check \"%s\" is not done here: %s", refused[i][0], refused[i][1]);
            return;
        }
    if (span_find_byte(bare, '.') >= 0) {
        trouble_say(t, at, path, "\"%.*s\" is a check of a partner, who would have to be asked; only checks of this gate's own are done (docs/guardrails.md)",
            SPAN_ARG(span_first(bare, ID_MOST)));
        return;
    }
    for (size_t i = 0; i < KINDS; i++)
        len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", i ? ", " : "", kinds[i]->id);
    trouble_say(t, at, path, "there is no check \"%.*s\"; allowed: %s", SPAN_ARG(span_first(bare, ID_MOST)), all);
}

static bool only_known(const struct check_kind *k, const struct node *n, const char *path, struct trouble *t)
{
    static const char *const shared[] = { "not", "failOnError", "is_enabled", "texts" };
    const char *names[16];
    size_t count = 0;
    for (; k->parameters && k->parameters[count]; count++)
        names[count] = k->parameters[count];
    for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
        names[count++] = shared[i];
    names[count] = NULL;
    return node_only(n, path, names, t);
}

static bool flag(const struct node *n, const char *path, const char *name, bool *out, struct trouble *t)
{
    char field[PATH];
    snprintf(field, sizeof(field), "%.200s.%s", path, name);
    return node_bool(node_get(n, name), field, out, t);
}

static bool read_shared(struct check *c, const struct node *n, const char *path, struct trouble *t)
{
    const struct node *texts = node_get(n, "texts");
    char field[PATH];
    int scope = 0;
    bool fail_on_error = true; /* read, and always so */
    snprintf(field, sizeof(field), "%.200s.texts", path);
    if (!flag(n, path, "not", &c->not_, t) || !flag(n, path, "failOnError", &fail_on_error, t) || !node_choice(texts, field, scope_names, &scope, t))
        return false;
    if (texts && c->kind->request) {
        trouble_say(t, texts, field, "\"%s\" looks at no texts", c->kind->id);
        return false;
    }
    if (texts)
        c->scope = (enum scope)(scope + 1);
    return true;
}

/* *c stays without a kind when the check is switched off. */
static bool read_check(struct arena *a, struct span id, const struct node *n, bool enabled, const char *path, struct check *c, struct trouble *t)
{
    struct span bare = span_starts(id, SPAN("default.")) ? span_from(id, 8) : id;
    const struct check_kind *kind = kind_of(bare);
    if (!kind) {
        refuse(id, n, path, t);
        return false;
    }
    if (n->kind != NODE_MAP && n->kind != NODE_NULL) {
        trouble_found(t, n, path, "a map of the check's parameters");
        return false;
    }
    *c = (struct check){ .kind = kind, .id = arena_print(a, "default.%.*s", SPAN_ARG(bare)) };
    if (!flag(n, path, "is_enabled", &enabled, t) || !only_known(kind, n, path, t) || !read_shared(c, n, path, t) || !kind->read(c, n, path, a, t))
        return false;
    c->forbids = c->forbids || c->not_;
    if (!enabled)
        c->kind = NULL;
    return true;
}

static bool add_check(struct arena *a, struct guard *g, struct span id, const struct node *n, bool enabled, const char *path, struct trouble *t)
{
    struct check *list = ARENA_GROW(a, g->checks, g->count);
    if (!list)
        return false;
    g->checks = list;
    if (!read_check(a, id, n, enabled, path, &list[g->count], t))
        return false;
    g->named++;
    g->count += list[g->count].kind != NULL;
    return true;
}

/* ---- one guard ---- */

static const char *const members[] = { "deny", "async", "sequential", "on_fail", "on_success", "id", "guardrail_version_id", "type", "name", "checks", "is_enabled", NULL };

static bool is_member(struct span name)
{
    for (size_t i = 0; members[i]; i++)
        if (span_is(name, span_of(members[i])))
            return true;
    return false;
}

static bool read_listed(struct arena *a, const struct node *list, const char *path, struct guard *g, struct trouble *t)
{
    static const char *const known[] = { "id", "parameters", "is_enabled", "name", NULL };
    static const struct node none = { .kind = NODE_NULL, .file = "" };
    size_t i = 0;
    char at[PATH], field[PATH];
    if (list->kind != NODE_LIST) {
        trouble_found(t, list, path, "a list of checks");
        return false;
    }
    for (const struct node *n = list->first; n; n = n->next, i++) {
        const struct node *parameters = node_get(n, "parameters");
        struct span id = SPAN_NONE;
        bool enabled = true;
        snprintf(at, sizeof(at), "%.200s[%zu]", path, i);
        if (n->kind != NODE_MAP) {
            trouble_found(t, n, at, "a map: {\"id\": \"default.contains\", \"parameters\": {...}}");
            return false;
        }
        snprintf(field, sizeof(field), "%.200s.id", at);
        if (!node_only(n, at, known, t) || !need(node_get(n, "id"), n, at, "id", "the check's name", t) || !node_span(node_get(n, "id"), field, &id, t) ||
            !flag(n, at, "is_enabled", &enabled, t))
            return false;
        snprintf(field, sizeof(field), "%.200s.parameters", at);
        if (!add_check(a, g, id, parameters ? parameters : &none, enabled, field, t))
            return false;
    }
    return true;
}

static bool read_short(struct arena *a, const struct node *n, const char *path, struct guard *g, struct trouble *t)
{
    char field[PATH];
    for (const struct node *m = n->first; m; m = m->next) {
        if (is_member(m->name))
            continue;
        snprintf(field, sizeof(field), "%.200s.%.*s", path, SPAN_ARG(span_first(m->name, ID_MOST)));
        if (!add_check(a, g, m->name, m, true, field, t))
            return false;
    }
    return true;
}

static bool read_head(const struct node *n, const char *path, struct guard *g, struct trouble *t)
{
    static const char *const types[] = { "guardrail", "mutator", NULL };
    char field[PATH];
    int type = 0;
    snprintf(field, sizeof(field), "%.200s.type", path);
    if (!flag(n, path, "deny", &g->deny, t) || !flag(n, path, "async", &g->async, t) || !flag(n, path, "sequential", &g->sequential, t) ||
        !node_choice(node_get(n, "type"), field, types, &type, t))
        return false;
    g->type = span_of(types[type]);
    snprintf(field, sizeof(field), "%.200s.id", path);
    if (!node_span(node_get(n, "id"), field, &g->id, t))
        return false;
    if (g->id.len > ID_MOST) {
        trouble_say(t, n, field, "it is too long; allowed: %d bytes", ID_MOST);
        return false;
    }
    if (g->deny && g->async) {
        snprintf(field, sizeof(field), "%.200s.async", path);
        trouble_say(t, node_get(n, "async"), field, "a guard that is asked beside the call cannot deny it; leave out async, or deny");
        return false;
    }
    return true;
}

static bool read_guard(struct arena *a, const struct node *n, const char *path, size_t index, struct guard *g, struct trouble *t)
{
    const struct node *checks = node_get(n, "checks");
    char field[PATH];
    bool enabled = true;
    if (n->kind != NODE_MAP) {
        trouble_say(t, n, path, "a guard is a map with its checks in it, such as {\"default.contains\": {...}, \"deny\": true}; those stored by Portkey are not known here");
        return false;
    }
    g->id = arena_print(a, "guardrail_%zu", index);
    if (!read_head(n, path, g, t) || !flag(n, path, "is_enabled", &enabled, t))
        return false;
    snprintf(field, sizeof(field), "%.200s.checks", path);
    if ((checks && !read_listed(a, checks, field, g, t)) || !read_short(a, n, path, g, t))
        return false;
    if (!g->named) {
        trouble_say(t, n, path, "a guard without a check, which would let everything pass");
        return false;
    }
    if (!enabled)
        g->count = 0;
    return true;
}

static bool read_all(struct arena *a, const struct node *list, const char *path, struct guard_set *s, struct trouble *t)
{
    size_t checks = 0, i = 0;
    char at[PATH];
    for (const struct node *n = list->first; n; n = n->next, i++) {
        snprintf(at, sizeof(at), "%.200s[%zu]", path, i);
        if (!read_guard(a, n, at, i, &s->list[s->count], t))
            return false;
        checks += s->list[s->count].count;
        s->count++;
    }
    if (checks <= GUARD_CHECKS_MOST)
        return true;
    trouble_say(t, list, path, "found %zu checks; allowed: %d", checks, GUARD_CHECKS_MOST);
    return false;
}

enum err guard_read(struct arena *a, const struct node *list, const char *path, struct guard_set **out, struct trouble *t)
{
    struct guard_set *s = ARENA_NEW(a, struct guard_set);
    *out = s;
    if (!s)
        return E_NO_MEMORY;
    if (!list || list->kind == NODE_NULL)
        return E_OK;
    if (list->kind != NODE_LIST || list->count > GUARDS_MOST) {
        trouble_found(t, list, path, "a list of at most 16 guards");
        return E_CONFIG;
    }
    s->list = ARENA_ARRAY(a, struct guard, list->count + 1);
    bool read = s->list && read_all(a, list, path, s, t);
    return a->broken ? E_NO_MEMORY : read ? E_OK : E_CONFIG;
}

size_t guard_count(const struct guard_set *s) { return s ? s->count : 0; }

bool guard_may_deny(const struct guard_set *s)
{
    for (size_t i = 0; i < guard_count(s); i++)
        if (s->list[i].deny && s->list[i].count)
            return true;
    return false;
}

bool guard_may_rewrite(const struct guard_set *s)
{
    for (size_t i = 0; i < guard_count(s); i++)
        for (size_t k = 0; k < s->list[i].count; k++)
            if (s->list[i].checks[k].kind->rewrites)
                return true;
    return false;
}

/* SPDX-License-Identifier: Apache-2.0
 * budgets.c - budgets of the gate, of workspaces and (budget_load is shared) of keys; and time zones from this machine's
 * database. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "config/parts.h"

enum { ZONE_NAME_LONGEST = 64, ZONE_FILE_MOST = 64 * 1024 };

static bool zone_name_ok(struct span name)
{
    if (!name.len || name.len > ZONE_NAME_LONGEST || name.at[0] == '/' || span_find(name, SPAN("..")) >= 0)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || span_find_byte(SPAN("_-+/."), c) >= 0;
        if (!plain)
            return false;
    }
    return true;
}

static const struct zone *read_zone_file(struct load *l, const char *path)
{
    struct buf text;
    const struct zone *zone = NULL;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    buf_init(&text, ZONE_FILE_MOST);
    while (got > 0) {
        char *at = buf_reserve(&text, 4096);
        got = at ? read(fd, at, 4096) : -1;
        text.len += got > 0 ? (size_t)got : 0;
    }
    if (got == 0)
        zone = zone_read(l->a, buf_span(&text));
    close(fd);
    buf_free(&text);
    return zone;
}

static const struct zone *find_zone(void *self, struct span name)
{
    struct load *l = self;
    char path[128];
    const struct zone *zone = map_get(&l->zones, name);
    if (zone || !zone_name_ok(name))
        return zone;
    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%.*s", SPAN_ARG(name));
    zone = read_zone_file(l, path);
    if (zone && !map_put(&l->zones, load_share(l, name), (void *)(uintptr_t)zone))
        return NULL;
    return zone;
}

/* Filters and dimensions of budgets that are alike stand once, as texts do: a million keys have them. */
static void share_lists(struct load *l, struct budget *b)
{
    struct budget_filter filters[BUDGET_FILTERS];
    struct budget_per per[BUDGET_PER];
    memset(filters, 0, sizeof(filters)); /* what lies between the members is compared, too */
    memset(per, 0, sizeof(per));
    for (size_t i = 0; i < b->filter_count; i++) {
        filters[i].what = b->filters[i].what;
        filters[i].name = load_share(l, b->filters[i].name);
        filters[i].pattern = load_share(l, b->filters[i].pattern);
    }
    for (size_t i = 0; i < b->per_count; i++) {
        per[i].what = b->per[i].what;
        per[i].name = load_share(l, b->per[i].name);
    }
    b->filters = (const struct budget_filter *)(const void *)load_share(l, span_make((const char *)filters, b->filter_count * sizeof(*filters))).at;
    b->per = (const struct budget_per *)(const void *)load_share(l, span_make((const char *)per, b->per_count * sizeof(*per))).at;
}

enum err budget_load(struct load *l, const struct node *n, const char *path, struct span id_prefix, struct span owner, struct budget *out)
{
    struct buf id;
    enum err e = budget_read(&l->scratch, n, path, find_zone, l, out, l->t);
    if (e)
        return e;
    buf_init(&id, 4096);
    buf_put(&id, id_prefix);
    buf_put_byte(&id, '/');
    buf_put(&id, out->id);
    out->id = id.broken ? SPAN_NONE : arena_copy(l->a, buf_span(&id));
    buf_free(&id);
    out->owner = owner;
    out->window_text = load_share(l, out->window_text);
    out->zone_name = load_share(l, out->zone_name);
    share_lists(l, out);
    if (!out->id.at)
        return E_NO_MEMORY;
    e = increase_apply(l, out);
    return e ? e : load_memory(l);
}

bool budget_ids_differ(struct load *l, const struct node *list, const char *path, const struct budget *budgets, size_t count)
{
    char at[CONFIG_PATH];
    for (size_t i = 1; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (!span_is(budgets[i].id, budgets[k].id))
                continue;
            snprintf(at, sizeof(at), "%.150s[%zu]", path, i);
            trouble_say(l->t, list, at, "counts the same as [%zu]; allowed: one of them, or a name: for each", k);
            return false;
        }
    }
    return true;
}

/* ---- workspaces ---- */

static enum err read_workspace(struct load *l, const struct node *n, const char *path, struct workspace *out)
{
    char at[CONFIG_PATH];
    size_t i = 0;
    const struct node *list = node_get(n, "budgets");
    snprintf(at, sizeof(at), "%s.caps_as_429", path);
    if (!node_only(n, path, kind_fields(KIND_WORKSPACE), l->t) || !node_bool(node_get(n, "caps_as_429"), at, &out->caps_as_429, l->t))
        return E_CONFIG;
    snprintf(at, sizeof(at), "%s.capture", path);
    if (!capture_load(l, node_get(n, "capture"), at, &out->capture))
        return l->t->set ? E_CONFIG : E_NO_MEMORY;
    snprintf(at, sizeof(at), "%s.budgets", path);
    if (list && list->kind != NODE_LIST) {
        trouble_found(l->t, list, at, "a list of budgets");
        return E_CONFIG;
    }
    struct span owner = arena_print(l->a, "workspace:%.*s", SPAN_ARG(out->name));
    out->budget_count = list ? list->count : 0;
    out->budgets = ARENA_ARRAY(l->a, struct budget, out->budget_count + 1);
    for (const struct node *item = list ? list->first : NULL; item && out->budgets; item = item->next, i++) {
        snprintf(at, sizeof(at), "%s.budgets[%zu]", path, i);
        enum err e = budget_load(l, item, at, owner, owner, &out->budgets[i]);
        if (e)
            return e;
    }
    snprintf(at, sizeof(at), "%s.budgets", path);
    if (out->budgets && !budget_ids_differ(l, list, at, out->budgets, out->budget_count))
        return E_CONFIG;
    return load_memory(l);
}

static enum err add_workspace(struct load *l, struct span name, const struct node *n, const char *path)
{
    struct workspace *w = &l->workspaces[l->workspace_count++];
    w->name = load_share(l, name);
    w->caps_as_429 = l->s->settings.caps_as_429;
    enum err e = n ? read_workspace(l, n, path, w) : load_memory(l);
    if (w->capture)
        l->s->captures[l->s->capture_count++] = (struct workspace_capture){ w->name, w->capture };
    return e ? e : map_put(&l->workspace_by_name, w->name, w) ? E_OK : E_NO_MEMORY;
}

enum err workspaces_load(struct load *l)
{
    const struct entries *es = &l->tree.kinds[KIND_WORKSPACE];
    char path[CONFIG_PATH];
    enum err e = E_OK;
    /* In the snapshot's arena: keys point to the budgets. */
    l->workspaces = ARENA_ARRAY(l->a, struct workspace, es->count + 1);
    l->s->captures = ARENA_ARRAY(l->a, struct workspace_capture, es->count + 1);
    if (!l->workspaces || !l->s->captures)
        return E_NO_MEMORY;
    for (size_t i = 0; i < es->count && !e; i++) {
        const struct node *n = entry_node(&l->tree, KIND_WORKSPACE, &es->list[i], &l->scratch, l->t);
        if (!n && l->t->set)
            return E_CONFIG;
        if (n)
            e = add_workspace(l, es->list[i].id, n, entry_path(KIND_WORKSPACE, &es->list[i], path));
    }
    if (!e && !map_get(&l->workspace_by_name, SPAN("default")))
        e = add_workspace(l, SPAN("default"), NULL, "");
    return e;
}

/* ---- the gate's budgets ---- */

static const char *const filters[] = { "key", "workspace", "user", "team", NULL };
/* What budget_read does not see; the name is part of the id already. */
static const char *const own_fields[] = { "key", "workspace", "user", "team", "name", NULL };

static bool read_filters(struct load *l, const struct node *n, struct path *p, struct gate_budget *g)
{
    struct span **lists[] = { &g->keys, &g->workspaces, &g->users, &g->teams };
    size_t *counts[] = { &g->key_count, &g->workspace_count, &g->user_count, &g->team_count };
    for (size_t i = 0; filters[i]; i++) {
        char field[40];
        const struct node *at = node_get(n, filters[i]);
        snprintf(field, sizeof(field), ".%s", filters[i]);
        if (!node_spans(&l->scratch, at, path_with(p, field), lists[i], counts[i], l->t))
            return false;
        /* An empty filter would count nothing: a budget that never refuses. */
        for (size_t k = 0; k < *counts[i] || (at && !*counts[i]); k++) {
            if (*counts[i] && (*lists[i])[k].len)
                continue;
            trouble_say(l->t, at, path_with(p, field), "found nothing; allowed: a name or a pattern with '*', or a list of them");
            return false;
        }
    }
    return true;
}

static enum err check_workspaces(struct load *l, const struct gate_budget *g, struct path *p)
{
    for (size_t i = 0; i < g->workspace_count; i++) {
        struct span name = g->workspaces[i];
        if (span_find_byte(name, '*') < 0 && !map_get(&l->workspace_by_name, name))
            return load_missing(l, KIND_WORKSPACE, name, node_get(g->node, "workspace"), path_with(p, ".workspace"));
    }
    return E_OK;
}

static enum err read_gate_budget(struct load *l, const struct entry *entry, struct budget *out, struct gate_budget *g)
{
    struct path p;
    struct node *plain;
    const struct node *n = entry_node(&l->tree, KIND_BUDGET, entry, &l->scratch, l->t);
    if (!n)
        return l->t->set ? E_CONFIG : E_NOT_FOUND;
    p.len = strlen(entry_path(KIND_BUDGET, entry, p.text));
    g->node = n;
    g->name = entry->id;
    g->budget = out;
    if (!node_only(n, p.text, kind_fields(KIND_BUDGET), l->t) || !read_filters(l, n, &p, g))
        return E_CONFIG;
    enum err e = check_workspaces(l, g, &p);
    plain = config_without(&l->scratch, n, own_fields);
    struct span prefix = arena_print(&l->scratch, "gate/%.*s", SPAN_ARG(entry->id));
    if (e || !plain || !prefix.at)
        return e ? e : E_NO_MEMORY;
    p.text[p.len] = '\0';
    return budget_load(l, plain, p.text, prefix, SPAN("gate"), out);
}

enum err budgets_load(struct load *l)
{
    const struct entries *es = &l->tree.kinds[KIND_BUDGET];
    struct snapshot *s = l->s;
    s->budgets = ARENA_ARRAY(l->a, struct budget, es->count + 1);
    l->gate = ARENA_ARRAY(&l->scratch, struct gate_budget, es->count + 1);
    if (!s->budgets || !l->gate)
        return E_NO_MEMORY;
    for (size_t i = 0; i < es->count; i++) {
        enum err e = read_gate_budget(l, &es->list[i], &s->budgets[s->budget_count], &l->gate[s->budget_count]);
        if (e == E_NOT_FOUND)
            continue;
        if (e)
            return e;
        s->budget_count++;
    }
    return E_OK;
}

static bool like_any(struct span text, const struct span *patterns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_like(text, patterns[i]))
            return true;
    return !patterns;
}

bool gate_budget_counts(const struct gate_budget *g, const struct key *k)
{
    bool key = like_any(k->name, g->keys, g->key_count) || like_any(k->id, g->keys, g->key_count);
    return key && like_any(k->workspace, g->workspaces, g->workspace_count) &&
           like_any(k->user, g->users, g->user_count) && like_any(k->team, g->teams, g->team_count);
}

enum err budgets_check_keys(struct load *l)
{
    char path[CONFIG_PATH];
    for (size_t i = 0; i < l->s->budget_count; i++) {
        const struct gate_budget *g = &l->gate[i];
        for (size_t k = 0; k < g->key_count; k++) {
            if (span_find_byte(g->keys[k], '*') >= 0 || map_get(&l->s->key_by_id, g->keys[k]))
                continue;
            snprintf(path, sizeof(path), "budgets[%.*s].key", SPAN_ARG(g->name));
            return load_missing(l, KIND_KEY, g->keys[k], node_get(g->node, "key"), path);
        }
    }
    return E_OK;
}

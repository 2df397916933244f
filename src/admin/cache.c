/* SPDX-License-Identifier: Apache-2.0
 * cache.c - the cache of answers: what is in it, and what is thrown away. */
#include "admin/inside.h"
#include "base/log.h"
#include "cache/cache.h"

static const char *const purge_fields[] = { "workspace", "key", "run", "tag", "model", "all", NULL };

void cache_get(struct visit *v)
{
    struct cache *c = gate_cache(v->admin->parts.gate);
    if (!c)
        reply_problem(v, E_NOT_FOUND, NULL, "there is no cache: it found no memory when the gate started");
    else {
        cache_write(c, &v->out);
        reply_json(v, 200);
    }
}

static bool read_purge(struct visit *v, struct cache_purge *what)
{
    struct trouble t = { 0 };
    bool all = false;
    struct node *n = visit_object(v);
    if (!n)
        return false;
    struct span *const texts[] = { &what->workspace, &what->key, &what->run, &what->tag, &what->model };
    bool good = node_only(n, "", purge_fields, &t) && node_bool(node_get(n, "all"), "all", &all, &t), named = false;
    for (size_t i = 0; good && i < sizeof(texts) / sizeof(texts[0]); i++) {
        good = node_span(node_get(n, purge_fields[i]), purge_fields[i], texts[i], &t);
        named = named || texts[i]->at;
    }
    if (!good) {
        reply_trouble(v, E_BAD_REQUEST, &t);
        return false;
    }
    if (what->tag.at && span_find_byte(what->tag, '=') < 1) {
        reply_problem(v, E_BAD_REQUEST, "tag", "found \"%.*s\"; allowed: a tag of calls with its value, \"task=summary\"", SPAN_ARG(span_first(what->tag, 100)));
        return false;
    }
    if (named == all) {
        reply_problem(v, E_BAD_REQUEST, NULL, "say what is to go: workspace, key, run, tag, model (all that are given must fit), or \"all\": true alone");
        return false;
    }
    if (v->actor.workspace.at && what->workspace.at && !span_is(what->workspace, v->actor.workspace)) {
        reply_problem(v, E_ROLE_DENIED, "workspace", "allowed to this token: %.*s", SPAN_ARG(v->actor.workspace));
        return false;
    }
    if (v->actor.workspace.at)
        what->workspace = v->actor.workspace;
    if (what->key.at)
        what->key = visit_key_id(v, what->key);
    return true;
}

/* What was thrown away, as the audit log says it. */
static struct span write_purge(struct visit *v, const struct cache_purge *what, size_t gone)
{
    struct buf text;
    const struct span values[] = { what->workspace, what->key, what->run, what->tag, what->model };
    buf_init(&text, 16 << 10);
    struct json_out o = json_out(&text);
    json_open(&o, '{');
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        if (values[i].at)
            json_pair(&o, span_of(purge_fields[i]), values[i]);
    json_pair_i64(&o, SPAN("entries"), (int64_t)gone);
    json_close(&o, '}');
    struct span copy = text.broken ? SPAN_NONE : arena_copy(&v->arena, buf_span(&text));
    buf_free(&text);
    return copy;
}

/* A full disk takes seconds to walk. */
struct purge {
    struct cache_purge what;
    size_t gone;
};

static void purge(struct errand *e)
{
    struct purge *p = e->mine;
    struct cache *c = gate_cache(e->admin->parts.gate);
    p->gone = c ? cache_purge(c, &p->what) : 0;
}

static void purged(struct errand *e)
{
    const struct purge *p = e->mine;
    struct visit *v = e->visit;
    const struct change change = { .actor = v->actor.name, .action = SPAN("cache.purge"), .object = SPAN("cache"), .after = write_purge(v, &p->what, p->gone) };
    if (change_put(v->admin, &change) != E_OK)
        log_error("admin", "%zu answers were purged from the cache; the audit log could not be written", p->gone);
    if (!v->request)
        return;
    json_open(&v->json, '{');
    json_pair_i64(&v->json, SPAN("purged"), (int64_t)p->gone);
    json_close(&v->json, '}');
    reply_json(v, 200);
}

void cache_purge_post(struct visit *v)
{
    struct purge *p = ARENA_NEW(&v->arena, struct purge);
    if (!p)
        reply_problem(v, E_NO_MEMORY, NULL, "nothing was purged");
    else if (read_purge(v, &p->what))
        (void)errand_start(v->admin, v, purge, purged, p); /* else it was replied to */
}

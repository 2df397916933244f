/* SPDX-License-Identifier: Apache-2.0
 * conf.c - see conf.h. */
#include "test/unit/config/conf.h"

#include <stdlib.h>

const char conf_vendors[] = "vendors:\n"
                           "  acme:\n"
                           "    manifest:\n"
                           "      vendor: acme\n"
                           "      base_url: https://api.acme.example\n"
                           "      key_in: bearer\n"
                           "      send: bearer\n"
                           "      settings: { unit_price_usd: \"0.01\" }\n"
                           "      operations:\n"
                           "        things.create: POST /v1/things\n"
                           "        things.list: GET /v1/things\n"
                           "  texter:\n"
                           "    manifest:\n"
                           "      vendor: texter\n"
                           "      base_url: https://api.texter.example:8443/base\n"
                           "      needs_account: true\n"
                           "      key_in: basic_password\n"
                           "      send: basic_password\n"
                           "      operations:\n"
                           "        texts.create: POST /texts\n";

static const uint8_t master[32] = { 7, 7, 7, 1, 2, 3 };

void conf_open(struct conf *r, const char *yaml)
{
    *r = (struct conf){ .in = { .file = SPAN("tollgate.yaml"), .master_key = master } };
    arena_init(&r->arena, 64u << 20);
    r->in.objects = r->objects;
    if (conf_load(r, yaml) != E_OK)
        test_fail(__FILE__, __LINE__, "does not load: %s", r->trouble.text);
    must(r->snapshot); /* nothing after it makes sense */
}

enum err conf_load(struct conf *r, const char *yaml)
{
    struct span before = arena_print(&r->arena, "%s%s", conf_vendors, yaml);
    r->trouble = (struct trouble){ .set = false };
    if (yaml)
        r->in.text = before;
    snapshot_drop(r->snapshot);
    return config_load(&r->in, &r->snapshot, &r->trouble);
}

void conf_close(struct conf *r)
{
    snapshot_drop(r->snapshot);
    arena_free(&r->arena);
}

static void keep(struct conf *r, struct span kind, const struct config_changed *out)
{
    size_t at = 0;
    while (at < r->in.object_count && !(span_is(r->objects[at].kind, kind) && span_is(r->objects[at].id, out->id)))
        at++;
    if (!out->stored.at) {
        if (at < r->in.object_count)
            r->objects[at] = r->objects[--r->in.object_count];
        return;
    }
    must(at < CONF_OBJECTS);
    r->objects[at] = (struct config_object){ kind, out->id, out->stored };
    if (at == r->in.object_count)
        r->in.object_count++;
}

static enum err settle(struct conf *r, enum err e, struct span kind, struct config_changed *out)
{
    if (e)
        return e;
    keep(r, kind, out);
    snapshot_drop(r->snapshot);
    r->snapshot = out->snapshot;
    return E_OK;
}

enum err conf_apply(struct conf *r, const char *kind, const char *id, const char *body, bool patch, struct config_changed *out)
{
    struct config_change c = { span_of(kind), span_of(id), span_of(body), patch };
    r->trouble = (struct trouble){ .set = false };
    return settle(r, config_apply(&r->in, &c, &r->arena, out, &r->trouble), c.kind, out);
}

enum err conf_rotate_once(struct conf *r, const char *id, const char *once, int64_t overlap_ms, int64_t now_ms, struct config_changed *out)
{
    r->trouble = (struct trouble){ .set = false };
    const struct config_rotation rotation = { .id = span_of(id), .once = once ? span_of(once) : SPAN_NONE, .overlap_ms = overlap_ms, .now_ms = now_ms };
    enum err e = config_rotate(&r->in, &rotation, &r->arena, out, &r->trouble);
    return e == E_OK && out->repeated ? E_OK : settle(r, e, SPAN("key"), out);
}

enum err conf_rotate(struct conf *r, const char *id, int64_t overlap_ms, int64_t now_ms, struct config_changed *out)
{
    return conf_rotate_once(r, id, NULL, overlap_ms, now_ms, out);
}

struct span conf_show(struct conf *r, const char *kind, const char *id)
{
    struct buf json;
    struct span copy = SPAN_NONE;
    r->trouble = (struct trouble){ .set = false };
    buf_init(&json, 1 << 20);
    if (config_show(&r->in, span_of(kind), span_of(id), &json, &r->trouble) == E_OK)
        copy = arena_copy(&r->arena, buf_span(&json));
    buf_free(&json);
    return copy;
}

const struct key *conf_key(struct conf *r, const char *name)
{
    const struct key *k = r->snapshot ? map_get(&r->snapshot->key_by_id, span_of(name)) : NULL;
    if (!k)
        test_fail(__FILE__, __LINE__, "no key %s", name);
    return k;
}

bool conf_has(struct span text, const char *part) { return text.at && span_find(text, span_of(part)) >= 0; }

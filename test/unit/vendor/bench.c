/* SPDX-License-Identifier: Apache-2.0
 * bench.c - see bench.h. */
#include "test/unit/vendor/bench.h"

#include <stdio.h>

#include "base/embed.h"

static void start(struct bench *b)
{
    *b = (struct bench){ 0 };
    arena_init(&b->arena, 64u << 20);
    arena_init(&b->call, 64u << 20);
    b->json = json_new();
    must(b->json);
    b->head.fields = b->fields;
    b->head.length = -1;
}

void bench_open(struct bench *b, const char *name, struct span base_url)
{
    char path[80];
    struct node *root = NULL;
    start(b);
    snprintf(path, sizeof(path), "vendors/%s.yaml", name);
    struct span text = embed_find(span_of(path));
    CHECK(text.at != NULL);
    const char *file = arena_print(&b->arena, "%s", path).at;
    if (node_read_yaml(&b->arena, file, text, &root, &b->trouble) ||
        vendor_read(&b->arena, root, base_url, &b->vendor, &b->trouble))
        test_fail(__FILE__, __LINE__, "%s", b->trouble.text);
}

enum err bench_read(struct bench *b, const char *yaml)
{
    struct node *root = NULL;
    start(b);
    enum err e = node_read_yaml(&b->arena, "own.yaml", span_of(yaml), &root, &b->trouble);
    return e ? e : vendor_read(&b->arena, root, SPAN_NONE, &b->vendor, &b->trouble);
}

void bench_close(struct bench *b)
{
    json_free(b->json);
    arena_free(&b->call);
    arena_free(&b->arena);
}

void bench_settings(struct bench *b, const char *yaml)
{
    struct node *root = NULL;
    CHECK(node_read_yaml(&b->arena, "settings", span_of(yaml), &root, &b->trouble) == E_OK);
    b->settings = root;
}

void bench_field(struct bench *b, const char *name, const char *value)
{
    must(b->head.count < sizeof(b->fields) / sizeof(b->fields[0]));
    b->fields[b->head.count++] = (struct http_field){ span_of(name), span_of(value) };
}

void bench_fresh(struct bench *b)
{
    b->head.count = 0;
    b->why = SPAN_NONE;
    arena_free(&b->call);
    arena_init(&b->call, 64u << 20);
}

enum err bench_ask(struct bench *b, const char *method, const char *target, const char *body)
{
    struct span path, query;
    const char *why = "";
    enum err e = canon_target(&b->call, span_of(target), &path, &query, &why);
    b->why = span_of(why);
    if (e)
        return e;
    if (!vendor_match(&b->vendor, span_of(method), path, &b->matched))
        return E_OPERATION_DENIED;
    if (b->matched.operation->fields)
        e = vendor_refine(b->json, &b->vendor, span_of(body), &b->call, &b->matched, &b->why);
    if (e)
        return e;
    if (*body && !http_get(&b->head, SPAN("content-type")).at)
        bench_field(b, "content-type", *body == '{' || *body == '[' ? "application/json" : "application/x-www-form-urlencoded");
    b->head.method = span_of(method);
    b->head.target = span_of(target);
    b->asked = (struct asked){ .vendor = &b->vendor,
        .matched = &b->matched,
        .head = &b->head,
        .query = query,
        .body = span_of(body),
        .account = b->account,
        .settings = b->settings,
        .leave_body = b->leave_body,
        .read_objects = b->reads,
        .objects = b->objects,
        .object_count = b->object_count,
        .counted = b->counted,
        .counter = b->counter,
        .fx = b->fx };
    return vendor_understand(b->json, &b->asked, &b->call, &b->understood, &b->why);
}

struct span bench_scope(const struct bench *b, const char *name)
{
    struct span found = SPAN("");
    for (size_t i = 0; i < b->understood.scope_count; i++) {
        if (!span_is(b->understood.scopes[i].name, span_of(name)))
            continue;
        found = found.len ? SPAN("several") : b->understood.scopes[i].value;
    }
    return found;
}

struct settled bench_settle(struct bench *b, int status, const char *body)
{
    struct http_head answer = { .status = status, .fields = b->fields, .count = 0, .length = -1 };
    struct settled s;
    vendor_settle(b->json, &b->asked, &b->understood, &answer, span_of(body), &b->call, &s);
    return s;
}

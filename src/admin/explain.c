/* SPDX-License-Identifier: Apache-2.0
 * explain.c - POST /api/v1/explain: what would become of a call, if this key made it now; or if a policy were another. */
#include "admin/inside.h"
#include "base/text.h"
#include "flow/explain.h"

enum { HEADERS_MOST = 64, METHOD_LONGEST = 32, TARGET_LONGEST = 16 * 1024 };

static bool read_headers(const struct node *n, struct explain_request *r, struct arena *a, struct trouble *t)
{
    if (!n)
        return true;
    if (n->kind != NODE_MAP || n->count > HEADERS_MOST) {
        trouble_found(t, n, "headers", "a map of at most 64 header fields");
        return false;
    }
    for (const struct node *item = n->first; item; item = item->next) {
        struct span name = text_lower_copy(item->name, a), value = SPAN_NONE;
        if (!node_span(item, "headers", &value, t))
            return false;
        r->fields[r->count++] = (struct http_field){ name, value };
    }
    return true;
}

/* A body without a type is taken for what it looks like, as `curl` users would send it. */
static void add_type(struct explain_request *r)
{
    bool json = span_starts(r->body, SPAN("{")) || span_starts(r->body, SPAN("["));
    for (size_t i = 0; i < r->count; i++)
        if (span_is(r->fields[i].name, SPAN("content-type")))
            return;
    if (r->body.len)
        r->fields[r->count++] = (struct http_field){ SPAN("content-type"), json ? SPAN("application/json") : SPAN("application/x-www-form-urlencoded") };
}

static struct span text_of(struct visit *v, const struct node *n)
{
    struct buf text;
    buf_init(&text, VISIT_BODY);
    node_write_json(n, &text);
    struct span copy = arena_copy(&v->arena, buf_span(&text));
    buf_free(&text);
    return copy;
}

/* A body may be given as text, or as JSON that stands for itself. */
static bool read_body(struct visit *v, const struct node *n, struct explain_request *r, struct trouble *t)
{
    if (!n || n->kind == NODE_SCALAR)
        return node_span(n, "body", &r->body, t);
    r->body = text_of(v, n);
    return r->body.at != NULL;
}

static bool read_request(struct visit *v, const struct node *body, struct explain_request *r)
{
    static const char *const names[] = { "key", "method", "url", "headers", "body", "run", "policy", NULL };
    struct trouble t = { .set = false };
    r->fields = ARENA_ARRAY(&v->arena, struct http_field, HEADERS_MOST + 1);
    bool fine = r->fields && node_only(body, "", names, &t) && node_span(node_get(body, "key"), "key", &r->key, &t) && node_span(node_get(body, "method"), "method", &r->method, &t) &&
                node_span(node_get(body, "url"), "url", &r->target, &t) && node_span(node_get(body, "run"), "run", &r->run, &t) &&
                read_headers(node_get(body, "headers"), r, &v->arena, &t) && read_body(v, node_get(body, "body"), r, &t);
    const char *missing = !r->key.len ? "key" : !r->method.len ? "method" : !r->target.len ? "url" : NULL;
    if (fine && missing)
        trouble_say(&t, NULL, missing, "is required; allowed: { \"key\", \"method\", \"url\", \"headers\", \"body\", \"run\", \"policy\" }");
    if (fine && !missing && (r->method.len > METHOD_LONGEST || r->target.len > TARGET_LONGEST))
        trouble_say(&t, NULL, r->method.len > METHOD_LONGEST ? "method" : "url", "is too long");
    if (!fine || t.set)
        reply_trouble(v, t.set ? E_CONFIG : E_NO_MEMORY, &t);
    return fine && !t.set;
}

/* ---- a policy that is only written so far: the configuration with it, which nobody else sees ---- */

struct trying {
    struct explain_request request;
    struct span name, body; /* of the policy */
    struct trouble trouble;
};

static void drop_tried(struct visit *v)
{
    const struct trying *y = v->mine;
    if (y->request.snapshot)
        snapshot_drop(y->request.snapshot);
}

/* On a reading thread: with many stored objects it takes its time. */
static void try_policy(struct visit *v, struct store_reader *reader)
{
    struct trying *y = v->mine;
    struct config_object *objects;
    struct config_changed made;
    struct config_input in = v->admin->parts.config;
    struct config_change c = { .kind = SPAN("policy"), .id = y->name, .body = y->body, .patch = true };
    v->result = admin_objects(reader, &v->arena, &objects, &in.object_count);
    in.objects = objects;
    if (!v->result)
        v->result = config_apply(&in, &c, &v->arena, &made, &y->trouble);
    if (!v->result)
        y->request.snapshot = made.snapshot;
}

static void answer(struct visit *v, struct explain_request *r)
{
    add_type(r);
    enum err e = explain(v->admin->parts.gate, r, &v->json);
    if (e == E_OK)
        reply_json(v, 200);
    else if (e == E_NOT_FOUND)
        reply_problem(v, e, "key", "there is no key \"%.*s\"", SPAN_ARG(span_first(r->key, 64)));
    else
        reply_problem(v, e, NULL, "not enough memory");
}

static void tried(struct visit *v)
{
    struct trying *y = v->mine;
    if (v->result)
        reply_trouble(v, v->result, &y->trouble);
    else
        answer(v, &y->request);
}

static void explain_with(struct visit *v, struct trying *y, const struct node *policy)
{
    struct trouble *t = &y->trouble;
    bool named = policy->kind == NODE_MAP && node_span(node_get(policy, "name"), "policy.name", &y->name, t) && y->name.len;
    if (!named && !t->set)
        trouble_found(t, policy, "policy", "an object with the name of a policy and the members that are tried");
    if (!named) {
        reply_trouble(v, E_CONFIG, t);
        return;
    }
    y->body = text_of(v, policy);
    v->mine = y;
    v->end = drop_tried;
    visit_read(v, try_policy, tried);
}

void explain_post(struct visit *v)
{
    struct trying *y = ARENA_NEW(&v->arena, struct trying);
    const struct node *body = visit_object(v), *policy;
    if (!body)
        return;
    if (!y) {
        reply_problem(v, E_NO_MEMORY, NULL, "not enough memory");
        return;
    }
    y->request.body = SPAN("");
    if (!read_request(v, body, &y->request))
        return;
    policy = node_get(body, "policy");
    if (v->actor.workspace.at && !confine_key(v, y->request.key)) {
        reply_problem(v, E_NOT_FOUND, "key", "there is no key \"%.*s\"", SPAN_ARG(span_first(y->request.key, 64)));
        return;
    }
    if (v->actor.workspace.at && policy) { /* policies are the gate's */
        reply_problem(v, E_ROLE_DENIED, "policy", "allowed to a token of a workspace: a call as its key's own policy judges it");
        return;
    }
    if (policy)
        explain_with(v, y, policy);
    else
        answer(v, &y->request);
}

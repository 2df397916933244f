/* SPDX-License-Identifier: Apache-2.0
 * confine.c - admin tokens that are confined to a workspace: what they see of the whole, and what they may change.
 *
 * A route whose handler is not in the list here refuses them: who adds a route says here that it keeps workspaces apart, or it does not
 * exist for them. The list is tried by a test that walks the table of routes. */
#include "admin/inside.h"

/* ---- which routes ---- */

static void (*const handlers[])(struct visit *v) = {
    objects_list, objects_get, objects_create, objects_patch, objects_delete, /* of the kinds below */
    keys_delete, keys_revoke, keys_rotate, keys_retire, budgets_list, budgets_forecast, budgets_increase, budgets_decrease,
    tokens_list, tokens_get, tokens_create, tokens_patch, tokens_rotate,
    calls_list, calls_get, runs_list, runs_get, usage_get, series_get, audit_list, experiments_get, now_get, performance_get,
    indoubt_list, indoubt_get, indoubt_resolve, indoubt_ask, approvals_get_list, approvals_get_one, approvals_approve, approvals_refuse,
    stops_stop, stops_resume, stops_list, events_stream, explain_post, cache_purge_post, content_get, content_delete_one, content_delete_post, content_usage,
    reports_list, report_spend, report_forecast, report_units, report_chargeback, report_reconciliation, report_access, report_invoice,
    session_get, session_end, session_link, openapi_get,
};

/* Kinds of objects that have a workspace; workspaces themselves are only read. */
static bool kind_has_workspace(struct span kind)
{
    return span_is(kind, SPAN("key")) || span_is(kind, SPAN("budget")) || span_is(kind, SPAN("token")) || span_is(kind, SPAN("workspace"));
}

bool confine_writes(struct span kind) { return kind_has_workspace(kind) && !span_is(kind, SPAN("workspace")); }

static bool is_object_handler(const struct visit *v)
{
    void (*run)(struct visit *) = v->route->run;
    return run == objects_list || run == objects_get || run == objects_create || run == objects_patch || run == objects_delete;
}

bool confine_knows(const struct visit *v)
{
    bool reads = v->route->run == objects_list || v->route->run == objects_get;
    if (is_object_handler(v) && !(reads ? kind_has_workspace(span_of(v->route->kind)) : confine_writes(span_of(v->route->kind))))
        return false;
    for (size_t i = 0; i < sizeof(handlers) / sizeof(*handlers); i++)
        if (handlers[i] == v->route->run)
            return true;
    return false;
}

/* ---- what belongs to it ---- */

/* A budget of the gate that counts this workspace and no other. */
static bool names_alone(struct json_value workspace, struct span name)
{
    struct span ignored;
    struct json_value item;
    size_t count = 0;
    bool alone = true;
    if (json_kind(workspace) == JSON_STRING)
        return span_is(json_string(workspace), name);
    if (json_kind(workspace) != JSON_ARRAY)
        return false;
    for (struct json_iter it = json_iter(workspace); json_next(&it, &ignored, &item); count++)
        alone = alone && span_is(json_string(item), name);
    return count > 0 && alone;
}

bool confine_owns(const struct visit *v, struct span kind, struct span id, struct span json)
{
    struct json_value root;
    const char *why;
    struct span own = v->actor.workspace;
    if (!own.at)
        return true;
    if (span_is(kind, SPAN("workspace")))
        return span_is(id, own);
    struct json *reader = json_new();
    bool owns = reader && kind_has_workspace(kind) && json_parse(reader, json, false, &root, &why) == E_OK;
    if (owns && span_is(kind, SPAN("budget")))
        owns = names_alone(json_member(root, SPAN("workspace")), own);
    else if (owns) {
        struct span workspace = json_string(json_member(root, SPAN("workspace")));
        owns = span_is(workspace.at || !span_is(kind, SPAN("key")) ? workspace : SPAN("default"), own);
    }
    if (reader)
        json_free(reader);
    return owns;
}

bool confine_key(struct visit *v, struct span name)
{
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    const struct key *key = map_get(&s->key_by_id, name);
    bool owns = key && access_sees(&v->actor, key->workspace);
    snapshot_drop(s);
    return owns;
}

/* ---- what it may put into a body ---- */

static bool refuse(struct visit *v, const char *field, struct span found, const char *allowed)
{
    reply_problem(v, E_ROLE_DENIED, field, "found \"%.*s\"; allowed to a token of the workspace \"%.*s\": %s", SPAN_ARG(span_first(found, 64)), SPAN_ARG(v->actor.workspace), allowed);
    return false;
}

static bool check_names(struct visit *v, const struct snapshot *s, const struct node *body, const char *field)
{
    const struct node *n = node_get(body, field);
    if (!n || n->kind == NODE_NULL)
        return true;
    for (const struct node *item = n->kind == NODE_LIST ? n->first : n; item; item = n->kind == NODE_LIST ? item->next : NULL) {
        struct span name = item->kind == NODE_SCALAR ? item->text : SPAN("...");
        if (!confine_key_has(v, s, field, name))
            return refuse(v, field, name, "what a key of that workspace that is in force has already");
    }
    return true;
}

/* A key that a budget names alone has to be one of the workspace's: the message of one that is not there lists all that are. */
static bool check_keys(struct visit *v, const struct node *body)
{
    const struct node *n = node_get(body, "key");
    if (!n || n->kind == NODE_NULL)
        return true;
    for (const struct node *item = n->kind == NODE_LIST ? n->first : n; item; item = n->kind == NODE_LIST ? item->next : NULL) {
        struct span name = item->kind == NODE_SCALAR ? item->text : SPAN("...");
        if (span_find_byte(name, '*') < 0 && !confine_key(v, name))
            return refuse(v, "key", name, "a key of that workspace, or a pattern");
    }
    return true;
}

static bool check_references(struct visit *v, struct span kind, const struct node *body)
{
    static const char *const fields[] = { "policy", "shadow", "route", "credentials" };
    bool fine = true;
    if (span_is(kind, SPAN("budget")))
        return check_keys(v, body);
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    for (size_t i = 0; fine && span_is(kind, SPAN("key")) && i < sizeof(fields) / sizeof(*fields); i++)
        fine = check_names(v, s, body, fields[i]);
    snapshot_drop(s);
    return fine;
}

/* The first member of the object; the rest stays as it was written. */
static struct span with_workspace(struct visit *v, const struct node *body, struct span text)
{
    text = span_from(span_trim(text), 1);
    return arena_print(&v->arena, "{\"workspace\":\"%.*s\"%s%.*s", SPAN_ARG(v->actor.workspace), body->first ? "," : "", SPAN_ARG(text));
}

struct span confine_body(struct visit *v, struct span kind, struct span text, bool creates)
{
    if (!v->actor.workspace.at)
        return text;
    const struct node *body = visit_object(v);
    const struct node *workspace = body ? node_get(body, "workspace") : NULL;
    if (!body || !check_references(v, kind, body))
        return SPAN_NONE;
    if (workspace && (workspace->kind != NODE_SCALAR || !span_is(workspace->text, v->actor.workspace))) {
        (void)refuse(v, "workspace", workspace->kind == NODE_SCALAR ? workspace->text : SPAN("null"), "that workspace");
        return SPAN_NONE;
    }
    if (workspace || !creates)
        return text;
    struct span with = with_workspace(v, body, text);
    if (!with.at)
        reply_problem(v, E_NO_MEMORY, NULL, "nothing was changed");
    return with;
}

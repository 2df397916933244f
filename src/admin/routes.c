/* SPDX-License-Identifier: Apache-2.0
 * routes.c - every route of the admin plane, one row each. The OpenAPI document (openapi.c) is written from this table, so a
 * route that is not described does not exist. Start reading the folder here. */
#include "admin/inside.h"

static const char *const page_query[] = { "limit", "cursor", NULL };
static const char *const call_query[] = { "run", "key", "vendor", "operation", "denied", "verdict", "model", "workspace", "from", "to", "limit", "cursor", NULL };
static const char *const doubt_query[] = { "limit", "cursor", NULL };
static const char *const audit_query[] = { "kind", "run", "key", "vendor", "operation", "denied", "verdict", "model", "workspace", "from", "to", "limit", "cursor", NULL };
static const char *const export_query[] = { "format", "kind", "totals", "run", "key", "vendor", "operation", "denied", "verdict", "model", "workspace", "from", "to", NULL };
static const char *const delivery_query[] = { "limit", NULL };
static const char *const usage_query[] = { "by", "window", "run", "key", "vendor", "operation", "model", "workspace", "denied", "verdict", "from", "to", NULL };
static const char *const event_query[] = { "run", "key", "vendor", NULL };

#define ONE(plural, one)                                                                                                        \
    { "GET", "/api/v1/" plural "/{id}", objects_get, "One " one, one, NULL, false },                                            \
    { "PATCH", "/api/v1/" plural "/{id}", objects_patch, "Change a " one ": members given replace, null removes (RFC 7386)", one, NULL, false }
#define OBJECTS(plural, one)                                                                                                    \
    { "GET", "/api/v1/" plural, objects_list, "All " plural, one, page_query, false },                                          \
    { "POST", "/api/v1/" plural, objects_create, "Create a " one, one, NULL, false },                                           \
    { "DELETE", "/api/v1/" plural "/{id}", objects_delete, "Delete a " one, one, NULL, false }, ONE(plural, one)

const struct route admin_routes[] = {
    { "GET", "/api/v1/keys", objects_list, "All keys, without their secrets", "key", page_query, false },
    { "POST", "/api/v1/keys", objects_create, "Create a key; its secret is in `token`, this once", "key", NULL, false },
    { "DELETE", "/api/v1/keys/{id}", keys_delete, "Delete a key; its calls under way are cut", "key", NULL, false },
    ONE("keys", "key"),
    { "POST", "/api/v1/keys/{id}/revoke", keys_revoke, "Revoke a key, now", "key", NULL, false },
    { "POST", "/api/v1/keys/{id}/rotate", keys_rotate, "A new secret for a key; the old one stays valid for `overlap`", "key", NULL, false },
    OBJECTS("credentials", "credential"),
    OBJECTS("policies", "policy"),
    { "GET", "/api/v1/budgets", budgets_list, "All budgets, those of keys and workspaces included, with what is spent and left", "budget", page_query, false },
    { "POST", "/api/v1/budgets", objects_create, "Create a budget", "budget", NULL, false },
    { "DELETE", "/api/v1/budgets/{id}", objects_delete, "Delete a budget", "budget", NULL, false },
    ONE("budgets", "budget"),
    { "POST", "/api/v1/budgets/{id}/increase", budgets_increase, "Raise a limit for a while: {\"by\", \"until\" or \"for\", \"reason\"}", "increase", NULL, false },
    { "DELETE", "/api/v1/budgets/{id}/increase", budgets_decrease, "Take an increase back", "increase", NULL, false },
    OBJECTS("vendors", "vendor"),
    OBJECTS("workspaces", "workspace"),
    OBJECTS("settings", "setting"),
    { "GET", "/api/v1/alerts/deliveries", alerts_deliveries, "What was told to whom, newest first", NULL, delivery_query, false },
    { "POST", "/api/v1/alerts/{id}/test", alerts_test, "Send a test to it now; the answer says what happened", NULL, NULL, false },
    OBJECTS("alerts", "alert"),
    { "GET", "/api/v1/calls", calls_list, "Calls, newest first", NULL, call_query, false },
    { "GET", "/api/v1/calls/{id}", calls_get, "One call, with its place in the hash chain", NULL, NULL, false },
    { "GET", "/api/v1/doubts", indoubt_list, "Calls in doubt, oldest first, with what is reserved for them", NULL, doubt_query, false },
    { "POST", "/api/v1/doubts/ask", indoubt_ask_all, "Ask the vendors again about all calls in doubt where that can be done", NULL, NULL, false },
    { "GET", "/api/v1/doubts/{id}", indoubt_get, "One call in doubt", NULL, NULL, false },
    { "POST", "/api/v1/doubts/{id}/resolve", indoubt_resolve, "Say what became of it: {\"outcome\": \"spent\" or \"not_spent\", \"cost_usd\", \"reason\"}", NULL, NULL, false },
    { "POST", "/api/v1/doubts/{id}/ask", indoubt_ask, "Ask the vendor again about a call in doubt", NULL, NULL, false },
    { "GET", "/api/v1/audit", audit_list, "Rows of the audit chain of all kinds, newest first", NULL, audit_query, false },
    { "GET", "/api/v1/audit/export", audit_export, "The audit chain as a file: lines of JSON that can be checked alone, or CSV", NULL, export_query, false },
    { "GET", "/api/v1/audit/verify", audit_verify, "Check the whole chain and its signatures; takes its time", NULL, NULL, false },
    { "GET", "/api/v1/audit/checkpoints", audit_checkpoints, "Signed checkpoints of the chain", NULL, doubt_query, false },
    { "GET", "/api/v1/ledger/check", selfcheck_get, "Check that the ledger agrees with the books and the calls under way", NULL, NULL, false },
    { "GET", "/api/v1/runs", runs_list, "Runs, latest first", NULL, page_query, false },
    { "GET", "/api/v1/runs/{id}", runs_get, "What a run cost: total, and by vendor, operation, model, step and key", NULL, NULL, false },
    { "GET", "/api/v1/usage", usage_get, "Sums over calls, grouped", NULL, usage_query, false },
    { "POST", "/api/v1/stop", stops_stop, "Stop a run, a key, a vendor, a workspace or all", NULL, NULL, false },
    { "POST", "/api/v1/resume", stops_resume, "Lift a stop", NULL, NULL, false },
    { "GET", "/api/v1/stops", stops_list, "Stops in force, with what was refused and forwarded since", NULL, NULL, false },
    { "GET", "/api/v1/events", events_stream, "Calls, stops and changes as they happen (text/event-stream)", NULL, event_query, false },
    { "POST", "/api/v1/reload", reload_post, "Read the configuration again", NULL, NULL, false },
    { "GET", "/api/v1/openapi.json", openapi_get, "This description", NULL, NULL, false },
    { "GET", "/metrics", health_metrics, "Counters for Prometheus", NULL, NULL, false },
    { "GET", "/healthz", health_alive, "The process answers", NULL, NULL, true },
    { "GET", "/readyz", health_ready, "Calls can be taken; else the reasons", NULL, NULL, true },
    { "GET", "/", page_get, "The dashboard", NULL, NULL, true },
};
const size_t admin_route_count = sizeof(admin_routes) / sizeof(*admin_routes);

/* "{id}" stands for one segment of the path, whatever is in it. */
static bool fits(const char *template, struct span path, struct span *id)
{
    struct span rest = span_of(template), piece, segment;
    *id = SPAN_NONE;
    for (;;) {
        bool more = span_next(&rest, '/', &piece), there = span_next(&path, '/', &segment);
        if (!more || !there)
            return more == there;
        if (span_is(piece, SPAN("{id}")) && segment.len)
            *id = segment;
        else if (!span_is(piece, segment))
            return false;
    }
}

const struct route *route_find(struct span method, struct span path, struct span *id, struct arena *a, struct span *allow)
{
    struct span at;
    bool head = span_is(method, SPAN("HEAD"));
    *allow = SPAN_NONE;
    for (size_t i = 0; i < admin_route_count; i++) {
        const struct route *r = &admin_routes[i];
        if (!fits(r->path, path, &at))
            continue;
        if (span_is(method, span_of(r->method)) || (head && strcmp(r->method, "GET") == 0)) {
            *id = at;
            return r;
        }
        *allow = allow->at ? arena_print(a, "%.*s, %s", SPAN_ARG(*allow), r->method) : span_of(r->method);
    }
    return NULL;
}

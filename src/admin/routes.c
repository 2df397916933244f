/* SPDX-License-Identifier: Apache-2.0
 * routes.c - every route of the admin plane, one row each. The OpenAPI document (openapi.c) is written from this table, so a
 * route that is not described does not exist. Start reading the folder here. */
#include "admin/inside.h"

static const char *const page_query[] = { "limit", "cursor", NULL };
static const char *const call_query[] = { "run", "key", "vendor", "operation", "denied", "verdict", "model", "workspace", "step", "user", "label", "status", "credential", "route",
    "min_cost_usd", "q", "shadow", "from", "to", "limit", "cursor", NULL };
static const char *const run_query[] = { "key", "workspace", "label", "q", "from", "to", "limit", "cursor", NULL };
static const char *const doubt_query[] = { "limit", "cursor", NULL };
static const char *const audit_query[] = { "kind", "run", "key", "vendor", "operation", "denied", "verdict", "model", "workspace", "from", "to", "limit", "cursor", NULL };
static const char *const export_query[] = { "format", "kind", "totals", "run", "key", "vendor", "operation", "denied", "verdict", "model", "workspace", "from", "to", NULL };
static const char *const approval_query[] = { "state", "limit", "cursor", NULL };
static const char *const delivery_query[] = { "limit", NULL };
static const char *const usage_query[] = { "by", "window", "run", "key", "vendor", "operation", "denied", "verdict", "model", "workspace", "step", "user", "label", "status", "credential",
    "route", "min_cost_usd", "from", "to", NULL };
static const char *const series_query[] = { "by", "step", "top", "window", "run", "key", "vendor", "operation", "denied", "verdict", "model", "workspace", "user", "label", "status",
    "credential", "route", "from", "to", NULL };
static const char *const price_query[] = { "provider", "model", "limit", "cursor", NULL };
static const char *const experiment_query[] = { "workspace", "from", NULL };
static const char *const report_query[] = { "by", "from", "to", "month", "format", "totals", "run", "key", "vendor", "operation", "model", "workspace", NULL };
static const char *const forecast_query[] = { "by", "format", "totals", "key", "vendor", "operation", "model", "workspace", NULL };
static const char *const budget_query[] = { "account", NULL };
static const char *const chargeback_query[] = { "label_depth", "month", "from", "to", "format", "totals", "vendor", "workspace", NULL };
static const char *const reconciliation_query[] = { "from", "to", "month", "format", "totals", "run", "key", "vendor", "operation", "model", "workspace", NULL };
static const char *const access_query[] = { "owner", "workspace", "format", NULL };
static const char *const invoice_query[] = { "vendor", "from", "to", "tolerance", "name", "format", "workspace", NULL };
static const char *const evidence_query[] = { "from", "to", "month", NULL };
static const char *const health_query[] = { "vendor", NULL };
static const char *const performance_query[] = { "by", "from", "to", NULL };
static const char *const event_query[] = { "run", "key", "vendor", NULL };

#define ONE(plural, one, change)                                                                                                \
    { "GET", "/api/v1/" plural "/{id}", objects_get, "One " one, one, NULL, AREA_READ },                                        \
    { "PATCH", "/api/v1/" plural "/{id}", objects_patch, "Change a " one ": members given replace, null removes (RFC 7386)", one, NULL, change }
#define OBJECTS(plural, one, change)                                                                                            \
    { "GET", "/api/v1/" plural, objects_list, "All " plural, one, page_query, AREA_READ },                                      \
    { "POST", "/api/v1/" plural, objects_create, "Create a " one, one, NULL, change },                                          \
    { "DELETE", "/api/v1/" plural "/{id}", objects_delete, "Delete a " one, one, NULL, change }, ONE(plural, one, change)

const struct admin_route admin_routes[] = {
    { "GET", "/api/v1/keys", objects_list, "All keys, without their secrets", "key", page_query, AREA_READ },
    { "POST", "/api/v1/keys", objects_create, "Create a key; its secret is in `token`, this once", "key", NULL, AREA_CHANGE },
    { "DELETE", "/api/v1/keys/{id}", keys_delete, "Delete a key; its calls under way are cut", "key", NULL, AREA_CHANGE },
    ONE("keys", "key", AREA_CHANGE),
    { "POST", "/api/v1/keys/{id}/revoke", keys_revoke, "Revoke a key, now", "key", NULL, AREA_CHANGE },
    { "POST", "/api/v1/keys/{id}/rotate", keys_rotate, "A new secret for a key; the old one stays valid for `overlap`", "key", NULL, AREA_CHANGE },
    { "POST", "/api/v1/keys/retire", keys_retire, "Revoke all keys of an owner, now: {\"owner\", \"reason\"}", "key", NULL, AREA_CHANGE },
    { "GET", "/api/v1/tokens", tokens_list, "Admin tokens, without their secrets", "token", page_query, AREA_OWN },
    { "POST", "/api/v1/tokens", tokens_create, "Create an admin token with a role, and perhaps for one workspace; its secret is in `token`, this once", "token", NULL, AREA_OWN },
    { "GET", "/api/v1/tokens/{id}", tokens_get, "One admin token", "token", NULL, AREA_OWN },
    { "PATCH", "/api/v1/tokens/{id}", tokens_patch, "Change an admin token: members given replace, null removes (RFC 7386)", "token", NULL, AREA_OWN },
    { "DELETE", "/api/v1/tokens/{id}", objects_delete, "Delete an admin token; sessions that began with it end", "token", NULL, AREA_OWN },
    { "POST", "/api/v1/tokens/{id}/rotate", tokens_rotate, "A new secret for an admin token; the old one stays valid for `overlap`", "token", NULL, AREA_OWN },
    { "POST", "/api/v1/session", session_begin, "Log a browser in: {\"token\"} or {\"code\"} of a login link; a cookie comes back", NULL, NULL, AREA_OPEN },
    { "GET", "/api/v1/session", session_get, "Who is asking, and what they may", NULL, NULL, AREA_READ },
    { "DELETE", "/api/v1/session", session_end, "Log out", NULL, NULL, AREA_READ },
    { "POST", "/api/v1/session/link", session_link, "A link that logs a browser in once, within 15 minutes, with the token that asks", NULL, NULL, AREA_READ },
    OBJECTS("credentials", "credential", AREA_CHANGE),
    OBJECTS("policies", "policy", AREA_CHANGE),
    { "GET", "/api/v1/budgets", budgets_list, "All budgets, those of keys and workspaces included, with what is spent and left", "budget", page_query, AREA_READ },
    { "POST", "/api/v1/budgets", objects_create, "Create a budget", "budget", NULL, AREA_MONEY },
    { "DELETE", "/api/v1/budgets/{id}", objects_delete, "Delete a budget", "budget", NULL, AREA_MONEY },
    ONE("budgets", "budget", AREA_MONEY),
    { "GET", "/api/v1/budgets/{id}/forecast", budgets_forecast, "How a budget is used up: what was spent when, how fast, and when all of it will be", "budget", budget_query, AREA_READ },
    { "POST", "/api/v1/budgets/{id}/increase", budgets_increase, "Raise a limit for a while: {\"by\", \"until\" or \"for\", \"reason\"}", "increase", NULL, AREA_MONEY },
    { "DELETE", "/api/v1/budgets/{id}/increase", budgets_decrease, "Take an increase back", "increase", NULL, AREA_MONEY },
    OBJECTS("vendors", "vendor", AREA_CHANGE),
    OBJECTS("workspaces", "workspace", AREA_OWN),
    OBJECTS("routes", "route", AREA_CHANGE),
    OBJECTS("settings", "setting", AREA_OWN),
    { "POST", "/api/v1/explain", explain_post, "What would become of a call: {\"key\", \"method\", \"url\", \"headers\", \"body\", \"run\", \"policy\"}; nothing is sent", NULL, NULL, AREA_READ },
    { "GET", "/api/v1/prices", prices_list, "What models cost: the book's rows with what the configuration and the API say instead", "price", price_query, AREA_READ },
    { "GET", "/api/v1/prices/snapshots", prices_snapshots, "The prices in force and those before them since the start; calls name the one they were priced with", NULL, NULL, AREA_READ },
    { "GET", "/api/v1/prices/{provider}/{model}", prices_get, "What one model costs", "price", NULL, AREA_READ },
    { "PUT", "/api/v1/prices/{provider}/{model}", prices_put, "Set what a model costs, as a whole: {\"in\", \"out\", ...} in USD per million tokens", "price", NULL, AREA_MONEY },
    { "DELETE", "/api/v1/prices/{provider}/{model}", prices_delete, "Take that back", "price", NULL, AREA_MONEY },
    { "GET", "/api/v1/fx", fx_get, "Rates of exchange in force: US dollars for one unit", NULL, NULL, AREA_READ },
    { "GET", "/api/v1/alerts/deliveries", alerts_deliveries, "What was told to whom, newest first", NULL, delivery_query, AREA_READ },
    { "POST", "/api/v1/alerts/{id}/test", alerts_test, "Send a test to it now; the answer says what happened", NULL, NULL, AREA_CHANGE },
    OBJECTS("alerts", "alert", AREA_CHANGE),
    { "GET", "/api/v1/exports/{id}/status", exports_status_get, "How far an export is, and what its last try met", NULL, NULL, AREA_READ },
    { "POST", "/api/v1/exports/{id}/test", exports_test_post, "Hand it an empty batch now; the answer says what happened", NULL, NULL, AREA_OWN },
    { "POST", "/api/v1/exports/{id}/rewind", exports_rewind_post, "Deliver again from there: {\"from\": a time, \"beginning\" or \"now\", \"reason\"}", NULL, NULL, AREA_OWN },
    OBJECTS("exports", "export", AREA_OWN),
    { "GET", "/api/v1/cache", cache_get, "Answers that are given again: how many, their bytes, hits, what they saved", NULL, NULL, AREA_READ },
    { "POST", "/api/v1/cache/purge", cache_purge_post, "Throw answers away: {\"workspace\", \"key\", \"run\", \"tag\": \"name=value\", \"model\"}, or {\"all\": true}", NULL, NULL, AREA_CHANGE },
    { "GET", "/api/v1/experiments", experiments_get, "Models compared on mirrored calls: win rate, cost and time with intervals, what the judge cost, what is recommended", NULL, experiment_query, AREA_READ },
    { "GET", "/api/v1/experiments/{id}", experiments_get, "One experiment, by its name", NULL, experiment_query, AREA_READ },
    { "GET", "/api/v1/calls", calls_list, "Calls, newest first", NULL, call_query, AREA_READ },
    { "GET", "/api/v1/calls/{id}", calls_get, "One call, with its place in the hash chain", NULL, NULL, AREA_READ },
    { "GET", "/api/v1/calls/{id}/content", content_get, "What was captured of a call; who reads it is a row of the audit chain", NULL, NULL, AREA_READ },
    { "DELETE", "/api/v1/calls/{id}/content", content_delete_one, "Delete what was captured of a call; its row stays", NULL, NULL, AREA_OWN },
    { "POST", "/api/v1/content/delete", content_delete_post, "Delete captured content, kept and cached answers: {\"run\", \"key\", \"user\", \"workspace\", \"before\", \"reason\"}; all given must fit", NULL, NULL, AREA_OWN },
    { "GET", "/api/v1/content/usage", content_usage, "How much captured content there is, by workspace", NULL, NULL, AREA_READ },
    { "GET", "/api/v1/doubts", indoubt_list, "Calls in doubt, oldest first, with what is reserved for them", NULL, doubt_query, AREA_READ },
    { "POST", "/api/v1/doubts/ask", indoubt_ask_all, "Ask the vendors again about all calls in doubt where that can be done", NULL, NULL, AREA_CHANGE },
    { "GET", "/api/v1/doubts/{id}", indoubt_get, "One call in doubt", NULL, NULL, AREA_READ },
    { "POST", "/api/v1/doubts/{id}/resolve", indoubt_resolve, "Say what became of it: {\"outcome\": \"spent\" or \"not_spent\", \"cost_usd\", \"reason\"}", NULL, NULL, AREA_CHANGE },
    { "POST", "/api/v1/doubts/{id}/ask", indoubt_ask, "Ask the vendor again about a call in doubt", NULL, NULL, AREA_CHANGE },
    { "GET", "/api/v1/approvals", approvals_get_list, "Calls that wait for a person, and what became of those of the last day, newest first", NULL, approval_query, AREA_READ },
    { "GET", "/api/v1/approvals/{id}", approvals_get_one, "One approval: what the call would do, for whom, and why it waits", NULL, NULL, AREA_READ },
    { "POST", "/api/v1/approvals/{id}/approve", approvals_approve, "Let this call through, once: {\"reason\"}", NULL, NULL, AREA_CHANGE },
    { "POST", "/api/v1/approvals/{id}/refuse", approvals_refuse, "Refuse this call: {\"reason\"}", NULL, NULL, AREA_CHANGE },
    { "GET", "/api/v1/audit", audit_list, "Rows of the audit chain of all kinds, newest first", NULL, audit_query, AREA_READ },
    { "GET", "/api/v1/audit/export", audit_export, "The audit chain as a file: lines of JSON that can be checked alone, or CSV", NULL, export_query, AREA_READ },
    { "GET", "/api/v1/audit/verify", audit_verify, "Check the whole chain and its signatures; takes its time", NULL, NULL, AREA_READ },
    { "GET", "/api/v1/audit/checkpoints", audit_checkpoints, "Signed checkpoints of the chain", NULL, doubt_query, AREA_READ },
    { "GET", "/api/v1/ledger/check", selfcheck_get, "Check that the ledger agrees with the books and the calls under way", NULL, NULL, AREA_READ },
    { "GET", "/api/v1/runs", runs_list, "Runs, latest first", NULL, run_query, AREA_READ },
    { "GET", "/api/v1/runs/{id}", runs_get, "What a run cost: total, and by vendor, operation, model, step and key", NULL, NULL, AREA_READ },
    { "GET", "/api/v1/usage", usage_get, "Sums over calls, grouped", NULL, usage_query, AREA_READ },
    { "GET", "/api/v1/reports", reports_list, "The reports there are, and what they take", NULL, NULL, AREA_READ },
    { "GET", "/api/v1/reports/spend", report_spend, "What was spent, by up to three dimensions; tokens and charges side by side", NULL, report_query, AREA_READ },
    { "GET", "/api/v1/reports/forecast", report_forecast, "What this month will have cost at its end, with the method and an interval", NULL, forecast_query, AREA_READ },
    { "GET", "/api/v1/reports/units", report_units, "What a call, a thousand tokens, a message, a refund and a run cost", NULL, report_query, AREA_READ },
    { "GET", "/api/v1/reports/chargeback", report_chargeback, "A month by label, for who passes the bill on; adds up to the total", NULL, chargeback_query, AREA_READ },
    { "GET", "/api/v1/reports/reconciliation", report_reconciliation, "Each row that has a cost, with prices and the vendor's ids; sums by model and by key", NULL, reconciliation_query, AREA_READ },
    { "GET", "/api/v1/reports/access", report_access, "Who can reach what: keys by owner, purpose, last use, reach, cap and end", NULL, access_query, AREA_READ },
    { "POST", "/api/v1/reports/invoice", report_invoice, "Lay a vendor's invoice (its CSV or JSON is the body) against the ledger", NULL, invoice_query, AREA_READ },
    { "GET", "/api/v1/reports/evidence", report_evidence, "A dated archive for a reviewer: retention, data path, access, rotations, policies, refusals, proof of the chain", NULL, evidence_query, AREA_READ },
    { "GET", "/api/v1/series", series_get, "Sums over calls by minute, hour or day, for charts: one line for each of the dearest, the rest as one", NULL, series_query, AREA_READ },
    { "POST", "/api/v1/stop", stops_stop, "Stop a run, a key, a vendor, a workspace, the links to a call's results, or all", NULL, NULL, AREA_CHANGE },
    { "POST", "/api/v1/resume", stops_resume, "Lift a stop", NULL, NULL, AREA_CHANGE },
    { "GET", "/api/v1/stops", stops_list, "Stops in force, with what was refused and forwarded since", NULL, NULL, AREA_READ },
    { "GET", "/api/v1/now", now_get, "At a glance: spend, calls per second, what is held and in doubt, caps nearest to their limit, stops, alarms", NULL, NULL, AREA_READ },
    { "GET", "/api/v1/performance", performance_get, "How fast and how good targets were, by vendor, operation, model or credential: calls, error rate, percentiles, cost", NULL, performance_query, AREA_READ },
    { "GET", "/api/v1/events", events_stream, "Calls, stops and changes as they happen (text/event-stream)", NULL, event_query, AREA_READ },
    { "GET", "/api/v1/health", targets_get, "How targets are doing: breakers, first bytes, load; and the credentials that their vendor refuses", NULL, health_query, AREA_READ },
    { "POST", "/api/v1/health/reset", targets_reset, "Close breakers and forgive credentials by hand: {\"vendor\", \"credential\", \"model\", \"reason\"}", NULL, NULL, AREA_CHANGE },
    { "POST", "/api/v1/reload", reload_post, "Read the configuration again", NULL, NULL, AREA_OWN },
    { "GET", "/api/v1/openapi.json", openapi_get, "This description", NULL, NULL, AREA_READ },
    { "GET", "/metrics", metrics_get, "Counters for Prometheus; without a token where `metrics: { open: true }`", NULL, NULL, AREA_READ },
    { "GET", "/healthz", health_alive, "The process answers", NULL, NULL, AREA_OPEN },
    { "GET", "/readyz", health_ready, "Calls can be taken; else the reasons", NULL, NULL, AREA_OPEN },
    { "GET", "/", page_get, "The dashboard", NULL, NULL, AREA_OPEN },
};
const size_t admin_route_count = sizeof(admin_routes) / sizeof(*admin_routes);

/* "{id}" stands for one segment of the path, whatever is in it; "{provider}/{model}" for all that is left, since names of models
 * have slashes. */
static bool fits(const char *template, struct span path, struct span *id)
{
    struct span rest = span_of(template), piece, segment;
    *id = SPAN_NONE;
    for (;;) {
        bool more = span_next(&rest, '/', &piece), there = span_next(&path, '/', &segment);
        if (!more || !there)
            return more == there;
        if (span_is(piece, SPAN("{provider}"))) {
            *id = path.at ? span_make(segment.at, segment.len + 1 + path.len) : segment;
            return segment.len && path.len;
        }
        if (span_is(piece, SPAN("{id}")) && segment.len)
            *id = segment;
        else if (!span_is(piece, segment))
            return false;
    }
}

const struct admin_route *route_find(struct span method, struct span path, struct span *id, struct arena *a, struct span *allow)
{
    struct span at;
    bool head = span_is(method, SPAN("HEAD"));
    *allow = SPAN_NONE;
    for (size_t i = 0; i < admin_route_count; i++) {
        const struct admin_route *r = &admin_routes[i];
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

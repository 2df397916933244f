/* SPDX-License-Identifier: Apache-2.0
 * import_litellm_settings.c - litellm_settings, router_settings and general_settings: what they say for all routes is kept, and laid
 * over them when all models are known (import_litellm_routes.c). */
#include "cli/import_litellm.h"
#include "cli/sheet.h"

enum { BREAKER_MOST = 1000, COOLDOWN_MOST_MS = 3600000 };

/* ---- times and counts ---- */

int64_t litellm_retries(struct import *im, struct span path, const struct node *n)
{
    int64_t count;
    if (!span_to_i64(n->text, &count) || count < 0) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "no number");
        return -1;
    }
    bool fits = count <= IMPORT_RETRIES_MOST;
    import_note(im, fits ? NOTE_MAPPED : NOTE_DIFFERS, path, SPAN("routes.*.retry.attempts"), "%s", fits ? "" : "at most 5");
    return fits ? count : IMPORT_RETRIES_MOST;
}

bool litellm_of_streams(const struct node *n) { return span_is(n->name, SPAN("stream_timeout")); }

int64_t litellm_timeout(struct import *im, struct span path, const struct node *n, const char *head)
{
    int64_t ms = import_seconds(im, n->text);
    bool stream = litellm_of_streams(n);
    if (!ms) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "no number of seconds up to a day");
        return 0;
    }
    import_note(im, NOTE_MAPPED, path, stream ? SPAN("routes.*.event_timeout") : SPAN("routes.*.request_timeout"), "%s",
        stream ? "between two parts of a streamed answer" : head);
    return ms;
}

static void take_retries(struct import *im, void *self, struct span path, const struct node *n)
{
    struct litellm *l = self;
    int64_t count = litellm_retries(im, path, n);
    if (count >= 0)
        l->retries = count;
}

static void take_timeout(struct import *im, void *self, struct span path, const struct node *n)
{
    struct litellm *l = self;
    int64_t ms = litellm_timeout(im, path, n, "of each attempt, until the answer's head");
    if (ms)
        *(litellm_of_streams(n) ? &l->stream_ms : &l->request_ms) = ms;
}

static void take_fails(struct import *im, void *self, struct span path, const struct node *n)
{
    struct litellm *l = self;
    if (!span_to_i64(n->text, &l->allowed_fails) || l->allowed_fails < 0 || l->allowed_fails >= BREAKER_MOST) {
        l->allowed_fails = -1;
        import_note(im, NOTE_LOST, path, SPAN_NONE, "no number from 0 to 999");
        return;
    }
    import_note(im, NOTE_DIFFERS, path, SPAN("routes.*.breaker.failures"), "one more than allowed, in a row; LiteLLM counts those of a minute");
}

static void take_cooldown(struct import *im, void *self, struct span path, const struct node *n)
{
    struct litellm *l = self;
    int64_t ms = import_seconds(im, n->text);
    l->cooldown_ms = ms > COOLDOWN_MOST_MS ? COOLDOWN_MOST_MS : ms;
    import_note(im, !ms ? NOTE_LOST : ms > COOLDOWN_MOST_MS ? NOTE_DIFFERS : NOTE_MAPPED, path, SPAN("routes.*.breaker.cooldown"), "%s",
        !ms ? "no number of seconds" : ms > COOLDOWN_MOST_MS ? "at most an hour" : "then one call probes");
}

static void take_no_cooldowns(struct import *im, void *self, struct span path, const struct node *n)
{
    ((struct litellm *)self)->no_breaker = import_true(n);
    import_note(im, NOTE_MAPPED, path, SPAN("routes.*.breaker"), NULL);
}

static void take_tries(struct import *im, void *self, struct span path, const struct node *n)
{
    struct litellm *l = self;
    int64_t count;
    if (!span_to_i64(n->text, &count) || count < 0 || count > 15) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "no number from 0 to 15");
        return;
    }
    l->tries = count + 1;
    import_note(im, NOTE_DIFFERS, path, SPAN("routes.*.tries"), "counts attempts of the whole call, retries and other deployments included");
}

/* ---- whose turn ---- */

static void take_strategy(struct import *im, void *self, struct span path, const struct node *n)
{
    static const struct {
        const char *theirs, *by, *why;
    } strategies[] = { { "simple-shuffle", "weight", NULL }, { "least-busy", "busy", NULL },
        { "latency-based-routing", "latency", "the better of two drawn, by a moving mean of the first byte" },
        { "usage-based-routing", "headroom", "by what the vendor's own rate-limit fields leave, not by tpm and rpm of the file" },
        { "usage-based-routing-v2", "headroom", "by what the vendor's own rate-limit fields leave, not by tpm and rpm of the file" },
        { "cost-based-routing", NULL, "strategy cheapest, for this very call by the price book" } };
    for (size_t i = 0; i < sizeof(strategies) / sizeof(*strategies); i++) {
        if (!span_is(n->text, span_of(strategies[i].theirs)))
            continue;
        ((struct litellm *)self)->by = strategies[i].by ? span_of(strategies[i].by) : SPAN_NONE;
        import_note(im, strategies[i].why ? NOTE_DIFFERS : NOTE_MAPPED, path, SPAN("routes.*.strategy"), "%s", strategies[i].why ? strategies[i].why : "");
        return;
    }
    import_note(im, NOTE_LOST, path, SPAN_NONE, "not known; a strategy of your own, perhaps");
}

static void take_follow(struct import *im, void *self, struct span path, const struct node *n)
{
    struct litellm *l = self;
    const char *error = span_starts(n->name, SPAN("context")) ? "context_window" : span_starts(n->name, SPAN("content")) ? "content_policy" : NULL;
    if (n->kind != NODE_LIST || l->follow_count == LITELLM_FOLLOWS)
        import_note(im, NOTE_LOST, path, SPAN_NONE, "not a list of { group: [groups] }");
    else
        l->follows[l->follow_count++] = (struct follow){ error, path, n };
}

static void take_defaults(struct import *im, void *self, struct span path, const struct node *n)
{
    struct litellm *l = self;
    if (n->kind != NODE_LIST) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "not a list of groups");
        return;
    }
    l->defaults = import_copy(im, n);
    l->defaults_path = path;
}

/* Which failures are asked again, and at most how often. */
static void take_retry_policy(struct import *im, void *self, struct span path, const struct node *n)
{
    static const struct {
        const char *name;
        int codes[5];
    } errors[] = { { "BadRequestErrorRetries", { 400 } }, { "AuthenticationErrorRetries", { 401 } }, { "TimeoutErrorRetries", { 408, 504 } },
        { "RateLimitErrorRetries", { 429 } }, { "InternalServerErrorRetries", { 500, 502, 503, 529 } } };
    struct litellm *l = self;
    struct node *codes = import_list(im);
    int64_t most = 0;
    for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
        int64_t count = import_integer(n, errors[i].name, 0);
        for (size_t k = 0; count > 0 && k < 5 && errors[i].codes[k]; k++)
            import_add(codes, import_number(im, errors[i].codes[k]));
        most = count > most ? count : most;
    }
    if (import_integer(n, "ContentPolicyViolationErrorRetries", 0) > 0)
        import_note(im, NOTE_LOST, import_at(im, path, "ContentPolicyViolationErrorRetries"), SPAN_NONE, "the same words are refused again; content_policy_fallbacks lead elsewhere");
    if (!codes->count)
        return;
    l->retry = import_map(im);
    import_put(im, l->retry, "attempts", import_number(im, most < IMPORT_RETRIES_MOST ? most : IMPORT_RETRIES_MOST));
    import_put(im, l->retry, "on_status_codes", codes);
    import_note(im, NOTE_DIFFERS, path, SPAN("routes.*.retry"), "one number for all of them, the largest, at most 5; only the failures named there");
}

static void take_aliases(struct import *im, void *self, struct span path, const struct node *n)
{
    for (const struct node *item = n->kind == NODE_MAP ? n->first : NULL; item; item = item->next) {
        struct span wanted = item->kind == NODE_MAP ? import_scalar(item, "model") : item->text;
        struct group *g = litellm_group(self, wanted);
        struct span at = import_at(im, path, arena_copy(im->a, item->name).at);
        if (g)
            import_add(g->models, import_text(im, item->name));
        import_note(im, g ? NOTE_MAPPED : NOTE_LOST, at, g ? arena_print(im->a, "routes.%.*s.models", SPAN_ARG(g->route)) : SPAN_NONE, "%s", g ? "" : "there is no such group");
    }
}

/* ---- money over all ---- */

static void gate_budget(struct import *im, struct node *budget, struct span name, struct span path, const char *why)
{
    struct node *list = import_gate_budgets(im);
    if (!budget) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "amount or duration is not readable");
        return;
    }
    import_put(im, budget, "name", import_text(im, import_name(im, "budgets", name)));
    import_add(list, budget);
    import_note(im, NOTE_MAPPED, path, arena_print(im->a, "budgets[%zu]", list->count - 1), "%s", why);
}

static void take_provider_budgets(struct import *im, void *self, struct span path, const struct node *n)
{
    (void)self;
    for (const struct node *item = n->kind == NODE_MAP ? n->first : NULL; item; item = item->next) {
        bool exact, open;
        struct span at = import_at(im, path, arena_copy(im->a, item->name).at), environment, vendor = import_provider(im, item->name, &environment, &open);
        struct span window = import_window(im, import_scalar(item, "time_period").at ? import_scalar(item, "time_period") : import_scalar(item, "budget_duration"), &exact);
        struct span amount = import_scalar(item, "budget_limit").at ? import_scalar(item, "budget_limit") : import_scalar(item, "max_budget");
        struct node *budget = window.at && vendor.at ? import_budget(im, amount, "usd", window) : NULL;
        if (budget)
            import_put(im, budget, "vendor", import_text(im, vendor));
        gate_budget(im, budget, arena_print(im->a, "vendor-%.*s", SPAN_ARG(item->name)), at, exact ? "" : "a rolling window");
    }
}

static const struct import_rule router[] = {
    { "routing_strategy", NOTE_SILENT, NULL, NULL, take_strategy },
    { "fallbacks", NOTE_SILENT, NULL, NULL, take_follow }, { "context_window_fallbacks", NOTE_SILENT, NULL, NULL, take_follow },
    { "content_policy_fallbacks", NOTE_SILENT, NULL, NULL, take_follow }, { "default_fallbacks", NOTE_SILENT, NULL, NULL, take_defaults },
    { "max_fallbacks", NOTE_SILENT, NULL, NULL, take_tries },
    { "num_retries", NOTE_SILENT, NULL, NULL, take_retries }, { "retry_policy", NOTE_SILENT, NULL, NULL, take_retry_policy },
    { "timeout", NOTE_SILENT, NULL, NULL, take_timeout }, { "stream_timeout", NOTE_SILENT, NULL, NULL, take_timeout },
    { "allowed_fails", NOTE_SILENT, NULL, NULL, take_fails }, { "cooldown_time", NOTE_SILENT, NULL, NULL, take_cooldown },
    { "disable_cooldowns", NOTE_SILENT, NULL, NULL, take_no_cooldowns },
    { "model_group_alias", NOTE_SILENT, NULL, NULL, take_aliases },
    { "provider_budget_config", NOTE_SILENT, NULL, NULL, take_provider_budgets },
    { "retry_after", NOTE_DIFFERS, "routes.*.retry", "waits are drawn at random up to a bound that doubles; a vendor's own retry-after goes before", NULL },
    { "redis_*", NOTE_MAPPED, NULL, "not needed: what routes know of targets is in the gate", NULL },
    { "enable_pre_call_checks", NOTE_MAPPED, NULL, "always: a target that cannot take the call is skipped, and the attempts say why", NULL },
    { "routing_strategy_args", NOTE_LOST, NULL, "the strategies here have no such settings", NULL },
    { "model_group_retry_policy", NOTE_LOST, NULL, "say retry: in those routes", NULL },
    { "allowed_fails_policy", NOTE_LOST, NULL, "a breaker counts by status: breaker.on_status_codes of a route", NULL },
    { "enable_tag_filtering", NOTE_LOST, NULL, "calls are not routed by tags; a conditional route on metadata can be", NULL },
    { "optional_pre_call_checks", NOTE_LOST, NULL, "of these the gate has none; sticky: of a balance keeps a caller at a target", NULL },
    { "default_max_parallel_requests", NOTE_LOST, NULL, "say it on keys: { limit: 10 calls }", NULL },
    { NULL, NOTE_SILENT, NULL, NULL, NULL },
};

void litellm_router(struct litellm *l, struct span path, const struct node *n) { import_walk(l->im, n, path, router, l); }

/* ---- litellm_settings ---- */

static void take_cache(struct import *im, void *self, struct span path, const struct node *n)
{
    struct litellm *l = self;
    if (import_true(n) && !l->cache) {
        l->cache = import_map(im);
        import_put(im, l->cache, "mode", import_text(im, SPAN("exact")));
    }
    import_note(im, NOTE_DIFFERS, path, SPAN("routes.*.cache"), "kept by the gate, of each workspace apart; calls may say x-tollgate-cache: off");
}

static void take_cache_params(struct import *im, void *self, struct span path, const struct node *n)
{
    static const struct import_rule rules[] = { { "type", NOTE_SILENT, NULL, NULL, NULL }, { "ttl", NOTE_SILENT, NULL, NULL, NULL }, { "namespace", NOTE_SILENT, NULL, NULL, NULL },
        { "similarity_threshold", NOTE_SILENT, NULL, NULL, NULL }, { "mode", NOTE_MAPPED, NULL, "calls say it: x-tollgate-cache", NULL },
        { "supported_call_types", NOTE_LOST, NULL, "all calls of models whose answer may be kept", NULL },
        { "host", NOTE_MAPPED, NULL, "not needed: the cache is in the gate", NULL }, { "port", NOTE_MAPPED, NULL, "not needed: the cache is in the gate", NULL },
        { "password", NOTE_MAPPED, NULL, "not needed: the cache is in the gate", NULL }, { NULL, NOTE_SILENT, NULL, NULL, NULL } };
    struct litellm *l = self;
    struct span type = import_scalar(n, "type"), near = import_scalar(n, "similarity_threshold"), space = import_scalar(n, "namespace");
    int64_t ms = import_seconds(im, import_scalar(n, "ttl"));
    bool semantic = span_ends(type, SPAN("-semantic")), rounded = false;
    l->cache = l->cache ? l->cache : import_map(im);
    import_put(im, l->cache, "mode", import_text(im, semantic ? SPAN("semantic") : SPAN("exact")));
    if (ms)
        import_put(im, l->cache, "max_age", import_text(im, arena_print(im->a, "%llds", (long long)(ms < 60000 ? 60 : ms / 1000))));
    if (space.len)
        import_put(im, l->cache, "namespace", import_text(im, space));
    struct span threshold = near.at ? sheet_decimal(im->a, near, 0, 6, &rounded) : SPAN_NONE;
    if (threshold.at && semantic)
        import_put(im, l->cache, "threshold", import_bare(im, threshold));
    import_note(im, NOTE_DIFFERS, path, SPAN("routes.*.cache"), "%s%s", semantic ? "semantic" : "exact", ms && ms < 60000 ? "; kept for a minute at least" : "");
    import_walk(im, n, path, rules, NULL);
}

static void take_dropping(struct import *im, void *self, struct span path, const struct node *n)
{
    ((struct litellm *)self)->drop_params = import_true(n);
    import_note(im, NOTE_MAPPED, path, import_true(n) ? SPAN("vendors.*.drop_params") : SPAN_NONE, "%s", import_true(n) ? "what was dropped stands in the answer's head" : "as it is here");
}

static void take_budget(struct import *im, void *self, struct span path, const struct node *n)
{
    const struct node *all = self;
    bool exact;
    struct span window = import_window(im, import_scalar(all, "budget_duration"), &exact);
    gate_budget(im, window.at ? import_budget(im, n->text, "usd", window) : NULL, SPAN("all"), path, exact ? "the whole gate" : "the whole gate; a rolling window");
}

static const struct import_rule settings[] = {
    { "num_retries", NOTE_SILENT, NULL, NULL, take_retries }, { "request_timeout", NOTE_SILENT, NULL, NULL, take_timeout },
    { "fallbacks", NOTE_SILENT, NULL, NULL, take_follow }, { "context_window_fallbacks", NOTE_SILENT, NULL, NULL, take_follow },
    { "content_policy_fallbacks", NOTE_SILENT, NULL, NULL, take_follow }, { "default_fallbacks", NOTE_SILENT, NULL, NULL, take_defaults },
    { "allowed_fails", NOTE_SILENT, NULL, NULL, take_fails },
    { "cache", NOTE_SILENT, NULL, NULL, take_cache }, { "cache_params", NOTE_SILENT, NULL, NULL, take_cache_params },
    { "drop_params", NOTE_SILENT, NULL, NULL, take_dropping },
    { "max_budget", NOTE_SILENT, NULL, NULL, NULL }, { "budget_duration", NOTE_SILENT, NULL, NULL, NULL },
    { "modify_params", NOTE_MAPPED, NULL, "calls are translated, and what was said otherwise is told", NULL },
    { "turn_off_message_logging", NOTE_MAPPED, NULL, "texts are not stored unless asked", NULL },
    { "redact_user_api_key_info", NOTE_MAPPED, NULL, "no secret reaches a log", NULL },
    { "json_logs", NOTE_MAPPED, NULL, "logs are JSON where no terminal is", NULL },
    { "set_verbose", NOTE_LOST, NULL, "log: { level: debug }", NULL },
    { "callbacks", NOTE_LOST, NULL, "exports: { NAME: { kind: langfuse } } (or otlp, s3, webhook, file); alerts: tells chats", NULL },
    { "success_callback", NOTE_LOST, NULL, "exports: { NAME: { kind: langfuse } } (or otlp, s3, webhook, file); alerts: tells chats", NULL },
    { "failure_callback", NOTE_LOST, NULL, "exports: { NAME: { kind: langfuse } } (or otlp, s3, webhook, file); alerts: tells chats", NULL },
    { "guardrails", NOTE_LOST, NULL, "calls are not checked by them; say what they shall check anew", NULL },
    { "max_internal_user_budget", NOTE_LOST, NULL, "budgets: { per: user }", NULL },
    { "max_end_user_budget_id", NOTE_LOST, NULL, "budgets: { per: metadata.NAME }", NULL },
    { "default_team_settings", NOTE_LOST, NULL, "teams have no settings of their own; budgets may choose by team", NULL },
    { "*key_generate_params", NOTE_LOST, NULL, "keys are made one by one; their workspace and the gate have budgets over them", NULL },
    { NULL, NOTE_SILENT, NULL, NULL, NULL },
};

void litellm_settings(struct litellm *l, struct span path, const struct node *n)
{
    struct import *im = l->im;
    import_walk(im, n, path, settings, l);
    if (node_get(n, "max_budget"))
        take_budget(im, (void *)(uintptr_t)n, import_at(im, path, "max_budget"), node_get(n, "max_budget"));
}

/* ---- general_settings ---- */

static void take_master(struct import *im, void *self, struct span path, const struct node *n)
{
    struct node *token = import_secret(im, n->text, SPAN("LITELLM_MASTER_KEY"), path);
    (void)self;
    import_put(im, import_section(im, "admin"), "token", token);
    import_note(im, NOTE_DIFFERS, path, SPAN("admin.token"), "opens the admin API, and no model: agents have keys of their own");
}

static void take_addresses(struct import *im, void *self, struct span path, const struct node *n)
{
    struct litellm *l = self;
    if (n->kind != NODE_LIST || !n->count) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "not a list of addresses");
        return;
    }
    l->addresses = import_copy(im, n);
    import_note(im, NOTE_MAPPED, path, SPAN("keys[].addresses"), NULL);
}

static void take_global(struct import *im, void *self, struct span path, const struct node *n)
{
    (void)self;
    gate_budget(im, import_budget(im, n->text, "calls", SPAN("total")), SPAN("at-once"), path, "under way at once, over the whole gate");
}

static void take_pass_through(struct import *im, void *self, struct span path, const struct node *n)
{
    size_t i = 0;
    (void)self;
    for (const struct node *item = n->kind == NODE_LIST ? n->first : NULL; item; item = item->next)
        import_note(im, NOTE_LOST, import_nth(im, path, i++), SPAN_NONE, "%.*s: an API of your own is a vendor with a manifest (tollgate vendor draft)",
            SPAN_ARG(span_first(import_scalar(item, "path"), 80)));
}

static const struct import_rule general[] = {
    { "master_key", NOTE_SILENT, NULL, NULL, take_master }, { "allowed_ips", NOTE_SILENT, NULL, NULL, take_addresses },
    { "global_max_parallel_requests", NOTE_SILENT, NULL, NULL, take_global }, { "pass_through_endpoints", NOTE_SILENT, NULL, NULL, take_pass_through },
    { "max_parallel_requests", NOTE_LOST, NULL, "say it on keys: { limit: 10 calls }", NULL },
    { "database_url", NOTE_LOST, NULL, "what it holds must be given as files: a dump of the keys; spent amounts begin anew", NULL },
    { "store_model_in_db", NOTE_LOST, NULL, "models of the database are not in this file: give them in model_list", NULL },
    { "database_connection_*", NOTE_MAPPED, NULL, "not needed: the store is in the gate", NULL },
    { "proxy_batch_write_at", NOTE_MAPPED, NULL, "not needed: money is recorded before it is spent", NULL },
    { "proxy_budget_rescheduler_*", NOTE_MAPPED, NULL, "not needed: windows are computed from the clock", NULL },
    { "user_api_key_cache_ttl", NOTE_MAPPED, NULL, "not needed: keys are in memory", NULL },
    { "enable_redis_auth_cache", NOTE_MAPPED, NULL, "not needed: keys are in memory", NULL },
    { "use_redis_transaction_buffer", NOTE_MAPPED, NULL, "not needed", NULL },
    { "fail_closed_budget_enforcement", NOTE_MAPPED, NULL, "always", NULL },
    { "disable_budget_reservation", NOTE_LOST, NULL, "budgets always reserve", NULL },
    { "allow_requests_on_db_unavailable", NOTE_LOST, NULL, "the gate fails closed", NULL },
    { "alerting", NOTE_LOST, NULL, "alerts: [ { name: chat, slack: \"${SLACK_WEBHOOK_URL}\" } ]", NULL },
    { "alerting_threshold", NOTE_LOST, NULL, "no alert on slow calls", NULL },
    { "alert_types", NOTE_LOST, NULL, "alerts[].events", NULL },
    { "allowed_routes", NOTE_LOST, NULL, "a policy's allow: names operations", NULL },
    { "enable_jwt_auth", NOTE_LOST, NULL, "keys alone open the gate", NULL },
    { "litellm_jwtauth", NOTE_LOST, NULL, "keys alone open the gate", NULL },
    { "store_prompts_in_spend_logs", NOTE_LOST, NULL, "texts are not stored unless asked: capture:", NULL },
    { "maximum_spend_logs_retention_period", NOTE_LOST, NULL, "rows are kept", NULL },
    { "key_management_system", NOTE_LOST, NULL, "secrets come from the environment, from files, or sealed by the API", NULL },
    { NULL, NOTE_SILENT, NULL, NULL, NULL },
};

void litellm_general(struct litellm *l, struct span path, const struct node *n) { import_walk(l->im, n, path, general, l); }

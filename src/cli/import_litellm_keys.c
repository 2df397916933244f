/* SPDX-License-Identifier: Apache-2.0
 * import_litellm_keys.c - rows of LiteLLM_VerificationToken, or what /key/list and /key/generate answer: keys that open with the token
 * their holders have, by its SHA-256. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "cli/import_litellm.h"
#include "cli/sheet.h"

enum { MODELS_MOST = 1024, METADATA_MOST = 60 };

struct row {
    struct litellm *l;
    const struct node *n;
    struct span path, name;
    struct node *key, *budgets, *metadata;
};

static struct span ours(const struct row *r, const char *field) { return arena_print(r->l->im->a, "keys.%.*s.%s", SPAN_ARG(r->name), field); }

/* ---- who opens it ---- */

static struct span hex_of(struct import *im, struct span token)
{
    struct digest d = digest_sha256(token);
    struct buf hex;
    buf_init(&hex, 256);
    buf_put_hex(&hex, span_make((const char *)d.bytes, DIGEST_LEN));
    struct span text = arena_copy(im->a, buf_span(&hex));
    buf_free(&hex);
    return text;
}

/* False: there is nothing to open it by. */
static bool take_token(struct row *r)
{
    struct import *im = r->l->im;
    uint8_t bytes[DIGEST_LEN];
    struct span token = import_scalar(r->n, "token"), key = import_scalar(r->n, "key"), hash = SPAN_NONE;
    if (!token.at)
        token = import_scalar(r->n, "token_id");
    if (span_starts(key, SPAN("sk-")))
        hash = hex_of(im, key);
    else if (span_starts(token, SPAN("sk-")))
        hash = hex_of(im, token);
    else if (token.at && text_hex_decode(token, bytes, DIGEST_LEN))
        hash = token;
    if (!hash.at)
        return false;
    import_put(im, r->key, "token_sha256", import_text(im, hash));
    import_note(im, NOTE_MAPPED, import_at(im, r->path, "token"), ours(r, "token_sha256"), "the old token opens it; rotate it when you can");
    return true;
}

/* ---- what it may spend ---- */

/* Counts one model, where a group has one. False: it has several, or is not known. */
static bool one_model(struct row *r, struct span group, struct span *model)
{
    const struct group *g = litellm_group(r->l, group);
    *model = g && g->first ? g->first->model : SPAN_NONE;
    for (const struct deployment *d = g ? g->first : NULL; d; d = d->next)
        if (!d->model.at || !span_is(d->model, *model))
            return false;
    return g && model->at;
}

static void add_budget(struct row *r, struct span amount, const char *unit, struct span duration, struct span group, const char *field)
{
    struct import *im = r->l->im;
    bool exact;
    struct span path = import_at(im, r->path, field), model = SPAN_NONE, window = import_window(im, duration, &exact);
    struct node *budget = window.at ? import_budget(im, amount, unit, window) : NULL;
    if (!budget) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "amount or duration is not readable: this limit is not there");
        return;
    }
    if (group.at && !one_model(r, group, &model)) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "%.*s is no group of one model (give config.yaml, too): this limit is not there", SPAN_ARG(span_first(group, 60)));
        return;
    }
    if (model.at)
        import_put(im, budget, "model", import_text(im, model));
    import_budget_add(im, r->budgets, budget, path, ours(r, "budgets"));
    import_note(im, exact ? NOTE_MAPPED : NOTE_DIFFERS, path, ours(r, "budgets"), "%s", exact ? "" : "a rolling window: it is never aligned to the calendar");
}

static void take_budget(struct import *im, void *self, struct span path, const struct node *n)
{
    struct row *r = self;
    struct span duration = import_scalar(r->n, "budget_duration"), spend = import_scalar(r->n, "spend"), left = n->text;
    int64_t limit, spent;
    bool rounded = false;
    struct span a = sheet_decimal(im->a, n->text, 0, 9, &rounded), b = spend.at ? sheet_decimal(im->a, spend, 0, 9, &rounded) : SPAN_NONE;
    bool both = a.at && b.at && money_decimal(a, 9, &limit) && money_decimal(b, 9, &spent) && spent > 0;
    if (both && !duration.at) { /* a limit for ever: what is left of it */
        int64_t rest = limit > spent ? limit - spent : 0;
        left = arena_print(im->a, "%lld.%09lld", (long long)(rest / 1000000000), (long long)(rest % 1000000000));
        import_note(im, NOTE_DIFFERS, import_at(im, r->path, "spend"), ours(r, "budgets"), "the limit is what was left of %.*s usd", SPAN_ARG(a));
    } else if (both) {
        import_note(im, NOTE_DIFFERS, import_at(im, r->path, "spend"), SPAN_NONE, "the running window begins at zero here");
    }
    add_budget(r, left, "usd", duration, SPAN_NONE, "max_budget");
    (void)path;
}

static void take_soft(struct import *im, void *self, struct span path, const struct node *n)
{
    struct row *r = self;
    bool exact;
    struct span window = import_window(im, import_scalar(r->n, "budget_duration"), &exact);
    struct node *budget = window.at ? import_budget(im, n->text, "usd", window) : NULL;
    if (!budget) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "no amount");
        return;
    }
    import_put(im, budget, "name", import_text(im, SPAN("soft")));
    import_put(im, budget, "soft", import_bare(im, SPAN("true")));
    import_budget_add(im, r->budgets, budget, path, ours(r, "budgets"));
    import_note(im, NOTE_MAPPED, path, ours(r, "budgets"), "counts and alerts, never refuses");
}

static void take_limits(struct import *im, void *self, struct span path, const struct node *n)
{
    struct row *r = self;
    size_t i = 0;
    (void)path;
    for (const struct node *item = n->kind == NODE_LIST ? n->first : NULL; item; item = item->next, i++)
        add_budget(r, import_scalar(item, "max_budget"), "usd", import_scalar(item, "budget_duration"), SPAN_NONE, arena_print(im->a, "budget_limits[%zu]", i).at);
}

static void take_model_budgets(struct import *im, void *self, struct span path, const struct node *n)
{
    struct row *r = self;
    (void)path;
    for (const struct node *item = n->kind == NODE_MAP ? n->first : NULL; item; item = item->next) {
        struct span amount = item->kind == NODE_MAP ? import_scalar(item, "budget_limit") : item->text;
        if (!amount.at)
            amount = import_scalar(item, "max_budget");
        struct span period = import_scalar(item, "time_period").at ? import_scalar(item, "time_period") : import_scalar(item, "budget_duration");
        add_budget(r, amount, "usd", period, item->name, arena_print(im->a, "model_max_budget.%.*s", SPAN_ARG(item->name)).at);
    }
}

static void take_rate(struct import *im, void *self, struct span path, const struct node *n)
{
    struct row *r = self;
    const char *unit = span_ends(n->name, SPAN("tpm_limit")) ? "tokens" : span_ends(n->name, SPAN("rpm_limit")) ? "requests" : "calls";
    struct span window = strcmp(unit, "calls") == 0 ? SPAN_NONE : SPAN("1m");
    (void)path;
    if (n->kind != NODE_MAP)
        add_budget(r, n->text, unit, window, SPAN_NONE, arena_copy(im->a, n->name).at);
    for (const struct node *item = n->kind == NODE_MAP ? n->first : NULL; item; item = item->next)
        add_budget(r, item->text, unit, window, item->name, arena_print(im->a, "%.*s.%.*s", SPAN_ARG(n->name), SPAN_ARG(item->name)).at);
}

/* ---- what it may reach ---- */

struct choice {
    struct span *models;
    size_t count;
    bool all;
};

static void choose_group(struct choice *c, const struct group *g)
{
    for (const struct deployment *d = g->first; d && c->count < MODELS_MOST; d = d->next)
        c->models[c->count++] = d->model.at ? d->model : SPAN("*");
}

/* A group, a pattern of groups, an access group, or everything. */
static bool choose(struct row *r, struct choice *c, struct span name)
{
    bool found = false;
    if (span_is(name, SPAN("all-team-models")) || span_is(name, SPAN("all-proxy-models"))) {
        c->all = true;
        return true;
    }
    for (const struct group *g = r->l->groups; g; g = g->next) {
        bool meant = span_is(g->name, name) || span_like(g->name, name) || (span_find_byte(g->name, '*') >= 0 && span_like(name, g->name));
        for (size_t i = 0; i < g->access_count; i++)
            meant = meant || span_is(g->access[i], name);
        if (meant)
            choose_group(c, g);
        found = found || meant;
    }
    return found;
}

static void take_models(struct row *r)
{
    struct import *im = r->l->im;
    const struct node *list = node_get(r->n, "models");
    struct choice c = { ARENA_ARRAY(im->a, struct span, MODELS_MOST), 0, !list || !list->count };
    struct span path = import_at(im, r->path, "models");
    for (const struct node *n = list ? list->first : NULL; n && c.models; n = n->next)
        if (!choose(r, &c, n->text))
            import_note(im, NOTE_LOST, path, SPAN_NONE, "%.*s is no group here (give config.yaml, too): the key may not reach it", SPAN_ARG(span_first(n->text, 60)));
    struct span policy = import_policy(im, c.all ? NULL : c.models, c.count);
    import_put(im, r->key, "policy", import_text(im, policy));
    if (list && list->count && !c.all)
        import_note(im, NOTE_DIFFERS, path, arena_print(im->a, "policies.%.*s", SPAN_ARG(policy)), "the models behind these groups, which the key may name themselves, too");
    else if (list && list->count)
        import_note(im, NOTE_DIFFERS, path, arena_print(im->a, "policies.%.*s", SPAN_ARG(policy)), "all models of this file; a team has no list of its own here");
}

/* ---- the rest ---- */

static void take_text(struct import *im, void *self, struct span path, const struct node *n)
{
    struct row *r = self;
    const char *field = span_is(n->name, SPAN("user_id")) ? "user" : "team";
    if (!n->text.len || n->text.len > 200 || !text_is_printable(n->text)) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "1 to 200 printable characters without blanks");
        return;
    }
    import_put(im, r->key, field, import_text(im, n->text));
    import_note(im, NOTE_MAPPED, path, ours(r, field), NULL);
}

static void take_label(struct import *im, void *self, struct span path, const struct node *n)
{
    struct row *r = self;
    import_put(im, r->metadata, arena_copy(im->a, n->name).at, import_text(im, n->text));
    import_note(im, NOTE_MAPPED, path, ours(r, "metadata"), NULL);
}

static void take_metadata(struct import *im, void *self, struct span path, const struct node *n)
{
    struct row *r = self;
    for (const struct node *item = n->kind == NODE_MAP ? n->first : NULL; item; item = item->next) {
        struct span name = arena_copy(im->a, item->name), at = import_at(im, path, name.at);
        bool fits = item->kind == NODE_SCALAR && r->metadata->count < METADATA_MOST;
        if (item->kind == NODE_NULL)
            continue;
        if (fits)
            import_put(im, r->metadata, name.at, import_copy(im, item));
        import_note(im, fits ? NOTE_MAPPED : NOTE_LOST, at, fits ? ours(r, "metadata") : SPAN_NONE, "%s", fits ? "" : "a text, a number or true and false, at most 60 of them");
    }
}

static void take_expiry(struct import *im, void *self, struct span path, const struct node *n)
{
    struct row *r = self;
    char text[TIME_TEXT];
    int64_t ms;
    struct span given = n->text;
    if (given.len > 10 && !span_ends(given, SPAN("Z")) && !text_time_parse(given, &ms)) /* PostgreSQL's own form, in UTC */
        given = arena_print(im->a, "%.*sT%.*sZ", 10, given.at, SPAN_ARG(span_from(given, 11)));
    if (!text_time_parse(given, &ms)) {
        import_put(im, r->key, "revoked_at", import_text(im, text_time(clock_unix_ms(), text)));
        import_note(im, NOTE_LOST, path, ours(r, "revoked_at"), "no time that can be read: the key is revoked, so that it does not live for ever");
        return;
    }
    import_put(im, r->key, "expires_at", import_text(im, text_time(ms, text)));
    import_note(im, NOTE_MAPPED, path, ours(r, "expires_at"), NULL);
}

static void take_blocked(struct import *im, void *self, struct span path, const struct node *n)
{
    struct row *r = self;
    char text[TIME_TEXT];
    if (!import_true(n))
        return;
    import_put(im, r->key, "revoked_at", import_text(im, text_time(clock_unix_ms(), text)));
    import_note(im, NOTE_DIFFERS, path, ours(r, "revoked_at"), "a revoked key is not opened again: make a new one");
}

/* Empty lists, maps and texts say nothing. */
static void take_unkept(struct import *im, void *self, struct span path, const struct node *n)
{
    static const struct {
        const char *name, *why;
    } reasons[] = { { "tags", "metadata of the key or the call" }, { "aliases", "routes have aliases for all keys: models:" },
        { "allowed_routes", "a policy's allow: names operations; this key is not held to it" }, { "object_permission", "this key is not held to it" },
        { "permissions", "this key is not held to them" }, { "guardrails", "this key's calls are not checked by them" }, { "policies", "say it in a policy" },
        { "enforced_params", "a policy's parameters:; this key is not held to it" }, { "config", "a route" }, { "router_settings", "a route" } };
    const char *why = "not kept";
    bool empty = n->kind == NODE_SCALAR ? !n->text.len || span_is(n->text, SPAN("false")) || span_is(n->text, SPAN("{}")) : !n->count;
    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (span_is(n->name, span_of(reasons[i].name)))
            why = reasons[i].why;
    (void)self;
    if (!empty)
        import_note(im, NOTE_LOST, path, SPAN_NONE, "%s", why);
}

static const struct import_rule fields[] = {
    { "token", NOTE_SILENT, NULL, NULL, NULL }, { "token_id", NOTE_SILENT, NULL, NULL, NULL }, { "key", NOTE_SILENT, NULL, NULL, NULL },
    { "key_name", NOTE_SILENT, NULL, NULL, NULL }, { "key_alias", NOTE_MAPPED, "keys[].name", NULL, NULL }, { "models", NOTE_SILENT, NULL, NULL, NULL },
    { "max_budget", NOTE_SILENT, NULL, NULL, take_budget }, { "soft_budget", NOTE_SILENT, NULL, NULL, take_soft },
    { "budget_duration", NOTE_SILENT, NULL, NULL, NULL }, { "spend", NOTE_SILENT, NULL, NULL, NULL }, { "budget_limits", NOTE_SILENT, NULL, NULL, take_limits },
    { "model_max_budget", NOTE_SILENT, NULL, NULL, take_model_budgets }, { "budget_reset_at", NOTE_MAPPED, NULL, "computed from the clock", NULL },
    { "tpm_limit", NOTE_SILENT, NULL, NULL, take_rate }, { "rpm_limit", NOTE_SILENT, NULL, NULL, take_rate }, { "max_parallel_requests", NOTE_SILENT, NULL, NULL, take_rate },
    { "model_tpm_limit", NOTE_SILENT, NULL, NULL, take_rate }, { "model_rpm_limit", NOTE_SILENT, NULL, NULL, take_rate },
    { "user_id", NOTE_SILENT, NULL, NULL, take_text }, { "team_id", NOTE_SILENT, NULL, NULL, take_text },
    { "organization_id", NOTE_SILENT, NULL, NULL, take_label }, { "project_id", NOTE_SILENT, NULL, NULL, take_label }, { "agent_id", NOTE_SILENT, NULL, NULL, take_label },
    { "metadata", NOTE_SILENT, NULL, NULL, take_metadata }, { "expires", NOTE_SILENT, NULL, NULL, take_expiry }, { "blocked", NOTE_SILENT, NULL, NULL, take_blocked },
    { "created_*", NOTE_SILENT, NULL, NULL, NULL }, { "updated_*", NOTE_SILENT, NULL, NULL, NULL }, { "last_*", NOTE_SILENT, NULL, NULL, NULL },
    { "model_spend", NOTE_SILENT, NULL, NULL, NULL }, { "key_type", NOTE_SILENT, NULL, NULL, NULL }, { "litellm_budget_table", NOTE_SILENT, NULL, NULL, take_unkept },
    { "*", NOTE_SILENT, NULL, NULL, take_unkept }, { NULL, NOTE_SILENT, NULL, NULL, NULL },
};

static void start_row(struct row *r)
{
    struct import *im = r->l->im;
    struct span alias = import_scalar(r->n, "key_alias"), token = import_scalar(r->n, "token");
    struct span base = alias.len ? alias : arena_print(im->a, "litellm-%.*s", SPAN_ARG(span_first(span_starts(token, SPAN("sk-")) ? SPAN("key") : token, 8)));
    r->name = import_name(im, "keys", base);
    r->key = import_map(im);
    r->budgets = import_list(im);
    r->metadata = import_map(im);
    import_put(im, r->key, "name", import_text(im, r->name));
}

static void read_row(struct litellm *l, const struct node *n, struct span path, struct node *list)
{
    struct import *im = l->im;
    struct row r = { .l = l, .n = n, .path = path };
    if (n->kind != NODE_MAP) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "a hash alone; ask with return_full_object=true");
        return;
    }
    start_row(&r);
    if (!take_token(&r)) {
        import_note(im, NOTE_LOST, import_at(im, path, "token"), SPAN_NONE, "no SHA-256 in hex and no sk-...: the key is left out");
        return;
    }
    take_models(&r);
    import_put(im, r.key, "credentials", import_all_credentials(im));
    import_walk(im, n, path, fields, &r);
    if (r.budgets->count)
        import_put(im, r.key, "budgets", r.budgets);
    if (r.metadata->count)
        import_put(im, r.key, "metadata", r.metadata);
    if (l->addresses)
        import_put(im, r.key, "addresses", import_copy(im, l->addresses));
    import_add(list, r.key);
}

void litellm_keys(struct litellm *l)
{
    struct import *im = l->im;
    struct node *list = import_list(im);
    import_put(im, im->root, "keys", list);
    for (size_t i = 0; i < l->key_count; i++)
        read_row(l, l->key_rows[i], l->key_paths[i], list);
    if (!l->has_config)
        import_note(im, NOTE_LOST, SPAN("config.yaml"), SPAN("credentials"), "not given: these keys reach no vendor; give it before the dump");
}

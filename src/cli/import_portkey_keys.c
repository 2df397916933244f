/* SPDX-License-Identifier: Apache-2.0
 * import_portkey_keys.c - Portkey's virtual keys as credentials, and its API keys as keys. Neither export holds a secret: credentials are
 * references, keys get new tokens. */
#include "base/text.h"
#include "cli/import_portkey.h"
#include "cli/sheet.h"

/* ---- virtual keys ---- */

/* "slug=openai" */
static struct span said_vendor(struct import *im, struct span slug)
{
    for (size_t i = 0; option_nth(im->cli, "vendor", i).at; i++) {
        struct span rest = option_nth(im->cli, "vendor", i), name;
        if (span_cut(&rest, '=', &name) && span_is(name, slug))
            return rest;
    }
    return SPAN_NONE;
}

static const struct span *make_credential(struct portkey *p, struct span slug, struct span theirs, struct span path)
{
    struct import *im = p->im;
    bool open;
    struct span environment, *vendor = ARENA_NEW(im->a, struct span);
    must(vendor);
    *vendor = import_provider(im, theirs, &environment, &open);
    if (!vendor->at || open) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "%.*s: %s", SPAN_ARG(span_first(theirs, 60)),
            open ? "its address has parts to fill in: make its entry in vendors: and this credential yourself" : "no such provider is known here");
        return NULL;
    }
    struct node *secret = import_reference(im, import_variable_name(im, slug), path, SPAN_NONE);
    struct node *made = import_map(im);
    import_put(im, made, "vendor", import_text(im, *vendor));
    import_put(im, made, "secret", secret);
    import_put(im, import_section(im, "credentials"), import_slug(im, slug, true).at, made);
    must(map_put(&p->vendor_by_slug, arena_copy(im->a, slug), vendor));
    import_note(im, NOTE_MAPPED, path, arena_print(im->a, "credentials.%.*s", SPAN_ARG(slug)), "their export has no secret: set the variable");
    return vendor;
}

const struct span *portkey_slug(struct portkey *p, struct span slug)
{
    struct span said = said_vendor(p->im, slug);
    const struct span *there = map_get(&p->vendor_by_slug, slug);
    return there || !said.at ? there : make_credential(p, slug, said, SPAN("--vendor"));
}

/* ---- limits ---- */

struct limiting {
    struct import *im;
    struct node *list;
    struct span path, ours;
    struct span vendor; /* of a virtual key: the budget stands at the top */
    struct span name;
};

static void add(struct limiting *l, struct node *budget, struct span path, bool exact, const char *why)
{
    struct import *im = l->im;
    if (l->vendor.at) {
        import_put(im, budget, "name", import_text(im, import_name(im, "budgets", l->name)));
        import_put(im, budget, "vendor", import_text(im, l->vendor));
        import_add(l->list, budget);
    } else {
        import_budget_add(im, l->list, budget, path, l->ours);
    }
    import_note(im, exact && !l->vendor.at ? NOTE_MAPPED : NOTE_DIFFERS, path, l->ours, "%s", l->vendor.at ? "counts the vendor, whichever credential" : why);
}

static struct span usage_window(struct import *im, const struct node *n, const char **why)
{
    struct span reset = import_scalar(n, "periodic_reset"), days = import_scalar(n, "periodic_reset_days");
    *why = "";
    if (span_is(reset, SPAN("monthly")))
        return SPAN("month");
    if (span_is(reset, SPAN("weekly"))) {
        *why = "turns on Monday; theirs on Sunday or Monday";
        return SPAN("week");
    }
    if (!days.at)
        return SPAN("total");
    *why = "a rolling window";
    return arena_print(im->a, "rolling %.*sd", SPAN_ARG(span_first(days, 4)));
}

static void put_alert(struct import *im, struct node *budget, struct span limit, struct span threshold)
{
    bool rounded = false;
    int64_t whole, part;
    struct span a = sheet_decimal(im->a, limit, 4, 0, &rounded), b = sheet_decimal(im->a, threshold, 4, 0, &rounded);
    if (!a.at || !b.at || !span_to_i64(a, &whole) || !span_to_i64(b, &part) || whole <= 0 || part <= 0 || part > whole)
        return;
    struct node *list = import_list(im);
    int64_t percent = part * 100 / whole;
    import_add(list, import_text(im, arena_print(im->a, "%lld%%", (long long)(percent < 1 ? 1 : percent))));
    import_put(im, budget, "alert", list);
}

static void one_usage(struct limiting *l, const struct node *n, struct span path)
{
    struct import *im = l->im;
    const char *why;
    struct span limit = import_scalar(n, "credit_limit"), type = import_scalar(n, "type"), window = usage_window(im, n, &why);
    if (!limit.len)
        return;
    struct node *budget = import_budget(im, limit, span_is(type, SPAN("tokens")) ? "tokens" : "usd", window);
    if (!budget) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "no amount: this limit is not there");
        return;
    }
    if (import_scalar(n, "alert_threshold").len)
        put_alert(im, budget, limit, import_scalar(n, "alert_threshold"));
    add(l, budget, path, !*why, why);
}

static void one_rate(struct limiting *l, const struct node *n, struct span path)
{
    static const struct {
        const char *theirs, *ours;
    } units[] = { { "rpm", "minute" }, { "rph", "hour" }, { "rpd", "day" }, { "rps", NULL } };
    struct import *im = l->im;
    struct span type = import_scalar(n, "type"), unit = import_scalar(n, "unit");
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (!span_is(unit, span_of(units[i].theirs)) || !units[i].ours)
            continue;
        struct node *budget = import_budget(im, import_scalar(n, "value"), span_is(type, SPAN("tokens")) ? "tokens" : "requests", span_of(units[i].ours));
        if (budget) {
            add(l, budget, path, true, "");
            return;
        }
    }
    import_note(im, NOTE_LOST, path, SPAN_NONE, "%.*s: no such window or amount; this limit is not there", SPAN_ARG(span_first(unit, 20)));
}

static void take_limits(struct limiting *l, const struct node *n, const char *field, void (*one)(struct limiting *l, const struct node *n, struct span path))
{
    const struct node *list = node_get(n, field);
    struct span path = import_at(l->im, l->path, field);
    size_t i = 0;
    if (list && list->kind == NODE_MAP && list->count)
        one(l, list, path);
    for (const struct node *item = list && list->kind == NODE_LIST ? list->first : NULL; item; item = item->next)
        one(l, item, import_nth(l->im, path, i++));
}

/* ---- one virtual key ---- */

static const struct import_rule slug_rules[] = {
    { "slug", NOTE_SILENT, NULL, NULL, NULL }, { "name", NOTE_SILENT, NULL, NULL, NULL }, { "provider", NOTE_SILENT, NULL, NULL, NULL },
    { "ai_provider_*", NOTE_SILENT, NULL, NULL, NULL }, { "usage_limits", NOTE_SILENT, NULL, NULL, NULL }, { "rate_limits", NOTE_SILENT, NULL, NULL, NULL },
    { "status", NOTE_SILENT, NULL, NULL, NULL }, { "object", NOTE_SILENT, NULL, NULL, NULL }, { "id", NOTE_SILENT, NULL, NULL, NULL },
    { "created_*", NOTE_SILENT, NULL, NULL, NULL }, { "last_*", NOTE_SILENT, NULL, NULL, NULL }, { "updated_*", NOTE_SILENT, NULL, NULL, NULL },
    { "key", NOTE_SILENT, NULL, NULL, NULL }, { "note", NOTE_SILENT, NULL, NULL, NULL }, { "integration_id", NOTE_MAPPED, NULL, "of no effect", NULL },
    { "workspace_id", NOTE_MAPPED, NULL, "of no effect", NULL }, { "reset_usage", NOTE_MAPPED, NULL, "of no effect", NULL },
    { "expires_at", NOTE_LOST, NULL, "a credential does not run out", NULL },
    { "model_config", NOTE_LOST, NULL, "addresses and versions belong to vendors: here", NULL }, { NULL, NOTE_SILENT, NULL, NULL, NULL },
};

static void make_slug(struct portkey *p, const struct row *row)
{
    struct import *im = p->im;
    struct span slug = import_scalar(row->n, "slug"), theirs = import_scalar(row->n, "ai_provider_name"), status = import_scalar(row->n, "status");
    theirs = theirs.at ? theirs : import_scalar(row->n, "ai_provider_id").at ? import_scalar(row->n, "ai_provider_id") : import_scalar(row->n, "provider");
    const struct span *vendor = make_credential(p, slug, theirs, import_at(im, row->path, "slug"));
    if (!vendor)
        return;
    import_use(im, *vendor, SPAN_NONE);
    if (status.at && !span_is(status, SPAN("active"))) {
        import_put(im, import_member(im, import_section(im, "credentials"), import_slug(im, slug, true).at), "disabled", import_bare(im, SPAN("true")));
        import_note(im, NOTE_MAPPED, import_at(im, row->path, "status"), SPAN("credentials.*.disabled"), NULL);
    }
    struct limiting l = { im, import_gate_budgets(im), row->path, SPAN("budgets[]"), *vendor, slug };
    take_limits(&l, row->n, "usage_limits", one_usage);
    take_limits(&l, row->n, "rate_limits", one_rate);
    import_walk(im, row->n, row->path, slug_rules, NULL);
}

void portkey_slugs(struct portkey *p)
{
    for (const struct row *row = p->slugs; row; row = row->next)
        make_slug(p, row);
}

/* ---- one API key ---- */

struct keying {
    struct portkey *p;
    struct node *key;
    struct span name;
};

static struct span route_of(const struct portkey *p, struct span id)
{
    for (const struct saved *s = p->configs; s; s = s->next)
        if (span_is(s->id, id))
            return s->name;
    return SPAN_NONE;
}

static void take_defaults(struct import *im, void *self, struct span path, const struct node *n)
{
    struct keying *k = self;
    for (const struct node *m = n->kind == NODE_MAP ? n->first : NULL; m; m = m->next) {
        struct span at = import_at(im, path, arena_copy(im->a, m->name).at);
        bool config = span_is(m->name, SPAN("config_id")) || span_is(m->name, SPAN("config_slug"));
        struct span route = config && m->kind == NODE_SCALAR ? route_of(k->p, m->text) : SPAN_NONE;
        if (m->kind == NODE_NULL)
            continue;
        if (route.at)
            import_put(im, k->key, "route", import_text(im, route));
        if (span_is(m->name, SPAN("metadata")) && m->kind == NODE_MAP && m->count)
            import_put(im, k->key, "metadata", import_copy(im, m));
        bool good = route.at || span_is(m->name, SPAN("metadata"));
        import_note(im, good ? NOTE_MAPPED : NOTE_LOST, at, good ? arena_print(im->a, "keys.%.*s", SPAN_ARG(k->name)) : SPAN_NONE, "%s",
            good ? "" : config ? "this config is in no file" : span_is(m->name, SPAN("allow_config_override")) ? "a call may always name another route; its key's policy and budgets hold" : "not kept");
    }
}

static void take_expiry(struct import *im, void *self, struct span path, const struct node *n)
{
    struct keying *k = self;
    int64_t ms;
    char text[TIME_TEXT];
    if (!text_time_parse(n->text, &ms)) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "no time that can be read; the key has no end");
        return;
    }
    import_put(im, k->key, "expires_at", import_text(im, text_time(ms, text)));
    import_note(im, NOTE_MAPPED, path, SPAN("keys[].expires_at"), NULL);
}

static void take_status(struct import *im, void *self, struct span path, const struct node *n)
{
    struct keying *k = self;
    bool over = span_is(n->text, SPAN("archived")) || span_is(n->text, SPAN("expired"));
    if (over)
        import_put(im, k->key, "revoked_at", import_text(im, SPAN("1970-01-01T00:00:01Z")));
    import_note(im, NOTE_MAPPED, path, over ? SPAN("keys[].revoked_at") : SPAN_NONE, "%s", span_is(n->text, SPAN("exhausted")) ? "budgets say so themselves" : "");
}

static const struct import_rule key_rules[] = {
    { "name", NOTE_MAPPED, "keys[].name", "its token is not in the export: the key gets a new one", NULL }, { "defaults", NOTE_SILENT, NULL, NULL, take_defaults },
    { "expires_at", NOTE_SILENT, NULL, NULL, take_expiry }, { "status", NOTE_SILENT, NULL, NULL, take_status },
    { "usage_limits", NOTE_SILENT, NULL, NULL, NULL }, { "rate_limits", NOTE_SILENT, NULL, NULL, NULL }, { "id", NOTE_SILENT, NULL, NULL, NULL },
    { "key", NOTE_SILENT, NULL, NULL, NULL }, { "object", NOTE_SILENT, NULL, NULL, NULL }, { "description", NOTE_SILENT, NULL, NULL, NULL },
    { "type", NOTE_MAPPED, NULL, "keys here open models and APIs; the admin API has a token", NULL }, { "scopes", NOTE_LOST, NULL, "a policy's allow: names operations", NULL },
    { "user_id", NOTE_LOST, NULL, "say it as user: of the key", NULL }, { "alert_emails", NOTE_LOST, NULL, "alerts: [ { name: ..., smtp: ... } ]", NULL },
    { "organisation_id", NOTE_MAPPED, NULL, "of no effect", NULL }, { "workspace_id", NOTE_LOST, NULL, "workspaces: and the key's workspace:", NULL },
    { "created_*", NOTE_SILENT, NULL, NULL, NULL }, { "last_*", NOTE_SILENT, NULL, NULL, NULL }, { "updated_*", NOTE_SILENT, NULL, NULL, NULL },
    { "creation_mode", NOTE_SILENT, NULL, NULL, NULL }, { "reset_usage", NOTE_SILENT, NULL, NULL, NULL }, { NULL, NOTE_SILENT, NULL, NULL, NULL },
};

static void make_key(struct portkey *p, const struct row *row, struct node *list, struct span policy)
{
    struct import *im = p->im;
    struct keying k = { p, import_map(im), SPAN_NONE };
    struct node *budgets = import_list(im);
    k.name = import_name(im, "keys", import_scalar(row->n, "name").len ? import_scalar(row->n, "name") : SPAN("portkey"));
    import_put(im, k.key, "name", import_text(im, k.name));
    import_put(im, k.key, "policy", import_text(im, policy));
    import_put(im, k.key, "credentials", import_all_credentials(im));
    struct limiting l = { im, budgets, row->path, arena_print(im->a, "keys.%.*s.budgets", SPAN_ARG(k.name)), SPAN_NONE, SPAN_NONE };
    take_limits(&l, row->n, "usage_limits", one_usage);
    take_limits(&l, row->n, "rate_limits", one_rate);
    import_walk(im, row->n, row->path, key_rules, &k);
    if (budgets->count)
        import_put(im, k.key, "budgets", budgets);
    import_add(list, k.key);
    im->keys_without_token++;
}

void portkey_keys(struct portkey *p)
{
    struct import *im = p->im;
    struct node *list = import_list(im);
    struct span policy = import_policy(im, NULL, 0);
    import_put(im, im->root, "keys", list);
    for (const struct row *row = p->keys; row; row = row->next)
        make_key(p, row, list, policy);
}

/* SPDX-License-Identifier: Apache-2.0
 * kinds.c - the kinds of objects a configuration is made of, one row each: names, places in the file, allowed fields. */
#include "base/text.h"
#include "config/tree.h"

static const char *const vendor_fields[] = { "base_url", "listen", "deadlines", "settings", "read_objects", "manifest", "dialect", "auth", "quirks",
    "drop_params", "models", "on_client_gone", "drain", "region", "zero_retention", "probe", "trace", NULL };
static const char *const credential_fields[] = { "vendor", "secret", "hook_secret", "account", "account_sid", "key_id", "disabled", NULL };
static const char *const workspace_fields[] = { "caps_as_429", "budgets", "capture", NULL };
static const char *const budget_fields[] = { "name", "limit", "window", "timezone", "vendor", "operation", "model", "per", "alert", "soft",
    "scopes", "metadata", "refunds", "on_tight", "increase", "key", "workspace", "user", "team", NULL };
static const char *const key_fields[] = { "name", "token", "token_sha256", "credentials", "policy", "workspace", "user", "team", "label", "owner", "purpose", "expires_at", "revoked_at",
    "addresses", "metadata", "budgets", "dry_run", "rotate", "shadow", "route", "cache", "capture", NULL };
static const char *const setting_fields[] = { "value", NULL };
/* policy_read knows a policy's fields itself. */
static const char *const policy_fields[] = { "allow", "deny", "models", "scopes", "parameters", "max_call_usd", "approvals", "brakes", NULL };
static const char *const alert_fields[] = { "name", "webhook", "slack", "smtp", "secret", "user", "password", "from", "to", "events", "plain", NULL };
static const char *const token_fields[] = { "name", "token", "role", "workspace", "owner", "content", "expires_at", NULL };
static const char *const export_fields[] = { "kind", "url", "plain", "secret", "key_id", "public_key", "header", "bucket", "region", "endpoint", "path_style", "prefix",
    "dir", "format", "gzip", "proof", "rotate_bytes", "rotate_every", "keep_files", "keep_bytes", "rows", "workspaces", "vendors", "verdicts", "start", "batch_rows",
    "batch_bytes", "every", "alarm_rows", "alarm_after", "paused", NULL };
static const char *const increase_fields[] = { "by", "until", "reason", NULL };

const char config_kinds_allowed[] = "key, credential, policy, budget, vendor, workspace, route, price, alert, export, token, increase, setting";

static const struct {
    struct span name, field;
    const char *const *fields;
} kinds[KIND_COUNT] = {
    [KIND_VENDOR] = { { "vendor", 6 }, { "vendors", 7 }, vendor_fields },
    [KIND_CREDENTIAL] = { { "credential", 10 }, { "credentials", 11 }, credential_fields },
    [KIND_POLICY] = { { "policy", 6 }, { "policies", 8 }, policy_fields },
    [KIND_WORKSPACE] = { { "workspace", 9 }, { "workspaces", 10 }, workspace_fields },
    [KIND_BUDGET] = { { "budget", 6 }, { "budgets", 7 }, budget_fields },
    [KIND_KEY] = { { "key", 3 }, { "keys", 4 }, key_fields },
    [KIND_ALERT] = { { "alert", 5 }, { "alerts", 6 }, alert_fields },
    [KIND_EXPORT] = { { "export", 6 }, { "exports", 7 }, export_fields },
    [KIND_PRICE] = { { "price", 5 }, { "prices", 6 }, NULL },
    [KIND_ROUTE] = { { "route", 5 }, { "routes", 6 }, NULL },
    [KIND_TOKEN] = { { "token", 5 }, { "admin.tokens", 12 }, token_fields },
    [KIND_SETTING] = { { "setting", 7 }, { "settings", 8 }, setting_fields },
    [KIND_INCREASE] = { { "increase", 8 }, { "increases", 9 }, increase_fields },
};

bool kind_parse(struct span text, enum kind *out)
{
    for (int k = 0; k < KIND_COUNT; k++) {
        if (!span_is(text, kinds[k].name))
            continue;
        *out = (enum kind)k;
        return true;
    }
    return false;
}

struct span kind_name(enum kind k) { return kinds[k].name; }

struct span kind_field(enum kind k) { return kinds[k].field; }

const char *const *kind_fields(enum kind k) { return kinds[k].fields; }

const char *const *config_fields(struct span kind)
{
    enum kind k;
    return kind_parse(kind, &k) ? kinds[k].fields : NULL;
}

/* Not the API's: where things stand on this machine's disk, and who may use the API. */
bool setting_known(struct span name)
{
    static const char *const known[] = { "listen", "limits", "workers", "log_level", "caps_as_429", "prices", "durability", "idempotency", "cache", "fx", "public_url", "private_callbacks", "result_link_time", "private_results", "metrics", "log", NULL };
    for (size_t i = 0; known[i]; i++)
        if (span_is(name, span_of(known[i])))
            return true;
    return false;
}

bool config_name_ok(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '_' && c != '-' && c != '.')
            return false;
    }
    return name.len > 0 && name.len <= CONFIG_NAME_LONGEST;
}

bool kind_id_ok(enum kind k, struct span id)
{
    if (k != KIND_INCREASE && k != KIND_PRICE)
        return config_name_ok(id);
    ptrdiff_t slash = span_find_byte(id, '/');
    if (k == KIND_PRICE && (slash <= 0 || (size_t)slash + 1 == id.len || id.len > CONFIG_PRICE_LONGEST))
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (id.at[i] < ' ' || id.at[i] > '~')
            return false;
    return id.len > 0 && id.len <= CONFIG_ID_LONGEST;
}

struct span config_key_id(struct span name, struct arena *a)
{
    struct digest digest;
    struct buf id;
    buf_init(&id, 256);
    buf_put(&id, SPAN("key:"));
    buf_put(&id, name);
    digest = digest_sha256(buf_span(&id));
    buf_clear(&id);
    buf_put(&id, SPAN("key_"));
    buf_put_hex(&id, span_make((const char *)digest.bytes, 8));
    struct span copy = id.broken ? SPAN_NONE : arena_copy(a, buf_span(&id));
    buf_free(&id);
    return copy;
}

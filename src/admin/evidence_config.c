/* SPDX-License-Identifier: Apache-2.0
 * evidence_config.c - what the configuration in force comes to, for a reviewer: what is kept of calls, and where anything goes.
 *
 * Of receivers that are not vendors only the host is said: a path or a query may be what opens it (Slack's is). */
#include "admin/evidence.h"

#include <stdio.h>

#include "guard/redact.h"

/* ---- retention.json ---- */

static void put_names(struct json_out *o, const struct redactor *r)
{
    struct span name;
    json_name(o, SPAN("redact"));
    json_open(o, '[');
    for (size_t i = 0; (name = redactor_name(r, i)).at; i++)
        json_put_string(o, name);
    json_close(o, ']');
}

static void put_rule(struct json_out *o, const struct capture_rule *rule)
{
    char sample[32];
    int len = snprintf(sample, sizeof(sample), "%d.%02d%%", rule->sample / 100, rule->sample % 100);
    json_pair_bool(o, SPAN("request"), rule->request);
    json_pair_bool(o, SPAN("response"), rule->response);
    json_pair_bool(o, SPAN("by_call"), rule->by_call);
    json_pair(o, SPAN("sample"), span_make(sample, (size_t)len));
    json_pair_i64(o, SPAN("limit_bytes"), rule->limit);
    json_pair_i64(o, SPAN("retention_seconds"), rule->retention_ms / 1000);
    put_names(o, rule->redactor);
}

static void put_key_rule(struct json_out *o, const struct key *key)
{
    json_open(o, '{');
    json_pair(o, SPAN("key"), key->id);
    json_pair(o, SPAN("key_name"), key->name);
    json_pair(o, SPAN("workspace"), key->workspace);
    if (key->capture)
        put_rule(o, key->capture);
    else
        json_pair(o, SPAN("capture"), SPAN("none"));
    json_close(o, '}');
}

static bool captures(const struct snapshot *s)
{
    for (size_t i = 0; i < s->key_count; i++)
        if (s->keys[i].capture)
            return true;
    return s->capture_count > 0;
}

/* A workspace's rule is said once, of all its keys, those to come as well; then the keys that have a word of their own. */
static void put_capture(struct json_out *o, const struct snapshot *s)
{
    if (!captures(s)) {
        json_pair(o, SPAN("capture"), SPAN("none"));
        return;
    }
    json_name(o, SPAN("capture"));
    json_open(o, '{');
    json_name(o, SPAN("workspaces"));
    json_open(o, '[');
    for (size_t i = 0; i < s->capture_count; i++) {
        json_open(o, '{');
        json_pair(o, SPAN("workspace"), s->captures[i].workspace);
        put_rule(o, s->captures[i].rule);
        json_close(o, '}');
    }
    json_close(o, ']');
    json_name(o, SPAN("keys"));
    json_open(o, '[');
    for (size_t i = 0; i < s->key_count; i++)
        if (s->keys[i].capture_own)
            put_key_rule(o, &s->keys[i]);
    json_close(o, ']');
    json_close(o, '}');
}

void evidence_retention(struct evidence *k, const struct snapshot *snapshot)
{
    const struct settings *s = &snapshot->settings;
    struct json_out o = json_out(&k->file);
    json_open(&o, '{');
    json_pair(&o, SPAN("audit_rows"), SPAN("kept; the log is append-only"));
    json_pair(&o, SPAN("content_of_calls"), SPAN("kept, sealed, for those in capture alone; the row's member captured says which calls"));
    put_capture(&o, snapshot);
    json_pair(&o, SPAN("approvals"), SPAN("what a call that waits for a person says, unless it is a model's: kept, not sealed, as long as the approval is remembered"));
    json_pair_i64(&o, SPAN("idempotency_answers_seconds"), s->answers_ms / 1000);
    json_pair(&o, SPAN("idempotency_answers"), SPAN("answers for repeats, and conversations that are gone on with by id: sealed with the gate's key; 0 seconds: not kept"));
    json_pair_i64(&o, SPAN("cache_memory_bytes"), s->cache_memory);
    json_pair_i64(&o, SPAN("cache_disk_bytes"), s->cache_disk);
    json_pair(&o, SPAN("cache"), SPAN("only for calls, routes and keys that ask for it; sealed on disk; 0 bytes: none"));
    json_pair_i64(&o, SPAN("result_link_seconds"), s->result_link_ms / 1000);
    json_pair(&o, SPAN("durability"), s->durability == DURABLE_STRICT ? SPAN("strict") : s->durability == DURABLE_MONEY ? SPAN("money") : SPAN("relaxed"));
    json_close(&o, '}');
    buf_put_byte(&k->file, '\n');
    evidence_end_file(k, "retention.json");
}

/* ---- data-path.json: vendors ---- */

static bool is_used(const struct snapshot *s, const struct upstream *u)
{
    for (size_t i = 0; i < s->credential_count; i++)
        if (s->credentials[i].upstream == u)
            return true;
    return false;
}

static void put_vendor(struct json_out *o, const struct upstream *u)
{
    bool tls = u->origin_count > 0;
    struct span proxy = SPAN_NONE; /* all that have one have the same, but for their scheme */
    json_open(o, '{');
    json_pair(o, SPAN("vendor"), u->vendor.slug);
    json_pair(o, SPAN("base_url"), u->vendor.base_url);
    json_name(o, SPAN("hosts"));
    json_open(o, '[');
    for (size_t i = 0; i < u->origin_count; i++) {
        json_put_string(o, u->origins[i].host);
        tls = tls && u->origins[i].tls;
        proxy = proxy.at ? proxy : u->origins[i].proxy_host;
    }
    json_close(o, ']');
    json_pair(o, SPAN("proxy"), proxy);
    json_pair(o, SPAN("region"), u->region);
    json_pair_bool(o, SPAN("tls"), tls);
    json_pair_bool(o, SPAN("zero_retention"), u->zero_retention);
    json_close(o, '}');
}

/* ---- ... and all others ---- */

/* "host:port" of "scheme://user@host:port/path?query". */
static struct span host_of(struct span url)
{
    ptrdiff_t scheme = span_find(url, SPAN("://")), at;
    struct span rest = scheme < 0 ? SPAN("") : span_from(url, (size_t)scheme + 3);
    size_t end = 0;
    while (end < rest.len && !memchr("/?#", rest.at[end], 3))
        end++;
    rest = span_first(rest, end);
    while ((at = span_find_byte(rest, '@')) >= 0)
        rest = span_from(rest, (size_t)at + 1);
    return rest;
}

static void put_host(struct json_out *o, struct span url, bool tls)
{
    json_pair(o, SPAN("host"), url.at ? host_of(url) : SPAN_NONE);
    json_name(o, SPAN("tls"));
    if (url.at)
        json_put_bool(o, tls);
    else
        json_put_null(o);
}

static bool is_https(struct span url) { return span_starts(url, SPAN("https://")); }

/* Rows of the audit log: who, what, when, how much. */
static void put_export(struct json_out *o, const struct export_rule *e)
{
    static const char *const kinds[] = { [EXPORT_FILE] = "file", [EXPORT_S3] = "s3", [EXPORT_WEBHOOK] = "webhook", [EXPORT_OTLP] = "otlp", [EXPORT_LANGFUSE] = "langfuse" };
    json_open(o, '{');
    json_pair(o, SPAN("name"), e->name);
    json_pair(o, SPAN("kind"), span_of(kinds[e->kind]));
    put_host(o, e->url, is_https(e->url));
    json_pair(o, SPAN("bucket"), e->bucket);
    json_pair(o, SPAN("directory"), e->dir);
    json_pair_bool(o, SPAN("paused"), e->paused);
    json_pair_bool(o, SPAN("content"), false);
    json_close(o, '}');
}

/* An approval's alert has what the call says, so that a person can decide (flow/approval_text.c). */
static void put_alert(struct json_out *o, const struct alert_endpoint *a)
{
    static const char *const kinds[] = { [ALERT_WEBHOOK] = "webhook", [ALERT_SLACK] = "slack", [ALERT_SMTP] = "smtp" };
    json_open(o, '{');
    json_pair(o, SPAN("name"), a->name);
    json_pair(o, SPAN("kind"), span_of(kinds[a->kind]));
    put_host(o, a->url, a->kind == ALERT_SMTP ? !a->plain : is_https(a->url));
    json_pair_bool(o, SPAN("content"), (a->events & ALERT_APPROVAL) != 0);
    json_close(o, '}');
}

static void put_telemetry(struct json_out *o, struct span url)
{
    if (!url.at) {
        json_put_null(o);
        return;
    }
    json_open(o, '{');
    json_pair(o, SPAN("kind"), SPAN("otlp"));
    put_host(o, url, is_https(url));
    json_pair_bool(o, SPAN("content"), false);
    json_close(o, '}');
}

/* What vendors call the gate for is carried on, if they can reach it at all. */
static void put_callbacks(struct json_out *o, const struct settings *s)
{
    if (!s->public_url.at) {
        json_put_null(o);
        return;
    }
    json_open(o, '{');
    json_pair(o, SPAN("to"), SPAN("the address that the call's own caller named"));
    json_pair_bool(o, SPAN("private_networks"), s->private_callbacks);
    json_pair_bool(o, SPAN("content"), true);
    json_close(o, '}');
}

static void put_others(struct json_out *o, const struct settings *s)
{
    json_name(o, SPAN("exports"));
    json_open(o, '[');
    for (size_t i = 0; i < s->export_count; i++)
        put_export(o, &s->exports[i]);
    json_close(o, ']');
    json_name(o, SPAN("alerts"));
    json_open(o, '[');
    for (size_t i = 0; i < s->alert_count; i++)
        put_alert(o, &s->alerts[i]);
    json_close(o, ']');
    json_name(o, SPAN("telemetry"));
    put_telemetry(o, s->telemetry.url);
    json_name(o, SPAN("callbacks"));
    put_callbacks(o, s);
}

/* ---- data-path.json ---- */

void evidence_data_path(struct evidence *k, const struct snapshot *s)
{
    struct json_out o = json_out(&k->file);
    json_open(&o, '{');
    json_name(&o, SPAN("callers"));
    json_open(&o, '{');
    json_pair(&o, SPAN("listen"), span_of(s->settings.listen.text));
    json_pair_bool(&o, SPAN("tls"), s->settings.tls_cert.at != NULL);
    json_pair(&o, SPAN("public_url"), s->settings.public_url);
    json_close(&o, '}');
    json_name(&o, SPAN("operators"));
    json_open(&o, '{');
    json_pair(&o, SPAN("listen"), span_of(s->settings.admin_listen.text));
    json_close(&o, '}');
    json_pair(&o, SPAN("data_dir"), s->settings.data_dir);
    json_pair(&o, SPAN("own_authorities"), s->settings.ca_file);
    json_name(&o, SPAN("vendors"));
    json_open(&o, '[');
    for (size_t i = 0; i < s->upstream_count; i++)
        if (is_used(s, &s->upstreams[i]))
            put_vendor(&o, &s->upstreams[i]);
    json_close(&o, ']');
    put_others(&o, &s->settings);
    json_close(&o, '}');
    buf_put_byte(&k->file, '\n');
    evidence_end_file(k, "data-path.json");
}

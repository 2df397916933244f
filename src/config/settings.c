/* SPDX-License-Identifier: Apache-2.0
 * settings.c - the gate's own settings: addresses, limits, files. Every limit has a default and bounds (docs/configuration.md). */
#include <stdio.h>

#include "base/log.h"
#include "config/parts.h"
#include "rules/token.h"

enum { WORKERS_MOST = 256, ADMIN_RATE_USUAL = 12000, ADMIN_RATE_MOST = 10 * 1000 * 1000 };

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define ANSWERS_MOST (366 * DAY)
#define WAIT_MOST (30 * MINUTE)

enum measure { COUNT, BYTES, TIME };

/* One row a limit. `wide`: the field is a size_t, else an int64_t. */
struct row {
    const char *name;
    enum measure measure;
    bool wide;
    size_t offset;
    int64_t least, most;
};

#define AT(field) offsetof(struct limits, field)

static const struct row rows[] = {
    { "head_bytes", BYTES, true, AT(http.head_bytes), 4 * KIB, MIB },
    { "header_fields", COUNT, true, AT(http.fields), 16, 1000 },
    { "target_bytes", BYTES, true, AT(http.target_bytes), KIB, 256 * KIB },
    { "connections", COUNT, true, AT(http.connections), 1, 1000000 },
    { "head_time", TIME, false, AT(http.head_ms), 100, HOUR },
    { "keep_alive_time", TIME, false, AT(http.idle_ms), 100, HOUR },
    { "body_time", TIME, false, AT(http.body_ms), 100, HOUR },
    { "write_time", TIME, false, AT(http.write_ms), 100, HOUR },
    { "pool_idle", COUNT, true, AT(pool.idle_per_origin), 0, 100000 },
    { "pool_open", COUNT, true, AT(pool.open_per_origin), 0, 100000 },
    { "pool_idle_time", TIME, false, AT(pool.idle_ms), 100, HOUR },
    { "connect_time", TIME, false, AT(deadlines.connect_ms), 10, 5 * MINUTE },
    { "first_byte_time", TIME, false, AT(deadlines.first_byte_ms), 10, 24 * HOUR },
    { "answer_idle_time", TIME, false, AT(deadlines.idle_ms), 10, 24 * HOUR },
    { "send_time", TIME, false, AT(deadlines.send_ms), 10, 24 * HOUR },
    { "body_bytes", BYTES, false, AT(body_bytes), KIB, GIB },
    { "stream_bytes", BYTES, false, AT(stream_bytes), 0, 1024 * GIB },
    { "answer_bytes", BYTES, false, AT(answer_bytes), KIB, GIB },
    { "capture_bytes", BYTES, false, AT(capture_bytes), MIB, 16 * GIB },
    { "event_bytes", BYTES, false, AT(event_bytes), KIB, 256 * MIB },
    { "call_memory", BYTES, false, AT(call_arena), 64 * KIB, 4 * GIB },
    { "call_time", TIME, false, AT(call_ms), 100, CALL_LONGEST_MS },
    { "drain_time", TIME, false, AT(drain_ms), 0, HOUR },
};

enum { ROWS = sizeof(rows) / sizeof(*rows) };

static void set_defaults(struct settings *s)
{
    *s = (struct settings){ .log_level = LOG_INFO, .durability = DURABLE_MONEY, .answers_ms = 7 * DAY, .duplicate_wait_ms = MINUTE, .result_link_ms = HOUR,
        .cache_memory = 64 * MIB, .cache_disk = GIB, .cache_entry = MIB };
    s->limits = (struct limits){
        .http = http_limits_default,
        .pool = http_pool_limits_default,
        .deadlines = { .connect_ms = 10 * SECOND, .first_byte_ms = 10 * MINUTE, .idle_ms = 2 * MINUTE, .send_ms = MINUTE },
        .body_bytes = 32 * MIB,
        .stream_bytes = 0,
        .answer_bytes = 8 * MIB,
        .capture_bytes = 64 * MIB,
        .event_bytes = 4 * MIB,
        .call_arena = 96 * MIB,
        .call_ms = 30 * MINUTE,
        .drain_ms = 30 * SECOND,
    };
}

static void say_bounds(const struct row *r, const struct node *n, const char *path, struct trouble *t)
{
    char allowed[160];
    snprintf(allowed, sizeof(allowed), "%s from %lld to %lld%s", r->measure == COUNT ? "a whole number" : r->measure == BYTES ? "a size" : "a time",
        (long long)r->least, (long long)r->most, r->measure == BYTES ? " bytes, such as 4MiB" : r->measure == TIME ? " ms, such as 30s" : "");
    trouble_found(t, n, path, allowed);
}

static bool read_row(const struct row *r, const struct node *n, const char *path, struct limits *out, struct trouble *t)
{
    char *field = (char *)out + r->offset;
    int64_t value = r->least;
    size_t size;
    bool good = r->measure == COUNT ? node_i64(n, path, r->least, r->most, &value, t)
        : r->measure == BYTES       ? node_size(n, path, &value, t)
                                    : node_duration(n, path, &value, t);
    if (!n || !good)
        return good;
    if (value < r->least || value > r->most) {
        say_bounds(r, n, path, t);
        return false;
    }
    size = (size_t)value;
    memcpy(field, r->wide ? (const void *)&size : (const void *)&value, sizeof(value));
    return true;
}

_Static_assert(sizeof(size_t) == sizeof(int64_t), "read_row writes either with one memcpy");

static bool read_limits(struct load *l, const struct node *n)
{
    const char *names[ROWS + 1] = { NULL };
    struct limits *out = &l->s->settings.limits;
    char path[CONFIG_PATH];
    for (size_t i = 0; i < ROWS; i++)
        names[i] = rows[i].name;
    if (!node_only(n, "limits", names, l->t))
        return false;
    for (size_t i = 0; i < ROWS; i++) {
        snprintf(path, sizeof(path), "limits.%s", rows[i].name);
        if (!read_row(&rows[i], node_get(n, rows[i].name), path, out, l->t))
            return false;
    }
    if (out->call_arena >= 2 * out->body_bytes)
        return true;
    trouble_say(l->t, n, "limits.call_memory", "found %lld bytes; allowed: at least twice body_bytes (%lld), since a call holds its body as it came and as it leaves",
        (long long)out->call_arena, (long long)out->body_bytes);
    return false;
}

static bool read_listen(struct load *l, const struct node *n, const char *path, struct span fallback, struct listen_address *out)
{
    struct span text = fallback;
    if (!node_span(n, path, &text, l->t))
        return false;
    if (listen_parse(text, out))
        return true;
    trouble_found(l->t, n, path, "an address and a port, such as 127.0.0.1:8080, [::1]:8080 or *:8080");
    return false;
}

static bool read_admin_token(struct load *l, const struct node *n)
{
    static const struct admin_token owner = { .name = { "admin", 5 }, .role = ADMIN_OWNER };
    struct settings *s = &l->s->settings;
    struct span token = SPAN_NONE;
    if (!node_span(n, "admin.token", &token, l->t))
        return false;
    if (token.at && config_token_wrong(token)) {
        trouble_say(l->t, n, "admin.token", "allowed: %s", config_token_wrong(token));
        return false;
    }
    if (token.at && token.len < TOKEN_WEAK && !l->quiet)
        log_warn("config", "the admin token has less than %d characters and can be guessed", TOKEN_WEAK);
    if (!token.at)
        token = l->in->admin_token;
    s->has_admin_token = token.at != NULL;
    config_admin_hash_init(&s->admin_hash, l->in->master_key);
    if (!token.at)
        return true;
    struct digest hash = digest_keyed_hash(&s->admin_hash, token);
    return admin_hash_add(l, &hash, &owner, 0);
}

/* "https://gate.example": nothing behind the host and port. */
static bool read_admin_url(struct load *l, const struct node *n)
{
    struct base_url parts;
    struct span url = SPAN_NONE;
    if (!n)
        return true;
    if (!node_span(n, "admin.url", &url, l->t))
        return false;
    if (url.len > 300 || !base_url_parse(url, &l->scratch, &parts) || parts.path.len) {
        trouble_found(l->t, n, "admin.url", "the address people type, such as https://gate.example or http://127.0.0.1:8081");
        return false;
    }
    l->s->settings.admin_url = arena_copy(l->a, url);
    return true;
}

static bool read_admin(struct load *l, const struct node *n)
{
    static const char *const fields[] = { "listen", "token", "tokens", "url", "requests_per_minute", NULL };
    l->s->settings.admin_rate = ADMIN_RATE_USUAL;
    return node_only(n, "admin", fields, l->t) && read_admin_url(l, node_get(n, "url")) &&
           node_i64(node_get(n, "requests_per_minute"), "admin.requests_per_minute", 10, ADMIN_RATE_MOST, &l->s->settings.admin_rate, l->t) &&
           read_listen(l, node_get(n, "listen"), "admin.listen", SPAN("127.0.0.1:8081"), &l->s->settings.admin_listen) &&
           read_admin_token(l, node_get(n, "token"));
}

static bool read_file_name(struct load *l, const struct node *n, const char *path, struct span *out)
{
    struct span text = SPAN_NONE;
    if (!node_span(n, path, &text, l->t))
        return false;
    if (text.at && (!text.len || span_find_byte(text, '\0') >= 0)) {
        trouble_found(l->t, n, path, "the path of a file");
        return false;
    }
    *out = arena_copy(l->a, text);
    return true;
}

static bool read_tls(struct load *l, const struct node *n)
{
    static const char *const fields[] = { "cert", "key", NULL };
    struct settings *s = &l->s->settings;
    if (!node_only(n, "tls", fields, l->t) || !read_file_name(l, node_get(n, "cert"), "tls.cert", &s->tls_cert) ||
        !read_file_name(l, node_get(n, "key"), "tls.key", &s->tls_key))
        return false;
    if (!n || (s->tls_cert.at && s->tls_key.at))
        return true;
    trouble_say(l->t, n, s->tls_cert.at ? "tls.key" : "tls.cert", "is required; allowed: tls: { cert: FILE, key: FILE }, both PEM");
    return false;
}

static bool same_listen(const struct listen_address *a, const struct listen_address *b)
{
    struct span text = span_of(a->text);
    return !span_ends(text, SPAN(":0")) && span_is(text, span_of(b->text));
}

static bool read_time(struct load *l, const struct node *n, const char *path, int64_t most, const char *allowed, int64_t *out)
{
    int64_t ms = *out;
    if (!node_duration(n, path, &ms, l->t))
        return false;
    if (ms < 0 || ms > most) {
        trouble_found(l->t, n, path, allowed);
        return false;
    }
    *out = ms;
    return true;
}

static bool read_idempotency(struct load *l, const struct node *n)
{
    static const char *const fields[] = { "retention", "wait", NULL };
    struct settings *s = &l->s->settings;
    if (n && n->kind != NODE_MAP) {
        trouble_found(l->t, n, "idempotency", "a map such as { retention: 7d, wait: 60s }");
        return false;
    }
    return node_only(n, "idempotency", fields, l->t) &&
           read_time(l, node_get(n, "retention"), "idempotency.retention", ANSWERS_MOST, "a time from 0s (answers are not kept) to 366d", &s->answers_ms) &&
           read_time(l, node_get(n, "wait"), "idempotency.wait", WAIT_MOST, "a time from 0s (a duplicate is refused at once) to 30m", &s->duplicate_wait_ms);
}

static bool read_cache_size(struct load *l, const struct node *n, const char *path, int64_t least, int64_t most, const char *allowed, int64_t *out)
{
    if (!node_size(n, path, out, l->t))
        return false;
    if (!n || (*out >= least && *out <= most))
        return true;
    trouble_found(l->t, n, path, allowed);
    return false;
}

static bool read_cache(struct load *l, const struct node *n)
{
    static const char *const fields[] = { "memory", "disk", "entry", NULL };
    struct settings *s = &l->s->settings;
    if (n && n->kind != NODE_MAP) {
        trouble_found(l->t, n, "cache", "a map such as { memory: 64MiB, disk: 1GiB, entry: 1MiB }");
        return false;
    }
    if (!node_only(n, "cache", fields, l->t) ||
        !read_cache_size(l, node_get(n, "memory"), "cache.memory", MIB, 64 * GIB, "a size from 1MiB to 64GiB", &s->cache_memory) ||
        !read_cache_size(l, node_get(n, "disk"), "cache.disk", 0, 1024 * GIB, "a size from 0 (memory only) to 1024GiB", &s->cache_disk) ||
        !read_cache_size(l, node_get(n, "entry"), "cache.entry", KIB, 64 * MIB, "a size from 1KiB to 64MiB", &s->cache_entry))
        return false;
    if (s->cache_disk == 0 || s->cache_disk >= MIB)
        return true;
    trouble_found(l->t, node_get(n, "disk"), "cache.disk", "0 (memory only), or at least 1MiB");
    return false;
}

/* Less than a second is nothing that a caller could follow; vendors' own links last a day at most. */
static bool read_results(struct load *l, const struct node *root)
{
    struct settings *s = &l->s->settings;
    static const char allowed[] = "a time from 1s to 7d";
    const struct node *n = node_get(root, "result_link_time");
    if (!read_time(l, n, "result_link_time", 7 * DAY, allowed, &s->result_link_ms))
        return false;
    if (s->result_link_ms < SECOND) {
        trouble_found(l->t, n, "result_link_time", allowed);
        return false;
    }
    return node_bool(node_get(root, "private_results"), "private_results", &s->private_results, l->t);
}

static bool read_durability(struct load *l, const struct node *n)
{
    static const char *const modes[] = { [DURABLE_MONEY] = "money", [DURABLE_STRICT] = "strict", [DURABLE_RELAXED] = "relaxed", NULL };
    int mode = DURABLE_MONEY;
    if (!node_choice(n, "durability", modes, &mode, l->t))
        return false;
    l->s->settings.durability = (enum durability)mode;
    return true;
}

static bool read_metrics(struct load *l, const struct node *n)
{
    static const char *const fields[] = { "keys", "open", "aliases", NULL };
    static const char *const aliases[] = { "none", "litellm", NULL };
    struct metrics_settings *m = &l->s->settings.metrics;
    int alias = 0;
    if (n && n->kind != NODE_MAP) {
        trouble_found(l->t, n, "metrics", "a map such as { keys: true, open: false, aliases: litellm }");
        return false;
    }
    if (!node_only(n, "metrics", fields, l->t) || !node_bool(node_get(n, "keys"), "metrics.keys", &m->keys, l->t) ||
        !node_bool(node_get(n, "open"), "metrics.open", &m->open, l->t) || !node_choice(node_get(n, "aliases"), "metrics.aliases", aliases, &alias, l->t))
        return false;
    m->litellm = alias == 1;
    return true;
}

/* Where vendors reach the agents' listener from outside; kept without a slash at its end. */
static bool read_public_url(struct load *l, const struct node *n)
{
    struct base_url url;
    struct span text = SPAN_NONE;
    if (!node_span(n, "public_url", &text, l->t))
        return false;
    if (!n)
        return true;
    if (!base_url_parse(text, &l->scratch, &url)) {
        trouble_found(l->t, n, "public_url", "where vendors reach the gate, such as https://gate.example or https://example.com/gate");
        return false;
    }
    while (span_ends(text, SPAN("/")))
        text.len--;
    l->s->settings.public_url = arena_copy(l->a, text);
    return true;
}

static const char *const levels[] = { "debug", "info", "warn", "error", NULL };

static bool read_log(struct load *l, const struct node *root)
{
    static const char *const fields[] = { "format", "level", NULL };
    static const char *const formats[] = { "auto", "json", "text", NULL };
    const struct node *n = node_get(root, "log"), *level = node_get(n, "level");
    struct settings *s = &l->s->settings;
    int format = LOG_AS_FITS, lowest = (int)s->log_level;
    if (n && n->kind != NODE_MAP) {
        trouble_found(l->t, n, "log", "a map such as { format: json, level: warn }");
        return false;
    }
    if (!node_only(n, "log", fields, l->t) || !node_choice(node_get(n, "format"), "log.format", formats, &format, l->t) ||
        !node_choice(level, "log.level", levels, &lowest, l->t))
        return false;
    if (level && node_get(root, "log_level")) {
        trouble_say(l->t, level, "log.level", "stands beside log_level; allowed: either");
        return false;
    }
    s->log_format = (enum log_format)format;
    s->log_level = (enum log_level)lowest;
    return true;
}

static bool read_rest(struct load *l, const struct node *root)
{
    struct settings *s = &l->s->settings;
    int64_t workers = 0;
    int level = (int)s->log_level;
    bool good = node_i64(node_get(root, "workers"), "workers", 0, WORKERS_MOST, &workers, l->t) &&
                node_bool(node_get(root, "caps_as_429"), "caps_as_429", &s->caps_as_429, l->t) &&
                node_choice(node_get(root, "log_level"), "log_level", levels, &level, l->t) &&
                read_file_name(l, node_get(root, "ca_file"), "ca_file", &s->ca_file);
    s->workers = (int)workers;
    s->log_level = (enum log_level)level;
    return good && read_log(l, root);
}

enum err settings_load(struct load *l)
{
    const struct node *root = l->tree.root;
    struct settings *s = &l->s->settings;
    struct span dir = l->in->data_dir;
    set_defaults(s);
    if (!dir.at && !node_span(node_get(root, "data"), "data", &dir, l->t))
        return E_CONFIG;
    s->data_dir = arena_copy(l->a, dir.at ? dir : SPAN("./data"));
    bool good = read_listen(l, node_get(root, "listen"), "listen", SPAN("127.0.0.1:8080"), &s->listen) &&
                read_admin(l, node_get(root, "admin")) && read_limits(l, node_get(root, "limits")) &&
                read_tls(l, node_get(root, "tls")) && read_durability(l, node_get(root, "durability")) &&
                read_idempotency(l, node_get(root, "idempotency")) && read_cache(l, node_get(root, "cache")) && read_public_url(l, node_get(root, "public_url")) &&
                read_metrics(l, node_get(root, "metrics")) && telemetry_load(l, node_get(root, "telemetry")) &&
                node_bool(node_get(root, "private_callbacks"), "private_callbacks", &l->s->settings.private_callbacks, l->t) &&
                read_results(l, root) && read_rest(l, root);
    if (!good)
        return E_CONFIG;
    if (!same_listen(&s->listen, &s->admin_listen))
        return load_memory(l);
    trouble_say(l->t, node_get(root, "admin"), "admin.listen", "found \"%s\", which is `listen` as well; allowed: another address or port", s->listen.text);
    return E_CONFIG;
}

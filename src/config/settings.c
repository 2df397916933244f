/* SPDX-License-Identifier: Apache-2.0
 * settings.c - the gate's own settings: addresses, limits, files. Every limit has a default and bounds (docs/configuration.md). */
#include <stdio.h>

#include "base/log.h"
#include "config/parts.h"
#include "rules/token.h"

enum { WORKERS_MOST = 256 };

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
    { "event_bytes", BYTES, false, AT(event_bytes), KIB, 256 * MIB },
    { "call_memory", BYTES, false, AT(call_arena), 64 * KIB, 4 * GIB },
    { "call_time", TIME, false, AT(call_ms), 100, 24 * HOUR },
    { "drain_time", TIME, false, AT(drain_ms), 0, HOUR },
};

enum { ROWS = sizeof(rows) / sizeof(*rows) };

static void set_defaults(struct settings *s)
{
    *s = (struct settings){ .log_level = LOG_INFO, .durability = DURABLE_MONEY, .answers_ms = 7 * DAY, .duplicate_wait_ms = MINUTE };
    s->limits = (struct limits){
        .http = http_limits_default,
        .pool = http_pool_limits_default,
        .deadlines = { .connect_ms = 10 * SECOND, .first_byte_ms = 10 * MINUTE, .idle_ms = 2 * MINUTE, .send_ms = MINUTE },
        .body_bytes = 32 * MIB,
        .stream_bytes = 0,
        .answer_bytes = 8 * MIB,
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
    config_admin_hash_init(&s->admin_token, l->in->master_key);
    if (token.at)
        s->admin_token_hash = digest_keyed_hash(&s->admin_token, token);
    return true;
}

static bool read_admin(struct load *l, const struct node *n)
{
    static const char *const fields[] = { "listen", "token", NULL };
    return node_only(n, "admin", fields, l->t) &&
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

static bool read_durability(struct load *l, const struct node *n)
{
    static const char *const modes[] = { [DURABLE_MONEY] = "money", [DURABLE_STRICT] = "strict", [DURABLE_RELAXED] = "relaxed", NULL };
    int mode = DURABLE_MONEY;
    if (!node_choice(n, "durability", modes, &mode, l->t))
        return false;
    l->s->settings.durability = (enum durability)mode;
    return true;
}

static bool read_rest(struct load *l, const struct node *root)
{
    static const char *const levels[] = { "debug", "info", "warn", "error", NULL };
    struct settings *s = &l->s->settings;
    int64_t workers = 0;
    int level = (int)s->log_level;
    bool good = node_i64(node_get(root, "workers"), "workers", 0, WORKERS_MOST, &workers, l->t) &&
                node_bool(node_get(root, "caps_as_429"), "caps_as_429", &s->caps_as_429, l->t) &&
                node_choice(node_get(root, "log_level"), "log_level", levels, &level, l->t) &&
                read_file_name(l, node_get(root, "ca_file"), "ca_file", &s->ca_file);
    s->workers = (int)workers;
    s->log_level = (enum log_level)level;
    return good;
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
                read_idempotency(l, node_get(root, "idempotency")) && read_rest(l, root);
    if (!good)
        return E_CONFIG;
    if (!same_listen(&s->listen, &s->admin_listen))
        return load_memory(l);
    trouble_say(l->t, node_get(root, "admin"), "admin.listen", "found \"%s\", which is `listen` as well; allowed: another address or port", s->listen.text);
    return E_CONFIG;
}

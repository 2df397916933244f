/* SPDX-License-Identifier: Apache-2.0
 * rules.c - reading retry, cache and breaker: whole objects, which a child takes whole or says anew. */
#include "route/inside.h"

enum { MINUTE_MS = 60 * 1000, DAY_MS = 24 * 60 * MINUTE_MS };

static const struct codes retry_codes = { false, { 429, 500, 502, 503, 504, 529 }, 6 };

const struct retry route_retry_default = { .on = { false, { 429, 500, 502, 503, 504, 529 }, 6 }, .use_retry_after = true, .base_ms = 500, .most_ms = 16000 };
const struct breaker_rule route_breaker_default = { .failures = 5, .rate_percent = 50, .least = 20, .window_ms = MINUTE_MS, .cooldown_ms = 30000 };
const struct cache_rule route_cache_default = { .mode = CACHE_OFF, .max_age_ms = (int64_t)7 * DAY_MS, .threshold_ppm = 950000 };

/* retry: 3 */
static bool read_attempts(struct reading *r, const struct node *n, const char *field, int *out)
{
    int64_t attempts = *out;
    if (!node_i64(n, read_at(r, field), 0, ROUTE_RETRIES_MOST, &attempts, r->t))
        return false;
    *out = (int)attempts;
    return true;
}

bool read_retry(struct reading *r, const struct node *n, struct retry *out)
{
    static const char *const fields[] = { "attempts", "on_status_codes", "use_retry_after_header", "base", "most", NULL };
    if (!n)
        return true;
    *out = route_retry_default;
    if (n->kind == NODE_SCALAR)
        return read_attempts(r, n, ".retry", &out->attempts);
    size_t was = read_into(r, ".retry");
    bool good = node_only(n, read_at(r, ""), fields, r->t) && read_attempts(r, node_get(n, "attempts"), ".attempts", &out->attempts) &&
                read_codes(r, node_get(n, "on_status_codes"), ".on_status_codes", &out->on) &&
                node_bool(node_get(n, "use_retry_after_header"), read_at(r, ".use_retry_after_header"), &out->use_retry_after, r->t) &&
                read_time(r, node_get(n, "base"), ".base", 1, 1, MINUTE_MS, &out->base_ms) &&
                read_time(r, node_get(n, "most"), ".most", 1, 1, 5 * MINUTE_MS, &out->most_ms);
    if (good && out->on.given && !out->on.count)
        out->on = retry_codes;
    read_back(r, was);
    return good;
}

static const char *const cache_modes[] = { "off", "simple", "exact", "semantic", "false", NULL };
static const enum cache_mode cache_meant[] = { CACHE_OFF, CACHE_EXACT, CACHE_EXACT, CACHE_SEMANTIC, CACHE_OFF };

static bool read_cache_mode(struct reading *r, const struct node *n, const char *field, enum cache_mode *out)
{
    int mode = 0;
    if (!n || !node_choice(n, read_at(r, field), cache_modes, &mode, r->t))
        return !n;
    *out = cache_meant[mode];
    return true;
}

bool read_cache(struct reading *r, const struct node *n, const char *field, struct cache_rule *out)
{
    static const char *const fields[] = { "mode", "max_age", "threshold", "model", "namespace", NULL };
    if (!n)
        return true;
    *out = route_cache_default;
    out->said = true;
    if (n->kind == NODE_SCALAR)
        return read_cache_mode(r, n, field, &out->mode);
    size_t was = read_into(r, field);
    out->mode = CACHE_EXACT;
    bool good = node_only(n, read_at(r, ""), fields, r->t) && read_cache_mode(r, node_get(n, "mode"), ".mode", &out->mode) &&
                read_time(r, node_get(n, "max_age"), ".max_age", 1000, MINUTE_MS, (int64_t)90 * DAY_MS, &out->max_age_ms) &&
                read_ppm(r, node_get(n, "threshold"), ".threshold", 500000, 1000000, &out->threshold_ppm) &&
                read_text(r, node_get(n, "model"), ".model", &out->embedding_model) && read_text(r, node_get(n, "namespace"), ".namespace", &out->namespace_);
    read_back(r, was);
    return good;
}

/* Two names for one number. */
static bool read_number(struct reading *r, const struct node *n, const char *name, int64_t most, int *out)
{
    int64_t value = *out;
    if (!node_i64(node_get(n, name + 1), read_at(r, name), 0, most, &value, r->t))
        return false;
    *out = (int)value;
    return true;
}

bool read_breaker(struct reading *r, const struct node *n, struct breaker_rule *out)
{
    static const char *const fields[] = { "failures", "rate_percent", "least", "window", "cooldown", "on_status_codes", NULL };
    static const char *const off[] = { "off", "false", NULL };
    int ignored;
    if (!n)
        return true;
    if (n->kind == NODE_SCALAR) {
        *out = (struct breaker_rule){ .failures = 0 };
        return node_choice(n, read_at(r, ".breaker"), off, &ignored, r->t);
    }
    *out = route_breaker_default;
    size_t was = read_into(r, ".breaker");
    bool good = node_only(n, read_at(r, ""), fields, r->t) && read_number(r, n, ".failures", 1000, &out->failures) &&
                read_number(r, n, ".rate_percent", 100, &out->rate_percent) && read_number(r, n, ".least", 10000, &out->least) &&
                read_time(r, node_get(n, "window"), ".window", 1, 1000, 60 * MINUTE_MS, &out->window_ms) &&
                read_time(r, node_get(n, "cooldown"), ".cooldown", 1, 100, 60 * MINUTE_MS, &out->cooldown_ms) &&
                read_codes(r, node_get(n, "on_status_codes"), ".on_status_codes", &out->on);
    read_back(r, was);
    return good;
}

/* Portkey's own names and defaults: what is not said does not apply. */
bool read_portkey_breaker(struct reading *r, const struct node *n, struct breaker_rule *out)
{
    static const char *const fields[] = { "failure_threshold", "failure_threshold_percentage", "minimum_requests", "cooldown_interval", "failure_status_codes", NULL };
    if (!n)
        return true;
    *out = (struct breaker_rule){ .least = 5, .window_ms = MINUTE_MS, .cooldown_ms = 30000 };
    size_t was = read_into(r, ".cb_config");
    bool good = node_only(n, read_at(r, ""), fields, r->t) && read_number(r, n, ".failure_threshold", 1000, &out->failures) &&
                read_number(r, n, ".failure_threshold_percentage", 100, &out->rate_percent) && read_number(r, n, ".minimum_requests", 10000, &out->least) &&
                read_time(r, node_get(n, "cooldown_interval"), ".cooldown_interval", 1, 30000, 60 * MINUTE_MS, &out->cooldown_ms) &&
                read_codes(r, node_get(n, "failure_status_codes"), ".failure_status_codes", &out->on);
    if (good && !out->failures && !out->rate_percent)
        good = read_wrong(r, n, "", "failure_threshold or failure_threshold_percentage, or both");
    read_back(r, was);
    return good;
}

/* SPDX-License-Identifier: Apache-2.0
 * capture.c - `capture:` of a workspace or a key: whether calls' content is kept, which sides of it, how much, how long, and without what.
 * Off unless it is said. */
#include "config/parts.h"

#include <stdio.h>

#include "guard/redact.h"

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)
enum { LIMIT_LEAST = 1 << 10, LIMIT_USUAL = 256 << 10, LIMIT_MOST = 4 << 20, DAYS_USUAL = 30, DAYS_MOST = 400, SAMPLE_ALL = 10000 };

static const char *const fields[] = { "request", "response", "by_call", "limit", "retention", "redact", "sample", NULL };

static const char *at(char path[CONFIG_PATH], const char *of, const char *field)
{
    snprintf(path, CONFIG_PATH, "%.150s.%s", of, field);
    return path;
}

static bool within(const struct node *n, const char *path, int64_t value, int64_t least, int64_t most, const char *allowed, struct trouble *t)
{
    if (value >= least && value <= most)
        return true;
    trouble_found(t, n, path, allowed);
    return false;
}

/* "25%", "0.5%", or 25: in hundredths of a percent. */
static bool read_sample(const struct node *n, const char *path, int *out, struct trouble *t)
{
    struct span text = SPAN_NONE, whole;
    uint64_t percent = 0, part = 0;
    if (!n)
        return true;
    if (!node_span(n, path, &text, t))
        return false;
    struct span number = span_ends(text, SPAN("%")) ? span_first(text, text.len - 1) : text;
    bool parted = span_cut(&number, '.', &whole);
    bool good = span_to_u64(parted ? whole : number, &percent) && (!parted || (number.len >= 1 && number.len <= 2 && span_to_u64(number, &part)));
    part = parted && number.len == 1 ? 10 * part : part;
    if (!good || percent > 100 || 100 * percent + part > SAMPLE_ALL) {
        trouble_found(t, n, path, "a share of the calls from 0% to 100%, with at most two digits behind the point");
        return false;
    }
    *out = (int)(100 * percent + part);
    return true;
}

static bool read_rule(struct load *l, const struct node *n, const char *path, struct capture_rule *out)
{
    char p[CONFIG_PATH];
    struct trouble *t = l->t;
    if (!node_only(n, path, fields, t) || !node_bool(node_get(n, "request"), at(p, path, "request"), &out->request, t) ||
        !node_bool(node_get(n, "response"), at(p, path, "response"), &out->response, t) || !node_bool(node_get(n, "by_call"), at(p, path, "by_call"), &out->by_call, t))
        return false;
    if (!node_size(node_get(n, "limit"), at(p, path, "limit"), &out->limit, t) || !within(node_get(n, "limit"), p, out->limit, LIMIT_LEAST, LIMIT_MOST, "1KiB to 4MiB a side", t))
        return false;
    if (!node_duration(node_get(n, "retention"), at(p, path, "retention"), &out->retention_ms, t) ||
        !within(node_get(n, "retention"), p, out->retention_ms, 60 * 1000, DAYS_MOST * DAY_MS, "1m to 400d", t))
        return false;
    return read_sample(node_get(n, "sample"), at(p, path, "sample"), &out->sample, t) && redactor_read(l->a, node_get(n, "redact"), at(p, path, "redact"), &out->redactor, t);
}

bool capture_load(struct load *l, const struct node *n, const char *path, const struct capture_rule **out)
{
    struct capture_rule rule = { .request = true, .response = true, .limit = LIMIT_USUAL, .retention_ms = DAYS_USUAL * DAY_MS, .sample = SAMPLE_ALL };
    bool on = true;
    if (!n)
        return true;
    if (n->kind == NODE_SCALAR ? !node_bool(n, path, &on, l->t) : !read_rule(l, n, path, &rule))
        return false;
    if (n->kind == NODE_SCALAR && !redactor_read(l->a, NULL, path, &rule.redactor, l->t))
        return false;
    struct capture_rule *kept = ARENA_NEW(l->a, struct capture_rule);
    if (!kept)
        return false;
    *kept = rule;
    *out = on && (rule.request || rule.response) ? kept : NULL;
    return true;
}

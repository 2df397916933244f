/* SPDX-License-Identifier: Apache-2.0
 * telemetry.c - `telemetry: { otlp: { endpoint, headers, interval, plain } }`: where metrics are pushed to. Of the file alone, never of the
 * API: what stands in the fields may open somebody else's house. */
#include <stdio.h>

#include "base/text.h"
#include "config/parts.h"

#define SECOND INT64_C(1000)

/* An HTTP token (RFC 9110, 5.6.2), and none that the sender writes itself. */
static bool is_name(struct span name)
{
    static const char *const own[] = { "host", "content-length", "content-type", "transfer-encoding", "connection", "user-agent", NULL };
    for (const char *const *o = own; *o; o++)
        if (span_is_nocase(name, span_of(*o)))
            return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (!c || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return name.len > 0 && name.len <= 100;
}

static bool read_headers(struct load *l, const struct node *n, struct telemetry_settings *t)
{
    static const char path[] = "telemetry.otlp.headers";
    if (n && n->kind != NODE_MAP) {
        trouble_found(l->t, n, path, "a map such as { x-api-key: ${COLLECTOR_KEY} }");
        return false;
    }
    for (const struct node *f = n ? n->first : NULL; f; f = f->next) {
        struct span value = SPAN_NONE;
        if (t->field_count == TELEMETRY_FIELDS || !is_name(f->name)) {
            trouble_say(l->t, f, path, "found \"%.*s\"; allowed: up to %d names of header fields, but none of host, content-type, content-length, transfer-encoding, connection, user-agent",
                SPAN_ARG(span_first(f->name, 60)), TELEMETRY_FIELDS);
            return false;
        }
        if (!node_span(f, path, &value, l->t))
            return false;
        if (!remote_visible(value)) {
            trouble_say(l->t, f, path, "a value that cannot stand in a header field; allowed: visible characters on one line");
            return false;
        }
        t->fields[t->field_count++] = (struct telemetry_field){ arena_copy(l->a, f->name), arena_copy(l->a, value) };
    }
    return true;
}

/* The endpoint's base, as OpenTelemetry's own setting has it, or the whole address. */
static struct span whole_url(struct load *l, struct span endpoint)
{
    while (span_ends(endpoint, SPAN("/")))
        endpoint.len--;
    return span_ends(endpoint, SPAN("/v1/metrics")) ? arena_copy(l->a, endpoint) : arena_print(l->a, "%.*s/v1/metrics", SPAN_ARG(endpoint));
}

static bool read_otlp(struct load *l, const struct node *n)
{
    static const char *const fields[] = { "endpoint", "headers", "interval", "plain", NULL };
    struct telemetry_settings *t = &l->s->settings.telemetry;
    struct span endpoint = SPAN_NONE;
    struct path path;
    bool plain = false;
    path.len = (size_t)snprintf(path.text, sizeof(path.text), "telemetry.otlp");
    if (!node_only(n, "telemetry.otlp", fields, l->t) || !node_span(node_get(n, "endpoint"), "telemetry.otlp.endpoint", &endpoint, l->t) ||
        !node_bool(node_get(n, "plain"), "telemetry.otlp.plain", &plain, l->t) || !read_headers(l, node_get(n, "headers"), t))
        return false;
    t->interval_ms = 60 * SECOND;
    if (!node_duration(node_get(n, "interval"), "telemetry.otlp.interval", &t->interval_ms, l->t))
        return false;
    if (t->interval_ms < SECOND || t->interval_ms > 3600 * SECOND) {
        trouble_found(l->t, node_get(n, "interval"), "telemetry.otlp.interval", "a time from 1s to 1h");
        return false;
    }
    if (!endpoint.at) {
        trouble_say(l->t, n, "telemetry.otlp.endpoint", "is required; allowed: where the collector listens, such as http://127.0.0.1:4318");
        return false;
    }
    if (!remote_url(l, n, &path, ".endpoint", endpoint, plain))
        return false;
    t->url = whole_url(l, endpoint);
    return true;
}

bool telemetry_load(struct load *l, const struct node *n)
{
    static const char *const fields[] = { "otlp", NULL };
    if (n && n->kind != NODE_MAP) {
        trouble_found(l->t, n, "telemetry", "a map such as { otlp: { endpoint: http://127.0.0.1:4318 } }");
        return false;
    }
    if (!n)
        return true;
    if (!node_only(n, "telemetry", fields, l->t))
        return false;
    const struct node *otlp = node_get(n, "otlp");
    if (otlp && otlp->kind != NODE_MAP) {
        trouble_found(l->t, otlp, "telemetry.otlp", "a map such as { endpoint: http://127.0.0.1:4318 }");
        return false;
    }
    return !otlp || read_otlp(l, otlp);
}

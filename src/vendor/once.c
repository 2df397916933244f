/* SPDX-License-Identifier: Apache-2.0
 * once.c - compiling `idempotency`: the header field that a vendor takes idempotency keys in, for which calls, for how long.
 *
 * The caller's own key never goes on: two of our keys share one secret, and a vendor would give the one the other's answer.
 * compose.c writes the gate's key in its place, look_up.c reads what comes of asking again. */
#include "vendor/compile.h"

enum { ONCE_LONGEST = 1024 };
static const int64_t once_shortest_ms = INT64_C(60) * 1000, once_longest_ms = INT64_C(366) * 86400 * 1000;

static bool in_list(const struct span *list, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(list[i], name))
            return true;
    return false;
}

/* The field is written by the gate alone: not also passed on, and not by default. */
static bool header_read(struct compiler *c, const struct node *root, const struct node *n)
{
    struct manifest *m = c->manifest;
    struct span name = SPAN("idempotency-key");
    const char *path = "idempotency.header";
    if (!header_name_read(c, n, path, &name))
        return false;
    bool passed = in_list(m->allowed_fields, m->allowed_count, name);
    for (size_t i = 0; i < m->default_count; i++)
        passed |= span_is(m->default_fields[i].name, name);
    if (passed)
        return say(c, n ? n : root, path, name, "a field that is not in request_headers or default_headers too");
    c->vendor->once = name;
    return true;
}

static bool final_read(struct compiler *c, const struct node *n)
{
    struct manifest *m = c->manifest;
    struct span *texts = NULL;
    size_t count = 0;
    if (!node_spans(c->arena, n, "idempotency.final", &texts, &count, c->trouble))
        return false;
    m->once_final = ARENA_ARRAY(c->arena, int64_t, count + 1);
    if (!m->once_final)
        return say_memory(c, n);
    for (size_t i = 0; i < count; i++) {
        int64_t status = 0;
        bool proof = span_to_i64(texts[i], &status) && status >= 400 && status < 500 && status != 401 && status != 403 &&
                     status != 408 && status != 409 && status != 429;
        if (!proof)
            return say(c, n, item(c, "idempotency.final", i), texts[i],
                "statuses from 400 to 499; but 401, 403, 408, 409 and 429 prove nothing about the first call");
        m->once_final[m->once_final_count++] = status;
    }
    return true;
}

static bool calls_read(struct compiler *c, const struct node *root, const struct node *n)
{
    struct manifest *m = c->manifest;
    if (!node_spans(c->arena, n, "idempotency.for", &m->once_calls, &m->once_call_count, c->trouble))
        return false;
    return m->once_call_count || say(c, n ? n : root, "idempotency.for", SPAN_NONE, "calls, with * : [\"POST /v1/*\"]");
}

bool once_read(struct compiler *c, const struct node *n)
{
    static const char *const names[] = { "header", "for", "longest", "remembered", "final", NULL };
    struct vendor *v = c->vendor;
    int64_t longest = 0;
    if (!n)
        return true;
    if (n->kind != NODE_MAP)
        return say(c, n, "idempotency", n->text, "a map: header, for, longest, remembered, final");
    const struct node *most = node_get(n, "longest"), *remembered = node_get(n, "remembered");
    if (!node_only(n, "idempotency", names, c->trouble) || !header_read(c, n, node_get(n, "header")) ||
        !calls_read(c, n, node_get(n, "for")) || !final_read(c, node_get(n, "final")))
        return false;
    if (!node_i64(most, "idempotency.longest", VENDOR_ONCE_MOST, ONCE_LONGEST, &longest, c->trouble) ||
        !node_duration(remembered, "idempotency.remembered", &v->once_ms, c->trouble))
        return false;
    if (!most)
        return say(c, n, "idempotency.longest", SPAN_NONE, "how many characters a key may have; the gate's have up to 64");
    if (v->once_ms < once_shortest_ms || v->once_ms > once_longest_ms)
        return say(c, remembered ? remembered : n, "idempotency.remembered", remembered ? remembered->text : SPAN_NONE,
            "for how long the vendor remembers a key, 1m to 366d: 24h");
    return true;
}

bool once_used(struct compiler *c, const struct node *n)
{
    struct manifest *m = c->manifest;
    bool *fits = ARENA_ARRAY(&c->scratch, bool, m->operation_count);
    if (!fits)
        return say_memory(c, n);
    if (!calls_fit(c, node_get(n, "for"), "idempotency.for", m->once_calls, m->once_call_count, fits))
        return false;
    for (size_t i = 0; i < m->operation_count; i++)
        m->operations[i].idempotent |= fits[i];
    return true;
}

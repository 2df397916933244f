/* SPDX-License-Identifier: Apache-2.0
 * target.c - read_target: which vendor, which run, one canonical path, and what our own fields say.
 *
 * Our own prefixes are cut from the bytes that came, before the vendor's path is brought to its canonical form: an SDK whose
 * base URL ends in a slash sends "/resend//emails", and that run of slashes is the beginning of Resend's path.
 *
 * Next to read: identify.c. */
#include "flow/steps.h"

#include "base/text.h"
#include "rules/token.h"

enum { METADATA_MAX = 4096, STEP_MAX = 128 };

/* "/r/<run>/rest" names the run for callers that cannot set a header. */
static enum next cut_run(struct exchange *x, struct span *path)
{
    struct span rest = span_from(*path, 3), run;
    if (!span_starts(*path, SPAN("/r/")))
        return NEXT;
    if (!span_cut(&rest, '/', &run) || !run_id_ok(run))
        return fail(x, E_BAD_REQUEST, "the path begins with /r/ but no run id follows; allowed: /r/<run>/<path>");
    *path = span_make(rest.at - 1, rest.len + 1);
    x->facts.run = run;
    return NEXT;
}

static const struct upstream *upstream_by_host(const struct snapshot *s, struct span host)
{
    struct span label;
    return span_cut(&host, '.', &label) ? snapshot_upstream(s, label) : NULL;
}

static const struct upstream *upstream_by_prefix(const struct snapshot *s, struct span *path)
{
    struct span rest = span_from(*path, 1), slug;
    if (!span_cut(&rest, '/', &slug))
        return NULL;
    const struct upstream *u = snapshot_upstream(s, slug);
    if (u)
        *path = span_make(rest.at - 1, rest.len + 1);
    return u;
}

/* Three of the four ways of finding the vendor; the fourth, by the key, is match_operation's. */
static const struct upstream *find_upstream(const struct exchange *x, struct span *path)
{
    const struct upstream *u;
    if (x->tag && (u = snapshot_upstream(x->snapshot, span_of(x->tag))))
        return u;
    if ((u = upstream_by_host(x->snapshot, http_get(x->asking.head, SPAN("host")))))
        return u;
    return upstream_by_prefix(x->snapshot, path);
}

static enum next read_run_header(struct exchange *x)
{
    struct span run = http_get(x->asking.head, SPAN("x-agent-run-id"));
    if (!run.at)
        return NEXT;
    if (!run_id_ok(run))
        return fail(x, E_BAD_REQUEST, "x-agent-run-id: allowed are 1 to 128 characters of A-Z a-z 0-9 _ - : . / @");
    if (x->facts.run.at && !span_is(run, x->facts.run))
        return fail(x, E_BAD_REQUEST, "the run id in the path and in x-agent-run-id differ");
    x->facts.run = run;
    return NEXT;
}

static enum next read_metadata(struct exchange *x)
{
    struct span text = http_get(x->asking.head, SPAN("x-tollgate-metadata"));
    struct json_value root;
    const char *why = "";
    if (!text.at)
        text = http_get(x->asking.head, SPAN("x-portkey-metadata"));
    if (!text.at)
        return NEXT;
    if (text.len > METADATA_MAX)
        return fail(x, E_TOO_LARGE, "x-tollgate-metadata: at most %d bytes are allowed", METADATA_MAX);
    if (json_parse(x->desk->json, text, false, &root, &why) != E_OK || json_kind(root) != JSON_OBJECT)
        return fail(x, E_BAD_REQUEST, "x-tollgate-metadata: a JSON object is expected (%s)", why);
    buf_clear(&x->desk->scratch);
    json_print(root, &x->desk->scratch);
    x->asking.metadata = arena_copy(&x->arena, buf_span(&x->desk->scratch));
    return NEXT;
}

/* What decides who pays for what must not be said twice: another reader might take the other one. */
static enum next refuse_repeats(struct exchange *x)
{
    static const struct span once[] = { { "authorization", 13 }, { "x-api-key", 9 }, { "api-key", 7 }, { "x-goog-api-key", 14 },
        { "x-portkey-api-key", 17 }, { "x-agent-run-id", 14 }, { "x-agent-step", 12 }, { "idempotency-key", 15 },
        { "content-type", 12 }, { "x-tollgate-max-cost-usd", 23 }, { "x-tollgate-metadata", 19 } };
    for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++)
        if (http_count(x->asking.head, once[i]) > 1)
            return fail(x, E_NOT_CANONICAL, "the field %.*s is given more than once", SPAN_ARG(once[i]));
    return NEXT;
}

static enum next read_own_headers(struct exchange *x)
{
    const struct http_head *h = x->asking.head;
    if (refuse_repeats(x) == STOP)
        return STOP;
    struct span max = http_get(h, SPAN("x-tollgate-max-cost-usd"));
    if (max.at && (!money_parse(max, &x->asking.max_cost) || x->asking.max_cost < 0))
        return fail(x, E_BAD_REQUEST, "x-tollgate-max-cost-usd: found \"%.*s\"; a decimal number of dollars is expected",
            SPAN_ARG(span_first(max, 40)));
    x->facts.step = http_get(h, SPAN("x-agent-step"));
    if (x->facts.step.len > STEP_MAX || !text_is_utf8(x->facts.step))
        return fail(x, E_BAD_REQUEST, "x-agent-step: at most %d bytes of UTF-8 are allowed", STEP_MAX);
    x->asking.idempotency = http_get(h, SPAN("idempotency-key")); /* a vendor may have a name of its own for it: match_operation */
    if (read_run_header(x) == STOP || !portkey_read(x))
        return STOP;
    return read_metadata(x);
}

enum next read_target(struct exchange *x)
{
    const char *why = "";
    if (!x->asking.head)
        return fail(x, E_NO_MEMORY, "no memory for this call");
    if (x->desk->draining)
        return fail(x, E_DRAINING, "the gate is shutting down; try again");
    struct span rest = x->asking.path = x->asking.head->target;
    if (cut_run(x, &rest) == STOP)
        return STOP;
    x->deciding.upstream = find_upstream(x, &rest);
    if (x->deciding.upstream)
        x->facts.vendor = x->deciding.upstream->vendor.slug;
    x->asking.prefix = span_first(x->asking.head->target, x->asking.head->target.len - rest.len);
    enum err e = canon_target(&x->arena, rest, &x->asking.path, &x->asking.query, &why);
    if (e != E_OK) {
        x->asking.path = rest;
        return fail(x, e, "the path cannot be taken as it is: %s", why);
    }
    return read_own_headers(x);
}

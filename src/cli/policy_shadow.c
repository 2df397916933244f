/* SPDX-License-Identifier: Apache-2.0
 * policy_shadow.c - `tollgate policy shadow`: the calls of which a policy on trial says something else than the one in force, summed up by
 * operation and by what the two say. */
#include "cli/policy_shadow.h"

#include <stdlib.h>

#include "cli/object.h"

enum { GROUPS_MOST = 500, PAGES_MOST = 2000 };

/* Calls of one operation of which the two policies say the same two things. */
struct group {
    struct span operation, now, then, reason, call;
    int64_t count;
};

struct report {
    struct cli *cli;
    struct span policy;
    struct group *groups;
    size_t count;
    int64_t refused, let_through; /* calls */
    bool cut;                     /* there were more groups than are shown */
};

static struct span keep(struct report *r, struct span s) { return arena_copy(&r->cli->arena, s.at ? s : SPAN("")); }

static struct group *group_of(struct report *r, const struct group *wanted)
{
    for (size_t i = 0; i < r->count; i++)
        if (span_is(r->groups[i].operation, wanted->operation) && span_is(r->groups[i].now, wanted->now) && span_is(r->groups[i].then, wanted->then))
            return &r->groups[i];
    if (r->count == GROUPS_MOST) {
        r->cut = true;
        return NULL;
    }
    struct group *g = &r->groups[r->count++];
    *g = (struct group){ .operation = keep(r, wanted->operation), .now = keep(r, wanted->now), .then = keep(r, wanted->then), .reason = keep(r, wanted->reason), .call = keep(r, wanted->call) };
    return g;
}

static void add(struct report *r, struct json_value call)
{
    struct json_value shadow = json_member(call, SPAN("shadow"));
    struct span denied = json_string(json_member(call, SPAN("denied"))), then = json_string(json_member(shadow, SPAN("denied")));
    struct group wanted = { .operation = json_string(json_member(call, SPAN("operation"))), .now = denied.len ? denied : SPAN("allowed"), .then = then.len ? then : SPAN("allowed"),
        .call = json_string(json_member(call, SPAN("id"))) };
    if (!span_is(json_string(json_member(shadow, SPAN("policy"))), r->policy))
        return;
    wanted.reason = json_string(json_member(then.len ? shadow : call, SPAN("reason")));
    r->refused += !denied.len && then.len;
    r->let_through += denied.len && !then.len;
    struct group *g = group_of(r, &wanted);
    if (g)
        g->count++;
}

static int by_count(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    return x->count == y->count ? span_compare(x->operation, y->operation) : x->count < y->count ? 1 : -1;
}

/* ---- asking ---- */

static int read_page(struct report *r, struct span since, struct span *cursor)
{
    struct cli *c = r->cli;
    struct api_path path;
    struct json_value root, item;
    struct span ignored;
    bool printed;
    api_path(&path, "calls");
    api_path_query(&path, "shadow", SPAN("differs"));
    api_path_query(&path, "from", since);
    api_path_query(&path, "key", option(c, "key"));
    api_path_query(&path, "limit", SPAN("1000"));
    api_path_query(&path, "cursor", *cursor);
    int code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE)
        return code;
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); json_next(&it, &ignored, &item);)
        add(r, item);
    *cursor = arena_copy(&c->arena, api_text(c, root, "next_cursor"));
    return EXIT_DONE;
}

static int read_calls(struct report *r, struct span since)
{
    struct span cursor = SPAN_NONE;
    bool json = r->cli->json;
    int code = EXIT_DONE;
    r->cli->json = false; /* the report is made here */
    for (int page = 0; code == EXIT_DONE && page < PAGES_MOST && (page == 0 || cursor.len); page++)
        code = read_page(r, since, &cursor);
    r->cli->json = json;
    return code;
}

/* ---- telling ---- */

static const struct column columns[] = { { "OPERATION", ALIGN_LEFT, 40 }, { "CALLS", ALIGN_RIGHT, 0 }, { "IN FORCE", ALIGN_LEFT, 0 }, { "ON TRIAL", ALIGN_LEFT, 0 }, { "LAST CALL", ALIGN_LEFT, 0 }, { "WHY", ALIGN_LEFT, 80 } };

static void print_table(struct report *r)
{
    struct table t;
    table_init(&t, &r->cli->arena, columns, sizeof(columns) / sizeof(*columns), r->cli->colour);
    for (size_t i = 0; i < r->count; i++) {
        const struct group *g = &r->groups[i];
        table_row(&t);
        table_put(&t, g->operation);
        table_put_i64(&t, g->count);
        table_put(&t, g->now);
        table_put_tinted(&t, g->then, span_is(g->then, SPAN("allowed")) ? TINT_GREEN : TINT_RED);
        table_put(&t, g->call);
        table_put(&t, g->reason);
    }
    (void)api_show(r->cli, &t, "no call would have been decided otherwise");
    if (r->count)
        printf("policy %.*s would have refused %lld calls that went through, and let %lld through that were refused%s\n", SPAN_ARG(r->policy), (long long)r->refused, (long long)r->let_through,
            r->cut ? "; only the first kinds are shown" : "");
}

static void print_json(const struct report *r)
{
    struct buf out;
    buf_init(&out, 4 << 20);
    struct json_out o = json_out(&out);
    json_open(&o, '{');
    json_pair(&o, SPAN("policy"), r->policy);
    json_pair_i64(&o, SPAN("would_refuse"), r->refused);
    json_pair_i64(&o, SPAN("would_allow"), r->let_through);
    json_name(&o, SPAN("differences"));
    json_open(&o, '[');
    for (size_t i = 0; i < r->count; i++) {
        json_open(&o, '{');
        json_pair(&o, SPAN("operation"), r->groups[i].operation);
        json_pair_i64(&o, SPAN("calls"), r->groups[i].count);
        json_pair(&o, SPAN("in_force"), r->groups[i].now);
        json_pair(&o, SPAN("on_trial"), r->groups[i].then);
        json_pair(&o, SPAN("last_call"), r->groups[i].call);
        json_pair(&o, SPAN("reason"), r->groups[i].reason);
        json_close(&o, '}');
    }
    json_close(&o, ']');
    json_close(&o, '}');
    printf("%.*s\n", SPAN_ARG(buf_span(&out)));
    buf_free(&out);
}

int policy_shadow(struct cli *c)
{
    struct report r = { .cli = c, .policy = c->operands[1], .groups = ARENA_ARRAY(&c->arena, struct group, GROUPS_MOST) };
    struct span since = option_given(c, "since") ? option_moment(c, option(c, "since"), false) : option_moment(c, SPAN("7d"), false);
    if (!since.at)
        return usage_error(c, "--since: found \"%.*s\"; allowed: 30s, 5m, 24h, 7d, or a time such as 2026-11-21T12:00:00Z", SPAN_ARG(option(c, "since")));
    int code = r.groups ? read_calls(&r, since) : EXIT_REFUSED;
    if (code != EXIT_DONE)
        return code;
    if (r.count)
        qsort(r.groups, r.count, sizeof(*r.groups), by_count);
    if (c->json)
        print_json(&r);
    else
        print_table(&r);
    return EXIT_DONE;
}

/* SPDX-License-Identifier: Apache-2.0
 * results.c - hook_results, in Portkey's words. */
#include "guard/guard.h"

static void put_ms(struct json_out *o, struct span name, int64_t us) { json_pair_i64(o, name, (us + 999) / 1000); }

static void put_opinion(struct json_out *o, const struct guard_opinion *p, int64_t at_ms)
{
    json_open(o, '{');
    json_pair_bool(o, SPAN("verdict"), p->verdict);
    json_pair(o, SPAN("id"), p->check);
    json_pair_bool(o, SPAN("transformed"), p->transformed);
    json_name(o, SPAN("data"));
    json_open(o, '{');
    json_pair(o, SPAN("explanation"), p->explanation);
    json_close(o, '}');
    if (p->error.at) {
        json_name(o, SPAN("error"));
        json_open(o, '{');
        json_pair(o, SPAN("name"), SPAN("Error"));
        json_pair(o, SPAN("message"), p->error);
        json_close(o, '}');
    }
    put_ms(o, SPAN("execution_time"), p->us);
    json_pair_time(o, SPAN("created_at"), at_ms);
    json_pair_bool(o, SPAN("fail_on_error"), true);
    json_close(o, '}');
}

static void put_hook(struct json_out *o, const struct guard_hook_result *h, int64_t at_ms)
{
    json_open(o, '{');
    json_pair_bool(o, SPAN("verdict"), h->verdict);
    json_pair(o, SPAN("id"), h->id);
    json_pair_bool(o, SPAN("transformed"), h->transformed);
    json_name(o, SPAN("checks"));
    json_open(o, '[');
    for (size_t i = 0; i < h->count; i++)
        put_opinion(o, &h->list[i], at_ms);
    json_close(o, ']');
    json_name(o, SPAN("feedback"));
    json_put_null(o);
    put_ms(o, SPAN("execution_time"), h->us);
    json_pair_bool(o, SPAN("async"), h->async);
    json_pair(o, SPAN("type"), h->type);
    json_pair_time(o, SPAN("created_at"), at_ms);
    json_pair_bool(o, SPAN("deny"), h->deny);
    json_close(o, '}');
}

static void put_list(struct json_out *o, const struct guard_result *r)
{
    json_open(o, '[');
    for (size_t i = 0; r && i < r->count; i++)
        put_hook(o, &r->list[i], r->at_ms);
    json_close(o, ']');
}

void guard_write_results(const struct guard_result *r, struct buf *out)
{
    struct json_out o = json_out(out);
    put_list(&o, r);
}

void guard_write_hooks(const struct guard_result *before, const struct guard_result *after, struct buf *out)
{
    struct json_out o = json_out(out);
    json_open(&o, '{');
    json_name(&o, SPAN("before_request_hooks"));
    put_list(&o, before);
    json_name(&o, SPAN("after_request_hooks"));
    put_list(&o, after);
    json_close(&o, '}');
}

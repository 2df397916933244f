/* SPDX-License-Identifier: Apache-2.0
 * health.c - for machines that watch: is it alive, can it take calls? */
#include "admin/inside.h"

void health_alive(struct visit *v)
{
    json_open(&v->json, '{');
    json_pair(&v->json, SPAN("status"), SPAN("ok"));
    json_close(&v->json, '}');
    reply_json(v, 200);
}

void health_ready(struct visit *v)
{
    bool healthy = store_healthy(books_store(v->admin->parts.books));
    json_open(&v->json, '{');
    json_pair_bool(&v->json, SPAN("ready"), healthy);
    json_name(&v->json, SPAN("reasons"));
    json_open(&v->json, '[');
    if (!healthy)
        json_put_string(&v->json, SPAN("the store cannot write: calls that spend are refused once the journal is full"));
    json_close(&v->json, ']');
    json_close(&v->json, '}');
    reply_json(v, healthy ? 200 : 503);
}

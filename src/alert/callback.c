/* SPDX-License-Identifier: Apache-2.0
 * callback.c - a vendor's callback that the gate took in the agent's place, carried on to where the agent wanted it.
 *
 * Not an alert, but of the same outbox: it is tried again in the same way, for an hour. The agent chose the address, so nothing of this machine or of a private
 * network is connected to unless the operator says so (private_callbacks). */
#include <stdio.h>

#include "alert/inside.h"
#include "http/fetch.h"

enum { FIELDS_MOST = 8, ARENA_MOST = 1 << 20 };

static size_t read_fields(struct json_value root, struct http_field fields[FIELDS_MOST])
{
    struct json_value list = json_member(root, SPAN("fields")), value;
    struct span type = json_string(json_member(root, SPAN("content_type"))), name;
    size_t count = 0;
    fields[count++] = (struct http_field){ SPAN("user-agent"), SPAN("Tollgate") };
    fields[count++] = (struct http_field){ SPAN("content-type"), type.at ? type : SPAN("application/x-www-form-urlencoded") };
    if (json_kind(list) != JSON_OBJECT)
        return count;
    for (struct json_iter it = json_iter(list); count < FIELDS_MOST && json_next(&it, &name, &value);)
        fields[count++] = (struct http_field){ name, json_string(value) };
    return count;
}

enum err callback_try(const struct alert *a, bool private_too, char why[256])
{
    struct fetch_limits limits = { .total_ms = SEND_MS, .body_bytes = ANSWER_BYTES, .cancel = a->cancel, .public_only = !private_too };
    struct span url = json_string(json_member(a->root, SPAN("url"))), body = json_string(json_member(a->root, SPAN("body")));
    struct http_field fields[FIELDS_MOST];
    struct fetch_answer answer;
    struct arena memory;
    arena_init(&memory, ARENA_MOST);
    size_t count = read_fields(a->root, fields);
    enum err e = fetch_within(&memory, SPAN("POST"), url, fields, count, body, &limits, &answer);
    int status = answer.status;
    arena_free(&memory);
    if (status >= 200 && status < 300)
        return E_OK;
    if (e == E_CLIENT_GONE)
        return e;
    if (status)
        snprintf(why, 256, "the agent's own address answered %d", status);
    else
        snprintf(why, 256, "the agent's own address could not be reached (addresses of private networks need private_callbacks: true)");
    return status ? E_UPSTREAM_BROKEN : E_UPSTREAM_UNREACHABLE;
}

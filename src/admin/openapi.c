/* SPDX-License-Identifier: Apache-2.0
 * openapi.c - the OpenAPI 3.1 document, written from the table of routes. */
#include "admin/inside.h"

#include <stdlib.h>

static void put_parameter(struct json_out *o, struct span name, struct span in)
{
    json_open(o, '{');
    json_pair(o, SPAN("name"), name);
    json_pair(o, SPAN("in"), in);
    json_pair_bool(o, SPAN("required"), span_is(in, SPAN("path")));
    json_pair_raw(o, SPAN("schema"), span_is(name, SPAN("limit")) ? SPAN("{\"type\":\"integer\",\"minimum\":1}") : SPAN("{\"type\":\"string\"}"));
    json_close(o, '}');
}

static void put_parameters(struct json_out *o, const struct route *r)
{
    bool in_path = strstr(r->path, "{id}") != NULL;
    if (!in_path && !r->query)
        return;
    json_name(o, SPAN("parameters"));
    json_open(o, '[');
    if (in_path)
        put_parameter(o, SPAN("id"), SPAN("path"));
    for (size_t i = 0; r->query && r->query[i]; i++)
        put_parameter(o, span_of(r->query[i]), SPAN("query"));
    json_close(o, ']');
}

/* "get_api_v1_keys_id": stable as long as the route is. */
static struct span operation_id(struct arena *a, const struct route *r)
{
    struct span text = arena_print(a, "%s%s", r->method, r->path);
    char *out = arena_take(a, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < text.len; i++) {
        char c = text.at[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c == '{' || c == '}')
            continue;
        out[n++] = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_';
    }
    return out ? span_make(out, n) : SPAN_NONE;
}

static struct span success(const struct route *r)
{
    if (strcmp(r->method, "DELETE") == 0)
        return SPAN("204");
    return r->run == objects_create ? SPAN("201") : SPAN("200");
}

static struct span media(const struct route *r)
{
    if (r->run == events_stream)
        return SPAN("text/event-stream");
    if (r->run == health_metrics)
        return SPAN("text/plain");
    return r->run == page_get ? SPAN("text/html") : SPAN("application/json");
}

static void put_responses(struct json_out *o, const struct route *r)
{
    bool empty = strcmp(r->method, "DELETE") == 0;
    json_name(o, SPAN("responses"));
    json_open(o, '{');
    json_name(o, success(r));
    json_open(o, '{');
    json_pair(o, SPAN("description"), empty ? SPAN("Done") : span_of(r->summary));
    if (!empty) {
        json_name(o, SPAN("content"));
        json_open(o, '{');
        json_pair_raw(o, media(r), r->query && r->query[0] && strcmp(r->query[0], "by") != 0 && r->run != events_stream
                ? SPAN("{\"schema\":{\"$ref\":\"#/components/schemas/List\"}}") : SPAN("{\"schema\":{}}"));
        json_close(o, '}');
    }
    json_close(o, '}');
    json_pair_raw(o, SPAN("default"), SPAN("{\"$ref\":\"#/components/responses/Problem\"}"));
    json_close(o, '}');
}

static void put_operation(struct visit *v, const struct route *r)
{
    struct json_out *o = &v->json;
    bool body = strcmp(r->method, "POST") == 0 || strcmp(r->method, "PATCH") == 0;
    json_name(o, strcmp(r->method, "GET") == 0 ? SPAN("get") : strcmp(r->method, "POST") == 0 ? SPAN("post")
            : strcmp(r->method, "PATCH") == 0 ? SPAN("patch") : SPAN("delete"));
    json_open(o, '{');
    json_pair(o, SPAN("operationId"), operation_id(&v->arena, r));
    json_pair(o, SPAN("summary"), span_of(r->summary));
    put_parameters(o, r);
    if (body)
        json_pair_raw(o, SPAN("requestBody"), SPAN("{\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\"}}}}"));
    if (r->open)
        json_pair_raw(o, SPAN("security"), SPAN("[]"));
    put_responses(o, r);
    json_close(o, '}');
}

static bool first_of_its_path(size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(admin_routes[k].path, admin_routes[i].path) == 0)
            return false;
    return true;
}

static void put_paths(struct visit *v)
{
    json_name(&v->json, SPAN("paths"));
    json_open(&v->json, '{');
    for (size_t i = 0; i < admin_route_count; i++) {
        if (!first_of_its_path(i))
            continue;
        json_name(&v->json, span_of(admin_routes[i].path));
        json_open(&v->json, '{');
        for (size_t k = i; k < admin_route_count; k++)
            if (strcmp(admin_routes[k].path, admin_routes[i].path) == 0)
                put_operation(v, &admin_routes[k]);
        json_close(&v->json, '}');
    }
    json_close(&v->json, '}');
}

static const char components[] =
    "{\"securitySchemes\":{\"admin\":{\"type\":\"http\",\"scheme\":\"bearer\"}},"
    "\"schemas\":{\"List\":{\"type\":\"object\",\"required\":[\"data\",\"next_cursor\"],\"properties\":{"
    "\"data\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}},\"next_cursor\":{\"type\":[\"string\",\"null\"]}}},"
    "\"Problem\":{\"type\":\"object\",\"required\":[\"type\",\"title\",\"status\",\"code\",\"detail\",\"field\"],\"properties\":{"
    "\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},\"code\":{\"type\":\"string\"},"
    "\"detail\":{\"type\":\"string\"},\"field\":{\"type\":[\"string\",\"null\"]}}}},"
    "\"responses\":{\"Problem\":{\"description\":\"What was wrong (RFC 9457)\",\"content\":{\"application/problem+json\":{"
    "\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}}}";

void openapi_get(struct visit *v)
{
    struct json_out *o = &v->json;
    json_open(o, '{');
    json_pair(o, SPAN("openapi"), SPAN("3.1.0"));
    json_pair_raw(o, SPAN("info"), SPAN("{\"title\":\"Tollgate admin API\",\"version\":\"1\",\"description\":\"Money is decimal text in fields ending in "
                                        "_usd; times are RFC 3339 UTC; a list is {data, next_cursor}.\"}"));
    json_pair_raw(o, SPAN("security"), SPAN("[{\"admin\":[]}]"));
    put_paths(v);
    json_pair_raw(o, SPAN("components"), span_of(components));
    json_close(o, '}');
    reply_json(v, 200);
}

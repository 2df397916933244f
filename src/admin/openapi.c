/* SPDX-License-Identifier: Apache-2.0
 * openapi.c - the OpenAPI 3.1 document, written from the table of routes, the shapes of what they say (shapes.c) and the fields that the
 * configuration reads. What no table says is not in it; what it says is tried against a running gate by a test. */
#include "admin/shapes.h"

#include <stdlib.h>

/* ---- shapes as JSON Schema ---- */

static void put_type(struct json_out *o, struct span text, struct arena *a);

static void put_plain(struct json_out *o, struct span type, bool null, const char *more)
{
    json_open(o, '{');
    if (null) {
        json_name(o, SPAN("type"));
        json_open(o, '[');
        json_put_string(o, type);
        json_put_string(o, SPAN("null"));
        json_close(o, ']');
    } else {
        json_pair(o, SPAN("type"), type);
    }
    if (more)
        json_pair(o, SPAN("format"), span_of(more));
    json_close(o, '}');
}

static void put_money(struct json_out *o, bool null)
{
    json_put_raw(o, null ? SPAN("{\"type\":[\"string\",\"null\"],\"pattern\":\"^-?[0-9]+(\\\\.[0-9]+)?$\"}") : SPAN("{\"type\":\"string\",\"pattern\":\"^-?[0-9]+(\\\\.[0-9]+)?$\"}"));
}

static void put_choice(struct json_out *o, struct span list)
{
    struct span one;
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("string"));
    json_name(o, SPAN("enum"));
    json_open(o, '[');
    while (span_next(&list, '|', &one))
        json_put_string(o, one);
    json_close(o, ']');
    json_close(o, '}');
}

static void put_reference(struct json_out *o, struct span name, bool null, struct arena *a)
{
    struct span ref = arena_print(a, "{\"$ref\":\"#/components/schemas/%.*s\"}", SPAN_ARG(name));
    if (null)
        ref = arena_print(a, "{\"oneOf\":[%.*s,{\"type\":\"null\"}]}", SPAN_ARG(ref));
    json_put_raw(o, ref);
}

static void put_list(struct json_out *o, struct span inner, struct arena *a)
{
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("array"));
    json_name(o, SPAN("items"));
    put_type(o, inner, a);
    json_close(o, '}');
}

static void put_type(struct json_out *o, struct span text, struct arena *a)
{
    bool null = span_ends(text, SPAN("?"));
    struct span t = null ? span_first(text, text.len - 1) : text, inner = t.len > 2 ? span_make(t.at + 1, t.len - 2) : SPAN("");
    if (t.at[0] == '[')
        put_list(o, inner, a);
    else if (t.at[0] == '(')
        put_choice(o, inner);
    else if (span_is(t, SPAN("s")))
        put_plain(o, SPAN("string"), null, NULL);
    else if (span_is(t, SPAN("t")))
        put_plain(o, SPAN("string"), null, "date-time");
    else if (span_is(t, SPAN("m")))
        put_money(o, null);
    else if (span_is(t, SPAN("i")))
        put_plain(o, SPAN("integer"), null, NULL);
    else if (span_is(t, SPAN("n")))
        put_plain(o, SPAN("number"), null, NULL);
    else if (span_is(t, SPAN("b")))
        put_plain(o, SPAN("boolean"), null, NULL);
    else if (span_is(t, SPAN("o")))
        put_plain(o, SPAN("object"), null, NULL);
    else if (span_is(t, SPAN("a")))
        json_put_raw(o, SPAN("{}"));
    else
        put_reference(o, t, null, a);
}

/* "-name:type" without the dash in *name. */
static bool next_member(struct span *rest, struct span *name, struct span *type, bool *required)
{
    struct span piece;
    while (span_next(rest, ' ', &piece)) {
        if (!piece.len)
            continue;
        *required = piece.at[0] != '-';
        *type = *required ? piece : span_from(piece, 1);
        return span_cut(type, ':', name);
    }
    return false;
}

static void put_shape(struct json_out *o, const struct shape *s, struct arena *a)
{
    struct span rest = span_of(s->members), name, type;
    bool required;
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("object"));
    json_name(o, SPAN("properties"));
    json_open(o, '{');
    while (next_member(&rest, &name, &type, &required)) {
        json_name(o, name);
        put_type(o, type, a);
    }
    json_close(o, '}');
    json_name(o, SPAN("required"));
    json_open(o, '[');
    for (rest = span_of(s->members); next_member(&rest, &name, &type, &required);)
        if (required)
            json_put_string(o, name);
    json_close(o, ']');
    json_close(o, '}');
}

/* Of an object of the configuration: the fields that its reader knows, and no other. Their values are judged by the reader. */
static void put_fields(struct json_out *o, const char *kind)
{
    const char *const *fields = config_fields(span_of(kind));
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("object"));
    if (fields) {
        json_name(o, SPAN("properties"));
        json_open(o, '{');
        json_pair_raw(o, SPAN("name"), SPAN("{\"type\":\"string\"}"));
        for (size_t i = 0; fields[i]; i++)
            if (strcmp(fields[i], "name") != 0)
                json_pair_raw(o, span_of(fields[i]), SPAN("{}"));
        json_close(o, '}');
        json_pair_bool(o, SPAN("additionalProperties"), false);
    }
    json_close(o, '}');
}

/* ---- parameters ---- */

static struct span schema_of(struct span name)
{
    static const struct {
        struct span name;
        const char *schema;
    } known[] = {
        { { "limit", 5 }, "{\"type\":\"integer\",\"minimum\":1}" }, { { "top", 3 }, "{\"type\":\"integer\",\"minimum\":1}" }, { { "label_depth", 11 }, "{\"type\":\"integer\",\"minimum\":1}" },
        { { "verdict", 7 }, "{\"type\":\"string\",\"enum\":[\"allowed\",\"denied\",\"error\",\"in_doubt\"]}" }, { { "shadow", 6 }, "{\"type\":\"string\",\"enum\":[\"differs\"]}" },
        { { "state", 5 }, "{\"type\":\"string\",\"enum\":[\"pending\",\"approved\",\"refused\",\"expired\",\"used\"]}" },
        { { "window", 6 }, "{\"type\":\"string\",\"enum\":[\"minute\",\"hour\",\"day\",\"week\",\"month\",\"total\"]}" },
        { { "from", 4 }, "{\"type\":\"string\",\"description\":\"RFC 3339 time, or a date\"}" }, { { "to", 2 }, "{\"type\":\"string\",\"description\":\"RFC 3339 time, or a date; not included\"}" },
        { { "min_cost_usd", 12 }, "{\"type\":\"string\",\"pattern\":\"^[0-9]+(\\\\.[0-9]+)?$\"}" }, { { "totals", 6 }, "{\"type\":\"string\",\"enum\":[\"0\",\"1\"]}" },
        { { "month", 5 }, "{\"type\":\"string\",\"pattern\":\"^[0-9]{4}-[0-9]{2}$\"}" },
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (span_is(name, known[i].name))
            return span_of(known[i].schema);
    return SPAN("{\"type\":\"string\"}");
}

static void put_parameter(struct json_out *o, struct span name, struct span in)
{
    json_open(o, '{');
    json_pair(o, SPAN("name"), name);
    json_pair(o, SPAN("in"), in);
    json_pair_bool(o, SPAN("required"), span_is(in, SPAN("path")));
    json_pair_raw(o, SPAN("schema"), schema_of(name));
    json_close(o, '}');
}

static bool is(const struct admin_route *r, const char *method) { return strcmp(r->method, method) == 0; }
static bool changes(const struct admin_route *r) { return !is(r, "GET") && !is(r, "POST"); }

static void put_parameters(struct json_out *o, const struct admin_route *r)
{
    json_name(o, SPAN("parameters"));
    json_open(o, '[');
    if (strstr(r->path, "{id}"))
        put_parameter(o, SPAN("id"), SPAN("path"));
    if (strstr(r->path, "{provider}")) {
        put_parameter(o, SPAN("provider"), SPAN("path"));
        put_parameter(o, SPAN("model"), SPAN("path"));
    }
    for (size_t i = 0; r->query && r->query[i]; i++)
        put_parameter(o, span_of(r->query[i]), SPAN("query"));
    if (is(r, "POST") && r->area != AREA_OPEN)
        put_parameter(o, SPAN("idempotency-key"), SPAN("header"));
    if (changes(r))
        put_parameter(o, SPAN("if-match"), SPAN("header"));
    if (is(r, "GET") && strchr(r->path, '{'))
        put_parameter(o, SPAN("if-none-match"), SPAN("header"));
    json_close(o, ']');
}

/* ---- operations ---- */

/* "get_api_v1_keys_id": stable as long as the route is. */
static struct span operation_id(struct arena *a, const struct admin_route *r)
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

/* "/api/v1/keys/{id}" is about keys. */
static struct span tag_of(const struct admin_route *r)
{
    struct span rest = span_of(r->path), tag;
    if (!span_starts(rest, SPAN("/api/v1/")))
        return SPAN("gate");
    rest = span_from(rest, 8);
    (void)span_next(&rest, '/', &tag);
    return tag;
}

/* "[Key]" is a page of them. */
static void put_answer(struct json_out *o, const struct route_shape *s, struct arena *a)
{
    struct span text = span_of(s->answer);
    bool page = text.at && text.at[0] == '[';
    json_name(o, SPAN("schema"));
    if (!text.at) {
        json_put_raw(o, SPAN("{\"type\":\"string\"}"));
        return;
    }
    if (!page) {
        put_type(o, text, a);
        return;
    }
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("object"));
    json_pair_raw(o, SPAN("required"), SPAN("[\"data\",\"next_cursor\"]"));
    json_name(o, SPAN("properties"));
    json_open(o, '{');
    json_name(o, SPAN("data"));
    put_type(o, text, a);
    json_pair_raw(o, SPAN("next_cursor"), SPAN("{\"type\":[\"string\",\"null\"]}"));
    json_close(o, '}');
    json_close(o, '}');
}

static void put_success(struct json_out *o, const struct admin_route *r, const struct route_shape *s, struct arena *a)
{
    json_name(o, arena_print(a, "%d", s->status));
    json_open(o, '{');
    json_pair(o, SPAN("description"), s->status == 204 ? SPAN("Done") : span_of(r->summary));
    if (s->status != 204) {
        json_name(o, SPAN("content"));
        json_open(o, '{');
        json_name(o, s->media ? span_of(s->media) : SPAN("application/json"));
        json_open(o, '{');
        put_answer(o, s, a);
        json_close(o, '}');
        json_close(o, '}');
    }
    json_close(o, '}');
}

static void put_refusals(struct json_out *o, const struct admin_route *r, const struct route_shape *s)
{
    const struct {
        const char *status;
        bool may;
    } list[] = {
        { "400", r->query || s->request }, { "401", r->area != AREA_OPEN || r->run == session_begin }, { "403", r->area != AREA_OPEN || r->run == session_begin },
        { "404", strchr(r->path, '{') || s->request }, { "409", is(r, "POST") || is(r, "DELETE") }, { "412", changes(r) }, { "422", s->request != NULL },
        { "429", r->area != AREA_OPEN || r->run == session_begin },
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
        if (list[i].may)
            json_pair_raw(o, span_of(list[i].status), SPAN("{\"$ref\":\"#/components/responses/Problem\"}"));
    if (is(r, "GET") && strchr(r->path, '{'))
        json_pair_raw(o, SPAN("304"), SPAN("{\"description\":\"It still reads as if-none-match says\"}"));
    if (r->run == health_ready)
        json_pair_raw(o, SPAN("503"), SPAN("{\"description\":\"Not ready; the reasons\",\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/Ready\"}}}}"));
    json_pair_raw(o, SPAN("default"), SPAN("{\"$ref\":\"#/components/responses/Problem\"}"));
}

static void put_request(struct json_out *o, const struct admin_route *r, const struct route_shape *s, struct arena *a)
{
    json_name(o, SPAN("requestBody"));
    json_open(o, '{');
    json_name(o, SPAN("content"));
    json_open(o, '{');
    if (r->run == report_invoice)
        json_pair_raw(o, SPAN("text/csv"), SPAN("{\"schema\":{\"type\":\"string\"}}"));
    json_name(o, SPAN("application/json"));
    json_open(o, '{');
    json_name(o, SPAN("schema"));
    if (r->run == report_invoice)
        json_put_raw(o, SPAN("{}"));
    else if (s->request[0] == '=')
        put_fields(o, s->request + 1);
    else
        put_reference(o, span_of(s->request), false, a);
    json_close(o, '}');
    json_close(o, '}');
    json_close(o, '}');
}

/* With a token, or with a session: a write shows its word as well. */
static struct span security_of(const struct admin_route *r)
{
    if (r->area == AREA_OPEN)
        return SPAN("[]");
    return is(r, "GET") ? SPAN("[{\"token\":[]},{\"session\":[]}]") : SPAN("[{\"token\":[]},{\"session\":[],\"csrf\":[]}]");
}

static struct span role_of(const struct admin_route *r)
{
    switch (r->area) {
    case AREA_OPEN:
        return SPAN_NONE;
    case AREA_READ:
        return SPAN("viewer");
    case AREA_MONEY:
        return SPAN("finance");
    case AREA_CHANGE:
        return SPAN("admin");
    case AREA_OWN:
        break;
    }
    return SPAN("owner");
}

static void put_operation(struct visit *v, const struct admin_route *r)
{
    static const struct route_shape unsaid = { .status = 200, .answer = "a" };
    const struct route_shape *s = shape_of_route(r) ? shape_of_route(r) : &unsaid;
    const struct visit confined = { .route = r };
    struct json_out *o = &v->json;
    json_name(o, is(r, "GET") ? SPAN("get") : is(r, "POST") ? SPAN("post") : is(r, "PATCH") ? SPAN("patch") : is(r, "PUT") ? SPAN("put") : SPAN("delete"));
    json_open(o, '{');
    json_pair(o, SPAN("operationId"), operation_id(&v->arena, r));
    json_pair(o, SPAN("summary"), span_of(r->summary));
    json_name(o, SPAN("tags"));
    json_open(o, '[');
    json_put_string(o, tag_of(r));
    json_close(o, ']');
    json_pair(o, SPAN("x-tollgate-role"), role_of(r));
    json_pair_bool(o, SPAN("x-tollgate-workspace"), r->area == AREA_OPEN || confine_knows(&confined)); /* for tokens that are confined to one, too */
    json_pair_raw(o, SPAN("security"), security_of(r));
    put_parameters(o, r);
    if (s->request)
        put_request(o, r, s, &v->arena);
    json_name(o, SPAN("responses"));
    json_open(o, '{');
    put_success(o, r, s, &v->arena);
    put_refusals(o, r, s);
    json_close(o, '}');
    json_close(o, '}');
}

/* ---- the whole ---- */

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

static const char schemes[] = "{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"tollgate_session\"},"
                              "\"csrf\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"x-tollgate-csrf\"}}";
static const char problem[] = "{\"type\":\"object\",\"required\":[\"type\",\"title\",\"status\",\"code\",\"detail\",\"field\"],\"properties\":{\"type\":{\"type\":\"string\"},"
                              "\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},\"code\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"},\"field\":{\"type\":[\"string\",\"null\"]}}}";
static const char responses[] = "{\"Problem\":{\"description\":\"What was wrong (RFC 9457)\",\"content\":{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}}";

static void put_components(struct visit *v)
{
    struct json_out *o = &v->json;
    json_name(o, SPAN("components"));
    json_open(o, '{');
    json_pair_raw(o, SPAN("securitySchemes"), span_of(schemes));
    json_name(o, SPAN("schemas"));
    json_open(o, '{');
    json_pair_raw(o, SPAN("Problem"), span_of(problem));
    for (size_t i = 0; i < shape_count; i++) {
        json_name(o, span_of(shapes[i].name));
        put_shape(o, &shapes[i], &v->arena);
    }
    json_close(o, '}');
    json_pair_raw(o, SPAN("responses"), span_of(responses));
    json_close(o, '}');
}

void openapi_get(struct visit *v)
{
    struct json_out *o = &v->json;
    json_open(o, '{');
    json_pair(o, SPAN("openapi"), SPAN("3.1.0"));
    json_pair_raw(o, SPAN("info"), SPAN("{\"title\":\"Tollgate admin API\",\"version\":\"1\",\"description\":\"Money is decimal text in fields ending in "
                                        "_usd; times are RFC 3339 UTC; a list is {data, next_cursor}.\"}"));
    json_pair_raw(o, SPAN("security"), SPAN("[{\"token\":[]}]"));
    put_paths(v);
    put_components(v);
    json_close(o, '}');
    reply_json(v, 200);
}

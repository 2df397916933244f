/* SPDX-License-Identifier: Apache-2.0
 * reply.c - the ways to answer: JSON, text, nothing, or a problem (RFC 9457) with our own members code and field. */
#include "admin/inside.h"

#include <stdarg.h>
#include <stdio.h>

size_t reply_fields_common(struct http_field *fields, struct span type)
{
    size_t n = 0;
    fields[n++] = (struct http_field){ SPAN("cache-control"), SPAN("no-store") };
    fields[n++] = (struct http_field){ SPAN("x-content-type-options"), SPAN("nosniff") };
    fields[n++] = (struct http_field){ SPAN("x-frame-options"), SPAN("DENY") };
    if (type.at)
        fields[n++] = (struct http_field){ SPAN("content-type"), type };
    return n;
}

void visit_field(struct visit *v, struct span name, struct span value)
{
    must(v->field_count < VISIT_FIELDS);
    v->fields[v->field_count++] = (struct http_field){ name, value.at ? value : SPAN("") };
}

static void deliver(struct visit *v, int status, struct span type, struct span body, const struct http_field *extra)
{
    struct http_field fields[REPLY_FIELDS];
    struct http_request *r = v->request;
    if (v->trial) {
        v->tag = v->tagged ? v->tag : digest_sha256(body);
        v->trial_status = status;
        return;
    }
    once_answered(v, status, body);
    bool known = tag_answer(v, status, body);
    size_t n = reply_fields_common(fields, type);
    if (v->stale)
        fields[n++] = (struct http_field){ SPAN("x-tollgate-stale"), SPAN("the store cannot write; the newest calls may be missing") };
    for (size_t i = 0; i < v->field_count; i++)
        fields[n++] = v->fields[i];
    if (extra)
        fields[n++] = *extra;
    must(r && n <= REPLY_FIELDS);
    v->request = NULL;
    http_reply(r, known ? 304 : status, fields, n, known ? SPAN("") : body);
}

void reply_json(struct visit *v, int status)
{
    struct span body;
    buf_put_byte(&v->out, '\n');
    if (buf_done(&v->out, &body) == E_OK && !v->arena.broken) {
        deliver(v, status, SPAN("application/json"), body, NULL);
        return;
    }
    reply_problem(v, E_NO_MEMORY, NULL, "the answer is larger than %d MiB; ask for less", VISIT_ANSWER >> 20);
}

void reply_file(struct visit *v, struct span type, struct span disposition)
{
    struct http_field field = { SPAN("content-disposition"), disposition };
    if (!v->out.broken && !v->arena.broken)
        deliver(v, 200, type, buf_span(&v->out), &field);
    else
        reply_problem(v, E_NO_MEMORY, NULL, "the answer is larger than %d MiB; ask for less", VISIT_ANSWER >> 20);
}

void reply_again(struct visit *v, int status) { deliver(v, status, v->out.len ? SPAN("application/json") : SPAN_NONE, buf_span(&v->out), NULL); }

void reply_text(struct visit *v, struct span type, struct span text) { deliver(v, 200, type, text, NULL); }
void reply_nothing(struct visit *v) { deliver(v, 204, SPAN_NONE, SPAN(""), NULL); }

/* ---- problems ---- */

static void put_problem(struct visit *v, int status, struct span code, struct span title, const char *field, struct span detail)
{
    struct json_out o = json_out(&v->out);
    buf_clear(&v->out);
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), arena_print(&v->arena, "urn:tollgate:error:%.*s", SPAN_ARG(code)));
    json_pair(&o, SPAN("title"), title);
    json_pair_i64(&o, SPAN("status"), status);
    json_pair(&o, SPAN("code"), code);
    json_pair(&o, SPAN("detail"), detail);
    json_pair(&o, SPAN("field"), field && field[0] ? span_of(field) : SPAN_NONE);
    json_close(&o, '}');
    buf_put_byte(&v->out, '\n');
}

void reply_problem_as(struct visit *v, int status, struct span code, struct span title, const char *field, struct span detail)
{
    put_problem(v, status, code, title, field, detail);
    deliver(v, status, SPAN("application/problem+json"), buf_span(&v->out), NULL);
}

void reply_problem(struct visit *v, enum err e, const char *field, const char *format, ...)
{
    char text[700];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    reply_problem_as(v, err_status(e), err_code(e), err_text(e), field, span_of(text));
}

void reply_allow(struct visit *v, struct span allow)
{
    struct http_field field = { SPAN("allow"), allow };
    int status = err_status(E_METHOD_UNKNOWN);
    put_problem(v, status, err_code(E_METHOD_UNKNOWN), err_text(E_METHOD_UNKNOWN), NULL, arena_print(&v->arena, "allowed: %.*s", SPAN_ARG(allow)));
    deliver(v, status, SPAN("application/problem+json"), buf_span(&v->out), &field);
}

void reply_unauthorized(struct visit *v)
{
    static const struct http_field field = { { "www-authenticate", 16 }, { "Bearer realm=\"tollgate admin\"", 29 } };
    int status = err_status(E_UNAUTHORIZED);
    put_problem(v, status, err_code(E_UNAUTHORIZED), err_text(E_UNAUTHORIZED), NULL,
        SPAN("send an admin token as \"Authorization: Bearer TOKEN\" (admin.token or admin.tokens of the configuration, one made by POST /api/v1/tokens, or the file admin.token of the data directory), or log in by POST /api/v1/session"));
    deliver(v, status, SPAN("application/problem+json"), buf_span(&v->out), &field);
}

void reply_trouble(struct visit *v, enum err e, const struct trouble *t)
{
    struct span detail = t->set ? span_of(t->text) : err_text(e);
    reply_problem_as(v, err_status(e), err_code(e), err_text(e), t->set ? t->field : NULL, detail);
}

void reply_store(struct visit *v, enum err e)
{
    switch (e) {
    case E_BAD_REQUEST:
        reply_problem(v, e, "cursor", "a filter or the cursor cannot be used; allowed: the next_cursor of an answer, as it was given");
        return;
    case E_OVERLOADED:
        reply_problem(v, e, NULL, "the query took longer than 30 seconds; ask for a shorter range");
        return;
    case E_TOO_LARGE:
        reply_problem(v, e, NULL, "the answer has more than 10,000 groups; ask for a shorter range or fewer groups");
        return;
    case E_NO_MEMORY:
        reply_problem(v, e, NULL, "the answer does not fit into memory; ask for less");
        return;
    default:
        reply_problem(v, E_IO, NULL, "the store could not be read");
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * tag.c - ETags: what GET answers about one thing, as a digest. A change may say which answer it was made from (If-Match): the plane
 * makes that answer again, and refuses when it reads otherwise now. Changes are one thread's, so nothing comes between the two. */
#include "admin/inside.h"
#include "base/text.h"

enum { TAG_BYTES = 16 };

void visit_tag(struct visit *v)
{
    v->tag = digest_sha256(buf_span(&v->out));
    v->tagged = true;
}

static struct span tag_text(struct visit *v)
{
    struct buf text;
    buf_init(&text, 64);
    buf_put_byte(&text, '"');
    buf_put_hex(&text, span_make((const char *)v->tag.bytes, TAG_BYTES));
    buf_put_byte(&text, '"');
    struct span copy = arena_copy(&v->arena, buf_span(&text));
    buf_free(&text);
    return copy;
}

/* "*", or one of a list. A weak tag (W/) never stands for the same bytes. */
static bool is_listed(struct span list, struct span tag)
{
    struct span piece;
    while (span_next(&list, ',', &piece))
        if (span_is(span_trim(piece), tag) || span_is(span_trim(piece), SPAN("*")))
            return true;
    return false;
}

static bool is_one_thing(const struct visit *v) { return v->route && strchr(v->route->path, '{') && strcmp(v->route->method, "GET") == 0; }

bool tag_answer(struct visit *v, int status, struct span body)
{
    if (status != 200 || !is_one_thing(v))
        return false;
    if (!v->tagged)
        v->tag = digest_sha256(body);
    struct span tag = tag_text(v), known = http_get(http_request_head(v->request), SPAN("if-none-match"));
    visit_field(v, SPAN("etag"), tag);
    return known.at && is_listed(known, tag);
}

/* ---- If-Match ---- */

static const struct admin_route *reading_route(const struct admin_route *r)
{
    for (size_t i = 0; i < admin_route_count; i++)
        if (strcmp(admin_routes[i].path, r->path) == 0 && strcmp(admin_routes[i].method, "GET") == 0)
            return &admin_routes[i];
    return NULL;
}

/* Answers of the store come on another thread, and nobody changes what they tell. */
static bool answers_at_once(const struct admin_route *r) { return r->run == objects_get || r->run == tokens_get || r->run == prices_get; }

/* What GET would answer; its digest is in v->tag then. */
static int try_reading(struct visit *v, const struct admin_route *reading)
{
    const struct admin_route *mine = v->route;
    struct arena_mark mark = arena_mark(&v->arena);
    v->route = reading;
    v->trial = true;
    v->tagged = false;
    v->trial_status = 0;
    reading->run(v);
    v->trial = false;
    v->route = mine;
    arena_rewind(&v->arena, mark);
    buf_clear(&v->out);
    v->json = json_out(&v->out);
    v->field_count = 0;
    return v->trial_status;
}

bool tag_allows(struct visit *v)
{
    struct span wanted = http_get(http_request_head(v->request), SPAN("if-match"));
    const struct admin_route *reading = wanted.at && strcmp(v->route->method, "GET") != 0 && strcmp(v->route->method, "POST") != 0 ? reading_route(v->route) : NULL;
    if (!reading || !answers_at_once(reading))
        return true;
    int status = try_reading(v, reading);
    if (status == 200 && is_listed(wanted, tag_text(v)))
        return true;
    if (status == 200)
        reply_problem(v, E_PRECONDITION_FAILED, "if-match", "it reads otherwise now; GET it again, and make the change from that");
    else
        reply_problem(v, E_PRECONDITION_FAILED, "if-match", "it is not there any more");
    return false;
}

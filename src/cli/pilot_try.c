/* SPDX-License-Identifier: Apache-2.0
 * pilot_try.c - steps 3 and 4 of a pilot: one trial of a vendor is filled in, sent through the gate, and its answer looked through. */
#include "cli/pilot.h"

#include "base/clock.h"
#include "base/text.h"

enum { LONG_WORDS = 4000, FILLED_MOST = 1 << 20 };

static const char word[] = "lorem ";

/* ---- texts ---- */

static struct span long_text(struct arena *a)
{
    char *at = arena_take(a, LONG_WORDS * (sizeof(word) - 1));
    for (size_t i = 0; at && i < LONG_WORDS; i++)
        memcpy(at + i * (sizeof(word) - 1), word, sizeof(word) - 1);
    return at ? span_make(at, LONG_WORDS * (sizeof(word) - 1)) : SPAN("");
}

/* "http", "127.0.0.1", "8080" of the gate's address. */
static struct span part_of_gate(struct pilot *p, struct span name)
{
    struct span rest = p->gate, scheme = SPAN("http"), host;
    ptrdiff_t at = span_find(rest, SPAN("://"));
    if (at >= 0) {
        scheme = span_first(rest, (size_t)at);
        rest = span_from(rest, (size_t)at + 3);
    }
    host = rest;
    bool port = span_cut(&rest, ':', &host);
    if (span_is(name, SPAN("scheme")))
        return scheme;
    return span_is(name, SPAN("host")) ? host : port ? rest : span_is(scheme, SPAN("https")) ? SPAN("443") : SPAN("80");
}

static struct span value_of(struct pilot *p, struct span name)
{
    if (span_is(name, SPAN("base")))
        return arena_print(&p->c->arena, "%.*s%s", SPAN_ARG(p->gate), p->v->base);
    if (span_is(name, SPAN("model")))
        return p->model;
    if (span_is(name, SPAN("account")))
        return p->account.at ? p->account : SPAN("AC00000000000000000000000000000000");
    if (span_is(name, SPAN("long")))
        return long_text(&p->c->arena);
    return span_is(name, SPAN("host")) || span_is(name, SPAN("port")) || span_is(name, SPAN("scheme")) ? part_of_gate(p, name) : SPAN_NONE;
}

struct span pilot_fill(struct pilot *p, const char *text)
{
    struct span rest = span_of(text);
    struct buf out;
    buf_init(&out, FILLED_MOST);
    for (size_t i = 0; i < rest.len; i++) {
        ptrdiff_t end = rest.at[i] == '{' ? span_find_byte(span_from(rest, i), '}') : -1;
        struct span value = end > 1 ? value_of(p, span_make(rest.at + i + 1, (size_t)end - 1)) : SPAN_NONE;
        if (value.at) {
            buf_put(&out, value);
            i += (size_t)end;
        } else {
            buf_put_byte(&out, rest.at[i]);
        }
    }
    struct span filled = arena_copy(&p->c->arena, buf_span(&out));
    buf_free(&out);
    return filled;
}

/* ---- asking ---- */

struct span pilot_field(const struct fetch_answer *answer, struct span name)
{
    for (size_t i = 0; i < answer->count; i++)
        if (span_is_nocase(answer->fields[i].name, name))
            return answer->fields[i].value;
    return SPAN_NONE;
}

struct span pilot_authorization(struct pilot *p, struct span secret)
{
    struct arena *a = &p->c->arena;
    struct buf coded;
    if (strcmp(p->v->vendor, "twilio") != 0)
        return arena_print(a, "Bearer %.*s", SPAN_ARG(secret));
    buf_init(&coded, 4096);
    buf_put(&coded, SPAN("Basic "));
    buf_put_base64(&coded, arena_print(a, "%.*s:%.*s", SPAN_ARG(value_of(p, SPAN("account"))), SPAN_ARG(secret)));
    struct span made = arena_copy(a, buf_span(&coded));
    buf_free(&coded);
    return made;
}

bool pilot_ask(struct pilot *p, const char *method, struct span path, struct span body, struct span once, struct fetch_answer *out)
{
    struct arena *a = &p->c->arena;
    bool json = body.len && body.at[0] == '{';
    struct http_field fields[] = { { SPAN("authorization"), pilot_authorization(p, p->key) }, { SPAN("x-agent-run-id"), p->run },
        { SPAN("content-type"), json ? SPAN("application/json") : SPAN("application/x-www-form-urlencoded") }, { SPAN("idempotency-key"), once } };
    struct span url = arena_print(a, "%.*s/%s%.*s", SPAN_ARG(p->gate), p->v->vendor, SPAN_ARG(path));
    enum err e = fetch(a, span_of(method), url, fields, once.at ? 4 : 3, body, out);
    struct span id = e ? SPAN_NONE : pilot_field(out, SPAN("x-tollgate-call-id"));
    if (id.at && p->call_count < PILOT_CALLS)
        p->calls[p->call_count++] = arena_copy(a, id);
    return e == E_OK;
}

/* ---- a trial ---- */

static bool status_fits(int wanted, int status) { return wanted == 400 ? status >= 400 && status < 500 : wanted == status; }

const char *pilot_missing(struct pilot *p, const struct trial *t, const struct fetch_answer *answer, struct json_value *root)
{
    const char *why;
    if (!t->stream && json_parse(p->c->reader, answer->body, false, root, &why) != E_OK)
        return "JSON";
    for (size_t i = 0; i < 4 && t->shows[i]; i++)
        if (t->stream ? span_find(answer->body, span_of(t->shows[i])) < 0 : json_kind(json_path(*root, span_of(t->shows[i]))) == JSON_NONE)
            return t->shows[i];
    return NULL;
}

/* The same once more under the same idempotency key: it must be the same object, made once. */
static void ask_again(struct pilot *p, const struct trial *t, struct span path, struct span body, struct span first)
{
    struct fetch_answer answer;
    struct json_value root;
    const char *why;
    struct span id = SPAN_NONE;
    if (pilot_ask(p, t->method, path, body, p->run, &answer) && json_parse(p->c->reader, answer.body, false, &root, &why) == E_OK)
        id = api_text(p->c, root, "id");
    bool same = id.at && span_is(id, first);
    pilot_note(p, t->step, same ? PILOT_PASSED : PILOT_FAILED, t->what, "twice under one key: %.*s, then %.*s", SPAN_ARG(first), SPAN_ARG(id.at ? id : SPAN("nothing")));
}

void pilot_try(struct pilot *p, const struct trial *t)
{
    struct fetch_answer answer = { .status = 0 };
    struct json_value root = { .doc = NULL };
    struct span path = pilot_fill(p, t->path), body = t->body ? pilot_fill(p, t->body) : SPAN("");
    int64_t began = clock_monotonic_ns();
    size_t calls = p->call_count;
    if (t->writes && !option_given(p->c, "writes")) {
        pilot_note(p, t->step, PILOT_SKIPPED, t->what, "it makes something at the vendor; --writes tries it");
        return;
    }
    if (!pilot_ask(p, t->method, path, t->body ? body : SPAN_NONE, t->twice ? p->run : SPAN_NONE, &answer)) {
        pilot_note(p, t->step, PILOT_FAILED, t->what, "no answer from %.*s", SPAN_ARG(p->gate));
        return;
    }
    int64_t ms = (clock_monotonic_ns() - began) / 1000000;
    const char *gone = pilot_missing(p, t, &answer, &root);
    struct span denied = pilot_field(&answer, SPAN("x-tollgate-denied"));
    if (denied.at)
        pilot_note(p, t->step, PILOT_FAILED, t->what, "the gate refused: %.*s", SPAN_ARG(denied));
    else if (!status_fits(t->status, answer.status))
        pilot_note(p, t->step, PILOT_FAILED, t->what, "status %d, where %d is right: %.*s", answer.status, t->status, SPAN_ARG(span_first(answer.body, answer.body.len < 200 ? answer.body.len : 200)));
    else if (gone)
        pilot_note(p, t->step, PILOT_FAILED, t->what, "the answer has no %s", gone);
    else if (p->call_count == calls)
        pilot_note(p, t->step, PILOT_FAILED, t->what, "no x-tollgate-call-id: it did not come through a gate");
    else if (t->twice)
        ask_again(p, t, path, body, arena_copy(&p->c->arena, api_text(p->c, root, "id")));
    else
        pilot_note(p, t->step, PILOT_PASSED, t->what, "%d in %lld ms", answer.status, (long long)ms);
    pilot_compare(p, t, path, t->body ? body : SPAN_NONE, &(struct pilot_answer){ answer.status, ms, gone });
}

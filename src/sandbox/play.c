/* SPDX-License-Identifier: Apache-2.0
 * play.c - takes a request apart and finds its vendor. */
#include "sandbox/play.h"

#include "base/text.h"

enum { QUERY_PAIRS = 256 };

static const struct {
    struct span name;
    void (*answer)(struct play *p);
} vendors[] = { { { "stripe", 6 }, stripe_answer }, { { "twilio", 6 }, twilio_answer }, { { "resend", 6 }, resend_answer },
    { { "openai", 6 }, openai_answer }, { { "anthropic", 9 }, anthropic_answer },
    { { "gemini", 6 }, gemini_answer } };

void play_init(struct play *p, struct arena *a, struct json *reader, struct shelf *shelf, int64_t now_ms)
{
    *p = (struct play){ .arena = a, .reader = reader, .shelf = shelf, .now_ms = now_ms, .status = 200 };
    buf_init(&p->out, PLAY_ANSWER);
    p->json = json_out(&p->out);
}

void play_free(struct play *p) { buf_free(&p->out); }

struct span play_id(struct play *p, const char *prefix)
{
    uint8_t random[12];
    struct buf text;
    random_fill(random, sizeof(random));
    buf_init(&text, 128);
    buf_put(&text, span_of(prefix));
    buf_put_hex(&text, span_make((const char *)random, sizeof(random)));
    struct span id = arena_copy(p->arena, buf_span(&text));
    buf_free(&text);
    return id;
}

void play_field(struct play *p, struct span name, struct span value)
{
    if (p->field_count < PLAY_FIELDS && value.at)
        p->fields[p->field_count++] = (struct http_field){ name, value };
}

bool play_is(const struct play *p, const char *method, const char *path, struct span *id)
{
    struct span rest = span_of(path), segment;
    size_t at = p->path_count && span_is(p->path[0], SPAN("v1")) ? 1 : 0;
    if (!span_is(p->method, span_of(method)))
        return false;
    for (; span_next(&rest, '/', &segment); at++) {
        if (at >= p->path_count)
            return false;
        if (span_is(segment, SPAN("*")))
            *id = p->path[at];
        else if (!span_is(segment, p->path[at]))
            return false;
    }
    return at == p->path_count;
}

static struct span pair_value(struct play *p, struct span text, const char *name)
{
    struct span piece, key;
    if (!text.len)
        return SPAN_NONE;
    for (int i = 0; i < QUERY_PAIRS && span_next(&text, '&', &piece); i++) {
        if (!span_cut(&piece, '=', &key))
            continue;
        if (span_is(text_percent_decode(key, true, p->arena), span_of(name)))
            return text_percent_decode(piece, true, p->arena);
    }
    return SPAN_NONE;
}

struct span play_form(struct play *p, const char *name) { return pair_value(p, p->body, name); }

struct span play_query(struct play *p, const char *name) { return pair_value(p, p->query, name); }

bool play_form_i64(struct play *p, const char *name, int64_t *out) { return span_to_i64(play_form(p, name), out); }

struct digest play_fingerprint(struct play *p)
{
    return digest_sha256(
        arena_print(p->arena, "%.*s %.*s %.*s", SPAN_ARG(p->method), SPAN_ARG(p->head->target), SPAN_ARG(p->body)));
}

struct json_value play_json(struct play *p)
{
    struct json_value root;
    const char *why;
    if (json_parse(p->reader, p->body, false, &root, &why) != E_OK)
        return (struct json_value){ .doc = NULL };
    return root;
}

static struct span after(struct span text, struct span prefix)
{
    bool fits = text.len > prefix.len && span_is_nocase(span_first(text, prefix.len), prefix);
    return fits ? span_trim(span_from(text, prefix.len)) : SPAN_NONE;
}

/* The gate must have put the credential in place of the agent's key. */
static bool secret_fits(struct play *p)
{
    struct span secret = http_get(p->head, SPAN("x-api-key")), user;
    struct span authorization = http_get(p->head, SPAN("authorization"));
    struct span basic = after(authorization, SPAN("Basic "));
    if (basic.at)
        basic = text_base64_decode(basic, p->arena);
    if (!secret.at)
        secret = http_get(p->head, SPAN("x-goog-api-key"));
    if (!secret.at)
        secret = after(authorization, SPAN("Bearer "));
    if (basic.at && !secret.at && span_cut(&basic, ':', &user))
        secret = basic.len ? basic : user;
    return span_starts(secret, SPAN(PLAY_SECRET));
}

static struct span take_path(struct play *p, struct span target)
{
    struct span vendor = SPAN_NONE, rest = span_from(target, 1), segment;
    ptrdiff_t mark = span_find_byte(rest, '?');
    if (mark >= 0) {
        p->query = span_from(rest, (size_t)mark + 1);
        rest = span_first(rest, (size_t)mark);
    }
    span_next(&rest, '/', &vendor);
    while (p->path_count < PLAY_SEGMENTS && span_next(&rest, '/', &segment))
        p->path[p->path_count++] = text_percent_decode(segment, false, p->arena);
    return rest.at ? SPAN_NONE : vendor;
}

void play_run(struct play *p, const struct http_head *head, struct span body)
{
    p->head = head;
    p->method = head->method;
    p->body = body;
    struct span vendor = take_path(p, head->target);
    p->secret_fits = secret_fits(p);
    for (size_t i = 0; i < sizeof(vendors) / sizeof(*vendors); i++) {
        if (!span_is(vendor, vendors[i].name))
            continue;
        vendors[i].answer(p);
        return;
    }
    p->status = 404;
    json_open(&p->json, '{');
    json_pair(&p->json, SPAN("error"), SPAN("the sandbox plays stripe, twilio, resend, openai, anthropic and gemini"));
    json_close(&p->json, '}');
}

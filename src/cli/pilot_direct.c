/* SPDX-License-Identifier: Apache-2.0
 * pilot_direct.c - the same request once more on the route that is to be left, where its secret was given for that: what the gate's answer
 * has and lacks, the direct one must have and lack. What makes something at the vendor is not asked twice. */
#include "cli/pilot.h"

#include "base/clock.h"

int pilot_read_secret(struct pilot *p)
{
    struct span file = option(p->c, "direct-key-file");
    if (!file.at)
        return EXIT_DONE;
    p->secret = object_read(p->c, file);
    if (!p->secret.at)
        return EXIT_REFUSED; /* object_read said why */
    p->secret = span_trim(p->secret);
    return p->secret.len ? EXIT_DONE : usage_error(p->c, "--direct-key-file: %.*s is empty", SPAN_ARG(file));
}

/* The SDK's base URL may have the first part of the path in it: "https://api.openai.com/v1" and "/v1/chat/completions". */
static struct span direct_url(struct pilot *p, struct span path)
{
    struct span base = p->before_url, part = span_from(span_of(p->v->base), 1 + strlen(p->v->vendor));
    if (part.len && span_starts(path, part))
        path = span_from(path, part.len);
    base = span_ends(base, SPAN("/")) ? span_first(base, base.len - 1) : base;
    return arena_print(&p->c->arena, "%.*s%.*s", SPAN_ARG(base), SPAN_ARG(path));
}

static enum err ask(struct pilot *p, const struct trial *t, struct span path, struct span body, struct fetch_answer *out)
{
    bool anthropic = strcmp(p->v->vendor, "anthropic") == 0, json = body.len && body.at[0] == '{';
    struct http_field fields[] = { { SPAN("authorization"), pilot_authorization(p, p->secret) }, { SPAN("content-type"), json ? SPAN("application/json") : SPAN("application/x-www-form-urlencoded") },
        { SPAN("anthropic-version"), SPAN("2023-06-01") } };
    if (anthropic)
        fields[0] = (struct http_field){ SPAN("x-api-key"), p->secret };
    return fetch(&p->c->arena, span_of(t->method), direct_url(p, path), fields, anthropic ? 3 : 2, body, out);
}

void pilot_compare(struct pilot *p, const struct trial *t, struct span path, struct span body, const struct pilot_answer *through)
{
    struct fetch_answer answer = { .status = 0 };
    struct json_value root = { .doc = NULL };
    const char *what = arena_print(&p->c->arena, "%s: as directly", t->what).at;
    int64_t began = clock_monotonic_ns();
    if (!p->secret.at || t->writes || !what)
        return;
    if (ask(p, t, path, body, &answer) != E_OK) {
        pilot_note(p, t->step, PILOT_FAILED, what, "no answer from %.*s", SPAN_ARG(p->before_url));
        return;
    }
    int64_t ms = (clock_monotonic_ns() - began) / 1000000;
    const char *gone = pilot_missing(p, t, &answer, &root);
    bool same = answer.status == through->status && (!gone || !through->missing ? gone == through->missing : strcmp(gone, through->missing) == 0);
    pilot_note(p, t->step, same ? PILOT_PASSED : PILOT_FAILED, what, "%d in %lld ms directly%s%s, %d in %lld ms through the gate%s%s", answer.status, (long long)ms, gone ? " without " : "",
        gone ? gone : "", through->status, (long long)through->ms, through->missing ? " without " : "", through->missing ? through->missing : "");
}

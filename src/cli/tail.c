/* SPDX-License-Identifier: Apache-2.0
 * tail.c - `tollgate tail`: calls as they happen, one line each, until Ctrl-C. */
#include "base/text.h"
#include "cli/api.h"
#include "http/fetch.h"

struct tailing {
    struct cli *c;
    struct arena_mark mark;
};

/* A cell of fixed width: lines come one by one, no table could wait for them. */
static void put(struct cli *c, struct span text, int width, bool right, enum tint tint)
{
    struct span shown = text.at ? text_tame(&c->arena, text) : SPAN("-");
    int room = width - (int)text_width(shown);
    const char *on = tint == TINT_NONE ? "" : tint_code(tint, c->colour), *off = tint == TINT_NONE ? "" : tint_code(TINT_NONE, c->colour);
    room = room > 0 ? room : 0;
    printf("%*s%s%.*s%s%*s  ", right ? room : 0, "", on, SPAN_ARG(shown), off, right ? 0 : room, "");
}

static void put_call(struct cli *c, struct json_value call)
{
    struct span verdict = api_text(c, call, "verdict"), denied = api_text(c, call, "denied");
    enum tint tint = span_is(verdict, SPAN("allowed")) ? TINT_GREEN : span_is(verdict, SPAN("in_doubt")) ? TINT_YELLOW : TINT_RED;
    put(c, api_time(c, call, "at"), 8, false, TINT_DIM);
    put(c, denied.at ? denied : verdict, 20, false, tint);
    put(c, api_text(c, call, "key_name"), 16, false, TINT_NONE);
    put(c, api_text(c, call, "operation"), 28, false, TINT_NONE);
    put(c, api_text(c, call, "model"), 14, false, TINT_NONE);
    put(c, api_text(c, call, "cost_usd"), 12, true, TINT_NONE);
    put(c, api_text(c, call, "run"), 0, false, TINT_DIM);
    printf("\n");
}

/* "stop run run_abc: too dear", "config key key_1f3c revoked"; what is not known is shown as it came. */
static void put_other(struct cli *c, struct span name, struct span data, struct json_value root)
{
    static const char *const members[] = { "kind", "value", "id", "change", "reason" };
    bool stop = json_kind(json_member(root, SPAN("mode"))) != JSON_NONE, known = false;
    printf("%s%.*s", tint_code(TINT_YELLOW, c->colour), SPAN_ARG(name));
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        struct span text = api_text(c, root, members[i]);
        if (!text.at || (stop && strcmp(members[i], "id") == 0))
            continue;
        known = true;
        printf("%s%.*s", strcmp(members[i], "reason") == 0 ? ": " : " ", SPAN_ARG(text_tame(&c->arena, text)));
    }
    if (!known)
        printf(" %.*s", SPAN_ARG(text_tame(&c->arena, data)));
    printf("%s\n", tint_code(TINT_NONE, c->colour));
}

static bool got(void *self, struct span name, struct span data)
{
    struct tailing *t = self;
    struct cli *c = t->c;
    struct json_value root = { .doc = NULL };
    const char *why;
    bool readable = json_parse(c->reader, data, false, &root, &why) == E_OK;
    if (c->json)
        printf("{\"event\":\"%.*s\",\"data\":%.*s}\n", SPAN_ARG(name.at ? name : SPAN("message")), SPAN_ARG(data));
    else if (readable && span_is(name, SPAN("call")))
        put_call(c, root);
    else
        put_other(c, name.at ? name : SPAN("message"), data, root);
    fflush(stdout);
    arena_rewind(&c->arena, t->mark);
    return !ferror(stdout);
}

static int run(struct cli *c)
{
    static const char *const names[] = { "run", "key", "vendor", NULL };
    struct api_path path;
    struct span token, url = api_url(c);
    if (!api_token(c, &token))
        return EXIT_REFUSED;
    api_path(&path, "events");
    api_path_options(&path, c, names);
    struct http_field field = api_authorization(c, token);
    struct span whole = arena_print(&c->arena, "%.*s/api/v1/%.*s", SPAN_ARG(url), SPAN_ARG(buf_span(&path.text)));
    buf_free(&path.text);
    struct tailing t = { c, arena_mark(&c->arena) };
    enum err e = fetch_events(&c->arena, whole, &field, 1, got, &t);
    if (e == E_UNAUTHORIZED)
        return api_refused(401, (struct json_value){ .doc = NULL });
    if (e)
        return api_unreachable(c, e);
    fputs("tollgate: the gate ended the stream; was it stopped?\n", stderr);
    return EXIT_UNREACHABLE;
}

static const struct flag flags[] = {
    { "run", "RUN", "only this run", false },
    { "key", "KEY", "only this key (name or id)", false },
    { "vendor", "VENDOR", "only to this vendor", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_tail = {
    .name = "tail",
    .summary = "calls as they happen",
    .usage = "  tollgate tail [options]      with --json: one JSON object a line\n",
    .flags = flags,
    .run = run,
};

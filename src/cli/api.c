/* SPDX-License-Identifier: Apache-2.0
 * api.c - see api.h. The token is looked for where a gate on this machine leaves it, and never printed. */
#include "cli/api.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "http/fetch.h"

enum { PATH_LONGEST = 16 * 1024, TOKEN_FILE_MOST = 256, SHOWN_MOST = 64 << 20 };

/* ---- paths ---- */

void api_path(struct api_path *p, const char *start)
{
    *p = (struct api_path){ .query = false };
    buf_init(&p->text, PATH_LONGEST);
    buf_put(&p->text, span_of(start));
}

void api_path_id(struct api_path *p, struct span id)
{
    buf_put_byte(&p->text, '/');
    buf_put_percent(&p->text, id, SPAN(""));
}

void api_path_query(struct api_path *p, const char *name, struct span value)
{
    if (!value.at)
        return;
    buf_print(&p->text, "%c%s=", p->query ? '&' : '?', name);
    buf_put_percent(&p->text, value, SPAN(""));
    p->query = true;
}

void api_path_options(struct api_path *p, const struct cli *c, const char *const names[])
{
    for (; *names; names++)
        api_path_query(p, *names, option(c, *names));
}

int api_path_moment(struct api_path *p, struct cli *c, const char *flag, const char *name, const char *allowed)
{
    struct span text = option(c, flag), moment = text.at ? option_moment(c, text, false) : SPAN_NONE;
    if (text.at && !moment.at)
        return usage_error(c, "--%s: found \"%.*s\"; allowed: %s", flag, SPAN_ARG(text), allowed);
    api_path_query(p, name, moment);
    return EXIT_DONE;
}

int api_path_times(struct api_path *p, struct cli *c)
{
    static const char allowed[] = "30s, 5m, 24h, 7d, or a time such as 2026-11-21T12:00:00Z";
    int code = api_path_moment(p, c, "since", "from", allowed);
    return code != EXIT_DONE ? code : api_path_moment(p, c, "until", "to", allowed);
}

/* ---- where, and with what token ---- */

static struct span from_environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? span_of(value) : SPAN_NONE;
}

static struct span address(const struct cli *c, const char *flag, const char *variable, struct span otherwise)
{
    struct span url = option(c, flag);
    if (!url.at)
        url = from_environment(variable);
    if (!url.at)
        url = otherwise;
    return span_ends(url, SPAN("/")) ? span_first(url, url.len - 1) : url;
}

struct span api_url(const struct cli *c) { return address(c, "admin", "TOLLGATE_ADMIN", SPAN("http://127.0.0.1:8081")); }

struct span api_gate(const struct cli *c) { return address(c, "gate", "TOLLGATE_GATE", SPAN("http://127.0.0.1:8080")); }

static struct span read_token_file(struct cli *c, const char *path)
{
    char text[TOKEN_FILE_MOST];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text));
    if (fd >= 0)
        close(fd);
    while (got > 0 && (text[got - 1] == '\n' || text[got - 1] == '\r' || text[got - 1] == ' '))
        got--;
    return got > 0 ? arena_copy(&c->arena, span_make(text, (size_t)got)) : SPAN_NONE;
}

struct span api_token_file(struct cli *c)
{
    struct span places[] = { option(c, "data"), SPAN("data"), SPAN("data/sandbox") };
    size_t first = places[0].at ? 0 : 1, count = places[0].at ? 1 : 3;
    for (size_t i = first; i < count; i++) {
        struct span path = arena_print(&c->arena, "%.*s/admin.token", SPAN_ARG(places[i]));
        if (path.at && access(path.at, F_OK) == 0)
            return path;
    }
    return SPAN_NONE;
}

bool api_token(struct cli *c, struct span *token)
{
    *token = option(c, "token");
    if (!token->at)
        *token = from_environment("TOLLGATE_ADMIN_TOKEN");
    if (token->at)
        return true;
    struct span path = api_token_file(c);
    if (path.at)
        *token = read_token_file(c, path.at);
    if (token->at)
        return true;
    if (path.at)
        fprintf(stderr, "tollgate: the admin token in %.*s cannot be read; run this as the user that runs the gate, or set TOLLGATE_ADMIN_TOKEN\n", SPAN_ARG(path));
    else
        fputs("tollgate: no admin token: set TOLLGATE_ADMIN_TOKEN, or give --data DIR with the gate's data directory (its file admin.token)\n", stderr);
    return false;
}

struct http_field api_authorization(struct cli *c, struct span token)
{
    return (struct http_field){ SPAN("authorization"), arena_print(&c->arena, "Bearer %.*s", SPAN_ARG(token)) };
}

/* ---- what can go wrong ---- */

int api_unreachable(const struct cli *c, enum err why)
{
    struct span url = api_url(c);
    if (why == E_BAD_REQUEST)
        return usage_error(c, "\"%.*s\" is no address of an admin API; allowed: http://host:port", SPAN_ARG(url));
    if (why == E_UPSTREAM_TIMEOUT)
        fprintf(stderr, "tollgate: the gate at %.*s did not answer in time; its log may say why\n", SPAN_ARG(url));
    else if (why == E_UPSTREAM_BROKEN)
        fprintf(stderr, "tollgate: the gate at %.*s broke off its answer; was it stopped?\n", SPAN_ARG(url));
    else
        fprintf(stderr, "tollgate: the gate cannot be reached at %.*s; is `tollgate serve` running? (another address: --admin URL or TOLLGATE_ADMIN)\n", SPAN_ARG(url));
    return EXIT_UNREACHABLE;
}

int api_refused(int status, struct json_value problem)
{
    struct span detail = json_string(json_member(problem, SPAN("detail"))), code = json_string(json_member(problem, SPAN("code")));
    struct span field = json_string(json_member(problem, SPAN("field")));
    bool said = field.len && !span_starts(detail, field);
    fprintf(stderr, "tollgate: the gate refused (%d %.*s)%s%.*s%s%.*s\n", status, SPAN_ARG(code.at ? code : SPAN("no reason")), said ? ": " : "",
        SPAN_ARG(said ? field : SPAN("")), detail.at ? ": " : "", SPAN_ARG(detail.at ? detail : SPAN("")));
    return EXIT_REFUSED;
}

/* ---- asking ---- */

static enum err ask(struct cli *c, const char *method, const struct api_path *path, struct span body, struct fetch_answer *out)
{
    struct span token, url = api_url(c);
    if (!api_token(c, &token))
        return E_UNAUTHORIZED;
    struct http_field fields[] = { api_authorization(c, token), { SPAN("content-type"), SPAN("application/json") } };
    struct span whole = arena_print(&c->arena, "%.*s/api/v1/%.*s", SPAN_ARG(url), SPAN_ARG(buf_span(&path->text)));
    if (path->text.broken || !whole.at)
        return E_BAD_REQUEST;
    const struct fetch_limits limits = { .total_ms = c->patience_ms, .body_bytes = SHOWN_MOST };
    if (c->patience_ms)
        return fetch_within(&c->arena, span_of(method), whole, fields, body.at ? 2 : 1, body, &limits, out);
    return fetch(&c->arena, span_of(method), whole, fields, body.at ? 2 : 1, body, out);
}

enum err api_fetch(struct cli *c, const char *method, struct api_path *path, struct span body, struct fetch_answer *out)
{
    enum err e = ask(c, method, path, body, out);
    buf_free(&path->text);
    return e;
}

int api_call(struct cli *c, const char *method, struct api_path *path, struct span body, struct json_value *root, bool *printed)
{
    struct fetch_answer answer;
    const char *why;
    enum err e = api_fetch(c, method, path, body, &answer);
    *root = (struct json_value){ .doc = NULL };
    *printed = false;
    if (e == E_UNAUTHORIZED)
        return EXIT_REFUSED;
    if (e)
        return api_unreachable(c, e);
    bool readable = !answer.body.len || json_parse(c->reader, answer.body, false, root, &why) == E_OK;
    if (answer.status >= 300)
        return api_refused(answer.status, *root);
    if (!readable) {
        fprintf(stderr, "tollgate: what answers at %.*s is no gate's admin API\n", SPAN_ARG(api_url(c)));
        return EXIT_UNREACHABLE;
    }
    *printed = c->json;
    if (c->json)
        fwrite(answer.body.at, 1, answer.body.len, stdout);
    return EXIT_DONE;
}

/* ---- reading answers ---- */

static struct span joined(struct cli *c, struct json_value list)
{
    struct span name, all = SPAN_NONE;
    struct json_value item;
    for (struct json_iter it = json_iter(list); json_next(&it, &name, &item);) {
        struct span text = json_string(item);
        if (text.at)
            all = all.at ? arena_print(&c->arena, "%.*s, %.*s", SPAN_ARG(all), SPAN_ARG(text)) : text;
    }
    return all;
}

struct span api_text(struct cli *c, struct json_value v, const char *path)
{
    bool flag = false;
    struct json_value at = json_path(v, span_of(path));
    switch (json_kind(at)) {
    case JSON_STRING:
        return json_string(at).len ? json_string(at) : SPAN_NONE;
    case JSON_NUMBER:
        return json_decimal(at, &c->arena);
    case JSON_BOOL:
        return json_bool(at, &flag) && flag ? SPAN("yes") : SPAN("no");
    case JSON_ARRAY:
        return joined(c, at);
    default:
        return SPAN_NONE;
    }
}

int64_t api_number(struct json_value v, const char *path)
{
    int64_t n = 0;
    (void)json_integer(json_path(v, span_of(path)), &n);
    return n;
}

struct span api_time(struct cli *c, struct json_value v, const char *path)
{
    char now[TIME_TEXT];
    struct span text = json_string(json_path(v, span_of(path)));
    if (text.len < 20)
        return SPAN_NONE;
    bool today = span_is(span_first(text_time(clock_unix_ms(), now), 10), span_first(text, 10));
    if (today)
        return span_first(span_from(text, 11), 8);
    return arena_print(&c->arena, "%.10s %.8s", text.at, text.at + 11);
}

int api_show(const struct cli *c, const struct table *t, const char *when_empty)
{
    struct buf out;
    (void)c;
    buf_init(&out, SHOWN_MOST);
    table_print(t, &out);
    if (t->rows)
        fwrite(out.at, 1, out.len, stdout);
    else
        printf("%s\n", when_empty);
    buf_free(&out);
    return EXIT_DONE;
}

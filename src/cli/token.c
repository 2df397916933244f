/* SPDX-License-Identifier: Apache-2.0
 * token.c - `tollgate token`: where the file with the first admin token is, and admin tokens with a role each for people and scripts.
 * A new one's text is printed once, alone on standard output. */
#include "cli/object.h"

/* Where, never what. */
static int file(struct cli *c)
{
    struct span path = api_token_file(c);
    if (!path.at) {
        fputs("tollgate: no admin.token here: it is made in the data directory by the first start of a gate whose configuration has no admin.token; "
              "give --data DIR\n",
            stderr);
        return EXIT_REFUSED;
    }
    if (c->json)
        printf("{\"file\":\"%.*s\"}\n", SPAN_ARG(path));
    else
        printf("%.*s\n", SPAN_ARG(path));
    return EXIT_DONE;
}

static const struct column columns[] = { { "TOKEN", ALIGN_LEFT, 32 }, { "ID", ALIGN_LEFT, 0 }, { "ROLE", ALIGN_LEFT, 0 }, { "WORKSPACE", ALIGN_LEFT, 24 },
    { "OWNER", ALIGN_LEFT, 32 }, { "MADE", ALIGN_LEFT, 0 }, { "UNTIL", ALIGN_LEFT, 0 }, { "LAST USED", ALIGN_LEFT, 0 } };

static void put_row(struct cli *c, struct table *t, struct json_value token)
{
    table_put(t, api_text(c, token, "name"));
    table_put(t, api_text(c, token, "id"));
    table_put(t, api_text(c, token, "role"));
    table_put(t, api_text(c, token, "workspace"));
    table_put(t, api_text(c, token, "owner"));
    table_put(t, api_time(c, token, "created_at"));
    table_put(t, api_time(c, token, "expires_at"));
    table_put(t, api_time(c, token, "last_used_at"));
}

static int list(struct cli *c) { return object_list(c, "tokens", columns, sizeof(columns) / sizeof(*columns), put_row, "no tokens but the one of the configuration"); }
static int show(struct cli *c) { return object_show(c, "tokens"); }
static int delete(struct cli *c) { return object_delete(c, "tokens"); }

/* What flags say; false: --expires is not readable. */
static bool put_members(struct cli *c, struct json_out *o)
{
    static const char *const members[] = { "name", "role", "workspace", "owner" };
    struct span expires = option(c, "expires"), until = expires.at ? option_moment(c, expires, true) : SPAN_NONE;
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
        if (option_given(c, members[i]))
            json_pair(o, span_of(members[i]), option(c, members[i]));
    if (until.at)
        json_pair(o, SPAN("expires_at"), until);
    return !expires.at || until.at;
}

static int send(struct cli *c, const char *method, struct span id, struct json_value *root, bool *printed)
{
    struct buf body;
    buf_init(&body, OBJECT_BODY);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    bool readable = put_members(c, &o);
    json_close(&o, '}');
    int code = readable ? object_send(c, method, "tokens", id, NULL, buf_span(&body), root, printed)
                        : usage_error(c, "--expires: found \"%.*s\"; allowed: 24h, 30d, or a time such as 2026-12-31T00:00:00Z", SPAN_ARG(option(c, "expires")));
    buf_free(&body);
    return code;
}

static int say_text(struct cli *c, struct json_value root, const char *what)
{
    fprintf(stderr, "token %.*s %s; its text is shown this once:\n", SPAN_ARG(api_text(c, root, "name")), what);
    printf("%.*s\n", SPAN_ARG(api_text(c, root, "token")));
    return EXIT_DONE;
}

static int create(struct cli *c)
{
    struct json_value root = { .doc = NULL };
    bool printed = false;
    if (!option_given(c, "name") || !option_given(c, "role"))
        return usage_error(c, "a token needs --name and --role owner|admin|finance|viewer");
    int code = send(c, "POST", SPAN_NONE, &root, &printed);
    return code != EXIT_DONE || printed ? code : say_text(c, root, "was made");
}

static int change(struct cli *c)
{
    struct json_value root = { .doc = NULL };
    bool printed = false;
    if (!c->option_count)
        return usage_error(c, "say what: --name, --role, --owner, --expires");
    int code = send(c, "PATCH", c->operands[1], &root, &printed);
    if (code == EXIT_DONE && !printed)
        printf("token %.*s is changed\n", SPAN_ARG(c->operands[1]));
    return code;
}

static int rotate(struct cli *c)
{
    struct json_value root = { .doc = NULL };
    bool printed;
    int code = object_send(c, "POST", "tokens", c->operands[1], "rotate", SPAN("{}"), &root, &printed);
    return code != EXIT_DONE || printed ? code : say_text(c, root, "has a new text");
}

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "file", 0, file }, { "list", 0, list }, { "create", 0, create }, { "show", 1, show }, { "change", 1, change },
        { "rotate", 1, rotate }, { "delete", 1, delete }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

static const struct flag flags[] = {
    { "name", "NAME", "create, change: what it is called", false },
    { "role", "viewer|finance|admin|owner", "create, change: what it may do; each may what the one before it may", false },
    { "workspace", "WORKSPACE", "create: it sees and changes only what is there", false },
    { "owner", "TEXT", "create, change: who answers for it", false },
    { "expires", "TIME", "create, change: after 24h, 30d, ..., or at a time", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_token = {
    .name = "token",
    .summary = "admin tokens: where the first one is; list, create, show, change, rotate, delete",
    .usage = "  tollgate token [file]        where the first one stands, for: export TOLLGATE_ADMIN_TOKEN=$(cat $(tollgate token))\n"
             "  tollgate token list\n"
             "  tollgate token create --name ci --role viewer --expires 90d\n"
             "  tollgate token show|rotate|delete TOKEN\n"
             "  tollgate token change TOKEN --role finance\n",
    .flags = flags,
    .operands = 2,
    .watch = "list show",
    .run = run,
};

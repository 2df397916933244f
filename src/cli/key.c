/* SPDX-License-Identifier: Apache-2.0
 * key.c - `tollgate key`: what agents hold. A new key's text is printed once, alone on standard output, so that it can be
 * piped where it belongs; everything about it goes to standard error. */
#include "cli/object.h"

static const struct column columns[] = { { "NAME", ALIGN_LEFT, 32 }, { "ID", ALIGN_LEFT, 0 }, { "TOKEN", ALIGN_LEFT, 0 }, { "POLICY", ALIGN_LEFT, 24 },
    { "WORKSPACE", ALIGN_LEFT, 24 }, { "CREDENTIALS", ALIGN_LEFT, 48 }, { "BUDGETS", ALIGN_RIGHT, 0 }, { "EXPIRES", ALIGN_LEFT, 0 }, { "REVOKED", ALIGN_LEFT, 0 } };

static void put_row(struct cli *c, struct table *t, struct json_value key)
{
    table_put(t, api_text(c, key, "name"));
    table_put(t, api_text(c, key, "id"));
    table_put(t, api_text(c, key, "token"));
    table_put(t, api_text(c, key, "policy"));
    table_put(t, api_text(c, key, "workspace"));
    table_put(t, api_text(c, key, "credentials"));
    table_put_i64(t, (int64_t)json_count(json_member(key, SPAN("budgets"))));
    table_put(t, api_time(c, key, "expires_at"));
    table_put_tinted(t, api_time(c, key, "revoked_at"), TINT_RED);
}

static int list(struct cli *c)
{
    return object_list(c, "keys", columns, sizeof(columns) / sizeof(*columns), put_row, "no keys yet: `tollgate key create`");
}

static int show(struct cli *c) { return object_show(c, "keys"); }
static int delete(struct cli *c) { return object_delete(c, "keys"); }
static int change(struct cli *c) { return object_change(c, "keys"); }

static void put_many(const struct cli *c, struct json_out *o, const char *flag, const char *member)
{
    if (!option_given(c, flag))
        return;
    json_name(o, span_of(member));
    json_open(o, '[');
    for (size_t i = 0; option_nth(c, flag, i).at; i++)
        json_put_string(o, option_nth(c, flag, i));
    json_close(o, ']');
}

static int put_budgets(struct cli *c, struct json_out *o)
{
    if (!option_given(c, "budget"))
        return EXIT_DONE;
    json_name(o, SPAN("budgets"));
    json_open(o, '[');
    for (size_t i = 0; option_nth(c, "budget", i).at; i++) {
        struct span text = option_nth(c, "budget", i), budget = option_budget(&c->arena, text);
        if (!budget.at)
            return usage_error(c, "--budget: found \"%.*s\"; allowed: \"20 usd/run\", \"100 usd/day on stripe\", \"600 requests/minute\"", SPAN_ARG(text));
        json_put_raw(o, budget);
    }
    json_close(o, ']');
    return EXIT_DONE;
}

static int put_key(struct cli *c, struct json_out *o)
{
    static const char *const texts[] = { "name", "policy", "workspace", "user", "team", "label", "owner", "purpose" };
    struct span until = option(c, "expires"), moment = until.at ? option_moment(c, until, true) : SPAN_NONE;
    if (!option_given(c, "name") || !option_given(c, "policy") || !option_given(c, "credential"))
        return usage_error(c, "a key needs --name, --policy and at least one --credential");
    if (until.at && !moment.at)
        return usage_error(c, "--expires: found \"%.*s\"; allowed: 24h, 30d, or a time such as 2026-12-31T00:00:00Z", SPAN_ARG(until));
    json_open(o, '{');
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (option_given(c, texts[i]))
            json_pair(o, span_of(texts[i]), option(c, texts[i]));
    if (moment.at)
        json_pair(o, SPAN("expires_at"), moment);
    put_many(c, o, "credential", "credentials");
    put_many(c, o, "address", "addresses");
    int code = put_budgets(c, o);
    json_close(o, '}');
    return code;
}

static int say_token(struct cli *c, struct json_value key, const char *what)
{
    struct span token = api_text(c, key, "token");
    fprintf(stderr, "key %.*s (%.*s) %s; this is its text, shown this once:\n", SPAN_ARG(api_text(c, key, "name")), SPAN_ARG(api_text(c, key, "id")), what);
    printf("%.*s\n", SPAN_ARG(token.at ? token : SPAN("")));
    return EXIT_DONE;
}

static int create(struct cli *c)
{
    struct buf body;
    struct json_value key;
    bool printed = false;
    buf_init(&body, OBJECT_BODY);
    struct json_out o = json_out(&body);
    int code = put_key(c, &o);
    if (code == EXIT_DONE)
        code = object_send(c, "POST", "keys", SPAN_NONE, NULL, buf_span(&body), &key, &printed);
    buf_free(&body);
    if (code != EXIT_DONE || printed)
        return code;
    if (!option_given(c, "budget"))
        fputs("tollgate: this key has no budget of its own: only budgets of its workspace and the gate hold it\n", stderr);
    return say_token(c, key, "was made");
}

static int revoke(struct cli *c)
{
    struct json_value root;
    bool printed;
    struct span body = SPAN("{}");
    if (option_given(c, "reason")) {
        struct buf text;
        buf_init(&text, OBJECT_BODY);
        struct json_out o = json_out(&text);
        json_open(&o, '{');
        json_pair(&o, SPAN("reason"), option(c, "reason"));
        json_close(&o, '}');
        body = arena_copy(&c->arena, buf_span(&text));
        buf_free(&text);
    }
    int code = object_send(c, "POST", "keys", c->operands[1], "revoke", body, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    printf("key %.*s is revoked: nothing it asks for is forwarded from now on; %lld calls under way cut, %lld still running\n", SPAN_ARG(api_text(c, root, "name")),
        (long long)api_number(root, "cut"), (long long)api_number(root, "in_flight"));
    return EXIT_DONE;
}

static int rotate(struct cli *c)
{
    struct json_value key;
    bool printed;
    struct span overlap = option(c, "overlap"), body = SPAN("{}");
    int64_t ms;
    if (overlap.at && !object_duration(overlap, &ms))
        return usage_error(c, "--overlap: found \"%.*s\"; allowed: 0s, 30s, 5m, 24h, 7d", SPAN_ARG(overlap));
    if (overlap.at)
        body = arena_print(&c->arena, "{\"overlap\":\"%.*s\"}", SPAN_ARG(overlap));
    int code = object_send(c, "POST", "keys", c->operands[1], "rotate", body, &key, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    struct span until = api_time(c, key, "previous_valid_until");
    if (until.at)
        fprintf(stderr, "the old text stays valid until %.*s\n", SPAN_ARG(until));
    return say_token(c, key, "has a new text");
}

/* Whoever leaves: all keys of that owner at once. */
static int retire(struct cli *c)
{
    struct api_path path;
    struct json_value root, item;
    struct span name;
    struct buf text;
    bool printed;
    buf_init(&text, OBJECT_BODY);
    struct json_out o = json_out(&text);
    json_open(&o, '{');
    json_pair(&o, SPAN("owner"), c->operands[1]);
    if (option_given(c, "reason"))
        json_pair(&o, SPAN("reason"), option(c, "reason"));
    json_close(&o, '}');
    api_path(&path, "keys/retire");
    int code = api_call(c, "POST", &path, buf_span(&text), &root, &printed);
    buf_free(&text);
    if (code != EXIT_DONE || printed)
        return code;
    for (struct json_iter it = json_iter(json_member(root, SPAN("retired"))); json_next(&it, &name, &item);)
        printf("key %.*s is revoked; %lld calls under way cut\n", SPAN_ARG(api_text(c, item, "name")), (long long)api_number(item, "cut"));
    printf("%lld keys of %.*s are retired\n", (long long)api_number(root, "count"), SPAN_ARG(c->operands[1]));
    return EXIT_DONE;
}

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "list", 0, list }, { "create", 0, create }, { "show", 1, show }, { "revoke", 1, revoke },
        { "rotate", 1, rotate }, { "retire", 1, retire }, { "delete", 1, delete }, { "change", 2, change }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

static const struct flag flags[] = {
    { "name", "NAME", "create: what it is called", false },
    { "policy", "POLICY", "create: what it may do", false },
    { "credential", "NAME", "create: a vendor's secret it stands for; again for more", true },
    { "budget", "BUDGET", "create: \"20 usd/run\", \"100 usd/day on stripe\"; again for more", true },
    { "workspace", "NAME", "create: whose it is", false },
    { "user", "NAME", "create: for budgets by user", false },
    { "team", "NAME", "create: for budgets by team", false },
    { "label", "A:B:C", "create: sums are made by its first parts", false },
    { "owner", "NAME", "create: who answers for it", false },
    { "purpose", "TEXT", "create: what it is for", false },
    { "address", "CIDR", "create: where it may be used from; again for more", true },
    { "expires", "TIME", "create: after 24h, 30d, ..., or at a time", false },
    { "overlap", "TIME", "rotate: how long the old text stays valid (24h)", false },
    { "reason", "TEXT", "revoke: why", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_key = {
    .name = "key",
    .summary = "keys that agents hold: list, create, show, revoke, rotate, retire, delete",
    .usage = "  tollgate key [list]\n"
             "  tollgate key create --name NAME --policy POLICY --credential NAME --budget \"20 usd/run\"\n"
             "  tollgate key show|revoke|rotate|delete KEY\n"
             "  tollgate key retire OWNER --reason TEXT     all keys that this owner answers for\n"
             "  tollgate key change KEY FILE     only the members that the file (YAML or JSON; \"-\": standard input) has; null takes one away\n",
    .flags = flags,
    .operands = 3,
    .watch = "list show",
    .run = run,
};

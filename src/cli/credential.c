/* SPDX-License-Identifier: Apache-2.0
 * credential.c - `tollgate credential`: the vendors' secrets. One is read from standard input or a file, never from the
 * command line, where every user of the machine could read it; it is never printed. */
#include <termios.h>
#include <unistd.h>

#include "base/digest.h"
#include "cli/object.h"

static const struct column columns[] = { { "NAME", ALIGN_LEFT, 40 }, { "VENDOR", ALIGN_LEFT, 24 }, { "ACCOUNT", ALIGN_LEFT, 40 }, { "FROM", ALIGN_LEFT, 0 },
    { "SECRET", ALIGN_LEFT, 0 }, { "DISABLED", ALIGN_LEFT, 0 } };

static void put_row(struct cli *c, struct table *t, struct json_value credential)
{
    struct span account = api_text(c, credential, "account");
    bool set = span_is(api_text(c, credential, "secret_set"), SPAN("yes"));
    table_put(t, api_text(c, credential, "name"));
    table_put(t, api_text(c, credential, "vendor"));
    table_put(t, account.at ? account : api_text(c, credential, "account_sid"));
    table_put(t, api_text(c, credential, "origin"));
    table_put_tinted(t, set ? SPAN("set") : SPAN("missing"), set ? TINT_NONE : TINT_RED);
    table_put(t, api_text(c, credential, "disabled"));
}

static int list(struct cli *c)
{
    return object_list(c, "credentials", columns, sizeof(columns) / sizeof(*columns), put_row, "no credentials yet: `tollgate credential create`");
}

static int show(struct cli *c) { return object_show(c, "credentials"); }
static int delete(struct cli *c) { return object_delete(c, "credentials"); }
static int change(struct cli *c) { return object_change(c, "credentials"); }

/* What is typed is not shown. */
static struct span read_secret(struct cli *c)
{
    struct termios before, silent;
    struct span file = option(c, "secret-file");
    bool typed = !file.at && isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
    if (typed) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        fputs("secret (not shown; end with Ctrl-D on a line of its own): ", stderr);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    struct span text = object_read(c, file.at ? file : SPAN("-"));
    if (typed) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    while (text.len && (text.at[text.len - 1] == '\n' || text.at[text.len - 1] == '\r'))
        text.len--;
    return text;
}

static void put_credential(const struct cli *c, struct json_out *o, struct span secret)
{
    static const char *const flags[] = { "name", "vendor", "account", "key-id" };
    static const char *const members[] = { "name", "vendor", "account", "key_id" };
    json_open(o, '{');
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
        if (option_given(c, flags[i]))
            json_pair(o, span_of(members[i]), option(c, flags[i]));
    json_pair(o, SPAN("secret"), secret);
    json_close(o, '}');
}

static int create(struct cli *c)
{
    struct json_value root;
    struct buf body;
    bool printed;
    if (!option_given(c, "name") || !option_given(c, "vendor"))
        return usage_error(c, "a credential needs --name and --vendor; its secret comes from standard input or --secret-file FILE");
    struct span secret = read_secret(c);
    if (!secret.len)
        return usage_error(c, "the secret is empty");
    buf_init(&body, OBJECT_BODY);
    struct json_out o = json_out(&body);
    put_credential(c, &o, secret);
    int code = object_send(c, "POST", "credentials", SPAN_NONE, NULL, buf_span(&body), &root, &printed);
    if (body.at)
        secret_wipe(body.at, body.room);
    secret_wipe((void *)(uintptr_t)secret.at, secret.len);
    buf_free(&body);
    if (code == EXIT_DONE && !printed)
        printf("credential %.*s for %.*s is sealed and in force\n", SPAN_ARG(option(c, "name")), SPAN_ARG(option(c, "vendor")));
    return code;
}

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "list", 0, list }, { "create", 0, create }, { "show", 1, show }, { "delete", 1, delete }, { "change", 2, change }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

static const struct flag flags[] = {
    { "name", "NAME", "create: what keys refer to it by", false },
    { "vendor", "VENDOR", "create: whose secret it is", false },
    { "account", "ID", "create: the account it belongs to, where the vendor has one in its paths (Twilio)", false },
    { "key-id", "ID", "create: the public half, where the secret has one (Twilio API keys)", false },
    { "secret-file", "FILE", "create: read the secret from there; else from standard input", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_credential = {
    .name = "credential",
    .summary = "the vendors' secrets: list, create (secret on standard input), show, delete",
    .usage = "  tollgate credential [list]\n"
             "  tollgate credential create --name stripe-main --vendor stripe < secret.txt\n"
             "  tollgate credential show|delete NAME\n"
             "  tollgate credential change NAME FILE     only the members that the file (YAML or JSON; \"-\": standard input) has; null takes one away\n",
    .flags = flags,
    .operands = 3,
    .watch = "list show",
    .run = run,
};

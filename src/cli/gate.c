/* SPDX-License-Identifier: Apache-2.0
 * gate.c - the verbs about the gate as a whole: `tollgate reload` and `tollgate token`. */
#include "cli/api.h"

static int reload(struct cli *c)
{
    struct api_path path;
    struct json_value root;
    bool printed;
    api_path(&path, "reload");
    int code = api_call(c, "POST", &path, SPAN("{}"), &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    struct span digest = api_text(c, root, "config");
    printf("the configuration was read again and is in force%s%.*s%s\n", digest.at ? " (" : "", SPAN_ARG(digest.at ? digest : SPAN("")), digest.at ? ")" : "");
    return EXIT_DONE;
}

const struct verb verb_reload = {
    .name = "reload",
    .summary = "have the gate read its configuration again (as SIGHUP does)",
    .usage = "  tollgate reload              one that is not valid is refused with file, line and field; the old one stays\n",
    .run = reload,
};

/* Where, never what. */
static int token(struct cli *c)
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

const struct verb verb_token = {
    .name = "token",
    .summary = "where the file with the admin token is",
    .usage = "  tollgate token               prints a path, for: export TOLLGATE_ADMIN_TOKEN=$(cat $(tollgate token))\n",
    .run = token,
};

/* SPDX-License-Identifier: Apache-2.0
 * login_link.c - `tollgate login-link`: a link that opens the dashboard once, for whoever holds an admin token. */
#include "cli/api.h"

static int login_link(struct cli *c)
{
    struct api_path path;
    struct json_value root;
    bool printed;
    api_path(&path, "session/link");
    int code = api_call(c, "POST", &path, SPAN("{}"), &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    struct span url = api_text(c, root, "url");
    printf("%.*s\n", SPAN_ARG(url.at ? url : SPAN("")));
    return EXIT_DONE;
}

const struct verb verb_login_link = {
    .name = "login-link",
    .summary = "a link that opens the dashboard once, within 15 minutes",
    .usage = "  tollgate login-link          prints it; whoever opens it is logged in as the holder of the token that asked\n",
    .run = login_link,
};

/* SPDX-License-Identifier: Apache-2.0
 * gate.c - `tollgate reload`, about the gate as a whole. */
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

/* SPDX-License-Identifier: Apache-2.0
 * raw.c - `tollgate api`: any route of the admin API as it is, for what no verb has a word for; with the token and the exit codes of
 * the other verbs. */
#include "cli/object.h"

static struct span path_of(struct span given)
{
    if (span_starts(given, SPAN("/api/v1/")))
        return span_from(given, 8);
    return span_starts(given, SPAN("/")) ? span_from(given, 1) : given;
}

static int run(struct cli *c)
{
    static const char *const methods[] = { "GET", "POST", "PATCH", "PUT", "DELETE" };
    struct api_path path;
    struct json_value root;
    struct span body = SPAN_NONE;
    const char *method = NULL;
    bool printed;
    for (size_t i = 0; i < 5 && c->operand_count > 1; i++)
        if (span_is_nocase(c->operands[0], span_of(methods[i])))
            method = methods[i];
    if (!method)
        return usage_error(c, "say GET, POST, PATCH, PUT or DELETE and a path, such as /calls?limit=1");
    if (c->operand_count > 2 && !(body = object_read(c, c->operands[2])).at)
        return EXIT_CONFIG;
    api_path(&path, "");
    buf_put(&path.text, path_of(c->operands[1]));
    c->json = true;
    int code = api_call(c, method, &path, body, &root, &printed);
    if (code == EXIT_DONE)
        puts("");
    return code;
}

const struct verb verb_api = {
    .name = "api",
    .summary = "any route of the admin API, as it is",
    .usage = "  tollgate api METHOD PATH [FILE]     GET /openapi.json says what there is; FILE: the body, \"-\": standard input\n",
    .operands = 3,
    .run = run,
};

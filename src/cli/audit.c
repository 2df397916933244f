/* SPDX-License-Identifier: Apache-2.0
 * audit.c - `tollgate audit verify`: proves offline that no row of the audit log was changed, removed or put in. It reads
 * the data directory itself, not the API: a gate that was tampered with must not be asked. */
#include <unistd.h>

#include "cli/object.h"
#include "rules/call_id.h"
#include "store/store.h"

static struct span data_dir(struct cli *c)
{
    static const char *const usual[] = { "data", "data/sandbox" };
    struct span given = option(c, "data");
    if (given.at)
        return given;
    for (size_t i = 0; i < 2; i++) {
        struct span file = arena_print(&c->arena, "%s/tollgate.db", usual[i]);
        if (file.at && access(file.at, R_OK) == 0)
            return span_of(usual[i]);
    }
    return SPAN_NONE;
}

static int say(struct cli *c, struct span dir, enum err e, int64_t rows, uint64_t bad)
{
    char id[CALL_ID_TEXT + 1];
    struct span text = bad ? call_id_text(bad, id) : SPAN_NONE;
    if (e != E_OK && e != E_CONFLICT) {
        fprintf(stderr, "tollgate audit: %.*s: the audit log cannot be read\n", SPAN_ARG(dir));
        return EXIT_REFUSED;
    }
    if (c->json)
        printf("{\"valid\":%s,\"rows\":%lld,\"bad\":%s%.*s%s}\n", e ? "false" : "true", (long long)(e ? 0 : rows), text.at ? "\"" : "null", SPAN_ARG(text.at ? text : SPAN("")),
            text.at ? "\"" : "");
    else if (e)
        printf("%sthe chain is broken at call %.*s%s: that row was changed, removed or put in\n", tint_code(TINT_RED, c->colour), SPAN_ARG(text.at ? text : SPAN("?")),
            tint_code(TINT_NONE, c->colour));
    else
        printf("%s%lld rows are as they were written%s: each one's hash follows from it and the one before\n", tint_code(TINT_GREEN, c->colour), (long long)rows,
            tint_code(TINT_NONE, c->colour));
    return e ? EXIT_REFUSED : EXIT_DONE;
}

static int verify_store(struct cli *c, struct span dir, struct store *store)
{
    int64_t rows;
    uint64_t bad;
    char why[256] = "";
    struct store_reader *r = store_reader_new(store, why);
    if (!r) {
        fprintf(stderr, "tollgate audit: %.*s: %s\n", SPAN_ARG(dir), why);
        return EXIT_REFUSED;
    }
    enum err e = store_verify(r, &rows, &bad);
    store_reader_free(r);
    return say(c, dir, e, rows, bad);
}

static int verify(struct cli *c)
{
    char why[256] = "";
    struct span dir = data_dir(c);
    struct span file = dir.at ? arena_print(&c->arena, "%.*s/tollgate.db", SPAN_ARG(dir)) : SPAN_NONE;
    if (!file.at || access(file.at, R_OK) != 0)
        return usage_error(c, "%s%.*s holds no audit log (tollgate.db); give --data DIR", dir.at ? "" : "this directory", SPAN_ARG(dir.at ? dir : SPAN("")));
    struct store *store = store_open(dir, why);
    if (!store) {
        fprintf(stderr, "tollgate audit: %.*s: %s; while a gate runs on it, verify a copy of the directory\n", SPAN_ARG(dir), why);
        return EXIT_REFUSED;
    }
    int code = verify_store(c, dir, store);
    store_close(store);
    return code;
}

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "verify", 0, verify }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

const struct verb verb_audit = {
    .name = "audit",
    .summary = "prove offline that the audit log was not changed",
    .usage = "  tollgate audit verify --data DIR     exit code 0: every row is as it was written; 1: names the first that is not\n",
    .operands = 1,
    .run = run,
};

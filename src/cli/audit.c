/* SPDX-License-Identifier: Apache-2.0
 * audit.c - `tollgate audit`: proves offline that no row of the audit log was changed, removed or put in; writes the log out;
 * lists what operators changed.
 *
 * `verify` reads a data directory, a database or an exported file by itself: a gate that was tampered with must not be asked.
 * Only where there is none at hand, it asks the gate. A gate may run on the directory meanwhile. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/sign.h"
#include "base/text.h"
#include "cli/audit_file.h"
#include "cli/download.h"
#include "cli/object.h"
#include "cli/progress.h"
#include "rules/call_id.h"
#include "store/store.h"

enum { LOG_USUAL = 100, LOG_MOST = 1000 };

/* ---- where it is ---- */

/* SPAN_NONE: nothing at hand. */
static struct span at_hand(struct cli *c)
{
    static const char *const usual[] = { "data", "data/sandbox" };
    struct span given = option(c, "data");
    if (c->operand_count > 1)
        return c->operands[1];
    if (given.at || option_given(c, "admin"))
        return given;
    for (size_t i = 0; i < 2; i++) {
        struct span file = arena_print(&c->arena, "%s/tollgate.db", usual[i]);
        if (file.at && access(file.at, R_OK) == 0)
            return span_of(usual[i]);
    }
    return SPAN_NONE;
}

static bool is_directory(struct cli *c, struct span path)
{
    struct stat st;
    struct span name = arena_copy(&c->arena, path);
    return name.at && stat(name.at, &st) == 0 && S_ISDIR(st.st_mode);
}

/* An export begins like one; all else is for the store to read. */
static bool is_export(struct cli *c, struct span path)
{
    char start[1] = "";
    struct span name = arena_copy(&c->arena, path);
    if (is_directory(c, path))
        return false;
    FILE *f = name.at ? fopen(name.at, "re") : NULL;
    bool brace = f && fread(start, 1, 1, f) == 1 && start[0] == '{';
    if (f)
        (void)fclose(f);
    return brace;
}

/* ---- what was found ---- */

static struct span in_chain(struct cli *c, const struct audit_verdict *d)
{
    if (d->gaps)
        return arena_print(&c->arena, "; rows were left out of this file in %lld places, so %lld of its rows are tied to no signature", (long long)d->gaps,
            (long long)(d->rows - d->signed_rows));
    return SPAN("");
}

static void put_text(struct cli *c, const struct audit_verdict *d)
{
    const char *off = tint_code(TINT_NONE, c->colour);
    if (d->trouble) {
        printf("%snot as it was written%s", tint_code(TINT_RED, c->colour), off);
        if (d->bad.at)
            printf(": row %.*s", SPAN_ARG(d->bad));
        if (d->line)
            printf("%s line %lld", d->bad.at ? "," : ":", (long long)d->line);
        printf(": %s\n", d->trouble);
        return;
    }
    printf("%s%lld rows are as they were written%s: each one's hash follows from it and the one before%.*s\n", tint_code(TINT_GREEN, c->colour), (long long)d->rows, off,
        SPAN_ARG(in_chain(c, d)));
    if (d->checkpoints)
        printf("%lld of them are signed, in %lld checkpoints, by the key %.*s\n", (long long)d->signed_rows, (long long)d->checkpoints, SPAN_ARG(d->key));
    else
        printf("none of them is signed yet\n");
}

static void put_json(struct cli *c, const struct audit_verdict *d)
{
    struct buf out;
    (void)c;
    buf_init(&out, 1 << 16);
    struct json_out o = json_out(&out);
    json_open(&o, '{');
    json_pair_bool(&o, SPAN("valid"), !d->trouble);
    json_pair_i64(&o, SPAN("rows"), d->rows);
    json_pair_i64(&o, SPAN("checkpoints"), d->checkpoints);
    json_pair_i64(&o, SPAN("signed_rows"), d->signed_rows);
    json_pair_i64(&o, SPAN("gaps"), d->gaps);
    json_pair(&o, SPAN("key"), d->key.len ? d->key : SPAN_NONE);
    json_pair(&o, SPAN("bad"), d->bad.len ? d->bad : SPAN_NONE);
    json_pair(&o, SPAN("trouble"), d->trouble ? span_of(d->trouble) : SPAN_NONE);
    json_close(&o, '}');
    printf("%.*s\n", SPAN_ARG(buf_span(&out)));
    buf_free(&out);
}

static int say(struct cli *c, const struct audit_verdict *d)
{
    if (c->json)
        put_json(c, d);
    else
        put_text(c, d);
    return d->trouble ? EXIT_REFUSED : EXIT_DONE;
}

/* ---- verify ---- */

static bool verify_store(struct cli *c, struct span path, const uint8_t *key, struct progress *bar, struct audit_verdict *out)
{
    char why[256] = "", id[CALL_ID_TEXT + 1];
    struct store_verdict d = { .rows = 0 };
    struct store_reader *r = store_reader_open(path, NULL, why);
    enum err e = r ? store_verify(r, key, progress_show, bar, &d) : E_IO;
    *out = (struct audit_verdict){ .rows = d.rows, .checkpoints = d.checkpoints, .signed_rows = d.signed_rows, .trouble = d.trouble };
    out->key = arena_copy(&c->arena, d.key);
    out->bad = d.bad_id ? arena_copy(&c->arena, call_id_text(d.bad_id, id)) : SPAN_NONE;
    store_reader_free(r);
    progress_end(bar);
    if (e != E_OK && e != E_CONFLICT)
        fprintf(stderr, "tollgate audit: %.*s: %s\n", SPAN_ARG(path), why[0] ? why : "the audit log cannot be read");
    return e == E_OK || e == E_CONFLICT;
}

static int verify_by_gate(struct cli *c)
{
    struct api_path path;
    struct json_value root;
    struct audit_verdict d = { .rows = 0 };
    bool printed;
    if (option_given(c, "key"))
        return usage_error(c, "--key is for a directory or a file at hand; the gate would only say that its own key fits");
    api_path(&path, "audit/verify");
    int code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE)
        return code;
    struct span trouble = api_text(c, root, "trouble");
    d.rows = api_number(root, "rows");
    d.checkpoints = api_number(root, "checkpoints");
    d.signed_rows = api_number(root, "signed_rows");
    d.key = api_text(c, root, "key");
    d.bad = api_text(c, root, "bad");
    d.trouble = trouble.at ? arena_copy(&c->arena, trouble).at : NULL;
    return printed ? d.trouble ? EXIT_REFUSED : EXIT_DONE : say(c, &d);
}

static int verify(struct cli *c)
{
    uint8_t bytes[SIGN_KEY];
    struct audit_verdict d;
    struct span path = at_hand(c), key = option(c, "key");
    struct progress bar;
    if (!path.at)
        return verify_by_gate(c);
    if (key.at && !sign_key_read(arena_copy(&c->arena, key), bytes))
        return usage_error(c, "--key: found \"%.*s\"; allowed: 64 hex digits, or a file with an Ed25519 public key such as DIR/audit.key.pub", SPAN_ARG(key));
    progress_init(&bar, c, "rows");
    bool read = is_export(c, path) ? audit_file(c, path, key.at ? bytes : NULL, progress_show, &bar, &d) : verify_store(c, path, key.at ? bytes : NULL, &bar, &d);
    progress_end(&bar);
    return read ? say(c, &d) : EXIT_REFUSED;
}

/* ---- export ---- */

static int export(struct cli *c)
{
    static const char *const names[] = { "format", "kind", "run", "key", "vendor", NULL };
    struct api_path path;
    api_path(&path, "audit/export");
    api_path_options(&path, c, names);
    if (option_given(c, "totals"))
        api_path_query(&path, "totals", SPAN("1"));
    int code = download_range(c, &path);
    if (code == EXIT_DONE)
        return download(c, &path);
    buf_free(&path.text);
    return code;
}

/* ---- log ---- */

static const struct column columns[] = { { "AT", ALIGN_LEFT, 0 }, { "BY", ALIGN_LEFT, 0 }, { "WHAT", ALIGN_LEFT, 0 }, { "OF", ALIGN_LEFT, 48 }, { "REASON", ALIGN_LEFT, 40 },
    { "CHANGED", ALIGN_LEFT, 100 } };

static struct span member_text(struct cli *c, struct json_value v)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    json_print(v, &out);
    struct span text = json_kind(v) == JSON_NONE ? SPAN("none") : out.broken ? SPAN("...") : arena_copy(&c->arena, buf_span(&out));
    buf_free(&out);
    return text;
}

/* "limit: "5 usd" -> "6 usd"; soft: none -> true": the members that differ. */
static struct span difference(struct cli *c, struct json_value before, struct json_value after)
{
    struct span name, all = SPAN_NONE;
    struct json_value item;
    for (struct json_iter it = json_iter(after); json_next(&it, &name, &item);) {
        struct span was = member_text(c, json_member(before, name)), is = member_text(c, item);
        if (json_kind(before) == JSON_OBJECT && !span_is(was, is))
            all = arena_print(&c->arena, "%.*s%s%.*s: %.*s -> %.*s", SPAN_ARG(all.at ? all : SPAN("")), all.at ? "; " : "", SPAN_ARG(name), SPAN_ARG(was), SPAN_ARG(is));
    }
    for (struct json_iter it = json_iter(before); json_next(&it, &name, &item);)
        if (json_kind(after) == JSON_OBJECT && json_kind(json_member(after, name)) == JSON_NONE)
            all = arena_print(&c->arena, "%.*s%s%.*s: %.*s -> none", SPAN_ARG(all.at ? all : SPAN("")), all.at ? "; " : "", SPAN_ARG(name), SPAN_ARG(member_text(c, item)));
    return all;
}

static void put_change(struct cli *c, struct table *t, struct json_value link)
{
    struct json_value row = json_member(link, SPAN("data"));
    table_row(t);
    table_put(t, api_time(c, row, "at"));
    table_put(t, api_text(c, row, "actor"));
    table_put(t, api_text(c, row, "action"));
    table_put(t, api_text(c, row, "object"));
    table_put(t, api_text(c, row, "reason"));
    table_put(t, difference(c, json_member(row, SPAN("before")), json_member(row, SPAN("after"))));
}

/* A page of the gate ends early when changes lie far apart: then the next one is asked for. */
static int list_page(struct cli *c, struct table *t, struct span *cursor, size_t most, bool *printed)
{
    struct api_path path;
    struct json_value root, item;
    struct span name;
    api_path(&path, "audit");
    api_path_query(&path, "kind", SPAN("change"));
    api_path_query(&path, "limit", arena_print(&c->arena, "%zu", most - t->rows));
    api_path_query(&path, "cursor", *cursor);
    int code = download_range(c, &path);
    if (code != EXIT_DONE) {
        buf_free(&path.text);
        return code;
    }
    code = api_call(c, "GET", &path, SPAN_NONE, &root, printed);
    *cursor = code == EXIT_DONE ? arena_copy(&c->arena, api_text(c, root, "next_cursor")) : SPAN_NONE;
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); code == EXIT_DONE && json_next(&it, &name, &item);)
        put_change(c, t, item);
    return code;
}

static int list(struct cli *c)
{
    struct table t;
    struct span cursor = option(c, "cursor"), limit = option(c, "limit");
    uint64_t most = LOG_USUAL;
    bool printed = false;
    if (limit.at && (!span_to_u64(limit, &most) || most < 1 || most > LOG_MOST))
        return usage_error(c, "--limit: found \"%.*s\"; allowed: 1 to %d", SPAN_ARG(limit), LOG_MOST);
    table_init(&t, &c->arena, columns, sizeof(columns) / sizeof(*columns), c->colour);
    do {
        int code = list_page(c, &t, &cursor, (size_t)most, &printed);
        if (code != EXIT_DONE || printed)
            return code;
    } while (cursor.at && t.rows < most);
    api_show(c, &t, "nothing was changed yet");
    if (cursor.at)
        printf("there are older ones: --cursor %.*s\n", SPAN_ARG(cursor));
    return EXIT_DONE;
}

static const struct column checkpoint_columns[] = { { "UP TO ROW", ALIGN_RIGHT, 0 }, { "AT", ALIGN_LEFT, 0 }, { "HASH", ALIGN_LEFT, 24 }, { "SIGNATURE", ALIGN_LEFT, 24 } };

static void put_checkpoint(struct cli *c, struct table *t, struct json_value checkpoint)
{
    table_put(t, api_text(c, checkpoint, "number"));
    table_put(t, api_time(c, checkpoint, "at"));
    table_put(t, api_text(c, checkpoint, "hash"));
    table_put(t, api_text(c, checkpoint, "signature"));
}

static int checkpoints(struct cli *c)
{
    return object_list(c, "audit/checkpoints", checkpoint_columns, sizeof(checkpoint_columns) / sizeof(*checkpoint_columns), put_checkpoint, "nothing is signed yet");
}

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "verify", OBJECT_MORE, verify }, { "export", 0, export }, { "log", 0, list }, { "checkpoints", 0, checkpoints }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

static const struct flag flags[] = {
    { "key", "KEY", "verify: the public key that must have signed (a file or 64 hex digits); export: of this key (name or id)", false },
    { "from", "TIME", "export, log: not before 24h, 7d, ... ago, or a time", false },
    { "to", "TIME", "export, log: before this time", false },
    { "format", "jsonl|csv", "export: lines of JSON, which can be verified alone, or a table", false },
    { "kind", "all|calls|changes", "export: what; calls with what settled them later", false },
    { "run", "RUN", "export: of this run", false },
    { "vendor", "VENDOR", "export: to this vendor", false },
    { "totals", NULL, "export: csv with a last line of sums", false },
    { "out", "FILE", "export: where to; else standard output", false },
    { "limit", "N", "log: at most so many (100)", false },
    { "cursor", "CURSOR", "log: go on where the last list ended", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_audit = {
    .name = "audit",
    .summary = "prove that the audit log was not changed; write it out; what operators changed",
    .usage = "  tollgate audit verify [FILE] [--key KEY]     FILE: a data directory, a tollgate.db or an exported .jsonl; without: --data DIR, else the\n"
             "                                               running gate. Exit code 0: every row is as it was written; 1: names one that is not\n"
             "  tollgate audit export --from 2026-11-01 --to 2026-12-01 --format csv --totals --out november.csv\n"
             "  tollgate audit log                           who changed what, the newest first\n"
             "  tollgate audit checkpoints                   up to where the chain is signed\n",
    .flags = flags,
    .operands = 2,
    .watch = "log checkpoints",
    .run = run,
};

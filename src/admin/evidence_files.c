/* SPDX-License-Identifier: Apache-2.0
 * evidence_files.c - the files of the evidence archive: which there are, and what stands in each. */
#include "admin/evidence.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "export/form.h"
#include "rules/row.h"

enum {
    REFUSALS = 200, /* the newest, as a sample */
    CHANGES = 10000, /* rows of a file, the newest */
    CHECKPOINTS = 10000
};

const struct evidence_list evidence_lists[EVIDENCE_LISTED] = {
    { { "policy", 6 }, "policies.json", "policies in force: what keys may do" },
    { { "budget", 6 }, "budgets.json", "the gate's own budgets" },
    { { "workspace", 9 }, "workspaces.json", "workspaces and their budgets" },
    { { "credential", 10 }, "credentials.json", "credentials at vendors, by name; never the secret" },
    { { "token", 5 }, "access-tokens.json", "admin tokens: role, workspace, owner, end, last use; never the token" },
};

void evidence_end_file(struct evidence *k, const char *name)
{
    struct span content;
    if (buf_done(&k->file, &content) == E_OK)
        archive_file(k->archive, name, content);
    else
        k->result = E_TOO_LARGE;
    buf_clear(&k->file);
}

static enum err put_access(struct evidence *k, struct store_reader *r, const struct snapshot *s, struct arena *a)
{
    struct paper p = paper(&k->file, PAPER_CSV, false);
    struct call_filter f = { .workspace = k->ask.filter.workspace };
    enum err e = access_write(r, s, &f, SPAN_NONE, k->ask.now, a, &p);
    evidence_end_file(k, "access-keys.csv");
    return e;
}

static void put_refusal(void *self, uint64_t id, struct span json)
{
    struct evidence *k = self;
    (void)id;
    buf_put(&k->file, json);
    buf_put_byte(&k->file, '\n');
}

static enum err put_refusals(struct evidence *k, struct store_reader *r)
{
    struct call_filter f = { .from = k->ask.filter.from, .to = k->ask.filter.to, .workspace = k->ask.filter.workspace, .denied = SPAN("*"), .limit = REFUSALS };
    enum err e = store_calls(r, &f, put_refusal, k);
    evidence_end_file(k, "refusals.jsonl");
    return e;
}

/* ---- changes ---- */

static struct span text_of(const struct row_value *row, enum row_tag tag) { return row[tag].bytes ? row[tag].text : SPAN_NONE; }

/* What stood there is named by its digest: enough to prove it with, and nothing to leak. */
static void put_digest(struct evidence *k, struct paper *p, struct span text)
{
    if (!text.at) {
        paper_none(p);
        return;
    }
    struct digest d = digest_sha256(text);
    buf_clear(&k->scratch);
    buf_put_hex(&k->scratch, span_make((const char *)d.bytes, DIGEST_LEN));
    paper_text(p, buf_span(&k->scratch));
}

struct changes {
    struct evidence *task;
    struct paper paper;
    bool rotations; /* only those of secrets */
    int rows;
};

static bool is_rotation(struct span action)
{
    static const char *const begins[] = { "credential.", "key.", "token.", NULL };
    for (int i = 0; begins[i]; i++)
        if (span_starts(action, span_of(begins[i])))
            return true;
    return false;
}

static bool put_change(void *self, const struct store_link *link)
{
    struct changes *c = self;
    struct row_value row[ROW_TAGS];
    struct paper *p = &c->paper;
    row_read(link->row, row);
    struct span action = text_of(row, ROW_ACTION);
    if (c->rotations && !is_rotation(action))
        return true;
    paper_row(p);
    paper_number(p, link->number);
    paper_time(p, row[ROW_AT].number);
    paper_text(p, text_of(row, ROW_ACTOR));
    paper_text(p, action);
    paper_text(p, text_of(row, ROW_OBJECT));
    paper_text(p, text_of(row, ROW_REASON));
    put_digest(c->task, p, text_of(row, ROW_BEFORE));
    put_digest(c->task, p, text_of(row, ROW_AFTER));
    buf_clear(&c->task->scratch);
    buf_put_hex(&c->task->scratch, link->hash);
    paper_text(p, buf_span(&c->task->scratch));
    return ++c->rows < CHANGES;
}

static enum err put_changes(struct evidence *k, struct store_reader *r, const char *name, bool rotations)
{
    static const char *const columns[] = { "number", "at", "actor", "action", "object", "reason", "before_sha256", "after_sha256", "chain_hash", NULL };
    struct call_filter f = { .changes = true, .only_changes = true, .before = INT64_MAX }; /* no limit: those that are passed over must not count */
    struct changes c = { .task = k, .paper = paper(&k->file, PAPER_CSV, false), .rotations = rotations };
    paper_open(&c.paper);
    paper_columns(&c.paper, SPAN("data"), columns);
    enum err e = store_audit(r, &f, put_change, &c);
    paper_close(&c.paper);
    evidence_end_file(k, name);
    return e;
}

/* ---- the chain ---- */

static void count_mark(void *self, const struct store_checkpoint *c)
{
    (void)c;
    ((struct evidence *)self)->kept++;
}

static void put_mark(void *self, const struct store_checkpoint *c)
{
    struct evidence *k = self;
    struct json_out o = json_out(&k->file);
    if (k->kept - k->passed++ > CHECKPOINTS)
        return;
    audit_put_checkpoint(&o, c);
    buf_put_byte(&k->file, '\n');
}

static enum err put_chain(struct evidence *k, struct store_reader *r)
{
    char id[CALL_ID_TEXT + 1];
    const struct store_verdict *d = &k->verdict;
    struct json_out o = json_out(&k->file);
    enum err e = store_verify(r, NULL, NULL, NULL, &k->verdict);
    if (e && e != E_CONFLICT)
        return e;
    json_open(&o, '{');
    json_pair_time(&o, SPAN("checked_at"), clock_unix_ms());
    json_pair_bool(&o, SPAN("valid"), d->trouble == NULL);
    json_pair_i64(&o, SPAN("rows"), d->rows);
    json_pair_i64(&o, SPAN("checkpoints"), d->checkpoints);
    json_pair_i64(&o, SPAN("signed_rows"), d->signed_rows);
    json_pair(&o, SPAN("key"), d->key.len ? d->key : SPAN_NONE);
    json_pair(&o, SPAN("bad"), d->bad_id ? call_id_text(d->bad_id, id) : SPAN_NONE);
    json_pair(&o, SPAN("trouble"), d->trouble ? span_of(d->trouble) : SPAN_NONE);
    json_close(&o, '}');
    buf_put_byte(&k->file, '\n');
    evidence_end_file(k, "chain/verdict.json");
    e = store_checkpoints(r, 0, count_mark, k);
    if (!e)
        e = store_checkpoints(r, 0, put_mark, k);
    evidence_end_file(k, "chain/checkpoints.jsonl");
    buf_put(&k->file, d->key.len ? d->key : SPAN(""));
    buf_put_byte(&k->file, '\n');
    evidence_end_file(k, "chain/key.hex");
    return e;
}

/* ---- the index ---- */

static void put_index(struct evidence *k, const struct snapshot *s)
{
    char from[TIME_TEXT], to[TIME_TEXT], at[TIME_TEXT];
    struct buf *b = &k->file;
    buf_print(b, "# Evidence\n\nWritten %.20s by Tollgate from its own records, over %.20s up to %.20s (not included).\nConfiguration in force: %.*s, loaded ", text_time(k->ask.now, at).at,
        text_time(k->ask.filter.from, from).at, text_time(k->ask.filter.to, to).at, SPAN_ARG(s->digest));
    buf_print(b, "%.20s.\n\n", text_time(s->loaded_at, at).at);
    buf_put(b, SPAN("| file | what |\n|---|---|\n"
                    "| retention.json | what is kept, and for how long; of whose calls the content |\n"
                    "| data-path.json | where calls come in and where they go: hosts, regions, TLS; where exports, alerts, metrics and callbacks go |\n"
                    "| access-keys.csv | keys by owner: purpose, last use, reach, caps, end |\n"));
    for (int i = 0; i < EVIDENCE_LISTED; i++)
        buf_print(b, "| %s | %s%s |\n", evidence_lists[i].file, evidence_lists[i].what, k->objects[i].at ? "" : "; left out: who asked for this archive is no owner");
    buf_put(b, SPAN("| rotations.csv | when keys, credentials and admin tokens were made, changed, revoked, and by whom; the newest 10,000 |\n"
                    "| changes.csv | every change of the configuration through the API, newest first, at most 10,000; what stood there by its SHA-256 |\n"));
    buf_print(b, "| refusals.jsonl | the newest %d refused calls of that time, whole rows |\n", REFUSALS);
    buf_put(b, SPAN("| chain/verdict.json | whether every row of the audit log is as it was written |\n"
                    "| chain/checkpoints.jsonl | the log's signed checkpoints |\n"
                    "| chain/key.hex | the public key (Ed25519) that they are signed with |\n"
                    "| MANIFEST.sha256 | the SHA-256 of each file above |\n\n"
                    "No secret is in this archive, and no content of a call but one thing: where a rule about a parameter refused a call that is no model's, the row's reason has up to 80 bytes of the value.\n\n"
                    "## Checking it\n\n"
                    "* The files: `sha256sum -c MANIFEST.sha256` in this folder.\n"
                    "* The log, without trusting the gate: `tollgate audit export --out log.jsonl`, then `tollgate audit verify log.jsonl --key $(cat chain/key.hex)` on another machine.\n"
                    "* A checkpoint: its signature is Ed25519 over the text `tollgate checkpoint`, rows, at (Unix milliseconds) and hash (hex), each with a line end.\n"
                    "* A row: its hash is SHA-256 over prev_hash, its id as 8 bytes (high byte first) and the row's bytes; `row` of an exported line has them in base64.\n"));
    evidence_end_file(k, "README.md");
}

/* ---- all of it ---- */

enum err evidence_write(struct evidence *k, struct store_reader *r, const struct snapshot *s, struct arena *a)
{
    put_index(k, s);
    evidence_retention(k, s);
    evidence_data_path(k, s);
    for (int i = 0; i < EVIDENCE_LISTED; i++) {
        if (!k->objects[i].at)
            continue;
        buf_put(&k->file, k->objects[i]);
        buf_put_byte(&k->file, '\n');
        evidence_end_file(k, evidence_lists[i].file);
    }
    enum err e = put_access(k, r, s, a);
    if (!e)
        e = put_changes(k, r, "rotations.csv", true);
    if (!e)
        e = put_changes(k, r, "changes.csv", false);
    if (!e)
        e = put_refusals(k, r);
    return e ? e : put_chain(k, r);
}

/* SPDX-License-Identifier: Apache-2.0
 * audit_file_test.c - an exported chain, checked by itself: a good one passes, and every way to tamper with it is told. */
#include "cli/audit_file.h"

#include <stdlib.h>
#include <unistd.h>

#include "export/form.h"
#include "base/sign.h"
#include "base/text.h"
#include "rules/call_id.h"
#include "rules/row.h"
#include "test/test.h"

enum { ROWS = 12 };

struct chain {
    char dir[32], path[64];
    struct cli cli;
    struct arena arena;
    struct signer *signer;
    struct buf rows[ROWS], scratch, text;
    struct store_link links[ROWS];
    uint8_t hashes[ROWS + 1][DIGEST_LEN];
    struct span lines[ROWS + 1];
    size_t count;
    struct audit_verdict verdict;
};

static void put_row(struct buf *b, uint64_t id, int i)
{
    struct row_out o = row_out(b);
    row_number(&o, ROW_ID, (int64_t)id);
    row_number(&o, ROW_AT, 1795000000000 + i);
    if (i % 4 == 3) {
        row_text(&o, ROW_KIND, SPAN("change"));
        row_text(&o, ROW_ACTION, SPAN("key.create"));
        row_text(&o, ROW_AFTER, SPAN("{\"name\":\"a\"}"));
        return;
    }
    if (i % 8 == 2)
        row_text(&o, ROW_KIND, SPAN("event"));
    row_text(&o, ROW_VENDOR, i % 2 ? SPAN("stripe") : SPAN("twilio"));
    row_text(&o, ROW_REASON, SPAN("said \"so\", and more\nthan that"));
    row_number(&o, ROW_COST, 1000000001 * (int64_t)(i + 1));
}

static void link_row(struct chain *c, int i)
{
    struct store_link *l = &c->links[i];
    uint64_t id = call_id_floor(1795000000000 + i) + 5;
    buf_init(&c->rows[i], 1 << 16);
    put_row(&c->rows[i], id, i);
    *l = (struct store_link){ .id = id, .number = i, .kind = i % 4 == 3 ? STORE_CHANGE : i % 8 == 2 ? STORE_EVENT : STORE_CALL, .row = buf_span(&c->rows[i]) };
    buf_clear(&c->scratch);
    buf_put(&c->scratch, span_make((const char *)c->hashes[i], DIGEST_LEN));
    for (int k = 0; k < 8; k++)
        buf_put_byte(&c->scratch, (char)(id >> (56 - 8 * k)));
    buf_put(&c->scratch, l->row);
    struct digest d = digest_sha256(buf_span(&c->scratch));
    memcpy(c->hashes[i + 1], d.bytes, DIGEST_LEN);
    l->prev_hash = span_make((const char *)c->hashes[i], DIGEST_LEN);
    l->hash = span_make((const char *)c->hashes[i + 1], DIGEST_LEN);
}

static struct store_checkpoint point(struct chain *c, int rows, uint8_t signature[SIGN_LEN], uint8_t key[SIGN_KEY])
{
    struct store_checkpoint p = { .rows = rows, .at = 1795000000123, .hash = span_make((const char *)c->hashes[rows], DIGEST_LEN) };
    buf_clear(&c->text);
    buf_print(&c->text, "tollgate checkpoint\n%d\n%lld\n", rows, (long long)p.at);
    buf_put_hex(&c->text, p.hash);
    buf_put_byte(&c->text, '\n');
    signer_sign(c->signer, buf_span(&c->text), signature);
    signer_public(c->signer, key);
    p.signature = span_make((const char *)signature, SIGN_LEN);
    p.key = span_make((const char *)key, SIGN_KEY);
    return p;
}

/* Gates before there were any named none. */
static void put_events(struct buf *out, const struct export_sum *s)
{
    if (s->events)
        buf_print(out, "\"events\":%lld,", (long long)s->events);
    buf_put(out, SPAN("\"cost_usd\":\""));
}

/* The lines of an export of rows [from, to) without `left_out`, with checkpoints after 5 and after all rows. */
static void write_lines(struct chain *c, int from, int to, int left_out)
{
    struct export_total total;
    struct json *json = json_new();
    uint8_t signature[SIGN_LEN], key[SIGN_KEY];
    export_begin(&total, &c->arena);
    c->count = 0;
    for (int i = from; i < to; i++) {
        if (i == left_out)
            continue;
        CHECK(export_count(&total, &c->links[i], json));
        buf_clear(&c->text);
        export_json_row(&c->text, &c->links[i], &c->scratch);
        c->lines[c->count++] = arena_copy(&c->arena, buf_span(&c->text));
    }
    struct buf end;
    buf_init(&end, 1 << 20);
    buf_print(&end, "{\"summary\":{\"from\":null,\"rows\":%lld,\"calls\":%lld,\"settlements\":0,\"changes\":%lld,", (long long)total.all.rows,
        (long long)total.all.calls, (long long)total.all.changes);
    put_events(&end, &total.all);
    buf_put_money(&end, total.all.cost);
    buf_put(&end, SPAN("\",\"vendors\":["));
    size_t at = 0, n = 0;
    for (const struct map_entry *e; (e = map_next(&total.by_vendor, &at));) {
        const struct export_sum *s = e->value;
        buf_print(&end, "%s{\"vendor\":\"%.*s\",\"rows\":%lld,\"calls\":%lld,\"settlements\":0,\"changes\":0,", n++ ? "," : "", SPAN_ARG(s->vendor),
            (long long)s->rows, (long long)s->calls);
        put_events(&end, s);
        buf_put_money(&end, s->cost);
        buf_put(&end, SPAN("\"}"));
    }
    buf_put(&end, SPAN("],\"checkpoints\":["));
    struct json_out o = json_out(&end);
    const int points[] = { 5, ROWS };
    for (int i = 0; i < 2; i++) {
        struct store_checkpoint p = point(c, points[i], signature, key);
        if (points[i] > from && points[i] <= to)
            audit_put_checkpoint(&o, &p);
    }
    buf_put(&end, SPAN("]}}\n"));
    c->lines[c->count++] = arena_copy(&c->arena, buf_span(&end));
    buf_free(&end);
    export_end(&total);
    json_free(json);
}

static void chain_open(struct chain *c)
{
    static const struct verb none = { .name = "audit" };
    char why[256];
    memset(c, 0, sizeof(*c));
    strcpy(c->dir, "/tmp/tollgate-audit-XXXXXX");
    CHECK(mkdtemp(c->dir) != NULL);
    snprintf(c->path, sizeof(c->path), "%s/x.jsonl", c->dir);
    cli_init(&c->cli, &none);
    arena_init(&c->arena, 64 << 20);
    buf_init(&c->scratch, 1 << 20);
    buf_init(&c->text, 1 << 20);
    c->signer = signer_open(arena_print(&c->arena, "%s/audit.key", c->dir), why);
    CHECK(c->signer != NULL);
    for (int i = 0; i < ROWS; i++)
        link_row(c, i);
    write_lines(c, 0, ROWS, -1);
}

static void chain_close(struct chain *c)
{
    char command[64];
    for (int i = 0; i < ROWS; i++)
        buf_free(&c->rows[i]);
    signer_free(c->signer);
    buf_free(&c->scratch);
    buf_free(&c->text);
    arena_free(&c->arena);
    cli_free(&c->cli);
    snprintf(command, sizeof(command), "rm -rf '%s'", c->dir);
    CHECK(system(command) == 0);
}

static void quiet(void *self, int64_t done, int64_t of)
{
    (void)self;
    (void)done;
    (void)of;
}

static const char *verify(struct chain *c, const uint8_t *key)
{
    FILE *f = fopen(c->path, "we");
    CHECK(f != NULL);
    for (size_t i = 0; f && i < c->count; i++)
        fwrite(c->lines[i].at, 1, c->lines[i].len, f);
    if (f)
        fclose(f);
    CHECK(audit_file(&c->cli, span_of(c->path), key, quiet, NULL, &c->verdict));
    return c->verdict.trouble;
}

/* One byte of a line, `from` behind the first place where `mark` stands, is another one. */
static struct span edited(struct chain *c, struct span line, const char *mark, char is)
{
    struct span copy = arena_copy(&c->arena, line);
    ptrdiff_t at = span_find(copy, span_of(mark));
    CHECK(at >= 0);
    if (at >= 0)
        ((char *)copy.at)[(size_t)at + strlen(mark)] = is;
    return copy;
}

static struct span id_of(struct chain *c, int row)
{
    char text[CALL_ID_TEXT + 1];
    return arena_copy(&c->arena, call_id_text(c->links[row].id, text));
}

TEST(an_export_that_nobody_touched_is_good)
{
    struct chain c;
    uint8_t key[SIGN_KEY];
    chain_open(&c);
    CHECK(verify(&c, NULL) == NULL);
    CHECK_INT(c.verdict.rows, ROWS);
    CHECK_INT(c.verdict.checkpoints, 2);
    CHECK_INT(c.verdict.signed_rows, ROWS);
    CHECK_INT(c.verdict.gaps, 0);
    CHECK_INT(c.verdict.key.len, 2 * SIGN_KEY);
    signer_public(c.signer, key);
    CHECK(verify(&c, key) == NULL);
    key[0] ^= 1;
    CHECK(verify(&c, key) != NULL);
    chain_close(&c);
}

TEST(an_edited_line_is_named)
{
    struct chain c;
    chain_open(&c);
    struct span good = c.lines[4];
    c.lines[4] = edited(&c, good, "\"row\":\"", 'B');
    CHECK(verify(&c, NULL) != NULL);
    CHECK_INT(c.verdict.line, 5);
    c.lines[4] = edited(&c, good, "\"cost_usd\":\"", '9'); /* what people read, not what is hashed */
    CHECK(verify(&c, NULL) && strstr(c.verdict.trouble, "not what the row says"));
    CHECK_SPAN(c.verdict.bad, id_of(&c, 4));
    c.lines[4] = edited(&c, good, "\"kind\":\"", 'x');
    CHECK(verify(&c, NULL) != NULL);
    c.lines[4] = edited(&c, good, "\"hash\":\"", 'x');
    CHECK(verify(&c, NULL) != NULL);
    c.lines[4] = edited(&c, good, "\"number\":", '5');
    CHECK(verify(&c, NULL) != NULL);
    chain_close(&c);
}

TEST(a_row_that_was_written_anew_breaks_the_next_one)
{
    struct chain c;
    chain_open(&c);
    struct row_out o = row_out(&c.rows[6]);
    uint8_t next[DIGEST_LEN];
    memcpy(next, c.hashes[7], DIGEST_LEN);
    row_number(&o, ROW_COST, 1);
    buf_clear(&c.scratch);
    buf_put(&c.scratch, c.links[6].prev_hash);
    for (int k = 0; k < 8; k++)
        buf_put_byte(&c.scratch, (char)(c.links[6].id >> (56 - 8 * k)));
    buf_put(&c.scratch, buf_span(&c.rows[6]));
    struct digest d = digest_sha256(buf_span(&c.scratch));
    c.links[6].row = buf_span(&c.rows[6]);
    c.links[6].hash = span_make((const char *)d.bytes, DIGEST_LEN);
    write_lines(&c, 0, ROWS, -1); /* its own hash fits, and the sums */
    CHECK(verify(&c, NULL) && strstr(c.verdict.trouble, "does not follow from the one before"));
    CHECK_SPAN(c.verdict.bad, id_of(&c, 7));
    write_lines(&c, 0, ROWS, 7); /* without the witness: a gap, and rows that no signature is tied to */
    CHECK(verify(&c, NULL) == NULL);
    CHECK_INT(c.verdict.gaps, 1);
    CHECK_INT(c.verdict.signed_rows, 5 + 4);
    chain_close(&c);
}

TEST(rows_taken_out_moved_or_put_in_are_found)
{
    struct chain c;
    chain_open(&c);
    struct span lines[ROWS + 1];
    memcpy(lines, c.lines, sizeof(lines));
    memmove(c.lines + 3, lines + 4, (ROWS + 1 - 4) * sizeof(*lines)); /* row 3 taken out */
    c.count--;
    CHECK(verify(&c, NULL) && strstr(c.verdict.trouble, "summary"));
    c.count++;
    memcpy(c.lines, lines, sizeof(lines));
    c.lines[3] = lines[4];
    c.lines[4] = lines[3]; /* moved */
    CHECK(verify(&c, NULL) && strstr(c.verdict.trouble, "moved"));
    memcpy(c.lines, lines, sizeof(lines));
    c.lines[4] = lines[3]; /* twice, in the place of another */
    CHECK(verify(&c, NULL) && strstr(c.verdict.trouble, "moved"));
    memcpy(c.lines, lines, sizeof(lines));
    c.count = 6; /* cut off */
    CHECK(verify(&c, NULL) && strstr(c.verdict.trouble, "no summary"));
    chain_close(&c);
}

TEST(sums_and_signatures_must_agree)
{
    struct chain c;
    chain_open(&c);
    struct span good = c.lines[ROWS];
    c.lines[ROWS] = edited(&c, good, "\"changes\":", '4');
    CHECK(verify(&c, NULL) && strstr(c.verdict.trouble, "summary does not agree"));
    c.lines[ROWS] = edited(&c, good, "\"vendor\":\"stripe\",\"rows\":", '9');
    CHECK(verify(&c, NULL) && strstr(c.verdict.trouble, "vendor"));
    c.lines[ROWS] = edited(&c, good, "\"signature\":\"", 'x');
    CHECK(verify(&c, NULL) && strstr(c.verdict.trouble, "checkpoint"));
    c.lines[ROWS] = edited(&c, good, "\"checkpoints\":[{\"rows\":", '4');
    CHECK(verify(&c, NULL) && strstr(c.verdict.trouble, "signature is not good"));
    chain_close(&c);
}

TEST(a_file_that_is_no_export_is_told)
{
    struct chain c;
    chain_open(&c);
    c.lines[0] = SPAN("{\"number\":0}\n");
    CHECK(verify(&c, NULL) && strstr(c.verdict.trouble, "cannot be read"));
    CHECK_INT(c.verdict.line, 1);
    c.lines[0] = SPAN("not json\n");
    CHECK(verify(&c, NULL) != NULL);
    c.count = 0;
    CHECK(verify(&c, NULL) && strstr(c.verdict.trouble, "no summary"));
    chain_close(&c);
}

TEST(csv_quotes_what_must_be_quoted)
{
    struct chain c;
    struct export_total total;
    struct json *json = json_new();
    chain_open(&c);
    buf_clear(&c.text);
    export_begin(&total, &c.arena);
    export_csv_head(&c.text);
    for (int i = 0; i < ROWS; i++) {
        CHECK(export_count(&total, &c.links[i], json));
        export_csv_row(&c.text, &c.links[i], &c.scratch);
    }
    export_csv_end(&c.text, &total);
    struct span all = buf_span(&c.text), first;
    CHECK(span_cut(&all, '\n', &first) && span_starts(first, SPAN("number,kind,id,at,")) && span_ends(first, SPAN("hash\r")));
    CHECK(span_find(all, SPAN("\"said \"\"so\"\", and more\nthan that\"")) > 0);
    CHECK(span_find(all, SPAN(",1.000000001,")) > 0);
    CHECK(span_find(all, SPAN("\r\n12,total,,")) > 0 && span_ends(all, SPAN(",,\r\n")));
    CHECK_INT(total.all.cost, 1000000001 * INT64_C(54)); /* 1+2+3, 5+6+7, 9+10+11 */
    export_end(&total);
    json_free(json);
    chain_close(&c);
}

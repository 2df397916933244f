/* SPDX-License-Identifier: Apache-2.0
 * point_test.c - checkpoints: when they are signed, and what they prove that the chain alone does not. */
#include "test/unit/store/rig.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/sign.h"
#include "base/text.h"
#include "store/inside.h"

/* A signed store with rows 1..rows, a checkpoint at the end of each opening of it. */
struct signed_rig {
    struct rig rig;
    char key[96];
    struct signer *signer;
    uint8_t public[SIGN_KEY];
};

static struct signer *make_signer(struct signed_rig *s, const char *name)
{
    char why[256] = "";
    snprintf(s->key, sizeof(s->key), "%s/%s", s->rig.dir, name);
    struct signer *signer = signer_open(span_of(s->key), why);
    must(signer);
    return signer;
}

static void open_signed(struct signed_rig *s, bool start)
{
    char why[256] = "";
    s->rig.store = store_open(span_of(s->rig.dir), why);
    must(s->rig.store);
    store_sign_with(s->rig.store, s->signer);
    rig_recover(&s->rig, start);
}

static void signed_init(struct signed_rig *s)
{
    rig_init(&s->rig, 1);
    s->signer = make_signer(s, "audit.key");
    signer_public(s->signer, s->public);
}

static void signed_free(struct signed_rig *s)
{
    rig_free(&s->rig);
    signer_free(s->signer);
}

/* Two openings: checkpoints after 50 and after 80 rows. */
static void fill(struct signed_rig *s)
{
    signed_init(s);
    open_signed(s, false);
    for (uint64_t i = 1; i <= 80; i++) {
        rig_append(&s->rig, 0, rig_row(&s->rig, i));
        bool more = i == 20 || i == 50 || i == 80;
        while (more)
            CHECK_INT(batch_run(s->rig.store, 0, &more), E_OK);
        if (i == 50) {
            rig_close(&s->rig);
            open_signed(s, false);
        }
    }
    rig_close(&s->rig);
}

static struct store_verdict verify(struct signed_rig *s, const uint8_t *key, enum err want, const char *trouble)
{
    struct store_verdict v;
    char why[256] = "";
    struct store_reader *r = store_reader_open(span_of(s->rig.dir), NULL, why);
    if (!r)
        test_fail(__FILE__, __LINE__, "%s", why);
    must(r);
    CHECK_INT(store_verify(r, key, NULL, NULL, &v), want);
    if (!v.trouble != !trouble || (trouble && !strstr(v.trouble, trouble)))
        test_fail(__FILE__, __LINE__, "trouble is \"%s\", want \"%s\"", v.trouble ? v.trouble : "", trouble ? trouble : "");
    v.key = SPAN_NONE; /* the reader's */
    store_reader_free(r);
    return v;
}

static void carry_on(struct signed_rig *s) { open_signed(s, false); }

TEST(checkpoints_are_signed_at_the_end)
{
    struct signed_rig s;
    fill(&s);
    struct store_verdict v = verify(&s, s.public, E_OK, NULL);
    CHECK_INT(v.rows, 80);
    CHECK_INT(v.checkpoints, 2);
    CHECK_INT(v.signed_rows, 80);
    v = verify(&s, NULL, E_OK, NULL);
    CHECK_INT(v.checkpoints, 2);
    CHECK_INT(rig_ask(&s.rig, "SELECT min(rows) FROM checkpoints"), 50);
    carry_on(&s);
    rig_close(&s.rig); /* nothing new, nothing signed */
    CHECK_INT(rig_ask(&s.rig, "SELECT count(*) FROM checkpoints"), 2);
    carry_on(&s);
    signed_free(&s);
}

TEST(the_key_is_told)
{
    struct signed_rig s;
    struct store_verdict v;
    uint8_t key[SIGN_KEY];
    fill(&s);
    carry_on(&s);
    struct store_reader *r = rig_reader(&s.rig);
    CHECK_INT(store_verify(r, NULL, NULL, NULL, &v), E_OK);
    CHECK_INT(v.key.len, 64);
    CHECK(sign_key_read(v.key, key) && memcmp(key, s.public, SIGN_KEY) == 0);
    store_reader_free(r);
    signed_free(&s);
}

TEST(checkpoints_come_by_rows_and_by_time)
{
    struct signed_rig s;
    signed_init(&s);
    open_signed(&s, true);
    for (uint64_t i = 1; i <= CHECKPOINT_ROWS + BATCH_RECORDS; i++)
        rig_append(&s.rig, 0, rig_row(&s.rig, i));
    CHECK_INT(store_barrier(s.rig.store), E_OK);
    CHECK_INT(rig_ask(&s.rig, "SELECT count(*) FROM checkpoints"), 1);
    CHECK(rig_ask(&s.rig, "SELECT max(rows) FROM checkpoints") >= CHECKPOINT_ROWS);
    rig_close(&s.rig);
    CHECK_INT(rig_ask(&s.rig, "SELECT max(rows) FROM checkpoints"), CHECKPOINT_ROWS + BATCH_RECORDS);
    open_signed(&s, false);
    CHECK(points_due(s.rig.store) == INT64_MAX);
    rig_append(&s.rig, 0, rig_row(&s.rig, 999999));
    bool more;
    CHECK_INT(batch_run(s.rig.store, 0, &more), E_OK);
    CHECK_INT(points_due(s.rig.store), s.rig.store->signing.at + CHECKPOINT_MS);
    CHECK_INT(points_catch_up(s.rig.store, false), E_OK);
    CHECK_INT(rig_ask(&s.rig, "SELECT count(*) FROM checkpoints"), 2);
    s.rig.store->signing.at -= CHECKPOINT_MS; /* ten minutes later */
    CHECK_INT(points_catch_up(s.rig.store, false), E_OK);
    CHECK_INT(rig_ask(&s.rig, "SELECT count(*) FROM checkpoints"), 3);
    signed_free(&s);
}

TEST(rows_left_by_a_crash_are_signed_at_the_next_start)
{
    struct signed_rig s;
    signed_init(&s);
    open_signed(&s, true);
    rig_append(&s.rig, 0, rig_hold(&s.rig, 1, 20));
    CHECK_INT(store_barrier(s.rig.store), E_OK);
    rig_crash(&s.rig);
    open_signed(&s, false);
    CHECK_INT(rig_ask(&s.rig, "SELECT max(rows) FROM checkpoints"), 1);
    signed_free(&s);
}

/* The newest rows cut off, and nothing in the chain itself shows it. */
TEST(cut_tail_is_found)
{
    struct signed_rig s;
    fill(&s);
    rig_do(&s.rig, "DELETE FROM calls WHERE id > 50; DELETE FROM chain WHERE first >= 50; PRAGMA wal_checkpoint(TRUNCATE)");
    struct store_verdict v = verify(&s, s.public, E_CONFLICT, "a checkpoint covers more rows than there are");
    CHECK_INT(v.bad_id, 50);
    CHECK_INT(v.signed_rows, 50);
    /* And with rows written behind the cut, it is found as well. */
    carry_on(&s);
    for (uint64_t i = 1; i <= 80; i++)
        rig_append(&s.rig, 0, rig_row(&s.rig, 1000 + i));
    bool more = true;
    while (more)
        CHECK_INT(batch_run(s.rig.store, 0, &more), E_OK);
    (void)verify(&s, s.public, E_CONFLICT, "rows before it were changed");
    signed_free(&s);
}

/* Chain and hashes written anew by somebody who can write the file, and not sign. */
TEST(rewritten_chain_is_found)
{
    struct signed_rig s;
    fill(&s);
    rig_do(&s.rig, "CREATE TABLE points AS SELECT * FROM checkpoints; DELETE FROM calls; DELETE FROM chain; DELETE FROM checkpoints;"
                   "DELETE FROM sources");
    struct signer *own = s.signer;
    s.signer = NULL;
    s.rig.source[0].applied = 0;
    open_signed(&s, false); /* the source is read anew; its rows are changed a little on their way */
    rig_close(&s.rig);
    rig_do(&s.rig, "INSERT INTO checkpoints SELECT * FROM points");
    (void)verify(&s, s.public, E_OK, NULL); /* the same rows make the same chain */
    s.rig.source[0].records[30].record.row = s.rig.source[0].records[31].record.row;
    s.rig.source[0].applied = 0;
    rig_do(&s.rig, "DELETE FROM calls; DELETE FROM chain; DELETE FROM checkpoints; DELETE FROM sources");
    open_signed(&s, false);
    rig_close(&s.rig);
    rig_do(&s.rig, "UPDATE calls SET at = (SELECT at FROM calls WHERE id = 32) WHERE id = 31");
    (void)verify(&s, NULL, E_OK, NULL); /* a chain as good as any */
    rig_do(&s.rig, "INSERT INTO checkpoints SELECT * FROM points");
    struct store_verdict v = verify(&s, s.public, E_CONFLICT, "rows before it were changed");
    CHECK_INT(v.bad_id, 50);
    CHECK_INT(v.signed_rows, 0);
    s.signer = own;
    carry_on(&s);
    signed_free(&s);
}

TEST(forged_checkpoints_are_found)
{
    struct signed_rig s;
    uint8_t other[SIGN_KEY];
    fill(&s);
    rig_do(&s.rig, "CREATE TABLE points AS SELECT * FROM checkpoints");
    static const char *const forgeries[][2] = {
        { "UPDATE checkpoints SET at = at + 1 WHERE rows = 50", "signature of the checkpoint" },
        { "UPDATE checkpoints SET rows = 49 WHERE rows = 50", "signature of the checkpoint" },
        { "UPDATE checkpoints SET signature = zeroblob(64) WHERE rows = 50", "signature of the checkpoint" },
        { "UPDATE checkpoints SET signature = (SELECT signature FROM points WHERE rows = 80) WHERE rows = 50", "signature of the checkpoint" },
        { "UPDATE checkpoints SET hash = (SELECT hash FROM points WHERE rows = 80) WHERE rows = 50", "signature of the checkpoint" },
        { "UPDATE checkpoints SET hash = x'00' WHERE rows = 50", "damaged" },
        { "UPDATE checkpoints SET key = zeroblob(32) WHERE rows = 50", "another key" },
        { "UPDATE checkpoints SET rows = 1000 WHERE rows = 80", "covers more rows than there are" },
    };
    for (size_t i = 0; i < sizeof(forgeries) / sizeof(forgeries[0]); i++) {
        rig_do(&s.rig, forgeries[i][0]);
        (void)verify(&s, s.public, E_CONFLICT, forgeries[i][1]);
        rig_do(&s.rig, "DELETE FROM checkpoints; INSERT INTO checkpoints SELECT * FROM points");
    }
    /* Taken out, they prove less, and the check says how much. */
    rig_do(&s.rig, "DELETE FROM checkpoints WHERE rows = 80");
    CHECK_INT(verify(&s, s.public, E_OK, NULL).signed_rows, 50);
    rig_do(&s.rig, "DELETE FROM checkpoints");
    CHECK_INT(verify(&s, s.public, E_OK, NULL).signed_rows, 0);
    /* Signed by somebody else: only who knows the key sees it. */
    struct signer *own = s.signer, *stranger = make_signer(&s, "stranger.key");
    s.signer = stranger;
    carry_on(&s);
    rig_append(&s.rig, 0, rig_row(&s.rig, 81));
    rig_close(&s.rig);
    carry_on(&s);
    rig_close(&s.rig);
    (void)verify(&s, NULL, E_OK, NULL);
    (void)verify(&s, s.public, E_CONFLICT, "another key");
    signer_public(stranger, other);
    (void)verify(&s, other, E_OK, NULL);
    signer_free(stranger);
    s.signer = own;
    carry_on(&s);
    signed_free(&s);
}

struct told {
    size_t count;
    int64_t rows;
    bool good;
};

/* As docs/audit.md says how to check one by hand. */
static void see_point(void *self, const struct store_checkpoint *c)
{
    struct told *t = self;
    struct buf text;
    buf_init(&text, 256);
    buf_print(&text, "tollgate checkpoint\n%lld\n%lld\n", (long long)c->rows, (long long)c->at);
    buf_put_hex(&text, c->hash);
    buf_put(&text, SPAN("\n"));
    CHECK(c->signature.len == SIGN_LEN && c->key.len == SIGN_KEY);
    t->good = sign_check((const uint8_t *)c->key.at, buf_span(&text), (const uint8_t *)c->signature.at);
    t->rows = c->rows;
    t->count++;
    buf_free(&text);
}

TEST(checkpoints_are_listed)
{
    struct signed_rig s;
    struct told t = { 0 };
    fill(&s);
    carry_on(&s);
    struct store_reader *r = rig_reader(&s.rig);
    CHECK_INT(store_checkpoints(r, 0, see_point, &t), E_OK);
    CHECK(t.count == 2 && t.rows == 80 && t.good);
    t = (struct told){ 0 };
    CHECK_INT(store_checkpoints(r, 50, see_point, &t), E_OK);
    CHECK(t.count == 1 && t.rows == 80);
    store_reader_free(r);
    signed_free(&s);
}

/* A disk that is full when it is time to sign: the next try heals it, and no row waits for it. */
TEST(signing_heals_after_a_full_disk)
{
    struct signed_rig s;
    bool more;
    signed_init(&s);
    open_signed(&s, false);
    rig_append(&s.rig, 0, rig_row(&s.rig, 1));
    CHECK_INT(batch_run(s.rig.store, 0, &more), E_OK);
    CHECK_INT(sql_run(s.rig.store->db, "PRAGMA query_only = ON"), E_OK);
    CHECK_INT(points_catch_up(s.rig.store, true), E_IO);
    CHECK(points_due(s.rig.store) > thread_now()); /* not at once, again and again */
    CHECK_INT(sql_run(s.rig.store->db, "PRAGMA query_only = OFF"), E_OK);
    CHECK_INT(points_catch_up(s.rig.store, true), E_OK);
    CHECK_INT(rig_ask(&s.rig, "SELECT max(rows) FROM checkpoints"), 1);
    signed_free(&s);
}

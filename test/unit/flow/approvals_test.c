/* SPDX-License-Identifier: Apache-2.0
 * approvals_test.c - a person decides once, one call goes through, silence is refusal; by every order of events, and by threads. */
#include "flow/approvals.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "test/test.h"

#define MINUTE INT64_C(60000)
#define DAY (INT64_C(24) * 60 * MINUTE)

static const int64_t now = INT64_C(1763700000000);
static struct arena arena;
static struct approvals *table;

static void begin(void)
{
    arena_init(&arena, 64 << 20);
    table = approvals_new();
    must(table);
}

static void end(void)
{
    approvals_free(table);
    arena_free(&arena);
}

static struct approval request(const char *run, int body)
{
    struct approval ap = { .at = now, .until = now + 60 * MINUTE, .use_ms = 30 * MINUTE, .call = 77, .most = 250 * NANO_PER_USD, .messages = 1,
        .workspace = SPAN("default"), .key = SPAN("key_1"), .key_name = SPAN("agent"), .run = span_of(run), .step = SPAN_NONE, .vendor = SPAN("stripe"),
        .operation = SPAN("stripe.charges.create"), .rule = SPAN("large"), .customer = SPAN("cus_A"), .request = SPAN("{\"method\":\"POST\"}"),
        .reason = SPAN("the customer asked for \"it\"\n") };
    memset(ap.asked.bytes, body, DIGEST_LEN);
    return ap;
}

static struct approval ask_at(const struct approval *wanted, int64_t at, bool opened, int line)
{
    struct approval out = { .id = "" };
    bool is_new = !opened;
    enum err e = approvals_ask(table, wanted, at, &arena, &out, &is_new);
    if (e != E_OK || is_new != opened)
        test_fail(__FILE__, line, "asked: %.*s, %s", SPAN_ARG(err_code(e)), is_new ? "opened" : "known");
    return out;
}
#define ASK(wanted, at, opened) ask_at(wanted, at, opened, __LINE__)

static enum err decide(const struct approval *ap, bool yes, int64_t at, struct approval *out)
{
    return approvals_decide(table, span_of(ap->id), yes, SPAN("admin"), SPAN("fine by me"), at, &arena, out);
}

static struct approval look(const struct approval *ap, int64_t at)
{
    struct approval out = { .id = "" };
    CHECK(approvals_find(table, span_of(ap->id), at, &arena, &out));
    return out;
}

static size_t count(int state, int64_t at)
{
    struct approval *list;
    size_t n;
    CHECK_INT(approvals_list(table, state, at, &arena, &list, &n), E_OK);
    for (size_t i = 1; i < n; i++)
        CHECK(list[i - 1].at >= list[i].at);
    return n;
}

TEST(approved_once_and_used_once)
{
    struct approval wanted = request("run_1", 1), out;
    begin();
    struct approval ap = ASK(&wanted, now, true);
    CHECK(ap.state == APPROVAL_PENDING && strlen(ap.id) == APPROVAL_ID && ap.call == 77 && span_is(ap.customer, SPAN("cus_A")));
    struct approval again = ASK(&wanted, now + 1, false);
    CHECK(strcmp(again.id, ap.id) == 0 && again.state == APPROVAL_PENDING);
    CHECK(!approvals_take(table, span_of(ap.id), 78, now + 2));
    CHECK_INT(decide(&ap, true, now + 3, &out), E_OK);
    CHECK(out.state == APPROVAL_APPROVED && out.decided_at == now + 3 && out.until == now + 3 + 30 * MINUTE && span_is(out.note, SPAN("fine by me")) &&
          span_is(out.actor, SPAN("admin")));
    CHECK_INT(decide(&ap, false, now + 4, &out), E_CONFLICT);
    CHECK_INT(out.state, APPROVAL_APPROVED);
    CHECK_INT(ASK(&wanted, now + 5, false).state, APPROVAL_APPROVED);
    CHECK(approvals_take(table, span_of(ap.id), 78, now + 6));
    CHECK(!approvals_take(table, span_of(ap.id), 79, now + 7));
    CHECK(look(&ap, now + 7).state == APPROVAL_USED && look(&ap, now + 7).used_by == 78);
    struct approval next = ASK(&wanted, now + 8, true); /* the next one of its kind needs its own */
    CHECK(next.state == APPROVAL_PENDING && strcmp(next.id, ap.id) != 0);
    CHECK_INT(decide(&ap, true, now + 9, &out), E_CONFLICT);
    strcpy(out.id, "apr_0000000000000000");
    CHECK_INT(decide(&out, true, now + 9, &out), E_NOT_FOUND);
    CHECK(!approvals_find(table, SPAN("apr_0000000000000000"), now, &arena, &out) && !approvals_find(table, SPAN(""), now, &arena, &out));
    end();
}

TEST(another_body_run_or_key_needs_its_own)
{
    struct approval wanted = request("run_1", 1), body = request("run_1", 2), run = request("run_2", 1), key = request("run_1", 1), out;
    begin();
    key.key = SPAN("key_2");
    struct approval ap = ASK(&wanted, now, true);
    CHECK_INT(decide(&ap, true, now, &out), E_OK);
    CHECK_INT(ASK(&body, now, true).state, APPROVAL_PENDING);
    CHECK_INT(ASK(&run, now, true).state, APPROVAL_PENDING);
    CHECK_INT(ASK(&key, now, true).state, APPROVAL_PENDING);
    CHECK_INT(ASK(&wanted, now, false).state, APPROVAL_APPROVED);
    CHECK(count(-1, now) == 4 && count(APPROVAL_PENDING, now) == 3 && count(APPROVAL_APPROVED, now) == 1);
    end();
}

TEST(silence_is_refusal_for_a_day)
{
    struct approval wanted = request("run_1", 1), out;
    begin();
    struct approval ap = ASK(&wanted, now, true);
    CHECK_INT(ASK(&wanted, wanted.until, false).state, APPROVAL_PENDING);
    CHECK_INT(ASK(&wanted, wanted.until + 1, false).state, APPROVAL_EXPIRED);
    CHECK_INT(decide(&ap, true, wanted.until + 2, &out), E_CONFLICT);
    CHECK(out.state == APPROVAL_EXPIRED && !out.decided_at);
    CHECK_INT(ASK(&wanted, wanted.until + DAY - 1, false).state, APPROVAL_EXPIRED);
    wanted.until += DAY + 60 * MINUTE;
    CHECK_INT(ASK(&wanted, ap.until + DAY, true).state, APPROVAL_PENDING);
    end();
}

/* The decision itself ends the waiting, also when nobody looked in between. */
TEST(late_decision_is_none)
{
    struct approval wanted = request("run_1", 1), out;
    begin();
    struct approval ap = ASK(&wanted, now, true);
    CHECK_INT(decide(&ap, true, wanted.until + 1, &out), E_CONFLICT);
    CHECK(!approvals_take(table, span_of(ap.id), 78, now + 1));
    end();
}

TEST(refusal_stands_for_a_day)
{
    struct approval wanted = request("run_1", 1), out;
    begin();
    struct approval ap = ASK(&wanted, now, true);
    CHECK_INT(decide(&ap, false, now + 5, &out), E_OK);
    CHECK_INT(out.state, APPROVAL_REFUSED);
    CHECK(!approvals_take(table, span_of(ap.id), 78, now + 6));
    CHECK_INT(ASK(&wanted, now + 5 + DAY - 1, false).state, APPROVAL_REFUSED);
    CHECK_INT(ASK(&wanted, now + 5 + DAY, true).state, APPROVAL_PENDING);
    end();
}

TEST(approved_and_not_used_in_time)
{
    struct approval wanted = request("run_1", 1), out;
    begin();
    struct approval ap = ASK(&wanted, now, true);
    CHECK_INT(decide(&ap, true, now, &out), E_OK);
    CHECK(!approvals_take(table, span_of(ap.id), 78, now + 30 * MINUTE + 1));
    CHECK_INT(look(&ap, now + 30 * MINUTE + 1).state, APPROVAL_EXPIRED);
    struct approval next = ASK(&wanted, now + 31 * MINUTE, true); /* a person is asked anew */
    CHECK(next.state == APPROVAL_PENDING && strcmp(next.id, ap.id) != 0);
    end();
}

TEST(given_back_by_its_taker_only)
{
    struct approval wanted = request("run_1", 1), out;
    begin();
    struct approval ap = ASK(&wanted, now, true);
    CHECK_INT(decide(&ap, true, now, &out), E_OK);
    approvals_give_back(table, span_of(ap.id), 78);
    CHECK(approvals_take(table, span_of(ap.id), 78, now + 1));
    approvals_give_back(table, span_of(ap.id), 79);
    CHECK_INT(look(&ap, now + 1).state, APPROVAL_USED);
    int64_t used_at = look(&ap, now + 1).changed_at;
    approvals_give_back(table, span_of(ap.id), 78);
    CHECK(look(&ap, now + 1).state == APPROVAL_APPROVED && !look(&ap, now + 1).used_by && look(&ap, now + 1).changed_at > used_at);
    CHECK(approvals_take(table, span_of(ap.id), 80, now + 2));
    CHECK(!approvals_take(table, span_of(ap.id), 81, now + 2));
    end();
}

/* The store keeps the note of the highest time, whatever the clock says. */
TEST(changes_have_growing_times)
{
    struct approval wanted = request("run_1", 1), out;
    begin();
    struct approval ap = ASK(&wanted, now, true);
    CHECK_INT(decide(&ap, true, now - 5000, &out), E_OK);
    CHECK(out.changed_at > ap.changed_at);
    CHECK(approvals_take(table, span_of(ap.id), 78, now - 9000));
    CHECK(look(&ap, now).changed_at > out.changed_at);
    end();
}

TEST(bounds)
{
    char run[32];
    struct approval out;
    bool opened;
    begin();
    for (int i = 0; i < APPROVALS_MOST; i++) {
        snprintf(run, sizeof(run), "run_%d", i);
        struct approval wanted = request(run, 1);
        char key[32];
        snprintf(key, sizeof(key), "key_%d", i / APPROVALS_OF_KEY);
        wanted.key = span_of(key);
        CHECK_INT(approvals_ask(table, &wanted, now, &arena, &out, &opened), E_OK);
        wanted.run = SPAN("another");
        if (i % APPROVALS_OF_KEY == APPROVALS_OF_KEY - 1)
            CHECK_INT(approvals_ask(table, &wanted, now, &arena, &out, &opened), E_OVERLOADED);
    }
    struct approval one = request("run_x", 1);
    one.key = SPAN("key_new");
    CHECK_INT(approvals_ask(table, &one, now, &arena, &out, &opened), E_OVERLOADED);
    CHECK_INT(count(APPROVAL_PENDING, now), APPROVALS_MOST);
    approvals_tidy(table, now + 61 * MINUTE); /* their time is over: there is room, and they are remembered */
    CHECK_INT(count(APPROVAL_EXPIRED, now + 61 * MINUTE), APPROVALS_MOST);
    CHECK_INT(approvals_ask(table, &one, now + 61 * MINUTE, &arena, &out, &opened), E_OK);
    approvals_tidy(table, now + 61 * MINUTE + DAY);
    CHECK_INT(count(-1, now), 1);
    end();
}

TEST(long_texts_are_cut)
{
    static char text[20000];
    struct approval wanted = request("run_1", 1), out;
    begin();
    memset(text, 'x', sizeof(text));
    wanted.reason = wanted.customer = wanted.request = wanted.run = span_make(text, sizeof(text));
    struct approval ap = ASK(&wanted, now, true);
    CHECK(ap.reason.len == APPROVAL_TEXT && ap.customer.len == APPROVAL_NAME && !ap.request.at);
    CHECK_INT(ASK(&wanted, now, false).state, APPROVAL_PENDING);
    CHECK_INT(approvals_decide(table, span_of(ap.id), false, SPAN("admin"), span_make(text, sizeof(text)), now, &arena, &out), E_OK);
    CHECK_INT(out.note.len, APPROVAL_TEXT);
    end();
}

/* ---- as JSON, and back ---- */

static struct span written(const struct approval *ap)
{
    struct buf b;
    buf_init(&b, 64 << 10);
    struct json_out o = json_out(&b);
    approval_write(ap, &o);
    struct span copy = arena_copy(&arena, buf_span(&b));
    buf_free(&b);
    return copy;
}

TEST(written_and_read_back)
{
    struct approval wanted = request("run_1", 9), out, back;
    struct json *j = json_new();
    begin();
    struct approval ap = ASK(&wanted, now, true);
    CHECK_INT(decide(&ap, true, now + 3, &out), E_OK);
    CHECK(approvals_take(table, span_of(ap.id), 78, now + 4));
    ap = look(&ap, now + 4);
    struct span text = written(&ap);
    CHECK_INT(approval_read(j, text, now + 5, &arena, &back), E_OK);
    CHECK_SPAN(written(&back), text);
    CHECK(span_is(back.reason, wanted.reason) && back.most == wanted.most && digest_same(span_make((const char *)back.asked.bytes, 32), span_make((const char *)wanted.asked.bytes, 32)));
    ap.most = -1;
    ap.request = ap.run = SPAN_NONE;
    text = written(&ap);
    CHECK_INT(approval_read(j, text, now + 5, &arena, &back), E_OK);
    CHECK(back.most == -1 && !back.run.at && !back.request.at);
    static const char *const bad[] = { "", "{}", "[]", "{\"id\":\"apr_1\"}", "null" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        CHECK_INT(approval_read(j, span_of(bad[i]), now, &arena, &back), E_BAD_REQUEST);
    end();
    json_free(j);
}

/* What the store has is enough to go on with, in whatever order it comes. */
TEST(restored)
{
    struct approval list[5], out;
    struct span texts[5];
    struct json *j = json_new();
    begin();
    for (int i = 0; i < 5; i++) {
        struct approval wanted = request("run_1", i);
        list[i] = ASK(&wanted, now, true);
    }
    CHECK_INT(decide(&list[1], true, now, &out), E_OK);
    CHECK_INT(decide(&list[2], true, now, &out), E_OK);
    CHECK(approvals_take(table, span_of(list[2].id), 78, now + 1));
    CHECK_INT(decide(&list[3], false, now, &out), E_OK);
    for (int i = 0; i < 5; i++) {
        struct approval ap = look(&list[i], now + 2);
        texts[i] = written(&ap);
    }
    struct span stale = written(&list[2]);
    struct approval used = request("run_1", 2);
    used.at = now + 2;
    struct approval next = ASK(&used, now + 2, true); /* the same request again */
    struct span newer = written(&next);
    approvals_free(table);
    table = approvals_new();
    CHECK_INT(approvals_restore(table, j, newer, now + 5), E_OK);
    for (int i = 4; i >= 0; i--)
        CHECK_INT(approvals_restore(table, j, texts[i], now + 5), E_OK);
    CHECK_INT(approvals_restore(table, j, stale, now + 5), E_OK); /* an older state: nothing */
    CHECK_INT(approvals_restore(table, j, texts[1], now + 5), E_OK);
    CHECK_INT(approvals_restore(table, j, SPAN("{"), now + 5), E_BAD_REQUEST);
    CHECK_INT(count(-1, now + 5), 6);
    struct approval pending = request("run_1", 0), approved = request("run_1", 1), refused = request("run_1", 3);
    CHECK_INT(ASK(&pending, now + 6, false).state, APPROVAL_PENDING);
    CHECK_INT(ASK(&approved, now + 6, false).state, APPROVAL_APPROVED);
    CHECK_INT(ASK(&refused, now + 6, false).state, APPROVAL_REFUSED);
    CHECK(strcmp(ASK(&used, now + 6, false).id, next.id) == 0);
    CHECK(!approvals_take(table, span_of(list[2].id), 90, now + 6));
    CHECK(approvals_take(table, span_of(list[1].id), 90, now + 6));
    approvals_free(table);
    table = approvals_new();
    for (int i = 0; i < 5; i++) /* a gate that was down for an hour, and for days */
        CHECK_INT(approvals_restore(table, j, texts[i], now + 61 * MINUTE), E_OK);
    CHECK(count(APPROVAL_EXPIRED, now + 61 * MINUTE) == 3 && count(-1, now + 61 * MINUTE) == 5);
    approvals_free(table);
    table = approvals_new();
    for (int i = 0; i < 5; i++)
        CHECK_INT(approvals_restore(table, j, texts[i], now + 2 * DAY), E_OK);
    CHECK_INT(count(-1, now + 2 * DAY), 0);
    end();
    json_free(j);
}

TEST(secrets_are_not_shown)
{
    static const char *const hidden[][2] = { { "card.number", "4242 4242 4242 4242" }, { "x", "4242424242424242" }, { "source.number", "378282246310005" }, { "card.cvc", "123" },
        { "Password", "x" }, { "bank_account.account_number", "000123456789" }, { "external.client_secret", "s" } };
    static const char *const shown[][2] = { { "amount", "25000" }, { "source", "tok_visa" }, { "x", "4242424242424241" }, { "to", "+15551234567" }, { "order", "123456789012" },
        { "x", "42424242424242424242424242" }, { "", "" }, { "cvc.x", "1" } };
    for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
        CHECK_SPAN(approval_hide(span_of(hidden[i][0]), span_of(hidden[i][1])), SPAN("[hidden]"));
    for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
        CHECK_SPAN(approval_hide(span_of(shown[i][0]), span_of(shown[i][1])), span_of(shown[i][1]));
}

/* ---- threads: one yes is one call, however many ask at once ---- */

enum { THREADS = 4, ROUNDS = 300 };
static atomic_int taken, decided;
static atomic_uint calls;

static void play(struct arena *a, int round)
{
    struct approval wanted = request("run_t", round % 7), out;
    bool opened;
    uint64_t call = atomic_fetch_add(&calls, 1) + 1000;
    if (approvals_ask(table, &wanted, now + round, a, &out, &opened) != E_OK)
        return;
    struct span id = arena_copy(a, span_of(out.id));
    struct approval seen;
    if (approvals_decide(table, id, round % 5 != 0, SPAN("admin"), SPAN("x"), now + round, a, &seen) == E_OK)
        atomic_fetch_add(&decided, seen.state == APPROVAL_APPROVED);
    if (approvals_take(table, id, call, now + round)) {
        atomic_fetch_add(&taken, 1);
        if (round % 11 == 0) {
            approvals_give_back(table, id, call);
            atomic_fetch_sub(&taken, 1);
        }
    }
    if (round % 50 == 0)
        approvals_tidy(table, now + round);
}

static void *worker(void *self)
{
    struct arena a;
    (void)self;
    for (int round = 0; round < ROUNDS; round++) {
        arena_init(&a, 8 << 20);
        struct approval *list;
        size_t n;
        play(&a, round);
        if (round % 40 == 0)
            must(approvals_list(table, -1, now, &a, &list, &n) == E_OK);
        arena_free(&a);
    }
    return NULL;
}

TEST(threads)
{
    pthread_t threads[THREADS];
    begin();
    atomic_store(&taken, 0);
    atomic_store(&decided, 0);
    for (size_t i = 0; i < THREADS; i++)
        must(pthread_create(&threads[i], NULL, worker, NULL) == 0);
    for (size_t i = 0; i < THREADS; i++)
        must(pthread_join(threads[i], NULL) == 0);
    CHECK_INT(atomic_load(&taken) + (int)count(APPROVAL_APPROVED, now + ROUNDS), atomic_load(&decided));
    CHECK_INT((int)count(APPROVAL_USED, now + ROUNDS), atomic_load(&taken));
    CHECK(atomic_load(&taken) > 0);
    end();
}

/* SPDX-License-Identifier: Apache-2.0
 * mail_test.c - what stands in a mail, that nobody can write into its head, and SMTP with a server that fails at each step. */
#include "alert/inside.h"

#include "base/clock.h"
#include "base/text.h"
#include "test/unit/alert/rig.h"

static const struct span people[] = { { "ann@example.com", 15 }, { "Bob <bob@example.com>", 21 } };

static struct alert_endpoint endpoint(uint16_t port, char url[64])
{
    snprintf(url, 64, "smtp://127.0.0.1:%u", port);
    return (struct alert_endpoint){ .name = SPAN("mail"), .kind = ALERT_SMTP, .events = ALERT_ALL, .url = span_of(url),
        .from = SPAN("Tollgate <gate@example.com>"), .to = people, .to_count = 2, .plain = true };
}

#define BODY SPAN("{\"event\":\"threshold\",\"at\":\"2026-11-21T10:00:00Z\",\"text\":\"80 % of day are spent.\",\"percent\":80,\"run\":null,\"of\":{\"key\":\"a\"}}")

/* ---- the text ---- */

/* The mail for a body, in out. */
static void write_letter(struct span body, struct buf *out)
{
    char url[64];
    struct alert a;
    struct json *j = json_new();
    struct alert_endpoint e = endpoint(25, url);
    buf_init(out, 1 << 20);
    CHECK_INT(alert_read(j, body, &a), E_OK);
    a.delivery = 7;
    a.now = INT64_C(1795255200000);
    letter_write(out, &e, &a);
    CHECK(!out->broken);
    json_free(j);
}

TEST(letter_is_a_sentence_and_facts)
{
    struct buf out;
    write_letter(BODY, &out);
    struct span mail = buf_span(&out);
    CHECK(span_starts(mail, SPAN("Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
                                 "From: Tollgate <gate@example.com>\r\n"
                                 "To: ann@example.com,\r\n Bob <bob@example.com>\r\n"
                                 "Subject: [Tollgate] 80 % of day are spent.\r\n"
                                 "Message-ID: <7.")));
    CHECK(rig_has(mail, "@example.com>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
                        "80 % of day are spent.\r\n\r\n"
                        "event: threshold\r\nat: 2026-11-21T10:00:00Z\r\npercent: 80\r\nrun: null\r\nof: {\"key\":\"a\"}\r\n"));
    buf_free(&out);
}

/* Head lines only, so that what stands in the body is no mistake. */
static struct span head_of(const struct buf *out)
{
    ptrdiff_t end = span_find(buf_span(out), SPAN("\r\n\r\n"));
    return span_first(buf_span(out), end < 0 ? 0 : (size_t)end + 2);
}

static size_t lines_of(struct span text)
{
    size_t lines = 0;
    for (size_t i = 0; i < text.len; i++)
        lines += text.at[i] == '\n';
    return lines;
}

TEST(nobody_writes_into_the_head)
{
    struct buf plain, out;
    write_letter(BODY, &plain);
    write_letter(SPAN("{\"event\":\"a\\r\\nBcc: b@evil.example\",\"text\":\"run x\\r\\nBcc: c@evil.example\\n\\nhello\\u0000\\u001b[2J\",\"k\\r\\n.\\r\\n\":\"v\\r\\n.\\r\\nQUIT\"}"), &out);
    CHECK_INT(lines_of(head_of(&out)), lines_of(head_of(&plain)));
    CHECK(rig_has(head_of(&out), "Subject: [Tollgate] run x  Bcc: c@evil.example  hello  [2J\r\n"));
    CHECK(!rig_has(buf_span(&out), "\nBcc") && !rig_has(buf_span(&out), "\n.\r\n"));
    for (size_t i = 0; i < out.len; i++)
        CHECK(out.at[i] != '\0' && out.at[i] != '\x1b' && (out.at[i] != '\n' || out.at[i - 1] == '\r'));
    buf_free(&plain);
    buf_free(&out);
}

TEST(what_is_not_ascii_is_encoded)
{
    struct buf out;
    struct arena a;
    arena_init(&a, 1 << 20);
    write_letter(SPAN("{\"event\":\"threshold\",\"text\":\"Für „Müller“: 80 % ist weg, und das sind immerhin schon 4.000 €, \\ud83d\\ude00\"}"), &out);
    struct span head = head_of(&out), subject = SPAN_NONE;
    struct buf whole;
    buf_init(&whole, 1000);
    CHECK(span_find(head, SPAN("Subject: =?utf-8?B?")) > 0);
    subject = span_from(head, (size_t)span_find(head, SPAN("Subject: ")) + 9);
    /* Every encoded word is a line of its own, short enough, and whole characters. */
    for (struct span line; span_cut(&subject, '\n', &line);) {
        line = span_trim(span_first(line, line.len - 1));
        if (!span_starts(line, SPAN("=?utf-8?B?")))
            break;
        CHECK(line.len <= 75 && span_ends(line, SPAN("?=")));
        struct span word = text_base64_decode(span_first(span_from(line, 10), line.len - 12), &a);
        CHECK(word.len > 0 && text_is_utf8(word));
        buf_put(&whole, word);
    }
    CHECK_SPAN(buf_span(&whole), SPAN("[Tollgate] Für „Müller“: 80 % ist weg, und das sind immerhin schon 4.000 €, \xf0\x9f\x98\x80"));
    CHECK(rig_has(head, "Content-Transfer-Encoding: base64\r\n"));
    for (size_t i = 0; i < out.len; i++)
        CHECK((unsigned char)out.at[i] < 0x80);
    buf_free(&whole);
    buf_free(&out);
    arena_free(&a);
}

TEST(long_texts_fit_into_lines)
{
    static char body[ALERT_BYTES];
    struct span start = SPAN("{\"event\":\"threshold\",\"text\":\"");
    struct buf out;
    memset(body, 'a', sizeof(body));
    memcpy(body, start.at, start.len);
    memcpy(body + sizeof(body) - 2, "\"}", 2);
    write_letter(span_make(body, sizeof(body)), &out);
    size_t line = 0;
    for (size_t i = 0; i < out.len; i++) {
        line = out.at[i] == '\n' ? 0 : line + 1;
        CHECK(line <= 998);
    }
    CHECK(rig_has(head_of(&out), "aaa...\r\n"));
    buf_free(&out);
}

TEST(addresses)
{
    CHECK_SPAN(letter_address(SPAN("a@b.example")), SPAN("a@b.example"));
    CHECK_SPAN(letter_address(SPAN(" a@b ")), SPAN("a@b"));
    CHECK_SPAN(letter_address(SPAN("Ann B. <a+b@c>")), SPAN("a+b@c"));
    static const char *const bad[] = { "", "a", "@b", "a@", "a@b@c", "a b@c", "a@b>", "<a@b", "<a@b> x", "a@b\r\nRCPT TO:<c@d>", "a@b,c@d", "<a@b\n>", "\"a\"@b", "ä@b" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (letter_address(span_of(bad[i])).at != NULL)
            test_fail(__FILE__, __LINE__, "%s was taken", bad[i]);
    }
}

/* ---- on the wire ---- */

TEST(mail_is_delivered)
{
    struct smtp s;
    char url[64], why[256];
    smtp_start(&s, SMTP_FINE, NULL);
    struct alert_endpoint e = endpoint(s.port, url);
    CHECK_INT(alert_send(&e, 7, BODY, clock_unix_ms(), why), E_OK);
    smtp_stop(&s);
    CHECK_INT(atomic_load(&s.mails), 1);
    CHECK(rig_has(buf_span(&s.said), "MAIL FROM:<gate@example.com>"));
    CHECK(rig_has(buf_span(&s.said), "RCPT TO:<ann@example.com>|RCPT TO:<bob@example.com>|DATA|"));
    CHECK(!rig_has(buf_span(&s.said), "AUTH"));
    CHECK(rig_has(buf_span(&s.mail), "Subject: [Tollgate] 80 % of day are spent.\r\n"));
    CHECK(rig_has(buf_span(&s.mail), "\r\npercent: 80\r\n"));
    smtp_free(&s);
}

TEST(lines_that_are_a_dot_are_stuffed)
{
    struct smtp s;
    char url[64], why[256];
    smtp_start(&s, SMTP_FINE, NULL);
    struct alert_endpoint e = endpoint(s.port, url);
    CHECK_INT(alert_send(&e, 7, SPAN("{\"event\":\"brake\",\"text\":\".\",\".\":1}"), clock_unix_ms(), why), E_OK);
    smtp_stop(&s);
    CHECK_INT(atomic_load(&s.mails), 1);
    CHECK(rig_has(buf_span(&s.mail), "\r\n\r\n..\r\n\r\nevent: brake\r\n..: 1\r\n"));
    smtp_free(&s);
}

TEST(mail_with_a_password)
{
    struct smtp s;
    char url[64], why[256];
    struct buf want;
    smtp_start(&s, SMTP_FINE, NULL);
    struct alert_endpoint e = endpoint(s.port, url);
    e.user = SPAN("gate");
    e.secret = SPAN("p4ss word");
    CHECK_INT(alert_send(&e, 7, BODY, clock_unix_ms(), why), E_OK);
    smtp_stop(&s);
    buf_init(&want, 100);
    buf_put_base64(&want, SPAN("\0gate\0p4ss word"));
    buf_put_byte(&want, '\0');
    CHECK(rig_has(buf_span(&s.said), "AUTH PLAIN"));
    CHECK(rig_has(buf_span(&s.said), want.at));
    buf_free(&want);
    smtp_free(&s);
}

static void check_failure(enum smtp_step step)
{
    struct smtp s;
    char url[64], why[256];
    smtp_start(&s, step, NULL);
    struct alert_endpoint e = endpoint(s.port, url);
    e.user = SPAN("gate");
    e.secret = SPAN("p4ssword");
    enum err got = alert_send(&e, 7, BODY, clock_unix_ms(), why);
    smtp_stop(&s);
    if (got == E_OK || atomic_load(&s.mails) > 0 || why[0] == '\0' || rig_has(span_of(why), "p4ss"))
        test_fail(__FILE__, __LINE__, "step %d: got %d, \"%s\"", (int)step, (int)got, why);
    smtp_free(&s);
}

TEST(mail_servers_that_fail)
{
    for (enum smtp_step step = SMTP_GREETING; step <= SMTP_END; step++)
        check_failure(step);
}

TEST(mail_server_is_not_there)
{
    struct smtp s;
    char url[64], why[256];
    smtp_start(&s, SMTP_FINE, NULL);
    struct alert_endpoint e = endpoint(s.port, url);
    smtp_stop(&s);
    CHECK_INT(alert_send(&e, 7, BODY, clock_unix_ms(), why), E_UPSTREAM_UNREACHABLE);
    smtp_free(&s);
}

TEST(one_recipient_that_is_gone)
{
    struct smtp s;
    char url[64], why[256];
    smtp_start(&s, SMTP_FINE, "ann@");
    struct alert_endpoint e = endpoint(s.port, url);
    CHECK_INT(alert_send(&e, 7, BODY, clock_unix_ms(), why), E_OK);
    smtp_stop(&s);
    CHECK_INT(atomic_load(&s.mails), 1);
    smtp_free(&s);
}

TEST(no_mail_without_tls_unless_plain)
{
    struct smtp s;
    char url[64], why[256];
    smtp_start(&s, SMTP_FINE, NULL);
    struct alert_endpoint e = endpoint(s.port, url);
    e.plain = false;
    e.user = SPAN("gate");
    e.secret = SPAN("p4ssword");
    CHECK(alert_send(&e, 7, BODY, clock_unix_ms(), why) != E_OK);
    smtp_stop(&s);
    CHECK(!rig_has(buf_span(&s.said), "AUTH") && !rig_has(buf_span(&s.said), "MAIL"));
    smtp_free(&s);
}

TEST(mail_endpoints_that_cannot_be_used)
{
    struct span bad[] = { SPAN("a@b\r\nDATA") };
    char url[64], why[256];
    struct alert_endpoint e = endpoint(1, url);
    e.to = bad;
    e.to_count = 1;
    CHECK_INT(alert_send(&e, 7, BODY, clock_unix_ms(), why), E_BAD_REQUEST);
    e = endpoint(1, url);
    e.to_count = 0;
    CHECK_INT(alert_send(&e, 7, BODY, clock_unix_ms(), why), E_BAD_REQUEST);
    e = endpoint(1, url);
    e.from = SPAN("nobody");
    CHECK_INT(alert_send(&e, 7, BODY, clock_unix_ms(), why), E_BAD_REQUEST);
    e = endpoint(1, url);
    e.url = SPAN("http://127.0.0.1:1/");
    CHECK_INT(alert_send(&e, 7, BODY, clock_unix_ms(), why), E_BAD_REQUEST);
}

struct caller_off {
    struct smtp *server;
    atomic_bool cancel;
    int64_t at_ns;
};

/* As soon as the server is silent: after a fixed time, a busy machine might not have got that far. */
static void *call_off(void *self)
{
    struct caller_off *c = self;
    for (int i = 0; i < 2000 && !atomic_load(&c->server->silent); i++)
        rig_nap(10);
    c->at_ns = clock_monotonic_ns();
    atomic_store(&c->cancel, true);
    return NULL;
}

/* Sends a mail and calls it off at the step that is never answered. */
static enum err try_and_call_off(enum smtp_step step)
{
    struct smtp s;
    struct alert a;
    struct caller_off off = { .server = &s };
    pthread_t thread;
    char url[64], why[256];
    struct json *j = json_new();
    smtp_start(&s, step, NULL);
    struct alert_endpoint e = endpoint(s.port, url);
    CHECK_INT(alert_read(j, BODY, &a), E_OK);
    a.now = clock_unix_ms();
    a.cancel = &off.cancel;
    CHECK_INT(pthread_create(&thread, NULL, call_off, &off), 0);
    enum err sent = alert_try(&e, &a, why);
    int64_t ended = clock_monotonic_ns();
    pthread_join(thread, NULL);
    CHECK(atomic_load(&s.silent) && ended >= off.at_ns && ended - off.at_ns < INT64_C(4000000000));
    smtp_stop(&s);
    smtp_free(&s);
    json_free(j);
    return sent;
}

TEST(a_mail_can_be_called_off) { CHECK_INT(try_and_call_off(SMTP_HANG), E_CLIENT_GONE); }

/* What was taken was taken: a farewell that fails must not bring it a second time. */
TEST(a_farewell_changes_nothing) { CHECK_INT(try_and_call_off(SMTP_QUIT), E_OK); }

/* SPDX-License-Identifier: Apache-2.0
 * send_test.c - one attempt at a webhook and at Slack: what is sent, what counts as taken, what is refused. */
#include "alert/inside.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "test/unit/alert/rig.h"

#define BODY SPAN("{\"event\":\"threshold\",\"at\":\"2026-11-21T10:00:00Z\",\"text\":\"80 % of <day> & more\",\"percent\":80}")

static struct alert_endpoint endpoint(enum alert_kind kind, struct hook *h, char url[128])
{
    snprintf(url, 128, "http://127.0.0.1:%u/services/T0/S3CR3T", h->port);
    return (struct alert_endpoint){ .name = SPAN("ops"), .kind = kind, .events = ALERT_ALL, .url = span_of(url), .secret = SPAN("whsec_0123456789") };
}

/* As a receiver would. */
static bool is_signed(const struct hook_call *c, struct span secret)
{
    struct span rest = hook_field(c, "x-tollgate-signature"), t;
    struct buf text;
    uint8_t given[DIGEST_LEN];
    if (!span_starts(rest, SPAN("t=")) || !span_cut(&rest, ',', &t) || !span_starts(rest, SPAN("v1=")))
        return false;
    buf_init(&text, 1 << 20);
    buf_put(&text, span_from(t, 2));
    buf_put_byte(&text, '.');
    buf_put(&text, buf_span(&c->body));
    struct digest want = digest_hmac(secret, buf_span(&text));
    buf_free(&text);
    return text_hex_decode(span_from(rest, 3), given, DIGEST_LEN) && memcmp(given, want.bytes, DIGEST_LEN) == 0;
}

TEST(webhook_is_signed)
{
    struct hook h;
    char url[128], why[256];
    hook_start(&h, 0, NULL, 0);
    struct alert_endpoint e = endpoint(ALERT_WEBHOOK, &h, url);
    CHECK_INT(alert_send(&e, 42, BODY, INT64_C(1790000000123), why), E_OK);
    CHECK(hook_await(&h, 1));
    const struct hook_call *c = &h.calls[0];
    CHECK(span_starts(buf_span(&c->head), SPAN("POST /services/T0/S3CR3T HTTP/1.1\r\n")));
    CHECK_SPAN(buf_span(&c->body), BODY);
    CHECK_SPAN(hook_field(c, "content-type"), SPAN("application/json"));
    CHECK_SPAN(hook_field(c, "x-tollgate-event"), SPAN("threshold"));
    CHECK_SPAN(hook_field(c, "x-tollgate-delivery"), SPAN("42"));
    CHECK(span_starts(hook_field(c, "x-tollgate-signature"), SPAN("t=1790000000,v1=")));
    CHECK(is_signed(c, e.secret));
    CHECK(!is_signed(c, SPAN("whsec_another")));
    CHECK(!rig_has(buf_span(&c->head), "whsec"));
    hook_stop(&h);
}

TEST(signature_is_the_documented_one)
{
    /* docs/alerts.md has the same numbers. */
    struct digest d = digest_hmac(SPAN("whsec_example"), SPAN("1790000000.{\"event\":\"test\"}"));
    struct buf hex;
    buf_init(&hex, 100);
    buf_put_hex(&hex, span_make((const char *)d.bytes, DIGEST_LEN));
    CHECK_SPAN(buf_span(&hex), SPAN("43d6a75d653f2755ee28b4f9814cec9c58e58aa6194efc81a30f5f05b3226ea8"));
    buf_free(&hex);
}

TEST(slack_gets_a_text)
{
    struct hook h;
    char url[128], why[256];
    hook_start(&h, 0, NULL, 0);
    struct alert_endpoint e = endpoint(ALERT_SLACK, &h, url);
    CHECK_INT(alert_send(&e, 1, BODY, clock_unix_ms(), why), E_OK);
    CHECK(hook_await(&h, 1));
    CHECK_SPAN(buf_span(&h.calls[0].body), SPAN("{\"text\":\"80 % of &lt;day&gt; &amp; more\"}"));
    CHECK(hook_field(&h.calls[0], "x-tollgate-signature").at == NULL);
    hook_stop(&h);
}

static void check_answer(int answer, enum err want, const char *part)
{
    struct hook h;
    char url[128], why[256];
    hook_start(&h, 0, &answer, 1);
    struct alert_endpoint e = endpoint(ALERT_WEBHOOK, &h, url);
    enum err got = alert_send(&e, 1, BODY, clock_unix_ms(), why);
    if (got != want || (want != E_OK && !rig_has(span_of(why), part)))
        test_fail(__FILE__, __LINE__, "answer %d: got %d \"%s\"", answer, (int)got, why);
    CHECK(!rig_has(span_of(why), "S3CR3T") && !rig_has(span_of(why), "whsec"));
    hook_stop(&h);
}

TEST(any_2xx_is_taken_nothing_else)
{
    check_answer(200, E_OK, "");
    check_answer(202, E_OK, "");
    check_answer(299, E_OK, "");
    check_answer(HOOK_LONG, E_OK, "");
    check_answer(400, E_UPSTREAM_BROKEN, "it answered 400");
    check_answer(404, E_UPSTREAM_BROKEN, "it answered 404");
    check_answer(500, E_UPSTREAM_BROKEN, "it answered 500");
    check_answer(HOOK_CUT, E_UPSTREAM_BROKEN, "broke off");
}

TEST(redirects_are_not_followed)
{
    static const int moved[] = { 302 };
    struct hook h, other;
    char url[128], why[256], there[64];
    hook_start(&other, 0, NULL, 0);
    hook_start(&h, 0, moved, 1);
    snprintf(there, sizeof(there), "http://127.0.0.1:%u/", other.port);
    h.location = there;
    struct alert_endpoint e = endpoint(ALERT_WEBHOOK, &h, url);
    CHECK_INT(alert_send(&e, 1, BODY, clock_unix_ms(), why), E_UPSTREAM_BROKEN);
    CHECK_SPAN(span_of(why), SPAN("it answered 302"));
    hook_stop(&h);
    CHECK_INT(atomic_load(&other.count), 0);
    hook_stop(&other);
}

TEST(nobody_there)
{
    struct hook h;
    char url[128], why[256];
    hook_start(&h, 0, NULL, 0);
    struct alert_endpoint e = endpoint(ALERT_WEBHOOK, &h, url);
    hook_stop(&h);
    CHECK_INT(alert_send(&e, 1, BODY, clock_unix_ms(), why), E_UPSTREAM_UNREACHABLE);
    CHECK_SPAN(span_of(why), SPAN("it could not be reached"));
}

TEST(what_is_never_sent)
{
    struct hook h;
    char url[128], why[256];
    hook_start(&h, 0, NULL, 0);
    struct alert_endpoint e = endpoint(ALERT_WEBHOOK, &h, url);
    snprintf(url, sizeof(url), "http://me:pass@127.0.0.1:%u/x", h.port);
    e.url = span_of(url);
    CHECK_INT(alert_send(&e, 1, BODY, 1, why), E_BAD_REQUEST);
    CHECK(rig_has(span_of(why), "names a user") && !rig_has(span_of(why), "pass@"));
    e.url = SPAN("ftp://127.0.0.1/x");
    CHECK_INT(alert_send(&e, 1, BODY, 1, why), E_BAD_REQUEST);
    e = endpoint(ALERT_WEBHOOK, &h, url);
    e.secret = SPAN("");
    CHECK_INT(alert_send(&e, 1, BODY, 1, why), E_BAD_REQUEST);
    e = endpoint(ALERT_WEBHOOK, &h, url);
    CHECK_INT(alert_send(&e, 1, SPAN("{\"event\":\"x\"}"), 1, why), E_BAD_REQUEST);
    CHECK_INT(alert_send(&e, 1, SPAN("no json"), 1, why), E_BAD_REQUEST);
    static char large[ALERT_BYTES + 1];
    memset(large, ' ', sizeof(large));
    CHECK_INT(alert_send(&e, 1, span_make(large, sizeof(large)), 1, why), E_TOO_LARGE);
    hook_stop(&h);
    CHECK_INT(atomic_load(&h.count), 0);
}

TEST(largest_alert_is_sent)
{
    static char large[ALERT_BYTES];
    struct hook h;
    char url[128], why[256];
    struct span start = SPAN("{\"event\":\"threshold\",\"text\":\"");
    memset(large, '<', sizeof(large));
    memcpy(large, start.at, start.len);
    memcpy(large + sizeof(large) - 2, "\"}", 2);
    hook_start(&h, 0, NULL, 0);
    struct alert_endpoint e = endpoint(ALERT_WEBHOOK, &h, url);
    CHECK_INT(alert_send(&e, 1, span_make(large, sizeof(large)), 1, why), E_OK);
    e.kind = ALERT_SLACK;
    CHECK_INT(alert_send(&e, 1, span_make(large, sizeof(large)), 1, why), E_OK);
    CHECK(hook_await(&h, 2));
    CHECK(h.calls[0].body.len == ALERT_BYTES && is_signed(&h.calls[0], e.secret));
    CHECK(h.calls[1].body.len < 10000);
    hook_stop(&h);
}

static void *call_off(void *cancel)
{
    rig_nap(200);
    atomic_store((atomic_bool *)cancel, true);
    return NULL;
}

TEST(a_try_can_be_called_off)
{
    static const int hang[] = { HOOK_HANG };
    struct hook h;
    struct alert a;
    atomic_bool cancel = false;
    pthread_t thread;
    char url[128], why[256];
    struct json *j = json_new();
    hook_start(&h, 0, hang, 1);
    struct alert_endpoint e = endpoint(ALERT_WEBHOOK, &h, url);
    CHECK_INT(alert_read(j, BODY, &a), E_OK);
    a.cancel = &cancel;
    CHECK_INT(pthread_create(&thread, NULL, call_off, &cancel), 0);
    int64_t began = clock_monotonic_ns();
    CHECK_INT(alert_try(&e, &a, why), E_CLIENT_GONE);
    CHECK(clock_monotonic_ns() - began < INT64_C(3000000000));
    pthread_join(thread, NULL);
    json_free(j);
    hook_stop(&h);
}

/* SPDX-License-Identifier: Apache-2.0
 * content_test.c - captured content comes back as it was, for its own call and under its own key alone. */
#include "flow/content.h"

#include "test/test.h"

static const struct digest keep = { { 1, 2, 3 } };

static struct content sample(struct http_field fields[2])
{
    fields[0] = (struct http_field){ SPAN("content-type"), SPAN("application/json") };
    fields[1] = (struct http_field){ SPAN("user-agent"), SPAN("agent of ann@mail.example") };
    return (struct content){ .method = SPAN("POST"), .path = SPAN("/v1/x"), .redacted = SPAN("email 1"),
        .request = { .fields = fields, .count = 2, .body = SPAN("{\"a\":\"CANARY CANARY CANARY CANARY\"}"), .truncated = true },
        .response = { .status = 429, .missing = SPAN("none"), .streamed = true } };
}

TEST(content_comes_back)
{
    struct http_field fields[2];
    const struct content c = sample(fields);
    const struct content_name name = { SPAN("ws"), 7 };
    struct content got = { 0 };
    struct arena a;
    struct buf sealed;
    arena_init(&a, 1 << 20);
    buf_init(&sealed, 1 << 20);
    CHECK(content_seal(&keep, &name, &c, &sealed));
    CHECK(span_find(buf_span(&sealed), SPAN("CANARY")) < 0);
    CHECK(content_open(&keep, &name, buf_span(&sealed), &a, &got));
    CHECK_SPAN(got.method, c.method);
    CHECK_SPAN(got.path, c.path);
    CHECK_SPAN(got.redacted, c.redacted);
    CHECK_SPAN(got.request.body, c.request.body);
    CHECK_INT(got.request.count, 2);
    CHECK_SPAN(got.request.fields[1].value, fields[1].value);
    CHECK(got.request.truncated && !got.request.streamed && !got.request.missing.at);
    CHECK_INT(got.response.status, 429);
    CHECK_SPAN(got.response.missing, SPAN("none"));
    CHECK(got.response.streamed && !got.response.body.at);
    buf_free(&sealed);
    arena_free(&a);
}

TEST(anothers_content_does_not_open)
{
    struct http_field fields[2];
    const struct content c = sample(fields);
    const struct digest other = { { 9 } };
    struct content got;
    struct arena a;
    struct buf sealed;
    arena_init(&a, 1 << 20);
    buf_init(&sealed, 1 << 20);
    CHECK(content_seal(&keep, &(struct content_name){ SPAN("ws"), 7 }, &c, &sealed));
    CHECK(!content_open(&keep, &(struct content_name){ SPAN("ws"), 8 }, buf_span(&sealed), &a, &got));
    CHECK(!content_open(&keep, &(struct content_name){ SPAN("wt"), 7 }, buf_span(&sealed), &a, &got));
    CHECK(!content_open(&other, &(struct content_name){ SPAN("ws"), 7 }, buf_span(&sealed), &a, &got));
    for (size_t i = 0; i < sealed.len; i += 7) {
        sealed.at[i] ^= 1;
        CHECK(!content_open(&keep, &(struct content_name){ SPAN("ws"), 7 }, buf_span(&sealed), &a, &got));
        sealed.at[i] ^= 1;
    }
    CHECK(!content_open(&keep, &(struct content_name){ SPAN("ws"), 7 }, SPAN(""), &a, &got));
    buf_free(&sealed);
    arena_free(&a);
}

static const struct redactor *rule(struct arena *a, const char *json)
{
    struct trouble t = { 0 };
    struct node *n = NULL;
    const struct redactor *r = NULL;
    CHECK(node_read_json(a, "", span_of(json), &n, &t) == E_OK && redactor_read(a, n, "redact", &r, &t));
    return r;
}

TEST(a_side_is_searched_and_cut)
{
    struct http_field fields[2];
    struct content c = sample(fields);
    struct redact_found found = { { 0 }, 0 };
    struct arena a;
    arena_init(&a, 4 << 20);
    const struct redactor *r = rule(&a, "[\"email\"]");
    c.request.truncated = false;
    c.request.body = SPAN("{\"a\":\"\xc3\xa9\xc3\xa9 ann@mail.example and more\"}");
    CHECK(content_clean(r, &c.request, 9, &a, &found));
    CHECK_SPAN(c.request.body, SPAN("{\"a\":\"\xc3\xa9")); /* not half a character */
    CHECK(c.request.truncated);
    CHECK_SPAN(c.request.fields[1].value, SPAN("agent of [email]"));
    CHECK_SPAN(content_found_text(&found, &a), SPAN("email 2"));
    fields[1] = (struct http_field){ SPAN("content-encoding"), SPAN("gzip") };
    CHECK(!content_clean(r, &c.request, 100, &a, &found));
    CHECK(!c.request.body.at);
    CHECK_SPAN(c.request.missing, SPAN("its kind cannot be searched for what must not be kept"));
    arena_free(&a);
}

/* SPDX-License-Identifier: Apache-2.0
 * edit_test.c - edits change what they should and not one byte else. */
#include <stdlib.h>

#include "rig.h"
#include "test/test.h"

static struct rig r;

static struct span edit(const char *body, int64_t limit, bool usage, bool old_name, struct buf *out)
{
    struct ask_edit e = { .output_limit = limit, .include_usage = usage, .old_limit_name = old_name };
    struct span text = SPAN("");
    CHECK_INT(dialect_rig_ask(&r, body), E_OK);
    buf_clear(out);
    r.dialect->edit_ask(r.json, buf_span(&r.body), &e, out);
    CHECK_INT(buf_done(out, &text), E_OK);
    return text;
}

static void check_edit(int line, const char *body, int64_t limit, bool usage, const char *want)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    struct span got = edit(body, limit, usage, false, &out);
    if (!span_is(got, span_of(want)))
        test_fail(__FILE__, line, "got %.*s, want %s", SPAN_ARG(got), want);
    buf_free(&out);
}
#define EDIT(body, limit, usage, want) check_edit(__LINE__, body, limit, usage, want)

TEST(chat_edits)
{
    dialect_rig_open(&r, "openai_chat");
    EDIT("{\"model\":\"m\"}", -1, false, "{\"model\":\"m\"}");
    EDIT(" {\"model\":\"m\"}", 7, false, " {\"max_completion_tokens\":7,\"model\":\"m\"}");
    EDIT("{\"model\":\"m\", \"max_tokens\" : 100 }", 7, false, "{\"model\":\"m\", \"max_tokens\" : 7 }");
    EDIT("{\"max_completion_tokens\":null,\"model\":\"m\"}", 7, false, "{\"max_completion_tokens\":7,\"model\":\"m\"}");
    EDIT("{\"max_tokens\":null,\"model\":\"m\"}", 7, false, "{\"max_completion_tokens\":7,\"max_tokens\":null,\"model\":\"m\"}");
    EDIT("{\"max_tokens\":1,\"max_completion_tokens\":2,\"model\":\"m\"}", 77, false, "{\"max_tokens\":77,\"max_completion_tokens\":77,\"model\":\"m\"}");
    EDIT("{\"model\":\"m\"}", 7, true, "{\"max_completion_tokens\":7,\"stream_options\":{\"include_usage\":true},\"model\":\"m\"}");
    EDIT("{\"model\":\"m\",\"stream_options\":{}}", -1, true, "{\"model\":\"m\",\"stream_options\":{\"include_usage\":true}}");
    EDIT("{\"model\":\"m\",\"stream_options\":null}", -1, true, "{\"model\":\"m\",\"stream_options\":{\"include_usage\":true}}");
    EDIT("{\"model\":\"m\",\"stream_options\":{\"x\":1}}", -1, true, "{\"model\":\"m\",\"stream_options\":{\"include_usage\":true,\"x\":1}}");
    EDIT("{\"model\":\"m\",\"stream_options\":{\"x\":1,\"include_usage\": false}}", -1, true, "{\"model\":\"m\",\"stream_options\":{\"x\":1,\"include_usage\": true}}");
    EDIT("{\"model\":\"m\",\"max_tok\\u0065ns\":5}", 7, false, "{\"model\":\"m\",\"max_tok\\u0065ns\":7}");
    struct buf out;
    buf_init(&out, 1 << 20);
    CHECK_SPAN(edit("{\"model\":\"m\"}", 7, false, true, &out), SPAN("{\"max_tokens\":7,\"model\":\"m\"}"));
    buf_free(&out);
    dialect_rig_close(&r);
}

/* What a vendor does not read limits nothing: it has the limit under the name that it reads, the larger of two as it was reserved for. */
TEST(a_limit_is_said_by_the_name_that_the_vendor_reads)
{
    static const struct {
        const char *body;
        int64_t limit;
        bool usage;
        const char *want;
    } cases[] = {
        { "{\"max_completion_tokens\":9,\"model\":\"m\"}", 7, false, "{\"max_tokens\":7,\"model\":\"m\"}" },
        { "{\"max_completion_tokens\":9,\"model\":\"m\"}", -1, false, "{\"max_tokens\":9,\"model\":\"m\"}" },
        { "{\"max_completion_tokens\":9,\"model\":\"m\"}", -1, true, "{\"stream_options\":{\"include_usage\":true},\"max_tokens\":9,\"model\":\"m\"}" },
        { "{\"model\":\"m\" , \"max_completion_t\\u006fkens\" : 9 }", -1, false, "{\"model\":\"m\" , \"max_tokens\" : 9 }" },
        { "{\"max_completion_tokens\":5,\"max_tokens\":9,\"model\":\"m\"}", -1, true, "{\"stream_options\":{\"include_usage\":true},\"max_tokens\":9,\"model\":\"m\"}" },
        { "{ \"max_completion_tokens\" : 9 , \"max_tokens\":5,\"model\":\"m\"}", -1, false, "{  \"max_tokens\":9,\"model\":\"m\"}" },
        { "{\"max_tokens\":5,\"model\":\"m\" , \"max_completion_tokens\":9}", -1, false, "{\"max_tokens\":9,\"model\":\"m\" }" },
        { "{\"max_tokens\":5,\"max_completion_tokens\":9,\"model\":\"m\"}", 7, false, "{\"max_tokens\":7,\"model\":\"m\"}" },
        { "{\"max_tokens\":null,\"max_completion_tokens\":9,\"model\":\"m\"}", -1, false, "{\"max_tokens\":9,\"model\":\"m\"}" },
        { "{\"max_completion_tokens\":null,\"model\":\"m\"}", 7, false, "{\"max_tokens\":7,\"max_completion_tokens\":null,\"model\":\"m\"}" },
        { "{\"max_tokens\":9,\"model\":\"m\"}", -1, false, "{\"max_tokens\":9,\"model\":\"m\"}" },
    };
    struct buf out;
    buf_init(&out, 1 << 20);
    dialect_rig_open(&r, "openai_chat");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct span got = edit(cases[i].body, cases[i].limit, cases[i].usage, true, &out);
        CHECK_INT(r.ask.new_limit_name, strstr(cases[i].body, ":null,\"model") == NULL && strstr(cases[i].body, "max_completion") != NULL);
        if (!span_is(got, span_of(cases[i].want)))
            test_fail(__FILE__, __LINE__, "got %.*s, want %s", SPAN_ARG(got), cases[i].want);
    }
    dialect_rig_close(&r);
    buf_free(&out);
}

TEST(other_edits)
{
    dialect_rig_open(&r, "openai_responses");
    EDIT("{\"model\":\"m\"}", 7, true, "{\"max_output_tokens\":7,\"model\":\"m\"}");
    EDIT("{\"model\":\"m\",\"max_output_tokens\":null}", 7, true, "{\"model\":\"m\",\"max_output_tokens\":7}");
    dialect_rig_close(&r);
    dialect_rig_open(&r, "anthropic_messages");
    EDIT("{\"model\":\"m\",\"max_tokens\":100000}", 7, true, "{\"model\":\"m\",\"max_tokens\":7}");
    EDIT("{\"model\":\"m\"}", 7, true, "{\"max_tokens\":7,\"model\":\"m\"}");
    dialect_rig_close(&r);
    dialect_rig_open(&r, "openai_embeddings");
    EDIT("{\"model\":\"m\",\"input\":\"a\"}", 7, true, "{\"model\":\"m\",\"input\":\"a\"}");
    dialect_rig_close(&r);
}

/* The model's name may be longer than any number, and have characters that need escapes. */
TEST(model_edits)
{
    static const char *const names[] = { "openai_chat", "openai_responses", "anthropic_messages", "openai_embeddings" };
    char name[300];
    memset(name, 'x', sizeof(name));
    memcpy(name, "a\"b/", 4);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct ask_edit e = { .model = span_make(name, sizeof(name)), .output_limit = -1 };
        struct buf out;
        char want[400];
        buf_init(&out, 1 << 20);
        dialect_rig_open(&r, names[i]);
        CHECK_INT(dialect_rig_ask(&r, "{\"input\":\"i\", \"model\" : \"m\" }"), E_OK);
        r.dialect->edit_ask(r.json, buf_span(&r.body), &e, &out);
        int len = snprintf(want, sizeof(want), "{\"input\":\"i\", \"model\" : \"a\\\"%.*s\" }", (int)sizeof(name) - 2, name + 2);
        CHECK_SPAN(buf_span(&out), span_make(want, (size_t)len));
        buf_clear(&out);
        e.model = SPAN_NONE;
        r.dialect->edit_ask(r.json, buf_span(&r.body), &e, &out);
        CHECK_SPAN(buf_span(&out), buf_span(&r.body));
        buf_free(&out);
        dialect_rig_close(&r);
    }
}

TEST(model_and_limit_in_one_edit)
{
    struct ask_edit e = { .model = SPAN("n"), .output_limit = 7, .include_usage = true };
    struct buf out;
    buf_init(&out, 1 << 20);
    dialect_rig_open(&r, "openai_chat");
    CHECK_INT(dialect_rig_ask(&r, "{\"max_tokens\":9,\"model\":\"m\",\"stream\":true}"), E_OK);
    r.dialect->edit_ask(r.json, buf_span(&r.body), &e, &out);
    CHECK_SPAN(buf_span(&out), SPAN("{\"stream_options\":{\"include_usage\":true},\"max_tokens\":7,\"model\":\"n\",\"stream\":true}"));
    buf_free(&out);
    dialect_rig_close(&r);
}

TEST(what_cannot_be_edited_is_not_written)
{
    struct ask_edit e = { .output_limit = 7, .include_usage = true };
    struct buf out, body;
    dialect_rig_open(&r, "openai_chat");
    buf_init(&out, 1 << 20);
    buf_init(&body, 1 << 20);
    buf_put(&body, SPAN("{\"model\""));
    r.dialect->edit_ask(r.json, buf_span(&body), &e, &out);
    CHECK(out.broken);
    buf_free(&body);
    buf_free(&out);
    dialect_rig_close(&r);
}

/* --- property: any members in any order, any white space --- */

static uint32_t dice(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % n;
}

static void put_blank(struct buf *b, uint32_t *seed)
{
    static const char *const blanks[] = { "", "", " ", "\n\t", "  " };
    buf_put(b, span_of(blanks[dice(seed, 5)]));
}

static void put_request(struct buf *b, uint32_t *seed)
{
    static const char *const members[] = { "\"model\":\"gpt-4o\"", "\"max_tokens\": 55", "\"max_completion_tokens\" :66",
        "\"max_output_tokens\":77", "\"stream_options\": {\"include_usage\" : false , \"other\":[1,{\"include_usage\":3}]}", "\"stream\":true",
        "\"messages\":[{\"role\":\"user\",\"content\":\"a \\\"max_tokens\\\":5 }{ \\\\\"}]", "\"tools\":[{\"max_tokens\":1,\"n\":[[],{}]}]",
        "\"temperature\":1.0e0", "\"x\\u0079z\":null", "\"\xc3\xa9\":\"\xf0\x9f\x98\x80\"" };
    bool used[11] = { false };
    uint32_t n = 1 + dice(seed, 11);
    buf_put_byte(b, '{');
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = i == 0 ? 0 : dice(seed, 11);
        if (used[k])
            continue;
        used[k] = true;
        if (i)
            buf_put_byte(b, ',');
        put_blank(b, seed);
        buf_put(b, span_of(members[k]));
        put_blank(b, seed);
    }
    buf_put_byte(b, '}');
    put_blank(b, seed);
}

static bool is_limit(struct span name)
{
    return span_is(name, SPAN("max_tokens")) || span_is(name, SPAN("max_completion_tokens")) || span_is(name, SPAN("max_output_tokens"));
}

static bool edited(struct span name) { return is_limit(name) || span_is(name, SPAN("stream_options")); }

static void print_member(struct buf *out, struct span name, struct json_value item)
{
    buf_put(out, name);
    buf_put_byte(out, '=');
    json_print(item, out);
    buf_put_byte(out, ';');
}

/* All members but the edited ones, in order. */
static void print_rest(struct span body, struct buf *out, int64_t *limits, int64_t limit, bool *usage)
{
    struct json *j = json_new();
    struct json_value v, item;
    struct span name;
    const char *why = "";
    int64_t n;
    if (json_parse(j, body, false, &v, &why))
        test_fail(__FILE__, __LINE__, "not JSON: %s: %.*s", why, SPAN_ARG(body));
    else
        for (struct json_iter it = json_iter(v); json_next(&it, &name, &item);) {
            if (is_limit(name) && json_integer(item, &n) && n == limit)
                (*limits)++;
            if (!edited(name))
                print_member(out, name, item);
        }
    *usage = !json_path(v, SPAN("stream_options.include_usage")).doc ? false : true;
    bool said = false;
    *usage = *usage && json_bool(json_path(v, SPAN("stream_options.include_usage")), &said) && said;
    json_free(j);
}

TEST(edits_keep_all_else)
{
    static const char *const names[] = { "openai_chat", "openai_responses", "anthropic_messages" };
    uint32_t seed = 4711;
    for (int i = 0; i < 3000; i++) {
        struct buf body, out, before, after;
        struct buf *all[] = { &body, &out, &before, &after };
        int64_t limits = 0, none = 0;
        bool usage = false, ignored;
        struct ask_edit e = { .output_limit = 1234, .include_usage = true, .old_limit_name = dice(&seed, 2) != 0 };
        for (int k = 0; k < 4; k++)
            buf_init(all[k], 1 << 20);
        dialect_rig_open(&r, names[i % 3]);
        put_request(&body, &seed);
        r.dialect->edit_ask(r.json, buf_span(&body), &e, &out);
        CHECK(!out.broken);
        print_rest(buf_span(&body), &before, &none, -7, &ignored);
        print_rest(buf_span(&out), &after, &limits, 1234, &usage);
        CHECK_SPAN(buf_span(&after), buf_span(&before));
        CHECK(limits >= 1 && (i % 3 != 0 || usage));
        CHECK_INT(dialect_rig_ask_span(&r, buf_span(&out)), E_OK);
        CHECK_INT(r.ask.output_limit, 1234);
        dialect_rig_close(&r);
        for (int k = 0; k < 4; k++)
            buf_free(all[k]);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * guard_test.c - each check: what it takes, what it refuses, and that strangers' texts and patterns cannot make it slow or let it pass. */
#include "guard/guard.h"

#include <stdlib.h>

#include "base/clock.h"
#include "test/test.h"

static struct arena arena;
static struct json *parser;

static void begin(void)
{
    arena_init(&arena, 256u << 20);
    parser = json_new();
}

static void end(void)
{
    json_free(parser);
    arena_free(&arena);
}

static struct guard_set *set_of(const char *list, struct trouble *t)
{
    struct node *n;
    struct guard_set *s = NULL;
    *t = (struct trouble){ .set = false };
    if (node_read_json(&arena, "", span_of(list), &n, t) != E_OK || guard_read(&arena, n, "config.input_guardrails", &s, t) != E_OK)
        return NULL;
    return s;
}

/* One check over one text. */
static struct guard_result look(const char *check, struct span text, const struct guard_text *more)
{
    struct guard_piece piece = { .raw = SPAN("\"\""), .text = text, .turn = 0, .prose = true };
    struct guard_text t = more ? *more : (struct guard_text){ .pieces = &piece, .count = 1 };
    struct guard_result r = { .verdict = false };
    struct trouble trouble;
    t.json = parser;
    struct guard_set *s = set_of(arena_print(&arena, "[{%s, \"deny\": true, \"id\": \"g\"}]", check).at, &trouble);
    if (!s)
        test_fail(__FILE__, __LINE__, "%s: %s", check, trouble.text);
    else
        CHECK(guard_run(s, &t, &arena, &r));
    CHECK(r.verdict == !r.denied);
    return r;
}

static bool passes(const char *check, const char *text) { return look(check, span_of(text), NULL).verdict; }

static const char *refusal(const char *list)
{
    static struct trouble t;
    return set_of(list, &t) ? "taken" : t.text;
}

#define REFUSED(list, words)                                                              \
    do {                                                                                  \
        const char *said_ = refusal(list);                                                \
        if (!strstr(said_, words))                                                        \
            test_fail(__FILE__, __LINE__, "%s: said \"%s\", want \"%s\"", list, said_, words); \
    } while (0)

TEST(patterns_are_sought_as_javascript_seeks_them)
{
    begin();
    CHECK(passes("\"default.regexMatch\": {\"rule\": \"b+\"}", "abbc"));
    CHECK(!passes("\"regexMatch\": {\"rule\": \"^b\"}", "abbc"));
    CHECK(passes("\"regexMatch\": {\"rule\": \"x\", \"not\": true}", "abc"));
    CHECK(!passes("\"regexMatch\": {\"rule\": \"b\", \"not\": true}", "abc"));
    CHECK(passes("\"regexMatch\": {\"rule\": \"^.$\"}", "\xf0\x9f\x98\x80"));
    CHECK(passes("\"regexMatch\": {\"rule\": \"\\\\u00e4\"}", "\xc3\xa4"));
    CHECK(!passes("\"regexMatch\": {\"rule\": \"a$\"}", "a\n"));
    CHECK(!passes("\"regexMatch\": {\"rule\": \"a.b\"}", "a\nb"));
    CHECK(!passes("\"regexMatch\": {\"rule\": \"a\"}", ""));
    CHECK(passes("\"regexMatch\": {\"rule\": \"^$\"}", ""));
    REFUSED("[{\"regexMatch\": {\"rule\": \"(\"}}]", "a pattern");
    REFUSED("[{\"regexMatch\": {}}]", "config.input_guardrails[0].regexMatch.rule");
    REFUSED("[{\"regexMatch\": {\"rule\": \"a\", \"nott\": true}}]", "nott");
    end();
}

/* Whatever it does, with or without `not`, what could not be judged has failed, and soon. */
TEST(a_pattern_that_takes_too_long_fails_both_ways)
{
    static const char *const slow[] = { "^(a+)+$", "(a|a)+b$", "(\\\\w+\\\\s?)+;", "(.*?a){15}!P", "\\\\w++;", "a{1,50000}b", "(a+)+\\\\1c" };
    begin();
    char *text = malloc(1u << 20);
    memset(text, 'a', 1u << 20);
    memcpy(text + (1u << 20) - 6, "!;b,Pc", 6); /* what the patterns end with, so that its absence does not decide */
    for (size_t i = 0; i < sizeof(slow) / sizeof(slow[0]); i++)
        for (size_t k = 0; k < 3; k++) {
            int64_t before = clock_monotonic_ns();
            struct span check = k == 0 ? arena_print(&arena, "\"regexMatch\": {\"rule\": \"%s\"}", slow[i])
                : k == 1 ? arena_print(&arena, "\"regexMatch\": {\"rule\": \"%s\", \"not\": true}", slow[i])
                         : arena_print(&arena, "\"regexReplace\": {\"rule\": \"%s\"}", slow[i]);
            struct guard_result r = look(check.at, span_make(text, 1u << 20), NULL);
            int64_t ms = (clock_monotonic_ns() - before) / 1000000;
            if (r.verdict || !r.list[0].list[0].error.at)
                test_fail(__FILE__, __LINE__, "%s: judged", check.at);
            if (ms > 3000)
                test_fail(__FILE__, __LINE__, "%s: %lld ms", check.at, (long long)ms);
        }
    free(text);
    end();
}

TEST(a_long_text_is_looked_through)
{
    begin();
    size_t len = 4u << 20;
    char *text = malloc(len);
    for (size_t i = 0; i < len; i++)
        text[i] = i % 7 ? 'x' : ' ';
    memcpy(text + len - 9, "123-45-67", 9);
    CHECK(look("\"regexMatch\": {\"rule\": \"\\\\d{3}-\\\\d{2}-\\\\d{2}\"}", span_make(text, len), NULL).verdict);
    CHECK(!look("\"regexMatch\": {\"rule\": \"\\\\d{3}-\\\\d{2}-\\\\d{2}\", \"not\": true}", span_make(text, len), NULL).verdict);
    CHECK(look("\"contains\": {\"words\": [\"45-67\"]}", span_make(text, len), NULL).verdict);
    free(text);
    text = calloc(1, GUARD_TEXT_MOST + 1);
    struct guard_result r = look("\"contains\": {\"words\": [\"q\"], \"operator\": \"none\"}", span_make(text, GUARD_TEXT_MOST + 1), NULL);
    CHECK(!r.verdict && r.list[0].list[0].error.at);
    free(text);
    end();
}

TEST(words_characters_and_sentences_are_counted)
{
    begin();
    CHECK(passes("\"wordCount\": {\"minWords\": 3, \"maxWords\": 3}", "  one two\xc2\xa0three\n"));
    CHECK(!passes("\"wordCount\": {\"minWords\": 4, \"maxWords\": 9}", "one two three"));
    CHECK(!passes("\"wordCount\": {\"minWords\": 0, \"maxWords\": 2}", "one two three"));
    CHECK(passes("\"wordCount\": {\"minWords\": 0, \"maxWords\": 2, \"not\": true}", "one two three"));
    CHECK(passes("\"wordCount\": {\"minWords\": 0, \"maxWords\": 0}", ""));
    CHECK(passes("\"characterCount\": {\"minCharacters\": 3, \"maxCharacters\": 3}", "\xf0\x9f\x98\x80\xc3\xa4")); /* two units and one */
    CHECK(!passes("\"characterCount\": {\"minCharacters\": 1, \"maxCharacters\": 2}", "abc"));
    CHECK(passes("\"sentenceCount\": {\"minSentences\": 2, \"maxSentences\": 2}", "A. B?"));
    CHECK(passes("\"sentenceCount\": {}", "A"));
    CHECK(!passes("\"sentenceCount\": {\"maxSentences\": 1}", "A. B! C?"));
    REFUSED("[{\"wordCount\": {\"minWords\": 3}}]", "maxWords");
    REFUSED("[{\"wordCount\": {\"minWords\": 3, \"maxWords\": 2}}]", "nothing would ever fit");
    REFUSED("[{\"wordCount\": {\"minWords\": \"x\", \"maxWords\": 2}}]", "minWords");
    end();
}

TEST(words_are_found_or_not)
{
    begin();
    CHECK(passes("\"contains\": {\"words\": [\"b\", \"x\"]}", "abc"));
    CHECK(!passes("\"contains\": {\"words\": [\"b\", \"x\"], \"operator\": \"all\"}", "abc"));
    CHECK(passes("\"contains\": {\"words\": [\"b\", \"c\"], \"operator\": \"all\"}", "abc"));
    CHECK(!passes("\"contains\": {\"words\": [\"b\", \"x\"], \"operator\": \"none\"}", "abc"));
    CHECK(passes("\"contains\": {\"words\": [\"B\"], \"operator\": \"none\"}", "abc"));
    CHECK(!passes("\"contains\": {\"words\": [\"\xc3\xa4\"]}", ""));
    REFUSED("[{\"contains\": {\"words\": []}}]", "words");
    REFUSED("[{\"contains\": {\"words\": [\"\"]}}]", "empty");
    REFUSED("[{\"contains\": {\"words\": [\"a\"], \"operator\": \"some\"}}]", "operator");
    CHECK(passes("\"endsWith\": {\"suffix\": \"end\"}", "the end"));
    CHECK(passes("\"endsWith\": {\"suffix\": \"end\"}", "the end."));
    CHECK(!passes("\"endsWith\": {\"suffix\": \"end\"}", "the end!"));
    CHECK(!passes("\"endsWith\": {\"suffix\": \"end\"}", ""));
    REFUSED("[{\"endsWith\": {\"suffix\": \"\"}}]", "suffix");
    CHECK(passes("\"alluppercase\": {}", "ABC 1 \xc3\xa4"));
    CHECK(!passes("\"alluppercase\": {}", "ABc"));
    CHECK(passes("\"alllowercase\": {}", "abc \xc3\x84"));
    CHECK(!passes("\"alllowercase\": {}", "aBc"));
    CHECK(passes("\"notNull\": {}", " x"));
    CHECK(!passes("\"notNull\": {}", " \n"));
    CHECK(!passes("\"notNull\": {}", ""));
    end();
}

TEST(code_is_known_by_its_fence)
{
    begin();
    CHECK(passes("\"containsCode\": {\"format\": \"Python\"}", "Look:\n```python\nprint()\n```"));
    CHECK(passes("\"containsCode\": {\"format\": \"Python\"}", "```py\n```"));
    CHECK(!passes("\"containsCode\": {\"format\": \"Java\"}", "```javascript\n```"));
    CHECK(passes("\"containsCode\": {\"format\": \"SQL\", \"not\": true}", "SQL is fine"));
    CHECK(!passes("\"containsCode\": {\"format\": \"SQL\", \"not\": true}", "```\n```\n```SQL\nselect 1\n```"));
    CHECK(passes("\"containsCode\": {\"format\": \"C\"}", "```c\nint x;```") && !passes("\"containsCode\": {\"format\": \"C\"}", "```c++\n```"));
    REFUSED("[{\"containsCode\": {\"format\": \"Klingon\"}}]", "one of SQL, Python");
    end();
}

TEST(json_is_found_wherever_it_stands)
{
    static const char *const schema = "\"jsonSchema\": {\"schema\": {\"type\": \"object\", \"required\": [\"a\"], \"properties\": {\"a\": {\"type\": \"object\", "
                                      "\"required\": [\"b\"], \"properties\": {\"b\": {\"type\": \"integer\"}}}}}}";
    begin();
    CHECK(passes(schema, "{\"a\": {\"b\": 1}}"));
    CHECK(passes(schema, "Here: {\"a\": {\"b\": 1, \"c\": \"}\"}} as asked"));
    CHECK(passes(schema, "Sure!\n```json\n{\"a\":\n {\"b\": 1.0}}\n```\nBye {x}"));
    CHECK(passes(schema, "```\n{\"a\": {\"b\": 7}}\n```"));
    CHECK(passes(schema, "first {\"a\": 1} then {\"a\": {\"b\": 2}}"));
    CHECK(!passes(schema, "{\"a\": {\"b\": 1.5}}"));
    CHECK(!passes(schema, "{\"a\": {\"b\": 1}"));
    CHECK(!passes(schema, "no JSON"));
    CHECK(!passes(schema, ""));
    CHECK(passes("\"jsonKeys\": {\"keys\": [\"a\", \"b\"], \"operator\": \"all\"}", "x {\"a\": {\"z\": 1}, \"b\": 2}"));
    CHECK(!passes("\"jsonKeys\": {\"keys\": [\"a\", \"b\"], \"operator\": \"all\"}", "{\"a\": {\"b\": 1}}"));
    CHECK(passes("\"jsonKeys\": {\"keys\": [\"b\", \"a\"]}", "{\"a\": 1}"));
    CHECK(!passes("\"jsonKeys\": {\"keys\": [\"a\"], \"operator\": \"none\"}", "{\"b\": 1} and {\"a\": 1}"));
    CHECK(passes("\"jsonKeys\": {\"keys\": [\"a\"], \"operator\": \"none\"}", "{\"b\": 1}"));
    CHECK(!passes("\"jsonKeys\": {\"keys\": [\"a\"], \"operator\": \"none\"}", "nothing"));
    REFUSED("[{\"jsonSchema\": {\"schema\": {\"type\": \"objekt\"}}}]", "type");
    REFUSED("[{\"jsonSchema\": {\"schema\": {\"unevaluatedProperties\": false}}}]", "not done here");
    REFUSED("[{\"jsonSchema\": {\"schema\": {\"$ref\": \"https://example.com/s\"}}}]", "a reference to something in this schema");
    REFUSED("[{\"jsonSchema\": {\"schema\": {\"pattern\": \"(\"}}}]", "a pattern");
    end();
}

TEST(brackets_without_end_do_not_take_for_ever)
{
    begin();
    size_t len = 1u << 20;
    char *text = malloc(len);
    memset(text, '{', len);
    int64_t before = clock_monotonic_ns();
    CHECK(!look("\"jsonKeys\": {\"keys\": [\"a\"]}", span_make(text, len), NULL).verdict);
    memset(text, '[', len / 2);
    memset(text + len / 2, ']', len / 2);
    CHECK(!look("\"jsonKeys\": {\"keys\": [\"a\"]}", span_make(text, len), NULL).verdict);
    for (size_t i = 0; i + 4 < len; i += 4)
        memcpy(text + i, "{\"a}", 4);
    CHECK(!look("\"jsonKeys\": {\"keys\": [\"a\"]}", span_make(text, len), NULL).verdict);
    CHECK(clock_monotonic_ns() - before < INT64_C(5000000000));
    /* a schema that branches without end */
    struct guard_result r = look("\"jsonSchema\": {\"schema\": {\"$defs\": {\"x\": {\"anyOf\": [{\"$ref\": \"#/$defs/x\"}, {\"$ref\": \"#/$defs/x\"}]}}, \"$ref\": \"#/$defs/x\"}}",
        SPAN("{}"), NULL);
    CHECK(!r.verdict && r.list[0].list[0].error.at);
    free(text);
    end();
}

TEST(models_types_and_metadata)
{
    struct guard_text t = { .model = SPAN("gpt-5"), .request_type = SPAN("chatComplete"), .metadata = SPAN("{\"team\": \"red\", \"n\": 1, \"no\": null}") };
    begin();
#define LOOK(check) (look(check, SPAN(""), &t).verdict)
    CHECK(LOOK("\"modelWhitelist\": {\"models\": [\"gpt-4\", \"gpt-5\"]}"));
    CHECK(!LOOK("\"default.modelwhitelist\": {\"models\": [\"gpt-4\"]}"));
    CHECK(LOOK("\"modelWhitelist\": {\"models\": [\"gpt-4\"], \"not\": true}"));
    CHECK(LOOK("\"modelRules\": {\"rules\": {\"defaults\": [\"x\"], \"metadata\": {\"team\": {\"red\": [\"gpt-5\"], \"blue\": [\"y\"]}}}}"));
    CHECK(!LOOK("\"modelRules\": {\"rules\": {\"defaults\": [\"gpt-5\"], \"metadata\": {\"team\": {\"red\": [\"gpt-4\"]}}}}"));
    CHECK(LOOK("\"modelRules\": {\"rules\": {\"defaults\": [\"gpt-5\"], \"metadata\": {\"team\": {\"blue\": [\"gpt-4\"]}}}}"));
    CHECK(LOOK("\"modelRules\": {\"rules\": {\"metadata\": {\"n\": {\"1\": [\"gpt-5\"]}}}}"));
    CHECK(!LOOK("\"modelRules\": {\"rules\": {\"metadata\": {\"x\": {\"1\": [\"gpt-5\"]}}}}"));
    CHECK(LOOK("\"allowedRequestTypes\": {\"allowedTypes\": [\"chatComplete\"]}"));
    CHECK(!LOOK("\"allowedRequestTypes\": {\"allowedTypes\": [\"embed\"]}"));
    CHECK(!LOOK("\"allowedRequestTypes\": {\"allowedTypes\": [\"chatComplete\"], \"blockedTypes\": [\"chatComplete\"]}"));
    CHECK(LOOK("\"allowedRequestTypes\": {\"blockedTypes\": [\"embed\"]}"));
    CHECK(LOOK("\"requiredMetadataKeys\": {\"metadataKeys\": [\"team\", \"n\"]}"));
    CHECK(!LOOK("\"requiredMetadataKeys\": {\"metadataKeys\": [\"team\", \"no\"]}"));
    CHECK(LOOK("\"requiredMetadataKeys\": {\"metadataKeys\": [\"team\", \"x\"], \"operator\": \"any\"}"));
    CHECK(LOOK("\"requiredMetadataKeys\": {\"metadataKeys\": [\"x\"], \"operator\": \"none\"}"));
    t = (struct guard_text){ .model = SPAN_NONE };
    CHECK(!LOOK("\"modelWhitelist\": {\"models\": [\"gpt-4\"]}"));
    CHECK(!LOOK("\"modelRules\": {\"rules\": {\"defaults\": [\"gpt-5\"]}}"));
    CHECK(!LOOK("\"allowedRequestTypes\": {\"blockedTypes\": [\"embed\"]}"));
    CHECK(!LOOK("\"requiredMetadataKeys\": {\"metadataKeys\": [\"team\"]}"));
#undef LOOK
    REFUSED("[{\"allowedRequestTypes\": {}}]", "allowedTypes");
    REFUSED("[{\"allowedRequestTypes\": {\"allowedTypes\": [\"chat\"]}}]", "chat");
    REFUSED("[{\"modelRules\": {\"rules\": {}}}]", "no model is named");
    end();
}

TEST(what_is_not_done_is_refused_by_name)
{
    begin();
    REFUSED("[{\"default.validUrls\": {}, \"deny\": true}]", "\"validUrls\" is not done here");
    REFUSED("[{\"jwt\": {\"jwksUri\": \"x\"}}]", "\"jwt\" is not done here");
    REFUSED("[{\"webhook\": {}}]", "\"webhook\" is not done here");
    REFUSED("[{\"portkey.pii\": {}}]", "a check of a partner");
    REFUSED("[{\"default.regexMach\": {}}]", "there is no check \"regexMach\"; allowed: regexMatch");
    REFUSED("[{\"deny\": true}]", "a guard without a check");
    REFUSED("[\"pg-stored-1\"]", "stored by Portkey");
    REFUSED("{\"notNull\": {}}", "a list of at most 16 guards");
    REFUSED("[{\"notNull\": {}, \"deny\": true, \"async\": true}]", "cannot deny");
    REFUSED("[{\"notNull\": {}, \"deny\": \"maybe\"}]", "deny");
    REFUSED("[{\"type\": \"guardrail\", \"checks\": [{\"parameters\": {}}]}]", "checks[0].id");
    REFUSED("[{\"type\": \"other\", \"checks\": []}]", "type");
    end();
}

TEST(both_forms_and_what_is_switched_off)
{
    struct trouble t;
    struct guard_piece piece = { .raw = SPAN("\"x\""), .text = SPAN("x"), .prose = true };
    struct guard_text text = { .pieces = &piece, .count = 1 };
    struct guard_result r;
    begin();
    text.json = parser;
    struct guard_set *s = set_of("[{\"type\": \"guardrail\", \"id\": \"raw\", \"deny\": true, \"sequential\": true, \"on_fail\": {\"feedback\": {\"value\": -5}}, "
                                 "\"checks\": [{\"id\": \"default.contains\", \"parameters\": {\"words\": [\"x\"]}}, {\"id\": \"notNull\"}, "
                                 "{\"id\": \"contains\", \"parameters\": {\"words\": [\"y\"]}, \"is_enabled\": false}]}, "
                                 "{\"contains\": {\"words\": [\"y\"]}, \"notNull\": {\"is_enabled\": false}}, {\"endsWith\": {\"suffix\": \"z\"}, \"async\": true}]", &t);
    CHECK(s != NULL);
    CHECK_INT(guard_count(s), 3);
    CHECK(guard_may_deny(s) && !guard_may_rewrite(s));
    CHECK(guard_run(s, &text, &arena, &r));
    CHECK(!r.denied && !r.verdict);
    CHECK_INT(r.count, 3);
    CHECK_INT(r.list[0].count, 2);
    CHECK(r.list[0].verdict && !r.list[1].verdict && !r.list[2].verdict);
    CHECK_SPAN(r.list[0].id, SPAN("raw"));
    CHECK_SPAN(r.list[1].list[0].check, SPAN("default.contains"));
    struct buf out;
    buf_init(&out, 1u << 20);
    guard_write_hooks(&r, NULL, &out);
    CHECK(span_starts(buf_span(&out), SPAN("{\"before_request_hooks\":[{\"verdict\":true,\"id\":\"raw\",\"transformed\":false,\"checks\":[{\"verdict\":true,")));
    CHECK(span_ends(buf_span(&out), SPAN("\"deny\":false}],\"after_request_hooks\":[]}")));
    buf_free(&out);
    CHECK(set_of("[]", &t) && guard_count(set_of("[]", &t)) == 0);
    end();
}

/* ---- bodies ---- */

static struct guard_result over(const char *list, const char *body, bool answer, struct span *rewritten)
{
    struct guard_text t = { .answer = answer };
    struct guard_result r = { .verdict = false };
    struct trouble trouble;
    struct buf b, out;
    buf_init(&b, 1u << 20);
    buf_init(&out, 1u << 20);
    buf_put(&b, span_of(body));
    CHECK_INT(guard_texts(parser, buf_span(&b), answer, &arena, &t), E_OK);
    t.answer = answer;
    t.json = parser;
    struct guard_set *s = set_of(list, &trouble);
    if (!s)
        test_fail(__FILE__, __LINE__, "%s: %s", list, trouble.text);
    else
        CHECK(guard_run(s, &t, &arena, &r));
    if (rewritten && s) {
        CHECK(guard_splice(buf_span(&b), &t, &r, &out));
        *rewritten = arena_copy(&arena, buf_span(&out));
    }
    buf_free(&b);
    buf_free(&out);
    return r;
}

static const char *const ban = "[{\"contains\": {\"words\": [\"SECRET\"], \"operator\": \"none\"}, \"deny\": true}]";

TEST(what_is_forbidden_is_found_anywhere_in_any_dialect)
{
    static const char *const bodies[] = {
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a SECRET\"},{\"role\":\"assistant\",\"content\":\"ok\"},{\"role\":\"user\",\"content\":\"hi\"}]}",
        "{\"messages\":[{\"role\":\"system\",\"content\":\"SECRET\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"},{\"type\":\"text\",\"text\":\"\\u0053ECRET\"}]}]}",
        "{\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"SECRET\"}]}",
        "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\\\"SECRET\\\"}\"}}]}]}",
        "{\"system\":\"SECRET\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
        "{\"system\":[{\"type\":\"text\",\"text\":\"SECRET\"}],\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":[{\"type\":\"text\",\"text\":\"SECRET\"}]}]}]}",
        "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\",\"input\":{\"type\":\"SECRET\"}}]}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"SECRET\"}}]}]}",
        "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"SECRET\"}]}]}",
        "{\"systemInstruction\":{\"parts\":[{\"text\":\"SECRET\"}]},\"contents\":[{\"parts\":[{\"text\":\"hi\"}]}]}",
        "{\"contents\":[{\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":{\"id\":\"SECRET\"}}}]}]}",
        "{\"input\":\"SECRET\"}", "{\"input\":[\"a\",\"SECRET\"]}", "{\"instructions\":\"SECRET\",\"input\":\"hi\"}",
        "{\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"1\",\"output\":\"SECRET\"}]}",
        "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"SECRET\"}]}]}",
        "{\"prompt\":\"SECRET\"}", "{\"prompt\":[\"a\",\"SECRET\"]}", "{\"query\":\"q\",\"documents\":[\"SECRET\"]}", "{\"query\":\"q\",\"documents\":[{\"text\":\"SECRET\"}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"SECRET\"}}]}",
        "{\"message\":\"hi\",\"chat_history\":[{\"role\":\"USER\",\"message\":\"SECRET\"}]}",
        "{\"content\":{\"parts\":[{\"text\":\"SECRET\"}]}}",
    };
    begin();
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        if (!over(ban, bodies[i], false, NULL).denied)
            test_fail(__FILE__, __LINE__, "passed: %s", bodies[i]);
    CHECK(!over(ban, "{\"model\":\"SECRET\",\"messages\":[{\"role\":\"SECRET\",\"content\":\"hi\"}],\"user\":\"SECRET\"}", false, NULL).denied);
    CHECK(!over(ban, "{\"messages\":[{\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"SECRET\"}},"
                     "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,SECRET\"}}]}]}", false, NULL).denied);
    end();
}

TEST(what_is_forbidden_is_found_in_answers)
{
    static const char *const bodies[] = {
        "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"ok\"}},{\"index\":1,\"message\":{\"content\":\"SECRET\"}}]}",
        "{\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"SECRET\"}}]}}]}",
        "{\"choices\":[{\"text\":\"SECRET\"}]}", "{\"content\":[{\"type\":\"text\",\"text\":\"SECRET\"}]}",
        "{\"content\":[{\"type\":\"thinking\",\"thinking\":\"SECRET\",\"signature\":\"s\"}]}",
        "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"SECRET\"}]}}]}",
        "{\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"SECRET\"}]}]}",
        "{\"text\":\"SECRET\"}", "{\"data\":[{\"b64_json\":\"AAAA\",\"revised_prompt\":\"SECRET\"}]}", "{\"message\":{\"content\":\"SECRET\"}}",
    };
    begin();
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        if (!over(ban, bodies[i], true, NULL).denied)
            test_fail(__FILE__, __LINE__, "passed: %s", bodies[i]);
    end();
}

TEST(what_is_demanded_is_demanded_of_the_newest_turn_and_of_every_choice)
{
    static const char *const wants = "[{\"contains\": {\"words\": [\"please\"]}, \"deny\": true}]";
    begin();
    CHECK(!over(wants, "{\"messages\":[{\"content\":\"be brief\"},{\"content\":\"one\"},{\"content\":\"two please\"}]}", false, NULL).denied);
    CHECK(over(wants, "{\"messages\":[{\"content\":\"please\"},{\"content\":\"two\"}]}", false, NULL).denied);
    CHECK(!over(wants, "{\"messages\":[{\"content\":[{\"type\":\"text\",\"text\":\"two\"},{\"type\":\"text\",\"text\":\"please\"}]}]}", false, NULL).denied);
    CHECK(!over("[{\"contains\": {\"words\": [\"please\"], \"texts\": \"any\"}, \"deny\": true}]", "{\"messages\":[{\"content\":\"please\"},{\"content\":\"two\"}]}", false, NULL).denied);
    CHECK(over("[{\"contains\": {\"words\": [\"please\"], \"texts\": \"every\"}, \"deny\": true}]", "{\"messages\":[{\"content\":\"please\"},{\"content\":\"two\"}]}", false, NULL).denied);
    CHECK(over(wants, "{\"choices\":[{\"message\":{\"content\":\"please\"}},{\"message\":{\"content\":\"no\"}}]}", true, NULL).denied);
    CHECK(over(wants, "{\"choices\":[]}", true, NULL).denied);
    /* too long an earlier text counts, too short a one does not */
    CHECK(over("[{\"wordCount\": {\"minWords\": 2, \"maxWords\": 3}, \"deny\": true}]", "{\"messages\":[{\"content\":\"a b c d\"},{\"content\":\"a b\"}]}", false, NULL).denied);
    CHECK(!over("[{\"wordCount\": {\"minWords\": 2, \"maxWords\": 3}, \"deny\": true}]", "{\"messages\":[{\"content\":\"a\"},{\"content\":\"a b\"}]}", false, NULL).denied);
    end();
}

TEST(what_is_replaced_is_replaced_in_place)
{
    static const char *const redact = "[{\"regexReplace\": {\"rule\": \"/\\\\d{3}-(\\\\d+)/g\", \"redactText\": \"<$1>\"}, \"deny\": true}]";
    struct span out;
    begin();
    struct guard_result r = over(redact, "{\"model\":\"123-45\",\"messages\":[{\"content\":\"a 123-45 b 678-9\"},{\"content\":[{\"type\":\"text\",\"text\":\"\\u0031\\u0032\\u0033-4\\n\"}]}],\"n\": 1}", false, &out);
    CHECK(r.verdict && r.rewritten && r.list[0].transformed && r.list[0].list[0].transformed);
    CHECK_SPAN(out, SPAN("{\"model\":\"123-45\",\"messages\":[{\"content\":\"a <45> b <9>\"},{\"content\":[{\"type\":\"text\",\"text\":\"<4>\\n\"}]}],\"n\": 1}"));
    r = over(redact, "{\"prompt\":\"nothing\"}", false, &out);
    CHECK(r.verdict && !r.rewritten);
    CHECK_SPAN(out, SPAN("{\"prompt\":\"nothing\"}"));
    r = over("[{\"regexReplace\": {\"rule\": \"x*\", \"redactText\": \"-\"}}]", "{\"prompt\":\"a\xc3\xa4xb\"}", false, &out);
    CHECK_SPAN(out, SPAN("{\"prompt\":\"-a-\xc3\xa4--b-\"}"));
    r = over("[{\"regexReplace\": {\"rule\": \"a\", \"redactText\": \"$&$$\"}}, {\"regexReplace\": {\"rule\": \"A\"}, \"deny\": true}]", "{\"prompt\":\"aA\"}", false, &out);
    CHECK_SPAN(out, SPAN("{\"prompt\":\"a$[REDACTED]\"}"));
    /* a later check of a sequential guard sees what was rewritten; another does not */
    r = over("[{\"regexReplace\": {\"rule\": \"SECRET\"}, \"contains\": {\"words\": [\"SECRET\"], \"operator\": \"none\"}, \"sequential\": true, \"deny\": true}]", "{\"prompt\":\"SECRET\"}", false, &out);
    CHECK(!r.denied);
    r = over("[{\"regexReplace\": {\"rule\": \"SECRET\"}, \"contains\": {\"words\": [\"SECRET\"], \"operator\": \"none\"}, \"deny\": true}]", "{\"prompt\":\"SECRET\"}", false, &out);
    CHECK(r.denied);
    r = over("[{\"regexReplace\": {\"rule\": \"SECRET\", \"failOnDetection\": true}, \"deny\": true}]", "{\"prompt\":\"SECRET\"}", false, &out);
    CHECK(r.denied);
    r = over("[{\"regexReplace\": {\"rule\": \"SECRET\"}, \"deny\": true}]", "{\"tools\":[{\"name\":\"SECRET\"}]}", false, &out);
    CHECK(r.denied);
    REFUSED("[{\"regexReplace\": {\"rule\": \"/a/y\"}}]", "a flag of a pattern");
    end();
}

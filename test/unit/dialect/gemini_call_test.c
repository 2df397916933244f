/* SPDX-License-Identifier: Apache-2.0
 * gemini_call_test.c - requests of generateContent to the neutral call and back; what cannot be said, and what is said otherwise. */
#include "dialect/signature.h"
#include "gemini_rig.h"
#include "test/test.h"

static struct gemini_rig r;

static const struct part *part_of(const struct turn *t, size_t n)
{
    const struct part *p = t ? t->parts : NULL;
    while (p && n--)
        p = p->next;
    return p;
}

TEST(gemini_request_read)
{
    gemini_rig_open(&r);
    CHECK_INT(gemini_rig_read(&r, gemini_rig_golden(&r, "request.json")), E_OK);
    const struct call *c = &r.call;
    const struct turn *system = c->turns, *user = system->next, *model = user->next, *results = model->next, *more = results->next;
    CHECK_INT(system->role, ROLE_SYSTEM);
    CHECK_SPAN(part_of(system, 1)->text, SPAN("\"Be kind.\""));
    CHECK_INT(part_of(user, 1)->kind, PART_IMAGE);
    CHECK_SPAN(part_of(user, 1)->media.type, SPAN("image/png"));
    CHECK_SPAN(part_of(user, 1)->media.data, SPAN("iVBORw0KGgo="));
    CHECK_INT(part_of(user, 2)->kind, PART_VIDEO);
    CHECK_SPAN(part_of(user, 2)->media.url, SPAN("\"https://example.com/v.mp4\""));
    CHECK_INT(part_of(user, 3)->kind, PART_DOCUMENT);
    CHECK(part_of(user, 3)->media.file_id.at && !part_of(user, 3)->media.url.at);
    CHECK_INT(part_of(model, 0)->kind, PART_THINKING);
    CHECK_SPAN(part_of(model, 0)->signature, SPAN("\"c2ln\""));
    CHECK_SPAN(part_of(model, 1)->arguments, SPAN("{\"q\":\"x\",\"n\":[1,2.5]}"));
    CHECK_SPAN(part_of(model, 1)->signature, SPAN("\"c2lnMg==\""));
    /* ids that were not said are made up, and the results find them by the name */
    CHECK(span_starts(part_of(model, 2)->id, SPAN("\"call_")));
    CHECK_SPAN(part_of(results, 0)->id, SPAN("\"a1\""));
    CHECK_SPAN(part_of(results, 1)->id, part_of(model, 2)->id);
    CHECK(!part_of(results, 0)->failed && part_of(results, 1)->failed);
    CHECK_SPAN(part_of(results, 0)->content->text, SPAN("\"found\""));
    CHECK_SPAN(part_of(results, 1)->content->text, SPAN("\"no \\u00fcse\""));
    /* contents of the model that follow each other are one turn, their texts one text */
    CHECK_SPAN(part_of(more, 0)->text, SPAN("\"Two things.\""));
    CHECK_INT(part_of(more, 1)->kind, PART_SERVER_TOOL);
    CHECK_SPAN(part_of(more, 2)->name, SPAN("\"codeExecutionResult\""));
    CHECK(more->next && !more->next->next);
    gemini_rig_close(&r);
}

TEST(gemini_request_read_settings)
{
    gemini_rig_open(&r);
    CHECK_INT(gemini_rig_read(&r, gemini_rig_golden(&r, "request.json")), E_OK);
    const struct call *c = &r.call;
    CHECK_SPAN(c->temperature, SPAN("0.5"));
    CHECK_SPAN(c->top_k, SPAN("40"));
    CHECK_INT(c->choices, 2);
    CHECK_INT(c->output_limit, 2000);
    CHECK(c->logprobs && c->top_logprobs == 3);
    CHECK_INT(c->format, FORMAT_SCHEMA);
    CHECK_SPAN(c->schema, SPAN("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}}}"));
    CHECK_INT(c->thinks, 1);
    CHECK_INT(c->thinking_limit, 1500);
    CHECK_INT(c->show_thoughts, 1);
    CHECK_INT(c->choice, CHOICE_NAMED);
    CHECK_SPAN(c->chosen, SPAN("\"look\""));
    CHECK_SPAN(c->tier, SPAN("flex"));
    CHECK_SPAN(c->metadata, SPAN("{\"team\":\"a\"}"));
    CHECK_SPAN(c->tools->schema, SPAN("{\"required\":[\"q\"],\"type\":\"object\",\"properties\":{\"q\":{\"type\":[\"string\",\"null\"]},\"n\":"
        "{\"type\":\"array\",\"items\":{\"type\":\"number\"},\"maxItems\":3}}}"));
    CHECK_INT(c->tools->next->next->kind, TOOL_WEB_SEARCH);
    CHECK_INT(c->tools->next->next->next->kind, TOOL_CODE_EXECUTION);
    CHECK_SPAN(c->tools->next->next->next->next->raw, SPAN("{\"urlContext\":{}}"));
    CHECK(!c->rest);
    gemini_rig_close(&r);
}

/* Another dialect's call: signatures without a mark are not Gemini's. */
TEST(gemini_request_written_again)
{
    gemini_rig_open(&r);
    CHECK_INT(gemini_rig_read(&r, gemini_rig_golden(&r, "request.json")), E_OK);
    CHECK_SPAN(gemini_rig_write(&r), gemini_rig_golden(&r, "request.again"));
    gemini_rig_close(&r);
}

TEST(gemini_snake_case_and_single_things)
{
    gemini_rig_open(&r);
    CHECK_SPAN(gemini_rig_again(&r, "{\"system_instruction\":{\"parts\":{\"text\":\"S\"}},\"contents\":{\"parts\":{\"text\":\"U\"}},\"generation_config\":"
        "{\"max_output_tokens\":5,\"top_p\":null},\"tools\":{\"function_declarations\":{\"name\":\"f\"}},\"tool_config\":{\"function_calling_config\":{\"mode\":\"NONE\"}}}"),
        SPAN("{\"systemInstruction\":{\"parts\":[{\"text\":\"S\"}]},\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"U\"}]}],\"tools\":"
        "[{\"functionDeclarations\":[{\"name\":\"f\"}]}],\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"NONE\"}},\"generationConfig\":{\"maxOutputTokens\":5}}"));
    gemini_rig_close(&r);
}

TEST(gemini_unknown_fields_are_kept_in_mind)
{
    static const char *const cases[][2] = {
        { "{\"cachedContent\":\"c\",\"contents\":[]}", "cachedContent" },
        { "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]},{\"parts\":[{\"text\":\"b\",\"newThing\":1}]}]}", "contents[1].parts[0].newThing" },
        { "{\"contents\":[{\"parts\":[],\"mood\":\"x\"}]}", "contents[0].mood" },
        { "{\"generationConfig\":{\"speechConfig\":{}}}", "generationConfig.speechConfig" },
        { "{\"generationConfig\":{\"responseModalities\":[\"TEXT\",\"IMAGE\"]}}", "generationConfig.responseModalities" },
        { "{\"generationConfig\":{\"thinkingConfig\":{\"new\":1}}}", "generationConfig.thinkingConfig.new" },
        { "{\"generationConfig\":{\"responseMimeType\":\"text/x.enum\"}}", "generationConfig.responseMimeType" },
        { "{\"tools\":[{},{\"functionDeclarations\":[{\"name\":\"f\",\"behavior\":\"NON_BLOCKING\"}]}]}", "tools[1].functionDeclarations[0].behavior" },
        { "{\"tools\":[{\"googleSearch\":{\"timeRangeFilter\":{}}}]}", "tools[0].timeRangeFilter" },
        { "{\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"VALIDATED\"}}}", "toolConfig.functionCallingConfig.mode" },
        { "{\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\",\"allowedFunctionNames\":[\"a\",\"b\"]}}}",
            "toolConfig.functionCallingConfig.allowedFunctionNames" },
    };
    gemini_rig_open(&r);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        CHECK_INT(gemini_rig_read(&r, span_of(cases[i][0])), E_OK);
        CHECK(r.call.rest && !r.call.rest->next);
        CHECK_SPAN(r.call.rest ? r.call.rest->path : SPAN_NONE, span_of(cases[i][1]));
        gemini_rig_write(&r);
        CHECK_INT(r.notes.unsayable_count, 1);
    }
    CHECK_INT(gemini_rig_read(&r, SPAN("{\"contents\":[],\"cachedContent\":null,\"generationConfig\":{\"responseModalities\":[\"TEXT\"],\"speechConfig\":null}}")), E_OK);
    CHECK(!r.call.rest);
    gemini_rig_close(&r);
}

TEST(gemini_requests_refused)
{
    static const char *const bodies[] = { "{\"contents\":[7]}", "{\"contents\":[{\"parts\":[7]}]}", "{\"contents\":[{\"role\":\"system\",\"parts\":[]}]}",
        "{\"contents\":[{\"parts\":[{\"text\":5}]}]}", "{\"contents\":[{\"parts\":[{\"functionCall\":{\"args\":{}}}]}]}",
        "{\"contents\":[{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":[]}}]}]}", "{\"contents\":[{\"parts\":[{\"inlineData\":{}}]}]}",
        "{\"contents\":[{\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":\"x\"}}]}]}", "{\"tools\":[7]}",
        "{\"tools\":[{\"functionDeclarations\":[{}]}]}", "{\"generationConfig\":{\"temperature\":\"0.5\"}}", "{\"generationConfig\":7}",
        "{\"generationConfig\":{\"stopSequences\":\"x\"}}", "{\"safetySettings\":{}}", "{\"labels\":[]}",
        "{\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":-2}}}" };
    gemini_rig_open(&r);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        CHECK_INT(gemini_rig_read(&r, span_of(bodies[i])), E_BAD_REQUEST);
        CHECK(r.why && *r.why);
    }
    CHECK_INT(gemini_rig_read(&r, SPAN("{\"contents\":[{\"parts\":[{\"text\":\"a\",\"text\":\"b\"}]}]}")), E_NOT_CANONICAL);
    CHECK_INT(gemini_rig_read(&r, SPAN("{\"generationConfig\":{\"topP\":1,\"top_p\":0}}")), E_NOT_CANONICAL);
    gemini_rig_close(&r);
}

TEST(gemini_function_responses)
{
    static const char *const cases[][2] = { { "{\"output\":{\"a\":1}}", "\"{\\\"a\\\":1}\"" }, { "{\"temperature\":3}", "\"{\\\"temperature\\\":3}\"" },
        { "{\"error\":{\"code\":5}}", "\"{\\\"code\\\":5}\"" }, { "{\"output\":\"x\",\"error\":null}", "\"x\"" }, { "{}", "\"{}\"" },
        { "{\"output\":\"x\",\"more\":1}", "\"{\\\"output\\\":\\\"x\\\",\\\"more\\\":1}\"" } };
    gemini_rig_open(&r);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char body[300];
        snprintf(body, sizeof(body), "{\"contents\":[{\"role\":\"function\",\"parts\":[{\"functionResponse\":{\"name\":\"f\",\"response\":%s}}]}]}", cases[i][0]);
        CHECK_INT(gemini_rig_read(&r, span_of(body)), E_OK);
        CHECK_SPAN(r.call.turns->parts->content->text, span_of(cases[i][1]));
        CHECK(r.call.turns->parts->failed == (i == 2));
    }
    gemini_rig_close(&r);
}

/* --- written from what others say --- */

static struct part *say(struct turn **turn, enum role role, enum part_kind kind, const char *text)
{
    *turn = call_turn(&r.call, role, &r.arena);
    struct part *p = part_add(&(*turn)->parts, kind, &r.arena);
    p->text = raw_quote(span_of(text), &r.arena);
    return p;
}

TEST(gemini_roles)
{
    struct turn *t;
    gemini_rig_open(&r);
    call_begin(&r.call);
    say(&t, ROLE_DEVELOPER, PART_TEXT, "D");
    say(&t, ROLE_USER, PART_TEXT, "U1");
    say(&t, ROLE_USER, PART_TEXT, "U2");
    say(&t, ROLE_SYSTEM, PART_TEXT, "S");
    say(&t, ROLE_ASSISTANT, PART_REFUSAL, "No");
    CHECK_SPAN(gemini_rig_write(&r), SPAN("{\"systemInstruction\":{\"parts\":[{\"text\":\"D\"},{\"text\":\"S\"}]},\"contents\":[{\"role\":\"user\",\"parts\":"
        "[{\"text\":\"U1\"},{\"text\":\"U2\"}]},{\"role\":\"model\",\"parts\":[{\"text\":\"No\"}]}]} adapted: messages[3].role"));
    gemini_rig_close(&r);
}

static void call_and_result(const char *signature)
{
    struct turn *t;
    call_begin(&r.call);
    say(&t, ROLE_USER, PART_TEXT, "U");
    t = call_turn(&r.call, ROLE_ASSISTANT, &r.arena);
    for (int i = 0; i < 2; i++) {
        struct part *p = part_add(&t->parts, PART_TOOL_CALL, &r.arena);
        p->id = i ? SPAN("\"b\"") : SPAN("\"a\"");
        p->name = SPAN("\"f\"");
        p->arguments = SPAN("{}");
        if (i == 0 && signature)
            p->signature = span_of(signature);
    }
    t = call_turn(&r.call, ROLE_USER, &r.arena);
    struct part *result = part_add(&t->parts, PART_TOOL_RESULT, &r.arena);
    result->id = SPAN("\"b\"");
    part_add(&result->content, PART_TEXT, &r.arena)->text = SPAN("\"one\"");
    struct part *picture = part_add(&result->content, PART_IMAGE, &r.arena);
    picture->media = (struct media){ .type = SPAN("image/png"), .data = SPAN("AAAA") };
    part_add(&result->content, PART_TEXT, &r.arena)->text = SPAN("\"two\"");
}

#define ASKED "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"U\"}]},{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":\"a\",\"name\":\"f\",\"args\":{}}"
#define SECOND "},{\"functionCall\":{\"id\":\"b\",\"name\":\"f\",\"args\":{}}}]},{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"id\":\"b\",\"name\":\"f\",\"response\":{\"output\":\"one\\ntwo\"}"
#define PICTURE "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AAAA\"}}"

TEST(gemini_functions_by_generation)
{
    gemini_rig_open(&r);
    call_and_result(NULL);
    CHECK_SPAN(gemini_rig_write(&r), SPAN(ASKED SECOND "}}," PICTURE "]}]} adapted: messages[2].content[0].content"));
    /* Gemini 3 refuses calls without a signature, and takes pictures inside */
    r.model = "gemini-3-pro-preview";
    call_and_result(NULL);
    CHECK_SPAN(gemini_rig_write(&r), SPAN(ASKED ",\"thoughtSignature\":\"skip_thought_signature_validator\"" SECOND ",\"parts\":[" PICTURE "]}}]}]}"));
    call_and_result("\"tg.gemini.c2ln\"");
    CHECK_SPAN(gemini_rig_write(&r), SPAN(ASKED ",\"thoughtSignature\":\"c2ln\"" SECOND ",\"parts\":[" PICTURE "]}}]}]}"));
    gemini_rig_close(&r);
}

TEST(gemini_thoughts_of_others)
{
    struct turn *t;
    gemini_rig_open(&r);
    call_begin(&r.call);
    say(&t, ROLE_ASSISTANT, PART_THINKING, "Claude's")->signature = SPAN("\"tg.anthropic_messages.x\"");
    say(&t, ROLE_ASSISTANT, PART_THINKING, "ours")->signature = SPAN("\"tg.gemini.y\"");
    say(&t, ROLE_ASSISTANT, PART_THINKING, "")->signature = SPAN("\"tg.gemini.z\"");
    part_add(&t->parts, PART_TEXT, &r.arena)->text = SPAN("\"T\"");
    CHECK_SPAN(gemini_rig_write(&r), SPAN("{\"contents\":[{\"role\":\"model\",\"parts\":[{\"text\":\"ours\",\"thought\":true,\"thoughtSignature\":\"y\"},"
        "{\"text\":\"T\",\"thoughtSignature\":\"z\"}]}]} adapted: messages[0].thinking"));
    gemini_rig_close(&r);
}

TEST(gemini_thinking_by_generation)
{
    static const struct {
        const char *model, *effort, *want;
    } cases[] = {
        { "gemini-2.5-flash", "low", "{\"contents\":[],\"generationConfig\":{\"maxOutputTokens\":10000,\"thinkingConfig\":{\"thinkingBudget\":2000}}} adapted: reasoning_effort" },
        { "gemini-2.5-flash", "none", "{\"contents\":[],\"generationConfig\":{\"maxOutputTokens\":10000,\"thinkingConfig\":{\"thinkingBudget\":0}}} adapted: reasoning_effort" },
        { "gemini-3-pro", "low", "{\"contents\":[],\"generationConfig\":{\"maxOutputTokens\":10000,\"thinkingConfig\":{\"thinkingLevel\":\"LOW\"}}}" },
        { "gemini-3-pro", "max", "{\"contents\":[],\"generationConfig\":{\"maxOutputTokens\":10000,\"thinkingConfig\":{\"thinkingLevel\":\"HIGH\"}}} adapted: reasoning_effort" },
        { "gemini-3-pro", "none", "{\"contents\":[],\"generationConfig\":{\"maxOutputTokens\":10000,\"thinkingConfig\":{\"thinkingLevel\":\"MINIMAL\"}}} adapted: reasoning_effort" },
    };
    gemini_rig_open(&r);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        call_begin(&r.call);
        r.call.output_limit = 10000;
        r.call.effort = span_of(cases[i].effort);
        r.model = cases[i].model;
        CHECK_SPAN(gemini_rig_write(&r), span_of(cases[i].want));
    }
    call_begin(&r.call);
    r.call.thinks = 1;
    r.call.thinking_limit = 3000;
    CHECK_SPAN(gemini_rig_write(&r), SPAN("{\"contents\":[],\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":3000,\"includeThoughts\":true}}}"));
    gemini_rig_close(&r);
}

TEST(gemini_unsayable)
{
    gemini_rig_open(&r);
    call_begin(&r.call);
    r.call.temperature = SPAN("2.5");
    r.call.parallel_tools = 0;
    r.call.verbosity = SPAN("low");
    r.call.store = 1;
    r.call.tier = SPAN("batch");
    r.call.metadata = SPAN("{\"Team\":\"x\"}");
    r.call.stops = SPAN("[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]");
    r.call.user = SPAN("\"u\"");
    r.call.cache_key = SPAN("\"k\"");
    CHECK_SPAN(gemini_rig_write(&r), SPAN("{\"contents\":[]} unsayable: temperature Gemini takes 0 to 2, stop Gemini takes 5 at most, metadata, service_tier, store,"
        " verbosity adapted: user, prompt_cache_key, parallel_tool_calls"));
    gemini_rig_close(&r);
}

TEST(gemini_media_of_others)
{
    struct turn *t;
    gemini_rig_open(&r);
    call_begin(&r.call);
    say(&t, ROLE_USER, PART_IMAGE, "")->media = (struct media){ .url = SPAN("\"https://e.com/a.webp?x=1\""), .detail = SPAN("high") };
    part_add(&t->parts, PART_DOCUMENT, &r.arena)->media = (struct media){ .file_id = SPAN("\"file-123\"") };
    part_add(&t->parts, PART_DOCUMENT, &r.arena)->media = (struct media){ .plain_text = SPAN("\"plain\"") };
    part_add(&t->parts, PART_IMAGE, &r.arena)->media = (struct media){ .data = SPAN("AA\\/A"), .type = SPAN("image/gif") };
    CHECK_SPAN(gemini_rig_write(&r), SPAN("{\"contents\":[{\"role\":\"user\",\"parts\":[{\"fileData\":{\"mimeType\":\"image/webp\",\"fileUri\":\"https://e.com/a.webp?x=1\"}},"
        "{\"text\":\"plain\"},{\"inlineData\":{\"mimeType\":\"image/gif\",\"data\":\"AA\\/A\"}}]}]}"
        " unsayable: messages[0].content[1] a file of another vendor's: send it inline adapted: messages[0].content[0].detail"));
    gemini_rig_close(&r);
}

TEST(gemini_schemas)
{
    static const char *const cases[][2] = {
        { "{\"type\":\"OBJECT\",\"properties\":{\"b\":{\"type\":\"STRING\"},\"a\":{\"type\":\"BOOLEAN\"},\"c\":{}},\"propertyOrdering\":[\"a\",\"b\",\"gone\"]}",
            "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"boolean\"},\"b\":{\"type\":\"string\"},\"c\":{}}}" },
        { "{\"type\":\"STRING\",\"format\":\"enum\",\"enum\":[\"x\"],\"nullable\":true}", "{\"type\":[\"string\",\"null\"],\"enum\":[\"x\",null]}" },
        { "{\"any_of\":[{\"type\":\"STRING\"},{\"type\":\"INTEGER\"}],\"nullable\":true}", "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"integer\"},{\"type\":\"null\"}]}" },
        { "{\"type\":\"ARRAY\",\"items\":{\"type\":\"NUMBER\",\"minimum\":0},\"min_items\":\"1\",\"maxItems\":2,\"example\":[1]}",
            "{\"type\":\"array\",\"examples\":[[1]],\"items\":{\"minimum\":0,\"type\":\"number\"},\"maxItems\":2,\"minItems\":1}" },
        { "{\"type\":\"TYPE_UNSPECIFIED\",\"title\":\"t\",\"default\":{\"type\":\"STRING\"}}", "{\"title\":\"t\",\"default\":{\"type\":\"STRING\"}}" },
        { "{\"type\":[\"string\",\"null\"],\"$ref\":\"#/$defs/x\",\"$defs\":{\"x\":{\"type\":\"INTEGER\"}},\"additionalProperties\":false}",
            "{\"$ref\":\"#/$defs/x\",\"type\":[\"string\",\"null\"],\"$defs\":{\"x\":{\"type\":\"integer\"}},\"additionalProperties\":false}" },
    };
    gemini_rig_open(&r);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        CHECK_SPAN(gemini_schema(span_of(cases[i][0]), &r.arena), span_of(cases[i][1]));
    gemini_rig_close(&r);
}

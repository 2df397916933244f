/* SPDX-License-Identifier: Apache-2.0
 * front_test.c - the gate's own paths, one for each dialect. */
#include "flow/front.h"

#include "test/test.h"
#include "vendor/vendor.h"

static const struct front *find(const char *method, const char *path, struct span *model)
{
    return front_match(span_of(method), span_of(path), model);
}

TEST(front_knows_each_dialects_path)
{
    static const struct {
        const char *path, *dialect;
    } rows[] = { { "/v1/chat/completions", "openai_chat" }, { "/chat/completions", "openai_chat" }, { "/v1/responses", "openai_responses" },
        { "/v1/messages", "anthropic_messages" }, { "/v1beta/openai/chat/completions", "openai_chat" }, { "/v1/embeddings", "openai_embeddings" },
        { "/embeddings", "openai_embeddings" }, { "/v1/audio/speech", "openai_speech" }, { "/v1/rerank", "rerank" } };
    struct span model;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct front *f = find("POST", rows[i].path, &model);
        CHECK(f && !strcmp(f->dialect, rows[i].dialect) && !model.at);
        CHECK(!find("GET", rows[i].path, &model) || find("GET", rows[i].path, &model)->kind != f->kind);
    }
}

TEST(front_takes_geminis_model_from_the_path)
{
    struct span model;
    const struct front *f = find("POST", "/v1beta/models/gemini-2.5-pro:generateContent", &model);
    CHECK(f && f->kind == FRONT_CALL && !f->streams && span_is(model, SPAN("gemini-2.5-pro")));
    f = find("POST", "/v1beta/models/groq/llama-3.3-70b-versatile:streamGenerateContent", &model);
    CHECK(f && f->streams && span_is(model, SPAN("groq/llama-3.3-70b-versatile")));
    f = find("POST", "/v1beta/models/gpt-4o:countTokens", &model);
    CHECK(f && f->kind == FRONT_COUNT && span_is(model, SPAN("gpt-4o")));
    CHECK(!find("POST", "/v1beta/models/:generateContent", &model));
    CHECK(!find("POST", "/v1beta/models/x:batchEmbedContents", &model));
}

TEST(front_lists_models)
{
    struct span model;
    CHECK(find("GET", "/v1/models", &model)->kind == FRONT_MODELS && find("GET", "/models", &model)->kind == FRONT_MODELS);
    CHECK(find("GET", "/v1/models/gpt-4o", &model)->kind == FRONT_MODEL && span_is(model, SPAN("gpt-4o")));
    CHECK(!strcmp(find("GET", "/v1beta/models", &model)->dialect, "gemini"));
}

TEST(front_keeps_its_own_answers_apart)
{
    struct span id;
    CHECK(find("GET", "/v1/responses/resp_call_38g0", &id)->kind == FRONT_STATE && span_is(id, SPAN("38g0")));
    CHECK(find("GET", "/v1/responses/resp_call_38g0/input_items", &id)->kind == FRONT_STATE && span_is(id, SPAN("38g0")));
    CHECK(find("DELETE", "/v1/responses/resp_call_38g0", &id)->kind == FRONT_STATE);
    CHECK(!find("GET", "/v1/responses/resp_68a1b2", &id)); /* a vendor's */
    CHECK(!find("GET", "/v1/charges", &id) && !find("DELETE", "/v1/models/x", &id));
}

/* "/v1/..." is found without its version, too. */
TEST(front_paths_are_no_vendors)
{
    struct span path, step;
    size_t i = 0;
    for (; (path = front_path(i)).at; i++) {
        struct span rest = span_from(path, 1);
        if (!span_next(&rest, '/', &step) || vendor_name_is_free(step))
            test_fail(__FILE__, __LINE__, "%.*s", SPAN_ARG(path));
        if (span_is(step, SPAN("v1")) && span_next(&rest, '/', &step) && vendor_name_is_free(step))
            test_fail(__FILE__, __LINE__, "%.*s", SPAN_ARG(path));
    }
    CHECK(i > 20);
    CHECK(!vendor_name_is_free(SPAN("r")) && !vendor_name_is_free(SPAN("hooks")) && !vendor_name_is_free(SPAN("tollgate")));
    CHECK(vendor_name_is_free(SPAN("openai")) && vendor_name_is_free(SPAN("v0")));
}

/* SPDX-License-Identifier: Apache-2.0
 * front.c - see front.h. */
#include "flow/front.h"

#include "flow/job_read.h"

static const struct front fronts[] = {
    { FRONT_CALL, "POST", "/v1/chat/completions", NULL, "openai_chat", false },
    { FRONT_CALL, "POST", "/v1/responses", NULL, "openai_responses", false },
    { FRONT_CALL, "POST", "/v1/messages", NULL, "anthropic_messages", false },
    { FRONT_COUNT, "POST", "/v1/messages/count_tokens", NULL, "anthropic_messages", false },
    { FRONT_CALL, "POST", "/v1beta/openai/chat/completions", NULL, "openai_chat", false },
    { FRONT_PAID, "POST", "/v1beta/openai/embeddings", NULL, "openai_embeddings", false },
    { FRONT_MODELS, "GET", "/v1beta/openai/models", NULL, "openai_chat", false },
#define GEMINI(version)                                                                                                           \
    { FRONT_CALL, "POST", version "/models/", ":generateContent", "gemini", false },                                              \
    { FRONT_CALL, "POST", version "/models/", ":streamGenerateContent", "gemini", true },                                         \
    { FRONT_COUNT, "POST", version "/models/", ":countTokens", "gemini", false }
    GEMINI("/v1beta"),
    GEMINI("/v1alpha"),
    GEMINI("/v1"),
#undef GEMINI
    { FRONT_MODELS, "GET", "/v1beta/models", NULL, "gemini", false },
    { FRONT_MODEL, "GET", "/v1beta/models/", "", "gemini", false },
    { FRONT_PAID, "POST", "/v1/completions", NULL, "openai_completions", false },
    { FRONT_PAID, "POST", "/v1/embeddings", NULL, "openai_embeddings", false },
    { FRONT_PAID, "POST", "/v1/images/generations", NULL, "openai_images", false },
    { FRONT_PAID, "POST", "/v1/images/edits", NULL, "openai_images", false },
    { FRONT_PAID, "POST", "/v1/images/variations", NULL, "openai_images", false },
    { FRONT_PAID, "POST", "/v1/audio/speech", NULL, "openai_speech", false },
    { FRONT_PAID, "POST", "/v1/audio/transcriptions", NULL, "openai_transcriptions", false },
    { FRONT_PAID, "POST", "/v1/audio/translations", NULL, "openai_transcriptions", false },
    { FRONT_PAID, "POST", "/v1/moderations", NULL, "openai_moderations", false },
    { FRONT_PAID, "POST", "/v1/rerank", NULL, "rerank", false },
    { FRONT_PAID, "POST", "/v2/rerank", NULL, "rerank", false },
    { FRONT_PAID, "POST", "/v1/videos", NULL, "openai_videos", false },
    { FRONT_JOB, "GET", "/v1/videos/", "", "openai_chat", false },
    { FRONT_STATE, "GET", "/v1/responses/resp_call_", "/input_items", "openai_responses", false },
    { FRONT_STATE, "GET", "/v1/responses/resp_call_", "", "openai_responses", false },
    { FRONT_STATE, "DELETE", "/v1/responses/resp_call_", "", "openai_responses", false },
    { FRONT_MODELS, "GET", "/v1/models", NULL, "openai_chat", false },
    { FRONT_MODEL, "GET", "/v1/models/", "", "openai_chat", false },
};

static bool between(struct span path, struct span begin, struct span end, struct span *model)
{
    if (path.len <= begin.len + end.len || !span_starts(path, begin) || !span_ends(path, end))
        return false;
    *model = span_make(path.at + begin.len, path.len - begin.len - end.len);
    return true;
}

static bool matches(const struct front *f, struct span path, struct span *model)
{
    struct span whole = span_of(f->path), bare = span_from(whole, 3);
    if (f->end)
        return between(path, whole, span_of(f->end), model) && (f->kind != FRONT_JOB || job_id_ok(*model));
    return span_is(path, whole) || (span_starts(whole, SPAN("/v1/")) && span_is(path, bare)); /* a base URL without /v1 */
}

const struct front *front_match(struct span method, struct span path, struct span *model)
{
    *model = SPAN_NONE;
    for (size_t i = 0; i < sizeof(fronts) / sizeof(*fronts); i++)
        if (span_is(method, span_of(fronts[i].method)) && matches(&fronts[i], path, model))
            return &fronts[i];
    return NULL;
}

struct span front_path(size_t i) { return i < sizeof(fronts) / sizeof(*fronts) ? span_of(fronts[i].path) : SPAN_NONE; }

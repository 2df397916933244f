/* SPDX-License-Identifier: Apache-2.0
 * gemini_embeddings.c - Google's embeddings: embedContent and batchEmbedContents of the Gemini API, predict of Vertex AI. Metered only.
 *
 * The model stands in the path. The Gemini API does not say what it counted; Vertex AI says it with each prediction. */
#include "dialect/answer.h"
#include "dialect/ask.h"
#include "dialect/dialects.h"
#include "dialect/gemini.h"

enum { CONTENT, CONTENTS, REQUESTS, INSTANCES, TOP_NAMES };
static const struct span top_names[] = { [CONTENT] = { "content", 7 }, [CONTENTS] = { "contents", 8 }, [REQUESTS] = { "requests", 8 },
    [INSTANCES] = { "instances", 9 }, [TOP_NAMES] = { NULL, 0 } };

/* A text is bounded by its bytes; a picture or a file (multimodal models) is weighed, or cannot be. */
static void weigh_instance(struct ask *ask, struct span instance, struct arena *a)
{
    static const struct span media[] = { { "image", 5 }, { "video", 5 }, { "audio", 5 }, { NULL, 0 } };
    for (size_t i = 0; media[i].at; i++)
        if (gemini_member(instance, media[i], a).at)
            ask->input_unbounded = true;
}

static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct span v[TOP_NAMES], item;
    enum err e = gemini_pick_body(j, body, top_names, v, a, NULL, NULL, why);
    if (e)
        return e;
    *out = (struct ask){ .usage_wanted = true, .choices = 1, .input_most = (int64_t)body.len + ASK_OVERHEAD };
    gemini_weigh_contents(out, v[CONTENT], a);
    gemini_weigh_contents(out, v[CONTENTS], a);
    struct gemini_list requests = gemini_list(v[REQUESTS], a), instances = gemini_list(v[INSTANCES], a);
    while (gemini_next(&requests, &item))
        gemini_weigh_contents(out, gemini_member(item, SPAN("content"), a), a);
    while (gemini_next(&instances, &item))
        weigh_instance(out, item, a);
    return E_OK;
}

static void edit_ask(struct json *j, struct span body, const struct ask_edit *edit, struct buf *out)
{
    (void)j;
    (void)edit; /* it has no output limit */
    buf_put(out, body);
}

/* The sum of predictions[].embeddings.statistics.token_count; -1: none says it. */
static int64_t predicted_tokens(struct span predictions, struct arena *a)
{
    struct gemini_list list = gemini_list(predictions, a);
    int64_t sum = -1, n;
    for (struct span item; gemini_next(&list, &item);) {
        struct span statistics = gemini_member(gemini_member(item, SPAN("embeddings"), a), SPAN("statistics"), a);
        struct span count = gemini_member(statistics, SPAN("tokenCount"), a);
        if (raw_kind(count) == JSON_NUMBER && json_raw_integer(count, &n) && n >= 0 && n < INT64_C(1) << 40)
            sum = (sum < 0 ? 0 : sum) + n;
    }
    return sum;
}

static void read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    struct member m[] = { { .name = SPAN("usageMetadata") }, { .name = SPAN("predictions") } };
    answer_clear(u);
    if (!member_find(j, body, m, 2, NULL))
        return;
    gemini_read_usage(m[0].raw, a, u);
    int64_t tokens = u->known ? -1 : predicted_tokens(m[1].raw, a);
    if (tokens < 0)
        return;
    u->known = true;
    u->tokens[METER_IN] = u->input_total = tokens;
}

const struct dialect dialect_gemini_embeddings = {
    .name = "gemini_embeddings",
    .read_ask = read_ask,
    .edit_ask = edit_ask,
    .read_usage = read_usage,
};

/* SPDX-License-Identifier: Apache-2.0
 * video_job_test.c - a video's job in one set of words: states, whole numbers, one form of error. The rest of OpenAI's object stays. */
#include "dialect/video_job.h"

#include "test/test.h"

/* The slack that readers want stands behind the body. */
static bool become(bool google, const char *body, const char *expected)
{
    struct arena a;
    struct buf in, out;
    struct json *j = json_new();
    arena_init(&a, 1 << 16);
    buf_init(&in, 1 << 16);
    buf_init(&out, 1 << 16);
    buf_put(&in, span_of(body));
    bool good = google ? video_job_of_operation(j, buf_span(&in), SPAN("models/veo/operations/o1"), 1790000000123, &a, &out) : video_job_write(j, buf_span(&in), &a, &out);
    bool same = expected ? good && span_is(buf_span(&out), span_of(expected)) : !good;
    buf_free(&in);
    buf_free(&out);
    arena_free(&a);
    json_free(j);
    return same;
}

TEST(openais_job_has_four_states)
{
    CHECK(become(false, "{\"id\":\"v\",\"status\":\"queued\",\"progress\":0,\"error\":null}", "{\"id\":\"v\",\"status\":\"queued\",\"progress\":0,\"error\":null}"));
    CHECK(become(false, "{\"status\":\"running\",\"progress\":\"33%\",\"seconds\":\"4\"}", "{\"seconds\":\"4\",\"status\":\"in_progress\",\"progress\":33,\"error\":null}"));
    CHECK(become(false, "{\"status\":\"completed\",\"progress\":12}", "{\"status\":\"completed\",\"progress\":100,\"error\":null}"));
    CHECK(become(false, "{\"status\":\"in_progress\",\"progress\":900}", "{\"status\":\"in_progress\",\"progress\":100,\"error\":null}"));
    CHECK(become(false, "{\"status\":\"in_progress\",\"progress\":-5}", "{\"status\":\"in_progress\",\"progress\":0,\"error\":null}"));
    CHECK(become(false, "{\"status\":\"failed\"}", "{\"status\":\"failed\",\"progress\":0,\"error\":{\"code\":\"failed\",\"message\":\"the job failed; its vendor does not say why\"}}"));
    CHECK(become(false, "{\"status\":\"expired\",\"error\":{\"message\":\"too late\"}}", "{\"status\":\"failed\",\"progress\":0,\"error\":{\"code\":\"expired\",\"message\":\"too late\"}}"));
    CHECK(become(false, "[1]", NULL));
    CHECK(become(false, "{\"status\":", NULL));
}

TEST(googles_operation_is_told_so_too)
{
#define HEAD "{\"id\":\"models:veo:operations:o1\",\"object\":\"video\",\"model\":\"veo\","
    CHECK(become(true, "{\"name\":\"x\"}", HEAD "\"status\":\"in_progress\",\"progress\":0,\"created_at\":1790000000,\"error\":null}"));
    CHECK(become(true, "{\"done\":false,\"metadata\":{\"progressPercent\":7}}", HEAD "\"status\":\"in_progress\",\"progress\":7,\"created_at\":1790000000,\"error\":null}"));
    CHECK(become(true, "{\"done\":true,\"error\":{\"code\":3,\"message\":\"no\"}}",
        HEAD "\"status\":\"failed\",\"progress\":0,\"created_at\":1790000000,\"error\":{\"code\":\"invalid_argument\",\"message\":\"no\"}}"));
    CHECK(become(true, "{\"done\":true,\"response\":{}}",
        HEAD "\"status\":\"failed\",\"progress\":0,\"created_at\":1790000000,\"error\":{\"code\":\"content_filtered\",\"message\":\"no video was given: the vendor's filters held it back\"}}"));
    CHECK(become(true, "{\"done\":true,\"response\":{\"generateVideoResponse\":{\"generatedSamples\":[{\"video\":{\"uri\":\"https://a/b\"}},{\"video\":{}}]}}}",
        HEAD "\"status\":\"completed\",\"progress\":100,\"created_at\":1790000000,\"error\":null,\"results\":[{\"url\":\"https://a/b\"}]}"));
    CHECK(become(true, "7", NULL));
#undef HEAD
}

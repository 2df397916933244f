/* SPDX-License-Identifier: Apache-2.0
 * pieces_test.c - text completions, moderations, ranking, videos. */
#include "dialect/job.h"
#include "pieces_rig.h"

static struct rig r;

TEST(completions_are_as_many_as_prompts_times_tries)
{
    dialect_rig_open(&r, "openai_completions");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"gpt-3.5-turbo-instruct\",\"prompt\":[\"a\",\"b\"],\"n\":2,\"best_of\":3,\"max_tokens\":7}"), E_OK);
    CHECK_INT(r.ask.choices, 6);
    CHECK_INT(r.ask.output_limit, 7);
    CHECK(!r.ask.pieces);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"prompt\":[1,2,3]}"), E_OK);
    CHECK_INT(r.ask.choices, 1);
    CHECK_INT(r.ask.output_limit, -1);
    CHECK_INT(r.ask.usual_limit, 16);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"prompt\":[[1,2],[3]],\"echo\":true}"), E_OK);
    CHECK_INT(r.ask.choices, 2);
    CHECK(r.ask.output_extra > 0);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}"), E_OK);
    CHECK(r.ask.stream && r.ask.usage_wanted);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"n\":1.5}"), E_BAD_REQUEST);
    dialect_rig_close(&r);
}

static void check_edit(int line, const char *body, struct ask_edit edit, const char *want)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    CHECK_INT(dialect_rig_ask(&r, body), E_OK);
    r.dialect->edit_ask(r.json, buf_span(&r.body), &edit, &out);
    if (!span_is(buf_span(&out), span_of(want)))
        test_fail(__FILE__, line, "got %.*s, want %s", SPAN_ARG(buf_span(&out)), want);
    buf_free(&out);
}
#define EDIT(body, want, ...) check_edit(__LINE__, body, (struct ask_edit){ __VA_ARGS__ }, want)

TEST(completions_are_edited_in_place)
{
    dialect_rig_open(&r, "openai_completions");
    EDIT("{\"model\":\"m\",\"prompt\":\"x\"}", "{\"max_tokens\":16,\"model\":\"m\",\"prompt\":\"x\"}", .output_limit = 16);
    EDIT("{\"model\":\"m\",\"max_tokens\":null}", "{\"model\":\"m\",\"max_tokens\":16}", .output_limit = 16);
    EDIT("{\"model\":\"m\",\"stream\":true}", "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\",\"stream\":true}", .output_limit = -1, .include_usage = true);
    EDIT("{\"model\":\"m\",\"stream_options\":{}}", "{\"model\":\"m\",\"stream_options\":{\"include_usage\":true}}", .output_limit = -1, .include_usage = true);
    EDIT("{\"model\":\"m\"}", "{\"model\":\"other\"}", .output_limit = -1, .model = SPAN("other"));
    dialect_rig_close(&r);
}

TEST(completions_tell_their_usage)
{
    static const char head[] = "data: {\"id\":\"c\",\"object\":\"text_completion\",\"model\":\"gpt-3.5-turbo-instruct\",\"choices\":[{\"text\":\"Hello\",\"index\":0}],\"usage\":null}\n\n";
    static const char tail[] = "data: {\"id\":\"c\",\"model\":\"gpt-3.5-turbo-instruct\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7,\"total_tokens\":12}}\n\n";
    char all[600], seen[600];
    dialect_rig_open(&r, "openai_completions");
    dialect_rig_usage(&r, "{\"model\":\"gpt-3.5-turbo-instruct\",\"choices\":[{\"text\":\"x\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7,\"total_tokens\":12}}");
    CHECK_INT(pieces_rig_cost(&r, "gpt-3.5-turbo-instruct"), 5 * 1500 + 7 * 2000);
    snprintf(all, sizeof(all), "%s%sdata: [DONE]\n\n", head, tail);
    snprintf(seen, sizeof(seen), "%sdata: [DONE]\n\n", head);
    dialect_rig_stream(&r, span_of(all), false);
    CHECK(r.meter.finished && r.meter.usage.known);
    CHECK_INT(r.meter.usage.tokens[METER_OUT], 7);
    CHECK_INT(r.meter.output_bytes, 5);
    CHECK_SPAN(r.meter.usage.model, SPAN("gpt-3.5-turbo-instruct"));
    CHECK_SPAN(buf_span(&r.shown), span_of(seen));
    dialect_rig_stream(&r, span_of(all), true);
    CHECK_SPAN(buf_span(&r.shown), span_of(all));
    dialect_rig_close(&r);
}

TEST(moderations_cost_nothing_where_they_are_free)
{
    dialect_rig_open(&r, "openai_moderations");
    CHECK_INT(dialect_rig_ask(&r, "{\"input\":\"x\"}"), E_OK);
    CHECK_SPAN(r.ask.model, SPAN("omni-moderation-latest"));
    pieces_rig_measure(&r, "omni-moderation-latest", "{\"id\":\"modr-1\",\"model\":\"omni-moderation-latest\",\"results\":[{\"flagged\":false}]}", 0);
    CHECK(r.usage.known && r.usage.estimated);
    CHECK_INT(pieces_rig_cost(&r, "omni-moderation-latest"), 0);
    pieces_rig_measure(&r, "omni-moderation-latest", "{\"model\":\"m\",\"results\":[],\"usage\":{\"prompt_tokens\":9,\"total_tokens\":9,\"completion_tokens\":0}}", 0);
    CHECK(r.usage.known && !r.usage.estimated);
    CHECK_INT(r.usage.tokens[METER_IN], 9);
    dialect_rig_close(&r);
}

static int64_t searches(int documents)
{
    static char body[64000];
    int at = snprintf(body, sizeof(body), "{\"model\":\"rerank-v3.5\",\"query\":\"q\",\"documents\":[");
    for (int i = 0; i < documents; i++)
        at += snprintf(body + at, sizeof(body) - (size_t)at, "%s\"short\"", i ? "," : "");
    snprintf(body + at, sizeof(body) - (size_t)at, "]}");
    CHECK_INT(dialect_rig_ask(&r, body), E_OK);
    return r.ask.fees[FEE_SEARCH];
}

TEST(a_search_ranks_up_to_a_hundred_documents)
{
    dialect_rig_open(&r, "rerank");
    CHECK_INT(searches(0), 1);
    CHECK_INT(searches(100), 1);
    CHECK_INT(searches(101), 2);
    CHECK(r.ask.input_most > (int64_t)r.body.len);
    dialect_rig_usage(&r, "{\"id\":\"1\",\"results\":[{\"index\":0,\"relevance_score\":0.9}],\"meta\":{\"api_version\":{\"version\":\"2\"},\"billed_units\":{\"search_units\":2}}}");
    CHECK(r.usage.known && r.usage.fees[FEE_SEARCH] == 2);
    CHECK_SPAN(r.usage.raw, SPAN("{\"api_version\":{\"version\":\"2\"},\"billed_units\":{\"search_units\":2}}"));
    dialect_rig_usage(&r, "{\"object\":\"list\",\"data\":[],\"model\":\"rerank-2.5\",\"usage\":{\"total_tokens\":26}}");
    CHECK_INT(r.usage.tokens[METER_IN], 26);
    CHECK_SPAN(r.usage.model, SPAN("rerank-2.5"));
    dialect_rig_usage(&r, "{\"results\":[]}");
    CHECK(!r.usage.known);
    dialect_rig_close(&r);
}

TEST(videos_cost_their_seconds_when_they_are_done)
{
    dialect_rig_open(&r, "openai_videos");
    CHECK_INT(dialect_rig_ask(&r, "{\"prompt\":\"x\"}"), E_OK);
    CHECK_SPAN(r.ask.model, SPAN("sora-2"));
    CHECK_INT(r.ask.fees[FEE_VIDEO_SECOND], 4);
    CHECK_SPAN(r.ask.size, SPAN("720x1280"));
    CHECK_INT(dialect_rig_ask(&r, "{\"prompt\":\"x\",\"model\":\"sora-2-pro\",\"seconds\":\"12\",\"size\":\"1792x1024\"}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_VIDEO_SECOND], 12);
    CHECK_INT(dialect_rig_ask(&r, "{\"prompt\":\"x\",\"seconds\":8}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_VIDEO_SECOND], 8);
    CHECK_INT(dialect_rig_ask(&r, "{\"prompt\":\"x\",\"seconds\":\"all day\"}"), E_BAD_REQUEST);
    CHECK_INT(dialect_rig_ask(&r, "{\"prompt\":\"x\",\"seconds\":-4}"), E_BAD_REQUEST);
    CHECK_INT(pieces_rig_form(&r, SPAN(FORM_FIELD("prompt", "x") FORM_FIELD("model", "sora-2-pro") FORM_FIELD("seconds", "12") FORM_FILE("input_reference", "PNG") FORM_END)), E_OK);
    CHECK_INT(r.ask.fees[FEE_VIDEO_SECOND], 12);
    dialect_rig_usage(&r, "{\"id\":\"video_1\",\"object\":\"video\",\"status\":\"completed\",\"model\":\"sora-2-pro\",\"seconds\":\"12\",\"size\":\"1792x1024\",\"error\":null}");
    CHECK(r.usage.known);
    CHECK_INT(pieces_rig_cost(&r, "sora-2-pro"), INT64_C(6000000000));
    dialect_rig_usage(&r, "{\"id\":\"video_1\",\"status\":\"failed\",\"model\":\"sora-2-pro\",\"seconds\":\"12\",\"size\":\"1792x1024\",\"error\":{\"code\":\"x\",\"message\":\"y\"}}");
    CHECK(r.usage.known);
    CHECK_INT(pieces_rig_cost(&r, "sora-2-pro"), 0);
    dialect_rig_usage(&r, "{\"id\":\"video_1\",\"status\":\"in_progress\",\"model\":\"sora-2\",\"seconds\":\"12\"}");
    CHECK(!r.usage.known);
    dialect_rig_usage(&r, "{\"id\":\"video_1\",\"status\":\"completed\",\"model\":\"sora-2\"}");
    CHECK(!r.usage.known);
    dialect_rig_close(&r);
}

TEST(pages_are_those_that_are_named_or_as_many_as_a_document_may_have)
{
    dialect_rig_open(&r, "mistral_ocr");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"mistral-ocr-2512\",\"document\":{\"type\":\"document_url\",\"document_url\":\"https://x/a.pdf\"}}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_PAGE], 1000);
    CHECK_INT(r.ask.fees[FEE_ANNOTATION_PAGE], 0);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"document\":{\"type\":\"document_url\"},\"pages\":[0,1,7],\"document_annotation_format\":{\"type\":\"json_schema\"}}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_PAGE], 3);
    CHECK_INT(r.ask.fees[FEE_ANNOTATION_PAGE], 3);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"document\":{\"type\":\"image_url\",\"image_url\":\"https://x/a.png\"}}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_PAGE], 1);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"m\",\"pages\":\"0-4\"}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_PAGE], 1000);
    dialect_rig_usage(&r, "{\"pages\":[],\"model\":\"mistral-ocr-2512\",\"usage_info\":{\"pages_processed\":29,\"doc_size_bytes\":123}}");
    CHECK(r.usage.known && r.usage.fees[FEE_PAGE] == 29);
    CHECK_SPAN(r.usage.model, SPAN("mistral-ocr-2512"));
    dialect_rig_usage(&r, "{\"pages\":[]}");
    CHECK(!r.usage.known);
    dialect_rig_close(&r);
}

TEST(veo_is_asked_for_in_parameters)
{
    dialect_rig_open(&r, "gemini_videos");
    CHECK_INT(dialect_rig_ask(&r, "{\"instances\":[{\"prompt\":\"a hat\"}]}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_VIDEO_SECOND], 8);
    CHECK_SPAN(r.ask.size, SPAN("1280x720"));
    CHECK_INT(dialect_rig_ask(&r, "{\"instances\":[{\"prompt\":\"a hat\"}],\"parameters\":{\"durationSeconds\":\"6\",\"sampleCount\":2,\"resolution\":\"1080p\",\"aspectRatio\":\"9:16\"}}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_VIDEO_SECOND], 12);
    CHECK_SPAN(r.ask.size, SPAN("1920x1080"));
    CHECK_INT(dialect_rig_ask(&r, "{\"parameters\":{\"durationSeconds\":0}}"), E_BAD_REQUEST);
    CHECK_INT(dialect_rig_ask(&r, "{\"parameters\":{\"sampleCount\":1.5}}"), E_BAD_REQUEST);
    dialect_rig_usage(&r, "{\"name\":\"models/veo/operations/1\",\"done\":true}");
    CHECK(!r.usage.known);
    dialect_rig_close(&r);
}

TEST(a_batch_names_its_file_and_tells_its_usage_when_it_is_over)
{
    dialect_rig_open(&r, "openai_batches");
    CHECK_INT(dialect_rig_ask(&r, "{\"input_file_id\":\"file-1\",\"endpoint\":\"/v1/responses\",\"completion_window\":\"24h\"}"), E_OK);
    CHECK_SPAN(r.ask.job_input, SPAN("file-1"));
    CHECK_INT(dialect_rig_ask(&r, "{\"endpoint\":\"/v1/responses\"}"), E_BAD_REQUEST);
    dialect_rig_usage(&r, "{\"id\":\"batch_1\",\"status\":\"completed\",\"model\":\"gpt-4o-mini-2024-07-18\",\"usage\":{\"input_tokens\":60,\"input_tokens_details\":"
        "{\"cached_tokens\":10},\"output_tokens\":90,\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":150}}");
    CHECK(r.usage.known);
    CHECK_SPAN(r.usage.tier, SPAN("batch"));
    CHECK_INT(r.usage.tokens[METER_CACHE_READ], 10);
    CHECK_INT(r.usage.tokens[METER_OUT], 90);
    dialect_rig_usage(&r, "{\"status\":\"finalizing\",\"usage\":{\"input_tokens\":60,\"output_tokens\":90}}");
    CHECK(!r.usage.known);
    dialect_rig_usage(&r, "{\"status\":\"failed\",\"errors\":{}}");
    CHECK(r.usage.known && r.usage.tokens[METER_IN] == 0);
    dialect_rig_usage(&r, "{\"status\":\"expired\",\"request_counts\":{\"total\":2,\"completed\":0,\"failed\":0}}");
    CHECK(r.usage.known);
    dialect_rig_usage(&r, "{\"status\":\"expired\",\"request_counts\":{\"total\":2,\"completed\":1,\"failed\":0}}");
    CHECK(!r.usage.known);
    dialect_rig_close(&r);
}

TEST(vendors_words_for_a_job_come_to_one_set_of_states)
{
    CHECK(job_state(SPAN("queued")) == JOB_QUEUED && job_state(SPAN("submitted")) == JOB_QUEUED);
    CHECK(job_state(SPAN("in_progress")) == JOB_IN_PROGRESS && job_state(SPAN("who knows")) == JOB_IN_PROGRESS);
    CHECK(job_state(SPAN("SUCCEEDED")) == JOB_COMPLETED && job_state(SPAN("completed")) == JOB_COMPLETED);
    CHECK(job_state(SPAN("failed")) == JOB_FAILED && job_state(SPAN("JOB_STATE_FAILED")) == JOB_FAILED);
    CHECK(job_state(SPAN("canceled")) == JOB_CANCELLED && job_state(SPAN("expired")) == JOB_EXPIRED);
    CHECK(!job_is_over(JOB_QUEUED) && !job_is_over(JOB_IN_PROGRESS) && job_is_over(JOB_EXPIRED));
}

/* SPDX-License-Identifier: Apache-2.0
 * images_test.c - pictures: what they can cost, and what they did, by token and by picture. */
#include "pieces_rig.h"

static struct rig r;

TEST(pictures_are_bounded_by_number_size_and_quality)
{
    dialect_rig_open(&r, "openai_images");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"dall-e-3\",\"prompt\":\"a hat\",\"n\":2,\"size\":\"1792x1024\",\"quality\":\"hd\"}"), E_OK);
    CHECK(r.ask.pieces);
    CHECK_INT(r.ask.fees[FEE_IMAGE_UNIT], 2);
    CHECK_SPAN(r.ask.size, SPAN("1792x1024"));
    CHECK_SPAN(r.ask.quality, SPAN("hd"));
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"gpt-image-1\",\"prompt\":\"a hat\",\"quality\":\"low\",\"stream\":true,\"partial_images\":3}"), E_OK);
    CHECK(r.ask.stream);
    CHECK_INT(r.ask.output_limit, 512 + 300);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"gpt-image-2\",\"prompt\":\"a hat\",\"size\":\"3840x2160\"}"), E_OK);
    CHECK_INT(r.ask.output_limit, 6 * 8192);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"flux\",\"prompt\":\"a hat\",\"width\":768,\"height\":512}"), E_OK);
    CHECK_SPAN(r.ask.size, SPAN("768x512"));
    dialect_rig_close(&r);
}

TEST(a_picture_s_model_may_be_left_out_only_where_it_is_sure)
{
    dialect_rig_open(&r, "openai_images");
    CHECK_INT(dialect_rig_ask(&r, "{\"prompt\":\"a hat\",\"model\":null}"), E_OK);
    CHECK_SPAN(r.ask.model, SPAN("dall-e-2"));
    CHECK_INT(dialect_rig_ask(&r, "{\"prompt\":\"a hat\",\"background\":\"opaque\"}"), E_OK);
    CHECK(!r.ask.model.len);
    CHECK_INT(dialect_rig_ask(&r, "{\"prompt\":\"a hat\",\"quality\":\"low\"}"), E_OK);
    CHECK(!r.ask.model.len);
    CHECK_INT(pieces_rig_form(&r, SPAN(FORM_FILE("image", "PNG") FORM_END)), E_OK);
    CHECK_SPAN(r.ask.model, SPAN("dall-e-2"));
    CHECK_INT(pieces_rig_form(&r, SPAN(FORM_FILE("image", "PNG") FORM_FIELD("prompt", "x") FORM_END)), E_OK);
    CHECK_SPAN(r.ask.model, SPAN("gpt-image-1.5"));
    dialect_rig_close(&r);
}

TEST(edits_count_the_pictures_they_are_given)
{
    dialect_rig_open(&r, "openai_images");
    CHECK_INT(pieces_rig_form(&r, SPAN(FORM_FILE("image[]", "PNG") FORM_FILE("image[]", "PNG") FORM_FILE("mask", "PNG")
        FORM_FIELD("model", "gpt-image-1") FORM_FIELD("prompt", "a hat") FORM_FIELD("n", "2") FORM_FIELD("quality", "medium") FORM_END)), E_OK);
    CHECK_SPAN(r.ask.model, SPAN("gpt-image-1"));
    CHECK_INT(r.ask.choices, 2);
    CHECK_INT(r.ask.output_limit, 2048);
    CHECK_INT(r.ask.fees[FEE_IMAGE_SEEN], 3);
    CHECK(r.ask.input_most >= 3 * 8192 && r.ask.input_most < 3 * 8192 + 300);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"gpt-image-1\",\"prompt\":\"a\",\"images\":[{\"image_url\":\"data:image/png;base64,AAAAAAAA\"},{\"file_id\":\"f1\"}]}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_IMAGE_SEEN], 2);
    CHECK_INT(pieces_rig_form(&r, SPAN(FORM_FIELD("model", "a") FORM_FIELD("model", "b") FORM_END)), E_NOT_CANONICAL);
    CHECK_INT(pieces_rig_form(&r, SPAN(FORM_FIELD("Model", "a") FORM_END)), E_NOT_CANONICAL);
    CHECK_INT(pieces_rig_form(&r, SPAN(FORM_FILE("model", "a") FORM_END)), E_NOT_CANONICAL);
    CHECK_INT(pieces_rig_form(&r, SPAN(FORM_FIELD("n", "two") FORM_END)), E_BAD_REQUEST);
    dialect_rig_close(&r);
}

TEST(pitfall_30_a_picture_without_usage_has_its_price_by_size_and_quality)
{
    dialect_rig_open(&r, "openai_images");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"dall-e-3\",\"prompt\":\"x\",\"size\":\"1792x1024\",\"quality\":\"hd\"}"), E_OK);
    pieces_rig_measure(&r, "dall-e-3", "{\"created\":1,\"data\":[{\"url\":\"https://x\",\"revised_prompt\":\"y\"}]}", 0);
    CHECK(r.usage.known && !r.usage.estimated);
    CHECK_INT(pieces_rig_cost(&r, "dall-e-3"), 120000000);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"dall-e-2\",\"prompt\":\"x\",\"n\":3,\"size\":\"256x256\"}"), E_OK);
    pieces_rig_measure(&r, "dall-e-2", "{\"created\":1,\"data\":[{\"b64_json\":\"AA==\"},{\"b64_json\":\"BB==\"},{\"b64_json\":\"CC==\"}]}", 0);
    CHECK_INT(pieces_rig_cost(&r, "dall-e-2"), 48000000);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"dall-e-3\",\"prompt\":\"x\"}"), E_OK); /* its defaults */
    pieces_rig_measure(&r, "dall-e-3", "{\"data\":[{\"url\":\"https://x\"}]}", 0);
    CHECK_INT(pieces_rig_cost(&r, "dall-e-3"), 40000000);
    pieces_rig_measure(&r, "dall-e-3", "{\"error\":{\"message\":\"no\"}}", 0);
    CHECK(!r.usage.known);
    dialect_rig_close(&r);
}

TEST(pictures_by_token_are_told_apart_from_text)
{
    dialect_rig_open(&r, "openai_images");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"gpt-image-1\",\"prompt\":\"x\"}"), E_OK);
    pieces_rig_measure(&r, "gpt-image-1",
        "{\"created\":1,\"background\":\"opaque\",\"data\":[{\"b64_json\":\"AA==\"}],\"size\":\"1024x1024\",\"quality\":\"low\",\"usage\":{\"input_tokens\":70,"
        "\"input_tokens_details\":{\"image_tokens\":40,\"text_tokens\":30},\"output_tokens\":272,\"total_tokens\":342}}", 0);
    CHECK(r.usage.known && !r.usage.estimated);
    CHECK_INT(r.usage.tokens[METER_IMAGE_IN], 40);
    CHECK_INT(r.usage.tokens[METER_IN], 30);
    CHECK_INT(r.usage.tokens[METER_IMAGE_OUT], 272);
    CHECK_INT(pieces_rig_cost(&r, "gpt-image-1"), 40 * 10000 + 30 * 5000 + 272 * 40000);
    pieces_rig_measure(&r, "gpt-image-1.5", /* its text has another price than its pictures */
        "{\"data\":[{\"b64_json\":\"AA==\"}],\"usage\":{\"input_tokens\":30,\"input_tokens_details\":{\"image_tokens\":0,\"text_tokens\":30},"
        "\"output_tokens\":300,\"output_tokens_details\":{\"image_tokens\":272,\"text_tokens\":28},\"total_tokens\":330}}", 0);
    CHECK_INT(pieces_rig_cost(&r, "gpt-image-1.5"), 30 * 5000 + 272 * 32000 + 28 * 10000);
    dialect_rig_close(&r);
}

TEST(streamed_pictures_tell_their_usage_at_their_end)
{
    static const char events[] =
        "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"AAAA\",\"partial_image_index\":0}\n\n"
        "event: image_generation.completed\ndata: {\"type\":\"image_generation.completed\",\"b64_json\":\"BBBB\",\"size\":\"1024x1024\",\"quality\":\"low\","
        "\"usage\":{\"input_tokens\":10,\"input_tokens_details\":{\"image_tokens\":0,\"text_tokens\":10},\"output_tokens\":372,\"total_tokens\":382}}\n\n";
    dialect_rig_open(&r, "openai_images");
    dialect_rig_stream(&r, span_of(events), true);
    CHECK(r.meter.finished && !r.meter.failed && r.meter.usage.known);
    CHECK_INT(r.meter.usage.tokens[METER_IMAGE_OUT], 372);
    CHECK_INT(r.meter.usage.fees[FEE_IMAGE_UNIT], 1);
    CHECK_SPAN(r.meter.usage.quality, SPAN("low"));
    CHECK_SPAN(buf_span(&r.shown), span_of(events));
    dialect_rig_stream(&r, SPAN("data: {\"type\":\"image_edit.partial_image\",\"b64_json\":\"AAAA\"}\n\n"), true);
    CHECK(!r.meter.finished && !r.meter.usage.known);
    dialect_rig_stream(&r, SPAN("data: {\"type\":\"error\",\"error\":{\"message\":\"blocked\"}}\n\n"), true);
    CHECK(r.meter.failed);
    dialect_rig_close(&r);
}

TEST(the_model_of_a_form_can_be_another)
{
    struct buf out;
    const struct ask_edit edit = { .model = SPAN("gpt-image-2"), .output_limit = -1 };
    dialect_rig_open(&r, "openai_images");
    buf_init(&out, 1 << 20);
    r.dialect->edit_form(SPAN(FORM_TYPE), SPAN(FORM_FIELD("model", "old") FORM_FILE("image", "PNG") FORM_END), &r.arena, &edit, &out);
    CHECK_SPAN(buf_span(&out), SPAN(FORM_FIELD("model", "gpt-image-2") FORM_FILE("image", "PNG") FORM_END));
    buf_clear(&out);
    r.dialect->edit_form(SPAN(FORM_TYPE), SPAN(FORM_FILE("image", "PNG") FORM_END), &r.arena, &edit, &out);
    CHECK_SPAN(buf_span(&out), SPAN(FORM_FILE("image", "PNG") FORM_FIELD("model", "gpt-image-2") FORM_END));
    buf_clear(&out);
    r.dialect->edit_form(SPAN(FORM_TYPE), SPAN("--b1\r\n"), &r.arena, &edit, &out);
    CHECK(out.broken);
    buf_free(&out);
    dialect_rig_close(&r);
}

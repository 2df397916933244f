/* SPDX-License-Identifier: Apache-2.0
 * gemini_embeddings_test.c - metering of embedContent, batchEmbedContents and Vertex AI's predict. */
#include "rig.h"
#include "test/test.h"

static struct rig r;

TEST(gemini_embeddings_ask)
{
    dialect_rig_open(&r, "gemini_embeddings");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"models/gemini-embedding-001\",\"content\":{\"parts\":[{\"text\":\"What is it?\"}]},\"taskType\":\"RETRIEVAL_QUERY\"}"), E_OK);
    CHECK(!r.ask.input_unbounded && !r.ask.model.at);
    CHECK_INT(r.ask.output_limit, 0);
    CHECK(r.ask.input_most >= 110 && r.ask.input_most < 400);
    CHECK_INT(dialect_rig_ask(&r, "{\"requests\":[{\"model\":\"m\",\"content\":{\"parts\":{\"text\":\"a\"}}},{\"content\":{\"parts\":[{\"fileData\":{\"fileUri\":\"gs://x\"}}]}}]}"), E_OK);
    CHECK(r.ask.input_unbounded);
    CHECK_INT(dialect_rig_ask(&r, "{\"content\":{\"parts\":[{\"inline_data\":{\"mime_type\":\"image/png\",\"data\":\"AAAA\"}}]}}"), E_OK);
    CHECK(!r.ask.input_unbounded && r.ask.input_most > 8192);
    CHECK_INT(dialect_rig_ask(&r, "{\"instances\":[{\"content\":\"a\"},{\"image\":{\"gcsUri\":\"gs://x\"}}]}"), E_OK);
    CHECK(r.ask.input_unbounded);
    CHECK_INT(dialect_rig_ask(&r, "{\"requests\":["), E_BAD_REQUEST);
    CHECK_INT(dialect_rig_ask(&r, "{\"Content\":{}}"), E_NOT_CANONICAL);
    dialect_rig_close(&r);
}

TEST(gemini_embeddings_usage)
{
    dialect_rig_open(&r, "gemini_embeddings");
    dialect_rig_usage(&r, "{\"embedding\":{\"values\":[0.1,-2e-3]}}");
    CHECK(!r.usage.known);
    dialect_rig_usage(&r, "{\"embeddings\":[{\"values\":[0.1]}]}");
    CHECK(!r.usage.known);
    dialect_rig_usage(&r, "{\"predictions\":[{\"embeddings\":{\"statistics\":{\"truncated\":false,\"token_count\":6},\"values\":[0.1]}},"
        "{\"embeddings\":{\"statistics\":{\"tokenCount\":4}}}]}");
    CHECK(r.usage.known);
    CHECK_INT(r.usage.tokens[METER_IN], 10);
    CHECK_INT(r.usage.input_total, 10);
    dialect_rig_usage(&r, "{\"embedding\":{\"values\":[]},\"usageMetadata\":{\"promptTokenCount\":3}}");
    CHECK_INT(r.usage.tokens[METER_IN], 3);
    dialect_rig_close(&r);
}

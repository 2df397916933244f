/* SPDX-License-Identifier: Apache-2.0
 * openai_embeddings.c - vectors that depend on the text only: the same text has the same vector, and nothing more is meant. */
#include "sandbox/openai.h"

#include "base/text.h"

enum { INPUTS_MOST = 2048, SMALL = 1536, LARGE = 3072 };

struct embedding {
    struct span model;
    int64_t dimensions;
    bool base64;
};

/* The n-th value: from a hash, between -0.05 and 0.05, in millionths. */
static int value_of(struct span text, int64_t n) { return (int)(span_hash(text, (uint64_t)n * 0x9E3779B97F4A7C15u + 1) % 100000) - 50000; }

static void put_numbers(struct play *p, const struct embedding *e, struct span text)
{
    json_open(&p->json, '[');
    for (int64_t i = 0; i < e->dimensions; i++) {
        int v = value_of(text, i), size = v < 0 ? -v : v;
        buf_print(&p->out, "%s%s0.%06d", i ? "," : "", v < 0 ? "-" : "", size);
    }
    p->json.comma = true;
    json_close(&p->json, ']');
}

/* 32-bit floats, little end first, as the official clients ask for. */
static void put_packed(struct play *p, const struct embedding *e, struct span text)
{
    uint8_t *bytes = arena_take_array(p->arena, 4, (size_t)e->dimensions);
    for (int64_t i = 0; bytes && i < e->dimensions; i++) {
        float value = (float)value_of(text, i) / 1000000.0f;
        uint32_t bits;
        memcpy(&bits, &value, sizeof(bits));
        for (int k = 0; k < 4; k++)
            bytes[i * 4 + k] = (uint8_t)(bits >> (8 * k));
    }
    buf_put_byte(&p->out, '"');
    if (bytes)
        buf_put_base64(&p->out, span_make((const char *)bytes, (size_t)e->dimensions * 4));
    buf_put_byte(&p->out, '"');
    p->json.comma = true;
}

static void put_one(struct play *p, const struct embedding *e, struct json_value input, int64_t index)
{
    struct buf text;
    buf_init(&text, PLAY_ANSWER);
    json_print(input, &text);
    json_open(&p->json, '{');
    json_pair(&p->json, SPAN("object"), SPAN("embedding"));
    json_pair_i64(&p->json, SPAN("index"), index);
    json_name(&p->json, SPAN("embedding"));
    if (e->base64)
        put_packed(p, e, buf_span(&text));
    else
        put_numbers(p, e, buf_span(&text));
    json_close(&p->json, '}');
    buf_free(&text);
}

/* A list of numbers is one text in tokens. */
static bool is_one(struct json_value input)
{
    return json_kind(input) == JSON_STRING || (json_count(input) && json_kind(json_path(input, SPAN("0"))) == JSON_NUMBER);
}

static void put_all(struct play *p, const struct embedding *e, struct json_value input)
{
    int64_t index = 0;
    struct span name;
    struct json_value item;
    json_name(&p->json, SPAN("data"));
    json_open(&p->json, '[');
    if (is_one(input))
        put_one(p, e, input, 0);
    for (struct json_iter it = json_iter(input); !is_one(input) && json_next(&it, &name, &item);)
        put_one(p, e, item, index++);
    json_close(&p->json, ']');
}

void openai_embeddings(struct play *p)
{
    struct json_value body = play_json(p), input = json_member(body, SPAN("input"));
    struct embedding e = { .model = json_string(json_member(body, SPAN("model"))), .dimensions = speech_limit(body, "dimensions") };
    if (!e.model.len || json_count(input) > INPUTS_MOST || (!is_one(input) && !json_count(input)) || e.dimensions > LARGE) {
        openai_fail(p, 400, "invalid_request", "An embedding needs `model` and `input` (at most 2,048 texts, 3,072 dimensions)");
        return;
    }
    if (e.dimensions < 0)
        e.dimensions = span_ends(e.model, SPAN("-large")) ? LARGE : SMALL;
    e.base64 = span_is(json_string(json_member(body, SPAN("encoding_format"))), SPAN("base64"));
    int64_t tokens = speech_tokens(input);
    json_open(&p->json, '{');
    json_pair(&p->json, SPAN("object"), SPAN("list"));
    put_all(p, &e, input);
    json_pair(&p->json, SPAN("model"), e.model);
    json_name(&p->json, SPAN("usage"));
    json_open(&p->json, '{');
    json_pair_i64(&p->json, SPAN("prompt_tokens"), tokens);
    json_pair_i64(&p->json, SPAN("total_tokens"), tokens);
    json_close(&p->json, '}');
    json_close(&p->json, '}');
}

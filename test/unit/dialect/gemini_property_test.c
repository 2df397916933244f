/* SPDX-License-Identifier: Apache-2.0
 * gemini_property_test.c - what holds for any request, answer and stream of Gemini's: said again they mean the same, cut at any byte they
 * are refused or cut off and never whole, unknown members do no harm. */
#include "gemini_rig.h"
#include "test/test.h"

static struct gemini_rig r;

/* --- generated requests --- */

static uint64_t seed;

static uint32_t pick(uint32_t most)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32) % most;
}

static const char *word(void)
{
    static const char *const words[] = { "a", "\\\"quoted\\\"", "l\xc3\xb6we", "\\u20ac", "two\\nlines", "\\\\", "{", "]" };
    return words[pick(sizeof(words) / sizeof(*words))];
}

static void put_part(struct buf *b, bool model, int *calls)
{
    switch (pick(model ? 3 : 5)) {
    case 0:
    case 1:
        buf_print(b, "{\"text\":\"%s %s\"}", word(), word());
        return;
    case 2:
        if (model)
            buf_print(b, "{\"functionCall\":{\"id\":\"c%d\",\"name\":\"f\",\"args\":{\"x\":\"%s\",\"y\":[%u,null,{}]}}}", (*calls)++, word(), pick(9));
        else
            buf_print(b, "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"iVBOR/+=\"}}");
        return;
    case 3:
        buf_print(b, "{\"fileData\":{\"mimeType\":\"image/jpeg\",\"fileUri\":\"https://e.com/%u.jpg\"}}", pick(9));
        return;
    default:
        if (*calls)
            buf_print(b, "{\"functionResponse\":{\"id\":\"c%d\",\"name\":\"f\",\"response\":{\"%s\":\"%s\"}}}", *calls - 1, pick(2) ? "output" : "error", word());
        else
            buf_print(b, "{\"text\":\"%s\"}", word());
        return;
    }
}

static void put_content(struct buf *b, bool model, int *calls)
{
    buf_print(b, "{\"role\":\"%s\",\"parts\":[", model ? "model" : "user");
    for (uint32_t n = 1 + pick(4); n > 0; n--) {
        put_part(b, model, calls);
        if (n > 1)
            buf_put_byte(b, ',');
    }
    buf_put(b, SPAN("]}"));
}

static void put_config(struct buf *b)
{
    buf_put(b, SPAN(",\"generationConfig\":{\"maxOutputTokens\":"));
    buf_print(b, "%u", 1 + pick(9999));
    if (pick(2))
        buf_print(b, ",\"temperature\":%u.%u", pick(2), pick(10));
    if (pick(2))
        buf_print(b, ",\"topK\":%u,\"seed\":%u", pick(40), pick(1000));
    if (pick(2))
        buf_put(b, SPAN(",\"stopSequences\":[\"x\",\"\\\"\"]"));
    if (pick(3) == 0)
        buf_put(b, SPAN(",\"responseMimeType\":\"application/json\",\"responseSchema\":{\"type\":\"STRING\",\"nullable\":true}"));
    if (pick(3) == 0)
        buf_print(b, ",\"thinkingConfig\":{\"thinkingBudget\":%u,\"includeThoughts\":%s}", pick(4000), pick(2) ? "true" : "false");
    buf_put_byte(b, '}');
}

static void put_request(struct buf *b)
{
    int calls = 0;
    buf_clear(b);
    buf_put(b, SPAN("{\"contents\":["));
    for (uint32_t n = 1 + pick(6), i = 0; i < n; i++) {
        if (i)
            buf_put_byte(b, ',');
        put_content(b, i % 2 == 1, &calls);
    }
    buf_put_byte(b, ']');
    if (pick(2))
        buf_print(b, ",\"systemInstruction\":{\"parts\":[{\"text\":\"%s\"}]}", word());
    if (pick(2))
        buf_print(b, ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"description\":\"%s\",\"parameters\":{\"type\":\"OBJECT\",\"properties\":"
                     "{\"x\":{\"type\":\"STRING\"}}}}]}%s]", word(), pick(2) ? ",{\"googleSearch\":{}}" : "");
    if (pick(4))
        put_config(b);
    buf_put_byte(b, '}');
}

/* What was said again says the same when it is said once more; no text is lost on the way. */
TEST(gemini_requests_said_again)
{
    struct buf request, once;
    buf_init(&request, 1 << 20);
    buf_init(&once, 1 << 20);
    gemini_rig_open(&r);
    for (int i = 0; i < 2000; i++) {
        seed = 0x9e3779b97f4a7c15u * (uint64_t)(i + 1);
        put_request(&request);
        gemini_rig_clear(&r);
        CHECK_INT(gemini_rig_read(&r, buf_span(&request)), E_OK);
        CHECK(!r.call.rest);
        buf_clear(&once);
        buf_put(&once, gemini_rig_write(&r));
        CHECK_INT(r.notes.unsayable_count + r.notes.adapted_count, 0);
        CHECK_INT(gemini_rig_read(&r, buf_span(&once)), E_OK);
        CHECK_SPAN(gemini_rig_write(&r), buf_span(&once));
    }
    gemini_rig_close(&r);
    buf_free(&request);
    buf_free(&once);
}

/* --- cut at every byte --- */

TEST(gemini_requests_cut)
{
    struct arena names;
    arena_init(&names, 1 << 22);
    gemini_rig_open(&r);
    struct span whole = arena_copy(&names, gemini_rig_golden(&r, "request.json"));
    for (size_t n = 0; n < whole.len; n++) {
        gemini_rig_clear(&r);
        CHECK_INT(gemini_rig_read(&r, span_first(whole, n)), E_BAD_REQUEST);
    }
    whole = arena_copy(&names, gemini_rig_golden(&r, "answer.json"));
    for (size_t n = 0; n < whole.len; n++) {
        gemini_rig_clear(&r);
        CHECK_INT(gemini_rig_answer(&r, span_first(whole, n), SPAN_NONE), E_UPSTREAM_BROKEN);
    }
    gemini_rig_close(&r);
    arena_free(&names);
}

/* Cut within a chunk it cannot be understood, cut between chunks it has no end: it is never a whole answer. */
TEST(gemini_streams_cut)
{
    struct arena names;
    arena_init(&names, 1 << 22);
    gemini_rig_open(&r);
    struct span whole = arena_copy(&names, gemini_rig_golden(&r, "stream.sse"));
    for (size_t n = 0; n <= whole.len; n++) {
        gemini_rig_clear(&r);
        gemini_rig_begin(&r, SPAN("gemini"));
        gemini_rig_stream(&r, span_first(whole, n));
        CHECK(r.reader.ended == (n == whole.len));
        CHECK((span_find(buf_span(&r.out), SPAN("finishReason")) >= 0) == (n == whole.len));
    }
    gemini_rig_close(&r);
    arena_free(&names);
}

/* --- members that nobody knows --- */

/* Puts a member into the n-th object of a text; false: it has not so many. */
static bool with_unknown(struct span text, size_t n, struct buf *out)
{
    bool inside = false;
    buf_clear(out);
    for (size_t i = 0; i < text.len; i++) {
        if (inside && text.at[i] == '\\') {
            i++;
            continue;
        }
        if (text.at[i] == '"')
            inside = !inside;
        if (inside || text.at[i] != '{' || n-- > 0)
            continue;
        bool empty = i + 1 < text.len && text.at[i + 1] == '}';
        buf_put(out, span_first(text, i + 1));
        buf_put(out, empty ? SPAN("\"zz\":{\"a\":[1]}") : SPAN("\"zz\":{\"a\":[1]},"));
        buf_put(out, span_from(text, i + 1));
        return true;
    }
    return false;
}

TEST(gemini_unknown_members_of_answers)
{
    struct buf body;
    struct arena names;
    size_t count = 0;
    buf_init(&body, 1 << 20);
    arena_init(&names, 1 << 22);
    gemini_rig_open(&r);
    struct span whole = arena_copy(&names, gemini_rig_golden(&r, "answer.json"));
    for (; with_unknown(whole, count, &body); count++) {
        gemini_rig_clear(&r);
        CHECK_INT(gemini_rig_answer(&r, buf_span(&body), SPAN("gemini")), E_OK);
        CHECK_INT(r.answer.choices->ending, ENDING_TOOLS);
        CHECK_INT(r.answer.usage.output_total, 14);
    }
    CHECK(count > 20);
    whole = arena_copy(&names, gemini_rig_golden(&r, "stream.sse"));
    for (count = 0; with_unknown(whole, count, &body); count++) {
        gemini_rig_clear(&r);
        gemini_rig_begin(&r, SPAN("gemini"));
        gemini_rig_stream(&r, buf_span(&body));
        CHECK(r.reader.ended && !r.reader.broken);
    }
    CHECK(count > 30);
    gemini_rig_close(&r);
    buf_free(&body);
    arena_free(&names);
}

/* In a request they are said again as part of something whole, or noted as what cannot be said; never lost. */
TEST(gemini_unknown_members_of_requests)
{
    struct buf body;
    struct arena names;
    size_t count = 0, remembered = 0;
    buf_init(&body, 1 << 20);
    arena_init(&names, 1 << 22);
    gemini_rig_open(&r);
    struct span whole = arena_copy(&names, gemini_rig_golden(&r, "request.json"));
    for (; with_unknown(whole, count, &body); count++) {
        gemini_rig_clear(&r);
        CHECK_INT(gemini_rig_read(&r, buf_span(&body)), E_OK);
        bool kept = span_find(gemini_rig_write(&r), SPAN("zz")) >= 0 || r.notes.unsayable_count > 0;
        remembered += r.call.rest != NULL;
        CHECK(kept);
    }
    CHECK(count > 30 && remembered > 20);
    gemini_rig_close(&r);
    buf_free(&body);
    arena_free(&names);
}

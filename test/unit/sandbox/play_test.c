/* SPDX-License-Identifier: Apache-2.0
 * play_test.c - the answers of the sandbox's vendors, read back as JSON. */
#include "sandbox/play.h"

#include "http/sse.h"
#include "test/test.h"

struct stage {
    struct arena arena;
    struct json *json, *reader;
    struct shelf *shelf;
    struct play play;
    struct json_value body;
    int64_t now_ms;
};

static void stage_open(struct stage *s)
{
    s->now_ms = 1000;
    arena_init(&s->arena, 16 << 20);
    s->json = json_new();
    s->reader = json_new();
    s->shelf = shelf_new();
    play_init(&s->play, &s->arena, s->json, s->shelf, s->now_ms);
}

static void stage_close(struct stage *s)
{
    play_free(&s->play);
    shelf_free(s->shelf);
    json_free(s->json);
    json_free(s->reader);
    arena_free(&s->arena);
}

static int ask_with(struct stage *s, const char *method, const char *target, struct http_field *fields, size_t count, const char *body)
{
    const char *why;
    struct http_head head = { .method = span_of(method), .target = span_of(target), .fields = fields, .count = count };
    play_free(&s->play);
    play_init(&s->play, &s->arena, s->json, s->shelf, s->now_ms);
    play_run(&s->play, &head, span_of(body));
    if (!s->play.events)
        CHECK_INT(json_parse(s->reader, buf_span(&s->play.out), false, &s->body, &why), E_OK);
    return s->play.status;
}

static int ask(struct stage *s, const char *method, const char *target, const char *body)
{
    struct http_field field = { SPAN("authorization"), SPAN("Bearer sk_sandbox_x") };
    return ask_with(s, method, target, &field, 1, body);
}

static struct span text(struct stage *s, const char *path) { return json_string(json_path(s->body, span_of(path))); }

static long long number(struct stage *s, const char *path)
{
    int64_t n = -1;
    (void)json_integer(json_path(s->body, span_of(path)), &n);
    return n;
}

TEST(play_wants_its_secret)
{
    static const char *const targets[] = { "/stripe/v1/charges", "/twilio/2010-04-01/Accounts/AC1/Messages.json", "/resend/emails", "/openai/v1/models", "/anthropic/v1/models",
        "/gemini/v1beta/models/gemini-2.5-flash:generateContent" };
    struct http_field agents = { SPAN("authorization"), SPAN("Bearer tg_demo_0000000000000000000000") };
    struct http_field basic = { SPAN("authorization"), SPAN("Basic QUMxOnNrX3NhbmRib3hfdHdpbGlv") };
    struct stage s;
    stage_open(&s);
    for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++)
        CHECK_INT(ask_with(&s, "GET", targets[i], &agents, 1, ""), 401);
    CHECK_INT(ask_with(&s, "GET", targets[1], &basic, 1, ""), 200);
    CHECK_INT(ask(&s, "GET", "/paypal/v1/x", ""), 404);
    CHECK_INT(ask(&s, "GET", "/", ""), 404);
    stage_close(&s);
}

TEST(play_stripe_money)
{
    struct stage s;
    stage_open(&s);
    CHECK_INT(ask(&s, "POST", "/stripe/v1/charges", "amount=1200&currency=USD&source=tok_visa&description=a%20b"), 200);
    CHECK_INT(number(&s, "amount"), 1200);
    CHECK_SPAN(text(&s, "currency"), SPAN("usd"));
    CHECK_SPAN(text(&s, "description"), SPAN("a b"));
    struct span id = arena_copy(&s.arena, text(&s, "id"));
    CHECK_INT(ask(&s, "GET", arena_print(&s.arena, "/stripe/v1/charges/%.*s", SPAN_ARG(id)).at, ""), 200);
    CHECK_SPAN(text(&s, "id"), id);
    const char *part = arena_print(&s.arena, "charge=%.*s&amount=200", SPAN_ARG(id)).at, *rest = arena_print(&s.arena, "charge=%.*s", SPAN_ARG(id)).at;
    CHECK_INT(ask(&s, "POST", "/stripe/v1/refunds", part), 200);
    CHECK_INT(number(&s, "amount"), 200);
    CHECK_INT(ask(&s, "POST", "/stripe/v1/refunds", rest), 200);
    CHECK_INT(number(&s, "amount"), 1000);
    CHECK_INT(ask(&s, "POST", "/stripe/v1/refunds", rest), 400);
    CHECK_SPAN(text(&s, "error.code"), SPAN("charge_already_refunded"));
    CHECK_INT(ask(&s, "GET", "/stripe/v1/refunds?limit=1", ""), 200);
    CHECK_INT(json_count(json_path(s.body, SPAN("data"))), 1);
    stage_close(&s);
}

TEST(play_stripe_refusals)
{
    struct stage s;
    stage_open(&s);
    CHECK_INT(ask(&s, "POST", "/stripe/v1/charges", "amount=1200&currency=usd&source=tok_chargeDeclined"), 402);
    CHECK_SPAN(text(&s, "error.code"), SPAN("card_declined"));
    CHECK_INT(ask(&s, "POST", "/stripe/v1/charges", "currency=usd&source=tok_visa"), 400);
    CHECK_INT(ask(&s, "POST", "/stripe/v1/charges", "amount=10&currency=usd&source=tok_visa"), 400);
    CHECK_SPAN(text(&s, "error.code"), SPAN("amount_too_small"));
    CHECK_INT(ask(&s, "POST", "/stripe/v1/charges", "amount=100&currency=usd"), 400);
    CHECK_INT(ask(&s, "GET", "/stripe/v1/charges/ch_none", ""), 404);
    CHECK_INT(ask(&s, "POST", "/stripe/v1/moon", ""), 404);
    stage_close(&s);
}

TEST(play_stripe_intents)
{
    struct stage s;
    stage_open(&s);
    CHECK_INT(ask(&s, "POST", "/stripe/v1/payment_intents", "amount=700&currency=eur&payment_method=pm_card_visa"), 200);
    CHECK_SPAN(text(&s, "status"), SPAN("requires_confirmation"));
    const char *confirm = arena_print(&s.arena, "/stripe/v1/payment_intents/%.*s/confirm", SPAN_ARG(text(&s, "id"))).at;
    CHECK_INT(ask(&s, "POST", confirm, ""), 200);
    CHECK_SPAN(text(&s, "status"), SPAN("succeeded"));
    CHECK_INT(number(&s, "amount_received"), 700);
    CHECK_INT(ask(&s, "POST", confirm, ""), 400);
    CHECK_SPAN(text(&s, "error.code"), SPAN("payment_intent_unexpected_state"));
    CHECK_INT(ask(&s, "POST", "/stripe/v1/payment_intents/pi_none/confirm", ""), 404);
    stage_close(&s);
}

static const char *path_of(struct stage *s, const char *plural, struct span id, const char *verb)
{
    return arena_print(&s->arena, "/stripe/v1/%s/%.*s%s", plural, SPAN_ARG(id), verb).at;
}

TEST(play_stripe_captures)
{
    struct stage s;
    stage_open(&s);
    CHECK_INT(ask(&s, "POST", "/stripe/v1/payment_intents", "amount=700&currency=usd&payment_method=pm_card_visa&capture_method=manual&confirm=true&customer=cus_ada"), 200);
    CHECK_SPAN(text(&s, "status"), SPAN("requires_capture"));
    CHECK_INT(number(&s, "amount_received"), 0);
    CHECK_INT(number(&s, "amount_capturable"), 700);
    struct span intent = arena_copy(&s.arena, text(&s, "id")), charge = arena_copy(&s.arena, text(&s, "latest_charge"));
    const char *refund = arena_print(&s.arena, "payment_intent=%.*s", SPAN_ARG(intent)).at;
    CHECK_INT(ask(&s, "POST", "/stripe/v1/refunds", refund), 400);
    CHECK_SPAN(text(&s, "error.code"), SPAN("charge_not_captured"));
    CHECK_INT(ask(&s, "POST", path_of(&s, "payment_intents", intent, "/capture"), "amount_to_capture=701"), 400);
    CHECK_INT(ask(&s, "POST", path_of(&s, "payment_intents", intent, "/capture"), "amount_to_capture=500"), 200);
    CHECK_SPAN(text(&s, "status"), SPAN("succeeded"));
    CHECK_INT(number(&s, "amount_received"), 500);
    CHECK_INT(ask(&s, "POST", path_of(&s, "payment_intents", intent, "/capture"), ""), 400);
    CHECK_INT(ask(&s, "POST", path_of(&s, "payment_intents", intent, "/cancel"), ""), 400);
    CHECK_INT(ask(&s, "GET", path_of(&s, "charges", charge, ""), ""), 200);
    CHECK_SPAN(text(&s, "customer"), SPAN("cus_ada"));
    CHECK_INT(number(&s, "amount_captured"), 500);
    CHECK_INT(ask(&s, "POST", "/stripe/v1/refunds", refund), 200);
    CHECK_INT(number(&s, "amount"), 500);
    CHECK_SPAN(text(&s, "charge"), charge);
    CHECK_SPAN(text(&s, "payment_intent"), intent);
    CHECK_INT(ask(&s, "POST", "/stripe/v1/charges", "amount=700&currency=usd&customer=cus_bob&capture=false"), 200);
    CHECK_INT(number(&s, "amount_captured"), 0);
    CHECK_INT(ask(&s, "POST", path_of(&s, "charges", text(&s, "id"), "/capture"), ""), 200);
    CHECK_INT(number(&s, "amount_captured"), 700);
    CHECK_INT(ask(&s, "POST", path_of(&s, "charges", text(&s, "id"), "/capture"), ""), 400);
    stage_close(&s);
}

TEST(play_stripe_is_furnished)
{
    struct stage s;
    stage_open(&s);
    stripe_furnish(s.shelf, 1000);
    CHECK_INT(ask(&s, "GET", "/stripe/v1/customers/cus_ada", ""), 200);
    CHECK_SPAN(text(&s, "email"), SPAN("ada@example.com"));
    CHECK_INT(ask(&s, "GET", "/stripe/v1/charges/ch_of_bob", ""), 200);
    CHECK_SPAN(text(&s, "customer"), SPAN("cus_bob"));
    CHECK_INT(ask(&s, "GET", "/stripe/v1/charges?customer=cus_bob&limit=1", ""), 200);
    CHECK_INT(json_count(json_path(s.body, SPAN("data"))), 1);
    CHECK_SPAN(text(&s, "data.0.id"), SPAN("ch_of_bob"));
    bool more = true;
    CHECK(json_bool(json_path(s.body, SPAN("has_more")), &more) && !more);
    CHECK_INT(ask(&s, "POST", "/stripe/v1/refunds", "charge=ch_of_carl"), 404);
    CHECK_SPAN(text(&s, "error.code"), SPAN("resource_missing"));
    CHECK_SPAN(text(&s, "error.param"), SPAN("charge"));
    CHECK_INT(ask(&s, "POST", "/stripe/v1/refunds", "amount=1"), 400);
    CHECK_SPAN(text(&s, "error.code"), SPAN("parameter_missing"));
    stage_close(&s);
}

TEST(play_stripe_idempotency)
{
    struct stage s;
    struct http_field fields[] = { { SPAN("authorization"), SPAN("Bearer sk_sandbox_x") }, { SPAN("idempotency-key"), SPAN("k1") } };
    stage_open(&s);
    CHECK_INT(ask_with(&s, "POST", "/stripe/v1/charges", fields, 2, "amount=1200&currency=usd&source=tok_visa"), 200);
    struct span id = arena_copy(&s.arena, text(&s, "id"));
    CHECK_INT(ask_with(&s, "POST", "/stripe/v1/charges", fields, 2, "amount=1200&currency=usd&source=tok_visa"), 200);
    CHECK_SPAN(text(&s, "id"), id);
    CHECK_SPAN(s.play.fields[s.play.field_count - 1].name, SPAN("idempotent-replayed"));
    CHECK_INT(ask_with(&s, "POST", "/stripe/v1/charges", fields, 2, "amount=1300&currency=usd&source=tok_visa"), 400);
    CHECK_SPAN(text(&s, "error.type"), SPAN("idempotency_error"));
    stage_close(&s);
}

TEST(play_twilio_messages)
{
    struct stage s;
    stage_open(&s);
    CHECK_INT(ask(&s, "POST", "/twilio/2010-04-01/Accounts/AC1/Messages.json", "To=%2B1555&From=%2B1666&Body=hello"), 201);
    CHECK_INT(json_kind(json_path(s.body, SPAN("price"))), JSON_NULL);
    CHECK_SPAN(text(&s, "num_segments"), SPAN("1"));
    CHECK_SPAN(text(&s, "account_sid"), SPAN("AC1"));
    const char *again = arena_print(&s.arena, "/twilio/2010-04-01/Accounts/AC1/Messages/%.*s.json", SPAN_ARG(text(&s, "sid"))).at;
    CHECK_INT(ask(&s, "GET", again, ""), 200);
    CHECK_INT(json_kind(json_path(s.body, SPAN("price"))), JSON_NULL);
    CHECK_SPAN(text(&s, "status"), SPAN("queued"));
    s.now_ms += 5000;
    CHECK_INT(ask(&s, "GET", again, ""), 200);
    CHECK_SPAN(text(&s, "price"), SPAN("-0.00830"));
    CHECK_SPAN(text(&s, "status"), SPAN("delivered"));
    CHECK_INT(ask(&s, "POST", "/twilio/2010-04-01/Accounts/AC1/Messages.json", "To=%2B1555&From=%2B1666&Body=%E2%98%BA"), 201);
    CHECK_SPAN(text(&s, "num_segments"), SPAN("1"));
    CHECK_INT(ask(&s, "POST", "/twilio/2010-04-01/Accounts/AC1/Messages.json", "To=1555&From=%2B1666&Body=x"), 400);
    CHECK_INT(number(&s, "code"), 21211);
    stage_close(&s);
}

TEST(play_twilio_list)
{
    struct stage s;
    stage_open(&s);
    CHECK_INT(ask(&s, "POST", "/twilio/2010-04-01/Accounts/AC1/Messages.json", "To=%2B1555&From=%2B1666&Body=one"), 201);
    CHECK_INT(text(&s, "date_created").len, 31);
    CHECK(span_ends(text(&s, "date_created"), SPAN(" +0000")));
    CHECK_INT(ask(&s, "POST", "/twilio/2010-04-01/Accounts/AC1/Messages.json", "To=%2B1777&MessagingServiceSid=MG1&Body=two"), 201);
    CHECK_SPAN(text(&s, "messaging_service_sid"), SPAN("MG1"));
    CHECK_INT(json_kind(json_path(s.body, SPAN("from"))), JSON_NULL);
    CHECK_INT(ask(&s, "GET", "/twilio/2010-04-01/Accounts/AC1/Messages.json?To=%2B1555&PageSize=200", ""), 200);
    CHECK_INT(json_count(json_path(s.body, SPAN("messages"))), 1);
    CHECK_SPAN(text(&s, "messages.0.body"), SPAN("one"));
    CHECK_INT(json_kind(json_path(s.body, SPAN("next_page_uri"))), JSON_NULL);
    CHECK_INT(ask(&s, "GET", "/twilio/2010-04-01/Accounts/AC1/Messages.json?PageSize=1", ""), 200);
    CHECK_SPAN(text(&s, "messages.0.body"), SPAN("two"));
    CHECK_INT(json_kind(json_path(s.body, SPAN("next_page_uri"))), JSON_STRING);
    stage_close(&s);
}

/* 161 characters of GSM are two parts; 71 of others are two. */
TEST(play_twilio_segments)
{
    struct stage s;
    char body[400] = "To=%2B1&From=%2B2&Body=";
    size_t start = strlen(body);
    stage_open(&s);
    memset(body + start, 'a', 161);
    CHECK_INT(ask(&s, "POST", "/twilio/2010-04-01/Accounts/AC1/Messages.json", body), 201);
    CHECK_SPAN(text(&s, "num_segments"), SPAN("2"));
    memset(body + start, '\0', 161);
    memset(body + start, '`', 71);
    CHECK_INT(ask(&s, "POST", "/twilio/2010-04-01/Accounts/AC1/Messages.json", body), 201);
    CHECK_SPAN(text(&s, "num_segments"), SPAN("2"));
    stage_close(&s);
}

TEST(play_resend_mails)
{
    struct stage s;
    stage_open(&s);
    CHECK_INT(ask(&s, "POST", "/resend/emails", "{\"from\":\"a@x.example\",\"to\":[\"b@y.example\"],\"subject\":\"s\"}"), 200);
    CHECK_INT(text(&s, "id").len, 36);
    CHECK_INT(ask(&s, "GET", arena_print(&s.arena, "/resend/emails/%.*s", SPAN_ARG(text(&s, "id"))).at, ""), 200);
    CHECK_SPAN(text(&s, "to.0"), SPAN("b@y.example"));
    CHECK_INT(ask(&s, "POST", "/resend/emails", "{\"from\":\"a@x.example\"}"), 422);
    CHECK_INT(ask(&s, "POST", "/resend/emails", "not json"), 422);
    CHECK_INT(ask(&s, "POST", "/resend/emails/batch", "[{\"from\":\"a\",\"to\":\"b\",\"subject\":\"s\"},{\"from\":\"a\",\"to\":\"b\",\"subject\":\"s\"}]"), 200);
    CHECK_INT(json_count(json_path(s.body, SPAN("data"))), 2);
    CHECK_INT(ask(&s, "POST", "/resend/emails/batch", "[]"), 422);
    stage_close(&s);
}

TEST(play_resend_idempotency_and_list)
{
    struct stage s;
    static const char mail[] = "{\"from\":\"a@x.example\",\"to\":\"b@y.example\",\"subject\":\"s\"}";
    struct http_field fields[] = { { SPAN("authorization"), SPAN("Bearer sk_sandbox_x") }, { SPAN("idempotency-key"), SPAN("k1") } };
    stage_open(&s);
    CHECK_INT(ask_with(&s, "POST", "/resend/emails", fields, 2, "{\"from\":\"a@x.example\"}"), 422);
    CHECK_INT(ask_with(&s, "POST", "/resend/emails", fields, 2, mail), 200);
    struct span id = arena_copy(&s.arena, text(&s, "id"));
    CHECK_INT(ask_with(&s, "POST", "/resend/emails", fields, 2, mail), 200);
    CHECK_SPAN(text(&s, "id"), id);
    CHECK_INT(ask_with(&s, "POST", "/resend/emails", fields, 2, "{\"from\":\"a@x.example\",\"to\":\"c\",\"subject\":\"s\"}"), 409);
    CHECK_SPAN(text(&s, "name"), SPAN("invalid_idempotent_request"));
    CHECK_INT(ask(&s, "GET", "/resend/emails?limit=100", ""), 200);
    CHECK_INT(json_count(json_path(s.body, SPAN("data"))), 1);
    CHECK_SPAN(text(&s, "data.0.id"), id);
    CHECK_INT(ask(&s, "POST", "/resend/emails", mail), 200);
    CHECK_INT(ask(&s, "GET", "/resend/emails?limit=1", ""), 200);
    CHECK(!span_is(text(&s, "data.0.id"), id));
    bool more = false;
    CHECK(json_bool(json_path(s.body, SPAN("has_more")), &more) && more);
    CHECK_INT(ask(&s, "GET", "/resend/emails?limit=0", ""), 422);
    stage_close(&s);
}

TEST(play_chat_counts_and_cuts)
{
    struct stage s;
    stage_open(&s);
    CHECK_INT(ask(&s, "POST", "/openai/v1/chat/completions", "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"), 200);
    CHECK(span_find(text(&s, "choices.0.message.content"), SPAN("\"hello\"")) >= 0);
    CHECK_SPAN(text(&s, "choices.0.finish_reason"), SPAN("stop"));
    CHECK(number(&s, "usage.prompt_tokens") > 0);
    CHECK_INT(number(&s, "usage.total_tokens"), number(&s, "usage.prompt_tokens") + number(&s, "usage.completion_tokens"));
    CHECK_INT(ask(&s, "POST", "/openai/chat/completions", "{\"model\":\"gpt-4o-mini\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"), 200);
    CHECK_INT(number(&s, "usage.completion_tokens"), 5);
    CHECK_SPAN(text(&s, "choices.0.finish_reason"), SPAN("length"));
    CHECK_INT(ask(&s, "POST", "/openai/v1/chat/completions", "{\"model\":\"gpt-4o-mini\"}"), 400);
    CHECK_INT(ask(&s, "POST", "/openai/v1/chat/completions", "{"), 400);
    stage_close(&s);
}

/* Reads all events; hands back the last one with data that is JSON. */
static int read_events(struct stage *s)
{
    struct sse sse;
    struct sse_event event;
    struct span in = buf_span(&s->play.out);
    const char *why;
    int count = 0;
    sse_init(&sse, 1 << 20);
    while (sse_next(&sse, &in, &event)) {
        count++;
        if (!span_is(event.data, SPAN("[DONE]")))
            CHECK_INT(json_parse(s->reader, arena_copy(&s->arena, event.data), false, &s->body, &why), E_OK);
    }
    CHECK_INT(sse_rest(&sse).len, 0);
    sse_free(&sse);
    return count;
}

TEST(play_streams)
{
    struct stage s;
    stage_open(&s);
    ask(&s, "POST", "/openai/v1/chat/completions",
        "{\"model\":\"gpt-4o-mini\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    CHECK(s.play.events && read_events(&s) > 5);
    CHECK(number(&s, "usage.completion_tokens") > 0);
    CHECK_INT(json_count(json_path(s.body, SPAN("choices"))), 0);
    ask(&s, "POST", "/openai/v1/responses", "{\"model\":\"gpt-4o-mini\",\"stream\":true,\"input\":\"hi\"}");
    CHECK(s.play.events && read_events(&s) > 8);
    CHECK_SPAN(text(&s, "type"), SPAN("response.completed"));
    CHECK(number(&s, "response.usage.output_tokens") > 0);
    struct http_field key = { SPAN("x-api-key"), SPAN("sk_sandbox_anthropic") };
    ask_with(&s, "POST", "/anthropic/v1/messages", &key, 1, "{\"model\":\"claude-haiku-4-5\",\"max_tokens\":50,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    CHECK(s.play.events && read_events(&s) > 8);
    CHECK_SPAN(text(&s, "type"), SPAN("message_stop"));
    stage_close(&s);
}

TEST(play_gemini)
{
    static const char body[] = "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hello\"}]}]}";
    struct http_field key = { SPAN("x-goog-api-key"), SPAN("sk_sandbox_gemini") };
    struct stage s;
    stage_open(&s);
    CHECK_INT(ask_with(&s, "POST", "/gemini/v1beta/models/gemini-2.5-flash:generateContent", &key, 1, body), 200);
    CHECK(span_ends(text(&s, "candidates.0.content.parts.0.text"), SPAN("You asked: \"hello\"")));
    CHECK_SPAN(text(&s, "candidates.0.finishReason"), SPAN("STOP"));
    CHECK_SPAN(text(&s, "modelVersion"), SPAN("gemini-2.5-flash"));
    long long input = number(&s, "usageMetadata.promptTokenCount");
    CHECK(input > 0);
    CHECK_INT(number(&s, "usageMetadata.totalTokenCount"), input + number(&s, "usageMetadata.candidatesTokenCount"));
    CHECK_INT(ask(&s, "POST", "/gemini/v1beta/models/gemini-2.5-flash:countTokens", body), 200);
    CHECK_INT(number(&s, "totalTokens"), input);
    CHECK_INT(ask(&s, "POST", "/gemini/v1beta/models/m:generateContent",
                  "{\"contents\":[{\"parts\":[{\"text\":\"hello\"}]}],\"systemInstruction\":{\"parts\":[{\"text\":\"brief\"}]},"
                  "\"generationConfig\":{\"maxOutputTokens\":5}}"),
        200);
    CHECK_SPAN(text(&s, "candidates.0.finishReason"), SPAN("MAX_TOKENS"));
    CHECK_INT(number(&s, "usageMetadata.candidatesTokenCount"), 5);
    CHECK(number(&s, "usageMetadata.promptTokenCount") > 0);
    CHECK_INT(ask(&s, "POST", "/gemini/v1beta/models/m:generateContent", "{}"), 400);
    CHECK_INT(ask(&s, "POST", "/gemini/v1beta/models/m:streamGenerateContent", body), 404);
    CHECK_INT(ask(&s, "POST", "/gemini/v1beta/models/m", body), 404);
    CHECK_INT(ask(&s, "GET", "/gemini/v1beta/models", ""), 404);
    stage_close(&s);
}

/* Each chunk is an answer of its own; only the last one ends it and says what it used. */
TEST(play_gemini_stream)
{
    const char *why;
    struct span rest, piece;
    struct stage s;
    stage_open(&s);
    CHECK_INT(ask(&s, "POST", "/gemini/v1beta/models/m:streamGenerateContent?alt=sse", "{\"contents\":[{\"parts\":[{\"text\":\"a b c\"}]}]}"), 200);
    CHECK(s.play.events);
    rest = buf_span(&s.play.out);
    for (ptrdiff_t end; (end = span_find(rest, SPAN("\n\n"))) >= 0; rest = span_from(rest, (size_t)end + 2)) {
        piece = span_from(span_first(rest, (size_t)end), 6); /* "data: " */
        bool last = rest.len == (size_t)end + 2;
        CHECK_INT(json_parse(s.reader, piece, false, &s.body, &why), E_OK);
        CHECK(text(&s, "candidates.0.content.parts.0.text").len > 0);
        CHECK_SPAN(text(&s, "candidates.0.finishReason"), last ? SPAN("STOP") : SPAN_NONE);
        CHECK_INT(number(&s, "usageMetadata.totalTokenCount") > 0, last);
    }
    CHECK_INT(rest.len, 0);
    stage_close(&s);
}

TEST(play_embeddings)
{
    struct stage s;
    stage_open(&s);
    CHECK_INT(ask(&s, "POST", "/openai/v1/embeddings", "{\"model\":\"text-embedding-3-small\",\"input\":[\"a\",\"b\",\"a\"],\"dimensions\":4}"), 200);
    CHECK_INT(json_count(json_path(s.body, SPAN("data"))), 3);
    CHECK_INT(json_count(json_path(s.body, SPAN("data.0.embedding"))), 4);
    CHECK_SPAN(json_decimal(json_path(s.body, SPAN("data.0.embedding.1")), &s.arena), json_decimal(json_path(s.body, SPAN("data.2.embedding.1")), &s.arena));
    CHECK_INT(ask(&s, "POST", "/openai/v1/embeddings", "{\"model\":\"text-embedding-3-small\",\"input\":\"a\",\"encoding_format\":\"base64\"}"), 200);
    CHECK_INT(text(&s, "data.0.embedding").len, 1536 * 4 / 3 * 4);
    CHECK_INT(ask(&s, "POST", "/openai/v1/embeddings", "{\"model\":\"text-embedding-3-small\",\"input\":[]}"), 400);
    stage_close(&s);
}

TEST(play_shelf_forgets_the_oldest)
{
    struct shelf *shelf = shelf_new();
    char first[48];
    struct item *item = shelf_add(shelf, "charge", "ch_", 8, 1);
    memcpy(first, item->id, sizeof(first));
    CHECK(shelf_find(shelf, "charge", span_of(first)) == item);
    CHECK(!shelf_find(shelf, "refund", span_of(first)));
    for (int i = 0; i < SHELF_ITEMS; i++)
        shelf_add(shelf, "refund", "re_", 8, 2);
    CHECK(!shelf_find(shelf, "charge", span_of(first)));
    CHECK(!shelf_before(shelf, "charge", 0));
    for (int i = 0; i < SHELF_ANSWERS + 1; i++) {
        char key[16];
        struct span text_of = span_make(key, (size_t)snprintf(key, sizeof(key), "k%d", i));
        shelf_keep_answer(shelf, text_of, digest_sha256(text_of), 200, text_of);
    }
    CHECK(!shelf_answer(shelf, SPAN("k0")));
    CHECK(shelf_answer(shelf, SPAN("k1")) != NULL);
    shelf_free(shelf);
}

/* SPDX-License-Identifier: Apache-2.0
 * pilot_vendors.c - what a pilot tries at each vendor, as data: requests that cost a fraction of a cent or nothing. */
#include "cli/pilot.h"

#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"Answer with the word OK.\"}]"
#define NOTHING { STEP_DECISION, NULL, NULL, NULL, NULL, 0, { NULL }, false, false, false }

static const struct trial openai[] = {
    { STEP_TRANSPORT, "a plain answer", "POST", "/v1/chat/completions", "{\"model\":\"{model}\",\"max_tokens\":16," HELLO "}", 200, { "choices.0.message.content", "usage.prompt_tokens" }, false, false, false },
    { STEP_CAPABILITY, "stream", "POST", "/v1/chat/completions", "{\"model\":\"{model}\",\"max_tokens\":16,\"stream\":true," HELLO "}", 200, { "data: {", "\"delta\"", "data: [DONE]" }, true, false, false },
    { STEP_CAPABILITY, "tools", "POST", "/v1/chat/completions",
        "{\"model\":\"{model}\",\"max_tokens\":64,\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"pilot_sum\",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":"
        "\"integer\"},\"b\":{\"type\":\"integer\"}}}}}],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"pilot_sum\"}},\"messages\":[{\"role\":\"user\",\"content\":\"Add 2 and 3.\"}]}",
        200, { "choices.0.message.tool_calls.0.function.name", "choices.0.message.tool_calls.0.function.arguments" }, false, false, false },
    { STEP_CAPABILITY, "long context", "POST", "/v1/chat/completions", "{\"model\":\"{model}\",\"max_tokens\":16,\"messages\":[{\"role\":\"user\",\"content\":\"{long}Answer with the word OK.\"}]}", 200,
        { "choices.0.message.content", "usage.prompt_tokens" }, false, false, false },
    { STEP_CAPABILITY, "errors in the vendor's shape", "POST", "/v1/chat/completions", "{\"model\":\"{model}\",\"messages\":\"none\"}", 400, { "error.message", "error.type" }, false, false, false },
    NOTHING,
};

static const struct trial anthropic[] = {
    { STEP_TRANSPORT, "a plain answer", "POST", "/v1/messages", "{\"model\":\"{model}\",\"max_tokens\":16," HELLO "}", 200, { "content.0.text", "usage.input_tokens" }, false, false, false },
    { STEP_CAPABILITY, "stream", "POST", "/v1/messages", "{\"model\":\"{model}\",\"max_tokens\":16,\"stream\":true," HELLO "}", 200, { "event: message_start", "event: content_block_delta", "event: message_stop" }, true, false, false },
    { STEP_CAPABILITY, "tools", "POST", "/v1/messages",
        "{\"model\":\"{model}\",\"max_tokens\":64,\"tools\":[{\"name\":\"pilot_sum\",\"input_schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"integer\"}}}}],"
        "\"tool_choice\":{\"type\":\"tool\",\"name\":\"pilot_sum\"},\"messages\":[{\"role\":\"user\",\"content\":\"Add 2 and 3.\"}]}",
        200, { "content.0.name", "content.0.input" }, false, false, false },
    { STEP_CAPABILITY, "long context", "POST", "/v1/messages", "{\"model\":\"{model}\",\"max_tokens\":16,\"messages\":[{\"role\":\"user\",\"content\":\"{long}Answer with the word OK.\"}]}", 200,
        { "content.0.text", "usage.input_tokens" }, false, false, false },
    { STEP_CAPABILITY, "errors in the vendor's shape", "POST", "/v1/messages", "{\"model\":\"{model}\",\"max_tokens\":16,\"messages\":\"none\"}", 400, { "error.message", "error.type" }, false, false, false },
    NOTHING,
};

static const struct trial stripe[] = {
    { STEP_TRANSPORT, "a read", "GET", "/v1/balance", NULL, 200, { "object", "available" }, false, false, false },
    { STEP_CAPABILITY, "pages of a list", "GET", "/v1/charges?limit=1", NULL, 200, { "data", "has_more" }, false, false, false },
    { STEP_CAPABILITY, "errors in the vendor's shape", "GET", "/v1/charges/ch_tollgate_pilot_none", NULL, 404, { "error.type", "error.message" }, false, false, false },
    { STEP_CAPABILITY, "idempotency", "POST", "/v1/customers", "description=tollgate+pilot", 200, { "id", "object" }, false, true, true },
    NOTHING,
};

static const struct trial twilio[] = {
    { STEP_TRANSPORT, "a read", "GET", "/2010-04-01/Accounts/{account}/Messages.json?PageSize=1", NULL, 200, { "messages" }, false, false, false },
    { STEP_CAPABILITY, "pages of a list", "GET", "/2010-04-01/Accounts/{account}/Messages.json?PageSize=1", NULL, 200, { "page_size", "first_page_uri" }, false, false, false },
    { STEP_CAPABILITY, "errors in the vendor's shape", "GET", "/2010-04-01/Accounts/{account}/Messages/SM00000000000000000000000000000000.json", NULL, 404, { "code", "message" }, false, false, false },
    NOTHING,
};

static const struct trial resend[] = {
    { STEP_TRANSPORT, "a read", "GET", "/emails", NULL, 200, { "data" }, false, false, false },
    { STEP_CAPABILITY, "errors in the vendor's shape", "GET", "/emails/00000000-0000-0000-0000-000000000000", NULL, 404, { "name", "message" }, false, false, false },
    NOTHING,
};

static const struct pilot_vendor vendors[] = {
    { "openai", "gpt-4o-mini", "/openai/v1", "https://api.openai.com/v1", "OPENAI_API_KEY", openai,
        { { "python", "client = OpenAI(api_key=os.environ[\"OPENAI_API_KEY\"])", "client = OpenAI(api_key=os.environ[\"TOLLGATE_KEY\"], base_url=\"{base}\")" },
            { "js", "const client = new OpenAI({ apiKey: process.env.OPENAI_API_KEY });", "const client = new OpenAI({ apiKey: process.env.TOLLGATE_KEY, baseURL: \"{base}\" });" },
            { "sh", "curl https://api.openai.com/v1/chat/completions -H \"authorization: Bearer $OPENAI_API_KEY\"", "curl {base}/chat/completions -H \"authorization: Bearer $TOLLGATE_KEY\"" } } },
    { "anthropic", "claude-haiku-4-5", "/anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY", anthropic,
        { { "python", "client = Anthropic(api_key=os.environ[\"ANTHROPIC_API_KEY\"])", "client = Anthropic(api_key=os.environ[\"TOLLGATE_KEY\"], base_url=\"{base}\")" },
            { "js", "const client = new Anthropic({ apiKey: process.env.ANTHROPIC_API_KEY });", "const client = new Anthropic({ apiKey: process.env.TOLLGATE_KEY, baseURL: \"{base}\" });" },
            { "sh", "curl https://api.anthropic.com/v1/messages -H \"x-api-key: $ANTHROPIC_API_KEY\"", "curl {base}/v1/messages -H \"x-api-key: $TOLLGATE_KEY\"" } } },
    { "stripe", NULL, "/stripe", "https://api.stripe.com", "STRIPE_SECRET_KEY", stripe,
        { { "python", "client = stripe.StripeClient(os.environ[\"STRIPE_SECRET_KEY\"])", "client = stripe.StripeClient(os.environ[\"TOLLGATE_KEY\"], base_addresses={\"api\": \"{base}\"})" },
            { "js", "const stripe = new Stripe(process.env.STRIPE_SECRET_KEY);", "const stripe = new Stripe(process.env.TOLLGATE_KEY, { host: \"{host}\", port: {port}, protocol: \"{scheme}\" });" },
            { "sh", "curl https://api.stripe.com/v1/balance -u \"$STRIPE_SECRET_KEY:\"", "curl {base}/v1/balance -u \"$TOLLGATE_KEY:\"" } } },
    { "twilio", NULL, "/twilio", "https://api.twilio.com", "TWILIO_AUTH_TOKEN", twilio,
        { { "sh", "curl https://api.twilio.com/2010-04-01/Accounts/{account}/Messages.json -u \"{account}:$TWILIO_AUTH_TOKEN\"", "curl {base}/2010-04-01/Accounts/{account}/Messages.json -u \"{account}:$TOLLGATE_KEY\"" },
            { NULL, NULL, NULL }, { NULL, NULL, NULL } } },
    { "resend", NULL, "/resend", "https://api.resend.com", "RESEND_API_KEY", resend,
        { { "js", "const resend = new Resend(process.env.RESEND_API_KEY);", "const resend = new Resend(process.env.TOLLGATE_KEY, { baseUrl: \"{base}\" });" },
            { "sh", "curl https://api.resend.com/emails -H \"authorization: Bearer $RESEND_API_KEY\"", "curl {base}/emails -H \"authorization: Bearer $TOLLGATE_KEY\"" }, { NULL, NULL, NULL } } },
};

const struct pilot_vendor *pilot_vendor(struct span name)
{
    for (size_t i = 0; i < sizeof(vendors) / sizeof(*vendors); i++)
        if (span_is(span_of(vendors[i].vendor), name))
            return &vendors[i];
    return NULL;
}

struct span pilot_vendor_names(struct arena *a)
{
    struct span all = SPAN("");
    for (size_t i = 0; i < sizeof(vendors) / sizeof(*vendors); i++)
        all = arena_print(a, "%.*s%s%s", SPAN_ARG(all), i ? ", " : "", vendors[i].vendor);
    return all;
}

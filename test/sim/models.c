/* SPDX-License-Identifier: Apache-2.0
 * models.c - callers that name a model and no vendor, and what the vendors of models answer, in their own dialects: honestly, or not.
 *
 * What a vendor takes is made when the request comes: it may use as many tokens as it was told, so a limit that is missing or too high is
 * a hold that was too small. What came back is looked through in told.c. */
#include <stdio.h>

#include "test/sim/sim.h"

/* The model decides on the vendor. Of which dialect it speaks, its path tells when the request comes. */
struct sim_model {
    const char *name, *vendor;
};
static const struct sim_model models[] = {
    { "claude-sonnet-4-6", "anthropic" },
    { "gpt-4o-mini", "openai" },
    { "gemini-2.5-flash", "gemini" },
    { "llama-3.3-70b-versatile", "groq" },
    { "@bedrock/amazon.nova-pro-v1:0", "bedrock" },
};
enum { MODELS = sizeof(models) / sizeof(*models) };

static void field(struct sim_call *c, struct span name, struct span value) { c->fields[c->head.count++] = (struct http_field){ name, value }; }

/* ---- the caller ---- */

/* A parameter of the caller's dialect that some vendors cannot be told. */
static const struct {
    const char *text, *name, *told; /* in the body; in the list of what may be left out; what no vendor may see of it then */
    const char *vendors;
} awkward[] = {
    [SIM_CHAT] = { "\"logit_bias\":{\"5\":-100},", "logit_bias", "logit_bias", "anthropic gemini bedrock groq" },
    [SIM_MESSAGES] = { "\"top_k\":5,", "top_k", "top_k", "openai groq" },
    [SIM_GEMINI] = { "\"safetySettings\":[{\"category\":\"HARM_CATEGORY_HARASSMENT\",\"threshold\":\"BLOCK_NONE\"}],", "safety_settings", "BLOCK_NONE", "anthropic openai groq bedrock" },
    [SIM_RESPONSES] = { "\"top_logprobs\":2,\"include\":[\"message.output_text.logprobs\"],", "logprobs", "logprobs", "anthropic bedrock" },
};

static int write_chat(struct sim_call *c, const char *model, const char *limit, const char *extra)
{
    bool wanted = c->stream && sim_chance(c->sim, 50);
    return snprintf(c->body, sizeof(c->body), "{\"model\":\"%s\",%s%s%s%s\"messages\":[{\"role\":\"user\",\"content\":\"Hello from m%u.\"}]}", model,
        c->stream ? "\"stream\":true," : "", wanted ? "\"stream_options\":{\"include_usage\":true}," : "", limit, extra, c->number);
}

static int write_messages(struct sim_call *c, const char *model, const char *limit, const char *extra)
{
    return snprintf(c->body, sizeof(c->body), "{\"model\":\"%s\",%s%s%s\"messages\":[{\"role\":\"user\",\"content\":\"Hello from m%u.\"}]}", model,
        c->stream ? "\"stream\":true," : "", *limit ? limit : "\"max_tokens\":64,", extra, c->number);
}

static int write_gemini(struct sim_call *c, const char *model, const char *limit, const char *extra)
{
    c->array = c->stream && sim_chance(c->sim, 40);
    snprintf(c->target, sizeof(c->target), "/v1beta/models/%s:%s", model, !c->stream ? "generateContent" : c->array ? "streamGenerateContent" : "streamGenerateContent?alt=sse");
    c->head.target = span_of(c->target);
    return snprintf(c->body, sizeof(c->body), "{%s%s\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"Hello from m%u.\"}]}]}", limit, extra, c->number);
}

/* Some go on with an earlier answer: of this seed, or of none. */
static void choose_previous(struct sim_call *c)
{
    struct sim *s = c->sim;
    uint32_t seen = (uint32_t)s->kept_count;
    if (!seen || sim_chance(s, 40)) {
        c->goes_on = sim_chance(s, 10);
        snprintf(c->previous, sizeof(c->previous), "resp_call_00000000000000000000000000");
        return;
    }
    const struct sim_kept *k = &s->kept[sim_roll(s, seen)];
    c->goes_on = true;
    c->previous_call = k->deleted ? 0 : k->number;
    snprintf(c->previous, sizeof(c->previous), "%s", k->id);
}

static int write_responses(struct sim_call *c, const char *model, const char *limit, const char *extra)
{
    char previous[128] = "";
    choose_previous(c);
    c->remembers = !sim_chance(c->sim, 10);
    if (c->goes_on)
        snprintf(previous, sizeof(previous), "\"previous_response_id\":\"%s\",", c->previous);
    return snprintf(c->body, sizeof(c->body), "{\"model\":\"%s\",%s%s%s%s%s\"input\":\"Hello from m%u.\"}", model, c->stream ? "\"stream\":true," : "",
        limit, extra, previous, c->remembers ? "" : "\"store\":false,", c->number);
}

/* What is kept of an earlier answer is read, or forgotten. */
static bool ask_kept(struct sim_call *c)
{
    struct sim *s = c->sim;
    if (!s->kept_count || !sim_chance(s, 15))
        return false;
    struct sim_kept *k = &s->kept[sim_roll(s, (uint32_t)s->kept_count)];
    bool deletes = sim_chance(s, 40);
    snprintf(c->target, sizeof(c->target), "/v1/responses/%s", k->id);
    c->head.target = span_of(c->target);
    c->head.method = deletes ? SPAN("DELETE") : SPAN("GET");
    c->deletes = deletes ? k : NULL;
    c->of_state = true;
    return true;
}

static void choose_lie(struct sim_call *c)
{
    c->l->lie = sim_chance(c->sim, 55) ? SIM_HONEST : (enum sim_lie)sim_roll(c->sim, SIM_LIES);
    c->l->stalls_at = sim_chance(c->sim, 15) ? sim_roll(c->sim, 600) : SIZE_MAX;
}

void sim_ask_model(struct sim_call *c)
{
    static int (*const write[])(struct sim_call *, const char *, const char *, const char *) = { write_chat, write_messages, write_gemini, write_responses };
    static const struct { const char *path, *limit, *close; } dialects[] = {
        [SIM_CHAT] = { "/v1/chat/completions", "\"max_tokens\":", "" },
        [SIM_MESSAGES] = { "/v1/messages", "\"max_tokens\":", "" },
        [SIM_GEMINI] = { "", "\"generationConfig\":{\"maxOutputTokens\":", "}" },
        [SIM_RESPONSES] = { "/v1/responses", "\"max_output_tokens\":", "" },
    };
    struct sim *s = c->sim;
    const struct sim_model *m = &models[sim_roll(s, MODELS)];
    char limit[80] = "";
    c->named = true;
    c->said = s->talks ? SIM_RESPONSES : (enum sim_dialect)sim_roll(s, SIM_DIALECTS);
    if (c->said == SIM_RESPONSES && ask_kept(c))
        return;
    c->stream = sim_chance(s, 65);
    c->head.target = span_of(dialects[c->said].path);
    field(c, SPAN("content-type"), SPAN("application/json"));
    if (sim_chance(s, 20))
        field(c, SPAN("x-tollgate-max-cost-usd"), sim_chance(s, 50) ? SPAN("0.01") : SPAN("0.0008"));
    if (sim_chance(s, 60))
        snprintf(limit, sizeof(limit), "%s%u%s,", dialects[c->said].limit, 16 + sim_roll(s, sim_chance(s, 50) ? 50 : 3000), dialects[c->said].close);
    bool awkwardly = sim_chance(s, 12);
    c->unsayable = awkwardly && span_find(span_of(awkward[c->said].vendors), span_of(m->vendor)) >= 0;
    if (c->unsayable && sim_chance(s, 50)) {
        field(c, SPAN("x-tollgate-drop-params"), span_of(awkward[c->said].name));
        c->unsayable = false;
        c->left_out = span_of(awkward[c->said].told);
    }
    c->body_len = (size_t)write[c->said](c, m->name, limit, awkwardly ? awkward[c->said].text : "");
    c->head.length = (int64_t)c->body_len;
    choose_lie(c);
    if (s->routes && sim_chance(s, 50))
        sim_route(c);
    if (c->routed) {
        c->cannot = c->unsayable || (awkwardly && !c->left_out.len) ? awkward[c->said].vendors : NULL;
        c->unsayable = false;
    }
}

/* ---- the vendor ---- */

/* Whole and in pieces: texts with %-signs are not printed. */
static void end_of_usage(struct sim_call *c, const struct buf *b) { c->l->usage_at = b->len; }

/* Why the answer ends, as each dialect has it. */
static const char *stop_word(const struct sim_call *c)
{
    static const struct {
        const char *done, *refused;
    } words[] = { [SIM_CHAT] = { "stop", "content_filter" }, [SIM_MESSAGES] = { "end_turn", "refusal" }, [SIM_GEMINI] = { "STOP", "SAFETY" }, [SIM_RESPONSES] = { "", "" }, [SIM_CONVERSE] = { "end_turn", "content_filtered" } };
    return c->l->lie == SIM_REFUSES ? words[c->l->heard].refused : words[c->l->heard].done;
}

static void chat_whole(struct sim_call *c, struct buf *b)
{
    buf_print(b, "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"%.*s\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"%s\"},\"finish_reason\":\"%s\"}]", SPAN_ARG(c->x.facts.model), c->l->words, stop_word(c));
    if (c->l->usage_said)
        buf_print(b, ",\"usage\":{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,\"total_tokens\":%lld}", (long long)c->l->took_in, (long long)c->l->took_out, (long long)(c->l->took_in + c->l->took_out));
    buf_print(b, "}");
}

static void chat_piece(struct sim_call *c, struct buf *b, const char *text)
{
    buf_print(b, "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"%.*s\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"},\"finish_reason\":null}]}\n\n", SPAN_ARG(c->x.facts.model), text);
}

static void chat_begin(struct sim_call *c, struct buf *b) { chat_piece(c, b, ""); }

static void chat_end(struct sim_call *c, struct buf *b)
{
    buf_print(b, "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"%s\"}]}\n\n", stop_word(c));
    if (c->l->usage_said)
        buf_print(b, "data: {\"id\":\"chatcmpl-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,\"total_tokens\":%lld}}\n\n", (long long)c->l->took_in, (long long)c->l->took_out, (long long)(c->l->took_in + c->l->took_out));
    end_of_usage(c, b);
    buf_print(b, "data: [DONE]\n\n");
}

static void chat_error(struct sim_call *c, struct buf *b)
{
    (void)c;
    buf_print(b, "data: {\"error\":{\"message\":\"no more\",\"type\":\"server_error\",\"code\":null}}\n\n");
}

static void messages_whole(struct sim_call *c, struct buf *b)
{
    buf_print(b, "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"%.*s\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}],\"stop_reason\":\"%s\",\"stop_sequence\":null", SPAN_ARG(c->x.facts.model), c->l->words, stop_word(c));
    if (c->l->usage_said)
        buf_print(b, ",\"usage\":{\"input_tokens\":%lld,\"output_tokens\":%lld}", (long long)c->l->took_in, (long long)c->l->took_out);
    buf_print(b, "}");
}

static void messages_begin(struct sim_call *c, struct buf *b)
{
    buf_print(b, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"%.*s\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null", SPAN_ARG(c->x.facts.model));
    if (c->l->usage_said)
        buf_print(b, ",\"usage\":{\"input_tokens\":%lld,\"output_tokens\":1}", (long long)c->l->took_in);
    buf_print(b, "}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n");
}

static void messages_piece(struct sim_call *c, struct buf *b, const char *text)
{
    (void)c;
    buf_print(b, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"%s\"}}\n\n", text);
}

static void messages_end(struct sim_call *c, struct buf *b)
{
    buf_print(b, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null}", stop_word(c));
    if (c->l->usage_said)
        buf_print(b, ",\"usage\":{\"output_tokens\":%lld}", (long long)c->l->took_out);
    buf_print(b, "}\n\n");
    end_of_usage(c, b);
    buf_print(b, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

static void messages_error(struct sim_call *c, struct buf *b)
{
    (void)c;
    buf_print(b, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"no more\"}}\n\n");
}

static void gemini_usage(struct sim_call *c, struct buf *b)
{
    if (c->l->usage_said)
        buf_print(b, ",\"usageMetadata\":{\"promptTokenCount\":%lld,\"candidatesTokenCount\":%lld,\"totalTokenCount\":%lld}", (long long)c->l->took_in, (long long)c->l->took_out, (long long)(c->l->took_in + c->l->took_out));
}

static void gemini_whole(struct sim_call *c, struct buf *b)
{
    buf_print(b, "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"%s\"}]},\"finishReason\":\"%s\",\"index\":0}],\"modelVersion\":\"%.*s\"", c->l->words, stop_word(c), SPAN_ARG(c->x.facts.model));
    gemini_usage(c, b);
    buf_print(b, "}");
}

static void gemini_piece(struct sim_call *c, struct buf *b, const char *text)
{
    buf_print(b, "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"%s\"}]},\"index\":0}],\"modelVersion\":\"%.*s\"}\r\n\r\n", text, SPAN_ARG(c->x.facts.model));
}

static void gemini_begin(struct sim_call *c, struct buf *b) { gemini_piece(c, b, c->l->lie == SIM_SILENT ? "" : "well "); }

static void gemini_end(struct sim_call *c, struct buf *b)
{
    buf_print(b, "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"%s\"}]},\"finishReason\":\"%s\",\"index\":0}]", c->l->lie == SIM_SILENT ? "" : "!", stop_word(c));
    gemini_usage(c, b);
    buf_print(b, "}\r\n\r\n");
    end_of_usage(c, b);
}

static void gemini_error(struct sim_call *c, struct buf *b)
{
    (void)c;
    buf_print(b, "data: {\"error\":{\"code\":503,\"message\":\"no more\",\"status\":\"UNAVAILABLE\"}}\r\n\r\n");
}

static void responses_usage(struct sim_call *c, struct buf *b)
{
    if (c->l->usage_said)
        buf_print(b, ",\"usage\":{\"input_tokens\":%lld,\"output_tokens\":%lld,\"total_tokens\":%lld}", (long long)c->l->took_in, (long long)c->l->took_out, (long long)(c->l->took_in + c->l->took_out));
}

static void responses_whole(struct sim_call *c, struct buf *b)
{
    buf_print(b, "{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":1,\"status\":\"completed\",\"model\":\"%.*s\",\"output\":[{\"type\":\"message\",\"id\":\"msg_1\",\"role\":\"assistant\",\"status\":\"completed\",\"content\":[{\"type\":\"output_text\",\"text\":\"%s\",\"annotations\":[]}]}]", SPAN_ARG(c->x.facts.model), c->l->words);
    responses_usage(c, b);
    buf_print(b, "}");
}

static void responses_begin(struct sim_call *c, struct buf *b)
{
    buf_print(b, "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"status\":\"in_progress\",\"model\":\"%.*s\",\"output\":[]}}\n\n", SPAN_ARG(c->x.facts.model));
}

static void responses_piece(struct sim_call *c, struct buf *b, const char *text)
{
    (void)c;
    buf_print(b, "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":1,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"%s\"}\n\n", text);
}

static void responses_end(struct sim_call *c, struct buf *b)
{
    buf_print(b, "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":9,\"response\":");
    responses_whole(c, b);
    buf_print(b, "}\n\n");
    end_of_usage(c, b);
}

static void responses_error(struct sim_call *c, struct buf *b)
{
    (void)c;
    buf_print(b, "event: error\ndata: {\"type\":\"error\",\"sequence_number\":3,\"code\":\"server_error\",\"message\":\"no more\",\"param\":null}\n\n");
}

static void converse_whole(struct sim_call *c, struct buf *b)
{
    buf_print(b, "{\"metrics\":{\"latencyMs\":1},\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{\"text\":\"%s\"}]}},\"stopReason\":\"%s\"", c->l->words, stop_word(c));
    if (c->l->usage_said)
        buf_print(b, ",\"usage\":{\"inputTokens\":%lld,\"outputTokens\":%lld,\"totalTokens\":%lld}", (long long)c->l->took_in, (long long)c->l->took_out, (long long)(c->l->took_in + c->l->took_out));
    buf_print(b, "}");
}

static void converse_begin(struct sim_call *c, struct buf *b)
{
    (void)c;
    frames_put_aws(b, SPAN("event"), SPAN("messageStart"), SPAN("{\"role\":\"assistant\"}"));
}

static void converse_piece(struct sim_call *c, struct buf *b, const char *text)
{
    char json[200];
    (void)c;
    snprintf(json, sizeof(json), "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"%s\"},\"p\":\"abc\"}", text);
    frames_put_aws(b, SPAN("event"), SPAN("contentBlockDelta"), span_of(json));
}

static void converse_end(struct sim_call *c, struct buf *b)
{
    char json[200] = "{\"metrics\":{\"latencyMs\":1}}";
    frames_put_aws(b, SPAN("event"), SPAN("contentBlockStop"), SPAN("{\"contentBlockIndex\":0}"));
    frames_put_aws(b, SPAN("event"), SPAN("messageStop"), SPAN("{\"stopReason\":\"end_turn\"}"));
    if (c->l->usage_said)
        snprintf(json, sizeof(json), "{\"metrics\":{\"latencyMs\":1},\"usage\":{\"inputTokens\":%lld,\"outputTokens\":%lld,\"totalTokens\":%lld}}", (long long)c->l->took_in, (long long)c->l->took_out, (long long)(c->l->took_in + c->l->took_out));
    frames_put_aws(b, SPAN("event"), SPAN("metadata"), span_of(json));
    end_of_usage(c, b);
}

static void converse_error(struct sim_call *c, struct buf *b)
{
    (void)c;
    frames_put_aws(b, SPAN("exception"), SPAN("throttlingException"), SPAN("{\"message\":\"no more\"}"));
}

struct voice {
    const char *path, *limit, *other_limit;
    struct span type;
    void (*whole)(struct sim_call *c, struct buf *b), (*begin)(struct sim_call *c, struct buf *b);
    void (*piece)(struct sim_call *c, struct buf *b, const char *text);
    void (*end)(struct sim_call *c, struct buf *b), (*error)(struct sim_call *c, struct buf *b);
};
static const struct voice voices[] = {
    [SIM_CHAT] = { "/chat/completions", "\"max_tokens\":", "\"max_completion_tokens\":", { "text/event-stream", 17 }, chat_whole, chat_begin, chat_piece, chat_end, chat_error },
    [SIM_MESSAGES] = { "/messages", "\"max_tokens\":", NULL, { "text/event-stream; charset=utf-8", 32 }, messages_whole, messages_begin, messages_piece, messages_end, messages_error },
    [SIM_GEMINI] = { "enerateContent", "\"maxOutputTokens\":", NULL, { "text/event-stream", 17 }, gemini_whole, gemini_begin, gemini_piece, gemini_end, gemini_error },
    [SIM_RESPONSES] = { "/responses", "\"max_output_tokens\":", NULL, { "text/event-stream", 17 }, responses_whole, responses_begin, responses_piece, responses_end, responses_error },
    [SIM_CONVERSE] = { "/converse", "\"maxTokens\":", NULL, { "application/vnd.amazon.eventstream", 34 }, converse_whole, converse_begin, converse_piece, converse_end, converse_error },
};
enum { VOICES = sizeof(voices) / sizeof(*voices) };

static int64_t limit_told(const struct voice *v, struct span body)
{
    int64_t limit = -1;
    const char *names[] = { v->limit, v->other_limit };
    for (size_t i = 0; i < 2 && names[i]; i++) {
        ptrdiff_t at = span_find(body, span_of(names[i]));
        struct span number = at < 0 ? SPAN_NONE : span_from(body, (size_t)at + span_of(names[i]).len);
        size_t len = 0;
        while (len < number.len && number.at[len] >= '0' && number.at[len] <= '9')
            len++;
        if (len && !span_to_i64(span_first(number, len), &limit))
            limit = -1;
    }
    return limit;
}

static void check_request(struct sim_call *c, struct span body, int64_t limit)
{
    struct sim *s = c->sim;
    char marker[32];
    if (limit < 0)
        sim_wrong(s, "a model was asked without an output limit, and a money budget applies");
    if (c->cannot && span_find(span_of(c->cannot), c->x.facts.vendor) >= 0 && c->l->heard != c->said)
        sim_wrong(s, "a routed call went to a vendor that cannot be told what it says");
    if (c->unsayable && c->l->heard != c->said)
        sim_wrong(s, "a call was forwarded without what its caller said, and nobody allowed that");
    bool sayable = c->routed && span_find(span_of(awkward[c->said].vendors), c->x.facts.vendor) < 0;
    if (c->left_out.len && !sayable && c->l->heard != c->said && span_find(body, c->left_out) >= 0)
        sim_wrong(s, "what was to be left out was told");
    snprintf(marker, sizeof(marker), "m%u.", c->number);
    if (span_find(body, span_of(marker)) < 0)
        sim_wrong(s, "a vendor was asked something else than its caller asked");
    snprintf(marker, sizeof(marker), "m%u.", c->previous_call);
    if (c->goes_on && c->l->heard != c->said && (!c->previous_call || span_find(body, span_of(marker)) < 0))
        sim_wrong(s, "a call that goes on went without what went before");
}

/* The body as it comes, with what the lie does to it. */
static void write_stream(struct sim_call *c, const struct voice *v, struct buf *b)
{
    static const char *const texts[] = { "one ", "two ", "three ", "four " };
    char text[48];
    uint32_t pieces = c->l->lie == SIM_SILENT ? 0 : 1 + sim_roll(c->sim, 4), odd = sim_roll(c->sim, pieces + 1);
    v->begin(c, b);
    for (uint32_t i = 0; i <= pieces; i++) {
        if (i == odd && c->l->lie == SIM_GARBAGE) {
            bool is_field = sim_chance(c->sim, 50); /* a line that event streams do not know is none of theirs, and is passed over */
            c->l->lie_at = is_field && c->l->heard != SIM_CONVERSE ? SIZE_MAX : b->len;
            buf_print(b, is_field ? "\x01\x02 no frame at all {{{\n\n" : "data: {\"id\":[[[\n\n");
        }
        if (i == odd && c->l->lie == SIM_ERROR_EVENT) {
            c->l->lie_at = b->len;
            v->error(c, b);
            return;
        }
        if (i < pieces) {
            snprintf(text, sizeof(text), "%szq%u. ", texts[i], c->l->number);
            v->piece(c, b, text);
        }
    }
    size_t before = b->len;
    v->end(c, b);
    c->l->end_at = b->len;
    if (c->l->lie == SIM_UNFINISHED) {
        c->l->lie_at = b->len = before - sim_roll(c->sim, 20);
        c->l->stream_unfinished = true;
    }
}

static void write_whole(struct sim_call *c, const struct voice *v, struct buf *b)
{
    v->whole(c, b);
    c->l->usage_at = c->l->end_at = b->len;
    if (c->l->lie == SIM_UNFINISHED || c->l->lie == SIM_GARBAGE)
        c->l->lie_at = b->len = sim_roll(c->sim, (uint32_t)b->len - 1);
}

static void compose_answer(struct sim_call *c, const struct voice *v)
{
    struct buf b;
    bool stream = c->stream != (c->l->lie == SIM_OTHER_SHAPE);
    c->l->words[0] = '\0';
    if (c->l->lie != SIM_SILENT)
        snprintf(c->l->words, sizeof(c->l->words), "one two zq%u. three", c->l->number);
    buf_init(&b, SIM_ANSWER);
    c->l->lie_at = SIZE_MAX;
    c->l->answers_stream = stream;
    if (stream)
        write_stream(c, v, &b);
    else
        write_whole(c, v, &b);
    if (c->l->lie == SIM_EMPTY)
        c->l->lie_at = b.len = 0;
    c->l->stream_unfinished = c->l->stream_unfinished || (stream && c->l->lie == SIM_EMPTY);
    must(!b.broken);
    memcpy(c->l->answer, b.at ? b.at : "", b.len);
    c->l->answer_len = b.len;
    c->l->answer_fields[0].value = c->l->lie == SIM_WRONG_TYPE ? SPAN("text/plain") : stream ? v->type : SPAN("application/json");
    c->l->answer_head.status = 200;
    buf_free(&b);
}

void sim_hear_model(struct sim_call *c, struct span head, struct span body)
{
    static const char *const refusals[] = { "{\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit\"}}", "<html>busy",
        "{\"error\":{\"message\":\"too long\",\"type\":\"invalid_request_error\",\"code\":\"context_length_exceeded\"}}", "" };
    struct sim *s = c->sim;
    const struct voice *v = NULL;
    struct span path = span_first(head, (size_t)span_find(head, SPAN("\r\n")));
    for (int i = 0; i < VOICES && !v; i++)
        if (span_find(path, span_of(voices[i].path)) >= 0)
            v = &voices[i], c->l->heard = (enum sim_dialect)i;
    if (!v) {
        sim_wrong(s, "a call went to a path of no dialect");
        return;
    }
    int64_t limit = limit_told(v, body), input = c->x.facts.worst[UNIT_TOKENS_IN];
    check_request(c, body, limit);
    c->l->took_in = 1 + sim_roll(s, (uint32_t)input);
    c->l->took_out = limit > 0 ? 1 + sim_roll(s, (uint32_t)limit) : 0;
    bool asked = c->l->heard != SIM_CHAT || !c->stream || span_find(body, SPAN("\"include_usage\":true")) >= 0 || span_find(body, SPAN("llama")) >= 0;
    if (!asked)
        sim_wrong(s, "a stream was asked for without its usage");
    c->l->usage_said = c->l->lie != SIM_NO_USAGE;
    if (c->l->vendor_refuses) {
        if (!c->routed)
            c->l->answer_head.status = sim_chance(s, 50) ? 429 : 503;
        c->l->answer_len = (size_t)snprintf(c->l->answer, SIM_ANSWER, "%s", refusals[sim_roll(s, c->routed ? 4 : 2)]);
        c->l->lie_at = SIZE_MAX;
        return;
    }
    compose_answer(c, v);
    c->l->answer_breaks_at = c->l->answer_len ? sim_roll(s, (uint32_t)c->l->answer_len + 1) : 0;
}

bool sim_stalls(struct sim_line *l)
{
    enum { IDLE_MS = 3000 };
    if (!l->stalled_ms)
        l->stalled_ms = l->call->sim->now_ms;
    if (l->call->sim->now_ms - l->stalled_ms < IDLE_MS)
        return true;
    if (l->stalls_at % 2) {
        l->stalls_at = SIZE_MAX;
        return false;
    }
    l->fault = E_UPSTREAM_TIMEOUT;
    return true;
}

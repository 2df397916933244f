/* SPDX-License-Identifier: Apache-2.0
 * tally.c - see tally.h. Sources: OpenAI's cookbook "How to count tokens with tiktoken" (messages, tools), "Images and vision", "Speech"
 * (ten tokens a second); Anthropic "Vision", "PDF support" (1,500 to 3,000 tokens of text a page, and each page a picture); Google
 * "Understand and count tokens" (258 a page, 32 a second of sound, 263 a second of video), each of November 2026. */
#include "dialect/tally.h"

#include "base/raw.h"
#include "dialect/media_size.h"
#include "dialect/picture.h"
#include "rules/tokens.h"

enum {
    EXACT_MOST = 4 << 20, /* bytes of text that are counted; what is beyond is taken to be like most texts */
    BYTES_A_TOKEN = 4,
    UNKNOWN_PICTURE = 1600,
};

/* Around messages, names and the answer; around tools, their arguments and the choices of those. */
enum { A_MESSAGE = 3, A_NAME = 1, THE_REPLY = 3, A_CALL = 3, ROLE_TOKENS = 1 };
enum { FUNCTION_O200K = 7, FUNCTION_CL100K = 10, ARGUMENTS = 3, AN_ARGUMENT = 3, CHOICES = -3, A_CHOICE = 3, ALL_FUNCTIONS = 12 };

enum maker { MAKER_OTHER, MAKER_OPENAI, MAKER_ANTHROPIC, MAKER_GOOGLE };

struct tally {
    enum vocabulary vocabulary;
    enum maker maker;
    struct span model;
    struct arena *arena;
    size_t left; /* of EXACT_MOST */
};

/* Where no vocabulary is known, a fifth more than by the largest known one: vocabularies are smaller, as a rule. */
static int64_t plain_tokens(struct tally *t, struct span plain)
{
    if (plain.len > t->left)
        return (int64_t)plain.len / BYTES_A_TOKEN;
    t->left -= plain.len;
    if (t->vocabulary != VOCABULARY_NONE)
        return tokens_count(t->vocabulary, plain);
    return (tokens_count(VOCABULARY_O200K, plain) * 6 + 4) / 5;
}

static int64_t text_tokens(struct tally *t, struct span raw)
{
    struct span plain = raw_text(raw, t->arena);
    return plain.at ? plain_tokens(t, plain) : (int64_t)raw.len / BYTES_A_TOKEN;
}

/* ---- media ---- */

static int64_t picture_tokens(const struct tally *t, const struct media *m)
{
    struct picture p;
    if (!picture_size(m->data, &p))
        return UNKNOWN_PICTURE;
    if (t->maker == MAKER_ANTHROPIC)
        return picture_anthropic(p);
    return t->maker == MAKER_GOOGLE ? picture_gemini(p) : picture_openai(p, t->model, m->detail);
}

static int64_t document_tokens(struct tally *t, const struct media *m)
{
    static const int64_t a_page[] = { [MAKER_OTHER] = 1500, [MAKER_OPENAI] = 1500, [MAKER_ANTHROPIC] = 2250 + 1600, [MAKER_GOOGLE] = 258 };
    if (m->plain_text.at)
        return text_tokens(t, m->plain_text);
    return m->data.len ? media_pages(m->data) * a_page[t->maker] : 0;
}

static int64_t media_tokens(struct tally *t, const struct part *p)
{
    switch (p->kind) {
    case PART_IMAGE:
        return picture_tokens(t, &p->media);
    case PART_DOCUMENT:
        return document_tokens(t, &p->media);
    case PART_AUDIO:
        return media_seconds(p->media.data) * (t->maker == MAKER_GOOGLE ? 32 : 10);
    case PART_VIDEO:
        return media_seconds(p->media.data) * 263;
    default:
        return 0;
    }
}

/* ---- messages ---- */

static int64_t part_tokens(struct tally *t, const struct part *first)
{
    int64_t tokens = 0;
    for (const struct part *p = first; p; p = p->next) {
        tokens += media_tokens(t, p) + part_tokens(t, p->content);
        if (p->text.at)
            tokens += text_tokens(t, p->text);
        if (p->kind == PART_TOOL_CALL)
            tokens += A_CALL + text_tokens(t, p->name) + plain_tokens(t, p->arguments);
        if (p->kind == PART_TOOL_RESULT && p != first)
            tokens += A_MESSAGE + ROLE_TOKENS; /* each is a message of its own */
    }
    return tokens;
}

static int64_t turn_tokens(struct tally *t, const struct turn *turn)
{
    int64_t tokens = A_MESSAGE + ROLE_TOKENS + part_tokens(t, turn->parts);
    return turn->name.at ? tokens + A_NAME + text_tokens(t, turn->name) : tokens;
}

/* ---- tools ---- */

static struct span without_stop(struct span text) { return span_ends(text, SPAN(".")) ? span_first(text, text.len - 1) : text; }

static int64_t argument_tokens(struct tally *t, struct span name, struct span schema)
{
    struct span type = raw_text(raw_member(schema, SPAN("type"), t->arena), t->arena);
    struct span about = raw_text(raw_member(schema, SPAN("description"), t->arena), t->arena);
    struct span choices = raw_member(schema, SPAN("enum"), t->arena), none, choice;
    struct span line = arena_print(t->arena, "%.*s:%.*s:%.*s", SPAN_ARG(name), SPAN_ARG(type), SPAN_ARG(without_stop(about)));
    int64_t tokens = AN_ARGUMENT + plain_tokens(t, line);
    if (choices.at)
        tokens += CHOICES;
    for (struct raw_iter it = raw_iter(choices, t->arena); raw_next(&it, &none, &choice);)
        tokens += A_CHOICE + text_tokens(t, choice);
    return tokens;
}

static int64_t function_tokens(struct tally *t, const struct tool *tool)
{
    struct span name = raw_text(tool->name, t->arena), about = raw_text(tool->description, t->arena), of, schema;
    struct span line = arena_print(t->arena, "%.*s:%.*s", SPAN_ARG(name), SPAN_ARG(without_stop(about)));
    struct span properties = raw_member(tool->schema, SPAN("properties"), t->arena);
    int64_t tokens = (t->vocabulary == VOCABULARY_CL100K ? FUNCTION_CL100K : FUNCTION_O200K) + plain_tokens(t, line);
    bool first = true;
    for (struct raw_iter it = raw_iter(properties, t->arena); raw_next(&it, &of, &schema); first = false)
        tokens += (first ? ARGUMENTS : 0) + argument_tokens(t, of, schema);
    return tokens;
}

static int64_t tool_tokens(struct tally *t, const struct tool *first)
{
    int64_t tokens = first ? ALL_FUNCTIONS : 0;
    for (const struct tool *tool = first; tool; tool = tool->next)
        tokens += tool->kind == TOOL_FUNCTION ? function_tokens(t, tool) : plain_tokens(t, tool->raw);
    return tokens;
}

/* ---- all of it ---- */

static enum maker maker_of(struct span model)
{
    if (span_find(model, SPAN("claude")) >= 0)
        return MAKER_ANTHROPIC;
    if (span_find(model, SPAN("gemini")) >= 0)
        return MAKER_GOOGLE;
    return span_find(model, SPAN("gpt")) >= 0 ? MAKER_OPENAI : MAKER_OTHER;
}

int64_t tally_call(const struct call *c, struct span provider, struct span model, struct arena *a)
{
    struct span name = span_starts(model, SPAN("openai/")) ? span_from(model, 7) : model;
    struct tally t = { .vocabulary = tokens_vocabulary(provider, model), .maker = maker_of(model), .model = name, .arena = a, .left = EXACT_MOST };
    int64_t tokens = THE_REPLY + tool_tokens(&t, c->tools);
    for (const struct turn *turn = c->turns; turn; turn = turn->next)
        tokens += turn_tokens(&t, turn);
    return c->schema.at ? tokens + plain_tokens(&t, c->schema) : tokens;
}

void tally_write(struct span dialect, int64_t tokens, struct buf *out)
{
    buf_print(out, span_is(dialect, SPAN("gemini")) ? "{\"totalTokens\":%lld}" : "{\"input_tokens\":%lld}", (long long)tokens);
}

/* SPDX-License-Identifier: Apache-2.0
 * speech.c - see speech.h. */
#include "sandbox/speech.h"

#include "base/text.h"

enum { BYTES_PER_TOKEN = 4, FRAME_TOKENS = 3 /* around each message */, QUESTION_SHOWN = 160 };

static int64_t tokens_of(struct span text) { return (int64_t)((text.len + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN); }

int64_t speech_tokens(struct json_value v)
{
    int64_t sum = 0;
    struct span name;
    struct json_value item;
    enum json_kind kind = json_kind(v);
    if (kind == JSON_STRING)
        return tokens_of(json_string(v));
    if (kind != JSON_ARRAY && kind != JSON_OBJECT)
        return kind == JSON_NUMBER;
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &item);)
        sum += speech_tokens(item) + (kind == JSON_ARRAY && json_kind(item) == JSON_OBJECT ? FRAME_TOKENS : 0);
    return sum;
}

int64_t speech_limit(struct json_value body, const char *name)
{
    int64_t limit;
    return json_integer(json_member(body, span_of(name)), &limit) && limit > 0 ? limit : -1;
}

/* The last text in v: the newest message's. */
static struct span last_text(struct json_value v)
{
    struct span found = SPAN_NONE, name;
    struct json_value item;
    if (json_kind(v) == JSON_STRING)
        return json_string(v);
    if (json_kind(v) == JSON_OBJECT) {
        struct json_value content = json_member(v, SPAN("content"));
        return last_text(json_kind(content) != JSON_NONE ? content : json_member(v, SPAN("text")));
    }
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &item);) {
        struct span text = last_text(item);
        found = text.at ? text : found;
    }
    return found;
}

/* The first n bytes, or a few less where a character would be cut in two. */
static struct span whole_characters(struct span text, size_t n)
{
    if (text.len <= n)
        return text;
    while (n > 0 && (text.at[n] & 0xC0) == 0x80)
        n--;
    return span_first(text, n);
}

bool speech_make(struct play *p, struct json_value body, const char *prompt, const char *more, int64_t limit, struct speech *out)
{
    struct json_value said = json_member(body, span_of(prompt));
    struct span question = whole_characters(last_text(said), QUESTION_SHOWN);
    *out = (struct speech){ .model = json_string(json_member(body, SPAN("model"))) };
    if (!out->model.len || json_kind(said) == JSON_NONE)
        return false;
    out->text = arena_print(p->arena, "This is the sandbox: no model ran, but the tokens are counted and priced as if one had. You asked: \"%.*s\"",
        SPAN_ARG(question.at ? question : SPAN("")));
    out->input = speech_tokens(said) + (more ? speech_tokens(json_member(body, span_of(more))) : 0) + FRAME_TOKENS;
    out->output = tokens_of(out->text);
    (void)json_bool(json_member(body, SPAN("stream")), &out->stream);
    if (limit < 0 || out->output <= limit)
        return true;
    out->cut = true;
    out->output = limit;
    out->text = whole_characters(out->text, (size_t)limit * BYTES_PER_TOKEN);
    return true;
}

bool speech_next(struct span *rest, struct span *word)
{
    ptrdiff_t blank = span_find_byte(*rest, ' ');
    if (!rest->len)
        return false;
    *word = blank < 0 ? *rest : span_first(*rest, (size_t)blank + 1);
    *rest = span_from(*rest, word->len);
    return true;
}

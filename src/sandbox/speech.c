/* SPDX-License-Identifier: Apache-2.0
 * speech.c - see speech.h. */
#include "sandbox/speech.h"

#include "base/text.h"

enum { BYTES_PER_TOKEN = 4, FRAME_TOKENS = 3 /* around each message */, QUESTION_SHOWN = 160, ARGUMENTS_MOST = 64 << 10 };

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
        static const char *const members[] = { "content", "parts" };
        for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
            if (json_kind(json_member(v, span_of(members[i]))) != JSON_NONE)
                return last_text(json_member(v, span_of(members[i])));
        return last_text(json_member(v, SPAN("text")));
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

bool speech_of(struct play *p, struct span model, struct json_value said, struct json_value more, int64_t limit, struct speech *out)
{
    struct span question = whole_characters(last_text(said), QUESTION_SHOWN);
    *out = (struct speech){ .model = model };
    if (!model.len || json_kind(said) == JSON_NONE)
        return false;
    out->text = arena_print(p->arena, "This is the sandbox: no model ran, but the tokens are counted and priced as if one had. You asked: \"%.*s\"",
        SPAN_ARG(question.at ? question : SPAN("")));
    out->input = speech_tokens(said) + speech_tokens(more) + FRAME_TOKENS;
    out->output = tokens_of(out->text);
    if (limit < 0 || out->output <= limit)
        return true;
    out->cut = true;
    out->output = limit;
    out->text = whole_characters(out->text, (size_t)limit * BYTES_PER_TOKEN);
    return true;
}

bool speech_make(struct play *p, struct json_value body, const char *prompt, const char *more, int64_t limit, struct speech *out)
{
    struct json_value none = { .doc = NULL };
    if (!speech_of(p, json_string(json_member(body, SPAN("model"))), json_member(body, span_of(prompt)),
            more ? json_member(body, span_of(more)) : none, limit, out))
        return false;
    (void)json_bool(json_member(body, SPAN("stream")), &out->stream);
    return true;
}

/* ---- tools ---- */

/* OpenAI's tools have their members in `function`, Anthropic's do not. */
static struct json_value inside(struct json_value tool)
{
    struct json_value function = json_member(tool, SPAN("function"));
    return json_kind(function) == JSON_OBJECT ? function : tool;
}

/* The one that is named, or the first where any will do; of kind JSON_NONE: none must be called. */
static struct json_value demanded(struct json_value body)
{
    struct json_value none = { .doc = NULL }, choice = json_member(body, SPAN("tool_choice")), tool;
    struct span any = json_kind(choice) == JSON_STRING ? json_string(choice) : json_string(json_member(choice, SPAN("type"))), name;
    struct span wanted = json_string(json_member(inside(choice), SPAN("name")));
    if (!wanted.at && !span_is(any, SPAN("required")) && !span_is(any, SPAN("any")))
        return none;
    for (struct json_iter it = json_iter(json_member(body, SPAN("tools"))); json_next(&it, &name, &tool);)
        if (!wanted.at || span_is(json_string(json_member(inside(tool), SPAN("name"))), wanted))
            return inside(tool);
    return none;
}

/* Something of the right type. */
static void put_made_up(struct json_out *o, struct json_value schema)
{
    struct span type = json_string(json_member(schema, SPAN("type"))), choice = json_string(json_path(schema, SPAN("enum.0")));
    if (span_is(type, SPAN("integer")) || span_is(type, SPAN("number")))
        json_put_raw(o, SPAN("1"));
    else if (span_is(type, SPAN("boolean")))
        json_put_raw(o, SPAN("true"));
    else if (span_is(type, SPAN("array")))
        json_put_raw(o, SPAN("[]"));
    else if (span_is(type, SPAN("object")))
        json_put_raw(o, SPAN("{}"));
    else
        json_put_string(o, choice.at ? choice : SPAN("sandbox"));
}

static struct span made_up(struct play *p, struct json_value schema)
{
    struct buf text;
    struct span name, made = SPAN_NONE, whole;
    struct json_value property;
    buf_init(&text, ARGUMENTS_MOST);
    struct json_out o = json_out(&text);
    json_open(&o, '{');
    for (struct json_iter it = json_iter(json_member(schema, SPAN("properties"))); json_next(&it, &name, &property);) {
        json_name(&o, name);
        put_made_up(&o, property);
    }
    json_close(&o, '}');
    if (buf_done(&text, &whole) == E_OK)
        made = arena_copy(p->arena, whole);
    buf_free(&text);
    return made;
}

void speech_call_tool(struct play *p, struct json_value body, int64_t limit, struct speech *s)
{
    struct json_value tool = demanded(body), schema = json_member(tool, SPAN("parameters"));
    struct span name = json_string(json_member(tool, SPAN("name")));
    if (!name.at)
        return;
    struct span arguments = made_up(p, json_kind(schema) == JSON_OBJECT ? schema : json_member(tool, SPAN("input_schema")));
    int64_t tokens = tokens_of(name) + tokens_of(arguments);
    if (!arguments.at || (limit >= 0 && tokens > limit))
        return;
    s->tool = name;
    s->arguments = arguments;
    s->output = tokens;
    s->cut = false;
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

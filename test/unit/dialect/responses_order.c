/* SPDX-License-Identifier: Apache-2.0
 * responses_order.c - is a stream of events of a response as OpenAI documents it? A small machine: created and in_progress first; items
 * one after the other, each added, told in pieces and done, contents within messages, with indexes that count up; numbers in sequence;
 * texts that are told whole are the sum of their pieces; the response at the end holds the items that were told. */
#include "responses_rig.h"

#include "dialect/member.h"

struct checking {
    struct json *json;
    struct arena *arena;
    int64_t sequence, outputs, content;
    bool created, progressed, item, part, summary, ended, failed;
    struct span id; /* of the open item */
    struct buf text; /* pieces of the open part */
    struct buf items; /* those that are done */
};

static struct span get(struct checking *c, struct span data, const char *name) { return raw_member(data, span_of(name), c->arena); }

static int64_t number(struct checking *c, struct span data, const char *name)
{
    int64_t n;
    return json_raw_integer(get(c, data, name), &n) ? n : -1;
}

static const char *check_response(struct checking *c, struct span data, const char *status)
{
    struct span response = get(c, data, "response");
    static const char *const needed[] = { "id", "object", "created_at", "status", "error", "incomplete_details", "instructions",
        "max_output_tokens", "model", "output", "parallel_tool_calls", "previous_response_id", "reasoning", "store", "temperature", "text",
        "tool_choice", "tools", "top_p", "truncation", "usage", "user", "metadata" };
    for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
        if (!get(c, response, needed[i]).at)
            return needed[i];
    return raw_is(get(c, response, "status"), span_of(status)) ? NULL : "status of the response";
}

static const char *check_end(struct checking *c, struct span data, const char *status)
{
    if (c->item)
        return "an item is open at the end";
    c->ended = true;
    struct span output = get(c, get(c, data, "response"), "output");
    if (!span_is(span_make(output.at + 1, output.len - 2), buf_span(&c->items)))
        return "the output at the end is not what was told";
    return check_response(c, data, status);
}

static const char *add_item(struct checking *c, struct span data)
{
    if (c->item || number(c, data, "output_index") != c->outputs)
        return "an item begins within another, or its index is wrong";
    c->item = true;
    c->part = c->summary = false;
    c->content = 0;
    c->id = get(c, get(c, data, "item"), "id");
    buf_clear(&c->text);
    return c->id.at ? NULL : "an item has no id";
}

static const char *end_item(struct checking *c, struct span data)
{
    struct span item = get(c, data, "item");
    if (!c->item || c->part || c->summary || number(c, data, "output_index") != c->outputs || !span_is(get(c, item, "id"), c->id))
        return "an item ends that did not begin, or has open parts";
    c->item = false;
    c->outputs++;
    if (c->items.len)
        buf_put_byte(&c->items, ',');
    buf_put(&c->items, item);
    return NULL;
}

static const char *piece(struct checking *c, struct span data, bool open)
{
    buf_put(&c->text, raw_inside(get(c, data, "delta")));
    return open ? NULL : "a piece of a part that is not open";
}

static const char *whole(struct checking *c, struct span data, const char *name, bool open)
{
    if (!open)
        return "the end of a part that is not open";
    return span_is(raw_inside(get(c, data, name)), buf_span(&c->text)) ? NULL : "a whole text is not the sum of its pieces";
}

static const char *toggle(struct checking *c, bool *open, bool to)
{
    if (*open == to)
        return "a part begins twice, or ends twice";
    *open = to;
    if (to)
        buf_clear(&c->text);
    return NULL;
}

static const char *check_content(struct checking *c, struct span type, struct span data)
{
    if (number(c, data, "content_index") != c->content)
        return "content_index";
    if (raw_is(type, SPAN("response.content_part.added")))
        return toggle(c, &c->part, true);
    if (raw_is(type, SPAN("response.content_part.done"))) {
        c->content++;
        return toggle(c, &c->part, false);
    }
    if (raw_is(type, SPAN("response.output_text.done")))
        return whole(c, data, "text", c->part);
    if (raw_is(type, SPAN("response.refusal.done")))
        return whole(c, data, "refusal", c->part);
    if (raw_is(type, SPAN("response.output_text.annotation.added")))
        return c->part && raw_kind(get(c, data, "annotation")) == JSON_OBJECT ? NULL : "an annotation of nothing";
    return raw_is(type, SPAN("response.output_text.delta")) || raw_is(type, SPAN("response.refusal.delta")) ? piece(c, data, c->part) : "its type";
}

static const char *check_summary(struct checking *c, struct span type, struct span data)
{
    if (number(c, data, "summary_index") != 0)
        return "summary_index";
    if (raw_is(type, SPAN("response.reasoning_summary_part.added")))
        return toggle(c, &c->summary, true);
    if (raw_is(type, SPAN("response.reasoning_summary_part.done")))
        return toggle(c, &c->summary, false);
    if (raw_is(type, SPAN("response.reasoning_summary_text.done")))
        return whole(c, data, "text", c->summary);
    return raw_is(type, SPAN("response.reasoning_summary_text.delta")) ? piece(c, data, c->summary) : "its type";
}

static const char *check_piece(struct checking *c, struct span type, struct span data)
{
    if (!c->item || !span_is(get(c, data, "item_id"), c->id) || number(c, data, "output_index") != c->outputs)
        return "a piece of an item that is not open";
    if (get(c, data, "content_index").at)
        return check_content(c, type, data);
    if (get(c, data, "summary_index").at)
        return check_summary(c, type, data);
    if (raw_is(type, SPAN("response.function_call_arguments.delta")) || raw_is(type, SPAN("response.custom_tool_call_input.delta")))
        return piece(c, data, true);
    if (raw_is(type, SPAN("response.function_call_arguments.done")))
        return whole(c, data, "arguments", true);
    return raw_is(type, SPAN("response.custom_tool_call_input.done")) ? whole(c, data, "input", true) : "its type";
}

static const char *check_event(struct checking *c, const struct sse_event *e)
{
    struct member m[] = { { .name = SPAN("type") }, { .name = SPAN("sequence_number") } };
    if (!member_find(c->json, e->data, m, 2, NULL) || !raw_is(m[0].raw, e->name))
        return "no JSON, or another type than the event's name";
    struct span type = m[0].raw;
    if (number(c, e->data, "sequence_number") != c->sequence++)
        return "sequence_number";
    if (c->ended)
        return "an event behind the end";
    if (c->failed != raw_is(type, SPAN("response.failed")))
        return "response.failed stands behind an error, and nothing else";
    if (c->failed) {
        c->ended = true;
        return check_response(c, e->data, "failed");
    }
    if (raw_is(type, SPAN("error"))) {
        c->failed = true;
        return get(c, e->data, "code").at && get(c, e->data, "message").at ? NULL : "an error without code or message";
    }
    if (!c->created || !c->progressed) {
        bool *next = c->created ? &c->progressed : &c->created;
        bool right = raw_is(type, c->created ? SPAN("response.in_progress") : SPAN("response.created"));
        *next = true;
        return right ? check_response(c, e->data, "in_progress") : "the first events";
    }
    if (raw_is(type, SPAN("response.completed")))
        return check_end(c, e->data, "completed");
    if (raw_is(type, SPAN("response.incomplete")))
        return check_end(c, e->data, "incomplete");
    if (raw_is(type, SPAN("response.output_item.added")))
        return add_item(c, e->data);
    return raw_is(type, SPAN("response.output_item.done")) ? end_item(c, e->data) : check_piece(c, type, e->data);
}

const char *responses_order(struct json *j, struct span stream, struct arena *a)
{
    enum { CHECK_MOST = 16 << 20 };
    struct checking c = { .json = j, .arena = a };
    struct sse sse;
    struct sse_event e;
    const char *wrong = NULL;
    sse_init(&sse, CHECK_MOST);
    buf_init(&c.text, CHECK_MOST);
    buf_init(&c.items, CHECK_MOST);
    while (!wrong && sse_next(&sse, &stream, &e)) {
        char *padded = arena_take(a, e.data.len + BUF_SLACK);
        if (padded)
            memcpy(padded, e.data.at, e.data.len);
        e.data = span_make(padded, e.data.len);
        wrong = check_event(&c, &e);
    }
    if (!wrong && (!c.ended || sse_rest(&sse).len))
        wrong = "it has no end";
    sse_free(&sse);
    buf_free(&c.text);
    buf_free(&c.items);
    return wrong;
}

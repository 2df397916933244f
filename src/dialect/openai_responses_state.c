/* SPDX-License-Identifier: Apache-2.0
 * openai_responses_state.c - see openai_responses_state.h. */
#include "dialect/openai_responses_state.h"

#include "dialect/member.h"

enum { ITEMS_MOST = 100, ITEMS_USUAL = 20 };

/* --- input --- */

/* The items of an input, without brackets; a string is one message. */
static void put_items(struct json_out *o, struct span input, struct arena *a)
{
    struct raw_iter it = raw_iter(input, a);
    struct span name, item;
    if (raw_kind(input) == JSON_STRING) {
        json_open(o, '{');
        json_pair(o, SPAN("type"), SPAN("message"));
        json_pair(o, SPAN("role"), SPAN("user"));
        json_name(o, SPAN("content"));
        json_open(o, '[');
        json_open(o, '{');
        json_pair(o, SPAN("type"), SPAN("input_text"));
        json_pair_raw(o, SPAN("text"), input);
        json_close(o, '}');
        json_close(o, ']');
        json_close(o, '}');
    }
    while (raw_kind(input) == JSON_ARRAY && raw_next(&it, &name, &item))
        json_put_raw(o, item);
}

/* --- remembering --- */

enum err responses_remember(struct json *j, struct span body, struct span response, struct arena *a, struct buf *out)
{
    struct member input = { .name = SPAN("input") }, output = { .name = SPAN("output") };
    if (!member_find(j, body, &input, 1, NULL) || !member_find(j, response, &output, 1, NULL) || output.kind != JSON_ARRAY)
        return E_BAD_REQUEST;
    if (body.len > RESPONSES_STATE_MOST || response.len > RESPONSES_STATE_MOST)
        return E_TOO_LARGE;
    size_t before = out->len;
    struct json_out o = json_out(out);
    json_open(&o, '{');
    json_name(&o, SPAN("input"));
    json_open(&o, '[');
    put_items(&o, input.raw, a);
    json_close(&o, ']');
    json_pair_raw(&o, SPAN("response"), response);
    json_close(&o, '}');
    if (a->broken)
        return E_NO_MEMORY;
    return out->broken || out->len - before > RESPONSES_STATE_MOST ? E_TOO_LARGE : E_OK;
}

struct span responses_id(struct json *j, struct span response, struct arena *a)
{
    struct member id = { .name = SPAN("id") };
    return member_find(j, response, &id, 1, NULL) ? raw_text(id.raw, a) : SPAN_NONE;
}

/* --- continuing --- */

static bool open_state(struct json *j, struct span state, struct member *m)
{
    m[0] = (struct member){ .name = SPAN("input") };
    m[1] = (struct member){ .name = SPAN("response") };
    return member_find(j, state, m, 2, NULL) && m[0].kind == JSON_ARRAY && m[1].kind == JSON_OBJECT;
}

struct continuing {
    struct json_out out;
    struct span input;
};

static bool copy_member(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct continuing *c = self;
    (void)kind;
    if (span_is(name, SPAN("input")))
        c->input = raw;
    else if (!span_is(name, SPAN("previous_response_id")))
        json_pair_raw(&c->out, name, raw);
    return true;
}

enum err responses_continue(struct json *j, struct span body, struct span state, struct arena *a, struct buf *out)
{
    struct member m[2];
    struct continuing c = { .out = json_out(out) };
    const char *why;
    if (!open_state(j, state, m))
        return E_NOT_FOUND;
    json_open(&c.out, '{');
    enum err e = json_scan(j, body, true, copy_member, &c, &why);
    if (e)
        return e;
    json_name(&c.out, SPAN("input"));
    json_open(&c.out, '[');
    put_items(&c.out, m[0].raw, a);
    put_items(&c.out, raw_member(m[1].raw, SPAN("output"), a), a);
    put_items(&c.out, c.input, a);
    json_close(&c.out, ']');
    json_close(&c.out, '}');
    if (a->broken)
        return E_NO_MEMORY;
    return out->broken ? E_TOO_LARGE : E_OK;
}

/* --- asking for it again --- */

enum err responses_retrieve(struct json *j, struct span state, struct arena *a, struct buf *out)
{
    struct member m[2];
    (void)a;
    if (!open_state(j, state, m))
        return E_NOT_FOUND;
    buf_put(out, m[1].raw);
    return out->broken ? E_TOO_LARGE : E_OK;
}

void responses_deleted(struct span id, struct buf *out)
{
    struct json_out o = json_out(out);
    json_open(&o, '{');
    json_pair(&o, SPAN("id"), id);
    json_pair(&o, SPAN("object"), SPAN("response"));
    json_pair_bool(&o, SPAN("deleted"), true);
    json_close(&o, '}');
}

/* Items as they were sent may have no id, and messages no type; listed, they have both. */
struct listed {
    struct span item, id; /* raw */
};

static struct span id_of(struct span item, struct span response, size_t number, struct arena *a)
{
    struct span id = raw_member(item, SPAN("id"), a);
    return raw_kind(id) == JSON_STRING ? id : made_up_id("msg_", span_hash(raw_member(response, SPAN("id"), a), 0), UINT64_C(1) << 32 | number, a);
}

static void put_listed(struct json_out *o, const struct listed *l, struct arena *a)
{
    struct raw_iter it = raw_iter(l->item, a);
    struct span name, value;
    json_open(o, '{');
    json_pair_raw(o, SPAN("id"), l->id);
    if (!raw_member(l->item, SPAN("type"), a).at)
        json_pair(o, SPAN("type"), SPAN("message"));
    while (raw_next(&it, &name, &value)) {
        bool text = span_is(name, SPAN("content")) && raw_kind(value) == JSON_STRING;
        if (span_is(name, SPAN("id")))
            continue;
        json_name(o, name);
        if (!text) {
            json_put_raw(o, value);
            continue;
        }
        bool answer = raw_is(raw_member(l->item, SPAN("role"), a), SPAN("assistant"));
        json_open(o, '[');
        json_open(o, '{');
        json_pair(o, SPAN("type"), answer ? SPAN("output_text") : SPAN("input_text"));
        json_pair_raw(o, SPAN("text"), value);
        json_close(o, '}');
        json_close(o, ']');
    }
    json_close(o, '}');
}

/* All of them, in the order that is asked for. */
static struct listed *list_items(struct span input, struct span response, bool oldest_first, struct arena *a, size_t *count)
{
    struct listed *list = NULL;
    struct raw_iter it = raw_iter(input, a);
    struct span name, item;
    for (*count = 0; raw_next(&it, &name, &item);) {
        list = ARENA_GROW(a, list, *count);
        if (!list)
            return NULL;
        list[*count] = (struct listed){ item, id_of(item, response, *count, a) };
        ++*count;
    }
    for (size_t i = 0; !oldest_first && i < *count / 2; i++) {
        struct listed other = list[i];
        list[i] = list[*count - 1 - i];
        list[*count - 1 - i] = other;
    }
    return list;
}

enum err responses_input_items(struct json *j, struct span state, const struct responses_page *page, struct arena *a, struct buf *out)
{
    struct member m[2];
    size_t count = 0, from = 0, limit = page->limit < 1 ? ITEMS_USUAL : page->limit > ITEMS_MOST ? ITEMS_MOST : (size_t)page->limit;
    if (!open_state(j, state, m))
        return E_NOT_FOUND;
    struct listed *list = list_items(m[0].raw, m[1].raw, page->oldest_first, a, &count);
    for (size_t i = 0; page->after.at && list && i < count; i++)
        if (raw_is(list[i].id, page->after))
            from = i + 1;
    size_t to = count - from > limit ? from + limit : count;
    struct json_out o = json_out(out);
    json_open(&o, '{');
    json_pair(&o, SPAN("object"), SPAN("list"));
    json_name(&o, SPAN("data"));
    json_open(&o, '[');
    for (size_t i = from; list && i < to; i++)
        put_listed(&o, &list[i], a);
    json_close(&o, ']');
    json_pair_raw(&o, SPAN("first_id"), list && from < to ? list[from].id : SPAN_NONE);
    json_pair_raw(&o, SPAN("last_id"), list && from < to ? list[to - 1].id : SPAN_NONE);
    json_pair_bool(&o, SPAN("has_more"), to < count);
    json_close(&o, '}');
    if (a->broken)
        return E_NO_MEMORY;
    return out->broken ? E_TOO_LARGE : E_OK;
}

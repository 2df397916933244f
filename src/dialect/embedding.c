/* SPDX-License-Identifier: Apache-2.0
 * embedding.c - see embedding.h. */
#include "dialect/embedding.h"

#include <math.h>
#include <stdlib.h>

#include "base/raw.h"

enum { NUMBER_MOST = 64 };

/* ---- asking ---- */

void embedding_write(struct span model, struct span text, struct buf *out)
{
    struct json_out o = json_out(out);
    json_open(&o, '{');
    json_pair(&o, SPAN("model"), model);
    json_pair(&o, SPAN("input"), text);
    json_close(&o, '}');
}

/* A number of the answer's list, as it is written. */
static bool read_number(struct span raw, float *out)
{
    char text[NUMBER_MOST], *end;
    if (raw_kind(raw) != JSON_NUMBER || raw.len >= sizeof(text))
        return false;
    memcpy(text, raw.at, raw.len);
    text[raw.len] = '\0';
    *out = strtof(text, &end);
    return *end == '\0' && isfinite(*out);
}

static size_t read_numbers(struct span list, float *out, size_t room, const char **why)
{
    size_t count = 0;
    struct span name, item;
    for (struct raw_iter it = raw_iter(list, NULL); raw_next(&it, &name, &item); count++) {
        if (count == room)
            return *why = "the vector has too many components", 0;
        if (!read_number(item, &out[count]))
            return *why = "a component of the vector is no number", 0;
    }
    return count;
}

struct data {
    struct span list;
};

static bool find_data(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct data *d = self;
    if (span_is(name, SPAN("data")) && kind == JSON_ARRAY)
        d->list = raw;
    return true;
}

size_t embedding_read(struct json *j, struct span body, float *out, size_t room, const char **why)
{
    struct data d = { SPAN_NONE };
    struct span name, first = SPAN_NONE;
    struct arena names;
    *why = "the answer has no vector in it";
    if (json_scan(j, body, false, find_data, &d, why) != E_OK || !d.list.at)
        return 0;
    arena_init(&names, 4096);
    struct raw_iter it = raw_iter(d.list, &names);
    bool some = raw_next(&it, &name, &first);
    struct span vector = some ? raw_member(first, SPAN("embedding"), &names) : SPAN_NONE;
    size_t count = raw_kind(vector) == JSON_ARRAY ? read_numbers(vector, out, room, why) : 0;
    arena_free(&names);
    return count;
}

/* ---- the last turn ---- */

/* Places of raw strings in the body, in order. */
struct holes {
    struct span body;
    struct buf text, rest;
    const char *at; /* up to where `rest` was copied */
    size_t count;
};

static bool take_text(struct holes *h, struct span raw, struct arena *a)
{
    struct span text = raw_text(raw, a);
    if (!text.at)
        return false;
    if (h->count++)
        buf_put(&h->text, SPAN("\n"));
    buf_put(&h->text, text);
    buf_put(&h->rest, span_make(h->at, (size_t)(raw.at - h->at)));
    buf_put(&h->rest, SPAN("\"\""));
    h->at = raw.at + raw.len;
    return true;
}

static bool is_words(struct span part, struct arena *a)
{
    struct span type = raw_member(part, SPAN("type"), a);
    return raw_kind(part) == JSON_OBJECT && (!type.at || raw_is(type, SPAN("text")) || raw_is(type, SPAN("input_text")));
}

/* "content": a text or parts; Gemini's "parts". */
static bool take_content(struct holes *h, struct span content, struct arena *a)
{
    struct span name, part;
    if (raw_kind(content) == JSON_STRING)
        return take_text(h, content, a);
    for (struct raw_iter it = raw_iter(content, a); raw_next(&it, &name, &part);)
        if (!is_words(part, a) || !take_text(h, raw_member(part, SPAN("text"), a), a))
            return false;
    return h->count > 0;
}

static bool take_turn(struct holes *h, struct span turn, struct arena *a, const char **why)
{
    struct span role = raw_member(turn, SPAN("role"), a), content = raw_member(turn, SPAN("content"), a);
    *why = "the last turn is not the user's";
    if (raw_kind(turn) != JSON_OBJECT || (role.at && !raw_is(role, SPAN("user"))))
        return false;
    *why = "something else than words stands in the last turn";
    return take_content(h, content.at ? content : raw_member(turn, SPAN("parts"), a), a);
}

static struct span last_of(struct span list, struct arena *a)
{
    struct span name, item, last = SPAN_NONE;
    for (struct raw_iter it = raw_iter(list, a); raw_next(&it, &name, &item);)
        last = item;
    return last;
}

static struct span turns_of(struct span body, struct arena *a)
{
    static const struct span names[] = { { "messages", 8 }, { "contents", 8 }, { "input", 5 } };
    struct span found = SPAN_NONE;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !found.at; i++)
        found = raw_member(body, names[i], a);
    return found;
}

static bool take_last(struct holes *h, struct span turns, struct arena *a, const char **why)
{
    *why = "this call is no chat";
    if (raw_kind(turns) == JSON_STRING)
        return take_text(h, turns, a);
    struct span last = raw_kind(turns) == JSON_ARRAY ? last_of(turns, a) : SPAN_NONE;
    return last.at && take_turn(h, last, a, why);
}

bool last_turn_read(struct span body, size_t most, struct arena *a, struct last_turn *out, const char **why)
{
    struct holes h = { .body = body, .at = body.at };
    buf_init(&h.text, most);
    buf_init(&h.rest, body.len + 16);
    bool good = take_last(&h, turns_of(body, a), a, why);
    if (good) {
        buf_put(&h.rest, span_make(h.at, (size_t)(body.at + body.len - h.at)));
        *why = h.text.broken ? "the last turn is longer than is compared" : "the last turn is empty";
        good = !h.text.broken && !h.rest.broken && span_trim(buf_span(&h.text)).len > 0;
        out->text = arena_copy(a, buf_span(&h.text));
        out->rest = arena_copy(a, buf_span(&h.rest));
        good = good && out->text.at && out->rest.at;
    }
    buf_free(&h.text);
    buf_free(&h.rest);
    return good;
}

/* SPDX-License-Identifier: Apache-2.0
 * foreign.c - see foreign.h. */
#include "dialect/foreign.h"

#include "base/json.h"
#include "base/raw.h"

static const struct span mark = { "\"tg.", 4 };

bool foreign_is_in(struct span body)
{
    while (body.len > mark.len) {
        const char *at = memchr(body.at, '"', body.len - mark.len);
        if (!at)
            return false;
        body = span_from(body, (size_t)(at - body.at));
        if (span_starts(body, mark))
            return true;
        body = span_from(body, 1);
    }
    return false;
}

/* A thought: Anthropic's of both kinds, OpenAI's. */
static bool is_thought(struct span item, struct arena *a)
{
    static const struct span names[] = { { "signature", 9 }, { "encrypted_content", 17 }, { "data", 4 } };
    for (size_t i = 0; raw_kind(item) == JSON_OBJECT && i < sizeof(names) / sizeof(*names); i++)
        if (span_starts(raw_member(item, names[i], a), mark))
            return true;
    return false;
}

static bool is_signature(struct span name, struct span value)
{
    return (span_is(name, SPAN("thoughtSignature")) || span_is(name, SPAN("thought_signature"))) && span_starts(value, mark);
}

static void put(struct json_out *o, struct span value, struct arena *a)
{
    enum json_kind kind = raw_kind(value);
    struct raw_iter it = raw_iter(value, a);
    struct span name, inner;
    if ((kind != JSON_OBJECT && kind != JSON_ARRAY) || !foreign_is_in(value)) {
        json_put_raw(o, value);
        return;
    }
    json_open(o, kind == JSON_OBJECT ? '{' : '[');
    while (raw_next(&it, &name, &inner)) {
        if (kind == JSON_OBJECT ? is_signature(name, inner) : is_thought(inner, a))
            continue;
        if (kind == JSON_OBJECT)
            json_name(o, name);
        put(o, inner, a);
    }
    json_close(o, kind == JSON_OBJECT ? '}' : ']');
}

void foreign_strip(struct span body, struct arena *a, struct buf *out)
{
    struct json_out o = json_out(out);
    put(&o, body, a);
    if (a->broken)
        out->broken = true;
}

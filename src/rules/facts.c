/* SPDX-License-Identifier: Apache-2.0
 * facts.c - tags: what a call's metadata says, laid under what its key says. Who asks for them: budget.c. */
#include "rules/facts.h"

struct span tag_find(const struct tag *tags, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(tags[i].name, name))
            return tags[i].value;
    return SPAN_NONE;
}

/* SPAN_NONE: no tag; or a is out of memory, and broken. */
static struct span value_of(struct json_value v, struct arena *a)
{
    bool flag;
    switch (json_kind(v)) {
    case JSON_STRING:
        return arena_copy(a, json_string(v));
    case JSON_NUMBER:
        return json_decimal(v, a);
    case JSON_BOOL:
        return json_bool(v, &flag) && flag ? SPAN("true") : SPAN("false");
    default:
        return SPAN_NONE;
    }
}

static bool wanted(struct json_value v)
{
    enum json_kind kind = json_kind(v);
    return kind == JSON_STRING || kind == JSON_NUMBER || kind == JSON_BOOL;
}

static size_t tags_in(struct json_value metadata)
{
    struct span name;
    struct json_value item;
    size_t count = 0;
    for (struct json_iter it = json_iter(metadata); json_next(&it, &name, &item);)
        count += wanted(item);
    return count;
}

static enum err refuse(const char **why, const char *text)
{
    *why = text;
    return E_BAD_REQUEST;
}

static enum err add(struct arena *a, struct tag *list, size_t *count, struct span name, struct json_value item, const char **why)
{
    struct tag tag = { arena_copy(a, name), value_of(item, a) };
    if (a->broken)
        return E_NO_MEMORY;
    if (!tag.value.at)
        return refuse(why, "a number in it is too large");
    list[(*count)++] = tag;
    return E_OK;
}

static enum err fill(struct json_value metadata, struct tag *list, size_t own_count, struct arena *a, size_t *count, const char **why)
{
    struct span name;
    struct json_value item;
    enum err e = E_OK;
    for (struct json_iter it = json_iter(metadata); !e && json_next(&it, &name, &item);) {
        if (!wanted(item) || tag_find(list, own_count, name).at)
            continue;
        if (tag_find(list, *count, name).at)
            return refuse(why, "a name stands twice");
        if (*count == FACTS_TAGS)
            return refuse(why, "more than 64 members, those of the key included");
        e = add(a, list, count, name, item, why);
    }
    return e;
}

enum err tags_read(struct json_value metadata, const struct tag *own, size_t own_count, struct arena *a, const struct tag **out, size_t *count, const char **why)
{
    must(own_count <= FACTS_TAGS);
    *out = own;
    *count = own_count;
    if (json_kind(metadata) == JSON_NONE)
        return E_OK;
    if (json_kind(metadata) != JSON_OBJECT)
        return refuse(why, "an object is expected");
    size_t most = own_count + tags_in(metadata);
    struct tag *list = ARENA_ARRAY(a, struct tag, most < FACTS_TAGS ? most + 1 : FACTS_TAGS);
    if (!list)
        return E_NO_MEMORY;
    for (size_t i = 0; i < own_count; i++)
        list[i] = own[i];
    enum err e = fill(metadata, list, own_count, a, count, why);
    *out = list;
    return e;
}

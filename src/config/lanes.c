/* SPDX-License-Identifier: Apache-2.0
 * lanes.c - the lanes of a vendor: which of its operations a translated call can take, and under which path.
 *
 * What a caller names (a model) stands in a path only where it can be nothing but that one step: the target is matched against the
 * vendor's table again, and must be the lane's own operation. */
#include "base/text.h"
#include "config/parts.h"

enum { MODEL_LONGEST = 512, TARGET_MOST = 4096 };

/* ---- compiling ---- */

/* Whether a stream of this dialect has an operation of its own, which serves the same models. */
static bool streams_elsewhere(const struct operation *list, size_t count, const struct operation *op)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].streams && span_is(list[i].dialect, op->dialect))
            return true;
    return false;
}

enum err lanes_set(struct load *l, struct upstream *u)
{
    size_t count;
    const struct operation *list = vendor_operations(&u->vendor, &count);
    u->lanes = ARENA_ARRAY(l->a, struct lane, count + 1);
    if (!u->lanes)
        return E_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const struct operation *op = &list[i];
        const struct dialect *d = u->dialects[op->index];
        u->llm = u->llm || d;
        if (!d || !d->translator || !d->translator->write_call || op->untranslated)
            continue;
        enum lane_use use = op->streams ? LANE_STREAM : streams_elsewhere(list, count, op) ? LANE_WHOLE : LANE_BOTH;
        u->lanes[u->lane_count++] = (struct lane){ op, d, use };
    }
    return E_OK;
}

/* ---- for calls ---- */

const struct lane *upstream_lane(const struct upstream *u, const struct dialect *wanted, bool stream, struct span model)
{
    const struct lane *other = NULL;
    for (size_t i = 0; i < u->lane_count; i++) {
        const struct lane *l = &u->lanes[i];
        if (l->use == (stream ? LANE_WHOLE : LANE_STREAM) || !operation_serves(l->operation, model))
            continue;
        if (l->dialect == wanted)
            return l;
        if (!other)
            other = l;
    }
    return other;
}

struct span upstream_price_model(const struct upstream *u, struct span model)
{
    for (size_t i = 0; i < u->model_count; i++)
        if (span_is(u->models[i].called, model))
            return u->models[i].priced;
    return model;
}

static struct span setting(const struct upstream *u, struct span name)
{
    const struct node *lists[] = { u->settings, u->vendor.settings };
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        for (const struct node *n = lists[i] ? lists[i]->first : NULL; n; n = n->next)
            if (span_is(n->name, name) && n->kind == NODE_SCALAR && n->text.len)
                return n->text;
    return SPAN_NONE;
}

/* An ARN may name a resource with slashes; no other name of a model may be several steps. */
static bool fits_a_step(struct span value)
{
    bool arn = span_starts(value, SPAN("arn:"));
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];
        if (c <= 0x20 || c >= 0x7f || memchr("\\?#%;\"<>^`{|}", c, sizeof("\\?#%;\"<>^`{|}") - 1) || (c == '/' && !arn))
            return false;
    }
    return value.len && value.len <= MODEL_LONGEST && !span_is(value, SPAN(".")) && span_find(value, SPAN("..")) < 0;
}

/* "models/gemini-2.5-flash" behind ".../models/" is the model without it. */
static struct span without_folder(struct span written, struct span value)
{
    bool twice = span_ends(written, SPAN("/models/")) && span_starts(value, SPAN("models/"));
    return twice ? span_from(value, sizeof("models/") - 1) : value;
}

static bool put_target(struct buf *b, const struct upstream *u, const struct operation *op, struct span model)
{
    struct span rest = op->path, literal, name;
    while (span_cut(&rest, '{', &literal)) {
        buf_put(b, literal);
        if (!span_cut(&rest, '}', &name))
            return false;
        bool is_model = op->model.at && span_is(name, op->model);
        struct span value = is_model ? without_folder(buf_span(b), model) : setting(u, name);
        if (!fits_a_step(value))
            return false;
        buf_put_percent(b, value, SPAN_NONE);
    }
    buf_put(b, rest);
    return !b->broken;
}

struct span lane_target(const struct upstream *u, const struct lane *l, struct span model, struct arena *a, struct span *query)
{
    const struct operation *op = l->operation;
    struct matched m;
    struct buf b;
    buf_init(&b, TARGET_MOST);
    bool good = put_target(&b, u, op, model) && vendor_match(&u->vendor, op->method, buf_span(&b), &m) && m.operation == op;
    struct span path = good ? arena_copy(a, buf_span(&b)) : SPAN_NONE;
    buf_free(&b);
    *query = path.at ? op->query : SPAN_NONE;
    return path;
}

/* SPDX-License-Identifier: Apache-2.0
 * sheet_models_dev.c - reads models.dev's api.json: providers with their models, prices in USD per million tokens. */
#include "base/raw.h"
#include "cli/sheet_read.h"

enum { RATE_DIGITS = 9, STEP_USUAL = 200000 /* of the older "context_over_200k" */ };

static const struct {
    const char *name, *meter;
} rates[] = {
    { "input", "in" }, { "output", "out" }, { "cache_read", "cache_read" }, { "cache_write", "cache_write" }, { "reasoning", "reason" },
    { "input_audio", "audio_in" }, { "output_audio", "audio_out" },
};

struct entry {
    struct sheet *s;
    struct sheet_row *row;
    struct span id, body;
};

static struct span member(const struct entry *e, const char *name) { return raw_member(e->body, span_of(name), e->s->arena); }

static bool put_rate(const struct entry *e, struct span condition, struct span name, struct span value)
{
    for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
        if (!span_is(name, span_of(rates[i].name)))
            continue;
        struct span rate = sheet_number(e->s, value, 0, RATE_DIGITS, name, e->id);
        if (rate.at)
            sheet_rate(e->s, e->row, condition, rates[i].meter, rate);
        return true;
    }
    return false;
}

static void put_step(const struct entry *e, int64_t above, struct span object)
{
    struct span condition = arena_print(e->s->arena, "tier>%lld", (long long)above);
    struct raw_iter it = raw_iter(object, e->s->arena);
    for (struct span name, value; raw_next(&it, &name, &value);)
        if (!span_is(name, SPAN("tier")) && !put_rate(e, condition, name, value))
            sheet_skip(e->s, arena_print(e->s->arena, "cost.tiers.%.*s", SPAN_ARG(name)), e->id);
}

/* [ { "tier": { "type": "context", "size": 272000 }, "input": ... } ] */
static void put_steps(const struct entry *e, struct span list)
{
    struct arena *a = e->s->arena;
    struct raw_iter it = raw_iter(list, a);
    for (struct span none, item; raw_next(&it, &none, &item);) {
        struct span tier = raw_member(item, SPAN("tier"), a);
        int64_t size = sheet_count(raw_member(tier, SPAN("size"), a), a);
        if (size && raw_is(raw_member(tier, SPAN("type"), a), SPAN("context")))
            put_step(e, size, item);
        else
            sheet_skip(e->s, SPAN("cost.tiers by something else than context"), e->id);
    }
}

static void put_cost(const struct entry *e)
{
    struct span cost = member(e, "cost"), steps = raw_member(cost, SPAN("tiers"), e->s->arena);
    struct raw_iter it = raw_iter(cost, e->s->arena);
    for (struct span name, value; raw_next(&it, &name, &value);) {
        if (span_is(name, SPAN("tiers")))
            put_steps(e, value);
        else if (span_is(name, SPAN("context_over_200k"))) {
            if (raw_kind(steps) != JSON_ARRAY) /* the newer form says it better */
                put_step(e, STEP_USUAL, value);
        } else if (!put_rate(e, SPAN(""), name, value))
            sheet_skip(e->s, arena_print(e->s->arena, "cost.%.*s", SPAN_ARG(name)), e->id);
    }
}

static void put_flag(const struct entry *e, const char *name, bool when, const char *ability)
{
    if (span_is(member(e, name), when ? SPAN("true") : SPAN("false")))
        sheet_ability(e->s, e->row, ability);
}

static void put_modalities(const struct entry *e, const char *side, const char *const known[][2])
{
    struct arena *a = e->s->arena;
    struct raw_iter it = raw_iter(raw_member(member(e, "modalities"), span_of(side), a), a);
    for (struct span none, item; raw_next(&it, &none, &item);)
        for (size_t i = 0; known[i][0]; i++)
            if (raw_is(item, span_of(known[i][0])))
                sheet_ability(e->s, e->row, known[i][1]);
}

static void put_limits(const struct entry *e)
{
    struct arena *a = e->s->arena;
    struct span limit = member(e, "limit");
    int64_t input = sheet_count(raw_member(limit, SPAN("input"), a), a);
    e->row->context = sheet_count(raw_member(limit, SPAN("context"), a), a);
    e->row->output_max = sheet_count(raw_member(limit, SPAN("output"), a), a);
    if (input)
        sheet_fact(e->s, e->row, "in_max", arena_print(a, "%lld", (long long)input));
}

static void put_facts(const struct entry *e)
{
    static const char *const inputs[][2] = { { "image", "vision" }, { "pdf", "pdf" }, { "audio", "audio_in" }, { "video", "video_in" }, { NULL, NULL } };
    static const char *const outputs[][2] = { { "image", "image_out" }, { "audio", "audio_out" }, { "video", "video_out" }, { NULL, NULL } };
    struct span status = raw_text(member(e, "status"), e->s->arena);
    put_flag(e, "tool_call", true, "tools");
    put_flag(e, "structured_output", true, "schema");
    put_flag(e, "reasoning", true, "reason");
    put_flag(e, "temperature", false, "notemp");
    put_modalities(e, "input", inputs);
    put_modalities(e, "output", outputs);
    if (span_is(status, SPAN("deprecated")))
        sheet_fact(e->s, e->row, "st", status);
    else if (span_is(status, SPAN("alpha")) || span_is(status, SPAN("beta")))
        sheet_fact(e->s, e->row, "st", SPAN("preview"));
}

static void read_provider(struct sheet *s, struct span name, struct span body)
{
    struct span provider = sheet_provider(s, name);
    struct raw_iter it = raw_iter(raw_member(body, SPAN("models"), s->arena), s->arena);
    for (struct span id, model; raw_next(&it, &id, &model);) {
        struct entry e = { .s = s, .id = arena_copy(s->arena, id), .body = model };
        e.row = sheet_row(s, provider, e.id);
        if (!e.row)
            continue;
        put_limits(&e);
        put_facts(&e);
        put_cost(&e);
    }
}

bool sheet_read_models_dev(struct sheet *s, struct span text, const char **why)
{
    size_t providers = 0;
    struct raw_iter it = raw_iter(text, s->arena);
    for (struct span name, body; raw_next(&it, &name, &body);) {
        if (raw_kind(raw_member(body, SPAN("models"), s->arena)) != JSON_OBJECT)
            continue;
        providers++;
        read_provider(s, arena_copy(s->arena, name), body);
    }
    *why = "it has no provider with models";
    return providers > 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * gemini_usage.c - Google's counts and ours. See gemini.h.
 *
 * promptTokenCount holds the cached tokens, toolUsePromptTokenCount (what its own tools brought) stands beside it; thoughts stand beside
 * candidatesTokenCount, but for answers whose total shows that they are inside. A search is charged by the prompt up to Gemini 2.5, by
 * the query from Gemini 3 on. */
#include "dialect/gemini.h"

enum { PROMPT, CACHED, TOOL_USE, CANDIDATES, THOUGHTS, TOTAL, PROMPT_DETAILS, CACHE_DETAILS, TOOL_DETAILS, CANDIDATE_DETAILS, TRAFFIC,
    TIER, USAGE_NAMES };
static const struct span names[] = { [PROMPT] = { "promptTokenCount", 16 }, [CACHED] = { "cachedContentTokenCount", 23 },
    [TOOL_USE] = { "toolUsePromptTokenCount", 23 }, [CANDIDATES] = { "candidatesTokenCount", 20 }, [THOUGHTS] = { "thoughtsTokenCount", 18 },
    [TOTAL] = { "totalTokenCount", 15 }, [PROMPT_DETAILS] = { "promptTokensDetails", 19 }, [CACHE_DETAILS] = { "cacheTokensDetails", 18 },
    [TOOL_DETAILS] = { "toolUsePromptTokensDetails", 26 }, [CANDIDATE_DETAILS] = { "candidatesTokensDetails", 23 },
    [TRAFFIC] = { "trafficType", 11 }, [TIER] = { "serviceTier", 11 }, [USAGE_NAMES] = { NULL, 0 } };

static const int64_t COUNT_MOST = INT64_C(1) << 53;

/* -1: not said. */
static int64_t count_or_none(struct span raw)
{
    int64_t n;
    return raw_kind(raw) == JSON_NUMBER && json_raw_integer(raw, &n) && n >= 0 && n <= COUNT_MOST ? n : -1;
}

static int64_t count(struct span raw)
{
    int64_t n = count_or_none(raw);
    return n < 0 ? 0 : n;
}

/* Tokens by what they are of. Documents and text cost the same. */
struct modes {
    int64_t audio, image, video;
};

static struct modes read_modes(struct span details, struct arena *a)
{
    struct modes m = { 0 };
    struct gemini_list list = gemini_list(details, a);
    for (struct span item; gemini_next(&list, &item);) {
        struct span mode = raw_member(item, SPAN("modality"), a);
        int64_t n = count(raw_member(item, SPAN("tokenCount"), a));
        if (raw_is(mode, SPAN("AUDIO")))
            m.audio += n;
        else if (raw_is(mode, SPAN("IMAGE")))
            m.image += n;
        else if (raw_is(mode, SPAN("VIDEO")))
            m.video += n;
    }
    return m;
}

/* Up to n of what is left: details never count twice. */
static int64_t take(int64_t *rest, int64_t n)
{
    int64_t taken = n < 0 ? 0 : n > *rest ? *rest : n;
    *rest -= taken;
    return taken;
}

static void split_input(const struct span *v, struct arena *a, struct usage *u)
{
    struct modes all = read_modes(v[PROMPT_DETAILS], a), cached = read_modes(v[CACHE_DETAILS], a), tool = read_modes(v[TOOL_DETAILS], a);
    int64_t rest = count(v[PROMPT]), kept = count(v[CACHED]);
    if (kept > rest)
        kept = rest;
    rest -= kept;
    u->tokens[METER_AUDIO_CACHE_READ] = take(&kept, cached.audio);
    u->tokens[METER_IMAGE_CACHE_READ] = take(&kept, cached.image);
    u->tokens[METER_CACHE_READ] = kept;
    rest += count(v[TOOL_USE]);
    u->tokens[METER_AUDIO_IN] = take(&rest, all.audio + tool.audio - cached.audio);
    u->tokens[METER_IMAGE_IN] = take(&rest, all.image + tool.image - cached.image);
    u->tokens[METER_VIDEO_IN] = take(&rest, all.video + tool.video - cached.video);
    u->tokens[METER_IN] = rest;
    u->input_total = count(v[PROMPT]) + count(v[TOOL_USE]);
}

static void split_output(const struct span *v, struct arena *a, struct usage *u)
{
    struct modes modes = read_modes(v[CANDIDATE_DETAILS], a);
    int64_t rest = count(v[CANDIDATES]), thoughts = count(v[THOUGHTS]);
    bool inside = thoughts > 0 && rest >= thoughts && count_or_none(v[TOTAL]) == u->input_total + rest;
    u->output_total = rest + (inside ? 0 : thoughts);
    u->tokens[METER_REASON] = inside ? take(&rest, thoughts) : thoughts;
    u->tokens[METER_AUDIO_OUT] = take(&rest, modes.audio);
    u->tokens[METER_IMAGE_OUT] = take(&rest, modes.image);
    u->tokens[METER_VIDEO_OUT] = take(&rest, modes.video);
    u->tokens[METER_OUT] = rest;
}

/* As the price book names it. */
static struct span tier_of(const struct span *v)
{
    static const struct span tiers[] = { { "flex", 4 }, { "priority", 8 }, { "batch", 5 } };
    if (raw_is(v[TRAFFIC], SPAN("ON_DEMAND_FLEX")))
        return tiers[0];
    if (raw_is(v[TRAFFIC], SPAN("ON_DEMAND_PRIORITY")))
        return tiers[1];
    for (size_t i = 0; i < sizeof(tiers) / sizeof(*tiers); i++)
        if (span_is_nocase(raw_inside(v[TIER]), tiers[i]))
            return tiers[i];
    return SPAN_NONE;
}

void gemini_read_usage(struct span usage, struct arena *a, struct usage *u)
{
    struct span v[USAGE_NAMES];
    if (raw_kind(usage) != JSON_OBJECT || !gemini_pick(usage, names, v, a, NULL, NULL))
        return;
    if (count_or_none(v[PROMPT]) < 0 && count_or_none(v[CANDIDATES]) < 0 && count_or_none(v[THOUGHTS]) < 0)
        return;
    memset(u->tokens, 0, sizeof(u->tokens));
    u->known = true;
    u->raw = usage;
    split_input(v, a, u);
    split_output(v, a, u);
    struct span tier = tier_of(v);
    if (tier.at)
        u->tier = tier;
}

static int64_t count_items(struct span list, struct arena *a)
{
    struct raw_iter it = raw_iter(list, a);
    struct span name, item;
    int64_t n = 0;
    while (!it.object && raw_next(&it, &name, &item))
        n++;
    return n;
}

static bool has_maps(struct span chunks, struct arena *a)
{
    struct raw_iter it = raw_iter(chunks, a);
    struct span name, item;
    while (!it.object && raw_next(&it, &name, &item))
        if (raw_member(item, SPAN("maps"), a).at)
            return true;
    return false;
}

static void raise(int64_t *fee, int64_t n)
{
    if (n > *fee)
        *fee = n;
}

/* Chunks of a stream repeat what they found: the most that was said counts. */
void gemini_read_fees(struct span candidates, struct arena *a, struct usage *u)
{
    struct gemini_list list = gemini_list(candidates, a);
    int64_t searches = 0, maps = 0;
    for (struct span candidate; gemini_next(&list, &candidate);) {
        struct span grounding = raw_member(candidate, SPAN("groundingMetadata"), a);
        searches += count_items(raw_member(grounding, SPAN("webSearchQueries"), a), a);
        searches += count_items(raw_member(grounding, SPAN("imageSearchQueries"), a), a);
        maps += has_maps(raw_member(grounding, SPAN("groundingChunks"), a), a);
    }
    int generation = gemini_generation(u->model);
    if (searches > 1 && generation > 0 && generation < 3)
        searches = 1;
    raise(&u->fees[FEE_WEB_SEARCH], searches);
    raise(&u->fees[FEE_MAPS], maps > 0);
}

/* --- written --- */

static void put_mode(struct json_out *o, const char *mode, int64_t n)
{
    if (n <= 0)
        return;
    json_open(o, '{');
    json_pair(o, SPAN("modality"), span_of(mode));
    json_pair_i64(o, SPAN("tokenCount"), n);
    json_close(o, '}');
}

static void put_modes(struct json_out *o, struct span name, int64_t total, struct modes m)
{
    if (total <= 0)
        return;
    json_name(o, name);
    json_open(o, '[');
    put_mode(o, "TEXT", total - m.audio - m.image - m.video);
    put_mode(o, "IMAGE", m.image);
    put_mode(o, "AUDIO", m.audio);
    put_mode(o, "VIDEO", m.video);
    json_close(o, ']');
}

void gemini_write_usage(const struct usage *u, struct buf *out)
{
    const int64_t *n = u->tokens;
    struct json_out o = json_out(out);
    struct modes kept = { .audio = n[METER_AUDIO_CACHE_READ], .image = n[METER_IMAGE_CACHE_READ] };
    struct modes in = { n[METER_AUDIO_IN] + kept.audio, n[METER_IMAGE_IN] + kept.image, n[METER_VIDEO_IN] };
    struct modes made = { n[METER_AUDIO_OUT], n[METER_IMAGE_OUT], n[METER_VIDEO_OUT] };
    int64_t cached = n[METER_CACHE_READ] + kept.audio + kept.image, candidates = u->output_total - n[METER_REASON];
    json_open(&o, '{');
    json_pair_i64(&o, SPAN("promptTokenCount"), u->input_total);
    json_pair_i64(&o, SPAN("candidatesTokenCount"), candidates < 0 ? 0 : candidates);
    json_pair_i64(&o, SPAN("totalTokenCount"), u->input_total + u->output_total);
    if (cached > 0)
        json_pair_i64(&o, SPAN("cachedContentTokenCount"), cached);
    put_modes(&o, SPAN("promptTokensDetails"), u->input_total, in);
    put_modes(&o, SPAN("cacheTokensDetails"), cached, kept);
    put_modes(&o, SPAN("candidatesTokensDetails"), candidates, made);
    if (n[METER_REASON] > 0)
        json_pair_i64(&o, SPAN("thoughtsTokenCount"), n[METER_REASON]);
    json_close(&o, '}');
}

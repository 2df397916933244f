/* SPDX-License-Identifier: Apache-2.0
 * picture.c - see picture.h. Sources: OpenAI "Images and vision" (calculating costs), Anthropic "Vision" (calculate image costs), Google
 * "Understand and count tokens" (images), each of November 2026. */
#include "dialect/picture.h"

static int64_t pieces(int64_t length, int64_t of) { return (length + of - 1) / of; }
static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* A frame of a GIF may be larger than its screen; the rest cannot say that it is smaller than it is. */
static bool size_is_sure(struct span raw, struct picture *p)
{
    return picture_size_in(raw, p) && span_find(span_first(raw, 64), SPAN("R0lG")) < 0;
}

/* ---- OpenAI: tiles ---- */

enum { TILE = 512, LONG_MOST = 2048, SHORT_WANTED = 768 };

/* Into a square of 2048, then the short side to 768; a small picture stays as it is unless `grow`. */
static int64_t tiles(struct picture p, bool grow)
{
    int64_t longer = larger(p.width, p.height), shorter = smaller(p.width, p.height);
    int64_t to = SHORT_WANTED, of = shorter; /* the scale, as a fraction */
    if (longer * to > LONG_MOST * of)
        to = LONG_MOST, of = longer;
    if (!grow && to > of)
        to = of;
    return pieces(pieces(longer * to, of), TILE) * pieces(pieces(shorter * to, of), TILE);
}

/* What a picture costs before its tiles, and each of them. */
static const struct {
    const char *model; /* begins so; the first that fits */
    int base, tile;
} tiled[] = {
    { "gpt-4o-mini", 2833, 5667 },
    { "gpt-4.5", 85, 170 },
    { "gpt-4o", 85, 170 },
    { "chatgpt-4o", 85, 170 },
    { "gpt-4.1", 85, 170 },
    { "gpt-4-", 85, 170 },
    { "gpt-5", 70, 140 },
    { "o1", 75, 150 },
    { "o3", 75, 150 },
    { "computer-use-preview", 65, 129 },
};

/* ---- OpenAI: patches ---- */

enum { PATCH = 32, PATCHES_MOST = 1536 };

static const struct {
    const char *model;
    int hundredths; /* tokens of a hundred patches */
} patched[] = {
    { "gpt-5-mini", 162 },
    { "gpt-5-nano", 246 },
    { "gpt-4.1-mini", 162 },
    { "gpt-4.1-nano", 246 },
    { "o4-mini", 172 },
};

static int64_t patches(struct picture p) { return smaller(pieces(p.width, PATCH) * pieces(p.height, PATCH), PATCHES_MOST); }

/* A side of more pixels than any vendor takes: so that nothing runs over. */
static struct picture sane(struct picture p)
{
    enum { SIDE_MOST = 1 << 20 };
    return (struct picture){ smaller(p.width, SIDE_MOST), smaller(p.height, SIDE_MOST) };
}

int64_t picture_openai(struct picture p, struct span model, struct span detail)
{
    p = sane(p);
    for (size_t i = 0; i < sizeof(patched) / sizeof(*patched); i++)
        if (span_starts(model, span_of(patched[i].model)))
            return pieces(patches(p) * patched[i].hundredths, 100);
    int64_t base = 85, tile = 170;
    for (size_t i = sizeof(tiled) / sizeof(*tiled); i-- > 0;)
        if (span_starts(model, span_of(tiled[i].model)))
            base = tiled[i].base, tile = tiled[i].tile;
    return span_is(detail, SPAN("low")) ? base : base + tile * tiles(p, false);
}

/* The dearest of OpenAI's tiles, as if a small picture were made larger; or a token for each 14 x 14 pixels, as other vendors behind the
 * same dialect count, whichever is more. */
int64_t picture_most_openai(struct span raw, int64_t most)
{
    enum { FINEST = 14, BASE = 2833, A_TILE = 5667 };
    struct picture p;
    if (!size_is_sure(raw, &p))
        return most;
    p = sane(p);
    return smaller(most, larger(BASE + A_TILE * tiles(p, true), (pieces(p.width, FINEST) + 1) * pieces(p.height, FINEST)));
}

/* ---- Anthropic ---- */

enum { CLAUDE_LONG = 1568, CLAUDE_MOST = 1600, CLAUDE_PIXELS = 750, CLAUDE_PATCH = 28 };

/* Width x height / 750, scaled down to 1568 pixels and to about 1,600 tokens. */
int64_t picture_anthropic(struct picture p)
{
    p = sane(p);
    int64_t longer = larger(p.width, p.height);
    if (longer > CLAUDE_LONG)
        p = (struct picture){ p.width * CLAUDE_LONG / longer, p.height * CLAUDE_LONG / longer };
    return smaller(larger(pieces(p.width * p.height, CLAUDE_PIXELS), 1), CLAUDE_MOST);
}

/* Not scaled down, since newer models take larger ones, and by whole patches of 28 pixels where that is more. */
int64_t picture_most_anthropic(struct span raw, int64_t most)
{
    enum { AROUND = 16 };
    struct picture p;
    if (!size_is_sure(raw, &p))
        return most;
    p = sane(p);
    int64_t by_pixels = pieces(p.width * p.height, CLAUDE_PIXELS);
    return smaller(most, AROUND + larger(by_pixels, (pieces(p.width, CLAUDE_PATCH) + 1) * (pieces(p.height, CLAUDE_PATCH) + 1)));
}

/* ---- Gemini ---- */

enum { GEMINI_SMALL = 384, GEMINI_TILE = 258, GEMINI_TILE_LEAST = 256, GEMINI_TILE_SIDE = 768 };

/* 258 where both sides are at most 384 pixels; else as much for each tile, whose side is the short side / 1.5, from 256 to 768. */
int64_t picture_gemini(struct picture p)
{
    p = sane(p);
    if (p.width <= GEMINI_SMALL && p.height <= GEMINI_SMALL)
        return GEMINI_TILE;
    int64_t side = larger(GEMINI_TILE_LEAST, smaller(GEMINI_TILE_SIDE, smaller(p.width, p.height) * 2 / 3));
    return GEMINI_TILE * pieces(p.width, side) * pieces(p.height, side);
}

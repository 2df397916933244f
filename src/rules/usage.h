/* SPDX-License-Identifier: Apache-2.0
 * usage.h - what an LLM call used, in disjoint meters, whatever the vendor's own way of counting.
 *
 * Disjoint: METER_IN is fresh input only (cached, cache-written and audio input are taken out), METER_OUT is output
 * without reasoning and audio. So cost is a plain sum of meter x rate. input_total and output_total are what the vendor
 * would call input and output altogether; input_total (cached and written ones included) picks the price tier. */
#ifndef TG_RULES_USAGE_H
#define TG_RULES_USAGE_H

#include "base/span.h"

#define METER_ROWS(ROW)                                                                                                   \
    ROW(IN, "in") ROW(OUT, "out") ROW(CACHE_READ, "cache_read") ROW(CACHE_WRITE, "cache_write")                           \
    ROW(CACHE_WRITE_1H, "cache_write_1h") ROW(REASON, "reason") ROW(AUDIO_IN, "audio_in") ROW(AUDIO_OUT, "audio_out")     \
    ROW(AUDIO_CACHE_READ, "audio_cache_read") ROW(IMAGE_IN, "image_in") ROW(IMAGE_OUT, "image_out")                       \
    ROW(IMAGE_CACHE_READ, "image_cache_read") ROW(VIDEO_IN, "video_in") ROW(VIDEO_OUT, "video_out") ROW(CITATION, "citation")

enum meter {
#define METER_ENUM(name, text) METER_##name,
    METER_ROWS(METER_ENUM)
#undef METER_ENUM
        METER_COUNT
};

/* Things charged by the piece (the price book's unit kinds). Content that is also counted in tokens (pictures, sound, characters)
 * is charged once: where the row has a rate for those tokens and the usage counts them, the pieces of it cost nothing. So count
 * what is known of both. */
#define FEE_ROWS(ROW)                                                                                                     \
    ROW(REQUEST, "request") ROW(WEB_SEARCH, "web_search") ROW(FILE_SEARCH, "file_search")                                 \
    ROW(CODE_EXECUTION, "code_execution") ROW(SEARCH, "search") ROW(IMAGE_UNIT, "image_out") ROW(PAGE, "page")            \
    ROW(AUDIO_SECOND, "audio_in") ROW(SPOKEN_SECOND, "audio_out") ROW(VIDEO_SECOND, "video_out") ROW(CHARACTER, "text_in") \
    ROW(CHARACTER_OUT, "text_out") ROW(IMAGE_SEEN, "image_in") ROW(SEEN_SECOND, "video_in")                               \
    ROW(ANNOTATION_PAGE, "annotation_page") ROW(X_SEARCH, "x_search") ROW(MAPS, "maps")                                   \
    ROW(ENTERPRISE_WEB_SEARCH, "enterprise_web_search") ROW(ATTACHMENT_SEARCH, "attachment_search")                       \
    ROW(CODE_SESSION, "code_session") ROW(CREDIT, "credit") ROW(COMPUTE_SECOND, "compute") ROW(PIXEL, "image_out.pixel") \
    ROW(SOURCE, "source")

enum fee {
#define FEE_ENUM(name, text) FEE_##name,
    FEE_ROWS(FEE_ENUM)
#undef FEE_ENUM
        FEE_COUNT
};

struct usage {
    bool known;     /* the vendor said so, zero included; false: nothing was said */
    bool estimated; /* we computed it, since the vendor said nothing */
    int64_t tokens[METER_COUNT];
    int64_t fees[FEE_COUNT];
    int64_t input_total, output_total;
    int64_t vendor_cost;   /* nano-dollars the vendor itself reported (OpenRouter's usage.cost); -1: none */
    struct span model;     /* as the vendor billed it; SPAN_NONE: as requested */
    struct span tier;      /* service tier echoed back: "flex", "priority", "batch", "fast"; SPAN_NONE: standard */
    struct span geo;       /* "us", ... where the vendor marks it up */
    struct span search;    /* search context size: "low", "medium", "high"; SPAN_NONE: unsaid */
    struct span size;      /* of pictures or videos made: "1024x1536"; SPAN_NONE or "auto": unsaid */
    struct span quality;   /* of them: "low", "hd", ...; the same */
    int64_t results;       /* of each search; 0: unsaid */
    bool others;           /* tokens of another model's are among them: no price of one model's is theirs */
    struct span raw;       /* the vendor's own usage object, JSON */
};

#endif

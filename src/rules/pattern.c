/* SPDX-License-Identifier: Apache-2.0
 * pattern.c - see pattern.h. All of PCRE2's memory is taken from arenas, so that nothing has to be freed. */
#include "rules/pattern.h"

#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct pattern {
    pcre2_code *code;
};

static void *take(size_t size, void *arena) { return arena_take(arena, size); }

static void leave(void *memory, void *arena) { (void)memory, (void)arena; }

static void explain(int code, size_t offset, char why[200])
{
    PCRE2_UCHAR text[120];
    if (pcre2_get_error_message(code, text, sizeof(text)) < 0)
        text[0] = '\0';
    snprintf(why, 200, "a pattern: %s, at character %zu", (const char *)text, offset);
}

bool pattern_read(struct arena *a, struct span text, const struct pattern **out, char why[200])
{
    struct pattern *p = ARENA_NEW(a, struct pattern);
    pcre2_general_context *memory = pcre2_general_context_create(take, leave, a);
    pcre2_compile_context *settings = memory ? pcre2_compile_context_create(memory) : NULL;
    int code = 0;
    size_t offset = 0;
    snprintf(why, 200, "a pattern of at most %d characters", PATTERN_LENGTH);
    if (!p || !settings || !text.len || text.len > PATTERN_LENGTH)
        return false;
    pcre2_set_parens_nest_limit(settings, 50);
    p->code = pcre2_compile((PCRE2_SPTR)text.at, text.len,
        PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C, &code, &offset, settings);
    if (!p->code)
        explain(code, offset, why);
    *out = p;
    return p->code != NULL;
}

bool pattern_fits(const struct pattern *p, struct span value, struct arena *a)
{
    struct arena_mark mark = arena_mark(a);
    pcre2_general_context *memory = pcre2_general_context_create(take, leave, a);
    pcre2_match_context *limits = memory ? pcre2_match_context_create(memory) : NULL;
    pcre2_match_data *data = memory ? pcre2_match_data_create(1, memory) : NULL;
    int hits = PCRE2_ERROR_NOMATCH;
    if (limits && data && value.at && value.len <= PATTERN_VALUE) {
        pcre2_set_match_limit(limits, PATTERN_STEPS);
        pcre2_set_depth_limit(limits, PATTERN_DEPTH);
        pcre2_set_heap_limit(limits, PATTERN_MEMORY_KIB);
        hits = pcre2_match(p->code, (PCRE2_SPTR)value.at, value.len, 0, 0, data, limits);
    }
    arena_rewind(a, mark);
    return hits >= 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * sheet_read.c - what the readers of lists share: names of providers, and numbers as they stand. */
#include "cli/sheet_read.h"

#include "base/embed.h"
#include "base/raw.h"

/* "bedrock bedrock_converse amazon-bedrock": does it hold the word? */
static bool lists(struct span words, struct span word)
{
    struct span one;
    while (span_next(&words, ' ', &one))
        if (span_is(one, word))
            return true;
    return false;
}

static struct span find_provider(struct span theirs)
{
    struct span text = embed_find(SPAN("catalog/providers.tsv")), line;
    while (span_next(&text, '\n', &line)) {
        struct span slug, title, aliases;
        if (!span_cut(&line, '\t', &slug) || !span_cut(&line, '\t', &title) || !span_cut(&line, '\t', &aliases))
            continue;
        if (span_is(slug, theirs) || lists(aliases, theirs))
            return slug;
    }
    return SPAN_NONE;
}

struct span sheet_provider(struct sheet *s, struct span theirs)
{
    struct span found = find_provider(theirs);
    ptrdiff_t dash = found.at ? -1 : span_find_byte(theirs, '-');
    if (!found.at && dash > 0) /* "vertex_ai-language-models" */
        found = find_provider(span_first(theirs, (size_t)dash));
    if (found.at)
        return found;
    sheet_skip(s, arena_print(s->arena, "provider %.*s is not in the catalogue, its name stays", SPAN_ARG(span_first(theirs, 60))), theirs);
    return theirs;
}

struct span sheet_number(struct sheet *s, struct span raw, int shift, int digits, struct span field, struct span model)
{
    bool rounded = false;
    struct span text = raw_kind(raw) == JSON_STRING ? raw_text(raw, s->arena) : raw;
    if (raw_kind(raw) == JSON_NULL || raw_kind(raw) == JSON_NONE)
        return SPAN_NONE;
    struct span out = sheet_decimal(s->arena, text, shift, digits, &rounded);
    if (!out.at)
        sheet_skip(s, arena_print(s->arena, "%.*s that is no price", SPAN_ARG(field)), model);
    else if (rounded)
        sheet_skip(s, arena_print(s->arena, "%.*s rounded to %d decimals", SPAN_ARG(field), digits), model);
    return out;
}

int64_t sheet_count(struct span raw, struct arena *a)
{
    int64_t n;
    bool rounded = false;
    struct span text = raw_kind(raw) == JSON_STRING ? raw_text(raw, a) : raw;
    text = raw_kind(raw) == JSON_NUMBER || raw_kind(raw) == JSON_STRING ? sheet_decimal(a, text, 0, 0, &rounded) : SPAN_NONE;
    return text.at && span_to_i64(text, &n) && n > 0 && n < (INT64_C(1) << 40) ? n : 0;
}

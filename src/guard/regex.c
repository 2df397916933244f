/* SPDX-License-Identifier: Apache-2.0
 * regex.c - see regex.h. PCRE2 counts its steps anew at each place where it starts, and not at all within one item, so they are counted
 * here: it calls back before each item, and what it moved since is what the item cost. */
#include "guard/regex.h"

#include "base/text.h"

#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { HEAP_KIB = 16 << 10, DEPTH = 200000, STEPS = 2000000, NESTED = 50 };

struct regex {
    pcre2_code *code;
};

static void *take(size_t size, void *arena) { return arena_take(arena, size); }

static void leave(void *memory, void *arena) { (void)memory, (void)arena; }

static bool read_flags(struct span flags, uint32_t *out, char why[200])
{
    for (size_t i = 0; i < flags.len; i++) {
        switch (flags.at[i]) {
        case 'i': *out |= PCRE2_CASELESS; break;
        case 'm': *out |= PCRE2_MULTILINE; break;
        case 's': *out |= PCRE2_DOTALL; break;
        case 'g': case 'u': break; /* all hits, by characters: so it is in any case */
        default:
            snprintf(why, 200, "a flag of a pattern: one of g, i, m, s, u");
            return false;
        }
    }
    return true;
}

static pcre2_compile_context *settings_new(struct arena *a)
{
    pcre2_general_context *memory = pcre2_general_context_create(take, leave, a);
    pcre2_compile_context *c = memory ? pcre2_compile_context_create(memory) : NULL;
    if (!c)
        return NULL;
    pcre2_set_parens_nest_limit(c, NESTED);
    pcre2_set_newline(c, PCRE2_NEWLINE_ANYCRLF);
    pcre2_set_compile_extra_options(c, PCRE2_EXTRA_ALT_BSUX);
    return c;
}

bool regex_read(struct arena *a, struct span pattern, struct span flags, const struct regex **out, char why[200])
{
    struct regex *r = ARENA_NEW(a, struct regex);
    pcre2_compile_context *settings = settings_new(a);
    uint32_t options = PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS |
                       PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT;
    uint32_t groups = 0;
    int code = 0;
    size_t offset = 0;
    snprintf(why, 200, "a pattern of at most %d characters", REGEX_LENGTH);
    if (!r || !settings || !pattern.len || pattern.len > REGEX_LENGTH || !read_flags(flags, &options, why))
        return false;
    r->code = pcre2_compile((PCRE2_SPTR)pattern.at, pattern.len, options, &code, &offset, settings);
    if (!r->code) {
        PCRE2_UCHAR text[120];
        if (pcre2_get_error_message(code, text, sizeof(text)) < 0)
            text[0] = '\0';
        snprintf(why, 200, "a pattern: %s, at character %zu", (const char *)text, offset);
        return false;
    }
    (void)pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    snprintf(why, 200, "a pattern of at most %d groups", REGEX_GROUPS);
    *out = r;
    return groups <= REGEX_GROUPS;
}

void regex_take_apart(struct span rule, struct span *pattern, struct span *flags)
{
    size_t end = rule.len;
    *pattern = rule;
    *flags = SPAN("");
    if (rule.len < 3 || rule.at[0] != '/')
        return;
    while (end > 1 && rule.at[end - 1] >= 'a' && rule.at[end - 1] <= 'z')
        end--;
    if (end < 3 || rule.at[end - 1] != '/')
        return;
    *pattern = span_make(rule.at + 1, end - 2);
    *flags = span_from(rule, end);
}

/* ---- matching ---- */

struct match {
    pcre2_match_context *limits;
    pcre2_match_data *data;
    struct effort *effort;
    size_t last; /* where the item before began */
};

static int charge(pcre2_callout_block *b, void *self)
{
    struct match *m = self;
    size_t now = b->current_position;
    size_t moved = now > m->last ? now - m->last : m->last - now;
    m->last = now;
    return effort_spend(m->effort, 1 + (int64_t)moved) ? 0 : PCRE2_ERROR_MATCHLIMIT;
}

static bool match_begin(struct match *m, const struct regex *r, struct effort *e)
{
    *m = (struct match){ .limits = pcre2_match_context_create(NULL), .data = pcre2_match_data_create_from_pattern(r->code, NULL), .effort = e };
    if (!m->limits || !m->data)
        return false;
    pcre2_set_match_limit(m->limits, STEPS);
    pcre2_set_depth_limit(m->limits, DEPTH);
    pcre2_set_heap_limit(m->limits, HEAP_KIB);
    return pcre2_set_callout(m->limits, charge, m) == 0;
}

static void match_end(struct match *m)
{
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->limits);
}

static enum regex_found match_next(struct match *m, const struct regex *r, struct span text, size_t from, uint32_t options, const char **why)
{
    m->last = from;
    if (!effort_spend(m->effort, 1)) { /* used up by earlier checks */
        *why = "the checks of this call took too long";
        return REGEX_UNKNOWN;
    }
    int n = pcre2_match(r->code, (PCRE2_SPTR)(text.at ? text.at : ""), text.len, from, options, m->data, m->limits);
    if (n >= 0)
        return REGEX_YES;
    if (n == PCRE2_ERROR_NOMATCH)
        return REGEX_NO;
    *why = n == PCRE2_ERROR_MATCHLIMIT || n == PCRE2_ERROR_DEPTHLIMIT || n == PCRE2_ERROR_HEAPLIMIT ? "the pattern takes too long on this text"
                                                                                                    : "the text is not UTF-8";
    return REGEX_UNKNOWN;
}

enum regex_found regex_find(const struct regex *r, struct span text, struct effort *e, const char **why)
{
    struct match m;
    enum regex_found found = REGEX_UNKNOWN;
    *why = "no memory";
    if (match_begin(&m, r, e))
        found = match_next(&m, r, text, 0, 0, why);
    match_end(&m);
    return found;
}

/* ---- replacing ---- */

static void put_group(struct buf *out, struct span text, const size_t *ends, uint32_t count, uint32_t group)
{
    size_t from = group < count ? ends[2 * group] : PCRE2_UNSET, to = group < count ? ends[2 * group + 1] : PCRE2_UNSET;
    if (from != PCRE2_UNSET && to != PCRE2_UNSET && from <= to)
        buf_put(out, span_make(text.at + from, to - from));
}

/* How much of `by` at i was a reference; 0: none. */
static size_t put_reference(struct buf *out, struct span text, const size_t *ends, uint32_t count, struct span by)
{
    char c = by.len > 1 ? by.at[1] : '\0';
    if (c == '$') {
        buf_put_byte(out, '$');
        return 2;
    }
    uint32_t group = c >= '0' && c <= '9' ? (uint32_t)(c - '0') : 0;
    size_t len = 2;
    if (group && by.len > 2 && by.at[2] >= '0' && by.at[2] <= '9' && group * 10 + (uint32_t)(by.at[2] - '0') < count) {
        group = group * 10 + (uint32_t)(by.at[2] - '0');
        len = 3;
    }
    if (c != '&' && (!group || group >= count))
        return 0;
    put_group(out, text, ends, count, group);
    return len;
}

static void put_by(struct buf *out, struct span text, struct match *m, struct span by)
{
    const size_t *ends = pcre2_get_ovector_pointer(m->data);
    uint32_t count = pcre2_get_ovector_count(m->data);
    for (size_t i = 0; i < by.len;) {
        size_t len = by.at[i] == '$' ? put_reference(out, text, ends, count, span_from(by, i)) : 0;
        if (!len)
            buf_put_byte(out, by.at[i]);
        i += len ? len : 1;
    }
}

/* Behind an empty hit the search goes on one character further. */
static size_t step_over(struct span text, size_t at, struct buf *out)
{
    size_t len = at < text.len ? text_utf8_first(span_from(text, at)) : 0;
    buf_put(out, span_make(text.at + at, len));
    return len;
}

enum regex_found regex_replace(const struct regex *r, struct span text, struct span by, struct effort *e, struct buf *out, const char **why)
{
    struct match m;
    enum regex_found found = REGEX_UNKNOWN;
    size_t at = 0;
    bool any = false;
    *why = "no memory";
    if (match_begin(&m, r, e)) {
        while (at <= text.len && (found = match_next(&m, r, text, at, at ? PCRE2_NO_UTF_CHECK : 0, why)) == REGEX_YES) {
            const size_t *ends = pcre2_get_ovector_pointer(m.data);
            size_t from = ends[0], to = ends[1];
            if (from < at || to < from) { /* \K in a look-around: nobody means that */
                *why = "the pattern's hits overlap";
                found = REGEX_UNKNOWN;
                break;
            }
            any = true;
            buf_put(out, span_make(text.at + at, from - at));
            put_by(out, text, &m, by);
            at = to;
            if (from == to && to < text.len)
                at += step_over(text, to, out);
            else if (from == to)
                break;
        }
    }
    match_end(&m);
    if (found == REGEX_UNKNOWN)
        return found;
    buf_put(out, span_from(text, at));
    return any ? REGEX_YES : REGEX_NO;
}

enum regex_found regex_each(const struct regex *r, struct span text, struct effort *e, void (*hit)(void *self, size_t from, size_t to), void *self, const char **why)
{
    struct match m;
    enum regex_found found = REGEX_UNKNOWN;
    bool any = false;
    *why = "no memory";
    for (size_t at = 0, begun = match_begin(&m, r, e); begun && at <= text.len;) {
        found = match_next(&m, r, text, at, at ? PCRE2_NO_UTF_CHECK : 0, why);
        if (found != REGEX_YES)
            break;
        const size_t *ends = pcre2_get_ovector_pointer(m.data);
        size_t from = ends[0], to = ends[1];
        if (from < at || to < from) { /* \K in a look-around: nobody means that */
            *why = "the pattern's hits overlap";
            found = REGEX_UNKNOWN;
            break;
        }
        any = any || to > from;
        if (to > from)
            hit(self, from, to);
        size_t step = to < text.len ? text_utf8_first(span_from(text, to)) : 1;
        at = to > from ? to : to + (step ? step : 1);
    }
    match_end(&m);
    return found == REGEX_UNKNOWN ? found : any ? REGEX_YES : REGEX_NO;
}

/* SPDX-License-Identifier: Apache-2.0
 * json_find.c - see json_find.h. */
#include "guard/json_find.h"

enum { DEEP = 256 };

struct finding {
    struct json *json;
    struct effort *effort;
    json_found *found;
    void *self;
    size_t count;
    bool stopped, given_up;
};

static struct span bare(struct span s)
{
    while (s.len && strchr(" \t\r\n", s.at[0]) && s.at[0])
        s = span_from(s, 1);
    while (s.len && strchr(" \t\r\n", s.at[s.len - 1]) && s.at[s.len - 1])
        s.len--;
    return s;
}

static bool take(struct finding *f, struct span text)
{
    struct json_value v;
    const char *why;
    if (!effort_spend(f->effort, 1 + (int64_t)(text.len / 8)) || f->count == JSON_FOUND_MOST) {
        f->given_up = f->stopped = true;
        return false;
    }
    if (!text.len || json_parse(f->json, text, false, &v, &why) != E_OK)
        return false;
    f->count++;
    f->stopped = !f->found(f->self, v);
    return true;
}

/* The bracket that closes the one at the start of s, or 0. */
static size_t closing(struct finding *f, struct span s)
{
    char open[DEEP];
    size_t depth = 0, i = 0;
    bool string = false;
    for (; i < s.len; i++) {
        char c = s.at[i];
        if (string) {
            i += c == '\\';
            string = c != '"';
        } else if (c == '"') {
            string = true;
        } else if (c == '{' || c == '[') {
            if (depth == DEEP)
                break;
            open[depth++] = c;
        } else if (c == '}' || c == ']') {
            if (!depth || open[--depth] != (c == '}' ? '{' : '['))
                break;
            if (!depth)
                return i;
        }
    }
    if (!effort_spend(f->effort, (int64_t)i))
        f->given_up = f->stopped = true;
    return 0;
}

static void between_words(struct finding *f, struct span text)
{
    for (size_t i = 0; i < text.len && !f->stopped; i++) {
        if (text.at[i] != '{' && text.at[i] != '[')
            continue;
        size_t end = closing(f, span_from(text, i));
        if (end && take(f, span_make(text.at + i, end + 1)))
            i += end;
    }
}

/* The next fenced block and what stands before it; false: there is none. */
static bool next_block(struct span *rest, struct span *before, struct span *block)
{
    ptrdiff_t open = span_find(*rest, SPAN("```")), close;
    struct span inside, line;
    if (open < 0)
        return false;
    inside = span_from(*rest, (size_t)open + 3);
    close = span_find(inside, SPAN("```"));
    if (close < 0)
        return false;
    *before = span_first(*rest, (size_t)open);
    *rest = span_from(inside, (size_t)close + 3);
    inside = span_first(inside, (size_t)close);
    *block = inside;
    if (span_cut(&inside, '\n', &line) && !strchr("{[", bare(line).len ? bare(line).at[0] : ' ')) /* its language */
        *block = inside;
    return true;
}

bool json_find(struct json *j, struct span text, struct effort *e, json_found *found, void *self, size_t *count)
{
    struct finding f = { .json = j, .effort = e, .found = found, .self = self };
    struct span rest = text, before, block;
    bool whole = take(&f, bare(text));
    while (!whole && !f.stopped && next_block(&rest, &before, &block)) {
        between_words(&f, before);
        if (!f.stopped && !take(&f, bare(block)) && !f.stopped)
            between_words(&f, block);
    }
    if (!whole && !f.stopped)
        between_words(&f, rest);
    *count = f.count;
    return !f.given_up;
}

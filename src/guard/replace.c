/* SPDX-License-Identifier: Apache-2.0
 * replace.c - regexReplace: what a pattern finds is rewritten before it goes on. */
#include "guard/inside.h"
#include "guard/regex.h"

#include <stdio.h>

enum { PATH = 300 };

struct replacing {
    const struct regex *regex;
    struct span by;
    bool fail_on_detection;
};

static bool read_replace(struct check *c, const struct node *n, const char *path, struct arena *a, struct trouble *t)
{
    const struct node *rule = node_get(n, "rule");
    struct replacing *r = ARENA_NEW(a, struct replacing);
    struct span text = SPAN_NONE, pattern, flags;
    char field[PATH], why[200];
    if (!r || !need(rule, n, path, "rule", "a pattern", t))
        return false;
    r->by = SPAN("[REDACTED]");
    snprintf(field, sizeof(field), "%.200s.redactText", path);
    if (!node_span(node_get(n, "redactText"), field, &r->by, t))
        return false;
    snprintf(field, sizeof(field), "%.200s.failOnDetection", path);
    if (!node_bool(node_get(n, "failOnDetection"), field, &r->fail_on_detection, t))
        return false;
    snprintf(field, sizeof(field), "%.200s.rule", path);
    if (!node_span(rule, field, &text, t))
        return false;
    regex_take_apart(text, &pattern, &flags);
    if (!regex_read(a, pattern, flags, &r->regex, why)) {
        trouble_found(t, rule, field, why);
        return false;
    }
    c->rule = r;
    c->forbids = true; /* it looks at every text */
    return true;
}

bool check_rewrite(struct look *l, const struct check *c, struct span text, bool *found, struct span *out)
{
    const struct replacing *r = c->rule;
    const char *why = "no memory";
    struct buf b;
    buf_init(&b, GUARD_TEXT_MOST);
    enum regex_found hit = regex_replace(r->regex, text, r->by, &l->effort, &b, &why);
    *found = hit == REGEX_YES;
    *out = *found && !b.broken ? arena_copy(l->arena, buf_span(&b)) : SPAN_NONE;
    if (hit == REGEX_UNKNOWN)
        l->error = why;
    else if (b.broken)
        l->error = "the text is too long when it is rewritten";
    buf_free(&b);
    return !l->error;
}

bool check_fails_on_detection(const struct check *c)
{
    const struct replacing *r = c->rule;
    return r->fail_on_detection;
}

static const char *const parameters[] = { "rule", "redactText", "failOnDetection", NULL };
const struct check_kind check_regexReplace = { .id = "regexReplace", .rewrites = true, .parameters = parameters, .read = read_replace };

/* SPDX-License-Identifier: Apache-2.0
 * query.c - Portkey's query language. All members of a query must hold, those beside $and, $or and $regex as well.
 *
 * Equality is strict: the number 5 is not the text "5". Comparisons read a number from the start of a text, as theirs do. */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "route/inside.h"
#include "rules/pattern.h"

enum { QUERY_DEPTH = 8, LIST_MOST = 1000, NUMBER_LONGEST = 40 };

static const char *const operators[] = { "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$regex", "$exists", NULL };
enum op { OP_EQ, OP_NE, OP_GT, OP_GTE, OP_LT, OP_LTE, OP_IN, OP_NIN, OP_REGEX, OP_EXISTS, OP_NONE };

static enum op op_of(struct span name)
{
    int i = 0;
    while (operators[i] && !span_is(name, span_of(operators[i])))
        i++;
    return (enum op)i;
}

/* A pattern is searched in the value, as RegExp.test does; rules/pattern.h knows whole values only. */
static const struct pattern *search(struct arena *a, struct span text, char why[200])
{
    const struct pattern *p = NULL;
    struct span whole = text.len ? arena_print(a, "(?s:.*?)(?:%.*s)(?s:.*)", SPAN_ARG(text)) : SPAN("(?s:.*)");
    snprintf(why, 200, "no memory");
    return whole.at && pattern_read(a, whole, &p, why) ? p : NULL;
}

/* ---- checking, once ---- */

static bool check(struct reading *r, const struct node *n, int depth);

static bool check_operand(struct reading *r, const struct node *n, enum op op)
{
    char why[200];
    bool flag;
    if (op == OP_IN || op == OP_NIN) {
        bool good = n->kind == NODE_LIST && n->count <= LIST_MOST;
        for (const struct node *item = good ? n->first : NULL; item; item = item->next)
            good = good && item->kind == NODE_SCALAR;
        return good || read_wrong(r, n, "", "a list of at most 1000 values");
    }
    if (op == OP_EXISTS)
        return node_bool(n, read_at(r, ""), &flag, r->t);
    if (n->kind != NODE_SCALAR && !(n->kind == NODE_NULL && (op == OP_EQ || op == OP_NE)))
        return read_wrong(r, n, "", "one value");
    if (op != OP_REGEX)
        return true;
    struct arena_mark mark = arena_mark(r->a);
    bool good = search(r->a, n->text, why) != NULL;
    arena_rewind(r->a, mark);
    if (!good)
        trouble_say(r->t, n, read_at(r, ""), "found a pattern that cannot be used: %s", why);
    return good;
}

static bool check_field(struct reading *r, const struct node *n)
{
    if (!route_field_known(n->name)) {
        trouble_say(r->t, n, read_at(r, ""), "found \"%.*s\"; allowed: metadata.NAME, params.NAME, headers.NAME, url.pathname, key.name, key.id, key.user, key.team, key.workspace, "
            "run, user, prompt, budget.used_percent, time.hour, time.weekday, time.iso, $and, $or", SPAN_ARG(span_first(n->name, 60)));
        return false;
    }
    if (n->kind != NODE_MAP)
        return check_operand(r, n, OP_EQ);
    for (const struct node *item = n->first; item; item = item->next) {
        enum op op = op_of(item->name);
        if (op == OP_NONE) {
            trouble_say(r->t, item, read_at(r, ""), "Unsupported operator used in the query router: %.*s; allowed: $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $regex, $exists",
                SPAN_ARG(span_first(item->name, 40)));
            return false;
        }
        if (!check_operand(r, item, op))
            return false;
    }
    return n->count || read_wrong(r, n, "", "at least one operator, such as { $eq: paid }");
}

static bool joins(struct span name) { return span_is(name, SPAN("$and")) || span_is(name, SPAN("$or")); }

static bool check_list(struct reading *r, const struct node *n, int depth)
{
    if (n->kind != NODE_LIST || !n->count)
        return read_wrong(r, n, "", "a list of queries");
    for (const struct node *item = n->first; item; item = item->next)
        if (!check(r, item, depth + 1))
            return false;
    return true;
}

static bool check(struct reading *r, const struct node *n, int depth)
{
    if (n->kind != NODE_MAP || !n->count || depth > QUERY_DEPTH)
        return read_wrong(r, n, "", "a query such as { metadata.plan: { $eq: paid } }, at most 8 deep");
    for (const struct node *item = n->first; item; item = item->next) {
        char place[80];
        snprintf(place, sizeof(place), ".%.*s", SPAN_ARG(span_first(item->name, 60)));
        size_t was = read_into(r, place);
        bool good = joins(item->name) ? check_list(r, item, depth) : check_field(r, item);
        read_back(r, was);
        if (!good)
            return false;
    }
    return true;
}

bool query_check(struct reading *r, const struct node *query)
{
    size_t was = read_into(r, ".query");
    bool good = check(r, query, 0);
    read_back(r, was);
    return good;
}

/* ---- judging ---- */

enum sort { ABSENT, NOTHING, FLAG, NUMBER, TEXT, OTHER };

struct value {
    enum sort sort;
    struct span text; /* of a text: without quotes and escapes */
};

static struct value value_of(struct span json, struct arena *a)
{
    if (!json.at)
        return (struct value){ ABSENT, SPAN_NONE };
    char first = json.len ? json.at[0] : '\0';
    if (first == '"')
        return (struct value){ TEXT, json_raw_string(json, a) };
    if (first == 't' || first == 'f')
        return (struct value){ FLAG, json };
    if (first == 'n')
        return (struct value){ NOTHING, json };
    return (struct value){ first == '-' || (first >= '0' && first <= '9') ? NUMBER : OTHER, json };
}

/* The number a text begins with. */
static bool number(struct span text, double *out)
{
    char digits[NUMBER_LONGEST + 1], *end;
    struct span s = span_first(span_trim(text), NUMBER_LONGEST);
    if (!s.len || (s.at[0] != '-' && s.at[0] != '+' && s.at[0] != '.' && (s.at[0] < '0' || s.at[0] > '9')))
        return false;
    /* What strtod would read and parseFloat not: hexadecimal, infinities. */
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool part = (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || ((c == 'e' || c == 'E') && i);
        if (!part) {
            s.len = i;
            break;
        }
    }
    memcpy(digits, s.at, s.len);
    digits[s.len] = '\0';
    *out = strtod(digits, &end);
    return end != digits;
}

static bool is_number(const struct node *n)
{
    double ignored;
    if (n->quoted || !n->text.len)
        return false;
    for (size_t i = 0; i < n->text.len; i++) {
        char c = n->text.at[i];
        if (!((c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E'))
            return false;
    }
    return number(n->text, &ignored);
}

static bool equal(const struct value *v, const struct node *n)
{
    double one, other;
    if (n->kind == NODE_NULL)
        return v->sort == ABSENT || v->sort == NOTHING;
    bool flag = !n->quoted && (span_is(n->text, SPAN("true")) || span_is(n->text, SPAN("false")));
    if (flag)
        return v->sort == FLAG && span_is(v->text, n->text);
    if (is_number(n))
        return v->sort == NUMBER && number(v->text, &one) && number(n->text, &other) && !(one < other) && !(one > other);
    return v->sort == TEXT && span_is(v->text, n->text);
}

static bool compare(const struct value *v, const struct node *n, enum op op)
{
    double one, other;
    if ((v->sort != NUMBER && v->sort != TEXT) || !number(v->text, &one) || !number(n->text, &other))
        return false;
    switch (op) {
    case OP_GT:
        return one > other;
    case OP_GTE:
        return one >= other;
    case OP_LT:
        return one < other;
    default:
        return one <= other;
    }
}

static bool among(const struct value *v, const struct node *list)
{
    for (const struct node *item = list->first; item; item = item->next)
        if (equal(v, item))
            return true;
    return false;
}

static bool like(const struct value *v, struct span text, struct arena *a)
{
    char why[200];
    if (v->sort != TEXT && v->sort != NUMBER && v->sort != FLAG)
        return false;
    const struct pattern *p = search(a, text, why);
    return p && pattern_fits(p, v->text, a);
}

static bool operand_holds(const struct value *v, const struct node *n, enum op op, struct arena *a)
{
    switch (op) {
    case OP_EQ:
        return equal(v, n);
    case OP_NE:
        return !equal(v, n);
    case OP_IN:
        return among(v, n);
    case OP_NIN:
        return !among(v, n);
    case OP_REGEX:
        return like(v, n->text, a);
    case OP_EXISTS:
        return (v->sort != ABSENT) == span_is(n->text, SPAN("true"));
    default:
        return compare(v, n, op);
    }
}

static bool field_holds(const struct node *n, const struct route_view *v, struct arena *a, bool *good)
{
    struct value value = value_of(v->field(v->self, n->name, a), a);
    bool holds = true;
    if (n->kind != NODE_MAP)
        return equal(&value, n);
    for (const struct node *item = n->first; item && holds; item = item->next) {
        enum op op = op_of(item->name);
        *good = *good && op != OP_NONE;
        holds = op != OP_NONE && operand_holds(&value, item, op, a);
    }
    return holds;
}

static bool judge(const struct node *n, const struct route_view *v, struct arena *a, int depth, bool *good);

static bool some_hold(const struct node *list, bool all, const struct route_view *v, struct arena *a, int depth, bool *good)
{
    for (const struct node *item = list->first; item; item = item->next)
        if (judge(item, v, a, depth + 1, good) != all)
            return !all;
    return all;
}

static bool judge(const struct node *n, const struct route_view *v, struct arena *a, int depth, bool *good)
{
    bool holds = true;
    if (n->kind != NODE_MAP || depth > QUERY_DEPTH) {
        *good = false;
        return false;
    }
    for (const struct node *item = n->first; item && holds; item = item->next)
        holds = joins(item->name) ? some_hold(item, span_is(item->name, SPAN("$and")), v, a, depth, good) : field_holds(item, v, a, good);
    return holds;
}

bool route_query_holds(const struct node *query, const struct route_view *v, struct arena *a, bool *holds, const char **why)
{
    bool good = true;
    struct arena_mark mark = arena_mark(a);
    *why = NULL;
    *holds = judge(query, v, a, 0, &good);
    arena_rewind(a, mark);
    if (!good)
        *why = "not a query";
    return good;
}

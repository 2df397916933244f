/* SPDX-License-Identifier: Apache-2.0
 * expr.c - the language of cost rules: numbers, texts, fields, + - *, and calls of the closed set in functions.c.
 *
 * Parsed once when a manifest is compiled; a rule that does not parse is refused there. Running one cannot fail: what is not
 * there is ABSENT, what cannot be computed is UNKNOWN, and UNKNOWN stays UNKNOWN through everything but first(). */
#include <stdio.h>

#include "vendor/rule.h"

enum { EXPR_DEPTH = 16 };

struct parser {
    struct arena *arena;
    struct span rest;
    char *why; /* 200 bytes; empty: no fault yet */
    int depth;
};

static struct expr *fault(struct parser *p, const char *what)
{
    if (!p->why[0])
        snprintf(p->why, 200, "%s at \"%.*s\"", what, (int)(p->rest.len < 40 ? p->rest.len : 40), p->rest.len ? p->rest.at : "");
    return NULL;
}

static struct expr *make(struct parser *p, enum expr_kind kind)
{
    struct expr *x = ARENA_NEW(p->arena, struct expr);
    if (!x)
        return fault(p, "out of memory");
    x->kind = kind;
    return x;
}

static struct expr *make_over(struct parser *p, enum expr_kind kind, const struct expr *const *args, uint32_t count)
{
    struct expr *x = make(p, kind);
    if (!x || !count)
        return x;
    x->args = ARENA_ARRAY(p->arena, const struct expr *, count);
    if (!x->args)
        return fault(p, "out of memory");
    memcpy(x->args, args, count * sizeof(*args));
    x->count = count;
    return x;
}

static void skip_blanks(struct parser *p)
{
    while (p->rest.len && (p->rest.at[0] == ' ' || p->rest.at[0] == '\n' || p->rest.at[0] == '\t'))
        p->rest = span_from(p->rest, 1);
}

static bool take_mark(struct parser *p, char mark)
{
    skip_blanks(p);
    if (!p->rest.len || p->rest.at[0] != mark)
        return false;
    p->rest = span_from(p->rest, 1);
    return true;
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

/* A dash between two letters of a field is part of its name ("answer.message-price"): a minus has blanks around it. */
static bool is_dash(struct span s, size_t at, bool field)
{
    return field && s.at[at] == '-' && at + 1 < s.len && is_word_byte(s.at[at - 1]) && s.at[at - 1] != '.' &&
           is_word_byte(s.at[at + 1]) && s.at[at + 1] != '.';
}

/* A name or field: '*' may stand for a step, and '~' before a name. */
static struct span take_word(struct parser *p)
{
    size_t n = 0;
    bool field = false;
    for (; n < p->rest.len; n++) {
        char c = p->rest.at[n], before = n ? p->rest.at[n - 1] : ' ';
        bool step = (c == '*' && (before == '.' || before == '*')) || (c == '~' && before == '.');
        if (!is_word_byte(c) && !step && !is_dash(p->rest, n, field))
            break;
        field = field || (c == '.' && !(p->rest.at[0] >= '0' && p->rest.at[0] <= '9'));
    }
    struct span word = span_first(p->rest, n);
    p->rest = span_from(p->rest, n);
    return word;
}

static struct expr *read_sum(struct parser *p);

static struct expr *read_call(struct parser *p, struct span name)
{
    const struct expr *args[EXPR_ARGS];
    const struct function *f = function_find(name);
    uint32_t count = 0;
    if (!f)
        return fault(p, "no such function");
    while (!take_mark(p, ')')) {
        if (count && !take_mark(p, ','))
            return fault(p, "a comma or ) is missing");
        if (count == EXPR_ARGS || count == f->most)
            return fault(p, "too many arguments");
        args[count] = read_sum(p);
        if (!args[count++])
            return NULL;
    }
    if (count < f->least)
        return fault(p, "too few arguments");
    struct expr *x = make_over(p, EXPR_CALL, args, count);
    if (x)
        x->function = f;
    return x;
}

static struct expr *read_text(struct parser *p)
{
    ptrdiff_t end = span_find_byte(p->rest, '\'');
    struct expr *x = make(p, EXPR_TEXT);
    if (end < 0 || !x)
        return fault(p, "a text has no closing quote");
    x->text = span_first(p->rest, (size_t)end);
    p->rest = span_from(p->rest, (size_t)end + 1);
    return x;
}

static struct expr *read_number(struct parser *p)
{
    struct expr *x = make(p, EXPR_NUMBER);
    struct parser before = *p;
    if (!x || !money_decimal(take_word(p), 9, &x->nano)) {
        *p = before;
        return fault(p, "not a number");
    }
    return x;
}

static struct expr *read_atom(struct parser *p)
{
    const char *why = NULL;
    if (take_mark(p, '(')) {
        struct expr *inner = read_sum(p);
        return !inner || take_mark(p, ')') ? inner : fault(p, ") is missing");
    }
    if (take_mark(p, '\''))
        return read_text(p);
    if (p->rest.len && p->rest.at[0] >= '0' && p->rest.at[0] <= '9')
        return read_number(p);
    struct parser before = *p;
    struct span word = take_word(p);
    if (word.len && take_mark(p, '('))
        return read_call(p, word);
    struct field *f = word.len ? ARENA_NEW(p->arena, struct field) : NULL;
    struct expr *x = f && field_read(word, f, p->arena, &why) ? make(p, EXPR_FIELD) : NULL;
    if (x) {
        x->field = f;
        return x;
    }
    *p = before;
    return fault(p, why ? why : "a number, text, field or function is missing");
}

static struct expr *join(struct parser *p, enum expr_kind kind, struct expr *left, struct expr *right)
{
    const struct expr *sides[] = { left, right };
    return left && right ? make_over(p, kind, sides, 2) : NULL;
}

static struct expr *read_product(struct parser *p)
{
    struct expr *x = read_atom(p);
    while (x && take_mark(p, '*'))
        x = join(p, EXPR_MUL, x, read_atom(p));
    return x;
}

static struct expr *read_sum(struct parser *p)
{
    if (++p->depth > EXPR_DEPTH)
        return fault(p, "nested deeper than 16");
    struct expr *x = read_product(p);
    while (x) {
        if (take_mark(p, '+'))
            x = join(p, EXPR_ADD, x, read_product(p));
        else if (take_mark(p, '-'))
            x = join(p, EXPR_SUB, x, read_product(p));
        else
            break;
    }
    p->depth--;
    return x;
}

bool expr_read(struct arena *a, struct span text, const struct expr **out, char why[200])
{
    struct parser p = { a, text, why, 0 };
    why[0] = '\0';
    *out = read_sum(&p);
    skip_blanks(&p);
    if (*out && p.rest.len)
        *out = fault(&p, "something stands behind the rule");
    return *out != NULL;
}

bool expr_looks_at(const struct expr *x, enum root root)
{
    if (x->kind == EXPR_FIELD && x->field->root == root)
        return true;
    for (size_t i = 0; i < x->count; i++)
        if (expr_looks_at(x->args[i], root))
            return true;
    return false;
}

void expr_each_field(const struct expr *x, field_visit *visit, void *self)
{
    if (x->kind == EXPR_FIELD)
        visit(self, x->field);
    for (size_t i = 0; i < x->count; i++)
        expr_each_field(x->args[i], visit, self);
}

/* ---- running ---- */

struct value value_number(struct value v)
{
    int64_t nano;
    if (v.kind == VALUE_NUMBER)
        return v;
    return v.kind == VALUE_TEXT && money_decimal(v.text, 9, &nano) ? value_of(nano) : VALUE_NOT_KNOWN;
}

struct single {
    struct span text;
    size_t count;
    bool item, truth;
};

static bool take_single(void *self, const struct found *f)
{
    struct single *s = self;
    s->text = f->text;
    s->item |= f->item;
    s->truth = !f->json.doc || json_kind(f->json) == JSON_BOOL;
    return ++s->count < 2;
}

/* A field read as one value: several, a list or an object are unknown. */
static struct value read_field(struct eval *e, const struct field *f)
{
    struct single s = { 0 };
    field_each(f, e->subject, take_single, &s);
    if (f->root == ROOT_SETTING && (s.count == 0 || span_is(s.text, SPAN("unknown"))))
        e->unset = f->text;
    if (s.count == 0)
        return (struct value){ .kind = VALUE_ABSENT };
    if (s.count > 1 || s.item || !s.text.at)
        return VALUE_NOT_KNOWN;
    return (struct value){ .kind = VALUE_TEXT, .text = s.text, .no_truth = !s.truth && f->root != ROOT_ANSWER };
}

static struct value calculate(struct eval *e, const struct expr *x)
{
    struct value a = value_number(expr_run(e, x->args[0])), b = value_number(expr_run(e, x->args[1]));
    int64_t out = 0;
    if (a.kind != VALUE_NUMBER || b.kind != VALUE_NUMBER)
        return VALUE_NOT_KNOWN;
    if (x->kind == EXPR_ADD && __builtin_add_overflow(a.nano, b.nano, &out))
        return VALUE_NOT_KNOWN;
    if (x->kind == EXPR_SUB && __builtin_sub_overflow(a.nano, b.nano, &out))
        return VALUE_NOT_KNOWN;
    if (x->kind == EXPR_MUL)
        out = e->worst ? money_mul_div_up(a.nano, b.nano, NANO_PER_USD) : money_mul_div_near(a.nano, b.nano, NANO_PER_USD);
    return out == INT64_MAX || out == INT64_MIN ? VALUE_NOT_KNOWN : value_of(out);
}

struct value expr_run(struct eval *e, const struct expr *x)
{
    switch (x->kind) {
    case EXPR_NUMBER:
        return value_of(x->nano);
    case EXPR_TEXT:
        return (struct value){ .kind = VALUE_TEXT, .text = x->text };
    case EXPR_FIELD:
        return read_field(e, x->field);
    case EXPR_CALL:
        return x->function->run(e, x);
    case EXPR_ADD:
    case EXPR_SUB:
    case EXPR_MUL:
        break;
    }
    return calculate(e, x);
}

/* SPDX-License-Identifier: Apache-2.0
 * tally.c - the functions of rules that count and add up: recipients, items, sums over lists.
 *
 * Pure, as functions.c is, whose table names them. One value that cannot be read makes the whole unknown. */
#include "vendor/functions.h"
#include "vendor/mail.h"

struct tally {
    int64_t count;
    bool unreadable;
};

static bool tally_address(void *self, const struct found *f)
{
    struct tally *t = self;
    struct span address;
    t->count++;
    t->unreadable |= !f->text.at || !mail_address(f->text, &address);
    return true;
}

/* All fields that are the arguments. */
static struct value tally_fields(struct eval *e, const struct expr *x, found_visit *visit)
{
    struct tally t = { 0 };
    for (size_t i = 0; i < x->count; i++) {
        if (x->args[i]->kind != EXPR_FIELD)
            return VALUE_NOT_KNOWN;
        field_each(x->args[i]->field, e->subject, visit, &t);
    }
    return t.unreadable ? VALUE_NOT_KNOWN : value_of(t.count * NANO_PER_USD);
}

/* recipients(field, ...): mail addresses, one in each value. */
struct value tally_recipients(struct eval *e, const struct expr *x) { return tally_fields(e, x, tally_address); }

static bool tally_list(void *self, const struct found *f)
{
    struct tally *t = self;
    struct span rest = f->text, address;
    t->unreadable |= !f->text.at;
    while (!t->unreadable && mail_next(&rest, &address)) {
        t->unreadable |= !address.at;
        t->count++;
    }
    return !t->unreadable;
}

/* mail_list(field, ...): mail addresses, several in a value with commas between them. */
struct value tally_mail_list(struct eval *e, const struct expr *x) { return tally_fields(e, x, tally_list); }

/* count(field): items of a list, or how often the field stands there. */
struct value tally_count(struct eval *e, const struct expr *x)
{
    if (x->args[0]->kind != EXPR_FIELD)
        return VALUE_NOT_KNOWN;
    return value_of((int64_t)field_count(x->args[0]->field, e->subject) * NANO_PER_USD);
}

/* ---- several in one value ---- */

char tally_separator(const struct expr *x, size_t index)
{
    if (x->count <= index)
        return ',';
    const struct expr *mark = x->args[index];
    return mark->kind == EXPR_TEXT && mark->text.len == 1 ? mark->text.at[0] : '\0';
}

struct cutting {
    char separator;
    tally_piece *piece;
    void *self;
};

static bool cut_value(void *self, const struct found *f)
{
    const struct cutting *c = self;
    struct span rest = f->text, piece;
    if (!f->text.at)
        return false;
    while (span_next(&rest, c->separator, &piece))
        if (!c->piece(c->self, span_trim(piece)))
            return false;
    return true;
}

bool tally_pieces(struct eval *e, const struct field *f, char separator, tally_piece *piece, void *self)
{
    struct cutting c = { separator, piece, self };
    return field_each(f, e->subject, cut_value, &c);
}

/* How many there are, by what piece adds to an int64_t. */
static struct value count_pieces(struct eval *e, const struct expr *x, tally_piece *piece)
{
    char separator = tally_separator(x, 1);
    int64_t count = 0;
    if (x->args[0]->kind != EXPR_FIELD || !separator || !tally_pieces(e, x->args[0]->field, separator, piece, &count))
        return VALUE_NOT_KNOWN;
    return value_of(count * NANO_PER_USD);
}

static bool add_number(void *self, struct span piece)
{
    ++*(int64_t *)self;
    return number_digits(piece, true).at != NULL;
}

/* number_count(field [, '<']): telephone numbers, in lists or with a separator between them. */
struct value tally_numbers(struct eval *e, const struct expr *x) { return count_pieces(e, x, add_number); }

static bool add_piece(void *self, struct span piece)
{
    (void)piece;
    ++*(int64_t *)self;
    return true;
}

/* items(field, ','): entries with a separator between them, empty ones too. */
struct value tally_items(struct eval *e, const struct expr *x) { return count_pieces(e, x, add_piece); }

/* ---- sums ---- */

struct summing {
    struct eval *eval;
    const struct expr *rule;
    int64_t sum;
};

/* When reserving, an item below zero would hide what the others cost. */
static bool add_up(struct summing *s, struct value v)
{
    v = value_number(v);
    if (s->eval->worst && v.nano < 0)
        return false;
    return v.kind == VALUE_NUMBER && !__builtin_add_overflow(s->sum, v.nano, &s->sum);
}

static bool add_item(void *self)
{
    struct summing *s = self;
    return add_up(s, expr_run(s->eval, s->rule));
}

static bool add_value(void *self, const struct found *f)
{
    struct value text = { .kind = VALUE_TEXT, .text = f->text };
    return add_up(self, f->text.at ? text : VALUE_NOT_KNOWN);
}

/* sum(list, rule): the rule once for each item, which it sees as item.NAME; sum(field): of all values that stand there. */
struct value tally_sum(struct eval *e, const struct expr *x)
{
    struct summing s = { .eval = e, .rule = x->count > 1 ? x->args[1] : NULL };
    if (x->args[0]->kind != EXPR_FIELD)
        return VALUE_NOT_KNOWN;
    const struct field *list = x->args[0]->field;
    bool known = s.rule ? field_items(list, e->subject, add_item, &s) : field_each(list, e->subject, add_value, &s);
    return known ? value_of(s.sum) : VALUE_NOT_KNOWN;
}

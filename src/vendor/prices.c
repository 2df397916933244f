/* SPDX-License-Identifier: Apache-2.0
 * prices.c - the functions of rules that look into tables: of prices by the country of a number or the words of a list, of what a mail
 * address reaches.
 *
 * A table is a setting: the configuration's entries go before the manifest's, and what has none costs the table's `default`;
 * without one nobody knows. Pure, as functions.c is, whose table names them. */
#include "vendor/functions.h"
#include "vendor/mail.h"

static bool is_table(const struct expr *x)
{
    return x->kind == EXPR_FIELD && x->field->root == ROOT_SETTING;
}

/* ---- by prefix ---- */

/* Longest entry that the digits start with; its length, 0 for none. */
static size_t longest_prefix(const struct node *table, struct span digits, const struct node **best)
{
    size_t length = 0;
    for (const struct node *n = table && table->kind == NODE_MAP ? table->first : NULL; n; n = n->next) {
        if (n->name.len > length && span_starts(digits, n->name)) {
            length = n->name.len;
            *best = n;
        }
    }
    return length;
}

static struct value price_in(const struct node *n)
{
    int64_t nano;
    return n && n->kind == NODE_SCALAR && money_decimal(n->text, 9, &nano) && nano >= 0 ? value_of(nano) : VALUE_NOT_KNOWN;
}

/* The configuration's entry, unless the manifest's own fits longer; else a `default`. */
static struct value price_of(struct eval *e, const struct field *table, struct span digits)
{
    const struct node *theirs = field_setting(table, e->subject, false), *ours = field_setting(table, e->subject, true);
    const struct node *hit = NULL, *own = NULL;
    size_t configured = longest_prefix(theirs, digits, &hit), built_in = longest_prefix(ours, digits, &own);
    if (built_in > configured)
        hit = own;
    if (!hit)
        hit = node_member(theirs, SPAN("default"));
    return price_in(hit ? hit : node_member(ours, SPAN("default")));
}

/* country_price(number, setting.table): the entry with the longest prefix of an E.164 number, else `default`. */
struct value price_by_country(struct eval *e, const struct expr *x)
{
    struct value to = expr_run(e, x->args[0]);
    uint64_t digits;
    if (to.kind != VALUE_TEXT || !is_table(x->args[1]))
        return VALUE_NOT_KNOWN;
    struct span number = span_from(to.text, (size_t)(span_find_byte(to.text, ':') + 1)); /* "whatsapp:+44..." */
    if (!span_starts(number, SPAN("+")) || !span_to_u64(span_from(number, 1), &digits))
        return VALUE_NOT_KNOWN;
    return price_of(e, x->args[1]->field, span_from(number, 1));
}

struct bill {
    struct eval *eval;
    const struct field *table;
    int64_t sum;
};

static bool add_price(void *self, struct span piece)
{
    struct bill *b = self;
    struct span digits = number_digits(piece, true);
    struct value price = digits.at ? price_of(b->eval, b->table, digits) : VALUE_NOT_KNOWN;
    return price.kind == VALUE_NUMBER && !__builtin_add_overflow(b->sum, price.nano, &b->sum);
}

/* number_prices(field, setting.table [, '<']): country_price of each number, in lists or with a separator between them. */
struct value price_numbers(struct eval *e, const struct expr *x)
{
    char separator = tally_separator(x, 2);
    if (x->args[0]->kind != EXPR_FIELD || !is_table(x->args[1]) || !separator)
        return VALUE_NOT_KNOWN;
    struct bill b = { .eval = e, .table = x->args[1]->field };
    return tally_pieces(e, x->args[0]->field, separator, add_price, &b) ? value_of(b.sum) : VALUE_NOT_KNOWN;
}

/* ---- by mail address ---- */

struct reach {
    const struct node *theirs, *ours; /* how many an address of a list, or any of a domain, reaches */
    struct span own;                  /* a domain whose addresses may be lists */
    int64_t count;
};

static struct value reached_by(const struct reach *r, struct span address)
{
    struct span domain = mail_domain(address);
    struct span any = domain.at ? span_make(domain.at - 1, domain.len + 1) : SPAN_NONE; /* "@lists.example" */
    const struct span names[] = { address, any };
    for (size_t i = 0; any.at && i < 2; i++) {
        const struct node *n = node_member(r->theirs, names[i]);
        n = n ? n : node_member(r->ours, names[i]);
        if (n)
            return price_in(n);
    }
    bool other_name = span_ends(address, SPAN(".")); /* of the same domain, for a name server */
    return !any.at || other_name || span_is_nocase(domain, r->own) ? VALUE_NOT_KNOWN : value_of(NANO_PER_USD);
}

static bool add_reach(void *self, const struct found *f)
{
    struct reach *r = self;
    struct span rest = f->text, address;
    while (f->text.at && mail_next(&rest, &address)) {
        struct value v = address.at ? reached_by(r, address) : VALUE_NOT_KNOWN;
        if (v.kind != VALUE_NUMBER || __builtin_add_overflow(r->count, v.nano, &r->count))
            return false;
    }
    return f->text.at != NULL;
}

/* mail_reach(setting.table, domain, field, ...): mail_list, where an address may be one of a list: the table says how many it, or any of
 * its domain ("@lists.example"), reaches. One of the domain that is given and has no entry is unknown, any other counts as one. */
struct value price_mail_reach(struct eval *e, const struct expr *x)
{
    struct value own = expr_run(e, x->args[1]);
    if (!is_table(x->args[0]) || own.kind != VALUE_TEXT)
        return VALUE_NOT_KNOWN;
    const struct field *table = x->args[0]->field;
    struct reach r = { field_setting(table, e->subject, false), field_setting(table, e->subject, true), own.text, 0 };
    for (size_t i = 2; i < x->count; i++)
        if (x->args[i]->kind != EXPR_FIELD || !field_each(x->args[i]->field, e->subject, add_reach, &r))
            return VALUE_NOT_KNOWN;
    return value_of(r.count);
}

/* ---- by word ---- */

struct listed {
    const struct node *theirs, *ours; /* the configured table and the manifest's */
    int64_t sum;
};

static const struct node *entry_of(const struct listed *l, struct span word)
{
    const struct node *n = node_member(l->theirs, word);
    n = n ? n : node_member(l->ours, word);
    n = n ? n : node_member(l->theirs, SPAN("default"));
    return n ? n : node_member(l->ours, SPAN("default"));
}

static bool add_word(void *self, struct span word)
{
    struct listed *l = self;
    struct value price = price_in(entry_of(l, word));
    return price.kind == VALUE_NUMBER && !__builtin_add_overflow(l->sum, price.nano, &l->sum);
}

/* listed(field, setting.table [, ';']): what its words cost together, for calls that are billed by what they ask for
 * (Fields=caller_name,sim_swap). No field, no cost. */
struct value price_listed(struct eval *e, const struct expr *x)
{
    char separator = tally_separator(x, 2);
    if (x->args[0]->kind != EXPR_FIELD || !is_table(x->args[1]) || !separator)
        return VALUE_NOT_KNOWN;
    const struct field *table = x->args[1]->field;
    struct listed l = { field_setting(table, e->subject, false), field_setting(table, e->subject, true), 0 };
    return tally_pieces(e, x->args[0]->field, separator, add_word, &l) ? value_of(l.sum) : VALUE_NOT_KNOWN;
}

/* SPDX-License-Identifier: Apache-2.0
 * functions.c - the closed set of functions a cost rule may call. docs/manifests.md lists them.
 *
 * Each is pure and answers UNKNOWN for what it cannot compute exactly (or, when reserving, bound from above): a guess
 * below the truth would break a cap. To add one: write it here, add its row, its line in the document and its test. */
#include "vendor/manifest.h"

/* A whole number in the form vendors ask for: digits only, no leading zero, at most 12 of them. */
static bool whole_number(struct value v, int64_t *out)
{
    if (v.kind == VALUE_NUMBER && v.nano % NANO_PER_USD == 0) {
        *out = v.nano / NANO_PER_USD;
        return *out >= 0;
    }
    bool digits = v.kind == VALUE_TEXT && v.text.len && v.text.len <= 12 && !(v.text.len > 1 && v.text.at[0] == '0');
    uint64_t n = 0;
    if (!digits || !span_to_u64(v.text, &n))
        return false;
    *out = (int64_t)n;
    return true;
}

static bool code_of(struct value v, char code[3])
{
    if (v.kind != VALUE_TEXT || v.text.len != 3)
        return false;
    for (int i = 0; i < 3; i++) {
        char c = v.text.at[i];
        code[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        if (code[i] < 'a' || code[i] > 'z')
            return false;
    }
    return true;
}

/* Digits behind the point of a currency at this vendor; -1: not known. */
static int exponent_of(const struct manifest *m, const char code[3])
{
    for (size_t i = 0; i < m->currency_count; i++)
        if (memcmp(m->currencies[i].code, code, 3) == 0)
            return m->currencies[i].exponent;
    return m->currency_default;
}

static const struct node *member_of(const struct node *n, struct span name)
{
    const struct node *at = n && n->kind == NODE_MAP ? n->first : NULL;
    while (at && !span_is_nocase(at->name, name))
        at = at->next;
    return at && at->kind == NODE_SCALAR ? at : NULL;
}

/* A setting below the top: the configuration's, else the manifest's. */
static const struct node *setting_of(struct eval *e, const char *name, struct span member)
{
    const struct asked *q = e->subject->asked;
    const struct node *n = member_of(node_get(q->settings, name), member);
    return n ? n : member_of(node_get(e->manifest->settings, name), member);
}

static bool setting_decimal(struct eval *e, const char *name, int64_t *out)
{
    const struct node *n = node_get(e->subject->asked->settings, name);
    n = n ? n : node_get(e->manifest->settings, name);
    struct span text = n ? n->text : SPAN_NONE;
    if (text.len && text.at[text.len - 1] == '%' && money_decimal(span_first(text, text.len - 1), 7, out))
        return true; /* percent: two digits further left, so the value is already a share x 10^9 */
    return money_decimal(text, 9, out);
}

/* US dollars per unit of a currency, x 10^9; when reserving, with the margin on top. */
static bool rate_of(struct eval *e, const char code[3], int64_t *rate)
{
    int64_t margin = 0;
    *rate = NANO_PER_USD;
    if (memcmp(code, "usd", 3) == 0)
        return true;
    const struct node *n = setting_of(e, "fx", span_make(code, 3));
    if (!n || !money_decimal(n->text, 9, rate) || *rate <= 0)
        return false;
    if (e->worst && (!setting_decimal(e, "fx_margin", &margin) || margin < 0))
        return false;
    *rate = money_mul_div_up(*rate, NANO_PER_USD + margin, NANO_PER_USD);
    return true;
}

static struct value to_usd(struct eval *e, int64_t nano, const char code[3])
{
    int64_t rate;
    if (!rate_of(e, code, &rate))
        return VALUE_NOT_KNOWN;
    int64_t out = e->worst ? money_mul_div_up(nano, rate, NANO_PER_USD) : money_mul_div_near(nano, rate, NANO_PER_USD);
    return out == INT64_MAX || out == INT64_MIN ? VALUE_NOT_KNOWN : value_of(out);
}

/* minor_units(amount, currency): a whole number of the currency's smallest unit. */
static struct value minor_units(struct eval *e, const struct expr *x)
{
    static const int64_t scale[] = { 1000000000, 100000000, 10000000, 1000000, 100000 };
    char code[3];
    int64_t amount, nano;
    bool known = whole_number(expr_run(e, x->args[0]), &amount) && code_of(expr_run(e, x->args[1]), code);
    int exponent = known ? exponent_of(e->manifest, code) : -1;
    if (exponent < 0 || exponent > 4 || __builtin_mul_overflow(amount, scale[exponent], &nano))
        return VALUE_NOT_KNOWN;
    return to_usd(e, nano, code);
}

/* major_units(amount, currency): decimal text, "-0.0075". */
static struct value major_units(struct eval *e, const struct expr *x)
{
    char code[3];
    struct value amount = value_number(expr_run(e, x->args[0]));
    if (amount.kind != VALUE_NUMBER || !code_of(expr_run(e, x->args[1]), code))
        return VALUE_NOT_KNOWN;
    return to_usd(e, amount.nano, code);
}

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

/* recipients(field, ...): mail addresses, one in each value. */
static struct value recipients(struct eval *e, const struct expr *x)
{
    struct tally t = { 0 };
    for (size_t i = 0; i < x->count; i++) {
        if (x->args[i]->kind != EXPR_FIELD)
            return VALUE_NOT_KNOWN;
        field_each(&x->args[i]->field, e->subject, tally_address, &t);
    }
    return t.unreadable ? VALUE_NOT_KNOWN : value_of(t.count * NANO_PER_USD);
}

/* count(field): items of a list, or how often the field stands there. */
static struct value count(struct eval *e, const struct expr *x)
{
    if (x->args[0]->kind != EXPR_FIELD)
        return VALUE_NOT_KNOWN;
    return value_of((int64_t)field_count(&x->args[0]->field, e->subject) * NANO_PER_USD);
}

/* sms_segments(text [, smart]): parts of a text message; no text at all counts as one. */
static struct value segments(struct eval *e, const struct expr *x)
{
    struct value text = expr_run(e, x->args[0]);
    struct value smart = x->count > 1 ? expr_run(e, x->args[1]) : VALUE_NOT_KNOWN;
    if (text.kind == VALUE_ABSENT)
        return value_of(NANO_PER_USD);
    if (text.kind != VALUE_TEXT)
        return VALUE_NOT_KNOWN;
    int64_t parts = sms_segments(text.text, smart.kind == VALUE_TEXT && span_is(smart.text, SPAN("true")));
    return value_of((parts ? parts : 1) * NANO_PER_USD);
}

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

/* country_price(number, setting.table): the entry with the longest prefix of an E.164 number, else `default`. */
static struct value country_price(struct eval *e, const struct expr *x)
{
    struct value to = expr_run(e, x->args[0]);
    uint64_t digits;
    if (to.kind != VALUE_TEXT || x->args[1]->kind != EXPR_FIELD || x->args[1]->field.root != ROOT_SETTING)
        return VALUE_NOT_KNOWN;
    struct span number = span_from(to.text, (size_t)(span_find_byte(to.text, ':') + 1)); /* "whatsapp:+44..." */
    if (!span_starts(number, SPAN("+")) || !span_to_u64(span_from(number, 1), &digits))
        return VALUE_NOT_KNOWN;
    number = span_from(number, 1);
    const struct node *theirs = field_setting(&x->args[1]->field, e->subject, false);
    const struct node *ours = field_setting(&x->args[1]->field, e->subject, true), *hit = NULL, *own = NULL;
    size_t configured = longest_prefix(theirs, number, &hit), built_in = longest_prefix(ours, number, &own);
    if (built_in > configured)
        hit = own;
    if (!hit)
        hit = member_of(theirs, SPAN("default"));
    return price_in(hit ? hit : member_of(ours, SPAN("default")));
}

/* channel(address): what stands before the colon ("whatsapp"); 'sms' for a plain number; absent for none. */
static struct value channel(struct eval *e, const struct expr *x)
{
    struct value to = expr_run(e, x->args[0]);
    if (to.kind != VALUE_TEXT)
        return to;
    ptrdiff_t colon = span_find_byte(to.text, ':');
    to.text = colon < 0 ? SPAN("sms") : span_first(to.text, (size_t)colon);
    return to;
}

/* phone(number): 1 for a number in E.164, "+15558675310", perhaps behind a channel; 0 for anything else. */
static struct value phone(struct eval *e, const struct expr *x)
{
    struct value v = expr_run(e, x->args[0]);
    if (v.kind != VALUE_TEXT)
        return v.kind == VALUE_ABSENT ? value_of(0) : v;
    struct span number = span_from(v.text, (size_t)(span_find_byte(v.text, ':') + 1));
    uint64_t digits;
    bool fits = number.len >= 8 && number.len <= 16 && number.at[0] == '+' && number.at[1] != '0';
    return value_of(fits && span_to_u64(span_from(number, 1), &digits) ? NANO_PER_USD : 0);
}

static struct value absolute(struct eval *e, const struct expr *x)
{
    struct value v = value_number(expr_run(e, x->args[0]));
    return v.kind == VALUE_NUMBER && v.nano < 0 ? value_of(-v.nano) : v;
}

/* first(a, b, ...): the first that is there. What is there but unreadable stays unknown. */
static struct value first(struct eval *e, const struct expr *x)
{
    struct value v = { .kind = VALUE_ABSENT };
    for (size_t i = 0; i < x->count && v.kind == VALUE_ABSENT; i++)
        v = expr_run(e, x->args[i]);
    return v;
}

static struct value largest(struct eval *e, const struct expr *x)
{
    struct value most = value_number(expr_run(e, x->args[0]));
    for (size_t i = 1; i < x->count; i++) {
        struct value v = value_number(expr_run(e, x->args[i]));
        if (v.kind != VALUE_NUMBER || most.kind != VALUE_NUMBER)
            return VALUE_NOT_KNOWN;
        most = v.nano > most.nano ? v : most;
    }
    return most;
}

static struct value present(struct eval *e, const struct expr *x)
{
    bool there = x->args[0]->kind == EXPR_FIELD && field_present(&x->args[0]->field, e->subject);
    return value_of(there ? NANO_PER_USD : 0);
}

/* is(value, 'a', 'b', ...): 1 when it is one of the texts. */
static struct value is(struct eval *e, const struct expr *x)
{
    struct value v = expr_run(e, x->args[0]);
    for (size_t i = 1; v.kind == VALUE_TEXT && i < x->count; i++)
        if (x->args[i]->kind == EXPR_TEXT && span_is(v.text, x->args[i]->text))
            return value_of(NANO_PER_USD);
    return v.kind == VALUE_UNKNOWN ? v : value_of(0);
}

/* when(condition, then, else): the condition is a number, 0 is no. */
static struct value when(struct eval *e, const struct expr *x)
{
    struct value v = value_number(expr_run(e, x->args[0]));
    if (v.kind != VALUE_NUMBER)
        return VALUE_NOT_KNOWN;
    return expr_run(e, x->args[v.nano ? 1 : 2]);
}

/* minutes(seconds): begun minutes. */
static struct value minutes(struct eval *e, const struct expr *x)
{
    int64_t seconds;
    if (!whole_number(expr_run(e, x->args[0]), &seconds))
        return VALUE_NOT_KNOWN;
    return value_of((seconds + 59) / 60 * NANO_PER_USD);
}

/* reserved('usd'), reserved('messages'): what was held for this call; only when settling. */
static struct value reserved(struct eval *e, const struct expr *x)
{
    struct value unit = expr_run(e, x->args[0]);
    if (!e->reserved || unit.kind != VALUE_TEXT)
        return VALUE_NOT_KNOWN;
    if (span_is(unit.text, SPAN("usd")))
        return value_of(e->reserved[UNIT_USD]);
    int64_t messages = e->reserved[UNIT_MESSAGES];
    bool fits = messages <= INT64_MAX / NANO_PER_USD;
    return span_is(unit.text, SPAN("messages")) && fits ? value_of(messages * NANO_PER_USD) : VALUE_NOT_KNOWN;
}

static struct value unknown(struct eval *e, const struct expr *x)
{
    (void)e, (void)x;
    return VALUE_NOT_KNOWN;
}

static const struct function functions[] = {
    { "minor_units", 2, 2, minor_units },
    { "major_units", 2, 2, major_units },
    { "recipients", 1, EXPR_ARGS, recipients },
    { "count", 1, 1, count },
    { "sms_segments", 1, 2, segments },
    { "country_price", 2, 2, country_price },
    { "channel", 1, 1, channel },
    { "phone", 1, 1, phone },
    { "minutes", 1, 1, minutes },
    { "abs", 1, 1, absolute },
    { "max", 1, EXPR_ARGS, largest },
    { "first", 1, EXPR_ARGS, first },
    { "present", 1, 1, present },
    { "is", 2, EXPR_ARGS, is },
    { "when", 3, 3, when },
    { "reserved", 1, 1, reserved },
    { "unknown", 0, 0, unknown },
};

const struct function *function_find(struct span name)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (span_is(name, span_of(functions[i].name)))
            return &functions[i];
    return NULL;
}

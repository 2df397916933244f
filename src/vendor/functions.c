/* SPDX-License-Identifier: Apache-2.0
 * functions.c - the closed set of functions a cost rule may call. docs/manifests.md lists them.
 *
 * Each is pure and answers UNKNOWN for what it cannot compute exactly (or, when reserving, bound from above): a guess
 * below the truth would break a cap. To add one: write it here, add its row, its line in the document and its test. */
#include "vendor/functions.h"

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

const struct node *node_member(const struct node *n, struct span name)
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
    const struct node *n = node_member(node_get(q->settings, name), member);
    return n ? n : node_member(node_get(e->manifest->settings, name), member);
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

/* The operator's rate for this vendor, else the manifest's, else the one for all vendors (rules/fx.h); and its margin. */
static bool rate_and_margin(struct eval *e, const char code[3], int64_t *rate, int64_t *margin)
{
    const struct asked *q = e->subject->asked;
    const struct node *n = setting_of(e, "fx", span_make(code, 3));
    bool has_margin = setting_decimal(e, "fx_margin", margin) && *margin >= 0;
    if (n)
        return money_decimal(n->text, 9, rate) && has_margin;
    if (!fx_rate(q->fx, code, rate))
        return false;
    if (!has_margin)
        *margin = 0;
    if (!node_get(q->settings, "fx_margin") && q->fx->margin > *margin)
        *margin = q->fx->margin;
    return true;
}

/* US dollars per unit of a currency, x 10^9; when reserving, with the margin on top. */
static bool rate_of(struct eval *e, const char code[3], int64_t *rate)
{
    int64_t margin = 0;
    *rate = NANO_PER_USD;
    if (memcmp(code, "usd", 3) == 0)
        return true;
    if (!rate_and_margin(e, code, rate, &margin) || *rate <= 0)
        return false;
    *rate = money_mul_div_up(*rate, NANO_PER_USD + (e->worst ? margin : 0), NANO_PER_USD);
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

/* major_units(amount, currency): decimal text, "-0.0075" in an answer. When reserving, no amount lowers what others can cost. */
static struct value major_units(struct eval *e, const struct expr *x)
{
    char code[3];
    struct value amount = value_number(expr_run(e, x->args[0]));
    if (amount.kind != VALUE_NUMBER || (e->worst && amount.nano < 0) || !code_of(expr_run(e, x->args[1]), code))
        return VALUE_NOT_KNOWN;
    return to_usd(e, amount.nano, code);
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

/* known(a, b, ...): the first that is there and can be read: for what an object would say better, and a bound will do. */
static struct value known(struct eval *e, const struct expr *x)
{
    struct value v = VALUE_NOT_KNOWN;
    for (size_t i = 0; i < x->count && (v.kind == VALUE_ABSENT || v.kind == VALUE_UNKNOWN); i++)
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
    bool there = x->args[0]->kind == EXPR_FIELD && field_present(x->args[0]->field, e->subject);
    return value_of(there ? NANO_PER_USD : 0);
}

static bool is_truth_word(struct span s) { return span_is_nocase(s, SPAN("true")) || span_is_nocase(s, SPAN("false")); }

/* is(value, 'a', 'b', ...): 1 when it is one of the texts; 'true' and 'false' in any letter case. What is compared with these and is
 * no boolean ("1" in a form, "true" or 1 in JSON that was sent) is unknown: its reader may take it for either. */
static struct value is(struct eval *e, const struct expr *x)
{
    struct value v = expr_run(e, x->args[0]);
    bool truth = false;
    for (size_t i = 1; v.kind == VALUE_TEXT && i < x->count; i++) {
        struct span text = x->args[i]->kind == EXPR_TEXT ? x->args[i]->text : SPAN_NONE;
        bool word = is_truth_word(text);
        if (word ? !v.no_truth && span_is_nocase(v.text, text) : text.at && span_is(v.text, text))
            return value_of(NANO_PER_USD);
        truth = truth || word;
    }
    bool doubtful = truth && (v.no_truth || !is_truth_word(v.text));
    return v.kind == VALUE_UNKNOWN || doubtful ? VALUE_NOT_KNOWN : value_of(0);
}

/* above(a, b): 1 when a is more than b. */
static struct value above(struct eval *e, const struct expr *x)
{
    struct value a = value_number(expr_run(e, x->args[0])), b = value_number(expr_run(e, x->args[1]));
    if (a.kind != VALUE_NUMBER || b.kind != VALUE_NUMBER)
        return VALUE_NOT_KNOWN;
    return value_of(a.nano > b.nano ? NANO_PER_USD : 0);
}

/* equal(a, b): 1 for the same text or the same number ("1.0" and 1). */
static struct value equal(struct eval *e, const struct expr *x)
{
    struct value a = expr_run(e, x->args[0]), b = expr_run(e, x->args[1]);
    bool texts = a.kind == VALUE_TEXT && b.kind == VALUE_TEXT;
    if (texts && span_is(a.text, b.text))
        return value_of(NANO_PER_USD);
    a = value_number(a);
    b = value_number(b);
    if (a.kind == VALUE_NUMBER && b.kind == VALUE_NUMBER)
        return value_of(a.nano == b.nano ? NANO_PER_USD : 0);
    return texts ? value_of(0) : VALUE_NOT_KNOWN;
}

/* when(condition, then, else): the condition is a number, 0 is no. */
static struct value when(struct eval *e, const struct expr *x)
{
    struct value v = value_number(expr_run(e, x->args[0]));
    if (v.kind != VALUE_NUMBER)
        return VALUE_NOT_KNOWN;
    return expr_run(e, x->args[v.nano ? 1 : 2]);
}

/* minutes(seconds): begun minutes. When reserving, none are no bound: vendors take 0 for no limit, or for their own. */
static struct value minutes(struct eval *e, const struct expr *x)
{
    int64_t seconds;
    if (!whole_number(expr_run(e, x->args[0]), &seconds) || (e->worst && seconds == 0))
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

/* counted(field): dollars that were counted already for the object whose id stands there, which what this call costs belongs to as well.
 * One object in a call. counted(field, 'apart'): it does not: of an object that nobody made here the second part counts as the first. */
static struct value counted(struct eval *e, const struct expr *x)
{
    const struct asked *q = e->subject->asked;
    bool apart = x->count == 2;
    struct span *noted = apart ? NULL : e->subject->counted_id;
    if (apart && (x->args[1]->kind != EXPR_TEXT || !span_is(x->args[1]->text, SPAN("apart"))))
        return VALUE_NOT_KNOWN;
    struct value id = expr_run(e, x->args[0]);
    if (id.kind == VALUE_ABSENT)
        return value_of(0);
    if (id.kind != VALUE_TEXT || !id.text.len || (noted && noted->at && !span_is(*noted, id.text)))
        return VALUE_NOT_KNOWN;
    if (noted && !noted->at)
        *noted = arena_copy(e->subject->arena, id.text);
    int64_t nano = q->counted ? q->counted(q->counter, id.text) : 0;
    return nano < 0 ? VALUE_NOT_KNOWN : value_of(nano);
}

static struct value unknown(struct eval *e, const struct expr *x)
{
    (void)e, (void)x;
    return VALUE_NOT_KNOWN;
}

static const struct function functions[] = {
    { "minor_units", 2, 2, minor_units },
    { "major_units", 2, 2, major_units },
    { "recipients", 1, EXPR_ARGS, tally_recipients },
    { "count", 1, 1, tally_count },
    { "mail_list", 1, EXPR_ARGS, tally_mail_list },
    { "mail_reach", 3, EXPR_ARGS, price_mail_reach },
    { "items", 2, 2, tally_items },
    { "sum", 1, 2, tally_sum },
    { "number_count", 1, 2, tally_numbers },
    { "number_prices", 2, 3, price_numbers },
    { "sms_segments", 1, 2, number_segments },
    { "country_price", 2, 2, price_by_country },
    { "listed", 2, 3, price_listed },
    { "channel", 1, 1, number_channel },
    { "phone", 1, 1, number_phone },
    { "minutes", 1, 1, minutes },
    { "abs", 1, 1, absolute },
    { "max", 1, EXPR_ARGS, largest },
    { "first", 1, EXPR_ARGS, first },
    { "known", 2, EXPR_ARGS, known },
    { "present", 1, 1, present },
    { "is", 2, EXPR_ARGS, is },
    { "above", 2, 2, above },
    { "equal", 2, 2, equal },
    { "when", 3, 3, when },
    { "reserved", 1, 1, reserved },
    { "counted", 1, 2, counted },
    { "unknown", 0, 0, unknown },
};

const struct function *function_find(struct span name)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (span_is(name, span_of(functions[i].name)))
            return &functions[i];
    return NULL;
}

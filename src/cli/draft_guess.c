/* SPDX-License-Identifier: Apache-2.0
 * draft_guess.c - what a call may cost, whom it touches, what it gives away: by the words in it. Each of these is a guess, and the draft
 * says so. */
#include "cli/draft.h"

/* ---- words ---- */

/* Whole words, between '_' and dots: "pay" is not in "payload". */
static bool has_word(struct span text, const char *const words[])
{
    struct span rest = text, dotted, word;
    while (span_next(&rest, '.', &dotted))
        while (span_next(&dotted, '_', &word))
            for (size_t i = 0; words[i]; i++)
                if (span_is(word, span_of(words[i])))
                    return true;
    return false;
}

static bool writes(const struct draft_call *c)
{
    return span_is(c->method, SPAN("POST")) || span_is(c->method, SPAN("PUT")) || span_is(c->method, SPAN("PATCH"));
}

static bool sounds_dear(const struct draft_call *c)
{
    static const char *const words[] = { "pay", "payment", "payments", "charge", "charges", "refund", "refunds", "payout", "payouts", "transfer", "transfers", "order", "orders",
        "purchase", "purchases", "checkout", "checkouts", "subscription", "subscriptions", "invoice", "invoices", "buy", "credit", "credits", "topup", "withdraw", "withdrawal", "withdrawals", "capture", "disbursement",
        "deposit", "deposits", "donation", "donations", "donate", "donor", "ticketing", "booking", "bookings", "label", "labels", "postcard", "postcards", "letter", "letters", "cheque", "checks", "upgrade",
        "renew", "sms", "mms", "calls", "fax", "faxes", "send", NULL };
    return has_word(c->name, words);
}

static bool sounds_secret(const struct draft_call *c)
{
    static const char *const words[] = { "token", "tokens", "secret", "secrets", "password", "passwords", "credential", "credentials", "apikey", "apikeys", NULL };
    static const char *const pairs[] = { "api_key", "private_key", "signing_key", "access_key", NULL };
    if (span_is(c->method, SPAN("DELETE")))
        return false;
    for (size_t i = 0; pairs[i]; i++)
        if (span_find(c->name, span_of(pairs[i])) >= 0)
            return true;
    return has_word(c->name, words);
}

static bool sends_messages(const struct draft_call *c)
{
    static const char *const words[] = { "mail", "mails", "email", "emails", "message", "messages", "sms", "mms", "send", "texts", "notifications", "notification", "broadcasts", NULL };
    return has_word(c->name, words);
}

/* ---- money ---- */

/* The better of two: nearer to the top, then the plainer word. Lists cannot be added up by a rule. */
static int worth(struct arena *a, const struct draft_field *f)
{
    static const char *const sure[] = { "amount", NULL }, *const likely[] = { "price", "total", "cost", "fee", NULL };
    struct span word = draft_word(a, f->name);
    bool number = f->type == TYPE_INTEGER || f->type == TYPE_NUMBER || f->type == TYPE_TEXT;
    if (f->listed || !number || f->depth > 2 || span_ends(word, SPAN("_id")) || span_find(word, SPAN("currency")) >= 0)
        return 0;
    /* "amount: { value, currency }" */
    if (span_is(word, SPAN("value")) && f->depth == 2)
        return has_word(draft_word(a, f->path), sure) || has_word(draft_word(a, f->path), likely) ? 20 - f->depth : 0;
    int base = has_word(word, sure) ? 10 : has_word(word, likely) && f->type != TYPE_TEXT ? 5 : 0;
    return base ? base + 2 * (span_is(word, SPAN("amount")) + f->required) - f->depth : 0;
}

static struct span parent_of(struct span path)
{
    size_t n = path.len;
    while (n > 0 && path.at[n - 1] != '.')
        n--;
    return span_first(path, n);
}

/* A currency beside the amount, else one at the top. */
static const struct draft_field *currency_of(const struct draft_call *c, struct arena *a)
{
    const struct draft_field *found = NULL;
    for (size_t i = 0; i < c->field_count; i++) {
        const struct draft_field *f = &c->fields[i];
        struct span word = draft_word(a, f->name);
        bool fits = f->type == TYPE_TEXT && !f->listed && (span_is(word, SPAN("currency")) || span_is(word, SPAN("currency_code")));
        if (fits && span_is(parent_of(f->path), parent_of(c->amount->path)))
            return f;
        if (fits && f->depth == 1)
            found = f;
    }
    return found;
}

static void guess_money(struct draft *d, struct draft_call *c)
{
    int best = 0;
    for (size_t i = 0; i < c->field_count; i++) {
        int w = worth(d->arena, &c->fields[i]);
        if (w <= best)
            continue;
        best = w;
        c->amount = &c->fields[i];
    }
    /* A price in a catalogue is no payment: an amount counts where somebody pays, or where nothing else is meant. */
    if (c->amount && best < 10 && !sounds_dear(c))
        c->amount = NULL;
    if (!c->amount)
        return;
    c->currency = currency_of(c, d->arena);
    d->minor = d->minor || (c->currency && c->amount->type == TYPE_INTEGER);
}

/* ---- recipients ---- */

static bool names_recipient(struct arena *a, const struct draft_field *f)
{
    static const char *const words[] = { "to", "cc", "bcc", "recipient", "recipients", "destination", "destinations", "msisdn", NULL };
    struct span word = draft_word(a, f->name);
    for (size_t i = 0; words[i]; i++)
        if (span_is(word, span_of(words[i])))
            return f->type == TYPE_TEXT || f->type == TYPE_OTHER;
    struct span owner = draft_word(a, span_first(f->path, f->path.len - f->name.len));
    return f->type == TYPE_TEXT && has_word(owner, words) && (f->mail || span_is(word, SPAN("email")) || span_is(word, SPAN("address")) || span_is(word, SPAN("phone")) || span_is(word, SPAN("phone_number")));
}

static void guess_recipients(struct draft *d, struct draft_call *c)
{
    static const char *const mail[] = { "mail", "mails", "email", "emails", NULL };
    if (!sends_messages(c))
        return;
    for (size_t i = 0; i < c->field_count && c->to_count < DRAFT_RECIPIENTS; i++)
        if (names_recipient(d->arena, &c->fields[i]))
            c->to[c->to_count++] = &c->fields[i];
    c->mails = has_word(c->name, mail) || span_find(d->slug, SPAN("mail")) >= 0;
    for (size_t i = 0; i < c->to_count; i++)
        c->mails = c->mails || c->to[i]->mail || span_is(draft_word(d->arena, c->to[i]->name), SPAN("email"));
    d->prices = d->prices || c->to_count;
}

/* ---- scopes ---- */

struct scope_word {
    const char *name;
    const char *fields[6];
    bool who;
};

static const struct scope_word scope_words[] = {
    { "customer", { "customer", "customer_id", "customerId", "client_id", "buyer", NULL }, true },
    { "user", { "user_id", "userId", "user", NULL }, false },
    { "account", { "account", "account_id", "accountId", "merchantAccount", NULL }, false },
    { "destination", { "destination", "payee", "beneficiary", "beneficiary_id", "recipient_id", NULL }, false },
};

static void add_scope_field(struct draft_scope *s, struct arena *a, const char *root, struct span path)
{
    struct span field = arena_print(a, "%s.%.*s", root, SPAN_ARG(path));
    for (size_t i = 0; i < s->count; i++)
        if (span_is(s->fields[i], field))
            return;
    if (s->count < sizeof(s->fields) / sizeof(*s->fields))
        s->fields[s->count++] = field;
}

static bool in_words(struct span name, const char *const words[])
{
    for (size_t i = 0; words[i]; i++)
        if (span_is(name, span_of(words[i])))
            return true;
    return false;
}

static void look_in_path(struct draft_scope *s, struct arena *a, const struct draft_call *c, const char *const words[])
{
    struct span rest = c->path, before, name;
    while (span_cut(&rest, '{', &before) && span_cut(&rest, '}', &name))
        if (in_words(name, words))
            add_scope_field(s, a, "path", name);
}

static void look_in_call(struct draft_scope *s, struct arena *a, const struct draft_call *c, const char *const words[])
{
    look_in_path(s, a, c, words);
    for (size_t i = 0; i < c->field_count; i++)
        if (in_words(c->fields[i].name, words) && c->fields[i].depth == 1 && !c->fields[i].listed && c->fields[i].type == TYPE_TEXT)
            add_scope_field(s, a, "body", c->fields[i].path);
}

static bool costs(const struct draft_call *c) { return !c->trouble.at && (c->amount || c->money || c->to_count); }

static void guess_scopes(struct draft *d)
{
    for (size_t w = 0; w < sizeof(scope_words) / sizeof(*scope_words); w++) {
        struct draft_scope s = { .name = span_of(scope_words[w].name), .who = scope_words[w].who };
        for (size_t i = 0; i < d->count; i++)
            if (costs(&d->calls[i]))
                look_in_call(&s, d->arena, &d->calls[i], scope_words[w].fields);
        if (s.count && d->scope_count < DRAFT_SCOPES)
            d->scopes[d->scope_count++] = s;
    }
}

/* ---- refusals ---- */

/* A member of an error: what it is like. SPAN_NONE: leave it out. */
static struct span error_value(struct span name, struct span type)
{
    static const char *const messages[] = { "message", "detail", "description", "error_description", "error_message", "errorMessage", "title", "msg", "reason", NULL };
    static const char *const codes[] = { "code", "type", "name", "error", "error_code", "errorCode", "errorType", NULL };
    bool text = span_is(type, SPAN("string")), number = span_is(type, SPAN("integer")) || span_is(type, SPAN("number"));
    if (text && in_words(name, messages))
        return SPAN("\"{{message}}\"");
    if (text && in_words(name, codes))
        return SPAN("\"{{code}}\"");
    if (number && (span_is(name, SPAN("status")) || span_is(name, SPAN("statusCode")) || span_is(name, SPAN("status_code")) || span_is(name, SPAN("code"))))
        return SPAN("{{status}}");
    return SPAN_NONE;
}

static struct span error_body(struct draft *d, struct json_value schema, int depth)
{
    struct span name, out = SPAN("");
    struct json_value item;
    for (struct json_iter it = json_iter(draft_resolve(d, json_member(schema, SPAN("properties")))); json_next(&it, &name, &item);) {
        struct json_value property = draft_resolve(d, item);
        struct span type = json_string(json_member(property, SPAN("type"))), value = error_value(name, type);
        if (!value.at && depth == 0 && (span_is(name, SPAN("error")) || span_is(name, SPAN("errors"))) && json_count(json_member(property, SPAN("properties"))))
            value = error_body(d, property, 1);
        if (value.at)
            out = arena_print(d->arena, "%.*s%s\"%.*s\":%.*s", SPAN_ARG(out), out.len ? "," : "", SPAN_ARG(name), SPAN_ARG(value));
    }
    return out.len ? arena_print(d->arena, "{%.*s%s}", SPAN_ARG(out), depth == 0 ? ",\"tollgate\":{{details}}" : "") : SPAN_NONE;
}

void draft_denial(struct draft *d, struct json_value schema)
{
    struct span body = error_body(d, schema, 0);
    if (body.at && span_find(body, SPAN("{{message}}")) >= 0)
        d->deny = body;
}

/* ---- all of it ---- */

void draft_guess(struct draft *d)
{
    for (size_t i = 0; i < d->count; i++) {
        struct draft_call *c = &d->calls[i];
        if (c->trouble.at)
            continue;
        c->secret = sounds_secret(c);
        if (!writes(c))
            continue;
        guess_money(d, c);
        guess_recipients(d, c);
        c->money = !c->amount && !c->to_count && sounds_dear(c);
    }
    guess_scopes(d);
}

/* SPDX-License-Identifier: Apache-2.0
 * invoice_twilio.c - Twilio's logs (a line a message or call, named by its SID) and usage records (a line a day and category). Prices
 * are negative in logs and positive in usage records; both are what Twilio takes. */
#include "base/text.h"
#include "bill/invoice_inside.h"

static const char price[] = "the price that Twilio takes for each message or call, against what the ledger counted for it",
                  daily[] = "the price of what went out in its time, by category, against the costs of the ledger's calls of that operation",
                  daily_wholes[] = "the price of categories that have no outbound part in the file, so what came in is in them, too, against the costs of the ledger's calls of that operation";

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

static int64_t positive(int64_t n) { return n < 0 ? -n : n; }

/* ---- logs ---- */

/* What failed, or was never sent, has no SentDate; without a price it cost nothing, and is passed over. */
static bool logged(struct desk *d)
{
    int64_t at, amount;
    struct span direction = desk_cell(d, 4);
    int when = desk_cell(d, 1).at ? 1 : 5;
    if (!desk_cell(d, 1).at && !desk_cell(d, 2).at)
        return true;
    if (!desk_time(d, desk_cell(d, when).at ? when : 1, &at) || !desk_amount(d, 2, &amount) || !desk_dollars(d, 3))
        return false;
    struct invoice_line *line = desk_line(d, at);
    if (!line)
        return false;
    line->ids[0] = desk_cell(d, 0);
    line->name = direction;
    line->amount = positive(amount);
    line->apart = span_starts(direction, SPAN("inbound")); /* no call of ours made it */
    return true;
}

/* ---- usage records ---- */

/* Categories overlap: sms-outbound is in sms with sms-inbound, and totalprice is all. What calls cause goes out: the part that says so is
 * taken, the whole only where the file has no part of it. */
static const struct family {
    struct span whole, out, in, operation;
} families[] = {
    { { "sms", 3 }, { "sms-outbound", 12 }, { "sms-inbound", 11 }, { "twilio.messages.create", 22 } },
    { { "mms", 3 }, { "mms-outbound", 12 }, { "mms-inbound", 11 }, { "twilio.messages.create", 22 } },
    { { "calls", 5 }, { "calls-outbound", 14 }, { "calls-inbound", 13 }, { "twilio.calls.create", 19 } },
};
enum { FAMILIES = sizeof(families) / sizeof(families[0]) };

static struct span operation_of(struct span category)
{
    for (size_t i = 0; i < FAMILIES; i++)
        if (span_is(category, families[i].whole) || span_is(category, families[i].out))
            return families[i].operation;
    return SPAN_NONE;
}

static bool add_record(struct desk *d, int64_t from, int64_t to, struct span category, int64_t amount)
{
    struct invoice_line *line = desk_line(d, from);
    struct span operation = operation_of(category);
    if (!line)
        return false;
    line->ids[0] = category;
    line->name = operation.at ? operation : category;
    line->amount = positive(amount);
    line->apart = !operation.at;
    if (to > from) {
        d->out->whole = true;
        d->out->to = to + DAY_MS > d->out->to ? to + DAY_MS : d->out->to;
    }
    return true;
}

/* Parts of what is counted already: nothing to compare, and nothing to add up. */
static bool is_part(struct span category)
{
    static const char *const wholes[] = { "sms-", "mms-", "calls-", "totalprice", NULL };
    for (size_t i = 0; i < FAMILIES; i++)
        if (span_is(category, families[i].out) || span_is(category, families[i].in))
            return false;
    for (size_t i = 0; wholes[i]; i++)
        if (span_starts(category, span_of(wholes[i])))
            return true;
    return false;
}

static bool has_part(const struct invoice *out, const struct family *f)
{
    for (size_t i = 0; i < out->count; i++)
        if (span_is(out->lines[i].ids[0], f->out) || span_is(out->lines[i].ids[0], f->in))
            return true;
    return false;
}

static const struct family *whole_of(struct span category)
{
    for (size_t i = 0; i < FAMILIES; i++)
        if (span_is(category, families[i].whole))
            return &families[i];
    return NULL;
}

/* All records are read: a whole whose parts are there would count them twice. */
static void drop_wholes(struct desk *d)
{
    struct invoice *out = d->out;
    bool parts[FAMILIES];
    size_t kept = 0;
    for (size_t f = 0; f < FAMILIES; f++)
        parts[f] = has_part(out, &families[f]);
    out->compared = daily;
    for (size_t i = 0; i < out->count; i++) {
        const struct family *f = whole_of(out->lines[i].ids[0]);
        if (f && parts[f - families])
            continue;
        if (f)
            out->compared = daily_wholes;
        out->lines[kept++] = out->lines[i];
    }
    out->count = kept;
}

static bool record(struct desk *d)
{
    int64_t from, to, amount;
    if (is_part(desk_cell(d, 0)))
        return true;
    return desk_time(d, 3, &from) && desk_time(d, 4, &to) && desk_amount(d, 1, &amount) && desk_dollars(d, 2) && add_record(d, from, to, desk_cell(d, 0), amount);
}

const struct sheet_form twilio_sheets[] = {
    { "Twilio log, CSV", INVOICE_BY_ID, INVOICE_USD, price, { "Sid|MessageSid|CallSid", "SentDate|DateSent|StartTime|DateCreated", "Price", "?PriceUnit", "?Direction", "?DateCreated|CreatedDate" }, logged, NULL },
    { "Twilio usage records, CSV", INVOICE_BY_OPERATION, INVOICE_USD, daily, { "Category", "Price", "?PriceUnit", "StartDate", "EndDate" }, record, drop_wholes },
    { .name = NULL },
};

/* {"usage_records": [{"category", "price", "price_unit", "start_date", "end_date"}]} */
static bool json_record(struct desk *d, struct json_value v)
{
    int64_t from, to, amount;
    struct span category = json_string(json_member(v, SPAN("category"))), unit = json_string(json_member(v, SPAN("price_unit")));
    struct span text = json_decimal(json_member(v, SPAN("price")), d->arena), start = json_string(json_member(v, SPAN("start_date"))), end = json_string(json_member(v, SPAN("end_date")));
    if (is_part(category))
        return true;
    if (!text_time_parse(start, &from) || !text_time_parse(end, &to))
        return desk_wrong(d, "start_date", start.at ? start : SPAN(""), "start_date and end_date such as 2026-06-01");
    if (!text.at || !invoice_amount(text, &amount))
        return desk_wrong(d, "price", text.at ? text : SPAN(""), "a decimal number");
    if (unit.at && !span_is_nocase(unit, SPAN("usd")))
        return desk_wrong(d, "price_unit", unit, "usd");
    return add_record(d, from, to, arena_copy(d->arena, category), amount);
}

bool twilio_json(struct desk *d, struct json_value root)
{
    struct span name;
    struct json_value item;
    desk_form(d, "Twilio usage records, JSON", INVOICE_BY_OPERATION, INVOICE_USD, daily);
    if (json_kind(json_member(root, SPAN("usage_records"))) != JSON_ARRAY) {
        trouble_say(d->trouble, NULL, "invoice", "has no member \"usage_records\" with a list; allowed: an answer of Usage/Records/Daily.json");
        return false;
    }
    if (json_string(json_member(root, SPAN("next_page_uri"))).len) {
        trouble_say(d->trouble, NULL, "next_page_uri", "there are more pages; allowed: all of them in one list");
        return false;
    }
    for (struct json_iter it = json_iter(json_member(root, SPAN("usage_records"))); json_next(&it, &name, &item);) {
        d->number++;
        if (!json_record(d, item))
            return false;
    }
    drop_wholes(d);
    return true;
}

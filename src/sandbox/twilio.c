/* SPDX-License-Identifier: Apache-2.0
 * twilio.c - the sandbox's Twilio: text messages. As with the real one a message is created with `price` null; it is delivered
 * and has a price when it is asked for some seconds later. */
#include <stdio.h>

#include "base/text.h"
#include "sandbox/play.h"

enum { LIST_USUAL = 50, LIST_MOST = 1000, TEXT_LONGEST = 1600, PRICE = 830 /* a segment: $0.0083, in 1/100,000 of a dollar */, PRICED_MS = 2000 };

static void fail(struct play *p, int status, int code, const char *message)
{
    p->status = status;
    json_open(&p->json, '{');
    json_pair_i64(&p->json, SPAN("code"), code);
    json_pair(&p->json, SPAN("message"), span_of(message));
    json_pair_i64(&p->json, SPAN("status"), status);
    json_pair(&p->json, SPAN("more_info"), SPAN("https://www.twilio.com/docs/errors"));
    json_close(&p->json, '}');
}

/* Septets of one character of GSM 03.38, 0: it has none. */
static int64_t septets(struct span character)
{
    static const char twice[] = "^{}\\[~]|\xe2\x82\xac";
    static const char accented[] = "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà";
    if (span_find(span_of(twice), character) >= 0)
        return 2;
    if (character.len == 1)
        return character.at[0] != '`';
    return span_find(span_of(accented), character) >= 0;
}

static int64_t segments(struct span text)
{
    int64_t gsm = 0, units = 0;
    bool plain = true;
    while (text.len) {
        size_t len = text_utf8_first(text);
        struct span character = span_first(text, len ? len : 1);
        int64_t n = septets(character);
        plain = plain && n > 0;
        gsm += n;
        units += len == 4 ? 2 : 1;
        text = span_from(text, character.len);
    }
    int64_t size = plain ? gsm : units, one = plain ? 160 : 70, many = plain ? 153 : 67;
    return size <= one ? 1 : (size + many - 1) / many;
}

/* "Fri, 24 May 2019 17:18:27 +0000" */
static struct span mail_date(struct play *p, int64_t unix_ms)
{
    static const char days[] = "ThuFriSatSunMonTueWed", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char text[TIME_TEXT];
    uint64_t month = 0;
    struct span at = text_time(unix_ms, text);
    must(span_to_u64(span_make(at.at + 5, 2), &month) && month >= 1 && month <= 12 && unix_ms >= 0);
    return arena_print(p->arena, "%.3s, %.2s %.3s %.4s %.8s +0000", days + unix_ms / 86400000 % 7 * 3, at.at + 8,
        months + (month - 1) * 3, at.at, at.at + 11);
}

static void put_message(struct play *p, const struct item *i)
{
    struct json_out *o = &p->json;
    bool delivered = p->now_ms - i->created_ms >= PRICED_MS;
    char price[32];
    snprintf(price, sizeof(price), "-%lld.%05lld", (long long)(i->amount * PRICE / 100000), (long long)(i->amount * PRICE % 100000));
    json_open(o, '{');
    json_pair(o, SPAN("sid"), span_of(i->id));
    json_pair(o, SPAN("account_sid"), span_of(i->parent));
    json_pair(o, SPAN("to"), span_of(i->to));
    bool pool = strncmp(i->from, "MG", 2) == 0; /* a messaging service picks the sender */
    json_pair(o, SPAN("from"), pool ? SPAN_NONE : span_of(i->from));
    json_pair(o, SPAN("messaging_service_sid"), pool ? span_of(i->from) : SPAN_NONE);
    json_pair(o, SPAN("body"), span_of(i->note));
    json_pair(o, SPAN("status"), delivered ? SPAN("delivered") : SPAN("queued"));
    json_name(o, SPAN("num_segments"));
    json_put_string(o, arena_print(p->arena, "%lld", (long long)i->amount));
    json_pair(o, SPAN("num_media"), SPAN("0"));
    json_pair(o, SPAN("direction"), SPAN("outbound-api"));
    json_pair(o, SPAN("price"), delivered ? span_of(price) : SPAN_NONE);
    json_pair(o, SPAN("price_unit"), SPAN("USD"));
    json_pair_raw(o, SPAN("error_code"), SPAN_NONE);
    json_pair(o, SPAN("date_created"), mail_date(p, i->created_ms));
    json_close(o, '}');
}

static void create(struct play *p, struct span account)
{
    struct span to = play_form(p, "To"), from = play_form(p, "From"), text = play_form(p, "Body");
    if (!from.len)
        from = play_form(p, "MessagingServiceSid");
    if (!to.len || !from.len || !text.len) {
        fail(p, 400, !to.len ? 21604 : !from.len ? 21603 : 21602, "A message needs To, From (or MessagingServiceSid) and Body");
        return;
    }
    if (to.at[0] != '+' && !span_starts(to, SPAN("whatsapp:+"))) {
        fail(p, 400, 21211, "The 'To' number is not a valid phone number");
        return;
    }
    if (text.len > TEXT_LONGEST) {
        fail(p, 400, 21617, "The concatenated message body exceeds the 1600 character limit");
        return;
    }
    struct item *item = shelf_add(p->shelf, "message", "SM", 32, p->now_ms);
    item->amount = segments(text);
    shelf_text(item->to, sizeof(item->to), to);
    shelf_text(item->from, sizeof(item->from), from);
    shelf_text(item->note, sizeof(item->note), text);
    shelf_text(item->parent, sizeof(item->parent), account);
    p->status = 201;
    put_message(p, item);
}

/* The next older message that the query asks for. */
static const struct item *next(struct play *p, const struct item *item)
{
    struct span to = play_query(p, "To"), from = play_query(p, "From");
    do
        item = shelf_before(p->shelf, "message", item ? item->number : 0);
    while (item && ((to.at && !span_is(to, span_of(item->to))) || (from.at && !span_is(from, span_of(item->from)))));
    return item;
}

static void list(struct play *p)
{
    uint64_t size = LIST_USUAL;
    struct span wanted = play_query(p, "PageSize");
    if (wanted.at && (!span_to_u64(wanted, &size) || size < 1 || size > LIST_MOST))
        size = LIST_USUAL;
    const struct item *item = next(p, NULL);
    json_open(&p->json, '{');
    json_name(&p->json, SPAN("messages"));
    json_open(&p->json, '[');
    for (uint64_t n = 0; item && n < size; n++, item = next(p, item))
        put_message(p, item);
    json_close(&p->json, ']');
    json_pair_i64(&p->json, SPAN("page"), 0);
    json_pair_i64(&p->json, SPAN("page_size"), (int64_t)size);
    /* There is one page here; that there would be another is said all the same. */
    json_pair(&p->json, SPAN("next_page_uri"), item ? SPAN("?Page=1") : SPAN_NONE);
    json_close(&p->json, '}');
}

static void retrieve(struct play *p, struct span file)
{
    struct span id = span_ends(file, SPAN(".json")) ? span_first(file, file.len - 5) : file;
    const struct item *item = shelf_find(p->shelf, "message", id);
    if (item)
        put_message(p, item);
    else
        fail(p, 404, 20404, "The requested resource was not found");
}

void twilio_answer(struct play *p)
{
    struct span account = SPAN_NONE, file = SPAN_NONE;
    play_field(p, SPAN("twilio-request-id"), play_id(p, "RQsandbox"));
    if (!p->secret_fits)
        fail(p, 401, 20003, "Authenticate");
    else if (play_is(p, "POST", "2010-04-01/Accounts/*/Messages.json", &account))
        create(p, account);
    else if (play_is(p, "GET", "2010-04-01/Accounts/*/Messages.json", &account))
        list(p);
    else if (p->path_count == 5 && play_is(p, "GET", "2010-04-01/Accounts/*/Messages/*", &file))
        retrieve(p, file);
    else
        fail(p, 404, 20404, "The sandbox plays messages only");
}

/* SPDX-License-Identifier: Apache-2.0
 * approval_text.c - an approval as JSON: what the journal and the store keep, and what the API shows. */
#include "flow/approvals.h"

#include "base/text.h"
#include "rules/call_id.h"

enum { HEX = 2 * DIGEST_LEN };

static const struct span states[] = { [APPROVAL_PENDING] = { "pending", 7 },
    [APPROVAL_APPROVED] = { "approved", 8 },
    [APPROVAL_REFUSED] = { "refused", 7 },
    [APPROVAL_EXPIRED] = { "expired", 7 },
    [APPROVAL_USED] = { "used", 4 } };
enum { STATES = sizeof(states) / sizeof(*states) };

/* The texts that stand under their own names. */
#define PLAIN(F)                                                                                                           \
    F(workspace) F(key) F(key_name) F(run) F(step) F(vendor) F(operation) F(rule) F(customer) F(reason) F(actor) F(note)

struct span approval_state_name(enum approval_state state)
{
    must((int)state >= 0 && (int)state < STATES);
    return states[state];
}

bool approval_state_parse(struct span text, enum approval_state *out)
{
    for (int i = 0; i < STATES; i++) {
        if (!span_is(text, states[i]))
            continue;
        *out = (enum approval_state)i;
        return true;
    }
    return false;
}

static void put_call(struct json_out *o, struct span name, uint64_t call)
{
    char text[CALL_ID_TEXT + 1];
    json_pair(o, name, call ? call_id_text(call, text) : SPAN_NONE);
}

static void put_asked(struct json_out *o, const struct digest *asked)
{
    char text[HEX];
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_LEN; i++) {
        text[2 * i] = digits[asked->bytes[i] >> 4];
        text[2 * i + 1] = digits[asked->bytes[i] & 15];
    }
    json_pair(o, SPAN("asked"), span_make(text, HEX));
}

void approval_write(const struct approval *ap, struct json_out *o)
{
    json_open(o, '{');
    json_pair(o, SPAN("id"), span_of(ap->id));
    json_pair(o, SPAN("state"), approval_state_name(ap->state));
    json_pair_time(o, SPAN("at"), ap->at);
    json_pair_time(o, SPAN("until"), ap->until);
    json_name(o, SPAN("most_usd"));
    if (ap->most >= 0)
        json_put_money(o, ap->most);
    else
        json_put_null(o);
    json_pair_i64(o, SPAN("messages"), ap->messages);
#define PUT(member) json_pair(o, SPAN(#member), ap->member);
    PLAIN(PUT)
#undef PUT
    json_pair_raw(o, SPAN("request"), ap->request.len ? ap->request : SPAN_NONE);
    json_pair_time(o, SPAN("decided_at"), ap->decided_at);
    put_call(o, SPAN("call"), ap->call);
    put_call(o, SPAN("used_by"), ap->used_by);
    json_pair_i64(o, SPAN("use_within_ms"), ap->use_ms);
    json_pair_time(o, SPAN("changed_at"), ap->changed_at);
    put_asked(o, &ap->asked);
    json_close(o, '}');
}

/* ---- what is not shown ---- */

/* 13 to 19 digits, perhaps in groups, whose last is right for the others (Luhn). */
static bool is_card(struct span value)
{
    enum { SHORTEST = 13, LONGEST = 19 };
    int digits[LONGEST], count = 0, sum = 0;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        if (c == ' ' || c == '-')
            continue;
        if (c < '0' || c > '9' || count == LONGEST)
            return false;
        digits[count++] = c - '0';
    }
    for (int i = 0; i < count; i++) {
        int n = digits[count - 1 - i] * (i % 2 ? 2 : 1);
        sum += n > 9 ? n - 9 : n;
    }
    return count >= SHORTEST && sum % 10 == 0;
}

/* "cvc" of "card.cvc". */
static struct span last_part(struct span name)
{
    for (size_t i = name.len; i > 0; i--)
        if (name.at[i - 1] == '.')
            return span_from(name, i);
    return name;
}

struct span approval_hide(struct span name, struct span value)
{
    static const struct span secrets[] = { { "cvc", 3 }, { "cvv", 3 }, { "pin", 3 }, { "password", 8 }, { "secret", 6 }, { "client_secret", 13 }, { "api_key", 7 },
        { "access_token", 12 }, { "authorization", 13 }, { "account_number", 14 }, { "iban", 4 }, { "id_number", 9 }, { "ssn_last_4", 10 } };
    struct span last = last_part(name);
    for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++)
        if (span_is_nocase(last, secrets[i]))
            return SPAN("[hidden]");
    return is_card(value) ? SPAN("[hidden]") : value;
}

/* ---- back ---- */

static bool read_time(struct json_value root, struct span name, int64_t *out)
{
    struct json_value v = json_member(root, name);
    *out = 0;
    return json_kind(v) == JSON_NULL || text_time_parse(json_string(v), out);
}

static bool read_call(struct json_value root, struct span name, uint64_t *out)
{
    struct json_value v = json_member(root, name);
    *out = 0;
    return json_kind(v) == JSON_NULL || call_id_parse(json_string(v), out);
}

static bool read_most(struct json_value root, nano_usd *out)
{
    struct json_value v = json_member(root, SPAN("most_usd"));
    *out = -1;
    return json_kind(v) == JSON_NULL || money_parse(json_string(v), out);
}

static bool read_id(struct json_value root, struct approval *out)
{
    struct span id = json_string(json_member(root, SPAN("id")));
    if (id.len != APPROVAL_ID || !span_starts(id, SPAN("apr_")))
        return false;
    memcpy(out->id, id.at, APPROVAL_ID);
    out->id[APPROVAL_ID] = 0;
    return true;
}

static bool read_facts(struct json_value root, struct approval *out)
{
    return read_id(root, out) && approval_state_parse(json_string(json_member(root, SPAN("state"))), &out->state) &&
           read_time(root, SPAN("at"), &out->at) && read_time(root, SPAN("until"), &out->until) && read_time(root, SPAN("decided_at"), &out->decided_at) &&
           read_time(root, SPAN("changed_at"), &out->changed_at) && read_call(root, SPAN("call"), &out->call) && read_call(root, SPAN("used_by"), &out->used_by) &&
           read_most(root, &out->most) && json_integer(json_member(root, SPAN("messages")), &out->messages) &&
           json_integer(json_member(root, SPAN("use_within_ms")), &out->use_ms) &&
           text_hex_decode(json_string(json_member(root, SPAN("asked"))), out->asked.bytes, DIGEST_LEN);
}

static struct span read_text(struct json_value root, struct span name, struct arena *a)
{
    struct span text = json_string(json_member(root, name));
    return text.at ? arena_copy(a, text) : SPAN_NONE;
}

static struct span read_request(struct json_value root, struct arena *a)
{
    struct buf text;
    struct json_value v = json_member(root, SPAN("request"));
    if (json_kind(v) == JSON_NULL || json_kind(v) == JSON_NONE)
        return SPAN_NONE;
    buf_init(&text, 4 * APPROVAL_REQUEST);
    json_print(v, &text);
    struct span copy = text.broken ? SPAN_NONE : arena_copy(a, buf_span(&text));
    buf_free(&text);
    return copy;
}

enum err approval_read(struct json *j, struct span bytes, int64_t now_ms, struct arena *a, struct approval *out)
{
    struct json_value root;
    const char *why;
    *out = (struct approval){ .most = -1 };
    if (json_parse(j, bytes, false, &root, &why) != E_OK || !read_facts(root, out))
        return E_BAD_REQUEST;
#define TAKE(member) out->member = read_text(root, SPAN(#member), a);
    PLAIN(TAKE)
#undef TAKE
    out->request = read_request(root, a);
    bool open = out->state == APPROVAL_PENDING || out->state == APPROVAL_APPROVED;
    if (open && now_ms > out->until) {
        out->state = APPROVAL_EXPIRED;
        out->changed_at = out->until > out->changed_at ? out->until : out->changed_at;
    }
    return a->broken ? E_NO_MEMORY : E_OK;
}

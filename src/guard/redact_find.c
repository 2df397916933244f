/* SPDX-License-Identifier: Apache-2.0
 * redact_find.c - finds addresses, numbers and secrets in a plain text, each in one pass over it.
 *
 * Rather too much than too little, but not every number: a card's must pass its checksum and begin as cards do (a time in
 * milliseconds does not), an IBAN's too. */
#include "guard/redact.h"

enum { LOCAL_MOST = 64, HOST_MOST = 253, CARD_LEAST = 13, CARD_MOST = 19, PHONE_LEAST = 8, PHONE_MOST = 15, IBAN_LEAST = 15, IBAN_MOST = 34 };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_letter(char c) { return is_upper(c) || (c >= 'a' && c <= 'z'); }
static bool is_word(char c) { return is_digit(c) || is_letter(c) || c == '_'; }
static char at(struct span s, size_t i) { return i < s.len ? s.at[i] : '\0'; }

void redact_hit_add(struct redact_hits *hits, size_t from, size_t to, int kind)
{
    struct redact_hit *list = ARENA_GROW(hits->arena, hits->list, hits->count);
    if (!list)
        return;
    hits->list = list;
    list[hits->count++] = (struct redact_hit){ from, to, kind };
}

/* ---- email ---- */

static bool is_local(char c) { return is_word(c) || c == '.' || c == '%' || c == '+' || c == '-' || c == '\'' || (unsigned char)c >= 0x80; }
static bool is_host(char c) { return is_digit(c) || is_letter(c) || c == '.' || c == '-' || (unsigned char)c >= 0x80; }

/* One at whose sign is at i. A dot that ends the sentence is none of its. */
static size_t email(struct span s, size_t i, struct redact_hits *out)
{
    size_t from = i, to = i + 1;
    while (from > 0 && i - from < LOCAL_MOST && is_local(s.at[from - 1]))
        from--;
    while (to < s.len && to - i <= HOST_MOST && is_host(s.at[to]))
        to++;
    while (to > i + 1 && (s.at[to - 1] == '.' || s.at[to - 1] == '-'))
        to--;
    size_t dot = to - 1;
    while (dot > i && s.at[dot] != '.')
        dot--;
    if (from == i || dot <= i + 1 || to - dot < 3)
        return i + 1;
    redact_hit_add(out, from, to, REDACT_EMAIL);
    return to;
}

/* ---- numbers ---- */

/* Digits from i on, with single blanks, hyphens, dots or brackets between them. */
struct digits {
    char digit[40];
    size_t end[40]; /* behind each */
    size_t count;
};

static bool between(char c, bool loose) { return c == ' ' || c == '-' || (loose && (c == '.' || c == '(' || c == ')' || c == '/')); }

static void read_digits(struct span s, size_t i, bool loose, struct digits *d)
{
    size_t gap = 0;
    d->count = 0;
    for (; i < s.len && d->count < sizeof(d->digit); i++) {
        if (is_digit(s.at[i])) {
            d->digit[d->count] = s.at[i];
            d->end[d->count++] = i + 1;
            gap = 0;
        } else if (!between(s.at[i], loose) || ++gap > (loose ? 2u : 1u)) {
            break;
        }
    }
}

static bool luhn(const struct digits *d, size_t count)
{
    int sum = 0;
    for (size_t i = 0; i < count; i++) {
        int n = d->digit[count - 1 - i] - '0';
        n = i % 2 ? 2 * n : n;
        sum += n > 9 ? n - 9 : n;
    }
    return sum % 10 == 0;
}

/* Visa 4; Mastercard 51-55, 2221-2720; American Express, Diners and JCB 3; Discover, UnionPay, Maestro 5 and 6. */
static bool begins_as_cards_do(const struct digits *d)
{
    int two = 10 * (d->digit[0] - '0') + (d->digit[1] - '0');
    return two == 30 || (two >= 34 && two <= 39) || (two >= 40 && two <= 69) || (two >= 22 && two <= 27);
}

static size_t card(struct span s, size_t i, struct redact_hits *out)
{
    struct digits d;
    read_digits(s, i, false, &d);
    size_t most = d.count < CARD_MOST ? d.count : CARD_MOST;
    for (size_t n = most; n >= CARD_LEAST && begins_as_cards_do(&d); n--) {
        if (is_digit(at(s, d.end[n - 1])) || !luhn(&d, n))
            continue;
        redact_hit_add(out, i, d.end[n - 1], REDACT_CARD);
        return d.end[n - 1];
    }
    return i;
}

/* "+1 (415) 555-0100"; without the plus only as North America writes it: "(415) 555-0100", "415-555-0100". */
static size_t phone(struct span s, size_t i, struct redact_hits *out)
{
    struct digits d;
    bool plus = s.at[i] == '+';
    read_digits(s, i + (plus || s.at[i] == '('), true, &d);
    if (plus && d.count >= PHONE_LEAST && d.count <= PHONE_MOST) {
        redact_hit_add(out, i, d.end[d.count - 1], REDACT_PHONE);
        return d.end[d.count - 1];
    }
    size_t one = d.count == 11 && d.digit[0] == '1';
    if (plus || d.count != 10 + one)
        return i;
    bool parted = d.end[3 + one] > d.end[2 + one] + 1 && d.end[6 + one] > d.end[5 + one] + 1;
    if (!parted)
        return i;
    redact_hit_add(out, i, d.end[d.count - 1], REDACT_PHONE);
    return d.end[d.count - 1];
}

static size_t ssn(struct span s, size_t i, struct redact_hits *out)
{
    static const char form[] = "ddd-dd-dddd";
    for (size_t n = 0; form[n]; n++)
        if (form[n] == 'd' ? !is_digit(at(s, i + n)) : at(s, i + n) != form[n])
            return i;
    if (is_digit(at(s, i + sizeof(form) - 1)))
        return i;
    redact_hit_add(out, i, i + sizeof(form) - 1, REDACT_SSN);
    return i + sizeof(form) - 1;
}

/* ---- IBAN: two letters, two check digits, up to 30 more in groups of four; the whole modulo 97 is 1 ---- */

static int mod97(const char *text, size_t len)
{
    int rest = 0;
    for (size_t k = 0; k < len; k++) {
        char c = text[(k + 4) % len];
        int n = is_digit(c) ? c - '0' : c - 'A' + 10;
        rest = (rest * (n > 9 ? 100 : 10) + n) % 97;
    }
    return rest;
}

static size_t iban(struct span s, size_t i, struct redact_hits *out)
{
    char text[IBAN_MOST];
    size_t ends[IBAN_MOST], n = 0;
    for (size_t k = i; k < s.len && n < IBAN_MOST; k++) {
        if (s.at[k] == ' ' && n && n % 4 == 0)
            continue;
        if (!is_digit(s.at[k]) && !is_upper(s.at[k]))
            break;
        text[n] = s.at[k];
        ends[n++] = k + 1;
    }
    for (; n >= IBAN_LEAST; n--) {
        if (is_word(at(s, ends[n - 1])) || mod97(text, n) != 1)
            continue;
        redact_hit_add(out, i, ends[n - 1], REDACT_IBAN);
        return ends[n - 1];
    }
    return i;
}

/* ---- secrets: words that begin as keys of known makes do, and private keys ---- */

static const struct prefix {
    struct span text;
    size_t least; /* characters behind it */
} prefixes[] = {
    { { "sk-", 3 }, 16 }, { { "sk_live_", 8 }, 8 }, { { "sk_test_", 8 }, 8 }, { { "rk_live_", 8 }, 8 }, { { "rk_test_", 8 }, 8 }, { { "whsec_", 6 }, 12 },
    { { "tg_", 3 }, 16 }, { { "tga_", 4 }, 16 }, { { "AKIA", 4 }, 16 }, { { "ASIA", 4 }, 16 }, { { "AIza", 4 }, 30 }, { { "ya29.", 5 }, 20 }, { { "ghp_", 4 }, 20 },
    { { "gho_", 4 }, 20 }, { { "ghs_", 4 }, 20 }, { { "github_pat_", 11 }, 20 }, { { "glpat-", 6 }, 16 }, { { "xoxb-", 5 }, 10 }, { { "xoxp-", 5 }, 10 },
    { { "xoxa-", 5 }, 10 }, { { "xapp-", 5 }, 10 }, { { "SG.", 3 }, 30 }, { { "re_", 3 }, 16 }, { { "key-", 4 }, 32 }, { { "hf_", 3 }, 20 }, { { "gsk_", 4 }, 20 },
    { { "xai-", 4 }, 20 }, { { "pplx-", 5 }, 20 }, { { "r8_", 3 }, 20 }, { { "shpat_", 6 }, 20 }, { { "npm_", 4 }, 20 }, { { "eyJ", 3 }, 40 },
};

static bool is_token(char c) { return is_word(c) || c == '-' || c == '.' || c == '+' || c == '/' || c == '='; }

static size_t private_key(struct span s, size_t i, struct redact_hits *out)
{
    struct span rest = span_from(s, i);
    ptrdiff_t head = span_find(span_first(rest, 60), SPAN("PRIVATE KEY-----"));
    if (!span_starts(rest, SPAN("-----BEGIN ")) || head < 0)
        return i;
    ptrdiff_t tail = span_find(rest, SPAN("-----END "));
    struct span end = tail < 0 ? SPAN_NONE : span_from(rest, (size_t)tail + 9);
    ptrdiff_t last = end.at ? span_find(span_first(end, 60), SPAN("-----")) : -1;
    size_t to = last < 0 ? s.len : i + (size_t)tail + 9 + (size_t)last + 5; /* cut: whatever is there of it */
    redact_hit_add(out, i, to, REDACT_SECRET);
    return to;
}

static size_t secret(struct span s, size_t i, struct redact_hits *out)
{
    struct span rest = span_from(s, i);
    if (s.at[i] == '-')
        return private_key(s, i, out);
    for (size_t k = 0; k < sizeof(prefixes) / sizeof(*prefixes); k++) {
        const struct prefix *p = &prefixes[k];
        if (rest.at[0] != p->text.at[0] || !span_starts(rest, p->text))
            continue;
        size_t to = i + p->text.len;
        bool digit = false; /* a name in a program has rarely one */
        for (; to < s.len && is_token(s.at[to]); to++)
            digit = digit || is_digit(s.at[to]);
        if (!digit || to - i - p->text.len < p->least)
            continue;
        redact_hit_add(out, i, to, REDACT_SECRET);
        return to;
    }
    return i;
}

/* ---- */

#define WANTED(kind) (kinds & (1u << (kind)))

/* Behind what begins here; i: nothing does. A number or a word begins where none was under way. */
static size_t find_here(struct span s, size_t i, unsigned kinds, struct redact_hits *out)
{
    char c = s.at[i], before = i ? s.at[i - 1] : ' ';
    size_t to = i;
    if (c == '@' && WANTED(REDACT_EMAIL))
        return email(s, i, out);
    if (is_word(before) && c != '-')
        return i;
    if (is_letter(c) || c == '-')
        to = secret(s, i, out);
    if (to == i && WANTED(REDACT_IBAN) && is_upper(c) && is_upper(at(s, i + 1)) && is_digit(at(s, i + 2)) && is_digit(at(s, i + 3)))
        to = iban(s, i, out);
    if (to == i && WANTED(REDACT_CARD) && is_digit(c))
        to = card(s, i, out);
    if (to == i && WANTED(REDACT_SSN) && is_digit(c))
        to = ssn(s, i, out);
    if (to == i && WANTED(REDACT_PHONE) && (is_digit(c) || c == '+' || c == '('))
        to = phone(s, i, out);
    return to;
}

void redact_find(struct span text, unsigned kinds, struct redact_hits *out)
{
    for (size_t i = 0; i < text.len;) {
        size_t to = find_here(text, i, kinds, out);
        i = to > i ? to : i + 1;
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * redact.c - see redact.h. A body is cut into pieces (a string of JSON, a field of a form, what stands between them), each as its plain
 * text; those that belong together are one text, in which is sought; then the pieces that were hit are written anew.
 *
 * The cutter takes any bytes: what is no JSON, or breaks off, is cut as far as it goes. */
#include "guard/redact.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/raw.h"
#include "base/text.h"
#include "guard/regex.h"

enum { DEPTH_MOST = 64, PATH = 300 };

struct redactor {
    unsigned kinds;
    const struct regex *patterns[REDACT_PATTERNS_MOST];
    struct span written[REDACT_PATTERNS_MOST]; /* the patterns, slashes and all */
    size_t pattern_count;
};

static const char *const kind_names[REDACT_KINDS + 1] = {
    [REDACT_SECRET] = "secret", [REDACT_EMAIL] = "email", [REDACT_CARD] = "card", [REDACT_PHONE] = "phone", [REDACT_IBAN] = "iban", [REDACT_SSN] = "ssn", NULL
};

const char *redact_kind(int kind) { return kind_names[kind]; }

/* ---- reading the rule ---- */

static bool read_pattern(struct arena *a, struct span text, const struct node *n, const char *path, struct redactor *r, struct trouble *t)
{
    struct span pattern, flags;
    char why[200];
    if (r->pattern_count == REDACT_PATTERNS_MOST) {
        trouble_say(t, n, path, "found more than %d patterns; allowed: %d", REDACT_PATTERNS_MOST, REDACT_PATTERNS_MOST);
        return false;
    }
    regex_take_apart(text, &pattern, &flags);
    if (regex_read(a, pattern, flags, &r->patterns[r->pattern_count], why)) {
        r->written[r->pattern_count++] = text;
        return true;
    }
    trouble_found(t, n, path, why);
    return false;
}

static bool read_entry(struct arena *a, struct span text, const struct node *n, const char *path, struct redactor *r, struct trouble *t)
{
    if (span_starts(text, SPAN("/")))
        return read_pattern(a, text, n, path, r, t);
    for (int k = 0; k < REDACT_KINDS; k++) {
        if (!span_is(text, span_of(kind_names[k])))
            continue;
        r->kinds |= 1u << k;
        return true;
    }
    trouble_found(t, n, path, "email, card, phone, iban, ssn, or a pattern between slashes (\"/order-\\d+/i\"); secrets always go");
    return false;
}

bool redactor_read(struct arena *a, const struct node *list, const char *path, const struct redactor **out, struct trouble *t)
{
    struct redactor *r = ARENA_NEW(a, struct redactor);
    struct span *texts = NULL;
    size_t count = 0;
    if (!r || !node_spans(a, list, path, &texts, &count, t))
        return false;
    r->kinds = 1u << REDACT_SECRET;
    const struct node *item = list && list->kind == NODE_LIST ? list->first : list;
    for (size_t i = 0; i < count && item; i++, item = item->next) {
        char at[PATH];
        snprintf(at, sizeof(at), "%.250s[%zu]", path, i);
        if (!read_entry(a, arena_copy(a, texts[i]), item, at, r, t))
            return false;
    }
    *out = r;
    return true;
}

struct span redactor_name(const struct redactor *r, size_t which)
{
    for (int k = 0; k < REDACT_KINDS; k++)
        if (r->kinds & 1u << k && which-- == 0)
            return span_of(kind_names[k]);
    return which < r->pattern_count ? r->written[which] : SPAN_NONE;
}

enum redact_form redact_form(struct span type)
{
    static const struct {
        struct span begins;
        enum redact_form form;
    } forms[] = {
        { { "application/json", 16 }, REDACT_JSON }, { { "text/event-stream", 17 }, REDACT_LINES }, { { "application/x-ndjson", 20 }, REDACT_LINES },
        { { "application/jsonl", 17 }, REDACT_LINES }, { { "application/x-www-form-urlencoded", 33 }, REDACT_FIELDS }, { { "text/", 5 }, REDACT_TEXT },
        { { "application/xml", 15 }, REDACT_TEXT }, { { "application/problem+json", 24 }, REDACT_JSON }, { { "application/graphql", 19 }, REDACT_TEXT },
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
        if (span_is_nocase(span_first(type, forms[i].begins.len), forms[i].begins))
            return forms[i].form;
    struct span name = type, rest = type;
    if (span_cut(&rest, ';', &name))
        name = span_trim(name);
    return span_ends(name, SPAN("+json")) ? REDACT_JSON : REDACT_OPAQUE;
}

/* ---- cutting ---- */

enum piece_kind { PIECE_BARE /* between strings */, PIECE_TEXT, PIECE_STRING, PIECE_FIELD };

struct piece {
    size_t at, len; /* in the body; a string's with its quotes */
    enum piece_kind kind;
    uint64_t group;    /* those of one group are one text */
    struct span plain;
    struct span fresh; /* SPAN_NONE: as it was */
};

struct cut {
    struct span body;
    struct arena *arena;
    struct piece *list;
    size_t count;
    bool joins;
    uint64_t own; /* the next group of a piece that stands alone */
};

static void add_piece(struct cut *c, size_t at, size_t len, enum piece_kind kind, struct span plain, uint64_t group)
{
    struct piece *list = len ? ARENA_GROW(c->arena, c->list, c->count) : NULL;
    if (!list)
        return;
    c->list = list;
    list[c->count++] = (struct piece){ at, len, kind, group ? group | 1 : c->own, plain, SPAN_NONE };
    c->own += 2;
}

static void add_bare(struct cut *c, size_t from, size_t to, enum piece_kind kind)
{
    add_piece(c, from, to - from, kind, span_make(c->body.at + from, to - from), 0);
}

/* Where the string that begins at `at` ends, behind its quote; SIZE_MAX: it is cut off. */
static size_t string_end(struct span body, size_t at, size_t to)
{
    for (size_t i = at + 1; i < to; i++) {
        if (body.at[i] == '\\')
            i++;
        else if (body.at[i] == '"')
            return i + 1;
    }
    return SIZE_MAX;
}

static uint64_t mix(uint64_t a, uint64_t b) { return (a ^ b) * UINT64_C(0x9e3779b97f4a7c15) + (a >> 29); }

static bool names_index(struct span name) { return span_is(name, SPAN("index")) || span_ends(name, SPAN("_index")); }

/* JSON between two places of the body: whatever strings there are. The path to a string is its group where they join; of what says
 * which of several things it is about ("index"), the number is part of it for the whole value. */
static void cut_json(struct cut *c, size_t from, size_t to)
{
    uint64_t path[DEPTH_MOST] = { 1 }, which = 0;
    size_t depth = 0, bare = from, first = c->count;
    struct span name = SPAN_NONE;
    for (size_t i = from; i < to; i++) {
        char ch = c->body.at[i];
        if (ch == '{' || ch == '[') {
            depth += depth + 1 < DEPTH_MOST;
            path[depth] = mix(path[depth - 1], span_hash(name.at ? name : SPAN(""), (uint64_t)ch));
            name = SPAN_NONE;
        } else if (ch == '}' || ch == ']') {
            depth -= depth > 0;
            name = SPAN_NONE;
        } else if (ch == ',') {
            name = SPAN_NONE;
        } else if (ch >= '0' && ch <= '9' && name.at && names_index(name)) {
            which = mix(which, span_hash(name, (uint64_t)ch));
        } else if (ch == '"') {
            size_t end = string_end(c->body, i, to), next = end;
            if (end == SIZE_MAX)
                break; /* cut off: the rest is one bare piece */
            struct span raw = span_make(c->body.at + i, end - i), plain = raw_text(raw, c->arena);
            while (next < to && (c->body.at[next] == ' ' || c->body.at[next] == '\n' || c->body.at[next] == '\t' || c->body.at[next] == '\r'))
                next++;
            bool is_name = next < to && c->body.at[next] == ':';
            add_bare(c, bare, i, PIECE_BARE);
            add_piece(c, i, end - i, PIECE_STRING, plain.at ? plain : span_make(raw.at + 1, raw.len - 2),
                c->joins && !is_name ? mix(path[depth], span_hash(name.at ? name : SPAN(""), 7)) : 0);
            if (is_name)
                name = plain;
            bare = end;
            i = end - 1;
        }
    }
    add_bare(c, bare, to, PIECE_BARE);
    for (size_t k = first; which && k < c->count; k++)
        if (c->list[k].group & 1)
            c->list[k].group = mix(c->list[k].group, which) | 1;
}

static void cut_lines(struct cut *c)
{
    for (size_t at = 0; at < c->body.len;) {
        ptrdiff_t end = span_find_byte(span_from(c->body, at), '\n');
        size_t to = end < 0 ? c->body.len : at + (size_t)end + 1;
        cut_json(c, at, to);
        at = to;
    }
}

static struct span form_plain(struct span s, struct arena *a)
{
    char *out = arena_take(a, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < s.len; i++) {
        bool coded = s.at[i] == '%' && i + 2 < s.len && text_hex_value(s.at[i + 1]) >= 0 && text_hex_value(s.at[i + 2]) >= 0;
        out[n++] = coded ? (char)(16 * text_hex_value(s.at[i + 1]) + text_hex_value(s.at[i + 2])) : s.at[i] == '+' ? ' ' : s.at[i];
        i += coded ? 2 : 0;
    }
    return out ? span_make(out, n) : s;
}

static void cut_fields(struct cut *c)
{
    for (size_t at = 0, i = 0; i <= c->body.len; i++) {
        if (i < c->body.len && c->body.at[i] != '&' && c->body.at[i] != '=')
            continue;
        add_piece(c, at, i - at, PIECE_FIELD, form_plain(span_make(c->body.at + at, i - at), c->arena), 0);
        at = i + 1;
    }
}

static void cut_body(struct cut *c, enum redact_form form)
{
    c->own = 2; /* even: alone; odd: a place */
    if (form == REDACT_JSON)
        cut_json(c, 0, c->body.len);
    else if (form == REDACT_LINES)
        cut_lines(c);
    else if (form == REDACT_FIELDS)
        cut_fields(c);
    else
        add_bare(c, 0, c->body.len, PIECE_TEXT);
}

/* ---- seeking ---- */

struct seeking {
    const struct redactor *rule;
    struct arena *arena;
    struct effort effort;
    struct redact_found *found;
    const char **why;
};

static void pattern_hit(void *self, size_t from, size_t to) { redact_hit_add(self, from, to, REDACT_KINDS); }

static int by_place(const void *a, const void *b)
{
    const struct redact_hit *x = a, *y = b;
    return x->from != y->from ? (x->from < y->from ? -1 : 1) : x->to != y->to ? (x->to > y->to ? -1 : 1) : 0;
}

/* In order, none over another: what two found together goes as the first one's. */
static void merge(struct redact_hits *h)
{
    size_t n = 0;
    if (h->count)
        qsort(h->list, h->count, sizeof(*h->list), by_place);
    for (size_t i = 0; i < h->count; i++) {
        if (n && h->list[i].from < h->list[n - 1].to)
            h->list[n - 1].to = h->list[i].to > h->list[n - 1].to ? h->list[i].to : h->list[n - 1].to;
        else
            h->list[n++] = h->list[i];
    }
    h->count = n;
}

static bool seek(struct seeking *s, struct span text, struct redact_hits *hits)
{
    *hits = (struct redact_hits){ .arena = s->arena };
    redact_find(text, s->rule->kinds, hits);
    for (size_t i = 0; i < s->rule->pattern_count; i++)
        if (regex_each(s->rule->patterns[i], text, &s->effort, pattern_hit, hits, s->why) == REGEX_UNKNOWN)
            return false;
    merge(hits);
    for (size_t i = 0; i < hits->count; i++) {
        if (hits->list[i].kind < REDACT_KINDS)
            s->found->hits[hits->list[i].kind]++;
        else
            s->found->pattern_hits++;
    }
    return true;
}

/* ---- writing anew ---- */

/* bare: a number's place is taken by a string. */
static void put_name(struct buf *b, int kind, bool bare)
{
    const char *quote = bare ? "\"" : "";
    buf_print(b, "%s[%s]%s", quote, kind < REDACT_KINDS ? kind_names[kind] : "redacted", quote);
}

/* The part of a group's text that is one piece's, which begins at `base` of it. A hit that began in an earlier piece is only left out. */
static void write_part(const struct redact_hits *hits, struct span plain, size_t base, bool bare, struct buf *out)
{
    size_t at = 0;
    for (size_t i = 0; i < hits->count; i++) {
        const struct redact_hit *h = &hits->list[i];
        if (h->to <= base || h->from >= base + plain.len)
            continue;
        size_t from = h->from > base ? h->from - base : 0, to = h->to - base < plain.len ? h->to - base : plain.len;
        buf_put(out, span_make(plain.at + at, from - at));
        if (h->from >= base)
            put_name(out, h->kind, bare);
        at = to;
    }
    buf_put(out, span_from(plain, at));
}

static bool is_hit(const struct redact_hits *hits, size_t base, size_t len)
{
    for (size_t i = 0; i < hits->count; i++)
        if (hits->list[i].to > base && hits->list[i].from < base + len)
            return true;
    return false;
}

static void encode_field(struct span plain, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < plain.len; i++) {
        unsigned char c = (unsigned char)plain.at[i];
        bool safe = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("-._[]", c);
        if (safe && c) {
            buf_put_byte(out, (char)c);
        } else {
            buf_put_byte(out, '%');
            buf_put_byte(out, digits[c >> 4]);
            buf_put_byte(out, digits[c & 15]);
        }
    }
}

static bool renew(struct seeking *s, const struct redact_hits *hits, struct piece *p, size_t base)
{
    struct buf part, coded;
    if (!is_hit(hits, base, p->plain.len))
        return true;
    buf_init(&part, 8 * p->plain.len + 64);
    buf_init(&coded, 48 * p->plain.len + 256);
    write_part(hits, p->plain, base, p->kind == PIECE_BARE, &part);
    if (p->kind == PIECE_FIELD)
        encode_field(buf_span(&part), &coded);
    p->fresh = p->kind == PIECE_FIELD ? arena_copy(s->arena, buf_span(&coded)) : p->kind == PIECE_STRING ? raw_quote(buf_span(&part), s->arena) : arena_copy(s->arena, buf_span(&part));
    bool good = p->fresh.at && !part.broken && !coded.broken;
    buf_free(&part);
    buf_free(&coded);
    return good;
}

static int by_group(const void *a, const void *b)
{
    const struct piece *const *x = a, *const *y = b;
    if ((*x)->group != (*y)->group)
        return (*x)->group < (*y)->group ? -1 : 1;
    return (*x)->at < (*y)->at ? -1 : (*x)->at > (*y)->at;
}

static bool redact_group(struct seeking *s, struct piece **of, size_t count)
{
    struct redact_hits hits;
    struct buf joined;
    size_t len = 0, base = 0;
    for (size_t i = 0; i < count; i++)
        len += of[i]->plain.len;
    buf_init(&joined, len + 1);
    for (size_t i = 0; count > 1 && i < count; i++)
        buf_put(&joined, of[i]->plain);
    bool good = !joined.broken && seek(s, count > 1 ? buf_span(&joined) : of[0]->plain, &hits);
    for (size_t i = 0; good && hits.count && i < count; base += of[i]->plain.len, i++)
        good = renew(s, &hits, of[i], base);
    buf_free(&joined);
    return good;
}

static bool redact_groups(struct seeking *s, const struct cut *c)
{
    struct piece **sorted = ARENA_ARRAY(s->arena, struct piece *, c->count + 1);
    for (size_t i = 0; sorted && i < c->count; i++)
        sorted[i] = &c->list[i];
    if (sorted && c->joins)
        qsort(sorted, c->count, sizeof(*sorted), by_group);
    bool good = sorted != NULL;
    for (size_t from = 0, to; good && from < c->count; from = to) {
        for (to = from + 1; to < c->count && sorted[to]->group == sorted[from]->group;)
            to++;
        good = redact_group(s, sorted + from, to - from);
    }
    return good;
}

bool redact(const struct redactor *r, enum redact_form form, bool told_in_pieces, struct span text, struct arena *a, struct buf *out, struct redact_found *found, const char **why)
{
    struct cut c = { .body = text, .arena = a, .joins = told_in_pieces };
    struct seeking s = { .rule = r, .arena = a, .effort = effort_new(text.len), .found = found, .why = why };
    size_t at = 0;
    *why = form == REDACT_OPAQUE ? "its kind cannot be searched for what must not be kept" : "no memory";
    if (form == REDACT_OPAQUE)
        return false;
    cut_body(&c, form);
    if (a->broken || !redact_groups(&s, &c) || a->broken)
        return false;
    for (size_t i = 0; i < c.count; i++) {
        const struct piece *p = &c.list[i];
        buf_put(out, span_make(text.at + at, p->at - at));
        buf_put(out, p->fresh.at ? p->fresh : span_make(text.at + p->at, p->len));
        at = p->at + p->len;
    }
    buf_put(out, span_from(text, at));
    *why = "no memory";
    return !out->broken;
}

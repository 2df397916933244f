/* SPDX-License-Identifier: Apache-2.0
 * sheet.c - see sheet.h. No number passes through floating point: texts are shifted and cut. */
#include "cli/sheet.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/text.h"
#include "rules/price_row.h"

enum { DIGITS_MOST = 80, ROW_MOST = 1 << 16, NAME_MOST = 300, EXPONENT_MOST = 60 };

void sheet_init(struct sheet *s, struct arena *a) { *s = (struct sheet){ .arena = a }; }

void sheet_free(struct sheet *s)
{
    map_free(&s->by_name);
    map_free(&s->skip_by_name);
}

void sheet_skip(struct sheet *s, struct span what, struct span example)
{
    struct sheet_skip *k = map_get(&s->skip_by_name, what);
    if (!k) {
        k = ARENA_NEW(s->arena, struct sheet_skip);
        if (!k)
            return;
        *k = (struct sheet_skip){ arena_copy(s->arena, what), arena_copy(s->arena, example), 0, s->skips };
        if (!map_put(&s->skip_by_name, k->what, k))
            s->arena->broken = true;
        s->skips = k;
    }
    k->count++;
}

static bool name_ok(struct span name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.at[i] <= ' ' || name.at[i] == 0x7f)
            return false;
    return name.len > 0 && name.len <= NAME_MOST;
}

struct sheet_row *sheet_row(struct sheet *s, struct span provider, struct span model)
{
    if (!name_ok(provider) || !name_ok(model) || span_find_byte(provider, '/') >= 0) {
        sheet_skip(s, SPAN("a name with blanks, or too long"), model);
        return NULL;
    }
    struct span name = arena_print(s->arena, "%.*s\t%.*s", SPAN_ARG(provider), SPAN_ARG(model));
    struct sheet_row *r = name.at ? map_get(&s->by_name, name) : NULL;
    if (r || !name.at)
        return r;
    r = ARENA_NEW(s->arena, struct sheet_row);
    if (!r || !map_put(&s->by_name, name, r))
        return NULL;
    *r = (struct sheet_row){ .provider = span_first(name, provider.len), .model = span_from(name, provider.len + 1), .next = s->rows };
    s->rows = r;
    s->count++;
    return r;
}

void sheet_rate(struct sheet *s, struct sheet_row *r, struct span condition, const char *meter, struct span rate)
{
    struct span name = span_of(meter);
    for (struct sheet_rate *old = r->rates; old; old = old->next)
        if (span_is(old->condition, condition) && span_is(old->meter, name)) {
            old->rate = rate;
            return;
        }
    struct sheet_rate *one = ARENA_NEW(s->arena, struct sheet_rate);
    if (!one)
        return;
    *one = (struct sheet_rate){ arena_copy(s->arena, condition), name, rate, NULL };
    if (r->last)
        r->last->next = one;
    else
        r->rates = one;
    r->last = one;
}

void sheet_unit(struct sheet *s, struct sheet_row *r, const char *kind, struct span conditions, struct span usd, int64_t n)
{
    const char *open = conditions.len ? "[" : "", *close = conditions.len ? "]" : "";
    r->units = arena_print(s->arena, "%.*s %s%s%.*s%s=%.*s/%lld", SPAN_ARG(r->units.at ? r->units : SPAN("")), kind, open,
        SPAN_ARG(conditions.at ? conditions : SPAN("")), close, SPAN_ARG(usd), (long long)n);
}

static void add_pair(struct sheet *s, struct span *list, const char *name, struct span value)
{
    struct span before = list->at ? *list : SPAN(""), mark = arena_print(s->arena, " %s=", name);
    if (mark.at && span_find(before, mark) < 0)
        *list = arena_print(s->arena, "%.*s%.*s%.*s", SPAN_ARG(before), SPAN_ARG(mark), SPAN_ARG(value));
}

void sheet_factor(struct sheet *s, struct sheet_row *r, const char *name, struct span factor) { add_pair(s, &r->factors, name, factor); }

void sheet_fact(struct sheet *s, struct sheet_row *r, const char *name, struct span value)
{
    if (name_ok(value) && span_find_byte(value, ';') < 0)
        add_pair(s, &r->facts, name, value);
}

void sheet_ability(struct sheet *s, struct sheet_row *r, const char *name)
{
    struct span rest = r->abilities, word;
    while (span_next(&rest, ' ', &word))
        if (span_is(word, span_of(name)))
            return;
    r->abilities = arena_print(s->arena, "%.*s%s%s", SPAN_ARG(r->abilities.at ? r->abilities : SPAN("")), r->abilities.len ? " " : "", name);
}

/* ---- numbers ---- */

/* Digits, and how many of them stand behind the point. */
struct decimal {
    char digits[DIGITS_MOST];
    int count, behind;
};

static bool read_exponent(struct span text, int *out)
{
    int64_t n;
    if (span_starts(text, SPAN("+")))
        text = span_from(text, 1);
    if (!span_to_i64(text, &n) || n > EXPONENT_MOST || n < -EXPONENT_MOST)
        return false;
    *out = (int)n;
    return true;
}

static bool read_decimal(struct span text, struct decimal *d)
{
    bool behind = false;
    *d = (struct decimal){ .count = 0 };
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        int exponent;
        if (c == '.' && !behind)
            behind = true;
        else if ((c == 'e' || c == 'E') && i > 0) {
            if (!read_exponent(span_from(text, i + 1), &exponent))
                return false;
            d->behind -= exponent;
            return true;
        } else if (c >= '0' && c <= '9' && d->count < DIGITS_MOST) {
            d->digits[d->count++] = c;
            d->behind += behind;
        } else
            return false;
    }
    return d->count > 0;
}

/* Adds one to the last digit; there is always room, since a zero was put in front. */
static void round_up(struct decimal *d)
{
    int i = d->count - 1;
    for (; i >= 0 && d->digits[i] == '9'; i--)
        d->digits[i] = '0';
    if (i >= 0)
        d->digits[i]++;
}

/* At most so many digits behind the point. */
static bool cut(struct decimal *d, int digits)
{
    bool lost = false;
    int over = d->behind - digits;
    if (over <= 0)
        return false;
    if (over >= d->count) {
        for (int i = 0; i < d->count; i++)
            lost = lost || d->digits[i] != '0';
        *d = (struct decimal){ .digits = "0", .count = 1, .behind = 0 };
        return lost;
    }
    char first = d->digits[d->count - over];
    for (int i = d->count - over; i < d->count; i++)
        lost = lost || d->digits[i] != '0';
    d->count -= over;
    d->behind = digits;
    if (first >= '5')
        round_up(d);
    return lost;
}

struct span sheet_decimal(struct arena *a, struct span number, int shift, int digits, bool *rounded)
{
    struct decimal d;
    char text[2 * DIGITS_MOST + 2 * EXPONENT_MOST];
    size_t n = 0;
    if (!number.len || number.len > DIGITS_MOST - 2 || number.at[0] < '0' || number.at[0] > '9')
        return SPAN_NONE;
    struct span padded = arena_print(a, "0%.*s", SPAN_ARG(number)); /* room for a carry */
    if (!padded.at || !read_decimal(padded, &d))
        return SPAN_NONE;
    d.behind -= shift;
    *rounded |= cut(&d, digits);
    int whole = d.count - d.behind; /* digits before the point; may be none, or more than there are */
    for (int i = 0; i < whole || i < d.count; i++) {
        if (i == (whole > 0 ? whole : 0)) {
            text[n++] = '.';
            for (int zero = whole; zero < 0; zero++)
                text[n++] = '0';
        }
        text[n++] = i < d.count ? d.digits[i] : '0';
    }
    struct span out = span_make(text, n);
    if (span_find_byte(out, '.') >= 0)
        while (out.len && (out.at[out.len - 1] == '0' || out.at[out.len - 1] == '.')) {
            bool point = out.at[out.len - 1] == '.';
            out = span_first(out, out.len - 1);
            if (point)
                break;
        }
    while (out.len > 1 && out.at[0] == '0' && out.at[1] != '.')
        out = span_from(out, 1);
    if (!out.len)
        out = SPAN("0");
    return out.at[0] == '.' ? arena_print(a, "0%.*s", SPAN_ARG(out)) : arena_copy(a, out);
}

/* ---- writing ---- */

/* Where a condition's section stands in a row: the plain one, steps, service tiers, regions, dates, windows. */
static int place_of(struct span condition)
{
    static const char *const starts[] = { "tier>", "svc:", "reg:", "until:", "from:", "win:" };
    for (int i = 0; condition.len && i < (int)(sizeof(starts) / sizeof(*starts)); i++)
        if (span_starts(condition, span_of(starts[i])))
            return i + 1;
    return 0;
}

static int64_t step_of(struct span condition)
{
    struct span head = condition;
    int64_t n;
    return span_cut(&condition, '>', &head) && span_to_i64(condition, &n) ? n : -1;
}

static struct span head_of(struct span condition)
{
    struct span head = condition;
    span_cut(&condition, '>', &head);
    return head;
}

static int by_condition(const void *x, const void *y)
{
    const struct span a = *(const struct span *)x, b = *(const struct span *)y;
    int order = place_of(a) - place_of(b);
    if (!order)
        order = span_compare(head_of(a), head_of(b));
    int64_t step_a = step_of(a), step_b = step_of(b);
    return order ? order : (step_a > step_b) - (step_a < step_b);
}

static size_t conditions_of(const struct sheet_row *r, struct span *list, size_t most)
{
    size_t count = 0;
    for (const struct sheet_rate *x = r->rates; x; x = x->next) {
        bool there = false;
        for (size_t i = 0; i < count && !there; i++)
            there = span_is(list[i], x->condition);
        if (!there && count < most)
            list[count++] = x->condition;
    }
    qsort(list, count, sizeof(*list), by_condition);
    return count;
}

static void put_section(const struct sheet_row *r, struct span condition, struct buf *out)
{
    bool first = true;
    buf_put(out, condition);
    for (int m = 0; m < METER_COUNT; m++)
        for (const struct sheet_rate *x = r->rates; x; x = x->next) {
            if (!span_is(x->condition, condition) || !span_is(x->meter, price_meter_name((enum meter)m)))
                continue;
            buf_print(out, "%s%.*s=%.*s", first && !condition.len ? "" : " ", SPAN_ARG(x->meter), SPAN_ARG(x->rate));
            first = false;
        }
}

static void begin(struct buf *out)
{
    if (out->len && out->at[out->len - 1] != '\t')
        buf_put_byte(out, ';');
}

static void put_row(const struct sheet_row *r, struct buf *out)
{
    struct span conditions[PRICE_TABLES];
    buf_print(out, "%.*s\t%.*s\t%lld\t%lld\t%.*s\t", SPAN_ARG(r->provider), SPAN_ARG(r->model), (long long)r->context, (long long)r->output_max,
        SPAN_ARG(r->abilities.at ? r->abilities : SPAN("")));
    if (r->facts.len)
        buf_print(out, "is%.*s", SPAN_ARG(r->facts));
    size_t count = conditions_of(r, conditions, PRICE_TABLES);
    for (size_t i = 0; i < count; i++) {
        begin(out);
        put_section(r, conditions[i], out);
    }
    if (r->factors.len) {
        begin(out);
        buf_print(out, "mul%.*s", SPAN_ARG(r->factors));
    }
    if (r->units.len) {
        begin(out);
        buf_print(out, "unit%.*s", SPAN_ARG(r->units));
    }
}

static int by_name(const void *x, const void *y)
{
    const struct sheet_row *a = *(struct sheet_row *const *)x, *b = *(struct sheet_row *const *)y;
    int order = span_compare(a->provider, b->provider);
    return order ? order : span_compare(a->model, b->model);
}

void sheet_header(struct span rows, size_t count, struct span date, struct buf *out)
{
    struct digest d = digest_sha256(rows);
    buf_print(out, "tollgate-prices\t1\t%.*s\t%zu\t", SPAN_ARG(date), count);
    buf_put_hex(out, span_make((const char *)d.bytes, DIGEST_LEN));
    buf_put_byte(out, '\n');
}

bool sheet_write(struct sheet *s, struct span date, struct buf *out)
{
    struct sheet_row **list = ARENA_ARRAY(s->arena, struct sheet_row *, s->count + 1);
    size_t count = 0, kept = 0;
    struct buf rows, one;
    if (!list)
        return false;
    for (struct sheet_row *r = s->rows; r; r = r->next)
        list[count++] = r;
    qsort(list, count, sizeof(struct sheet_row *), by_name);
    buf_init(&rows, 256 << 20);
    buf_init(&one, ROW_MOST);
    for (size_t i = 0; i < count; i++) {
        buf_clear(&one);
        put_row(list[i], &one);
        struct price *p = one.broken ? NULL : price_row_read(buf_span(&one));
        if (!p) {
            one.broken = false;
            sheet_skip(s, SPAN("a model whose prices are out of range, or too many"), list[i]->model);
            continue;
        }
        free(p);
        kept++;
        buf_put(&rows, buf_span(&one));
        buf_put_byte(&rows, '\n');
    }
    s->count = kept;
    sheet_header(buf_span(&rows), kept, date, out);
    buf_put(out, buf_span(&rows));
    bool good = !rows.broken && !out->broken && !s->arena->broken;
    buf_free(&rows);
    buf_free(&one);
    return good;
}

static int by_count(const void *x, const void *y)
{
    const struct sheet_skip *a = *(const struct sheet_skip *const *)x, *b = *(const struct sheet_skip *const *)y;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return span_compare(a->what, b->what);
}

void sheet_report(const struct sheet *s, FILE *to)
{
    size_t count = 0, n = 0;
    for (const struct sheet_skip *k = s->skips; k; k = k->next)
        count++;
    const struct sheet_skip **list = count ? malloc(count * sizeof(*list)) : NULL;
    fprintf(to, "%zu models; %s\n", s->count, count ? "not taken, or not as it stood:" : "everything was taken");
    for (const struct sheet_skip *k = list ? s->skips : NULL; k; k = k->next)
        list[n++] = k;
    if (n)
        qsort(list, n, sizeof(*list), by_count);
    for (size_t i = 0; i < n; i++)
        fprintf(to, "  %.*s: %zu times, first at %.*s\n", SPAN_ARG(list[i]->what), list[i]->count, SPAN_ARG(list[i]->example));
    free(list);
}

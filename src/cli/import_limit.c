/* SPDX-License-Identifier: Apache-2.0
 * import_limit.c - amounts, windows and times of other gateways as ours. */
#include "cli/import.h"
#include "cli/sheet.h"

enum { MINUTES_A_DAY = 24 * 60, WINDOW_MOST_DAYS = 366 };

/* "30d" to 30 and "d". */
static bool cut_number(struct span text, int64_t *n, struct span *unit)
{
    size_t digits = 0;
    while (digits < text.len && text.at[digits] >= '0' && text.at[digits] <= '9')
        digits++;
    *unit = span_from(text, digits);
    return span_to_i64(span_first(text, digits), n) && *n > 0 && *n < 1000000;
}

/* In minutes, rounded up; months as 30 days. */
static bool minutes(struct span text, int64_t *out, bool *months)
{
    struct span unit;
    int64_t n;
    *months = false;
    if (!cut_number(text, &n, &unit))
        return false;
    if (span_is(unit, SPAN("s")))
        *out = (n + 59) / 60;
    else if (span_is(unit, SPAN("m")))
        *out = n;
    else if (span_is(unit, SPAN("h")))
        *out = n * 60;
    else if (span_is(unit, SPAN("d")))
        *out = n * MINUTES_A_DAY;
    else if (span_is(unit, SPAN("w")))
        *out = n * 7 * MINUTES_A_DAY;
    else if (span_is(unit, SPAN("mo")))
        *out = n * 30 * MINUTES_A_DAY;
    else
        return false;
    *months = span_is(unit, SPAN("mo"));
    return *out <= (int64_t)WINDOW_MOST_DAYS * MINUTES_A_DAY;
}

struct span import_window(struct import *im, struct span duration, bool *exact)
{
    static const struct {
        int64_t minutes;
        const char *window;
    } calendar[] = { { 1, "minute" }, { 60, "hour" }, { MINUTES_A_DAY, "day" }, { 7 * MINUTES_A_DAY, "week" }, { 30 * MINUTES_A_DAY, "month" } };
    int64_t n;
    bool months;
    struct span unit;
    *exact = true;
    if (!duration.at)
        return SPAN("total");
    if (!minutes(duration, &n, &months))
        return SPAN_NONE;
    int64_t seconds;
    *exact = !(span_ends(duration, SPAN("s")) && cut_number(duration, &seconds, &unit) && seconds % 60);
    for (size_t i = 0; i < sizeof(calendar) / sizeof(*calendar); i++)
        if (n == calendar[i].minutes)
            return span_of(calendar[i].window);
    *exact = false;
    if (n % MINUTES_A_DAY == 0)
        return arena_print(im->a, "rolling %lldd", (long long)(n / MINUTES_A_DAY));
    if (n % 60 == 0)
        return arena_print(im->a, "rolling %lldh", (long long)(n / 60));
    return arena_print(im->a, "rolling %lldm", (long long)n);
}

struct node *import_budget(struct import *im, struct span amount, const char *unit, struct span window)
{
    bool rounded = false, usd = strcmp(unit, "usd") == 0;
    struct span number = sheet_decimal(im->a, amount, 0, usd ? 9 : 0, &rounded);
    if (!number.at)
        return NULL;
    struct node *made = import_map(im);
    import_put(im, made, "limit", import_text(im, arena_print(im->a, "%.*s %s", SPAN_ARG(number), unit)));
    import_put(im, made, "window", import_text(im, window));
    return made;
}

/* What counts the same is told apart by a name, so that both limits hold. */
static bool counts_alike(const struct node *a, const struct node *b)
{
    static const char *const parts[] = { "window", "vendor", "model", "per", "name" };
    struct span limit_a = import_scalar(a, "limit"), limit_b = import_scalar(b, "limit"), head;
    bool same = span_is(span_cut(&limit_a, ' ', &head) ? limit_a : SPAN_NONE, span_cut(&limit_b, ' ', &head) ? limit_b : SPAN_NONE);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && same; i++)
        same = span_is(import_scalar(a, parts[i]), import_scalar(b, parts[i]));
    return same;
}

static bool any_alike(const struct node *list, const struct node *budget)
{
    for (const struct node *n = list->first; n; n = n->next)
        if (counts_alike(n, budget))
            return true;
    return false;
}

void import_budget_add(struct import *im, struct node *list, struct node *budget, struct span path, struct span ours)
{
    int number = 2;
    if (list->count >= IMPORT_BUDGETS_MOST) {
        import_note(im, NOTE_LOST, path, ours, "a key has at most %d budgets", IMPORT_BUDGETS_MOST);
        return;
    }
    while (any_alike(list, budget))
        import_put(im, budget, "name", import_text(im, arena_print(im->a, "limit-%d", number++)));
    import_add(list, budget);
}

int64_t import_seconds(struct import *im, struct span text)
{
    bool rounded = false;
    int64_t ms;
    struct span number = sheet_decimal(im->a, text, 3, 0, &rounded);
    return number.at && span_to_i64(number, &ms) && ms > 0 && ms <= INT64_C(86400000) ? ms : 0;
}

int64_t import_integer(const struct node *map, const char *name, int64_t otherwise)
{
    int64_t n;
    struct span text = import_scalar(map, name);
    return text.at && span_to_i64(text, &n) ? n : otherwise;
}

bool import_true(const struct node *n)
{
    return n && n->kind == NODE_SCALAR && (span_is_nocase(n->text, SPAN("true")) || span_is_nocase(n->text, SPAN("yes")) || span_is_nocase(n->text, SPAN("on")));
}

/* SPDX-License-Identifier: Apache-2.0
 * values.c - reading a route's single values, and where in it the reader is. */
#include <stdio.h>

#include "base/money.h"
#include "base/text.h"
#include "route/inside.h"

const char *read_at(struct reading *r, const char *field)
{
    snprintf(r->at + r->at_len, sizeof(r->at) - r->at_len, "%s", field);
    return r->at[0] == '.' ? r->at + 1 : r->at;
}

size_t read_into(struct reading *r, const char *field)
{
    size_t was = r->at_len;
    read_at(r, field);
    r->at_len = strlen(r->at);
    return was;
}

void read_back(struct reading *r, size_t len)
{
    r->at_len = len;
    r->at[len] = '\0';
}

void read_note(struct reading *r, const char *name)
{
    struct span rest = r->notes, one;
    while (span_next(&rest, ',', &one))
        if (span_is(span_trim(one), span_of(name)))
            return;
    r->notes = r->notes.at ? arena_print(r->a, "%.*s, %s", SPAN_ARG(r->notes), name) : arena_print(r->a, "%s", name);
}

bool read_wrong(struct reading *r, const struct node *n, const char *field, const char *allowed)
{
    trouble_found(r->t, n, read_at(r, field), allowed);
    return false;
}

bool read_text(struct reading *r, const struct node *n, const char *field, struct span *out)
{
    struct span text = SPAN_NONE;
    if (!n)
        return true;
    if (!node_span(n, read_at(r, field), &text, r->t))
        return false;
    if (!text.len || text.len > 200 || !text_is_printable(text))
        return read_wrong(r, n, field, "1 to 200 printable characters without blanks");
    *out = text;
    return true;
}

static bool add_code(struct reading *r, const struct node *n, const char *field, struct codes *out)
{
    int64_t code = 0;
    if (n->kind != NODE_SCALAR || n->quoted || !span_to_i64(n->text, &code) || code < 100 || code > 599)
        return read_wrong(r, n, field, "status codes from 100 to 599");
    for (size_t i = 0; i < out->count; i++)
        if (out->list[i] == code)
            return true;
    if (out->count == ROUTE_CODES_MOST)
        return read_wrong(r, n, field, "at most 32 status codes");
    out->list[out->count++] = (int)code;
    return true;
}

bool read_codes(struct reading *r, const struct node *n, const char *field, struct codes *out)
{
    if (!n)
        return true;
    *out = (struct codes){ .given = true };
    if (n->kind == NODE_SCALAR)
        return add_code(r, n, field, out);
    if (n->kind != NODE_LIST)
        return read_wrong(r, n, field, "a list of status codes, such as [429, 503]");
    for (const struct node *item = n->first; item; item = item->next)
        if (!add_code(r, item, field, out))
            return false;
    return true;
}

bool read_time(struct reading *r, const struct node *n, const char *field, int64_t unit, int64_t min, int64_t max, int64_t *out)
{
    int64_t value = 0;
    char allowed[160];
    if (!n)
        return true;
    bool number = n->kind == NODE_SCALAR && !n->quoted && span_to_i64(n->text, &value);
    if (number && value <= max / unit && value >= 0)
        value *= unit;
    else if (number)
        value = -1;
    else if (n->kind != NODE_SCALAR || !text_duration_parse(n->text, &value))
        value = -1;
    if (value >= min && value <= max) {
        *out = value;
        return true;
    }
    snprintf(allowed, sizeof(allowed), "a number of %s, or a time such as 30s, from %lld to %lld %s", unit == 1 ? "milliseconds" : "seconds", (long long)(min / unit),
        (long long)(max / unit), unit == 1 ? "ms" : "s");
    return read_wrong(r, n, field, allowed);
}

bool read_ppm(struct reading *r, const struct node *n, const char *field, int64_t min, int64_t max, int64_t *out)
{
    char allowed[100];
    struct span text = n && n->kind == NODE_SCALAR ? n->text : SPAN_NONE;
    ptrdiff_t point = span_find_byte(text, '.');
    int64_t value = 0;
    if (!n)
        return true;
    bool digits = point < 0;
    for (size_t i = (size_t)point + 1; point >= 0 && i < text.len; i++)
        digits = text.at[i] >= '0' && text.at[i] <= '9' && (digits || i == (size_t)point + 1);
    if (digits && point >= 0 && text.len > (size_t)point + 7)
        text.len = (size_t)point + 7;
    if (digits && !n->quoted && money_decimal(text, 6, &value) && value >= min && value <= max) {
        *out = value;
        return true;
    }
    snprintf(allowed, sizeof(allowed), "a decimal number from %g to %g, without quotes", (double)min / 1e6, (double)max / 1e6);
    return read_wrong(r, n, field, allowed);
}

bool read_list(struct reading *r, const struct node *n, const char *field, const char *each, bool (*good)(struct span), const struct span **out, size_t *count)
{
    char allowed[160];
    struct span *list = NULL;
    size_t n_list = 0;
    if (!n)
        return true;
    if (!node_spans(r->a, n, read_at(r, field), &list, &n_list, r->t))
        return false;
    for (size_t i = 0; i < n_list; i++) {
        if (list[i].len && list[i].len <= 200 && good(list[i]))
            continue;
        snprintf(allowed, sizeof(allowed), "%s", each);
        trouble_say(r->t, n, read_at(r, field), "found \"%.*s\"; allowed: %s", SPAN_ARG(span_first(list[i], 60)), allowed);
        return false;
    }
    if (n_list > 64)
        return read_wrong(r, n, field, "at most 64 entries");
    *out = n_list ? list : NULL;
    *count = n_list;
    return true;
}

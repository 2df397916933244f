/* SPDX-License-Identifier: Apache-2.0
 * spark.c - numbers as pictures a line high: see table.h. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/table.h"

enum { POINTS = 512 };

static const char *const marks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };

static double number_of(struct arena *a, struct json_value v)
{
    char digits[64];
    struct span text = json_kind(v) == JSON_STRING ? json_string(v) : json_kind(v) == JSON_NUMBER ? json_decimal(v, a) : SPAN_NONE;
    snprintf(digits, sizeof(digits), "%.*s", SPAN_ARG(text.at ? span_first(text, sizeof(digits) - 1) : SPAN("0")));
    double value = strtod(digits, NULL);
    return value > 0 ? value : 0;
}

struct span spark(struct arena *a, struct json_value list, const char *member, size_t most)
{
    double values[POINTS], highest = 0;
    size_t count = json_count(list), wanted = most < POINTS ? most : POINTS, skip = count > wanted ? count - wanted : 0, n = 0;
    struct span name, all = SPAN("");
    struct json_value item;
    for (struct json_iter it = json_iter(list); n < wanted && json_next(&it, &name, &item);) {
        if (skip && skip--)
            continue;
        values[n] = number_of(a, member ? json_member(item, span_of(member)) : item);
        highest = values[n] > highest ? values[n] : highest;
        n++;
    }
    for (size_t i = 0; i < n; i++)
        all = arena_print(a, "%.*s%s", SPAN_ARG(all), marks[values[i] > 0 ? 1 + (int)(values[i] * 7 / highest) : 0]);
    return all;
}

struct span gauge(struct arena *a, int64_t thousandths, size_t width)
{
    size_t full = thousandths <= 0 ? 0 : thousandths >= 1000 ? width : (size_t)thousandths * width / 1000;
    struct span all = SPAN("");
    for (size_t i = 0; i < width; i++)
        all = arena_print(a, "%.*s%s", SPAN_ARG(all), i < full ? "█" : "░");
    return all;
}

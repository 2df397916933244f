/* SPDX-License-Identifier: Apache-2.0
 * top_frame.c - what stands on the screen of `tollgate top`: pure, from one answer of GET /now. */
#include "cli/top.h"

enum { ITEMS = 64, GAUGE = 20, CAPS_SHOWN = 8, STOPS_SHOWN = 4 };

static const char *const kinds[TOP_LISTS] = { "run", "key", "vendor" };
static const char *const lists[TOP_LISTS] = { "top.runs", "top.keys", "top.vendors" };

const char *top_kind(enum top_list list) { return kinds[list]; }

struct pen {
    struct cli *c;
    struct buf *out;
    size_t width, lines, height;
};

/* A line, cut at the edge of the screen; colours take no room. */
static void line(struct pen *p, enum tint tint, struct span text)
{
    size_t at = 0, seen = 0;
    if (p->lines >= p->height)
        return;
    for (; at < text.len; at++) {
        seen += (text.at[at] & 0xC0) != 0x80;
        if (seen > p->width)
            break;
    }
    const char *on = tint == TINT_NONE ? "" : tint_code(tint, p->c->colour), *off = tint == TINT_NONE ? "" : tint_code(TINT_NONE, p->c->colour);
    buf_print(p->out, "%s%.*s%s\n", on, (int)at, text.at, off);
    p->lines++;
}

static struct span or_dash(struct span text) { return text.at ? text : SPAN("-"); }

static struct span text_at(struct pen *p, struct json_value v, const char *path)
{
    struct span text = api_text(p->c, v, path);
    return or_dash(text.at ? text_tame(&p->c->arena, text) : text);
}

/* Money on one line needs no more than six places. */
static struct span money(struct pen *p, struct json_value v, const char *path)
{
    struct span text = text_at(p, v, path);
    ptrdiff_t point = span_find_byte(text, '.');
    return point >= 0 && text.len > (size_t)point + 7 ? span_first(text, (size_t)point + 7) : text;
}

static struct span left(struct pen *p, struct span text, size_t width)
{
    size_t taken = text_width(text);
    return taken >= width ? text : arena_print(&p->c->arena, "%.*s%*s", SPAN_ARG(text), (int)(width - taken), "");
}

static struct span right(struct pen *p, struct span text, size_t width)
{
    size_t taken = text_width(text);
    return taken >= width ? text : arena_print(&p->c->arena, "%*s%.*s", (int)(width - taken), "", SPAN_ARG(text));
}

/* ---- the parts, from above ---- */

static void put_head(struct pen *p, const struct top_view *view, struct json_value now)
{
    struct arena *a = &p->c->arena;
    struct span at = api_text(p->c, now, "at"), url = api_url(p->c);
    line(p, TINT_BOLD, arena_print(a, "tollgate top   %.*s   %.*s UTC%s", SPAN_ARG(url), SPAN_ARG(at.len >= 19 ? span_first(span_from(at, 11), 8) : SPAN("-")),
        view->paused ? "   paused" : ""));
    line(p, TINT_NONE, arena_print(a, "spend USD   minute %.*s   hour %.*s   today %.*s   month %.*s", SPAN_ARG(money(p, now, "spend.minute_usd")),
        SPAN_ARG(money(p, now, "spend.hour_usd")), SPAN_ARG(money(p, now, "spend.today_usd")), SPAN_ARG(money(p, now, "spend.month_usd"))));
}

static struct json_value last_of(struct json_value list)
{
    struct json_value item = { .doc = NULL }, last = { .doc = NULL };
    struct span name;
    for (struct json_iter it = json_iter(list); json_next(&it, &name, &item);)
        last = item;
    return last;
}

static void put_rates(struct pen *p, struct json_value now)
{
    struct json_value rates = json_member(now, SPAN("rates")), last = last_of(rates);
    struct arena *a = &p->c->arena;
    size_t room = p->width > 60 ? p->width - 46 : 14;
    line(p, TINT_NONE, arena_print(a, "calls/s     %.*s  %lld, %lld refused, %lld errors", SPAN_ARG(spark(a, rates, "calls", room)), (long long)api_number(last, "calls"),
        (long long)api_number(last, "refused"), (long long)api_number(last, "errors")));
    line(p, TINT_NONE, arena_print(a, "open calls %lld   held %.*s USD   in doubt %lld (%.*s USD)   waiting for a person %lld   stops %zu",
        (long long)api_number(now, "open_calls"), SPAN_ARG(money(p, now, "held_usd")), (long long)api_number(now, "in_doubt.count"),
        SPAN_ARG(money(p, now, "in_doubt.usd")), (long long)api_number(now, "approvals_waiting"), json_count(json_member(now, SPAN("stops")))));
}

static void put_alarms(struct pen *p, struct json_value now)
{
    struct span name;
    struct json_value alarm;
    for (struct json_iter it = json_iter(json_member(now, SPAN("alarms"))); json_next(&it, &name, &alarm);)
        line(p, TINT_RED, arena_print(&p->c->arena, "! %.*s: %.*s", SPAN_ARG(text_at(p, alarm, "code")), SPAN_ARG(text_at(p, alarm, "text"))));
}

static void put_stops(struct pen *p, struct json_value now)
{
    struct span name;
    struct json_value stop;
    size_t n = 0;
    for (struct json_iter it = json_iter(json_member(now, SPAN("stops"))); n < STOPS_SHOWN && json_next(&it, &name, &stop); n++)
        line(p, TINT_RED, arena_print(&p->c->arena, "stopped: %.*s %.*s, %lld forwarded and %lld refused since%s%.*s", SPAN_ARG(text_at(p, stop, "kind")),
            SPAN_ARG(api_text(p->c, stop, "value").at ? text_at(p, stop, "value") : SPAN("")), (long long)api_number(stop, "forwarded_since"),
            (long long)api_number(stop, "refused_since"), api_text(p->c, stop, "reason").at ? ": " : "", SPAN_ARG(api_text(p->c, stop, "reason").at ? text_at(p, stop, "reason") : SPAN(""))));
}

/* "83.4" as thousandths. */
static int64_t thousandths(struct span percent)
{
    int64_t whole = 0, tenth = 0;
    struct span rest = percent, head = percent;
    bool pointed = span_cut(&rest, '.', &head);
    if (!span_to_i64(head, &whole))
        return 0;
    if (pointed && rest.len && rest.at[0] >= '0' && rest.at[0] <= '9')
        tenth = rest.at[0] - '0';
    return whole * 10 + tenth;
}

static void put_cap(struct pen *p, struct json_value cap)
{
    struct arena *a = &p->c->arena;
    struct span percent = text_at(p, cap, "percent"), subject = text_at(p, cap, "subject"), budget = text_at(p, cap, "budget"), full = api_time(p->c, cap, "full_at");
    int64_t part = thousandths(percent);
    enum tint tint = part >= 1000 ? TINT_RED : part >= 800 ? TINT_YELLOW : TINT_NONE;
    line(p, tint, arena_print(a, "  %.*s %.*s%%  %.*s  %.*s + %.*s held of %.*s %.*s%s%.*s", SPAN_ARG(gauge(a, part, GAUGE)), SPAN_ARG(right(p, percent, 5)),
        SPAN_ARG(left(p, arena_print(a, "%.*s %.*s", SPAN_ARG(budget), SPAN_ARG(subject)), 40)), SPAN_ARG(money(p, cap, "spent")), SPAN_ARG(money(p, cap, "reserved")),
        SPAN_ARG(money(p, cap, "limit")), SPAN_ARG(text_at(p, cap, "unit")), full.at ? ", full at " : "", SPAN_ARG(full.at ? full : SPAN(""))));
}

static void put_caps(struct pen *p, struct json_value now)
{
    struct json_value caps = json_member(now, SPAN("caps")), cap;
    struct span name;
    size_t n = 0;
    if (!json_count(caps))
        return;
    line(p, TINT_DIM, SPAN("limits, the nearest first"));
    for (struct json_iter it = json_iter(caps); n < CAPS_SHOWN && json_next(&it, &name, &cap); n++)
        put_cap(p, cap);
}

/* ---- the list ---- */

struct item {
    struct span id, name, cost;
    int64_t calls;
};

/* Money as text, without making a number of it: more digits before the point are more. */
static int compare_money(struct span a, struct span b)
{
    struct span rest_a = a, rest_b = b, head_a = a, head_b = b;
    span_cut(&rest_a, '.', &head_a);
    span_cut(&rest_b, '.', &head_b);
    if (head_a.len != head_b.len)
        return head_a.len > head_b.len ? 1 : -1;
    return span_compare(a, b);
}

static bool is_before(const struct item *a, const struct item *b, bool by_calls)
{
    return by_calls ? a->calls > b->calls : compare_money(a->cost, b->cost) > 0;
}

static size_t read_items(struct cli *c, const struct top_view *view, struct json_value now, struct item *items)
{
    static const char *const ids[TOP_LISTS][2] = { { "run", "id" }, { "id", "key" }, { "vendor", "id" } };
    struct span name;
    struct json_value one;
    size_t n = 0;
    for (struct json_iter it = json_iter(json_path(now, span_of(lists[view->list]))); n < ITEMS && json_next(&it, &name, &one);) {
        struct item item = { .id = api_text(c, one, ids[view->list][0]), .name = api_text(c, one, "name"), .cost = or_dash(api_text(c, one, "cost_usd")),
            .calls = api_number(one, "calls") };
        size_t at = n++;
        item.id = item.id.at ? item.id : api_text(c, one, ids[view->list][1]);
        item.id = item.id.at ? item.id : item.name;
        for (; at > 0 && is_before(&item, &items[at - 1], view->by_calls); at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
    return n;
}

struct span top_chosen(struct cli *c, struct top_view *view, struct json_value now)
{
    struct item items[ITEMS];
    size_t n = read_items(c, view, now, items);
    if (view->chosen >= n)
        view->chosen = n ? n - 1 : 0;
    return n ? items[view->chosen].id : SPAN_NONE;
}

static void put_list(struct pen *p, const struct top_view *view, struct json_value now)
{
    struct item items[ITEMS];
    struct arena *a = &p->c->arena;
    size_t n = read_items(p->c, view, now, items);
    line(p, TINT_DIM, arena_print(a, "%s of today, by %s%s", view->list == TOP_RUNS ? "runs" : view->list == TOP_KEYS ? "keys" : "vendors", view->by_calls ? "calls" : "cost",
        view->screen ? "" : ":"));
    for (size_t i = 0; i < n; i++) {
        struct span name = text_tame(a, items[i].name.at ? items[i].name : items[i].id);
        bool chosen = view->screen && i == view->chosen;
        line(p, chosen ? TINT_BOLD : TINT_NONE, arena_print(a, "%s %.*s %.*s USD  %.*s calls", chosen ? ">" : " ", SPAN_ARG(left(p, name, 48)), SPAN_ARG(right(p, items[i].cost, 16)),
            SPAN_ARG(right(p, arena_print(a, "%lld", (long long)items[i].calls), 9))));
    }
    if (!n)
        line(p, TINT_DIM, SPAN("  none yet"));
}

void top_frame(struct cli *c, const struct top_view *view, struct json_value now, struct buf *out)
{
    size_t below = view->screen ? 2 : 0;
    struct pen p = { .c = c, .out = out, .width = view->width, .height = view->height > below ? view->height - below : 0 };
    struct top_view other = *view;
    put_head(&p, view, now);
    put_rates(&p, now);
    put_alarms(&p, now);
    put_stops(&p, now);
    line(&p, TINT_NONE, SPAN(""));
    put_caps(&p, now);
    line(&p, TINT_NONE, SPAN(""));
    put_list(&p, view, now);
    for (int i = 0; !view->screen && i < TOP_LISTS; i++) { /* on paper there is room for all */
        other.list = (enum top_list)i;
        if (other.list != view->list)
            put_list(&p, &other, now);
    }
    if (!view->screen)
        return;
    p.height = view->height;
    line(&p, TINT_YELLOW, view->note.at ? view->note : SPAN(""));
    line(&p, TINT_DIM, SPAN("q quit   tab runs, keys, vendors   s sort   up, down choose   k stop it   p pause"));
}

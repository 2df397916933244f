/* SPDX-License-Identifier: Apache-2.0
 * report.c - what all reports have in common; see report.h. GET /reports lists them from the table of routes. */
#include "admin/report.h"
#include "base/clock.h"
#include "base/text.h"

void report_confine(const struct visit *v, struct call_filter *f)
{
    if (v->actor.workspace.at)
        f->workspace = v->actor.workspace;
}

/* ---- what is asked for ---- */

static bool read_month(struct visit *v, struct report_ask *ask)
{
    int64_t at = ask->now;
    struct span text = query_get(v, "month");
    struct window month = { .kind = WINDOW_MONTH };
    if (text.at && (text.len != sizeof("2026-06") - 1 || !text_time_parse(arena_print(&v->arena, "%.*s-01", SPAN_ARG(text)), &at))) {
        reply_problem(v, E_BAD_REQUEST, "month", "found \"%.*s\"; allowed: a month such as 2026-06", SPAN_ARG(span_first(text, 60)));
        return false;
    }
    if (text.at && (ask->filter.from || ask->filter.to)) {
        reply_problem(v, E_BAD_REQUEST, "month", "stands beside from or to; allowed: either");
        return false;
    }
    if (text.at || (!ask->filter.from && !ask->filter.to))
        window_at(&month, at, &ask->filter.from, &ask->filter.to);
    if (!ask->filter.to)
        ask->filter.to = ask->now;
    if (ask->filter.from < ask->filter.to)
        return true;
    reply_problem(v, E_BAD_REQUEST, "from", "is not before to; allowed: a half-open time [from, to)");
    return false;
}

static bool read_by(struct visit *v, struct report_ask *ask, size_t most)
{
    struct span text = query_get(v, "by"), name;
    while (span_next(&text, ',', &name)) {
        bool twice = false;
        for (size_t i = 0; i < ask->by_count; i++)
            twice = twice || span_is(ask->by[i], name);
        if (twice || !name.len || ask->by_count == most) {
            reply_problem(v, E_BAD_REQUEST, "by", "found \"%.*s\"; allowed: up to %zu dimensions of GET /api/v1/usage, each once", SPAN_ARG(span_first(name, 60)), most);
            return false;
        }
        ask->by[ask->by_count++] = name;
    }
    return true;
}

bool report_form(struct visit *v, struct report_ask *ask)
{
    struct span format = query_get(v, "format"), totals = query_get(v, "totals");
    ask->form = span_is(format, SPAN("csv")) ? PAPER_CSV : PAPER_JSON;
    ask->totals = span_is(totals, SPAN("1"));
    if (format.at && ask->form != PAPER_CSV && !span_is(format, SPAN("json")))
        reply_problem(v, E_BAD_REQUEST, "format", "found \"%.*s\"; allowed: json, csv", SPAN_ARG(span_first(format, 60)));
    else if (totals.at && !ask->totals && !span_is(totals, SPAN("0")))
        reply_problem(v, E_BAD_REQUEST, "totals", "found \"%.*s\"; allowed: 0, 1 (CSV: a last line with the sums)", SPAN_ARG(span_first(totals, 60)));
    else
        return true;
    return false;
}

bool report_ask(struct visit *v, struct report_ask *ask, const char *file, size_t most)
{
    *ask = (struct report_ask){ .now = clock_unix_ms(), .file = file };
    if (!calls_filter(v, &ask->filter) || !report_form(v, ask) || !read_by(v, ask, most) || !read_month(v, ask))
        return false;
    report_confine(v, &ask->filter);
    return true;
}

/* ---- what is answered ---- */

struct paper report_paper(struct visit *v, const struct report_ask *ask) { return paper(&v->out, ask->form, ask->totals); }

void report_notes(struct paper *p, const struct report_ask *ask)
{
    paper_note_time(p, SPAN("from"), ask->filter.from);
    paper_note_time(p, SPAN("to"), ask->filter.to);
    paper_note_time(p, SPAN("at"), ask->now);
}

const char *const *report_columns(struct arena *a, const struct report_ask *ask, const char *const *rest)
{
    const char **names = ARENA_ARRAY(a, const char *, REPORT_NAMES + 1);
    size_t n = 0;
    for (size_t i = 0; names && i < ask->by_count; i++) {
        names[n++] = arena_copy(a, ask->by[i]).at;
        if (span_is(ask->by[i], SPAN("key")))
            names[n++] = "key_name";
    }
    for (; names && *rest; rest++) {
        must(n < REPORT_NAMES);
        names[n++] = *rest;
    }
    return names;
}

void report_group(struct paper *p, const struct report_ask *ask, const struct snapshot *s, const struct span *group)
{
    for (size_t i = 0; i < ask->by_count; i++) {
        struct span value = group ? group[i] : SPAN_NONE;
        paper_text(p, !group && i == 0 && p->form == PAPER_CSV ? SPAN("total") : value);
        if (!span_is(ask->by[i], SPAN("key")))
            continue;
        const struct key *key = value.at ? map_get(&s->key_by_id, value) : NULL;
        paper_text(p, key ? key->name : SPAN_NONE);
    }
}

static void reply_csv(struct visit *v, const struct report_ask *ask)
{
    char from[TIME_TEXT], to[TIME_TEXT];
    struct span a = span_first(text_time(ask->filter.from, from), 10), b = span_first(text_time(ask->filter.to, to), 10);
    reply_file(v, SPAN("text/csv; charset=utf-8; header=present"),
        arena_print(&v->arena, "attachment; filename=\"%s-%.*s-%.*s.csv\"", ask->file, SPAN_ARG(a), SPAN_ARG(b)));
}

void report_reply(struct visit *v)
{
    const struct report_ask *ask = v->mine;
    if (v->result == E_BAD_REQUEST)
        reply_problem(v, E_BAD_REQUEST, "by", "one of these is no dimension; allowed: those of GET /api/v1/usage");
    else if (v->result)
        reply_store(v, v->result);
    else if (ask->form == PAPER_CSV)
        reply_csv(v, ask);
    else
        reply_json(v, 200);
}

/* ---- GET /reports ---- */

#define REPORTS "/api/v1/reports/"

static void put_report(struct json_out *o, const struct admin_route *route)
{
    json_open(o, '{');
    json_pair(o, SPAN("id"), span_of(route->path + sizeof(REPORTS) - 1));
    json_pair(o, SPAN("method"), span_of(route->method));
    json_pair(o, SPAN("path"), span_of(route->path));
    json_pair(o, SPAN("title"), span_of(route->summary));
    json_name(o, SPAN("query"));
    json_open(o, '[');
    for (size_t i = 0; route->query && route->query[i]; i++)
        json_put_string(o, span_of(route->query[i]));
    json_close(o, ']');
    json_close(o, '}');
}

void reports_list(struct visit *v)
{
    struct json_out *o = &v->json;
    json_open(o, '{');
    json_name(o, SPAN("data"));
    json_open(o, '[');
    for (size_t i = 0; i < admin_route_count; i++)
        if (strncmp(admin_routes[i].path, REPORTS, sizeof(REPORTS) - 1) == 0)
            put_report(o, &admin_routes[i]);
    json_close(o, ']');
    json_pair(o, SPAN("next_cursor"), SPAN_NONE);
    json_close(o, '}');
    reply_json(v, 200);
}

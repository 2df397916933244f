/* SPDX-License-Identifier: Apache-2.0
 * usage.c - sums over calls: any range, grouped by up to four dimensions. Groups add up to the total, to the last digit. */
#include "admin/inside.h"
#include "base/clock.h"

void usage_write_sums(struct json_out *o, struct span cost_name, const struct usage_row *row)
{
    json_pair_money(o, cost_name, row->cost);
    json_pair_money(o, SPAN("in_doubt_usd"), row->reserved_open);
    json_pair_i64(o, SPAN("calls"), row->calls);
    json_pair_i64(o, SPAN("forwarded"), row->forwarded);
    json_pair_i64(o, SPAN("refused"), row->refused);
    json_pair_i64(o, SPAN("input_tokens"), row->tokens_in);
    json_pair_i64(o, SPAN("output_tokens"), row->tokens_out);
    json_pair_time(o, SPAN("first_at"), row->first_at);
    json_pair_time(o, SPAN("last_at"), row->last_at);
}

enum { BY_MOST = 4 };

static bool read_by(struct visit *v, struct span by[BY_MOST], size_t *count)
{
    struct span text = query_get(v, "by"), name;
    *count = 0;
    while (span_next(&text, ',', &name)) {
        bool twice = false;
        for (size_t i = 0; i < *count; i++)
            twice = twice || span_is(by[i], name);
        if (!twice && *count < BY_MOST && store_dimension(name)) {
            by[(*count)++] = name;
            continue;
        }
        reply_problem(v, E_BAD_REQUEST, "by", "found \"%.*s\"; allowed: up to %d, each once, of %.*s",
            SPAN_ARG(span_first(name, 60)), BY_MOST, SPAN_ARG(store_dimensions));
        return false;
    }
    return true;
}

bool usage_range(struct visit *v, struct call_filter *f)
{
    struct span text = query_get(v, "window");
    struct window window = { .zone = NULL };
    if (!text.at)
        return true;
    if (!window_parse(text, &window) || window.kind == WINDOW_RUN || window.kind == WINDOW_ROLLING) {
        reply_problem(v, E_BAD_REQUEST, "window", "found \"%.*s\"; allowed: minute, hour, day, week, month, total", SPAN_ARG(span_first(text, 60)));
        return false;
    }
    if (f->from || f->to) {
        reply_problem(v, E_BAD_REQUEST, "window", "stands beside from or to; allowed: either");
        return false;
    }
    window_at(&window, clock_unix_ms(), &f->from, &f->to);
    return true;
}

static void add_up(struct usage_row *sum, const struct usage_row *row)
{
    sum->calls += row->calls;
    sum->forwarded += row->forwarded;
    sum->refused += row->refused;
    sum->cost = money_add(sum->cost, row->cost);
    sum->reserved_open = money_add(sum->reserved_open, row->reserved_open);
    sum->tokens_in += row->tokens_in;
    sum->tokens_out += row->tokens_out;
    if (row->calls && (!sum->first_at || row->first_at < sum->first_at))
        sum->first_at = row->first_at;
    if (row->last_at > sum->last_at)
        sum->last_at = row->last_at;
}

static void put_group(struct json_out *o, const struct snapshot *s, struct span name, struct span value)
{
    json_pair(o, name, value);
    if (!span_is(name, SPAN("key")))
        return;
    const struct key *key = value.at ? map_get(&s->key_by_id, value) : NULL;
    json_pair(o, SPAN("key_name"), key ? key->name : SPAN_NONE);
}

static void put_answer(struct visit *v, const struct call_filter *f, const struct span *by, size_t by_count, const struct usage_row *rows, size_t count)
{
    struct json_out *o = &v->json;
    struct usage_row total = { .calls = 0 };
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    json_open(o, '{');
    json_pair_time(o, SPAN("from"), f->from);
    json_pair_time(o, SPAN("to"), f->to);
    json_name(o, SPAN("data"));
    json_open(o, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(o, '{');
        for (size_t k = 0; k < by_count; k++)
            put_group(o, s, by[k], rows[i].group[k]);
        usage_write_sums(o, SPAN("cost_usd"), &rows[i]);
        json_close(o, '}');
        add_up(&total, &rows[i]);
    }
    json_close(o, ']');
    json_name(o, SPAN("total"));
    json_open(o, '{');
    usage_write_sums(o, SPAN("cost_usd"), &total);
    json_close(o, '}');
    json_pair(o, SPAN("next_cursor"), SPAN_NONE);
    json_close(o, '}');
    snapshot_drop(s);
}

struct question {
    struct call_filter filter;
    struct span by[BY_MOST];
    size_t by_count;
};

static void add_up_calls(struct visit *v, struct store_reader *r)
{
    const struct question *q = v->mine;
    struct usage_row *rows = NULL;
    size_t count = 0;
    v->result = store_usage(r, &q->filter, q->by, q->by_count, &v->arena, &rows, &count);
    if (!v->result)
        put_answer(v, &q->filter, q->by, q->by_count, rows, count);
}

void usage_get(struct visit *v)
{
    struct question *q = v->mine = ARENA_NEW(&v->arena, struct question);
    if (!q)
        reply_store(v, E_NO_MEMORY);
    else if (calls_filter(v, &q->filter) && read_by(v, q->by, &q->by_count) && usage_range(v, &q->filter))
        visit_read(v, add_up_calls, reply_read);
}

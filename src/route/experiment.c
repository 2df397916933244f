/* SPDX-License-Identifier: Apache-2.0
 * experiment.c - reading what a shadow is compared by: how much of the traffic, and which judge. */
#include <stdio.h>

#include "base/json.h"
#include "route/inside.h"

enum { NAME_LONGEST = 64, QUESTION_LONGEST = 2000, JUDGE_MEMORY = 256 << 10 };

static bool is_name(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return s.len && s.len <= NAME_LONGEST;
}

/* n NULL: it is not there. */
static bool wrong(struct reading *r, const struct node *n, const char *field, const char *allowed)
{
    if (n)
        return read_wrong(r, n, field, allowed);
    trouble_say(r->t, NULL, read_at(r, field), "missing; allowed: %s", allowed);
    return false;
}

/* A judge is a target without children; its own reader says what else is wrong with it. */
static bool check_judge(struct reading *r, const struct node *n, struct experiment *e)
{
    struct route *judge = NULL;
    char path[200];
    if (!n || n->kind != NODE_MAP || node_get(n, "targets") || node_get(n, "strategy"))
        return wrong(r, n, ".judge", "one target, such as { provider: openai, model: gpt-5 }");
    snprintf(path, sizeof(path), "%s", read_at(r, ".judge"));
    if (route_read(r->a, n, path, r->inline_, &judge, r->t) != E_OK)
        return false;
    e->judge_model = judge->target->model;
    return e->judge_model.at || wrong(r, node_get(n, "model"), ".judge.model", "the model that judges");
}

static void put_node(struct json_out *o, const char *name, const struct node *n, struct buf *text)
{
    buf_clear(text);
    node_write_json(n, text);
    json_pair_raw(o, span_of(name), buf_span(text));
}

/* The judge hears what the shadow hears: it is bound to what the route says of that. What a judge's vendor cannot be told of the answer's
 * form is left out: the words ask for it, too. */
static bool write_judge(struct reading *r, const struct node *n, const struct target *above, struct experiment *e)
{
    struct buf out, text;
    buf_init(&out, JUDGE_MEMORY);
    buf_init(&text, JUDGE_MEMORY);
    struct json_out o = json_out(&out);
    json_open(&o, '{');
    json_pair_raw(&o, SPAN("lose_params"), SPAN("[\"temperature\",\"response_format\"]"));
    if (above->zero_retention)
        json_pair_bool(&o, SPAN("zero_retention"), true);
    if (above->input_guardrails)
        put_node(&o, "input_guardrails", above->input_guardrails, &text);
    json_name(&o, SPAN("targets"));
    json_open(&o, '[');
    buf_clear(&text);
    node_write_json(n, &text);
    json_put_raw(&o, buf_span(&text));
    json_close(&o, ']');
    json_close(&o, '}');
    bool good = !out.broken && !text.broken && out.len <= ROUTE_TEXT_MOST;
    e->judge = good ? arena_copy(r->a, buf_span(&out)) : SPAN_NONE;
    buf_free(&out);
    buf_free(&text);
    return good ? e->judge.at != NULL : read_wrong(r, n, ".judge", "less than 64 KiB");
}

static bool read_question(struct reading *r, const struct node *n, struct experiment *e)
{
    if (!node_span(n, read_at(r, ".question"), &e->question, r->t))
        return false;
    return !n || (e->question.len && e->question.len <= QUESTION_LONGEST) || read_wrong(r, n, ".question", "1 to 2,000 bytes of text");
}

bool read_experiment(struct reading *r, const struct node *n, const struct target *t, struct route *out)
{
    static const char *const fields[] = { "name", "percent", "judge", "question", NULL };
    struct experiment *e = n ? ARENA_NEW(r->a, struct experiment) : NULL;
    int64_t percent = 100;
    if (!n)
        return true;
    if (!e)
        return false;
    size_t was = read_into(r, ".experiment");
    bool good = n->kind == NODE_MAP ? node_only(n, read_at(r, ""), fields, r->t) : read_wrong(r, n, "", "{ name, percent, judge, question }");
    good = good && node_span(node_get(n, "name"), read_at(r, ".name"), &e->name, r->t);
    if (good && !is_name(e->name))
        good = wrong(r, node_get(n, "name"), ".name", "1 to 64 of A-Z a-z 0-9 - _ .");
    good = good && node_i64(node_get(n, "percent"), read_at(r, ".percent"), 1, 100, &percent, r->t) && check_judge(r, node_get(n, "judge"), e) &&
           write_judge(r, node_get(n, "judge"), t, e) && read_question(r, node_get(n, "question"), e);
    read_back(r, was);
    e->percent = (int)percent;
    out->experiment = e;
    return good;
}

/* SPDX-License-Identifier: Apache-2.0
 * run.c - what a set of guards thinks of a call or an answer.
 *
 * What forbids holds for every text, carried ones included, each for itself and the texts of a turn together. What demands holds for the
 * newest turn of a request, and for every choice of an answer. A check may say otherwise (`texts`). */
#include "guard/inside.h"

#include "base/clock.h"

enum { MEMORY = 64 << 20 };

struct view {
    struct span text;
    int turn;
    bool prose;
    bool joined; /* several pieces of one turn together */
};

struct running {
    const struct guard_text *text;
    struct arena *arena;  /* the result's */
    struct arena scratch; /* until it is over */
    struct guard_result *result;
    struct look look;
    struct span *now; /* the texts with what was rewritten so far */
    struct view *before, *after; /* of the texts as they came, and as they are now; NULL: to be made */
    size_t before_count, after_count;
};

/* ---- which texts ---- */

static struct span join(struct running *r, const struct span *texts, int turn)
{
    struct buf b;
    bool first = true;
    buf_init(&b, GUARD_TEXT_MOST);
    for (size_t i = 0; i < r->text->count; i++) {
        if (r->text->pieces[i].turn != turn || !r->text->pieces[i].prose)
            continue;
        if (!first)
            buf_put_byte(&b, '\n');
        buf_put(&b, texts[i]);
        first = false;
    }
    struct span all = b.broken ? SPAN_NONE : arena_copy(&r->scratch, buf_span(&b));
    if (!all.at && !r->look.error)
        r->look.error = "the text is too long to be looked at";
    buf_free(&b);
    return all;
}

static size_t prose_in_turn(const struct guard_text *t, int turn)
{
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++)
        n += t->pieces[i].turn == turn && t->pieces[i].prose;
    return n;
}

/* Each text, and behind the last one of a turn that has several, all of it. Turns stand in order, but for -1. */
static struct view *views(struct running *r, const struct span *texts, size_t *count)
{
    const struct guard_text *t = r->text;
    struct view *list = ARENA_ARRAY(&r->scratch, struct view, 2 * t->count + 1);
    int joined = -2;
    *count = 0;
    for (size_t i = 0; list && i < t->count; i++) {
        const struct guard_piece *p = &t->pieces[i];
        list[(*count)++] = (struct view){ .text = texts[i], .turn = p->turn, .prose = p->prose };
        if (!p->prose || p->turn <= joined || prose_in_turn(t, p->turn) < 2)
            continue;
        list[(*count)++] = (struct view){ .text = join(r, texts, p->turn), .turn = p->turn, .prose = true, .joined = true };
        joined = p->turn;
    }
    return list;
}

static struct view *views_for(struct running *r, bool rewritten, size_t *count)
{
    struct view **list = rewritten ? &r->after : &r->before;
    size_t *known = rewritten ? &r->after_count : &r->before_count;
    if (!*list) {
        struct span *came = ARENA_ARRAY(&r->scratch, struct span, r->text->count + 1);
        for (size_t i = 0; came && i < r->text->count; i++)
            came[i] = r->text->pieces[i].text;
        *list = came ? views(r, rewritten ? r->now : came, known) : NULL;
    }
    *count = *list ? *known : 0;
    return *list;
}

static int newest_turn(const struct guard_text *t)
{
    int newest = -1;
    for (size_t i = 0; i < t->count; i++)
        if (t->pieces[i].prose && t->pieces[i].turn > newest)
            newest = t->pieces[i].turn;
    return newest;
}

/* ---- one check ---- */

static bool judge(struct running *r, const struct check *c, struct span text, bool newest)
{
    struct look *l = &r->look;
    l->newest = newest;
    if (text.len > GUARD_TEXT_MOST)
        l->error = "the text is too long to be looked at";
    if (l->error)
        return false;
    return c->kind->judge(l, c, text) != c->not_;
}

static enum scope scope_of(const struct running *r, const struct check *c)
{
    if (c->scope != SCOPE_USUAL)
        return c->scope;
    return c->forbids || c->kind->bounded || r->text->answer ? SCOPE_EVERY : SCOPE_LAST;
}

/* A turn of several texts is judged as a whole; what forbids looks at its texts one by one, too. */
static bool concerns(const struct running *r, const struct check *c, const struct view *v, const struct view *next)
{
    bool part = v->prose && !v->joined && prose_in_turn(r->text, v->turn) > 1;
    (void)next;
    return c->forbids ? true : v->prose && !part;
}

static bool judge_texts(struct running *r, const struct check *c, bool rewritten)
{
    size_t count, looked = 0;
    const struct view *list = views_for(r, rewritten, &count);
    enum scope scope = scope_of(r, c);
    int newest = newest_turn(r->text);
    bool any = false;
    struct span said = SPAN_NONE;
    if (!list)
        r->look.error = "no memory";
    for (size_t i = 0; i < count && !r->look.error; i++) {
        bool last = list[i].prose && (r->text->answer || list[i].turn == newest);
        if (!concerns(r, c, &list[i], NULL) || (scope == SCOPE_LAST && !last))
            continue;
        bool fine = judge(r, c, list[i].text, last);
        looked++;
        if (!fine && scope != SCOPE_ANY)
            return false;
        if (fine && !any)
            said = r->look.saying;
        any = any || fine;
    }
    if (!looked)
        return judge(r, c, SPAN(""), true);
    if (any)
        r->look.saying = said;
    return any && !r->look.error;
}

static bool rewrite(struct running *r, const struct check *c, bool *transformed)
{
    bool any = false;
    for (size_t i = 0; i < r->text->count && !r->look.error; i++) {
        const struct guard_piece *p = &r->text->pieces[i];
        bool found = false;
        struct span fresh = SPAN_NONE;
        if (r->now[i].len > GUARD_TEXT_MOST)
            r->look.error = "the text is too long to be looked at";
        if (r->look.error || !check_rewrite(&r->look, c, r->now[i], &found, &fresh))
            return false;
        any = any || found;
        if (!found || span_is(fresh, r->now[i]))
            continue;
        if (p->fixed || !p->raw.at) {
            r->look.error = p->fixed ? "it was found in a name, which cannot be rewritten" : "it was found where it cannot be rewritten";
            return false;
        }
        r->now[i] = fresh;
        r->after = NULL;
        *transformed = true;
    }
    r->look.saying = any ? SPAN("the pattern was found and rewritten") : SPAN("the pattern was not found");
    bool fine = !any || !check_fails_on_detection(c);
    return fine != c->not_;
}

static void opine(struct running *r, const struct guard *g, const struct check *c, struct guard_opinion *o)
{
    int64_t began = clock_monotonic_ns();
    r->look.error = NULL;
    r->look.saying = SPAN("");
    o->check = c->id;
    if (c->kind->rewrites)
        o->verdict = rewrite(r, c, &o->transformed);
    else
        o->verdict = c->kind->request ? judge(r, c, SPAN(""), true) : judge_texts(r, c, g->sequential);
    if (r->scratch.broken && !r->look.error)
        r->look.error = "no memory";
    o->verdict = o->verdict && !r->look.error;
    o->explanation = arena_copy(r->arena, r->look.saying);
    o->error = r->look.error ? arena_copy(r->arena, span_of(r->look.error)) : SPAN_NONE;
    o->us = (clock_monotonic_ns() - began) / 1000;
}

/* ---- all of them ---- */

static void say_why(struct running *r, const struct guard *g, const struct guard_opinion *o)
{
    if (!r->result->why.at)
        r->result->why = arena_print(r->arena, "the guardrail \"%.*s\": %.*s: %.*s", SPAN_ARG(g->id), SPAN_ARG(o->check),
            SPAN_ARG(o->error.at ? o->error : o->explanation));
}

static bool run_guard(struct running *r, const struct guard *g, struct guard_hook_result *h)
{
    *h = (struct guard_hook_result){ .id = g->id, .type = g->type, .verdict = true, .deny = g->deny, .async = g->async };
    h->list = ARENA_ARRAY(r->arena, struct guard_opinion, g->count + 1);
    if (!h->list)
        return false;
    for (size_t i = 0; i < g->count; i++) {
        struct guard_opinion *o = &h->list[h->count++];
        opine(r, g, &g->checks[i], o);
        h->verdict = h->verdict && o->verdict;
        h->transformed = h->transformed || o->transformed;
        h->us += o->us;
        if (!o->verdict && g->deny)
            say_why(r, g, o);
    }
    r->result->verdict = r->result->verdict && (h->verdict || g->async);
    r->result->denied = r->result->denied || (g->deny && !h->verdict);
    return true;
}

/* What was rewritten goes to the result's arena. */
static bool keep_texts(struct running *r)
{
    r->result->texts = ARENA_ARRAY(r->arena, struct span, r->text->count + 1);
    for (size_t i = 0; r->result->texts && i < r->text->count; i++) {
        if (r->now[i].at == r->text->pieces[i].text.at)
            continue;
        r->result->texts[i] = arena_copy(r->arena, r->now[i]);
        r->result->rewritten = true;
    }
    return r->result->texts != NULL;
}

static size_t bytes_of(const struct guard_text *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++)
        n += t->pieces[i].text.len;
    return n;
}

static bool run_all(const struct guard_set *s, struct running *r)
{
    struct guard_result *out = r->result;
    out->list = ARENA_ARRAY(r->arena, struct guard_hook_result, s->count + 1);
    r->now = ARENA_ARRAY(&r->scratch, struct span, r->text->count + 1);
    if (!out->list || !r->now)
        return false;
    for (size_t i = 0; i < r->text->count; i++)
        r->now[i] = r->text->pieces[i].text;
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].count && !run_guard(r, &s->list[i], &out->list[out->count++]))
            return false;
    return keep_texts(r) && !r->arena->broken;
}

bool guard_run(const struct guard_set *s, const struct guard_text *text, struct arena *a, struct guard_result *out)
{
    struct running r = { .text = text, .arena = a, .result = out };
    *out = (struct guard_result){ .verdict = true, .at_ms = clock_unix_ms() };
    arena_init(&r.scratch, MEMORY);
    r.look = (struct look){ .text = text, .arena = &r.scratch, .effort = effort_new(bytes_of(text)) };
    bool run = run_all(s, &r);
    arena_free(&r.scratch);
    return run;
}

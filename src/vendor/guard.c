/* SPDX-License-Identifier: Apache-2.0
 * guard.c - what callers must not see of answers: the values that a manifest's `redact` names are blotted out.
 *
 * The answer is checked as JSON, then walked as text, so that all but the values that are hidden stays byte for byte what the
 * vendor sent. A value is hidden whole, whatever it is; null stays, since it says nothing. Unlike in rules, "**" looks into
 * `metadata` too. Links are links.c's. */
#include "vendor/compile.h"

/* Fields of the top and of an operation together; bytes of names with escapes. */
enum { REDACT_MOST = 32, NAMES_MOST = 1 << 20 };

/* ---- compiling ---- */

bool redact_read(struct compiler *c, const struct node *n, const char *path, struct fields *out)
{
    static const char allowed[] = "a list of at most 16 fields of the answer: [answer.auth_token, \"answer.**.secret\"]";
    const char *why;
    if (!n)
        return true;
    if (n->kind != NODE_LIST || n->count > REDACT_MOST / 2)
        return say(c, n, path, n->text, allowed);
    out->list = ARENA_ARRAY(c->arena, struct field, n->count + 1);
    if (!out->list)
        return say_memory(c, n);
    for (const struct node *at = n->first; at; at = at->next) {
        struct field *f = &out->list[out->count];
        if (at->kind != NODE_SCALAR || !field_read(at->text, f, c->arena, &why) || f->root != ROOT_ANSWER || !f->count)
            return say(c, at, item(c, path, out->count), at->text, allowed);
        out->count++;
    }
    return true;
}

/* An operation's empty list turns the top's off: its answers are no JSON, or hold nothing of that kind. */
bool vendor_guards(const struct vendor *v, const struct operation *op)
{
    const struct fields *own = &v->manifest->rules[op->index].redact;
    return own->list ? own->count > 0 : v->manifest->redact.count > 0;
}

/* ---- the text, which is known to be JSON ---- */

/* How far each field's steps have led to where we are: bit n: its first n steps. */
struct reached {
    uint16_t of[REDACT_MOST];
};

struct walk {
    const struct field *fields[REDACT_MOST];
    size_t count;
    struct span rest; /* of the text */
    struct buf *out;
    struct arena names;
};

static void skip_blanks(struct walk *w)
{
    size_t i = 0;
    while (i < w->rest.len && strchr(" \t\r\n", w->rest.at[i]))
        i++;
    buf_put(w->out, span_first(w->rest, i));
    w->rest = span_from(w->rest, i);
}

static size_t string_length(struct span s)
{
    size_t i = 1;
    while (i < s.len && s.at[i] != '"')
        i += s.at[i] == '\\' ? 2 : 1;
    return i + 1;
}

/* A value of any kind at the start of s. */
static size_t value_length(struct span s)
{
    size_t i = 0, depth = 0;
    do {
        char c = s.at[i];
        if (c == '"') {
            i += string_length(span_from(s, i));
            continue;
        }
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        i++;
        while (!depth && i < s.len && !strchr(",]} \t\r\n\"{[", s.at[i]) && c != '}' && c != ']')
            i++;
    } while (depth && i < s.len);
    return i < s.len ? i : s.len;
}

/* What stands under "**" may stand right here, too. */
static uint16_t spread(const struct field *f, uint16_t set)
{
    for (size_t i = 0; i < f->count; i++)
        if ((set >> i & 1) && f->steps[i].kind == STEP_DEEP)
            set |= (uint16_t)(1u << (i + 1));
    return set;
}

/* A step down: into the member of that name, or into an item of a list (SPAN_NONE). */
static struct reached step_down(const struct walk *w, const struct reached *from, struct span name)
{
    struct reached to = { { 0 } };
    for (size_t k = 0; k < w->count; k++) {
        const struct field *f = w->fields[k];
        for (size_t i = 0; i < f->count; i++) {
            const struct step *s = &f->steps[i];
            if (!(from->of[k] >> i & 1))
                continue;
            bool named =
                name.at && s->kind == STEP_NAME && (s->any_case ? span_is_nocase(name, s->name) : span_is(name, s->name));
            if (s->kind == STEP_DEEP)
                to.of[k] |= (uint16_t)(1u << i);
            else if (named || (!name.at && s->kind == STEP_EACH))
                to.of[k] |= (uint16_t)(1u << (i + 1));
        }
        to.of[k] = spread(f, to.of[k]);
    }
    return to;
}

static bool is_hidden(const struct walk *w, const struct reached *here)
{
    for (size_t k = 0; k < w->count; k++)
        if (here->of[k] >> w->fields[k]->count & 1)
            return true;
    return false;
}

static void walk_value(struct walk *w, const struct reached *here);

static void pass(struct walk *w, size_t n)
{
    buf_put(w->out, span_first(w->rest, n));
    w->rest = span_from(w->rest, n);
}

static struct span pass_name(struct walk *w)
{
    struct span raw = span_first(w->rest, string_length(w->rest));
    pass(w, raw.len);
    skip_blanks(w);
    pass(w, 1); /* the colon */
    return json_raw_string(raw, &w->names);
}

/* Members or items, up to the bracket that closes. */
static void walk_inside(struct walk *w, const struct reached *here, char close)
{
    pass(w, 1);
    skip_blanks(w);
    while (w->rest.len && *w->rest.at != close && !w->names.broken) {
        struct span name = close == '}' ? pass_name(w) : SPAN_NONE;
        struct reached there = step_down(w, here, name);
        walk_value(w, &there);
        skip_blanks(w);
        if (w->rest.len && *w->rest.at == ',')
            pass(w, 1);
        skip_blanks(w);
    }
    pass(w, 1);
}

/* Depth is bounded by the parser's (256). */
static void walk_value(struct walk *w, const struct reached *here)
{
    skip_blanks(w);
    if (!w->rest.len)
        return;
    if (is_hidden(w, here) && !span_starts(w->rest, SPAN("null"))) {
        w->rest = span_from(w->rest, value_length(w->rest));
        buf_put(w->out, SPAN("\"[hidden by tollgate]\""));
        return;
    }
    if (*w->rest.at == '{' || *w->rest.at == '[')
        walk_inside(w, here, *w->rest.at == '{' ? '}' : ']');
    else
        pass(w, value_length(w->rest));
}

static void add_fields(struct walk *w, const struct fields *f)
{
    for (size_t i = 0; i < f->count; i++)
        w->fields[w->count++] = &f->list[i];
}

bool vendor_guard(struct json *j, const struct vendor *v, const struct operation *op, struct span body, struct buf *out)
{
    struct walk w = { .rest = body, .out = out };
    struct reached here = { { 0 } };
    struct json_value root;
    const char *why;
    if (!body.len)
        return true;
    if (json_parse(j, body, false, &root, &why) != E_OK)
        return false;
    add_fields(&w, &v->manifest->redact);
    add_fields(&w, &v->manifest->rules[op->index].redact);
    for (size_t k = 0; k < w.count; k++)
        here.of[k] = spread(w.fields[k], 1);
    arena_init(&w.names, NAMES_MOST);
    walk_value(&w, &here);
    skip_blanks(&w);
    bool fine = !w.names.broken && !out->broken && !w.rest.len;
    arena_free(&w.names);
    return fine;
}

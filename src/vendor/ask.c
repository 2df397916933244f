/* SPDX-License-Identifier: Apache-2.0
 * ask.c - a read of the vendor's that the gate makes itself: "GET /orders/{path.id}?to={body.to}", compiled and filled in.
 *
 * Used to look up what became of a call (doubt.c), what it cost in the end (late.c) and what an object is (objects.c). What is
 * filled in came from a caller or an answer, so the result is read again as a caller's request would be: it must still be
 * the operation that the manifest meant. It asks nothing itself. */
#include "base/text.h"
#include "vendor/compile.h"

enum { BLANKS_MOST = 24, TARGET_MOST = 65536 };

/* ---- compiling ---- */

static bool say_allowed(struct compiler *c, const struct node *n, const char *path, struct span text, struct span given)
{
    struct span allowed = arena_print(&c->scratch,
        "GET, a path and perhaps a query, with {path.NAME}, {query.NAME}, {body.NAME}, {header.NAME}, {account}%s%.*s%s to fill "
        "in, "
        "at most one in each step and value: \"GET /orders/{path.id}?to={body.to}\"",
        given.at ? " or {" : "", SPAN_ARG(given), given.at ? "}" : "");
    return say(c, n, path, text, allowed.at ? allowed.at : "GET and a path");
}

static const struct expr *asked_field(struct compiler *c, struct span text)
{
    struct field *f = ARENA_NEW(c->arena, struct field);
    struct expr *x = ARENA_NEW(c->arena, struct expr);
    const char *why;
    if (!f || !x || !field_read(text, f, c->arena, &why) || !f->count || f->root == ROOT_ANSWER)
        return NULL;
    *x = (struct expr){ .kind = EXPR_FIELD, .field = f };
    return x;
}

/* "before{field}after" */
static bool blank_read(struct compiler *c, struct span text, struct span given, struct blank *out)
{
    ptrdiff_t open = span_find_byte(text, '{'), close = span_find_byte(text, '}');
    out->before = text;
    if (open < 0 && close < 0)
        return true;
    if (open < 0 || close < open)
        return false;
    struct span inner = span_make(text.at + open + 1, (size_t)(close - open) - 1);
    out->before = span_first(text, (size_t)open);
    out->after = span_from(text, (size_t)close + 1);
    out->account = span_is(inner, SPAN("account"));
    out->given = given.at && span_is(inner, given);
    out->value = out->account || out->given ? NULL : asked_field(c, inner);
    bool single = span_find_byte(out->after, '{') < 0 && span_find_byte(out->after, '}') < 0;
    return single && (out->account || out->given || out->value);
}

struct pieces {
    char mark;
    bool named; /* name=value */
    struct span given;
};

static size_t count_pieces(struct span text, char mark)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == mark;
    return count;
}

static bool blanks_read(struct compiler *c, struct span text, const struct pieces *p, struct blank **list, size_t *count)
{
    struct span rest = text, piece;
    size_t room = count_pieces(text, p->mark);
    *list = room <= BLANKS_MOST ? ARENA_ARRAY(c->arena, struct blank, room) : NULL;
    if (!*list)
        return false;
    while (rest.at && span_next(&rest, p->mark, &piece)) {
        struct blank *b = &(*list)[(*count)++];
        if (p->named && (!span_cut(&piece, '=', &b->name) || !b->name.len))
            return false;
        bool slash = !p->named && !piece.len && !rest.at; /* a path's last slash, which some vendors want */
        if ((!piece.len && !slash) || !blank_read(c, piece, p->given, b))
            return false;
    }
    return true;
}

bool ask_compile(struct compiler *c, const struct node *n, const char *path, struct span given, struct ask *out)
{
    struct span text = SPAN_NONE, target, query = SPAN_NONE, method = SPAN_NONE;
    struct pieces steps = { '/', false, given }, pairs = { '&', true, given };
    if (n->kind == NODE_SCALAR)
        text = n->text;
    struct span rest = text;
    if (!span_cut(&rest, ' ', &method) || !span_is(method, SPAN("GET")) || !span_starts(rest, SPAN("/")))
        return say_allowed(c, n, path, text, given);
    target = rest;
    if (span_cut(&rest, '?', &target))
        query = rest;
    bool fine = blanks_read(c, span_from(target, 1), &steps, &out->path, &out->path_count) &&
                (!query.at || blanks_read(c, query, &pairs, &out->query, &out->query_count));
    if (c->arena->broken)
        return say_memory(c, n);
    return fine || say_allowed(c, n, path, text, given);
}

static bool is_blank(const struct blank *b) { return b->account || b->given || b->value; }

/* The operation that a filled-in path would be, whatever stands in the places to fill in. */
static const struct operation *asked_operation(struct compiler *c, const struct ask *ask)
{
    struct matched matched;
    struct span path = SPAN("");
    for (size_t i = 0; i < ask->path_count; i++) {
        const struct blank *b = &ask->path[i];
        path = arena_print(
            &c->scratch, "%.*s/%.*s%s%.*s", SPAN_ARG(path), SPAN_ARG(b->before), is_blank(b) ? "x" : "", SPAN_ARG(b->after));
        if (!path.at)
            return NULL;
    }
    return vendor_match(c->vendor, SPAN("GET"), path, &matched) ? matched.operation : NULL;
}

bool ask_found(struct compiler *c, const struct node *n, const char *path, struct ask *ask)
{
    const struct operation *op = asked_operation(c, ask);
    if (!op || op->writes || op->moves_money || op->secret)
        return say(c, n, path, n->text, "a GET of this manifest's operations that costs nothing and gives no secret away");
    ask->operation = op->index;
    return true;
}

/* ---- filling in ---- */

struct filling {
    struct subject *subject;
    struct eval eval;
    const struct ask *ask;
    struct span given;
};

/* What belongs into a blank: VALUE_TEXT, VALUE_ABSENT, or UNKNOWN when it is several values or none that can be written. */
static struct value fill(struct filling *f, const struct blank *b)
{
    if (b->value)
        return expr_run(&f->eval, b->value);
    struct span text = b->given ? f->given : f->subject->asked->account;
    return text.len ? (struct value){ .kind = VALUE_TEXT, .text = text } : VALUE_NOT_KNOWN;
}

static bool put_path(struct filling *f, struct buf *out)
{
    for (size_t i = 0; i < f->ask->path_count; i++) {
        const struct blank *b = &f->ask->path[i];
        buf_put_byte(out, '/');
        buf_put(out, b->before);
        if (!is_blank(b))
            continue;
        struct value v = fill(f, b);
        if (v.kind != VALUE_TEXT || !v.text.len)
            return false;
        buf_put_percent(out, v.text, SPAN_NONE);
        buf_put(out, b->after);
    }
    return true;
}

static bool note_pair(struct filling *f, const struct blank *b, struct pairs *out)
{
    struct value v = { .kind = VALUE_TEXT, .text = SPAN_NONE };
    if (is_blank(b))
        v = fill(f, b);
    if (v.kind != VALUE_TEXT)
        return v.kind == VALUE_ABSENT;
    struct span text = arena_print(f->subject->arena, "%.*s%.*s%.*s", SPAN_ARG(b->before), SPAN_ARG(v.text), SPAN_ARG(b->after));
    out->list[out->count++] = (struct pair){ b->name, text };
    return text.at != NULL;
}

static bool put_query(struct filling *f, struct buf *out)
{
    struct pairs pairs = { .list = ARENA_ARRAY(f->subject->arena, struct pair, f->ask->query_count + 1) };
    for (size_t i = 0; i < f->ask->query_count; i++)
        if (!pairs.list || !note_pair(f, &f->ask->query[i], &pairs))
            return false;
    if (pairs.count)
        buf_put_byte(out, '?');
    canon_form_write(&pairs, out);
    return true;
}

bool ask_fill(struct subject *s, const struct ask *ask, struct span given, struct span *path, struct span *query)
{
    const struct vendor *v = s->asked->vendor;
    struct filling f = { s, { .subject = s, .manifest = v->manifest }, ask, given };
    struct matched matched;
    struct buf text;
    const char *why;
    *path = *query = SPAN_NONE;
    buf_init(&text, TARGET_MOST);
    bool fine = put_path(&f, &text) && put_query(&f, &text) && !text.broken;
    struct span target = fine ? arena_copy(s->arena, buf_span(&text)) : SPAN_NONE;
    buf_free(&text);
    fine = target.at && canon_target(s->arena, target, path, query, &why) == E_OK &&
           vendor_match(v, SPAN("GET"), *path, &matched) && matched.operation->index == ask->operation;
    return fine && !s->arena->broken;
}

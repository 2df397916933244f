/* SPDX-License-Identifier: Apache-2.0
 * doubt.c - compiling an operation's `doubt`: how a call whose answer was lost is looked up, and known again.
 *
 *   doubt:
 *     ask: GET /orders?customer={body.customer}     another operation of this manifest; what is missing leaves its parameter out
 *     when: phone(body.To)                          only calls for which this is not 0
 *     list: answer.data                             where the objects stand; below, answer. is one of them
 *     more: answer.has_more                         there are more than were given
 *     same: { answer.customer: body.customer }      another value: surely another call's
 *     like: { answer.text: body.text }              another value: perhaps this call's all the same
 *     created: answer.created_at                    when, in the way `clock` says: rfc2822, rfc3339, unix, unix_ms
 *     early, late                                   how far that may lie from when the call was sent
 *     patience                                      how long after sending an absence counts
 * look_up.c runs it. Read docs/manifests.md first. */
#include "vendor/compile.h"

static const char *const search_names[] = { "ask", "when", "list", "more", "same", "like", "created", "clock", "early", "late",
    "patience", NULL };
static const char *const clock_names[] = { "rfc2822", "rfc3339", "unix", "unix_ms", NULL };
static const char ask_allowed[] =
    "GET, a path and perhaps a query, with {path.NAME}, {query.NAME}, {body.NAME}, {header.NAME} or "
    "{account} to fill in, at most one in each step and value: \"GET /orders/{path.id}?to={body.to}\"";
enum { BLANKS_MOST = 24 };

/* ---- what is asked ---- */

static const struct expr *asked_field(struct compiler *c, struct span text)
{
    struct expr *x = ARENA_NEW(c->arena, struct expr);
    const char *why;
    if (!x || !field_read(text, &x->field, c->arena, &why) || !x->field.count || x->field.root == ROOT_ANSWER)
        return NULL;
    x->kind = EXPR_FIELD;
    return x;
}

/* "before{field}after" */
static bool blank_read(struct compiler *c, struct span text, struct blank *out)
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
    out->value = out->account ? NULL : asked_field(c, inner);
    bool single = span_find_byte(out->after, '{') < 0 && span_find_byte(out->after, '}') < 0;
    return single && (out->account || out->value);
}

static bool blanks_read(struct compiler *c, struct span text, char mark, bool named, struct blank *list, size_t *count)
{
    struct span rest = text, piece;
    while (rest.at && span_next(&rest, mark, &piece)) {
        if (*count == BLANKS_MOST)
            return false;
        struct blank *b = &list[(*count)++];
        if (named && (!span_cut(&piece, '=', &b->name) || !b->name.len))
            return false;
        if (!piece.len || !blank_read(c, piece, b))
            return false;
    }
    return true;
}

static bool ask_read(struct compiler *c, const struct node *n, const char *path, struct search *s)
{
    struct span text = SPAN_NONE, target, query = SPAN_NONE, method = SPAN_NONE;
    s->path = ARENA_ARRAY(c->arena, struct blank, BLANKS_MOST);
    s->query = ARENA_ARRAY(c->arena, struct blank, BLANKS_MOST);
    if (!s->path || !s->query)
        return say_memory(c, n);
    if (!node_span(n, path, &text, c->trouble))
        return false;
    struct span rest = text;
    if (!span_cut(&rest, ' ', &method) || !span_is(method, SPAN("GET")) || !span_starts(rest, SPAN("/")))
        return say(c, n, path, text, ask_allowed);
    target = rest;
    if (span_cut(&rest, '?', &target))
        query = rest;
    bool fine = blanks_read(c, span_from(target, 1), '/', false, s->path, &s->path_count) &&
                (!query.at || blanks_read(c, query, '&', true, s->query, &s->query_count));
    return fine || say(c, n, path, text, ask_allowed);
}

/* The operation that a filled-in path would be, whatever stands in the places to fill in. */
static const struct operation *asked_operation(struct compiler *c, const struct search *s)
{
    struct matched matched;
    struct span path = SPAN("");
    for (size_t i = 0; i < s->path_count; i++) {
        const struct blank *b = &s->path[i];
        path = arena_print(c->arena, "%.*s/%.*s%s%.*s", SPAN_ARG(path), SPAN_ARG(b->before), b->account || b->value ? "x" : "",
            SPAN_ARG(b->after));
        if (!path.at)
            return NULL;
    }
    return vendor_match(c->vendor, SPAN("GET"), path, &matched) ? matched.operation : NULL;
}

bool search_found(struct compiler *c, const struct node *n, const char *path, const struct rules *r)
{
    const struct operation *op = r->search ? asked_operation(c, r->search) : NULL;
    if (!r->search)
        return true;
    if (!op || op->writes || op->moves_money || op->secret)
        return say(c, node_get(n, "ask"), below(c, path, SPAN("ask")), node_get(n, "ask")->text,
            "a GET of this manifest's operations that costs nothing and gives no secret away");
    r->search->operation = op->index;
    return true;
}

/* ---- how it is known again ---- */

static bool answer_field(struct compiler *c, const struct node *n, const char *path, struct field *out, bool plain)
{
    static const char allowed[] = "a field of the answer, without * and **: answer.data";
    const char *why;
    if (!n || n->kind != NODE_SCALAR || !field_read(n->text, out, c->arena, &why) || out->root != ROOT_ANSWER)
        return say(c, n, path, n ? n->text : SPAN_NONE, allowed);
    for (size_t i = 0; plain && i < out->count; i++)
        if (out->steps[i].kind != STEP_NAME || out->steps[i].any_case)
            return say(c, n, path, n->text, allowed);
    return true;
}

static bool likeness_read(struct compiler *c, const struct node *n, const char *path, bool sure, struct search *s)
{
    static const char allowed[] = "a map of fields of an object to fields of the request: { answer.to: body.To }";
    const char *why;
    if (!n)
        return true;
    if (n->kind != NODE_MAP)
        return say(c, n, path, n->text, allowed);
    for (const struct node *at = n->first; at; at = at->next) {
        struct likeness *l = &s->members[s->count++];
        l->sure = sure;
        if (at->kind != NODE_SCALAR || !field_read(at->name, &l->theirs, c->arena, &why) || l->theirs.root != ROOT_ANSWER ||
            !field_read(at->text, &l->ours, c->arena, &why) || l->ours.root == ROOT_ANSWER || l->ours.root == ROOT_SETTING)
            return say(c, at, below(c, path, at->name), at->text, allowed);
    }
    return true;
}

static bool members_read(struct compiler *c, const struct node *n, const char *path, struct search *s)
{
    const struct node *same = node_get(n, "same"), *like = node_get(n, "like");
    size_t room = (same ? same->count : 0) + (like ? like->count : 0);
    if (!room)
        return say(
            c, n, below(c, path, SPAN("same")), SPAN_NONE, "same or like, by which an object is known: { answer.to: body.To }");
    s->members = ARENA_ARRAY(c->arena, struct likeness, room);
    if (!s->members)
        return say_memory(c, n);
    return likeness_read(c, same, below(c, path, SPAN("same")), true, s) &&
           likeness_read(c, like, below(c, path, SPAN("like")), false, s);
}

static bool when_read(struct compiler *c, const struct node *n, const char *path, struct search *s)
{
    char why[200] = "a rule about the request";
    if (!n)
        return true;
    if (n->kind != NODE_SCALAR || !expr_read(c->arena, n->text, &s->when, why))
        return say(c, n, path, n->text, why);
    return !expr_looks_at(s->when, ROOT_ANSWER) ||
           say(c, n, path, n->text, "a rule about the request: body, query, header, path");
}

struct stretch {
    const char *name;
    int64_t least, most;
    const char *allowed;
};

static bool time_read(struct compiler *c, const struct node *n, const char *path, const struct stretch *t, int64_t *out)
{
    const struct node *at = node_get(n, t->name);
    const char *place = below(c, path, span_of(t->name));
    if (!node_duration(at, place, out, c->trouble))
        return false;
    return (*out >= t->least && *out <= t->most) || say(c, at ? at : n, place, at ? at->text : SPAN_NONE, t->allowed);
}

static bool times_read(struct compiler *c, const struct node *n, const char *path, struct search *s)
{
    static const struct stretch early = { "early", 1000, 3600000, "1s to 1h" }, late = { "late", 1000, 86400000, "1s to 24h" },
                                patience = { "patience", 1000, 86400000, "1s to 24h, and not less than late" };
    const struct node *clock = node_get(n, "clock");
    int kind = CLOCK_RFC3339;
    s->early_ms = 5000;
    s->late_ms = 300000;
    s->patience_ms = 600000;
    if (!node_choice(clock, below(c, path, SPAN("clock")), clock_names, &kind, c->trouble) ||
        !time_read(c, n, path, &early, &s->early_ms) || !time_read(c, n, path, &late, &s->late_ms) ||
        !time_read(c, n, path, &patience, &s->patience_ms))
        return false;
    s->clock = (enum clock)kind;
    const struct node *at = node_get(n, "patience");
    return s->patience_ms >= s->late_ms ||
           say(c, at ? at : n, below(c, path, SPAN("patience")), at ? at->text : SPAN_NONE, patience.allowed);
}

bool search_read(struct compiler *c, const struct node *n, const char *path, struct rules *r)
{
    if (!n)
        return true;
    if (n->kind != NODE_MAP)
        return say(c, n, path, n->text, "a map: ask, when, list, more, same, like, created, clock, early, late, patience");
    struct search *s = ARENA_NEW(c->arena, struct search);
    if (!s)
        return say_memory(c, n);
    r->search = s;
    const struct node *list = node_get(n, "list"), *more = node_get(n, "more"), *created = node_get(n, "created");
    return node_only(n, path, search_names, c->trouble) && ask_read(c, node_get(n, "ask"), below(c, path, SPAN("ask")), s) &&
           when_read(c, node_get(n, "when"), below(c, path, SPAN("when")), s) &&
           answer_field(c, list ? list : n, below(c, path, SPAN("list")), &s->list, true) &&
           answer_field(c, more ? more : n, below(c, path, SPAN("more")), &s->more, false) &&
           answer_field(c, created ? created : n, below(c, path, SPAN("created")), &s->created, false) &&
           members_read(c, n, path, s) && times_read(c, n, path, s);
}

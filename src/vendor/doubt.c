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

bool search_found(struct compiler *c, const struct node *n, const char *path, const struct rules *r)
{
    return !r->search || ask_found(c, node_get(n, "ask"), below(c, path, SPAN("ask")), &r->search->ask);
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
    if (!n)
        return true;
    if (!one_rule(c, n, path, &s->when))
        return false;
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
    const struct node *ask = node_get(n, "ask"), *list = node_get(n, "list"), *more = node_get(n, "more"),
                      *created = node_get(n, "created");
    return node_only(n, path, search_names, c->trouble) &&
           ask_compile(c, ask ? ask : n, below(c, path, SPAN("ask")), SPAN_NONE, &s->ask) &&
           when_read(c, node_get(n, "when"), below(c, path, SPAN("when")), s) &&
           answer_field(c, list ? list : n, below(c, path, SPAN("list")), &s->list, true) &&
           answer_field(c, more ? more : n, below(c, path, SPAN("more")), &s->more, false) &&
           answer_field(c, created ? created : n, below(c, path, SPAN("created")), &s->created, false) &&
           members_read(c, n, path, s) && times_read(c, n, path, s);
}

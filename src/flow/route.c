/* SPDX-License-Identifier: Apache-2.0
 * route.c - the steps that choose the way: which route applies, which of its targets come in which order, and what of the call changes
 * for the one at hand.
 *
 * A route is named, or written out, in x-tollgate-config (or x-portkey-config); else it is the key's; else the one that is for the model
 * that was asked for. It never widens what the key may do: a target is aimed at with the key's credentials and judged by its policy, as if
 * the caller had named it.
 *
 * Next to read: direct.c. */
#include "flow/route_view.h"
#include "flow/steps.h"
#include "flow/trial.h"

#include "base/text.h"

/* ---- which route ---- */

static enum next take_inline(struct exchange *x, struct span text, const char *field)
{
    struct trouble t = { .set = false };
    struct node *root = NULL;
    struct route *route = NULL;
    if (text.len > ROUTE_TEXT_MOST)
        return fail(x, E_TOO_LARGE, "%s: at most %d bytes are allowed", field, ROUTE_TEXT_MOST);
    enum err e = node_read_json(&x->arena, field, text, &root, &t);
    if (e == E_OK)
        e = route_read(&x->arena, root, field, true, &route, &t);
    if (e == E_OK && route)
        x->routing.route = route;
    return e == E_OK ? NEXT : e == E_NO_MEMORY ? fail(x, E_TOO_LARGE, "this call needs more memory than a call may have") : fail(x, E_BAD_REQUEST, "%s", t.set ? t.text : field);
}

static enum next take_named(struct exchange *x, struct span name, const char *field)
{
    const struct route_entry *r = snapshot_route(x->snapshot, x->deciding.key, name);
    if (!r)
        return fail(x, E_BAD_REQUEST, "%s: there is no route \"%.*s\" for this key; the name of a route or a JSON object is expected", field, SPAN_ARG(span_first(name, 64)));
    x->routing.route = r->route;
    x->routing.name = r->name;
    return NEXT;
}

static enum next by_header(struct exchange *x)
{
    const struct http_head *h = x->asking.head;
    struct span own = http_get(h, SPAN("x-tollgate-config")), portkeys = http_get(h, SPAN("x-portkey-config"));
    const char *field = own.at ? "x-tollgate-config" : "x-portkey-config";
    struct span text = span_trim(own.at ? own : portkeys);
    if (!text.len)
        return NEXT;
    if ((own.at && portkeys.at) || http_count(h, span_of(field)) > 1)
        return fail(x, E_NOT_CANONICAL, "the field %s is given more than once", field);
    return text.at[0] == '{' ? take_inline(x, text, field) : take_named(x, text, field);
}

/* As the caller named it; a body that is no JSON is refused later. */
static struct span model_asked(struct exchange *x)
{
    struct json_value root;
    const char *why = "";
    if (x->speaking.model_in_path.at)
        return text_percent_decode(x->speaking.model_in_path, false, &x->arena);
    if (json_parse(x->desk->json, buf_span(&x->asking.body), false, &root, &why) != E_OK)
        return SPAN_NONE;
    return raw_text(raw_member(buf_span(&x->asking.body), SPAN("model"), &x->arena), &x->arena);
}

static void by_key_or_model(struct exchange *x)
{
    const struct route_entry *r = x->deciding.key->route;
    if (!r && x->snapshot->model_route_count)
        r = snapshot_route_for_model(x->snapshot, x->deciding.key, model_asked(x));
    if (!r)
        return;
    x->routing.route = r->route;
    x->routing.name = r->name;
}

static bool may_be_routed(const struct exchange *x)
{
    const struct front *f = x->speaking.front;
    return f && (f->kind == FRONT_CALL || f->kind == FRONT_PAID || f->kind == FRONT_COUNT);
}

static bool some_route_applies(const struct exchange *x)
{
    const struct http_head *h = x->asking.head;
    bool front = may_be_routed(x) && (x->deciding.key->route || x->snapshot->model_route_count);
    return front || http_get(h, SPAN("x-tollgate-config")).at || http_get(h, SPAN("x-portkey-config")).at;
}

/* Where the path says which vendor, a route can say how often and how patiently, not where. */
static enum next only_how(struct exchange *x)
{
    const struct target *t = x->routing.route->target;
    if (may_be_routed(x) || (t && !t->provider.at && !t->credential.at && !t->model.at && !target_changes(t)))
        return NEXT;
    return fail(x, E_BAD_REQUEST, "this path says which vendor is asked; a route with targets or parameters needs one of the gate's own paths, such as /v1/chat/completions");
}

/* ---- route: which way ---- */

static void set_deadline(struct exchange *x)
{
    int64_t ms = x->routing.route->deadline_ms;
    x->routing.deadline_ns = ms ? x->times.began_ns + ms * 1000000 : 0;
}

/* A mirror's plan is the shadow that it is for. */
static bool take_shadow(struct exchange *x)
{
    struct plan *p = &x->routing.plan;
    if (x->mirror == FOR_JUDGE)
        return true;
    if (x->mirror >= p->count || !p->list[x->mirror].shadow)
        return false;
    p->list += x->mirror;
    p->count = 1;
    return true;
}

/* The others are asked the same, each by a call of its own, once this one is over: it waits for none of them. */
void send_mirrors(struct exchange *x)
{
    const struct plan *p = &x->routing.plan;
    const struct world *w = x->desk->world;
    bool answered = x->fault == E_OK && x->attempt_count && !x->answering.rehearsed;
    if (x->trial)
        trial_go_on(x);
    for (size_t i = 0; answered && w->mirror && !x->mirror_of && x->routing.planned && i < p->count; i++)
        if (p->list[i].shadow && p->list[i].round <= p->list[x->routing.at].round && trial_lets(x, i))
            w->mirror(w->self, x, i);
}

static enum next plan(struct exchange *x)
{
    struct routing *r = &x->routing;
    struct span why = SPAN_NONE;
    struct route_view view = route_view_of(x);
    enum err e = route_plan(r->route, &view, &x->arena, &r->plan, &why);
    if (x->fault != E_OK)
        return STOP;
    if (e == E_NO_MEMORY || x->arena.broken)
        return fail(x, E_TOO_LARGE, "this call needs more memory than a call may have");
    if (e != E_OK)
        return fail_span(x, e, why);
    must(r->plan.count > 0);
    if (x->mirror_of && !take_shadow(x))
        return fail(x, E_OPERATION_DENIED, "the route has changed: there is no such shadow any more");
    r->planned = true;
    trial_draw(x);
    r->query = x->asking.query;
    set_deadline(x);
    return NEXT;
}

enum next route(struct exchange *x)
{
    struct routing *r = &x->routing;
    if (r->planned || !some_route_applies(x))
        return NEXT;
    if (may_be_routed(x)) { /* it is looked into; elsewhere it may be streamed up unread */
        enum next next = gather_body(x, x->snapshot->settings.limits.body_bytes);
        if (next != NEXT)
            return next;
    }
    if (by_header(x) == STOP)
        return STOP;
    if (!r->route)
        by_key_or_model(x);
    if (!r->route)
        return NEXT;
    if (only_how(x) == STOP)
        return STOP;
    return plan(x);
}

/* ---- aim: at the target at hand ---- */

/* Further legs begin with the caller's own words again. */
static enum next restore_body(struct exchange *x)
{
    struct routing *r = &x->routing;
    bool needed = r->plan.count > 1 || target_changes(r->target);
    if (!r->kept_original && needed && may_be_routed(x)) {
        r->original = x->asking.body;
        memset(&x->asking.body, 0, sizeof(x->asking.body));
        r->kept_original = true;
    }
    if (!r->kept_original)
        return NEXT;
    buf_free(&x->asking.body);
    buf_init(&x->asking.body, r->original.ceiling);
    if (!target_apply(r->target, x->desk->json, buf_span(&r->original), &x->arena, &x->asking.body) || x->asking.body.broken)
        return fail(x, E_BAD_REQUEST, "the body is no JSON object, or it is too large with the parameters of %.*s", SPAN_ARG(r->target->path));
    return NEXT;
}

static bool is_form(const struct exchange *x)
{
    return http_is_type(http_get(x->asking.head, SPAN("content-type")), SPAN("multipart/form-data"));
}

static enum next copy_form(struct exchange *x)
{
    struct routing *r = &x->routing;
    const struct target *t = r->target;
    if (target_changes(t))
        return fail(x, E_BAD_REQUEST, "%.*s: parameters of a route cannot be laid over a form", SPAN_ARG(t->path));
    if (!r->kept_original) {
        r->original = x->asking.body;
        r->kept_original = true;
    } else {
        buf_free(&x->asking.body);
    }
    buf_init(&x->asking.body, r->original.ceiling);
    buf_put(&x->asking.body, buf_span(&r->original));
    return NEXT;
}

enum next aim(struct exchange *x)
{
    struct routing *r = &x->routing;
    if (!r->planned)
        return NEXT;
    r->target = r->plan.list[r->at].target;
    r->tries = 1;
    if (!may_be_routed(x))
        return NEXT;
    if (is_form(x))
        return r->plan.count > 1 ? copy_form(x) : NEXT;
    return restore_body(x);
}

/* SPDX-License-Identifier: Apache-2.0
 * understand.c - from a request to what it means: canonical body and query, parameters, scopes, worst cost.
 *
 * The order is: can it be read in one way only, is it a shape the manifest allows, what does it touch, what can it cost.
 * Bodies of operations with a dialect (language models) are the dialect's to understand; they are only read here for policies
 * that rule on their parameters. */
#include "base/text.h"
#include "vendor/multipart.h"
#include "vendor/subject.h"

enum { PAIRS_MOST = 4096, CANONICAL_MOST = 64 << 20 };
/* Stands for a number of messages that is not known: larger than any budget, so that one refuses it. */
static const int64_t messages_unknown = INT64_C(1000000000000);

static enum err refuse(struct arena *a, struct span *why, enum err code, const char *text)
{
    *why = arena_print(a, "%s", text);
    return code;
}

enum err understanding_refuse(struct understanding *u, enum err code, const char *why)
{
    return refuse(u->arena, u->why, code, why);
}

/* ---- the way it was sent ---- */

/* Only "charset=utf-8" may follow the type of a text that we read. */
static bool parameters_fine(struct span content_type)
{
    struct span rest = content_type, piece;
    if (!span_cut(&rest, ';', &piece))
        return true;
    while (span_next(&rest, ';', &piece)) {
        piece = span_trim(piece);
        if (piece.len && !span_is_nocase(piece, SPAN("charset=utf-8")) && !span_is_nocase(piece, SPAN("charset=\"utf-8\"")))
            return false;
    }
    return true;
}

static enum err check_type(struct understanding *u, const char *type, bool read_here)
{
    const struct http_head *h = u->asked->head;
    struct span got = http_get(h, SPAN("content-type"));
    if (http_count(h, SPAN("content-type")) > 1)
        return refuse(u->arena, u->why, E_NOT_CANONICAL, "content-type is given more than once");
    if (!got.at || !http_is_type(got, span_of(type)) || (read_here && !parameters_fine(got))) {
        *u->why = arena_print(u->arena, "content-type: found \"%.*s\"; this operation takes %s%s",
            (int)(got.len < 80 ? got.len : 80), got.at ? got.at : "", type, read_here ? ", in UTF-8" : "");
        return E_NOT_CANONICAL;
    }
    return E_OK;
}

static enum err check_coding(struct understanding *u)
{
    struct span coding = http_get(u->asked->head, SPAN("content-encoding"));
    if (!coding.at || span_is_nocase(coding, SPAN("identity")))
        return E_OK;
    return refuse(u->arena, u->why, E_NOT_CANONICAL, "content-encoding: a body that is to be checked is not taken compressed");
}

/* Fields that a manifest names may pick whose money is moved: twice, or two that say the same, is refused. */
static enum err check_fields(struct understanding *u)
{
    const struct manifest *m = u->manifest;
    const struct http_head *h = u->asked->head;
    size_t exclusive = 0;
    for (size_t i = 0; i < m->exclusive_count; i++)
        exclusive += http_count(h, m->exclusive[i]);
    if (exclusive > 1)
        return refuse(
            u->arena, u->why, E_NOT_CANONICAL, "header fields that exclude each other are given together, or one twice");
    if (http_count(h, SPAN("idempotency-key")) > 1 || (u->asked->vendor->once.at && http_count(h, u->asked->vendor->once) > 1))
        return refuse(u->arena, u->why, E_NOT_CANONICAL, "an idempotency key is given twice");
    for (size_t i = 0; i < m->allowed_count; i++) {
        if (span_is(m->allowed_fields[i], SPAN("accept")) || http_count(h, m->allowed_fields[i]) < 2)
            continue;
        *u->why = arena_print(u->arena, "header %.*s is given twice", SPAN_ARG(m->allowed_fields[i]));
        return E_NOT_CANONICAL;
    }
    return E_OK;
}

/* ---- query ---- */

static bool carries_key(const struct manifest *m, struct span name)
{
    for (size_t i = 0; i < m->carrier_count; i++)
        if (m->carriers[i].kind == CARRY_QUERY && span_is(m->carriers[i].name, name))
            return true;
    return m->send.kind == CARRY_QUERY && span_is(m->send.name, name);
}

static void drop_keys(const struct manifest *m, struct pairs *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++)
        if (!carries_key(m, p->list[i].name))
            p->list[kept++] = p->list[i];
    p->count = kept;
}

/* Writes pairs in their one form, into the arena. */
enum err understanding_write(struct understanding *u, const struct pairs *p, struct span *out)
{
    struct buf b;
    buf_init(&b, CANONICAL_MOST);
    canon_form_write(p, &b);
    *out = b.len ? arena_copy(u->arena, buf_span(&b)) : SPAN("");
    bool fine = !b.broken && out->at;
    buf_free(&b);
    return fine ? E_OK : refuse(u->arena, u->why, E_TOO_LARGE, "the form is larger than allowed");
}

static enum err read_query(struct understanding *u)
{
    const struct manifest *m = u->manifest;
    const char *why = "";
    enum err e = canon_form(u->arena, u->asked->query, m->repeat, m->repeat_count, PAIRS_MOST, &u->subject.query, &why);
    if (e)
        return refuse(u->arena, u->why, e, why);
    drop_keys(m, &u->subject.query);
    if (u->operation->body == BODY_FORM && u->subject.query.count)
        return refuse(u->arena, u->why, E_NOT_CANONICAL, "parameters of this operation belong into the body, not into the query");
    e = in_query_check(u);
    return e ? e : understanding_write(u, &u->subject.query, &u->out->query);
}

/* ---- body ---- */

static enum err read_form(struct understanding *u)
{
    const struct manifest *m = u->manifest;
    const char *why = "";
    u->subject.body_shape = SHAPE_FORM;
    if (u->asked->body.len == 0)
        return E_OK;
    enum err e = check_type(u, "application/x-www-form-urlencoded", true);
    if (e)
        return e;
    e = canon_form(u->arena, u->asked->body, m->repeat, m->repeat_count, PAIRS_MOST, &u->subject.form, &why);
    if (e)
        return refuse(u->arena, u->why, e, why);
    e = in_query_method(u, &u->subject.form);
    return e ? e : understanding_write(u, &u->subject.form, &u->out->body);
}

/* The bytes go on as they came: they are only looked at. */
static enum err read_multipart(struct understanding *u)
{
    const struct manifest *m = u->manifest;
    struct span type = http_get(u->asked->head, SPAN("content-type"));
    const char *why = "";
    enum err e = check_type(u, "multipart/form-data", false);
    if (e || !u->operation->reads_body)
        return e;
    e = check_coding(u);
    if (e)
        return e;
    e = multipart_read(u->arena, type, u->asked->body, m->repeat, m->repeat_count, PAIRS_MOST, &u->subject.form, &why);
    u->subject.body_shape = SHAPE_FORM;
    return e ? refuse(u->arena, u->why, e, why) : in_query_method(u, &u->subject.form);
}

/* Of a request of GraphQL, rules see what its root fields are given. */
static enum err read_arguments(struct understanding *u, struct json *j)
{
    struct span text, where = SPAN_NONE;
    const char *why = "";
    enum err e = graphql_arguments(u->subject.body, u->arena, &text, u->why);
    if (e)
        return e;
    u->subject.body_shape = SHAPE_NONE; /* its reader now holds them */
    e = json_parse(j, text, false, &u->subject.argument, &why);
    if (e)
        return refuse(u->arena, u->why, e, why);
    e = json_canonical(u->subject.argument, &where);
    return e ? refuse(u->arena, u->why, e, "GraphQL: an argument is given twice, or a number is beyond 2^53") : E_OK;
}

enum err understanding_parse(struct understanding *u, struct json *j)
{
    const char *why = "";
    struct span where = SPAN_NONE;
    enum err e = json_parse(j, u->out->body, false, &u->subject.body, &why);
    if (e)
        return refuse(u->arena, u->why, e, why);
    e = json_canonical(u->subject.body, &where);
    if (e) {
        *u->why = arena_print(u->arena, "a member is given twice, or a number is beyond 2^53: \"%.*s\"", SPAN_ARG(where));
        return e;
    }
    bool walkable = json_kind(u->subject.body) == JSON_OBJECT || json_kind(u->subject.body) == JSON_ARRAY;
    return walkable ? E_OK : refuse(u->arena, u->why, E_BAD_REQUEST, "the body is no JSON object or list");
}

static enum err read_json(struct understanding *u, struct json *j)
{
    u->subject.body_shape = SHAPE_JSON;
    if (u->asked->body.len == 0)
        return E_OK;
    enum err e = check_type(u, "application/json", true);
    if (e)
        return e;
    if (span_starts(u->asked->body, SPAN("\xef\xbb\xbf")))
        return refuse(u->arena, u->why, E_NOT_CANONICAL, "the body starts with a byte order mark");
    e = understanding_parse(u, j);
    return e || !u->rules->by_field ? e : read_arguments(u, j);
}

static enum err read_body(struct understanding *u, struct json *j)
{
    u->out->body = u->asked->body;
    if (u->operation->body == BODY_NONE)
        return u->asked->body.len ? refuse(u->arena, u->why, E_NOT_CANONICAL, "this operation has no body") : E_OK;
    if (u->operation->body == BODY_OPAQUE)
        return E_OK;
    bool left = u->operation->dialect.at && u->asked->leave_body;
    if (u->operation->body == BODY_MULTIPART && !left)
        return read_multipart(u);
    enum err e = check_coding(u);
    if (e || left)
        return e;
    return u->operation->body == BODY_FORM ? read_form(u) : read_json(u, j);
}

/* ---- account ---- */

/* A secret of a parent account reaches every account below it: the path must name the one the credential is for. */
static enum err check_account(struct understanding *u)
{
    const struct matched *matched = u->asked->matched;
    struct span wanted = u->manifest->account_capture;
    for (size_t i = 0; wanted.at && i < matched->count; i++) {
        if (!span_is(matched->captures[i].name, wanted) || span_is(matched->captures[i].value, u->asked->account))
            continue;
        *u->why = arena_print(u->arena, "%.*s in the path is not the account of this key's credential", SPAN_ARG(wanted));
        return E_SCOPE_DENIED;
    }
    return E_OK;
}

/* ---- cost ---- */

static void reckon(struct understanding *u)
{
    const struct rules *r = u->rules;
    struct eval e = { .subject = &u->subject, .manifest = u->manifest, .worst = true };
    u->out->cost_known = r->has_reserve || !u->operation->moves_money;
    if (r->reserve[UNIT_USD]) {
        struct value v = value_number(expr_run(&e, r->reserve[UNIT_USD]));
        u->out->cost_known = v.kind == VALUE_NUMBER && v.nano >= 0;
        u->out->worst[UNIT_USD] = u->out->cost_known ? v.nano : 0;
        u->out->unset_setting = u->out->cost_known ? SPAN_NONE : e.unset;
    }
    if (r->reserve[UNIT_MESSAGES]) {
        struct value v = value_number(expr_run(&e, r->reserve[UNIT_MESSAGES]));
        bool known = v.kind == VALUE_NUMBER && v.nano >= 0;
        u->out->worst[UNIT_MESSAGES] = known ? money_mul_div_up(v.nano, 1, NANO_PER_USD) : messages_unknown;
    }
}

bool vendor_moves_money(const struct operation *op, const struct understood *u)
{
    bool nothing = u->cost_known && !u->worst[UNIT_USD] && !u->worst[UNIT_MESSAGES] && !u->counted_id.len;
    return op->moves_money && !(op->priced && nothing);
}

/* ---- objects ---- */

static bool go_on(void *self, const struct found *f)
{
    (void)self, (void)f;
    return true;
}

static void touch(void *self, const struct field *f)
{
    if (f->root == ROOT_OBJECT)
        field_each(f, self, go_on, NULL);
}

/* What the settlement will look at of objects is read now: later there is no time for it. */
static void touch_settlement(struct understanding *u)
{
    for (size_t i = 0; u->rules->object_count && i < UNIT_COUNT; i++)
        if (u->rules->settle[i])
            expr_each_field(u->rules->settle[i], touch, &u->subject);
}

enum err vendor_understand(struct json *j, const struct asked *q, struct arena *a, struct understood *out, struct span *why)
{
    const struct manifest *m = q->vendor->manifest;
    const struct operation *op = q->matched->operation;
    const struct rules *r = &m->rules[op->index];
    struct understanding u = { .asked = q,
        .manifest = m,
        .operation = op,
        .rules = r,
        .arena = a,
        .out = out,
        .why = why,
        .subject = { .asked = q, .arena = a, .wanted = q->read_objects ? &out->wanted : NULL, .counted_id = &out->counted_id } };
    enum err e = E_OK;
    *out = (struct understood){ .query = SPAN("") };
    *why = SPAN_NONE;
    e = check_fields(&u);
    e = e ? e : check_account(&u);
    e = e ? e : read_query(&u);
    e = e ? e : read_body(&u, j);
    e = e ? e : spellings_check(&u);
    e = e ? e : parameters_lower(&u, m->parameters, m->parameter_count);
    e = e ? e : parameters_lower(&u, r->parameters, r->parameter_count);
    e = e ? e : parameters_fill(&u, j, r->parameters, r->parameter_count);
    e = e ? e : parameters_fill(&u, j, m->parameters, m->parameter_count);
    e = e ? e : parameters_check(&u, m->parameters, m->parameter_count);
    e = e ? e : parameters_check(&u, r->parameters, r->parameter_count);
    e = e ? e : parameters_note(&u);
    if (e)
        return e;
    scopes_note(&u);
    reckon(&u);
    scopes_demand(&u);
    touch_settlement(&u);
    out->split = op->body != BODY_FORM || u.subject.body_shape == SHAPE_FORM;
    out->query_pairs = u.subject.query;
    out->form = u.subject.form;
    return a->broken ? refuse(a, why, E_TOO_LARGE, "the request needs more memory than a call has") : E_OK;
}

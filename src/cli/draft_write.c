/* SPDX-License-Identifier: Apache-2.0
 * draft_write.c - the draft as YAML. "# CHECK" stands at every guess, so that none is taken for knowledge. */
#include "cli/draft.h"

static const char *const body_names[DRAFT_BODIES] = { [DRAFT_NO_BODY] = "none", [DRAFT_JSON] = "json", [DRAFT_FORM] = "form", [DRAFT_MULTIPART] = "multipart", [DRAFT_OPAQUE] = "opaque" };

/* A text of the document in a comment or between quotes: printable ASCII, and no more than a line of it. */
static struct span tame(struct arena *a, struct span text, size_t most)
{
    struct span copy = arena_copy(a, span_first(text, most));
    char *at = (char *)(uintptr_t)copy.at;
    for (size_t i = 0; i < copy.len; i++)
        if (at[i] < ' ' || at[i] > '~' || at[i] == '"' || at[i] == '\\')
            at[i] = at[i] == '"' ? '\'' : ' ';
    return span_trim(copy);
}

/* Plain where YAML reads it as it stands. */
static void put_scalar(struct buf *out, struct span text)
{
    bool plain = text.len > 0 && span_find_byte(SPAN("!&*{}[],#|>@`\"'%-?:= "), text.at[0]) < 0;
    for (size_t i = 0; i < text.len; i++)
        plain = plain && text.at[i] > ' ' && text.at[i] <= '~' && !strchr("\"'#:,[]{}\\", text.at[i]);
    buf_print(out, plain ? "%.*s" : "\"%.*s\"", SPAN_ARG(text));
}

static enum draft_body usual_body(const struct draft *d)
{
    size_t counts[DRAFT_BODIES] = { 0 };
    enum draft_body best = DRAFT_JSON;
    for (size_t i = 0; i < d->count; i++)
        counts[d->calls[i].body]++;
    for (int b = DRAFT_JSON; b <= DRAFT_FORM; b++)
        if (counts[b] > counts[best])
            best = (enum draft_body)b;
    return best;
}

/* ---- the top ---- */

static void put_top(const struct draft *d, struct buf *out, enum draft_body usual)
{
    struct arena *a = d->arena;
    buf_print(out, "# Drafted from an OpenAPI document by `tollgate vendor draft`. Look at every CHECK; then `tollgate vendor check` says what is missing.\n");
    buf_print(out, "# What is listed can be allowed, what is not listed is refused: take out what no agent shall ever do.\n");
    buf_print(out, "vendor: %.*s\ntitle: \"%.*s\"\n", SPAN_ARG(d->slug), SPAN_ARG(tame(a, d->title, 80)));
    buf_put(out, SPAN("base_url: "));
    put_scalar(out, d->base_url);
    buf_print(out, "%s\n", d->guessed_url ? " # CHECK: the document does not say where the API is" : "");
    buf_print(out, "# CHECK: security of the document: %.*s\n", SPAN_ARG(tame(a, d->security, 120)));
    buf_print(out, "key_in: [%.*s]\nsend: %.*s\n", SPAN_ARG(d->key_in), SPAN_ARG(d->send));
    buf_print(out, "body: %s\n", body_names[usual]);
}

static void put_headers(const struct draft *d, struct buf *out)
{
    if (!d->header_count)
        return;
    buf_put(out, SPAN("# CHECK: fields of the caller's that go on\nrequest_headers: ["));
    for (size_t i = 0; i < d->header_count; i++)
        buf_print(out, "%s%.*s", i ? ", " : "", SPAN_ARG(d->headers[i]));
    buf_put(out, SPAN("]\n"));
}

static bool takes_once(const struct draft_call *c) { return !c->trouble.at && c->idempotent && !span_is(c->method, SPAN("GET")) && !span_is(c->method, SPAN("HEAD")); }

static void put_once(const struct draft *d, struct buf *out)
{
    size_t count = 0;
    for (size_t i = 0; i < d->count; i++)
        count += takes_once(&d->calls[i]);
    if (!count)
        return;
    buf_put(out, SPAN("# CHECK: how long keys may be, and for how long the API remembers them; `final`: statuses that prove that nothing was done\n"));
    buf_print(out, "idempotency:\n  header: %.*s\n  longest: 64\n  remembered: 1h\n  for:\n", SPAN_ARG(d->once));
    for (size_t i = 0; i < d->count; i++)
        if (takes_once(&d->calls[i]))
            buf_print(out, "    - \"%.*s %.*s\"\n", SPAN_ARG(d->calls[i].method), SPAN_ARG(d->calls[i].path));
}

static void put_scopes(const struct draft *d, struct buf *out)
{
    if (!d->scope_count)
        return;
    buf_put(out, SPAN("# CHECK: what a policy can pin. must_show: a call that moves money and does not show it is refused where a policy pins it\nscopes:\n"));
    for (size_t i = 0; i < d->scope_count; i++) {
        const struct draft_scope *s = &d->scopes[i];
        buf_print(out, "  %.*s:\n    from: [", SPAN_ARG(s->name));
        for (size_t k = 0; k < s->count; k++)
            buf_print(out, "%s\"%.*s\"", k ? ", " : "", SPAN_ARG(s->fields[k]));
        buf_print(out, "]\n    must_show: money\n%s", s->who ? "    who: true\n" : "");
    }
}

static void put_rest(const struct draft *d, struct buf *out)
{
    bool id = false;
    for (size_t i = 0; i < d->count; i++)
        id = id || (d->calls[i].answers_id && (d->calls[i].amount || d->calls[i].to_count));
    if (id)
        buf_put(out, SPAN("object_id: answer.id\n"));
    if (d->minor)
        buf_put(out, SPAN("# CHECK: digits behind the point of this API's currencies\n"
                          "currencies: { others: 2, 0: [bif, clp, djf, gnf, jpy, kmf, krw, mga, pyg, rwf, ugx, vnd, vuv, xaf, xof, xpf], 3: [bhd, iqd, jod, kwd, lyd, omr, tnd] }\n"));
    if (d->prices)
        buf_put(out, SPAN("settings:\n  unit_price_usd: \"0.01\" # CHECK: what one message costs at most\n"));
    if (d->deny.at)
        buf_print(out, "# CHECK: refusals look like this API's own errors\ndeny:\n  body: '%.*s'\n", SPAN_ARG(d->deny));
}

/* ---- operations ---- */

static void put_recipients(const struct draft_call *c, struct buf *out)
{
    buf_print(out, c->mails ? "recipients(" : "");
    for (size_t i = 0; i < c->to_count; i++)
        buf_print(out, c->mails ? "%sbody.%.*s" : "%scount(body.%.*s)", !i ? "" : c->mails ? ", " : " + ", SPAN_ARG(c->to[i]->path));
    buf_print(out, c->mails ? ")" : "");
}

static void put_money(const struct draft_call *c, struct buf *out)
{
    const struct draft_field *amount = c->amount;
    if (!c->currency)
        buf_print(out, "    reserve: { usd: body.%.*s } # CHECK: in dollars?\n", SPAN_ARG(amount->path));
    else
        buf_print(out, "    reserve: { usd: \"%s(body.%.*s, body.%.*s)\" } # CHECK: %s?\n", amount->type == TYPE_INTEGER ? "minor_units" : "major_units", SPAN_ARG(amount->path),
            SPAN_ARG(c->currency->path), amount->type == TYPE_INTEGER ? "a whole number of the currency's smallest unit" : "a decimal number of the currency's unit");
    if (amount->depth == 1 && amount->required)
        buf_print(out, "    parameters: { %.*s: { kind: %s, required: true } }\n", SPAN_ARG(amount->path), amount->type == TYPE_INTEGER ? "integer" : "one");
}

static void put_messages(const struct draft_call *c, struct buf *out)
{
    buf_put(out, SPAN("    reserve: # CHECK: how many messages, and what each costs\n      usd: \""));
    bool sum = !c->mails && c->to_count > 1;
    buf_print(out, sum ? "(" : "");
    put_recipients(c, out);
    buf_print(out, "%s * setting.unit_price_usd\"\n      messages: \"", sum ? ")" : "");
    put_recipients(c, out);
    buf_put(out, SPAN("\"\n    scopes: { to: { from: ["));
    for (size_t i = 0; i < c->to_count; i++)
        buf_print(out, "%s\"body.%.*s\"", i ? ", " : "", SPAN_ARG(c->to[i]->path));
    buf_print(out, "], %smust_show: money } }\n", c->mails ? "as: address, " : "");
}

static bool needs_body_line(const struct draft_call *c, enum draft_body usual)
{
    bool bodiless = span_is(c->method, SPAN("GET")) || span_is(c->method, SPAN("HEAD")) || span_is(c->method, SPAN("DELETE"));
    if (c->body == DRAFT_NO_BODY)
        return false; /* an empty body passes as any kind */
    return bodiless || c->body != usual;
}

/* A write says in its query only what its manifest names. */
static bool needs_query_line(const struct draft_call *c)
{
    return c->query_count && !span_is(c->method, SPAN("GET")) && !span_is(c->method, SPAN("HEAD")) && (c->body == DRAFT_JSON || c->body == DRAFT_MULTIPART);
}

static void put_queries(const struct draft_call *c, struct buf *out)
{
    buf_put(out, SPAN("    in_query: ["));
    for (size_t i = 0; i < c->query_count; i++)
        buf_print(out, "%s\"%.*s\"", i ? ", " : "", SPAN_ARG(c->queries[i]));
    buf_put(out, SPAN("] # CHECK: none of them says what it costs?\n"));
}

static void put_call(const struct draft_call *c, struct buf *out, enum draft_body usual)
{
    bool body = needs_body_line(c, usual), queries = needs_query_line(c), map = body || queries || c->secret || c->money || c->amount || c->to_count;
    struct buf call;
    buf_init(&call, 4096);
    buf_print(&call, "%.*s %.*s", SPAN_ARG(c->method), SPAN_ARG(c->path));
    buf_print(out, "  %.*s:%s", SPAN_ARG(c->name), map ? "\n    call: " : " ");
    buf_print(out, "\"%.*s\"\n", SPAN_ARG(buf_span(&call)));
    buf_free(&call);
    if (body)
        buf_print(out, "    body: %s\n", body_names[c->body]);
    if (queries)
        put_queries(c, out);
    if (c->secret)
        buf_put(out, SPAN("    secret: true # CHECK: does its answer give a secret away?\n"));
    if (c->amount)
        put_money(c, out);
    else if (c->to_count)
        put_messages(c, out);
    else if (c->money)
        buf_put(out, SPAN("    moves_money: true # CHECK: what does it cost? Give `reserve`, or `moves_money: false`\n"));
}

static void put_left_out(const struct draft *d, struct buf *out)
{
    bool some = false;
    for (size_t i = 0; i < d->count; i++) {
        const struct draft_call *c = &d->calls[i];
        if (!c->trouble.at)
            continue;
        if (!some)
            buf_put(out, SPAN("\n# Left out, and so refused:\n"));
        some = true;
        buf_print(out, "#   %.*s %.*s: %.*s\n", SPAN_ARG(c->method), SPAN_ARG(tame(d->arena, c->path, 200)), SPAN_ARG(tame(d->arena, c->trouble, 200)));
    }
}

void draft_write(const struct draft *d, struct buf *out)
{
    enum draft_body usual = usual_body(d);
    put_top(d, out, usual);
    put_headers(d, out);
    put_once(d, out);
    put_scopes(d, out);
    put_rest(d, out);
    buf_put(out, SPAN("operations:\n"));
    for (size_t i = 0; i < d->count; i++)
        if (!d->calls[i].trouble.at)
            put_call(&d->calls[i], out, usual);
    put_left_out(d, out);
}

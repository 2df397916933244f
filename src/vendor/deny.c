/* SPDX-License-Identifier: Apache-2.0
 * deny.c - a refusal in the shape a vendor's own SDK turns into its own exception and does not retry.
 *
 * The shape is a JSON text with {{placeholders}}: message, code, call_id, rule (escaped, inside quotes); status and details
 * (JSON of their own); and any name under `values` (a text or number for each cause). It is tried when it is compiled. */
#include "vendor/compile.h"

enum { DENY_PARTS = 32, DENY_BODY = 64 * 1024 };

static bool err_named(struct span code, size_t *out)
{
    for (size_t e = 0; e < ERR_COUNT; e++) {
        if (span_is(err_code((enum err)e), code)) {
            *out = e;
            return true;
        }
    }
    return false;
}

/* A map of causes to scalars with a `default`; rows by enum err. */
static bool rows_read(struct compiler *c, const struct node *n, const char *path, struct span rows[ERR_COUNT])
{
    const struct node *usual = node_get(n, "default");
    size_t e;
    if (n->kind != NODE_MAP)
        return say(c, n, path, n->text, "a map of causes (budget_exceeded, ..., default) to values");
    for (e = 0; usual && e < ERR_COUNT; e++)
        rows[e] = usual->text;
    for (const struct node *at = n->first; at; at = at->next) {
        if (at == usual)
            continue;
        if (at->kind != NODE_SCALAR || !err_named(at->name, &e))
            return say(c, at, below(c, path, at->name), at->name, "a cause from docs/errors.md, or default");
        rows[e] = at->text;
    }
    return true;
}

static bool status_read(struct compiler *c, const struct node *n, struct deny *d)
{
    struct span *rows = ARENA_ARRAY(c->arena, struct span, ERR_COUNT);
    if (!rows)
        return say_memory(c, n);
    for (size_t e = 0; e < ERR_COUNT; e++)
        d->status[e] = err_status((enum err)e);
    if (!n)
        return true;
    if (!rows_read(c, n, "deny.status", rows))
        return false;
    for (size_t e = 0; e < ERR_COUNT; e++) {
        uint64_t status;
        if (!rows[e].at)
            continue;
        if (!span_to_u64(rows[e], &status) || status < 200 || status > 599)
            return say(c, n, "deny.status", rows[e], "a status from 200 to 599");
        d->status[e] = (int)status;
    }
    return true;
}

static bool table_named(struct compiler *c, const struct node *values, struct span name, struct part *out)
{
    const struct node *at = values && values->kind == NODE_MAP ? values->first : NULL;
    while (at && !span_is(at->name, name))
        at = at->next;
    out->kind = PART_TABLE;
    out->rows = at ? ARENA_ARRAY(c->arena, struct span, ERR_COUNT) : NULL;
    return out->rows && rows_read(c, at, below(c, "deny.values", name), out->rows);
}

static bool placeholder(struct compiler *c, const struct node *n, const struct node *values, struct span name, struct part *out)
{
    static const struct {
        struct span name;
        struct part part;
    } known[] = { { { "code", 4 }, { .kind = PART_STRING, .source = SAY_CODE } },
        { { "message", 7 }, { .kind = PART_STRING, .source = SAY_MESSAGE } },
        { { "call_id", 7 }, { .kind = PART_STRING, .source = SAY_CALL } },
        { { "rule", 4 }, { .kind = PART_STRING, .source = SAY_RULE } }, { { "details", 7 }, { .kind = PART_DETAILS } },
        { { "status", 6 }, { .kind = PART_STATUS } } };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (span_is(known[i].name, name)) {
            *out = known[i].part;
            return true;
        }
    }
    if (table_named(c, values, name, out))
        return true;
    return c->trouble->set
               ? false
               : say(c, n, "deny.body", name,
                     "{{code}}, {{message}}, {{call_id}}, {{rule}}, {{details}}, {{status}}, or a name under deny.values");
}

static bool template_read(struct compiler *c, const struct node *n, const struct node *values, struct span rest)
{
    struct deny *d = &c->manifest->deny;
    d->parts = ARENA_ARRAY(c->arena, struct part, DENY_PARTS);
    if (!d->parts)
        return say_memory(c, n);
    while (rest.len) {
        ptrdiff_t open = span_find(rest, SPAN("{{"));
        struct span before = open < 0 ? rest : span_first(rest, (size_t)open);
        if (d->count + 2 > DENY_PARTS)
            return say(c, n, "deny.body", SPAN_NONE, "at most 16 placeholders");
        d->parts[d->count++] = (struct part){ .kind = PART_TEXT, .text = before };
        rest = span_from(rest, before.len + (open < 0 ? 0 : 2));
        ptrdiff_t close = span_find(rest, SPAN("}}"));
        if (open < 0)
            break;
        if (close < 0 || !placeholder(c, n, values, span_first(rest, (size_t)close), &d->parts[d->count++]))
            return close < 0 ? say(c, n, "deny.body", rest, "{{ closed by }}") : false;
        rest = span_from(rest, (size_t)close + 2);
    }
    return true;
}

/* A sample refusal must be JSON: else every SDK would choke on the real ones. */
static bool try_it(struct compiler *c, const struct node *n)
{
    struct json *j = json_new();
    struct json_value root;
    struct buf body;
    const char *why = "";
    struct span type;
    struct denial d = { .code = E_BUDGET_EXCEEDED,
        .call_id = SPAN("call_1"),
        .message = SPAN("a \"quoted\" word"),
        .rule = SPAN("budget k/0"),
        .unit = SPAN("usd"),
        .limit = SPAN("1"),
        .spent = SPAN("0.5"),
        .reserved = SPAN("0"),
        .attempted = SPAN("1"),
        .resets_at = 1 };
    if (!j)
        return say_memory(c, n);
    buf_init(&body, DENY_BODY);
    vendor_deny(c->vendor, &d, &body, &type);
    bool fine = !body.broken && json_parse(j, buf_span(&body), true, &root, &why) == E_OK && json_kind(root) == JSON_OBJECT;
    if (!fine)
        say(c, n, "deny.body", buf_span(&body), "a template that gives a JSON object");
    buf_free(&body);
    json_free(j);
    return fine;
}

bool deny_read(struct compiler *c, const struct node *n)
{
    static const char *const names[] = { "content_type", "status", "values", "body", NULL };
    struct deny *d = &c->manifest->deny;
    const struct node *body = node_get(n, "body");
    struct span text = SPAN("{\"error\":{\"code\":\"{{code}}\",\"message\":\"{{message}}\",\"tollgate\":{{details}}}}");
    d->content_type = SPAN("application/json");
    if (n && (n->kind != NODE_MAP || !node_only(n, "deny", names, c->trouble)))
        return n->kind == NODE_MAP ? false : say(c, n, "deny", n->text, "a map: content_type, status, values, body");
    return node_span(node_get(n, "content_type"), "deny.content_type", &d->content_type, c->trouble) &&
           status_read(c, node_get(n, "status"), d) && node_span(body, "deny.body", &text, c->trouble) &&
           template_read(c, body ? body : n, node_get(n, "values"), text) && try_it(c, body ? body : n);
}

/* ---- writing one ---- */

/* The inside of a JSON string. */
static void put_escaped(struct buf *out, struct span s)
{
    struct json_out j = json_out(out);
    size_t before = out->len;
    json_put_string(&j, s.at ? s : SPAN(""));
    if (out->broken || out->len < before + 2)
        return;
    memmove(out->at + before, out->at + before + 1, out->len - before - 2);
    out->len -= 2;
}

static void pair_if(struct json_out *o, struct span name, struct span value)
{
    if (value.at)
        json_pair(o, name, value);
}

/* What every refusal says, wherever the vendor's shape has room for it. */
void vendor_deny_details(const struct denial *d, struct buf *out)
{
    struct json_out o = json_out(out);
    json_open(&o, '{');
    json_pair(&o, SPAN("code"), err_code(d->code));
    pair_if(&o, SPAN("call_id"), d->call_id);
    pair_if(&o, SPAN("rule"), d->rule);
    pair_if(&o, SPAN("unit"), d->unit);
    pair_if(&o, SPAN("limit"), d->limit);
    pair_if(&o, SPAN("spent"), d->spent);
    pair_if(&o, SPAN("reserved"), d->reserved);
    pair_if(&o, SPAN("attempted"), d->attempted);
    if (d->limit.at || d->resets_at > 0)
        json_pair_time(&o, SPAN("resets_at"), d->resets_at);
    json_close(&o, '}');
}

static void put_part(struct buf *out, const struct part *p, const struct denial *d, int status)
{
    const struct span said[] = { [SAY_CODE] = err_code(d->code),
        [SAY_MESSAGE] = d->message.at ? d->message : err_text(d->code),
        [SAY_CALL] = d->call_id,
        [SAY_RULE] = d->rule };
    switch (p->kind) {
    case PART_TEXT:
        buf_put(out, p->text);
        break;
    case PART_STRING:
        put_escaped(out, said[p->source]);
        break;
    case PART_DETAILS:
        vendor_deny_details(d, out);
        break;
    case PART_STATUS:
        buf_put_i64(out, status);
        break;
    case PART_TABLE:
        put_escaped(out, p->rows[d->code]);
        break;
    }
}

static void put_plain(struct buf *out, const struct denial *d)
{
    struct json_out o = json_out(out);
    json_open(&o, '{');
    json_name(&o, SPAN("error"));
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), SPAN("tollgate_error"));
    json_pair(&o, SPAN("code"), err_code(d->code));
    json_pair(&o, SPAN("message"), d->message.at ? d->message : err_text(d->code));
    json_name(&o, SPAN("tollgate"));
    vendor_deny_details(d, out);
    buf_put(out, SPAN("}}"));
}

int vendor_deny(const struct vendor *v, const struct denial *d, struct buf *body, struct span *content_type)
{
    bool cap = d->code == E_BUDGET_EXCEEDED || d->code == E_BALANCE_EMPTY;
    int status = v ? v->manifest->deny.status[d->code] : err_status(d->code);
    *content_type = v ? v->manifest->deny.content_type : SPAN("application/json");
    if (d->as_429 && cap)
        status = 429;
    if (!v) {
        put_plain(body, d);
        return status;
    }
    for (size_t i = 0; i < v->manifest->deny.count; i++)
        put_part(body, &v->manifest->deny.parts[i], d, status);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0
 * batch.c - see batch.h. */
#include "flow/batch.h"

#include "base/raw.h"
#include "flow/side.h"
#include "flow/steps.h"
#include "rules/parts.h"

enum { FORM_PARTS = 64, LINES_MOST = 100000 };
static const int64_t remember_ms = INT64_C(30) * 24 * 60 * 60 * 1000;

/* ---- the file ---- */

bool batch_wants_body(const struct exchange *x)
{
    int64_t length = x->asking.length;
    return operation_of(x)->batch_input && length >= 0 && length <= x->snapshot->settings.limits.body_bytes;
}

/* The whole file, line after line; usd -1 is for ever. */
struct file {
    struct span model;
    struct metered_most most;
    size_t lines;
    bool unread;        /* some line is no call that can be read, or of another model: nothing is remembered of the file */
    struct span denied; /* by the policy of who uploads it: "parameter_denied line 3: ..."; SPAN_NONE: nothing is */
};

static bool line_members(struct exchange *x, struct span line, struct span *url, struct span *body)
{
    struct json_value v;
    const char *why;
    struct span where, name, value;
    *url = *body = SPAN_NONE;
    if (json_parse(x->desk->json, line, false, &v, &why) != E_OK || json_kind(v) != JSON_OBJECT || json_canonical(v, &where) != E_OK)
        return false;
    for (struct raw_iter it = raw_iter(line, &x->arena); raw_next(&it, &name, &value);) {
        if (span_is(name, SPAN("url")))
            *url = raw_text(value, &x->arena);
        else if (span_is(name, SPAN("body")))
            *body = value;
    }
    return url->len && raw_kind(*body) == JSON_OBJECT;
}

static bool read_line(struct exchange *x, struct span body, const struct matched *hit, struct ask *ask)
{
    const struct dialect *d = x->deciding.upstream->dialects[hit->operation->index];
    const char *why = "";
    return d && d->read_ask && d->read_ask(x->desk->json, body, &x->arena, ask, &why) == E_OK && ask->model.len && !ask->job_input.at;
}

static bool rules_parameters(const struct policy *p, struct span operation)
{
    for (size_t i = 0; i < p->parameter_count; i++)
        if (span_like(operation, p->parameters[i].operation))
            return true;
    return false;
}

/* What the policy says of an operation that is called in a batch; why is in the arena. */
static enum err judge_operation(struct exchange *x, const struct operation *op, struct facts *f, struct span *why)
{
    *f = (struct facts){ .vendor = x->facts.vendor, .operation = op->name, .secret = op->secret, .writes = op->writes };
    return policy_operation(x->deciding.key->policy, f, &x->arena, why);
}

/* As if it were called. */
static enum err judge_line(struct exchange *x, struct span body, const struct matched *hit, struct span *why)
{
    static struct http_field json[] = { { { "content-type", 12 }, { "application/json", 16 } } };
    const struct http_head head = { .method = SPAN("POST"), .fields = json, .count = 1, .length = (int64_t)body.len };
    struct asked asked = asked_of(x);
    struct understood u = { .body = SPAN_NONE };
    struct facts f;
    enum err e = judge_operation(x, hit->operation, &f, why);
    if (e || !rules_parameters(x->deciding.key->policy, f.operation))
        return e;
    asked.matched = hit;
    asked.head = &head;
    asked.query = SPAN("");
    asked.body = body;
    asked.leave_body = false;
    e = vendor_understand(x->desk->json, &asked, &x->arena, &u, why);
    f.parameters = u.parameters;
    f.parameter_count = u.parameter_count;
    return e ? e : policy_parameters(x->deciding.key->policy, &f, &x->arena, why);
}

static void price_line(struct exchange *x, struct ask *ask, struct file *f)
{
    ask->tier = SPAN("batch");
    struct metered_most m = metered_most(price_of(x, ask->model), ask, x->times.began_ms);
    f->most.input = money_add(f->most.input, m.input < 0 ? 0 : m.input);
    f->most.output = money_add(f->most.output, m.output < 0 ? 0 : m.output);
    f->most.usd = m.usd >= 0 && f->most.usd >= 0 ? money_add(f->most.usd, m.usd) : -1;
    f->most.tools = money_add(f->most.tools, m.tools);
}

/* true: something of it stays in the arena. */
static bool add_line(struct exchange *x, struct span line, struct file *f)
{
    const struct upstream *u = x->deciding.upstream;
    struct ask ask = { .output_limit = -1 };
    struct matched hit;
    struct span url, body, why = SPAN_NONE;
    bool first = !f->model.at;
    f->unread = ++f->lines > LINES_MOST || !line_members(x, line, &url, &body) || !vendor_match(&u->vendor, SPAN("POST"), url, &hit) ||
                !read_line(x, body, &hit, &ask) || (!first && !span_is(f->model, ask.model));
    if (f->unread)
        return false;
    if (first)
        f->model = arena_copy(&x->arena, ask.model);
    price_line(x, &ask, f);
    enum err e = f->denied.at ? E_OK : judge_line(x, body, &hit, &why);
    if (e)
        f->denied = arena_print(&x->arena, "%.*s line %zu of the batch's file: %.*s", SPAN_ARG(err_code(e)), f->lines, SPAN_ARG(why));
    return first || e;
}

static void read_lines(struct exchange *x, struct span text, struct file *f)
{
    struct span line;
    while (!f->unread && text.len) {
        ptrdiff_t end = span_find_byte(text, '\n');
        line = span_trim(end < 0 ? text : span_first(text, (size_t)end));
        text = end < 0 ? SPAN("") : span_from(text, (size_t)end + 1);
        struct arena_mark mark = arena_mark(&x->arena);
        if (line.len && !add_line(x, line, f))
            arena_rewind(&x->arena, mark);
    }
}

/* ---- lines in the words that their vendor reads ---- */

/* One whose limit has a name that the vendor does not read is said anew, as a single call would be. */
static void put_line(struct exchange *x, struct span line, struct buf *out, bool *changed)
{
    const struct upstream *u = x->deciding.upstream;
    const struct ask_edit edit = { .output_limit = -1, .old_limit_name = true };
    struct ask ask = { .output_limit = -1 };
    struct matched hit;
    struct span url, body;
    struct buf said;
    if (!line_members(x, line, &url, &body) || !vendor_match(&u->vendor, SPAN("POST"), url, &hit) || !read_line(x, body, &hit, &ask) || !ask.new_limit_name) {
        buf_put(out, line);
        return;
    }
    buf_init(&said, x->asking.body.ceiling);
    u->dialects[hit.operation->index]->edit_ask(x->desk->json, body, &edit, &said);
    buf_put(out, span_first(line, (size_t)(body.at - line.at)));
    buf_put(out, buf_span(&said));
    buf_put(out, span_from(line, (size_t)(body.at - line.at) + body.len));
    out->broken = out->broken || said.broken;
    *changed = true;
    buf_free(&said);
}

static void put_lines(struct exchange *x, struct span text, struct buf *out, bool *changed)
{
    while (text.len) {
        ptrdiff_t end = span_find_byte(text, '\n');
        size_t whole = end < 0 ? text.len : (size_t)end + 1;
        struct span line = span_trim(span_first(text, whole)); /* as it is read; what stands around it stays */
        struct arena_mark mark = arena_mark(&x->arena);
        buf_put(out, span_first(text, line.len ? (size_t)(line.at - text.at) : whole));
        if (line.len) {
            put_line(x, line, out, changed);
            buf_put(out, span_from(span_first(text, whole), (size_t)(line.at - text.at) + line.len));
        }
        arena_rewind(&x->arena, mark);
        text = end < 0 ? SPAN("") : span_from(text, (size_t)end + 1);
    }
}

/* As it is, or with an escape somewhere. */
static bool may_say_new_name(struct span body)
{
    return span_find(body, SPAN("max_completion_tokens")) >= 0 || span_find(body, SPAN("\\u")) >= 0;
}

bool batch_reword(struct exchange *x, struct buf *out)
{
    struct form form;
    const char *why;
    bool changed = false;
    struct span type = http_get(x->asking.head, SPAN("content-type")), body = buf_span(&x->asking.body), text = SPAN_NONE;
    if (!operation_of(x)->batch_input || x->asking.opaque || x->deciding.upstream->quirks.limit != LIMIT_MAX_TOKENS || !type.at ||
        !may_say_new_name(body) || parts_read(&x->arena, type, body, FORM_PARTS, &form, &why) != E_OK)
        return false;
    for (size_t i = 0; i < form.count; i++)
        if (form.list[i].file.at)
            text = text.at ? SPAN("") : form.list[i].value;
    if (!text.len)
        return false;
    buf_put(out, span_first(body, (size_t)(text.at - body.at)));
    put_lines(x, text, out, &changed);
    buf_put(out, span_from(body, (size_t)(text.at - body.at) + text.len));
    return changed;
}

/* ---- what is remembered ---- */

enum { VALUE_MODEL, VALUE_USD, VALUE_INPUT, VALUE_OUTPUT, VALUE_TOOLS, VALUE_POLICY, VALUE_DENIED, VALUES };
static const struct span kind = { "batch input", 11 };

static void keep_seen(struct exchange *x, struct span id, const struct file *f)
{
    struct object_value values[VALUES] = { [VALUE_MODEL] = { .path = SPAN("model"), .text = f->model },
        [VALUE_USD] = { .path = SPAN("usd"), .text = arena_print(&x->arena, "%lld", (long long)f->most.usd) },
        [VALUE_INPUT] = { .path = SPAN("input"), .text = arena_print(&x->arena, "%lld", (long long)f->most.input) },
        [VALUE_OUTPUT] = { .path = SPAN("output"), .text = arena_print(&x->arena, "%lld", (long long)f->most.output) },
        [VALUE_TOOLS] = { .path = SPAN("tools"), .text = arena_print(&x->arena, "%lld", (long long)f->most.tools) },
        [VALUE_POLICY] = { .path = SPAN("policy"), .text = x->deciding.key->policy->version },
        [VALUE_DENIED] = { .path = SPAN("denied"), .text = f->denied.at ? f->denied : SPAN("") } };
    const struct object o = { .name = kind, .id = id, .known = true, .lasting = true, .values = values, .count = VALUES };
    if (!x->arena.broken)
        remembered_keep(x->desk->remembered, side_owner(x), &o, x->times.began_ms + remember_ms);
}

void batch_note(struct exchange *x)
{
    struct form form;
    const char *why;
    struct span type = http_get(x->asking.head, SPAN("content-type")), id = x->answering.settled.object_id;
    if (!operation_of(x) || !operation_of(x)->batch_input || x->asking.opaque || !id.len || !type.at ||
        parts_read(&x->arena, type, buf_span(&x->asking.body), FORM_PARTS, &form, &why) != E_OK)
        return;
    bool batch = false;
    struct span text = SPAN_NONE;
    for (size_t i = 0; i < form.count; i++) {
        if (form.list[i].file.at)
            text = text.at ? SPAN("") : form.list[i].value; /* of two files none is the one */
        else if (span_is(form.list[i].name, SPAN("purpose")))
            batch = span_is(form.list[i].value, SPAN("batch"));
    }
    struct file f = { .model = SPAN_NONE };
    if (!batch || !text.len)
        return;
    read_lines(x, text, &f);
    if (!f.unread && f.lines)
        keep_seen(x, id, &f);
}

static bool find(struct exchange *x, struct span file, struct object *out)
{
    const struct object_read read = { .name = kind, .id = file, .remember_ms = remember_ms };
    return x->deciding.credential && remembered_object(x->desk->remembered, side_owner(x), &read, x->times.began_ms, &x->arena, out) && out->count == VALUES;
}

struct span batch_model(struct exchange *x, struct span file)
{
    struct object o;
    return find(x, file, &o) ? o.values[VALUE_MODEL].text : SPAN_NONE;
}

struct metered_most batch_most(struct exchange *x, struct span file)
{
    struct metered_most m = { .input = -1, .output = -1, .usd = -1 };
    struct object o;
    if (!find(x, file, &o) || !span_to_i64(o.values[VALUE_USD].text, &m.usd) || !span_to_i64(o.values[VALUE_INPUT].text, &m.input) ||
        !span_to_i64(o.values[VALUE_OUTPUT].text, &m.output) || !span_to_i64(o.values[VALUE_TOOLS].text, &m.tools))
        return (struct metered_most){ .input = -1, .output = -1, .usd = -1 };
    return m;
}

/* ---- what the policy says of the lines ---- */

/* What a batch says of its calls: where all of them go (the vendor takes no other), and the file that they stand in. */
static void read_batch(struct exchange *x, struct span *endpoint, struct span *file)
{
    struct json_value v;
    const char *why;
    struct span where;
    *endpoint = *file = SPAN_NONE;
    if (json_parse(x->desk->json, buf_span(&x->asking.body), false, &v, &why) != E_OK || json_canonical(v, &where) != E_OK)
        return;
    *endpoint = arena_copy(&x->arena, json_string(json_member(v, SPAN("endpoint"))));
    *file = arena_copy(&x->arena, json_string(json_member(v, SPAN("input_file_id"))));
}

/* The operation of the calls, as one of them would be made. Azure leaves the version out ("/chat/completions"). */
static const struct operation *called(struct exchange *x, struct span path, struct matched *hit)
{
    const struct vendor *v = &x->deciding.upstream->vendor;
    if (!path.len)
        return NULL;
    if (vendor_match(v, SPAN("POST"), path, hit))
        return hit->operation;
    struct span whole = arena_print(&x->arena, "/v1%.*s", SPAN_ARG(path));
    return whole.at && vendor_match(v, SPAN("POST"), whole, hit) ? hit->operation : NULL;
}

static enum next refuse_lines(struct exchange *x, struct span denied)
{
    bool parameter = span_starts(denied, err_code(E_PARAMETER_DENIED)), operation = span_starts(denied, err_code(E_OPERATION_DENIED));
    enum err e = parameter ? E_PARAMETER_DENIED : operation ? E_OPERATION_DENIED : E_BAD_REQUEST;
    ptrdiff_t end = span_find_byte(denied, ' ');
    return fail_span(x, e, span_from(denied, (size_t)end + 1));
}

/* The policy has rules on what was not seen of the calls. */
static enum next refuse_unseen(struct exchange *x, enum err e, const struct operation *op)
{
    const char *what = e == E_MODEL_DENIED ? "models" : "parameters";
    struct span policy = x->deciding.key->policy->name;
    if (!span_is(operation_of(x)->batch_of, SPAN("file")))
        return fail(x, E_OPERATION_DENIED, "policy %.*s has rules on %s of %.*s, and the gate cannot read the calls of this batch: make them one by one",
            SPAN_ARG(policy), what, SPAN_ARG(op->name));
    return fail(x, e,
        "policy %.*s has rules on %s of %.*s, and the batch's file was not seen under it: upload it through the gate with a key of this policy first (at most %lld bytes)",
        SPAN_ARG(policy), what, SPAN_ARG(op->name), (long long)x->snapshot->settings.limits.body_bytes);
}

static enum err judge_model(struct exchange *x, const struct operation *op, struct span model, struct span *why)
{
    const struct facts f = { .vendor = x->facts.vendor, .operation = op->name, .model = model };
    return policy_model(x->deciding.key->policy, &f, &x->arena, why);
}

static enum err judge_request(struct exchange *x, struct span body, const struct matched *hit, struct span *why)
{
    struct ask ask = { .output_limit = -1 };
    *why = SPAN("it cannot be read");
    if (raw_kind(body) != JSON_OBJECT || !read_line(x, body, hit, &ask))
        return E_BAD_REQUEST;
    enum err e = judge_model(x, hit->operation, ask.model, why);
    return e ? e : judge_line(x, body, hit, why);
}

/* They stand in the body itself, as Anthropic's do; or else nobody reads them. */
static enum next judge_requests(struct exchange *x, const struct matched *hit)
{
    struct span list = raw_member(span_trim(buf_span(&x->asking.body)), SPAN("requests"), &x->arena), name, item, why;
    bool parameters = rules_parameters(x->deciding.key->policy, hit->operation->name);
    size_t count = 0;
    if (!parameters && !x->deciding.key->policy->models_given)
        return NEXT;
    if (raw_kind(list) != JSON_ARRAY)
        return refuse_unseen(x, parameters ? E_PARAMETER_DENIED : E_MODEL_DENIED, hit->operation);
    for (struct raw_iter it = raw_iter(list, &x->arena); raw_next(&it, &name, &item);) {
        struct arena_mark mark = arena_mark(&x->arena);
        count++;
        enum err e = judge_request(x, raw_member(item, SPAN("params"), &x->arena), hit, &why);
        if (e)
            return fail(x, e, "request %zu of the batch: %.*s", count, SPAN_ARG(why));
        arena_rewind(&x->arena, mark);
    }
    return NEXT;
}

/* They stand in a file, which was seen when it went up, or was not. */
static enum next judge_file(struct exchange *x, struct span file, const struct operation *op)
{
    const struct policy *p = x->deciding.key->policy;
    struct span why = SPAN_NONE;
    struct object o;
    bool seen = file.len && find(x, file, &o), model_judged = x->facts.model.at;
    if (!model_judged && !seen && p->models_given)
        return refuse_unseen(x, E_MODEL_DENIED, op);
    enum err e = model_judged || !seen ? E_OK : judge_model(x, op, o.values[VALUE_MODEL].text, &why);
    if (e)
        return fail_span(x, e, why);
    if (seen && span_is(o.values[VALUE_POLICY].text, p->version))
        return o.values[VALUE_DENIED].text.len ? refuse_lines(x, o.values[VALUE_DENIED].text) : NEXT;
    return rules_parameters(p, op->name) ? refuse_unseen(x, E_PARAMETER_DENIED, op) : NEXT;
}

enum next batch_permit(struct exchange *x)
{
    struct span path = operation_of(x)->batch_of, file = SPAN_NONE, why = SPAN_NONE;
    struct matched hit;
    struct facts f;
    if (!path.at || (x->doubt && x->doubt->late))
        return NEXT;
    bool inside = span_starts(path, SPAN("/"));
    if (!inside)
        read_batch(x, &path, &file);
    const struct operation *op = called(x, path, &hit);
    if (!op)
        return fail(x, E_OPERATION_DENIED, "endpoint is none that is known here, so nobody can tell whether its calls are allowed");
    enum err e = judge_operation(x, op, &f, &why);
    if (e)
        return fail_span(x, e, why);
    return inside ? judge_requests(x, &hit) : judge_file(x, file, op);
}

/* SPDX-License-Identifier: Apache-2.0
 * hook.c - the vendor's calls to us: compiling the manifest's `hook`, and what an event is about.
 *
 *   hook:
 *     signature: { kind: stripe, header: stripe-signature, within: 5m }      or twilio, svix, hmac: hook_check.c
 *     id: answer.id                                                         to take each event once
 *     type: answer.type                                                     what the rules below are chosen by
 *     callback: { parameter: StatusCallback, for: ["POST /messages"] }      where calls tell the vendor to call back
 *     events: { "charge.dispute.*": { kind: dispute, objects: [answer.data.object.charge], usd: ..., asks_again: true } }
 * Rules see the event as `answer.`, its header fields and its query. An event without a rule is only noted. */
#include "vendor/compile.h"
#include "vendor/hook.h"

enum { EVENT_MOST = 4 << 20, QUERY_MOST = 100 /* parameters */ };
static const int64_t within_least_ms = 1000, within_most_ms = INT64_C(24) * 3600 * 1000;

/* ---- compiling: the signature ---- */

static bool placed_text(struct compiler *c, const struct node *n, const struct hook_signature *s)
{
    static const char allowed[] = "a text with {body} and perhaps {timestamp}, {url}, {method}: \"v0:{timestamp}:{body}\"";
    struct span rest = s->text, before, name;
    bool body = false, time = false;
    while (span_cut(&rest, '{', &before)) {
        bool known = span_cut(&rest, '}', &name) && (span_is(name, SPAN("url")) || span_is(name, SPAN("method")) ||
                                                        span_is(name, SPAN("body")) || span_is(name, SPAN("timestamp")));
        if (!known)
            return say(c, n, "hook.signature.text", s->text, allowed);
        body |= span_is(name, SPAN("body"));
        time |= span_is(name, SPAN("timestamp"));
    }
    if (time != (s->timestamp.at != NULL))
        return say(
            c, n, "hook.signature.timestamp", s->timestamp, "the header field of the time, where the text has {timestamp}");
    return body || say(c, n, "hook.signature.text", s->text, allowed);
}

static bool hmac_read(struct compiler *c, const struct node *n, struct hook_signature *s)
{
    static const char *const hashes[] = { "sha256", "sha1", "sha512", NULL }, *const encodings[] = { "hex", "base64", NULL };
    static const char *const clocks[] = { "unix", "unix_ms", NULL };
    static const enum clock kinds[] = { CLOCK_UNIX, CLOCK_UNIX_MS };
    int hash = 0, encoding = 0, clock = 0;
    s->text = SPAN("{body}");
    s->prefix = SPAN("");
    if (!node_choice(node_get(n, "hash"), "hook.signature.hash", hashes, &hash, c->trouble) ||
        !node_choice(node_get(n, "encoding"), "hook.signature.encoding", encodings, &encoding, c->trouble) ||
        !node_choice(node_get(n, "clock"), "hook.signature.clock", clocks, &clock, c->trouble) ||
        !node_span(node_get(n, "prefix"), "hook.signature.prefix", &s->prefix, c->trouble) ||
        !node_span(node_get(n, "text"), "hook.signature.text", &s->text, c->trouble) ||
        !header_name_read(c, node_get(n, "timestamp"), "hook.signature.timestamp", &s->timestamp))
        return false;
    s->hash = (enum hook_hash)hash;
    s->base64 = encoding == 1;
    s->clock = kinds[clock];
    return placed_text(c, n, s);
}

/* What only `hmac` has is a fault elsewhere: it would not be looked at. */
static bool signature_only(struct compiler *c, const struct node *n, enum hook_kind kind)
{
    static const char *const plain[] = { "kind", "header", "within", NULL };
    static const char *const full[] = { "kind", "header", "within", "hash", "encoding", "prefix", "text", "timestamp", "clock",
        NULL };
    return node_only(n, "hook.signature", kind == HOOK_HMAC ? full : plain, c->trouble);
}

static bool signature_read(struct compiler *c, const struct node *hook, const struct node *n, struct hook_signature *s)
{
    static const char *const kinds[] = { "stripe", "twilio", "svix", "hmac", NULL };
    const struct span usual[] = { SPAN("stripe-signature"), SPAN("x-twilio-signature"), SPAN("svix-signature"), SPAN_NONE };
    const struct node *kind = node_get(n, "kind"), *within = node_get(n, "within"), *header = node_get(n, "header");
    int chosen = HOOK_STRIPE;
    if (!n || n->kind != NODE_MAP || !kind)
        return say(c, n ? n : hook, "hook.signature", SPAN_NONE, "a map: kind (stripe, twilio, svix, hmac), header, within");
    if (!node_choice(kind, "hook.signature.kind", kinds, &chosen, c->trouble) || !signature_only(c, n, (enum hook_kind)chosen))
        return false;
    s->kind = (enum hook_kind)chosen;
    s->header = usual[chosen];
    s->within_ms = 300000;
    s->timestamp = SPAN_NONE;
    if (!header_name_read(c, header, "hook.signature.header", &s->header) ||
        !node_duration(within, "hook.signature.within", &s->within_ms, c->trouble))
        return false;
    if (!s->header.at || (s->kind == HOOK_SVIX && !span_ends(s->header, SPAN("-signature"))))
        return say(c, header ? header : n, "hook.signature.header", s->header, "the header field that the signature stands in");
    if (s->within_ms < within_least_ms || s->within_ms > within_most_ms)
        return say(c, within, "hook.signature.within", within->text, "1s to 24h");
    return s->kind != HOOK_HMAC || hmac_read(c, n, s);
}

/* ---- compiling: events ---- */

/* Where an event says something: there is no request that it could look at. */
static bool event_field(struct compiler *c, const struct node *n, const char *path, struct field *out)
{
    return one_field(c, n, path, out) && (out->root == ROOT_ANSWER || out->root == ROOT_HEADER || out->root == ROOT_QUERY ||
                                             say(c, n, path, n->text, "a field of the event: answer., header. or query."));
}

static bool objects_of(struct compiler *c, const struct node *n, const char *path, struct fields *out)
{
    const struct node *at = n && n->kind == NODE_LIST ? n->first : n;
    size_t count = n && n->kind == NODE_LIST ? n->count : n != NULL;
    if (count > HOOK_OBJECTS)
        return say(c, n, path, SPAN_NONE, "at most 8 fields of the event");
    out->list = ARENA_ARRAY(c->arena, struct field, count + 1);
    if (!out->list)
        return say_memory(c, n);
    for (; at && out->count < count; at = at->next, out->count++)
        if (!event_field(c, at, item(c, path, out->count), &out->list[out->count]))
            return false;
    return true;
}

static bool usd_read(struct compiler *c, const struct node *n, const char *path, const struct expr **out)
{
    static const enum root nowhere[] = { ROOT_BODY, ROOT_PATH, ROOT_OBJECT, ROOT_ARGUMENT };
    if (!n)
        return true;
    if (!one_rule(c, n, path, out))
        return false;
    for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++)
        if (expr_looks_at(*out, nowhere[i]))
            return say(c, n, path, n->text, "a rule about the event: answer., header., query., setting.");
    return true;
}

static bool event_read(struct compiler *c, const struct node *n, struct hook_rule *out)
{
    static const char *const names[] = { "kind", "objects", "usd", "asks_again", NULL };
    const char *path = below(c, "hook.events", n->name);
    out->type = n->name;
    out->kind = SPAN_NONE;
    if (n->kind != NODE_MAP)
        return say(c, n, path, n->text, "a map: kind, objects, usd, asks_again");
    return node_only(n, path, names, c->trouble) &&
           node_span(node_get(n, "kind"), below(c, path, SPAN("kind")), &out->kind, c->trouble) &&
           objects_of(c, node_get(n, "objects"), below(c, path, SPAN("objects")), &out->objects) &&
           usd_read(c, node_get(n, "usd"), below(c, path, SPAN("usd")), &out->usd) &&
           node_bool(node_get(n, "asks_again"), below(c, path, SPAN("asks_again")), &out->asks_again, c->trouble);
}

static bool events_read(struct compiler *c, const struct node *hook, const struct node *n, struct hook_rules *h)
{
    if (!n || n->kind != NODE_MAP || !n->count)
        return say(c, n ? n : hook, "hook.events", SPAN_NONE, "a map of types, with * for any run of characters, to rules");
    h->events = ARENA_ARRAY(c->arena, struct hook_rule, n->count);
    if (!h->events)
        return say_memory(c, n);
    for (const struct node *at = n->first; at; at = at->next)
        if (!event_read(c, at, &h->events[h->event_count++]))
            return false;
    return true;
}

/* ---- compiling: callbacks ---- */

static bool callback_read(struct compiler *c, const struct node *n, struct hook_rules *h)
{
    static const char *const names[] = { "parameter", "for", NULL };
    struct span *calls = NULL;
    size_t count = 0;
    h->parameter = SPAN_NONE;
    h->calls_back = ARENA_ARRAY(c->arena, bool, c->manifest->operation_count);
    if (!h->calls_back)
        return say_memory(c, n);
    if (!n)
        return true;
    if (n->kind != NODE_MAP || !node_get(n, "parameter") || !node_get(n, "for"))
        return say(c, n, "hook.callback", n->text, "a map: parameter, for");
    if (!node_only(n, "hook.callback", names, c->trouble) ||
        !node_span(node_get(n, "parameter"), "hook.callback.parameter", &h->parameter, c->trouble) ||
        !node_spans(c->arena, node_get(n, "for"), "hook.callback.for", &calls, &count, c->trouble))
        return false;
    return calls_fit(c, node_get(n, "for"), "hook.callback.for", calls, count, h->calls_back);
}

bool hook_read(struct compiler *c, const struct node *n)
{
    static const char *const names[] = { "signature", "id", "type", "callback", "events", NULL };
    if (!n)
        return true;
    if (n->kind != NODE_MAP)
        return say(c, n, "hook", n->text, "a map: signature, id, type, callback, events");
    struct hook_rules *h = ARENA_NEW(c->arena, struct hook_rules);
    if (!h)
        return say_memory(c, n);
    const struct node *id = node_get(n, "id"), *type = node_get(n, "type");
    h->has_id = id != NULL;
    h->has_type = type != NULL;
    c->manifest->hook = h;
    c->vendor->hooked = true;
    return node_only(n, "hook", names, c->trouble) && signature_read(c, n, node_get(n, "signature"), &h->signature) &&
           (!id || event_field(c, id, "hook.id", &h->id)) && (!type || event_field(c, type, "hook.type", &h->type)) &&
           callback_read(c, node_get(n, "callback"), h) && events_read(c, n, node_get(n, "events"), h);
}

struct span vendor_callback_parameter(const struct vendor *v, const struct operation *op)
{
    const struct hook_rules *h = v->manifest->hook;
    return h && h->calls_back[op->index] ? h->parameter : SPAN_NONE;
}

/* ---- reading an event ---- */

/* A form as a JSON object of texts, so that rules see `answer.MessageSid`. */
static struct span form_as_json(struct span text, struct arena *a)
{
    struct pairs p;
    struct buf b;
    if (!hook_form(text, a, &p))
        return SPAN_NONE;
    buf_init(&b, EVENT_MOST);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    for (size_t i = 0; i < p.count; i++)
        json_pair(&o, p.list[i].name, p.list[i].value);
    json_close(&o, '}');
    struct span json = b.broken ? SPAN_NONE : arena_copy(a, buf_span(&b));
    buf_free(&b);
    return json;
}

/* A call without a body (a GET) says all in its query. */
static struct span event_text(const struct hook_request *r, struct arena *a)
{
    struct span type = http_get(r->head, SPAN("content-type"));
    if (!r->body.len)
        return form_as_json(r->query, a);
    return type.at && http_is_type(type, SPAN("application/x-www-form-urlencoded")) ? form_as_json(r->body, a) : r->body;
}

static bool read_event(struct json *j, const struct hook_request *r, struct arena *a, struct json_value *out, const char **why)
{
    struct span text = event_text(r, a);
    *why = "the event is larger than allowed, or no form";
    return text.at && text.len <= EVENT_MOST && json_parse(j, text, false, out, why) == E_OK;
}

static bool take_first(void *self, const struct found *f)
{
    if (!f->text.len)
        return true;
    *(struct span *)self = f->text;
    return false;
}

static struct span text_at(const struct field *f, struct subject *s)
{
    struct span text = SPAN_NONE;
    field_each(f, s, take_first, &text);
    return arena_copy(s->arena, text);
}

static bool take_object(void *self, const struct found *f)
{
    struct hook_event *out = self;
    bool fits = f->text.len && out->object_count < HOOK_OBJECTS;
    for (size_t i = 0; i < out->object_count; i++)
        fits = fits && !span_is(out->objects[i], f->text);
    if (fits)
        out->objects[out->object_count++] = f->text;
    return true;
}

/* The type as it is written goes before patterns, those in their order. */
static const struct hook_rule *rule_for(const struct hook_rules *h, struct span type)
{
    for (size_t i = 0; i < h->event_count; i++)
        if (span_is(h->events[i].type, type))
            return &h->events[i];
    for (size_t i = 0; i < h->event_count; i++)
        if (span_like(type, h->events[i].type))
            return &h->events[i];
    return NULL;
}

static void apply(const struct hook_rule *rule, struct eval *e, struct hook_event *out)
{
    out->kind = rule->kind;
    out->asks_again = rule->asks_again;
    for (size_t i = 0; i < rule->objects.count; i++)
        field_each(&rule->objects.list[i], e->subject, take_object, out);
    for (size_t i = 0; i < out->object_count; i++)
        out->objects[i] = arena_copy(e->subject->arena, out->objects[i]);
    struct value v = rule->usd ? value_number(expr_run(e, rule->usd)) : value_of(0);
    out->cost_known = v.kind == VALUE_NUMBER;
    out->usd = out->cost_known ? v.nano : 0;
}

enum err vendor_hook_read(struct json *j, const struct vendor *v, const struct hook_request *r, const struct node *settings,
    const struct fx *fx, struct arena *a, struct hook_event *out, const char **why)
{
    const struct hook_rules *h = v->manifest->hook;
    struct matched none = { 0 };
    const char *ignored;
    struct asked asked = { .vendor = v, .matched = &none, .head = r->head, .query = r->query, .settings = settings, .fx = fx };
    struct subject s = { .asked = &asked, .arena = a, .has_answer = true };
    struct eval e = { .subject = &s, .manifest = v->manifest };
    *out = (struct hook_event){ .id = SPAN_NONE, .type = SPAN_NONE, .kind = SPAN_NONE };
    *why = "this vendor has no hooks";
    if (!h || !read_event(j, r, a, &s.answer, why))
        return E_BAD_REQUEST;
    if (canon_form(a, r->query, NULL, 0, QUERY_MOST, &s.query, &ignored) != E_OK)
        s.query = (struct pairs){ 0 }; /* what cannot be read in one way only says nothing */
    out->id = h->has_id ? text_at(&h->id, &s) : SPAN_NONE;
    out->type = h->has_type ? text_at(&h->type, &s) : SPAN_NONE;
    const struct hook_rule *rule = rule_for(h, out->type.at ? out->type : SPAN(""));
    if (rule)
        apply(rule, &e, out);
    *why = "the event needs more memory than a call has";
    return a->broken ? E_TOO_LARGE : E_OK;
}

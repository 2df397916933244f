/* SPDX-License-Identifier: Apache-2.0
 * manifest_fuzz.c - manifests by strangers: compiled or explained; one that compiles serves a call, composes its head and
 * settles without harm. */
#include "vendor/vendor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What became of a call: whatever the manifest says, an answer without objects never proves that it happened. */
static void use_doubt(struct json *j, const struct asked *q, const struct understood *u, const struct http_head *answer, struct arena *a)
{
    static const struct span empty = { "{\"data\":[],\"more\":false}", 24 };
    static const struct span list = { "{\"data\":[{\"id\":\"x\",\"a\":\"1\",\"at\":1795262400}],\"more\":null}", 57 };
    struct look_up l;
    struct settled s;
    struct matched m;
    if (vendor_look_up(j, q, u, INT64_C(1795262400000), a, &l))
        must(q->matched->operation->look_up && vendor_match(q->vendor, SPAN("GET"), l.path, &m) && !m.operation->moves_money);
    must(vendor_looked_up(j, q, u, INT64_C(1795262400000), answer, empty, a, &s) != LOOK_UP_HAPPENED);
    if (vendor_looked_up(j, q, u, INT64_C(1795262400000), answer, list, a, &s) == LOOK_UP_HAPPENED)
        must(q->matched->operation->look_up);
    if (vendor_asked_again(j, q, u, answer, list, a, &s) != LOOK_UP_UNCLEAR)
        must(q->matched->operation->idempotent);
}

/* Objects that the call wants read, one behind the other: a read is one of the manifest's that costs nothing, and there is an end. */
static enum err use_objects(struct json *j, struct asked *q, struct arena *a, struct understood *u, struct span *why)
{
    struct span told = SPAN("{\"id\":\"x\",\"a\":{\"b\":[1,\"2\"]},\"c\":\"x\"}"), other = SPAN("{\"a\":null,\"c\":\"1\"}");
    struct object held[VENDOR_OBJECTS];
    struct matched m;
    q->read_objects = true;
    q->objects = held;
    for (size_t reads = 0;; reads++) {
        enum err e = vendor_understand(j, q, a, u, why);
        if (e || !u->wanted.name.at) {
            q->objects = NULL; /* they do not outlive this */
            q->object_count = 0;
            return e;
        }
        must(reads < 2 * VENDOR_OBJECTS);
        must(vendor_match(q->vendor, SPAN("GET"), u->wanted.path, &m) && !m.operation->moves_money && !m.operation->secret);
        size_t at = 0;
        while (at < q->object_count && !span_is(held[at].name, u->wanted.name))
            at++;
        must(at < VENDOR_OBJECTS && u->wanted.anew == (at < q->object_count));
        bool known = vendor_object(j, q->vendor, &u->wanted, 200, reads % 2 ? other : told, a, &held[at]);
        must(known == held[at].known && (known || !held[at].lasting));
        held[at].remembered = held[at].lasting && !u->wanted.anew;
        q->object_count += at == q->object_count;
    }
}

/* What comes after the answer: a late price is asked for by a read that costs nothing; what is hidden stays JSON; nobody without the
 * secret signs a call to us. */
static void use_rest(struct json *j, const struct asked *q, const struct understood *u, const struct http_head *answer, struct arena *a)
{
    static const struct span body = { "{\"id\":\"x\",\"a\":[1,{\"b\":\"c\"}],\"price\":\"-0.1\",\"metadata\":{\"a\":null}}", 65 };
    struct late late;
    struct matched m;
    struct settled s;
    struct json_value root;
    struct buf out;
    struct hook_event event;
    struct hook_request call = { .head = answer, .body = body, .url = SPAN("https://g.example/hooks"), .query = SPAN("a=1"), .secret = SPAN("s") };
    const char *why;
    if (vendor_late(q, u, SPAN("x"), a, &late))
        must(q->matched->operation->late && late.times > 0 && vendor_match(q->vendor, SPAN("GET"), late.path, &m) && !m.operation->moves_money);
    if (vendor_late_answer(j, q, u, answer, body, a, &s) == LOOK_UP_HAPPENED)
        must(s.known && q->matched->operation->late);
    buf_init(&out, 1u << 20);
    must(vendor_guard(j, q->vendor, q->matched->operation, body, &out));
    must(json_parse(j, buf_span(&out), false, &root, &why) == E_OK);
    buf_free(&out);
    must(vendor_hook_verify(q->vendor, &call, a, &why) == E_KEY_UNKNOWN);
    must(vendor_hook_read(j, q->vendor, &call, NULL, NULL, a, &event, &why) != E_OK || q->vendor->hooked);
}

/* The secret in its place: the body stays what it is, the caller's key is gone from it; a token is asked for and read. */
static void use_send(struct json *j, const struct compose *c, struct span body, struct arena *a)
{
    const struct vendor *v = c->vendor;
    const struct operation *op = c->matched->operation;
    struct json_value root;
    struct span token, why;
    const char *fault;
    int64_t lasts;
    struct buf request;
    struct span dressed = vendor_dress_body(j, v, op, body, c->secret, a);
    must(dressed.at || a->broken);
    if (dressed.at && op->body == BODY_JSON)
        must(json_parse(j, dressed, false, &root, &fault) == E_OK);
    vendor_body_key(j, v, c->head, body, a);
    if (!v->brokered)
        return;
    buf_init(&request, 1u << 20);
    must(vendor_token_request(v, c->secret, c->now_ms, &request) < 64);
    must(span_find(buf_span(&request), SPAN("\r\n\r\ngrant_type=")) > 0 || request.broken);
    must(vendor_token_answer(j, 200, SPAN("{\"access_token\":\"t\"}"), a, &token, &lasts, &why) || a->broken);
    buf_free(&request);
}

/* A call of every operation, its template taken for a path. */
static void use(const struct vendor *v, struct json *j, struct arena *a)
{
    struct http_field fields[] = { { SPAN("content-type"), SPAN("application/json") },
        { SPAN("authorization"), SPAN("Basic QUM6dGc=") } };
    struct http_head head = { .method = SPAN("POST"), .status = 200, .fields = fields, .count = 2, .length = -1 };
    struct vendor_secret secret = { .secret = SPAN("s"), .account = SPAN("AC1"), .key_id = SPAN("id") };
    size_t count;
    const struct operation *all = vendor_operations(v, &count);
    for (size_t i = 0; i < count && i < 8; i++) {
        struct matched m;
        struct understood u;
        struct settled s;
        struct span why;
        struct buf out;
        if (!vendor_match(v, all[i].method, all[i].path, &m))
            continue;
        fields[0].value = m.operation->body == BODY_FORM ? SPAN("application/x-www-form-urlencoded") : SPAN("application/json");
        struct span body =
            m.operation->body == BODY_FORM ? SPAN("a=1&b[c]=2&d[]=3") : SPAN("{\"a\":1,\"b\":{\"c\":\"x\"},\"d\":[1,{\"a\":2}]}");
        if (m.operation->fields) {
            body = SPAN("{\"query\":\"mutation($a: X) { a(a: $a, input: {b: 1, c: [{d: 2}]}) { id } }\",\"variables\":{\"a\":{\"b\":\"x\"}}}");
            if (vendor_refine(j, v, body, a, &m, &why) != E_OK)
                body = SPAN("{\"a\":1}");
        }
        struct asked q = {
            .vendor = v, .matched = &m, .head = &head, .query = SPAN("a=1&key=2"), .body = body, .account = SPAN("AC1")
        };
        struct compose c = {
            .vendor = v, .matched = &m, .head = &head, .path = all[i].path, .query = SPAN("a=1"), .length = 1, .secret = &secret, .once = SPAN("tg-1"),
            .token = SPAN("t"), .body = i & 1 ? SPAN("x") : SPAN("xy"), .now_ms = 1795262400000
        };
        if (use_objects(j, &q, a, &u, &why) == E_OK) {
            vendor_settle(j, &q, &u, &head, SPAN("{\"id\":\"x\",\"a\":[1,2],\"price\":\"-0.1\"}"), a, &s);
            use_doubt(j, &q, &u, &head, a);
            use_rest(j, &q, &u, &head, a);
        }
        buf_init(&out, 1u << 20);
        must(vendor_compose(&c, a, &out) < 64);
        must(span_find(buf_span(&out), SPAN("\r\n\r\n")) > 0 || out.broken);
        buf_free(&out);
        use_send(j, &c, body, a);
    }
    vendor_presented_key(v, &head, SPAN("key=1"), a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json *j;
    struct arena a;
    struct node *root;
    struct vendor v;
    struct trouble t = { 0 };
    if (!j)
        j = json_new();
    must(j);
    arena_init(&a, 64u << 20);
    enum err e = node_read_yaml(&a, "fuzz.yaml", span_make((const char *)data, size), &root, &t);
    e = e ? e : vendor_read(&a, root, SPAN_NONE, &v, &t);
    if (e == E_OK)
        use(&v, j, &a);
    else
        must(t.set && t.text[0]);
    arena_free(&a);
    return 0;
}

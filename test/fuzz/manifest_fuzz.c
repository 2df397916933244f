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

/* A call of every operation, its template taken for a path. */
static void use(const struct vendor *v, struct json *j, struct arena *a)
{
    struct http_field fields[] = { { SPAN("content-type"), SPAN("application/json") },
        { SPAN("authorization"), SPAN("Basic QUM6dGc=") } };
    struct http_head head = { .method = SPAN("POST"), .status = 200, .fields = fields, .count = 2, .length = -1 };
    struct vendor_secret secret = { .secret = SPAN("s"), .account = SPAN("AC1") };
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
        struct asked q = {
            .vendor = v, .matched = &m, .head = &head, .query = SPAN("a=1&key=2"), .body = body, .account = SPAN("AC1")
        };
        struct compose c = {
            .vendor = v, .matched = &m, .head = &head, .path = all[i].path, .query = SPAN("a=1"), .length = 1, .secret = &secret, .once = SPAN("tg-1")
        };
        if (vendor_understand(j, &q, a, &u, &why) == E_OK) {
            vendor_settle(j, &q, &u, &head, SPAN("{\"id\":\"x\",\"a\":[1,2],\"price\":\"-0.1\"}"), a, &s);
            use_doubt(j, &q, &u, &head, a);
        }
        buf_init(&out, 1u << 20);
        must(vendor_compose(&c, a, &out) < 64);
        must(span_find(buf_span(&out), SPAN("\r\n\r\n")) > 0 || out.broken);
        buf_free(&out);
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

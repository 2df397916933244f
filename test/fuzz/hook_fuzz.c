/* SPDX-License-Identifier: Apache-2.0
 * hook_fuzz.c - calls by strangers to where vendors call us: nothing that was not signed is taken, whatever is in the field of the
 * signature (the first line) and in the body; and a body is read as an event or refused with a reason. */
#include "vendor/vendor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MANIFEST(signature)                                                                                              \
    "vendor: v\nbase_url: https://v.example\nkey_in: bearer\nsend: bearer\noperations: { a: POST /a }\n"                   \
    "hook: { signature: " signature ", id: answer.id, type: answer.type, events: { \"a.*\": { kind: k, usd: answer.usd }, "     \
    "\"*\": { objects: [answer.**.id, query.call] } } }\n"

static const char *const manifests[] = { MANIFEST("{ kind: stripe }"), MANIFEST("{ kind: twilio, header: stripe-signature }"),
    MANIFEST("{ kind: svix, header: stripe-signature }"), MANIFEST("{ kind: hmac, header: stripe-signature, encoding: base64 }") };
enum { KINDS = sizeof(manifests) / sizeof(manifests[0]) };

/* Compiled by the first run, for all of them. */
static struct vendor vendors[KINDS];

static void compile_all(void)
{
    static struct arena a;
    struct node *root;
    struct trouble t = { .set = false };
    arena_init(&a, 64u << 20);
    for (size_t i = 0; i < KINDS; i++)
        must(node_read_yaml(&a, "hook.yaml", span_of(manifests[i]), &root, &t) == E_OK &&
             vendor_read(&a, root, SPAN_NONE, &vendors[i], &t) == E_OK);
}

static void call(struct json *j, const struct vendor *v, const struct hook_request *r)
{
    struct arena a;
    struct hook_event event;
    const char *why = NULL;
    arena_init(&a, 64u << 20);
    must(vendor_hook_verify(v, r, &a, &why) == E_KEY_UNKNOWN && why);
    if (vendor_hook_read(j, v, r, NULL, NULL, &a, &event, &why) == E_OK)
        must(event.object_count <= HOOK_OBJECTS);
    arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span body = span_make((const char *)data, size), line = SPAN("");
    struct json *j = json_new();
    must(j);
    if (!vendors[0].manifest)
        compile_all();
    if (!span_cut(&body, '\n', &line))
        body = SPAN("");
    struct http_field fields[] = { { SPAN("stripe-signature"), line }, { SPAN("svix-id"), SPAN("") }, { SPAN("stripe-id"), SPAN("1") },
        { SPAN("stripe-timestamp"), SPAN("1700000000") },
        { SPAN("content-type"), size % 2 ? SPAN("application/json") : SPAN("application/x-www-form-urlencoded") } };
    struct http_head head = { .method = SPAN("POST"), .fields = fields, .count = 5, .length = -1 };
    struct hook_request r = { .head = &head,
        .body = body,
        .url = SPAN("https://gate.example/hooks/v/main"),
        .query = line,
        .secret = SPAN("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        .now_ms = INT64_C(1700000000000) };
    for (size_t i = 0; i < KINDS; i++)
        call(j, &vendors[i], &r);
    json_free(j);
    return 0;
}

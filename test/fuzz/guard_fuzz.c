/* SPDX-License-Identifier: Apache-2.0
 * guard_fuzz.c - guards by strangers over texts by strangers: a list is refused with a reason or judges any body, the same way twice, in
 * bounded time; and what it rewrites is JSON again.
 *
 * Input: the list in the first line, the body behind it. */
#include "base/clock.h"
#include "guard/guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(struct json *j, const struct guard_set *s, struct span body, bool answer, struct arena *a)
{
    struct guard_text t = { .model = SPAN("gpt-5"), .request_type = SPAN("chatComplete"), .metadata = SPAN("{\"team\":\"red\"}") };
    struct guard_result one, two;
    struct buf out;
    const char *why;
    struct json_value root;
    enum err e = guard_texts(j, body, answer, a, &t);
    t.json = j;
    if (e != E_OK || json_parse(j, body, true, &root, &why) != E_OK) /* json_scan does not look at all escapes */
        return;
    int64_t began = clock_monotonic_ns();
    must(guard_run(s, &t, a, &one));
    must(clock_monotonic_ns() - began < INT64_C(5000000000));
    must(guard_run(s, &t, a, &two));
    must(one.count == two.count && (!one.denied || one.why.at));
    buf_init(&out, 64u << 20);
    must(guard_splice(body, &t, &one, &out));
    must(json_parse(j, buf_span(&out), true, &root, &why) == E_OK);
    buf_clear(&out);
    guard_write_hooks(&one, &two, &out);
    must(json_parse(j, buf_span(&out), true, &root, &why) == E_OK);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json *j;
    struct arena a;
    struct buf body;
    struct node *n;
    struct guard_set *s;
    struct trouble t = { .set = false };
    struct span rest = span_make((const char *)data, size), list;
    if (!j)
        j = json_new();
    if (!span_cut(&rest, '\n', &list))
        return 0;
    arena_init(&a, 512u << 20);
    buf_init(&body, 1u << 20);
    buf_put(&body, rest);
    if (!body.broken && node_read_json(&a, "", list, &n, &t) == E_OK) {
        enum err e = guard_read(&a, n, "guards", &s, &t);
        must(e == E_OK || t.set || a.broken);
        if (e == E_OK) {
            judge(j, s, buf_span(&body), false, &a);
            judge(j, s, buf_span(&body), true, &a);
        }
    }
    buf_free(&body);
    arena_free(&a);
    return 0;
}

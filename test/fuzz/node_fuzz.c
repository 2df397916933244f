/* SPDX-License-Identifier: Apache-2.0
 * node_fuzz.c - one text as YAML and as JSON configuration. A refusal says why; a tree survives the way through JSON;
 * merging a tree with itself changes nothing that is not null. */
#include "base/must.h"
#include "base/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct node *n, struct arena *a)
{
    static const char *const names[] = { "name", "budgets", NULL };
    struct trouble t = { 0 };
    struct span s, *all;
    size_t count;
    int64_t value;
    bool flag;
    int choice;
    (void)node_span(n, "x", &s, &t);
    (void)node_i64(n, "x", 0, 10, &value, &t);
    (void)node_bool(n, "x", &flag, &t);
    (void)node_time(n, "x", &value, &t);
    (void)node_duration(n, "x", &value, &t);
    (void)node_size(n, "x", &value, &t);
    (void)node_choice(n, "x", names, &choice, &t);
    (void)node_spans(a, n, "x", &all, &count, &t);
    (void)node_only(n, "x", names, &t);
    for (const struct node *child = n->first; child; child = child->next)
        ask(child, a);
}

static void through_json(struct arena *a, const struct node *root)
{
    struct buf first, second;
    struct node *again;
    struct trouble t = { 0 };
    buf_init(&first, 64 << 20);
    buf_init(&second, 64 << 20);
    node_write_json(root, &first);
    enum err e = node_read_json(a, "", buf_span(&first), &again, &t);
    /* JSON's reader refuses numbers past 64 bits, which YAML's takes as text */
    if (!e) {
        node_write_json(again, &second);
        must(span_is(buf_span(&first), buf_span(&second)));
    } else {
        must(t.set);
    }
    buf_free(&first);
    buf_free(&second);
}

static void check(struct arena *a, enum err e, struct node *root, const struct trouble *t)
{
    must((e == E_OK) == (root != NULL) && (e == E_CONFIG) == t->set);
    if (!root)
        return;
    ask(root, a);
    through_json(a, root);
    must(node_merge(a, root, root) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make((const char *)data, size);
    struct arena a;
    struct node *root;
    struct trouble t = { 0 }, u = { 0 };
    arena_init(&a, 256 << 20);
    enum err e = node_read_yaml(&a, "fuzz.yaml", text, &root, &t);
    check(&a, e, root, &t);
    e = node_read_json(&a, "fuzz.json", text, &root, &u);
    check(&a, e, root, &u);
    arena_free(&a);
    return 0;
}

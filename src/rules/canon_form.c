/* SPDX-License-Identifier: Apache-2.0
 * canon_form.c - form bodies and queries: pairs that can be read in one way only, or a refusal.
 *
 * Names form a tree ("card[number]", "expand[0]", "expand[]"). Every node of that tree must be one thing: a value, a list
 * ("[]") or an object; readers were seen to take the first, the last, a list or nothing when it is two. Written anew from
 * the tree, so that what is forwarded is what was checked. */
#include "base/map.h"
#include "base/text.h"
#include "rules/canon.h"

enum { FORM_DEPTH = 8 };

/* What a node of the name tree was seen to be. */
enum form_node { NODE_VALUE, NODE_REPEATED, NODE_ITEMS, NODE_OBJECT };
static const enum form_node node_marks[] = { NODE_VALUE, NODE_REPEATED, NODE_ITEMS, NODE_OBJECT };

enum { FEW = 16 };

struct form_tree {
    struct span few[FEW]; /* name prefixes: the first ones, which are sooner compared than hashed */
    enum form_node few_kinds[FEW];
    size_t few_count;
    struct map nodes; /* further name prefix -> one of node_marks */
    const char *why;
};

/* NULL: it is new. */
static const enum form_node *find_node(const struct form_tree *t, struct span name)
{
    for (size_t i = 0; i < t->few_count; i++)
        if (span_is(t->few[i], name))
            return &t->few_kinds[i];
    return map_get(&t->nodes, name);
}

static bool add_node(struct form_tree *t, struct span name, enum form_node kind)
{
    if (t->few_count < FEW) {
        t->few[t->few_count] = name;
        t->few_kinds[t->few_count++] = kind;
        return true;
    }
    if (!map_put(&t->nodes, name, (void *)(uintptr_t)&node_marks[kind]))
        t->why = "the form needs more memory than there is";
    return !t->why;
}

static bool note_node(struct form_tree *t, struct span name, enum form_node kind)
{
    const enum form_node *seen = find_node(t, name);
    if (!seen)
        return add_node(t, name, kind);
    if (*seen == kind && kind != NODE_VALUE)
        return true;
    t->why = *seen == kind ? "a parameter is given twice" : "a parameter is given in two shapes (value, list or object)";
    return false;
}

/* One "[key]" at the start of rest: false when the brackets do not nest. */
static bool take_key(struct span *rest, struct span *key)
{
    ptrdiff_t close = span_find_byte(*rest, ']');
    if (rest->at[0] != '[' || close < 0)
        return false;
    *key = span_make(rest->at + 1, (size_t)close - 1);
    *rest = span_from(*rest, (size_t)close + 1);
    return span_find_byte(*key, '[') < 0;
}

/* A reader that makes objects of JavaScript's was seen to write what is below it into all of them, so that the next request had it. */
static bool is_everybodys(struct span key) { return span_is(key, SPAN("__proto__")); }

/* Enters a name and all its prefixes into the tree. */
static bool note_name(struct form_tree *t, struct span name, bool may_repeat)
{
    ptrdiff_t open = span_find_byte(name, '[');
    struct span rest = open < 0 ? span_make(name.at + name.len, 0) : span_from(name, (size_t)open);
    struct span base = span_first(name, name.len - rest.len), key;
    if (base.len == 0 || span_find_byte(base, ']') >= 0) {
        t->why = "a parameter name is empty or its brackets do not nest";
        return false;
    }
    bool strange = is_everybodys(base);
    for (int depth = 1; rest.len; depth++) {
        size_t before = name.len - rest.len;
        if (depth > FORM_DEPTH || !take_key(&rest, &key)) {
            t->why = depth > FORM_DEPTH ? "a parameter nests deeper than 8" : "the brackets of a parameter name do not nest";
            return false;
        }
        if (key.len == 0 && rest.len) {
            t->why = "a list inside a name has no index ([] before the end): give indexes";
            return false;
        }
        if (!note_node(t, span_first(name, before), key.len ? NODE_OBJECT : NODE_ITEMS))
            return false;
        strange = strange || is_everybodys(key);
        if (key.len == 0 && !strange)
            return true; /* an item of a list without indexes: comes as often as it likes */
    }
    if (strange)
        t->why = "a parameter is called __proto__, which some readers take for all objects";
    return !strange && note_node(t, name, may_repeat ? NODE_REPEATED : NODE_VALUE);
}

static bool is_clean(struct span decoded)
{
    return decoded.at && text_is_utf8(decoded) && span_find_byte(decoded, '\0') < 0;
}

static bool is_raw_clean(struct span piece)
{
    for (size_t i = 0; i < piece.len; i++)
        if ((unsigned char)piece.at[i] < 0x20 || piece.at[i] == ';' || piece.at[i] == 0x7f)
            return false;
    return true;
}

static bool read_pair(struct arena *a, struct span piece, struct pair *out, const char **why)
{
    struct span name = piece, value = SPAN("");
    ptrdiff_t equals = span_find_byte(piece, '=');
    if (equals >= 0) {
        name = span_first(piece, (size_t)equals);
        value = span_from(piece, (size_t)equals + 1);
    }
    if (!is_raw_clean(piece)) {
        *why = "the form has a bare ';' or control character";
        return false;
    }
    out->name = text_percent_decode(name, true, a);
    out->value = text_percent_decode(value, true, a);
    if (is_clean(out->name) && is_clean(out->value))
        return true;
    *why = "the form has a broken percent-escape, a NUL or text that is not UTF-8";
    return false;
}

static bool named_in(struct span name, const struct span *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(name, list[i]))
            return true;
    return false;
}

enum err canon_form(struct arena *a, struct span text, const struct span *repeat, size_t repeat_count, size_t most,
    struct pairs *out, const char **why)
{
    size_t room = 1;
    for (size_t i = 0; i < text.len; i++)
        room += text.at[i] == '&';
    *out = (struct pairs){ 0 };
    if (room > most) {
        *why = "the form has too many parameters";
        return E_NOT_CANONICAL;
    }
    if (text.len == 0)
        return E_OK;
    out->list = ARENA_ARRAY(a, struct pair, room);
    *why = "the form needs more memory than a call has";
    if (!out->list)
        return E_TOO_LARGE;
    struct form_tree tree;
    tree.few_count = 0;
    tree.nodes = (struct map){ NULL, 0, 0 };
    tree.why = NULL;
    struct span rest = text, piece;
    bool fine = true;
    while (fine && span_next(&rest, '&', &piece)) {
        if (piece.len == 0)
            continue; /* "a=1&": not written again */
        struct pair *p = &out->list[out->count++];
        fine = read_pair(a, piece, p, why);
        if (fine && !note_name(&tree, p->name, named_in(p->name, repeat, repeat_count))) {
            *why = tree.why;
            fine = false;
        }
    }
    map_free(&tree.nodes);
    return fine ? E_OK : E_NOT_CANONICAL;
}

void canon_form_write(const struct pairs *p, struct buf *out)
{
    for (size_t i = 0; i < p->count; i++) {
        if (i)
            buf_put_byte(out, '&');
        buf_put_percent(out, p->list[i].name, SPAN("[]"));
        buf_put_byte(out, '=');
        buf_put_percent(out, p->list[i].value, SPAN_NONE);
    }
}

struct span pairs_get(const struct pairs *p, struct span name)
{
    for (size_t i = 0; i < p->count; i++)
        if (span_is(p->list[i].name, name))
            return p->list[i].value;
    return SPAN_NONE;
}

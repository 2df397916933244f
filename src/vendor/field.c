/* SPDX-License-Identifier: Apache-2.0
 * field.c - finding a value by its name in a form, a JSON text, a query, the path, a header or the settings.
 *
 * Names are walked through the structure as it is, never through joined text, so that {"a.b": 1} is not {"a": {"b": 1}}.
 * "**" looks at any depth but not into `metadata`, which vendors keep for the caller's own words. */
#include "base/text.h"
#include "vendor/manifest.h"

/* ---- reading a field's text ---- */

static bool root_of(struct span name, enum root *out)
{
    static const struct {
        struct span name;
        enum root root;
    } roots[] = { { { "body", 4 }, ROOT_BODY }, { { "answer", 6 }, ROOT_ANSWER }, { { "query", 5 }, ROOT_QUERY },
        { { "header", 6 }, ROOT_HEADER }, { { "path", 4 }, ROOT_PATH }, { { "setting", 7 }, ROOT_SETTING },
        { { "object", 6 }, ROOT_OBJECT }, { { "argument", 8 }, ROOT_ARGUMENT }, { { "item", 4 }, ROOT_ITEM } };
    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
        if (span_is(name, roots[i].name)) {
            *out = roots[i].root;
            return true;
        }
    }
    return false;
}

static bool field_shape_fits(const struct field *f, const char **why)
{
    *why = "only one name may follow header. and path.";
    if ((f->root == ROOT_HEADER || f->root == ROOT_PATH) && (f->count != 1 || f->steps[0].kind != STEP_NAME))
        return false;
    *why = "object. is followed by the object's name and what is wanted of it: object.charge.customer";
    if (f->root == ROOT_OBJECT && (f->count < 2 || f->steps[0].kind != STEP_NAME))
        return false;
    *why = "a field ends with a name or *, not with **";
    return f->count == 0 || f->steps[f->count - 1].kind != STEP_DEEP;
}

enum { FIELD_STEPS = 8 };

static struct step step_of(struct span word)
{
    bool any_case = word.len > 1 && *word.at == '~';
    enum step_kind kind = span_is(word, SPAN("*")) ? STEP_EACH : span_is(word, SPAN("**")) ? STEP_DEEP : STEP_NAME;
    return (struct step){ kind, any_case, any_case ? span_from(word, 1) : word };
}

bool field_read(struct span text, struct field *out, struct arena *a, const char **why)
{
    struct step steps[FIELD_STEPS];
    struct span rest = text, word;
    *out = (struct field){ .text = text };
    *why = "a field starts with body, answer, query, header, path, setting, object, argument or item";
    if (!span_next(&rest, '.', &word) || !root_of(word, &out->root))
        return false;
    while (span_next(&rest, '.', &word)) {
        *why = "a field has at most 8 names, none of them empty";
        if (word.len == 0 || out->count == FIELD_STEPS)
            return false;
        steps[out->count++] = step_of(word);
    }
    struct step *kept = ARENA_ARRAY(a, struct step, out->count);
    *why = "it needs more memory than allowed";
    if (out->count && !kept)
        return false;
    if (out->count)
        memcpy(kept, steps, out->count * sizeof(*kept));
    out->steps = kept;
    return field_shape_fits(out, why);
}

/* ---- walking ---- */

struct walk {
    struct subject *subject;
    found_visit *visit;
    void *self;
    const struct step *steps;
    size_t count;
};

static bool give(const struct walk *w, struct span text, bool number, bool item)
{
    struct found f = { .text = text, .number = number, .item = item };
    return w->visit(w->self, &f);
}

static bool give_with(const struct walk *w, struct span text, bool number, bool item, struct json_value json)
{
    struct found f = { text, number, item, json };
    return w->visit(w->self, &f);
}

/* A number as it was written; 1e3 and the like, which readers of integers take or refuse as they please, have no text. */
static struct span number_text(struct json_value v, struct arena *a)
{
    int64_t whole;
    struct span text = json_decimal(v, a);
    return span_to_i64(text, &whole) && !json_integer(v, &whole) ? SPAN_NONE : text;
}

/* A value where the field ends. Objects, and lists in lists, are given without text: there, but not to be read. */
static bool give_json(const struct walk *w, struct json_value v, bool item)
{
    bool truth = false;
    struct span name;
    struct json_value each;
    switch (json_kind(v)) {
    case JSON_NONE:
    case JSON_NULL:
        return true;
    case JSON_STRING:
        return give_with(w, json_string(v), false, item, v);
    case JSON_NUMBER:
        return give_with(w, number_text(v, w->subject->arena), true, item, v);
    case JSON_BOOL:
        return json_bool(v, &truth) && give_with(w, truth ? SPAN("true") : SPAN("false"), false, item, v);
    case JSON_ARRAY:
        if (item)
            return give_with(w, SPAN_NONE, false, true, v);
        for (struct json_iter it = json_iter(v); json_next(&it, &name, &each);)
            if (!give_json(w, each, true))
                return false;
        return true;
    case JSON_OBJECT:
        break;
    }
    return give_with(w, SPAN_NONE, false, item, v);
}

static bool walk_json(const struct walk *w, struct json_value v, size_t at);

static bool walk_items(const struct walk *w, struct json_value v, size_t at)
{
    struct span name;
    struct json_value each;
    if (json_kind(v) != JSON_ARRAY)
        return true;
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &each);)
        if (!walk_json(w, each, at))
            return false;
    return true;
}

/* Here and in everything below. Depth is bounded by the parser's (256). */
static bool walk_deep(const struct walk *w, struct json_value v, size_t at)
{
    struct span name;
    struct json_value each;
    if (!walk_json(w, v, at))
        return false;
    if (json_kind(v) != JSON_ARRAY && json_kind(v) != JSON_OBJECT)
        return true;
    bool object = json_kind(v) == JSON_OBJECT;
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &each);)
        if (!(object && span_is(name, SPAN("metadata"))) && !walk_deep(w, each, at))
            return false;
    return true;
}

static bool walk_any_case(const struct walk *w, struct json_value v, size_t at)
{
    struct span name;
    struct json_value each;
    if (json_kind(v) != JSON_OBJECT)
        return true;
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &each);)
        if (span_is_nocase(span_trim(name), w->steps[at].name) && !walk_json(w, each, at + 1))
            return false;
    return true;
}

static bool walk_json(const struct walk *w, struct json_value v, size_t at)
{
    if (at == w->count)
        return give_json(w, v, false);
    if (w->steps[at].kind == STEP_EACH)
        return walk_items(w, v, at + 1);
    if (w->steps[at].kind == STEP_DEEP)
        return walk_deep(w, v, at + 1);
    if (w->steps[at].any_case)
        return walk_any_case(w, v, at);
    struct json_value member = json_member(v, w->steps[at].name);
    return json_kind(member) == JSON_NONE || walk_json(w, member, at + 1);
}

/* ---- forms ---- */

enum { NAME_STEPS = 10 };

static bool has_brackets(struct span name) { return name.len && name.at[name.len - 1] == ']'; }

/* "a[b][0]" to its keys; canon_form has made sure that brackets nest, end the name, and of the depth. */
static size_t split_name(struct span name, struct span keys[NAME_STEPS])
{
    struct span rest = name;
    size_t count = 1;
    keys[0] = name;
    if (!has_brackets(name))
        return count;
    keys[0].len = (size_t)span_find_byte(name, '[');
    rest = span_from(rest, keys[0].len);
    while (rest.len > 1 && count < NAME_STEPS) {
        ptrdiff_t close = span_find_byte(rest, ']');
        must(close > 0);
        keys[count++] = span_make(rest.at + 1, (size_t)close - 1);
        rest = span_from(rest, (size_t)close + 1);
    }
    return count;
}

static bool is_index(struct span key)
{
    uint64_t n;
    return key.len == 0 || span_to_u64(key, &n);
}

static bool step_is(const struct step *step, struct span key)
{
    return step->any_case ? span_is_nocase(span_trim(key), step->name) : span_is(key, step->name);
}

/* How many keys the steps take from the front of keys; 0: they do not fit. Tries the shortest fit of "**" first. */
static size_t fit_steps(const struct step *steps, size_t count, const struct span *keys, size_t key_count, size_t at)
{
    if (count == 0)
        return at;
    if (steps->kind == STEP_DEEP) {
        for (size_t from = at; from < key_count; from++) {
            size_t end = fit_steps(steps + 1, count - 1, keys, key_count, from);
            if (end)
                return end;
            if (span_is(keys[from], SPAN("metadata")))
                return 0;
        }
        return 0;
    }
    if (at == key_count || !(steps->kind == STEP_EACH ? is_index(keys[at]) : step_is(steps, keys[at])))
        return 0;
    return fit_steps(steps + 1, count - 1, keys, key_count, at + 1);
}

/* False: surely not. Every field looks at every pair, and most fit none: this needs no keys. */
static bool may_fit(const struct walk *w, struct span name)
{
    const struct step *step = w->steps;
    if (w->count > 1 && step->kind == STEP_DEEP && !has_brackets(name))
        step++; /* one key, which there is nothing above */
    if (!w->count || step->kind != STEP_NAME || step->any_case)
        return true;
    size_t len = step->name.len;
    return name.len >= len && (name.len == len || name.at[len] == '[') && memcmp(name.at, step->name.at, len) == 0;
}

static bool is_number_text(struct span s)
{
    int64_t n;
    return money_decimal(s, 9, &n);
}

/* The steps fit what stands behind `depth` keys of a name. */
static bool walk_pairs(const struct walk *w, const struct pairs *p, size_t depth)
{
    for (size_t i = 0; i < p->count; i++) {
        struct span keys[NAME_STEPS], value = p->list[i].value;
        if (!depth && !may_fit(w, p->list[i].name))
            continue;
        size_t count = split_name(p->list[i].name, keys);
        size_t end = fit_steps(w->steps, w->count, keys, count, depth);
        if (!end)
            continue;
        bool item = end + 1 == count && is_index(keys[end]);
        bool plain = end == count || item;
        if (!give(w, plain ? value : SPAN_NONE, plain && is_number_text(value), item))
            return false;
    }
    return true;
}

/* ---- headers, path, settings ---- */

static bool walk_header(const struct walk *w)
{
    const struct http_head *h = w->subject->asked->head;
    size_t count = h ? http_count(h, w->steps[0].name) : 0;
    for (size_t i = 0; i < count; i++)
        if (!give(w, span_trim(http_nth(h, w->steps[0].name, i)), false, false))
            return false;
    return true;
}

static bool walk_path(const struct walk *w)
{
    const struct matched *m = w->subject->asked->matched;
    for (size_t i = 0; i < m->count; i++)
        if (span_is(m->captures[i].name, w->steps[0].name))
            return give(w, text_percent_decode(m->captures[i].value, false, w->subject->arena), false, false);
    return true;
}

static const struct node *setting_below(const struct node *n, const struct field *f)
{
    for (size_t i = 0; n && i < f->count; i++) {
        const struct node *next = n->kind == NODE_MAP ? n->first : NULL;
        while (next && !span_is(next->name, f->steps[i].name))
            next = next->next;
        n = next;
    }
    return n;
}

const struct node *field_setting(const struct field *f, const struct subject *s, bool from_manifest)
{
    const struct node *mine = s->asked->vendor->manifest->settings;
    const struct node *found = setting_below(from_manifest ? mine : s->asked->settings, f);
    return found && found->kind != NODE_NULL ? found : NULL;
}

static bool walk_setting(const struct walk *w, const struct field *f)
{
    const struct node *n = field_setting(f, w->subject, false);
    if (!n)
        n = field_setting(f, w->subject, true);
    return !n || n->kind != NODE_SCALAR || give(w, n->text, is_number_text(n->text), false);
}

static bool walk_item(const struct walk *w)
{
    const struct subject *s = w->subject;
    if (!s->has_item)
        return give(w, SPAN_NONE, false, false);
    return s->item.doc ? walk_json(w, s->item, 0) : walk_pairs(w, &s->item_pairs, s->item_depth);
}

bool field_each(const struct field *f, struct subject *s, found_visit *visit, void *self)
{
    struct walk w = { s, visit, self, f->steps, f->count };
    switch (f->root) {
    case ROOT_BODY:
        if (s->body_shape == SHAPE_FORM)
            return walk_pairs(&w, &s->form, 0);
        return s->body_shape != SHAPE_JSON || walk_json(&w, s->body, 0);
    case ROOT_ANSWER:
        return !s->has_answer || walk_json(&w, s->answer, 0);
    case ROOT_QUERY:
        return walk_pairs(&w, &s->query, 0);
    case ROOT_HEADER:
        return walk_header(&w);
    case ROOT_PATH:
        return walk_path(&w);
    case ROOT_OBJECT:
        return object_each(f, s, visit, self);
    case ROOT_ARGUMENT:
        return walk_items(&w, s->argument, 0);
    case ROOT_ITEM:
        return walk_item(&w);
    case ROOT_SETTING:
        break;
    }
    return walk_setting(&w, f);
}

static bool count_one(void *self, const struct found *f)
{
    (void)f;
    ++*(size_t *)self;
    return true;
}

size_t field_count(const struct field *f, struct subject *s)
{
    size_t count = 0;
    field_each(f, s, count_one, &count);
    return count;
}

static bool stop_at_one(void *self, const struct found *f)
{
    (void)self, (void)f;
    return false;
}

bool field_present(const struct field *f, struct subject *s)
{
    return !field_each(f, s, stop_at_one, NULL);
}

/* ---- items ---- */

enum { ITEMS_MOST = 500 /* of a list in a form: each goes over all its pairs */ };

struct going {
    struct subject *subject;
    item_visit *visit;
    void *self;
};

static bool visit_item(void *self, const struct found *f)
{
    const struct going *g = self;
    g->subject->has_item = true;
    g->subject->item = f->json;
    return f->item && f->json.doc && g->visit(g->self);
}

/* "a[b][0]" of "a[b][0][c]", its first `keys` keys. */
static struct span stem(struct span name, size_t keys)
{
    size_t at = 0;
    for (size_t i = 1; i < keys; i++)
        at += (size_t)span_find_byte(span_from(name, at), ']') + 1;
    return span_first(name, at);
}

/* The index of a list's item that a pair stands in, as the stem of its name. SPAN_NONE: the pair is of something else. False:
 * what stands there is no list. */
static bool stem_of(const struct field *f, struct span name, struct span *out, size_t *depth)
{
    struct span keys[NAME_STEPS];
    size_t count = split_name(name, keys), end = fit_steps(f->steps, f->count, keys, count, 0);
    *out = SPAN_NONE;
    if (!end)
        return true;
    if (end == count || !keys[end].len || !is_index(keys[end]))
        return false;
    *depth = end + 1;
    *out = stem(name, *depth);
    return true;
}

static struct pairs pairs_below(const struct pairs *p, struct span start, struct arena *a)
{
    size_t room = 0;
    for (size_t i = 0; i < p->count; i++)
        room += span_starts(p->list[i].name, start);
    struct pairs out = { .list = ARENA_ARRAY(a, struct pair, room) };
    for (size_t i = 0; out.list && i < p->count; i++)
        if (span_starts(p->list[i].name, start))
            out.list[out.count++] = p->list[i];
    return out;
}

static bool form_items(const struct field *f, const struct pairs *p, const struct going *g)
{
    struct subject *s = g->subject;
    struct span *seen = ARENA_ARRAY(s->arena, struct span, ITEMS_MOST), start;
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++) {
        bool known = false;
        if (!seen || !f->count || !stem_of(f, p->list[i].name, &start, &s->item_depth))
            return false;
        for (size_t k = 0; start.at && !known && k < count; k++)
            known = span_is(seen[k], start);
        if (!start.at || known)
            continue;
        if (count == ITEMS_MOST)
            return false;
        seen[count++] = start;
        s->has_item = true;
        s->item = (struct json_value){ 0 };
        s->item_pairs = pairs_below(p, start, s->arena);
        if (!s->item_pairs.list || !g->visit(g->self))
            return false;
    }
    return true;
}

bool field_items(const struct field *f, struct subject *s, item_visit *visit, void *self)
{
    struct going g = { s, visit, self };
    struct subject before = *s;
    bool form = (f->root == ROOT_BODY && s->body_shape == SHAPE_FORM) || f->root == ROOT_QUERY;
    bool fine = form ? form_items(f, f->root == ROOT_QUERY ? &s->query : &s->form, &g) : field_each(f, s, visit_item, &g);
    s->has_item = before.has_item;
    s->item = before.item;
    s->item_pairs = before.item_pairs;
    s->item_depth = before.item_depth;
    return fine;
}

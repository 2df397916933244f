/* SPDX-License-Identifier: Apache-2.0
 * sample.c - see sample.h. Walks the rules of an operation, notes each field they look at with a guess at what stands there (an
 * argument of minor_units is a number, then a currency), and writes a request that has them all. */
#include "vendor/sample.h"

#include "base/text.h"
#include "vendor/manifest.h"

enum { SAMPLE_MOST = 64 * 1024 };

enum guess { GUESS_ANY, GUESS_TEXT, GUESS_NUMBER, GUESS_INTEGER, GUESS_DECIMAL, GUESS_CURRENCY, GUESS_MAIL, GUESS_PHONE };

/* A member of what is written, a tree: a leaf has a text, a list one item. */
struct place {
    struct span name;
    struct place *first, *next;
    bool list, leaf, number;
    struct span text;
};

struct making {
    const struct manifest *manifest;
    const struct operation *operation;
    const struct rules *rules;
    struct arena *arena;
    struct sample *out;
    struct place body, query, answer;
    bool answering; /* rules about the answer are walked */
};

/* ---- guesses ---- */

static bool says(struct span name, const char *const words[])
{
    for (size_t i = 0; words[i]; i++) {
        struct span word = span_of(words[i]);
        for (size_t at = 0; at + word.len <= name.len; at++)
            if (span_is_nocase(span_make(name.at + at, word.len), word))
                return true;
    }
    return false;
}

static enum guess guess_by_name(struct span name)
{
    static const char *const mails[] = { "mail", "recipient", NULL }, *const phones[] = { "phone", "msisdn", NULL },
                             *const currencies[] = { "currency", NULL },
                             *const numbers[] = { "amount", "quantity", "count", "price", "total", "seconds", "balance", NULL };
    return says(name, mails)        ? GUESS_MAIL
           : says(name, phones)     ? GUESS_PHONE
           : says(name, currencies) ? GUESS_CURRENCY
           : says(name, numbers)    ? GUESS_INTEGER
                                    : GUESS_TEXT;
}

static struct span value_of_guess(enum guess g, bool *number)
{
    *number = g == GUESS_NUMBER || g == GUESS_INTEGER;
    switch (g) {
    case GUESS_NUMBER:
        return SPAN("12");
    case GUESS_INTEGER:
        return SPAN("1200");
    case GUESS_DECIMAL:
        return SPAN("12.00");
    case GUESS_CURRENCY:
        return SPAN("usd");
    case GUESS_MAIL:
        return SPAN("someone@example.com");
    case GUESS_PHONE:
        return SPAN("+15558675310");
    default:
        return SPAN("sample_1");
    }
}

/* What the n-th argument of a function is. */
static enum guess guess_of(const struct function *f, size_t n, enum guess outer)
{
    static const struct {
        const char *name;
        enum guess args[2];
    } table[] = { { "minor_units", { GUESS_INTEGER, GUESS_CURRENCY } }, { "major_units", { GUESS_DECIMAL, GUESS_CURRENCY } },
        { "recipients", { GUESS_MAIL, GUESS_MAIL } }, { "sms_segments", { GUESS_TEXT, GUESS_ANY } },
        { "country_price", { GUESS_PHONE, GUESS_ANY } }, { "channel", { GUESS_PHONE, GUESS_ANY } },
        { "phone", { GUESS_PHONE, GUESS_ANY } }, { "minutes", { GUESS_INTEGER, GUESS_ANY } },
        { "present", { GUESS_ANY, GUESS_ANY } }, { "count", { GUESS_ANY, GUESS_ANY } }, { "counted", { GUESS_TEXT, GUESS_ANY } },
        { "is", { GUESS_ANY, GUESS_ANY } } };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        if (strcmp(f->name, table[i].name) == 0)
            return table[i].args[n > 1 || (n == 1 && table[i].args[0] == table[i].args[1]) ? 1 : n];
    return strcmp(f->name, "when") == 0 && n == 0 ? GUESS_ANY : outer;
}

/* ---- the tree ---- */

static struct place *child(struct making *m, struct place *p, struct span name)
{
    struct place *last = NULL;
    if (p->leaf || p->list)
        return NULL;
    for (struct place *c = p->first; c; last = c, c = c->next)
        if (span_is(c->name, name))
            return c;
    struct place *made = ARENA_NEW(m->arena, struct place);
    if (!made)
        return NULL;
    made->name = name;
    *(last ? &last->next : &p->first) = made;
    return made;
}

static struct place *item(struct making *m, struct place *p)
{
    if (p->leaf || (p->first && !p->list))
        return NULL;
    p->list = true;
    if (!p->first)
        p->first = ARENA_NEW(m->arena, struct place);
    return p->first;
}

/* What does not fit to what is there (a text that is an object elsewhere) is left out: rules name such fields as alternatives. */
static struct place *reach(struct making *m, struct place *root, const struct field *f)
{
    struct place *at = root;
    for (size_t i = 0; i < f->count && at; i++)
        at = f->steps[i].kind == STEP_DEEP ? at : f->steps[i].kind == STEP_EACH ? item(m, at) : child(m, at, f->steps[i].name);
    return at && at != root && !at->first ? at : NULL;
}

static struct span last_name(const struct field *f)
{
    for (size_t i = f->count; i > 0; i--)
        if (f->steps[i - 1].kind == STEP_NAME)
            return f->steps[i - 1].name;
    return SPAN("");
}

static void put_header(struct making *m, const struct field *f, struct span value)
{
    struct sample *s = m->out;
    for (size_t i = 0; i < s->count; i++)
        if (span_is(s->fields[i].name, f->steps[0].name))
            return;
    if (f->count == 1 && s->count < SAMPLE_FIELDS)
        s->fields[s->count++] = (struct http_field){ f->steps[0].name, value };
}

/* A value that was given stays; a guess gives way to it. */
static bool put(struct making *m, const struct field *f, enum guess g, struct span given)
{
    bool number = false;
    struct span name = last_name(f);
    struct span text = given.at ? given : value_of_guess(g == GUESS_ANY ? guess_by_name(name) : g, &number);
    if (f->root == ROOT_HEADER) {
        put_header(m, f, text);
        return true;
    }
    struct place *root = f->root == ROOT_BODY     ? &m->body
                         : f->root == ROOT_QUERY  ? &m->query
                         : f->root == ROOT_ANSWER ? &m->answer
                                                  : NULL;
    struct place *p = root ? reach(m, root, f) : NULL;
    if (!p || (p->leaf && !given.at && g == GUESS_ANY))
        return p != NULL;
    *p = (struct place){ .name = p->name, .next = p->next, .leaf = true, .number = number, .text = text };
    return true;
}

/* ---- rules ---- */

static void walk(struct making *m, const struct expr *x, enum guess g)
{
    bool shown = x && x->kind == EXPR_CALL && strcmp(x->function->name, "is") == 0 && x->args[0]->kind == EXPR_FIELD &&
                 x->args[1]->kind == EXPR_TEXT;
    if (!x)
        return;
    if (x->kind == EXPR_FIELD && (x->field->root == ROOT_ANSWER) == m->answering)
        (void)put(m, x->field, g, SPAN_NONE);
    for (size_t i = 0; i < x->count && !shown; i++)
        walk(m, x->args[i], x->kind == EXPR_CALL ? guess_of(x->function, i, g) : GUESS_NUMBER);
}

static enum guess guess_of_scope(const struct scope_source *s)
{
    return s->transform == AS_ADDRESS || s->transform == AS_DOMAIN ? GUESS_MAIL
           : s->transform == AS_PHONE                              ? GUESS_PHONE
                                                                   : GUESS_ANY;
}

static bool has_root(const struct making *m, enum root root)
{
    bool body = m->operation->body == BODY_FORM || m->operation->body == BODY_JSON || m->operation->body == BODY_MULTIPART;
    return root == ROOT_HEADER || root == ROOT_QUERY || (root == ROOT_BODY && body);
}

static bool is_captured(const struct making *m, const struct field *f)
{
    for (size_t i = 0; f->root == ROOT_PATH && i < m->rules->capture_count; i++)
        if (f->count && span_is(m->rules->captures[i], f->steps[0].name))
            return true;
    return false;
}

/* One of its fields is enough; where the path has one, none. */
static void show_scope(struct making *m, const struct scope_source *s)
{
    bool wanted = s->must_show == SHOWN_ALWAYS || (s->must_show == SHOWN_MONEY && m->operation->moves_money);
    for (size_t i = 0; i < s->count; i++)
        if (is_captured(m, &s->fields[i]))
            return;
    for (size_t i = 0; i < s->count && wanted && !m->rules->unscoped; i++)
        if (has_root(m, s->fields[i].root) && put(m, &s->fields[i], guess_of_scope(s), SPAN_NONE))
            return;
}

static void obey(struct making *m, const struct parameter_check *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct parameter_check *r = &rules[i];
        struct place *root = r->field.root == ROOT_BODY ? &m->body : &m->query;
        struct place *there = r->field.root == ROOT_BODY || r->field.root == ROOT_QUERY ? root->first : NULL;
        bool present = false;
        for (; there && r->field.count == 1; there = there->next)
            present = present || span_is(there->name, r->field.steps[0].name);
        if (!r->forbidden && has_root(m, r->field.root) && (r->required || (present && r->allowed_count)))
            (void)put(m, &r->field, r->kind == PARAMETER_INTEGER ? GUESS_INTEGER : GUESS_ANY,
                r->allowed_count ? r->allowed[0] : SPAN_NONE);
    }
}

/* ---- writing ---- */

static void put_json(const struct place *p, struct json_out *o)
{
    if (p->leaf || !p->first) {
        if (p->number)
            json_put_raw(o, p->text);
        else
            json_put_string(o, p->leaf ? p->text : SPAN("sample_1"));
        return;
    }
    json_open(o, p->list ? '[' : '{');
    for (const struct place *c = p->first; c; c = c->next) {
        if (!p->list)
            json_name(o, c->name);
        put_json(c, o);
    }
    json_close(o, p->list ? ']' : '}');
}

static struct span json_of(struct making *m, const struct place *root)
{
    struct buf text;
    buf_init(&text, SAMPLE_MOST);
    struct json_out o = json_out(&text);
    if (root->first)
        put_json(root, &o);
    else
        buf_put(&text, SPAN("{}"));
    struct span copy = text.broken ? SPAN_NONE : arena_copy(m->arena, buf_span(&text));
    buf_free(&text);
    return copy;
}

/* "a[b][0]=c", the way forms nest. */
static void put_pairs(struct making *m, const struct place *p, struct span prefix, struct buf *out)
{
    for (const struct place *c = p->first; c; c = c->next) {
        struct span name = !prefix.len
                               ? c->name
                               : arena_print(m->arena, "%.*s[%.*s]", SPAN_ARG(prefix), SPAN_ARG(p->list ? SPAN("0") : c->name));
        if (c->first) {
            put_pairs(m, c, name, out);
            continue;
        }
        if (out->len)
            buf_put_byte(out, '&');
        buf_put_percent(out, name, SPAN("[]"));
        buf_put_byte(out, '=');
        buf_put_percent(out, c->leaf ? c->text : SPAN("sample_1"), SPAN(""));
    }
}

static struct span form_of(struct making *m, const struct place *root)
{
    struct buf text;
    buf_init(&text, SAMPLE_MOST);
    put_pairs(m, root, SPAN(""), &text);
    struct span copy = text.broken ? SPAN_NONE : arena_copy(m->arena, text.len ? buf_span(&text) : SPAN(""));
    buf_free(&text);
    return copy;
}

static bool write_body(struct making *m)
{
    struct sample *s = m->out;
    bool form = m->operation->body == BODY_FORM;
    s->body = SPAN("");
    if (!form && m->operation->body != BODY_JSON)
        return m->operation->body == BODY_NONE;
    s->body = form ? form_of(m, &m->body) : json_of(m, &m->body);
    for (size_t i = 0; i < s->count; i++)
        if (span_is(s->fields[i].name, SPAN("content-type")))
            return true;
    if (s->count < SAMPLE_FIELDS)
        s->fields[s->count++] = (struct http_field){ SPAN("content-type"),
            form ? SPAN("application/x-www-form-urlencoded") : SPAN("application/json") };
    return true;
}

static bool takes_from_path(const struct scope_source *scope, struct span name)
{
    for (size_t i = 0; i < scope->count; i++)
        if (scope->fields[i].root == ROOT_PATH && span_is(last_name(&scope->fields[i]), name))
            return true;
    return false;
}

static enum guess guess_of_capture(const struct scope_source *scopes, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++)
        if (guess_of_scope(&scopes[i]) != GUESS_ANY && takes_from_path(&scopes[i], name))
            return guess_of_scope(&scopes[i]);
    return GUESS_ANY;
}

/* What the path's value is, by the scopes that are taken from it. */
static struct span captured_value(const struct manifest *m, const struct rules *r, struct span name)
{
    bool number;
    enum guess g = guess_of_capture(r->scopes, r->scope_count, name);
    if (g == GUESS_ANY)
        g = guess_of_capture(m->scopes, m->scope_count, name);
    return g == GUESS_ANY ? SPAN("id_1") : value_of_guess(g, &number);
}

struct span sample_path(const struct vendor *v, const struct operation *op, size_t index, struct span value, struct arena *a)
{
    const struct rules *r = &v->manifest->rules[op->index];
    struct span rest = op->path, step, name, path = SPAN("");
    size_t n = 0;
    rest = span_from(rest, 1);
    while (span_next(&rest, '/', &step)) {
        struct span end = step;
        if (span_starts(step, SPAN("{")) && span_cut(&end, '}', &name) && n < r->capture_count) {
            bool account = v->manifest->account_capture.at && span_is(r->captures[n], v->manifest->account_capture);
            struct span text = n == index ? value : account ? SAMPLE_ACCOUNT : captured_value(v->manifest, r, r->captures[n]);
            step = arena_print(a, "%.*s%.*s", SPAN_ARG(text), SPAN_ARG(end));
            n++;
        }
        path = arena_print(a, "%.*s/%.*s", SPAN_ARG(path), SPAN_ARG(step));
    }
    return path;
}

bool sample_make(const struct vendor *v, const struct operation *op, struct arena *a, struct sample *out)
{
    const struct manifest *m = v->manifest;
    const struct rules *r = &m->rules[op->index];
    struct making making = { .manifest = m, .operation = op, .rules = r, .arena = a, .out = out };
    *out = (struct sample){ .method = op->method };
    if (r->by_field || op->fields || op->dialect.at)
        return false;
    walk(&making, r->reserve[UNIT_USD], GUESS_NUMBER);
    walk(&making, r->reserve[UNIT_MESSAGES], GUESS_NUMBER);
    for (size_t i = 0; i < r->scope_count; i++)
        show_scope(&making, &r->scopes[i]);
    for (size_t i = 0; i < m->scope_count; i++)
        show_scope(&making, &m->scopes[i]);
    obey(&making, r->parameters, r->parameter_count);
    obey(&making, m->parameters, m->parameter_count);
    making.answering = true;
    walk(&making, r->settle[UNIT_USD], GUESS_NUMBER);
    walk(&making, r->settle[UNIT_MESSAGES], GUESS_NUMBER);
    if (r->object_id)
        (void)put(&making, r->object_id, GUESS_ANY, SPAN_NONE);
    out->path = sample_path(v, op, SIZE_MAX, SPAN(""), a);
    out->query = form_of(&making, &making.query);
    out->answer = json_of(&making, &making.answer);
    return write_body(&making) && !a->broken;
}

/* ---- objects ---- */

static const struct object_rule *object_rule(const struct manifest *m, struct span name)
{
    for (size_t i = 0; i < m->object_count; i++)
        if (span_is(m->objects[i].name, name))
            return &m->objects[i];
    return NULL;
}

bool sample_object(const struct vendor *v, const struct object_read *read, struct arena *a, struct object *out)
{
    const struct object_rule *rule = object_rule(v->manifest, read->name);
    size_t count = rule ? rule->noted_count : 0;
    *out = (struct object){ .name = read->name,
        .id = read->id,
        .known = true,
        .count = count,
        .values = ARENA_ARRAY(a, struct object_value, count + 1) };
    if (!rule || !out->values)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct object_value *value = &out->values[i];
        value->path = span_starts(rule->noted[i].text, SPAN("answer.")) ? span_from(rule->noted[i].text, 7) : rule->noted[i].text;
        value->text = value_of_guess(guess_by_name(last_name(&rule->noted[i])), &value->number);
    }
    return true;
}

/* SPDX-License-Identifier: Apache-2.0
 * parameter.c - a manifest's rules about single parameters: what they may be, and what stands in for one that is left out.
 *
 * A default becomes part of the canonical request, so that it is checked and counted like a caller's own. Refusals name the
 * parameter, what was found and what is allowed. What policies say about parameters is rules/policy.c's. */
#include "base/text.h"
#include "vendor/compile.h"
#include "vendor/mail.h"
#include "vendor/subject.h"

enum { SHOWN_MOST = 80, SPLICED_MOST = 64 << 20 };

/* ---- compiling ---- */

/* "setting.NAME" stands in the manifest's own settings too, so that it always has a value. False: said. */
static bool setting_read(struct compiler *c, const struct node *n, const char *path, struct field *out, const struct node **value)
{
    const char *why = "a setting that stands in the manifest's `settings`";
    struct subject s = { .asked = &(struct asked){ .vendor = c->vendor } };
    if (!field_read(n->text, out, c->arena, &why) || out->root != ROOT_SETTING || !out->count)
        return say(c, n, path, n->text, why);
    *value = field_setting(out, &s, true);
    return (*value && (*value)->kind == NODE_SCALAR) ||
           say(c, n, path, n->text, "a setting that stands in the manifest's `settings`");
}

static bool is_setting(const struct node *n) { return n->kind == NODE_SCALAR && span_starts(n->text, SPAN("setting.")); }

static bool bound_read(struct compiler *c, const struct node *n, const char *path, const struct bound **out)
{
    const struct node *value = n;
    struct bound *b = n ? ARENA_NEW(c->arena, struct bound) : NULL;
    *out = b;
    if (!n)
        return true;
    if (!b)
        return say_memory(c, n);
    b->by_setting = is_setting(n);
    if (b->by_setting && !setting_read(c, n, path, &b->setting, &value))
        return false;
    if (value->kind != NODE_SCALAR || !money_decimal(value->text, PARAMETER_DIGITS, &b->value))
        return say(c, n, path, n->text, "a decimal number with at most 6 decimals, or setting.NAME");
    b->text = value->text;
    return true;
}

static bool fallback_read(struct compiler *c, const struct node *n, const char *path, struct parameter_check *out)
{
    const struct field *f = &out->field;
    if (!n)
        return true;
    if (n->kind != NODE_SCALAR)
        return say(c, n, path, n->text, "a single value, or setting.NAME");
    if ((f->root != ROOT_BODY && f->root != ROOT_QUERY) || f->count != 1 || f->steps[0].kind != STEP_NAME || f->steps[0].any_case)
        return say(c, n, path, f->text, "a default for a parameter at the top of the body or in the query");
    out->fallback = n;
    struct field *setting = is_setting(n) ? ARENA_NEW(c->arena, struct field) : NULL;
    out->fallback_setting = setting;
    if (!is_setting(n))
        return true;
    return setting ? setting_read(c, n, path, setting, &out->fallback) : say_memory(c, n);
}

static bool pattern_of(struct compiler *c, const struct node *n, const char *path, struct parameter_check *out)
{
    char why[200];
    if (!node_span(n, path, &out->pattern_text, c->trouble))
        return false;
    return !n || pattern_read(c->arena, out->pattern_text, &out->pattern, why) || say(c, n, path, n->text, why);
}

static bool rule_read(struct compiler *c, const struct node *n, const char *path, struct parameter_check *out)
{
    static const char *const names[] = { "kind", "required", "forbidden", "allowed", "note", "min", "max", "like", "pattern",
        "default", NULL };
    return node_only(n, path, names, c->trouble) &&
           node_bool(node_get(n, "required"), below(c, path, SPAN("required")), &out->required, c->trouble) &&
           node_bool(node_get(n, "forbidden"), below(c, path, SPAN("forbidden")), &out->forbidden, c->trouble) &&
           node_span(node_get(n, "note"), below(c, path, SPAN("note")), &out->note, c->trouble) &&
           node_spans(c->arena, node_get(n, "allowed"), below(c, path, SPAN("allowed")), &out->allowed, &out->allowed_count,
               c->trouble) &&
           bound_read(c, node_get(n, "min"), below(c, path, SPAN("min")), &out->min) &&
           bound_read(c, node_get(n, "max"), below(c, path, SPAN("max")), &out->max) &&
           node_span(node_get(n, "like"), below(c, path, SPAN("like")), &out->like, c->trouble) &&
           pattern_of(c, node_get(n, "pattern"), below(c, path, SPAN("pattern")), out) &&
           fallback_read(c, node_get(n, "default"), below(c, path, SPAN("default")), out);
}

static bool parameter_read(
    struct compiler *c, const struct node *n, const char *path, struct span start, struct parameter_check *out)
{
    static const char *const kinds[] = { "any", "integer", "one", "decimal", "boolean", "address", "line", "mail_headers", NULL };
    static const struct span roots[] = { { "query.", 6 }, { "header.", 7 }, { "argument.", 9 } };
    const char *why = "";
    int kind = PARAMETER_ANY;
    bool rooted = false;
    struct span name = n->name;
    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
        rooted |= span_starts(name, roots[i]);
    if (!rooted)
        name = arena_print(c->arena, "%.*s%.*s", SPAN_ARG(start), SPAN_ARG(name));
    if (!field_read(name, &out->field, c->arena, &why))
        return say(c, n, path, n->name, why);
    const struct node *word = n->kind == NODE_MAP ? node_get(n, "kind") : n;
    if (!node_choice(word, n->kind == NODE_MAP ? below(c, path, SPAN("kind")) : path, kinds, &kind, c->trouble))
        return false;
    out->kind = (enum parameter_kind)kind;
    return n->kind != NODE_MAP || rule_read(c, n, path, out);
}

bool parameters_read(
    struct compiler *c, const struct node *n, const char *path, struct span start, struct parameter_check **out, size_t *count)
{
    if (!n)
        return true;
    if (n->kind != NODE_MAP)
        return say(c, n, path, n->text, "a map of parameter names to rules");
    *out = ARENA_ARRAY(c->arena, struct parameter_check, n->count);
    if (!*out)
        return say_memory(c, n);
    for (const struct node *at = n->first; at; at = at->next)
        if (!parameter_read(c, at, below(c, path, at->name), start, &(*out)[(*count)++]))
            return false;
    return true;
}

/* ---- what is said ---- */

static struct span shown(const struct parameter_check *rule)
{
    static const struct span roots[] = { { "body.", 5 }, { "argument.", 9 } };
    for (size_t i = 0; i < 2; i++)
        if (span_starts(rule->field.text, roots[i]))
            return span_from(rule->field.text, roots[i].len);
    return rule->field.text;
}

/* Strangers' texts are cut, and their control characters and bytes that are no text are not shown. */
static void put_found(struct buf *b, struct span value)
{
    struct span part = span_first(value, SHOWN_MOST);
    for (size_t i = 0; i < part.len; i++)
        buf_put_byte(b, (unsigned char)part.at[i] < 0x20 || part.at[i] == 0x7f || part.at[i] == '"' || !text_is_utf8(value)
                            ? '?'
                            : part.at[i]);
    if (value.len > part.len)
        buf_put(b, SPAN("..."));
}

static void put_bound(struct understanding *u, struct buf *b, const char *words, const struct bound *bound, const char **comma);

static bool is_bounded(const struct parameter_check *r)
{
    return r->kind >= PARAMETER_ADDRESS || r->allowed_count || r->min || r->max || r->like.at || r->pattern;
}

static void put_allowed(struct understanding *u, struct buf *b, const struct parameter_check *r)
{
    static const char *const kinds[] = { "any value", "a whole number of at most 12 digits, once", "one value",
        "a decimal number, once", "true or false, once", "one mail address in each text", "text of one line",
        "an object of header fields: names of letters, digits and -, texts of one line" };
    bool bare = r->kind == PARAMETER_ANY && is_bounded(r);
    const char *comma = bare ? "" : ", ";
    if (r->forbidden)
        buf_put(b, SPAN("must be left out"));
    else if (!bare)
        buf_put(b, span_of(kinds[r->kind]));
    put_bound(u, b, "at least", r->min, &comma);
    put_bound(u, b, "at most", r->max, &comma);
    for (size_t i = 0; i < r->allowed_count; i++) {
        buf_print(b, "%s%.*s", i ? " or " : comma, SPAN_ARG(r->allowed[i]));
        comma = ", ";
    }
    if (r->like.at)
        buf_print(b, "%slike %.*s", comma, SPAN_ARG(r->like));
    if (r->pattern)
        buf_print(b, "%sby the pattern %.*s", r->like.at ? ", " : comma, SPAN_ARG(r->pattern_text));
    if (r->note.at)
        buf_print(b, " (%.*s)", SPAN_ARG(r->note));
}

/* value SPAN_NONE: it has none that can be shown. */
static enum err deny(
    struct understanding *u, const struct parameter_check *rule, enum err code, const char *found, struct span value)
{
    struct buf b;
    buf_init(&b, 4096);
    buf_print(&b, "parameter %.*s: %s", SPAN_ARG(shown(rule)), found);
    if (value.at) {
        buf_put(&b, SPAN("found \""));
        put_found(&b, value);
        buf_put(&b, SPAN("\""));
    }
    buf_put(&b, SPAN("; allowed: "));
    put_allowed(u, &b, rule);
    *u->why = arena_copy(u->arena, buf_span(&b));
    buf_free(&b);
    return code;
}

/* ---- checking ---- */

/* False: the configured setting is no number, so that nothing meets it. */
static bool bound_of(struct understanding *u, const struct bound *b, int64_t *value, struct span *text)
{
    const struct node *n = b->by_setting ? field_setting(&b->setting, &u->subject, false) : NULL;
    *value = b->value;
    *text = n ? n->text : b->text;
    return !n || (n->kind == NODE_SCALAR && money_decimal(n->text, PARAMETER_DIGITS, value));
}

static void put_bound(struct understanding *u, struct buf *b, const char *words, const struct bound *bound, const char **comma)
{
    int64_t value;
    struct span text;
    if (!bound)
        return;
    bool known = bound_of(u, bound, &value, &text);
    buf_print(b, "%s%s %.*s", *comma, words, SPAN_ARG(known ? text : SPAN("a setting that is no number")));
    *comma = ", ";
}

static bool within(struct understanding *u, const struct parameter_check *r, struct span value)
{
    int64_t low, high, min = INT64_MIN, max = INT64_MAX;
    struct span text;
    if (!r->min && !r->max)
        return true;
    if (!money_decimal_bounds(value, PARAMETER_DIGITS, &low, &high))
        return false;
    if ((r->min && !bound_of(u, r->min, &min, &text)) || (r->max && !bound_of(u, r->max, &max, &text)))
        return false;
    return low >= min && high <= max;
}

static bool is_integer(struct span s)
{
    uint64_t n;
    return s.at && s.len > 0 && s.len <= 12 && span_to_u64(s, &n) && !(s.len > 1 && s.at[0] == '0');
}

static bool is_decimal(struct span s)
{
    int64_t n;
    return money_decimal(s, 9, &n);
}

/* In JSON true and "true" are two things, and vendors differ in what they make of the second. */
static bool is_boolean(const struct found *f)
{
    return f->json.doc ? json_kind(f->json) == JSON_BOOL : span_is(f->text, SPAN("true")) || span_is(f->text, SPAN("false"));
}

static bool is_one_of(struct span s, const struct span *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(s, list[i]))
            return true;
    return count == 0;
}

static bool meets(struct understanding *u, const struct parameter_check *r, struct span value)
{
    if (!value.at)
        return !is_bounded(r);
    struct span address;
    if ((r->kind == PARAMETER_ADDRESS && !mail_address(value, &address)) || (r->kind == PARAMETER_LINE && !mail_line(value)))
        return false;
    return is_one_of(value, r->allowed, r->allowed_count) && within(u, r, value) && (!r->like.at || span_like(value, r->like)) &&
           (!r->pattern || pattern_fits(r->pattern, value, u->arena));
}

/* What should be a number or a boolean and is none is not repeated unless it looks like one: it may be anything, a key even. */
static struct span like_a_number(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!memchr("0123456789.,+-", s.at[i], 14))
            return SPAN_NONE;
    return s;
}

static bool is_kind(enum parameter_kind kind, const struct found *f)
{
    switch (kind) {
    case PARAMETER_INTEGER:
        return is_integer(f->text);
    case PARAMETER_DECIMAL:
        return is_decimal(f->text);
    case PARAMETER_BOOLEAN:
        return is_boolean(f);
    default:
        return true;
    }
}

static enum err deny_other(struct understanding *u, const struct parameter_check *r, struct span value)
{
    value = like_a_number(value);
    return deny(u, r, E_NOT_CANONICAL, value.at ? "" : "found something else", value);
}

struct check {
    struct understanding *u;
    const struct parameter_check *rule;
    size_t seen;
    enum err e;
};

static bool check_value(void *self, const struct found *f)
{
    struct check *c = self;
    const struct parameter_check *r = c->rule;
    struct span value = f->text.at ? f->text : SPAN("?");
    c->seen++;
    if (r->forbidden)
        c->e = deny(c->u, r, E_PARAMETER_DENIED, "", value);
    else if (r->kind != PARAMETER_ANY && r->kind < PARAMETER_ADDRESS && (f->item || c->seen > 1))
        c->e = deny(c->u, r, E_NOT_CANONICAL, "found several values", SPAN_NONE);
    else if (!is_kind(r->kind, f))
        c->e = deny_other(c->u, r, f->text);
    else if (r->kind == PARAMETER_ONE && !f->text.at)
        c->e = deny(c->u, r, E_NOT_CANONICAL, "found an object or a number in another form", SPAN_NONE);
    else if (!meets(c->u, r, f->text))
        c->e = deny(c->u, r, E_PARAMETER_DENIED, "", value);
    return c->e == E_OK;
}

/* Names, too, are looked at here: a field finds only values. */
static enum err check_mail_headers(struct understanding *u, const struct parameter_check *r)
{
    struct span wrong = SPAN_NONE;
    if (u->subject.body_shape != SHAPE_JSON || mail_headers_fit(u->subject.body, r->field.steps, r->field.count, &wrong))
        return E_OK;
    return deny(u, r, E_PARAMETER_DENIED, wrong.at ? "" : "found no object", wrong);
}

enum err parameters_check(struct understanding *u, const struct parameter_check *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct check c = { u, &rules[i], 0, E_OK };
        if (rules[i].kind == PARAMETER_MAIL_HEADERS) {
            c.e = check_mail_headers(u, &rules[i]);
            if (c.e)
                return c.e;
            continue;
        }
        field_each(&rules[i].field, &u->subject, check_value, &c);
        if (c.e)
            return c.e;
        if (rules[i].required && c.seen == 0)
            return deny(u, &rules[i], E_BAD_REQUEST, "not given, and it is required", SPAN_NONE);
    }
    return E_OK;
}

/* ---- booleans ---- */

struct lowering {
    struct pairs *pairs;
    bool done;
};

/* A value is known again by where its text stands. */
static bool lower_value(void *self, const struct found *f)
{
    struct lowering *l = self;
    struct span word = span_is_nocase(f->text, SPAN("true")) ? SPAN("true") : SPAN("false");
    for (size_t i = 0; span_is_nocase(f->text, word) && !span_is(f->text, word) && i < l->pairs->count; i++) {
        if (l->pairs->list[i].value.at != f->text.at)
            continue;
        l->pairs->list[i].value = word;
        l->done = true;
        break;
    }
    return true;
}

static enum err lower_one(struct understanding *u, const struct parameter_check *r)
{
    bool query = r->field.root == ROOT_QUERY, form = r->field.root == ROOT_BODY && u->operation->body == BODY_FORM;
    struct lowering l = { query ? &u->subject.query : &u->subject.form, false };
    if (query || form)
        field_each(&r->field, &u->subject, lower_value, &l);
    return l.done ? understanding_write(u, l.pairs, query ? &u->out->query : &u->out->body) : E_OK;
}

enum err parameters_lower(struct understanding *u, const struct parameter_check *rules, size_t count)
{
    enum err e = E_OK;
    for (size_t i = 0; !e && i < count; i++)
        if (rules[i].kind == PARAMETER_BOOLEAN)
            e = lower_one(u, &rules[i]);
    return e;
}

/* ---- defaults ---- */

static const struct node *fallback_of(struct understanding *u, const struct parameter_check *r)
{
    const struct node *n = r->fallback_setting ? field_setting(r->fallback_setting, &u->subject, false) : NULL;
    return n && n->kind == NODE_SCALAR ? n : r->fallback;
}

static enum err add_pair(struct understanding *u, const struct parameter_check *r, struct pairs *p, struct span *text)
{
    struct pair *list = ARENA_ARRAY(u->arena, struct pair, p->count + 1);
    if (!list)
        return understanding_refuse(u, E_TOO_LARGE, "the request needs more memory than a call has");
    if (p->count)
        memcpy(list, p->list, p->count * sizeof(*list));
    list[p->count] = (struct pair){ r->field.steps[0].name, fallback_of(u, r)->text };
    *p = (struct pairs){ list, p->count + 1 };
    return understanding_write(u, p, text);
}

static void put_member(struct json_out *o, struct span name, const struct node *value)
{
    int64_t n;
    bool bare = !value->quoted &&
                (money_decimal(value->text, 9, &n) || span_is(value->text, SPAN("true")) || span_is(value->text, SPAN("false")));
    json_name(o, name);
    if (bare)
        json_put_raw(o, value->text);
    else
        json_put_string(o, value->text);
}

/* {"a":1} with b: 2 is {"b":2,"a":1}: what was sent stays as it was written. */
static enum err splice(struct understanding *u, struct json *j, const struct parameter_check *r)
{
    struct span before = span_trim(u->out->body), name = r->field.steps[0].name;
    ptrdiff_t open = span_find_byte(before, '{');
    struct buf b;
    if (before.len && (json_kind(u->subject.body) != JSON_OBJECT || json_kind(json_member(u->subject.body, name)) != JSON_NONE))
        return deny(u, r, E_BAD_REQUEST, "found null, an empty list, or a body that is no object: its default has no place there",
            SPAN_NONE);
    buf_init(&b, SPLICED_MOST);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    put_member(&o, name, fallback_of(u, r));
    if (before.len && json_count(u->subject.body))
        buf_put_byte(&b, ',');
    buf_put(&b, before.len ? span_from(before, (size_t)open + 1) : SPAN("}"));
    struct span text = b.broken ? SPAN_NONE : arena_copy(u->arena, buf_span(&b));
    buf_free(&b);
    if (!text.at)
        return understanding_refuse(u, E_TOO_LARGE, "the body is larger than allowed");
    u->out->body = text;
    return understanding_parse(u, j);
}

static enum err fill_one(struct understanding *u, struct json *j, const struct parameter_check *r)
{
    bool empty = u->out->body.len == 0;
    enum err e = E_OK;
    if (r->field.root == ROOT_QUERY)
        return add_pair(u, r, &u->subject.query, &u->out->query);
    if (u->operation->body == BODY_FORM) {
        e = add_pair(u, r, &u->subject.form, &u->out->body);
        u->out->content_type = empty ? SPAN("application/x-www-form-urlencoded") : u->out->content_type;
    } else if (u->subject.body_shape == SHAPE_JSON) {
        e = splice(u, j, r);
        u->out->content_type = empty ? SPAN("application/json") : u->out->content_type;
    } else if (u->subject.body_shape == SHAPE_FORM) { /* multipart: its bytes go on as they came */
        e = deny(u, r, E_BAD_REQUEST, "not given, and it is required", SPAN_NONE);
    }
    return e;
}

enum err parameters_fill(struct understanding *u, struct json *j, const struct parameter_check *rules, size_t count)
{
    enum err e = E_OK;
    for (size_t i = 0; !e && i < count; i++)
        if (rules[i].fallback && !field_present(&rules[i].field, &u->subject))
            e = fill_one(u, j, &rules[i]);
    return e;
}

/* SPDX-License-Identifier: Apache-2.0
 * canon_fuzz.c - requests by strangers, as Stripe's, Twilio's and Resend's manifests read them: refused with a reason, or brought
 * to one form which, understood again, is the same bytes, the same operation and the same scopes, parameters and cost, and in
 * which a server that reads more simply than we do finds nothing else.
 *
 * Input: "METHOD target", the content type in the second line, the body behind it. "METHOD #17?query" is the call of operation 17,
 * so that all are reached. That the forms are also what real servers take them for is test/sdk/routes.test.js. */
#include "base/embed.h"
#include "vendor/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VENDORS = 3, BLANKS = 3 };
static const char *const files[VENDORS] = { "vendors/stripe.yaml", "vendors/twilio.yaml", "vendors/resend.yaml" };
static const struct span account = { "AC00000000000000000000000000000000", 34 };

struct request {
    struct span method, path, query, type, body;
};
struct reading {
    struct matched matched;
    struct understood u;
};

static const struct vendor *vendors(void)
{
    static struct vendor all[VENDORS];
    static struct arena arena;
    if (all[0].manifest)
        return all;
    arena_init(&arena, 256u << 20);
    for (size_t i = 0; i < VENDORS; i++) {
        struct node *root;
        struct trouble t = { .set = false };
        must(node_read_yaml(&arena, files[i], embed_find(span_of(files[i])), &root, &t) == E_OK);
        must(vendor_read(&arena, root, SPAN_NONE, &all[i], &t) == E_OK);
    }
    return all;
}

/* ---- what was asked ---- */

/* A template's path with something in each of its places. */
static struct span filled(struct arena *a, struct span template)
{
    static const char *const values[BLANKS] = { "ch_1", "cus_A", "AC00000000000000000000000000000000" };
    struct buf b;
    buf_init(&b, 1u << 12);
    for (size_t i = 0, blank = template.len; i < template.len; i++) {
        if (template.at[i] != '{') {
            buf_put(&b, span_make(template.at + i, 1));
            continue;
        }
        while (i < template.len && template.at[i] != '}')
            i++;
        buf_put(&b, span_of(values[blank++ % BLANKS]));
    }
    struct span path = arena_copy(a, buf_span(&b));
    buf_free(&b);
    return path;
}

/* "#17?limit=1": the path of operation 17, and its method. */
static struct span picked(const struct vendor *v, struct span target, struct arena *a, struct request *r)
{
    struct span head, rest = span_from(target, 1);
    uint64_t number = 0;
    size_t count;
    const struct operation *all = vendor_operations(v, &count);
    bool queried = span_cut(&rest, '?', &head);
    if (!span_to_u64(queried ? head : rest, &number))
        return target;
    const struct operation *op = &all[number % count];
    struct span path = filled(a, op->path);
    r->method = op->method;
    return queried ? arena_print(a, "%.*s?%.*s", SPAN_ARG(path), SPAN_ARG(rest)) : path;
}

static bool request_read(const struct vendor *v, struct span text, struct arena *a, struct request *r)
{
    struct span line, target = SPAN("");
    const char *why = NULL;
    if (!span_cut(&text, '\n', &line) || !span_cut(&text, '\n', &r->type))
        return false;
    r->body = text;
    target = line;
    if (!span_cut(&target, ' ', &r->method))
        return false;
    if (span_starts(target, SPAN("#")))
        target = picked(v, target, a, r);
    enum err e = canon_target(a, target, &r->path, &r->query, &why);
    must(e == E_OK || why);
    return e == E_OK;
}

/* ---- reading it ---- */

static enum err understand(struct json *j, const struct vendor *v, const struct request *r, bool reads, struct arena *a, struct reading *out)
{
    struct http_field fields[] = { { SPAN("content-type"), r->type } };
    struct http_head head = { .method = r->method, .target = r->path, .fields = fields, .count = r->type.len ? 1 : 0, .length = -1 };
    struct span why = SPAN_NONE;
    if (!vendor_match(v, r->method, r->path, &out->matched))
        return E_OPERATION_DENIED;
    struct asked q = { .vendor = v,
        .matched = &out->matched,
        .head = &head,
        .query = r->query,
        .body = r->body,
        .account = account,
        .read_objects = reads };
    enum err e = vendor_understand(j, &q, a, &out->u, &why);
    must(e == E_OK || why.len > 0);
    return e;
}

/* ---- the form that goes up ---- */

static void same_scopes(const struct understood *a, const struct understood *b)
{
    must(a->scope_count == b->scope_count && a->scopes_unresolved == b->scopes_unresolved);
    for (size_t i = 0; i < a->scope_count; i++)
        must(span_is(a->scopes[i].name, b->scopes[i].name) && span_is(a->scopes[i].value, b->scopes[i].value) &&
            a->scopes[i].pinned == b->scopes[i].pinned);
}

static void same_parameters(const struct understood *a, const struct understood *b)
{
    must(a->parameter_count == b->parameter_count);
    for (size_t i = 0; i < a->parameter_count; i++)
        must(span_is(a->parameters[i].name, b->parameters[i].name) && span_is(a->parameters[i].value, b->parameters[i].value) &&
            a->parameters[i].number == b->parameters[i].number);
}

static void same(const struct reading *a, const struct reading *b)
{
    must(a->matched.operation == b->matched.operation && a->matched.count == b->matched.count);
    for (size_t i = 0; i < a->matched.count; i++)
        must(span_is(a->matched.captures[i].value, b->matched.captures[i].value));
    must(span_is(a->u.body, b->u.body) && span_is(a->u.query, b->u.query));
    same_scopes(&a->u, &b->u);
    same_parameters(&a->u, &b->u);
    must(a->u.cost_known == b->u.cost_known);
    for (size_t i = 0; i < UNIT_COUNT; i++)
        must(a->u.worst[i] == b->u.worst[i]);
    must(span_is(a->u.customer, b->u.customer) && span_is(a->u.counted_id, b->u.counted_id));
    must(span_is(a->u.wanted.id, b->u.wanted.id) && span_is(a->u.wanted.path, b->u.wanted.path));
}

/* Nothing on which servers were seen to disagree: they all split here, and nowhere else. */
static void plain_path(struct span path)
{
    struct span rest = span_from(path, 1), segment;
    must(span_starts(path, SPAN("/")) && span_find(path, SPAN("//")) < 0);
    while (span_next(&rest, '/', &segment))
        must(!span_is(segment, SPAN(".")) && !span_is(segment, SPAN("..")));
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.at[i];
        must(c > ' ' && c < 0x7f && !strchr("\\;?#\"<>^`{|}", c));
    }
    static const char *const borders[] = { "%2F", "%2f", "%5C", "%2E", "%3B", "%3F", "%23", "%25", "%00" };
    for (size_t i = 0; i < sizeof(borders) / sizeof(borders[0]); i++)
        must(span_find(path, span_of(borders[i])) < 0);
}

static struct span name_of(struct span pair)
{
    struct span name;
    return span_cut(&pair, '=', &name) ? name : pair;
}

static bool repeats(const struct manifest *m, struct span name)
{
    for (size_t i = 0; i < m->repeat_count; i++)
        if (span_is(m->repeat[i], name))
            return true;
    return span_ends(name, SPAN("[]"));
}

/* Who takes the first of a name and who takes the last take the same. */
static void plain_form(const struct manifest *m, struct span form)
{
    struct span rest = form, pair, other, behind;
    for (size_t i = 0; i < form.len; i++)
        must((unsigned char)form.at[i] > ' ' && (unsigned char)form.at[i] < 0x7f && form.at[i] != ';' && form.at[i] != '+');
    for (size_t looked = 0; form.len && looked < 64 && span_next(&rest, '&', &pair); looked++) {
        must(pair.len && name_of(pair).len);
        behind = rest;
        while (!repeats(m, name_of(pair)) && span_next(&behind, '&', &other))
            must(!span_is(name_of(other), name_of(pair)));
    }
}

static void use(struct json *j, const struct vendor *v, struct span text, bool reads)
{
    struct arena a;
    struct request r = { .type = SPAN("") };
    struct reading once, twice;
    arena_init(&a, 64u << 20);
    if (request_read(v, text, &a, &r) && understand(j, v, &r, reads, &a, &once) == E_OK) {
        const struct understood *u = &once.u;
        struct request again = { r.method, SPAN_NONE, SPAN_NONE, u->content_type.at ? u->content_type : r.type, u->body };
        struct span target = u->query.len ? arena_print(&a, "%.*s?%.*s", SPAN_ARG(r.path), SPAN_ARG(u->query)) : r.path;
        const char *why = NULL;
        must(canon_target(&a, target, &again.path, &again.query, &why) == E_OK && span_is(r.path, again.path));
        must(understand(j, v, &again, reads, &a, &twice) == E_OK);
        same(&once, &twice);
        plain_path(r.path);
        plain_form(v->manifest, u->query);
        if (once.matched.operation->body == BODY_FORM)
            plain_form(v->manifest, u->body);
    }
    arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json *j;
    const struct vendor *all = vendors();
    if (!j)
        j = json_new();
    must(j);
    for (size_t i = 0; i < VENDORS; i++)
        use(j, &all[i], span_make((const char *)data, size), size % 2);
    return 0;
}

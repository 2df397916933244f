/* SPDX-License-Identifier: Apache-2.0
 * lint.c - see lint.h. */
#include "vendor/lint.h"

#include "vendor/manifest.h"

struct linting {
    const struct vendor *vendor;
    struct json *json;
    struct arena *arena;
    struct finding *list;
    size_t count;
};

static const char *const rule_names[LINT_RULES] = { [LINT_COST] = "cost",
    [LINT_SCOPES] = "scopes",
    [LINT_DOUBT] = "doubt",
    [LINT_SECRET] = "secret",
    [LINT_DENY] = "deny",
    [LINT_WRITES] = "writes",
    [LINT_SHADOW] = "shadow",
    [LINT_UNKNOWN] = "unknown" };

const char *lint_name(enum lint_rule r) { return rule_names[r]; }

static void find(struct linting *l, enum lint_rule rule, const struct node *at, struct span place, struct span text)
{
    struct finding *list = ARENA_GROW(l->arena, l->list, l->count);
    if (!list)
        return; /* lint looks at the arena in the end */
    l->list = list;
    l->list[l->count++] = (struct finding){ rule, at ? at->line : 0, place, text };
}

/* ---- trials ---- */

enum { TRIAL_ROUNDS = VENDOR_OBJECTS + 1 };

static void understand_trial(const struct sample *s, struct asked *asked, struct json *j, struct arena *a, struct trial *out)
{
    struct object *objects = ARENA_ARRAY(a, struct object, VENDOR_OBJECTS);
    asked->objects = objects;
    for (int round = 0; round < TRIAL_ROUNDS; round++) {
        out->e = vendor_understand(j, asked, a, &out->understood, &out->why);
        if (out->e || !out->understood.wanted.name.at || !objects || asked->object_count == VENDOR_OBJECTS)
            break;
        if (!sample_object(asked->vendor, &out->understood.wanted, a, &objects[asked->object_count]))
            break;
        asked->object_count++;
    }
    if (!out->e && s->answer.at) {
        struct http_head answer = { .status = 200 };
        out->answered = true;
        vendor_settle(j, asked, &out->understood, &answer, s->answer, a, &out->settled);
    }
}

void lint_try(const struct vendor *v, const struct sample *s, const struct node *settings, struct json *j, struct arena *a,
    struct trial *out)
{
    struct http_field fields[SAMPLE_FIELDS];
    const char *why = "";
    struct span path, query;
    *out = (struct trial){ .e = E_OK };
    struct span target = arena_print(a, "%.*s%s%.*s", SPAN_ARG(s->path), s->query.len ? "?" : "", SPAN_ARG(s->query));
    out->e = canon_target(a, target, &path, &query, &why);
    if (out->e) {
        out->why = span_of(why);
        return;
    }
    memcpy(fields, s->fields, sizeof(fields));
    struct http_head head = {
        .method = s->method, .target = target, .fields = fields, .count = s->count, .length = (int64_t)s->body.len
    };
    if (!vendor_match(v, s->method, path, &out->matched)) {
        out->e = E_NOT_FOUND;
        out->why = SPAN("no operation has this method and path");
        return;
    }
    if (out->matched.operation->fields)
        out->e = vendor_refine(j, v, s->body, a, &out->matched, &out->why);
    struct asked asked = { .vendor = v,
        .matched = &out->matched,
        .head = &head,
        .query = query,
        .body = s->body,
        .account = SAMPLE_ACCOUNT,
        .settings = settings,
        .read_objects = true };
    if (!out->e)
        understand_trial(s, &asked, j, a, out);
}

/* ---- the words an API uses for what is dear or dangerous ---- */

static bool has_word(struct span text, const char *const words[])
{
    for (size_t i = 0; words[i]; i++)
        if (span_find(text, span_of(words[i])) >= 0)
            return true;
    return false;
}

static bool sounds_secret(const struct operation *op)
{
    static const char *const words[] = { "token", "secret", "password", "credential", "api_key", "api-key", "apikey", "apiKey",
        "private_key", "signing_key", NULL };
    return has_word(op->name, words) || has_word(op->path, words);
}

static bool sounds_like_writing(struct span name)
{
    static const char *const words[] = { "create", "Create", "update", "Update", "merge", "Merge", "upload", "Upload", "store", "Store",
        NULL };
    struct span rest = name, piece = name;
    while (span_next(&rest, '.', &piece))
        continue; /* the last: "uploads.get" reads */
    return has_word(piece, words);
}

/* ---- rules of thumb ---- */

static void check_cost(struct linting *l, const struct operation *op, const struct node *n, struct span place)
{
    const struct rules *r = &l->vendor->manifest->rules[op->index];
    bool said = n->kind == NODE_MAP && (node_get(n, "moves_money") || node_get(n, "fields"));
    if (op->writes && !span_is(op->method, SPAN("DELETE")) && !op->dialect.at && !r->has_reserve && !said && !op->secret)
        find(l, LINT_COST, n, place,
            SPAN("writes, and nothing says what it may cost; give `reserve`, or `moves_money: false` if it costs nothing"));
    if (op->moves_money && !r->has_reserve && !op->dialect.at)
        find(l, LINT_COST, n, place, SPAN("moves money without a rule: it is refused wherever a money budget applies"));
}

static bool is_when(const struct expr *x) { return x->kind == EXPR_CALL && strcmp(x->function->name, "when") == 0; }

/* 0 by the rule's own word, not as what is left of an amount. */
static bool says_nothing(const struct expr *x)
{
    bool zero = x->kind == EXPR_NUMBER && x->nano == 0;
    return zero || (is_when(x) && (says_nothing(x->args[1]) || says_nothing(x->args[2])));
}

static void check_priced(struct linting *l, const struct operation *op, const struct node *n, struct span place)
{
    const struct rules *r = &l->vendor->manifest->rules[op->index];
    bool never = false;
    for (size_t u = 0; u < UNIT_COUNT; u++)
        never |= r->reserve[u] && !says_nothing(r->reserve[u]);
    if (op->priced && never)
        find(l, LINT_COST, n, place, SPAN("says `moves_money: priced`, and no `when` of its `reserve` gives 0; drop it"));
}

/* A stop of writes lets through what is marked so. */
static void check_writes(struct linting *l, const struct operation *op, const struct node *n, struct span place)
{
    bool said = n->kind == NODE_MAP && node_get(n, "note");
    bool could = span_is(op->method, SPAN("POST")) || span_is(op->method, SPAN("PUT")) || span_is(op->method, SPAN("PATCH"));
    if (could && !op->writes && !said && sounds_like_writing(op->name))
        find(l, LINT_WRITES, n, place,
            SPAN("says `writes: false`, and sounds as if it wrote; drop it, or say in `note` what it only reads"));
}

static bool says_unknown(const struct expr *x)
{
    bool found = x && x->kind == EXPR_CALL && strcmp(x->function->name, "unknown") == 0;
    for (size_t i = 0; x && i < x->count && !found; i++)
        found = says_unknown(x->args[i]);
    return found;
}

static bool touches_something(const struct manifest *m, const struct rules *r)
{
    return r->unscoped || r->scope_count || m->scope_count;
}

static void check_money(struct linting *l, const struct operation *op, const struct node *n, struct span place)
{
    const struct manifest *m = l->vendor->manifest;
    const struct rules *r = &m->rules[op->index];
    if (!op->moves_money || op->dialect.at)
        return;
    if (!touches_something(m, r))
        find(l, LINT_SCOPES, n, place,
            SPAN("moves money and touches nothing that a policy could pin; give `scopes`, or `unscoped: true`"));
    if (op->writes && !op->idempotent && !op->look_up)
        find(l, LINT_DOUBT, n, place,
            SPAN("moves money, and an answer that is lost waits for an operator; `idempotency` lets it be asked again, `doubt` "
                 "be looked up"));
}

static void check_secret(struct linting *l, const struct operation *op, const struct node *n, struct span place)
{
    const struct manifest *m = l->vendor->manifest;
    bool told =
        op->secret || m->redact.count || m->rules[op->index].redact.count || (n->kind == NODE_MAP && node_get(n, "secret"));
    if (!told && sounds_secret(op) && !span_is(op->method, SPAN("DELETE")))
        find(l, LINT_SECRET, n, place,
            SPAN("sounds as if it gave away a secret; `secret: true` refuses it unless a policy names it, `redact` blots the "
                 "secret out, `secret: false` says that it does not"));
}

static bool is_operation(const struct vendor *v, struct span method, struct span path, const struct operation *op)
{
    struct matched hit;
    return vendor_match(v, method, path, &hit) && hit.operation == op;
}

/* The n-th step of a template, and its captures before that. */
static struct span step_at(const struct operation *op, size_t n, size_t *captures)
{
    struct span rest = span_from(op->path, 1), step;
    *captures = 0;
    for (size_t i = 0; span_next(&rest, '/', &step); i++) {
        if (i == n)
            return step;
        *captures += span_starts(step, SPAN("{"));
    }
    return SPAN_NONE;
}

static bool same_until(const struct operation *a, const struct operation *b, size_t n)
{
    size_t ignored;
    for (size_t i = 0; i < n; i++)
        if (!span_is(step_at(a, i, &ignored), step_at(b, i, &ignored)))
            return false;
    return true;
}

/* "{id}", "{customerId}", "{Sid}.json": made by the vendor, and never a word of a path. */
static bool is_made_id(struct span step)
{
    struct span name = span_from(step, 1), end = name;
    (void)span_cut(&end, '}', &name);
    return span_ends(name, SPAN("id")) || span_ends(name, SPAN("Id")) || span_ends(name, SPAN("ID"));
}

/* One for all operations behind the same step. */
static bool is_told(const struct linting *l, const struct operation *op, size_t n)
{
    size_t count, ignored;
    const struct operation *list = vendor_operations(l->vendor, &count);
    for (size_t i = 0; i < op->index; i++)
        if (span_is(step_at(&list[i], n, &ignored), step_at(op, n, &ignored)) && same_until(op, &list[i], n))
            return true;
    return false;
}

/* A value that happens to be the word of another path: then the router is on that path and does not come back. */
static void check_word(struct linting *l, const struct operation *op, size_t n, const struct node *node, struct span place)
{
    size_t count, capture, ignored;
    const struct operation *list = vendor_operations(l->vendor, &count);
    struct span step = step_at(op, n, &capture);
    if (!span_starts(step, SPAN("{")) || !span_ends(step, SPAN("}")) || is_made_id(step) || is_told(l, op, n))
        return;
    for (size_t i = 0; i < count; i++) {
        struct span word = step_at(&list[i], n, &ignored);
        if (!word.at || span_starts(word, SPAN("{")) || !same_until(op, &list[i], n))
            continue;
        struct matched hit;
        struct span path = sample_path(l->vendor, op, capture, word, l->arena);
        if (path.at && vendor_match(l->vendor, op->method, path, &hit))
            continue;
        find(l, LINT_SHADOW, node, place,
            arena_print(l->arena, "with \"%.*s\" in place of %.*s it is refused, because %.*s has that word in its path",
                SPAN_ARG(word), SPAN_ARG(step), SPAN_ARG(list[i].name)));
        return;
    }
}

static void check_route(struct linting *l, const struct operation *op, const struct node *n, struct span place)
{
    struct matched hit;
    size_t ignored;
    if (l->vendor->manifest->rules[op->index].by_field)
        return;
    struct span path = sample_path(l->vendor, op, SIZE_MAX, SPAN(""), l->arena);
    if (!is_operation(l->vendor, op->method, path, op)) {
        bool other = vendor_match(l->vendor, op->method, path, &hit);
        find(l, LINT_SHADOW, n, place,
            arena_print(l->arena, "is never reached: %.*s %.*s is %.*s", SPAN_ARG(op->method), SPAN_ARG(path),
                SPAN_ARG(other ? hit.operation->name : SPAN("refused, since another operation has a step of it written out"))));
        return;
    }
    for (size_t i = 0; step_at(op, i, &ignored).at; i++)
        check_word(l, op, i, n, place);
}

/* ---- what comes out unknown for a request that has everything ---- */

static struct span shown(struct linting *l, const struct sample *s)
{
    return arena_print(l->arena, "%.*s %.*s%s%.*s%s%.*s", SPAN_ARG(s->method), SPAN_ARG(s->path), s->query.len ? "?" : "",
        SPAN_ARG(s->query), s->body.len ? " " : "", SPAN_ARG(span_first(s->body, 200)));
}

static void tell_unknown(struct linting *l, const struct operation *op, const struct sample *s, const struct trial *t,
    const struct node *n, struct span place)
{
    const struct understood *u = &t->understood;
    const struct rules *r = &l->vendor->manifest->rules[op->index];
    if (t->e && t->e != E_NOT_FOUND)
        find(l, LINT_UNKNOWN, n, place,
            arena_print(l->arena, "a made-up request is refused (%.*s): %.*s", SPAN_ARG(t->why), SPAN_ARG(shown(l, s))));
    if (t->e)
        return;
    if (r->has_reserve && !u->cost_known && !says_unknown(r->reserve[UNIT_USD]))
        find(l, LINT_UNKNOWN, n, place,
            arena_print(l->arena, "what it costs is unknown for the made-up request %.*s", SPAN_ARG(shown(l, s))));
    for (size_t i = 0; i < u->scope_count; i++)
        if (span_is(u->scopes[i].value, SPAN("?")))
            find(l, LINT_UNKNOWN, n, place,
                arena_print(l->arena, "does not show whom it touches (%.*s) in the made-up request %.*s",
                    SPAN_ARG(u->scopes[i].name), SPAN_ARG(shown(l, s))));
    if (t->answered && (r->settle[UNIT_USD] || r->settle[UNIT_MESSAGES]) && (t->settled.estimate || !t->settled.known))
        find(l, LINT_UNKNOWN, n, place,
            arena_print(
                l->arena, "what it did cost is unknown for the made-up answer %.*s", SPAN_ARG(span_first(s->answer, 200))));
}

static void check_trial(struct linting *l, const struct operation *op, const struct node *n, struct span place)
{
    struct sample sample;
    struct trial trial;
    if (!sample_make(l->vendor, op, l->arena, &sample))
        return;
    lint_try(l->vendor, &sample, NULL, l->json, l->arena, &trial);
    tell_unknown(l, op, &sample, &trial, n, place);
}

enum err lint(
    const struct vendor *v, const struct node *root, struct json *j, struct arena *a, struct finding **out, size_t *count)
{
    struct linting l = { .vendor = v, .json = j, .arena = a };
    size_t operations, i = 0;
    const struct operation *list = vendor_operations(v, &operations);
    const struct node *deny = node_get(root, "deny");
    if (!node_get(deny, "body"))
        find(&l, LINT_DENY, deny ? deny : root, SPAN("deny.body"),
            SPAN("refusals have the gate's own shape; say what this API's errors look like, so that its SDK raises them as its "
                 "own"));
    for (const struct node *n = node_get(root, "operations")->first; n && i < operations; n = n->next, i++) {
        struct span place = arena_print(a, "operations.%.*s", SPAN_ARG(n->name));
        check_cost(&l, &list[i], n, place);
        check_priced(&l, &list[i], n, place);
        check_writes(&l, &list[i], n, place);
        check_money(&l, &list[i], n, place);
        check_secret(&l, &list[i], n, place);
        check_route(&l, &list[i], n, place);
        check_trial(&l, &list[i], n, place);
    }
    *out = l.list;
    *count = l.count;
    return a->broken ? E_NO_MEMORY : E_OK;
}

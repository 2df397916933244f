/* SPDX-License-Identifier: Apache-2.0
 * vendor_check.c - `tollgate vendor check`: compiles a manifest, says what it may have forgotten, and shows what the gate would make of a
 * call. Needs no gate: all of it is the manifest's own. */
#include "base/money.h"
#include "cli/manifest_file.h"
#include "cli/object.h"
#include "vendor/lint.h"

enum { SHOWN_OF_A_RULE = 8 };

/* ---- findings ---- */

static void put_json_findings(const struct finding *list, size_t count)
{
    struct buf out;
    buf_init(&out, 16 << 20);
    struct json_out o = json_out(&out);
    json_open(&o, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(&o, '{');
        json_pair(&o, SPAN("rule"), span_of(lint_name(list[i].rule)));
        json_pair_i64(&o, SPAN("line"), list[i].line);
        json_pair(&o, SPAN("place"), list[i].place);
        json_pair(&o, SPAN("text"), list[i].text);
        json_close(&o, '}');
    }
    json_close(&o, ']');
    printf("%.*s\n", SPAN_ARG(buf_span(&out)));
    buf_free(&out);
}

static void print_findings(const struct cli *c, const struct manifest_file *m, const struct finding *list, size_t count)
{
    size_t seen[LINT_RULES] = { 0 };
    bool all = option_given(c, "all");
    for (size_t i = 0; i < count; i++)
        if (seen[list[i].rule]++ < SHOWN_OF_A_RULE || all)
            printf("%.*s:%d: %.*s: %.*s\n", SPAN_ARG(m->name), list[i].line, SPAN_ARG(list[i].place), SPAN_ARG(list[i].text));
    for (int r = 0; r < LINT_RULES && !all; r++)
        if (seen[r] > SHOWN_OF_A_RULE)
            printf("... and %zu more about %s; --all shows them\n", seen[r] - SHOWN_OF_A_RULE, lint_name((enum lint_rule)r));
}

static int check_all(struct cli *c, const struct manifest_file *m)
{
    struct finding *list = NULL;
    size_t count = 0, operations;
    (void)vendor_operations(&m->vendor, &operations);
    if (lint(&m->vendor, m->root, c->reader, &c->arena, &list, &count) != E_OK) {
        fprintf(stderr, "tollgate vendor: not enough memory\n");
        return EXIT_REFUSED;
    }
    if (c->json)
        put_json_findings(list, count);
    else
        print_findings(c, m, list, count);
    if (!c->json)
        printf("%.*s: %zu operations, %zu to look at\n", SPAN_ARG(m->name), operations, count);
    return count && option_given(c, "strict") ? EXIT_REFUSED : EXIT_DONE;
}

/* ---- one call ---- */

/* "POST /v1/charges?a=b amount=5": method, target, the rest is the body. */
static bool read_call(struct cli *c, struct span text, struct sample *s)
{
    struct span rest = text, target, path;
    if (!span_cut(&rest, ' ', &s->method))
        return false;
    target = rest;
    s->body = SPAN("");
    if (span_cut(&rest, ' ', &target))
        s->body = span_trim(rest);
    s->query = SPAN("");
    s->path = target;
    rest = target;
    if (span_cut(&rest, '?', &path)) {
        s->path = path;
        s->query = rest;
    }
    if (span_starts(s->body, SPAN("@")))
        s->body = object_read(c, span_from(s->body, 1));
    return s->body.at && span_starts(s->path, SPAN("/"));
}

static bool read_headers(struct cli *c, struct sample *s)
{
    struct span text;
    for (size_t i = 0; (text = option_nth(c, "header", i)).at; i++) {
        struct span value = text, name;
        if (!span_cut(&value, ':', &name) || s->count == SAMPLE_FIELDS)
            return false;
        s->fields[s->count++] = (struct http_field){ span_trim(name), span_trim(value) };
    }
    return true;
}

static void add_type(struct sample *s)
{
    bool json = span_starts(s->body, SPAN("{")) || span_starts(s->body, SPAN("["));
    for (size_t i = 0; i < s->count; i++)
        if (span_is_nocase(s->fields[i].name, SPAN("content-type")))
            return;
    if (s->body.len && s->count < SAMPLE_FIELDS)
        s->fields[s->count++] = (struct http_field){ SPAN("content-type"), json ? SPAN("application/json") : SPAN("application/x-www-form-urlencoded") };
}

static void put_trial(struct json_out *o, const struct trial *t)
{
    const struct understood *u = &t->understood;
    const struct operation *op = t->matched.operation;
    json_open(o, '{');
    json_pair(o, SPAN("operation"), op ? op->name : SPAN_NONE);
    json_pair(o, SPAN("refused"), t->e ? t->why : SPAN_NONE);
    json_name(o, SPAN("scopes"));
    json_open(o, '[');
    for (size_t i = 0; !t->e && i < u->scope_count; i++) {
        json_open(o, '{');
        json_pair(o, SPAN("name"), u->scopes[i].name);
        json_pair(o, SPAN("value"), u->scopes[i].value);
        json_close(o, '}');
    }
    json_close(o, ']');
    if (!t->e && u->cost_known)
        json_pair_money(o, SPAN("cost_usd"), u->worst[UNIT_USD]);
    json_pair_bool(o, SPAN("cost_known"), !t->e && u->cost_known);
    json_pair_i64(o, SPAN("messages"), t->e ? 0 : u->worst[UNIT_MESSAGES]);
    json_pair(o, SPAN("body"), t->e ? SPAN_NONE : u->body);
    json_close(o, '}');
}

static void print_trial(const struct trial *t)
{
    char text[MONEY_TEXT];
    const struct understood *u = &t->understood;
    const struct operation *op = t->matched.operation;
    printf("operation   %.*s\n", SPAN_ARG(op->name));
    if (op->note.at)
        printf("note        %.*s\n", SPAN_ARG(op->note));
    for (size_t i = 0; i < u->scope_count; i++)
        printf("touches     %.*s = %.*s%s\n", SPAN_ARG(u->scopes[i].name), SPAN_ARG(u->scopes[i].value), span_is(u->scopes[i].value, SPAN("?")) ? "  (not to be told from this request)" : "");
    if (!u->cost_known)
        printf("costs       unknown: refused wherever a money budget applies\n");
    else
        printf("costs       %.*s usd at most, %lld messages\n", SPAN_ARG(money_text(u->worst[UNIT_USD], text)), (long long)u->worst[UNIT_MESSAGES]);
    printf("reads       %s\n", op->writes ? "no, it writes" : "yes");
    if (op->secret)
        printf("secret      refused unless a policy names it exactly\n");
    if (u->body.len)
        printf("goes out as %.*s\n", SPAN_ARG(u->body));
}

static int try_call(struct cli *c, const struct manifest_file *m)
{
    struct sample s = { .answer = SPAN_NONE };
    struct trial t;
    if (!read_call(c, option(c, "call"), &s) || !read_headers(c, &s))
        return usage_error(c, "--call: allowed: \"METHOD /path?query BODY\", the body as text or @FILE, with --header NAME:VALUE");
    add_type(&s);
    lint_try(&m->vendor, &s, NULL, c->reader, &c->arena, &t);
    if (c->json) {
        struct buf out;
        buf_init(&out, 1 << 20);
        struct json_out o = json_out(&out);
        put_trial(&o, &t);
        printf("%.*s\n", SPAN_ARG(buf_span(&out)));
        buf_free(&out);
    } else if (t.e) {
        printf("refused: %.*s\n", SPAN_ARG(t.why));
    } else {
        print_trial(&t);
    }
    return t.e ? EXIT_REFUSED : EXIT_DONE;
}

int vendor_check(struct cli *c)
{
    struct manifest_file m;
    int code = manifest_open(c, c->operands[1], &m);
    if (code != EXIT_DONE)
        return code;
    return option_given(c, "call") ? try_call(c, &m) : check_all(c, &m);
}

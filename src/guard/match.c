/* SPDX-License-Identifier: Apache-2.0
 * match.c - checks that look for something in a text: regexMatch, contains, endsWith, containsCode, notNull, and upper and lower case. */
#include "guard/inside.h"
#include "guard/regex.h"

#include <stdio.h>

enum { PATH = 300 };

struct words {
    struct span *list;
    size_t count;
    enum operator op;
};

/* ---- regexMatch ---- */

static bool read_regex(struct check *c, const struct node *n, const char *path, struct arena *a, struct trouble *t)
{
    const struct node *rule = node_get(n, "rule");
    struct span text = SPAN_NONE;
    const struct regex *r = NULL;
    char field[PATH], why[200];
    snprintf(field, sizeof(field), "%.200s.rule", path);
    if (!need(rule, n, path, "rule", "a pattern", t) || !node_span(rule, field, &text, t))
        return false;
    if (!regex_read(a, text, SPAN(""), &r, why)) {
        trouble_found(t, rule, field, why);
        return false;
    }
    c->rule = (void *)(uintptr_t)r;
    return true;
}

static bool judge_regex(struct look *l, const struct check *c, struct span text)
{
    const char *why = NULL;
    enum regex_found found = regex_find(c->rule, text, &l->effort, &why);
    if (found == REGEX_UNKNOWN)
        l->error = why;
    l->saying = found == REGEX_YES ? SPAN("the pattern was found") : SPAN("the pattern was not found");
    return found == REGEX_YES;
}

static const char *const regex_parameters[] = { "rule", NULL };
const struct check_kind check_regexMatch = { .id = "regexMatch", .parameters = regex_parameters, .read = read_regex, .judge = judge_regex };

/* ---- contains ---- */

static bool read_contains(struct check *c, const struct node *n, const char *path, struct arena *a, struct trouble *t)
{
    struct words *w = ARENA_NEW(a, struct words);
    if (!w || !read_words(a, n, path, "words", &w->list, &w->count, t) || !read_operator(n, path, OPERATOR_ANY, &w->op, t))
        return false;
    c->rule = w;
    c->forbids = w->op == OPERATOR_NONE;
    return true;
}

static bool judge_contains(struct look *l, const struct check *c, struct span text)
{
    const struct words *w = c->rule;
    size_t found = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (!effort_spend(&l->effort, 1 + (int64_t)(text.len / 16))) {
            l->error = "the checks of this call took too long";
            return false;
        }
        found += span_find(text, w->list[i]) >= 0;
    }
    l->saying = arena_print(l->arena, "%zu of %zu words were found; wanted: %s", found, w->count, operator_names[w->op]);
    return w->op == OPERATOR_ANY ? found > 0 : w->op == OPERATOR_ALL ? found == w->count : found == 0;
}

static const char *const contains_parameters[] = { "words", "operator", NULL };
const struct check_kind check_contains = { .id = "contains", .parameters = contains_parameters, .read = read_contains, .judge = judge_contains };

/* ---- endsWith ---- */

static bool read_suffix(struct check *c, const struct node *n, const char *path, struct arena *a, struct trouble *t)
{
    struct span *suffix = ARENA_NEW(a, struct span);
    char field[PATH];
    snprintf(field, sizeof(field), "%.200s.suffix", path);
    if (!suffix || !need(node_get(n, "suffix"), n, path, "suffix", "a text", t) || !node_span(node_get(n, "suffix"), field, suffix, t))
        return false;
    if (!suffix->len)
        trouble_say(t, n, field, "an empty text, with which everything ends");
    c->rule = suffix;
    return !t->set;
}

static bool judge_suffix(struct look *l, const struct check *c, struct span text)
{
    const struct span *suffix = c->rule;
    bool ends = span_ends(text, *suffix) || (span_ends(text, SPAN(".")) && span_ends(span_first(text, text.len - 1), *suffix));
    l->saying = ends ? SPAN("the text ends with the suffix") : SPAN("the text does not end with the suffix");
    return ends;
}

static const char *const suffix_parameters[] = { "suffix", NULL };
const struct check_kind check_endsWith = { .id = "endsWith", .parameters = suffix_parameters, .read = read_suffix, .judge = judge_suffix };

/* ---- alluppercase, alllowercase, notNull: no parameters of their own ---- */

static bool read_nothing(struct check *c, const struct node *n, const char *path, struct arena *a, struct trouble *t)
{
    (void)c, (void)n, (void)path, (void)a, (void)t;
    return true;
}

static bool has_letter(struct span text, char from, char to)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] >= from && text.at[i] <= to)
            return true;
    return false;
}

static bool judge_upper(struct look *l, const struct check *c, struct span text)
{
    (void)c;
    bool upper = !has_letter(text, 'a', 'z');
    l->saying = upper ? SPAN("all letters A to Z are upper case") : SPAN("not all letters A to Z are upper case");
    return upper;
}
const struct check_kind check_alluppercase = { .id = "alluppercase", .read = read_nothing, .judge = judge_upper };

static bool judge_lower(struct look *l, const struct check *c, struct span text)
{
    (void)c;
    bool lower = !has_letter(text, 'A', 'Z');
    l->saying = lower ? SPAN("all letters A to Z are lower case") : SPAN("not all letters A to Z are lower case");
    return lower;
}
const struct check_kind check_alllowercase = { .id = "alllowercase", .read = read_nothing, .judge = judge_lower };

static bool judge_not_null(struct look *l, const struct check *c, struct span text)
{
    (void)c;
    size_t i = 0;
    while (i < text.len && strchr(" \t\r\n", text.at[i]) && text.at[i])
        i++;
    l->saying = i < text.len ? SPAN("there is a text") : SPAN("there is no text");
    return i < text.len;
}
const struct check_kind check_notNull = { .id = "notNull", .read = read_nothing, .judge = judge_not_null };

/* ---- containsCode ---- */

/* Names of a language, its first one Portkey's; what stands behind ``` is compared with all, whatever its case. */
static const char *const languages[][5] = {
    { "SQL" }, { "Python", "py", "python3" }, { "TypeScript", "ts", "tsx" }, { "JavaScript", "js", "jsx" }, { "Java" },
    { "C#", "csharp", "cs" }, { "C++", "cpp", "cxx", "cc" }, { "C" }, { "PHP" }, { "Ruby", "rb" }, { "Swift" }, { "Kotlin", "kt" },
    { "Go", "golang" }, { "Rust", "rs" }, { "Scala" }, { "R" }, { "Perl", "pl" }, { "Shell", "sh", "bash", "zsh" },
    { "PowerShell", "ps1" }, { "HTML" }, { "CSS" }, { "XML" }, { "JSON" }, { "YAML", "yml" }, { "Markdown", "md" },
    { "Dockerfile", "docker" }, { "Lua" }, { "Haskell", "hs" }, { "TOML" },
};
enum { LANGUAGES = sizeof(languages) / sizeof(languages[0]) };

static bool language_is(const char *const names[5], struct span s)
{
    for (size_t i = 0; i < 5 && names[i]; i++)
        if (span_is_nocase(s, span_of(names[i])))
            return true;
    return false;
}

static bool read_code(struct check *c, const struct node *n, const char *path, struct arena *a, struct trouble *t)
{
    const struct node *format = node_get(n, "format");
    struct span name = SPAN_NONE;
    char field[PATH], all[400] = "one of ";
    size_t len = strlen(all);
    (void)a;
    snprintf(field, sizeof(field), "%.200s.format", path);
    if (!need(format, n, path, "format", "a language", t) || !node_span(format, field, &name, t))
        return false;
    for (size_t i = 0; i < LANGUAGES; i++) {
        if (language_is(languages[i], name))
            c->rule = (void *)(uintptr_t)languages[i];
        len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", i ? ", " : "", languages[i][0]);
    }
    if (!c->rule)
        trouble_found(t, format, field, all);
    return c->rule != NULL;
}

static bool judge_code(struct look *l, const struct check *c, struct span text)
{
    struct span rest = text;
    bool found = false;
    for (ptrdiff_t at; !found && (at = span_find(rest, SPAN("```"))) >= 0;) {
        size_t len = 0;
        rest = span_from(rest, (size_t)at + 3);
        while (len < rest.len && !strchr(" \t\r\n`{", rest.at[len]))
            len++;
        found = len && language_is(c->rule, span_first(rest, len));
    }
    const char *name = *(const char *const *)c->rule;
    l->saying = arena_print(l->arena, "%s code in %s", found ? "there is" : "there is no", name);
    return found;
}

static const char *const code_parameters[] = { "format", NULL };
const struct check_kind check_containsCode = { .id = "containsCode", .parameters = code_parameters, .read = read_code, .judge = judge_code };

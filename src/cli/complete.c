/* SPDX-License-Identifier: Apache-2.0
 * complete.c - what could stand where the command line's last word is: verbs, actions, options and, asked of the gate without a word
 * and without much patience, names and ids. The shells' own parts (completion.c) only pass words on.
 *
 * Each candidate is a line, "word TAB what it is"; ":files" asks the shell for the names of files. */
#include <stdio.h>

#include "cli/api.h"

enum { PATIENCE_MS = 1500 };

/* What a placeholder stands for: a list of the API, and which members to show. */
static const struct source {
    const char *placeholder, *path, *member, *beside;
} sources[] = {
    { "KEY", "keys", "name", "policy" }, { "CREDENTIAL", "credentials", "name", "vendor" }, { "POLICY", "policies", "name", NULL },
    { "BUDGET", "budgets", "id", "limit" }, { "VENDOR", "vendors", "name", NULL }, { "WORKSPACE", "workspaces", "name", NULL },
    { "ROUTE", "routes", "name", NULL }, { "ALERT", "alerts", "name", "type" }, { "EXPERIMENT", "experiments", "name", NULL },
    { "RUN", "runs?limit=50", "run", "last_at" }, { "CALL", "calls?limit=50", "id", "operation" }, { "CALLS", "calls?limit=50", "id", "operation" }, { "APPROVAL", "approvals?state=pending", "id", "operation" },
    { "DOUBT", "doubts", "id", "operation" }, { "SETTING", "settings", "name", NULL }, { "EXPORT", "exports", "name", NULL }, { "TOKEN", "tokens", "name", "role" },
};

enum { SOURCES = sizeof(sources) / sizeof(*sources) };

static const struct source *source_of(struct span placeholder)
{
    for (size_t i = 0; i < SOURCES; i++)
        if (span_is(span_of(sources[i].placeholder), placeholder))
            return &sources[i];
    return NULL;
}

/* "key": KEY. Of a verb or an option, whose NAME or ID is one of its own kind. */
static const struct source *source_called(const char *name)
{
    for (size_t i = 0; i < SOURCES; i++)
        if (span_is_nocase(span_of(sources[i].placeholder), span_of(name)))
            return &sources[i];
    return NULL;
}

static void offer(struct cli *c, struct span typed, struct span word, struct span beside)
{
    if (!word.len || !span_starts(word, typed))
        return;
    printf("%.*s\t%.*s\n", SPAN_ARG(text_tame(&c->arena, word)), SPAN_ARG(beside.at ? text_tame(&c->arena, beside) : SPAN("")));
}

static void offer_from_gate(struct cli *c, struct span typed, const struct source *s)
{
    struct api_path path;
    struct json_value root, item;
    struct span name;
    bool printed;
    api_path(&path, s->path);
    c->json = false;
    c->patience_ms = PATIENCE_MS;
    if (api_call(c, "GET", &path, SPAN_NONE, &root, &printed) != EXIT_DONE)
        return;
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); json_next(&it, &name, &item);)
        offer(c, typed, api_text(c, item, s->member), s->beside ? api_text(c, item, s->beside) : SPAN_NONE);
}

/* What is meant by "RUN", "FILE" or "cut|drain". */
static void offer_for(struct cli *c, struct span typed, struct span placeholder, const struct source *own)
{
    struct span one, words = placeholder;
    const struct source *s = source_of(placeholder);
    if (placeholder.len && placeholder.at[0] >= 'a' && placeholder.at[0] <= 'z') {
        while (span_next(&words, '|', &one))
            offer(c, typed, one, SPAN_NONE);
        return;
    }
    if (span_starts(placeholder, SPAN("FILE")) || span_is(placeholder, SPAN("DIR")) || span_find(placeholder, SPAN("@FILE")) >= 0)
        puts(":files");
    else if (own || s)
        offer_from_gate(c, typed, own ? own : s);
}

static void offer_flags(struct cli *c, struct span typed, const struct flag *flags)
{
    for (; flags && flags->name; flags++)
        offer(c, typed, arena_print(&c->arena, "--%s", flags->name), span_of(flags->help));
}

static void offer_verbs(struct cli *c, struct span typed)
{
    for (size_t i = 0; i < cli_verb_count; i++)
        offer(c, typed, span_of(cli_verbs[i]->name), span_of(cli_verbs[i]->summary));
    offer(c, typed, SPAN("help"), SPAN("what there is; or more about one verb"));
    offer(c, typed, SPAN("version"), SPAN("of this program"));
}

/* The flag whose value the word after `before` is. */
static const struct flag *flag_of(const struct verb *v, struct span before)
{
    const struct flag *const lists[] = { v->flags, v->run ? common_flags : NULL };
    if (!span_starts(before, SPAN("--")))
        return span_is(before, SPAN("-o")) ? flag_of(v, SPAN("--out")) : NULL;
    for (size_t i = 0; i < 2; i++)
        for (const struct flag *f = lists[i]; f && f->name; f++)
            if (span_is(span_of(f->name), span_from(before, 2)))
                return f->value ? f : NULL;
    return NULL;
}

/* The place of the word at hand: operands of the verb, options and their values left out. */
static void read_before(struct cli *c, const struct span *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct flag *f = flag_of(c->verb, words[i]);
        if (f && i + 1 < count)
            c->options[c->option_count++] = (struct option_value){ f, words[++i] };
        else if (!span_starts(words[i], SPAN("-")))
            c->operands[c->operand_count++] = words[i];
    }
}

static void offer_operands(struct cli *c, struct span typed)
{
    struct usage_words form;
    const struct source *own = source_called(c->verb->name);
    for (size_t n = 0; usage_form(c->verb, n, &form); n++) {
        size_t place = c->operand_count;
        if (form.action.at && !place)
            offer(c, typed, form.action, SPAN_NONE);
        if (form.action.at && (!place || !span_is(form.action, c->operands[0])))
            continue;
        place -= form.action.at != NULL;
        if (place < form.operand_count)
            offer_for(c, typed, form.operands[place], place == 0 && !span_starts(form.operands[0], SPAN("FILE")) ? own : NULL);
    }
}

/* words: what stands before, beginning with the verb. */
static void offer_within(struct cli *c, const struct span *words, size_t count, struct span typed)
{
    const struct flag *f = count > 1 ? flag_of(c->verb, words[count - 1]) : NULL;
    read_before(c, words + 1, count - 1 - (f != NULL));
    if (f) {
        offer_for(c, typed, span_of(f->value), span_is(span_of(f->value), SPAN("NAME")) ? source_called(f->name) : NULL);
    } else if (span_starts(typed, SPAN("-"))) {
        offer_flags(c, typed, c->verb->flags);
        offer_flags(c, typed, c->verb->run ? common_flags : NULL);
    } else {
        offer_operands(c, typed);
    }
}

int complete_main(int argc, char **argv)
{
    static struct span words[OPTIONS_MOST];
    struct cli c;
    size_t count = 0;
    if (argc < 1 || argc > OPTIONS_MOST || !freopen("/dev/null", "w", stderr)) /* a shell's prompt is no place for complaints */
        return EXIT_USAGE;
    for (int i = 0; i + 1 < argc; i++)
        if (strcmp(argv[i], "=") != 0) /* bash parts "--key=x" into three words */
            words[count++] = span_of(argv[i]);
    struct span typed = span_of(argv[argc - 1]);
    typed = span_is(typed, SPAN("=")) ? SPAN("") : typed;
    const struct verb *v = count ? cli_verb(words[0]) : NULL;
    cli_init(&c, v ? v : cli_verbs[0]);
    if (v)
        offer_within(&c, words, count, typed);
    else if (!count || span_is(words[0], SPAN("help")))
        offer_verbs(&c, typed);
    cli_free(&c);
    return EXIT_DONE;
}

/* SPDX-License-Identifier: Apache-2.0
 * man.c - `tollgate man`: the manual, written in mdoc(7) from the rows of the verbs, so that it says what the program does. */
#include <errno.h>
#include <sys/stat.h>

#include "cli/verb.h"

static const struct { int code; const char *text; } exits[] = {
    { EXIT_DONE, "Done." },
    { EXIT_REFUSED, "The gate refused, or answered an error; of what checks something: it is not as it should be." },
    { EXIT_USAGE, "The command line was wrong." },
    { EXIT_UNREACHABLE, "The gate cannot be reached." },
    { EXIT_CONFIG, "The configuration, or a file given, is not valid." },
    { EXIT_PARTLY, "Not everything could be done: of an import, not everything could be mapped." },
};

static const struct { const char *name, *text; } variables[] = {
    { "TOLLGATE_ADMIN", "Where the admin API is, in place of http://127.0.0.1:8081." },
    { "TOLLGATE_ADMIN_TOKEN", "The admin token." },
    { "TOLLGATE_GATE", "Where calls go, in place of http://127.0.0.1:8080; for self and pilot." },
    { "TOLLGATE_KEY", "A key, for self." },
    { "NO_COLOR", "Set to anything: no colour, on a terminal either." },
};

/* Text as it stands: what would be a request or an escape of roff is made harmless. */
static void put(FILE *to, struct span text)
{
    bool line_start = true;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.at[i];
        if (line_start && (byte == '.' || byte == '\''))
            fputs("\\&", to);
        if (byte == '\\')
            fputs("\\e", to);
        else if (byte == '-')
            fputs("\\-", to);
        else
            fputc(byte, to);
        line_start = byte == '\n';
    }
}

/* As an argument of a macro. */
static void put_quoted(FILE *to, struct span text)
{
    fputc('"', to);
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"')
            fputs("\\(dq", to);
        else
            put(to, span_make(text.at + i, 1));
    }
    fputc('"', to);
}

static void put_sentence(FILE *to, const char *text)
{
    put(to, span_of(text));
    fputs(span_ends(span_of(text), SPAN(".")) ? "\n" : ".\n", to);
}

/* "TOLLGATE-KEY": how pages are headed. */
static void put_capitals(FILE *to, const char *name)
{
    for (; *name; name++)
        fputc(*name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name, to);
}

/* v: NULL for the page of the program. */
static void put_head(FILE *to, const struct verb *v)
{
    fprintf(to, ".\\\" Written by `tollgate man` from what the program has.\n.Dd %s\n.Dt TOLLGATE%s", TOLLGATE_DATED, v ? "-" : "");
    put_capitals(to, v ? v->name : "");
    fprintf(to, " 1\n.Os\n.Sh NAME\n.Nm tollgate%s%s\n.Nd ", v ? "-" : "", v ? v->name : "");
    put(to, span_of(v ? v->summary : "one gate between software agents and what they spend money on"));
    fputs("\n", to);
}

static void put_flags(FILE *to, const struct flag *flags)
{
    fputs(".Bl -tag -width Ds\n", to);
    for (; flags->name; flags++) {
        fprintf(to, ".It Fl \\-%s", flags->name);
        if (flags->value) {
            fputs(" Ar ", to);
            put_quoted(to, span_of(flags->value));
        }
        fputc('\n', to);
        put_sentence(to, flags->help);
    }
    fputs(".El\n", to);
}

/* The usage is laid out by hand: it stays as it is. */
static void put_usage(FILE *to, const char *usage)
{
    struct span text = span_of(usage), line;
    fputs(".Sh SYNOPSIS\n.Bd -literal -compact\n", to);
    while (span_next(&text, '\n', &line)) {
        if (line.len || text.len) {
            put(to, span_starts(line, SPAN("  ")) ? span_from(line, 2) : line);
            fputc('\n', to);
        }
    }
    fputs(".Ed\n", to);
}

static void put_exits(FILE *to)
{
    fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n", to);
    for (size_t i = 0; i < sizeof(exits) / sizeof(*exits); i++) {
        fprintf(to, ".It %d\n", exits[i].code);
        put_sentence(to, exits[i].text);
    }
    fputs(".El\n", to);
}

static void put_environment(FILE *to)
{
    fputs(".Sh ENVIRONMENT\n.Bl -tag -width Ds\n", to);
    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
        fprintf(to, ".It Ev %s\n", variables[i].name);
        put_sentence(to, variables[i].text);
    }
    fputs(".El\n", to);
}

static void page_of_verb(FILE *to, const struct verb *v)
{
    put_head(to, v);
    put_usage(to, v->usage);
    fputs(".Sh DESCRIPTION\n", to);
    if (v->flags && v->flags->name) {
        fputs("The options:\n", to);
        put_flags(to, v->flags);
        fputs(v->run ? ".Pp\n" : "", to);
    }
    if (v->run) {
        fputs("Options of every verb that speaks to a gate:\n", to);
        put_flags(to, common_flags);
        put_environment(to);
    }
    put_exits(to);
    fputs(".Sh SEE ALSO\n.Xr tollgate 1\n", to);
}

static void page_of_all(FILE *to)
{
    put_head(to, NULL);
    fputs(".Sh SYNOPSIS\n.Nm\n.Ar verb\n.Op Ar options\n.Sh DESCRIPTION\n"
          "An agent holds a key of the gate, never a real secret.\n"
          "Each of its calls passes the gate, which knows who is calling, what the call may do, what it will cost at most and whether that\n"
          "still fits; forwards it; measures what it really cost; and writes it down.\n.Pp\n"
          ".Nm\n.Cm serve\nruns the gate; every other verb speaks to a running one.\n.Pp\nThe verbs, each with a page of its own:\n.Bl -tag -width credential\n",
        to);
    for (size_t i = 0; i < cli_verb_count; i++) {
        fprintf(to, ".It Xr tollgate\\-%s 1\n", cli_verbs[i]->name);
        put_sentence(to, cli_verbs[i]->summary);
    }
    fputs(".El\n.Pp\nOptions of every verb but\n.Cm serve :\n", to);
    put_flags(to, common_flags);
    put_environment(to);
    fputs(".Sh FILES\n.Bl -tag -width Ds\n.It Pa data/admin.token\nThe admin token of a configuration without one, made by the first start.\n"
          ".It Pa data/tollgate.db\nWhat survives: calls, balances, holds, objects that were made through the admin API.\n.El\n",
        to);
    put_exits(to);
}

static bool write_page(struct cli *c, struct span dir, const struct verb *v)
{
    struct span path = v ? arena_print(&c->arena, "%.*s/tollgate-%s.1", SPAN_ARG(dir), v->name) : arena_print(&c->arena, "%.*s/tollgate.1", SPAN_ARG(dir));
    FILE *to = path.at ? fopen(path.at, "we") : NULL;
    if (to && v)
        page_of_verb(to, v);
    else if (to)
        page_of_all(to);
    if (to && fclose(to) == 0)
        return true;
    fprintf(stderr, "tollgate man: %.*s: %s\n", SPAN_ARG(path), strerror(errno));
    return false;
}

static int write_all(struct cli *c, struct span dir)
{
    struct span name = arena_copy(&c->arena, dir);
    if (!name.at || (mkdir(name.at, 0755) != 0 && errno != EEXIST)) {
        fprintf(stderr, "tollgate man: %.*s: %s\n", SPAN_ARG(dir), strerror(errno));
        return EXIT_REFUSED;
    }
    bool fine = write_page(c, dir, NULL);
    for (size_t i = 0; i < cli_verb_count && fine; i++)
        fine = write_page(c, dir, cli_verbs[i]);
    return fine ? EXIT_DONE : EXIT_REFUSED;
}

static int run(struct cli *c)
{
    if (option_given(c, "out") && c->operand_count)
        return usage_error(c, "--out writes all pages; it goes without \"%.*s\"", SPAN_ARG(c->operands[0]));
    if (option_given(c, "out"))
        return write_all(c, option(c, "out"));
    const struct verb *v = c->operand_count ? cli_verb(c->operands[0]) : NULL;
    if (c->operand_count && !v)
        return usage_error(c, "there is no verb \"%.*s\"", SPAN_ARG(c->operands[0]));
    if (v)
        page_of_verb(stdout, v);
    else
        page_of_all(stdout);
    return EXIT_DONE;
}

static const struct flag flags[] = {
    { "out", "DIR", "write all pages there, as tollgate.1 and tollgate-VERB.1", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_man = {
    .name = "man",
    .summary = "the manual, for man(1): of the program or of one verb",
    .usage = "  tollgate man [VERB]          to be read: tollgate man key | man -l -\n"
             "  tollgate man --out DIR       all pages, to be installed\n",
    .flags = flags,
    .operands = 1,
    .run = run,
};

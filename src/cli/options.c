/* SPDX-License-Identifier: Apache-2.0
 * options.c - reads a verb's command line by its row of flags, and the small languages of some values. Flags may stand
 * anywhere; "--flag=value" and "--flag value" mean the same; "--" ends them. */
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/verb.h"

enum { CLI_ARENA = 512 << 20 };

const struct flag common_flags[] = {
    { "admin", "URL", "the admin API; else TOLLGATE_ADMIN, else http://127.0.0.1:8081", false },
    { "token", "TOKEN", "the admin token; else TOLLGATE_ADMIN_TOKEN, else the file DIR/admin.token", false },
    { "data", "DIR", "the gate's data directory; else ./data, else ./data/sandbox", false },
    { "json", NULL, "print what the API answered, as it is", false },
    { "watch", NULL, "what only shows something: again and again, until it is interrupted", false },
    { "every", "TIME", "how often --watch looks: 500ms, 2s (as without it), 1m", false },
    { "help", NULL, "this text", false },
    { NULL, NULL, NULL, false },
};

void cli_init(struct cli *c, const struct verb *v)
{
    const char *no_colour = getenv("NO_COLOR");
    *c = (struct cli){ .verb = v, .reader = json_new() };
    arena_init(&c->arena, CLI_ARENA);
    c->colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
}

void cli_free(struct cli *c)
{
    json_free(c->reader);
    arena_free(&c->arena);
}

int usage_error(const struct cli *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "tollgate %s: ", c->verb->name);
    vfprintf(stderr, format, args);
    fprintf(stderr, "; `tollgate help %s` says more\n", c->verb->name);
    va_end(args);
    return EXIT_USAGE;
}

static const struct flag *find_in(const struct flag *flags, struct span name)
{
    for (; flags && flags->name; flags++)
        if (span_is(span_of(flags->name), name))
            return flags;
    return NULL;
}

static const struct flag *find(const struct cli *c, struct span name)
{
    const struct flag *own = find_in(c->verb->flags, name);
    return own ? own : find_in(common_flags, name);
}

static int keep(struct cli *c, const struct flag *f, struct span text)
{
    if (!f->many && option_given(c, f->name))
        return usage_error(c, "--%s was given twice", f->name);
    if (c->option_count == OPTIONS_MOST)
        return usage_error(c, "too many options");
    c->options[c->option_count++] = (struct option_value){ f, text };
    return EXIT_DONE;
}

/* "name" or "name=value", without the dashes; *at is moved past a value of its own. */
static int read_flag(struct cli *c, struct span text, int argc, char **argv, int *at)
{
    struct span name = text, value = text;
    bool joined = span_cut(&value, '=', &name);
    const struct flag *f = find(c, name);
    if (!f)
        return usage_error(c, "there is no option --%.*s", SPAN_ARG(name));
    if (!f->value)
        return joined ? usage_error(c, "--%s takes no value", f->name) : keep(c, f, SPAN(""));
    if (joined)
        return keep(c, f, value);
    if (*at + 1 >= argc)
        return usage_error(c, "--%s needs a value: %s", f->name, f->value);
    return keep(c, f, span_of(argv[++*at]));
}

static int read_operand(struct cli *c, struct span text)
{
    size_t most = c->verb->operands < OPERANDS_MOST ? c->verb->operands : OPERANDS_MOST;
    if (c->operand_count == most)
        return usage_error(c, "unexpected argument \"%.*s\"", SPAN_ARG(text));
    c->operands[c->operand_count++] = text;
    return EXIT_DONE;
}

int options_read(struct cli *c, int argc, char **argv)
{
    int code = EXIT_DONE;
    bool flags = true;
    for (int i = 0; i < argc && code == EXIT_DONE; i++) {
        struct span text = span_of(argv[i]);
        if (flags && span_is(text, SPAN("--")))
            flags = false;
        else if (flags && span_is(text, SPAN("-h")))
            c->help = true;
        else if (flags && span_is(text, SPAN("-o")))
            code = read_flag(c, SPAN("out"), argc, argv, &i);
        else if (flags && span_starts(text, SPAN("--")))
            code = read_flag(c, span_from(text, 2), argc, argv, &i);
        else
            code = read_operand(c, text);
    }
    c->help = c->help || option_given(c, "help");
    c->json = option_given(c, "json");
    if (code == EXIT_DONE && !c->help && option_given(c, "every") && !option_given(c, "watch"))
        return usage_error(c, "--every goes with --watch only");
    if (code == EXIT_DONE && !c->help && option_given(c, "watch") && !watch_fits(c))
        return usage_error(c, "--watch goes only with what shows something and changes nothing");
    return code;
}

struct span option_nth(const struct cli *c, const char *name, size_t n)
{
    for (size_t i = 0; i < c->option_count; i++)
        if (strcmp(c->options[i].flag->name, name) == 0 && n-- == 0)
            return c->options[i].text;
    return SPAN_NONE;
}

struct span option(const struct cli *c, const char *name) { return option_nth(c, name, 0); }

bool option_given(const struct cli *c, const char *name) { return option(c, name).at != NULL; }

/* ---- values ---- */

struct span option_moment(struct cli *c, struct span text, bool ahead)
{
    char out[TIME_TEXT];
    int64_t ms, moment;
    if (text_time_parse(text, &moment))
        return arena_copy(&c->arena, text_time(moment, out));
    if (!text_duration_parse(text, &ms))
        return SPAN_NONE;
    return arena_copy(&c->arena, text_time(clock_unix_ms() + (ahead ? ms : -ms), out));
}

/* The next word of *rest; blanks and '/' stand between words. */
static bool next_word(struct span *rest, struct span *word)
{
    size_t n = 0;
    while (rest->len && (rest->at[0] == ' ' || rest->at[0] == '/'))
        *rest = span_from(*rest, 1);
    while (n < rest->len && rest->at[n] != ' ' && rest->at[n] != '/')
        n++;
    *word = span_first(*rest, n);
    *rest = span_from(*rest, n);
    return n > 0;
}

static bool is_filler(struct span word)
{
    return span_is(word, SPAN("a")) || span_is(word, SPAN("an")) || span_is(word, SPAN("per")) || span_is(word, SPAN("each"));
}

/* What the words say is checked by the gate, which knows units, windows and vendors. */
struct span option_budget(struct arena *a, struct span text)
{
    struct span amount, unit, word, window = SPAN("total"), vendor = SPAN_NONE, rest = text;
    struct buf out;
    if (!next_word(&rest, &amount) || !next_word(&rest, &unit))
        return SPAN_NONE;
    while (next_word(&rest, &word)) {
        if (is_filler(word))
            continue;
        if (!span_is(word, SPAN("on")))
            window = word;
        else if (!next_word(&rest, &vendor))
            return SPAN_NONE;
    }
    buf_init(&out, 4096);
    struct json_out o = json_out(&out);
    json_open(&o, '{');
    json_pair(&o, SPAN("limit"), arena_print(a, "%.*s %.*s", SPAN_ARG(amount), SPAN_ARG(unit)));
    json_pair(&o, SPAN("window"), window);
    if (vendor.len)
        json_pair(&o, SPAN("vendor"), vendor);
    json_close(&o, '}');
    struct span made = out.broken ? SPAN_NONE : arena_copy(a, buf_span(&out));
    buf_free(&out);
    return made;
}

/* ---- help ---- */

static void flag_help(const struct flag *f, FILE *to)
{
    char left[80];
    snprintf(left, sizeof(left), "--%s%s%s", f->name, f->value ? " " : "", f->value ? f->value : "");
    fprintf(to, "  %-24s %s\n", left, f->help);
}

void verb_help(const struct verb *v, FILE *to)
{
    fprintf(to, "tollgate %s - %s\n\n%s", v->name, v->summary, v->usage);
    if (v->flags)
        fputs("\noptions:\n", to);
    for (const struct flag *f = v->flags; f && f->name; f++)
        flag_help(f, to);
    fputs("\nof every verb:\n", to);
    for (const struct flag *f = common_flags; f->name; f++)
        flag_help(f, to);
}

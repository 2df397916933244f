/* SPDX-License-Identifier: Apache-2.0
 * verb.h - what the files of the verbs share: a verb's row, and the command line as it was read. Private to cli/.
 *
 * A verb is a constant row: name, flags, help, function. It gets a struct cli with its flags checked, asks the admin API
 * (api.h) and prints a table (table.h) or, with --json, the API's answer as it came. */
#ifndef TG_CLI_VERB_H
#define TG_CLI_VERB_H

#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"
#include "cli/cli.h"

#define TOLLGATE_VERSION "0.1.0"

enum { OPTIONS_MOST = 128, OPERANDS_MOST = 8 };

struct flag {
    const char *name;  /* "run": --run */
    const char *value; /* what is to be put in, for the help: "RUN"; NULL: a switch */
    const char *help;
    bool many; /* may be given more than once */
};

struct cli;

struct verb {
    const char *name, *summary;
    const char *usage;         /* lines of the help, each with its line end */
    const struct flag *flags;  /* ended by one without a name; may be NULL */
    size_t operands;           /* at most so many */
    int (*run)(struct cli *c); /* an enum exit_code */
};

struct option_value {
    const struct flag *flag;
    struct span text;
};

struct cli {
    const struct verb *verb;
    struct arena arena;
    struct json *reader;
    struct option_value options[OPTIONS_MOST];
    size_t option_count;
    struct span operands[OPERANDS_MOST];
    size_t operand_count;
    bool help, json, colour;
};

void cli_init(struct cli *c, const struct verb *v);
void cli_free(struct cli *c);

/* options.c: argv is what follows the verb. EXIT_DONE, or EXIT_USAGE with the reason on standard error. */
int options_read(struct cli *c, int argc, char **argv);
/* The n-th (from 0) value given for a flag; SPAN_NONE: not given so often. */
struct span option_nth(const struct cli *c, const char *name, size_t n);
struct span option(const struct cli *c, const char *name);
bool option_given(const struct cli *c, const char *name);
/* "1h" before now, or a time as RFC 3339, as RFC 3339 text; SPAN_NONE: neither. */
struct span option_moment(struct cli *c, struct span text, bool ahead);
/* "20 usd/run", "100 usd a day", "600 requests per minute on stripe": as the JSON of a budget. SPAN_NONE: not readable. */
struct span option_budget(struct arena *a, struct span text);
void verb_help(const struct verb *v, FILE *to);
/* "tollgate VERB: ..." and a hint, on standard error; EXIT_USAGE. */
int usage_error(const struct cli *c, const char *format, ...) PRINTF_LIKE(2, 3);

extern const struct verb verb_calls, verb_run, verb_tail, verb_stop, verb_resume, verb_stops, verb_key, verb_budget, verb_policy,
    verb_credential, verb_vendor, verb_audit, verb_doubt, verb_ledger, verb_alert, verb_reload, verb_token;

#endif

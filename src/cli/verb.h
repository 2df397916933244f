/* SPDX-License-Identifier: Apache-2.0
 * verb.h - what the files of the verbs share: a verb's row, and the command line as it was read. Private to cli/.
 *
 * A verb is a constant row: name, flags, help, function. It gets a struct cli with its flags checked, asks the admin API
 * (api.h) and prints a table (table.h) or, with --json, the API's answer as it came. Help, manual pages (man.c) and completion
 * (complete.c) are made of the same rows, so the lines of `usage` keep to a form: "  tollgate VERB ACTION|ACTION OPERAND ...", where
 * what is typed as it stands is in small letters and what it stands for in capitals. */
#ifndef TG_CLI_VERB_H
#define TG_CLI_VERB_H

#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/version.h"
#include "cli/cli.h"

enum { OPTIONS_MOST = 128, OPERANDS_MOST = 300 /* a price document a country */ };

struct flag {
    const char *name;  /* "run": --run */
    const char *value; /* what is to be put in: "RUN", or the words allowed: "cut|drain"; NULL: a switch */
    const char *help;
    bool many; /* may be given more than once */
};

struct cli;

struct verb {
    const char *name, *summary;
    const char *usage;         /* lines of the help, each with its line end */
    const struct flag *flags;  /* ended by one without a name; may be NULL */
    size_t operands;           /* at most so many */
    const char *watch;         /* --watch goes with these actions, "list show", or with none; "*": with any; NULL: with nothing */
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
    int64_t patience_ms; /* how long an answer of the gate may take; 0: as long as a fetch waits */
};

void cli_init(struct cli *c, const struct verb *v);
void cli_free(struct cli *c);

/* cli.c: every verb, in the order of the help; `serve` among them, without a function. */
extern const struct verb *const cli_verbs[];
extern const size_t cli_verb_count;
const struct verb *cli_verb(struct span name); /* NULL: none */

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
extern const struct flag common_flags[]; /* of every verb that speaks to a gate */
void verb_help(const struct verb *v, FILE *to);
/* "tollgate VERB: ..." and a hint, on standard error; EXIT_USAGE. */
int usage_error(const struct cli *c, const char *format, ...) PRINTF_LIKE(2, 3);
/* Whether the verb with these operands may be run again and again. */
bool watch_fits(const struct cli *c);
/* watch.c: runs the verb each --every until it is interrupted. */
int watch(struct cli *c);
/* complete.c: what could stand where the last word is, a line each ("word TAB what it is"), or ":files". */
int complete_main(int argc, char **argv);

/* words.c: what the lines of a verb's usage say, a word each. */
struct usage_words {
    struct span verb;    /* of the line it stands on */
    struct span action;  /* SPAN_NONE: the verb does without one */
    struct span operands[4]; /* "NAME", "FILE" */
    size_t operand_count;
};
/* The n-th (from 0) form of the usage; "show|delete" counts as two. False: there are no more. */
bool usage_form(const struct verb *v, size_t n, struct usage_words *out);

extern const struct verb verb_calls, verb_run, verb_tail, verb_stop, verb_resume, verb_stops, verb_key, verb_budget, verb_policy, verb_route,
    verb_credential, verb_vendor, verb_audit, verb_doubt, verb_approval, verb_ledger, verb_alert, verb_export, verb_fx, verb_cache, verb_content, verb_experiment, verb_prices, verb_explain, verb_health,
    verb_import, verb_reload, verb_token, verb_completion, verb_man, verb_usage, verb_series, verb_performance, verb_workspace,
    verb_setting, verb_api, verb_top, verb_doctor, verb_pilot, verb_report, verb_reconcile, verb_evidence, verb_login_link, verb_self;

#endif

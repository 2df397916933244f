/* SPDX-License-Identifier: Apache-2.0
 * cli.c - finds the verb and runs it. `serve` reads its own options; every other verb is a row with its flags, and its file
 * gets them read and checked. */
#include <stdio.h>

#include "cli/verb.h"

/* serve.c reads its own command line; this row is for the help, the manual and completion. */
static const struct flag serve_flags[] = {
    { "config", "FILE", "the configuration", false },
    { "data", "DIR", "where everything that is kept stands; else `data:` of the configuration", false },
    { "sandbox", NULL, "with built-in vendors and demo keys: no account needed", false },
    { "no-walk", NULL, "with --sandbox: without the walk-through", false },
    { "check", NULL, "read the configuration, say what is wrong with it, and end", false },
    { NULL, NULL, NULL, false },
};

static const struct verb verb_serve = {
    .name = "serve",
    .summary = "run the gate",
    .usage = "  tollgate serve --config FILE [--data DIR]    run the gate\n"
             "  tollgate serve --sandbox [--no-walk]          run it with built-in vendors and demo keys\n"
             "  tollgate serve --config FILE --check          read the configuration, say what is wrong with it\n",
    .flags = serve_flags,
};

const struct verb *const cli_verbs[] = { &verb_serve, &verb_calls, &verb_run, &verb_usage, &verb_series, &verb_performance, &verb_top, &verb_tail, &verb_stop, &verb_resume, &verb_stops, &verb_key, &verb_budget,
    &verb_policy, &verb_route, &verb_credential, &verb_workspace, &verb_setting, &verb_vendor, &verb_doubt, &verb_approval, &verb_audit, &verb_ledger, &verb_alert, &verb_export, &verb_fx, &verb_cache, &verb_content, &verb_experiment, &verb_prices, &verb_explain, &verb_health, &verb_doctor, &verb_pilot, &verb_report, &verb_reconcile, &verb_evidence,
    &verb_import, &verb_reload, &verb_token, &verb_login_link, &verb_self, &verb_api, &verb_completion, &verb_man };
const size_t cli_verb_count = sizeof(cli_verbs) / sizeof(*cli_verbs);

const struct verb *cli_verb(struct span name)
{
    for (size_t i = 0; i < cli_verb_count; i++)
        if (span_is(span_of(cli_verbs[i]->name), name))
            return cli_verbs[i];
    return NULL;
}

static void help(FILE *to)
{
    fputs("tollgate - one gate between software agents and what they spend money on\n\n"
          "  tollgate serve --config FILE [--data DIR]   run the gate\n"
          "  tollgate serve --sandbox                    run it with built-in vendors: no account needed\n\n"
          "With a gate running:\n",
        to);
    for (size_t i = 0; i < cli_verb_count; i++)
        if (cli_verbs[i]->run)
            fprintf(to, "  %-12s %s\n", cli_verbs[i]->name, cli_verbs[i]->summary);
    fputs("\n`tollgate help VERB` says more. Exit codes: 0 done; 1 the gate refused; 2 wrong command line; 3 the gate cannot be\n"
          "reached; 4 the configuration is not valid; 5 not everything could be imported.\n",
        to);
}

static int help_on(const char *name)
{
    static char flag[] = "--help";
    char *serve_help[] = { flag, flag, NULL };
    const struct verb *v = cli_verb(span_of(name));
    if (v && v->run) {
        verb_help(v, stdout);
        return EXIT_DONE;
    }
    if (v)
        return serve(2, serve_help);
    fprintf(stderr, "tollgate help: there is no verb \"%s\"\n", name);
    help(stderr);
    return EXIT_USAGE;
}

static int run_verb(const struct verb *v, int argc, char **argv)
{
    struct cli c;
    cli_init(&c, v);
    int code = options_read(&c, argc, argv);
    if (code == EXIT_DONE && c.help)
        verb_help(v, stdout);
    else if (code == EXIT_DONE)
        code = option_given(&c, "watch") ? watch(&c) : v->run(&c);
    fflush(stdout);
    cli_free(&c);
    return code;
}

int cli_main(int argc, char **argv)
{
    if (argc < 2) {
        help(stdout);
        return EXIT_DONE;
    }
    const char *name = argv[1];
    if (strcmp(name, "serve") == 0)
        return serve(argc - 1, argv + 1);
    if (strcmp(name, "complete") == 0) /* asked by the shells' functions (completion.c), not by people */
        return complete_main(argc - 2, argv + 2);
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        puts("tollgate " TOLLGATE_VERSION);
        return EXIT_DONE;
    }
    if (strcmp(name, "help") == 0 && argc > 2)
        return help_on(argv[2]);
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        help(stdout);
        return EXIT_DONE;
    }
    const struct verb *v = cli_verb(span_of(name));
    if (v)
        return run_verb(v, argc - 2, argv + 2);
    fprintf(stderr, "tollgate: there is no verb \"%s\"\n", name);
    help(stderr);
    return EXIT_USAGE;
}

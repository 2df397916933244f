/* SPDX-License-Identifier: Apache-2.0
 * cli.c - finds the verb and runs it. `serve` reads its own options; every other verb is a row with its flags, and its file
 * gets them read and checked. */
#include <stdio.h>

#include "cli/verb.h"

static const struct verb *const verbs[] = { &verb_calls, &verb_run, &verb_tail, &verb_stop, &verb_resume, &verb_stops, &verb_key, &verb_budget,
    &verb_policy, &verb_credential, &verb_vendor, &verb_doubt, &verb_audit, &verb_ledger, &verb_alert, &verb_reload, &verb_token };

enum { VERBS = sizeof(verbs) / sizeof(*verbs) };

static const struct verb *find(const char *name)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

static void help(FILE *to)
{
    fputs("tollgate - one gate between software agents and what they spend money on\n\n"
          "  tollgate serve --config FILE [--data DIR]   run the gate\n"
          "  tollgate serve --sandbox                    run it with built-in vendors: no account needed\n\n"
          "With a gate running:\n",
        to);
    for (size_t i = 0; i < VERBS; i++)
        fprintf(to, "  %-12s %s\n", verbs[i]->name, verbs[i]->summary);
    fputs("\n`tollgate help VERB` says more. Exit codes: 0 done; 1 the gate refused; 2 wrong command line; 3 the gate cannot be\n"
          "reached; 4 the configuration is not valid.\n",
        to);
}

static int help_on(const char *name)
{
    static char flag[] = "--help";
    char *serve_help[] = { flag, flag, NULL };
    const struct verb *v = find(name);
    if (v) {
        verb_help(v, stdout);
        return EXIT_DONE;
    }
    if (strcmp(name, "serve") == 0)
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
        code = v->run(&c);
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
    const struct verb *v = find(name);
    if (v)
        return run_verb(v, argc - 2, argv + 2);
    fprintf(stderr, "tollgate: there is no verb \"%s\"\n", name);
    help(stderr);
    return EXIT_USAGE;
}

/* SPDX-License-Identifier: Apache-2.0
 * cli.h - the command line: `tollgate serve`, and the verbs that speak to a running gate through its admin API.
 *
 * Exit codes: 0 done; 1 the gate refused or answered an error; 2 the command line was wrong; 3 the gate cannot be
 * reached; 4 the configuration is not valid; 5 not everything could be imported. */
#ifndef TG_CLI_CLI_H
#define TG_CLI_CLI_H

enum exit_code { EXIT_DONE, EXIT_REFUSED, EXIT_USAGE, EXIT_UNREACHABLE, EXIT_CONFIG, EXIT_PARTLY };

int cli_main(int argc, char **argv);
/* serve.c: runs the gate until SIGTERM. */
int serve(int argc, char **argv);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * main.c - the process: everything it does is a verb of the command line (cli/cli.c). */
#include "cli/cli.h"

int main(int argc, char **argv) { return cli_main(argc, argv); }

/* SPDX-License-Identifier: Apache-2.0
 * must.c - says which assertion failed and ends the process with a core. Uses nothing that could fail in turn. */
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>

void must_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "tollgate: bug: must(%s) at %s:%d\n", what, file, line);
    abort();
}

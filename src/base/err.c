/* SPDX-License-Identifier: Apache-2.0
 * err.c - the rows of err.h as a table. */
#include "base/err.h"

#include "base/must.h"

static const struct {
    int status;
    struct span code, text;
} rows[] = {
#define ERR_ROW(name, status, code, text) [E_##name] = { status, { code, sizeof(code) - 1 }, { text, sizeof(text) - 1 } },
    ERR_ROWS(ERR_ROW)
#undef ERR_ROW
};

int err_status(enum err e)
{
    must((unsigned)e < ERR_COUNT);
    return rows[e].status;
}

struct span err_code(enum err e)
{
    must((unsigned)e < ERR_COUNT);
    return rows[e].code;
}

struct span err_text(enum err e)
{
    must((unsigned)e < ERR_COUNT);
    return rows[e].text;
}

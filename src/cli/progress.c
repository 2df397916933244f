/* SPDX-License-Identifier: Apache-2.0
 * progress.c - see progress.h. */
#include "cli/progress.h"

#include <unistd.h>

#include "base/clock.h"

enum { BAR = 30, EACH_MS = 100 };

void progress_init(struct progress *p, const struct cli *c, const char *what)
{
    *p = (struct progress){ .what = what, .shown = !c->json && isatty(STDERR_FILENO), .at = -1 };
}

static void put_bar(const struct progress *p, int64_t of)
{
    fputs("\r[", stderr);
    for (int i = 0; i < BAR; i++)
        fputc(i * 100 < p->at * BAR ? '#' : '.', stderr);
    fprintf(stderr, "] %lld%% of %lld %s ", (long long)p->at, (long long)of, p->what);
}

void progress_show(void *self, int64_t done, int64_t of)
{
    struct progress *p = self;
    int64_t now = of > 0 ? (done < of ? done : of) * 100 / of : clock_unix_ms() / EACH_MS;
    if (!p->shown || now == p->at)
        return;
    p->at = now;
    if (of > 0)
        put_bar(p, of);
    else
        fprintf(stderr, "\r%lld %s ", (long long)done, p->what);
    fflush(stderr);
}

void progress_end(struct progress *p)
{
    if (p->shown && p->at >= 0)
        fputs("\r\033[K", stderr);
    p->at = -1;
}

/* SPDX-License-Identifier: Apache-2.0
 * top.h - what the files of `tollgate top` share: what is looked at, and a frame of it. Private to cli/. */
#ifndef TG_CLI_TOP_H
#define TG_CLI_TOP_H

#include "cli/api.h"

enum top_list { TOP_RUNS, TOP_KEYS, TOP_VENDORS, TOP_LISTS };

struct top_view {
    size_t width, height; /* of the screen */
    enum top_list list;
    bool by_calls;        /* sorted by calls, not by cost */
    bool paused;
    size_t chosen;        /* line of the list */
    struct span note;     /* under everything: a question, an answer, a trouble */
    bool screen;          /* there is somebody to press keys */
};

/* "run", "key", "vendor": as a stop names it. */
const char *top_kind(enum top_list list);
/* What stands on the chosen line, as a stop takes it; SPAN_NONE: nothing. view->chosen is brought into the list. */
struct span top_chosen(struct cli *c, struct top_view *view, struct json_value now);
/* One frame of what GET /now answered: at most view->height lines, none wider than the screen. */
void top_frame(struct cli *c, const struct top_view *view, struct json_value now, struct buf *out);

#endif

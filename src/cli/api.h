/* SPDX-License-Identifier: Apache-2.0
 * api.h - asking the admin API of a running gate, and what every verb prints when that fails. */
#ifndef TG_CLI_API_H
#define TG_CLI_API_H

#include "cli/table.h"
#include "cli/verb.h"
#include "http/head.h"

/* A path under /api/v1/ with its query, put together piece by piece. */
struct api_path {
    struct buf text;
    bool query;
};
void api_path(struct api_path *p, const char *start);
void api_path_id(struct api_path *p, struct span id); /* "/" and the id, escaped */
void api_path_query(struct api_path *p, const char *name, struct span value); /* nothing for SPAN_NONE */
/* One for each of these flags that was given; the flag's name is the parameter's. NULL-ended. */
void api_path_options(struct api_path *p, const struct cli *c, const char *const names[]);
/* The moment that a flag names, as this parameter, if it was given. EXIT_DONE, or EXIT_USAGE: it names none (allowed: what would do);
 * the path stays the caller's. */
int api_path_moment(struct api_path *p, struct cli *c, const char *flag, const char *name, const char *allowed);
int api_path_times(struct api_path *p, struct cli *c); /* --since and --until as `from` and `to` */

/* Asks; the path is freed. EXIT_DONE: *root is the answer (absent for an empty one) and lives until the next call; with --json
 * it was printed and *printed is true. Any other exit code: the reason stands on standard error. body: SPAN_NONE, none. */
int api_call(struct cli *c, const char *method, struct api_path *path, struct span body, struct json_value *root, bool *printed);

/* As api_call, but says and prints nothing; the path is freed. E_UNAUTHORIZED: no token. */
struct fetch_answer;
CHECKED enum err api_fetch(struct cli *c, const char *method, struct api_path *path, struct span body, struct fetch_answer *out);

/* Where the API is, and the token. False: the reason is on standard error. */
struct span api_url(const struct cli *c);
bool api_token(struct cli *c, struct span *token);
/* Where calls go: --gate, else the environment. */
struct span api_gate(const struct cli *c);
/* The file the token was or would be read from; SPAN_NONE: none exists. */
struct span api_token_file(struct cli *c);
/* "Bearer ..." in the arena. */
struct http_field api_authorization(struct cli *c, struct span token);
int api_unreachable(const struct cli *c, enum err why);
int api_refused(int status, struct json_value problem);

/* Members as text: strings as they are, numbers and booleans as written, lists joined with ", "; SPAN_NONE: absent, null or
 * empty. */
struct span api_text(struct cli *c, struct json_value v, const char *path);
int64_t api_number(struct json_value v, const char *path);
/* "2026-11-21T12:00:00.123Z" without its date if that is today, and without milliseconds. */
struct span api_time(struct cli *c, struct json_value v, const char *path);

/* Prints the table and a line when it is empty. */
int api_show(const struct cli *c, const struct table *t, const char *when_empty);

#endif

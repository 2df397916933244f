/* SPDX-License-Identifier: Apache-2.0
 * import.h - what the files of `tollgate import` share: the configuration that is being made, and notes on what became of each field of
 * the source.
 *
 * A reader (import_litellm.c, import_portkey.c, import_openrouter.c) walks a source by tables of rules, so that a field which no rule
 * names is noted as lost. What it makes is a tree of ours; import_check.c holds it against the real loader before anybody sees it. */
#ifndef TG_CLI_IMPORT_H
#define TG_CLI_IMPORT_H

#include "base/map.h"
#include "base/node.h"
#include "cli/verb.h"
#include "rules/price.h"

enum { IMPORT_PATH = 400, IMPORT_FILES_MOST = 64, IMPORT_TARGETS_MOST = 64, IMPORT_BUDGETS_MOST = 24, IMPORT_RETRIES_MOST = 5 };

/* NOTE_SILENT: only for rules; somebody else notes it. */
enum note_kind { NOTE_MAPPED, NOTE_DIFFERS, NOTE_LOST, NOTE_SILENT };

struct note {
    enum note_kind kind;
    struct span path;        /* in the source: "router_settings.cooldown_time" */
    struct span ours;        /* "routes.fast.breaker.cooldown"; SPAN_NONE */
    struct span why;         /* for people; SPAN_NONE */
    struct note *next;
};

/* An environment variable that the configuration refers to. */
struct variable {
    struct span name, path;
    struct span value; /* of a literal in the source, for --apply; SPAN_NONE: it was a reference there, too */
    struct variable *next;
};

struct import {
    struct cli *cli;
    struct arena *a;
    const char *from;      /* "litellm" */
    struct node *root;     /* of ours */
    struct price_book *book;
    struct note *notes, *last_note;
    size_t counts[NOTE_LOST + 1];
    struct variable *variables;
    struct map stand_ins;  /* what the check reads in place of a text with references */
    struct map vendors_used, models_used;
    struct span *steps;    /* what to do next */
    size_t step_count;
    size_t keys_without_token;
};

/* ---- notes: import_note.c ---- */

void import_note(struct import *im, enum note_kind kind, struct span path, struct span ours, const char *why, ...) PRINTF_LIKE(5, 6);
void import_step(struct import *im, const char *format, ...) PRINTF_LIKE(2, 3);
/* "path.name", "path[3]" */
struct span import_at(struct import *im, struct span path, const char *name);
struct span import_nth(struct import *im, struct span path, size_t i);
/* The table, the counts and the next steps. */
void import_report(struct import *im, FILE *to, bool colour, struct span written);
void import_report_json(struct import *im, struct span yaml, struct span written);

struct import_rule {
    const char *name; /* a pattern */
    enum note_kind kind;
    const char *ours, *why; /* noted where there is no function */
    void (*take)(struct import *im, void *self, struct span path, const struct node *n);
};
/* Each member of the map by its first rule; one without a rule is lost. The table ends with one without a name. */
void import_walk(struct import *im, const struct node *map, struct span path, const struct import_rule *rules, void *self);

/* ---- trees: import_tree.c ---- */

struct node *import_map(struct import *im);
struct node *import_list(struct import *im);
struct node *import_text(struct import *im, struct span text);
struct node *import_bare(struct import *im, struct span text); /* a number, true, false */
struct node *import_number(struct import *im, int64_t n);
/* The node itself goes in, at the end; a member of that name is replaced. NULL: nothing. */
void import_put(struct import *im, struct node *map, const char *name, struct node *value);
void import_add(struct node *list, struct node *item);
/* A copy that may be put elsewhere; its children are shared. */
struct node *import_copy(struct import *im, const struct node *n);
/* A member's map, made if it is not there: import_section(im, "routes") is the root's. */
struct node *import_section(struct import *im, const char *name);
struct node *import_member(struct import *im, struct node *map, const char *name);
/* The list at the top, made if it is not there. */
struct node *import_gate_budgets(struct import *im);
struct span import_scalar(const struct node *map, const char *name); /* SPAN_NONE: absent, or no scalar */
/* As YAML. stand_ins: what the check shall read. */
void import_write(const struct import *im, bool stand_ins, struct buf *out);

/* ---- parts of a configuration: import_parts.c, import_vendor.c, import_limit.c ---- */

/* A name of ours for one of theirs, that the section does not have yet. */
struct span import_name(struct import *im, const char *section, struct span theirs);
/* `theirs` with what a name may not hold replaced, at most 64 characters. */
struct span import_slug(struct import *im, struct span theirs, bool dots);
/* "${NAME}". stand_in: what the check reads there; SPAN_NONE: a word. */
struct node *import_reference(struct import *im, struct span name, struct span path, struct span stand_in);
/* A secret of the source: os.environ/NAME is ${NAME}, a literal is ${wanted} and its value kept for --apply only. */
struct node *import_secret(struct import *im, struct span text, struct span wanted, struct span path);
/* "OPENAI_API_KEY" of "openai api key" */
struct span import_variable_name(struct import *im, struct span text);
/* The credential of a vendor with that secret; one that is there already is used again. Its name. */
struct span import_credential(struct import *im, struct span vendor, struct span name, struct node *secret, struct node *key_id);

/* The catalogue's slug for one of theirs; SPAN_NONE: it is not known. *environment: the variable its key is usually in. *open: its address
 * has parts that must be filled in. */
struct span import_provider(struct import *im, struct span theirs, struct span *environment, bool *open);
/* A vendor of its own for an address. dialect: "openai", ... Its slug; SPAN_NONE: no address. */
struct span import_own_vendor(struct import *im, struct span provider, struct span base_url, const char *dialect, const char *auth, struct span path);
/* The book's prices of that model under another vendor's name. False: the book has none. */
bool import_price_copy(struct import *im, struct span provider, struct span model, struct span vendor);
/* What a model of a vendor's own can do, where nothing else says: a route asks a model for nothing that it is not said to have. */
void import_abilities(struct import *im, struct span vendor, struct span model, struct span words);
/* Vendors and models that keys must be allowed to reach. */
void import_use(struct import *im, struct span vendor, struct span model);
/* A policy for these models (NULL: all that were used). Its name. */
struct span import_policy(struct import *im, const struct span *models, size_t count);
/* All credentials there are, as a list for a key. */
struct node *import_all_credentials(struct import *im);

/* "30d" to "month". *exact: the window is the same. SPAN_NONE: not readable. */
struct span import_window(struct import *im, struct span duration, bool *exact);
/* { limit: "10 usd", window: month }; NULL: the amount is no number. */
struct node *import_budget(struct import *im, struct span amount, const char *unit, struct span window);
/* Adds it to the list unless that is full or has one that counts the same, which is noted. */
void import_budget_add(struct import *im, struct node *list, struct node *budget, struct span path, struct span ours);
/* Seconds, perhaps with decimals, to milliseconds; 0: no such number. */
int64_t import_seconds(struct import *im, struct span text);
int64_t import_integer(const struct node *map, const char *name, int64_t otherwise);
bool import_true(const struct node *n);

/* ---- the end: import_check.c, import_apply.c ---- */

/* EXIT_DONE: the loader takes it. Else the reason is on standard error. */
int import_check(struct import *im);
int import_apply(struct import *im, struct span yaml);

/* ---- sources ---- */

/* One file's content; name: for paths in notes, "" where there is one file. False: it is no such source, the reason is on standard error. */
typedef bool import_reader(struct import *im, const struct node *root, struct span file, void **state);
/* All files were read. */
typedef void import_finisher(struct import *im, void *state);
import_reader import_read_litellm, import_read_portkey, import_read_openrouter;
import_finisher import_finish_litellm, import_finish_portkey, import_finish_openrouter;
/* A file as a tree; a line each of JSON counts as a list. NULL: the reason is on standard error. */
const struct node *import_load(struct import *im, struct span file);

#endif

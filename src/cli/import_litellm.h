/* SPDX-License-Identifier: Apache-2.0
 * import_litellm.h - what the files that read LiteLLM's configuration share. A model group is what callers name; its deployments are the
 * targets of a route. */
#ifndef TG_CLI_IMPORT_LITELLM_H
#define TG_CLI_IMPORT_LITELLM_H

#include "cli/import.h"

struct deployment {
    struct span path;              /* model_list[3] */
    const struct node *params;     /* litellm_params */
    struct span vendor, credential;
    struct span model;             /* SPAN_NONE: the caller's, of a wildcard */
    int64_t order;
    struct node *target;
    struct deployment *next;
};

struct group {
    struct span name;    /* a pattern, for wildcards */
    struct span route;   /* of ours */
    struct deployment *first, *last;
    size_t count;
    struct node *models; /* the route's: the name and its aliases */
    struct span *access; /* model_info.access_groups */
    size_t access_count;
    struct group *next;
};

/* Lists of who follows whom, as they stand. */
struct follow {
    const char *error; /* "context_window"; NULL: any */
    struct span path;
    const struct node *list;
};

enum { LITELLM_FOLLOWS = 12 };

struct litellm {
    struct import *im;
    struct group *groups, *last_group;
    struct follow follows[LITELLM_FOLLOWS];
    size_t follow_count;
    struct node *defaults;         /* default_fallbacks */
    struct span defaults_path;
    struct span by;                /* of balance; SPAN_NONE: cheapest */
    struct node *retry, *breaker, *cache, *addresses;
    int64_t retries, allowed_fails, cooldown_ms, request_ms, stream_ms, tries;
    struct span azure_base;        /* the address of vendors.azure, as the source has it */
    bool drop_params, no_breaker, has_keys, has_config;
    const struct node *credential_list;
    const struct node **key_rows;  /* read last: their policies need the groups */
    struct span *key_paths;
    size_t key_count;
    struct node *key_defaults;
};

struct group *litellm_group(const struct litellm *l, struct span name);

/* import_litellm_models.c */
void litellm_models(struct litellm *l, struct span path, const struct node *list);
/* import_litellm_vendor.c: whose it is, by which address and secret. False: noted as lost. */
bool litellm_place(struct litellm *l, struct deployment *d, const struct node *info);
/* import_litellm_settings.c */
void litellm_settings(struct litellm *l, struct span path, const struct node *n);
void litellm_router(struct litellm *l, struct span path, const struct node *n);
void litellm_general(struct litellm *l, struct span path, const struct node *n);
/* Times and counts, as a target and all routes have them. 0 and -1: noted as lost; else as mapped. head: what ends at an answer's head. */
int64_t litellm_timeout(struct import *im, struct span path, const struct node *n, const char *head);
int64_t litellm_retries(struct import *im, struct span path, const struct node *n);
bool litellm_of_streams(const struct node *n); /* is this timeout that between the parts of a stream? */
/* import_litellm_routes.c */
void litellm_routes(struct litellm *l);
/* import_litellm_keys.c */
void litellm_keys(struct litellm *l);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * bench.h - what the vendor tests share: a built-in manifest compiled, a request made and understood. */
#ifndef TG_TEST_VENDOR_BENCH_H
#define TG_TEST_VENDOR_BENCH_H

#include "test/test.h"
#include "vendor/vendor.h"

struct bench {
    struct arena arena; /* of the manifest */
    struct arena call;  /* of one call */
    struct vendor vendor;
    struct trouble trouble;
    struct json *json;
    const struct node *settings;
    struct span account;
    bool leave_body;
    bool reads; /* objects that rules need are wanted; these are there */
    const struct object *objects;
    size_t object_count;
    int64_t (*counted)(void *self, struct span object_id);
    void *counter;
    const struct fx *fx;
    struct http_field fields[16];
    struct http_head head;
    struct matched matched;
    struct asked asked;
    struct understood understood;
    struct span why;
};

/* vendors/NAME.yaml with its own base URL, or the given one. */
void bench_open(struct bench *b, const char *name, struct span base_url);
/* A manifest written in the test. */
enum err bench_read(struct bench *b, const char *yaml);
void bench_close(struct bench *b);
/* Settings from YAML, as the configuration has them. */
void bench_settings(struct bench *b, const char *yaml);
void bench_field(struct bench *b, const char *name, const char *value);
/* Clears the fields and the call's memory. */
void bench_fresh(struct bench *b);
/* Matches and understands. E_OPERATION_DENIED: no such operation. The content type is set by the body's looks. */
enum err bench_ask(struct bench *b, const char *method, const char *target, const char *body);
/* The one value of a scope; "several", or "" for none. */
struct span bench_scope(const struct bench *b, const char *name);
struct settled bench_settle(struct bench *b, int status, const char *body);

#endif

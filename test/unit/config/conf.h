/* SPDX-License-Identifier: Apache-2.0
 * conf.h - a configuration from texts, with the objects an API would have stored, for tests of config/. */
#ifndef TG_TEST_CONF_H
#define TG_TEST_CONF_H

#include "config/config.h"
#include "test/test.h"

enum { CONF_OBJECTS = 32 };

struct conf {
    struct config_input in;
    struct config_object objects[CONF_OBJECTS];
    struct arena arena;
    struct trouble trouble;
    struct snapshot *snapshot;
};

/* Two vendors of our own, "acme" and "texter" (which needs an account), to be put before a test's own text; it has
 * CONF_LINES lines. */
enum { CONF_LINES = 20 };
extern const char conf_vendors[];

void conf_open(struct conf *r, const char *yaml);
void conf_close(struct conf *r);
/* The same text, or another one, with the objects so far. The old snapshot is dropped. */
enum err conf_load(struct conf *r, const char *yaml);
/* A request of the API; what it stores is kept, as a store would. */
enum err conf_apply(struct conf *r, const char *kind, const char *id, const char *body, bool patch, struct config_changed *out);
/* once: NULL, or the name of this rotation. */
enum err conf_rotate_once(struct conf *r, const char *id, const char *once, int64_t overlap_ms, int64_t now_ms, struct config_changed *out);
enum err conf_rotate(struct conf *r, const char *id, int64_t overlap_ms, int64_t now_ms, struct config_changed *out);
/* As shown, in the set-up's arena; SPAN_NONE: not found. */
struct span conf_show(struct conf *r, const char *kind, const char *id);
const struct key *conf_key(struct conf *r, const char *name);
bool conf_has(struct span text, const char *part);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * scene.h - a whole gate in a temporary directory: books, workers, admin plane, and a vendor "acme" on loopback that answers
 * (/v1/things; /v1/buy for 2 usd of 3 reserved), lets one wait (/v1/slow) or breaks off (/v1/lose); for the tests of admin/. */
#ifndef TG_TEST_ADMIN_SCENE_H
#define TG_TEST_ADMIN_SCENE_H

#include <pthread.h>
#include <stdatomic.h>

#include "admin/admin.h"
#include "base/json.h"
#include "http/fetch.h"
#include "test/test.h"

struct scene {
    char dir[64];
    struct arena arena;
    struct json *json;
    struct config_input config;
    uint8_t master_key[32];
    struct signer *signer;
    struct books *books;
    struct store_reader *reader;
    struct snapshot *snapshot;
    struct stop_set *stops;
    struct gate *gate;
    struct alerts *alerts;
    struct admin *admin;
    struct admin *_Atomic told; /* the same, for the store's thread */
    struct loop vendor_loop;
    struct http_server *vendor;
    struct listen_address vendor_address;
    pthread_t vendor_thread;
    atomic_int served;
    struct fetch_answer last;
};

void scene_open(struct scene *s);
/* The process ends and starts again on the same directory; the vendor stays. */
void scene_restart(struct scene *s);
void scene_close(struct scene *s);

/* A request to the admin plane with its token. body NULL: none. Returns the status; s->last has the rest. */
int scene_ask(struct scene *s, const char *method, const char *path, const char *body);
/* The member of the last answer as text: strings as they are, all else as JSON. SPAN_NONE: not there. */
struct span scene_text(struct scene *s, const char *path);
long long scene_number(struct scene *s, const char *path);
bool scene_says(const struct scene *s, const char *part);
/* Written into the gate's database behind its back, as if it had been there. */
void scene_sql(const struct scene *s, const char *sql);
struct span scene_field(const struct scene *s, const char *name);
/* A call through the gate with a key's token; run may be NULL. Returns the status. */
int scene_call(struct scene *s, struct span token, const char *method, const char *path, const char *run);
/* Creates a key "NAME" that may do everything at acme, 10 usd a day; its token, in the arena. */
struct span scene_key(struct scene *s, const char *name);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * admin.h - the admin plane: a listener of its own, on a thread of its own, for operators and the command line.
 *
 * Every request needs the admin token (but /healthz, /readyz and the page itself, which holds no data). The thread may
 * block on queries and on the store; no call of an agent waits for it. Routes are one table (admin/routes.c); each handler
 * is a few lines over store, config and gate. */
#ifndef TG_ADMIN_ADMIN_H
#define TG_ADMIN_ADMIN_H

#include "alert/alert.h"
#include "export/export.h"
#include "export/telemetry.h"
#include "config/config.h"
#include "flow/gate.h"

struct admin;

struct admin_parts {
    struct gate *gate;
    struct books *books;
    struct config_input config; /* with an admin token for a configuration without one; file, data_dir, master key; objects are read from the store at each change */
    struct listen_address listen;
    struct alerts *alerts; /* NULL: nothing delivers them */
    struct exports *exports; /* the same */
    struct telemetry *telemetry; /* NULL: nothing is pushed */
    struct span version;
    bool sandbox;
    bool greet; /* print the link of a first login, if the configuration has no admin token */
};

/* Starts the thread, after books_start: it writes from then on. NULL: why[]. */
struct admin *admin_start(const struct admin_parts *parts, char why[256]);
struct span admin_address(const struct admin *a);
/* From any thread (a signal, say): reads the configuration again and publishes it; an unreadable one is logged with file,
 * line and field, and the running one stays. */
void admin_reload(struct admin *a);
/* From the store thread after a commit: feeds the event streams, wakes the alerts and the exports. */
void admin_committed(void *self);
/* Ends the thread and lets go of gate, books and configuration; admin_committed does nothing from then on. */
void admin_stop(struct admin *a);
/* The memory itself: once the store thread has ended too (books_close), since that may call admin_committed until then. */
void admin_free(struct admin *a);

/* Objects as the store has them, for config_load; and the stops among them. In arena a. */
CHECKED enum err admin_objects(struct store_reader *r, struct arena *a, struct config_object **list, size_t *count);
/* The set of stops these objects say. NULL: no memory. */
struct stop_set *admin_stop_set(const struct config_object *list, size_t count, const struct stop_set *before);

#endif

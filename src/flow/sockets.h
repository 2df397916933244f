/* SPDX-License-Identifier: Apache-2.0
 * sockets.h - the real world of an exchange: http/server.h on one side, http/client.h on the other. */
#ifndef TG_FLOW_SOCKETS_H
#define TG_FLOW_SOCKETS_H

#include "flow/world.h"

/* Fills in everything but self, put_hold, put_row and over, which are the worker's. open() expects `self` to begin with a
 * struct sockets. */
struct sockets {
    struct http_pool *pool;
};
void sockets_world(struct world *w);

#endif

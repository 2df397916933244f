/* SPDX-License-Identifier: Apache-2.0
 * proxy.h - a small HTTP proxy for tests: takes CONNECT to any host as one to 127.0.0.1, then carries bytes. */
#ifndef TG_TEST_NET_PROXY_H
#define TG_TEST_NET_PROXY_H

#include "test/unit/net/scene.h"

struct proxy {
    struct scene *scene;
    struct listener *door;
    uint16_t port;
    struct peer *client, *target; /* the last connection's two sides; client->got is what it asked */
    struct peer *all[2 * PEERS_MAX];
    size_t count;
};

void proxy_open(struct proxy *p, struct scene *s);
void proxy_close(struct proxy *p);

#endif

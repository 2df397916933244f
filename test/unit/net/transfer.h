/* SPDX-License-Identifier: Apache-2.0
 * transfer.h - much data from one peer to another, with a reader that keeps pausing: nothing may be lost, reordered or
 * piled up. */
#ifndef TG_TEST_NET_TRANSFER_H
#define TG_TEST_NET_TRANSFER_H

#include "test/unit/net/scene.h"

/* Takes bytes of the pattern and checks each. */
struct sink {
    struct peer *p;
    struct timer wake;
    size_t total;
    size_t since_pause;
    bool patterned, pausing;
    int wrong;
};

void sink_attach(struct sink *k, struct peer *p, bool patterned);
/* Sends `size` bytes from a to b and waits until all came. Takes over both peers' hooks. */
void transfer_run(struct peer *a, struct peer *b, size_t size);

#endif

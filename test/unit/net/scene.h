/* SPDX-License-Identifier: Apache-2.0
 * scene.h - what the net tests share: a loop with a listener on loopback, and wires that note what they are told. */
#ifndef TG_TEST_NET_SCENE_H
#define TG_TEST_NET_SCENE_H

#include "base/buf.h"
#include "net/listen.h"
#include "net/tls.h"
#include "net/wire.h"
#include "net/wire_int.h"
#include "test/test.h"

enum { PEERS_MAX = 8, PATIENCE_MS = 20 * 1000 };

/* A wire and all it was told. The hooks may be NULL. */
struct peer {
    struct wire *w;
    struct scene *scene;
    struct buf got; /* bytes, unless `bytes` takes them */
    int opened, ended, drained, runs;
    enum err opened_why, ended_why;
    void (*on_opened)(struct peer *p);
    void (*bytes)(struct peer *p, struct span in);
    void (*on_ended)(struct peer *p);
    void (*on_drained)(struct peer *p);
    void *extra;
};

struct scene {
    struct loop l;
    struct listener *door;
    struct listen_address at;
    struct tls_server *tls;             /* what accepted wires get; NULL: plain */
    void (*arrived)(struct peer *peer); /* sets an accepted peer's hooks */
    struct peer *accepted[PEERS_MAX];
    size_t count;
    struct timer beat; /* so that a test that waits in vain ends */
    int64_t since_ms;
};

extern const struct wire_user peer_user;

void net_scene_open(struct scene *s);
void net_scene_close(struct scene *s);
uint16_t net_scene_port(const struct scene *s);
/* One turn of the loop. False: patience is over, which is a failure. */
bool net_scene_turn(struct scene *s);
#define SCENE_UNTIL(s, cond)                                                                                                     \
    do {                                                                                                                         \
        (s)->since_ms = 0;                                                                                                       \
        while (!(cond) && net_scene_turn(s))                                                                                         \
            continue;                                                                                                            \
        CHECK(cond);                                                                                                             \
    } while (0)
void net_scene_rest(struct scene *s, int64_t ms);

struct peer *peer_new(struct scene *s);
void peer_free(struct peer *p); /* closes its wire, if it has one */
void peer_connect(struct peer *p, struct span host, uint16_t port, const struct tls_client *tls, int64_t ms);
void peer_say(struct peer *p, struct span text);
void peer_close(struct peer *p);
struct span peer_got(const struct peer *p);

/* A loopback port where nobody listens, and one that lets connections hang (`fds` to be closed by hang_end). */
uint16_t refused_port(void);
struct hang {
    int fds[16];
    size_t count;
    uint16_t port;
};
void hang_start(struct hang *h, struct span host, uint16_t port);
void hang_end(struct hang *h);

#endif

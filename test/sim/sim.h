/* SPDX-License-Identifier: Apache-2.0
 * sim.h - a seeded world for the pipeline: callers, vendors, books, time, every one of which may fail by the dice.
 *
 * The same steps that serve sockets run here, unchanged. The fake enforces the rules of the real world (no send without a
 * connection, no reply twice, nothing read past the end); a call that breaks one is a failed seed. */
#ifndef TG_TEST_SIM_H
#define TG_TEST_SIM_H

#include "flow/doubts.h"
#include "flow/exchange.h"

enum { SIM_CALLS = 6, SIM_SEATS = 9 /* and those for second askings */, SIM_ANSWER = 4096, SIM_KEYS = 2 };

struct sim;

/* One caller with its connection, and the vendor's connection of its call, if any. */
struct sim_call {
    struct sim *sim;
    struct exchange x;
    bool begun, over, freed;
    /* the caller */
    struct http_head head;
    struct http_field fields[12];
    char body[512];
    size_t body_len, body_given;
    bool hung_up, body_breaks;
    bool head_sent, replied, cut;
    int status;
    size_t reply_bytes;
    /* the vendor */
    bool open, ready, was_sent, request_whole, head_given, closed_once;
    int connect_in, answer_in;
    bool connect_fails, answer_breaks, breaks_before_head, vendor_refuses;
    bool stream_unfinished; /* the vendor ends its stream in the middle, politely */
    enum err fault;
    struct http_head answer_head;
    struct http_field answer_fields[4];
    char answer[SIM_ANSWER];
    size_t answer_len, answer_given, answer_breaks_at;
    nano_usd charged; /* what the vendor really took */
    bool replays;     /* the vendor has carried this one out before */
    /* the books */
    int holds, rows;
    enum verdict verdict;
    nano_usd row_cost, row_doubt;
    bool durable; /* its hold is on the platter */
    bool doubted;
    struct sim_call *first; /* a second asking after this one; NULL: a call */
    int settlements;
};

/* An idempotency key of ours at the vendor, and whether it was carried out. */
struct sim_key {
    char text[80];
    size_t len;
};

/* What the rows say of an account: at the end the ledger must say the same. */
struct sim_account {
    int64_t settled, doubt;
};

struct sim {
    uint64_t dice;
    uint64_t seed;
    struct snapshot *snapshot;
    struct stop_set *no_stops, *all_stopped;
    struct world world;
    struct desk desk;
    struct ledger *ledger;
    struct sim_call calls[SIM_SEATS]; /* callers first, then second askings */
    size_t count;                     /* of callers */
    struct doubts *doubts;
    int64_t now_ms;
    struct sim_key keys[SIM_SEATS]; /* of requests that the vendor carried out */
    size_t key_count;
    uint64_t written;
    struct arena arena; /* of one seed */
    struct map accounts; /* struct sim_account */
    uint64_t repeated, asked_again, settled; /* over all seeds: answers given again, second askings, doubts they settled */
    bool stopped; /* the stop has been published: nothing may be sent any more */
    nano_usd charged_again; /* by second askings */
    const char *wrong; /* the first rule that was broken */
    uint64_t verdicts[4], forwarded, hung_up, cut; /* over all seeds: what the dice really played */
};

uint32_t sim_roll(struct sim *s, uint32_t sides);
static inline bool sim_chance(struct sim *s, uint32_t percent) { return sim_roll(s, 100) < percent; }
void sim_wrong(struct sim *s, const char *what);

/* world.c */
bool sim_ask_again(void *self, const struct doubt *d);
void sim_world(struct world *w, struct sim *s);
/* caller.c: what this caller asks, and what the vendor would answer. */
void sim_ask(struct sim_call *c);

#endif

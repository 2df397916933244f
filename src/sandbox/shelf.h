/* SPDX-License-Identifier: Apache-2.0
 * shelf.h - what the sandbox remembers: the objects it made (so that they can be retrieved, listed, refunded) and the answers
 * it gave under an idempotency key. Private to sandbox/.
 *
 * Both are rings: the oldest is forgotten when a new one finds no room. Nothing is written to disk. */
#ifndef TG_SANDBOX_SHELF_H
#define TG_SANDBOX_SHELF_H

#include "base/arena.h"
#include "base/digest.h"

enum { SHELF_ITEMS = 4096, SHELF_ANSWERS = 512, SHELF_ANSWER_LONGEST = 16 * 1024 };

/* One object of a vendor. Texts that are too long are cut. */
struct item {
    char id[48];
    const char *kind; /* "charge"; NULL: the place is free */
    const char *status;
    int64_t amount, captured, refunded, created_ms;
    bool manual; /* of a payment intent: captured by a call of its own */
    char currency[4];
    char customer[64]; /* whose */
    char parent[64];   /* of a refund: the charge; of a charge: its intent, and the other way round */
    char to[80], from[80]; /* of a refund `to` is the intent */
    char note[512]; /* description, text, subject */
    uint64_t number; /* in order of making */
};

struct shelf;

struct shelf *shelf_new(void); /* NULL: no memory */
void shelf_free(struct shelf *s);
/* An id is made: `prefix` and `digits` random letters. */
struct item *shelf_add(struct shelf *s, const char *kind, const char *prefix, int digits, int64_t now_ms);
/* NULL: never made, forgotten, or of another kind. */
struct item *shelf_find(struct shelf *s, const char *kind, struct span id);
/* The newest of a kind made before number `before` (0: of all). */
struct item *shelf_before(struct shelf *s, const char *kind, uint64_t before);

struct kept_answer {
    struct digest key, request;
    int status;
    struct span body;
};
const struct kept_answer *shelf_answer(const struct shelf *s, struct span key);
void shelf_keep_answer(struct shelf *s, struct span key, struct digest request, int status, struct span body);

/* Cut to room - 1 bytes, NUL behind it. */
void shelf_text(char *to, size_t room, struct span text);

#endif

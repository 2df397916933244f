/* SPDX-License-Identifier: Apache-2.0
 * price_file.h - a telephone vendor's price documents, read into tables by prefix of number. For the verbs of this folder. */
#ifndef TG_CLI_PRICE_FILE_H
#define TG_CLI_PRICE_FILE_H

#include "base/arena.h"
#include "base/json.h"
#include "base/money.h"

enum price_kind { PRICE_SMS, PRICE_VOICE, PRICE_KINDS };
enum { PRICE_ROWS = 50000, PRICE_WHY = 512 };

struct price_row {
    struct span digits; /* "1876" */
    nano_usd price;
};

struct price_table {
    struct price_row *rows;
    size_t count, room;
};

struct prices {
    struct arena *arena;
    struct price_table tables[PRICE_KINDS];
    size_t documents;
};

/* Documents of Twilio's Pricing API: one country's (Messaging v1, Voice v1 or v2), or a list of them. The dearest carrier's price
 * counts, of one type of number where it is named ("local"). False: *why says which member is wrong. */
bool price_file_json(struct json *j, struct span text, struct span number_type, struct prices *out, char why[PRICE_WHY]);
/* Lines of country or prefix, and price; with a first line of names the columns may stand anywhere. *why names the line. */
bool price_file_csv(struct span text, enum price_kind kind, struct prices *out, char why[PRICE_WHY]);
/* Each prefix once, with its highest price, in order. */
void price_file_settle(struct prices *p);

#endif

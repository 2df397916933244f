/* SPDX-License-Identifier: Apache-2.0
 * prices.h - the part of `tollgate vendor` that imports prices. */
#ifndef TG_CLI_PRICES_H
#define TG_CLI_PRICES_H

#include "cli/object.h"

/* "prices VENDOR FILE...", with the flags table, number-type and print. */
int vendor_prices(struct cli *c);

#endif

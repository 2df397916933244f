/* SPDX-License-Identifier: Apache-2.0
 * dialects.h - declares what list.h lists; for dialect.c and the dialects themselves. */
#ifndef TG_DIALECT_DIALECTS_H
#define TG_DIALECT_DIALECTS_H

#include "dialect/dialect.h"

#define DIALECT(name) extern const struct dialect dialect_##name;
#include "dialect/list.h"
#undef DIALECT

#endif

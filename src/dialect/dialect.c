/* SPDX-License-Identifier: Apache-2.0
 * dialect.c - finds a dialect by its name. */
#include "dialect/dialects.h"

static const struct dialect *const dialects[] = {
#define DIALECT(name) &dialect_##name,
#include "dialect/list.h"
#undef DIALECT
};

const struct dialect *dialect_find(struct span name)
{
    for (size_t i = 0; i < sizeof(dialects) / sizeof(*dialects); i++)
        if (span_is(span_of(dialects[i]->name), name))
            return dialects[i];
    return NULL;
}

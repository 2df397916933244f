/* SPDX-License-Identifier: Apache-2.0
 * clause.h - which one object a search text is about; for this folder only. */
#ifndef TG_VENDOR_CLAUSE_H
#define TG_VENDOR_CLAUSE_H

#include "base/span.h"

/* The one value that a search text narrows NAME to (customer:'cus_1' AND amount>500), or SPAN_NONE: it may show others. */
struct span clause_value(struct span text, struct span name);

#endif

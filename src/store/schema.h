/* SPDX-License-Identifier: Apache-2.0
 * schema.h - the tables, and the way from an older set of them to this one. */
#ifndef TG_STORE_SCHEMA_H
#define TG_STORE_SCHEMA_H

#include "store/sql.h"

/* Makes or migrates the tables; each version is one transaction. A file of a newer version, or of another program, is
 * refused. False: why[]. */
bool schema_bring(sqlite3 *db, char why[256]);
/* Whether the tables are those of this version, of a file that is only read. False: why[]; *older (may be NULL) becomes true where
 * they are ours, of a version before it. */
bool schema_check(sqlite3 *db, bool *older, char why[256]);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * version.h - which Tollgate this is. */
#ifndef TG_BASE_VERSION_H
#define TG_BASE_VERSION_H

#define TOLLGATE_VERSION "0.1.0"
#define TOLLGATE_DATED "November 22, 2026" /* of the manual */

#endif

/* SPDX-License-Identifier: Apache-2.0
 * policy_shadow.h - `tollgate policy shadow`: an action of the verb in policy.c. */
#ifndef TG_CLI_POLICY_SHADOW_H
#define TG_CLI_POLICY_SHADOW_H

#include "cli/verb.h"

int policy_shadow(struct cli *c);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * job.h - one set of states for what vendors do later (videos, batches, fine-tuning). Private to dialect/.
 *
 * Vendors' words for them differ; a word that is not known is a job under way, so that nobody's money is given back by guess. */
#ifndef TG_DIALECT_JOB_H
#define TG_DIALECT_JOB_H

#include "base/span.h"

enum job_state { JOB_QUEUED, JOB_IN_PROGRESS, JOB_COMPLETED, JOB_FAILED, JOB_CANCELLED, JOB_EXPIRED };

enum job_state job_state(struct span word);
/* It will not change any more. */
static inline bool job_is_over(enum job_state s)
{
    return s >= JOB_COMPLETED;
}

#endif

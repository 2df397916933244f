/* SPDX-License-Identifier: Apache-2.0
 * job.c - see job.h. */
#include "dialect/job.h"

#include <stddef.h>

static const struct {
    struct span word;
    enum job_state state;
} words[] = {
    { { "queued", 6 }, JOB_QUEUED },
    { { "pending", 7 }, JOB_QUEUED },
    { { "submitted", 9 }, JOB_QUEUED },
    { { "completed", 9 }, JOB_COMPLETED },
    { { "succeeded", 9 }, JOB_COMPLETED },
    { { "success", 7 }, JOB_COMPLETED },
    { { "done", 4 }, JOB_COMPLETED },
    { { "ended", 5 }, JOB_COMPLETED },
    { { "job_state_succeeded", 19 }, JOB_COMPLETED },
    { { "failed", 6 }, JOB_FAILED },
    { { "error", 5 }, JOB_FAILED },
    { { "job_state_failed", 16 }, JOB_FAILED },
    { { "cancelled", 9 }, JOB_CANCELLED },
    { { "canceled", 8 }, JOB_CANCELLED },
    { { "job_state_cancelled", 19 }, JOB_CANCELLED },
    { { "expired", 7 }, JOB_EXPIRED },
    { { "job_state_expired", 17 }, JOB_EXPIRED },
};

enum job_state job_state(struct span word)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (span_is_nocase(words[i].word, word))
            return words[i].state;
    return JOB_IN_PROGRESS;
}

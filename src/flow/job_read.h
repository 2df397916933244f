/* SPDX-License-Identifier: Apache-2.0
 * job_read.h - GET /v1/videos/{id}: how a video's job is doing, in one set of words, whichever vendor does it (dialect/video_job.h).
 *
 * The id is what the vendor called the job: OpenAI's "video_...", or the name of Google's operation, "models/veo-.../operations/...",
 * with slashes or with colons in their place. The vendor's own paths give its own words, as before. */
#ifndef TG_FLOW_JOB_READ_H
#define TG_FLOW_JOB_READ_H

#include "flow/exchange.h"

/* Is what stands behind "/v1/videos/" one job's id? */
bool job_id_ok(struct span id);
/* Whose job is it, and what does it read? From there on it is a call to the vendor's own path. */
enum next job_direct(struct exchange *x);
/* The answer, in those words. */
enum next job_reword(struct exchange *x);

#endif

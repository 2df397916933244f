/* SPDX-License-Identifier: Apache-2.0
 * video_job.h - a video's job as one set of words, whoever does it: OpenAI's, with its four states.
 *
 * status: queued, in_progress, completed, failed (what was cancelled or expired has failed, and its error says so); progress: a whole number
 * from 0 to 100; error: null, or { code, message }. A word that is not known is a job under way. */
#ifndef TG_DIALECT_VIDEO_JOB_H
#define TG_DIALECT_VIDEO_JOB_H

#include "base/buf.h"
#include "base/json.h"

/* OpenAI's own object: the same members, with these three in their one form. False: body is no JSON object. */
CHECKED bool video_job_write(struct json *j, struct span body, struct arena *a, struct buf *out);
/* Of Google's long-running operation. name: the operation's, of which the id is made by colons for its slashes; made_at: Unix ms, 0: not known. Its videos stand in `results`. */
CHECKED bool video_job_of_operation(struct json *j, struct span body, struct span name, int64_t made_at, struct arena *a, struct buf *out);
/* Google's error as OpenAI writes one. False: it is none. */
CHECKED bool video_job_fault(struct json *j, struct span body, struct arena *a, struct buf *out);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * log.h - one structured line a message on standard error: JSON when it is no terminal, readable text when it is, or as it is told.
 *
 * Never hand a secret, a key or a body to it. Thread-safe: a line is one write(2). */
#ifndef TG_BASE_LOG_H
#define TG_BASE_LOG_H

#include "base/must.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_format { LOG_AS_FITS, LOG_JSON, LOG_TEXT };

void log_level_set(enum log_level lowest);
void log_format_set(enum log_format format);
/* area: "http", "store", ... The message is one sentence without a full stop. */
void log_line(enum log_level level, const char *area, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_debug(area, ...) log_line(LOG_DEBUG, area, __VA_ARGS__)
#define log_info(area, ...) log_line(LOG_INFO, area, __VA_ARGS__)
#define log_warn(area, ...) log_line(LOG_WARN, area, __VA_ARGS__)
#define log_error(area, ...) log_line(LOG_ERROR, area, __VA_ARGS__)

#endif

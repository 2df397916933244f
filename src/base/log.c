/* SPDX-License-Identifier: Apache-2.0
 * log.c - formats a line and writes it at once. A line longer than LINE_MOST is cut, a full disk is nobody's news. */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

enum { MESSAGE_MOST = 4096, LINE_MOST = MESSAGE_MOST * 6 + 256 /* every byte escaped */ };

static const char *const names[] = { "debug", "info", "warn", "error" };

/* Process-wide on purpose: where standard error goes, and how much is wanted there, belongs to the process. */
static _Atomic int lowest_level = LOG_INFO;
static _Atomic int wanted_format = LOG_AS_FITS;
static pthread_once_t looked = PTHREAD_ONCE_INIT;
static bool is_terminal;

static void look(void) { is_terminal = isatty(STDERR_FILENO) == 1; }

void log_level_set(enum log_level lowest) { atomic_store_explicit(&lowest_level, (int)lowest, memory_order_relaxed); }

void log_format_set(enum log_format format) { atomic_store_explicit(&wanted_format, (int)format, memory_order_relaxed); }

static bool as_text(void)
{
    int format = atomic_load_explicit(&wanted_format, memory_order_relaxed);
    return format == LOG_AS_FITS ? is_terminal : format == LOG_TEXT;
}

static void put_line(struct buf *line, enum log_level level, const char *area, struct span message)
{
    char at[TIME_TEXT];
    struct span time = text_time(clock_unix_ms(), at);
    if (as_text()) {
        buf_print(line, "%.*s %-5s %s: %.*s\n", SPAN_ARG(time), names[level], area, SPAN_ARG(message));
        return;
    }
    struct json_out o = json_out(line);
    json_open(&o, '{');
    json_pair(&o, SPAN("at"), time);
    json_pair(&o, SPAN("level"), span_of(names[level]));
    json_pair(&o, SPAN("area"), span_of(area));
    json_pair(&o, SPAN("message"), message);
    json_close(&o, '}');
    buf_put_byte(line, '\n');
}

void log_line(enum log_level level, const char *area, const char *format, ...)
{
    char message[MESSAGE_MOST];
    struct buf line;
    va_list args;
    if ((int)level < atomic_load_explicit(&lowest_level, memory_order_relaxed))
        return;
    must(pthread_once(&looked, look) == 0);
    va_start(args, format);
    int len = vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (len < 0)
        return;
    if (len >= MESSAGE_MOST)
        len = MESSAGE_MOST - 1;
    buf_init(&line, LINE_MOST);
    put_line(&line, level, area, span_make(message, (size_t)len));
    ssize_t written = write(STDERR_FILENO, line.at, line.len);
    (void)written; /* there is nowhere left to complain */
    buf_free(&line);
}

/* SPDX-License-Identifier: Apache-2.0
 * must.h - an assertion that stays on in every build.
 *
 * must(x) is for bugs: what cannot be false unless the program is wrong. What the outside world may do wrong is an
 * `enum err` (err.h), never a must. */
#ifndef TG_BASE_MUST_H
#define TG_BASE_MUST_H

__attribute__((noreturn)) void must_failed(const char *what, const char *file, int line);

#define must(cond) ((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__))

/* A result that may not be ignored. */
#define CHECKED __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#endif

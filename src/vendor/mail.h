/* SPDX-License-Identifier: Apache-2.0
 * mail.h - mail addresses (mail.c) and header fields of mails (mail_header.c) as APIs take them; for this folder only. */
#ifndef TG_VENDOR_MAIL_H
#define TG_VENDOR_MAIL_H

#include "vendor/rule.h"

/* The address in "a@x.example" or "Name <a@x.example>". False: none, several, or readable in two ways. */
bool mail_address(struct span value, struct span *out);
/* The next of several with commas between them, which stood in *rest; SPAN_NONE: unreadable. False: there was none left. */
bool mail_next(struct span *rest, struct span *address);
/* The part behind '@', or SPAN_NONE. */
struct span mail_domain(struct span address);
/* A text that starts no other line: no control characters but tabs. */
bool mail_line(struct span text);
/* Whether the header fields given for mails, at these steps below v, may be: names that do not say who sends or gets them, values
 * of one line. False: *wrong is the name; SPAN_NONE, it is no object. */
bool mail_headers_fit(struct json_value v, const struct step *steps, size_t count, struct span *wrong);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * redact.h - takes out of a text what must not be kept: addresses, numbers of cards and telephones, what a pattern finds, and always
 * what looks like a secret.
 *
 * It reads strings as their readers do: escapes of JSON and of forms are undone first, and what a stream says in pieces is joined, so
 * that an address that came in three events is found. What it finds becomes "[email]", "[card]", ... Where it can come to no end
 * (a pattern that takes too long, a kind of bytes that is no text) it says so, and its caller must keep nothing. Immutable once it is
 * read; any thread. */
#ifndef TG_GUARD_REDACT_H
#define TG_GUARD_REDACT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/node.h"

enum { REDACT_PATTERNS_MOST = 16, REDACT_KINDS = 6 /* with secrets */ };

struct redactor;

/* A list of "email", "card", "phone", "iban", "ssn" and patterns ("/order-\d+/i"). False: *t, or no memory. Absent: secrets only. */
bool redactor_read(struct arena *a, const struct node *list, const char *path, const struct redactor **out, struct trouble *t);

/* What it takes out, by name: "secret", "email", ..., then its patterns as they were written. SPAN_NONE: behind the last one. */
struct span redactor_name(const struct redactor *r, size_t which);

enum redact_form {
    REDACT_TEXT,   /* words */
    REDACT_JSON,   /* one value */
    REDACT_LINES,  /* JSON, a value a line, or behind "data:" (text/event-stream) */
    REDACT_FIELDS, /* a form */
    REDACT_OPAQUE  /* cannot be looked into */
};
enum redact_form redact_form(struct span content_type);

struct redact_found {
    int hits[REDACT_KINDS];
    int pattern_hits;
};
/* Appends the text without them to out. told_in_pieces: strings that stand at one place of several values belong together. a: for the
 * work, about 16 times the text. False: *why, and what was written to out must not be used. */
bool redact(const struct redactor *r, enum redact_form form, bool told_in_pieces, struct span text, struct arena *a, struct buf *out, struct redact_found *found, const char **why);
/* "email", ...; NULL behind the last one. */
const char *redact_kind(int kind);

/* ---- redact_find.c: one plain text ---- */

struct redact_hit {
    size_t from, to;
    int kind; /* REDACT_KINDS: a pattern */
};
struct redact_hits {
    struct arena *arena;
    struct redact_hit *list;
    size_t count;
};
/* kinds: bits. */
void redact_find(struct span text, unsigned kinds, struct redact_hits *out);
void redact_hit_add(struct redact_hits *hits, size_t from, size_t to, int kind);

enum redact_kinds { REDACT_SECRET, REDACT_EMAIL, REDACT_CARD, REDACT_PHONE, REDACT_IBAN, REDACT_SSN };

#endif

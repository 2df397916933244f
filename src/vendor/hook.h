/* SPDX-License-Identifier: Apache-2.0
 * hook.h - the vendor's calls to us, compiled; for this folder only. hook.c compiles and reads them, hook_check.c checks and
 * makes their signatures. */
#ifndef TG_VENDOR_HOOK_H
#define TG_VENDOR_HOOK_H

#include "vendor/manifest.h"

enum hook_kind { HOOK_STRIPE, HOOK_TWILIO, HOOK_SVIX, HOOK_HMAC };
enum hook_hash { HOOK_SHA256, HOOK_SHA1, HOOK_SHA512 };

struct hook_signature {
    enum hook_kind kind;
    struct span header; /* svix: "svix-signature", beside "svix-id" and "svix-timestamp" */
    int64_t within_ms;  /* how far the time that was signed may lie from now */
    /* of HOOK_HMAC alone: */
    enum hook_hash hash;
    bool base64;           /* else hex */
    struct span prefix;    /* "sha256=" */
    struct span text;      /* "v0:{timestamp}:{body}": what is signed */
    struct span timestamp; /* header field; SPAN_NONE: none is signed */
    enum clock clock;
};

struct hook_rule {
    struct span type; /* "charge.dispute.*" */
    struct span kind;
    struct fields objects;
    const struct expr *usd; /* NULL: nothing moved */
    bool asks_again;
};

struct hook_rules {
    struct hook_signature signature;
    struct field id, type;
    bool has_id, has_type;
    struct hook_rule *events;
    size_t event_count;
    struct span parameter; /* that tells the vendor where to call back; SPAN_NONE */
    bool *calls_back;      /* by operation */
};

/* A form's parameters, decoded, as they come. False: it cannot be read. */
bool hook_form(struct span text, struct arena *a, struct pairs *out);

#endif

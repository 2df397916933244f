/* SPDX-License-Identifier: Apache-2.0
 * err.h - what the world may do wrong: one row per cause, with its wire code, default status and public text.
 *
 * These codes are the contract with users (docs/errors.md): header x-tollgate-denied and the body carry `code`. A
 * vendor's manifest may answer with another status (rules of that vendor's SDK), never with another code. */
#ifndef TG_BASE_ERR_H
#define TG_BASE_ERR_H

#include "base/span.h"

#define ERR_ROWS(ROW)                                                                                                   \
    ROW(OK, 200, "ok", "")                                                                                              \
    /* who */                                                                                                           \
    ROW(KEY_UNKNOWN, 401, "key_unknown", "this key is not known here")                                                  \
    ROW(KEY_REVOKED, 401, "key_revoked", "this key was revoked")                                                        \
    ROW(KEY_EXPIRED, 401, "key_expired", "this key has expired")                                                        \
    ROW(ADDRESS_DENIED, 403, "address_denied", "this key may not be used from this address")                            \
    ROW(STOPPED, 403, "stopped", "an operator stopped this")                                                            \
    /* what */                                                                                                          \
    ROW(OPERATION_DENIED, 403, "operation_denied", "this operation is not allowed")                                     \
    ROW(MODEL_DENIED, 403, "model_denied", "this model is not allowed")                                                 \
    ROW(PARAMETER_DENIED, 403, "parameter_denied", "a parameter is not allowed")                                        \
    ROW(SCOPE_DENIED, 403, "scope_denied", "this object is outside the allowed scope")                                  \
    ROW(APPROVAL_REQUIRED, 403, "approval_required", "a person has to approve this first")                              \
    ROW(APPROVAL_REFUSED, 403, "approval_refused", "a person refused this")                                             \
    ROW(GUARDRAIL_DENIED, 403, "guardrail_denied", "a guardrail refused this")                                          \
    ROW(LOOP_DETECTED, 403, "loop_detected", "the same call was repeated too often")                                    \
    /* how much */                                                                                                      \
    ROW(BUDGET_EXCEEDED, 402, "budget_exceeded", "this call does not fit the budget")                                   \
    ROW(BALANCE_EMPTY, 402, "balance_empty", "the prepaid balance is used up")                                          \
    ROW(RATE_LIMITED, 429, "rate_limited", "too many calls, or too many at once")                                       \
    ROW(PRICE_UNKNOWN, 422, "price_unknown", "no price is known for this, and a money budget applies")                  \
    /* how it was said */                                                                                               \
    ROW(BAD_REQUEST, 400, "bad_request", "the request cannot be read")                                                  \
    ROW(NOT_CANONICAL, 400, "not_canonical", "the request can be read in more than one way")                            \
    ROW(TOO_LARGE, 413, "too_large", "the request is larger than allowed")                                              \
    ROW(NOT_FOUND, 404, "not_found", "there is nothing here")                                                           \
    ROW(LINK_OVER, 410, "link_over", "this link is no longer good")                                                     \
    ROW(METHOD_UNKNOWN, 405, "method_not_allowed", "this method is not offered here")                                   \
    ROW(REQUEST_TIMEOUT, 408, "request_timeout", "the request did not arrive in time")                                  \
    ROW(IDEMPOTENCY_CONFLICT, 409, "idempotency_conflict", "this idempotency key was used with another request")       \
    ROW(DUPLICATE_IN_FLIGHT, 409, "duplicate_in_flight", "the same call is still under way")                            \
    /* the other side, and ours */                                                                                      \
    ROW(UPSTREAM_UNREACHABLE, 502, "upstream_unreachable", "the vendor could not be reached")                           \
    ROW(UPSTREAM_BROKEN, 502, "upstream_broken", "the vendor broke off its answer")                                     \
    ROW(UPSTREAM_TIMEOUT, 504, "upstream_timeout", "the vendor did not answer in time")                                 \
    ROW(LEDGER_UNAVAILABLE, 503, "ledger_unavailable", "the ledger cannot record; nothing was forwarded")               \
    ROW(OVERLOADED, 503, "overloaded", "the gate is at a limit of its own; nothing was forwarded")                      \
    ROW(DRAINING, 503, "draining", "the gate is shutting down; nothing was forwarded")                                  \
    ROW(CLIENT_GONE, 499, "client_gone", "the caller went away")                                                        \
    /* operators */                                                                                                     \
    ROW(CONFIG, 422, "config_invalid", "the configuration is not valid")                                                \
    ROW(UNAUTHORIZED, 401, "unauthorized", "an admin token is required")                                                \
    ROW(ROLE_DENIED, 403, "role_denied", "this admin token may not do that")                                            \
    ROW(CSRF_DENIED, 403, "csrf_denied", "this does not come from the dashboard")                                       \
    ROW(PRECONDITION_FAILED, 412, "precondition_failed", "it was changed in the meantime")                              \
    ROW(CONFLICT, 409, "conflict", "this clashes with what is there")                                                   \
    ROW(IO, 500, "io_error", "the operating system refused")                                                            \
    ROW(NO_MEMORY, 503, "no_memory", "out of memory")

enum err {
#define ERR_ENUM(name, status, code, text) E_##name,
    ERR_ROWS(ERR_ENUM)
#undef ERR_ENUM
        ERR_COUNT
};

int err_status(enum err e);       /* default HTTP status */
struct span err_code(enum err e); /* "budget_exceeded" */
struct span err_text(enum err e); /* one public sentence, no full stop */

#endif

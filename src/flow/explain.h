/* SPDX-License-Identifier: Apache-2.0
 * explain.h - what would become of a call: the steps of the pipeline up to its price, and a look at the budgets, without holding
 * anything, forwarding anything or writing a row.
 *
 * Runs on any thread but a worker's (the admin's), with a snapshot, the stops and the ledger that are in force. Objects that only the vendor
 * knows are not read: what needs one is reported as such. */
#ifndef TG_FLOW_EXPLAIN_H
#define TG_FLOW_EXPLAIN_H

#include "flow/gate.h"

struct explain_request {
    struct span key;    /* id or name */
    struct span method, target; /* "POST", "/stripe/v1/charges?..." or a whole URL of the vendor: "https://api.stripe.com/v1/charges" */
    struct http_field *fields;
    size_t count;
    struct span body;
    struct span run;
    struct snapshot *snapshot; /* a configuration on trial, in place of the one in force; NULL: none. Stays the caller's */
};
/* Writes one JSON object: canonical method, path, query and body; vendor, operation, note; scopes, parameters; the most it can cost; what is
 * not known without asking the vendor; every budget it would touch with limit, spent, reserved and whether it fits; approvals; verdict, and for a refusal
 * code, status, rule and reason; the shadow policy's verdict. E_NOT_FOUND: no such key. */
CHECKED enum err explain(struct gate *g, const struct explain_request *r, struct json_out *o);

#endif

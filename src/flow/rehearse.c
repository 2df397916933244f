/* SPDX-License-Identifier: Apache-2.0
 * rehearse.c - where a dry run ends: everything was judged, nothing goes to the vendor, and budgets are as they were.
 *
 * The hold that was taken shows that the call fits; it is given back when the books close. The answer is the gate's own, says so
 * in a field and in its body, and is a success, since a refusal would have been one. */
#include "flow/steps.h"

enum next rehearse(struct exchange *x)
{
    static const struct http_field fields[] = { { { "content-type", 12 }, { "application/json", 16 } },
        { { "x-tollgate-dry-run", 18 }, { "allowed", 7 } } };
    struct answering *a = &x->answering;
    if (!x->deciding.key->dry_run)
        return NEXT;
    a->rehearsed = true;
    a->status = 200;
    a->fields = ARENA_ARRAY(&x->arena, struct http_field, 2);
    if (!a->fields)
        return fail(x, E_TOO_LARGE, "this call needs more memory than a call may have");
    memcpy(a->fields, fields, sizeof(fields));
    a->field_count = 2;
    struct json_out o = json_out(&a->body);
    json_open(&o, '{');
    json_name(&o, SPAN("tollgate"));
    json_open(&o, '{');
    json_pair_bool(&o, SPAN("dry_run"), true);
    json_pair(&o, SPAN("verdict"), SPAN("allowed"));
    json_pair(&o, SPAN("operation"), x->facts.operation);
    if (x->facts.cost_known)
        json_pair_money(&o, SPAN("reserved_usd"), x->facts.worst[UNIT_USD]);
    json_pair(&o, SPAN("message"), SPAN("this key is for dry runs: the call was judged and noted, and nothing was sent"));
    json_close(&o, '}');
    json_close(&o, '}');
    return STOP;
}

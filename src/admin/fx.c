/* SPDX-License-Identifier: Apache-2.0
 * fx.c - the rates of exchange in force, wherever they came from: the file, the configuration, the API. */
#include "admin/inside.h"

static void put_rates(struct visit *v, const struct fx *fx)
{
    char text[MONEY_TEXT];
    json_name(&v->json, SPAN("rates"));
    json_open(&v->json, '{');
    for (size_t i = 0; fx && i < fx->count; i++)
        json_pair(&v->json, span_make(fx->rates[i].code, 3), money_text(fx->rates[i].usd, text));
    json_close(&v->json, '}');
}

void fx_get(struct visit *v)
{
    char text[MONEY_TEXT];
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    const struct fx *fx = s->fx;
    json_open(&v->json, '{');
    json_pair(&v->json, SPAN("date"), fx ? fx->date : SPAN_NONE);
    json_pair(&v->json, SPAN("margin"), arena_print(&v->arena, "%.*s%%", SPAN_ARG(money_text(fx ? fx->margin * 100 : 0, text))));
    put_rates(v, fx);
    json_close(&v->json, '}');
    snapshot_drop(s);
    reply_json(v, 200);
}

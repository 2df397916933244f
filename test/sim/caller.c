/* SPDX-License-Identifier: Apache-2.0
 * caller.c - what the callers of a simulated world ask for, and what the vendor has to say. */
#include <stdio.h>

#include "test/sim/sim.h"

static void add(struct http_head *h, struct span name, struct span value) { h->fields[h->count++] = (struct http_field){ name, value }; }

static void set_body(struct sim_call *c, int written)
{
    c->body_len = (size_t)written;
    c->head.length = written;
    if (sim_chance(c->sim, 20)) {
        c->head.length = -1;
        c->head.chunked = true;
    }
}

static void ask_charge(struct sim_call *c)
{
    static const struct span keys[SIM_KEYS] = { { "order-1", 7 }, { "order-2", 7 } };
    bool keyed = sim_chance(c->sim, 40);
    uint32_t cents = keyed && sim_chance(c->sim, 80) ? 100 : 1 + sim_roll(c->sim, 400);
    if (keyed)
        add(&c->head, SPAN("idempotency-key"), keys[sim_roll(c->sim, SIM_KEYS)]);
    c->head.target = sim_chance(c->sim, 5) ? SPAN("/stripe/v1/payouts") : SPAN("/stripe/v1/charges");
    add(&c->head, SPAN("content-type"), SPAN("application/x-www-form-urlencoded"));
    set_body(c, snprintf(c->body, sizeof(c->body), "amount=%u&currency=usd&source=tok_visa", cents));
    int n = c->l->vendor_refuses
        ? snprintf(c->l->answer, SIM_ANSWER, "{\"error\":{\"type\":\"card_error\",\"code\":\"card_declined\",\"message\":\"no\"}}")
        : snprintf(c->l->answer, SIM_ANSWER,
              "{\"id\":\"ch_1\",\"object\":\"charge\",\"amount\":%u,\"amount_captured\":%u,\"currency\":\"usd\",\"captured\":true,\"paid\":true,\"status\":\"succeeded\"}",
              cents, cents);
    c->l->answer_len = (size_t)n;
    c->l->answer_head.status = c->l->vendor_refuses ? 402 : 200;
    if (c->sim->routes && sim_chance(c->sim, 30))
        sim_retry(c);
}

static void ask_read(struct sim_call *c)
{
    c->head.method = SPAN("GET");
    c->head.target = SPAN("/stripe/v1/customers/cus_A");
    c->head.length = -1;
    c->l->answer_len = (size_t)snprintf(c->l->answer, SIM_ANSWER, "{\"id\":\"cus_A\",\"object\":\"customer\"}");
    c->l->answer_head.status = 200;
}

/* Its vendor bills it, whoever hears the answer. */
static void ask_number(struct sim_call *c)
{
    c->head.method = SPAN("GET");
    c->head.target = SPAN("/shop/numbers/15550000");
    c->head.length = -1;
    c->l->answer_head.status = c->l->vendor_refuses ? 404 : 200;
    c->l->answer_len = (size_t)snprintf(c->l->answer, SIM_ANSWER, c->l->vendor_refuses ? "{\"error\":\"no\"}" : "{\"id\":\"num_1\",\"kind\":\"mobile\"}");
}

static int write_stream(struct sim_call *c, char *out, size_t room)
{
    c->l->stream_unfinished = sim_chance(c->sim, 10);
    return snprintf(out, room,
        "data: {\"id\":\"1\",\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n"
        "data: {\"id\":\"1\",\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"stop\"}]}\n\n"
        "data: {\"id\":\"1\",\"model\":\"gpt-4o-mini\",\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":2,\"total_tokens\":14}}\n\n"
        "%s", c->l->stream_unfinished ? "" : "data: [DONE]\n\n");
}

static void ask_chat(struct sim_call *c)
{
    bool stream = sim_chance(c->sim, 50), limited = sim_chance(c->sim, 70);
    c->head.target = SPAN("/openai/v1/chat/completions");
    add(&c->head, SPAN("content-type"), SPAN("application/json"));
    set_body(c, snprintf(c->body, sizeof(c->body), "{\"model\":\"gpt-4o-mini\",%s%s\"messages\":[{\"role\":\"user\",\"content\":\"Hello there\"}]}",
                    stream ? "\"stream\":true," : "", limited ? sim_chance(c->sim, 30) ? "\"max_tokens\":2," : "\"max_tokens\":2000," : ""));
    if (c->l->vendor_refuses) {
        c->l->answer_head.status = 429;
        c->l->answer_len = (size_t)snprintf(c->l->answer, SIM_ANSWER, "{\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit\"}}");
        return;
    }
    c->l->answer_head.status = 200;
    if (stream) {
        c->l->answer_fields[0].value = SPAN("text/event-stream");
        c->l->answer_len = (size_t)write_stream(c, c->l->answer, SIM_ANSWER);
    } else {
        c->l->answer_len = (size_t)snprintf(c->l->answer, SIM_ANSWER,
            "{\"id\":\"1\",\"model\":\"gpt-4o-mini\",\"choices\":[{\"message\":{\"content\":\"Hello\"}}],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":2}}");
    }
}

/* A return of a sale: whose it was, and how much of it is left, only the shop knows. */
static void ask_return(struct sim_call *c)
{
    static const struct span targets[] = { { "/shop/sales/sale_A/return", 25 }, { "/shop/sales/sale_B/return", 25 }, { "/shop/sales/sale_A/note", 23 } };
    c->head.target = targets[sim_roll(c->sim, 3)];
    add(&c->head, SPAN("content-type"), SPAN("application/json"));
    set_body(c, snprintf(c->body, sizeof(c->body), "{\"why\":\"broken\"}"));
    c->l->answer_head.status = c->l->vendor_refuses ? 409 : 200;
    c->l->answer_len = (size_t)snprintf(c->l->answer, SIM_ANSWER, c->l->vendor_refuses ? "{\"error\":\"no\"}" : "{\"id\":\"ret_1\",\"amount\":\"1.5\"}");
}

static void ask_text(struct sim_call *c)
{
    c->head.target = SPAN("/shop/texts");
    add(&c->head, SPAN("content-type"), SPAN("application/json"));
    set_body(c, snprintf(c->body, sizeof(c->body), "{\"to\":\"+15550000\"}"));
    c->l->answer_head.status = c->l->vendor_refuses ? 400 : 200;
    c->l->answer_len = (size_t)snprintf(c->l->answer, SIM_ANSWER, c->l->vendor_refuses ? "{\"error\":\"no\"}" : "{\"id\":\"text_1\"}");
    if (!c->l->vendor_refuses)
        c->l->cheaper = (nano_usd)sim_roll(c->sim, 5) * (NANO_PER_USD / 10);
}

/* Bodies no one reads are carried through: a file upload, say. */
static void ask_upload(struct sim_call *c)
{
    c->head.target = SPAN("/openai/v1/files");
    add(&c->head, SPAN("content-type"), SPAN("multipart/form-data; boundary=x"));
    memset(c->body, 'x', sizeof(c->body));
    set_body(c, (int)(1 + sim_roll(c->sim, sizeof(c->body) - 1)));
    c->l->answer_head.status = 200;
    c->l->answer_len = (size_t)snprintf(c->l->answer, SIM_ANSWER, "{\"id\":\"file-1\"}");
}

void sim_ask(struct sim_call *c)
{
    struct sim *s = c->sim;
    c->head = (struct http_head){ .method = SPAN("POST"), .fields = c->fields, .length = -1, .minor = 1 };
    c->l->answer_head = (struct http_head){ .fields = c->l->answer_fields, .count = 1, .length = -1, .minor = 1 };
    c->l->answer_fields[0] = (struct http_field){ SPAN("content-type"), SPAN("application/json") };
    add(&c->head, SPAN("host"), SPAN("gate"));
    add(&c->head, SPAN("authorization"), sim_chance(s, 3) ? SPAN("Bearer tg_sim_wrong_key_00000") : SPAN("Bearer tg_sim_key_0000000000"));
    if (sim_chance(s, 70))
        add(&c->head, SPAN("x-agent-run-id"), sim_chance(s, 50) ? SPAN("run_a") : SPAN("run_b"));
    c->body_breaks = sim_chance(s, 4);
    c->l->connect_fails = sim_chance(s, 6);
    c->l->breaks_before_head = sim_chance(s, 8);
    c->l->vendor_refuses = sim_chance(s, 10);
    c->l->answer_in = (int)sim_roll(s, 4);
    uint32_t kind = sim_roll(s, 100);
    c->l->stalls_at = c->l->lie_at = SIZE_MAX;
    if (s->talks || sim_chance(s, 50))
        sim_ask_model(c);
    else if (kind < 30)
        ask_charge(c);
    else if (kind < 40)
        ask_return(c);
    else if (kind < 50)
        ask_text(c);
    else if (kind < 80)
        ask_chat(c);
    else if (kind < 86)
        ask_number(c);
    else if (kind < 94)
        ask_read(c);
    else
        ask_upload(c);
    c->l->answer_breaks = sim_chance(s, 10);
    if (c->named) /* it is answered when it is heard */
        return;
    c->l->answer_breaks_at = c->l->answer_len ? sim_roll(s, (uint32_t)c->l->answer_len) : 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * upstream.c - the vendor of the benchmarks: answers at once, with canned bodies of real shape, on one loopback port.
 *
 *   upstream PORT
 * POST .../chat/completions: a completion with usage, or, when the body says "stream":true, 200 events and [DONE]; with the
 * model "gpt-4o" the events come 100 ms apart. POST .../charges: a charge. Bodies are read to their end first. */
#include <stdio.h>
#include <stdlib.h>

#include "http/server.h"

enum { EVENTS = 200, SLOW_MS = 100, START = 2048 };

static const char completion[] =
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1790000000,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
    "\"assistant\",\"content\":\"The quick brown fox jumps over the lazy dog, and then it does so again, because that is what foxes do all day long when "
    "nobody looks at the hedge.\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":190,\"completion_tokens\":34,"
    "\"total_tokens\":224,\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0,"
    "\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}},\"service_tier\":\"default\",\"system_fingerprint\":\"fp_1\"}";
static const char charge[] =
    "{\"id\":\"ch_1\",\"object\":\"charge\",\"amount\":100,\"amount_captured\":100,\"amount_refunded\":0,\"balance_transaction\":\"txn_1\",\"captured\":true,"
    "\"created\":1790000000,\"currency\":\"usd\",\"customer\":null,\"description\":null,\"livemode\":false,\"paid\":true,\"status\":\"succeeded\"}";
static const char event[] =
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":"
    "{\"content\":\" word\"},\"finish_reason\":null}],\"usage\":null}\n\n";
static const char last_events[] =
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"gpt-4o-mini\",\"choices\":[],\"usage\":"
    "{\"prompt_tokens\":190,\"completion_tokens\":200,\"total_tokens\":390}}\n\ndata: [DONE]\n\n";

struct client {
    struct http_request *request;
    struct timer timer;
    bool charge, stream, slow;
    size_t seen;
    int sent;
    char start[START]; /* of the body: where "stream" and the model stand; a gate between may have changed their order */
};

static struct loop loop;

static const struct http_field json_type[] = { { { "content-type", 12 }, { "application/json", 16 } } };
static const struct http_field event_type[] = { { { "content-type", 12 }, { "text/event-stream", 17 } } };

static void finish_stream(struct client *c)
{
    http_reply_write(c->request, span_of(last_events));
    http_reply_end(c->request, NULL, 0);
    timer_clear(&c->timer);
    free(c);
}

static void next_event(struct timer *t)
{
    struct client *c = CONTAINER_OF(t, struct client, timer);
    http_reply_write(c->request, span_of(event));
    if (++c->sent == EVENTS)
        finish_stream(c);
    else
        timer_set(&loop, &c->timer, SLOW_MS);
}

static void answer(struct client *c)
{
    if (!c->stream) {
        http_reply(c->request, 200, json_type, 1, c->charge ? span_of(charge) : span_of(completion));
        free(c);
        return;
    }
    http_reply_head(c->request, 200, event_type, 1, -1);
    if (c->slow) {
        next_event(&c->timer);
        return;
    }
    for (; c->sent < EVENTS; c->sent++)
        http_reply_write(c->request, span_of(event));
    finish_stream(c);
}

static void read_more(void *mine)
{
    struct client *c = mine;
    struct span bytes;
    if (c->sent) /* streaming: the wake is about room, which a benchmark's reader has */
        return;
    for (;;) {
        switch (http_request_read(c->request, &bytes)) {
        case IO_BYTES: {
            size_t room = sizeof(c->start) - c->seen, part = bytes.len < room ? bytes.len : room;
            memcpy(c->start + c->seen, bytes.at, part);
            c->seen += part;
            break;
        }
        case IO_END:
            c->stream = span_find(span_make(c->start, c->seen), SPAN("\"stream\":true")) >= 0;
            c->slow = span_find(span_make(c->start, c->seen), SPAN("\"gpt-4o\"")) >= 0;
            answer(c);
            return;
        case IO_WAIT:
            return;
        case IO_FAILED:
            http_reply_cut(c->request);
            free(c);
            return;
        }
    }
}

static void gone(void *mine)
{
    struct client *c = mine;
    timer_clear(&c->timer);
    free(c);
}

static const struct http_request_user user = { .wake = read_more, .gone = gone };

static void begin(void *self, struct http_request *r)
{
    struct client *c = calloc(1, sizeof(*c));
    (void)self;
    if (!c)
        abort();
    c->request = r;
    c->charge = span_find(http_request_head(r)->target, SPAN("charges")) >= 0;
    timer_init(&c->timer, next_event);
    http_request_user(r, &user, c);
    read_more(c);
}

int main(int argc, char **argv)
{
    struct listen_address address;
    struct http_service service = { .begin = begin };
    struct http_limits limits = http_limits_default;
    char text[64], why[256] = "";
    snprintf(text, sizeof(text), "127.0.0.1:%s", argc > 1 ? argv[1] : "0");
    limits.connections = 100000;
    if (loop_init(&loop) != E_OK || !listen_parse(span_of(text), &address))
        return 2;
    struct http_server *server = http_server_new(&loop, &limits, &service);
    if (!server || !http_server_listen(server, &address, NULL, NULL, why)) {
        fprintf(stderr, "upstream: %s\n", why);
        return 2;
    }
    printf("ready %s\n", address.text);
    fflush(stdout);
    loop_run(&loop);
    return 0;
}

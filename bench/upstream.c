/* SPDX-License-Identifier: Apache-2.0
 * upstream.c - the vendor of the benchmarks: answers at once, with canned bodies of real shape, on one loopback port.
 *
 *   upstream PORT
 * POST .../chat/completions: a completion with usage, or, when the body says "stream":true, 200 events and [DONE]; with the
 * model "gpt-4o" the events come 100 ms apart. POST .../messages: the same in Anthropic's words. POST .../charges, .../refunds, .../emails, .../graphql.json: what was made; POST
 * .../Messages.json: a message, with a price when the body has "priced", else its price is told when it is read. GET .../charges/ch_...
 * and .../Messages/SM...: that one. Bodies are read to their end first.
 *
 * It shares its core with the load, so it must cost next to nothing: one read and one write a request, answers made
 * beforehand. It is no HTTP server: it trusts its callers, takes one request at a time on a connection, and dies of what
 * it does not know. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 200, SLOW_MS = 100, START = 4096, ANSWER = 128 << 10, READ = 64 << 10, READY = 256 };

static const char completion_text[] =
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1790000000,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
    "\"assistant\",\"content\":\"The quick brown fox jumps over the lazy dog, and then it does so again, because that is what foxes do all day long when "
    "nobody looks at the hedge.\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":190,\"completion_tokens\":34,"
    "\"total_tokens\":224,\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0,"
    "\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}},\"service_tier\":\"default\",\"system_fingerprint\":\"fp_1\"}";
static const char charge_text[] =
    "{\"id\":\"ch_1\",\"object\":\"charge\",\"amount\":100,\"amount_captured\":100,\"amount_refunded\":0,\"balance_transaction\":\"txn_1\",\"captured\":true,"
    "\"created\":1790000000,\"currency\":\"usd\",\"customer\":null,\"description\":null,\"livemode\":false,\"paid\":true,\"status\":\"succeeded\"}";
/* Ten zeros are the place of a number: the one asked for, or the next one. */
static const char owned_text[] =
    "{\"id\":\"ch_0000000000\",\"object\":\"charge\",\"amount\":100000000,\"amount_captured\":100000000,\"amount_refunded\":0,\"captured\":true,"
    "\"created\":1790000000,\"currency\":\"usd\",\"customer\":\"cus_benchmark\",\"description\":null,\"livemode\":false,\"paid\":true,\"status\":\"succeeded\"}";
static const char refund_text[] =
    "{\"id\":\"re_0000000000\",\"object\":\"refund\",\"amount\":100,\"balance_transaction\":\"txn_1\",\"charge\":\"ch_1\",\"created\":1790000000,"
    "\"currency\":\"usd\",\"metadata\":{},\"payment_intent\":null,\"reason\":null,\"receipt_number\":null,\"status\":\"succeeded\"}";
#define MESSAGE(status, price)                                                                                                      \
    "{\"sid\":\"SM00000000000000000000000000000000\",\"account_sid\":\"AC11111111111111111111111111111111\",\"to\":\"+15558675310\",\"from\":"   \
    "\"+15017122661\",\"body\":\"Your order has left our house and will be with you tomorrow.\",\"num_segments\":\"1\",\"num_media\":\"0\","   \
    "\"direction\":\"outbound-api\",\"error_code\":null,\"status\":\"" status "\",\"price\":" price ",\"price_unit\":\"USD\"}"
static const char queued_text[] = MESSAGE("queued", "null");
static const char priced_text[] = MESSAGE("sent", "\"-0.01400\"");
static const char mail_text[] = "{\"id\":\"49a3999c-0ce1-4ea6-ab68-000000000000\"}";
static const char graphql_text[] = "{\"data\":{\"refundCreate\":{\"refund\":{\"id\":\"gid://shopify/Refund/0000000000\"},\"userErrors\":[]}},"
    "\"extensions\":{\"cost\":{\"requestedQueryCost\":10,\"actualQueryCost\":10}}}";
static const char event_text[] =
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":"
    "{\"content\":\" word\"},\"finish_reason\":null}],\"usage\":null}\n\n";
static const char last_text[] =
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"gpt-4o-mini\",\"choices\":[],\"usage\":"
    "{\"prompt_tokens\":190,\"completion_tokens\":200,\"total_tokens\":390}}\n\ndata: [DONE]\n\n";

static const char message_text[] =
    "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-haiku-4-5\",\"content\":[{\"type\":\"text\",\"text\":"
    "\"The quick brown fox jumps over the lazy dog, and then it does so again, because that is what foxes do all day long when "
    "nobody looks at the hedge.\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":190,\"cache_creation_input_tokens\":0,"
    "\"cache_read_input_tokens\":0,\"output_tokens\":34,\"service_tier\":\"standard\"}}";
static const char message_start[] =
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"
    "\"claude-haiku-4-5\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":190,\"output_tokens\":1}}}\n\n"
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
static const char message_delta[] =
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" word\"}}\n\n";
static const char message_last[] =
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":200}}\n\n"
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

/* Bytes of an answer, made once. */
struct canned {
    char at[ANSWER];
    size_t len;
};

static struct canned completion, stream, stream_head, stream_event, stream_last, message, message_stream;

/* By what stands in the request line, the first that fits. */
struct reply {
    const char *path, *body;
    size_t number; /* where it has a place for one; 0: nowhere */
    struct canned whole;
};
enum { DIGITS = 10, MESSAGE_MADE = 3 };
static struct reply replies[] = { { .path = "/charges/ch_", .body = owned_text }, { .path = "/charges", .body = charge_text },
    { .path = "/Messages/SM", .body = priced_text }, { .path = "/Messages.json", .body = queued_text }, { .path = "/refunds", .body = refund_text },
    { .path = "/emails", .body = mail_text }, { .path = "/graphql.json", .body = graphql_text } };
enum { REPLIES = sizeof(replies) / sizeof(replies[0]) };
static struct reply priced = { .path = "/Messages.json", .body = priced_text };

struct client {
    struct client *next, *before; /* of those that stream slowly: all wait equally long, so the list is in order of time */
    int64_t due_ms;
    int fd, sent;                 /* events */
    bool listed, chunked;
    size_t seen, need;            /* of the request, head included; need is 0 until the head is whole */
    const char *rest;             /* of an answer that did not go out at once */
    size_t rest_len;
    char last[5];
    char start[START];            /* of the request: what it asks for stands here */
};

static struct client slow; /* the list's both ends */
static int poll;

static void give_up(const char *what)
{
    fprintf(stderr, "upstream: %s: %s\n", what, errno ? strerror(errno) : "not as expected");
    exit(2);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- answers ---- */

static void put(struct canned *c, const char *text, size_t len)
{
    if (c->len + len > ANSWER)
        give_up("an answer's length");
    memcpy(c->at + c->len, text, len);
    c->len += len;
}

static void put_whole(struct canned *c, const char *body)
{
    char head[128];
    int len = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n", strlen(body));
    put(c, head, (size_t)len);
    put(c, body, strlen(body));
}

static void put_chunk(struct canned *c, const char *text)
{
    char size[16];
    int len = snprintf(size, sizeof(size), "%zx\r\n", strlen(text));
    put(c, size, (size_t)len);
    put(c, text, strlen(text));
    put(c, "\r\n", 2);
}

/* The number's place is the last one of ten zeros. */
static void make_reply(struct reply *r)
{
    put_whole(&r->whole, r->body);
    for (size_t i = 0; i + DIGITS <= r->whole.len; i++)
        if (memcmp(r->whole.at + i, "0000000000", DIGITS) == 0)
            r->number = i;
}

static void make_answers(void)
{
    static const char head[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    put_whole(&completion, completion_text);
    for (size_t i = 0; i < REPLIES; i++)
        make_reply(&replies[i]);
    make_reply(&priced);
    put(&stream_head, head, strlen(head));
    put_chunk(&stream_event, event_text);
    put_chunk(&stream_last, last_text);
    put(&stream_last, "0\r\n\r\n", 5);
    put(&stream, stream_head.at, stream_head.len);
    for (int i = 0; i < EVENTS; i++)
        put(&stream, stream_event.at, stream_event.len);
    put(&stream, stream_last.at, stream_last.len);
    put_whole(&message, message_text);
    put(&message_stream, stream_head.at, stream_head.len);
    put_chunk(&message_stream, message_start);
    for (int i = 0; i < EVENTS; i++)
        put_chunk(&message_stream, message_delta);
    put_chunk(&message_stream, message_last);
    put(&message_stream, "0\r\n\r\n", 5);
}

/* ---- clients ---- */

static void watch(struct client *c, int how, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.ptr = c };
    if (epoll_ctl(poll, how, c->fd, &e) != 0)
        give_up("epoll");
}

static void unlist(struct client *c)
{
    if (!c->listed)
        return;
    c->next->before = c->before;
    c->before->next = c->next;
    c->listed = false;
}

static void list_last(struct client *c)
{
    c->next = &slow;
    c->before = slow.before;
    slow.before->next = c;
    slow.before = c;
    c->listed = true;
    c->due_ms = now_ms() + SLOW_MS;
}

static void leave(struct client *c)
{
    unlist(c);
    close(c->fd);
    free(c);
}

/* False: the client is gone. */
static bool send_rest(struct client *c)
{
    ssize_t n = send(c->fd, c->rest, c->rest_len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        leave(c);
        return false;
    }
    size_t sent = n < 0 ? 0 : (size_t)n;
    c->rest += sent;
    c->rest_len -= sent;
    if (c->rest_len)
        watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    return true;
}

static bool send_canned(struct client *c, const struct canned *a)
{
    c->rest = a->at;
    c->rest_len = a->len;
    return send_rest(c);
}

/* The list's first are due: one event each, and back to its end. A reader that takes nothing misses a turn. */
static void send_due_events(void)
{
    int64_t now = slow.next == &slow ? 0 : now_ms();
    while (slow.next != &slow && slow.next->due_ms <= now) {
        struct client *c = slow.next;
        unlist(c);
        bool blocked = c->rest_len > 0;
        if (!blocked && !send_canned(c, c->sent < EVENTS ? &stream_event : &stream_last))
            continue;
        if (blocked || ++c->sent <= EVENTS)
            list_last(c);
    }
}

static bool says(const struct client *c, const char *text)
{
    size_t len = c->seen < START ? c->seen : START;
    return memmem(c->start, len, text, strlen(text)) != NULL;
}

/* The digits that end the path asked for, or the next number. */
static void number_reply(struct reply *r, const char *line, size_t len)
{
    static unsigned long long made;
    char digits[DIGITS + 1];
    const char *id = memmem(line, len, r->path, strlen(r->path)), *end = id + strlen(r->path);
    while (end < line + len && *end >= '0' && *end <= '9')
        end++;
    if (end >= id + strlen(r->path) + DIGITS)
        memcpy(digits, end - DIGITS, DIGITS);
    else
        snprintf(digits, sizeof(digits), "%010llu", ++made % 10000000000ULL);
    memcpy(r->whole.at + r->number, digits, DIGITS);
}

/* NULL: no call of these. */
static struct reply *reply_to(const struct client *c)
{
    size_t seen = c->seen < START ? c->seen : START;
    const char *end = memchr(c->start, '\r', seen);
    size_t len = end ? (size_t)(end - c->start) : 0;
    for (size_t i = 0; i < REPLIES; i++) {
        struct reply *r = &replies[i];
        if (!memmem(c->start, len, r->path, strlen(r->path)))
            continue;
        if (i == MESSAGE_MADE && says(c, "priced"))
            r = &priced;
        if (r->number)
            number_reply(r, c->start, len);
        return r;
    }
    return NULL;
}

static void answer(struct client *c)
{
    const struct reply *reply = reply_to(c);
    bool streams = says(c, "\"stream\":true"), paced = streams && says(c, "\"gpt-4o\"");
    bool anthropic = says(c, "/messages HTTP");
    c->seen = c->need = 0;
    if (anthropic) {
        (void)send_canned(c, streams ? &message_stream : &message);
        return;
    }
    if (!send_canned(c, paced ? &stream_head : streams ? &stream : reply ? &reply->whole : &completion) || !paced)
        return;
    c->sent = 1;
    if (c->rest_len || send_canned(c, &stream_event))
        list_last(c);
}

/* How long the request is; a chunked one ends where its last chunk does, one without a length with its head. */
static void read_head(struct client *c)
{
    size_t len = c->seen < START - 1 ? c->seen : START - 1;
    c->start[len] = '\0';
    const char *end = strstr(c->start, "\r\n\r\n"), *length = strcasestr(c->start, "\ncontent-length:");
    if (!end && c->seen >= START)
        give_up("a request's head");
    if (!end)
        return;
    bool sized = length && length < end;
    c->chunked = !sized && strncmp(c->start, "GET ", 4) != 0;
    c->need = (size_t)(end + 4 - c->start) + (sized ? (size_t)strtoul(length + 16, NULL, 10) : 0);
}

static void take(struct client *c, const char *bytes, size_t len)
{
    if (c->seen < START)
        memcpy(c->start + c->seen, bytes, len < START - c->seen ? len : START - c->seen);
    c->seen += len;
    size_t tail = len < sizeof(c->last) ? len : sizeof(c->last);
    memmove(c->last, c->last + tail, sizeof(c->last) - tail);
    memcpy(c->last + sizeof(c->last) - tail, bytes + len - tail, tail);
    if (!c->need)
        read_head(c);
    if (!c->need || (c->chunked && memcmp(c->last, "0\r\n\r\n", 5) != 0) || c->seen < c->need)
        return;
    if (!c->chunked && c->seen > c->need)
        give_up("two requests at once");
    answer(c);
}

static void serve_client(struct client *c, uint32_t events)
{
    static char bytes[READ];
    if (events & EPOLLOUT) {
        if (!send_rest(c))
            return;
        if (!c->rest_len)
            watch(c, EPOLL_CTL_MOD, EPOLLIN);
    }
    if (!(events & ~(uint32_t)EPOLLOUT))
        return;
    ssize_t n = read(c->fd, bytes, sizeof(bytes));
    if (n > 0)
        take(c, bytes, (size_t)n);
    else if (n == 0 || errno != EAGAIN)
        leave(c);
}

static void accept_all(int listener)
{
    int on = 1, fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct client *c = calloc(1, sizeof(*c));
        if (!c)
            give_up("memory");
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static int start_listening(uint16_t port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(fd, 4096) != 0)
        give_up("listen");
    return fd;
}

/* Milliseconds until an event is due; -1: none will be. */
static int time_to_wait(void)
{
    int64_t wait = slow.next == &slow ? -1 : slow.next->due_ms - now_ms();
    return slow.next != &slow && wait < 0 ? 0 : (int)wait;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    struct epoll_event ready[READY], first = { .events = EPOLLIN };
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    make_answers();
    slow.next = slow.before = &slow;
    if (argc != 2)
        give_up("arguments (allowed: a port)");
    int listener = start_listening((uint16_t)strtoul(argv[1], NULL, 10));
    poll = epoll_create1(EPOLL_CLOEXEC);
    if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &first) != 0)
        give_up("epoll");
    for (;;) {
        int n = epoll_wait(poll, ready, READY, time_to_wait());
        for (int i = 0; i < n; i++) {
            if (ready[i].data.ptr)
                serve_client(ready[i].data.ptr, ready[i].events);
            else
                accept_all(listener);
        }
        send_due_events();
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * rig.c - two small servers; see rig.h. */
#include "test/unit/alert/rig.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"

enum { ROOM = 1 << 20 };

bool rig_has(struct span text, const char *part) { return span_find(text, span_of(part)) >= 0; }

void rig_nap(int ms)
{
    struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };
    nanosleep(&t, NULL);
}

static int listen_at(uint16_t *port)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(at);
    must(fd >= 0);
    must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
    must(bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
    must(listen(fd, 64) == 0);
    must(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    *port = ntohs(at.sin_port);
    return fd;
}

/* False: stopping. */
static bool readable(int fd, const atomic_bool *stopping)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    while (!atomic_load(stopping)) {
        if (poll(&p, 1, 20) > 0)
            return true;
    }
    return false;
}

static int take_connection(int listener, const atomic_bool *stopping)
{
    return readable(listener, stopping) ? accept(listener, NULL, NULL) : -1;
}

/* False: nothing comes any more. */
static bool read_more(int fd, const atomic_bool *stopping, struct buf *in)
{
    char *at = buf_reserve(in, 65536);
    must(at);
    ssize_t n = readable(fd, stopping) ? read(fd, at, 65536) : 0;
    in->len += n > 0 ? (size_t)n : 0;
    return n > 0;
}

static void say(int fd, struct span s)
{
    while (s.len > 0) {
        ssize_t n = send(fd, s.at, s.len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        s = span_from(s, (size_t)n);
    }
}

/* ---- webhooks ---- */

struct span hook_field(const struct hook_call *c, const char *name)
{
    struct span rest = buf_span(&c->head), line;
    while (span_next(&rest, '\n', &line)) {
        struct span value = line, field;
        if (span_cut(&value, ':', &field) && span_is_nocase(field, span_of(name)))
            return span_first(span_from(value, 1), value.len - 2); /* the blank before it, the CR behind it */
    }
    return SPAN_NONE;
}

static bool read_request(int fd, struct hook *h, struct hook_call *c)
{
    struct buf in;
    ptrdiff_t end;
    uint64_t length = 0;
    buf_init(&in, ROOM);
    while ((end = span_find(buf_span(&in), SPAN("\r\n\r\n"))) < 0) {
        if (!read_more(fd, &h->stopping, &in)) {
            buf_free(&in);
            return false;
        }
    }
    buf_put(&c->head, span_first(buf_span(&in), (size_t)end + 2));
    must(span_to_u64(hook_field(c, "content-length"), &length));
    while (in.len < (size_t)end + 4 + length && read_more(fd, &h->stopping, &in))
        continue;
    buf_put(&c->body, span_from(buf_span(&in), (size_t)end + 4));
    buf_free(&in);
    return true;
}

static void say_status(int fd, const struct hook *h, int status)
{
    struct buf out;
    buf_init(&out, 2 * ROOM);
    size_t length = status == HOOK_LONG ? ROOM : 2;
    buf_print(&out, "HTTP/1.1 %d x\r\nconnection: close\r\ncontent-length: %zu\r\n", status == HOOK_LONG ? 200 : status, length);
    if (status == 302)
        buf_print(&out, "location: %s\r\n", h->location);
    buf_put(&out, SPAN("\r\nok"));
    for (size_t i = 2; i < length; i++)
        buf_put_byte(&out, 'x');
    say(fd, buf_span(&out));
    buf_free(&out);
}

static void serve_hook(struct hook *h, int fd)
{
    size_t n = atomic_load(&h->count);
    struct hook_call *c = &h->calls[n];
    int answer = n < h->answer_count ? h->answers[n] : 200;
    must(n < RIG_MOST);
    c->at = clock_unix_ms();
    buf_init(&c->head, ROOM);
    buf_init(&c->body, ROOM);
    if (!read_request(fd, h, c)) {
        buf_free(&c->head);
        buf_free(&c->body);
        return;
    }
    if (answer >= 0 || answer == HOOK_LONG)
        say_status(fd, h, answer);
    atomic_store(&h->count, n + 1);
    while (answer == HOOK_HANG && !atomic_load(&h->stopping)) {
        char gone;
        if (recv(fd, &gone, 1, MSG_DONTWAIT) == 0)
            return;
        rig_nap(10);
    }
}

static void *run_hook(void *self)
{
    struct hook *h = self;
    int fd;
    while ((fd = take_connection(h->listener, &h->stopping)) >= 0) {
        serve_hook(h, fd);
        close(fd);
    }
    return NULL;
}

void hook_start(struct hook *h, uint16_t port, const int *answers, size_t answer_count)
{
    memset(h, 0, sizeof(*h));
    h->port = port;
    h->listener = listen_at(&h->port);
    h->answers = answers;
    h->answer_count = answer_count;
    must(pthread_create(&h->thread, NULL, run_hook, h) == 0);
}

void hook_stop(struct hook *h)
{
    atomic_store(&h->stopping, true);
    pthread_join(h->thread, NULL);
    close(h->listener);
    for (size_t i = 0; i < atomic_load(&h->count); i++) {
        buf_free(&h->calls[i].head);
        buf_free(&h->calls[i].body);
    }
}

bool hook_await(struct hook *h, size_t count)
{
    for (int i = 0; i < 500 && atomic_load(&h->count) < count; i++)
        rig_nap(10);
    return atomic_load(&h->count) >= count;
}

/* ---- mail ---- */

/* Without its end; false: nothing comes any more. */
static bool read_line(int fd, struct smtp *s, struct buf *in, struct buf *line)
{
    ptrdiff_t end;
    while ((end = span_find(buf_span(in), SPAN("\r\n"))) < 0) {
        if (!read_more(fd, &s->stopping, in))
            return false;
    }
    buf_clear(line);
    buf_put(line, span_first(buf_span(in), (size_t)end));
    buf_drop(in, (size_t)end + 2);
    return true;
}

static bool read_mail(int fd, struct smtp *s, struct buf *in, struct buf *line)
{
    buf_clear(&s->mail);
    while (read_line(fd, s, in, line)) {
        if (span_is(buf_span(line), SPAN(".")))
            return true;
        buf_put(&s->mail, buf_span(line));
        buf_put(&s->mail, SPAN("\r\n"));
    }
    return false;
}

struct command {
    const char *word;
    enum smtp_step step;
    const char *answer;
};

static const struct command *find(struct span line)
{
    static const struct command commands[] = { { "EHLO", SMTP_EHLO, "250-here\r\n250 AUTH PLAIN\r\n" }, { "HELO", SMTP_EHLO, "250 here\r\n" },
        { "AUTH", SMTP_AUTH, "235 welcome\r\n" }, { "MAIL", SMTP_MAIL, "250 fine\r\n" }, { "RCPT", SMTP_RCPT, "250 fine\r\n" },
        { "DATA", SMTP_DATA, "354 go on\r\n" }, { "QUIT", SMTP_FINE, "221 bye\r\n" } };
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (span_starts(line, span_of(commands[i].word)))
            return &commands[i];
    }
    return NULL;
}

static void stay_silent(struct smtp *s)
{
    atomic_store(&s->silent, true);
    while (!atomic_load(&s->stopping))
        rig_nap(10);
}

/* False: the connection is over. */
static bool obey(int fd, struct smtp *s, struct buf *in, struct buf *line)
{
    const struct command *c = find(buf_span(line));
    if (c == NULL || (s->fails == c->step && c->step != SMTP_FINE)) {
        say(fd, SPAN("554 not here\r\n"));
        return true;
    }
    if (c->step == SMTP_RCPT && s->refused && rig_has(buf_span(line), s->refused)) {
        say(fd, SPAN("550 nobody of that name\r\n"));
        return true;
    }
    if (span_is(buf_span(line), SPAN("AUTH PLAIN"))) {
        say(fd, SPAN("334 \r\n"));
        if (!read_line(fd, s, in, line))
            return false;
        buf_put(&s->said, buf_span(line));
        buf_put_byte(&s->said, '|');
    }
    if (s->fails == SMTP_QUIT && span_is(buf_span(line), SPAN("QUIT")))
        stay_silent(s);
    say(fd, span_of(c->answer));
    if (c->step != SMTP_DATA)
        return !span_is(buf_span(line), SPAN("QUIT"));
    if (!read_mail(fd, s, in, line))
        return false;
    if (s->fails == SMTP_HANG)
        stay_silent(s);
    say(fd, s->fails == SMTP_END ? SPAN("554 no, thank you\r\n") : SPAN("250 taken\r\n"));
    atomic_fetch_add(&s->mails, s->fails != SMTP_END);
    return true;
}

static void serve_mail(struct smtp *s, int fd)
{
    struct buf in, line;
    buf_init(&in, ROOM);
    buf_init(&line, ROOM);
    say(fd, s->fails == SMTP_GREETING ? SPAN("554 closed\r\n") : SPAN("220 here\r\n"));
    while (read_line(fd, s, &in, &line)) {
        buf_put(&s->said, buf_span(&line));
        buf_put_byte(&s->said, '|');
        if (!obey(fd, s, &in, &line))
            break;
    }
    buf_free(&line);
    buf_free(&in);
}

static void *run_smtp(void *self)
{
    struct smtp *s = self;
    int fd;
    while ((fd = take_connection(s->listener, &s->stopping)) >= 0) {
        serve_mail(s, fd);
        close(fd);
    }
    return NULL;
}

void smtp_start(struct smtp *s, enum smtp_step fails, const char *refused)
{
    memset(s, 0, sizeof(*s));
    s->listener = listen_at(&s->port);
    s->fails = fails;
    s->refused = refused;
    buf_init(&s->said, ROOM);
    buf_init(&s->mail, ROOM);
    must(pthread_create(&s->thread, NULL, run_smtp, s) == 0);
}

void smtp_stop(struct smtp *s)
{
    atomic_store(&s->stopping, true);
    pthread_join(s->thread, NULL);
    close(s->listener);
}

void smtp_free(struct smtp *s)
{
    buf_free(&s->said);
    buf_free(&s->mail);
}

/* SPDX-License-Identifier: Apache-2.0
 * probe.c - what a load generator cannot say: when a stream's first byte comes, and what many open streams are like.
 *
 *   probe first COUNT PORT WARM STREAM [PORT WARM STREAM ...]   one line a lane: microseconds, of each of COUNT streams
 *   probe open COUNT PORT STREAM                                "open N" when N streams gave a first event; reads on until killed
 *
 * WARM and STREAM are files with whole HTTP requests, head and body. Before a stream is timed its connection has carried
 * WARM, so that neither connecting nor a cold pool counts. Lanes take turns, stream by stream, so that what else the
 * machine does meets all alike. Loopback only. */
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

enum { ANSWER = 256 << 10, FILE_MOST = 64 << 10, LANES = 8, STREAMS = 20000 };

struct text {
    char at[FILE_MOST];
    size_t len;
};

struct lane {
    int port;
    struct text warm, stream;
    int64_t *us;
};

static char answer[ANSWER + 1];

static void give_up(const char *what)
{
    fprintf(stderr, "probe: %s: %s\n", what, errno ? strerror(errno) : "not as expected");
    exit(1);
}

static void read_file(const char *path, struct text *out)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        give_up(path);
    out->len = fread(out->at, 1, sizeof(out->at), f);
    fclose(f);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int dial(int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        give_up("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static void send_all(int fd, const struct text *t)
{
    if (write(fd, t->at, t->len) != (ssize_t)t->len)
        give_up("write");
}

/* Reads until the body holds `mark`. */
static void read_until(int fd, const char *mark)
{
    size_t len = 0;
    for (;;) {
        ssize_t n = read(fd, answer + len, ANSWER - len);
        if (n <= 0)
            give_up("read");
        len += (size_t)n;
        answer[len] = '\0';
        if (strncmp(answer, "HTTP/1.1 200", 12) != 0)
            give_up("an answer's status");
        const char *body = strstr(answer, "\r\n\r\n");
        if (body && strstr(body, mark))
            return;
        if (len == ANSWER)
            give_up("an answer's length");
    }
}

static void first_byte(const struct lane *lane, int64_t *us)
{
    int fd = dial(lane->port);
    send_all(fd, &lane->warm);
    read_until(fd, "system_fingerprint\":\"fp_1\"");
    usleep(2000); /* the gate files the warm call, and rests */
    int64_t began = now_ns();
    send_all(fd, &lane->stream);
    read_until(fd, "data:");
    *us = (now_ns() - began) / 1000;
    close(fd);
}

static int measure_first(int argc, char **argv)
{
    static struct lane lanes[LANES];
    long count = strtol(argv[2], NULL, 10);
    int n = (argc - 3) / 3;
    if (count < 1 || n < 1 || n > LANES)
        return 2;
    for (int i = 0; i < n; i++) {
        lanes[i].port = (int)strtol(argv[3 + i * 3], NULL, 10);
        read_file(argv[4 + i * 3], &lanes[i].warm);
        read_file(argv[5 + i * 3], &lanes[i].stream);
        if (!(lanes[i].us = calloc((size_t)count, sizeof(*lanes[i].us))))
            give_up("memory");
    }
    for (long k = 0; k < count; k++)
        for (int i = 0; i < n; i++)
            first_byte(&lanes[i], &lanes[i].us[k]);
    for (int i = 0; i < n; i++)
        for (long k = 0; k < count; k++)
            printf("%lld%c", (long long)lanes[i].us[k], k + 1 == count ? '\n' : ' ');
    return 0;
}

/* Reads whatever came; true when this is the stream's first event. */
static bool drain(int fd, bool *seen)
{
    ssize_t n = read(fd, answer, ANSWER);
    if (n <= 0)
        give_up("a stream ended");
    answer[n] = '\0';
    if (*seen || !strstr(answer, "data:"))
        return false;
    *seen = true;
    return true;
}

static int hold_open(char **argv)
{
    static bool seen[STREAMS + 64]; /* by descriptor */
    static struct text stream;
    struct epoll_event ready[256];
    long count = strtol(argv[2], NULL, 10), open = 0;
    int poll = epoll_create1(EPOLL_CLOEXEC);
    if (count < 1 || count > STREAMS)
        return 2;
    read_file(argv[4], &stream);
    for (long i = 0; i < count; i++) {
        int fd = dial((int)strtol(argv[3], NULL, 10));
        struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };
        send_all(fd, &stream);
        if (fd >= STREAMS + 64 || epoll_ctl(poll, EPOLL_CTL_ADD, fd, &e) != 0)
            give_up("epoll");
    }
    for (;;) {
        int n = epoll_wait(poll, ready, 256, -1);
        for (int i = 0; i < n; i++)
            if (drain(ready[i].data.fd, &seen[ready[i].data.fd]) && ++open == count) {
                printf("open %ld\n", open);
                fflush(stdout);
            }
    }
}

int main(int argc, char **argv)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (argc >= 6 && strcmp(argv[1], "first") == 0 && argc % 3 == 0)
        return measure_first(argc, argv);
    if (argc == 5 && strcmp(argv[1], "open") == 0)
        return hold_open(argv);
    fputs("usage: probe first COUNT PORT WARM STREAM ... | probe open COUNT PORT STREAM\n", stderr);
    return 2;
}

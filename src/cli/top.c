/* SPDX-License-Identifier: Apache-2.0
 * top.c - `tollgate top`: the three questions at a glance, live: what is being spent, by whom, and how do I stop it.
 *
 * A thread asks GET /now each second, so that a slow answer never holds up a key; the main thread draws and listens. Plain ANSI: a dozen
 * codes are less than a library. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/thread.h"
#include "cli/top.h"
#include "http/fetch.h"

enum { PATIENCE_MS = 5000, EACH_MS = 1000, FRAME = 1 << 20, PAPER_WIDTH = 120, PAPER_HEIGHT = 200 };

struct top {
    struct cli *c, feeder; /* the feeder thread's own: an arena has one owner */
    struct top_view view;
    pthread_t thread;
    pthread_mutex_t lock;  /* guards the next two */
    char *text;            /* the newest answer; taken by who draws */
    size_t length;
    int trouble;           /* of the last try: an enum err, or a status; 0: none */
    int bell[2];           /* a byte for each news */
    atomic_bool over;
    struct json_value now;
    struct span asking;    /* what "k" was pressed on, until it is answered */
    struct arena_mark mark;
};

static volatile sig_atomic_t resized, ended;

static void on_signal(int number)
{
    if (number == SIGWINCH)
        resized = 1;
    else
        ended = 1;
}

/* ---- the feeder ---- */

static void hand_over(struct top *t, struct span text, int trouble)
{
    char *copy = text.at ? malloc(text.len + 1) : NULL;
    if (copy)
        memcpy(copy, text.at, text.len);
    pthread_mutex_lock(&t->lock);
    if (copy) {
        free(t->text);
        t->text = copy;
        t->length = text.len;
    }
    t->trouble = trouble;
    pthread_mutex_unlock(&t->lock);
    if (write(t->bell[1], "", 1) < 0)
        t->over = true;
}

static void *feed(void *self)
{
    struct top *t = self;
    struct cli *c = &t->feeder;
    struct arena_mark mark = arena_mark(&c->arena);
    while (!t->over) {
        struct fetch_answer answer = { .status = 0 };
        struct api_path path;
        api_path(&path, "now");
        enum err e = api_fetch(c, "GET", &path, SPAN_NONE, &answer);
        bool good = e == E_OK && answer.status == 200;
        hand_over(t, good ? answer.body : SPAN_NONE, good ? 0 : e == E_OK ? answer.status : -1);
        arena_rewind(&c->arena, mark);
        for (int waited = 0; waited < EACH_MS && !t->over; waited += 50)
            poll(NULL, 0, 50);
    }
    return NULL;
}

/* ---- the screen ---- */

static void measure(struct top_view *v)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        v->width = size.ws_col;
        v->height = size.ws_row;
    }
}

static void write_all(struct span text)
{
    while (text.len) {
        ssize_t n = write(STDOUT_FILENO, text.at, text.len);
        if (n < 0 && errno != EINTR)
            return;
        text = span_from(text, n > 0 ? (size_t)n : 0);
    }
}

/* Each line wipes what is behind it, the last one what is below: nothing flickers. */
static void draw(struct top *t)
{
    struct buf frame, screen;
    struct span text, line;
    buf_init(&frame, FRAME);
    buf_init(&screen, FRAME);
    struct arena_mark mark = arena_mark(&t->c->arena);
    top_frame(t->c, &t->view, t->now, &frame);
    arena_rewind(&t->c->arena, mark);
    buf_put(&screen, SPAN("\033[H"));
    text = buf_span(&frame);
    text = span_first(text, text.len ? text.len - 1 : 0); /* a line end after the last line would scroll */
    while (span_next(&text, '\n', &line)) {
        buf_put(&screen, line);
        buf_put(&screen, text.at ? SPAN("\033[K\r\n") : SPAN("\033[K"));
    }
    buf_put(&screen, SPAN("\033[J"));
    write_all(buf_span(&screen));
    buf_free(&screen);
    buf_free(&frame);
}

/* Good until the arena is used again. */
static struct span chosen(struct top *t)
{
    struct arena_mark mark = arena_mark(&t->c->arena);
    struct span id = top_chosen(t->c, &t->view, t->now);
    arena_rewind(&t->c->arena, mark);
    return id;
}

/* ---- news ---- */

static void take_news(struct top *t)
{
    char drain[64];
    const char *why;
    pthread_mutex_lock(&t->lock);
    char *text = t->text;
    size_t length = t->length;
    int trouble = t->trouble;
    t->text = NULL;
    pthread_mutex_unlock(&t->lock);
    while (read(t->bell[0], drain, sizeof(drain)) == (ssize_t)sizeof(drain)) {}
    if (!t->view.paused && text) {
        arena_rewind(&t->c->arena, t->mark);
        struct json_value now;
        struct span kept = arena_copy(&t->c->arena, span_make(text, length));
        if (json_parse(t->c->reader, kept, false, &now, &why) == E_OK)
            t->now = now;
        if (!t->asking.at)
            t->view.note = SPAN_NONE;
    }
    free(text);
    if (trouble && !t->asking.at)
        t->view.note = trouble < 0 ? SPAN("the gate cannot be reached; what stands here is old, and is asked for again each second")
            : trouble == 401 || trouble == 403 ? SPAN("the gate refuses this token; what stands here is old")
                                               : SPAN("the gate answered an error; what stands here is old");
    (void)chosen(t);
}

/* ---- keys ---- */

static void ask_to_stop(struct top *t)
{
    static char kept[512];
    static char question[640];
    struct span id = chosen(t);
    if (!id.at)
        return;
    int n = snprintf(kept, sizeof(kept), "%.*s", SPAN_ARG(id));
    if (n < 0 || (size_t)n >= sizeof(kept))
        return;
    t->asking = span_make(kept, (size_t)n);
    n = snprintf(question, sizeof(question), "stop %s %s? y: nothing of it is forwarded from then on; any other key: no", top_kind(t->view.list), kept);
    t->view.note = span_make(question, n > 0 ? (size_t)n : 0);
}

static void stop_it(struct top *t)
{
    struct fetch_answer answer = { .status = 0 };
    struct api_path path;
    struct buf body;
    struct arena_mark mark = arena_mark(&t->c->arena);
    buf_init(&body, 4096);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    json_pair(&o, span_of(top_kind(t->view.list)), t->asking);
    json_pair(&o, SPAN("reason"), SPAN("stopped from tollgate top"));
    json_close(&o, '}');
    api_path(&path, "stop");
    enum err e = api_fetch(t->c, "POST", &path, buf_span(&body), &answer);
    buf_free(&body);
    arena_rewind(&t->c->arena, mark);
    t->view.note = e ? SPAN("NOT stopped: the gate cannot be reached") : answer.status < 300 ? SPAN("stopped; `tollgate resume` lifts it") : SPAN("NOT stopped: the gate refused");
    t->asking = SPAN_NONE;
}

/* False: the end. */
static bool pressed(struct top *t, struct span keys)
{
    bool arrow = span_starts(keys, SPAN("\033["));
    char key = arrow && keys.len > 2 ? keys.at[2] : keys.at[0];
    if (t->asking.at && !arrow && key == 'y') {
        stop_it(t);
        return true;
    }
    if (t->asking.at) {
        t->asking = t->view.note = SPAN_NONE;
        return true;
    }
    if (arrow && key == 'A')
        t->view.chosen -= t->view.chosen > 0;
    else if (arrow && key == 'B')
        t->view.chosen++;
    else if (key == '\t' || (arrow && key == 'C'))
        t->view.list = (enum top_list)((t->view.list + 1) % TOP_LISTS);
    else if (arrow && key == 'D')
        t->view.list = (enum top_list)((t->view.list + TOP_LISTS - 1) % TOP_LISTS);
    else if (key == 's')
        t->view.by_calls = !t->view.by_calls;
    else if (key == 'p')
        t->view.paused = !t->view.paused;
    else if (key == 'k')
        ask_to_stop(t);
    (void)chosen(t);
    return arrow || key != 'q';
}

static void live(struct top *t)
{
    struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = t->bell[0], .events = POLLIN } };
    while (!ended && !t->over) {
        char keys[16];
        draw(t);
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (resized) {
            resized = 0;
            measure(&t->view);
            continue;
        }
        if (fds[1].revents & POLLIN)
            take_news(t);
        if (fds[0].revents & (POLLHUP | POLLERR))
            return;
        ssize_t n = fds[0].revents & POLLIN ? read(STDIN_FILENO, keys, sizeof(keys)) : -1;
        if (n == 0 || (n > 0 && !pressed(t, span_make(keys, (size_t)n))))
            return;
    }
}

/* ---- the whole ---- */

static void take_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    sigaction(SIGWINCH, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

static int run_screen(struct cli *c)
{
    struct top t = { .c = c, .view = { .width = 80, .height = 24, .screen = true, .note = SPAN("asking the gate ...") } };
    struct termios old, raw;
    if (pipe(t.bell) != 0 || tcgetattr(STDIN_FILENO, &old) != 0)
        return usage_error(c, "this is no terminal: %s; --once prints one frame", strerror(errno));
    cli_init(&t.feeder, c->verb);
    memcpy(t.feeder.options, c->options, sizeof(c->options));
    t.feeder.option_count = c->option_count;
    c->patience_ms = t.feeder.patience_ms = PATIENCE_MS;
    pthread_mutex_init(&t.lock, NULL);
    t.mark = arena_mark(&c->arena);
    raw = old;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    measure(&t.view);
    take_signals();
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    write_all(SPAN("\033[?1049h\033[?25l"));
    if (thread_start(&t.thread, feed, &t, "feed")) {
        live(&t);
        t.over = true;
        pthread_join(t.thread, NULL);
    }
    write_all(SPAN("\033[?25h\033[?1049l"));
    tcsetattr(STDIN_FILENO, TCSANOW, &old);
    pthread_mutex_destroy(&t.lock);
    free(t.text);
    close(t.bell[0]);
    close(t.bell[1]);
    cli_free(&t.feeder);
    return EXIT_DONE;
}

static int run_once(struct cli *c)
{
    struct top_view view = { .width = PAPER_WIDTH, .height = PAPER_HEIGHT };
    struct api_path path;
    struct json_value now;
    struct buf out;
    bool printed;
    api_path(&path, "now");
    int code = api_call(c, "GET", &path, SPAN_NONE, &now, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    measure(&view);
    view.height = PAPER_HEIGHT;
    buf_init(&out, FRAME);
    top_frame(c, &view, now, &out);
    printf("%.*s", SPAN_ARG(buf_span(&out)));
    buf_free(&out);
    return EXIT_DONE;
}

static int run(struct cli *c)
{
    struct span token;
    if (!api_token(c, &token))
        return EXIT_REFUSED;
    if (option_given(c, "once") || option_given(c, "watch") || c->json || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
        return run_once(c);
    return run_screen(c);
}

static const struct flag flags[] = {
    { "once", NULL, "print one frame and end, as where this is no terminal", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_top = {
    .name = "top",
    .summary = "live: what is being spent, by whom; and stopping it",
    .usage = "  tollgate top                 q quits; tab: runs, keys or vendors; s sorts; up and down choose, k stops what is chosen (it asks); p pauses\n"
             "  tollgate top --once          one frame, on paper\n",
    .flags = flags,
    .watch = "*",
    .run = run,
};

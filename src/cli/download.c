/* SPDX-License-Identifier: Apache-2.0
 * download.c - see download.h. */
#include "cli/download.h"

#include <errno.h>

#include "cli/progress.h"
#include "http/fetch.h"

struct sink {
    FILE *to;
    bool failed;
    int64_t written;
    struct progress progress; /* nobody knows how long it is: its bytes are counted */
};

static bool write_run(void *self, struct span bytes)
{
    struct sink *s = self;
    s->failed = fwrite(bytes.at, 1, bytes.len, s->to) != bytes.len;
    s->written += (int64_t)bytes.len;
    progress_show(&s->progress, s->written, 0);
    return !s->failed;
}

int download_range(struct cli *c, struct api_path *path)
{
    static const char allowed[] = "24h, 7d, a date, or a time such as 2026-11-21T12:00:00Z";
    int code = api_path_moment(path, c, "from", "from", allowed);
    return code != EXIT_DONE ? code : api_path_moment(path, c, "to", "to", allowed);
}

static int fetch_to(struct cli *c, struct api_path *path, struct sink *sink)
{
    struct span token, url = api_url(c);
    struct fetch_answer answer;
    struct json_value problem = { .doc = NULL };
    const char *why;
    if (!api_token(c, &token))
        return EXIT_REFUSED;
    struct http_field field = api_authorization(c, token);
    struct span whole = arena_print(&c->arena, "%.*s/api/v1/%.*s", SPAN_ARG(url), SPAN_ARG(buf_span(&path->text)));
    enum err e = fetch_stream(&c->arena, whole, &field, 1, write_run, sink, &answer);
    if (sink->failed || fflush(sink->to) != 0) {
        fprintf(stderr, "tollgate %s: it cannot be written: %s\n", c->verb->name, strerror(errno));
        return EXIT_REFUSED;
    }
    if (e)
        return api_unreachable(c, e);
    if (answer.status == 200)
        return EXIT_DONE;
    if (json_parse(c->reader, answer.body, false, &problem, &why) != E_OK)
        problem = (struct json_value){ .doc = NULL };
    return api_refused(answer.status, problem);
}

int download(struct cli *c, struct api_path *path)
{
    struct sink sink = { .to = stdout };
    struct span out = option(c, "out");
    if (out.at) {
        struct span name = arena_copy(&c->arena, out);
        sink.to = name.at ? fopen(name.at, "we") : NULL;
    }
    int code = sink.to ? EXIT_DONE : EXIT_REFUSED;
    if (!sink.to)
        fprintf(stderr, "tollgate %s: %.*s: %s\n", c->verb->name, SPAN_ARG(out), strerror(errno));
    progress_init(&sink.progress, c, "bytes");
    sink.progress.shown = sink.progress.shown && sink.to != stdout;
    if (code == EXIT_DONE)
        code = fetch_to(c, path, &sink);
    progress_end(&sink.progress);
    if (sink.to && sink.to != stdout && fclose(sink.to) != 0 && code == EXIT_DONE)
        code = EXIT_REFUSED;
    buf_free(&path->text);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0
 * doctor_receiver.c - whom the gate tells by itself: where alerts, exported rows and metrics go. Each is only reached, as far as its hand-shake;
 * nothing is sent, since `tollgate alert test` and `tollgate export test` do that. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor.h"

/* "https://host:port/path", "smtp://host:587": where to. */
static bool origin_of(struct span url, struct http_origin *o, bool *tls)
{
    static const struct { const char *scheme; uint16_t port; bool tls; } schemes[] = { { "https://", 443, true }, { "http://", 80, false }, { "smtp://", 587, false }, { "smtps://", 465, true } };
    uint64_t port;
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
        struct span rest, host, scheme = span_of(schemes[i].scheme);
        if (!span_starts(url, scheme))
            continue;
        rest = span_from(url, scheme.len);
        span_next(&rest, '/', &host);
        *o = (struct http_origin){ .host = host, .authority = host, .port = schemes[i].port };
        *tls = schemes[i].tls;
        rest = host;
        if (span_cut(&rest, ':', &host) && span_to_u64(rest, &port) && port && port < 65536) {
            o->host = host;
            o->port = (uint16_t)port;
        }
        return o->host.len > 0;
    }
    return false;
}

/* test: the command that sends something there; NULL: it is sent to by itself. */
static void check_receiver(struct doctor *d, const char *area, struct span name, struct span url, const char *test)
{
    struct asked_host h;
    struct http_origin o;
    bool tls;
    if (!origin_of(url, &o, &tls))
        return;
    doctor_ask(&o, tls, d->snapshot->settings.ca_file, SPAN_NONE, &h);
    if (h.failed)
        doctor_say(d, LEVEL_FAIL, area, doctor_next(h.failed), "%.*s: %.*s: %s: %s", SPAN_ARG(name), SPAN_ARG(o.authority), h.failed, h.why);
    else if (test)
        doctor_say(d, LEVEL_OK, area, NULL, "%.*s: %.*s can be reached; `%s %.*s` sends something", SPAN_ARG(name), SPAN_ARG(o.authority), test, SPAN_ARG(name));
    else
        doctor_say(d, LEVEL_OK, area, NULL, "%.*s: %.*s can be reached", SPAN_ARG(name), SPAN_ARG(o.authority));
}

void doctor_receivers(struct doctor *d)
{
    const struct settings *s = d->snapshot ? &d->snapshot->settings : NULL;
    for (size_t i = 0; s && i < s->alert_count; i++)
        check_receiver(d, "alerts", s->alerts[i].name, s->alerts[i].url, "tollgate alert test");
    if (s && !s->alert_count)
        doctor_say(d, LEVEL_WARN, "alerts", "`alerts:` of the configuration (docs/alerts.md)", "nobody is told when something is wrong");
    for (size_t i = 0; s && i < s->export_count; i++)
        if (s->exports[i].kind != EXPORT_FILE && !s->exports[i].paused)
            check_receiver(d, "exports", s->exports[i].name, s->exports[i].url, "tollgate export test");
    if (s && s->telemetry.url.at)
        check_receiver(d, "telemetry", SPAN("metrics"), s->telemetry.url, NULL);
}

/* Of exports to files: the directory is made with the first file, so it may not be there yet. */
void doctor_export_dirs(struct doctor *d)
{
    const struct settings *s = d->snapshot ? &d->snapshot->settings : NULL;
    for (size_t i = 0; s && i < s->export_count; i++) {
        struct stat st;
        const char *dir = s->exports[i].kind == EXPORT_FILE ? arena_copy(&d->c->arena, s->exports[i].dir).at : NULL;
        if (!dir || stat(dir, &st) != 0)
            continue;
        bool fine = S_ISDIR(st.st_mode) && access(dir, W_OK | X_OK) == 0;
        doctor_say(d, fine ? LEVEL_OK : LEVEL_FAIL, "exports", fine ? NULL : "run this as the gate's user, or give the directory to it", "%.*s: %s %s", SPAN_ARG(s->exports[i].name), dir,
            fine ? "can be written" : "is no directory that this user can write");
    }
}

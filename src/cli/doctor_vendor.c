/* SPDX-License-Identifier: Apache-2.0
 * doctor_vendor.c - each vendor that a credential is for: its name, its certificate, and whether it takes the secret, by the one read its
 * manifest says is harmless. Asked as the gate would ask, not through it: so no row, no cost, no stop. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/doctor.h"
#include "rules/canon.h"

enum { HEAD_MOST = 64 << 10, EXPIRES_SOON_DAYS = 14, DAY_MS = 24 * 3600 * 1000 };

static struct span filled(struct doctor *d, struct span path, struct span account)
{
    ptrdiff_t at = span_find(path, SPAN("{account}"));
    if (at < 0)
        return path;
    return account.at ? arena_print(&d->c->arena, "%.*s%.*s%.*s", (int)at, path.at, SPAN_ARG(account), SPAN_ARG(span_from(path, (size_t)at + 9))) : SPAN_NONE;
}

/* The whole request for that read, the secret in its place; the origin's index. HEAD_MOST origins: there is no such read. */
static size_t compose(struct doctor *d, const struct credential *c, struct buf *head)
{
    const struct upstream *u = c->upstream;
    struct http_head none = { .method = SPAN("GET") };
    struct matched matched;
    struct span path = SPAN_NONE, query = SPAN_NONE, target;
    const char *why = "";
    if (u->vendor.brokered)
        return vendor_token_request(&u->vendor, &c->secret, clock_unix_ms(), head);
    if (u->probe) {
        path = u->probe->path;
        query = u->probe->query;
    } else if (u->vendor.check.at && (target = filled(d, u->vendor.check, c->secret.account)).at && canon_target(&d->c->arena, target, &path, &query, &why) != E_OK) {
        path = SPAN_NONE;
    }
    if (!path.at || !vendor_match(&u->vendor, SPAN("GET"), path, &matched))
        return HEAD_MOST;
    struct compose how = { .vendor = &u->vendor, .matched = &matched, .head = &none, .path = path, .query = query, .secret = &c->secret, .settings = u->settings, .body = SPAN(""),
        .now_ms = clock_unix_ms() };
    return vendor_compose(&how, &d->c->arena, head);
}

static void note_clock(struct doctor *d, const struct asked_host *h)
{
    if (!h->dated || h->took_ms > 5000)
        return;
    d->clock_least_ms = h->ahead_ms < d->clock_least_ms ? h->ahead_ms : d->clock_least_ms;
    d->clock_most_ms = h->ahead_ms > d->clock_most_ms ? h->ahead_ms : d->clock_most_ms;
}

const char *doctor_next(const char *step)
{
    static const struct { const char *step, *next; } steps[] = {
        { "name", "check base_url for a mistyped name, and the resolver (/etc/resolv.conf)" },
        { "connect", "check base_url's port, the firewall, and whether a proxy is wanted (HTTPS_PROXY)" },
        { "proxy", "check HTTPS_PROXY and NO_PROXY" },
        { "tls", "if a company's proxy opens TLS, give its certificate with `ca_file`; else check this machine's date and ca-certificates" },
        { "answer", "ask the vendor's status page; or something between here and there drops what is sent" },
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
        if (strcmp(steps[i].step, step) == 0)
            return steps[i].next;
    return NULL;
}

/* False: it cannot be reached, which was said. */
static bool say_reached(struct doctor *d, const char *area, const struct http_origin *o, const struct asked_host *h)
{
    if (h->failed) {
        doctor_say(d, LEVEL_FAIL, area, doctor_next(h->failed), "%.*s: %s: %s", SPAN_ARG(o->authority), h->failed, h->why);
        return false;
    }
    int64_t days = (h->certificate_until - clock_unix_ms()) / DAY_MS;
    if (!h->certificate_until)
        doctor_say(d, LEVEL_OK, area, NULL, "%.*s answers in %lld ms, without TLS", SPAN_ARG(o->authority), (long long)h->took_ms);
    else
        doctor_say(d, days < EXPIRES_SOON_DAYS ? LEVEL_WARN : LEVEL_OK, area, days < EXPIRES_SOON_DAYS ? "whoever runs that host must renew its certificate" : NULL,
            "%.*s answers in %lld ms; its certificate is good for %lld days", SPAN_ARG(o->authority), (long long)h->took_ms, (long long)days);
    return true;
}

static void say_credential(struct doctor *d, const struct credential *c, int status)
{
    struct span name = c->name, vendor = c->upstream->vendor.slug;
    const char *rotate = arena_print(&d->c->arena, "make a new secret at %.*s and put it where %.*s has it; then `tollgate health reset %.*s/%.*s`", SPAN_ARG(vendor), SPAN_ARG(name),
        SPAN_ARG(vendor), SPAN_ARG(name)).at;
    if (status >= 200 && status < 300)
        doctor_say(d, LEVEL_OK, "credential", NULL, "%.*s: %.*s takes it (%d)", SPAN_ARG(name), SPAN_ARG(vendor), status);
    else if (status == 401 || (status == 400 && c->upstream->vendor.brokered))
        doctor_say(d, LEVEL_FAIL, "credential", rotate, "%.*s: %.*s refuses it (%d)", SPAN_ARG(name), SPAN_ARG(vendor), status);
    else if (status == 403)
        doctor_say(d, LEVEL_WARN, "credential", "if that is meant, nothing; else give the secret the right to read it", "%.*s: %.*s knows it, but it may not read what was asked (403)", SPAN_ARG(name),
            SPAN_ARG(vendor));
    else if (status == 429)
        doctor_say(d, LEVEL_WARN, "credential", "ask again later; a quota may be used up", "%.*s: %.*s says too much was asked (429)", SPAN_ARG(name), SPAN_ARG(vendor));
    else
        doctor_say(d, LEVEL_WARN, "credential", "see whether base_url is the vendor's; and its status page", "%.*s: %.*s answers %d, which says nothing of it", SPAN_ARG(name), SPAN_ARG(vendor),
            status);
}

static bool first_of_vendor(const struct snapshot *s, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (!s->credentials[k].disabled && s->credentials[k].upstream == s->credentials[i].upstream)
            return false;
    return true;
}

static void check_credential(struct doctor *d, const struct credential *c, bool first)
{
    struct asked_host h;
    struct buf head;
    const struct upstream *u = c->upstream;
    buf_init(&head, HEAD_MOST);
    size_t origin = compose(d, c, &head);
    bool asked = origin < u->origin_count && !head.broken;
    const struct http_origin *o = &u->origins[asked ? origin : 0];
    const char *area = arena_print(&d->c->arena, "vendor %.*s", SPAN_ARG(u->vendor.slug)).at;
    doctor_ask(o, o->tls != NULL, d->snapshot->settings.ca_file, asked ? buf_span(&head) : SPAN_NONE, &h);
    if (head.at)
        secret_wipe(head.at, head.room);
    buf_free(&head);
    note_clock(d, &h);
    if (first && !say_reached(d, area, o, &h))
        return;
    if (h.failed)
        doctor_say(d, LEVEL_FAIL, "credential", doctor_next(h.failed), "%.*s: %s: %s", SPAN_ARG(c->name), h.failed, h.why);
    else if (asked)
        say_credential(d, c, h.status);
    else
        doctor_say(d, LEVEL_WARN, "credential", "none is needed; a `probe:` of the vendor's entry (docs/health.md) names a read that may be asked", "%.*s: not asked: no harmless read is known for %.*s",
            SPAN_ARG(c->name), SPAN_ARG(u->vendor.slug));
}

static void say_clock(struct doctor *d)
{
    if (d->clock_least_ms > d->clock_most_ms)
        return;
    /* A vendor's clock may be wrong as well: what all of them say counts. */
    int64_t off = d->clock_least_ms > 0 ? d->clock_least_ms : d->clock_most_ms < 0 ? -d->clock_most_ms : 0;
    enum level level = off > 60 * 1000 ? LEVEL_FAIL : off > 3 * 1000 ? LEVEL_WARN : LEVEL_OK;
    doctor_say(d, level, "clock", level ? "have the clock set by NTP (timedatectl set-ntp true): windows of budgets, signatures and expiries depend on it" : NULL,
        level ? "this machine's clock is %lld s %s those of the vendors" : "this machine's clock agrees with those of the vendors", (long long)(off / 1000),
        d->clock_least_ms > 0 ? "behind" : "ahead of");
}

void doctor_vendors(struct doctor *d)
{
    const struct snapshot *s = d->snapshot;
    size_t asked = 0;
    d->clock_least_ms = INT64_MAX;
    d->clock_most_ms = INT64_MIN;
    for (size_t i = 0; s && i < s->credential_count; i++) {
        if (s->credentials[i].disabled)
            continue;
        check_credential(d, &s->credentials[i], first_of_vendor(s, i));
        asked++;
    }
    if (s && !asked)
        doctor_say(d, LEVEL_WARN, "credential", "`tollgate credential create`, or `credentials:` of the configuration", "there is none: no call can be forwarded");
    say_clock(d);
}

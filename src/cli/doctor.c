/* SPDX-License-Identifier: Apache-2.0
 * doctor.c - `tollgate doctor`: what a gate stands on, looked at piece by piece, with the next step for what is not as it should be. It
 * works with the gate running or not, changes nothing, and makes no file. */
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/doctor.h"
#include "cli/peek.h"
#include "http/fetch.h"

enum { PATIENCE_MS = 3000, BOOK_OLD_DAYS = 45, DAY_MS = 24 * 3600 * 1000, STEP_MS = 1500 };

static const char *const names[] = { "ok", "warn", "fail" };

void doctor_say(struct doctor *d, enum level level, const char *area, const char *next, const char *format, ...)
{
    char text[1024];
    va_list args;
    struct finding *f = ARENA_NEW(&d->c->arena, struct finding);
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    d->counts[level]++;
    if (!f)
        return;
    *f = (struct finding){ level, arena_copy(&d->c->arena, span_of(area)), text_tame(&d->c->arena, span_of(text)), span_of(next), NULL };
    if (d->last)
        d->last->after = f;
    else
        d->first = f;
    d->last = f;
}

/* ---- the configuration ---- */

static void read_objects(struct doctor *d)
{
    bool older;
    char why[256];
    if (peek_objects(d->data_dir, &d->c->arena, &d->config, &older, why))
        return;
    if (older)
        doctor_say(d, LEVEL_WARN, "store", "start the gate: it brings the tables up to date", "%.*s/tollgate.db: stored objects were not read: %s", SPAN_ARG(d->data_dir), why);
    else
        doctor_say(d, LEVEL_FAIL, "store", "run this as the gate's user; if it is broken, put a copy back (docs/data.md)", "%.*s/tollgate.db cannot be read: %s", SPAN_ARG(d->data_dir), why);
}

static void read_master_key(struct doctor *d)
{
    struct trouble t = { .set = false };
    d->config.master_key = d->master_key;
    if (peek_master_key(d->data_dir, d->master_key, &t) != E_OK)
        doctor_say(d, LEVEL_FAIL, "master key", "put the key back that sealed the secrets; without it they must be given anew", "%s", t.text);
}

static void check_configuration(struct doctor *d)
{
    struct trouble t = { .set = false };
    d->config.file = option_given(d->c, "config") ? arena_copy(&d->c->arena, option(d->c, "config")) : SPAN_NONE;
    d->config.data_dir = option(d->c, "data");
    if (config_data_dir(&d->config, &d->c->arena, &d->data_dir, &t) != E_OK) {
        doctor_say(d, LEVEL_FAIL, "configuration", "mend that line; `tollgate serve --config FILE --check` reads it again", "%s", t.text);
        d->data_dir = option_given(d->c, "data") ? option(d->c, "data") : SPAN("data");
        return;
    }
    d->config.data_dir = d->data_dir;
    read_master_key(d);
    read_objects(d);
    if (config_load(&d->config, &d->snapshot, &t) != E_OK || !d->snapshot) {
        d->snapshot = NULL;
        doctor_say(d, LEVEL_FAIL, "configuration", "mend that line; `tollgate serve --config FILE --check` reads it again", "%s", t.text);
        return;
    }
    const struct snapshot *s = d->snapshot;
    doctor_say(d, LEVEL_OK, "configuration", NULL, "%s: %zu keys, %zu credentials, %zu policies, %zu objects of the admin API", d->config.file.at ? d->config.file.at : "no file",
        s->key_count, s->credential_count, s->policy_count, d->config.object_count);
    for (size_t i = 0; i < s->key_count; i++)
        if (!s->keys[i].budget_count && !s->keys[i].revoked_at)
            doctor_say(d, LEVEL_WARN, "budgets", "`tollgate budget create`, or `budgets:` of the key", "nothing limits what key %.*s spends", SPAN_ARG(s->keys[i].name));
}

static void check_prices(struct doctor *d)
{
    int64_t of;
    if (!d->snapshot)
        return;
    struct span id = price_book_id(d->snapshot->prices);
    struct config_prices_state state = config_prices_state();
    if (state.refused)
        doctor_say(d, LEVEL_FAIL, "prices", "mend the file: the last good book is in force until then", "the price file is not taken: %s", state.why);
    if (id.len < 10 || !text_time_parse(span_first(id, 10), &of))
        return;
    int64_t days = (clock_unix_ms() - of) / DAY_MS;
    doctor_say(d, days > BOOK_OLD_DAYS ? LEVEL_WARN : LEVEL_OK, "prices", days > BOOK_OLD_DAYS ? "a newer one: docs/prices.md, `prices_file:`" : NULL, "the price book %.*s is %lld days old", SPAN_ARG(id),
        (long long)days);
}

/* ---- the gate that runs ---- */

/* Unless it was said where to ask, the place that the configuration names. */
static struct span admin_url(struct doctor *d)
{
    const struct listen_address *at = d->snapshot ? &d->snapshot->settings.admin_listen : NULL;
    if (option_given(d->c, "admin") || getenv("TOLLGATE_ADMIN") || !at || span_ends(span_of(at->text), SPAN(":0")))
        return api_url(d->c);
    return arena_print(&d->c->arena, "http://%s", at->text);
}

static void check_gate(struct doctor *d)
{
    const struct fetch_limits limits = { .total_ms = PATIENCE_MS, .body_bytes = 1 << 20 };
    struct fetch_answer answer;
    struct json_value root;
    const char *why;
    struct span url = admin_url(d), whole = arena_print(&d->c->arena, "%.*s/readyz", SPAN_ARG(url));
    if (!whole.at || fetch_within(&d->c->arena, SPAN("GET"), whole, NULL, 0, SPAN_NONE, &limits, &answer) != E_OK) {
        doctor_say(d, LEVEL_WARN, "gate", "tollgate serve --config FILE; if it runs elsewhere: --admin URL", "none answers at %.*s", SPAN_ARG(url));
        return;
    }
    d->running = true;
    if (answer.status == 200)
        doctor_say(d, LEVEL_OK, "gate", NULL, "it runs at %.*s and takes calls", SPAN_ARG(url));
    else if (json_parse(d->c->reader, answer.body, false, &root, &why) == E_OK)
        doctor_say(d, LEVEL_FAIL, "gate", "its log says more", "it runs at %.*s, but takes no calls: %.*s", SPAN_ARG(url), SPAN_ARG(api_text(d->c, root, "reasons")));
    else
        doctor_say(d, LEVEL_FAIL, "gate", "give --admin URL", "what answers at %.*s is no gate", SPAN_ARG(url));
}

/* A wall clock that is set while we look makes windows and expiries jump. */
static void check_steps(struct doctor *d, int64_t wall, int64_t monotonic)
{
    int64_t drift = (clock_unix_ms() - wall) - (clock_monotonic_ns() - monotonic) / 1000000;
    if (drift > STEP_MS || drift < -STEP_MS)
        doctor_say(d, LEVEL_WARN, "clock", "let one service set it, slowly (chronyd, systemd-timesyncd)", "the clock was set by %lld ms while this ran", (long long)drift);
}

/* ---- telling ---- */

static void print_text(struct doctor *d)
{
    static const enum tint tints[] = { TINT_GREEN, TINT_YELLOW, TINT_RED };
    const char *off = tint_code(TINT_NONE, d->c->colour);
    for (const struct finding *f = d->first; f; f = f->after) {
        printf("%s%-4s%s  %-18.*s %.*s\n", tint_code(tints[f->level], d->c->colour), names[f->level], off, SPAN_ARG(f->area), SPAN_ARG(f->found));
        if (f->next.at)
            printf("      %-18s next: %.*s\n", "", SPAN_ARG(f->next));
    }
    printf("%zu ok, %zu to look at, %zu wrong\n", d->counts[LEVEL_OK], d->counts[LEVEL_WARN], d->counts[LEVEL_FAIL]);
}

static void print_json(struct doctor *d)
{
    struct buf out;
    buf_init(&out, 4 << 20);
    struct json_out o = json_out(&out);
    json_open(&o, '{');
    json_pair_bool(&o, SPAN("healthy"), !d->counts[LEVEL_FAIL]);
    for (size_t i = 0; i < 3; i++)
        json_pair_i64(&o, span_of(names[i]), (int64_t)d->counts[i]);
    json_name(&o, SPAN("findings"));
    json_open(&o, '[');
    for (const struct finding *f = d->first; f; f = f->after) {
        json_open(&o, '{');
        json_pair(&o, SPAN("level"), span_of(names[f->level]));
        json_pair(&o, SPAN("area"), f->area);
        json_pair(&o, SPAN("found"), f->found);
        json_pair(&o, SPAN("next"), f->next.at ? f->next : SPAN_NONE);
        json_close(&o, '}');
    }
    json_close(&o, ']');
    json_close(&o, '}');
    printf("%.*s\n", SPAN_ARG(buf_span(&out)));
    buf_free(&out);
}

static int run(struct cli *c)
{
    struct doctor d = { .c = c };
    int64_t wall = clock_unix_ms(), monotonic = clock_monotonic_ns();
    log_level_set(LOG_ERROR); /* what loading warns of is said here in its own way */
    check_configuration(&d);
    doctor_data(&d);
    check_gate(&d);
    doctor_ports(&d);
    doctor_certificate(&d);
    doctor_machine(&d);
    doctor_export_dirs(&d);
    check_prices(&d);
    if (!option_given(c, "offline")) {
        doctor_vendors(&d);
        doctor_receivers(&d);
    }
    check_steps(&d, wall, monotonic);
    if (c->json)
        print_json(&d);
    else
        print_text(&d);
    if (d.snapshot)
        snapshot_drop(d.snapshot);
    secret_wipe(d.master_key, sizeof(d.master_key));
    return d.counts[LEVEL_FAIL] ? EXIT_REFUSED : EXIT_DONE;
}

static const struct flag flags[] = {
    { "config", "FILE", "the gate's configuration; without: what the data directory has, with defaults", false },
    { "offline", NULL, "ask nobody outside this machine", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_doctor = {
    .name = "doctor",
    .summary = "what the gate stands on: configuration, disk, clock, names, TLS, credentials; and the next step",
    .usage = "  tollgate doctor [--config FILE] [--data DIR] [--offline]     exit code 0: nothing is wrong; 1: something is\n",
    .flags = flags,
    .watch = "*",
    .run = run,
};

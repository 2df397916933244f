/* SPDX-License-Identifier: Apache-2.0
 * budget.c - reading a budget, asking whether a call counts on it, and naming the account. */
#include "rules/budget.h"

#include <stdio.h>

#include "base/digest.h"
#include "base/text.h"

enum { PATH_ROOM = 256, ID_MOST = 1024, ACCOUNT_MOST = 4096, START_LEN = 21 };

static const struct span units[UNIT_COUNT] = {
    [UNIT_USD] = { "usd", 3 },
    [UNIT_TOKENS] = { "tokens", 6 },
    [UNIT_REQUESTS] = { "requests", 8 },
    [UNIT_MESSAGES] = { "messages", 8 },
    [UNIT_CALLS] = { "calls", 5 },
};

struct span unit_name(enum unit u)
{
    must(u >= 0 && u < UNIT_COUNT);
    return units[u];
}

/* "requests", and "request" as one writes for 1; money in either case. */
static bool unit_parse(struct span text, enum unit *out)
{
    for (int u = 0; u < UNIT_COUNT; u++) {
        bool one = u != UNIT_USD && span_is_nocase(text, span_first(units[u], units[u].len - 1));
        if (!one && !span_is_nocase(text, units[u]))
            continue;
        *out = (enum unit)u;
        return true;
    }
    return false;
}

bool budget_limit_parse(struct span text, enum unit *unit, int64_t *limit)
{
    struct span number, rest = span_trim(text);
    if (!span_cut(&rest, ' ', &number) || !unit_parse(span_trim(rest), unit))
        return false;
    return money_decimal(number, *unit == UNIT_USD ? 9 : 0, limit) && *limit >= 0;
}

static const char *sub_path(char room[PATH_ROOM], const char *path, const char *field)
{
    if (snprintf(room, PATH_ROOM, "%s%s%s", path, *path ? "." : "", field) >= PATH_ROOM)
        memcpy(room + PATH_ROOM - 4, "...", 4);
    return room;
}

static bool read_limit(const struct node *n, const char *path, struct budget *b, struct trouble *t)
{
    char at[PATH_ROOM];
    struct span text = SPAN_NONE;
    const struct node *limit = node_get(n, "limit");
    sub_path(at, path, "limit");
    if (!node_span(limit, at, &text, t))
        return false;
    if (text.at && budget_limit_parse(text, &b->unit, &b->limit))
        return true;
    trouble_say(t, limit ? limit : n, at, "found %s%.*s%s; allowed: a number and a unit, such as \"100 usd\", \"60 requests\", \"1000000 tokens\", \"50 messages\", \"4 calls\"",
        text.at ? "\"" : "nothing", SPAN_ARG(text), text.at ? "\"" : "");
    return false;
}

static bool read_window(const struct node *n, const char *path, struct budget *b, struct trouble *t)
{
    char at[PATH_ROOM];
    const struct node *window = node_get(n, "window");
    b->window_text = SPAN("total");
    sub_path(at, path, "window");
    if (!node_span(window, at, &b->window_text, t))
        return false;
    if (!window_parse(b->window_text, &b->window.kind)) {
        trouble_say(t, window, at, "found \"%.*s\"; allowed: run, minute, hour, day, week, month, total", SPAN_ARG(b->window_text));
        return false;
    }
    if (b->unit == UNIT_CALLS && b->window.kind != WINDOW_TOTAL && b->window.kind != WINDOW_RUN) {
        trouble_say(t, window, at, "found \"%.*s\"; \"calls\" limits how many are under way at once, so it has no such window; allowed: run, total; to count calls over a %.*s use requests",
            SPAN_ARG(b->window_text), SPAN_ARG(b->window_text));
        return false;
    }
    return true;
}

static bool read_zone(const struct node *n, const char *path, const struct zone *(*zone)(void *self, struct span name), void *self, struct budget *b, struct trouble *t)
{
    char at[PATH_ROOM];
    const struct node *name = node_get(n, "timezone");
    b->zone_name = SPAN("UTC");
    sub_path(at, path, "timezone");
    if (!node_span(name, at, &b->zone_name, t))
        return false;
    if (span_is(b->zone_name, SPAN("UTC")))
        return true;
    b->window.zone = zone(self, b->zone_name);
    if (!b->window.zone)
        trouble_say(t, name, at, "found \"%.*s\"; allowed: a name of the time zone database, such as Europe/Berlin, or UTC", SPAN_ARG(b->zone_name));
    return b->window.zone != NULL;
}

static bool read_per(struct arena *a, const struct node *n, const char *path, struct budget *b, struct trouble *t)
{
    char at[PATH_ROOM];
    struct span *names = NULL;
    size_t count = 0;
    const struct node *per = node_get(n, "per");
    const struct {
        struct span name;
        bool *flag;
    } known[] = { { SPAN("run"), &b->per_run }, { SPAN("vendor"), &b->per_vendor }, { SPAN("model"), &b->per_model }, { SPAN("user"), &b->per_user } };
    sub_path(at, path, "per");
    if (!node_spans(a, per, at, &names, &count, t))
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < sizeof(known) / sizeof(*known) && !span_is(names[i], known[k].name))
            k++;
        if (k == sizeof(known) / sizeof(*known)) {
            trouble_say(t, per, at, "found \"%.*s\"; allowed: run, vendor, model, user", SPAN_ARG(names[i]));
            return false;
        }
        *known[k].flag = true;
    }
    return true;
}

/* "80%" or "80". */
static bool percent_parse(struct span text, int *out)
{
    uint64_t n;
    if (span_ends(text, SPAN("%")))
        text = span_first(text, text.len - 1);
    if (!span_to_u64(text, &n) || n < 1 || n > 100)
        return false;
    *out = (int)n;
    return true;
}

static void insert_alert(struct budget *b, int percent)
{
    size_t at = b->alert_count++;
    for (; at > 0 && b->alerts[at - 1] > percent; at--)
        b->alerts[at] = b->alerts[at - 1];
    b->alerts[at] = percent;
}

static bool read_alerts(struct arena *a, const struct node *n, const char *path, struct budget *b, struct trouble *t)
{
    char at[PATH_ROOM];
    struct span *texts = NULL;
    size_t count = 0;
    int percent;
    const struct node *alert = node_get(n, "alert");
    sub_path(at, path, "alert");
    if (!node_spans(a, alert, at, &texts, &count, t))
        return false;
    if (count > BUDGET_ALERTS) {
        trouble_say(t, alert, at, "found %zu entries; allowed: at most %d", count, BUDGET_ALERTS);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!percent_parse(texts[i], &percent)) {
            trouble_say(t, alert, at, "found \"%.*s\"; allowed: 1%% to 100%%", SPAN_ARG(texts[i]));
            return false;
        }
        insert_alert(b, percent);
    }
    return true;
}

static bool read_filters(const struct node *n, const char *path, struct budget *b, struct trouble *t)
{
    char at[PATH_ROOM];
    const struct {
        const char *name;
        struct span *out;
    } filters[] = { { "vendor", &b->vendor }, { "operation", &b->operation }, { "model", &b->model } };
    for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
        const struct node *filter = node_get(n, filters[i].name);
        sub_path(at, path, filters[i].name);
        if (!node_span(filter, at, filters[i].out, t))
            return false;
        if (!filters[i].out->at || filters[i].out->len)
            continue;
        trouble_say(t, filter, at, "found an empty text; allowed: a pattern such as \"stripe\" or \"claude-*\"");
        return false;
    }
    return node_bool(node_get(n, "soft"), sub_path(at, path, "soft"), &b->soft, t);
}

static bool name_ok(struct span name)
{
    static const struct span letters = { "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.", 65 };
    for (size_t i = 0; i < name.len; i++)
        if (span_find_byte(letters, name.at[i]) < 0)
            return false;
    return name.len > 0 && name.len <= BUDGET_NAME_LONGEST;
}

/* Writes text so that no two texts look alike and none contains a mark of ours. */
static void put_value(struct buf *out, struct span text)
{
    static const struct span keep = { "_-.:/@*+ ", 9 };
    if (text.len <= BUDGET_VALUE_LONGEST) {
        buf_put_percent(out, text, keep);
        return;
    }
    struct digest digest = digest_sha256(text);
    buf_put(out, SPAN("sha256="));
    buf_put_hex(out, span_make((const char *)digest.bytes, DIGEST_LEN));
}

static void put_pair(struct buf *out, struct span name, struct span value)
{
    buf_put(out, name);
    buf_put_byte(out, '=');
    put_value(out, value);
}

static void put_filter(struct buf *out, struct span name, struct span pattern)
{
    if (pattern.at)
        put_pair(out, name, pattern);
}

static bool read_id(struct arena *a, const struct node *n, const char *path, struct budget *b, struct trouble *t)
{
    char at[PATH_ROOM];
    struct buf id;
    struct span name = SPAN_NONE;
    sub_path(at, path, "name");
    if (!node_span(node_get(n, "name"), at, &name, t))
        return false;
    if (name.at && !name_ok(name)) {
        trouble_say(t, node_get(n, "name"), at, "found \"%.*s\"; allowed: 1 to %d characters of A-Z a-z 0-9 _ - .", SPAN_ARG(name), BUDGET_NAME_LONGEST);
        return false;
    }
    buf_init(&id, ID_MOST);
    if (name.at) {
        buf_put(&id, name);
        buf_put_byte(&id, ':');
    }
    buf_put(&id, unit_name(b->unit));
    buf_put_byte(&id, '/');
    buf_put(&id, b->window_text);
    if (b->window.zone)
        put_filter(&id, SPAN(",timezone"), b->zone_name);
    put_filter(&id, SPAN(",vendor"), b->vendor);
    put_filter(&id, SPAN(",operation"), b->operation);
    put_filter(&id, SPAN(",model"), b->model);
    buf_put(&id, b->per_run ? SPAN(",per=run") : SPAN_NONE);
    buf_put(&id, b->per_vendor ? SPAN(",per=vendor") : SPAN_NONE);
    buf_put(&id, b->per_model ? SPAN(",per=model") : SPAN_NONE);
    buf_put(&id, b->per_user ? SPAN(",per=user") : SPAN_NONE);
    b->id = id.broken ? SPAN_NONE : arena_copy(a, buf_span(&id));
    buf_free(&id);
    return true;
}

enum err budget_read(struct arena *a, const struct node *n, const char *path, const struct zone *(*zone)(void *self, struct span name), void *self, struct budget *out, struct trouble *t)
{
    static const char *const fields[] = { "name", "limit", "window", "timezone", "vendor", "operation", "model", "per", "alert", "soft", NULL };
    *out = (struct budget){ .unit = UNIT_USD };
    if (!n || n->kind != NODE_MAP) {
        trouble_say(t, n, path, "allowed: a budget such as { limit: 100 usd, window: day }");
        return E_CONFIG;
    }
    bool ok = node_only(n, path, fields, t) && read_limit(n, path, out, t) && read_window(n, path, out, t) &&
              read_zone(n, path, zone, self, out, t) && read_filters(n, path, out, t) && read_per(a, n, path, out, t) &&
              read_alerts(a, n, path, out, t) && read_id(a, n, path, out, t);
    if (!ok)
        return E_CONFIG;
    return out->id.at ? E_OK : E_NO_MEMORY;
}

static bool matches(struct span value, struct span pattern) { return !pattern.at || span_like(value, pattern); }

bool budget_applies(const struct budget *b, const struct facts *f)
{
    return matches(f->vendor, b->vendor) && matches(f->operation, b->operation) && matches(f->model, b->model);
}

static void put_digits(char *at, int64_t n, int digits)
{
    for (int i = digits - 1; i >= 0; i--, n /= 10)
        at[i] = (char)('0' + n % 10);
}

/* "|2026-11-21T00:00:00Z". Written by hand, since every call does this once for each of its budgets. */
static void put_start(struct buf *out, int64_t start_ms)
{
    const int64_t day = 86400;
    char text[START_LEN + 1] = "|YYYY-mm-ddTHH:MM:SSZ";
    int64_t seconds = start_ms / 1000, of_day = (seconds % day + day) % day, year;
    int month, of_month;
    date_of_days((seconds - of_day) / day, &year, &month, &of_month);
    put_digits(text + 1, year, 4);
    put_digits(text + 6, month, 2);
    put_digits(text + 9, of_month, 2);
    put_digits(text + 12, of_day / 3600, 2);
    put_digits(text + 15, of_day / 60 % 60, 2);
    put_digits(text + 18, of_day % 60, 2);
    buf_put(out, span_make(text, START_LEN));
}

struct span budget_account(const struct budget *b, const struct facts *f, int64_t now_ms, struct arena *a, int64_t *resets_at)
{
    int64_t start;
    struct buf name;
    struct span account = SPAN_NONE;
    struct window window = b->window;
    if (window.kind == WINDOW_RUN && !f->run.len)
        window.kind = WINDOW_DAY;
    window_at(&window, now_ms, &start, resets_at);
    buf_init(&name, ACCOUNT_MOST);
    buf_put(&name, b->id);
    if (b->per_run || b->window.kind == WINDOW_RUN)
        put_pair(&name, SPAN("|run"), f->run);
    if (b->per_vendor)
        put_pair(&name, SPAN("|vendor"), f->vendor);
    if (b->per_model)
        put_pair(&name, SPAN("|model"), f->model);
    if (b->per_user)
        put_pair(&name, SPAN("|user"), f->user);
    if (*resets_at)
        put_start(&name, start);
    if (!name.broken)
        account = arena_copy(a, buf_span(&name));
    buf_free(&name);
    return account;
}

/* SPDX-License-Identifier: Apache-2.0
 * budget_read.c - a budget from its configuration, and its id. Strict: a field that is not understood is an error, since a
 * limit that is ignored is no limit. */
#include <stdio.h>

#include "base/text.h"
#include "rules/budget.h"
#include "rules/label.h"

enum { PATH_ROOM = 256, ID_LONGEST = 1024, REASON_LONGEST = 500, METADATA_MARK = 9 };

static const struct span units[UNIT_COUNT] = {
    [UNIT_USD] = { "usd", 3 },
    [UNIT_TOKENS] = { "tokens", 6 },
    [UNIT_TOKENS_IN] = { "input_tokens", 12 },
    [UNIT_TOKENS_OUT] = { "output_tokens", 13 },
    [UNIT_REQUESTS] = { "requests", 8 },
    [UNIT_MESSAGES] = { "messages", 8 },
    [UNIT_CALLS] = { "calls", 5 },
};

struct reading {
    struct arena *a;
    const struct node *n;
    const char *path;
    struct budget *b;
    struct trouble *t;
    char at[PATH_ROOM]; /* of the field that is being read */
    struct budget_filter filters[BUDGET_FILTERS];
    struct budget_per per[BUDGET_PER];
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

/* The field `name` of the budget; its path stands in r->at from then on. */
static const struct node *field(struct reading *r, const char *name)
{
    if (snprintf(r->at, PATH_ROOM, "%s%s%s", r->path, *r->path ? "." : "", name) >= PATH_ROOM)
        memcpy(r->at + PATH_ROOM - 4, "...", 4);
    return node_get(r->n, name);
}

static bool wrong(struct reading *r, const struct node *at, const char *allowed)
{
    trouble_found(r->t, at, r->at, allowed);
    return false;
}

/* ---- how much, over what ---- */

static bool read_limit(struct reading *r)
{
    struct span text = SPAN_NONE;
    const struct node *limit = field(r, "limit");
    if (!node_span(limit, r->at, &text, r->t))
        return false;
    if (text.at && budget_limit_parse(text, &r->b->unit, &r->b->limit))
        return true;
    trouble_say(r->t, limit ? limit : r->n, r->at,
        "found %s%.*s%s; allowed: a number and a unit, such as \"100 usd\", \"60 requests\", \"1000000 tokens\" (or input_tokens, output_tokens), \"50 messages\", \"4 calls\"",
        text.at ? "\"" : "nothing", SPAN_ARG(span_first(text, 60)), text.at ? "\"" : "");
    return false;
}

static bool read_window(struct reading *r)
{
    char canonical[WINDOW_TEXT];
    struct budget *b = r->b;
    struct span text = SPAN("total");
    const struct node *window = field(r, "window");
    if (!node_span(window, r->at, &text, r->t))
        return false;
    if (!window_parse(text, &b->window))
        return wrong(r, window, "run, minute, hour, day, week, month, total, or \"rolling 24h\" (1m to 366d; a rolling 30d is no month)");
    b->window_text = arena_copy(r->a, window_text(&b->window, canonical));
    if (b->unit != UNIT_CALLS || b->window.kind == WINDOW_TOTAL || b->window.kind == WINDOW_RUN)
        return true;
    trouble_say(r->t, window, r->at, "found \"%.*s\"; \"calls\" limits how many are under way at once, so it has no such window; allowed: run, total; to count calls over a %.*s use requests",
        SPAN_ARG(text), SPAN_ARG(text));
    return false;
}

static bool read_zone(struct reading *r, const struct zone *(*zone)(void *self, struct span name), void *self)
{
    struct budget *b = r->b;
    const struct node *name = field(r, "timezone");
    b->zone_name = SPAN("UTC");
    if (!node_span(name, r->at, &b->zone_name, r->t))
        return false;
    if (span_is(b->zone_name, SPAN("UTC")))
        return true;
    b->window.zone = zone(self, b->zone_name);
    return b->window.zone ? true : wrong(r, name, "a name of the time zone database, such as Europe/Berlin, or UTC");
}

/* ---- filters ---- */

static bool tag_name_ok(struct span name) { return name.len <= BUDGET_NAME_LONGEST && text_is_printable(name) && name.len; }

static bool scope_name_ok(struct span name) { return span_find_byte(name, '.') > 0 && tag_name_ok(name) && !span_ends(name, SPAN(".")); }

/* "b" before "a" is put behind it, so that another order in the file is the same budget. */
static void insert_filter(struct reading *r, const struct budget_filter *filter)
{
    struct budget_filter *list = r->filters;
    size_t at = r->b->filter_count++;
    for (; at > 0 && list[at - 1].what == filter->what && span_compare(list[at - 1].name, filter->name) > 0; at--)
        list[at] = list[at - 1];
    list[at] = *filter;
}

static bool add_filter(struct reading *r, const struct node *n, enum dimension what, struct span name)
{
    struct budget_filter filter = { what, name, SPAN_NONE };
    if (!node_span(n, r->at, &filter.pattern, r->t))
        return false;
    if (!filter.pattern.at)
        return true;
    if (!filter.pattern.len)
        return wrong(r, n, "a pattern such as \"stripe\" or \"claude-*\"");
    if (r->b->filter_count == BUDGET_FILTERS)
        return wrong(r, n, "at most 8 filters on one budget");
    insert_filter(r, &filter);
    return true;
}

static bool read_filter_map(struct reading *r, const char *name, enum dimension what)
{
    const struct node *map = field(r, name);
    bool scopes = what == DIMENSION_SCOPE;
    if (!map)
        return true;
    if (map->kind != NODE_MAP)
        return wrong(r, map, scopes ? "a map such as { stripe.customer: \"cus_*\" }" : "a map such as { tenant: acme }");
    for (const struct node *n = map->first; n; n = n->next) {
        if (!(scopes ? scope_name_ok(n->name) : tag_name_ok(n->name))) {
            trouble_say(r->t, n, r->at, "found the name \"%.*s\"; allowed: %s of at most %d printable characters", SPAN_ARG(span_first(n->name, 60)),
                scopes ? "a vendor's object, such as stripe.customer," : "a name", BUDGET_NAME_LONGEST);
            return false;
        }
        if (n->kind == NODE_NULL)
            return wrong(r, n, "a pattern; \"*\" asks only that it is there");
        if (!add_filter(r, n, what, n->name))
            return false;
    }
    return true;
}

static bool read_filters(struct reading *r)
{
    static const enum dimension plain[] = { DIMENSION_VENDOR, DIMENSION_OPERATION, DIMENSION_MODEL };
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
        const struct node *n = field(r, dimension_name(plain[i]).at);
        if (!add_filter(r, n, plain[i], SPAN_NONE))
            return false;
    }
    return read_filter_map(r, "scopes", DIMENSION_SCOPE) && read_filter_map(r, "metadata", DIMENSION_TAG);
}

/* ---- per ---- */

static bool per_parse(struct span text, struct budget_per *out)
{
    for (int d = 0; d < DIMENSION_SCOPE; d++) {
        if (!span_is(text, dimension_name((enum dimension)d)))
            continue;
        *out = (struct budget_per){ .what = (enum dimension)d };
        return true;
    }
    bool tag = span_starts(text, dimension_name(DIMENSION_TAG));
    *out = (struct budget_per){ tag ? DIMENSION_TAG : DIMENSION_SCOPE, tag ? span_from(text, METADATA_MARK) : text };
    return tag ? tag_name_ok(out->name) : scope_name_ok(out->name);
}

static int per_compare(const struct budget_per *a, const struct budget_per *b)
{
    return a->what != b->what ? (int)a->what - (int)b->what : span_compare(a->name, b->name);
}

static bool insert_per(struct reading *r, const struct node *n, const struct budget_per *per)
{
    struct budget *b = r->b;
    size_t at = b->per_count;
    while (at > 0 && per_compare(&r->per[at - 1], per) > 0)
        at--;
    if (at > 0 && per_compare(&r->per[at - 1], per) == 0)
        return true;
    if (b->per_count == BUDGET_PER)
        return wrong(r, n, "at most 6 of them");
    memmove(&r->per[at + 1], &r->per[at], (b->per_count++ - at) * sizeof(*per));
    r->per[at] = *per;
    return true;
}

static bool read_per(struct reading *r)
{
    struct span *names = NULL;
    size_t count = 0;
    struct budget_per per;
    const struct node *n = field(r, "per");
    if (!node_spans(r->a, n, r->at, &names, &count, r->t))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!per_parse(names[i], &per)) {
            trouble_say(r->t, n, r->at,
                "found \"%.*s\"; allowed: key, run, user, team, workspace, vendor, operation, model, customer, a vendor's object such as stripe.account, or metadata.NAME",
                SPAN_ARG(span_first(names[i], 60)));
            return false;
        }
        if (!insert_per(r, n, &per))
            return false;
    }
    return true;
}

/* ---- alerts ---- */

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

static bool insert_alert(struct reading *r, const struct node *n, int percent)
{
    struct budget *b = r->b;
    size_t at = b->alert_count;
    while (at > 0 && b->alerts[at - 1] > percent)
        at--;
    if (at > 0 && b->alerts[at - 1] == percent)
        return true;
    if (b->alert_count == BUDGET_ALERTS)
        return wrong(r, n, "at most 8 parts of the limit");
    memmove(&b->alerts[at + 1], &b->alerts[at], (b->alert_count++ - at) * sizeof(percent));
    b->alerts[at] = percent;
    return true;
}

/* A request too many per minute is nothing to wake someone for; money, tokens and messages of a day are. */
static bool worth_an_alert(const struct budget *b)
{
    const int64_t day_ms = INT64_C(86400000);
    bool unit = b->unit != UNIT_REQUESTS && b->unit != UNIT_CALLS;
    bool window = b->window.kind == WINDOW_ROLLING ? b->window.length_ms >= day_ms : b->window.kind != WINDOW_MINUTE && b->window.kind != WINDOW_HOUR;
    return unit && window;
}

static bool default_alerts(struct budget *b)
{
    static const int parts[] = { 50, 80, 100 };
    if (!worth_an_alert(b))
        return true;
    b->forecast = true;
    b->alert_count = sizeof(parts) / sizeof(*parts);
    memcpy(b->alerts, parts, sizeof(parts));
    return true;
}

static bool read_alerts(struct reading *r)
{
    struct span *texts = NULL;
    size_t count = 0;
    int percent;
    const struct node *n = field(r, "alert");
    if (!n)
        return default_alerts(r->b);
    if (!node_spans(r->a, n, r->at, &texts, &count, r->t))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (span_is(texts[i], SPAN("forecast"))) {
            r->b->forecast = true;
            continue;
        }
        if (!percent_parse(texts[i], &percent)) {
            trouble_say(r->t, n, r->at, "found \"%.*s\"; allowed: 1%% to 100%%, forecast, or [] for none", SPAN_ARG(span_first(texts[i], 60)));
            return false;
        }
        if (!insert_alert(r, n, percent))
            return false;
    }
    return true;
}

/* ---- how ---- */

static bool read_manner(struct reading *r)
{
    static const char *const refunds[] = { "gross", "net", NULL }, *const tight[] = { "clamp", "deny", NULL };
    int net = 0, deny = 0;
    if (!node_bool(field(r, "soft"), r->at, &r->b->soft, r->t) || !node_choice(field(r, "on_tight"), r->at, tight, &deny, r->t))
        return false;
    const struct node *n = field(r, "refunds");
    if (!node_choice(n, r->at, refunds, &net, r->t))
        return false;
    if (net && r->b->unit != UNIT_USD)
        return wrong(r, n, "net for a limit in usd only; a refund is a request like another");
    r->b->net = net != 0;
    r->b->deny_when_tight = deny != 0;
    return true;
}

static bool read_by(const struct node *n, const char *path, enum unit unit, int64_t *by, struct trouble *t)
{
    enum unit given;
    struct span text = SPAN_NONE;
    char at[PATH_ROOM];
    const struct node *field = node_get(n, "by");
    snprintf(at, sizeof(at), "%.200s%sby", path, *path ? "." : "");
    if (!node_span(field, at, &text, t))
        return false;
    if (text.at && budget_limit_parse(text, &given, by) && given == unit && *by > 0)
        return true;
    trouble_say(t, field ? field : n, at, "found %s%.*s%s; allowed: more than 0 of the budget's own unit, such as \"50 %s\"", text.at ? "\"" : "nothing",
        SPAN_ARG(span_first(text, 60)), text.at ? "\"" : "", unit_name(unit).at);
    return false;
}

enum err increase_read(const struct node *n, const char *path, enum unit unit, int64_t *by, int64_t *until, struct trouble *t)
{
    static const char *const fields[] = { "by", "until", "reason", NULL };
    char at[PATH_ROOM];
    struct span reason = SPAN_NONE;
    const struct node *when = node_get(n, "until");
    if (n->kind != NODE_MAP) {
        trouble_found(t, n, path, "an increase such as { by: 50 usd, until: 2026-11-22T00:00:00Z }");
        return E_CONFIG;
    }
    if (!node_only(n, path, fields, t) || !read_by(n, path, unit, by, t))
        return E_CONFIG;
    snprintf(at, sizeof(at), "%.200s%suntil", path, *path ? "." : "");
    if (!when) {
        trouble_say(t, n, at, "is required; allowed: when the increase ends, such as 2026-11-22T00:00:00Z; for good, change the limit");
        return E_CONFIG;
    }
    if (!node_time(when, at, until, t))
        return E_CONFIG;
    snprintf(at, sizeof(at), "%.200s%sreason", path, *path ? "." : "");
    if (!node_span(node_get(n, "reason"), at, &reason, t))
        return E_CONFIG;
    if (reason.len <= REASON_LONGEST)
        return E_OK;
    trouble_say(t, node_get(n, "reason"), at, "found %zu bytes; allowed: at most %d", reason.len, REASON_LONGEST);
    return E_CONFIG;
}

static bool read_increase(struct reading *r)
{
    const struct node *n = field(r, "increase");
    return !n || increase_read(n, r->at, r->b->unit, &r->b->increase, &r->b->increase_until, r->t) == E_OK;
}

/* ---- the id ---- */

static bool name_ok(struct span name)
{
    static const struct span letters = { "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.", 65 };
    for (size_t i = 0; i < name.len; i++)
        if (span_find_byte(letters, name.at[i]) < 0)
            return false;
    return name.len > 0 && name.len <= BUDGET_NAME_LONGEST;
}

/* From here on the budget has them itself. */
static bool keep_lists(struct reading *r)
{
    struct budget *b = r->b;
    struct budget_filter *filters = ARENA_ARRAY(r->a, struct budget_filter, b->filter_count + 1);
    struct budget_per *per = ARENA_ARRAY(r->a, struct budget_per, b->per_count + 1);
    if (!filters || !per)
        return false;
    memcpy(filters, r->filters, b->filter_count * sizeof(*filters));
    memcpy(per, r->per, b->per_count * sizeof(*per));
    b->filters = filters;
    b->per = per;
    return true;
}

static struct span filter_mark(const struct budget_filter *filter)
{
    return filter->what == DIMENSION_SCOPE ? SPAN("scope.") : dimension_name(filter->what);
}

static size_t id_room(const struct budget *b, struct span name)
{
    static const size_t marks = 32; /* ",timezone=", ":", "/", ",per=metadata." and the like */
    size_t room = name.len + b->window_text.len + label_value_room(b->zone_name) + 2 * marks;
    for (size_t i = 0; i < b->filter_count; i++)
        room += marks + label_value_room(b->filters[i].name) + label_value_room(b->filters[i].pattern);
    for (size_t i = 0; i < b->per_count; i++)
        room += marks + label_value_room(b->per[i].name);
    return room;
}

static void put_filter(struct label *id, const struct budget_filter *filter)
{
    label_put(id, SPAN(","));
    label_put(id, filter_mark(filter));
    label_put_value(id, filter->name);
    label_put(id, SPAN("="));
    label_put_value(id, filter->pattern);
}

/* What exists keeps its text byte for byte: what was spent hangs on it. So new parts only ever appear where a budget uses
 * what is new. */
static struct span make_id(struct arena *a, const struct budget *b, struct span name)
{
    struct label id = label_begin(a, id_room(b, name));
    label_put(&id, name);
    label_put(&id, name.at ? SPAN(":") : SPAN_NONE);
    label_put(&id, unit_name(b->unit));
    label_put(&id, SPAN("/"));
    label_put(&id, b->window_text);
    if (b->window.zone) {
        label_put(&id, SPAN(",timezone="));
        label_put_value(&id, b->zone_name);
    }
    for (size_t i = 0; i < b->filter_count; i++)
        put_filter(&id, &b->filters[i]);
    for (size_t i = 0; i < b->per_count; i++) {
        label_put(&id, SPAN(",per="));
        label_put(&id, dimension_name(b->per[i].what));
        label_put_value(&id, b->per[i].name);
    }
    return label_end(&id);
}

static bool read_id(struct reading *r)
{
    struct span name = SPAN_NONE;
    const struct node *n = field(r, "name");
    if (!node_span(n, r->at, &name, r->t))
        return false;
    if (name.at && !name_ok(name))
        return wrong(r, n, "1 to 64 characters of A-Z a-z 0-9 _ - .");
    r->b->id = make_id(r->a, r->b, name);
    if (r->b->id.len <= ID_LONGEST)
        return true;
    trouble_say(r->t, r->n, r->path, "its filters make an id of %zu bytes; allowed: at most %d", r->b->id.len, ID_LONGEST);
    return false;
}

enum err budget_read(struct arena *a, const struct node *n, const char *path, const struct zone *(*zone)(void *self, struct span name), void *self, struct budget *out, struct trouble *t)
{
    static const char *const fields[] = { "name", "limit", "window", "timezone", "vendor", "operation", "model", "scopes", "metadata", "per", "alert", "soft",
        "refunds", "on_tight", "increase", NULL };
    struct reading r = { .a = a, .n = n, .path = path, .b = out, .t = t };
    *out = (struct budget){ .unit = UNIT_USD };
    if (!n || n->kind != NODE_MAP) {
        trouble_say(t, n, path, "allowed: a budget such as { limit: 100 usd, window: day }");
        return E_CONFIG;
    }
    bool ok = node_only(n, path, fields, t) && read_limit(&r) && read_window(&r) && read_zone(&r, zone, self) && read_filters(&r) && read_per(&r) &&
              read_alerts(&r) && read_manner(&r) && read_increase(&r) && keep_lists(&r) && read_id(&r);
    if (!ok)
        return t->set ? E_CONFIG : E_NO_MEMORY;
    return out->id.at && out->window_text.at ? E_OK : E_NO_MEMORY;
}

/* SPDX-License-Identifier: Apache-2.0
 * alerts.c - where alerts go: webhooks, Slack, mail. Their secrets (what signs, a Slack address, a password) stand in secret
 * memory, and are sealed in an object of the API. How alerts are sent: alert/. */
#include <stdio.h>

#include "base/text.h"
#include "config/parts.h"

enum { ENDPOINTS_MOST = 16, SECRET_SHORTEST = 8, TO_MOST = 50, ADDRESS_LONGEST = 254 };

static const struct {
    const char *field, *secret;
} kinds[] = { [ALERT_WEBHOOK] = { "webhook", "secret" }, [ALERT_SLACK] = { "slack", "slack" }, [ALERT_SMTP] = { "smtp", "password" } };

static const char *const event_names[] = { "threshold", "forecast", "brake", "doubt", "ledger", "approval", "address", "prices", "breaker", "credential", "export", "login", "credit" };
static const char *const all_fields[] = { "name", "webhook", "slack", "smtp", "secret", "user", "password", "from", "to", "events", "plain", "sealed", NULL };

struct reading {
    struct load *l;
    const struct node *n;
    struct path path;
    struct alert_endpoint *out;
};

bool alert_kind_of(const struct node *n, enum alert_kind *out)
{
    size_t given = 0;
    for (int k = ALERT_WEBHOOK; k <= ALERT_SMTP; k++) {
        if (!node_get(n, kinds[k].field))
            continue;
        given++;
        *out = (enum alert_kind)k;
    }
    return given == 1;
}

const char *alert_secret_field(enum alert_kind kind) { return kinds[kind].secret; }

struct span alert_secret_bound(struct span name, enum alert_kind kind, const struct node *n, struct arena *a)
{
    const struct node *server = kind == ALERT_SMTP ? node_get(n, "smtp") : NULL;
    return arena_print(a, "alert:%.*s %s:%.*s", SPAN_ARG(name), kinds[kind].field, SPAN_ARG(server && server->kind == NODE_SCALAR ? server->text : SPAN("")));
}

static bool wrong(struct reading *r, const struct node *at, const char *field, const char *allowed)
{
    trouble_found(r->l->t, at ? at : r->n, path_with(&r->path, field), allowed);
    return false;
}

static bool say(struct reading *r, const struct node *at, const char *field, const char *text)
{
    trouble_say(r->l->t, at ? at : r->n, path_with(&r->path, field), "%s", text);
    return false;
}

/* ---- addresses ---- */

static struct span plain_text(struct reading *r, const char *field)
{
    struct span text = SPAN_NONE;
    const struct node *n = node_get(r->n, field + 1);
    return node_span(n, path_with(&r->path, field), &text, r->l->t) ? text : SPAN_NONE;
}

static bool read_plain(struct reading *r) { return node_bool(node_get(r->n, "plain"), path_with(&r->path, ".plain"), &r->out->plain, r->l->t); }

static bool check_url(struct reading *r, const char *field, struct span url) { return remote_url(r->l, r->n, &r->path, field, url, r->out->plain); }

static bool read_webhook(struct reading *r)
{
    struct span url = plain_text(r, ".webhook");
    if (r->l->t->set || !check_url(r, ".webhook", url))
        return false;
    r->out->url = arena_copy(r->l->a, url);
    return true;
}

/* ---- secrets ---- */

static bool read_secret(struct reading *r, const char *field, size_t shortest, struct span *out)
{
    return remote_secret(r->l, r->n, &r->path, field, alert_secret_bound(r->out->name, r->out->kind, r->n, &r->l->scratch), shortest, out);
}

static bool read_signing(struct reading *r)
{
    if (!read_secret(r, ".secret", SECRET_SHORTEST, &r->out->secret))
        return false;
    return r->out->secret.at ? true : say(r, NULL, ".secret", "is required; allowed: what signs the alerts, at least 8 characters, best as a reference such as ${ALERT_SECRET}");
}

static bool read_slack(struct reading *r) { return read_secret(r, ".slack", 1, &r->out->url) && check_url(r, ".slack", r->out->url); }

/* ---- mail ---- */

static bool read_server(struct reading *r)
{
    struct base_url parts;
    struct span url = plain_text(r, ".smtp");
    bool tls = span_starts(url, SPAN("smtps://")), good = tls || span_starts(url, SPAN("smtp://"));
    struct span as_https = arena_print(&r->l->scratch, "https://%.*s", SPAN_ARG(span_from(url, tls ? 8 : 7)));
    if (r->l->t->set)
        return false;
    if (!good || !as_https.at || !remote_visible(url) || !base_url_parse(as_https, &r->l->scratch, &parts) || parts.path.len)
        return wrong(r, node_get(r->n, "smtp"), ".smtp", "smtp://host:587 (STARTTLS) or smtps://host:465");
    if (tls && r->out->plain)
        return say(r, node_get(r->n, "plain"), ".plain", "contradicts smtps://; allowed: one of them");
    r->out->plain = r->out->plain || (!tls && remote_is_here(parts.host));
    r->out->url = arena_copy(r->l->a, url);
    return true;
}

static bool address_ok(struct span text)
{
    ptrdiff_t at = span_find_byte(text, '@');
    return text.len <= ADDRESS_LONGEST && text_is_printable(text) && at > 0 && (size_t)at + 1 < text.len && span_find_byte(text, '<') < 0 &&
           span_find_byte(text, '>') < 0 && span_find_byte(text, ',') < 0;
}

static bool read_people(struct reading *r)
{
    struct span *to = NULL;
    size_t count = 0;
    struct load *l = r->l;
    const struct node *n = node_get(r->n, "to");
    struct span from = plain_text(r, ".from");
    if (l->t->set || !node_spans(&l->scratch, n, path_with(&r->path, ".to"), &to, &count, l->t))
        return false;
    if (!address_ok(from))
        return wrong(r, node_get(r->n, "from"), ".from", "a mail address such as tollgate@example.com");
    if (!count || count > TO_MOST)
        return wrong(r, n, ".to", "1 to 50 mail addresses");
    struct span *copies = ARENA_ARRAY(l->a, struct span, count);
    for (size_t i = 0; i < count && copies; i++) {
        if (!address_ok(to[i]))
            return wrong(r, n, ".to", "mail addresses such as oncall@example.com");
        copies[i] = arena_copy(l->a, to[i]);
    }
    r->out->from = arena_copy(l->a, from);
    r->out->to = copies;
    r->out->to_count = count;
    return copies != NULL;
}

static bool read_login(struct reading *r)
{
    struct span user = plain_text(r, ".user");
    if (r->l->t->set || !read_secret(r, ".password", 1, &r->out->secret))
        return false;
    if (user.at && (!user.len || user.len > ADDRESS_LONGEST || !text_is_printable(user)))
        return wrong(r, node_get(r->n, "user"), ".user", "1 to 254 printable characters without blanks");
    if ((user.at != NULL) != (r->out->secret.at != NULL))
        return say(r, NULL, user.at ? ".password" : ".user", "is required; allowed: user and password, or neither");
    r->out->user = arena_copy(r->l->a, user);
    return true;
}

/* ---- one endpoint ---- */

static bool read_events(struct reading *r)
{
    struct span *names = NULL;
    size_t count = 0, known = sizeof(event_names) / sizeof(*event_names);
    const struct node *n = node_get(r->n, "events");
    r->out->events = ALERT_ALL;
    if (!n)
        return true;
    if (!node_spans(&r->l->scratch, n, path_with(&r->path, ".events"), &names, &count, r->l->t))
        return false;
    r->out->events = 0;
    for (size_t i = 0; i < count; i++) {
        size_t e = 0;
        while (e < known && !span_is(names[i], span_of(event_names[e])))
            e++;
        if (e == known) {
            trouble_say(r->l->t, n, path_with(&r->path, ".events"), "found \"%.*s\"; allowed: threshold, forecast, brake, doubt, ledger, approval, address, prices, breaker, credential, export, login, credit", SPAN_ARG(span_first(names[i], 60)));
            return false;
        }
        r->out->events |= 1u << e;
    }
    return r->out->events ? true : say(r, n, ".events", "is empty; allowed: threshold, forecast, brake, doubt, ledger, approval, address, prices, breaker, credential, export, or left out for all of them");
}

/* What belongs to another kind of endpoint would be ignored: say so. */
static bool check_fields(struct reading *r)
{
    static const struct {
        const char *field;
        enum alert_kind kind;
    } owned[] = { { "secret", ALERT_WEBHOOK }, { "user", ALERT_SMTP }, { "password", ALERT_SMTP }, { "from", ALERT_SMTP }, { "to", ALERT_SMTP } };
    char field[40];
    for (size_t i = 0; i < sizeof(owned) / sizeof(*owned); i++) {
        if (!node_get(r->n, owned[i].field) || owned[i].kind == r->out->kind)
            continue;
        snprintf(field, sizeof(field), ".%s", owned[i].field);
        trouble_say(r->l->t, node_get(r->n, owned[i].field), path_with(&r->path, field), "belongs to %s; allowed: leave it out here", kinds[owned[i].kind].field);
        return false;
    }
    return true;
}

static bool read_kind(struct reading *r)
{
    switch (r->out->kind) {
    case ALERT_WEBHOOK:
        return read_webhook(r) && read_signing(r);
    case ALERT_SLACK:
        return read_slack(r);
    case ALERT_SMTP:
        return read_server(r) && read_people(r) && read_login(r);
    }
    return false;
}

static bool read_endpoint(struct reading *r)
{
    if (!node_only(r->n, r->path.text, all_fields, r->l->t))
        return false;
    if (!alert_kind_of(r->n, &r->out->kind)) {
        r->path.text[r->path.len] = '\0';
        return say(r, NULL, "", "allowed: exactly one of webhook: URL, slack: URL, smtp: smtp://host:587");
    }
    return check_fields(r) && read_plain(r) && read_kind(r) && read_events(r);
}

static enum err load_one(struct load *l, const struct entry *entry, size_t *count)
{
    struct settings *s = &l->s->settings;
    struct reading r = { .l = l };
    r.n = entry_node(&l->tree, KIND_ALERT, entry, &l->scratch, l->t);
    if (!r.n)
        return l->t->set ? E_CONFIG : E_OK;
    r.path.len = strlen(entry_path(KIND_ALERT, entry, r.path.text));
    if (*count == ENDPOINTS_MOST) {
        trouble_say(l->t, r.n, "alerts", "allowed: at most %d of them", ENDPOINTS_MOST);
        return E_CONFIG;
    }
    r.out = &s->alerts[*count];
    r.out->name = arena_copy(l->a, entry->id);
    if (!read_endpoint(&r))
        return l->t->set ? E_CONFIG : E_NO_MEMORY;
    (*count)++;
    return load_memory(l);
}

enum err alerts_load(struct load *l)
{
    const struct entries *es = &l->tree.kinds[KIND_ALERT];
    struct settings *s = &l->s->settings;
    s->alerts = ARENA_ARRAY(l->a, struct alert_endpoint, ENDPOINTS_MOST);
    if (!s->alerts)
        return E_NO_MEMORY;
    for (size_t i = 0; i < es->count; i++) {
        enum err e = load_one(l, &es->list[i], &s->alert_count);
        if (e)
            return e;
    }
    return E_OK;
}

size_t alerts_secret_room(const struct entries *es)
{
    size_t room = 0;
    for (int k = ALERT_WEBHOOK; k <= ALERT_SMTP; k++)
        room += remote_secret_room(es, kinds[k].secret);
    return room;
}

/* "https://hooks.slack.com/...": enough to know it again. */
struct span alert_mask(struct span url, struct arena *a)
{
    ptrdiff_t start = span_find(url, SPAN("://"));
    size_t end = start < 0 ? 0 : (size_t)start + 3;
    while (start >= 0 && end < url.len && url.at[end] != '/' && url.at[end] != '?' && url.at[end] != '@')
        end++;
    return start < 0 || (end < url.len && url.at[end] == '@') ? SPAN("...") : arena_print(a, "%.*s/...", SPAN_ARG(span_first(url, end)));
}

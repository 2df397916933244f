/* SPDX-License-Identifier: Apache-2.0
 * change_seal.c - see change.h. A secret is sealed under the master key and bound to what it opens: with another vendor, server or address
 * it must be given again. */
#include "config/change.h"

#include "base/text.h"

enum { SECRET_LONGEST = 4096, KEY_FILE_LONGEST = 16384 };

static enum err seal_text(struct change *c, const char *field, struct span bound, struct span secret)
{
    struct buf sealed, text;
    struct digest key = config_seal_key(c->in->master_key);
    buf_init(&sealed, 2 * KEY_FILE_LONGEST);
    buf_init(&text, 4 * KEY_FILE_LONGEST);
    if (bound.at)
        seal(&sealed, key.bytes, bound, secret);
    buf_put_base64(&text, buf_span(&sealed));
    if (bound.at && !sealed.broken && !text.broken)
        edit_set(c->a, c->stored, field, edit_text(c->a, buf_span(&text)));
    else
        c->a->broken = true;
    secret_wipe(&key, sizeof(key));
    buf_free(&sealed);
    buf_free(&text);
    return c->a->broken ? E_NO_MEMORY : E_OK;
}

/* One word; or a key file, which the vendor's manifest looks at when the configuration is tried. */
static bool could_be_secret(struct span s)
{
    if (!span_starts(s, SPAN("{")))
        return s.len && s.len <= SECRET_LONGEST && text_is_printable(s);
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] == '\0')
            return false;
    return s.len <= KEY_FILE_LONGEST;
}

static enum err check_secret(struct change *c, const struct node *given, const char *field)
{
    if (given->kind != NODE_SCALAR || !given->quoted)
        return change_say(c, E_CONFIG, field, "allowed: the secret, as text");
    if (!could_be_secret(given->text))
        return change_say(c, E_CONFIG, field, "not shown here, but not a secret; allowed: 1 to 4096 printable characters without blanks");
    if (span_find(given->text, SPAN("${")) >= 0)
        return change_say(c, E_CONFIG, field, "references (${...}) are read in the file only; allowed: the secret itself");
    return E_OK;
}

/* Takes the plain text out of what is stored, and the file's out of what counts. */
static void drop_plain(struct change *c, const char *field)
{
    edit_drop(c->stored, field);
    if (node_get(c->file, field))
        edit_set(c->a, c->stored, field, edit_null(c->a));
}

static enum err seal_credential(struct change *c, const struct node *next)
{
    const struct node *given = change_member(c->body, SPAN("secret"));
    struct span vendor = change_text(next, "vendor"), before = change_text(c->now, "vendor");
    if (!given && c->now && !span_is(vendor, before))
        return change_say(c, E_CONFIG, "vendor", "a secret is bound to its vendor; allowed: another vendor together with its secret");
    if (!given)
        return E_OK;
    enum err e = check_secret(c, given, "secret");
    if (e)
        return e;
    drop_plain(c, "secret");
    return seal_text(c, "sealed", config_secret_bound(c->id, vendor, c->a), given->text);
}

/* It may be taken away; and with another vendor the old one is nobody's. */
static enum err seal_hook(struct change *c, const struct node *next)
{
    const struct node *given = change_member(c->body, SPAN("hook_secret"));
    struct span vendor = change_text(next, "vendor");
    if (!given && (!c->now || span_is(vendor, change_text(c->now, "vendor"))))
        return E_OK;
    if (!given || given->kind == NODE_NULL) {
        edit_drop(c->stored, "hook_sealed");
        drop_plain(c, "hook_secret");
        return E_OK;
    }
    enum err e = check_secret(c, given, "hook_secret");
    if (e)
        return e;
    drop_plain(c, "hook_secret");
    return seal_text(c, "hook_sealed", config_hook_bound(c->id, vendor, c->a), given->text);
}

/* A Slack address is shown masked; whoever sends that back leaves it as it is. */
static bool is_mask(struct change *c, const struct node *given)
{
    struct span now = change_text(c->now, "slack");
    bool sealed = node_get(c->now, "sealed") != NULL;
    return now.at && given->kind == NODE_SCALAR && span_is(given->text, sealed ? now : alert_mask(now, c->a));
}

static void keep_slack(struct change *c)
{
    const struct node *now = node_get(c->now, "slack");
    edit_drop(c->stored, "slack");
    if (node_get(c->now, "sealed"))
        edit_set(c->a, c->stored, "slack", now);
}

/* A password goes to its server only: the same endpoint with another server wants it again. */
static enum err keep_alert_secret(struct change *c, enum alert_kind kind, const struct node *next)
{
    enum alert_kind before = kind;
    bool had = node_get(c->now, "password") || node_get(c->now, "sealed");
    bool same = !c->now || (alert_kind_of(c->now, &before) && before == kind && span_is(change_text(next, "smtp"), change_text(c->now, "smtp")));
    if (same || !had)
        return E_OK;
    if (before == ALERT_SMTP && kind == ALERT_SMTP)
        return change_say(c, E_CONFIG, "smtp", "a password is bound to its server; allowed: another server together with its password");
    edit_drop(c->stored, "sealed");
    return E_OK;
}

static enum err seal_alert(struct change *c, const struct node *next)
{
    enum alert_kind kind;
    if (!alert_kind_of(next, &kind))
        return E_OK; /* the load says what is wrong with it */
    const char *field = alert_secret_field(kind);
    const struct node *given = change_member(c->body, span_of(field));
    if (given && kind == ALERT_SLACK && is_mask(c, given)) {
        keep_slack(c);
        return E_OK;
    }
    if (!given)
        return keep_alert_secret(c, kind, next);
    if (given->kind == NODE_NULL) {
        edit_drop(c->stored, "sealed");
        return E_OK;
    }
    enum err e = check_secret(c, given, field);
    if (e)
        return e;
    drop_plain(c, field);
    if (kind == ALERT_SLACK)
        edit_set(c->a, c->stored, field, edit_text(c->a, alert_mask(given->text, c->a)));
    return seal_text(c, "sealed", alert_secret_bound(c->id, kind, next, c->a), given->text);
}

/* An export's secret goes to its address only, as the one of a mail server does. */
static enum err seal_export(struct change *c, const struct node *next)
{
    const struct node *given = change_member(c->body, SPAN("secret"));
    struct span bound = export_secret_bound(c->id, next, c->a);
    bool had = node_get(c->now, "secret") || node_get(c->now, "sealed");
    if (!given && c->now && had && !span_is(bound, export_secret_bound(c->id, c->now, c->a)))
        return change_say(c, E_CONFIG, "secret", "a secret is bound to its kind and address; allowed: another one together with its secret");
    if (!given)
        return E_OK;
    if (given->kind == NODE_NULL) {
        edit_drop(c->stored, "sealed");
        return E_OK;
    }
    enum err e = check_secret(c, given, "secret");
    if (e)
        return e;
    drop_plain(c, "secret");
    return seal_text(c, "sealed", bound, given->text);
}

enum err change_seal(struct change *c, const struct node *next)
{
    if (c->kind == KIND_ALERT)
        return seal_alert(c, next);
    if (c->kind == KIND_EXPORT)
        return seal_export(c, next);
    enum err e = c->kind == KIND_CREDENTIAL ? seal_credential(c, next) : E_OK;
    return e || c->kind != KIND_CREDENTIAL ? e : seal_hook(c, next);
}

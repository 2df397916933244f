/* SPDX-License-Identifier: Apache-2.0
 * remote.c - what alerts and exports have in common: an address that something is sent to, and a secret that goes with it. */
#include "base/text.h"
#include "config/parts.h"

enum { URL_LONGEST = 2048, SECRET_LONGEST = 4096, SEALED_LONGEST = SECRET_LONGEST + 256 };

/* ---- addresses ---- */

bool remote_is_here(struct span host)
{
    struct network four, six;
    must(network_parse(SPAN("127.0.0.0/8"), &four) && network_parse(SPAN("::1"), &six));
    return span_is(host, SPAN("localhost")) || span_ends(host, SPAN(".localhost")) || network_has(&four, host) || network_has(&six, host);
}

bool remote_visible(struct span text)
{
    return text.len <= URL_LONGEST && text_is_printable(text) && span_find_byte(text, '#') < 0 && span_find_byte(text, '\\') < 0;
}

/* "scheme://host:port" of a URL, and what stands behind it. */
static bool split_url(struct span text, struct arena *a, struct base_url *out)
{
    ptrdiff_t start = span_find(text, SPAN("://"));
    size_t end = start < 0 ? 0 : (size_t)start + 3;
    while (start >= 0 && end < text.len && text.at[end] != '/' && text.at[end] != '?')
        end++;
    return start > 0 && remote_visible(text) && base_url_parse(span_first(text, end), a, out);
}

static bool say(struct load *l, const struct node *at, struct path *p, const char *field, const char *text)
{
    trouble_say(l->t, at, path_with(p, field), "%s", text);
    return false;
}

/* Never shows the address: that of Slack is a secret, and others carry one in their query. */
bool remote_url(struct load *l, const struct node *n, struct path *p, const char *field, struct span url, bool plain)
{
    struct base_url parts;
    const struct node *at = node_get(n, field + 1) ? node_get(n, field + 1) : n;
    if (!split_url(url, &l->scratch, &parts))
        return say(l, at, p, field, "is no address to send to; allowed: https://host/path (http:// to this machine, or with plain: true)");
    if (!parts.https && !plain && !remote_is_here(parts.host))
        return say(l, at, p, field, "would send in the clear; allowed: https://, or plain: true beside it");
    return true;
}

/* ---- secrets ---- */

static bool put_secret(struct load *l, const struct node *n, struct path *p, const char *field, struct span plain, size_t shortest, struct span *out)
{
    if (plain.len < shortest || plain.len > SECRET_LONGEST || !text_is_printable(plain)) {
        trouble_say(l->t, n, path_with(p, field), "not shown here, but it cannot be used; allowed: %zu to %d printable characters without blanks", shortest, SECRET_LONGEST);
        return false;
    }
    char *room = load_secret(l, plain.len);
    if (!room)
        return false;
    memcpy(room, plain.at, plain.len);
    *out = span_make(room, plain.len);
    return true;
}

static bool open_sealed(struct load *l, const struct node *n, struct path *p, const char *field, struct span text, struct span bound, size_t shortest, struct span *out)
{
    struct buf plain;
    struct span sealed = text_base64_decode(text, &l->scratch);
    bool good = false;
    buf_init(&plain, SEALED_LONGEST);
    /* All its room at once, so that no copy stays behind. */
    bool room = buf_reserve(&plain, SEALED_LONGEST) != NULL;
    if (room && sealed.at && bound.at && sealed.len <= SEALED_LONGEST && unseal(&plain, l->seal_key.bytes, bound, sealed))
        good = put_secret(l, n, p, field, buf_span(&plain), shortest, out);
    else
        say(l, n, p, field, "its sealed secret does not open: another master key, another name or server, or damaged; allowed: give it again");
    if (plain.at)
        secret_wipe(plain.at, plain.room);
    buf_free(&plain);
    return good;
}

bool remote_secret(struct load *l, const struct node *n, struct path *p, const char *field, struct span bound, size_t shortest, struct span *out)
{
    struct span sealed = SPAN_NONE, plain = SPAN_NONE;
    if (!node_span(node_get(n, "sealed"), path_with(p, ".sealed"), &sealed, l->t) || !node_span(node_get(n, field + 1), path_with(p, field), &plain, l->t))
        return false;
    if (sealed.at)
        return open_sealed(l, n, p, field, sealed, bound, shortest, out);
    return plain.at ? put_secret(l, n, p, field, plain, shortest, out) : true;
}

size_t remote_secret_room(const struct entries *es, const char *field)
{
    size_t room = 0;
    for (size_t i = 0; i < es->count; i++) {
        const struct node *secret = node_get(es->list[i].file, field);
        room += 5 + es->list[i].body.len + (secret && secret->kind == NODE_SCALAR ? secret->text.len : 0);
    }
    return room;
}

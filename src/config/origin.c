/* SPDX-License-Identifier: Apache-2.0
 * origin.c - takes a base URL apart. Strict: what two readers could take for different hosts is refused, since secrets
 * are sent there. */
#include "config/parts.h"

#include "base/text.h"

enum { HOST_LONGEST = 253 };

static bool host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static bool name_ok(struct span host)
{
    if (!host.len || host.len > HOST_LONGEST || host.at[0] == '.' || host.at[0] == '-')
        return false;
    for (size_t i = 0; i < host.len; i++)
        if (!host_byte(host.at[i]) || (host.at[i] == '.' && i && host.at[i - 1] == '.'))
            return false;
    return true;
}

/* "name", "name:port", "[v6]", "[v6]:port" */
static bool split_authority(struct span authority, struct span *host, struct span *port)
{
    struct network net;
    *host = authority;
    *port = SPAN_NONE;
    if (authority.len && authority.at[0] == '[') {
        struct span rest = span_from(authority, 1);
        if (!span_cut(&rest, ']', host) || !network_parse(*host, &net) || span_find_byte(*host, '/') >= 0)
            return false;
        if (!rest.len)
            return true;
        *port = span_from(rest, 1);
        return rest.at[0] == ':';
    }
    struct span rest = authority;
    if (span_cut(&rest, ':', host))
        *port = rest;
    return name_ok(*host);
}

static bool path_ok(struct span path)
{
    for (size_t i = 0; i < path.len; i++) {
        char c = path.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || span_find_byte(SPAN("/-._~"), c) >= 0;
        if (!plain)
            return false;
    }
    return span_find(path, SPAN("//")) < 0 && span_find(path, SPAN("/.")) < 0;
}

bool base_url_parse(struct span text, struct arena *a, struct base_url *out)
{
    struct span rest, authority, port;
    uint64_t number;
    out->https = span_starts(text, SPAN("https://"));
    if (!out->https && !span_starts(text, SPAN("http://")))
        return false;
    rest = span_from(text, out->https ? 8 : 7);
    ptrdiff_t slash = span_find_byte(rest, '/');
    authority = slash < 0 ? rest : span_first(rest, (size_t)slash);
    out->path = slash < 0 ? SPAN("") : span_from(rest, (size_t)slash);
    if (!path_ok(out->path))
        return false;
    if (span_ends(out->path, SPAN("/")))
        out->path.len--;
    authority = text_lower_copy(authority, a);
    if (!authority.at || !split_authority(authority, &out->host, &port))
        return false;
    out->port = out->https ? 443 : 80;
    if (!port.at)
        return true;
    if (!span_to_u64(port, &number) || number < 1 || number > UINT16_MAX)
        return false;
    out->port = (uint16_t)number;
    return true;
}

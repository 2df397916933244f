/* SPDX-License-Identifier: Apache-2.0
 * links.c - absolute links in a vendor's answers: what an SDK follows must not lead around the gate. */
#include "vendor/manifest.h"

bool vendor_rewrites_links(const struct vendor *v) { return v->manifest->rewrite_links; }

/* A link ends its host here: "https://api.twilio.com.example" is somebody else's. */
static bool host_ends(struct span rest) { return rest.len == 0 || (*rest.at != '.' && *rest.at != '-' && *rest.at != ':' && *rest.at != '@'); }

static const struct origin *origin_at(const struct manifest *m, struct span text)
{
    for (size_t i = 0; i < m->origin_count; i++) {
        const struct origin *o = &m->origins[i];
        if (o->public_url.len && span_starts(text, o->public_url) && host_ends(span_from(text, o->public_url.len)))
            return o;
    }
    return NULL;
}

void vendor_rewrite_links(const struct vendor *v, struct span gate, struct span body, struct buf *out)
{
    for (;;) {
        ptrdiff_t at = span_find(body, SPAN("https://"));
        if (at < 0)
            break;
        buf_put(out, span_first(body, (size_t)at));
        body = span_from(body, (size_t)at);
        const struct origin *o = origin_at(v->manifest, body);
        size_t taken = o ? o->public_url.len : strlen("https://");
        if (o) {
            buf_put(out, gate);
            buf_put(out, o->prefix);
        } else {
            buf_put(out, span_first(body, taken));
        }
        body = span_from(body, taken);
    }
    buf_put(out, body);
}

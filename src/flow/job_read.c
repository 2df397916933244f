/* SPDX-License-Identifier: Apache-2.0
 * job_read.c - see job_read.h. */
#include "flow/job_read.h"

#include "base/text.h"
#include "dialect/video_job.h"
#include "flow/steps.h"

enum { WORD_MOST = 200 };

static bool word_ok(struct span word)
{
    for (size_t i = 0; i < word.len; i++) {
        char c = word.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        if (!plain)
            return false;
    }
    return word.len > 0 && word.len <= WORD_MOST && word.at[0] != '.';
}

/* "models/<model>/operations/<id>" */
static bool is_operation(struct span id)
{
    struct span models, model, operations;
    return span_cut(&id, '/', &models) && span_cut(&id, '/', &model) && span_cut(&id, '/', &operations) && span_is(models, SPAN("models")) &&
           span_is(operations, SPAN("operations")) && word_ok(model) && word_ok(id);
}

/* SDKs write a slash in an id as %2F, which no path may have here: so a colon may stand for it. SPAN_NONE: a broken escape. */
static struct span name_of(struct span said, struct arena *a)
{
    struct span id = text_percent_decode(said, false, a);
    char *at = id.at ? arena_take(a, id.len + 1) : NULL;
    for (size_t i = 0; at && i < id.len; i++)
        at[i] = id.at[i] == ':' ? '/' : id.at[i];
    return at ? span_make(at, id.len) : SPAN_NONE;
}

bool job_id_ok(struct span id)
{
    struct arena a;
    arena_init(&a, 8192);
    struct span plain = id.len <= 1024 ? name_of(id, &a) : SPAN_NONE;
    bool good = plain.at && (word_ok(plain) || is_operation(plain));
    arena_free(&a);
    return good;
}

/* ---- whose is it? ---- */

static bool serves(const struct upstream *u, struct span path, struct matched *hit)
{
    return u->llm && vendor_match(&u->vendor, SPAN("GET"), path, hit) && hit->operation->results;
}

static bool made_here(const struct exchange *x, const struct credential *c, struct span object)
{
    return made_find(x->desk->made, c->upstream->vendor.slug, c->name, object, NULL, &(struct made_object){ 0 });
}

/* The vendor at which a call of ours made it; else the first of the key's that could have. */
static const struct upstream *find_vendor(const struct exchange *x, struct span path, struct span object)
{
    const struct key *key = x->deciding.key;
    const struct upstream *first = NULL;
    struct matched hit;
    for (size_t i = 0; i < key->credential_count; i++) {
        const struct credential *c = key->credentials[i];
        if (c->disabled || (x->deciding.upstream && x->deciding.upstream != c->upstream) || !serves(c->upstream, path, &hit))
            continue;
        if (made_here(x, c, object))
            return c->upstream;
        first = first ? first : c->upstream;
    }
    return first;
}

static struct span last_word(struct span id)
{
    size_t at = id.len;
    while (at > 0 && id.at[at - 1] != '/')
        at--;
    return span_from(id, at);
}

enum next job_direct(struct exchange *x)
{
    struct speaking *s = &x->speaking;
    struct span id = name_of(s->model_in_path, &x->arena);
    struct span path = id.at ? arena_print(&x->arena, "%s%.*s", is_operation(id) ? "/v1beta/" : "/v1/videos/", SPAN_ARG(id)) : SPAN_NONE;
    if (!path.at)
        return fail(x, E_NO_MEMORY, "no memory for this call");
    s->front = NULL; /* from here on it is the vendor's own path */
    s->job = id;
    x->deciding.upstream = find_vendor(x, path, last_word(id));
    if (!x->deciding.upstream || !serves(x->deciding.upstream, path, &x->deciding.matched))
        return fail(x, E_OPERATION_DENIED, "key %.*s has no credential for a vendor that has videos by such ids; known are OpenAI's (video_...) and Google's (models:...:operations:...)",
            SPAN_ARG(x->deciding.key->name));
    x->facts.vendor = x->deciding.upstream->vendor.slug;
    s->path = path;
    note_operation(x);
    return NEXT;
}

/* ---- in which words? ---- */

static int64_t made_at(struct exchange *x)
{
    struct made_object found;
    return made_find(x->desk->made, x->facts.vendor, x->deciding.credential->name, last_word(x->speaking.job), NULL, &found) ? found.at : 0;
}

static bool write_words(struct exchange *x, struct buf *out)
{
    struct span body = buf_span(&x->answering.body);
    bool google = is_operation(x->speaking.job);
    if (x->answering.status >= 400)
        return google && video_job_fault(x->desk->json, body, &x->arena, out);
    return google ? video_job_of_operation(x->desk->json, body, x->speaking.job, made_at(x), &x->arena, out)
                  : video_job_write(x->desk->json, body, &x->arena, out);
}

/* An error that is none of Google's, or is OpenAI's already, stays as it came. */
enum next job_reword(struct exchange *x)
{
    struct answering *a = &x->answering;
    struct buf *out = &x->desk->scratch;
    if (x->fault != E_OK || !a->head || a->mode != RELAY_HOLD || !a->tapped_whole)
        return NEXT;
    buf_clear(out);
    bool written = write_words(x, out);
    if (!written && a->status >= 400)
        return NEXT;
    if (!written || out->broken || x->arena.broken) {
        (void)fail(x, E_UPSTREAM_BROKEN, "%.*s answered with something that is no video's job", SPAN_ARG(x->facts.vendor));
        return NEXT;
    }
    buf_clear(&a->body);
    buf_put(&a->body, buf_span(out));
    return NEXT;
}

/* SPDX-License-Identifier: Apache-2.0
 * kept.c - see kept.h. Before it is sealed, all of it is a row of texts (base/packed.h). */
#include "flow/kept.h"
#include "base/packed.h"

enum { KEPT_CEILING = 8 << 20, FIELDS_MOST = 1000, REQUEST_TEXTS = 9 };

static void put_number(struct buf *b, int64_t n) { packed_put(b, span_make((const char *)&n, sizeof(n))); }

static bool get_number(struct span *rest, int64_t *out)
{
    struct span text;
    if (!packed_take(rest, &text) || text.len != sizeof(*out))
        return false;
    memcpy(out, text.at, sizeof(*out));
    return true;
}

static void put_fields(struct buf *b, const struct http_field *fields, size_t count)
{
    put_number(b, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        packed_put(b, fields[i].name);
        packed_put(b, fields[i].value);
    }
}

static bool get_fields(struct span *rest, struct arena *a, struct http_field **fields, size_t *count)
{
    int64_t n;
    if (!get_number(rest, &n) || n < 0 || n > FIELDS_MOST)
        return false;
    *count = (size_t)n;
    *fields = ARENA_ARRAY(a, struct http_field, *count + 1);
    for (size_t i = 0; *fields && i < *count; i++)
        if (!packed_take(rest, &(*fields)[i].name) || !packed_take(rest, &(*fields)[i].value))
            return false;
    return *fields != NULL;
}

/* Takes `plain`, which held content, and wipes it. */
static struct span close_up(const struct snapshot *s, struct span bound, struct buf *plain, struct arena *a)
{
    struct buf sealed;
    struct span out = SPAN_NONE;
    buf_init(&sealed, KEPT_CEILING);
    if (!plain->broken)
        seal(&sealed, s->keep_key.bytes, bound, buf_span(plain));
    if (!plain->broken && !sealed.broken)
        out = arena_copy(a, buf_span(&sealed));
    if (plain->at)
        secret_wipe(plain->at, plain->len);
    buf_free(plain);
    buf_free(&sealed);
    return out;
}

static struct span open_up(const struct snapshot *s, struct span bound, struct span sealed, struct arena *a)
{
    struct buf plain;
    struct span out = SPAN_NONE;
    buf_init(&plain, KEPT_CEILING);
    if (unseal(&plain, s->keep_key.bytes, bound, sealed))
        out = arena_copy(a, buf_span(&plain));
    if (plain.at)
        secret_wipe(plain.at, plain.len);
    buf_free(&plain);
    return out;
}

static struct span name_of(const struct digest *once) { return span_make((const char *)once->bytes, DIGEST_LEN); }
static struct span name_of_call(const uint64_t *call) { return span_make((const char *)call, sizeof(*call)); }

struct span kept_seal(const struct snapshot *s, const struct digest *once, const struct kept_answer *answer, struct arena *a)
{
    struct buf plain;
    buf_init(&plain, KEPT_CEILING);
    put_number(&plain, answer->status);
    put_fields(&plain, answer->fields, answer->count);
    packed_put(&plain, answer->body);
    return close_up(s, name_of(once), &plain, a);
}

bool kept_open(const struct snapshot *s, const struct digest *once, struct span sealed, struct arena *a, struct kept_answer *out)
{
    int64_t status;
    struct span rest = open_up(s, name_of(once), sealed, a);
    if (!rest.at || !get_number(&rest, &status) || !get_fields(&rest, a, &out->fields, &out->count) || !packed_take(&rest, &out->body))
        return false;
    out->status = (int)status;
    return true;
}

/* Its texts, in the order in which they stand. */
static void texts_of(struct kept_request *r, struct span *texts[REQUEST_TEXTS])
{
    struct span *list[] = { &r->key_id, &r->vendor, &r->credential, &r->method, &r->path, &r->query, &r->body, &r->upstream_key, &r->asked };
    memcpy(texts, list, sizeof(list));
}

struct span kept_seal_request(const struct snapshot *s, uint64_t call, const struct kept_request *request, struct arena *a)
{
    struct span *texts[REQUEST_TEXTS];
    struct kept_request r = *request;
    struct buf plain;
    buf_init(&plain, KEPT_CEILING);
    texts_of(&r, texts);
    put_number(&plain, r.sent_at);
    for (int i = 0; i < REQUEST_TEXTS; i++)
        packed_put(&plain, *texts[i]);
    put_fields(&plain, r.fields, r.count);
    packed_put(&plain, r.object);
    return close_up(s, name_of_call(&call), &plain, a);
}

bool kept_open_request(const struct snapshot *s, uint64_t call, struct span sealed, struct arena *a, struct kept_request *out)
{
    struct span *texts[REQUEST_TEXTS];
    struct span rest = open_up(s, name_of_call(&call), sealed, a);
    texts_of(out, texts);
    if (!rest.at || !get_number(&rest, &out->sent_at))
        return false;
    for (int i = 0; i < REQUEST_TEXTS; i++)
        if (!packed_take(&rest, texts[i]))
            return false;
    if (!get_fields(&rest, a, &out->fields, &out->count))
        return false;
    return !rest.len || packed_take(&rest, &out->object); /* those of before have none */
}

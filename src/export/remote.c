/* SPDX-License-Identifier: Apache-2.0
 * remote.c - a batch handed to a receiver by HTTP: a webhook (signed as alerts are), a bucket (signed by SigV4), a collector of traces.
 *
 * Before a batch goes out for the first time, which rows it has and when it was made stand in the store. So after a crash, or an answer
 * that was lost, the same rows go again under the same name: a webhook sees the same delivery, a bucket the same object. */
#include "export/inside.h"

#include <stdio.h>

#include "base/sigv4.h"
#include "base/text.h"
#include "http/deliver.h"
#include "route/route.h"

enum { FIELDS_MOST = 12, TRY_MEMORY = 1 << 20 };

struct request {
    struct arena *a;
    const struct export_rule *rule;
    const struct settings *settings;
    int64_t now;
    struct span method, url, body, type;
    struct http_field fields[FIELDS_MOST];
    size_t count;
};

static void put(struct request *q, struct span name, struct span value)
{
    must(q->count < FIELDS_MOST);
    q->fields[q->count++] = (struct http_field){ name, value };
}

/* ---- S3 ---- */

/* "https://host" into its parts; a bucket stands before the host, or in the path. */
static struct span bucket_host(struct request *q)
{
    const struct export_rule *e = q->rule;
    ptrdiff_t at = span_find(e->url, SPAN("://"));
    struct span host = span_from(e->url, (size_t)at + 3);
    return e->path_style ? host : arena_print(q->a, "%.*s.%.*s", SPAN_ARG(e->bucket), SPAN_ARG(host));
}

/* sigv4_sign writes lines; here fields are a list. */
static void put_lines(struct request *q, struct span lines)
{
    struct span rest = lines, line, name;
    while (span_next(&rest, '\n', &line)) {
        if (span_ends(line, SPAN("\r")))
            line.len--;
        if (span_cut(&line, ':', &name))
            put(q, name, span_trim(line));
    }
}

static void sign_s3(struct request *q, struct span path, struct span host)
{
    struct buf lines;
    struct sigv4 s = { .key_id = q->rule->key_id, .secret = q->rule->secret, .region = q->rule->region, .service = SPAN("s3"), .method = q->method, .path = path,
        .query = SPAN(""), .host = host, .type = q->type, .body = digest_sha256(q->body), .now_ms = q->now };
    buf_init(&lines, 2 * SIGV4_SECRET + 2048);
    sigv4_sign(&lines, &s);
    struct span copy = lines.broken ? SPAN_NONE : arena_copy(q->a, buf_span(&lines));
    q->a->broken = q->a->broken || !copy.at;
    put_lines(q, copy.at ? copy : SPAN(""));
    buf_free(&lines);
}

/* Of an object: its path is made of characters that need no escape. */
static void aim_s3(struct request *q, struct span key)
{
    const struct export_rule *e = q->rule;
    struct span host = bucket_host(q), slash = e->prefix.len ? SPAN("/") : SPAN("");
    struct span path = e->path_style ? arena_print(q->a, "/%.*s/%.*s%.*s%.*s", SPAN_ARG(e->bucket), SPAN_ARG(e->prefix), SPAN_ARG(slash), SPAN_ARG(key))
                                     : arena_print(q->a, "/%.*s%.*s%.*s", SPAN_ARG(e->prefix), SPAN_ARG(slash), SPAN_ARG(key));
    bool secure = span_starts(e->url, SPAN("https://"));
    q->url = arena_print(q->a, "%s%.*s%.*s", secure ? "https://" : "http://", SPAN_ARG(host), SPAN_ARG(path));
    q->method = SPAN("PUT");
    put(q, SPAN("content-type"), q->type);
    sign_s3(q, path, host);
}

/* "2026/11/21/120000-000000000000-000000004711.jsonl.gz": names sort by time and number */
static struct span object_key(struct request *q, const struct batch *b)
{
    char text[TIME_TEXT];
    struct span t = text_time(b->made_at, text);
    return arena_print(q->a, "%.4s/%.2s/%.2s/%.2s%.2s%.2s-%012lld-%012lld.%s.gz", t.at, t.at + 5, t.at + 8, t.at + 11, t.at + 14, t.at + 17, (long long)b->from,
        (long long)b->to, q->rule->format == EXPORT_CSV ? "csv" : "jsonl");
}

/* ---- the others ---- */

static void authorize_langfuse(struct request *q)
{
    struct buf basic;
    struct span pair = arena_print(q->a, "%.*s:%.*s", SPAN_ARG(q->rule->key_id), SPAN_ARG(q->rule->secret));
    buf_init(&basic, 16384);
    buf_put(&basic, SPAN("Basic "));
    buf_put_base64(&basic, pair.at ? pair : SPAN(""));
    put(q, SPAN("authorization"), arena_copy(q->a, buf_span(&basic)));
    if (basic.at)
        secret_wipe(basic.at, basic.room);
    buf_free(&basic);
}

static void authorize(struct request *q)
{
    const struct export_rule *e = q->rule;
    if (e->kind == EXPORT_LANGFUSE)
        authorize_langfuse(q);
    else if (e->kind == EXPORT_OTLP && e->secret.len && e->header.at)
        put(q, e->header, e->secret);
    else if (e->kind == EXPORT_OTLP && e->secret.len)
        put(q, SPAN("authorization"), arena_print(q->a, "Bearer %.*s", SPAN_ARG(e->secret)));
}

static void aim_webhook(struct request *q, struct span delivery)
{
    put(q, SPAN("x-tollgate-event"), SPAN("export"));
    put(q, SPAN("x-tollgate-delivery"), delivery);
    put(q, SPAN("x-tollgate-signature"), deliver_signature(q->a, q->rule->secret, q->now, q->body));
}

static void aim(struct request *q, struct span key, struct span delivery)
{
    const struct export_rule *e = q->rule;
    put(q, SPAN("user-agent"), SPAN("Tollgate"));
    if (e->kind == EXPORT_S3) {
        aim_s3(q, key);
        return;
    }
    q->url = e->url;
    q->method = SPAN("POST");
    put(q, SPAN("content-type"), q->type);
    if (e->gzip)
        put(q, SPAN("content-encoding"), SPAN("gzip"));
    if (e->kind == EXPORT_WEBHOOK)
        aim_webhook(q, delivery);
    authorize(q);
}

static struct span type_of(const struct export_rule *e)
{
    bool lines = e->kind == EXPORT_WEBHOOK && e->format == EXPORT_JSONL;
    return e->kind == EXPORT_S3 ? SPAN("application/gzip") : lines ? SPAN("application/jsonl") : SPAN("application/json");
}

static enum err send_it(struct request *q, const atomic_bool *cancel, struct fetch_answer *answer, char why[256])
{
    struct delivery d = { q->method, q->url, q->fields, q->count, q->body, q->settings->ca_file, SEND_MS, cancel };
    if (q->a->broken) {
        snprintf(why, 256, "out of memory");
        return E_NO_MEMORY;
    }
    return deliver(q->a, &d, answer, why);
}

/* ---- a batch ---- */

static struct span field(const struct fetch_answer *answer, struct span name)
{
    for (size_t i = 0; i < answer->count; i++)
        if (span_is(answer->fields[i].name, name))
            return answer->fields[i].value;
    return SPAN_NONE;
}

/* OTLP: "partialSuccess" says how many spans were thrown away; they must not come again. */
static void note_rejected(struct round *r, const struct fetch_answer *answer)
{
    struct json_value root;
    struct span count;
    const char *why;
    if (r->rule->kind != EXPORT_OTLP && r->rule->kind != EXPORT_LANGFUSE)
        return;
    if (!answer->body.len || json_parse(r->json, answer->body, false, &root, &why) != E_OK)
        return;
    count = json_decimal(json_path(root, SPAN("partialSuccess.rejectedSpans")), r->arena);
    if (count.at && !span_to_i64(count, &r->rejected))
        r->rejected = 0;
}

static void heed(struct round *r, const struct fetch_answer *answer)
{
    r->too_large = answer->status == 413;
    r->retry_ms = retry_asked_ms(field(answer, SPAN("retry-after-ms")), field(answer, SPAN("x-ms-retry-after-ms")), field(answer, SPAN("retry-after")), r->now);
}

static enum err intend(struct round *r)
{
    const struct batch *b = r->batch;
    char note[NOTE_MOST];
    snprintf(note, sizeof(note), "%lld %lld", (long long)b->next, (long long)b->made_at);
    if (strcmp(note, r->note) == 0)
        return E_OK;
    struct store_export to = { r->place->position, r->place->at, span_of(note) };
    enum err e = store_export_move(r->store, r->rule->name, r->place->position, &to);
    if (e && e != E_CONFLICT)
        snprintf(r->why, sizeof(r->why), "the store cannot note what is about to be sent");
    return e;
}

static enum err send_batch(struct round *r, struct request *q)
{
    const struct batch *b = r->batch;
    struct fetch_answer answer = { .status = 0 };
    q->type = type_of(r->rule);
    aim(q, object_key(q, b), arena_print(q->a, "%.*s:%lld-%lld", SPAN_ARG(r->rule->name), (long long)b->from, (long long)b->to));
    enum err e = send_it(q, r->cancel, &answer, r->why);
    if (e == E_OK)
        note_rejected(r, &answer);
    else
        heed(r, &answer);
    return e;
}

enum err remote_deliver(struct round *r)
{
    struct arena a;
    struct buf packed;
    arena_init(&a, TRY_MEMORY);
    buf_init(&packed, BODY_MOST);
    struct request q = { .a = &a, .rule = r->rule, .settings = r->settings, .now = r->now, .body = buf_span(&r->batch->body) };
    enum err e = intend(r);
    if (!e && r->rule->gzip) {
        e = gzip_text(q.body, &packed) ? E_OK : E_NO_MEMORY;
        q.body = buf_span(&packed);
        snprintf(r->why, sizeof(r->why), "out of memory");
    }
    if (!e)
        e = send_batch(r, &q);
    if (!e)
        r->note[0] = '\0';
    buf_free(&packed);
    arena_free(&a);
    return e;
}

/* ---- the test ---- */

/* A bucket gets an object of no rows, and is asked to throw it away again; whether it may is not what is tested. */
static enum err take_away(struct request *q, const atomic_bool *cancel)
{
    struct fetch_answer ignored;
    char why[256];
    struct request d = { .a = q->a, .rule = q->rule, .settings = q->settings, .now = q->now, .body = SPAN(""), .type = SPAN_NONE };
    put(&d, SPAN("user-agent"), SPAN("Tollgate"));
    d.url = q->url;
    d.method = SPAN("DELETE");
    struct span host = bucket_host(&d), rest = span_from(d.url, (size_t)span_find(d.url, SPAN("://")) + 3);
    sign_s3(&d, span_from(rest, host.len), host);
    return send_it(&d, cancel, &ignored, why);
}

enum err export_test(const struct export_rule *rule, const struct settings *s, int64_t now_ms, const atomic_bool *cancel, char why[256])
{
    struct arena a;
    struct batch b;
    struct buf packed;
    struct fetch_answer answer = { .status = 0 };
    why[0] = '\0';
    if (rule->kind == EXPORT_FILE)
        return file_test(rule, why);
    arena_init(&a, TRY_MEMORY);
    buf_init(&packed, BODY_MOST);
    rows_init(&b, rule);
    rows_empty(&b);
    struct request q = { .a = &a, .rule = rule, .settings = s, .now = now_ms, .body = buf_span(&b.body), .type = type_of(rule) };
    bool good = !rule->gzip || gzip_text(q.body, &packed);
    q.body = rule->gzip ? buf_span(&packed) : q.body;
    aim(&q, SPAN("tollgate-test.gz"), arena_print(&a, "%.*s:test", SPAN_ARG(rule->name)));
    enum err e = good ? send_it(&q, cancel, &answer, why) : E_NO_MEMORY;
    if (e == E_OK && rule->kind == EXPORT_S3)
        (void)take_away(&q, cancel);
    rows_free(&b);
    buf_free(&packed);
    arena_free(&a);
    return e;
}

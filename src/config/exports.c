/* SPDX-License-Identifier: Apache-2.0
 * exports.c - which rows of the audit chain go where by themselves: files, buckets, webhooks, traces. How they get there: export/.
 *
 * A field that belongs to another kind would be ignored: it is refused. Files stay below DATA/exports, or a directory that the
 * configuration file (never the API) allows. */
#include <stdio.h>

#include "base/text.h"
#include "config/parts.h"
#include "store/store.h"

enum { EXPORTS_MOST = 16, DIRS_MOST = 16, WORDS_MOST = 64, SECRET_SHORTEST = 8, TEXT_LONGEST = 256, PREFIX_LONGEST = 512 };
#define SECOND INT64_C(1000)
#define DAY (24 * 3600 * SECOND)
#define MIB (INT64_C(1) << 20)

static const char *const kind_names[] = { "file", "s3", "webhook", "otlp", "langfuse", NULL };
#define K(kind) (1u << EXPORT_##kind)
#define TRACES (K(OTLP) | K(LANGFUSE))

/* Fields that not every kind has. */
static const struct {
    const char *field;
    unsigned kinds;
} owned[] = {
    { "url", K(WEBHOOK) | TRACES }, { "plain", K(S3) | K(WEBHOOK) | TRACES }, { "secret", K(S3) | K(WEBHOOK) | TRACES }, { "key_id", K(S3) },
    { "public_key", K(LANGFUSE) }, { "header", K(OTLP) }, { "bucket", K(S3) }, { "region", K(S3) }, { "endpoint", K(S3) }, { "path_style", K(S3) },
    { "prefix", K(S3) }, { "dir", K(FILE) }, { "format", K(FILE) | K(S3) | K(WEBHOOK) }, { "gzip", K(FILE) | K(WEBHOOK) | TRACES },
    { "proof", K(FILE) | K(S3) | K(WEBHOOK) }, { "rotate_bytes", K(FILE) }, { "rotate_every", K(FILE) }, { "keep_files", K(FILE) }, { "keep_bytes", K(FILE) },
};

/* What a batch is when nothing is said. */
static const struct {
    int64_t rows, bytes, every;
} usual[] = {
    [EXPORT_FILE] = { 1000, MIB, SECOND }, [EXPORT_S3] = { 50000, 16 * MIB, 60 * SECOND }, [EXPORT_WEBHOOK] = { 500, MIB, 5 * SECOND },
    [EXPORT_OTLP] = { 500, 2 * MIB, 5 * SECOND }, [EXPORT_LANGFUSE] = { 200, MIB, 5 * SECOND },
};

struct reading {
    struct load *l;
    const struct node *n;
    struct path path;
    struct export_rule *out;
    bool plain;
};

static const struct node *get(const struct reading *r, const char *field) { return node_get(r->n, field + 1); }

static bool say(struct reading *r, const char *field, const char *text)
{
    trouble_say(r->l->t, get(r, field) ? get(r, field) : r->n, path_with(&r->path, field), "%s", text);
    return false;
}

static bool wrong(struct reading *r, const char *field, const char *allowed)
{
    if (!get(r, field)) {
        trouble_say(r->l->t, r->n, path_with(&r->path, field), "is required; allowed: %s", allowed);
        return false;
    }
    trouble_found(r->l->t, get(r, field), path_with(&r->path, field), allowed);
    return false;
}

/* ---- one value ---- */

/* A text in the snapshot; SPAN_NONE: it is not there, or the trouble is set. */
static bool read_text(struct reading *r, const char *field, struct span *out)
{
    struct span text = SPAN_NONE;
    if (!node_span(get(r, field), path_with(&r->path, field), &text, r->l->t))
        return false;
    *out = arena_copy(r->l->a, text);
    return true;
}

static bool read_flag(struct reading *r, const char *field, bool *out) { return node_bool(get(r, field), path_with(&r->path, field), out, r->l->t); }

static bool read_count(struct reading *r, const char *field, int64_t least, int64_t most, int64_t *out)
{
    return node_i64(get(r, field), path_with(&r->path, field), least, most, out, r->l->t);
}

static bool read_within(struct reading *r, const char *field, bool (*read)(const struct node *, const char *, int64_t *, struct trouble *), int64_t least,
    int64_t most, const char *allowed, int64_t *out)
{
    if (!read(get(r, field), path_with(&r->path, field), out, r->l->t))
        return false;
    return !get(r, field) || (*out >= least && *out <= most) || wrong(r, field, allowed);
}

/* ASCII letters and digits, and what else is allowed. */
static bool made_of(struct span s, struct span more, size_t longest)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && span_find_byte(more, c) < 0)
            return false;
    }
    return s.len > 0 && s.len <= longest;
}

/* ---- which rows ---- */

static bool read_words(struct reading *r, const char *field, const struct span **out, size_t *count)
{
    struct span *list = NULL;
    if (!node_spans(&r->l->scratch, get(r, field), path_with(&r->path, field), &list, count, r->l->t))
        return false;
    if (get(r, field) && (*count == 0 || *count > WORDS_MOST))
        return wrong(r, field, "1 to 64 words, or left out for all");
    struct span *copies = ARENA_ARRAY(r->l->a, struct span, *count + 1);
    for (size_t i = 0; copies && i < *count; i++)
        copies[i] = arena_copy(r->l->a, list[i]);
    *out = copies;
    return copies != NULL;
}

/* Each word's place among the names, as bits. */
static bool read_set(struct reading *r, const char *field, const char *const names[], const char *allowed, unsigned *out)
{
    const struct span *words;
    size_t count = 0;
    if (!get(r, field))
        return true;
    if (!read_words(r, field, &words, &count))
        return false;
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (names[at] && !span_is(words[i], span_of(names[at])))
            at++;
        if (!names[at]) {
            trouble_say(r->l->t, get(r, field), path_with(&r->path, field), "found \"%.*s\"; allowed: %s", SPAN_ARG(span_first(words[i], 60)), allowed);
            return false;
        }
        *out |= 1u << at;
    }
    return true;
}

static bool read_rows(struct reading *r)
{
    static const char *const kinds[] = { [STORE_CALL] = "call", [STORE_SETTLEMENT] = "settlement", [STORE_CHANGE] = "change", [STORE_EVENT] = "event", NULL };
    static const char *const verdicts[] = { "allowed", "denied", "error", "in_doubt", NULL };
    bool traces = TRACES & 1u << r->out->kind;
    unsigned known = 0, spans = 1u << STORE_CALL | 1u << STORE_SETTLEMENT;
    r->out->rows = traces ? spans : 15;
    if (!read_set(r, ".rows", kinds, "call, settlement, change, event", &r->out->rows) ||
        !read_set(r, ".verdicts", verdicts, "allowed, denied, error, in_doubt", &known))
        return false;
    if (traces && (r->out->rows & ~spans))
        return say(r, ".rows", "only calls and settlements become spans; allowed: call, settlement");
    return (!get(r, ".verdicts") || read_words(r, ".verdicts", &r->out->verdicts, &r->out->verdict_count)) &&
           read_words(r, ".workspaces", &r->out->workspaces, &r->out->workspace_count) && read_words(r, ".vendors", &r->out->vendors, &r->out->vendor_count);
}

static bool read_start(struct reading *r)
{
    struct span text = SPAN_NONE;
    if (!node_span(get(r, ".start"), path_with(&r->path, ".start"), &text, r->l->t))
        return false;
    r->out->start = EXPORT_FROM_NOW;
    if (!text.at || span_is(text, SPAN("now")))
        return true;
    r->out->start = span_is(text, SPAN("beginning")) ? EXPORT_FROM_BEGINNING : EXPORT_FROM_TIME;
    return r->out->start == EXPORT_FROM_BEGINNING || text_time_parse(text, &r->out->start_at) ||
           wrong(r, ".start", "now, beginning, or a time with its zone such as 2026-11-01T00:00:00Z");
}

static bool read_batch(struct reading *r)
{
    struct export_rule *e = r->out;
    e->batch_rows = usual[e->kind].rows;
    e->batch_bytes = usual[e->kind].bytes;
    e->every_ms = usual[e->kind].every;
    e->alarm_ms = 15 * 60 * SECOND;
    return read_count(r, ".batch_rows", 1, 100000, &e->batch_rows) &&
           read_within(r, ".batch_bytes", node_size, 1024, 32 * MIB, "1KiB to 32MiB", &e->batch_bytes) &&
           read_within(r, ".every", node_duration, 100, DAY, "100ms to 1d", &e->every_ms) && read_count(r, ".alarm_rows", 0, INT64_MAX / 2, &e->alarm_rows) &&
           read_within(r, ".alarm_after", node_duration, 0, 30 * DAY, "0s (never) to 30d", &e->alarm_ms) && read_flag(r, ".paused", &e->paused);
}

/* ---- files ---- */

static bool inside(struct span dir, struct span root)
{
    return span_starts(dir, root) && (dir.len == root.len || dir.at[root.len] == '/' || span_ends(root, SPAN("/")));
}

static bool has_dots(struct span path)
{
    struct span rest = path, piece;
    while (rest.at && span_next(&rest, '/', &piece)) {
        if (span_is(piece, SPAN("..")) || span_is(piece, SPAN(".")))
            return true;
    }
    return false;
}

static bool read_dir(struct reading *r)
{
    const struct settings *s = &r->l->s->settings;
    struct span home = arena_print(r->l->a, "%.*s/exports", SPAN_ARG(s->data_dir)), dir = r->out->name;
    if (!node_span(get(r, ".dir"), path_with(&r->path, ".dir"), &dir, r->l->t))
        return false;
    if (!dir.len || dir.len > PREFIX_LONGEST || !text_is_printable(dir) || has_dots(dir))
        return wrong(r, ".dir", "a name below DATA/exports, or a path below one of export_dirs; no blanks, no \"..\"");
    bool below = dir.at[0] != '/';
    r->out->dir = below ? arena_print(r->l->a, "%.*s/%.*s", SPAN_ARG(home), SPAN_ARG(dir)) : arena_copy(r->l->a, dir);
    r->out->root = below || inside(dir, home) ? home : SPAN_NONE;
    for (size_t i = 0; i < s->export_dir_count && !r->out->root.at; i++)
        r->out->root = inside(dir, s->export_dirs[i]) ? s->export_dirs[i] : SPAN_NONE;
    return r->out->root.at || wrong(r, ".dir", "a name below DATA/exports, or a path below one of export_dirs (which stand in the configuration file)");
}

static bool read_file(struct reading *r)
{
    struct export_rule *e = r->out;
    e->rotate_bytes = 64 * MIB;
    e->rotate_ms = DAY;
    e->keep_files = 100;
    e->keep_bytes = 10240 * MIB;
    return read_dir(r) && read_within(r, ".rotate_bytes", node_size, 1024, 4096 * MIB, "1KiB to 4GiB", &e->rotate_bytes) &&
           read_within(r, ".rotate_every", node_duration, SECOND, 366 * DAY, "1s to 366d", &e->rotate_ms) &&
           read_count(r, ".keep_files", 1, 100000, &e->keep_files) && read_within(r, ".keep_bytes", node_size, 1024, INT64_MAX, "1KiB or more", &e->keep_bytes);
}

/* ---- receivers ---- */

static bool read_secret(struct reading *r, size_t shortest, bool needed)
{
    struct span bound = export_secret_bound(r->out->name, r->n, &r->l->scratch);
    if (!remote_secret(r->l, r->n, &r->path, ".secret", bound, shortest, &r->out->secret))
        return false;
    return r->out->secret.at || !needed || say(r, ".secret", "is required; allowed: the secret, best as a reference such as ${EXPORT_SECRET}");
}

static bool read_url(struct reading *r, const char *field, struct span *out)
{
    return read_text(r, field, out) && (out->at || wrong(r, field, "https://host/path (http:// to this machine, or with plain: true)")) &&
           remote_url(r->l, r->n, &r->path, field, *out, r->plain);
}

/* "https://host[:port]" with nothing behind it but one slash. */
static struct span without_path(struct reading *r, const char *field, struct span url)
{
    while (span_ends(url, SPAN("/")))
        url.len--;
    ptrdiff_t host = span_find(url, SPAN("://"));
    if (host < 0 || span_find_byte(span_from(url, (size_t)host + 3), '/') >= 0 || span_find_byte(url, '?') >= 0) {
        wrong(r, field, "https://host or https://host:port, without a path");
        return SPAN_NONE;
    }
    return url;
}

static bool read_s3(struct reading *r)
{
    struct export_rule *e = r->out;
    struct span usual_url;
    if (!read_text(r, ".bucket", &e->bucket) || !read_text(r, ".region", &e->region) || !read_text(r, ".key_id", &e->key_id) || !read_text(r, ".prefix", &e->prefix))
        return false;
    if (!made_of(e->bucket, SPAN("-."), 63) || e->bucket.len < 3)
        return wrong(r, ".bucket", "3 to 63 of a-z 0-9 - .");
    if (!made_of(e->region, SPAN("-"), 40))
        return wrong(r, ".region", "the bucket's region, such as eu-central-1");
    if (!made_of(e->key_id, SPAN("_-"), TEXT_LONGEST))
        return wrong(r, ".key_id", "the access key's id");
    if (e->prefix.at && (!made_of(e->prefix, SPAN("-_./"), PREFIX_LONGEST) || has_dots(e->prefix) || e->prefix.at[0] == '/'))
        return wrong(r, ".prefix", "A-Z a-z 0-9 - _ . and / between them");
    while (span_ends(e->prefix, SPAN("/")))
        e->prefix.len--;
    usual_url = arena_print(r->l->a, "https://s3.%.*s.amazonaws.com", SPAN_ARG(e->region));
    e->path_style = get(r, ".endpoint") != NULL;
    if (!get(r, ".endpoint"))
        e->url = usual_url;
    else if (!read_url(r, ".endpoint", &e->url) || !(e->url = without_path(r, ".endpoint", e->url)).at)
        return false;
    return read_flag(r, ".path_style", &e->path_style) && read_secret(r, SECRET_SHORTEST, true);
}

static bool read_webhook(struct reading *r) { return read_url(r, ".url", &r->out->url) && read_secret(r, SECRET_SHORTEST, true); }

static bool read_otlp(struct reading *r)
{
    if (!read_url(r, ".url", &r->out->url) || !read_text(r, ".header", &r->out->header))
        return false;
    if (r->out->header.at && !made_of(r->out->header, SPAN("-_"), 64))
        return wrong(r, ".header", "the name of a header field, such as x-api-key");
    return read_secret(r, 1, false);
}

/* The address of the installation; the path of its collector is known. */
static bool read_langfuse(struct reading *r)
{
    struct span url;
    if (!read_url(r, ".url", &url) || !(url = without_path(r, ".url", url)).at || !read_text(r, ".public_key", &r->out->key_id))
        return false;
    if (!made_of(r->out->key_id, SPAN("-_"), TEXT_LONGEST))
        return wrong(r, ".public_key", "the project's public key, such as pk-lf-...");
    r->out->url = arena_print(r->l->a, "%.*s/api/public/otel/v1/traces", SPAN_ARG(url));
    return read_secret(r, 1, true);
}

/* ---- one export ---- */

static bool read_format(struct reading *r)
{
    static const char *const of_files[] = { "jsonl", "csv", NULL }, *const of_hooks[] = { "json", "jsonl", NULL };
    bool hook = r->out->kind == EXPORT_WEBHOOK;
    int choice = 0;
    if (!node_choice(get(r, ".format"), path_with(&r->path, ".format"), hook ? of_hooks : of_files, &choice, r->l->t) || !read_flag(r, ".gzip", &r->out->gzip) ||
        !read_flag(r, ".proof", &r->out->proof) || !read_flag(r, ".plain", &r->plain))
        return false;
    r->out->format = hook ? choice ? EXPORT_JSONL : EXPORT_JSON : choice ? EXPORT_CSV : EXPORT_JSONL;
    r->out->gzip = r->out->gzip || r->out->kind == EXPORT_S3;
    return r->out->format != EXPORT_CSV || !r->out->proof || say(r, ".proof", "rows of CSV have their hashes always; allowed: leave it out");
}

static bool check_fields(struct reading *r)
{
    char field[40];
    for (size_t i = 0; i < sizeof(owned) / sizeof(*owned); i++) {
        if (!node_get(r->n, owned[i].field) || owned[i].kinds & (1u << r->out->kind))
            continue;
        snprintf(field, sizeof(field), ".%s", owned[i].field);
        trouble_say(r->l->t, get(r, field), path_with(&r->path, field), "does not belong to an export of kind %s; allowed: leave it out", kind_names[r->out->kind]);
        return false;
    }
    return true;
}

static bool read_export(struct reading *r)
{
    static bool (*const readers[])(struct reading *) = { read_file, read_s3, read_webhook, read_otlp, read_langfuse };
    int kind = 0;
    if (!get(r, ".kind"))
        return wrong(r, ".kind", "file, s3, webhook, otlp, langfuse");
    if (!node_choice(get(r, ".kind"), path_with(&r->path, ".kind"), kind_names, &kind, r->l->t))
        return false;
    r->out->kind = (enum export_kind)kind;
    return check_fields(r) && read_format(r) && read_rows(r) && read_start(r) && read_batch(r) && readers[kind](r);
}

static struct span word(const struct node *n, const char *name)
{
    const struct node *m = node_get(n, name);
    return m && m->kind == NODE_SCALAR ? m->text : SPAN("");
}

struct span export_secret_bound(struct span name, const struct node *n, struct arena *a)
{
    return arena_print(a, "export:%.*s %.*s:%.*s%.*s key:%.*s%.*s", SPAN_ARG(name), SPAN_ARG(word(n, "kind")), SPAN_ARG(word(n, "url")), SPAN_ARG(word(n, "endpoint")),
        SPAN_ARG(word(n, "key_id")), SPAN_ARG(word(n, "public_key")));
}

static enum err load_one(struct load *l, const struct entry *entry, size_t *count)
{
    struct reading r = { .l = l };
    r.n = entry_node(&l->tree, KIND_EXPORT, entry, &l->scratch, l->t);
    if (!r.n)
        return l->t->set ? E_CONFIG : E_OK;
    r.path.len = strlen(entry_path(KIND_EXPORT, entry, r.path.text));
    if (*count == EXPORTS_MOST) {
        trouble_say(l->t, r.n, "exports", "allowed: at most %d of them", EXPORTS_MOST);
        return E_CONFIG;
    }
    r.out = &l->s->settings.exports[*count];
    r.out->name = arena_copy(l->a, entry->id);
    if (!read_export(&r))
        return l->t->set ? E_CONFIG : E_NO_MEMORY;
    (*count)++;
    return load_memory(l);
}

/* Where else files may go: the file's to say, since whoever has the API has not the machine. */
static bool read_dirs(struct load *l)
{
    struct settings *s = &l->s->settings;
    const struct node *n = node_get(l->tree.root, "export_dirs");
    struct span *list = NULL;
    size_t count = 0;
    if (!node_spans(&l->scratch, n, "export_dirs", &list, &count, l->t))
        return false;
    struct span *copies = ARENA_ARRAY(l->a, struct span, count + 1);
    for (size_t i = 0; copies && i < count; i++) {
        if (count > DIRS_MOST || !span_starts(list[i], SPAN("/")) || list[i].len < 2 || list[i].len > PREFIX_LONGEST || has_dots(list[i])) {
            trouble_found(l->t, n, "export_dirs", "at most 16 absolute paths, such as /var/lib/tollgate-exports");
            return false;
        }
        copies[i] = arena_copy(l->a, list[i]);
    }
    s->export_dirs = copies;
    s->export_dir_count = count;
    return copies != NULL;
}

enum err exports_load(struct load *l)
{
    const struct entries *es = &l->tree.kinds[KIND_EXPORT];
    struct settings *s = &l->s->settings;
    s->exports = ARENA_ARRAY(l->a, struct export_rule, EXPORTS_MOST);
    if (!s->exports || !read_dirs(l))
        return l->t->set ? E_CONFIG : E_NO_MEMORY;
    for (size_t i = 0; i < es->count; i++) {
        enum err e = load_one(l, &es->list[i], &s->export_count);
        if (e)
            return e;
    }
    return E_OK;
}

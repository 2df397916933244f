/* SPDX-License-Identifier: Apache-2.0
 * audit_file.c - see audit_file.h.
 *
 * Read twice, a line at a time: first for the last line, which says what the file should hold and where the chain was signed,
 * then row by row. An export of everything hangs together from its first row to its last; one that was narrowed has gaps, and
 * what lies between two of them is only as good as a signature inside it: so the rows that are tied to one are counted. */
#include "cli/audit_file.h"

#include <errno.h>
#include <stdlib.h>

#include "export/form.h"
#include "base/sign.h"
#include "base/text.h"
#include "rules/call_id.h"
#include "rules/row.h"

enum { LINE_JSON = 64 << 20 };

static const struct span summary_start = { "{\"summary\":", 11 };

struct mark {
    int64_t rows, at;
    uint8_t hash[DIGEST_LEN], signature[SIGN_LEN], key[SIGN_KEY];
};

struct reading {
    struct cli *c;
    struct json *json, *again; /* of a line; of what its row says */
    FILE *file;
    char *line;
    size_t room;
    int64_t number;       /* of the line, from 1 */
    struct arena arena;   /* of a line */
    struct arena kept;
    struct buf text, other;
    struct mark *marks;
    size_t mark_count, mark_at;
    struct export_total total;
    int64_t last;         /* number of the row before; -1: none */
    int64_t tied;         /* first row that no signature is tied to yet */
    uint8_t hash[DIGEST_LEN];
    struct audit_verdict *out;
    const uint8_t *key;
};

static bool found(struct reading *r, struct span id, const char *trouble)
{
    if (r->out->trouble)
        return false;
    r->out->trouble = trouble;
    r->out->line = r->number;
    r->out->bad = id.at ? arena_copy(&r->c->arena, id) : SPAN_NONE;
    return false;
}

static bool next_line(struct reading *r, struct span *out)
{
    ssize_t len = getline(&r->line, &r->room, r->file);
    if (len <= 0)
        return false;
    r->number++;
    *out = span_trim(span_make(r->line, (size_t)len));
    return true;
}

static bool parse(struct json *j, struct span text, struct json_value *root)
{
    const char *why;
    return json_parse(j, text, false, root, &why) == E_OK && json_kind(*root) == JSON_OBJECT;
}

static bool read_hex(struct json_value v, const char *name, uint8_t *out, size_t len)
{
    return text_hex_decode(json_string(json_member(v, span_of(name))), out, len);
}

/* ---- the last line ---- */

static bool read_mark(struct json_value v, struct mark *m)
{
    return json_integer(json_member(v, SPAN("rows")), &m->rows) && text_time_parse(json_string(json_member(v, SPAN("at"))), &m->at) &&
           read_hex(v, "hash", m->hash, sizeof(m->hash)) && read_hex(v, "signature", m->signature, sizeof(m->signature)) &&
           read_hex(v, "key", m->key, sizeof(m->key));
}

static bool is_signed(struct reading *r, const struct mark *m)
{
    buf_clear(&r->text);
    buf_print(&r->text, "tollgate checkpoint\n%lld\n%lld\n", (long long)m->rows, (long long)m->at);
    buf_put_hex(&r->text, span_make((const char *)m->hash, DIGEST_LEN));
    buf_put_byte(&r->text, '\n');
    return sign_check(m->key, buf_span(&r->text), m->signature);
}

static bool take_marks(struct reading *r, struct json_value list)
{
    struct span name;
    struct json_value item;
    int64_t before = 0;
    r->marks = ARENA_ARRAY(&r->kept, struct mark, json_count(list) + 1);
    for (struct json_iter it = json_iter(list); r->marks && json_next(&it, &name, &item);) {
        struct mark *m = &r->marks[r->mark_count++];
        if (!read_mark(item, m) || m->rows <= before)
            return found(r, SPAN_NONE, "a checkpoint of the summary cannot be read");
        if (r->key && memcmp(m->key, r->key, SIGN_KEY) != 0)
            return found(r, SPAN_NONE, "a checkpoint was signed with another key than the one given");
        if (!is_signed(r, m))
            return found(r, SPAN_NONE, "a checkpoint's signature is not good");
        before = m->rows;
    }
    return r->marks != NULL;
}

/* Copied: the parser is needed for rows. */
static struct span read_summary(struct reading *r)
{
    struct span line, text = SPAN_NONE;
    struct json_value root;
    while (next_line(r, &line)) {
        bool last = span_starts(line, summary_start);
        if (last && text.at)
            return SPAN_NONE; /* two of them */
        if (last)
            text = arena_copy(&r->kept, line);
        else if (line.len && text.at)
            return SPAN_NONE; /* something behind it */
    }
    if (!text.at || !parse(r->json, text, &root))
        return SPAN_NONE;
    return take_marks(r, json_path(root, SPAN("summary.checkpoints"))) ? text : SPAN_NONE;
}

/* ---- rows ---- */

static struct digest hash_of(struct reading *r, const struct store_link *link)
{
    buf_clear(&r->text);
    buf_put(&r->text, link->prev_hash);
    for (int i = 0; i < 8; i++)
        buf_put_byte(&r->text, (char)(link->id >> (56 - 8 * i)));
    buf_put(&r->text, link->row);
    return digest_sha256(buf_span(&r->text));
}

/* What people read in the line must be what the hash covers. */
static bool data_fits(struct reading *r, struct json_value data, const struct store_link *link)
{
    struct json_value root;
    buf_clear(&r->text);
    row_json(link->row, &r->text);
    if (!parse(r->again, buf_span(&r->text), &root))
        return false;
    buf_clear(&r->other);
    json_print(data, &r->other);
    buf_clear(&r->text);
    json_print(root, &r->text);
    return !r->text.broken && !r->other.broken && span_is(buf_span(&r->text), buf_span(&r->other));
}

static bool kind_fits(const struct store_link *link)
{
    struct row_value kind = row_field(link->row, ROW_KIND);
    return kind.bytes ? span_is(kind.text, audit_kind(link->kind)) : link->kind == STORE_CALL;
}

struct line {
    struct store_link link;
    struct span id;
    struct json_value data;
    uint8_t prev_hash[DIGEST_LEN], hash[DIGEST_LEN];
};

static bool read_row(struct reading *r, struct json_value root, struct line *l)
{
    l->id = json_string(json_member(root, SPAN("id")));
    l->data = json_member(root, SPAN("data"));
    l->link.row = text_base64_decode(json_string(json_member(root, SPAN("row"))), &r->arena);
    l->link.prev_hash = span_make((const char *)l->prev_hash, DIGEST_LEN);
    l->link.hash = span_make((const char *)l->hash, DIGEST_LEN);
    return json_integer(json_member(root, SPAN("number")), &l->link.number) && audit_kind_parse(json_string(json_member(root, SPAN("kind"))), &l->link.kind) &&
           call_id_parse(l->id, &l->link.id) && l->link.row.at && read_hex(root, "prev_hash", l->prev_hash, DIGEST_LEN) &&
           read_hex(root, "hash", l->hash, DIGEST_LEN);
}

/* The row against itself, then against the one before. */
static bool check_row(struct reading *r, const struct line *l)
{
    static const uint8_t none[DIGEST_LEN] = { 0 };
    struct digest hash = hash_of(r, &l->link);
    if (memcmp(hash.bytes, l->hash, DIGEST_LEN) != 0)
        return found(r, l->id, "this row was changed: its hash does not follow from it");
    if (!data_fits(r, l->data, &l->link) || !kind_fits(&l->link))
        return found(r, l->id, "what this line says of its row is not what the row says");
    if (l->link.number <= r->last)
        return found(r, l->id, "this row was moved: its number does not follow");
    if (l->link.number == 0 && memcmp(l->prev_hash, none, DIGEST_LEN) != 0)
        return found(r, l->id, "this row says it is the first, and follows another");
    if (r->last >= 0 && l->link.number == r->last + 1 && memcmp(l->prev_hash, r->hash, DIGEST_LEN) != 0)
        return found(r, l->id, "this row does not follow from the one before: one of them was changed, put in or taken out");
    return true;
}

/* The checkpoint, if there is one, of the chain up to this row. */
static bool check_mark(struct reading *r, const struct line *l)
{
    while (r->mark_at < r->mark_count && r->marks[r->mark_at].rows < l->link.number + 1)
        r->mark_at++;
    if (r->mark_at == r->mark_count || r->marks[r->mark_at].rows != l->link.number + 1)
        return true;
    const struct mark *m = &r->marks[r->mark_at];
    if (memcmp(m->hash, l->hash, DIGEST_LEN) != 0)
        return found(r, l->id, "the chain up to this row is not the one that was signed");
    r->out->checkpoints++;
    r->out->signed_rows += l->link.number + 1 - r->tied;
    r->tied = l->link.number + 1;
    buf_clear(&r->text);
    buf_put_hex(&r->text, span_make((const char *)m->key, SIGN_KEY));
    r->out->key = arena_copy(&r->c->arena, buf_span(&r->text));
    return true;
}

static bool take_row(struct reading *r, struct span text)
{
    struct json_value root;
    struct line l;
    if (!parse(r->json, text, &root) || !read_row(r, root, &l))
        return found(r, SPAN_NONE, "this line cannot be read");
    if (!check_row(r, &l))
        return false;
    bool gap = l.link.number != r->last + 1;
    r->out->gaps += gap && r->last >= 0;
    if (gap)
        r->tied = l.link.number;
    r->last = l.link.number;
    memcpy(r->hash, l.hash, DIGEST_LEN);
    r->out->rows++;
    return export_count(&r->total, &l.link, r->again) && check_mark(r, &l);
}

/* ---- sums ---- */

static bool sum_fits(struct json_value v, const struct export_sum *s)
{
    static const char *const names[] = { "rows", "calls", "settlements", "changes" };
    const int64_t counts[] = { s->rows, s->calls, s->settlements, s->changes };
    nano_usd cost;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        int64_t n = -1;
        if (!json_integer(json_member(v, span_of(names[i])), &n) || n != counts[i])
            return false;
    }
    int64_t events = 0; /* older files name none */
    (void)json_integer(json_member(v, SPAN("events")), &events);
    if (events != s->events)
        return false;
    return money_parse(json_string(json_member(v, SPAN("cost_usd"))), &cost) && cost == s->cost;
}

static bool check_sums(struct reading *r, struct span text)
{
    struct json_value root, item;
    struct span name;
    size_t count = 0;
    if (!parse(r->json, text, &root))
        return found(r, SPAN_NONE, "the summary cannot be read");
    struct json_value summary = json_member(root, SPAN("summary"));
    if (!sum_fits(summary, &r->total.all))
        return found(r, SPAN_NONE, "the summary does not agree with the rows: some were taken out, or the sums were changed");
    for (struct json_iter it = json_iter(json_member(summary, SPAN("vendors"))); json_next(&it, &name, &item); count++) {
        struct span vendor = json_string(json_member(item, SPAN("vendor")));
        const struct export_sum *sum = map_get(&r->total.by_vendor, vendor.at ? vendor : SPAN(""));
        if (!sum || !sum_fits(item, sum))
            return found(r, SPAN_NONE, "a vendor's sums do not agree with the rows");
    }
    return count == r->total.by_vendor.count || found(r, SPAN_NONE, "a vendor is missing in the summary");
}

/* ---- the whole ---- */

static void check(struct reading *r, void (*progress)(void *self, int64_t done, int64_t of), void *self)
{
    struct span line, summary = read_summary(r);
    int64_t lines = r->number;
    bool good = summary.at || found(r, SPAN_NONE, "there is no summary at the end: the file was cut off, or is no export");
    rewind(r->file);
    r->number = 0;
    while (good && next_line(r, &line) && !span_starts(line, summary_start)) {
        struct arena_mark mark = arena_mark(&r->arena);
        good = !line.len || take_row(r, line);
        arena_rewind(&r->arena, mark);
        progress(self, r->number, lines);
    }
    if (good)
        (void)check_sums(r, summary);
}

bool audit_file(struct cli *c, struct span path, const uint8_t *key, void (*progress)(void *self, int64_t done, int64_t of), void *self, struct audit_verdict *out)
{
    struct span name = arena_copy(&c->arena, path);
    struct reading r = { .c = c, .last = -1, .out = out, .key = key };
    *out = (struct audit_verdict){ .rows = 0 };
    r.file = name.at ? fopen(name.at, "re") : NULL;
    if (!r.file) {
        fprintf(stderr, "tollgate audit: %.*s: %s\n", SPAN_ARG(path), strerror(errno));
        return false;
    }
    r.json = json_new();
    r.again = json_new();
    arena_init(&r.arena, LINE_JSON);
    arena_init(&r.kept, LINE_JSON);
    buf_init(&r.text, LINE_JSON);
    buf_init(&r.other, LINE_JSON);
    export_begin(&r.total, &r.kept);
    if (r.json && r.again)
        check(&r, progress, self);
    bool read = r.json && r.again && !ferror(r.file);
    export_end(&r.total);
    buf_free(&r.other);
    buf_free(&r.text);
    arena_free(&r.kept);
    arena_free(&r.arena);
    json_free(r.again);
    json_free(r.json);
    free(r.line);
    (void)fclose(r.file);
    return read;
}

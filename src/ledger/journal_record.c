/* SPDX-License-Identifier: Apache-2.0
 * journal_record.c - writing records straight into the mapping, and reading them as spans into it. No allocation. */
#include "ledger/journal_record.h"

enum {
    AT_SUM = 4,
    AT_KIND = 8,
    AT_LINES = 10,
    AT_FLAGS = 12, /* of a HOLD: 1, it replaces one. Zero in journals written before there was one */
    LINE_FIXED = 4 * 8 + 4,
    HOLD_FIXED = 2 * 8,
    ROW_FIXED = 8 * 8,
    NOTE_FIXED = 4 * 8,
    ROW_TEXTS = 12
};

static const uint32_t TEXT_NONE = UINT32_MAX;

static size_t text_size(struct span s) { return sizeof(uint32_t) + s.len; }

static size_t lines_size(const struct journal_line *lines, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += LINE_FIXED + text_size(lines[i].account);
    return size;
}

static size_t round_up(size_t size) { return (size + 7) & ~(size_t)7; }

size_t record_hold_size(const struct journal_hold *h)
{
    size_t texts = text_size(h->row) + text_size(h->once) + text_size(h->again);
    return round_up(RECORD_HEAD + HOLD_FIXED + texts + lines_size(h->lines, h->count));
}

size_t record_row_size(const struct journal_row *r)
{
    const struct span texts[ROW_TEXTS] = { r->workspace, r->key, r->run, r->step, r->vendor, r->operation, r->model, r->denied,
        r->user, r->row, r->once, r->again };
    size_t size = RECORD_HEAD + ROW_FIXED + lines_size(r->lines, r->count);
    for (size_t i = 0; i < ROW_TEXTS; i++)
        size += text_size(texts[i]);
    return round_up(size);
}

size_t record_note_size(const struct journal_note *n)
{
    return round_up(RECORD_HEAD + NOTE_FIXED + text_size(n->name) + text_size(n->bytes));
}

static void put_bytes(char **at, const void *from, size_t n)
{
    memcpy(*at, from, n);
    *at += n;
}

static void put_u64(char **at, uint64_t n) { put_bytes(at, &n, sizeof(n)); }
static void put_i64(char **at, int64_t n) { put_bytes(at, &n, sizeof(n)); }

static void put_text(char **at, struct span s)
{
    uint32_t len = s.at ? (uint32_t)s.len : TEXT_NONE;
    put_bytes(at, &len, sizeof(len));
    if (s.at)
        put_bytes(at, s.at, s.len);
}

static char *begin(char *at, size_t kind, size_t lines, bool flag)
{
    const uint16_t fields[4] = { (uint16_t)kind, (uint16_t)lines, flag, 0 };
    memcpy(at + AT_KIND, fields, sizeof(fields));
    return at + RECORD_HEAD;
}

static void put_lines(char **at, const struct journal_line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t kept = lines[i].kept;
        put_i64(at, lines[i].slot);
        put_i64(at, lines[i].held);
        put_i64(at, lines[i].real);
        put_i64(at, lines[i].ends_at);
        put_bytes(at, &kept, sizeof(kept));
        put_text(at, lines[i].account);
    }
}

/* The bytes that rounding added. */
static void pad(const char *record, size_t size, char *at) { memset(at, 0, (size_t)(record + size - at)); }

void record_write_hold(char *record, size_t size, const struct journal_hold *h)
{
    char *at = begin(record, JOURNAL_HOLD, h->count, h->again_held);
    put_u64(&at, h->call);
    put_i64(&at, h->at);
    put_text(&at, h->row);
    put_text(&at, h->once);
    put_text(&at, h->again);
    put_lines(&at, h->lines, h->count);
    pad(record, size, at);
}

void record_write_row(char *record, size_t size, const struct journal_row *r)
{
    const struct span texts[ROW_TEXTS] = { r->workspace, r->key, r->run, r->step, r->vendor, r->operation, r->model, r->denied,
        r->user, r->row, r->once, r->again };
    const int16_t small[4] = { (int16_t)r->verdict, (int16_t)r->status, (int16_t)(r->held | r->settled << 1 | r->late << 2), (int16_t)r->kind };
    char *at = begin(record, JOURNAL_ROW, r->count, false);
    put_u64(&at, r->call);
    put_i64(&at, r->at);
    put_bytes(&at, small, sizeof(small));
    put_u64(&at, r->of);
    put_i64(&at, r->cost);
    put_i64(&at, r->reserved);
    put_i64(&at, r->tokens_in);
    put_i64(&at, r->tokens_out);
    for (size_t i = 0; i < ROW_TEXTS; i++)
        put_text(&at, texts[i]);
    put_lines(&at, r->lines, r->count);
    pad(record, size, at);
}

void record_write_note(char *record, size_t size, const struct journal_note *n)
{
    char *at = begin(record, JOURNAL_NOTE, 0, false);
    put_u64(&at, (uint64_t)n->what);
    put_u64(&at, n->call);
    put_i64(&at, n->at);
    put_i64(&at, n->until);
    put_text(&at, n->name);
    put_text(&at, n->bytes);
    pad(record, size, at);
}

void record_write_end(char *at) { (void)begin(at, RECORD_END, 0, false); }

static uint64_t stir(uint64_t lane, const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    lane = (lane ^ word) * UINT64_C(0x9fb21c651e98df25);
    return lane << 29 | lane >> 35;
}

/* Finds torn and stale bytes, not attackers. Each step can be undone, so one changed word always changes its lane; four
 * lanes at once are several times as fast as a CRC without special instructions. Part of the file format. */
static uint32_t sum(const char *record, size_t length, uint64_t position)
{
    uint64_t lanes[4] = { position, length, 0, 1 }, all = 0;
    const char *at = record + AT_KIND, *end = record + length;
    for (; end - at >= 32; at += 32)
        for (int i = 0; i < 4; i++)
            lanes[i] = stir(lanes[i], at + i * 8);
    for (int i = 0; at < end; at += 8, i++)
        lanes[i] = stir(lanes[i], at);
    for (int i = 0; i < 4; i++)
        all = stir(all, (const char *)&lanes[i]);
    return (uint32_t)(all ^ all >> 32);
}

/* It stores, if through a cast. NOLINTNEXTLINE(readability-non-const-parameter) */
void record_blank(char *at) { __atomic_store_n((uint32_t *)(void *)at, 0, __ATOMIC_RELAXED); }

void record_publish(char *at, size_t size, uint64_t position)
{
    uint32_t check = sum(at, size, position);
    memcpy(at + AT_SUM, &check, sizeof(check));
    __atomic_store_n((uint32_t *)(void *)at, (uint32_t)size, __ATOMIC_RELEASE);
}

size_t record_length(const char *at) { return __atomic_load_n((const uint32_t *)(const void *)at, __ATOMIC_ACQUIRE); }

bool record_whole(const char *at, size_t length, size_t room, uint64_t position)
{
    uint32_t check;
    if (length < RECORD_HEAD || length > room || length > JOURNAL_RECORD_MAX || length % 8)
        return false;
    memcpy(&check, at + AT_SUM, sizeof(check));
    return check == sum(at, length, position);
}

static uint16_t field(const char *at, size_t offset)
{
    uint16_t n;
    memcpy(&n, at + offset, sizeof(n));
    return n;
}

int record_kind(const char *at) { return field(at, AT_KIND); }

/* Reading: past the end everything is zero and `bad` stays set. */
struct eye {
    const char *at, *end;
    bool bad;
};

static void take_bytes(struct eye *e, void *to, size_t n)
{
    memset(to, 0, n);
    if (e->bad || n > (size_t)(e->end - e->at)) {
        e->bad = true;
        return;
    }
    memcpy(to, e->at, n);
    e->at += n;
}

static uint64_t take_u64(struct eye *e)
{
    uint64_t n;
    take_bytes(e, &n, sizeof(n));
    return n;
}

static int64_t take_i64(struct eye *e) { return (int64_t)take_u64(e); }

static struct span take_text(struct eye *e)
{
    uint32_t len;
    take_bytes(e, &len, sizeof(len));
    if (e->bad || len == TEXT_NONE)
        return SPAN_NONE;
    if (len > (size_t)(e->end - e->at)) {
        e->bad = true;
        return SPAN_NONE;
    }
    struct span s = { e->at, len };
    e->at += len;
    return s;
}

static void take_line(struct eye *e, struct journal_line *line)
{
    uint32_t kept;
    line->slot = take_i64(e);
    line->held = take_i64(e);
    line->real = take_i64(e);
    line->ends_at = take_i64(e);
    take_bytes(e, &kept, sizeof(kept));
    line->kept = kept != 0;
    line->account = take_text(e);
}

static void take_line_v1(struct eye *e, struct journal_line *line)
{
    line->slot = LEDGER_NO_SLOT;
    line->held = take_i64(e);
    line->real = take_i64(e);
    line->ends_at = take_i64(e);
    line->kept = take_u64(e) != 0;
    line->account = take_text(e);
}

static void take_lines(struct eye *e, unsigned version, struct journal_line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (version == 1)
            take_line_v1(e, &lines[i]);
        else
            take_line(e, &lines[i]);
}

static void read_hold(struct eye *e, unsigned version, struct journal_record *out, size_t count)
{
    struct journal_hold *h = &out->hold;
    h->call = take_u64(e);
    h->at = take_i64(e);
    h->row = take_text(e);
    h->once = version == 1 ? SPAN_NONE : take_text(e);
    h->again = version == 1 ? SPAN_NONE : take_text(e);
    h->lines = out->lines;
    h->count = count;
    take_lines(e, version, out->lines, count);
}

/* In version 1 every row was a call's, and `held` and `settled` had a number each; later they are bits, and so is `late`, which came
 * to version 2 when its bit was still zero everywhere. */
static void take_small(struct eye *e, unsigned version, struct journal_row *r)
{
    int16_t small[4];
    take_bytes(e, small, sizeof(small));
    r->verdict = (enum verdict)small[0];
    r->status = small[1];
    r->held = version == 1 ? small[2] != 0 : small[2] & 1;
    r->settled = version == 1 ? small[3] != 0 : small[2] >> 1 & 1;
    r->late = version > 1 && (small[2] >> 2 & 1);
    r->kind = version == 1 ? ROW_IS_CALL : (enum row_kind)small[3];
    r->of = version == 1 ? 0 : take_u64(e);
}

static void read_row(struct eye *e, unsigned version, struct journal_record *out, size_t count)
{
    struct journal_row *r = &out->row;
    struct span *texts[ROW_TEXTS] = { &r->workspace, &r->key, &r->run, &r->step, &r->vendor, &r->operation, &r->model, &r->denied,
        &r->user, &r->row, &r->once, &r->again };
    const size_t known = version == 1 ? ROW_TEXTS - 2 : ROW_TEXTS;
    r->call = take_u64(e);
    r->at = take_i64(e);
    take_small(e, version, r);
    r->cost = take_i64(e);
    r->reserved = take_i64(e);
    r->tokens_in = take_i64(e);
    r->tokens_out = take_i64(e);
    for (size_t i = 0; i < ROW_TEXTS; i++)
        *texts[i] = i < known ? take_text(e) : SPAN_NONE;
    r->lines = out->lines;
    r->count = count;
    take_lines(e, version, out->lines, count);
}

static void read_note(struct eye *e, struct journal_note *n)
{
    n->what = (enum note)take_u64(e);
    n->call = take_u64(e);
    n->at = take_i64(e);
    n->until = take_i64(e);
    n->name = take_text(e);
    n->bytes = take_text(e);
}

bool record_read(const char *at, size_t length, unsigned version, struct journal_record *out)
{
    struct eye e = { at + RECORD_HEAD, at + length, false };
    size_t count = field(at, AT_LINES);
    out->kind = (enum journal_kind)record_kind(at);
    if (count > JOURNAL_LINES)
        return false;
    if (out->kind == JOURNAL_HOLD) {
        read_hold(&e, version, out, count);
        out->hold.again_held = field(at, AT_FLAGS) & 1;
    } else if (out->kind == JOURNAL_ROW)
        read_row(&e, version, out, count);
    else if (out->kind == JOURNAL_NOTE && version > 1)
        read_note(&e, &out->note);
    else
        return false;
    return !e.bad;
}

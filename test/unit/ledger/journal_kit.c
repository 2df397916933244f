/* SPDX-License-Identifier: Apache-2.0
 * journal_kit.c - see journal_kit.h. */
#include "test/unit/ledger/journal_kit.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "test/test.h"

struct place place_new(void)
{
    struct place p;
    snprintf(p.dir, sizeof(p.dir), "/tmp/tollgate-journal-XXXXXX");
    must(mkdtemp(p.dir));
    return p;
}

size_t place_segments(const struct place *p, char *first)
{
    size_t count = 0;
    char lowest[256] = "~";
    DIR *d = opendir(p->dir);
    must(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (!span_ends(span_of(e->d_name), SPAN(".log")))
            continue;
        count++;
        if (strcmp(e->d_name, lowest) < 0)
            snprintf(lowest, sizeof(lowest), "%s", e->d_name);
    }
    closedir(d);
    if (first)
        snprintf(first, 400, "%s/%s", p->dir, lowest);
    return count;
}

void place_free(const struct place *p)
{
    char path[400];
    while (place_segments(p, path))
        unlink(path);
    snprintf(path, sizeof(path), "%s/journal-0.lock", p->dir);
    unlink(path);
    rmdir(p->dir);
}

struct journal *kit_open_on(struct disk disk)
{
    char why[256] = "";
    struct journal *j = journal_open(&disk, 0, why);
    if (!j)
        test_fail(__FILE__, __LINE__, "%s", why);
    return j;
}

struct journal *kit_open(const struct place *p)
{
    char why[256] = "";
    struct disk disk;
    if (!disk_files(span_of(p->dir), 0, &disk, why)) {
        test_fail(__FILE__, __LINE__, "%s", why);
        return NULL;
    }
    return kit_open_on(disk);
}

static char filler[KIT_ROW_MOST];
static struct span filled(uint64_t n, size_t len)
{
    if (!filler[0])
        memset(filler, 'x', sizeof(filler));
    return span_make(filler, len ? len : (size_t)(n * 7919 % 3000));
}

static const struct journal_line *lines_of(uint64_t n)
{
    static _Thread_local struct journal_line lines[2];
    lines[0] = (struct journal_line){ .account = SPAN("key_1/usd/day|2026-11-21T00:00:00Z"),
        .slot = LEDGER_NO_SLOT,
        .held = (int64_t)n,
        .real = 5,
        .ends_at = 77 };
    lines[1] = (struct journal_line){ .account = SPAN("run"), .slot = (int64_t)n + 3, .held = 1, .real = -2, .kept = true };
    return lines;
}

enum journal_kind kit_kind(uint64_t n) { return n % 3 == 0 ? JOURNAL_HOLD : n % 7 == 5 ? JOURNAL_NOTE : JOURNAL_ROW; }

static enum err put_hold(struct journal *j, uint64_t n, struct span row)
{
    struct journal_hold h = { .call = n,
        .at = (int64_t)n + 1,
        .row = row,
        .once = SPAN("once"),
        .again = n % 2 ? SPAN_NONE : SPAN("sealed"),
        .lines = lines_of(n),
        .count = n % 2 + 1 };
    return journal_put_hold(j, &h);
}

static enum note what_of(uint64_t n) { return n % 2 ? NOTE_ALERT : n % 4 ? NOTE_APPROVAL : NOTE_ANSWER; }

static enum err put_note(struct journal *j, uint64_t n, struct span row)
{
    struct journal_note note = { .what = what_of(n),
        .call = n,
        .at = (int64_t)n + 1,
        .until = (int64_t)n + 2,
        .name = SPAN("threshold/80/key_1"),
        .bytes = row };
    return journal_put_note(j, &note);
}

static enum err put_row(struct journal *j, uint64_t n, struct span row)
{
    struct journal_row r = { .call = n,
        .at = (int64_t)n + 1,
        .kind = (enum row_kind)(n % 4),
        .of = n % 4 == ROW_IS_SETTLEMENT ? n - 1 : 0,
        .verdict = VERDICT_DENIED,
        .status = 402,
        .held = true,
        .settled = n % 2 == 0,
        .late = n % 5 == 0,
        .cost = -1,
        .reserved = INT64_MAX,
        .tokens_in = 3,
        .tokens_out = 4,
        .workspace = SPAN("w"),
        .key = SPAN("key_1"),
        .run = SPAN_NONE,
        .step = SPAN(""),
        .vendor = SPAN("stripe"),
        .operation = SPAN("stripe.charges.create"),
        .denied = SPAN("budget_exceeded"),
        .user = SPAN("u"),
        .row = row,
        .once = SPAN("o"),
        .again = n % 2 ? SPAN("again") : SPAN_NONE,
        .lines = lines_of(n),
        .count = n % 3 };
    return journal_put_row(j, &r);
}

enum err kit_put(struct journal *j, uint64_t n, size_t row_len)
{
    struct span row = filled(n, row_len);
    switch (kit_kind(n)) {
    case JOURNAL_HOLD:
        return put_hold(j, n, row);
    case JOURNAL_NOTE:
        return put_note(j, n, row);
    default:
        return put_row(j, n, row);
    }
}

static void check_lines(const struct journal_line *lines, size_t count, uint64_t n)
{
    const struct journal_line *want = lines_of(n);
    for (size_t i = 0; i < count; i++) {
        CHECK(lines[i].slot == want[i].slot && lines[i].held == want[i].held && lines[i].real == want[i].real);
        CHECK(lines[i].ends_at == want[i].ends_at && lines[i].kept == want[i].kept && span_is(lines[i].account, want[i].account));
    }
}

static void check_text(struct span text, uint64_t n, size_t row_len)
{
    struct span want = filled(n, row_len);
    CHECK_INT(text.len, want.len);
    CHECK(span_is(text, want));
}

static void check_hold(const struct journal_hold *h, uint64_t n)
{
    CHECK(h->call == n && h->at == (int64_t)n + 1 && h->count == n % 2 + 1);
    CHECK(span_is(h->once, SPAN("once")) && (n % 2 ? !h->again.at : span_is(h->again, SPAN("sealed"))));
    check_lines(h->lines, h->count, n);
}

static void check_note(const struct journal_note *note, uint64_t n)
{
    CHECK(note->what == what_of(n) && note->call == n && note->at == (int64_t)n + 1 &&
          note->until == (int64_t)n + 2);
    CHECK_SPAN(note->name, SPAN("threshold/80/key_1"));
}

static void check_row(const struct journal_row *r, uint64_t n)
{
    CHECK(r->call == n && r->at == (int64_t)n + 1 && r->verdict == VERDICT_DENIED && r->status == 402 && r->held &&
          r->settled == (n % 2 == 0));
    CHECK(r->kind == (enum row_kind)(n % 4) && r->of == (n % 4 == ROW_IS_SETTLEMENT ? n - 1 : 0) && r->late == (n % 5 == 0));
    CHECK(r->cost == -1 && r->reserved == INT64_MAX && r->tokens_in == 3 && r->tokens_out == 4 && r->count == n % 3);
    CHECK(span_is(r->workspace, SPAN("w")) && span_is(r->key, SPAN("key_1")) && !r->run.at && r->step.at && !r->step.len);
    CHECK(span_is(r->vendor, SPAN("stripe")) && span_is(r->operation, SPAN("stripe.charges.create")) && !r->model.at);
    CHECK(span_is(r->denied, SPAN("budget_exceeded")) && span_is(r->user, SPAN("u")));
    CHECK(span_is(r->once, SPAN("o")) && (n % 2 ? span_is(r->again, SPAN("again")) : !r->again.at));
    check_lines(r->lines, r->count, n);
}

void kit_check(const struct journal_record *record, uint64_t n, size_t row_len)
{
    CHECK_INT(record->kind, kit_kind(n));
    if (record->kind != kit_kind(n))
        return;
    if (record->kind == JOURNAL_HOLD) {
        check_text(record->hold.row, n, row_len);
        check_hold(&record->hold, n);
    } else if (record->kind == JOURNAL_NOTE) {
        check_text(record->note.bytes, n, row_len);
        check_note(&record->note, n);
    } else {
        check_text(record->row.row, n, row_len);
        check_row(&record->row, n);
    }
}

uint64_t kit_number(const struct journal_record *r)
{
    return r->kind == JOURNAL_HOLD ? r->hold.call : r->kind == JOURNAL_NOTE ? r->note.call : r->row.call;
}

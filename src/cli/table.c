/* SPDX-License-Identifier: Apache-2.0
 * table.c - see table.h. */
#include "cli/table.h"

#include "base/text.h"

void table_init(struct table *t, struct arena *a, const struct column *columns, size_t width, bool colour)
{
    must(width <= COLUMNS_MOST);
    *t = (struct table){ .arena = a, .columns = columns, .width = width, .colour = colour };
}

void table_row(struct table *t)
{
    struct table_row *row = ARENA_NEW(t->arena, struct table_row);
    struct cell *cells = ARENA_ARRAY(t->arena, struct cell, t->width);
    t->filled = t->width; /* without memory: nothing more is put */
    if (!row || !cells)
        return;
    row->cells = cells;
    if (t->last)
        t->last->next = row;
    else
        t->first = row;
    t->last = row;
    t->rows++;
    t->filled = 0;
}

void table_strong(struct table *t)
{
    if (t->last)
        t->last->strong = true;
}

static bool is_control(struct span character)
{
    unsigned char c = (unsigned char)character.at[0];
    return c < 0x20 || c == 0x7f || (c == 0xC2 && character.len == 2 && (unsigned char)character.at[1] < 0xA0);
}

struct span text_tame(struct arena *a, struct span text)
{
    char *out = arena_take(a, text.len + 1);
    size_t len = 0;
    while (out && text.len) {
        size_t n = text_utf8_first(text);
        struct span character = span_first(text, n ? n : 1);
        if (!n || is_control(character)) {
            out[len++] = '?';
        } else {
            memcpy(out + len, character.at, character.len);
            len += character.len;
        }
        text = span_from(text, character.len);
    }
    return out ? span_make(out, len) : SPAN_NONE;
}

size_t text_width(struct span text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += (text.at[i] & 0xC0) != 0x80;
    return n;
}

/* At most `most` characters, the last of them an ellipsis if some are left out. */
static struct span shorten(struct arena *a, struct span text, size_t most)
{
    size_t seen = 0, at = 0;
    if (!most || text_width(text) <= most)
        return text;
    for (; at < text.len; at++) {
        seen += (text.at[at] & 0xC0) != 0x80;
        if (seen == most)
            break;
    }
    return arena_print(a, "%.*s…", (int)at, text.at);
}

void table_put_tinted(struct table *t, struct span text, enum tint tint)
{
    if (t->filled >= t->width)
        return;
    struct span shown = text.at ? shorten(t->arena, text_tame(t->arena, text), t->columns[t->filled].most) : SPAN("-");
    t->last->cells[t->filled++] = (struct cell){ shown, text.at ? tint : TINT_DIM };
}

void table_put(struct table *t, struct span text) { table_put_tinted(t, text, TINT_NONE); }

void table_put_i64(struct table *t, int64_t n) { table_put(t, arena_print(t->arena, "%lld", (long long)n)); }

const char *tint_code(enum tint tint, bool colour)
{
    static const char *const codes[] = { "\033[0m", "\033[2m", "\033[1m", "\033[32m", "\033[31m", "\033[33m" };
    return colour ? codes[tint] : "";
}

/* ---- printing ---- */

struct measure {
    size_t width, before, after; /* of the point, which counts as after */
    bool shown;
};

static size_t before_point(struct span text)
{
    ptrdiff_t point = span_find_byte(text, '.');
    return point < 0 ? text.len : (size_t)point;
}

static void measure_cell(struct measure *m, const struct column *c, struct span text)
{
    size_t width = text_width(text), before = before_point(text);
    if (!span_is(text, SPAN("-")))
        m->shown = true;
    if (c->align == ALIGN_POINT) {
        m->before = before > m->before ? before : m->before;
        m->after = text.len - before > m->after ? text.len - before : m->after;
        width = m->before + m->after;
    }
    m->width = width > m->width ? width : m->width;
}

static void measure(const struct table *t, struct measure *m)
{
    for (size_t i = 0; i < t->width; i++) {
        m[i] = (struct measure){ .width = text_width(span_of(t->columns[i].title)) };
        for (const struct table_row *r = t->first; r; r = r->next)
            measure_cell(&m[i], &t->columns[i], r->cells[i].text);
    }
}

static void put_blanks(struct buf *out, size_t n)
{
    while (n--)
        buf_put_byte(out, ' ');
}

static void put_cell(struct buf *out, const struct measure *m, enum align align, struct span text, const char *on, const char *off, bool last)
{
    size_t width = text_width(text), left = 0;
    size_t room = m->width > width ? m->width - width : 0;
    if (align == ALIGN_RIGHT)
        left = room;
    if (align == ALIGN_POINT) {
        size_t tail = m->after - (text.len - before_point(text));
        left = room > tail ? room - tail : 0;
    }
    put_blanks(out, left);
    buf_put(out, span_of(on));
    buf_put(out, text);
    buf_put(out, span_of(off));
    if (!last)
        put_blanks(out, room - left + 2);
}

static void put_line(const struct table *t, const struct measure *m, const struct table_row *row, struct buf *out)
{
    size_t last = t->width;
    while (last > 0 && !m[last - 1].shown)
        last--;
    for (size_t i = 0; i < last; i++) {
        enum align align = t->columns[i].align;
        if (!m[i].shown)
            continue;
        struct span text = row ? row->cells[i].text : span_of(t->columns[i].title);
        enum tint tint = !text.len ? TINT_NONE : !row ? TINT_DIM : row->strong ? TINT_BOLD : row->cells[i].tint;
        const char *on = tint == TINT_NONE ? "" : tint_code(tint, t->colour), *off = tint == TINT_NONE ? "" : tint_code(TINT_NONE, t->colour);
        put_cell(out, &m[i], !row && align == ALIGN_POINT ? ALIGN_RIGHT : align, text, on, off, i + 1 == last);
    }
    buf_put_byte(out, '\n');
}

void table_print(const struct table *t, struct buf *out)
{
    struct measure m[COLUMNS_MOST];
    if (!t->rows)
        return;
    measure(t, m);
    put_line(t, m, NULL, out);
    for (const struct table_row *r = t->first; r; r = r->next)
        put_line(t, m, r, out);
}

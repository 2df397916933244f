/* SPDX-License-Identifier: Apache-2.0
 * book_import.c - `tollgate prices import`: a price book from somebody else's list. The book goes out, what was not taken is told on
 * standard error. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/book.h"
#include "cli/sheet_read.h"
#include "rules/price_row.h"

#define IMPORT_ARENA ((size_t)4 << 30)
enum { DATE = 10 };

static struct span today(struct cli *c)
{
    char text[TIME_TEXT];
    return arena_copy(&c->arena, span_first(text_time(clock_unix_ms(), text), DATE));
}

/* Written beside it first, so that a gate that reads the file meanwhile finds the old one or the new one. */
static bool write_file(struct cli *c, struct span name, struct span text)
{
    struct span path = arena_copy(&c->arena, name), beside = arena_print(&c->arena, "%.*s.new", SPAN_ARG(name));
    int fd = path.at && beside.at ? open(beside.at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
    bool good = fd >= 0 && file_write(fd, text) && fsync(fd) == 0;
    if (fd >= 0)
        good = close(fd) == 0 && good;
    good = good && rename(beside.at, path.at) == 0;
    if (!good)
        fprintf(stderr, "tollgate prices: %.*s: %s\n", SPAN_ARG(name), strerror(errno));
    return good;
}

static int give(struct cli *c, struct span book)
{
    struct span file = option(c, "out");
    if (file.at)
        return write_file(c, file, book) ? EXIT_DONE : EXIT_REFUSED;
    return fwrite(book.at, 1, book.len, stdout) == book.len && fflush(stdout) == 0 ? EXIT_DONE : EXIT_REFUSED;
}

/* ---- a book of our own: rows are sorted and checked, the header is made ---- */

static int by_line(const void *x, const void *y)
{
    struct span a = *(const struct span *)x, b = *(const struct span *)y, a_provider, b_provider, a_model, b_model;
    bool cut = span_cut(&a, '\t', &a_provider) && span_cut(&b, '\t', &b_provider) && span_cut(&a, '\t', &a_model) && span_cut(&b, '\t', &b_model);
    int order = cut ? span_compare(a_provider, b_provider) : 0;
    return order ? order : cut ? span_compare(a_model, b_model) : 0;
}

static size_t count_lines(struct span text)
{
    size_t n = 1;
    for (size_t i = 0; i < text.len; i++)
        n += text.at[i] == '\n';
    return n;
}

/* False: the reason is on standard error. */
static bool take_lines(struct span text, struct span *lines, size_t *count)
{
    struct span line;
    size_t number = 0;
    while (span_next(&text, '\n', &line)) {
        number++;
        if (span_ends(line, SPAN("\r")))
            line = span_first(line, line.len - 1);
        if (!line.len || line.at[0] == '#' || span_starts(line, SPAN("tollgate-prices\t")))
            continue;
        struct price *p = price_row_read(line);
        if (!p) {
            fprintf(stderr, "tollgate prices: line %zu cannot be read: %.*s\n", number, SPAN_ARG(span_first(line, 120)));
            return false;
        }
        free(p);
        lines[(*count)++] = line;
    }
    qsort(lines, *count, sizeof(*lines), by_line);
    for (size_t i = 1; i < *count; i++)
        if (by_line(&lines[i - 1], &lines[i]) == 0) {
            fprintf(stderr, "tollgate prices: twice: %.*s\n", SPAN_ARG(span_first(lines[i], 120)));
            return false;
        }
    return true;
}

static int import_own(struct cli *c, struct arena *a, struct span text, struct span date)
{
    struct buf rows, book;
    size_t count = 0;
    struct span *lines = ARENA_ARRAY(a, struct span, count_lines(text));
    if (!lines || !take_lines(text, lines, &count))
        return EXIT_CONFIG;
    buf_init(&rows, BOOK_MOST);
    buf_init(&book, BOOK_MOST);
    for (size_t i = 0; i < count; i++) {
        buf_put(&rows, lines[i]);
        buf_put_byte(&rows, '\n');
    }
    sheet_header(buf_span(&rows), count, date, &book);
    buf_put(&book, buf_span(&rows));
    int code = rows.broken || book.broken ? EXIT_REFUSED : give(c, buf_span(&book));
    if (code == EXIT_DONE)
        fprintf(stderr, "%zu models\n", count);
    buf_free(&rows);
    buf_free(&book);
    return code;
}

/* ---- other people's ---- */

/* From its bracket to the other: nothing may stand around a value that is read in place. */
static struct span without_blanks(struct span text)
{
    while (text.len && strchr(" \t\r\n", text.at[0]))
        text = span_from(text, 1);
    while (text.len && strchr(" \t\r\n", text.at[text.len - 1]))
        text = span_first(text, text.len - 1);
    return text;
}

static int import_list(struct cli *c, struct arena *a, sheet_reader *read, struct span text, struct span date)
{
    struct sheet s;
    struct json_value root;
    struct buf book;
    const char *why = "";
    if (json_parse(c->reader, text, true, &root, &why) != E_OK) {
        fprintf(stderr, "tollgate prices: %.*s: not JSON: %s\n", SPAN_ARG(c->operands[1]), why);
        return EXIT_CONFIG;
    }
    sheet_init(&s, a);
    if (!read(&s, without_blanks(text), &why)) {
        fprintf(stderr, "tollgate prices: %.*s: %s; is it of the format that --from says?\n", SPAN_ARG(c->operands[1]), why);
        sheet_free(&s);
        return EXIT_CONFIG;
    }
    buf_init(&book, (size_t)2 * BOOK_MOST);
    int code = sheet_write(&s, date, &book) ? give(c, buf_span(&book)) : EXIT_REFUSED;
    if (code == EXIT_DONE)
        sheet_report(&s, stderr);
    else if (book.broken || a->broken)
        fprintf(stderr, "tollgate prices: %.*s: too large\n", SPAN_ARG(c->operands[1]));
    buf_free(&book);
    sheet_free(&s);
    return code;
}

int book_import(struct cli *c)
{
    static const struct {
        const char *name;
        sheet_reader *read;
    } formats[] = { { "litellm", sheet_read_litellm }, { "models.dev", sheet_read_models_dev }, { "genai-prices", sheet_read_genai }, { "tollgate", NULL } };
    enum { FORMATS = sizeof(formats) / sizeof(*formats) };
    struct span from = option(c, "from"), date = option(c, "date");
    struct arena a;
    struct buf text;
    int64_t ms;
    size_t i = 0;
    while (i < FORMATS && !span_is(from, span_of(formats[i].name)))
        i++;
    if (i == FORMATS)
        return usage_error(c, "--from: found \"%.*s\"; allowed: litellm, models.dev, genai-prices, tollgate", SPAN_ARG(from.at ? from : SPAN("")));
    if (date.at && (date.len != DATE || !text_time_parse(date, &ms)))
        return usage_error(c, "--date: found \"%.*s\"; allowed: a day such as 2026-11-21", SPAN_ARG(date));
    date = date.at ? date : today(c);
    arena_init(&a, IMPORT_ARENA);
    buf_init(&text, BOOK_MOST);
    int code = EXIT_CONFIG;
    if (object_file(c, c->operands[1], &text))
        code = formats[i].read ? import_list(c, &a, formats[i].read, buf_span(&text), date) : import_own(c, &a, buf_span(&text), date);
    buf_free(&text);
    arena_free(&a);
    return code;
}

/* SPDX-License-Identifier: Apache-2.0
 * book.c - `tollgate prices`: the price book. What a model costs is asked of a running gate, or looked up in a book; books are made
 * from other people's lists, and compared. */
#include "cli/book.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/embed.h"

bool book_text(struct cli *c, struct span name, struct buf *room, struct span *text)
{
    char why[PRICE_WHY];
    size_t rows;
    *text = embed_find(SPAN("catalog/models.tsv"));
    if (!name.at)
        return true;
    if (!object_file(c, name, room))
        return false;
    *text = buf_span(room);
    if (price_book_check(*text, &rows, why))
        return true;
    fprintf(stderr, "tollgate prices: %.*s: %s\n", SPAN_ARG(name), why);
    return false;
}

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "show", 1, book_show }, { "import", 1, book_import }, { "diff", 1 + OBJECT_MORE, book_diff }, { "list", 0, book_list },
        { "set", 2, book_set }, { "delete", 1, book_delete }, { "snapshots", 0, book_snapshots }, { NULL, 0, NULL } };
    if (!c->operand_count)
        return usage_error(c, "allowed: show, list, set, delete, snapshots, import, diff");
    return object_run(c, actions);
}

static const struct flag flags[] = {
    { "from", "FORMAT", "import: litellm, models.dev, genai-prices or tollgate (a book whose header is to be made anew)", false },
    { "out", "FILE", "import: write there (-o FILE as well), in one step; else to standard output", false },
    { "date", "DATE", "import: the day the prices are of, such as 2026-11-21; else today", false },
    { "book", "FILE", "show: look it up in this book instead of asking a gate", false },
    { "provider", "PROVIDER", "list: of this provider", false },
    { "model", "PATTERN", "list: of these models", false },
    { "limit", "N", "list: at most so many", false },
    { "cursor", "CURSOR", "list: go on where the last one ended", false },
    { "built-in", NULL, "show: look it up in the book of this program", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_prices = {
    .name = "prices",
    .summary = "what models cost: show one, list, set; import other people's lists, compare books",
    .usage = "  tollgate prices show PROVIDER/MODEL [--built-in | --book FILE]\n"
             "  tollgate prices list [--provider PROVIDER] [--model PATTERN]\n"
             "  tollgate prices set PROVIDER/MODEL FILE     in a running gate: in:, out:, ... in USD for a million tokens, as YAML or JSON\n"
             "  tollgate prices delete PROVIDER/MODEL       take that back\n"
             "  tollgate prices snapshots                   the prices in force and those before them\n"
             "  tollgate prices import FILE --from litellm|models.dev|genai-prices|tollgate [-o out.tsv]\n"
             "  tollgate prices diff A.tsv [B.tsv]          what B (else the book of this program) says otherwise than A\n",
    .flags = flags,
    .operands = 3,
    .watch = "list snapshots",
    .run = run,
};

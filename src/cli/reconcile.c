/* SPDX-License-Identifier: Apache-2.0
 * reconcile.c - `tollgate reconcile`: a vendor's invoice against the ledger. Exit code 0 only when every line and every row has its like. */
#include <errno.h>

#include "cli/api.h"
#include "http/fetch.h"

enum { INVOICE_MOST = 64 << 20, PIECE = 64 << 10, SHOWN = 40 /* pairs in the table */ };

static const struct column columns[] = { { "STATE", ALIGN_LEFT, 0 }, { "OF", ALIGN_LEFT, 60 }, { "INVOICE", ALIGN_POINT, 0 }, { "LEDGER", ALIGN_POINT, 0 }, { "DIFFERENCE", ALIGN_POINT, 0 },
    { "PAIRS", ALIGN_RIGHT, 0 }, { "LINE", ALIGN_RIGHT, 0 }, { "CALL", ALIGN_LEFT, 0 } };

static bool read_invoice(struct cli *c, struct span file, struct buf *out)
{
    struct span name = arena_copy(&c->arena, file);
    bool standard = span_is(file, SPAN("-"));
    FILE *f = standard ? stdin : name.at ? fopen(name.at, "re") : NULL;
    size_t got = 1;
    while (f && got && !out->broken) {
        char *room = buf_reserve(out, PIECE);
        got = room ? fread(room, 1, PIECE, f) : 0;
        out->len += got;
    }
    bool fine = f && !ferror(f) && !out->broken;
    if (!fine)
        fprintf(stderr, "tollgate reconcile: %.*s: %s\n", SPAN_ARG(file), out->broken ? "is larger than 64 MiB; take a shorter time" : strerror(errno));
    if (f && !standard)
        (void)fclose(f);
    return fine;
}

static bool says(struct span text, struct span what) { return span_find(text, what) >= 0; }

/* By the names that only that vendor's exports have. SPAN_NONE: it must be said. */
static struct span guess_vendor(struct span text)
{
    struct span head = span_first(text, 4096);
    if (says(head, SPAN("usage_date_utc")) || says(head, SPAN("starting_at")))
        return SPAN("anthropic");
    if (says(head, SPAN("balance_transaction")) || (says(head, SPAN("Source")) && says(head, SPAN("Net"))) || says(head, SPAN("reporting_category")))
        return SPAN("stripe");
    if (says(head, SPAN("usage_records")) || says(head, SPAN("PriceUnit")) || says(head, SPAN("StartDate")))
        return SPAN("twilio");
    return says(head, SPAN("start_time")) ? SPAN("openai") : SPAN_NONE;
}

/* "invoice_usd" or "invoice_tokens". */
static struct span amount(struct cli *c, struct json_value v, const char *name)
{
    char usd[32], tokens[32];
    snprintf(usd, sizeof(usd), "%s_usd", name);
    snprintf(tokens, sizeof(tokens), "%s_tokens", name);
    struct span text = api_text(c, v, usd);
    return text.at ? text : api_text(c, v, tokens);
}

static void put_amounts(struct cli *c, struct table *t, struct json_value v)
{
    table_put(t, amount(c, v, "invoice"));
    table_put(t, amount(c, v, "ledger"));
    table_put(t, amount(c, v, "difference"));
}

static enum tint tint_of(struct span state) { return span_is(state, SPAN("matched")) ? TINT_GREEN : TINT_RED; }

static void put_pair(struct cli *c, struct table *t, struct json_value pair)
{
    struct span state = api_text(c, pair, "state");
    table_row(t);
    table_put_tinted(t, state, tint_of(state));
    table_put(t, api_text(c, pair, "key"));
    put_amounts(c, t, pair);
    table_put(t, SPAN_NONE);
    table_put(t, api_text(c, pair, "line"));
    table_put(t, api_text(c, pair, "call"));
}

static void put_sum(struct cli *c, struct table *t, struct json_value sum)
{
    struct span state = api_text(c, sum, "state");
    table_row(t);
    table_put_tinted(t, state, api_number(sum, "pairs") ? tint_of(state) : TINT_DIM);
    table_put(t, SPAN("all"));
    put_amounts(c, t, sum);
    table_put_i64(t, api_number(sum, "pairs"));
    table_put(t, SPAN_NONE);
    table_put(t, SPAN_NONE);
}

static void show(struct cli *c, struct json_value root)
{
    struct table t;
    struct span name;
    struct json_value item;
    int left = SHOWN;
    int64_t more = 0;
    printf("%.*s, %.10s up to %.10s (not included)\ncompared: %.*s\n", SPAN_ARG(api_text(c, root, "form")), api_text(c, root, "from").at, api_text(c, root, "to").at,
        SPAN_ARG(api_text(c, root, "compared")));
    table_init(&t, &c->arena, columns, sizeof(columns) / sizeof(*columns), c->colour);
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); json_next(&it, &name, &item);) {
        if (span_is(api_text(c, item, "state"), SPAN("matched")))
            continue;
        more += left <= 0;
        if (left-- > 0)
            put_pair(c, &t, item);
    }
    for (struct json_iter it = json_iter(json_member(root, SPAN("summary"))); json_next(&it, &name, &item);)
        put_sum(c, &t, item);
    table_row(&t);
    table_strong(&t);
    table_put(&t, SPAN("total"));
    table_put(&t, SPAN("all"));
    put_amounts(c, &t, root);
    api_show(c, &t, "");
    if (more)
        printf("%lld more do not match: --format csv or md has them all\n", (long long)more);
    if (api_number(root, "apart_lines"))
        printf("%lld lines of the invoice are of no call and stand apart: %.*s\n", (long long)api_number(root, "apart_lines"), SPAN_ARG(amount(c, root, "apart")));
    if (api_number(root, "lines_outside"))
        printf("%lld lines of the invoice are outside of this time and left out\n", (long long)api_number(root, "lines_outside"));
    if (api_number(root, "ledger_apart_rows"))
        printf("%lld disputes in the ledger stand apart, too: %.*s\n", (long long)api_number(root, "ledger_apart_rows"), SPAN_ARG(amount(c, root, "ledger_apart")));
    struct span fee = api_text(c, root, "fee_usd");
    if (!span_is(fee, SPAN("0")))
        printf("the vendor's own fee, in none of these sums: %.*s USD\n", SPAN_ARG(fee));
}

/* The answer as it is, into --out or standard output. */
static int write_answer(struct cli *c, struct span body)
{
    struct span out = option(c, "out"), name = out.at ? arena_copy(&c->arena, out) : SPAN_NONE;
    FILE *f = out.at ? name.at ? fopen(name.at, "we") : NULL : stdout;
    bool fine = f && fwrite(body.at, 1, body.len, f) == body.len && fflush(f) == 0;
    if (f && f != stdout)
        fine = fclose(f) == 0 && fine;
    if (!fine)
        fprintf(stderr, "tollgate reconcile: %.*s: %s\n", SPAN_ARG(out.at ? out : SPAN("standard output")), strerror(errno));
    return fine ? EXIT_DONE : EXIT_REFUSED;
}

static bool ask(struct cli *c, struct buf *invoice, struct span vendor, const char *format, struct fetch_answer *answer, struct json_value *root, int *code)
{
    static const char *const names[] = { "tolerance", "name", "from", "to", "workspace", NULL };
    struct api_path path;
    const char *why;
    api_path(&path, "reports/invoice");
    api_path_query(&path, "vendor", vendor);
    api_path_query(&path, "format", span_of(format));
    api_path_options(&path, c, names);
    enum err e = api_fetch(c, "POST", &path, buf_span(invoice), answer);
    *root = (struct json_value){ .doc = NULL };
    *code = e == E_UNAUTHORIZED ? EXIT_REFUSED : e ? api_unreachable(c, e) : EXIT_DONE;
    if (e)
        return false;
    bool json = json_parse(c->reader, answer->body, false, root, &why) == E_OK;
    if (answer->status >= 300)
        *code = api_refused(answer->status, json ? *root : (struct json_value){ .doc = NULL });
    return *code == EXIT_DONE;
}

/* Other forms do not say whether it is clean in a way that scripts read, so JSON is always asked, too. */
static int compare(struct cli *c, struct buf *invoice, struct span vendor)
{
    struct fetch_answer answer;
    struct json_value root;
    struct span format = option(c, "format");
    int code = EXIT_DONE;
    bool clean = false, text = format.at && !span_is(format, SPAN("json"));
    if (text && (!ask(c, invoice, vendor, arena_copy(&c->arena, format).at, &answer, &root, &code) || (code = write_answer(c, answer.body)) != EXIT_DONE))
        return code;
    if (!ask(c, invoice, vendor, "json", &answer, &root, &code))
        return code;
    (void)json_bool(json_member(root, SPAN("clean")), &clean);
    if (!text && (c->json || format.at || option_given(c, "out")))
        code = write_answer(c, answer.body);
    else if (!text)
        show(c, root);
    return code != EXIT_DONE ? code : clean ? EXIT_DONE : EXIT_REFUSED;
}

static int run(struct cli *c)
{
    struct buf invoice;
    struct span file = option(c, "invoice"), vendor = option(c, "vendor");
    if (!file.at)
        return usage_error(c, "needs --invoice FILE: the vendor's export, or - for standard input");
    buf_init(&invoice, INVOICE_MOST);
    int code = read_invoice(c, file, &invoice) ? EXIT_DONE : EXIT_REFUSED;
    vendor = vendor.at ? vendor : guess_vendor(buf_span(&invoice));
    if (code == EXIT_DONE && !vendor.at)
        code = usage_error(c, "whose invoice this is cannot be seen; add --vendor openai, anthropic, stripe or twilio");
    if (code == EXIT_DONE)
        code = compare(c, &invoice, vendor);
    buf_free(&invoice);
    return code;
}

static const struct flag flags[] = {
    { "invoice", "FILE", "the vendor's export, CSV or JSON; - for standard input", false },
    { "vendor", "VENDOR", "openai, anthropic, stripe or twilio; else as the file looks", false },
    { "name", "NAME", "what that vendor is called here, if not so", false },
    { "from", "TIME", "the first moment; else the first day in the file", false },
    { "to", "TIME", "the first moment that does not belong to it; else the day after the last one", false },
    { "tolerance", "AMOUNT", "what a pair may differ by, such as 0.01 or 0.5% (0.01 for costs by day and model, else 0); of tokens a whole number", false },
    { "workspace", "NAME", "only this workspace's calls", false },
    { "format", "FORM", "md, csv or json, whole; else a table of what does not match", false },
    { "out", "FILE", "into this file", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_reconcile = {
    .name = "reconcile",
    .summary = "a vendor's invoice against the ledger; exit code 1 when they differ",
    .usage = "  tollgate reconcile --invoice costs.csv --vendor openai\n"
             "  tollgate reconcile --invoice balance.csv --format md --out june.md     exit code 1: something does not match\n",
    .flags = flags,
    .run = run,
};

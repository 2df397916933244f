/* SPDX-License-Identifier: Apache-2.0
 * prices.c - `tollgate vendor prices twilio FILE...`: what texts and calls cost by prefix, from Twilio's price documents, into the
 * settings that reservations are made with. All files are read before anything is changed: one that is wrong changes nothing. */
#include "cli/prices.h"

#include <dirent.h>
#include <stdlib.h>

#include "cli/price_file.h"

enum { FILES_MOST = 4096, NAME_MOST = 4096, SETTINGS_MOST = 4 << 20 };

static const char *const settings[PRICE_KINDS] = { "sms_price_usd", "voice_price_usd" };

static bool is_json(struct span text)
{
    struct span start = span_trim(text);
    return span_starts(start, SPAN("{")) || span_starts(start, SPAN("["));
}

static enum price_kind kind_of(const struct cli *c)
{
    return span_is(option(c, "table"), SPAN("voice")) ? PRICE_VOICE : PRICE_SMS;
}

static int read_file(struct cli *c, struct span file, struct prices *p)
{
    char why[PRICE_WHY] = "";
    struct span text = object_read(c, file);
    if (!text.at)
        return EXIT_CONFIG;
    if (is_json(text) ? price_file_json(c->reader, text, option(c, "number-type"), p, why) : price_file_csv(text, kind_of(c), p, why))
        return EXIT_DONE;
    fprintf(stderr, "tollgate vendor: %.*s: %s; nothing is changed\n", SPAN_ARG(file), why);
    return EXIT_CONFIG;
}

static int is_price_file(const struct dirent *entry)
{
    struct span name = span_of(entry->d_name);
    return name.at[0] != '.' && (span_ends(name, SPAN(".json")) || span_ends(name, SPAN(".csv")));
}

/* Every .json and .csv in a folder, by name; count -1: it is none. */
static int read_folder(struct cli *c, struct span folder, struct dirent **list, int count, struct prices *p)
{
    int code = EXIT_DONE;
    if (count == 0 || count > FILES_MOST) {
        fprintf(stderr, "tollgate vendor: %.*s: found %d files *.json and *.csv; allowed: 1 to %d\n", SPAN_ARG(folder), count, FILES_MOST);
        return EXIT_CONFIG;
    }
    for (int i = 0; i < count && code == EXIT_DONE; i++)
        code = read_file(c, arena_print(&c->arena, "%.*s/%s", SPAN_ARG(folder), list[i]->d_name), p);
    return code;
}

static int read_operand(struct cli *c, struct span name, struct prices *p)
{
    struct span path = arena_copy(&c->arena, name);
    struct dirent **list = NULL;
    int count = path.at ? scandir(path.at, &list, is_price_file, alphasort) : -1;
    int code = count < 0 ? read_file(c, name, p) : read_folder(c, name, list, count, p);
    for (int i = 0; i < count; i++)
        free(list[i]);
    free(list);
    return code;
}

/* ---- where they go ---- */

/* As they would stand in the configuration. */
static int print_yaml(struct span vendor, const struct prices *p)
{
    char text[MONEY_TEXT];
    printf("vendors:\n  %.*s:\n    settings:\n", SPAN_ARG(vendor));
    for (size_t k = 0; k < PRICE_KINDS; k++) {
        if (p->tables[k].count)
            printf("      %s:\n", settings[k]);
        for (size_t i = 0; i < p->tables[k].count; i++)
            printf("        \"%.*s\": \"%.*s\"\n", SPAN_ARG(p->tables[k].rows[i].digits), SPAN_ARG(money_text(p->tables[k].rows[i].price, text)));
    }
    return EXIT_DONE;
}

static void put_table(struct json_out *o, const struct price_table *t)
{
    char text[MONEY_TEXT];
    json_open(o, '{');
    for (size_t i = 0; i < t->count; i++)
        json_pair(o, t->rows[i].digits, money_text(t->rows[i].price, text));
    json_close(o, '}');
}

/* A patch keeps what it does not name: other settings, and prefixes of other countries. */
static int send(struct cli *c, struct span vendor, const struct prices *p)
{
    struct json_value root;
    struct buf body;
    bool printed;
    buf_init(&body, SETTINGS_MOST);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    json_name(&o, SPAN("settings"));
    json_open(&o, '{');
    for (size_t k = 0; k < PRICE_KINDS; k++) {
        if (!p->tables[k].count)
            continue;
        json_name(&o, span_of(settings[k]));
        put_table(&o, &p->tables[k]);
    }
    json_close(&o, '}');
    json_close(&o, '}');
    int code = object_send(c, "PATCH", "vendors", vendor, NULL, buf_span(&body), &root, &printed);
    buf_free(&body);
    if (code == EXIT_DONE && !printed)
        printf("prices of %zu prefixes for texts and %zu for calls, from %zu documents, are in force\n", p->tables[PRICE_SMS].count,
            p->tables[PRICE_VOICE].count, p->documents);
    return code;
}

int vendor_prices(struct cli *c)
{
    struct prices p = { .arena = &c->arena };
    if (c->operand_count < 3)
        return usage_error(c, "prices needs a vendor and files: tollgate vendor prices twilio FILE...");
    struct span vendor = c->operands[1], table = option(c, "table");
    if (!span_is(vendor, SPAN("twilio")))
        return usage_error(c, "found \"%.*s\"; allowed: twilio", SPAN_ARG(vendor));
    if (table.at && !span_is(table, SPAN("sms")) && !span_is(table, SPAN("voice")))
        return usage_error(c, "--table: found \"%.*s\"; allowed: sms, voice", SPAN_ARG(table));
    for (size_t i = 2; i < c->operand_count; i++) {
        int code = read_operand(c, c->operands[i], &p);
        if (code != EXIT_DONE)
            return code;
    }
    price_file_settle(&p);
    return option_given(c, "print") ? print_yaml(vendor, &p) : send(c, vendor, &p);
}

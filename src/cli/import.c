/* SPDX-License-Identifier: Apache-2.0
 * import.c - `tollgate import`: another gateway's configuration, and its keys, as ours. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/embed.h"
#include "base/must.h"
#include "cli/book.h"
#include "cli/import.h"
#include "cli/object.h"

enum { YAML_MOST = 16 << 20 };

static const struct source {
    const char *name;
    import_reader *read;
    import_finisher *finish;
} sources[] = { { "litellm", import_read_litellm, import_finish_litellm }, { "portkey", import_read_portkey, import_finish_portkey },
    { "openrouter", import_read_openrouter, import_finish_openrouter } };

/* ---- files ---- */

/* An object a line. */
static const struct node *read_lines(struct import *im, const char *name, struct span text, struct trouble *t)
{
    struct node *list = import_list(im), **end = &list->first;
    struct span line;
    while (span_next(&text, '\n', &line)) {
        struct node *n = NULL;
        if (!span_trim(line).len)
            continue;
        if (node_read_json(im->a, name, line, &n, t) != E_OK)
            return NULL;
        *end = n;
        end = &n->next;
        list->count++;
    }
    return list;
}

static bool is_lines(struct span text)
{
    struct span line;
    return span_starts(text, SPAN("{")) && span_cut(&text, '\n', &line) && span_ends(span_trim(line), SPAN("}")) && span_starts(span_trim(text), SPAN("{"));
}

const struct node *import_load(struct import *im, struct span file)
{
    struct trouble t = { .set = false }, as_json = { .set = false };
    struct node *root = NULL;
    struct buf room;
    const char *name = arena_copy(im->a, file).at;
    buf_init(&room, BOOK_MOST);
    if (!object_file(im->cli, file, &room))
        return NULL;
    struct span text = span_trim(arena_copy(im->a, buf_span(&room)));
    buf_free(&room);
    if (is_lines(text))
        return read_lines(im, name, text, &t);
    bool json = (span_starts(text, SPAN("{")) || span_starts(text, SPAN("["))) && node_read_json(im->a, name, text, &root, &as_json) == E_OK;
    if (!json && node_read_yaml(im->a, name, text, &root, &t) != E_OK)
        fprintf(stderr, "tollgate import: %s\n", t.text);
    return !t.set && root ? root : NULL;
}

/* ---- the answer ---- */

static bool write_file(struct import *im, struct span file, struct span text)
{
    const char *path = arena_copy(im->a, file).at;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0;
    for (size_t done = 0; good && done < text.len;) {
        ssize_t n = write(fd, text.at + done, text.len - done);
        good = n > 0;
        done += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0)
        good = close(fd) == 0 && good;
    if (!good)
        fprintf(stderr, "tollgate import: %s cannot be written\n", path);
    return good;
}

static void add_steps(struct import *im, struct span file)
{
    struct span name = file.at ? file : SPAN("tollgate.yaml");
    bool applied = option_given(im->cli, "apply");
    if (im->counts[NOTE_LOST])
        import_step(im, "look through what is not mapped, above: %zu", im->counts[NOTE_LOST]);
    if (im->variables && !applied)
        import_step(im, "set the variables named above where the gate runs");
    if (!applied)
        import_step(im, "tollgate serve --config %.*s --check", SPAN_ARG(name));
    if (im->keys_without_token)
        import_step(im, "tollgate key rotate NAME, for the keys without a token (%zu): it is shown once", im->keys_without_token);
    import_step(im, "docs/migrate.md: send a little traffic, compare costs, then move the rest");
}

/* The configuration goes to standard output unless it goes elsewhere; what people read then goes beside it. */
static int give(struct import *im, struct span yaml)
{
    struct cli *c = im->cli;
    struct span file = option(c, "out");
    bool dry = option_given(c, "dry-run"), elsewhere = !dry && (file.at || option_given(c, "apply"));
    const char *no_colour = getenv("NO_COLOR");
    if (!dry && file.at && !write_file(im, file, yaml))
        return EXIT_REFUSED;
    struct span written = !dry ? file : SPAN_NONE;
    int code = !dry && option_given(c, "apply") ? import_apply(im, yaml) : EXIT_DONE;
    if (code != EXIT_DONE)
        return code;
    add_steps(im, file);
    if (c->json) {
        import_report_json(im, yaml, written);
    } else {
        if (!elsewhere)
            printf("%.*s", SPAN_ARG(yaml));
        fflush(stdout);
        import_report(im, elsewhere ? stdout : stderr, elsewhere ? c->colour : isatty(STDERR_FILENO) && !(no_colour && *no_colour), written);
    }
    return im->counts[NOTE_LOST] ? EXIT_PARTLY : EXIT_DONE;
}

static int make(struct import *im, const struct source *source)
{
    struct cli *c = im->cli;
    struct buf yaml;
    void *state = NULL;
    for (size_t i = 1; i < c->operand_count; i++) {
        const struct node *root = import_load(im, c->operands[i]);
        if (!root || !source->read(im, root, c->operands[i], &state))
            return EXIT_CONFIG;
    }
    source->finish(im, state);
    int code = import_check(im);
    if (code != EXIT_DONE)
        return code;
    buf_init(&yaml, YAML_MOST);
    buf_print(&yaml, "# Made by tollgate import %s; docs/migrate.md\n", source->name);
    import_write(im, false, &yaml);
    code = yaml.broken ? EXIT_CONFIG : give(im, buf_span(&yaml));
    buf_free(&yaml);
    return code;
}

static void end(struct import *im)
{
    for (struct variable *v = im->variables; v; v = v->next)
        if (v->value.at)
            secret_wipe((void *)(uintptr_t)v->value.at, v->value.len);
    map_free(&im->stand_ins);
    map_free(&im->vendors_used);
    map_free(&im->models_used);
    price_book_free(im->book);
}

static int run(struct cli *c)
{
    const struct source *source = NULL;
    struct trouble t = { .set = false };
    struct import im = { .cli = c, .a = &c->arena };
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources) && c->operand_count; i++)
        if (span_is(c->operands[0], span_of(sources[i].name)))
            source = &sources[i];
    if (!source)
        return usage_error(c, "found \"%.*s\"; allowed: litellm, portkey, openrouter, and then files", SPAN_ARG(c->operand_count ? c->operands[0] : SPAN("nothing")));
    if (c->operand_count < 2)
        return usage_error(c, "import %s needs a file (\"-\": standard input)", source->name);
    if (option_given(c, "apply") && option_given(c, "out"))
        return usage_error(c, "--apply and --out: allowed: one of them");
    im.from = source->name;
    im.root = import_map(&im);
    if (price_book_read(embed_find(SPAN("catalog/models.tsv")), NULL, &im.book, &t) != E_OK) {
        fprintf(stderr, "tollgate import: %s\n", t.text);
        return EXIT_REFUSED;
    }
    int code = make(&im, source);
    end(&im);
    return code;
}

static const struct flag flags[] = {
    { "out", "FILE", "write the configuration there instead of to standard output", false },
    { "apply", NULL, "send it to a running gate by its admin API; secrets are sealed there", false },
    { "dry-run", NULL, "show all of it, write and send nothing", false },
    { "vendor", "SLUG=VENDOR", "portkey: whose secret a virtual key is that no file lists", true },
    { NULL, NULL, NULL, false },
};

const struct verb verb_import = {
    .name = "import",
    .summary = "another gateway's configuration and keys as ours: litellm, portkey, openrouter",
    .usage = "  tollgate import litellm FILE... --out tollgate.yaml     config.yaml, and keys.json where there is one\n"
             "  tollgate import portkey FILE... --dry-run               configs.json virtual-keys.json api-keys.json\n"
             "  tollgate import openrouter FILE... --apply              preferences.json keys.json\n\n"
             "Says of each field of the source what became of it. No secret is printed: a literal one becomes a reference, ${NAME}.\n"
             "Exit codes: 0 all was mapped; 5 something was not, and the table says what; 4 the source cannot be read.\n",
    .flags = flags,
    .operands = IMPORT_FILES_MOST,
    .run = run,
};

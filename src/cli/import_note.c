/* SPDX-License-Identifier: Apache-2.0
 * import_note.c - what became of each field of the source, and how it is told. */
#include <stdarg.h>

#include "cli/import.h"
#include "cli/table.h"

enum { WHY_MOST = 600, REPORT_MOST = 64 << 20 };

static const char *const words[] = { "mapped", "differs", "not mapped" };
static const enum tint tints[] = { TINT_GREEN, TINT_YELLOW, TINT_RED };

void import_note(struct import *im, enum note_kind kind, struct span path, struct span ours, const char *why, ...)
{
    char text[WHY_MOST] = "";
    struct note *note = ARENA_NEW(im->a, struct note);
    must(note && kind <= NOTE_LOST);
    if (why) {
        va_list args;
        va_start(args, why);
        vsnprintf(text, sizeof(text), why, args);
        va_end(args);
    }
    *note = (struct note){ kind, path, ours, *text ? arena_copy(im->a, span_of(text)) : SPAN_NONE, NULL };
    if (im->last_note)
        im->last_note->next = note;
    else
        im->notes = note;
    im->last_note = note;
    im->counts[kind]++;
}

void import_step(struct import *im, const char *format, ...)
{
    char text[WHY_MOST] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    im->steps = arena_grow(im->a, im->steps, sizeof(*im->steps), im->step_count);
    must(im->steps);
    im->steps[im->step_count++] = arena_copy(im->a, span_of(text));
}

struct span import_at(struct import *im, struct span path, const char *name)
{
    return arena_print(im->a, "%.*s%s%.*s", SPAN_ARG(span_first(path, IMPORT_PATH)), path.len ? "." : "", SPAN_ARG(span_first(span_of(name), IMPORT_PATH)));
}

struct span import_nth(struct import *im, struct span path, size_t i)
{
    return arena_print(im->a, "%.*s[%zu]", SPAN_ARG(span_first(path, IMPORT_PATH)), i);
}

void import_walk(struct import *im, const struct node *map, struct span path, const struct import_rule *rules, void *self)
{
    if (map && map->kind != NODE_MAP)
        import_note(im, NOTE_LOST, path, SPAN_NONE, "not a map");
    for (const struct node *n = map && map->kind == NODE_MAP ? map->first : NULL; n; n = n->next) {
        const struct import_rule *r = rules;
        struct span name = arena_copy(im->a, n->name), at = import_at(im, path, name.at);
        if (n->kind == NODE_NULL)
            continue;
        while (r->name && !span_like(n->name, span_of(r->name)))
            r++;
        if (!r->name)
            import_note(im, NOTE_LOST, at, SPAN_NONE, "not known to this importer");
        else if (r->take)
            r->take(im, self, at, n);
        else if (r->kind != NOTE_SILENT)
            import_note(im, r->kind, at, r->ours ? span_of(r->ours) : SPAN_NONE, "%s", r->why ? r->why : "");
    }
}

/* ---- for people ---- */

/* "model_list[3].litellm_params.model" as "model_list[*].litellm_params.model". */
static struct span folded(struct import *im, struct span path)
{
    struct buf out;
    buf_init(&out, 4096);
    for (size_t i = 0; i < path.len; i++) {
        buf_put_byte(&out, path.at[i]);
        if (path.at[i] != '[')
            continue;
        buf_put_byte(&out, '*');
        while (i + 1 < path.len && path.at[i + 1] != ']')
            i++;
    }
    struct span text = arena_copy(im->a, buf_span(&out));
    buf_free(&out);
    return text;
}

static void put_row(struct table *t, const struct note *n, struct span path)
{
    table_row(t);
    table_put_tinted(t, span_of(words[n->kind]), tints[n->kind]);
    table_put(t, path);
    table_put(t, n->ours);
    table_put(t, n->why);
}

/* What was simply mapped is told once for all items of a list; the rest one by one. */
static void put_mapped(struct import *im, struct table *t)
{
    struct map seen = { NULL, 0, 0 };
    for (const struct note *n = im->notes; n; n = n->next) {
        if (n->kind != NOTE_MAPPED)
            continue;
        struct span path = folded(im, n->path);
        if (map_get(&seen, path))
            continue;
        must(map_put(&seen, path, (void *)(uintptr_t)n));
        put_row(t, n, path);
    }
    map_free(&seen);
}

static void put_rest(const struct import *im, struct table *t)
{
    for (int kind = NOTE_DIFFERS; kind <= NOTE_LOST; kind++)
        for (const struct note *n = im->notes; n; n = n->next)
            if (n->kind == (enum note_kind)kind)
                put_row(t, n, n->path);
}

static void put_variables(const struct import *im, FILE *to)
{
    if (!im->variables)
        return;
    fputs("\nset in the gate's environment, where the secrets themselves are not shown:\n", to);
    for (const struct variable *v = im->variables; v; v = v->next)
        fprintf(to, "  %.*s%s%.*s\n", SPAN_ARG(v->name), v->value.at ? "    the literal at " : "    as in ", SPAN_ARG(v->path));
}

void import_report(struct import *im, FILE *to, bool colour, struct span written)
{
    static const struct column columns[] = { { "", ALIGN_LEFT, 0 }, { "SOURCE", ALIGN_LEFT, 0 }, { "BECOMES", ALIGN_LEFT, 0 }, { "NOTE", ALIGN_LEFT, 0 } };
    struct table t;
    struct buf out;
    table_init(&t, im->a, columns, sizeof(columns) / sizeof(*columns), colour);
    put_mapped(im, &t);
    put_rest(im, &t);
    buf_init(&out, REPORT_MOST);
    table_print(&t, &out);
    fprintf(to, "%.*s\n%zu mapped, %zu with a difference, %zu not mapped\n", SPAN_ARG(buf_span(&out)), im->counts[NOTE_MAPPED], im->counts[NOTE_DIFFERS],
        im->counts[NOTE_LOST]);
    buf_free(&out);
    put_variables(im, to);
    if (written.at)
        fprintf(to, "\nwritten: %.*s\n", SPAN_ARG(written));
    fputs("\nnext:\n", to);
    for (size_t i = 0; i < im->step_count; i++)
        fprintf(to, "  %zu. %.*s\n", i + 1, SPAN_ARG(im->steps[i]));
}

/* ---- as JSON ---- */

static void put_notes(const struct import *im, struct json_out *o, enum note_kind kind, const char *name)
{
    json_name(o, span_of(name));
    json_open(o, '[');
    for (const struct note *n = im->notes; n; n = n->next) {
        if (n->kind != kind)
            continue;
        json_open(o, '{');
        json_pair(o, SPAN("path"), n->path);
        json_pair(o, SPAN("ours"), n->ours);
        json_pair(o, SPAN("note"), n->why);
        json_close(o, '}');
    }
    json_close(o, ']');
}

void import_report_json(struct import *im, struct span yaml, struct span written)
{
    struct buf out;
    buf_init(&out, REPORT_MOST);
    struct json_out o = json_out(&out);
    json_open(&o, '{');
    json_pair(&o, SPAN("from"), span_of(im->from));
    json_pair(&o, SPAN("config"), yaml);
    json_pair(&o, SPAN("written"), written);
    put_notes(im, &o, NOTE_MAPPED, "mapped");
    put_notes(im, &o, NOTE_DIFFERS, "differs");
    put_notes(im, &o, NOTE_LOST, "not_mapped");
    json_name(&o, SPAN("set"));
    json_open(&o, '[');
    for (const struct variable *v = im->variables; v; v = v->next) {
        json_open(&o, '{');
        json_pair(&o, SPAN("name"), v->name);
        json_pair(&o, SPAN("path"), v->path);
        json_close(&o, '}');
    }
    json_close(&o, ']');
    json_name(&o, SPAN("next"));
    json_open(&o, '[');
    for (size_t i = 0; i < im->step_count; i++)
        json_put_string(&o, im->steps[i]);
    json_close(&o, ']');
    json_close(&o, '}');
    printf("%.*s\n", SPAN_ARG(buf_span(&out)));
    buf_free(&out);
}

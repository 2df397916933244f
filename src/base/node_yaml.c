/* SPDX-License-Identifier: Apache-2.0
 * node_yaml.c - a tree from YAML, by libyaml's events. Only what a configuration needs: maps, lists, scalars; what makes
 * a text mean more than it shows (aliases, anchors, tags, merge keys, several documents) is refused. */
#include <yaml.h>

#include "base/node_build.h"

struct reading {
    struct node_build build;
    yaml_parser_t parser;
    yaml_event_t event; /* the current one; libyaml's memory */
    bool hidden;        /* braces were put out of sight */
};

/* In `{ token: ${TOKEN} }` YAML sees the braces of the reference as its own. So they are put out of its sight for the
 * while: by two private-use characters, which a configuration must then not have itself. */
static const struct span open_mark = { "\xee\x80\x80", 3 }, close_mark = { "\xee\x80\x81", 3 };

/* Length of the "${...}" at the start of s, within one line; 0 when there is none. */
static size_t reference_len(struct span s)
{
    if (!span_starts(s, SPAN("${")))
        return 0;
    size_t n = 2;
    while (n < s.len && !strchr("{}\r\n", s.at[n]))
        n++;
    return n < s.len && s.at[n] == '}' ? n + 1 : 0;
}

static void hide_braces(struct span text, struct buf *out)
{
    while (text.len) {
        ptrdiff_t dollar = span_find_byte(text, '$');
        size_t plain = dollar < 0 ? text.len : (size_t)dollar;
        buf_put(out, span_first(text, plain));
        text = span_from(text, plain);
        size_t len = reference_len(text);
        if (len) {
            buf_put_byte(out, '$');
            buf_put(out, open_mark);
            buf_put(out, span_from(span_first(text, len - 1), 2));
            buf_put(out, close_mark);
        } else {
            buf_put(out, span_first(text, 1));
        }
        text = span_from(text, len ? len : 1);
    }
}

/* In place; the event's memory is ours to change. */
static void show_braces(yaml_event_t *scalar)
{
    char *at = (char *)scalar->data.scalar.value;
    struct span rest = span_make(at, scalar->data.scalar.length);
    size_t len = 0;
    while (rest.len) {
        bool opens = span_starts(rest, open_mark), closes = span_starts(rest, close_mark);
        at[len++] = opens ? '{' : closes ? '}' : *rest.at;
        rest = span_from(rest, opens || closes ? 3 : 1);
    }
    scalar->data.scalar.length = len;
}

static int line_of(const struct reading *r) { return (int)r->event.start_mark.line + 1; }

static bool next_event(struct reading *r)
{
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->parser, &r->event)) {
        if (r->event.type == YAML_SCALAR_EVENT && r->hidden)
            show_braces(&r->event);
        return true;
    }
    memset(&r->event, 0, sizeof(r->event));
    node_build_fail(&r->build, (int)r->parser.problem_mark.line + 1, "not YAML: %s%s%s",
        r->parser.context ? r->parser.context : "", r->parser.context ? ", " : "",
        r->parser.problem ? r->parser.problem : "out of memory");
    return false;
}

static bool refuse(struct reading *r, const char *what)
{
    node_build_fail(&r->build, line_of(r), "%s", what);
    return false;
}

static bool plain_value(struct reading *r, const void *anchor, const void *tag)
{
    if (anchor)
        return refuse(r, "anchors (&name) are not allowed; write the value out");
    return tag ? refuse(r, "tags (!name) are not allowed; quote text that looks like a number") : true;
}

static struct span scalar_text(const struct reading *r)
{
    return span_make((const char *)r->event.data.scalar.value, r->event.data.scalar.length);
}

static bool means_null(struct span text)
{
    return text.len == 0 || span_is(text, SPAN("~")) || span_is(text, SPAN("null")) || span_is(text, SPAN("Null")) ||
        span_is(text, SPAN("NULL"));
}

static struct node *read_scalar(struct reading *r, int depth)
{
    if (!plain_value(r, r->event.data.scalar.anchor, r->event.data.scalar.tag))
        return NULL;
    bool quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (!quoted && means_null(scalar_text(r)))
        return node_build_new(&r->build, NODE_NULL, line_of(r), depth);
    return node_build_scalar(&r->build, scalar_text(r), quoted, line_of(r), depth);
}

static struct node *read_value(struct reading *r, int depth);

/* The current event is the first item or the end. */
static bool read_items(struct reading *r, struct node *list, int depth)
{
    struct node **end = &list->first;
    while (r->event.type != YAML_SEQUENCE_END_EVENT) {
        *end = read_value(r, depth + 1);
        if (!*end || !next_event(r))
            return false;
        end = &(*end)->next;
        list->count++;
    }
    return true;
}

static bool read_name(struct reading *r, struct span *name)
{
    if (r->event.type == YAML_ALIAS_EVENT)
        return refuse(r, "aliases (*name) are not allowed; write the value out");
    if (r->event.type != YAML_SCALAR_EVENT)
        return refuse(r, "a name in a map must be plain text");
    if (!plain_value(r, r->event.data.scalar.anchor, r->event.data.scalar.tag))
        return false;
    if (r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && span_is(scalar_text(r), SPAN("<<")))
        return refuse(r, "merge keys (<<) are not allowed; write the fields out");
    *name = arena_copy(r->build.arena, scalar_text(r));
    return name->at ? true : refuse(r, "does not fit into the memory set aside for it");
}

/* The current event is the first name or the end. A member stands where its name stands. */
static bool read_members(struct reading *r, struct node *map, int depth)
{
    struct node **end = &map->first;
    while (r->event.type != YAML_MAPPING_END_EVENT) {
        struct span name;
        int line = line_of(r);
        if (!read_name(r, &name) || !next_event(r))
            return false;
        *end = read_value(r, depth + 1);
        if (!*end || !next_event(r))
            return false;
        (*end)->name = name;
        (*end)->line = line;
        end = &(*end)->next;
        map->count++;
    }
    return node_build_check_names(&r->build, map);
}

/* Leaves the value's last event as the current one. */
static struct node *read_value(struct reading *r, int depth)
{
    struct node *n;
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(r, depth);
    case YAML_SEQUENCE_START_EVENT:
        if (!plain_value(r, r->event.data.sequence_start.anchor, r->event.data.sequence_start.tag))
            return NULL;
        n = node_build_new(&r->build, NODE_LIST, line_of(r), depth);
        return n && next_event(r) && read_items(r, n, depth) ? n : NULL;
    case YAML_MAPPING_START_EVENT:
        if (!plain_value(r, r->event.data.mapping_start.anchor, r->event.data.mapping_start.tag))
            return NULL;
        n = node_build_new(&r->build, NODE_MAP, line_of(r), depth);
        return n && next_event(r) && read_members(r, n, depth) ? n : NULL;
    default:
        refuse(r, "aliases (*name) are not allowed; write the value out");
        return NULL;
    }
}

static bool skip_event(struct reading *r)
{
    bool skipped = next_event(r);
    return skipped && next_event(r);
}

/* A text without a document is an empty map: all fields have defaults. */
static struct node *read_document(struct reading *r)
{
    if (!skip_event(r)) /* the stream's start; now the document's */
        return NULL;
    if (r->event.type == YAML_STREAM_END_EVENT)
        return node_build_new(&r->build, NODE_MAP, 1, 1);
    if (r->event.data.document_start.tag_directives.start != r->event.data.document_start.tag_directives.end) {
        refuse(r, "tags (!name) are not allowed; quote text that looks like a number");
        return NULL;
    }
    struct node *root = next_event(r) ? read_value(r, 1) : NULL;
    if (!root || !skip_event(r)) /* the document's end; now the stream's */
        return NULL;
    if (r->event.type != YAML_STREAM_END_EVENT) {
        refuse(r, "a second document (---) is not allowed");
        return NULL;
    }
    return root;
}

/* The text as libyaml shall see it. False: refused. */
static bool prepare(struct reading *r, struct span *text, struct buf *copy)
{
    if (span_starts(*text, SPAN("\xef\xbb\xbf"))) /* some editors write one */
        *text = span_from(*text, 3);
    if (!node_build_start(&r->build, *text))
        return false;
    if (span_find(*text, SPAN("${")) < 0)
        return true;
    if (span_find(*text, open_mark) >= 0 || span_find(*text, close_mark) >= 0) {
        node_build_fail(&r->build, 0, "the private-use characters U+E000 and U+E001 are not allowed");
        return false;
    }
    hide_braces(*text, copy);
    r->hidden = true;
    if (buf_done(copy, text) == E_OK)
        return true;
    node_build_fail(&r->build, 0, "out of memory");
    return false;
}

enum err node_read_yaml(struct arena *a, const char *file, struct span text, struct node **root, struct trouble *t)
{
    struct reading r;
    struct buf copy;
    memset(&r, 0, sizeof(r));
    r.build = (struct node_build){ a, file, t, 0 };
    *root = NULL;
    buf_init(&copy, (size_t)NODE_TEXT_MOST * 3); /* "${}" becomes 7 bytes at most */
    if (prepare(&r, &text, &copy)) {
        if (yaml_parser_initialize(&r.parser)) {
            yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
            yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.at ? text.at : ""), text.len);
            *root = read_document(&r);
            yaml_event_delete(&r.event);
        } else {
            node_build_fail(&r.build, 0, "out of memory");
        }
        yaml_parser_delete(&r.parser);
    }
    buf_free(&copy);
    return *root ? E_OK : E_CONFIG;
}

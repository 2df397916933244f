/* SPDX-License-Identifier: Apache-2.0
 * ask.h - what all dialects share in reading a request: members of the top object into slots, the bound of its input,
 * and edits of the raw body. Private to dialect/.
 *
 * The bound of the input tokens must hold for every tokenizer, so it counts bytes: byte-level ones make at most one
 * token of a byte, and the body's bytes include all text, tool definitions and schemas. On top comes what vendors add
 * around messages and tools; inline pictures are counted by a fixed most instead of their base64. What cannot be
 * bounded so makes the ask `input_unbounded`. */
#ifndef TG_DIALECT_ASK_H
#define TG_DIALECT_ASK_H

#include "dialect/dialect.h"
#include "dialect/member.h"
#include "rules/parts.h"

enum {
    ASK_OVERHEAD = 128,           /* a vendor's own words around an empty conversation */
    ASK_TOOLS_OVERHEAD = 1024,    /* the prompt that explains tools, once */
    ASK_ROUNDS = 3,               /* further rounds of tools that the vendor runs, where nothing bounds them: a choice, no bound */
    ASK_OWN_TOOL_OVERHEAD = 2048, /* a tool the vendor defines and a short name stands for (computer, bash, editor) */
};

/* Slots; which of them a dialect fills is said by its table of fields. Absent and null: SPAN_NONE, -1, false. */
struct ask_found {
    struct span model, tier, user, speed;
    struct span messages, tools, functions, stream_options, prediction, input, reference, reference2, prompt, metadata, search_options, plugins, extra;
    struct span live_search, web_search, code, choice;
    struct span size, quality, format, seconds, speed_factor, documents;
    struct span others, others2; /* models that may answer instead; only an empty list is let pass */
    int64_t limit, old_limit, choices, tool_calls, best_of, partials, width, height;
    bool stream, echo;
};

enum ask_kind { ASK_TEXT, ASK_FLAG, ASK_COUNT, ASK_RAW };

struct ask_field {
    struct span name;
    enum ask_kind kind;
    size_t slot;     /* offset in struct ask_found */
    const char *why; /* what to say when it is of another kind */
};

#define ASK_FIELD(text, kind, slot, why) { { "" text, sizeof(text) - 1 }, kind, offsetof(struct ask_found, slot), text why }

/* fields ends with a name of SPAN_NONE. A model must be there. Names that differ from a field's by case only are
 * refused: some vendors read them as the field. */
CHECKED enum err ask_read(struct json *j, struct span body, struct arena *a, const struct ask_field *fields,
    struct ask_found *found, const char **why);
/* The same where the model may be left out: found->model is empty then. */
CHECKED enum err ask_read_open(struct json *j, struct span body, struct arena *a, const struct ask_field *fields,
    struct ask_found *found, const char **why);
/* Of a form: fields' texts as they are; flags and counts from their texts. Raw ones are the text too; fields named there may not come
 * twice. *parts: everything that the form has. */
CHECKED enum err ask_read_form(struct span content_type, struct span body, struct arena *a, const struct ask_field *fields,
    struct ask_found *found, struct form *parts, const char **why);
/* The whole of edit_form: the model's part gets another value, or the form one more part. */
void ask_edit_form(struct span content_type, struct span body, struct arena *a, const struct ask_edit *edit, struct buf *out);
/* Is this raw value there, and anything but an empty list? */
bool ask_lists_some(struct span raw);
/* Is this what a model's name may be? */
CHECKED enum err ask_check_model(struct span model, const char **why);
/* Slots to an ask that is sound for text: limits, tier, user, the byte bound. */
void ask_begin(struct span body, const struct ask_found *found, struct ask *out);
/* The raw string is a picture in base64: it costs `most` tokens instead of its bytes. */
void ask_picture(struct ask *out, struct span raw, int64_t most);
/* Is this raw string an inline picture ("data:image/...")? */
bool ask_is_inline_picture(struct span raw);
/* "default" and the like are no tier of their own. */
struct span ask_tier(struct span tier);

enum { ASK_SPLICES = 8, ASK_SPLICE_TEXT = 64 };

/* Pieces of a text to be replaced by others. */
struct ask_splices {
    struct span body;
    struct {
        size_t from, to;
        char text[ASK_SPLICE_TEXT];
        struct span plain; /* a text of any length: written as a string behind `text` */
    } list[ASK_SPLICES];
    size_t count;
};
void ask_replace(struct ask_splices *s, struct span old, const char *format, ...) PRINTF_LIKE(3, 4);
/* Puts a first member into an object. */
void ask_insert(struct ask_splices *s, struct span object, bool empty, const char *format, ...) PRINTF_LIKE(4, 5);
/* Calls the model by the name that edit says, if it says one. model: that member of the body. */
void ask_edit_model(struct ask_splices *s, const struct member *model, const struct ask_edit *edit);
void ask_write(struct ask_splices *s, struct buf *out);
/* The whole of edit_ask for a dialect whose only edits are its model and its output limit, a number under this name; SPAN_NONE: it has
 * no limit to edit. */
void ask_edit_limit(struct json *j, struct span body, struct span name, const struct ask_edit *edit, struct buf *out);

#endif

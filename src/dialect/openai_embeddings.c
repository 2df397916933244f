/* SPDX-License-Identifier: Apache-2.0
 * openai_embeddings.c - embeddings: input only, never streamed; nothing to edit but the model's name. */
#include "dialect/answer.h"
#include "dialect/ask.h"
#include "dialect/dialects.h"
#include "dialect/walk.h"

static const struct ask_field fields[] = {
    ASK_FIELD("model", ASK_TEXT, model, " must be a string"),
    ASK_FIELD("user", ASK_TEXT, user, " must be a string"),
    ASK_FIELD("input", ASK_RAW, input, ""),
    { .name = { NULL, 0 } },
};

static void note_object(void *self, uint64_t place, bool name, struct span raw)
{
    struct ask *ask = self;
    (void)place, (void)raw;
    if (name)
        ask->input_unbounded = true;
}

/* Token ids take two bytes of JSON or more, so bytes bound them too; objects (pictures, at some vendors) they do not. */
static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    enum err e = ask_read_open(j, body, a, fields, &found, why); /* at Azure the model stands in the path */
    if (e)
        return e;
    ask_begin(body, &found, out);
    out->output_limit = 0;
    const struct span no_names[] = { { NULL, 0 } };
    walk(found.input, no_names, note_object, out);
    return E_OK;
}

static void edit_ask(struct json *j, struct span body, const struct ask_edit *edit, struct buf *out)
{
    ask_edit_limit(j, body, SPAN_NONE, edit, out);
}

static void write_error_event(struct buf *out, struct span code, struct span message)
{
    buf_put(out, SPAN("data: "));
    answer_write_error(out, code, message);
    buf_put(out, SPAN("\n\n"));
}

const struct dialect dialect_openai_embeddings = {
    .name = "openai_embeddings",
    .read_ask = read_ask,
    .edit_ask = edit_ask,
    .read_usage = answer_read_usage,
    .write_error_event = write_error_event,
};

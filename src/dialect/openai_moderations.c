/* SPDX-License-Identifier: Apache-2.0
 * openai_moderations.c - is a text harmful? Free at OpenAI, which tells no usage; charged by tokens elsewhere. */
#include "dialect/dialects.h"
#include "dialect/pieces.h"

static const struct ask_field fields[] = {
    ASK_FIELD("model", ASK_TEXT, model, " must be a string"),
    ASK_FIELD("user", ASK_TEXT, user, " must be a string"),
    { .name = { NULL, 0 } },
};

static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    enum err e = ask_read_open(j, body, a, fields, &found, why);
    if (e)
        return e;
    if (!found.model.len)
        found.model = SPAN("omni-moderation-latest");
    pieces_begin(&found, (int64_t)body.len, out);
    return E_OK;
}

/* Where nothing is told, the text's bound is what was used; at a price of 0 that is exact. */
static void measure(struct json *j, const struct told *t, struct arena *a, struct usage *u)
{
    answer_read_usage(j, t->body, a, u);
    if (u->known || !t->by_tokens)
        return;
    u->known = u->estimated = true;
    u->tokens[METER_IN] = u->input_total = t->ask->input_most;
}

const struct dialect dialect_openai_moderations = {
    .name = "openai_moderations",
    .read_ask = read_ask,
    .edit_ask = pieces_edit_ask,
    .read_usage = answer_read_usage,
    .measure = measure,
    .write_error_event = pieces_write_error_event,
};

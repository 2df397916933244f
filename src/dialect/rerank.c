/* SPDX-License-Identifier: Apache-2.0
 * rerank.c - documents by how well they answer a question: Cohere's form, which Voyage, Jina, Together and others share.
 *
 * Cohere charges searches: a question over up to 100 documents, where one that is longer than 500 tokens together with the question
 * counts once for each such part. Others charge tokens, the question's once for each document. */
#include "base/money.h"
#include "base/raw.h"
#include "dialect/dialects.h"
#include "dialect/pieces.h"

enum { SEARCH_DOCUMENTS = 100, PART_TOKENS = 500 };

static const struct ask_field fields[] = {
    ASK_FIELD("model", ASK_TEXT, model, " must be a string"),
    ASK_FIELD("query", ASK_RAW, prompt, ""),
    ASK_FIELD("documents", ASK_RAW, documents, ""),
    ASK_FIELD("texts", ASK_RAW, documents, ""),
    { .name = { NULL, 0 } },
};

/* No token is less than a byte: so the parts are never more than these. */
static int64_t parts_of(struct span document, struct span query)
{
    return 1 + (int64_t)(document.len + query.len) / PART_TOKENS;
}

static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    struct span name, document;
    int64_t parts = 0, documents = 0;
    enum err e = ask_read_open(j, body, a, fields, &found, why);
    if (e)
        return e;
    for (struct raw_iter it = raw_iter(found.documents, a); raw_next(&it, &name, &document);) {
        parts += parts_of(document, found.prompt);
        documents++;
    }
    int64_t again = money_mul_div_up((int64_t)found.prompt.len, documents, 1);
    pieces_begin(&found, money_add((int64_t)body.len, again), out);
    out->fees[FEE_SEARCH] = parts / SEARCH_DOCUMENTS + (parts % SEARCH_DOCUMENTS > 0 || parts == 0);
    return E_OK;
}

/* Cohere: meta.billed_units.search_units. Voyage: usage.total_tokens. Jina, Together: the same with prompt_tokens. */
static void read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    struct json_value v;
    const char *why;
    answer_clear(u);
    if (json_parse(j, body, true, &v, &why))
        return;
    int64_t searches = member_count_or_none(v, SPAN("meta.billed_units.search_units"));
    int64_t billed = member_count_or_none(v, SPAN("meta.billed_units.input_tokens"));
    int64_t tokens = member_count_or_none(v, SPAN("usage.total_tokens"));
    tokens = billed >= 0 ? billed : tokens;
    tokens = tokens >= 0 ? tokens : member_count_or_none(v, SPAN("usage.prompt_tokens"));
    u->known = searches >= 0 || tokens >= 0;
    u->fees[FEE_SEARCH] = searches < 0 ? 0 : searches;
    u->tokens[METER_IN] = u->input_total = tokens < 0 ? 0 : tokens;
    u->raw = raw_member(body, searches >= 0 ? SPAN("meta") : SPAN("usage"), a);
    u->model = arena_copy(a, json_string(json_member(v, SPAN("model"))));
}

/* A search that does not say how many it was is not less than one. */
static void measure(struct json *j, const struct told *t, struct arena *a, struct usage *u)
{
    read_usage(j, t->body, a, u);
    if (u->known && !(t->charged[FEE_SEARCH] && !t->by_tokens && u->fees[FEE_SEARCH] == 0 && u->tokens[METER_IN] > 0))
        return;
    u->known = u->estimated = t->charged[FEE_SEARCH];
    u->fees[FEE_SEARCH] = t->ask->fees[FEE_SEARCH];
}

const struct dialect dialect_rerank = {
    .name = "rerank",
    .read_ask = read_ask,
    .edit_ask = pieces_edit_ask,
    .read_usage = read_usage,
    .measure = measure,
    .write_error_event = pieces_write_error_event,
};

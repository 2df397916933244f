/* SPDX-License-Identifier: Apache-2.0
 * mistral_ocr.c - text of documents: charged by the page, and once more by each page that is annotated.
 *
 * A document has at most 1000 pages there; how many it has is only told afterwards. */
#include "base/raw.h"
#include "dialect/dialects.h"
#include "dialect/pieces.h"

enum { PAGES_MOST = 1000 };

static const struct ask_field fields[] = {
    ASK_FIELD("model", ASK_TEXT, model, " must be a string"),
    ASK_FIELD("document", ASK_RAW, documents, ""),
    ASK_FIELD("pages", ASK_RAW, input, ""),
    ASK_FIELD("bbox_annotation_format", ASK_RAW, reference, ""),
    ASK_FIELD("document_annotation_format", ASK_RAW, reference2, ""),
    { .name = { NULL, 0 } },
};

static int64_t pages_of(const struct ask_found *found, struct arena *a)
{
    struct span name, item;
    int64_t count = 0;
    if (raw_is(raw_member(found->documents, SPAN("type"), a), SPAN("image_url")))
        return 1;
    if (raw_kind(found->input) != JSON_ARRAY)
        return PAGES_MOST;
    for (struct raw_iter it = raw_iter(found->input, a); raw_next(&it, &name, &item);)
        count++;
    return count > 0 && count < PAGES_MOST ? count : PAGES_MOST;
}

static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    enum err e = ask_read_open(j, body, a, fields, &found, why);
    if (e)
        return e;
    bool annotated = found.reference.at || found.reference2.at;
    found.reference = found.reference2 = SPAN_NONE;
    pieces_begin(&found, 0, out);
    out->input_most = 0;
    out->fees[FEE_PAGE] = pages_of(&found, a);
    out->fees[FEE_ANNOTATION_PAGE] = annotated ? out->fees[FEE_PAGE] : 0;
    return E_OK;
}

static void read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    struct member m[] = { { .name = SPAN("usage_info") }, { .name = SPAN("model") } };
    answer_clear(u);
    if (!member_find(j, body, m, 2, NULL))
        return;
    u->model = answer_text(m[1].raw, a);
    u->known = m[0].kind == JSON_OBJECT && json_raw_integer(raw_member(m[0].raw, SPAN("pages_processed"), a), &u->fees[FEE_PAGE]) && u->fees[FEE_PAGE] >= 0;
    u->raw = m[0].raw;
}

static void measure(struct json *j, const struct told *t, struct arena *a, struct usage *u)
{
    read_usage(j, t->body, a, u);
    if (t->ask->fees[FEE_ANNOTATION_PAGE] && t->charged[FEE_ANNOTATION_PAGE])
        u->fees[FEE_ANNOTATION_PAGE] = u->fees[FEE_PAGE];
}

const struct dialect dialect_mistral_ocr = {
    .name = "mistral_ocr",
    .read_ask = read_ask,
    .edit_ask = pieces_edit_ask,
    .read_usage = read_usage,
    .measure = measure,
    .write_error_event = pieces_write_error_event,
};

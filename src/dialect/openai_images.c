/* SPDX-License-Identifier: Apache-2.0
 * openai_images.c - pictures: generate, edit, vary; in JSON and in forms, whole and streamed.
 *
 * GPT models are charged by tokens and say how many; others by the picture, its size and quality, and say nothing. The tokens of a
 * picture are bounded by the dearest that OpenAI's tables know for its quality (7033 for a standard size at the highest), and by how
 * many standard sizes it covers. */
#include "base/money.h"
#include "base/raw.h"
#include "dialect/dialects.h"
#include "dialect/pieces.h"

enum {
    STANDARD_PIXELS = 1024 * 1536,
    TOKENS_LOW = 512,
    TOKENS_MEDIUM = 2048,
    TOKENS_HIGH = 8192,
    TOKENS_PARTIAL = 100, /* each partial picture of a stream */
    TOKENS_SEEN = 8192,   /* a picture to be edited, at its highest fidelity */
};

static const struct ask_field fields[] = {
    ASK_FIELD("model", ASK_TEXT, model, " must be a string"),
    ASK_FIELD("n", ASK_COUNT, choices, " must be a whole number, written with digits only"),
    ASK_FIELD("size", ASK_TEXT, size, " must be a string"),
    ASK_FIELD("quality", ASK_TEXT, quality, " must be a string"),
    ASK_FIELD("width", ASK_COUNT, width, " must be a whole number"),
    ASK_FIELD("height", ASK_COUNT, height, " must be a whole number"),
    ASK_FIELD("stream", ASK_FLAG, stream, " must be true or false"),
    ASK_FIELD("partial_images", ASK_COUNT, partials, " must be a whole number"),
    ASK_FIELD("user", ASK_TEXT, user, " must be a string"),
    ASK_FIELD("prompt", ASK_RAW, prompt, ""),
    { .name = { NULL, 0 } },
};

/* ---- what is asked for ---- */

static int64_t tokens_of_quality(struct span quality)
{
    if (span_is(quality, SPAN("low")))
        return TOKENS_LOW;
    return span_is(quality, SPAN("medium")) ? TOKENS_MEDIUM : TOKENS_HIGH;
}

/* How many standard pictures a "WIDTHxHEIGHT" covers, at least one; other sizes are chosen by the vendor among the standard ones. */
static int64_t standards(struct span size)
{
    struct span width;
    int64_t w, h;
    if (!span_cut(&size, 'x', &width) || !span_to_i64(width, &w) || !span_to_i64(size, &h) || w <= 0 || h <= 0)
        return 1;
    return money_mul_div_up(w, h, STANDARD_PIXELS);
}

static void bound(const struct ask_found *found, int64_t text, int64_t seen, struct arena *a, struct ask *out)
{
    pieces_begin(found, money_add(text, seen * TOKENS_SEEN), out);
    out->size = pieces_size(found, a);
    out->quality = found->quality;
    if (span_starts(out->model, SPAN("dall-e"))) { /* these two are documented to have defaults that do not move */
        out->size = out->size.len ? out->size : SPAN("1024x1024");
        out->quality = out->quality.len ? out->quality : SPAN("standard");
    }
    int64_t picture = money_mul_div_up(standards(out->size), tokens_of_quality(out->quality), 1);
    out->output_limit = money_add(picture, money_mul_div_up(found->partials < 0 ? 0 : found->partials, TOKENS_PARTIAL, 1));
    out->fees[FEE_IMAGE_UNIT] = out->choices;
    out->fees[FEE_IMAGE_SEEN] = seen;
}

/* Pictures in a JSON body, wherever they stand: their base64 costs no tokens of text. */
struct seen {
    int64_t count, bytes;
};

static void look(struct span value, bool picture, int depth, struct arena *a, struct seen *s)
{
    struct span name, item;
    if (raw_kind(value) == JSON_STRING) {
        bool inline_one = ask_is_inline_picture(value);
        s->count += picture || inline_one;
        s->bytes += inline_one ? (int64_t)value.len : 0;
        return;
    }
    if (depth > 4)
        return;
    for (struct raw_iter it = raw_iter(value, a); raw_next(&it, &name, &item);)
        look(item, picture || span_starts(name, SPAN("image")) || span_is(name, SPAN("mask")), depth + 1, a, s);
}

/* Pictures that only GPT models make have no default that can be relied on: then it is left out (it may stand in the path). */
static void default_model(bool edits, bool gpt, struct ask_found *found)
{
    if (!found->model.len && (edits || !gpt))
        found->model = edits ? SPAN("gpt-image-1.5") : SPAN("dall-e-2");
}

static bool is_gpt_quality(struct span quality)
{
    return span_is(quality, SPAN("low")) || span_is(quality, SPAN("medium")) || span_is(quality, SPAN("high"));
}

static bool says_gpt(struct span body, const struct ask_found *found, struct arena *a)
{
    static const struct span names[] = { { "background", 10 }, { "moderation", 10 }, { "output_format", 13 }, { "output_compression", 18 } };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (raw_member(body, names[i], a).at)
            return true;
    return found->stream || found->partials >= 0 || is_gpt_quality(found->quality);
}

static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    struct seen seen = { 0, 0 };
    enum err e = ask_read_open(j, body, a, fields, &found, why);
    if (e)
        return e;
    look(body, false, 0, a, &seen);
    default_model(seen.count > 0, says_gpt(body, &found, a), &found);
    bound(&found, (int64_t)body.len - seen.bytes, seen.count, a, out);
    return E_OK;
}

static enum err read_form(struct span content_type, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    struct form form;
    int64_t text = 0, seen = 0;
    enum err e = ask_read_form(content_type, body, a, fields, &found, &form, why);
    for (size_t i = 0; !e && i < form.count; i++) {
        seen += form.list[i].file.at != NULL;
        text += form.list[i].file.at ? 0 : (int64_t)form.list[i].value.len;
    }
    if (e)
        return e;
    default_model(found.prompt.at != NULL, false, &found); /* a variation has no prompt */
    bound(&found, text, seen, a, out);
    return E_OK;
}

/* ---- what came ---- */

/* Where the output is not told apart it is pictures. */
static void read_tokens(struct json *j, struct span usage, struct arena *a, struct usage *u)
{
    answer_openai_usage(j, usage, u);
    if (raw_kind(raw_member(usage, SPAN("output_tokens_details"), a)) == JSON_OBJECT)
        return;
    u->tokens[METER_IMAGE_OUT] = money_add(u->tokens[METER_IMAGE_OUT], u->tokens[METER_OUT]);
    u->tokens[METER_OUT] = 0;
}

static int64_t items_of(struct span list, struct arena *a)
{
    struct span name, item;
    int64_t count = 0;
    for (struct raw_iter it = raw_iter(list, a); raw_next(&it, &name, &item);)
        count++;
    return count;
}

static struct span said_or(struct span said, struct span asked) { return said.len ? said : asked; }

static void read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    struct member m[] = { { .name = SPAN("usage") }, { .name = SPAN("data") }, { .name = SPAN("size") }, { .name = SPAN("quality") },
        { .name = SPAN("model") } };
    answer_clear(u);
    if (!member_find(j, body, m, 5, NULL))
        return;
    if (m[0].kind == JSON_OBJECT)
        read_tokens(j, m[0].raw, a, u);
    u->fees[FEE_IMAGE_UNIT] = m[1].kind == JSON_ARRAY ? items_of(m[1].raw, a) : 0;
    u->size = answer_text(m[2].raw, a);
    u->quality = answer_text(m[3].raw, a);
    u->model = answer_text(m[4].raw, a);
}

/* A model that is charged by the picture need not say more than its pictures. */
static void measure(struct json *j, const struct told *t, struct arena *a, struct usage *u)
{
    read_usage(j, t->body, a, u);
    u->size = said_or(u->size, t->ask->size);
    u->quality = said_or(u->quality, t->ask->quality);
    if (u->known || u->fees[FEE_IMAGE_UNIT] == 0 || !t->charged[FEE_IMAGE_UNIT])
        return;
    u->known = true;
    u->estimated = t->by_tokens;
}

static void read_event(struct json *j, struct span data, struct arena *a, struct stream_meter *m, void *more)
{
    struct member f[] = { { .name = SPAN("type") }, { .name = SPAN("usage") }, { .name = SPAN("size") }, { .name = SPAN("quality") },
        { .name = SPAN("error") } };
    struct usage u, sum = m->usage;
    (void)more;
    if (!member_find(j, data, f, 5, NULL))
        return;
    struct span type = answer_text(f[0].raw, a);
    if (span_is(type, SPAN("error")) || f[4].kind == JSON_OBJECT)
        m->failed = true;
    if (!span_ends(type, SPAN(".completed")))
        return;
    answer_clear(&u);
    if (f[1].kind == JSON_OBJECT)
        read_tokens(j, f[1].raw, a, &u);
    u.fees[FEE_IMAGE_UNIT] = 1;
    u.size = answer_text(f[2].raw, a);
    u.quality = answer_text(f[3].raw, a);
    pieces_add(&sum, &u);
    answer_keep(m, &sum);
    m->finished = true;
}

static void tap_event(struct json *j, const struct sse_event *event, bool usage_wanted, struct stream_meter *m, bool *hide)
{
    (void)usage_wanted;
    pieces_tap_event(j, event, m, hide, SPAN(".completed\""), read_event);
}

const struct dialect dialect_openai_images = {
    .name = "openai_images",
    .read_ask = read_ask,
    .read_form = read_form,
    .edit_ask = pieces_edit_ask,
    .edit_form = ask_edit_form,
    .read_usage = read_usage,
    .measure = measure,
    .tap_event = tap_event,
    .write_error_event = pieces_write_error_event,
};

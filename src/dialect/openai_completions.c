/* SPDX-License-Identifier: Apache-2.0
 * openai_completions.c - the old text completions: each prompt of a list is answered n times, best_of of them are written.
 *
 * Without a limit 16 tokens are meant, which other vendors take for their own default: where the gate needs a limit, it says that. */
#include "base/money.h"
#include "base/raw.h"
#include "dialect/dialects.h"
#include "dialect/pieces.h"

enum { USUAL_LIMIT = 16 };

static const struct ask_field fields[] = {
    ASK_FIELD("model", ASK_TEXT, model, " must be a string"),
    ASK_FIELD("stream", ASK_FLAG, stream, " must be true or false"),
    ASK_FIELD("max_tokens", ASK_COUNT, limit, " must be a whole number, written with digits only"),
    ASK_FIELD("n", ASK_COUNT, choices, " must be a whole number, written with digits only"),
    ASK_FIELD("best_of", ASK_COUNT, best_of, " must be a whole number, written with digits only"),
    ASK_FIELD("echo", ASK_FLAG, echo, " must be true or false"),
    ASK_FIELD("user", ASK_TEXT, user, " must be a string"),
    ASK_FIELD("service_tier", ASK_TEXT, tier, " must be a string"),
    ASK_FIELD("prompt", ASK_RAW, prompt, ""),
    ASK_FIELD("stream_options", ASK_RAW, stream_options, ""),
    { .name = { NULL, 0 } },
};

/* A list of texts or of lists of tokens is that many prompts; a list of tokens is one. */
static int64_t prompts_of(struct span prompt, struct arena *a)
{
    struct span name, item;
    int64_t count = 0;
    if (raw_kind(prompt) != JSON_ARRAY)
        return 1;
    for (struct raw_iter it = raw_iter(prompt, a); raw_next(&it, &name, &item);)
        if (raw_kind(item) != JSON_NUMBER)
            count++;
    return count < 1 ? 1 : count;
}

static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    struct member wanted = { .name = SPAN("include_usage") };
    enum err e = ask_read_open(j, body, a, fields, &found, why);
    if (e)
        return e;
    ask_begin(body, &found, out);
    int64_t each = found.best_of > out->choices ? found.best_of : out->choices;
    out->choices = money_mul_div_up(each, prompts_of(found.prompt, a), 1);
    out->usual_limit = USUAL_LIMIT;
    out->zero_stays = out->zero_limit && found.echo; /* how likely a text is */
    if (found.echo) /* some count what is said again */
        out->output_extra = out->input_most;
    out->usage_wanted = !out->stream;
    if (found.stream_options.at && member_find(j, found.stream_options, &wanted, 1, NULL) && span_is(wanted.raw, SPAN("true")))
        out->usage_wanted = true;
    return E_OK;
}

/* ---- edits ---- */

static void edit_options(struct json *j, const struct member *options, struct span body, struct ask_splices *s)
{
    struct member wanted = { .name = SPAN("include_usage") };
    bool empty;
    if (!options->raw.at) {
        ask_insert(s, body, false, "\"stream_options\":{\"include_usage\":true}");
    } else if (options->kind != JSON_OBJECT) {
        ask_replace(s, options->raw, "{\"include_usage\":true}");
    } else if (member_find(j, options->raw, &wanted, 1, &empty)) {
        if (wanted.raw.at)
            ask_replace(s, wanted.raw, "true");
        else
            ask_insert(s, options->raw, empty, "\"include_usage\":true");
    }
}

static void edit_ask(struct json *j, struct span body, const struct ask_edit *edit, struct buf *out)
{
    struct member m[] = { { .name = SPAN("max_tokens") }, { .name = SPAN("stream_options") }, { .name = SPAN("model") } };
    struct ask_splices s = { .body = body };
    bool empty;
    if (!member_find(j, body, m, 3, &empty) || empty) {
        out->broken = true;
        return;
    }
    ask_edit_model(&s, &m[2], edit);
    if (edit->output_limit >= 0 && m[0].raw.at)
        ask_replace(&s, m[0].raw, "%lld", (long long)edit->output_limit);
    else if (edit->output_limit >= 0)
        ask_insert(&s, body, false, "\"max_tokens\":%lld", (long long)edit->output_limit);
    if (edit->include_usage)
        edit_options(j, &m[1], body, &s);
    ask_write(&s, out);
}

/* ---- answers ---- */

static void read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    struct member m[] = { { .name = SPAN("usage") }, { .name = SPAN("model") }, { .name = SPAN("service_tier") } };
    answer_clear(u);
    if (!member_find(j, body, m, 3, NULL))
        return;
    if (m[0].kind == JSON_OBJECT)
        answer_openai_usage(j, m[0].raw, u);
    u->model = answer_text(m[1].raw, a);
    u->tier = ask_tier(answer_text(m[2].raw, a));
}

/* What a chunk is read for, beside the meter. */
struct chunk {
    bool usage_wanted;
    bool *hide;
};

static void count_texts(struct span choices, struct arena *a, struct stream_meter *m)
{
    struct span name, choice;
    for (struct raw_iter it = raw_iter(choices, a); raw_next(&it, &name, &choice);)
        meter_output(m, raw_member(choice, SPAN("text"), a));
}

static void read_chunk(struct json *j, struct span data, struct arena *a, struct stream_meter *m, void *more)
{
    const struct chunk *chunk = more;
    struct member f[] = { { .name = SPAN("usage") }, { .name = SPAN("model") }, { .name = SPAN("choices") }, { .name = SPAN("error") } };
    struct usage u;
    if (!member_find(j, data, f, 4, NULL))
        return;
    if (f[3].raw.at && f[3].kind != JSON_NULL)
        m->failed = true;
    count_texts(f[2].raw, a, m);
    answer_clear(&u);
    if (f[0].kind == JSON_OBJECT)
        answer_openai_usage(j, f[0].raw, &u);
    if (!u.known)
        u = m->usage;
    if (f[1].raw.at)
        u.model = answer_text(f[1].raw, a);
    bool nothing = f[2].kind != JSON_ARRAY || span_trim(span_make(f[2].raw.at + 1, f[2].raw.len - 2)).len == 0;
    *chunk->hide = f[0].kind == JSON_OBJECT && !chunk->usage_wanted && !m->failed && nothing;
    answer_keep(m, &u);
}

static void tap_event(struct json *j, const struct sse_event *event, bool usage_wanted, struct stream_meter *m, bool *hide)
{
    struct chunk chunk = { usage_wanted, hide };
    *hide = false;
    answer_start(m);
    if (!event->data.at)
        return;
    if (span_is(span_trim(event->data), SPAN("[DONE]")))
        m->finished = true;
    else
        answer_event(j, event->data, m, read_chunk, &chunk);
}

const struct dialect dialect_openai_completions = {
    .name = "openai_completions",
    .read_ask = read_ask,
    .edit_ask = edit_ask,
    .read_usage = read_usage,
    .tap_event = tap_event,
    .write_error_event = pieces_write_error_event,
};

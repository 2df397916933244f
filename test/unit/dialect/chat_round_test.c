/* SPDX-License-Identifier: Apache-2.0
 * chat_round_test.c - property: whatever this dialect can say, it says so that it understands it again: calls, whole answers, streams.
 * Also how long that takes for a large call. */
#include <stdlib.h>

#include "base/clock.h"
#include "chat_rig.h"
#include "dialect/signature.h"
#include "test/test.h"

static struct chat_rig r;
static unsigned seed;

static unsigned dice(unsigned n) { return (unsigned)rand_r(&seed) % n; }
static bool coin(void) { return dice(2); }

/* --- something to say --- */

static struct span some_text(void)
{
    static const char *const pieces[] = { "a", " ", "\\n", "\\\"", "\\\\", "\xc3\xa9", "\\u00e9", "\\ud83d\\ude00", "{}", "[1,", "data:", "x y", "\\/" };
    char text[200] = "\"";
    for (unsigned i = 1 + dice(6); i > 0; i--)
        strcat(text, pieces[dice(sizeof(pieces) / sizeof(*pieces))]);
    strcat(text, "\"");
    return arena_copy(&r.arena, span_of(text));
}

static struct span one_of(const char *const *list, unsigned count) { return span_of(list[dice(count)]); }
#define ONE_OF(...) one_of((const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void add_user_part(struct part **list)
{
    static const enum part_kind kinds[] = { PART_TEXT, PART_IMAGE, PART_AUDIO, PART_VIDEO, PART_DOCUMENT };
    struct part *p = part_add(list, kinds[dice(5)], &r.arena);
    p->text = p->kind == PART_TEXT ? some_text() : SPAN_NONE;
    if (p->kind == PART_TEXT)
        return;
    if (coin() && (p->kind == PART_IMAGE || p->kind == PART_VIDEO)) {
        p->media.url = SPAN("\"https://example.org/a?b=%20\"");
    } else {
        p->media.data = SPAN("iVBORw0KGgo=");
        p->media.type = p->kind == PART_IMAGE ? ONE_OF("image/png", "image/jpeg") : p->kind == PART_AUDIO ? ONE_OF("audio/wav", "audio/mpeg", "audio/flac") :
            p->kind == PART_VIDEO ? SPAN("video/mp4") : SPAN("application/pdf");
    }
    if (p->kind == PART_IMAGE && coin())
        p->media.detail = ONE_OF("low", "high", "auto");
    if (p->kind == PART_DOCUMENT)
        p->media.name = SPAN("\"a b.pdf\"");
}

static void add_call(struct part **list, int number)
{
    struct part *p = part_add(list, PART_TOOL_CALL, &r.arena);
    p->id = arena_print(&r.arena, "\"call_%d\"", number);
    p->name = ONE_OF("\"f\"", "\"get_weather\"");
    p->arguments = ONE_OF("{}", "{\"a\":\"\\n\\\"\"}", "{ \"b\" : [1, 2.50, {\"c\":null}] }");
    if (dice(4) == 0)
        p->signature = SPAN("\"tg.openai_chat.sig==\"");
}

static void add_assistant_parts(struct part **list)
{
    unsigned calls = dice(3);
    if (coin()) {
        struct part *p = part_add(list, PART_THINKING, &r.arena);
        p->text = some_text();
        p->signature = SPAN("\"tg.openai_chat.Eo+/\"");
        if (coin()) {
            p = part_add(list, PART_THINKING, &r.arena);
            p->text = SPAN("\"\"");
            p->redacted = true;
            p->signature = SPAN("\"tg.openai_chat.hidden\"");
        }
    }
    if (coin() || !calls)
        part_add(list, PART_TEXT, &r.arena)->text = some_text();
    if (dice(5) == 0)
        part_add(list, PART_REFUSAL, &r.arena)->text = some_text();
    for (unsigned i = 0; i < calls; i++)
        add_call(list, (int)i);
}

static void add_turn(struct call *c)
{
    struct turn *t = call_turn(c, dice(5) == 0 ? ROLE_SYSTEM : coin() ? ROLE_USER : ROLE_ASSISTANT, &r.arena);
    if (t->role == ROLE_SYSTEM) {
        part_add(&t->parts, PART_TEXT, &r.arena)->text = some_text();
    } else if (t->role == ROLE_ASSISTANT) {
        add_assistant_parts(&t->parts);
    } else {
        for (unsigned i = 1 + dice(3); i > 0; i--)
            add_user_part(&t->parts);
    }
    bool calls = t->role == ROLE_ASSISTANT && part_first(t->parts, PART_TOOL_CALL);
    if (dice(3) == 0)
        t->name = SPAN("\"ann\"");
    for (const struct part *p = calls ? t->parts : NULL; p; p = p->next) {
        if (p->kind != PART_TOOL_CALL)
            continue;
        if (c->last_turn->role != ROLE_USER)
            call_turn(c, ROLE_USER, &r.arena);
        struct part *result = part_add(&c->last_turn->parts, PART_TOOL_RESULT, &r.arena);
        result->id = p->id;
        part_add(&result->content, PART_TEXT, &r.arena)->text = some_text();
    }
    if (calls) /* so that results of two answers do not stand side by side */
        part_add(&call_turn(c, ROLE_USER, &r.arena)->parts, PART_TEXT, &r.arena)->text = some_text();
}

static struct span maybe(struct span s) { return coin() ? s : SPAN_NONE; }

static void make_options(struct call *c)
{
    c->stream = coin();
    c->output_limit = coin() ? (int64_t)dice(100000) : -1;
    c->temperature = maybe(ONE_OF("0", "0.70", "1e0"));
    c->top_p = maybe(SPAN("0.9"));
    c->frequency_penalty = maybe(SPAN("-0.5"));
    c->presence_penalty = maybe(SPAN("2"));
    c->seed = maybe(SPAN("-42"));
    c->stops = maybe(ONE_OF("[\"a\"]", "[\"a\",\"\\n\"]"));
    c->choices = 1 + dice(3);
    c->logprobs = coin();
    c->top_logprobs = c->logprobs && coin() ? (int64_t)dice(20) : -1;
    c->effort = maybe(ONE_OF("minimal", "low", "high", "none"));
    c->thinks = c->effort.at ? !span_is(c->effort, SPAN("none")) : -1;
    c->user = maybe(some_text());
    c->metadata = maybe(SPAN("{\"a\":\"b\"}"));
    c->store = (int)dice(3) - 1;
    c->tier = maybe(ONE_OF("flex", "priority"));
    c->verbosity = maybe(ONE_OF("low", "high"));
    c->cache_key = maybe(some_text());
    if (coin()) {
        c->format = coin() ? FORMAT_JSON : FORMAT_SCHEMA;
        c->schema = c->format == FORMAT_SCHEMA ? SPAN("{\"type\":\"object\",\"properties\":{}}") : SPAN_NONE;
        c->schema_name = c->format == FORMAT_SCHEMA ? SPAN("\"report\"") : SPAN_NONE;
        c->schema_strict = c->format == FORMAT_SCHEMA ? (int)dice(3) - 1 : -1;
    }
}

static void make_call(struct call *c)
{
    call_begin(c);
    c->model = SPAN("m/\xc3\xa9-1");
    make_options(c);
    for (unsigned i = 1 + dice(6); i > 0; i--)
        add_turn(c);
    for (unsigned i = dice(3); i > 0; i--) {
        struct tool *t = call_tool(c, TOOL_FUNCTION, &r.arena);
        t->name = SPAN("\"f\"");
        t->description = maybe(some_text());
        t->schema = maybe(SPAN("{\"type\":\"object\"}"));
        t->strict = (int)dice(3) - 1;
        c->choice = (enum tool_choice)dice(5);
        c->chosen = c->choice == CHOICE_NAMED ? t->name : SPAN_NONE;
        c->parallel_tools = (int)dice(3) - 1;
    }
}

/* --- its meaning as a text --- */

static void tell(struct buf *b, const char *name, struct span s)
{
    if (s.at)
        buf_print(b, " %s=%.*s", name, SPAN_ARG(s));
}

/* The mark is the gate's own, and comes off on the way. */
static struct span unmarked(struct span signature)
{
    struct span own = signature_for(signature, SPAN("openai_chat"), SPAN("openai_chat"), &r.arena);
    return own.len > 2 ? own : SPAN_NONE;
}

static void tell_parts(struct buf *b, const struct part *list)
{
    for (const struct part *p = list; p; p = p->next) {
        buf_print(b, "\n  part %d%s", (int)p->kind, p->redacted ? " redacted" : "");
        tell(b, "text", p->text);
        tell(b, "id", p->id);
        tell(b, "name", p->name);
        tell(b, "arguments", p->arguments);
        tell(b, "url", p->media.url);
        tell(b, "data", p->media.data);
        tell(b, "type", p->media.type);
        tell(b, "file", p->media.name);
        tell(b, "detail", p->media.detail);
        tell(b, "signature", unmarked(p->signature));
        tell_parts(b, p->content);
    }
}

static struct span meaning(const struct call *c, struct buf *b)
{
    buf_clear(b);
    for (const struct turn *t = c->turns; t; t = t->next) {
        buf_print(b, "\nturn %d", (int)t->role);
        tell(b, "name", t->name);
        tell_parts(b, t->parts);
    }
    for (const struct tool *t = c->tools; t; t = t->next) {
        buf_print(b, "\ntool %d strict %d", (int)t->kind, t->strict);
        tell(b, "name", t->name);
        tell(b, "description", t->description);
        tell(b, "schema", t->schema);
    }
    buf_print(b, "\n%d %lld %lld %d %lld %d %d %d %d %d", c->stream, (long long)c->output_limit, (long long)c->choices, c->logprobs, (long long)c->top_logprobs,
        (int)c->choice, c->parallel_tools, (int)c->format, c->schema_strict, c->store);
    const struct span texts[] = { c->model, c->temperature, c->top_p, c->top_k, c->frequency_penalty, c->presence_penalty, c->seed, c->stops, c->chosen, c->schema_name,
        c->schema, c->effort, c->user, c->metadata, c->tier, c->verbosity, c->cache_key };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        tell(b, "", texts[i]);
    buf_print(b, " thinks %d rest %d", c->thinks, c->rest != NULL);
    return buf_span(b);
}

TEST(calls_keep_their_meaning)
{
    struct buf before, after;
    chat_rig_open(&r);
    buf_init(&before, 1 << 20);
    buf_init(&after, 1 << 20);
    for (unsigned round = 1; round <= 3000; round++) {
        seed = round;
        chat_rig_clear(&r);
        make_call(&r.call);
        meaning(&r.call, &before);
        struct span text = chat_rig_write(&r);
        CHECK_INT(r.notes.unsayable_count, 0);
        CHECK_INT(chat_rig_read(&r, text), E_OK);
        if (!span_is(meaning(&r.call, &after), buf_span(&before))) {
            test_fail(__FILE__, __LINE__, "round %u: %.*s\nfrom %.*s\n%.*s", round, SPAN_ARG(buf_span(&after)), SPAN_ARG(buf_span(&before)), SPAN_ARG(buf_span(&r.body)));
            break;
        }
    }
    buf_free(&before);
    buf_free(&after);
    chat_rig_close(&r);
}

/* --- answers --- */

static void make_answer(struct answer *out)
{
    answer_begin(out);
    out->id = SPAN("\"chatcmpl-1\"");
    out->model = SPAN("\"m\"");
    out->created = 1700000000;
    out->tier = maybe(SPAN("flex"));
    out->usage.known = true;
    out->usage.tokens[METER_IN] = dice(1000);
    out->usage.tokens[METER_CACHE_READ] = dice(1000);
    out->usage.tokens[METER_OUT] = dice(1000);
    out->usage.tokens[METER_REASON] = dice(1000);
    out->usage.input_total = out->usage.tokens[METER_IN] + out->usage.tokens[METER_CACHE_READ];
    out->usage.output_total = out->usage.tokens[METER_OUT] + out->usage.tokens[METER_REASON];
    for (unsigned i = 0, n = 1 + dice(3); i < n; i++) {
        struct choice *c = answer_choice(out, i, &r.arena);
        add_assistant_parts(&c->parts);
        bool calls = part_first(c->parts, PART_TOOL_CALL), refused = part_first(c->parts, PART_REFUSAL);
        c->ending = coin() ? ENDING_LENGTH : calls ? ENDING_TOOLS : refused ? ENDING_REFUSAL : ENDING_TURN;
    }
}

static struct span answer_meaning(const struct answer *a, struct buf *b)
{
    const struct usage *u = &a->usage;
    buf_clear(b);
    tell(b, "id", a->id);
    tell(b, "model", a->model);
    tell(b, "tier", a->tier);
    for (const struct choice *c = a->choices; c; c = c->next) {
        buf_print(b, "\nchoice %d ending %d", (int)c->index, (int)c->ending);
        tell_parts(b, c->parts);
    }
    buf_print(b, "\nusage %d", u->known);
    for (int m = 0; m < METER_COUNT; m++)
        buf_print(b, " %lld", (long long)u->tokens[m]);
    return buf_span(b);
}

static void check_same(unsigned round, const struct answer *got, struct buf *after, const struct buf *before)
{
    if (!span_is(answer_meaning(got, after), buf_span(before)))
        test_fail(__FILE__, __LINE__, "round %u:%.*s\nfrom%.*s", round, SPAN_ARG(buf_span(after)), SPAN_ARG(buf_span(before)));
}

static void write_event(void *self, const struct event *e)
{
    (void)self;
    r.chat->write_event(&r.writer, e);
}

TEST(answers_keep_their_meaning)
{
    struct buf before, after, stream;
    chat_rig_open(&r);
    buf_init(&before, 1 << 20);
    buf_init(&after, 1 << 20);
    buf_init(&stream, 1 << 20);
    for (unsigned round = 1; round <= 1500; round++) {
        struct answer said;
        seed = round;
        chat_rig_clear(&r);
        make_answer(&said);
        answer_meaning(&said, &before);
        r.answer = said;
        chat_rig_write_answer(&r);
        CHECK_INT(chat_rig_read_answer(&r, buf_span(&r.out), SPAN_NONE), E_OK);
        check_same(round, &r.answer, &after, &before);
        buf_clear(&stream);
        r.writer = (struct writer){ .out = &stream, .arena = &r.arena, .usage_wanted = true };
        answer_emit(&said, write_event, NULL);
        chat_rig_stream(&r, buf_span(&stream), SPAN_NONE, true);
        CHECK(r.reader.ended);
        check_same(round, &r.gather.answer, &after, &before);
        CHECK_SPAN(buf_span(&r.out), buf_span(&stream));
    }
    buf_free(&before);
    buf_free(&after);
    buf_free(&stream);
    chat_rig_close(&r);
}

/* --- speed --- */

/* A megabyte of text is moved, not looked at byte by byte. */
TEST(large_calls_are_moved)
{
    struct buf text;
    chat_rig_open(&r);
    buf_init(&text, 8 << 20);
    buf_put(&text, SPAN("{\"model\":\"m\",\"messages\":["));
    for (int i = 0; i < 64; i++) {
        buf_put(&text, i ? SPAN(",{\"role\":\"user\",\"content\":\"") : SPAN("{\"role\":\"user\",\"content\":\""));
        for (int k = 0; k < 256; k++)
            buf_put(&text, SPAN("sixty-four bytes of text, of which one is an escape, and so on\\n"));
        buf_put(&text, SPAN("\"}"));
    }
    buf_put(&text, SPAN("]}"));
    int64_t best = INT64_MAX;
    for (int round = 0; round < 10; round++) {
        chat_rig_clear(&r);
        CHECK_INT(chat_rig_read(&r, buf_span(&text)), E_OK);
        int64_t began = clock_monotonic_ns();
        CHECK_INT(r.chat->read_call(r.json, buf_span(&r.body), &r.arena, &r.call, &r.why), E_OK);
        chat_rig_write(&r);
        int64_t took = clock_monotonic_ns() - began;
        best = took < best ? took : best;
    }
    CHECK_SPAN(span_first(buf_span(&r.out), 60), span_first(buf_span(&text), 60));
    CHECK_INT(r.out.len, text.len);
    printf("  chat: %lld us to read and write a call of %zu KB\n", (long long)best / 1000, text.len >> 10);
    buf_free(&text);
    chat_rig_close(&r);
}

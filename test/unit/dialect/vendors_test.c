/* SPDX-License-Identifier: Apache-2.0
 * vendors_test.c - dialects that only vendors speak, all by the same suite: golden files, answers and streams cut at every byte, members
 * that nobody knows, and calls made by chance: always JSON, and nothing of them lost in silence. */
#include "test/test.h"
#include "vendor_rig.h"

static struct vendor_rig r;

struct golden {
    const char *dialect, *wire, *events;
    bool stream;
};

static const struct golden goldens[] = {
    { "bedrock_converse", "answer_all.json", "answer_all.events", false },
    { "bedrock_converse", "answer_stop.json", "answer_stop.events", false },
    { "bedrock_converse", "stream_all.events.jsonl", "stream_all.events", true },
    { "cohere", "answer_all.json", "answer_all.events", false },
    { "cohere", "answer_tools.json", "answer_tools.events", false },
    { "cohere", "stream_text.sse", "stream_text.events", true },
    { "cohere", "stream_tools.sse", "stream_tools.events", true },
    { "ollama", "answer_all.json", "answer_all.events", false },
    { "ollama", "answer_length.json", "answer_length.events", false },
    { "ollama", "stream_all.ndjson", "stream_all.events", true },
};
enum { GOLDENS = sizeof(goldens) / sizeof(*goldens), MOST = 1 << 20 };

/* Lines of ["name",{...}] as messages of Amazon's event stream. */
static void put_messages(struct span lines, struct arena *a, struct buf *out)
{
    struct span line, none, name, payload;
    while (span_next(&lines, '\n', &line)) {
        struct raw_iter it = raw_iter(line, a);
        CHECK(raw_next(&it, &none, &name) && raw_next(&it, &none, &payload));
        frames_put_aws(out, SPAN("event"), raw_inside(name), payload);
    }
}

/* A golden stream as it comes over the wire. */
static struct buf wire_of(const struct golden *g, struct span text)
{
    struct buf b;
    buf_init(&b, MOST);
    if (r.dialect->framing == FRAMING_AWS && g->stream)
        put_messages(text, &r.arena, &b);
    else
        buf_put(&b, text);
    if (g->stream && r.dialect->framing != FRAMING_AWS)
        buf_put_byte(&b, '\n');
    return b;
}

TEST(vendors_golden)
{
    for (size_t i = 0; i < GOLDENS; i++) {
        const struct golden *g = &goldens[i];
        vendor_rig_open(&r, g->dialect);
        struct buf wire = wire_of(g, vendor_rig_golden(&r, g->wire));
        struct span got = g->stream ? vendor_rig_stream(&r, buf_span(&wire), wire.len) : vendor_rig_answer(&r, buf_span(&wire));
        CHECK_SPAN(got, vendor_rig_golden(&r, g->events));
        buf_free(&wire);
        vendor_rig_close(&r);
    }
}

/* However its bytes come, a stream says the same. */
TEST(vendors_streams_at_every_step)
{
    for (size_t i = 0; i < GOLDENS; i++) {
        const struct golden *g = &goldens[i];
        if (!g->stream)
            continue;
        vendor_rig_open(&r, g->dialect);
        struct buf wire = wire_of(g, vendor_rig_golden(&r, g->wire));
        struct span want = vendor_rig_golden(&r, g->events);
        for (size_t step = 1; step < 64; step++)
            CHECK_SPAN(vendor_rig_stream(&r, buf_span(&wire), step), want);
        buf_free(&wire);
        vendor_rig_close(&r);
    }
}

/* Cut anywhere it has no end, and what it said before is the beginning of what it says whole. */
TEST(vendors_streams_cut_at_every_byte)
{
    for (size_t i = 0; i < GOLDENS; i++) {
        const struct golden *g = &goldens[i];
        if (!g->stream)
            continue;
        vendor_rig_open(&r, g->dialect);
        struct buf wire = wire_of(g, vendor_rig_golden(&r, g->wire));
        struct span want = vendor_rig_golden(&r, g->events);
        for (size_t len = 0; len < wire.len - 1; len++) {
            struct span got = vendor_rig_stream(&r, span_first(buf_span(&wire), len), len + 1);
            if (r.ends) /* an event stream's last blank line may be one byte or two */
                CHECK(len + 1 >= wire.len - 1 && r.dialect->framing == FRAMING_SSE);
            else
                CHECK(span_ends(got, SPAN("cut")) && span_starts(want, span_first(got, got.len - 3)));
        }
        buf_free(&wire);
        vendor_rig_close(&r);
    }
}

TEST(vendors_answers_cut_at_every_byte)
{
    for (size_t i = 0; i < GOLDENS; i++) {
        const struct golden *g = &goldens[i];
        if (g->stream)
            continue;
        vendor_rig_open(&r, g->dialect);
        struct span whole = vendor_rig_golden(&r, g->wire);
        for (size_t len = 0; len < whole.len; len++)
            CHECK_SPAN(vendor_rig_answer(&r, span_first(whole, len)), SPAN("broken"));
        vendor_rig_close(&r);
    }
}

/* ---- members that nobody knows ---- */

/* Is this bracket that of an object whose members are not ours to add to: a tool's arguments? */
static bool is_opaque(struct span text, size_t at)
{
    struct span before = span_first(text, at);
    return span_ends(before, SPAN("\"input\":")) || span_ends(before, SPAN("\"arguments\":")) || text.at[at + 1] == '}';
}

static bool in_string(struct span text, size_t at)
{
    bool in = false;
    for (size_t i = 0; i < at; i++) {
        if (in && text.at[i] == '\\')
            i++;
        else if (text.at[i] == '"')
            in = !in;
    }
    return in;
}

static void check_with_stranger(const struct golden *g, struct span text, size_t at, struct span want)
{
    struct buf changed;
    buf_init(&changed, MOST);
    buf_put(&changed, span_first(text, at + 1));
    buf_put(&changed, SPAN("\"xUnknown\":{\"text\":[1,\"{\"],\"type\":null},"));
    buf_put(&changed, span_from(text, at + 1));
    struct buf wire = wire_of(g, buf_span(&changed));
    struct span got = g->stream ? vendor_rig_stream(&r, buf_span(&wire), wire.len) : vendor_rig_answer(&r, buf_span(&wire));
    /* What is shown as it came is shown with it. */
    if (span_find(got, SPAN("xUnknown")) < 0)
        CHECK_SPAN(got, want);
    else
        CHECK(span_find(got, SPAN("raw=")) >= 0);
    buf_free(&wire);
    buf_free(&changed);
}

TEST(vendors_unknown_members)
{
    for (size_t i = 0; i < GOLDENS; i++) {
        const struct golden *g = &goldens[i];
        vendor_rig_open(&r, g->dialect);
        struct span text = vendor_rig_golden(&r, g->wire), want = vendor_rig_golden(&r, g->events);
        for (size_t at = 0; at < text.len; at++)
            if (text.at[at] == '{' && !in_string(text, at) && !is_opaque(text, at))
                check_with_stranger(g, text, at, want);
        vendor_rig_close(&r);
    }
}

/* Any member may be missing, null, or of another kind: never a crash, an answer or none. */
TEST(vendors_members_of_other_kinds)
{
    static const char *const others[] = { "null", "7", "\"x\"", "[]", "{}", "[{}]", "true" };
    for (size_t i = 0; i < GOLDENS; i++) {
        const struct golden *g = &goldens[i];
        vendor_rig_open(&r, g->dialect);
        struct span text = vendor_rig_golden(&r, g->wire);
        for (size_t at = 1; at < text.len; at++) {
            if (text.at[at] != ':' || in_string(text, at) || text.at[at - 1] != '"')
                continue;
            struct raw_iter it = { .at = text.at + at + 1, .end = text.at + text.len, .arena = &r.arena };
            struct span none, value;
            CHECK(raw_next(&it, &none, &value));
            for (size_t k = 0; k < 7; k++) {
                struct buf b;
                buf_init(&b, MOST);
                buf_put(&b, span_first(text, at + 1));
                buf_put(&b, span_of(others[k]));
                buf_put(&b, span_from(text, (size_t)(value.at - text.at) + value.len));
                struct buf wire = wire_of(g, buf_span(&b));
                struct span got = g->stream ? vendor_rig_stream(&r, buf_span(&wire), wire.len) : vendor_rig_answer(&r, buf_span(&wire));
                CHECK(got.len > 0 && r.starts <= 1 && r.ends + r.errors <= 1);
                buf_free(&wire);
                buf_free(&b);
            }
        }
        vendor_rig_close(&r);
    }
}

/* ---- calls ---- */

static const struct {
    const char *dialect, *model;
} targets[] = {
    { "bedrock_converse", "anthropic.claude-sonnet-4-5-20250929-v1:0" }, { "bedrock_converse", "us.anthropic.claude-opus-4-6-v1" },
    { "bedrock_converse", "amazon.nova-2-lite-v1:0" }, { "bedrock_converse", "openai.gpt-oss-120b-1:0" },
    { "bedrock_converse", "meta.llama4-maverick-17b-instruct-v1:0" }, { "cohere", "command-a-reasoning-08-2025" },
    { "ollama", "qwen3" }, { "ollama", "gpt-oss:20b" },
};
enum { TARGETS = sizeof(targets) / sizeof(*targets) };

TEST(vendors_golden_calls)
{
    static const char *const models[] = { "anthropic.claude-sonnet-4-5-20250929-v1:0", "command-a-03-2025", "llama3.2" };
    static const char *const dialects[] = { "bedrock_converse", "cohere", "ollama" };
    for (size_t i = 0; i < 3; i++) {
        vendor_rig_open(&r, dialects[i]);
        vendor_rig_read(&r, "openai_chat", vendor_rig_golden(&r, "call_tools.chat.json"), models[i]);
        CHECK_SPAN(vendor_rig_noted(&r), vendor_rig_golden(&r, "call_tools.json"));
        vendor_rig_close(&r);
    }
}

/* The same that Amazon's SDK is asked about in test/sdk/aws_stream.test.js. */
TEST(vendors_golden_call_with_all_that_converse_has)
{
    vendor_rig_open(&r, "bedrock_converse");
    vendor_rig_read(&r, "anthropic_messages", vendor_rig_golden(&r, "call_all.messages.json"), "anthropic.claude-sonnet-4-5-20250929-v1:0");
    CHECK_SPAN(vendor_rig_noted(&r), vendor_rig_golden(&r, "call_all.json"));
    vendor_rig_close(&r);
}

static void begin_call(const char *model)
{
    call_begin(&r.call);
    r.call.model = span_of(model);
    struct turn *t = call_turn(&r.call, ROLE_USER, &r.arena);
    part_add(&t->parts, PART_TEXT, &r.arena)->text = SPAN("\"hi\"");
}

/* Each field alone: what is written differs from what is written without it, or it is noted by its name. */
struct field {
    const char *name;
    void (*set)(struct call *c);
    bool usual; /* says what is so anyway */
};

static void set_stream(struct call *c) { c->stream = true; }
static void set_output_limit(struct call *c) { c->output_limit = 777; }
static void set_temperature(struct call *c) { c->temperature = SPAN("0.25"); }
static void set_hot(struct call *c) { c->temperature = SPAN("2.5"); }
static void set_top_p(struct call *c) { c->top_p = SPAN("0.5"); }
static void set_top_k(struct call *c) { c->top_k = SPAN("40"); }
static void set_frequency(struct call *c) { c->frequency_penalty = SPAN("0.5"); }
static void set_presence(struct call *c) { c->presence_penalty = SPAN("-0.5"); }
static void set_seed(struct call *c) { c->seed = SPAN("42"); }
static void set_stops(struct call *c) { c->stops = SPAN("[\"END\"]"); }
static void set_n(struct call *c) { c->choices = 3; }
static void set_logprobs(struct call *c) { c->logprobs = true; }
static void set_top_logprobs(struct call *c) { c->top_logprobs = 4; }
static void set_json(struct call *c) { c->format = FORMAT_JSON; }
static void set_schema(struct call *c)
{
    c->format = FORMAT_SCHEMA;
    c->schema = SPAN("{\"type\":\"object\"}");
    c->schema_name = SPAN("\"thing\"");
}
static void set_effort(struct call *c) { c->effort = SPAN("high"); }
static void set_no_effort(struct call *c) { c->effort = SPAN("none"); }
static void set_thinking(struct call *c) { c->thinking_limit = 2000; }
static void set_user(struct call *c) { c->user = SPAN("\"u-1\""); }
static void set_odd_user(struct call *c) { c->user = SPAN("\"u\\u00e9\""); }
static void set_metadata(struct call *c) { c->metadata = SPAN("{\"team\":\"a\"}"); }
static void set_tier(struct call *c) { c->tier = SPAN("flex"); }
static void set_verbosity(struct call *c) { c->verbosity = SPAN("low"); }
static void set_store(struct call *c) { c->store = 1; }
static void set_no_store(struct call *c) { c->store = 0; }
static void set_previous(struct call *c) { c->previous = SPAN("\"resp_1\""); }
static void set_cache_key(struct call *c) { c->cache_key = SPAN("\"k\""); }
static void set_safety(struct call *c) { c->safety = SPAN("[]"); }
static void set_forced(struct call *c) { c->choice = CHOICE_ANY; }
static void set_sequential(struct call *c) { c->parallel_tools = 0; }
static void set_rest(struct call *c) { call_rest(c, SPAN("logit_bias"), SPAN("{\"5\":1}"), &r.arena); }
static void set_web_search(struct call *c) { call_tool(c, TOOL_WEB_SEARCH, &r.arena)->raw = SPAN("{}"); }
static void set_name(struct call *c) { c->turns->name = SPAN("\"Ann\""); }

static const struct field fields[] = {
    { "stream", set_stream, false }, { "max_tokens", set_output_limit, false }, { "temperature", set_temperature, false },
    { "temperature", set_hot, false }, { "top_p", set_top_p, false }, { "top_k", set_top_k, false }, { "frequency_penalty", set_frequency, false },
    { "presence_penalty", set_presence, false }, { "seed", set_seed, false }, { "stop", set_stops, false }, { "n", set_n, false },
    { "logprobs", set_logprobs, false }, { "top_logprobs", set_top_logprobs, false }, { "response_format", set_json, false },
    { "response_format", set_schema, false }, { "reasoning_effort", set_effort, false }, { "reasoning_effort", set_no_effort, true },
    { "reasoning_effort", set_thinking, false }, { "user", set_user, false }, { "user", set_odd_user, false }, { "metadata", set_metadata, false },
    { "service_tier", set_tier, false }, { "verbosity", set_verbosity, false }, { "store", set_store, false }, { "store", set_no_store, false },
    { "previous_response_id", set_previous, false }, { "prompt_cache_key", set_cache_key, false }, { "safety_settings", set_safety, false },
    { "tool_choice", set_forced, false }, { "parallel_tool_calls", set_sequential, false }, { "logit_bias", set_rest, false },
    { "tools[0]", set_web_search, false }, { "messages[0].name", set_name, false },
};
enum { FIELDS = sizeof(fields) / sizeof(*fields) };

static bool noted(const struct span *list, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(list[i], name) || (span_starts(list[i], name) && list[i].at[name.len] == ' '))
            return true;
    return false;
}

static bool is_noted(struct span name)
{
    return noted(r.notes.unsayable, r.notes.unsayable_count, name) || noted(r.notes.adapted, r.notes.adapted_count, name);
}

static void check_field(const struct field *f, const char *dialect, const char *model, struct span bare)
{
    begin_call(model);
    f->set(&r.call);
    struct span said = vendor_rig_write(&r);
    bool path = dialect_find(span_of(dialect))->framing == FRAMING_AWS && f->set == set_stream; /* it stands in the path */
    if (span_is(said, bare) && !is_noted(span_of(f->name)) && !path && !f->usual)
        test_fail(__FILE__, __LINE__, "%s %s: %s is lost in silence", dialect, model, f->name);
    if (!span_is(said, bare) && r.notes.unsayable_count)
        test_fail(__FILE__, __LINE__, "%s %s: %s is said and not sayable", dialect, model, f->name);
}

TEST(vendors_say_or_note_every_field)
{
    for (size_t i = 0; i < TARGETS; i++) {
        vendor_rig_open(&r, targets[i].dialect);
        begin_call(targets[i].model);
        struct span bare = arena_copy(&r.arena, vendor_rig_write(&r));
        CHECK_INT(r.notes.unsayable_count + r.notes.adapted_count, 0);
        for (size_t k = 0; k < FIELDS; k++)
            check_field(&fields[k], targets[i].dialect, targets[i].model, bare);
        vendor_rig_close(&r);
    }
}

/* What a provider is known to refuse is never written. */
TEST(vendors_heed_quirks)
{
    static const char *const names[] = { "temperature", "top_p", "top_k", "stop", "response_format", "reasoning_effort" };
    static void (*const sets[])(struct call *) = { set_temperature, set_top_p, set_top_k, set_stops, set_schema, set_effort };
    for (size_t i = 0; i < TARGETS; i++) {
        vendor_rig_open(&r, targets[i].dialect);
        begin_call(targets[i].model);
        struct span bare = arena_copy(&r.arena, vendor_rig_write(&r));
        for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++) {
            struct span name = span_of(names[k]);
            begin_call(targets[i].model);
            sets[k](&r.call);
            r.quirks = (struct quirks){ .unsupported = &name, .unsupported_count = 1 };
            struct span said = vendor_rig_write(&r);
            bool stops = sets[k] == set_stops; /* what asks for the stop is written with them */
            CHECK(stops || span_is(said, bare));
            CHECK(noted(r.notes.unsayable, r.notes.unsayable_count, name));
            CHECK(span_find(said, SPAN("END")) < 0);
        }
        vendor_rig_close(&r);
    }
}

/* ---- long sessions ---- */

/* A writer that walked the conversation for each result would take minutes. */
TEST(vendors_write_long_sessions_in_one_go)
{
    enum { STEPS = 20000 };
    for (size_t i = 0; i < TARGETS; i++) {
        vendor_rig_open(&r, targets[i].dialect);
        begin_call(targets[i].model);
        for (int n = 0; n < STEPS; n++) {
            struct part *p = part_add(&call_turn(&r.call, ROLE_ASSISTANT, &r.arena)->parts, PART_TOOL_CALL, &r.arena);
            p->id = arena_print(&r.arena, "\"call_%d\"", n);
            p->name = arena_print(&r.arena, "\"f%d\"", n % 300);
            struct part *result = part_add(&call_turn(&r.call, ROLE_USER, &r.arena)->parts, PART_TOOL_RESULT, &r.arena);
            result->id = p->id;
            part_add(&result->content, PART_TEXT, &r.arena)->text = SPAN("\"x\"");
        }
        struct span said = vendor_rig_write(&r);
        CHECK(said.len > STEPS * 60);
        CHECK_INT(r.notes.unsayable_count, 0);
        CHECK(span_find(said, SPAN("\"call_19999\"")) > 0 || span_ends(said, SPAN("\"tool_name\":\"f199\"}],\"options\":{}}")));
        vendor_rig_close(&r);
    }
}

/* ---- calls made by chance ---- */

static uint64_t dice;

static int roll(int sides)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (int)(dice % (uint64_t)sides);
}

static struct span text_of(const char *mark, int n) { return arena_print(&r.arena, "\"%s%d \\u00e9\\n\\\"\"", mark, n); }

static void fill_media(struct part *p)
{
    static const char *const types[] = { "image/png", "audio/wav", "video/mp4", "application/pdf", "text/plain", "x/unknown" };
    switch (roll(5)) {
    case 0:
        p->media.url = roll(2) ? SPAN("\"https://example.com/a.png\"") : SPAN("\"s3://bucket/a.png\"");
        break;
    case 1:
        p->media.file_id = SPAN("\"file_1\"");
        break;
    case 2:
        p->media.plain_text = text_of("plain", 1);
        break;
    default:
        p->media.data = roll(2) ? SPAN("iVBORw0KGgo=") : SPAN("ab\\/c");
    }
    p->media.type = roll(2) ? span_of(types[roll(6)]) : SPAN_NONE;
    p->media.name = roll(2) ? text_of("na.me", roll(9)) : SPAN_NONE;
    p->media.detail = roll(3) ? SPAN_NONE : SPAN("high");
}

static void fill_part(struct part *p, int depth)
{
    p->text = roll(6) ? text_of("text", roll(99)) : SPAN("\"\"");
    p->id = roll(3) ? text_of("id", roll(9)) : SPAN("\"call_1\"");
    p->name = text_of("fn", roll(9));
    p->arguments = roll(2) ? SPAN("{\"a\":[1,{\"b\":null}]}") : SPAN_NONE;
    p->failed = roll(2) != 0;
    p->redacted = roll(4) == 0;
    p->signature = roll(3) == 0 ? SPAN("\"tg.bedrock_converse.sig=\"") : roll(3) == 0 ? SPAN("\"sig\"") : SPAN_NONE;
    p->cache = roll(4) == 0 ? SPAN("{\"type\":\"ephemeral\",\"ttl\":\"1h\"}") : SPAN_NONE;
    p->raw = SPAN("{\"type\":\"x\"}");
    fill_media(p);
    for (int i = roll(4); p->kind == PART_TOOL_RESULT && depth == 0 && i > 0; i--) {
        struct part *in = part_add(&p->content, (enum part_kind)roll(5), &r.arena);
        fill_part(in, 1);
    }
}

static void fill_call(const char *model)
{
    call_begin(&r.call);
    r.call.model = span_of(model);
    for (int i = roll(6); i >= 0; i--) {
        struct turn *t = call_turn(&r.call, (enum role)roll(4), &r.arena);
        for (int k = roll(5); k > 0; k--)
            fill_part(part_add(&t->parts, (enum part_kind)roll(10), &r.arena), 0);
    }
    for (int i = roll(4); i > 0; i--) {
        struct tool *t = call_tool(&r.call, roll(5) ? TOOL_FUNCTION : TOOL_OTHER, &r.arena);
        t->name = text_of("tool", i);
        t->schema = roll(2) ? SPAN("{\"type\":\"object\"}") : SPAN_NONE;
        t->strict = roll(3) - 1;
        t->cache = roll(3) ? SPAN_NONE : SPAN("{}");
    }
    r.call.choice = (enum tool_choice)roll(5);
    r.call.chosen = SPAN("\"tool1 \\u00e9\\n\\\"\"");
    for (int i = roll(12); i > 0; i--) {
        void (*set)(struct call *) = fields[roll(FIELDS)].set;
        if (set != set_name && set != set_rest)
            set(&r.call);
    }
    if (roll(3) == 0)
        call_rest(&r.call, SPAN("additionalModelRequestFields"), SPAN("{\"top_k\":1,\"thinking\":{},\"own\":[1]}"), &r.arena);
    if (roll(3) == 0)
        call_rest(&r.call, SPAN("documents"), SPAN("[\"d\"]"), &r.arena);
    if (roll(3) == 0)
        call_rest(&r.call, SPAN("min_p"), SPAN("0.1"), &r.arena);
}

/* vendor_rig_write fails where it is no JSON, or has a name twice. */
TEST(vendors_calls_made_by_chance)
{
    for (size_t i = 0; i < TARGETS; i++) {
        dice = UINT64_C(0x9e3779b97f4a7c15) + i;
        for (int n = 0; n < 1500; n++) {
            static const struct span all = { "*", 1 };
            vendor_rig_open(&r, targets[i].dialect);
            fill_call(targets[i].model);
            vendor_rig_write(&r);
            size_t unsayable = r.notes.unsayable_count;
            r.notes.may_drop = &all;
            r.notes.may_drop_count = 1;
            vendor_rig_write(&r);
            CHECK_INT(r.notes.unsayable_count, 0);
            CHECK_INT(r.notes.dropped_count, unsayable);
            vendor_rig_close(&r);
        }
    }
}

/* Each kind of part that is written is either there or noted. */
TEST(vendors_lose_no_part)
{
    for (size_t i = 0; i < TARGETS; i++) {
        dice = UINT64_C(0xdeadbeefcafe1234) + i;
        for (int n = 0; n < 2000; n++) {
            vendor_rig_open(&r, targets[i].dialect);
            begin_call(targets[i].model);
            struct turn *t = call_turn(&r.call, roll(2) ? ROLE_USER : ROLE_ASSISTANT, &r.arena);
            struct part *p = part_add(&t->parts, (enum part_kind)roll(10), &r.arena);
            fill_part(p, 1);
            p->text = p->media.plain_text.at ? p->media.plain_text : SPAN("\"MARK\"");
            p->media.data = p->media.data.at ? SPAN("TUFSSw") : SPAN_NONE;
            p->name = p->kind == PART_DOCUMENT ? p->name : SPAN("\"MARK\"");
            p->id = p->kind == PART_TOOL_RESULT ? SPAN("\"MARK\"") : p->id;
            p->signature = p->kind == PART_TOOL_CALL ? SPAN_NONE : p->signature;
            struct span said = vendor_rig_write(&r);
            bool there = span_find(said, SPAN("MARK")) >= 0 || span_find(said, SPAN("TUFSSw")) >= 0 || span_find(said, SPAN("plain1")) >= 0 ||
                span_find(said, SPAN("s3://")) >= 0 || span_find(said, SPAN("https://")) >= 0 || span_find(said, SPAN("redactedContent")) >= 0;
            if (!there && !r.notes.unsayable_count && !r.notes.adapted_count && !(p->kind == PART_TOOL_RESULT && said.len))
                test_fail(__FILE__, __LINE__, "%s %s: part of kind %d is lost: %.*s", targets[i].dialect, targets[i].model, (int)p->kind, SPAN_ARG(said));
            vendor_rig_close(&r);
        }
    }
}

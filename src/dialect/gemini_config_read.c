/* SPDX-License-Identifier: Apache-2.0
 * gemini_config_read.c - tools, toolConfig and generationConfig of a generateContent request. See gemini_call.h. */
#include "dialect/gemini_call.h"

/* --- tools --- */

static bool read_function(struct gemini_call *in, struct span said, size_t i, size_t k)
{
    enum { NAME, DESCRIPTION, PARAMETERS, JSON_PARAMETERS };
    static const struct span names[] = { { "name", 4 }, { "description", 11 }, { "parameters", 10 }, { "parametersJsonSchema", 20 }, { NULL, 0 } };
    struct gemini_spot spot = { .in = in, .where = SPOT_FUNCTION, .i = i, .k = k };
    struct span v[4];
    if (!gemini_call_pick(in, said, names, v, &spot))
        return false;
    if (raw_kind(v[NAME]) != JSON_STRING || (v[DESCRIPTION].at && raw_kind(v[DESCRIPTION]) != JSON_STRING))
        return gemini_call_refuse(in, "a function declaration needs a name, and its description must be a string");
    if ((v[PARAMETERS].at && raw_kind(v[PARAMETERS]) != JSON_OBJECT) || (v[JSON_PARAMETERS].at && raw_kind(v[JSON_PARAMETERS]) != JSON_OBJECT))
        return gemini_call_refuse(in, "a function's parameters must be an object");
    struct tool *t = call_tool(in->call, TOOL_FUNCTION, in->arena);
    if (!t)
        return gemini_call_refuse(in, "out of memory");
    t->name = v[NAME];
    t->description = v[DESCRIPTION];
    t->schema = v[JSON_PARAMETERS];
    t->raw = said;
    if (!t->schema.at && v[PARAMETERS].at)
        t->schema = gemini_schema(v[PARAMETERS], in->arena);
    return !v[PARAMETERS].at || t->schema.at ? true : gemini_call_refuse(in, "a function's parameters cannot be read");
}

static bool read_search(struct gemini_call *in, struct span name, struct span value, size_t i)
{
    static const struct span names[] = { { "excludeDomains", 14 }, { NULL, 0 } };
    struct gemini_spot spot = { .in = in, .where = SPOT_TOOL, .i = i };
    struct span blocked;
    if (!gemini_call_pick(in, value, names, &blocked, &spot))
        return false;
    struct tool *t = call_tool(in->call, TOOL_WEB_SEARCH, in->arena);
    if (!t)
        return gemini_call_refuse(in, "out of memory");
    t->name = raw_quote(name, in->arena);
    t->blocked = blocked;
    return true;
}

static bool read_tool_kind(struct gemini_call *in, struct span name, struct span value, size_t i)
{
    bool code = gemini_named(name, SPAN("codeExecution"));
    if (raw_kind(value) == JSON_NULL)
        return true;
    if (gemini_named(name, SPAN("googleSearch")) || gemini_named(name, SPAN("googleSearchRetrieval")))
        return read_search(in, name, value, i);
    if (gemini_named(name, SPAN("functionDeclarations"))) {
        struct gemini_list list = gemini_list(value, in->arena);
        size_t k = 0;
        for (struct span said; gemini_next(&list, &said); k++)
            if (!read_function(in, said, i, k))
                return false;
        return true;
    }
    static const struct span none[] = { { NULL, 0 } };
    struct gemini_spot spot = { .in = in, .where = SPOT_TOOL, .i = i };
    if (code && !gemini_call_pick(in, value, none, NULL, &spot))
        return false;
    struct tool *t = call_tool(in->call, code ? TOOL_CODE_EXECUTION : TOOL_OTHER, in->arena);
    if (!t)
        return gemini_call_refuse(in, "out of memory");
    t->name = raw_quote(name, in->arena);
    t->raw = arena_print(in->arena, "{%.*s:%.*s}", SPAN_ARG(t->name), SPAN_ARG(value));
    return true;
}

bool gemini_read_tools(struct gemini_call *in, struct span tools)
{
    struct gemini_list list = gemini_list(tools, in->arena);
    size_t i = 0;
    for (struct span tool, name, value; gemini_next(&list, &tool); i++) {
        struct raw_iter it = raw_iter(tool, in->arena);
        if (raw_kind(tool) != JSON_OBJECT)
            return gemini_call_refuse(in, "tools must be objects");
        while (raw_next(&it, &name, &value))
            if (!read_tool_kind(in, name, value, i))
                return false;
    }
    return true;
}

/* --- which tool --- */

/* One name is a choice; of several no other dialect knows how to say it. */
static void read_allowed(struct gemini_call *in, struct span allowed, struct gemini_spot *spot)
{
    struct gemini_list list = gemini_list(allowed, in->arena);
    struct span first = SPAN_NONE, item;
    size_t count = 0;
    for (; gemini_next(&list, &item); count++)
        first = count == 0 ? item : first;
    if (count == 1 && raw_kind(first) == JSON_STRING && in->call->choice == CHOICE_ANY) {
        in->call->choice = CHOICE_NAMED;
        in->call->chosen = first;
    } else if (count > 0) {
        gemini_call_unknown(spot, SPAN("allowedFunctionNames"), allowed);
    }
}

static bool read_mode(struct gemini_call *in, struct span mode, struct gemini_spot *spot)
{
    static const struct {
        struct span mode;
        enum tool_choice choice;
    } modes[] = { { { "AUTO", 4 }, CHOICE_AUTO }, { { "ANY", 3 }, CHOICE_ANY }, { { "NONE", 4 }, CHOICE_NONE },
        { { "MODE_UNSPECIFIED", 16 }, CHOICE_UNSAID } };
    if (!mode.at)
        return true;
    if (raw_kind(mode) != JSON_STRING)
        return gemini_call_refuse(in, "functionCallingConfig.mode must be a string");
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        if (!span_is_nocase(raw_inside(mode), modes[i].mode))
            continue;
        in->call->choice = modes[i].choice;
        return true;
    }
    gemini_call_unknown(spot, SPAN("mode"), mode);
    return true;
}

bool gemini_read_tool_config(struct gemini_call *in, struct span config)
{
    static const struct span outer[] = { { "functionCallingConfig", 21 }, { NULL, 0 } };
    static const struct span names[] = { { "mode", 4 }, { "allowedFunctionNames", 20 }, { "streamFunctionCallArguments", 27 }, { NULL, 0 } };
    struct gemini_spot top = { .in = in, .where = SPOT_MEMBER, .of = SPAN("toolConfig") };
    struct gemini_spot spot = { .in = in, .where = SPOT_MEMBER, .of = SPAN("toolConfig.functionCallingConfig") };
    struct span calling, v[3];
    if (!config.at)
        return true;
    if (!gemini_call_pick(in, config, outer, &calling, &top))
        return false;
    if (!calling.at)
        return true;
    if (!gemini_call_pick(in, calling, names, v, &spot) || !read_mode(in, v[0], &spot))
        return false;
    if (v[1].at)
        read_allowed(in, v[1], &spot);
    if (v[2].at && !span_is(v[2], SPAN("false")))
        gemini_call_unknown(&spot, names[2], v[2]);
    return true;
}

/* --- generationConfig --- */

enum { TEMPERATURE, TOP_P, TOP_K, FREQUENCY, PRESENCE, SEED, LIMIT, CHOICES, TOP_LOGPROBS, LOGPROBS, STOPS, TYPE, SCHEMA, JSON_SCHEMA,
    THINKING, MODALITIES, CONFIG_NAMES };
static const struct span config_names[] = { [TEMPERATURE] = { "temperature", 11 }, [TOP_P] = { "topP", 4 }, [TOP_K] = { "topK", 4 },
    [FREQUENCY] = { "frequencyPenalty", 16 }, [PRESENCE] = { "presencePenalty", 15 }, [SEED] = { "seed", 4 },
    [LIMIT] = { "maxOutputTokens", 15 }, [CHOICES] = { "candidateCount", 14 }, [TOP_LOGPROBS] = { "logprobs", 8 },
    [LOGPROBS] = { "responseLogprobs", 16 }, [STOPS] = { "stopSequences", 13 }, [TYPE] = { "responseMimeType", 16 },
    [SCHEMA] = { "responseSchema", 14 }, [JSON_SCHEMA] = { "responseJsonSchema", 18 }, [THINKING] = { "thinkingConfig", 14 },
    [MODALITIES] = { "responseModalities", 18 }, [CONFIG_NAMES] = { NULL, 0 } };

static bool read_integer(struct gemini_call *in, struct span raw, int64_t least, int64_t *out)
{
    static const int64_t most = INT64_C(1) << 40;
    int64_t n;
    if (!raw.at)
        return true;
    if (raw_kind(raw) != JSON_NUMBER || !json_raw_integer(raw, &n) || n < least || n > most)
        return gemini_call_refuse(in, "maxOutputTokens, candidateCount, logprobs and thinkingBudget must be whole numbers, written with digits only");
    *out = n;
    return true;
}

/* What Gemini does unasked, said aloud (its CLI does): other vendors have their own usual. */
static struct span unless_usual(struct gemini_call *in, struct span value, struct span usual, struct span name)
{
    if (!value.at || !span_is(value, usual))
        return value;
    call_hint(in->call, name, value, in->arena);
    return SPAN_NONE;
}

static bool read_numbers(struct gemini_call *in, const struct span *v)
{
    struct call *c = in->call;
    for (int i = TEMPERATURE; i <= SEED; i++)
        if (v[i].at && raw_kind(v[i]) != JSON_NUMBER)
            return gemini_call_refuse(in, "temperature, topP, topK, penalties and seed must be numbers");
    c->temperature = v[TEMPERATURE];
    c->top_p = unless_usual(in, v[TOP_P], SPAN("0.95"), SPAN("top_p"));
    c->top_k = unless_usual(in, v[TOP_K], SPAN("64"), SPAN("top_k"));
    c->frequency_penalty = v[FREQUENCY];
    c->presence_penalty = v[PRESENCE];
    c->seed = v[SEED];
    if (!read_integer(in, v[LIMIT], 0, &c->output_limit) || !read_integer(in, v[CHOICES], 0, &c->choices) ||
        !read_integer(in, v[TOP_LOGPROBS], 0, &c->top_logprobs))
        return false;
    if (c->choices < 1)
        c->choices = 1;
    c->logprobs = span_is(v[LOGPROBS], SPAN("true"));
    return true;
}

/* "text/plain", "application/json" with or without a schema; an enum is left to Google. */
static bool read_format(struct gemini_call *in, const struct span *v, struct gemini_spot *spot)
{
    struct call *c = in->call;
    if (v[SCHEMA].at && raw_kind(v[SCHEMA]) != JSON_OBJECT)
        return gemini_call_refuse(in, "responseSchema must be an object");
    if (raw_is(v[TYPE], SPAN("text/plain")))
        c->format = FORMAT_TEXT;
    else if (raw_is(v[TYPE], SPAN("application/json")))
        c->format = FORMAT_JSON;
    else if (v[TYPE].at)
        gemini_call_unknown(spot, config_names[TYPE], v[TYPE]);
    if (!v[SCHEMA].at && !v[JSON_SCHEMA].at)
        return true;
    c->format = FORMAT_SCHEMA;
    c->schema = v[JSON_SCHEMA].at ? v[JSON_SCHEMA] : gemini_schema(v[SCHEMA], in->arena);
    return c->schema.at ? true : gemini_call_refuse(in, "responseSchema cannot be read");
}

static bool read_level(struct gemini_call *in, struct span level, struct gemini_spot *spot)
{
    static const struct span efforts[] = { { "minimal", 7 }, { "low", 3 }, { "medium", 6 }, { "high", 4 } };
    if (!level.at || raw_is(level, SPAN("THINKING_LEVEL_UNSPECIFIED")))
        return true;
    for (size_t i = 0; i < sizeof(efforts) / sizeof(*efforts); i++) {
        if (!span_is_nocase(raw_inside(level), efforts[i]))
            continue;
        in->call->effort = efforts[i];
        in->call->thinks = 1;
        return true;
    }
    gemini_call_unknown(spot, SPAN("thinkingLevel"), level);
    return true;
}

/* A budget of 0 is none, of -1 what the model thinks right. */
static bool read_thinking(struct gemini_call *in, struct span said)
{
    static const struct span names[] = { { "includeThoughts", 15 }, { "thinkingBudget", 14 }, { "thinkingLevel", 13 }, { NULL, 0 } };
    struct gemini_spot spot = { .in = in, .where = SPOT_MEMBER, .of = SPAN("generationConfig.thinkingConfig") };
    struct call *c = in->call;
    struct span v[3];
    int64_t budget = -2;
    if (!gemini_call_pick(in, said, names, v, &spot) || !read_integer(in, v[1], -1, &budget))
        return false;
    c->show_thoughts = !v[0].at ? -1 : span_is(v[0], SPAN("true"));
    if (budget > -2)
        c->thinks = budget != 0;
    if (budget > 0)
        c->thinking_limit = budget;
    return read_level(in, v[2], &spot);
}

/* Text alone is what everybody gives. */
static void read_modalities(struct span said, struct gemini_spot *spot)
{
    struct gemini_list list = gemini_list(said, spot->in->arena);
    bool text_only = true;
    for (struct span item; gemini_next(&list, &item);)
        text_only = text_only && raw_is(item, SPAN("TEXT"));
    if (!text_only)
        gemini_call_unknown(spot, config_names[MODALITIES], said);
}

bool gemini_read_config(struct gemini_call *in, struct span config)
{
    struct gemini_spot spot = { .in = in, .where = SPOT_MEMBER, .of = SPAN("generationConfig") };
    struct span v[CONFIG_NAMES];
    if (!config.at)
        return true;
    if (!gemini_call_pick(in, config, config_names, v, &spot) || !read_numbers(in, v) || !read_format(in, v, &spot))
        return false;
    if (v[STOPS].at && raw_kind(v[STOPS]) != JSON_ARRAY)
        return gemini_call_refuse(in, "stopSequences must be a list");
    in->call->stops = v[STOPS];
    if (v[MODALITIES].at)
        read_modalities(v[MODALITIES], &spot);
    return !v[THINKING].at || read_thinking(in, v[THINKING]);
}

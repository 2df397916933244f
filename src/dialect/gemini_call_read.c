/* SPDX-License-Identifier: Apache-2.0
 * gemini_call_read.c - a generateContent request to the neutral call. See gemini.h; generationConfig: gemini_config_read.c.
 *
 * Calls and results without ids are paired by the function's name, in order. A model's contents that follow each other are one turn, and
 * its texts that follow each other one text: chats that were streamed come back chunk by chunk. */
#include "dialect/gemini_call.h"

enum { RUN_MOST = 64 << 20 };

/* --- what is not known --- */

static struct span path_of(const struct gemini_spot *s, struct span name)
{
    struct arena *a = s->in->arena;
    switch (s->where) {
    case SPOT_TOP:
        return arena_print(a, "%.*s", SPAN_ARG(name));
    case SPOT_MEMBER:
        return arena_print(a, "%.*s.%.*s", SPAN_ARG(s->of), SPAN_ARG(name));
    case SPOT_CONTENT:
        return arena_print(a, "contents[%zu].%.*s", s->i, SPAN_ARG(name));
    case SPOT_PART:
        return arena_print(a, "contents[%zu].parts[%zu].%.*s", s->i, s->k, SPAN_ARG(name));
    case SPOT_TOOL:
        return arena_print(a, "tools[%zu].%.*s", s->i, SPAN_ARG(name));
    case SPOT_FUNCTION:
        return arena_print(a, "tools[%zu].functionDeclarations[%zu].%.*s", s->i, s->k, SPAN_ARG(name));
    }
    return name;
}

void gemini_call_unknown(void *spot, struct span name, struct span value)
{
    const struct gemini_spot *s = spot;
    if (raw_kind(value) != JSON_NULL)
        call_rest(s->in->call, path_of(s, name), value, s->in->arena);
}

bool gemini_call_pick(struct gemini_call *in, struct span object, const struct span *names, struct span *values, struct gemini_spot *spot)
{
    if (raw_kind(object) != JSON_OBJECT)
        return gemini_call_refuse(in, "contents, parts, tools and configurations must be objects, or lists of them");
    if (gemini_pick(object, names, values, in->arena, gemini_call_unknown, spot))
        return true;
    in->error = E_NOT_CANONICAL;
    return gemini_call_refuse(in, "a member is there twice");
}

bool gemini_call_refuse(struct gemini_call *in, const char *why)
{
    if (!in->error)
        in->error = E_BAD_REQUEST;
    in->why = why;
    return false;
}

/* --- texts that follow each other --- */

static void end_run(struct gemini_call *in)
{
    if (in->running && in->run.len) {
        buf_put_byte(&in->run, '"');
        in->running->text = arena_copy(in->arena, buf_span(&in->run));
    }
    if (in->run.broken)
        in->error = E_TOO_LARGE;
    buf_clear(&in->run);
    in->running = NULL;
}

static void add_to_run(struct gemini_call *in, struct span text)
{
    if (!in->run.len) {
        buf_put_byte(&in->run, '"');
        buf_put(&in->run, raw_inside(in->running->text));
    }
    buf_put(&in->run, raw_inside(text));
}

/* --- parts --- */

enum { TEXT, THOUGHT, SIGNATURE, INLINE, FILE_DATA, CALL, RESPONSE, CODE, CODE_RESULT, TOOL_CALL, TOOL_RESPONSE, RESOLUTION, PART_NAMES };
static const struct span part_names[] = { [TEXT] = { "text", 4 }, [THOUGHT] = { "thought", 7 }, [SIGNATURE] = { "thoughtSignature", 16 },
    [INLINE] = { "inlineData", 10 }, [FILE_DATA] = { "fileData", 8 }, [CALL] = { "functionCall", 12 },
    [RESPONSE] = { "functionResponse", 16 }, [CODE] = { "executableCode", 14 }, [CODE_RESULT] = { "codeExecutionResult", 19 },
    [TOOL_CALL] = { "toolCall", 8 }, [TOOL_RESPONSE] = { "toolResponse", 12 }, [RESOLUTION] = { "mediaResolution", 15 },
    [PART_NAMES] = { NULL, 0 } };

static struct part *add_part(struct gemini_call *in, enum part_kind kind)
{
    end_run(in);
    if (!in->turn)
        in->turn = call_turn(in->call, in->role, in->arena);
    struct part *p = in->turn ? part_add(&in->turn->parts, kind, in->arena) : NULL;
    if (!p)
        in->error = E_NO_MEMORY;
    return p;
}

static bool read_text(struct gemini_call *in, const struct span *v)
{
    bool thought = span_is(v[THOUGHT], SPAN("true"));
    enum part_kind kind = thought ? PART_THINKING : PART_TEXT;
    struct span text = v[TEXT].at ? v[TEXT] : SPAN("\"\"");
    if (raw_kind(text) != JSON_STRING)
        return gemini_call_refuse(in, "text must be a string");
    if (text.len == 2 && !v[SIGNATURE].at)
        return true; /* chunks of a stream may be empty */
    if (in->role == ROLE_ASSISTANT && in->running && in->running->kind == kind && !in->running->signature.at) {
        add_to_run(in, text);
        in->running->signature = v[SIGNATURE];
        return true;
    }
    struct part *p = add_part(in, kind);
    if (!p)
        return false;
    p->text = text;
    p->signature = v[SIGNATURE];
    p->redacted = thought && !v[TEXT].at;
    in->running = p;
    return true;
}

static void read_detail(struct gemini_call *in, struct span resolution, struct media *m, struct gemini_spot *spot)
{
    struct span level = gemini_member(resolution, SPAN("level"), in->arena);
    if (raw_is(level, SPAN("MEDIA_RESOLUTION_LOW")))
        m->detail = SPAN("low");
    else if (raw_is(level, SPAN("MEDIA_RESOLUTION_HIGH")))
        m->detail = SPAN("high");
    else
        gemini_call_unknown(spot, SPAN("mediaResolution"), resolution);
}

static bool read_media(struct gemini_call *in, const struct span *v, struct gemini_spot *spot)
{
    struct media m = { 0 };
    enum part_kind kind;
    if (!gemini_read_media(v[INLINE], v[FILE_DATA], in->arena, gemini_call_unknown, spot, &kind, &m))
        return gemini_call_refuse(in, "inlineData needs data and mimeType, fileData a fileUri");
    if (v[RESOLUTION].at)
        read_detail(in, v[RESOLUTION], &m, spot);
    struct part *p = add_part(in, kind);
    if (!p)
        return false;
    p->media = m;
    p->signature = v[SIGNATURE];
    return true;
}

/* --- functions called --- */

static void open_call(struct gemini_call *in, const struct part *p)
{
    struct open_call *c = ARENA_NEW(in->arena, struct open_call);
    struct open_call **end = &in->open;
    while (*end)
        end = &(*end)->next;
    *end = c;
    if (c)
        c->part = p;
    else
        in->error = E_NO_MEMORY;
}

/* The first call that has this id, or this name where no id is said, and has no result yet. */
static struct span close_call(struct gemini_call *in, struct span id, struct span name)
{
    for (struct open_call **at = &in->open; *at; at = &(*at)->next) {
        const struct part *p = (*at)->part;
        if (!span_is(id.at ? p->id : p->name, id.at ? id : name))
            continue;
        *at = (*at)->next;
        return p->id;
    }
    return id.at ? id : made_up_id("call_", 0, ++in->calls, in->arena);
}

static bool read_function_call(struct gemini_call *in, const struct span *part, struct gemini_spot *spot)
{
    enum { ID, NAME, ARGS };
    static const struct span names[] = { { "id", 2 }, { "name", 4 }, { "args", 4 }, { NULL, 0 } };
    struct span v[3] = { { NULL, 0 } };
    if (!gemini_call_pick(in, part[CALL], names, v, spot))
        return false;
    if (raw_kind(v[NAME]) != JSON_STRING || (v[ARGS].at && raw_kind(v[ARGS]) != JSON_OBJECT))
        return gemini_call_refuse(in, "a functionCall needs a name, and its args must be an object");
    struct part *p = add_part(in, PART_TOOL_CALL);
    if (!p)
        return false;
    p->id = raw_kind(v[ID]) == JSON_STRING && v[ID].len > 2 ? v[ID] : made_up_id("call_", 0, ++in->calls, in->arena);
    p->name = v[NAME];
    p->arguments = v[ARGS].at ? v[ARGS] : SPAN("{}");
    p->signature = part[SIGNATURE];
    open_call(in, p);
    return true;
}

/* {"output":...} is what came of it, {"error":...} why nothing did; with anything beside them, the whole is said. */
static void read_response(struct gemini_call *in, struct span response, struct part *p)
{
    struct raw_iter it = raw_iter(response, in->arena);
    struct span name, value, said = SPAN_NONE;
    size_t members = 0;
    while (it.object && raw_next(&it, &name, &value)) {
        if (raw_kind(value) == JSON_NULL)
            continue;
        members++;
        p->failed = p->failed || span_is(name, SPAN("error"));
        if (span_is(name, SPAN("error")) || span_is(name, SPAN("output")))
            said = value;
    }
    if (members != 1 || !said.at)
        said = response;
    struct part *text = part_add(&p->content, PART_TEXT, in->arena);
    if (text)
        text->text = raw_kind(said) == JSON_STRING ? said : raw_quote(said.at ? said : SPAN("{}"), in->arena);
}

static bool read_response_media(struct gemini_call *in, struct span parts, struct part *p, struct gemini_spot *spot)
{
    static const struct span names[] = { { "inlineData", 10 }, { "fileData", 8 }, { NULL, 0 } };
    struct gemini_list list = gemini_list(parts, in->arena);
    struct span v[2];
    for (struct span item; gemini_next(&list, &item);) {
        struct media m = { 0 };
        enum part_kind kind;
        if (!gemini_call_pick(in, item, names, v, spot))
            return false;
        if (!gemini_read_media(v[0], v[1], in->arena, gemini_call_unknown, spot, &kind, &m))
            return gemini_call_refuse(in, "the parts of a functionResponse must be inlineData or fileData");
        struct part *medium = part_add(&p->content, kind, in->arena);
        if (medium)
            medium->media = m;
    }
    return true;
}

static bool read_function_response(struct gemini_call *in, const struct span *part, struct gemini_spot *spot)
{
    enum { ID, NAME, OUTPUT, PARTS };
    static const struct span names[] = { { "id", 2 }, { "name", 4 }, { "response", 8 }, { "parts", 5 }, { NULL, 0 } };
    struct span v[4] = { { NULL, 0 } };
    if (!gemini_call_pick(in, part[RESPONSE], names, v, spot))
        return false;
    if (raw_kind(v[NAME]) != JSON_STRING || (v[OUTPUT].at && raw_kind(v[OUTPUT]) != JSON_OBJECT))
        return gemini_call_refuse(in, "a functionResponse needs a name, and its response must be an object");
    struct part *p = add_part(in, PART_TOOL_RESULT);
    if (!p)
        return false;
    p->name = v[NAME];
    p->id = close_call(in, raw_kind(v[ID]) == JSON_STRING && v[ID].len > 2 ? v[ID] : SPAN_NONE, v[NAME]);
    read_response(in, v[OUTPUT], p);
    return read_response_media(in, v[PARTS], p, spot);
}

static bool read_part(struct gemini_call *in, struct span part, size_t i, size_t k)
{
    struct gemini_spot spot = { .in = in, .where = SPOT_PART, .i = i, .k = k };
    struct span v[PART_NAMES] = { { NULL, 0 } };
    if (!gemini_call_pick(in, part, part_names, v, &spot))
        return false;
    v[SIGNATURE] = gemini_unwrap_signature(v[SIGNATURE], in->arena);
    if (v[RESOLUTION].at && !v[INLINE].at && !v[FILE_DATA].at)
        gemini_call_unknown(&spot, part_names[RESOLUTION], v[RESOLUTION]);
    if (v[CALL].at)
        return read_function_call(in, v, &spot);
    if (v[RESPONSE].at)
        return read_function_response(in, v, &spot);
    if (v[INLINE].at || v[FILE_DATA].at)
        return read_media(in, v, &spot);
    if (!v[CODE].at && !v[CODE_RESULT].at && !v[TOOL_CALL].at && !v[TOOL_RESPONSE].at)
        return read_text(in, v);
    struct part *p = add_part(in, PART_SERVER_TOOL);
    if (!p)
        return false;
    p->name = raw_quote(gemini_server_tool(part, in->arena), in->arena);
    p->raw = part;
    return true;
}

/* --- contents --- */

static bool read_role(struct gemini_call *in, struct span role)
{
    if (!role.at || raw_is(role, SPAN("user")) || raw_is(role, SPAN("function")) || role.len == 2)
        in->role = ROLE_USER;
    else if (raw_is(role, SPAN("model")))
        in->role = ROLE_ASSISTANT;
    else
        return gemini_call_refuse(in, "role must be \"user\" or \"model\"");
    return true;
}

static bool read_content(struct gemini_call *in, struct span content, size_t i)
{
    static const struct span names[] = { { "role", 4 }, { "parts", 5 }, { NULL, 0 } };
    struct gemini_spot spot = { .in = in, .where = SPOT_CONTENT, .i = i };
    struct span v[2];
    enum role before = in->role;
    if (!gemini_call_pick(in, content, names, v, &spot) || !read_role(in, v[0]))
        return false;
    if (in->role != before || in->role != ROLE_ASSISTANT) {
        end_run(in);
        in->turn = NULL;
    }
    struct gemini_list parts = gemini_list(v[1], in->arena);
    size_t k = 0;
    for (struct span part; gemini_next(&parts, &part); k++)
        if (!read_part(in, part, i, k))
            return false;
    return true;
}

static bool read_system(struct gemini_call *in, struct span said)
{
    static const struct span names[] = { { "role", 4 }, { "parts", 5 }, { NULL, 0 } };
    struct gemini_spot spot = { .in = in, .where = SPOT_MEMBER, .of = SPAN("systemInstruction") };
    struct span v[2];
    in->role = ROLE_SYSTEM;
    in->turn = NULL;
    if (raw_kind(said) == JSON_STRING) {
        struct part *p = add_part(in, PART_TEXT);
        if (p)
            p->text = said;
        return p != NULL;
    }
    if (!gemini_call_pick(in, said, names, v, &spot))
        return false;
    struct gemini_list parts = gemini_list(v[1], in->arena);
    size_t k = 0;
    for (struct span part; gemini_next(&parts, &part); k++)
        if (!read_part(in, part, 0, k))
            return false;
    end_run(in);
    return true;
}

static bool read_contents(struct gemini_call *in, struct span contents)
{
    struct gemini_list list = gemini_list(contents, in->arena);
    size_t i = 0;
    in->role = ROLE_USER;
    in->turn = NULL;
    for (struct span content; gemini_next(&list, &content); i++)
        if (!read_content(in, content, i))
            return false;
    end_run(in);
    return true;
}

/* --- the whole --- */

enum { CONTENTS, SYSTEM, TOOLS, TOOL_CONFIG, GENERATION, SAFETY, LABELS, TIER, STORE, TOP_NAMES };
static const struct span top_names[] = { [CONTENTS] = { "contents", 8 }, [SYSTEM] = { "systemInstruction", 17 }, [TOOLS] = { "tools", 5 },
    [TOOL_CONFIG] = { "toolConfig", 10 }, [GENERATION] = { "generationConfig", 16 }, [SAFETY] = { "safetySettings", 14 },
    [LABELS] = { "labels", 6 }, [TIER] = { "serviceTier", 11 }, [STORE] = { "store", 5 }, [TOP_NAMES] = { NULL, 0 } };

static bool read_rest(struct gemini_call *in, const struct span *v)
{
    struct call *c = in->call;
    struct span tier = raw_text(v[TIER], in->arena);
    if (v[SAFETY].at && raw_kind(v[SAFETY]) != JSON_ARRAY)
        return gemini_call_refuse(in, "safetySettings must be a list");
    if (v[LABELS].at && raw_kind(v[LABELS]) != JSON_OBJECT)
        return gemini_call_refuse(in, "labels must be an object");
    c->safety = v[SAFETY];
    c->metadata = v[LABELS];
    c->store = !v[STORE].at ? -1 : span_is(v[STORE], SPAN("true"));
    if (tier.len && !span_is_nocase(tier, SPAN("standard")) && !span_is_nocase(tier, SPAN("unspecified")))
        c->tier = tier;
    return true;
}

enum err gemini_read_call(struct json *j, struct span body, struct arena *a, struct call *out, const char **why)
{
    struct gemini_call in = { .arena = a, .call = out };
    struct gemini_spot top = { .in = &in, .where = SPOT_TOP };
    struct span v[TOP_NAMES];
    call_begin(out);
    enum err e = gemini_pick_body(j, body, top_names, v, a, gemini_call_unknown, &top, why);
    if (e)
        return e;
    buf_init(&in.run, RUN_MOST);
    bool read = (!v[SYSTEM].at || read_system(&in, v[SYSTEM])) && read_contents(&in, v[CONTENTS]) && gemini_read_tools(&in, v[TOOLS]) &&
        gemini_read_tool_config(&in, v[TOOL_CONFIG]) && gemini_read_config(&in, v[GENERATION]) && read_rest(&in, v);
    buf_free(&in.run);
    *why = in.why;
    if (a->broken)
        return E_NO_MEMORY;
    if (!read && !in.error)
        return E_BAD_REQUEST;
    return in.error;
}

/* SPDX-License-Identifier: Apache-2.0
 * anthropic_messages_blocks.c - Anthropic's content blocks, of messages and of answers, to neutral parts. */
#include "dialect/anthropic_int.h"
#include "dialect/signature.h"

const struct span anthropic_dialect_name = { "anthropic_messages", 18 };

/* The members of all blocks that have a neutral meaning. */
enum slot { TYPE, TEXT, CITATIONS, CACHE, SOURCE, TITLE, ID, NAME, INPUT, RESULT_OF, CONTENT, FAILED, THINKING, SIGNATURE, DATA, SLOTS };
static const struct span slot_names[SLOTS] = { [TYPE] = { "type", 4 }, [TEXT] = { "text", 4 }, [CITATIONS] = { "citations", 9 },
    [CACHE] = { "cache_control", 13 }, [SOURCE] = { "source", 6 }, [TITLE] = { "title", 5 }, [ID] = { "id", 2 }, [NAME] = { "name", 4 },
    [INPUT] = { "input", 5 }, [RESULT_OF] = { "tool_use_id", 11 }, [CONTENT] = { "content", 7 }, [FAILED] = { "is_error", 8 },
    [THINKING] = { "thinking", 8 }, [SIGNATURE] = { "signature", 9 }, [DATA] = { "data", 4 } };

struct blocks {
    struct json *json;
    struct arena *arena;
    struct call *call; /* NULL: of an answer */
    struct span where;
    size_t index;
    bool inside;          /* a tool's result */
    struct part **list;
    struct span pending;  /* Gemini's signature, for the part that follows */
    const char *why;
};

static struct span unless_null(struct span raw) { return raw_kind(raw) == JSON_NULL ? SPAN_NONE : raw; }
static bool is_string(struct span raw) { return raw_kind(raw) == JSON_STRING; }

static struct span or_none(struct span raw, enum json_kind kind) { return raw_kind(raw) == kind ? raw : SPAN_NONE; }

static void keep_rest(const struct blocks *b, struct span name, struct span value)
{
    if (b->call)
        call_rest(b->call, arena_print(b->arena, "%.*s[%zu].%.*s", SPAN_ARG(b->where), b->index, SPAN_ARG(name)), value, b->arena);
}

/* {"type": "direct"}: called by the model itself, as all tools are elsewhere. */
static bool says_nothing(const struct blocks *b, struct span name, struct span value)
{
    return span_is(name, SPAN("caller")) && raw_is(raw_member(value, SPAN("type"), b->arena), SPAN("direct"));
}

static void read_slots(const struct blocks *b, struct span block, struct span *slots)
{
    struct raw_iter it = raw_iter(block, b->arena);
    struct span name, value;
    while (raw_next(&it, &name, &value)) {
        size_t i = 0;
        while (i < SLOTS && !span_is(slot_names[i], name))
            i++;
        if (i < SLOTS)
            slots[i] = unless_null(value);
        else if (!says_nothing(b, name, value))
            keep_rest(b, name, value);
    }
}

static bool refuse(struct blocks *b, const char *why)
{
    b->why = why;
    return false;
}

/* --- citations --- */

struct citation *anthropic_read_citation(struct span raw, struct arena *a)
{
    struct citation *c = raw_kind(raw) == JSON_OBJECT ? ARENA_NEW(a, struct citation) : NULL;
    if (!c)
        return NULL;
    struct span url = raw_member(raw, SPAN("url"), a), title = raw_member(raw, SPAN("title"), a);
    *c = (struct citation){
        .url = or_none(url.at ? url : raw_member(raw, SPAN("source"), a), JSON_STRING),
        .title = or_none(title.at ? title : raw_member(raw, SPAN("document_title"), a), JSON_STRING),
        .quote = or_none(raw_member(raw, SPAN("cited_text"), a), JSON_STRING),
        .from = -1, /* its places are those in the document, not in the answer */
        .to = -1,
        .raw = raw,
    };
    return c;
}

static void read_citations(const struct blocks *b, struct span list, struct part *p)
{
    struct raw_iter it = raw_iter(or_none(list, JSON_ARRAY), b->arena);
    struct citation **end = &p->citations;
    struct span name, value;
    while (raw_next(&it, &name, &value))
        if ((*end = anthropic_read_citation(value, b->arena)) != NULL)
            end = &(*end)->next;
}

/* --- kinds of blocks --- */

static struct part *add(struct blocks *b, enum part_kind kind, const struct span *slots)
{
    struct part *p = part_add(b->list, kind, b->arena);
    if (p)
        p->cache = or_none(slots[CACHE], JSON_OBJECT);
    return p;
}

static void sign(struct blocks *b, struct part *p)
{
    p->signature = b->pending;
    b->pending = SPAN_NONE;
}

static bool read_text(struct blocks *b, const struct span *slots)
{
    struct part *p = is_string(slots[TEXT]) ? add(b, PART_TEXT, slots) : NULL;
    if (!p)
        return refuse(b, "text of a content block must be a string");
    p->text = slots[TEXT];
    read_citations(b, slots[CITATIONS], p);
    sign(b, p);
    return true;
}

/* False: a source that only Anthropic knows. */
static bool read_source(const struct blocks *b, struct span source, struct media *m)
{
    struct span type = raw_member(source, SPAN("type"), b->arena), data = raw_member(source, SPAN("data"), b->arena);
    struct span file = raw_member(source, SPAN("file_id"), b->arena), url = raw_member(source, SPAN("url"), b->arena);
    m->type = raw_text(raw_member(source, SPAN("media_type"), b->arena), b->arena);
    if (raw_is(type, SPAN("base64")) && is_string(data))
        m->data = raw_inside(data);
    else if (raw_is(type, SPAN("text")) && is_string(data))
        m->plain_text = data;
    else if (raw_is(type, SPAN("url")) && is_string(url))
        m->url = url;
    else if (raw_is(type, SPAN("file")) && is_string(file))
        m->file_id = file;
    else if (raw_is(type, SPAN("content")) && is_string(raw_member(source, SPAN("content"), b->arena)))
        m->plain_text = raw_member(source, SPAN("content"), b->arena);
    else
        return false;
    return true;
}

static void keep_others_of_source(const struct blocks *b, struct span source)
{
    static const char *const known[] = { "type", "media_type", "data", "url", "file_id", "content" };
    struct raw_iter it = raw_iter(source, b->arena);
    struct span name, value;
    while (raw_next(&it, &name, &value)) {
        size_t i = 0;
        while (i < sizeof(known) / sizeof(*known) && !span_is(name, span_of(known[i])))
            i++;
        if (i == sizeof(known) / sizeof(*known))
            keep_rest(b, arena_print(b->arena, "source.%.*s", SPAN_ARG(name)), value);
    }
}

static bool read_own(struct blocks *b, const struct span *slots, struct span block)
{
    struct part *p = add(b, PART_SERVER_TOOL, slots);
    if (!p)
        return refuse(b, "out of memory");
    p->name = slots[TYPE];
    p->id = or_none(slots[ID].at ? slots[ID] : slots[RESULT_OF], JSON_STRING);
    p->raw = block;
    return true;
}

static bool read_media(struct blocks *b, enum part_kind kind, const struct span *slots, struct span block)
{
    struct media m = { .name = or_none(slots[TITLE], JSON_STRING) };
    if (raw_kind(slots[SOURCE]) != JSON_OBJECT)
        return refuse(b, "source of a content block must be an object");
    if (!read_source(b, slots[SOURCE], &m))
        return read_own(b, slots, block);
    keep_others_of_source(b, slots[SOURCE]);
    struct part *p = add(b, kind, slots);
    if (!p)
        return refuse(b, "out of memory");
    p->media = m;
    bool cites = !span_is(raw_member(slots[CITATIONS], SPAN("enabled"), b->arena), SPAN("false"));
    if (slots[CITATIONS].at && cites)
        keep_rest(b, SPAN("citations"), slots[CITATIONS]);
    return true;
}

static bool read_use(struct blocks *b, const struct span *slots)
{
    if (!is_string(slots[ID]) || !is_string(slots[NAME]) || (slots[INPUT].at && raw_kind(slots[INPUT]) != JSON_OBJECT))
        return refuse(b, "a tool_use block needs an id, a name and an input that is an object");
    struct part *p = add(b, PART_TOOL_CALL, slots);
    if (!p)
        return refuse(b, "out of memory");
    p->id = slots[ID];
    p->name = slots[NAME];
    p->arguments = slots[INPUT].at ? slots[INPUT] : SPAN("{}");
    sign(b, p);
    return true;
}

static bool read_list(struct blocks *b, struct span content);

static bool read_result(struct blocks *b, const struct span *slots)
{
    if (!is_string(slots[RESULT_OF]))
        return refuse(b, "tool_use_id of a tool_result block must be a string");
    struct part *p = add(b, PART_TOOL_RESULT, slots);
    if (!p)
        return refuse(b, "out of memory");
    p->id = slots[RESULT_OF];
    p->failed = span_is(slots[FAILED], SPAN("true"));
    if (!slots[CONTENT].at)
        return true;
    struct blocks inner = { .json = b->json, .arena = b->arena, .call = b->call, .inside = true, .list = &p->content };
    inner.where = b->call ? arena_print(b->arena, "%.*s[%zu].content", SPAN_ARG(b->where), b->index) : SPAN_NONE;
    return read_list(&inner, slots[CONTENT]) || refuse(b, inner.why);
}

/* In a call, one without a mark is this dialect's own: marked, so that no other vendor is sent it. */
static struct span signature_of(const struct blocks *b, struct span said)
{
    struct span raw = or_none(said, JSON_STRING);
    bool own = b->call && raw_inside(raw).len && signature_for(raw, anthropic_dialect_name, anthropic_dialect_name, b->arena).at == raw.at;
    return own ? signature_mark(raw, anthropic_dialect_name, b->arena) : raw;
}

static bool read_thought(struct blocks *b, const struct span *slots)
{
    struct span signature = signature_of(b, slots[SIGNATURE]);
    if (raw_inside(slots[THINKING]).len == 0 && signature_for(signature, SPAN("gemini"), SPAN_NONE, b->arena).at) {
        b->pending = signature;
        return true;
    }
    struct part *p = add(b, PART_THINKING, slots);
    if (!p)
        return refuse(b, "out of memory");
    p->text = or_none(slots[THINKING], JSON_STRING);
    p->signature = signature;
    return true;
}

static bool read_redacted(struct blocks *b, const struct span *slots)
{
    struct part *p = add(b, PART_THINKING, slots);
    if (!p)
        return refuse(b, "out of memory");
    p->redacted = true;
    p->signature = signature_of(b, slots[DATA]);
    return true;
}

static bool read_block(struct blocks *b, struct span block)
{
    struct span slots[SLOTS] = { { NULL, 0 } };
    struct span type = raw_text(raw_member(block, SPAN("type"), b->arena), b->arena);
    bool text = span_is(type, SPAN("text")), image = span_is(type, SPAN("image")), document = span_is(type, SPAN("document"));
    bool use = span_is(type, SPAN("tool_use")), result = span_is(type, SPAN("tool_result"));
    bool thought = span_is(type, SPAN("thinking")), redacted = span_is(type, SPAN("redacted_thinking"));
    if (!type.at)
        return refuse(b, "a content block must be an object with a type");
    if (!(text || image || document || ((use || result || thought || redacted) && !b->inside))) {
        slots[TYPE] = raw_member(block, SPAN("type"), b->arena);
        slots[ID] = raw_member(block, SPAN("id"), b->arena);
        slots[RESULT_OF] = raw_member(block, SPAN("tool_use_id"), b->arena);
        return read_own(b, slots, block);
    }
    read_slots(b, block, slots);
    return text ? read_text(b, slots) : image ? read_media(b, PART_IMAGE, slots, block) : document ? read_media(b, PART_DOCUMENT, slots, block) :
        use ? read_use(b, slots) : result ? read_result(b, slots) : thought ? read_thought(b, slots) : read_redacted(b, slots);
}

static bool read_list(struct blocks *b, struct span content)
{
    struct raw_iter it = raw_iter(content, b->arena);
    struct span name, block;
    if (is_string(content)) {
        struct part *p = part_add(b->list, PART_TEXT, b->arena);
        if (p)
            p->text = content;
        return true;
    }
    if (raw_kind(content) != JSON_ARRAY)
        return refuse(b, "content must be a string or a list of content blocks");
    for (; raw_next(&it, &name, &block); b->index++)
        if (!read_block(b, block))
            return false;
    return true;
}

enum err anthropic_read_blocks(struct json *j, struct span content, struct span where, struct arena *a, struct call *c, struct part **out, const char **why)
{
    struct blocks b = { .json = j, .arena = a, .call = c, .where = where, .list = out };
    bool read = read_list(&b, content);
    *why = b.why;
    return a->broken ? E_NO_MEMORY : read ? E_OK : E_BAD_REQUEST;
}

/* --- what only this dialect has --- */

bool anthropic_owns_block(struct span raw, struct arena *a)
{
    static const struct span own[] = { { "server_tool_use", 15 }, { "search_result", 13 }, { "container_upload", 16 }, { "document", 8 },
        { "image", 5 }, { "mcp_tool_use", 12 }, { "tool_reference", 14 }, { "browser_state", 13 }, { "compaction", 10 } };
    struct span type = raw_text(raw_member(raw, SPAN("type"), a), a);
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        if (span_is(own[i], type))
            return true;
    return span_ends(type, SPAN("_tool_result"));
}

bool anthropic_owns_citation(struct span raw, struct arena *a)
{
    return span_ends(raw_text(raw_member(raw, SPAN("type"), a), a), SPAN("_location"));
}

bool anthropic_put_citation(struct json_out *o, const struct citation *c, struct arena *a)
{
    if (anthropic_owns_citation(c->raw, a)) {
        json_put_raw(o, c->raw);
        return true;
    }
    if (!c->url.at)
        return false;
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("web_search_result_location"));
    json_pair_raw(o, SPAN("url"), c->url);
    json_pair_raw(o, SPAN("title"), c->title);
    json_pair_raw(o, SPAN("cited_text"), c->quote.at ? c->quote : SPAN("\"\""));
    json_pair(o, SPAN("encrypted_index"), SPAN(""));
    json_close(o, '}');
    return true;
}

struct span anthropic_signature(struct span raw, struct arena *a)
{
    static const struct span owners[] = { { "anthropic_messages", 18 }, { "bedrock_invoke", 14 }, { "bedrock_converse", 16 } };
    for (size_t i = 0; i < sizeof(owners) / sizeof(*owners); i++) {
        struct span own = signature_for(raw, owners[i], SPAN_NONE, a);
        if (own.at)
            return own;
    }
    return SPAN_NONE;
}

struct span anthropic_tool_id(struct span raw, struct arena *a)
{
    struct span inside = raw_inside(raw);
    bool fits = inside.len > 0;
    for (size_t i = 0; i < inside.len; i++) {
        char c = inside.at[i];
        fits = fits && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-');
    }
    return fits ? raw : made_up_id("toolu_", span_hash(raw, 0), 0, a);
}

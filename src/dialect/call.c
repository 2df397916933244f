/* SPDX-License-Identifier: Apache-2.0
 * call.c - see call.h. Lists remember their ends, so that a call of a million turns is still read in one go. */
#include "dialect/call.h"

#include "base/digest.h"
#include "base/text.h"

/* --- notes --- */

/* "messages[3].content" is "messages[].content", too; and whoever names the whole names its parts. */
bool call_path_is(struct span path, struct span pattern)
{
    size_t at = 0;
    for (size_t i = 0; i < pattern.len; i++) {
        if (at >= path.len || path.at[at] != pattern.at[i])
            return false;
        at++;
        if (pattern.at[i] == '[' && i + 1 < pattern.len && pattern.at[i + 1] == ']')
            while (at < path.len && path.at[at] >= '0' && path.at[at] <= '9')
                at++;
    }
    return at == path.len || path.at[at] == '.' || path.at[at] == '[';
}

/* The name without the reason behind it. */
static struct span bare(struct span name)
{
    ptrdiff_t blank = span_find_byte(name, ' ');
    return blank < 0 ? name : span_first(name, (size_t)blank);
}

static bool may_drop(const struct notes *n, struct span name)
{
    for (size_t i = 0; i < n->may_drop_count; i++)
        if (span_is(n->may_drop[i], SPAN("*")) || call_path_is(bare(name), n->may_drop[i]))
            return true;
    return false;
}

/* Once for a name; where there is no room for all, the last place says so. */
static void note(struct span *list, size_t *count, struct span name)
{
    for (size_t i = 0; i < *count; i++)
        if (span_is(bare(list[i]), bare(name)))
            return;
    if (*count == NOTES_MOST)
        list[NOTES_MOST - 1] = SPAN("...");
    else
        list[(*count)++] = name;
}

void call_unsayable(struct notes *n, struct span name)
{
    if (may_drop(n, name))
        note(n->dropped, &n->dropped_count, bare(name));
    else
        note(n->unsayable, &n->unsayable_count, name);
}

void call_adapted(struct notes *n, struct span name) { note(n->adapted, &n->adapted_count, name); }

void call_rest_untold(struct notes *n, const struct rest *r)
{
    if (r->hint)
        call_adapted(n, r->path);
    else
        call_unsayable(n, r->path);
}

void call_rest_unsayable(struct notes *n, const struct call *c)
{
    for (const struct rest *r = c->rest; r; r = r->next)
        call_rest_untold(n, r);
}

void call_bare_untold(const struct call *c, struct notes *n)
{
    static const struct span usual[] = { { "auto", 4 }, { "default", 7 }, { "standard", 8 } };
    bool tier = c->tier.at != NULL;
    for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
        tier = tier && !span_is(c->tier, usual[i]);
    const struct {
        bool said;
        struct span name;
    } cannot[] = { { c->choices != 1, SPAN("n") }, { c->metadata.at != NULL, SPAN("metadata") }, { tier, SPAN("service_tier") },
        { c->verbosity.at && !span_is(c->verbosity, SPAN("medium")), SPAN("verbosity") }, { c->store == 1, SPAN("store") },
        { c->previous.at != NULL, SPAN("previous_response_id") }, { c->safety.at != NULL, SPAN("safety_settings") } };
    for (size_t i = 0; i < sizeof(cannot) / sizeof(*cannot); i++)
        if (cannot[i].said)
            call_unsayable(n, cannot[i].name);
    if (c->user.at)
        call_adapted(n, SPAN("user"));
    if (c->store == 0)
        call_adapted(n, SPAN("store"));
    if (c->cache_key.at)
        call_adapted(n, SPAN("prompt_cache_key"));
}

struct span call_unsayable_text(const struct notes *n)
{
    struct buf text;
    if (!n->unsayable_count)
        return SPAN_NONE;
    buf_init(&text, 1 << 20);
    for (size_t i = 0; i < n->unsayable_count; i++) {
        buf_put(&text, i == 0 ? SPAN("") : i + 1 == n->unsayable_count ? SPAN(" and ") : SPAN(", "));
        buf_put(&text, n->unsayable[i]);
    }
    struct span copy = text.broken ? SPAN("several things") : arena_copy(n->arena, buf_span(&text));
    buf_free(&text);
    return copy;
}

/* --- for readers --- */

void call_begin(struct call *c)
{
    *c = (struct call){
        .parallel_tools = -1,
        .output_limit = -1,
        .choices = 1,
        .top_logprobs = -1,
        .schema_strict = -1,
        .thinks = -1,
        .thinking_limit = -1,
        .show_thoughts = -1,
        .store = -1,
    };
}

struct turn *call_turn(struct call *c, enum role role, struct arena *a)
{
    struct turn *t = ARENA_NEW(a, struct turn);
    if (!t)
        return NULL;
    t->role = role;
    if (c->last_turn)
        c->last_turn->next = t;
    else
        c->turns = t;
    return c->last_turn = t;
}

struct part *part_add(struct part **list, enum part_kind kind, struct arena *a)
{
    struct part *p = ARENA_NEW(a, struct part);
    if (!p)
        return NULL;
    p->kind = kind;
    if (*list)
        (*list)->last->next = p;
    else
        *list = p;
    (*list)->last = p;
    return p;
}

struct tool *call_tool(struct call *c, enum tool_kind kind, struct arena *a)
{
    struct tool *t = ARENA_NEW(a, struct tool);
    if (!t)
        return NULL;
    t->kind = kind;
    t->strict = -1;
    t->most = -1;
    if (c->last_tool)
        c->last_tool->next = t;
    else
        c->tools = t;
    return c->last_tool = t;
}

static void add_rest(struct call *c, struct rest said, struct arena *a)
{
    enum json_kind kind = raw_kind(said.value);
    struct rest *r = kind == JSON_NONE || kind == JSON_NULL ? NULL : ARENA_NEW(a, struct rest);
    if (!r)
        return;
    *r = said;
    if (c->last_rest)
        c->last_rest->next = r;
    else
        c->rest = r;
    c->last_rest = r;
}

void call_rest(struct call *c, struct span path, struct span value, struct arena *a) { add_rest(c, (struct rest){ .path = path, .value = value }, a); }

void call_hint(struct call *c, struct span path, struct span value, struct arena *a)
{
    add_rest(c, (struct rest){ .path = path, .value = value, .hint = true }, a);
}

/* The one of this index if it is there already. */
struct choice *answer_choice(struct answer *out, int64_t index, struct arena *a)
{
    for (struct choice *c = out->choices; c; c = c->next)
        if (c->index == index)
            return c;
    struct choice *c = ARENA_NEW(a, struct choice);
    if (!c)
        return NULL;
    c->index = index;
    if (out->last_choice)
        out->last_choice->next = c;
    else
        out->choices = c;
    return out->last_choice = c;
}

void answer_begin(struct answer *out) { *out = (struct answer){ .usage = { .vendor_cost = -1 } }; }

/* --- media --- */

/* A media type that was written with an escaped slash ("image\/png"), as some languages write each slash: unescaped, as a text that
 * lives for ever. */
static struct span unescaped_type(struct span inside)
{
    static const struct span known[] = { { "image/png", 9 }, { "image/jpeg", 10 }, { "image/jpg", 9 }, { "image/gif", 9 },
        { "image/webp", 10 }, { "image/heic", 10 }, { "image/heif", 10 }, { "application/pdf", 15 }, { "text/plain", 10 },
        { "text/csv", 8 }, { "text/html", 9 }, { "text/markdown", 13 }, { "application/json", 16 }, { "audio/wav", 9 },
        { "audio/mpeg", 10 }, { "audio/mp3", 9 }, { "audio/flac", 10 }, { "audio/ogg", 9 }, { "audio/aac", 9 }, { "video/mp4", 9 },
        { "video/webm", 10 }, { "video/quicktime", 15 } };
    ptrdiff_t escape = span_find(inside, SPAN("\\/"));
    if (escape < 0)
        return SPAN_NONE;
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (span_is(span_first(known[i], (size_t)escape), span_first(inside, (size_t)escape)) &&
            span_is(span_from(known[i], (size_t)escape), span_from(inside, (size_t)escape + 1)))
            return known[i];
    return SPAN_NONE;
}

bool media_data_url(struct span raw, struct media *m)
{
    struct span rest = raw_inside(raw), head, piece, type = SPAN_NONE;
    if (!span_is_nocase(span_first(rest, 5), SPAN("data:")))
        return false;
    rest = span_from(rest, 5);
    if (!span_cut(&rest, ',', &head))
        return false;
    bool base64 = false;
    for (size_t i = 0; span_next(&head, ';', &piece); i++) {
        if (i == 0)
            type = piece;
        else
            base64 = span_is_nocase(piece, SPAN("base64"));
    }
    if (!base64)
        return false;
    if (span_find_byte(type, '\\') >= 0 && !(type = unescaped_type(type)).at)
        return false;
    m->type = type.len ? type : SPAN_NONE;
    m->data = rest;
    return true;
}

void put_data_url(struct buf *out, const struct media *m)
{
    buf_put(out, SPAN("\"data:"));
    buf_put(out, m->type.len ? m->type : SPAN("application/octet-stream"));
    buf_put(out, SPAN(";base64,"));
    buf_put(out, m->data);
    buf_put_byte(out, '"');
}

/* --- texts --- */

struct span arguments_from_string(struct json *j, struct span raw, struct arena *a)
{
    struct span text = raw_text(raw, a);
    struct json_value root;
    const char *why;
    if (!text.at)
        return SPAN_NONE;
    while (text.len && strchr(" \t\r\n", *text.at) && *text.at)
        text = span_from(text, 1);
    if (!text.len)
        return SPAN("{}");
    if (*text.at != '{' || json_parse(j, text, false, &root, &why) || json_kind(root) != JSON_OBJECT)
        return SPAN_NONE;
    while (strchr(" \t\r\n", text.at[text.len - 1]))
        text.len--;
    return text;
}

void put_as_string(struct buf *out, struct span json)
{
    struct json_out o = json_out(out);
    json_put_string(&o, json.at ? json : SPAN(""));
}

void put_joined(struct buf *out, const struct part *first, enum part_kind kind, struct span between)
{
    bool more = false;
    buf_put_byte(out, '"');
    for (const struct part *p = first; p; p = p->next) {
        if (p->kind != kind)
            continue;
        if (more)
            buf_put(out, between);
        more = true;
        buf_put(out, raw_inside(p->text));
    }
    buf_put_byte(out, '"');
}

struct span call_function_of(const struct call *c, struct span id)
{
    struct span name = SPAN_NONE;
    for (const struct turn *t = c->turns; t; t = t->next)
        for (const struct part *p = t->parts; p; p = p->next)
            if (p->kind == PART_TOOL_CALL && p->id.at && span_is(p->id, id))
                name = p->name;
    return name;
}

const struct part *part_first(const struct part *list, enum part_kind kind)
{
    while (list && list->kind != kind)
        list = list->next;
    return list;
}

/* Well mixed, not secret (splitmix64). */
static uint64_t mixed(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

struct span made_up_id(const char *prefix, uint64_t seed, uint64_t number, struct arena *a)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    uint64_t state = seed;
    state = mixed(&state) ^ number;
    char text[25] = { 0 };
    for (int i = 0; i < 24; i++)
        text[i] = letters[mixed(&state) % (sizeof(letters) - 1)];
    return arena_print(a, "\"%s%s\"", prefix, text);
}

struct span call_user_digest(const struct call *c, struct arena *a)
{
    struct buf hex;
    struct digest d = digest_sha256(c->user);
    buf_init(&hex, 2 * DIGEST_LEN + BUF_SLACK);
    buf_put_hex(&hex, span_make((const char *)d.bytes, DIGEST_LEN));
    struct span quoted = raw_quote(buf_span(&hex), a);
    buf_free(&hex);
    return quoted;
}

struct span call_user_short(const struct call *c, struct notes *n, struct arena *a)
{
    enum { USER_MOST = 64 };
    if (!c->user.at || raw_inside(c->user).len <= USER_MOST)
        return c->user;
    call_adapted(n, SPAN("user"));
    return call_user_digest(c, a);
}

/* --- effort --- */

enum { THINKING_LEAST = 1024, THINKING_MOST = 32000 };

int64_t thinking_limit_of(struct span effort, int64_t output_limit)
{
    static const struct {
        struct span effort;
        int64_t percent;
    } shares[] = { { { "minimal", 7 }, 10 }, { { "low", 3 }, 20 }, { { "medium", 6 }, 50 }, { { "high", 4 }, 80 },
        { { "xhigh", 5 }, 95 }, { { "max", 3 }, 95 } };
    int64_t of = output_limit < 0 ? THINKING_MOST : output_limit < INT64_C(100) * THINKING_MOST ? output_limit : INT64_C(100) * THINKING_MOST;
    if (output_limit >= 0 && output_limit <= THINKING_LEAST)
        return 0;
    for (size_t i = 0; i < sizeof(shares) / sizeof(*shares); i++) {
        if (!span_is(shares[i].effort, effort))
            continue;
        int64_t limit = of * shares[i].percent / 100;
        return limit < THINKING_LEAST ? THINKING_LEAST : limit > THINKING_MOST ? THINKING_MOST : limit;
    }
    return span_is(effort, SPAN("none")) ? 0 : -1;
}

struct span effort_of(int64_t thinking_limit)
{
    if (thinking_limit < 0)
        return SPAN_NONE;
    if (thinking_limit == 0)
        return SPAN("none");
    return thinking_limit < 2048 ? SPAN("low") : thinking_limit < 8192 ? SPAN("medium") : SPAN("high");
}

struct span tool_schema(struct span schema) { return schema.at ? schema : SPAN("{\"type\":\"object\",\"properties\":{}}"); }

void tool_put_function(struct json_out *o, const struct tool *t)
{
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("function"));
    json_name(o, SPAN("function"));
    json_open(o, '{');
    json_pair_raw(o, SPAN("name"), t->name);
    if (t->description.at)
        json_pair_raw(o, SPAN("description"), t->description);
    json_pair_raw(o, SPAN("parameters"), tool_schema(t->schema));
    json_close(o, '}');
    json_close(o, '}');
}

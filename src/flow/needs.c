/* SPDX-License-Identifier: Apache-2.0
 * needs.c - see needs.h. */
#include "flow/needs.h"

/* A token of any vocabulary stands for four bytes of ordinary text, about; pictures and documents are another matter. */
enum { BYTES_A_TOKEN = 4 };

static void look_at_part(const struct part *p, struct needs *n)
{
    n->vision = n->vision || p->kind == PART_IMAGE;
    n->audio = n->audio || p->kind == PART_AUDIO;
    n->video = n->video || p->kind == PART_VIDEO;
    n->pdf = n->pdf || (p->kind == PART_DOCUMENT && !p->media.plain_text.at);
    n->tools = n->tools || p->kind == PART_TOOL_CALL || p->kind == PART_TOOL_RESULT;
    n->input += (int64_t)p->text.len / BYTES_A_TOKEN;
}

static void look_at_call(const struct call *c, struct needs *n)
{
    n->known = true;
    n->output = c->output_limit;
    n->schema = c->format == FORMAT_SCHEMA;
    for (const struct tool *t = c->tools; t; t = t->next) {
        n->tools = true;
        n->input += (int64_t)(t->description.len + t->schema.len) / BYTES_A_TOKEN;
    }
    for (const struct turn *t = c->turns; t; t = t->next)
        for (const struct part *p = t->parts; p; p = p->next) {
            look_at_part(p, n);
            for (const struct part *inner = p->content; inner; inner = inner->next)
                look_at_part(inner, n);
        }
}

struct needs needs_of(struct exchange *x, struct span body)
{
    struct needs n = { .output = -1 };
    struct call call;
    const char *why = "";
    const struct translator *t = x->speaking.dialect ? x->speaking.dialect->translator : NULL;
    bool readable = x->speaking.front && x->speaking.front->kind == FRONT_CALL && t && t->read_call;
    if (readable && t->read_call(x->desk->json, body, &x->arena, &call, &why) == E_OK)
        look_at_call(&call, &n);
    return n;
}

bool needs_plain(const struct needs *n) { return !(n->tools || n->vision || n->pdf || n->audio || n->video || n->schema); }

static bool can(const struct price *p, const char *ability)
{
    struct span rest = price_caps(p), word;
    while (rest.at && span_next(&rest, ' ', &word))
        if (span_is(word, span_of(ability)))
            return true;
    return false;
}

struct span needs_missed(const struct needs *n, const struct price *p, struct arena *a, bool *told)
{
    const struct {
        bool needed;
        const char *ability, *said;
    } list[] = { { n->tools, "tools", "tools" }, { n->vision, "vision", "pictures" }, { n->pdf, "pdf", "documents" }, { n->audio, "audio_in", "sound" },
        { n->video, "video_in", "video" }, { n->schema, "schema", "answers by a JSON schema" } };
    *told = p && price_caps(p).len;
    for (size_t i = 0; *told && i < sizeof(list) / sizeof(*list); i++)
        if (list[i].needed && !can(p, list[i].ability))
            return span_of(list[i].said);
    int64_t context = p ? price_context(p) : 0, most = p ? price_output_max(p) : 0;
    if (context > 0 && n->input > context)
        return arena_print(a, "a context of %lld tokens (it has %lld)", (long long)n->input, (long long)context);
    if (most > 0 && n->output > most)
        return arena_print(a, "%lld tokens of output (it gives %lld)", (long long)n->output, (long long)most);
    return SPAN_NONE;
}

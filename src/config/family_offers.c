/* SPDX-License-Identifier: Apache-2.0
 * family_offers.c - what a provider offers: the operations of its family that the catalogue has paths for, and those that nobody prices. */
#include "config/family.h"

/* What the catalogue calls the paths of the families, and the operations behind them. A path that is no family's by itself is offered
 * only where the catalogue has it. */
static const struct offered {
    const char *kind, *name, *path;
    const char *dialect; /* where the family's manifest has none for it */
    bool listed;         /* only where it is listed */
} offered_openai[] = {
    { "chat", "chat.completions", "/chat/completions", "openai_chat", false },
    { "completions", "completions", "/completions", "openai_completions", false },
    { "responses", "responses", "/responses", "openai_responses", true },
    { "messages", "messages", "/messages", "anthropic_messages", true },
    { "embeddings", "embeddings", "/embeddings", "openai_embeddings", false },
    { "images", "images.generations", "/images/generations", NULL, false },
    { "image_edits", "images.edits", "/images/edits", NULL, false },
    { "speech", "audio.speech", "/audio/speech", NULL, false },
    { "transcriptions", "audio.transcriptions", "/audio/transcriptions", NULL, false },
    { "translations", "audio.translations", "/audio/translations", NULL, false },
    { "moderations", "moderations", "/moderations", NULL, false },
    { "rerank", "rerank", "/rerank", "rerank", true },
    { "fim", "fim.completions", "/fim/completions", "openai_completions", true },
    { "edit", "edit.completions", "/edit/completions", "openai_completions", true },
}, offered_anthropic[] = {
    { "messages", "messages", "/messages", "anthropic_messages", false },
    { "count_tokens", "messages.count_tokens", "/messages/count_tokens", NULL, true },
};

/* A job whose price is told later would need the whole of the family's own rules for it: here nobody prices it. */
static const struct node *without_late(struct family *f, const struct node *op)
{
    if (op->kind != NODE_MAP || !node_get(op, "late"))
        return op;
    struct node *copy = edit_copy(f->a, op);
    if (!copy)
        return op;
    edit_drop(copy, "late");
    edit_drop(copy, "object_id");
    edit_drop(copy, "dialect");
    edit_set(f->a, copy, "moves_money", edit_true(f->a));
    return copy;
}

/* The family's own operation of that name, or one with this dialect. */
static const struct node *likeness(struct family *f, const struct offered *o)
{
    const struct node *known = node_get(f->known, o->name);
    struct node *map = edit_map(f->a);
    if (known && known->kind == NODE_MAP)
        return without_late(f, known);
    if (o->dialect)
        edit_set(f->a, map, "dialect", edit_text(f->a, span_of(o->dialect)));
    return map;
}

static void offer_all(struct family *f, const struct offered *list, size_t count, bool only_listed)
{
    for (size_t i = 0; i < count; i++)
        if ((!only_listed && !list[i].listed) || provider_path(f->p, span_of(list[i].kind)).at)
            family_offer(f, list[i].name, span_of(list[i].kind), span_of(list[i].path), likeness(f, &list[i]));
}

/* Models, files and batches as the family has them: they cost nothing, or have no price here. */
static void offer_rest(struct family *f)
{
    static const char *const kept[] = { "models", "files", "batches" };
    for (const struct node *n = f->known->first; n; n = n->next) {
        const struct node *call = n->kind == NODE_MAP ? node_get(n, "call") : n;
        struct span rest = call ? call->text : SPAN_NONE, method, first = n->name, head = n->name;
        if (!rest.at || !span_cut(&rest, ' ', &method) || !span_starts(rest, SPAN("/v1/")))
            continue;
        if (span_cut(&head, '.', &first))
            head = first;
        struct span own = provider_path(f->p, first), name = arena_copy(f->a, n->name);
        for (size_t i = 0; name.at && i < sizeof(kept) / sizeof(*kept); i++)
            if (span_is(first, span_of(kept[i])) && !own.at)
                family_operation(f, name.at, without_late(f, n), method, family_called(f, rest), SPAN_NONE);
    }
}

/* Whether a path of the catalogue is one of those above. */
static bool is_offered(const struct offered *list, size_t count, struct span kind)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(kind, span_of(list[i].kind)))
            return true;
    return false;
}

/* What nobody prices: bodies go on unread. Servers of one's own cost nothing by the call. */
static void offer_unpriced(struct family *f, const struct offered *known, size_t count)
{
    struct span rest = f->p->paths.len ? f->p->paths : SPAN_NONE, one, kind;
    bool free = provider_lists(f->p->flags, SPAN("local"));
    struct node *post = edit_map(f->a), *get = edit_map(f->a);
    edit_set(f->a, post, "body", edit_text(f->a, SPAN("opaque")));
    if (!free) {
        edit_set(f->a, post, "moves_money", edit_true(f->a));
        edit_set(f->a, get, "moves_money", edit_true(f->a));
    }
    while (rest.at && span_next(&rest, ' ', &one)) {
        if (!span_cut(&one, '=', &kind) || span_is(one, SPAN("-")) || is_offered(known, count, kind))
            continue;
        if (span_is(kind, SPAN("openai")) || span_is(kind, SPAN("files")) || span_is(kind, SPAN("batches")))
            continue;
        struct span name = arena_copy(f->a, kind);
        if (!name.at)
            return;
        struct span own = family_without_query(f, one);
        bool reads = span_is(kind, SPAN("poll")) || span_is(kind, SPAN("models"));
        family_own_path(f, name.at, reads ? edit_map(f->a) : post, reads ? SPAN("GET") : SPAN("POST"), own);
        if (span_is(kind, SPAN("search")))
            family_own_path(f, "search.get", get, SPAN("GET"), own);
    }
}

void family_offers(struct family *f, enum speech speech)
{
    const struct offered *list = speech == SPEAKS_ANTHROPIC ? offered_anthropic : offered_openai;
    size_t count = speech == SPEAKS_ANTHROPIC ? sizeof(offered_anthropic) / sizeof(*list) : sizeof(offered_openai) / sizeof(*list);
    bool other = !span_is(f->p->dialect, SPAN("openai")) && speech == SPEAKS_OPENAI;
    if (speech == SPEAKS_OTHER) {
        offer_unpriced(f, NULL, 0);
        return;
    }
    offer_all(f, list, count, other);
    if (speech == SPEAKS_OPENAI && !other)
        offer_rest(f);
    if (speech == SPEAKS_OPENAI)
        offer_unpriced(f, list, count);
}

/* SPDX-License-Identifier: Apache-2.0
 * guard.c - see guard.h, and docs/guardrails.md for what is looked at.
 *
 * Whoever denies and cannot look, denies: a call of another kind than a model's, a session over a WebSocket, a form with a file of unknown
 * make. What is rewritten goes on rewritten, in the caller's words, before it is translated.
 *
 * Next to read: guard_texts.c. */
#include "flow/guard.h"
#include "flow/realtime.h"
#include "flow/steps.h"

#include "base/raw.h"

struct guard_compiled {
    const struct node *node;
    struct guard_set *set;
};

enum { SETS_MEMORY = 64 << 20, SETS_MOST = 4096 };

/* ---- sets ---- */

void guard_sets_free(struct guard_sets *s)
{
    if (s->of)
        arena_free(&s->arena);
    *s = (struct guard_sets){ .of = NULL };
}

static enum next compile(struct exchange *x, const struct node *n, const char *field, struct arena *a, struct guard_set **out)
{
    struct trouble t = { .set = false };
    enum err e = guard_read(a, n, field, out, &t);
    if (e == E_OK)
        return NEXT;
    if (e == E_NO_MEMORY)
        return fail(x, E_NO_MEMORY, "%.*s.%s: no memory", SPAN_ARG(x->routing.target->path), field);
    return fail(x, E_BAD_REQUEST, "%.*s.%s", SPAN_ARG(x->routing.target->path), t.text);
}

static struct guard_set *known(const struct guard_sets *s, const struct node *n)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].node == n)
            return s->list[i].set;
    return NULL;
}

/* A call that began with an earlier configuration compiles for itself. */
static enum next set_of(struct exchange *x, const struct node *n, const char *field, struct guard_set **out)
{
    struct guard_sets *s = &x->desk->guards;
    bool kept = x->routing.name.at && x->snapshot == x->desk->snapshot;
    if (kept && (s->of != x->snapshot || s->version != x->snapshot->version)) {
        guard_sets_free(s);
        arena_init(&s->arena, SETS_MEMORY);
        s->of = x->snapshot;
        s->version = x->snapshot->version;
    }
    if (!kept || s->count == SETS_MOST)
        return compile(x, n, field, &x->arena, out);
    *out = known(s, n);
    if (*out)
        return NEXT;
    if (compile(x, n, field, &s->arena, out) == STOP)
        return STOP;
    struct guard_compiled *list = ARENA_GROW(&s->arena, s->list, s->count);
    if (!list)
        return fail(x, E_NO_MEMORY, "the guardrails of all routes need more memory than they may have");
    s->list = list;
    list[s->count++] = (struct guard_compiled){ n, *out };
    return NEXT;
}

/* ---- what a check of the request as a whole sees ---- */

/* Portkey's names. */
static struct span request_type(const struct exchange *x)
{
    static const struct {
        const char *dialect, *path;
        struct span type;
    } types[] = { { "openai_chat", NULL, { "chatComplete", 12 } }, { "anthropic_messages", "count_tokens", { "countTokens", 11 } },
        { "anthropic_messages", NULL, { "messages", 8 } }, { "openai_responses", NULL, { "createModelResponse", 19 } },
        { "gemini", "countTokens", { "countTokens", 11 } }, { "gemini", NULL, { "chatComplete", 12 } }, { "openai_completions", NULL, { "complete", 8 } },
        { "openai_embeddings", NULL, { "embed", 5 } }, { "gemini_embeddings", NULL, { "embed", 5 } }, { "openai_images", "/edits", { "imageEdit", 9 } },
        { "openai_images", NULL, { "imageGenerate", 13 } }, { "openai_speech", NULL, { "createSpeech", 12 } },
        { "openai_transcriptions", "/translations", { "createTranslation", 17 } }, { "openai_transcriptions", NULL, { "createTranscription", 19 } },
        { "openai_moderations", NULL, { "moderate", 8 } }, { "rerank", NULL, { "rerank", 6 } }, { "openai_videos", NULL, { "createVideo", 11 } },
        { "gemini_videos", NULL, { "createVideo", 11 } }, { "openai_batches", NULL, { "createBatch", 11 } }, { "openai_realtime", NULL, { "realtime", 8 } } };
    const struct dialect *d = x->speaking.dialect ? x->speaking.dialect : x->deciding.dialect;
    for (size_t i = 0; d && i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(d->name, types[i].dialect) == 0 && (!types[i].path || span_find(x->asking.path, span_of(types[i].path)) >= 0))
            return types[i].type;
    return SPAN("proxy");
}

/* As the body has it: with what the route laid over it, as its caller says it. */
static struct span model_of(struct exchange *x)
{
    struct span said = raw_text(raw_member(buf_span(&x->asking.body), SPAN("model"), &x->arena), &x->arena);
    if (x->routing.target->model.at)
        return x->routing.target->model;
    return said.at ? said : x->speaking.model_in_path.at ? x->speaking.model_in_path : x->facts.model;
}

/* ---- asking them ---- */

static enum next judge_texts(struct exchange *x, const struct guard_set *s, struct guard_text *text, const char *field, struct guard_result **out)
{
    struct guard_result *r = ARENA_NEW(&x->arena, struct guard_result);
    text->model = model_of(x);
    text->request_type = request_type(x);
    text->metadata = x->facts.metadata;
    text->json = x->desk->json;
    if (!r || !guard_run(s, text, &x->arena, r))
        return fail(x, E_NO_MEMORY, "the guardrails of this call need more memory than a call may have");
    *out = r;
    if (!r->denied)
        return NEXT;
    x->rule = arena_print(&x->arena, "%.*s.%s", SPAN_ARG(x->routing.target->path), field);
    return fail_span(x, E_GUARDRAIL_DENIED, r->why);
}

/* The body, rewritten: its old texts stand in the arena or in the buffer that is freed last. */
static enum next take_rewritten(struct exchange *x, struct buf *body, const struct guard_text *text, const struct guard_result *r)
{
    struct buf fresh;
    buf_init(&fresh, body->ceiling);
    if (!guard_splice(buf_span(body), text, r, &fresh)) {
        buf_free(&fresh);
        return fail(x, E_TOO_LARGE, "the body is too large when its guardrails have rewritten it");
    }
    buf_free(body);
    *body = fresh;
    return NEXT;
}

static bool is_a_models(const struct exchange *x) { return is_llm(x) || x->speaking.front; }

/* What cannot be looked at: refused by who denies; the others look at nothing. */
static enum next cannot_look(struct exchange *x, const struct guard_set *s, const char *what)
{
    if (!guard_may_deny(s) && !guard_may_rewrite(s))
        return NEXT;
    x->rule = x->routing.target->path;
    return fail(x, E_GUARDRAIL_DENIED, "%.*s has guardrails, and %s cannot be looked at", SPAN_ARG(x->routing.target->path), what);
}

/* Whose words never pass here as a body. NULL: they do. */
static const char *unseen(const struct exchange *x)
{
    if (realtime_is(x))
        return "what is said in a session";
    if (x->deciding.dialect && strcmp(x->deciding.dialect->name, "openai_batches") == 0)
        return "the file of a batch";
    return is_a_models(x) ? NULL : "an operation that is none of a model's";
}

/* All of them, so that what is misspelt is known before anything is sent. */
static enum next read_sets(struct exchange *x, struct guard_set **before, struct guard_set **after)
{
    const struct target *t = x->routing.target;
    const struct acceptance *accept = x->routing.plan.list[x->routing.at].accept;
    struct guard_set *races = NULL;
    if (accept && accept->guards && set_of(x, accept->guards, "accept.guards", &races) == STOP)
        return STOP;
    if (t->output_guardrails && set_of(x, t->output_guardrails, "output_guardrails", after) == STOP)
        return STOP;
    return t->input_guardrails ? set_of(x, t->input_guardrails, "input_guardrails", before) : NEXT;
}

enum next guard_input(struct exchange *x)
{
    struct guard_set *before = NULL, *after = NULL;
    struct guard_text text = { .answer = false };
    if (!x->routing.target)
        return NEXT;
    x->guarding = (struct guarding){ .before = NULL };
    if (read_sets(x, &before, &after) == STOP)
        return STOP;
    const char *what = unseen(x);
    if (what)
        return cannot_look(x, before, what) == STOP ? STOP : cannot_look(x, after, what);
    if (!guard_count(before))
        return NEXT;
    enum next gathered = gather_body(x, x->snapshot->settings.limits.body_bytes);
    if (gathered != NEXT)
        return gathered;
    if (guard_request_texts(x, &text) == STOP || judge_texts(x, before, &text, "input_guardrails", &x->guarding.before) == STOP)
        return STOP;
    return x->guarding.before->rewritten ? take_rewritten(x, &x->asking.body, &text, x->guarding.before) : NEXT;
}

/* ---- answers ---- */

static const struct node *races_guards(const struct exchange *x)
{
    const struct acceptance *accept = x->routing.racing ? x->routing.plan.list[x->routing.at].accept : NULL;
    return accept && accept->guards && accept->guards->count ? accept->guards : NULL;
}

static const struct node *targets_guards(const struct exchange *x)
{
    const struct node *n = x->routing.target ? x->routing.target->output_guardrails : NULL;
    return n && n->count ? n : NULL;
}

bool guard_holds(const struct exchange *x) { return (targets_guards(x) || races_guards(x)) && is_a_models(x); }

static bool says_nothing(const struct exchange *x)
{
    struct span type = x->answering.head ? http_get(x->answering.head, SPAN("content-type")) : SPAN_NONE;
    return span_starts(type, SPAN("audio/")) || span_starts(type, SPAN("image/")) || span_starts(type, SPAN("video/"));
}

/* An answer that cannot be held is not passed on; sound, pictures and videos say nothing that could be read. */
enum next guard_judge(struct exchange *x)
{
    const struct answering *a = &x->answering;
    if (!guard_holds(x) || a->mode != RELAY_STREAM || a->status >= 400 || says_nothing(x))
        return NEXT;
    x->rule = x->routing.target->path;
    return fail(x, E_GUARDRAIL_DENIED, "%.*s has guardrails for answers, and this one cannot be held to be looked at", SPAN_ARG(x->routing.target->path));
}

enum next guard_output(struct exchange *x)
{
    struct answering *a = &x->answering;
    struct guard_set *after = NULL;
    struct guard_text text = { .answer = true };
    if (!targets_guards(x) || !is_a_models(x) || !a->head || a->status < 200 || a->status >= 300 || a->began)
        return NEXT;
    if (set_of(x, x->routing.target->output_guardrails, "output_guardrails", &after) == STOP || guard_answer_texts(x, &text) == STOP ||
        judge_texts(x, after, &text, "output_guardrails", &x->guarding.after) == STOP)
        return STOP;
    return x->guarding.after->rewritten ? take_rewritten(x, &a->body, &text, x->guarding.after) : NEXT;
}

bool guard_accepts(struct exchange *x)
{
    struct guard_set *set = NULL;
    struct guard_text text = { .answer = true };
    struct guard_result r;
    if (!races_guards(x))
        return true;
    if (set_of(x, races_guards(x), "accept.guards", &set) == STOP || guard_answer_texts(x, &text) == STOP)
        return false;
    text.model = model_of(x);
    text.request_type = request_type(x);
    text.metadata = x->facts.metadata;
    text.json = x->desk->json;
    return guard_run(set, &text, &x->arena, &r) && r.verdict;
}

/* ---- telling ---- */

static struct span hook_results(struct exchange *x)
{
    struct buf *out = &x->desk->scratch;
    if (!x->guarding.before && !x->guarding.after)
        return SPAN_NONE;
    buf_clear(out);
    guard_write_hooks(x->guarding.before, x->guarding.after, out);
    return out->broken ? SPAN_NONE : arena_copy(&x->arena, buf_span(out));
}

/* As the last member of a JSON object. */
static void add_member(struct buf *body, struct span name, struct span json)
{
    if (!json.at || !body->len || body->at[0] != '{')
        return;
    while (strchr(" \t\r\n", body->at[body->len - 1]))
        body->len--;
    if (body->len < 2 || body->at[body->len - 1] != '}')
        return;
    body->len--;
    buf_print(body, "%s\"%.*s\":", body->len > 1 ? "," : "", SPAN_ARG(name));
    buf_put(body, json);
    buf_put_byte(body, '}');
}

void guard_deny(struct exchange *x)
{
    struct buf *body = &x->answering.body;
    struct span results = hook_results(x);
    if (x->fault != E_GUARDRAIL_DENIED)
        return;
    if (x->portkey.spoken) {
        x->answering.status = 446;
        x->answering.type = SPAN("application/json");
        buf_clear(body);
        buf_put(body, SPAN("{\"error\":{\"message\":\"The guardrail checks defined in the config failed. You can find more information in the `hook_results` object.\","
                           "\"type\":\"hooks_failed\",\"param\":null,\"code\":null}}"));
    }
    add_member(body, SPAN("hook_results"), results);
}

/* Portkey's callers read in the answer what was found: 246 where a guard was not content and let it pass. */
enum next guard_tell(struct exchange *x)
{
    const struct guarding *g = &x->guarding;
    struct answering *a = &x->answering;
    bool content = (!g->before || g->before->verdict) && (!g->after || g->after->verdict);
    if (!x->portkey.spoken || x->fault != E_OK || a->mode != RELAY_HOLD || !a->tapped_whole || a->status < 200 || a->status >= 300)
        return NEXT;
    struct span results = hook_results(x);
    if (results.at && !content)
        a->status = 246;
    add_member(&a->body, SPAN("hook_results"), results);
    return NEXT;
}

static void put_failed(struct buf *out, const struct guard_result *r)
{
    for (size_t i = 0; r && i < r->count; i++)
        if (!r->list[i].verdict && out->len < 512)
            buf_print(out, "%s%.*s", out->len ? ", " : "failed: ", SPAN_ARG(r->list[i].id));
}

struct span guard_word(struct exchange *x)
{
    struct buf text;
    if (!x->guarding.before && !x->guarding.after)
        return SPAN_NONE;
    buf_init(&text, 1024);
    put_failed(&text, x->guarding.before);
    put_failed(&text, x->guarding.after);
    struct span word = text.len ? arena_copy(&x->arena, buf_span(&text)) : SPAN("passed");
    buf_free(&text);
    for (size_t i = 0; i < word.len; i++)
        if ((unsigned char)word.at[i] < 0x20 || (unsigned char)word.at[i] > 0x7e) /* an id is the caller's own words */
            return SPAN("failed");
    return word;
}

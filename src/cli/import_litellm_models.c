/* SPDX-License-Identifier: Apache-2.0
 * import_litellm_models.c - `model_list`: each entry is a target of the route of its model_name. */
#include "cli/import_litellm.h"
#include "cli/sheet.h"

/* What LiteLLM adds to calls that do not say it themselves. */
static const char *const parameters[] = { "temperature", "top_p", "max_tokens", "max_completion_tokens", "frequency_penalty", "presence_penalty", "seed", "stop", "n", "user",
    "logit_bias", "logprobs", "top_logprobs", "response_format", "tools", "tool_choice", "reasoning_effort", "thinking", "stream_options", "service_tier", "top_k", "metadata",
    "parallel_tool_calls", "dimensions", "encoding_format", "modalities", NULL };

struct entry {
    struct litellm *l;
    struct deployment *d;
    struct group *g;
};

static struct group *find_group(struct litellm *l, struct span name)
{
    struct group *g = litellm_group(l, name);
    if (g)
        return g;
    g = ARENA_NEW(l->im->a, struct group);
    must(g);
    *g = (struct group){ .name = arena_copy(l->im->a, name), .models = import_list(l->im) };
    import_add(g->models, import_text(l->im, name));
    g->route = import_name(l->im, "routes", name);
    import_put(l->im, import_section(l->im, "routes"), g->route.at, import_map(l->im)); /* keeps the name and the place */
    if (l->last_group)
        l->last_group->next = g;
    else
        l->groups = g;
    return l->last_group = g;
}

/* ---- litellm_params ---- */

static void take_timeout(struct import *im, void *self, struct span path, const struct node *n)
{
    struct entry *e = self;
    int64_t ms = litellm_timeout(im, path, n, "until the answer's head, in milliseconds");
    if (ms)
        import_put(im, e->d->target, litellm_of_streams(n) ? "event_timeout" : "request_timeout", import_number(im, ms));
}

static void take_retries(struct import *im, void *self, struct span path, const struct node *n)
{
    struct entry *e = self;
    int64_t count = litellm_retries(im, path, n);
    if (count < 0)
        return;
    struct node *retry = import_map(im);
    import_put(im, retry, "attempts", import_number(im, count));
    import_put(im, e->d->target, "retry", retry);
}

static void take_parameter(struct import *im, struct entry *e, struct span path, const struct node *n)
{
    struct node *defaults = import_member(im, e->d->target, "default_params");
    import_put(im, defaults, arena_copy(im->a, n->name).at, import_copy(im, n));
    import_note(im, NOTE_MAPPED, path, SPAN("routes.*.default_params"), NULL);
}

static void take_order(struct import *im, void *self, struct span path, const struct node *n)
{
    struct entry *e = self;
    if (!span_to_i64(n->text, &e->d->order))
        import_note(im, NOTE_LOST, path, SPAN_NONE, "no number");
    else
        import_note(im, NOTE_MAPPED, path, SPAN("routes.*.targets"), "a fallback, in this order");
}

static void take_weight(struct import *im, void *self, struct span path, const struct node *n)
{
    struct entry *e = self;
    bool weight = span_is(n->name, SPAN("weight")), rounded = false;
    if (!sheet_decimal(im->a, n->text, 0, 6, &rounded).at)
        import_note(im, NOTE_LOST, path, SPAN_NONE, "no number");
    else if (weight)
        import_note(im, NOTE_MAPPED, path, SPAN("routes.*.targets[].weight"), NULL);
    else
        import_note(im, NOTE_DIFFERS, path, SPAN("routes.*.targets[].weight"),
            "a share, as in simple-shuffle, where no weight stands; no limit: for that, a budget in %s by vendor and model", *n->name.at == 'r' ? "requests" : "tokens");
    (void)e;
}

/* A limit on what one deployment may cost: on its vendor and model here. */
static void take_budget(struct import *im, void *self, struct span path, const struct node *n)
{
    struct entry *e = self;
    bool exact;
    struct span window = import_window(im, import_scalar(e->d->params, "budget_duration"), &exact);
    struct node *budget = window.at ? import_budget(im, n->text, "usd", window) : NULL;
    if (!budget || !e->d->model.at) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "%s", e->d->model.at ? "amount or duration is not readable" : "of a wildcard: there is no one model to count");
        return;
    }
    struct node *list = import_gate_budgets(im);
    import_put(im, budget, "name", import_text(im, import_name(im, "budgets", arena_print(im->a, "%.*s-%.*s", SPAN_ARG(e->d->vendor), SPAN_ARG(e->d->model)))));
    import_put(im, budget, "vendor", import_text(im, e->d->vendor));
    import_put(im, budget, "model", import_text(im, e->d->model));
    import_add(list, budget);
    import_note(im, NOTE_DIFFERS, path, SPAN("budgets[]"), "counts this vendor and model, whichever deployment; when it is spent the target is refused%s",
        exact ? "" : "; a rolling window");
}

static const struct import_rule params[] = {
    { "model", NOTE_SILENT, NULL, NULL, NULL }, { "custom_llm_provider", NOTE_SILENT, NULL, NULL, NULL }, { "api_key", NOTE_SILENT, NULL, NULL, NULL },
    { "api_base", NOTE_SILENT, NULL, NULL, NULL }, { "base_url", NOTE_SILENT, NULL, NULL, NULL }, { "api_version", NOTE_SILENT, NULL, NULL, NULL },
    { "litellm_credential_name", NOTE_SILENT, NULL, NULL, NULL },
    { "aws_access_key_id", NOTE_SILENT, NULL, NULL, NULL }, { "aws_secret_access_key", NOTE_SILENT, NULL, NULL, NULL },
    { "aws_session_token", NOTE_SILENT, NULL, NULL, NULL }, { "aws_region_name", NOTE_SILENT, NULL, NULL, NULL },
    { "vertex_project", NOTE_SILENT, NULL, NULL, NULL }, { "vertex_location", NOTE_SILENT, NULL, NULL, NULL }, { "vertex_credentials", NOTE_SILENT, NULL, NULL, NULL },
    { "input_cost_per_token", NOTE_SILENT, NULL, NULL, NULL }, { "output_cost_per_token", NOTE_SILENT, NULL, NULL, NULL },
    { "cache_read_input_token_cost", NOTE_SILENT, NULL, NULL, NULL }, { "cache_creation_input_token_cost", NOTE_SILENT, NULL, NULL, NULL },
    { "budget_duration", NOTE_SILENT, NULL, NULL, NULL },
    { "order", NOTE_SILENT, NULL, NULL, take_order }, { "weight", NOTE_SILENT, NULL, NULL, take_weight },
    { "rpm", NOTE_SILENT, NULL, NULL, take_weight }, { "tpm", NOTE_SILENT, NULL, NULL, take_weight },
    { "max_budget", NOTE_SILENT, NULL, NULL, take_budget },
    { "timeout", NOTE_SILENT, NULL, NULL, take_timeout }, { "stream_timeout", NOTE_SILENT, NULL, NULL, take_timeout },
    { "max_retries", NOTE_SILENT, NULL, NULL, take_retries }, { "num_retries", NOTE_SILENT, NULL, NULL, take_retries },
    { "tags", NOTE_LOST, NULL, "calls are not routed by tags; a conditional route on metadata can be", NULL },
    { "organization", NOTE_LOST, NULL, "callers say it themselves (openai-organization); a project's secret says it, too", NULL },
    { "mock_response", NOTE_LOST, NULL, "no answers are made up; `tollgate serve --sandbox` does", NULL },
    { "use_in_pass_through", NOTE_MAPPED, NULL, "the vendor's own paths are there for every credential", NULL },
    { "aws_*", NOTE_LOST, NULL, "the gate signs with an access key and its secret; it takes no role and no profile", NULL },
    { NULL, NOTE_SILENT, NULL, NULL, NULL },
};

static bool is_parameter(struct span name)
{
    for (size_t i = 0; parameters[i]; i++)
        if (span_is(name, span_of(parameters[i])))
            return true;
    return false;
}

/* ---- prices ---- */

static void take_prices(struct litellm *l, struct deployment *d, const struct node *from, struct span path)
{
    static const struct {
        const char *theirs, *ours;
    } rates[] = { { "input_cost_per_token", "in" }, { "output_cost_per_token", "out" }, { "cache_read_input_token_cost", "cache_read" },
        { "cache_creation_input_token_cost", "cache_write" } };
    struct import *im = l->im;
    struct span name = arena_print(im->a, "%.*s/%.*s", SPAN_ARG(d->vendor), SPAN_ARG(d->model));
    for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
        bool rounded = false;
        struct span text = import_scalar(from, rates[i].theirs);
        struct span rate = text.at && d->model.at ? sheet_decimal(im->a, text, 6, 9, &rounded) : SPAN_NONE;
        if (!text.at)
            continue;
        if (rate.at) /* as text: rates are decimal, never floating point */
            import_put(im, import_member(im, import_section(im, "prices"), name.at), rates[i].ours, import_text(im, rate));
        import_note(im, !rate.at ? NOTE_LOST : rounded ? NOTE_DIFFERS : NOTE_MAPPED, import_at(im, path, rates[i].theirs), SPAN("prices"), "%s",
            !rate.at ? "no price, or of a wildcard" : rounded ? "rounded to nine decimals of a dollar a million tokens" : "dollars a million tokens");
    }
}

/* ---- model_info ---- */

static void take_access(struct import *im, void *self, struct span path, const struct node *n)
{
    struct entry *e = self;
    size_t i = 0;
    e->g->access = ARENA_ARRAY(im->a, struct span, n->count + 1);
    for (const struct node *item = n->kind == NODE_LIST ? n->first : NULL; item && e->g->access; item = item->next)
        e->g->access[i++] = item->text;
    e->g->access_count = i;
    import_note(im, NOTE_MAPPED, path, SPAN("policies"), "for keys that name it");
}

static const struct import_rule info_rules[] = {
    { "access_groups", NOTE_SILENT, NULL, NULL, take_access },
    { "base_model", NOTE_SILENT, NULL, NULL, NULL },
    { "*cost*", NOTE_SILENT, NULL, NULL, NULL },
    { "id", NOTE_MAPPED, NULL, "names a deployment; targets have places", NULL },
    { "mode", NOTE_MAPPED, NULL, "the price book knows it", NULL },
    { "supports_*", NOTE_MAPPED, NULL, "the price book knows it", NULL },
    { "max_*tokens", NOTE_MAPPED, NULL, "the price book knows it", NULL },
    { "litellm_provider", NOTE_MAPPED, NULL, "said by the vendor", NULL },
    { "description", NOTE_MAPPED, NULL, "of no effect", NULL },
    { "db_model", NOTE_MAPPED, NULL, "of no effect", NULL },
    { NULL, NOTE_SILENT, NULL, NULL, NULL },
};

/* ---- one entry ---- */

static void make_target(struct import *im, struct deployment *d)
{
    d->target = import_map(im);
    import_put(im, d->target, "provider", import_text(im, d->vendor));
    if (d->credential.at)
        import_put(im, d->target, "credential", import_text(im, d->credential));
    if (d->model.at)
        import_put(im, d->target, "model", import_text(im, d->model));
}

static void walk_params(struct import *im, struct entry *e, struct span path)
{
    struct node *rest = import_map(im);
    for (const struct node *n = e->d->params->first; n; n = n->next) {
        struct span name = arena_copy(im->a, n->name);
        if (n->kind != NODE_NULL && is_parameter(n->name))
            take_parameter(im, e, import_at(im, path, name.at), n);
        else
            import_put(im, rest, name.at, import_copy(im, n));
    }
    import_walk(im, rest, path, params, e);
}

/* Nobody knows a model of a server of one's own but the file. */
static void say_abilities(struct litellm *l, const struct deployment *d, const struct node *info)
{
    static const char *const flags[][2] = { { "supports_function_calling", "tools" }, { "supports_vision", "vision" }, { "supports_response_schema", "schema" },
        { "supports_pdf_input", "pdf" }, { "supports_audio_input", "audio_in" }, { "supports_video_input", "video_in" }, { "supports_reasoning", "reason" } };
    struct import *im = l->im;
    struct span words = SPAN("stream"), name = arena_print(im->a, "%.*s/%.*s", SPAN_ARG(d->vendor), SPAN_ARG(d->model));
    bool own = node_get(node_get(node_get(im->root, "vendors"), arena_copy(im->a, d->vendor).at), "dialect") != NULL;
    if (!own || !d->model.at || node_get(node_get(node_get(im->root, "prices"), name.at), "abilities"))
        return;
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
        if (import_true(node_get(info, flags[i][0])))
            words = arena_print(im->a, "%.*s %s", SPAN_ARG(words), flags[i][1]);
    import_abilities(im, d->vendor, d->model, words);
    import_note(im, NOTE_DIFFERS, import_at(im, d->path, "model_info"), arena_print(im->a, "prices.%.*s.abilities", SPAN_ARG(name)),
        "what it can do (%.*s); a route skips it for calls that need more: add tools, vision, schema if it has them", SPAN_ARG(words));
}

static void read_entry(struct litellm *l, struct span path, const struct node *n)
{
    struct import *im = l->im;
    struct span name = import_scalar(n, "model_name"), at = import_at(im, path, "litellm_params");
    struct deployment *d = ARENA_NEW(im->a, struct deployment);
    static const struct import_rule members[] = { { "model_name", NOTE_MAPPED, "routes.*.models", NULL, NULL }, { "litellm_params", NOTE_SILENT, NULL, NULL, NULL },
        { "model_info", NOTE_SILENT, NULL, NULL, NULL }, { NULL, NOTE_SILENT, NULL, NULL, NULL } };
    must(d);
    *d = (struct deployment){ .path = path, .params = node_get(n, "litellm_params") };
    if (!name.len || !d->params || d->params->kind != NODE_MAP) {
        import_note(im, NOTE_LOST, path, SPAN_NONE, "without model_name or litellm_params");
        return;
    }
    if (!litellm_place(l, d, node_get(n, "model_info")))
        return;
    struct entry e = { l, d, find_group(l, name) };
    make_target(im, d);
    import_use(im, d->vendor, d->model.at ? d->model : SPAN("*"));
    import_walk(im, n, path, members, NULL);
    walk_params(im, &e, at);
    take_prices(l, d, d->params, at);
    if (node_get(n, "model_info")) {
        import_walk(im, node_get(n, "model_info"), import_at(im, path, "model_info"), info_rules, &e);
        take_prices(l, d, node_get(n, "model_info"), import_at(im, path, "model_info"));
    }
    say_abilities(l, d, node_get(n, "model_info"));
    if (e.g->last)
        e.g->last->next = d;
    else
        e.g->first = d;
    e.g->last = d;
    e.g->count++;
}

void litellm_models(struct litellm *l, struct span path, const struct node *list)
{
    size_t i = 0;
    for (const struct node *n = list->kind == NODE_LIST ? list->first : NULL; n; n = n->next)
        read_entry(l, import_nth(l->im, path, i++), n);
}

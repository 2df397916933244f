/* SPDX-License-Identifier: Apache-2.0
 * request.c - checks of the request as a whole: modelWhitelist, modelRules, allowedRequestTypes, requiredMetadataKeys. */
#include "guard/inside.h"

#include <stdio.h>

enum { PATH = 300, RULES_MOST = 200 };

struct names {
    struct span *list;
    size_t count;
};

static bool holds(const struct names *n, struct span name)
{
    for (size_t i = 0; i < n->count; i++)
        if (span_is(n->list[i], name))
            return true;
    return false;
}

/* A metadata value's text; numbers and booleans as they are written. */
static struct span metadata_text(struct look *l, struct span name)
{
    const char *why;
    struct json_value root;
    if (!l->text->metadata.len || json_parse(l->text->json, l->text->metadata, false, &root, &why) != E_OK)
        return SPAN_NONE;
    struct json_value v = json_member(root, name);
    bool is = false;
    switch (json_kind(v)) {
    case JSON_STRING: return arena_copy(l->arena, json_string(v));
    case JSON_NUMBER: return json_decimal(v, l->arena);
    case JSON_BOOL: return json_bool(v, &is) && is ? SPAN("true") : SPAN("false");
    case JSON_NONE: case JSON_NULL: return SPAN_NONE;
    default: return SPAN("");
    }
}

/* ---- modelWhitelist ---- */

static bool read_models(struct check *c, const struct node *n, const char *path, struct arena *a, struct trouble *t)
{
    struct names *names = ARENA_NEW(a, struct names);
    c->rule = names;
    return names && read_words(a, n, path, "models", &names->list, &names->count, t);
}

static bool judge_models(struct look *l, const struct check *c, struct span text)
{
    (void)text;
    bool in = l->text->model.len && holds(c->rule, l->text->model);
    l->saying = in ? SPAN("the model is on the list") : SPAN("the model is not on the list");
    return in;
}

static const char *const model_parameters[] = { "models", NULL };
const struct check_kind check_modelWhitelist = {
    .id = "modelWhitelist", .request = true, .parameters = model_parameters, .read = read_models, .judge = judge_models
};

/* ---- modelRules ---- */

struct model_rule {
    struct span key, value;
    struct names models;
};

struct model_rules {
    struct names defaults;
    struct model_rule *list;
    size_t count;
};

static bool read_value_rules(struct model_rules *r, const struct node *key, const char *path, struct arena *a, struct trouble *t)
{
    char field[PATH];
    if (key->kind != NODE_MAP) {
        trouble_found(t, key, path, "a map: value to a list of models");
        return false;
    }
    for (const struct node *v = key->first; v; v = v->next) {
        struct model_rule *list = r->count < RULES_MOST ? ARENA_GROW(a, r->list, r->count) : NULL;
        snprintf(field, sizeof(field), "%.200s.%.*s", path, SPAN_ARG(span_first(v->name, 60)));
        if (!list) {
            trouble_say(t, v, field, "too many; allowed: %d", RULES_MOST);
            return false;
        }
        r->list = list;
        list[r->count] = (struct model_rule){ .key = key->name, .value = v->name };
        if (!node_spans(a, v, field, &list[r->count].models.list, &list[r->count].models.count, t))
            return false;
        r->count++;
    }
    return true;
}

static bool read_model_rules(struct check *c, const struct node *n, const char *path, struct arena *a, struct trouble *t)
{
    static const char *const known[] = { "defaults", "metadata", NULL };
    const struct node *rules = node_get(n, "rules"), *metadata = node_get(rules, "metadata");
    struct model_rules *r = ARENA_NEW(a, struct model_rules);
    char at[PATH], field[2 * PATH];
    snprintf(at, sizeof(at), "%.200s.rules", path);
    if (!r || !need(rules, n, path, "rules", "a map with defaults, metadata", t) || !node_only(rules, at, known, t))
        return false;
    snprintf(field, sizeof(field), "%.200s.defaults", at);
    if (!node_spans(a, node_get(rules, "defaults"), field, &r->defaults.list, &r->defaults.count, t))
        return false;
    for (const struct node *key = metadata ? metadata->first : NULL; key; key = key->next) {
        snprintf(field, sizeof(field), "%.280s.metadata.%.*s", at, SPAN_ARG(span_first(key->name, 60)));
        field[PATH - 1] = '\0';
        if (!read_value_rules(r, key, field, a, t))
            return false;
    }
    if (!r->defaults.count && !r->count) {
        trouble_say(t, rules, at, "no model is named: needed: defaults, metadata or both");
        return false;
    }
    c->rule = r;
    return true;
}

static bool judge_model_rules(struct look *l, const struct check *c, struct span text)
{
    const struct model_rules *r = c->rule;
    bool matched = false, in = false;
    (void)text;
    for (size_t i = 0; i < r->count; i++) {
        struct span is = metadata_text(l, r->list[i].key);
        if (!is.at || !span_is(is, r->list[i].value))
            continue;
        matched = true;
        in = in || holds(&r->list[i].models, l->text->model);
    }
    if (!matched)
        in = holds(&r->defaults, l->text->model);
    in = in && l->text->model.len;
    l->saying = in ? SPAN("the model is allowed by the rules") : SPAN("the model is not allowed by the rules");
    return in;
}

static const char *const rules_parameters[] = { "rules", NULL };
const struct check_kind check_modelRules = {
    .id = "modelRules", .request = true, .parameters = rules_parameters, .read = read_model_rules, .judge = judge_model_rules
};

/* ---- allowedRequestTypes ---- */

struct types {
    struct names allowed, blocked;
};

/* Portkey's names. */
static const char *const type_names[] = { "complete", "chatComplete", "embed", "messages", "rerank", "moderate", "createModelResponse",
    "getModelResponse", "deleteModelResponse", "listModelsResponse", "countTokens", "createSpeech", "createTranscription", "createTranslation",
    "imageGenerate", "imageEdit", "createVideo", "getVideo", "uploadFile", "listFiles", "retrieveFile", "deleteFile", "retrieveFileContent",
    "createBatch", "retrieveBatch", "cancelBatch", "listBatches", "getBatchOutput", "createFinetune", "realtime", "listModels", "proxy", NULL };

static bool read_types(const struct node *n, const char *path, const char *name, struct names *out, struct arena *a, struct trouble *t)
{
    char field[PATH];
    const struct node *list = node_get(n, name);
    snprintf(field, sizeof(field), "%.200s.%s", path, name);
    if (!node_spans(a, list, field, &out->list, &out->count, t))
        return false;
    for (size_t i = 0; i < out->count; i++) {
        size_t k = 0;
        while (type_names[k] && !span_is(out->list[i], span_of(type_names[k])))
            k++;
        if (!type_names[k]) {
            trouble_say(t, list, field, "there is no request type \"%.*s\"; they stand in docs/guardrails.md", SPAN_ARG(span_first(out->list[i], 60)));
            return false;
        }
    }
    return true;
}

static bool read_request_types(struct check *c, const struct node *n, const char *path, struct arena *a, struct trouble *t)
{
    struct types *types = ARENA_NEW(a, struct types);
    c->rule = types;
    if (!types || !read_types(n, path, "allowedTypes", &types->allowed, a, t) || !read_types(n, path, "blockedTypes", &types->blocked, a, t))
        return false;
    if (!types->allowed.count && !types->blocked.count)
        trouble_say(t, n, path, "needed: allowedTypes, blockedTypes or both; a caller's metadata does not say what the caller may do");
    return !t->set;
}

static bool judge_request_types(struct look *l, const struct check *c, struct span text)
{
    const struct types *types = c->rule;
    struct span type = l->text->request_type;
    (void)text;
    bool fine = type.len && !holds(&types->blocked, type) && (!types->allowed.count || holds(&types->allowed, type));
    l->saying = arena_print(l->arena, "the request type %.*s is %s", SPAN_ARG(type.len ? type : SPAN("unknown")), fine ? "allowed" : "not allowed");
    return fine;
}

static const char *const types_parameters[] = { "allowedTypes", "blockedTypes", NULL };
const struct check_kind check_allowedRequestTypes = {
    .id = "allowedRequestTypes", .request = true, .parameters = types_parameters, .read = read_request_types, .judge = judge_request_types
};

/* ---- requiredMetadataKeys ---- */

struct keys {
    struct names names;
    enum operator op;
};

static bool read_keys(struct check *c, const struct node *n, const char *path, struct arena *a, struct trouble *t)
{
    struct keys *k = ARENA_NEW(a, struct keys);
    c->rule = k;
    return k && read_words(a, n, path, "metadataKeys", &k->names.list, &k->names.count, t) && read_operator(n, path, OPERATOR_ALL, &k->op, t);
}

static bool judge_keys(struct look *l, const struct check *c, struct span text)
{
    const struct keys *k = c->rule;
    size_t found = 0;
    (void)text;
    for (size_t i = 0; i < k->names.count; i++)
        found += metadata_text(l, k->names.list[i]).at != NULL;
    l->saying = arena_print(l->arena, "%zu of %zu metadata keys are there; wanted: %s", found, k->names.count, operator_names[k->op]);
    return k->op == OPERATOR_ANY ? found > 0 : k->op == OPERATOR_ALL ? found == k->names.count : found == 0;
}

static const char *const keys_parameters[] = { "metadataKeys", "operator", NULL };
const struct check_kind check_requiredMetadataKeys = {
    .id = "requiredMetadataKeys", .request = true, .parameters = keys_parameters, .read = read_keys, .judge = judge_keys
};

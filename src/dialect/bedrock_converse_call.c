/* SPDX-License-Identifier: Apache-2.0
 * bedrock_converse_call.c - a neutral call as a Converse request. The model and whether it streams stand in the path.
 *
 * What only some families of models take goes into additionalModelRequestFields in the family's own words. Members of Converse that no
 * other dialect has (guardrailConfig, performanceConfig, ...) may stand in any caller's body: they are passed on as they are. */
#include "dialect/bedrock_converse_int.h"

const struct span bedrock_converse_name = { "bedrock_converse", 16 };

bool converse_says(struct converse *c, bool said, struct span name) { return said && !quirk_forbids(c->quirks, name, c->notes); }

void converse_cannot(struct converse *c, bool said, struct span name)
{
    if (said)
        call_unsayable(c->notes, name);
}

static enum family family_of(struct span model)
{
    static const struct {
        struct span word;
        enum family family;
    } words[] = { { { "claude", 6 }, FAMILY_CLAUDE }, { { "nova-2", 6 }, FAMILY_NOVA_2 }, { { "nova", 4 }, FAMILY_NOVA },
        { { "mistral", 7 }, FAMILY_MISTRAL }, { { "cohere", 6 }, FAMILY_COHERE }, { { "gpt-oss", 7 }, FAMILY_GPT_OSS } };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (span_find(model, words[i].word) >= 0)
            return words[i].family;
    return FAMILY_OTHER;
}

/* ---- sampling ---- */

/* From 0 to 1 at Bedrock, whatever the model. False: it is not written. */
static bool put_share(struct converse *c, struct span value, struct span name, struct span as)
{
    bool refuses = (c->quirks && c->quirks->reasoning_model) || (c->family == FAMILY_CLAUDE && !c->claude.samples);
    if (!converse_says(c, value.at != NULL, name))
        return false;
    if (refuses || number_above(value, 1)) {
        call_unsayable(c->notes, name);
        return false;
    }
    json_pair_raw(&c->o, as, value);
    return true;
}

static void put_inference(struct converse *c)
{
    const struct call *call = c->call;
    json_name(&c->o, SPAN("inferenceConfig"));
    json_open(&c->o, '{');
    if (call->output_limit >= 0)
        json_pair_i64(&c->o, SPAN("maxTokens"), call->output_limit);
    bool temperature = put_share(c, call->temperature, SPAN("temperature"), SPAN("temperature"));
    if (temperature && call->top_p.at && c->family == FAMILY_CLAUDE && c->claude.samples_once)
        call_unsayable(c->notes, SPAN("top_p together with temperature"));
    else
        put_share(c, call->top_p, SPAN("top_p"), SPAN("topP"));
    if (converse_says(c, call->stops.at != NULL, SPAN("stop")))
        json_pair_raw(&c->o, SPAN("stopSequences"), call->stops);
    json_close(&c->o, '}');
}

static void put_top_k(struct converse *c)
{
    struct span k = c->call->top_k;
    if (!converse_says(c, k.at != NULL, SPAN("top_k")))
        return;
    if (c->family == FAMILY_CLAUDE ? c->claude.samples : c->family == FAMILY_MISTRAL) {
        json_pair_raw(&c->x, SPAN("top_k"), k);
    } else if (c->family == FAMILY_NOVA || c->family == FAMILY_NOVA_2) {
        json_name(&c->x, SPAN("inferenceConfig"));
        json_open(&c->x, '{');
        json_pair_raw(&c->x, SPAN("topK"), k);
        json_close(&c->x, '}');
    } else if (c->family == FAMILY_COHERE) {
        json_pair_raw(&c->x, SPAN("k"), k);
    } else {
        call_unsayable(c->notes, SPAN("top_k"));
    }
}

/* ---- output ---- */

static void put_schema(struct converse *c)
{
    const struct call *call = c->call;
    json_name(&c->o, SPAN("textFormat"));
    json_open(&c->o, '{');
    json_pair(&c->o, SPAN("type"), SPAN("json_schema"));
    json_name(&c->o, SPAN("structure"));
    json_open(&c->o, '{');
    json_name(&c->o, SPAN("jsonSchema"));
    json_open(&c->o, '{');
    json_pair(&c->o, SPAN("schema"), call->schema);
    if (call->schema_name.at)
        json_pair_raw(&c->o, SPAN("name"), call->schema_name);
    if (call->schema_description.at)
        json_pair_raw(&c->o, SPAN("description"), call->schema_description);
    for (int i = 0; i < 3; i++)
        json_close(&c->o, '}');
}

static void put_output(struct converse *c)
{
    bool wanted = c->call->format == FORMAT_JSON || c->call->format == FORMAT_SCHEMA;
    bool schema = converse_says(c, wanted, SPAN("response_format"));
    if (schema && (c->call->format == FORMAT_JSON || (c->family == FAMILY_CLAUDE && !c->claude.schemas))) {
        call_unsayable(c->notes, SPAN("response_format"));
        schema = false;
    }
    if (!schema && !c->effort.at)
        return;
    json_name(&c->o, SPAN("outputConfig"));
    json_open(&c->o, '{');
    if (schema)
        put_schema(c);
    if (c->effort.at)
        json_pair(&c->o, SPAN("effort"), c->effort);
    json_close(&c->o, '}');
}

static void put_tier(struct converse *c)
{
    static const struct span tiers[] = { { "priority", 8 }, { "flex", 4 }, { "reserved", 8 }, { "default", 7 } };
    struct span tier = c->call->tier;
    if (!converse_says(c, tier.at && !span_is(tier, SPAN("auto")), SPAN("service_tier")))
        return;
    if (span_is(tier, SPAN("standard")))
        tier = SPAN("default");
    for (size_t i = 0; i < sizeof(tiers) / sizeof(*tiers); i++) {
        if (!span_is(tiers[i], tier))
            continue;
        json_name(&c->o, SPAN("serviceTier"));
        json_open(&c->o, '{');
        json_pair(&c->o, SPAN("type"), tier);
        json_close(&c->o, '}');
        return;
    }
    call_unsayable(c->notes, SPAN("service_tier"));
}

/* ---- what is kept of the call in Amazon's log of invocations ---- */

enum { METADATA_MOST = 16, METADATA_TEXT_MOST = 256 };

static bool fits_metadata(struct span raw)
{
    struct span text = raw_inside(raw);
    if (!text.at || text.len > METADATA_TEXT_MOST)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !memchr(" :_@$#=/+,-.", c, 12))
            return false;
    }
    return true;
}

static bool metadata_fits(struct span object, struct arena *a)
{
    struct raw_iter it = raw_iter(object, a);
    struct span name, value;
    int count = 0;
    while (raw_next(&it, &name, &value))
        if (++count >= METADATA_MOST || name.len == 0 || !fits_metadata(raw_quote(name, a)) || !fits_metadata(value))
            return false;
    return true;
}

static void put_metadata(struct converse *c)
{
    const struct call *call = c->call;
    bool metadata = converse_says(c, call->metadata.at != NULL, SPAN("metadata"));
    bool user = converse_says(c, call->user.at != NULL, SPAN("user"));
    converse_cannot(c, metadata && !metadata_fits(call->metadata, c->arena), SPAN("metadata"));
    struct span named = user && !fits_metadata(call->user) ? call_user_digest(call, c->arena) : call->user;
    metadata = metadata && metadata_fits(call->metadata, c->arena);
    user = user && !(metadata && raw_member(call->metadata, SPAN("user"), c->arena).at);
    if (!metadata && !user)
        return;
    json_name(&c->o, SPAN("requestMetadata"));
    json_open(&c->o, '{');
    struct raw_iter it = raw_iter(metadata ? call->metadata : SPAN_NONE, c->arena);
    for (struct span name, value; raw_next(&it, &name, &value);)
        json_pair_raw(&c->o, name, value);
    if (user) {
        json_pair_raw(&c->o, SPAN("user"), named);
        call_adapted(c->notes, SPAN("user"));
    }
    json_close(&c->o, '}');
}

/* ---- what is Converse's own ---- */

static const struct span own_members[] = { { "guardrailConfig", 15 }, { "performanceConfig", 17 }, { "promptVariables", 15 },
    { "additionalModelResponseFieldPaths", 33 }, { "additionalModelRequestFields", 28 }, { NULL, 0 } };

static bool is_own(struct span path)
{
    const struct span *own = own_members;
    while (own->at && !span_is(*own, path))
        own++;
    return own->at != NULL;
}

static struct span rest_of(const struct call *call, struct span path)
{
    struct span value = SPAN_NONE;
    for (const struct rest *r = call->rest; r; r = r->next)
        if (span_is(r->path, path))
            value = r->value;
    return value;
}

/* What the caller says of its own goes before what we would say. */
static void put_additional(struct converse *c)
{
    struct span said = rest_of(c->call, SPAN("additionalModelRequestFields")), name, value;
    bool broken = said.at && (raw_kind(said) != JSON_OBJECT || bedrock_converse_sets_limit(said, c->arena));
    json_close(&c->x, '}');
    converse_cannot(c, broken, SPAN("additionalModelRequestFields sets an output limit of its own"));
    if (c->extra.len <= 2 && (!said.at || broken))
        return;
    json_name(&c->o, SPAN("additionalModelRequestFields"));
    json_open(&c->o, '{');
    struct raw_iter it = raw_iter(broken ? SPAN_NONE : said, c->arena);
    while (raw_next(&it, &name, &value))
        json_pair_raw(&c->o, name, value);
    it = raw_iter(buf_span(&c->extra), c->arena);
    while (raw_next(&it, &name, &value))
        if (broken || !said.at || !raw_member(said, name, c->arena).at)
            json_pair_raw(&c->o, name, value);
    json_close(&c->o, '}');
}

static void put_own(struct converse *c)
{
    static const struct span paths = { "additionalModelResponseFieldPaths", 33 };
    for (const struct rest *r = c->call->rest; r; r = r->next) {
        if (!is_own(r->path))
            call_rest_untold(c->notes, r);
        else if (!span_is(r->path, SPAN("additionalModelRequestFields")))
            json_pair_raw(&c->o, r->path, r->value);
    }
    /* Which of the stops it was, Claude says only when asked. */
    if (c->family == FAMILY_CLAUDE && c->call->stops.at && !rest_of(c->call, paths).at)
        json_pair_raw(&c->o, paths, SPAN("[\"/stop_sequence\"]"));
}

static void note_unsayable(struct converse *c)
{
    const struct call *call = c->call;
    converse_cannot(c, call->choices != 1, SPAN("n"));
    converse_cannot(c, call->seed.at != NULL, SPAN("seed"));
    converse_cannot(c, call->frequency_penalty.at != NULL, SPAN("frequency_penalty"));
    converse_cannot(c, call->presence_penalty.at != NULL, SPAN("presence_penalty"));
    converse_cannot(c, call->logprobs, SPAN("logprobs"));
    converse_cannot(c, call->top_logprobs >= 0, SPAN("top_logprobs"));
    converse_cannot(c, call->verbosity.at && !span_is(call->verbosity, SPAN("medium")), SPAN("verbosity"));
    converse_cannot(c, call->store == 1, SPAN("store"));
    converse_cannot(c, call->previous.at != NULL, SPAN("previous_response_id"));
    converse_cannot(c, call->safety.at != NULL, SPAN("safety_settings"));
    if (call->store == 0)
        call_adapted(c->notes, SPAN("store"));
    if (call->cache_key.at)
        call_adapted(c->notes, SPAN("prompt_cache_key"));
}

void bedrock_converse_write_call(const struct call *call, const struct quirks *quirks, struct notes *notes, struct arena *a, struct buf *out)
{
    struct converse c = {
        .call = call,
        .quirks = quirks,
        .notes = notes,
        .arena = a,
        .family = family_of(call->model),
        .claude = claude_of(call->model),
        .o = json_out(out),
    };
    buf_init(&c.extra, out->ceiling);
    c.x = json_out(&c.extra);
    json_open(&c.x, '{');
    json_open(&c.o, '{');
    converse_put_system(&c);
    converse_put_messages(&c);
    put_inference(&c);
    converse_put_tools(&c);
    put_top_k(&c);
    converse_put_thinking(&c);
    put_output(&c);
    put_tier(&c);
    put_metadata(&c);
    put_additional(&c);
    put_own(&c);
    json_close(&c.o, '}');
    note_unsayable(&c);
    out->broken = out->broken || c.extra.broken || a->broken;
    buf_free(&c.extra);
}

/* SPDX-License-Identifier: Apache-2.0
 * config_fuzz.c - any bytes as a configuration; behind a NUL, the kind's number and a request of the admin API on it.
 *
 * What loads must be fail-closed: every key has a policy, no key counts on more budgets than a call can hold. What is
 * applied must load again from what it stored. */
#include <stdlib.h>

#include "base/log.h"
#include "base/must.h"
#include "config/config.h"
#include "ledger/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t master[32] = { 1 };
static const char *const kinds[] = { "key", "credential", "policy", "budget", "vendor", "workspace", "setting", "stop", "alert", "increase" };

static void check(const struct snapshot *s)
{
    for (size_t i = 0; i < s->key_count; i++) {
        const struct key *k = &s->keys[i];
        must(k->policy && k->id.len && k->name.len && k->workspace.len);
        must(k->budget_count <= LEDGER_LINES);
        for (size_t c = 0; c < k->credential_count; c++)
            must(k->credentials[c]->upstream && k->credentials[c]->secret.secret.len);
    }
}

static void ignore(void *self, struct span id, struct span json)
{
    (void)self;
    must(id.len && json.len);
}

static void apply(struct config_input *in, unsigned char how, struct span body)
{
    struct arena a;
    struct config_changed out;
    struct trouble t = { .set = false };
    const char *kind = kinds[how & 128 ? 8 + (how & 1) : how & 7];
    struct config_change c = { span_of(kind), how & 8 ? SPAN("a") : SPAN_NONE, body, how & 16 };
    arena_init(&a, 1 << 26);
    enum err e = config_apply(in, &c, &a, &out, &t);
    must((e == E_OK) == (out.snapshot != NULL) && (e == E_OK) == !t.set);
    if (!e) {
        struct config_object object = { c.kind, out.id, out.stored };
        struct snapshot *again = NULL;
        check(out.snapshot);
        in->objects = &object;
        in->object_count = out.stored.at ? 1 : 0;
        must(config_load(in, &again, &t) == E_OK);
        must(again->key_count == out.snapshot->key_count);
        must(config_list(in, c.kind, ignore, NULL, &t) == E_OK);
        snapshot_drop(again);
        snapshot_drop(out.snapshot);
    }
    arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span yaml = span_make((const char *)data, size), rest = yaml;
    struct config_input in = { .file = SPAN("fuzz.yaml"), .master_key = master };
    struct snapshot *s = NULL;
    struct trouble t = { .set = false };
    log_level_set(LOG_ERROR);
    bool more = span_cut(&rest, '\0', &yaml);
    /* No files of this machine: what they say is not the input. */
    if (span_find(yaml, SPAN("file")) >= 0 || span_find(yaml, SPAN("_dir")) >= 0)
        return 0;
    in.text = yaml.len ? yaml : SPAN("{}");
    enum err e = config_load(&in, &s, &t);
    must((e == E_OK) == (s != NULL) && (e == E_OK) == !t.set);
    if (s)
        check(s);
    snapshot_drop(s);
    if (!e && more && rest.len)
        apply(&in, (unsigned char)rest.at[0], span_from(rest, 1));
    return 0;
}

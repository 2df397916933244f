/* SPDX-License-Identifier: Apache-2.0
 * evidence.c - GET /reports/evidence: one dated archive for a reviewer, from the gate's own records: what is kept and for how long, where data
 * goes, who has access, when secrets were changed, which policies are in force, what was refused, and the proof that none of it was
 * edited afterwards. No secret and no content is in it: objects stand there as the API shows them, calls as their rows.
 *
 * Objects are listed on the admin thread; the rest is read on a thread of its own, since the chain is checked whole. It is about the whole
 * gate: tokens that are confined to a workspace do not get it (confine.c). */
#include "admin/evidence.h"

#include <stdio.h>

#include "base/text.h"

/* ---- on a thread of its own ---- */

static void gather(struct errand *errand)
{
    struct evidence *k = errand->mine;
    char why[256];
    visit_catch_up(errand->visit);
    struct store_reader *r = store_reader_new(books_store(errand->admin->parts.books), why);
    struct snapshot *s = gate_snapshot(errand->admin->parts.gate);
    buf_init(&k->file, EVIDENCE_FILE);
    buf_init(&k->scratch, 1024);
    k->archive = r ? archive_new(&errand->visit->out, k->folder, k->ask.now) : NULL;
    if (k->archive) {
        errand_reads(errand, r);
        enum err e = evidence_write(k, r, s, &errand->visit->arena);
        k->result = e ? e : k->result;
        errand_reads(errand, NULL);
        if (!archive_end(k->archive) && !k->result)
            k->result = E_TOO_LARGE;
    } else {
        k->result = r ? E_NO_MEMORY : E_IO;
    }
    store_reader_free(r);
    buf_free(&k->file);
    buf_free(&k->scratch);
    snapshot_drop(s);
}

/* ---- on the admin thread ---- */

static void gathered(struct errand *errand)
{
    struct evidence *k = errand->mine;
    struct visit *v = errand->visit;
    if (!v->request)
        return;
    if (k->result == E_TOO_LARGE)
        reply_problem(v, E_TOO_LARGE, NULL, "a file of the archive is larger than %d MiB; allowed: a shorter time", EVIDENCE_FILE >> 20);
    else if (k->result)
        reply_store(v, k->result);
    else
        reply_file(v, SPAN("application/gzip"), arena_print(&v->arena, "attachment; filename=\"%s.tar.gz\"", k->folder));
}

static void put_object(void *self, struct span id, struct span json)
{
    (void)id;
    json_put_raw(self, json);
}

struct tokens {
    struct admin *admin;
    struct json_out *out;
};

/* By name, so that nothing that opens a door is copied. */
static void put_token(void *self, struct span id, struct span json)
{
    static const char *const members[] = { "name", "role", "workspace", "owner", "created_at", "expires_at" };
    struct tokens *t = self;
    struct json_value root;
    const char *why;
    (void)id;
    if (json_parse(t->admin->json, json, true, &root, &why) != E_OK)
        return;
    json_open(t->out, '{');
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
        json_pair(t->out, span_of(members[i]), json_string(json_member(root, span_of(members[i]))));
    json_pair_time(t->out, SPAN("last_used_at"), token_last_used(t->admin, json_string(json_member(root, SPAN("name")))));
    json_close(t->out, '}');
}

/* SPAN_NONE: replied. */
static struct span list_objects(struct visit *v, const struct config_input *in, int which)
{
    struct trouble t = { .set = false };
    struct buf text;
    buf_init(&text, EVIDENCE_FILE);
    struct json_out o = json_out(&text);
    json_open(&o, '[');
    struct tokens tokens = { v->admin, &o };
    enum err e = which == EVIDENCE_TOKENS ? config_list(in, evidence_lists[which].kind, put_token, &tokens, &t) : config_list(in, evidence_lists[which].kind, put_object, &o, &t);
    json_close(&o, ']');
    struct span copy = e || text.broken ? SPAN_NONE : arena_copy(&v->arena, buf_span(&text));
    buf_free(&text);
    if (!copy.at)
        reply_trouble(v, e ? e : E_NO_MEMORY, &t);
    return copy;
}

/* Who has which admin token is an owner's to read, here as in GET /tokens. */
static bool may_have(const struct visit *v, int which) { return which != EVIDENCE_TOKENS || v->actor.role >= ADMIN_OWNER; }

static bool list_all(struct visit *v, struct evidence *k)
{
    struct config_input in;
    enum err e = admin_input(v->admin, &v->arena, &in);
    if (e)
        reply_store(v, e);
    for (int i = 0; !e && i < EVIDENCE_LISTED; i++)
        if (may_have(v, i) && !(k->objects[i] = list_objects(v, &in, i)).at)
            return false;
    return !e;
}

/* "evidence-20260601T120000Z" */
static void name_folder(struct evidence *k)
{
    char at[TIME_TEXT];
    struct span t = text_time(k->ask.now, at);
    snprintf(k->folder, sizeof(k->folder), "evidence-%.4s%.2s%.2sT%.2s%.2s%.2sZ", t.at, t.at + 5, t.at + 8, t.at + 11, t.at + 14, t.at + 17);
}

void report_evidence(struct visit *v)
{
    struct evidence *k = ARENA_NEW(&v->arena, struct evidence);
    if (!k) {
        reply_store(v, E_NO_MEMORY);
        return;
    }
    if (!report_ask(v, &k->ask, "evidence", 0) || !list_all(v, k))
        return;
    name_folder(k);
    (void)errand_start(v->admin, v, gather, gathered, k);
}

/* SPDX-License-Identifier: Apache-2.0
 * contents.c - what was captured of calls: reading it, which is itself a row of the audit chain, and deleting it.
 *
 * Content is for owners, and for tokens that say so. It is opened on the reading thread, and told only when the row that says who read it
 * is written. */
#include "admin/metrics.h"
#include "base/clock.h"
#include "base/log.h"
#include "cache/cache.h"
#include "flow/content.h"
#include "flow/scribe.h"

/* ---- one call's ---- */

static bool may_read(struct visit *v)
{
    if (access_reads_content(&v->actor))
        return true;
    reply_problem(v, E_ROLE_DENIED, NULL, "what was captured of calls is for the role owner, and for tokens with \"content\": true");
    return false;
}

static bool is_ours(const struct visit *v, struct span workspace) { return !v->actor.workspace.at || span_is(v->actor.workspace, workspace); }

static void put_side(struct json_out *o, struct span name, const struct content_side *s, bool answer)
{
    json_name(o, name);
    json_open(o, '{');
    if (answer)
        json_pair_i64(o, SPAN("status"), s->status);
    json_name(o, SPAN("headers"));
    json_open(o, '{');
    for (size_t i = 0; i < s->count; i++)
        json_pair(o, s->fields[i].name, s->fields[i].value);
    json_close(o, '}');
    json_pair(o, SPAN("body"), s->missing.at ? SPAN_NONE : s->body.at ? s->body : SPAN(""));
    json_pair(o, SPAN("missing"), s->missing);
    json_pair_bool(o, SPAN("truncated"), s->truncated);
    json_pair_bool(o, SPAN("streamed"), s->streamed);
    json_close(o, '}');
}

static void put_content(struct json_out *o, const struct store_content *kept, const struct content *c)
{
    char id[CALL_ID_TEXT + 1];
    struct span rest = c->redacted.len ? c->redacted : SPAN_NONE, word;
    json_open(o, '{');
    json_pair(o, SPAN("call"), call_id_text(kept->call, id));
    json_pair_time(o, SPAN("at"), kept->at);
    json_pair_time(o, SPAN("until"), kept->until);
    json_pair(o, SPAN("workspace"), kept->workspace);
    json_pair(o, SPAN("key"), kept->key);
    json_pair(o, SPAN("run"), kept->run);
    json_pair(o, SPAN("method"), c->method);
    json_pair(o, SPAN("path"), c->path);
    put_side(o, SPAN("request"), &c->request, false);
    put_side(o, SPAN("response"), &c->response, true);
    json_name(o, SPAN("redacted"));
    json_open(o, '[');
    while (rest.at && span_next(&rest, ',', &word))
        json_put_string(o, span_trim(word));
    json_close(o, ']');
    json_close(o, '}');
}

static enum err open_content(struct visit *v, const struct store_content *kept, struct content *out)
{
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    const struct content_name name = { kept->workspace, kept->call };
    bool good = content_open(&s->keep_key, &name, kept->bytes, &v->arena, out);
    snapshot_drop(s);
    return good ? E_OK : E_IO;
}

static void read_content(struct visit *v, struct store_reader *r)
{
    struct store_content kept;
    struct content c = { 0 };
    uint64_t id = 0;
    scribe_flush(gate_scribe(v->admin->parts.gate));
    v->result = call_id_parse(v->id, &id) ? store_content(r, id, clock_unix_ms(), &v->arena, &kept) : E_NOT_FOUND;
    if (!v->result && !is_ours(v, kept.workspace))
        v->result = E_NOT_FOUND;
    if (!v->result)
        v->result = open_content(v, &kept, &c);
    if (!v->result)
        put_content(&v->json, &kept, &c);
}

static void no_content(struct visit *v)
{
    reply_problem(v, E_NOT_FOUND, NULL, "nothing is kept of what call \"%.*s\" said: its key keeps none, its caller asked for that, or it is deleted or has run out",
        SPAN_ARG(span_first(v->id, 60)));
}

static void tell_content(struct visit *v)
{
    const struct change read = { .actor = v->actor.name, .action = SPAN("content.read"), .object = v->id };
    if (v->result == E_NOT_FOUND)
        no_content(v);
    else if (v->result == E_IO)
        reply_problem(v, E_IO, NULL, "the content of this call cannot be opened: it was sealed under another master key, or is damaged");
    else if (v->result)
        reply_store(v, v->result);
    else if (change_put(v->admin, &read) != E_OK)
        reply_problem(v, E_LEDGER_UNAVAILABLE, NULL, "who reads content must be written down, and that cannot be done now");
    else
        reply_json(v, 200);
}

void content_get(struct visit *v)
{
    if (may_read(v))
        visit_read(v, read_content, tell_content);
}

/* ---- deleting ---- */

struct deletion {
    struct content_filter filter;
    struct span reason;
    bool answers, cache;
    size_t deleted, forgotten, purged;
    bool erased;
    enum err result;
};

/* The cache knows neither users nor times: where those are asked for, all of the workspace goes. */
static size_t purge_cache(struct errand *e, const struct content_filter *f)
{
    struct cache *c = gate_cache(e->admin->parts.gate);
    bool wide = f->user.len || f->before;
    const struct cache_purge what = { .workspace = f->workspace, .key = wide ? SPAN_NONE : f->key, .run = wide ? SPAN_NONE : f->run };
    return c ? cache_purge(c, &what) : 0;
}

static void delete_all(struct errand *e)
{
    struct deletion *d = e->mine;
    struct store *s = books_store(e->admin->parts.books);
    scribe_flush(gate_scribe(e->admin->parts.gate));
    d->result = store_barrier(s);
    if (!d->result)
        d->result = store_contents_delete(s, &d->filter, &d->deleted);
    if (!d->result && d->answers)
        d->result = store_answers_forget(s, &d->filter, &d->forgotten);
    if (!d->result && d->cache)
        d->purged = purge_cache(e, &d->filter);
    d->erased = !d->result && store_erase(s);
}

static void put_filter(struct json_out *o, const struct content_filter *f)
{
    const struct span values[] = { f->workspace, f->key, f->run, f->user };
    static const struct span names[] = { { "workspace", 9 }, { "key", 3 }, { "run", 3 }, { "user", 4 } };
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
        if (values[i].at)
            json_pair(o, names[i], values[i]);
    if (f->before)
        json_pair_time(o, SPAN("before"), f->before);
}

static struct span write_deletion(struct visit *v, const struct deletion *d)
{
    struct buf text;
    buf_init(&text, 16 << 10);
    struct json_out o = json_out(&text);
    json_open(&o, '{');
    put_filter(&o, &d->filter);
    json_pair_i64(&o, SPAN("contents"), (int64_t)d->deleted);
    json_pair_i64(&o, SPAN("answers"), (int64_t)d->forgotten);
    json_pair_i64(&o, SPAN("cached"), (int64_t)d->purged);
    json_close(&o, '}');
    struct span copy = text.broken ? SPAN_NONE : arena_copy(&v->arena, buf_span(&text));
    buf_free(&text);
    return copy;
}

static void deleted(struct errand *e)
{
    const struct deletion *d = e->mine;
    struct visit *v = e->visit;
    const struct change change = { .actor = v->actor.name, .action = SPAN("content.delete"), .object = v->id.at ? v->id : SPAN("content"), .reason = d->reason, .after = write_deletion(v, d) };
    if (change_put(v->admin, &change) != E_OK)
        log_error("admin", "the content of %zu calls was deleted; the audit log could not be written", d->deleted);
    if (!v->request)
        return;
    if (d->result) {
        reply_problem(v, d->result, NULL, "the content of %zu calls is deleted; then the store could not write: ask again", d->deleted);
        return;
    }
    if (v->id.at && !d->deleted && !d->forgotten) {
        no_content(v);
        return;
    }
    json_open(&v->json, '{');
    json_pair_i64(&v->json, SPAN("deleted"), (int64_t)d->deleted);
    json_pair_i64(&v->json, SPAN("answers_forgotten"), (int64_t)d->forgotten);
    json_pair_i64(&v->json, SPAN("cache_purged"), (int64_t)d->purged);
    json_pair_bool(&v->json, SPAN("erased"), d->erased);
    json_close(&v->json, '}');
    reply_json(v, 200);
}

void content_delete_one(struct visit *v)
{
    struct deletion *d = ARENA_NEW(&v->arena, struct deletion);
    if (!d) {
        reply_problem(v, E_NO_MEMORY, NULL, "nothing was deleted");
        return;
    }
    d->answers = true;
    d->filter.workspace = v->actor.workspace;
    if (!call_id_parse(v->id, &d->filter.call))
        no_content(v);
    else
        (void)errand_start(v->admin, v, delete_all, deleted, d); /* else it was replied to */
}

static bool read_deletion(struct visit *v, struct deletion *d)
{
    static const char *const fields[] = { "workspace", "key", "run", "user", "before", "reason", "answers", "cache", NULL };
    struct content_filter *f = &d->filter;
    struct trouble t = { 0 };
    const struct node *n = visit_object(v);
    if (!n)
        return false;
    d->answers = d->cache = true;
    bool good = node_only(n, "", fields, &t) && node_span(node_get(n, "workspace"), "workspace", &f->workspace, &t) && node_span(node_get(n, "key"), "key", &f->key, &t) &&
                node_span(node_get(n, "run"), "run", &f->run, &t) && node_span(node_get(n, "user"), "user", &f->user, &t) && node_time(node_get(n, "before"), "before", &f->before, &t) &&
                node_span(node_get(n, "reason"), "reason", &d->reason, &t) && node_bool(node_get(n, "answers"), "answers", &d->answers, &t) && node_bool(node_get(n, "cache"), "cache", &d->cache, &t);
    if (good && d->reason.len > REASON_LONGEST)
        trouble_say(&t, NULL, "reason", "allowed: at most %d characters", REASON_LONGEST);
    if (good && !t.set && !f->workspace.len && !f->key.len && !f->run.len && !f->user.len && !f->before)
        trouble_say(&t, NULL, "", "say whose content is to go: workspace, key, run, user, before; all that are given must fit");
    if (!good || t.set) {
        reply_trouble(v, E_BAD_REQUEST, &t);
        return false;
    }
    if (f->key.len)
        f->key = visit_key_id(v, f->key);
    if (v->actor.workspace.at && f->workspace.len && !is_ours(v, f->workspace)) {
        reply_problem(v, E_BAD_REQUEST, "workspace", "found \"%.*s\"; allowed: \"%.*s\", which this token is for", SPAN_ARG(span_first(f->workspace, 60)), SPAN_ARG(v->actor.workspace));
        return false;
    }
    if (v->actor.workspace.at)
        f->workspace = v->actor.workspace;
    return true;
}

void content_delete_post(struct visit *v)
{
    struct deletion *d = ARENA_NEW(&v->arena, struct deletion);
    if (!d)
        reply_problem(v, E_NO_MEMORY, NULL, "nothing was deleted");
    else if (read_deletion(v, d))
        (void)errand_start(v->admin, v, delete_all, deleted, d); /* else it was replied to */
}

/* ---- how much there is ---- */

static void put_sum(void *self, const struct content_sum *sum)
{
    struct json_out *o = self;
    json_open(o, '{');
    json_pair(o, SPAN("workspace"), sum->workspace);
    json_pair_i64(o, SPAN("calls"), sum->count);
    json_pair_i64(o, SPAN("bytes"), sum->bytes);
    json_pair_time(o, SPAN("oldest_at"), sum->oldest_at);
    json_pair_time(o, SPAN("last_until"), sum->last_until);
    json_close(o, '}');
}

static void put_since_start(struct json_out *o, const struct scribe *scribe)
{
    const struct scribe_counts c = scribe_count(scribe);
    json_name(o, SPAN("since_start"));
    json_open(o, '{');
    json_pair_i64(o, SPAN("kept"), c.kept);
    json_pair_i64(o, SPAN("skipped"), c.skipped);
    json_pair_i64(o, SPAN("withheld"), c.withheld);
    json_pair_i64(o, SPAN("untracked"), c.untracked);
    json_pair_i64(o, SPAN("lost"), c.lost);
    json_close(o, '}');
}

static void sum_content(struct visit *v, struct store_reader *r)
{
    struct json_out *o = &v->json;
    json_open(o, '{');
    json_name(o, SPAN("data"));
    json_open(o, '[');
    v->result = store_contents_sum(r, v->actor.workspace, put_sum, o);
    json_close(o, ']');
    if (!v->actor.workspace.at) /* those are the whole gate's */
        put_since_start(o, gate_scribe(v->admin->parts.gate));
    json_close(o, '}');
}

void content_usage(struct visit *v) { visit_read(v, sum_content, reply_read); }

void content_metrics(struct metrics *m, struct admin *a)
{
    const struct scribe_counts c = scribe_count(gate_scribe(a->parts.gate));
    metric_one(m, "content_kept_total", COUNTER, "Calls whose content was sealed and kept.", c.kept);
    metric_one(m, "content_skipped_total", COUNTER, "Calls whose content found no room in memory.", c.skipped);
    metric_one(m, "content_withheld_total", COUNTER, "Calls of which a side could not be searched, and was left out.", c.withheld);
    metric_one(m, "content_untracked_total", COUNTER, "Calls whose caller asked that nothing be kept.", c.untracked);
    metric_one(m, "content_lost_total", COUNTER, "Calls whose content the store could not write.", c.lost);
    metric_one(m, "content_waiting_bytes", GAUGE, "Content that waits to be sealed.", c.bytes);
}

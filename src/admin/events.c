/* SPDX-License-Identifier: Apache-2.0
 * events.c - what happens, as it happens (text/event-stream): calls when they are stored, stops, changes.
 *
 * Calls are keyed by when they began but are stored when they end, so a feed reads the newest FEED_MOST and sends those that
 * the last feed did not see. A call that ends after FEED_MOST later ones began is not streamed (it is in /calls); when all
 * that was read is new, some may have been passed over, and a `gap` event says so.
 *
 * A reader that falls STREAM_PENDING bytes behind is dropped: it would cost the others their memory. */
#include "admin/inside.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "rules/call_id.h"

enum { FEED_MOST = 500, FEED_MS = 100 /* after a commit: the next ones are read along */, BEAT_MS = 15 * 1000, SECOND_MS = 1000, EVENT_MOST = 4 << 20 };

struct stream {
    struct list link;
    struct admin *admin;
    struct http_request *request;
    struct arena arena;
    struct span run, key, vendor; /* SPAN_NONE: any */
    struct actor actor;           /* its name and workspace in the arena */
    struct buf pending;
};

/* ---- streams ---- */

static void leave(struct stream *s)
{
    list_remove(&s->link);
    s->admin->stream_count--;
    buf_free(&s->pending);
    arena_free(&s->arena);
    free(s);
}

static void gone(void *mine) { leave(mine); }

static void woken(void *mine)
{
    struct stream *s = mine;
    if (!s->pending.len || !http_reply_room(s->request))
        return;
    http_reply_write(s->request, buf_span(&s->pending));
    buf_clear(&s->pending);
}

/* May drop the stream. */
static void say(struct stream *s, struct span text)
{
    if (!s->pending.len && http_reply_room(s->request)) {
        http_reply_write(s->request, text);
        return;
    }
    buf_put(&s->pending, text);
    if (!s->pending.broken)
        return;
    log_info("admin", "a reader of events was too slow and was dropped");
    http_reply_cut(s->request);
    leave(s);
}

static const struct span everybody = { "", 0 };

/* What belongs to a workspace is for those who may see it; what belongs to none (SPAN_NONE), for those who see all. */
static bool hears(const struct stream *s, struct span workspace)
{
    return !s->actor.workspace.at || workspace.at == everybody.at || span_is(s->actor.workspace, workspace);
}

static void say_to_all(struct admin *a, struct span workspace, struct span text)
{
    for (struct list *at = a->streams.next, *next; at != &a->streams; at = next) {
        next = at->next;
        struct stream *s = CONTAINER_OF(at, struct stream, link);
        if (hears(s, workspace))
            say(s, text);
    }
}

/* A line end inside JSON can only be a blank between its parts. */
static void put_event(struct buf *b, struct span name, struct span id, struct span json)
{
    buf_print(b, "event: %.*s\n", SPAN_ARG(name));
    if (id.at)
        buf_print(b, "id: %.*s\n", SPAN_ARG(id));
    buf_put(b, SPAN("data: "));
    for (struct span rest = json, line; span_next(&rest, '\n', &line);) {
        while (line.len && line.at[line.len - 1] == '\r')
            line.len--;
        buf_put(b, line);
    }
    buf_put(b, SPAN("\n\n"));
}

void events_tell(struct admin *a, struct span name, struct span json) { events_tell_in(a, SPAN_NONE, name, json); }

void events_tell_in(struct admin *a, struct span workspace, struct span name, struct span json)
{
    struct buf text;
    if (!a->stream_count)
        return;
    buf_init(&text, EVENT_MOST);
    put_event(&text, name, SPAN_NONE, json);
    if (!text.broken)
        say_to_all(a, workspace, buf_span(&text));
    buf_free(&text);
}

void events_tell_change(struct admin *a, struct span kind, struct span id, struct span change)
{
    struct buf text;
    struct snapshot *s = gate_snapshot(a->parts.gate);
    buf_init(&text, EVENT_MOST);
    struct json_out o = json_out(&text);
    json_open(&o, '{');
    json_pair(&o, SPAN("kind"), kind);
    json_pair(&o, SPAN("id"), id);
    json_pair(&o, SPAN("change"), change);
    json_pair_time(&o, SPAN("at"), clock_unix_ms());
    json_pair(&o, SPAN("config"), s->digest);
    json_close(&o, '}');
    snapshot_drop(s);
    log_info("admin", "%.*s %.*s %.*s", SPAN_ARG(kind), SPAN_ARG(id), SPAN_ARG(change));
    events_tell(a, SPAN("config"), buf_span(&text));
    buf_free(&text);
}

/* ---- calls ---- */

struct row {
    struct row *next;
    uint64_t id;
    struct span json;
};

struct feeding {
    struct admin *admin;
    struct arena arena;
    uint64_t *ids;
    size_t count, seen; /* seen: how far the last window was compared */
    struct row *oldest; /* fresh rows, the oldest first */
    size_t fresh;
};

/* Both windows go from the newest to the oldest. */
static bool was_there(struct feeding *f, uint64_t id)
{
    const struct admin *a = f->admin;
    while (f->seen < a->window_count && a->window[f->seen] > id)
        f->seen++;
    return f->seen < a->window_count && a->window[f->seen] == id;
}

static void take_row(void *self, uint64_t id, struct span json)
{
    struct feeding *f = self;
    if (f->count == FEED_MOST)
        return;
    f->ids[f->count++] = id;
    if (was_there(f, id))
        return;
    struct row *row = ARENA_NEW(&f->arena, struct row);
    if (!row)
        return;
    *row = (struct row){ f->oldest, id, arena_copy(&f->arena, json) };
    f->oldest = row;
    f->fresh++;
}

static bool wants(const struct stream *s, struct json_value row)
{
    if (!hears(s, json_string(json_member(row, SPAN("workspace")))))
        return false;
    struct span key = json_string(json_member(row, SPAN("key"))), key_name = json_string(json_member(row, SPAN("key_name")));
    if (s->key.at && !span_is(s->key, key) && !span_is(s->key, key_name))
        return false;
    if (s->run.at && !span_is(s->run, json_string(json_member(row, SPAN("run")))))
        return false;
    return !s->vendor.at || span_is(s->vendor, json_string(json_member(row, SPAN("vendor"))));
}

static void send_row(struct admin *a, const struct row *row)
{
    struct json_value root;
    struct buf text;
    const char *why;
    char id[CALL_ID_TEXT + 1];
    if (!row->json.at || json_parse(a->json, row->json, false, &root, &why) != E_OK)
        return;
    buf_init(&text, EVENT_MOST);
    put_event(&text, SPAN("call"), call_id_text(row->id, id), row->json);
    for (struct list *at = a->streams.next, *next; at != &a->streams && !text.broken; at = next) {
        struct stream *s = CONTAINER_OF(at, struct stream, link);
        next = at->next; /* linked, so alive: leave() unlinks first. NOLINT(clang-analyzer-unix.Malloc) */
        if (wants(s, root))
            say(s, buf_span(&text));
    }
    buf_free(&text);
}

/* Reads the newest rows; `quiet`: only to know where we stand. */
static void read_window(struct admin *a, bool quiet)
{
    struct feeding f = { .admin = a };
    struct call_filter filter = { .limit = FEED_MOST };
    bool full = a->window_count == FEED_MOST;
    arena_init(&f.arena, VISIT_ANSWER);
    f.ids = calloc(FEED_MOST, sizeof(*f.ids));
    if (f.ids && store_calls(a->reader, &filter, take_row, &f) == E_OK) {
        free(a->window);
        a->window = f.ids;
        a->window_count = f.count;
        f.ids = NULL;
        if (!quiet && full && f.fresh == FEED_MOST)
            events_tell_in(a, everybody, SPAN("gap"), SPAN("{\"reason\":\"more calls than the stream can show; GET /api/v1/calls has them all\"}"));
        for (const struct row *row = quiet ? NULL : f.oldest; row; row = row->next)
            send_row(a, row);
    }
    free(f.ids);
    arena_free(&f.arena);
}

static void feed(struct timer *t)
{
    struct admin *a = CONTAINER_OF(t, struct admin, feed);
    a->feeding = false;
    if (a->stream_count)
        read_window(a, false);
}

void events_feed(struct admin *a)
{
    if (!a->stream_count || a->feeding)
        return;
    a->feeding = true;
    timer_set(&a->loop, &a->feed, FEED_MS);
}

/* Whose token or session is over reads no further. */
static void drop_strangers(struct admin *a)
{
    for (struct list *at = a->streams.next, *next; at != &a->streams; at = next) {
        struct stream *s = CONTAINER_OF(at, struct stream, link);
        next = at->next;
        if (access_holds(a, &s->actor, clock_unix_ms()))
            continue;
        http_reply_end(s->request, NULL, 0);
        leave(s);
    }
}

static void beat(struct timer *t)
{
    struct admin *a = CONTAINER_OF(t, struct admin, beat);
    drop_strangers(a);
    say_to_all(a, everybody, SPAN(": still here\n\n"));
    if (a->stream_count)
        timer_set(&a->loop, &a->beat, BEAT_MS);
}

/* ---- each second ---- */

static bool same_workspace(struct span a, struct span b) { return !a.at == !b.at && span_is(a, b); }

/* Made once for all of one workspace that stand together. */
static void tell_now(struct timer *t)
{
    struct admin *a = CONTAINER_OF(t, struct admin, second);
    struct buf json, text;
    struct span made_for = SPAN_NONE;
    char name[VISIT_NAME]; /* whoever it was made for may be dropped meanwhile */
    buf_init(&json, EVENT_MOST);
    buf_init(&text, EVENT_MOST);
    for (struct list *at = a->streams.next, *next; at != &a->streams; at = next) {
        struct stream *s = CONTAINER_OF(at, struct stream, link);
        next = at->next;
        if (s->actor.workspace.len > VISIT_NAME)
            continue;
        if (!text.len || !same_workspace(made_for, s->actor.workspace)) {
            buf_clear(&json);
            buf_clear(&text);
            now_write_event(a, s->actor.workspace, &json);
            put_event(&text, SPAN("now"), SPAN_NONE, buf_span(&json));
            made_for = s->actor.workspace.at ? span_make(memcpy(name, s->actor.workspace.at, s->actor.workspace.len), s->actor.workspace.len) : SPAN_NONE;
        }
        if (text.broken || json.broken)
            break;
        say(s, buf_span(&text));
    }
    buf_free(&json);
    buf_free(&text);
    if (a->stream_count)
        timer_set(&a->loop, &a->second, SECOND_MS);
}

/* ---- GET /events ---- */

static void join(struct admin *a, struct stream *s)
{
    if (!a->stream_count) {
        read_window(a, true);
        timer_set(&a->loop, &a->beat, BEAT_MS);
        timer_set(&a->loop, &a->second, SECOND_MS);
    }
    list_add_last(&a->streams, &s->link);
    a->stream_count++;
}

/* Nobody shuts the others out by listening. */
static int streams_of(const struct admin *a, const struct digest *token)
{
    int n = 0;
    for (const struct list *at = a->streams.next; at != &a->streams; at = at->next)
        n += memcmp(CONTAINER_OF(at, const struct stream, link)->actor.hash.bytes, token->bytes, DIGEST_LEN) == 0;
    return n;
}

void events_stream(struct visit *v)
{
    static const struct http_request_user user = { .wake = woken, .gone = gone };
    struct http_field fields[REPLY_FIELDS];
    struct admin *a = v->admin;
    struct span type = SPAN("text/event-stream");
    if (span_is(http_request_head(v->request)->method, SPAN("HEAD"))) {
        reply_text(v, type, SPAN(""));
        return;
    }
    bool room = a->stream_count < STREAMS && streams_of(a, &v->actor.hash) < STREAMS_A_TOKEN;
    struct stream *s = room ? calloc(1, sizeof(*s)) : NULL;
    if (!s) {
        reply_problem(v, E_OVERLOADED, NULL, "allowed: %d event streams at a time, %d of them with one token", STREAMS, STREAMS_A_TOKEN);
        return;
    }
    visit_catch_up(v);
    s->admin = a;
    s->request = v->request;
    arena_init(&s->arena, VISIT_BODY);
    buf_init(&s->pending, STREAM_PENDING);
    s->actor = v->actor;
    s->actor.name = arena_copy(&s->arena, v->actor.name);
    s->actor.workspace = arena_copy(&s->arena, v->actor.workspace);
    s->run = arena_copy(&s->arena, query_get(v, "run"));
    s->key = arena_copy(&s->arena, query_get(v, "key"));
    s->vendor = arena_copy(&s->arena, query_get(v, "vendor"));
    v->request = NULL;
    http_request_user(s->request, &user, s);
    join(a, s);
    http_reply_head(s->request, 200, fields, reply_fields_common(fields, type), -1);
    http_reply_write(s->request, SPAN("retry: 2000\n\n"));
}

void events_init(struct admin *a)
{
    list_init(&a->streams);
    timer_init(&a->feed, feed);
    timer_init(&a->beat, beat);
    timer_init(&a->second, tell_now);
}

void events_free(struct admin *a)
{
    must(list_empty(&a->streams)); /* the server has told each that its reader is gone */
    timer_clear(&a->feed);
    timer_clear(&a->beat);
    timer_clear(&a->second);
    free(a->window);
}

/* SPDX-License-Identifier: Apache-2.0
 * approvals.c - see approvals.h: two maps (by id; by request, the newest of each), and two lists: those that are open, and those
 * that are over, in the order in which they ended.
 *
 * An entry is one block with all its texts. A time that has come changes an entry when it is looked at. */
#include "flow/approvals.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

struct entry {
    struct list link; /* open, or over */
    struct approval is;
    struct span request; /* in `by_request`: the key's id, the run, and the digest */
    char *decision;      /* block behind is.actor and is.note; NULL: they are in the entry's, or not there */
    char texts[];
};

struct approvals {
    pthread_mutex_t lock;
    struct map by_id, by_request;
    struct map of_key; /* key id -> struct tally */
    struct list open, over;
    size_t open_count, over_count;
};

/* How many of a key are open. */
struct tally {
    size_t count;
    char key[];
};

/* The texts of an approval, for whoever copies them. */
#define TEXTS(F)                                                                                                           \
    F(workspace, APPROVAL_NAME) F(key, APPROVAL_NAME) F(key_name, APPROVAL_NAME) F(run, APPROVAL_NAME) F(step, APPROVAL_NAME) \
    F(vendor, APPROVAL_NAME) F(operation, APPROVAL_NAME) F(rule, APPROVAL_NAME) F(customer, APPROVAL_NAME)                 \
    F(request, APPROVAL_REQUEST) F(reason, APPROVAL_TEXT) F(actor, APPROVAL_NAME) F(note, APPROVAL_TEXT)

struct approvals *approvals_new(void)
{
    struct approvals *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    must(pthread_mutex_init(&t->lock, NULL) == 0);
    list_init(&t->open);
    list_init(&t->over);
    return t;
}

static void entry_free(struct entry *e)
{
    free(e->decision);
    free(e);
}

static void free_all(struct list *l)
{
    for (struct list *at = list_take_first(l); at; at = list_take_first(l))
        entry_free(CONTAINER_OF(at, struct entry, link));
}

void approvals_free(struct approvals *t)
{
    const struct map_entry *tally;
    size_t at = 0;
    if (!t)
        return;
    free_all(&t->open);
    free_all(&t->over);
    while ((tally = map_next(&t->of_key, &at)))
        free(tally->value);
    map_free(&t->by_id);
    map_free(&t->by_request);
    map_free(&t->of_key);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* ---- entries ---- */

static bool is_open(const struct approval *ap) { return ap->state == APPROVAL_PENDING || ap->state == APPROVAL_APPROVED; }

/* A JSON text that was cut would be none. */
static struct span cut(struct span text, size_t most)
{
    return most != APPROVAL_REQUEST ? span_first(text, most) : text.len <= most ? text : SPAN_NONE;
}

static struct span put(char **at, struct span text)
{
    struct span copy = text.at ? span_make(*at, text.len) : SPAN_NONE;
    if (text.at && text.len)
        memcpy(*at, text.at, text.len);
    *at += text.len;
    return copy;
}

/* The name of a request: whose, in which run, and what. */
static size_t request_size(const struct approval *ap)
{
    return span_first(ap->key, APPROVAL_NAME).len + 1 + span_first(ap->run, APPROVAL_NAME).len + DIGEST_LEN;
}

static struct span put_request(char **at, const struct approval *ap)
{
    char *start = *at;
    (void)put(at, span_first(ap->key, APPROVAL_NAME));
    (void)put(at, SPAN("\n"));
    (void)put(at, span_first(ap->run, APPROVAL_NAME));
    (void)put(at, span_make((const char *)ap->asked.bytes, DIGEST_LEN));
    return span_make(start, (size_t)(*at - start));
}

static struct entry *entry_new(const struct approval *from)
{
    size_t size = request_size(from);
#define ADD(name, most) size += cut(from->name, most).len;
    TEXTS(ADD)
#undef ADD
    struct entry *e = calloc(1, sizeof(*e) + size);
    if (!e)
        return NULL;
    char *at = e->texts;
    list_init(&e->link);
    e->is = *from;
    e->request = put_request(&at, from);
#define COPY(name, most) e->is.name = put(&at, cut(from->name, most));
    TEXTS(COPY)
#undef COPY
    return e;
}

static enum err copy_out(const struct entry *e, struct arena *a, struct approval *out)
{
    *out = e->is;
#define COPY(name, most) out->name = e->is.name.at ? arena_copy(a, e->is.name) : SPAN_NONE;
    TEXTS(COPY)
#undef COPY
    return a->broken ? E_NO_MEMORY : E_OK;
}

static struct entry *find(const struct approvals *t, struct span id) { return map_get(&t->by_id, id); }

static struct tally *tally_of(struct approvals *t, struct span key)
{
    struct tally *tally = map_get(&t->of_key, key);
    if (tally)
        return tally;
    tally = calloc(1, sizeof(*tally) + key.len);
    if (!tally)
        return NULL;
    if (key.len)
        memcpy(tally->key, key.at, key.len);
    if (map_put(&t->of_key, span_make(tally->key, key.len), tally))
        return tally;
    free(tally);
    return NULL;
}

static void count_down(struct approvals *t, struct span key)
{
    struct tally *tally = map_get(&t->of_key, key);
    t->open_count--;
    must(tally && tally->count);
    if (--tally->count)
        return;
    (void)map_take(&t->of_key, key);
    free(tally);
}

static void forget(struct approvals *t, struct entry *e)
{
    must(!is_open(&e->is));
    (void)map_take(&t->by_id, span_of(e->is.id));
    if (map_get(&t->by_request, e->request) == e)
        (void)map_take(&t->by_request, e->request);
    list_remove(&e->link);
    t->over_count--;
    entry_free(e);
}

static struct entry *oldest_over(const struct approvals *t) { return list_empty(&t->over) ? NULL : CONTAINER_OF(t->over.next, struct entry, link); }

/* Every change goes through here: its time is later than that of the one before. */
static void change(struct approvals *t, struct entry *e, enum approval_state state, int64_t now_ms)
{
    bool was_open = is_open(&e->is);
    e->is.state = state;
    e->is.changed_at = now_ms > e->is.changed_at ? now_ms : e->is.changed_at + 1;
    if (was_open && !is_open(&e->is)) {
        count_down(t, e->is.key);
        list_remove(&e->link);
        list_add_last(&t->over, &e->link);
        t->over_count++;
    }
}

static void end_in_time(struct approvals *t, struct entry *e, int64_t now_ms)
{
    if (is_open(&e->is) && now_ms > e->is.until)
        change(t, e, APPROVAL_EXPIRED, e->is.until);
}

/* In both maps and its list, or nowhere. */
static bool add(struct approvals *t, struct entry *e)
{
    struct entry *before = map_get(&t->by_request, e->request);
    struct tally *tally = is_open(&e->is) ? tally_of(t, e->is.key) : NULL;
    bool newest = !before || before->is.at <= e->is.at;
    if ((is_open(&e->is) && !tally) || !map_put(&t->by_id, span_of(e->is.id), e))
        return false;
    if (newest) /* the key of the one before would go with its block */
        (void)map_take(&t->by_request, e->request);
    if (newest && !map_put(&t->by_request, e->request, e)) {
        (void)map_take(&t->by_id, span_of(e->is.id));
        return false;
    }
    if (tally) {
        tally->count++;
        t->open_count++;
    }
    t->over_count += !tally;
    list_add_last(tally ? &t->open : &t->over, &e->link);
    return true;
}

/* ---- asking ---- */

static bool is_full(const struct approvals *t, struct span key)
{
    const struct tally *tally = map_get(&t->of_key, key);
    return t->open_count >= APPROVALS_MOST || (tally && tally->count >= APPROVALS_OF_KEY);
}

static void name(struct approvals *t, struct entry *e)
{
    do {
        uint64_t dice;
        random_fill(&dice, sizeof(dice));
        snprintf(e->is.id, sizeof(e->is.id), "apr_%016llx", (unsigned long long)dice);
    } while (find(t, span_of(e->is.id)));
}

static enum err open_new(struct approvals *t, const struct approval *wanted, int64_t now_ms, struct entry **out)
{
    if (is_full(t, span_first(wanted->key, APPROVAL_NAME)))
        return E_OVERLOADED;
    struct entry *e = entry_new(wanted);
    if (!e)
        return E_NO_MEMORY;
    e->is.state = APPROVAL_PENDING;
    e->is.changed_at = now_ms;
    e->is.used_by = 0;
    e->is.decided_at = 0;
    name(t, e);
    if (!add(t, e)) {
        entry_free(e);
        return E_NO_MEMORY;
    }
    *out = e;
    return E_OK;
}

static struct entry *standing(struct approvals *t, const struct approval *wanted, int64_t now_ms)
{
    char text[2 * APPROVAL_NAME + 1 + DIGEST_LEN], *at = text;
    struct entry *e = map_get(&t->by_request, put_request(&at, wanted));
    if (e)
        end_in_time(t, e, now_ms);
    return e;
}

/* A no stands for a day; what was used up, or not used in time, stands for nothing. */
static bool still_counts(const struct entry *e, int64_t now_ms)
{
    bool refused = e->is.state == APPROVAL_REFUSED || (e->is.state == APPROVAL_EXPIRED && !e->is.decided_at);
    return is_open(&e->is) || (refused && now_ms - e->is.changed_at < DAY_MS);
}

enum err approvals_ask(struct approvals *t, const struct approval *wanted, int64_t now_ms, struct arena *a, struct approval *out, bool *opened)
{
    enum err e = E_OK;
    *opened = false;
    pthread_mutex_lock(&t->lock);
    struct entry *found = standing(t, wanted, now_ms);
    if (!found || !still_counts(found, now_ms)) {
        e = open_new(t, wanted, now_ms, &found);
        *opened = e == E_OK;
    }
    if (e == E_OK)
        e = copy_out(found, a, out);
    pthread_mutex_unlock(&t->lock);
    return e;
}

bool approvals_take(struct approvals *t, struct span id, uint64_t call, int64_t now_ms)
{
    pthread_mutex_lock(&t->lock);
    struct entry *e = find(t, id);
    if (e)
        end_in_time(t, e, now_ms);
    bool taken = e && e->is.state == APPROVAL_APPROVED;
    if (taken) {
        e->is.used_by = call;
        change(t, e, APPROVAL_USED, now_ms);
    }
    pthread_mutex_unlock(&t->lock);
    return taken;
}

/* Open again as it was; if its time is over meanwhile, it ends when it is looked at. */
static void reopen(struct approvals *t, struct entry *e)
{
    struct tally *tally = tally_of(t, e->is.key);
    if (!tally)
        return;
    e->is.used_by = 0;
    e->is.state = APPROVAL_APPROVED;
    e->is.changed_at++;
    list_remove(&e->link);
    list_add_last(&t->open, &e->link);
    t->over_count--;
    t->open_count++;
    tally->count++;
}

void approvals_give_back(struct approvals *t, struct span id, uint64_t call)
{
    pthread_mutex_lock(&t->lock);
    struct entry *e = find(t, id);
    if (e && e->is.state == APPROVAL_USED && e->is.used_by == call)
        reopen(t, e);
    pthread_mutex_unlock(&t->lock);
}

/* ---- deciding ---- */

static bool keep_decision(struct entry *e, struct span actor, struct span note)
{
    actor = span_first(actor, APPROVAL_NAME);
    note = span_first(note, APPROVAL_TEXT);
    char *at = malloc(actor.len + note.len + 1);
    if (!at)
        return false;
    free(e->decision);
    e->decision = at;
    e->is.actor = put(&at, actor);
    e->is.note = put(&at, note);
    return true;
}

static enum err decide(struct approvals *t, struct entry *e, bool approve, struct span actor, struct span note, int64_t now_ms)
{
    end_in_time(t, e, now_ms);
    if (e->is.state != APPROVAL_PENDING)
        return E_CONFLICT;
    if (!keep_decision(e, actor, note))
        return E_NO_MEMORY;
    e->is.decided_at = now_ms;
    if (approve)
        e->is.until = now_ms + e->is.use_ms;
    change(t, e, approve ? APPROVAL_APPROVED : APPROVAL_REFUSED, now_ms);
    return E_OK;
}

enum err approvals_decide(
    struct approvals *t, struct span id, bool approve, struct span actor, struct span note, int64_t now_ms, struct arena *a, struct approval *out)
{
    pthread_mutex_lock(&t->lock);
    struct entry *found = find(t, id);
    enum err e = found ? decide(t, found, approve, actor, note, now_ms) : E_NOT_FOUND;
    if (e == E_OK || e == E_CONFLICT)
        e = copy_out(found, a, out) == E_OK ? e : E_NO_MEMORY;
    pthread_mutex_unlock(&t->lock);
    return e;
}

/* ---- looking ---- */

bool approvals_find(struct approvals *t, struct span id, int64_t now_ms, struct arena *a, struct approval *out)
{
    pthread_mutex_lock(&t->lock);
    struct entry *e = find(t, id);
    if (e)
        end_in_time(t, e, now_ms);
    bool found = e && copy_out(e, a, out) == E_OK;
    pthread_mutex_unlock(&t->lock);
    return found;
}

/* Those that are over end up behind the others: after it `open` has none whose time is over. */
static void end_all_in_time(struct approvals *t, int64_t now_ms)
{
    for (struct list *at = t->open.next, *next; at != &t->open; at = next) {
        next = at->next;
        end_in_time(t, CONTAINER_OF(at, struct entry, link), now_ms);
    }
}

static enum err copy_list(const struct list *from, int state, struct arena *a, struct approval *list, size_t *count)
{
    enum err e = E_OK;
    for (const struct list *at = from->next; at != from && e == E_OK; at = at->next) {
        const struct entry *one = CONTAINER_OF(at, struct entry, link);
        if (state < 0 || one->is.state == (enum approval_state)state)
            e = copy_out(one, a, &list[(*count)++]);
    }
    return e;
}

static int newest_first(const void *a, const void *b)
{
    const struct approval *x = a, *y = b;
    int order = (x->at < y->at) - (x->at > y->at);
    return order ? order : strcmp(y->id, x->id);
}

enum err approvals_list(struct approvals *t, int state, int64_t now_ms, struct arena *a, struct approval **list, size_t *count)
{
    *count = 0;
    pthread_mutex_lock(&t->lock);
    end_all_in_time(t, now_ms);
    *list = ARENA_ARRAY(a, struct approval, t->open_count + t->over_count + 1);
    enum err e = *list ? copy_list(&t->open, state, a, *list, count) : E_NO_MEMORY;
    if (e == E_OK)
        e = copy_list(&t->over, state, a, *list, count);
    pthread_mutex_unlock(&t->lock);
    if (e == E_OK && *count)
        qsort(*list, *count, sizeof(**list), newest_first);
    return e;
}

void approvals_tidy(struct approvals *t, int64_t now_ms)
{
    pthread_mutex_lock(&t->lock);
    end_all_in_time(t, now_ms);
    for (struct entry *e = oldest_over(t); e && (t->over_count > APPROVALS_OVER || now_ms - e->is.changed_at >= DAY_MS); e = oldest_over(t))
        forget(t, e);
    pthread_mutex_unlock(&t->lock);
}

/* ---- when the gate starts ---- */

static void replace(struct approvals *t, struct entry *old)
{
    if (is_open(&old->is)) {
        count_down(t, old->is.key);
        t->over_count++; /* as forget takes it */
    }
    old->is.state = APPROVAL_EXPIRED;
    forget(t, old);
}

static enum err restore(struct approvals *t, const struct approval *from)
{
    struct entry *old = find(t, span_of(from->id));
    if (old && old->is.changed_at >= from->changed_at)
        return E_OK;
    struct entry *e = entry_new(from);
    if (!e)
        return E_NO_MEMORY;
    if (old)
        replace(t, old);
    if (add(t, e))
        return E_OK;
    entry_free(e);
    return E_NO_MEMORY;
}

enum err approvals_restore(struct approvals *t, struct json *j, struct span bytes, int64_t now_ms)
{
    struct arena memory;
    struct approval ap;
    arena_init(&memory, 64 << 10);
    enum err e = approval_read(j, bytes, now_ms, &memory, &ap);
    if (e == E_OK && (is_open(&ap) || now_ms - ap.changed_at < DAY_MS)) {
        pthread_mutex_lock(&t->lock);
        e = restore(t, &ap);
        pthread_mutex_unlock(&t->lock);
    }
    arena_free(&memory);
    return e;
}

/* SPDX-License-Identifier: Apache-2.0
 * look_up.c - what became of a call whose answer was lost: looked up in a list of the vendor's, or asked again under its
 * idempotency key. How to do it is the manifest's `doubt` (doubt.c) and `idempotency` (once.c).
 *
 * Both sides are dangerous: taken for carried out, a call that was not is never done; taken for not carried out, money that was
 * spent is spent again. So there is a third answer, UNCLEAR, for everything that is not plain, and an operator decides. */
#include "base/text.h"
#include "vendor/manifest.h"

/* A clock that is further off than this is broken; an object that would be ours but for its time is not ignored before. */
enum { CLOCK_DOUBT_MS = 600000 };
enum { TARGET_MOST = 65536, OBJECTS_MOST = 10000 };
/* Times before 1970 and after 9999 are nobody's. */
static const int64_t sent_latest = INT64_C(253402300799999);

/* ---- asking ---- */

/* What belongs into a blank: VALUE_TEXT, VALUE_ABSENT, or UNKNOWN when it is several values or none that can be written. */
static struct value fill(struct eval *e, const struct blank *b)
{
    if (!b->account)
        return expr_run(e, b->value);
    struct span account = e->subject->asked->account;
    return account.len ? (struct value){ .kind = VALUE_TEXT, .text = account } : VALUE_NOT_KNOWN;
}

static bool put_path(struct eval *e, const struct search *s, struct buf *out)
{
    for (size_t i = 0; i < s->path_count; i++) {
        const struct blank *b = &s->path[i];
        buf_put_byte(out, '/');
        buf_put(out, b->before);
        if (!b->account && !b->value)
            continue;
        struct value v = fill(e, b);
        if (v.kind != VALUE_TEXT || !v.text.len)
            return false;
        buf_put_percent(out, v.text, SPAN_NONE);
        buf_put(out, b->after);
    }
    return true;
}

static bool note_pair(struct eval *e, const struct blank *b, struct pairs *out)
{
    struct value v = { .kind = VALUE_TEXT, .text = SPAN_NONE };
    if (b->account || b->value)
        v = fill(e, b);
    if (v.kind != VALUE_TEXT)
        return v.kind == VALUE_ABSENT;
    struct span text = arena_print(e->subject->arena, "%.*s%.*s%.*s", SPAN_ARG(b->before), SPAN_ARG(v.text), SPAN_ARG(b->after));
    out->list[out->count++] = (struct pair){ b->name, text };
    return text.at != NULL;
}

static bool put_query(struct eval *e, const struct search *s, struct buf *out)
{
    struct pairs pairs = { .list = ARENA_ARRAY(e->subject->arena, struct pair, s->query_count + 1) };
    for (size_t i = 0; i < s->query_count; i++)
        if (!pairs.list || !note_pair(e, &s->query[i], &pairs))
            return false;
    if (pairs.count)
        buf_put_byte(out, '?');
    canon_form_write(&pairs, out);
    return true;
}

/* What was written is read again as a caller's request would be: it must be the operation the manifest meant. */
static bool is_meant(const struct vendor *v, const struct search *s, struct span target, struct arena *a, struct look_up *out)
{
    const char *why;
    struct matched matched;
    return target.at && canon_target(a, target, &out->path, &out->query, &why) == E_OK &&
           vendor_match(v, SPAN("GET"), out->path, &matched) && matched.operation->index == s->operation;
}

bool vendor_look_up(
    struct json *j, const struct asked *q, const struct understood *u, int64_t sent_ms, struct arena *a, struct look_up *out)
{
    const struct manifest *m = q->vendor->manifest;
    const struct search *s = m->rules[q->matched->operation->index].search;
    struct subject subject;
    struct buf target;
    *out = (struct look_up){ .path = SPAN_NONE, .query = SPAN_NONE };
    if (!s || sent_ms <= 0 || sent_ms > sent_latest)
        return false;
    subject_again(&subject, j, q, u, a);
    struct eval e = { .subject = &subject, .manifest = m };
    struct value wanted = s->when ? value_number(expr_run(&e, s->when)) : value_of(1);
    if (wanted.kind != VALUE_NUMBER || wanted.nano == 0)
        return false;
    buf_init(&target, TARGET_MOST);
    bool fine = put_path(&e, s, &target) && put_query(&e, s, &target) && !target.broken;
    fine = fine && is_meant(q->vendor, s, arena_copy(a, buf_span(&target)), a, out);
    buf_free(&target);
    out->patience_ms = s->patience_ms;
    return fine && !a->broken;
}

/* ---- telling objects apart ---- */

/* What the call said, in order, copied: the reader of JSON is needed for the answer. */
struct values {
    struct arena *arena;
    struct span *list;
    size_t count, room;
    bool unreadable; /* one is an object, or a list in a list */
};

static bool take_value(void *self, const struct found *f)
{
    struct values *v = self;
    struct span text = f->text.at ? arena_copy(v->arena, f->text) : SPAN_NONE;
    v->unreadable |= !text.at || v->count == v->room;
    if (!v->unreadable)
        v->list[v->count++] = text;
    return !v->unreadable;
}

static struct values values_of(const struct field *f, struct subject *s)
{
    struct values v = { .arena = s->arena, .room = field_count(f, s) };
    v.list = v.room ? ARENA_ARRAY(s->arena, struct span, v.room) : NULL;
    v.unreadable = v.room && !v.list;
    if (v.list)
        field_each(f, s, take_value, &v);
    return v;
}

/* The values of an object's field beside them; nothing is copied, since there may be many objects. */
struct comparing {
    const struct values *ours;
    size_t at;
    bool differs, unreadable;
};

static bool compare_value(void *self, const struct found *f)
{
    struct comparing *c = self;
    c->unreadable |= !f->text.at;
    c->differs |= c->at >= c->ours->count || !span_is(f->text, c->ours->list[c->at]);
    c->at++;
    return !c->unreadable && !c->differs;
}

enum resemblance { OTHER, PERHAPS, THIS };

struct looking {
    const struct search *search;
    struct subject *subject;
    struct values *ours; /* by member; no value: the call did not say, so the vendor chose */
    int64_t sent_ms;
    int64_t before; /* creation of the object before; they are expected newest first */
    bool unordered, unreadable;
    size_t perhaps, these;
    struct json_value this;
};

static enum resemblance likeness_of(const struct looking *l)
{
    enum resemblance r = THIS;
    for (size_t i = 0; i < l->search->count; i++) {
        const struct likeness *m = &l->search->members[i];
        struct comparing c = { .ours = &l->ours[i], .unreadable = l->ours[i].unreadable };
        if (!c.ours->count && !c.unreadable)
            continue;
        if (!c.unreadable)
            field_each(&m->theirs, l->subject, compare_value, &c);
        if (!c.unreadable && !c.differs && c.at == c.ours->count)
            continue;
        if (m->sure && !c.unreadable)
            return OTHER;
        r = PERHAPS;
    }
    return r;
}

struct timing {
    enum clock clock;
    int64_t ms;
    size_t count;
    bool unreadable;
};

static bool take_time(void *self, const struct found *f)
{
    struct timing *t = self;
    t->unreadable |= t->count++ > 0 || !moment_read(t->clock, f->text, &t->ms);
    return !t->unreadable;
}

static bool created_at(struct looking *l, int64_t *out)
{
    struct timing t = { .clock = l->search->clock };
    field_each(&l->search->created, l->subject, take_time, &t);
    *out = t.ms;
    return t.count == 1 && !t.unreadable;
}

static enum resemblance resemblance_of(struct looking *l, int64_t created)
{
    int64_t first = l->sent_ms - l->search->early_ms, last = l->sent_ms + l->search->late_ms;
    if (created < first - CLOCK_DOUBT_MS || created > last + CLOCK_DOUBT_MS)
        return OTHER;
    enum resemblance r = likeness_of(l);
    if (created >= first && created <= last)
        return r;
    return r == THIS ? PERHAPS : OTHER;
}

static void weigh(struct looking *l, struct json_value object)
{
    int64_t created = 0;
    l->subject->answer = object;
    if (json_kind(object) != JSON_OBJECT || !created_at(l, &created)) {
        l->unreadable = true;
        return;
    }
    l->unordered |= created > l->before;
    l->before = created;
    enum resemblance r = resemblance_of(l, created);
    l->perhaps += r == PERHAPS;
    l->these += r == THIS;
    if (r == THIS)
        l->this = object;
}

/* ---- the list ---- */

static bool is_yes(void *self, const struct found *f)
{
    *(bool *)self |= !span_is(f->text, SPAN("false")) && !(f->text.at && f->text.len == 0);
    return true;
}

/* Whether the objects given are all that can matter: there are no others, or those left out are older than the call. */
static bool is_complete(struct looking *l, struct json_value answer)
{
    bool more = false;
    l->subject->answer = answer;
    field_each(&l->search->more, l->subject, is_yes, &more);
    return !more || (!l->unordered && l->before < l->sent_ms - l->search->early_ms - CLOCK_DOUBT_MS);
}

static struct json_value member_at(struct json_value v, const struct field *f)
{
    for (size_t i = 0; i < f->count; i++)
        v = json_member(v, f->steps[i].name);
    return v;
}

static bool weigh_all(struct looking *l, struct json_value answer)
{
    struct json_value list = member_at(answer, &l->search->list), object;
    struct span name;
    if (json_kind(list) != JSON_ARRAY || json_count(list) > OBJECTS_MOST)
        return false;
    for (struct json_iter it = json_iter(list); json_next(&it, &name, &object);)
        weigh(l, object);
    return !l->unreadable && is_complete(l, answer) && !l->subject->arena->broken;
}

/* The request's side of every comparison. False: there is nothing by which an object could be known. */
static bool read_ours(struct looking *l)
{
    bool any = false;
    l->ours = ARENA_ARRAY(l->subject->arena, struct values, l->search->count);
    for (size_t i = 0; l->ours && i < l->search->count; i++) {
        l->ours[i] = values_of(&l->search->members[i].ours, l->subject);
        any |= l->ours[i].count > 0 && !l->ours[i].unreadable;
    }
    return any;
}

enum look_up_verdict vendor_looked_up(struct json *j, const struct asked *q, const struct understood *u, int64_t sent_ms,
    const struct http_head *answer, struct span body, struct arena *a, struct settled *out)
{
    const struct search *s = q->vendor->manifest->rules[q->matched->operation->index].search;
    struct subject subject;
    struct json_value root;
    const char *why;
    *out = (struct settled){ 0 };
    if (!s || sent_ms <= 0 || sent_ms > sent_latest || answer->status != 200)
        return LOOK_UP_UNCLEAR;
    struct looking l = { .search = s, .subject = &subject, .sent_ms = sent_ms, .before = INT64_MAX };
    subject_again(&subject, j, q, u, a);
    if (!read_ours(&l) || json_parse(j, body, false, &root, &why) != E_OK)
        return LOOK_UP_UNCLEAR;
    if (subject.body_shape == SHAPE_JSON)
        subject.body_shape = SHAPE_NONE; /* its reader now holds the answer */
    subject.has_answer = true;
    if (!weigh_all(&l, root) || l.these > 1 || (l.these == 0 && l.perhaps > 0))
        return LOOK_UP_UNCLEAR;
    if (l.these == 0)
        return LOOK_UP_ABSENT;
    subject.answer = l.this;
    settle_by(&subject, u, out);
    return LOOK_UP_HAPPENED;
}

/* ---- asked again ---- */

/* The vendor says that this key was used for another call, or is in use: a mistake, not an outcome. */
static bool is_about_the_key(struct span body)
{
    for (size_t i = 0; i + 9 <= body.len; i++)
        if (span_is_nocase(span_first(span_from(body, i), 9), SPAN("idempoten")))
            return true;
    return false;
}

static bool is_final(const struct manifest *m, const struct http_head *answer, struct span body)
{
    if (settle_replayed(m, answer))
        return answer->status >= 400 && answer->status < 500; /* what the first one was told */
    for (size_t i = 0; i < m->once_final_count; i++)
        if (m->once_final[i] == answer->status)
            return !is_about_the_key(body);
    return false;
}

enum look_up_verdict vendor_asked_again(struct json *j, const struct asked *q, const struct understood *u,
    const struct http_head *answer, struct span body, struct arena *a, struct settled *out)
{
    *out = (struct settled){ 0 };
    if (!q->matched->operation->idempotent)
        return LOOK_UP_UNCLEAR;
    if (answer->status >= 200 && answer->status < 300) {
        settle_success(j, q, u, body, a, out);
        return LOOK_UP_HAPPENED;
    }
    return is_final(q->vendor->manifest, answer, body) ? LOOK_UP_ABSENT : LOOK_UP_UNCLEAR;
}

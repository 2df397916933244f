/* SPDX-License-Identifier: Apache-2.0
 * look_up.c - what became of a call whose answer was lost: looked up in a list of the vendor's, or asked again under its
 * idempotency key. How to do it is the manifest's `doubt` (doubt.c) and `idempotency` (once.c).
 *
 * Both sides are dangerous: taken for carried out, a call that was not is never done; taken for not carried out, money that was
 * spent is spent again. So there is a third answer, UNCLEAR, for everything that is not plain, and an operator decides. */
#include "vendor/settle.h"

/* A clock that is further off than this is broken; an object that would be ours but for its time is not ignored before. */
enum { CLOCK_DOUBT_MS = 600000 };
enum { OBJECTS_MOST = 10000 };
/* Times before 1970 and after 9999 are nobody's. */
static const int64_t sent_latest = INT64_C(253402300799999);

/* ---- asking ---- */

bool vendor_look_up(
    struct json *j, const struct asked *q, const struct understood *u, int64_t sent_ms, struct arena *a, struct look_up *out)
{
    const struct manifest *m = q->vendor->manifest;
    const struct search *s = m->rules[q->matched->operation->index].search;
    struct subject subject;
    *out = (struct look_up){ .path = SPAN_NONE, .query = SPAN_NONE };
    if (!s || sent_ms <= 0 || sent_ms > sent_latest)
        return false;
    subject_again(&subject, j, q, u, a);
    struct eval e = { .subject = &subject, .manifest = m };
    struct value wanted = s->when ? value_number(expr_run(&e, s->when)) : value_of(1);
    if (wanted.kind != VALUE_NUMBER || wanted.nano == 0)
        return false;
    out->patience_ms = s->patience_ms;
    return ask_fill(&subject, &s->ask, SPAN_NONE, &out->path, &out->query);
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

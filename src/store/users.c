/* SPDX-License-Identifier: Apache-2.0
 * users.c - sums by user and quarter of a day, beside those by facet: of users there may be as many as calls, so that they are no dimension of
 * a facet. A row adds to the quarter in which it began. A user of one workspace is not that of another. */
#include "store/inside.h"

struct user_sums {
    struct span workspace, user;
    int64_t at;
    struct usage_row sums;
};

/* The quarter, the workspace's length and name, the user's. */
static struct span write_name(struct buf *b, int64_t at, const struct store_record *r)
{
    buf_clear(b);
    buf_put(b, span_make((const char *)&at, sizeof(at)));
    buf_put(b, span_make((const char *)&r->workspace.len, sizeof(r->workspace.len)));
    buf_put(b, r->workspace);
    buf_put(b, r->user);
    return buf_span(b);
}

static struct user_sums *look_up(struct store *s, const struct store_record *r)
{
    struct batch *b = &s->batch;
    int64_t at = r->at / USERS_MS;
    struct span name = write_name(&s->text, at, r);
    struct user_sums *sums = s->text.broken ? NULL : map_get(&b->users, name);
    if (sums || s->text.broken)
        return sums;
    sums = ARENA_NEW(&b->memory, struct user_sums);
    name = arena_copy(&b->memory, name);
    if (b->memory.broken)
        return NULL;
    *sums = (struct user_sums){ .workspace = arena_copy(&b->memory, r->workspace), .user = arena_copy(&b->memory, r->user), .at = at };
    sums->sums.first_at = sums->sums.last_at = r->at;
    return !b->memory.broken && map_put(&b->users, name, sums) ? sums : NULL;
}

static struct user_sums *find(struct store *s, const struct store_record *r)
{
    struct user_sums **last = &s->batch.last.user;
    if (!*last || (*last)->at != r->at / USERS_MS || !span_is((*last)->user, r->user) || !span_is((*last)->workspace, r->workspace))
        *last = look_up(s, r);
    return *last;
}

enum err users_add(struct store *s, const struct store_record *r, bool forwarded)
{
    enum { DENIED = 1, FAILED = 2 };
    struct user_sums *found = find(s, r);
    if (!found)
        return E_NO_MEMORY;
    struct usage_row *sums = &found->sums;
    if (r->kind == STORE_CALL) {
        sums->calls++;
        sums->forwarded += forwarded;
        sums->refused += r->verdict == DENIED;
        sums->errors += r->verdict == FAILED;
    }
    sums->cost = money_add(sums->cost, r->cost);
    sums->tokens_in = money_add(sums->tokens_in, r->tokens_in);
    sums->tokens_out = money_add(sums->tokens_out, r->tokens_out);
    sums->first_at = r->at < sums->first_at ? r->at : sums->first_at;
    sums->last_at = r->at > sums->last_at ? r->at : sums->last_at;
    return E_OK;
}

static enum err save(struct store *s, const struct user_sums *found)
{
    const struct usage_row *u = &found->sums;
    const int64_t numbers[] = { u->calls, u->forwarded, u->refused, u->errors, u->cost, u->tokens_in, u->tokens_out, u->first_at, u->last_at };
    sqlite3_stmt *q = s->statements[ST_USER];
    sql_bind_i64(q, 1, found->at);
    sql_bind_always(q, 2, found->workspace);
    sql_bind_always(q, 3, found->user);
    for (int i = 0; i < (int)(sizeof(numbers) / sizeof(numbers[0])); i++)
        sql_bind_i64(q, 4 + i, numbers[i]);
    return sql_step(q);
}

enum err users_save(struct store *s)
{
    const struct map_entry *entry;
    enum err e = E_OK;
    for (size_t at = 0; e == E_OK && (entry = map_next(&s->batch.users, &at));)
        e = save(s, entry->value);
    return e;
}

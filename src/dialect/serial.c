/* SPDX-License-Identifier: Apache-2.0
 * serial.c - see serial.h. */
#include "dialect/serial.h"

#include <stdlib.h>

#include "dialect/member.h"

struct serial *serial_of(struct reader *r)
{
    if (!r->state)
        r->state = ARENA_NEW(r->arena, struct serial);
    if (!r->state)
        r->broken = "out of memory";
    return r->state;
}

void serial_start(struct reader *r, struct serial *s, const struct answer *head)
{
    struct answer unknown;
    answer_begin(&unknown);
    if (s->started)
        return;
    s->started = true;
    reader_emit(r, &(struct event){ .kind = EVENT_START, .answer = head ? head : &unknown });
}

void serial_open(struct reader *r, struct serial *s, int64_t key, const struct part *opens)
{
    serial_start(r, s, NULL);
    serial_close(r, s);
    if (s->over)
        return;
    s->open = true;
    s->marked = opens->signature.at != NULL;
    s->kind = opens->kind;
    s->key = key;
    reader_emit(r, &(struct event){ .kind = EVENT_PART, .part = s->count++, .opens = opens, .part_kind = opens->kind });
}

bool serial_at(const struct serial *s, int64_t key, enum part_kind kind) { return s->open && s->key == key && s->kind == kind; }

static void emit_delta(struct reader *r, const struct serial *s, struct event e)
{
    e.kind = EVENT_DELTA;
    e.part = s->count - 1;
    e.part_kind = s->kind;
    if (s->open)
        reader_emit(r, &e);
}

void serial_delta(struct reader *r, struct serial *s, enum delta_kind kind, struct span text)
{
    enum json_kind json = raw_kind(text);
    if ((json == JSON_STRING && text.len > 2) || json == JSON_ARRAY)
        emit_delta(r, s, (struct event){ .delta = kind, .text = text });
}

void serial_cite(struct reader *r, struct serial *s, const struct citation *citation)
{
    if (citation)
        emit_delta(r, s, (struct event){ .delta = DELTA_CITATION, .citation = citation });
}

void serial_sign(struct reader *r, struct serial *s, struct span raw)
{
    if (raw_kind(raw) != JSON_STRING || raw.len <= 2 || !s->open)
        return;
    emit_delta(r, s, (struct event){ .delta = DELTA_SIGNATURE, .text = s->marked ? raw : reader_signature(r, raw) });
    s->marked = true;
}

void serial_close(struct reader *r, struct serial *s)
{
    if (!s->open)
        return;
    s->open = false;
    reader_emit(r, &(struct event){ .kind = EVENT_PART_END, .part = s->count - 1, .part_kind = s->kind });
}

void serial_end(struct reader *r, struct serial *s, enum ending ending, struct span stop)
{
    serial_start(r, s, NULL);
    serial_close(r, s);
    if (s->over)
        return;
    s->over = true;
    reader_emit(r, &(struct event){ .kind = EVENT_CHOICE_END, .ending = ending, .stop = stop });
}

void serial_usage(struct reader *r, const struct usage *u)
{
    if (u->known)
        reader_emit(r, &(struct event){ .kind = EVENT_USAGE, .usage = u });
}

void serial_fail(struct reader *r, const struct fault *fault) { reader_emit(r, &(struct event){ .kind = EVENT_ERROR, .fault = fault }); }

static bool stop_at_once(void *self, struct span name, enum json_kind kind, struct span raw)
{
    (void)self;
    (void)name;
    (void)kind;
    (void)raw;
    return false;
}

static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

bool serial_object(struct json *j, struct span *text)
{
    const char *why;
    while (text->len && is_blank(text->at[text->len - 1]))
        text->len--;
    while (text->len && is_blank(text->at[0]))
        *text = span_from(*text, 1);
    return text->len && json_scan(j, *text, false, stop_at_once, NULL, &why) == E_OK;
}

bool serial_frame(struct reader *r, struct span *data)
{
    if (serial_object(r->json, data))
        return true;
    r->broken = "an event is no JSON object";
    return false;
}

/* ---- numbers ---- */

static const int64_t NANO = 1000000000;

int64_t count_in(struct span object, struct span name, struct arena *a)
{
    struct span raw = raw_member(object, name, a);
    int64_t n;
    if (raw_kind(raw) != JSON_NUMBER)
        return -1;
    if (json_raw_integer(raw, &n))
        return n >= 0 && n <= INT64_C(1) << 53 ? n : -1;
    return member_nano(raw, &n) && n >= 0 ? n / NANO + (n % NANO > 0) : -1;
}

int64_t count_or_0(struct span object, struct span name, struct arena *a)
{
    int64_t n = count_in(object, name, a);
    return n < 0 ? 0 : n;
}

/* Longer ones than this are no sampling parameters. */
enum { NUMBER_MOST = 63 };

static double number_of(struct span raw)
{
    char text[NUMBER_MOST + 1] = { 0 };
    memcpy(text, raw.at, raw.len < NUMBER_MOST ? raw.len : NUMBER_MOST);
    return strtod(text, NULL);
}

bool number_above(struct span raw, double limit) { return raw.len && number_of(raw) > limit; }
bool number_below(struct span raw, double limit) { return raw.len && number_of(raw) < limit; }

/* SPDX-License-Identifier: Apache-2.0
 * trace.c - see trace.h. */
#include "rules/trace.h"

enum { KEY_MOST = 256, VALUE_MOST = 256, KNOWN_FLAGS = 3 /* sampled, and random (Level 2) */ };

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Digits in lower case, not all of them zero. */
static bool is_id(struct span s)
{
    int any = 0;
    for (size_t i = 0; i < s.len; i++) {
        int digit = hex(s.at[i]);
        if (digit < 0)
            return false;
        any |= digit;
    }
    return any != 0;
}

static bool read_byte(struct span s, unsigned *out)
{
    int high = hex(s.at[0]), low = hex(s.at[1]);
    *out = (unsigned)(high * 16 + low);
    return high >= 0 && low >= 0;
}

bool trace_read(struct span text, struct trace *out)
{
    unsigned version, flags;
    *out = (struct trace){ .there = false };
    if (text.len < TRACE_PARENT || text.at[2] != '-' || text.at[35] != '-' || text.at[52] != '-')
        return false;
    struct span id = span_make(text.at + 3, TRACE_ID), parent = span_make(text.at + 36, TRACE_SPAN);
    if (!read_byte(text, &version) || version == 0xff || !read_byte(span_from(text, 53), &flags) || !is_id(id) || !is_id(parent))
        return false;
    if (version == 0 ? text.len != TRACE_PARENT : text.len > TRACE_PARENT && text.at[TRACE_PARENT] != '-')
        return false;
    memcpy(out->id, id.at, TRACE_ID);
    memcpy(out->parent, parent.at, TRACE_SPAN);
    out->flags = flags & KNOWN_FLAGS;
    out->there = true;
    return true;
}

/* ---- tracestate ---- */

static bool is_key(struct span key)
{
    for (size_t i = 0; i < key.len; i++) {
        char c = key.at[i];
        bool simple = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!simple && (i == 0 || !strchr("_-*/@", c) || !c))
            return false;
    }
    return key.len > 0 && key.len <= KEY_MOST;
}

static bool is_value(struct span value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] < ' ' || value.at[i] > '~' || value.at[i] == ',' || value.at[i] == '=')
            return false;
    return value.len > 0 && value.len <= VALUE_MOST && value.at[value.len - 1] != ' ';
}

bool trace_state_fits(struct span text)
{
    struct span rest = text, member, key;
    int members = 0;
    if (!text.len || text.len > TRACE_STATE_MOST)
        return false;
    while (span_next(&rest, ',', &member)) {
        member = span_trim(member);
        if (!member.len) /* allowed, and nothing */
            continue;
        if (++members > TRACE_STATE_MEMBERS || !span_cut(&member, '=', &key) || !is_key(key) || !is_value(member))
            return false;
    }
    return members > 0;
}

/* ---- ours ---- */

/* Steele, Lea and Flood's SplitMix64: neighbours among ids are far apart, and none is met twice. */
static uint64_t mix(uint64_t n)
{
    n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
    return n ^ (n >> 31);
}

void trace_span_id(uint64_t call, unsigned number, char out[TRACE_SPAN])
{
    uint64_t id = mix(mix(call) + (number + 1) * UINT64_C(0x9e3779b97f4a7c15));
    for (int i = 0; i < TRACE_SPAN; i++)
        out[i] = "0123456789abcdef"[(id ? id : 1) >> (60 - 4 * i) & 15];
}

struct span trace_write(const struct trace *t, const char span[TRACE_SPAN], char out[TRACE_PARENT])
{
    memcpy(out, "00-", 3);
    memcpy(out + 3, t->id, TRACE_ID);
    out[35] = '-';
    memcpy(out + 36, span, TRACE_SPAN);
    out[52] = '-';
    out[53] = '0';
    out[54] = (char)('0' + t->flags);
    return span_make(out, TRACE_PARENT);
}

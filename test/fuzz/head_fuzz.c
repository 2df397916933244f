/* SPDX-License-Identifier: Apache-2.0
 * head_fuzz.c - heads and chunked bodies from strangers. Beside memory errors it looks for this: where the input is cut
 * must not matter, and what is taken must be free of everything that two readers could take for a line end. */
#include <stdlib.h>

#include "http/body.h"
#include "http/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct parse_limits limits = { 4096, 32, 1024 };

struct result {
    enum io io;
    size_t len;
    struct refusal why;
    struct http_head head;
};

static struct result read_head(struct arena *a, struct span in, size_t step, bool answer)
{
    struct result r = { .io = IO_WAIT };
    struct head_scan scan = { 0 };
    for (size_t shown = 0; r.io == IO_WAIT && shown < in.len;) {
        shown = shown + step < in.len ? shown + step : in.len;
        r.io = parse_scan(&scan, span_first(in, shown), &limits, &r.len, &r.why);
    }
    if (r.io != IO_BYTES)
        return r;
    struct span raw = span_first(in, r.len);
    bool fine =
        answer ? parse_answer(a, raw, scan.lines, &r.head, &r.why) : parse_request(a, raw, scan.lines, &limits, &r.head, &r.why);
    r.io = fine ? IO_BYTES : IO_FAILED;
    return r;
}

static void check_head(const struct http_head *h)
{
    for (size_t i = 0; i < h->count; i++) {
        struct span name = h->fields[i].name, value = h->fields[i].value;
        must(name.len > 0);
        for (size_t k = 0; k < name.len; k++)
            must(name.at[k] > ' ' && name.at[k] != ':' && name.at[k] < 0x7f && !(name.at[k] >= 'A' && name.at[k] <= 'Z'));
        for (size_t k = 0; k < value.len; k++)
            must(((unsigned char)value.at[k] >= ' ' || value.at[k] == '\t') && value.at[k] != 0x7f);
    }
    must(http_count(h, SPAN("content-length")) + http_count(h, SPAN("transfer-encoding")) <= 1);
    must(h->chunked == (http_count(h, SPAN("transfer-encoding")) == 1));
}

static size_t read_body(struct span in, size_t step, enum io *end, uint64_t *sum)
{
    struct body b;
    struct span run;
    size_t taken = 0;
    body_init(&b, BODY_CHUNKED, 0);
    *sum = 0;
    *end = IO_WAIT;
    while (taken < in.len && *end == IO_WAIT) {
        struct span piece = span_first(span_from(in, taken), step), rest = piece;
        while ((*end = body_next(&b, &rest, &run)) == IO_BYTES)
            for (size_t i = 0; i < run.len; i++)
                *sum = *sum * 31 + (unsigned char)run.at[i];
        taken += piece.len - rest.len;
    }
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = span_make((const char *)data, size);
    for (int answer = 0; answer < 2; answer++) {
        struct arena a;
        arena_init(&a, 1 << 20);
        struct result whole = read_head(&a, in, size ? size : 1, answer), split = read_head(&a, in, 3, answer);
        must(whole.io == split.io);
        must(whole.io != IO_BYTES || (whole.len == split.len && whole.head.count == split.head.count));
        if (whole.io == IO_BYTES)
            check_head(&whole.head);
        arena_free(&a);
    }
    enum io one, two;
    uint64_t sum_one, sum_two;
    size_t taken_one = read_body(in, size ? size : 1, &one, &sum_one), taken_two = read_body(in, 1, &two, &sum_two);
    must(one == two && taken_one == taken_two && sum_one == sum_two);
    return 0;
}

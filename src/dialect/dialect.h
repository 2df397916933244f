/* SPDX-License-Identifier: Apache-2.0
 * dialect.h - what an LLM wire format must be able to say. Dialects do no I/O and never wait.
 *
 * The same dialect on both sides: bytes pass through with surgical edits, tapped for metering. (Translation between
 * dialects goes through a neutral call and is a later part of this contract.) To add one: dialect/NAME.c and its row in
 * dialect/list.h. */
#ifndef TG_DIALECT_DIALECT_H
#define TG_DIALECT_DIALECT_H

#include "base/json.h"
#include "http/sse.h"
#include "rules/usage.h"

/* What a request says that policy, price and relay must know. */
struct ask {
    struct span model;
    bool stream;
    bool usage_wanted;    /* the client asked for usage in its stream: do not hide it */
    int64_t output_limit; /* per choice; -1: none set */
    int64_t choices;      /* n; 1 if absent */
    int64_t input_most;   /* upper bound of input tokens */
    int64_t output_extra; /* output tokens that may be billed beyond the limit (a prediction that is rejected) */
    struct span tier;     /* service tier asked for, as the price book names it; SPAN_NONE: standard */
    bool input_unbounded; /* something that costs tokens we cannot see (an image URL, a file id, a stored response, a tool
                             the vendor runs): only the model's context window bounds the input then */
    struct span user;     /* the end user it names */
    int64_t fees[FEE_COUNT]; /* most pieces the vendor may charge (web searches, ...); -1: as many as it likes */
};

/* Edits to a body: nothing else of it changes, byte for byte. */
struct ask_edit {
    int64_t output_limit; /* set it to this; -1: leave */
    bool include_usage;   /* ask for usage in the stream */
    bool old_limit_name;  /* this vendor knows max_tokens, not max_completion_tokens: matters where the request set neither */
};

/* Metering of a stream, from its first event to its last. Zeroed at first. */
struct stream_meter {
    struct usage usage;
    int64_t output_bytes; /* of content, for an estimate when the vendor never tells */
    bool finished;        /* the dialect's own end was seen: a stream that ends without it is truncated */
    bool failed;          /* the vendor sent an error event */
    bool started;         /* an event was read */
    char model[128];      /* storage behind usage.model */
    char tier[32];
    char geo[16];
    char search[16];
    char raw[2048]; /* storage behind usage.raw; a longer one is left out */
};

/* Every body given here has BUF_SLACK readable bytes behind it, as a struct buf's has. An event need not. */
struct dialect {
    const char *name;
    /* E_BAD_REQUEST / E_NOT_CANONICAL with *why static. Spans live in the body or in a. */
    enum err (*read_ask)(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why);
    /* Writes the edited body of a request that read_ask took; out->broken if it cannot. NULL: this dialect needs no edits. */
    void (*edit_ask)(struct json *j, struct span body, const struct ask_edit *edit, struct buf *out);
    /* Usage in a complete JSON answer. u->known stays false when it says nothing (an error answer, say). */
    void (*read_usage)(struct json *j, struct span body, struct arena *a, struct usage *u);
    /* One event of a streamed answer. *hide: the client did not ask for this event; drop it. NULL: never streams. */
    void (*read_event)(struct json *j, const struct sse_event *event, bool usage_wanted, struct stream_meter *m, bool *hide);
    /* The dialect's own error event, for a stream that broke. */
    void (*write_error_event)(struct buf *out, struct span code, struct span message);
};

/* NULL: no such dialect. "openai_chat", "openai_responses", "openai_embeddings", "anthropic_messages". */
const struct dialect *dialect_find(struct span name);

#endif

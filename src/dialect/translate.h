/* SPDX-License-Identifier: Apache-2.0
 * translate.h - what a dialect must be able to do so that callers who speak another can use its vendors, and the other way round.
 *
 * Reader: its words to the neutral ones (call.h, event.h); writer: the neutral ones to its words. A dialect that only vendors speak
 * (Bedrock's Converse, Cohere's) has no read_call, write_answer, write_event. Translators do no I/O and never wait; one belongs to one
 * call at a time, its state is in struct reader and struct writer. Every text given has BUF_SLACK readable bytes behind it. */
#ifndef TG_DIALECT_TRANSLATE_H
#define TG_DIALECT_TRANSLATE_H

#include "dialect/event.h"
#include "http/sse.h"

/* How a provider differs from the dialect it speaks: data of the catalog (config/providers.c fills it in). Zeroed: it does not. */
enum limit_name { LIMIT_EITHER, LIMIT_MAX_TOKENS, LIMIT_MAX_COMPLETION_TOKENS };
enum stream_usage { USAGE_ON_REQUEST, USAGE_ALWAYS, USAGE_NEVER };
struct quirks {
    enum limit_name limit;          /* the output limit's name */
    enum stream_usage stream_usage; /* whether a stream tells usage */
    bool no_stream_options;         /* refuses stream_options */
    const struct span *unsupported; /* parameters that it refuses or ignores: "logit_bias", "messages[].name", ... */
    size_t unsupported_count;
    bool reasoning_model;           /* this model takes no temperature, top_p, penalties, logprobs, max_tokens (caps: notemp, reason) */
    bool system_as_developer;       /* its models want `developer` for `system` */
    bool random_seed;               /* Mistral's name for seed, and `any` for tool_choice `required` */
    bool mistral_words;             /* Mistral's shapes for documents and thoughts: what OpenAI's own SDKs say is written anew for it */
    struct span version;            /* Anthropic elsewhere: "bedrock-2023-05-31", "vertex-2023-10-16": stands in the body, the model does not */
};

struct reader {
    struct json *json;
    struct arena *arena;      /* lives as long as the call: for state, and for a whole answer */
    struct arena *event;      /* for one event's texts; emptied by the caller behind each */
    struct span owner;        /* name of the dialect that is read, for signatures; SPAN_NONE: do not mark them */
    uint64_t seed;            /* for ids that the vendor does not give */
    event_sink *sink;         /* events go here */
    void *self;
    void *state;              /* the dialect's own, in arena */
    bool ended, failed;       /* its own end, or an error event, was seen */
    const char *broken;       /* why the stream cannot be understood (static); NULL: it can */
};

struct writer {
    const struct call *call;  /* what was asked: stream options, choices, tools. NULL when tests have none */
    bool usage_wanted;        /* the caller asked for usage in its stream, or its dialect always tells */
    struct span id;           /* plain: our own id, where the answer has none that fits ("tg_01k...") */
    struct span told_id;      /* raw: the answer was told before, under this id, which others may go on with; SPAN_NONE: not */
    int64_t created;          /* Unix seconds: where the answer has none */
    struct buf *out;
    struct arena *arena;      /* lives as long as the call */
    void *state;              /* the dialect's own, in arena */
    struct answer head;       /* of EVENT_START: writers keep here what they repeat */
    struct usage usage;       /* the last one */
};

struct translator {
    bool needs_limit; /* its calls must say an output limit: the flow sets one */
    /* ---- as the caller's dialect ---- */
    /* The model is that of the body; where it stands in the path, of the path. E_BAD_REQUEST with *why static. */
    enum err (*read_call)(struct json *j, struct span body, struct arena *a, struct call *out, const char **why);
    void (*write_answer)(struct writer *w, const struct answer *answer);
    void (*write_event)(struct writer *w, const struct event *e);
    /* An error of the vendor's, and a refusal of the gate's, as the caller's dialect says them; gives the status. `details`: raw object of
     * our own ("tollgate"), or SPAN_NONE. */
    int (*write_fault)(struct buf *out, const struct fault *fault, struct span call_id, struct span details);

    /* ---- as the vendor's dialect ---- */
    void (*write_call)(const struct call *c, const struct quirks *quirks, struct notes *notes, struct arena *a, struct buf *out);
    /* E_UPSTREAM_BROKEN: it is no answer of this dialect. usage in it, if the vendor gave any. */
    enum err (*read_answer)(struct reader *r, struct span body, struct answer *out);
    /* One frame of a stream: an SSE event, a line, an event-stream message with its :event-type as name. Calls r->sink. */
    void (*read_event)(struct reader *r, const struct sse_event *frame);
    /* The stream's body ended in order: emits END if the dialect's words say that it is whole. NULL: the dialect has an end of its own. */
    void (*read_end)(struct reader *r);
    /* An error body, whatever it looks like: a kind is always found, by status if by nothing else. */
    void (*read_fault)(struct json *j, int status, struct span body, struct arena *a, struct fault *out);
};

/* ---- shared by translators (translate.c) ---- */
/* What the gate would say in this status, and the kind of a status. */
enum fault_kind fault_of_status(int status);
int fault_status(enum fault_kind kind); /* where the vendor's own does not fit: overload is 529 at Anthropic, 503 elsewhere */
/* The fault of a refusal of ours. */
struct fault fault_of(enum err e, struct span message, struct arena *a);
/* By the vendors' known words for "context too long", "content filtered", "no money left", "overloaded" in this text, where they fit the
 * kind that the status says (`otherwise`). */
enum fault_kind fault_of_words(struct span message, enum fault_kind otherwise);
/* Does the provider not know this parameter, which was said? Notes it as unsayable then. True: leave it out. */
bool quirk_forbids(const struct quirks *q, struct span name, struct notes *n);
/* Emits with r's sink and keeps r->ended and r->failed; nothing is emitted behind an END or an ERROR. */
void reader_emit(struct reader *r, const struct event *e);
/* Marks the signature (the first piece of it) with r->owner, where one is set; in r->event, or r->arena where that is NULL. */
struct span reader_signature(struct reader *r, struct span raw);

#endif

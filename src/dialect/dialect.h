/* SPDX-License-Identifier: Apache-2.0
 * dialect.h - what an LLM wire format must be able to say. Dialects do no I/O and never wait.
 *
 * The same dialect on both sides: bytes pass through with surgical edits, tapped for metering. Another one on the other side: through
 * the neutral call and event (translate.h). To add one: dialect/NAME.c and its row in dialect/list.h. */
#ifndef TG_DIALECT_DIALECT_H
#define TG_DIALECT_DIALECT_H

#include "dialect/translate.h"
#include "http/frames.h"
#include "rules/tokens.h"

/* What a request says that policy, price and relay must know. */
struct ask {
    struct span model;
    bool stream;
    bool usage_wanted;    /* the client asked for usage in its stream: do not hide it */
    int64_t output_limit; /* per choice; -1: none set */
    bool zero_limit;      /* one of 0 was said, which some vendors take for none: output_limit is -1 */
    bool zero_stays;      /* ... and this API refuses it, or means it: it is passed on as it is */
    bool new_limit_name;  /* a limit stands under max_completion_tokens, which a vendor that knows max_tokens alone does not read */
    int64_t usual_limit;  /* what the vendor takes where none is set: the gate, where it must set one, sets no higher one; 0: it tells none */
    int64_t choices;      /* n; 1 if absent */
    int64_t input_most;   /* upper bound of input tokens */
    int64_t output_extra; /* output tokens that may be billed beyond the limit (a prediction that is rejected) */
    struct span tier;     /* service tier asked for, as the price book names it; SPAN_NONE: standard */
    bool input_unbounded; /* something that costs tokens we cannot see (an image URL, a file id, a stored response, a tool
                             the vendor runs): only the model's context window bounds the input then */
    int64_t rounds;       /* how often more than once the vendor may bill the input then: a round for each run of its tools; -1: without a limit */
    struct span user;     /* the end user it names */
    int64_t fees[FEE_COUNT]; /* most pieces the vendor may charge (web searches, ...); -1: as many as it likes */
    const char *unlimited;   /* which field leaves a fee without a bound, and what to do about it; NULL: none, or nothing is known of it */
    bool session_untold;     /* the vendor's usage says nothing of a session that fees has: it is counted as reserved, if it has a price */
    bool pieces;             /* pictures, sound and the like: tokens and pieces are bounds of the same content, and the price book
                                says which of them the model is charged by. No output limit can be set for it */
    struct span size, quality; /* of pictures and videos asked for: "1024x1536", "hd"; SPAN_NONE: the vendor chooses */
    bool exact;              /* its pieces are no bound but what they are */
    struct span job_input;   /* the file whose lines are the calls of a batch; what they can cost was seen when it was uploaded */
    struct span format;      /* of the answer, where that is no JSON: "mp3", "srt"; SPAN_NONE: unsaid */
};

/* Edits to a body: nothing else of it changes, byte for byte. */
struct ask_edit {
    struct span model;    /* plain: call it this; SPAN_NONE: leave */
    int64_t output_limit; /* set it to this; -1: leave */
    bool include_usage;   /* ask for usage in the stream */
    bool old_limit_name;  /* this vendor knows max_tokens, not max_completion_tokens: what stands under that is said so, the larger of both */
};

/* Metering of a stream, from its first event to its last. Zeroed at first. */
struct stream_meter {
    struct usage usage;
    int64_t output_bytes; /* of content, for an estimate when the vendor never tells */
    enum vocabulary vocabulary; /* of the model, set by the flow before the first event: content is counted by it as it comes */
    int64_t output_tokens;      /* ... or a third of its bytes, at least one a delta */
    bool finished;        /* the dialect's own end was seen: a stream that ends without it is truncated */
    bool failed;          /* the vendor sent an error event */
    bool started;         /* an event was read */
    uint64_t choices_seen, choices_ended; /* bits, where each choice tells its own end and nothing tells the stream's (Gemini) */
    char model[128];      /* storage behind usage.model */
    char tier[32];
    char geo[16];
    char search[16];
    char size[24];
    char quality[16];
    char raw[2048]; /* storage behind usage.raw; a longer one is left out */
};

/* What a translated stream says, to a meter (meter.c): zeroed at first; meter_start before the rest. Spans are copied. */
void meter_start(struct stream_meter *m);
void meter_model(struct stream_meter *m, struct span model);
void meter_usage(struct stream_meter *m, const struct usage *u);
/* Content of the answer: a raw string, or other JSON that the model wrote; an empty one counts nothing. */
void meter_output(struct stream_meter *m, struct span raw);

/* An answer that need not be JSON, and what it answers. */
struct told {
    const struct ask *ask;
    struct span type;  /* its content type; SPAN_NONE: unsaid */
    struct span body;  /* SPAN_NONE: it was passed on unread */
    int64_t bytes;     /* of the body, read or not */
    bool charged[FEE_COUNT]; /* the model has a price by this piece */
    bool by_tokens;          /* ... by tokens */
};

/* Every body given here has BUF_SLACK readable bytes behind it, as a struct buf's has. An event need not. */


struct dialect {
    const char *name;
    const struct translator *translator; /* NULL: it is only metered (embeddings, pictures) */
    enum framing framing;
    const char *kin; /* the dialect whose words it says in other frames or at other paths; NULL: none */
    /* E_BAD_REQUEST / E_NOT_CANONICAL with *why static. Spans live in the body or in a. NULL: only vendors speak it. Where the model (and
     * whether it streams) stands in the path, the flow fills it in before and after: absent here is no error then. */
    enum err (*read_ask)(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why);
    /* The same for a multipart/form-data body; its content type says how it is divided. NULL: it takes none. */
    enum err (*read_form)(struct span content_type, struct span body, struct arena *a, struct ask *out, const char **why);
    /* Writes the edited body of a request that read_ask took; out->broken if it cannot. NULL: this dialect needs no edits. */
    void (*edit_ask)(struct json *j, struct span body, const struct ask_edit *edit, struct buf *out);
    /* The same for a form that read_form took: only the model of it is ever edited. NULL: nothing is. */
    void (*edit_form)(struct span content_type, struct span body, struct arena *a, const struct ask_edit *edit, struct buf *out);
    /* Usage in a complete JSON answer. u->known stays false when it says nothing (an error answer, say). */
    void (*read_usage)(struct json *j, struct span body, struct arena *a, struct usage *u);
    /* The same where the answer may be no JSON, or say nothing of what it cost although that can be known: u->estimated then says that
     * it was not told. Goes before read_usage. NULL: read_usage suffices. */
    void (*measure)(struct json *j, const struct told *told, struct arena *a, struct usage *u);
    /* Of an answer that is passed on unread (sound): its content type. NULL: none is. */
    bool (*passes)(struct span content_type);
    /* One event of a streamed answer. *hide: the client did not ask for this event; drop it. NULL: never streams. */
    void (*tap_event)(struct json *j, const struct sse_event *event, bool usage_wanted, struct stream_meter *m, bool *hide);
    /* For callers who speak its kin: their words in its frames and back, so that nothing is lost that the neutral call cannot say. betas: the
     * caller's header fields of its own that belong into the body here ("a,b"; SPAN_NONE: none). reframe_event false: no event of the
     * kin's (an exception), to be translated. NULL: it has no kin. */
    void (*reframe_call)(struct json *j, struct span body, struct span betas, struct buf *out);
    bool (*reframe_event)(struct json *j, const struct sse_event *frame, struct arena *a, struct buf *out);
    /* The dialect's own error event, for a stream that broke. */
    void (*write_error_event)(struct buf *out, struct span code, struct span message);
};

/* NULL: no such dialect. "openai_chat", "gemini", ...: list.h. */
const struct dialect *dialect_find(struct span name);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * bedrock_converse_int.h - what the files of Bedrock's Converse share. Private to dialect/.
 *
 * Sources: the types of Amazon's SDK for Bedrock Runtime 3.1163; Amazon Bedrock user guide (Converse, inference parameters, prompt caching);
 * Amazon Nova 2 user guide (reasoning). */
#ifndef TG_DIALECT_BEDROCK_CONVERSE_INT_H
#define TG_DIALECT_BEDROCK_CONVERSE_INT_H

#include "dialect/anthropic_int.h"
#include "dialect/serial.h"
#include "dialect/signature.h"

/* Whose model: what Converse has no words for is said in each one's own. */
enum family { FAMILY_OTHER, FAMILY_CLAUDE, FAMILY_NOVA, FAMILY_NOVA_2, FAMILY_MISTRAL, FAMILY_COHERE, FAMILY_GPT_OSS };

/* A call that is being written. */
struct converse {
    const struct call *call;
    const struct quirks *quirks;
    struct notes *notes;
    struct arena *arena;
    enum family family;
    struct claude claude;
    struct json_out o;
    struct buf extra;   /* members of additionalModelRequestFields */
    struct json_out x;  /* into extra */
    struct span effort; /* of outputConfig; SPAN_NONE: none */
    int role;           /* of the message that is open; -1: none is */
    int64_t documents;  /* so far */
    size_t cached;      /* where the last cache point ended: two may not follow each other */
};

extern const struct span bedrock_converse_name;

/* Was it said, and does the provider know it? (Notes it otherwise.) */
bool converse_says(struct converse *c, bool said, struct span name);
/* Notes it as unsayable if it was said. */
void converse_cannot(struct converse *c, bool said, struct span name);
/* Does this model take cache points? */
bool converse_caches(const struct converse *c);
void converse_put_cache(struct converse *c, struct span cache);

void converse_put_messages(struct converse *c); /* bedrock_converse_turns.c */
void converse_put_system(struct converse *c);
void converse_put_tools(struct converse *c); /* bedrock_converse_tools.c */
/* Why this image, sound, video, document cannot be said; NULL: it can. bedrock_converse_media.c */
const char *converse_media_fault(const struct part *p);
void converse_put_media(struct converse *c, const struct part *p);
void converse_put_thinking(struct converse *c); /* bedrock_converse_thinking.c */

void bedrock_converse_write_call(const struct call *call, const struct quirks *quirks, struct notes *notes, struct arena *a, struct buf *out);
enum err bedrock_converse_read_answer(struct reader *r, struct span body, struct answer *out);
void bedrock_converse_read_event(struct reader *r, const struct sse_event *frame);
void bedrock_converse_read_fault(struct json *j, int status, struct span body, struct arena *a, struct fault *out);
/* type: of an exception in a stream; SPAN_NONE: the body says it, if anything does. status 0: that of its type. (bedrock_fault.c) */
void bedrock_fault_of(struct span type, int status, struct span body, struct arena *a, struct fault *out);
/* Is this the name of an exception, and not of an event? */
bool bedrock_is_exception(struct span name);
/* Would these additionalModelRequestFields go round maxTokens? */
bool bedrock_converse_sets_limit(struct span fields, struct arena *a);
/* Of a whole answer, or of the metadata event: both have the same members. */
void bedrock_converse_usage(struct span object, struct arena *a, struct usage *u);

#endif

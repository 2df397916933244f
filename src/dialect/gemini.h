/* SPDX-License-Identifier: Apache-2.0
 * gemini.h - what the files of Gemini's dialect share; and, for the flow, the small routes beside generateContent.
 *
 * Google reads JSON as protocol buffers do: a member may be named in lowerCamelCase or in snake_case, null is absent, a list of one may
 * be written without its brackets. Sources: the Gemini API and Vertex AI references (generateContent, Content, GenerationConfig,
 * FunctionCallingConfig, UsageMetadata), November 2026. */
#ifndef TG_DIALECT_GEMINI_H
#define TG_DIALECT_GEMINI_H

#include "dialect/dialect.h"

/* ---- for the flow ---- */
/* Without alt=sse Google streams a JSON array of the same chunks, one behind the other: [{...},\r\n{...}]. Takes the events that the
 * gate would send ("data: ...\n\n", whole ones) and writes them so; end: the stream is over. */
struct gemini_array {
    bool begun, ended;
};
void gemini_array_put(struct gemini_array *s, struct span events, bool end, struct buf *out);

/* ---- private to dialect/ ---- */
/* Members of an object by their names in lowerCamelCase, in either spelling. `names` ends with SPAN_NONE; values[i] is SPAN_NONE where
 * there is none, or null. What is not listed goes to `unknown`, if there is one. False: a name came twice. */
typedef void gemini_unknown(void *self, struct span name, struct span value);
bool gemini_pick(struct span object, const struct span *names, struct span *values, struct arena *a, gemini_unknown *unknown, void *self);
/* The same for a whole body, checked here. Names that differ by case only are refused. */
CHECKED enum err gemini_pick_body(struct json *j, struct span body, const struct span *names, struct span *values, struct arena *a,
    gemini_unknown *unknown, void *self, const char **why);
bool gemini_named(struct span said, struct span camel);
/* Without blanks and line ends around it. */
struct span gemini_trim(struct span body);
/* One member of an object, in either spelling; null is SPAN_NONE. */
struct span gemini_member(struct span object, struct span camel, struct arena *a);

/* A list, or the one thing that stands for a list of one. */
struct gemini_list {
    struct raw_iter it;
    struct span only;
};
struct gemini_list gemini_list(struct span value, struct arena *a);
bool gemini_next(struct gemini_list *l, struct span *item);

/* "gemini-2.5-flash" is 2, "publishers/google/models/gemini-3-pro" 3; 0: cannot be told. */
int gemini_generation(struct span model);

/* Adds to the ask what a content, or a list of them, may cost beyond its bytes. */
void gemini_weigh_contents(struct ask *ask, struct span contents, struct arena *a);

/* usageMetadata (raw) to disjoint meters; u->known stays as it is when nothing is said. */
void gemini_read_usage(struct span usage, struct arena *a, struct usage *u);
/* Searches and the like that the candidates (raw) tell of. */
void gemini_read_fees(struct span candidates, struct arena *a, struct usage *u);
/* The same as usageMetadata's value. */
void gemini_write_usage(const struct usage *u, struct buf *out);

/* Google's OpenAPI schema ("type":"STRING", nullable, ...) as JSON schema. */
struct span gemini_schema(struct span schema, struct arena *a);

/* Base64 as other vendors want it: unescaped, of the standard alphabet; SPAN_NONE: it is no string. */
struct span gemini_base64(struct span raw, struct arena *a);
/* inlineData or fileData (objects) to a part's media; the kind by its type; `unknown` as in gemini_pick. False: not as documented. */
bool gemini_read_media(struct span inline_data, struct span file_data, struct arena *a, gemini_unknown *unknown, void *self,
    enum part_kind *kind, struct media *m);
/* {"inlineData":...} or {"fileData":...}, the member alone; false: nothing was written, since there is nothing that Gemini takes. */
bool gemini_write_media(struct json_out *o, const struct part *p, struct arena *a);

enum ending gemini_ending(struct span reason, bool calls);
struct span gemini_reason(enum ending e);
/* logprobsResult to OpenAI's array, and back as a member with avgLogprobs beside it. */
struct span gemini_logprobs(struct span result, struct arena *a);
void gemini_write_logprobs(struct json_out *o, struct span logprobs, struct arena *a);
/* What stands for `raw` in a part: executableCode, codeExecutionResult, toolCall, toolResponse. SPAN_NONE: none of them. */
struct span gemini_server_tool(struct span part, struct arena *a);

/* Citations of a candidate in order. `text_of`: the text of the part of this number (-1: the first with text), raw, to count characters
 * in. NULL: it is not at hand, and from and to are only known if all of it is ASCII. */
typedef struct span gemini_text_of(void *self, int64_t part);
typedef void gemini_cite(void *self, int64_t part, const struct citation *c);
void gemini_read_citations(struct span candidate, gemini_text_of *text_of, bool ascii, gemini_cite *cite, void *self, struct arena *a);
bool gemini_is_ascii(struct span raw);
/* groundingMetadata of citations in parts that were written as these numbers. */
struct gemini_cited {
    const struct citation *citation;
    int64_t part;
    struct span text; /* raw: of the part, to count bytes in; SPAN_NONE: not at hand */
    bool ascii;       /* ... but all of it is ASCII */
    struct gemini_cited *next;
};
void gemini_write_grounding(struct json_out *o, const struct gemini_cited *first, struct arena *a);

/* A part of an answer (raw) as ours; false: there is nothing in it. `calls` counts those that need an id. */
bool gemini_answer_part(struct reader *r, struct span raw, struct part *out, uint64_t *calls);
/* A part of ours as an object; what Gemini cannot show is left out, with nothing written: false. */
bool gemini_put_part(struct json_out *o, const struct part *p, struct arena *a);
/* Bytes in JSON are base64 at Google, and its Python SDK insists: another dialect's marked signature is written so, and read again. */
struct span gemini_wrap_signature(struct span raw, struct arena *a);
struct span gemini_unwrap_signature(struct span raw, struct arena *a);
/* A time (raw) as Unix seconds; 0: it is none. */
int64_t gemini_seconds(struct span raw);
/* modelVersion and responseId, as far as they are known. */
void gemini_put_head(struct json_out *o, const struct writer *w, const struct answer *head);

/* translator members */
enum err gemini_read_call(struct json *j, struct span body, struct arena *a, struct call *out, const char **why);
void gemini_write_call(const struct call *c, const struct quirks *quirks, struct notes *notes, struct arena *a, struct buf *out);
enum err gemini_read_answer(struct reader *r, struct span body, struct answer *out);
void gemini_write_answer(struct writer *w, const struct answer *answer);
void gemini_read_event(struct reader *r, const struct sse_event *frame);
void gemini_read_end(struct reader *r);
void gemini_write_event(struct writer *w, const struct event *e);
void gemini_read_fault(struct json *j, int status, struct span body, struct arena *a, struct fault *out);
int gemini_write_fault(struct buf *out, const struct fault *fault, struct span call_id, struct span details);
/* {"code":503,"message":...,"status":"UNAVAILABLE",...}: what stands in "error". */
void gemini_put_error(struct json_out *o, const struct fault *fault, struct span call_id, struct span details);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * call.h - the neutral call and the neutral answer: what OpenAI, Anthropic and Gemini can all say, each in its own words.
 *
 * Texts marked raw are JSON as it came (base/raw.h): a raw string has its quotes and escapes, so that it is copied from one dialect
 * to another and never unescaped. Texts marked plain are bare. Everything lives in the body that was read or in the call's arena.
 *
 * Nothing that was said is lost in silence: what a reader does not know goes to the remainder (`rest`), what a writer cannot say is
 * noted (call_unsayable) and refuses the call, unless the caller allowed it to be dropped. Sources: OpenAI API reference (chat
 * completions, responses), Anthropic API reference (messages), Gemini API reference (generateContent), each of November 2026. */
#ifndef TG_DIALECT_CALL_H
#define TG_DIALECT_CALL_H

#include "base/json.h"
#include "base/raw.h"
#include "rules/usage.h"

enum role { ROLE_SYSTEM, ROLE_DEVELOPER, ROLE_USER, ROLE_ASSISTANT };

enum part_kind {
    PART_TEXT,
    PART_IMAGE,
    PART_AUDIO,
    PART_VIDEO,
    PART_DOCUMENT,
    PART_THINKING,
    PART_TOOL_CALL,   /* the model wants a function called */
    PART_TOOL_RESULT, /* what came of it; in a turn of ROLE_USER */
    PART_REFUSAL,
    PART_SERVER_TOOL, /* a tool that the vendor runs itself, its use or its result: only its own dialect can say it again */
};

/* Where a picture, a sound, a document is. One of url, data, file_id, plain_text is there. */
struct media {
    struct span url;        /* raw */
    struct span data;       /* base64, without quotes */
    struct span file_id;    /* raw; the vendor's, so of no use elsewhere */
    struct span plain_text; /* raw: a document that is text */
    struct span type;       /* plain: "image/png"; SPAN_NONE: not said */
    struct span name;       /* raw: file name or title */
    struct span detail;     /* plain: "low", "high", "auto", "original" */
};

struct citation {
    struct span url, title, quote; /* raw; SPAN_NONE where there is none */
    int64_t from, to;              /* characters of the part's text; -1: not said */
    struct span raw;               /* as the vendor said it */
    struct citation *next;
};

struct part {
    enum part_kind kind;
    struct span text;         /* raw string: TEXT, REFUSAL; THINKING: what may be seen of it; AUDIO of an answer: its transcript */
    struct media media;
    struct span id;           /* raw: of a tool call; of a result: of the call it belongs to; of a sound: to name it again */
    struct span name;         /* raw: of the function; of a SERVER_TOOL: its kind */
    struct span arguments;    /* TOOL_CALL: JSON, an object; "{}" where there are none */
    struct part *content;     /* TOOL_RESULT: its parts, TEXT and media */
    bool failed;              /* TOOL_RESULT: the tool failed */
    struct span signature;    /* raw: THINKING, and Gemini's TOOL_CALL and TEXT: what the vendor wants back as it was (signature.h) */
    bool redacted;            /* THINKING: nothing of it may be seen; signature holds it all */
    struct span item;         /* raw: OpenAI responses' own id of this item */
    struct span cache;        /* raw object: cache_control, behind this part */
    struct citation *citations;
    struct span logprobs;     /* answers: raw array in OpenAI's shape ([{token, logprob, bytes, top_logprobs}]) */
    struct span raw;          /* SERVER_TOOL: as the vendor said it; TOOL_CALL that was gathered (event.h): its arguments as they came */
    struct part *next;
    struct part *last;        /* private: of the first of a list, its end. Lists grow by part_add only */
};

struct turn {
    enum role role;
    struct span name; /* raw: who speaks */
    struct part *parts;
    struct turn *next;
};

enum tool_kind { TOOL_FUNCTION, TOOL_WEB_SEARCH, TOOL_CODE_EXECUTION, TOOL_OTHER };

struct tool {
    enum tool_kind kind;
    struct span name;        /* raw */
    struct span description; /* raw */
    struct span schema;      /* JSON schema of its arguments, an object; SPAN_NONE: takes none */
    int strict;              /* -1: not said, 0, 1 */
    int64_t most;            /* WEB_SEARCH: uses at most; -1: not said */
    struct span allowed, blocked; /* WEB_SEARCH: raw arrays of domains */
    struct span cache;       /* raw object */
    struct span raw;         /* as it was said: all there is of TOOL_OTHER */
    struct tool *next;
};

/* What stands for a function without a schema: one that takes nothing. */
struct span tool_schema(struct span schema);
/* {"type":"function","function":{...}}, as several vendors take a function. */
void tool_put_function(struct json_out *o, const struct tool *t);

enum tool_choice { CHOICE_UNSAID, CHOICE_AUTO, CHOICE_NONE, CHOICE_ANY, CHOICE_NAMED };
enum answer_format { FORMAT_UNSAID, FORMAT_TEXT, FORMAT_JSON, FORMAT_SCHEMA };

/* A member that the reader does not know, or that has no neutral meaning. */
struct rest {
    struct span path;  /* plain: "logit_bias", "messages[2].audio" */
    struct span value; /* raw */
    bool hint;         /* asks for nothing that could be missed elsewhere: left out there, with a note */
    struct rest *next;
};

struct call {
    struct span model; /* plain: as the target knows it; the flow sets it before a call is written */
    bool stream;
    struct turn *turns;
    struct tool *tools;
    enum tool_choice choice;
    struct span chosen;     /* raw: the function of CHOICE_NAMED */
    int parallel_tools;     /* -1: not said, 0, 1 */
    int64_t output_limit;   /* -1: none. The flow sets it to what was reserved for */
    struct span temperature, top_p, top_k, frequency_penalty, presence_penalty, seed; /* numbers as written; SPAN_NONE: not said */
    struct span stops;      /* raw array of strings */
    int64_t choices;        /* 1 unless said */
    bool logprobs;
    int64_t top_logprobs;   /* -1: not said */
    enum answer_format format;
    struct span schema_name, schema_description; /* raw */
    struct span schema;     /* JSON */
    int schema_strict;      /* -1, 0, 1 */
    int thinks;             /* -1: not said; 0: shall not; 1: shall */
    struct span effort;     /* plain: "none", "minimal", "low", "medium", "high", "xhigh", "max" */
    int64_t thinking_limit; /* tokens; -1: not said (or left to the model) */
    int show_thoughts;      /* -1: not said, 0, 1: what may be seen of its thinking is wanted */
    struct span user;       /* raw: the end user */
    struct span metadata;   /* raw object */
    struct span tier;       /* plain: service tier, as the price book names it */
    struct span verbosity;  /* plain: "low", "medium", "high" */
    int store;              /* -1, 0, 1 */
    struct span previous;   /* raw: the answer that this continues (responses) */
    struct span cache_key;  /* raw: prompt_cache_key */
    struct span safety;     /* raw: Gemini's safetySettings; what no other has goes here only if two dialects share it */
    struct rest *rest;
    struct turn *last_turn; /* private, like the next two: the ends of the lists */
    struct tool *last_tool;
    struct rest *last_rest;
};

/* Why a choice ended. */
enum ending {
    ENDING_NONE,     /* it did not */
    ENDING_TURN,     /* the model was done */
    ENDING_STOP,     /* at one of `stops` */
    ENDING_LENGTH,   /* at the output limit */
    ENDING_TOOLS,    /* it wants functions called */
    ENDING_FILTER,   /* content was held back */
    ENDING_REFUSAL,  /* the model refused */
    ENDING_PAUSE,    /* the vendor paused: send it on */
    ENDING_CONTEXT,  /* the context window is full */
    ENDING_MALFORMED /* the model wrote a function call that cannot be read */
};

struct choice {
    int64_t index;
    struct part *parts;
    enum ending ending;
    struct span stop; /* raw: which of `stops` */
    struct choice *next;
};

/* A whole answer. */
struct answer {
    struct span id;         /* raw */
    struct span model;      /* raw: as the vendor named it */
    int64_t created;        /* Unix seconds; 0: not said */
    struct choice *choices, *last_choice; /* the last one: private */
    struct usage usage;     /* known, or not */
    struct span tier;       /* plain: as said in the answer */
    struct span fingerprint; /* raw */
    struct span safety;     /* raw: ratings */
};

/* An error answer of a vendor, by meaning: for the caller's dialect, and for what a router does about it. */
enum fault_kind { FAULT_REQUEST, FAULT_KEY, FAULT_PERMISSION, FAULT_BALANCE, FAULT_NOT_FOUND, FAULT_TOO_LARGE, FAULT_CONTEXT, FAULT_CONTENT, FAULT_RATE, FAULT_OVERLOAD, FAULT_SERVER };
struct fault {
    enum fault_kind kind;
    int status;           /* the vendor's */
    struct span message;  /* raw string */
    struct span code;     /* raw: the vendor's own word; SPAN_NONE: none */
    struct span param;    /* raw */
};

/* What was said of a call while it was translated. Names are plain paths in the caller's own words where they are known ("logit_bias"). */
enum { NOTES_MOST = 64 };
struct notes {
    const struct span *may_drop; /* names, or "*" for all */
    size_t may_drop_count;
    struct span dropped[NOTES_MOST]; /* left out, as the caller allowed */
    size_t dropped_count;
    struct span adapted[NOTES_MOST]; /* said otherwise, with the same or nearly the same meaning: "messages[3].role" */
    size_t adapted_count;
    struct span unsayable[NOTES_MOST]; /* refuses the call */
    size_t unsayable_count;
    struct arena *arena;
};
/* The target cannot say this. */
void call_unsayable(struct notes *n, struct span name);
/* It says it otherwise; at most once for a name. */
void call_adapted(struct notes *n, struct span name);
/* Does a pattern ("messages[].name", "tools") name this path ("messages[3].name", "tools[0].cache_control")? */
bool call_path_is(struct span path, struct span pattern);
/* One of the remainder, or each, is unsayable elsewhere; hints are adapted. */
void call_rest_untold(struct notes *n, const struct rest *r);
void call_rest_unsayable(struct notes *n, const struct call *c);
/* For dialects that know nothing of choices, accounts, tiers and kept answers. */
void call_bare_untold(const struct call *c, struct notes *n);
/* "a, b and c" of the unsayable, for a refusal; SPAN_NONE: there are none. */
struct span call_unsayable_text(const struct notes *n);

/* ---- for readers ---- all memory is of the arena; NULL when it is broken (then later calls do nothing) */
void call_begin(struct call *c); /* everything unsaid */
struct turn *call_turn(struct call *c, enum role role, struct arena *a);
/* To the end of *list. */
struct part *part_add(struct part **list, enum part_kind kind, struct arena *a);
struct tool *call_tool(struct call *c, enum tool_kind kind, struct arena *a);
/* null counts as unsaid. */
void call_rest(struct call *c, struct span path, struct span value, struct arena *a);
/* One that other vendors need not know: how a cache is kept, how a stream is cut, what the reader's own vendor does unasked. */
void call_hint(struct call *c, struct span path, struct span value, struct arena *a);
/* The choice of this index: a new one, if it is not there yet. */
struct choice *answer_choice(struct answer *out, int64_t index, struct arena *a);
void answer_begin(struct answer *out);
/* "data:image/png;base64,AAAA" (raw) into type and data; false: it is none. "https://..." is not taken apart. */
bool media_data_url(struct span raw, struct media *m);
/* A raw string that holds JSON ("{\"a\":1}") as that JSON, an object; of a blank one "{}"; SPAN_NONE: it holds none. */
struct span arguments_from_string(struct json *j, struct span raw, struct arena *a);

/* ---- for writers ---- */
/* JSON as a raw string. */
void put_as_string(struct buf *out, struct span json);
/* Raw strings as one raw string, `between` (plain, needs no escape) between them. */
void put_joined(struct buf *out, const struct part *first, enum part_kind kind, struct span between);
/* "data:image/png;base64,..." as a raw string. */
void put_data_url(struct buf *out, const struct media *m);
/* The end user by the SHA-256 of the name; and by the name itself where it fits vendors that take 64 characters. */
struct span call_user_digest(const struct call *c, struct arena *a);
struct span call_user_short(const struct call *c, struct notes *n, struct arena *a);
/* The name of the function that was called under this id in an earlier turn (raw); SPAN_NONE: there is none. */
struct span call_function_of(const struct call *c, struct span id);
const struct part *part_first(const struct part *list, enum part_kind kind); /* NULL: none */
/* An id that the vendor did not give: "call_" and 24 letters made of seed and number, raw, in a. Equal for equal arguments. */
struct span made_up_id(const char *prefix, uint64_t seed, uint64_t number, struct arena *a);
/* The thinking that an effort stands for where only tokens can be said: a share of the output limit (-1: there is none), 1024 to 32000
 * and below the limit. 0: none, or the limit leaves no room for any; -1: no such effort. */
int64_t thinking_limit_of(struct span effort, int64_t output_limit);
/* The other way round; SPAN_NONE for -1, "none" for 0. */
struct span effort_of(int64_t thinking_limit);

#endif

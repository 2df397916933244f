/* SPDX-License-Identifier: Apache-2.0
 * exchange.h - one call, from its head to its audit row: the state that the steps of pipeline.c share.
 *
 * Owner: the worker that accepted it; it never leaves that worker. Everything it points to lives in its arena, in the
 * snapshot it holds a reference to, or in the caller and call objects behind `world`. A step that waits returns WAIT and
 * is run again after a wake; so a step must be able to start over from what it left here. */
#ifndef TG_FLOW_EXCHANGE_H
#define TG_FLOW_EXCHANGE_H

#include "config/snapshot.h"
#include "dialect/gemini.h"
#include "flow/alike.h"
#include "flow/approvals.h"
#include "flow/cached.h"
#include "flow/capture.h"
#include "flow/front.h"
#include "flow/guarding.h"
#include "flow/made.h"
#include "flow/portkey.h"
#include "flow/remembered.h"
#include "flow/repeats.h"
#include "flow/result_link.h"
#include "flow/routing.h"
#include "flow/stops.h"
#include "flow/veils.h"
#include "flow/world.h"
#include "http/coding.h"
#include "http/frames.h"
#include "ledger/brake.h"
#include "ledger/journal.h"
#include "ledger/ledger.h"
#include "route/health.h"
#include "rules/call_id.h"
#include "rules/trace.h"

enum stage { ADMIT, ATTEMPT, TURNING, AIMING, FINISH, OVER };

struct exchange;

/* of_target: when it refuses, that is the target's doing: a routed call goes on with the next one. */
struct step {
    const char *name;
    enum next (*run)(struct exchange *x);
    bool of_target;
};

/* What a worker lends to its exchanges; changes only between steps. */
struct desk {
    const struct world *world;
    struct snapshot *snapshot;
    struct stop_set *stops;
    struct ledger *ledger;
    struct brakes *brakes;
    struct repeats *repeats;
    struct cache *cache; /* NULL: none */
    struct scribe *scribe; /* NULL: no content is kept */
    struct approvals *approvals;
    struct made *made;
    struct remembered *remembered;
    struct similar *similar; /* NULL: nothing alike is looked for */
    struct texts *texts;
    struct health *health; /* how targets are doing; NULL: not watched */
    struct observer *observer; /* counts what is over; NULL: nobody does */
    struct veils veils;
    struct guard_sets guards;
    unsigned index; /* the worker's */
    struct json *json;  /* request side and event parsing: free between steps */
    struct buf scratch; /* composing heads, rows: free between steps */
    struct call_ids ids;
    bool draining;
};

/* How the request came and what it is for. */
struct asking {
    const struct http_head *head; /* the caller's; valid until the reply ends */
    struct span peer;             /* address */
    struct span prefix;           /* what was cut off before the vendor's path: "/r/run_1/twilio", or empty */
    struct span path, query;      /* canonical, prefix and run cut off */
    struct span step;             /* x-agent-step */
    struct span metadata;         /* JSON object, as the caller gave it; with the key's: facts.metadata */
    struct span label;            /* of its key and its metadata; rules/call_label.h */
    struct span config;           /* x-tollgate-config */
    struct span idempotency; /* the caller's own key */
    nano_usd max_cost; /* -1: none */
    bool opaque;       /* the body is streamed through unread */
    struct buf body;   /* gathered */
    bool body_whole;
    bool has_body;
    int64_t length; /* announced; -1 unknown */
};

/* Who asks, for what, and whether. */
struct deciding {
    const struct key *key;
    const struct upstream *upstream;
    const struct credential *credential;
    struct matched matched;
    const struct dialect *dialect;
    struct ask ask;
    struct understood understood;
    struct span body; /* canonical; what is forwarded */
    struct span dressed; /* the same as the vendor gets it, with the secret in it, say; SPAN_NONE: as it is */
    struct span token;   /* of a brokered vendor */
    bool probes;         /* the breaker of its target lets this one attempt through, to see */
    bool edited;         /* the gate's own edits to an LLM body were made */
    bool limit_renamed;  /* ... and its output limit has the name that the vendor reads */
    int tries;           /* requests sent, or tried to, of this leg */
    const struct price *price;
    struct span policy_version;
    const struct stop *stop;
};

/* A caller that came to the gate's own path for its dialect and named a model: which vendor serves it (flow/direct.c), and how what is
 * said in one dialect is heard in another (flow/speak.c). */
struct speaking {
    const struct front *front;      /* NULL: the path is a vendor's own */
    const struct dialect *dialect;  /* the caller's */
    const struct dialect *heard;    /* the vendor's, where it is another one: NULL: the same */
    struct span model_in_path;
    struct span job;                /* the id of a video's job that is read in words of the gate's (job_read.h); SPAN_NONE: none is */
    struct span model_said;         /* as the caller named it; SPAN_NONE: facts.model */
    struct span model;              /* what the vendor calls it, where that is not what the body says */
    struct span path, query;        /* at the vendor; SPAN_NONE: the caller's own */
    struct buf said, answered;      /* the bodies as the caller and the vendor sent them, of a call that is translated */
    struct translation *translation; /* NULL: nothing is translated */
    bool array;                     /* a Gemini caller that did not ask for events: the stream is one JSON array */
    struct gemini_array items;
    struct buf text;                /* a run of it */
    struct span state, previous;    /* responses: what is kept of the answer that this one goes on with, and its id (raw) */
};

/* The books of this call: a line for each account. */
struct charging {
    struct ledger_hold hold;
    const struct budget *chosen[LEDGER_LINES]; /* those that apply to this call */
    size_t chosen_count;
    const struct budget *budgets[LEDGER_LINES]; /* of each line */
    struct ledger_want wants[LEDGER_LINES];
    int64_t resets_at[LEDGER_LINES]; /* for people */
    int64_t real[LEDGER_LINES];
    size_t count;
    uint64_t position; /* behind its last record in the journal */
    unsigned long sync_asked;
    int64_t sync_since_ns;
    bool reserved;  /* the hold was taken */
    bool journaled; /* a HOLD record was written */
    bool kept;      /* it stays reserved, in doubt */
    bool priced;    /* cost is known (zero is known) */
    bool estimated;
    bool late; /* what it really cost is asked for later */
    bool weighed; /* the input's bound is as low as it can be proven */
    bool replayed;
    nano_usd tools; /* of a batch: what its lines' tools can cost by the piece, of which its end says nothing */
    nano_usd cost;
    struct ledger_balance after[LEDGER_LINES]; /* each account when the call was over */
    struct ledger_refusal refusal;
    int64_t output_limit; /* the one the gate set; -1: none */
    nano_usd remaining;   /* least that is left on a money budget after the call; -1: none */
};

/* What makes two requests the same one (flow/recall.c). */
struct repeating {
    bool applies; /* it has an idempotency key of its own or a derived one */
    bool claimed; /* this call is the one that goes; its end is told to the others */
    bool unkept;  /* it was carried out, and its answer found no room: its row must say so */
    struct digest once, asked;
    struct span upstream_key; /* for the vendor; SPAN_NONE: it takes none */
    uint64_t of;              /* the call whose answer is given again; 0: none */
};

/* A request of the gate's own inside a call: an object is read, a token is fetched (flow/side.c). */
struct side {
    void *call; /* http_call, NULL: none open */
    bool sent;
    struct span request; /* whole head, perhaps with a body */
    int status;
    struct buf body;
};

/* What was read first of the objects that the call names only by id (flow/consult.c). */
struct consulting {
    bool needed; /* objects are read where rules want them */
    struct object objects[VENDOR_OBJECTS];
    size_t count;
    size_t reads; /* those that the vendor was asked for */
};

/* The person whom this call waits for, or who let it through (flow/approve.c). */
struct approving {
    struct approval approval; /* id "": no rule holds this call */
    bool taken;
    bool sent; /* a request went out, whichever leg's: then it is used */
};

/* A vendor's call to us, not an agent's (flow/hooks.c). */
struct hooking {
    bool is;
    const struct credential *credential;
    struct hook_event event;
    bool known, own; /* a call made what it is about; the very object */
    bool again;      /* it was told before */
    struct made_object of;
    uint64_t call;
    struct span agents; /* where the agent wanted it; SPAN_NONE: nowhere */
};

/* A link to a result that is fetched (flow/result_link.h). */
struct fetching {
    bool is;
    struct result_link link;
    const struct http_origin *origin;
    struct span target;
};

/* One try upstream. Spans: in the call's arena or the snapshot. */
struct attempt {
    int64_t started_ns, ended_ns; /* 0: under way */
    int status;
    struct span vendor, model, credential, path, why; /* path: on its route; why: it failed */
    nano_usd cost;
};
enum { ATTEMPTS_MAX = 2 * ROUTE_TRIES_MOST }; /* each once more, where a pooled connection was dead or a token was withdrawn */

enum relay_mode { RELAY_NONE, RELAY_HOLD, RELAY_STREAM, RELAY_EVENTS };
struct translation; /* flow/speak.c */
struct realtime;    /* flow/realtime.h */

/* A second asking that reads instead of asking the same again. */
struct looking {
    bool up;
    bool late; /* the call is not in doubt: only its price is asked for */
    struct matched matched;
    struct http_head head;
    struct look_up what;
    int64_t sent_at; /* the call that is in doubt */
    struct span object; /* that the call made */
    struct late when;
};

/* What came back and how it is passed on. */
struct answering {
    void *call; /* http_call, NULL: none open */
    const struct http_head *head;
    struct veil *veil;         /* over what the credential is made of; NULL: nothing goes to a vendor yet */
    struct buf veiled;         /* an end of a streamed body that may begin a secret */
    struct coding *coding;     /* it came compressed; NULL: it did not */
    struct buf plain;          /* a run of it, read */
    bool garbled;              /* ... or a stream that is translated, and cannot be read */
    struct http_field *fields; /* those the caller may see */
    size_t field_count;
    enum relay_mode mode;
    struct buf body; /* held, or tapped */
    bool tapped_whole;
    int64_t passed; /* bytes of a body that went through unread */
    bool piece_noted;         /* in this wake */
    int64_t piece_ns, gap_ns; /* of a stream: when the last piece came (-1: it is not read), and the longest wait for one; 0: there was none */
    struct frames frames;
    bool events;
    struct stream_meter meter;
    struct usage usage;
    struct settled settled;
    struct cached_tap *tap; /* a stream that is gathered to be kept; NULL: none */
    enum look_up_verdict verdict; /* doubtful: what the answer tells of the first asking */
    bool began;             /* a byte of the reply went to the caller */
    bool tasted;            /* what came so far is fit to be given to the caller */
    struct buf pending;     /* events that wait for that */
    const struct fault *spoiled; /* a stream that began with this error, before anything of it went to the caller; NULL: it did not */
    bool composed;          /* the request's head stands in the desk's scratch */
    bool ended;             /* the vendor's answer is complete */
    bool lost;              /* the outcome is unknown: sent, not answered */
    bool doubtful;          /* a second asking under the same key: the answer tells of the first one */
    bool rehearsed;         /* a dry run: the answer is ours, nothing was forwarded */
    int status;             /* told to the caller */
    struct span type;       /* content type of a refusal */
    struct span request_id; /* the vendor's own */
};

struct times {
    int64_t began_ms; /* wall */
    int64_t began_ns, sent_ns, head_ns, upstream_end_ns, first_byte_ns;
};

struct exchange {
    struct list link; /* the worker's list of what is under way */
    struct list news; /* the worker's list of those that wait for news */
    struct desk *desk;
    void *caller; /* NULL: hung up */
    struct snapshot *snapshot;
    struct arena arena;
    const char *tag; /* the vendor its listener is for; NULL: any */
    const struct doubt *doubt; /* not a caller's call but a second asking after this one; NULL: a call */

    enum stage stage;
    const struct step *step;
    bool running, again; /* woken while running: run once more */
    bool cut;            /* cancelled while running */

    uint64_t id;
    char id_text[CALL_ID_TEXT + 1];
    enum err fault;  /* first cause */
    struct span why; /* for people, in the arena */
    struct span rule;

    /* the leg at hand (legs.c): all there is, of a call without a route */
    struct asking asking;
    struct facts facts;
    struct deciding deciding;
    struct speaking speaking;
    struct charging charging;
    struct guarding guarding;
    struct side side;
    struct consulting consulting;
    struct answering answering;
    struct times times;
    size_t attempt; /* its last one's place in `attempts` */

    /* the call */
    struct routing routing;
    struct realtime *realtime; /* a session over a WebSocket; NULL: it is none */
    struct repeating repeating;
    struct caching caching;
    struct alike alike;
    struct approving approving;
    struct hooking hooking;
    struct fetching fetching;
    bool self; /* a key reads its own allowance: no call, no row (flow/self.c) */
    struct looking looking;   /* of a second asking */
    struct clearing clearing; /* of a second asking: what it found */
    size_t attempt_count;     /* of `attempts`, below */
    struct capturing capture;
    struct portkey portkey; /* of a caller that speaks to Portkey's gateway */
    struct trace trace;     /* that its caller says it is part of */
    uint64_t mirror_of; /* asked for the sake of that call's route: nobody hears the answer; 0: it is a caller's own */
    size_t mirror;      /* which of its planned targets this is; FOR_JUDGE: it asks a judge */
    bool drawn;         /* its shadows are asked, too, and compared: what it is answered is heard */
    struct trial *trial; /* of a mirror, or of its judge: the pair that it is part of; NULL: none */
    int64_t gone_ns; /* when the caller went away, of a call that goes on without it; 0: it did not */
    struct attempt attempts[ATTEMPTS_MAX]; /* last, since all before it starts as zeros: each is written when it begins */
};

/* Starts a call whose head has come (it is copied); exchange_run is the next call. tag: slug of the listener's vendor. */
void exchange_begin(
    struct exchange *x, struct desk *desk, void *caller, const struct http_head *head, struct span peer, const char *tag);
/* A vendor's call to us: POST /hooks/... on a listener for all. */
bool exchange_is_hook(const struct http_head *head, const char *tag);
/* Starts a second asking after a call in doubt (copied): the vendor is asked again with its idempotency key, or for what
 * became of it. There is no caller. */
void exchange_begin_again(struct exchange *x, struct desk *desk, const struct doubt *d);
/* The same request as x's, for one of its route's shadows; FOR_JUDGE: a request to the judge of x's trial, which moves. There is no caller.
 * False: no memory. */
#define FOR_JUDGE SIZE_MAX
bool exchange_begin_mirror(struct exchange *mirror, struct exchange *x, size_t planned);
/* pipeline.c: where every exchange starts. late: nothing is in doubt, only the price is asked for. */
enum beginning { BEGIN_CALL, BEGIN_AGAIN, BEGIN_LATE, BEGIN_HOOK, BEGIN_RESULT, BEGIN_SELF };
const struct step *exchange_first_step(enum beginning how);
/* Runs steps until one waits or all is over (then world->over(x)). Safe from inside itself. */
void exchange_run(struct exchange *x);
/* A hang-up, a deadline or a stop. A call that moves money and was sent is not dropped when its caller leaves: it goes on
 * without one, so that its outcome is known. */
void exchange_hang_up(struct exchange *x);
void exchange_cancel(struct exchange *x, enum err why, struct span text);
/* The stop that applies to it, to any of its racers; NULL: none. */
const struct stop *exchange_stop(const struct exchange *x, const struct stop_set *stops, int64_t now_ms);
/* Those that are open: the leg's at hand, and the racers'. */
size_t exchange_holds(const struct exchange *x, const struct ledger_hold *out[ROUTE_RACERS_MOST + 1]);
/* Frees what it holds; the memory itself is the owner's. */
void exchange_free(struct exchange *x);

/* For steps: keeps the first cause; returns STOP. `format` makes the sentence for people. */
enum next fail(struct exchange *x, enum err why, const char *format, ...) PRINTF_LIKE(3, 4);
enum next fail_span(struct exchange *x, enum err why, struct span text);

static inline void capture_hear(struct exchange *x, struct span bytes)
{
    if (x->capture.hears && (x->caller || x->mirror_of))
        capture_gather(x, bytes);
}
static inline bool is_llm(const struct exchange *x)
{
    return x->deciding.dialect != NULL;
}
static inline const struct operation *operation_of(const struct exchange *x)
{
    return x->deciding.matched.operation;
}
/* Sent, it must be heard to its end or be doubted, and is never sent twice by itself: it changes something, or it is a read that its
 * vendor bills (a lookup, a validation). What a model's answer costs has rules of its own. */
static inline bool outcome_matters(const struct exchange *x)
{
    return x->facts.writes || x->facts.billed;
}

#endif

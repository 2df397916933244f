/* SPDX-License-Identifier: Apache-2.0
 * exchange.h - one call, from its head to its audit row: the state that the steps of pipeline.c share.
 *
 * Owner: the worker that accepted it; it never leaves that worker. Everything it points to lives in its arena, in the
 * snapshot it holds a reference to, or in the caller and call objects behind `world`. A step that waits returns WAIT and
 * is run again after a wake; so a step must be able to start over from what it left here. */
#ifndef TG_FLOW_EXCHANGE_H
#define TG_FLOW_EXCHANGE_H

#include "config/snapshot.h"
#include "flow/repeats.h"
#include "flow/stops.h"
#include "flow/world.h"
#include "ledger/brake.h"
#include "ledger/journal.h"
#include "ledger/ledger.h"
#include "rules/call_id.h"

enum next { NEXT, WAIT, RETRY, STOP };
enum stage { ADMIT, ATTEMPT, FINISH, OVER };

struct exchange;

struct step {
    const char *name;
    enum next (*run)(struct exchange *x);
};

/* What a worker lends to its exchanges; changes only between steps. */
struct desk {
    const struct world *world;
    struct snapshot *snapshot;
    struct stop_set *stops;
    struct ledger *ledger;
    struct brakes *brakes;
    struct repeats *repeats;
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
    struct span metadata;         /* JSON object */
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
    struct span body; /* what is forwarded */
    const struct price *price;
    struct span policy_version;
    const struct stop *stop;
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
    bool replayed;
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

/* One try upstream. */
struct attempt {
    int64_t started_ns;
    int status;
    int64_t ms;
};
enum { ATTEMPTS_MAX = 4 };

enum relay_mode { RELAY_NONE, RELAY_HOLD, RELAY_STREAM, RELAY_EVENTS };

/* A second asking that reads instead of asking the same again. */
struct looking {
    bool up;
    struct matched matched;
    struct http_head head;
    struct look_up what;
    int64_t sent_at; /* the call that is in doubt */
};

/* What came back and how it is passed on. */
struct answering {
    void *call; /* http_call, NULL: none open */
    const struct http_head *head;
    struct http_field *fields; /* those the caller may see */
    size_t field_count;
    enum relay_mode mode;
    struct buf body; /* held, or tapped */
    bool tapped_whole;
    struct sse sse;
    bool events;
    struct stream_meter meter;
    struct usage usage;
    struct settled settled;
    enum look_up_verdict verdict; /* doubtful: what the answer tells of the first asking */
    bool began;             /* a byte of the reply went to the caller */
    bool composed;          /* the request's head stands in the desk's scratch */
    bool ended;             /* the vendor's answer is complete */
    bool lost;              /* the outcome is unknown: sent, not answered */
    bool doubtful;          /* a second asking under the same key: the answer tells of the first one */
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

    struct asking asking;
    struct facts facts;
    struct deciding deciding;
    struct charging charging;
    struct repeating repeating;
    struct looking looking;   /* of a second asking */
    struct clearing clearing; /* of a second asking: what it found */
    struct attempt attempts[ATTEMPTS_MAX];
    size_t attempt_count;
    struct answering answering;
    struct times times;
};

/* Starts a call whose head has come (it is copied); exchange_run is the next call. tag: slug of the listener's vendor. */
void exchange_begin(
    struct exchange *x, struct desk *desk, void *caller, const struct http_head *head, struct span peer, const char *tag);
/* Starts a second asking after a call in doubt (copied): the vendor is asked again with its idempotency key, or for what
 * became of it. There is no caller. */
void exchange_begin_again(struct exchange *x, struct desk *desk, const struct doubt *d);
/* pipeline.c: where every exchange starts. */
const struct step *exchange_first_step(bool again);
/* Runs steps until one waits or all is over (then world->over(x)). Safe from inside itself. */
void exchange_run(struct exchange *x);
/* A hang-up, a deadline or a stop. A call that moves money and was sent is not dropped when its caller leaves: it goes on
 * without one, so that its outcome is known. */
void exchange_hang_up(struct exchange *x);
void exchange_cancel(struct exchange *x, enum err why, struct span text);
/* Frees what it holds; the memory itself is the owner's. */
void exchange_free(struct exchange *x);

/* For steps: keeps the first cause; returns STOP. `format` makes the sentence for people. */
enum next fail(struct exchange *x, enum err why, const char *format, ...) PRINTF_LIKE(3, 4);
enum next fail_span(struct exchange *x, enum err why, struct span text);

static inline bool is_llm(const struct exchange *x)
{
    return x->deciding.dialect != NULL;
}
static inline const struct operation *operation_of(const struct exchange *x)
{
    return x->deciding.matched.operation;
}

#endif

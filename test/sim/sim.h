/* SPDX-License-Identifier: Apache-2.0
 * sim.h - a seeded world for the pipeline: callers, vendors, books, time, every one of which may fail by the dice.
 *
 * The same steps that serve sockets run here, unchanged. The fake enforces the rules of the real world (no send without a
 * connection, no reply twice, nothing read past the end); a call that breaks one is a failed seed. */
#ifndef TG_TEST_SIM_H
#define TG_TEST_SIM_H

#include "flow/doubts.h"
#include "flow/exchange.h"

enum { SIM_CALLS = 6, SIM_SEATS = 9 /* and those for second askings */, SIM_ANSWER = 4096, SIM_KEYS = 2, SIM_LOOKS = 16, SIM_TOLD = 1 << 18, SIM_LINES = SIM_SEATS + 80 };

/* What callers and vendors of models speak; the last only vendors. */
enum sim_dialect { SIM_CHAT, SIM_MESSAGES, SIM_GEMINI, SIM_RESPONSES, SIM_CONVERSE, SIM_DIALECTS = SIM_CONVERSE };
/* How a vendor of models answers otherwise than it should. */
enum sim_lie {
    SIM_HONEST,
    SIM_NO_USAGE,
    SIM_UNFINISHED,  /* ends in the middle, politely */
    SIM_GARBAGE,     /* frames that are none; half of an answer */
    SIM_ERROR_EVENT, /* in mid-stream */
    SIM_WRONG_TYPE,
    SIM_OTHER_SHAPE, /* whole where a stream was asked for, and the other way round */
    SIM_EMPTY,
    SIM_SILENT,      /* well-formed, and says nothing */
    SIM_REFUSES,     /* well-formed, and says that it will not */
    SIM_LIES
};

struct sim;
struct sim_call;

/* A connection to a vendor, and what it answers on it. */
struct sim_line {
    struct sim_call *call;
    unsigned number; /* among all of the seed: it stands in what the vendor says */
    bool open, ready, was_sent, request_whole, head_given;
    int connect_in, answer_in;
    bool connect_fails, answer_breaks, breaks_before_head, vendor_refuses;
    bool stream_unfinished; /* the vendor ends its stream in the middle, politely */
    enum err fault;
    struct http_head answer_head;
    struct http_field answer_fields[4];
    size_t answer_len, answer_given, answer_breaks_at;
    nano_usd charged; /* what the vendor really took */
    nano_usd cheaper; /* ... less this, as it tells later */
    bool side;        /* the connection is for an object that is read first */
    bool asks_price;  /* a second asking that only reads */
    char side_answer[128];
    size_t side_len, side_given;
    struct http_head side_head;
    bool replays;     /* the vendor has carried this one out before */
    /* of models (models.c) */
    enum sim_dialect heard;
    enum sim_lie lie;
    int64_t took_in, took_out; /* tokens */
    bool usage_said, answers_stream;
    size_t usage_at, end_at, lie_at; /* where in the answer usage is complete, the vendor's end is over, a lie begins (SIZE_MAX: none) */
    size_t stalls_at;
    int64_t stalled_ms; /* 0: not yet */
    char words[48];      /* of its answer */
    /* of routes (routes.c) */
    struct sim_line *before; /* of the same call */
    size_t attempt;          /* which of the exchange's */
    struct http_field more[2]; /* of its answer's head */
    size_t more_count;
    int64_t hangs_ms;        /* before its head */
    bool falls;              /* the vendor breaks down: it has carried the call out, or not */
    bool ended;              /* the end of its body was read */
    bool doubtful;           /* a second asking under the same key */
    nano_usd worst;          /* what was held for it */
    const struct price *price;
    char answer[SIM_ANSWER]; /* the last member: it is not cleared */
};

/* One caller with its connection, and the vendor's connection of its call, if any. */
struct sim_call {
    struct sim *sim;
    struct exchange x;
    bool begun, over, freed;
    /* the caller */
    struct http_head head;
    struct http_field fields[12];
    char body[1024];
    size_t body_len, body_given;
    bool hung_up, body_breaks;
    bool head_sent, replied, cut;
    int status;
    size_t reply_bytes;
    /* the vendor: the connection that was opened last; of a route, each attempt has one of its own */
    struct sim_line *l;
    bool late, told_late; /* its price comes later; it came */
    /* the books */
    int holds, rows;
    enum verdict verdict;
    nano_usd row_cost, row_doubt;
    bool durable; /* its hold is on the platter */
    bool doubted;
    struct sim_call *first; /* a second asking after this one; NULL: a call */
    int settlements;
    /* of one that names a model (models.c) */
    bool named, stream, array, of_state, goes_on, unsayable;
    bool remembers, kept;    /* its answer is to be kept; it is, or the journal failed */
    unsigned number;        /* in the text it asks with */
    unsigned previous_call; /* of the one it goes on with; 0: of none that is kept */
    enum sim_dialect said;
    char target[128], previous[64];
    struct span left_out;    /* what no vendor may be told */
    struct sim_kept *deletes;
    int64_t gone_ms, news_ms; /* 0: not yet; when it is run again without news */
    struct buf told;
    bool told_stream, told_array;
    /* of one that is routed (routes.c) */
    bool routed, mirrors;
    struct span config;
    size_t opened; /* attempts */
    struct sim_line *first_line; /* what a vendor that is named by the path answers */
    struct sim_line *last, *answers; /* the line opened last; the one whose answer is the call's */
    const char *cannot; /* the vendors that cannot be told what it says */
    struct journal_line *held; /* as the journal has it */
    size_t held_count;
};

/* An answer that can be gone on with. */
struct sim_kept {
    char id[64];
    unsigned number; /* of the call */
    bool deleted;
};

/* An idempotency key of ours at the vendor, and whether it was carried out. */
struct sim_key {
    char text[80];
    size_t len;
};

/* What the rows say of an account: at the end the ledger must say the same. */
struct sim_account {
    int64_t settled, doubt, held; /* held: by the journal's last record of each call under way */
};

struct sim {
    uint64_t dice;
    uint64_t seed;
    struct snapshot *snapshot;
    struct stop_set *no_stops, *all_stopped;
    struct world world;
    struct desk desk;
    struct ledger *ledger;
    struct sim_call calls[SIM_SEATS]; /* callers first, then second askings */
    size_t count;                     /* of callers */
    struct sim_line lines[SIM_LINES]; /* each seat's first one, then the others */
    size_t line_count;
    uint32_t haste;                   /* percent: a caller whose turn it is begins */
    bool routes;                      /* some calls are routed */
    bool talks;                       /* one conversation, gone on with by id */
    struct doubts *doubts;
    int64_t now_ms;
    struct sim_key keys[SIM_SEATS]; /* of requests that the vendor carried out */
    size_t key_count;
    uint64_t written, looked_at; /* looked_at: when it was compared with the ledger last */
    struct arena arena; /* of one seed */
    struct map accounts; /* struct sim_account */
    uint64_t repeated, asked_again, settled, read_first, told_late; /* over all seeds: answers given again, second askings, doubts they settled */
    struct json *json; /* of those who check */
    struct sim_kept kept[SIM_CALLS];
    size_t kept_count;
    struct digest looks[SIM_LOOKS]; /* what the store has not answered yet */
    size_t look_count;
    uint64_t streams, clean_ends, error_ends, translated, exact, estimated, drained, kept_on; /* over all seeds, of models */
    bool stopped; /* the stop has been published: nothing may be sent any more */
    uint64_t routed, attempts, raced, mirrored, turned; /* over all seeds */
    nano_usd charged_again; /* by second askings */
    const char *wrong; /* the first rule that was broken */
    uint64_t verdicts[4], forwarded, hung_up, cut; /* over all seeds: what the dice really played */
};

uint32_t sim_roll(struct sim *s, uint32_t sides);
static inline bool sim_chance(struct sim *s, uint32_t percent) { return sim_roll(s, 100) < percent; }
void sim_wrong(struct sim *s, const char *what);

/* world.c */
bool sim_ask_again(void *self, const struct doubt *d);
void sim_world(struct world *w, struct sim *s);
/* caller.c: what this caller asks, and what the vendor would answer. */
void sim_ask(struct sim_call *c);
/* models.c: the same of models; and what the vendor makes of the request that came. */
void sim_ask_model(struct sim_call *c);
void sim_hear_model(struct sim_call *c, struct span head, struct span body);
/* Nothing comes for a while, which may be longer than what the gate waits (c->fault says so). */
bool sim_stalls(struct sim_line *l);
/* routes.c: which way a call goes, what it meets there. */
void sim_route(struct sim_call *c);
void sim_retry(struct sim_call *c); /* of a call that moves money */
struct sim_line *sim_first_line(struct sim *s, struct sim_call *c);
struct sim_line *sim_next_line(struct sim_call *c); /* NULL: no connection can be had */
void sim_mirror(void *self, struct exchange *x, size_t planned);
/* trials.c: whether another attempt may be made; whether it may be sent; what must hold when the row is written, and when all is over. */
void sim_check_turn(struct sim_call *c);
void sim_check_sent(struct sim_line *l);
void sim_check_again(struct sim_line *l, struct span head);
void sim_check_routed(struct sim_call *c, const struct journal_row *r);
void sim_check_routed_end(struct sim_call *c);
/* told.c: what the caller got, and what its row says. */
void sim_check_told(struct sim_call *c);
void sim_check_cost(struct sim_call *c, const struct journal_row *r);
bool sim_vendor_ended(const struct sim_call *c, const struct sim_line *l);
/* An answer can be gone on with now, or not any more. */
void sim_note_kept(struct sim *s, const struct journal_note *n, bool fails);

#endif

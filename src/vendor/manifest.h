/* SPDX-License-Identifier: Apache-2.0
 * manifest.h - the inside of a compiled manifest; for this folder only. The language: docs/manifests.md.
 *
 * Read vendor.h first. manifest.c compiles the file, operation.c its operations, route.c their paths, expr.c its cost
 * rules, doubt.c what is said about lost answers; understand.c, settle.c and look_up.c run them. Everything lives in the
 * arena it was compiled into and never changes. */
#ifndef TG_VENDOR_MANIFEST_H
#define TG_VENDOR_MANIFEST_H

#include "vendor/vendor.h"

/* ---- where a value stands ---- */

enum root { ROOT_BODY, ROOT_ANSWER, ROOT_QUERY, ROOT_HEADER, ROOT_PATH, ROOT_SETTING };

enum step_kind { STEP_NAME, STEP_EACH, STEP_DEEP }; /* name, "*" (every item), "**" (any depth) */

struct step {
    enum step_kind kind;
    bool any_case; /* written "~name": a mail header is the same in any letter case */
    struct span name;
};

enum { FIELD_STEPS = 8 };

/* "body.transfer_data.destination", "body.*.to", "header.stripe-account", "path.customer", "setting.unit_price_usd". */
struct field {
    enum root root;
    struct step steps[FIELD_STEPS];
    size_t count;
    struct span text; /* as written */
};

/* False with a static reason. */
bool field_read(struct span text, struct field *out, struct arena *a, const char **why);

/* ---- values of a call ---- */

enum body_shape { SHAPE_NONE, SHAPE_FORM, SHAPE_JSON };

/* All a rule can look at. */
struct subject {
    const struct asked *asked;
    struct arena *arena;
    enum body_shape body_shape;
    struct pairs form;
    struct json_value body;
    struct pairs query;
    bool has_answer;
    struct json_value answer;
};

/* A scalar found by a field: its text (numbers as written), and whether it was a JSON number or looks like one. */
struct found {
    struct span text;
    bool number;
    bool item; /* stands in a list */
};

/* Calls visit for every scalar the field names (JSON null is absent); stops when it answers false. False: stopped. */
typedef bool found_visit(void *self, const struct found *f);
bool field_each(const struct field *f, struct subject *s, found_visit *visit, void *self);
/* How many there are: items of a list count one each. */
size_t field_count(const struct field *f, struct subject *s);
/* Any value at all there, objects and lists included. */
bool field_present(const struct field *f, struct subject *s);
/* The node of a "setting." field: the configuration's, else the manifest's; NULL: neither. */
const struct node *field_setting(const struct field *f, const struct subject *s, bool from_manifest);

/* ---- cost rules ---- */

enum value_kind { VALUE_ABSENT, VALUE_UNKNOWN, VALUE_NUMBER, VALUE_TEXT };

struct value {
    enum value_kind kind;
    int64_t nano; /* number x 10^9 */
    struct span text;
};

struct function;
enum expr_kind { EXPR_NUMBER, EXPR_TEXT, EXPR_FIELD, EXPR_CALL, EXPR_ADD, EXPR_SUB, EXPR_MUL };
enum { EXPR_ARGS = 8 };

struct expr {
    enum expr_kind kind;
    int64_t nano;
    struct span text;
    struct field field;
    const struct function *function;
    const struct expr *args[EXPR_ARGS];
    size_t count;
};

struct eval {
    struct subject *subject;
    const struct manifest *manifest;
    bool worst;              /* round up and add margins; else to nearest, without */
    const int64_t *reserved; /* when settling: by unit; NULL when reserving */
};

struct function {
    const char *name;
    size_t least, most; /* arguments */
    struct value (*run)(struct eval *e, const struct expr *call);
};

/* NULL: no function of that name. The closed set stands in functions.c. */
const struct function *function_find(struct span name);
/* Compiles a rule; false with a reason in why[]. */
bool expr_read(struct arena *a, struct span text, const struct expr **out, char why[200]);
/* Whether a field below that root stands in it. */
bool expr_looks_at(const struct expr *x, enum root root);
struct value expr_run(struct eval *e, const struct expr *x);
/* As a number: text is read as a decimal; anything else unknown. */
struct value value_number(struct value v);

#define VALUE_NOT_KNOWN ((struct value){ .kind = VALUE_UNKNOWN })
static inline struct value value_of(int64_t nano)
{
    return (struct value){ .kind = VALUE_NUMBER, .nano = nano };
}

/* ---- a call that is over (settle.c) ---- */

/* The request as a subject of rules, from what was understood of it. JSON bodies are read into j, which then holds nothing
 * else; with j == NULL their fields are absent. */
void subject_again(struct subject *s, struct json *j, const struct asked *q, const struct understood *u, struct arena *a);
/* Settles by what the subject's answer says. */
void settle_by(struct subject *s, const struct understood *u, struct settled *out);
/* Settles by the body of an answer 2xx, a replay or not. */
void settle_success(struct json *j, const struct asked *q, const struct understood *u, struct span body, struct arena *a, struct settled *out);
/* Whether the answer says that it is a replay. */
bool settle_replayed(const struct manifest *m, const struct http_head *answer);

/* ---- pure helpers with files of their own ---- */

enum clock { CLOCK_RFC2822, CLOCK_RFC3339, CLOCK_UNIX, CLOCK_UNIX_MS };
/* A vendor's way of writing a time, to Unix ms. */
bool moment_read(enum clock clock, struct span text, int64_t *unix_ms);

/* Parts an SMS is billed as. `smart`: look-alikes of GSM characters are brought back first. 0 for an empty text. */
int64_t sms_segments(struct span utf8, bool smart);
/* The address in "a@x.example" or "Name <a@x.example>". False: none, several, or readable in two ways. */
bool mail_address(struct span value, struct span *out);
/* The part behind '@', or SPAN_NONE. */
struct span mail_domain(struct span address);

/* ---- rules of the whole manifest ---- */

enum transform { AS_IS, AS_ADDRESS, AS_DOMAIN, AS_PHONE, AS_LAST };

/* Which calls must show a scope: those that do not are noted as touching "?" (unless the operation is `unscoped`). */
enum shown { SHOWN_NEVER, SHOWN_MONEY, SHOWN_ALWAYS };

struct scope_source {
    struct span name; /* "stripe.customer" */
    struct field *fields;
    size_t count;
    enum transform transform;
    bool who; /* the call row's customer */
    enum shown must_show;
};

enum parameter_kind { PARAMETER_ANY, PARAMETER_INTEGER, PARAMETER_ONE };

struct parameter_check {
    struct field field;
    enum parameter_kind kind; /* ONE: at most one value */
    bool required, forbidden;
    struct span *allowed;
    size_t allowed_count;
    struct span note; /* why; for the refusal */
};

enum carrier_kind { CARRY_SCHEME, CARRY_BASIC_USER, CARRY_BASIC_PASSWORD, CARRY_HEADER, CARRY_QUERY };

struct carrier {
    enum carrier_kind kind;
    /* Scheme ("Bearer"), header field or query parameter. basic_password: when reading, a pattern the user name must be
     * like; when sending, the user name (SPAN_NONE: the credential's key id or account). */
    struct span name;
};

struct origin {
    struct span name;      /* "files" */
    struct span authority; /* for Host */
    struct span base_path; /* "" or "/prefix": goes before the path */
    struct span prefix;    /* "/verify": taken off the path */
    struct span public_url; /* the vendor's own, whatever the configuration says: for links in answers */
    struct span host_line; /* compiled: " HTTP/1.1\r\nhost: ...\r\naccept-encoding: identity\r\n" */
};

/* A step of a path or a value of a query with one place to fill in: "{path.Sid}.json". */
struct blank {
    struct span name; /* of the query's parameter */
    struct span before, after;
    bool account;             /* the credential's account stands there */
    const struct expr *value; /* a field; NULL (and not account): `before` is all there is */
};

/* How the object that a call made is known again: what it says here must be what the call said there. */
struct likeness {
    struct field theirs, ours;
    bool sure; /* where it differs it is another call's object; else it may be this one's, written differently */
};

/* How a call whose answer was lost is looked up. */
struct search {
    struct blank *path, *query;
    size_t path_count, query_count;
    size_t operation; /* that is asked */
    const struct expr *when;  /* NULL: always */
    struct field list, more, created;
    enum clock clock;
    struct likeness *members;
    size_t count;
    int64_t early_ms, late_ms, patience_ms;
};

/* What an operation has beside its public face. */
struct rules {
    size_t origin;
    struct span *captures; /* names in the order of the template's values */
    size_t capture_count;
    const struct expr *reserve[UNIT_COUNT], *settle[UNIT_COUNT];
    bool has_reserve;
    bool unscoped;
    struct scope_source *scopes;
    size_t scope_count;
    struct parameter_check *parameters;
    size_t parameter_count;
    struct field object_id;
    bool has_object_id;
    struct search *search; /* NULL: it cannot be looked up */
    uint32_t next; /* operation + 1 at the same path; 0: last */
};

/* A step of a path: a literal, or a captured value with a fixed end ("{Sid}.json"). Literals win over captures, longer ends
 * over shorter ones, and there is no way back: what a literal step leads to is never tried as a captured value. */
struct route_node {
    struct span text; /* literal, or the fixed end of a capture */
    uint32_t parent;
    uint32_t capture;      /* first capture child, by falling length of end; 0: none */
    uint32_t next_capture; /* sibling */
    uint32_t operation;    /* first operation + 1; others by rules.next */
};

enum part_kind { PART_TEXT, PART_STRING, PART_DETAILS, PART_STATUS, PART_TABLE };
enum part_source { SAY_CODE, SAY_MESSAGE, SAY_CALL, SAY_RULE };

struct part {
    enum part_kind kind;
    enum part_source source;
    struct span text;  /* PART_TEXT */
    struct span *rows; /* PART_TABLE: by enum err */
};

struct deny {
    struct span content_type;
    int status[ERR_COUNT];
    struct part *parts;
    size_t count;
};

enum { MANIFEST_CURRENCIES = 64, MANIFEST_ORIGINS = 64 };

struct currency {
    char code[3];
    int exponent;
};

struct manifest {
    struct vendor *vendor;
    struct vendor_origin *public_origins;
    struct origin *origins;
    size_t origin_count;
    bool single_origin;          /* base_url was configured: nothing else is reached */
    struct span optional_prefix; /* "/v1": a path without it gets it */
    struct span ignored_prefix;  /* "/api": taken off a path that has it */

    struct carrier *carriers;
    size_t carrier_count;
    struct carrier send;         /* how the secret is sent */
    struct span *allowed_fields; /* the caller's fields that go on */
    size_t allowed_count;
    uint64_t allowed_lengths;          /* bit n: one of them has n bytes */
    struct http_field *default_fields; /* sent when the caller has none of that name */
    size_t default_count;
    struct span *dropped_answer_fields;
    size_t dropped_count;
    uint64_t dropped_lengths;
    struct span *exclusive; /* fields of which at most one may be given */
    size_t exclusive_count;
    bool rewrite_links; /* JSON answers hold absolute links to these origins */
    struct span account_capture; /* must be the credential's account */

    struct operation *operations;
    struct rules *rules;
    size_t operation_count;
    struct route_node *routes;
    size_t route_count;
    uint32_t *edges; /* hash table of literal steps: node + 1 */
    size_t edge_mask;
    uint32_t start; /* node behind optional_prefix */

    struct span *repeat;
    size_t repeat_count;
    struct scope_source *scopes;
    size_t scope_count;
    struct parameter_check *parameters;
    size_t parameter_count;
    struct currency *currencies;
    size_t currency_count;
    int currency_default; /* exponent of the others; -1: they are unknown */
    const struct node *settings;
    struct span *once_calls; /* patterns of the calls that take an idempotency key */
    size_t once_call_count;
    int64_t *once_final; /* statuses of a call asked again that prove that it was not carried out */
    size_t once_final_count;
    struct http_field replayed; /* marks an idempotent replay; name SPAN_NONE: none */
    struct span request_id;     /* answer field */
    struct field object_id;     /* of operations that move money and name none themselves */
    bool has_object_id;
    struct deny deny;
};

/* The path as it is matched: without ignored_prefix. *lacks_prefix: optional_prefix is to be put back. */
struct span route_path(const struct manifest *m, struct span path, bool *lacks_prefix);

#endif

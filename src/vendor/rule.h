/* SPDX-License-Identifier: Apache-2.0
 * rule.h - the rules of a manifest: fields, values, expressions, and all that they can look at; for this folder only.
 *
 * field.c finds what a field names, object_field.c in objects that were read; expr.c reads and runs rules; functions.c has the
 * functions they may call, of which tally.c counts, numbers.c knows telephone numbers and prices.c looks into tables. What rules
 * are for stands in manifest.h. The language: docs/manifests.md. */
#ifndef TG_VENDOR_RULE_H
#define TG_VENDOR_RULE_H

#include "vendor/vendor.h"

/* ---- where a value stands ---- */

enum root {
    ROOT_BODY,
    ROOT_ANSWER, /* of the vendor; of a hook: the event */
    ROOT_QUERY,
    ROOT_HEADER, /* of the request */
    ROOT_PATH,   /* a captured value */
    ROOT_SETTING,
    ROOT_OBJECT,   /* "object.charge.customer": of an object that was read first (objects.c) */
    ROOT_ARGUMENT, /* "argument.input.note": of the root field of a GraphQL document (graphql.c) */
    ROOT_ITEM      /* "item.price": of the item that sum() is at (tally.c) */
};

enum step_kind { STEP_NAME, STEP_EACH, STEP_DEEP }; /* name, "*" (every item), "**" (any depth) */

struct step {
    enum step_kind kind;
    bool any_case; /* written "~name": a mail header is the same in any letter case */
    struct span name;
};

/* "body.transfer_data.destination", "body.*.to", "header.stripe-account", "path.customer", "setting.unit_price_usd". */
struct field {
    enum root root;
    const struct step *steps; /* at most 8 */
    size_t count;
    struct span text; /* as written */
};

/* `text` must live as long as the field. False with a static reason. */
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
    struct json_value argument; /* of a GraphQL operation: a list, of each root field's arguments, variables filled in */
    bool has_item;
    struct json_value item;  /* of a list in JSON; absent: of one in a form */
    struct pairs item_pairs; /* with their whole names, the item's own behind `item_depth` keys */
    size_t item_depth;
    struct object_seen *seen;   /* by object of the manifest, once one was looked for (object_field.c) */
    struct object_read *wanted; /* where an object that is to be read first is noted; NULL: none is read now */
    struct span *counted_id;    /* where the id that counted() was asked about is noted; NULL: nowhere */
};

/* A scalar found by a field: its text (numbers as written), and whether it was a JSON number or looks like one. */
struct found {
    struct span text;
    bool number;
    bool item;              /* stands in a list */
    struct json_value json; /* absent where it did not stand in JSON */
};

/* Calls visit for every scalar the field names (JSON null is absent); stops when it answers false. False: stopped. */
typedef bool found_visit(void *self, const struct found *f);
bool field_each(const struct field *f, struct subject *s, found_visit *visit, void *self);
/* How many there are: items of a list count one each. */
size_t field_count(const struct field *f, struct subject *s);
/* Calls visit for each item of the list that the field names, which rules see as item.NAME meanwhile; no list, no items. False:
 * stopped, there is something else than a list, or it has more than 500 items in a form. */
typedef bool item_visit(void *self);
bool field_items(const struct field *f, struct subject *s, item_visit *visit, void *self);
/* Any value at all there, objects and lists included. */
bool field_present(const struct field *f, struct subject *s);
/* The same for what stands in an object that was read (object_field.c). */
bool object_each(const struct field *f, struct subject *s, found_visit *visit, void *self);
/* Index in the manifest's objects; their count when there is none of that name. */
size_t object_index(const struct manifest *m, struct span name);
/* What rules write behind the object's name: "customer" of "object.charge.customer". */
struct span object_path(const struct field *f);
/* The node of a "setting." field: the configuration's, else the manifest's; NULL: neither. */
const struct node *field_setting(const struct field *f, const struct subject *s, bool from_manifest);

/* ---- cost rules ---- */

enum value_kind { VALUE_ABSENT, VALUE_UNKNOWN, VALUE_NUMBER, VALUE_TEXT };

struct value {
    enum value_kind kind;
    bool no_truth; /* stood in JSON that was sent, as something else than true or false */
    int64_t nano;  /* number x 10^9 */
    struct span text;
};

struct function;
enum expr_kind { EXPR_NUMBER, EXPR_TEXT, EXPR_FIELD, EXPR_CALL, EXPR_ADD, EXPR_SUB, EXPR_MUL };
enum { EXPR_ARGS = 8 };

/* A manifest has thousands of them, so each is no larger than it must be. */
struct expr {
    enum expr_kind kind;
    uint32_t count; /* arguments of a call; the two sides of + - * */
    const struct expr **args;
    union {
        int64_t nano;                    /* EXPR_NUMBER */
        struct span text;                /* EXPR_TEXT */
        const struct field *field;       /* EXPR_FIELD */
        const struct function *function; /* EXPR_CALL */
    };
};

struct eval {
    struct subject *subject;
    const struct manifest *manifest;
    bool worst;              /* round up and add margins; else to nearest, without */
    const int64_t *reserved; /* when settling: by unit; NULL when reserving */
    struct span unset;       /* the last setting that was looked for and has no value: "setting.recording_price_usd" */
};

struct function {
    const char *name;
    size_t least, most; /* arguments */
    struct value (*run)(struct eval *e, const struct expr *call);
};

/* NULL: no function of that name. The closed set stands in functions.c. */
const struct function *function_find(struct span name);
/* Compiles a rule, whose text must live as long; false with a reason in why[]. */
bool expr_read(struct arena *a, struct span text, const struct expr **out, char why[200]);
/* Whether a field below that root stands in it. */
bool expr_looks_at(const struct expr *x, enum root root);
/* Every field in it, however it is used. */
typedef void field_visit(void *self, const struct field *f);
void expr_each_field(const struct expr *x, field_visit *visit, void *self);
struct value expr_run(struct eval *e, const struct expr *x);
/* As a number: text is read as a decimal; anything else unknown. */
struct value value_number(struct value v);

#define VALUE_NOT_KNOWN ((struct value){ .kind = VALUE_UNKNOWN })
static inline struct value value_of(int64_t nano)
{
    return (struct value){ .kind = VALUE_NUMBER, .nano = nano };
}

#endif

/* SPDX-License-Identifier: Apache-2.0
 * config.h - from a YAML file, a folder of manifests and the objects made by the admin API to a snapshot.
 *
 * The file and the API share one set of readers: an API object is a node tree from JSON, laid over the file's entry of
 * the same id: a field that the API has set is the API's, whole (so a key of the file can be revoked or re-budgeted by the
 * API, and a reload keeps that). ${...} is expanded in the file only: whoever may call the API may not read the server's
 * environment.
 * Blocking; on the admin thread (and once in main before anything runs). */
#ifndef TG_CONFIG_CONFIG_H
#define TG_CONFIG_CONFIG_H

#include "config/snapshot.h"

/* Objects the API made, as the store has them. kinds: key, credential, policy, budget, vendor, workspace, route, alert, export, price, token,
 * increase, setting; others (the stops) are not looked at here. The id of a key is "key_..."; of an increase the full id of the budget it
 * raises ("key_1f3c/usd/day"), with {"by", "until", "reason"} as its body; of a price "provider/model", and its body as in `prices:`; of a setting, the name of the field at the top of
 * the file, with {"value": ...} as its body; of any other kind, its name. */
struct config_object {
    struct span kind, id, body; /* body: JSON */
};

struct config_input {
    struct span file;     /* path; SPAN_NONE: no file, all defaults */
    struct span text;     /* instead of reading `file` when given (the sandbox's own configuration) */
    struct span data_dir; /* --data; SPAN_NONE: from the file, else "./data" */
    const struct config_object *objects;
    size_t object_count;
    const uint8_t *master_key; /* 32 bytes, see config_master_key */
    struct span admin_token;   /* for a configuration without one, see config_admin_token; SPAN_NONE: none */
};

/* Where a data directory is, before the rest can be read (the store lives there). Reads only `data:`. */
CHECKED enum err config_data_dir(const struct config_input *in, struct arena *a, struct span *dir, struct trouble *t);
/* TOLLGATE_MASTER_KEY (64 hex digits or base64), else <dir>/master.key (made on first start, mode 0600; refused when
 * others can read it). key is in secret memory of the caller. */
CHECKED enum err config_master_key(struct span dir, uint8_t key[32], struct trouble *t);
/* The admin token for a configuration without one: <dir>/admin.token, made on first start with mode 0600. `out` has
 * room for 201 bytes and gets its text with a NUL; *made tells a first start. */
enum { CONFIG_TOKEN_ROOM = 201 };
CHECKED enum err config_admin_token(struct span dir, char out[CONFIG_TOKEN_ROOM], bool *made, struct trouble *t);
/* E_CONFIG with file, line, field; or E_OK and a snapshot with one reference. Warnings (say, a key without budget) are
 * logged. */
CHECKED enum err config_load(const struct config_input *in, struct snapshot **out, struct trouble *t);

/* Writing objects: E_CONFIG, E_CONFLICT (the name is taken; it is still referred to, and by whom; it is built in) or
 * E_NOT_FOUND with *t. A file's entry that is deleted is hidden from then on (`stored` says so), until one of its name is
 * created again; a vendor's entry loses what the API laid over it. Each checks the whole configuration with the change applied before it answers, so that nothing invalid
 * is ever stored. body is the request's JSON; *stored gets the JSON to store (secrets sealed, tokens hashed) in a. */
struct config_change {
    struct span kind, id;  /* id: SPAN_NONE when creating: made here */
    struct span body;      /* SPAN_NONE: delete */
    bool patch;            /* merge (RFC 7386) onto what is there; else replace or create */
};
struct config_changed {
    struct span id;
    struct span stored; /* for store_object_put; SPAN_NONE: delete */
    struct span token;  /* a new key's secret text, to be shown once; SPAN_NONE otherwise */
    int64_t previous_until; /* of a rotation: when the last of the old tokens ends; 0: they have ended */
    bool repeated;          /* of a rotation: it was made before; nothing is to be stored, and there is no snapshot */
    struct snapshot *snapshot; /* the configuration with it, one reference */
};
CHECKED enum err config_apply(const struct config_input *in, const struct config_change *c, struct arena *a, struct config_changed *out, struct trouble *t);
/* A new secret text for a key or an admin token; the old one stays valid for overlap_ms (0: ends now). `once`, if there is one (at most
 * CONFIG_ONCE_LONGEST bytes), names the rotation: asked for again by that name within an hour at least, and while its token
 * lives, it gives that token again and changes nothing, so that a lost answer is not a lost token. */
enum { CONFIG_ONCE_LONGEST = 255 };
struct config_rotation {
    bool admin; /* an admin token's; else a key's */
    struct span id, once;
    int64_t overlap_ms, now_ms;
};
CHECKED enum err config_rotate(const struct config_input *in, const struct config_rotation *r, struct arena *a, struct config_changed *out, struct trouble *t);

/* An object as the API shows it: file and stored parts merged, no secret, with "id", "origin" (file, api, file+api,
 * built-in) and for keys "token" masked. E_NOT_FOUND. */
CHECKED enum err config_show(const struct config_input *in, struct span kind, struct span id, struct buf *json, struct trouble *t);
/* All of a kind, sorted by id: calls visit with each one's JSON. */
CHECKED enum err config_list(const struct config_input *in, struct span kind, void (*visit)(void *self, struct span id, struct span json), void *self, struct trouble *t);

/* The fields that an object of this kind may have; NULL-ended. NULL: no such kind, or another part of the configuration says. */
const char *const *config_fields(struct span kind);

/* How `prices_file` stands: refused, since when and why; the last good one is in force then. */
struct config_prices_state {
    bool refused;
    int64_t since;
    char why[300];
};
struct config_prices_state config_prices_state(void);

#endif

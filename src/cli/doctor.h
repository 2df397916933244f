/* SPDX-License-Identifier: Apache-2.0
 * doctor.h - what the files of `tollgate doctor` share: findings, and what is looked at. Private to cli/. */
#ifndef TG_CLI_DOCTOR_H
#define TG_CLI_DOCTOR_H

#include "cli/api.h"
#include "config/config.h"

enum level { LEVEL_OK, LEVEL_WARN, LEVEL_FAIL };

struct finding {
    enum level level;
    struct span area, found, next; /* next: what to do; SPAN_NONE: nothing */
    struct finding *after;
};

struct doctor {
    struct cli *c;
    struct finding *first, *last;
    size_t counts[3];
    struct config_input config;
    uint8_t master_key[32];
    struct span data_dir;
    struct snapshot *snapshot; /* NULL: the configuration cannot be read */
    bool running;              /* a gate answers on this machine */
    int64_t clock_least_ms, clock_most_ms; /* what vendors' clocks are ahead of ours; least > most: none was asked */
};

/* format: what was found. next may be NULL. */
void doctor_say(struct doctor *d, enum level level, const char *area, const char *next, const char *format, ...) PRINTF_LIKE(5, 6);

/* doctor_host.c: this machine. */
void doctor_data(struct doctor *d);
void doctor_machine(struct doctor *d);
void doctor_ports(struct doctor *d);
void doctor_certificate(struct doctor *d);

/* doctor_vendor.c: what is behind the gate. */
void doctor_vendors(struct doctor *d);
/* What to do where that step of a connection failed; NULL: it is not known. */
const char *doctor_next(const char *step);

/* doctor_receiver.c: where alerts, rows and metrics go by themselves. */
void doctor_receivers(struct doctor *d);
void doctor_export_dirs(struct doctor *d);

/* doctor_net.c: one question to a host, step by step, so that it can be said which one failed. */
struct asked_host {
    const char *failed; /* "name", "connect", "proxy", "tls", "answer"; NULL: none */
    char why[200];
    int status;              /* of the answer; 0: none was asked for */
    int64_t ahead_ms;        /* its clock, by the answer's Date; only when dated */
    bool dated;
    int64_t certificate_until; /* Unix ms; 0: no TLS */
    int64_t took_ms;
};
/* request: a whole request head with its body; SPAN_NONE: only as far as the hand-shake. tls: with ca_file, or the system's store. */
void doctor_ask(const struct http_origin *o, bool tls, struct span ca_file, struct span request, struct asked_host *out);

#endif

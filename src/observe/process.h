/* SPDX-License-Identifier: Apache-2.0
 * process.h - what this process takes of the machine. */
#ifndef TG_OBSERVE_PROCESS_H
#define TG_OBSERVE_PROCESS_H

#include <stdint.h>

struct process_use {
    int64_t resident_bytes, virtual_bytes; /* -1: not known here */
    int64_t cpu_us;                        /* of all threads, in the kernel too */
    int64_t open_files, files_most, threads;
};

void process_use(struct process_use *out);

#endif

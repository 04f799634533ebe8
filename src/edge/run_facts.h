/* SPDX-License-Identifier: MIT
 * A finished run as the log keeps it: a table of names and, a call, about twenty bytes of numbers.
 * Version 1; CRC-free, because what stores it checks it. */
#ifndef FOREWARM_EDGE_RUN_FACTS_H
#define FOREWARM_EDGE_RUN_FACTS_H

#include "base/buf.h"
#include "learn/callpath.h"

enum { RUN_FACTS_MAX = 8 << 20, RUN_FACTS_VERSION = 1 };

/* `models[i]` is the resource or model of call i; "" not known. `out->failed`: it is too large. */
void run_facts_put(struct buf *out, const struct callpath_run *run, const struct str *models);

/* Read back: everything points into `data`, or is owned by it. */
struct run_facts {
    struct callpath_run run;
    const struct str *models;
    void *memory;
};
/* FW_CORRUPT, FW_VERSION, FW_NOMEM. */
FW_MUST_CHECK enum fw_err run_facts_get(struct run_facts *facts, struct str data);
void run_facts_fini(struct run_facts *facts);

#endif

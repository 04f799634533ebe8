/* SPDX-License-Identifier: MIT
 * Tools that an agent calls side by side, and when it pays to let one caller of a shared prefix go
 * first. A cohort is the names of the calls that run when another begins, with that one's, sorted,
 * the same name as often as it runs. As NeMo-Relay's tool parallelism learner and warm-first gate
 * have it. */
#ifndef FOREWARM_LEARN_COHORTS_H
#define FOREWARM_LEARN_COHORTS_H

#include "base/table.h"
#include "learn/callpath.h"

enum { COHORT_SIZE_MAX = 64, COHORTS_MAX = 65536 };
struct cohort {
    uint32_t size;
    uint64_t seen;
};
struct cohorts {
    struct table keys; /* names joined by "|" */
    struct cohort *of;
    uint32_t capacity;
    uint64_t left_out; /* beyond COHORT_SIZE_MAX side by side, or COHORTS_MAX */
};
void cohorts_init(struct cohorts *cohorts);
void cohorts_fini(struct cohorts *cohorts);
/* Finished tool calls alone count. FW_NOMEM. */
FW_MUST_CHECK enum fw_err cohorts_learn(struct cohorts *cohorts, const struct callpath_run *run);

/* A group of `size` >= 2 callers with the same prefix of so many blocks, seen together so often: is
 * it worth to let the first one fill the cache and the others wait for it? */
bool cohorts_warm_first(uint64_t prefix_len, uint32_t size, uint64_t seen);
/* The shortest prefix for which it is; 0: for none as long as it was seen but once. */
uint64_t cohorts_warm_first_from(uint32_t size, uint64_t seen);
/* How long the others wait at most: what is left of the time the first one is expected to take, and
 * never more than 150 ms. */
int64_t cohorts_wait_ns(int64_t expected_ns, int64_t passed_ns);

#endif

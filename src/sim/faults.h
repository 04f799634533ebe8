/* SPDX-License-Identifier: MIT
 * `forewarm simulate`: the engine against a hostile world, one seed after the other. A seed chooses
 * the policy, budget, limits and resources, then what goes wrong: requests, hints, operators, pins,
 * retirements; failed and slow loads, lost and late replies, losses, clients that leave, clocks
 * that stand or jump, restarts through a snapshot. The checks of hostile.h hold the engine to its
 * promises; besides these accounts          what was issued, held and begun adds up snapshot an
 * engine that was saved and loaded decides as the one that was not determinism       the same seed
 * gives the same decision hash quiet             when the world goes quiet nothing is left held,
 * loading or pending */
#ifndef FOREWARM_SIM_FAULTS_H
#define FOREWARM_SIM_FAULTS_H

#include "sim/hostile.h"

struct faults_result {
    bool failed;
    char failure[HOSTILE_FAILURE_MAX + 128]; /* "check: what happened (event 123 at 1 h 2 min)" */
    char setup[256];                         /* what the seed chose */
    uint64_t events, actions, snapshots, decision_hash;
    uint64_t faults[FAULT_COUNT];
};

enum { FAULTS_STEPS_DEFAULT = 800 };
/* `log` (may be NULL) gets every event and action as a line. FW_NOMEM is the only error; a broken
 * promise is in the result. */
FW_MUST_CHECK enum fw_err faults_run(uint64_t seed, uint32_t steps, struct faults_result *result,
                                     struct buf *log);
/* Twice, and compares: determinism. */
FW_MUST_CHECK enum fw_err faults_run_checked(uint64_t seed, uint32_t steps,
                                             struct faults_result *result, struct buf *log);

#endif

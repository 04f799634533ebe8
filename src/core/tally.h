/* SPDX-License-Identifier: MIT
 * A resource's accounts in two thirds of the memory: counts in 32 bits. Long before one of them is
 * full, all move into 64-bit accounts beside it, which few resources ever need. */
#ifndef FOREWARM_CORE_TALLY_H
#define FOREWARM_CORE_TALLY_H

#include "core/engine.h"

/* Every field of struct accounts, by how it is counted. */
#define TALLY_COUNTS(X)                                                                            \
    X(requests)                                                                                    \
    X(cold_requests)                                                                               \
    X(released)                                                                                    \
    X(refused)                                                                                     \
    X(fallbacks)                                                                                   \
    X(cancelled)                                                                                   \
    X(held)                                                                                        \
    X(warmups[CAUSE_NONE])                                                                         \
    X(warmups[CAUSE_REQUEST])                                                                      \
    X(warmups[CAUSE_PLAN])                                                                         \
    X(warmups[CAUSE_HINT])                                                                         \
    X(warmups[CAUSE_PAGE])                                                                         \
    X(warmups[CAUSE_OPERATOR])                                                                     \
    X(warmups[CAUSE_PIN])                                                                          \
    X(warmups[CAUSE_SESSION])                                                                      \
    X(warmups[CAUSE_DOUBT])                                                                        \
    X(warmups_ok)                                                                                  \
    X(warmups_failed)                                                                              \
    X(warmups_cancelled)                                                                           \
    X(prewarm_issued)                                                                              \
    X(prewarm_hit)                                                                                 \
    X(prewarm_expired)                                                                             \
    X(prewarm_cancelled)                                                                           \
    X(prewarm_failed)                                                                              \
    X(unloads)                                                                                     \
    X(evictions)                                                                                   \
    X(lost)                                                                                        \
    X(doubted)
#define TALLY_TIMES(X)                                                                             \
    X(wait_ns)                                                                                     \
    X(prewarm_wasted_ns)                                                                           \
    X(warm_ns)                                                                                     \
    X(idle_ns)                                                                                     \
    X(load_ns)                                                                                     \
    X(regret_ns)

struct tally {
    int64_t wait_ns, prewarm_wasted_ns, warm_ns, idle_ns, load_ns, regret_ns;
    struct accounts *carried; /* what did not fit any more; NULL: all of it is here */
    uint32_t requests, cold_requests;
    uint32_t released, refused, fallbacks, cancelled, held;
    uint32_t warmups[CAUSE_COUNT];
    uint32_t warmups_ok, warmups_failed, warmups_cancelled;
    uint32_t prewarm_issued, prewarm_hit, prewarm_expired, prewarm_cancelled, prewarm_failed;
    uint32_t unloads, evictions, lost, doubted;
};

/* A count this high is moved at the next occasion. Requests and changes of state are occasions, and
 * between two of them nothing counts further than the requests that can be held. */
#define TALLY_FULL (UINT32_C(1) << 31)

void tally_fini(struct tally *tally);
/* Moves the counts if one is high. Without memory they stay: the next occasion tries again. */
void tally_carry(struct tally *tally);
/* Adds what was counted to `sum`. */
void tally_add(const struct tally *tally, struct accounts *sum);
/* The tally of these accounts; `tally` is empty. */
FW_MUST_CHECK enum fw_err tally_set(struct tally *tally, const struct accounts *accounts);

#endif

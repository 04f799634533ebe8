/* SPDX-License-Identifier: MIT
 * What the two reference programs share (NVIDIA NeMo-Agent-Toolkit's prediction_trie and
 * NeMo-Relay's adaptive crate): the sensitivity of the calls of a run, stretched over the run, and
 * where statistics are kept. Quirks included; sums are in the order theirs are. */
#ifndef FOREWARM_LEARN_COMPAT_SCORE_H
#define FOREWARM_LEARN_COMPAT_SCORE_H

#include "base/table.h"
#include "learn/callpath_view.h"

struct compat_call {
    double start_s, end_s, took_s;
    double slack;
    double score;   /* to be worked out */
    uint32_t group; /* the same */
};
/* Numbers the groups of calls that overlap, in order of start. */
FW_MUST_CHECK enum fw_err compat_groups(struct compat_call *calls, uint32_t count);
/* Scores of calls whose groups are known, in a run that took `run_s`. */
FW_MUST_CHECK enum fw_err compat_scores(struct compat_call *calls, uint32_t count, double run_s,
                                        const struct callpath_weights *weights);

/* What is kept where. */
enum compat_stat {
    COMPAT_REMAINING,
    COMPAT_INTERARRIVAL,
    COMPAT_TOKENS,
    COMPAT_SCORE,
    COMPAT_STATS
};
/* The places of a trie: a node and a call index, 0 for all, numbered as they come. */
struct compat_place {
    uint32_t node, index;
};
struct compat_places {
    struct map64 numbers;
    struct compat_place *of;
    uint32_t count, capacity;
};
enum { COMPAT_PLACES_MAX = 1 << 24, COMPAT_ALL = 0 };
void compat_places_init(struct compat_places *places);
void compat_places_fini(struct compat_places *places);
FW_MUST_CHECK enum fw_err compat_place(struct compat_places *places, uint32_t node, uint32_t index,
                                       uint32_t *number);

/* Of what is not negative: halves up; and whole numbers where they belong. */
uint32_t compat_round(double value);
uint32_t compat_truncate(double value);

#endif

/* SPDX-License-Identifier: MIT
 * How good hints are: learned from the first runs, asked before every call of the others, beside
 * the average over all calls and the reference program as it is wired (it learns by the call's name
 * and looks up by scopes, with one counter for the process). */
#ifndef FOREWARM_CLI_EVAL_HINTS_H
#define FOREWARM_CLI_EVAL_HINTS_H

#include "base/err.h"
#include "edge/run_record.h"

enum eval_hints_way {
    EVAL_HINTS_OURS,
    EVAL_HINTS_AVERAGE,   /* of all calls, by our statistics */
    EVAL_HINTS_WIRED,     /* relay, as it is */
    EVAL_HINTS_RIGHT_KEY, /* relay's statistics, looked up by the key they were learned by */
    EVAL_HINTS_WAYS
};
extern const char *const eval_hints_ways[EVAL_HINTS_WAYS];

/* Sums over the calls asked about; errors are absolute. */
struct eval_hints_score {
    uint64_t calls, answered, gaps, sizes;
    double remaining, remaining_median; /* by the mean, as hints are, and by the median */
    double total;                       /* of total_requests */
    double pinball;                     /* of the 90th percentile of tokens */
    double gap_ms;                      /* of the median (theirs: of the mean) */
};
/* Learns from runs [0, split) and scores the rest. */
FW_MUST_CHECK enum fw_err eval_hints(const struct run_record *runs, size_t count, size_t split,
                                     const struct callpath_settings *settings,
                                     struct eval_hints_score scores[EVAL_HINTS_WAYS],
                                     struct fw_detail *detail);

#endif

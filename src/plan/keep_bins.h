/* SPDX-License-Identifier: MIT
 * The best plan for a law of gaps in bins (learn/gaps.h): dynamic programming backwards over the 80
 * bins, and the plans that come of it, ten bytes each: bit k says ready during bin k.
 *
 * With S_k the mass from bin k on and c_k the mass in it, let W_k and C_k be the expected cost from
 * age e_k on when ready and when absent, both times S_k (which spares the divisions of the usual
 * form, p_k = c_k / S_k): W_k = width_k (c_k / 2 + S_{k+1}) + min(W_{k+1}, C_{k+1}) C_k = c_k B_k +
 * C_{k+1}                                      stop: once unloaded it stays so C_k = c_k B_k +
 * min(C_{k+1}, W_{k+1} + L S_{k+1})            windows: it may be loaded again B_k is what a cold
 * start costs when the gap ends in bin k. Ready at e_k iff W_k <= C_k and S_k > 0; loaded again for
 * e_k iff W_k + L S_k < C_k. All costs in warm seconds. */
#ifndef FOREWARM_PLAN_KEEP_BINS_H
#define FOREWARM_PLAN_KEEP_BINS_H

#include "learn/gaps_kept.h"
#include "plan/keep.h"

struct keep_bins {
    uint64_t low;  /* bins 0..63 */
    uint16_t high; /* bins 64..79 */
};

bool keep_bins_ready(struct keep_bins bins, uint32_t bin);
/* Ready in bins 0 .. count-1, and where it was ready before. */
struct keep_bins keep_bins_fill(struct keep_bins bins, uint32_t count);
/* At most PLAN_WINDOWS_MAX windows: those past the last are left out. */
struct keep_bins keep_bins_limit(struct keep_bins bins);
/* For good does not exist here: a window in bin 79 ends at 72 h. */
void keep_bins_plan(struct keep_bins bins, struct keep_plan *plan);
struct keep_outcome keep_bins_outcome(struct keep_bins bins, int64_t gap_ns, int64_t load_ns);
/* The bin at whose beginning its first window ends, 0 if it is not ready at age 0; at most 79. */
uint32_t keep_bins_first_end(struct keep_bins bins);

/* mass[k] >= 0, not all 0; cold_s[k] = B_k. */
struct keep_bins keep_bins_stop(const double mass[GAPS_BINS], const double cold_s[GAPS_BINS]);
struct keep_bins keep_bins_windows(const double mass[GAPS_BINS], const double cold_s[GAPS_BINS],
                                   double load_s);
/* Three plans in one pass, for what would be three times the work: stop and windows for the law
 * own[k] + lean law[k], windows for own[k] + lean_own law[k]. The same plans as above. */
struct keep_bins_three {
    struct keep_bins stop, windows, windows_own;
};
struct keep_bins_three keep_bins_three(const struct gaps_kept *own, const double law[GAPS_BINS],
                                       double lean, double lean_own, const double cold_s[GAPS_BINS],
                                       double load_s);
/* The expected cost, in seconds, of any plan in bins under the same law: what the two above make
 * least. */
double keep_bins_expected_s(struct keep_bins bins, const double mass[GAPS_BINS],
                            const double cold_s[GAPS_BINS], double load_s);

#endif

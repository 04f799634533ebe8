/* SPDX-License-Identifier: MIT
 * How well one series' own past is foretold, walking through it: at every origin only what came
 * before is known. Errors against the seasonal naives, coverage and width of the bounds. */
#ifndef FOREWARM_CLI_EVAL_ROLLING_H
#define FOREWARM_CLI_EVAL_ROLLING_H

#include "base/buf.h"
#include "forecast/ensemble.h"
#include "forecast/series.h"

enum { EVAL_STEPS = 4 }; /* one step ahead, a quarter of a day, a day, all together */

struct eval_rolling {
    int horizon, origins, scored;
    int steps[EVAL_STEPS]; /* ahead; 0: all */
    int day;               /* steps of one; 0: none */
    double mae, wape;      /* of the ensemble */
    double mape, mape_day; /* mean share of a step's demand, of a day's; NaN: none above 0 */
    double members[MEMBERS_COUNT]; /* mean absolute errors where they had something to say; NaN:
                                      never */
    double naive; /* the better of the last day and the last week, over all that is scored */
    double coverage[EVAL_STEPS]; /* of P95 */
    double width[EVAL_STEPS];    /* P95 over the expected value, median */
    double pinball, split;       /* of P95; of split conformal alone */
    double cpu_s;
};
/* Origins `spacing` steps apart, at most `origins`, the last at the end; scored from the share
 * `from` on. */
FW_MUST_CHECK enum fw_err eval_rolling(const struct series *series, int horizon, int spacing,
                                       int origins, double from, uint64_t seed,
                                       struct eval_rolling *result, struct fw_detail *detail);
void eval_rolling_table(const struct eval_rolling *result, struct buf *out);
void eval_rolling_json(const struct eval_rolling *result, struct buf *out);

#endif

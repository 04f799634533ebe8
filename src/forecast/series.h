/* SPDX-License-Identifier: MIT
 * A time series as the forecasters want it: one value a step, NaN where there is none. The rows it
 * is made of may come in any order, twice, with holes, and from a wall clock that is set back and
 * forward twice a year; a hole stays a hole and never becomes a zero, and all that was repaired is
 * counted and told. */
#ifndef FOREWARM_FORECAST_SERIES_H
#define FOREWARM_FORECAST_SERIES_H

#include "base/buf.h"
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SERIES_SLOTS_MAX = 50000000 };

struct series {
    int64_t start_ns; /* of the first slot */
    int64_t step_ns;
    size_t count;
    double *value; /* count of them; NaN: missing */
};

static inline int64_t series_at_ns(const struct series *series, size_t slot)
{
    return series->start_ns + (int64_t)slot * series->step_ns;
}

/* What the rows of one slot become. */
enum series_merge { SERIES_MEAN, SERIES_SUM, SERIES_LAST };

struct series_rules {
    int64_t step_ns; /* 0: inferred from the rows */
    enum series_merge merge;
};

struct series_report {
    size_t rows, slots;
    int64_t step_ns;
    bool step_inferred;
    size_t backwards;   /* rows earlier than the row before them */
    size_t same_time;   /* rows with the time of another row, the repeated hours below left out */
    size_t same_slot;   /* rows of other times that fell into a slot already taken */
    size_t moved;       /* rows off the grid, put into the slot they fall into */
    size_t not_numbers; /* rows whose value is NaN: missing */
    size_t infinite;    /* rows whose value is infinite: taken as missing */
    size_t gap_slots;   /* slots without a row */
    size_t gaps;        /* runs of such slots */
    size_t set_back;    /* hours that occurred twice: a wall clock was set back */
    size_t set_forward; /* single hours missing on a Sunday night: it was set forward */
    int64_t longest_gap_ns;
};

/* Rows to slots. FW_INPUT when there is none, when no step can be inferred (the sentence says why
 * and that one can be given), FW_LIMIT for more than SERIES_SLOTS_MAX slots. A given step longer
 * than that of the rows gathers them. `detail` may be NULL; free the result with series_fini. */
FW_MUST_CHECK enum fw_err series_regular(const int64_t *at_ns, const double *value, size_t rows,
                                         const struct series_rules *rules, struct series *series,
                                         struct series_report *report, struct fw_detail *detail);
void series_fini(struct series *series);

/* The step the rows keep: the distance that two thirds of the neighbours have, or the round
 * duration (5m, 1h, 1d, ...) near the median distance when that fits better. 0: neither, and for
 * calendar months. `ascending`: within 290 years of 1970, no equal neighbours. */
int64_t series_infer_step_ns(const int64_t *ascending, size_t n);

/* One sentence a line for what was repaired; nothing when nothing was. */
void series_describe(const struct series_report *report, struct buf *out);

#endif

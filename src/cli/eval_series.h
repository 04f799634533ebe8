/* SPDX-License-Identifier: MIT
 * Many series in one file, as the forecasting competitions keep them: a heading, then a series a
 * line, its name first, then its values; the empty cells behind a shorter series are no values. */
#ifndef FOREWARM_CLI_EVAL_SERIES_H
#define FOREWARM_CLI_EVAL_SERIES_H

#include "base/err.h"
#include "base/table.h"

enum { EVAL_SERIES_MAX = 100000, EVAL_LENGTH_MAX = 1 << 20, EVAL_VALUES_MAX = 1 << 27 };

struct eval_row {
    int from, n; /* of `values` */
};
struct eval_series {
    struct table names;
    struct eval_row *rows; /* by the name's number */
    int count, row_capacity;
    double *values;
    int value_count, value_capacity;
};

/* FW_INPUT names file, line and cell. */
FW_MUST_CHECK enum fw_err eval_series_read(struct eval_series *series, const char *path,
                                           struct fw_detail *detail);
void eval_series_fini(struct eval_series *series);
static inline const double *eval_series_at(const struct eval_series *series, int i)
{
    return series->values + series->rows[i].from;
}

#endif

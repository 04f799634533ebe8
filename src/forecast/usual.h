/* SPDX-License-Identifier: MIT
 * What is usual at this time of day: the upper median of what came at the same time of the last
 * seven days, a row earlier and a row later. A ring; rows without a value keep their place. */
#ifndef FOREWARM_FORECAST_USUAL_H
#define FOREWARM_FORECAST_USUAL_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    USUAL_DAYS = 7,
    USUAL_DAYS_MAX = 14,
    USUAL_DAY_ROWS_MAX = 17280, /* a row every 5 s; denser series have no usual value */
};

struct usual {
    uint32_t day_rows; /* 0: no time of day */
    uint32_t size, next;
    uint64_t rows; /* taken, gaps among them */
    double *ring;  /* the last days and a row; NAN where a row was missing */
};

/* Remembers `days`, USUAL_DAYS to USUAL_DAYS_MAX. No time of day when day_rows is 0 or 1, or more
 * than USUAL_DAY_ROWS_MAX. */
FW_MUST_CHECK enum fw_err usual_init(struct usual *usual, uint32_t day_rows, uint32_t days);
void usual_fini(struct usual *usual);
/* Is there a usual value yet? After two days. */
bool usual_known(const struct usual *usual);
/* The usual value of the row that comes next; `otherwise` when all of them were missing. */
double usual_value(const struct usual *usual, double otherwise);
/* The median of what came a week before the next row, a row earlier and a row later, or two weeks
 * before where the week has gaps; `otherwise` where both have. */
double usual_week(const struct usual *usual, double otherwise);
/* The next row; NAN: a gap. */
void usual_add(struct usual *usual, double value);

#endif

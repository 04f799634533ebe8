/* SPDX-License-Identifier: MIT
 * Growth that no row shows: the median day of a week against that of four weeks before. */
#ifndef FOREWARM_FORECAST_GROWTH_H
#define FOREWARM_FORECAST_GROWTH_H

#include "forecast/event_shape.h"

enum { GROWTH_WEEK = 7, GROWTH_BACK = 28 };
#define GROWTH_RATIO 1.4

struct growth {
    size_t day_rows, days;
    double *level; /* of each day: median of the seven days up to it; NAN: too few of them */
};

/* `taken`: one byte a row, rows that other events explain and that count for nothing; may be NULL.
 */
FW_MUST_CHECK enum fw_err growth_init(struct growth *growth, const struct series *series,
                                      const unsigned char *taken);
void growth_fini(struct growth *growth);
/* The next day, from `day` on, at whose end a week is GROWTH_RATIO times the one four weeks before
 * and that does not return within as long, and the extent of what grew; growth->days when there is
 * none. */
size_t growth_next(const struct growth *growth, const struct series *series, size_t day,
                   struct event_shape *shape);

#endif

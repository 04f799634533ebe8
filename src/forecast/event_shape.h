/* SPDX-License-Identifier: MIT
 * The extent of an event around an alert: how many times the usual it came to, how fast it rose,
 * how long it lasted. The usual is frozen before the event begins (by time of day and day of week),
 * so that an event of two weeks does not become its own usual. */
#ifndef FOREWARM_FORECAST_EVENT_SHAPE_H
#define FOREWARM_FORECAST_EVENT_SHAPE_H

#include "base/err.h"
#include "forecast/series.h"

enum {
    EVENT_SHAPE_DAYS = 14,
    EVENT_SHAPE_WEEKS = 4,
    EVENT_SHAPE_BACK_DAYS = 90, /* looked back at most for days that are not taken */
    EVENT_SHAPE_DAY_ROWS_MAX = 17280,
};

/* What was usual before a row. */
struct event_usual {
    uint32_t day_rows; /* 1: no time of day */
    double *slot;      /* median at each time of day */
    double day[7];     /* factor of each day of the week, from Monday */
    double least;      /* below it nothing is compared */
};

struct event_shape {
    size_t begin, end; /* end: the first row behind it */
    bool ongoing;      /* the series ends before it */
    double multiplier; /* below 1: demand fell; NAN: the level is not above 0 */
    double rise_hours, duration_hours;
};

/* A series, and a mark on each row that an event already explains: no measure of what is usual. */
struct event_ground {
    const struct series *series;
    const unsigned char *taken; /* one byte a row; NULL: none is */
};

/* From the last two weeks of days before `until` that are not taken; the factors from four. */
FW_MUST_CHECK enum fw_err event_usual_init(struct event_usual *usual,
                                           const struct event_ground *ground, size_t until);
void event_usual_fini(struct event_usual *usual);
double event_usual_at(const struct event_usual *usual, const struct series *series, size_t row);

/* Around the alert. Where nothing differs from the usual by a quarter, the alert's row alone. */
FW_MUST_CHECK enum fw_err event_shape_find(const struct event_ground *ground, size_t alert,
                                           struct event_shape *shape);
/* Of another series of the same steps (tokens a request, callers): its mean within the extent,
 * times its mean in the two weeks before. NAN where either is unknown. */
double event_shape_shift(const struct series *series, const struct event_shape *shape);
/* Its mean within the extent; NAN without a value. */
double event_shape_mean(const struct series *series, size_t begin, size_t end);
/* Rows a day; 1 where a day is no whole number of steps of at most a day. */
uint32_t event_shape_day_rows(int64_t step_ns);

#endif

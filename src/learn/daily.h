/* SPDX-License-Identifier: MIT
 * When in the day and the week a resource is asked for (P3): requests per hour of day and per day
 * of week, UTC, fading with a time constant of four weeks, and the rate they suggest for any
 * moment. */
#ifndef FOREWARM_LEARN_DAILY_H
#define FOREWARM_LEARN_DAILY_H

#include "base/buf.h"
#include <stdbool.h>
#include <stdint.h>

enum { DAILY_HOURS = 24, DAILY_WEEKDAYS = 7 };

struct daily {
    int64_t since_ns;  /* first request */
    int64_t faded_ns;  /* counts are as of here */
    uint64_t requests; /* ever; 0: nothing known */
    float hours[DAILY_HOURS];
    float weekdays[DAILY_WEEKDAYS]; /* 0 Monday */
};

void daily_learn(struct daily *daily, int64_t at_ns);
/* Expected requests per second at a moment >= the last one learned. The shape of the day counts
 * once two days were seen, that of the week once two weeks were; before that a day or a week is
 * taken as flat. */
double daily_rate(const struct daily *daily, int64_t at_ns);
/* How many times the mean rate that hour and that weekday have (1 where not known yet). */
double daily_hour_factor(const struct daily *daily, int hour);
double daily_weekday_factor(const struct daily *daily, int weekday);
void daily_save(const struct daily *daily, struct buf *out);
bool daily_load(struct daily *daily, struct buf_reader *in);

#endif

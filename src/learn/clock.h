/* SPDX-License-Identifier: MIT
 * At which half-hours and on which weekdays a resource's silences end (UTC): how often a half-hour
 * of the day and a day of the week ended a gap, fading with a time constant of four weeks. Unlike
 * learn/daily.h, which counts requests, a burst counts once: what is asked for is when a cold start
 * would happen.
 *
 * A rate is the mean of its Gamma posterior: the resource's own counts, and CLOCK_PSEUDO gaps of
 * everybody's shape (Gelman et al., Bayesian Data Analysis, section 2.6). 116 bytes a resource. */
#ifndef FOREWARM_LEARN_CLOCK_H
#define FOREWARM_LEARN_CLOCK_H

#include "base/buf.h"
#include <stdbool.h>
#include <stdint.h>

enum { CLOCK_SLOTS = 48, CLOCK_WEEKDAYS = 7 };
#define CLOCK_SLOT_NS (86400 * INT64_C(1000000000) / CLOCK_SLOTS)
#define CLOCK_PSEUDO  12.0

struct clock_profile {
    uint16_t since_day, faded_day;     /* days since 1970; counts are as of the latter */
    uint16_t hours[CLOCK_SLOTS];       /* in units of 2^shift / 64 */
    uint16_t weekdays[CLOCK_WEEKDAYS]; /* 0 Monday */
    uint8_t shift;
    bool started;
};
struct clock_pool { /* everybody's, the same way */
    double hours[CLOCK_SLOTS], weekdays[CLOCK_WEEKDAYS];
    uint32_t since_day, faded_day;
    bool started;
};
struct clock_rates {
    double hours[CLOCK_SLOTS]; /* gaps expected to end in a half-hour like this on a mean day */
    double weekdays[CLOCK_WEEKDAYS]; /* times as many on such a day; 1 until eight days were seen */
};

void clock_learn(struct clock_profile *profile, int64_t at_ns);
void clock_pool_learn(struct clock_pool *pool, int64_t at_ns);
void clock_rates(const struct clock_profile *profile, const struct clock_pool *pool, int64_t now_ns,
                 struct clock_rates *rates);
/* Days between the first and the latest gap learned. */
uint32_t clock_days(const struct clock_profile *profile);
/* Half-hours since 1970. */
int64_t clock_slot(int64_t at_ns);
double clock_rate(const struct clock_rates *rates, int64_t slot);

void clock_save(const struct clock_profile *profile, struct buf *out);
bool clock_load(struct clock_profile *profile, struct buf_reader *in);
void clock_pool_save(const struct clock_pool *pool, struct buf *out);
bool clock_pool_load(struct clock_pool *pool, struct buf_reader *in);

#endif

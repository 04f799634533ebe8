/* SPDX-License-Identifier: MIT
 * Is a load ahead worth it? What it would spare, by its probability, less what it costs, by the
 * byte, must exceed a price:
 *     (probability * saved - load - holding - displaced) / bytes > lambda
 * Everything is in nanoseconds of somebody's waiting. lambda is the dual price of the budgets
 * (bytes a second, loads at the same time, the share of loads that were for nothing, and what the
 * upstream has to spare): it rises while one of them is strained and falls while all have room, so
 * that what is scarce goes to what is worth most of it (equal marginal utility: Gill and Bathen,
 * FAST 2007). What was refused must be worth a tenth more to come in, what was let in may be worth
 * a tenth less when it begins: no flapping at the price. The budgets are limits besides.
 * Times may be anybody's, as long as they do not go back. */
#ifndef FOREWARM_PLAN_ADMISSION_H
#define FOREWARM_PLAN_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

struct admission_settings {
    uint64_t bytes_per_s;        /* loaded ahead, with two seconds' worth at once; 0: no limit */
    uint32_t concurrent;         /* loads ahead at the same time */
    double waste_share;          /* of what was loaded ahead, may be for nothing; of one */
    double load_price;           /* what a nanosecond of loading costs */
    double byte_second_price_ns; /* what holding a byte for a second costs */
};
extern const struct admission_settings admission_defaults;

struct admission {
    struct admission_settings settings;
    double tokens;         /* bytes that may be loaded now */
    int64_t at_ns;         /* of the tokens */
    int64_t turned_ns;     /* when the price was looked at last */
    double spent;          /* bytes since then */
    double strain;         /* most of loads at once since then, of the limit */
    double price;          /* 0: nothing is scarce; in units of `usual` */
    double usual;          /* nanoseconds a byte of the candidates lately, smoothed */
    double judged, wasted; /* ended loads, by bytes, fading */
    double usual_bytes;    /* of those judged */
    double headroom;       /* of one */
    uint32_t running;
};
/* One load ahead that might be made. */
struct admission_case {
    double probability; /* that it is used after it came and before it leaves */
    double weight;      /* of who waits; 1 */
    int64_t saved_ns, load_ns, hold_ns;
    uint64_t bytes;
    double displaced_ns; /* expected waiting for what would leave for it */
};

void admission_init(struct admission *admission, const struct admission_settings *settings,
                    int64_t at_ns);
/* Nanoseconds a byte; below zero: not even if everything was free. */
double admission_worth(const struct admission *admission, const struct admission_case *of);
double admission_price(const struct admission *admission); /* lambda, in the same unit */
/* Time has passed: prices follow, and what was wasted is forgotten by and by, so that a price that
 * lets nothing in finds out when things have changed. Who never calls it has prices that move at
 * admission_may_begin, by outcomes alone. */
void admission_turn(struct admission *admission, int64_t at_ns);
/* Shall it wait for its turn? Every candidate is shown here, so that prices know what there is. */
bool admission_wants(struct admission *admission, double worth);
/* Its turn has come: is it still worth it, and is there room in every budget? */
bool admission_may_begin(struct admission *admission, double worth, uint64_t bytes, int64_t at_ns);
void admission_begin(struct admission *admission, uint64_t bytes, int64_t at_ns);
/* The load is over; it has become larger or smaller than was thought. */
void admission_end(struct admission *admission, uint64_t thought_bytes, uint64_t bytes);
/* What became of it. */
void admission_outcome(struct admission *admission, uint64_t bytes, bool used);
/* How much of the limit on loads the upstream can bear, 0 to 1: 0 stops loads ahead. */
void admission_headroom(struct admission *admission, double share);
uint32_t admission_slots(const struct admission *admission); /* loads at the same time, now */
/* When the budget in bytes has room again; at_ns if it has. */
int64_t admission_ready(const struct admission *admission, int64_t at_ns);
double admission_waste(const struct admission *admission); /* share lately; 0 of none */

#endif

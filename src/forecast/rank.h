/* SPDX-License-Identifier: MIT
 * The last RANK_MAX values of a stream, in order of size: how far outside of them a new one lies,
 * and how many of them are as large. A ring says which leaves; the sorted copy is shifted by one
 * move, between the place of the old value and that of the new. */
#ifndef FOREWARM_FORECAST_RANK_H
#define FOREWARM_FORECAST_RANK_H

#include <stdbool.h>
#include <stdint.h>

enum { RANK_MAX = 4000, RANK_MIN = 20, RANK_SCORE_MAX = 1000 };

struct rank {
    uint32_t count, next; /* held; where the next goes in the ring */
    double sorted[RANK_MAX], ring[RANK_MAX];
};

void rank_init(struct rank *rank);
/* Distance of x from the median of what is held, in distances from there to the outer 1 % on its
 * side (at least .75 interquartile ranges). 0 below RANK_MIN values, RANK_SCORE_MAX at most. The
 * base score T of the detector (n9.h). */
double rank_score(const struct rank *rank, double x);
/* The same, 0 for what does not lie above the median. */
double rank_score_above(const struct rank *rank, double x);
/* Puts x in; the oldest leaves when there is no room. x must be finite. */
void rank_add(struct rank *rank, double x);
/* The conformal p-value of x: the share of values, x itself among them, that are at least x. */
double rank_p(const struct rank *rank, double x);
/* The value at share q of what is held, without interpolation; 0 when nothing is. */
double rank_at(const struct rank *rank, double q);

#endif

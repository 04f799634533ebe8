/* SPDX-License-Identifier: MIT */
#include "forecast/rank.h"
#include "base/check.h"
#include <math.h>
#include <string.h>

void rank_init(struct rank *rank)
{
    rank->count = rank->next = 0;
}

/* How many of the sorted values lie below x. */
static uint32_t below(const struct rank *rank, double x)
{
    const double *from = rank->sorted;
    uint32_t left = rank->count;
    while (left > 0) {
        uint32_t half = left / 2;
        bool right = from[half] < x;
        from = right ? from + half + 1 : from;
        left = right ? left - half - 1 : half;
    }
    return (uint32_t)(from - rank->sorted);
}

double rank_at(const struct rank *rank, double q)
{
    return rank->count > 0 ? rank->sorted[(uint32_t)(q * (double)(rank->count - 1))] : 0;
}

double rank_score(const struct rank *rank, double x)
{
    uint32_t count = rank->count;
    if (count < RANK_MIN)
        return 0;
    double median = rank->sorted[count / 2];
    double scale = x > median ? rank_at(rank, .99) - median : median - rank_at(rank, .01);
    scale = fmax(scale, .75 * (rank->sorted[3 * count / 4] - rank->sorted[count / 4]));
    scale = fmax(scale, 1e-6 * (fabs(median) + 1e-12));
    return fmin(fabs(x - median) / fmax(scale, 1e-12), RANK_SCORE_MAX);
}

double rank_score_above(const struct rank *rank, double x)
{
    return rank->count < RANK_MIN || x <= rank->sorted[rank->count / 2] ? 0 : rank_score(rank, x);
}

void rank_add(struct rank *rank, double x)
{
    CHECK(isfinite(x));
    double *sorted = rank->sorted;
    uint32_t to = below(rank, x);
    if (rank->count < RANK_MAX) {
        memmove(sorted + to + 1, sorted + to, (rank->count - to) * sizeof *sorted);
        rank->count++;
    } else {
        uint32_t from = below(rank, rank->ring[rank->next]);
        if (from < to) {
            to--;
            memmove(sorted + from, sorted + from + 1, (to - from) * sizeof *sorted);
        } else {
            memmove(sorted + to + 1, sorted + to, (from - to) * sizeof *sorted);
        }
    }
    sorted[to] = x;
    rank->ring[rank->next] = x;
    rank->next = rank->next + 1 == RANK_MAX ? 0 : rank->next + 1;
}

double rank_p(const struct rank *rank, double x)
{
    return (1.0 + (double)(rank->count - below(rank, x))) / (1.0 + (double)rank->count);
}

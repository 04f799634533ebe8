/* SPDX-License-Identifier: MIT */
#include "learn/gaps.h"
#include "base/time.h"

#define PSEUDO_COUNT 0.02

void gaps_learn(float counts[GAPS_BINS], uint32_t bin)
{
    for (int k = 0; k < GAPS_BINS; k++)
        counts[k] *= GAPS_DECAY;
    counts[bin] += 1;
}

void gaps_at_risk(const uint32_t open[GAPS_BINS], double at_risk[GAPS_BINS])
{
    double above = 0;
    for (int k = GAPS_BINS - 1; k >= 0; k--) {
        at_risk[k] = above;
        above += open[k];
    }
}

void gaps_hazards(const struct gaps_pool *pool, double hazards[GAPS_BINS])
{
    double from_here = 0;
    for (int k = GAPS_BINS - 1; k >= 0; k--) {
        double ended = pool->counts[k] + PSEUDO_COUNT;
        from_here += ended;
        hazards[k] = ended / (from_here + pool->at_risk[k]);
    }
}

void gaps_hazards_towards(const struct gaps_pool *part, const double prior[GAPS_BINS],
                          double weight, double hazards[GAPS_BINS])
{
    double from_here = 0;
    for (int k = GAPS_BINS - 1; k >= 0; k--) {
        from_here += part->counts[k];
        hazards[k] =
            (part->counts[k] + weight * prior[k]) / (from_here + part->at_risk[k] + weight);
    }
}

void gaps_law(const double hazards[GAPS_BINS], double law[GAPS_BINS])
{
    double left = 1;
    for (int k = 0; k < GAPS_OPEN; k++) {
        law[k] = hazards[k] * left;
        left *= 1 - hazards[k];
    }
    law[GAPS_OPEN] = left;
}

void gaps_mass(const float counts[GAPS_BINS], const double law[GAPS_BINS], double pseudo,
               double mass[restrict GAPS_BINS])
{
    for (int k = 0; k < GAPS_BINS; k++)
        mass[k] = (double)counts[k] + pseudo * law[k];
}

void gaps_conditional(const double mass[GAPS_BINS], double hazards[GAPS_BINS])
{
    double from_here = 0;
    for (int k = GAPS_BINS - 1; k >= 0; k--) {
        from_here += mass[k];
        hazards[k] = from_here > 0 ? mass[k] / from_here : 1;
    }
}

double gaps_survival(const double mass[GAPS_BINS], int64_t age_ns)
{
    if (age_ns < 0)
        age_ns = 0;
    if (age_ns >= gaps_edges_ns[GAPS_BINS])
        return 0;
    uint32_t bin = gaps_bin(age_ns);
    double beyond = 0;
    for (uint32_t k = GAPS_BINS - 1; k > bin; k--)
        beyond += mass[k];
    double share = (double)(gaps_edges_ns[bin + 1] - age_ns) /
                   (double)(gaps_edges_ns[bin + 1] - gaps_edges_ns[bin]);
    return beyond + mass[bin] * share;
}

double gaps_probability(const double mass[GAPS_BINS], int64_t age_ns, int64_t horizon_ns)
{
    double now = gaps_survival(mass, age_ns);
    if (!(now > 0) || horizon_ns <= 0)
        return 0;
    double then = gaps_survival(mass, time_add(age_ns < 0 ? 0 : age_ns, horizon_ns));
    double probability = 1 - then / now;
    return probability < 0 ? 0 : probability;
}

/* SPDX-License-Identifier: MIT */
#include "learn/sequence_mix.h"
#include "learn/decay.h"
#include <math.h>
#include <string.h>

#define FLOOR        1e-4 /* the least probability an expert may give */
#define START_WEIGHT 0.3
#define WEIGHT_MIN   (-0.5)
#define FLAG_MIN     (-8.0)
#define WEIGHT_MAX   4.0
#define LINEAR_RATE  0.02
#define LINEAR_MIN   1e-3
#define BIN_PRIOR    5.0 /* hits told that count as having come */
#define BIN_MAX      2000.0
#define COVERED_RATE 0.005

void sequence_mixer_init(struct sequence_mixer *mixer, double rate)
{
    *mixer = (struct sequence_mixer){.rate = rate};
    for (int order = 0; order <= SEQUENCE_ORDERS; order++) {
        struct sequence_weights *weights = &mixer->by_order[order];
        for (int e = 0; e < SEQUENCE_FEATURES; e++) {
            weights->w[e] = e < SEQUENCE_EXPERTS ? START_WEIGHT : 0;
            weights->squares[e] = 1;
        }
        mixer->covered[order] = 0.5;
    }
    for (int e = 0; e < SEQUENCE_EXPERTS; e++)
        mixer->linear[e] = 1.0 / SEQUENCE_EXPERTS;
}

static double bin_factor(const struct sequence_mixer *mixer, int bin)
{
    const struct sequence_bin *of = &mixer->bins[bin < SEQUENCE_BINS ? bin : SEQUENCE_BINS - 1];
    return (of->came + BIN_PRIOR) / (of->told + BIN_PRIOR);
}

/* Between the middles of bins the factor moves in a straight line, so that order is kept. */
static double correct(const struct sequence_mixer *mixer, double p)
{
    double at = p * SEQUENCE_BINS - 0.5;
    int bin = at > 0 ? (int)at : 0;
    double part = at > 0 ? at - bin : 0;
    double factor = (1 - part) * bin_factor(mixer, bin) + part * bin_factor(mixer, bin + 1);
    return p * factor < 1 ? p * factor : 1;
}

/* The corrected probabilities; together at most 1. */
static void correct_all(const struct sequence_mixer *mixer, int order,
                        struct sequence_candidate *candidates, uint32_t count)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        candidates[i].corrected = correct(mixer, mixer->covered[order] * candidates[i].probability);
        sum += candidates[i].corrected;
    }
    for (uint32_t i = 0; sum > 1 && i < count; i++)
        candidates[i].corrected /= sum;
}

static void learn_bin(struct sequence_mixer *mixer, double told, bool came)
{
    int at = (int)(told * SEQUENCE_BINS);
    struct sequence_bin *bin = &mixer->bins[at < SEQUENCE_BINS ? at : SEQUENCE_BINS - 1];
    bin->told += told;
    bin->came += came ? 1 : 0;
    if (bin->told < BIN_MAX && bin->came < BIN_MAX)
        return;
    bin->told *= 0.5;
    bin->came *= 0.5;
}

/* ln x for x in [1e-5, 2]: exponent and an odd series in (m - 1) / (m + 1), |error| < 2e-6; only
 * additions, multiplications and one division, the same on every machine. */
static double quick_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52) - 1023;
    bits = (bits & 0xfffffffffffffull) | 0x3ff0000000000000ull;
    double m;
    memcpy(&m, &bits, sizeof m);
    double t = (m - 1) / (m + 1), s = t * t;
    return exponent * 0.6931471805599453 +
           2 * t * (1 + s * (1.0 / 3 + s * (0.2 + s * (1.0 / 7 + s * (1.0 / 9)))));
}

void sequence_mixer_weigh(const struct sequence_mixer *mixer, int order,
                          struct sequence_candidate *candidates, uint32_t count)
{
    const double *w = mixer->by_order[order].w;
    const double nothing = quick_log(FLOOR);
    double most = -INFINITY, sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct sequence_candidate *c = &candidates[i];
        double z = 0;
        for (int e = 0; e < SEQUENCE_EXPERTS; e++) {
            c->feature[e] = c->p[e] > 0 ? quick_log((double)c->p[e] + FLOOR) : nothing;
            z += w[e] * c->feature[e];
        }
        for (int f = 0; f < SEQUENCE_FLAGS; f++) {
            c->feature[SEQUENCE_EXPERTS + f] = c->flags[f] ? 1 : 0;
            z += c->flags[f] ? w[SEQUENCE_EXPERTS + f] : 0;
        }
        c->probability = z;
        most = z > most ? z : most;
    }
    for (uint32_t i = 0; i < count; i++) {
        candidates[i].probability = decay_exp(candidates[i].probability - most);
        sum += candidates[i].probability;
    }
    for (uint32_t i = 0; i < count; i++)
        candidates[i].probability /= sum;
    correct_all(mixer, order, candidates, count);
}

static bool is_among(uint32_t item, const uint32_t *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (items[i] == item)
            return true;
    return false;
}

static void learn_linear(struct sequence_mixer *mixer, const double came[SEQUENCE_EXPERTS])
{
    double s = 0, sum = 0;
    for (int e = 0; e < SEQUENCE_EXPERTS; e++)
        s += mixer->linear[e] * (came[e] + 1e-6);
    for (int e = 0; e < SEQUENCE_EXPERTS; e++) {
        double w = mixer->linear[e] * decay_exp(LINEAR_RATE * ((came[e] + 1e-6) / s - 1));
        mixer->linear[e] = w > LINEAR_MIN ? w : LINEAR_MIN;
        sum += mixer->linear[e];
    }
    for (int e = 0; e < SEQUENCE_EXPERTS; e++)
        mixer->linear[e] /= sum;
}

static void learn_weights(struct sequence_mixer *mixer, int order, const double *gradient)
{
    struct sequence_weights *weights = &mixer->by_order[order];
    for (int e = 0; e < SEQUENCE_FEATURES; e++) {
        bool flag = e >= SEQUENCE_EXPERTS;
        double g = gradient[e], low = flag ? FLAG_MIN : WEIGHT_MIN;
        weights->squares[e] += g * g;
        double w =
            weights->w[e] + (flag ? 40 : 20) * mixer->rate * g / sqrt(weights->squares[e] + 1);
        weights->w[e] = w < low ? low : w > WEIGHT_MAX ? WEIGHT_MAX : w;
    }
}

void sequence_mixer_learn(struct sequence_mixer *mixer, int order,
                          const struct sequence_candidate *candidates, uint32_t count,
                          const uint32_t *came, uint32_t came_count)
{
    double gradient[SEQUENCE_FEATURES] = {0}, told[SEQUENCE_EXPERTS] = {0};
    uint32_t hits = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool hit = is_among(candidates[i].item, came, came_count);
        learn_bin(mixer, mixer->covered[order] * candidates[i].probability, hit);
        if (!hit)
            continue;
        hits++;
        for (int e = 0; e < SEQUENCE_FEATURES; e++)
            gradient[e] += candidates[i].feature[e];
        for (int e = 0; e < SEQUENCE_EXPERTS; e++)
            told[e] += (double)candidates[i].p[e];
    }
    mixer->covered[order] += COVERED_RATE * ((hits > 0 ? 1 : 0) - mixer->covered[order]);
    if (hits == 0)
        return;
    for (int e = 0; e < SEQUENCE_FEATURES; e++)
        gradient[e] /= hits;
    for (uint32_t i = 0; i < count; i++)
        for (int e = 0; e < SEQUENCE_FEATURES; e++)
            gradient[e] -= candidates[i].probability * candidates[i].feature[e];
    learn_linear(mixer, told);
    learn_weights(mixer, order, gradient);
}

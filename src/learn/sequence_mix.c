/* SPDX-License-Identifier: MIT */
#include "learn/sequence_mix.h"
#include "learn/decay.h"
#include <math.h>
#include <string.h>

#define FLOOR        1e-4f /* the least probability an expert may give */
#define START_WEIGHT 0.3f
#define WEIGHT_MIN   (-4.0f)
#define FLAG_MIN     (-8.0f)
#define WEIGHT_MAX   4.0f
#define LINEAR_RATE  0.02
#define LINEAR_MIN   1e-3f
#define BIN_PRIOR    5.0 /* hits told that count as having come */
#define BIN_MAX      200.0
#define COVERED_RATE 0.005f

void sequence_mixer_init(struct sequence_mixer *mixer, double rate)
{
    *mixer = (struct sequence_mixer){.rate = (float)rate};
    for (int order = 0; order < SEQUENCE_GROUPS; order++) {
        struct sequence_weights *weights = &mixer->by_order[order];
        for (int e = 0; e < SEQUENCE_FEATURES; e++) {
            weights->w[e] = 0;
            weights->squares[e] = 1;
        }
        mixer->covered[order] = 0.5f;
    }
    for (int e = 0; e < SEQUENCE_FEATURES; e++) {
        mixer->common.w[e] = e < SEQUENCE_EXPERTS ? START_WEIGHT : 0;
        mixer->common.squares[e] = 1;
    }
    for (int e = 0; e < SEQUENCE_EXPERTS; e++)
        mixer->linear[e] = 1.0f / SEQUENCE_EXPERTS;
}

/* ln x of eight at once, x in [1e-5, 2]: exponent and an odd series in (m - 1) / (m + 1), |error| <
 * 3e-6; single operations in a fixed order, the same on every machine. */
static void logs(const float *x, float *out)
{
    for (int i = 0; i < SEQUENCE_FEATURES; i++) {
        float value = x[i] + FLOOR, m;
        int32_t bits;
        memcpy(&bits, &value, sizeof bits);
        float exponent = (float)((bits >> 23) - 127);
        bits = (bits & 0x7fffff) | 0x3f800000;
        memcpy(&m, &bits, sizeof m);
        float t = (m - 1) / (m + 1), s = t * t;
        out[i] = exponent * 0.69314718f +
                 2 * t * (1 + s * (1.0f / 3 + s * (0.2f + s * (1.0f / 7 + s * (1.0f / 9)))));
    }
}

/* e^x for x <= 0, relatively within 1e-6; 0 below -60. */
static float quick_exp(float x)
{
    if (!(x > -60))
        return 0;
    float scaled = x * 1.44269504f;
    int32_t k = (int32_t)(scaled - 0.5f);
    float r = x - (float)k * 0.69314718f; /* |r| <= 0.35 */
    float series =
        1 + r * (1 + r * (0.5f + r * (1.0f / 6 + r * (1.0f / 24 + r * (1.0f / 120 + r / 720)))));
    int32_t bits = (k + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return series * power;
}

static float bin_factor(const struct sequence_mixer *mixer, int bin)
{
    const struct sequence_bin *of = &mixer->bins[bin < SEQUENCE_BINS ? bin : SEQUENCE_BINS - 1];
    return (float)((of->came + BIN_PRIOR) / (of->told + BIN_PRIOR));
}

/* The corrected probabilities; together at most 1. Between the middles of bins the factor moves in
 * a straight line, so that order is kept. */
static void correct_all(const struct sequence_mixer *mixer, int order,
                        struct sequence_candidates *candidates)
{
    float factors[SEQUENCE_BINS + 1], sum = 0;
    for (int i = 0; i <= SEQUENCE_BINS; i++)
        factors[i] = bin_factor(mixer, i);
    for (uint32_t i = 0; i < candidates->count; i++) {
        float p = mixer->covered[order] * candidates->probability[i];
        float at = p * SEQUENCE_BINS - 0.5f;
        int bin = at > 0 ? (int)at : 0;
        float part = at > 0 ? at - (float)bin : 0;
        p *= factors[bin] + part * (factors[bin + 1] - factors[bin]);
        candidates->corrected[i] = p < 1 ? p : 1;
        sum += candidates->corrected[i];
    }
    const float scale = sum > 1 ? 0.999999f / sum : 1; /* rounding must not lead above 1 */
    for (uint32_t i = 0; i < candidates->count; i++)
        candidates->corrected[i] *= scale;
}

static void learn_bin(struct sequence_mixer *mixer, float told, bool came)
{
    int at = (int)(told * SEQUENCE_BINS);
    struct sequence_bin *bin = &mixer->bins[at < SEQUENCE_BINS ? at : SEQUENCE_BINS - 1];
    bin->told += (double)told;
    bin->came += came ? 1 : 0;
    if (bin->told < BIN_MAX && bin->came < BIN_MAX)
        return;
    bin->told *= 0.5;
    bin->came *= 0.5;
}

static float dot(const float *a, const float *b)
{
    return ((a[0] * b[0] + a[1] * b[1]) + (a[2] * b[2] + a[3] * b[3])) +
           ((a[4] * b[4] + a[5] * b[5]) + (a[6] * b[6] + a[7] * b[7]));
}

void sequence_mixer_weigh(const struct sequence_mixer *mixer, int order,
                          struct sequence_candidates *candidates)
{
    float w[SEQUENCE_FEATURES];
    for (int e = 0; e < SEQUENCE_FEATURES; e++)
        w[e] = mixer->common.w[e] + mixer->by_order[order].w[e];
    float most = -INFINITY, sum = 0;
    for (uint32_t i = 0; i < candidates->count; i++) {
        float *feature = candidates->feature[i];
        logs(candidates->told[i], feature);
        feature[SEQUENCE_AGAIN] = candidates->told[i][SEQUENCE_AGAIN];
        feature[SEQUENCE_LAST] = candidates->told[i][SEQUENCE_LAST];
        float z = dot(w, feature);
        candidates->probability[i] = z;
        most = z > most ? z : most;
    }
    for (uint32_t i = 0; i < candidates->count; i++) {
        candidates->probability[i] = quick_exp(candidates->probability[i] - most);
        sum += candidates->probability[i];
    }
    for (uint32_t i = 0; i < candidates->count; i++)
        candidates->probability[i] /= sum;
    correct_all(mixer, order, candidates);
}

static bool is_among(uint32_t item, const uint32_t *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (items[i] == item)
            return true;
    return false;
}

static void learn_linear(struct sequence_mixer *mixer, const float came[SEQUENCE_FEATURES])
{
    float s = 0, sum = 0;
    for (int e = 0; e < SEQUENCE_EXPERTS; e++)
        s += mixer->linear[e] * (came[e] + 1e-6f);
    for (int e = 0; e < SEQUENCE_EXPERTS; e++) {
        double step = LINEAR_RATE * (double)((came[e] + 1e-6f) / s - 1);
        float w = mixer->linear[e] * (float)decay_exp(step);
        mixer->linear[e] = w > LINEAR_MIN ? w : LINEAR_MIN;
        sum += mixer->linear[e];
    }
    for (int e = 0; e < SEQUENCE_EXPERTS; e++)
        mixer->linear[e] /= sum;
}

static void learn_weights(struct sequence_mixer *mixer, struct sequence_weights *weights,
                          const float *gradient)
{
    for (int e = 0; e < SEQUENCE_FEATURES; e++) {
        bool flag = e >= SEQUENCE_EXPERTS;
        float g = gradient[e], low = flag ? FLAG_MIN : WEIGHT_MIN;
        weights->squares[e] += g * g;
        float w = weights->w[e] +
                  (flag ? 40 : 20) * mixer->rate * g / (float)sqrt((double)weights->squares[e] + 1);
        weights->w[e] = w < low ? low : w > WEIGHT_MAX ? WEIGHT_MAX : w;
    }
}

void sequence_mixer_learn(struct sequence_mixer *mixer, int order,
                          const struct sequence_candidates *candidates, const uint32_t *came,
                          uint32_t came_count)
{
    float gradient[SEQUENCE_FEATURES] = {0}, told[SEQUENCE_FEATURES] = {0};
    float hits = 0;
    for (uint32_t i = 0; i < candidates->count; i++) {
        bool hit = is_among(candidates->item[i], came, came_count);
        learn_bin(mixer, mixer->covered[order] * candidates->probability[i], hit);
        if (!hit)
            continue;
        hits += 1;
        for (int e = 0; e < SEQUENCE_FEATURES; e++) {
            gradient[e] += candidates->feature[i][e];
            told[e] += candidates->told[i][e];
        }
    }
    mixer->covered[order] += COVERED_RATE * ((hits > 0 ? 1.0f : 0.0f) - mixer->covered[order]);
    if (hits <= 0)
        return;
    for (int e = 0; e < SEQUENCE_FEATURES; e++)
        gradient[e] /= hits;
    for (uint32_t i = 0; i < candidates->count; i++)
        for (int e = 0; e < SEQUENCE_FEATURES; e++)
            gradient[e] -= candidates->probability[i] * candidates->feature[i][e];
    learn_linear(mixer, told);
    learn_weights(mixer, &mixer->common, gradient);
    learn_weights(mixer, &mixer->by_order[order], gradient);
}

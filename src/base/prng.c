/* SPDX-License-Identifier: MIT */
#include "base/prng.h"
#include "base/check.h"
#include <math.h>

static uint64_t rotate_left(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

enum { WORDS = 4 };

void prng_init(struct prng *prng, uint64_t seed)
{
    for (int i = 0; i < WORDS; i++) {
        seed += PRNG_GOLDEN;
        prng->state[i] = prng_scramble(seed);
    }
}

uint64_t prng_next(struct prng *prng)
{
    uint64_t *s = prng->state;
    uint64_t result = rotate_left(s[0] + s[3], 23) + s[0];
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* Lemire, "Fast random integer generation in an interval", 2019. */
uint64_t prng_below(struct prng *prng, uint64_t bound)
{
    CHECK(bound > 0);
    unsigned __int128 product = (unsigned __int128)prng_next(prng) * bound;
    if ((uint64_t)product < bound) {
        uint64_t threshold = (0 - bound) % bound;
        while ((uint64_t)product < threshold)
            product = (unsigned __int128)prng_next(prng) * bound;
    }
    return (uint64_t)(product >> 64);
}

double prng_uniform(struct prng *prng)
{
    return (double)(prng_next(prng) >> 11) * 0x1p-53;
}

/* (0, 1]: what a logarithm can take. */
static double uniform_positive(struct prng *prng)
{
    return (double)((prng_next(prng) >> 11) + 1) * 0x1p-53;
}

double prng_exponential(struct prng *prng, double mean)
{
    return -mean * log(uniform_positive(prng));
}

/* Box and Muller, 1958. The second value of the pair is dropped: the state stays four words. */
double prng_normal(struct prng *prng, double mean, double sd)
{
    double radius = sqrt(-2.0 * log(uniform_positive(prng)));
    double angle = 6.283185307179586476925286766559 * prng_uniform(prng);
    return mean + sd * radius * cos(angle);
}

static double gamma_at_least_one(struct prng *prng, double shape)
{
    double d = shape - 1.0 / 3.0;
    double c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        double x = prng_normal(prng, 0, 1);
        double v = 1.0 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        double u = uniform_positive(prng);
        if (log(u) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

double prng_gamma(struct prng *prng, double shape, double scale)
{
    CHECK(shape > 0 && scale > 0);
    if (shape >= 1.0)
        return scale * gamma_at_least_one(prng, shape);
    /* Their section 6: a draw for shape + 1, brought down by a power of a uniform. */
    double boosted = gamma_at_least_one(prng, shape + 1.0);
    return scale * boosted * pow(uniform_positive(prng), 1.0 / shape);
}

double prng_weibull(struct prng *prng, double shape, double scale)
{
    CHECK(shape > 0 && scale > 0);
    return scale * pow(-log(uniform_positive(prng)), 1.0 / shape);
}

/* Knuth: how many uniforms can be multiplied before the product falls below exp(-mean). */
static uint64_t poisson_small(struct prng *prng, double mean)
{
    double limit = exp(-mean);
    double product = uniform_positive(prng);
    uint64_t n = 0;
    while (product > limit) {
        product *= uniform_positive(prng);
        n++;
    }
    return n;
}

/* Hörmann, "The transformed rejection method for generating Poisson random variables", 1993: PTRS.
 */
static uint64_t poisson_large(struct prng *prng, double mean)
{
    double b = 0.931 + 2.53 * sqrt(mean);
    double a = -0.059 + 0.02483 * b;
    double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    double v_r = 0.9277 - 3.6224 / (b - 2.0);
    double log_mean = log(mean);
    for (;;) {
        double u = prng_uniform(prng) - 0.5;
        double v = uniform_positive(prng);
        double us = 0.5 - fabs(u);
        double k = floor((2.0 * a / us + b) * u + mean + 0.43);
        if (us >= 0.07 && v <= v_r)
            return (uint64_t)k;
        if (!(k >= 0) || (us < 0.013 && v > us))
            continue;
        int sign;
        if (log(v * inverse_alpha / (a / (us * us) + b)) <=
            k * log_mean - mean - lgamma_r(k + 1.0, &sign))
            return (uint64_t)k;
    }
}

uint64_t prng_poisson(struct prng *prng, double mean)
{
    CHECK(!(mean >= 1e15)); /* past it doubles are no longer whole numbers */
    if (!(mean > 0))
        return 0;
    return mean < 30.0 ? poisson_small(prng, mean) : poisson_large(prng, mean);
}

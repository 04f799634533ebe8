/* SPDX-License-Identifier: MIT
 * Pseudo-random numbers from a seed: xoshiro256++ (Blackman and Vigna, 2019), seeded through
 * SplitMix64. The same seed gives the same numbers on every machine and compiler. */
#ifndef FOREWARM_BASE_PRNG_H
#define FOREWARM_BASE_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t state[4];
};

void prng_init(struct prng *prng, uint64_t seed);
uint64_t prng_next(struct prng *prng);
/* Uniform in [0, bound), bound > 0, unbiased. */
uint64_t prng_below(struct prng *prng, uint64_t bound);
double prng_uniform(struct prng *prng); /* [0, 1), 53 bits */
double prng_exponential(struct prng *prng, double mean);
double prng_normal(struct prng *prng, double mean, double sd);
double prng_gamma(struct prng *prng, double shape, double scale); /* Marsaglia and Tsang, 2000 */
double prng_weibull(struct prng *prng, double shape, double scale);
uint64_t prng_poisson(struct prng *prng, double mean);
#define PRNG_GOLDEN UINT64_C(0x9E3779B97F4A7C15)

/* SplitMix64 (Steele, Lea and Flood, 2014): the output function. */
static inline uint64_t prng_scramble(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* A number that depends on the words alone: for draws that must not depend on order. */
static inline uint64_t prng_mix(uint64_t a, uint64_t b)
{
    return prng_scramble(prng_scramble(a + PRNG_GOLDEN) ^ (b * PRNG_GOLDEN + 1));
}

#endif

/* SPDX-License-Identifier: MIT
 * The same numbers everywhere, and the distributions they are named after. */
#include "base/prng.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { DRAWS = 200000 };

static void known_numbers(void **state)
{
    (void)state;
    /* The authors' generator started at state 1, 2, 3, 4. */
    struct prng prng = {{1, 2, 3, 4}};
    const uint64_t expected[] = {
        41943041u,           58720359u, 3588806011781223u, 3591011842654386u, 9228616714210784205u,
        9973669472204895162u};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_true(prng_next(&prng) == expected[i]);
    /* SplitMix64 from 0 */
    prng_init(&prng, 0);
    assert_true(prng.state[0] == UINT64_C(0xE220A8397B1DCDAF));
    assert_true(prng.state[1] == UINT64_C(0x6E789E6AA1B965F4));
    assert_true(prng.state[2] == UINT64_C(0x06C45D188009454F));
    assert_true(prng.state[3] == UINT64_C(0xF88BB8A8724C81EC));
}

static void below_is_in_range_and_even(void **state)
{
    (void)state;
    struct prng prng;
    uint64_t seen[7] = {0};
    prng_init(&prng, 1);
    assert_int_equal(prng_below(&prng, 1), 0);
    for (int i = 0; i < 70000; i++) {
        uint64_t n = prng_below(&prng, 7);
        assert_true(n < 7);
        seen[n]++;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 9600, 10400); /* four standard deviations */
    uint64_t bound = (UINT64_C(1) << 63) + 1,
             high = 0; /* nearly half of the words must be drawn again */
    for (int i = 0; i < 1000; i++) {
        uint64_t n = prng_below(&prng, bound);
        assert_true(n < bound);
        high += n >= bound / 2;
    }
    assert_in_range(high, 430, 570);
}

/* Mean and variance of many draws, each within five standard errors of what they should be. */
static void expect(double (*draw)(struct prng *, double, double), double a, double b, double mean,
                   double variance, double fourth_moment)
{
    struct prng prng;
    double sum = 0, squares = 0;
    prng_init(&prng, 12345);
    for (int i = 0; i < DRAWS; i++) {
        double x = draw(&prng, a, b);
        assert_true(isfinite(x));
        sum += x;
        squares += (x - mean) * (x - mean);
    }
    double mean_error = 5 * sqrt(variance / DRAWS);
    double variance_error = 5 * sqrt((fourth_moment - variance * variance) / DRAWS);
    assert_true(fabs(sum / DRAWS - mean) < mean_error);
    assert_true(fabs(squares / DRAWS - variance) < variance_error);
}

static double uniform(struct prng *prng, double a, double b)
{
    (void)a, (void)b;
    double u = prng_uniform(prng);
    assert_true(u >= 0 && u < 1);
    return u;
}

static double exponential(struct prng *prng, double mean, double b)
{
    (void)b;
    return prng_exponential(prng, mean);
}

static double poisson(struct prng *prng, double mean, double b)
{
    (void)b;
    return (double)prng_poisson(prng, mean);
}

static void moments(void **state)
{
    (void)state;
    expect(uniform, 0, 0, 0.5, 1.0 / 12, 1.0 / 80);
    expect(exponential, 3, 0, 3, 9, 9 * 81);
    expect(prng_normal, -2, 5, -2, 25, 3 * 625);
    /* fourth central moments: gamma 3k(k+2) scale^4, Poisson m(1+3m) */
    expect(prng_gamma, 4, 2, 8, 16, 3.0 * 4 * 6 * 16);
    expect(prng_gamma, 0.5, 1, 0.5, 0.5, 3 * 0.5 * 2.5);
    expect(prng_weibull, 1, 3, 3, 9, 9 * 81);                     /* shape 1 is exponential */
    expect(prng_weibull, 2, 1, sqrt(atan(1)), 1 - atan(1), 0.15); /* Rayleigh */
    const double means[] = {0.3, 7, 29.9, 30.1, 400, 1e6};
    for (size_t i = 0; i < sizeof means / sizeof *means; i++)
        expect(poisson, means[i], 0, means[i], means[i], means[i] * (1 + 3 * means[i]));
}

static void the_shape_of_poisson(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 9);
    double chi_square =
        0; /* against the exact probabilities around mean 40: the rejection method's range */
    uint64_t seen[81] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint64_t k = prng_poisson(&prng, 40);
        if (k <= 80)
            seen[k]++;
    }
    int bins = 0;
    for (int k = 20; k <= 60; k++, bins++) {
        int sign;
        double expected = DRAWS * exp(k * log(40) - 40 - lgamma_r(k + 1.0, &sign));
        double off = (double)seen[k] - expected;
        chi_square += off * off / expected;
    }
    assert_true(chi_square < bins + 5 * sqrt(2.0 * bins));
    assert_int_equal(prng_poisson(&prng, 0), 0);
    assert_int_equal(prng_poisson(&prng, -1), 0);
    assert_int_equal(prng_poisson(&prng, NAN), 0);
}

static void mixing_depends_on_both_words_and_their_order(void **state)
{
    (void)state;
    int bits = 0;
    for (uint64_t i = 0; i < 1000; i++)
        bits += __builtin_popcountll(prng_mix(i, 5) ^ prng_mix(i + 1, 5)) +
                __builtin_popcountll(prng_mix(i, 5) ^ prng_mix(i, 6));
    assert_in_range(bits / 2000, 30, 34); /* half of 64 */
    assert_true(prng_mix(1, 2) != prng_mix(2, 1));
    assert_true(prng_mix(0, 0) != 0);
    assert_true(prng_mix(3, 4) == prng_mix(3, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_numbers),
        cmocka_unit_test(below_is_in_range_and_even),
        cmocka_unit_test(moments),
        cmocka_unit_test(the_shape_of_poisson),
        cmocka_unit_test(mixing_depends_on_both_words_and_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

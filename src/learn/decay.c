/* SPDX-License-Identifier: MIT */
#include "learn/decay.h"
#include <float.h>
#include <math.h>
#include <string.h>

#define LN2_HIGH 0.69314718036912381649 /* 32 bits: a whole number times it is exact */
#define LN2_LOW  1.90821492927058770002e-10
#define LOG2_E   1.44269504088896338700

static double power_of_two(int exponent)
{
    uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double decay_exp(double x)
{
    if (!(x > -700))
        return 0;
    if (x > 700)
        x = 700;
    double scaled = x * LOG2_E;
    int k = (int)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    double r = (x - k * LN2_HIGH) - k * LN2_LOW; /* |r| <= 0.35 */
    /* Taylor's series, its even and odd halves apart so that they are worked out side by side. */
    double r2 = r * r;
    double even =
        1.0 + r2 * (1.0 / 2 +
                    r2 * (1.0 / 24 +
                          r2 * (1.0 / 720 + r2 * (1.0 / 40320 +
                                                  r2 * (1.0 / 3628800 + r2 * (1.0 / 479001600))))));
    double odd =
        1.0 +
        r2 * (1.0 / 6 +
              r2 * (1.0 / 120 +
                    r2 * (1.0 / 5040 + r2 * (1.0 / 362880 +
                                             r2 * (1.0 / 39916800 + r2 * (1.0 / 6227020800.0))))));
    return (even + r * odd) * power_of_two(k);
}

double decay_log(double x)
{
    if (!(x >= DBL_TRUE_MIN))
        x = DBL_TRUE_MIN;
    int exponent;
    double mantissa = frexp(x, &exponent); /* exact */
    if (mantissa < 0.70710678118654752) {
        mantissa *= 2;
        exponent--;
    }
    double s = (mantissa - 1) / (mantissa + 1), s2 = s * s; /* log m = 2 artanh s, |s| <= 0.172 */
    double sum = 0;
    for (int n = 23; n >= 3; n -= 2)
        sum = s2 * (1.0 / n + sum);
    return exponent * LN2_HIGH + (2 * s + (2 * s * sum + exponent * LN2_LOW));
}

double decay_over(int64_t elapsed_ns, int64_t tau_ns)
{
    return elapsed_ns <= 0 ? 1.0 : decay_exp(-(double)elapsed_ns / (double)tau_ns);
}

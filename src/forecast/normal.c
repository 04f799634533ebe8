/* SPDX-License-Identifier: MIT */
#include "forecast/normal.h"
#include <math.h>

double normal_cdf(double x)
{
    return 0.5 * erfc(-x * 0.70710678118654752440);
}

double normal_quantile(double p)
{
    double low = -40, high = 40;
    for (int i = 0; i < 200 && low < high; i++) {
        double middle = low + (high - low) / 2;
        if (middle == low || middle == high)
            break;
        if (normal_cdf(middle) < p)
            low = middle;
        else
            high = middle;
    }
    return low + (high - low) / 2;
}

static void swap(double *a, double *b)
{
    double kept = *a;
    *a = *b;
    *b = kept;
}

/* Hoare's selection: values[k] becomes what sorting would put there, none greater before it, none
 * smaller behind. */
static void select_rank(double *values, ptrdiff_t n, ptrdiff_t k)
{
    ptrdiff_t low = 0, high = n - 1;
    while (low < high) {
        double pivot = values[low + (high - low) / 2];
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (pivot < values[j])
                j--;
            if (i <= j)
                swap(&values[i++], &values[j--]);
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            return;
    }
}

double normal_sample_quantile(double *values, size_t n, double q)
{
    double at = q > 0 ? (double)(n - 1) * fmin(q, 1) : 0, share = at - floor(at);
    size_t k = (size_t)at;
    select_rank(values, (ptrdiff_t)n, (ptrdiff_t)k);
    if (share == 0 || k + 1 >= n)
        return values[k];
    double next = INFINITY;
    for (size_t i = k + 1; i < n; i++)
        next = fmin(next, values[i]);
    return values[k] == next ? next : values[k] + share * (next - values[k]);
}

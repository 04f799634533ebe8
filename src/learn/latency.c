/* SPDX-License-Identifier: MIT */
#include "learn/latency.h"
#include "base/check.h"
#include "base/time.h"
#include "learn/decay.h"
#include <math.h>

#define SPREADS    5.0    /* median absolute deviations, as standard deviations, that are far */
#define MAD_TO_SD  1.4826 /* for normal ones */
#define SD_MIN     0.05
#define APART_SD   3.0 /* standard deviations between the means of two parts */
#define TIME_MIN_S 1e-6
enum { ROUNDS = 8 };

static uint32_t load_of(uint32_t in_flight)
{
    return in_flight <= 1 ? 0 : in_flight < 4 ? 1 : in_flight < 8 ? 2 : 3;
}

void latency_add(struct latency *latency, int64_t first_byte_ns, uint32_t in_flight)
{
    struct latency_times *times = &latency->by_load[load_of(in_flight)];
    double s = time_to_seconds(first_byte_ns);
    times->log_s[times->count % LATENCY_KEPT] = (float)decay_log(s > TIME_MIN_S ? s : TIME_MIN_S);
    times->count++;
    if (times->count == 2 * LATENCY_KEPT)
        times->count = LATENCY_KEPT;
}

static uint32_t sort_into(const struct latency_times *times, double *sorted)
{
    uint32_t n = times->count < LATENCY_KEPT ? times->count : LATENCY_KEPT;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = i;
        for (; at > 0 && sorted[at - 1] > (double)times->log_s[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = (double)times->log_s[i];
    }
    return n;
}

struct part {
    double mean, sd, weight;
};

static struct part part_of(const double *values, uint32_t n, uint32_t all)
{
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += values[i];
    double mean = sum / n;
    for (uint32_t i = 0; i < n; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    double sd = sqrt(squares / n);
    return (struct part){mean, sd > SD_MIN ? sd : SD_MIN, (double)n / all};
}

/* How many of the ascending values belong to the lower part, where the variance within is least. */
static uint32_t split_otsu(const double *values, uint32_t n)
{
    double total = 0, below = 0, best = -1;
    uint32_t at = n;
    for (uint32_t i = 0; i < n; i++)
        total += values[i];
    for (uint32_t i = 1; i < n; i++) {
        below += values[i - 1];
        double apart = below / i - (total - below) / (n - i);
        double between = apart * apart * i * (n - i);
        if (between > best) {
            best = between;
            at = i;
        }
    }
    return at;
}

static double density(const struct part *part, double value)
{
    double z = (value - part->mean) / part->sd;
    return part->weight / part->sd * decay_exp(-z * z / 2);
}

/* One round: each value belongs to both, by its density in each. */
static void refine(const double *values, uint32_t n, struct part parts[2])
{
    double weight[2] = {0}, sum[2] = {0}, squares[2] = {0};
    for (uint32_t i = 0; i < n; i++) {
        double low = density(&parts[0], values[i]), high = density(&parts[1], values[i]);
        double share = low + high > 0 ? high / (low + high) : values[i] > parts[1].mean;
        const double shares[2] = {1 - share, share};
        for (int k = 0; k < 2; k++) {
            weight[k] += shares[k];
            sum[k] += shares[k] * values[i];
            squares[k] += shares[k] * values[i] * values[i];
        }
    }
    for (int k = 0; k < 2; k++) {
        if (weight[k] < 0.5)
            return;
        double mean = sum[k] / weight[k], variance = squares[k] / weight[k] - mean * mean;
        double sd = variance > SD_MIN * SD_MIN ? sqrt(variance) : SD_MIN;
        parts[k] = (struct part){mean, sd, weight[k] / n};
    }
}

/* How many belong to the warm part; all of them when there are no two. */
static uint32_t warm_ones(const double *values, uint32_t n, double apart, struct part *cold)
{
    uint32_t at = split_otsu(values, n);
    if (at == 0 || at >= n)
        return n;
    struct part parts[2] = {part_of(values, at, n), part_of(values + at, n - at, n)};
    for (int i = 0; i < ROUNDS; i++)
        refine(values, n, parts);
    double sd = parts[0].sd > parts[1].sd ? parts[0].sd : parts[1].sd;
    if (parts[1].mean - parts[0].mean < (apart > APART_SD * sd ? apart : APART_SD * sd))
        return n;
    uint32_t warm = 0;
    while (warm < n && (values[warm] <= parts[0].mean ||
                        (values[warm] < parts[1].mean &&
                         density(&parts[0], values[warm]) >= density(&parts[1], values[warm]))))
        warm++;
    *cold = parts[1];
    return warm > 0 ? warm : n;
}

static double median_deviation(const double *values, uint32_t n, double median)
{
    double away[LATENCY_KEPT];
    CHECK(n > 0 && n <= LATENCY_KEPT);
    for (uint32_t i = 0; i < n; i++) {
        double value = fabs(values[i] - median);
        uint32_t at = i;
        for (; at > 0 && away[at - 1] > value; at--)
            away[at] = away[at - 1];
        away[at] = value;
    }
    return away[n / 2];
}

bool latency_norm(const struct latency *latency, uint32_t in_flight, double factor,
                  struct latency_norm *norm)
{
    double values[LATENCY_KEPT];
    struct part cold = {0, 0, 0};
    uint32_t n = sort_into(&latency->by_load[load_of(in_flight)], values);
    if (n < LATENCY_MIN)
        return false;
    double apart = decay_log(factor > 1 ? factor : 1);
    uint32_t warm = warm_ones(values, n, apart, &cold);
    double median = values[warm / 2];
    double far = SPREADS * MAD_TO_SD * median_deviation(values, warm, median);
    double limit = median + (far > apart ? far : apart);
    /* Between two parts that are known, where they part. */
    if (warm < n && (values[warm - 1] + values[warm]) / 2 < limit)
        limit = (values[warm - 1] + values[warm]) / 2;
    if (limit < median + apart)
        limit = median + apart;
    *norm =
        (struct latency_norm){.usual_ns = time_from_seconds(decay_exp(median)),
                              .limit_ns = time_from_seconds(decay_exp(limit)),
                              .cold_ns = warm < n ? time_from_seconds(decay_exp(cold.mean)) : -1,
                              .warm = warm,
                              .cold = n - warm};
    return true;
}

/* SPDX-License-Identifier: MIT */
#include "plan/value.h"
#include "base/check.h"
#include "base/grow.h"
#include "base/time.h"
#include "plan/value_part.h"
#include "learn/decay.h"
#include <stdlib.h>

#define GAP_FADE    0.995f
#define PRIOR_GAPS  3.0  /* pseudo-gaps drawn from the pooled law */
#define PRIOR_COUNT 0.05 /* of every pooled bin */
#define POOLED_MAX  4000.0f
#define POPULAR_MAX 5000.0f
#define WEIGHT_MAX  1e12f
#define SOON_S      30.0
#define BIN_STEP    0.2079 /* natural log of the ratio of neighbouring edges */

static const double tau_s[VALUE_RATES] = {300, 3600, 28800, 259200};
static const double tau_share[VALUE_RATES] = {0.25, 0.35, 0.25, 0.15};

double value_edge_s(int bin)
{
    return bin == 0 ? 0 : decay_exp(BIN_STEP * (bin - 1));
}

int value_bin(double seconds)
{
    if (seconds < 1)
        return 0;
    int bin = 1 + (int)(decay_log(seconds) / BIN_STEP);
    return bin < VALUE_BINS ? bin : VALUE_BINS - 1;
}

void values_init(struct values *values, uint32_t max_sessions)
{
    *values = (struct values){.session_max = max_sessions,
                              .newest = UINT32_MAX,
                              .oldest = UINT32_MAX,
                              .rebuilt_at_ns = INT64_MIN,
                              .refreshed_at_ns = INT64_MIN};
    map64_init(&values->by_session, max_sessions);
    value_sessions_rebuild(values, 0);
    values->rebuilt_at_ns = INT64_MIN;
}

void values_fini(struct values *values)
{
    free(values->resources);
    free(values->sessions);
    map64_fini(&values->by_session);
    *values = (struct values){0};
}

enum fw_err values_grow(struct values *values, uint32_t count)
{
    if (count <= values->resource_count)
        return FW_OK;
    if (count > values->resource_capacity) {
        uint64_t capacity = grow_capacity(values->resource_capacity, count, UINT32_MAX);
        struct value_resource *grown = realloc(values->resources, (size_t)capacity * sizeof *grown);
        if (!grown)
            return FW_NOMEM;
        values->resources = grown;
        values->resource_capacity = (uint32_t)capacity;
    }
    for (uint32_t i = values->resource_count; i < count; i++)
        values->resources[i] = (struct value_resource){.last_ns = -1, .weight = 1};
    values->resource_count = count;
    return FW_OK;
}

static void learn_gap(struct values *values, struct value_resource *resource, double gap_s)
{
    int bin = value_bin(gap_s);
    resource->gaps[bin] += resource->weight;
    resource->weight /= GAP_FADE;
    if (resource->weight > WEIGHT_MAX) {
        for (int i = 0; i < VALUE_BINS; i++)
            resource->gaps[i] /= resource->weight;
        resource->weight = 1;
    }
    values->pooled[bin] += 1;
    values->pooled_sum += 1;
    if (values->pooled_sum > POOLED_MAX) {
        values->pooled_sum = 0;
        for (int i = 0; i < VALUE_BINS; i++)
            values->pooled_sum += values->pooled[i] *= 0.5f;
    }
}

static void learn_popularity(struct values *values, struct value_resource *resource)
{
    resource->popularity += 1;
    values->popularity_sum += 1;
    if (values->popularity_sum <= POPULAR_MAX)
        return;
    values->popularity_sum = 0;
    for (uint32_t i = 0; i < values->resource_count; i++)
        values->popularity_sum += values->resources[i].popularity *= 0.5f;
}

enum fw_err values_request(struct values *values, uint32_t number, uint64_t session, int64_t at_ns)
{
    struct value_resource *resource = &values->resources[number];
    double gap_s = resource->last_ns < 0 ? 0 : time_to_seconds(at_ns - resource->last_ns);
    for (int i = 0; i < VALUE_RATES; i++)
        resource->rates[i] =
            (float)((double)resource->rates[i] * decay_exp(-gap_s / tau_s[i]) + 1 / tau_s[i]);
    if (resource->last_ns >= 0)
        learn_gap(values, resource, gap_s);
    learn_popularity(values, resource);
    resource->last_ns = at_ns;
    return session == 0 ? FW_OK : value_sessions_request(values, number, session, at_ns);
}

static double intensity(const struct value_resource *resource, double age_s)
{
    double sum = 0;
    for (int i = 0; i < VALUE_RATES; i++)
        sum += tau_share[i] * (double)resource->rates[i] * decay_exp(-age_s / tau_s[i]);
    return sum;
}

/* Tail sum of the resource's law above `age_s`, linear inside a bin; the open last bin does not
 * shrink. */
static double gap_tail(const double counts[VALUE_BINS], double age_s)
{
    int bin = value_bin(age_s);
    double tail = 0;
    for (int i = VALUE_BINS - 1; i > bin; i--)
        tail += counts[i];
    if (bin == VALUE_BINS - 1)
        return counts[bin];
    double low_s = value_edge_s(bin), high_s = value_edge_s(bin + 1);
    return tail + counts[bin] * (high_s - age_s) / (high_s - low_s);
}

static double gap_probability(const struct values *values, const struct value_resource *resource,
                              double age_s, double horizon_s)
{
    double counts[VALUE_BINS];
    for (int i = 0; i < VALUE_BINS; i++)
        counts[i] = (double)(resource->gaps[i] /
                             (resource->weight * GAP_FADE)) + /* the latest gap counts 1 */
                    PRIOR_GAPS * ((double)values->pooled[i] + PRIOR_COUNT) /
                        ((double)values->pooled_sum + PRIOR_GAPS);
    double now = gap_tail(counts, age_s), then = gap_tail(counts, age_s + horizon_s);
    double probability = now > 0 ? 1 - then / now : 0;
    return probability < 0 ? 0 : probability > 0.9999 ? 0.9999 : probability;
}

double values_expected(const struct values *values, uint32_t number, int64_t now_ns)
{
    const struct value_resource *resource = &values->resources[number];
    if (resource->last_ns < 0)
        return 0;
    double horizon_s = time_to_seconds(VALUE_HORIZON_NS),
           age_s = time_to_seconds(now_ns - resource->last_ns);
    double soon = gap_probability(values, resource, age_s, 60);
    return 0.4 * horizon_s * intensity(resource, age_s) + 0.4 * resource->from_sessions +
           0.2 * (horizon_s / 60) * -decay_log(1 - soon);
}

double values_comes_back(const struct values *values, uint32_t number, int64_t now_ns)
{
    const struct value_resource *resource = &values->resources[number];
    if (resource->last_ns < 0)
        return 0;
    return gap_probability(values, resource, time_to_seconds(now_ns - resource->last_ns), SOON_S);
}

double values_soon(const struct values *values, uint32_t number, int64_t now_ns)
{
    const struct value_resource *resource = &values->resources[number];
    if (resource->last_ns < 0)
        return 0;
    double age_s = time_to_seconds(now_ns - resource->last_ns);
    double by_gap = values_comes_back(values, number, now_ns);
    double by_rate = 1 - decay_exp(-(SOON_S * 0.4 * intensity(resource, age_s) +
                                     0.75 * resource->from_sessions_soon));
    return by_gap > by_rate ? by_gap : by_rate;
}

void values_save(const struct values *values, struct buf *out)
{
    buf_put_u32(out, values->resource_count);
    for (uint32_t i = 0; i < values->resource_count; i++) {
        const struct value_resource *resource = &values->resources[i];
        buf_put_i64(out, resource->last_ns);
        for (int j = 0; j < VALUE_RATES; j++)
            buf_put_float(out, resource->rates[j]);
        for (int j = 0; j < VALUE_BINS; j++)
            buf_put_float(out, resource->gaps[j]);
        buf_put_float(out, resource->weight);
        buf_put_float(out, resource->popularity);
        buf_put_double(out, resource->from_sessions);
        buf_put_double(out, resource->from_sessions_soon);
    }
    for (int i = 0; i < VALUE_BINS; i++)
        buf_put_float(out, values->pooled[i]);
    buf_put_float(out, values->pooled_sum);
    buf_put_float(out, values->popularity_sum);
    value_sessions_save(values, out);
}

bool values_load(struct values *values, struct buf_reader *in)
{
    uint32_t count = buf_get_u32(in);
    if (in->failed || count > values->resource_count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct value_resource *resource = &values->resources[i];
        resource->last_ns = buf_get_i64(in);
        for (int j = 0; j < VALUE_RATES; j++)
            resource->rates[j] = buf_get_float(in);
        for (int j = 0; j < VALUE_BINS; j++)
            resource->gaps[j] = buf_get_float(in);
        resource->weight = buf_get_float(in);
        resource->popularity = buf_get_float(in);
        resource->from_sessions = buf_get_double(in);
        resource->from_sessions_soon = buf_get_double(in);
        if (!(resource->weight >= 1))
            return false;
    }
    for (int i = 0; i < VALUE_BINS; i++)
        values->pooled[i] = buf_get_float(in);
    values->pooled_sum = buf_get_float(in);
    values->popularity_sum = buf_get_float(in);
    return !in->failed && value_sessions_load(values, in);
}

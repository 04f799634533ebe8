/* SPDX-License-Identifier: MIT */
#include "learn/callpath_stat.h"
#include "base/check.h"
#include "base/time.h"
#include "learn/callpath_sketch.h"
#include "learn/decay.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 4, SAMPLE_BYTES = sizeof(double) + sizeof(int32_t) };

void callpath_fading_init(struct callpath_fading *fading, const struct callpath_settings *settings)
{
    fading->step_ns =
        settings->half_life_ns == TIME_NEVER ? 0 : settings->half_life_ns / CALLPATH_STEPS;
    fading->growth = decay_exp(0.69314718055994531 / (double)settings->half_life_samples);
}

int32_t callpath_step(const struct callpath_fading *fading, int64_t at_ns)
{
    return fading->step_ns == 0 ? 0 : (int32_t)(at_ns / fading->step_ns);
}

/* ---- samples as they are ---- */

static int32_t *steps_of(const struct callpath_stat *stat)
{
    return (void *)(stat->values + stat->capacity);
}

static enum fw_err make_room(struct callpath_stat *stat, uint64_t *bytes)
{
    uint8_t capacity = stat->capacity == 0 ? ROOM_FIRST : (uint8_t)(stat->capacity * 2);
    double *values = malloc((size_t)capacity * SAMPLE_BYTES);
    if (!values)
        return FW_NOMEM;
    if (stat->held > 0) {
        memcpy(values, stat->values, stat->held * sizeof *values);
        memcpy(values + capacity, steps_of(stat), stat->held * sizeof(int32_t));
    }
    free(stat->values);
    *bytes += (uint64_t)(capacity - stat->capacity) * SAMPLE_BYTES;
    stat->values = values;
    stat->capacity = capacity;
    return FW_OK;
}

static enum fw_err hold(struct callpath_stat *stat, double value, int32_t step, uint64_t *bytes)
{
    if (stat->held == stat->capacity)
        FW_TRY(make_room(stat, bytes));
    int32_t *steps = steps_of(stat);
    uint32_t at = stat->held;
    for (; at > 0 && stat->values[at - 1] > value; at--) {
        stat->values[at] = stat->values[at - 1];
        steps[at] = steps[at - 1];
    }
    stat->values[at] = value;
    steps[at] = step;
    stat->held++;
    return FW_OK;
}

static void forget_samples(struct callpath_stat *stat, uint64_t *bytes)
{
    *bytes -= (uint64_t)stat->capacity * SAMPLE_BYTES;
    free(stat->values);
    stat->values = NULL;
    stat->held = stat->capacity = 0;
}

/* The samples become a histogram. By number they have not faded yet. */
static enum fw_err begin_sketch(struct callpath_stat *stat, uint64_t *bytes)
{
    const int32_t *steps = steps_of(stat);
    struct callpath_fading even = {0, 1};
    struct callpath_sketch *sketch = NULL;
    for (uint32_t i = 0; i < stat->held; i++) {
        enum fw_err err = callpath_sketch_add(&sketch, &even, stat->values[i], steps[i], bytes);
        if (err != FW_OK) {
            callpath_sketch_free(&sketch, bytes);
            return err;
        }
    }
    stat->sketch = sketch;
    forget_samples(stat, bytes);
    return FW_OK;
}

enum fw_err callpath_stat_add(struct callpath_stat *stat, const struct callpath_fading *fading,
                              double value, int32_t step, uint64_t *bytes)
{
    if (!stat->sketch && stat->held == CALLPATH_EXACT)
        FW_TRY(begin_sketch(stat, bytes));
    FW_TRY(stat->sketch ? callpath_sketch_add(&stat->sketch, fading, value, step, bytes)
                        : hold(stat, value, step, bytes));
    stat->count += stat->count < UINT32_MAX;
    return FW_OK;
}

void callpath_stat_fini(struct callpath_stat *stat, uint64_t *bytes)
{
    forget_samples(stat, bytes);
    callpath_sketch_free(&stat->sketch, bytes);
    stat->count = 0;
}

/* ---- reading ---- */

/* Where a share `p` of the samples' weight lies: middles of neighbours' weights apart, which for
 * equal weights is place (n - 1) p. */
static double weighted_percentile(const double *values, const double *weights, uint32_t n, double p)
{
    double whole = 0;
    for (uint32_t i = 0; i + 1 < n; i++)
        whole += (weights[i] + weights[i + 1]) / 2;
    double wanted = whole * p, passed = 0;
    for (uint32_t i = 0; i + 1 < n; i++) {
        double apart = (weights[i] + weights[i + 1]) / 2;
        if (wanted < passed + apart)
            return values[i] + (values[i + 1] - values[i]) * ((wanted - passed) / apart);
        passed += apart;
    }
    return values[n - 1];
}

static double even_percentile(const double *values, uint32_t n, double p)
{
    double place = (double)(n - 1) * p;
    uint32_t below = (uint32_t)place;
    if (below + 1 >= n || (double)below == place)
        return values[below < n ? below : n - 1];
    return values[below] + (values[below + 1] - values[below]) * (place - (double)below);
}

static void read_samples(const struct callpath_stat *stat, struct callpath_metric *metric)
{
    const int32_t *steps = steps_of(stat);
    double weights[CALLPATH_EXACT], whole = 0, sum = 0;
    int32_t newest = steps[0];
    bool even = true;
    for (uint32_t i = 1; i < stat->held; i++)
        newest = steps[i] > newest ? steps[i] : newest;
    for (uint32_t i = 0; i < stat->held; i++) {
        int32_t half_lives = (newest - steps[i]) / CALLPATH_STEPS;
        weights[i] = half_lives == 0 ? 1 : half_lives > 60 ? 0x1p-60 : ldexp(1, -half_lives);
        even = even && half_lives == 0;
        whole += weights[i];
        sum += weights[i] * stat->values[i];
    }
    metric->mean = sum / whole;
    double *const to[] = {&metric->p50, &metric->p90, &metric->p95};
    static const double at[] = {0.5, 0.9, 0.95};
    for (size_t i = 0; i < 3; i++)
        *to[i] = even ? even_percentile(stat->values, stat->held, at[i])
                      : weighted_percentile(stat->values, weights, stat->held, at[i]);
}

void callpath_stat_read(const struct callpath_stat *stat, bool whole,
                        struct callpath_metric *metric)
{
    *metric = (struct callpath_metric){.samples = stat->count};
    if (stat->sketch)
        callpath_sketch_read(stat->sketch, whole, metric);
    else if (stat->held > 0)
        read_samples(stat, metric);
}

/* ---- merging ---- */

enum fw_err callpath_stat_merge(struct callpath_stat *into, const struct callpath_fading *fading,
                                const struct callpath_stat *from, uint64_t *bytes)
{
    if (from->sketch) {
        if (!into->sketch && into->held > 0)
            FW_TRY(begin_sketch(into, bytes));
        FW_TRY(callpath_sketch_merge(&into->sketch, from->sketch, bytes));
        into->count =
            from->count > UINT32_MAX - into->count ? UINT32_MAX : into->count + from->count;
        return FW_OK;
    }
    const int32_t *steps = from->held > 0 ? steps_of(from) : NULL;
    for (uint32_t i = 0; i < from->held; i++)
        FW_TRY(callpath_stat_add(into, fading, from->values[i], steps[i], bytes));
    return FW_OK;
}

/* ---- another half-life ---- */

static int32_t restep(const struct callpath_restep *how, int32_t step)
{
    if (how->to_ns == 0)
        return 0;
    if (how->from_ns == 0)
        return (int32_t)(how->latest_ns / how->to_ns);
    int64_t at_ns = step > how->latest_ns / how->from_ns ? how->latest_ns : step * how->from_ns;
    return (int32_t)(at_ns / how->to_ns);
}

void callpath_clock_restep(struct callpath_clock *clock, const struct callpath_restep *how)
{
    int32_t step = restep(how, clock->base);
    clock->base = step - step % CALLPATH_STEPS;
}

void callpath_stat_restep(struct callpath_stat *stat, const struct callpath_restep *how)
{
    int32_t *steps = stat->held > 0 ? steps_of(stat) : NULL;
    for (uint32_t i = 0; i < stat->held; i++)
        steps[i] = restep(how, steps[i]);
    if (stat->sketch)
        callpath_clock_restep(&stat->sketch->clock, how);
}

/* ---- keeping ---- */

void callpath_stat_save(const struct callpath_stat *stat, struct buf *out)
{
    buf_put_u32(out, stat->count);
    buf_put_u8(out, stat->sketch ? CALLPATH_EXACT + 1 : stat->held);
    if (stat->sketch) {
        callpath_sketch_save(stat->sketch, out);
        return;
    }
    const int32_t *steps = stat->held > 0 ? steps_of(stat) : NULL;
    for (uint32_t i = 0; i < stat->held; i++) {
        buf_put_double(out, stat->values[i]);
        buf_put_u32(out, (uint32_t)steps[i]);
    }
}

enum fw_err callpath_stat_load(struct callpath_stat *stat, struct buf_reader *in, uint64_t *bytes)
{
    uint32_t count = buf_get_u32(in), held = buf_get_u8(in);
    if (in->failed || held > CALLPATH_EXACT + 1 || count < held)
        return FW_CORRUPT;
    if (held == CALLPATH_EXACT + 1) {
        FW_TRY(callpath_sketch_load(&stat->sketch, in, bytes));
        stat->count = count;
        return FW_OK;
    }
    for (uint32_t i = 0; i < held; i++) {
        double value = buf_get_double(in);
        int32_t step = (int32_t)buf_get_u32(in);
        if (in->failed || !(value >= 0) || !isfinite(value) || step < 0)
            return FW_CORRUPT;
        FW_TRY(hold(stat, value, step, bytes));
    }
    stat->count = count;
    return FW_OK;
}

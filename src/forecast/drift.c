/* SPDX-License-Identifier: MIT */
#include "forecast/drift.h"

#include <math.h>

#define SLACK  .5
#define LIMIT  5.
#define FAR    3. /* one measurement counts as so many deviations at most */
#define RECENT .9 /* weight of the past in "lately", a measurement */
#define LEAST  1e-12

static void gauge_learn(struct drift_gauge *gauge, double value)
{
    double from = value - gauge->mean;
    gauge->count++;
    gauge->mean += from / gauge->count;
    gauge->squares += from * (value - gauge->mean);
}

static void gauge_watch(struct drift_gauge *gauge, double value)
{
    double sd = sqrt(gauge->squares / fmax(gauge->count - 1., 1));
    double far = (value - gauge->mean) / fmax(sd, LEAST * (fabs(gauge->mean) + 1));
    if (gauge->count < DRIFT_REFERENCE_MIN)
        return;
    far = fmin(fmax(far, -FAR), FAR);
    gauge->above = fmax(0, gauge->above + far - SLACK);
    gauge->below = fmax(0, gauge->below - far - SLACK);
}

void drift_add(struct drift *drift, const struct drift_stretch *stretch)
{
    double cases = stretch->cases;
    if (stretch->cases == 0)
        return;
    double size = log(stretch->size / cases + LEAST), side = stretch->side / cases;
    if (!drift->watching) {
        gauge_learn(&drift->size, size);
        gauge_learn(&drift->side, side);
        drift->trained++;
        drift->validated += stretch->absolute / cases;
        return;
    }
    gauge_watch(&drift->size, size);
    gauge_watch(&drift->side, side);
    drift->seen++;
    drift->recent = RECENT * drift->recent + stretch->absolute / cases;
    drift->recent_weight = RECENT * drift->recent_weight + 1;
    drift->cases += cases;
    drift->over_p95 += stretch->over_p95;
}

struct drift_verdict drift_judge(const struct drift *drift)
{
    struct drift_verdict verdict = {.known = drift->trained >= DRIFT_REFERENCE_MIN,
                                    .limit = LIMIT,
                                    .p95_coverage = NAN,
                                    .values = drift->cases};
    const double sums[] = {drift->size.above, drift->side.above, drift->side.below};
    for (int i = 0; i < 3; i++)
        if (sums[i] > verdict.sum) {
            verdict.sum = sums[i];
            verdict.cause = (enum drift_cause)(i + 1);
        }
    if (verdict.sum <= LIMIT)
        verdict.cause = DRIFT_NONE;
    if (drift->trained > 0)
        verdict.validated = drift->validated / drift->trained;
    if (drift->recent_weight > 0)
        verdict.recent = drift->recent / drift->recent_weight;
    if (drift->cases > 0)
        verdict.p95_coverage = 1 - drift->over_p95 / drift->cases;
    return verdict;
}

static void gauge_save(const struct drift_gauge *gauge, struct buf *out)
{
    buf_put_u32(out, gauge->count);
    buf_put_double(out, gauge->mean);
    buf_put_double(out, gauge->squares);
    buf_put_double(out, gauge->above);
    buf_put_double(out, gauge->below);
}

/* All these are finite, and but for the mean none is below 0. */
static double sum_of(struct buf_reader *in)
{
    double value = buf_get_double(in);
    in->failed = in->failed || !isfinite(value) || value < 0;
    return value;
}

static void gauge_load(struct drift_gauge *gauge, struct buf_reader *in)
{
    gauge->count = buf_get_u32(in);
    gauge->mean = buf_get_double(in);
    in->failed = in->failed || !isfinite(gauge->mean);
    gauge->squares = sum_of(in);
    gauge->above = sum_of(in);
    gauge->below = sum_of(in);
}

void drift_save(const struct drift *drift, struct buf *out)
{
    gauge_save(&drift->size, out);
    gauge_save(&drift->side, out);
    buf_put_u32(out, drift->trained);
    buf_put_double(out, drift->validated);
    buf_put_u32(out, drift->seen);
    buf_put_double(out, drift->recent);
    buf_put_double(out, drift->recent_weight);
    buf_put_double(out, drift->cases);
    buf_put_double(out, drift->over_p95);
}

void drift_load(struct drift *drift, struct buf_reader *in)
{
    *drift = (struct drift){.watching = true};
    gauge_load(&drift->size, in);
    gauge_load(&drift->side, in);
    drift->trained = buf_get_u32(in);
    drift->validated = sum_of(in);
    drift->seen = buf_get_u32(in);
    drift->recent = sum_of(in);
    drift->recent_weight = sum_of(in);
    drift->cases = sum_of(in);
    drift->over_p95 = sum_of(in);
}

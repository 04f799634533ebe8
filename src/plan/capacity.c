/* SPDX-License-Identifier: MIT */
#include "plan/capacity.h"

#include "base/stats.h"
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const double P95 = .95, P99 = .99;

const struct capacity_settings capacity_defaults = {
    .unit_capacity = 312,
    .batching_gain = 1,
    .target_utilization = .70,
    .warning_utilization = .85,
    .service_level = .95,
    .spike_times = 2,
    .burst_most = 3,
    .lead_time_ns = INT64_C(600) * 1000000000,
};
const char *const capacity_case_names[CAPACITY_CASES] = {"baseline", "expected", "conservative",
                                                         "emergency"};
const char *const capacity_reason_names[CAPACITY_REASONS] = {"least", "target utilisation",
                                                             "service level", "buffer"};

double capacity_of_unit(const struct capacity_settings *settings)
{
    return settings->unit_capacity * settings->batching_gain;
}

int capacity_units(double demand, double unit, double utilization)
{
    /* What floating point adds to an exact multiple is no unit. */
    double units = ceil(demand / (unit * utilization) * (1 - 1e-12) - 1e-12);
    return units > 0 ? units < CAPACITY_UNITS_MAX + 1. ? (int)units : CAPACITY_UNITS_MAX + 1 : 0;
}

int capacity_window(const struct capacity_demand *demand, const struct capacity_settings *settings)
{
    int64_t steps = settings->lead_time_ns / demand->step_ns;
    steps += settings->lead_time_ns % demand->step_ns > 0;
    return steps < 1 ? 1 : steps < demand->steps ? (int)steps : demand->steps;
}

/* ---- maxima over windows ---- */

/* values[t * width ..]: each becomes the highest from t to t + window - 1, as far as there are
 * rows. By doubling: after j rounds a row holds the maximum of the 2^j rows from it on. */
static void window_maxima(double *values, int rows, int width, int window)
{
    int reach = 1;
    while (reach < window) {
        int by = 2 * reach <= window ? reach : window - reach;
        for (int t = 0; t + by < rows; t++)
            for (int i = 0; i < width; i++) {
                double *here = &values[(long)t * width + i], later = here[(long)by * width];
                *here = later > *here ? later : *here;
            }
        reach += by;
    }
}

static double above_zero(double value)
{
    return value > 0 ? value : 0;
}

/* A copy with maxima over windows; NULL: no memory. */
static double *maxima_of(const double *values, int rows, int width, int window)
{
    size_t n = (size_t)rows * (size_t)width;
    double *copy = malloc(n * sizeof *copy);
    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++)
        copy[i] = above_zero(values[i]);
    window_maxima(copy, rows, width, window);
    return copy;
}

/* ---- checks ---- */

static enum fw_err check_share(double value, const char *name, bool one_too,
                               struct fw_detail *detail)
{
    if (value > 0 && (value < 1 || (one_too && value <= 1)))
        return FW_OK;
    return err_set(detail, FW_INPUT, "%s is %g, expected a number above 0 and %s 1", name, value,
                   one_too ? "at most" : "below");
}

static enum fw_err check_settings(const struct capacity_settings *settings,
                                  struct fw_detail *detail)
{
    double unit = capacity_of_unit(settings);
    if (!(settings->unit_capacity > 0) || !(unit > 0) || !isfinite(unit))
        return err_set(detail, FW_INPUT,
                       "the capacity of a unit is %g times a batching gain of %g, expected numbers "
                       "above 0",
                       settings->unit_capacity, settings->batching_gain);
    FW_TRY(check_share(settings->target_utilization, "the target utilisation", true, detail));
    FW_TRY(check_share(settings->warning_utilization, "the warning utilisation", true, detail));
    FW_TRY(check_share(settings->service_level, "the service level", false, detail));
    if (!(settings->buffer >= 0) || !isfinite(settings->buffer))
        return err_set(detail, FW_INPUT, "the buffer is %g, expected a number not below 0",
                       settings->buffer);
    if (!(settings->spike_times >= 1) || !isfinite(settings->spike_times))
        return err_set(detail, FW_INPUT, "a spike is %g times the expected, expected at least 1",
                       settings->spike_times);
    if (!(settings->burst_most >= 1) || !isfinite(settings->burst_most))
        return err_set(detail, FW_INPUT, "a burst is %g times the recommended, expected at least 1",
                       settings->burst_most);
    if (settings->lead_time_ns < 0 || settings->least < 0 || settings->least > CAPACITY_UNITS_MAX)
        return err_set(detail, FW_INPUT,
                       "the lead time and the least number of units are not "
                       "below 0, and at most %d units",
                       CAPACITY_UNITS_MAX);
    return FW_OK;
}

static enum fw_err check_values(const char *name, const double *values, size_t count, int width,
                                struct fw_detail *detail)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return err_set(detail, FW_INPUT, "%s at step %zu is not a finite number", name,
                           i / (size_t)width + 1);
    return FW_OK;
}

static enum fw_err check_demand(const struct capacity_demand *demand, struct fw_detail *detail)
{
    size_t steps = (size_t)demand->steps;
    if (demand->steps < 1 || demand->steps > CAPACITY_STEPS_MAX || demand->step_ns < 1 ||
        demand->path_count < 1)
        return err_set(detail, FW_INPUT, "%d steps and %d paths, expected 1 to %d steps and a path",
                       demand->steps, demand->path_count, CAPACITY_STEPS_MAX);
    int64_t last_ns;
    if (__builtin_mul_overflow(demand->step_ns, (int64_t)demand->steps, &last_ns) ||
        __builtin_add_overflow(demand->start_ns, last_ns, &last_ns))
        return err_set(detail, FW_INPUT, "the last step ends beyond the year 2262");
    FW_TRY(check_values("the baseline", demand->baseline, steps, 1, detail));
    FW_TRY(check_values("the expected demand", demand->expected, steps, 1, detail));
    FW_TRY(check_values("P95", demand->p95, steps, 1, detail));
    if (demand->peak_service != NULL) {
        FW_TRY(check_values("the peak", demand->peak_service, steps, 1, detail));
        FW_TRY(check_values("P95 of the peak", demand->peak_p95, steps, 1, detail));
        FW_TRY(check_values("P99 of the peak", demand->peak_p99, steps, 1, detail));
    }
    return check_values("a path", demand->paths, steps * (size_t)demand->path_count,
                        demand->path_count, detail);
}

/* ---- rows ---- */

struct maxima {
    double *baseline, *expected, *p95, *paths;
    double *sorted; /* a row of paths */
};

static enum fw_err make_maxima(struct maxima *maxima, const struct capacity_demand *demand,
                               int window)
{
    *maxima = (struct maxima){
        maxima_of(demand->baseline, demand->steps, 1, window),
        maxima_of(demand->expected, demand->steps, 1, window),
        maxima_of(demand->p95, demand->steps, 1, window),
        maxima_of(demand->paths, demand->steps, demand->path_count, window),
        malloc((size_t)demand->path_count * sizeof(double)),
    };
    return maxima->baseline && maxima->expected && maxima->p95 && maxima->paths && maxima->sorted
               ? FW_OK
               : FW_NOMEM;
}

static void free_maxima(struct maxima *maxima)
{
    free(maxima->baseline);
    free(maxima->expected);
    free(maxima->p95);
    free(maxima->paths);
    free(maxima->sorted);
}

static void recommend(struct capacity_row *row, const struct capacity_settings *settings)
{
    double unit = capacity_of_unit(settings);
    bool buffered = settings->buffer > 0;
    int planned = capacity_units(row->planned, unit, buffered ? 1 : settings->warning_utilization);
    row->recommended = settings->least;
    row->reason = CAPACITY_BY_LEAST;
    if (row->gpus[CAPACITY_EXPECTED] > row->recommended) {
        row->recommended = row->gpus[CAPACITY_EXPECTED];
        row->reason = CAPACITY_BY_TARGET;
    }
    if (planned > row->recommended) {
        row->recommended = planned;
        row->reason = buffered ? CAPACITY_BY_BUFFER : CAPACITY_BY_SERVICE;
    }
}

static void prepare_burst(struct capacity_row *row, const struct capacity_settings *settings,
                          double spike)
{
    int burst = row->gpus[CAPACITY_EMERGENCY];
    double most = floor(settings->burst_most * (row->recommended > 0 ? row->recommended : 1));
    if (spike > 1 - settings->service_level) {
        int spiking = capacity_units(settings->spike_times * row->demand[CAPACITY_EXPECTED],
                                     capacity_of_unit(settings), settings->warning_utilization);
        burst = spiking > burst ? spiking : burst;
    }
    burst = burst < most ? burst : (int)most;
    row->burst_ready = burst > row->recommended ? burst : row->recommended;
}

static void fill_peaks(struct capacity_row *row, const struct capacity_demand *demand,
                       const struct capacity_settings *settings, const struct maxima *maxima, int t)
{
    size_t width = (size_t)demand->path_count;
    if (demand->peak_service != NULL) {
        row->planned = above_zero(demand->peak_service[t]);
        row->demand[CAPACITY_CONSERVATIVE] = above_zero(demand->peak_p95[t]);
        row->demand[CAPACITY_EMERGENCY] = above_zero(demand->peak_p99[t]);
        return;
    }
    memcpy(maxima->sorted, maxima->paths + (size_t)t * width, width * sizeof *maxima->sorted);
    stats_sort_doubles(maxima->sorted, width);
    row->planned = stats_quantile(maxima->sorted, width, settings->service_level);
    row->demand[CAPACITY_CONSERVATIVE] = stats_quantile(maxima->sorted, width, P95);
    row->demand[CAPACITY_EMERGENCY] = stats_quantile(maxima->sorted, width, P99);
}

static void fill_row(struct capacity_row *row, const struct capacity_demand *demand,
                     const struct capacity_settings *settings, const struct maxima *maxima, int t)
{
    double unit = capacity_of_unit(settings);
    row->demand[CAPACITY_BASELINE] = maxima->baseline[t];
    row->demand[CAPACITY_EXPECTED] = maxima->expected[t];
    fill_peaks(row, demand, settings, maxima, t);
    if (settings->buffer > 0)
        row->planned = settings->buffer * maxima->p95[t];
    for (int i = 0; i < CAPACITY_CASES; i++)
        row->gpus[i] = capacity_units(row->demand[i], unit,
                                      i <= CAPACITY_EXPECTED ? settings->target_utilization
                                                             : settings->warning_utilization);
    recommend(row, settings);
    prepare_burst(row, settings, demand->spike != NULL ? demand->spike[t] : 0);
    row->utilization =
        row->recommended > 0 ? above_zero(demand->expected[t]) / (row->recommended * unit) : 0;
}

enum fw_err capacity_plan(const struct capacity_demand *demand,
                          const struct capacity_settings *settings, struct capacity_row *rows,
                          struct fw_detail *detail)
{
    struct maxima maxima;
    FW_TRY(check_settings(settings, detail));
    FW_TRY(check_demand(demand, detail));
    enum fw_err err = make_maxima(&maxima, demand, capacity_window(demand, settings));
    for (int t = 0; err == FW_OK && t < demand->steps; t++) {
        fill_row(&rows[t], demand, settings, &maxima, t);
        if (rows[t].burst_ready > CAPACITY_UNITS_MAX)
            err = err_set(detail, FW_INPUT,
                          "step %d takes more than %d units of %g; is the capacity of a unit in "
                          "the unit of the demand?",
                          t + 1, CAPACITY_UNITS_MAX, capacity_of_unit(settings));
    }
    free_maxima(&maxima);
    return err;
}

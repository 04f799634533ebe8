/* SPDX-License-Identifier: MIT
 * Several steps of a forecast together: joint paths, and the highest of windows. */
#include "forecast/demand_part.h"
#include "forecast/normal.h"
#include <math.h>
#include <stdlib.h>

static const double TAIL = .9; /* levels above are told by past steps, not by the ensemble */

double demand_event_logs(const struct demand_forecast *forecast, int h)
{
    const struct events_effect *events = &forecast->events;
    return events->logs != NULL ? events->logs[events->known + h - 1] : 0;
}

double demand_event_sd(const struct demand_forecast *forecast, int h)
{
    const struct events_effect *events = &forecast->events;
    return events->logs != NULL ? events->sd[events->known + h - 1] : 0;
}

double demand_widened(double quantile, double mean, double level, double sd)
{
    if (!(sd > 0) || !(mean > 0) || !(quantile > 0))
        return quantile;
    double of_event = normal_quantile(level) * sd, own = log(quantile / mean);
    double signed_square = copysign(own * own, own) + copysign(of_event * of_event, of_event);
    return mean * exp(copysign(sqrt(fabs(signed_square)), signed_square));
}

/* ---- windows of the past ---- */

static int window_of(const struct demand_settings *settings, const struct demand_forecast *forecast)
{
    int64_t steps = settings->peak_window_ns / forecast->step_ns;
    steps += settings->peak_window_ns % forecast->step_ns > 0;
    return steps < 1 ? 1 : steps < forecast->count ? (int)steps : forecast->count;
}

static enum fw_err learn(struct peaks **peaks, const struct series *series,
                         const struct ensemble *ensemble, const struct peaks_settings *settings)
{
    FW_TRY(
        peaks_create(peaks, series->value, (int)series->count, ensemble_plan(ensemble), settings));
    for (int k = 0; k < ensemble_walked(ensemble); k++)
        peaks_step(*peaks, ensemble, k);
    return FW_OK;
}

/* ---- paths ---- */

struct drawing {
    const struct demand_forecast *forecast;
    const struct ensemble *ensemble;
    const struct peaks *step;
    const double *mean;
};

/* The ensemble's own, further ahead than a day as wide as at the same time of the first day: what
 * is planned for then is planned again before. */
static double own_quantile(const struct drawing *drawing, int h, double level)
{
    int day = drawing->forecast->day, within = day > 1 && h > day ? (h - 1) % day + 1 : h;
    if (within == h || !(drawing->mean[within - 1] > 0) || !(drawing->mean[h - 1] > 0))
        return ensemble_quantile(drawing->ensemble, h, level);
    return drawing->mean[h - 1] / drawing->mean[within - 1] *
           ensemble_quantile(drawing->ensemble, within, level);
}

static double path_quantile(void *context, int h, double level)
{
    const struct drawing *drawing = context;
    double mean = drawing->mean[h - 1], sd = demand_event_sd(drawing->forecast, h);
    double value = own_quantile(drawing, h, fmin(level, TAIL));
    if (level > TAIL) {
        double tail = peaks_ratio_at(drawing->step, h, level) *
                      peaks_reference(mean, peaks_usual(drawing->step, h));
        value = isfinite(tail) ? fmax(value, tail) : own_quantile(drawing, h, level);
    }
    return exp(demand_event_logs(drawing->forecast, h)) * demand_widened(value, mean, level, sd);
}

static enum fw_err draw_paths(struct drawing *drawing, struct demand_forecast *forecast,
                              const struct demand_settings *settings)
{
    int origins = ensemble_walked(drawing->ensemble), steps = forecast->count;
    double *errors = calloc((size_t)origins * (size_t)steps, sizeof *errors);
    if (errors == NULL)
        return FW_NOMEM;
    for (int i = 0; i < origins; i++)
        for (int h = 1; h <= steps; h++)
            errors[(long)i * steps + h - 1] = ensemble_error(drawing->ensemble, i, h);
    enum fw_err err = paths_law_measure(&forecast->law, errors, origins, steps);
    free(errors);
    FW_TRY(err);
    return paths_draw(&forecast->paths, steps, settings->path_count, &forecast->law, path_quantile,
                      drawing, settings->seed);
}

/* ---- peaks ---- */

/* Expected and usual with what planned events do, the highest of each window. */
static void fill_peaks(const struct peaks *peaks, struct demand_forecast *forecast,
                       const struct demand_settings *settings, double *expected, double *usual,
                       double *sd)
{
    int count = forecast->count, window = window_of(settings, forecast);
    for (int h = 1; h <= count; h++) {
        expected[h - 1] = forecast->expected[h - 1];
        usual[h - 1] = exp(demand_event_logs(forecast, h)) * peaks_usual(peaks, h);
        sd[h - 1] = demand_event_sd(forecast, h);
    }
    peaks_maxima(expected, count, window);
    peaks_maxima(usual, count, window);
    peaks_maxima(sd, count, window);
    for (int h = 1; h <= count; h++) {
        double reference = peaks_reference(expected[h - 1], usual[h - 1]);
        for (int i = 0; i < settings->peak_count; i++) {
            double peak = reference * peaks_ratio(peaks, h, i);
            peak = demand_widened(peak, reference, settings->peak_levels[i], sd[h - 1]);
            forecast->peaks[(long)i * count + h - 1] = peak;
        }
    }
}

static enum fw_err say_peaks(const struct peaks *peaks, struct demand_forecast *forecast,
                             const struct demand_settings *settings)
{
    size_t count = (size_t)forecast->count;
    if (!isfinite(peaks_ratio(peaks, 1, 0)))
        return FW_OK; /* too few windows are over */
    double *scratch = calloc(3 * count, sizeof *scratch);
    forecast->peaks = calloc((size_t)settings->peak_count * count, sizeof *forecast->peaks);
    enum fw_err err = scratch != NULL && forecast->peaks != NULL ? FW_OK : FW_NOMEM;
    if (err == FW_OK)
        fill_peaks(peaks, forecast, settings, scratch, scratch + count, scratch + 2 * count);
    free(scratch);
    return err;
}

enum fw_err demand_joint_say(struct demand_forecast *forecast,
                             const struct demand_settings *settings, const struct series *series,
                             const struct ensemble *ensemble, const double *mean)
{
    struct peaks *step = NULL, *window = NULL;
    struct peaks_settings single = {.window = 1}, several = {.level_count = settings->peak_count};
    enum fw_err err = FW_OK;
    several.window = window_of(settings, forecast);
    for (int i = 0; i < settings->peak_count; i++)
        several.levels[i] = settings->peak_levels[i];
    if (settings->path_count > 0) {
        err = learn(&step, series, ensemble, &single);
        struct drawing drawing = {forecast, ensemble, step, mean};
        if (err == FW_OK)
            err = draw_paths(&drawing, forecast, settings);
    }
    if (err == FW_OK && settings->peak_count > 0) {
        err = learn(&window, series, ensemble, &several);
        if (err == FW_OK)
            err = say_peaks(window, forecast, settings);
    }
    peaks_free(&step);
    peaks_free(&window);
    return err;
}

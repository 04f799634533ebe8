/* SPDX-License-Identifier: MIT */
#include "forecast/decompose.h"
#include "base/time.h"
#include "forecast/prophet.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define YEAR         (1461 * TIME_DAY / 4)
#define FIRST_MONDAY (4 * TIME_DAY)
#define A_NEW_YEAR   (20089 * TIME_DAY) /* 2025; those of other years lie within a day of it */
enum { DAILY_ORDER = 6, WEEKLY_ORDER = 6, WEEKLY_ORDER_OF_DAYS = 3, YEARLY_ORDER = 4 };

struct rows {
    size_t count;
    int64_t *at_ns;
    double *y;
};

static void rows_fini(struct rows *rows)
{
    free(rows->at_ns);
    free(rows->y);
}

/* What is known and no event explains, every stride-th row. */
static enum fw_err gather(struct rows *rows, const struct series *series,
                          const unsigned char *taken)
{
    size_t stride = (series->count - 1) / DECOMPOSE_ROWS_MAX + 1;
    rows->at_ns = malloc((series->count / stride + 1) * sizeof *rows->at_ns);
    rows->y = malloc((series->count / stride + 1) * sizeof *rows->y);
    if (!rows->at_ns || !rows->y)
        return FW_NOMEM;
    for (size_t i = 0; i < series->count; i += stride) {
        if (!isfinite(series->value[i]) || (taken && taken[i]))
            continue;
        rows->at_ns[rows->count] = series_at_ns(series, i);
        rows->y[rows->count++] = series->value[i];
    }
    return FW_OK;
}

static bool all_above_zero(const struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        if (!(rows->y[i] > 0))
            return false;
    return true;
}

static struct prophet_options options_for(const struct series *series, const struct rows *rows)
{
    struct prophet_options options = prophet_defaults();
    int64_t step_ns = series->step_ns, span_ns = (int64_t)(series->count - 1) * step_ns;
    options.uncertainty_samples = 0;
    options.logarithm = all_above_zero(rows);
    options.daily_seasonality =
        step_ns * 2 * DAILY_ORDER <= TIME_DAY && span_ns >= 2 * TIME_DAY ? DAILY_ORDER : 0;
    options.weekly_seasonality = step_ns > TIME_DAY || span_ns < 14 * TIME_DAY ? 0
                                 : step_ns <= TIME_DAY / 2                     ? WEEKLY_ORDER
                                                           : WEEKLY_ORDER_OF_DAYS;
    options.yearly_seasonality =
        step_ns <= 30 * TIME_DAY && span_ns >= 2 * YEAR + YEAR / 2 ? YEARLY_ORDER : 0;
    return options;
}

static double explained(const struct rows *rows, const struct prophet_forecast *fit)
{
    double mean = 0, all = 0, left = 0;
    for (size_t i = 0; i < rows->count; i++)
        mean += rows->y[i] / (double)rows->count;
    for (size_t i = 0; i < rows->count; i++) {
        all += (rows->y[i] - mean) * (rows->y[i] - mean);
        left += (rows->y[i] - fit->yhat[i]) * (rows->y[i] - fit->yhat[i]);
    }
    return all > 0 ? fmax(0, 1 - left / all) : NAN;
}

static enum fw_err fill_trend(const struct prophet *prophet, const struct series *series,
                              struct decomposition *parts, struct fw_detail *detail)
{
    int64_t at_ns[DECOMPOSE_TREND_POINTS];
    struct prophet_forecast forecast;
    size_t steps = series->count > 1 ? series->count - 1 : 1;
    size_t count = steps + 1 < DECOMPOSE_TREND_POINTS ? steps + 1 : DECOMPOSE_TREND_POINTS;
    parts->trend_count = count;
    parts->trend_start_ns = series->start_ns;
    parts->trend_step_ns = (int64_t)(steps / (count - 1)) * series->step_ns;
    for (size_t i = 0; i < count; i++)
        at_ns[i] = series->start_ns + (int64_t)i * parts->trend_step_ns;
    const struct prophet_rows rows = {.count = count, .at_ns = at_ns};
    FW_TRY(prophet_predict(prophet, &rows, &forecast, detail));
    memcpy(parts->trend, forecast.trend, count * sizeof *parts->trend);
    prophet_forecast_fini(&forecast);
    return FW_OK;
}

/* The latest beginning of such a period. A fit refuses what lies further than 290 years from 1970:
 * there is room for one. */
static int64_t period_start_ns(const struct series *series, int64_t period_ns)
{
    int64_t end_ns = series_at_ns(series, series->count - 1);
    int64_t origin_ns = period_ns == YEAR           ? A_NEW_YEAR
                        : period_ns == 7 * TIME_DAY ? FIRST_MONDAY
                                                    : 0;
    int64_t behind_ns = (end_ns % period_ns - origin_ns % period_ns) % period_ns;
    if (behind_ns < 0)
        behind_ns += period_ns;
    return end_ns - behind_ns;
}

static enum fw_err add_cycle(const struct prophet *prophet, size_t part, int64_t start_ns,
                             struct decompose_cycle *cycle, struct fw_detail *detail)
{
    int64_t at_ns[DECOMPOSE_CYCLE_POINTS];
    struct prophet_forecast forecast;
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < cycle->count; i++)
        at_ns[i] = start_ns + (int64_t)i * (cycle->period_ns / (int64_t)cycle->count);
    const struct prophet_rows rows = {.count = cycle->count, .at_ns = at_ns};
    FW_TRY(prophet_predict(prophet, &rows, &forecast, detail));
    for (size_t i = 0; i < cycle->count; i++) {
        cycle->value[i] = forecast.component[part * forecast.count + i];
        low = fmin(low, cycle->value[i]);
        high = fmax(high, cycle->value[i]);
    }
    cycle->span = high - low;
    prophet_forecast_fini(&forecast);
    return FW_OK;
}

static enum fw_err fill_cycles(const struct prophet *prophet, const struct series *series,
                               struct decomposition *parts, struct fw_detail *detail)
{
    static const struct decompose_cycle known[] = {
        {.name = "yearly", .period_ns = YEAR, .count = 146},
        {.name = "weekly", .period_ns = 7 * TIME_DAY, .count = 168},
        {.name = "daily", .period_ns = TIME_DAY, .count = 96},
    };
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
        for (size_t i = 0; i < prophet_components(prophet); i++)
            if (strcmp(prophet_component(prophet, i)->name, known[k].name) == 0) {
                struct decompose_cycle *cycle = &parts->cycles[parts->cycle_count++];
                *cycle = known[k];
                FW_TRY(add_cycle(prophet, i, period_start_ns(series, cycle->period_ns), cycle,
                                 detail));
            }
    return FW_OK;
}

static enum fw_err take_apart(const struct prophet *prophet, const struct series *series,
                              const struct rows *rows, struct decomposition *parts,
                              struct fw_detail *detail)
{
    struct prophet_forecast fit;
    const struct prophet_rows known = {.count = rows->count, .at_ns = rows->at_ns};
    FW_TRY(prophet_predict(prophet, &known, &fit, detail));
    parts->explained = explained(rows, &fit);
    prophet_forecast_fini(&fit);
    FW_TRY(fill_trend(prophet, series, parts, detail));
    return fill_cycles(prophet, series, parts, detail);
}

enum fw_err decompose(const struct series *series, const unsigned char *taken,
                      struct decomposition *parts, struct fw_detail *detail)
{
    struct rows rows = {0};
    struct prophet *prophet = NULL;
    memset(parts, 0, sizeof *parts);
    enum fw_err err = gather(&rows, series, taken);
    if (err == FW_OK && rows.count < 2)
        err = err_set(detail, FW_INPUT,
                      "the series has %zu values that no event explains, expected at least 2",
                      rows.count);
    if (err == FW_OK) {
        struct prophet_options options = options_for(series, &rows);
        const struct prophet_rows known = {.count = rows.count, .at_ns = rows.at_ns, .y = rows.y};
        parts->multiplies = options.logarithm;
        err = prophet_fit(&options, &known, &prophet, detail);
    }
    if (err == FW_OK)
        err = take_apart(prophet, series, &rows, parts, detail);
    prophet_destroy(&prophet);
    rows_fini(&rows);
    return err;
}

/* SPDX-License-Identifier: MIT */
#include "forecast/prophet_part.h"
#include <math.h>
#include <stdlib.h>

enum { ARRAYS = 9 };
static const double EXPONENT_MOST = 700; /* exp of more is infinite */

double prophet_from_logarithm(const struct prophet *p, double value)
{
    return exp(fmin(value, EXPONENT_MOST)) - p->log_shift;
}

static double as_share(double logarithm)
{
    return expm1(fmin(logarithm, EXPONENT_MOST));
}

/* The parts of one row into the forecast's place for it. */
static void put_parts(const struct prophet *p, const double *cells, size_t row,
                      struct prophet_forecast *forecast)
{
    const double *beta = p->theta + PROPHET_TREND + p->changepoints;
    double add = 0, multiply = 0, holidays = 0;
    for (size_t i = 0; i < p->parts; i++) {
        const struct prophet_part *part = &p->part[i];
        double sum = 0;
        for (uint32_t c = part->first; c < part->first + part->count; c++)
            sum += cells[c] * beta[c];
        bool multiplies = part->public.multiplicative && !p->logarithm;
        if (!multiplies)
            sum *= p->y_scale;
        *(multiplies ? &multiply : &add) += sum;
        if (part->public.kind == PROPHET_HOLIDAY)
            holidays += sum;
        forecast->component[i * forecast->count + row] = p->logarithm ? as_share(sum) : sum;
    }
    forecast->additive_terms[row] = add; /* for a logarithm, replaced below */
    forecast->multiplicative_terms[row] = multiply;
    forecast->holidays[row] = p->logarithm ? as_share(holidays) : holidays;
}

static void put_row(const struct prophet *p, double trend, size_t row,
                    struct prophet_forecast *forecast)
{
    double add = forecast->additive_terms[row], multiply = forecast->multiplicative_terms[row];
    if (p->logarithm) {
        forecast->trend[row] = prophet_from_logarithm(p, trend);
        forecast->yhat[row] = prophet_from_logarithm(p, trend + add);
        forecast->multiplicative_terms[row] = as_share(add);
        forecast->additive_terms[row] = 0;
    } else {
        forecast->trend[row] = trend;
        forecast->yhat[row] = trend * (1 + multiply) + add;
    }
    forecast->trend_lower[row] = forecast->trend_upper[row] = forecast->trend[row];
    forecast->yhat_lower[row] = forecast->yhat_upper[row] = forecast->yhat[row];
}

/* What multiplies applies to the trend above its floor, as in the model. */
static void put_row_above_floor(const struct prophet *p, double trend, double floor, size_t row,
                                struct prophet_forecast *forecast)
{
    put_row(p, trend + floor, row, forecast);
    if (floor == 0 || p->logarithm)
        return;
    forecast->yhat[row] =
        trend * (1 + forecast->multiplicative_terms[row]) + forecast->additive_terms[row] + floor;
    forecast->yhat_lower[row] = forecast->yhat_upper[row] = forecast->yhat[row];
}

static enum fw_err predict(const struct prophet *p, const struct prophet_history *history,
                           struct prophet_forecast *forecast, struct fw_detail *detail)
{
    size_t at = 0, stride = history->stride;
    double *cells = calloc(PROPHET_BLOCK * stride + 1, sizeof *cells);
    struct prophet_piece *piece = malloc((p->changepoints + 1) * sizeof *piece);
    if (!cells || !piece) {
        free(cells);
        free(piece);
        return err_set(detail, FW_NOMEM, "no memory for a block of %zu columns", p->columns);
    }
    prophet_pieces(p, p->theta, piece);
    for (size_t from = 0; from < history->n; from += PROPHET_BLOCK) {
        size_t count = history->n - from < PROPHET_BLOCK ? history->n - from : PROPHET_BLOCK;
        prophet_features(p, history, from, count, cells, stride);
        for (size_t i = from; i < from + count; i++) {
            uint32_t row = history->order[i];
            at = prophet_segment(p, at, history->t[i]);
            double trend = prophet_trend(p, piece[at], history->t[i], history->cap[i]) * p->y_scale;
            put_parts(p, cells + (i - from) * stride, row, forecast);
            put_row_above_floor(p, trend, prophet_floor(p, history->rows, row), row, forecast);
        }
    }
    free(cells);
    free(piece);
    return FW_OK;
}

static bool forecast_init(struct prophet_forecast *forecast, size_t count, size_t components)
{
    *forecast = (struct prophet_forecast){.count = count, .components = components};
    if (count > SIZE_MAX / sizeof(double) / (ARRAYS + components))
        return false;
    forecast->memory = calloc(count * (ARRAYS + components), sizeof *forecast->memory);
    if (!forecast->memory)
        return false;
    double **arrays[ARRAYS] = {
        &forecast->yhat,           &forecast->yhat_lower,           &forecast->yhat_upper,
        &forecast->trend,          &forecast->trend_lower,          &forecast->trend_upper,
        &forecast->additive_terms, &forecast->multiplicative_terms, &forecast->holidays};
    for (size_t i = 0; i < ARRAYS; i++)
        *arrays[i] = forecast->memory + i * count;
    forecast->component = forecast->memory + ARRAYS * count;
    return true;
}

enum fw_err prophet_predict(const struct prophet *p, const struct prophet_rows *rows,
                            struct prophet_forecast *forecast, struct fw_detail *detail)
{
    struct prophet_history history;
    *forecast = (struct prophet_forecast){0};
    FW_TRY(prophet_history_init(&history, p, false, rows, detail));
    history.stride = dense_width(p->columns);
    enum fw_err err = prophet_history_scale(&history, p, false, detail);
    if (err == FW_OK)
        err = prophet_check_inputs(p, &history, detail);
    if (err == FW_OK && !forecast_init(forecast, rows->count, p->parts))
        err = err_set(detail, FW_NOMEM, "no memory for a forecast of %zu rows", rows->count);
    if (err == FW_OK)
        err = predict(p, &history, forecast, detail);
    if (err == FW_OK && p->uncertainty_samples > 0)
        err = prophet_sample(p, &history, forecast, detail);
    prophet_history_fini(&history);
    if (err != FW_OK)
        prophet_forecast_fini(forecast);
    return err;
}

void prophet_forecast_fini(struct prophet_forecast *forecast)
{
    free(forecast->memory);
    *forecast = (struct prophet_forecast){0};
}

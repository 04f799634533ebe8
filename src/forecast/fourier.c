/* SPDX-License-Identifier: MIT */
#include "forecast/fourier.h"

#include "base/check.h"
#include "forecast/dense.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const double TAU = 6.283185307179586476925;

static int add_wave(double *row, int size, int64_t k, int step, int period)
{
    double angle = TAU * (double)(k * step % period) / period;
    row[size] = sin(angle);
    row[size + 1] = cos(angle);
    return size + 2;
}

static int fill_row(const struct fourier_settings *settings, int step, double *row)
{
    int size = 1, days = settings->day > 0 ? settings->week / settings->day : 0;
    row[0] = 1;
    for (int k = 1; k <= settings->daily && settings->day > 0; k++)
        size = add_wave(row, size, k, step, settings->day);
    for (int k = 1; k <= settings->weekly; k++)
        if (days == 0 || k % days != 0)
            size = add_wave(row, size, k, step, settings->week);
    return size;
}

static const double *row_at(const struct fourier *fourier, int t)
{
    return fourier->rows + (long)(t % fourier->settings.week) * fourier->size;
}

static void factor_at(struct fourier *fourier, const double *gram, double *factor)
{
    int size = fourier->size;
    memcpy(factor, gram, (size_t)size * (size_t)size * sizeof *factor);
    for (int i = 0; i < size; i++)
        factor[(long)i * size + i] += i > 0 ? fourier->settings.lambda : 1e-9;
    CHECK(dense_cholesky(factor, (size_t)size, (size_t)size));
}

static void factor_all(struct fourier *fourier, double *gram)
{
    int size = fourier->size, last = fourier->first + fourier->step * (fourier->count - 1);
    double forget = fourier->settings.forget;
    for (int t = 0; t < last; t++) {
        const double *row = row_at(fourier, t);
        for (int i = 0; i < size; i++)
            for (int j = 0; j <= i; j++)
                gram[(long)i * size + j] = forget * gram[(long)i * size + j] + row[i] * row[j];
        int past = t + 1 - fourier->first;
        if (past >= 0 && past % fourier->step == 0)
            factor_at(fourier, gram, fourier->factors + (long)(past / fourier->step) * size * size);
    }
}

enum fw_err fourier_init(struct fourier *fourier, const struct fourier_settings *settings,
                         int first, int step, int count)
{
    CHECK(settings->weekly <= FOURIER_WEEKLY_MAX && settings->daily <= FOURIER_DAILY_MAX);
    CHECK(settings->week > 0 && settings->week <= FOURIER_PERIOD_MAX);
    CHECK(first > 0 && step > 0 && count > 0);
    *fourier = (struct fourier){.settings = *settings};
    fourier->first = first;
    fourier->step = step;
    fourier->count = count;
    double probe[FOURIER_SIZE_MAX];
    fourier->size = fill_row(settings, 0, probe);
    size_t square = (size_t)fourier->size * (size_t)fourier->size;
    double *gram = calloc(square, sizeof *gram);
    fourier->rows = calloc((size_t)settings->week * (size_t)fourier->size, sizeof *gram);
    fourier->factors = calloc(square * (size_t)count, sizeof *gram);
    if (gram == NULL || fourier->rows == NULL || fourier->factors == NULL) {
        free(gram);
        fourier_fini(fourier);
        return FW_NOMEM;
    }
    for (int step_of = 0; step_of < settings->week; step_of++)
        (void)fill_row(settings, step_of, fourier->rows + (long)step_of * fourier->size);
    factor_all(fourier, gram);
    free(gram);
    return FW_OK;
}

void fourier_fini(struct fourier *fourier)
{
    free(fourier->rows);
    free(fourier->factors);
    fourier->rows = fourier->factors = NULL;
}

void fourier_start(struct fourier_state *state)
{
    memset(state, 0, sizeof *state);
}

void fourier_learn(const struct fourier *fourier, struct fourier_state *state, int t, double value)
{
    const double *row = row_at(fourier, t);
    for (int i = 0; i < fourier->size; i++)
        state->rhs[i] = fourier->settings.forget * state->rhs[i] + row[i] * value;
}

void fourier_fit(const struct fourier *fourier, struct fourier_state *state, int origin)
{
    int past = origin - fourier->first;
    CHECK(past >= 0 && past % fourier->step == 0 && past / fourier->step < fourier->count);
    memcpy(state->theta, state->rhs, (size_t)fourier->size * sizeof *state->theta);
    size_t size = (size_t)fourier->size, number = (size_t)(past / fourier->step);
    dense_solve(fourier->factors + number * size * size, size, size, state->theta);
}

double fourier_value(const struct fourier *fourier, const struct fourier_state *state, int t)
{
    const double *row = row_at(fourier, t);
    double value = 0;
    for (int i = 0; i < fourier->size; i++)
        value += row[i] * state->theta[i];
    return value;
}

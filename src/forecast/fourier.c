/* SPDX-License-Identifier: MIT */
#include "forecast/fourier.h"

#include "base/check.h"
#include "forecast/cholesky.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double TAU = 6.283185307179586476925;

static int fill_row(const struct fourier_settings *settings, int hour, double *row)
{
    int size = 0;
    row[size++] = 1;
    for (int k = 1; k <= FOURIER_DAILY; k++) {
        row[size++] = sin(TAU * (k * hour % FOURIER_DAY) / FOURIER_DAY);
        row[size++] = cos(TAU * (k * hour % FOURIER_DAY) / FOURIER_DAY);
    }
    for (int k = 1; k <= settings->weekly; k++) {
        if (k % 7 == 0)
            continue;
        row[size++] = sin(TAU * (k * hour % FOURIER_WEEK) / FOURIER_WEEK);
        row[size++] = cos(TAU * (k * hour % FOURIER_WEEK) / FOURIER_WEEK);
    }
    return size;
}

static const double *row_at(const struct fourier *fourier, int t)
{
    return fourier->rows + (long)(t % FOURIER_WEEK) * fourier->size;
}

static void factor_at(struct fourier *fourier, const double *gram, double *factor)
{
    int size = fourier->size;
    memcpy(factor, gram, (size_t)size * (size_t)size * sizeof *factor);
    for (int i = 0; i < size; i++)
        factor[(long)i * size + i] += i > 0 ? fourier->settings.lambda : 1e-9;
    CHECK(cholesky_factor(factor, size));
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
    CHECK(settings->weekly <= FOURIER_WEEKLY_MAX && first > 0 && step > 0 && count > 0);
    fourier->settings = *settings;
    fourier->first = first;
    fourier->step = step;
    fourier->count = count;
    double probe[FOURIER_SIZE_MAX];
    fourier->size = fill_row(settings, 0, probe);
    for (int hour = 0; hour < FOURIER_WEEK; hour++)
        (void)fill_row(settings, hour, fourier->rows + (long)hour * fourier->size);
    size_t square = (size_t)fourier->size * (size_t)fourier->size;
    double *gram = calloc(square, sizeof *gram);
    fourier->factors = calloc(square * (size_t)count, sizeof *gram);
    if (gram == NULL || fourier->factors == NULL) {
        free(gram);
        fourier_fini(fourier);
        return FW_NOMEM;
    }
    factor_all(fourier, gram);
    free(gram);
    return FW_OK;
}

void fourier_fini(struct fourier *fourier)
{
    free(fourier->factors);
    fourier->factors = NULL;
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
    cholesky_solve(fourier->factors + (long)(past / fourier->step) * fourier->size * fourier->size,
                   fourier->size, state->theta);
}

double fourier_value(const struct fourier *fourier, const struct fourier_state *state, int t)
{
    const double *row = row_at(fourier, t);
    double value = 0;
    for (int i = 0; i < fourier->size; i++)
        value += row[i] * state->theta[i];
    return value;
}

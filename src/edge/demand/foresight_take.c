/* SPDX-License-Identifier: MIT
 * What becomes of finished work: forecasts put in place, models chosen, and what was said held
 * against what came. */
#include "base/check.h"
#include "edge/demand/foresight_part.h"
#include <math.h>
#include <stdio.h>

enum { SEASON_DAY = 24, SEASON_WEEK = 168 };

/* What the model says of the hour a day ahead; it is validated, whatever is published. Of some
 * hours more, too: a later refresh says them anew, unless it is missed. */
static void note_said(struct foresight_series *series, const struct demand_forecast *said,
                      int64_t now_ns)
{
    for (int h = SAID_AHEAD - 1; h < SAID_AHEAD + SAID_MORE && h < said->count; h++) {
        int64_t hour = said->start_ns / TIME_HOUR + h;
        series->said[hour % SAID_HOURS] =
            (struct foresight_said){.hour = hour,
                                    .mean = (float)said->expected[h],
                                    .low = (float)said->quantile[FORESIGHT_P5][h],
                                    .high = (float)said->quantile[FORESIGHT_P95][h]};
    }
    if (series->said_since_ns == 0)
        series->said_since_ns = now_ns;
}

/* Enough was known for what is said to be worth a judgement. */
static bool knew_enough(const struct foresight_work *work)
{
    int known = 0;
    for (size_t i = 0; i < work->known.count; i++)
        known += isfinite(work->known.value[i]);
    return known >= FORESIGHT_TRAIN_HOURS;
}

static void take_refresh(struct foresight *foresight, struct foresight_series *series,
                         struct foresight_work *work, int64_t now_ns)
{
    struct foresight_forecast *forecast = &series->forecast;
    if (knew_enough(work))
        note_said(series, &work->model_said, now_ns);
    struct demand_forecast *fresh = work->naive ? &work->published : &work->model_said;
    demand_forecast_fini(&forecast->table);
    forecast->table = *fresh;
    *fresh = (struct demand_forecast){0};
    paths_fini(&forecast->table.paths); /* capacity was planned from them */
    series->capacity.failed = work->capacity.failed;
    memcpy(series->capacity.reason, work->capacity.reason, sizeof series->capacity.reason);
    if (work->capacity.steps > 0) {
        foresight_capacity_fini(&series->capacity);
        series->capacity = work->capacity;
        series->capacity.made_ns = now_ns;
        work->capacity = (struct foresight_capacity){0};
    }
    forecast->made_ns = now_ns;
    forecast->failed = false;
    forecast->reason[0] = '\0';
    forecast->naive = work->naive;
    forecast->boosted = work->boosted;
    forecast->refreshes++;
    foresight->stats.refreshes++;
}

static void take_training(struct foresight *foresight, struct foresight_series *series,
                          const struct foresight_work *work, int64_t now_ns)
{
    uint32_t trainings = series->model.trainings + 1;
    series->model = work->trained;
    series->model.trainings = trainings;
    series->model.trained_ns = now_ns;
    foresight->stats.trainings++;
}

static void take_failure(struct foresight *foresight, struct foresight_series *series,
                         const struct foresight_work *work, int64_t now_ns)
{
    struct foresight_forecast *forecast = &series->forecast;
    foresight->stats.failures++;
    series->due_ns[work->kind] = now_ns + FORESIGHT_RETRY_NS;
    if (work->kind != WORK_REFRESH)
        return;
    forecast->failed = true;
    (void)snprintf(forecast->reason, sizeof forecast->reason, "%s",
                   work->detail.text[0] ? work->detail.text : err_row(work->err)->sentence);
}

uint32_t foresight_take(struct foresight *foresight, struct foresight_work *work, int64_t now_ns)
{
    CHECK(work == foresight->out);
    uint32_t made = FORESIGHT_NONE;
    foresight->idle = false;
    if (work->series < foresight->series_count &&
        foresight->generations[work->series] == work->generation) {
        struct foresight_series *series = foresight->series[work->series];
        if (work->kind == WORK_REFRESH)
            series->forecast.tried_ns = now_ns;
        if (work->err != FW_OK) {
            take_failure(foresight, series, work, now_ns);
        } else if (work->kind == WORK_REFRESH) {
            take_refresh(foresight, series, work, now_ns);
            made = work->series;
        } else if (work->kind == WORK_TRAIN) {
            take_training(foresight, series, work, now_ns);
        } else {
            foresight_take_detection(foresight, series, work);
        }
        series->learned |= work->kind != WORK_WATCH;
    }
    foresight_work_free(&foresight->out);
    return made;
}

/* ---- validation ---- */

/* The hour as the last week had it, or the last day; NAN: neither is known. */
static double naive_of(const struct counts *counts, int64_t hour)
{
    uint32_t week = counts_get(counts, COUNT_HOUR, hour - SEASON_WEEK);
    uint32_t day = counts_get(counts, COUNT_HOUR, hour - SEASON_DAY);
    return week != COUNT_MISSING ? week : day != COUNT_MISSING ? day : NAN;
}

/* Mean step over a day in what is known: the unit of MASE. */
static double unit_of(const struct foresight_series *series)
{
    const struct counts *counts = &series->counts;
    double sum = 0;
    int count = 0;
    for (int64_t i = 1; i <= FORESIGHT_HISTORY_HOURS; i++) {
        uint32_t now = counts_get(counts, COUNT_HOUR, counts->slot[COUNT_HOUR] - i);
        uint32_t before = counts_get(counts, COUNT_HOUR, counts->slot[COUNT_HOUR] - i - SEASON_DAY);
        if (now == COUNT_MISSING || before == COUNT_MISSING)
            continue;
        sum += fabs((double)now - before);
        count++;
    }
    return count > 0 ? sum / count : NAN;
}

static void validate(struct foresight_series *series, int64_t now_ns)
{
    struct foresight_validity *validity = &series->validity;
    int64_t first = series->counts.slot[COUNT_HOUR] - SEASON_WEEK;
    double error = 0, naive_error = 0, within = 0;
    uint32_t hours = 0;
    for (int64_t hour = first; hour < series->counts.slot[COUNT_HOUR]; hour++) {
        const struct foresight_said *said = &series->said[hour % SAID_HOURS];
        uint32_t came = counts_get(&series->counts, COUNT_HOUR, hour);
        double naive = naive_of(&series->counts, hour);
        if (said->hour != hour || came == COUNT_MISSING || isnan(naive))
            continue;
        error += fabs((double)said->mean - came);
        naive_error += fabs(naive - came);
        within += (double)said->low <= came && came <= (double)said->high;
        hours++;
    }
    if (hours < FORESIGHT_VALID_HOURS)
        return;
    double unit = unit_of(series);
    *validity =
        (struct foresight_validity){.at_ns = now_ns,
                                    .hours = hours,
                                    .mase = unit > 0 ? error / hours / unit : NAN,
                                    .naive_mase = unit > 0 ? naive_error / hours / unit : NAN,
                                    .ratio = naive_error > 0 ? error / naive_error
                                             : error > 0     ? INFINITY
                                                             : NAN,
                                    .coverage = within / hours,
                                    .validations = validity->validations + 1};
    validity->lost = validity->ratio > 1;
    series->learned = true;
}

void foresight_validate(struct foresight *foresight, struct foresight_series *series)
{
    int64_t since_ns = series->validity.at_ns > 0 ? series->validity.at_ns : series->said_since_ns;
    if (since_ns == 0 || foresight->now_ns - since_ns < FORESIGHT_VALIDATE_NS)
        return;
    uint32_t before = series->validity.validations;
    validate(series, foresight->now_ns);
    if (series->validity.validations == before)
        return;
    foresight->stats.validations++;
    series->hurried = true; /* what is said may be another's from now on */
}

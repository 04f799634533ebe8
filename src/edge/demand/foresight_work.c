/* SPDX-License-Identifier: MIT
 * What is due, and the slow part of it, which may run on any thread. */
#include "base/check.h"
#include "edge/demand/foresight_part.h"
#include <math.h>
#include <stdlib.h>

#define NEAR_NS (2 * TIME_DAY) /* what boosted trees are for */
enum {
    NEAR_HOURS_MIN = 1000, /* fewer leave the trees too little to learn from */
    LEARN_DAY_ROWS = 144,
    LEARN_ROWS_MAX = 600,
    LEARN_SHARE = 15,
    REST_ROWS = 36, /* six hours from alert to alert */
    BLOCKS_JUDGED = 3
};
/* Boosted trees are asked every hour only where they are better by this. */
#define NEAR_GAIN .98

/* ---- the next ---- */

static bool hours_known(const struct foresight_series *series, uint32_t least)
{
    uint32_t known;
    (void)counts_sum(&series->counts, COUNT_HOUR, FORESIGHT_HISTORY_HOURS, &known);
    return known >= least;
}

static bool is_due(const struct foresight_series *series, enum work_kind kind, int64_t now_ns)
{
    if (!series->foretold)
        return false;
    if (kind == WORK_REFRESH && series->hurried && hours_known(series, FORESIGHT_HOURS_MIN))
        return true;
    if (now_ns < series->due_ns[kind])
        return false;
    return hours_known(series, kind == WORK_REFRESH ? FORESIGHT_HOURS_MIN
                               : kind == WORK_TRAIN ? FORESIGHT_TRAIN_HOURS
                                                    : FORESIGHT_TRAIN_HOURS / 2);
}

/* With the end of the next hour or ten minutes of the wall, when there is more to know. */
static int64_t next_of(int64_t step_ns, int64_t now_ns)
{
    return (now_ns / step_ns + 1) * step_ns;
}

static void schedule(struct foresight_series *series, enum work_kind kind, int64_t now_ns)
{
    if (kind == WORK_REFRESH)
        series->hurried = false;
    series->due_ns[kind] = kind == WORK_REFRESH ? next_of(FORESIGHT_REFRESH_NS, now_ns)
                           : kind == WORK_TRAIN ? now_ns + FORESIGHT_TRAIN_NS
                                                : next_of(10 * TIME_MINUTE, now_ns);
}

static enum fw_err fill(const struct foresight *foresight, const struct foresight_series *series,
                        struct foresight_work *work)
{
    bool tens = work->kind == WORK_WATCH;
    work->naive = series->model.naive || series->validity.lost;
    work->boosted = series->model.boosted && !work->naive;
    work->settings = demand_defaults;
    work->settings.horizon_ns = foresight->settings.horizon_ns;
    work->settings.capacity_buffer = foresight->settings.capacity_buffer;
    const double levels[FORESIGHT_QUANTILES] = {.05, .5, .75, .9, .95, .99};
    memcpy(work->settings.quantiles, levels, sizeof levels);
    work->settings.quantile_count = FORESIGHT_QUANTILES;
    memcpy(work->id, series->id, sizeof work->id);
    event_classes_default(&work->classes);
    FW_TRY(foresight_calendar(foresight, series, &work->calendar));
    return counts_series(&series->counts, tens ? COUNT_TEN : COUNT_HOUR,
                         tens ? count_grains[COUNT_TEN].slots : FORESIGHT_HISTORY_HOURS,
                         &work->known);
}

static struct foresight_work *make(struct foresight *foresight, uint32_t at, enum work_kind kind,
                                   int64_t now_ns)
{
    struct foresight_series *series = foresight->series[at];
    struct foresight_work *work = calloc(1, sizeof *work);
    schedule(series, kind, now_ns);
    if (!work)
        return NULL;
    work->kind = kind;
    work->series = at;
    work->generation = foresight->generations[at];
    if (fill(foresight, series, work) != FW_OK)
        foresight_work_free(&work);
    return work;
}

struct foresight_work *foresight_next(struct foresight *foresight, int64_t now_ns)
{
    if (foresight->out || foresight->idle || !foresight->loaded)
        return NULL;
    for (uint32_t i = 0; i < foresight->series_count; i++) {
        uint32_t at = (foresight->next + i) % foresight->series_count;
        for (int kind = 0; kind < WORK_KINDS; kind++)
            if (is_due(foresight->series[at], (enum work_kind)kind, now_ns) &&
                !(kind == WORK_REFRESH &&
                  foresight_feed_lacks(foresight, foresight->series[at], now_ns))) {
                foresight->next = at;
                foresight->out = make(foresight, at, (enum work_kind)kind, now_ns);
                return foresight->out;
            }
    }
    foresight->idle = true;
    return NULL;
}

void foresight_work_free(struct foresight_work **work)
{
    struct foresight_work *gone = *work;
    if (!gone)
        return;
    series_fini(&gone->known);
    free(gone->calendar.events);
    demand_forecast_fini(&gone->model_said);
    demand_forecast_fini(&gone->published);
    demand_forecast_fini(&gone->near);
    detect_fini(&gone->detection);
    foresight_capacity_fini(&gone->capacity);
    free(gone);
    *work = NULL;
}

const char *foresight_work_id(const struct foresight_work *work)
{
    return work->id;
}

void foresight_drop(struct foresight *foresight, struct foresight_work *work)
{
    CHECK(work == foresight->out);
    foresight_work_free(&foresight->out);
}

/* ---- running ---- */

static enum fw_err foretell(struct foresight_work *work, enum demand_model model,
                            int64_t horizon_ns, struct demand_forecast *forecast)
{
    struct demand_settings settings = work->settings;
    settings.model = model;
    settings.calendar = work->calendar.count > 0 ? &work->calendar : NULL;
    settings.horizon_ns = horizon_ns;
    return demand_forecast(&work->known, &settings, forecast, &work->detail);
}

/* The first two days as the boosted trees say them. */
static void lay_over(struct demand_forecast *table, const struct demand_forecast *near)
{
    for (int h = 0; h < near->count && h < table->count; h++) {
        table->expected[h] = near->expected[h];
        table->spike[h] = near->spike[h];
        table->capacity[h] = near->capacity[h];
        for (int i = 0; i < table->quantile_count; i++)
            table->quantile[i][h] = near->quantile[i][h];
    }
    size_t paths = (size_t)table->paths.count;
    for (int h = 0; h < near->count && h < table->count && near->paths.count == table->paths.count;
         h++)
        memcpy(table->paths.value + (size_t)h * paths, near->paths.value + (size_t)h * paths,
               paths * sizeof *table->paths.value);
}

static enum fw_err refresh(struct foresight_work *work)
{
    int64_t horizon_ns = work->settings.horizon_ns;
    FW_TRY(foretell(work, DEMAND_ENSEMBLE, horizon_ns, &work->model_said));
    if (work->naive)
        FW_TRY(foretell(work, DEMAND_NAIVE, horizon_ns, &work->published));
    if (work->boosted)
        FW_TRY(foretell(work, DEMAND_ENSEMBLE, horizon_ns < NEAR_NS ? horizon_ns : NEAR_NS,
                        &work->near));
    lay_over(&work->model_said, &work->near);
    if (work->capacity.asked)
        foresight_plan_capacity(work, work->naive ? &work->published : &work->model_said);
    return FW_OK;
}

/* Over all stretches of the horizon; the better of both seasons is the naive. */
static void judge(const struct demand_verdict *verdict, struct foresight_model *model)
{
    double error = 0, naive = 0;
    int cases = 0;
    for (int i = 0; i < verdict->block_count; i++) {
        double day = verdict->blocks.day[i], week = verdict->blocks.week[i];
        double best = isfinite(week) && !(day <= week) ? week : day;
        if (verdict->blocks.cases[i] == 0 || !isfinite(best))
            continue;
        error += verdict->blocks.error[i] * verdict->blocks.cases[i];
        naive += best * verdict->blocks.cases[i];
        cases += verdict->blocks.cases[i];
    }
    model->error = cases > 0 ? error / cases : NAN;
    model->naive_error = cases > 0 ? naive / cases : NAN;
    model->naive = cases > 0 && error > naive;
}

/* Are the trees better where both were asked: the first step, a quarter of a day, the day? */
static bool near_is_better(const struct demand_verdict *near, const struct demand_verdict *far)
{
    double ratio = 0;
    int blocks = 0;
    for (int i = 0; i < BLOCKS_JUDGED && i < near->block_count && i < far->block_count; i++)
        if (near->blocks.cases[i] > 0 && far->blocks.error[i] > 0) {
            ratio += near->blocks.error[i] / far->blocks.error[i];
            blocks++;
        }
    return blocks > 0 && ratio / blocks < NEAR_GAIN;
}

static enum fw_err train(struct foresight_work *work)
{
    FW_TRY(foretell(work, DEMAND_ENSEMBLE, work->settings.horizon_ns, &work->model_said));
    judge(&work->model_said.verdict, &work->trained);
    if (work->known.count < NEAR_HOURS_MIN || work->settings.horizon_ns < NEAR_NS)
        return FW_OK;
    FW_TRY(foretell(work, DEMAND_ENSEMBLE, NEAR_NS, &work->near));
    work->trained.boosted = near_is_better(&work->near.verdict, &work->model_said.verdict);
    return FW_OK;
}

static enum fw_err watch(struct foresight_work *work)
{
    size_t share = work->known.count * LEARN_SHARE / 100;
    uint32_t learn = share < LEARN_DAY_ROWS   ? LEARN_DAY_ROWS
                     : share > LEARN_ROWS_MAX ? LEARN_ROWS_MAX
                                              : (uint32_t)share;
    const struct anomaly_settings settings = {.method = ANOMALY_DEMAND,
                                              .day_rows = event_shape_day_rows(work->known.step_ns),
                                              .learn_rows = learn,
                                              .refractory_rows = REST_ROWS,
                                              .seed = 1,
                                              .cautious = true};
    const struct detect_context context = {
        .calendar = work->calendar.count > 0 ? &work->calendar : NULL, .classes = &work->classes};
    return detect_run(&work->detection, &work->known, &settings, &context, NULL, NULL);
}

void foresight_run(struct foresight_work *work)
{
    work->err = work->kind == WORK_REFRESH ? refresh(work)
                : work->kind == WORK_TRAIN ? train(work)
                                           : watch(work);
}

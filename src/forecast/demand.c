/* SPDX-License-Identifier: MIT */
#include "forecast/demand_part.h"

#include "base/stats.h"
#include "base/time.h"
#include "forecast/normal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t DAY_NS = INT64_C(86400) * 1000000000;

const char *const demand_models[DEMAND_MODELS + 1] = {"ensemble", "prophet",        "ridge",
                                                      "boost",    "seasonal-naive", NULL};
const struct demand_settings demand_defaults = {
    .horizon_ns = 7 * INT64_C(86400) * 1000000000,
    .quantiles = {.5, .75, .9, .95, .99},
    .quantile_count = 5,
    .capacity_buffer = 1.3,
    .seed = 1,
};

void demand_seasons(int64_t step_ns, int *day, int *week)
{
    *day = step_ns < DAY_NS && DAY_NS % step_ns == 0 ? (int)(DAY_NS / step_ns) : 0;
    *week = step_ns <= DAY_NS && DAY_NS % step_ns == 0 ? (int)(7 * DAY_NS / step_ns) : 0;
    if (*week > FOURIER_PERIOD_MAX) { /* steps of seconds: the week is too long to hold */
        *week = 0;
        *day = *day <= FOURIER_PERIOD_MAX ? *day : 0;
    }
}

static enum fw_err check(const struct series *series, const struct demand_settings *settings,
                         int *horizon, struct fw_detail *detail)
{
    char step[TIME_TEXT_MAX], asked[TIME_TEXT_MAX];
    int64_t steps = settings->horizon_ns / series->step_ns;
    time_format_duration(series->step_ns, step);
    time_format_duration(settings->horizon_ns, asked);
    if (steps < 1)
        return err_set(detail, FW_INPUT, "the horizon %s is shorter than a step of the series, %s",
                       asked, step);
    if (steps > DEMAND_STEPS_MAX)
        return err_set(detail, FW_INPUT,
                       "the horizon %s is %lld steps of %s, at most %d can be foretold; gather the "
                       "series into longer steps",
                       asked, (long long)steps, step, DEMAND_STEPS_MAX);
    if (settings->resume.data == NULL && settings->model == DEMAND_BOOST &&
        (series->step_ns != DAY_NS / 24 || steps > STACK_HORIZON ||
         series->count < STACK_LEARN_FIRST + 5 * STACK_HORIZON))
        return err_set(detail, FW_INPUT,
                       "boost is for steps of 1h, up to %d ahead, from at least %d; found steps of "
                       "%s, %lld ahead, from %zu",
                       STACK_HORIZON, STACK_LEARN_FIRST + 5 * STACK_HORIZON, step, (long long)steps,
                       series->count);
    *horizon = (int)steps;
    return FW_OK;
}

/* ---- filling the table ---- */

/* The probability of more than `value`, over what the events may turn out to add. */
static double above(const struct ensemble *ensemble, int h, double value, double sd)
{
    enum { POINTS = 9 };
    double sum = 0;
    if (!(sd > 0))
        return ensemble_above(ensemble, h, value);
    for (int i = 0; i < POINTS; i++)
        sum += ensemble_above(ensemble, h, value * exp(-sd * normal_quantile((i + .5) / POINTS)));
    return sum / POINTS;
}

/* The mean of what is said, and what a spike would add as often as it comes. */
static double expect(double mean, double p, double spike)
{
    return mean + p * fmax(spike - mean, 0);
}

static void fill(struct demand_forecast *forecast, const struct demand_settings *settings,
                 const struct series *series, const struct demand_walked *walked)
{
    const struct ensemble *ensemble = walked->ensemble;
    const struct ensemble_said *said = &walked->said;
    const double *base = said->members[MEMBERS_PROPHET];
    if (base == NULL)
        base = said->members[MEMBERS_WEEKS] != NULL ? said->members[MEMBERS_WEEKS] : said->naive;
    for (int h = 1; h <= forecast->count; h++) {
        double usual = demand_usual(series->value, (int)series->count, forecast->day, h);
        double sd = demand_event_sd(forecast, h), p = walked->spike_p[h - 1];
        double times = exp(demand_event_logs(forecast, h)), mean = said->mean[h - 1];
        if (!isfinite(p) || times < 1 || times > 1) /* of events the trees know nothing */
            p = usual > 0 ? above(ensemble, h, DEMAND_SPIKE * usual / times, sd) : 0;
        forecast->baseline[h - 1] = base[h - 1];
        forecast->spike[h - 1] = p;
        forecast->expected[h - 1] = expect(times * mean, p, walked->spike_times[h - 1] * usual);
        for (int i = 0; i < forecast->quantile_count; i++) {
            double level = settings->quantiles[i], value = ensemble_quantile(ensemble, h, level);
            value = times * demand_widened(value, mean, level, sd);
            if (i > 0)
                value = fmax(value, forecast->quantile[i - 1][h - 1]);
            forecast->quantile[i][h - 1] = value;
        }
        double p95 = demand_widened(ensemble_quantile(ensemble, h, .95), mean, .95, sd);
        forecast->capacity[h - 1] =
            settings->capacity_buffer * fmax(times * p95, forecast->expected[h - 1]);
    }
}

static enum fw_err allocate(struct demand_forecast *forecast)
{
    size_t count = (size_t)forecast->count;
    double *at = calloc((4 + (size_t)forecast->quantile_count) * count, sizeof *at);
    if (at == NULL)
        return FW_NOMEM;
    forecast->memory = at;
    forecast->baseline = at;
    forecast->expected = at + count;
    forecast->spike = at + 2 * count;
    forecast->capacity = at + 3 * count;
    for (int i = 0; i < forecast->quantile_count; i++)
        forecast->quantile[i] = at + (4 + (size_t)i) * count;
    return FW_OK;
}

static void judge(struct demand_verdict *verdict, const struct ensemble *ensemble, int horizon)
{
    ensemble_judge(ensemble, &verdict->blocks);
    verdict->origins = verdict->blocks.origins;
    for (int h = 1; h <= horizon; h++) {
        int block = ensemble_block(ensemble_plan(ensemble), h);
        verdict->usual[block] = h;
        verdict->block_count = block + 1;
    }
}

static enum fw_err say(const struct series *series, const struct demand_settings *settings,
                       struct demand_forecast *forecast, struct fw_detail *detail)
{
    struct demand_walked walked;
    demand_seasons(series->step_ns, &forecast->day, &forecast->week);
    forecast->resumed = settings->resume.data != NULL;
    enum fw_err err = demand_walk(&walked, series, settings, forecast->count, detail);
    if (err == FW_OK) {
        fill(forecast, settings, series, &walked);
        judge(&forecast->verdict, walked.ensemble, forecast->count);
        forecast->drift = ensemble_drift(walked.ensemble);
        forecast->spikes = spike_chance_verdict(&walked.chance);
        err = demand_joint_say(forecast, settings, series, walked.ensemble, walked.said.mean);
    }
    demand_walked_fini(&walked);
    return err;
}

/* The series as it would have been without its events. */
static enum fw_err without_events(const struct series *series,
                                  const struct demand_settings *settings,
                                  struct demand_forecast *forecast, struct series *calm,
                                  struct fw_detail *detail)
{
    *calm = *series;
    calm->value = NULL;
    if (settings->calendar == NULL || settings->calendar->count == 0)
        return FW_OK;
    FW_TRY(events_learn(series, forecast->count, settings->calendar, &forecast->events, detail));
    calm->value = malloc(series->count * sizeof *calm->value);
    if (calm->value == NULL)
        return FW_NOMEM;
    for (size_t t = 0; t < series->count; t++)
        calm->value[t] = series->value[t] / exp(forecast->events.logs[t]);
    return FW_OK;
}

struct series demand_latest(const struct series *series)
{
    size_t cut = series->count > DEMAND_ROWS_MAX ? series->count - DEMAND_ROWS_MAX : 0;
    return (struct series){.start_ns = series_at_ns(series, cut),
                           .step_ns = series->step_ns,
                           .count = series->count - cut,
                           .value = series->value + cut};
}

enum fw_err demand_forecast(const struct series *whole, const struct demand_settings *settings,
                            struct demand_forecast *forecast, struct fw_detail *detail)
{
    /* A trained series is as long as it has become. */
    struct series latest = settings->resume.data != NULL ? *whole : demand_latest(whole), calm;
    const struct series *series = &latest;
    *forecast = (struct demand_forecast){.step_ns = series->step_ns,
                                         .quantile_count = settings->quantile_count};
    FW_TRY(check(series, settings, &forecast->count, detail));
    forecast->start_ns = series_at_ns(series, series->count);
    enum fw_err err = allocate(forecast);
    if (err == FW_OK)
        err = without_events(series, settings, forecast, &calm, detail);
    if (err == FW_OK) {
        err = say(calm.value != NULL ? &calm : series, settings, forecast, detail);
        free(calm.value);
    }
    if (err != FW_OK)
        demand_forecast_fini(forecast);
    return err;
}

void demand_ask_peaks(struct demand_settings *settings, int64_t window_ns, double service_level)
{
    settings->peak_window_ns = window_ns;
    settings->peak_count = DEMAND_PEAKS;
    settings->peak_levels[DEMAND_PEAK_SERVICE] = service_level;
    settings->peak_levels[DEMAND_PEAK_P95] = .95;
    settings->peak_levels[DEMAND_PEAK_P99] = .99;
}

const double *demand_peaks(const struct demand_forecast *forecast, enum demand_peak level)
{
    return forecast->peaks ? forecast->peaks + (long)level * forecast->count : NULL;
}

void demand_forecast_fini(struct demand_forecast *forecast)
{
    free(forecast->memory);
    forecast->memory = NULL;
    paths_fini(&forecast->paths);
    free(forecast->peaks);
    forecast->peaks = NULL;
    events_fini(&forecast->events);
}

/* ---- in words ---- */

static void describe_block(const struct demand_forecast *forecast, int block, struct buf *out)
{
    const struct ensemble_verdict *verdict = &forecast->verdict.blocks;
    char until[TIME_TEXT_MAX];
    double day = verdict->day[block], week = verdict->week[block];
    bool weekly = isfinite(week) && !(day <= week);
    double naive = weekly ? week : day;
    time_format_duration(forecast->verdict.usual[block] * forecast->step_ns, until);
    buf_printf(out, "up to %s ahead: ", until);
    if (verdict->cases[block] == 0) {
        buf_add_text(out, "the past is too short to say how good this is\n");
        return;
    }
    if (!isfinite(naive)) {
        buf_printf(out, "off by %.4g on average (there is no season to compare with)\n",
                   verdict->error[block]);
        return;
    }
    double ratio = naive > 0                   ? verdict->error[block] / naive
                   : verdict->error[block] > 0 ? INFINITY
                                               : 1;
    buf_printf(out, "off by %.4g on average, the last %s again by %.4g", verdict->error[block],
               weekly ? "week" : "day", naive);
    if (verdict->fell_back[block])
        buf_add_text(out, "; that season is what is said: nothing was better\n");
    else if (ratio > 1)
        buf_add_text(out, "; not better than the season\n");
    else
        buf_printf(out, " (%.0f %% less)\n", 100 * (1 - ratio));
}

void demand_describe(const struct demand_forecast *forecast, struct buf *out)
{
    if (forecast->verdict.origins < 2) {
        buf_add_text(out,
                     "the series is too short to tell whether it can be foretold; what is said "
                     "is its last value\n");
        return;
    }
    buf_printf(out, "how well its own past was foretold, %d times:\n", forecast->verdict.origins);
    for (int i = 0; i < forecast->verdict.block_count; i++)
        describe_block(forecast, i, out);
    spike_chance_describe(&forecast->spikes, out);
    events_describe(&forecast->events, out);
}

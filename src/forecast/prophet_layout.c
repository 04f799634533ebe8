/* SPDX-License-Identifier: MIT */
#include "forecast/prophet_part.h"
#include "base/time.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ORDER_MOST = PROPHET_COLUMNS_MAX / 2 }; /* a season has two columns for each */

bool prophet_multiplicative(const struct prophet *p)
{
    for (size_t i = 0; i < p->columns; i++)
        if (p->column[i].multiplicative)
            return true;
    return false;
}

enum fw_err prophet_add_part(struct prophet *p, const struct prophet_part *part,
                             struct fw_detail *detail)
{
    if (p->columns + part->count > PROPHET_COLUMNS_MAX)
        return err_set(detail, FW_LIMIT, "the model has more than %d columns at \"%s\"",
                       (int)PROPHET_COLUMNS_MAX, part->public.name);
    struct prophet_part *parts = realloc(p->part, (p->parts + 1) * sizeof *parts);
    if (!parts)
        return err_set(detail, FW_NOMEM, "no memory for %zu parts", p->parts + 1);
    p->part = parts;
    if (part->count > 0) {
        struct prophet_column *columns =
            realloc(p->column, (p->columns + part->count) * sizeof *columns);
        if (!columns)
            return err_set(detail, FW_NOMEM, "no memory for %zu columns", p->columns + part->count);
        p->column = columns;
    }
    parts[p->parts] = *part;
    parts[p->parts].first = (uint32_t)p->columns;
    for (uint32_t i = 0; i < part->count; i++)
        p->column[p->columns++] = (struct prophet_column){(uint32_t)p->parts, 0, part->prior_scale,
                                                          part->public.multiplicative};
    p->parts++;
    return FW_OK;
}

/* Names are kept, and a name means one thing. */
static enum fw_err name_part(const struct prophet *p, struct prophet_part *part, const char *name,
                             struct fw_detail *detail)
{
    size_t len = name ? strlen(name) : 0;
    if (len == 0 || len >= PROPHET_NAME_MAX)
        return err_set(detail, FW_INPUT, "a component's name has %zu characters, expected 1 to %d",
                       len, PROPHET_NAME_MAX - 1);
    for (size_t i = 0; i < p->parts; i++)
        if (strcmp(p->part[i].public.name, name) == 0)
            return err_set(detail, FW_INPUT, "two components are called \"%s\"", name);
    memcpy(part->public.name, name, len + 1);
    return FW_OK;
}

static bool multiplies(enum prophet_mode mode, const struct prophet_options *options)
{
    if (mode == PROPHET_DEFAULT)
        mode = options->seasonality_mode;
    return mode == PROPHET_MULTIPLICATIVE;
}

static enum fw_err lay_own_seasons(struct prophet *p, const struct prophet_options *options,
                                   const struct prophet_rows *rows, struct fw_detail *detail)
{
    p->conditions = (uint32_t)options->seasonality_count;
    for (size_t i = 0; i < options->seasonality_count; i++) {
        const struct prophet_seasonality *own = &options->seasonalities[i];
        struct prophet_part part = {
            .public = {.kind = PROPHET_SEASON, .multiplicative = multiplies(own->mode, options)},
            .count = 2 * (uint32_t)own->fourier_order,
            .input = (uint32_t)i,
            .conditional = rows->condition && rows->condition[i],
            .period_days = own->period_days,
            .prior_scale =
                own->prior_scale > 0 ? own->prior_scale : options->seasonality_prior_scale};
        FW_TRY(name_part(p, &part, own->name, detail));
        FW_TRY(prophet_add_part(p, &part, detail));
    }
    return FW_OK;
}

static bool has_part(const struct prophet *p, const char *name)
{
    for (size_t i = 0; i < p->parts; i++)
        if (strcmp(p->part[i].public.name, name) == 0)
            return true;
    return false;
}

/* One of yearly, weekly, daily: as asked for, else where the history is long and dense enough. */
static enum fw_err lay_season(struct prophet *p, const struct prophet_options *options,
                              const char *name, double period_days, int asked, bool enough,
                              int order, struct fw_detail *detail)
{
    if (asked != PROPHET_AUTO)
        order = asked;
    else if (!enough || has_part(p, name))
        order = 0;
    if (order == 0)
        return FW_OK;
    struct prophet_part part = {
        .public = {.kind = PROPHET_SEASON, .multiplicative = multiplies(PROPHET_DEFAULT, options)},
        .count = 2 * (uint32_t)order,
        .period_days = period_days,
        .prior_scale = options->seasonality_prior_scale};
    FW_TRY(name_part(p, &part, name, detail));
    return prophet_add_part(p, &part, detail);
}

static enum fw_err lay_seasons(struct prophet *p, const struct prophet_options *options,
                               const struct prophet_history *history, struct fw_detail *detail)
{
    const int64_t *at_ns = history->rows->at_ns;
    int64_t least_ns = INT64_MAX;
    for (size_t i = 1; i < history->n; i++) {
        int64_t step_ns = time_between(at_ns[history->order[i - 1]], at_ns[history->order[i]]);
        if (step_ns > 0 && step_ns < least_ns)
            least_ns = step_ns;
    }
    int64_t span_ns = time_between(at_ns[history->order[0]], at_ns[history->order[history->n - 1]]);
    FW_TRY(lay_season(p, options, "yearly", 365.25, options->yearly_seasonality,
                      span_ns >= 730 * TIME_DAY, 10, detail));
    FW_TRY(lay_season(p, options, "weekly", 7, options->weekly_seasonality,
                      span_ns >= 14 * TIME_DAY && least_ns < 7 * TIME_DAY, 3, detail));
    return lay_season(p, options, "daily", 1, options->daily_seasonality,
                      span_ns >= 2 * TIME_DAY && least_ns < TIME_DAY, 4, detail);
}

/* Mean and standard deviation of what it is in the fit, unless it is made of 0 and 1 or is always
 * the same. */
static enum fw_err standardise(struct prophet_part *part, const struct prophet_regressor *regressor,
                               const struct prophet_history *history, struct fw_detail *detail)
{
    const double *x = history->rows->regressor[part->input];
    double least = INFINITY, most = -INFINITY, sum = 0, squares = 0;
    bool binary = true;
    for (size_t i = 0; i < history->n; i++) {
        double value = x[history->order[i]];
        if (!isfinite(value))
            return err_set(detail, FW_INPUT, "row %u: regressor \"%s\" is not a number",
                           history->order[i] + 1, regressor->name);
        least = fmin(least, value);
        most = fmax(most, value);
        binary = binary && (value == 0 || value == 1);
        sum += value;
    }
    part->mean = 0;
    part->sd = 1;
    if (least == most || regressor->standardize == 0 ||
        (regressor->standardize == PROPHET_AUTO && binary))
        return FW_OK;
    part->mean = sum / (double)history->n;
    for (size_t i = 0; i < history->n; i++)
        squares += (x[history->order[i]] - part->mean) * (x[history->order[i]] - part->mean);
    part->sd = sqrt(squares / (double)(history->n - 1));
    if (!isfinite(part->sd) || !(part->sd > 0))
        return err_set(detail, FW_INPUT,
                       "regressor \"%s\" goes from %g to %g, which is out of all scale",
                       regressor->name, least, most);
    return FW_OK;
}

static enum fw_err lay_regressors(struct prophet *p, const struct prophet_options *options,
                                  const struct prophet_history *history, struct fw_detail *detail)
{
    p->regressors = (uint32_t)options->regressor_count;
    for (size_t i = 0; i < options->regressor_count; i++) {
        const struct prophet_regressor *regressor = &options->regressors[i];
        struct prophet_part part = {
            .public = {.kind = PROPHET_REGRESSOR,
                       .multiplicative = multiplies(regressor->mode, options)},
            .count = 1,
            .input = (uint32_t)i,
            .prior_scale = regressor->prior_scale > 0 ? regressor->prior_scale
                                                      : options->holidays_prior_scale};
        if (!history->rows->regressor || !history->rows->regressor[i])
            return err_set(detail, FW_INPUT, "the rows have no regressor \"%s\"", regressor->name);
        FW_TRY(name_part(p, &part, regressor->name, detail));
        FW_TRY(standardise(&part, regressor, history, detail));
        FW_TRY(prophet_add_part(p, &part, detail));
        p->column[p->columns - 1].prior_mean = regressor->prior_mean;
    }
    return FW_OK;
}

enum fw_err prophet_layout(struct prophet *p, const struct prophet_options *options,
                           const struct prophet_history *history, struct fw_detail *detail)
{
    FW_TRY(lay_own_seasons(p, options, history->rows, detail));
    FW_TRY(lay_seasons(p, options, history, detail));
    FW_TRY(prophet_lay_holidays(p, options, detail));
    FW_TRY(lay_regressors(p, options, history, detail));
    FW_TRY(prophet_lay_events(p, options, detail));
    if (!p->logarithm)
        return FW_OK;
    /* A sum of logarithms multiplies already. */
    for (size_t i = 0; i < p->columns; i++)
        p->column[i].multiplicative = false;
    for (size_t i = 0; i < p->parts; i++)
        p->part[i].public.multiplicative = true;
    p->holidays_multiplicative = true;
    return FW_OK;
}

static int compare_instants(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static enum fw_err lay_given_changepoints(struct prophet *p, const struct prophet_options *options,
                                          struct fw_detail *detail)
{
    for (size_t i = 0; i < p->changepoints; i++) {
        double t = (double)(options->changepoints_ns[i] - p->start_ns) / p->span_ns;
        if (!(t >= 0 && t <= 1))
            return err_set(detail, FW_INPUT, "changepoint %zu is outside the history", i + 1);
        p->changepoint[i] = t;
    }
    if (p->changepoints > 1)
        qsort(p->changepoint, p->changepoints, sizeof *p->changepoint, compare_instants);
    return FW_OK;
}

/* Even through the first part of the rows; as numpy does it: linspace, halves rounded to even. */
enum fw_err prophet_lay_changepoints(struct prophet *p, const struct prophet_options *options,
                                     const struct prophet_history *history,
                                     struct fw_detail *detail)
{
    bool given = options->changepoints_ns != NULL;
    size_t past = (size_t)floor((double)history->n * options->changepoint_range);
    p->changepoints_asked = given ? options->changepoint_count : (size_t)options->n_changepoints;
    p->changepoints = p->changepoints_asked;
    if (!given && p->changepoints + 1 > past)
        p->changepoints = past > 0 ? past - 1 : 0;
    if (p->growth == PROPHET_FLAT || p->one_instant)
        p->changepoints = 0;
    if (p->changepoints == 0)
        return FW_OK;
    p->changepoint = malloc(p->changepoints * sizeof *p->changepoint);
    if (!p->changepoint)
        return err_set(detail, FW_NOMEM, "no memory for %zu changepoints", p->changepoints);
    if (given)
        return lay_given_changepoints(p, options, detail);
    double step = (double)(past - 1) / (double)p->changepoints;
    for (size_t i = 0; i < p->changepoints; i++)
        p->changepoint[i] = history->t[(size_t)nearbyint((double)(i + 1) * step)];
    return FW_OK;
}

static enum fw_err check_numbers(const struct prophet_options *options, struct fw_detail *detail)
{
    const struct {
        const char *name;
        double value, low, high;
    } numbers[] = {
        {"changepoint_range", options->changepoint_range, 0, 1},
        {"changepoint_prior_scale", options->changepoint_prior_scale, 1e-9, 1e9},
        {"seasonality_prior_scale", options->seasonality_prior_scale, 1e-9, 1e9},
        {"holidays_prior_scale", options->holidays_prior_scale, 1e-9, 1e9},
        {"interval_width", options->interval_width, 0, 0.999999},
        {"uncertainty_samples", options->uncertainty_samples, 0, PROPHET_SAMPLES_MAX},
        {"n_changepoints", options->n_changepoints, 0, PROPHET_CHANGEPOINTS_MAX},
        {"changepoints", (double)options->changepoint_count, 0, PROPHET_CHANGEPOINTS_MAX},
        {"yearly_seasonality", options->yearly_seasonality, PROPHET_AUTO, ORDER_MOST},
        {"weekly_seasonality", options->weekly_seasonality, PROPHET_AUTO, ORDER_MOST},
        {"daily_seasonality", options->daily_seasonality, PROPHET_AUTO, ORDER_MOST},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!(numbers[i].value >= numbers[i].low && numbers[i].value <= numbers[i].high))
            return err_set(detail, FW_INPUT, "%s is %g, expected %g to %g", numbers[i].name,
                           numbers[i].value, numbers[i].low, numbers[i].high);
    return FW_OK;
}

/* 0 stands for the default; the rest are scales. */
static bool prior_scale_is_wrong(double scale)
{
    return !(scale == 0 || (scale >= 1e-9 && scale <= 1e9));
}

enum fw_err prophet_check_options(const struct prophet_options *options, struct fw_detail *detail)
{
    FW_TRY(check_numbers(options, detail));
    if (options->logarithm && options->growth == PROPHET_LOGISTIC)
        return err_set(detail, FW_INPUT,
                       "logistic growth has a capacity, which a logarithm has not: choose one");
    for (size_t i = 0; i < options->seasonality_count; i++) {
        const struct prophet_seasonality *own = &options->seasonalities[i];
        if (!(own->period_days > 0 && own->period_days < 1e6) || own->fourier_order < 1 ||
            own->fourier_order > ORDER_MOST || prior_scale_is_wrong(own->prior_scale))
            return err_set(detail, FW_INPUT,
                           "seasonality %zu: period %g days, order %d, prior scale %g; expected a "
                           "period above 0, an "
                           "order from 1 to %d, a scale above 0",
                           i + 1, own->period_days, own->fourier_order, own->prior_scale,
                           ORDER_MOST);
    }
    for (size_t i = 0; i < options->regressor_count; i++)
        if (prior_scale_is_wrong(options->regressors[i].prior_scale) ||
            !isfinite(options->regressors[i].prior_mean))
            return err_set(detail, FW_INPUT, "regressor %zu: prior scale %g, expected one above 0",
                           i + 1, options->regressors[i].prior_scale);
    return FW_OK;
}

/* SPDX-License-Identifier: MIT
 * Prophet's model by the names its users know, as flags of `forecast`: growth, changepoints,
 * seasons, holidays, regressors. Any of them puts that model, on the series' own units, in the
 * place of ours. What they need of the future (cap, regressors) comes from a file, or is repeated.
 */
#ifndef FOREWARM_CLI_FORECAST_PROPHET_H
#define FOREWARM_CLI_FORECAST_PROPHET_H

#include "cli/holiday_file.h"
#include "cli/series_read.h"
#include "forecast/members.h"

struct forecast_prophet_flags {
    int growth, seasonality_mode;
    char cap[OPTION_TEXT_MAX], floor[OPTION_TEXT_MAX];
    double changepoint_prior_scale, changepoint_range, seasonality_prior_scale,
        holidays_prior_scale;
    int64_t n_changepoints;
    char yearly[OPTION_TEXT_MAX], weekly[OPTION_TEXT_MAX], daily[OPTION_TEXT_MAX];
    char seasonality[OPTION_TEXT_MAX], regressor[OPTION_TEXT_MAX];
    char holidays[OPTION_TEXT_MAX], future[OPTION_TEXT_MAX];
};
extern const char *const forecast_prophet_growths[], *const forecast_prophet_modes[];

/* clang-format off */
#define FORECAST_PROPHET_AT(offset, field) ((offset) + offsetof(struct forecast_prophet_flags, field))
#define FORECAST_PROPHET_ROWS(offset) \
    {{"growth", OPTION_CHOICE, FORECAST_PROPHET_AT(offset, growth), "linear", 0, 0, false, forecast_prophet_growths, "Prophet's trend; this and what follows: Prophet's model for ours"}, NULL, 0}, \
    {{"cap", OPTION_TEXT, FORECAST_PROPHET_AT(offset, cap), "", 0, 0, false, NULL, "what logistic growth cannot exceed: a number or a column"}, "X|COL", 0}, \
    {{"floor", OPTION_TEXT, FORECAST_PROPHET_AT(offset, floor), "", 0, 0, false, NULL, "what it cannot fall below: a number or a column"}, "X|COL", 0}, \
    {{"changepoint_prior_scale", OPTION_DOUBLE, FORECAST_PROPHET_AT(offset, changepoint_prior_scale), "0.05", 1e-9, 1e6, false, NULL, "how readily the trend changes"}, "X", 0}, \
    {{"n_changepoints", OPTION_INT, FORECAST_PROPHET_AT(offset, n_changepoints), "25", 0, PROPHET_CHANGEPOINTS_MAX, false, NULL, "times at which it may"}, "N", 0}, \
    {{"changepoint_range", OPTION_DOUBLE, FORECAST_PROPHET_AT(offset, changepoint_range), "0.8", 1e-9, 1, false, NULL, "share of the past in which they lie"}, "X", 0}, \
    {{"seasonality_mode", OPTION_CHOICE, FORECAST_PROPHET_AT(offset, seasonality_mode), "auto", 0, 0, false, forecast_prophet_modes, "auto: multiplicative where all values are above 0"}, NULL, 0}, \
    {{"seasonality_prior_scale", OPTION_DOUBLE, FORECAST_PROPHET_AT(offset, seasonality_prior_scale), "10", 1e-9, 1e6, false, NULL, "how large seasons may be"}, "X", 0}, \
    {{"holidays_prior_scale", OPTION_DOUBLE, FORECAST_PROPHET_AT(offset, holidays_prior_scale), "10", 1e-9, 1e6, false, NULL, "how large the effects of holidays and regressors may be"}, "X", 0}, \
    {{"yearly_seasonality", OPTION_TEXT, FORECAST_PROPHET_AT(offset, yearly), "auto", 0, 0, false, NULL, "auto (two years of history), true, false or a Fourier order"}, "auto|true|false|N", 0}, \
    {{"weekly_seasonality", OPTION_TEXT, FORECAST_PROPHET_AT(offset, weekly), "auto", 0, 0, false, NULL, "the same"}, "auto|true|false|N", 0}, \
    {{"daily_seasonality", OPTION_TEXT, FORECAST_PROPHET_AT(offset, daily), "auto", 0, 0, false, NULL, "the same"}, "auto|true|false|N", 0}, \
    {{"seasonality", OPTION_TEXT, FORECAST_PROPHET_AT(offset, seasonality), "", 0, 0, false, NULL, "more seasons: name:days:order[:prior scale[:mode]],..., as monthly:30.5:5"}, "LIST", 0}, \
    {{"holidays", OPTION_TEXT, FORECAST_PROPHET_AT(offset, holidays), "", 0, 0, false, NULL, "CSV ds,holiday,lower_window,upper_window, or a file as for --events"}, "FILE", 0}, \
    {{"regressor", OPTION_TEXT, FORECAST_PROPHET_AT(offset, regressor), "", 0, 0, false, NULL, "numeric columns of SERIES that the value depends on, with commas between, or all"}, "COLS", 0}, \
    {{"future", OPTION_TEXT, FORECAST_PROPHET_AT(offset, future), "", 0, 0, false, NULL, "CSV with the regressors (and caps) of the horizon; without, their last week is repeated"}, "CSV", 0}
/* clang-format on */
/* Names of these rows, NULL at the end. */
extern const char *const forecast_prophet_names[];

enum { FORECAST_PROPHET_LIST_MAX = 32 };
/* What the flags come to, for members.h. */
struct forecast_prophet {
    struct members_prophet members;
    struct prophet_seasonality seasons[FORECAST_PROPHET_LIST_MAX];
    char season_names[FORECAST_PROPHET_LIST_MAX][PROPHET_NAME_MAX];
    struct prophet_regressor regressors[SERIES_READ_COLUMNS_MAX];
    const double *values[SERIES_READ_COLUMNS_MAX];
    bool foreseen[SERIES_READ_COLUMNS_MAX];
    double *memory; /* cap, floor and the regressors */
    struct holiday_list holidays;
};

/* Does SERIES have to be read with its other columns? */
bool forecast_prophet_columns(const struct forecast_prophet_flags *flags);

struct forecast_prophet_input {
    const struct forecast_prophet_flags *flags;
    const char *file;                  /* of the history, for messages */
    const struct series_read *history; /* covariates on the grid of the value */
    const struct series_read *future;  /* every column a covariate or the value; NULL: no file */
    struct str holidays;               /* the text of flags->holidays */
    int horizon;                       /* steps */
};
/* FW_USAGE, FW_INPUT: which flag or which row of which file, what was found, what was expected.
 * Notes say what was put in place of what is not known. `built` stays where it is. */
FW_MUST_CHECK enum fw_err forecast_prophet_build(struct forecast_prophet *built,
                                                 const struct forecast_prophet_input *input,
                                                 struct buf *notes, struct fw_detail *detail);
/* Fits once over the whole history: whether the parts go together, and what Prophet says of it. */
FW_MUST_CHECK enum fw_err forecast_prophet_check(const struct forecast_prophet *built,
                                                 const struct series *value, int horizon,
                                                 struct buf *notes, struct fw_detail *detail);
void forecast_prophet_fini(struct forecast_prophet *built);

#endif

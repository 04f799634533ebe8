/* SPDX-License-Identifier: MIT */
#include "cli/forecast_prophet.h"
#include "base/time.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { YEARLY_ORDER = 10, WEEKLY_ORDER = 3, DAILY_ORDER = 4, PARTS_MAX = 5, CHECK_ROWS = 20000 };

const char *const forecast_prophet_growths[] = {"linear", "logistic", "flat", NULL};
const char *const forecast_prophet_modes[] = {"auto", "additive", "multiplicative", NULL};
const char *const forecast_prophet_names[] = {
    "growth",
    "cap",
    "floor",
    "changepoint_prior_scale",
    "n_changepoints",
    "changepoint_range",
    "seasonality_mode",
    "seasonality_prior_scale",
    "holidays_prior_scale",
    "yearly_seasonality",
    "weekly_seasonality",
    "daily_seasonality",
    "seasonality",
    "holidays",
    "regressor",
    "future",
    NULL,
};

static bool is_number(const char *text)
{
    double value;
    return str_to_double(str_trim(str_of(text)), &value) && isfinite(value);
}

bool forecast_prophet_columns(const struct forecast_prophet_flags *flags)
{
    return flags->regressor[0] != '\0' || (flags->cap[0] != '\0' && !is_number(flags->cap)) ||
           (flags->floor[0] != '\0' && !is_number(flags->floor));
}

/* ---- seasons ---- */

static enum fw_err read_order(const char *flag, const char *text, int usual, int *order,
                              struct fw_detail *detail)
{
    double value;
    struct str word = str_trim(str_of(text));
    if (str_equal_nocase(word, STR("auto")))
        *order = PROPHET_AUTO;
    else if (str_equal_nocase(word, STR("true")))
        *order = usual;
    else if (str_equal_nocase(word, STR("false")))
        *order = 0;
    else if (str_to_double(word, &value) && value == floor(value) && value >= 0 && value <= 500)
        *order = (int)value;
    else
        return err_set(
            detail, FW_USAGE,
            "--%s: found \"%s\", expected auto, true, false or a Fourier order up to 500", flag,
            text);
    return FW_OK;
}

static enum fw_err season_refused(struct str text, struct fw_detail *detail)
{
    return err_set(detail, FW_USAGE,
                   "--seasonality: found \"%.*s\", expected name:days:order, then :prior scale and "
                   ":additive or :multiplicative where wanted, as monthly:30.5:5",
                   (int)(text.len < 60 ? text.len : 60), text.data);
}

static enum fw_err read_season(struct forecast_prophet *built, struct str text,
                               struct fw_detail *detail)
{
    struct str rest = text, part[PARTS_MAX];
    int parts = 0;
    double order = 0;
    while (parts < PARTS_MAX && str_cut(&rest, ':', &part[parts])) {
        part[parts] = str_trim(part[parts]);
        parts++;
    }
    size_t at = built->members.options.seasonality_count;
    struct prophet_seasonality *season = &built->seasons[at];
    *season = (struct prophet_seasonality){.name = built->season_names[at]};
    if (parts < 3 || rest.len > 0 || part[0].len == 0 || part[0].len >= PROPHET_NAME_MAX ||
        !str_to_double(part[1], &season->period_days) || !(season->period_days > 0) ||
        !(season->period_days < 1e6) || !str_to_double(part[2], &order) || order != floor(order) ||
        order < 1 || order > 500)
        return season_refused(text, detail);
    if (parts > 3 && (!str_to_double(part[3], &season->prior_scale) ||
                      !(season->prior_scale >= 1e-9) || season->prior_scale > 1e9))
        return season_refused(text, detail);
    if (parts > 4 && str_equal_nocase(part[4], STR("additive")))
        season->mode = PROPHET_ADDITIVE;
    else if (parts > 4 && str_equal_nocase(part[4], STR("multiplicative")))
        season->mode = PROPHET_MULTIPLICATIVE;
    else if (parts > 4)
        return season_refused(text, detail);
    memcpy(built->season_names[at], part[0].data, part[0].len);
    built->season_names[at][part[0].len] = '\0';
    season->fourier_order = (int)order;
    built->members.options.seasonality_count++;
    return FW_OK;
}

static enum fw_err read_seasons(struct forecast_prophet *built,
                                const struct forecast_prophet_flags *flags,
                                struct fw_detail *detail)
{
    struct prophet_options *options = &built->members.options;
    struct str rest = str_of(flags->seasonality), part;
    FW_TRY(read_order("yearly-seasonality", flags->yearly, YEARLY_ORDER,
                      &options->yearly_seasonality, detail));
    FW_TRY(read_order("weekly-seasonality", flags->weekly, WEEKLY_ORDER,
                      &options->weekly_seasonality, detail));
    FW_TRY(read_order("daily-seasonality", flags->daily, DAILY_ORDER, &options->daily_seasonality,
                      detail));
    options->seasonalities = built->seasons;
    while (rest.len > 0 && str_cut(&rest, ',', &part)) {
        if (options->seasonality_count == FORECAST_PROPHET_LIST_MAX)
            return err_set(detail, FW_USAGE, "--seasonality: more than %d",
                           (int)FORECAST_PROPHET_LIST_MAX);
        FW_TRY(read_season(built, str_trim(part), detail));
    }
    return FW_OK;
}

/* ---- columns of the past and of what is to come ---- */

static const struct series *find_future(const struct series_read *future, const char *name)
{
    if (future == NULL)
        return NULL;
    if (str_equal_nocase(str_of(future->value_name), str_of(name)))
        return &future->value;
    return series_read_find(future, name);
}

static enum fw_err no_column(const struct forecast_prophet_input *input, const char *flag,
                             struct str name, struct fw_detail *detail)
{
    struct buf names;
    buf_init(&names, 4096);
    for (uint32_t i = 0; i < input->history->covariate_count && names.len < 200; i++)
        buf_printf(&names, "%s%s", i > 0 ? ", " : "", input->history->covariates[i].name);
    enum fw_err err = err_set(
        detail, FW_INPUT, "%s: --%s: found no numeric column \"%.*s\", expected %s%.*s",
        input->file, flag, (int)(name.len < 60 ? name.len : 60), name.data,
        names.len > 0 ? "one of " : "a column beside time and value", STR_ARG(buf_str(&names)));
    buf_fini(&names);
    return err;
}

/* What a column held takes the place of what is missing; before the first value, that. */
static bool hold(const struct series *column, size_t count, double *out)
{
    size_t first = 0;
    while (first < count && !isfinite(column->value[first]))
        first++;
    if (first == count)
        return false;
    for (size_t t = 0; t < count; t++)
        out[t] = t < first                    ? column->value[first]
                 : isfinite(column->value[t]) ? column->value[t]
                                              : out[t - 1];
    return true;
}

/* The horizon's values where a file has them all. FW_NO: it has no such column. */
static enum fw_err look_ahead(const struct forecast_prophet_input *input, const char *name,
                              double *out, struct fw_detail *detail)
{
    const struct series *value = &input->history->value, *found = find_future(input->future, name);
    char text[TIME_TEXT_MAX];
    if (found == NULL)
        return FW_NO;
    for (int h = 0; h < input->horizon; h++) {
        int64_t at_ns = series_at_ns(value, value->count) + h * value->step_ns;
        int64_t from_ns = at_ns - found->start_ns;
        size_t slot = from_ns < 0 ? found->count : (size_t)(from_ns / found->step_ns);
        bool known = from_ns >= 0 && from_ns % found->step_ns == 0 && slot < found->count &&
                     isfinite(found->value[slot]);
        if (!known)
            return err_set(detail, FW_INPUT,
                           "%s: column \"%s\": found nothing for %s, expected a value for each of "
                           "the %d steps of the horizon",
                           input->flags->future, name, time_format_iso(at_ns, text),
                           input->horizon);
        out[h] = found->value[slot];
    }
    return FW_OK;
}

/* A cap or a floor: one number, or a column whose last value holds on unless the future is told. */
static enum fw_err read_bound(const struct forecast_prophet_input *input, const char *flag,
                              const char *text, double *out, struct buf *notes,
                              struct fw_detail *detail)
{
    size_t count = input->history->value.count;
    double number;
    if (str_to_double(str_trim(str_of(text)), &number) && isfinite(number)) {
        for (size_t t = 0; t < count + (size_t)input->horizon; t++)
            out[t] = number;
        return FW_OK;
    }
    const struct series *column = series_read_find(input->history, text);
    if (column == NULL || !hold(column, count, out))
        return no_column(input, flag, str_of(text), detail);
    enum fw_err err = look_ahead(input, text, out + count, detail);
    if (err != FW_NO)
        return err;
    for (int h = 0; h < input->horizon; h++)
        out[count + (size_t)h] = out[count - 1];
    buf_printf(notes, "%s: \"%s\" is not foretold: its last value holds\n", flag, text);
    return FW_OK;
}

static bool is_bound(const struct forecast_prophet_flags *flags, const char *name)
{
    return str_equal_nocase(str_of(flags->cap), str_of(name)) ||
           str_equal_nocase(str_of(flags->floor), str_of(name));
}

static enum fw_err add_regressor(struct forecast_prophet *built,
                                 const struct forecast_prophet_input *input, struct str name,
                                 double *out, struct buf *notes, struct fw_detail *detail)
{
    const struct series_read *history = input->history;
    const struct series_read_column *column = NULL;
    size_t count = history->value.count, at = built->members.options.regressor_count;
    for (uint32_t i = 0; i < history->covariate_count; i++)
        if (str_equal_nocase(str_of(history->covariates[i].name), name))
            column = &history->covariates[i];
    for (size_t i = 0; i < at && column != NULL; i++)
        if (strcmp(built->regressors[i].name, column->name) == 0)
            return err_set(detail, FW_USAGE, "--regressor: found \"%s\" twice", column->name);
    if (column == NULL || !hold(&column->series, count, out))
        return no_column(input, "regressor", name, detail);
    enum fw_err err = look_ahead(input, column->name, out + count, detail);
    if (err != FW_OK && err != FW_NO)
        return err;
    built->foreseen[at] = err == FW_OK;
    for (int h = 0; h < input->horizon && err == FW_NO; h++)
        out[count + (size_t)h] = out[count - 1]; /* repeated from each origin (members.h) */
    if (err == FW_NO)
        buf_printf(notes,
                   "regressor \"%s\" is not foretold (--future): its last week is repeated\n",
                   column->name);
    built->regressors[at] =
        (struct prophet_regressor){.name = column->name, .standardize = PROPHET_AUTO};
    built->values[at] = out;
    built->members.options.regressor_count++;
    return FW_OK;
}

static enum fw_err read_regressors(struct forecast_prophet *built,
                                   const struct forecast_prophet_input *input, double *memory,
                                   struct buf *notes, struct fw_detail *detail)
{
    const struct series_read *history = input->history;
    size_t width = history->value.count + (size_t)input->horizon;
    struct str rest = str_of(input->flags->regressor), part;
    built->members.options.regressors = built->regressors;
    built->members.regressor = built->values;
    built->members.foreseen = built->foreseen;
    if (str_equal_nocase(str_trim(rest), STR("all"))) {
        for (uint32_t i = 0; i < history->covariate_count; i++)
            if (!is_bound(input->flags, history->covariates[i].name)) {
                FW_TRY(add_regressor(built, input, str_of(history->covariates[i].name), memory,
                                     notes, detail));
                memory += width;
            }
        return built->members.options.regressor_count > 0
                   ? FW_OK
                   : no_column(input, "regressor", STR("all"), detail);
    }
    while (rest.len > 0 && str_cut(&rest, ',', &part)) {
        if (built->members.options.regressor_count == SERIES_READ_COLUMNS_MAX)
            return err_set(detail, FW_USAGE, "--regressor: more than %d columns",
                           (int)SERIES_READ_COLUMNS_MAX);
        FW_TRY(add_regressor(built, input, str_trim(part), memory, notes, detail));
        memory += width;
    }
    return FW_OK;
}

/* ---- all of it ---- */

static enum fw_err check(const struct forecast_prophet_flags *flags, struct fw_detail *detail)
{
    bool logistic = flags->growth == PROPHET_LOGISTIC;
    if (logistic && flags->cap[0] == '\0')
        return err_set(detail, FW_USAGE,
                       "--growth logistic: found no --cap, expected a number or a column that "
                       "demand cannot exceed");
    if (!logistic && (flags->cap[0] != '\0' || flags->floor[0] != '\0'))
        return err_set(
            detail, FW_USAGE, "--%s: found beside --growth %s, expected --growth logistic",
            flags->cap[0] != '\0' ? "cap" : "floor", forecast_prophet_growths[flags->growth]);
    if (flags->future[0] != '\0' && !forecast_prophet_columns(flags))
        return err_set(detail, FW_USAGE,
                       "--future: found without --regressor or a column as --cap, expected what it "
                       "is to foretell");
    return FW_OK;
}

static bool all_above_zero(const struct series *series)
{
    for (size_t t = 0; t < series->count; t++)
        if (isfinite(series->value[t]) && !(series->value[t] > 0))
            return false;
    return true;
}

static void take_numbers(struct prophet_options *options,
                         const struct forecast_prophet_flags *flags, const struct series *value,
                         struct buf *notes)
{
    options->growth = (enum prophet_growth)flags->growth;
    options->changepoint_prior_scale = flags->changepoint_prior_scale;
    options->n_changepoints = (int)flags->n_changepoints;
    options->changepoint_range = flags->changepoint_range;
    options->seasonality_prior_scale = flags->seasonality_prior_scale;
    options->holidays_prior_scale = flags->holidays_prior_scale;
    options->seasonality_mode = flags->seasonality_mode == 1   ? PROPHET_ADDITIVE
                                : flags->seasonality_mode == 2 ? PROPHET_MULTIPLICATIVE
                                : all_above_zero(value)        ? PROPHET_MULTIPLICATIVE
                                                               : PROPHET_ADDITIVE;
    if (flags->seasonality_mode == 0)
        buf_printf(notes, "seasons are %s: %s\n",
                   options->seasonality_mode == PROPHET_ADDITIVE ? "added" : "multiplied",
                   options->seasonality_mode == PROPHET_ADDITIVE ? "not all values are above 0"
                                                                 : "all values are above 0");
}

enum fw_err forecast_prophet_build(struct forecast_prophet *built,
                                   const struct forecast_prophet_input *input, struct buf *notes,
                                   struct fw_detail *detail)
{
    const struct forecast_prophet_flags *flags = input->flags;
    struct prophet_options *options = &built->members.options;
    size_t width = input->history->value.count + (size_t)input->horizon;
    *built = (struct forecast_prophet){0};
    *options = prophet_defaults();
    FW_TRY(check(flags, detail));
    take_numbers(options, flags, &input->history->value, notes);
    FW_TRY(read_seasons(built, flags, detail));
    built->memory = calloc(2 + (size_t)input->history->covariate_count, width * sizeof(double));
    if (built->memory == NULL)
        return FW_NOMEM;
    if (flags->cap[0] != '\0') {
        FW_TRY(read_bound(input, "cap", flags->cap, built->memory, notes, detail));
        built->members.cap = built->memory;
    }
    if (flags->floor[0] != '\0') {
        FW_TRY(read_bound(input, "floor", flags->floor, built->memory + width, notes, detail));
        built->members.floor = built->memory + width;
    }
    FW_TRY(read_regressors(built, input, built->memory + 2 * width, notes, detail));
    if (flags->holidays[0] != '\0')
        FW_TRY(holiday_file_parse(&built->holidays, flags->holidays, input->holidays, detail));
    options->holidays = built->holidays.rows;
    options->holiday_count = built->holidays.count;
    return FW_OK;
}

enum fw_err forecast_prophet_check(const struct forecast_prophet *built, const struct series *value,
                                   int horizon, struct buf *notes, struct fw_detail *detail)
{
    const struct members_prophet *members = &built->members;
    size_t from = value->count > CHECK_ROWS ? value->count - CHECK_ROWS : 0;
    size_t count = value->count - from;
    const double *regressor[SERIES_READ_COLUMNS_MAX];
    struct prophet_options options = members->options;
    struct prophet *prophet = NULL;
    int64_t *at_ns = malloc((count + (size_t)horizon) * sizeof *at_ns);
    if (at_ns == NULL)
        return FW_NOMEM;
    for (size_t t = 0; t < count; t++)
        at_ns[t] = series_at_ns(value, from + t);
    for (size_t i = 0; i < options.regressor_count; i++)
        regressor[i] = members->regressor[i] + from;
    struct prophet_rows rows = {.count = count,
                                .at_ns = at_ns,
                                .y = value->value + from,
                                .cap = members->cap != NULL ? members->cap + from : NULL,
                                .floor = members->floor != NULL ? members->floor + from : NULL,
                                .regressor = regressor};
    options.uncertainty_samples = 0;
    enum fw_err err = prophet_fit(&options, &rows, &prophet, detail);
    if (err == FW_OK)
        prophet_describe(prophet, notes);
    prophet_destroy(&prophet);
    free(at_ns);
    return err;
}

void forecast_prophet_fini(struct forecast_prophet *built)
{
    free(built->memory);
    holiday_file_fini(&built->holidays);
    *built = (struct forecast_prophet){0};
}

/* SPDX-License-Identifier: MIT
 * The Prophet-style model against the real one (D2; acceptance F1 to F3): the objective and the
 * predictions at Prophet's parameters, and a fit that is at least as good. Cases in
 * test/golden/prophet; those of real series lie with the shared data and need FOREWARM_DATA. */
#include "forecast/prophet.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "oracle.h"

static double worst(const double *a, const double *b, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = isfinite(a[i]) ? fmax(most, fabs(a[i] - b[i])) : INFINITY;
    return most;
}

static struct oracle *synthetic(const char *name)
{
    char command[500];
    snprintf(command, sizeof command, "cat %s/test/golden/prophet/%s.csv", TEST_SOURCE_DIR, name);
    struct oracle *oracle = oracle_read(command);
    assert_non_null(oracle);
    return oracle;
}

struct fixture {
    struct oracle *said, *parameters;
    int64_t at_ns[ORACLE_ROWS_MAX];
    bool cold[ORACLE_ROWS_MAX];
    const double *regressor[3];
    const bool *condition[1];
    struct prophet_rows rows;
};

static struct fixture *fixture(const char *name)
{
    struct fixture *f = calloc(1, sizeof *f);
    char parameters[100];
    snprintf(parameters, sizeof parameters, "%s_params", name);
    f->said = synthetic(name);
    f->parameters = synthetic(parameters);
    const double *cold = oracle_column(f->said, "cold");
    for (size_t i = 0; i < f->said->rows; i++) {
        f->at_ns[i] = (int64_t)oracle_column(f->said, "at_s")[i] * TIME_SECOND;
        f->cold[i] = cold && cold[i] != 0;
    }
    f->regressor[0] = oracle_column(f->said, "price");
    f->regressor[1] = oracle_column(f->said, "promo");
    f->regressor[2] = oracle_column(f->said, "load");
    f->condition[0] = f->cold;
    f->rows = (struct prophet_rows){.count = f->said->rows,
                                    .at_ns = f->at_ns,
                                    .y = oracle_column(f->said, "y"),
                                    .cap = oracle_column(f->said, "cap"),
                                    .floor = oracle_column(f->said, "floor"),
                                    .regressor = f->regressor,
                                    .condition = f->condition};
    return f;
}

/* Prophet multiplies the floor, too; the model does not (docs/decisions/0016-forecast.md). */
static void compare_predictions(const struct fixture *f, const struct prophet_forecast *forecast)
{
    const double *trend = oracle_column(f->said, "oracle_trend"),
                 *yhat = oracle_column(f->said, "oracle_yhat");
    const double *multiply = oracle_column(f->said, "oracle_multiplicative_terms");
    size_t n = f->said->rows;
    assert_true(worst(forecast->trend, trend, n) < 1e-8);
    assert_true(worst(forecast->multiplicative_terms, multiply, n) < 1e-8);
    assert_true(
        worst(forecast->additive_terms, oracle_column(f->said, "oracle_additive_terms"), n) < 1e-8);
    for (size_t i = 0; i < n; i++) {
        double expected = yhat[i] - (f->rows.floor ? f->rows.floor[i] * multiply[i] : 0);
        assert_true(fabs(forecast->yhat[i] - expected) < 1e-8);
    }
}

static void compare(const char *name, const struct prophet_options *options)
{
    struct fixture *f = fixture(name);
    struct prophet *prophet;
    struct prophet_forecast forecast;
    struct fw_detail detail = {0};
    double lp = 0;
    assert_int_equal(prophet_fit(options, &f->rows, &prophet, &detail), FW_OK);
    struct prophet_parameters ours = prophet_parameters(prophet), theirs = ours;
    const double *value = f->parameters->cell[0];
    theirs.k = value[0];
    theirs.m = value[1];
    theirs.sigma = value[2];
    theirs.delta = value + 4;
    theirs.beta = value + f->parameters->rows - ours.columns;

    /* The fit is where its own objective says, and at least as good as Prophet's. */
    assert_int_equal(prophet_objective(prophet, &f->rows, &lp, &detail), FW_OK);
    print_message("%s: lp %.6f, Prophet %.6f\n", name, lp, value[3]);
    assert_true(fabs(lp - prophet_lp(prophet)) < 1e-6);
    assert_true(lp >= value[3] - 1e-4);

    prophet_set_parameters(prophet, &theirs);
    assert_int_equal(prophet_objective(prophet, &f->rows, &lp, &detail), FW_OK);
    assert_true(fabs(lp - value[3]) <= 1e-4);
    assert_int_equal(prophet_predict(prophet, &f->rows, &forecast, &detail), FW_OK);
    compare_predictions(f, &forecast);
    prophet_forecast_fini(&forecast);
    prophet_destroy(&prophet);
    free(f->said);
    free(f->parameters);
    free(f);
}

static struct prophet_options defaults(void)
{
    struct prophet_options options = prophet_defaults();
    options.uncertainty_samples = 0;
    return options;
}

static int64_t at(const char *day)
{
    return (int64_t)oracle_number(day) * TIME_SECOND;
}

static void hourly_rows(void **state)
{
    (void)state;
    struct prophet_options options = defaults();
    compare("hourly", &options);
}

static void holidays_with_windows_that_multiply(void **state)
{
    (void)state;
    struct prophet_options options = defaults();
    const struct prophet_holiday holidays[] = {
        {"launch", at("2021-03-10"), 0, 2, 3}, {"launch", at("2021-09-01"), 0, 2, 3},
        {"launch", at("2022-04-20"), 0, 2, 3}, {"launch", at("2023-05-20"), 0, 2, 3},
        {"feast", at("2021-12-24"), -1, 1, 0}, {"feast", at("2022-12-24"), -1, 1, 0}};
    options.holidays = holidays;
    options.holiday_count = 6;
    options.holidays_mode = PROPHET_MULTIPLICATIVE;
    options.holidays_prior_scale = 5;
    options.n_changepoints = 12;
    options.changepoint_range = 0.9;
    options.changepoint_prior_scale = 0.1;
    compare("holidays", &options);
}

static void regressors_and_a_season_with_a_condition(void **state)
{
    (void)state;
    struct prophet_options options = defaults();
    const struct prophet_seasonality monthly = {"monthly", 30.5, 3, 2, PROPHET_DEFAULT};
    const struct prophet_regressor regressors[] = {{"price", 0.5, 0, PROPHET_AUTO, PROPHET_DEFAULT},
                                                   {"promo", 0, 0, PROPHET_AUTO, PROPHET_DEFAULT},
                                                   {"load", 0, 0, 0, PROPHET_MULTIPLICATIVE}};
    options.yearly_seasonality = 0;
    options.seasonalities = &monthly;
    options.seasonality_count = 1;
    options.regressors = regressors;
    options.regressor_count = 3;
    compare("regressors", &options);
}

static void flat_growth_scaled_from_least_to_most(void **state)
{
    (void)state;
    struct prophet_options options = defaults();
    options.growth = PROPHET_FLAT;
    options.scaling = PROPHET_MINMAX;
    options.weekly_seasonality = 0;
    options.daily_seasonality = 6;
    compare("flat", &options);
}

static void logistic_growth_between_floor_and_capacity(void **state)
{
    (void)state;
    struct prophet_options options = defaults();
    options.growth = PROPHET_LOGISTIC;
    options.yearly_seasonality = 0;
    options.seasonality_mode = PROPHET_MULTIPLICATIVE;
    options.n_changepoints = 10;
    compare("logistic", &options);
}

static void given_changepoints_in_weekly_rows(void **state)
{
    (void)state;
    struct prophet_options options = defaults();
    const int64_t changepoints[] = {at("2021-03-07"), at("2020-10-04"), at("2021-06-06")};
    options.changepoints_ns = changepoints;
    options.changepoint_count = 3;
    options.yearly_seasonality = 4;
    options.seasonality_mode = PROPHET_MULTIPLICATIVE;
    options.seasonality_prior_scale = 1;
    compare("changepoints", &options);
}

static void fewer_rows_than_changepoints(void **state)
{
    (void)state;
    struct prophet_options options = defaults();
    compare("few", &options);
}

/* Of shared/golden/prophet; NULL, said loudly, where it is not. */
static struct oracle *shared(const char *name)
{
    char command[600];
    const char *data = getenv("FOREWARM_DATA");
    if (data)
        snprintf(command, sizeof command, "gzip -dc %s/../golden/prophet/%s.csv.gz 2>&1", data,
                 name);
    else
        snprintf(command, sizeof command,
                 "gzip -dc %s/../shared/golden/prophet/%s.csv.gz 2>/dev/null", TEST_SOURCE_DIR,
                 name);
    struct oracle *oracle = oracle_read(command);
    if (!oracle)
        print_message("SKIPPED: no %s; set FOREWARM_DATA\n", name);
    return oracle;
}

struct real {
    const char *input, *parameters, *forecast;
    double lp_of_prophet, lp_least, yhat_most; /* how far our yhat may be from Prophet's */
};

static void set_theirs(struct prophet *prophet, const struct oracle *parameters)
{
    struct prophet_parameters theirs = prophet_parameters(prophet);
    const double *value = parameters->cell[0];
    theirs.k = value[0];
    theirs.m = value[1];
    theirs.delta = value + 2;
    theirs.beta = value + 2 + theirs.changepoints;
    theirs.sigma = exp(value[parameters->rows - 1]);
    assert_int_equal(parameters->rows, 3 + theirs.changepoints + theirs.columns);
    prophet_set_parameters(prophet, &theirs);
}

static void compare_real(const struct real *real, struct prophet_options options, double cap)
{
    struct oracle *input = shared(real->input), *parameters = shared(real->parameters),
                  *forecast = shared(real->forecast);
    if (!input || !parameters || !forecast)
        skip();
    static int64_t times[2][ORACLE_ROWS_MAX];
    static double caps[ORACLE_ROWS_MAX];
    for (size_t i = 0; i < ORACLE_ROWS_MAX; i++)
        caps[i] = cap;
    for (size_t i = 0; i < input->rows; i++)
        times[0][i] = (int64_t)oracle_column(input, "ds")[i] * TIME_SECOND;
    for (size_t i = 0; i < forecast->rows; i++)
        times[1][i] = (int64_t)oracle_column(forecast, "ds")[i] * TIME_SECOND;
    struct prophet_rows history = {
        .count = input->rows, .at_ns = times[0], .y = oracle_column(input, "y"), .cap = caps};
    struct prophet_rows future = {.count = forecast->rows, .at_ns = times[1], .cap = caps};
    struct prophet *prophet;
    struct prophet_forecast said;
    struct fw_detail detail = {0};
    double lp = 0;
    options.uncertainty_samples = 0;
    assert_int_equal(prophet_fit(&options, &history, &prophet, &detail), FW_OK);
    assert_int_equal(prophet_objective(prophet, &history, &lp, &detail), FW_OK);
    assert_int_equal(prophet_predict(prophet, &future, &said, &detail), FW_OK);
    const double *yhat = oracle_column(forecast, "yhat");
    print_message("%s: lp %.6f, largest distance of yhat %.4f\n", real->input, lp,
                  worst(said.yhat, yhat, said.count));
    assert_true(lp >= real->lp_least);
    assert_true(worst(said.yhat, yhat, said.count) <= real->yhat_most);
    prophet_forecast_fini(&said);

    set_theirs(prophet, parameters);
    assert_int_equal(prophet_objective(prophet, &history, &lp, &detail), FW_OK);
    assert_true(fabs(lp - real->lp_of_prophet) <= 1e-4);
    assert_int_equal(prophet_predict(prophet, &future, &said, &detail), FW_OK);
    assert_true(worst(said.yhat, yhat, said.count) <= 1e-8);
    assert_true(worst(said.trend, oracle_column(forecast, "trend"), said.count) <= 1e-8);
    const double *yearly = oracle_column(forecast, "yearly");
    assert_string_equal(prophet_component(prophet, 0)->name, "yearly");
    assert_true(worst(said.component, yearly, said.count) <= 1e-8);
    prophet_forecast_fini(&said);
    prophet_destroy(&prophet);
    free(input);
    free(parameters);
    free(forecast);
}

static void peyton_manning_additive(void **state)
{
    (void)state;
    const struct real real = {
        "peyton_input", "peyton_additive_params", "peyton_additive_forecast", 8004.601496, 8005.158,
        0.035};
    compare_real(&real, defaults(), 0);
}

static void air_passengers_multiplicative(void **state)
{
    (void)state;
    const struct real real = {"air_input",
                              "air_multiplicative_params",
                              "air_multiplicative_forecast",
                              503.528694,
                              503.88,
                              5};
    struct prophet_options options = defaults();
    options.seasonality_mode = PROPHET_MULTIPLICATIVE;
    options.weekly_seasonality = options.daily_seasonality = 0;
    compare_real(&real, options, 0);
}

static void peyton_manning_logistic(void **state)
{
    (void)state;
    const struct real real = {"peyton_input",
                              "peyton_logistic_params",
                              "peyton_logistic_forecast",
                              7664.357003,
                              7677.29,
                              1};
    struct prophet_options options = defaults();
    options.growth = PROPHET_LOGISTIC;
    compare_real(&real, options, 8.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hourly_rows),
        cmocka_unit_test(holidays_with_windows_that_multiply),
        cmocka_unit_test(regressors_and_a_season_with_a_condition),
        cmocka_unit_test(flat_growth_scaled_from_least_to_most),
        cmocka_unit_test(logistic_growth_between_floor_and_capacity),
        cmocka_unit_test(given_changepoints_in_weekly_rows),
        cmocka_unit_test(fewer_rows_than_changepoints),
        cmocka_unit_test(peyton_manning_additive),
        cmocka_unit_test(air_passengers_multiplicative),
        cmocka_unit_test(peyton_manning_logistic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

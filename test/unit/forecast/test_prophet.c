/* SPDX-License-Identifier: MIT
 * The Prophet-style model by itself (D1, D2, D7): published unit values, that a fit is a maximum,
 * rows added later, planned events, intervals, and whatever rows there may be. Against the real
 * one: test_prophet_oracle.c. */
#include "forecast/prophet_part.h"
#include "base/prng.h"
#include "base/time.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { HOURS = 24 * 60 };

struct made {
    int64_t at_ns[HOURS];
    double y[HOURS];
    struct prophet_rows rows;
};

static const int64_t BEGIN_NS = INT64_C(1704067200) * TIME_SECOND; /* 2024-01-01, a Monday */

/* Hourly rows with a trend that turns, a day, a week and noise. */
static struct made *make(uint64_t seed, size_t n, double level)
{
    struct made *made = calloc(1, sizeof *made);
    struct prng prng;
    prng_init(&prng, seed);
    for (size_t i = 0; i < n; i++) {
        double hour = (double)i;
        made->at_ns[i] = BEGIN_NS + (int64_t)i * TIME_HOUR;
        made->y[i] = level + 0.02 * hour - 0.03 * fmax(0, hour - 600) +
                     9 * sin(2 * M_PI * hour / 24) + 4 * cos(2 * M_PI * hour / 168) +
                     prng_normal(&prng, 0, 2);
    }
    made->rows = (struct prophet_rows){.count = n, .at_ns = made->at_ns, .y = made->y};
    return made;
}

static struct prophet_options defaults(void)
{
    struct prophet_options options = prophet_defaults();
    options.uncertainty_samples = 0;
    return options;
}

static struct prophet *fit(const struct prophet_options *options, const struct prophet_rows *rows)
{
    struct prophet *prophet;
    struct fw_detail detail = {0};
    enum fw_err err = prophet_fit(options, rows, &prophet, &detail);
    if (err != FW_OK)
        fail_msg("%s", detail.text);
    return prophet;
}

static struct prophet_forecast predict(const struct prophet *prophet,
                                       const struct prophet_rows *rows)
{
    struct prophet_forecast forecast;
    struct fw_detail detail = {0};
    enum fw_err err = prophet_predict(prophet, rows, &forecast, &detail);
    if (err != FW_OK)
        fail_msg("%s", detail.text);
    for (size_t i = 0; i < forecast.count * (9 + forecast.components); i++)
        assert_true(isfinite(forecast.memory[i])); /* whatever happens, numbers come out */
    return forecast;
}

/* Values of Prophet's own tests (python/prophet/tests/test_prophet.py). */
static void the_first_row_of_a_week_is_as_published(void **state)
{
    (void)state;
    const int64_t at_ns = INT64_C(15478) * TIME_DAY; /* 2012-05-18 */
    const double published[] = {0.7818315, 0.6234898, 0.9749279, -0.2225209, 0.4338837, -0.9009689};
    struct prophet_part part = {.public = {.kind = PROPHET_SEASON}, .count = 6, .period_days = 7};
    struct prophet p = {.part = &part, .parts = 1, .columns = 6};
    struct prophet_rows rows = {.count = 1, .at_ns = &at_ns};
    uint32_t order = 0;
    struct prophet_history history = {.rows = &rows, .n = 1, .order = &order};
    double cells[6];
    prophet_features(&p, &history, 0, 1, cells, 8);
    for (int i = 0; i < 6; i++)
        assert_true(fabs(cells[i] - published[i]) < 1e-7);
}

static void a_broken_line_is_as_published(void **state)
{
    (void)state;
    const double published[] = {0, 1, 2, 3, 4, 5, 6.5, 8, 9.5, 11, 12.5};
    double changepoint = 5, theta[] = {1, 0, 0.5};
    struct prophet p = {.growth = PROPHET_LINEAR, .changepoint = &changepoint, .changepoints = 1};
    struct prophet_piece piece[2];
    size_t at = 0;
    prophet_pieces(&p, theta, piece);
    for (int t = 0; t <= 10; t++) {
        at = prophet_segment(&p, at, t);
        assert_true(fabs(prophet_trend(&p, piece[at], t, 0) - published[t]) < 1e-12);
    }
}

/* With Prophet's recursion for the offsets, the logistic trend is the same as through the broken
 * line. */
static void a_logistic_trend_is_that_of_prophet(void **state)
{
    (void)state;
    double changepoint[] = {0.2, 0.5, 0.7}, theta[] = {3, 0.3, 0.8, -1.5, 0.4};
    struct prophet p = {.growth = PROPHET_LOGISTIC, .changepoint = changepoint, .changepoints = 3};
    struct prophet_piece piece[4];
    prophet_pieces(&p, theta, piece);
    double rate = theta[0], offset = theta[1];
    size_t at = 0;
    for (int i = 0; i <= 100; i++) {
        double t = i / 100.0;
        size_t next = prophet_segment(&p, at, t);
        for (; at < next; at++) {
            double faster = rate + theta[2 + at];
            offset += (changepoint[at] - offset) * (1 - rate / faster);
            rate = faster;
        }
        double expected = 2 / (1 + exp(-rate * (t - offset)));
        assert_true(fabs(prophet_trend(&p, piece[at], t, 2) - expected) < 1e-12);
    }
}

static double objective(const struct prophet *prophet, const struct prophet_rows *rows)
{
    double lp = 0;
    struct fw_detail detail = {0};
    assert_int_equal(prophet_objective(prophet, rows, &lp, &detail), FW_OK);
    return lp;
}

/* No small step, along one unknown or along all, gains. */
static void check_maximum(struct prophet *prophet, const struct prophet_rows *rows,
                          double tolerance)
{
    double best = objective(prophet, rows), kept[200];
    size_t n = prophet_unknowns(prophet);
    struct prng prng;
    prng_init(&prng, 7);
    assert_true(n <= 200 && fabs(best - prophet_lp(prophet)) < 1e-6);
    memcpy(kept, prophet->theta, n * sizeof *kept);
    for (size_t i = 0; i < 3 * n; i += 2) {
        double size = i % 4 ? 1e-3 : 1e-5;
        for (size_t u = 0; u < n; u++)
            prophet->theta[u] =
                kept[u] + (i >= 2 * n || u == i / 2 ? prng_normal(&prng, 0, size) : 0);
        double there = objective(prophet, rows);
        if (there > best + tolerance)
            fail_msg("step %zu of %zu unknowns gains %g", i, n, there - best);
    }
    memcpy(prophet->theta, kept, n * sizeof *kept);
}

static void a_fit_is_a_maximum(void **state)
{
    (void)state;
    struct made *made = make(1, 400, 40);
    double caps[HOURS];
    for (size_t i = 0; i < HOURS; i++)
        caps[i] = 90;
    made->rows.cap = caps;
    for (int i = 0; i < 5; i++) {
        struct prophet_options options = defaults();
        options.growth = i < 2 ? PROPHET_LINEAR : i < 4 ? PROPHET_LOGISTIC : PROPHET_FLAT;
        options.seasonality_mode = i % 2 ? PROPHET_MULTIPLICATIVE : PROPHET_ADDITIVE;
        struct prophet *prophet = fit(&options, &made->rows);
        /* Newton's steps end when they gain less than 1e-7. */
        check_maximum(prophet, &made->rows, i == 0 || i == 4 ? 1e-8 : 1e-6);
        prophet_destroy(&prophet);
    }
    free(made);
}

static void order_does_not_matter_and_gaps_are_left_out(void **state)
{
    (void)state;
    struct made *made = make(2, 700, 40), *shuffled = make(2, 700, 40);
    struct prng prng;
    prng_init(&prng, 3);
    made->y[10] = NAN;
    made->y[11] = INFINITY;
    memcpy(shuffled->y, made->y, sizeof made->y);
    for (size_t i = 700; i-- > 1;) {
        size_t j = prng_below(&prng, i + 1);
        int64_t at_ns = shuffled->at_ns[i];
        double y = shuffled->y[i];
        shuffled->at_ns[i] = shuffled->at_ns[j], shuffled->y[i] = shuffled->y[j];
        shuffled->at_ns[j] = at_ns, shuffled->y[j] = y;
    }
    struct prophet_options options = defaults();
    options.uncertainty_samples = 50;
    struct prophet *a = fit(&options, &made->rows), *b = fit(&options, &shuffled->rows);
    assert_memory_equal(a->theta, b->theta, prophet_unknowns(a) * sizeof *a->theta);
    struct buf text;
    buf_init(&text, 4096);
    prophet_describe(a, &text);
    assert_non_null(strstr(text.data, "698 rows fitted\n2 rows have no value and were left out\n"));
    buf_fini(&text);
    struct prophet_forecast f = predict(a, &made->rows), g = predict(b, &shuffled->rows);
    for (size_t i = 0; i < 700; i++) {
        size_t j = (size_t)((shuffled->at_ns[i] - BEGIN_NS) / TIME_HOUR);
        assert_true(g.yhat[i] == f.yhat[j] && g.yhat_upper[i] == f.yhat_upper[j]);
    }
    prophet_forecast_fini(&f);
    prophet_forecast_fini(&g);
    prophet_destroy(&a);
    prophet_destroy(&b);
    free(made);
    free(shuffled);
}

static void rows_are_added_without_the_old_ones(void **state)
{
    (void)state;
    struct made *made = make(4, 1000, 40);
    struct prophet_options options = defaults();
    struct prophet_rows first = made->rows, day = made->rows, rest = made->rows, all = made->rows;
    first.count = 960;
    day.at_ns += 960, day.y += 960, day.count = 24;
    rest.at_ns += 984, rest.y += 984, rest.count = 16;
    struct prophet *prophet = fit(&options, &first);
    struct fw_detail detail = {0};
    bool rebuild = true;
    assert_int_equal(prophet_update(prophet, &day, &rebuild, &detail), FW_OK);
    assert_false(rebuild);
    assert_int_equal(prophet_update(prophet, &rest, &rebuild, &detail), FW_OK);
    check_maximum(prophet, &all, 1e-8);
    made->y[990] = 10000; /* another scale */
    assert_int_equal(prophet_update(prophet, &rest, &rebuild, &detail), FW_OK);
    assert_true(rebuild);
    prophet_destroy(&prophet);

    options.seasonality_mode = PROPHET_MULTIPLICATIVE;
    prophet = fit(&options, &first);
    assert_int_equal(prophet_update(prophet, &day, &rebuild, &detail), FW_UNSUPPORTED);
    prophet_destroy(&prophet);
    free(made);
}

/* D7: a launch that is planned multiplies as expected, with its uncertainty; launches of that name
 * in the past are learned from. */
static void planned_events_are_priors(void **state)
{
    (void)state;
    enum { PAST = 900, ALL = 1000, LAUNCH = 950 };
    for (int logarithm = 0; logarithm < 2; logarithm++) {
        struct made *made = make(5, ALL, 100);
        struct prophet_rows past = made->rows, future = made->rows;
        past.count = PAST;
        future.at_ns += PAST, future.count = ALL - PAST;
        struct prophet_options options = defaults();
        options.logarithm = logarithm;
        options.uncertainty_samples = 2000;
        struct prophet *without = fit(&options, &past);
        const struct prophet_event events[] = {
            {"launch", BEGIN_NS + 300 * TIME_HOUR, 72, 5, 0.35},
            {"launch", BEGIN_NS + LAUNCH * TIME_HOUR, 72, 5, 0.35}};
        options.events = events + 1;
        options.event_count = 1;
        struct prophet *with = fit(&options, &past);
        struct prophet_forecast plain = predict(without, &future), planned = predict(with, &future);
        size_t peak = LAUNCH + 1 - PAST;
        double factor = planned.yhat[peak] / plain.yhat[peak];
        assert_true(fabs(factor - 5) <
                    (logarithm ? 0.1 : 0.5)); /* else it is the trend that multiplies */
        assert_true(fabs(planned.yhat[40] / plain.yhat[40] - 1) < 0.01); /* not before it */
        /* exp(+-1.28 x .35) around 5, and the trend's doubt beside it. */
        double spread = log(planned.yhat_upper[peak] / planned.yhat_lower[peak]);
        print_message("log of upper to lower bound: %.3f\n", spread);
        assert_true(spread > 0.8 && spread < 1.1);
        assert_true(log(plain.yhat_upper[peak] / plain.yhat_lower[peak]) < 0.25);
        prophet_forecast_fini(&planned);
        prophet_destroy(&with);

        /* The launch at hour 300 only doubled. */
        for (size_t i = 301; i < PAST; i++)
            made->y[i] *= 1 + exp2(-((double)i - 301) / 24);
        options.events = events;
        options.event_count = 2;
        with = fit(&options, &past);
        planned = predict(with, &future);
        assert_true(fabs(planned.yhat[peak] / plain.yhat[peak] - 2) < 0.3);
        assert_string_equal(prophet_component(with, planned.components - 1)->name, "launch");
        assert_true(prophet_component(with, planned.components - 1)->multiplicative);
        double share = planned.component[(planned.components - 1) * planned.count + peak];
        assert_true(fabs(share - 1) < 0.2);
        prophet_forecast_fini(&plain);
        prophet_forecast_fini(&planned);
        prophet_destroy(&with);
        prophet_destroy(&without);
        free(made);
    }
}

static double covered(const struct prophet_forecast *forecast, const double *y)
{
    size_t inside = 0;
    for (size_t i = 0; i < forecast->count; i++)
        inside += y[i] >= forecast->yhat_lower[i] && y[i] <= forecast->yhat_upper[i];
    return (double)inside / (double)forecast->count;
}

static void intervals_cover_and_depend_on_the_seed_alone(void **state)
{
    (void)state;
    struct made *made = make(6, HOURS, 40);
    struct prophet_rows past = made->rows, future = made->rows;
    past.count = 1200;
    future.at_ns += 1200, future.y += 1200, future.count = HOURS - 1200;
    struct prophet_options options = defaults();
    options.uncertainty_samples = 1000;
    options.seed = 11;
    struct prophet *prophet = fit(&options, &past);
    struct prophet_forecast f = predict(prophet, &past), g = predict(prophet, &future),
                            again = predict(prophet, &future);
    double before = covered(&f, past.y), behind = covered(&g, future.y);
    print_message("coverage of 80 %%: %.3f fitted, %.3f ahead\n", before, behind);
    assert_true(before > 0.77 && before < 0.83 && behind > 0.7);
    assert_memory_equal(g.memory, again.memory, sizeof(double) * g.count * (9 + g.components));
    for (size_t i = 0; i < g.count; i++)
        assert_true(g.trend_lower[i] <= g.trend[i] && g.trend[i] <= g.trend_upper[i]);
    assert_true(g.yhat_upper[200] - g.yhat_lower[200] > f.yhat_upper[200] - f.yhat_lower[200]);
    prophet_forecast_fini(&again);
    prophet_destroy(&prophet);
    options.seed = 12;
    prophet = fit(&options, &past);
    again = predict(prophet, &future);
    assert_memory_equal(g.yhat, again.yhat, sizeof(double) * g.count);
    assert_memory_not_equal(g.yhat_upper, again.yhat_upper, sizeof(double) * g.count);
    prophet_forecast_fini(&f);
    prophet_forecast_fini(&g);
    prophet_forecast_fini(&again);
    prophet_destroy(&prophet);
    free(made);
}

static void a_logarithm_stays_positive_or_is_refused(void **state)
{
    (void)state;
    struct prophet_options options = defaults();
    options.logarithm = true;
    options.uncertainty_samples = 100;
    for (int kind = 0; kind < 3; kind++) {
        struct made *made = make(8, 900, kind == 1 ? 5 : 20);
        for (size_t i = 0; i < 900; i++)
            made->y[i] = fmax(made->y[i], kind == 0 ? 0.5 : 0);
        if (kind == 2)
            made->y[5] = -1;
        struct prophet *prophet = fit(&options, &made->rows);
        struct prophet_forecast forecast = predict(prophet, &made->rows);
        for (size_t i = 0; kind == 0 && i < 900; i++) {
            assert_true(forecast.yhat_lower[i] > 0);
            double product = forecast.trend[i] * (1 + forecast.multiplicative_terms[i]);
            assert_true(fabs(product / forecast.yhat[i] - 1) < 1e-9 &&
                        forecast.additive_terms[i] == 0);
        }
        struct buf text;
        buf_init(&text, 4096);
        prophet_describe(prophet, &text);
        assert_int_equal(strstr(text.data, "there are zeros") != NULL, kind == 1);
        assert_int_equal(strstr(text.data, "have no logarithm") != NULL, kind == 2);
        buf_fini(&text);
        prophet_forecast_fini(&forecast);
        prophet_destroy(&prophet);
        free(made);
    }
}

static void says(const struct prophet *prophet, const char *words)
{
    struct buf text;
    buf_init(&text, 4096);
    prophet_describe(prophet, &text);
    assert_non_null(strstr(text.data, words));
    buf_fini(&text);
}

/* One row, all equal, one instant, no more rows than columns, a straight line: a stated fallback or
 * a fit, and never anything but numbers. */
static void poor_histories_have_a_forecast(void **state)
{
    (void)state;
    for (int growth = PROPHET_LINEAR; growth <= PROPHET_FLAT; growth++) {
        for (int kind = 0; kind < 6; kind++) {
            struct made *made = make(9, 100, 40);
            double caps[100];
            struct prophet_options options = defaults();
            options.growth = (enum prophet_growth)growth;
            options.uncertainty_samples = 20;
            options.yearly_seasonality = kind == 3 ? 10 : PROPHET_AUTO;
            for (size_t i = 0; i < 100; i++) {
                caps[i] = 200;
                made->y[i] = kind == 1   ? 7
                             : kind == 4 ? 3 + 0.5 * (double)i
                             : kind == 5 ? 0
                                         : made->y[i];
                made->at_ns[i] = kind == 2 ? BEGIN_NS : made->at_ns[i];
            }
            made->rows.cap = caps;
            made->rows.count = kind == 0 ? 1 : kind == 3 ? 5 : 100;
            struct prophet *prophet = fit(&options, &made->rows);
            made->rows.count = 100;
            struct prophet_forecast forecast = predict(prophet, &made->rows);
            assert_true(fabs(forecast.yhat[0] - made->y[0]) < (kind == 4 ? 30 : 15));
            if (kind == 1 && growth != PROPHET_LOGISTIC)
                says(prophet, "all equal");
            if (kind == 2)
                says(prophet, "one instant");
            if (kind == 3 && growth != PROPHET_FLAT)
                says(prophet, "3 changepoints instead of 25");
            prophet_forecast_fini(&forecast);
            prophet_destroy(&prophet);
            free(made);
        }
    }
}

static void refuses(const struct prophet_options *options, const struct prophet_rows *rows,
                    const char *words)
{
    struct prophet *prophet;
    struct fw_detail detail = {0};
    assert_int_equal(prophet_fit(options, rows, &prophet, &detail), FW_INPUT);
    assert_null(prophet);
    if (!strstr(detail.text, words))
        fail_msg("\"%s\" does not say \"%s\"", detail.text, words);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct made *made = make(10, 50, 40);
    struct prophet_options good = defaults(), options = good;
    struct prophet_rows rows = made->rows;
    rows.count = 0;
    refuses(&good, &rows, "no row");
    double nothing[50], caps[50];
    for (int i = 0; i < 50; i++)
        nothing[i] = i % 2 ? NAN : -INFINITY, caps[i] = 30;
    rows = made->rows;
    rows.y = nothing;
    refuses(&good, &rows, "no row has a number");
    nothing[0] = 1e308, nothing[1] = -1e308;
    options.scaling = PROPHET_MINMAX;
    refuses(&options, &rows, "too far apart");
    options = good;
    options.growth = PROPHET_LOGISTIC;
    refuses(&options, &made->rows, "cap");
    rows = made->rows;
    rows.cap = caps;
    caps[7] = 0;
    refuses(&options, &rows, "row 8: cap must be greater than floor");
    options.logarithm = true;
    refuses(&options, &rows, "choose one");
    options = good;
    options.changepoint_range = NAN;
    refuses(&options, &made->rows, "changepoint_range");
    options = good;
    const int64_t outside = BEGIN_NS - 1;
    options.changepoints_ns = &outside;
    options.changepoint_count = 1;
    refuses(&options, &made->rows, "changepoint 1 is outside the history");
    options = good;
    const struct prophet_regressor regressor = {"price", 0, 0, PROPHET_AUTO, PROPHET_DEFAULT};
    options.regressors = &regressor;
    options.regressor_count = 1;
    refuses(&options, &made->rows, "no regressor \"price\"");
    const double *values[] = {nothing};
    rows = made->rows;
    rows.regressor = values;
    refuses(&options, &rows, "regressor \"price\" is not a number");
    options = good;
    const struct prophet_seasonality twice[] = {{"a", 3, 1, 0, PROPHET_DEFAULT},
                                                {"a", 4, 1, 0, PROPHET_DEFAULT}};
    options.seasonalities = twice;
    options.seasonality_count = 2;
    refuses(&options, &made->rows, "called \"a\"");
    options = good;
    const struct prophet_event event = {"launch", BEGIN_NS, 0, 2, 0};
    options.events = &event;
    options.event_count = 1;
    refuses(&options, &made->rows, "expected_duration_hours");
    free(made);
}

static double odd_value(struct prng *prng, int kind)
{
    static const double odd[] = {0, -0.0, NAN, INFINITY, -INFINITY, 1e-310, 1e150, -1e150, 1, -1};
    double value = prng_normal(prng, 10, 3);
    if (kind % 3 == 1)
        value = odd[prng_below(prng, 10)];
    if (kind % 3 == 2 && prng_below(prng, 10) == 0)
        value *= pow(10, (double)prng_below(prng, 200) - 100);
    return value;
}

/* Any options over any rows: an error that says something, or a forecast of numbers. */
static void odd_rows_end_in_numbers_or_words(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 20);
    size_t fits = 0;
    for (int kind = 0; kind < 400; kind++) {
        struct made *made = calloc(1, sizeof *made);
        size_t n = 1 + prng_below(&prng, kind % 2 ? 200 : 12);
        int64_t step_ns =
            prng_below(&prng, 2) ? TIME_HOUR : (int64_t)prng_below(&prng, 40) * TIME_DAY;
        double caps[200], x[200];
        const double *regressor[] = {x};
        for (size_t i = 0; i < n; i++) {
            made->at_ns[i] = BEGIN_NS + (int64_t)prng_below(&prng, n) * step_ns;
            made->y[i] = odd_value(&prng, kind);
            x[i] = kind % 7 ? prng_normal(&prng, 0, 1) : odd_value(&prng, kind);
            caps[i] = 20 + prng_uniform(&prng);
        }
        const struct prophet_event event = {"launch", BEGIN_NS, 5, 3, 0};
        const struct prophet_regressor price = {"price", 0, 0, PROPHET_AUTO, PROPHET_DEFAULT};
        struct prophet_options options = prophet_defaults();
        options.growth = (enum prophet_growth)prng_below(&prng, 3);
        options.seasonality_mode = (enum prophet_mode)(1 + prng_below(&prng, 2));
        options.scaling = (enum prophet_scaling)prng_below(&prng, 2);
        options.logarithm = options.growth != PROPHET_LOGISTIC && prng_below(&prng, 2);
        options.uncertainty_samples = 10;
        options.yearly_seasonality = prng_below(&prng, 3) ? 0 : 4;
        options.changepoint_prior_scale = pow(10, (double)prng_below(&prng, 8) - 4);
        options.events = &event;
        options.event_count = prng_below(&prng, 2);
        options.regressors = &price;
        options.regressor_count = prng_below(&prng, 2);
        struct prophet_rows rows = {
            .count = n, .at_ns = made->at_ns, .y = made->y, .cap = caps, .regressor = regressor};
        struct prophet *prophet;
        struct fw_detail detail = {0};
        if (prophet_fit(&options, &rows, &prophet, &detail) == FW_OK) {
            fits++;
            assert_true(isfinite(prophet_lp(prophet)));
            made->rows = rows;
            for (size_t i = 0; i < n; i++)
                x[i] = 1;
            struct prophet_forecast forecast = predict(prophet, &made->rows);
            prophet_forecast_fini(&forecast);
        } else {
            assert_true(detail.text[0] != 0);
        }
        prophet_destroy(&prophet);
        free(made);
    }
    print_message("%zu of 400 had a forecast\n", fits);
    assert_true(fits > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_row_of_a_week_is_as_published),
        cmocka_unit_test(a_broken_line_is_as_published),
        cmocka_unit_test(a_logistic_trend_is_that_of_prophet),
        cmocka_unit_test(a_fit_is_a_maximum),
        cmocka_unit_test(order_does_not_matter_and_gaps_are_left_out),
        cmocka_unit_test(rows_are_added_without_the_old_ones),
        cmocka_unit_test(planned_events_are_priors),
        cmocka_unit_test(intervals_cover_and_depend_on_the_seed_alone),
        cmocka_unit_test(a_logarithm_stays_positive_or_is_refused),
        cmocka_unit_test(poor_histories_have_a_forecast),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(odd_rows_end_in_numbers_or_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * The boosted forecast over rolling linear ones (D3, D4): better than the naive, honest about its
 * width, the same bytes for the same seed and any number of threads, and after saving and loading.
 */
#include "base/prng.h"
#include "forecast/accuracy.h"
#include "forecast/naive.h"
#include "forecast/stack.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SERIES = 6, LENGTH = 700, KNOWN = LENGTH - STACK_HORIZON };

static double values[SERIES][LENGTH];
static struct stack_series series[SERIES];

/* Day and week, a slow wander, and noise that remembers. */
static int make(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 7);
    for (int i = 0; i < SERIES; i++) {
        double wander = 0, noise = 0;
        for (int t = 0; t < LENGTH; t++) {
            wander += prng_normal(&prng, 0, .01);
            noise = .8 * noise + prng_normal(&prng, 0, .05);
            double log_value = 4 + i + .5 * sin(t * 6.2831853 / 24 + i) +
                               .2 * sin(t * 6.2831853 / 168) + wander + noise;
            values[i][t] = i == SERIES - 1 ? log_value - 9 : exp(log_value);
        }
        series[i] = (struct stack_series){.y = values[i], .n = KNOWN};
    }
    return 0;
}

static struct stack_settings quick(int threads)
{
    struct stack_settings settings = stack_defaults;
    settings.rounds = 30;
    settings.threads = threads;
    settings.quantile_rounds = 3;
    return settings;
}

/* Noise by day, hardly any by night: the quantiles' distance to the median follows, and they hold
 * what they say; an hour of a busy machine beside it does no harm. */
static void the_quantiles_know_the_hour(void **state)
{
    (void)state;
    enum { HOURS = 1400, ORIGINS = 24, FIRST = HOURS - 24 * ORIGINS };
    static double y[HOURS + STACK_HORIZON], busy[HOURS];
    static struct stack_forecast said[ORIGINS];
    struct stack_settings settings = stack_defaults;
    struct stack *stack = NULL;
    struct fw_detail detail = {""};
    struct prng prng;
    double width[2] = {0}, covered[STACK_LEVELS] = {0}, cases = 0;
    prng_init(&prng, 11);
    for (int t = 0; t < HOURS; t++) {
        busy[t] = t % 7 == 0 ? NAN : .5;
        y[t] =
            100 * exp(.3 * sin(t * 6.2831853 / 24) + prng_normal(&prng, 0, t % 24 < 12 ? .02 : .2));
    }
    settings.rounds = 10;
    settings.hours_per_origin = 10;
    settings.quantile_rounds = 60;
    struct stack_series past = {.y = y, .n = FIRST, .beside = {1700006400000000000, busy, NULL}};
    struct stack_series all = {.y = y, .n = HOURS, .beside = past.beside};
    assert_int_equal(stack_train(&stack, &past, 1, &settings, &detail), FW_OK);
    assert_int_equal(stack_forecast(stack, &all, ORIGINS, 24, said, &detail), FW_OK);
    for (int k = 1; k < ORIGINS; k++)
        for (int h = 0; h < 24; h++) {
            int t = HOURS - 24 * k + h;
            assert_true(said[k].quantiles);
            for (int i = 0; i < STACK_LEVELS; i++) {
                covered[i] += log(y[t]) <= said[k].log_quantile[i][h];
                assert_true(i == 0 || said[k].log_quantile[i][h] >= said[k].log_quantile[i - 1][h]);
            }
            cases++;
            width[t % 24 < 12] += said[k].log_quantile[3][h] - said[k].log_quantile[0][h];
        }
    assert_true(width[0] > 2.5 * width[1]);
    for (int i = 0; i < STACK_LEVELS; i++)
        assert_float_equal(covered[i] / cases, stack_levels[i], .08);
    stack_free(&stack);
}

static struct stack *train(int threads)
{
    struct stack *stack = NULL;
    struct stack_settings settings = quick(threads);
    struct fw_detail detail = {""};
    assert_int_equal(stack_train(&stack, series, SERIES, &settings, &detail), FW_OK);
    return stack;
}

static void better_than_the_last_day(void **state)
{
    (void)state;
    struct stack *stack = train(1);
    struct stack_forecast forecast;
    struct fw_detail detail = {""};
    double ratio = 0, coverage = 0, path[STACK_HORIZON];
    for (int i = 0; i < SERIES; i++) {
        const double *actual = values[i] + KNOWN;
        assert_int_equal(stack_forecast(stack, &series[i], 1, STACK_STEP, &forecast, &detail),
                         FW_OK);
        naive_seasonal(values[i], KNOWN, 24, path, STACK_HORIZON);
        ratio += accuracy_mae(actual, forecast.mean, STACK_HORIZON) /
                 accuracy_mae(actual, path, STACK_HORIZON) / SERIES;
        coverage += accuracy_coverage(actual, forecast.low, forecast.high, STACK_HORIZON) / SERIES;
        for (int h = 0; h < STACK_HORIZON; h++)
            assert_true(forecast.low[h] <= forecast.mean[h] &&
                        forecast.mean[h] <= forecast.high[h]);
    }
    assert_true(ratio < .95);
    assert_true(coverage > .8);
    stack_free(&stack);
}

/* What an origin says does not depend on what came after it. */
static void no_look_ahead(void **state)
{
    (void)state;
    static struct stack_forecast back[3], then;
    struct stack *stack = train(1);
    struct fw_detail detail = {""};
    struct stack_series shorter = {.y = values[0], .n = KNOWN - 48};
    assert_int_equal(stack_forecast(stack, &series[0], 3, 24, back, &detail), FW_OK);
    assert_int_equal(stack_forecast(stack, &shorter, 1, 6, &then, &detail), FW_OK);
    for (int h = 0; h < STACK_HORIZON; h++)
        assert_true(fabs(back[2].mean[h] / then.mean[h] - 1) < 1e-6);
    assert_true(fabs(back[2].log_scale - then.log_scale) < 1e-9);
    stack_free(&stack);
}

static void the_same_bytes(void **state)
{
    (void)state;
    static struct stack_forecast one, two, loaded;
    struct fw_detail detail = {""};
    struct buf bytes[2];
    struct stack *stacks[2] = {train(1), train(2)}, *again = NULL;
    for (int i = 0; i < 2; i++) {
        buf_init(&bytes[i], 1 << 28);
        assert_int_equal(stack_save(stacks[i], &bytes[i], &detail), FW_OK);
    }
    assert_int_equal(stack_forecast(stacks[0], &series[1], 1, 6, &one, &detail), FW_OK);
    assert_int_equal(stack_forecast(stacks[1], &series[1], 1, 6, &two, &detail), FW_OK);
    assert_memory_equal(&one, &two, sizeof one);
    struct buf_reader reader = {.data = (const uint8_t *)bytes[0].data, .len = bytes[0].len};
    assert_int_equal(stack_load(&again, &reader, 1, &detail), FW_OK);
    assert_int_equal(stack_forecast(again, &series[1], 1, 6, &loaded, &detail), FW_OK);
    assert_memory_equal(&one, &loaded, sizeof one);
    stack_free(&again);
    /* Cut short, or of another version: said, and nothing is made. */
    reader = (struct buf_reader){.data = (const uint8_t *)bytes[0].data, .len = bytes[0].len / 2};
    assert_int_equal(stack_load(&again, &reader, 1, &detail), FW_CORRUPT);
    bytes[0].data[0] ^= 0x55;
    bytes[0].data[3] ^= 0x55;
    reader = (struct buf_reader){.data = (const uint8_t *)bytes[0].data, .len = bytes[0].len};
    assert_int_equal(stack_load(&again, &reader, 1, &detail), FW_VERSION);
    assert_null(again);
    for (int i = 0; i < 2; i++) {
        buf_fini(&bytes[i]);
        stack_free(&stacks[i]);
    }
}

static void bad_series_are_named(void **state)
{
    (void)state;
    struct fw_detail detail = {""};
    struct stack *stack = NULL;
    struct stack_settings settings = quick(1);
    struct stack_series bad[2] = {series[0], {.y = values[1], .n = 100}};
    assert_int_equal(stack_train(&stack, bad, 2, &settings, &detail), FW_INPUT);
    assert_string_equal(detail.text, "series 2: 100 hours, at least 360 are needed");
    double kept = values[1][50];
    values[1][50] = NAN;
    bad[1].n = KNOWN;
    assert_int_equal(stack_train(&stack, bad, 2, &settings, &detail), FW_INPUT);
    assert_string_equal(detail.text, "series 2: hour 51 is missing or not finite");
    values[1][50] = kept;
    bad[0].n = bad[1].n = STACK_LENGTH_MIN; /* long enough to ask, not to learn from */
    assert_int_equal(stack_train(&stack, bad, 2, &settings, &detail), FW_INPUT);
    assert_null(stack);
}

/* Constant, zero and enormous series: numbers come out, never NaN. */
static void strange_series_stay_numbers(void **state)
{
    (void)state;
    static double strange[3][500];
    struct stack *stack = train(1);
    struct stack_forecast forecast;
    struct fw_detail detail = {""};
    for (int t = 0; t < 500; t++) {
        strange[0][t] = 0;
        strange[1][t] = 5;
        strange[2][t] = t % 50 == 0 ? 1e12 : 1e-3;
    }
    for (int i = 0; i < 3; i++) {
        struct stack_series of = {.y = strange[i], .n = 500};
        assert_int_equal(stack_forecast(stack, &of, 1, 6, &forecast, &detail), FW_OK);
        for (int h = 0; h < STACK_HORIZON; h++)
            assert_true(isfinite(forecast.mean[h]) && isfinite(forecast.low[h]) &&
                        isfinite(forecast.high[h]));
    }
    stack_free(&stack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_quantiles_know_the_hour),
        cmocka_unit_test(better_than_the_last_day),
        cmocka_unit_test(no_look_ahead),
        cmocka_unit_test(the_same_bytes),
        cmocka_unit_test(bad_series_are_named),
        cmocka_unit_test(strange_series_stay_numbers),
    };
    return cmocka_run_group_tests(tests, make, NULL);
}

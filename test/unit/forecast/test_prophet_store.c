/* SPDX-License-Identifier: MIT
 * A model that is saved and loaded predicts the same bytes and takes rows as before; what is
 * damaged, foreign or of another version is refused. */
#include "forecast/prophet_store.h"
#include "base/prng.h"
#include "base/time.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { ROWS = 24 * 40 };

static int64_t at_ns[ROWS + 48];
static double y[ROWS + 48], price[ROWS + 48];
static bool cold[ROWS + 48];
static const double *regressors[] = {price};
static const bool *conditions[] = {cold};

static struct prophet_rows rows_of(size_t from, size_t count)
{
    struct prng prng;
    prng_init(&prng, 5);
    for (size_t i = 0; i < ROWS + 48; i++) {
        at_ns[i] = (int64_t)(i + 470000) * TIME_HOUR;
        price[i] = prng_normal(&prng, 5, 1);
        cold[i] = i % 100 < 30;
        y[i] = 30 + price[i] + 5 * sin((double)i * M_PI / 12) + prng_normal(&prng, 0, 1);
    }
    static const double *behind[1];
    static const bool *cold_behind[1];
    behind[0] = price + from;
    cold_behind[0] = cold + from;
    return (struct prophet_rows){.count = count,
                                 .at_ns = at_ns + from,
                                 .y = y + from,
                                 .regressor = from ? behind : regressors,
                                 .condition = from ? cold_behind : conditions};
}

static struct prophet *fitted(enum prophet_mode mode)
{
    struct prophet_options options = prophet_defaults();
    const struct prophet_seasonality season = {"shift", 0.5, 2, 0, PROPHET_DEFAULT};
    const struct prophet_holiday holiday = {"feast", INT64_C(470500) * TIME_HOUR, -1, 1, 0};
    const struct prophet_regressor regressor = {"price", 0, 0, PROPHET_AUTO, PROPHET_DEFAULT};
    const struct prophet_event event = {"launch", INT64_C(471000) * TIME_HOUR, 24, 2, 0.3};
    options.seasonality_mode = mode;
    options.uncertainty_samples = 20;
    options.seasonalities = &season;
    options.seasonality_count = 1;
    options.holidays = &holiday;
    options.holiday_count = 1;
    options.regressors = &regressor;
    options.regressor_count = 1;
    options.events = &event;
    options.event_count =
        mode == PROPHET_MULTIPLICATIVE; /* it multiplies, and keeps rows from being added */
    struct prophet *prophet;
    struct prophet_rows rows = rows_of(0, ROWS);
    struct fw_detail detail = {0};
    assert_int_equal(prophet_fit(&options, &rows, &prophet, &detail), FW_OK);
    return prophet;
}

static void same_forecast(const struct prophet *a, const struct prophet *b)
{
    struct prophet_rows rows = rows_of(ROWS - 100, 148);
    struct prophet_forecast f, g;
    assert_int_equal(prophet_predict(a, &rows, &f, NULL), FW_OK);
    assert_int_equal(prophet_predict(b, &rows, &g, NULL), FW_OK);
    assert_int_equal(f.components, g.components);
    assert_memory_equal(f.memory, g.memory, f.count * (9 + f.components) * sizeof(double));
    prophet_forecast_fini(&f);
    prophet_forecast_fini(&g);
}

static void what_is_loaded_is_what_was_saved(void **state)
{
    (void)state;
    for (int mode = PROPHET_ADDITIVE; mode <= PROPHET_MULTIPLICATIVE; mode++) {
        struct prophet *prophet = fitted((enum prophet_mode)mode), *loaded;
        struct prophet_rows day = rows_of(ROWS, 24);
        struct buf data, again;
        bool rebuild;
        struct fw_detail detail = {0};
        buf_init(&data, PROPHET_STORE_BYTES_MAX);
        buf_init(&again, PROPHET_STORE_BYTES_MAX);
        prophet_save(prophet, &data);
        assert_false(data.failed);
        assert_int_equal(prophet_load(buf_str(&data), &loaded, &detail), FW_OK);
        prophet_save(loaded, &again);
        assert_int_equal(data.len, again.len);
        assert_memory_equal(data.data, again.data, data.len);
        same_forecast(prophet, loaded);
        enum fw_err expected = mode == PROPHET_ADDITIVE ? FW_OK : FW_UNSUPPORTED;
        assert_int_equal(prophet_update(prophet, &day, &rebuild, &detail), expected);
        assert_int_equal(prophet_update(loaded, &day, &rebuild, &detail), expected);
        same_forecast(prophet, loaded);
        prophet_destroy(&prophet);
        prophet_destroy(&loaded);
        buf_fini(&data);
        buf_fini(&again);
    }
}

static void refuses(struct str data, enum fw_err expected)
{
    struct prophet *prophet;
    struct fw_detail detail = {0};
    assert_int_equal(prophet_load(data, &prophet, &detail), expected);
    assert_null(prophet);
    assert_true(detail.text[0] != 0);
}

/* Even where its sum is right again, as an attacker would make it. */
static void damage_is_refused(void **state)
{
    (void)state;
    struct prophet *prophet = fitted(PROPHET_MULTIPLICATIVE), *loaded;
    struct prophet_rows rows = rows_of(0, ROWS);
    struct buf data;
    struct prng prng;
    prng_init(&prng, 9);
    buf_init(&data, PROPHET_STORE_BYTES_MAX);
    prophet_save(prophet, &data);
    refuses((struct str){data.data, 0}, FW_FOREIGN);
    refuses((struct str){data.data, 19}, FW_FOREIGN);
    refuses(STR("FWPROPHX and then some more bytes"), FW_FOREIGN);
    for (size_t cut = 20; cut < data.len; cut += 37)
        refuses((struct str){data.data, cut}, FW_CORRUPT);
    data.data[8]++;
    refuses(buf_str(&data), FW_VERSION);
    data.data[8]--;
    size_t taken = 0;
    for (int i = 0; i < 3000; i++) {
        size_t at =
            20 + (i < 1000 ? (size_t)i % (data.len - 20) : prng_below(&prng, data.len - 20));
        char kept = data.data[at];
        data.data[at] = (char)prng_next(&prng);
        if (data.data[at] != kept)
            refuses(buf_str(&data), FW_CORRUPT);
        uint64_t sum = str_hash(data.data + 20, data.len - 20, 1);
        struct buf head;
        buf_init(&head, 100);
        buf_put_u64(&head, sum);
        memcpy(data.data + 12, head.data, 8);
        buf_fini(&head);
        struct fw_detail detail = {0};
        if (prophet_load(buf_str(&data), &loaded, &detail) == FW_OK) {
            struct prophet_forecast forecast;
            taken++;
            if (i % 50 == 0 && prophet_predict(loaded, &rows, &forecast, &detail) == FW_OK)
                prophet_forecast_fini(&forecast);
            prophet_destroy(&loaded);
        }
        data.data[at] = kept;
        sum = str_hash(data.data + 20, data.len - 20, 1);
        buf_init(&head, 100);
        buf_put_u64(&head, sum);
        memcpy(data.data + 12, head.data, 8);
        buf_fini(&head);
    }
    assert_true(taken > 0);
    prophet_destroy(&prophet);
    buf_fini(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_loaded_is_what_was_saved),
        cmocka_unit_test(damage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

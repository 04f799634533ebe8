/* SPDX-License-Identifier: MIT
 * The size of spikes (D3): a planted law of sizes is found, its quantiles hold on later spikes, and
 * models come back from their bytes as they were; what is no model is refused. */
#include "base/prng.h"
#include "forecast/spikes_size.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DAY = 24, SERIES = 16, LENGTH = 40 * DAY, KNOWN = 28 * DAY, SAID = LENGTH - KNOWN };
static const struct spikes_rules rules = {.times = 2, .ahead = 1, .day = DAY};
static double values[SERIES][LENGTH];
static struct spikes_series series[SERIES];

/* Noise; now and then a value of 1.3 or 1.7 times the usual, after it a spike of about 3 or 8 times
 * it. */
static void plant(double y[LENGTH], uint64_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    for (int t = 0; t < LENGTH; t++)
        y[t] = 100 * exp(prng_normal(&prng, 0, .03));
    for (int t = 5; t + 9 < LENGTH; t++)
        if (prng_uniform(&prng) < .04) {
            bool large = prng_uniform(&prng) < .5;
            y[t] *= large ? 1.7 : 1.3;
            y[t + 1] *= (large ? 8 : 3) * exp(prng_normal(&prng, 0, .1));
            t += 9;
        }
}

static struct spikes_settings settings_for(void)
{
    struct spikes_settings settings = spikes_defaults;
    settings.rules = rules;
    settings.calibrate = 8 * DAY;
    for (int i = 0; i < SERIES; i++) {
        plant(values[i], 50 + (uint64_t)i);
        series[i] = (struct spikes_series){values[i], KNOWN};
    }
    return settings;
}

static struct spikes_size *train(void)
{
    struct spikes_settings settings = settings_for();
    struct spikes_size *size = NULL;
    struct fw_detail detail = {""};
    assert_int_equal(spikes_size_train(&size, series, SERIES, &settings, &detail), FW_OK);
    return size;
}

static void test_a_planted_law_is_found(void **state)
{
    (void)state;
    struct fw_detail detail = {""};
    double times[SPIKES_SIZE_LEVELS * SAID], below[SPIKES_SIZE_LEVELS] = {0}, sums[2] = {0};
    int spikes = 0, kinds[2] = {0};
    struct spikes_size *size = train();
    for (int i = 0; i < SERIES; i++) {
        assert_int_equal(spikes_size_predict(size, values[i], KNOWN, SAID, times, &detail), FW_OK);
        for (int k = 0; k < SAID; k++) {
            double ratio = values[i][KNOWN + k] / spikes_reference(values[i], KNOWN + k, &rules);
            if (!(ratio > rules.times))
                continue;
            int large = values[i][KNOWN + k - 1] > 150;
            spikes++;
            kinds[large]++;
            sums[large] += times[k];
            for (int level = 0; level < SPIKES_SIZE_LEVELS; level++)
                below[level] += ratio <= times[level * SAID + k];
        }
        for (int k = 0; k < SAID; k++)
            assert_true(times[k] >= rules.times && times[SAID + k] >= times[k]);
    }
    assert_true(kinds[0] > 40 && kinds[1] > 40);
    assert_float_equal(sums[0] / kinds[0], 3, .6);
    assert_float_equal(sums[1] / kinds[1], 8, 1.5);
    assert_float_equal(below[0] / spikes, .5, .15);
    assert_float_equal(below[1] / spikes, .9, .07);
    spikes_size_free(&size);
}

static void test_too_little(void **state)
{
    (void)state;
    struct fw_detail detail = {""};
    struct spikes_settings settings = settings_for();
    struct spikes_size *none = NULL;
    double flat[LENGTH] = {0}, times[SPIKES_SIZE_LEVELS * 2];
    assert_int_equal(spikes_size_train(&none, series, 1, &settings, &detail), FW_INPUT);
    assert_null(none);
    assert_non_null(strstr(detail.text, "at least 20"));
    struct spikes_size *size = train();
    assert_int_equal(spikes_size_predict(size, flat, 3 * DAY, 2, times, &detail), FW_OK);
    for (int i = 0; i < SPIKES_SIZE_LEVELS * 2; i++)
        assert_true(isnan(times[i]));
    spikes_size_free(&size);
}

/* Both models, what they say before and after. */
static void test_bytes_and_back(void **state)
{
    (void)state;
    struct fw_detail detail = {""};
    struct spikes_settings settings = settings_for();
    double sizes[2][SPIKES_SIZE_LEVELS * SAID], p[2][SAID];
    struct spikes_size *size = train(), *size_again = NULL;
    struct spikes *spikes = NULL, *again = NULL;
    struct buf bytes;
    buf_init(&bytes, 1 << 26);
    settings.rounds = 20;
    assert_int_equal(spikes_train(&spikes, series, SERIES, &settings, &detail), FW_OK);
    assert_int_equal(spikes_save(spikes, &bytes, &detail), FW_OK);
    assert_int_equal(spikes_size_save(size, &bytes, &detail), FW_OK);
    struct buf_reader in = {.data = (const uint8_t *)bytes.data, .len = bytes.len};
    assert_int_equal(spikes_load(&again, &in, &detail), FW_OK);
    assert_int_equal(spikes_size_load(&size_again, &in, &detail), FW_OK);
    assert_int_equal(in.at, bytes.len);
    assert_memory_equal(spikes_rules_of(again), spikes_rules_of(spikes), sizeof rules);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            spikes_predict(i == 0 ? spikes : again, values[0], KNOWN, SAID, p[i], &detail), FW_OK);
        assert_int_equal(spikes_size_predict(i == 0 ? size : size_again, values[0], KNOWN, SAID,
                                             sizes[i], &detail),
                         FW_OK);
    }
    assert_memory_equal(p[0], p[1], sizeof p[0]);
    assert_memory_equal(sizes[0], sizes[1], sizeof sizes[0]);
    spikes_free(&spikes);
    spikes_free(&again);
    spikes_size_free(&size);
    spikes_size_free(&size_again);
    buf_fini(&bytes);
}

/* Cut short anywhere before the trees' own bytes, of another version, or with a rule that is none.
 */
static void test_no_model(void **state)
{
    (void)state;
    struct fw_detail detail = {""};
    struct spikes_size *size = train(), *none = NULL;
    struct buf bytes;
    buf_init(&bytes, 1 << 26);
    assert_int_equal(spikes_size_save(size, &bytes, &detail), FW_OK);
    for (size_t len = 4; len < 200; len += 7) {
        struct buf_reader in = {.data = (const uint8_t *)bytes.data, .len = len};
        assert_int_equal(spikes_size_load(&none, &in, &detail), FW_CORRUPT);
        assert_null(none);
    }
    struct buf_reader in = {.data = (const uint8_t *)bytes.data, .len = bytes.len};
    bytes.data[0]++;
    assert_int_equal(spikes_size_load(&none, &in, &detail), FW_VERSION);
    bytes.data[0]--;
    bytes.data[16] = 7; /* steps of a day */
    in.at = 0;
    assert_int_equal(spikes_size_load(&none, &in, &detail), FW_CORRUPT);
    assert_null(none);
    spikes_size_free(&size);
    buf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_planted_law_is_found),
        cmocka_unit_test(test_too_little),
        cmocka_unit_test(test_bytes_and_back),
        cmocka_unit_test(test_no_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * A walk kept as bytes (D15): what it says next is the same to the last bit; a longer series is
 * walked on, whether in one go or in several; damaged bytes are refused at every length. */
#include "base/prng.h"
#include "forecast/ensemble.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { HOURS = 24 * 7 * 8, AHEAD = 36, ORIGINS = 30, BYTES_MAX = 1 << 26 };
static const double TAU = 6.283185307179586;
static const int64_t HOUR_NS = INT64_C(3600) * 1000000000;

static void make(double *y)
{
    struct prng prng;
    double noise = 0;
    prng_init(&prng, 3);
    for (int t = 0; t < HOURS; t++) {
        noise = .8 * noise + prng_normal(&prng, 0, .1);
        y[t] =
            t % 97 == 5 ? NAN : 100 * exp(.6 * sin(TAU * t / 24) + .2 * sin(TAU * t / 168) + noise);
    }
}

/* The last thing said; the state as it was kept. */
static void finish(struct ensemble **ensemble, double said[AHEAD], struct buf *state)
{
    struct ensemble_said last;
    struct fw_detail detail = {""};
    bool kept = state == NULL, more = true;
    while (more) {
        if (!kept && ensemble_ends_early(*ensemble)) {
            assert_int_equal(ensemble_save(*ensemble, state, &detail), FW_OK);
            kept = true;
        }
        more = ensemble_step(*ensemble, &last);
    }
    if (!kept)
        assert_int_equal(ensemble_save(*ensemble, state, &detail), FW_OK);
    for (int h = 0; h < AHEAD; h++)
        said[h] = last.mean[h] + 3 * last.quantiles[6][h] +
                  5 * ensemble_quantile(*ensemble, h + 1, .83) + 7 * last.naive[h];
    ensemble_free(ensemble);
}

static void train(const double *y, int n, double said[AHEAD], struct buf *state)
{
    struct ensemble *ensemble = NULL;
    struct ensemble_settings settings = ensemble_defaults;
    struct fw_detail detail = {""};
    settings.plan = (struct members_plan){.day = 24,
                                          .week = 168,
                                          .horizon = AHEAD,
                                          .first = n - 12 * (ORIGINS - 1),
                                          .spacing = 12,
                                          .count = ORIGINS,
                                          .start_ns = 490896 * HOUR_NS,
                                          .step_ns = HOUR_NS,
                                          .without = 1u << MEMBERS_BOOST};
    assert_int_equal(ensemble_create(&ensemble, y, n, &settings, &detail), FW_OK);
    finish(&ensemble, said, state);
}

static enum fw_err load(struct ensemble **ensemble, const double *y, int n, const char *bytes,
                        size_t len)
{
    struct fw_detail detail = {""};
    struct buf_reader in = {.data = (const uint8_t *)bytes, .len = len};
    return ensemble_load(ensemble, y, n, NULL, &in, &detail);
}

static void go_on(const double *y, int n, const struct buf *from, double said[AHEAD],
                  struct buf *state)
{
    struct ensemble *ensemble = NULL;
    assert_int_equal(load(&ensemble, y, n, from->data, from->len), FW_OK);
    assert_int_equal(ensemble_plan(ensemble)->horizon, AHEAD);
    finish(&ensemble, said, state);
}

static void the_same_again(void **state)
{
    (void)state;
    static double y[HOURS];
    double said[AHEAD], again[AHEAD];
    struct buf first, second;
    make(y);
    buf_init(&first, BYTES_MAX);
    buf_init(&second, BYTES_MAX);
    train(y, HOURS, said, &first);
    go_on(y, HOURS, &first, again, &second);
    assert_memory_equal(said, again, sizeof said);
    buf_fini(&first);
    buf_fini(&second);
}

/* To 1000, then on to 1030 (between two origins) and 1051, or there at once. */
static void the_same_in_steps(void **state)
{
    (void)state;
    static double y[HOURS];
    double said[AHEAD], between[AHEAD], steps[AHEAD], once[AHEAD];
    struct buf first, second, third, fourth;
    struct buf *all[] = {&first, &second, &third, &fourth};
    make(y);
    for (int i = 0; i < 4; i++)
        buf_init(all[i], BYTES_MAX);
    train(y, 1000, said, &first);
    go_on(y, 1030, &first, between, &second);
    go_on(y, 1051, &second, steps, &third);
    go_on(y, 1051, &first, once, &fourth);
    assert_memory_equal(steps, once, sizeof steps);
    assert_true(third.len == fourth.len && memcmp(third.data, fourth.data, third.len) == 0);
    assert_true(memcmp(said, between, sizeof said) != 0);
    go_on(y, 1030, &second, once, NULL);
    assert_memory_equal(between, once, sizeof once);
    for (int i = 0; i < 4; i++)
        buf_fini(all[i]);
}

static void damaged(void **state)
{
    (void)state;
    static double y[HOURS];
    double said[AHEAD];
    struct ensemble *ensemble = NULL;
    struct buf bytes;
    make(y);
    buf_init(&bytes, BYTES_MAX);
    train(y, HOURS, said, &bytes);
    for (size_t len = 0; len < bytes.len; len += len < 200 ? 1 : bytes.len / 20 + 1) {
        enum fw_err err = load(&ensemble, y, HOURS, bytes.data, len);
        assert_true(err == FW_CORRUPT || err == FW_VERSION || err == FW_FOREIGN);
        assert_null(ensemble);
    }
    char version = bytes.data[0];
    bytes.data[0] = 9;
    assert_int_equal(load(&ensemble, y, HOURS, bytes.data, bytes.len), FW_VERSION);
    bytes.data[0] = version;
    /* The series has become shorter, or has what has no logarithm. */
    assert_int_equal(load(&ensemble, y, HOURS - 1, bytes.data, bytes.len), FW_CORRUPT);
    static double longer[HOURS + 1];
    memcpy(longer, y, sizeof y);
    longer[HOURS] = -1;
    assert_int_equal(load(&ensemble, longer, HOURS + 1, bytes.data, bytes.len), FW_INPUT);
    buf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_again),
        cmocka_unit_test(the_same_in_steps),
        cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * When to train again (D15, D16): silence while errors are as they were, an alarm when they grow or
 * take a side, nothing where too little was trained on; kept and read back. */
#include "base/prng.h"
#include "forecast/drift.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { VALUES = 12 };

static void go(struct drift *drift, struct prng *prng, int stretches, double size, double side)
{
    for (int i = 0; i < stretches; i++) {
        struct drift_stretch stretch = {.cases = VALUES};
        for (int t = 0; t < VALUES; t++) {
            double error = prng_normal(prng, side, size);
            stretch.absolute += 10 * fabs(error);
            stretch.size += fabs(error);
            stretch.side += error;
            stretch.over_p95 += error > 1.645;
        }
        drift_add(drift, &stretch);
    }
}

static struct drift trained(struct prng *prng, int stretches)
{
    struct drift drift = {0};
    go(&drift, prng, stretches, 1, 0);
    drift.watching = true;
    return drift;
}

static void silent_while_nothing_changes(void **state)
{
    (void)state;
    struct prng prng;
    int alarms = 0;
    prng_init(&prng, 5);
    for (int i = 0; i < 200; i++) {
        struct drift drift = trained(&prng, 60);
        go(&drift, &prng, 28, 1, 0); /* two weeks of half days */
        struct drift_verdict verdict = drift_judge(&drift);
        assert_true(verdict.known);
        alarms += verdict.cause != DRIFT_NONE;
        assert_true(fabs(verdict.recent - verdict.validated) < 3);
        assert_true(fabs(verdict.p95_coverage - .95) < .06);
    }
    assert_true(alarms <= 40); /* a mean and a deviation of 60 are not known exactly */
}

static void alarms(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 6);
    for (int i = 0; i < 20; i++) {
        struct drift drift = trained(&prng, 60);
        go(&drift, &prng, 10, 2, 0);
        assert_int_equal(drift_judge(&drift).cause, DRIFT_SIZE);
        assert_true(drift_judge(&drift).recent > 1.5 * drift_judge(&drift).validated);
        drift = trained(&prng, 60);
        go(&drift, &prng, 20, 1, .6);
        assert_int_equal(drift_judge(&drift).cause, DRIFT_ABOVE);
        drift = trained(&prng, 60);
        go(&drift, &prng, 20, 1, -.6);
        assert_int_equal(drift_judge(&drift).cause, DRIFT_BELOW);
    }
}

static void too_little(void **state)
{
    (void)state;
    struct prng prng;
    struct drift none = {0};
    prng_init(&prng, 7);
    struct drift drift = trained(&prng, DRIFT_REFERENCE_MIN - 1);
    go(&drift, &prng, 50, 9, 0);
    assert_false(drift_judge(&drift).known);
    assert_int_equal(drift_judge(&drift).cause, DRIFT_NONE);
    assert_true(isnan(drift_judge(&none).p95_coverage) && drift_judge(&none).recent <= 0);
    drift_add(&none, &(struct drift_stretch){0}); /* a hole */
    assert_int_equal(none.trained, 0);
    /* A forecast that was never wrong has no spread: any error is far, and none is endless. */
    drift = (struct drift){0};
    go(&drift, &prng, 20, 0, 0);
    drift.watching = true;
    go(&drift, &prng, 4, 1, 0);
    assert_int_equal(drift_judge(&drift).cause, DRIFT_SIZE);
    assert_true(isfinite(drift_judge(&drift).sum));
}

static void kept(void **state)
{
    (void)state;
    struct prng prng;
    struct buf bytes, again;
    struct drift back;
    prng_init(&prng, 8);
    struct drift drift = trained(&prng, 30);
    go(&drift, &prng, 7, 1.3, .1);
    buf_init(&bytes, 4096);
    buf_init(&again, 4096);
    drift_save(&drift, &bytes);
    struct buf_reader in = {.data = (const uint8_t *)bytes.data, .len = bytes.len};
    drift_load(&back, &in);
    assert_false(in.failed);
    drift_save(&back, &again);
    assert_true(bytes.len == again.len && memcmp(bytes.data, again.data, bytes.len) == 0);
    for (size_t len = 0; len < bytes.len; len++) {
        in = (struct buf_reader){.data = (const uint8_t *)bytes.data, .len = len};
        drift_load(&back, &in);
        assert_true(in.failed);
    }
    buf_fini(&bytes);
    buf_fini(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silent_while_nothing_changes),
        cmocka_unit_test(alarms),
        cmocka_unit_test(too_little),
        cmocka_unit_test(kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

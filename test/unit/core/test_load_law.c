/* SPDX-License-Identifier: MIT
 * Load times: what a few loads of one resource say beside the loads of all. */
#include "base/prng.h"
#include "base/time.h"
#include "core/coder.h"
#include "core/load_law.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define S TIME_SECOND

static double expected_s(const struct load_law *law, uint32_t count, double median_s)
{
    int64_t median_ns = time_from_seconds(median_s);
    return time_to_seconds(load_law_expected(law, count, median_ns, load_law_log_s(median_ns)));
}

/* `spread`: of the logarithm within a resource; `apart`: between resources. */
static struct load_law law_of(double spread, double apart)
{
    struct load_law law;
    struct prng prng;
    load_law_init(&law);
    prng_init(&prng, 8);
    for (int resource = 0; resource < 60; resource++) {
        double own = log(20) + apart * prng_normal(&prng, 0, 1);
        int64_t previous_ns = -1;
        for (int i = 0; i < 8; i++) {
            int64_t load_ns = time_from_seconds(exp(own + spread * prng_normal(&prng, 0, 1)));
            load_law_add(&law, load_ns, previous_ns);
            previous_ns = load_ns;
        }
    }
    return law;
}

static void little_is_known_at_first(void **state)
{
    (void)state;
    struct load_law law;
    load_law_init(&law);
    assert_int_equal(load_law_general(&law, 77 * S), 77 * S);
    assert_int_equal(load_law_lead(&law, 9 * S), 9 * S);
    assert_true(expected_s(&law, 1, 30) == 30);
    for (int i = 0; i < 4; i++)
        load_law_add(&law, 10 * S, i > 0 ? 10 * S : -1);
    assert_true(fabs(time_to_seconds(load_law_general(&law, 77 * S)) - 10) < 1e-6);
    assert_true(expected_s(&law, 1, 30) == 30); /* no spread within: a load is what it is */
}

static void where_all_are_alike_one_load_says_little(void **state)
{
    (void)state;
    struct load_law law = law_of(0.6, 0);
    double general = time_to_seconds(load_law_general(&law, 0));
    assert_true(general > 20 && general < 29); /* 20 exp(0.18), give or take */
    assert_true(fabs(expected_s(&law, 1, 80) / general - 1) < 0.35);
    assert_true(expected_s(&law, 8, 80) > expected_s(&law, 1, 80));
    assert_true(expected_s(&law, 1, 80) > expected_s(&law, 1, 5));
}

static void where_each_has_its_own_the_first_load_tells(void **state)
{
    (void)state;
    struct load_law law = law_of(0.05, 1.0);
    assert_true(fabs(expected_s(&law, 1, 4) - 4) < 0.2);
    assert_true(fabs(expected_s(&law, 1, 120) - 120) < 4);
}

static void leads_grow_with_the_spread(void **state)
{
    (void)state;
    struct load_law even = law_of(0, 1), some = law_of(0.2, 1), wide = law_of(0.6, 1);
    assert_int_equal(load_law_lead(&even, 20 * S), 20 * S);
    int64_t a = load_law_lead(&some, 20 * S), b = load_law_lead(&wide, 20 * S);
    assert_true(a > 22 * S && a < 24 * S);
    assert_true(b > 27 * S && b < 31 * S);
}

static void saves_and_loads_alike(void **state)
{
    (void)state;
    struct load_law law = law_of(0.3, 0.3), again;
    struct buf bytes;
    buf_init(&bytes, 1 << 12);
    load_law_code(&law, &(struct coder){.out = &bytes});
    struct buf_reader in = {.data = (const uint8_t *)bytes.data, .len = bytes.len};
    load_law_init(&again);
    load_law_code(&again, &(struct coder){.in = &in});
    assert_false(in.failed);
    assert_memory_equal(&again, &law, sizeof law);
    load_law_add(&law, 33 * S, 20 * S);
    load_law_add(&again, 33 * S, 20 * S);
    assert_memory_equal(&again, &law, sizeof law);
    double damaged = NAN;
    memcpy(bytes.data + sizeof(double), &damaged, sizeof damaged);
    in = (struct buf_reader){.data = (const uint8_t *)bytes.data, .len = bytes.len};
    load_law_code(&again, &(struct coder){.in = &in});
    assert_true(in.failed);
    buf_fini(&bytes);
}

/* Loads of no time, and of ages, leave numbers that can be used. */
static void extremes_do_no_harm(void **state)
{
    (void)state;
    struct load_law law;
    load_law_init(&law);
    int64_t previous_ns = -1;
    for (int i = 0; i < 100; i++) {
        int64_t load_ns = i % 2 ? 0 : 400 * TIME_DAY;
        load_law_add(&law, load_ns, previous_ns);
        previous_ns = load_ns;
    }
    int64_t lead_ns = load_law_lead(&law, TIME_DAY);
    assert_true(lead_ns >= TIME_DAY && lead_ns < TIME_NEVER);
    double expected = expected_s(&law, 3, 0);
    assert_true(expected >= 0 && isfinite(expected));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(little_is_known_at_first),
        cmocka_unit_test(where_all_are_alike_one_load_says_little),
        cmocka_unit_test(where_each_has_its_own_the_first_load_tells),
        cmocka_unit_test(leads_grow_with_the_spread),
        cmocka_unit_test(saves_and_loads_alike),
        cmocka_unit_test(extremes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

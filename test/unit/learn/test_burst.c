/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/time.h"
#include "learn/burst.h"
#include <math.h>

#define S          TIME_SECOND
#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-9)

static void a_cluster_counts_everybody_who_would_have_waited(void **state)
{
    (void)state;
    struct burst burst = {0};
    int64_t load_ns = 10 * S;
    burst_learn(&burst, 0, -1, load_ns);
    NEAR(burst_wait_s(&burst, load_ns), 10);      /* nothing known: the first request's own wait */
    burst_learn(&burst, 4 * S, 4 * S, load_ns);   /* + 6 */
    burst_learn(&burst, 9 * S, 5 * S, load_ns);   /* + 1 */
    burst_learn(&burst, 10 * S, S, load_ns);      /* loaded by then */
    burst_learn(&burst, 30 * S, 20 * S, load_ns); /* a gap of 2 L opens none */
    NEAR(burst_wait_s(&burst, load_ns), 10);
    burst_learn(&burst, 51 * S, 21 * S, load_ns); /* one above does */
    NEAR(burst_wait_s(&burst, load_ns), 17);
    burst_learn(&burst, 100 * S, 49 * S, load_ns);
    NEAR(burst_wait_s(&burst, load_ns), 0.97 * 17 + 0.03 * 10);
    NEAR(burst_wait_s(&burst, 60 * S), 60); /* never below L */
}

static void survives_saving(void **state)
{
    (void)state;
    struct burst burst = {.began_ns = -5, .waited_ns = 7, .average_s = 1.25}, read = {0};
    struct buf out;
    buf_init(&out, 1000);
    burst_save(&burst, &out);
    struct buf_reader in = {(const uint8_t *)out.data, out.len, 0, false};
    assert_true(burst_load(&read, &in));
    assert_int_equal(read.began_ns, -5);
    assert_int_equal(read.waited_ns, 7);
    assert_true(read.average_s == 1.25);
    struct buf_reader cut = {(const uint8_t *)out.data, out.len - 1, 0, false};
    assert_false(burst_load(&read, &cut));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cluster_counts_everybody_who_would_have_waited),
        cmocka_unit_test(survives_saving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

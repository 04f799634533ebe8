/* SPDX-License-Identifier: MIT
 * Waits: quantiles as by sorting all of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "base/stats.h"
#include "sim/cache_waits.h"

enum { COUNT = 997, ALL = 1000 };

static void quantiles_are_those_of_all(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 2);
    for (int round = 0; round < 50; round++) {
        struct cache_waits waits;
        struct cache_waits_summary summary;
        int64_t sorted[COUNT];
        int64_t span = 1 + (int64_t)prng_below(&prng, 4 * ALL);
        double total = 0;
        cache_waits_init(&waits, ALL);
        for (int i = 0; i < COUNT; i++) {
            int64_t wait = (int64_t)prng_below(&prng, (uint64_t)span) - span / 3;
            wait = wait < 0 ? 0 : (wait > ALL ? ALL : wait);
            assert_int_equal(cache_waits_add(&waits, wait), FW_OK);
            sorted[i] = wait;
            total += (double)wait;
        }
        stats_sort_int64(sorted, COUNT);
        cache_waits_summary(&waits, &summary);
        assert_true(summary.mean_ns - total / COUNT < 1e-6 &&
                    total / COUNT - summary.mean_ns < 1e-6);
        assert_int_equal(summary.p50_ns, sorted[(COUNT * 50 + 99) / 100 - 1]);
        assert_int_equal(summary.p95_ns, sorted[(COUNT * 95 + 99) / 100 - 1]);
        assert_int_equal(summary.p99_ns, sorted[(COUNT * 99 + 99) / 100 - 1]);
        cache_waits_clear(&waits);
        cache_waits_summary(&waits, &summary);
        assert_true(summary.mean_ns == 0 && summary.p99_ns == 0);
        cache_waits_fini(&waits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_those_of_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

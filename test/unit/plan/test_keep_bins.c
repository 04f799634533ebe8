/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "plan/keep_bins.h"
#include <math.h>
#include <string.h>

#define S TIME_SECOND

static struct keep_bins bits(const char *text)
{
    struct keep_bins bins = {0};
    for (uint32_t k = 0; text[k]; k++)
        if (text[k] == '#') {
            if (k < 64)
                bins.low |= UINT64_C(1) << k;
            else
                bins.high |= (uint16_t)(1u << (k - 64));
        }
    return bins;
}

static void bins_become_windows(void **state)
{
    (void)state;
    struct keep_plan plan;
    keep_bins_plan(bits("##..#"), &plan);
    assert_int_equal(plan.count, 2);
    assert_int_equal(plan.windows[0].start_ns, 0);
    assert_int_equal(plan.windows[0].end_ns, gaps_edges_ns[2]);
    assert_int_equal(plan.windows[1].start_ns, gaps_edges_ns[4]);
    assert_int_equal(plan.windows[1].end_ns, gaps_edges_ns[5]);
    struct keep_bins all = keep_bins_fill((struct keep_bins){0}, 80);
    keep_bins_plan(all, &plan);
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.windows[0].end_ns, 72 * TIME_HOUR);
    assert_int_equal(keep_bins_first_end(bits("###.#")), 3);
    assert_int_equal(keep_bins_first_end(bits(".##")), 0);
    assert_int_equal(keep_bins_first_end(all), 79);
    for (uint32_t count = 0; count <= 80; count++) {
        struct keep_bins bins = keep_bins_fill((struct keep_bins){0}, count);
        for (uint32_t k = 0; k < 80; k++)
            assert_int_equal(keep_bins_ready(bins, k), k < count);
    }
}

static void at_most_sixteen_windows(void **state)
{
    (void)state;
    struct keep_bins bins = keep_bins_limit((struct keep_bins){0x5555555555555555u, 0x5555});
    struct keep_plan plan;
    keep_bins_plan(bins, &plan);
    assert_int_equal(plan.count, 16);
    assert_true(bins.high == 0 && bins.low == 0x55555555u);
}

static struct keep_bins random_bins(struct prng *prng)
{
    struct keep_bins bins = {prng_next(prng), (uint16_t)prng_next(prng)};
    if (prng_below(prng, 2)) { /* fewer, longer windows */
        bins.low &= ~(prng_next(prng) | prng_next(prng));
        bins.high &= (uint16_t)prng_next(prng);
    }
    return keep_bins_limit(bins);
}

static void outcomes_are_those_of_the_plan(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 5);
    for (int i = 0; i < 50000; i++) {
        struct keep_bins bins = random_bins(&prng);
        struct keep_plan plan;
        keep_bins_plan(bins, &plan);
        assert_true(keep_valid(&plan));
        int64_t gap_ns = (int64_t)(exp(prng_uniform(&prng) * 13) * 1e9);
        if (prng_below(&prng, 4) == 0)
            gap_ns = gaps_edges_ns[prng_below(&prng, 81)];
        int64_t load_ns = (int64_t)prng_below(&prng, 60) * S;
        struct keep_outcome a = keep_bins_outcome(bins, gap_ns, load_ns),
                            b = keep_outcome(&plan, gap_ns, load_ns);
        assert_int_equal(a.idle_ns, b.idle_ns);
        assert_int_equal(a.loads, b.loads);
        assert_int_equal(a.wait_ns, b.wait_ns);
    }
}

static void random_law(struct prng *prng, double *mass, double *cold)
{
    bool sparse = prng_below(prng, 2);
    for (int k = 0; k < GAPS_BINS; k++) {
        mass[k] = prng_exponential(prng, 1) * (sparse && prng_below(prng, 8) ? 0.001 : 1);
        cold[k] = 11 + prng_exponential(prng, 1) * exp(prng_uniform(prng) * 12);
    }
}

/* Every time to stop there is, 80 edges and never: none is cheaper than the one chosen. */
static void stopping_is_best_of_all_times(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 11);
    uint32_t chosen_ends[GAPS_BINS + 1] = {0}, kinds = 0;
    for (int i = 0; i < 3000; i++) {
        double mass[GAPS_BINS], cold[GAPS_BINS], least = INFINITY;
        random_law(&prng, mass, cold);
        struct keep_bins chosen = keep_bins_stop(mass, cold);
        uint32_t end = 0;
        while (keep_bins_ready(chosen, end))
            end++;
        kinds += chosen_ends[end]++ == 0;
        for (uint32_t k = end; k < GAPS_BINS; k++)
            assert_false(keep_bins_ready(chosen, k));
        for (uint32_t stop = 0; stop <= GAPS_BINS; stop++) {
            double cost =
                keep_bins_expected_s(keep_bins_fill((struct keep_bins){0}, stop), mass, cold, 0);
            if (cost < least)
                least = cost;
        }
        double found = keep_bins_expected_s(chosen, mass, cold, 0);
        assert_true(found <= least * (1 + 1e-12));
    }
    assert_true(kinds > 10); /* the cases do differ */
}

/* Against every plan over the last bins (the others are made worthless by putting all the mass
 * there). */
static void windows_are_best_of_all_plans(void **state)
{
    (void)state;
    enum { LAST = 12 };
    struct prng prng;
    prng_init(&prng, 13);
    uint32_t with_reload = 0;
    for (int i = 0; i < 150; i++) {
        double mass[GAPS_BINS], cold[GAPS_BINS], least = INFINITY,
                                                 load_s = 1 + prng_exponential(&prng, 2000);
        memset(mass, 0, sizeof mass);
        memset(cold, 0, sizeof cold);
        for (int k = GAPS_BINS - LAST; k < GAPS_BINS; k++) {
            mass[k] = prng_exponential(&prng, 1) * (prng_below(&prng, 3) ? 0.01 : 1);
            cold[k] = load_s + prng_exponential(&prng, 30000);
        }
        struct keep_bins chosen = keep_bins_windows(mass, cold, load_s);
        double found = keep_bins_expected_s(chosen, mass, cold, load_s);
        for (uint32_t plan = 0; plan < 1u << LAST; plan++) {
            struct keep_bins bins = {0};
            for (uint32_t k = 0; k < LAST; k++)
                if (plan >> k & 1) {
                    uint32_t bin = GAPS_BINS - LAST + k;
                    if (bin < 64)
                        bins.low |= UINT64_C(1) << bin;
                    else
                        bins.high |= (uint16_t)(1u << (bin - 64));
                }
            double cost = keep_bins_expected_s(bins, mass, cold, load_s);
            if (cost < least)
                least = cost;
        }
        assert_true(found <= least * (1 + 1e-12));
        struct keep_plan plan;
        keep_bins_plan(chosen, &plan);
        with_reload += plan.count > 0;
    }
    assert_true(with_reload > 30);
}

/* Requests always come after 100-120 s: gone until then, ready by then, whatever a cold start costs
 * above L. */
static void a_regular_resource_is_loaded_just_before(void **state)
{
    (void)state;
    double mass[GAPS_BINS] = {0}, cold[GAPS_BINS];
    uint32_t bin = gaps_bin(110 * S);
    mass[bin] = 1;
    for (int k = 0; k < GAPS_BINS; k++)
        cold[k] = 11 + 54 * 11;
    struct keep_bins chosen = keep_bins_windows(mass, cold, 11);
    assert_true(keep_bins_ready(chosen, bin));
    assert_false(keep_bins_ready(chosen, bin - 1));
    assert_false(keep_bins_ready(chosen, 0));
    assert_int_equal(keep_bins_first_end(chosen), 0);
    chosen = keep_bins_stop(
        mass, cold); /* without a second load keeping is right: 117 s of warmth against 605 */
    assert_int_equal(keep_bins_first_end(chosen), bin + 1);
    for (int k = 0; k < GAPS_BINS; k++)
        cold[k] = 50;
    chosen = keep_bins_stop(mass, cold);
    assert_false(keep_bins_ready(chosen, 0));
}

static bool same(struct keep_bins a, struct keep_bins b)
{
    return a.low == b.low && a.high == b.high;
}

/* One pass over two laws chooses what three passes choose, for laws with holes in them too. */
static void three_at_once_are_the_same_plans(void **state)
{
    (void)state;
    struct prng prng;
    uint32_t with_reload = 0, differ = 0;
    prng_init(&prng, 17);
    for (int i = 0; i < 5000; i++) {
        double law[GAPS_BINS], cold[GAPS_BINS], mass[GAPS_BINS], own[GAPS_BINS],
            load_s = 1 + prng_exponential(&prng, i % 2 ? 10 : 1000);
        struct gaps_kept kept = {0};
        random_law(&prng, law, cold);
        for (int k = 0; k < GAPS_BINS; k++) {
            float count = prng_below(&prng, 6) ? 0 : (float)prng_exponential(&prng, 100);
            if (count > 0) {
                assert_int_equal(gaps_kept_add(&kept, (uint32_t)k), FW_OK);
                kept.counts[gaps_kept_place(&kept, (uint32_t)k)] = count;
            }
            law[k] = prng_below(&prng, 4) || i % 3 ? law[k] : 0;
            mass[k] = (double)count + 20 * law[k];
            own[k] = (double)count + 1.0 * law[k];
        }
        struct keep_bins_three three = keep_bins_three(&kept, law, 20, 1, cold, load_s);
        gaps_kept_fini(&kept);
        assert_true(same(three.stop, keep_bins_stop(mass, cold)));
        assert_true(same(three.windows, keep_bins_windows(mass, cold, load_s)));
        assert_true(same(three.windows_own, keep_bins_windows(own, cold, load_s)));
        struct keep_plan plan;
        keep_bins_plan(three.windows_own, &plan);
        with_reload += plan.count > 1;
        differ += !same(three.windows, three.windows_own);
    }
    assert_true(with_reload > 500 && differ > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bins_become_windows),
        cmocka_unit_test(at_most_sixteen_windows),
        cmocka_unit_test(outcomes_are_those_of_the_plan),
        cmocka_unit_test(stopping_is_best_of_all_times),
        cmocka_unit_test(windows_are_best_of_all_plans),
        cmocka_unit_test(three_at_once_are_the_same_plans),
        cmocka_unit_test(a_regular_resource_is_loaded_just_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

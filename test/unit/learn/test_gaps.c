/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/time.h"
#include "learn/gaps.h"
#include <math.h>
#include <string.h>

#define NEAR(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

static void edges_follow_the_formula(void **state)
{
    (void)state;
    double q = pow(172800.0, 1.0 / 78);
    assert_int_equal(gaps_edges_ns[0], 0);
    assert_int_equal(gaps_edges_ns[1], TIME_SECOND);
    assert_int_equal(gaps_edges_ns[79], 48 * TIME_HOUR);
    assert_int_equal(gaps_edges_ns[80], 72 * TIME_HOUR);
    for (int i = 1; i < 80; i++) {
        NEAR(gaps_edges_s[i], pow(q, i - 1), 1e-9 + 1e-12 * gaps_edges_s[i]);
        NEAR((double)gaps_edges_ns[i] / 1e9, gaps_edges_s[i], 1e-9);
    }
    for (int i = 0; i < 80; i++)
        NEAR(gaps_widths_s[i], gaps_edges_s[i + 1] - gaps_edges_s[i], 1e-9);
}

static void a_gap_on_an_edge_belongs_above_it(void **state)
{
    (void)state;
    assert_int_equal(gaps_bin(-5), 0);
    assert_int_equal(gaps_bin(0), 0);
    for (uint32_t i = 1; i < 80; i++) {
        assert_int_equal(gaps_bin(gaps_edges_ns[i]), i);
        assert_int_equal(gaps_bin(gaps_edges_ns[i] - 1), i - 1);
    }
    assert_int_equal(gaps_bin(TIME_NEVER), 79);
    for (int i = 0; i < GAPS_EIGHTHS; i++) { /* the beginnings of the eighths of octaves */
        int64_t begin_ns = (INT64_C(8) + i % 8) << (GAPS_OCTAVE + i / 8 - 3);
        uint32_t bin = gaps_eighths[i];
        assert_true(gaps_edges_ns[bin] <= begin_ns);
        assert_true(bin == GAPS_OPEN || gaps_edges_ns[bin + 1] > begin_ns);
    }
}

static void learning_fades_what_was(void **state)
{
    (void)state;
    float counts[GAPS_BINS] = {0};
    gaps_learn(counts, 5);
    gaps_learn(counts, 7);
    gaps_learn(counts, 5);
    NEAR((double)counts[5], 1 + 0.99 * 0.99, 1e-6);
    NEAR((double)counts[7], 0.99, 1e-6);
    for (int i = 0; i < 20000; i++)
        gaps_learn(counts, 3);
    NEAR((double)counts[3], 100, 1e-2); /* the most a bin can hold */
}

static void open_gaps_make_the_law_longer(void **state)
{
    (void)state;
    struct gaps_pool pool;
    double hazards[GAPS_BINS], law[GAPS_BINS];
    uint32_t open[GAPS_BINS] = {0};
    memset(&pool, 0, sizeof pool);
    pool.counts[10] = 30; /* thirty came back in bin 10, ten are still open beyond it */
    open[20] = 10;
    gaps_at_risk(open, pool.at_risk);
    assert_true(pool.at_risk[19] == 10 && pool.at_risk[20] == 0 && pool.at_risk[0] == 10);
    gaps_hazards(&pool, hazards);
    NEAR(hazards[10], 30.02 / (30 + 70 * 0.02 + 10), 1e-12);
    NEAR(hazards[79], 1, 1e-12);
    gaps_law(hazards, law);
    double sum = 0;
    for (int k = 0; k < GAPS_BINS; k++)
        sum += law[k];
    NEAR(sum, 1, 1e-12);
    double left = 1;
    for (int k = 0; k < 10; k++)
        left *= 1 - hazards[k];
    NEAR(law[10], left * hazards[10], 1e-12);
    assert_true(law[10] < 0.75 && law[10] > 0.7); /* without the open ones it would be above 0.94 */
}

static void a_part_is_drawn_towards_the_whole(void **state)
{
    (void)state;
    struct gaps_pool part;
    double prior[GAPS_BINS], hazards[GAPS_BINS];
    memset(&part, 0, sizeof part);
    for (int k = 0; k < GAPS_BINS; k++)
        prior[k] = 0.5;
    part.counts[3] = 10;
    gaps_hazards_towards(&part, prior, 20, hazards);
    NEAR(hazards[3], (10 + 20 * 0.5) / 30, 1e-12);
    NEAR(hazards[2], 10.0 / 30, 1e-12);
    NEAR(hazards[4], 0.5, 1e-12);
}

static void few_gaps_lean_on_the_law(void **state)
{
    (void)state;
    float counts[GAPS_BINS] = {0};
    double law[GAPS_BINS] = {0}, mass[GAPS_BINS], hazards[GAPS_BINS];
    law[2] = 0.5;
    law[4] = 0.5;
    counts[2] = 6;
    gaps_mass(counts, law, 4, mass);
    NEAR(mass[2], 8, 1e-12);
    NEAR(mass[4], 2, 1e-12);
    gaps_conditional(mass, hazards);
    NEAR(hazards[2], 0.8, 1e-12);
    NEAR(hazards[3], 0, 1e-12);
    NEAR(hazards[4], 1, 1e-12);
    NEAR(hazards[5], 1, 1e-12);
}

static void survival_is_linear_inside_a_bin(void **state)
{
    (void)state;
    double mass[GAPS_BINS] = {0};
    mass[0] = 1;
    mass[1] = 3;
    NEAR(gaps_survival(mass, 0), 4, 0);
    NEAR(gaps_survival(mass, TIME_SECOND / 2), 3.5, 1e-12);
    NEAR(gaps_survival(mass, TIME_SECOND), 3, 1e-12);
    NEAR(gaps_survival(mass, gaps_edges_ns[2]), 0, 1e-12);
    NEAR(gaps_probability(mass, 0, TIME_SECOND), 0.25, 1e-12);
    NEAR(gaps_probability(mass, 0, TIME_HOUR), 1, 1e-12);
    NEAR(gaps_probability(mass, TIME_SECOND / 2, TIME_SECOND / 2), 1 - 3 / 3.5, 1e-12);
    NEAR(gaps_probability(mass, TIME_HOUR, TIME_HOUR), 0, 0); /* nothing left to expect */
    mass[79] = 4;
    NEAR(gaps_probability(mass, 48 * TIME_HOUR, 12 * TIME_HOUR), 0.5, 1e-12);
    NEAR(gaps_probability(mass, 100 * TIME_HOUR, TIME_NEVER), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_follow_the_formula),
        cmocka_unit_test(a_gap_on_an_edge_belongs_above_it),
        cmocka_unit_test(learning_fades_what_was),
        cmocka_unit_test(open_gaps_make_the_law_longer),
        cmocka_unit_test(a_part_is_drawn_towards_the_whole),
        cmocka_unit_test(few_gaps_lean_on_the_law),
        cmocka_unit_test(survival_is_linear_inside_a_bin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * The last values in order of size, and the scores that stand on them, against slow code and by
 * hand. */
#include "base/prng.h"
#include "base/stats.h"
#include "forecast/novelty.h"
#include "forecast/usual.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct rank rank;

/* 0..99: median 50, outer per cent at 98 and 0, quartiles at 75 and 25. */
static void test_score_by_hand(void **state)
{
    (void)state;
    rank_init(&rank);
    for (int i = 0; i < 19; i++)
        rank_add(&rank, i);
    assert_float_equal(rank_score(&rank, 1e9), 0, 0); /* too few to tell */
    for (int i = 19; i < 100; i++)
        rank_add(&rank, i);
    assert_float_equal(rank_score(&rank, 150), 100.0 / 48, 1e-12);
    assert_float_equal(rank_score(&rank, -50), 100.0 / 50, 1e-12);
    assert_float_equal(rank_score(&rank, 50), 0, 0);
    assert_float_equal(rank_score_above(&rank, -50), 0, 0);
    assert_float_equal(rank_score_above(&rank, 98), 1, 1e-12);
    assert_float_equal(rank_score(&rank, 1e9), RANK_SCORE_MAX, 0);
    assert_float_equal(rank_p(&rank, 1000), 1.0 / 101, 1e-12);
    assert_float_equal(rank_p(&rank, 90), 11.0 / 101, 1e-12);
    assert_float_equal(rank_p(&rank, -1), 1, 1e-12);
}

/* Where one side is flat, three quarters of the interquartile range stand for it; where all is,
 * rounding. */
static void test_scale_never_vanishes(void **state)
{
    (void)state;
    rank_init(&rank);
    for (int i = 0; i < 100; i++)
        rank_add(&rank, 5);
    assert_float_equal(rank_score(&rank, 5), 0, 0);
    assert_float_equal(rank_score(&rank, 5 + 5e-6), 1, 1e-3);
    assert_float_equal(rank_score(&rank, 6), RANK_SCORE_MAX, 0);
}

static void test_oldest_leaves(void **state)
{
    (void)state;
    static double kept[3 * RANK_MAX], copy[RANK_MAX];
    struct prng prng;
    prng_init(&prng, 7);
    rank_init(&rank);
    for (size_t i = 0; i < 3 * RANK_MAX; i++) {
        kept[i] = floor(prng_normal(&prng, 0, 40)); /* with many ties */
        rank_add(&rank, kept[i]);
        size_t count = i < RANK_MAX ? i + 1 : RANK_MAX;
        assert_int_equal(rank.count, count);
        if (i % 997 != 0)
            continue;
        memcpy(copy, kept + i + 1 - count, count * sizeof *copy);
        stats_sort_doubles(copy, count);
        assert_memory_equal(copy, rank.sorted, count * sizeof *copy);
    }
}

/* Novelty by the definition: every window kept, every distance in full. */
struct slow {
    double samples[2000], windows[2000][NOVELTY_WIDTH_MAX], scores[2000];
    size_t count, kept;
};

static double slow_step(struct slow *slow, const struct novelty *novelty, double sample)
{
    uint32_t width = novelty->width;
    slow->samples[slow->count++] = sample;
    double novel = 0, sorted[2000];
    if (slow->count >= width) {
        memcpy(sorted, slow->samples, slow->count * sizeof *sorted);
        stats_sort_doubles(sorted, slow->count);
        double last = (double)(slow->count - 1);
        double scale = sorted[(size_t)(.95 * last)] - sorted[(size_t)(.05 * last)];
        double *window = slow->windows[slow->kept], mean = 0, square = 0;
        memcpy(window, slow->samples + slow->count - width, width * sizeof *window);
        for (uint32_t i = 0; i < width; i++)
            mean += window[i] / width;
        for (uint32_t i = 0; i < width; i++)
            square += (window[i] - mean) * (window[i] - mean) / width;
        for (uint32_t i = 0; i < width && novelty->shape; i++)
            window[i] = (window[i] - mean) / fmax(sqrt(square), .1 * scale);
        double best = INFINITY;
        for (size_t k = slow->kept > NOVELTY_KEPT ? slow->kept - NOVELTY_KEPT : 0; k < slow->kept;
             k++) {
            double sum = 0;
            for (uint32_t i = 0; i < width; i++)
                sum += fabs(window[i] - slow->windows[k][i]);
            best = fmin(best, sum / width);
        }
        novel = slow->kept > 0 ? best / (novelty->shape ? 1 : scale) : 0;
        slow->kept++;
    }
    struct rank *past = &rank;
    double score = rank_score_above(past, novel);
    rank_add(past, novel);
    return score;
}

static void test_novelty_is_exact(void **state)
{
    (void)state;
    static struct novelty novelty;
    static struct slow slow;
    for (int shape = 0; shape < 2; shape++) {
        struct prng prng;
        double walk = 0, sum = 0, expected = 0;
        size_t positive = 0;
        prng_init(&prng, 11);
        rank_init(&rank);
        memset(&slow, 0, sizeof slow);
        novelty_init(&novelty, 3, 12, shape);
        for (int row = 0; row < 3 * 1500; row++) {
            walk = .9 * walk + prng_normal(&prng, sin(row / 20.0), 1);
            double found = novelty_step(&novelty, walk);
            sum += walk;
            if (row % 3 == 2) {
                expected = slow_step(&slow, &novelty, sum / 3);
                sum = 0;
            }
            assert_float_equal(found, expected, 1e-9 * (1 + expected));
            positive += found > 0;
        }
        assert_true(positive > 1000);
    }
}

/* Slots -1, 0, +1 of the last days; a gap keeps its place. */
static void test_usual(void **state)
{
    (void)state;
    struct usual usual;
    assert_int_equal(usual_init(&usual, 4, USUAL_DAYS), FW_OK);
    static const double rows[] = {1, 2, 3, 4, 10, 20, 30, 40};
    for (size_t i = 0; i < 8; i++) {
        assert_false(usual_known(&usual));
        usual_add(&usual, rows[i]);
    }
    assert_true(usual_known(&usual));
    /* Row 8: rows 3, 4, 5 a day ago (4, 10, 20), rows 0 and 1 two days ago (1, 2): upper median 4.
     */
    assert_float_equal(usual_value(&usual, -1), 4, 0);
    usual_add(&usual, NAN);
    /* Row 9: 10, 20, 30 and 1, 2, 3: upper median of 1 2 3 10 20 30 is 10. */
    assert_float_equal(usual_value(&usual, -1), 10, 0);
    for (int i = 0; i < 3; i++)
        usual_add(&usual, NAN);
    /* Row 12: 40 and two gaps; 4, 10, 20; 1, 2. */
    assert_float_equal(usual_value(&usual, -1), 10, 0);
    usual_fini(&usual);
    assert_int_equal(usual_init(&usual, 1, USUAL_DAYS), FW_OK);
    usual_add(&usual, 5);
    assert_false(usual_known(&usual)); /* a day is one row: no time of day */
    usual_fini(&usual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_score_by_hand), cmocka_unit_test(test_scale_never_vanishes),
        cmocka_unit_test(test_oldest_leaves), cmocka_unit_test(test_novelty_is_exact),
        cmocka_unit_test(test_usual),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * Boosted quantiles (D3): they lie where a law says they lie, on rows that were not learned from,
 * and are the same bytes with one thread and with two. */
#include "base/prng.h"
#include "forecast/boost.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 6000, COLUMNS = 3 };
static float columns[ROWS * COLUMNS], labels[ROWS], weights[ROWS];

/* y = x + (1 + 3 s) e: the spread is told by the second column, the third tells nothing. */
static void draw(uint64_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    for (int i = 0; i < ROWS; i++) {
        float *row = columns + (long)i * COLUMNS;
        for (int j = 0; j < COLUMNS; j++)
            row[j] = (float)prng_uniform(&prng);
        labels[i] = row[0] + (float)(1 + 3 * (row[1] > .5F)) * (float)prng_normal(&prng, 0, .1);
        weights[i] = 1;
    }
}

static struct boost *train(double level, int threads, int rounds, const float *weight)
{
    struct fw_detail detail = {""};
    struct boost_rows *rows = NULL;
    struct boost *boost = NULL;
    struct boost_settings settings = {.quantile = level,
                                      .rounds = rounds,
                                      .depth = 4,
                                      .max_bin = 64,
                                      .threads = threads,
                                      .eta = .2,
                                      .subsample = .8,
                                      .colsample = 1,
                                      .min_child_weight = 20,
                                      .lambda = 1,
                                      .seed = 1};
    assert_int_equal(boost_rows_create(&rows, columns, ROWS, COLUMNS, threads, &detail), FW_OK);
    assert_int_equal(boost_rows_label(rows, labels, weight, &detail), FW_OK);
    assert_int_equal(boost_train(&boost, rows, &settings, &detail), FW_OK);
    boost_rows_free(&rows);
    return boost;
}

/* Coverage where the spread is small and where it is wide, by level. */
static void test_quantiles_lie_where_they_should(void **state)
{
    (void)state;
    static float said[ROWS];
    const double levels[] = {.5, .75, .9, .95, .99};
    double width_before = -INFINITY;
    for (unsigned i = 0; i < sizeof levels / sizeof *levels; i++) {
        struct fw_detail detail = {""};
        double covered[2] = {0}, rows[2] = {0}, width[2] = {0};
        draw(1);
        struct boost *boost = train(levels[i], 1, 80, NULL);
        draw(2);
        assert_int_equal(boost_predict(boost, columns, ROWS, COLUMNS, said, &detail), FW_OK);
        for (int row = 0; row < ROWS; row++) {
            int wide = columns[row * COLUMNS + 1] > .5F;
            rows[wide]++;
            covered[wide] += labels[row] <= said[row];
            width[wide] += (double)(said[row] - columns[row * COLUMNS]);
        }
        for (int wide = 0; wide < 2; wide++)
            assert_float_equal(covered[wide] / rows[wide], levels[i], .04);
        if (levels[i] >= .9)
            assert_true(width[1] / rows[1] > 2 * width[0] / rows[0]);
        assert_true(width[1] > width_before);
        width_before = width[1];
        boost_free(&boost);
    }
}

static void test_threads_change_nothing(void **state)
{
    (void)state;
    struct buf one, two;
    struct fw_detail detail = {""};
    draw(1);
    buf_init(&one, 1 << 24);
    buf_init(&two, 1 << 24);
    struct boost *alone = train(.9, 1, 12, NULL), *both = train(.9, 2, 12, NULL);
    assert_int_equal(boost_save(alone, &one, &detail), FW_OK);
    assert_int_equal(boost_save(both, &two, &detail), FW_OK);
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.data, two.data, one.len);
    boost_free(&alone);
    boost_free(&both);
    buf_fini(&one);
    buf_fini(&two);
}

/* Rows that weigh nothing are not learned from; the columns a model looks at are told. */
static void test_weights_count(void **state)
{
    (void)state;
    static float said[ROWS];
    struct fw_detail detail = {""};
    uint64_t count = 0;
    double sum = 0;
    draw(3);
    for (int i = 0; i < ROWS; i++)
        if (i % 2 == 1) {
            labels[i] += 5;
            weights[i] = 1e-6F;
        }
    struct boost *boost = train(.5, 1, 80, weights);
    assert_int_equal(boost_predict(boost, columns, ROWS, COLUMNS, said, &detail), FW_OK);
    for (int i = 0; i < ROWS; i++)
        sum += fabs((double)(said[i] - columns[(long)i * COLUMNS])) / ROWS;
    assert_true(sum < .5);
    assert_int_equal(boost_columns(boost, &count, &detail), FW_OK);
    assert_int_equal(count, COLUMNS);
    boost_free(&boost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantiles_lie_where_they_should),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_weights_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

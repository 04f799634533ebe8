/* SPDX-License-Identifier: MIT
 * How likely a spike of one series is (D3, D8): trees are believed where they were better on the
 * series' own past, and nowhere else; kept and read back they say the same. */
#include "base/prng.h"
#include "forecast/spike_chance.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { DAY = 24, HOURS = 24 * 200, FIRST = 24 * 150, CASES = HOURS - FIRST, AHEAD = 30 };
static const double TIMES = 2;

/* Spikes by chance; or announced by a dip the hour before. */
static void make(double *y, bool announced)
{
    struct prng prng;
    bool next = false;
    prng_init(&prng, 11);
    for (int t = 0; t < HOURS; t++) {
        y[t] = 100 * exp(.3 * sin(t * .2617993877991494) + prng_normal(&prng, 0, .03));
        if (next)
            y[t] *= 3.5;
        next = prng_uniform(&prng) < .04;
        if (next && announced)
            y[t] *= .6;
    }
}

/* Cases of which errors say no more than how often spikes come. */
static size_t cases_of(const double *y, struct spike_case *cases)
{
    struct spikes_rules rules = {.times = TIMES, .ahead = 1, .day = DAY};
    for (int t = FIRST; t < HOURS; t++)
        cases[t - FIRST] =
            (struct spike_case){.target = t,
                                .ahead = 1,
                                .said = .04,
                                .came = y[t] > TIMES * spikes_reference(y, t, &rules)};
    return CASES;
}

static void train(struct spike_chance *chance, const double *y)
{
    static struct spike_case cases[CASES];
    struct fw_detail detail = {""};
    size_t count = cases_of(y, cases);
    spike_chance_init(chance, y, HOURS, DAY, TIMES);
    assert_true(spike_chance_may(chance) && chance->past > 100);
    assert_true(chance->times > 2.5 && chance->times < 4.5);
    assert_int_equal(spike_chance_train(chance, y, HOURS, FIRST, cases, count, TIMES, 1, &detail),
                     FW_OK);
}

static void say(struct spike_chance *chance, const double *y, int n, double *p, double *times)
{
    struct fw_detail detail = {""};
    assert_int_equal(spike_chance_say(chance, y, n, AHEAD, p, times, &detail), FW_OK);
}

static void believed_where_better(void **state)
{
    (void)state;
    static double y[HOURS];
    double p[AHEAD], times[AHEAD], with = 0, without = 0;
    int dips = 0, others = 0;
    struct spike_chance chance;
    make(y, true);
    train(&chance, y);
    struct spike_verdict verdict = spike_chance_verdict(&chance);
    assert_true(verdict.stages[0].by_trees);
    assert_true(verdict.stages[0].score < .5 * verdict.stages[0].without);
    assert_false(verdict.stages[1].by_trees || verdict.stages[2].by_trees); /* nothing announces */
    for (int n = HOURS - 500; n < HOURS; n++) {
        bool spike = y[n] > 2 * 100 * exp(.3 * sin(n * .2617993877991494));
        say(&chance, y, n, p, times);
        assert_true(p[0] >= 0 && p[0] <= 1 && times[0] >= TIMES && times[0] < 8);
        assert_true(isnan(p[1]) && isnan(p[AHEAD - 1]));
        *(spike ? &with : &without) += p[0];
        *(spike ? &dips : &others) += 1;
    }
    assert_true(with / dips > .6 && without / others < .05);
    spike_chance_fini(&chance);
}

static void not_believed_where_no_better(void **state)
{
    (void)state;
    static double y[HOURS];
    double p[AHEAD], times[AHEAD];
    struct spike_chance chance;
    struct buf words;
    make(y, false);
    train(&chance, y);
    assert_false(spike_chance_verdict(&chance).stages[0].by_trees);
    say(&chance, y, HOURS, p, times);
    for (int h = 0; h < AHEAD; h++)
        assert_true(isnan(p[h]) && fabs(times[h] - chance.times) < 1e-12);
    buf_init(&words, 4096);
    struct spike_verdict verdict = spike_chance_verdict(&chance);
    spike_chance_describe(&verdict, &words);
    assert_non_null(strstr(words.data, "times the usual on average; how likely one is follows from "
                                       "the errors"));
    buf_fini(&words);
    spike_chance_fini(&chance);
}

static void nothing_to_learn_from(void **state)
{
    (void)state;
    static double y[HOURS];
    double p[AHEAD], times[AHEAD];
    struct spike_chance chance;
    static const int days[] = {0, 1, 7, 26, 1440};
    make(y, true);
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        spike_chance_init(&chance, y, HOURS, days[i], TIMES);
        assert_false(spike_chance_may(&chance));
        say(&chance, y, HOURS, p, times);
        assert_true(isnan(p[0]) && times[0] >= TIMES);
        spike_chance_fini(&chance);
    }
    for (int t = 0; t < HOURS; t++)
        y[t] = t % 3 == 0 ? NAN : 0;
    spike_chance_init(&chance, y, HOURS, DAY, TIMES);
    assert_true(!spike_chance_may(&chance) && chance.past == 0);
    spike_chance_init(&chance, y, 1, DAY, TIMES);
    say(&chance, y, 1, p, times);
    assert_true(isnan(p[0]));
}

static void kept(void **state)
{
    (void)state;
    static double y[HOURS];
    double p[AHEAD], times[AHEAD], q[AHEAD], again[AHEAD];
    struct spike_chance chance, back;
    struct fw_detail detail = {""};
    struct buf bytes;
    make(y, true);
    train(&chance, y);
    buf_init(&bytes, 1 << 26);
    assert_int_equal(spike_chance_save(&chance, &bytes, &detail), FW_OK);
    struct buf_reader in = {.data = (const uint8_t *)bytes.data, .len = bytes.len};
    assert_int_equal(spike_chance_load(&back, &in, &detail), FW_OK);
    assert_true(in.at == in.len);
    say(&chance, y, HOURS, p, times);
    say(&back, y, HOURS, q, again);
    assert_true(memcmp(p, q, sizeof *p) == 0 && memcmp(times, again, sizeof times) == 0);
    spike_chance_fini(&back);
    for (size_t len = 0; len < bytes.len; len += len < 80 ? 1 : bytes.len / 7) {
        in = (struct buf_reader){.data = (const uint8_t *)bytes.data, .len = len};
        assert_int_not_equal(spike_chance_load(&back, &in, &detail), FW_OK);
        spike_chance_fini(&back);
    }
    bytes.data[0] = 7;
    in = (struct buf_reader){.data = (const uint8_t *)bytes.data, .len = bytes.len};
    assert_int_equal(spike_chance_load(&back, &in, &detail), FW_VERSION);
    buf_fini(&bytes);
    spike_chance_fini(&chance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(believed_where_better),
        cmocka_unit_test(not_believed_where_no_better),
        cmocka_unit_test(nothing_to_learn_from),
        cmocka_unit_test(kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

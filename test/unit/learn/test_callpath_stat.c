/* SPDX-License-Identifier: MIT
 * What the call-path learner keeps: percentiles, what fades, caps, saving and merging (D6, D12, D13
 * and D18 of the hints specification). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "callpath_script.h"

static void loading_goes_on_where_saving_stopped(void **state)
{
    (void)state;
    struct callpath *straight = create(), *first = create(), *second = create();
    struct prng random;
    struct script script;
    struct buf saved, end_straight, end_second;
    prng_init(&random, 7);
    buf_init(&saved, SIZE_MAX);
    buf_init(&end_straight, SIZE_MAX);
    buf_init(&end_second, SIZE_MAX);
    for (int run = 0; run < 200; run++) {
        static const char *const names[] = {"a", "b", "c", "d"};
        begin(&script, run % 3 ? "x" : "y", BEGIN_NS + run * TIME_HOUR);
        for (int i = 0, at = 0; i < 12; i++, at += 100)
            call(&script, i % 2 ? "s" : NULL, names[prng_below(&random, 4)], at,
                 at + (int64_t)prng_below(&random, 300), (double)prng_below(&random, 5000));
        learn(straight, &script);
        learn(run < 100 ? first : second, &script);
        if (run == 99) {
            callpath_save(first, &saved);
            struct buf_reader reader = {(const uint8_t *)saved.data, saved.len, 0, false};
            assert_int_equal(callpath_load(second, &reader), FW_OK);
            assert_int_equal(reader.at, reader.len);
            assert_true(look(second, "x", NULL, "a", 1, NULL).metrics[CALLPATH_TOKENS].samples > 0);
        }
    }
    callpath_save(straight, &end_straight);
    callpath_save(second, &end_second);
    assert_int_equal(end_straight.len, end_second.len);
    assert_memory_equal(end_straight.data, end_second.data, end_second.len);
    buf_fini(&saved);
    buf_fini(&end_straight);
    buf_fini(&end_second);
    callpath_free(&straight);
    callpath_free(&first);
    callpath_free(&second);
}

static void slack_is_that_of_all_pairs(void **state)
{
    (void)state;
    struct prng random;
    prng_init(&random, 11);
    for (int round = 0; round < 300; round++) {
        static struct script script;
        begin(&script, "a", BEGIN_NS);
        int count = 1 + (int)prng_below(&random, 30);
        for (int i = 0; i < count; i++) {
            int64_t from = (int64_t)prng_below(&random, 40);
            call(&script, NULL, "x", from, from + (int64_t)prng_below(&random, 20), 1)->parent =
                prng_below(&random, 3);
        }
        struct callpath_slack_room room;
        double slack[CALLS_MAX];
        assert_int_equal(callpath_slack_init(&room, CALLS_MAX), FW_OK);
        callpath_slack(&room, &script.run, slack);
        for (int i = 0; i < count; i++) {
            const struct callpath_call *one = &script.calls[i];
            int64_t took = one->end_ns - one->start_ns, longest = 0;
            for (int j = 0; j < count; j++) {
                const struct callpath_call *other = &script.calls[j];
                int64_t from = one->start_ns > other->start_ns ? one->start_ns : other->start_ns;
                int64_t to = one->end_ns < other->end_ns ? one->end_ns : other->end_ns;
                if (j != i && other->parent == one->parent && from < to &&
                    other->end_ns - other->start_ns > longest)
                    longest = other->end_ns - other->start_ns;
            }
            double expected = took > 0 && longest > took ? 1 - (double)took / (double)longest : 0;
            assert_number(slack[i], expected);
        }
        callpath_slack_fini(&room);
    }
}

static void what_was_learned_apart_can_be_put_together(void **state)
{
    (void)state;
    static const int sizes[] = {10, 500};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct callpath *one = create(), *left = create(), *right = create();
        struct prng random;
        struct script script;
        prng_init(&random, 3);
        for (int run = 0; run < sizes[s]; run++) {
            begin(&script, "a", BEGIN_NS + run * TIME_SECOND);
            for (int i = 0; i < 3; i++)
                call(&script, "s", "x", i * 100, i * 100 + 50,
                     100 + (double)prng_below(&random, 1000));
            learn(one, &script);
            learn(run < sizes[s] / 2 ? left : right, &script);
        }
        assert_int_equal(callpath_merge(left, right), FW_OK);
        for (uint32_t index = 1; index <= 4; index++) {
            struct callpath_metric got =
                look(left, "a", "s", "x", index, NULL).metrics[CALLPATH_TOKENS];
            struct callpath_metric wanted =
                look(one, "a", "s", "x", index, NULL).metrics[CALLPATH_TOKENS];
            assert_int_equal(got.samples, wanted.samples);
            assert_true(got.p90 > wanted.p90 * 0.98 && got.p90 < wanted.p90 * 1.02);
            assert_true(got.mean > wanted.mean * 0.98 && got.mean < wanted.mean * 1.02);
            if (s == 0)
                assert_number(got.p90, wanted.p90);
        }
        callpath_free(&one);
        callpath_free(&left);
        callpath_free(&right);
    }
}

static void nodes_and_bytes_stay_within_their_caps(void **state)
{
    (void)state;
    struct callpath *callpath = NULL;
    struct callpath_settings settings = callpath_defaults;
    struct script script;
    char name[32];
    settings.max_nodes = 100;
    settings.max_bytes = 1 << 20;
    assert_int_equal(callpath_create(&callpath, &settings, NULL), FW_OK);
    for (int run = 0; run < 2000; run++) {
        snprintf(name, sizeof name, "once-%d", run);
        begin(&script, "a", BEGIN_NS + run * TIME_SECOND);
        call(&script, "often", "kept", 0, 10, 5);
        call(&script, "often", name, 10, 20, 5);
        learn(callpath, &script);
        struct callpath_counts counts = callpath_counts(callpath);
        assert_true(counts.nodes <= 100 && counts.bytes <= 1 << 20);
    }
    struct callpath_found found;
    assert_int_equal(
        look(callpath, "a", "often", "kept", 1, &found).metrics[CALLPATH_TOKENS].samples, 2000);
    assert_int_equal(found.depth, 2);
    look(callpath, "a", "often", "once-0", 1, &found);
    assert_int_equal(found.depth, 1);
    assert_int_equal(callpath_counts(callpath).nodes_dropped, 2000 + 3 - 100);
    callpath_free(&callpath);
}

static void late_indices_share_a_place(void **state)
{
    (void)state;
    struct callpath *callpath = create();
    static struct script script;
    struct callpath_found found;
    begin(&script, "a", BEGIN_NS);
    for (int i = 0; i < 90; i++)
        call(&script, NULL, "x", i * 10, i * 10 + 5, i);
    learn(callpath, &script);
    assert_number(look(callpath, "a", NULL, "x", 64, &found).metrics[CALLPATH_TOKENS].mean, 63);
    assert_int_equal(found.index, 64);
    assert_number(look(callpath, "a", NULL, "x", 65, &found).metrics[CALLPATH_TOKENS].mean, 76.5);
    assert_int_equal(found.index, CALLPATH_TAIL);
    look(callpath, "a", NULL, "x", 4000000000, &found);
    assert_int_equal(found.index, CALLPATH_TAIL);
    callpath_free(&callpath);
}

static void what_is_old_counts_less(void **state)
{
    (void)state;
    static const struct {
        int old, fresh;
        int64_t between_ns;
    } cases[] = {{20, 10, 35 * TIME_DAY}, {1000, 1000, 0}, {1000, 100, 35 * TIME_DAY}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct callpath *callpath = create();
        struct script script;
        for (int run = 0; run < cases[c].old + cases[c].fresh; run++) {
            bool fresh = run >= cases[c].old;
            begin(&script, "a", BEGIN_NS + run * TIME_MINUTE + (fresh ? cases[c].between_ns : 0));
            call(&script, NULL, "x", 0, 100, fresh ? 100 : 1000);
            learn(callpath, &script);
        }
        struct callpath_metric got =
            look(callpath, "a", NULL, "x", 1, NULL).metrics[CALLPATH_TOKENS];
        assert_true(got.p50 <= 101);
        assert_true(got.mean < 400);
        callpath_free(&callpath);
    }
}

static void percentiles_are_exact_then_close(void **state)
{
    (void)state;
    struct callpath_settings settings = callpath_defaults;
    settings.half_life_ns = TIME_NEVER;
    settings.half_life_samples = 1 << 20;
    struct prng random;
    prng_init(&random, 5);
    for (int round = 0; round < 40; round++) {
        static double values[1000];
        int count = 1 + round * round / 2 < 32 ? 1 + round * round / 2 : round * 20;
        struct callpath *callpath = NULL;
        struct script script;
        assert_int_equal(callpath_create(&callpath, &settings, NULL), FW_OK);
        for (int i = 0; i < count; i++) {
            values[i] = (double)(1 + prng_below(&random, UINT64_C(1) << (round % 20 + 1)));
            begin(&script, "a", BEGIN_NS + i);
            call(&script, NULL, "x", 0, 100, values[i]);
            learn(callpath, &script);
        }
        stats_sort_doubles(values, (size_t)count);
        struct callpath_metric got =
            look(callpath, "a", NULL, "x", 1, NULL).metrics[CALLPATH_TOKENS];
        const double shares[] = {0.5, 0.9, 0.95}, found[] = {got.p50, got.p90, got.p95};
        for (int i = 0; i < 3; i++) {
            double exact = stats_quantile(values, (size_t)count, shares[i]);
            double slack = count <= CALLPATH_EXACT ? exact * 1e-12 : exact * 0.01;
            if (!(found[i] >= exact - slack && found[i] <= exact + slack))
                fail_msg("%d samples: %f, not %f", count, found[i], exact);
        }
        callpath_free(&callpath);
    }
}

static void damaged_states_are_refused(void **state)
{
    (void)state;
    struct callpath *callpath = create();
    struct script script;
    struct buf saved;
    struct prng random;
    prng_init(&random, 9);
    buf_init(&saved, SIZE_MAX);
    for (int run = 0; run < 50; run++) {
        pipeline(&script, BEGIN_NS + run * TIME_DAY);
        learn(callpath, &script);
    }
    callpath_save(callpath, &saved);
    for (int i = 0; i < 3000; i++) {
        struct callpath *other = create();
        size_t at = prng_below(&random, saved.len);
        char kept = saved.data[at];
        bool cut = i % 3 == 0;
        saved.data[at] = (char)prng_below(&random, 256);
        struct buf_reader reader = {(const uint8_t *)saved.data, cut ? at : saved.len, 0, false};
        enum fw_err err = callpath_load(other, &reader);
        if (cut)
            assert_int_not_equal(err, FW_OK);
        if (err != FW_OK)
            assert_int_equal(callpath_counts(other).nodes, 0);
        learn(other, &script);
        look(other, "pipe", "wf", "plan", 1, NULL);
        saved.data[at] = kept;
        callpath_free(&other);
    }
    buf_fini(&saved);
    callpath_free(&callpath);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loading_goes_on_where_saving_stopped),
        cmocka_unit_test(slack_is_that_of_all_pairs),
        cmocka_unit_test(what_was_learned_apart_can_be_put_together),
        cmocka_unit_test(nodes_and_bytes_stay_within_their_caps),
        cmocka_unit_test(late_indices_share_a_place),
        cmocka_unit_test(what_is_old_counts_less),
        cmocka_unit_test(percentiles_are_exact_then_close),
        cmocka_unit_test(damaged_states_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

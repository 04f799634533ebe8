/* SPDX-License-Identifier: MIT
 * The guesser against the defects of the classic design that concern guessing (specification F2):
 * each is a test named after its number. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "base/time.h"
#include "core/guesser.h"
#include "core/prefetcher.h"
#include <stdio.h>

static struct guesser *guesser;
static const struct guesser_candidate *list;
static int64_t now;

static void begin(uint32_t strategies, const struct guesser_settings *changed)
{
    struct guesser_settings settings = changed ? *changed : guesser_defaults;
    settings.strategies = strategies;
    now = 0;
    assert_int_equal(guesser_create(&guesser, &settings), FW_OK);
}

static uint32_t see(uint64_t session, const char *key)
{
    now += TIME_SECOND;
    return guesser_observe(guesser, session, session, str_of(key), now, &list);
}

/* The place in the list, from 1; 0: it is not there. */
static uint32_t rank_of(uint32_t count, const char *key)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_equal(list[i].key, str_of(key)))
            return i + 1;
    return 0;
}

/* What never comes again leaves: everything is bounded, whatever is asked for. */
static void defect_11_memory_is_bounded(void **state)
{
    (void)state;
    struct guesser_settings settings = guesser_defaults;
    char key[32];
    settings.max_keys = 500;
    settings.max_sessions = 20;
    settings.max_contexts = 1 << 10;
    settings.max_successors = 1 << 12;
    begin((1u << GUESSER_BUILT_IN) - 1, &settings);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 5; i++) {
            snprintf(key, sizeof key, "often_%c", 'a' + i);
            see(1, key);
        }
    for (int i = 0; i < 20000; i++) { /* a scan */
        snprintf(key, sizeof key, "once %d", i * 7919);
        see((uint64_t)i % 100 + 2, key);
        assert_true(guesser_keys(guesser) <= 500 && guesser_sessions(guesser) <= 20);
    }
    see(1, "often_a"); /* what had come again is still known */
    assert_int_equal(rank_of(see(1, "often_b"), "often_c") > 0, true);
    guesser_free(&guesser);
}

/* Two sessions interleaved are two sequences, not one; an idle one begins anew. */
static void defect_12_context_is_a_sessions_own(void **state)
{
    (void)state;
    static const char *const one[] = {"a", "b", "c"}, *const two[] = {"x", "y", "z"};
    for (uint32_t strategy = GUESSER_PATTERN; strategy <= GUESSER_MIX; strategy++) {
        if (strategy == GUESSER_NAMES)
            continue;
        begin(1u << strategy, NULL);
        for (int round = 0; round < 10; round++)
            for (int i = 0; i < 3; i++) {
                see(1 + (uint64_t)round * 2, one[i]);
                see(2 + (uint64_t)round * 2, two[i]);
            }
        uint32_t count = see(100, "a");
        assert_int_equal(rank_of(count, "b"), 1);
        assert_true(rank_of(count, "x") != 1 && rank_of(count, "y") != 1);
        guesser_free(&guesser);
    }
    begin(1u << GUESSER_PATTERN, NULL);
    see(1, "a");
    now += guesser_defaults.idle_ns;
    see(1, "q"); /* not what follows a */
    see(2, "a");
    assert_int_equal(see(2, "a"), 0);
    guesser_free(&guesser);
}

/* What follows most often counts, not what was seen first; analysing one session erases no other.
 */
static void defect_13_successors_are_counted_not_first_seen(void **state)
{
    (void)state;
    static const char *const firsts[] = {"b", "c", "d"};
    begin(1u << GUESSER_USER, NULL);
    uint64_t session = 1;
    for (int i = 0; i < 3; i++, session++) {
        see(session, "a");
        see(session, firsts[i]);
    }
    for (int i = 0; i < 6; i++, session++) {
        see(session, "a");
        see(session, "z");
    }
    uint32_t count = see(session, "a");
    assert_int_equal(rank_of(count, "z"), 1);
    assert_true(rank_of(count, "b") > 0); /* earlier sessions are not forgotten */
    guesser_free(&guesser);
}

static void defect_13_a_users_own_come_before_everybodys(void **state)
{
    (void)state;
    begin(1u << GUESSER_USER, NULL);
    const struct str everybodys[] = {STR("a"), STR("b")}, mine[] = {STR("a"), STR("m")};
    for (int i = 0; i < 20; i++)
        guesser_teach(guesser, 1, everybodys, 2, now);
    for (int i = 0; i < 4; i++)
        guesser_teach(guesser, 2, mine, 2, now);
    uint32_t count = guesser_observe(guesser, 7, 2, STR("a"), now, &list);
    assert_int_equal(rank_of(count, "m"), 1);
    assert_int_equal(rank_of(count, "b"), 2);
    count = guesser_observe(guesser, 8, 3, STR("a"), now, &list);
    assert_int_equal(rank_of(count, "b"), 1); /* nothing is known of this user */
    guesser_free(&guesser);
}

/* How long until it is wanted is learned, and replaces the formula's constant. */
static void defect_14_delays_are_learned(void **state)
{
    (void)state;
    begin(1u << GUESSER_PATTERN, NULL);
    for (uint64_t session = 1; session <= 10; session++) {
        see(session, "a");
        now += 19 * TIME_SECOND;
        see(session, "b");
    }
    uint32_t rank = rank_of(see(11, "a"), "b");
    assert_int_equal(rank, 1);
    assert_true(list[0].use_in_ns >= 20 * TIME_SECOND && list[0].use_in_ns <= 26 * TIME_SECOND);
    guesser_free(&guesser);
}

/* Several strategies, one list: a key once, with what the surest says; ties are defined. */
static void defect_15_all_sources_become_one_list(void **state)
{
    (void)state;
    char key[16];
    begin((1u << GUESSER_BUILT_IN) - 1, NULL);
    for (uint64_t session = 1; session <= 5; session++)
        for (int i = 1; i <= 8; i++) {
            snprintf(key, sizeof key, "page_%d", i);
            see(session, key);
        }
    see(9, "page_1");
    uint32_t count = see(9, "page_2"), again;
    assert_int_equal(rank_of(count, "page_3"), 1);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(rank_of(count, "page_2"), 0); /* it was just asked for */
        assert_true(i == 0 || list[i - 1].probability > list[i].probability ||
                    (list[i - 1].probability >= list[i].probability &&
                     list[i - 1].priority <= list[i].priority));
        for (uint32_t j = 0; j < i; j++)
            assert_false(str_equal(list[i].key, list[j].key));
        assert_true(list[i].probability > 0 && list[i].probability <= 1);
    }
    again = see(9, "page_2");
    assert_true(again > 0);
    guesser_free(&guesser);
}

/* Strides are confirmed before anything is said; zeros stay; only plain digits are a number. */
static void defect_17_strides_in_names(void **state)
{
    (void)state;
    begin(1u << GUESSER_NAMES, NULL);
    for (uint64_t session = 1; session <= 3; session++)
        for (int i = 7; i <= 12; i++) {
            char key[16];
            snprintf(key, sizeof key, "img_%03d", i);
            see(session, key);
        }
    see(9, "img_007");
    assert_int_equal(see(9, "img_008"), 0); /* one step confirms nothing */
    assert_true(rank_of(see(9, "img_009"), "img_010") > 0);
    assert_int_equal(rank_of(see(9, "img_010"), "img_11"), 0);
    see(10, "n_+5");
    see(10, "n_+6");
    assert_int_equal(rank_of(see(10, "n_1_0"), "n_1_1"), 0);
    guesser_free(&guesser);
    begin(1u << GUESSER_SEQUENTIAL, NULL); /* the classic formula, as far as it has come true */
    assert_int_equal(see(1, "page_+5"), 0);
    for (int i = 1; i <= 12; i++) {
        char key[16];
        snprintf(key, sizeof key, "page_%d", i);
        see(1, key);
    }
    assert_true(rank_of(see(1, "page_13"), "page_14") > 0);
    guesser_free(&guesser);
}

/* One sighting is not certainty, and what is told comes true as often as told. */
static void defect_18_probabilities_are_calibrated(void **state)
{
    (void)state;
    struct prng random;
    double told[10] = {0}, came[10] = {0};
    uint32_t counts[10] = {0};
    prng_init(&random, 5);
    begin(1u << GUESSER_PATTERN, NULL);
    for (uint64_t session = 1; session <= 6000; session++) {
        char next[8];
        uint32_t count = see(session, "root");
        snprintf(next, sizeof next, "n%u",
                 (unsigned)(prng_below(&random, 4) * prng_below(&random, 2)));
        for (uint32_t i = 0; i < count && session > 2000; i++) {
            uint32_t decile = (uint32_t)(list[i].probability * 10);
            decile = decile < 9 ? decile : 9;
            told[decile] += list[i].probability;
            came[decile] += str_equal(list[i].key, str_of(next));
            counts[decile]++;
        }
        see(session, next);
        guesser_session_end(guesser, session);
    }
    for (int i = 0; i < 10; i++)
        if (counts[i] >= 400)
            assert_true((told[i] - came[i]) / counts[i] < 0.05 &&
                        (came[i] - told[i]) / counts[i] < 0.05);
    guesser_free(&guesser);
    begin(1u << GUESSER_MIX, NULL);
    see(1, "a");
    see(1, "b");
    uint32_t rank = rank_of(see(2, "a"), "b");
    assert_true(rank == 0 || list[rank - 1].probability < 0.9);
    guesser_free(&guesser);
}

/* More than order 1: what came before the latest decides. */
static void defect_18_contexts_longer_than_one(void **state)
{
    (void)state;
    begin(1u << GUESSER_MIX, NULL);
    for (uint64_t session = 1; session <= 60; session++) {
        see(session, session % 2 ? "p" : "q");
        see(session, "m");
        see(session, session % 2 ? "after p" : "after q");
        guesser_session_end(guesser, session);
    }
    see(1000, "p");
    uint32_t count = see(1000, "m");
    assert_int_equal(rank_of(count, "after p"), 1);
    see(1001, "q");
    count = see(1001, "m");
    assert_int_equal(rank_of(count, "after q"), 1);
    guesser_free(&guesser);
}

/* Nothing to learn: strategies that guess in vain are soon not believed. */
static void what_does_not_come_true_is_not_believed(void **state)
{
    (void)state;
    struct prng random;
    double most = 0;
    prng_init(&random, 7);
    begin((1u << GUESSER_BUILT_IN) - 1, NULL);
    for (int i = 0; i < 4000; i++) {
        char key[16];
        snprintf(key, sizeof key, "k_%u", (unsigned)prng_below(&random, 2000));
        uint32_t count = see(1 + (uint64_t)i % 8, key);
        for (uint32_t n = 0; n < count && i > 2000; n++)
            most = list[n].probability > most ? list[n].probability : most;
    }
    assert_true(most < 0.2); /* the default price of a load */
    guesser_free(&guesser);
}

static void ask(void *context, const struct guesser_question *question, struct guesser *of)
{
    const int *how = context;
    if (*how == 1)
        while (guesser_tell(of, question->key, 1, 1, -1))
            continue; /* more than there is room for, and the key itself */
    else
        (void)guesser_tell(of, STR("mine"), 0, 2, TIME_SECOND);
}

static void a_strategy_of_ones_own_is_judged_like_all(void **state)
{
    (void)state;
    struct guesser_record record;
    uint32_t number;
    int how = 0;
    begin(0, NULL);
    assert_int_equal(guesser_add(guesser, "own", ask, &how, &number), FW_OK);
    assert_string_equal(guesser_name(guesser, number), "own");
    assert_int_equal(see(1, "a"), 0); /* without a probability it has to show first */
    for (uint64_t session = 1; session < 12; session++) {
        see(session, "mine");
        see(session, "other");
    }
    uint32_t count = see(20, "a");
    assert_int_equal(rank_of(count, "mine"), 1);
    guesser_read(guesser, number, &record);
    assert_true(record.judged > 0 && record.right > 0 && record.right <= record.judged);
    how = 1;
    assert_int_equal(see(21, "a"), 0);
    guesser_free(&guesser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defect_11_memory_is_bounded),
        cmocka_unit_test(defect_12_context_is_a_sessions_own),
        cmocka_unit_test(defect_13_successors_are_counted_not_first_seen),
        cmocka_unit_test(defect_13_a_users_own_come_before_everybodys),
        cmocka_unit_test(defect_14_delays_are_learned),
        cmocka_unit_test(defect_15_all_sources_become_one_list),
        cmocka_unit_test(defect_17_strides_in_names),
        cmocka_unit_test(defect_18_probabilities_are_calibrated),
        cmocka_unit_test(defect_18_contexts_longer_than_one),
        cmocka_unit_test(what_does_not_come_true_is_not_believed),
        cmocka_unit_test(a_strategy_of_ones_own_is_judged_like_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

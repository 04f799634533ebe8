/* SPDX-License-Identifier: MIT
 * F1, F2: strides in names, and requirement 17 of the prefetch manager: learned with confirmations,
 * range ends too, zero padding stays, only plain digits parse. Expectations are worked out by hand.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "learn/sequence_names.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { GUESSES = 8 };

struct bench {
    struct names *names;
    struct names_session session;
    struct names_guess guesses[GUESSES];
};

static int begin(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    *state = b;
    if (!b || names_create(&b->names, 0) != FW_OK)
        return -1;
    names_session_init(&b->session, b->names);
    return 0;
}

static int finish(void **state)
{
    struct bench *b = *state;
    names_session_fini(&b->session);
    names_free(&b->names);
    free(b);
    return 0;
}

static void see(struct bench *b, const char *names) /* separated by blanks */
{
    struct str rest = str_of(names), name;
    while (str_cut(&rest, ' ', &name))
        names_observe(b->names, &b->session, name);
}

static uint32_t ask(struct bench *b, uint32_t depth)
{
    return names_predict(b->names, &b->session, b->guesses, GUESSES, depth);
}

/* After these names the likeliest is `next`; nothing is said. A fresh session. */
static void expect(struct bench *b, const char *names, const char *next)
{
    names_end(b->names, &b->session);
    see(b, names);
    uint32_t count = ask(b, 1);
    if (*next == '\0')
        assert_int_equal(count, 0);
    else
        assert_true(count > 0);
    if (count > 0)
        assert_string_equal(b->guesses[0].text, next);
}

static void steps_are_confirmed_before_anything_is_said(void **state)
{
    struct bench *b = *state;
    expect(b, "page_7", "");
    expect(b, "page_7 page_8", ""); /* one step is no habit: two confirmations are asked */
    expect(b, "page_7 page_8 page_9", "page_10");
    assert_int_equal(b->guesses[0].confirmations, 2);
    see(b, "page_10 page_11");
    assert_true(ask(b, 1) > 0);
    assert_string_equal(b->guesses[0].text, "page_12");
    assert_int_equal(b->guesses[0].confirmations, 4);
    struct names *eager; /* the caller may ask for less, or more */
    struct names_session session;
    assert_int_equal(names_create(&eager, 1), FW_OK);
    names_session_init(&session, eager);
    names_observe(eager, &session, STR("a1"));
    names_observe(eager, &session, STR("a2"));
    assert_int_equal(names_predict(eager, &session, b->guesses, GUESSES, 1), 1);
    assert_string_equal(b->guesses[0].text, "a3");
    names_session_fini(&session);
    names_free(&eager);
}

static void strides_other_than_one(void **state)
{
    struct bench *b = *state;
    expect(b, "block-100 block-92 block-84", "block-76");
    expect(b, "block-16 block-8 block-0", ""); /* there is nothing below zero */
    expect(b, "5 105 205 305", "405");
    expect(b, "/list?from=0&n=20 /list?from=20&n=20 /list?from=40&n=20", "/list?from=60&n=20");
    expect(b, "a1 a2 a4 a8 a16", ""); /* no stride at all */
}

static void zero_padding_stays(void **state)
{
    struct bench *b = *state;
    expect(b, "img_005 img_006 img_007", "img_008");
    expect(b, "img_007.jpg img_008.jpg img_009.jpg", "img_010.jpg");
    expect(b, "img_097 img_098 img_099", "img_100");
    expect(b, "f098 f099 f100 f101", "f102");
    expect(b, "img_101 img_100 img_099", "img_098");
    expect(b, "x998 x999 x1000", "x1001");
    expect(b, "x07 x08 x09", "x10");
    expect(b, "x7 x8 x9", "x10");
    expect(b, "c000 c000 c001 c002", "c003");
}

static void numbers_anywhere_in_the_name(void **state)
{
    struct bench *b = *state;
    expect(b, "s1e08.mp4 s1e09.mp4 s1e10.mp4", "s1e11.mp4"); /* mp4 is a number too, and stays */
    expect(b, "2024-01-29/log 2024-01-30/log 2024-01-31/log", "2024-01-32/log");
    names_absent(b->names, STR("2024-01-32/log")); /* a load said that there is no such thing */
    names_end(b->names, &b->session);
    see(b, "2024-01-29/log 2024-01-30/log 2024-01-31/log");
    assert_int_equal(ask(b, 1), 1);
    assert_true(b->guesses[0].soon < 0.35);
    expect(b, "3/a/b 4/a/b 5/a/b", "6/a/b");
    expect(b, "a1b1c1 a1b2c1 a1b3c1", "a1b4c1");
    expect(b, "9a8b7c6d5 9a8b7c6d6 9a8b7c6d7", "9a8b7c6d8"); /* the last three are looked at */
    expect(b, "1x2x3x4 2x2x3x4 3x2x3x4", "");                /* the first of four is not */
    expect(b, "a1b1 a2b2 a3b3", "");                         /* two change at once */
}

static void only_plain_digits_parse(void **state)
{
    struct bench *b = *state;
    expect(b, "item_+5 item_+6 item_+7", "");
    expect(b, "+5 +6 +7", "");
    expect(b, "item_-5 item_-6 item_-7", "");
    expect(b, "page-5 page-6 page-7", "page-8"); /* that one joins */
    expect(b, "c+5 c+6 c+7", "c+8");
    expect(b, "1_0 1_1 1_2", "1_3"); /* never ten, eleven, twelve */
    expect(b, "1_0 11 12", "");
    expect(b, "1.5 1.6 1.7", "1.8");
    expect(b, "x\xd9\xa1 x\xd9\xa2 x\xd9\xa3", ""); /* Arabic-Indic digits are text */
    expect(b, "n9999999999999999997 n9999999999999999998 n9999999999999999999", "");
    expect(b, "n999999999999999997 n999999999999999998 n999999999999999999", "");
    expect(b, "n999999999999999996 n999999999999999997 n999999999999999998", "n999999999999999999");
}

static void runs_interleave(void **state)
{
    struct bench *b = *state;
    char names[64];
    for (int i = 1; i <= 40; i++) {
        snprintf(names, sizeof names, "page_%d index img_%03d", i, i);
        see(b, names);
    }
    assert_int_equal(ask(b, 1), 2); /* the page is due; the picture has only just been stepped on */
    assert_string_equal(b->guesses[0].text, "page_41");
    assert_string_equal(b->guesses[1].text, "img_041");
    assert_true(b->guesses[0].probability > 0.3 && b->guesses[1].probability < 0.1);
    assert_true(b->guesses[0].soon > 0.9 && b->guesses[1].soon > 0.9); /* but both will come */
    names_end(b->names, &b->session); /* two runs through the same names */
    see(b, "k1 k100 k2 k110 k3 k120");
    assert_int_equal(ask(b, 1), 2);
    const char *first = b->guesses[0].text, *second = b->guesses[1].text;
    assert_true((!strcmp(first, "k4") && !strcmp(second, "k130")) ||
                (!strcmp(first, "k130") && !strcmp(second, "k4")));
}

static void what_was_left_alone_is_no_longer_expected(void **state)
{
    struct bench *b = *state;
    expect(b, "p_1 p_2 p_3", "p_4");
    for (int i = 0; i < NAMES_PATIENCE; i++)
        see(b, "elsewhere");
    assert_int_equal(ask(b, 1), 0);
    see(b, "p_4");
    assert_int_equal(ask(b, 1), 0);
}

/* Every chapter ends at page 5: after some, no sixth page is expected, of a new chapter either. */
static void range_ends_are_learned(void **state)
{
    struct bench *b = *state;
    char name[64];
    for (int chapter = 1; chapter <= 12; chapter++) {
        for (int page = 1; page <= 5; page++) {
            snprintf(name, sizeof name, "ch%d/p%d", chapter, page);
            see(b, name);
        }
        names_end(b->names, &b->session);
    }
    see(b, "ch77/p1 ch77/p2 ch77/p3");
    assert_int_equal(ask(b, 4), 4);
    assert_string_equal(b->guesses[0].text, "ch77/p4");
    double inside = b->guesses[0].soon;
    assert_true(inside > 0.6);
    for (int i = 1; i < 4; i++)
        assert_true(b->guesses[i].soon <= b->guesses[i - 1].soon && b->guesses[i].steps == i + 1);
    assert_string_equal(b->guesses[2].text, "ch77/p6");
    assert_true(b->guesses[2].soon < 0.15);
    see(b, "ch77/p4 ch77/p5");
    assert_int_equal(ask(b, 1), 1);
    assert_true(b->guesses[0].soon < 0.15 && b->guesses[0].probability < 0.3);
    names_end(b->names, &b->session);
    for (int again = 0; again < 30; again++) { /* the chapters grow: so does what is expected */
        see(b, "ch77/p3 ch77/p4 ch77/p5 ch77/p6");
        names_end(b->names, &b->session);
    }
    see(b, "ch77/p3 ch77/p4 ch77/p5");
    assert_int_equal(ask(b, 1), 1);
    assert_true(b->guesses[0].soon > 0.5);
}

/* Half of the runs go on after three names: told is what is seen. */
static void probabilities_are_those_seen(void **state)
{
    struct bench *b = *state;
    struct prng prng;
    char name[64];
    double told = 0, came = 0, asked = 0;
    prng_init(&prng, 5);
    for (uint64_t i = 0; i < 4000; i++) {
        uint64_t at = prng_below(&prng, 1000000000);
        for (uint64_t step = 0; step < 3; step++) {
            snprintf(name, sizeof name, "v%" PRIu64, at + 7 * step);
            see(b, name);
        }
        uint32_t count = ask(b, 1);
        bool goes_on = prng_below(&prng, 2) > 0;
        if (i >= 2000 && count > 0) {
            told += b->guesses[0].probability;
            came += goes_on;
            asked += 1;
        }
        snprintf(name, sizeof name, "v%" PRIu64, at + 21);
        see(b, goes_on ? name : "home");
        names_end(b->names, &b->session);
    }
    assert_true(asked == 2000);
    assert_true(told / asked > came / asked - 0.05 && told / asked < came / asked + 0.05);
}

static void names_of_any_bytes_and_lengths(void **state)
{
    struct bench *b = *state;
    static char name[1 << 16];
    for (int i = 1; i <= 3; i++)
        names_observe(b->names, &b->session,
                      i == 1   ? (struct str){"\0\xff\x01_1\0", 6}
                      : i == 2 ? (struct str){"\0\xff\x01_2\0", 6}
                               : (struct str){"\0\xff\x01_3\0", 6});
    assert_int_equal(ask(b, 1), 1);
    assert_int_equal(b->guesses[0].len, 6);
    assert_memory_equal(b->guesses[0].text, "\0\xff\x01_4\0", 6);
    memset(name, 'y', sizeof name); /* 64 KiB: seen, and nothing more */
    for (int digit = '1'; digit <= '3'; digit++) {
        name[sizeof name - 1] = (char)digit;
        names_observe(b->names, &b->session, (struct str){name, sizeof name});
        names_observe(b->names, &b->session, (struct str){NULL, 0});
    }
    assert_int_equal(ask(b, 1), 1);
    memset(name, 'z', NAMES_TEXT_MAX); /* the longest that is looked at, and it grows */
    for (int digit = '7'; digit <= '9'; digit++) {
        name[NAMES_TEXT_MAX - 1] = (char)digit;
        names_observe(b->names, &b->session, (struct str){name, NAMES_TEXT_MAX});
    }
    assert_int_equal(ask(b, 1), 2);
    const struct names_guess *longest = &b->guesses[b->guesses[0].len == 6];
    assert_int_equal(longest->len, NAMES_TEXT_MAX + 1);
    assert_string_equal(longest->text + NAMES_TEXT_MAX - 1, "10");
    for (uint64_t i = 0; i < 20000; i++) { /* the memory of a session is bounded */
        snprintf(name, sizeof name, "r%" PRIu64 "-%" PRIu64 "-%" PRIu64, prng_scramble(i) % 50,
                 i % 7, i);
        names_observe(b->names, &b->session, str_of(name));
        assert_true(names_session_bytes(&b->session) <
                    sizeof b->session + NAMES_RUNS * (NAMES_TEXT_MAX + 1));
    }
    assert_true(ask(b, 3) <= GUESSES);
    assert_int_equal(names_predict(b->names, &b->session, b->guesses, 0, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(steps_are_confirmed_before_anything_is_said, begin, finish),
        cmocka_unit_test_setup_teardown(strides_other_than_one, begin, finish),
        cmocka_unit_test_setup_teardown(zero_padding_stays, begin, finish),
        cmocka_unit_test_setup_teardown(numbers_anywhere_in_the_name, begin, finish),
        cmocka_unit_test_setup_teardown(only_plain_digits_parse, begin, finish),
        cmocka_unit_test_setup_teardown(runs_interleave, begin, finish),
        cmocka_unit_test_setup_teardown(what_was_left_alone_is_no_longer_expected, begin, finish),
        cmocka_unit_test_setup_teardown(range_ends_are_learned, begin, finish),
        cmocka_unit_test_setup_teardown(probabilities_are_those_seen, begin, finish),
        cmocka_unit_test_setup_teardown(names_of_any_bytes_and_lengths, begin, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

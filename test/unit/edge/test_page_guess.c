/* SPDX-License-Identifier: MIT
 * What a session will ask for next (F2): by sequences of others, by numbers in names, by links,
 * whose worth is learned; and what bounds it. */
#include "base/time.h"
#include "edge/pages/page_guess.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct page_wish wishes[PAGE_GUESS_MAX];

static struct page_guess *make(unsigned strategies)
{
    struct page_guess *guess;
    assert_int_equal(page_guess_create(&guess, strategies), FW_OK);
    return guess;
}

/* The probability it gives to the target; 0: none. */
static double chance(struct page_guess *guess, uint64_t session, const char *target,
                     enum page_strategy *strategy)
{
    uint32_t count = page_guess_expect(guess, session, wishes);
    double before = 1, found = 0;
    assert_true(count <= PAGE_GUESS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(wishes[i].probability <= before && wishes[i].probability >= PAGE_GUESS_LEAST);
        before = wishes[i].probability;
        for (uint32_t j = 0; j < i; j++)
            assert_false(wishes[i].len == wishes[j].len &&
                         memcmp(wishes[i].target, wishes[j].target, wishes[i].len) == 0);
        if (!str_equal((struct str){wishes[i].target, wishes[i].len}, str_of(target)))
            continue;
        found = wishes[i].probability;
        if (strategy)
            *strategy = wishes[i].strategy;
    }
    return found;
}

static void test_sequences(void **state)
{
    static const char *const order[] = {"/home", "/list", "/buy"};
    struct page_guess *guess = make(1u << PAGE_MIX);
    enum page_strategy strategy;
    (void)state;
    for (uint64_t session = 1; session <= 30; session++)
        for (int i = 0; i < 3; i++)
            page_guess_observe(guess, session, str_of(order[i]), (int64_t)session * TIME_SECOND);
    page_guess_observe(guess, 99, STR("/home"), 99 * TIME_SECOND);
    assert_true(chance(guess, 99, "/list", &strategy) > .5 && strategy == PAGE_MIX);
    page_guess_observe(guess, 99, STR("/list"), 99 * TIME_SECOND);
    assert_true(chance(guess, 99, "/buy", NULL) > .5);
    /* a reload teaches nothing, and other sessions know nothing of this one */
    page_guess_observe(guess, 99, STR("/list"), 99 * TIME_SECOND);
    assert_true(chance(guess, 99, "/buy", NULL) > .5);
    assert_int_equal(page_guess_expect(guess, 100, wishes), 0);
    page_guess_free(&guess);
}

static void test_names(void **state)
{
    struct page_guess *guess = make(1u << PAGE_NAMES);
    enum page_strategy strategy = PAGE_MIX;
    char name[64];
    (void)state;
    for (int i = 1; i <= 6; i++) {
        snprintf(name, sizeof name, "/img/%03d.png?size=2", i);
        page_guess_observe(guess, 7, str_of(name), i * TIME_SECOND);
    }
    assert_true(chance(guess, 7, "/img/007.png?size=2", &strategy) > .1);
    assert_int_equal(strategy, PAGE_NAMES);
    page_guess_free(&guess);
}

static void test_links(void **state)
{
    struct page_guess *guess = make(1u << PAGE_LINKS);
    char name[64], link[64], next[64];
    double first = 0, followed = 0;
    (void)state;
    for (int i = 1; i <= 40; i++) {
        snprintf(name, sizeof name, "/p/%d", i);
        snprintf(next, sizeof next, "/p/%d", i + 1);
        snprintf(link, sizeof link, "<%d>; rel=next, </other>; rel=icon, <//h/x>; rel=next", i + 1);
        page_guess_observe(guess, 1, str_of(name), i * TIME_SECOND);
        page_guess_link(guess, 1, str_of(name), str_of(link));
        followed = chance(guess, 1, next, NULL);
        if (i == 1)
            first = followed;
        assert_true(chance(guess, 1, "/other", NULL) == 0);
    }
    assert_true(first > .3 && followed > .9); /* such links are followed, it turned out */
    for (int i = 1; i <= 60; i++) {           /* and then no more */
        snprintf(name, sizeof name, "/q/%d", i);
        page_guess_observe(guess, 1, str_of(name), (40 + i) * TIME_SECOND);
        page_guess_link(guess, 1, str_of(name), STR("</never>; rel=next"));
    }
    assert_true(chance(guess, 1, "/never", NULL) < followed);
    /* the page that gave a link has been left: it counts no more */
    page_guess_observe(guess, 1, STR("/elsewhere"), 200 * TIME_SECOND);
    assert_true(chance(guess, 1, "/never", NULL) == 0);
    page_guess_free(&guess);
}

/* More sessions, targets and bytes than fit. */
static void test_bounds(void **state)
{
    struct page_guess *guess = make((1u << PAGE_STRATEGY_COUNT) - 1);
    char name[PAGE_GUESS_TARGET_MAX + 64];
    (void)state;
    for (int i = 0; i < PAGE_GUESS_SESSIONS + 500; i++) {
        snprintf(name, sizeof name, "/page_%d", i % 50);
        page_guess_observe(guess, (uint64_t)i + 1, str_of(name), i * TIME_MILLISECOND);
    }
    assert_int_equal(page_guess_expect(guess, 1, wishes), 0); /* the oldest made way */
    memset(name, 'x', sizeof name);
    name[0] = '/';
    page_guess_observe(guess, 5000, (struct str){name, sizeof name}, TIME_SECOND);
    page_guess_absent(guess, STR("/page_51"));
    /* a session that was idle for long begins anew */
    page_guess_observe(guess, 4500, STR("/page_7"), TIME_DAY);
    assert_true(page_guess_expect(guess, 4500, wishes) <= PAGE_GUESS_MAX);
    page_guess_free(&guess);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sequences),
                                       cmocka_unit_test(test_names), cmocka_unit_test(test_links),
                                       cmocka_unit_test(test_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

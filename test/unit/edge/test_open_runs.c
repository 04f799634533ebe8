/* SPDX-License-Identifier: MIT
 * Runs while they go on: numbers of calls (D2), parallel calls (D11), limits and silence (D13). */
#include "edge/open_runs.h"
#include "base/time.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the three above */
#include <cmocka.h>

#define AT(s) (1700000000 * TIME_SECOND + (s)*TIME_SECOND)

static struct run_head head_of(const char *run, const char *scope, bool ends)
{
    struct run_head head = {.run = str_of(run), .agent = STR("agent"), .ends = ends};
    if (scope)
        head.path[head.scopes++] = str_of(scope);
    return head;
}

static struct open_begun begin(struct open_runs *runs, const char *run, const char *scope,
                               const char *name, bool ends, int64_t at_ns)
{
    struct run_head head = head_of(run, scope, ends);
    struct open_begun begun;
    (void)open_runs_begin(runs, &head, str_of(name), at_ns, &begun);
    return begun;
}

static void each_run_and_path_has_its_own_numbers(void **state)
{
    (void)state;
    struct open_runs *runs = NULL;
    assert_int_equal(open_runs_create(&runs, 100, TIME_HOUR), FW_OK);
    for (int round = 0; round < 3; round++) {
        char run[16];
        snprintf(run, sizeof run, "run %d", round);
        struct open_begun a = begin(runs, run, NULL, "m", false, AT(round));
        struct open_begun b = begin(runs, run, "x", "m", false, AT(round));
        struct open_begun c = begin(runs, run, NULL, "m", true, AT(round));
        assert_int_equal(a.index, 1);
        assert_int_equal(b.index, 1); /* another path */
        assert_int_equal(c.index, 2);
        assert_int_equal(c.ordinal, 3);
        /* The last one to end ends the run, whichever it is. */
        assert_false(open_runs_end(runs, c.call, AT(round) + 3, 30));
        assert_false(open_runs_end(runs, a.call, AT(round) + 1, CALLPATH_NO_TOKENS));
        assert_true(open_runs_end(runs, b.call, AT(round) - TIME_HOUR, 20));
        struct ended_run *ended = open_runs_take(runs, AT(round));
        assert_non_null(ended);
        assert_null(ended->next);
        assert_int_equal(ended->count, 3);
        assert_true(str_equal(ended->id, str_of(run)));
        /* Each has its own end and tokens; a clock set back makes none end before it began. */
        assert_int_equal(ended->calls[0].end_ns, AT(round) + 1);
        assert_int_equal(ended->calls[1].end_ns, AT(round));
        assert_true(ended->calls[2].tokens == 30 && ended->calls[1].tokens == 20);
        assert_true(ended->calls[0].tokens == CALLPATH_NO_TOKENS);
        ended_run_free(ended);
    }
    assert_int_equal(open_runs_counts(runs).open, 0);
    open_runs_destroy(&runs);
}

static void what_was_never_sent_is_no_call(void **state)
{
    (void)state;
    struct open_runs *runs = NULL;
    assert_int_equal(open_runs_create(&runs, 100, TIME_HOUR), FW_OK);
    struct open_begun a = begin(runs, "r", NULL, "m", false, AT(0));
    assert_false(open_runs_cancel(runs, a.call));
    struct open_begun b = begin(runs, "r", NULL, "m", true, AT(1));
    assert_int_equal(b.index, 1);
    assert_int_equal(b.ordinal, 1);
    assert_true(open_runs_end(runs, b.call, AT(2), 1));
    struct ended_run *ended = open_runs_take(runs, AT(2));
    assert_true(ended->count == 2 && ended->calls[0].cancelled && !ended->calls[1].cancelled);
    ended_run_free(ended);
    open_runs_destroy(&runs);
}

static size_t taken(struct open_runs *runs, int64_t now_ns)
{
    size_t count = 0;
    for (struct ended_run *ended = open_runs_take(runs, now_ns), *next; ended; ended = next) {
        next = ended->next;
        ended_run_free(ended);
        count++;
    }
    return count;
}

static void the_most_silent_gives_way(void **state)
{
    (void)state;
    struct open_runs *runs = NULL;
    char name[16];
    assert_int_equal(open_runs_create(&runs, 10, TIME_MINUTE), FW_OK);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "run %d", i);
        struct open_begun begun = begin(runs, name, NULL, "m", false, AT(i) / 100);
        if (i % 2)
            (void)open_runs_end(runs, begun.call, AT(i) / 100, 1);
        assert_true(open_runs_counts(runs).open <= 10);
    }
    assert_int_equal(open_runs_counts(runs).crowded, 990);
    /* Calls of runs that are gone end nowhere. */
    assert_false(open_runs_end(runs, (struct open_call){1, 0}, AT(1000), 1));
    assert_int_equal(taken(runs, AT(1000) / 100), 990);
    /* Those that run go on, however long they are silent. */
    assert_int_equal(taken(runs, AT(100000)), 5);
    assert_int_equal(open_runs_counts(runs).open, 5);
    open_runs_destroy(&runs);
}

static void a_run_without_end_is_not_kept(void **state)
{
    (void)state;
    struct open_runs *runs = NULL;
    struct open_begun begun = {.index = 0};
    assert_int_equal(open_runs_create(&runs, 10, TIME_MINUTE), FW_OK);
    for (int i = 0; i < 3 * OPEN_RUNS_CALLS_MAX; i++) {
        begun = begin(runs, "loop", NULL, "m", false, AT(0));
        (void)open_runs_end(runs, begun.call, AT(0), 1);
    }
    assert_int_equal(begun.ordinal, 3 * OPEN_RUNS_CALLS_MAX);
    assert_int_equal(open_runs_counts(runs).calls, OPEN_RUNS_CALLS_MAX);
    assert_int_equal(taken(runs, AT(3600)), 0);
    assert_int_equal(open_runs_counts(runs).too_long, 1);
    open_runs_destroy(&runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_run_and_path_has_its_own_numbers),
        cmocka_unit_test(what_was_never_sent_is_no_call),
        cmocka_unit_test(the_most_silent_gives_way),
        cmocka_unit_test(a_run_without_end_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

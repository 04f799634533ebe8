/* SPDX-License-Identifier: MIT
 * A failed CHECK reports the place and ends the program, in release builds too. */
#include "base/check.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static int report_to;

static void report(const char *file, int line, const char *condition)
{
    char text[512];
    int len = snprintf(text, sizeof text, "%s:%d:%s", file, line, condition);
    if (write(report_to, text, (size_t)len) != len)
        _exit(1);
}

/* The wait status of a child that checks `one == 1`; what it reported goes into text. */
static int run_child(int one, check_report_fn *hook, char *text, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        report_to = ends[1];
        check_report = hook;
        CHECK(one == 1);
        _exit(0);
    }
    close(ends[1]);
    ssize_t len = read(ends[0], text, size - 1);
    text[len > 0 ? len : 0] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void what_holds_goes_on(void **state)
{
    (void)state;
    char text[512];
    int status = run_child(1, report, text, sizeof text);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_string_equal(text, "");
}

static void what_fails_is_reported_and_aborts(void **state)
{
    (void)state;
    char text[512];
    int status = run_child(2, report, text, sizeof text);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, "test_check.c:"));
    assert_non_null(strstr(text, ":one == 1"));
}

static void it_aborts_without_a_reporter(void **state)
{
    (void)state;
    char text[512];
    int status = run_child(2, NULL, text, sizeof text);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_holds_goes_on),
        cmocka_unit_test(what_fails_is_reported_and_aborts),
        cmocka_unit_test(it_aborts_without_a_reporter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

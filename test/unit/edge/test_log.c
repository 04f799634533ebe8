/* SPDX-License-Identifier: MIT
 * The log: one line each, quoted so that nothing can pretend to be a second line, and not without
 * end. */
#include "edge/log.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char path[64];
static char content[1 << 20];

static int begin(void **state)
{
    (void)state;
    struct fw_detail detail;
    snprintf(path, sizeof path, "/tmp/forewarm-log-XXXXXX");
    int fd = mkstemp(path);
    close(fd);
    return log_open(path, LOG_INFO, &detail) == FW_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    log_close();
    return unlink(path);
}

/* The file without the times. */
static const char *written(void)
{
    FILE *file = fopen(path, "r");
    char line[LOG_LINE_MAX + 1];
    content[0] = 0;
    while (fgets(line, sizeof line, file)) {
        assert_memory_equal(line, "time=20", 7);
        assert_non_null(strstr(line, "Z level="));
        strncat(content, strstr(line, "Z level=") + 2, sizeof content - strlen(content) - 1);
    }
    fclose(file);
    return content;
}

static void fields_are_quoted_where_needed(void **state)
{
    (void)state;
    log_info("all is well");
    log_warn("x", LOG_TEXT("plain", "org/model:7b"), LOG_TEXT("blank", "a b"),
             LOG_TEXT("empty", ""), LOG_INT("n", -5), LOG_SECONDS("took_s", INT64_C(1234567890)));
    log_error("x", LOG_TEXT("evil", "a\"b\\c\nlevel=info \x1b[31m"), LOG_TEXT("utf8", "\xc3\xa4"));
    log_debug("not at this level");
    assert_string_equal(
        written(),
        "level=info msg=\"all is well\"\n"
        "level=warn msg=x plain=org/model:7b blank=\"a b\" empty=\"\" n=-5 took_s=1.235\n"
        "level=error msg=x evil=\"a\\\"b\\\\c\\nlevel=info \\x1b[31m\" utf8=\"\xc3\xa4\"\n");
}

static void a_long_line_ends_early(void **state)
{
    (void)state;
    static char text[3 * LOG_LINE_MAX];
    memset(text, 'x', sizeof text - 1);
    log_info("long", LOG_TEXT("text", text));
    log_info("next");
    const char *lines = written();
    assert_true(strlen(lines) < LOG_LINE_MAX + 100);
    assert_string_equal(strchr(lines, '\n'), "\nlevel=info msg=next\n");
}

/* A message that comes too often is cut to so many a second; other messages are not. */
static void floods_are_limited_by_message(void **state)
{
    (void)state;
    for (int i = 0; i < 10 * LOG_LINES_PER_SECOND; i++)
        log_info("flood", LOG_INT("i", i));
    log_info("drop");
    const char *lines = written();
    size_t count = 0;
    for (const char *at = lines; (at = strstr(at, "msg=flood")) != NULL; at++)
        count++;
    /* The second may have turned once meanwhile. */
    assert_true(count >= LOG_LINES_PER_SECOND && count <= 2 * LOG_LINES_PER_SECOND);
    assert_non_null(strstr(lines, "msg=drop"));
}

static void a_file_that_cannot_be_opened_is_named(void **state)
{
    (void)state;
    struct fw_detail detail;
    assert_int_equal(log_open("/nowhere/at/all", LOG_INFO, &detail), FW_IO);
    assert_string_equal(
        detail.text, "log_file: \"/nowhere/at/all\" cannot be opened: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fields_are_quoted_where_needed, begin, end),
        cmocka_unit_test_setup_teardown(a_long_line_ends_early, begin, end),
        cmocka_unit_test_setup_teardown(floods_are_limited_by_message, begin, end),
        cmocka_unit_test(a_file_that_cannot_be_opened_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

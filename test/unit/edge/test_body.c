/* SPDX-License-Identifier: MIT
 * Bodies of control calls. */
#include "edge/control_body.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const struct control_field fields[] = {
    {"resource", CONTROL_TEXT, true, 0, 0},
    {"probability", CONTROL_NUMBER, false, 0, 1},
};
static struct control_value values[2];

static const char *problem_of(const char *body)
{
    static struct fw_detail detail;
    assert_int_equal(control_body_parse(str_of(body), fields, 2, values, &detail), FW_INPUT);
    return detail.text;
}

static void good_bodies(void **state)
{
    (void)state;
    struct fw_detail detail;
    assert_int_equal(control_body_parse(STR("{\"resource\":\"a\\u00e4\",\"probability\":1}"),
                                        fields, 2, values, &detail),
                     FW_OK);
    assert_string_equal(values[0].text, "a\xc3\xa4");
    assert_true(values[1].given && values[1].number >= 1);
    assert_int_equal(control_body_parse(STR("{\"resource\":\"a\",\"probability\":null}"), fields, 2,
                                        values, &detail),
                     FW_OK);
    assert_false(values[1].given);
    assert_int_equal(control_body_parse(STR(" "), fields + 1, 1, values, &detail), FW_OK);
}

static void bad_bodies_are_told_everything(void **state)
{
    (void)state;
    assert_string_equal(problem_of(""), "resource: missing");
    assert_string_equal(
        problem_of("{\"probability\":true,\"x\":1}"),
        "probability: found a boolean, expected a number; x: unknown field; resource: missing");
    assert_string_equal(problem_of("{\"resource\":\"\"}"),
                        "resource: found 0 bytes, expected 1 to 511");
    assert_string_equal(problem_of("{\"resource\":\"a\",\"probability\":1.5}"),
                        "probability: found 1.5, expected 0 to 1");
    assert_string_equal(problem_of("[3]"), "found an array, expected an object");
    assert_non_null(strstr(problem_of("{"), "not valid JSON: line 1 column 1"));
    assert_non_null(strstr(problem_of("{\"resource\":\"a\\u0000b\"}"), "not valid JSON"));
    assert_non_null(strstr(problem_of("{\"resource\":\"\xff\"}"), "not valid JSON"));
}

struct seen {
    char text[256];
};

static void take(void *context, size_t number, struct str item)
{
    struct seen *seen = context;
    size_t len = strlen(seen->text);
    snprintf(seen->text + len, sizeof seen->text - len, "%zu:%.*s|", number, STR_ARG(item));
}

static const char *items_of(const char *body)
{
    static struct seen seen;
    struct fw_detail detail;
    seen.text[0] = 0;
    assert_int_equal(control_body_each(str_of(body), take, &seen, &detail), FW_OK);
    return seen.text;
}

static void bodies_of_many(void **state)
{
    (void)state;
    assert_string_equal(items_of("{\"a\":1}\n\r\n {\"a\":2} \nrubbish"),
                        "1:{\"a\":1}|3:{\"a\":2}|4:rubbish|");
    assert_string_equal(items_of("[{\"a\":1}, 2]"), "1:{\"a\":1}|2:2|");
    assert_string_equal(items_of("{\"a\":\n1}"), "1:{\"a\":\n1}|");
    assert_string_equal(items_of(""), "");
    struct fw_detail detail;
    struct seen seen = {{0}};
    assert_int_equal(control_body_each(STR("[1,"), take, &seen, &detail), FW_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_bodies),
        cmocka_unit_test(bad_bodies_are_told_everything),
        cmocka_unit_test(bodies_of_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

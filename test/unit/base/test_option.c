/* SPDX-License-Identifier: MIT
 * A table of options: defaults, parsing, bounds, variables, typing errors. */
#include "base/option.h"
#include "base/time.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct settings {
    bool enabled;
    int64_t history;
    int64_t free_number;
    double price;
    int64_t horizon_ns;
    int64_t hold_ns;
    uint64_t memory;
    char policy[OPTION_TEXT_MAX];
    int mode;
};

static const char *const modes[] = {"hold", "fallback", "refuse", NULL};
#define AT(field) offsetof(struct settings, field)
static const struct option_row rows[] = {
    {"enabled", OPTION_BOOL, AT(enabled), "true", 0, 0, true, NULL, "On."},
    {"history", OPTION_INT, AT(history), "1000", 1, 100000, false, NULL, "How many."},
    {"free_number", OPTION_INT, AT(free_number), "-5", 0, 0, false, NULL, "Any."},
    {"price", OPTION_DOUBLE, AT(price), "54", 0, INFINITY, true, NULL, "What."},
    {"prewarm_horizon", OPTION_DURATION, AT(horizon_ns), "10m", 1e9, 3600e9, true, NULL,
     "How far."},
    {"hold_timeout", OPTION_DURATION, AT(hold_ns), "inherit", -1, INFINITY, true, NULL,
     "How long."},
    {"memory", OPTION_SIZE, AT(memory), "unlimited", 0, 0, false, NULL, "How much."},
    {"policy", OPTION_TEXT, AT(policy), "planner", 0, 0, false, NULL, "Which."},
    {"on_cold", OPTION_CHOICE, AT(mode), "hold", 0, 0, false, modes, "What then."},
};
enum { ROWS = sizeof rows / sizeof *rows };

static enum fw_err set(struct settings *settings, const char *name, const char *text,
                       struct fw_detail *detail)
{
    const struct option_row *row = option_find(rows, ROWS, str_of(name));
    assert_non_null(row);
    return option_set(row, settings, str_of(text), detail);
}

static void defaults_are_set(void **state)
{
    (void)state;
    struct settings s;
    memset(&s, 0xAA, sizeof s);
    option_defaults(rows, ROWS, &s);
    assert_true(s.enabled);
    assert_int_equal(s.history, 1000);
    assert_int_equal(s.free_number, -5);
    assert_true(s.price == 54);
    assert_int_equal(s.horizon_ns, 10 * TIME_MINUTE);
    assert_int_equal(s.hold_ns, -1);
    assert_true(s.memory == UINT64_MAX);
    assert_string_equal(s.policy, "planner");
    assert_int_equal(s.mode, 0);
}

static void values_are_parsed_and_read_back(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *back;
    } cases[] = {
        {"enabled", "off", "false"},
        {"enabled", "YES", "true"},
        {"enabled", "0", "false"},
        {"enabled", "1", "true"},
        {"history", "1", "1"},
        {"history", "100000", "100000"},
        {"free_number", "9223372036854775807", "9223372036854775807"},
        {"price", "0", "0"},
        {"price", "1e-3", "0.001"},
        {"price", "1e300", "1e+300"},
        {"prewarm_horizon", "90s", "1m30s"},
        {"prewarm_horizon", "1h", "1h"},
        {"hold_timeout", "0s", "0s"},
        {"hold_timeout", "never", "never"},
        {"hold_timeout", "inherit", "inherit"},
        {"memory", "0.5GiB", "512MiB"},
        {"memory", "unlimited", "unlimited"},
        {"policy", "", ""},
        {"policy", "ttl:600s", "ttl:600s"},
        {"on_cold", "refuse", "refuse"},
    };
    struct settings s;
    option_defaults(rows, ROWS, &s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fw_detail detail;
        struct buf out;
        buf_init(&out, 2000);
        if (set(&s, cases[i].name, cases[i].text, &detail) != FW_OK)
            fail_msg("%s", detail.text);
        const struct option_row *row = option_find(rows, ROWS, str_of(cases[i].name));
        option_get(row, &s, &out);
        assert_string_equal(buf_str(&out).data, cases[i].back);
        assert_int_equal(option_set(row, &s, buf_str(&out), NULL), FW_OK);
        buf_fini(&out);
    }
}

static void errors_say_name_found_and_expected(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *sentence;
    } cases[] = {
        {"enabled", "maybe", "enabled: found \"maybe\", expected true or false"},
        {"enabled", "", "found \"\""},
        {"history", "0", "history: found \"0\", expected a whole number, from 1 to 100000"},
        {"history", "100001", "from 1 to 100000"},
        {"history", "1.5", "a whole number"},
        {"price", "-0.1", "a number, from 0 up"},
        {"price", "nan", "a number"},
        {"prewarm_horizon", "600",
         "expected a duration with its unit, such as 90s or 1h30m, from 1s to 1h"},
        {"prewarm_horizon", "999ms", "from 1s to 1h"},
        {"prewarm_horizon", "never", "from 1s to 1h"},
        {"prewarm_horizon", "inherit", "a duration"}, /* only where the row has a -1 */
        {"memory", "24", "expected a size with its unit, such as 24GiB"},
        {"on_cold", "Hold", "expected one of hold, fallback, refuse"},
    };
    struct settings s, before;
    memset(&s, 0, sizeof s);
    option_defaults(rows, ROWS, &s);
    memcpy(&before, &s, sizeof s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fw_detail detail;
        assert_int_equal(set(&s, cases[i].name, cases[i].text, &detail), FW_INPUT);
        if (!strstr(detail.text, cases[i].sentence))
            fail_msg("\"%s\" is not in \"%s\"", cases[i].sentence, detail.text);
    }
    assert_memory_equal(&s, &before, sizeof s);
}

static void texts_have_a_limit(void **state)
{
    (void)state;
    struct settings s;
    struct fw_detail detail;
    char text[OPTION_TEXT_MAX + 1];
    option_defaults(rows, ROWS, &s);
    memset(text, 'x', sizeof text);
    text[OPTION_TEXT_MAX - 1] = '\0';
    assert_int_equal(set(&s, "policy", text, &detail), FW_OK);
    assert_int_equal(strlen(s.policy), OPTION_TEXT_MAX - 1);
    text[OPTION_TEXT_MAX - 1] = 'x';
    text[OPTION_TEXT_MAX] = '\0';
    assert_int_equal(set(&s, "policy", text, &detail), FW_INPUT);
    assert_true(strlen(detail.text) < 300); /* what was found is shown in part */
    const struct option_row *row = option_find(rows, ROWS, STR("policy"));
    assert_int_equal(option_set(row, &s, STR("a\0b"), NULL), FW_INPUT);
}

static const char *const (*variables)[2];

static const char *getenv_from_table(const char *variable)
{
    for (size_t i = 0; variables[i][0]; i++)
        if (strcmp(variables[i][0], variable) == 0)
            return variables[i][1];
    return NULL;
}

static const struct option_alias aliases[] = {
    {"EDGE_PREWARM_HORIZON_MINUTES", "prewarm_horizon", "m"},
    {"EDGE_PREWARM_MIN_REQUESTS", "history", ""},
    {"EDGE_ENABLE_PREWARMING", "enabled", ""},
};

static enum fw_err environment(struct settings *s, const char *const table[][2],
                               struct fw_detail *detail)
{
    variables = table;
    option_defaults(rows, ROWS, s);
    return option_environment(rows, ROWS, aliases, 3, s, getenv_from_table, detail);
}

static void variables_and_their_aliases(void **state)
{
    (void)state;
    struct settings s;
    struct fw_detail detail;
    const char *const both[][2] = {{"EDGE_PREWARM_HORIZON_MINUTES", " 7.5 "},
                                   {"EDGE_PREWARM_MIN_REQUESTS", "3"},
                                   {"FOREWARM_HISTORY", "30"}, /* our own name wins */
                                   {"FOREWARM_ON_COLD", "refuse"},
                                   {"EDGE_ENABLE_PREWARMING", "false"},
                                   {"FOREWARM_POLICY", ""}, /* empty: as if it were not there */
                                   {NULL, NULL}};
    assert_int_equal(environment(&s, both, &detail), FW_OK);
    assert_int_equal(s.horizon_ns, 450 * TIME_SECOND);
    assert_int_equal(s.history, 30);
    assert_int_equal(s.mode, 2);
    assert_false(s.enabled);
    assert_string_equal(s.policy, "planner");
}

static void a_bad_variable_is_named(void **state)
{
    (void)state;
    struct settings s;
    struct fw_detail detail;
    const char *const with_unit[][2] = {{"EDGE_PREWARM_HORIZON_MINUTES", "10m"}, {NULL, NULL}};
    assert_int_equal(environment(&s, with_unit, &detail), FW_INPUT);
    assert_non_null(strstr(detail.text, "EDGE_PREWARM_HORIZON_MINUTES: found \"10m\""));
    assert_non_null(strstr(detail.text, "the unit \"m\" is added"));
    const char *const own[][2] = {{"FOREWARM_PREWARM_HORIZON", "10"}, {NULL, NULL}};
    assert_int_equal(environment(&s, own, &detail), FW_INPUT);
    assert_non_null(strstr(detail.text, "FOREWARM_PREWARM_HORIZON: found \"10\""));
    char text[OPTION_TEXT_MAX + 2];
    memset(text, '1', sizeof text);
    text[sizeof text - 1] = '\0';
    const char *const endless[][2] = {{"EDGE_PREWARM_MIN_REQUESTS", text}, {NULL, NULL}};
    assert_int_equal(environment(&s, endless, &detail), FW_INPUT);
    assert_non_null(strstr(detail.text, "EDGE_PREWARM_MIN_REQUESTS"));
}

static void typing_errors_get_a_suggestion(void **state)
{
    (void)state;
    assert_string_equal(option_suggest(rows, ROWS, STR("polcy")), "policy");
    assert_string_equal(option_suggest(rows, ROWS, STR("memroy")),
                        "memory"); /* two swapped: one edit */
    assert_string_equal(option_suggest(rows, ROWS, STR("hold-timeout")), "hold_timeout");
    assert_string_equal(option_suggest(rows, ROWS, STR("prewarm_horizont")), "prewarm_horizon");
    assert_null(option_suggest(rows, ROWS, STR("something_else")));
    assert_null(option_suggest(rows, ROWS, STR("")));
    char text[1000];
    memset(text, 'x', sizeof text);
    assert_null(option_suggest(rows, ROWS, (struct str){text, sizeof text}));
    assert_null(option_find(rows, ROWS, STR("polic")));
}

static void types_have_names(void **state)
{
    (void)state;
    for (int type = OPTION_BOOL; type <= OPTION_CHOICE; type++)
        for (int other = OPTION_BOOL; other < type; other++)
            assert_string_not_equal(option_type_name((enum option_type)type),
                                    option_type_name((enum option_type)other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_set),
        cmocka_unit_test(values_are_parsed_and_read_back),
        cmocka_unit_test(errors_say_name_found_and_expected),
        cmocka_unit_test(texts_have_a_limit),
        cmocka_unit_test(variables_and_their_aliases),
        cmocka_unit_test(a_bad_variable_is_named),
        cmocka_unit_test(typing_errors_get_a_suggestion),
        cmocka_unit_test(types_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

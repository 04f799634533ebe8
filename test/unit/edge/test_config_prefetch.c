/* SPDX-License-Identifier: MIT
 * prefetch in the configuration: what is read, and what is refused with line and column. */
#include "base/time.h"
#include "edge/config.h"
#include "edge/pages/page_guess.h"
#include "edge/pages/pages.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void refused(const char *text, const char *expected)
{
    struct config *config = NULL;
    struct config_problems problems = {0};
    assert_int_equal(config_parse(&config, "f.yaml", str_of(text), NULL, &problems), FW_INPUT);
    assert_null(config);
    assert_string_equal(problems.text.data, expected);
    config_problems_fini(&problems);
}

static struct config *taken(const char *text)
{
    struct config *config = NULL;
    struct config_problems problems = {0};
    enum fw_err err = config_parse(&config, "f.yaml", str_of(text), NULL, &problems);
    if (err != FW_OK)
        fail_msg("%s", problems.text.data ? problems.text.data : "");
    config_problems_fini(&problems);
    return config;
}

static void test_defaults(void **state)
{
    (void)state;
    struct config *config = taken("prefetch: {upstream: http://127.0.0.1:1/base, paths: [/p/]}\n");
    assert_int_equal(config->prefetch_count, 1);
    assert_int_equal(config->resource_count, 0); /* pages alone are enough */
    const struct config_prefetch *prefetch = &config->prefetch[0];
    assert_string_equal(prefetch->paths, "/p/");
    assert_string_equal(prefetch->upstream.prefix, "/base");
    assert_string_equal(prefetch->session, "");
    assert_true(prefetch->ahead && prefetch->cache == UINT64_C(64) << 20);
    assert_true(prefetch->budget == UINT64_C(10) << 20 && prefetch->max_concurrent == 5);
    assert_int_equal(prefetch->strategies, 7);
    config_free(&config);
}

static void test_everything(void **state)
{
    (void)state;
    struct config *config =
        taken("prefetch:\n"
              "  - upstream: http://127.0.0.1:1\n"
              "    paths: /a/ /b\n"
              "    cache: 1GiB\n"
              "    object_max: 1MiB\n"
              "    prefetch: false\n"
              "    max_concurrent: 2\n"
              "    budget: 2MiB/s\n"
              "    yield_at: 3\n"
              "    strategies: [links, mix]\n"
              "    session: cookie:sid\n"
              "    ignore_cookies: [_ga, x]\n"
              "    assume_fresh: 30s\n"
              "  - {upstream: 'http://127.0.0.1:2', paths: [/a/deep/], budget: unlimited}\n");
    const struct config_prefetch *one = &config->prefetch[0];
    assert_int_equal(config->prefetch_count, 2);
    assert_string_equal(one->paths, "/a/ /b");
    assert_string_equal(one->ignore_cookies, "_ga x");
    assert_string_equal(one->session, "cookie:sid");
    assert_true(one->budget == UINT64_C(2) << 20 && one->yield_at == 3 && !one->ahead);
    assert_int_equal(one->strategies, 1u << PAGE_MIX | 1u << PAGE_LINKS);
    assert_true(one->assume_fresh_ns == 30 * TIME_SECOND);
    assert_true(config->prefetch[1].budget == UINT64_MAX);
    assert_int_equal(pages_find(config, STR("/a/x")), 0);
    assert_int_equal(pages_find(config, STR("/a/deep/x")), 1); /* the longest wins */
    assert_int_equal(pages_find(config, STR("/bcd")), 0);
    assert_int_equal(pages_find(config, STR("/c")), TABLE_NONE);
    config_free(&config);
}

static void test_refused(void **state)
{
    (void)state;
    refused("prefetch: {paths: [/p/]}\n",
            "f.yaml:1:11: prefetch.upstream: missing, expected the address of the pages' server\n");
    refused("prefetch: {upstream: http://127.0.0.1:1}\n",
            "f.yaml:1:11: prefetch.paths: missing, expected what paths begin with, such as "
            "[/pages/]\n");
    refused("prefetch:\n"
            "  upstream: ftp://x\n"
            "  paths: [pages, /a?b]\n"
            "  strategies: [mix, magic]\n"
            "  budget: 10MiB\n"
            "  session: sid\n"
            "  cache: 1\n"
            "  cahce: 1GiB\n",
            "f.yaml:2:13: prefetch.upstream: found \"ftp://x\", expected an address such as "
            "http://127.0.0.1:5801\n"
            "f.yaml:3:10: prefetch.paths: found \"pages\", expected what paths begin with, such as "
            "/pages/\n"
            "f.yaml:3:10: prefetch.paths: found \"/a?b\", expected what paths begin with, such as "
            "/pages/\n"
            "f.yaml:4:15: prefetch.strategies: found \"magic\", expected mix, names or links\n"
            "f.yaml:5:11: prefetch.budget: found \"10MiB\", expected bytes a second such as "
            "10MiB/s, or unlimited\n"
            "f.yaml:6:12: prefetch.session: found \"sid\", expected header:NAME, cookie:NAME or "
            "address\n"
            "f.yaml:7:10: cache: found \"1\", expected a size with its unit, such as 24GiB, from "
            "1MiB to 1PiB\n"
            "f.yaml:8:3: cahce: unknown key, did you mean cache?\n");
    refused("prefetch:\n"
            "  - {upstream: 'http://127.0.0.1:1', paths: [/p/]}\n"
            "  - {upstream: 'http://127.0.0.1:2', paths: [/p/], cache: 1MiB, object_max: 2MiB}\n",
            "f.yaml:3:5: prefetch.object_max: larger than cache\n"
            "f.yaml:2:3: prefetch.paths: \"/p/\" is there twice\n");
    refused("prefetch: 5\n", "f.yaml:1:11: prefetch: found a single value, expected a list\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults),
                                       cmocka_unit_test(test_everything),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

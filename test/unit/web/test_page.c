/* SPDX-License-Identifier: MIT
 * Pages: a template's places are filled, and nothing gets out of its place. */
#include "web/page.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void assert_page(const char *form, const struct page_part *parts, size_t count,
                        const char *expected)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    page_write(&out, str_of(form), parts, count);
    assert_false(out.failed);
    assert_string_equal(out.data, expected);
    buf_fini(&out);
}

static void test_places_are_filled(void **state)
{
    (void)state;
    const struct page_part parts[] = {{"a", STR("1"), PAGE_RAW}, {"b", STR("{{a}}"), PAGE_RAW}};
    assert_page("x{{a}}y{{b}}{{a}}z", parts, 2, "x1y{{a}}1z");
    assert_page("no place", parts, 2, "no place");
}

static void test_text_is_escaped(void **state)
{
    (void)state;
    const struct page_part parts[] = {{"t", STR("<b a='1' b=\"2\">&amp;"), PAGE_TEXT}};
    assert_page("<p>{{t}}</p>", parts, 1,
                "<p>&lt;b a=&#39;1&#39; b=&quot;2&quot;&gt;&amp;amp;</p>");
}

static void test_json_cannot_end_its_script(void **state)
{
    (void)state;
    const struct page_part parts[] = {{"j", STR("{\"a\":\"</script><!--&\"}"), PAGE_JSON}};
    assert_page("<script>{{j}}</script>", parts, 1,
                "<script>{\"a\":\"\\u003c/script\\u003e\\u003c!--\\u0026\"}</script>");
}

static void test_assets_are_there(void **state)
{
    (void)state;
    struct str script = page_asset("replay.js"), style = page_asset("page.css"),
               form = page_asset("replay.html");
    /* one module: nothing is imported or exported any more, and it cannot end its element */
    assert_null(memmem(script.data, script.len, "\nimport ", 8));
    assert_null(memmem(script.data, script.len, "\nexport ", 8));
    assert_null(memmem(script.data, script.len, "</", 2));
    assert_non_null(memmem(script.data, script.len, "function scatter(", 17));
    assert_non_null(memmem(script.data, script.len, "function headline(", 18));
    assert_null(memmem(style.data, style.len, "</", 2));
    assert_true(str_starts(form, STR("<!doctype html>\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places_are_filled),
        cmocka_unit_test(test_text_is_escaped),
        cmocka_unit_test(test_json_cannot_end_its_script),
        cmocka_unit_test(test_assets_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

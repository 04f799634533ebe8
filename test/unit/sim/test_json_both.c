/* SPDX-License-Identifier: MIT
 * Our JSON writer beside libjansson, which has functions of the same names and calls them itself.
 */
#include <jansson.h>

#include "base/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void what_we_write_jansson_reads(void **state)
{
    struct buf out;
    struct json json;
    (void)state;
    buf_init(&out, 1 << 16);
    json_init(&json, &out, false);
    json_object(&json);
    json_key(&json, "list");
    json_array(&json);
    json_int(&json, 7);
    json_null(&json);
    json_array_end(&json);
    json_object_end(&json);
    json_t *value = json_loadb(out.data, out.len, 0, NULL);
    assert_non_null(value);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(value, "list"), 0)), 7);
    assert_true(json_is_null(json_array_get(json_object_get(value, "list"), 1)));
    json_decref(value);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_we_write_jansson_reads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

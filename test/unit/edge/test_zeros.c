/* SPDX-License-Identifier: MIT
 * Requests of zeros from a model's metadata (KServe V2): shapes, types, limits (P8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
/* behind jansson */
#include "edge/warmers/zeros.h"

struct made {
    enum fw_err err;
    struct buf body;
    size_t json_bytes;
    struct fw_detail detail;
};

static struct made make(const char *metadata, int64_t batch)
{
    struct made made = {0};
    json_t *json = json_loads(metadata, 0, NULL);
    assert_non_null(json);
    buf_init(&made.body, 2 * ZEROS_BYTES_MAX);
    made.err = zeros_write(json, batch, &made.body, &made.json_bytes, &made.detail);
    json_decref(json);
    return made;
}

static void expect(const char *metadata, int64_t batch, const char *body)
{
    struct made made = make(metadata, batch);
    assert_int_equal(made.err, FW_OK);
    assert_int_equal(made.json_bytes, 0);
    assert_int_equal(made.body.len, strlen(body));
    assert_memory_equal(made.body.data, body, made.body.len);
    buf_fini(&made.body);
}

static void refuse(const char *metadata, enum fw_err err, const char *words)
{
    struct made made = make(metadata, 0);
    assert_int_equal(made.err, err);
    assert_non_null(strstr(made.detail.text, words));
    buf_fini(&made.body);
}

static void open_dimensions_become_one_and_the_first_is_the_batch(void **state)
{
    (void)state;
    const char *one = "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[-1,2]}]}";
    expect(
        one, 0,
        "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[1,2],\"data\":[0.0,0.0]}]}");
    expect(one, 2,
           "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[2,2],"
           "\"data\":[0.0,0.0,0.0,0.0]}]}");
}

static void every_type_has_its_zero(void **state)
{
    (void)state;
    expect("{\"inputs\":[{\"name\":\"a\",\"datatype\":\"BYTES\",\"shape\":[1]},"
           "{\"name\":\"b\",\"datatype\":\"BOOL\",\"shape\":[]},"
           "{\"name\":\"c\",\"datatype\":\"INT64\",\"shape\":[0]}]}",
           0,
           "{\"inputs\":[{\"name\":\"a\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"\"]},"
           "{\"name\":\"b\",\"datatype\":\"BOOL\",\"shape\":[],\"data\":[false]},"
           "{\"name\":\"c\",\"datatype\":\"INT64\",\"shape\":[0],\"data\":[]}]}");
}

static void half_precision_goes_behind_the_json(void **state)
{
    (void)state;
    struct made made =
        make("{\"inputs\":[{\"name\":\"h\",\"datatype\":\"FP16\",\"shape\":[-1,3]}]}", 4);
    const char *json = "{\"inputs\":[{\"name\":\"h\",\"datatype\":\"FP16\",\"shape\":[4,3],"
                       "\"parameters\":{\"binary_data_size\":24}}]}";
    assert_int_equal(made.err, FW_OK);
    assert_int_equal(made.json_bytes, strlen(json));
    assert_int_equal(made.body.len, strlen(json) + 24);
    assert_memory_equal(made.body.data, json, strlen(json));
    for (size_t i = made.json_bytes; i < made.body.len; i++)
        assert_int_equal(made.body.data[i], 0);
    buf_fini(&made.body);
}

static void what_cannot_be_made_is_said(void **state)
{
    (void)state;
    refuse("{}", FW_UPSTREAM, "lists no inputs");
    refuse("{\"inputs\":[]}", FW_UPSTREAM, "lists no inputs");
    refuse("{\"inputs\":[{\"name\":\"x\"}]}", FW_UPSTREAM,
           "not described by name, datatype and shape");
    refuse("{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP8\",\"shape\":[1]}]}", FW_UPSTREAM,
           "input \"x\" is of datatype \"FP8\", which has no zero here");
    refuse(
        "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[65536,65536,65536,65536]}]}",
        FW_LIMIT, "input \"x\" is too large");
    refuse("{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[8388608]}]}", FW_LIMIT,
           "too much");
    refuse("{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\","
           "\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}]}",
           FW_LIMIT, "17 dimensions");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_dimensions_become_one_and_the_first_is_the_batch),
        cmocka_unit_test(every_type_has_its_zero),
        cmocka_unit_test(half_precision_goes_behind_the_json),
        cmocka_unit_test(what_cannot_be_made_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

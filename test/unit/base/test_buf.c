/* SPDX-License-Identifier: MIT
 * A buffer keeps to its maximum, remembers failure, and reads back what it wrote. */
#include "base/buf.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void it_grows_to_its_maximum_and_no_further(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1000);
    for (int i = 0; i < 1000; i++)
        buf_add_char(&buf, (char)('a' + i % 26));
    assert_false(buf.failed);
    assert_int_equal(buf.len, 1000);
    assert_int_equal(buf.data[1000], '\0');
    assert_true(buf.capacity <= 1001);
    buf_add_char(&buf, 'x');
    assert_true(buf.failed);
    assert_int_equal(buf.len, 1000);
    assert_int_equal(buf.data[999], 'a' + 999 % 26);
    buf_fini(&buf);
    assert_null(buf.data);
}

static void after_a_failure_nothing_is_added_until_cleared(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 4);
    buf_add_text(&buf, "ab");
    buf_add_text(&buf, "cde");
    buf_add_text(&buf, "c"); /* would fit; but then there would be a hole */
    assert_true(buf.failed);
    assert_string_equal(buf.data, "ab");
    assert_null(buf_reserve(&buf, 0));
    buf_clear(&buf);
    buf_add_text(&buf, "wxyz");
    assert_false(buf.failed);
    assert_string_equal(buf.data, "wxyz");
    buf_fini(&buf);
}

static void a_zeroed_buffer_can_be_ended_and_read(void **state)
{
    (void)state;
    struct buf buf = {0};
    assert_int_equal(buf_str(&buf).len, 0);
    assert_string_equal(buf_str(&buf).data, "");
    buf_fini(&buf);
    buf_init(&buf, SIZE_MAX); /* the NUL must not overflow the limit */
    buf_add_text(&buf, "x");
    assert_string_equal(buf.data, "x");
    assert_null(buf_reserve(&buf, SIZE_MAX - 1));
    assert_true(buf.failed);
    assert_int_equal(buf.len, 1);
    buf_fini(&buf);
}

static void printing_fits_exactly_or_not_at_all(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    buf_printf(&buf, "%s-%d", "abcdefg", 12);
    assert_string_equal(buf.data, "abcdefg-12");
    assert_int_equal(buf.len, 10);
    buf_printf(&buf, "%s", "");
    assert_false(buf.failed);
    buf_printf(&buf, "%d", 1);
    assert_true(buf.failed);
    assert_string_equal(buf.data, "abcdefg-12");
    buf_fini(&buf);
}

static void the_front_can_be_removed(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    buf_remove_front(&buf, 3);
    buf_add_text(&buf, "hello world");
    buf_remove_front(&buf, 6);
    assert_string_equal(buf.data, "world");
    buf_remove_front(&buf, 0);
    buf_remove_front(&buf, 99);
    assert_int_equal(buf.len, 0);
    assert_string_equal(buf.data, "");
    buf_fini(&buf);
}

static void binary_reads_back(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1000);
    buf_put_u8(&buf, 0xFF);
    buf_put_u32(&buf, UINT32_C(0x01020304));
    buf_put_u64(&buf, UINT64_MAX);
    buf_put_i64(&buf, INT64_MIN);
    buf_put_double(&buf, -0.0);
    buf_put_double(&buf, 5e-324);
    buf_put_float(&buf, 1.5f);
    buf_put_str(&buf, STR("a\0b"));
    buf_put_str(&buf, STR(""));
    assert_memory_equal(buf.data + 1, "\x04\x03\x02\x01",
                        4); /* little-endian whatever the machine */
    struct buf_reader reader = {(const uint8_t *)buf.data, buf.len, 0, false};
    assert_int_equal(buf_get_u8(&reader), 0xFF);
    assert_int_equal(buf_get_u32(&reader), 0x01020304);
    assert_true(buf_get_u64(&reader) == UINT64_MAX);
    assert_true(buf_get_i64(&reader) == INT64_MIN);
    double zero = buf_get_double(&reader);
    assert_true(zero == 0 && signbit(zero));
    assert_true(buf_get_double(&reader) == 5e-324);
    assert_true(buf_get_float(&reader) == 1.5f);
    assert_true(str_equal(buf_get_str(&reader), STR("a\0b")));
    assert_int_equal(buf_get_str(&reader).len, 0);
    assert_false(reader.failed);
    assert_int_equal(reader.at, reader.len);
    assert_int_equal(buf_get_u8(&reader), 0);
    assert_true(reader.failed);
    buf_fini(&buf);
}

static void a_reader_stays_failed_and_in_bounds(void **state)
{
    (void)state;
    const uint8_t lies[] = {0xFF, 0xFF, 0xFF, 0xFF, 'x'}; /* a string of 4 GiB in five bytes */
    struct buf_reader reader = {lies, sizeof lies, 0, false};
    assert_int_equal(buf_get_str(&reader).len, 0);
    assert_true(reader.failed);
    assert_int_equal(buf_get_u8(&reader), 0); /* one byte is left, but the place is lost */
    struct buf_reader small = {lies, 3, 0, false};
    assert_int_equal(buf_get_u32(&small), 0);
    assert_true(small.failed);
    struct buf_reader empty = {NULL, 0, 0, false};
    assert_int_equal(buf_get_u64(&empty), 0);
    assert_true(empty.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_grows_to_its_maximum_and_no_further),
        cmocka_unit_test(after_a_failure_nothing_is_added_until_cleared),
        cmocka_unit_test(a_zeroed_buffer_can_be_ended_and_read),
        cmocka_unit_test(printing_fits_exactly_or_not_at_all),
        cmocka_unit_test(the_front_can_be_removed),
        cmocka_unit_test(binary_reads_back),
        cmocka_unit_test(a_reader_stays_failed_and_in_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * CSV as RFC 4180 has it and as programs write it, whole and in pieces of every size. */
#include "base/csv.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Rows as "LINE:[field|field]\n". */
static enum fw_err print_row(void *context, const struct csv_row *row)
{
    struct buf *out = context;
    buf_printf(out, "%" PRIu64 ":[", row->line);
    for (uint32_t i = 0; i < row->count; i++) {
        buf_add_text(out, i > 0 ? "|" : "");
        buf_add_str(out, row->fields[i]);
    }
    buf_add_text(out, "]\n");
    return FW_OK;
}

struct run {
    struct buf out;
    struct fw_detail detail;
    enum fw_err err;
};

static void parse(struct run *run, struct str text, size_t piece, size_t row_max, bool keep_empty)
{
    static struct csv csv;
    buf_init(&run->out, 1 << 20);
    run->detail.text[0] = '\0';
    csv_init(&csv, row_max, print_row, &run->out, &run->detail);
    csv.skip_empty_lines = !keep_empty;
    run->err = FW_OK;
    for (size_t at = 0; at < text.len && run->err == FW_OK; at += piece)
        run->err = csv_feed(&csv, text.data + at, text.len - at < piece ? text.len - at : piece);
    if (run->err == FW_OK)
        run->err = csv_end(&csv);
    csv_fini(&csv);
}

static void expect(struct str text, const char *rows)
{
    for (size_t piece = 1; piece <= text.len + 1; piece++) {
        struct run run;
        parse(&run, text, piece, 1000, false);
        if (run.err != FW_OK)
            fail_msg("%.*s: %s", STR_ARG(text), run.detail.text);
        assert_string_equal(buf_str(&run.out).data, rows);
        buf_fini(&run.out);
    }
}

static void rows_and_fields(void **state)
{
    (void)state;
    expect(STR(""), "");
    expect(STR("a"), "1:[a]\n");
    expect(STR("a,b\nc,d\n"), "1:[a|b]\n2:[c|d]\n");
    expect(STR("a,b\r\nc,d\r\n"), "1:[a|b]\n2:[c|d]\n");
    expect(STR("a,b\nc"), "1:[a|b]\n2:[c]\n");
    expect(STR(",\n,,"), "1:[|]\n2:[||]\n");
    expect(STR("a,\r\n"), "1:[a|]\n");
    expect(STR("a\r"), "1:[a]\n"); /* the last line's CRLF was cut in half */
    expect(STR("a\rb\n"), "1:[a\rb]\n");
    expect(STR("a\r\r\n"), "1:[a\r]\n");
    expect(STR(" a , b \n"), "1:[ a | b ]\n"); /* blanks are part of a field */
}

static void quotes(void **state)
{
    (void)state;
    expect(STR("\"a,b\",c\n"), "1:[a,b|c]\n");
    expect(STR("\"a\"\"b\"\n"), "1:[a\"b]\n");
    expect(STR("\"\"\"\"\n"), "1:[\"]\n");
    expect(STR("\"\",\"\"\n"), "1:[|]\n");
    expect(STR("\"\""), "1:[]\n");
    expect(STR("\"\"\r\n\"x\"\r\n"), "1:[]\n2:[x]\n"); /* a quoted nothing is a row */
    expect(STR("\"a\nb\r\nc\",d\ne\n"),
           "1:[a\nb\r\nc|d]\n4:[e]\n"); /* lines count on inside quotes */
    expect(STR("5\" disk,x\n"),
           "1:[5\" disk|x]\n"); /* inside a plain field a quote stands for itself */
    expect(STR("\"a\"\r"), "1:[a]\n");
}

static void empty_lines(void **state)
{
    (void)state;
    expect(STR("\n\r\na\n\n\nb\n\n"), "3:[a]\n6:[b]\n");
    struct run run;
    parse(&run, STR("\na\n\r\n"), 100, 1000, true);
    assert_int_equal(run.err, FW_OK);
    assert_string_equal(run.out.data, "1:[]\n2:[a]\n3:[]\n");
    buf_fini(&run.out);
}

static void a_byte_order_mark_is_dropped_once(void **state)
{
    (void)state;
    expect(STR("\xEF\xBB\xBFtime,id\n"), "1:[time|id]\n");
    expect(STR("\xEF\xBB\xBF\"time\",id\n"), "1:[time|id]\n");
    expect(STR("\xEF\xBB\xBF"), "");
    expect(STR("a\n\xEF\xBB\xBFx\n"), "1:[a]\n2:[\xEF\xBB\xBFx]\n");
    expect(STR("\xEF\xBBz\n"), "1:[\xEF\xBBz]\n"); /* only its beginning: data */
    expect(STR("\xEF\xBB"), "1:[\xEF\xBB]\n");
}

static void refused(struct str text, size_t row_max, const char *sentence, const char *rows_before)
{
    for (size_t piece = 1; piece <= text.len; piece++) {
        struct run run;
        parse(&run, text, piece, row_max, false);
        assert_int_equal(run.err, FW_INPUT);
        if (!strstr(run.detail.text, sentence))
            fail_msg("\"%s\" is not in \"%s\"", sentence, run.detail.text);
        assert_string_equal(buf_str(&run.out).data, rows_before);
        buf_fini(&run.out);
    }
}

static void errors_name_the_line(void **state)
{
    (void)state;
    refused(STR("a\nb,\"c\nd\n"), 1000, "line 2: the row that begins here", "1:[a]\n");
    refused(STR("\""), 1000, "line 1: ", "");
    refused(STR("a\n\"b\nc\"d\n"), 1000, "line 3: text behind a closing quote", "1:[a]\n");
    refused(STR("\"b\"\rc\n"), 1000, "line 1: a carriage return", "");
    refused(STR("a\n1234567890,1\n"), 10, "line 2: the row is longer", "1:[a]\n");
}

static void the_longest_row_and_the_most_fields(void **state)
{
    (void)state;
    struct run run;
    parse(&run, STR("12345,67890\n"), 3, 10, false); /* commas do not count */
    assert_int_equal(run.err, FW_OK);
    buf_fini(&run.out);
    static char commas[CSV_FIELDS_MAX + 1];
    memset(commas, ',', sizeof commas);
    parse(&run, (struct str){commas, CSV_FIELDS_MAX - 1}, 50, 10, false);
    assert_int_equal(run.err, FW_OK);
    assert_int_equal(run.out.len, strlen("1:[]\n") + CSV_FIELDS_MAX - 1);
    buf_fini(&run.out);
    parse(&run, (struct str){commas, CSV_FIELDS_MAX}, 50, 10, false);
    assert_int_equal(run.err, FW_INPUT);
    assert_non_null(strstr(run.detail.text, "line 1: more than 1024 fields"));
    buf_fini(&run.out);
}

static enum fw_err stop_at_second(void *context, const struct csv_row *row)
{
    ++*(int *)context;
    return row->line == 2 ? FW_CANCELLED : FW_OK;
}

static void the_callback_can_stop_and_the_file_is_named(void **state)
{
    (void)state;
    static struct csv csv;
    struct fw_detail detail;
    int rows = 0;
    csv_init(&csv, 100, stop_at_second, &rows, NULL);
    const char text[] = "a\nb\nc\n";
    assert_int_equal(csv_feed(&csv, text, sizeof text - 1), FW_CANCELLED);
    assert_int_equal(rows, 2);
    csv_fini(&csv);
    csv_init(&csv, 100, stop_at_second, &rows, &detail);
    csv.file = "trace.csv";
    assert_int_equal(csv_feed(&csv, "\"a", 2), FW_OK);
    assert_int_equal(csv_end(&csv), FW_INPUT);
    assert_non_null(strstr(detail.text, "trace.csv:1: "));
    csv_fini(&csv);
}

static void written_fields_are_quoted_only_where_needed(void **state)
{
    (void)state;
    static const struct {
        struct str field;
        const char *text;
    } rows[] = {
        {{"", 0}, ""},           {{"plain text", 10}, "plain text"},
        {{"a,b", 3}, "\"a,b\""}, {{"say \"hi\"", 8}, "\"say \"\"hi\"\"\""},
        {{"\"", 1}, "\"\"\"\""}, {{"a\nb", 3}, "\"a\nb\""},
        {{"a\r", 2}, "\"a\r\""}, {{"\xEF\xBB\xBF", 3}, "\"\xEF\xBB\xBF\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out;
        buf_init(&out, 100);
        csv_write(&out, rows[i].field);
        assert_string_equal(buf_str(&out).data, rows[i].text);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_fields),
        cmocka_unit_test(quotes),
        cmocka_unit_test(empty_lines),
        cmocka_unit_test(a_byte_order_mark_is_dropped_once),
        cmocka_unit_test(errors_name_the_line),
        cmocka_unit_test(the_longest_row_and_the_most_fields),
        cmocka_unit_test(the_callback_can_stop_and_the_file_is_named),
        cmocka_unit_test(written_fields_are_quoted_only_where_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

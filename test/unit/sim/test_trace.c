/* SPDX-License-Identifier: MIT
 * The readers of traces: every format from memory, the mapping of columns, the guess of time
 * styles, what bad rows are told. */
#include "base/buf.h"
#include "sim/reader.h"
#include "sim/trace.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

static struct trace trace;
static struct fw_detail detail;
static struct trace_options options;

static int set_up(void **state)
{
    (void)state;
    trace_init(&trace);
    detail.text[0] = '\0';
    options = (struct trace_options){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    trace_fini(&trace);
    return 0;
}

static enum fw_err read_text(const char *text)
{
    enum fw_err err = trace_read_memory(&trace, "log", str_of(text), &options, &detail);
    return err == FW_OK ? trace_finish(&trace, &detail) : err;
}

static void assert_ok(const char *text)
{
    enum fw_err err = read_text(text);
    if (err != FW_OK)
        fail_msg("%s", detail.text);
}

static void assert_says(const char *part)
{
    if (!strstr(detail.text, part))
        fail_msg("\"%s\" does not say \"%s\"", detail.text, part);
}

static void assert_request(size_t i, int64_t at_ns, const char *resource, const char *session,
                           int64_t duration_ns)
{
    assert_true(i < trace.count);
    const struct trace_request *request = &trace.requests[i];
    assert_int_equal(request->at_ns, at_ns);
    assert_true(str_equal(table_key(&trace.resources, request->resource), str_of(resource)));
    if (session)
        assert_true(
            str_equal(table_key(&trace.sessions, request->session_number), str_of(session)));
    else
        assert_true(request->session == 0 && request->session_number == TABLE_NONE);
    assert_int_equal(request->duration_ns, duration_ns);
}

static void test_arrivals(void **state)
{
    (void)state;
    assert_ok("time,resource,session,duration\n10.5,a,s1,2\n11,b,,250ms\n11,a,s1,\n");
    assert_int_equal(trace.count, 3);
    assert_int_equal(trace.format, TRACE_ARRIVALS);
    assert_int_equal(trace.time, TRACE_TIME_OFFSET_S);
    assert_request(0, 10500000000, "a", "s1", 2 * TIME_SECOND);
    assert_request(1, 11 * TIME_SECOND, "b", NULL, 250 * TIME_MILLISECOND);
    assert_string_equal(trace.mapping,
                        "time=time,resource=resource,session=session,duration=duration");
}

static void test_arrivals_mapping_and_joined_columns(void **state)
{
    (void)state;
    snprintf(options.columns, sizeof options.columns,
             "time=when,resource=user+model,session=user,duration=took_ms");
    assert_ok("when,user,model,took_ms\n2024-11-15 16:57:50,u1,m1,1500\n");
    assert_int_equal(trace.time, TRACE_TIME_CIVIL);
    assert_request(0, INT64_C(1731689870) * TIME_SECOND, "u1+m1", "u1", 1500 * TIME_MILLISECOND);
}

static void test_arrivals_quoted_and_windows_line_ends(void **state)
{
    (void)state;
    assert_ok(
        "\xEF\xBB\xBFresource,time\r\n\"a, \"\"big\"\" one\",1700000000123\r\nb,1700000000124\r\n");
    assert_int_equal(trace.time, TRACE_TIME_MS);
    assert_request(0, INT64_C(1700000000123) * TIME_MILLISECOND, "a, \"big\" one", NULL, 0);
}

static void test_sorting_is_stable_and_duplicates_are_kept(void **state)
{
    (void)state;
    assert_ok("time,resource\n30,a\n10,b\n10,c\n30,a\n20,d\n10,b\n");
    assert_int_equal(trace.count, 6);
    assert_int_equal(trace.duplicates, 2);
    assert_int_equal(trace.unsorted, 3);
    assert_request(0, 10 * TIME_SECOND, "b", NULL, 0);
    assert_request(1, 10 * TIME_SECOND, "c", NULL, 0);
    assert_request(2, 10 * TIME_SECOND, "b", NULL, 0);
    assert_request(3, 20 * TIME_SECOND, "d", NULL, 0);
    assert_request(5, 30 * TIME_SECOND, "a", NULL, 0);
}

static void test_bad_rows_stop_with_their_place(void **state)
{
    (void)state;
    assert_int_equal(read_text("time,resource\n10,a\nsoon,b\n"), FW_INPUT);
    assert_says("log:3: time (time): found \"soon\", expected a time as in the first row");
    trace_fini(&trace);
    trace_init(&trace);
    assert_int_equal(read_text("time,resource\n10,a\n\n11,\n"), FW_INPUT);
    assert_says("log:4: resource (resource): found nothing, expected a name");
    trace_fini(&trace);
    trace_init(&trace);
    assert_int_equal(read_text("time,resource\n10,a,b\n"), FW_INPUT);
    assert_says("log:2: row: found \"3 fields\", expected 2 as in the header");
    trace_fini(&trace);
    trace_init(&trace);
    assert_int_equal(read_text("time,resource,duration\n10,a,-3\n"), FW_INPUT);
    assert_says("duration (duration): found \"-3\"");
}

static void test_bad_rows_are_skipped_and_counted(void **state)
{
    (void)state;
    options.skip_bad_rows = true;
    assert_ok("time,resource\n10,a\nsoon,b\n11,\n12,c\n");
    assert_int_equal(trace.count, 2);
    assert_int_equal(trace.skipped, 2);
    assert_int_equal(trace.rows, 4);
    assert_non_null(strstr(trace.first_skipped, "log:3: time"));
}

static void test_missing_columns_are_named(void **state)
{
    (void)state;
    assert_int_equal(read_text("when,what\n1,2\n"), FW_INPUT);
    assert_says("log:1: header: found the columns when, what, expected one for the time");
    snprintf(options.columns, sizeof options.columns, "time=when,resource=model");
    assert_int_equal(read_text("when,what\n1,2\n"), FW_INPUT);
    assert_says("expected one named \"model\" for the resource");
    snprintf(options.columns, sizeof options.columns, "zeit=when");
    assert_int_equal(read_text("when,what\n1,2\n"), FW_USAGE);
    assert_says("found the field \"zeit\"");
}

static void test_time_styles(void **state)
{
    (void)state;
    const struct {
        const char *first, *last, *column;
        int style;
    } cases[] = {
        {"1700000000", "1700000100", "time", TRACE_TIME_S},
        {"1700000000.25", "", "time", TRACE_TIME_S},
        {"1700000000123", "", "t", TRACE_TIME_MS},
        {"1700000000123456", "", "t", TRACE_TIME_US},
        {"1700000000123456789", "", "t", TRACE_TIME_NS},
        {"2024-11-15T16:57:50Z", "", "t", TRACE_TIME_ISO},
        {"2024-11-15 16:57:50", "", "t", TRACE_TIME_CIVIL},
        {"10/Oct/2000:13:55:36 -0700", "", "t", TRACE_TIME_CLF},
        {"0", "35.5", "time", TRACE_TIME_OFFSET_S},
        {"0", "299999", "invoke_time_ms", TRACE_TIME_OFFSET_MS},
        {"0", "1700000100", "time", TRACE_TIME_S},
        {"0", "86400", "time_s", TRACE_TIME_OFFSET_S},
        {"yesterday", "today", "time", TRACE_TIME_AUTO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(trace_time_guess(str_of(cases[i].first), str_of(cases[i].last),
                                          str_of(cases[i].column)),
                         cases[i].style);
}

static void test_assumed_seconds_are_admitted(void **state)
{
    (void)state;
    assert_ok("time,resource\n0,a\n50,a\n");
    assert_true(trace.time_assumed);
    trace_fini(&trace);
    trace_init(&trace);
    assert_ok("time_s,resource\n0,a\n50,a\n");
    assert_false(trace.time_assumed);
    trace_fini(&trace);
    trace_init(&trace);
    options.time = TRACE_TIME_OFFSET_MS;
    assert_ok("time,resource\n0,a\n50,a\n");
    assert_request(1, 50 * TIME_MILLISECOND, "a", NULL, 0);
    assert_false(trace.time_assumed);
}

static void test_azure(void **state)
{
    (void)state;
    assert_ok("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,4808,10\n"
              "2023-11-16 18:17:04.0319600,3180,8\n");
    assert_int_equal(trace.format, TRACE_AZURE_LLM);
    assert_request(0, INT64_C(1700158623979960000), "service", NULL, 0);
    trace_fini(&trace);
    trace_init(&trace);
    assert_int_equal(
        read_text("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,many,10\n"),
        FW_INPUT);
    assert_says("log:2: ContextTokens: found \"many\"");
}

static void test_access_log(void **state)
{
    (void)state;
    assert_ok("10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"POST /v1/chat/completions?x=1 "
              "HTTP/1.1\" 200 2326 \"-\" "
              "\"curl/8 \\\"x\\\"\" rt=0.25 model=qwen-7b\n"
              "10.0.0.2 - frank [10/Oct/2000:13:55:37 -0700] \"GET /models/a HTTP/1.0\" 200 12\n"
              "10.0.0.2 - - [10/Oct/2000:13:55:38 -0700] \"GET /healthz HTTP/1.0\" 200 12\n"
              "10.0.0.2 - - [10/Oct/2000:13:55:38 -0700] \"OPTIONS /v1/chat/completions HTTP/1.0\" "
              "200 12\n");
    assert_int_equal(trace.format, TRACE_ACCESS_LOG);
    assert_int_equal(trace.count, 2);
    assert_int_equal(trace.ignored, 2); /* W3: health checks are not demand */
    assert_request(0, INT64_C(971211336) * TIME_SECOND, "qwen-7b", "10.0.0.1",
                   250 * TIME_MILLISECOND);
    assert_request(1, INT64_C(971211337) * TIME_SECOND, "/models/a", "frank", 0);
}

static void test_access_log_bad_line(void **state)
{
    (void)state;
    options.format = TRACE_ACCESS_LOG;
    assert_int_equal(read_text("10.0.0.1 - - 10/Oct/2000 \"GET / HTTP/1.1\" 200 1\n"), FW_INPUT);
    assert_says("log:1: time in brackets: found \"10.0.0.1");
}

static void test_json_access_logs(void **state)
{
    (void)state;
    /* nginx, log_format escape=json */
    assert_ok("{\"time_iso8601\":\"2024-11-15T16:57:50+00:00\",\"remote_addr\":\"10.0.0.9\","
              "\"request_method\":\"POST\","
              "\"request_uri\":\"/v1/completions?k=v\",\"status\":200,\"request_time\":0.5}\n");
    assert_int_equal(trace.format, TRACE_ACCESS_LOG);
    assert_request(0, INT64_C(1731689870) * TIME_SECOND, "/v1/completions", "10.0.0.9",
                   500 * TIME_MILLISECOND);
    trace_fini(&trace);
    trace_init(&trace);
    /* Envoy: duration in ms */
    assert_ok("{\"start_time\":\"2024-11-15T16:57:50.125Z\",\"method\":\"POST\",\"path\":\"/"
              "predict\",\"response_code\":200,"
              "\"duration\":40,\"x_forwarded_for\":\"1.2.3.4\"}\n");
    assert_request(0, INT64_C(1731689870125) * TIME_MILLISECOND, "/predict", "1.2.3.4",
                   40 * TIME_MILLISECOND);
    trace_fini(&trace);
    trace_init(&trace);
    /* LiteLLM: epoch seconds as numbers, duration from both ends */
    assert_ok("{\"call_type\":\"acompletion\",\"model\":\"gpt-4o-mini\",\"startTime\":1731689870."
              "25,\"endTime\":1731689871.75,"
              "\"end_user\":\"\",\"metadata\":{\"user_api_key_user_id\":\"u7\"}}\n");
    assert_request(0, INT64_C(1731689870250) * TIME_MILLISECOND, "gpt-4o-mini", "u7",
                   1500 * TIME_MILLISECOND);
}

static void test_openai_log(void **state)
{
    (void)state;
    assert_ok("{\"id\":\"x\",\"created\":1731689870,\"model\":\"m\",\"user\":\"u\",\"usage\":{"
              "\"total_tokens\":5},\"duration\":1.25}\n"
              "\n{\"created\":1731689871,\"model\":\"m2\"}\n");
    assert_int_equal(trace.format, TRACE_OPENAI_LOG);
    assert_request(0, INT64_C(1731689870) * TIME_SECOND, "m", "u", 1250 * TIME_MILLISECOND);
    assert_request(1, INT64_C(1731689871) * TIME_SECOND, "m2", NULL, 0);
    trace_fini(&trace);
    trace_init(&trace);
    assert_int_equal(
        read_text("{\"created\":1731689870,\"model\":\"m\"}\n{\"created\":1731689871}\n"),
        FW_INPUT);
    assert_says("log:2: resource (model): found nothing");
    trace_fini(&trace);
    trace_init(&trace);
    assert_int_equal(read_text("{\"created\":1731689870,\"model\":\"m\"}\n{\"created\":\n"),
                     FW_INPUT);
    assert_says("log:2: line: found");
}

static void test_mooncake(void **state)
{
    (void)state;
    assert_ok(
        "{\"timestamp\": 0, \"input_length\": 6758, \"output_length\": 500, \"hash_ids\": [0]}\n"
        "{\"timestamp\": 3000, \"input_length\": 1, \"output_length\": 2, \"hash_ids\": []}\n");
    assert_int_equal(trace.format, TRACE_MOONCAKE);
    assert_request(1, 3 * TIME_SECOND, "service", NULL, 0);
}

static void test_nothing_that_we_know(void **state)
{
    (void)state;
    assert_int_equal(read_text(""), FW_INPUT);
    assert_says("the file is empty");
    assert_int_equal(read_text("hello\nworld\n"), FW_INPUT);
    assert_says("name it with --format");
}

static void test_gzip_is_read_and_torn_gzip_is_said(void **state)
{
    (void)state;
    char path[] = "/tmp/forewarm-trace-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    gzFile file = gzdopen(fd, "wb");
    for (int i = 0; i < 5000; i++)
        gzprintf(file, "%s%d,r%d\n", i == 0 ? "time,resource\n" : "", i * 7919 % 5000, i % 13);
    assert_int_equal(gzclose(file), Z_OK);
    const char *paths[] = {path};
    assert_int_equal(trace_read(&trace, paths, 1, &options, &detail), FW_OK);
    assert_int_equal(trace.count, 5000);
    for (size_t i = 1; i < trace.count; i++)
        assert_true(trace.requests[i - 1].at_ns <= trace.requests[i].at_ns);
    assert_int_equal(truncate(path, 5000), 0);
    trace_fini(&trace);
    trace_init(&trace);
    assert_int_equal(trace_read(&trace, paths, 1, &options, &detail), FW_INPUT);
    assert_says("compressed data ends early");
    unlink(path);
    assert_int_equal(trace_read(&trace, paths, 1, &options, &detail), FW_NOT_FOUND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_arrivals),
        TEST(test_arrivals_mapping_and_joined_columns),
        TEST(test_arrivals_quoted_and_windows_line_ends),
        TEST(test_sorting_is_stable_and_duplicates_are_kept),
        TEST(test_bad_rows_stop_with_their_place),
        TEST(test_bad_rows_are_skipped_and_counted),
        TEST(test_missing_columns_are_named),
        TEST(test_time_styles),
        TEST(test_assumed_seconds_are_admitted),
        TEST(test_azure),
        TEST(test_access_log),
        TEST(test_access_log_bad_line),
        TEST(test_json_access_logs),
        TEST(test_openai_log),
        TEST(test_mooncake),
        TEST(test_nothing_that_we_know),
        TEST(test_gzip_is_read_and_torn_gzip_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "edge/http_parser.h"

static struct server_field fields[SERVER_FIELDS_MAX];

static enum fw_err read_text(const char *text, struct head *head)
{
    const char *why = NULL;
    head->fields = fields;
    enum fw_err err = head_read_request(head, text, strlen(text), &why);
    assert_true((err == FW_OK) == (why == NULL)); /* every refusal says why */
    return err;
}

static void test_a_request(void **state)
{
    static const char text[] = "POST /v1/x?y=1 HTTP/1.1\r\nHost: h\r\nContent-Length:  012 "
                               "\r\nConnection: Keep-Alive, close\r\n"
                               "Expect: 100-Continue\r\nX-Empty:\r\n\r\n";
    struct head head;
    (void)state;
    assert_int_equal(read_text(text, &head), FW_OK);
    assert_true(http_parser_agrees(&head, text, sizeof text - 1));
    assert_true(str_equal(head.method, STR("POST")) && str_equal(head.target, STR("/v1/x?y=1")));
    assert_true(head.has_length && head.content_length == 12 && !head.chunked && !head.http_1_0);
    assert_true(head.close && head.keep_alive && head.expect_continue);
    assert_int_equal(head.field_count, 5);
    assert_true(str_equal(head_get(&head, "CONTENT-LENGTH"), STR("012")));
    assert_true(head_get(&head, "x-empty").data && head_get(&head, "x-empty").len == 0);
    assert_null(head_get(&head, "absent").data);
}

static void test_chunked_and_1_0(void **state)
{
    struct head head;
    (void)state;
    assert_int_equal(
        read_text("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\n\r\n", &head),
        FW_OK);
    assert_true(head.chunked);
    assert_int_equal(read_text("GET / HTTP/1.0\r\n\r\n", &head), FW_OK);
    assert_true(head.http_1_0 && !head.host);
}

/* CVE-2023-30589: in loose mode a bare CR makes a header of what follows it. */
static void test_cve_2023_30589(void **state)
{
    static const char text[] =
        "GET / HTTP/1.1\r\nHost: localhost\r\nDummy: x\rContent-Length: 23\r\n\r\n"
        "GET / HTTP/1.1\r\nDummy: GET /admin HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static const char other[] =
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: \rTransfer-Encoding: chunked\r\n\r\n";
    struct head head = {.fields = fields};
    (void)state;
    assert_int_equal(read_text(text, &head), FW_BAD_REQUEST);
    assert_int_equal(read_text(other, &head), FW_BAD_REQUEST);
    /* And by the second opinion alone: LLHTTP_STRICT_MODE is really on. */
    head = (struct head){.fields = fields};
    assert_false(http_parser_agrees(&head, other, sizeof other - 1));
}

/* CVE-2024-27982: llhttp lets a folded Content-Length pass; the gate does not. */
static void test_cve_2024_27982(void **state)
{
    struct head head;
    (void)state;
    assert_int_equal(
        read_text("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n 0\r\n\r\n", &head),
        FW_BAD_REQUEST);
    assert_int_equal(
        read_text("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n\tchunked\r\n\r\n", &head),
        FW_BAD_REQUEST);
}

static void test_opinions_must_agree(void **state)
{
    static const char text[] = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\n";
    struct head head;
    (void)state;
    assert_int_equal(read_text(text, &head), FW_OK);
    assert_true(http_parser_agrees(&head, text, sizeof text - 1));
    head.content_length = 13;
    assert_false(http_parser_agrees(&head, text, sizeof text - 1));
    head.content_length = 12;
    head.chunked = true;
    assert_false(http_parser_agrees(&head, text, sizeof text - 1));
}

static void test_find_end_in_any_pieces(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\nbody\n";
    size_t len = sizeof text - 1;
    (void)state;
    for (size_t first = 0; first <= len; first++) {
        size_t at = 0;
        enum head_find found = head_find_end(text, first, &at);
        if (found == HEAD_MORE)
            found = head_find_end(text, len, &at);
        assert_int_equal(found, HEAD_FOUND);
        assert_int_equal(at, 27);
    }
    size_t at = 0;
    assert_int_equal(head_find_end("GET / HTTP/1.1\n", 15, &at), HEAD_BAD);
    at = 0;
    assert_int_equal(head_find_end("\n", 1, &at), HEAD_BAD);
    at = 0;
    assert_int_equal(head_find_end("GET / HTTP/1.1\r\nHost: h\r\n\n", 26, &at), HEAD_BAD);
}

static void test_field_limit(void **state)
{
    char text[8192];
    struct head head;
    (void)state;
    for (int count = SERVER_FIELDS_MAX - 1; count <= SERVER_FIELDS_MAX; count++) {
        size_t at = (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: h\r\n");
        for (int i = 0; i < count; i++)
            at += (size_t)snprintf(text + at, sizeof text - at, "X-%d: 1\r\n", i);
        snprintf(text + at, sizeof text - at, "\r\n");
        assert_int_equal(read_text(text, &head),
                         count < SERVER_FIELDS_MAX ? FW_OK : FW_HEAD_TOO_LARGE);
    }
}

static void test_response_heads(void **state)
{
    static const struct {
        const char *text;
        enum fw_err err;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", FW_OK},
        {"HTTP/1.1 200\r\n\r\n", FW_OK},
        {"HTTP/1.0 404 Not here\r\nContent-Length: 0\r\n\r\n", FW_OK},
        {"HTTP/1.1 200OK\r\n\r\n", FW_UPSTREAM},
        {"HTTP/1.1 099 x\r\n\r\n", FW_UPSTREAM},
        {"HTTP/1.1 600 x\r\n\r\n", FW_UPSTREAM},
        {"HTTP/2.0 200 OK\r\n\r\n", FW_UPSTREAM},
        {"HTTP/1.1 200 O\rK\r\n\r\n", FW_UPSTREAM},
        {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", FW_UPSTREAM},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", FW_UPSTREAM},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct head head = {.fields = fields};
        const char *why;
        assert_int_equal(head_read_response(&head, rows[i].text, strlen(rows[i].text), &why),
                         rows[i].err);
    }
}

/* --- where a response ends --- */

struct seen {
    char body[256];
    size_t len;
};

static void on_body(void *context, const char *data, size_t len)
{
    struct seen *seen = context;
    memcpy(seen->body + seen->len, data, len);
    seen->len += len;
}

/* Feeds head and body; returns bytes used of the body. */
static size_t respond(struct http_response *response, struct seen *seen, const char *head_text,
                      const char *body, bool answers_head, size_t step)
{
    struct head head = {.fields = fields};
    const char *why;
    size_t total = 0, used;
    *response = (struct http_response){.context = seen, .body = on_body};
    *seen = (struct seen){{0}, 0};
    assert_int_equal(head_read_response(&head, head_text, strlen(head_text), &why), FW_OK);
    http_response_init(response, answers_head);
    assert_int_equal(http_response_head(response, &head, head_text, strlen(head_text)), FW_OK);
    for (size_t at = 0; at < strlen(body) && !response->complete; at += used) {
        size_t n = strlen(body) - at < step ? strlen(body) - at : step;
        assert_int_equal(http_response_feed(response, body + at, n, &used), FW_OK);
        total += used;
        assert_true(used == n || response->complete);
    }
    return total;
}

static void test_response_ends(void **state)
{
    struct http_response response;
    struct seen seen;
    (void)state;
    for (size_t step = 1; step < 40; step++) {
        /* Nothing behind the end is read. */
        assert_int_equal(respond(&response, &seen, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
                                 "helloHTTP/1.1 200", false, step),
                         5);
        assert_true(response.complete && !response.until_eof);
        assert_string_equal(seen.body, "hello");
        assert_int_equal(respond(&response, &seen,
                                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                                 "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: 1\r\n\r\nrest", false, step),
                         30);
        assert_true(response.complete);
        assert_string_equal(seen.body, "hello");
        /* Without either the end of the connection ends it. */
        assert_int_equal(respond(&response, &seen, "HTTP/1.1 200 OK\r\n\r\n", "hello", false, step),
                         5);
        assert_true(!response.complete && response.until_eof && http_response_finish(&response));
        /* A body cut short is seen. */
        respond(&response, &seen, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", "hello", false,
                step);
        assert_false(http_response_finish(&response));
        respond(&response, &seen, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                "3\r\nhel\r\n", false, step);
        assert_false(http_response_finish(&response));
    }
}

static void test_responses_without_a_body(void **state)
{
    struct http_response response;
    struct seen seen;
    (void)state;
    assert_int_equal(
        respond(&response, &seen, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HTTP/", true, 9),
        0);
    assert_true(response.complete);
    assert_int_equal(
        respond(&response, &seen, "HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n", "HTTP/", false, 9),
        0);
    assert_true(response.complete);
    assert_int_equal(
        respond(&response, &seen, "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", "HTTP/", false, 9),
        0);
    assert_true(response.complete);
    assert_int_equal(respond(&response, &seen,
                             "HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/", false,
                             9),
                     0);
    assert_true(response.complete);
    assert_int_equal(
        respond(&response, &seen, "HTTP/1.1 200 x\r\nContent-Length: 0\r\n\r\n", "HTTP/", false, 9),
        0);
    assert_true(response.complete);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request),           cmocka_unit_test(test_chunked_and_1_0),
        cmocka_unit_test(test_cve_2023_30589),      cmocka_unit_test(test_cve_2024_27982),
        cmocka_unit_test(test_opinions_must_agree), cmocka_unit_test(test_find_end_in_any_pieces),
        cmocka_unit_test(test_field_limit),         cmocka_unit_test(test_response_heads),
        cmocka_unit_test(test_response_ends),       cmocka_unit_test(test_responses_without_a_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

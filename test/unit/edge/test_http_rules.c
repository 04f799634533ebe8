/* SPDX-License-Identifier: MIT
 * RFC 9111 as tables: one row, one rule of a shared cache, its section beside it. F6: only what may
 * be shared is stored and served. */
#include "edge/pages/http_date.h"
#include "edge/pages/http_rules.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW_NS (INT64_C(784111777) * TIME_SECOND) /* Sun, 06 Nov 1994 08:49:37 GMT */

struct parsed {
    struct server_field fields[SERVER_FIELDS_MAX];
    struct head head;
    struct server_request request;
};

/* "Name: value|Name: value" */
static void parse(struct parsed *parsed, const char *method, int status, const char *text)
{
    struct str rest = str_of(text), line;
    uint32_t count = 0;
    while (rest.len > 0 && str_cut(&rest, '|', &line)) {
        struct server_field *field = &parsed->fields[count++];
        assert_true(str_cut(&line, ':', &field->name));
        field->value = str_trim(line);
    }
    parsed->head = (struct head){.fields = parsed->fields, .field_count = count, .status = status};
    parsed->request = (struct server_request){
        .method = str_of(method), .fields = parsed->fields, .field_count = count};
}

struct storing {
    const char *section, *request, *answer;
    int status;
    bool stored;
    int64_t lifetime_s;
};

static const struct storing storings[] = {
    {"3 explicit", "", "Cache-Control: max-age=60", 200, true, 60},
    {"5.2.2.5 no-store", "", "Cache-Control: no-store, max-age=60", 200, false, 60},
    {"5.2.2.7 private", "", "Cache-Control: private, max-age=60", 200, false, 60},
    {"5.2.2.7 private with fields", "", "Cache-Control: private=\"set-cookie, x\", max-age=60", 200,
     false, 60},
    {"5.2.1.5 request no-store", "Cache-Control: no-store", "Cache-Control: max-age=60", 200, false,
     60},
    {"5.2.2.10 s-maxage wins", "", "Cache-Control: max-age=60, s-maxage=5", 200, true, 5},
    {"5.3 Expires", "",
     "Date: Sun, 06 Nov 1994 08:49:37 GMT|Expires: Sun, 06 Nov 1994 08:51:37 GMT", 200, true, 120},
    {"5.3 max-age wins over Expires", "",
     "Cache-Control: max-age=7|Expires: Sun, 06 Nov 1994 08:51:37 GMT", 200, true, 7},
    {"5.3 Expires that cannot be read is past", "", "Expires: 0|ETag: \"a\"", 200, true, 0},
    {"5.3 the same without a validator", "", "Expires: 0", 200, false, 0},
    {"4.2.1 two max-ages: stale", "", "Cache-Control: max-age=60, max-age=90|ETag: \"a\"", 200,
     true, 0},
    {"4.2.1 no number: stale", "", "Cache-Control: max-age=1.5|ETag: \"a\"", 200, true, 0},
    {"1.2.2 too large is 2^31", "", "Cache-Control: max-age=99999999999999999999999", 200, true,
     INT64_C(1) << 31},
    {"5.2 quoted number", "", "Cache-Control: max-age=\"60\"", 200, true, 60},
    {"5.2 any case", "", "cache-CONTROL: MAX-AGE=60", 200, true, 60},
    {"5.2 open quote: nothing is kept", "", "Cache-Control: max-age=60, x=\"a", 200, false, 60},
    {"5.2 comma in quotes", "", "Cache-Control: x=\"a, no-store\", max-age=60", 200, true, 60},
    {"4.2.2 a tenth of the time since", "",
     "Date: Sun, 06 Nov 1994 08:49:37 GMT|Last-Modified: Sun, 06 Nov 1994 08:32:57 GMT", 200, true,
     100},
    {"4.2.2 an hour at most", "",
     "Date: Sun, 06 Nov 1994 08:49:37 GMT|Last-Modified: Sun, 06 Nov 1983 08:49:37 GMT", 200, true,
     3600},
    {"4.2.2 not for 302", "", "Last-Modified: Sun, 06 Nov 1994 08:32:57 GMT", 302, false, 0},
    {"3 302 with a lifetime", "", "Cache-Control: max-age=60", 302, true, 60},
    {"3 404 is heuristically cacheable", "",
     "Date: Sun, 06 Nov 1994 08:49:37 GMT|Last-Modified: Sun, 06 Nov 1994 08:32:57 GMT", 404, true,
     100},
    {"3 500 is not stored", "", "Cache-Control: max-age=60", 500, false, 0},
    {"3.3 206 is not stored", "", "Cache-Control: max-age=60", 206, false, 60},
    {"nothing said", "", "Content-Type: text/html", 200, false, 0},
    {"nothing said but a validator", "", "ETag: \"a\"", 200, true, 0},
    {"3.5 authorized", "Authorization: Bearer x", "Cache-Control: max-age=60", 200, false, 60},
    {"3.5 authorized, public", "Authorization: Bearer x", "Cache-Control: public, max-age=60", 200,
     true, 60},
    {"3.5 authorized, s-maxage", "Authorization: Bearer x", "Cache-Control: s-maxage=60", 200, true,
     60},
    {"3.5 authorized, must-revalidate", "Authorization: Bearer x",
     "Cache-Control: must-revalidate, max-age=60", 200, true, 60},
    {"a user's cookie", "Cookie: who=me", "Cache-Control: max-age=60", 200, false, 60},
    {"a user's cookie, public", "Cookie: who=me", "Cache-Control: public, max-age=60", 200, true,
     60},
    {"an ignored cookie", "Cookie: _seen=1; sid=2", "Cache-Control: max-age=60", 200, true, 60},
    {"an ignored cookie and another", "Cookie: _seen=1; who=me", "Cache-Control: max-age=60", 200,
     false, 60},
    {"sets a cookie", "", "Cache-Control: public, max-age=60|Set-Cookie: a=b", 200, false, 60},
    {"4.1 Vary: *", "", "Cache-Control: max-age=60|Vary: Accept, *", 200, false, 60},
    {"a part", "Range: bytes=0-1", "Cache-Control: max-age=60", 200, false, 60},
};

static void test_storing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof storings / sizeof storings[0]; i++) {
        const struct storing *row = &storings[i];
        struct parsed asked, answered;
        struct http_rules_request request;
        struct http_rules_response response = {0};
        parse(&asked, "GET", 0, row->request);
        parse(&answered, "", row->status, row->answer);
        http_rules_read_request(&request, &asked.request, STR("_seen sid"));
        http_rules_read_response(&response, &answered.head, NOW_NS, NOW_NS);
        const char *why = http_rules_not_stored(&request, &response);
        int64_t lifetime_s = http_rules_lifetime_ns(&response) / TIME_SECOND;
        if ((why == NULL) != row->stored || (row->lifetime_s > 0 && lifetime_s != row->lifetime_s))
            fail_msg("%s: %s, %lld s", row->section, why ? why : "stored", (long long)lifetime_s);
    }
}

struct using
{
    const char *section, *answer, *request;
    int64_t after_s; /* since it was received */
    enum http_rules_use use;
};

static const struct using usings[] = {
    {"4.2 fresh", "Cache-Control: max-age=60", "", 59, HTTP_RULES_SERVE},
    {"4.2 stale", "Cache-Control: max-age=60", "", 60, HTTP_RULES_REVALIDATE},
    {"4.2.3 Age counts", "Cache-Control: max-age=60|Age: 50", "", 11, HTTP_RULES_REVALIDATE},
    {"4.2.3 Date counts", "Cache-Control: max-age=60|Date: Sun, 06 Nov 1994 08:48:47 GMT", "", 11,
     HTTP_RULES_REVALIDATE},
    {"5.1 an Age that is no number", "Cache-Control: max-age=60|Age: soon", "", 11,
     HTTP_RULES_SERVE},
    {"5.2.2.4 no-cache", "Cache-Control: no-cache, max-age=60", "", 1, HTTP_RULES_REVALIDATE},
    {"5.2.1.4 request no-cache", "Cache-Control: max-age=60", "Cache-Control: no-cache", 1,
     HTTP_RULES_REVALIDATE},
    {"5.4 Pragma", "Cache-Control: max-age=60", "Pragma: no-cache", 1, HTTP_RULES_REVALIDATE},
    {"5.4 Pragma beside Cache-Control", "Cache-Control: max-age=60",
     "Pragma: no-cache|Cache-Control: max-age=9", 1, HTTP_RULES_SERVE},
    {"5.2.1.1 request max-age", "Cache-Control: max-age=60", "Cache-Control: max-age=5", 6,
     HTTP_RULES_REVALIDATE},
    {"5.2.1.1 max-age=0", "Cache-Control: max-age=60", "Cache-Control: max-age=0", 1,
     HTTP_RULES_REVALIDATE},
    {"5.2.1.3 min-fresh", "Cache-Control: max-age=60", "Cache-Control: min-fresh=30", 31,
     HTTP_RULES_REVALIDATE},
    {"5.2.1.2 max-stale", "Cache-Control: max-age=60", "Cache-Control: max-stale=10", 70,
     HTTP_RULES_SERVE},
    {"5.2.1.2 max-stale over", "Cache-Control: max-age=60", "Cache-Control: max-stale=10", 71,
     HTTP_RULES_REVALIDATE},
    {"5.2.1.2 max-stale of any age", "Cache-Control: max-age=60", "Cache-Control: max-stale", 9999,
     HTTP_RULES_SERVE},
    {"5.2.2.2 must-revalidate", "Cache-Control: max-age=60, must-revalidate",
     "Cache-Control: max-stale", 61, HTTP_RULES_REVALIDATE},
    {"5.2.2.8 proxy-revalidate", "Cache-Control: max-age=60, proxy-revalidate",
     "Cache-Control: max-stale", 61, HTTP_RULES_REVALIDATE},
    {"5.2.2.10 s-maxage revalidates", "Cache-Control: s-maxage=60", "Cache-Control: max-stale", 61,
     HTTP_RULES_REVALIDATE},
    {"3.5 authorized", "Cache-Control: max-age=60", "Authorization: x", 1, HTTP_RULES_NEVER},
    {"3.5 authorized, public", "Cache-Control: public, max-age=60", "Authorization: x", 1,
     HTTP_RULES_SERVE},
    {"a user's cookie", "Cache-Control: max-age=60", "Cookie: who=me", 1, HTTP_RULES_NEVER},
    {"the clock went back", "Cache-Control: max-age=60", "", -1000, HTTP_RULES_SERVE},
};

static void test_use(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof usings / sizeof usings[0]; i++) {
        const struct using *row = &usings[i];
        struct parsed asked, answered;
        struct http_rules_request request;
        struct http_rules_response response = {0};
        parse(&asked, "GET", 0, row->request);
        parse(&answered, "", 200, row->answer);
        http_rules_read_request(&request, &asked.request, STR(""));
        http_rules_read_response(&response, &answered.head, NOW_NS, NOW_NS);
        int64_t now_ns = NOW_NS + row->after_s * TIME_SECOND;
        if (http_rules_use(&request, &response, now_ns) != row->use)
            fail_msg("%s", row->section);
    }
}

static void test_age(void **state)
{
    struct parsed answered;
    struct http_rules_response response = {0};
    (void)state;
    parse(&answered, "", 200, "Age: 10|Date: Sun, 06 Nov 1994 08:49:37 GMT");
    http_rules_read_response(&response, &answered.head, NOW_NS, NOW_NS + 2 * TIME_SECOND);
    /* 10 of the field, 2 on the way, 5 here */
    assert_int_equal(http_rules_age_ns(&response, NOW_NS + 7 * TIME_SECOND), 17 * TIME_SECOND);
}

static void test_stale_if_error(void **state)
{
    static const struct {
        const char *answer;
        int64_t after_s;
        bool may;
    } rows[] = {{"Cache-Control: max-age=60, stale-if-error=30", 90, true},
                {"Cache-Control: max-age=60, stale-if-error=30", 91, false},
                {"Cache-Control: max-age=60", 61, false},
                {"Cache-Control: max-age=60, stale-if-error=30, must-revalidate", 61, false},
                {"Cache-Control: s-maxage=60, stale-if-error=30", 61, false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed asked, answered;
        struct http_rules_request request;
        struct http_rules_response response = {0};
        parse(&asked, "GET", 0, "");
        parse(&answered, "", 200, rows[i].answer);
        http_rules_read_request(&request, &asked.request, STR(""));
        http_rules_read_response(&response, &answered.head, NOW_NS, NOW_NS);
        assert_int_equal(
            http_rules_on_error(&request, &response, NOW_NS + rows[i].after_s * TIME_SECOND),
            rows[i].may);
    }
}

static void test_requests(void **state)
{
    struct parsed asked;
    struct http_rules_request request;
    (void)state;
    parse(&asked, "POST", 0, "");
    http_rules_read_request(&request, &asked.request, STR(""));
    assert_false(request.cacheable);
    parse(&asked, "GET", 0, "Sec-Purpose: prefetch;anonymous-client-ip");
    http_rules_read_request(&request, &asked.request, STR(""));
    assert_true(request.cacheable && request.prefetch);
    parse(&asked, "HEAD", 0, "If-Match: \"a\"");
    http_rules_read_request(&request, &asked.request, STR(""));
    assert_false(request.cacheable);
    parse(&asked, "GET", 0, "Cookie: who=me");
    http_rules_read_request(&request, &asked.request, STR("*"));
    assert_false(request.cookie);
    assert_true(http_rules_invalidates(STR("DELETE"), 204) &&
                http_rules_invalidates(STR("X"), 302));
    assert_false(http_rules_invalidates(STR("POST"), 500) ||
                 http_rules_invalidates(STR("GET"), 200));
}

static void vary_key(const char *names, const char *request, char *out, size_t size)
{
    struct parsed asked;
    struct buf key;
    parse(&asked, "GET", 0, request);
    buf_init(&key, HTTP_RULES_KEY_MAX);
    bool ok = http_rules_vary_key(str_of(names), asked.fields, asked.request.field_count, &key);
    snprintf(out, size, "%s", ok ? (key.data ? key.data : "") : "never");
    buf_fini(&key);
}

static void test_vary(void **state)
{
    static const struct {
        const char *names, *a, *b;
        bool same;
    } rows[] = {{"Accept", "Accept: x", "accept:  x ", true},
                {"Accept", "Accept: x", "Accept: y", false},
                {"Accept", "", "Accept: y", false},
                {"Accept", "", "Other: y", true},
                {"Accept", "Accept:", "Other: y", false},
                {"Accept, , Other", "Accept: x|Other: y", "Other: y|Accept: x", true},
                {"Accept,Other", "Accept: x", "Other: x", false},
                {"Accept", "Accept: x|Accept: y", "Accept: x, y", false}};
    char a[256], b[256];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        vary_key(rows[i].names, rows[i].a, a, sizeof a);
        vary_key(rows[i].names, rows[i].b, b, sizeof b);
        if ((strcmp(a, b) == 0) != rows[i].same)
            fail_msg("row %zu: \"%s\" and \"%s\"", i, a, b);
    }
    vary_key("Accept, *", "Accept: x", a, sizeof a);
    assert_string_equal(a, "never");
    vary_key("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", "", a, sizeof a);
    assert_string_equal(a, "never");
}

static void test_validation(void **state)
{
    static const struct {
        const char *request;
        bool has;
    } rows[] = {{"If-None-Match: \"a\"", true},
                {"If-None-Match: W/\"a\"", true},
                {"If-None-Match: \"x,\", \"a\"", true},
                {"If-None-Match: *", true},
                {"If-None-Match: \"b\"", false},
                {"If-None-Match: a", false},
                {"If-None-Match: \"b\"|If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", false},
                {"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", true},
                {"If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT", false},
                {"If-Modified-Since: yesterday", false}};
    struct str lines = STR("ETag: W/\"a\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    struct buf out;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed asked;
        struct http_rules_request request;
        parse(&asked, "GET", 0, rows[i].request);
        http_rules_read_request(&request, &asked.request, STR(""));
        if (http_rules_client_has(&request, lines, NOW_NS) != rows[i].has)
            fail_msg("%s", rows[i].request);
    }
    buf_init(&out, 1024);
    http_rules_conditions(lines, &out);
    assert_string_equal(out.data, "If-None-Match: W/\"a\"\r\n"
                                  "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    buf_fini(&out);
}

static void test_freshen(void **state)
{
    struct parsed answered;
    struct buf out;
    (void)state;
    parse(&answered, "", 304,
          "Cache-Control: max-age=9|Content-Type: x/y|New: 1|Connection: new2, close|New2: 2|"
          "Content-Length: 0|Set-Cookie: a=b|Age: 4");
    buf_init(&out, 1024);
    http_rules_freshen(
        STR("ETag: \"a\"\r\nCache-Control: max-age=60\r\nContent-Type: text/html\r\n"),
        &answered.head, &out);
    assert_string_equal(
        out.data,
        "ETag: \"a\"\r\nContent-Type: text/html\r\nCache-Control: max-age=9\r\nNew: 1\r\n");
    buf_fini(&out);
}

static void test_dates(void **state)
{
    static const struct {
        const char *text;
        int64_t at_s; /* -1: cannot be read */
    } rows[] = {{"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
                {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
                {"Sun Nov  6 08:49:37 1994", 784111777},
                {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
                {"Mon, 01 Jan 1900 00:00:00 GMT", 0},
                {"Sun, 6 Nov 1994 08:49:37 GMT", -1},
                {"Sun, 06 Nov 1994 08:49:37 UTC", -1},
                {"Sun, 06 Nov 1994 24:00:00 GMT", -1},
                {"Sun, 31 Feb 1994 08:00:00 GMT", -1},
                {"Thu, 29 Feb 1996 08:00:00 GMT", 825580800},
                {"Sun, 06 Nov 1994 08:49:37 GMT ", -1},
                {"", -1},
                {"0", -1}};
    int64_t at_ns;
    char text[HTTP_DATE_LEN + 1];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool ok = http_date_parse(str_of(rows[i].text), NOW_NS, &at_ns);
        if (ok != (rows[i].at_s >= 0) || (ok && at_ns != rows[i].at_s * TIME_SECOND))
            fail_msg("\"%s\": %lld", rows[i].text, ok ? (long long)at_ns : -1);
    }
    assert_true(http_date_parse(STR("Sun, 06 Nov 9999 08:49:37 GMT"), NOW_NS, &at_ns));
    assert_true(at_ns == TIME_NEVER);
    http_date_write(NOW_NS, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storing),    cmocka_unit_test(test_use),
        cmocka_unit_test(test_age),        cmocka_unit_test(test_stale_if_error),
        cmocka_unit_test(test_requests),   cmocka_unit_test(test_vary),
        cmocka_unit_test(test_validation), cmocka_unit_test(test_freshen),
        cmocka_unit_test(test_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

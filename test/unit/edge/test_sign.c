/* SPDX-License-Identifier: MIT
 * Signed requests between edge and core, and the memory of nonces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/time.h"
#include "edge/sign.h"
#include <stdio.h>
#include <string.h>

#define NOW (1800000000 * TIME_SECOND)
static const struct secret secret = {.bytes = "correct horse battery", .len = 21};

struct wire {
    struct buf lines;
    struct server_field fields[8];
    struct server_request request;
};

static struct sign_core make_core(struct sign_edge *edge)
{
    struct sign_core core = {.edges = edge, .count = 1, .skew_ns = 5 * 60 * TIME_SECOND};
    *edge = (struct sign_edge){.id = "edge-01", .secret = secret};
    assert_int_equal(nonces_create(&core.nonces, 0), FW_OK);
    return core;
}

/* A request as its core reads it. */
static void sign(struct wire *wire, const struct secret *with, const char *edge, int64_t at_ns)
{
    const struct sign_message message = {STR("POST"), STR("/v1/chat?x=1"), str_of(edge),
                                         STR("{\"model\":\"a\"}")};
    struct str rest, line, name;
    memset(wire, 0, sizeof *wire);
    buf_init(&wire->lines, SIGN_LINES_MAX);
    assert_int_equal(sign_write(&message, with, at_ns, &wire->lines), FW_OK);
    rest = buf_str(&wire->lines);
    while (str_cut(&rest, '\n', &line))
        if (line.len > 0 && str_cut(&line, ':', &name))
            wire->fields[wire->request.field_count++] = (struct server_field){name, str_trim(line)};
    wire->request.method = message.method;
    wire->request.target = message.target;
    wire->request.body = message.body;
    wire->request.fields = wire->fields;
}

static void test_right_and_replayed(void **state)
{
    struct sign_edge edge;
    struct sign_core core = make_core(&edge);
    struct wire wire;
    (void)state;
    sign(&wire, &secret, "edge-01", NOW);
    assert_int_equal(wire.request.field_count, 5);
    assert_int_equal(sign_check(&core, &wire.request, NOW + TIME_SECOND), SIGN_OK);
    assert_int_equal(sign_check(&core, &wire.request, NOW + TIME_SECOND), SIGN_REPLAYED);
    assert_int_equal(sign_check(&core, &wire.request, NOW + 301 * TIME_SECOND), SIGN_EXPIRED);
    assert_int_equal(sign_check(&core, &wire.request, NOW - 301 * TIME_SECOND), SIGN_EARLY);
    buf_fini(&wire.lines);
    nonces_release(&core.nonces);
}

/* One part changed at a time; none of these may use up the nonce. */
static void test_changed(void **state)
{
    struct sign_edge edge;
    struct sign_core core = make_core(&edge);
    struct wire wire;
    struct server_request other;
    const struct secret wrong = {.bytes = "correct horse batterz", .len = 21};
    (void)state;
    sign(&wire, &secret, "edge-01", NOW);
    other = wire.request, other.method = STR("PUT");
    assert_int_equal(sign_check(&core, &other, NOW), SIGN_WRONG);
    other = wire.request, other.target = STR("/v1/chat?x=2");
    assert_int_equal(sign_check(&core, &other, NOW), SIGN_WRONG);
    other = wire.request, other.body = STR("{\"model\":\"b\"}");
    assert_int_equal(sign_check(&core, &other, NOW), SIGN_BODY_CHANGED);
    other = wire.request, other.field_count = 4;
    assert_int_equal(sign_check(&core, &other, NOW), SIGN_MALFORMED);
    other.field_count = 0;
    assert_int_equal(sign_check(&core, &other, NOW), SIGN_MISSING);
    struct server_field kept = wire.fields[1];
    wire.fields[1].value = STR("1800000000001"); /* the time, a millisecond later */
    assert_int_equal(sign_check(&core, &wire.request, NOW), SIGN_WRONG);
    wire.fields[1].value = STR("18000000000001e3");
    assert_int_equal(sign_check(&core, &wire.request, NOW), SIGN_MALFORMED);
    wire.fields[1] = kept;
    kept = wire.fields[2];
    wire.fields[2].value = STR("00000000000000000000000000000000");
    assert_int_equal(sign_check(&core, &wire.request, NOW), SIGN_WRONG);
    wire.fields[2] = kept;
    assert_int_equal(sign_check(&core, &wire.request, NOW), SIGN_OK);
    buf_fini(&wire.lines);
    sign(&wire, &wrong, "edge-01", NOW);
    assert_int_equal(sign_check(&core, &wire.request, NOW), SIGN_WRONG);
    buf_fini(&wire.lines);
    sign(&wire, &secret, "edge-02", NOW);
    assert_int_equal(sign_check(&core, &wire.request, NOW), SIGN_UNKNOWN_EDGE);
    buf_fini(&wire.lines);
    nonces_release(&core.nonces);
}

/* Made by another implementation; the text is spelled out so that a third one
 * can be written from the documentation. */
static void test_the_text_that_is_signed(void **state)
{
    struct sign_edge edge;
    struct sign_core core = make_core(&edge);
    const struct server_field fields[] = {
        {STR(SIGN_EDGE), STR("edge-01")},
        {STR(SIGN_TIME), STR("1800000000000")},
        {STR(SIGN_NONCE), STR("000102030405060708090a0b0c0d0e0f")},
        {STR(SIGN_BODY), STR("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")},
        /* python3: hmac.new(b"correct horse battery", b"forewarm-1\nGET\n/v1/models\nedge-01\n"
         * b"1800000000000\n000102030405060708090a0b0c0d0e0f\ne3b0...b855", "sha256") */
        {STR(SIGN_SIGNATURE),
         STR("1d30833383be1366af95b4cfa9a5e267403523a76f2650f234786e997f9e6f0c")},
    };
    const struct server_request request = {.method = STR("GET"),
                                           .target = STR("/v1/models"),
                                           .fields = fields,
                                           .field_count = 5,
                                           .body = STR("")};
    (void)state;
    assert_int_equal(sign_check(&core, &request, NOW), SIGN_OK);
    nonces_release(&core.nonces);
}

static enum nonces_answer take(struct nonces *nonces, const char *edge, uint64_t number,
                               int64_t time_ms, int64_t keep_ms)
{
    unsigned char nonce[NONCE_BYTES] = {0};
    memcpy(nonce, &number, sizeof number);
    return nonces_take(nonces, str_of(edge), nonce, time_ms, keep_ms);
}

/* Past its limit the oldest is forgotten, and what was signed before it is refused: it could be
 * that one again. */
static void test_nonces_are_bounded(void **state)
{
    struct nonces *nonces;
    (void)state;
    assert_int_equal(nonces_create(&nonces, 1000), FW_OK);
    assert_int_equal(take(nonces, "a", 1, 999, 0), NONCES_BELOW_FLOOR);
    for (uint64_t i = 0; i < NONCES_KEPT; i++)
        assert_int_equal(take(nonces, "a", i, 2000 + (int64_t)i, 0), NONCES_NEW);
    assert_int_equal(take(nonces, "a", 0, 2000, 0), NONCES_SEEN);
    assert_int_equal(take(nonces, "a", NONCES_KEPT, 90000, 0), NONCES_NEW);
    assert_int_equal(take(nonces, "a", 0, 2000, 0), NONCES_BELOW_FLOOR);
    assert_int_equal(take(nonces, "a", 1, 2001, 0), NONCES_SEEN);
    assert_int_equal(take(nonces, "b", 1, 2000, 0), NONCES_NEW); /* another edge's are others */
    /* Those that are out of the skew go first and raise no floor. */
    assert_int_equal(take(nonces, "a", UINT64_MAX, 91000, 89000), NONCES_NEW);
    assert_int_equal(take(nonces, "a", UINT64_MAX - 1, 2001, 0), NONCES_NEW);
    assert_int_equal(take(nonces, "a", NONCES_KEPT, 90000, 89000), NONCES_SEEN);
    nonces_release(&nonces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_and_replayed),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_the_text_that_is_signed),
        cmocka_unit_test(test_nonces_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

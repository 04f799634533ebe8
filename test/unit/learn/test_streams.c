/* SPDX-License-Identifier: MIT
 * Streams: what followed last time is found again, through noise, with a bounded memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "learn/streams.h"

static struct stream *see(struct streams *streams, uint64_t key)
{
    struct stream *stream;
    assert_int_equal(streams_observe(streams, key, (int64_t)streams->count * 10, &stream), FW_OK);
    return stream;
}

static void the_second_time_is_foretold(void **state)
{
    (void)state;
    struct streams streams;
    streams_init(&streams, STREAMS_LOG_FIRST);
    for (uint64_t i = 0; i < 100; i++)
        assert_null(see(&streams, i * i + 7));
    for (uint64_t i = 0; i < 99; i++) {
        struct stream *stream = see(&streams, i * i + 7);
        assert_non_null(stream);
        assert_int_equal(stream->steps, i);
        assert_int_equal(streams_event(&streams, stream->at + 1)->key, (i + 1) * (i + 1) + 7);
        assert_int_equal(streams_event(&streams, stream->at)->at_ns, i * 10);
    }
    streams_fini(&streams);
}

/* Other keys between, the second time: the stream is kept. */
static void noise_between_is_skipped(void **state)
{
    (void)state;
    struct streams streams;
    streams_init(&streams, STREAMS_LOG_FIRST);
    for (uint64_t i = 1; i <= 50; i++)
        see(&streams, i * 1000);
    for (uint64_t i = 1; i <= 50; i++) {
        struct stream *stream = see(&streams, i * 1000);
        assert_int_equal(stream->steps, i - 1);
        assert_null(see(&streams, i)); /* new */
    }
    struct stream *stream = see(&streams, 30000); /* the noise is in the log now, between */
    assert_int_equal(stream->steps, 0);           /* another stream */
    assert_int_equal(streams_event(&streams, stream->at + 2)->key, 31000);
    assert_int_equal(see(&streams, 31000)->steps, 1);
    assert_int_equal(see(&streams, 44000)->steps, 0); /* too far: a third */
    assert_int_equal(see(&streams, 32000)->steps, 2); /* and the second is still followed */
    streams_fini(&streams);
}

static void what_is_long_ago_is_forgotten(void **state)
{
    (void)state;
    struct streams streams;
    struct prng prng;
    prng_init(&prng, 3);
    streams_init(&streams, 2 * STREAMS_LOG_FIRST);
    for (uint64_t i = 0; i < 5 * STREAMS_LOG_FIRST; i++)
        assert_null(see(&streams, UINT64_C(1) << 40 | i));
    assert_int_equal(streams.room, 2 * STREAMS_LOG_FIRST);
    assert_null(streams_event(&streams, 1));
    assert_null(streams_event(&streams, 0));
    assert_null(streams_event(&streams, streams.count + 1));
    assert_null(see(&streams, UINT64_C(1) << 40));
    assert_non_null(see(&streams, UINT64_C(1) << 40 | (5 * STREAMS_LOG_FIRST - 1)));
    for (int i = 0; i < 100000; i++) { /* whatever comes, what is told is in the log */
        uint64_t key = prng_below(&prng, 1 + prng_below(&prng, 20000));
        struct stream *stream = see(&streams, key);
        if (!stream)
            continue;
        assert_true(stream->ahead >= stream->at);
        assert_int_equal(streams_event(&streams, stream->at)->key, key);
    }
    streams_fini(&streams);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_time_is_foretold),
        cmocka_unit_test(noise_between_is_skipped),
        cmocka_unit_test(what_is_long_ago_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

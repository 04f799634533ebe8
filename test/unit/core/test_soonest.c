/* SPDX-License-Identifier: MIT
 * on_cold: soonest: held, or sent to the fallback, whichever is expected to answer sooner. */
#include "engine_bench.h"

static const struct resource_settings soonest = {.on_cold = ON_COLD_SOONEST, .has_fallback = true};

static void ask(struct bench *bench, uint32_t resource, uint64_t id, int64_t later_ns,
                uint32_t flags)
{
    step(bench, (struct event){.kind = EVENT_REQUEST,
                               .resource = resource,
                               .request = id,
                               .value = (uint64_t)later_ns,
                               .flags = flags});
}

/* A load of 10 s, and a fallback that answers 4 s later than the resource would. */
static void the_rest_of_the_load_decides(void **state)
{
    (void)state;
    struct bench bench = bench_of("ttl:60s");
    bench.settings.load_time_ns = SECONDS(10);
    bench_start(&bench);
    uint32_t a = add(&bench, "a", soonest);
    bench.now_ns = SECONDS(100);
    ask(&bench, a, 1, SECONDS(4), 0);
    assert_non_null(find(&bench, ACTION_WARM)); /* the edge warms meanwhile */
    const struct action *fallback = find(&bench, ACTION_FALLBACK);
    assert_non_null(fallback);
    assert_int_equal(fallback->reason, REASON_SOONER);
    assert_int_equal(fallback->numbers[0], SECONDS(10));
    assert_int_equal(fallback->numbers[1], SECONDS(4));
    bench.now_ns += SECONDS(5);
    ask(&bench, a, 2, SECONDS(4), 0);
    assert_non_null(find(&bench, ACTION_FALLBACK)); /* 5 s to go */
    bench.now_ns += SECONDS(2);
    ask(&bench, a, 3, SECONDS(4), 0);
    assert_int_equal(bench.actions.count, 0); /* 3 s to go: it is held */
    ask(&bench, a, 4, 0, 0);
    assert_non_null(find(&bench, ACTION_FALLBACK)); /* this one is not known to be later at all */
    ask(&bench, a, 5, SECONDS(4), EVENT_NO_HOLD);
    assert_non_null(find(&bench, ACTION_FALLBACK));
    warm_up(&bench, a, SECONDS(3));
    assert_int_equal(count(&bench, ACTION_RELEASE), 1);
    assert_int_equal(view(&bench, a).accounts.fallbacks, 4);
    bench_end(&bench);
}

/* What the fallback failed is held, and is one request, not two. */
static void a_failed_fallback_is_held(void **state)
{
    (void)state;
    struct bench bench = bench_of("ttl:60s");
    bench_start(&bench);
    uint32_t a = add(&bench, "a", soonest);
    bench.now_ns = SECONDS(100);
    ask(&bench, a, 1, 0, 0);
    assert_non_null(find(&bench, ACTION_FALLBACK));
    ask(&bench, a, 2, -1, EVENT_AGAIN); /* UINT64_MAX: the fallback is none */
    assert_null(find(&bench, ACTION_FALLBACK));
    assert_int_equal(view(&bench, a).accounts.requests, 1);
    warm_up(&bench, a, SECONDS(11));
    assert_int_equal(find(&bench, ACTION_RELEASE)->request, 2);
    bench_end(&bench);
}

/* One loader: whoever waits in line waits for those before it too. */
static void the_line_counts(void **state)
{
    (void)state;
    struct bench bench = bench_of("ttl:60s");
    bench.settings.load_time_ns = SECONDS(10);
    bench.settings.max_loads = 1;
    bench_start(&bench);
    uint32_t a = add(&bench, "a", (struct resource_settings){0});
    uint32_t b = add(&bench, "b", (struct resource_settings){0});
    uint32_t c = add(&bench, "c", soonest);
    bench.now_ns = SECONDS(100);
    ask(&bench, c, 1, SECONDS(15), 0);
    assert_null(find(&bench, ACTION_FALLBACK)); /* 10 s against 15 s */
    warm_up(&bench, c, SECONDS(10));
    end(&bench, c, 1, SECONDS(10));
    step(&bench, (struct event){.kind = EVENT_UNLOAD, .resource = c});
    report(&bench, EVENT_DRAINED, c);
    report(&bench, EVENT_UNLOADED, c);
    request(&bench, a, 2);
    request(&bench, b, 3); /* b waits for the loader that a has */
    ask(&bench, c, 4, SECONDS(15), 0);
    const struct action *fallback = find(&bench, ACTION_FALLBACK);
    assert_non_null(fallback); /* 10 s for b, 10 s for itself */
    assert_int_equal(fallback->numbers[0], SECONDS(20));
    bench_end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rest_of_the_load_decides),
        cmocka_unit_test(a_failed_fallback_is_held),
        cmocka_unit_test(the_line_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * From when a plan counts: what comes by the clock is loaded ahead of its next request however long
 * its answers take, and what is idle is kept from the end of its answer on (decision 7; P9). */
#include "core/state.h"
#include "engine_bench.h"

struct job {
    struct bench bench;
    uint32_t resource;
    int64_t proven_at_ns; /* of the load under way; TIME_NEVER none */
    uint64_t attempt;
    int cold; /* requests of the later half that waited */
};

enum { LOAD_S = 10 };

static void react(struct job *job)
{
    for (size_t i = 0; i < job->bench.actions.count; i++) {
        const struct action action = job->bench.actions.items[i];
        struct event event = {.resource = action.resource, .attempt = action.attempt};
        if (action.kind == ACTION_WARM) {
            job->proven_at_ns = job->bench.now_ns + SECONDS(LOAD_S);
            job->attempt = action.attempt;
        }
        if (action.kind != ACTION_DRAIN && action.kind != ACTION_UNLOAD)
            continue;
        event.kind = action.kind == ACTION_DRAIN ? EVENT_DRAINED : EVENT_UNLOADED;
        step(&job->bench, event);
        react(job);
        return;
    }
}

static void pass(struct job *job, int64_t until_ns)
{
    for (;;) {
        int64_t due_ns = engine_next_deadline(job->bench.engine);
        struct event event = {.kind = EVENT_TIME};
        if (job->proven_at_ns <= due_ns) {
            due_ns = job->proven_at_ns;
            event = (struct event){
                .kind = EVENT_PROVEN, .resource = job->resource, .attempt = job->attempt};
        }
        if (due_ns > until_ns)
            break;
        if (event.kind == EVENT_PROVEN)
            job->proven_at_ns = TIME_NEVER;
        job->bench.now_ns = due_ns > job->bench.now_ns ? due_ns : job->bench.now_ns;
        step(&job->bench, event);
        react(job);
    }
    job->bench.now_ns = until_ns;
}

/* A request every `every_s`, each answered in `service_s`; how many of the last half waited. */
static int run(int every_s, int service_s, int times)
{
    struct job job = {.bench = bench_of("planner"), .proven_at_ns = TIME_NEVER};
    job.bench.settings.load_time_ns = SECONDS(LOAD_S);
    job.bench.settings.wait_price = 20;
    bench_start(&job.bench);
    job.resource = add(&job.bench, "job", (struct resource_settings){0});
    for (int i = 0; i < times; i++) {
        int64_t at_ns = SECONDS(every_s) * (i + 1), begins_ns;
        pass(&job, at_ns);
        bool cold = view(&job.bench, job.resource).state != RESOURCE_WARM;
        job.cold += cold && i >= times / 2;
        request(&job.bench, job.resource, (uint64_t)i + 1);
        react(&job);
        begins_ns = cold ? job.proven_at_ns : at_ns;
        pass(&job, begins_ns + SECONDS(service_s));
        step(&job.bench, (struct event){.kind = EVENT_END,
                                        .resource = job.resource,
                                        .request = (uint64_t)i + 1,
                                        .duration_ns = SECONDS(service_s),
                                        .value = (uint64_t)(begins_ns - at_ns)});
        react(&job);
    }
    struct accounts sum;
    engine_totals(job.bench.engine, job.bench.now_ns, &sum);
    assert_true(sum.idle_ns <
                SECONDS(every_s - service_s) * times * 9 / 10); /* not kept for good */
    bench_end(&job.bench);
    return job.cold;
}

static void loaded_ahead_however_long_answers_take(void **state)
{
    (void)state;
    assert_true(run(1800, 1, 60) <= 2);
    assert_true(run(1800, 120, 60) <= 2);
    assert_true(run(1800, 900, 60) <= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loaded_ahead_however_long_answers_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

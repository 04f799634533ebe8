/* SPDX-License-Identifier: MIT
 * Signals beside the planner's experts (P10): each is judged by what its plans would have cost,
 * acts where it leads, and is silent elsewhere. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "plan/planner.h"
#include <string.h>

#define S    TIME_SECOND
#define LOAD (11 * S)

static struct planner *make(uint32_t count)
{
    struct policy_settings settings = {.wait_price = 300, .idle_price = 1, .max_resources = 100000};
    struct policy *policy;
    struct fw_detail detail;
    assert_int_equal(policy_create(&policy, &settings, STR("planner"), &detail), FW_OK);
    assert_int_equal(policy->ops->grow(policy, count), FW_OK);
    return (struct planner *)policy;
}

static void destroy(struct planner *planner)
{
    struct policy *policy = &planner->policy;
    policy_destroy(&policy);
}

static void ask(struct planner *planner, uint32_t resource, int64_t at_ns, struct keep_plan *plan)
{
    struct policy *policy = &planner->policy;
    const struct planner_resource *known = &planner->resources[resource];
    struct policy_request request = {.resource = resource,
                                     .at_ns = at_ns,
                                     .load_ns = LOAD,
                                     .gap_ns = known->seen ? at_ns - known->last_ns : -1};
    policy->ops->request(policy, &request);
    (void)policy->ops->plan(policy, &request, plan);
}

static struct policy_signal signal_of(struct planner *planner, uint32_t resource, const char *name)
{
    struct policy_signal signals[POLICY_SIGNALS_MAX];
    size_t count = planner->policy.ops->signals(&planner->policy, resource, signals);
    for (size_t i = 0; i < count; i++)
        if (strcmp(signals[i].name, name) == 0)
            return signals[i];
    return (struct policy_signal){.name = NULL};
}

typedef bool open_fn(int64_t day, double hour);

static bool office(int64_t day, double hour)
{
    return day % 7 < 5 && hour >= 9 && hour < 17;
}

static bool always(int64_t day, double hour)
{
    (void)day;
    (void)hour;
    return true;
}

enum { RESOURCES = 4 };
struct week {
    struct planner *planner;
    struct prng prng;
    int64_t at_ns;
    open_fn *open;
    double mean_s;
    /* of the last request of a day */
    struct keep_plan evening[RESOURCES];
    int64_t evening_ns[RESOURCES];
};

/* Requests of all resources by chance while it is open. */
static void run(struct week *week, int64_t until_ns, void (*each_day)(struct week *week))
{
    int64_t day = week->at_ns / TIME_DAY;
    while (week->at_ns < until_ns) {
        week->at_ns += time_from_seconds(prng_exponential(&week->prng, week->mean_s / RESOURCES));
        if (each_day && week->at_ns / TIME_DAY != day) {
            day = week->at_ns / TIME_DAY;
            each_day(week);
        }
        double hour = time_to_seconds(week->at_ns % TIME_DAY) / 3600;
        uint32_t resource = (uint32_t)prng_below(&week->prng, RESOURCES);
        if (!week->open(week->at_ns / TIME_DAY, hour))
            continue;
        ask(week->planner, resource, week->at_ns, &week->evening[resource]);
        week->evening_ns[resource] = week->at_ns;
    }
}

static struct week begin(open_fn *open)
{
    struct week week = {.planner = make(RESOURCES), .open = open, .mean_s = 1200};
    prng_init(&week.prng, 5);
    return week;
}

/* After four weeks of office hours the plan of Friday's last request ends by about closing time, is
 * empty over the weekend, and is ready again on Monday when the office opens. */
static void office_hours_are_followed(void **state)
{
    (void)state;
    struct week week = begin(office);
    run(&week, 33 * TIME_DAY - 1, NULL); /* Friday midnight */
    int followed = 0;
    for (uint32_t i = 0; i < RESOURCES; i++) {
        struct policy_signal clock = signal_of(week.planner, i, "clock");
        assert_non_null(clock.name);
        assert_true(clock.judged > 100);
        if (!clock.followed)
            continue;
        followed++;
        assert_true(clock.acts && clock.saved_s > 0);
        const struct keep_plan *plan = &week.evening[i];
        for (uint32_t w = 0; w < plan->count; w++) {
            int64_t start_ns = week.evening_ns[i] + plan->windows[w].start_ns,
                    end_ns = week.evening_ns[i] + plan->windows[w].end_ns;
            if (plan->windows[w].start_ns == 0)
                assert_true(end_ns < 32 * TIME_DAY + 18 * TIME_HOUR);
            else
                assert_true(start_ns > 35 * TIME_DAY + 8 * TIME_HOUR &&
                            start_ns < 35 * TIME_DAY + 10 * TIME_HOUR);
        }
    }
    assert_true(followed >= RESOURCES / 2);
    destroy(week.planner);
}

/* Where the hour says nothing, the clock stays silent. */
static void chance_is_left_alone(void **state)
{
    (void)state;
    struct week week = begin(always);
    run(&week, 28 * TIME_DAY, NULL);
    for (uint32_t i = 0; i < RESOURCES; i++) {
        struct policy_signal clock = signal_of(week.planner, i, "clock");
        assert_true(clock.judged > 0);
        assert_false(clock.followed);
    }
    destroy(week.planner);
}

static void expect(struct week *week, int64_t from_ns, int64_t hours, double requests)
{
    struct policy *policy = &week->planner->policy;
    for (uint32_t i = 0; i < RESOURCES; i++) {
        struct policy_expect forecast = {
            i, 7, week->at_ns, from_ns, from_ns + hours * TIME_HOUR, requests};
        if (forecast.to_ns > forecast.now_ns)
            assert_int_equal(policy->ops->expect(policy, &forecast), FW_OK);
    }
}

/* Which days it is open is known to the forecast alone. */
static bool odd_days(int64_t day, double hour)
{
    return (prng_mix(9, (uint64_t)day) & 1) && hour >= 9 && hour < 17;
}

static void tell_the_truth(struct week *week)
{
    for (int64_t day = week->at_ns / TIME_DAY; day < week->at_ns / TIME_DAY + 4; day++) {
        bool open = odd_days(day, 12);
        expect(week, day * TIME_DAY, 9, 0);
        expect(week, day * TIME_DAY + 9 * TIME_HOUR, 8, open ? 24 : 0);
        expect(week, day * TIME_DAY + 17 * TIME_HOUR, 7, 0);
    }
}

static void tell_lies(struct week *week)
{
    int64_t day = week->at_ns / TIME_DAY;
    expect(week, day * TIME_DAY, 9, 27);
    expect(week, day * TIME_DAY + 9 * TIME_HOUR, 8, 0);
    expect(week, day * TIME_DAY + 17 * TIME_HOUR, 7 + 72, 200);
}

static void true_forecasts_are_trusted(void **state)
{
    (void)state;
    struct week week = begin(odd_days);
    run(&week, 40 * TIME_DAY, tell_the_truth);
    int acts = 0;
    for (uint32_t i = 0; i < RESOURCES; i++) {
        struct policy_signal forecast = signal_of(week.planner, i, "forecast");
        assert_non_null(forecast.name);
        assert_int_equal(forecast.source, 7);
        acts += forecast.acts && forecast.saved_s > 0;
    }
    assert_true(acts >= RESOURCES / 2);
    destroy(week.planner);
}

static void lies_are_ignored(void **state)
{
    (void)state;
    struct week week = begin(office);
    run(&week, 40 * TIME_DAY, tell_lies);
    for (uint32_t i = 0; i < RESOURCES; i++) {
        struct policy_signal forecast = signal_of(week.planner, i, "forecast");
        assert_non_null(forecast.name);
        assert_false(forecast.followed);
        assert_true(forecast.judged > 0 && forecast.saved_s < 0);
    }
    destroy(week.planner);
}

/* Snapshot law: what is saved and loaded goes on as if nothing had happened. */
static void saved_in_the_middle(void **state)
{
    (void)state;
    struct week week = begin(odd_days);
    struct buf first, second;
    buf_init(&first, 1 << 20);
    buf_init(&second, 1 << 20);
    run(&week, 25 * TIME_DAY, tell_the_truth);
    week.planner->policy.ops->save(&week.planner->policy, &first);
    struct week copy = week;
    copy.planner = make(RESOURCES);
    struct buf_reader in = {(const uint8_t *)first.data, first.len, 0, false};
    assert_true(copy.planner->policy.ops->load(&copy.planner->policy, &in));
    assert_int_equal(in.at, in.len);
    buf_clear(&first);
    run(&week, 32 * TIME_DAY, tell_the_truth);
    run(&copy, 32 * TIME_DAY, tell_the_truth);
    week.planner->policy.ops->save(&week.planner->policy, &first);
    copy.planner->policy.ops->save(&copy.planner->policy, &second);
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.data, second.data, first.len);
    destroy(week.planner);
    destroy(copy.planner);
    buf_fini(&first);
    buf_fini(&second);
}

/* Another source begins with a clean sheet, and what is over is forgotten. */
static void another_source_begins_anew(void **state)
{
    (void)state;
    struct week week = begin(odd_days);
    run(&week, 20 * TIME_DAY, tell_the_truth);
    assert_true(signal_of(week.planner, 0, "forecast").judged > 0);
    struct policy *policy = &week.planner->policy;
    struct policy_expect forecast = {0, 8, week.at_ns, week.at_ns, week.at_ns + TIME_HOUR, 5};
    assert_int_equal(policy->ops->expect(policy, &forecast), FW_OK);
    struct policy_signal signal = signal_of(week.planner, 0, "forecast");
    assert_int_equal(signal.source, 8);
    assert_int_equal(signal.judged, 0);
    assert_false(signal.followed);
    destroy(week.planner);
}

/* A plan that is one window from now on: a time to live. */
static bool is_timer(const struct keep_plan *plan)
{
    return plan->count == 1 && plan->windows[0].start_ns == 0;
}

/* P10: while a guard returns to an expert, a signal that acts is silent, of the resource or of all;
 * afterwards it is heard again. */
static void guards_silence_signals(void **state)
{
    (void)state;
    struct week week = begin(office);
    struct planner *planner = week.planner;
    struct keep_plan plan = {0};
    run(&week, 33 * TIME_DAY - 1, NULL);
    uint32_t number = 0;
    while (number < RESOURCES && !signal_of(planner, number, "clock").followed)
        number++;
    assert_true(number < RESOURCES);
    struct planner_resource *resource = &planner->resources[number];
    const float balance = resource->balance;
    const double used_cost = planner->used_cost;
    resource->balance = 1e9f;
    ask(planner, number, week.at_ns += TIME_HOUR, &plan);
    assert_true(signal_of(planner, number, "clock").acts);
    assert_false(signal_of(planner, number, "clock").followed);
    assert_int_equal(resource->plans.used, EXPERT_BASELINE);
    assert_true(is_timer(&plan));
    resource->balance = balance;
    planner->used_cost = 1e12;
    ask(planner, number, week.at_ns += TIME_HOUR, &plan);
    assert_true(signal_of(planner, number, "clock").acts);
    assert_false(signal_of(planner, number, "clock").followed);
    assert_true(resource->plans.used == EXPERT_BASELINE || resource->plans.used == EXPERT_TTL);
    assert_true(is_timer(&plan));
    resource->balance = balance; /* what these two gaps were charged is no part of it */
    planner->used_cost = used_cost;
    ask(planner, number, week.at_ns += TIME_HOUR, &plan);
    assert_true(signal_of(planner, number, "clock").followed);
    destroy(planner);
}

static void memory_is_what_is_said(void **state)
{
    (void)state;
    assert_true(sizeof(struct signal_resource) <= 256);
    assert_true(sizeof(struct signal_forecast) <= 264);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(office_hours_are_followed),  cmocka_unit_test(chance_is_left_alone),
        cmocka_unit_test(true_forecasts_are_trusted), cmocka_unit_test(lies_are_ignored),
        cmocka_unit_test(saved_in_the_middle),        cmocka_unit_test(another_source_begins_anew),
        cmocka_unit_test(guards_silence_signals),     cmocka_unit_test(memory_is_what_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * The pure prefetcher against its requirements (specification F1, F3, F4): each of the classic
 * design's defects that a machine without threads can have is a test named after its number.
 * Everything that must hold is looked at after every call. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/time.h"
#include "core/prefetcher.h"
#include <stdio.h>
#include <stdlib.h>

enum { VALUES = 1 << 12 };

static struct prefetcher *machine;
static int64_t now;
static uint64_t told_waiters, told_value, values_left, cancelled;
static enum prefetcher_outcome told_outcome;
static int told_error;
static uint8_t gone[VALUES];

static void ended(void *context, uint32_t id, uint32_t waiters,
                  const struct prefetcher_result *result)
{
    (void)context, (void)id;
    told_waiters += waiters;
    told_outcome = result->outcome;
    told_value = result->value;
    told_error = result->error;
}

static void left(void *context, uint64_t value)
{
    (void)context;
    assert_true(value < VALUES && !gone[value]);
    gone[value] = 1;
    values_left++;
}

static void cancel(void *context, uint32_t id, uint64_t attempt)
{
    (void)context, (void)id, (void)attempt;
    cancelled++;
}

static void begin(const struct prefetcher_settings *settings)
{
    const struct prefetcher_hooks hooks = {NULL, ended, left, cancel};
    now = told_waiters = values_left = cancelled = 0;
    memset(gone, 0, sizeof gone);
    assert_int_equal(prefetcher_create(&machine, settings, &hooks, now), FW_OK);
}

/* Loads ahead cost nothing, so that what is offered is loaded. */
static struct prefetcher_settings free_of_charge(void)
{
    struct prefetcher_settings settings = prefetcher_defaults;
    settings.admission.load_price = 0;
    settings.admission.waste_share = 1;
    return settings;
}

static void check(void)
{
    const char *wrong = prefetcher_check(machine);
    if (wrong)
        fail_msg("%s", wrong);
}

static struct prefetcher_stats stats(void)
{
    struct prefetcher_stats s;
    check();
    prefetcher_read_stats(machine, &s);
    return s;
}

static void finish(void)
{
    check();
    prefetcher_free(&machine);
}

static enum prefetcher_answer get(const char *key)
{
    struct prefetcher_got got;
    enum prefetcher_answer answer = prefetcher_get(machine, str_of(key), 1, 1, now, &got);
    if (answer == PREFETCHER_HIT)
        told_value = got.value;
    check();
    return answer;
}

static enum prefetcher_verdict offer(const char *key, double probability, int64_t use_in_ns)
{
    const struct prefetcher_wish wish = {
        .probability = probability, .weight = 1, .use_in_ns = use_in_ns, .session = 1};
    enum prefetcher_verdict verdict = prefetcher_offer(machine, str_of(key), &wish, now);
    check();
    return verdict;
}

static struct prefetcher_load next(void)
{
    struct prefetcher_load load = {.id = PREFETCHER_NONE};
    (void)prefetcher_next_load(machine, now, &load);
    check();
    return load;
}

static void ends(struct prefetcher_load load, enum prefetcher_outcome outcome, uint64_t value,
                 uint64_t bytes)
{
    const struct prefetcher_result result = {
        .outcome = outcome, .error = 7, .value = value, .bytes = bytes, .ttl_ns = -1};
    prefetcher_loaded(machine, load.id, load.attempt, &result, now);
    check();
}

static bool is(struct prefetcher_load load, const char *key)
{
    return load.id != PREFETCHER_NONE && str_equal(load.key, str_of(key));
}

/* Asked for and loaded, value and all. */
static void hold(const char *key, uint64_t value, uint64_t bytes)
{
    assert_int_equal(get(key), PREFETCHER_WAIT);
    struct prefetcher_load load = next();
    assert_true(is(load, key) && !load.ahead);
    now += TIME_MILLISECOND; /* what costs no time is not worth a load ahead */
    ends(load, PREFETCHER_VALUE, value, bytes);
}

static void hold_ahead(const char *key, uint64_t value, uint64_t bytes)
{
    assert_int_equal(offer(key, 1, -1), PREFETCHER_QUEUED);
    struct prefetcher_load load = next();
    assert_true(is(load, key) && load.ahead);
    now += TIME_MILLISECOND;
    ends(load, PREFETCHER_VALUE, value, bytes);
}

static void defect_3_demand_joins_and_never_loads_twice(void **state)
{
    (void)state;
    struct prefetcher_settings settings = free_of_charge();
    begin(&settings);
    assert_int_equal(offer("a", 1, -1), PREFETCHER_QUEUED);
    struct prefetcher_load load = next();
    assert_true(is(load, "a") && load.ahead);
    now += TIME_SECOND;
    for (int i = 0; i < 3; i++)
        assert_int_equal(get("a"), PREFETCHER_WAIT);
    assert_int_equal(next().id, PREFETCHER_NONE);
    assert_int_equal(offer("a", 1, -1), PREFETCHER_KNOWN);
    ends(load, PREFETCHER_VALUE, 5, 10);
    assert_int_equal(told_waiters, 3);
    assert_int_equal(told_value, 5);
    assert_int_equal(stats().ahead.late, 1);
    assert_int_equal(get("a"), PREFETCHER_HIT);
    assert_int_equal(stats().ahead.in_time, 0); /* one outcome */
    finish();
    assert_int_equal(values_left, 1);
}

/* A demand for what waits its turn takes it out of the queue and goes first. */
static void defect_3_demand_overtakes_the_queue(void **state)
{
    (void)state;
    struct prefetcher_settings settings = free_of_charge();
    settings.max_concurrent = 1;
    begin(&settings);
    assert_int_equal(offer("a", 1, -1), PREFETCHER_QUEUED);
    assert_int_equal(offer("b", 1, -1), PREFETCHER_QUEUED);
    assert_int_equal(get("b"), PREFETCHER_WAIT);
    struct prefetcher_load load = next();
    assert_true(is(load, "b") && !load.ahead);
    ends(load, PREFETCHER_VALUE, 1, 1);
    assert_int_equal(stats().overtaken, 1);
    assert_true(is(next(), "a"));
    finish();
}

static void defect_4_unused_junk_leaves_before_what_is_used(void **state)
{
    (void)state;
    for (int algorithm = 0; algorithm < CACHE_ALGORITHM_COUNT; algorithm++) {
        struct prefetcher_settings settings = free_of_charge();
        char key[16];
        settings.algorithm = algorithm;
        settings.capacity_bytes = 1000;
        settings.max_entries = 40;
        begin(&settings);
        for (uint64_t i = 0; i < 20; i++) {
            snprintf(key, sizeof key, "used_%u", (unsigned)i);
            hold(key, i, 1);
            assert_int_equal(get(key), PREFETCHER_HIT);
        }
        for (uint64_t i = 0; i < 200; i++) {
            snprintf(key, sizeof key, "junk_%u", (unsigned)i);
            hold_ahead(key, 100 + i, 1);
        }
        for (uint64_t i = 0; i < 20; i++) {
            snprintf(key, sizeof key, "used_%u", (unsigned)i);
            assert_int_equal(get(key), PREFETCHER_HIT);
        }
        struct prefetcher_stats s = stats();
        assert_true(s.ahead.evicted >= 180 && s.ahead.evicted + s.ahead.pending == 200);
        assert_int_equal(s.spoilt, 0);
        finish();
    }
}

static void defect_5_storing_again_updates_in_place(void **state)
{
    (void)state;
    struct prefetcher_settings settings = prefetcher_defaults;
    settings.max_entries = 2;
    begin(&settings);
    assert_true(prefetcher_put(machine, STR("a"), 1, 10, -1, now));
    assert_true(prefetcher_put(machine, STR("b"), 2, 10, -1, now));
    assert_true(prefetcher_put(machine, STR("b"), 3, 10, -1, now));
    assert_int_equal(values_left, 1);
    assert_true(gone[2]);
    assert_int_equal(get("a"), PREFETCHER_HIT);
    assert_int_equal(get("b"), PREFETCHER_HIT);
    assert_int_equal(told_value, 3);
    assert_int_equal(stats().evictions, 0);
    assert_int_equal(stats().held_bytes, 20);
    finish();
}

static void defect_6_hit_miss_and_negative_are_told_apart(void **state)
{
    (void)state;
    struct prefetcher_settings settings = prefetcher_defaults;
    settings.negative_ttl_ns = TIME_SECOND;
    begin(&settings);
    hold("empty", 0, 0);
    assert_int_equal(get("empty"), PREFETCHER_HIT); /* the empty value is a value */
    assert_int_equal(get("none"), PREFETCHER_WAIT);
    ends(next(), PREFETCHER_NOTHING, 0, 0);
    assert_int_equal(told_outcome, PREFETCHER_NOTHING);
    assert_int_equal(get("none"), PREFETCHER_NEGATIVE);
    now += TIME_SECOND;
    assert_int_equal(get("none"), PREFETCHER_WAIT); /* asked again when that has passed */
    ends(next(), PREFETCHER_FAILED, 0, 0);
    assert_int_equal(told_error, 7);
    assert_int_equal(get("none"), PREFETCHER_WAIT); /* a failure is not remembered as an answer */
    assert_int_equal(stats().negatives, 1);
    finish();
}

static void defect_7_peeking_changes_nothing(void **state)
{
    (void)state;
    struct prefetcher_settings settings = free_of_charge();
    settings.algorithm = CACHE_LRU;
    settings.max_entries = 2;
    begin(&settings);
    hold("a", 1, 1);
    hold("b", 2, 1);
    struct prefetcher_stats before = stats(), after;
    for (int i = 0; i < 10; i++)
        assert_int_equal(prefetcher_peek(machine, STR("a"), now, NULL), PREFETCHER_HIT);
    assert_int_equal(prefetcher_peek(machine, STR("c"), now, NULL), PREFETCHER_MISS);
    assert_int_equal(offer("a", 1, -1), PREFETCHER_KNOWN); /* a prediction is no access */
    before.offers[PREFETCHER_KNOWN]++;
    after = stats();
    assert_memory_equal(&before, &after, sizeof before);
    hold("c", 3, 1);
    assert_int_equal(prefetcher_peek(machine, STR("a"), now, NULL), PREFETCHER_MISS);
    assert_int_equal(prefetcher_peek(machine, STR("b"), now, NULL), PREFETCHER_HIT);
    finish();
}

static void defect_8_the_queue_has_each_key_once_and_is_bounded(void **state)
{
    (void)state;
    struct prefetcher_settings settings = free_of_charge();
    settings.max_queue = 3;
    settings.patience_ns = TIME_SECOND;
    begin(&settings);
    assert_int_equal(offer("a", 0.5, -1), PREFETCHER_QUEUED);
    assert_int_equal(offer("a", 0.5, -1), PREFETCHER_KNOWN);
    assert_int_equal(offer("a", 0.8, -1), PREFETCHER_RAISED);
    assert_int_equal(offer("b", 0.5, -1), PREFETCHER_QUEUED);
    assert_int_equal(offer("c", 0.4, -1), PREFETCHER_QUEUED);
    assert_int_equal(offer("d", 0.3, -1), PREFETCHER_FULL);
    assert_int_equal(offer("e", 0.9, -1), PREFETCHER_QUEUED); /* c makes way */
    assert_int_equal(stats().queued, 3);
    assert_true(is(next(), "e"));
    assert_true(is(next(), "a"));
    now += TIME_SECOND + 1; /* b was to be used by now, and patience is over */
    assert_int_equal(next().id, PREFETCHER_NONE);
    assert_int_equal(stats().queue_expired, 1);
    assert_int_equal(stats().queue_dropped, 1);
    finish();
}

static void defect_8_use_and_session_end_cancel(void **state)
{
    (void)state;
    struct prefetcher_settings settings = free_of_charge();
    begin(&settings);
    assert_int_equal(offer("a", 1, 10 * TIME_SECOND), PREFETCHER_QUEUED);
    assert_int_equal(offer("b", 1, 10 * TIME_SECOND), PREFETCHER_QUEUED);
    assert_true(prefetcher_put(machine, STR("a"), 1, 1, -1, now));
    prefetcher_session_end(machine, 1, now);
    assert_int_equal(stats().queued, 0);
    struct prefetcher_access_row access;
    assert_true(prefetcher_access(machine, &access) && access.ended && access.session == 1);
    assert_false(prefetcher_access(machine, &access));
    now += 11 * TIME_SECOND;
    assert_int_equal(next().id, PREFETCHER_NONE);
    finish();
}

/* Every way a load ahead can end, each counted once. */
static void defect_9_every_load_ahead_has_one_outcome(void **state)
{
    (void)state;
    struct prefetcher_settings settings = free_of_charge();
    settings.value_ttl_ns = TIME_MINUTE;
    settings.load_timeout_ns = TIME_HOUR;
    begin(&settings);
    hold_ahead("in time", 1, 1);
    assert_int_equal(stats().ahead.in_time, 0); /* a finished load is no success */
    assert_int_equal(get("in time"), PREFETCHER_HIT);
    assert_int_equal(offer("late", 1, -1), PREFETCHER_QUEUED);
    struct prefetcher_load load = next();
    get("late");
    now += TIME_MILLISECOND;
    ends(load, PREFETCHER_VALUE, 2, 1);
    hold_ahead("expired", 3, 1);
    now += TIME_MINUTE;
    hold_ahead("dropped", 4, 1);
    assert_true(prefetcher_drop(machine, STR("dropped"), now));
    assert_int_equal(offer("fails", 1, -1), PREFETCHER_QUEUED);
    ends(next(), PREFETCHER_FAILED, 0, 0);
    assert_int_equal(offer("fails late", 1, -1), PREFETCHER_QUEUED);
    load = next();
    get("fails late");
    ends(load, PREFETCHER_FAILED, 0, 0);
    assert_int_equal(offer("large", 1, -1), PREFETCHER_QUEUED);
    ends(next(), PREFETCHER_VALUE, 5, UINT64_MAX);
    hold_ahead("pending", 6, 1);
    const struct prefetcher_account a = stats().ahead;
    assert_int_equal(a.issued, 8);
    assert_int_equal(a.in_time, 1);
    assert_int_equal(a.late, 1);
    assert_int_equal(a.expired, 1);
    assert_int_equal(a.cancelled, 1);
    assert_int_equal(a.failed, 2);
    assert_int_equal(a.evicted, 1);
    assert_int_equal(a.pending, 1);
    finish();
}

static void defect_10_rates_are_of_requests(void **state)
{
    (void)state;
    struct prefetcher_settings settings = free_of_charge();
    begin(&settings);
    hold_ahead("a", 1, 1);
    for (int i = 0; i < 9; i++)
        assert_int_equal(get("a"), PREFETCHER_HIT);
    hold("b", 2, 1);
    struct prefetcher_stats s = stats();
    assert_int_equal(s.requests, 10);
    assert_int_equal(s.hits, 9); /* 90 %, though one of two entries was ever touched again */
    assert_int_equal(s.held, 2);
    assert_int_equal(s.held_used, 2);
    assert_int_equal(s.shadow_misses, 2);
    assert_int_equal(s.spared, 1);
    finish();
}

static void defect_14_loads_ahead_begin_when_they_are_due(void **state)
{
    (void)state;
    struct prefetcher_settings settings = free_of_charge();
    begin(&settings);
    for (uint64_t i = 0; i < 20; i++) { /* loads take a second */
        char key[16];
        snprintf(key, sizeof key, "k%u", (unsigned)i);
        assert_int_equal(get(key), PREFETCHER_WAIT);
        struct prefetcher_load load = next();
        now += TIME_SECOND;
        ends(load, PREFETCHER_VALUE, i, 1);
    }
    assert_int_equal(offer("later", 1, 10 * TIME_SECOND), PREFETCHER_QUEUED);
    assert_int_equal(next().id, PREFETCHER_NONE);
    int64_t due_ns = prefetcher_deadline(machine) - now;
    assert_true(due_ns > 8 * TIME_SECOND && due_ns <= 9 * TIME_SECOND); /* 95 % take less */
    now += due_ns;
    assert_true(is(next(), "later"));
    finish();
}

static void defect_15_what_is_worth_most_goes_first_and_ties_are_defined(void **state)
{
    (void)state;
    struct prefetcher_settings settings = free_of_charge();
    struct prefetcher_request request;
    begin(&settings);
    offer("a", 0.2, -1);
    offer("b", 0.6, -1);
    offer("c", 0.4, -1);
    offer("d", 0.6, -1);
    assert_true(prefetcher_waiting(machine, 0, &request)); /* F1 */
    assert_true(request.probability > 0 && request.created_ns == 0);
    assert_true(is(next(), "b")); /* of equals, the one offered first */
    assert_true(is(next(), "d"));
    assert_true(is(next(), "c"));
    assert_true(is(next(), "a"));
    finish();
}

/* What costs more than it brings is not loaded: size, cost and limits count. */
static void defect_15_nothing_is_loaded_that_does_not_pay(void **state)
{
    (void)state;
    struct prefetcher_settings settings = prefetcher_defaults;
    settings.admission.load_price = 0.3;
    begin(&settings);
    assert_int_equal(offer("a", 0.29, -1), PREFETCHER_NOT_WORTH);
    assert_int_equal(offer("a", 0.5, -1), PREFETCHER_QUEUED);
    assert_int_equal(offer("soon", 0.9, 1), PREFETCHER_NOT_WORTH); /* spares next to nothing */
    assert_int_equal(offer("b", 0, -1), PREFETCHER_NOT_WORTH);
    assert_int_equal(offer("b", 1.5, -1), PREFETCHER_NOT_WORTH);
    prefetcher_enable(machine, false, now);
    assert_int_equal(offer("b", 1, -1), PREFETCHER_OFF);
    assert_int_equal(stats().queued, 0);
    finish();
}

static void defect_16_failures_back_off(void **state)
{
    (void)state;
    struct prefetcher_settings settings = free_of_charge();
    settings.backoff_ns = TIME_SECOND;
    begin(&settings);
    for (int failures = 0; failures < 4; failures++) {
        assert_int_equal(offer("a", 1, -1), PREFETCHER_QUEUED);
        ends(next(), PREFETCHER_FAILED, 0, 0);
        int64_t wait_ns = TIME_SECOND << failures;
        now += wait_ns - 1;
        assert_int_equal(offer("a", 1, -1), PREFETCHER_BACKING_OFF);
        now++;
    }
    assert_int_equal(get("a"), PREFETCHER_WAIT); /* a demand tries at once */
    ends(next(), PREFETCHER_VALUE, 1, 1);
    assert_int_equal(get("a"), PREFETCHER_HIT);
    finish();
}

static void defect_16_capacity_is_in_bytes(void **state)
{
    (void)state;
    struct prefetcher_settings settings = prefetcher_defaults;
    settings.capacity_bytes = 1000;
    settings.max_entries = 1000;
    begin(&settings);
    hold("a", 1, 600);
    hold("b", 2, 600);
    struct prefetcher_stats s = stats();
    assert_int_equal(s.held, 1);
    assert_int_equal(s.held_bytes, 600);
    assert_int_equal(get("giant"), PREFETCHER_WAIT);
    ends(next(), PREFETCHER_VALUE, 3, 1001); /* those who wait get it, nothing leaves for it */
    assert_int_equal(told_value, 3);
    assert_true(gone[3]);
    assert_int_equal(stats().held, 1);
    assert_int_equal(offer("giant", 1, -1), PREFETCHER_BACKING_OFF);
    finish();
}

static void defect_16_closing_leaves_nobody_waiting(void **state)
{
    (void)state;
    struct prefetcher_settings settings = free_of_charge();
    settings.max_concurrent = 2;
    begin(&settings);
    offer("ahead", 1, -1);
    struct prefetcher_load ahead = next();
    assert_int_equal(get("runs"), PREFETCHER_WAIT);
    struct prefetcher_load runs = next();
    assert_int_equal(get("waits"), PREFETCHER_WAIT);
    prefetcher_close(machine, FW_CLOSED, now);
    assert_int_equal(told_error, FW_CLOSED);
    assert_int_equal(told_waiters, 1);
    assert_int_equal(cancelled, 1);
    assert_int_equal(get("late"), PREFETCHER_REFUSED);
    ends(runs, PREFETCHER_VALUE, 1, 1); /* somebody waits for it: it ends as it would */
    assert_int_equal(told_waiters, 2);
    ends(ahead, PREFETCHER_VALUE, 2, 1);
    assert_int_equal(stats().ahead.cancelled, 1);
    finish();
    assert_int_equal(values_left, 2);
}

/* Backwards it stands still, then goes on; a leap forwards ends what has a limit, once. */
static void clock_steps_do_no_harm(void **state)
{
    (void)state;
    struct prefetcher_settings settings = free_of_charge();
    settings.value_ttl_ns = TIME_MINUTE;
    begin(&settings);
    now = 1000 * TIME_DAY;
    hold("a", 1, 1);
    now -= 100 * TIME_DAY;
    assert_int_equal(get("a"), PREFETCHER_HIT);
    now += TIME_MINUTE - 1;
    assert_int_equal(get("a"), PREFETCHER_HIT);
    now += 1;
    assert_int_equal(get("a"), PREFETCHER_WAIT); /* the limit still counts */
    ends(next(), PREFETCHER_VALUE, 2, 1);
    now = INT64_MAX;
    assert_int_equal(get("a"), PREFETCHER_WAIT);
    ends(next(), PREFETCHER_VALUE, 3, 1);
    assert_int_equal(get("a"), PREFETCHER_HIT);
    now = INT64_MIN;
    assert_int_equal(get("a"), PREFETCHER_HIT);
    assert_int_equal(stats().clock_steps, 2);
    finish();
}

static void overdue_loads_are_given_up(void **state)
{
    (void)state;
    struct prefetcher_settings settings = free_of_charge();
    settings.max_concurrent = 1;
    settings.max_stuck = 1;
    settings.load_timeout_ns = TIME_SECOND;
    begin(&settings);
    assert_int_equal(get("a"), PREFETCHER_WAIT);
    struct prefetcher_load first = next();
    assert_int_equal(prefetcher_deadline(machine), TIME_SECOND);
    now = TIME_SECOND;
    prefetcher_tick(machine, now);
    assert_int_equal(told_error, FW_TIMEOUT);
    assert_int_equal(cancelled, 1);
    assert_int_equal(get("a"), PREFETCHER_WAIT);
    struct prefetcher_load second = next(); /* the first takes no slot */
    assert_int_not_equal(second.id, PREFETCHER_NONE);
    now += TIME_SECOND;
    prefetcher_tick(machine, now);
    assert_int_equal(get("a"), PREFETCHER_WAIT);
    assert_int_equal(next().id, PREFETCHER_NONE); /* the second does */
    assert_int_equal(stats().stuck, 2);
    ends(first, PREFETCHER_VALUE, 1, 1); /* too late: not held */
    assert_true(gone[1]);
    struct prefetcher_load third = next();
    assert_int_not_equal(third.id, PREFETCHER_NONE);
    ends(third, PREFETCHER_VALUE, 2, 1);
    ends(second, PREFETCHER_VALUE, 3, 1);
    assert_int_equal(get("a"), PREFETCHER_HIT);
    assert_int_equal(told_value, 2);
    ends(second, PREFETCHER_VALUE, 4, 1); /* told twice */
    assert_int_equal(stats().stray, 1);
    finish();
}

static void keys_and_demands_are_bounded(void **state)
{
    (void)state;
    struct prefetcher_settings settings = prefetcher_defaults;
    struct prefetcher_got got;
    char *key = calloc(1, PREFETCHER_KEY_MAX + 1);
    settings.max_keys = 8;
    settings.max_key_bytes = 4 * PREFETCHER_KEY_MAX;
    begin(&settings);
    assert_int_equal(
        prefetcher_get(machine, (struct str){key, PREFETCHER_KEY_MAX + 1}, 1, 1, now, &got),
        PREFETCHER_REFUSED);
    for (int i = 0; i < 8; i++) {
        key[0] = (char)i;
        enum prefetcher_answer answer =
            prefetcher_get(machine, (struct str){key, 100}, 1, 1, now, &got);
        assert_int_equal(answer, PREFETCHER_WAIT);
        check();
    }
    key[0] = 9;
    assert_int_equal(prefetcher_get(machine, (struct str){key, 100}, 1, 1, now, &got),
                     PREFETCHER_REFUSED);
    for (int i = 0; i < 8; i++)
        ends(next(), PREFETCHER_NOTHING, 0, 0);
    for (int i = 0; i < 100; i++) { /* the longest keys: what is remembered makes way */
        key[1] = (char)i;
        (void)prefetcher_get(machine, (struct str){key, PREFETCHER_KEY_MAX}, 1, 1, now, &got);
        check();
        struct prefetcher_load load = next();
        if (load.id != PREFETCHER_NONE)
            ends(load, i % 2 ? PREFETCHER_NOTHING : PREFETCHER_FAILED, 0, 0);
    }
    assert_true(stats().key_bytes <= settings.max_key_bytes);
    assert_true(stats().demand_loads >= 80);
    free(key);
    finish();
}

/* Gets that nobody takes to learn from are dropped beyond the ring, and keep no name for ever. */
static void gets_not_learned_from_are_bounded(void **state)
{
    (void)state;
    struct prefetcher_settings settings = prefetcher_defaults;
    struct prefetcher_access_row access;
    uint32_t count = 0;
    begin(&settings);
    hold("a", 1, 1);
    for (int i = 0; i < 2 * PREFETCHER_ACCESSES_MAX; i++) {
        struct prefetcher_got got;
        assert_int_equal(prefetcher_get(machine, STR("a"), 1, 1, now, &got), PREFETCHER_HIT);
    }
    assert_int_equal(stats().accesses_lost, PREFETCHER_ACCESSES_MAX + 1);
    assert_true(prefetcher_drop(machine, STR("a"), now));
    assert_int_equal(stats().keys, 1);
    while (prefetcher_access(machine, &access)) {
        assert_true(str_equal(access.key, STR("a")));
        count++;
    }
    assert_int_equal(count, PREFETCHER_ACCESSES_MAX);
    assert_int_equal(stats().keys, 0);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defect_3_demand_joins_and_never_loads_twice),
        cmocka_unit_test(defect_3_demand_overtakes_the_queue),
        cmocka_unit_test(defect_4_unused_junk_leaves_before_what_is_used),
        cmocka_unit_test(defect_5_storing_again_updates_in_place),
        cmocka_unit_test(defect_6_hit_miss_and_negative_are_told_apart),
        cmocka_unit_test(defect_7_peeking_changes_nothing),
        cmocka_unit_test(defect_8_the_queue_has_each_key_once_and_is_bounded),
        cmocka_unit_test(defect_8_use_and_session_end_cancel),
        cmocka_unit_test(defect_9_every_load_ahead_has_one_outcome),
        cmocka_unit_test(defect_10_rates_are_of_requests),
        cmocka_unit_test(defect_14_loads_ahead_begin_when_they_are_due),
        cmocka_unit_test(defect_15_what_is_worth_most_goes_first_and_ties_are_defined),
        cmocka_unit_test(defect_15_nothing_is_loaded_that_does_not_pay),
        cmocka_unit_test(defect_16_failures_back_off),
        cmocka_unit_test(defect_16_capacity_is_in_bytes),
        cmocka_unit_test(defect_16_closing_leaves_nobody_waiting),
        cmocka_unit_test(clock_steps_do_no_harm),
        cmocka_unit_test(overdue_loads_are_given_up),
        cmocka_unit_test(keys_and_demands_are_bounded),
        cmocka_unit_test(gets_not_learned_from_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

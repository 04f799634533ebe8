/* SPDX-License-Identifier: MIT
 * The snapshot law for every policy: run(a + b) == run(a), save, load, run(b). Random streams of
 * requests from many resources, regular, bursty and rare ones; after the cut every answer must be
 * the same. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "plan/keep.h"
#include <stdlib.h>
#include <string.h>

#define S TIME_SECOND
enum { RESOURCES = 40, REQUESTS = 12000 };

struct stream {
    struct prng prng;
    int64_t at_ns, next_ns[RESOURCES], last_ns[RESOURCES];
    bool seen[RESOURCES];
};

/* The next of many renewal processes, each with its own habit. */
static struct policy_request next_request(struct stream *stream)
{
    uint32_t r = 0;
    for (uint32_t i = 1; i < RESOURCES; i++)
        if (stream->next_ns[i] < stream->next_ns[r])
            r = i;
    stream->at_ns = stream->next_ns[r];
    struct policy_request request = {.resource = r,
                                     .at_ns = stream->at_ns,
                                     .load_ns = (2 + r % 5 * 7) * S,
                                     .ready = r & 1,
                                     .gap_ns =
                                         stream->seen[r] ? stream->at_ns - stream->last_ns[r] : -1};
    stream->seen[r] = true;
    stream->last_ns[r] = stream->at_ns;
    double gap_s = r % 4 == 0 ? 300 + 20.0 * r + prng_uniform(&stream->prng)
                   : r % 4 == 1
                       ? (prng_below(&stream->prng, 5) ? prng_exponential(&stream->prng, 3)
                                                       : prng_exponential(&stream->prng, 5000))
                   : r % 4 == 2 ? prng_exponential(&stream->prng, 100.0 * (r + 1))
                                : (double)prng_below(&stream->prng, 3); /* equal stamps too */
    stream->next_ns[r] += (int64_t)((r % 4 == 3 ? gap_s * 100 : gap_s) * 1e9);
    return request;
}

static void start(struct stream *stream, uint64_t seed)
{
    memset(stream, 0, sizeof *stream);
    prng_init(&stream->prng, seed);
    for (int i = 0; i < RESOURCES; i++)
        stream->next_ns[i] = INT64_C(1700000000) * S + (int64_t)prng_below(&stream->prng, 3600) * S;
}

struct trail {
    uint64_t hash;
    uint64_t plans, orders;
};
static void note(struct trail *trail, const void *data, size_t len)
{
    trail->hash = str_hash(data, len, trail->hash);
}
static bool is_warm(void *context, uint32_t resource)
{
    (void)context;
    return resource % 3 == 0;
}
static void prewarm(void *context, const struct policy_order *order)
{
    struct trail *trail = context;
    int64_t words[] = {order->resource, order->expire_at_ns, order->numbers[0], order->numbers[1]};
    note(trail, words, sizeof words);
    trail->orders++;
}
static void expire(void *context, uint32_t resource)
{
    note(context, &resource, sizeof resource);
}
static void replan(void *context, uint32_t resource)
{
    note(context, &resource, sizeof resource);
}

static void step(struct policy *policy, const struct policy_request *request, struct trail *trail)
{
    const struct policy_sink sink = {trail, is_warm, prewarm, expire, replan};
    struct keep_plan plan;
    while (policy->ops->deadline && policy->ops->deadline(policy) <= request->at_ns) {
        int64_t at_ns = policy->ops->deadline(policy);
        policy->ops->fire(policy, at_ns, &sink);
        assert_true(policy->ops->deadline(policy) > at_ns ||
                    policy->ops->deadline(policy) == at_ns);
        note(trail, &at_ns, sizeof at_ns);
    }
    policy->ops->request(policy, request);
    if (policy->ops->plan(policy, request, &plan)) {
        assert_true(keep_valid(&plan));
        note(trail, plan.windows, plan.count * sizeof plan.windows[0]);
        note(trail, &plan.cold_cost_ns, sizeof plan.cold_cost_ns);
        trail->plans++;
    }
    if (policy->ops->probability) {
        double p = policy->ops->probability(policy, request->resource, 60 * S, 600 * S);
        assert_true(p >= 0 && p <= 1);
        note(trail, &p, sizeof p);
    }
    if (policy->ops->worth) {
        double worth =
            policy->ops->worth(policy, request->resource, 60 * S, request->load_ns, 1000000);
        assert_true(worth >= 0);
        note(trail, &worth, sizeof worth);
    }
}

static int64_t next_arrival(void *context, uint32_t resource, int64_t at_ns)
{
    (void)context;
    return at_ns + (resource + 1) * S;
}
static int64_t burst_wait(void *context, uint32_t resource, int64_t at_ns, int64_t load_ns)
{
    (void)context;
    (void)resource;
    (void)at_ns;
    return load_ns;
}

static struct policy *make(const char *spec)
{
    struct policy_settings settings = {.wait_price = 54,
                                       .idle_price = 1,
                                       .min_requests = 10,
                                       .horizon_ns = 300 * S,
                                       .lead_time_ns = 120 * S,
                                       .tick_ns = 30 * S,
                                       .expiry_ns = 300 * S,
                                       .history = 200,
                                       .max_resources = 1000,
                                       .next_arrival = next_arrival,
                                       .burst_wait = burst_wait};
    struct policy *policy;
    struct fw_detail detail;
    assert_int_equal(policy_create(&policy, &settings, str_of(spec), &detail), FW_OK);
    assert_int_equal(policy->ops->grow(policy, RESOURCES), FW_OK);
    return policy;
}

static void law_for(const char *spec, uint32_t cut, uint64_t seed)
{
    struct stream stream;
    struct trail whole = {0}, pieces = {0};
    struct policy *policy = make(spec), *other = make(spec);
    struct buf first, second;
    buf_init(&first, 1 << 24);
    buf_init(&second, 1 << 24);
    start(&stream, seed);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        struct policy_request request = next_request(&stream);
        step(policy, &request, &whole);
        if (i == cut) {
            policy->ops->save(policy, &first);
            assert_false(first.failed);
            struct buf_reader in = {(const uint8_t *)first.data, first.len, 0, false};
            if (!other->ops->load(other, &in))
                fail_msg("%s: its own state was refused", spec);
            assert_int_equal(in.at, in.len);
            pieces = whole;
        } else if (i > cut) {
            step(other, &request, &pieces);
            if (whole.hash != pieces.hash)
                fail_msg("%s: differs at request %u after a cut at %u", spec, i, cut);
        }
    }
    buf_clear(&first);
    policy->ops->save(policy, &first);
    other->ops->save(other, &second);
    assert_true(str_equal(buf_str(&first), buf_str(&second)));
    assert_true(whole.plans > 0);
    buf_fini(&first);
    buf_fini(&second);
    policy_destroy(&policy);
    policy_destroy(&other);
}

static const char *const specs[] = {"planner", "hazard-stop", "median",    "median:5m",
                                    "hybrid",  "hybrid:4h",   "breakeven", "ttl:10m",
                                    "cold",    "lru",         "oracle",    "oracle-reactive"};
enum { SPECS = sizeof specs / sizeof specs[0] };

static void run_save_load_run(void **state)
{
    (void)state;
    for (int i = 0; i < SPECS; i++) {
        law_for(specs[i], 0, 1);
        law_for(specs[i], 37, 2);
        law_for(specs[i], 1000, 3);
        law_for(specs[i], 7777, 4);
    }
}

/* A shortened state is refused; one with a flipped bit is refused or at least harmless. */
static void damage_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < SPECS; i++) {
        struct stream stream;
        struct trail trail = {0};
        struct policy *policy = make(specs[i]);
        struct buf out;
        struct prng prng;
        buf_init(&out, 1 << 24);
        prng_init(&prng, 5);
        start(&stream, 6);
        for (int n = 0; n < 2000; n++) {
            struct policy_request request = next_request(&stream);
            step(policy, &request, &trail);
        }
        policy->ops->save(policy, &out);
        policy_destroy(&policy);
        for (int round = 0; round < 300 && out.len > 0; round++) {
            policy = make(specs[i]);
            struct buf_reader cut = {(const uint8_t *)out.data,
                                     round == 0 ? out.len - 1 : prng_below(&prng, out.len), 0,
                                     false};
            if (policy->ops->load(policy, &cut))
                fail_msg("%s: accepted %zu of %zu bytes", specs[i], cut.len, out.len);
            policy_destroy(&policy);
            policy = make(specs[i]);
            char *damaged = malloc(out.len);
            assert_non_null(damaged);
            memcpy(damaged, out.data, out.len);
            damaged[prng_below(&prng, out.len)] ^= (char)(1u << prng_below(&prng, 8));
            struct buf_reader in = {(const uint8_t *)damaged, out.len, 0, false};
            struct stream again = stream;
            if (policy->ops->load(policy, &in) && policy->ops->grow(policy, RESOURCES) == FW_OK &&
                round < 20 && !policy->ops->deadline)
                for (int n = 0; n < 50; n++) {
                    struct policy_request request = next_request(&again);
                    step(policy, &request, &trail);
                }
            free(damaged);
            policy_destroy(&policy);
        }
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_save_load_run),
        cmocka_unit_test(damage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * What follows what within a session: two resources tell more than one, memory is bounded whatever
 * comes, and the same calls give the same answers after a snapshot. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "base/time.h"
#include "learn/transitions.h"
#include <math.h>

enum { PLAN, CODE, REVIEW, SUM, MODELS };

struct session {
    struct transition_context stands;
    int64_t at_ns;
};

static void ask(struct transitions *transitions, struct session *session, uint32_t resource,
                int64_t delay_ns)
{
    session->at_ns += delay_ns;
    if (session->stands.last != TRANSITION_NONE)
        transitions_learn(transitions, session->stands, resource, delay_ns);
    session->stands.before =
        session->stands.last == TRANSITION_NONE ? TRANSITION_START : session->stands.last;
    session->stands.last = resource;
    assert_int_equal(transitions_visit(transitions, session->stands, session->at_ns), FW_OK);
}

static const struct session fresh = {{TRANSITION_NONE, TRANSITION_NONE}, 0};

/* Plan, code, review, code, sum up: what follows code depends on what came before it. */
static void learn_pipelines(struct transitions *transitions, int runs)
{
    static const uint32_t chain[] = {PLAN, CODE, REVIEW, CODE, SUM};
    for (int run = 0; run < runs; run++) {
        struct session session = fresh;
        session.at_ns = run * TIME_HOUR;
        for (int i = 0; i < 5; i++)
            ask(transitions, &session, chain[i], 12 * TIME_SECOND);
    }
}

static void two_resources_tell_more_than_one(void **state)
{
    (void)state;
    struct transitions transitions;
    struct transition_guess guesses[3];
    transitions_init(&transitions, 1 << 20);
    learn_pipelines(&transitions, 100);
    struct transition_context after_plan = {PLAN, CODE}, after_review = {REVIEW, CODE},
                              new_pair = {SUM, CODE}, end = {CODE, SUM};
    assert_true(transitions_guess(&transitions, after_plan, 0, guesses, 3) >= 2);
    assert_int_equal(guesses[0].resource, REVIEW);
    assert_true(guesses[0].probability > 0.95 && guesses[0].two);
    assert_true(guesses[0].cases > 50 && guesses[0].cases < 101);
    assert_true(guesses[1].probability < 0.05);
    transitions_guess(&transitions, after_review, 0, guesses, 3);
    double likeliest = guesses[0].probability;
    assert_int_equal(transitions_guess(&transitions, after_review, likeliest, guesses, 3), 1);
    assert_int_equal(guesses[0].resource, SUM);
    assert_true(guesses[0].probability > 0.95);
    /* A pair never seen: the last resource alone speaks. */
    assert_int_equal(transitions_guess(&transitions, new_pair, 0, guesses, 3), 2);
    assert_true(fabs(guesses[0].probability - 0.5) < 0.06 && !guesses[0].two);
    assert_true(fabs(guesses[1].probability - 0.5) < 0.06);
    /* What ends a session is followed by nothing: probabilities need not add up to one. */
    if (transitions_guess(&transitions, end, 0, guesses, 1) > 0)
        assert_true(guesses[0].probability < 0.05);
    transitions_fini(&transitions);
}

static void delays_have_a_law(void **state)
{
    (void)state;
    struct transitions transitions;
    struct transition_guess guess;
    transitions_init(&transitions, 1 << 20);
    learn_pipelines(&transitions, 20);
    assert_int_equal(
        transitions_guess(&transitions, (struct transition_context){PLAN, CODE}, 0, &guess, 1), 1);
    assert_true(transition_quantile_s(&guess, 0.5) >= 8 &&
                transition_quantile_s(&guess, 0.5) <= 16);
    assert_true(transition_within(&guess, 7) < 0.01 && transition_within(&guess, 17) > 0.99);
    double sum = 0;
    for (int i = 0; i < TRANSITION_DELAYS; i++)
        sum += guess.delays[i];
    assert_true(fabs(sum - 1) < 1e-9);
    double before = 0;
    for (double s = 0; s < 100000; s = s * 1.3 + 0.1) {
        double now = transition_within(&guess, s);
        assert_true(now >= before && now <= 1);
        before = now;
    }
    transitions_fini(&transitions);
}

static void habits_change(void **state)
{
    (void)state;
    struct transitions transitions;
    struct transition_guess guess;
    struct session session = fresh;
    transitions_init(&transitions, 1 << 20);
    for (int i = 0; i < 400; i++)
        ask(&transitions, &session, i % 2 ? CODE : PLAN, TIME_SECOND);
    for (int i = 0; i < 400; i++)
        ask(&transitions, &session, i % 2 ? SUM : PLAN, TIME_SECOND);
    assert_true(transitions_guess(&transitions, session.stands, 0, &guess, 1) == 1);
    assert_int_equal(guess.resource, PLAN);
    ask(&transitions, &session, PLAN, TIME_SECOND);
    assert_true(transitions_guess(&transitions, session.stands, 0, &guess, 1) == 1);
    assert_int_equal(guess.resource, SUM);
    assert_true(guess.probability > 0.9);
    transitions_fini(&transitions);
}

/* Property: whatever comes, the tables stay within their bytes, and what is frequent stays known.
 */
static void memory_is_bounded(void **state)
{
    (void)state;
    static const uint64_t caps[] = {0, 100, 2000, 20000, 300000};
    for (size_t c = 0; c < sizeof caps / sizeof caps[0]; c++) {
        struct transitions transitions;
        struct prng prng;
        prng_init(&prng, 1000 + c);
        transitions_init(&transitions, caps[c]);
        struct session often = fresh;
        for (int i = 0; i < 60000; i++) {
            struct session once = fresh;
            once.at_ns = i * TIME_SECOND;
            for (uint64_t n = prng_below(&prng, 4); n > 0; n--)
                ask(&transitions, &once, (uint32_t)(10 + prng_below(&prng, 100000)), TIME_SECOND);
            ask(&transitions, &often, i % 3 ? CODE : PLAN, TIME_SECOND);
            assert_true(transitions_bytes(&transitions) <= caps[c]);
        }
        struct transition_guess guess;
        size_t found = transitions_guess(&transitions, often.stands, 0, &guess, 1);
        if (caps[c] < 2000) {
            assert_false(transitions_enabled(&transitions));
            assert_int_equal(found, 0);
        } else {
            assert_true(transitions.dropped > 1000);
            assert_int_equal(found, 1);
            assert_true(guess.probability > 0.8);
        }
        transitions_fini(&transitions);
    }
}

/* Random sessions of 40 resources; the state of the generator decides everything. */
static void wander(struct transitions *transitions, struct prng *prng, int steps)
{
    for (int i = 0; i < steps; i++) {
        struct transition_context stands = {(uint32_t)prng_below(prng, 40),
                                            (uint32_t)prng_below(prng, 40)};
        if (prng_below(prng, 10) == 0)
            stands.before = TRANSITION_START;
        transitions_learn(transitions, stands, (uint32_t)prng_below(prng, 40),
                          (int64_t)prng_below(prng, 1000) * TIME_SECOND);
        assert_int_equal(transitions_visit(transitions, stands, i * TIME_SECOND), FW_OK);
    }
}

static void a_snapshot_continues_alike(void **state)
{
    (void)state;
    struct transitions a, b, smaller, none;
    struct prng prng;
    struct buf first, second;
    prng_init(&prng, 3);
    buf_init(&first, 1 << 24);
    buf_init(&second, 1 << 24);
    transitions_init(&a, 200000);
    transitions_init(&b, 200000);
    transitions_init(&smaller, 20000);
    transitions_init(&none, 0);
    wander(&a, &prng, 5000);
    transitions_save(&a, &first);
    struct buf_reader in = {.data = (const uint8_t *)first.data, .len = first.len};
    assert_true(transitions_load(&b, &in, 40));
    assert_int_equal(in.at, in.len);
    struct prng same = prng;
    wander(&a, &prng, 5000);
    wander(&b, &same, 5000);
    struct buf after[2];
    buf_init(&after[0], 1 << 24);
    buf_init(&after[1], 1 << 24);
    transitions_save(&a, &after[0]);
    transitions_save(&b, &after[1]);
    assert_true(str_equal(buf_str(&after[0]), buf_str(&after[1])));
    /* Less is allowed now, or nothing: read all the same. */
    in.at = 0;
    assert_true(transitions_load(&smaller, &in, 40));
    assert_int_equal(in.at, in.len);
    assert_true(transitions_bytes(&smaller) <= 20000 && smaller.count > 0);
    in.at = 0;
    assert_true(transitions_load(&none, &in, 40));
    assert_int_equal(in.at, in.len);
    assert_int_equal(transitions_bytes(&none), 0);
    for (int i = 0; i < 2; i++)
        buf_fini(&after[i]);
    buf_fini(&first);
    buf_fini(&second);
    transitions_fini(&a);
    transitions_fini(&b);
    transitions_fini(&smaller);
    transitions_fini(&none);
}

static void damage_is_refused(void **state)
{
    (void)state;
    struct transitions a;
    struct prng prng;
    struct buf saved;
    prng_init(&prng, 4);
    buf_init(&saved, 1 << 24);
    transitions_init(&a, 100000);
    wander(&a, &prng, 200);
    transitions_save(&a, &saved);
    transitions_fini(&a);
    for (size_t cut = 0; cut < saved.len; cut += 97) {
        struct buf_reader in = {.data = (const uint8_t *)saved.data, .len = cut};
        transitions_init(&a, 100000);
        assert_false(transitions_load(&a, &in, 40));
        transitions_fini(&a);
    }
    /* A resource that there is not. */
    struct buf_reader in = {.data = (const uint8_t *)saved.data, .len = saved.len};
    transitions_init(&a, 100000);
    assert_false(transitions_load(&a, &in, 20));
    transitions_fini(&a);
    buf_fini(&saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_resources_tell_more_than_one),
        cmocka_unit_test(delays_have_a_law),
        cmocka_unit_test(habits_change),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(a_snapshot_continues_alike),
        cmocka_unit_test(damage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 * What a session asks for next: its own past counts beside what all sessions do, what has been
 * right more often speaks, "the last one again" is not lost to, and the same calls give the same
 * answers after a snapshot. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/prng.h"
#include "base/time.h"
#include "learn/following.h"
#include <math.h>

enum { USERS = 40, OWN = 3, SHOWN = 8 };

struct world {
    struct transitions transitions;
    struct following following;
    struct following_past users[USERS];
    struct prng prng;
    int64_t now_ns;
    int asked, right, last_right;
};

static void world_init(struct world *world)
{
    *world = (struct world){0};
    transitions_init(&world->transitions, 1 << 20);
    following_init(&world->following);
    prng_init(&world->prng, 5);
}

static size_t guess(const struct world *world, const struct following_past *past,
                    struct transition_guess guesses[SHOWN])
{
    return following_guess(&world->following, &world->transitions, past, 0, guesses, SHOWN);
}

static void ask(struct world *world, struct following_past *past, uint32_t resource)
{
    struct transition_guess guesses[SHOWN];
    world->now_ns += 10 * TIME_SECOND;
    if (past->count > 0) {
        size_t count = guess(world, past, guesses);
        world->asked++;
        world->right += count > 0 && guesses[0].resource == resource;
        world->last_right += past->latest[0] == resource;
        following_learn(&world->following, &world->transitions, past, resource, 10 * TIME_SECOND);
        transitions_learn(&world->transitions, following_stands(past), resource, 10 * TIME_SECOND);
    }
    following_remember(past, resource);
    following_visit(&world->following, past);
    assert_int_equal(transitions_visit(&world->transitions, following_stands(past), world->now_ns),
                     FW_OK);
}

static void score_from_here(struct world *world)
{
    world->asked = world->right = world->last_right = 0;
}

/* Nobody else uses a user's resources: what is known of them comes from how users are. */
static uint32_t own(int user, int which)
{
    return (uint32_t)(user * OWN + which);
}

static void a_past_is_the_latest_eight(void **state)
{
    (void)state;
    struct following_past past = {0};
    following_remember(&past, 7);
    struct transition_context stands = following_stands(&past);
    assert_true(stands.before == TRANSITION_START && stands.last == 7);
    for (uint32_t i = 0; i < 20; i++)
        following_remember(&past, i);
    assert_int_equal(past.count, FOLLOWING_PAST);
    for (uint32_t i = 0; i < FOLLOWING_PAST; i++)
        assert_int_equal(past.latest[i], 19 - i);
    assert_true(past.stays == 0 && past.moves > 8 && past.moves < 10);
}

/* Users stay nine times in ten: a newcomer with a resource of his own is foretold to stay, too. */
static void a_newcomer_stays_as_others_do(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    for (int i = 0; i < 1500; i++) {
        int user = (int)prng_below(&world.prng, USERS);
        struct following_past *past = &world.users[user];
        bool stays = past->count > 0 && prng_below(&world.prng, 10) > 0;
        ask(&world, past, stays ? past->latest[0] : own(user, (int)prng_below(&world.prng, OWN)));
    }
    struct following_past newcomer = {0};
    struct transition_guess guesses[SHOWN];
    for (int i = 0; i < 4; i++)
        following_remember(&newcomer, 5000);
    assert_true(guess(&world, &newcomer, guesses) >= 1);
    assert_int_equal(guesses[0].resource, 5000);
    assert_true(guesses[0].probability > 0.8 && guesses[0].probability < 1);
    assert_true(fabs(transition_quantile_s(&guesses[0], 0.5) - 12) < 4.1); /* 10 s, by doublings */
    transitions_fini(&world.transitions);
}

/* Each user goes round three resources of his own; what two of them were tells the third. */
static void a_habit_of_ones_own_is_seen(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    for (int round = 0; round < 8; round++)
        for (int user = 0; user < USERS; user++) {
            if (round == 5 && user == 0)
                score_from_here(&world);
            ask(&world, &world.users[user], own(user, round % OWN));
        }
    assert_true(world.right >= world.asked * 9 / 10);
    /* Somebody new, who has gone round once, and is where he was before. */
    struct following_past newcomer = {0};
    struct transition_guess guesses[SHOWN];
    for (uint32_t i = 0; i < 4; i++)
        following_remember(&newcomer, 5000 + i % OWN);
    assert_true(guess(&world, &newcomer, guesses) >= 1);
    assert_int_equal(guesses[0].resource, 5001);
    transitions_fini(&world.transitions);
}

/* A chain that everybody follows needs no past: it is learned as soon as without. */
static void what_all_do_is_kept(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    for (int i = 0; i < 400; i++) {
        struct following_past past = {0};
        if (i == 100)
            score_from_here(&world);
        for (uint32_t j = 0; j < 5; j++)
            ask(&world, &past, (uint32_t)(i % 2) * 3 + j % 4); /* two chains that share models */
    }
    assert_true(world.right >= world.asked * 85 / 100);
    assert_true(world.last_right == 0);
    transitions_fini(&world.transitions);
}

/* Users who stay three times in five and else take any of twelve: the last is the best guess, and
 * whatever is tried on the way to knowing that costs next to nothing. */
static void the_last_again_is_not_lost_to(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    for (int i = 0; i < 4000; i++) {
        struct following_past *past = &world.users[prng_below(&world.prng, USERS)];
        bool stays = past->count > 0 && prng_below(&world.prng, 5) < 3;
        ask(&world, past, stays ? past->latest[0] : (uint32_t)prng_below(&world.prng, 12));
    }
    assert_true(world.right >= world.last_right - 8);
    transitions_fini(&world.transitions);
}

static void probabilities_add_up_to_one_at_most(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    for (int i = 0; i < 3000; i++) {
        struct following_past *past = &world.users[prng_below(&world.prng, USERS)];
        struct transition_guess guesses[SHOWN];
        double sum = 0;
        for (size_t j = 0, count = past->count > 0 ? guess(&world, past, guesses) : 0; j < count;
             j++) {
            assert_true(guesses[j].probability >= 0 && guesses[j].probability <= 1);
            assert_true(j == 0 || guesses[j].probability <= guesses[j - 1].probability);
            sum += guesses[j].probability;
        }
        assert_true(sum <= 1 + 1e-9);
        ask(&world, past, (uint32_t)prng_below(&world.prng, 30));
    }
    transitions_fini(&world.transitions);
}

/* run(a + b) == run(a), save, load, run(b): to the bit. */
static void a_snapshot_continues_alike(void **state)
{
    (void)state;
    struct world world;
    struct following copy;
    struct buf first, second;
    world_init(&world);
    for (int i = 0; i < 700; i++)
        ask(&world, &world.users[prng_below(&world.prng, USERS)],
            (uint32_t)prng_below(&world.prng, 6));
    buf_init(&first, 1 << 16);
    buf_init(&second, 1 << 16);
    following_save(&world.following, &first);
    struct buf_reader in = {.data = (const uint8_t *)first.data, .len = first.len};
    following_init(&copy);
    assert_true(following_load(&copy, &in));
    assert_int_equal(in.at, first.len);
    for (int i = 0; i < 50; i++) {
        struct following_past *past = &world.users[i % USERS];
        uint32_t resource = (uint32_t)i % 5;
        following_learn(&copy, &world.transitions, past, resource, TIME_SECOND);
        following_learn(&world.following, &world.transitions, past, resource, TIME_SECOND);
        following_visit(&copy, past);
        following_visit(&world.following, past);
    }
    buf_clear(&first);
    following_save(&world.following, &first);
    following_save(&copy, &second);
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.data, second.data, first.len);
    buf_fini(&first);
    buf_fini(&second);
    transitions_fini(&world.transitions);
}

static void damage_is_refused(void **state)
{
    (void)state;
    struct following following, copy;
    struct buf saved;
    following_init(&following);
    buf_init(&saved, 1 << 16);
    following_save(&following, &saved);
    for (size_t len = 0; len < saved.len; len += 97) {
        struct buf_reader in = {.data = (const uint8_t *)saved.data, .len = len};
        following_init(&copy);
        assert_false(following_load(&copy, &in));
    }
    following.weights.of[0] = NAN;
    buf_clear(&saved);
    following_save(&following, &saved);
    struct buf_reader in = {.data = (const uint8_t *)saved.data, .len = saved.len};
    assert_false(following_load(&copy, &in));
    buf_fini(&saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_past_is_the_latest_eight),
        cmocka_unit_test(a_newcomer_stays_as_others_do),
        cmocka_unit_test(a_habit_of_ones_own_is_seen),
        cmocka_unit_test(what_all_do_is_kept),
        cmocka_unit_test(the_last_again_is_not_lost_to),
        cmocka_unit_test(probabilities_add_up_to_one_at_most),
        cmocka_unit_test(a_snapshot_continues_alike),
        cmocka_unit_test(damage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

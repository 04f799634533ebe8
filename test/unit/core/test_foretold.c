/* SPDX-License-Identifier: MIT
 * What sessions foretell: the next model is made ready while the one before still answers (P9:
 * confidence, cost against benefit), silently judged before it is acted upon, and said in words. */
#include "base/prng.h"
#include "core/state.h"
#include "engine_bench.h"

#define GIB (UINT64_C(1) << 30)

enum { PLAN, CODE, REVIEW, OTHER, MODELS };
static const char *const names[MODELS] = {"plan", "code", "review", "other"};

/* A world where a load takes ten seconds, and an answer twenty. */
struct world {
    struct bench bench;
    uint64_t next_request, next_session, running[64];
    uint32_t running_of[64];
    int running_count;
    int64_t proven_at_ns[MODELS];
    uint64_t attempt[MODELS];
    int waits; /* requests that met a cold model */
    struct prng prng;
};

static struct world world_of(uint64_t memory, bool foretells, double wait_price)
{
    struct world world = {.bench = bench_of("planner"), .next_request = 1, .next_session = 1};
    world.bench.settings.memory = memory;
    world.bench.settings.wait_price = wait_price;
    if (!foretells)
        world.bench.settings.transitions = 0;
    bench_start(&world.bench);
    prng_init(&world.prng, 11);
    for (uint32_t i = 0; i < MODELS; i++) {
        struct resource_settings settings = {.memory = 10 * GIB};
        (void)add(&world.bench, names[i], settings);
        world.proven_at_ns[i] = TIME_NEVER;
    }
    return world;
}

static void step_at(struct world *world, int64_t at_ns, struct event event);

static void react(struct world *world)
{
    struct action asked[64];
    size_t total = world->bench.actions.count;
    assert_true(total < 64);
    for (size_t i = 0; i < total; i++) /* memcpy may not be given the null of an empty list */
        asked[i] = world->bench.actions.items[i];
    for (size_t i = 0; i < total; i++) {
        const struct action *action = &asked[i];
        if (action->kind == ACTION_WARM) {
            world->proven_at_ns[action->resource] = world->bench.now_ns + 10 * TIME_SECOND;
            world->attempt[action->resource] = action->attempt;
        } else if (action->kind == ACTION_RELEASE) {
            world->running[world->running_count] = action->request;
            world->running_of[world->running_count++] = action->resource;
        }
    }
    for (size_t i = 0; i < total; i++) {
        const struct action *action = &asked[i];
        struct event event = {.resource = action->resource, .attempt = action->attempt};
        if (action->kind == ACTION_DRAIN)
            event.kind = EVENT_DRAINED;
        else if (action->kind == ACTION_UNLOAD)
            event.kind = EVENT_UNLOADED;
        else if (action->kind == ACTION_CANCEL) {
            event.kind = EVENT_FAILED;
            event.status = FW_CANCELLED;
            world->proven_at_ns[action->resource] = TIME_NEVER;
        } else
            continue;
        step_at(world, world->bench.now_ns, event);
    }
}

static void step_at(struct world *world, int64_t at_ns, struct event event)
{
    world->bench.now_ns = at_ns;
    step(&world->bench, event);
    react(world);
}

/* Time passes: loads end, and the engine is woken when it asked to be. */
static void pass(struct world *world, int64_t until_ns)
{
    for (;;) {
        int64_t due_ns = engine_next_deadline(world->bench.engine);
        uint32_t first = MODELS;
        for (uint32_t i = 0; i < MODELS; i++)
            if (world->proven_at_ns[i] <= until_ns && world->proven_at_ns[i] <= due_ns &&
                (first == MODELS || world->proven_at_ns[i] < world->proven_at_ns[first]))
                first = i;
        if (first == MODELS && due_ns > until_ns)
            break;
        struct event event = {.kind = EVENT_TIME};
        if (first < MODELS) {
            event = (struct event){
                .kind = EVENT_PROVEN, .resource = first, .attempt = world->attempt[first]};
            due_ns = world->proven_at_ns[first];
            world->proven_at_ns[first] = TIME_NEVER;
        }
        step_at(world, due_ns > world->bench.now_ns ? due_ns : world->bench.now_ns, event);
    }
    step_at(world, until_ns, (struct event){.kind = EVENT_TIME});
}

static void end_all(struct world *world)
{
    while (world->running_count > 0) {
        world->running_count--;
        step_at(world, world->bench.now_ns,
                (struct event){.kind = EVENT_END,
                               .request = world->running[world->running_count],
                               .resource = world->running_of[world->running_count]});
    }
}

static void call(struct world *world, uint32_t resource, uint64_t session)
{
    world->waits += view(&world->bench, resource).state != RESOURCE_WARM;
    step_at(world, world->bench.now_ns,
            (struct event){.kind = EVENT_REQUEST,
                           .resource = resource,
                           .request = world->next_request++,
                           .session = session});
}

/* One run: three calls, 25 s apart; then silence without rhythm. */
static void run(struct world *world, const uint32_t models[3])
{
    uint64_t session = world->next_session++;
    for (int i = 0; i < 3; i++) {
        call(world, models[i], session);
        pass(world, world->bench.now_ns + 25 * TIME_SECOND);
        end_all(world);
    }
    double silence_s = prng_exponential(&world->prng, 3600);
    pass(world, world->bench.now_ns + 300 * TIME_SECOND + time_from_seconds(silence_s));
}

/* Two chains through the same models: what comes after `code` depends on what came before it. */
static void run_either(struct world *world, int times)
{
    static const uint32_t chains[2][3] = {{PLAN, CODE, REVIEW}, {REVIEW, CODE, OTHER}};
    for (int i = 0; i < times; i++)
        run(world, chains[prng_below(&world->prng, 2)]);
}

static uint64_t session_warmups(struct world *world)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < MODELS; i++)
        sum += view(&world->bench, i).accounts.warmups[CAUSE_SESSION];
    return sum;
}

static void the_next_model_is_ready_under_a_budget(void **state)
{
    (void)state;
    int waits[2];
    for (int without = 0; without < 2; without++) {
        struct world world = world_of(20 * GIB, !without, 54);
        run_either(&world, 60);
        assert_true(without || session_warmups(&world) > 10);
        assert_true(!without || session_warmups(&world) == 0);
        world.waits = 0;
        run_either(&world, 40);
        waits[without] = world.waits;
        bench_end(&world.bench);
    }
    assert_true(waits[0] <= 44); /* the first call of a run, hardly another */
    assert_true(waits[1] >= waits[0] + 20);
}

static void silent_until_it_has_been_judged(void **state)
{
    (void)state;
    struct world world = world_of(20 * GIB, true, 54);
    run_either(&world, 5);
    assert_int_equal(session_warmups(&world), 0);
    bench_end(&world.bench);
}

/* With unlimited memory the same predictions must pay for the load and the idle time, too. */
static void it_pays_with_unlimited_memory(void **state)
{
    (void)state;
    struct world world = world_of(UINT64_MAX, true, 54);
    run_either(&world, 100);
    assert_true(session_warmups(&world) > 20);
    struct accounts sum;
    engine_totals(world.bench.engine, world.bench.now_ns, &sum);
    assert_true(sum.prewarm_hit >= sum.prewarm_issued - 3);
    world.waits = 0;
    run_either(&world, 40);
    assert_true(world.waits <= 48);
    bench_end(&world.bench);
}

/* Sessions whose next model is drawn evenly: one guess in four comes true, which does not pay where
 * waiting is cheap. */
static void chance_foretells_nothing(void **state)
{
    (void)state;
    struct world world = world_of(UINT64_MAX, true, 5);
    for (int i = 0; i < 150; i++) {
        uint32_t models[3];
        for (int j = 0; j < 3; j++)
            models[j] = (uint32_t)prng_below(&world.prng, MODELS);
        run(&world, models);
    }
    struct accounts sum;
    engine_totals(world.bench.engine, world.bench.now_ns, &sum);
    assert_true(sum.warmups[CAUSE_SESSION] < 60); /* of 300 that could have been guessed */
    bench_end(&world.bench);
}

static void why_names_the_transition(void **state)
{
    (void)state;
    struct world world = world_of(20 * GIB, true, 54);
    struct decision decisions[64];
    struct buf text;
    bool told = false;
    run_either(&world, 60);
    buf_init(&text, 1024);
    size_t count = engine_decisions(world.bench.engine, OTHER, decisions, 64);
    for (size_t i = 0; i < count && !told; i++) {
        if (decisions[i].action.reason != REASON_FORETOLD)
            continue;
        buf_clear(&text);
        engine_describe(world.bench.engine, &decisions[i].action, &text);
        told = strstr(text.data, "after review then code in a session it follows in 9") != NULL &&
               strstr(text.data, " cases, after ") != NULL;
    }
    assert_true(told);
    /* Where nobody knows the names, numbers stand for them. */
    buf_clear(&text);
    reason_describe(REASON_FORETOLD,
                    (int64_t[4]){(int64_t)(UINT64_MAX << 32 | 7), 64, 120, 12 * TIME_SECOND}, NULL,
                    NULL, &text);
    assert_string_equal(text.data,
                        "after #7 in a session it follows in 64 % of 120 cases, after 12 s");
    buf_clear(&text);
    reason_describe(REASON_FORETOLD, (int64_t[4]){-1, 64, 120, 12 * TIME_SECOND}, NULL, NULL,
                    &text);
    assert_string_equal(
        text.data,
        "after a past like this in a session it follows in 64 % of 120 cases, after 12 s");
    buf_fini(&text);
    bench_end(&world.bench);
}

/* Somebody who says what will come is heard, though a prediction is open. */
static void a_hint_is_heard_beside_predictions(void **state)
{
    (void)state;
    struct world world = world_of(UINT64_MAX, true, 54);
    uint64_t used, settled;
    run_either(&world, 60);
    call(&world, PLAN, 1000);
    step_at(&world, world.bench.now_ns,
            (struct event){.kind = EVENT_HINT,
                           .resource = CODE,
                           .source = 1,
                           .eta_ns = 20 * TIME_SECOND,
                           .probability = 1});
    pass(&world, world.bench.now_ns + 25 * TIME_SECOND);
    call(&world, CODE, 1000);
    assert_true(engine_hint_precision(world.bench.engine, 1, &used, &settled));
    assert_int_equal(used, 1);
    assert_int_equal(settled, 1);
    bench_end(&world.bench);
}

/* A job by the clock in a session of its own: what follows is the job itself, and the plan knows
 * when. Keeping it for that spares a load, no waiting; however much keeping has earned elsewhere,
 * here it loses that, and ends. */
static void what_the_plan_knows_is_not_earned_twice(void **state)
{
    (void)state;
    struct world world = world_of(UINT64_MAX, true, 300);
    struct foretold_ledger *ledger = &world.bench.engine->foretold.ledgers[1];
    int64_t idle_ns = 0;
    for (int i = 0; i < 900; i++) {
        pass(&world, SECONDS(100) * i + (int64_t)prng_below(&world.prng, 2000) * TIME_MILLISECOND);
        call(&world, PLAN, 7);
        if (view(&world.bench, PLAN).state != RESOURCE_WARM)
            pass(&world, world.bench.now_ns + SECONDS(10));
        end_all(&world);
        if (i == 100)
            *ledger = (struct foretold_ledger){.earned = 60000, .settled = 100};
        if (i == 500)
            idle_ns = view(&world.bench, PLAN).accounts.idle_ns;
    }
    assert_true(ledger->earned <= 0);
    assert_true(view(&world.bench, PLAN).accounts.idle_ns - idle_ns < 400 * SECONDS(15));
    bench_end(&world.bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_model_is_ready_under_a_budget),
        cmocka_unit_test(silent_until_it_has_been_judged),
        cmocka_unit_test(it_pays_with_unlimited_memory),
        cmocka_unit_test(chance_foretells_nothing),
        cmocka_unit_test(why_names_the_transition),
        cmocka_unit_test(what_the_plan_knows_is_not_earned_twice),
        cmocka_unit_test(a_hint_is_heard_beside_predictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

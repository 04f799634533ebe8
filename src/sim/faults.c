/* SPDX-License-Identifier: MIT */
#include "sim/faults_part.h"
#include "base/time.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { QUIET_EVENTS_MAX = 200000 };
#define SNAPSHOT_MAX ((size_t)1 << 28)
#define QUIET_NS     (20 * TIME_DAY) /* longer than any plan */

static void log_event(struct faults *faults, const struct event *event)
{
    char at[TIME_TEXT_MAX];
    if (faults->log)
        buf_printf(faults->log, "%s %s r%u request %" PRIu64 " attempt %" PRIu64 " status %u\n",
                   time_format_duration(event->at_ns, at), event_kind_name(event->kind),
                   event->resource, event->request, event->attempt, event->status);
}

static void log_action(struct faults *faults, const struct action *action)
{
    if (!faults->log)
        return;
    buf_printf(faults->log, "    -> %s r%u request %" PRIu64 " attempt %" PRIu64 " (%s",
               action_kind_name(action->kind), action->resource, action->request, action->attempt,
               reason_name(action->reason));
    if (action->kind == ACTION_STATE)
        buf_printf(faults->log, ", %s", resource_state_name(action->status));
    buf_add_text(faults->log, ")\n");
}

/* The twin must have decided exactly the same. */
static void compare_twin(struct faults *faults, const struct event *event)
{
    bool same = faults->actions.count == faults->twin_actions.count;
    for (size_t i = 0; same && i < faults->actions.count; i++)
        same = memcmp(&faults->actions.items[i], &faults->twin_actions.items[i],
                      sizeof *faults->actions.items) == 0;
    if (same && engine_decision_hash(faults->engine) == engine_decision_hash(faults->twin))
        return;
    for (size_t i = 0; i < faults->actions.count; i++)
        log_action(faults, &faults->actions.items[i]);
    if (faults->log)
        buf_add_text(faults->log, "the twin:\n");
    for (size_t i = 0; i < faults->twin_actions.count; i++)
        log_action(faults, &faults->twin_actions.items[i]);
    hostile_fail(&faults->world, "snapshot",
                 "after %s of r%u the engine that was saved and loaded decides otherwise",
                 event_kind_name(event->kind), event->resource);
}

static void check_accounts(struct faults *faults)
{
    struct accounts sum;
    uint64_t pending = 0, held = 0, loading = 0, begun = 0;
    engine_totals(faults->engine, faults->now_ns, &sum);
    for (uint32_t i = 0; i < engine_resource_count(faults->engine); i++) {
        struct resource_view view;
        engine_view(faults->engine, i, faults->now_ns, &view);
        pending += view.prewarmed;
        held += view.held;
        loading += view.state == RESOURCE_WARMING || view.state == RESOURCE_VERIFYING;
    }
    for (int cause = 0; cause < CAUSE_COUNT; cause++)
        begun += sum.warmups[cause];
    uint64_t ended =
        sum.prewarm_hit + sum.prewarm_expired + sum.prewarm_cancelled + sum.prewarm_failed;
    if (sum.prewarm_issued != ended + pending)
        hostile_fail(&faults->world, "accounts",
                     "%" PRIu64 " prewarms issued, but %" PRIu64 " hit, %" PRIu64
                     " expired, %" PRIu64 " cancelled, %" PRIu64 " failed and %" PRIu64 " pending",
                     sum.prewarm_issued, sum.prewarm_hit, sum.prewarm_expired,
                     sum.prewarm_cancelled, sum.prewarm_failed, pending);
    if (sum.held != sum.released + sum.refused + sum.fallbacks + sum.cancelled + held)
        hostile_fail(&faults->world, "accounts",
                     "%" PRIu64 " requests held, but %" PRIu64 " released, %" PRIu64
                     " refused, %" PRIu64 " sent elsewhere, %" PRIu64 " gone and %" PRIu64
                     " still held",
                     sum.held, sum.released, sum.refused, sum.fallbacks, sum.cancelled, held);
    uint64_t finished = sum.warmups_ok + sum.warmups_failed + sum.warmups_cancelled;
    if (begun < finished + loading ||
        (faults->world.faults[FAULT_RESTART] == 0 && begun != finished + loading))
        hostile_fail(&faults->world, "accounts",
                     "%" PRIu64 " warm-ups begun, but %" PRIu64 " finished and %" PRIu64
                     " under way",
                     begun, finished, loading);
    if (faults->world.held != held)
        hostile_fail(&faults->world, "one end",
                     "%" PRIu64 " requests wait in the world, the engine holds %" PRIu64,
                     faults->world.held, held);
}

/* The world goes by what the engine takes for true: that is what must not exceed the budget. */
static void learn_size(struct faults *faults, uint32_t resource)
{
    struct resource_view view;
    engine_view(faults->engine, resource, faults->now_ns, &view);
    faults->world.resources[resource].size = view.memory;
}

enum fw_err faults_tell(struct faults *faults, struct event *event)
{
    hostile_deliver(&faults->world, event);
    event->at_ns = faults->now_ns;
    faults->result->events++;
    log_event(faults, event);
    faults->actions.count = 0;
    FW_TRY(engine_step(faults->engine, event, &faults->actions));
    if (faults->twin) {
        faults->twin_actions.count = 0;
        FW_TRY(engine_step(faults->twin, event, &faults->twin_actions));
        compare_twin(faults, event);
    }
    faults->result->actions += faults->actions.count;
    if (event->kind == EVENT_SIZED)
        learn_size(faults, event->resource);
    for (size_t i = 0; i < faults->actions.count; i++) {
        log_action(faults, &faults->actions.items[i]);
        FW_TRY(hostile_perform(&faults->world, &faults->actions.items[i], faults->now_ns));
    }
    hostile_told(&faults->world, event);
    enum { CHECK_EVERY = 16 }; /* what no action followed from changes little */
    if (faults->actions.count > 0 || faults->result->events % CHECK_EVERY == 0)
        check_accounts(faults);
    return FW_OK;
}

enum fw_err faults_introduce(struct faults *faults, uint32_t resource)
{
    char id[8];
    int len = snprintf(id, sizeof id, "r%u", resource);
    struct event event = {.kind = EVENT_RESOURCE,
                          .resource = resource,
                          .id = {id, (size_t)len},
                          .settings = &faults->resources[resource]};
    faults->configured[resource] = true;
    return faults_tell(faults, &event);
}

static enum fw_err load_engine(const struct faults *faults, struct engine **engine)
{
    struct fw_detail detail;
    FW_TRY(engine_create(engine, &faults->settings, NULL, &detail));
    return engine_load(*engine, faults->snapshot.data, faults->snapshot.len, &detail);
}

/* Saves, and lets a loaded twin run beside the engine from here on. */
enum fw_err faults_snapshot(struct faults *faults)
{
    buf_clear(&faults->snapshot);
    FW_TRY(engine_save(faults->engine, &faults->snapshot));
    faults->result->snapshots++;
    engine_destroy(&faults->twin);
    enum fw_err err = load_engine(faults, &faults->twin);
    if (err != FW_OK && err != FW_NOMEM) {
        hostile_fail(&faults->world, "snapshot", "what was saved cannot be loaded (%s)",
                     err_row(err)->name);
        return FW_OK;
    }
    return err;
}

/* What survived the crash is told before anything may be loaded. */
static enum fw_err tell_survivors(struct faults *faults)
{
    for (uint32_t i = 0; i < faults->world.resource_count; i++) {
        struct event found = {
            .kind = EVENT_FOUND, .resource = i, .devices = faults->world.resources[i].placed};
        if (faults->world.resources[i].state != HOSTILE_READY)
            continue;
        faults->world.faults[FAULT_ADOPTED]++;
        FW_TRY(faults_tell(faults, &found));
    }
    return FW_OK;
}

/* The daemon dies and comes back from its latest snapshot, which may be old. */
enum fw_err faults_restart(struct faults *faults)
{
    if (faults->snapshot.len == 0)
        return FW_OK;
    hostile_crash(&faults->world, (uint32_t)prng_next(&faults->prng));
    engine_destroy(&faults->twin);
    engine_destroy(&faults->engine);
    FW_TRY(load_engine(faults, &faults->engine));
    engine_forget_world(faults->engine, faults->now_ns);
    if (faults->log)
        buf_add_text(faults->log, "restart\n");
    for (uint32_t i = 0; i < engine_resource_count(faults->engine); i++)
        learn_size(faults, i);
    FW_TRY(tell_survivors(faults));
    for (uint32_t i = 0; i < faults->world.resource_count; i++) {
        struct event retire = {.kind = EVENT_RETIRE, .resource = i};
        FW_TRY(faults->configured[i] ? faults_introduce(faults, i) : faults_tell(faults, &retire));
    }
    return FW_OK;
}

/* Time passes: up to `until_ns` everything that is due happens, unless the edge sleeps through a
 * timer. */
static enum fw_err pass(struct faults *faults, int64_t until_ns, bool punctual)
{
    for (uint64_t events = 0; events < QUIET_EVENTS_MAX && !faults->world.failed; events++) {
        int64_t world_ns = agenda_next(&faults->world.agenda),
                timer_ns = engine_next_deadline(faults->engine);
        if (!punctual && timer_ns < world_ns && prng_below(&faults->prng, 4) == 0) {
            faults->world.faults[FAULT_WOKE_LATE]++;
            timer_ns = TIME_NEVER;
        }
        int64_t next_ns = world_ns < timer_ns ? world_ns : timer_ns;
        if (next_ns > until_ns || next_ns == TIME_NEVER)
            break;
        if (next_ns > faults->now_ns)
            faults->now_ns = next_ns;
        struct event event = {.kind = EVENT_TIME};
        if (timer_ns > world_ns)
            (void)agenda_take(&faults->world.agenda, &event);
        FW_TRY(faults_tell(faults, &event));
    }
    if (until_ns > faults->now_ns && until_ns != TIME_NEVER)
        faults->now_ns = until_ns;
    return FW_OK;
}

/* Mostly moments, sometimes hours; now and then none at all. */
static int64_t next_pause(struct faults *faults)
{
    static const int64_t scales[] = {0,           TIME_MILLISECOND, TIME_SECOND, 10 * TIME_SECOND,
                                     TIME_MINUTE, 10 * TIME_MINUTE};
    enum { SCALES = sizeof scales / sizeof scales[0] };
    uint64_t pick = prng_below(&faults->prng, SCALES);
    if (pick == 0)
        faults->world.faults[FAULT_CLOCK_STOOD]++;
    return time_from_seconds(prng_exponential(&faults->prng, time_to_seconds(scales[pick])));
}

/* The clock jumps: all timers and reports of hours come at once, late. */
static void jump(struct faults *faults)
{
    faults->world.faults[FAULT_CLOCK_JUMPED]++;
    faults->now_ns += (int64_t)(prng_uniform(&faults->prng) * 6 * (double)TIME_HOUR);
}

/* When the world goes quiet, what was begun ends: nothing stays held, loading or pending for good.
 */
static enum fw_err check_quiet(struct faults *faults)
{
    for (uint32_t i = 0; i < faults->world.resource_count && !faults->world.failed; i++) {
        struct event unpin = {.kind = EVENT_UNPIN, .resource = i};
        FW_TRY(faults_tell(faults, &unpin));
    }
    FW_TRY(pass(faults, time_add(faults->now_ns, QUIET_NS), true));
    for (uint32_t i = 0; i < faults->world.resource_count && !faults->world.failed; i++) {
        const struct hostile_resource *resource = &faults->world.resources[i];
        struct resource_view view;
        engine_view(faults->engine, i, faults->now_ns, &view);
        if (view.held > 0)
            hostile_fail(&faults->world, "quiet", "%u requests are still held for r%u", view.held,
                         i);
        if (resource->state == HOSTILE_LOADING || resource->state == HOSTILE_CANCELLING ||
            resource->state == HOSTILE_UNLOADING || resource->state == HOSTILE_RAISING ||
            resource->state == HOSTILE_LOWERING)
            hostile_fail(&faults->world, "quiet", "r%u is still on its way", i);
        if ((view.state == RESOURCE_WARM) != (resource->state == HOSTILE_READY))
            hostile_fail(&faults->world, "quiet",
                         "the engine says r%u is %s, the world says it is %s", i,
                         resource_state_name(view.state),
                         resource->state == HOSTILE_READY ? "ready" : "not ready");
        if ((view.state == RESOURCE_HALF) != (resource->state == HOSTILE_HALF))
            hostile_fail(&faults->world, "quiet",
                         "the engine says r%u is %s, the world says it is %s", i,
                         resource_state_name(view.state),
                         resource->state == HOSTILE_HALF ? "at a level" : "at none");
        if (resource->running > 0)
            hostile_fail(&faults->world, "quiet", "%u requests still run on r%u", resource->running,
                         i);
    }
    return FW_OK;
}

static enum fw_err live(struct faults *faults, uint32_t steps)
{
    struct fw_detail detail;
    FW_TRY(engine_create(&faults->engine, &faults->settings, NULL, &detail));
    faults->now_ns = TIME_HOUR;
    for (uint32_t i = 0; i < faults->world.resource_count; i++)
        FW_TRY(faults_introduce(faults, i));
    for (uint32_t i = 0; i < steps && !faults->world.failed; i++) {
        if (prng_below(&faults->prng, 100) == 0)
            jump(faults);
        else
            FW_TRY(pass(faults, faults->now_ns + next_pause(faults), false));
        if (!faults->world.failed)
            FW_TRY(faults_happen(faults));
    }
    return faults->world.failed ? FW_OK : check_quiet(faults);
}

enum fw_err faults_run(uint64_t seed, uint32_t steps, struct faults_result *result, struct buf *log)
{
    struct faults faults = {.result = result, .log = log};
    *result = (struct faults_result){0};
    prng_init(&faults.prng, seed);
    buf_init(&faults.snapshot, SNAPSHOT_MAX);
    uint32_t resources = 1 + (uint32_t)prng_below(&faults.prng, 8);
    enum fw_err err = hostile_init(&faults.world, &faults.prng, resources);
    if (err == FW_OK) {
        faults_choose(&faults);
        faults_describe(&faults, result->setup, sizeof result->setup);
        err = live(&faults, steps);
    }
    if (faults.world.failed) {
        char at[TIME_TEXT_MAX];
        result->failed = true;
        snprintf(result->failure, sizeof result->failure, "%s (event %" PRIu64 " at %s)",
                 faults.world.failure, result->events, time_format_human(faults.now_ns, at));
    }
    if (faults.engine)
        result->decision_hash = engine_decision_hash(faults.engine);
    memcpy(result->faults, faults.world.faults, sizeof result->faults);
    engine_destroy(&faults.engine);
    engine_destroy(&faults.twin);
    action_list_fini(&faults.actions);
    action_list_fini(&faults.twin_actions);
    buf_fini(&faults.snapshot);
    hostile_fini(&faults.world);
    return err;
}

enum fw_err faults_run_checked(uint64_t seed, uint32_t steps, struct faults_result *result,
                               struct buf *log)
{
    struct faults_result again;
    FW_TRY(faults_run(seed, steps, result, log));
    if (result->failed)
        return FW_OK;
    FW_TRY(faults_run(seed, steps, &again, NULL));
    if (again.decision_hash == result->decision_hash && again.events == result->events)
        return FW_OK;
    result->failed = true;
    snprintf(result->failure, sizeof result->failure,
             "determinism: the decision hash was %016" PRIx64 ", and then %016" PRIx64,
             result->decision_hash, again.decision_hash);
    return FW_OK;
}

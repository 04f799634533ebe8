/* SPDX-License-Identifier: MIT
 * Loading ahead under a memory budget. Whenever the loader is idle and nobody waits, the absent
 * resource whose expected waiting (plan/value.h) exceeds that of what it would displace by most is
 * loaded. It never delays a request: a request that needs the loader cancels it. Hinted resources
 * go first; a hint is believed as far as its source's record allows. */
#include "core/state.h"
#include "base/check.h"
#include "learn/decay.h"
#include <stdlib.h>

#define LOOK_EVERY_NS    (30 * TIME_SECOND)
#define LOOK_QUIET_NS    (6 * TIME_HOUR) /* nobody came for so long: stop looking */
#define DWELL_NS         (300 * TIME_SECOND) /* what was asked for so recently, and may well come back */
#define COMES_BACK       0.1                 /* at once, is not displaced by a guess */
#define MARGIN           1.3
#define GAIN_MIN_S       0.1
#define PROBABILITY_MIN  0.005
#define HINT_LEAD_S      30.0 /* a hint saves at most this much of the load */
#define HINT_COST_WEIGHT 2.0
#define EXPECTED_MAX     9.2 /* what a hint can raise the expectation to: -ln(1e-4) */
enum { LOOKED_AT = 256, SESSIONS_KEPT = 1000, WARM_LOOKED_AT = 256, TRIES_MAX = 4 };

static struct values *make_values(const struct engine *engine)
{
    struct values *values = malloc(sizeof *values);
    if (!values)
        return NULL;
    values_init(values, SESSIONS_KEPT);
    if (values_grow(values, engine->resource_count) == FW_OK)
        return values;
    values_fini(values);
    free(values);
    return NULL;
}

enum fw_err ahead_enable(struct engine *engine)
{
    const struct policy_ops *ops = engine->policy->ops;
    if (engine->values || !engine->limited || !ops->keeps_while_free || !ops->predictive)
        return FW_OK;
    engine->values = make_values(engine);
    return engine->values ? FW_OK : FW_NOMEM;
}

bool ahead_load(struct engine *engine, struct buf_reader *in)
{
    if (ahead_enable(engine) != FW_OK)
        return false;
    if (engine->values)
        return values_load(engine->values, in);
    /* The budget or the policy has changed since: what is not used any more is read past. */
    struct values *unused = make_values(engine);
    bool read = unused && values_load(unused, in);
    if (unused)
        values_fini(unused);
    free(unused);
    return read;
}

/* ---- what was asked for lately ---- */

void ahead_append_recent(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    resource->recent_next = RESOURCE_NONE;
    resource->recent_previous = engine->recent_last;
    if (engine->recent_last != RESOURCE_NONE)
        engine->resources[engine->recent_last].recent_next = number;
    else
        engine->recent_first = number;
    engine->recent_last = number;
}

static void make_newest(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    if (engine->recent_first == number)
        return;
    if (resource->recent_previous != RESOURCE_NONE) { /* in the list: take it out */
        engine->resources[resource->recent_previous].recent_next = resource->recent_next;
        if (resource->recent_next != RESOURCE_NONE)
            engine->resources[resource->recent_next].recent_previous = resource->recent_previous;
        else
            engine->recent_last = resource->recent_previous;
    }
    resource->recent_previous = RESOURCE_NONE;
    resource->recent_next = engine->recent_first;
    if (engine->recent_first != RESOURCE_NONE)
        engine->resources[engine->recent_first].recent_previous = number;
    else
        engine->recent_last = number;
    engine->recent_first = number;
}

void ahead_request(struct engine *engine, uint32_t number, uint64_t session)
{
    if (engine->limited)
        make_newest(engine, number);
    if (!engine->values)
        return;
    engine_fail(engine, values_request(engine->values, number, session, engine->now_ns));
    engine->latest_request_ns = engine->now_ns;
    if (engine->ahead_at_ns == TIME_NEVER)
        engine->ahead_at_ns = time_add(engine->now_ns, LOOK_EVERY_NS);
}

/* ---- worth ---- */

/* That a hint or a session's prediction comes true. */
static double announced(const struct engine *engine, uint32_t number)
{
    double hinted = hints_probability(engine, &engine->resources[number]);
    return 1 - (1 - hinted) * (1 - foretold_probability(engine, number));
}

/* Requests expected within ten minutes; what was announced raises it as far as it is believed. */
static double expected(const struct engine *engine, uint32_t number)
{
    double requests = values_expected(engine->values, number, engine->now_ns);
    double hinted = announced(engine, number);
    if (hinted <= 0)
        return requests;
    double raised = -decay_log(decay_exp(-requests) * (1 - hinted));
    raised = raised > EXPECTED_MAX ? EXPECTED_MAX : raised;
    return raised > requests ? raised : requests;
}

/* For the clairvoyant bound: falls so steeply with the time to the next request that what is needed
 * sooner always outweighs everything that is needed later; 1 at ten minutes. */
static double foreseen(const struct engine *engine, uint32_t number)
{
    int64_t next_ns = engine->future.next_arrival(engine->future.context, number, engine->now_ns);
    if (next_ns == TIME_NEVER)
        return 0;
    double steps = 600 / (1 + time_to_seconds(next_ns - engine->now_ns));
    double square = steps * steps, fourth = square * square;
    return fourth * fourth;
}

double ahead_worth(const struct engine *engine, uint32_t number, int64_t load_ns)
{
    if (engine->policy->ops->needs_future)
        return foreseen(engine, number);
    return expected(engine, number) * time_to_seconds(load_ns);
}

double ahead_value(const struct engine *engine, uint32_t number)
{
    const struct resource *resource = &engine->resources[number];
    if (resource->levels && resource->state == RESOURCE_WARM)
        return rest_loss(engine, number);
    return ahead_worth(engine, number, decide_expected_load(engine, resource));
}

struct displaced { /* a warm resource that might make room */
    uint32_t resource;
    uint32_t devices;
    uint64_t bytes; /* on each of them */
    double cost;
};

static int compare_displaced(const void *left, const void *right)
{
    const struct displaced *a = left, *b = right;
    double per_byte_a = a->cost / (double)a->bytes, per_byte_b = b->cost / (double)b->bytes;
    if (per_byte_a != per_byte_b)
        return per_byte_a < per_byte_b ? -1 : 1;
    return a->resource < b->resource ? -1 : a->resource > b->resource;
}

/* What losing a warm resource to a guess (probability 0) or to a hint costs in seconds of waiting.
 */
static double cost_of_losing(const struct engine *engine, uint32_t number, double hint_probability)
{
    double load_s = time_to_seconds(decide_expected_load(engine, &engine->resources[number]));
    const struct resource *resource = &engine->resources[number];
    if (resource->state == RESOURCE_HALF)
        return rest_gain(engine, number, resource->level);
    if (hint_probability <= 0)
        return ahead_value(engine, number);
    double requests = expected(engine, number);
    double within_horizon = 1 - decay_exp(-requests),
           soon = 1 - (1 - values_soon(engine->values, number, engine->now_ns)) *
                          (1 - foretold_probability(engine, number));
    return load_s * ((1 - hint_probability) * within_horizon + hint_probability * soon);
}

/* Two users who alternate between two resources must not have them swapped by guesses; a job that
 * has just run and comes by the clock may go. */
static bool dwells(const struct engine *engine, uint32_t number)
{
    const struct resource *resource = &engine->resources[number];
    if (resource->last_request_ns < 0 || engine->now_ns - resource->last_request_ns >= DWELL_NS)
        return false;
    return engine->policy->ops->needs_future ||
           values_comes_back(engine->values, number, engine->now_ns) > COMES_BACK;
}

static uint32_t gather_displaced(const struct engine *engine, double hint_probability,
                                 struct displaced displaced[WARM_LOOKED_AT])
{
    uint32_t count = 0;
    for (uint32_t i = engine->occupied_first; i != RESOURCE_NONE && count < WARM_LOOKED_AT;
         i = engine->resources[i].occupied_next) {
        const struct resource *resource = &engine->resources[i];
        if (!room_evictable(resource) || room_frees(engine, resource) == 0 ||
            (hint_probability <= 0 && dwells(engine, i)))
            continue;
        displaced[count++] = (struct displaced){i, resource->placed, room_frees(engine, resource),
                                                cost_of_losing(engine, i, hint_probability)};
    }
    qsort(displaced, count, sizeof *displaced, compare_displaced);
    return count;
}

/* The cheapest on `device` that make room for `bytes`: how many of the sorted ones, less those not
 * needed after all; marks the ones to take beside those that were marked before, which cost nothing
 * more. False: not enough. */
static bool choose_displaced(const struct displaced *displaced, uint32_t count, uint32_t number,
                             uint32_t device, uint64_t bytes, bool take[WARM_LOOKED_AT],
                             double *cost)
{
    uint64_t freed = 0;
    uint32_t end = 0;
    bool marked[WARM_LOOKED_AT] = {false};
    for (uint32_t i = 0; i < count; i++)
        if (take[i] && (displaced[i].devices >> device & 1))
            freed += displaced[i].bytes;
    for (; end < count && freed < bytes; end++) {
        if (take[end] || displaced[end].resource == number ||
            !(displaced[end].devices >> device & 1))
            continue;
        marked[end] = true;
        freed += displaced[end].bytes;
        *cost += displaced[end].cost;
    }
    if (freed < bytes)
        return false;
    for (uint32_t i = end; i-- > 0;) { /* from the dearest per byte down */
        if (!marked[i] || freed - displaced[i].bytes < bytes)
            continue;
        marked[i] = false;
        freed -= displaced[i].bytes;
        *cost -= displaced[i].cost;
    }
    for (uint32_t i = 0; i < end; i++)
        take[i] |= marked[i];
    return true;
}

/* ---- the choice ---- */

struct choice {
    uint32_t resource; /* RESOURCE_NONE: nothing pays */
    uint32_t open;     /* devices that may be loaded onto */
    uint32_t devices;  /* where it goes */
    double gain_s;
    uint32_t victims[WARM_LOOKED_AT];
    uint32_t victim_count;
};

static bool absent(const struct engine *engine, const struct resource *resource)
{
    return resource->configured && resource_absent(resource) && !resource->queued &&
           !resource->dismissed && place_possible(engine, resource) &&
           !restraint_waits(engine, (uint32_t)(resource - engine->resources));
}

/* The devices on which making room costs least, one after the other; marks what has to go. False:
 * there is no room to be made. */
static bool find_room(const struct engine *engine, uint32_t number, uint32_t devices,
                      const struct displaced *displaced, uint32_t count, bool take[WARM_LOOKED_AT],
                      double *cost, uint32_t *chosen)
{
    const struct resource *resource = &engine->resources[number];
    uint64_t share = place_missing(engine, resource);
    *chosen = 0;
    devices &= place_allowed(engine, resource);
    for (uint32_t span = place_span(engine, resource); span > 0; span--) {
        uint32_t best = RESOURCE_NONE;
        double best_cost = 0;
        bool best_take[WARM_LOOKED_AT];
        for (uint32_t i = 0; i < engine->devices.count; i++) {
            bool also[WARM_LOOKED_AT];
            double more = 0;
            uint64_t free_bytes = place_free(engine, i);
            if (!(devices >> i & 1) ||
                engine->devices.items[i].memory < place_share(engine, resource))
                continue;
            memcpy(also, take, count * sizeof *also);
            if (share > free_bytes &&
                !choose_displaced(displaced, count, number, i, share - free_bytes, also, &more))
                continue;
            if (best != RESOURCE_NONE && more >= best_cost)
                continue;
            best = i;
            best_cost = more;
            memcpy(best_take, also, count * sizeof *also);
        }
        if (best == RESOURCE_NONE)
            return false;
        memcpy(take, best_take, count * sizeof *take);
        *cost += best_cost;
        *chosen |= 1u << best;
        devices &= ~(1u << best);
    }
    return true;
}

/* Weighs one absent resource of worth `value_s` against what must go, and keeps it if it beats the
 * best so far. */
static void weigh(const struct engine *engine, uint32_t number, double value_s, double weight,
                  const struct displaced *displaced, uint32_t count, struct choice *best)
{
    bool take[WARM_LOOKED_AT] = {false};
    double cost = 0;
    const struct resource *resource = &engine->resources[number];
    uint32_t devices = place_now(engine, resource, best->open);
    bool displaces = devices == 0;
    if (displaces &&
        !find_room(engine, number, best->open, displaced, count, take, &cost, &devices))
        return;
    double gain_s = value_s - weight * cost;
    if ((displaces && gain_s < GAIN_MIN_S) || gain_s <= best->gain_s)
        return;
    best->resource = number;
    best->devices = devices;
    best->gain_s = gain_s;
    best->victim_count = 0;
    for (uint32_t i = 0; i < count; i++)
        if (take[i])
            best->victims[best->victim_count++] = displaced[i].resource;
}

static void choose_hinted(const struct engine *engine, struct choice *best)
{
    struct displaced displaced[WARM_LOOKED_AT];
    for (uint32_t i = 0; i < engine->hinted_count; i++) {
        uint32_t number = engine->hinted[i].resource;
        const struct resource *resource = &engine->resources[number];
        double probability = announced(engine, number);
        if (!absent(engine, resource) || probability <= 0)
            continue;
        double load_s = time_to_seconds(decide_expected_load(engine, resource));
        double gain_s = probability * (load_s < HINT_LEAD_S ? load_s : HINT_LEAD_S);
        uint32_t count = gather_displaced(engine, probability, displaced);
        if (gain_s > GAIN_MIN_S)
            weigh(engine, number, gain_s, HINT_COST_WEIGHT, displaced, count, best);
    }
}

static void choose_expected(const struct engine *engine, struct choice *best)
{
    struct displaced displaced[WARM_LOOKED_AT];
    uint32_t looked = 0, count = gather_displaced(engine, 0, displaced);
    for (uint32_t i = engine->recent_first; i != RESOURCE_NONE && looked < LOOKED_AT;
         i = engine->resources[i].recent_next, looked++) {
        if (!absent(engine, &engine->resources[i]))
            continue;
        double value_s = ahead_value(engine, i);
        double load_s = time_to_seconds(decide_expected_load(engine, &engine->resources[i]));
        if (1 - decay_exp(-value_s / load_s) >= PROBABILITY_MIN)
            weigh(engine, i, value_s, MARGIN, displaced, count, best);
    }
}

static void forget_settled_hints(struct engine *engine)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < engine->hinted_count; i++)
        if (announced(engine, engine->hinted[i].resource) > 0 ||
            resource_hinted(&engine->resources[engine->hinted[i].resource]))
            engine->hinted[kept++] = engine->hinted[i];
    engine->hinted_count = kept;
}

/* Begins what is worth most. True: that was declined, there may be another. */
static bool try_best(struct engine *engine, uint32_t open)
{
    struct choice best = {.resource = RESOURCE_NONE, .open = open};
    enum cause cause = CAUSE_HINT;
    choose_hinted(engine, &best);
    if (best.resource == RESOURCE_NONE) {
        cause = CAUSE_PLAN;
        choose_expected(engine, &best);
    }
    if (best.resource == RESOURCE_NONE)
        return false;
    const struct resource *resource = &engine->resources[best.resource];
    struct why why = {REASON_WORTH,
                      {(int64_t)(expected(engine, best.resource) * 1e6),
                       (int64_t)(best.gain_s * 1e9), best.victim_count}};
    double hinted = hints_probability(engine, resource);
    if (cause == CAUSE_HINT && hinted < foretold_probability(engine, best.resource)) {
        cause = CAUSE_SESSION;
        why = ahead_foretold_why(engine, best.resource);
    } else if (cause == CAUSE_HINT) {
        why = (struct why){REASON_HINTED, {resource->hint->eta_ns, (int64_t)(hinted * 1e6)}};
    }
    if (!restraint_admits(engine, best.resource, cause))
        return true;
    room_start_displacing(engine, best.resource, best.devices, cause, &why, best.victims,
                          best.victim_count);
    return false;
}

void ahead_try(struct engine *engine)
{
    if (!engine->values || !engine->settings.enable_prewarming ||
        engine->queue_first != RESOURCE_NONE)
        return;
    uint32_t open = place_loaders(engine);
    if (open == 0 || (open &= place_settled(engine)) == 0)
        return;
    values_refresh(engine->values, engine->now_ns);
    foretold_expire(engine);
    rest_set_price(engine);
    forget_settled_hints(engine);
    for (int tries = 0; tries < TRIES_MAX && try_best(engine, open); tries++) {
    }
}

static struct hinted *listed(struct engine *engine, uint32_t number)
{
    forget_settled_hints(engine);
    for (uint32_t i = 0; i < engine->hinted_count; i++)
        if (engine->hinted[i].resource == number)
            return &engine->hinted[i];
    if (engine->hinted_count == HINTED_KEPT)
        return NULL;
    struct hinted *hinted = &engine->hinted[engine->hinted_count++];
    *hinted = (struct hinted){.resource = number};
    return hinted;
}

void ahead_hint(struct engine *engine, uint32_t number)
{
    (void)listed(engine, number);
    ahead_try(engine);
}

void ahead_foretell(struct engine *engine, uint32_t number, const struct why *why)
{
    struct hinted *hinted = listed(engine, number);
    if (hinted)
        hinted->foretold = *why;
}

struct why ahead_foretold_why(const struct engine *engine, uint32_t number)
{
    for (uint32_t i = 0; i < engine->hinted_count; i++)
        if (engine->hinted[i].resource == number &&
            engine->hinted[i].foretold.reason == REASON_FORETOLD)
            return engine->hinted[i].foretold;
    return (struct why){.reason = REASON_LIFECYCLE}; /* settled while its room was made */
}

void ahead_fire(struct engine *engine)
{
    bool quiet = engine->now_ns - engine->latest_request_ns > LOOK_QUIET_NS;
    engine->ahead_at_ns = quiet ? TIME_NEVER : time_add(engine->now_ns, LOOK_EVERY_NS);
    ahead_try(engine);
    rest_try(engine);
}

void ahead_cancel(struct engine *engine, uint32_t number, enum reason reason)
{
    struct resource *resource = &engine->resources[number];
    if (resource->cancelling)
        return;
    struct action action = {.kind = ACTION_CANCEL,
                            .resource = number,
                            .attempt = resource->attempt,
                            .reason = reason,
                            .cause = resource->cause};
    resource->cancelling = true;
    engine_emit(engine, &action);
}

/* Loading, and nobody waits for it. */
static bool steps_aside(const struct resource *resource, uint32_t wanted)
{
    bool ahead = cause_is_ahead(resource->cause);
    return resource_loading(resource) && ahead && !resource->cancelling &&
           (resource->placed & wanted) != 0 &&
           (resource->held == 0 || resource->state == RESOURCE_RAISING);
}

/* A request that waits for a loader: the devices it may go to, if none of them has one free. */
static uint32_t wanted_loaders(const struct engine *engine)
{
    uint32_t wanted = 0, loaders = place_loaders(engine);
    for (uint32_t i = engine->queue_first; i != RESOURCE_NONE;
         i = engine->resources[i].queue_next) {
        const struct resource *resource = &engine->resources[i];
        if (resource->held > 0 &&
            (uint32_t)__builtin_popcount(place_allowed(engine, resource) & loaders) <
                place_span(engine, resource))
            wanted |= place_allowed(engine, resource);
    }
    return wanted;
}

/* Somebody waits for the loader: a warm-up that nobody waits for steps aside. */
void ahead_make_way(struct engine *engine)
{
    uint32_t wanted;
    if (engine->queue_first == RESOURCE_NONE || (wanted = wanted_loaders(engine)) == 0)
        return;
    uint32_t found = RESOURCE_NONE;
    for (uint32_t i = engine->rest_first; i != RESOURCE_NONE && found == RESOURCE_NONE;
         i = engine->resources[i].levels->next)
        if (engine->resources[i].state == RESOURCE_RAISING &&
            steps_aside(&engine->resources[i], wanted))
            found = i;
    for (uint32_t i = engine->occupied_first; i != RESOURCE_NONE && found == RESOURCE_NONE;
         i = engine->resources[i].occupied_next)
        if (steps_aside(&engine->resources[i], wanted))
            found = i;
    if (found != RESOURCE_NONE)
        ahead_cancel(engine, found, REASON_GAVE_WAY);
}

/* SPDX-License-Identifier: MIT */
#include "plan/planner_signals.h"
#include "base/check.h"
#include "learn/packed.h"
#include "plan/planner.h"
#include "plan/policy_tools.h"
#include <math.h>
#include <stdlib.h>

#define TRACK_DECAY    0.98f
#define POOL_DECAY     0.999
#define COMMON_WEIGHT  20.0 /* gaps that everybody's experience weighs beside the resource's own */
#define CLEAR          1.5  /* standard deviations that a lead must be clear of 0 by, */
#define MARGIN         0.02 /* and this part of what the expert costs */
#define AGES_ALWAYS_NS TIME_HOUR /* shorter gaps are many: one in four tells as much */
#define AGES_DECAY     0.99f
#define AGES_WEIGHT    0.1  /* half-hours at the mean rate that an age is credited with */
#define LEAN           20.0 /* pseudo-gaps of the pooled law */
#define SLOT_HOURS     (24.0 / CLOCK_SLOTS)
#define FORECAST_STEPS 1000.0 /* to a request */
enum { DAYS_MIN = 2, POOL_GAPS_MIN_JUDGED = 20, LOOK_EVERY = 8, AGES_EVERY = 4 };

void planner_signals_fini(struct planner_signals *signals)
{
    for (uint32_t i = 0; i < signals->count; i++) {
        if (signals->resources[i])
            free(signals->resources[i]->forecast);
        free(signals->resources[i]);
    }
    free((void *)signals->resources);
}

enum fw_err planner_signals_grow(struct planner_signals *signals, uint32_t count, uint32_t max)
{
    void *resources = (void *)signals->resources;
    enum fw_err err = policy_array_grow(&resources, &signals->count, &signals->capacity, count, max,
                                        sizeof *signals->resources);
    signals->resources = resources;
    return err;
}

static struct signal_plans *plans_of(struct signal_resource *resource, int signal)
{
    if (signal == SIGNAL_CLOCK)
        return &resource->plans;
    return resource->forecast ? &resource->forecast->plans : NULL;
}

static struct signal_pool *pool_of(struct planner_signals *signals,
                                   const struct signal_resource *resource, int signal)
{
    return &signals->pools[signal == SIGNAL_CLOCK ? 0 : resource->forecast->source];
}

static struct signal_resource *make_resource(void)
{
    struct signal_resource *resource = calloc(1, sizeof *resource);
    if (!resource)
        return NULL; /* its signals stay silent */
    resource->plans.plan.count = resource->plans.judged.count = SIGNAL_UNKNOWN;
    resource->followed = resource->followed_judged = SIGNAL_NONE;
    return resource;
}

/* The rates that the gap met at its ages, hour by hour, before it is learned itself. */
static void learn_ages(struct signal_resource *resource, const struct clock_pool *pool,
                       int64_t began_ns, int64_t now_ns)
{
    struct clock_rates rates;
    clock_rates(&resource->clock, pool, began_ns, &rates);
    for (int i = 0; i < OUTLOOK_AGES; i++) {
        resource->met[i] *= AGES_DECAY;
        resource->silent[i] *= AGES_DECAY;
    }
    int64_t at_ns = began_ns;
    for (int i = 0; i < OUTLOOK_SLOTS && at_ns < now_ns; i++) {
        int64_t slot = clock_slot(at_ns), end_ns = (slot + 1) * CLOCK_SLOT_NS;
        end_ns = end_ns < now_ns ? end_ns : now_ns;
        uint32_t age = outlook_age(time_to_seconds(at_ns - began_ns + (end_ns - at_ns) / 2));
        double slots = time_to_seconds(end_ns - at_ns) / time_to_seconds(CLOCK_SLOT_NS);
        resource->met[age] += (float)(slots * clock_rate(&rates, slot));
        resource->silent[age] += (float)slots;
        at_ns = end_ns;
    }
}

void planner_signals_close(struct planner *planner, uint32_t number, int64_t gap_ns, int64_t now_ns)
{
    struct planner_signals *signals = &planner->signals;
    struct signal_resource **resource = &signals->resources[number];
    planner->resources[number].signals_judged = false;
    if (signals->deaf)
        return;
    clock_pool_learn(&signals->clock, now_ns);
    if (!*resource && gap_ns >= SIGNAL_GAP_NS &&
        planner->resources[number].known >= SIGNAL_GAPS_MIN)
        *resource = make_resource();
    if (!*resource)
        return;
    if (clock_days(&(*resource)->clock) > 0 &&
        (gap_ns > AGES_ALWAYS_NS || ++(*resource)->short_gaps % AGES_EVERY == 0))
        learn_ages(*resource, &signals->clock, now_ns - gap_ns, now_ns);
    clock_learn(&(*resource)->clock, now_ns);
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        struct signal_plans *plans = plans_of(*resource, i);
        if (!plans)
            continue;
        plans->judged = plans->plan;
        if (plans->plan.count != SIGNAL_UNKNOWN)
            planner->resources[number].signals_judged = true;
    }
    (*resource)->followed_judged = (*resource)->followed;
}

/* ---- forecasts ---- */

static void forecast_begin(struct signal_forecast *forecast, int64_t hour)
{
    forecast->first_hour = hour;
    for (int i = 0; i < FORECAST_HOURS; i++)
        forecast->expected[i] = UINT16_MAX;
}

/* Hours that are over make room for those to come. */
static void forecast_move(struct signal_forecast *forecast, int64_t hour)
{
    int64_t by = hour - forecast->first_hour;
    if (by <= 0)
        return;
    for (int64_t i = 0; i < FORECAST_HOURS; i++)
        forecast->expected[i] =
            i + by < FORECAST_HOURS ? forecast->expected[i + by] : (uint16_t)UINT16_MAX;
    forecast->first_hour = hour;
}

static struct signal_forecast *forecast_of(struct signal_resource *resource, uint32_t source,
                                           int64_t now_ns)
{
    struct signal_forecast *forecast = resource->forecast;
    if (!forecast) {
        forecast = resource->forecast = calloc(1, sizeof *forecast);
        if (!forecast)
            return NULL;
        forecast->plans.plan.count = forecast->plans.judged.count = SIGNAL_UNKNOWN;
        forecast->source = (uint16_t)source;
        forecast_begin(forecast, now_ns / TIME_HOUR);
    } else if (forecast->source != source) { /* another one speaks for it now: a clean sheet */
        if (resource->followed == SIGNAL_FORECAST)
            resource->followed = SIGNAL_NONE;
        if (resource->followed_judged == SIGNAL_FORECAST)
            resource->followed_judged = SIGNAL_NONE;
        forecast->plans =
            (struct signal_plans){.plan.count = SIGNAL_UNKNOWN, .judged.count = SIGNAL_UNKNOWN};
        forecast->source = (uint16_t)source;
        forecast_begin(forecast, now_ns / TIME_HOUR);
    }
    forecast_move(forecast, now_ns / TIME_HOUR);
    return forecast;
}

enum fw_err planner_expect(struct policy *policy, const struct policy_expect *expect)
{
    struct planner *planner = (struct planner *)policy;
    struct signal_resource **resource = &planner->signals.resources[expect->resource];
    if (planner->signals.deaf)
        return FW_OK;
    if (!*resource && !(*resource = make_resource()))
        return FW_NOMEM;
    uint32_t source = expect->source % (SIGNAL_SOURCES - 1) + 1; /* 0 is the clock */
    struct signal_forecast *forecast = forecast_of(*resource, source, expect->now_ns);
    if (!forecast)
        return FW_NOMEM;
    double a_second = expect->requests / time_to_seconds(expect->to_ns - expect->from_ns);
    int64_t hour = expect->from_ns / TIME_HOUR;
    if (hour < forecast->first_hour)
        hour = forecast->first_hour;
    for (; hour < forecast->first_hour + FORECAST_HOURS && hour * TIME_HOUR < expect->to_ns;
         hour++) {
        int64_t from_ns = hour * TIME_HOUR, to_ns = from_ns + TIME_HOUR;
        from_ns = from_ns > expect->from_ns ? from_ns : expect->from_ns;
        to_ns = to_ns < expect->to_ns ? to_ns : expect->to_ns;
        double requests = a_second * time_to_seconds(to_ns - from_ns);
        uint16_t *kept = &forecast->expected[hour - forecast->first_hour];
        if (to_ns - from_ns < TIME_HOUR && *kept != UINT16_MAX && from_ns % TIME_HOUR != 0)
            requests += (packed_to(*kept) - 1) / FORECAST_STEPS; /* the rest of an hour */
        uint16_t packed = packed_from(1 + FORECAST_STEPS * requests);
        *kept = packed < UINT16_MAX ? packed : UINT16_MAX - 1;
    }
    planner->resources[expect->resource].due = true;
    return FW_OK;
}

/* ---- judging ---- */

struct standing {
    double lead_s, deviation_s, cost_s;
};

static struct standing standing_of(const struct signal_track *track, const struct signal_pool *pool)
{
    struct standing standing = {(double)track->lead_s, (double)track->squares,
                                (double)track->cost_s};
    if (pool->gaps > 0) {
        double weight = COMMON_WEIGHT / pool->gaps;
        /* What is saved in gaps still open is not saved yet. */
        double open_s = pool->open_lead_s < 0 ? pool->open_lead_s : 0;
        standing.lead_s += weight * (pool->lead_s + open_s);
        standing.deviation_s += weight * weight * pool->squares;
        standing.cost_s += weight * pool->cost_s;
    }
    standing.deviation_s = sqrt(standing.deviation_s);
    return standing;
}

static void judge(struct signal_track *track, struct signal_pool *pool, double lead_s,
                  double expert_s)
{
    track->lead_s = TRACK_DECAY * track->lead_s + (float)lead_s;
    track->squares = TRACK_DECAY * track->squares + (float)(lead_s * lead_s);
    track->cost_s = TRACK_DECAY * track->cost_s + (float)expert_s;
    if (track->judged < UINT16_MAX)
        track->judged++;
    pool->lead_s = POOL_DECAY * pool->lead_s + lead_s;
    pool->squares = POOL_DECAY * pool->squares + lead_s * lead_s;
    pool->cost_s = POOL_DECAY * pool->cost_s + expert_s;
    pool->gaps = POOL_DECAY * pool->gaps + 1;
    struct standing standing = standing_of(track, pool);
    if (track->acts)
        track->acts = standing.lead_s > 0;
    else
        track->acts = pool->gaps >= POOL_GAPS_MIN_JUDGED &&
                      standing.lead_s > CLEAR * standing.deviation_s + MARGIN * standing.cost_s;
}

double planner_signals_settle(struct planner *planner, uint32_t number, double expert_s,
                              double wait)
{
    const struct planner_resource *of = &planner->resources[number];
    if (!of->signals_judged)
        return expert_s;
    struct signal_resource *resource = planner->signals.resources[number];
    CHECK(resource);
    double followed_s = expert_s;
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        struct signal_plans *plans = plans_of(resource, i);
        if (!plans || plans->judged.count == SIGNAL_UNKNOWN)
            continue;
        struct keep_plan plan;
        outlook_windows(&plans->judged, &plan);
        struct keep_outcome outcome = keep_outcome(&plan, of->burst_gap_ns, of->burst_load_ns);
        double cost_s = keep_cost_s(&outcome, of->burst_load_ns, planner->wait_price, wait);
        if (resource->followed_judged == i)
            followed_s = cost_s;
        judge(&plans->track, pool_of(&planner->signals, resource, i), expert_s - cost_s, expert_s);
    }
    return followed_s;
}

double planner_signals_open(struct planner *planner, uint32_t number, int64_t age_ns,
                            double expert_s)
{
    struct signal_resource *resource = planner->signals.resources[number];
    double followed_s = expert_s;
    for (int i = 0; resource && i < SIGNAL_COUNT; i++) {
        struct signal_plans *plans = plans_of(resource, i);
        if (!plans || plans->plan.count == SIGNAL_UNKNOWN)
            continue;
        struct keep_plan plan;
        outlook_windows(&plans->plan, &plan);
        double idle_s = time_to_seconds(
            keep_outcome(&plan, age_ns, planner->resources[number].load_ns).idle_ns);
        if (resource->followed == i)
            followed_s = idle_s;
        planner->signals.sweep_lead_s[i == SIGNAL_CLOCK ? 0 : resource->forecast->source] +=
            expert_s - idle_s;
    }
    return followed_s;
}

void planner_signals_swept(struct planner_signals *signals)
{
    for (int i = 0; i < SIGNAL_SOURCES; i++) {
        signals->pools[i].open_lead_s = signals->sweep_lead_s[i];
        signals->sweep_lead_s[i] = 0;
    }
}

/* ---- planning ---- */

/* F: what the rate was at the ages that were reached, drawn towards the mean of the day. */
static void set_usual(const struct signal_resource *resource, const struct clock_rates *rates,
                      struct outlook *outlook)
{
    double sum = 0;
    for (int i = 0; i < CLOCK_SLOTS; i++)
        sum += rates->hours[i];
    for (int i = 0; i < OUTLOOK_AGES; i++)
        outlook->usual[i] = ((double)resource->met[i] + AGES_WEIGHT * sum / CLOCK_SLOTS) /
                            ((double)resource->silent[i] + AGES_WEIGHT);
}

static void look_ahead(const struct clock_rates *rates, int64_t now_ns, struct outlook *outlook)
{
    int64_t slot = clock_slot(now_ns);
    outlook->at_ns = now_ns;
    for (int i = 0; i < OUTLOOK_SLOTS; i++)
        outlook->rates[i] = clock_rate(rates, slot + i);
}

/* What the source said, hour by hour, replaces the calendar. False: it said nothing of the hours to
 * come. `lone`: of the requests that it expects, those that end a gap. */
static bool overlay(const struct signal_forecast *forecast, int64_t now_ns, double lone,
                    struct outlook *outlook)
{
    int64_t slot = clock_slot(now_ns);
    bool known = false;
    for (int i = 0; i < OUTLOOK_SLOTS; i++) {
        int64_t at = (slot + i) * CLOCK_SLOT_NS / TIME_HOUR - forecast->first_hour;
        if (at < 0 || at >= FORECAST_HOURS || forecast->expected[at] == UINT16_MAX)
            continue;
        outlook->rates[i] =
            lone * SLOT_HOURS * (packed_to(forecast->expected[at]) - 1) / FORECAST_STEPS;
        known = true;
    }
    return known;
}

/* A signal far behind is asked seldom: making its plan costs as much as an expert's. */
static bool hopeless(const struct signal_plans *plans, const struct signal_pool *pool)
{
    struct standing standing = standing_of(&plans->track, pool);
    return standing.lead_s < -CLEAR * standing.deviation_s - MARGIN * standing.cost_s;
}

static bool worth_a_look(struct planner_signals *signals, struct signal_resource *resource)
{
    if (clock_days(&resource->clock) < DAYS_MIN)
        return false;
    if (resource->forecast || resource->plans.track.acts ||
        !hopeless(&resource->plans, &signals->pools[0]))
        return true;
    resource->skipped = (uint8_t)((resource->skipped + 1) % LOOK_EVERY);
    return resource->skipped == 0;
}

/* The plan that is followed: of those that act the one that leads by most. */
static int choose(struct planner_signals *signals, struct signal_resource *resource)
{
    int best = SIGNAL_NONE;
    double most_s = 0;
    for (int i = 0; i < SIGNAL_COUNT; i++) {
        const struct signal_plans *plans = plans_of(resource, i);
        if (!plans || plans->plan.count == SIGNAL_UNKNOWN || !plans->track.acts)
            continue;
        double lead_s = standing_of(&plans->track, pool_of(signals, resource, i)).lead_s;
        if (best == SIGNAL_NONE || lead_s > most_s) {
            best = i;
            most_s = lead_s;
        }
    }
    return best;
}

static void make_plans(const struct planner *planner, uint32_t number, int64_t now_ns,
                       const double mass[GAPS_BINS], const double cold_s[GAPS_BINS])
{
    const struct planner_resource *of = &planner->resources[number];
    struct signal_resource *resource = planner->signals.resources[number];
    int64_t hold_ns = of->hold ? gaps_edges_ns[gaps_bin(of->load_ns) + 1] : 0;
    struct clock_rates rates;
    struct outlook outlook;
    clock_rates(&resource->clock, &planner->signals.clock, now_ns, &rates);
    look_ahead(&rates, now_ns, &outlook);
    set_usual(resource, &rates, &outlook);
    outlook_make(&outlook, mass, cold_s, of->load_ns, hold_ns, &resource->plans.plan);
    if (!resource->forecast)
        return;
    double lone = of->all_gaps > 0 ? 1 - (double)(of->short_gaps / of->all_gaps) : 1;
    struct outlook_plan *plan = &resource->forecast->plans.plan;
    if (overlay(resource->forecast, now_ns, lone, &outlook))
        outlook_make(&outlook, mass, cold_s, of->load_ns, hold_ns, plan);
    else
        plan->count = SIGNAL_UNKNOWN;
}

bool planner_signals_plan(struct planner *planner, uint32_t number, int64_t now_ns,
                          const double law[GAPS_BINS], const double cold_s[GAPS_BINS],
                          struct keep_plan *plan)
{
    struct signal_resource *resource = planner->signals.resources[number];
    double mass[GAPS_BINS];
    if (!resource)
        return false;
    resource->plans.plan.count = SIGNAL_UNKNOWN;
    resource->followed = SIGNAL_NONE;
    if (!worth_a_look(&planner->signals, resource))
        return false;
    gaps_kept_mass(&planner->resources[number].gaps, law, LEAN, mass);
    make_plans(planner, number, now_ns, mass, cold_s);
    resource->followed = (uint8_t)choose(&planner->signals, resource);
    if (planner_is_guarded(planner, &planner->resources[number]))
        resource->followed = SIGNAL_NONE;
    if (resource->followed == SIGNAL_NONE)
        return false;
    outlook_windows(&plans_of(resource, resource->followed)->plan, plan);
    return true;
}

size_t planner_signals_tell(const struct policy *policy, uint32_t number,
                            struct policy_signal *signals)
{
    static const char *const names[SIGNAL_COUNT] = {"clock", "forecast"};
    const struct planner *planner = (const struct planner *)policy;
    struct signal_resource *resource = planner->signals.resources[number];
    size_t count = 0;
    for (int i = 0; resource && i < SIGNAL_COUNT; i++) {
        const struct signal_plans *plans = plans_of(resource, i);
        if (!plans)
            continue;
        signals[count++] = (struct policy_signal){
            .name = names[i],
            .source = i == SIGNAL_FORECAST ? resource->forecast->source - 1u : 0,
            .judged = plans->track.judged,
            .saved_s = (double)plans->track.lead_s,
            .cost_s = (double)plans->track.cost_s,
            .acts = plans->track.acts,
            .followed = resource->followed == i};
    }
    return count;
}

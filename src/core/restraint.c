/* SPDX-License-Identifier: MIT */
#include "core/restraint.h"
#include "core/state.h"
#include <stdlib.h>

#define HOUR_BIN_NS (5 * TIME_MINUTE)
#define DAY_BIN_NS  TIME_HOUR
#define YIELD_NS    TIME_SECOND /* how long a warm-up waits before it looks again */
#define YIELD_GAP_NS                                                                               \
    (10 * TIME_SECOND) /* one that was not tried for so long begins to wait anew                   \
                        */

const char *decline_name(uint32_t decline)
{
    static const char *const names[] = {
#define X(decline, name) name,
        DECLINES(X)
#undef X
    };
    return decline < DECLINE_COUNT ? names[decline] : "?";
}

/* ---- what was spent ---- */

static void clear_bins(int64_t *bin, int64_t now_bin, int64_t *values, int64_t count,
                       uint32_t *warmups)
{
    int64_t steps = now_bin - *bin < count ? now_bin - *bin : count;
    for (int64_t i = 0; i < steps; i++) {
        values[(now_bin - i) % count] = 0;
        if (warmups)
            warmups[(now_bin - i) % count] = 0;
    }
    if (steps > 0)
        *bin = now_bin;
}

static void roll(struct spending *spent, int64_t now_ns)
{
    clear_bins(&spent->hour_bin, now_ns / HOUR_BIN_NS, spent->hour_ns, RESTRAINT_HOUR_BINS,
               spent->warmups);
    clear_bins(&spent->day_bin, now_ns / DAY_BIN_NS, spent->day_ns, RESTRAINT_DAY_BINS, NULL);
}

static int64_t sum_of(const int64_t *values, int count)
{
    int64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum = time_add(sum, values[i]);
    return sum;
}

static int64_t count_of(const struct spending *spent)
{
    int64_t sum = 0;
    for (int i = 0; i < RESTRAINT_HOUR_BINS; i++)
        sum += spent->warmups[i];
    return sum;
}

/* When the oldest bin that holds something leaves the window. */
static int64_t leaves_ns(int64_t bin, int64_t bin_ns, const int64_t *values,
                         const uint32_t *warmups, int64_t count)
{
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t at = bin - i;
        if (at >= 0 && (values[at % count] > 0 || (warmups && warmups[at % count] > 0)))
            return (at + count) * bin_ns;
    }
    return (bin + count) * bin_ns;
}

static double usd_of(const struct engine *engine, int64_t loading_ns)
{
    return time_to_seconds(loading_ns) * engine->settings.hour_price_usd / 3600;
}

static bool limits(const struct budget_settings *budget)
{
    return budget->warmups > 0 || budget->loading_ns > 0 || budget->usd > 0;
}

static int64_t device_ns(const struct engine *engine, const struct resource *resource,
                         int64_t took_ns)
{
    int64_t devices = place_span(engine, resource);
    return took_ns < TIME_NEVER / DEVICES_MAX ? took_ns * (devices > 1 ? devices : 1) : TIME_NEVER;
}

/* Would one more that takes `more_ns` keep to the budget? `running_ns`: expected of loads under
 * way.
 */
static bool keeps_to(const struct engine *engine, const struct budget_settings *budget,
                     struct spending *spent, int64_t running_ns, int64_t more_ns, struct why *why,
                     int64_t *until_ns)
{
    if (!limits(budget))
        return true;
    roll(spent, engine->now_ns);
    int64_t count = count_of(spent);
    int64_t hour_ns = time_add(sum_of(spent->hour_ns, RESTRAINT_HOUR_BINS), running_ns);
    int64_t day_ns = time_add(sum_of(spent->day_ns, RESTRAINT_DAY_BINS), running_ns);
    *until_ns = leaves_ns(spent->hour_bin, HOUR_BIN_NS, spent->hour_ns, spent->warmups,
                          RESTRAINT_HOUR_BINS);
    if (budget->warmups > 0 && count >= budget->warmups) {
        *why = (struct why){REASON_BUDGET_WARMUPS, {0, count, budget->warmups}};
    } else if (budget->loading_ns > 0 && time_add(hour_ns, more_ns) > budget->loading_ns) {
        *why = (struct why){REASON_BUDGET_LOADING, {0, hour_ns, budget->loading_ns, more_ns}};
    } else if (budget->usd > 0 && usd_of(engine, time_add(day_ns, more_ns)) > budget->usd) {
        *why =
            (struct why){REASON_BUDGET_USD,
                         {0, (int64_t)(usd_of(engine, day_ns) * 1e6), (int64_t)(budget->usd * 1e6),
                          (int64_t)(usd_of(engine, more_ns) * 1e6)}};
        *until_ns = leaves_ns(spent->day_bin, DAY_BIN_NS, spent->day_ns, NULL, RESTRAINT_DAY_BINS);
    } else {
        return true;
    }
    why->numbers[0] = *until_ns - engine->now_ns;
    return false;
}

static bool within_budgets(struct engine *engine, struct resource *resource, struct why *why,
                           int64_t *until_ns)
{
    struct restraint *own = resource->restraint;
    if (!limits(&engine->settings.budget) && !own)
        return true;
    int64_t more_ns = device_ns(engine, resource, decide_expected_load(engine, resource));
    return keeps_to(engine, &engine->settings.budget, &engine->spent, engine->reserved_ns, more_ns,
                    why, until_ns) &&
           (!own || keeps_to(engine, &own->budget, &own->spent, 0, more_ns, why, until_ns));
}

/* ---- the breaker ---- */

static struct server *server_of(const struct engine *engine, const struct resource *resource)
{
    const struct restraint *own = resource->restraint;
    return own && own->server > 0 ? &engine->servers[own->server - 1] : NULL;
}

static bool is_tripped(const struct engine *engine, const struct server *server)
{
    return engine->settings.breaker_failures > 0 && server->several &&
           server->failures >= engine->settings.breaker_failures;
}

static bool breaker_allows(const struct engine *engine, const struct resource *resource,
                           struct why *why, int64_t *until_ns)
{
    const struct server *server = server_of(engine, resource);
    if (!server || !is_tripped(engine, server))
        return true;
    if (engine->now_ns >= server->open_until_ns && server->trying == 0)
        return true;
    *until_ns = server->trying > 0 ? time_add(engine->now_ns, TIME_SECOND) : server->open_until_ns;
    *why = (struct why){REASON_BREAKER, {*until_ns - engine->now_ns, server->failures}};
    return false;
}

uint32_t engine_breaker(const struct engine *engine, uint32_t resource)
{
    const struct server *server = server_of(engine, &engine->resources[resource]);
    return server && is_tripped(engine, server) ? server->failures : 0;
}

void restraint_succeeded(struct engine *engine, uint32_t number)
{
    struct server *server = server_of(engine, &engine->resources[number]);
    if (!server)
        return;
    server->failures = 0;
    server->several = false;
    server->trying = 0;
}

void restraint_failed(struct engine *engine, uint32_t number)
{
    struct server *server = server_of(engine, &engine->resources[number]);
    if (!server)
        return;
    server->several |= server->failures > 0 && server->failed != number;
    server->failed = number;
    if (server->failures < UINT32_MAX)
        server->failures++;
    if (is_tripped(engine, server))
        server->open_until_ns = time_add(engine->now_ns, engine->settings.retry_max_ns);
}

/* ---- giving way to traffic ---- */

/* Requests that run on the devices it would go to, least busy first. */
static uint32_t beside_on_devices(const struct engine *engine, const struct resource *resource)
{
    uint32_t busy[DEVICES_MAX], count = 0, allowed = place_allowed(engine, resource);
    for (uint32_t device = 0; device < engine->devices.count; device++) {
        if (!(allowed >> device & 1))
            continue;
        uint32_t running = 0;
        for (uint32_t i = engine->occupied_first; i != RESOURCE_NONE;
             i = engine->resources[i].occupied_next)
            if (engine->resources[i].placed >> device & 1)
                running += engine->resources[i].in_use;
        uint32_t at = count++;
        for (; at > 0 && busy[at - 1] > running; at--)
            busy[at] = busy[at - 1];
        busy[at] = running;
    }
    uint32_t span = place_span(engine, resource);
    if (count == 0)
        return 0;
    return busy[(span < 1 ? 1 : span > count ? count : span) - 1];
}

static uint32_t running_beside(const struct engine *engine, const struct resource *resource)
{
    if (engine->devices.named)
        return beside_on_devices(engine, resource);
    const struct server *server = server_of(engine, resource);
    uint32_t running = 0;
    for (uint32_t i = engine->occupied_first; i != RESOURCE_NONE;
         i = engine->resources[i].occupied_next)
        if (engine->limited || (server && server_of(engine, &engine->resources[i]) == server))
            running += engine->resources[i].in_use;
    return running;
}

struct restraint *restraint_make(struct engine *engine, struct resource *resource)
{
    if (!resource->restraint) {
        resource->restraint = calloc(1, sizeof *resource->restraint);
        if (resource->restraint)
            resource->restraint->yields_since_ns = resource->restraint->yielded_ns = -1;
        else
            engine_fail(engine, FW_NOMEM);
    }
    return resource->restraint;
}

static bool traffic_allows(struct engine *engine, struct resource *resource, struct why *why,
                           int64_t *until_ns)
{
    const struct engine_settings *settings = &engine->settings;
    if (settings->yield_in_flight == 0)
        return true;
    uint32_t running = running_beside(engine, resource);
    struct restraint *own = restraint_make(engine, resource);
    if (running <= settings->yield_in_flight || !own)
        return true;
    if (own->yields_since_ns < 0 || engine->now_ns - own->yielded_ns > YIELD_GAP_NS)
        own->yields_since_ns = engine->now_ns;
    int64_t waited_ns = engine->now_ns - own->yields_since_ns;
    if (waited_ns >= settings->yield_max_ns)
        return true;
    own->yielded_ns = engine->now_ns;
    *until_ns = time_add(engine->now_ns, YIELD_NS);
    *why = (struct why){REASON_TRAFFIC,
                        {settings->yield_max_ns - waited_ns, running, settings->yield_in_flight}};
    return false;
}

/* ---- may it begin? ---- */

bool restraint_allows(struct engine *engine, uint32_t number, enum cause cause, struct why *why,
                      int64_t *until_ns)
{
    struct resource *resource = &engine->resources[number];
    if (resource->held > 0)
        cause = CAUSE_REQUEST;
    if (cause == CAUSE_OPERATOR)
        return true;
    if (!breaker_allows(engine, resource, why, until_ns))
        return false;
    bool must = cause == CAUSE_REQUEST || cause == CAUSE_PIN;
    if ((!must || engine->settings.budget_strict) &&
        !within_budgets(engine, resource, why, until_ns))
        return false;
    return !cause_is_ahead(cause) || traffic_allows(engine, resource, why, until_ns);
}

static enum decline kind_of(enum reason reason)
{
    return reason == REASON_COOLDOWN  ? DECLINE_COOLDOWN
           : reason == REASON_BREAKER ? DECLINE_BREAKER
           : reason == REASON_TRAFFIC ? DECLINE_TRAFFIC
                                      : DECLINE_BUDGET;
}

static void tell(struct engine *engine, uint32_t number, enum cause cause, const struct why *why,
                 int64_t until_ns)
{
    struct restraint *own = restraint_make(engine, &engine->resources[number]);
    /* A wait for traffic is told once, however often it is looked at. */
    bool goes_on = own && why->reason == REASON_TRAFFIC && own->said == REASON_TRAFFIC &&
                   own->yields_since_ns < engine->now_ns &&
                   engine->now_ns - own->said_until_ns <= YIELD_GAP_NS;
    bool told = own && own->said == why->reason && engine->now_ns < own->said_until_ns;
    if (!own || told)
        return;
    own->said = why->reason;
    own->said_until_ns = until_ns;
    if (goes_on)
        return;
    own->declined[kind_of(why->reason)]++;
    struct action action = {
        .kind = ACTION_DECLINE, .resource = number, .reason = why->reason, .cause = cause};
    memcpy(action.numbers, why->numbers, sizeof action.numbers);
    engine_emit(engine, &action);
}

void restraint_decline(struct engine *engine, uint32_t number, enum cause cause,
                       const struct why *why, int64_t until_ns)
{
    struct resource *resource = &engine->resources[number];
    tell(engine, number, resource->held > 0 ? CAUSE_REQUEST : cause, why, until_ns);
    if (why->reason == REASON_COOLDOWN)
        return;
    room_forget(engine, number);
    ending_turn_away(engine, number, why->reason == REASON_BREAKER ? FW_MODEL_FAILED : FW_BUDGET,
                     why);
    if (resource->pinned)
        decide_look_again(engine, number, until_ns);
}

bool restraint_admits(struct engine *engine, uint32_t number, enum cause cause)
{
    struct why why = {.reason = REASON_NONE};
    int64_t until_ns = engine->now_ns;
    if (restraint_allows(engine, number, cause, &why, &until_ns))
        return true;
    restraint_decline(engine, number, cause, &why, until_ns);
    return false;
}

bool restraint_gives_way(struct engine *engine, uint32_t number, enum cause cause)
{
    struct why why = {.reason = REASON_NONE};
    int64_t until_ns = engine->now_ns;
    if (traffic_allows(engine, &engine->resources[number], &why, &until_ns))
        return false;
    tell(engine, number, cause, &why, until_ns);
    return true;
}

bool restraint_waits(const struct engine *engine, uint32_t number)
{
    return restraint_again_ns(engine, number) > engine->now_ns;
}

int64_t restraint_again_ns(const struct engine *engine, uint32_t number)
{
    const struct restraint *own = engine->resources[number].restraint;
    bool waits = own && own->said != REASON_NONE && own->said != REASON_COOLDOWN;
    return waits && own->said_until_ns > engine->now_ns ? own->said_until_ns : engine->now_ns;
}

/* ---- loads ---- */

static void count_one(struct spending *spent, int64_t now_ns)
{
    roll(spent, now_ns);
    spent->warmups[spent->hour_bin % RESTRAINT_HOUR_BINS]++;
}

static void add_loading(struct spending *spent, int64_t now_ns, int64_t took_ns)
{
    roll(spent, now_ns);
    int64_t *hour_ns = &spent->hour_ns[spent->hour_bin % RESTRAINT_HOUR_BINS];
    int64_t *day_ns = &spent->day_ns[spent->day_bin % RESTRAINT_DAY_BINS];
    *hour_ns = time_add(*hour_ns, took_ns);
    *day_ns = time_add(*day_ns, took_ns);
}

void restraint_begin(struct engine *engine, uint32_t number)
{
    struct resource *resource = &engine->resources[number];
    struct server *server = server_of(engine, resource);
    struct restraint *own = resource->restraint;
    if (server && is_tripped(engine, server))
        server->trying = number + 1;
    count_one(&engine->spent, engine->now_ns);
    if (limits(&engine->settings.budget))
        own = restraint_make(engine, resource);
    if (!own)
        return;
    count_one(&own->spent, engine->now_ns);
    own->reserved_ns = device_ns(engine, resource, decide_expected_load(engine, resource));
    engine->reserved_ns = time_add(engine->reserved_ns, own->reserved_ns);
    own->yields_since_ns = own->yielded_ns = -1;
    own->said = REASON_NONE;
    own->said_until_ns = 0;
}

void restraint_end(struct engine *engine, uint32_t number, int64_t took_ns)
{
    struct resource *resource = &engine->resources[number];
    struct server *server = server_of(engine, resource);
    took_ns = device_ns(engine, resource, took_ns);
    add_loading(&engine->spent, engine->now_ns, took_ns);
    if (server && server->trying == number + 1)
        server->trying = 0;
    if (!resource->restraint)
        return;
    add_loading(&resource->restraint->spent, engine->now_ns, took_ns);
    engine->reserved_ns -= resource->restraint->reserved_ns;
    resource->restraint->reserved_ns = 0;
}

/* ---- settings and restarts ---- */

enum fw_err restraint_server(struct engine *engine, uint32_t id, uint32_t *server)
{
    *server = 0;
    for (uint32_t i = 0; i < engine->server_count; i++)
        if (engine->servers[i].id == id)
            *server = i + 1;
    if (*server > 0 || engine->server_count == RESTRAINT_SERVERS_MAX)
        return FW_OK;
    struct server *servers =
        realloc(engine->servers, (engine->server_count + 1) * sizeof *engine->servers);
    if (!servers)
        return FW_NOMEM;
    engine->servers = servers;
    servers[engine->server_count] = (struct server){.id = id};
    *server = ++engine->server_count;
    return FW_OK;
}

enum fw_err restraint_configure(struct engine *engine, struct resource *resource,
                                const struct resource_settings *settings)
{
    if (!resource->restraint && settings->server == 0 && !limits(&settings->budget))
        return FW_OK;
    struct restraint *own = restraint_make(engine, resource);
    if (!own)
        return FW_NOMEM;
    own->budget = settings->budget;
    own->server = 0;
    return settings->server > 0 ? restraint_server(engine, settings->server, &own->server) : FW_OK;
}

void restraint_forget_world(struct engine *engine)
{
    engine->reserved_ns = 0;
    for (uint32_t i = 0; i < engine->server_count; i++)
        engine->servers[i] = (struct server){.id = engine->servers[i].id};
    for (uint32_t i = 0; i < engine->resource_count; i++)
        if (engine->resources[i].restraint) {
            struct restraint *own = engine->resources[i].restraint;
            own->reserved_ns = 0;
            own->yields_since_ns = own->yielded_ns = -1;
            own->said = REASON_NONE;
            own->said_until_ns = 0;
        }
}

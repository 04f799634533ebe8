/* SPDX-License-Identifier: MIT
 * What a seed chooses, and what happens in its world. */
#include "base/check.h"
#include "base/time.h"
#include "sim/faults_part.h"
#include <stdio.h>
#include <string.h>

static uint64_t below(struct faults *faults, uint64_t bound)
{
    return prng_below(&faults->prng, bound);
}

static bool chance(struct faults *faults, double share)
{
    return prng_uniform(&faults->prng) < share;
}

/* Most may go anywhere; some to a few only, and some need several at once, at times more than they
 * may go to. */
static void choose_devices(struct faults *faults, uint32_t i)
{
    const struct devices *devices = &faults->world.devices;
    struct hostile_resource *world = &faults->world.resources[i];
    struct resource_settings *settings = &faults->resources[i];
    settings->span = 1;
    settings->devices = 0;
    if (devices->named) {
        settings->span = chance(faults, 0.75) ? 1 : 1 + (int64_t)below(faults, devices->count + 1);
        settings->devices =
            chance(faults, 0.7) ? 0 : 1 + (uint32_t)below(faults, devices_all(devices));
    }
    world->span = (uint32_t)settings->span;
    world->allowed = settings->devices != 0 ? settings->devices : devices_all(devices);
}

static void choose_resource(struct faults *faults, uint32_t i)
{
    faults->world.resources[i].size = (1 + below(faults, 20)) << 30;
    faults->resources[i] = (struct resource_settings){
        .memory = faults->world.resources[i].size,
        .on_cold = chance(faults, 0.7) ? ON_COLD_HOLD : (int)below(faults, 3),
        .hold_timeout_ns = RESOURCE_INHERITS,
        .load_time_ns = RESOURCE_INHERITS,
        .priority = (int64_t)below(faults, 3),
        .pin = chance(faults, 0.05),
        .has_fallback = chance(faults, 0.3)};
    choose_devices(faults, i);
    faults->resources[i].budget.warmups = chance(faults, 0.15) ? 1 + (int64_t)below(faults, 20) : 0;
    if (faults->world.resources[i].warmups_max == 0)
        faults->world.resources[i].budgeted_ns = faults->now_ns;
    faults->world.resources[i].warmups_max = faults->resources[i].budget.warmups;
    faults->resources[i].server = chance(faults, 0.4) ? 1 + (uint32_t)below(faults, 2) : 0;
    if (chance(faults, 0.2))
        faults->resources[i].hold_timeout_ns = (int64_t)below(faults, 60) * TIME_SECOND;
    if (chance(faults, 0.2))
        faults->resources[i].load_time_ns = (int64_t)below(faults, 30) * TIME_SECOND;
}

/* Some have levels between cold and warm; what a level holds stays as it is, as sizes do. */
static void choose_levels(struct faults *faults, uint32_t i)
{
    struct resource_settings *settings = &faults->resources[i];
    struct level_settings *levels = faults->world.resources[i].levels;
    settings->level_count = chance(faults, 0.4) ? 1 + (uint32_t)below(faults, LEVELS_MAX) : 0;
    for (uint32_t j = 0; j < settings->level_count; j++) {
        if (levels[j].host_memory == 0)
            levels[j] = (struct level_settings){
                .memory = chance(faults, 0.3) ? below(faults, settings->memory) : 0,
                .host_memory = 1 + below(faults, settings->memory)};
        levels[j].idle_price = 0.3 * prng_uniform(&faults->prng);
        levels[j].load_time_ns =
            chance(faults, 0.5) ? RESOURCE_INHERITS : (int64_t)below(faults, 5) * TIME_SECOND;
        levels[j].from_warm = chance(faults, 0.7);
        levels[j].from_cold = !levels[j].from_warm || chance(faults, 0.5);
        settings->levels[j] = levels[j];
    }
}

static void choose_engine(struct faults *faults)
{
    static const char *const policies[] = {"planner", "planner", "median",    "ttl:0s",
                                           "ttl:10s", "ttl:10m", "ttl:never", "lru",
                                           "cold",    "hybrid",  "breakeven", "hazard-stop"};
    struct engine_settings *settings = &faults->settings;
    option_defaults(engine_option_rows, engine_option_count, settings);
    snprintf(settings->policy, sizeof settings->policy, "%s",
             policies[below(faults, sizeof policies / sizeof policies[0])]);
    settings->memory = chance(faults, 0.5) ? UINT64_MAX : (8 + below(faults, 40)) << 30;
    settings->host_memory = chance(faults, 0.4) ? UINT64_MAX : (4 + below(faults, 40)) << 30;
    settings->wait_price = (double)(1 + below(faults, 300));
    settings->max_loads = (int64_t)below(faults, 4);
    settings->hold_timeout_ns = (int64_t)(1 + below(faults, 300)) * TIME_SECOND;
    settings->hold_limit = chance(faults, 0.5) ? 512 : 1 + (int64_t)below(faults, 5);
    settings->hold_total = chance(faults, 0.7) ? 4096 : 1 + (int64_t)below(faults, 10);
    settings->enable_prewarming = chance(faults, 0.85);
    settings->prewarm_min_requests = 1 + (int64_t)below(faults, 10);
    settings->prewarm_expiry_ns = (int64_t)(1 + below(faults, 600)) * TIME_SECOND;
    settings->cooldown_ns = (int64_t)below(faults, 900) * TIME_SECOND;
    settings->retry_min_ns = TIME_SECOND;
    settings->retry_max_ns = (int64_t)(1 + below(faults, 300)) * TIME_SECOND;
    settings->history = 10 + (int64_t)below(faults, 100);
    settings->max_sessions = 1 + (int64_t)below(faults, 20);
    settings->load_time_ns = (int64_t)below(faults, 30) * TIME_SECOND;
    settings->seed = (int64_t)below(faults, 1000);
    if (chance(faults, 0.3)) {
        settings->budget.warmups = (int64_t)below(faults, 60);
        settings->budget.loading_ns = (int64_t)below(faults, 20) * TIME_MINUTE;
        settings->budget.usd = (double)below(faults, 3);
        settings->budget_strict = chance(faults, 0.2);
    }
    settings->breaker_failures = (int64_t)below(faults, 6);
    settings->yield_in_flight = chance(faults, 0.3) ? 1 + (int64_t)below(faults, 4) : 0;
    settings->dwell_ns = settings->seed % 7 * 20 * TIME_SECOND;
    settings->transitions = settings->seed % 5 == 0 ? 0 : UINT64_C(1) << (10 + settings->seed % 15);
}

/* A third of the worlds have several devices, alike or not. */
static void choose_device_set(struct faults *faults)
{
    struct engine_settings *settings = &faults->settings;
    struct fw_detail detail = {""};
    size_t len = 0;
    if (!chance(faults, 0.35))
        return;
    settings->memory = UINT64_MAX;
    uint64_t kinds = 1 + below(faults, 3);
    for (uint64_t i = 0; i < kinds; i++)
        len += (size_t)snprintf(settings->devices + len, sizeof settings->devices - len,
                                "%s%ux%uGiB*%u", i > 0 ? " " : "", 1 + (unsigned)below(faults, 3),
                                4 + (unsigned)below(faults, 24), 1 + (unsigned)below(faults, 2));
    CHECK(devices_parse(&faults->world.devices, str_of(settings->devices), UINT64_MAX, &detail) ==
          FW_OK);
}

/* In some worlds two agents take turns at resources that do not fit together. */
static bool take_turns(const struct faults *faults)
{
    return faults->world.resource_count > 1 && faults->settings.seed % 6 == 1;
}

static void choose_turns(struct faults *faults)
{
    struct engine_settings *settings = &faults->settings;
    uint64_t together = faults->resources[0].memory + faults->resources[1].memory;
    if (!take_turns(faults))
        return;
    snprintf(settings->policy, sizeof settings->policy, "planner");
    if (!faults->world.devices.named)
        settings->memory = together - 1;
}

void faults_choose(struct faults *faults)
{
    static const int64_t loads_s[] = {0, 1, 10, 60};
    struct hostile *world = &faults->world;
    choose_engine(faults);
    choose_device_set(faults);
    for (uint32_t i = 0; i < world->resource_count; i++) {
        choose_resource(faults, i);
        choose_levels(faults, i);
    }
    world->warmups_max = faults->settings.budget.warmups;
    world->strict = faults->settings.budget_strict;
    choose_turns(faults);
    world->host_budget = faults->settings.host_memory;
    world->budget = faults->settings.memory;
    world->load_ns = loads_s[below(faults, 4)] * TIME_SECOND;
    world->delay_ns = chance(faults, 0.5) ? TIME_MILLISECOND : TIME_SECOND;
    world->fail_share = chance(faults, 0.3) ? 0 : 0.3 * prng_uniform(&faults->prng);
    world->slow_share = chance(faults, 0.3) ? 0 : 0.3 * prng_uniform(&faults->prng);
    world->lost_share = chance(faults, 0.3) ? 0 : 0.2 * prng_uniform(&faults->prng);
}

void faults_describe(const struct faults *faults, char *text, size_t size)
{
    char memory[STR_NUMBER_MAX], load[TIME_TEXT_MAX];
    snprintf(text, size,
             "policy %s, %u resources, memory %s%s%s, loads about %s, at most %lld at a time",
             faults->settings.policy, faults->world.resource_count,
             str_from_size(faults->settings.memory, memory),
             faults->settings.devices[0] ? ", devices " : "", faults->settings.devices,
             time_format_duration(faults->world.load_ns, load),
             (long long)faults->settings.max_loads);
}

static enum fw_err request_comes(struct faults *faults, uint32_t resource)
{
    struct hostile_resource *target = &faults->world.resources[resource];
    /* The I/O threads send to what was announced as warm, unless told to drain. */
    bool served = target->announced && target->state == HOSTILE_READY && !target->draining &&
                  chance(faults, 0.6);
    uint64_t burst = chance(faults, 0.1) ? 1 + below(faults, 12) : 1;
    for (uint64_t i = 0; i < burst && !faults->world.failed; i++) {
        uint64_t request = hostile_request(&faults->world, resource, served, faults->now_ns);
        if (request == 0)
            return FW_OK;
        struct event event = {.at_ns = faults->now_ns,
                              .kind = EVENT_REQUEST,
                              .resource = resource,
                              .request = request,
                              .session = below(faults, 30),
                              .flags = served                 ? EVENT_SERVED
                                       : chance(faults, 0.05) ? EVENT_NO_HOLD
                                                              : 0};
        if (served)
            FW_TRY(hostile_start(&faults->world, request, faults->now_ns));
        FW_TRY(faults_tell(faults, &event));
        if (served && (target->draining || target->state != HOSTILE_READY))
            served = false; /* the thread has heard of it by now */
    }
    return FW_OK;
}

/* The agents whose last request has been answered ask again. */
static enum fw_err agents_ask(struct faults *faults)
{
    for (uint32_t i = 0; i < 2 && !faults->world.failed; i++) {
        struct resource_view view;
        engine_view(faults->engine, i, faults->now_ns, &view);
        if (view.held == 0 && faults->world.resources[i].running == 0)
            FW_TRY(request_comes(faults, i));
    }
    return FW_OK;
}

static enum fw_err client_leaves(struct faults *faults)
{
    size_t count = faults->world.request_count;
    for (size_t i = count; i > 0 && count - i < 200; i--)
        if (faults->world.requests[i - 1].state == REQUEST_HELD && chance(faults, 0.5))
            return hostile_leave(&faults->world, i, faults->now_ns);
    return FW_OK;
}

static enum fw_err simple(struct faults *faults, uint32_t kind, uint32_t resource, uint32_t flags)
{
    struct event event = {
        .kind = kind, .resource = resource, .flags = flags, .session = below(faults, 30)};
    if (kind == EVENT_HINT) {
        event.probability = prng_uniform(&faults->prng);
        event.eta_ns = (int64_t)below(faults, 600) * TIME_SECOND;
        event.source = (uint32_t)below(faults, 3);
        uint64_t eta_s = (uint64_t)(event.eta_ns / TIME_SECOND);
        if (eta_s % 7 == 0) { /* or something is expected for a while */
            event.kind = EVENT_EXPECT;
            event.duration_ns = (int64_t)(1 + eta_s * 12) * TIME_SECOND;
            event.probability *= 20;
            event.flags = eta_s % 2 ? EVENT_PLANNED : 0;
        }
    }
    return faults_tell(faults, &event);
}

/* A request is said to have been answered at cold speed. */
static enum fw_err doubt(struct faults *faults, uint32_t resource)
{
    struct event event = {.kind = EVENT_DOUBTED,
                          .resource = resource,
                          .duration_ns = (int64_t)below(faults, 60) * TIME_SECOND,
                          .value = below(faults, 10) * TIME_SECOND,
                          .flags = chance(faults, 0.2)   ? EVENT_SEEN
                                   : chance(faults, 0.2) ? EVENT_INFERRED
                                                         : 0};
    return faults_tell(faults, &event);
}

static enum fw_err configure(struct faults *faults, uint32_t resource)
{
    if (faults->configured[resource] && chance(faults, 0.5)) {
        faults->configured[resource] = false;
        faults->world.faults[FAULT_RETIRED]++;
        return simple(faults, EVENT_RETIRE, resource, 0);
    }
    uint64_t configured = faults->resources[resource].memory,
             size = faults->world.resources[resource].size;
    choose_resource(faults, resource);
    faults->resources[resource].memory = configured;
    faults->world.resources[resource].size = size;
    choose_levels(faults, resource);
    return faults_introduce(faults, resource);
}

static enum fw_err reconfigure(struct faults *faults)
{
    struct engine_settings settings = faults->settings;
    struct fw_detail detail;
    settings.hold_limit = 1 + (int64_t)below(faults, 500);
    settings.cooldown_ns = (int64_t)below(faults, 900) * TIME_SECOND;
    settings.enable_prewarming = chance(faults, 0.8);
    FW_TRY(engine_reconfigure(faults->engine, &settings, &detail));
    if (faults->twin)
        FW_TRY(engine_reconfigure(faults->twin, &settings, &detail));
    faults->settings = settings;
    return FW_OK;
}

/* It is measured, and needs more or less than was thought. */
static enum fw_err grow(struct faults *faults, uint32_t resource)
{
    const struct hostile_resource *world = &faults->world.resources[resource];
    uint64_t gib = world->size >> 30;
    struct event event = {.kind = EVENT_SIZED,
                          .resource = resource,
                          .value = (1 + below(faults, gib + gib / 2 + 2)) << 30};
    struct event before = {.kind = EVENT_TIME}; /* timers decide by what was known until now */
    FW_TRY(faults_tell(faults, &before));
    return faults_tell(faults, &event);
}

enum fw_err faults_happen(struct faults *faults)
{
    /* Few resources get most of the requests, so that there are gaps to learn and crowds to hold.
     */
    uint32_t count = faults->world.resource_count;
    uint32_t resource = (uint32_t)(below(faults, count) * below(faults, count + 1) / (count + 1));
    uint64_t dice = below(faults, 1000);
    if (take_turns(faults) && chance(faults, 0.8))
        return agents_ask(faults);
    if (dice < 620)
        return request_comes(faults, resource);
    if (dice < 680)
        return client_leaves(faults);
    if (dice < 750)
        return simple(faults, EVENT_HINT, resource, 0);
    if (dice < 780)
        return simple(faults, EVENT_WARM, resource,
                      chance(faults, 0.5) ? EVENT_IGNORE_COOLDOWN : 0);
    if (dice < 810)
        return simple(faults, EVENT_UNLOAD, resource, 0);
    if (dice < 830)
        return simple(faults, EVENT_PIN, resource, 0);
    if (dice < 855)
        return simple(faults, EVENT_UNPIN, resource, 0);
    if (dice < 870)
        return simple(faults, EVENT_OBSERVED, resource, 0);
    if (dice < 880)
        return doubt(faults, resource);
    if (dice < 890)
        return grow(faults, resource);
    if (dice < 920)
        return hostile_lose(&faults->world, resource, faults->now_ns);
    if (dice < 945)
        return configure(faults, resource);
    if (dice < 985)
        return faults_snapshot(faults);
    if (dice < 992)
        return faults_restart(faults);
    return reconfigure(faults);
}

/* SPDX-License-Identifier: MIT */
#include "sim/hostile.h"
#include "sim/hostile_check.h"
#include "base/time.h"
#include "core/engine.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const hostile_fault_names[FAULT_COUNT] = {
#define X(fault, name) name,
    HOSTILE_FAULTS(X)
#undef X
};

enum fw_err hostile_init(struct hostile *hostile, struct prng *prng, uint32_t resource_count)
{
    *hostile = (struct hostile){.prng = prng,
                                .resource_count = resource_count,
                                .budget = UINT64_MAX,
                                .host_budget = UINT64_MAX,
                                .load_ns = 10 * TIME_SECOND,
                                .delay_ns = 5 * TIME_MILLISECOND};
    agenda_init(&hostile->agenda);
    hostile->requests = calloc(HOSTILE_REQUESTS_MAX, sizeof *hostile->requests);
    return hostile->requests ? FW_OK : FW_NOMEM;
}

void hostile_fini(struct hostile *hostile)
{
    agenda_fini(&hostile->agenda);
    free(hostile->requests);
    *hostile = (struct hostile){0};
}

void hostile_fail(struct hostile *hostile, const char *check, const char *fmt, ...)
{
    if (hostile->failed)
        return;
    hostile->failed = true;
    int len = snprintf(hostile->failure, sizeof hostile->failure, "%s: ", check);
    va_list args;
    va_start(args, fmt);
    vsnprintf(hostile->failure + len, sizeof hostile->failure - (size_t)len, fmt, args);
    va_end(args);
}

static bool chance(struct hostile *hostile, double share)
{
    return prng_uniform(hostile->prng) < share;
}

static int64_t random_delay(struct hostile *hostile, int64_t mean_ns)
{
    if (chance(hostile, 0.3))
        return 0;
    return time_from_seconds(prng_exponential(hostile->prng, time_to_seconds(mean_ns)));
}

static void set_request(struct hostile *hostile, struct hostile_request *request,
                        enum hostile_request_state state)
{
    hostile->held -= request->state == REQUEST_HELD;
    hostile->held += state == REQUEST_HELD;
    request->state = state;
}

/* A report of the resource's warmer: it does not overtake an earlier one. */
static enum fw_err report(struct hostile *hostile, uint32_t number, uint32_t kind, uint64_t attempt,
                          uint32_t status, int64_t at_ns)
{
    struct hostile_resource *resource = &hostile->resources[number];
    if (at_ns < resource->last_report_ns)
        at_ns = resource->last_report_ns;
    resource->last_report_ns = at_ns;
    const struct event event = {
        .at_ns = at_ns, .kind = kind, .resource = number, .attempt = attempt, .status = status};
    return agenda_put(&hostile->agenda, &event);
}

/* The edge gives up on a load whose reply is lost, kills it, and hears the reply after all. */
static enum fw_err lose_reply(struct hostile *hostile, uint32_t number, uint64_t attempt,
                              int64_t now_ns)
{
    int64_t given_up_ns = time_add(now_ns, 3 * hostile->load_ns);
    hostile->faults[FAULT_REPLY_LOST]++;
    FW_TRY(report(hostile, number, EVENT_FAILED, attempt, FW_TIMEOUT, given_up_ns));
    const int64_t said_ns = hostile->resources[number].last_report_ns;
    struct event late = {.at_ns = time_add(said_ns, random_delay(hostile, hostile->load_ns)),
                         .kind = chance(hostile, 0.5) ? EVENT_LOADED : EVENT_PROVEN,
                         .resource = number,
                         .attempt = attempt};
    return agenda_put(&hostile->agenda, &late);
}

static enum fw_err begin_load(struct hostile *hostile, const struct action *action, int64_t now_ns)
{
    uint32_t number = action->resource;
    uint64_t attempt = action->attempt;
    struct hostile_resource *resource = &hostile->resources[number];
    resource->state = HOSTILE_LOADING;
    resource->attempt = attempt;
    resource->draining = resource->drained = resource->drained_sent = false;
    hostile_check_budgets(hostile, number, "warming");
    hostile_check_devices(hostile, number, action);
    int64_t took_ns = random_delay(hostile, hostile->load_ns);
    if (chance(hostile, hostile->lost_share))
        return lose_reply(hostile, number, attempt, now_ns);
    if (chance(hostile, hostile->fail_share)) {
        hostile->faults[FAULT_LOAD_FAILED]++;
        return report(hostile, number, EVENT_FAILED, attempt, FW_SPAWN, time_add(now_ns, took_ns));
    }
    if (chance(hostile, hostile->slow_share)) {
        hostile->faults[FAULT_LOAD_SLOW]++;
        took_ns *= 20;
    }
    if (chance(hostile, 0.8))
        FW_TRY(report(hostile, number, EVENT_LOADED, attempt, 0, time_add(now_ns, took_ns)));
    int64_t proven_ns = time_add(now_ns, time_add(took_ns, random_delay(hostile, TIME_SECOND)));
    return report(hostile, number, EVENT_PROVEN, attempt, 0, proven_ns);
}

static enum fw_err send_drained(struct hostile *hostile, uint32_t number, int64_t now_ns)
{
    struct hostile_resource *resource = &hostile->resources[number];
    resource->drained_sent = true;
    return report(hostile, number, EVENT_DRAINED, resource->drain_attempt, 0,
                  time_add(now_ns, random_delay(hostile, hostile->delay_ns)));
}

/* What is doubted is there, or its server has let go of it without a word and loads it again; it
 * may fail for good. */
static enum fw_err on_prove(struct hostile *hostile, const struct action *action, int64_t now_ns)
{
    struct hostile_resource *resource = &hostile->resources[action->resource];
    if (resource->state != HOSTILE_READY && !resource->lost_sent)
        hostile_fail(hostile, "life cycle", "r%u is proven again but is not ready in the world",
                     action->resource);
    hostile->faults[FAULT_DOUBTED]++;
    resource->announced = false;
    resource->attempt = action->attempt;
    resource->proving = true;
    bool fails = resource->state != HOSTILE_READY || chance(hostile, hostile->fail_share);
    return report(hostile, action->resource, fails ? EVENT_FAILED : EVENT_PROVEN, action->attempt,
                  FW_PROBE, time_add(now_ns, random_delay(hostile, TIME_SECOND)));
}

static enum fw_err on_warm(struct hostile *hostile, const struct action *action, int64_t now_ns)
{
    const struct hostile_resource *resource = &hostile->resources[action->resource];
    hostile->faults[FAULT_HALF_LOADED] += action->status > 0;
    if (action->status != resource->level && !resource->lost_sent)
        hostile_fail(hostile, "life cycle", "r%u is warmed from level %u, but is at %u",
                     action->resource, action->status, resource->level);
    if (resource->state != HOSTILE_ABSENT && resource->state != HOSTILE_HALF)
        hostile_fail(hostile, "single flight",
                     "r%u is warmed (attempt %" PRIu64 ") while the world holds attempt %" PRIu64
                     " of it",
                     action->resource, action->attempt, resource->attempt);
    if (action->cause != CAUSE_REQUEST)
        hostile->faults[FAULT_PREWARMED]++;
    hostile_check_warmups(hostile, action, now_ns);
    hostile->resources[action->resource].level_lost = action->status != resource->level;
    return begin_load(hostile, action, now_ns);
}

static enum fw_err on_drain(struct hostile *hostile, const struct action *action, int64_t now_ns)
{
    struct hostile_resource *resource = &hostile->resources[action->resource];
    if (resource->state != HOSTILE_READY && !resource->lost_sent)
        hostile_fail(hostile, "life cycle", "r%u is drained but is not ready in the world",
                     action->resource);
    if (action->reason == REASON_EVICTED)
        hostile->faults[FAULT_EVICTED]++;
    resource->draining = true;
    resource->drained = resource->drained_sent =
        false; /* an answer to an earlier drain may still be on its way */
    resource->announced = false;
    resource->drain_attempt = action->attempt;
    return resource->running == 0 ? send_drained(hostile, action->resource, now_ns) : FW_OK;
}

static enum fw_err on_unload(struct hostile *hostile, const struct action *action, int64_t now_ns)
{
    struct hostile_resource *resource = &hostile->resources[action->resource];
    if (resource->running > 0)
        hostile_fail(hostile, "no unload in use", "r%u is unloaded while %u requests run on it",
                     action->resource, resource->running);
    if (!resource->drained && !resource->lost_sent)
        hostile_fail(hostile, "no unload in use", "r%u is unloaded before its drain was answered",
                     action->resource);
    bool there = resource->state == HOSTILE_READY;
    if (there)
        resource->state = HOSTILE_UNLOADING;
    resource->announced = false;
    if (there && action->status > 0) {
        resource->level = action->status;
        hostile_check_budgets(hostile, action->resource, "sending down");
        if (!chance(hostile, hostile->fail_share))
            return report(hostile, action->resource, EVENT_RAISED, action->attempt, 0,
                          time_add(now_ns, random_delay(hostile, TIME_SECOND)));
    }
    return report(hostile, action->resource, EVENT_UNLOADED, action->attempt, 0,
                  time_add(now_ns, random_delay(hostile, TIME_SECOND)));
}

static enum fw_err on_cancel(struct hostile *hostile, const struct action *action, int64_t now_ns)
{
    struct hostile_resource *resource = &hostile->resources[action->resource];
    bool loading = resource->state == HOSTILE_LOADING || resource->state == HOSTILE_RAISING;
    if (!loading || resource->attempt != action->attempt)
        return FW_OK; /* it ended before the cancelling came: the edge does nothing */
    hostile->faults[FAULT_CANCELLED]++;
    if (resource->state == HOSTILE_LOADING) /* else it holds what it held on its way up */
        resource->state = HOSTILE_CANCELLING;
    for (size_t i = 0; i < hostile->agenda.count; i++) {
        struct event *event = &hostile->agenda.items[i].event;
        bool outcome = event->kind == EVENT_LOADED || event->kind == EVENT_PROVEN ||
                       event->kind == EVENT_FAILED || event->kind == EVENT_RAISED;
        if (outcome && event->resource == action->resource && event->attempt == action->attempt)
            event->kind = EVENT_TIME;
    }
    /* What was to be told of it is not told any more; a loss of before still is, and first. */
    resource->last_report_ns =
        resource->lost_sent && resource->lost_ns > now_ns ? resource->lost_ns : now_ns;
    return report(hostile, action->resource, EVENT_FAILED, action->attempt,
                  resource->level_lost ? FW_SPAWN : FW_CANCELLED,
                  time_add(now_ns, random_delay(hostile, hostile->delay_ns)));
}

static enum fw_err on_raise(struct hostile *hostile, const struct action *action, int64_t now_ns)
{
    struct hostile_resource *resource = &hostile->resources[action->resource];
    if (resource->state != HOSTILE_ABSENT || resource->level > 0)
        hostile_fail(hostile, "life cycle", "r%u is raised, but the world holds something of it",
                     action->resource);
    hostile->faults[FAULT_RAISED]++;
    resource->state = HOSTILE_RAISING;
    resource->level = action->status;
    resource->attempt = action->attempt;
    hostile_check_budgets(hostile, action->resource, "raising");
    hostile_check_devices(hostile, action->resource, action);
    bool fails = chance(hostile, hostile->fail_share);
    return report(hostile, action->resource, fails ? EVENT_FAILED : EVENT_RAISED, action->attempt,
                  FW_SPAWN, time_add(now_ns, random_delay(hostile, hostile->load_ns)));
}

static enum fw_err on_lower(struct hostile *hostile, const struct action *action, int64_t now_ns)
{
    struct hostile_resource *resource = &hostile->resources[action->resource];
    if (resource->state != HOSTILE_HALF && !resource->lost_sent)
        hostile_fail(hostile, "life cycle", "r%u is lowered, but is at no level", action->resource);
    hostile->faults[FAULT_LOWERED]++;
    if (resource->state == HOSTILE_HALF)
        resource->state = HOSTILE_LOWERING;
    return report(hostile, action->resource, EVENT_UNLOADED, action->attempt, 0,
                  time_add(now_ns, random_delay(hostile, TIME_SECOND)));
}

/* A held request's one and only end. */
static bool end_held(struct hostile *hostile, const struct action *action)
{
    if (action->request == 0 || action->request > hostile->request_count) {
        hostile_fail(hostile, "one end", "%s of request %" PRIu64 ", which never was",
                     action_kind_name(action->kind), action->request);
        return false;
    }
    const struct hostile_request *request = &hostile->requests[action->request - 1];
    if (request->state != REQUEST_HELD || request->resource != action->resource) {
        hostile_fail(hostile, "one end",
                     "%s of request %" PRIu64 " on r%u, which is not held there",
                     action_kind_name(action->kind), action->request, action->resource);
        return false;
    }
    return true;
}

enum fw_err hostile_start(struct hostile *hostile, uint64_t number, int64_t now_ns)
{
    struct hostile_request *request = &hostile->requests[number - 1];
    struct hostile_resource *resource = &hostile->resources[request->resource];
    int64_t duration_ns = request->client_gone ? 0 : random_delay(hostile, 3 * TIME_SECOND);
    set_request(hostile, request, REQUEST_RUNNING);
    resource->running++;
    const struct event end = {.at_ns = time_add(now_ns, duration_ns),
                              .kind = EVENT_END,
                              .resource = request->resource,
                              .request = number,
                              .duration_ns = duration_ns,
                              .value = (uint64_t)(now_ns - request->arrived_ns)};
    return agenda_put(&hostile->agenda, &end);
}

static enum fw_err on_release(struct hostile *hostile, const struct action *action, int64_t now_ns)
{
    if (!end_held(hostile, action))
        return FW_OK;
    const struct hostile_resource *resource = &hostile->resources[action->resource];
    if (!resource->lost_sent && (resource->state != HOSTILE_READY || resource->draining))
        hostile_fail(hostile, "life cycle",
                     "request %" PRIu64 " is released to r%u, which is not ready", action->request,
                     action->resource);
    hostile->faults[FAULT_GONE_CROSSED] += hostile->requests[action->request - 1].client_gone;
    return hostile_start(hostile, action->request, now_ns);
}

static void on_turned_away(struct hostile *hostile, const struct action *action)
{
    if (!end_held(hostile, action))
        return;
    set_request(hostile, &hostile->requests[action->request - 1], REQUEST_ENDED);
    hostile->faults[action->kind == ACTION_FALLBACK ? FAULT_FALLBACK : FAULT_REFUSED]++;
}

enum fw_err hostile_perform(struct hostile *hostile, const struct action *action, int64_t now_ns)
{
    if (action->resource >= hostile->resource_count || action->at_ns > now_ns) {
        hostile_fail(hostile, "life cycle", "%s of r%u decided in the future or of nothing",
                     action_kind_name(action->kind), action->resource);
        return FW_OK;
    }
    struct hostile_resource *resource = &hostile->resources[action->resource];
    switch (action->kind) {
    case ACTION_WARM:
        return on_warm(hostile, action, now_ns);
    case ACTION_DRAIN:
        return on_drain(hostile, action, now_ns);
    case ACTION_UNDRAIN:
        hostile->faults[FAULT_DRAIN_CROSSED] += resource->drained_sent && !resource->drained;
        resource->draining = resource->drained = resource->drained_sent = false;
        return FW_OK;
    case ACTION_UNLOAD:
        return on_unload(hostile, action, now_ns);
    case ACTION_RAISE:
        return on_raise(hostile, action, now_ns);
    case ACTION_LOWER:
        return on_lower(hostile, action, now_ns);
    case ACTION_PROVE:
        return on_prove(hostile, action, now_ns);
    case ACTION_DECLINE:
        hostile->faults[FAULT_DECLINED]++;
        return FW_OK;
    case ACTION_CANCEL:
        return on_cancel(hostile, action, now_ns);
    case ACTION_RELEASE:
        return on_release(hostile, action, now_ns);
    case ACTION_FALLBACK:
    case ACTION_REFUSE:
        on_turned_away(hostile, action);
        return FW_OK;
    case ACTION_WAIT:
        hostile->faults[FAULT_DWELT]++;
        return FW_OK;
    default:
        resource->announced = action->status == RESOURCE_WARM;
        return FW_OK;
    }
}

static void request_ends(struct hostile *hostile, const struct event *event)
{
    struct hostile_request *request = &hostile->requests[event->request - 1];
    struct hostile_resource *resource = &hostile->resources[event->resource];
    set_request(hostile, request, REQUEST_ENDED);
    resource->running--;
    if (resource->running == 0 && resource->draining && !resource->drained_sent &&
        send_drained(hostile, event->resource, event->at_ns) != FW_OK)
        hostile_fail(hostile, "memory", "none left");
}

static void be_at(struct hostile_resource *resource, enum hostile_state state, uint32_t level)
{
    resource->state = state;
    resource->level = level;
}

void hostile_deliver(struct hostile *hostile, const struct event *event)
{
    struct hostile_resource *resource = &hostile->resources[event->resource];
    bool current = event->attempt == resource->attempt;
    switch (event->kind) {
    case EVENT_END:
        request_ends(hostile, event);
        break;
    case EVENT_PROVEN:
        if (current && resource->proving && resource->state == HOSTILE_READY)
            resource->proving = false;
        else if (current && resource->state == HOSTILE_LOADING)
            be_at(resource, HOSTILE_READY, 0);
        else
            hostile->faults[FAULT_LATE_REPLY]++;
        break;
    case EVENT_RAISED:
        if (resource->state == HOSTILE_RAISING || resource->state == HOSTILE_UNLOADING)
            resource->state = HOSTILE_HALF;
        resource->draining = resource->drained = false;
        break;
    case EVENT_LOADED:
        hostile->faults[FAULT_LATE_REPLY] += !(current && resource->state == HOSTILE_LOADING);
        break;
    case EVENT_FAILED:
        if (current && resource->proving && resource->state == HOSTILE_READY)
            be_at(resource, HOSTILE_ABSENT, 0); /* it was taken down; what ran on it breaks */
        resource->proving = resource->proving && !current;
        if (current &&
            (resource->state == HOSTILE_LOADING || resource->state == HOSTILE_CANCELLING ||
             resource->state == HOSTILE_RAISING)) {
            bool stays = resource->level > 0 && resource->state != HOSTILE_RAISING &&
                         event->status == FW_CANCELLED;
            be_at(resource, stays ? HOSTILE_HALF : HOSTILE_ABSENT, stays ? resource->level : 0);
        }
        break;
    case EVENT_DRAINED:
        resource->drained_sent = false;
        resource->drained = resource->draining && resource->running == 0;
        break;
    case EVENT_UNLOADED:
        if (resource->state == HOSTILE_UNLOADING || resource->state == HOSTILE_LOWERING)
            be_at(resource, HOSTILE_ABSENT, 0);
        resource->draining = resource->drained = false;
        break;
    default: /* LOST and GONE: timers that were due come before them, see hostile_told */
        break;
    }
}

void hostile_told(struct hostile *hostile, const struct event *event)
{
    if (event->kind == EVENT_LOST)
        hostile->resources[event->resource].lost_sent = false;
    if (event->kind == EVENT_RESOURCE) {
        struct hostile_resource *resource = &hostile->resources[event->resource];
        resource->span_before = resource->span;
        resource->allowed_before = resource->allowed;
    }
    if (event->kind == EVENT_GONE && hostile->requests[event->request - 1].state == REQUEST_HELD)
        set_request(hostile, &hostile->requests[event->request - 1], REQUEST_ENDED);
}

uint64_t hostile_request(struct hostile *hostile, uint32_t resource, bool served, int64_t now_ns)
{
    if (hostile->request_count == HOSTILE_REQUESTS_MAX)
        return 0;
    struct hostile_request *request = &hostile->requests[hostile->request_count++];
    *request =
        (struct hostile_request){.resource = resource, .state = REQUEST_NEW, .arrived_ns = now_ns};
    if (!served)
        set_request(hostile, request, REQUEST_HELD);
    return hostile->request_count;
}

enum fw_err hostile_leave(struct hostile *hostile, uint64_t number, int64_t now_ns)
{
    struct hostile_request *request = &hostile->requests[number - 1];
    if (request->state != REQUEST_HELD || request->client_gone)
        return FW_OK;
    request->client_gone = true;
    hostile->faults[FAULT_GONE]++;
    const struct event gone = {.at_ns = time_add(now_ns, random_delay(hostile, hostile->delay_ns)),
                               .kind = EVENT_GONE,
                               .resource = request->resource,
                               .request = number};
    return agenda_put(&hostile->agenda, &gone);
}

/* Its process ends: what ran on it breaks within moments, and then the loss is noticed. */
enum fw_err hostile_lose(struct hostile *hostile, uint32_t number, int64_t now_ns)
{
    struct hostile_resource *resource = &hostile->resources[number];
    if ((resource->state != HOSTILE_READY && resource->state != HOSTILE_HALF) ||
        resource->lost_sent)
        return FW_OK;
    hostile->faults[FAULT_LOST]++;
    be_at(resource, HOSTILE_ABSENT, 0);
    resource->lost_sent = true;
    resource->announced = false;
    for (size_t i = 0; i < hostile->agenda.count; i++) {
        struct event *event = &hostile->agenda.items[i].event;
        if (event->kind == EVENT_END && event->resource == number)
            event->duration_ns = 0;
        bool proof = event->kind == EVENT_PROVEN && event->attempt == resource->attempt;
        if (resource->proving && proof && event->resource == number) {
            event->kind = EVENT_FAILED; /* the probe meets nothing */
            event->status = FW_PROBE;
        }
    }
    FW_TRY(report(hostile, number, EVENT_LOST, 0, 0,
                  time_add(now_ns, random_delay(hostile, hostile->delay_ns))));
    resource->lost_ns = resource->last_report_ns;
    return FW_OK;
}

void hostile_crash(struct hostile *hostile, uint32_t keep_mask)
{
    hostile->faults[FAULT_RESTART]++;
    hostile->start_count = 0; /* the snapshot may know less */
    hostile->agenda.count = 0;
    for (size_t i = 0; i < hostile->request_count; i++)
        set_request(hostile, &hostile->requests[i], REQUEST_ENDED);
    for (uint32_t i = 0; i < hostile->resource_count; i++) {
        struct hostile_resource *resource = &hostile->resources[i];
        bool survives = resource->state == HOSTILE_READY && ((keep_mask >> i) & 1);
        struct hostile_resource left = {.size = resource->size,
                                        .span = resource->span,
                                        .allowed = resource->allowed,
                                        .span_before = resource->span_before,
                                        .allowed_before = resource->allowed_before,
                                        .placed = resource->placed,
                                        .warmups_max = resource->warmups_max,
                                        .budgeted_ns = resource->budgeted_ns,
                                        .attempt = resource->attempt,
                                        .state = survives ? HOSTILE_READY : HOSTILE_ABSENT};
        memcpy(left.levels, resource->levels, sizeof left.levels);
        *resource = left;
    }
}

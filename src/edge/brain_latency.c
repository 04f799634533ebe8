/* SPDX-License-Identifier: MIT
 * What users' answers say about what is believed warm. An answer at cold speed takes the belief
 * back: the engine hears of it, with both numbers, and has it proven again. Where no server can be
 * asked and none is loaded by us, the same times tell cold from warm for the accounts, and what
 * loading takes. */
#include "base/time.h"
#include "edge/brain_part.h"
#include "edge/log.h"
#include <stdlib.h>

#define DOUBT_GAP_NS (30 * TIME_SECOND)       /* of one resource at most one in this time */
#define ODD_MIN_NS   (250 * TIME_MILLISECOND) /* less was no load */
#define LOADS_SHARE  2                        /* a load that is known must be at least half in it */
#define QUIET_NS     TIME_SECOND /* what was answered so shortly before is still there */
enum { FIT_EVERY = 8 };

static struct brain_latency *latency_of(struct brain *brain, uint32_t resource)
{
    struct brain_place *place = &brain->places[resource];
    if (!place->latency)
        place->latency = calloc(1, sizeof *place->latency);
    return place->latency;
}

static const struct config_resource *config_of(const struct brain_place *place)
{
    return place->site && place->site->configured ? place->site->config : NULL;
}

/* Its server says nothing of loads, and none is ours. */
static bool is_inferred(const struct brain_place *place)
{
    const struct config_resource *config = config_of(place);
    return config && config->warmer.kind != WARMER_EXEC && !warmer_tells(config);
}

/* The least that is odd under any load; exactly it is judged when it has happened. */
static void publish(struct brain_place *place, int kind)
{
    const struct config_resource *config = config_of(place);
    static const uint32_t loads[LATENCY_LOADS] = {1, 2, 4, 8};
    int64_t odd_ns = 0;
    for (int i = 0; config && i < LATENCY_LOADS; i++) {
        struct latency_norm norm;
        if (latency_norm(&place->latency->kinds[kind], loads[i], config->warm_factor, &norm) &&
            (odd_ns == 0 || norm.limit_ns < odd_ns))
            odd_ns = norm.limit_ns;
    }
    atomic_store_explicit(&place->site->slot->odd_ns[kind], odd_ns, memory_order_relaxed);
}

static void learn(struct brain *brain, const struct event *event)
{
    struct brain_latency *latency = latency_of(brain, event->resource);
    struct brain_place *place = &brain->places[event->resource];
    int kind = (event->flags & EVENT_STREAM) == 0;
    if (!latency || !place->site)
        return;
    int64_t odd_ns = atomic_load_explicit(&place->site->slot->odd_ns[kind], memory_order_relaxed);
    if (odd_ns == 0 || event->eta_ns <= odd_ns)
        latency->answered_ns = event->at_ns;
    latency_add(&latency->kinds[kind], event->eta_ns, event->source);
    if (odd_ns == 0 || ++latency->added[kind] >= FIT_EVERY) {
        latency->added[kind] = 0;
        publish(place, kind);
    }
}

/* Slow, and by as much as a load would explain; and nobody was served at warm speed meanwhile. */
static bool is_doubt(struct brain *brain, const struct event *event, struct latency_norm *norm)
{
    struct brain_place *place = &brain->places[event->resource];
    const struct brain_latency *latency = place->latency;
    const struct config_resource *config = config_of(place);
    int kind = (event->flags & EVENT_STREAM) == 0;
    struct resource_view view;
    if (!latency || !config ||
        !latency_norm(&latency->kinds[kind], event->source, config->warm_factor, norm) ||
        event->duration_ns <= norm->limit_ns)
        return false;
    int64_t over_ns = event->duration_ns - norm->usual_ns;
    int64_t sent_ns = event->at_ns - event->duration_ns;
    if (over_ns < ODD_MIN_NS || latency->answered_ns > sent_ns - QUIET_NS)
        return false;
    engine_view(brain->engine, event->resource, brain->stepped_ns, &view);
    bool load_known = !is_inferred(place) && view.accounts.warmups_ok > 0;
    return !load_known || over_ns >= view.expected_load_ns / LOADS_SHARE;
}

static bool hear_doubt(struct brain *brain, struct event *event)
{
    struct brain_place *place = &brain->places[event->resource];
    struct latency_norm norm;
    bool seen = (event->flags & EVENT_SEEN) != 0;
    if (!is_doubt(brain, event, &norm))
        return false;
    if (place->latency->doubted_ns > 0 && !seen &&
        event->at_ns - place->latency->doubted_ns < DOUBT_GAP_NS)
        return false;
    place->latency->doubted_ns = event->at_ns;
    event->value = (uint64_t)norm.usual_ns;
    event->flags = (seen ? EVENT_SEEN : 0) | (is_inferred(place) ? EVENT_INFERRED : 0);
    event->source = 0;
    log_warn("a request was answered at cold speed by what is believed warm",
             LOG_TEXT("resource", place->site->id), LOG_SECONDS("took_s", event->duration_ns),
             LOG_SECONDS("usual_s", norm.usual_ns),
             LOG_TEXT("next", seen ? "it is counted" : "it is proven again before it serves"));
    return true;
}

bool brain_hear_latency(struct brain *brain, struct event *event)
{
    if (event->resource >= brain->place_count)
        return true;
    if (event->kind == EVENT_DOUBTED)
        return hear_doubt(brain, event);
    if (event->kind != EVENT_END)
        return true;
    if (event->eta_ns > 0 && event->status == FW_OK)
        learn(brain, event);
    event->eta_ns = 0; /* the engine and the journal need none of it */
    event->source = event->flags = 0;
    return true;
}

void brain_observe_latency(struct brain *brain, uint32_t resource, int64_t first_byte_ns)
{
    struct event event = {.at_ns = brain_now_ns(brain),
                          .kind = EVENT_DOUBTED,
                          .resource = resource,
                          .duration_ns = first_byte_ns,
                          .eta_ns = first_byte_ns,
                          .source = 1,
                          .flags = EVENT_SEEN};
    if (resource >= brain->place_count)
        return;
    struct event said = event;
    bool cold = hear_doubt(brain, &said);
    learn(brain, &event);
    if (cold) {
        said.eta_ns = 0;
        brain_step(brain, &said);
    }
}

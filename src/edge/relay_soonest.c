/* SPDX-License-Identifier: MIT
 * on_cold: soonest rests on two times that are learned here, apart for streamed answers and whole
 * ones: from sending a request to the first byte of its answer, by the resource itself and by the
 * fallback. Exponentially weighted means as TCP keeps its round-trip time (Jacobson 1988), with
 * weight 1/4 instead of 1/8: requests that meet a cold model are few. What is known of the fallback
 * is good for a while, then it is tried again. */
#include "edge/relay.h"

#define KNOWN_NS    (10 * TIME_MINUTE)
#define FAILED_NS   (30 * TIME_SECOND) /* so long it is not tried after a failure */
#define NEVER_IN_NS (1000 * TIME_HOUR)
enum { WEIGHT = 4 };

void relay_learn_begin(struct relay *relay, int64_t now_ns)
{
    struct slot *slot = relay->route->slot;
    bool fallback = relay->label == METRIC_FALLBACK, stream = relay->model.stream;
    _Atomic int64_t *mean = &slot->begins_ns[fallback ? SLOT_FALLBACK : SLOT_OWN][stream];
    int64_t begins_ns = now_ns - relay->sent_ns;
    int64_t before_ns = atomic_load_explicit(mean, memory_order_relaxed);
    if (relay->route->config->engine.on_cold != ON_COLD_SOONEST || begins_ns <= 0)
        return;
    if (before_ns > 0 &&
        before_ns < NEVER_IN_NS) /* threads may lose each other's: a mean bears it */
        begins_ns = before_ns + (begins_ns - before_ns) / WEIGHT;
    atomic_store_explicit(mean, begins_ns, memory_order_relaxed);
    if (fallback)
        atomic_store_explicit(&slot->fallback_known_until_ns[stream], now_ns + KNOWN_NS,
                              memory_order_relaxed);
}

uint64_t relay_fallback_later_ns(const struct relay *relay)
{
    const struct slot *slot = relay->route->slot;
    bool stream = relay->model.stream;
    if (relay->again)
        return UINT64_MAX;
    if ((int64_t)uv_hrtime() >=
        atomic_load_explicit(&slot->fallback_known_until_ns[stream], memory_order_relaxed))
        return 0;
    int64_t own = atomic_load_explicit(&slot->begins_ns[SLOT_OWN][stream], memory_order_relaxed);
    int64_t fallback =
        atomic_load_explicit(&slot->begins_ns[SLOT_FALLBACK][stream], memory_order_relaxed);
    return fallback > own ? (uint64_t)(fallback - own) : 0;
}

bool relay_hold_instead(struct relay *relay)
{
    struct slot *slot = relay->route->slot;
    bool stream = relay->model.stream;
    if (relay->label != METRIC_FALLBACK || relay->again || relay->early ||
        relay->route->config->engine.on_cold != ON_COLD_SOONEST)
        return false;
    atomic_store_explicit(&slot->begins_ns[SLOT_FALLBACK][stream], NEVER_IN_NS,
                          memory_order_relaxed);
    atomic_store_explicit(&slot->fallback_known_until_ns[stream], (int64_t)uv_hrtime() + FAILED_NS,
                          memory_order_relaxed);
    relay->again = true;
    relay->id = BUS_REQUEST_ID(relay->proxy->sender, ++relay->proxy->counter);
    relay_hold(relay);
    return true;
}

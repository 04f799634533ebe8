/* SPDX-License-Identifier: MIT
 * Which session's prompt a server that is idle should read again: one that it has lost and that
 * will probably be asked of again soon. What it saves is the time the prompt takes to read, which a
 * user would wait for; what it costs is the same time of a server that has nothing else to do. So
 * it pays where probability times the price of waiting is above 1, the probability as far as
 * earlier prefills were used. */
#include "edge/brain_part.h"
#include "edge/prefill.h"

#define LATE_SHARE 1.5 /* of the delay that nine of ten come within: later they are given up */
#define LATE_NS    (5 * TIME_SECOND)
#define BETTER     2.0 /* times as likely as what the server would forget for it */
#define USED_PRIOR 2.0 /* prefills' worth of belief */
enum { NEXT_LOOKED_AT = 8 };

/* That the session asks this resource next, and not too long from now. */
static double expected(struct brain *brain, uint32_t resource, const struct prefix_view *view)
{
    struct next_resource next[NEXT_LOOKED_AT];
    size_t count = engine_next(brain->engine, view->session, next, NEXT_LOOKED_AT);
    int64_t silent_ns = brain_now_ns(brain) - view->at_ns;
    for (size_t i = 0; i < count; i++)
        if (next[i].resource == resource)
            return silent_ns > time_from_seconds(LATE_SHARE * next[i].delay_p90_s) + LATE_NS
                       ? 0
                       : next[i].probability;
    return 0;
}

static double used_share(struct prefixes *prefixes)
{
    struct prefix_counts counts;
    prefixes_count(prefixes, &counts);
    double used = (double)counts.results[PREFIX_USED],
           unused = (double)counts.results[PREFIX_UNUSED] + (double)counts.results[PREFIX_FAILED];
    return (used + USED_PRIOR) / (used + unused + USED_PRIOR);
}

static void choose(struct brain *brain, uint32_t resource, struct prefixes *prefixes)
{
    struct prefix_view views[PREFIX_SESSIONS];
    uint32_t slots, cached = 0, count = prefixes_list(prefixes, brain_now_ns(brain), views, &slots);
    double best = 0, least = 1;
    uint64_t session = 0;
    for (uint32_t i = 0; i < count; i++) {
        double probability =
            !views[i].cached && views[i].tried ? 0 : expected(brain, resource, &views[i]);
        if (views[i].cached) {
            cached++;
            least = probability < least ? probability : least;
        } else if (probability > best) {
            best = probability;
            session = views[i].session;
        }
    }
    if (session == 0 || (cached >= slots && best < BETTER * least) ||
        best * used_share(prefixes) * brain->config->engine.wait_price <= 1)
        return;
    const struct site *site = brain->places[resource].site;
    prefill_begin(prefixes, brain->setup.jobs, site->latest, site->config, session);
}

void brain_look_at_prefixes(struct brain *brain)
{
    for (uint32_t i = 0; i < brain->place_count && brain->config->engine.enable_prewarming; i++) {
        const struct brain_place *place = &brain->places[i];
        struct prefixes *prefixes = place->site ? atomic_load(&place->site->slot->prefixes) : NULL;
        if (prefixes && place->site->configured && place->state == RESOURCE_WARM &&
            atomic_load(&place->site->slot->in_flight) == 0)
            choose(brain, i, prefixes);
    }
}

void brain_configure_prefixes(struct site *site)
{
    struct prefixes *prefixes = atomic_load(&site->slot->prefixes);
    if (!prefixes && site->config->prefill_bytes > 0 && prefixes_create(&prefixes) == FW_OK)
        atomic_store(&site->slot->prefixes, prefixes);
    if (prefixes)
        prefixes_limit(prefixes, site->config->prefill_bytes);
}

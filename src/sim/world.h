/* SPDX-License-Identifier: MIT
 * A world that is a program: it performs the engine's actions on virtual time and reports back as
 * events. Loads take what loads.h says, the probe nothing, unloads nothing, requests their
 * duration. Raising to the level between takes what it
 * saves of the load, going down to it nothing. Completions of one instant come in the order in
 * which they were begun. */
#ifndef FOREWARM_SIM_WORLD_H
#define FOREWARM_SIM_WORLD_H

#include "core/action.h"
#include "core/devices.h"
#include "core/event.h"
#include "sim/agenda.h"
#include "sim/loads.h"
#include <stdbool.h>

struct world_resource {
    uint64_t loads; /* begun */
    uint64_t drain; /* attempt of the drain that waits for the last request to end; 0 none */
    uint32_t running;
};
/* One level between cold and warm that every resource has: what a load from there takes. */
struct world_half {
    const int64_t *by_resource_ns; /* NULL: */
    int64_t fixed_ns;              /* -1: */
    double share;                  /* of the load from cold */
};
struct world {
    const struct loads *loads;
    const struct world_half *half; /* NULL: none */
    struct devices devices; /* loading from where the bandwidth is known takes what that says */
    const uint64_t *sizes;  /* borrowed; NULL: not known, and neither is that */
    struct agenda agenda;
    struct world_resource *resources;
    uint32_t resource_count;
};

FW_MUST_CHECK enum fw_err world_init(struct world *world, const struct loads *loads,
                                     uint32_t resource_count);
void world_fini(struct world *world);
/* Does what the action asks. `arrived_at_ns` and `duration_ns` are of the request that a RELEASE
 * names. */
FW_MUST_CHECK enum fw_err world_perform(struct world *world, const struct action *action,
                                        int64_t arrived_at_ns, int64_t duration_ns);
/* When something completes next; TIME_NEVER: nothing is under way. */
int64_t world_next(const struct world *world);
/* The next completion as the event that tells of it. False: none. */
bool world_take(struct world *world, struct event *event);

#endif

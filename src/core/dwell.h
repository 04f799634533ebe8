/* SPDX-License-Identifier: MIT
 * Dwelling. Agents that wait for their answers and then soon ask again, for models that do not fit
 * together, would have them swapped at every request: what has just answered is idle, and idle
 * things make way. What made way and was asked for again within less than its own load time, so
 * DWELL_RETURNS times in a row, would have been better kept that long. Once loaded again it stays
 * for as long as its users usually take to come back, and at most for as long as loading it takes:
 * A B A B becomes A A B B. Who waits for its room waits longer by that: it does not stay where all
 * of them together would lose more than one more load takes. A return that comes too late, or not,
 * ends it until it has been earned again (docs/decisions/0011-devices-and-dwell.md).
 *
 * Only returns after a displacement are looked at, and there are few of these within a load time:
 * the latest DWELL_SLOTS are remembered for all resources together. */
#ifndef FOREWARM_CORE_DWELL_H
#define FOREWARM_CORE_DWELL_H

#include "core/resource.h"

enum { DWELL_SLOTS = 64, DWELL_RETURNS = 3 };

struct dwell_slot {
    int64_t idle_at_ns; /* nobody used it from here on when it made way, the latest time */
    int64_t return_ns;  /* usual time until it is asked for again: the longest, forgotten slowly */
    uint32_t resource;
    uint32_t waiter; /* the latest that was told to wait for it; RESOURCE_NONE */
    uint8_t returns; /* in a row, within its load time; stays at DWELL_RETURNS */
    bool displaced;  /* it made way and has not been asked for since */
};
struct dwell {
    struct dwell_slot slots[DWELL_SLOTS];
    uint32_t count;
    int64_t look_at_ns; /* when something that others wait for ends its stay; TIME_NEVER: nothing */
};

struct engine;
struct coder;
/* It makes way for something that is waited for. */
void dwell_displaced(struct engine *engine, uint32_t number);
/* It is asked for; before anything follows from that. */
void dwell_request(struct engine *engine, uint32_t number);
/* Whether `waiter` had better wait until the first of the victims in engine->victims has stayed
 * long enough. */
bool dwell_waits(struct engine *engine, uint32_t waiter, uint32_t victims);
void dwell_forget_world(struct engine *engine);
void dwell_code(struct engine *engine, struct coder *coder);

#endif

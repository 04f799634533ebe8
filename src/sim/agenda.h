/* SPDX-License-Identifier: MIT
 * Events that will happen: taken out by time, at one instant in the order in which they were put
 * in. */
#ifndef FOREWARM_SIM_AGENDA_H
#define FOREWARM_SIM_AGENDA_H

#include "base/err.h"
#include "core/event.h"
#include <stdbool.h>
#include <stddef.h>

struct agenda_item {
    struct event event; /* at_ns is when */
    uint64_t sequence;
};
struct agenda {
    struct agenda_item *items; /* a binary heap */
    size_t count, capacity;
    uint64_t next_sequence;
};

void agenda_init(struct agenda *agenda);
void agenda_fini(struct agenda *agenda);
FW_MUST_CHECK enum fw_err agenda_put(struct agenda *agenda, const struct event *event);
int64_t agenda_next(const struct agenda *agenda); /* TIME_NEVER: empty */
bool agenda_take(struct agenda *agenda, struct event *event);

#endif

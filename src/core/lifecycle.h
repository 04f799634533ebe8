/* SPDX-License-Identifier: MIT
 * A resource's life as one table: (state, signal) -> (state, action). What is not in the table
 * cannot happen. */
#ifndef FOREWARM_CORE_LIFECYCLE_H
#define FOREWARM_CORE_LIFECYCLE_H

#include "core/action.h"
#include <stdint.h>

enum signal {
    SIGNAL_WANT, /* warm it: room and a free loader were found; or it is wanted again while draining
                  */
    SIGNAL_LOADED,
    SIGNAL_PROVEN,
    SIGNAL_FAILED,
    SIGNAL_CANCELLED,
    SIGNAL_LET_GO, /* the plan, a need for memory or an operator lets it go */
    SIGNAL_DRAINED,
    SIGNAL_UNLOADED,
    SIGNAL_LOST,
    SIGNAL_FOUND,
    SIGNAL_RETRY, /* the back-off is over */
    SIGNAL_RAISE, /* bring it to a level between cold and warm */
    SIGNAL_RAISED,
    SIGNAL_LOWER, /* from there to cold */
    SIGNAL_DOUBT, /* a request was answered at cold speed */
    SIGNAL_COUNT
};

struct lifecycle_row {
    uint32_t state, signal, next;
    uint32_t action; /* enum action_kind, or LIFECYCLE_NO_ACTION */
};
#define LIFECYCLE_NO_ACTION UINT32_MAX

/* NULL when the signal means nothing in this state. */
const struct lifecycle_row *lifecycle_find(uint32_t state, uint32_t signal);
const char *lifecycle_signal_name(uint32_t signal);

#endif

/* SPDX-License-Identifier: MIT
 * Deadlines of many connections at the price of a field write. A wheel never reads a clock: it is
 * handed `now`.
 *
 * Moving a deadline later, which is what every request does, only writes it down; the timer is
 * looked at when its old place comes round and then put where it belongs. A timer fires at its
 * deadline or up to one tick after it. */
#ifndef FOREWARM_EDGE_WHEEL_H
#define FOREWARM_EDGE_WHEEL_H

#include "base/time.h"
#include <stdbool.h>
#include <stdint.h>

enum { WHEEL_SLOTS = 1024 };
#define WHEEL_TICK_NS (8 * TIME_MILLISECOND)

struct wheel_timer {
    struct wheel_timer *next;
    struct wheel_timer **link; /* what points to this timer; NULL: in no slot */
    int64_t tick;              /* the slot it is in */
    int64_t deadline_ns;       /* TIME_NEVER: does not fire */
    void (*fire)(struct wheel_timer *timer,
                 int64_t now_ns); /* the timer is unset when this is called */
};

struct wheel {
    struct wheel_timer *slots[WHEEL_SLOTS];
    uint64_t occupied[WHEEL_SLOTS / 64];
    int64_t done_tick; /* every slot up to this one has been looked at */
    int64_t next_tick; /* no occupied slot lies before this one; TIME_NEVER: none is occupied */
};

void wheel_init(struct wheel *wheel, int64_t now_ns);
void wheel_set(struct wheel *wheel, struct wheel_timer *timer, int64_t deadline_ns);
void wheel_cancel(struct wheel *wheel, struct wheel_timer *timer); /* fine when not set */
/* When wheel_run must be called again; TIME_NEVER: no timer is set. */
int64_t wheel_next(const struct wheel *wheel);
void wheel_run(struct wheel *wheel, int64_t now_ns);

#endif

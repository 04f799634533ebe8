/* SPDX-License-Identifier: MIT
 * What the hostile world counts by itself, and holds the engine to: memory, loaders, warm-ups. */
#ifndef FOREWARM_SIM_HOSTILE_CHECK_H
#define FOREWARM_SIM_HOSTILE_CHECK_H

#include "sim/hostile.h"

/* After something has taken memory: `what` was done to which resource. */
void hostile_check_budgets(struct hostile *hostile, uint32_t number, const char *what);
/* Where a load goes: notes it, and checks memory and loaders device by device. */
void hostile_check_devices(struct hostile *hostile, uint32_t number, const struct action *action);
/* A warm-up begins: notes it, and checks the budgets of warm-ups (specification W4). */
void hostile_check_warmups(struct hostile *hostile, const struct action *action, int64_t now_ns);

#endif

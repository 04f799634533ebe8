/* SPDX-License-Identifier: MIT
 * What a trail draws: which resources get a lane and which part of time a view, and how what
 * happens to them is put into the lanes' columns. Used by trail.c alone. */
#ifndef FOREWARM_SIM_TRAIL_DRAW_H
#define FOREWARM_SIM_TRAIL_DRAW_H

#include "sim/trail.h"

static inline bool trail_scored(const struct trail *trail, int64_t at_ns)
{
    return at_ns >= trail->from_ns && at_ns <= trail->until_ns;
}

/* Chooses lanes and views from the trace. */
FW_MUST_CHECK enum fw_err trail_draw_choose(struct trail *trail);
/* `lane` may be TABLE_NONE: not drawn. */
void trail_draw_request(struct trail *trail, uint32_t lane, int64_t at_ns, bool cold);
void trail_draw_ahead(struct trail *trail, uint32_t lane, int64_t at_ns, bool used);
void trail_draw_warm(struct trail *trail, uint32_t lane, int64_t from_ns, int64_t to_ns, bool half);

#endif

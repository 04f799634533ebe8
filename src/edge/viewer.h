/* SPDX-License-Identifier: MIT
 * One thread's hold on views. The current view is read through an atomic pointer; a request that
 * lasts keeps the view it began with. Once a loop turn the thread says which is the oldest view it
 * can still touch, and the one who publishes frees what is older than that everywhere
 * (quiescent-state-based reclamation, McKenney and Slingwine 1998). */
#ifndef FOREWARM_EDGE_VIEWER_H
#define FOREWARM_EDGE_VIEWER_H

#include "edge/view.h"

struct viewer_hold {
    struct view *view;
    uint32_t count;           /* requests that keep it */
    struct viewer_hold *next; /* older */
};
struct viewer {
    _Atomic(struct view *) *shared;
    struct viewer_hold *newest; /* of the view last seen */
    _Atomic uint64_t
        oldest; /* version; older ones are not touched any more. 0 before the first turn */
};

void viewer_init(struct viewer *viewer, _Atomic(struct view *) *shared);
void viewer_fini(struct viewer *viewer); /* no request may keep a view any more */
/* The hold of the current view, with one more request counted; NULL when memory is short. */
struct viewer_hold *viewer_take(struct viewer *viewer);
void viewer_give(struct viewer_hold *hold);
/* The current view, for use before the turn ends. */
const struct view *viewer_look(struct viewer *viewer);
/* At the end of a turn. True if a newer view was seen since the last one. */
bool viewer_turn(struct viewer *viewer);

#endif

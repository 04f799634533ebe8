/* SPDX-License-Identifier: MIT */
#include "edge/viewer.h"
#include "base/check.h"
#include <stdlib.h>

void viewer_init(struct viewer *viewer, _Atomic(struct view *) *shared)
{
    *viewer = (struct viewer){.shared = shared};
}

void viewer_fini(struct viewer *viewer)
{
    while (viewer->newest) {
        struct viewer_hold *hold = viewer->newest;
        CHECK(hold->count == 0);
        viewer->newest = hold->next;
        free(hold);
    }
    atomic_store(&viewer->oldest, UINT64_MAX);
}

/* Without memory for a new hold the thread stays with the view it knows, which nobody frees before
 * it lets go. */
static struct viewer_hold *current(struct viewer *viewer)
{
    struct view *view = atomic_load_explicit(viewer->shared, memory_order_acquire);
    if (viewer->newest && viewer->newest->view == view)
        return viewer->newest;
    struct viewer_hold *hold = calloc(1, sizeof *hold);
    if (!hold)
        return viewer->newest;
    hold->view = view;
    hold->next = viewer->newest;
    viewer->newest = hold;
    return hold;
}

struct viewer_hold *viewer_take(struct viewer *viewer)
{
    struct viewer_hold *hold = current(viewer);
    if (hold)
        hold->count++;
    return hold;
}

void viewer_give(struct viewer_hold *hold)
{
    CHECK(hold->count > 0);
    hold->count--;
}

const struct view *viewer_look(struct viewer *viewer)
{
    struct viewer_hold *hold = current(viewer);
    CHECK(hold); /* the first one is made before the first request */
    return hold->view;
}

bool viewer_turn(struct viewer *viewer)
{
    struct viewer_hold *before = viewer->newest, *newest = current(viewer);
    if (!newest)
        return false;
    uint64_t oldest = newest->view->version;
    for (struct viewer_hold **link = &newest->next, *hold; (hold = *link) != NULL;) {
        if (hold->count > 0) {
            oldest = hold->view->version;
            link = &hold->next;
        } else {
            *link = hold->next;
            if (hold == before)
                before = NULL;
            free(hold);
        }
    }
    if (atomic_load_explicit(&viewer->oldest, memory_order_relaxed) != oldest)
        atomic_store(&viewer->oldest, oldest);
    return before != newest;
}

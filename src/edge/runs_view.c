/* SPDX-License-Identifier: MIT
 * What was learned, published. A reader says which view it holds and looks whether that is still
 * the one; an old one is freed once nobody holds it (hazard pointers: Michael 2004). */
#include "base/time.h"
#include "edge/jobs.h"
#include "edge/runs_part.h"
#include <stdlib.h>

const struct callpath_view *runs_hold(struct runs *runs, unsigned reader)
{
    struct callpath_view *view = atomic_load(&runs->view), *now;
    for (;;) {
        atomic_store(&runs->held[reader], view);
        now = atomic_load(&runs->view);
        if (now == view)
            return view;
        view = now;
    }
}

void runs_let_go(struct runs *runs, unsigned reader)
{
    atomic_store_explicit(&runs->held[reader], NULL, memory_order_release);
}

static bool is_held(struct runs *runs, const struct callpath_view *view)
{
    for (unsigned i = 0; i < RUNS_READERS; i++)
        if (atomic_load(&runs->held[i]) == view)
            return true;
    return false;
}

static void free_retired(struct runs *runs, bool all)
{
    struct retired_view **link = &runs->retired;
    while (*link) {
        struct retired_view *retired = *link;
        if (!all && is_held(runs, retired->view)) {
            link = &retired->next;
            continue;
        }
        *link = retired->next;
        callpath_view_free(&retired->view);
        free(retired);
    }
}

void runs_publish(struct runs *runs)
{
    struct callpath_view *view = NULL;
    struct retired_view *retired = malloc(sizeof *retired);
    int64_t begun_ns = jobs_now_ns();
    if (!retired || callpath_view_create(&view, runs->learner) != FW_OK) {
        free(retired); /* the old one stays, and the next turn tries again */
        runs->publish_ns = begun_ns + RUNS_TICK_NS;
        return;
    }
    *retired = (struct retired_view){atomic_exchange(&runs->view, view), runs->retired};
    if (retired->view)
        runs->retired = retired;
    else
        free(retired);
    free_retired(runs, false);
    int64_t ended_ns = jobs_now_ns(), pause_ns = 10 * (ended_ns - begun_ns);
    runs->publish_ns = ended_ns + (pause_ns > RUNS_PUBLISH_NS ? pause_ns : RUNS_PUBLISH_NS);
    runs->dirty = false;
}

void runs_free_views(struct runs *runs)
{
    struct callpath_view *view = atomic_exchange(&runs->view, NULL);
    callpath_view_free(&view);
    free_retired(runs, true);
}

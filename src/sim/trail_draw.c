/* SPDX-License-Identifier: MIT */
#include "sim/trail_draw.h"
#include <stdlib.h>

static struct trail_view view_of(int64_t from_ns, int64_t to_ns)
{
    int64_t column_ns = (to_ns - from_ns + TRAIL_COLUMNS - 1) / TRAIL_COLUMNS;
    return (struct trail_view){from_ns, to_ns, column_ns > 0 ? column_ns : 1};
}

/* The day (or hour) of the calendar with the most requests. */
static int64_t busiest(const struct trail *trail, int64_t length_ns)
{
    int64_t best = 0, current = INT64_MIN;
    uint64_t best_count = 0, count = 0;
    for (size_t i = 0; i < trail->trace->count; i++) {
        int64_t at_ns = trail->trace->requests[i].at_ns;
        if (!trail_scored(trail, at_ns))
            continue;
        int64_t number = at_ns / length_ns - (at_ns % length_ns < 0);
        count = number == current ? count + 1 : 1;
        current = number;
        if (count > best_count) {
            best_count = count;
            best = number;
        }
    }
    return best * length_ns;
}

static void choose_views(struct trail *trail)
{
    int64_t span_ns = trail->until_ns - trail->from_ns;
    int64_t length_ns = span_ns >= 3 * TIME_DAY    ? TIME_DAY
                        : span_ns >= 3 * TIME_HOUR ? TIME_HOUR
                                                   : 0;
    trail->views[trail->view_count++] = view_of(trail->from_ns, trail->until_ns + 1);
    if (length_ns == 0)
        return;
    int64_t from_ns = busiest(trail, length_ns);
    trail->views[trail->view_count++] = view_of(from_ns, from_ns + length_ns);
}

/* How often each resource was asked for, or asked for after a pause, while it is scored. */
static void count_requests(struct trail *trail, uint32_t set, uint64_t *counts)
{
    for (size_t i = 0; i < trail->trace->count; i++) {
        const struct trace_request *request = &trail->trace->requests[i];
        struct trail_resource *resource = &trail->resources[request->resource];
        bool pause = resource->last_request_ns >= 0 &&
                     request->at_ns - resource->last_request_ns >= TRAIL_PAUSE_NS;
        resource->last_request_ns = request->at_ns;
        if (trail_scored(trail, request->at_ns))
            counts[request->resource] += set == TRAIL_REQUESTS || pause;
    }
    for (uint32_t i = 0; i < trail->trace->resources.count; i++)
        trail->resources[i].last_request_ns = -1;
}

/* The first of those with the highest count leaves the counts and gets a lane. */
static bool add_to_set(struct trail *trail, uint32_t set, uint64_t *counts)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < trail->trace->resources.count; i++)
        if (counts[i] > counts[best])
            best = i;
    if (counts[best] == 0)
        return false;
    counts[best] = 0;
    struct trail_resource *resource = &trail->resources[best];
    if (resource->lane == TABLE_NONE) {
        resource->lane = trail->lane_count;
        trail->lane_resources[trail->lane_count++] = best;
    }
    trail->set_lanes[set][trail->set_counts[set]++] = resource->lane;
    return true;
}

static enum fw_err choose_lanes(struct trail *trail)
{
    uint64_t *counts = calloc(trail->trace->resources.count, sizeof *counts);
    if (!counts)
        return FW_NOMEM;
    for (uint32_t set = 0; set < TRAIL_SET_COUNT; set++) {
        memset(counts, 0, trail->trace->resources.count * sizeof *counts);
        count_requests(trail, set, counts);
        while (trail->set_counts[set] < TRAIL_SET_MAX && add_to_set(trail, set, counts))
            continue;
    }
    free(counts);
    return FW_OK;
}

/* NULL, or the lane of the resource; *column gets the column of the instant. */
static struct trail_lane *lane_at(struct trail *trail, uint32_t view, uint32_t lane, int64_t at_ns,
                                  size_t *column)
{
    const struct trail_view *seen = &trail->views[view];
    if (lane == TABLE_NONE || at_ns < seen->from_ns || at_ns >= seen->to_ns)
        return NULL;
    *column = (size_t)((at_ns - seen->from_ns) / seen->column_ns);
    return &trail->lanes[view * TRAIL_LANES_MAX + lane];
}

void trail_draw_request(struct trail *trail, uint32_t lane, int64_t at_ns, bool cold)
{
    size_t column;
    for (uint32_t view = 0; view < trail->view_count; view++) {
        struct trail_lane *drawn = lane_at(trail, view, lane, at_ns, &column);
        if (!drawn)
            continue;
        drawn->requests[column]++;
        drawn->cold[column] += cold;
    }
}

void trail_draw_ahead(struct trail *trail, uint32_t lane, int64_t at_ns, bool used)
{
    size_t column;
    for (uint32_t view = 0; view < trail->view_count; view++) {
        struct trail_lane *drawn = lane_at(trail, view, lane, at_ns, &column);
        if (drawn && used)
            drawn->used[column]++;
        else if (drawn)
            drawn->unused[column]++;
    }
}

void trail_draw_warm(struct trail *trail, uint32_t lane, int64_t from_ns, int64_t to_ns, bool half)
{
    for (uint32_t view = 0; view < trail->view_count; view++) {
        const struct trail_view *seen = &trail->views[view];
        size_t column;
        int64_t at_ns = from_ns > seen->from_ns ? from_ns : seen->from_ns;
        int64_t end_ns = to_ns < seen->to_ns ? to_ns : seen->to_ns;
        struct trail_lane *drawn = lane_at(trail, view, lane, at_ns, &column);
        for (; drawn && at_ns < end_ns; column++) {
            int64_t next_ns = seen->from_ns + (int64_t)(column + 1) * seen->column_ns;
            int64_t until_ns = next_ns < end_ns ? next_ns : end_ns;
            (half ? drawn->half_ns : drawn->warm_ns)[column] += until_ns - at_ns;
            at_ns = until_ns;
        }
    }
}

enum fw_err trail_draw_choose(struct trail *trail)
{
    FW_TRY(choose_lanes(trail));
    choose_views(trail);
    return FW_OK;
}

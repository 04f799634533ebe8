/* SPDX-License-Identifier: MIT
 * A call that is longer than the one asked about and overlaps it runs when that one begins or when
 * it ends. So two passes, one forward and one backward in time, each over the calls that run at
 * that instant. */
#include "learn/callpath_slack.h"
#include <stdlib.h>

enum fw_err callpath_slack_init(struct callpath_slack_room *room, uint32_t capacity)
{
    room->items = calloc(capacity, sizeof *room->items);
    room->queue = calloc(capacity, sizeof *room->queue);
    room->longest = calloc(capacity, sizeof *room->longest);
    return room->items && room->queue && room->longest ? FW_OK : FW_NOMEM;
}

void callpath_slack_fini(struct callpath_slack_room *room)
{
    free(room->items);
    free(room->queue);
    free(room->longest);
    *room = (struct callpath_slack_room){0};
}

static int compare_items(const void *a, const void *b)
{
    const struct callpath_slack_item *left = a, *right = b;
    if (left->parent != right->parent)
        return left->parent < right->parent ? -1 : 1;
    if (left->from != right->from)
        return left->from < right->from ? -1 : 1;
    return left->call < right->call ? -1 : left->call > right->call;
}

/* For siblings in order of their beginnings: the longest earlier one that runs at each one's. The
 * queue holds those that may still be, each longer and ending sooner than the next. */
static void pass(struct callpath_slack_room *room, const struct callpath_slack_item *items,
                 uint32_t count)
{
    uint32_t head = 0, tail = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct callpath_slack_item *item = &items[i];
        int64_t took = item->to - item->from;
        while (head < tail && items[room->queue[head]].to <= item->from)
            head++;
        if (head < tail) {
            const struct callpath_slack_item *first = &items[room->queue[head]];
            int64_t longest = first->to - first->from;
            if (longest > room->longest[item->call])
                room->longest[item->call] = longest;
            if (items[room->queue[tail - 1]].to >= item->to)
                continue; /* began before and ends after: longer as long as this one lasts */
        }
        while (head < tail &&
               items[room->queue[tail - 1]].to - items[room->queue[tail - 1]].from <= took)
            tail--;
        room->queue[tail++] = i;
    }
}

static void each_parent(struct callpath_slack_room *room, uint32_t count)
{
    qsort(room->items, count, sizeof *room->items, compare_items);
    for (uint32_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && room->items[to].parent == room->items[from].parent;)
            to++;
        pass(room, room->items + from, to - from);
    }
}

void callpath_slack(struct callpath_slack_room *room, const struct callpath_run *run, double *slack)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < run->count; i++) {
        const struct callpath_call *call = &run->calls[i];
        slack[i] = 0;
        room->longest[i] = 0;
        if (call->end_ns != CALLPATH_OPEN && call->end_ns > call->start_ns)
            room->items[count++] =
                (struct callpath_slack_item){call->parent, call->start_ns, call->end_ns, i};
    }
    each_parent(room, count);
    for (uint32_t i = 0; i < count; i++) {
        int64_t from = room->items[i].from;
        room->items[i].from = -room->items[i].to;
        room->items[i].to = -from;
    }
    each_parent(room, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct callpath_slack_item *item = &room->items[i];
        double took = (double)(item->to - item->from), longest = (double)room->longest[item->call];
        if (longest > took)
            slack[item->call] = 1 - took / longest;
    }
}

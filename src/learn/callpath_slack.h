/* SPDX-License-Identifier: MIT
 * How much longer a call could have taken without being the last of what ran beside it: 1 - d / D,
 * D the longest call of the same parent that overlaps it, never below 0. O(n log n). */
#ifndef FOREWARM_LEARN_CALLPATH_SLACK_H
#define FOREWARM_LEARN_CALLPATH_SLACK_H

#include "learn/callpath.h"

struct callpath_slack_item {
    uint64_t parent;
    int64_t from, to;
    uint32_t call;
};
struct callpath_slack_room {
    struct callpath_slack_item *items;
    uint32_t *queue;
    int64_t *longest; /* per call */
};
FW_MUST_CHECK enum fw_err callpath_slack_init(struct callpath_slack_room *room, uint32_t capacity);
void callpath_slack_fini(struct callpath_slack_room *room);
/* `slack` has a place for every call; 0 for those that did not end. */
void callpath_slack(struct callpath_slack_room *room, const struct callpath_run *run,
                    double *slack);

#endif

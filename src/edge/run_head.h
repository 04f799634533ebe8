/* SPDX-License-Identifier: MIT
 * Whose call a request is: which run of which agent, under which scopes, made by what. From headers
 * whose names are configured, or from traceparent (W3C Trace Context, level 1, 3.2), so that
 * programs that are traced already need no change. What does not fit is left out, never refused. */
#ifndef FOREWARM_EDGE_RUN_HEAD_H
#define FOREWARM_EDGE_RUN_HEAD_H

#include "edge/config.h"
#include "edge/server.h"
#include "learn/callpath.h"

enum {
    RUN_HEAD_NAME_MAX = 255,                      /* bytes of a run's id and an agent's name */
    RUN_HEAD_SCOPES_MAX = CALLPATH_DEPTH_MAX - 1, /* the resource is the last element */
    RUN_HEAD_TEXT_MAX = 4 << 10                   /* of all scopes, decoded */
};

struct run_head {
    struct str run, agent; /* in the request, or static; run "": only the agent is known */
    /* The scopes and behind them room for the call's own name; in `text`. */
    struct str path[CALLPATH_DEPTH_MAX];
    uint32_t scopes;
    uint64_t parent; /* calls of one parent are siblings; 0 the run itself */
    uint32_t level;  /* an explicit level, within the scale; 0 none */
    bool ends;       /* the run ends with this call */
    char text[RUN_HEAD_TEXT_MAX];
};

/* False: the request is of no run and no agent that are known by its headers. */
bool run_head_read(struct run_head *head, const struct config_hints *hints,
                   const struct server_request *request);

#endif

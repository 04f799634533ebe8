/* SPDX-License-Identifier: MIT
 * What all resources together have taught the planner: the law of gaps longer than a load, how long
 * a cold start at the end of such a gap makes people wait, and the single time to live that would
 * have been cheapest.
 *
 * Waits are in load times (a burst that met a cold start waited w seconds in all: w / L), so that
 * slow and fast resources can be pooled; 1 is a lone request. A context is how well a resource is
 * known times how busy it is: its gaps are drawn towards the pooled law of resources like it. */
#ifndef FOREWARM_PLAN_PLANNER_POOL_H
#define FOREWARM_PLAN_PLANNER_POOL_H

#include "base/buf.h"
#include "learn/gaps.h"
#include <stdbool.h>
#include <stdint.h>

enum { POOL_CONTEXTS = 9, POOL_GAPS_MIN = 20, POOL_NO_EDGE = 0 };

struct planner_pool {
    /* learned */
    struct gaps_pool all;                     /* N_k, O_k */
    struct gaps_pool contexts[POOL_CONTEXTS]; /* N_ck, O_ck */
    double waits[GAPS_BINS];                  /* V_k: sums of waits of the N_k */
    double short_gaps, requests;              /* gaps <= L, of all gaps */
    /* worked out from it, at most once a second */
    double hazards[GAPS_BINS]; /* H_k */
    double wait[GAPS_BINS]; /* expected wait at the end of a gap in bin k: neighbours count too */
    double idle_below[GAPS_BINS]; /* warm seconds paid below edge i by everybody kept until there */
    double ended_above[GAPS_BINS]; /* gaps that end at or above edge i, and their waits */
    double waits_above[GAPS_BINS];
    double law[POOL_CONTEXTS][GAPS_BINS]; /* of a context; worked out when asked for */
    bool law_stale[POOL_CONTEXTS];
    int64_t refreshed_ns;
    bool stale, refreshed;
    int64_t
        ttl_load_ns; /* the load time for which ttl_edge was asked last; 0: not since the refresh */
    double ttl_wait_price;
    uint32_t ttl_edge;
};

void planner_pool_init(struct planner_pool *pool);
/* `known`: gaps learned of the resource; `busy`: its requests in about the last ten minutes. */
uint32_t planner_pool_context(uint32_t known, double busy);
/* Brings what is worked out up to date, unless that was done less than a second ago. */
void planner_pool_refresh(struct planner_pool *pool, int64_t now_ns);
const double *planner_pool_law(struct planner_pool *pool, uint32_t context);
/* The edge at which unloading everybody costs least, among those above L, and at least about
 * break-even where no gap was ever longer; POOL_NO_EDGE while too few gaps are known. */
uint32_t planner_pool_ttl_edge(struct planner_pool *pool, int64_t load_ns, double wait_price);

void planner_pool_save(const struct planner_pool *pool, struct buf *out);
bool planner_pool_load(struct planner_pool *pool, struct buf_reader *in);

#endif

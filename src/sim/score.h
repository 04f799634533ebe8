/* SPDX-License-Identifier: MIT
 * What a policy's decisions came to, counted outside the engine. The cost model is
 * reference/planning.md section 2: J = idle_price * idle seconds + load seconds + wait_price *
 * seconds waited
 * + half_price * seconds at a level between cold and warm; raising to it counts as loading. A
 * request is cold when its resource was not ready as it arrived, even if the load takes no time.
 * Every held request counts its wait. Idle is ready and unused, also after a resource's last
 * request. Only what begins at or after `from_ns` and up to the trace's last arrival is scored:
 * what a policy would do after that nobody can say was right or wrong. */
#ifndef FOREWARM_SIM_SCORE_H
#define FOREWARM_SIM_SCORE_H

#include "core/action.h"
#include "core/event.h"
#include "sim/loads.h"
#include "sim/trace.h"
#include <stdbool.h>

struct score_prices {
    double idle, wait, half;
};

struct score_result {
    uint64_t requests, cold, first_touch, refused;
    uint64_t loads, unloads;
    uint64_t prewarm_issued, prewarm_hit, prewarm_expired;
    int64_t prewarm_wasted_ns;
    int64_t idle_ns, load_ns, wait_ns, half_ns; /* half: at a level between cold and warm */
    uint64_t half_loads;                        /* loads from such a level */
    double wait_p50_s, wait_p95_s, wait_p99_s, wait_max_s; /* over all scored requests */
    double cold_pct_p50_resource, cold_pct_p75_resource;
};
double score_cost(const struct score_result *result, const struct score_prices *prices);
double score_cold_pct(const struct score_result *result);

/* One resource's part of what is scored. */
struct score_sums {
    uint64_t requests, cold, loads;
    int64_t idle_ns, load_ns, wait_ns, half_ns;
};
double score_sums_cost(const struct score_sums *sums, const struct score_prices *prices);

struct score_resource {
    struct score_sums sums;
    int64_t ready_at_ns;  /* -1: not ready */
    int64_t idle_from_ns; /* -1: in use or not ready */
    int64_t load_from_ns; /* -1: not loading */
    int64_t half_from_ns; /* -1: not at a level between */
    uint32_t running;
    bool seen;
    bool prewarm_open; /* warmed before a request, none has come */
    bool prewarm_scored;
};
struct score {
    const struct trace *trace;
    int64_t from_ns, until_ns;
    struct score_resource *resources;
    double *waits_s; /* of scored requests, in the order they were answered */
    size_t wait_count;
    struct score_result result;
};

FW_MUST_CHECK enum fw_err score_init(struct score *score, const struct trace *trace,
                                     int64_t from_ns);
void score_fini(struct score *score);
void score_arrival(struct score *score, const struct trace_request *request);
/* An action the engine took; `arrived_at_ns` of the request it is about, -1 for others. */
void score_action(struct score *score, const struct action *action, int64_t arrived_at_ns);
void score_event(struct score *score, const struct event *event);
bool score_is_ready(const struct score *score, uint32_t resource);
/* Stops counting a resource that is still warm when the replay ends. */
void score_stop(struct score *score, uint32_t resource, int64_t until_ns);
FW_MUST_CHECK enum fw_err score_finish(struct score *score);

/* A time to live for every resource in closed form: what policy ttl:x comes to without a memory
 * limit. */
enum { SCORE_GRID = 57 }; /* 15 s * 1.15^i up to 43,200 s */
int64_t score_grid_ttl(int i);
struct score_arrivals { /* requests by resource, each in order of time */
    uint32_t resource_count;
    size_t *first; /* resource_count + 1 */
    int64_t *at_ns, *duration_ns;
    int64_t until_ns; /* the last arrival of all */
};
FW_MUST_CHECK enum fw_err score_arrivals_init(struct score_arrivals *arrivals,
                                              const struct trace *trace);
void score_arrivals_fini(struct score_arrivals *arrivals);
void score_ttl(const struct score_arrivals *arrivals, const struct loads *loads, int64_t ttl_ns,
               int64_t from_ns, struct score_result *result);
/* The same for one resource; adds to `result`. */
void score_ttl_resource(const struct score_arrivals *arrivals, const struct loads *loads,
                        uint32_t resource, int64_t ttl_ns, int64_t from_ns,
                        struct score_result *result);
/* The grid's time to live with the lowest cost. */
int64_t score_best_ttl(const struct score_arrivals *arrivals, const struct loads *loads,
                       const struct score_prices *prices, int64_t from_ns,
                       struct score_result *result);

#endif

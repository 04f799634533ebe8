/* SPDX-License-Identifier: MIT
 * A fixed time to live without the engine: resource by resource, one pass over its requests. Serves
 * as the unit of idle time (10 min), as the bar no deployable policy has (the best one in
 * hindsight), and as a check on the engine. */
#include "sim/score.h"
#include <math.h>
#include <stdlib.h>

int64_t score_grid_ttl(int i)
{
    return time_from_seconds(
        15 * pow(1.15, i)); /* the last is 37.6 thousand seconds; one more would pass 43,200 */
}

enum fw_err score_arrivals_init(struct score_arrivals *arrivals, const struct trace *trace)
{
    uint32_t count = trace->resources.count;
    size_t room = trace->count ? trace->count : 1;
    *arrivals = (struct score_arrivals){.resource_count = count};
    arrivals->first = calloc((size_t)count + 2, sizeof *arrivals->first);
    arrivals->at_ns = malloc(room * sizeof *arrivals->at_ns);
    arrivals->duration_ns = malloc(room * sizeof *arrivals->duration_ns);
    if (!arrivals->first || !arrivals->at_ns || !arrivals->duration_ns) {
        score_arrivals_fini(arrivals);
        return FW_NOMEM;
    }
    if (trace->count > 0)
        arrivals->until_ns = trace->requests[trace->count - 1].at_ns;
    for (size_t i = 0; i < trace->count; i++)
        arrivals->first[trace->requests[i].resource + 2]++;
    for (uint32_t r = 0; r < count; r++)
        arrivals->first[r + 2] += arrivals->first[r + 1];
    for (size_t i = 0; i < trace->count;
         i++) { /* first[r + 1] is where r's next one goes, and ends as r + 1's first */
        size_t at = arrivals->first[trace->requests[i].resource + 1]++;
        arrivals->at_ns[at] = trace->requests[i].at_ns;
        arrivals->duration_ns[at] = trace->requests[i].duration_ns;
    }
    return FW_OK;
}

void score_arrivals_fini(struct score_arrivals *arrivals)
{
    free(arrivals->first);
    free(arrivals->at_ns);
    free(arrivals->duration_ns);
    *arrivals = (struct score_arrivals){0};
}

/* One resource under a time to live. */
struct ttl_run {
    int64_t ttl_ns, from_ns, until_ns;
    int64_t ready_ns;  /* when the current load ends */
    int64_t busy_ns;   /* until when requests run */
    int64_t origin_ns; /* ages count from here: the last request, or its end had it not waited */
    bool warm;
};

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t unload_at(const struct ttl_run *run)
{
    return later(later(time_add(run->origin_ns, run->ttl_ns), run->ready_ns), run->busy_ns);
}

static void add_idle(const struct ttl_run *run, int64_t until_ns, struct score_result *result)
{
    int64_t from_ns = later(later(run->busy_ns, run->ready_ns), run->from_ns);
    if (until_ns > run->until_ns)
        until_ns = run->until_ns;
    if (until_ns > from_ns)
        result->idle_ns += until_ns - from_ns;
}

static void ttl_arrival(struct ttl_run *run, int64_t at_ns, int64_t duration_ns, bool first,
                        uint64_t *loads_begun, const struct loads *loads, uint32_t resource,
                        struct score_result *result)
{
    bool in_score = at_ns >= run->from_ns;
    if (run->warm && at_ns >= unload_at(run)) {
        add_idle(run, unload_at(run), result);
        result->unloads += unload_at(run) >= run->from_ns;
        run->warm = false;
    }
    bool cold = !run->warm || at_ns < run->ready_ns;
    if (!run->warm) {
        int64_t load_ns = loads_draw(loads, resource, (*loads_begun)++);
        run->warm = true;
        run->ready_ns = at_ns + load_ns;
        run->busy_ns = run->ready_ns;
        run->origin_ns = at_ns;
        result->loads += in_score;
        result->load_ns += in_score ? load_ns : 0;
    } else {
        add_idle(run, at_ns, result);
    }
    int64_t begin_ns = later(at_ns, run->ready_ns);
    run->busy_ns = later(run->busy_ns, begin_ns + duration_ns);
    run->busy_ns = later(run->busy_ns, at_ns); /* idle before `at` is counted */
    run->origin_ns = later(run->origin_ns, at_ns + duration_ns);
    result->requests += in_score;
    result->cold += in_score && cold;
    result->first_touch += in_score && first;
    result->wait_ns += in_score ? begin_ns - at_ns : 0;
}

void score_ttl_resource(const struct score_arrivals *arrivals, const struct loads *loads,
                        uint32_t resource, int64_t ttl_ns, int64_t from_ns,
                        struct score_result *result)
{
    struct ttl_run run = {.ttl_ns = ttl_ns, .from_ns = from_ns, .until_ns = arrivals->until_ns};
    uint64_t loads_begun = 0;
    for (size_t i = arrivals->first[resource]; i < arrivals->first[resource + 1]; i++)
        ttl_arrival(&run, arrivals->at_ns[i], arrivals->duration_ns[i],
                    i == arrivals->first[resource], &loads_begun, loads, resource, result);
    if (run.warm) {
        add_idle(&run, unload_at(&run), result);
        result->unloads += unload_at(&run) >= from_ns && unload_at(&run) <= run.until_ns;
    }
}

void score_ttl(const struct score_arrivals *arrivals, const struct loads *loads, int64_t ttl_ns,
               int64_t from_ns, struct score_result *result)
{
    *result = (struct score_result){0};
    for (uint32_t r = 0; r < arrivals->resource_count; r++)
        score_ttl_resource(arrivals, loads, r, ttl_ns, from_ns, result);
}

int64_t score_best_ttl(const struct score_arrivals *arrivals, const struct loads *loads,
                       const struct score_prices *prices, int64_t from_ns,
                       struct score_result *best)
{
    int64_t best_ns = 0;
    for (int i = 0; i < SCORE_GRID; i++) {
        struct score_result result;
        score_ttl(arrivals, loads, score_grid_ttl(i), from_ns, &result);
        if (best_ns == 0 || score_cost(&result, prices) < score_cost(best, prices)) {
            *best = result;
            best_ns = score_grid_ttl(i);
        }
    }
    return best_ns;
}

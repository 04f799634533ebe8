/* SPDX-License-Identifier: MIT */
#include "plan/planner_pool.h"
#include "base/check.h"
#include "base/time.h"
#include "learn/recall.h"
#include <math.h>
#include <string.h>

#define REFRESH_NS     TIME_SECOND
#define CONTEXT_WEIGHT 20.0 /* pseudo-gaps by which a context is drawn towards the whole */
#define WAIT_WEIGHT    3.0  /* pseudo-gaps by which a bin's wait is drawn towards the mean */
enum { NEIGHBOURS = 3 };

void planner_pool_init(struct planner_pool *pool)
{
    memset(pool, 0, sizeof *pool);
    pool->stale = true;
}

uint32_t planner_pool_context(uint32_t known, double busy)
{
    uint32_t row = known < 3 ? 0 : known < 30 ? 1 : 2, column = busy < 1.5 ? 0 : busy < 8 ? 1 : 2;
    return 3 * row + column;
}

/* Bins lend their neighbours what they saw, the less the further away. */
static void refresh_waits(struct planner_pool *pool)
{
    double counts[GAPS_BINS + 2 * NEIGHBOURS] = {0}, waits[GAPS_BINS + 2 * NEIGHBOURS] = {0},
                                  gaps = 0, sum = 0;
    for (int k = 0; k < GAPS_BINS; k++) {
        counts[k + NEIGHBOURS] = pool->all.counts[k];
        waits[k + NEIGHBOURS] = pool->waits[k];
        gaps += pool->all.counts[k];
        sum += pool->waits[k];
    }
    double mean = gaps > 0 ? sum / gaps : 1;
    for (int k = 0; k < GAPS_BINS; k++) {
        double near_counts = WAIT_WEIGHT, near_waits = WAIT_WEIGHT * mean;
        for (int j = -NEIGHBOURS; j <= NEIGHBOURS; j++) {
            double weight = 1 - (j < 0 ? -j : j) / (NEIGHBOURS + 1.0);
            near_counts += weight * counts[k + NEIGHBOURS + j];
            near_waits += weight * waits[k + NEIGHBOURS + j];
        }
        pool->wait[k] = near_waits / near_counts;
    }
}

static void refresh_ttl(struct planner_pool *pool)
{
    double idle = 0, ended = 0, waits = 0;
    for (int i = 0; i < GAPS_BINS; i++) {
        double middle_s = 0.5 * (gaps_edges_s[i] + gaps_edges_s[i + 1]);
        pool->idle_below[i] = idle;
        idle += pool->all.counts[i] * middle_s + pool->all.at_risk[i] * gaps_widths_s[i];
    }
    for (int i = GAPS_BINS - 1; i >= 0; i--) {
        ended += pool->all.counts[i];
        waits += pool->waits[i];
        pool->ended_above[i] = ended;
        pool->waits_above[i] = waits;
    }
}

void planner_pool_refresh(struct planner_pool *pool, int64_t now_ns)
{
    if (!pool->stale || (pool->refreshed && now_ns - pool->refreshed_ns < REFRESH_NS))
        return;
    gaps_hazards(&pool->all, pool->hazards);
    refresh_waits(pool);
    refresh_ttl(pool);
    pool->ttl_load_ns = 0;
    for (int c = 0; c < POOL_CONTEXTS; c++)
        pool->law_stale[c] = true;
    pool->refreshed_ns = now_ns;
    pool->refreshed = true;
    pool->stale = false;
}

const double *planner_pool_law(struct planner_pool *pool, uint32_t context)
{
    CHECK(context < POOL_CONTEXTS);
    if (pool->law_stale[context]) {
        double hazards[GAPS_BINS];
        gaps_hazards_towards(&pool->contexts[context], pool->hazards, CONTEXT_WEIGHT, hazards);
        gaps_law(hazards, pool->law[context]);
        pool->law_stale[context] = false;
    }
    return pool->law[context];
}

static uint32_t cheapest_edge(const struct planner_pool *pool, int64_t load_ns, double wait_price)
{
    double load_s = time_to_seconds(load_ns), least = INFINITY;
    uint32_t best = GAPS_OPEN;
    for (uint32_t i = gaps_bin(load_ns) + 1; i < GAPS_BINS; i++) {
        double cost = pool->idle_below[i] + pool->ended_above[i] * (gaps_edges_s[i] + load_s) +
                      wait_price * load_s * pool->waits_above[i];
        if (cost < least) {
            least = cost;
            best = i;
        }
    }
    if (pool->ended_above[best] > 0)
        return best;
    /* Nobody was ever silent for longer: nothing is known of what comes then, and break-even is
     * the one bound there is. */
    uint32_t even = gaps_bin(time_from_seconds(load_s * (1 + wait_price * pool->wait[best])));
    return even > best ? even : best;
}

uint32_t planner_pool_ttl_edge(struct planner_pool *pool, int64_t load_ns, double wait_price)
{
    if (pool->ended_above[0] < POOL_GAPS_MIN)
        return POOL_NO_EDGE;
    if (pool->ttl_load_ns != load_ns || pool->ttl_wait_price != wait_price) {
        pool->ttl_edge = cheapest_edge(pool, load_ns, wait_price);
        pool->ttl_load_ns = load_ns;
        pool->ttl_wait_price = wait_price;
    }
    return pool->ttl_edge;
}

static void save_gaps(const struct gaps_pool *gaps, struct buf *out)
{
    for (int k = 0; k < GAPS_BINS; k++) {
        buf_put_double(out, gaps->counts[k]);
        buf_put_double(out, gaps->at_risk[k]);
    }
}

static bool load_gaps(struct gaps_pool *gaps, struct buf_reader *in)
{
    for (int k = 0; k < GAPS_BINS; k++)
        if (!recall_positive(in, &gaps->counts[k]) || !recall_positive(in, &gaps->at_risk[k]))
            return false;
    return true;
}

/* A sum of waits: a guess that was too high is taken back, and rounding may leave a speck below 0.
 */
static bool load_waits(double *value, struct buf_reader *in)
{
    *value = buf_get_double(in);
    return !in->failed && isfinite(*value) && *value > -1e-3;
}

/* What is worked out is saved too: it may be older than what was learned since. */
void planner_pool_save(const struct planner_pool *pool, struct buf *out)
{
    save_gaps(&pool->all, out);
    for (int c = 0; c < POOL_CONTEXTS; c++) {
        save_gaps(&pool->contexts[c], out);
        buf_put_u8(out, pool->law_stale[c]);
        for (int k = 0; k < GAPS_BINS; k++)
            buf_put_double(out, pool->law[c][k]);
    }
    for (int k = 0; k < GAPS_BINS; k++) {
        buf_put_double(out, pool->waits[k]);
        buf_put_double(out, pool->hazards[k]);
        buf_put_double(out, pool->wait[k]);
        buf_put_double(out, pool->idle_below[k]);
        buf_put_double(out, pool->ended_above[k]);
        buf_put_double(out, pool->waits_above[k]);
    }
    buf_put_double(out, pool->short_gaps);
    buf_put_double(out, pool->requests);
    buf_put_u8(out, pool->refreshed);
    buf_put_i64(out, pool->refreshed_ns);
    buf_put_u8(out, pool->stale);
}

static bool load_context(struct planner_pool *pool, int context, struct buf_reader *in)
{
    if (!load_gaps(&pool->contexts[context], in) || !recall_flag(in, &pool->law_stale[context]))
        return false;
    for (int k = 0; k < GAPS_BINS; k++)
        if (!recall_positive(in, &pool->law[context][k]))
            return false;
    return true;
}

bool planner_pool_load(struct planner_pool *pool, struct buf_reader *in)
{
    if (!load_gaps(&pool->all, in))
        return false;
    for (int c = 0; c < POOL_CONTEXTS; c++)
        if (!load_context(pool, c, in))
            return false;
    for (int k = 0; k < GAPS_BINS; k++)
        if (!load_waits(&pool->waits[k], in) || !recall_positive(in, &pool->hazards[k]) ||
            !load_waits(&pool->wait[k], in) || !recall_positive(in, &pool->idle_below[k]) ||
            !recall_positive(in, &pool->ended_above[k]) || !load_waits(&pool->waits_above[k], in))
            return false;
    return recall_positive(in, &pool->short_gaps) && recall_positive(in, &pool->requests) &&
           recall_flag(in, &pool->refreshed) && recall_instant(in, &pool->refreshed_ns) &&
           recall_flag(in, &pool->stale);
}

/* SPDX-License-Identifier: MIT */
#include "plan/keep_bins.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* 80 decisions, one a bin edge. */
struct edges {
    uint64_t low;
    uint64_t high;
};

/* The first set bit at or after `from`, GAPS_BINS if none. */
static inline uint32_t next_set(uint64_t low, uint64_t high, uint32_t from)
{
    if (from < 64) {
        uint64_t rest = low & (~UINT64_C(0) << from);
        if (rest)
            return (uint32_t)__builtin_ctzll(rest);
        from = 64;
    }
    uint64_t rest = from < GAPS_BINS ? high & (~UINT64_C(0) << (from - 64)) : 0;
    return rest ? 64 + (uint32_t)__builtin_ctzll(rest) : GAPS_BINS;
}

/* The next run of set bits at or after `from`: [*start, *end); false if none. */
static inline bool next_run(struct keep_bins bins, uint32_t from, uint32_t *start, uint32_t *end)
{
    *start = next_set(bins.low, bins.high, from);
    if (*start == GAPS_BINS)
        return false;
    *end = next_set(~bins.low, ~(uint64_t)bins.high & 0xffff, *start);
    return true;
}

bool keep_bins_ready(struct keep_bins bins, uint32_t bin)
{
    return bin < 64 ? bins.low >> bin & 1 : bin < GAPS_BINS && (bins.high >> (bin - 64) & 1);
}

struct keep_bins keep_bins_fill(struct keep_bins bins, uint32_t count)
{
    if (count >= 64) {
        bins.low = ~UINT64_C(0);
        bins.high |= (uint16_t)(count >= GAPS_BINS ? 0xffff : (1u << (count - 64)) - 1);
    } else {
        bins.low |= (UINT64_C(1) << count) - 1;
    }
    return bins;
}

struct keep_bins keep_bins_limit(struct keep_bins bins)
{
    uint64_t starts = bins.low & ~(bins.low << 1),
             more = bins.high & ~((uint64_t)bins.high << 1 | bins.low >> 63);
    if ((starts & (starts - 1)) == 0 && (more & (more - 1)) == 0)
        return bins; /* at most one in each word: nearly always */
    uint32_t start, end = 0;
    for (int windows = 0; windows < PLAN_WINDOWS_MAX; windows++)
        if (!next_run(bins, end, &start, &end))
            return bins;
    struct keep_bins before = keep_bins_fill((struct keep_bins){0}, end);
    return (struct keep_bins){bins.low & before.low, (uint16_t)(bins.high & before.high)};
}

void keep_bins_plan(struct keep_bins bins, struct keep_plan *plan)
{
    uint32_t start, end = 0;
    plan->count = 0;
    plan->cold_cost_ns = 0;
    while (plan->count < PLAN_WINDOWS_MAX && next_run(bins, end, &start, &end))
        plan->windows[plan->count++] =
            (struct plan_window){gaps_edges_ns[start], gaps_edges_ns[end]};
}

/* keep_outcome without the detour through a plan: this runs for every expert and every gap. */
struct keep_outcome keep_bins_outcome(struct keep_bins bins, int64_t gap_ns, int64_t load_ns)
{
    struct keep_outcome outcome = {0};
    uint32_t start, end = 0;
    int64_t free_ns = 0;
    for (int windows = 0; windows < PLAN_WINDOWS_MAX && next_run(bins, end, &start, &end);
         windows++) {
        int64_t ready_ns = 0, end_ns = gaps_edges_ns[end];
        if (start > 0) {
            int64_t begin_ns = gaps_edges_ns[start] - load_ns;
            if (begin_ns < free_ns)
                begin_ns = free_ns;
            if (gap_ns < begin_ns)
                break;
            outcome.loads++;
            ready_ns = time_add(begin_ns, load_ns);
            if (gap_ns < ready_ns) {
                outcome.wait_ns = ready_ns - gap_ns;
                return outcome;
            }
        }
        if (end_ns < ready_ns)
            end_ns = ready_ns;
        if (gap_ns < end_ns) {
            outcome.idle_ns += gap_ns - ready_ns;
            return outcome;
        }
        outcome.idle_ns += end_ns - ready_ns;
        free_ns = end_ns;
    }
    outcome.loads++;
    outcome.wait_ns = load_ns;
    return outcome;
}

uint32_t keep_bins_first_end(struct keep_bins bins)
{
    uint32_t start, end;
    if (!next_run(bins, 0, &start, &end) || start > 0)
        return 0;
    return end < GAPS_BINS ? end : GAPS_BINS - 1;
}

/* The state while going backwards over the edges, and the decisions so far: the latest edge in bit
 * 0. */
struct backward {
    double warm, cold, beyond; /* W, C, S at the edge above */
    double load_s;
    uint64_t unload, load;
};

/* One bin. Written so that the next bin waits for one addition and one comparison only. */
static inline void step_back(struct backward *at, double width_s, double mass, double cold_s,
                             bool again)
{
    double hold = width_s * (mass * 0.5 + at->beyond), miss = mass * cold_s;
    double stay = at->warm + hold, leave = at->cold + hold, absent = at->cold + miss;
    double reload = at->warm + (at->load_s * at->beyond + miss);
    at->warm = leave < stay ? leave : stay;
    at->cold = again && reload < absent ? reload : absent;
    at->beyond += mass;
    at->unload = at->unload << 1 | ((at->warm > at->cold) | !(at->beyond > 0));
    at->load = at->load << 1 | (at->warm + at->load_s * at->beyond < at->cold);
}

struct keep_bins keep_bins_stop(const double mass[GAPS_BINS], const double cold_s[GAPS_BINS])
{
    struct backward at = {0};
    for (int k = GAPS_BINS - 1; k >= 64; k--)
        step_back(&at, gaps_widths_s[k], mass[k], cold_s[k], false);
    uint64_t high = at.unload;
    for (int k = 63; k >= 0; k--)
        step_back(&at, gaps_widths_s[k], mass[k], cold_s[k], false);
    return keep_bins_fill((struct keep_bins){0}, next_set(at.unload, high, 0));
}

/* Follows the decisions forward: from unload to load to unload. */
static struct keep_bins follow(struct edges unload, struct edges load)
{
    struct keep_bins bins = {0};
    uint32_t at = 0;
    while (at < GAPS_BINS) {
        uint32_t end = next_set(unload.low, unload.high, at);
        if (end > at) {
            struct keep_bins to = keep_bins_fill((struct keep_bins){0}, end),
                             from = keep_bins_fill((struct keep_bins){0}, at);
            bins.low |= to.low & ~from.low;
            bins.high |= (uint16_t)(to.high & ~from.high);
        }
        at = next_set(load.low, load.high, end + 1);
    }
    return bins;
}

struct keep_bins keep_bins_windows(const double mass[GAPS_BINS], const double cold_s[GAPS_BINS],
                                   double load_s)
{
    struct backward at = {.load_s = load_s};
    struct edges unload, load;
    step_back(&at, gaps_widths_s[GAPS_OPEN], mass[GAPS_OPEN], cold_s[GAPS_OPEN],
              false); /* past it is nothing to load for */
    for (int k = GAPS_OPEN - 1; k >= 64; k--)
        step_back(&at, gaps_widths_s[k], mass[k], cold_s[k], true);
    unload.high = at.unload;
    load.high = at.load;
    for (int k = 63; k >= 0; k--)
        step_back(&at, gaps_widths_s[k], mass[k], cold_s[k], true);
    unload.low = at.unload;
    load.low = at.load;
    return keep_bins_limit(follow(unload, load));
}

/* ---- three plans at once ----
 * The recursion above on two laws side by side, in the two halves of a vector: the same additions,
 * multiplications and comparisons in the same order, hence the same plans. */

typedef double pair __attribute__((vector_size(16)));
typedef int64_t pair_mask __attribute__((vector_size(16))); /* 0 or -1: what comparisons give */
typedef uint64_t pair_bits __attribute__((vector_size(16)));

static inline pair both(double value)
{
    return (pair){value, value};
}

/* a < b ? a : b in each half. */
static inline pair lesser(pair a, pair b)
{
#ifdef __SSE2__
    return (pair)_mm_min_pd((__m128d)a, (__m128d)b);
#else
    pair_mask less = a < b;
    return (pair)((less & (pair_mask)a) | (~less & (pair_mask)b));
#endif
}

struct backward_pair {
    pair warm, cold, stop_warm, stop_cold, beyond; /* W, C, the same of stop, S */
    pair reload;                                   /* L S */
    pair_bits unload, load, stop;                  /* decisions so far, the latest in bit 0 */
};

static inline pair_bits append(pair_bits bits, pair_mask decision)
{
    return bits + bits - (pair_bits)decision;
}

/* Rounding keeps order: the lesser of two sums with the same addend is the sum of the lesser. */
static inline void step_back_pair(struct backward_pair *at, double width_s, pair mass,
                                  double cold_s, pair load_s)
{
    pair hold = both(width_s) * (mass * both(0.5) + at->beyond), miss = mass * both(cold_s);
    pair absent = at->cold + miss;
    pair reload = at->warm + (at->reload + miss);
    at->warm = lesser(at->warm, at->cold) + hold;
    at->cold = lesser(reload, absent);
    at->stop_warm = lesser(at->stop_warm, at->stop_cold) + hold;
    at->stop_cold += miss;
    at->beyond += mass;
    at->reload = load_s * at->beyond;
    at->unload = append(at->unload, at->warm > at->cold);
    at->stop = append(at->stop, at->stop_warm > at->stop_cold);
    at->load = append(at->load, at->warm + at->reload < at->cold);
}

/* The bins above the last that holds any mass: there is nothing to keep for. */
static struct edges empty_above(const pair mass[GAPS_BINS], int law)
{
    uint32_t count = GAPS_BINS;
    while (count > 0 && !(mass[count - 1][law] > 0))
        count--;
    struct keep_bins filled = keep_bins_fill((struct keep_bins){0}, count);
    return (struct edges){~filled.low, (uint64_t)~filled.high & 0xffff};
}

static struct edges decided(const pair_bits *low, const pair_bits *high, const struct edges *empty,
                            int law)
{
    return (struct edges){(*low)[law] | empty->low, (*high)[law] | empty->high};
}

struct keep_bins_three keep_bins_three(const struct gaps_kept *own, const double law[GAPS_BINS],
                                       double lean, double lean_own, const double cold_s[GAPS_BINS],
                                       double load_s)
{
    pair mass[GAPS_BINS], leans = {lean, lean_own}, loads_s = both(load_s);
    for (int k = 0; k < GAPS_BINS; k++)
        mass[k] = leans * both(law[k]);
    const float *count = own->counts;
    for (uint32_t k = gaps_kept_next(own, 0); k < GAPS_BINS; k = gaps_kept_next(own, k + 1))
        mass[k] += both((double)*count++);
    struct backward_pair at = {.warm = both(0)};
    for (int k = GAPS_BINS - 1; k >= 64; k--)
        step_back_pair(&at, gaps_widths_s[k], mass[k], cold_s[k], loads_s);
    const struct backward_pair high = at;
    for (int k = 63; k >= 0; k--)
        step_back_pair(&at, gaps_widths_s[k], mass[k], cold_s[k], loads_s);
    const struct edges empty = empty_above(mass, 0), empty_own = empty_above(mass, 1);
    const struct edges stop = decided(&at.stop, &high.stop, &empty, 0);
    struct edges load = {at.load[0], high.load[0]}, load_own = {at.load[1], high.load[1]};
    return (struct keep_bins_three){
        .stop = keep_bins_fill((struct keep_bins){0}, next_set(stop.low, stop.high, 0)),
        .windows = keep_bins_limit(follow(decided(&at.unload, &high.unload, &empty, 0), load)),
        .windows_own =
            keep_bins_limit(follow(decided(&at.unload, &high.unload, &empty_own, 1), load_own)),
    };
}

double keep_bins_expected_s(struct keep_bins bins, const double mass[GAPS_BINS],
                            const double cold_s[GAPS_BINS], double load_s)
{
    double from_here[GAPS_BINS + 1], cost = 0;
    from_here[GAPS_BINS] = 0;
    for (int k = GAPS_BINS - 1; k >= 0; k--)
        from_here[k] = from_here[k + 1] + mass[k];
    for (uint32_t k = 0; k < GAPS_BINS; k++) {
        if (!keep_bins_ready(bins, k)) {
            cost += mass[k] * cold_s[k];
            continue;
        }
        if (k > 0 && !keep_bins_ready(bins, k - 1))
            cost += load_s * from_here[k];
        cost += gaps_widths_s[k] * (mass[k] * 0.5 + from_here[k + 1]);
    }
    return from_here[0] > 0 ? cost / from_here[0] : 0;
}

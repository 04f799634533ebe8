/* SPDX-License-Identifier: MIT */
#include "plan/period.h"
#include "base/check.h"
#include "learn/packed.h"

#define UNSEEN   0.5  /* of one more gap that none of those known is like */
#define SLACK_S  0.5  /* a window reaches beyond its cluster by this, */
#define SLACK    0.01 /* this part of the gap, */
#define SPACINGS 2.0  /* and this many of the cluster's mean spacings, */
#define LONE     0.05 /* or this part of a gap that stands alone */
#define TOGETHER 0.02 /* gaps this part further apart than a load are of one cluster */
#define MS_TO_S  1e-3
#define S_TO_MS  1e3

void period_init(struct period *period)
{
    *period = (struct period){.plan.count = PERIOD_UNKNOWN, .judged.count = PERIOD_UNKNOWN};
}

void period_learn(struct period *period, int64_t gap_ns)
{
    period->gaps[period->next] = packed_from(time_to_seconds(gap_ns) * S_TO_MS);
    period->next = (uint8_t)((period->next + 1) % PERIOD_GAPS);
    if (period->count < PERIOD_GAPS)
        period->count++;
}

/* Each gap's place is the number of those below it, equal ones in the order in which they stand:
 * without a branch that depends on them, for at every plan they are in another order. */
static int sort_gaps(const struct period *period, double gaps_s[PERIOD_GAPS])
{
    int32_t keys[PERIOD_GAPS], places[PERIOD_GAPS] = {0};
    for (int i = 0; i < PERIOD_GAPS; i++)
        keys[i] = i < period->count ? period->gaps[i] * PERIOD_GAPS + i : INT32_MAX;
    for (int i = 0; i < period->count; i++)
        for (int j = 0; j < PERIOD_GAPS; j++)
            places[j] += keys[i] < keys[j];
    for (int i = 0; i < period->count; i++)
        gaps_s[places[i]] = packed_to(period->gaps[i]) * MS_TO_S;
    return period->count;
}

static void set_window(struct period_plan *plan, int at, double from_s, double to_s)
{
    plan->from[at] = from_s > 0 ? packed_from(from_s * S_TO_MS) : 0;
    plan->to[at] = packed_from(to_s * S_TO_MS);
}

/* The cluster gaps_s[first .. end) of `count`: takes it into the plan if that pays. `ready_s`:
 * until when the plan is ready from age 0 on. */
static void weigh(struct period_plan *plan, const double *gaps_s, int count, int first, int end,
                  double load_s, const double cold_s[GAPS_BINS], double *ready_s)
{
    double low_s = gaps_s[first], high_s = gaps_s[end - 1];
    int members = end - first;
    double slack_s = SLACK_S + SLACK * low_s +
                     (members > 1 ? SPACINGS * (high_s - low_s) / (members - 1) : LONE * low_s);
    double from_s = low_s - slack_s, to_s = high_s + slack_s;
    bool stay = from_s <= load_s || from_s <= *ready_s;
    if (stay)
        from_s = 0;
    double reach = count - first + UNSEEN, outlive = count - end + UNSEEN;
    double warm = (stay ? 0 : reach * load_s) + outlive * (to_s - from_s);
    for (int i = first; i < end; i++)
        warm += gaps_s[i] - from_s;
    double cold = members * cold_s[gaps_bin(time_from_seconds(0.5 * (low_s + high_s)))];
    if (warm >= cold)
        return;
    if (stay) {
        *ready_s = to_s > *ready_s ? to_s : *ready_s;
        set_window(plan, 0, 0, *ready_s);
        plan->count = 1;
    } else if (plan->count < PERIOD_WINDOWS) {
        set_window(plan, plan->count++, from_s, to_s);
    }
}

struct period_plan period_make(const struct period *period, int64_t load_ns,
                               const double cold_s[GAPS_BINS], int64_t hold_ns)
{
    struct period_plan plan = {.count = PERIOD_UNKNOWN};
    double gaps_s[PERIOD_GAPS], load_s = time_to_seconds(load_ns),
                                ready_s = time_to_seconds(hold_ns);
    if (period->count < PERIOD_GAPS_MIN)
        return plan;
    int count = sort_gaps(period, gaps_s);
    plan.count = 0;
    if (hold_ns > 0) {
        set_window(&plan, 0, 0, ready_s);
        plan.count = 1;
    }
    for (int first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count; end++)
            if (gaps_s[end] - gaps_s[end - 1] > load_s + TOGETHER * gaps_s[end])
                break;
        weigh(&plan, gaps_s, count, first, end, load_s, cold_s, &ready_s);
    }
    return plan;
}

static int64_t age_ns(uint16_t packed)
{
    return packed == 0 ? 0 : time_from_seconds(packed_to(packed) * MS_TO_S);
}

void period_windows(const struct period_plan *period_plan, struct keep_plan *plan)
{
    CHECK(period_plan->count <= PERIOD_WINDOWS);
    plan->count = 0;
    plan->cold_cost_ns = 0;
    for (int i = 0; i < period_plan->count; i++)
        CHECK(keep_add(plan, age_ns(period_plan->from[i]), age_ns(period_plan->to[i])));
}

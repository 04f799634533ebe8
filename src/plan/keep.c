/* SPDX-License-Identifier: MIT */
#include "plan/keep.h"
#include "base/check.h"
#include <string.h>

bool keep_valid(const struct keep_plan *plan)
{
    if (plan->count > PLAN_WINDOWS_MAX || plan->cold_cost_ns < 0)
        return false;
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct plan_window *window = &plan->windows[i];
        if (window->start_ns < 0 || window->start_ns >= window->end_ns)
            return false;
        if (i > 0 && window->start_ns <= plan->windows[i - 1].end_ns)
            return false;
    }
    return true;
}

bool keep_add(struct keep_plan *plan, int64_t start_ns, int64_t end_ns)
{
    if (start_ns < 0)
        start_ns = 0;
    if (start_ns >= end_ns)
        return true;
    uint32_t first = 0;
    while (first < plan->count && plan->windows[first].end_ns < start_ns)
        first++;
    uint32_t after = first; /* windows first .. after-1 meet the new one */
    while (after < plan->count && plan->windows[after].start_ns <= end_ns)
        after++;
    if (after > first) {
        if (plan->windows[first].start_ns < start_ns)
            start_ns = plan->windows[first].start_ns;
        if (plan->windows[after - 1].end_ns > end_ns)
            end_ns = plan->windows[after - 1].end_ns;
    } else if (plan->count == PLAN_WINDOWS_MAX) {
        return false;
    }
    memmove(&plan->windows[first + 1], &plan->windows[after],
            (plan->count - after) * sizeof plan->windows[0]);
    plan->windows[first] = (struct plan_window){start_ns, end_ns};
    plan->count = plan->count - (after - first) + 1;
    return true;
}

void keep_normalise(struct keep_plan *plan)
{
    struct keep_plan sorted = {.cold_cost_ns = plan->cold_cost_ns};
    CHECK(plan->count <= PLAN_WINDOWS_MAX);
    for (uint32_t i = 0; i < plan->count; i++)
        CHECK(keep_add(&sorted, plan->windows[i].start_ns, plan->windows[i].end_ns));
    *plan = sorted;
}

bool keep_ready(const struct keep_plan *plan, int64_t age_ns)
{
    for (uint32_t i = 0; i < plan->count && plan->windows[i].start_ns <= age_ns; i++)
        if (age_ns < plan->windows[i].end_ns)
            return true;
    return false;
}

int64_t keep_next_boundary(const struct keep_plan *plan, int64_t age_ns)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        if (plan->windows[i].start_ns > age_ns)
            return plan->windows[i].start_ns;
        if (plan->windows[i].end_ns > age_ns)
            return plan->windows[i].end_ns;
    }
    return TIME_NEVER;
}

int64_t keep_load_start(const struct keep_plan *plan, uint32_t window, int64_t load_ns)
{
    CHECK(window < plan->count);
    int64_t start_ns = plan->windows[window].start_ns - load_ns;
    int64_t free_ns = window > 0 ? plan->windows[window - 1].end_ns : 0;
    return start_ns > free_ns ? start_ns : free_ns;
}

struct keep_outcome keep_outcome(const struct keep_plan *plan, int64_t gap_ns, int64_t load_ns)
{
    struct keep_outcome outcome = {0};
    int64_t busy_until_ns = 0; /* a load that began is completed, even past its window */
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct plan_window *window = &plan->windows[i];
        int64_t ready_ns = 0;
        if (window->start_ns > 0) {
            int64_t begin_ns = keep_load_start(plan, i, load_ns);
            if (begin_ns < busy_until_ns)
                begin_ns = busy_until_ns;
            if (gap_ns < begin_ns)
                break;
            outcome.loads++;
            ready_ns = time_add(begin_ns, load_ns);
            if (gap_ns < ready_ns) {
                outcome.wait_ns = ready_ns - gap_ns;
                return outcome;
            }
        }
        int64_t end_ns = window->end_ns > ready_ns ? window->end_ns : ready_ns;
        if (gap_ns < end_ns) {
            outcome.idle_ns += gap_ns - ready_ns;
            return outcome;
        }
        outcome.idle_ns += end_ns - ready_ns;
        busy_until_ns = end_ns;
    }
    outcome.loads++;
    outcome.wait_ns = load_ns;
    return outcome;
}

int64_t keep_idle(const struct keep_plan *plan, int64_t age_ns, int64_t load_ns)
{
    return keep_outcome(plan, age_ns, load_ns).idle_ns;
}

double keep_lambda(const struct policy_settings *settings)
{
    if (!(settings->wait_price > 0))
        return 0;
    if (!(settings->idle_price * KEEP_LAMBDA_MAX > settings->wait_price))
        return KEEP_LAMBDA_MAX;
    return settings->wait_price / settings->idle_price;
}

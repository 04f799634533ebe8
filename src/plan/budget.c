/* SPDX-License-Identifier: MIT */
#include "plan/budget.h"
#include <stdlib.h>

static double worth_of(const struct budget_candidate *candidate)
{
    return candidate->worth > 0 ? candidate->worth : 0; /* a NaN is unknown */
}

static bool usable(const struct budget_candidate *candidate)
{
    return candidate->evictable && candidate->bytes > 0;
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/* Evictable ones first, the least worth per byte before others, then the least recently used.
 * Total: no ties left. */
static int by_worth(const void *left, const void *right)
{
    const struct budget_candidate *a = left, *b = right;
    if (usable(a) != usable(b))
        return usable(a) ? -1 : 1;
    if (worth_of(a) != worth_of(b))
        return COMPARE(worth_of(a), worth_of(b));
    if (a->last_used_ns != b->last_used_ns)
        return COMPARE(a->last_used_ns, b->last_used_ns);
    return COMPARE(a->resource, b->resource);
}

/* The one to put back first: the most valuable as a whole, then the most recently used. */
static int by_value_descending(const void *left, const void *right)
{
    const struct budget_candidate *a = left, *b = right;
    double value_a = worth_of(a) * (double)a->bytes, value_b = worth_of(b) * (double)b->bytes;
    if (value_a != value_b)
        return COMPARE(value_b, value_a);
    if (a->last_used_ns != b->last_used_ns)
        return COMPARE(b->last_used_ns, a->last_used_ns);
    return COMPARE(b->resource, a->resource);
}

static void swap(struct budget_candidate *a, struct budget_candidate *b)
{
    struct budget_candidate held = *a;
    *a = *b;
    *b = held;
}

bool budget_choose(struct budget_candidate *candidates, uint32_t candidate_count,
                   uint64_t need_bytes, uint32_t *count)
{
    *count = 0;
    if (need_bytes == 0)
        return true;
    if (candidate_count == 0)
        return false; /* and perhaps no array */
    qsort(candidates, candidate_count, sizeof *candidates, by_worth);
    uint64_t freed = 0;
    uint32_t taken = 0;
    while (taken < candidate_count && freed < need_bytes) {
        if (!usable(&candidates[taken]))
            return false;
        uint64_t bytes = candidates[taken++].bytes;
        freed = freed > UINT64_MAX - bytes ? UINT64_MAX : freed + bytes;
    }
    if (freed < need_bytes)
        return false;
    qsort(candidates, taken, sizeof *candidates, by_value_descending);
    uint32_t kept = 0; /* victims are moved to the front */
    for (uint32_t i = 0; i < taken; i++) {
        if (freed != UINT64_MAX && freed - candidates[i].bytes >= need_bytes)
            freed -= candidates[i].bytes;
        else
            swap(&candidates[kept++], &candidates[i]);
    }
    qsort(candidates, kept, sizeof *candidates, by_worth);
    *count = kept;
    return true;
}

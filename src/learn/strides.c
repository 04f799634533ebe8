/* SPDX-License-Identifier: MIT */
#include "learn/strides.h"
#include "base/prng.h"
#include <stdbool.h>
#include <string.h>

enum { GAP_SHARE = 4 };

void strides_init(struct strides *strides)
{
    memset(strides, 0, sizeof *strides);
}

static struct stride_run *set_of(struct strides *strides, uint64_t expected)
{
    return strides->runs[prng_scramble(expected) % STRIDES_SETS];
}

/* The longest run that expected this number, or NULL. */
static struct stride_run *find_run(struct strides *strides, uint64_t number)
{
    struct stride_run *set = set_of(strides, number), *best = NULL;
    for (int way = 0; way < STRIDES_WAYS; way++) {
        struct stride_run *run = &set[way];
        if (run->sequence > 0 && run->last + run->stride == number &&
            (!best || run->steps > best->steps))
            best = run;
    }
    return best;
}

/* Puts a run where it is found by what it expects: instead of the oldest there. */
static struct stride_run *place(struct strides *strides, const struct stride_run *run)
{
    struct stride_run *set = set_of(strides, run->last + run->stride), *to = &set[0];
    for (int way = 1; way < STRIDES_WAYS; way++)
        if (set[way].sequence < to->sequence)
            to = &set[way];
    *to = *run;
    return to;
}

/* The latest place of the number among the recent ones, or NULL. */
static const struct stride_recent *find_recent(const struct strides *strides, uint64_t number)
{
    for (uint32_t i = 1; i <= strides->recent_count; i++) {
        const struct stride_recent *recent =
            &strides->recent[(strides->recent_at + STRIDES_RECENT - i) % STRIDES_RECENT];
        if (recent->number == number)
            return recent;
    }
    return NULL;
}

static void remember(struct strides *strides, uint64_t number, int64_t at_ns)
{
    strides->recent[strides->recent_at] = (struct stride_recent){number, strides->sequence, at_ns};
    strides->recent_at = (strides->recent_at + 1) % STRIDES_RECENT;
    if (strides->recent_count < STRIDES_RECENT)
        strides->recent_count++;
}

static void begin(struct stride_run *run, const struct stride_recent *before, uint32_t steps)
{
    run->stride = run->last - before->number;
    run->steps = steps;
    run->gap_ns = run->at_ns - before->at_ns;
    run->gap = run->sequence - before->sequence;
}

/* Begins a run if the number completes a progression of three, or follows its neighbour. */
static void begin_run(const struct strides *strides, struct stride_run *run)
{
    for (uint32_t i = 1; i <= strides->recent_count; i++) {
        const struct stride_recent *before =
            &strides->recent[(strides->recent_at + STRIDES_RECENT - i) % STRIDES_RECENT];
        uint64_t stride = run->last - before->number;
        if (find_recent(strides, before->number - stride)) {
            begin(run, before, 2);
            return;
        }
    }
    const struct stride_recent *neighbour = find_recent(strides, run->last - 1);
    if (neighbour)
        begin(run, neighbour, 1);
}

static void go_on(struct stride_run *run, const struct stride_run *before)
{
    int64_t gap_ns = run->at_ns - before->at_ns;
    run->stride = before->stride;
    run->steps = before->steps < UINT32_MAX ? before->steps + 1 : before->steps;
    run->ahead = before->ahead > 0 ? before->ahead - 1 : 0;
    run->gap_ns = before->gap_ns + (gap_ns - before->gap_ns) / GAP_SHARE;
    run->gap = run->sequence - before->sequence;
}

struct stride_run *strides_observe(struct strides *strides, uint64_t number, int64_t at_ns)
{
    strides->sequence++;
    struct stride_run *known = find_run(strides, number);
    struct stride_run run = {.last = number, .at_ns = at_ns, .sequence = strides->sequence};
    bool again = find_recent(strides, number) != NULL;
    if (known) {
        go_on(&run, known);
        *known = (struct stride_run){0};
    } else if (!again) {
        begin_run(strides, &run);
    }
    if (!again)
        remember(strides, number, at_ns);
    if (run.steps > 0)
        return place(strides, &run);
    run.stride = 1;
    strides->lone = run;
    return &strides->lone;
}

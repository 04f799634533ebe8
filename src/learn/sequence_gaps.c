/* SPDX-License-Identifier: MIT */
#include "learn/sequence_gaps.h"

enum { KIND_THIRD = 1, KIND_FOURTH = 2, KIND_BEFORE = 4 };
#define UNSURE   0.5f /* evidence that speaks for anything else, beside the kinds' own */
#define DISCOUNT 0.7f

static void count_gap(struct sequence_gaps *gaps, uint16_t item, uint32_t kinds)
{
    uint32_t i = 0;
    while (i < gaps->count && gaps->gaps[i].item != item)
        i++;
    if (i == SEQUENCE_GAPS_MAX || item >= SEQUENCE_BEYOND)
        return;
    if (i == gaps->count)
        gaps->gaps[gaps->count++] = (struct sequence_gap){.item = item};
    for (int kind = 0; kind < SEQUENCE_GAP_KINDS; kind++)
        gaps->gaps[i].counts[kind] += kinds >> kind & 1;
}

/* Goes one event back in the session; SEQUENCE_BEYOND, which matches nothing, before its first. */
static uint32_t item_before(const struct sequence_past *past, uint32_t *position)
{
    *position = *position ? sequence_past_before(past, *position) : 0;
    return *position ? sequence_past_at(past, *position)->item : SEQUENCE_BEYOND;
}

static uint32_t same_before(const struct sequence_past *past, uint32_t position)
{
    uint32_t same = sequence_past_at(past, position)->same;
    return same && sequence_past_holds(past, position - same) ? position - same : 0;
}

/* Events of the last item: what was two and three before it? */
static void look_before_last(struct sequence_gaps *gaps, const struct sequence_past *past,
                             uint32_t at, uint32_t third, uint32_t fourth)
{
    for (int i = 0; i < SEQUENCE_GAPS_LOOKED && at; i++, at = same_before(past, at)) {
        uint32_t back = at, next;
        (void)item_before(past, &back);
        uint32_t kinds = item_before(past, &back) == third ? KIND_THIRD : 0;
        kinds |= item_before(past, &back) == fourth ? KIND_FOURTH : 0;
        if (kinds && (next = sequence_past_after(past, at)))
            count_gap(gaps, sequence_past_at(past, next)->item, kinds);
    }
}

/* Events of the one before the last: what was before it, and came two after? */
static void look_around(struct sequence_gaps *gaps, const struct sequence_past *past, uint32_t at,
                        uint32_t third)
{
    for (int i = 0; i < SEQUENCE_GAPS_LOOKED && at; i++, at = same_before(past, at)) {
        uint32_t back = at, next;
        if (item_before(past, &back) == third && (next = sequence_past_after(past, at)) &&
            (next = sequence_past_after(past, next)))
            count_gap(gaps, sequence_past_at(past, next)->item, KIND_BEFORE);
    }
}

/* A kind counts for more the fewer different items it tells of. */
static void weigh_kinds(struct sequence_gaps *gaps)
{
    float mass = UNSURE;
    for (int kind = 0; kind < SEQUENCE_GAP_KINDS; kind++) {
        uint32_t total = 0, distinct = 0;
        for (uint32_t i = 0; i < gaps->count; i++) {
            total += gaps->gaps[i].counts[kind];
            distinct += gaps->gaps[i].counts[kind] > 0;
        }
        float sure = total ? 1 - DISCOUNT * (float)distinct / (float)total : 0;
        gaps->factors[kind] = total ? sure * sure / (float)total : 0;
        mass += sure * sure;
    }
    for (int kind = 0; kind < SEQUENCE_GAP_KINDS; kind++)
        gaps->factors[kind] /= mass;
    gaps->rest = UNSURE / mass;
}

void sequence_gaps_look(struct sequence_gaps *gaps, const struct sequence_past *past,
                        uint32_t latest, uint32_t latest_before, const uint32_t *items,
                        uint32_t len)
{
    gaps->count = 0;
    gaps->rest = 1;
    if (len < 3)
        return;
    const uint32_t third = items[len - 3], fourth = len > 3 ? items[len - 4] : UINT32_MAX;
    if (latest && sequence_past_holds(past, latest))
        look_before_last(gaps, past, latest, third, fourth);
    if (latest_before && sequence_past_holds(past, latest_before))
        look_around(gaps, past, latest_before, third);
    weigh_kinds(gaps);
}

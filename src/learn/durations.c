/* SPDX-License-Identifier: MIT */
#include "learn/durations.h"

/* 0..3 as they are, then four buckets to each doubling. */
static uint32_t bucket_of(uint64_t ns)
{
    if (ns < 4)
        return (uint32_t)ns;
    uint32_t octave = 63 - (uint32_t)__builtin_clzll(ns);
    return (octave - 1) * 4 + (uint32_t)(ns >> (octave - 2) & 3);
}

/* The longest duration of a bucket. */
static int64_t longest(uint32_t bucket)
{
    if (bucket < 4)
        return bucket;
    uint32_t octave = bucket / 4 + 1;
    uint64_t next = (uint64_t)(4 + bucket % 4 + 1) << (octave - 2);
    return next - 1 < INT64_MAX ? (int64_t)(next - 1) : INT64_MAX;
}

void durations_add(struct durations *durations, int64_t ns)
{
    durations->counts[bucket_of(ns > 0 ? (uint64_t)ns : 0)]++;
    if (++durations->count < DURATIONS_REMEMBERED)
        return;
    durations->count = 0;
    for (uint32_t i = 0; i < DURATIONS_BUCKETS; i++) {
        durations->counts[i] /= 2;
        durations->count += durations->counts[i];
    }
}

int64_t durations_quantile(const struct durations *durations, double q, int64_t otherwise)
{
    double wanted = q * (double)durations->count, seen = 0;
    if (durations->count == 0)
        return otherwise;
    for (uint32_t i = 0; i < DURATIONS_BUCKETS; i++) {
        seen += durations->counts[i];
        if (durations->counts[i] > 0 && seen >= wanted)
            return longest(i);
    }
    return otherwise;
}

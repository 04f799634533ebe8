/* SPDX-License-Identifier: MIT
 * How long something takes, as quantiles over what was seen lately: counts in buckets a quarter of
 * an octave wide (at most 25 % too long, never too short), halved when there are many, so that what
 * was long ago fades. Half a kilobyte, whatever is added. */
#ifndef FOREWARM_LEARN_DURATIONS_H
#define FOREWARM_LEARN_DURATIONS_H

#include <stdint.h>

enum { DURATIONS_BUCKETS = 256, DURATIONS_REMEMBERED = 1024 };
struct durations {
    uint16_t counts[DURATIONS_BUCKETS];
    uint32_t count; /* sum of the counts */
};

void durations_add(struct durations *durations, int64_t ns); /* below zero counts as zero */
/* A duration that at least a share q of those seen did not exceed; `otherwise` if none was. */
int64_t durations_quantile(const struct durations *durations, double q, int64_t otherwise);

#endif

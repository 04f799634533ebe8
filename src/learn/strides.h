/* SPDX-License-Identifier: MIT
 * Runs in a sequence of numbers: 7 8 9, but also 100 92 84, and several of them interleaved. A run
 * begins when a number completes an arithmetic progression of three among the latest few (or
 * follows its neighbour), and grows with every number that comes where it was expected. What each
 * run expects next is found by a hash, so that a request costs the same however many runs there
 * are; the memory is fixed, and the run that was longest without success makes way. */
#ifndef FOREWARM_LEARN_STRIDES_H
#define FOREWARM_LEARN_STRIDES_H

#include <stdint.h>

enum { STRIDES_SETS = 64, STRIDES_WAYS = 4, STRIDES_RECENT = 8 };

struct stride_run {
    uint64_t last;   /* the latest number; modulo 2^64, as all of them */
    uint64_t stride; /* what is added; "minus one" is UINT64_MAX */
    uint32_t steps;  /* seen; 0: no run, the next neighbour is a mere guess */
    uint32_t ahead;  /* for the caller: how many steps ahead are dealt with; falls by one a step */
    int64_t gap_ns;  /* smoothed time between steps */
    uint64_t gap;    /* requests between the latest two */
    int64_t at_ns;   /* of the latest */
    uint64_t sequence; /* of the request that made it; 0: an empty place */
};
struct stride_recent {
    uint64_t number, sequence;
    int64_t at_ns;
};
struct strides {
    struct stride_run runs[STRIDES_SETS][STRIDES_WAYS]; /* by what is expected next */
    struct stride_run lone;
    struct stride_recent recent[STRIDES_RECENT];
    uint32_t recent_count, recent_at;
    uint64_t sequence;
};

void strides_init(struct strides *strides);
/* One more number. The run it continues or begins, valid until the next call; with no steps when it
 * is alone. Never NULL. */
struct stride_run *strides_observe(struct strides *strides, uint64_t number, int64_t at_ns);

#endif

/* SPDX-License-Identifier: MIT
 * Contexts with gaps: what came where the last item was met and the item two or three before it
 * too, or the two items before the last. Counted from the latest events of these items as they lie
 * in the past: no table. */
#ifndef FOREWARM_LEARN_SEQUENCE_GAPS_H
#define FOREWARM_LEARN_SEQUENCE_GAPS_H

#include "learn/sequence_past.h"

enum {
    SEQUENCE_GAP_KINDS = 3,
    SEQUENCE_GAPS_MAX = 128,    /* different items that may follow */
    SEQUENCE_GAPS_LOOKED = 128, /* latest events of an item that are looked at */
};
struct sequence_gap {
    uint16_t item, counts[SEQUENCE_GAP_KINDS];
};
struct sequence_gaps {
    struct sequence_gap gaps[SEQUENCE_GAPS_MAX];
    uint32_t count;
    float factors[SEQUENCE_GAP_KINDS]; /* what one event of a kind counts */
    float rest;                        /* of the probability, for what no gap tells of */
};

/* `latest` and `latest_before`: the positions of the latest events of the last item and of the one
 * before it; 0: none. */
void sequence_gaps_look(struct sequence_gaps *gaps, const struct sequence_past *past,
                        uint32_t latest, uint32_t latest_before, const uint32_t *items,
                        uint32_t len);

#endif

/* SPDX-License-Identifier: MIT
 * The three classic strategies of prefetching, as they are commonly given: selectable, and what the
 * others are measured against (specification F1, F2). A request carries a priority (lower first)
 * and when the item is expected to be wanted; these are fixed formulas, not estimates.
 * The pattern strategy's history is one over all sessions, as specified. */
#ifndef FOREWARM_LEARN_SEQUENCE_CLASSIC_H
#define FOREWARM_LEARN_SEQUENCE_CLASSIC_H

#include "base/err.h"
#include "base/str.h"
#include "learn/sequence_lists.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    CLASSIC_LOOKAHEAD = 3, /* sequential: names ahead */
    CLASSIC_TOP = 3,       /* user behaviour: successors issued */
    CLASSIC_WINDOW = 10,   /* pattern: at most so many are issued, as each has more than 10 % */
    CLASSIC_SUCCESSORS = 512,
    CLASSIC_NAME_MAX = 256,
};

/* One prefetch request (F1); the strategy's name and the time of asking are the caller's. */
struct classic_request {
    uint32_t item;
    int priority;
    int64_t expected_ns; /* from now until it is wanted */
    double probability;  /* 0: the strategy gives none */
};
struct classic_name {
    char text[CLASSIC_NAME_MAX + 24];
    int priority;
    int64_t expected_ns;
};

/* "page_7" -> page_8, page_9, page_10. Returns how many: 0 where the part after the last "_" is no
 * plain number, and fewer than three where numbers end. */
uint32_t classic_sequential(struct str name, struct classic_name out[CLASSIC_LOOKAHEAD]);

/* Successors by item: counted (pattern), or in the order first seen (user behaviour). */
struct classic {
    struct sequence_list *lists;
    struct sequence_arena arena;
    uint32_t item_max;
    uint32_t last; /* pattern: the latest access of all; SEQUENCE_NONE */
};
FW_MUST_CHECK enum fw_err classic_init(struct classic *classic, uint32_t item_max,
                                       uint32_t max_entries);
void classic_fini(struct classic *classic);
/* Pattern: the next access of all sessions. */
void classic_pattern_learn(struct classic *classic, uint32_t item);
/* User behaviour: in one user's session `next` came after `item`. */
void classic_user_learn(struct classic *classic, uint32_t item, uint32_t next);
/* Most urgent first; both return how many. */
uint32_t classic_pattern(const struct classic *classic, uint32_t item,
                         struct classic_request out[CLASSIC_WINDOW]);
uint32_t classic_user(const struct classic *classic, uint32_t item,
                      struct classic_request out[CLASSIC_TOP]);
uint64_t classic_bytes(const struct classic *classic);

#endif

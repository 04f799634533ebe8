/* SPDX-License-Identifier: MIT
 * What comes a while after what: for each key, and for each two in a row, the keys that came at
 * least a given time later, and how often. The time is what a load takes, so that who is told of it
 * when the first comes can still load the second (what comes sooner cannot be helped). Pairs that
 * come together in time are how Mithril finds associations (Yang et al., "Mithril: Mining Sporadic
 * Associations for Cache Prefetching", SoCC 2017); the distance in time is chosen as Berti chooses
 * distances in addresses (Navarro-Torres et al., MICRO 2022).
 * The memory is bounded: a new context takes the place of the one of its set that came longest ago.
 */
#ifndef FOREWARM_LEARN_PAIRS_H
#define FOREWARM_LEARN_PAIRS_H

#include "base/err.h"
#include <stdint.h>

enum {
    PAIRS_NEXT = 4, /* keys remembered for a context */
    PAIRS_WAYS = 4,
    PAIRS_RECENT = 64, /* requests that may lie between the two, less one */
    PAIRS_ORDERS = 2,
    PAIRS_COUNT_MAX = 127, /* then a context forgets half */
    PAIRS_SETS_FIRST = 1024,
    PAIRS_LATER = 16, /* times as long as asked for, and it is no pair any more */
};

struct pairs_context {
    uint64_t name; /* of the key, or of two; 0: empty */
    uint64_t next[PAIRS_NEXT];
    uint8_t counts[PAIRS_NEXT];
    uint8_t visits;
    uint32_t came; /* the number of its latest visit, modulo 2^32 */
};
struct pairs_recent {
    uint64_t key;
    int64_t at_ns;
    uint64_t names[PAIRS_ORDERS]; /* of the key, and of it with the one before */
    uint32_t at[PAIRS_ORDERS];    /* where those contexts are, or were */
};
struct pairs {
    struct pairs_context *contexts; /* by set */
    uint64_t sets, sets_max, used;  /* powers of two; contexts in use */
    struct pairs_recent recent[PAIRS_RECENT];
    uint64_t count, lag; /* keys ever; the number of the one that pairs with the next */
};

/* `contexts_max`: a power of two, at least PAIRS_SETS_FIRST * PAIRS_WAYS; 56 bytes each. */
void pairs_init(struct pairs *pairs, uint64_t contexts_max);
void pairs_fini(struct pairs *pairs);
/* One more key, which came at least `later_ns` after what it makes a pair with. */
FW_MUST_CHECK enum fw_err pairs_observe(struct pairs *pairs, uint64_t key, int64_t at_ns,
                                        int64_t later_ns);
/* Brings near what pairs_observe will read of this key. */
void pairs_fetch(const struct pairs *pairs, uint64_t key);
/* What came after the latest key (order 1), or the latest two (order 2); NULL: not known. */
const struct pairs_context *pairs_latest(const struct pairs *pairs, int order);

#endif

/* SPDX-License-Identifier: MIT
 * Which part of an agent's prompts stays the same from request to request and is worth caching.
 * Prompts come as blocks (tools, then messages), each as a hash and a length; the latest
 * PROMPTS_KEPT of one kind of request count. A block's score is the share of requests that have one
 * at its place, times the share of those with the commonest text. As NeMo-Relay's prompt-cache
 * stability has it; the worth of a break-point by a provider's prices for writing and reading. */
#ifndef FOREWARM_LEARN_PROMPTS_H
#define FOREWARM_LEARN_PROMPTS_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROMPTS_KEPT = 100, PROMPTS_BLOCKS_MAX = 256 };

struct prompts_block {
    uint64_t hash;
    uint32_t bytes;
};
struct prompts_request {
    struct prompts_block *blocks; /* owned */
    uint32_t count;
    int64_t at_ns;
};
struct prompts {
    struct prompts_request kept[PROMPTS_KEPT];
    uint64_t seen; /* ever; the n-th lies at n % PROMPTS_KEPT */
};
/* What it costs to write and read a cached token, of one that is not cached; below the least
 * nothing is cached. */
struct prompts_prices {
    double write, read;
    uint32_t least_tokens;
};

enum prompts_class { PROMPTS_STABLE, PROMPTS_SEMI, PROMPTS_VARIABLE };
struct prompts_place {
    uint32_t present, bytes; /* requests with a block there; bytes of the commonest */
    double score, confidence;
    enum prompts_class class;
};
/* How long prompts are apart, by the median. */
enum prompts_life {
    PROMPTS_SECONDS, /* to 5 s */
    PROMPTS_MINUTE,
    PROMPTS_TEN_MINUTES,
    PROMPTS_HOUR,
    PROMPTS_LONGER,
    PROMPTS_LIVES
};
extern const char *const prompts_lives[PROMPTS_LIVES];
struct prompts_report {
    uint32_t requests, place_count;
    struct prompts_place places[PROMPTS_BLOCKS_MAX];
    uint32_t stable_blocks; /* the longest prefix that nearly all share, in blocks, and in tokens */
    uint32_t stable_tokens;
    double reads;      /* of a cached prefix that are to be expected among so many requests */
    double net_tokens; /* saved by caching it, less what writing costs; below 0: not worth it */
    int64_t median_gap_ns;
    enum prompts_life life;
};

/* Blocks beyond PROMPTS_BLOCKS_MAX are left out. */
FW_MUST_CHECK enum fw_err prompts_add(struct prompts *prompts, const struct prompts_block *blocks,
                                      uint32_t count, int64_t at_ns);
void prompts_fini(struct prompts *prompts);
void prompts_report(const struct prompts *prompts, const struct prompts_prices *prices,
                    struct prompts_report *report);

#endif

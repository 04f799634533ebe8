/* SPDX-License-Identifier: MIT
 * The levels of warmth that one resource has between cold and warm, what it holds at the one it is
 * at, and what was learned of each: how long it takes from there to warm, and from cold to there.
 * A resource without levels has none of this. */
#ifndef FOREWARM_CORE_LEVELS_H
#define FOREWARM_CORE_LEVELS_H

#include "core/resource.h"

struct level {
    struct level_settings settings;
    struct load_times loads;   /* from there to warm */
    struct load_times reaches; /* from cold to there */
};
struct levels {
    struct level at[LEVELS_MAX]; /* level 1 first */
    uint8_t count;
    uint8_t latest; /* the one it was last loaded from */
    bool wanted;    /* it was let go to cold, but would be at a level if somebody had the time */
    int64_t half_since_ns; /* -1: is not at a level; moves when accounted */
    int64_t half_ns;
    int64_t until_ns;    /* how long it stays at its level, as of the latest look */
    int64_t retry_at_ns; /* bringing it to a level failed: not before this again */
    uint64_t raises;
    uint64_t held_bytes, promised_bytes; /* of host memory: held, and for when it is unloaded */
    uint32_t next, previous;             /* resources that are at, from or to a level */
};

static inline struct level *levels_at(const struct resource *resource, uint8_t level)
{
    return &resource->levels->at[level - 1];
}
/* Takes over how many there are and what each is; makes or keeps `levels`. One that the resource is
 * at stays as it was until it has left it. */
FW_MUST_CHECK enum fw_err levels_configure(struct resource *resource,
                                           const struct resource_settings *settings);
void levels_settings(const struct resource *resource, struct resource_settings *settings);
struct coder;
void levels_code(struct coder *coder, struct resource *resource);

#endif

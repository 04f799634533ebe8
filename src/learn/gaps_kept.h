/* SPDX-License-Identifier: MIT
 * One resource's gaps in bins (learn/gaps.h), and a 16-bit number beside each bin, in as much
 * memory as its habits need: most resources use few of the 80 bins. The numbers are those a full
 * array would hold, bit for bit. */
#ifndef FOREWARM_LEARN_GAPS_KEPT_H
#define FOREWARM_LEARN_GAPS_KEPT_H

#include "base/err.h"
#include "learn/gaps.h"
#include <stdbool.h>
#include <stddef.h>

struct gaps_kept {
    float *counts; /* of the bins in use, ascending; after `room` of them as many notes */
    uint64_t low;  /* bins 0..63 in use */
    uint16_t high; /* bins 64..79 */
    uint8_t used, room;
};

void gaps_kept_fini(struct gaps_kept *kept);

static inline size_t gaps_kept_bytes(const struct gaps_kept *kept)
{
    return kept->room * (sizeof *kept->counts + sizeof(uint16_t));
}

static inline bool gaps_kept_has(const struct gaps_kept *kept, uint32_t bin)
{
    return (bin < 64 ? kept->low >> bin : (uint64_t)kept->high >> (bin - 64)) & 1;
}

static inline uint16_t *gaps_kept_notes(const struct gaps_kept *kept)
{
    return (uint16_t *)(void *)(kept->counts + kept->room);
}

/* The place of a bin in use, or where it would go. */
static inline uint32_t gaps_kept_place(const struct gaps_kept *kept, uint32_t bin)
{
    if (bin < 64)
        return (uint32_t)__builtin_popcountll(kept->low & ((UINT64_C(1) << bin) - 1));
    return (uint32_t)(__builtin_popcountll(kept->low) +
                      __builtin_popcountll(kept->high & ((UINT64_C(1) << (bin - 64)) - 1)));
}

/* Of any bin; 0 if it is not in use. */
static inline float gaps_kept_count(const struct gaps_kept *kept, uint32_t bin)
{
    return gaps_kept_has(kept, bin) ? kept->counts[gaps_kept_place(kept, bin)] : 0;
}
static inline uint16_t gaps_kept_note(const struct gaps_kept *kept, uint32_t bin)
{
    return gaps_kept_has(kept, bin) ? gaps_kept_notes(kept)[gaps_kept_place(kept, bin)] : 0;
}

/* Takes the bin into use, its count and note 0, if it is not. FW_NOMEM: nothing changed. */
FW_MUST_CHECK enum fw_err gaps_kept_add(struct gaps_kept *kept, uint32_t bin);

/* As gaps_learn. FW_NOMEM: nothing changed. */
FW_MUST_CHECK enum fw_err gaps_kept_learn(struct gaps_kept *kept, uint32_t bin);

/* As gaps_mass. */
void gaps_kept_mass(const struct gaps_kept *kept, const double law[GAPS_BINS], double pseudo,
                    double mass[restrict GAPS_BINS]);

/* The bins in use, ascending: for (bin = gaps_kept_next(kept, 0); bin < GAPS_BINS; bin =
 * gaps_kept_next(kept, bin + 1)). */
static inline uint32_t gaps_kept_next(const struct gaps_kept *kept, uint32_t from)
{
    if (from < 64) {
        uint64_t rest = kept->low >> from << from;
        if (rest)
            return (uint32_t)__builtin_ctzll(rest);
        from = 64;
    }
    uint32_t rest = from < GAPS_BINS ? (uint32_t)kept->high >> (from - 64) << (from - 64) : 0;
    return rest ? 64 + (uint32_t)__builtin_ctz(rest) : GAPS_BINS;
}

#endif

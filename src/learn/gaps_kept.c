/* SPDX-License-Identifier: MIT */
#include "learn/gaps_kept.h"
#include <stdlib.h>
#include <string.h>

void gaps_kept_fini(struct gaps_kept *kept)
{
    free(kept->counts);
    *kept = (struct gaps_kept){0};
}

/* Steps that fill what an allocator gives out in multiples of 16 bytes, less 8 of its own. */
static uint32_t next_room(uint32_t room)
{
    uint32_t more = room < 16 ? 4 : 8;
    return room + more < GAPS_BINS ? room + more : GAPS_BINS;
}

static enum fw_err grow(struct gaps_kept *kept)
{
    struct gaps_kept larger = *kept;
    larger.room = (uint8_t)next_room(kept->room);
    larger.counts = malloc(gaps_kept_bytes(&larger));
    if (!larger.counts)
        return FW_NOMEM;
    if (kept->used > 0) {
        memcpy(larger.counts, kept->counts, kept->used * sizeof(float));
        memcpy(gaps_kept_notes(&larger), gaps_kept_notes(kept), kept->used * sizeof(uint16_t));
    }
    free(kept->counts);
    *kept = larger;
    return FW_OK;
}

enum fw_err gaps_kept_add(struct gaps_kept *kept, uint32_t bin)
{
    if (gaps_kept_has(kept, bin))
        return FW_OK;
    if (kept->used == kept->room)
        FW_TRY(grow(kept));
    uint32_t place = gaps_kept_place(kept, bin), after = kept->used - place;
    uint16_t *notes = gaps_kept_notes(kept);
    memmove(kept->counts + place + 1, kept->counts + place, after * sizeof *kept->counts);
    memmove(notes + place + 1, notes + place, after * sizeof *notes);
    kept->counts[place] = 0;
    notes[place] = 0;
    if (bin < 64)
        kept->low |= UINT64_C(1) << bin;
    else
        kept->high |= (uint16_t)(1u << (bin - 64));
    kept->used++;
    return FW_OK;
}

enum fw_err gaps_kept_learn(struct gaps_kept *kept, uint32_t bin)
{
    FW_TRY(gaps_kept_add(kept, bin));
    for (uint32_t i = 0; i < kept->used; i++)
        kept->counts[i] *= GAPS_DECAY;
    kept->counts[gaps_kept_place(kept, bin)] += 1;
    return FW_OK;
}

void gaps_kept_mass(const struct gaps_kept *kept, const double law[GAPS_BINS], double pseudo,
                    double mass[restrict GAPS_BINS])
{
    const float *count = kept->counts;
    for (int k = 0; k < GAPS_BINS; k++)
        mass[k] = pseudo * law[k];
    for (uint32_t bin = gaps_kept_next(kept, 0); bin < GAPS_BINS;
         bin = gaps_kept_next(kept, bin + 1))
        mass[bin] += (double)*count++;
}

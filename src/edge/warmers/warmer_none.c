/* SPDX-License-Identifier: MIT
 * No warmer: the upstream is loaded by somebody else; warming is the probe alone. */
#include "edge/warmers/warmer.h"

static enum fw_err load(struct warmer *warmer, struct fw_detail *detail)
{
    (void)detail;
    warmer->loaded = true;
    return FW_OK;
}

static enum fw_err unload(struct warmer *warmer, struct fw_detail *detail)
{
    (void)detail;
    warmer->loaded = false;
    return FW_OK;
}

static enum warmer_state state(struct warmer *warmer, struct fw_detail *detail)
{
    (void)detail;
    return warmer->loaded ? WARMER_LOADED : WARMER_UNLOADED;
}

static bool adopt(struct warmer *warmer, const struct saved_child *saved, struct fw_detail *detail)
{
    (void)warmer, (void)saved, (void)detail;
    return false; /* nothing to take over; a warm-up costs one probe */
}

static uint64_t footprint(struct warmer *warmer)
{
    (void)warmer;
    return 0;
}

const struct warmer_ops warmer_none = {.name = "none",
                                       .load = load,
                                       .unload = unload,
                                       .state = state,
                                       .adopt = adopt,
                                       .footprint = footprint};

/* SPDX-License-Identifier: MIT
 * The devices that resources are loaded onto, each with its own memory and loaders. Without names
 * there is one, and `memory` is its size. As text, items separated by commas or blanks:
 * [NAME=][COUNTx]SIZE[@SIZE/s][*LOADS], such as "2x24GiB" or "gpu0=24GiB@3GB/s gpu1=80GiB*2":
 * memory, the bandwidth of loading, loads at the same time. */
#ifndef FOREWARM_CORE_DEVICES_H
#define FOREWARM_CORE_DEVICES_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

/* A set of devices is a mask of so many bits. */
enum { DEVICES_MAX = 16, DEVICE_NAME_MAX = 32, DEVICE_LOADS_MAX = 64 };

struct device {
    char name[DEVICE_NAME_MAX]; /* empty: the only one, unnamed */
    uint64_t memory;            /* bytes; UINT64_MAX unlimited */
    uint64_t bandwidth_per_s;   /* bytes read per second while loading; 0 unknown */
    uint32_t loads_max;         /* loads at the same time */
    /* as it stands */
    uint64_t used; /* bytes held by what is loaded, loading or unloading */
    uint32_t loads_running;
};
struct devices {
    struct device items[DEVICES_MAX];
    uint32_t count;
    bool named;
};

/* "" makes one unnamed device of `memory` bytes. FW_INPUT says what was found and expected. */
FW_MUST_CHECK enum fw_err devices_parse(struct devices *devices, struct str text, uint64_t memory,
                                        struct fw_detail *detail);
uint32_t devices_all(const struct devices *devices); /* as a mask */
/* Of this name; -1 there is none. */
int devices_find(const struct devices *devices, struct str name);
/* Of all devices together; UINT64_MAX unlimited. */
uint64_t devices_memory(const struct devices *devices);
uint64_t devices_used(const struct devices *devices);
/* Whether `bytes` spread over `span` of the devices in `allowed` fit when nothing else is there. */
bool devices_can_hold(const struct devices *devices, uint64_t bytes, uint32_t span,
                      uint32_t allowed);

/* What is to be on devices for good. */
struct devices_part {
    uint64_t bytes;
    uint32_t span, allowed; /* over so many of these devices, a mask; 0: any */
};
/* Whether all of them fit side by side: the largest first, onto the emptiest. What this rule finds
 * room for has room; where it finds none there may be some. Sorts `parts`. */
bool devices_hold_all(const struct devices *devices, struct devices_part *parts, uint32_t count);

/* How long reading `bytes` takes on the slowest of the devices in `among`, over `span` of them at
 * once; 0: their bandwidths are not known. */
int64_t devices_load_time(const struct devices *devices, uint64_t bytes, uint32_t span,
                          uint32_t among);

/* The part of `bytes` that one of `span` devices takes. */
static inline uint64_t devices_share(uint64_t bytes, uint32_t span)
{
    return span <= 1 ? bytes : bytes / span + (bytes % span != 0);
}

#endif

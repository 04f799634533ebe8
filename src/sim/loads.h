/* SPDX-License-Identifier: MIT
 * How long loads take in a virtual world: always the same, or drawn from measured load times. A
 * draw depends on the seed, the resource and the number of the load alone, so that two policies
 * meet the same luck. */
#ifndef FOREWARM_SIM_LOADS_H
#define FOREWARM_SIM_LOADS_H

#include "base/err.h"
#include "base/str.h"
#include <stddef.h>
#include <stdint.h>

enum { LOADS_VALUES_MAX = 1 << 24, LOADS_MAX_S = 24 * 3600 };

struct loads {
    int64_t fixed_ns;
    int64_t *values_ns; /* ascending; NULL: fixed */
    size_t count;
    uint64_t seed;
    const int64_t *by_resource_ns; /* borrowed; takes the place of all of the above when not NULL */
};

void loads_init(struct loads *loads, int64_t fixed_ns, uint64_t seed);
void loads_fini(struct loads *loads);
/* CSV with a header: the column `value` in milliseconds, or the first one whose name ends in _s
 * (seconds) or _ms. */
FW_MUST_CHECK enum fw_err loads_read(struct loads *loads, const char *name, struct str text,
                                     struct fw_detail *detail);
/* Duration of the `number`-th load (0, 1, ...) of a resource. */
int64_t loads_draw(const struct loads *loads, uint32_t resource, uint64_t number);
int64_t loads_median(const struct loads *loads);

#endif

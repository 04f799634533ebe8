/* SPDX-License-Identifier: MIT
 * How many requests came: of one series, by minute, ten minutes and hour, in rings of fixed size.
 * What is not known (the daemon did not run) is missing and never zero. Rings are kept page by
 * page, so that saving writes what changed. */
#ifndef FOREWARM_EDGE_COUNTS_H
#define FOREWARM_EDGE_COUNTS_H

#include "base/buf.h"
#include "base/time.h"
#include "forecast/series.h"

/* X(grain, name, step, slots kept, slots a page): a day, two weeks, half a year */
#define COUNT_GRAINS(X)                                                                            \
    X(COUNT_MINUTE, "minute", TIME_MINUTE, 1440, 60)                                               \
    X(COUNT_TEN, "ten_minutes", (10 * TIME_MINUTE), 2016, 144)                                     \
    X(COUNT_HOUR, "hour", TIME_HOUR, 4368, 168)
enum count_grain {
#define X(grain, name, step, slots, page) grain,
    COUNT_GRAINS(X)
#undef X
        COUNT_GRAIN_COUNT
};
enum { COUNT_PAGES_MAX = 26 };
#define COUNT_MISSING UINT32_MAX
/* The process lived and saw no tick for so long: it stood still, and what came is not known. */
#define COUNT_LATE_NS (15 * TIME_MINUTE)

struct count_grain_row {
    const char *name;
    int64_t step_ns;
    uint32_t slots, page;
};
extern const struct count_grain_row count_grains[COUNT_GRAIN_COUNT];

struct counts {
    uint32_t *rings[COUNT_GRAIN_COUNT];  /* by number of the slot since 1970, modulo its slots */
    int64_t slot[COUNT_GRAIN_COUNT];     /* the one that is open, since 1970; -1: not begun */
    uint32_t changed[COUNT_GRAIN_COUNT]; /* pages since they were written, a mask */
    int64_t moved_ns;
    bool fed; /* requests come from elsewhere: a slot is not known until it is put */
};

FW_MUST_CHECK enum fw_err counts_init(struct counts *counts);
void counts_fini(struct counts *counts);
/* Everything is forgotten. */
void counts_clear(struct counts *counts);
/* A process begins at now_ns; what came since `since_ns` (0: ever) is not known. A slot that is
 * known but for a tenth counts as known. Pages are loaded before. */
void counts_begin(struct counts *counts, int64_t since_ns, int64_t now_ns);
/* Time goes on: the slots before now_ns are over. */
void counts_move(struct counts *counts, int64_t now_ns);
/* A slot that is over, or the open one, has so many; others are not kept. */
void counts_put(struct counts *counts, enum count_grain grain, int64_t slot, uint32_t requests);
/* Requests in the open slots. */
void counts_add(struct counts *counts, uint32_t requests);
/* The requests of a slot, COUNT_MISSING where it is not known or not kept. */
uint32_t counts_get(const struct counts *counts, enum count_grain grain, int64_t slot);
/* Sum of the latest `slots` closed ones, missing ones as nothing; `known` counts the others. */
uint64_t counts_sum(const struct counts *counts, enum count_grain grain, uint32_t slots,
                    uint32_t *known);
/* The latest closed slots, at most `most`, from the first known one on; count 0: none is. Free with
 * series_fini. */
FW_MUST_CHECK enum fw_err counts_series(const struct counts *counts, enum count_grain grain,
                                        uint32_t most, struct series *series);
/* One page as bytes, and back; a page of another time is no error and is left out. */
void counts_put_page(struct counts *counts, enum count_grain grain, uint32_t page, struct buf *out);
FW_MUST_CHECK bool counts_get_page(struct counts *counts, enum count_grain grain, uint32_t page,
                                   struct str bytes, int64_t now_ns);

#endif

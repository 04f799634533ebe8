/* SPDX-License-Identifier: MIT */
#include "sim/cache_waits.h"
#include "base/grow.h"
#include "base/stats.h"
#include <stdlib.h>

enum { PARTS_MAX = 1 << 28 };

void cache_waits_init(struct cache_waits *waits, int64_t all_ns)
{
    *waits = (struct cache_waits){.all_ns = all_ns};
}

void cache_waits_fini(struct cache_waits *waits)
{
    free(waits->part_ns);
    *waits = (struct cache_waits){0};
}

void cache_waits_clear(struct cache_waits *waits)
{
    waits->none = waits->all = 0;
    waits->part_count = 0;
}

enum fw_err cache_waits_add(struct cache_waits *waits, int64_t wait_ns)
{
    if (wait_ns <= 0 || wait_ns >= waits->all_ns) {
        *(wait_ns <= 0 ? &waits->none : &waits->all) += 1;
        return FW_OK;
    }
    if (waits->part_count == waits->part_capacity) {
        uint64_t capacity = grow_capacity(waits->part_capacity, waits->part_count + 1, PARTS_MAX);
        int64_t *more = capacity > waits->part_count
                            ? realloc(waits->part_ns, (size_t)capacity * sizeof *more)
                            : NULL;
        if (!more)
            return FW_NOMEM;
        waits->part_ns = more;
        waits->part_capacity = (size_t)capacity;
    }
    waits->part_ns[waits->part_count++] = wait_ns;
    return FW_OK;
}

static int64_t quantile(const struct cache_waits *waits, unsigned percent)
{
    uint64_t count = waits->none + waits->part_count + waits->all;
    uint64_t rank = count / 100 * percent + (count % 100 * percent + 99) / 100; /* from 1 */
    if (rank <= waits->none)
        return 0;
    rank -= waits->none;
    return rank <= waits->part_count ? waits->part_ns[rank - 1] : waits->all_ns;
}

void cache_waits_summary(struct cache_waits *waits, struct cache_waits_summary *summary)
{
    double total = (double)waits->all * (double)waits->all_ns;
    uint64_t count = waits->none + waits->part_count + waits->all;
    if (waits->part_count > 0)
        stats_sort_int64(waits->part_ns, waits->part_count);
    for (size_t i = 0; i < waits->part_count; i++)
        total += (double)waits->part_ns[i];
    *summary = (struct cache_waits_summary){.mean_ns = count > 0 ? total / (double)count : 0,
                                            .p50_ns = quantile(waits, 50),
                                            .p95_ns = quantile(waits, 95),
                                            .p99_ns = quantile(waits, 99)};
}

/* SPDX-License-Identifier: MIT */
#include "edge/demand/counts.h"
#include "base/check.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KNOWN_SHARE = 10 }; /* a slot may miss one part of so many */

const struct count_grain_row count_grains[COUNT_GRAIN_COUNT] = {
#define X(grain, name, step, slots, page) {name, step, slots, page},
    COUNT_GRAINS(X)
#undef X
};
#define X(grain, name, step, slots, page)                                                          \
    _Static_assert((slots) % (page) == 0 && (slots) / (page) <= COUNT_PAGES_MAX, "whole pages");
COUNT_GRAINS(X)
#undef X

enum fw_err counts_init(struct counts *counts)
{
    size_t total = 0;
    *counts = (struct counts){0};
    for (int g = 0; g < COUNT_GRAIN_COUNT; g++)
        total += count_grains[g].slots;
    uint32_t *ring = malloc(total * sizeof *ring);
    if (!ring)
        return FW_NOMEM;
    for (int g = 0; g < COUNT_GRAIN_COUNT; g++) {
        counts->rings[g] = ring;
        ring += count_grains[g].slots;
    }
    counts_clear(counts);
    return FW_OK;
}

void counts_fini(struct counts *counts)
{
    free(counts->rings[0]);
    *counts = (struct counts){0};
}

void counts_clear(struct counts *counts)
{
    for (int g = 0; g < COUNT_GRAIN_COUNT; g++) {
        for (uint32_t i = 0; i < count_grains[g].slots; i++)
            counts->rings[g][i] = COUNT_MISSING;
        counts->slot[g] = -1;
        counts->changed[g] = 0;
    }
    counts->moved_ns = 0;
    counts->fed = false;
}

static uint32_t place(int grain, int64_t slot)
{
    return (uint32_t)(slot % count_grains[grain].slots);
}

static void set(struct counts *counts, int grain, int64_t slot, uint32_t value)
{
    uint32_t at = place(grain, slot);
    counts->rings[grain][at] = value;
    counts->changed[grain] |= UINT32_C(1) << (at / count_grains[grain].page);
}

/* The slots behind the open one, up to `slot`, become `value`; it is the open one then. */
static void go_on(struct counts *counts, int grain, int64_t slot, uint32_t value)
{
    int64_t first = counts->slot[grain] + 1;
    if (first < slot - (int64_t)count_grains[grain].slots + 1)
        first = slot - (int64_t)count_grains[grain].slots + 1;
    for (int64_t i = first; i <= slot; i++)
        set(counts, grain, i, value);
    counts->slot[grain] = slot;
}

/* From since_ns to now_ns nothing is known. */
static void lose(struct counts *counts, int64_t since_ns, int64_t now_ns)
{
    for (int g = 0; g < COUNT_GRAIN_COUNT; g++) {
        int64_t step_ns = count_grains[g].step_ns, now = now_ns / step_ns,
                before = since_ns / step_ns, least_ns = step_ns / KNOWN_SHARE;
        int64_t from_ns = since_ns > now * step_ns ? since_ns : now * step_ns;
        bool open_known = now_ns - from_ns <= least_ns;
        if (now > before && (before + 1) * step_ns - since_ns > least_ns)
            set(counts, g, before, COUNT_MISSING);
        counts->slot[g] = before;
        go_on(counts, g, now, COUNT_MISSING);
        if (now == before) {
            if (!open_known)
                set(counts, g, now, COUNT_MISSING);
        } else if (open_known) {
            set(counts, g, now, 0);
        }
    }
    counts->moved_ns = now_ns;
}

void counts_begin(struct counts *counts, int64_t since_ns, int64_t now_ns)
{
    if (since_ns > now_ns)
        since_ns = now_ns;
    lose(counts, since_ns, now_ns);
}

void counts_move(struct counts *counts, int64_t now_ns)
{
    if (now_ns <= counts->moved_ns)
        return;
    if (now_ns - counts->moved_ns > COUNT_LATE_NS) {
        lose(counts, counts->moved_ns, now_ns);
        return;
    }
    for (int g = 0; g < COUNT_GRAIN_COUNT; g++)
        if (now_ns / count_grains[g].step_ns > counts->slot[g])
            go_on(counts, g, now_ns / count_grains[g].step_ns, counts->fed ? COUNT_MISSING : 0);
    counts->moved_ns = now_ns;
}

void counts_add(struct counts *counts, uint32_t requests)
{
    for (int g = 0; g < COUNT_GRAIN_COUNT; g++) {
        uint32_t value = counts_get(counts, (enum count_grain)g, counts->slot[g]);
        if (value == COUNT_MISSING)
            continue;
        uint32_t most = UINT32_MAX - 1 - value; /* COUNT_MISSING is not a count */
        set(counts, g, counts->slot[g], value + (requests < most ? requests : most));
    }
}

uint32_t counts_get(const struct counts *counts, enum count_grain grain, int64_t slot)
{
    if (slot > counts->slot[grain] || slot < 0 ||
        slot <= counts->slot[grain] - (int64_t)count_grains[grain].slots)
        return COUNT_MISSING;
    return counts->rings[grain][place((int)grain, slot)];
}

void counts_put(struct counts *counts, enum count_grain grain, int64_t slot, uint32_t requests)
{
    if (slot < 0 || slot > counts->slot[grain] ||
        slot <= counts->slot[grain] - (int64_t)count_grains[grain].slots)
        return;
    if (counts_get(counts, grain, slot) != requests)
        set(counts, (int)grain, slot, requests);
}

uint64_t counts_sum(const struct counts *counts, enum count_grain grain, uint32_t slots,
                    uint32_t *known)
{
    uint64_t sum = 0;
    *known = 0;
    for (int64_t i = 1; i <= (int64_t)slots; i++) {
        uint32_t value = counts_get(counts, grain, counts->slot[grain] - i);
        if (value == COUNT_MISSING)
            continue;
        sum += value;
        ++*known;
    }
    return sum;
}

enum fw_err counts_series(const struct counts *counts, enum count_grain grain, uint32_t most,
                          struct series *series)
{
    int64_t step_ns = count_grains[grain].step_ns, end = counts->slot[grain];
    uint32_t kept = count_grains[grain].slots - 1;
    int64_t first = end - (int64_t)(most < kept ? most : kept);
    while (first < end && counts_get(counts, grain, first) == COUNT_MISSING)
        first++;
    size_t count = end > first ? (size_t)(end - first) : 0;
    *series = (struct series){.start_ns = first * step_ns, .step_ns = step_ns, .count = count};
    series->value = malloc((count + 1) * sizeof *series->value);
    if (!series->value)
        return FW_NOMEM;
    for (size_t i = 0; i < count; i++) {
        uint32_t value = counts_get(counts, grain, first + (int64_t)i);
        series->value[i] = value == COUNT_MISSING ? NAN : value;
    }
    return FW_OK;
}

/* ---- pages ---- */

/* The number of the page's first slot in the turn of the ring that is written now. */
static int64_t first_of(const struct counts *counts, int grain, uint32_t page)
{
    int64_t slots = count_grains[grain].slots, open = counts->slot[grain];
    int64_t first = open - open % slots + (int64_t)page * count_grains[grain].page;
    return first > open ? first - slots : first;
}

void counts_put_page(struct counts *counts, enum count_grain grain, uint32_t page, struct buf *out)
{
    int64_t first = first_of(counts, (int)grain, page);
    buf_put_i64(out, first);
    for (uint32_t i = 0; i < count_grains[grain].page; i++) /* behind the open one: an older turn */
        buf_put_u32(out, counts_get(counts, grain, first + i));
    counts->changed[grain] &= ~(UINT32_C(1) << page);
}

bool counts_get_page(struct counts *counts, enum count_grain grain, uint32_t page, struct str bytes,
                     int64_t now_ns)
{
    const struct count_grain_row *row = &count_grains[grain];
    struct buf_reader in = {.data = (const uint8_t *)bytes.data, .len = bytes.len};
    int64_t first = buf_get_i64(&in), now = now_ns / row->step_ns;
    if (page >= row->slots / row->page || bytes.len != 8 + 4 * (size_t)row->page || first < 0 ||
        first % row->slots != (int64_t)page * row->page)
        return false;
    for (uint32_t i = 0; i < row->page; i++) {
        uint32_t value = buf_get_u32(&in);
        int64_t slot = first + i;
        if (slot <= now && slot > now - (int64_t)row->slots)
            counts->rings[grain][place((int)grain, slot)] = value;
    }
    return !in.failed;
}

/* SPDX-License-Identifier: MIT */
#include "learn/history.h"
#include "base/check.h"
#include "base/stats.h"
#include "learn/recall.h"
#include <stdlib.h>
#include <string.h>

enum fw_err history_init(struct history *history, uint32_t capacity)
{
    CHECK(capacity >= 1 && capacity <= HISTORY_MAX);
    memset(history, 0, sizeof *history);
    history->capacity = capacity;
    history->entries = calloc(capacity, sizeof *history->entries);
    history->scratch = calloc(capacity, sizeof *history->scratch);
    history->active = calloc(capacity / 2 + 1, sizeof *history->active);
    if (!history->entries || !history->scratch || !history->active) {
        history_fini(history);
        return FW_NOMEM;
    }
    return FW_OK;
}

void history_fini(struct history *history)
{
    free(history->entries);
    free(history->scratch);
    free(history->active);
    free(history->resources);
    memset(history, 0, sizeof *history);
}

enum fw_err history_grow(struct history *history, uint32_t count)
{
    if (count > history->resource_capacity) {
        size_t capacity = (size_t)history->resource_capacity * 2;
        if (capacity < count)
            capacity = count;
        struct history_resource *resources =
            realloc(history->resources, capacity * sizeof *resources);
        if (!resources)
            return FW_NOMEM;
        history->resources = resources;
        history->resource_capacity = (uint32_t)capacity;
    }
    if (count > history->resource_count) {
        memset(history->resources + history->resource_count, 0,
               (count - history->resource_count) * sizeof *history->resources);
        history->resource_count = count;
    }
    return FW_OK;
}

/* Keeps `active` right after a resource's count changed. */
static void place(struct history *history, uint32_t number)
{
    struct history_resource *resource = &history->resources[number];
    if (resource->count >= 2 && resource->place == 0) {
        history->active[history->active_count++] = number;
        resource->place = history->active_count;
    } else if (resource->count < 2 && resource->place > 0) {
        uint32_t moved = history->active[--history->active_count];
        history->active[resource->place - 1] = moved;
        history->resources[moved].place = resource->place;
        resource->place = 0;
    }
}

void history_add(struct history *history, int64_t at_ns, uint32_t number)
{
    CHECK(number < history->resource_count);
    struct history_entry *entry = &history->entries[history->next % history->capacity];
    if (history->next >= history->capacity) { /* forget the oldest */
        struct history_resource *oldest = &history->resources[entry->resource];
        oldest->count--;
        oldest->stale = true;
        place(history, entry->resource);
    }
    struct history_resource *resource = &history->resources[number];
    *entry = (struct history_entry){.at_ns = at_ns, .before = resource->last, .resource = number};
    resource->last = history->next++;
    resource->count++;
    resource->stale = true;
    place(history, number);
}

uint32_t history_count(const struct history *history)
{
    return history->next < history->capacity ? (uint32_t)history->next : history->capacity;
}

uint32_t history_resource_count(const struct history *history, uint32_t number)
{
    return number < history->resource_count ? history->resources[number].count : 0;
}

bool history_last(const struct history *history, uint32_t number, int64_t *at_ns)
{
    if (history_resource_count(history, number) == 0)
        return false;
    *at_ns = history->entries[history->resources[number].last % history->capacity].at_ns;
    return true;
}

uint32_t history_stamps(const struct history *history, uint32_t number, int64_t *stamps_ns,
                        uint32_t max)
{
    uint32_t count = history_resource_count(history, number);
    if (count > max)
        count = max;
    uint64_t at = count > 0 ? history->resources[number].last : 0;
    for (uint32_t i = count; i > 0; i--) {
        const struct history_entry *entry = &history->entries[at % history->capacity];
        stamps_ns[i - 1] = entry->at_ns;
        at = entry->before;
    }
    return count;
}

int64_t history_median_of(const int64_t *stamps_ns, uint32_t count, int64_t *gaps_ns)
{
    CHECK(count >= 2);
    uint32_t gaps = count - 1;
    for (uint32_t i = 0; i < gaps; i++)
        gaps_ns[i] = stamps_ns[i + 1] - stamps_ns[i];
    stats_sort_int64(gaps_ns, gaps);
    return gaps_ns[gaps / 2];
}

bool history_median_gap(struct history *history, uint32_t number, int64_t *median_ns)
{
    if (history_resource_count(history, number) < 2)
        return false;
    struct history_resource *resource = &history->resources[number];
    if (resource->stale) { /* gap i is read before place i - 1 of the same array is needed again */
        uint32_t count = history_stamps(history, number, history->scratch, history->capacity);
        resource->median_ns = history_median_of(history->scratch, count, history->scratch);
        resource->stale = false;
    }
    *median_ns = resource->median_ns;
    return true;
}

void history_save(const struct history *history, struct buf *out)
{
    uint32_t count = history_count(history);
    buf_put_u64(out, history->next);
    buf_put_u32(out, count);
    for (uint64_t n = history->next - count; n < history->next; n++) {
        const struct history_entry *entry = &history->entries[n % history->capacity];
        buf_put_i64(out, entry->at_ns);
        buf_put_u32(out, entry->resource);
    }
}

bool history_load(struct history *history, struct buf_reader *in)
{
    uint64_t next = buf_get_u64(in);
    uint32_t count = buf_get_u32(in);
    if (in->failed || history->next != 0 || count > history->capacity || count > next ||
        (count < history->capacity && count != next))
        return false;
    history->next = next - count;
    /* Until the ring is full again nothing may be forgotten: what lies before these entries never
     * was here. */
    int64_t latest_ns = INT64_MIN;
    for (uint32_t i = 0; i < count; i++) {
        int64_t at_ns;
        bool fine = recall_instant(in, &at_ns);
        uint32_t number = buf_get_u32(in);
        if (!fine || in->failed || at_ns < latest_ns || number >= history->resource_count)
            return false;
        latest_ns = at_ns;
        struct history_resource *resource = &history->resources[number];
        history->entries[history->next % history->capacity] =
            (struct history_entry){.at_ns = at_ns, .before = resource->last, .resource = number};
        resource->last = history->next++;
        resource->count++;
        resource->stale = true;
        place(history, number);
    }
    return true;
}

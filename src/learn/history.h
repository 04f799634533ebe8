/* SPDX-License-Identifier: MIT
 * The last requests of all resources together, newest replacing oldest (P1), and from them each
 * resource's stamps, last request and median gap (P3: the gap at place n/2 of the n sorted gaps,
 * which outliers cannot move far). Memory: 24 bytes a remembered request and 40 a resource. */
#ifndef FOREWARM_LEARN_HISTORY_H
#define FOREWARM_LEARN_HISTORY_H

#include "base/buf.h"
#include "base/err.h"
#include "base/fetch.h"
#include <stdbool.h>
#include <stdint.h>

enum { HISTORY_MAX = 1000000 };

struct history_entry {
    int64_t at_ns;
    uint64_t before; /* number of the same resource's previous entry, meaningful while that is
                        remembered */
    uint32_t resource;
};
struct history_resource {
    uint64_t last;     /* number of its newest entry */
    int64_t median_ns; /* of its gaps; as of when `stale` was cleared */
    uint32_t count;    /* of its entries still remembered */
    uint32_t place;    /* in `active`, + 1; 0 not there */
    bool stale;
};
struct history {
    struct history_entry *entries; /* entry number n lives at n % capacity */
    int64_t *scratch;              /* as many gaps as there can be */
    uint32_t capacity;
    uint64_t next; /* number of the next entry = requests ever */
    struct history_resource *resources;
    uint32_t resource_count, resource_capacity;
    uint32_t *active; /* resources with at least two entries, in no order */
    uint32_t active_count;
};

/* `capacity` 1 .. HISTORY_MAX. */
FW_MUST_CHECK enum fw_err history_init(struct history *history, uint32_t capacity);
void history_fini(struct history *history);
/* Makes room for resources 0 .. count-1. */
FW_MUST_CHECK enum fw_err history_grow(struct history *history, uint32_t count);
/* Stamps never decrease. */
void history_add(struct history *history, int64_t at_ns, uint32_t resource);

/* Brings near what adding the resource's next request will read. */
static inline void history_fetch(const struct history *history, uint32_t resource)
{
    fetch(&history->resources[resource], sizeof *history->resources);
}

uint32_t history_count(const struct history *history); /* entries remembered */
uint32_t history_resource_count(const struct history *history,
                                uint32_t resource); /* of this resource */
bool history_last(const struct history *history, uint32_t resource, int64_t *at_ns);
/* The resource's remembered stamps, oldest first: the newest `max` of them. Returns how many. */
uint32_t history_stamps(const struct history *history, uint32_t resource, int64_t *stamps_ns,
                        uint32_t max);
/* False with fewer than two stamps. Worked out when asked and kept until the resource's stamps
 * change. */
bool history_median_gap(struct history *history, uint32_t resource, int64_t *median_ns);
/* The same of any stamps, ascending: gaps[n / 2] of n sorted gaps; `gaps_ns` has room for count
 * - 1. */
int64_t history_median_of(const int64_t *stamps_ns, uint32_t count, int64_t *gaps_ns);

void history_save(const struct history *history, struct buf *out);
/* Into a history of the same capacity that has room for the resources named; false: damaged. */
bool history_load(struct history *history, struct buf_reader *in);

#endif

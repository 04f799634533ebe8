/* SPDX-License-Identifier: MIT
 * What the I/O threads know of the resources: names to routes, immutable, one pointer swapped on
 * reload; and one slot a resource with its state and in-flight count, which outlives reloads. A
 * request for a warm resource reads these and nothing else.
 *
 * Draining without a lock: an I/O thread raises `in_flight`, then looks at `warm`; the brain clears
 * `warm`, then waits for `in_flight` to be 0. Both are sequentially consistent, so one of them sees
 * the other. */
#ifndef FOREWARM_EDGE_VIEW_H
#define FOREWARM_EDGE_VIEW_H

#include "base/table.h"
#include "edge/config.h"
#include "edge/options.h"
#include "edge/pages/page_site.h"
#include <stdatomic.h>

struct prefixes;
struct slot {
    _Atomic uint32_t warm;      /* 1: requests may start */
    _Atomic uint32_t in_flight; /* requests that were sent upstream and not finished */
    _Atomic uint32_t state;     /* enum resource_state, for headers and pages */
    /* Answers that began later than this are told to the brain, which knows whether that is odd;
     * nanoseconds, 0: none are. For streams, and for whole answers. */
    _Atomic int64_t odd_ns[2];
    options_slot options;                /* that users send */
    _Atomic(struct prefixes *) prefixes; /* NULL: none are kept; else as long as the slot */
    uint32_t resource;                   /* the engine's number */
    /* When answers begin, learned: [own, fallback][whole, streamed], ns; 0 unknown. */
    _Atomic int64_t begins_ns[2][2];
    _Atomic int64_t fallback_known_until_ns[2]; /* monotonic; then it is tried again */
    /* of the warm-up under way, monotonic: when it began, and when it is expected to be done; 0
     * none, unknown */
    _Atomic int64_t warmup_at_ns, ready_at_ns;
};
enum { SLOT_OWN, SLOT_FALLBACK };

struct route {
    const struct config_resource *config; /* lives as long as the view */
    struct slot *slot;
};

struct view {
    struct config *config; /* owned */
    struct table names;    /* every id and alias -> number in `by_name` */
    uint32_t *by_name;     /* name number -> index in `routes` */
    struct route *routes;
    uint32_t route_count;
    struct page_site **pages; /* one reference each; as config->prefetch */
    uint64_t version;
};

/* The route for a model name, or NULL. Names are exact; Ollama's bare "name" also finds
 * "name:latest". */
const struct route *view_find(const struct view *view, struct str name);
/* Builds a view; slots are found by id in `slots` (grown as needed, never freed before shutdown).
 * Takes `config`. */
struct slots;
FW_MUST_CHECK enum fw_err view_create(struct view **view, struct config *config,
                                      struct slots *slots, uint64_t version);
void view_destroy(struct view **view);

FW_MUST_CHECK enum fw_err slots_create(struct slots **slots, uint32_t max);
void slots_destroy(struct slots **slots);
FW_MUST_CHECK enum fw_err slots_get(struct slots *slots, struct str id, struct slot **slot);
struct page_sites *slots_pages(struct slots *slots);

#endif

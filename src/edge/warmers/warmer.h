/* SPDX-License-Identifier: MIT
 * How a resource is loaded and unloaded: one interface, one file a kind. Calls come from job
 * threads, one at a time for a resource; each does one bounded thing, and `state` is asked until it
 * says that the thing is done. What a warmer calls loaded is not yet warm: the probe comes after
 * it. */
#ifndef FOREWARM_EDGE_WARMER_H
#define FOREWARM_EDGE_WARMER_H

#include "edge/config.h"
#include "edge/store/kept.h"
#include "edge/warmers/children.h"
#include <stdatomic.h>

enum { WARMER_DEVICES_MAX = 600 };

enum warmer_state {
    WARMER_LOADING,
    WARMER_LOADED,
    WARMER_UNLOADING,
    WARMER_UNLOADED,
    WARMER_BROKEN
};

struct warmer {
    const struct warmer_ops *ops;
    const struct config_resource *config; /* the one in force since the last load */
    struct children *children;
    const atomic_bool *cancel;   /* true: a call that blocks should give up */
    void (*lost)(void *context); /* what was loaded is gone; any thread */
    /* exec: the child's number is written down before it runs (pid 0: it is no more); false: it
     * cannot be */
    bool (*remember)(void *context, const struct saved_child *child);
    void *context;
    /* where it goes, or was found: names and numbers, separated by commas; "" nowhere in particular
     */
    char device_names[WARMER_DEVICES_MAX], device_numbers[64];
    bool die_with_us; /* exec: nothing is remembered over a restart */
    /* the kinds' own */
    struct child *child;
    int64_t stop_by_ns; /* exec: SIGKILL then (monotonic) */
    bool loaded;
};

struct warmer_ops {
    const char *name;
    bool load_blocks, unload_blocks; /* the call waits for a server */
    /* Begins to load; FW_OK: begun (or done). */
    enum fw_err (*load)(struct warmer *warmer, struct fw_detail *detail);
    /* Begins to unload what is loaded, loading or broken. */
    enum fw_err (*unload)(struct warmer *warmer, struct fw_detail *detail);
    /* WARMER_BROKEN: the detail says why. */
    enum warmer_state (*state)(struct warmer *warmer, struct fw_detail *detail);
    /* After a restart: true when it is loaded (by the saved child when there is one); the probe
     * decides. */
    bool (*adopt)(struct warmer *warmer, const struct saved_child *saved, struct fw_detail *detail);
    /* Bytes it uses, 0 unknown. */
    uint64_t (*footprint)(struct warmer *warmer);
};

extern const struct warmer_ops warmer_none, warmer_exec, warmer_http;
const struct warmer_ops *warmer_find(enum warmer_kind kind);

#endif

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
    uint64_t token;   /* of the lease it loads or unloads under; 0 none */
    bool die_with_us; /* exec: nothing is remembered over a restart */
    /* A server's word on how far a load is, in thousandths; -1: it says none. */
    atomic_int permille;
    /* What people should know of it besides its state ("half of it is on the CPU"); "" nothing. */
    struct fw_detail note;
    bool refused; /* the last call was not taken: when it was a load, there is nothing to take down
                   */
    /* What users send most, see edge/options.h: as a fingerprint, and as the member "options" of a
     * request; empty: nothing is known. */
    struct buf fingerprint, options;
    /* the kinds' own */
    struct child *child;
    int64_t stop_by_ns; /* exec: SIGKILL then (monotonic) */
    int64_t wait_by_ns; /* how long something is waited for (monotonic) */
    bool loaded;        /* what was asked for last; else to be unloaded */
    bool embeds;        /* ollama: it only embeds */
    bool router;        /* llama-server: it has several models */
    bool older;         /* lm-studio: it has no calls that load; llama-server: no events */
    uint64_t bytes;     /* as the server told last */
    int doing, step;    /* what is under way, see the kinds; 0 nothing */
    int depth;          /* vllm: the level it sleeps at; 0 it is awake, or nobody knows */
    int64_t context_length;
    bool batched;     /* triton: its inputs have a batch dimension */
    bool owns;        /* kubernetes: it was us who scaled it up */
    bool seen;        /* it was loaded when the API of another server was asked last */
    int64_t again_ns; /* localai: a refused unload is tried again then (monotonic) */
};

/* The inference that proves it, made by the kind; freed with buf_fini(&probe.body). */
struct warmer_probe {
    char path[CONFIG_URL_MAX]; /* under the upstream: the way users' requests go */
    struct buf body;
    char header[96]; /* one more header line; "" none */
    int64_t timeout_ns;
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
    bool measures; /* footprint knows, at least where it is configured */
    bool tells;    /* `state` asks a server that may lose it by itself */
    /* For resources without a configured probe; NULL: they must have one. */
    enum fw_err (*probe)(struct warmer *warmer, struct warmer_probe *probe,
                         struct fw_detail *detail);
};

extern const struct warmer_ops warmer_none, warmer_exec, warmer_http, warmer_ollama, warmer_vllm,
    warmer_llama_server, warmer_lm_studio, warmer_triton, warmer_tgi, warmer_localai,
    warmer_torchserve, warmer_kubernetes, warmer_sablier, warmer_llama_swap;
const struct warmer_ops *warmer_find(enum warmer_kind kind);
/* Can its server be asked whether it is loaded? Then what it loses by itself is noticed, and what
 * it has is taken over after a restart. */
bool warmer_tells(const struct config_resource *config);
/* Is there a probe, configured or the kind's own? */
bool warmer_proves(const struct config_resource *config);
/* Ways of servers that run to sleep and to wake, whatever started them. One step a call; `step` of
 * the warmer is 0 at the first. FW_NO: not yet, to be called again. */
struct warmer_sleeper {
    enum fw_err (*sleep)(struct warmer *warmer, int depth, struct fw_detail *detail);
    enum fw_err (*wake)(struct warmer *warmer, int depth, struct fw_detail *detail);
    int depth;
};
const struct warmer_sleeper *warmer_sleeper_find(enum level_server server);
/* The name its server knows it by. */
const char *warmer_model(const struct warmer *warmer);

#endif

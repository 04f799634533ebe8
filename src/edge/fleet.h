/* SPDX-License-Identifier: MIT
 * Several forewarms over one Redis: one load at a time of what they share, arrivals that each tells
 * the others, and who warms what, for all to see. A thread of its own does all the talking; what is
 * called here only leaves word under a lock. Without Redis each goes on alone. */
#ifndef FOREWARM_EDGE_FLEET_H
#define FOREWARM_EDGE_FLEET_H

#include "edge/config.h"
#include "edge/store/lease.h"

enum { FLEET_ARRIVALS_MAX = 4096, FLEET_NODES_SHOWN = 64 };

struct fleet;
struct fleet_seat; /* one shared resource's; lives as long as the fleet */

/* A request that another forewarm saw. */
struct fleet_arrival {
    char id[CONFIG_ID_MAX];
    uint64_t session;
};

/* Called on the fleet's thread; must not block. */
struct fleet_hooks {
    void *context;
    /* The load under way has to stop now. / What was warm is somebody else's now. */
    void (*stop)(void *context);
    void (*taken)(void *context);
    /* It was left to others, and they have unloaded it or load it anew. */
    void (*left_over)(void *context);
};

struct fleet_counts {
    uint64_t sent, taken, dropped; /* arrivals told, heard, lost to limits or to Redis's absence */
    uint64_t granted, joined, lost, alone;
    bool connected;
};

FW_MUST_CHECK enum fw_err fleet_create(struct fleet **fleet, struct config *config,
                                       struct fw_detail *detail);
/* `take` gets what others saw, at most FLEET_ARRIVALS_MAX at once, and calls fleet_took when it is
 * ready for more. */
typedef void fleet_take_fn(void *context, const struct fleet_arrival *arrivals, uint32_t count);
FW_MUST_CHECK enum fw_err fleet_start(struct fleet *fleet, fleet_take_fn *take, void *context,
                                      struct fw_detail *detail);
void fleet_took(struct fleet *fleet);
/* Ends the thread: gives back what is held, says what is not used any more. */
void fleet_stop(struct fleet *fleet);
void fleet_destroy(struct fleet **fleet);

/* A resource's seat; the same for the same scope. NULL: out of memory. `hooks` are the latest's. */
struct fleet_seat *fleet_seat(struct fleet *fleet, const struct config_resource *resource,
                              const struct fleet_hooks *hooks);

/* ---- any thread; see lease.h for what they mean ---- */

void fleet_load(struct fleet_seat *seat, bool not_there);
bool fleet_proven(struct fleet_seat *seat);
void fleet_failed(struct fleet_seat *seat, const char *reason);
void fleet_found(struct fleet_seat *seat);
void fleet_gone(struct fleet_seat *seat);
void fleet_leave(struct fleet_seat *seat);
void fleet_unloaded(struct fleet_seat *seat, bool left);
bool fleet_valid(struct fleet_seat *seat);
/* How it stands; `token`: 0 none. The detail says what is waited for, or why it was refused. */
enum lease_state fleet_state(struct fleet_seat *seat, uint64_t *token, struct fw_detail *detail);

/* A request that this forewarm saw; the brain's thread. */
void fleet_observed(struct fleet *fleet, struct str id, uint64_t session);

/* ---- status ---- */

void fleet_counts(struct fleet *fleet, struct fleet_counts *counts);
/* Who warms what, as Redis last said it. */
struct fleet_view {
    char phase[16], by[LEASE_NODE_MAX]; /* names without their nonce */
    uint32_t users;
    uint64_t token;
    enum lease_state here;
};
void fleet_view(struct fleet_seat *seat, struct fleet_view *view);
const char *fleet_node(const struct fleet *fleet);
struct fleet_names {
    char names[FLEET_NODES_SHOWN][LEASE_NODE_MAX];
    uint32_t count;
    char reason[256]; /* why Redis is not connected; "" it is */
};
void fleet_nodes(struct fleet *fleet, struct fleet_names *names);

#endif

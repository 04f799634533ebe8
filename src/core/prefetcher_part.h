/* SPDX-License-Identifier: MIT
 * What the files of the prefetcher share. An entry is one key with all that is known of it; it is
 * in one state, and each state has one time limit at most, so that one heap holds them all. */
#ifndef FOREWARM_CORE_PREFETCHER_PART_H
#define FOREWARM_CORE_PREFETCHER_PART_H

#include "core/prefetcher.h"

enum prefetcher_state {
    ENTRY_NONE,    /* nothing but its name, which a get not yet taken still needs */
    ENTRY_QUEUED,  /* a load ahead waits; until patience ends */
    ENTRY_WANTED,  /* a demanded load waits for a slot */
    ENTRY_LOADING, /* until the load is overdue */
    ENTRY_HELD,    /* until it expires */
    ENTRY_MISSING, /* there is no such thing; until it expires */
    ENTRY_FAILED,  /* until its failures are forgotten */
};
enum {
    ENTRY_AHEAD = 1,    /* LOADING, HELD, MISSING: an issued load ahead without an outcome yet */
    ENTRY_JOINED = 2,   /* LOADING ahead: a demand has joined */
    ENTRY_UNWANTED = 4, /* LOADING: cancelled; its result is not held */
    ENTRY_AGAIN = 8,    /* LOADING, unwanted: somebody wants it after all: load again */
    ENTRY_USED = 16,    /* HELD: asked for since it is held */
};
struct prefetcher_entry {
    uint64_t value, bytes;
    uint64_t attempt; /* LOADING */
    uint64_t session; /* QUEUED */
    int64_t since_ns; /* LOADING: begun; HELD, MISSING: ready; QUEUED: created */
    int64_t until_ns; /* its time limit */
    int64_t joined_ns, retry_ns, use_at_ns;
    double probability, worth;
    uint32_t older, younger; /* WANTED; MISSING and FAILED: in their list */
    uint32_t waiters;
    uint32_t names; /* gets not yet taken that need its name */
    uint16_t source;
    int16_t priority;
    uint8_t state, flags, failures;
};
struct prefetcher_list {
    uint32_t oldest, youngest, count;
};
struct prefetcher_heard { /* not yet taken */
    uint32_t id;          /* PREFETCHER_NONE: the session has ended */
    uint64_t session, user;
    int64_t at_ns;
};
struct prefetcher {
    struct prefetcher_settings settings;
    struct prefetcher_hooks hooks;
    struct prefetcher_names names;
    struct prefetcher_entry *entries; /* by number of the name */
    uint32_t entry_capacity;
    struct cache cache, shadow;
    struct heap timers, due, ready;    /* by entry; of those queued: when to begin, then by worth */
    struct prefetcher_list wanted;     /* demands that wait for a slot */
    struct prefetcher_list remembered; /* missing and failed: the oldest makes way for new keys */
    struct map64 loose;                /* attempts given up whose loader has not returned */
    struct admission admission;
    struct durations loads, leads, saved;
    double usual_bytes;          /* of a value, smoothed; 0: none was seen */
    double displaced, regretted; /* loads ahead into a full cache, and misses due to them; fading */
    struct prefetcher_heard heard[PREFETCHER_ACCESSES_MAX];
    uint32_t heard_at, heard_count, heard_ends, heard_name;
    uint64_t attempts;
    uint32_t running, stuck;
    int64_t now_ns, seen_ns; /* inside, and the caller's */
    bool closed;
    int closed_error;
    struct prefetcher_stats stats;
};

void prefetcher_list_add(struct prefetcher *p, struct prefetcher_list *list, uint32_t id);
void prefetcher_list_remove(struct prefetcher *p, struct prefetcher_list *list, uint32_t id);

/* prefetcher.c */
void prefetcher_clock(struct prefetcher *p, int64_t now_ns);
/* For those who guess; `id` PREFETCHER_NONE: the session has ended. */
void prefetcher_hear(struct prefetcher *p, uint32_t id, uint64_t session, uint64_t user);

/* prefetcher_entry.c */
void prefetcher_set_timer(struct prefetcher *p, uint32_t id, int64_t until_ns);
uint32_t prefetcher_find(const struct prefetcher *p, struct str key);
/* The entry for the key; PREFETCHER_NONE if there is no room for one more. */
uint32_t prefetcher_intern(struct prefetcher *p, struct str key);
/* In no state any more; its name goes when nobody needs it. */
void prefetcher_forget(struct prefetcher *p, uint32_t id);
/* Room that the value takes in the cache; UINT64_MAX: more than there is. */
uint64_t prefetcher_charge(const struct prefetcher *p, uint32_t id, uint64_t bytes);
/* What is held leaves, or what is missing or failed is forgotten; `outcome` is that of a load ahead
 * that nobody used. */
void prefetcher_remove(struct prefetcher *p, uint32_t id, uint64_t *outcome);
void prefetcher_evicted(void *context, const struct cache_entry *entry); /* by the cache */
/* Holds the value until then; false: it could not be, and is not the machine's. */
bool prefetcher_hold(struct prefetcher *p, uint32_t id, uint64_t value, uint64_t bytes,
                     int64_t ttl_ns, bool ahead);
/* It is missing or failed, until then. */
void prefetcher_remember(struct prefetcher *p, uint32_t id, enum prefetcher_state state,
                         int64_t until_ns);

/* prefetcher_load.c */
void prefetcher_join(struct prefetcher *p, uint32_t id);
void prefetcher_overdue(struct prefetcher *p, uint32_t id);
/* A value came otherwise. */
void prefetcher_abandon(struct prefetcher *p, uint32_t id);
void prefetcher_cancel(struct prefetcher *p, uint32_t id);
/* Those who wait are told, and wait no more. */
void prefetcher_end(struct prefetcher *p, uint32_t id, const struct prefetcher_result *result);

/* prefetcher_queue.c */
void prefetcher_unqueue(struct prefetcher *p, uint32_t id, uint64_t *counter);
void prefetcher_unqueue_all(struct prefetcher *p);
void prefetcher_wake_due(struct prefetcher *p);
bool prefetcher_next_ahead(struct prefetcher *p, uint32_t *id);
int64_t prefetcher_next_due(const struct prefetcher *p); /* inside time; TIME_NEVER */

/* prefetcher_account.c */
void prefetcher_outcome(struct prefetcher *p, uint32_t id, uint64_t *outcome);
void prefetcher_shadow_get(struct prefetcher *p, uint32_t id, bool hit);
void prefetcher_shadow_hold(struct prefetcher *p, uint32_t id, uint64_t bytes);

#endif

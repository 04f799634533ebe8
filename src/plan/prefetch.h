/* SPDX-License-Identifier: MIT
 * Is a guess worth a load? Guesses come in classes (how long the run is, how far ahead, which
 * stride), and each class has shown how often its guesses came true: every guess is watched,
 * whether it was fetched or not, so that a class that is not trusted costs nothing while it is
 * judged, and is trusted as soon as it deserves it. What cannot be foreseen is never fetched. A
 * guess is right if its key is asked for soon (and is counted in its turn, for what is right is
 * known earlier than what is wrong): popular keys are asked for some time, and prove nothing.
 *
 * The account of what was fetched has one outcome for each: at every moment
 *   issued = used + late + unused + pending. */
#ifndef FOREWARM_PLAN_PREFETCH_H
#define FOREWARM_PLAN_PREFETCH_H

#include "base/err.h"
#include "base/table.h"
#include "learn/strides.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    PREFETCH_WATCHED_MAX = 4096, /* guesses judged at the same time */
    PREFETCH_WITHIN_MAX = 256,   /* requests after which a guess was wrong, at most; else */
    PREFETCH_WITHIN_MIN = 16,    /* these and */
    PREFETCH_WITHIN_STEPS = 4,   /* this many times as long as the run would take */
    PREFETCH_DOUBT = 4, /* wrong guesses that every class begins with: luck is no evidence */
    PREFETCH_ACCURACY_TENTHS = 7, /* that came true, of ten */
    PREFETCH_REMEMBERED_MAX = 64, /* judged guesses after which a class forgets half */
    PREFETCH_AHEAD_MAX = 64,
    PREFETCH_STEP_CLASSES = 8,
    PREFETCH_AHEAD_CLASSES = 7,
    PREFETCH_CLASSES = 2 * PREFETCH_STEP_CLASSES * PREFETCH_AHEAD_CLASSES,
};

struct prefetch_account {
    uint64_t issued;
    uint64_t used;    /* there when it was asked for */
    uint64_t late;    /* asked for while it was being loaded */
    uint64_t unused;  /* left before it was asked for, or was not let in */
    uint64_t pending; /* being loaded, or held and not asked for yet */
};
bool prefetch_account_holds(const struct prefetch_account *account);

struct prefetch_class {
    uint32_t judged, right;
};
struct prefetch_watch {
    uint64_t key, until; /* until: the number of the last request that makes it right */
    uint32_t class;
    bool open, right;
};
struct prefetch {
    struct prefetch_class classes[PREFETCH_CLASSES];
    struct prefetch_watch watched[PREFETCH_WATCHED_MAX]; /* a ring */
    uint32_t oldest, count;
    struct map64 index; /* key -> place in the ring */
    uint64_t sequence;
};

void prefetch_init(struct prefetch *prefetch);
void prefetch_fini(struct prefetch *prefetch);
/* A request: the guess that named its key was right, those too old were wrong. */
void prefetch_request(struct prefetch *prefetch, uint64_t key);
/* What was fetched left unused: the guess was of no use. */
void prefetch_wasted(struct prefetch *prefetch, uint64_t key);
/* How many steps ahead of a run a load must begin to be there in time. */
uint32_t prefetch_depth(const struct stride_run *run, int64_t load_ns);
/* The key `ahead` steps ahead of the run is not held: worth fetching? Watches the guess. */
bool prefetch_worth(struct prefetch *prefetch, const struct stride_run *run, uint32_t ahead);

#endif

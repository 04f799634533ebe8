/* SPDX-License-Identifier: MIT
 * What will be asked for next, and is it worth a load now: runs in the numbers (learn/strides.h)
 * and what followed last time (learn/streams.h), their guesses judged by what they were worth
 * (plan/prefetch.h). It loads nothing itself: it asks through its door whether a key is there, and
 * says which ones to load. */
#ifndef FOREWARM_PLAN_FORESEE_H
#define FOREWARM_PLAN_FORESEE_H

#include "plan/prefetch.h"

enum {
    FORESEE_STRIDES = 1,
    FORESEE_STREAMS = 2,
    FORESEE_PAIRS = 4,
    FORESEE_ALL = 7,
    FORESEE_PAIRS_MAX = 1 << 16,
    FORESEE_LOG_MAX = 1 << 18, /* requests remembered for the streams */
};

struct foresee_door {
    void *context;
    bool (*held)(void *context, uint64_t key); /* or being loaded: no effect on anything */
    /* False: no more loads now. */
    bool (*load)(void *context, uint64_t key);
};
struct foresee {
    unsigned sources;
    struct prefetch prefetch;
    struct admission admission;
    int64_t now_ns, load_ns; /* of the request at hand */
    struct strides strides;
    struct streams streams;
    struct pairs pairs;
};

void foresee_init(struct foresee *foresee, unsigned sources);
void foresee_fini(struct foresee *foresee);
/* A request for the key will be told soon: brings near what is known of it. */
void foresee_fetch(const struct foresee *foresee, uint64_t key);
/* A request. `missed`: the key would not have been there without loads ahead; only what is missed
 * is worth remembering. A load takes `load_ns`. */
FW_MUST_CHECK enum fw_err foresee_request(struct foresee *foresee, uint64_t key, int64_t at_ns,
                                          bool missed, int64_t load_ns,
                                          const struct foresee_door *door);
/* A load that was asked for is over; and what became of what was loaded, in the end. */
void foresee_loaded(struct foresee *foresee);
void foresee_used(struct foresee *foresee);
void foresee_wasted(struct foresee *foresee, uint64_t key);

#endif

/* SPDX-License-Identifier: MIT
 * Is a guess worth a load? Guesses come in classes (who guesses, how long the run is, how far
 * ahead), and each class has shown how often its guesses came true: every guess is watched,
 * whether it was fetched or not, so that a class that is not trusted costs nothing while it is
 * judged, and is trusted as soon as it deserves it. What cannot be foreseen is never fetched. A
 * guess is right if its key is asked for soon (and is counted in its turn, for what is right is
 * known earlier than what is wrong): popular keys are asked for some time, and prove nothing.
 *
 * Worth it is what spares more than it costs, by the one comparison of plan/admission.h: with the
 * probability p that the guess is right it spares the share s of the load's time that is over when
 * it is asked for; a load for nothing costs, with the probability 1 - p, and one that is asked for
 * would have had to be made anyway:
 *     p s - (1 - p) C > 0,    C = 7 / 3
 * so that of loads in time seven in ten come true at least, and those that come late have to be
 * surer.
 *
 * The account of what was fetched has one outcome for each: at every moment
 *   issued = used + late + unused + pending. */
#ifndef FOREWARM_PLAN_PREFETCH_H
#define FOREWARM_PLAN_PREFETCH_H

#include "base/err.h"
#include "base/table.h"
#include "learn/pairs.h"
#include "learn/streams.h"
#include "learn/strides.h"
#include "plan/admission.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    PREFETCH_WATCHED_MAX = 4096, /* guesses judged at the same time */
    PREFETCH_WITHIN_MAX = 256,   /* requests after which a guess was wrong, at most; else */
    PREFETCH_WITHIN_MIN = 16,    /* these and */
    PREFETCH_WITHIN_STEPS = 4,   /* this many times as long as the run would take */
    PREFETCH_DOUBT = 2, /* wrong guesses that every class begins with: luck is no evidence */
    PREFETCH_REMEMBERED_MAX = 128, /* judged guesses after which a class forgets half */
    PREFETCH_AHEAD_MAX = 64,
    PREFETCH_SAVES_ALL = 1024, /* a load that ends in time */
    PREFETCH_STEP_CLASSES = 8,
    PREFETCH_AHEAD_CLASSES = 7,
    PREFETCH_PER_SOURCE = PREFETCH_STEP_CLASSES * PREFETCH_AHEAD_CLASSES,
};
enum prefetch_source {
    PREFETCH_FAR_STRIDE,
    PREFETCH_NEIGHBOUR, /* strides of one, up and down */
    PREFETCH_STREAM,
    PREFETCH_PAIR,  /* after one key */
    PREFETCH_PAIR2, /* after two */
    PREFETCH_SOURCES
};
enum { PREFETCH_CLASSES = PREFETCH_SOURCES * PREFETCH_PER_SOURCE };

struct prefetch_account {
    uint64_t issued;
    uint64_t used;    /* there when it was asked for */
    uint64_t late;    /* asked for while it was being loaded */
    uint64_t unused;  /* left before it was asked for, or was not let in */
    uint64_t pending; /* being loaded, or held and not asked for yet */
};
bool prefetch_account_holds(const struct prefetch_account *account);

struct prefetch_guess {
    uint64_t key;
    uint32_t class;
    uint32_t saves;  /* of PREFETCH_SAVES_ALL, if it is right */
    uint64_t within; /* requests after which it was wrong */
};
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
/* Guesses: the key `ahead` steps ahead of the run, and the event `number` of last time. */
struct prefetch_guess prefetch_guess_run(const struct stride_run *run, uint32_t ahead,
                                         int64_t load_ns);
struct prefetch_guess prefetch_guess_stream(const struct stream *stream,
                                            const struct stream_event *now,
                                            const struct stream_event *then, uint64_t number,
                                            int64_t load_ns);
/* What came after the context, the number `next` of it; pairs are `apart` requests apart now. */
struct prefetch_guess prefetch_guess_pair(const struct pairs_context *context, int order, int next,
                                          uint64_t apart);

enum prefetch_verdict {
    PREFETCH_DOUBTED,  /* not sure enough, and what lies further ahead is not surer */
    PREFETCH_TOO_LATE, /* sure enough, but would spare too little */
    PREFETCH_WORTH,
};
/* What a load for nothing costs, and how many of them may be: for admission_init. */
extern const struct admission_settings prefetch_admission;
/* The guess's key is not held: worth fetching, when a load takes `load_ns`? Watches the guess;
 * *worth is for admission_may_begin. */
enum prefetch_verdict prefetch_judge(struct prefetch *prefetch, struct admission *admission,
                                     const struct prefetch_guess *guess, int64_t load_ns,
                                     double *worth);

#endif

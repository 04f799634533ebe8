/* SPDX-License-Identifier: MIT
 * What follows what within a session, and how soon. A context is the session's last resource alone,
 * or its last two; each remembers its most frequent successors with decayed counts and a law of the
 * delay until they came. The probability of a successor backs off from two resources to one to
 * none:
 *     p_k(x) = (n_k(x) + K p_(k-1)(x)) / (visits_k + K)
 * (Dirichlet smoothing: MacKay and Bauman Peto, 1995). A visit that nothing followed counts, so p
 * is the probability that the session goes on, and with x.
 * Memory is bounded: contexts live in buckets of eight; the table doubles up to its limit, and from
 * there on a newcomer takes the place of the least useful context of its bucket (Metwally et al.,
 * 2005, keep counters the same way). Everything depends on the order of calls alone. */
#ifndef FOREWARM_LEARN_TRANSITIONS_H
#define FOREWARM_LEARN_TRANSITIONS_H

#include "base/buf.h"
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

enum { TRANSITION_NEXT = 6, TRANSITION_DELAYS = 16, TRANSITION_GUESSES = 3 * TRANSITION_NEXT };
#define TRANSITION_NONE  UINT32_MAX       /* no resource */
#define TRANSITION_START (UINT32_MAX - 1) /* before a session's first resource */

struct transition_next {
    uint32_t resource;                 /* TRANSITION_NONE: free */
    float count;                       /* decayed with the context's visits */
    uint8_t delays[TRANSITION_DELAYS]; /* [0, 1 s), [1, 2), [2, 4), ...; the last is open */
};
struct transition_cell {
    int64_t at_ns; /* latest visit */
    float visits;  /* decayed */
    float follows; /* of those after which the session asked for more */
    struct transition_next next[TRANSITION_NEXT];
};
struct transitions {
    uint64_t *keys; /* before << 32 | last, by bucket: what is used is at a bucket's front */
    struct transition_cell *cells;
    uint32_t bucket_count, bucket_max; /* powers of two, or 0 */
    uint32_t count;                    /* contexts */
    uint64_t dropped;                  /* contexts that made way */
    struct transition_cell any;        /* the context of no resource: what follows at all */
};

/* Where a session stands. */
struct transition_context {
    uint32_t before, last; /* `before` TRANSITION_START: `last` was its first */
};

/* A resource that may follow. */
struct transition_guess {
    uint32_t resource;
    double probability;               /* that it is what comes next, however late */
    double delays[TRANSITION_DELAYS]; /* of the delay until then; sum 1 */
    double cases;                     /* visits behind it (decayed) */
    bool two;                         /* of both resources of the context, not the last alone */
    bool popular; /* not of the context: it is asked for often, or by sessions alike */
};

/* Bytes the tables may take; too few for one bucket: nothing is learned. */
void transitions_init(struct transitions *transitions, uint64_t max_bytes);
void transitions_fini(struct transitions *transitions);
static inline bool transitions_enabled(const struct transitions *transitions)
{
    return transitions->bucket_max > 0;
}
uint64_t transitions_bytes(const struct transitions *transitions);

/* A session that stood at `context` asked for `resource` after `delay_ns`. */
void transitions_learn(struct transitions *transitions, struct transition_context context,
                       uint32_t resource, int64_t delay_ns);
/* A session now stands at `context`. */
FW_MUST_CHECK enum fw_err transitions_visit(struct transitions *transitions,
                                            struct transition_context context, int64_t now_ns);
/* What may follow with at least the probability `least`, most likely first (of equals the lower
 * number); returns how many. */
size_t transitions_guess(const struct transitions *transitions, struct transition_context context,
                         double least, struct transition_guess *guesses, size_t max);
/* The same in two parts, where delays are asked for of few: those of one guess. */
size_t transitions_rank(const struct transitions *transitions, struct transition_context context,
                        double least, struct transition_guess *guesses, size_t max);
void transitions_delays(const struct transitions *transitions, struct transition_context context,
                        struct transition_guess *guess);

/* The probability that a session that stands there asks for anything more; `usual` is that of all
 * that are like it. */
double transitions_goes_on(const struct transitions *transitions, struct transition_context context,
                           double usual);

/* Share of the delays below `seconds`, and the other way round. */
double transition_within(const struct transition_guess *guess, double seconds);
double transition_quantile_s(const struct transition_guess *guess, double share);

void transitions_save(const struct transitions *transitions, struct buf *out);
/* Into fresh transitions, which may be allowed less than what was saved took: then some make way.
 * False: damaged, or a resource is not below `resources`. */
FW_MUST_CHECK bool transitions_load(struct transitions *transitions, struct buf_reader *in,
                                    uint32_t resources);

#endif

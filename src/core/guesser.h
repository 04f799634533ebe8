/* SPDX-License-Identifier: MIT
 * What will a session want after what it just asked for? Strategies, each a row of a table or the
 * caller's own, say what they expect; all of it becomes one list with one probability a key.
 *
 * What a strategy says is not taken for granted: its guesses come in classes (by how sure it was),
 * each guess is watched whether anything is made of it or not, and a class is believed as it has
 * shown: how often its key was asked for by the same session soon after, and how long that took.
 * Verdicts are counted in the order of the guesses (the right ones are known first).
 *
 * A session is a ring of its latest keys with an idle time limit; there is no history over all of
 * them. Keys get small numbers that last; when there are too many, the one longest unused makes way
 * for a key seen a second time. Everything is bounded, and depends on the order of calls alone. */
#ifndef FOREWARM_CORE_GUESSER_H
#define FOREWARM_CORE_GUESSER_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct prefetcher;
struct prefetcher_wish;

enum guesser_strategy {
    GUESSER_SEQUENTIAL, /* classic: page_7, then page_8, page_9, page_10 */
    GUESSER_PATTERN,    /* classic: what followed the latest key in more than 10 % */
    GUESSER_USER,       /* the three that followed it most, the user's own before everybody's */
    GUESSER_NAMES,      /* strides in names, learned: learn/sequence_names.h */
    GUESSER_MIX,        /* calibrated mixture of contexts: learn/sequence.h */
    GUESSER_BUILT_IN,
    GUESSER_CUSTOM_MAX = 4, /* strategies of the caller */
    GUESSER_STRATEGIES = GUESSER_BUILT_IN + GUESSER_CUSTOM_MAX,
};
enum {
    GUESSER_HISTORY = 64,           /* keys of a session */
    GUESSER_CANDIDATES = 64,        /* of one access, over all strategies */
    GUESSER_CUSTOM_BYTES = 1 << 20, /* of the keys of custom ones, of one access */
    GUESSER_SEEN = 10,              /* keys of the session that custom ones are shown */
    GUESSER_WATCHED = 192,          /* guesses of a session that are judged at the same time */
    GUESSER_WITHIN = 16,            /* accesses of the session after which a guess was wrong */
    GUESSER_CLASSES = 10,           /* of each strategy */
    GUESSER_REMEMBERED = 256,       /* verdicts after which a class forgets half */
};

struct guesser_settings {
    uint32_t strategies; /* bits, 1 << GUESSER_...; those of the caller are added */
    uint32_t max_keys, max_sessions;
    uint64_t max_key_bytes;
    uint32_t max_contexts, max_successors;
    int64_t idle_ns; /* a session without an access for so long has ended */
    uint64_t seed;
};
extern const struct guesser_settings guesser_defaults;

struct guesser_candidate {
    struct str key;     /* until the next call */
    double probability; /* that the session asks for it within GUESSER_WITHIN accesses */
    int64_t use_in_ns;  /* -1: nobody knows */
    uint16_t source;    /* strategy * GUESSER_CLASSES + class, of the one most sure */
    int16_t priority;   /* lower first; the least of all who named it */
};

/* What a strategy of the caller is asked: the key just asked for and those before it, latest first,
 * and where to say what it expects. */
struct guesser_question {
    struct str key;
    uint64_t session, user;
    int64_t at_ns;
    const struct str *before;
    uint32_t before_count;
};
struct guesser;
typedef void guesser_custom_fn(void *context, const struct guesser_question *question,
                               struct guesser *guesser);
/* From within a guesser_custom_fn: one expected key; probability 0: it cannot tell, and is believed
 * by what comes true alone. False: there is no more room. */
bool guesser_tell(struct guesser *guesser, struct str key, double probability, int priority,
                  int64_t use_in_ns);

FW_MUST_CHECK enum fw_err guesser_create(struct guesser **out,
                                         const struct guesser_settings *settings);
void guesser_free(struct guesser **guesser);
/* Its number, from GUESSER_BUILT_IN. The name must outlive the guesser. FW_LIMIT: no more. */
FW_MUST_CHECK enum fw_err guesser_add(struct guesser *guesser, const char *name,
                                      guesser_custom_fn *fn, void *context, uint32_t *number);
const char *guesser_name(const struct guesser *guesser, uint32_t strategy); /* NULL: none */
const char *guesser_sentence(uint32_t built_in);

/* One access. The candidates, best first, live until the next call; ties by priority, then by the
 * table of strategies. Session 0 is none: nothing is learned of it but what keys alone show. */
uint32_t guesser_observe(struct guesser *guesser, uint64_t session, uint64_t user, struct str key,
                         int64_t at_ns, const struct guesser_candidate **candidates);
/* A whole session that took place elsewhere: learned from. */
void guesser_teach(struct guesser *guesser, uint64_t user, const struct str *keys, uint32_t count,
                   int64_t at_ns);
void guesser_session_end(struct guesser *guesser, uint64_t session);
/* There is no such thing: a range of names ends before it. */
void guesser_absent(struct guesser *guesser, struct str key);

struct guesser_record {
    uint64_t guesses, judged, right; /* all time */
};
void guesser_read(const struct guesser *guesser, uint32_t strategy, struct guesser_record *record);
uint32_t guesser_sessions(const struct guesser *guesser);
uint32_t guesser_keys(const struct guesser *guesser);

/* As prefetcher_offer takes it. */
void guesser_wish(const struct guesser_candidate *candidate, uint64_t session,
                  struct prefetcher_wish *wish);
/* Lets the prefetcher's next accesses be guessed on, `most` at most, and offers what comes of it.
 * Returns how many there were. */
uint32_t guesser_think(struct guesser *guesser, struct prefetcher *prefetcher, int64_t now_ns,
                       uint32_t most);

#endif

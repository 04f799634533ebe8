/* SPDX-License-Identifier: MIT
 * What the files of the guesser share. */
#ifndef FOREWARM_CORE_GUESSER_PART_H
#define FOREWARM_CORE_GUESSER_PART_H

#include "core/guesser.h"
#include "core/prefetcher_names.h"
#include "learn/durations.h"
#include "learn/sequence.h"
#include "learn/sequence_contexts.h"
#include "learn/sequence_classic.h"
#include "learn/sequence_names.h"

enum { GUESSER_DOOR = 8192, GUESSER_MIX_MOST = 8, GUESSER_NAMES_MOST = 4, GUESSER_LOOKED_AT = 2 };

/* What one strategy says, before it is judged and merged. */
struct guesser_raw {
    struct str key;
    uint64_t hash;
    double told; /* its own probability; 0: it cannot tell */
    int64_t use_in_ns;
    int16_t priority;
    uint16_t source;
};
struct guesser_watch {
    uint64_t hash;
    int64_t at_ns;
    uint32_t until; /* of the session's accesses */
    float told;
    uint16_t source;
    uint8_t urgency;
    bool right;
};
struct guesser_session {
    uint64_t id, user;
    int64_t at_ns;
    uint32_t older, newer; /* by their latest access */
    uint32_t accesses;
    uint32_t items[GUESSER_HISTORY]; /* the latest last */
    uint32_t count;
    struct names_session names;
    struct guesser_watch watched[GUESSER_WATCHED]; /* a ring */
    uint32_t watched_at, watched_count;
};
struct guesser_class {
    float judged, right; /* fading */
};
struct guesser_word { /* of a whole strategy: sums over what was judged, fading */
    float told, right;
};
struct guesser_custom {
    const char *name;
    guesser_custom_fn *fn;
    void *context;
};
struct guesser_item {      /* beside its name */
    uint32_t older, newer; /* by their latest access */
};
struct guesser {
    struct guesser_settings settings;
    struct prefetcher_names keys;
    struct guesser_item *items;
    uint32_t item_capacity, item_oldest, item_newest;
    uint32_t door[GUESSER_DOOR]; /* keys seen once, when there are too many */
    struct guesser_session **sessions;
    uint32_t session_count, session_oldest, session_newest;
    struct map64 session_index;
    struct sequence_contexts successors; /* of keys, by everybody and by user */
    struct sequence *mix;                /* NULL: not among the strategies */
    uint64_t mix_session;                /* that its latest prediction is for; 0: of no one now */
    struct names *names;
    struct guesser_custom customs[GUESSER_CUSTOM_MAX];
    uint32_t custom_count;
    struct guesser_class classes[GUESSER_STRATEGIES][GUESSER_CLASSES];
    struct durations delays[GUESSER_STRATEGIES][GUESSER_CLASSES]; /* by priority */
    struct durations all_delays;
    uint32_t
        looked_at; /* of the sessions: where to look next for guesses that have had their time */
    struct guesser_word words[GUESSER_STRATEGIES];
    struct guesser_record records[GUESSER_STRATEGIES];
    /* of the present access */
    struct guesser_raw raw[GUESSER_CANDIDATES];
    uint32_t raw_count, strategy;
    struct guesser_candidate candidates[GUESSER_CANDIDATES];
    struct classic_name sequential[CLASSIC_LOOKAHEAD];
    struct names_guess named[GUESSER_NAMES_MOST];
    char *custom_text;
    size_t custom_len;
};
/* One access as the strategies see it. */
struct guesser_access {
    struct guesser_session *session; /* NULL: none */
    struct str key;
    uint64_t user;
    uint32_t item; /* PREFETCHER_NONE: it has no number */
    int64_t at_ns;
};

/* guesser_strategies.c */
struct guesser_row {
    const char *name, *sentence;
    void (*learn)(struct guesser *g, const struct guesser_access *access); /* before it is one more
                                                                              of the session */
    void (*guess)(struct guesser *g, const struct guesser_access *access); /* afterwards */
};
extern const struct guesser_row guesser_rows[GUESSER_BUILT_IN];
void guesser_say(struct guesser *g, struct str key, double told, int priority, int64_t use_in_ns);
void guesser_ask_custom(struct guesser *g, const struct guesser_access *access);

/* guesser_judge.c */
void guesser_watch(struct guesser *g, struct guesser_session *session,
                   const struct guesser_raw *raw, int64_t at_ns);
void guesser_verdicts(struct guesser *g, struct guesser_session *session, uint64_t hash,
                      int64_t at_ns);
/* The session is over: what has not come was wrong. */
void guesser_last_verdicts(struct guesser *g, struct guesser_session *session);
/* Sessions often end without a word: after much more time than any guess took to come true, those
 * of a silent session were wrong. Looks at a few sessions each time. */
void guesser_look_around(struct guesser *g, int64_t at_ns);
double guesser_believe(const struct guesser *g, uint16_t source, double told);
/* How long until it is asked for, if it is. */
int64_t guesser_delay(const struct guesser *g, const struct guesser_raw *raw);

/* guesser_sessions.c */
struct guesser_session *guesser_session_at(struct guesser *g, uint64_t id, uint64_t user,
                                           int64_t at_ns);
void guesser_session_drop(struct guesser *g, uint32_t at);
uint32_t guesser_number(struct guesser *g, struct str key); /* PREFETCHER_NONE */

#endif

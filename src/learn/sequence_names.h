/* SPDX-License-Identifier: MIT
 * Strides in names: img_007 is followed by img_008, page-40 by page-30 when they go down by ten,
 * s1e09.mp4 by s1e10.mp4. A name is split at its runs of plain digits; names that differ in one of
 * them alone belong together, and what steps evenly there is expected to go on. Zero padding stays.
 * A sign is no part of a number ("+5" is not 5), nor is any other character ("1_0" is 1 and 0).
 * Nothing is said before a stride was confirmed as often as asked. Where such runs end, by the
 * names themselves and by names of the same shape, and how often they go on at all, is learned from
 * all sessions; the runs are a session's own. Memory is fixed but for the text of confirmed runs,
 * and everything depends on the order of calls alone. */
#ifndef FOREWARM_LEARN_SEQUENCE_NAMES_H
#define FOREWARM_LEARN_SEQUENCE_NAMES_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    NAMES_TEXT_MAX = 512, /* longer names are neither learned nor foretold */
    NAMES_PARTS = 3,      /* numbers of a name that are looked at: the last */
    NAMES_DIGITS = 18,    /* longer runs of digits are text */
    NAMES_RUNS = 24,      /* of a session, with the numbers that are no run yet */
    NAMES_PATIENCE = 16,  /* names without a step, then a run has ended */
    NAMES_LEVELS = 8,     /* confirmations told apart */
    NAMES_AGES = 3,       /* the latest name was a step; up to three since; more */
    NAMES_ENDS = 4096,    /* places where runs ended that are remembered */
    NAMES_LEAST = 2,      /* confirmations needed, if the caller has no other wish */
};

/* How often something came of how often it might have; fading. */
struct names_tally {
    float asked, came;
};
struct names_end {
    uint64_t key;
    float failed, came;
};
/* What all sessions have shown. */
struct names {
    uint32_t least; /* confirmations before anything is said, at least 1 */
    struct names_tally next[NAMES_LEVELS][NAMES_AGES];
    struct names_tally soon[NAMES_LEVELS];
    struct names_end ends[NAMES_ENDS];
};
struct names_run {
    uint64_t key;      /* of the name without this number; 0: a free place */
    uint64_t shape;    /* of the name without any number, and which of them this is */
    uint64_t last;     /* the number */
    int64_t stride;    /* what is added; 0: the number stands alone */
    uint32_t at;       /* names of the session when it was seen */
    uint16_t steps;    /* confirmations of the stride */
    uint16_t width;    /* digits at least, where zeros fill up; 0: none */
    uint16_t text_len; /* of `text` */
    uint16_t cut;      /* where the number stands in it */
    char *text;        /* the name without the number, once confirmed */
};
struct names_session {
    struct names_run runs[NAMES_RUNS];
    uint32_t count; /* names so far */
    uint32_t least; /* as in `names` */
};
struct names_guess {
    char text[NAMES_TEXT_MAX + NAMES_DIGITS + 2]; /* ends with a NUL, and may hold others */
    uint16_t len;
    uint16_t confirmations;
    uint16_t steps;     /* ahead: 1 the one expected next */
    double probability; /* that it is the session's next name, if that goes on; 0 for steps > 1 */
    double soon; /* that it comes while its run goes on: before NAMES_PATIENCE names a step */
};

/* `least` 0: NAMES_LEAST. */
FW_MUST_CHECK enum fw_err names_create(struct names **out, uint32_t least);
void names_free(struct names **names);
void names_session_init(struct names_session *session, const struct names *names);
void names_session_fini(struct names_session *session);
/* The session's next name. `names` NULL: only the session itself goes on, nothing is learned. */
void names_observe(struct names *names, struct names_session *session, struct str name);
/* The session is over: what it would have asked for next did not come. It begins anew. */
void names_end(struct names *names, struct names_session *session);
/* There is no such thing: a range ends before it. */
void names_absent(struct names *names, struct str name);
/* What goes on from here, at most `max`, up to `depth` steps ahead; the likeliest first, at equal
 * odds the more confirmed, then by text. Each name once. */
uint32_t names_predict(const struct names *names, const struct names_session *session,
                       struct names_guess *guesses, uint32_t max, uint32_t depth);
uint64_t names_session_bytes(const struct names_session *session);

#endif

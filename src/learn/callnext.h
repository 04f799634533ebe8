/* SPDX-License-Identifier: MIT
 * Which model an agent calls next, and when: after each place in its runs (the call's path, by its
 * index there or by any) what was called, how often and how long after the call's own beginning.
 * A first-order Markov chain over those places, followed some steps ahead; older runs count less.
 * Bounded; what was seen longest ago goes first. */
#ifndef FOREWARM_LEARN_CALLNEXT_H
#define FOREWARM_LEARN_CALLNEXT_H

#include "learn/callpath.h"

enum {
    CALLNEXT_PLACES_MAX = 16384,
    CALLNEXT_MODELS_MAX = 4096,    /* distinct names; later ones are not learned */
    CALLNEXT_MODEL_NAME_MAX = 255, /* bytes; longer ones are not learned */
    CALLNEXT_AFTER_MAX = 4,        /* successors of a place; the rarest gives way */
    CALLNEXT_STEPS_MAX = 4,        /* ahead */
    CALLNEXT_GUESSES_MAX = 8
};

struct callnext_guess {
    struct str model; /* lives until the next learning */
    double probability;
    int64_t delay_ns; /* from the beginning of the call that is asked about; the median, >= 0 */
};

struct callnext;
FW_MUST_CHECK enum fw_err callnext_create(struct callnext **out);
void callnext_free(struct callnext **next);
/* `models[i]`: of call i; "" none. Calls without one, and tools, are passed over. */
FW_MUST_CHECK enum fw_err callnext_learn(struct callnext *next, const struct callpath_run *run,
                                         const struct str *models);
/* After a call of this path with this index in its run: models by probability, each once, with
 * those of at least `least`. Returns how many. */
size_t callnext_find(const struct callnext *next, struct str agent, const struct str *path,
                     uint32_t depth, uint32_t index, double least,
                     struct callnext_guess guesses[CALLNEXT_GUESSES_MAX]);
size_t callnext_places(const struct callnext *next);

void callnext_save(const struct callnext *next, struct buf *out);
/* Into one that has learned nothing. FW_CORRUPT, FW_VERSION, FW_NOMEM leave it empty. */
FW_MUST_CHECK enum fw_err callnext_load(struct callnext *next, struct buf_reader *in);

#endif

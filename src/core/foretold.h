/* SPDX-License-Identifier: MIT
 * What open sessions are expected to ask for next. After each request of a session, its likeliest
 * successors (learn/transitions.h) are predicted for the next two minutes; the session's next
 * request, or silence, settles them. A prediction is believed as its kind deserves: by decile of
 * the predicted probability, mean less one standard deviation of Beta(1 + right, 1 + wrong), and
 * not at all until its decile has been judged often enough. */
#ifndef FOREWARM_CORE_FORETOLD_H
#define FOREWARM_CORE_FORETOLD_H

#include "core/session.h"

struct foretold_decile {
    float right, settled; /* decayed: together at most FORETOLD_MEMORY */
    uint64_t settled_ever;
};

/* What acting on predictions would have brought, whether or not it was done: warm seconds saved,
 * decayed, so that a source is silent until it earns. */
struct foretold_ledger {
    double earned;
    uint64_t settled;
};

struct foretold {
    struct foretold_decile deciles[FORETOLD_DECILES];
    struct foretold_ledger ledgers[2]; /* warming ahead; keeping */
    uint64_t *raised;                  /* by resource: sum over open predictions */
    uint32_t raised_count;
    uint32_t oldest_open; /* no session silent for longer has open predictions; UINT32_MAX none */
};

#endif

/* SPDX-License-Identifier: MIT
 * Sessions: what each asked for last, and what usually follows what. Bounded: the session longest
 * silent goes first; a resource remembers its most frequent successors. */
#ifndef FOREWARM_CORE_SESSION_H
#define FOREWARM_CORE_SESSION_H

#include "base/table.h"
#include "core/engine.h"

enum { SUCCESSORS_KEPT = 8 };
struct successors {
    uint32_t resource[SUCCESSORS_KEPT];
    float count[SUCCESSORS_KEPT]; /* decayed: x 0.98 at each follow-up of this resource */
    float total;
};
struct session_entry {
    uint64_t session;
    int64_t last_at_ns;
    uint32_t last_resource;
    uint32_t newer, older; /* by last use */
};
struct sessions {
    struct session_entry *entries;
    uint32_t count, capacity, max;
    uint32_t newest, oldest;
    struct map64 by_session;
    struct successors **successors; /* by resource; NULL until something followed */
    uint32_t successors_count;
};

void sessions_init(struct sessions *sessions, uint32_t max);
void sessions_fini(struct sessions *sessions);
FW_MUST_CHECK enum fw_err sessions_request(struct sessions *sessions, uint64_t session,
                                           uint32_t resource, int64_t at_ns);
size_t sessions_next(const struct sessions *sessions, uint64_t session, struct next_resource *next,
                     size_t max);

struct coder;
void sessions_code(struct sessions *sessions, struct coder *coder);

#endif

/* SPDX-License-Identifier: MIT
 * Sessions: what each asked for last, and what it is expected to ask for next (foretold.c).
 * Bounded: the session longest silent goes first. */
#ifndef FOREWARM_CORE_SESSION_H
#define FOREWARM_CORE_SESSION_H

#include "base/table.h"
#include "learn/following.h"

enum { FORETOLD_KEPT = 3, FORETOLD_DECILES = 10, FORETOLD_RAISED_MAX = 10 * 1000 * 1000 };
struct foretold_one {
    uint32_t resource;
    uint32_t raised; /* by how much it raises what is expected of the resource: -ln(1 - p), in
                        millionths */
    uint8_t decile;  /* of the probability that was predicted */
};
struct session_entry {
    uint64_t session;
    int64_t last_at_ns;
    struct following_past past;
    uint32_t newer, older; /* by last use */
    struct foretold_one foretold[FORETOLD_KEPT];
    uint8_t foretold_count;
};
struct sessions {
    struct session_entry *entries;
    uint32_t count, capacity, max;
    uint32_t newest, oldest;
    struct map64 by_session;
};

void sessions_init(struct sessions *sessions, uint32_t max);
void sessions_fini(struct sessions *sessions);
/* Number of an entry; UINT32_MAX if the session is not known. */
uint32_t sessions_find(const struct sessions *sessions, uint64_t session);
/* The entry that makes way for the next new session; UINT32_MAX if none has to. */
uint32_t sessions_leaving(const struct sessions *sessions);
FW_MUST_CHECK enum fw_err sessions_request(struct sessions *sessions, uint64_t session,
                                           uint32_t resource, int64_t at_ns, uint32_t *number);

struct coder;
void sessions_code(struct sessions *sessions, struct coder *coder, uint32_t resources);

#endif

/* SPDX-License-Identifier: MIT
 * What a resource is worth in memory: how many requests are expected within a horizon, from three
 * sources that each see something else: decayed rates (how busy it has been), the law of its gaps
 * (when it comes back), and the open sessions (who is likely to go on, and with what). Used when
 * resources share a memory budget: to choose what to evict, what to load ahead, and what a hint may
 * displace.
 *
 * Expected requests in the next H seconds:  x = .4 H I + .4 E(H) + .2 (H / 60) (-ln(1 - P_gap(60
 * s))) I       sum over tau of w exp(-age / tau) x_tau, tau = 5 min, 1 h, 8 h, 3 d E(H)    sum over
 * sessions of P(goes on within H) times P(with this resource) P_gap   from a histogram of 60 log
 * bins with a pooled prior */
#ifndef FOREWARM_PLAN_VALUE_H
#define FOREWARM_PLAN_VALUE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/table.h"
#include <stdbool.h>
#include <stdint.h>

#define VALUE_HORIZON_NS (INT64_C(600) * 1000000000)

enum { VALUE_RATES = 4, VALUE_BINS = 60, VALUE_CLASSES = 4, VALUE_FAVOURITES = 12 };

struct value_resource {
    int64_t last_ns;          /* latest request; -1 none */
    float rates[VALUE_RATES]; /* per second, as of last_ns */
    float gaps[VALUE_BINS];   /* counts times `weight` */
    float weight;             /* of the next count: grows so that old counts fade by 0.995 a gap */
    float popularity;
    double from_sessions;      /* E(H) as of the last refresh */
    double from_sessions_soon; /* sum of P(goes on within 30 s) of sessions whose last resource this
                                  was */
};

struct value_session {
    uint64_t session;
    int64_t last_ns;
    uint32_t last_resource, requests;
    uint32_t newer, older;
    struct {
        uint32_t resource;
        float count;
    } favourites[VALUE_FAVOURITES]; /* the rarest makes way */
};

struct values {
    struct value_resource *resources;
    uint32_t resource_count, resource_capacity;
    float pooled[VALUE_BINS], pooled_sum;
    float popularity_sum;

    struct value_session *sessions;
    uint32_t session_count, session_capacity, session_max, newest, oldest;
    struct map64 by_session;
    float events[VALUE_CLASSES][VALUE_BINS], risk[VALUE_CLASSES][VALUE_BINS];
    double survival[VALUE_CLASSES][VALUE_BINS + 1]; /* of a session's silence, at the bins' edges */
    float same, follow_ups; /* requests after a session's first; of these, for its last resource */
    int64_t rebuilt_at_ns, refreshed_at_ns;
};

void values_init(struct values *values, uint32_t max_sessions);
void values_fini(struct values *values);
FW_MUST_CHECK enum fw_err values_grow(struct values *values, uint32_t count);
/* Learns from a request; `session` 0: none named. */
FW_MUST_CHECK enum fw_err values_request(struct values *values, uint32_t resource, uint64_t session,
                                         int64_t at_ns);
/* Brings the sessions' share up to date; at most once a second of the engine's time does any work.
 */
void values_refresh(struct values *values, int64_t now_ns);
/* Expected requests within VALUE_HORIZON_NS; 0 for a resource never requested. */
double values_expected(const struct values *values, uint32_t resource, int64_t now_ns);
/* P(a request within 30 s) by the law of its own gaps alone. */
double values_comes_back(const struct values *values, uint32_t resource, int64_t now_ns);
/* P(a request within 30 s): what evicting it for a hint would soon cost. */
double values_soon(const struct values *values, uint32_t resource, int64_t now_ns);
void values_save(const struct values *values, struct buf *out);
FW_MUST_CHECK bool values_load(struct values *values, struct buf_reader *in); /* false: damaged */

#endif

/* SPDX-License-Identifier: MIT
 * The prediction trie as NVIDIA's NeMo-Relay keeps it (crates/adaptive, commit 39885b041, with the
 * t-digest of MnO2/t-digest 0.2.3), and the hints it makes of it: the same numbers, its quirks with
 * them. T-digest: Dunning and Ertl, "Computing extremely accurate quantiles using t-digests". */
#ifndef FOREWARM_LEARN_COMPAT_RELAY_H
#define FOREWARM_LEARN_COMPAT_RELAY_H

#include "learn/compat_score.h"
#include "learn/hint_trie.h"

enum { COMPAT_RELAY_DIGEST = 100 };
struct compat_relay_centroid {
    double mean, weight;
};
struct compat_relay_stats {
    uint64_t count;
    double mean, m2;
    double sum, max, min; /* of the digest */
    struct compat_relay_centroid *centroids;
    uint32_t centroid_count, centroid_capacity;
};
FW_MUST_CHECK enum fw_err compat_relay_stats_add(struct compat_relay_stats *stats, double value);
double compat_relay_stats_quantile(const struct compat_relay_stats *stats, double share);

struct compat_relay {
    struct callpath_weights weights;
    struct table keys; /* paths joined by "/": the nodes of the accumulators */
    struct compat_places places;
    struct compat_relay_stats *stats; /* COMPAT_STATS of each place */
    uint32_t stats_capacity;          /* places */
};
FW_MUST_CHECK enum fw_err compat_relay_init(struct compat_relay *relay,
                                            const struct callpath_weights *weights);
void compat_relay_fini(struct compat_relay *relay);
/* Times may be in any order. */
FW_MUST_CHECK enum fw_err compat_relay_add(struct compat_relay *relay,
                                           const struct callpath_run *run);
/* Into a trie of its own, not yet begun. */
FW_MUST_CHECK enum fw_err compat_relay_build(const struct compat_relay *relay,
                                             struct hint_trie *trie);
/* What the trie's root would have for any index. False: nothing. */
bool compat_relay_root(const struct compat_relay *relay, struct callpath_prediction *prediction);

struct compat_relay_hints {
    uint32_t osl, iat_ms, total_requests;
    uint32_t priority;
    double latency_sensitivity;
};
/* The hints sent while a request has none of its own, of the root's prediction for any index. */
void compat_relay_default_hints(const struct callpath_prediction *prediction, uint32_t scale,
                                struct compat_relay_hints *hints);
void compat_relay_request_hints(const struct callpath_prediction *prediction, uint32_t call_index,
                                struct compat_relay_hints *hints);

#endif

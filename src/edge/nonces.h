/* SPDX-License-Identifier: MIT
 * The nonces that were seen, so that no signed request is served twice. Of each edge the latest
 * NONCES_KEPT are kept for as long as their request would be within the skew; when one has to be
 * forgotten earlier, requests signed up to its time are refused from then on (`floor`), and so are
 * those signed before the start, of which nothing is remembered. Memory is bounded and nothing can
 * be replayed by flooding: only rightly signed requests get here. Any thread. */
#ifndef FOREWARM_EDGE_NONCES_H
#define FOREWARM_EDGE_NONCES_H

#include "base/err.h"
#include "base/str.h"
#include <stdint.h>

enum { NONCE_BYTES = 16, NONCES_KEPT = 1 << 15, NONCES_EDGES_MAX = 256 };

struct nonces;
/* Requests signed before `start_ms` are too old. */
FW_MUST_CHECK enum fw_err nonces_create(struct nonces **nonces, int64_t start_ms);
struct nonces *nonces_retain(struct nonces *nonces);
void nonces_release(struct nonces **nonces);

enum nonces_answer { NONCES_NEW, NONCES_SEEN, NONCES_BELOW_FLOOR, NONCES_NO_MEMORY };
/* `time_ms`: what the request was signed with; `keep_ms`: those signed before it may be forgotten.
 */
enum nonces_answer nonces_take(struct nonces *nonces, struct str edge,
                               const unsigned char nonce[NONCE_BYTES], int64_t time_ms,
                               int64_t keep_ms);

#endif

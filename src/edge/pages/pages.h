/* SPDX-License-Identifier: MIT
 * Inside the proxy: requests for pages that are kept and fetched ahead. One a thread, made when the
 * first such request comes; what is shared by all threads is a page_site. A visit is one client's
 * request, a fetch is one request of ours to the upstream: a visit may have a fetch, wait for
 * another's, or need none; a fetch may go on when its visit has left, or never have had one. */
#ifndef FOREWARM_EDGE_PAGES_H
#define FOREWARM_EDGE_PAGES_H

#include "edge/metrics.h"
#include "edge/upstream.h"
#include "edge/viewer.h"

struct pages;

FW_MUST_CHECK enum fw_err pages_create(struct pages **pages, uv_loop_t *loop, struct server *server,
                                       struct viewer *viewer, struct metrics_shard *metrics,
                                       const struct upstream_limits *limits);
void pages_set_limits(struct pages *pages, const struct upstream_limits *limits);
/* Whose pages the path is among: a number of config->prefetch; TABLE_NONE: nobody's. */
uint32_t pages_find(const struct config *config, struct str path);
/* Answers it, now or later. The exchange's context is the visit (pages_is_visit). `strip`: its
 * Authorization is for us. */
void pages_request(struct pages *pages, struct exchange *exchange, uint32_t number, bool strip);
void pages_gone(struct exchange *exchange);
void pages_writable(struct exchange *exchange);
/* Cuts what is open; before the server goes. */
void pages_close(struct pages *pages);
void pages_destroy(struct pages **pages); /* once the loop has ended */

#endif

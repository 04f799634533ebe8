/* SPDX-License-Identifier: MIT
 * The data plane's handler: finds the model, looks at the view, forwards to what is warm, parks
 * what is not and tells the brain. One a thread. `GET /v1/models`, `/health` and `/healthz` are
 * answered here; they are not use. */
#ifndef FOREWARM_EDGE_PROXY_H
#define FOREWARM_EDGE_PROXY_H

#include "edge/bus.h"
#include "edge/metrics.h"
#include "edge/server.h"
#include "edge/viewer.h"

struct proxy;
struct runs;

/* `runs` may be NULL: agents' runs are not looked at. */
FW_MUST_CHECK enum fw_err proxy_create(struct proxy **proxy, struct viewer *viewer, struct bus *bus,
                                       unsigned sender, struct metrics_shard *metrics,
                                       struct runs *runs);
struct server_handler proxy_handler(struct proxy *proxy);
/* The server that calls the handler; before the loop runs. */
FW_MUST_CHECK enum fw_err proxy_attach(struct proxy *proxy, uv_loop_t *loop, struct server *server);
void proxy_action(struct proxy *proxy, const struct action *action); /* from the bus */
void proxy_reconfigure(struct proxy *proxy, const struct config *config);
/* Gives up what is open (its clients see a cut) and closes upstream connections; before
 * server_destroy. */
void proxy_close(struct proxy *proxy);
void proxy_destroy(struct proxy **proxy);

#endif

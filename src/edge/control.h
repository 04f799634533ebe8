/* SPDX-License-Identifier: MIT
 * The control plane: its own listener and thread. It asks the brain and answers in JSON;
 * docs/reference/openapi.json describes every call, and a test holds it to that. Health pages never
 * warm anything and are never taken for warmth. */
#ifndef FOREWARM_EDGE_CONTROL_H
#define FOREWARM_EDGE_CONTROL_H

#include "edge/demand/sources.h"
#include "edge/brain.h"
#include "edge/runs.h"

struct control;

struct control_setup {
    struct brain *brain;
    struct metrics *metrics;
    struct slots *slots;
    struct alerts *alerts;
    struct runs *runs;
    struct sources *sources;
};

/* Binds and starts. FW_IN_USE names the address and what to do. */
FW_MUST_CHECK enum fw_err control_create(struct control **control,
                                         const struct control_setup *setup, struct config *config,
                                         struct fw_detail *detail);
uint16_t control_port(const struct control *control);
/* New tokens, origins and certificate after a reload. Any one thread. */
void control_reload(struct control *control, struct config *config);
/* From now on /readyz says no. */
void control_drain(struct control *control);
/* Before the brain stops: no call is answered after it. */
void control_destroy(struct control **control);

#endif

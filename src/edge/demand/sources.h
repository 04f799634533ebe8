/* SPDX-License-Identifier: MIT
 * Demand that a Prometheus knows: read by a job, one question at a time, and put into foresight's
 * counts by minute, ten minutes and hour: the past when the daemon starts, then what is new. The
 * query says requests a second; a slot gets its mean over the slot, times its length. While the
 * server does not answer, what is known stays; forecasts that lack the latest hour are marked. */
#ifndef FOREWARM_EDGE_SOURCES_H
#define FOREWARM_EDGE_SOURCES_H

#include "edge/alerts.h"

struct sources;

/* Begins at once. Brain, jobs and alerts outlive it. */
FW_MUST_CHECK enum fw_err sources_start(struct sources **sources, struct config *config,
                                        struct brain *brain, struct jobs *jobs,
                                        struct alerts *alerts);
void sources_reload(struct sources *sources, struct config *config); /* the main thread */
/* Cancels a question under way; no new one begins. */
void sources_stop(struct sources *sources);
/* After the job threads are gone. */
void sources_destroy(struct sources **sources);
/* Any thread: METRIC_SOURCE_AGE. */
void sources_collect(struct sources *sources, struct metrics_writer *writer);

#endif

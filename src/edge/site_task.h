/* SPDX-License-Identifier: MIT
 * The steps of a site's task, on job threads. */
#ifndef FOREWARM_EDGE_SITE_TASK_H
#define FOREWARM_EDGE_SITE_TASK_H

#include "edge/site.h"

void site_task_step(struct job *job);

#endif

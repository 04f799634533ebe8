/* SPDX-License-Identifier: MIT
 * The steps of a site's task, on job threads. */
#ifndef FOREWARM_EDGE_SITE_TASK_H
#define FOREWARM_EDGE_SITE_TASK_H

#include "edge/call.h"
#include "edge/site.h"

void site_task_step(struct job *job);

/* For the steps in other files. */
void site_task_again(struct site *site, enum site_phase phase, int64_t delay_ns, bool slow);
int64_t site_task_next_delay(struct site *site, int64_t max_ns);
void site_task_finish(struct site *site, enum site_stage stage, struct event event);
void site_task_fail(struct site *site, enum fw_err err, const struct fw_detail *detail);
void site_task_failed(struct site *site);
/* site_probe.c: sends one probe; `result` is the caller's to free. */
/* What users send most, for the load that begins. */
void site_probe_choose_options(struct site *site);
FW_MUST_CHECK enum fw_err site_probe_call(struct site *site, struct call_result *result,
                                          struct fw_detail *detail);
void site_task_say(struct site *site, const struct fw_detail *waits_for);
/* site_level.c: ways to and from levels between cold and warm. */
void site_level_step(struct site *site);

#endif

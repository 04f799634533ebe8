/* SPDX-License-Identifier: MIT
 * A site's part in the fleet: a warm-up waits for its lease or joins another forewarm's, and stops
 * when it loses it; an unload asks whether others use the server. All of it does nothing for a
 * resource that is not shared. */
#ifndef FOREWARM_EDGE_SITE_FLEET_H
#define FOREWARM_EDGE_SITE_FLEET_H

#include "edge/site.h"

/* SITE_AWAIT_LEASE, SITE_AWAIT_LEAVE, SITE_FENCED */
void site_fleet_step(struct site *site);
/* A warm-up failed: true when that is no failure, because it lost its lease or only joined; then
 * the task has been led on. */
bool site_fleet_failed(struct site *site, enum fw_err err, const struct fw_detail *detail);
/* The probe of what another loaded was not answered: true when the task has been led on. */
bool site_fleet_missed(struct site *site);
/* It is warm; false: its lease was lost just before, and the task has been led on. */
bool site_fleet_proven(struct site *site);
/* What was warm is gone from its server: for a load it needs a lease. */
void site_fleet_load_again(struct site *site);
/* Where a joined one has no warmer that could tell: does anybody listen? */
bool site_fleet_listens(const struct site *site);

#endif
